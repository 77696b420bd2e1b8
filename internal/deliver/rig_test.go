package deliver_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/wire"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/dialect/primevox"
	native "github.com/switchhook/switchhook/internal/dialect/switchhook"
	"github.com/switchhook/switchhook/internal/store/memory"
)

// rig is an engine on the memory store with a receiver that is a function, in a
// bubble of fake time: a day of retries takes a millisecond.
type rig struct {
	t      *testing.T
	store  *memory.Store
	engine *deliver.Engine
	hooks  []*switchhook.Webhook
	seq    int64
	start  time.Time

	mu       sync.Mutex
	got      []string // "seconds key/event status"
	ids      map[string]string
	answer   func(event string, try int) (status int, err error)
	tries    map[string]int
	disabled []string
	scored   []string
	change   func(*switchhook.Event)
	hangs    string // the webhook whose receiver never answers

	made    func(id string) *switchhook.Webhook // webhooks that nobody has stored; nil: there are none
	targets func(event string) []string         // of an event, beside the hooks; nil: none

	disableAfter time.Duration
	lapsed       atomic.Bool                 // the store may be another process's
	resume       func(context.Context) error // lets the store take commits again; nil: nobody does
}

func newRig(t *testing.T, hooks ...*switchhook.Webhook) *rig {
	t.Helper()
	r := &rig{t: t, store: memory.New(), hooks: hooks, start: time.Now(), ids: map[string]string{}, tries: map[string]int{}}
	if len(hooks) == 0 {
		r.hooks = []*switchhook.Webhook{hook("wh_a")}
	}
	r.boot()
	return r
}

// panics is a dialect with a mistake in it.
type panics struct{ *native.Dialect }

func (panics) Name() string { return "panics" }

func (panics) Render(*switchhook.Event, *switchhook.Webhook) (*dialect.Request, error) {
	panic("no such member")
}

func hook(id string) *switchhook.Webhook {
	return &switchhook.Webhook{
		ID: id, AccountID: "acme", URL: "https://example.com/" + id, Events: []string{"*"}, Dialect: "switchhook", Enabled: true,
		Ordering: "key", Hold: switchhook.Duration(deliver.DefaultHold), Secrets: []switchhook.Secret{{Value: switchhook.NewSecret()}},
	}
}

// boot starts an engine on what the store holds, as a process does.
func (r *rig) boot() {
	r.t.Helper()
	r.engine = deliver.New(deliver.Options{
		Store: r.store, Dialects: []dialect.Dialect{native.New(dialect.Env{Version: "1"}), primevox.New(dialect.Env{Version: "1"}), panics{native.New(dialect.Env{})}},
		Transport: r, Version: "1", Logger: slog.New(slog.DiscardHandler), DisableAfter: r.disableAfter,
		Held: func() bool { return !r.lapsed.Load() }, Resume: r.resume, Made: r.made, Score: func(id string) deliver.Score { return score{r, id} },
		Disable: func(id, reason string, _ time.Time) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.disabled = append(r.disabled, id+": "+reason)
		},
	})
	r.engine.SetWebhooks(r.hooks)
	if _, err := r.engine.Recover(context.Background()); err != nil {
		r.t.Fatal(err)
	}
}

// with changes how the receivers behave while requests may be under way.
func (r *rig) with(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// set changes the first webhook.
func (r *rig) set(change func(*switchhook.Webhook)) {
	changed := *r.hooks[0]
	change(&changed)
	r.hooks[0] = &changed
	r.engine.SetWebhooks(r.hooks)
}

// stop ends the engine as SIGTERM does.
func (r *rig) stop() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = r.engine.Stop(ctx) // cut off is fine
	synctest.Wait()
}

