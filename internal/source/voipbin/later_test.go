package voipbin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/calls"
	"github.com/switchhook/switchhook/internal/dialect/dialecttest"
	dialect "github.com/switchhook/switchhook/internal/dialect/voipbin"
	"github.com/switchhook/switchhook/internal/ordjson"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
	"github.com/switchhook/switchhook/internal/source/voipbin"
)

const (
	customer = "0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0"
	first    = "5371e9db-d035-4db6-a8d6-0994d33e744e"
	second   = "ad132775-1ab2-485e-856f-72c2e383cdc6"
	noID     = "00000000-0000-0000-0000-000000000000"
)

// later is a webhook as VoIPBin sends them in 2026: every resource has its
// customer, then what is given.
func later(typ, id, members string) []byte {
	if members != "" {
		members = "," + members
	}
	return fmt.Appendf(nil, `{"type":%q,"data":{"id":%q,"customer_id":%q%s}}`, typ, id, customer, members)
}

// What VoIPBin tells its customers in 2026 (WebhookMessage structs of its
// services), one of each kind.
func TestLaterWebhooksBecomeEvents(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		body           []byte
		typ, key, when string // when: the time of day in 2026-02-05; empty: when it came
		data           string
	}{
		{
			"an outgoing call dials", later("call_dialing", first, `"owner_type":"agent","owner_id":"`+second+`","flow_id":"`+noID+`","activeflow_id":"`+second+`","type":"flow","master_call_id":"`+noID+`",`+
				`"recording_id":"`+noID+`","groupcall_id":"`+noID+`","source":{"type":"extension","target":"101"},"destination":{"type":"whatsapp","target":"+12025550100"},"status":"dialing",`+
				`"action":{"id":"`+noID+`","next_id":"`+noID+`","tm_execute":null},"metadata":{"a":1},"direction":"outgoing","mute_direction":"both","tm_create":"2026-02-05T09:12:44.1Z","tm_update":"2026-02-05T09:12:45.123456789Z"`),
			"call.updated", "", "09:12:45.123456789",
			`{"call":{"id":"5371e9db-d035-4db6-a8d6-0994d33e744e","flow_id":null,"kind":"flow","parent_id":null,"recording_id":null,` +
				`"from":{"type":"extension","address":"101","name":null,"label":null,"detail":null},"to":{"type":null,"address":"+12025550100","name":null,"label":null,"detail":null},"status":"dialing","action":null,"leg_direction":"outbound",` +
				`"created_at":"2026-02-05T09:12:44.1Z","updated_at":"2026-02-05T09:12:45.123456789Z","owner_id":"ad132775-1ab2-485e-856f-72c2e383cdc6",` +
				`"chained_ids":null,"recording_ids":null,"hangup_by":null,"hangup_reason":null,"answered_at":null,"ringing_at":null,"ended_at":null,"direction":"outbound"}}`,
		},
		{
			"an activeflow for an AI", later("activeflow_updated", first, `"flow_id":"`+second+`","status":"running","reference_type":"ai","reference_id":"`+second+`","reference_activeflow_id":"`+noID+`","on_complete_flow_id":"`+noID+`",`+
				`"current_action":{"id":"00000000-0000-0000-0000-000000000001","next_id":"`+noID+`","tm_execute":"2026-02-05T18:12:45.5+09:00"},"forward_action_id":"`+noID+`","tm_create":"2026-02-05T09:12:44Z","tm_update":"2026-02-05T09:12:44Z","tm_delete":null`),
			"flow.updated", "", "09:12:44",
			`{"flow":{"id":"5371e9db-d035-4db6-a8d6-0994d33e744e","flow_id":"ad132775-1ab2-485e-856f-72c2e383cdc6","customer_id":"0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0","reference_type":null,"reference_id":"ad132775-1ab2-485e-856f-72c2e383cdc6",` +
				`"action":{"id":"00000000-0000-0000-0000-000000000001","executed_at":"2026-02-05T09:12:45.5Z"},"forward_action_id":null,"created_at":"2026-02-05T09:12:44Z","updated_at":"2026-02-05T09:12:44Z","ended_at":null}}`,
		},
		{
			"a queue call of 2026", later("queuecall_serviced", first, `"reference_type":"call","reference_id":"`+second+`","status":"service","service_agent_id":"`+second+`","duration_waiting":18700,"tm_create":"2026-02-05T09:12:44.1Z","tm_service":"2026-02-05T09:12:59Z","tm_update":"2026-02-05T09:12:59Z","tm_delete":null`),
			"queuecall.serviced", "", "09:12:59",
			`{"queuecall":{"id":"5371e9db-d035-4db6-a8d6-0994d33e744e","reference_type":"call","reference_id":"ad132775-1ab2-485e-856f-72c2e383cdc6","status":"serviced","agent_id":"ad132775-1ab2-485e-856f-72c2e383cdc6",` +
				`"created_at":"2026-02-05T09:12:44.1Z","service_at":"2026-02-05T09:12:59Z","updated_at":"2026-02-05T09:12:59Z","ended_at":null,"wait_ms":18700}}`,
		},
		{
			"a recording of a call", later("recording_finished", first, `"owner_type":"","owner_id":"`+noID+`","reference_type":"call","reference_id":"`+second+`","status":"ended","format":"wav","tm_start":"2026-02-05T09:12:44.1Z","tm_end":"2026-02-05T09:13:44.1Z"`),
			"recording.finished", "", "09:13:44.1",
			`{"recording":{"id":"5371e9db-d035-4db6-a8d6-0994d33e744e","call_id":"ad132775-1ab2-485e-856f-72c2e383cdc6","status":"ended","format":"wav","started_at":"2026-02-05T09:12:44.1Z","ended_at":"2026-02-05T09:13:44.1Z"}}`,
		},
		{
			"a recording of a conference, 2022", []byte(`{"type":"recording_started","data":{"id":"` + first + `","type":"conference","reference_id":"` + second + `","status":"recording","format":"wav","tm_start":"2026-02-05 09:12:44.100000","tm_end":"9999-01-01 00:00:00.000000"}}`),
			"recording.started", "", "09:12:44.1",
			`{"recording":{"id":"5371e9db-d035-4db6-a8d6-0994d33e744e","status":"recording","format":"wav","started_at":"2026-02-05T09:12:44.100000Z","ended_at":null}}`,
		},
		{
			"an SMS comes in", later("message_created", first, `"type":"sms","source":{"type":"tel","target":"+12025550143"},"targets":[{"destination":{"type":"tel","target":"+12025550100"},"status":"received","parts":1,"tm_update":null}],"text":"Caf\u00e9?","direction":"inbound","tm_create":"2026-02-05T09:12:44.1Z","tm_update":null,"tm_delete":null`),
			"message.received", "", "09:12:44.1",
			`{"message":{"id":"5371e9db-d035-4db6-a8d6-0994d33e744e","direction":"inbound","text":"Caf\u00e9?","sent_at":"2026-02-05T09:12:44.1Z","channel":"sms",` +
				`"from":"+12025550143","to":"+12025550100","segments":1}}`,
		},
		{
			"a WhatsApp message goes out", later("conversation_message_created", first, `"conversation_id":"`+second+`","direction":"outgoing","status":"progressing","reference_type":"whatsapp","source":{"type":"whatsapp","target":"12025550100"},"destination":{"target":"12025550143"},"text":"Hi","tm_create":"2026-02-05T09:12:44.1Z"`),
			"custom.voipbin.conversation_message_created", second, "09:12:44.1",
			`{"id":"5371e9db-d035-4db6-a8d6-0994d33e744e","customer_id":"0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0","conversation_id":"ad132775-1ab2-485e-856f-72c2e383cdc6","direction":"outgoing","status":"progressing","reference_type":"whatsapp",` +
				`"source":{"type":"whatsapp","target":"12025550100"},"destination":{"target":"12025550143"},"text":"Hi","tm_create":"2026-02-05T09:12:44.1Z"}`,
		},
		{
			"a conversation's message without a direction", later("conversation_message_updated", first, `"conversation_id":"`+second+`"`),
			"custom.voipbin.conversation_message_updated", second, "",
			`{"id":"5371e9db-d035-4db6-a8d6-0994d33e744e","customer_id":"0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0","conversation_id":"ad132775-1ab2-485e-856f-72c2e383cdc6"}`,
		},
		{
			"an SMS told again as a conversation's", later("conversation_message_created", first, `"conversation_id":"`+second+`","direction":"incoming","reference_type":"message"`),
			"custom.voipbin.conversation_message_created", second, "",
			`{"id":"5371e9db-d035-4db6-a8d6-0994d33e744e","customer_id":"0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0","conversation_id":"ad132775-1ab2-485e-856f-72c2e383cdc6","direction":"incoming","reference_type":"message"}`,
		},
		{
			"a number is renewed", later("number_renewed", first, `"number":"+12025550100","type":"normal","call_flow_id":"`+second+`","message_flow_id":"`+noID+`","name":"Main","t38_enabled":false,"metadata":{},"tm_renew":"2026-03-05T09:12:44Z","tm_update":"2026-02-05T09:12:44.1Z"`),
			"record.updated", "", "09:12:44.1",
			`{"schema":"number","id":"5371e9db-d035-4db6-a8d6-0994d33e744e","row":{"id":"5371e9db-d035-4db6-a8d6-0994d33e744e","customer_id":"0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0","number":"+12025550100","type":"normal",` +
				`"call_flow_id":"ad132775-1ab2-485e-856f-72c2e383cdc6","message_flow_id":null,"name":"Main","t38_enabled":false,"metadata":{},"tm_renew":"2026-03-05T09:12:44Z","tm_update":"2026-02-05T09:12:44.1Z"}}`,
		},
		{
			"a queue call waits", later("queuecall_waiting", first, `"reference_type":"call","reference_id":"`+second+`","status":"waiting","tm_update":"2026-02-05T09:12:44.1Z"`),
			"custom.voipbin.queuecall_waiting", second, "09:12:44.1",
			`{"id":"5371e9db-d035-4db6-a8d6-0994d33e744e","customer_id":"0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0","reference_type":"call","reference_id":"ad132775-1ab2-485e-856f-72c2e383cdc6","status":"waiting","tm_update":"2026-02-05T09:12:44.1Z"}`,
		},
		{
			"a leg is deleted", later("call_deleted", second, `"master_call_id":"`+first+`","tm_delete":"2026-02-05T09:12:44.1Z"`),
			"custom.voipbin.call_deleted", first, "09:12:44.1",
			`{"id":"ad132775-1ab2-485e-856f-72c2e383cdc6","customer_id":"0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0","master_call_id":"5371e9db-d035-4db6-a8d6-0994d33e744e","tm_delete":"2026-02-05T09:12:44.1Z"}`,
		},
		{
			"a word is spoken", later("transcribe_speech_interim", first, `"streaming_id":"`+second+`","transcribe_id":"`+second+`","direction":"in","message":"hel","tm_event":"2026-02-05T09:12:44.1Z","tm_create":"2026-02-05T09:12:40Z"`),
			"custom.voipbin.transcribe_speech_interim", second, "09:12:44.1",
			`{"id":"5371e9db-d035-4db6-a8d6-0994d33e744e","customer_id":"0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0","streaming_id":"ad132775-1ab2-485e-856f-72c2e383cdc6","transcribe_id":"ad132775-1ab2-485e-856f-72c2e383cdc6","direction":"in","message":"hel","tm_event":"2026-02-05T09:12:44.1Z","tm_create":"2026-02-05T09:12:40Z"}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, err := translate(c.body)
			ev, err := sourcetest.One(m, err)
			if err != nil {
				t.Fatal(err)
			}
			if said := ev.Original; said == nil || said.Body != string(c.body) {
				t.Errorf("it said %+v", said)
			}
			if name, _, err := leaves(calls.New(), c.body); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			when := received.Format(time.RFC3339Nano)
			if c.when != "" {
				when = "2026-02-05T" + c.when + "Z"
			}
			if ev.Type != c.typ || ev.Key != c.key || ev.OccurredAt.Format(time.RFC3339Nano) != when {
				t.Errorf("%s %q at %v, want %s %q at %s", ev.Type, ev.Key, ev.OccurredAt, c.typ, c.key, when)
			}
			if want := strings.Contains(string(c.body), "customer_id"); (m.SystemAccount == customer) != want {
				t.Errorf("the account is %q", m.SystemAccount)
			}
			if diff := cmp.Diff(c.data, string(ev.Data)); diff != "" {
				t.Errorf("wanted (-), got (+):\n%s", diff)
			}
		})
	}
}

// Each of an SMS's receivers has an event of its own; an update is about those
// that it changed.
func TestReceivers(t *testing.T) {
	t.Parallel()
	target := func(number, status, at string) string {
		return `{"destination":{"type":"tel","target":"` + number + `"},"status":"` + status + `","parts":2,"tm_update":"2026-02-05T09:12:` + at + `Z"}`
	}
	all := `"source":{"target":"1"},"direction":"outbound","targets":[` + target("2", "delivered", "46.5") + `,` + target("3", "gw_timeout", "47") + `,` + target("4", "dlr_timeout", "47") + `]`
	for typ, want := range map[string][]string{
		"message_created": {"message.sent 2 delivered", "message.sent 3 failed", "message.sent 4 sent"},
		"message_updated": {"message.status 3 failed", "message.status 4 sent"},
	} {
		if name, written, err := leaves(calls.New(), later(typ, first, all)); err != nil || name != typ || written != "" {
			t.Errorf("%s leaves as %s %s: %v", typ, name, written, err)
		}
		m, err := translate(later(typ, first, all))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		seen := map[string]bool{}
		for _, ev := range m.Events {
			if err := sourcetest.Accept(ev); err != nil {
				t.Fatal(err)
			}
			msg := ev.Resources.Message
			got = append(got, ev.Type+" "+msg.To+" "+msg.Status)
			if seen[ev.ID] || !switchhook.ValidEventID(ev.ID) || msg.ID != first || msg.From != "1" || msg.Segments != 2 {
				t.Errorf("%s %s: %+v", typ, ev.ID, msg)
			}
			seen[ev.ID] = true
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: wanted (-), got (+):\n%s", typ, diff)
		}
	}
}

// None of the webhooks that VoIPBin sends its customers in 2026 is refused, and
// what has no type of ours keeps its data.
func TestEveryLaterWebhookIsRead(t *testing.T) {
	t.Parallel()
	types := strings.Fields(`call_created call_updated call_deleted call_dialing call_ringing call_progressing call_terminating call_canceling call_hangup
		groupcall_created groupcall_progressing groupcall_hangup groupcall_deleted recording_started recording_finished
		activeflow_created activeflow_updated activeflow_deleted queue_created queue_updated queue_deleted
		queuecall_created queuecall_waiting queuecall_connecting queuecall_serviced queuecall_done queuecall_abandoned queuecall_deleted
		agent_created agent_updated agent_deleted agent_status_updated conference_created conference_updated conference_deleted
		message_created message_updated message_deleted conversation_created conversation_updated conversation_deleted
		conversation_message_created conversation_message_updated conversation_message_deleted account_created account_updated account_deleted
		number_created number_updated number_deleted number_renewed transcribe_created transcribe_progressing transcribe_done
		transcribe_speech_started transcribe_speech_interim transcribe_speech_ended transcript_created
		campaign_created campaign_updated campaign_deleted campaign_status_run campaign_status_stopping campaign_status_stop
		campaigncall_created campaigncall_updated campaigncall_deleted outdial_created outdial_updated outdial_deleted
		email_created email_updated email_deleted ai_created ai_updated ai_deleted aicall_status_initializing aicall_status_progressing aicall_status_pausing
		aicall_status_resuming aicall_status_terminating aicall_status_terminated aimessage_created aimessage_intermediate summary_created team_created
		chat_created chat_updated chat_deleted chatmessage_created chatmessage_deleted chatmessage_reaction_updated chatparticipant_added chatparticipant_removed
		webchat_message_created webchat_session_ended`)
	custom := 0
	for _, typ := range types {
		body := later(typ, first, `"direction":"`+map[bool]string{true: "incoming", false: "inbound"}[strings.HasPrefix(typ, "call_")]+`","tm_create":"2026-02-05T09:12:44.1Z","tm_delete":null`)
		ev, err := sourcetest.One(translate(body))
		if err != nil {
			t.Errorf("%s: %v", typ, err)
			continue
		}
		name, written, err := leaves(calls.New(), body)
		if err != nil || name != typ {
			t.Errorf("%s leaves as %s: %v", typ, name, err)
		}
		if rest, ok := strings.CutPrefix(ev.Type, "custom.voipbin."); ok {
			custom++
			if want := body[len(`{"type":"`+typ+`","data":`) : len(body)-1]; rest != typ || !bytes.Equal(ev.Data, want) || ev.Key != first || written != "" {
				t.Errorf("%s became %s %q %s, and in 2022 %s", typ, ev.Type, ev.Key, ev.Data, written)
			}
		}
	}
	if custom != 65 || len(types) != 96 {
		t.Errorf("%d of %d became custom events", custom, len(types))
	}
}

// However a webhook is written, it leaves so.
func TestLaterWebhooksLeaveAsWritten(t *testing.T) {
	t.Parallel()
	const id = `"id":"` + first + `","customer_id":"` + customer + `"`
	for name, body := range map[string]string{
		"call_ringing":         `{"type":"call_ringing","data":{` + id + `,"status":"ringing","direction":"incoming","tm_ringing":"2026-02-05T09:12:45Z"}}`,
		"activeflow_deleted":   `{"type":"activeflow_deleted","data":{"id":"` + first + `","customer_id":"` + noID + `","actions":[],"tm_delete":"2022-04-11 00:24:05.000001"}}`,
		"call_hangup":          "\n{ \"data\": {" + id + `, "source":{"type":"whatsapp","target":"\u00e9<b>\/\ud83d\ude00","new":1e3}}, "sent":true, "type":"call_hangup"}` + "\n",
		"queuecall_waiting":    `{"type":"queuecall_waiting", "data":{` + id + `,"extra":{"mine":1}}}`,
		"message_updated":      `{"type":"message_updated","data":{` + id + `,"direction":"outbound","targets":[]}}`,
		"number_renewed":       `{"type":"number_renewed","data":{` + id + `,"number":"+12025550100","metadata":{"a":[1.50]}}}`,
		"recording_started":    `{"type":"recording_started","data":{` + id + `,"reference_type":"confbridge","reference_id":"` + second + `"}}`,
		"agent_updated":        `{"type":"agent_updated","data":{` + id + `,"permission":240,"direct_hash":"x"}}`,
		"queue_updated":        `{"type":"queue_updated","data":{` + id + `,"wait_flow_id":"` + second + `"}}`,
		"conversation_updated": `{"type":"conversation_updated","data":{` + id + `,"peer":{}}}`,
	} {
		if got, _, err := leaves(calls.New(), []byte(body)); err != nil || got != name {
			t.Errorf("%s leaves as %s: %v", name, got, err)
		}
	}
}

// What a type tells is not unset where VoIPBin leaves the member out.
func TestTypesTell(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, members, want string }{
		{"call_created", `"direction":"outgoing"`, `"status":"dialing"`},
		{"call_dialing", "", `"status":"dialing"`},
		{"call_ringing", `"direction":"outgoing"`, `"status":"ringing" "tm_ringing":"2026-`},
		{"call_progressing", "", `"status":"progressing" "tm_progressing":"2026-`},
		{"call_updated", "", `"status":"ringing"`},
		{"call_terminating", "", `"status":"terminating"`},
		{"call_canceling", "", `"status":"canceling"`},
		{"call_hangup", "", `"status":"hangup" "tm_hangup":"2026-`},
		{"queuecall_created", "", `"status":"wait"`},
		{"queuecall_connecting", "", `"status":"entering"`},
		{"queuecall_serviced", "", `"status":"service"`},
		{"queuecall_done", "", `"status":"done"`},
		{"queuecall_abandoned", "", `"status":"abandoned"`},
		{"agent_updated", "", `"status":"away"`},
	} {
		f := calls.New()
		for _, before := range [][]byte{
			later("call_created", first, `"status":"ringing","direction":"incoming"`),
			later("agent_created", first, `"status":"away"`),
		} {
			if strings.HasSuffix(c.typ, "_created") {
				continue
			}
			if _, _, err := leaves(f, before); err != nil {
				t.Fatal(err)
			}
		}
		_, written, err := leaves(f, later(c.typ, first, c.members))
		if err != nil {
			t.Fatal(err)
		}
		for want := range strings.FieldsSeq(c.want) {
			if !strings.Contains(written, want) {
				t.Errorf("%s is no %s: %s", c.typ, want, written)
			}
		}
	}
}

func TestLaterRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, body, fields string }{
		{"no id", `{"type":"groupcall_created","data":{"customer_id":"` + customer + `"}}`, "data.id: is required: the groupcall's id"},
		{"the nil id", string(later("email_created", noID, "")), "data.id: is required: the email's id"},
		{"a number without an id", `{"type":"number_created","data":{"id":null}}`, "data.id: is required: the number's id"},
		{"a wrong id", `{"type":"chat_created","data":{"id":7}}`, "data.id: expected a UUID, got 7"},
		{"a wrong customer", `{"type":"chat_created","data":{"id":"` + first + `","customer_id":"x"}}`, `data.customer_id: expected a UUID, got "x"`},
		{"a wrong time", string(later("call_hangup", first, `"tm_hangup":"2026-02-30T09:12:44Z","tm_update":"2026-02-05T9:12:44Z"`)), "data.tm_update: expected a time such as 2022-04-11 00:23:53.636000 or 2026-02-05T09:12:44.1Z, got \"2026-02-05T9:12:44Z\"\n" +
			"data.tm_hangup: expected a time such as 2022-04-11 00:23:53.636000 or 2026-02-05T09:12:44.1Z, got \"2026-02-30T09:12:44Z\""},
		{"a message without direction", string(later("message_created", first, `"targets":[]`)), "data.direction: is required: inbound or outbound"},
		{
			"a wrong message", string(later("message_created", first, `"direction":"up","source":7,"targets":[1,{"destination":{"target":[]},"status":"x","parts":1.5,"tm_update":"now"}]`)),
			"data.direction: expected one of inbound, outbound, got \"up\"\ndata.source: expected an object, got 7\ndata.targets[0]: expected an object, got 1\n" +
				"data.targets[1].tm_update: expected a time such as 2022-04-11 00:23:53.636000 or 2026-02-05T09:12:44.1Z, got \"now\"\n" +
				"data.targets[1].destination.target: expected a string, got an array\ndata.targets[1].parts: expected an integer of 0 or more, got 1.5",
		},
		{"targets that are no list", string(later("message_updated", first, `"direction":"outbound","targets":{}`)), "data.targets: expected a list, got an object"},
		{"a wrong status", string(later("message_updated", first, `"direction":"outbound","targets":[{"status":"x"}]`)), `data.targets[0].status: expected one of queued, sent, delivered, failed, gw_timeout, dlr_timeout, received, got "x"`},
		{"no word", `{"type":"call_","data":{}}`, "type: "},
		{"no resource", `{"type":"hangup","data":{}}`, "type: "},
		{"capitals", `{"type":"call_Hangup","data":{}}`, "type: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, fields, err := sourcetest.Refused(translate([]byte(c.body)))
			if err != nil {
				t.Fatal(err)
			}
			if c.fields == "type: " && code == switchhook.CodeUnknownType && strings.HasPrefix(fields, c.fields) {
				return
			}
			if diff := cmp.Diff(c.fields, fields); diff != "" {
				t.Errorf("wanted (-), got (+):\n%s", diff)
			}
		})
	}
}

