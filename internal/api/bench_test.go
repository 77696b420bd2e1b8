package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"testing"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
	"github.com/switchhook/switchhook/internal/calls"
	"github.com/switchhook/switchhook/internal/dialect"
	native "github.com/switchhook/switchhook/internal/dialect/switchhook"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/route"
	"github.com/switchhook/switchhook/internal/store/memory"
)

// forgetful is the memory store, but for what is committed: that is done at once,
// by another goroutine, and forgotten.
type forgetful struct {
	*memory.Store
	queue chan *switchhook.Commit
}

func (s *forgetful) Submit(c *switchhook.Commit) { s.queue <- c }

// BenchmarkIngest measures one event's way from the bytes of a request to its
// receipt, the store and the network left out.
func BenchmarkIngest(b *testing.B) {
	for _, batch := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			handler := newIngest(b)
			bodies := make([][]byte, 0, b.N/batch+1)
			for n := 0; n < b.N; n += batch {
				bodies = append(bodies, lines(n, batch))
			}
			b.SetBytes(int64(len(bodies[0]) / batch))
			b.ReportAllocs()
			b.ResetTimer()
			url := &url.URL{Path: "/v1/events"}
			header := http.Header{"Authorization": {"Bearer " + rootKey}, "Content-Type": {"application/x-ndjson"}}
			for _, body := range bodies {
				r := (&http.Request{
					Method: http.MethodPost, URL: url, Header: header, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), RemoteAddr: "192.0.2.1:5",
				}).WithContext(b.Context())
				w := answer{header: http.Header{}}
				handler.ServeHTTP(&w, r)
				if w.status != http.StatusAccepted {
					b.Fatal(w.status)
				}
			}
		})
	}
}

func newIngest(b *testing.B) http.Handler {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	s := &forgetful{Store: memory.New(), queue: make(chan *switchhook.Commit, 1024)}
	go func() {
		for c := range s.queue {
			c.Done(nil)
		}
	}()
	b.Cleanup(func() { close(s.queue); must(s.Close()) })
	account := switchhook.Account{ID: "root"}
	must(s.CreateAccount(b.Context(), &account))
	hash := sha256.Sum256([]byte(rootKey))
	must(s.PutAPIKey(b.Context(), &switchhook.APIKey{ID: "key_root", AccountID: "root", Role: switchhook.RoleAdmin, Hash: hash[:]}))
	var dir directory.Directory
	dir.SetAccounts([]*switchhook.Account{&account})
	dialects, logger := []dialect.Dialect{native.New(dialect.Env{})}, slog.New(slog.DiscardHandler)
	router, err := route.New(b.Context(), route.Options{
		Store: s, Directory: &dir, NewFolder: func() route.Folder { return calls.New() }, Dialects: dialects, Logger: logger,
	})
	must(err)
	router.SetWebhooks([]*switchhook.Webhook{{ID: "wh", AccountID: "root", Dialect: "switchhook", Events: []string{"*"}, Enabled: true}})
	ids, err := directory.OpenIDs(b.Context(), s)
	must(err)
	handler, err := api.New(api.Options{
		Store: s, Router: router, Engine: &engine{}, IDs: ids, Dialects: dialects, Feed: api.NewFeed(), Logger: logger,
		Reload: func(context.Context) error { return nil },
	})
	must(err)
	return handler
}

// lines are events of calls from the n-th on, each call's in their order, about
// 700 bytes a line.
func lines(n, count int) []byte {
	life := [...]struct{ typ, state string }{
		{"call.created", `"status":"ringing","created_at":"2026-01-31T15:04:05.123456Z"`},
		{"call.ringing", `"status":"ringing","created_at":"2026-01-31T15:04:05.123456Z","ringing_at":"2026-01-31T15:04:06.2Z"`},
		{"call.answered", `"status":"answered","answered_by":"extension","ringing_at":"2026-01-31T15:04:06.2Z","answered_at":"2026-01-31T15:04:09.75Z"`},
		{"call.held", `"status":"answered","held":true`},
		{"call.hungup", `"status":"ended","hangup_by":"remote","hangup_cause":"NORMAL_CLEARING","q850":16,"ended_at":"2026-01-31T15:05:10.001Z"`},
	}
	var b bytes.Buffer
	for ; count > 0; n, count = n+1, count-1 {
		step, id := life[n%len(life)], fmt.Sprintf("7f3c9a52-6c1e-4f0b-9d37-%012d", n/len(life))
		fmt.Fprintf(&b, `{"type":%q,"occurred_at":"2026-01-31T15:04:05.123456Z","data":{"call":{"id":%q,"root_id":%q,"direction":"inbound","leg_direction":"inbound",`+
			`"from":{"type":"tel","address":"+12025550143","name":"Ada Lovelace"},"to":{"type":"tel","address":"+12025550100"},`+
			`"callee":{"type":"extension","address":"101","name":"Grace Hopper"},"dialed":"+12025550100",%s,`+
			`"owner_id":"grace","authorizing_id":"carrier-1","authorizing_type":"resource","local_resource":false,"vars":{"Campaign":"spring & summer"}}}}`+"\n",
			step.typ, id, id, step.state)
	}
	return b.Bytes()
}
