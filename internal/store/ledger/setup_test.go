package ledger

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/switchhook/switchhook"
)

// What is in memory of what people set up is what is in the database, whatever was changed
// at once, and whatever was in doubt meanwhile.
func TestSetupIsThatOfTheDatabase(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	d := opened(t)
	stop := make(chan struct{})
	var asking, changing sync.WaitGroup
	asking.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			_, _ = d.Webhooks(ctx)
			_, _ = d.Accounts(ctx)
			_, _ = d.APIKeys(ctx)
			if n%10 == 0 { // as if a change had failed
				_ = d.enqueue(ctx, func(context.Context) error {
					d.setup.doubt(true)
					return nil
				})
			}
		}
	})
	for worker := range 4 {
		changing.Go(func() {
			r := rand.New(rand.NewPCG(uint64(worker), 1)) // any choices do
			for range 150 {
				d.anyChange(ctx, r)
			}
		})
	}
	changing.Wait()
	close(stop)
	asking.Wait()
	r := rand.New(rand.NewPCG(9, 1))
	for range 200 { // now that all is in memory
		d.anyChange(ctx, r)
		compare(t, "accounts", &d.setup.accounts)
		compare(t, "keys", &d.setup.keys)
		compare(t, "users", &d.setup.users)
		compare(t, "webhooks", &d.setup.webhooks)
		compare(t, "sources", &d.setup.sources)
		compare(t, "templates", &d.setup.templates)
	}
}

func compare[T any](t *testing.T, what string, c *collection[T]) {
	t.Helper()
	want, err := c.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // as it is read, and as it is then known
		got, err := c.all(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (- database, + memory):\n%s", what, diff)
		}
	}
	for _, row := range want {
		id, _ := c.key(row)
		if got, err := c.one(t.Context(), id); err != nil || !cmp.Equal(got, row, cmpopts.EquateEmpty()) {
			t.Errorf("%s: of %s there is %v, %v", what, id, got, err)
		}
	}
}

// anyChange changes something, or is refused.
func (d *DB) anyChange(ctx context.Context, r *rand.Rand) {
	id := fmt.Sprint("id", r.IntN(6))
	account := fmt.Sprint("acc", r.IntN(4))
	at := time.Unix(1_700_000_000, int64(r.IntN(3))*400).UTC() // some are of the same microsecond
	w := &switchhook.Webhook{ID: id, AccountID: account, Name: fmt.Sprint(r.IntN(100)), Headers: map[string]string{"a": "b"}, CreatedAt: at, UpdatedAt: at}
	a := &switchhook.Account{ID: account, Name: w.Name, AllowNetworks: []string{"10.0.0.0/8"}, CreatedAt: at}
	if r.IntN(2) == 0 {
		a.UpdatedAt = at.Add(time.Second)
	}
	s := &switchhook.Source{ID: id, AccountID: account, Options: map[string]any{"n": 1.0}, CreatedAt: at}
	var err error
	switch r.IntN(15) {
	case 0, 1:
		err = d.CreateWebhook(ctx, w)
	case 2, 3:
		err = d.UpdateWebhook(ctx, w)
	case 4:
		err = d.DeleteWebhook(ctx, id)
	case 5:
		err = d.CreateAccount(ctx, a)
	case 6:
		err = d.UpdateAccount(ctx, a)
	case 7:
		if r.IntN(10) == 0 {
			err = d.DeleteAccounts(ctx, []string{account})
		}
	case 8:
		err = d.PutAPIKey(ctx, &switchhook.APIKey{ID: id, AccountID: account, Name: w.Name, Hash: []byte(id), CreatedAt: at})
	case 9:
		err = d.UseAPIKey(ctx, id, at)
	case 10:
		err = d.DeleteAPIKey(ctx, id)
	case 11:
		err = d.PutUser(ctx, &switchhook.User{ID: id, AccountID: account, Login: fmt.Sprint(r.IntN(6)), CreatedAt: at})
	case 12:
		err = d.CreateSource(ctx, s)
	case 13:
		err = d.UpdateSource(ctx, s)
	case 14:
		err = d.PutTemplate(ctx, &switchhook.Template{AccountID: account, ID: id, Version: int64(r.IntN(9)), Name: &w.Name, CreatedAt: at})
	}
	_ = err // many are refused: there is no such thing, or there is one already
}
