package route

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/dialect/kazoo"
	native "github.com/switchhook/switchhook/internal/dialect/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// What an event is ordered and found by is the same whether it is read from the
// call's members or from the decoded data.
func TestSealReadsWhatAttachDecodes(t *testing.T) {
	t.Parallel()
	type sample struct{ typ, data string }
	list := []sample{
		{"call.created", `{"call":{"id":"a","root_id":null}}`},
		{"call.created", `{"call":{"id":"\u0061","root_id":"\u00e9"}}`},
		{"call.created", `{"call":{"r\u006fot_id":"b","id":"a"}}`},
		{"call.created", `{"call":{"x":{"id":"no"},"id":"a","vars":{"root_id":"no"}}}`},
		{"voicemail.new", `{"voicemail":{"id":"v"},"call":{"from":{"address":"1"}}}`},
		{"voicemail.new", `{"voicemail":{"id":"v"},"call":null}`},
		{"recording.finished", `{"recording":{"id":"r","call_id":"c"}}`},
		{"record.updated", `{"schema":"number","id":"n","row":{},"call":{"id":"c"}}`},
		{"emergency.denied", `{"call_id":"c"}`},
		{"custom.x", `{}`},
		{"custom.x", `{"call":{"id":"a"}}`},
		{"custom.x", `{"call":"front desk"}`},
		{"custom.x", `{"call_id":"c"}`},
		{"custom.x", `{"recording":{"id":"r","call_id":"c"}}`},
		{"custom.x", `{"number":{"id":"n"}}`},
	}
	for _, typ := range catalogue.All() {
		for _, data := range typ.Variants() {
			list = append(list, sample{typ.Name, string(data)})
		}
	}
	for _, c := range list {
		typ, _ := catalogue.Lookup(c.typ)
		data, err := ordjson.Parse([]byte(c.data))
		if err != nil {
			t.Fatal(err)
		}
		ev := &switchhook.Event{Type: c.typ}
		if err := seal(ev, typ, data); err != nil {
			t.Fatalf("%s %s: %v", c.typ, c.data, err)
		}
		decoded := &switchhook.Event{Type: c.typ, Data: ev.Data}
		if err := catalogue.Attach(decoded); err != nil {
			t.Fatal(err)
		}
		if key := catalogue.Key(typ, decoded.Resources); ev.Key != key {
			t.Errorf("%s %s: key %q, decoded it is %q", c.typ, c.data, ev.Key, key)
		}
		var call string
		switch r := decoded.Resources; {
		case r.Call != nil:
			call = r.Call.ID
		case r.Recording != nil:
			call = r.Recording.CallID
		default:
			call = r.CallID
		}
		if ev.CallID != call {
			t.Errorf("%s %s: of the call %q, decoded it is %q", c.typ, c.data, ev.CallID, call)
		}
		if kept := (&switchhook.Event{Type: c.typ, Key: "given"}); seal(kept, typ, data) != nil || kept.Key != "given" {
			t.Errorf("%s %s: the given key became %q", c.typ, c.data, kept.Key)
		}
	}
}

// Data is decoded for those who read it, and then only once.
func TestDataIsDecodedForThoseWhoReadIt(t *testing.T) {
	t.Parallel()
	r := &Router{index: newIndex(), o: Options{Dialects: []dialect.Dialect{native.New(dialect.Env{}), kazoo.New(dialect.Env{})}}}
	own := switchhook.Webhook{ID: "own", AccountID: "acme", Dialect: "switchhook", Events: []string{"call.*"}, Enabled: true}
	scoped, named, other, elsewhere := own, own, own, own
	scoped.Scope = &switchhook.Scope{Numbers: []string{"+1"}}
	named.Events = []string{"kazoo:channel_create"}
	other.Dialect = "kazoo"
	elsewhere.Dialect, elsewhere.Events = "kazoo", []string{"leg.*"}
	for _, c := range []struct {
		name     string
		w        switchhook.Webhook
		internal string
		decoded  bool
		targets  []string
	}{
		{"our own dialect", own, "false", false, []string{"own"}},
		{"an internal leg", own, "true", false, nil},
		{"a scope", scoped, "false", true, []string{"own"}},
		{"another dialect's names", named, "false", true, []string{"own"}},
		{"another dialect", other, "false", true, []string{"own"}},
		{"another type", elsewhere, "false", false, nil},
	} {
		r.SetWebhooks([]*switchhook.Webhook{&c.w})
		ev := &switchhook.Event{AccountID: "acme", Type: "call.created", Data: json.RawMessage(fmt.Sprintf(`{"call":{"id":"a","from":{"address":"+1"},"internal_leg":%s}}`, c.internal))}
		targets, err := r.index.targets(ev, func(string) []string { return nil }, nil)
		if err != nil {
			t.Fatal(err)
		}
		if (ev.Resources != nil) != c.decoded || !slices.Equal(targets, c.targets) {
			t.Errorf("%s: decoded %v, goes to %v; wanted %v, %v", c.name, ev.Resources != nil, targets, c.decoded, c.targets)
		}
	}
}

// What comes with blanks leaves without, wherever they were.
func TestBlanksAreTakenOut(t *testing.T) {
	t.Parallel()
	var p problems
	r := &Router{index: newIndex(), o: Options{Directory: everywhere{}}}
	d := r.check(&switchhook.Event{Type: "call.created", Data: []byte(` { "call" : { "id" : "a" , "vars" : { "x" : [ 1 , 2 ] } } } `)}, "", &p)
	if err := p.err(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"call":{"id":"a","vars":{"x":[1,2]}}}`, string(d.data.Append(nil))); diff != "" {
		t.Error(diff)
	}
}

func TestEventsAreCountedByFamily(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	m := newMetrics(reg)
	m.count(nil)
	var events []*switchhook.Event
	for _, typ := range []string{"call.created", "call.hungup", "custom.x", "call.created", "leg.created", "leg.hungup"} {
		events = append(events, &switchhook.Event{Type: typ, Targets: []string{"a", "b"}})
	}
	m.count(events)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, one := range f.GetMetric() {
			got[f.GetName()+" "+labelOf(one.GetLabel())] = one.GetCounter().GetValue()
		}
	}
	for name, want := range map[string]float64{"events_total call": 3, "events_total custom": 1, "events_total leg": 2, "deliveries_total ": 12} {
		if got["switchhook_route_"+name] != want {
			t.Errorf("%s: %v, want %v", name, got["switchhook_route_"+name], want)
		}
	}
}

func labelOf[L interface{ GetValue() string }](labels []L) string {
	if len(labels) == 0 {
		return ""
	}
	return labels[0].GetValue()
}

// everywhere is a directory that has every account.
type everywhere struct{ Directory }

func (everywhere) Account(id string) (*switchhook.Account, bool) {
	return &switchhook.Account{ID: id}, true
}

func (everywhere) Suspended(string) bool { return false }
