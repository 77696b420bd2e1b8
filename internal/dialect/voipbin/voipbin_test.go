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

// VoIPBin's page has 21 headings.
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
		queuecall_abandoned queuecall_created queuecall_done queuecall_entering queuecall_kicking queuecall_serviced`)
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
	dialecttest.Benchmark(b, voipbin.New(dialecttest.Env()), "call.hungup", "queuecall.done", "flow.updated")
}
