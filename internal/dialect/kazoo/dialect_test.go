package kazoo

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/dialect/dialecttest"
)

func TestGolden(t *testing.T) {
	t.Parallel()
	dialecttest.Run(t, New(dialecttest.Env()))
}

func event(typ string, r *switchhook.Resources) *switchhook.Event {
	return &switchhook.Event{
		ID: "evt_1", Type: typ, AccountID: "acme", Resources: r,
		OccurredAt: time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC),
	}
}

func TestEventName(t *testing.T) {
	t.Parallel()
	record := func(schema string) *switchhook.Resources {
		return &switchhook.Resources{RecordChange: switchhook.RecordChange{Schema: schema}}
	}
	message := func(channel string) *switchhook.Resources {
		return &switchhook.Resources{Message: &switchhook.Message{Channel: channel}}
	}
	for _, c := range []struct {
		typ  string
		r    *switchhook.Resources
		want string
	}{
		{"call.hungup", nil, "channel_destroy"},
		{"leg.hungup", nil, "channel_destroy"},
		{"call.parked", nil, "parking"},
		{"call.cdr", nil, "cdr"},
		{"voicemail.new", nil, "notifications/voicemail_new"},
		{"record.created", record("user"), "object/user"},
		{"record.updated", record("call_flow"), "object/callflow"},
		{"record.deleted", record("mailbox"), "object/vmbox"},
		{"record.created", record("call_recording"), "object/call_recording"},
		{"record.created", record("number"), ""},
		{"record.created", record("mailbox_email"), ""},
		{"record.created", nil, ""},
		{"message.received", message("sms"), "sms"},
		{"message.received", message(""), "sms"},
		{"message.received", message("mms"), "mms"},
		{"message.received", nil, "sms"},
		{"message.sent", message("sms"), ""},
		{"queue.created", nil, ""},
		{"agent.status_updated", nil, ""},
		{"call.ringing", nil, ""},
		{"custom.x", nil, ""},
		{"recording.finished", nil, "object/call_recording"},
		{"recording.started", nil, ""},
		{"fax.received", nil, "notifications/inbound_fax"},
		{"port.canceled", nil, "notifications/port_cancel"},
		{"billing.topup", nil, "notifications/topup"},
		{"notification.custom", nil, "notifications/cf_notification"},
		{"flow.webhook", nil, "notifications/webhook"},
		{"number.sms_enablement", nil, ""},
		{"device.registration_failed", nil, ""},
		{"conference.joined", nil, ""},
		{"source.gap", nil, ""},
	} {
		d := New(dialecttest.Env())
		if got := d.EventName(event(c.typ, c.r)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.typ, got, c.want)
		}
		// A webhook's events can only name what is in the table.
		if c.want != "" && !slices.ContainsFunc(d.Table(), func(r dialect.Row) bool { return r.Type == c.typ && r.Name == c.want }) {
			t.Errorf("%s: the table has no %q", c.typ, c.want)
		}
	}
}

