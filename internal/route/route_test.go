package route_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/calls"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/dialect/kazoo"
	"github.com/switchhook/switchhook/internal/dialect/primevox"
	native "github.com/switchhook/switchhook/internal/dialect/switchhook"
	"github.com/switchhook/switchhook/internal/dialect/voipbin"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/route"
	"github.com/switchhook/switchhook/internal/store/memory"
)

// rig is a router on the memory store.
type rig struct {
	t      *testing.T
	store  *memory.Store
	router *route.Router
	dir    *directory.Directory

	mu       sync.Mutex
	accepted []*switchhook.Event
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, store: memory.New(), dir: &directory.Directory{}}
	r.dir.SetAccounts([]*switchhook.Account{{ID: "root"}, {ID: "reseller", ParentID: "root"}, {ID: "acme", ParentID: "reseller"}, {ID: "other", ParentID: "root"}})
	env := dialect.Env{Version: "1", Reseller: r.dir.Reseller, Integer: func(string, string, string) (int64, error) { return 1, nil }}
	router, err := route.New(t.Context(), route.Options{
		Store: r.store, Directory: r.dir, NewFolder: func() route.Folder { return calls.New() },
		Dialects: []dialect.Dialect{native.New(env), kazoo.New(env), voipbin.New(env), primevox.New(env)},
		Logger:   slog.New(slog.DiscardHandler),
		Accepted: func(events []*switchhook.Event) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.accepted = append(r.accepted, events...)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.router = router
	return r
}

func event(account, typ, id, data string) *switchhook.Event {
	return &switchhook.Event{AccountID: account, Type: typ, ID: id, Data: []byte(data)}
}

func (r *rig) accept(events ...*switchhook.Event) []switchhook.Receipt {
	r.t.Helper()
	receipts, err := r.router.Accept(r.t.Context(), events)
	if err != nil {
		r.t.Fatal(err)
	}
	return receipts
}

func (r *rig) stored() []*switchhook.Event {
	r.t.Helper()
	events, _, err := r.store.Events(r.t.Context(), switchhook.EventFilter{}, switchhook.Page{Limit: 1000})
	if err != nil {
		r.t.Fatal(err)
	}
	slices.Reverse(events)
	return events
}

func TestAcceptMakesAnEventWhole(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if _, _, err := r.router.PutRecord(t.Context(), &switchhook.Record{AccountID: "acme", Schema: "number", ID: "n1", Row: []byte(`{"number":"+1555","description":"Main"}`)}, nil); err != nil {
		t.Fatal(err)
	}
	r.accept(event("acme", "call.created", "e1", `{"call":{"id":"a","direction":"inbound","to":{"address":"+1555"},"created_at":"2026-01-31T15:04:05.120Z"}}`))
	r.accept(event("acme", "call.answered", "e2", `{ "call" : { "id":"a", "answered_at":"2026-01-31T15:04:06Z","updated_at":null } }`))
	events := r.stored()
	got := events[len(events)-1]
	const want = `{"call":{"id":"a","root_id":"a","direction":"inbound","leg_direction":"inbound","to":{"address":"+1555"},"dialed":"+1555","status":"answered",` +
		`"created_at":"2026-01-31T15:04:05.120Z","answered_at":"2026-01-31T15:04:06Z"},"number":{"id":"n1","number":"+1555","description":"Main"}}`
	if diff := cmp.Diff(want, string(got.Data)); diff != "" {
		t.Error(diff)
	}
	if got.Key != "a" || got.CallID != "a" || got.Sequence != 3 || got.OccurredAt.IsZero() || got.AcceptedAt.IsZero() {
		t.Errorf("%+v", got)
	}
}

func TestMatching(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var hooks []*switchhook.Webhook
	add := func(id, account, dialectName string, change func(*switchhook.Webhook), events ...string) {
		w := &switchhook.Webhook{ID: id, AccountID: account, Dialect: dialectName, Events: events, Enabled: true, IncludeInternalLegs: true}
		if change != nil {
			change(w)
		}
		hooks = append(hooks, w)
	}
	add("all", "acme", "switchhook", nil, "*")
	add("calls", "acme", "switchhook", nil, "call.*")
	add("kazoo-name", "acme", "switchhook", nil, "kazoo:channel_destroy")
	add("kazoo-notes", "acme", "kazoo", nil, "kazoo:notifications")
	add("voipbin", "acme", "voipbin", nil, "*")
	add("primevox", "acme", "primevox", nil, "*")
	add("off", "acme", "switchhook", func(w *switchhook.Webhook) { w.Enabled = false }, "*")
	add("above", "reseller", "switchhook", func(w *switchhook.Webhook) { w.IncludeSubaccounts = true }, "*")
	add("above-own", "reseller", "switchhook", nil, "*")
	add("top", "root", "switchhook", func(w *switchhook.Webhook) { w.IncludeSubaccounts = true }, "*.hungup")
	add("other", "other", "switchhook", nil, "*")
	add("scoped", "acme", "switchhook", func(w *switchhook.Webhook) { w.Scope = &switchhook.Scope{Extensions: []string{"101"}} }, "*")
	add("customs", "acme", "switchhook", nil, "custom.door.*")
	r.router.SetWebhooks(hooks)
	for _, c := range []struct{ typ, data, want string }{
		{"call.created", `{"call":{"id":"a","direction":"inbound"}}`, "all calls voipbin primevox above"},
		{"call.created", `{"call":{"id":"b","direction":"internal"}}`, "all calls voipbin above"}, // PrimeVOX has nothing for it
		{"call.ringing", `{"call":{"id":"a"}}`, "all calls above"},
		{"leg.hungup", `{"call":{"id":"c"}}`, "all kazoo-name voipbin above top"},
		{"call.hungup", `{"call":{"id":"a"}}`, "all calls kazoo-name voipbin primevox above top"},
		{"extension.ringing", `{"extension":{"number":"101"}}`, "all primevox scoped above"},
		{"extension.ringing", `{"extension":{"number":"102"}}`, "all primevox above"},
		{"voicemail.new", `{"voicemail":{"id":"v"}}`, "all kazoo-notes primevox above"},
		{"custom.door.open", `{}`, "all customs above"},
		{"custom.window", `{}`, "all above"},
		// The first leg leaves early: whoever speaks of legs hears of its end once.
		{"call.created", `{"call":{"id":"t","direction":"inbound"}}`, "all calls voipbin primevox above"},
		{"leg.hungup", `{"call":{"id":"t"}}`, "all kazoo-name voipbin above top"},
		{"call.hungup", `{"call":{"id":"t"}}`, "all calls primevox above top"},
	} {
		id := fmt.Sprintf("e%d", len(r.stored()))
		receipt := r.accept(event("acme", c.typ, id, c.data))[0]
		events := r.stored()
		got := strings.Join(events[len(events)-1].Targets, " ")
		if got != c.want || receipt.Deliveries != len(strings.Fields(c.want)) {
			t.Errorf("%s %s: went to %q (%d), want %q", c.typ, c.data, got, receipt.Deliveries, c.want)
		}
	}
}

func TestAllOrNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, err := r.router.Accept(t.Context(), []*switchhook.Event{
		event("acme", "call.created", "", `{"call":{"id":"a"}}`),
		event("acme", "call.exploded", "", `{}`),
		event("nobody", "call.created", "a b", `{"call":{"id":7}}`),
		event("acme", "", "", ``),
		event("acme", "call.created", "", ``),
	})
	e, ok := errors.AsType[*switchhook.Error](err)
	if !ok || e.Code != switchhook.CodeUnknownType {
		t.Fatalf("%v", err)
	}
	var fields []string
	for _, f := range e.Fields {
		fields = append(fields, f.Field)
	}
	want := []string{"events[1].type", "events[2].account_id", "events[2].id", "events[2].data.call.id", "events[3].type", "events[4].data"}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Error(diff)
	}
	if n := len(r.stored()); n != 0 {
		t.Errorf("%d events of a wrong batch are stored", n)
	}
}

func TestAnIDIsAcceptedOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first := r.accept(event("acme", "custom.x", "same", `{}`), event("acme", "custom.x", "same", `{"other":1}`), event("other", "custom.x", "same", `{}`))
	if first[0].Duplicate || !first[1].Duplicate || first[2].Duplicate {
		t.Errorf("%+v", first)
	}
	if again := r.accept(event("acme", "custom.x", "same", `{}`)); !again[0].Duplicate || again[0].ID != "same" {
		t.Errorf("%+v", again)
	}
	if n := len(r.stored()); n != 2 {
		t.Errorf("%d events are stored, want one per account", n)
	}
}

// Many requests with the same ids at the same time: each id is accepted once,
// and every answer comes.
func TestConcurrentDuplicates(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	fresh := 0
	for i := range 20 {
		wg.Go(func() {
			ids := []string{"a", "b", "c"}
			if i%2 == 1 {
				slices.Reverse(ids)
			}
			var events []*switchhook.Event
			for _, id := range ids {
				events = append(events, event("acme", "custom.x", id, `{}`))
			}
			receipts, err := r.router.Accept(t.Context(), events)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, rc := range receipts {
				if !rc.Duplicate {
					fresh++
				}
			}
		})
	}
	wg.Wait()
	if fresh != 3 || len(r.stored()) != 3 {
		t.Errorf("%d were fresh, %d are stored, want 3", fresh, len(r.stored()))
	}
}

