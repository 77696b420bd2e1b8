package voipbin_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/calls"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect/dialecttest"
	dialect "github.com/switchhook/switchhook/internal/dialect/voipbin"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
	"github.com/switchhook/switchhook/internal/source/voipbin"
)

// The examples of VoIPBin's page, each as it stands there.
func examples(tb testing.TB) map[string][]byte {
	tb.Helper()
	files, err := filepath.Glob("testdata/seed/*.json")
	if err != nil || len(files) != 14 {
		tb.Fatalf("the page has 14 examples, here are %d: %v", len(files), err)
	}
	bodies := map[string][]byte{}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		bodies[strings.TrimSuffix(filepath.Base(file), ".json")] = body
	}
	return bodies
}

var received = time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC)

func translate(body []byte) (*source.Message, error) {
	return voipbin.New().Translate(&source.Request{
		Method: "POST", ContentType: "application/json", Body: body, ReceivedAt: received,
	})
}

// in2022 is the webhook of a receiver that knows only 2022.
func in2022() *switchhook.Webhook {
	return &switchhook.Webhook{DialectOptions: map[string]any{"era": "2022"}}
}

// leaves is what comes out in VoIPBin's dialect of the webhooks that a folder took,
// which must be what came in; and its name, and what comes out where only 2022 is
// known: nothing where that year had none of it.
func leaves(f *calls.Folder, body []byte) (name, written string, err error) {
	m, err := translate(body)
	if err != nil {
		return "", "", err
	}
	d := dialect.New(dialecttest.Env())
	for i, ev := range m.Events {
		if err := sourcetest.Fold(f, ev, received); err != nil {
			return "", "", err
		}
		if i > 0 {
			if also := d.EventName(ev); also != "" {
				return "", "", fmt.Errorf("event %d leaves too, as %s", i, also)
			}
			continue
		}
		name = d.EventName(ev)
		if !strings.Contains(string(body), `"`+name+`"`) || !d.Wants(ev, &switchhook.Webhook{}) {
			return "", "", fmt.Errorf("%s leaves as %q", body, name)
		}
		req, err := d.Render(ev, &switchhook.Webhook{})
		if err != nil {
			return "", "", err
		}
		if !bytes.Equal(req.Body, bytes.TrimSpace(body)) {
			return "", "", fmt.Errorf("in  %s\nout %s", body, req.Body)
		}
		if !d.Wants(ev, in2022()) {
			if _, err := d.Render(ev, in2022()); err == nil {
				return "", "", fmt.Errorf("%s is rendered, and 2022 had none", name)
			}
			continue
		}
		if req, err = d.Render(ev, in2022()); err != nil {
			return "", "", err
		}
		written = string(req.Body)
	}
	return name, written, nil
}

// Each example comes out as it is printed, and without its white space where it is
// written anew.
func TestExamplesComeOutAsTheyCameIn(t *testing.T) {
	t.Parallel()
	for name, body := range examples(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want bytes.Buffer
			if err := json.Compact(&want, body); err != nil {
				t.Fatal(err)
			}
			got, written, err := leaves(calls.New(), body)
			if err != nil || got != name {
				t.Fatalf("%s: %v", got, err)
			}
			if diff := cmp.Diff(want.String(), written); diff != "" {
				t.Errorf("in (-), out (+):\n%s", diff)
			}
		})
	}
}

