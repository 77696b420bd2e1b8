package bench

import (
	"encoding/json"
	"testing"
	"time"
)

// Each call is of its own, has all its events in their order, and they reach the
// API as they are fed in process.
func TestCalls(t *testing.T) {
	t.Parallel()
	cs := newCalls("acme", 7)
	seen := map[string]int{}
	for range 2 {
		for _, ev := range cs.batch(20) {
			ev.OccurredAt = time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC)
			var got struct {
				Type      string    `json:"type"`
				AccountID string    `json:"account_id"`
				Occurred  time.Time `json:"occurred_at"`
				Data      struct {
					Call struct {
						ID string `json:"id"`
					} `json:"call"`
				} `json:"data"`
			}
			if err := json.Unmarshal(appendEvent(nil, ev), &got); err != nil {
				t.Fatalf("%v: %s", err, appendEvent(nil, ev))
			}
			id := got.Data.Call.ID
			if got.AccountID != "acme" || len(id) != 36 || got.Type != stageType(seen[id]) || !got.Occurred.Equal(ev.OccurredAt) {
				t.Errorf("event %d of the call %s: %+v", seen[id], id, got)
			}
			seen[id]++
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d calls", len(seen))
	}
	for _, ev := range patient(cs.batch(20)) {
		if ev.Type != "custom.waits" || seen[ev.Key] != 0 || len(ev.Key) != 36 {
			t.Errorf("%+v", ev)
		}
	}
}
