package deliver_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/dialect"
	native "github.com/switchhook/switchhook/internal/dialect/switchhook"
	"github.com/switchhook/switchhook/internal/store/memory"
)

// diskStore is a store whose reads take the time that a disk takes, and are counted.
type diskStore struct {
	*memory.Store
	recover time.Duration // before each delivery that Recover finds
	due     time.Duration
	dues    atomic.Int64
	most    int64 // calls of Due, after which it answers no more; 0: no bound
}

func (s *diskStore) Recover(ctx context.Context, fn func(switchhook.OpenDelivery) error) error {
	return s.Store.Recover(ctx, func(o switchhook.OpenDelivery) error {
		time.Sleep(s.recover)
		return fn(o)
	})
}

func (s *diskStore) Due(ctx context.Context, id string, after int64, limit int) ([]switchhook.OpenDelivery, error) {
	n := s.dues.Add(1)
	if s.most > 0 && n > s.most {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	time.Sleep(s.due)
	return s.Store.Due(ctx, id, after, limit)
}

// bootOn starts an engine on another view of the rig's store.
func (r *rig) bootOn(s *diskStore, disable func(string), small bool) error {
	r.engine = deliver.New(deliver.Options{
		Store: s, Dialects: []dialect.Dialect{native.New(dialect.Env{Version: "1"})},
		Transport: r, Version: "1", Logger: slog.New(slog.DiscardHandler),
		Disable: func(id, _ string, _ time.Time) {
			if disable != nil {
				disable(id)
			}
		},
	})
	if small {
		r.engine.Small()
	}
	r.engine.SetWebhooks(r.hooks)
	_, err := r.engine.Recover(context.Background())
	return err
}

// A gate that has shut opens again though the rate limit has no room at the very moment of the probe.
func TestRateLimitedGateOpensAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := hook("wh_a")
		w.RateLimit = 0.5
		r := newRig(t, w)
		defer r.stop()
		end := r.outage()
		for i := range 10 {
			r.accept(fmt.Sprintf("call.hungup k%d e%d", i, i))
		}
		time.Sleep(18500 * time.Millisecond)
		t.Log(r.status(), len(r.received()), r.engine.Dump("wh_a"))
		end()
		time.Sleep(6 * time.Hour)
		if s := r.status(); s != "active" {
			t.Errorf("six hours after the outage it is %s; %s", s, r.engine.Dump("wh_a"))
		}
		r.wantAll(switchhook.Delivered)
	})
}

// Retire of a paused webhook with a backlog reads each row once at most.
func TestRetireDoesNotSpin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.stop()
		s := &diskStore{Store: r.store, most: 100}
		if err := r.bootOn(s, nil, true); err != nil {
			t.Fatal(err)
		}
		defer r.stop()
		r.set(func(w *switchhook.Webhook) { w.PausedAt, w.UpdatedAt = time.Now(), time.Now() })
		for i := range 10 {
			r.accept(fmt.Sprintf("call.hungup k%d e%d", i, i))
		}
		synctest.Wait()
		before := s.dues.Load()
		r.engine.Retire(time.Now().Add(-time.Hour), nil) // nothing is that old
		time.Sleep(time.Second)
		if n := s.dues.Load() - before; n > 3 {
			t.Errorf("%d reads of the backlog (bounded by the test) after one Retire; %s", n, r.engine.Dump("wh_a"))
		}
	})
}

// No row is fetched before Recover has found the earlier ones of its key.
func TestRecoverKeepsOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.stop()
		if err := r.bootOn(&diskStore{Store: r.store}, nil, true); err != nil {
			t.Fatal(err)
		}
		r.with(func() { r.hangs = "wh_a" })
		// More than fit in memory, faster than they get rows by age: the first are without rows, the last are rows.
		for i := range 12 {
			r.accept(fmt.Sprintf("call.hungup k%d e%02d", i%3, i))
		}
		synctest.Wait()
		t.Log(r.engine.Dump("wh_a"))
		// kill -9: the engine is left as it is.
		old := r.engine
		r.mu.Lock()
		r.hangs = ""
		r.mu.Unlock()
		if err := r.bootOn(&diskStore{Store: r.store, recover: time.Millisecond}, nil, true); err != nil {
			t.Fatal(err)
		}
		defer func() { r.stop(); r.engine = old; r.stop() }()
		time.Sleep(time.Second)
		last := map[string]string{}
		got := events(r.received())
		t.Log(got)
		for _, e := range got {
			var i int
			_, _ = fmt.Sscanf(e, "e%d", &i)
			key := fmt.Sprint(i % 3)
			if last[key] > e {
				t.Errorf("key %s: %s came after %s", key, e, last[key])
			}
			last[key] = e
		}
	})
}