func TestExamplesBecomeEvents(t *testing.T) {
	t.Parallel()
	bodies := examples(t)
	for _, c := range []struct{ example, typ, occurred, data string }{
		{
			"call_created", "call.created", "2022-04-11T00:23:53.636Z",
			`{"call":{"id":"5371e9db-d035-4db6-a8d6-0994d33e744e","flow_id":"d157ce07-0360-4cad-9007-c8ab89fccf9c","kind":"flow","parent_id":null,` +
				`"chained_ids":[],"recording_id":null,"recording_ids":[],` +
				`"from":{"type":"tel","address":"+821100000002","name":null,"label":null,"detail":null},` +
				`"to":{"type":"tel","address":"+821100000001","name":null,"label":null,"detail":null},"status":"ringing",` +
				`"action":{"id":"00000000-0000-0000-0000-000000000001"},` +
				`"leg_direction":"inbound","hangup_by":null,"hangup_reason":null,` +
				`"created_at":"2022-04-11T00:23:53.636000Z","updated_at":null,"answered_at":null,"ringing_at":null,"ended_at":null,"direction":"inbound"}}`,
		},
		{
			"call_ringing", "leg.ringing", "2022-03-29T15:08:03.421646Z",
			`{"call":{"id":"ad132775-1ab2-485e-856f-72c2e383cdc6","flow_id":"6da52ef9-7d7d-48e4-8bca-921e7b78e47c","kind":"flow","parent_id":"1fe1356f-3f7f-4ff9-9d33-08136b38f506",` +
				`"chained_ids":[],"recording_id":null,"recording_ids":[],` +
				`"from":{"type":"tel","address":"+15559876543","name":null,"label":null,"detail":null},` +
				`"to":{"type":"tel","address":"+15559876543","name":null,"label":null,"detail":null},"status":"ringing",` +
				`"action":{"id":"00000000-0000-0000-0000-000000000001"},` +
				`"leg_direction":"outbound","hangup_by":null,"hangup_reason":null,` +
				`"created_at":"2022-03-29T15:08:01.815004Z","updated_at":"2022-03-29T15:08:03.421646Z","answered_at":null,"ringing_at":"2022-03-29T15:08:03.314000Z","ended_at":null,` +
				`"root_id":"1fe1356f-3f7f-4ff9-9d33-08136b38f506"}}`,
		},
		{
			"queuecall_done", "queuecall.done", "2022-03-29T15:08:25.814885Z",
			`{"queuecall":{"id":"c7c1e226-8c86-4b43-9606-2d5bb2059a09","reference_type":"call","reference_id":"1fe1356f-3f7f-4ff9-9d33-08136b38f506",` +
				`"status":"done","agent_id":"eb1ac5c0-ff63-47e2-bcdb-5da9c336eb4b","created_at":"2022-03-29T15:07:46.111715Z",` +
				`"service_at":"2022-03-29T15:08:04.811442Z","updated_at":"2022-03-29T15:08:25.814885Z","ended_at":"2022-03-29T15:08:25.814885Z"}}`,
		},
		{
			"agent_status_updated", "agent.status_updated", "2022-03-29T15:08:00.8149Z",
			`{"agent":{"id":"eb1ac5c0-ff63-47e2-bcdb-5da9c336eb4b","username":"test1","name":"test agent 1","detail":"test agent. username test1",` +
				`"ring_method":"ringall","status":"available","permission":0,"tag_ids":["d7450dda-21e0-4611-b09a-8d771c50a5e6"],` +
				`"addresses":[{"type":"tel","address":"+15559876543"}],"created_at":"2021-11-29T06:09:07.263846Z","updated_at":"2022-03-29T15:08:00.814900Z","deleted_at":null}}`,
		},
		{"call_answered", "call.answered", "2022-04-11T00:23:55.13019Z", ""},
		{"call_updated", "call.updated", "2022-03-29T14:10:33.709605Z", ""},
		{"call_hungup", "call.hungup", "2022-04-11T06:10:58.431Z", ""},
		{"activeflow_created", "flow.started", "2022-04-11T00:23:54.72462Z", ""},
		{"activeflow_updated", "flow.updated", "2022-04-11T00:23:54.840938Z", ""},
		{"activeflow_deleted", "flow.ended", "2022-04-11T00:23:55.1345Z", ""},
		{"queuecall_created", "queuecall.created", "2022-03-29T15:07:46.111715Z", ""},
		{"queuecall_entering", "queuecall.connecting", "2022-03-29T15:08:02.233858Z", ""},
		{"queuecall_kicking", "queuecall.kicked", "2022-03-29T15:08:02.233858Z", ""},
		{"queuecall_serviced", "queuecall.serviced", "2022-03-29T15:08:04.811442Z", ""},
	} {
		m, err := translate(bodies[c.example])
		if err != nil {
			t.Fatal(err)
		}
		ev := m.Events[0]
		if said := ev.Original; said == nil || said.Body != strings.TrimSpace(string(bodies[c.example])) {
			t.Errorf("%s: it said %+v", c.example, said)
		}
		if ev.Type != c.typ || ev.OccurredAt.Format(time.RFC3339Nano) != c.occurred || m.SystemAccount != "" {
			t.Errorf("%s: %s at %v in %q, want %s at %s", c.example, ev.Type, ev.OccurredAt, m.SystemAccount, c.typ, c.occurred)
		}
		if c.data == "" {
			continue
		}
		if diff := cmp.Diff(c.data, string(ev.Data)); diff != "" {
			t.Errorf("%s: wanted (-), got (+):\n%s", c.example, diff)
		}
	}
}

