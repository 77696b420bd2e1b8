package kazoo

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
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
		{"record.created", record("kazoo_menu"), "object/menu"}, // came from a Kazoo whose object_types have it
		{"custom.kazoo.stream_start", nil, ""},                  // did not come from a Kazoo
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
		if c.want != "" && c.want != "object/menu" && !slices.ContainsFunc(d.Table(), func(r dialect.Row) bool { return r.Type == c.typ && r.Name == c.want }) {
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
		{"topup as the code says", event("billing.topup", nil), custom("type", "topup"), true},
		{"topup as the page says", event("billing.topup", nil), custom("type", "top_up"), true},
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
	for typ, data := range map[string]string{
		"user.created":            `{"password":"s3cret"}`,
		"account.created":         `{"account_api_key":"s3cret"}`,
		"account.deleted":         `{"account_api_key":"s3cret"}`,
		"user.password_recovery":  `{"password_reset_link":"s3cret"}`,
		"account.customer_update": `{"databag":{"user":[{"Password":"s3cret"}],"API-Key":"s3cret"}}`,
		"record.updated":          `{"schema":"user","id":"u","row":{"deep":{"password":"s3cret"}}}`,
		"record.created":          `{"schema":"user","id":"u","row":{}}`,
		"record.deleted":          `{"schema":"user","id":"u","row":{}}`,
	} {
		ev := dialecttest.Event(t, []byte(`{"type":"`+typ+`","data":`+data+`}`))
		switch typ {
		case "record.created":
			ev.Original = kazooSaid("v1", "json", `{"password":{"new":"s3cret"},"zone":{"api_key":"s3cret"}}`)
		case "record.deleted":
			ev.Original = kazooSaid("v2", "form", `{"action":"event","data":{"doc":{"password":"s3cret"}}}`)
		}
		for _, w := range []string{
			`{}`, `{"format":"json"}`, `{"method":"get"}`, `{"dialect_options":{"secrets":"mask"}}`, `{"dialect_options":{"secrets":"show"}}`,
			`{"dialect_options":{"version":"v2"}}`, `{"format":"json","dialect_options":{"version":"v2","sha256_key":"k"}}`, `{"dialect_options":{"version":"v2","secrets":"show"}}`,
		} {
			v2 := strings.Contains(w, "v2")
			if typ == "record.created" && v2 || strings.HasPrefix(typ, "record.") && typ != "record.created" && !v2 || typ == "user.created" && v2 {
				continue // there is no secret in that version
			}
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
			switchhook.Webhook{DialectOptions: map[string]any{"kazoo_version": "3", "cluster_id": "", "node": 7.0, "versions": "v2"}},
			"dialect_options.cluster_id dialect_options.kazoo_version dialect_options.node dialect_options.versions",
		},
		{switchhook.Webhook{DialectOptions: map[string]any{"version": "v1"}}, ""},
		{switchhook.Webhook{DialectOptions: map[string]any{"version": "v2", "sha256_key": "k"}}, ""},
		{switchhook.Webhook{DialectOptions: map[string]any{"version": "v2", "kazoo_version": 5.0}}, ""},
		{switchhook.Webhook{DialectOptions: map[string]any{"version": "v2", "kazoo_version": 4.0}}, "dialect_options.kazoo_version"},
		{switchhook.Webhook{DialectOptions: map[string]any{"version": 2.0, "sha256_key": ""}}, "dialect_options.sha256_key dialect_options.version"},
		{switchhook.Webhook{DialectOptions: map[string]any{"sha256_key": "k"}}, "dialect_options.sha256_key"},
		{switchhook.Webhook{DialectOptions: map[string]any{"version": "v1", "sha256_key": "k"}}, "dialect_options.sha256_key"},
		{switchhook.Webhook{DialectOptions: map[string]any{"kazoo_version": []any{"4"}}}, "dialect_options.kazoo_version"},
		{switchhook.Webhook{Events: []string{"kazoo:notifications"}, CustomData: map[string]string{"type": "voicemail_new"}}, ""},
		{switchhook.Webhook{Events: []string{"kazoo:notifications"}, CustomData: map[string]string{"type": "top_up"}}, ""},
		{switchhook.Webhook{Events: []string{"kazoo:notifications"}, CustomData: map[string]string{"type": "device"}}, "custom_data.type"},
		{switchhook.Webhook{Events: []string{"kazoo:object"}, CustomData: map[string]string{"type": "device", "action": "all"}}, ""},
		{switchhook.Webhook{Events: []string{"kazoo:object", "call.*"}, CustomData: map[string]string{"type": "mine"}}, ""},
	} {
		var fields []string
		for _, e := range New(dialecttest.Env()).Check(&c.w) {
			fields = append(fields, e.Field)
			if strings.HasSuffix(e.Field, ".versions") && !strings.Contains(e.Message, "cluster_id, kazoo_version, node") {
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

// The signature is what a customer's code makes of the body, with nothing of ours.
func TestSignature(t *testing.T) {
	t.Parallel()
	ev := event("call.hungup", &switchhook.Resources{Call: &switchhook.Call{
		ID: "c1", From: &switchhook.Party{Name: `Zoë "Ace" <&> 日本/\`}, Vars: []byte(`{"b":{"z":1,"a":[true,1.50]},"A":"x"}`),
	}})
	w := &switchhook.Webhook{
		Format: "json", CustomData: map[string]string{"zone": "west"},
		DialectOptions: map[string]any{"version": "v2", "sha256_key": "a secret key"},
	}
	req, err := New(dialecttest.Env()).Render(ev, w)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(req.Body))
	d.UseNumber()
	var got struct {
		Timestamp json.Number
		Data      map[string]any
		HMAC      string
	}
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	var data bytes.Buffer
	e := json.NewEncoder(&data) // it sorts the names of maps
	e.SetEscapeHTML(false)
	if err := e.Encode(got.Data); err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, []byte("a secret key"))
	fmt.Fprintf(mac, "%s%s", got.Timestamp, bytes.TrimSpace(data.Bytes()))
	if want := base64.StdEncoding.EncodeToString(mac.Sum(nil)); got.HMAC != want {
		t.Errorf("the hmac is %s, want %s, of %s", got.HMAC, want, req.Body)
	}
}

// kazooSaid is what a Kazoo said.
func kazooSaid(version, format, body string) *switchhook.Original {
	return &switchhook.Original{System: "kazoo", Version: version, Format: format, Body: body}
}

// What came from a Kazoo goes out in the other version too, with what that one has.
func TestSaidInAnotherVersion(t *testing.T) {
	t.Parallel()
	const call = `"call":{"id":"c1","leg_direction":"inbound"}`
	for _, c := range []struct {
		name, ev      string
		said          *switchhook.Original
		webhook, want string
	}{
		{
			"a channel, v1 to v2",
			`{"type":"call.created","data":{` + call + `}}`, kazooSaid("v1", "json", `{"account_id":"theirs","call_id":"c1","reseller_id":"r","zone":"west","cluster_id":"c"}`),
			`{"format":"json","dialect_options":{"version":"v2"}}`,
			`{"action":"event","data":{"call_direction":"inbound","call_id":"c1","custom_channel_vars":{"account_id":"theirs"},"timestamp":63937091045},"name":"CHANNEL_CREATE","timestamp":63937091045}`,
		},
		{
			"a channel, v2 to v1",
			`{"type":"call.created","data":{` + call + `}}`, kazooSaid("v2", "json", `{"action":"event","data":{"call_id":"c1","media_server":"fs","reseller_id":"r","custom_channel_vars":{"account_id":"theirs"}}}`),
			`{"format":"json","dialect_options":{"version":"v1","kazoo_version":5}}`,
			`{"account_id":"theirs","call_direction":"inbound","call_id":"c1","cluster_id":"a15b0fb1057a5f7c865d0efdb119ec1e","emergency_resource_used":false,"hook_event":"channel_create","is_internal_leg":false,"local_resource_used":true,"reseller_id":"r","timestamp":63937091045}`,
		},
		{
			"a notification, v1 to v2",
			`{"type":"billing.low_balance","data":{"current_balance":4}}`, kazooSaid("v1", "json", `{"app_name":"x","msg_id":"m","node":"n","event_name":"low_balance","current_balance":4,"threshold":5,"cluster_id":"c"}`),
			`{"format":"json","dialect_options":{"version":"v2"}}`,
			`{"action":"event","data":{"account_id":"8901af77223052dab4826f14f468d2b0","current_balance":4,"threshold":5},"name":"low_balance","timestamp":63937091045}`,
		},
		{
			"a notification, v2 to v1",
			`{"type":"billing.low_balance","data":{"current_balance":4}}`, kazooSaid("v2", "json", `{"action":"event","name":"low_balance","data":{"current_balance":4,"threshold":5}}`),
			`{"dialect_options":{"version":"v1","cluster_id":"c"}}`,
			`app_name=switchhook&app_version=1.0.0&event_category=notification&event_name=low_balance&msg_id=evt_golden&node=switchhook%40pbx1.example.com&system_log_id=evt_golden` +
				`&account_id=8901af77223052dab4826f14f468d2b0&current_balance=4&threshold=5&cluster_id=c`,
		},
		{
			"a channel's other event, v1 to v2",
			`{"type":"custom.kazoo.channel_moved","data":{}}`, kazooSaid("v1", "form", `{"hook_event":"channel_moved","call_id":"c1","cluster_id":"c"}`),
			`{"format":"json","dialect_options":{"version":"v2"}}`,
			`{"action":"event","data":{"call_id":"c1"},"name":"CHANNEL_MOVED","timestamp":63937091045}`,
		},
		{
			"a channel's other event, v2 to v1",
			`{"type":"custom.kazoo.channel_moved","data":{}}`, kazooSaid("v2", "form", `{"action":"event","name":"CHANNEL_MOVED","data":{"call_id":"c1"}}`),
			`{"dialect_options":{"version":"v1","cluster_id":"c"}}`, `call_id=c1&hook_event=channel_moved&cluster_id=c`,
		},
		{
			"another notification, v2 to v1",
			`{"type":"custom.kazoo.skel","data":{}}`, kazooSaid("v2", "form", `{"action":"event","name":"skel","data":{"user_id":"u"}}`),
			`{"dialect_options":{"version":"v1","cluster_id":"c"}}`, `user_id=u&event_name=skel&cluster_id=c`,
		},
		{
			"v2 as it came",
			`{"type":"billing.low_balance","data":{"current_balance":4}}`, kazooSaid("v2", "json", `{"action":"event","data":{"current_balance":4,"threshold":5},"name":"low_balance","timestamp":7}`),
			`{"format":"json"}`,
			`{"action":"event","data":{"current_balance":4,"threshold":5},"name":"low_balance","timestamp":7}`,
		},
		{
			"the webhook's own settings win",
			`{"type":"billing.topup","data":{}}`, kazooSaid("v1", "form", `{"event_category":"notification","event_name":"top_up","node":"n","amount":"1","cluster_id":"c"}`),
			`{"custom_data":{"amount":"2","cluster_id":"never","type":"all","zone":"west"},"dialect_options":{"node":"mine","topup_event_name":"topup"}}`,
			`event_category=notification&event_name=topup&node=mine&amount=2&cluster_id=c&zone=west`,
		},
		{
			"a form becomes JSON with what types are known",
			`{"type":"call.hungup","data":{"call":{"id":"c1","duration_ms":6000,"emergency":false,"sip_status":200}}}`, kazooSaid("v1", "form", `{"hook_event":"channel_destroy","call_id":"c1","emergency_resource_used":"false","duration_seconds":"6","hangup_code":"sip:200","timestamp":"63937091045","attempt":"7"}`),
			`{"format":"json","dialect_options":{"kazoo_version":5}}`,
			`{"attempt":"7","call_id":"c1","duration_seconds":6,"emergency_resource_used":false,"hangup_code":"sip:200","hook_event":"channel_destroy","timestamp":63937091045}`,
		},
	} {
		ev := dialecttest.Event(t, []byte(c.ev))
		ev.Original = c.said
		req, err := New(dialecttest.Env()).Render(ev, dialecttest.Webhook(t, []byte(c.webhook)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, string(req.Body)); diff != "" {
			t.Errorf("%s: wanted (-), got (+):\n%s", c.name, diff)
		}
	}
}

// What another system said is none of Kazoo's, nor is what lies in the data.
func TestSaidByOthers(t *testing.T) {
	t.Parallel()
	d := New(dialecttest.Env())
	for _, original := range []*switchhook.Original{nil, {System: "voipbin", Format: "json", Body: `{"zone":"west"}`}} {
		ev := dialecttest.Event(t, []byte(`{"type":"call.created","data":{"call":{"id":"c1","extra":{"zone":"west"}},"extra":{"kazoo":"v1","payload":{"zone":"west"}}}}`))
		ev.Relayed, ev.Original = true, original
		req, err := d.Render(ev, dialecttest.Webhook(t, nil))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(req.Body); strings.Contains(got, "west") || !strings.Contains(got, "call_id=c1&") {
			t.Errorf("%+v: %s", original, got)
		}
		if ev.Type = "custom.kazoo.skel"; d.EventName(ev) != "" {
			t.Errorf("%+v: %s", original, d.EventName(ev))
		}
	}
}

// cf_webhook.erl and webhooks_util.erl: a hook made on the fly.
func TestFlowWebhook(t *testing.T) {
	t.Parallel()
	const uri = `"uri":"https://crm.example.com/step"`
	for _, c := range []struct{ name, data, options, want string }{
		{
			"a query", `{"data":{"Call-ID":"c1","To-User":"+1202","Nil":null},"hook":{` + uri + `,"http_verb":"get","custom_data":{"step":"welcome","type":"x","action":"y","to_user":"mine","a":7}},"timestamp":"2026-01-31T15:04:06Z"}`, `{}`,
			"GET https://crm.example.com/step?call_id=c1&to_user=mine&step=welcome&a=7&cluster_id=a15b0fb1057a5f7c865d0efdb119ec1e 63937091046 8901af77223052dab4826f14f468d2b0",
		},
		{
			"always a form", `{"data":{"call_id":"c1"},"hook":{` + uri + `}}`, `{"format":"json","dialect_options":{"cluster_id":"c","version":"v2"}}`,
			"POST https://crm.example.com/step 63937091045 8901af77223052dab4826f14f468d2b0 call_id=c1&cluster_id=c",
		},
		{
			"an id and an account of its own", `{"data":{"call_id":"c1","password":"x"},"hook":{` + uri + `,"_id":63937091000,"pvt_account_id":"a1"}}`, `{"dialect_options":{"cluster_id":"c"}}`,
			"POST https://crm.example.com/step 63937091000 a1 call_id=c1&password=%2A%2A%2A&cluster_id=c",
		},
		{
			"a raw body", `{"data":"raw","hook":{` + uri + `,"_id":"63937091001"}}`, `{"dialect_options":{"cluster_id":"c"}}`,
			"POST https://crm.example.com/step 63937091001 8901af77223052dab4826f14f468d2b0 cluster_id=c",
		},
	} {
		ev := dialecttest.Event(t, []byte(`{"type":"flow.webhook","data":`+c.data+`}`))
		own := dialecttest.Webhook(t, []byte(c.options))
		own.Flow = true
		w, err := dialect.ForFlow(ev, own)
		if err != nil {
			t.Fatal(err)
		}
		req, err := New(dialecttest.Env()).Render(ev, w)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.TrimSpace(strings.Join([]string{req.Method, req.URL, req.Header.Get("X-Hook-ID"), req.Header.Get("X-Account-ID"), string(req.Body)}, " "))
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: wanted (-), got (+):\n%s", c.name, diff)
		}
	}
}

// What the operator has set is what Kazoo's customers know a thing by.
func TestGivenIDs(t *testing.T) {
	t.Parallel()
	env := dialecttest.Env()
	env.ID = func(account, dialect, schema, id string) string {
		if dialect != "kazoo" || account == "unknown" {
			return ""
		}
		return schema + "/" + id
	}
	d := New(env)
	var schemas []string
	for _, k := range d.IDs() {
		schemas = append(schemas, k.Schema)
		if !k.Valid("8901af77223052dab4826f14f468d2b0") || k.Valid("8901AF77223052dab4826f14f468d2b0") || k.OfAccount != (k.Schema == "account") {
			t.Errorf("%+v", k)
		}
	}
	ev := dialecttest.Event(t, []byte(`{"type":"call.created","data":{"call":{"id":"c1","owner_id":"u","authorizing_id":"r","authorizing_type":"resource","resource_id":"r"}}}`))
	req, err := d.Render(ev, dialecttest.Webhook(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"account_id=account%2Facme&", "authorizing_id=resource%2Fr&", "owner_id=user%2Fu&", "local_resource_id=resource%2Fr&", "reseller_id=account%2Froot&"} {
		if !strings.Contains(string(req.Body), want) {
			t.Errorf("%s is not in %s", want, req.Body)
		}
	}
	if got := req.Header.Get("X-Account-ID"); got != "account/acme" {
		t.Errorf("the account is %s", got)
	}
	if want := "account user device call_flow mailbox faxbox media resource port_request webhook"; strings.Join(schemas, " ") != want {
		t.Errorf("the schemas are %s", schemas)
	}
}

// What one request was made of is not in the next one, nor in one made meanwhile.
func TestRequestsShareNothing(t *testing.T) {
	t.Parallel()
	d := New(dialecttest.Env())
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			id := strconv.Itoa(i)
			ev := event("call.created", &switchhook.Resources{Call: &switchhook.Call{ID: id, Vars: []byte(`{"n":"` + id + `"}`)}})
			w := &switchhook.Webhook{DialectOptions: map[string]any{"cluster_id": id, "version": []string{"v1", "v2"}[i%2]}}
			first, _ := d.Render(ev, w)
			want := string(first.Body)
			for range 100 {
				if again, _ := d.Render(ev, w); string(again.Body) != want || string(first.Body) != want {
					t.Errorf("got %s, want %s", again.Body, want)
					return
				}
			}
		})
	}
	group.Wait()
}

func BenchmarkRender(b *testing.B) {
	d := New(dialecttest.Env())
	yes, ms := true, int64(64877)
	call := &switchhook.Call{
		ID: "7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11", LegDirection: "inbound",
		From:       &switchhook.Party{Address: "+12025550143", Name: "Ada Lovelace", URI: "+12025550143@sip.example.com"},
		To:         &switchhook.Party{Address: "+12025550100", URI: "+12025550100@pbx.example.com"},
		Callee:     &switchhook.Party{Address: "101", Name: "Grace Hopper"},
		RequestURI: "+12025550100@pbx.example.com", PeerID: "0c9d7a3e-0a8b-4a52-a6cc-2f4d1b1f90d2",
		HangupCause: "NORMAL_CLEARING", SIPStatus: 200, DurationMS: &ms, RingingMS: &ms, BillableMS: &ms,
		AuthorizingID: "carrier-1", AuthorizingType: "resource", ResourceID: "carrier-1", LocalResource: &yes,
		Vars: []byte(`{"Campaign":"spring & summer","Bridge-ID":"7f3c9a52"}`),
	}
	webhook := func(format, method string, options map[string]any) *switchhook.Webhook {
		return &switchhook.Webhook{ID: "wh_1", AccountID: "acme", URL: "https://example.com/hook", Format: format, Method: method, DialectOptions: options}
	}
	webhooks := map[string]*switchhook.Webhook{
		"form":    webhook("", "", nil),
		"json":    webhook("json", "", nil),
		"kazoo5":  webhook("json", "", map[string]any{"kazoo_version": "5"}),
		"query":   webhook("", "GET", nil),
		"v2":      webhook("json", "", map[string]any{"version": "v2"}),
		"v2_hmac": webhook("json", "", map[string]any{"version": "v2", "sha256_key": "k"}),
	}
	for _, typ := range []string{"call.created", "call.answered", "call.hungup"} {
		ev := event(typ, &switchhook.Resources{Call: call})
		for _, name := range slices.Sorted(maps.Keys(webhooks)) {
			b.Run(typ+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := d.Render(ev, webhooks[name]); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
	relayed := dialecttest.Event(b, []byte(`{"type":"call.created","data":{"call":{"id":"c1","from":{"address":"+12025550143"},"callee":null,"leg_direction":"inbound","owner_id":null}}}`))
	relayed.Original = kazooSaid("v1", "form", `{"account_id":"91eb05e5c68d7ca05e7618b6821d2d16","authorizing_type":"resource","call_direction":"inbound","call_id":"c1",`+
		`"caller_id_name":"Ada Lovelace","caller_id_number":"+12025550143","custom_channel_vars":{"Bridge-ID":"c1"},"emergency_resource_used":"false","from":"+12025550143@sip.example.com","is_internal_leg":"false","timestamp":"63937091045","hook_event":"channel_create","cluster_id":"c1"}`)
	for _, name := range []string{"form", "json", "v2"} {
		b.Run("relayed/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Render(relayed, webhooks[name]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("wants", func(b *testing.B) {
		ev := event("call.hungup", &switchhook.Resources{Call: call})
		b.ReportAllocs()
		for b.Loop() {
			if d.EventName(ev) == "" || !d.Wants(ev, webhooks["form"]) {
				b.Fatal("it is not wanted")
			}
		}
	})
}