// The same state leaves as the same body of 2022, whichever era told it.
func TestBothErasSayTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		was, now := calls.New(), calls.New()
		for range rapid.IntRange(1, 3).Draw(t, "payloads") {
			body := payload(t)
			told, want := modern(t, body)
			if told == nil {
				continue
			}
			_, got, err := leaves(now, told)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := leaves(was, body); err != nil {
				t.Fatal(err)
			}
			if want = asIn2022(want); got != string(want) {
				t.Fatalf("in   %s\nout  %s\nwant %s", told, got, want)
			}
		}
	})
}

// toldBy is the time that a type tells, which 2026 may leave out.
var toldBy = map[string]string{
	"call_created": "tm_create", "call_ringing": "tm_ringing", "call_answered": "tm_progressing", "call_hungup": "tm_hangup",
	"agent_created": "tm_create", "agent_deleted": "tm_delete",
}

// modern writes a body of 2022 as VoIPBin does in 2026, and says what comes out of
// that: 2026 does not tell all that 2022 told, and more.
func modern(t *rapid.T, body []byte) (told, want []byte) {
	envelope := parse(t, body)
	typ := envelope.Text("type")
	if typ == "queuecall_kicking" {
		return nil, nil // gone
	}
	renamed := strings.NewReplacer("call_answered", "call_progressing", "call_hungup", "call_hangup", "queuecall_entering", "queuecall_connecting")
	envelope.Set("type", ordjson.String(renamed.Replace(typ)))
	data := parse(t, envelope.Get("data"))
	if strings.HasPrefix(data.Text(toldBy[typ]), "9999") {
		return nil, nil // the type says that it has happened
	}
	was := slices.Clone(data)
	resource, _, _ := strings.Cut(typ, "_")
	switch resource {
	case "activeflow":
		data.Delete("actions")
		was.Set("actions", json.RawMessage("[]"))
	case "queue":
		for _, gone := range []string{"wait_actions", "total_waittime", "total_service_duration"} {
			data.Delete(gone)
			was.Set(gone, json.RawMessage(map[bool]string{true: "[]", false: "0"}[gone == "wait_actions"]))
		}
	}
	out := ordjson.Object{}
	for _, m := range rewrite(t, data, resource) {
		switch m.Name {
		case "wait_queue_call_ids", "service_queue_call_ids":
			m.Name = strings.Replace(m.Name, "queue_call", "queuecall", 1)
		case "status":
			if resource == "queuecall" {
				m.Value = json.RawMessage(strings.NewReplacer(`"wait"`, `"waiting"`, "entering", "connecting").Replace(string(m.Value)))
			}
		case "customer_id":
			continue
		}
		out = append(out, m)
		if m.Name == "id" {
			out = append(out, ordjson.Member{Name: "customer_id", Value: ordjson.String(customer)})
		}
	}
	envelope.Set("data", out.Append(nil))
	return envelope.Append(nil), ordjson.Object{{Name: "type", Value: ordjson.String(typ)}, {Name: "data", Value: was.Append(nil)}}.Append(nil)
}

