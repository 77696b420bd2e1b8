package deliver_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/wire"
	"github.com/switchhook/switchhook/internal/dialect"
	native "github.com/switchhook/switchhook/internal/dialect/switchhook"
	"github.com/switchhook/switchhook/internal/store/memory"
)

// taker is a receiver without a network.
type taker struct{ got atomic.Int64 }

func (t *taker) Send(context.Context, *wire.Request) (*switchhook.HTTPResponse, error) {
	t.got.Add(1)
	return &switchhook.HTTPResponse{
		Status: http.StatusOK, Headers: switchhook.Headers{{Name: "Content-Length", Value: "0"}, {Name: "Date", Value: "Thu, 01 Jan 1970 00:00:00 GMT"}},
	}, nil
}

func (t *taker) CloseIdleConnections() {}

// discard is a store that takes everything at once.
type discard struct {
	*memory.Store
	commits chan *switchhook.Commit
}

func (d discard) Submit(c *switchhook.Commit) { d.commits <- c }

// BenchmarkDelivery measures what the engine itself costs: everything from Add to
// the submitted outcome but for the network and the store.
func BenchmarkDelivery(b *testing.B) {
	store := discard{memory.New(), make(chan *switchhook.Commit, 1<<20)}
	receiver := &taker{}
	e := deliver.New(deliver.Options{
		Store: store, Dialects: []dialect.Dialect{native.New(dialect.Env{Version: "1"})}, Transport: receiver, Version: "1",
		Logger: slog.New(slog.DiscardHandler),
	})
	e.SetWebhooks([]*switchhook.Webhook{hook("wh_a")})
	var done atomic.Int64
	go func() {
		for c := range store.commits {
			done.Add(int64(len(c.Attempts)))
			c.Done(nil)
		}
	}()
	typ, _ := catalogue.Lookup("call.answered")
	now, data := time.Now(), typ.Sample()
	b.ReportAllocs()
	n := int64(0)
	for b.Loop() {
		n++
		for n-done.Load() > 2000 {
			time.Sleep(time.Microsecond)
		}
		e.Add([]*switchhook.Event{{
			ID: switchhook.NewID(switchhook.PrefixEvent), Type: "call.answered", AccountID: "acme", Key: fmt.Sprint(n / 5), Sequence: n,
			OccurredAt: now, AcceptedAt: now, Data: data, Targets: []string{"wh_a"},
		}})
	}
	for done.Load() < n {
		time.Sleep(time.Microsecond)
	}
}
