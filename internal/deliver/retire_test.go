package deliver_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook"
)

// Of one webhook's backlog, much of which is only rows, what is too old for its account
// expires; the rest of it stays where it is and in order.
func TestRetireByAccount(t *testing.T) {
	t.Parallel()
	for _, paused := range []bool{true, false} {
		t.Run(fmt.Sprintf("paused=%v", paused), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { retireByAccount(t, paused) })
		})
	}
}

func retireByAccount(t *testing.T, paused bool) {
	t.Helper()
	w := hook("wh_a")
	w.IncludeSubaccounts, w.Hold = true, switchhook.Duration(24*time.Hour)
	r := newRig(t, w)
	r.stop()
	s := &diskStore{Store: r.store, most: 1000}
	if err := r.bootOn(s, nil, true); err != nil {
		t.Fatal(err)
	}
	defer r.stop()
	accounts := []string{"acme", "short", "other"}
	n := 0
	r.change = func(ev *switchhook.Event) { ev.AccountID = accounts[n%3]; n++ }
	var end func()
	if paused {
		r.set(func(w *switchhook.Webhook) { w.PausedAt, w.UpdatedAt = time.Now(), time.Now() })
	} else {
		end = r.outage()
	}
	accept := func() {
		for range 15 {
			r.accept(fmt.Sprintf("call.hungup k e%02d", n))
		}
	}
	accept()
	time.Sleep(time.Hour)
	accept()
	before := s.dues.Load()
	now := time.Now()
	r.engine.Retire(now.Add(-24*time.Hour), map[string]time.Time{"short": now.Add(-30 * time.Minute), "elsewhere": now})
	time.Sleep(time.Second)
	if n := s.dues.Load() - before; paused && n > 30/3+2 {
		t.Errorf("%d reads of the backlog of 30 rows, three at a time", n)
	}
	want := map[string]string{}
	left := map[int][]string{} // by account: its events have an order among themselves
	for i := range 30 {
		id := fmt.Sprintf("e%02d", i)
		if want[id] = "pending"; i < 15 && accounts[i%3] == "short" {
			want[id] = "expired"
		} else {
			left[i%3] = append(left[i%3], id)
		}
	}
	for _, line := range r.states() {
		var id, state string
		_, _ = fmt.Sscan(line, &id, &state)
		if want[id] != state {
			t.Errorf("%s, want %s", line, want[id])
		}
	}
	r.received()
	if paused {
		r.set(func(w *switchhook.Webhook) { w.PausedAt, w.UpdatedAt = time.Time{}, time.Now() })
	} else {
		end()
	}
	time.Sleep(12 * time.Hour)
	got := map[int][]string{}
	for _, id := range events(r.received()) {
		var i int
		_, _ = fmt.Sscanf(id, "e%d", &i)
		got[i%3] = append(got[i%3], id)
	}
	if fmt.Sprint(got) != fmt.Sprint(left) {
		t.Errorf("got %v\nwant %v; %s", got, left, r.engine.Dump("wh_a"))
	}
}
