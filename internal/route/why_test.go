package route_test

import (
	"strings"
	"testing"

	"github.com/switchhook/switchhook"
)

// What Why says is what Accept did, and each reason is found.
func TestWhy(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	all := []string{"*"}
	numbers := &switchhook.Scope{Numbers: []string{"+12025550199"}}
	want := map[string]switchhook.Why{
		"own": "nothing", "above": "nothing", "named": "nothing", "lets": "nothing",
		"above_alone": "subaccount", "flows": "flow", "typed": "type", "other_name": "type", "teli": "dialect", "gone": "dialect",
		"legs": "internal_leg", "scoped": "scope", "scoped_legs": "scope", "modified": "settings", "filtered": "filter", "confused": "filter_error", "broken": "filter_error",
	}
	hooks := []*switchhook.Webhook{
		{ID: "own", Events: all, IncludeInternalLegs: true},
		{ID: "above", AccountID: "root", Events: all, IncludeSubaccounts: true, IncludeInternalLegs: true},
		{ID: "above_alone", AccountID: "root", Events: all, IncludeInternalLegs: true},
		{ID: "named", Dialect: "kazoo", Events: []string{"kazoo:channel_create"}, IncludeInternalLegs: true},
		{ID: "other_name", Dialect: "kazoo", Events: []string{"kazoo:channel_destroy"}, IncludeInternalLegs: true},
		{ID: "flows", Dialect: "kazoo", Flow: true, Events: []string{"flow.webhook"}},
		{ID: "typed", Events: []string{"queue.*"}, IncludeInternalLegs: true},
		{ID: "teli", Dialect: "teli", Events: all},
		{ID: "gone", Dialect: "gone", Events: all},
		{ID: "legs", Events: all},
		{ID: "scoped", Events: all, IncludeInternalLegs: true, Scope: numbers},
		{ID: "scoped_legs", Events: all, Scope: numbers},
		{ID: "modified", Dialect: "kazoo", Events: all, IncludeInternalLegs: true, Modifiers: map[string]any{"call_direction": "nowhere"}},
		{ID: "lets", Events: all, IncludeInternalLegs: true, Filter: `data.call.direction == "inbound"`},
		{ID: "filtered", Events: all, IncludeInternalLegs: true, Filter: `data.call.direction == "outbound"`},
		{ID: "confused", Events: all, IncludeInternalLegs: true, Filter: `data.call.nothing == "x"`},
		{ID: "broken", Events: all, IncludeInternalLegs: true, Filter: `data.call.`},
	}
	for _, w := range hooks {
		w.Enabled = true
		if w.AccountID == "" {
			w.AccountID = "acme"
		}
		if w.Dialect == "" {
			w.Dialect = "switchhook"
		}
	}
	r.router.SetWebhooks(hooks)
	r.accept(event("acme", "call.created", "e1", `{"call":{"id":"a","direction":"inbound","internal_leg":true,"to":{"type":"tel","address":"+12025550100"}}}`))
	ev := r.stored()[0]
	got := strings.Join(ev.Targets, " ") + " "
	for _, w := range hooks {
		why, note := r.router.Why(w, ev)
		if why != want[w.ID] {
			t.Errorf("%s: %s, want %s", w.ID, why, want[w.ID])
		}
		if (why == switchhook.WhyNothing) != strings.Contains(got, w.ID+" ") {
			t.Errorf("%s: %s, and the event went to %s", w.ID, why, got)
		}
		if (note != "") != (why == switchhook.WhyFilterError) {
			t.Errorf("%s: %s with the note %q", w.ID, why, note)
		}
	}
}