// What is handed on comes in the order of the sequences, whoever accepts.
func TestAcceptedInOrder(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				if _, err := r.router.Accept(t.Context(), []*switchhook.Event{event("acme", "custom.x", "", `{}`), event("acme", "custom.y", "", `{}`)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if len(r.accepted) != 400 {
		t.Fatalf("%d events", len(r.accepted))
	}
	for i, ev := range r.accepted {
		if ev.Sequence != int64(i+1) {
			t.Fatalf("event %d has sequence %d", i, ev.Sequence)
		}
	}
}

// A commit fails: nothing is acknowledged, and what the folder had learned from
// it is forgotten.
func TestAFailedCommitLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.accept(event("acme", "call.created", "e1", `{"call":{"id":"a","dialed":"1"}}`))
	r.store.Fail(errors.New("disk full"))
	_, err := r.router.Accept(t.Context(), []*switchhook.Event{event("acme", "call.updated", "e2", `{"call":{"id":"a","dialed":"2"}}`)})
	if switchhook.ErrorCode(err) != switchhook.CodeUnavailable {
		t.Fatalf("%v", err)
	}
	if again := r.accept(event("acme", "call.updated", "e2", `{"call":{"id":"a","held":true}}`)); again[0].Duplicate {
		t.Error("an event that was never committed is called a duplicate")
	}
	events := r.stored()
	if last := events[len(events)-1]; !strings.Contains(string(last.Data), `"dialed":"1"`) {
		t.Errorf("the failed event's data came back: %s", last.Data)
	}
}

func TestARequestThatGivesUpIsTold(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.router.Accept(ctx, []*switchhook.Event{event("acme", "custom.x", "e", `{}`)}); err != nil && switchhook.ErrorCode(err) != switchhook.CodeUnavailable {
		t.Errorf("%v", err)
	}
}

// gate is a store that keeps what is submitted until it is opened, as a disk does that stalls.
type gate struct {
	*memory.Store
	opened chan struct{}
}

func (g gate) Submit(c *switchhook.Commit) {
	go func() {
		<-g.opened
		g.Store.Submit(c)
	}()
}

// Who gives up and asks again, while the first request is still being written, is told once.
func TestAskedAgainWhileTheFirstIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, dir := gate{memory.New(), make(chan struct{})}, &directory.Directory{}
		dir.SetAccounts([]*switchhook.Account{{ID: "acme"}})
		router, err := route.New(t.Context(), route.Options{
			Store: g, Directory: dir, NewFolder: func() route.Folder { return calls.New() }, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		hasty, giveUp := context.WithTimeout(t.Context(), time.Second)
		defer giveUp()
		if _, err := router.Accept(hasty, []*switchhook.Event{event("acme", "custom.x", "e", `{}`)}); switchhook.ErrorCode(err) != switchhook.CodeUnavailable {
			t.Errorf("%v", err)
		}
		again := make(chan []switchhook.Receipt, 1)
		go func() {
			receipts, err := router.Accept(t.Context(), []*switchhook.Event{event("acme", "custom.x", "e", `{}`)})
			if err != nil {
				t.Error(err)
			}
			again <- receipts
		}()
		synctest.Wait() // it has gone as far as it can
		close(g.opened)
		if receipts := <-again; len(receipts) != 1 || !receipts[0].Duplicate {
			t.Errorf("%+v", receipts)
		}
	})
}