func TestWants(t *testing.T) {
	t.Parallel()
	yes := true
	duration := int64(64877)
	call := event("call.hungup", &switchhook.Resources{Call: &switchhook.Call{
		ID: "c1", HangupCause: "NORMAL_CLEARING", DurationMS: &duration, From: &switchhook.Party{Address: "+12025550143"},
	}})
	loop := &switchhook.Resources{Call: &switchhook.Call{ID: "c1", InternalLeg: &yes}}
	device := event("record.updated", &switchhook.Resources{RecordChange: switchhook.RecordChange{Schema: "device", ID: "d"}})
	vm := event("voicemail.new", nil)
	modifiers := func(m map[string]any) switchhook.Webhook {
		return switchhook.Webhook{IncludeInternalLegs: true, Modifiers: m}
	}
	custom := func(kv ...string) switchhook.Webhook {
		w := switchhook.Webhook{CustomData: map[string]string{}}
		for i := 0; i < len(kv); i += 2 {
			w.CustomData[kv[i]] = kv[i+1]
		}
		return w
	}
	all := custom("type", "mine")
	all.Events = []string{"kazoo:all"}
	for _, c := range []struct {
		name string
		ev   *switchhook.Event
		w    switchhook.Webhook
		want bool
	}{
		{"plain", call, switchhook.Webhook{}, true},
		{"no such hook", event("queue.created", nil), switchhook.Webhook{}, false},
		{"in scope", call, switchhook.Webhook{Scope: &switchhook.Scope{Numbers: []string{"12025550143"}}}, true},
		{"out of scope", call, switchhook.Webhook{Scope: &switchhook.Scope{Numbers: []string{"1"}}}, false},

		{"internal leg, not wanted", event("leg.created", loop), switchhook.Webhook{}, false},
		{"internal leg, wanted", event("leg.created", loop), switchhook.Webhook{IncludeInternalLegs: true}, true},
		{"cdr of an internal leg", event("call.cdr", loop), switchhook.Webhook{}, true},
		{"leg of unknown kind", event("leg.created", nil), switchhook.Webhook{}, true},

		{"type", device, custom("type", "device"), true},
		{"type all", device, custom("type", "all", "action", "all"), true},
		{"other type", device, custom("type", "user"), false},
		{"type and action", device, custom("type", "device", "action", "doc_edited"), true},
		{"other action", device, custom("type", "all", "action", "doc_deleted"), false},
		{"other data only", device, custom("zone", "west"), true},
		{"a hook on all has no filter", device, all, true},
		{"notification", vm, custom("type", "voicemail_new"), true},
		{"notification has no action", vm, custom("type", "all", "action", "doc_created"), true},
		{"other notification", vm, custom("type", "voicemail_saved"), false},
		{"a channel has no type", call, custom("type", "user"), true},

		{"modifier equal", call, modifiers(map[string]any{"hangup_cause": "NORMAL_CLEARING"}), true},
		{"modifier not equal", call, modifiers(map[string]any{"hangup_cause": "NO_ANSWER"}), false},
		{"modifier in the list", call, modifiers(map[string]any{"hangup_cause": []any{"NO_ANSWER", "NORMAL_CLEARING"}}), true},
		{"modifier not in the list", call, modifiers(map[string]any{"hangup_cause": []any{"NO_ANSWER"}}), false},
		{"modifier of an empty list", call, modifiers(map[string]any{"hangup_cause": []any{}}), true},
		{"modifier of a key that is not there", call, modifiers(map[string]any{"cluster_id": "x", "owner_id": "y"}), true},
		{"modifier of a number", call, modifiers(map[string]any{"duration_seconds": 64.0}), true},
		{"a number is not its text", call, modifiers(map[string]any{"duration_seconds": "64"}), false},
		{"modifier of a boolean", call, modifiers(map[string]any{"local_resource_used": true}), true},
		{"one modifier fails", call, modifiers(map[string]any{"hangup_cause": "NORMAL_CLEARING", "call_id": "c2"}), false},
		{"modifier null", call, modifiers(map[string]any{"call_id": nil}), false},
	} {
		if got := New(dialecttest.Env()).Wants(c.ev, &c.w); got != c.want {
			t.Errorf("%s: got %t", c.name, got)
		}
	}
}

// A secret leaves only where the webhook says so, whatever the format.
func TestSecretsAreMasked(t *testing.T) {
	t.Parallel()
	d := New(dialecttest.Env())
	for _, typ := range []string{"user.created", "account.created", "account.deleted", "user.password_recovery"} {
		ev := dialecttest.Event(t, []byte(`{"type":"`+typ+`","data":{"password":"s3cret","account_api_key":"s3cret","password_reset_link":"s3cret"}}`))
		for _, w := range []string{`{}`, `{"format":"json"}`, `{"method":"get"}`, `{"dialect_options":{"secrets":"mask"}}`, `{"dialect_options":{"secrets":"show"}}`} {
			req, err := d.Render(ev, dialecttest.Webhook(t, []byte(w)))
			if err != nil {
				t.Fatal(err)
			}
			shown := strings.Contains(req.URL+string(req.Body), "s3cret")
			if shown != strings.Contains(w, "show") {
				t.Errorf("%s with %s: shown is %t: %s%s", typ, w, shown, req.URL, req.Body)
			}
		}
	}
}