// Send is the receiver.
func (r *rig) Send(ctx context.Context, req *wire.Request) (*switchhook.HTTPResponse, error) {
	if req.May != nil && !req.May() {
		return nil, wire.ErrNotSent
	}
	var id string
	if o := strings.SplitN(string(req.Body), `"`, 5); len(o) > 3 {
		id = o[3] // {"id":"…
	}
	hook := req.URL.Path[1:]
	r.mu.Lock()
	r.tries[hook+id]++
	try := r.tries[hook+id]
	name := req.Header.Get("webhook-id")
	if old := r.ids[hook+id]; id != "" && old != "" && old != name {
		r.t.Errorf("event %s came to %s under two ids", id, hook)
	}
	r.ids[hook+id] = name
	answer, hangs := r.answer, r.hangs == hook
	r.mu.Unlock()
	if hangs {
		return nil, hang(ctx, req)
	}
	status, err := 200, error(nil)
	if answer != nil {
		status, err = answer(id, try)
	}
	r.mu.Lock()
	r.got = append(r.got, fmt.Sprintf("%d %s %d", int(time.Since(r.start).Seconds()), id, status))
	r.mu.Unlock()
	if err != nil {
		return nil, err
	}
	resp := &switchhook.HTTPResponse{Status: status, Body: "ok"}
	if status == 503 && strings.HasPrefix(id, "later") {
		resp.Headers = switchhook.Headers{{Name: "Retry-After", Value: "7"}}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return resp, nil
}

func (r *rig) CloseIdleConnections() {}

// hang is a receiver that does not answer in time.
func hang(ctx context.Context, req *wire.Request) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Until(req.Deadline)):
		return os.ErrDeadlineExceeded
	}
}

// accept commits events given as "type key id" and hands them to the engine, as
// the router does.
func (r *rig) accept(lines ...string) {
	r.t.Helper()
	c := &switchhook.Commit{}
	for _, line := range lines {
		f := strings.Fields(line)
		typ, ok := catalogue.Lookup(f[0])
		if !ok {
			r.t.Fatalf("no type %s", f[0])
		}
		res, err := catalogue.Decode(typ.Sample())
		if err != nil {
			r.t.Fatal(err)
		}
		r.seq++
		ev := &switchhook.Event{
			ID: f[2], Type: f[0], AccountID: "acme", Key: strings.Trim(f[1], "-"), Sequence: r.seq, IDGiven: true,
			OccurredAt: time.Now().UTC(), AcceptedAt: time.Now().UTC(), Data: typ.Sample(), Resources: res,
		}
		if r.change != nil {
			r.change(ev)
		}
		for _, w := range r.hooks {
			ev.Targets = append(ev.Targets, w.ID)
		}
		if r.targets != nil {
			ev.Targets = append(ev.Targets, r.targets(ev.ID)...)
		}
		c.Events = append(c.Events, ev)
	}
	done := make(chan error, 1)
	c.Done = func(err error) {
		if err == nil {
			r.engine.Add(c.Events)
		}
		done <- err
	}
	r.store.Submit(c)
	if err := <-done; err != nil {
		r.t.Fatal(err)
	}
}

// received returns what the receiver got since the last call.
func (r *rig) received() []string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}

// turnedOff returns the webhooks that were disabled, and why.
func (r *rig) turnedOff() []string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.disabled)
}

func (r *rig) wantGot(want ...string) {
	r.t.Helper()
	if diff := cmp.Diff(want, r.received()); diff != "" {
		r.t.Errorf("wanted (-), the receiver got (+):\n%s", diff)
	}
}

// wantGotAnyOrder is wantGot for what goes side by side.
func (r *rig) wantGotAnyOrder(want ...string) {
	r.t.Helper()
	if diff := cmp.Diff(want, slices.Sorted(slices.Values(r.received()))); diff != "" {
		r.t.Errorf("wanted (-), the receiver got (+):\n%s", diff)
	}
}

// states returns "event state attempts" of every delivery, oldest first.
func (r *rig) states() []string {
	r.t.Helper()
	synctest.Wait()
	ds, _, err := r.store.Deliveries(context.Background(), switchhook.DeliveryFilter{}, switchhook.Page{Limit: 1000})
	if err != nil {
		r.t.Fatal(err)
	}
	var list []string
	for _, d := range ds {
		list = append(list, fmt.Sprintf("%s %s %d", d.EventID, d.State, d.Attempts))
	}
	slices.Reverse(list)
	return list
}

// wantAll wants every delivery to be in a state.
func (r *rig) wantAll(state switchhook.DeliveryState) {
	r.t.Helper()
	for _, s := range r.states() {
		if !strings.Contains(s, string(state)) {
			r.t.Error(s)
		}
	}
}

func (r *rig) wantStates(want ...string) {
	r.t.Helper()
	if diff := cmp.Diff(want, r.states()); diff != "" {
		r.t.Errorf("wanted (-), the deliveries are (+):\n%s", diff)
	}
}

func failing(events ...string) func(string, int) (int, error) {
	return func(event string, _ int) (int, error) {
		if slices.Contains(events, event) {
			return 500, nil
		}
		return 200, nil
	}
}