// rewrite writes the times of an object as RFC 3339 does, and leaves out what
// omitempty does.
func rewrite(t *rapid.T, in ordjson.Object, resource string) ordjson.Object {
	var out ordjson.Object
	for _, m := range in {
		text, isText := ordjson.Unquote(m.Value)
		switch {
		case strings.HasPrefix(m.Name, "tm_"):
			when, err := time.Parse("2006-01-02 15:04:05.999999999", text)
			if err != nil {
				t.Fatal(err)
			}
			unset := when.Year() == 9999
			if unset && (resource == "call" || resource == "agent") {
				continue
			}
			m.Value = ordjson.String(when.Format(time.RFC3339Nano))
			if unset {
				m.Value = json.RawMessage("null")
			}
		case m.Name == "option":
		case m.Value[0] == '{':
			m.Value = rewrite(t, parse(t, m.Value), m.Name).Append(nil)
		case m.Name == "addresses":
			var list []json.RawMessage
			if err := json.Unmarshal(m.Value, &list); err != nil {
				t.Fatal(err)
			}
			for i, e := range list {
				list[i] = rewrite(t, parse(t, e), "address").Append(nil)
			}
			m.Value = json.RawMessage("[" + string(bytes.Join(slices.Collect(func(yield func([]byte) bool) {
				for _, e := range list {
					if !yield(e) {
						return
					}
				}
			}), []byte(","))) + "]")
		case resource != "agent" && (isText && text == "" || string(m.Value) == "0" || string(m.Value) == "[]"):
			continue
		}
		out = append(out, m)
	}
	return out
}

