package voipbin_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect/dialecttest"
	"github.com/switchhook/switchhook/internal/dialect/voipbin"
)

func TestGolden(t *testing.T) {
	t.Parallel()
	dialecttest.Run(t, voipbin.New(dialecttest.Env()))
}

// VoIPBin's page has 21 headings; webhook_send is an action of its flows.
func TestTableHasEveryNameOfThePage(t *testing.T) {
	t.Parallel()
	var names []string
	for _, row := range voipbin.New(dialecttest.Env()).Table() {
		names = append(names, row.Name)
	}
	slices.Sort(names)
	want := strings.Fields(`activeflow_created activeflow_deleted activeflow_updated
		agent_created agent_deleted agent_status_updated agent_updated
		call_answered call_created call_hungup call_ringing call_updated
		queue_created queue_deleted queue_updated
		queuecall_abandoned queuecall_created queuecall_done queuecall_entering queuecall_kicking queuecall_serviced webhook_send`)
	if diff := cmp.Diff(want, slices.Compact(names)); diff != "" {
		t.Errorf("the page (-) and the table (+) differ:\n%s", diff)
	}
}

func TestNothing(t *testing.T) {
	t.Parallel()
	d := voipbin.New(dialecttest.Env())
	for _, ev := range []*switchhook.Event{
		{Type: "call.held"},
		{Type: "call.dtmf"},
		{Type: "message.received"},
		{Type: "record.created"},
		{Type: "custom.thing"},
		{Type: "recording.started"},
		{Type: "recording.finished", Resources: &switchhook.Resources{Recording: &switchhook.Recording{ID: "r"}}},
		{Type: "emergency.bridged"},
		{Type: "call.ringing"},
		{Type: "leg.ringing", Resources: &switchhook.Resources{Call: &switchhook.Call{LegDirection: "inbound"}}},
		{Type: "leg.ringing", Resources: &switchhook.Resources{Call: &switchhook.Call{}}},
	} {
		if name := d.EventName(ev); name != "" {
			t.Errorf("%s: there is an event %s", ev.Type, name)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	d := voipbin.New(dialecttest.Env())
	for _, method := range []string{"", "POST", "PUT", "GET", "DELETE"} {
		if errs := d.Check(&switchhook.Webhook{Method: method, Format: "json"}); len(errs) > 0 {
			t.Errorf("the method %q is refused: %v", method, errs)
		}
	}
	got := d.Check(&switchhook.Webhook{
		Method: "PATCH", Format: "form", CustomData: map[string]string{"a": "b"}, Modifiers: map[string]any{"a": 1},
		DialectOptions: map[string]any{"node": "a@b"},
	})
	want := []switchhook.FieldError{
		{Field: "format", Message: "expected json in the dialect voipbin"},
		{Field: "method", Message: "expected POST, PUT, GET, DELETE in the dialect voipbin"},
		{Field: "custom_data", Message: "only the dialect kazoo has it"},
		{Field: "modifiers", Message: "only the dialect kazoo has it"},
		{Field: "dialect_options.node", Message: "the dialect voipbin has no options"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wanted (-), got (+):\n%s", diff)
	}
}

func TestScope(t *testing.T) {
	t.Parallel()
	d := voipbin.New(dialecttest.Env())
	ev := &switchhook.Event{Type: "call.created", Resources: &switchhook.Resources{Call: &switchhook.Call{
		ID: "a", To: &switchhook.Party{Address: "+12025550100"},
	}}}
	for _, c := range []struct {
		name  string
		scope *switchhook.Scope
		wants bool
	}{
		{"no scope", nil, true},
		{"the number", &switchhook.Scope{Numbers: []string{"12025550100"}}, true},
		{"another number", &switchhook.Scope{Numbers: []string{"+12025550101"}}, false},
		{"a queue", &switchhook.Scope{Queues: []string{"700"}}, false},
	} {
		if got := d.Wants(ev, &switchhook.Webhook{Scope: c.scope}); got != c.wants {
			t.Errorf("%s: Wants = %v", c.name, got)
		}
	}
	flows := &switchhook.Webhook{Flow: true}
	if sent := (&switchhook.Event{Type: "flow.webhook"}); !d.Wants(sent, flows) || d.Wants(sent, &switchhook.Webhook{}) || d.Wants(ev, flows) {
		t.Error("what a flow sends is for the webhook of call flows, and for it alone")
	}
}

// What lasts has the id that was set for it, wherever it stands.
func TestIDs(t *testing.T) {
	t.Parallel()
	const id = "0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0"
	env := dialecttest.Env()
	env.ID = func(account, dialect, schema, native string) string {
		if account == "acme" && dialect == "voipbin" && schema == native {
			return id
		}
		return ""
	}
	d := voipbin.New(env)
	for _, c := range []struct{ event, want string }{
		{`{"type":"agent.created","data":{"agent":{"id":"agent","tag_ids":["tag"]}}}`, `"id":"` + id + `" "tag_ids":["` + id + `"]`},
		{`{"type":"queue.created","data":{"queue":{"id":"queue","tag_ids":["tag"]}}}`, `"id":"` + id + `" "tag_ids":["` + id + `"]`},
		{`{"type":"queuecall.done","data":{"queuecall":{"id":"queuecall","agent_id":"agent"}}}`, `"service_agent_id":"` + id + `"`},
		{`{"type":"call.created","data":{"call":{"id":"call","flow_id":"call_flow"}}}`, `"flow_id":"` + id + `"`},
		{`{"type":"flow.started","data":{"flow":{"id":"flow","flow_id":"call_flow"}}}`, `"flow_id":"` + id + `"`},
	} {
		req, err := d.Render(dialecttest.Event(t, []byte(c.event)), dialecttest.Webhook(t, nil))
		if err != nil {
			t.Fatal(err)
		}
		for want := range strings.FieldsSeq(c.want) {
			if !strings.Contains(string(req.Body), want) {
				t.Errorf("%s has no %s: %s", c.event, want, req.Body)
			}
		}
	}
	for _, kind := range d.IDs() {
		if !kind.Valid(id) || kind.Valid("7") || !slices.Contains([]string{"agent", "call_flow", "queue", "tag"}, kind.Schema) {
			t.Errorf("ids can be set of %+v", kind)
		}
	}
}

// What VoIPBin has fewer words for, as the catalogue maps it.
func TestWords(t *testing.T) {
	t.Parallel()
	d := voipbin.New(dialecttest.Env())
	render := func(data string) string {
		ev := dialecttest.Event(t, []byte(`{"type":"call.hungup","data":{"call":{"id":"a",`+data+`}}}`))
		req, err := d.Render(ev, dialecttest.Webhook(t, nil))
		if err != nil {
			t.Fatal(err)
		}
		return string(req.Body)
	}
	for _, c := range []struct{ field, theirs, pairs string }{
		{"hangup_reason", "hangup_reason", `normal=normal busy=busy no_answer=noanswer cancelled=cancel rejected=noanswer unregistered=noanswer
			unallocated=failed congestion=failed answered_elsewhere=normal abandoned=normal timeout=timeout dialout=dialout amd=amd lost=failed failed=failed`},
		{"status", "status", `dialing=dialing ringing=ringing answered=progressing terminating=terminating canceling=canceling ended=hangup`},
		{"kind", "type", `flow=flow conference=conference sip_service=sip-service`},
		{"leg_direction", "direction", `inbound=incoming outbound=outgoing`},
		{"hangup_by", "hangup_by", `remote=remote local=local`},
	} {
		for pair := range strings.FieldsSeq(c.pairs) {
			ours, theirs, _ := strings.Cut(pair, "=")
			if body := render(`"` + c.field + `":"` + ours + `"`); !strings.Contains(body, `"`+c.theirs+`":"`+theirs+`"`) {
				t.Errorf("%s %s does not become %s: %s", c.field, ours, theirs, body)
			}
		}
	}
}

func BenchmarkRender(b *testing.B) {
	dialecttest.Benchmark(b, voipbin.New(dialecttest.Env()), "call.created", "leg.ringing", "call.answered", "call.hungup", "queuecall.done", "flow.updated")
}