// VoIPBin sends a body up to three times; each time it is the same event.
func TestTheSameBodyIsTheSameEvent(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, body := range examples(t) {
		first, err := translate(body)
		if err != nil {
			t.Fatal(err)
		}
		second, err := translate(bytes.Clone(body))
		if err != nil {
			t.Fatal(err)
		}
		a, b := first.Events[0], second.Events[0]
		if a.ID != b.ID || !a.IDGiven || strings.Trim(a.ID, "abcdefinopv0123456789:") != "" {
			t.Errorf("%s: the ids are %q and %q", name, a.ID, b.ID)
		}
		if other := seen[a.ID]; other != "" {
			t.Errorf("%s and %s have the same id", name, other)
		}
		seen[a.ID] = name
	}
}

func TestDirection(t *testing.T) {
	t.Parallel()
	const master = "1fe1356f-3f7f-4ff9-9d33-08136b38f506"
	for _, c := range []struct{ name, call, typ, direction, leg string }{
		{"from the telephone network", `"direction":"incoming","source":{"type":"tel"},"destination":{"type":"tel"}`, "call.created", "inbound", "inbound"},
		{"from nobody known", `"direction":"incoming","source":{"type":""},"destination":{"type":"agent"}`, "call.created", "inbound", "inbound"},
		{"without a source", `"direction":"incoming"`, "call.created", "inbound", "inbound"},
		{"a phone calls a number", `"direction":"incoming","source":{"type":"sip"},"destination":{"type":"tel"}`, "call.created", "outbound", "inbound"},
		{"an agent calls a number", `"direction":"incoming","source":{"type":"agent"},"destination":{"type":"tel"}`, "call.created", "outbound", "inbound"},
		{"a phone calls a phone", `"direction":"incoming","source":{"type":"endpoint"},"destination":{"type":"endpoint"}`, "call.created", "internal", "inbound"},
		{"made by the API", `"direction":"outgoing","master_call_id":"00000000-0000-0000-0000-000000000000"`, "call.created", "outbound", "outbound"},
		{"a leg", `"direction":"outgoing","master_call_id":"` + master + `"`, "leg.created", "", "outbound"},
		{"unsaid", `"direction":""`, "call.created", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, err := translate([]byte(`{"type":"call_created","data":{"id":"ad132775-1ab2-485e-856f-72c2e383cdc6",` + c.call + `}}`))
			if err != nil {
				t.Fatal(err)
			}
			ev := m.Events[0]
			if err := sourcetest.Accept(ev); err != nil {
				t.Fatal(err)
			}
			call := ev.Resources.Call
			if ev.Type != c.typ || call.Direction != c.direction || call.LegDirection != c.leg {
				t.Errorf("%s, direction %q, leg_direction %q", ev.Type, call.Direction, call.LegDirection)
			}
			if leg := c.typ == "leg.created"; leg != (call.RootID == master && call.ParentID == master) {
				t.Errorf("root %q, parent %q", call.RootID, call.ParentID)
			}
		})
	}
}

// Members that we do not know leave with the body; those that are missing in a body
// of 2022 are left out of the data, so that the snapshot keeps them.
func TestMoreOrLessThanExpected(t *testing.T) {
	t.Parallel()
	body := []byte(`{"data":{"new":{"a":[1]},"id":"ad132775-1ab2-485e-856f-72c2e383cdc6","status":null,"tm_hangup":"","source":{"type":"tel","verified":true}},"type":"call_hungup","sent":true}`)
	if name, _, err := leaves(calls.New(), body); err != nil || name != "call_hungup" {
		t.Error(name, err)
	}
	m, err := translate(body)
	if err != nil {
		t.Fatal(err)
	}
	ev := m.Events[0]
	if want := `{"call":{"id":"ad132775-1ab2-485e-856f-72c2e383cdc6","from":{"type":"tel","address":null,"name":null,"label":null,"detail":null},"status":null,"ended_at":null}}`; string(ev.Data) != want {
		t.Errorf("got %s, want %s", ev.Data, want)
	}
	if !ev.OccurredAt.Equal(received) {
		t.Errorf("it occurred at %v, want when it came", ev.OccurredAt)
	}
}