func parse(t *rapid.T, v json.RawMessage) ordjson.Object {
	o, err := ordjson.Parse(v)
	if err != nil {
		t.Fatalf("%s: %v", v, err)
	}
	return o
}

// A call of 2026, from the queue to its end, as VoIPBin tells it, and what those
// hear whose programs are of 2022.
func TestALaterCall(t *testing.T) {
	t.Parallel()
	const caller, leg, queued, agent = first, second, "c7c1e226-8c86-4b43-9606-2d5bb2059a09", "eb1ac5c0-ff63-47e2-bcdb-5da9c336eb4b"
	call := func(typ, status, more string) []byte {
		return later(typ, caller, `"master_call_id":"`+noID+`","source":{"type":"tel","target":"+12025550143"},"destination":{"type":"tel","target":"+12025550100"},"status":"`+status+`","direction":"incoming"`+more)
	}
	legs := func(typ, status, more string) []byte {
		return later(typ, leg, `"master_call_id":"`+caller+`","source":{"type":"tel","target":"+12025550143"},"destination":{"type":"agent","target":"`+agent+`"},"status":"`+status+`","direction":"outgoing"`+more)
	}
	qc := func(typ, status, more string) []byte {
		return later(typ, queued, `"reference_type":"call","reference_id":"`+caller+`","status":"`+status+`","service_agent_id":"`+noID+`"`+more)
	}
	folder := calls.New()
	var got []string
	for _, body := range [][]byte{
		call("call_created", "ringing", `,"tm_create":"2026-02-05T09:12:40Z"`),
		call("call_progressing", "progressing", `,"tm_progressing":"2026-02-05T09:12:41Z"`),
		qc("queuecall_created", "initiating", ""),
		qc("queuecall_waiting", "waiting", ""),
		later("groupcall_created", agent, ""),
		later("agent_status_updated", agent, `"status":"ringing"`),
		legs("call_created", "dialing", ""),
		legs("call_dialing", "dialing", ""),
		legs("call_ringing", "ringing", `,"tm_ringing":"2026-02-05T09:12:45Z"`),
		qc("queuecall_connecting", "connecting", `,"tm_service":"2026-02-05T09:12:46Z"`),
		legs("call_progressing", "progressing", ""),
		qc("queuecall_serviced", "service", ""),
		qc("queuecall_done", "done", `,"tm_delete":"2026-02-05T09:13:46Z"`),
		legs("call_terminating", "terminating", ""),
		legs("call_hangup", "hangup", `,"hangup_by":"local","hangup_reason":"normal","tm_hangup":"2026-02-05T09:13:47Z"`),
		call("call_hangup", "hangup", `,"hangup_by":"remote","hangup_reason":"normal","tm_hangup":"2026-02-05T09:13:47.5Z"`),
		call("call_updated", "hangup", `,"hangup_by":"remote","hangup_reason":"normal","tm_hangup":"2026-02-05T09:13:47.5Z"`),
		call("call_deleted", "hangup", ""),
	} {
		name, written, err := leaves(folder, body)
		if err != nil {
			t.Fatal(err)
		}
		if written != "" {
			var out struct {
				Type string                  `json:"type"`
				Data struct{ Status string } `json:"data"`
			}
			if err := json.Unmarshal([]byte(written), &out); err != nil {
				t.Fatal(err)
			}
			name += ": " + out.Type + " " + out.Data.Status
		}
		got = append(got, name)
	}
	want := []string{
		"call_created: call_created ringing", "call_progressing: call_answered progressing", "queuecall_created: queuecall_created wait", "queuecall_waiting",
		"groupcall_created", "agent_status_updated: agent_status_updated ringing", "call_created: call_created dialing", "call_dialing: call_updated dialing",
		"call_ringing: call_ringing ringing", "queuecall_connecting: queuecall_entering entering", "call_progressing: call_answered progressing",
		"queuecall_serviced: queuecall_serviced service", "queuecall_done: queuecall_done done", "call_terminating: call_updated terminating",
		"call_hangup: call_hungup hangup", "call_hangup: call_hungup hangup", "call_updated: call_updated hangup", "call_deleted",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wanted (-), got (+):\n%s", diff)
	}
}