// The number that lies flat in an event is one that a scope can name.
func TestScopeOfFlatNumbers(t *testing.T) {
	t.Parallel()
	d := New(dialecttest.Env())
	ev := dialecttest.Event(t, []byte(`{"type":"port.pending","data":{"number":"+12025550177"}}`))
	for number, want := range map[string]bool{"12025550177": true, "+12025550100": false} {
		if got := d.Wants(ev, &switchhook.Webhook{Scope: &switchhook.Scope{Numbers: []string{number}}}); got != want {
			t.Errorf("%s: got %t", number, got)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		w    switchhook.Webhook
		want string // the fields
	}{
		{switchhook.Webhook{}, ""},
		{switchhook.Webhook{Format: "form", Method: "post"}, ""},
		{switchhook.Webhook{Format: "form-data", Method: "PUT"}, ""},
		{switchhook.Webhook{Format: "json", Method: "Get", CustomData: map[string]string{"a": "b"}, Modifiers: map[string]any{"c": 1}}, ""},
		{switchhook.Webhook{Format: "xml", Method: "DELETE"}, "format method"},
		{switchhook.Webhook{DialectOptions: map[string]any{"kazoo_version": 5.0, "cluster_id": "c", "node": "n"}}, ""},
		{switchhook.Webhook{DialectOptions: map[string]any{"kazoo_version": "4"}}, ""},
		{switchhook.Webhook{DialectOptions: map[string]any{"secrets": "show", "topup_event_name": "topup"}}, ""},
		{switchhook.Webhook{DialectOptions: map[string]any{"secrets": "mask", "topup_event_name": "top_up"}}, ""},
		{
			switchhook.Webhook{DialectOptions: map[string]any{"secrets": true, "topup_event_name": ""}},
			"dialect_options.secrets dialect_options.topup_event_name",
		},
		{
			switchhook.Webhook{DialectOptions: map[string]any{"kazoo_version": "3", "cluster_id": "", "node": 7.0, "version": "v2"}},
			"dialect_options.cluster_id dialect_options.kazoo_version dialect_options.node dialect_options.version",
		},
		{switchhook.Webhook{DialectOptions: map[string]any{"kazoo_version": []any{"4"}}}, "dialect_options.kazoo_version"},
	} {
		var fields []string
		for _, e := range New(dialecttest.Env()).Check(&c.w) {
			fields = append(fields, e.Field)
			if strings.HasSuffix(e.Field, ".version") && !strings.Contains(e.Message, "cluster_id, kazoo_version, node") {
				t.Errorf("the message does not name the options: %s", e.Message)
			}
		}
		if diff := cmp.Diff(c.want, strings.Join(fields, " ")); diff != "" {
			t.Errorf("%+v: %s", c.w, diff)
		}
	}
}

// Whatever an event lacks, a request comes out.
func TestRenderNothing(t *testing.T) {
	t.Parallel()
	for _, h := range hooks() {
		for _, w := range []switchhook.Webhook{{}, {Format: "json"}, {Method: "get"}, {Modifiers: map[string]any{"a": 1}}} {
			ev := &switchhook.Event{Type: h.typ}
			d := New(dialect.Env{})
			d.Wants(ev, &w)
			if _, err := d.Render(ev, &w); err != nil {
				t.Errorf("%s: %v", h.typ, err)
			}
		}
	}
	if _, err := New(dialect.Env{}).Render(&switchhook.Event{Type: "queue.created"}, &switchhook.Webhook{}); err != nil {
		t.Error(err)
	}
}

func BenchmarkRender(b *testing.B) {
	d := New(dialecttest.Env())
	yes, ms := true, int64(64877)
	ev := event("call.hungup", &switchhook.Resources{Call: &switchhook.Call{
		ID: "7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11", LegDirection: "inbound",
		From:       &switchhook.Party{Address: "+12025550143", Name: "Ada Lovelace", URI: "+12025550143@sip.example.com"},
		To:         &switchhook.Party{Address: "+12025550100", URI: "+12025550100@pbx.example.com"},
		Callee:     &switchhook.Party{Address: "101", Name: "Grace Hopper"},
		RequestURI: "+12025550100@pbx.example.com", PeerID: "0c9d7a3e-0a8b-4a52-a6cc-2f4d1b1f90d2",
		HangupCause: "NORMAL_CLEARING", SIPStatus: 200, DurationMS: &ms, RingingMS: &ms, BillableMS: &ms,
		AuthorizingID: "carrier-1", AuthorizingType: "resource", ResourceID: "carrier-1", LocalResource: &yes,
		Vars: []byte(`{"Campaign":"spring & summer","Bridge-ID":"7f3c9a52"}`),
	}})
	for name, w := range map[string]switchhook.Webhook{
		"form":  {ID: "wh_1", AccountID: "acme", URL: "https://example.com/hook"},
		"json":  {ID: "wh_1", AccountID: "acme", URL: "https://example.com/hook", Format: "json"},
		"query": {ID: "wh_1", AccountID: "acme", URL: "https://example.com/hook", Method: "get"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Render(ev, &w); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