func TestCustomer(t *testing.T) {
	t.Parallel()
	const body = `{"type":"activeflow_created","data":{"id":"ad132775-1ab2-485e-856f-72c2e383cdc6","customer_id":"1fe1356f-3f7f-4ff9-9d33-08136b38f506"}}`
	m, err := translate([]byte(body))
	if err != nil || m.SystemAccount != "1fe1356f-3f7f-4ff9-9d33-08136b38f506" {
		t.Errorf("the account is %q, %v", m.SystemAccount, err)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	const id = `"id":"ad132775-1ab2-485e-856f-72c2e383cdc6"`
	for _, c := range []struct {
		name, body string
		code       switchhook.Code
		fields     string // "field: message", one a line
	}{
		{"empty", ``, switchhook.CodeMalformed, ""},
		{"a form", `type=call_created`, switchhook.CodeMalformed, ""},
		{"a list", `[]`, switchhook.CodeMalformed, ""},
		{"a member twice", `{"type":"call_created","type":"call_hungup","data":{}}`, switchhook.CodeMalformed, ""},
		{"no type", `{"data":{}}`, switchhook.CodeInvalid, "type: expected a string, got nothing"},
		{"a type that is no string", `{"type":7,"data":{}}`, switchhook.CodeInvalid, "type: expected a string, got 7"},
		{
			"a resource that customers do not hear of", `{"type":"confbridge_joined","data":{}}`, switchhook.CodeUnknownType,
			`type: VoIPBin has no webhook "confbridge_joined"; it has those of account, activeflow, agent, ai, aicall, aimessage, call, campaign, campaigncall, chat, chatmessage, ` +
				`chatparticipant, conference, conversation, conversation_message, email, groupcall, message, number, outdial, queue, queuecall, recording, summary, tag, team, transcribe, transcript, ` +
				`webchat_message, webchat_session`,
		},
		{
			"what a call does not tell", `{"type":"call_exploded","data":{}}`, switchhook.CodeUnknownType,
			`type: VoIPBin has no webhook "call_exploded"; it has call_answered, call_canceling, call_created, call_deleted, call_dialing, call_hangup, call_hungup, call_progressing, call_ringing, ` +
				`call_terminating, call_updated`,
		},
		{
			"what a conversation does not tell", `{"type":"conversation_ended","data":{}}`, switchhook.CodeUnknownType,
			`type: VoIPBin has no webhook "conversation_ended"; it has conversation_created, conversation_deleted, conversation_updated`,
		},
		{"no data", `{"type":"call_created"}`, switchhook.CodeInvalid, "data: expected an object, got nothing"},
		{"null data", `{"type":"call_created","data":null}`, switchhook.CodeInvalid, "data: expected an object, got null"},
		{"data that is no object", `{"type":"call_created","data":"x"}`, switchhook.CodeInvalid, `data: expected an object, got "x"`},
		{"no id", `{"type":"queuecall_done","data":{}}`, switchhook.CodeInvalid, "data.id: is required: the queuecall's id"},
		{"the nil id", `{"type":"agent_created","data":{"id":"00000000-0000-0000-0000-000000000000"}}`, switchhook.CodeInvalid, "data.id: is required: the agent's id"},
		{
			"wrong types", `{"type":"call_updated","data":{"id":7,"flow_id":"x","chained_call_ids":"x","recording_ids":["` + strings.Repeat("z", 36) + `"],"source":[],"destination":{"target":1},` +
				`"status":"gone","action":{"option":"x","tm_execute":"2022-04-11T0:23:55Z"},"direction":1,"tm_create":5,"tm_update":"2022-04-11 0:23:55","tm_hangup":"2022-13-11 00:23:55.000000"}}`,
			switchhook.CodeInvalid, `data.id: expected a UUID, got 7
data.flow_id: expected a UUID, got "x"
data.chained_call_ids: expected a list, got "x"
data.recording_ids[0]: expected a UUID, got "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
data.source: expected an object, got an array
data.destination.target: expected a string, got 1
data.status: expected one of dialing, ringing, progressing, terminating, canceling, hangup, got "gone"
data.action.option: expected an object, got "x"
data.action.tm_execute: expected a time such as 2022-04-11 00:23:53.636000 or 2026-02-05T09:12:44.1Z, got "2022-04-11T0:23:55Z"
data.direction: expected one of incoming, outgoing, got 1
data.tm_create: expected a string, got 5
data.tm_update: expected a time such as 2022-04-11 00:23:53.636000 or 2026-02-05T09:12:44.1Z, got "2022-04-11 0:23:55"
data.tm_hangup: expected a time such as 2022-04-11 00:23:53.636000 or 2026-02-05T09:12:44.1Z, got "2022-13-11 00:23:55.000000"`,
		},
		{
			"wrong numbers", `{"type":"queue_updated","data":{` + id + `,"wait_timeout":1.5,"total_waittime":"5","wait_actions":[{"type":5},null]}}`,
			switchhook.CodeInvalid, `data.wait_timeout: expected an integer, got 1.5
data.wait_actions[0].type: expected a string, got 5
data.wait_actions[1]: expected an object, got null
data.total_waittime: expected an integer, got "5"`,
		},
		{
			"a wrong permission", `{"type":"agent_updated","data":{` + id + `,"permission":-1,"tag_ids":[null]}}`,
			switchhook.CodeInvalid, `data.permission: expected an integer of 0 or more, got -1
data.tag_ids[0]: expected a UUID, got null`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, fields, err := sourcetest.Refused(translate([]byte(c.body)))
			if err != nil || code != c.code {
				t.Fatalf("got %s, %v", code, err)
			}
			if diff := cmp.Diff(c.fields, fields); diff != "" {
				t.Errorf("wanted (-), got (+):\n%s", diff)
			}
		})
	}
}

