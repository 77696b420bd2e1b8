package switchhook

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/dialect/dialecttest"
)

func TestGolden(t *testing.T) {
	t.Parallel()
	dialecttest.Run(t, New(dialecttest.Env()))
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		w    switchhook.Webhook
		want string // the fields
	}{
		{switchhook.Webhook{}, ""},
		{switchhook.Webhook{Format: "json", Method: "put"}, ""},
		{switchhook.Webhook{Method: "Post"}, ""},
		{switchhook.Webhook{Format: "form", Method: "GET"}, "format method"},
		{switchhook.Webhook{CustomData: map[string]string{"a": "b"}, Modifiers: map[string]any{"a": 1}}, "custom_data modifiers"},
		{switchhook.Webhook{DialectOptions: map[string]any{"node": "x"}}, "dialect_options.node"},
	} {
		var fields []string
		for _, e := range New(dialecttest.Env()).Check(&c.w) {
			fields = append(fields, e.Field)
		}
		if diff := cmp.Diff(c.want, strings.Join(fields, " ")); diff != "" {
			t.Errorf("%+v: %s", c.w, diff)
		}
	}
}

// Loopback legs are left out of call.* and leg.* only: a voicemail that came in
// by such a leg is a voicemail all the same.
func TestInternalLegs(t *testing.T) {
	t.Parallel()
	yes := true
	loop := &switchhook.Resources{Call: &switchhook.Call{ID: "c1", InternalLeg: &yes}}
	d := New(dialecttest.Env())
	for _, c := range []struct {
		typ  string
		r    *switchhook.Resources
		with bool
		want bool
	}{
		{"call.created", loop, false, false},
		{"leg.hungup", loop, false, false},
		{"leg.hungup", loop, true, true},
		{"leg.hungup", nil, false, true},
		{"leg.hungup", &switchhook.Resources{Call: &switchhook.Call{}}, false, true},
		{"voicemail.new", loop, false, true},
	} {
		ev := &switchhook.Event{Type: c.typ, Resources: c.r}
		if got := d.Wants(ev, &switchhook.Webhook{IncludeInternalLegs: c.with}); got != c.want {
			t.Errorf("%s, %t: got %t", c.typ, c.with, got)
		}
	}
}

// Whatever an event lacks, the seven members are there.
func TestRenderNothing(t *testing.T) {
	t.Parallel()
	req, err := New(dialect.Env{}).Render(&switchhook.Event{}, &switchhook.Webhook{})
	if err != nil {
		t.Fatal(err)
	}
	var body map[string]json.RawMessage
	if err := json.Unmarshal(req.Body, &body); err != nil || len(body) != 7 {
		t.Errorf("%s: %v", req.Body, err)
	}
}

func BenchmarkRender(b *testing.B) {
	typ, ok := catalogue.Lookup("call.hungup")
	if !ok {
		b.Fatal("no call.hungup")
	}
	ev := &switchhook.Event{
		ID: "evt_1", Type: typ.Name, AccountID: "acme", Key: "7f3c9a52", Sequence: 42, Data: typ.Sample(),
		OccurredAt: time.Date(2026, 1, 31, 15, 4, 5, 123456000, time.UTC),
	}
	d, w := New(dialecttest.Env()), &switchhook.Webhook{ID: "wh_1", AccountID: "acme", URL: "https://example.com/hook"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Render(ev, w); err != nil {
			b.Fatal(err)
		}
	}
}