// A paused webhook's parked strays are retired too.
func TestRetireTakesStraysThatAreAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := hook("wh_a")
		w.Hold = 0
		r := newRig(t, w)
		r.with(func() { r.answer = failing("bad") })
		r.accept("webhook.disabled k bad", "webhook.disabled k good")
		time.Sleep(10 * time.Second)
		r.wantStates("bad pending 2", "good delivered 1")
		r.set(func(w *switchhook.Webhook) { w.PausedAt, w.UpdatedAt = time.Now(), time.Now() })
		r.stop()
		r.boot()
		defer r.stop()
		for range 24 * 40 {
			time.Sleep(time.Hour)
			r.engine.Retire(time.Now().Add(-30*24*time.Hour), nil)
		}
		r.wantStates("bad expired 2", "good delivered 1")
	})
}

// Disabled and soon enabled again: what was open is cancelled, rows too.
func TestDisableCancelsRowsThoughEnabledSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.stop()
		s := &diskStore{Store: r.store, due: 10 * time.Millisecond}
		if err := r.bootOn(s, nil, true); err != nil {
			t.Fatal(err)
		}
		defer r.stop()
		r.set(func(w *switchhook.Webhook) { w.PausedAt, w.UpdatedAt = time.Now(), time.Now() })
		for i := range 12 {
			r.accept(fmt.Sprintf("call.hungup k%d e%02d", i, i))
		}
		synctest.Wait()
		r.set(func(w *switchhook.Webhook) { w.PausedAt, w.Enabled, w.UpdatedAt = time.Time{}, false, time.Now() })
		time.Sleep(15 * time.Millisecond)
		r.set(func(w *switchhook.Webhook) { w.Enabled, w.UpdatedAt = true, time.Now() })
		time.Sleep(time.Minute)
		r.wantAll(switchhook.Cancelled)
	})
}

// While Recover is under way the webhooks may be set anew, because a receiver said
// 410, and the queue of a deleted one be gone.
func TestRecoverSurvivesSetWebhooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, hook("wh_a"), hook("wh_b"))
		r.engine.Small()
		r.with(func() { r.answer = func(string, int) (int, error) { return 500, nil } })
		r.accept("call.hungup k e1") // a row for each
		time.Sleep(time.Second)
		r.with(func() { r.hangs = "wh_a" })
		r.accept("call.hungup q e2", "call.hungup q e3")
		old := r.engine
		r.mu.Lock()
		r.hangs = ""
		r.answer = func(string, int) (int, error) { return 410, nil }
		r.mu.Unlock()
		r.hooks = r.hooks[:1] // wh_b was deleted
		defer func() { r.stop(); r.engine = old; r.stop() }()
		defer func() {
			if p := recover(); p != nil {
				t.Errorf("Recover panicked: %v", p)
			}
		}()
		err := r.bootOn(&diskStore{Store: r.store, recover: 10 * time.Millisecond}, func(string) { r.engine.SetWebhooks(r.hooks) }, true)
		if err != nil {
			t.Fatal(err)
		}
	})
}

// While the store takes nothing, hardly anything is sent: outcomes would pile up in
// memory, and all of it be sent again after a kill.
func TestFullDiskStopsSending(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.stop()
		s := &diskStore{Store: r.store}
		if err := r.bootOn(s, nil, true); err != nil {
			t.Fatal(err)
		}
		r.set(func(w *switchhook.Webhook) { w.PausedAt, w.UpdatedAt = time.Now(), time.Now() })
		for i := range 500 {
			r.accept(fmt.Sprintf("call.hungup k%d e%02d", i, i))
		}
		synctest.Wait()
		r.store.Fail(errors.New("disk full"))
		r.set(func(w *switchhook.Webhook) { w.PausedAt, w.UpdatedAt = time.Time{}, time.Now() })
		time.Sleep(100 * time.Millisecond)
		n := len(r.received())
		t.Logf("%d sent while nothing can be recorded; memory has room for 6", n)
		if n > 50 {
			t.Errorf("%d were sent", n)
		}
		r.stop()
	})
}

// Of a deleted webhook nothing is remembered.
func TestDeletedWebhookLeavesNoGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		r.accept("call.hungup k e1")
		synctest.Wait()
		_ = r.store.DeleteWebhook(context.Background(), "wh_a")
		r.engine.SetWebhooks(nil)
		synctest.Wait()
		gates, _ := r.store.Gates(context.Background())
		if len(gates) > 0 {
			t.Errorf("%+v", gates)
		}
	})
}

