package route_test

import (
	"testing"

	"github.com/switchhook/switchhook"
)

// What Accept finds for an event when it comes, Wants finds for the kept event later.
func TestWantsIsWhatAcceptFinds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	hooks := []*switchhook.Webhook{
		{ID: "own", AccountID: "acme", Events: []string{"call.*"}},
		{ID: "above", AccountID: "root", Events: []string{"*"}, IncludeSubaccounts: true},
		{ID: "above_alone", AccountID: "root", Events: []string{"*"}},
		{ID: "scoped", AccountID: "acme", Events: []string{"*"}, Scope: &switchhook.Scope{Numbers: []string{"+12025550100"}}},
		{ID: "filtered", AccountID: "acme", Events: []string{"*"}, Filter: `data.call.direction == "inbound"`},
		{ID: "kazoo", AccountID: "acme", Dialect: "kazoo", Events: []string{"kazoo:channel_create"}},
		{ID: "flows", AccountID: "acme", Dialect: "kazoo", Flow: true, Events: []string{"flow.webhook"}},
		{ID: "off", AccountID: "acme", Events: []string{"*"}},
	}
	for _, w := range hooks {
		w.Enabled = w.ID != "off"
		if w.Dialect == "" {
			w.Dialect = "switchhook"
		}
	}
	r.router.SetWebhooks(hooks)
	r.accept(
		event("acme", "call.created", "e1", `{"call":{"id":"a","direction":"inbound","to":{"type":"tel","address":"+12025550100"}}}`),
		event("acme", "call.answered", "e2", `{"call":{"id":"b","direction":"outbound"}}`),
		event("acme", "custom.order", "e3", `{"n":1}`),
		event("acme", "flow.webhook", "e4", `{"flow":{"id":"f"},"data":{"a":1},"hook":{"uri":"https://example.com/"}}`),
		event("other", "call.created", "e5", `{"call":{"id":"c","direction":"inbound"}}`),
		event("root", "call.created", "e6", `{"call":{"id":"d","direction":"inbound"}}`),
	)
	found := map[string]int{}
	for _, ev := range r.stored() {
		targets := map[string]bool{}
		for _, id := range ev.Targets {
			targets[id] = true
		}
		for _, w := range hooks {
			if got := r.router.Wants(w.ID, ev); got != targets[w.ID] {
				t.Errorf("%s wants %s: %v, when it came: %v", w.ID, ev.ID, got, targets[w.ID])
			}
			if targets[w.ID] {
				found[w.ID]++
			}
		}
		if r.router.Wants("nobody", ev) {
			t.Errorf("a webhook that there is not wants %s", ev.ID)
		}
	}
	for _, w := range hooks {
		if n := found[w.ID]; (n == 0) != (w.ID == "off") || n == len(r.stored()) && w.ID != "above" {
			t.Errorf("%s got %d events: the test shows nothing", w.ID, n)
		}
	}
}