func TestRecordsMakeEvents(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	put := func(schema, id, row string) {
		t.Helper()
		if _, _, err := r.router.PutRecord(t.Context(), &switchhook.Record{AccountID: "acme", Schema: schema, ID: id, Row: []byte(row)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	put("number", "n1", `{"number":"+1", "note":"a"}`)
	put("number", "n1", `{"note":"a","number":"+1"}`) // changes nothing
	put("number", "n1", `{"number":"+1","note":"b"}`)
	put("agent", "g1", `{"name":"Grace","status":"away"}`)
	put("agent", "g1", `{"name":"Grace","status":"busy"}`)
	put("agent", "g1", `{"name":"Grace H","status":"busy"}`)
	put("queue", "q1", `{"name":"Support","detail":"x"}`)
	put("queue", "q1", `{"name":"Support"}`)
	for schema, id := range map[string]string{"number": "n1"} {
		if err := r.router.DeleteRecord(t.Context(), "acme", schema, id, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.router.DeleteRecord(t.Context(), "acme", "number", "n1", nil); switchhook.ErrorCode(err) != switchhook.CodeNotFound {
		t.Errorf("a second delete: %v", err)
	}
	var got []string
	for _, ev := range r.stored() {
		data := string(ev.Data)
		if i := strings.Index(data, `,"created_at"`); i > 0 { // times differ from run to run
			data = data[:i] + "…"
		}
		got = append(got, ev.Type+" "+data+" key="+ev.Key)
	}
	want := []string{
		`record.created {"schema":"number","id":"n1","row":{"number":"+1","note":"a"},"changed":["number","note"]} key=number/n1`,
		`record.updated {"schema":"number","id":"n1","row":{"number":"+1","note":"b"},"changed":["note"]} key=number/n1`,
		`agent.created {"agent":{"id":"g1","name":"Grace","status":"away"… key=g1`,
		`agent.status_updated {"agent":{"id":"g1","name":"Grace","status":"busy"… key=g1`,
		`agent.updated {"agent":{"id":"g1","name":"Grace H","status":"busy"… key=g1`,
		`queue.created {"queue":{"id":"q1","name":"Support","detail":"x"… key=q1`,
		`queue.updated {"queue":{"id":"q1","name":"Support"… key=q1`,
		`record.deleted {"schema":"number","id":"n1","row":{"number":"+1","note":"b"},"changed":[]} key=number/n1`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWrongRecords(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, c := range []struct{ account, schema, id, row, field string }{
		{"acme", "Number!", "n", `{}`, "schema"},
		{"acme", "", "n", `{}`, "schema"},
		{"acme", "number", "", `{}`, "id"},
		{"acme", "number", "a\nb", `{}`, "id"},
		{"nobody", "number", "n", `{}`, "account_id"},
		{"acme", "number", "n", `[]`, "row"},
		{"acme", "number", "n", `{"a":1,"a":2}`, "row"},
		{"acme", "number", "n", `{"a":"` + strings.Repeat("x", 1<<20) + `"}`, "row"},
		{"acme", "agent", "g", `{"status":"asleep"}`, "row.status"},
		{"acme", "queue", "q", `{"wait_timeout_ms":"1"}`, "row.wait_timeout_ms"},
	} {
		_, _, err := r.router.PutRecord(t.Context(), &switchhook.Record{AccountID: c.account, Schema: c.schema, ID: c.id, Row: []byte(c.row)}, nil)
		e, ok := errors.AsType[*switchhook.Error](err)
		if !ok || len(e.Fields) == 0 || e.Fields[0].Field != c.field {
			t.Errorf("%s/%s %.40s: %v, want the field %s named", c.schema, c.id, c.row, err, c.field)
		}
	}
	if n := len(r.stored()); n != 0 {
		t.Errorf("%d events of wrong records are stored", n)
	}
}

// What a call flow sends to an address of its own is for the webhook of the
// account's flows, and for whoever selects it; what another system's flow has
// sent already, for the latter alone.
func TestFlowWebhooks(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.router.SetWebhooks([]*switchhook.Webhook{
		{ID: "wh_flow", AccountID: "acme", Dialect: "kazoo", Flow: true, Events: []string{"flow.webhook"}, Enabled: true},
		{ID: "wh_all", AccountID: "acme", Dialect: "kazoo", Events: []string{"*"}, Enabled: true},
	})
	data := `{"flow":{"id":"f"},"data":{},"hook":{"uri":"https://a.example"}}`
	relayed := event("acme", "flow.webhook", "f2", data)
	relayed.Relayed = true
	for _, c := range []struct {
		ev   *switchhook.Event
		want string
	}{
		{event("acme", "flow.webhook", "f1", data), "wh_all wh_flow"},
		{relayed, "wh_all"},
		{event("acme", "flow.webhook", "f3", `{"flow":{"id":"f"},"data":{}}`), "wh_all"},
		{event("other", "flow.webhook", "f4", data), ""},
		{event("acme", "call.created", "f5", `{"call":{"id":"c"}}`), "wh_all"},
	} {
		r.accept(c.ev)
		if got := strings.Join(c.ev.Targets, " "); got != c.want {
			t.Errorf("%s goes to %q, want %q", c.ev.ID, got, c.want)
		}
	}
}

// A filter sees the event as it is delivered: completed from its snapshot. What it
// cannot say is no match, and counted; what is free of it is not harmed.
func TestFilters(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	hooks := []*switchhook.Webhook{
		{ID: "wh_in", AccountID: "acme", Dialect: "switchhook", Events: []string{"call.*"}, Enabled: true, Filter: `data.call.direction == "inbound"`},
		{ID: "wh_old", AccountID: "acme", Dialect: "switchhook", Events: []string{"call.*"}, Enabled: true, Filter: `what once was CEL`},
		{ID: "wh_all", AccountID: "acme", Dialect: "switchhook", Events: []string{"*"}, Enabled: true},
	}
	r.router.SetWebhooks(hooks)
	for _, c := range []struct {
		ev   *switchhook.Event
		want string
	}{
		{event("acme", "call.created", "f1", `{"call":{"id":"c","direction":"inbound"}}`), "wh_in wh_all"},
		{event("acme", "call.answered", "f2", `{"call":{"id":"c"}}`), "wh_in wh_all"},
		{event("acme", "call.created", "f3", `{"call":{"id":"d","direction":"outbound"}}`), "wh_all"},
		{event("acme", "call.created", "f4", `{"call":{"id":"e"}}`), "wh_all"},
	} {
		r.accept(c.ev)
		if got := strings.Join(c.ev.Targets, " "); got != c.want {
			t.Errorf("%s goes to %q, want %q", c.ev.ID, got, c.want)
		}
	}
	check := func(id string, count int64, last string) {
		t.Helper()
		if n, why := r.router.FilterErrors(id); n != count || !strings.HasPrefix(why, last) || last == "" && why != "" {
			t.Errorf("%s: %d errors, the last %q", id, n, why)
		}
	}
	r.router.SetWebhooks(hooks) // another webhook changes: the counters stay
	check("wh_in", 1, "f4: no such key: direction")
	check("wh_old", 1, "it cannot be compiled: line 1")
	check("wh_all", 0, "")
	changed := *hooks[0]
	changed.Filter = "true"
	r.router.SetWebhooks([]*switchhook.Webhook{&changed})
	check("wh_in", 0, "")
	check("wh_old", 0, "")
}

// The filters of one account do not use up the time of all.
func TestFiltersHaveATime(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	slow := &switchhook.Webhook{AccountID: "acme", Dialect: "switchhook", Events: []string{"*"}, Enabled: true, Filter: `data.l.exists(x, data.l.exists(y, x + y < 0))`}
	hooks := []*switchhook.Webhook{{ID: "wh_other", AccountID: "other", Dialect: "switchhook", Events: []string{"*"}, Enabled: true, Filter: `data.l.size() > 0`}}
	for i := range 2000 {
		w := *slow
		w.ID = fmt.Sprint("wh_", i)
		hooks = append(hooks, &w)
	}
	r.router.SetWebhooks(hooks)
	data := `{"l":[` + strings.TrimSuffix(strings.Repeat("1,", 100), ",") + `]}`
	r.accept(event("acme", "custom.x", "e1", data))
	ev := event("other", "custom.x", "e2", data)
	r.accept(ev)
	if len(ev.Targets) != 1 {
		t.Errorf("the other account's event goes to %v", ev.Targets)
	}
	if n, why := r.router.FilterErrors("wh_1999"); n != 1 || !strings.Contains(why, "have used up their time") {
		t.Errorf("%d errors, the last %q", n, why)
	}
}

// What speaks of a call is found by the call's id, wherever it stands.
func TestEventsOfACall(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.accept(
		event("acme", "call.created", "e1", `{"call":{"id":"c1"}}`),
		event("acme", "emergency.denied", "e2", `{"call_id":"c1"}`),
		event("acme", "recording.started", "e3", `{"recording":{"id":"r","call_id":"c1"}}`),
		event("acme", "recording.started", "e4", `{"recording":{"id":"r","call_id":"c2"}}`),
		event("acme", "device.registered", "e5", `{"device":{"id":"d"}}`),
	)
	found, _, err := r.store.Events(t.Context(), switchhook.EventFilter{CallID: "c1"}, switchhook.Page{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, ev := range found {
		ids = append(ids, ev.ID)
	}
	if got := strings.Join(ids, " "); got != "e3 e2 e1" {
		t.Errorf("events of the call: %q", got)
	}
}

func TestMessagesGetTheirConversation(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.accept(event("acme", "message.received", "m1", `{"message":{"from":"+1","to":"+2"}}`), event("acme", "message.sent", "m2", `{"message":{"from":"+2","to":"+1"}}`))
	events := r.stored()
	if events[0].Key == "" || events[0].Key != events[1].Key {
		t.Errorf("keys %q and %q", events[0].Key, events[1].Key)
	}
	if !strings.Contains(string(events[0].Data), `"direction":"inbound"`) || !strings.Contains(string(events[1].Data), `"direction":"outbound"`) {
		t.Errorf("%s\n%s", events[0].Data, events[1].Data)
	}
}

// What a source believes becomes durable with what it tells, and is its own: events are not
// completed from it. A commit that fails leaves neither.
func TestTell(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	belief := func(id, data string) switchhook.Snapshot {
		return switchhook.Snapshot{Kind: switchhook.KindBelief, ID: id, Data: []byte(data)}
	}
	check := func(want string) {
		t.Helper()
		var got []string
		if err := r.router.Beliefs(t.Context(), func(s switchhook.Snapshot) { got = append(got, s.ID+"="+string(s.Data)) }); err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		if got := strings.Join(got, " "); got != want {
			t.Errorf("believed is %q, want %q", got, want)
		}
	}
	told := func(events []*switchhook.Event, beliefs ...switchhook.Snapshot) []switchhook.Receipt {
		t.Helper()
		receipts, err := r.router.Tell(t.Context(), events, beliefs)
		if err != nil {
			t.Fatal(err)
		}
		return receipts
	}
	check("")
	created := func() []*switchhook.Event {
		return []*switchhook.Event{event("acme", "call.created", "e1", `{"call":{"id":"a","direction":"inbound"}}`)}
	}
	r.store.Fail(errors.New("no space left on device"))
	if _, err := r.router.Tell(t.Context(), created(), []switchhook.Snapshot{belief("pbx/a", "0")}); switchhook.ErrorCode(err) != switchhook.CodeUnavailable {
		t.Errorf("got %v", err)
	}
	check("")
	if got := told(created(), belief("pbx/a", "1"), belief("pbx/b", "not JSON")); got[0].Duplicate {
		t.Errorf("%+v", got)
	}
	check("pbx/a=1 pbx/b=not JSON")
	// The same again is told once, and yet remembered.
	if got := told(created(), belief("pbx/a", "2")); !got[0].Duplicate {
		t.Errorf("%+v", got)
	}
	told(nil, belief("pbx/c", "3"), switchhook.Snapshot{Kind: switchhook.KindBelief, ID: "pbx/b"})
	check("pbx/a=2 pbx/c=3")
	told([]*switchhook.Event{event("acme", "call.answered", "e2", `{"call":{"id":"a"}}`)})
	if events := r.stored(); len(events) != 2 || !strings.Contains(string(events[1].Data), `"direction":"inbound"`) || len(r.accepted) != 2 {
		t.Errorf("stored are %d events, passed on %d", len(events), len(r.accepted))
	}
}
