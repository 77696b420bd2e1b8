package deliver_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
)

// A score writes down what is counted for a webhook.
type score struct {
	r    *rig
	hook string
}

func (s score) Count(a *switchhook.Attempt, acceptedAt time.Time) {
	s.r.with(func() {
		s.r.scored = append(s.r.scored, fmt.Sprintf("%s %s %d %s %s %v", s.hook, a.EventID, a.Number, a.Outcome, a.State, a.StartedAt.Sub(acceptedAt).Round(time.Second)))
	})
}

// Each attempt is counted, and each end of a delivery, with or without one.
func TestEverythingIsScoredOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := hook("wh_a")
		w.Retry.Schedule, w.MaxAge = []switchhook.Duration{switchhook.Duration(time.Second), switchhook.Duration(time.Minute)}, switchhook.Duration(30*time.Second)
		r := newRig(t, w)
		defer r.stop()
		r.answer = failing("late", "never")
		r.accept("custom.x - well", "custom.x - late")
		synctest.Wait()
		time.Sleep(40 * time.Second)
		r.accept("custom.x - never")
		synctest.Wait()
		r.set(func(w *switchhook.Webhook) { w.Enabled, w.UpdatedAt = false, time.Now() })
		r.accept("custom.x - more")
		synctest.Wait()
		want := []string{
			"wh_a late 0 failure expired 30s",
			"wh_a late 1 failure pending 0s", "wh_a late 2 failure pending 1s",
			"wh_a more 0 failure cancelled 0s",
			"wh_a never 0 failure cancelled 0s", "wh_a never 1 failure pending 0s",
			"wh_a well 1 success delivered 0s",
		}
		r.with(func() {
			if diff := cmp.Diff(want, slices.Sorted(slices.Values(r.scored))); diff != "" {
				t.Errorf("wanted (-), counted (+):\n%s", diff)
			}
		})
	})
}

// When what waits longest was accepted is told while anything waits, in memory or as a row.
func TestOldestWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer func() { r.stop() }()
		oldest := func() any {
			synctest.Wait()
			time.Sleep(3 * time.Second) // what the store has said is remembered for a moment
			_, stats := r.engine.Status("wh_a")
			return stats["oldest_waiting_at"]
		}
		r.accept("custom.x - well")
		if at := oldest(); at != nil {
			t.Errorf("nothing waits: %v", at)
		}
		r.answer = failing("first", "second")
		first := time.Now().UTC()
		r.accept("custom.x - first")
		time.Sleep(time.Second)
		r.accept("custom.x - second")
		if at := oldest(); at != first {
			t.Errorf("a failed one waits: %v, want %v", at, first)
		}
		r.stop()
		r.boot()
		if at := oldest(); at != first {
			t.Errorf("after a restart: %v, want %v", at, first)
		}
		r.with(func() { r.answer = failing() })
		time.Sleep(time.Hour)
		if at := oldest(); at != nil {
			t.Errorf("all have arrived: %v", at)
		}
	})
}
