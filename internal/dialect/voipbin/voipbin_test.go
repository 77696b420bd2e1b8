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

// VoIPBin's page has 21 headings; webhook_send is an action of its flows. The other
// names are those of what came from a VoIPBin.
func TestTableHasEveryNameOfThePage(t *testing.T) {
	t.Parallel()
	var names, later []string
	for _, row := range voipbin.New(dialecttest.Env()).Table() {
		if strings.HasPrefix(row.Note, "only what came from a VoIPBin") {
			later = append(later, row.Name)
		} else {
			names = append(names, row.Name)
		}
	}
	for _, c := range []struct {
		what, want string
		got        []string
	}{
		{"the page", `activeflow_created activeflow_deleted activeflow_updated
			agent_created agent_deleted agent_status_updated agent_updated
			call_answered call_created call_hungup call_ringing call_updated
			queue_created queue_deleted queue_updated
			queuecall_abandoned queuecall_created queuecall_done queuecall_entering queuecall_kicking queuecall_serviced webhook_send`, names},
		{"what came later", `call_canceling call_dialing call_hangup call_progressing call_terminating message_created message_updated
			number_created number_deleted number_renewed number_updated queuecall_connecting recording_finished recording_started`, later},
	} {
		slices.Sort(c.got)
		if diff := cmp.Diff(strings.Fields(c.want), slices.Compact(c.got)); diff != "" {
			t.Errorf("%s (-) and the table (+) differ:\n%s", c.what, diff)
		}
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
		{Field: "dialect_options.node", Message: "the dialect voipbin has no such option; it has era"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wanted (-), got (+):\n%s", diff)
	}
}

func TestEra(t *testing.T) {
	t.Parallel()
	d := voipbin.New(dialecttest.Env())
	for value, want := range map[any][]switchhook.FieldError{
		"as_sent": nil,
		"2022":    nil,
		2022.0:    {{Field: "dialect_options.era", Message: `expected "as_sent" (the default) or "2022"`}},
	} {
		if diff := cmp.Diff(want, d.Check(&switchhook.Webhook{DialectOptions: map[string]any{"era": value}})); diff != "" {
			t.Errorf("%v: wanted (-), got (+):\n%s", value, diff)
		}
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
	sent := &switchhook.Event{Type: "flow.webhook"}
	if d.Wants(sent, &switchhook.Webhook{}) {
		t.Error("what a flow sends is for the webhook of call flows alone")
	}
	if sent.Original = (&switchhook.Original{System: "voipbin"}); !d.Wants(sent, &switchhook.Webhook{}) {
		t.Error("what a flow of VoIPBin's has sent is for all")
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

// Where an event does not tell what VoIPBin always knew, its type does.
func TestTypesImplyWords(t *testing.T) {
	t.Parallel()
	d := voipbin.New(dialecttest.Env())
	for _, c := range []struct{ resource, data, theirs, pairs string }{
		{"call", "", "status", `call.created=ringing call.answered=progressing call.bridged=progressing call.updated=progressing call.transferred=progressing
			call.hungup=hangup leg.created=ringing leg.hungup=hangup recording.started=progressing`},
		{"call", `,"leg_direction":"outbound"`, "status", `call.created=dialing call.ringing=ringing leg.created=dialing leg.ringing=ringing leg.answered=progressing`},
		{"call", "", "direction", `call.created=incoming`},
		{"call", `,"direction":"inbound"`, "direction", `call.created=incoming`},
		{"call", `,"direction":"outbound"`, "direction", `call.created=outgoing`},
		{"call", `,"direction":"internal"`, "direction", `call.created=outgoing`},
		{"call", `,"direction":"outbound","leg_direction":"inbound"`, "direction", `call.created=incoming`},
		{"queuecall", "", "status", `queuecall.created=wait queuecall.connecting=entering queuecall.kicked=kicking queuecall.serviced=service queuecall.done=done queuecall.abandoned=abandoned`},
		{"queuecall", `,"status":"connecting"`, "status", `queuecall.kicked=entering`},
		{"queuecall", "", "reference_type", `queuecall.created=call`},
		{"agent", "", "status", `agent.created=offline agent.updated=offline agent.status_updated=offline`},
		{"agent", "", "ring_method", `agent.created=ringall`},
		{"agent", `,"ring_method":"linear","status":"away"`, "ring_method", `agent.created=linear`},
		{"flow", `,"customer_id":"0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0"`, "customer_id", `flow.started=00000000-0000-0000-0000-000000000000`},
	} {
		for pair := range strings.FieldsSeq(c.pairs) {
			typ, word, _ := strings.Cut(pair, "=")
			data := `"` + c.resource + `":{"id":"a"` + c.data + `}`
			if strings.HasPrefix(typ, "recording.") {
				data += `,"recording":{"id":"r"}`
			}
			ev := dialecttest.Event(t, []byte(`{"type":"`+typ+`","data":{`+data+`}}`))
			req, err := d.Render(ev, dialecttest.Webhook(t, nil))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(req.Body), `"`+c.theirs+`":"`+word+`"`) || d.EventName(ev) == "" {
				t.Errorf("%s {%s}: %s is not %s: %s", typ, data, c.theirs, word, req.Body)
			}
		}
	}
}

// An event's name is asked for at each of the webhooks that it may go to.
func BenchmarkEventName(b *testing.B) {
	d := voipbin.New(dialecttest.Env())
	golden := dialecttest.Golden(b, ".")
	for name, file := range map[string]string{"native": "call.hungup", "relayed": "call.hungup.told"} {
		ev := dialecttest.Relayed(b, golden[file]["event.json"], golden[file]["original.json"])
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if d.EventName(ev) == "" {
					b.Fatal("it has none")
				}
			}
		})
	}
}

func BenchmarkRender(b *testing.B) {
	dialecttest.Benchmark(b, voipbin.New(dialecttest.Env()), "call.created", "leg.ringing", "call.answered", "call.hungup", "queuecall.done", "flow.updated")
}