// What a flow has sent by webhook_send goes out as it came, whatever it is.
func TestWebhookSend(t *testing.T) {
	t.Parallel()
	d := dialect.New(dialecttest.Env())
	for _, c := range []struct{ contentType, body, data string }{
		{"application/json", `{ "step" : "<w\u0065lcome>" }`, `{"step":"<w\u0065lcome>"}`},
		{"", `{"a":1}`, `{"a":1}`},
		{"text/plain", "caller=+1 & more\n", `"caller=+1 & more\n"`},
		{"application/x-www-form-urlencoded", "type=call_created", `"type=call_created"`},
		{"application/x-www-form-urlencoded", `{"a":1}`, `{"a":1}`},
		{"application/xml; charset=utf-8", "<a>é</a>", `"<a>é</a>"`},
	} {
		m, err := voipbin.New().Translate(&source.Request{Method: "PUT", Query: "webhook_send", ContentType: c.contentType, Body: []byte(c.body), ReceivedAt: received})
		ev, err := sourcetest.One(m, err)
		if err != nil {
			t.Fatal(err)
		}
		var data struct{ Data json.RawMessage }
		if err := json.Unmarshal(ev.Data, &data); err != nil {
			t.Fatal(err)
		}
		if ev.Type != "flow.webhook" || ev.IDGiven || string(data.Data) != c.data || !d.Wants(ev, &switchhook.Webhook{}) {
			t.Errorf("%s became %s %s", c.body, ev.Type, ev.Data)
		}
		want := c.contentType
		if want == "" {
			want = "application/json"
		}
		req, err := d.Render(ev, &switchhook.Webhook{})
		if err != nil || string(req.Body) != c.body || req.Header.Get("Content-Type") != want {
			t.Errorf("%q came out as %v %q, %v", c.body, req.Header, req.Body, err)
		}
	}
}

// A text message to more receivers than one message can make events of is refused,
// at once.
func TestTooManyReceivers(t *testing.T) {
	t.Parallel()
	targets := strings.TrimSuffix(strings.Repeat(`{"destination":{"target":"+1"}},`, 1001), ",")
	_, err := voipbin.New().Translate(&source.Request{Body: later("message_created", first, `"direction":"outbound","source":{"target":"1"},"targets":[`+targets+`]`), ReceivedAt: received})
	if err == nil || !strings.Contains(err.Error(), "data.targets: expected at most 1000, got 1001") {
		t.Errorf("%v", err)
	}
}