// Rows that were parked while the webhook had no ordering go first once it has one.
func TestOrderingTurnedOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := hook("wh_a")
		w.Ordering, w.MaxConcurrency = "none", 1
		r := newRig(t, w)
		r.stop()
		if err := r.bootOn(&diskStore{Store: r.store, due: 10 * time.Millisecond}, nil, true); err != nil {
			t.Fatal(err)
		}
		defer r.stop()
		r.set(func(w *switchhook.Webhook) { w.PausedAt, w.UpdatedAt = time.Now(), time.Now() })
		for i := range 12 {
			r.accept(fmt.Sprintf("call.hungup k e%02d", i))
		}
		r.set(func(w *switchhook.Webhook) { w.Ordering, w.UpdatedAt = "key", time.Now() })
		synctest.Wait()
		r.set(func(w *switchhook.Webhook) { w.PausedAt, w.UpdatedAt = time.Time{}, time.Now() })
		r.accept("call.hungup k e13")
		time.Sleep(time.Minute)
		got := events(r.received())
		for i := 1; i < len(got); i++ {
			if got[i] < got[i-1] {
				t.Fatal(got)
			}
		}
	})
}

// A hold that is shortened is heeded for a key that is held already.
func TestShorterHoldIsHeeded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := hook("wh_a")
		w.Hold = switchhook.Duration(24 * time.Hour)
		w.Retry.Schedule = []switchhook.Duration{switchhook.Duration(20 * time.Hour)}
		r := newRig(t, w)
		defer r.stop()
		r.with(func() { r.answer = failing("bad") })
		r.accept("webhook.disabled k bad", "webhook.disabled k good")
		time.Sleep(time.Second)
		r.set(func(w *switchhook.Webhook) { w.Hold, w.UpdatedAt = 0, time.Now() })
		time.Sleep(time.Minute)
		r.wantStates("bad pending 1", "good delivered 1")
	})
}

// What waits hours for its next try can be hastened by hand after a restart too.
func TestHastenAfterARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := hook("wh_a")
		w.Hold = 0
		r := newRig(t, w)
		r.with(func() { r.answer = failing("bad") })
		r.accept("webhook.disabled k bad")
		time.Sleep(10 * time.Minute) // four attempts; the next one in ten minutes
		r.stop()
		r.boot()
		defer r.stop()
		time.Sleep(time.Second)
		r.received()
		r.mu.Lock()
		r.answer = nil
		r.mu.Unlock()
		r.engine.Hasten("wh_a", 1)
		time.Sleep(time.Second)
		if got := r.received(); len(got) != 1 {
			t.Errorf("hastened: %v; %s", got, r.engine.Dump("wh_a"))
		}
	})
}

// After a pause and a resume while nothing becomes durable, the rows on their way to
// the disk are not looked for there over and over.
func TestFetchDoesNotSpinAfterResume(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.stop()
		s := &diskStore{Store: r.store, most: 300}
		if err := r.bootOn(s, nil, false); err != nil {
			t.Fatal(err)
		}
		defer r.stop()
		r.mu.Lock()
		r.hangs = "wh_a"
		r.mu.Unlock()
		for i := range 40 {
			r.accept(fmt.Sprintf("call.hungup k%d e%02d", i, i))
		}
		r.store.Fail(errors.New("disk full"))
		r.set(func(w *switchhook.Webhook) { w.PausedAt, w.UpdatedAt = time.Now(), time.Now() })
		r.set(func(w *switchhook.Webhook) { w.PausedAt, w.UpdatedAt = time.Time{}, time.Now() })
		time.Sleep(5 * time.Second)
		if n := s.dues.Load(); n > 50 {
			t.Errorf("%d reads (bounded by the test); %s", n, r.engine.Dump("wh_a"))
		}
	})
}

// While the store may be another process's by now nothing leaves this one, not even what
// was about to; afterwards it goes on in order.
func TestNothingIsSentWithoutTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, hook("wh_a"))
		r.boot()
		defer r.stop()
		r.accept("call.created call-1 e1")
		r.wantGot("0 e1 200")
		r.lapsed.Store(true)
		r.accept("call.answered call-1 e2", "call.hungup call-1 e3", "call.created call-2 e4")
		time.Sleep(time.Minute)
		r.wantGot()
		r.lapsed.Store(false)
		time.Sleep(time.Second)
		r.wantGotAnyOrder("60 e2 200", "60 e3 200", "60 e4 200")
		r.with(func() { // it lapses when a request is about to be written
			r.answer = func(string, int) (int, error) {
				r.lapsed.Store(true)
				return 200, nil
			}
		})
		r.accept("call.created call-3 e5", "call.answered call-3 e6")
		time.Sleep(time.Minute)
		r.wantGot("61 e5 200")
		r.with(func() { r.answer = nil })
		r.lapsed.Store(false)
		time.Sleep(time.Second)
		r.wantGot("121 e6 200")
	})
}