// Whatever VoIPBin sent in 2022 comes out the same to the byte, whatever was told
// of the same thing before; and so it is where it is written anew.
func TestEveryPayloadComesOutAsItCameIn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		folder := calls.New()
		for range rapid.IntRange(1, 4).Draw(t, "payloads") {
			body := payload(t)
			_, got, err := leaves(folder, body)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(body) {
				t.Fatalf("in  %s\nout %s", body, got)
			}
		}
	})
}

// payload draws a webhook. The structs are in VoIPBin's order, and encoding/json
// writes them as VoIPBin does.
func payload(t *rapid.T) []byte {
	draw := func(words ...string) string { return rapid.SampledFrom(words).Draw(t, "word") }
	id := func() string {
		if rapid.Bool().Draw(t, "nil") {
			return "00000000-0000-0000-0000-000000000000"
		}
		return rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`).Draw(t, "uuid")
	}
	ids := func() []string {
		return rapid.SliceOfN(rapid.Custom(func(*rapid.T) string { return id() }), 0, 3).Draw(t, "uuids")
	}
	own := func() string {
		return draw("ad132775-1ab2-485e-856f-72c2e383cdc6", "c7c1e226-8c86-4b43-9606-2d5bb2059a09")
	}
	master := func(of string) string { // a leg has the same one all its life
		if of[0] == 'a' {
			return "1fe1356f-3f7f-4ff9-9d33-08136b38f506"
		}
		return "00000000-0000-0000-0000-000000000000"
	}
	moment := func() time.Time {
		return time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "time")).UTC()
	}
	stamp := func() string {
		if rapid.Bool().Draw(t, "never") {
			return "9999-01-01 00:00:00.000000"
		}
		return moment().Format("2006-01-02 15:04:05.000000")
	}
	text := func() string { return rapid.String().Draw(t, "text") }
	number := func() int64 { return rapid.Int64().Draw(t, "number") }

	type address struct {
		Type       string `json:"type"`
		Target     string `json:"target"`
		TargetName string `json:"target_name"`
		Name       string `json:"name"`
		Detail     string `json:"detail"`
	}
	drawAddress := func() address {
		return address{draw("", "agent", "endpoint", "sip", "tel"), text(), text(), text(), text()}
	}
	addresses := func() []address {
		all := []address{}
		for range rapid.IntRange(0, 2).Draw(t, "addresses") {
			all = append(all, drawAddress())
		}
		return all
	}
	type action struct {
		ID        string          `json:"id"`
		NextID    string          `json:"next_id"`
		Type      string          `json:"type"`
		Option    json.RawMessage `json:"option,omitempty"`
		TMExecute string          `json:"tm_execute,omitempty"`
	}
	drawAction := func() action {
		a := action{ID: id(), NextID: id(), Type: draw("", "answer", "talk", "queue_join")}
		if rapid.Bool().Draw(t, "option") {
			option, err := json.Marshal(map[string]any{text(): text(), "n": number(), "list": []string{text()}, "o": map[string]any{}})
			if err != nil {
				t.Fatal(err)
			}
			a.Option = option
		}
		if rapid.Bool().Draw(t, "executed") {
			a.TMExecute = moment().Add(time.Duration(rapid.IntRange(0, 999).Draw(t, "ns"))).Format("2006-01-02 15:04:05.999999999")
		}
		return a
	}
	actions := func() []action {
		all := []action{}
		for range rapid.IntRange(0, 2).Draw(t, "actions") {
			all = append(all, drawAction())
		}
		return all
	}

	typ := draw("activeflow_created", "activeflow_updated", "activeflow_deleted",
		"call_created", "call_ringing", "call_answered", "call_updated", "call_hungup",
		"queue_created", "queue_updated", "queue_deleted",
		"queuecall_created", "queuecall_entering", "queuecall_kicking", "queuecall_serviced", "queuecall_done", "queuecall_abandoned",
		"agent_created", "agent_updated", "agent_deleted", "agent_status_updated")
	var data any
	switch resource, _, _ := strings.Cut(typ, "_"); resource {
	case "call":
		call, direction := own(), draw("incoming", "outgoing")
		rang := stamp()
		if typ == "call_ringing" {
			direction = "outgoing"
		}
		if direction == "incoming" {
			rang = "9999-01-01 00:00:00.000000"
		}
		data = struct {
			ID             string   `json:"id"`
			FlowID         string   `json:"flow_id"`
			Type           string   `json:"type"`
			MasterCallID   string   `json:"master_call_id"`
			ChainedCallIDs []string `json:"chained_call_ids"`
			RecordingID    string   `json:"recording_id"`
			RecordingIDs   []string `json:"recording_ids"`
			Source         address  `json:"source"`
			Destination    address  `json:"destination"`
			Status         string   `json:"status"`
			Action         action   `json:"action"`
			Direction      string   `json:"direction"`
			HangupBy       string   `json:"hangup_by"`
			HangupReason   string   `json:"hangup_reason"`
			TMCreate       string   `json:"tm_create"`
			TMUpdate       string   `json:"tm_update"`
			TMProgressing  string   `json:"tm_progressing"`
			TMRinging      string   `json:"tm_ringing"`
			TMHangup       string   `json:"tm_hangup"`
		}{
			call, id(), draw("", "flow", "conference", "sip-service"), master(call), ids(), id(), ids(), drawAddress(), drawAddress(),
			draw("dialing", "ringing", "progressing", "terminating", "canceling", "hangup"), drawAction(), direction,
			draw("", "remote", "local"), draw("", "normal", "failed", "busy", "cancel", "timeout", "noanswer", "dialout", "amd"),
			stamp(), stamp(), stamp(), rang, stamp(),
		}
	case "activeflow":
		data = struct {
			ID              string   `json:"id"`
			FlowID          string   `json:"flow_id"`
			CustomerID      string   `json:"customer_id"`
			ReferenceType   string   `json:"reference_type"`
			ReferenceID     string   `json:"reference_id"`
			CurrentAction   action   `json:"current_action"`
			ForwardActionID string   `json:"forward_action_id"`
			Actions         []action `json:"actions"`
			TMCreate        string   `json:"tm_create"`
			TMUpdate        string   `json:"tm_update"`
			TMDelete        string   `json:"tm_delete"`
		}{
			own(), id(), "00000000-0000-0000-0000-000000000000", draw("", "call", "message"), id(), drawAction(), id(), actions(), stamp(), stamp(),
			"9999-01-01 00:00:00.000000",
		}
	case "queue":
		data = struct {
			ID                   string   `json:"id"`
			Name                 string   `json:"name"`
			Detail               string   `json:"detail"`
			RoutingMethod        string   `json:"routing_method"`
			TagIDs               []string `json:"tag_ids"`
			WaitActions          []action `json:"wait_actions"`
			WaitTimeout          int64    `json:"wait_timeout"`
			ServiceTimeout       int64    `json:"service_timeout"`
			WaitQueueCallIDs     []string `json:"wait_queue_call_ids"`
			ServiceQueueCallIDs  []string `json:"service_queue_call_ids"`
			TotalIncomingCount   int64    `json:"total_incoming_count"`
			TotalServicedCount   int64    `json:"total_serviced_count"`
			TotalAbandonedCount  int64    `json:"total_abandoned_count"`
			TotalWaittime        int64    `json:"total_waittime"`
			TotalServiceDuration int64    `json:"total_service_duration"`
			TMCreate             string   `json:"tm_create"`
			TMUpdate             string   `json:"tm_update"`
			TMDelete             string   `json:"tm_delete"`
		}{
			own(), text(), text(), draw("", "random"), ids(), actions(), number(), number(), ids(), ids(),
			number(), number(), number(), number(), number(), stamp(), stamp(), stamp(),
		}
	case "queuecall":
		data = struct {
			ID             string `json:"id"`
			ReferenceType  string `json:"reference_type"`
			ReferenceID    string `json:"reference_id"`
			Status         string `json:"status"`
			ServiceAgentID string `json:"service_agent_id"`
			TMCreate       string `json:"tm_create"`
			TMService      string `json:"tm_service"`
			TMUpdate       string `json:"tm_update"`
			TMDelete       string `json:"tm_delete"`
		}{
			own(), "call", id(), draw("wait", "entering", "kicking", "service", "done", "abandoned"), id(),
			stamp(), stamp(), stamp(), stamp(),
		}
	default:
		data = struct {
			ID         string    `json:"id"`
			Username   string    `json:"username"`
			Name       string    `json:"name"`
			Detail     string    `json:"detail"`
			RingMethod string    `json:"ring_method"`
			Status     string    `json:"status"`
			Permission uint64    `json:"permission"`
			TagIDs     []string  `json:"tag_ids"`
			Addresses  []address `json:"addresses"`
			TMCreate   string    `json:"tm_create"`
			TMUpdate   string    `json:"tm_update"`
			TMDelete   string    `json:"tm_delete"`
		}{
			own(), text(), text(), text(), draw("ringall", "linear"),
			draw("available", "away", "busy", "offline", "ringing"), rapid.Uint64().Draw(t, "permission"),
			ids(), addresses(), stamp(), stamp(), stamp(),
		}
	}
	body, err := json.Marshal(struct {
		Type string `json:"type"`
		Data any    `json:"data"`
	}{typ, data})
	if err != nil {
		t.Fatal(err)
	}
	return asIn2022(body)
}

// asIn2022 writes backspace and form feed as Go did before 1.22, that is, VoIPBin
// in 2022.
func asIn2022(body []byte) []byte {
	return []byte(strings.NewReplacer(`\\`, `\\`, `\b`, `\u0008`, `\f`, `\u000c`).Replace(string(body)))
}

// Nothing makes the translator panic, and what it takes can be accepted and leaves as
// it came.
func FuzzTranslate(f *testing.F) {
	for _, body := range examples(f) {
		f.Add(body)
	}
	for _, body := range [][]byte{
		later("call_hangup", first, `"source":{},"destination":{"type":"line"},"action":{"tm_execute":null},"tm_hangup":"2026-02-05T09:12:44.1Z"`),
		later("message_updated", first, `"type":"sms","direction":"outbound","source":{"target":"1"},"targets":[{"destination":{"target":"2"},"status":"sent","parts":2,"tm_update":"2026-02-05T09:12:44.1Z"},{"status":"failed"}]`),
		later("conversation_message_created", first, `"direction":"incoming","reference_type":"line","conversation_id":"`+second+`"`),
		later("recording_started", first, `"reference_type":"confbridge","reference_id":"`+second+`"`),
		later("number_created", first, `"number":"+12025550100"`),
		later("transcript_created", first, `"transcribe_id":"`+second+`"`),
		[]byte(`{"step":"welcome"}`),
	} {
		f.Add(body)
	}
	f.Add([]byte(`{"type":"queue_created","data":{"id":"ad132775-1ab2-485e-856f-72c2e383cdc6","wait_actions":[{"option":{"a":[1,null]}},{}],"wait_timeout":-0,"tm_create":"0001-01-01 00:00:00"}}`))
	f.Add([]byte(`{"type":"agent_created","data":{"id":"ad132775-1ab2-485e-856f-72c2e383cdc6","addresses":[{}],"permission":1e3}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := translate(body)
		if err != nil {
			if _, ok := errors.AsType[*switchhook.Error](err); !ok {
				t.Fatalf("the error is a %T: %v", err, err)
			}
			return
		}
		for _, ev := range m.Events {
			if err := sourcetest.Accept(ev); err != nil {
				t.Fatalf("%s became an event that is refused: %v", body, err)
			}
		}
		if m.Events[0].Type == "flow.webhook" {
			return
		}
		if _, _, err := leaves(calls.New(), body); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkTranslate(b *testing.B) {
	body := examples(b)["call_hungup"]
	b.ReportAllocs()
	t := voipbin.New()
	for b.Loop() {
		if _, err := t.Translate(&source.Request{Body: body, ReceivedAt: received}); err != nil {
			b.Fatal(err)
		}
	}
}

// The examples told in the order in which they happened, all to one folder: each
// comes out as it came in, and a call's events have one key.
func TestExamplesAsTheyHappened(t *testing.T) {
	t.Parallel()
	const waiting, second = "1fe1356f-3f7f-4ff9-9d33-08136b38f506", "5371e9db-d035-4db6-a8d6-0994d33e744e"
	bodies, folder, d := examples(t), calls.New(), dialect.New(dialecttest.Env())
	last := time.Time{}
	for _, c := range []struct{ example, key string }{
		{"call_updated", "bf682a17-6b3f-412c-bbac-faa81fb9ada3"},
		{"queuecall_created", waiting},
		{"agent_status_updated", "eb1ac5c0-ff63-47e2-bcdb-5da9c336eb4b"},
		{"queuecall_entering", waiting},
		{"call_ringing", waiting},
		{"queuecall_serviced", waiting},
		{"queuecall_done", waiting},
		{"call_created", second},
		{"activeflow_created", "74ac5405-7c70-4184-9388-1c9f8f8ce25f"},
		{"activeflow_updated", "74ac5405-7c70-4184-9388-1c9f8f8ce25f"},
		{"call_answered", second},
		{"activeflow_deleted", "74ac5405-7c70-4184-9388-1c9f8f8ce25f"},
		{"call_hungup", "593555d2-787e-4b06-862f-407bb2e43be1"},
	} {
		ev, err := sourcetest.One(translate(bodies[c.example]))
		if err != nil {
			t.Fatal(err)
		}
		if err := sourcetest.Fold(folder, ev, received); err != nil {
			t.Fatal(err)
		}
		typ, _ := catalogue.Lookup(ev.Type)
		if key := catalogue.Key(typ, ev.Resources); key != c.key {
			t.Errorf("%s: the key is %s, want %s", c.example, key, c.key)
		}
		if ev.OccurredAt.Before(last) {
			t.Errorf("%s occurred at %v, which is before the last one", c.example, ev.OccurredAt)
		}
		last = ev.OccurredAt
		req, err := d.Render(ev, in2022())
		if err != nil {
			t.Fatal(err)
		}
		var want bytes.Buffer
		if err := json.Compact(&want, bodies[c.example]); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.String(), string(req.Body)); diff != "" || d.EventName(ev) != c.example {
			t.Errorf("%s: in (-), out (+):\n%s", d.EventName(ev), diff)
		}
	}
}
