package postgres_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store/postgres/pgtest"
)

// A change of which nobody knows whether it was made is shown as it turned out to be, once
// the database can be asked, and as it is after a restart.
func TestChangeInDoubt(t *testing.T) {
	t.Parallel()
	database, dir := pgtest.New(t), t.TempDir()
	w, through := newWire(t, database)
	s := open(t, through, dir)
	hook := switchhook.Webhook{ID: "wh_1", Name: "0", CreatedAt: time.Now().UTC(), UpdatedAt: time.Now().UTC()}
	must(t, s.CreateWebhook(t.Context(), &hook))
	names := map[string]bool{"0": true} // that may be
	for i := range 8 {
		said := []byte("UPDATE webhooks SET")
		if i%2 == 0 {
			said = []byte("INSERT INTO audit") // it comes with the end of the transaction
		}
		w.at.Store(&said)
		hook.Name = strconv.Itoa(i + 1)
		err := s.UpdateWebhook(t.Context(), &hook, &switchhook.AuditEntry{At: time.Now()})
		if switchhook.ErrorCode(err) != switchhook.CodeUnavailable || w.at.Load() != nil {
			t.Errorf("the connection was not cut: %v", err)
		}
		names[hook.Name] = true
		pgtest.Eventually(t, "the next change is made", 5*time.Second, func() bool {
			return s.PutUser(t.Context(), &switchhook.User{ID: "u", Login: "u", CreatedAt: hook.CreatedAt}) == nil
		})
		is, err := s.Webhook(t.Context(), "wh_1")
		must(t, err)
		if !names[is.Name] {
			t.Errorf("it has the name %s", is.Name)
		}
		must(t, s.Close())
		s = open(t, through, dir)
		again, err := s.Webhook(t.Context(), "wh_1")
		must(t, err)
		if again.Name != is.Name {
			t.Errorf("it has the name %s, and after a restart %s", is.Name, again.Name)
		}
		names = map[string]bool{again.Name: true}
	}
}
