package sqlite_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store/sqlite"
)

// BenchmarkCommit measures events and attempts a second: each operation is one
// event of 1 KB and one attempt of the same size, in commits of some of them.
// The submitters wait for Done, as the API does; there are enough of them that
// the next batch gathers while the last one is synced.
func BenchmarkCommit(b *testing.B) {
	for _, size := range []int{1, 16, 128, 512} {
		for _, submitters := range []int{1, 64} {
			b.Run(fmt.Sprintf("size=%d/submitters=%d", size, submitters), func(b *testing.B) {
				db, err := sqlite.Open(b.Context(), sqlite.Options{Dir: b.TempDir()})
				if err != nil {
					b.Fatal(err)
				}
				defer db.Close()
				var sequence, left atomic.Int64
				left.Store(int64(b.N))
				b.ReportAllocs()
				b.ResetTimer()
				var group sync.WaitGroup
				for range submitters {
					group.Go(func() {
						done := make(chan error, 1)
						for left.Add(-int64(size)) > -int64(size) {
							c := benchCommit(&sequence, size)
							c.Done = func(err error) { done <- err }
							db.Submit(c)
							if err := <-done; err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				group.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}

func benchCommit(sequence *atomic.Int64, size int) *switchhook.Commit {
	now := time.Now()
	body := `{"call":{"id":"x","note":"` + strings.Repeat("x", 1000) + `"}}`
	c := &switchhook.Commit{}
	for range size {
		n := sequence.Add(1)
		call := fmt.Sprintf("%08x-call", n/4*2654435761%(1<<32)) // four events a call, in no order
		e := &switchhook.Event{
			ID: switchhook.NewID(switchhook.PrefixEvent), Type: "call.answered", AccountID: fmt.Sprintf("acc_%d", n%50), Key: call,
			CallID: call, Sequence: n, OccurredAt: now, AcceptedAt: now, Source: "src_1", Data: []byte(body),
			Targets: []string{fmt.Sprintf("wh_%022d", n%50)},
		}
		c.Events = append(c.Events, e)
		c.Attempts = append(c.Attempts, &switchhook.Attempt{
			ID: switchhook.NewID(switchhook.PrefixAttempt), EventID: e.ID, EventType: e.Type, AccountID: e.AccountID,
			WebhookID: e.Targets[0], Dialect: "switchhook", Sequence: n, Number: 1, StartedAt: now, DurationMS: 12,
			Outcome: switchhook.Success, State: switchhook.Delivered,
			Request: &switchhook.HTTPRequest{
				Method: "POST", URL: "https://example.com/hooks/calls", Body: body,
				Headers: map[string]string{"content-type": "application/json", "webhook-id": "msg_x", "webhook-timestamp": "1", "webhook-signature": "v1,***"},
			},
			Response: &switchhook.HTTPResponse{Status: 200, Headers: map[string]string{"content-length": "2"}, Body: "ok"},
		})
	}
	return c
}
