package route_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/calls"
	"github.com/switchhook/switchhook/internal/dialect"
	native "github.com/switchhook/switchhook/internal/dialect/switchhook"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/route"
)

// nowhere is a store that costs nothing: what is submitted is done at once, by
// another goroutine, as a real one's committer does it.
type nowhere struct{ queue chan *switchhook.Commit }

func newNowhere(b *testing.B) *nowhere {
	b.Helper()
	s := &nowhere{queue: make(chan *switchhook.Commit, 1024)}
	go func() {
		for c := range s.queue {
			c.Done(nil)
		}
	}()
	b.Cleanup(func() { close(s.queue) })
	return s
}

func (s *nowhere) Submit(c *switchhook.Commit)                                    { s.queue <- c }
func (*nowhere) Resume(context.Context) error                                     { return nil }
func (*nowhere) LastSequence(context.Context) (int64, error)                      { return 0, nil }
func (*nowhere) Snapshots(context.Context, func(switchhook.Snapshot) error) error { return nil }
func (*nowhere) Known(context.Context, string, []string) (map[string]bool, error) {
	return map[string]bool{}, nil
}

// life is what a phone system tells of one call, about 600 bytes of data each time.
var life = [...]struct{ typ, state string }{
	{"call.created", `"status":"ringing","created_at":"2026-01-31T15:04:05.123456Z"`},
	{"call.ringing", `"status":"ringing","created_at":"2026-01-31T15:04:05.123456Z","ringing_at":"2026-01-31T15:04:06.2Z"`},
	{"call.answered", `"status":"answered","answered_by":"extension","ringing_at":"2026-01-31T15:04:06.2Z","answered_at":"2026-01-31T15:04:09.75Z"`},
	{"call.held", `"status":"answered","held":true`},
	{"call.hungup", `"status":"ended","hangup_by":"remote","hangup_cause":"NORMAL_CLEARING","q850":16,"ended_at":"2026-01-31T15:05:10.001Z"`},
}

// told is the n-th event that a phone system tells, each call's in their order.
func told(n int) *switchhook.Event {
	step, id := life[n%len(life)], fmt.Sprintf("7f3c9a52-6c1e-4f0b-9d37-%012d", n/len(life))
	return event("acme", step.typ, "", `{"call":{"id":"`+id+`","root_id":"`+id+`","direction":"inbound","leg_direction":"inbound",`+
		`"from":{"type":"tel","address":"+12025550143","name":"Ada Lovelace"},"to":{"type":"tel","address":"+12025550100"},`+
		`"callee":{"type":"extension","address":"101","name":"Grace Hopper"},"dialed":"+12025550100",`+step.state+
		`,"owner_id":"grace","authorizing_id":"carrier-1","authorizing_type":"resource","local_resource":false,"vars":{"Campaign":"spring & summer"}}}`)
}

// BenchmarkAccept measures one event's way in: from its data to the commit of the
// calls' events, without the store.
func BenchmarkAccept(b *testing.B) {
	number := &switchhook.Record{AccountID: "acme", Schema: "number", ID: "main", Row: []byte(`{"number":"+12025550100","description":"Main line"}`)}
	for _, c := range []struct {
		batch   int
		records []*switchhook.Record
	}{{1, nil}, {100, nil}, {1000, nil}, {1000, []*switchhook.Record{number}}} {
		b.Run(fmt.Sprintf("batch=%d,records=%d", c.batch, len(c.records)), func(b *testing.B) {
			batch, dir := c.batch, &directory.Directory{}
			for _, r := range c.records {
				if err := dir.Put(r); err != nil {
					b.Fatal(err)
				}
			}
			dir.SetAccounts([]*switchhook.Account{{ID: "root"}, {ID: "acme", ParentID: "root"}})
			r, err := route.New(b.Context(), route.Options{
				Store: newNowhere(b), Directory: dir, NewFolder: func() route.Folder { return calls.New() },
				Dialects: []dialect.Dialect{native.New(dialect.Env{})}, Logger: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				b.Fatal(err)
			}
			r.SetWebhooks([]*switchhook.Webhook{{ID: "wh", AccountID: "acme", Dialect: "switchhook", Events: []string{"*"}, Enabled: true}})
			events := make([]*switchhook.Event, 0, b.N+batch)
			for n := range b.N + batch {
				events = append(events, told(n))
			}
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += batch {
				if _, err := r.Accept(b.Context(), events[n:n+batch:n+batch]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
