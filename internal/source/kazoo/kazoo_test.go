package kazoo_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/calls"
	out "github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/dialect/dialecttest"
	dialect "github.com/switchhook/switchhook/internal/dialect/kazoo"
	"github.com/switchhook/switchhook/internal/dialect/voipbin"
	"github.com/switchhook/switchhook/internal/ordjson"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/kazoo"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
)

var received = time.Date(2026, 1, 31, 15, 4, 6, 500, time.UTC)

const (
	form = "application/x-www-form-urlencoded"
	asJS = "application/json"
)

func translate(contentType, body string) (*source.Message, error) {
	return kazoo.New().Translate(&source.Request{
		Method: http.MethodPost, ContentType: contentType, Body: []byte(body), ReceivedAt: received,
	})
}

// one is the only event of a message, checked and decoded, in Kazoo's account.
func one(m *source.Message, err error) (*switchhook.Event, error) {
	ev, err := sourcetest.One(m, err)
	if err == nil && m.SystemAccount != "" {
		ev.AccountID = m.SystemAccount
	}
	return ev, err
}

// as is the dialect with a reseller of ours.
func as(reseller string) *dialect.Dialect {
	env := dialecttest.Env()
	env.Reseller = func(string) string { return reseller }
	return dialect.New(env)
}

// What the dialect's golden files send is read back, and comes out the same.
func TestGoldenRequestsComeOutAsTheyCameIn(t *testing.T) {
	t.Parallel()
	known := kazoo.New()
	for name, parts := range dialecttest.Golden(t, "../../dialect/kazoo") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := request(t, string(parts["request"]))
			if in == nil {
				return // the dialect sends nothing
			}
			ev, err := one(known.Translate(in))
			if err != nil {
				t.Fatal(err)
			}
			was := dialecttest.Event(t, parts["event.json"])
			// A golden call may look like a leg, and a recording is a document:
			// both go out alike.
			alike := strings.NewReplacer("leg.", "call.", "recording.finished", "record.created")
			if alike.Replace(ev.Type) != alike.Replace(was.Type) {
				t.Errorf("it is a %s, was a %s", ev.Type, was.Type)
			}
			w := dialecttest.Webhook(t, parts["webhook.json"])
			w.Dialect, w.CustomData = "kazoo", nil // it is in there already, with its cluster_id
			delete(w.DialectOptions, "cluster_id")
			if bytes.Contains(parts["webhook.json"], []byte(`"hmac"`)) {
				delete(w.DialectOptions, "sha256_key") // custom_data is what the signature is lost to
			}
			req, err := dialect.New(dialecttest.Env()).Render(ev, w)
			if err != nil {
				t.Fatal(err)
			}
			got, want := string(req.Body), string(in.Body)
			if in.Method == http.MethodGet { // its order is lost
				want, _, _ = strings.Cut(string(parts["request"]), "\n")
				got, want = segments(afterLast(req.URL), true), segments(afterLast(want), true)
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("in (-), out (+):\n%s", diff)
			}
		})
	}
}

// segments are a form's, without the empty ones, which stand for what is empty.
func segments(form string, sorted bool) string {
	all := slices.DeleteFunc(strings.Split(form, "&"), func(s string) bool { return s == "" })
	if sorted {
		slices.Sort(all)
	}
	return strings.Join(all, "\n")
}

// afterLast is the query that Kazoo adds to an address, which can have one.
func afterLast(address string) string { return address[strings.LastIndex(address, "?")+1:] }

// request reads a golden file's request; nil where there is none.
func request(t *testing.T, text string) *source.Request {
	t.Helper()
	head, body, ok := strings.Cut(text, "\n\n")
	if !ok {
		if strings.HasPrefix(text, "GET ") {
			head = text
		} else {
			return nil
		}
	}
	r := bufio.NewScanner(strings.NewReader(head))
	in := &source.Request{Body: []byte(strings.TrimSuffix(body, "\n")), ReceivedAt: received}
	for r.Scan() {
		line := r.Text()
		if in.Method == "" {
			method, address, _ := strings.Cut(line, " ")
			in.Method = method
			if method == http.MethodGet {
				in.Query = afterLast(address)
			}
		}
		if v, ok := strings.CutPrefix(line, "Content-Type: "); ok {
			in.ContentType = v
		}
	}
	return in
}

// The samples of Kazoo's documents: applications/webhooks/doc/events.
const (
	channelSample = `{"account_id":"91eb05e5c68d7ca05e7618b6821d2d16","authorizing_id":"7f2b66a620cf9523d349cc5de8f21f37","authorizing_type":"device",` +
		`"call_direction":"inbound","call_forwarded":false,"call_id":"NDlkNGI3OTZlMDgzNWQxNGYxNTA3NjQ4NDZjNDFkOTc",` +
		`"callee_id_name":"Caller Test","callee_id_number":"+15556783945","caller_id_name":"Test Man","caller_id_number":"+15556783945",` +
		`"custom_application_vars":{},"custom_channel_vars":{},"emergency_resource_used":false,"from":"+15556783945@matrix.test.com",` +
		`"inception":"+15556783945@matrix.test.com","is_internal_leg":false,"local_resource_id":"d88c4e753d18755ca71adbae784e5f10","local_resource_used":true,` +
		`"other_leg_call_id":"af1e1e12f1bcf519a96f2235ab8eeec4","owner_id":"d860229e722bf8f738737365b0b1e333","request":"+15552345678@matrix.test.com",` +
		`"reseller_id":"026f4f0a6d99f9a19b6aa4aa75501d7d","timestamp":"63724349409","to":"+15552345678@matrix.test.com"`
	channelData = `"id":"NDlkNGI3OTZlMDgzNWQxNGYxNTA3NjQ4NDZjNDFkOTc","from":{"address":"+15556783945","name":"Test Man","uri":"+15556783945@matrix.test.com","type":"tel"},` +
		`"leg_direction":"inbound","to":{"uri":"+15552345678@matrix.test.com","address":"+15552345678","type":"tel"},` +
		`"callee":{"address":"+15556783945","name":"Caller Test"},"request_uri":"+15552345678@matrix.test.com","peer_id":"af1e1e12f1bcf519a96f2235ab8eeec4",` +
		`"forwarded":false,"owner_id":"d860229e722bf8f738737365b0b1e333","authorizing_id":"7f2b66a620cf9523d349cc5de8f21f37","authorizing_type":"device",` +
		`"resource_id":"d88c4e753d18755ca71adbae784e5f10","local_resource":true,"emergency":false,"internal_leg":false,"inception":"+15556783945@matrix.test.com",` +
		`"vars":{},"app_vars":{}`
	channelMore = `"direction":"outbound"`
)

func TestExamplesBecomeEvents(t *testing.T) {
	t.Parallel()
	const then = "2019-05-06T08:10:09Z"
	now := received.Format(time.RFC3339Nano)
	for _, c := range []struct{ name, body, typ, account, occurred, data string }{
		{
			"channel_create", channelSample + `,"hook_event":"channel_create"}`, "call.created", "91eb05e5c68d7ca05e7618b6821d2d16", then,
			`{"call":{` + channelData + `,` + channelMore + `}}`,
		},
		{
			"channel_answer", channelSample + `,"hook_event":"channel_answer"}`, "call.answered", "91eb05e5c68d7ca05e7618b6821d2d16", then,
			`{"call":{` + channelData + `,` + channelMore + `}}`,
		},
		{
			"channel_bridge", channelSample + `,"hook_event":"channel_bridge","original_number":"+15555674567","other_leg_destination_number":"+1345678349"}`,
			"call.bridged", "91eb05e5c68d7ca05e7618b6821d2d16", then,
			`{"call":{` + channelData + `,"original_number":"+15555674567","peer_destination":"+1345678349",` + channelMore + `}}`,
		},
		{
			"channel_destroy", channelSample + `,"hook_event":"channel_destroy","hangup_cause":"NORMAL_CLEARING","hangup_code":"sip:200","duration_seconds":6,"ringing_seconds":0,"billing_seconds":6}`,
			"call.hungup", "91eb05e5c68d7ca05e7618b6821d2d16", then,
			`{"call":{` + channelData + `,"hangup_cause":"NORMAL_CLEARING","sip_status":200,"duration_ms":6000,"ringing_ms":0,"billable_ms":6000,` +
				`"direction":"outbound"}}`,
		},
		{
			"object", `{"id":"c4c0ad092e57bc1d28e69bbd20dad932","account_id":"0e10f9365fb2383d0fa65e907bfe4cb3","action":"doc_created","type":"user"}`,
			"record.created", "0e10f9365fb2383d0fa65e907bfe4cb3", now,
			`{"schema":"user","id":"c4c0ad092e57bc1d28e69bbd20dad932","row":{"id":"c4c0ad092e57bc1d28e69bbd20dad932","type":"user"}}`,
		},
		{
			"parking", `{"account_id":"5a2d994fbae69b1d6b01eb9f0e7dfe62","call_id":"OWU4NzEwOTgyZWNiMjM0MzI0NjRkZDc4MWVmMjEyOWI","callee_id_name":"Test Name",` +
				`"callee_id_number":"5355543456","caller_id_name":"Superman","caller_id_Number":"+15555432345","event_name":"PARK_PARKED","parking_slot":1}`,
			"call.parked", "5a2d994fbae69b1d6b01eb9f0e7dfe62", now,
			`{"call":{"id":"OWU4NzEwOTgyZWNiMjM0MzI0NjRkZDc4MWVmMjEyOWI","from":{"name":"Superman","address":"+15555432345","type":"tel"},` +
				`"callee":{"address":"5355543456","name":"Test Name"},"parking":{"slot":"1"}}}`,
		},
		{
			"a leg", `{"account_id":"a1","hook_event":"channel_hold","call_id":"b","call_direction":"outbound","other_leg_call_id":"a","timestamp":63937091045,"custom_channel_vars":{"Bridge-ID":"a"},"cluster_id":"c"}`,
			"leg.held", "a1", "2026-01-31T15:04:05Z",
			`{"call":{"id":"b","from":null,"leg_direction":"outbound","callee":null,"peer_id":"a","forwarded":null,"owner_id":null,"authorizing_id":null,"authorizing_type":null,` +
				`"local_resource":null,"emergency":null,"internal_leg":null,"vars":{"Bridge-ID":"a"},"parent_id":"a","root_id":"a"}}`,
		},
		{
			"a leg's cdr", `{"hook_event":"cdr","call_id":"b","call_direction":"outbound","other_leg_call_id":"a","timestamp":63937091045}`,
			"call.cdr", "", "2026-01-31T15:04:05Z",
			`{"call":{"id":"b","from":null,"leg_direction":"outbound","callee":null,"peer_id":"a","forwarded":null,"owner_id":null,"authorizing_id":null,"authorizing_type":null,` +
				`"local_resource":null,"emergency":null,"internal_leg":null,"parent_id":"a","root_id":"a"}}`,
		},
		{
			"a call of the API", `{"hook_event":"channel_create","call_id":"b","call_direction":"outbound","timestamp":63937091045,"authorizing_type":"resource","is_internal_leg":"true"}`,
			"call.created", "", "2026-01-31T15:04:05Z",
			`{"call":{"id":"b","from":null,"leg_direction":"outbound","callee":null,"peer_id":null,"forwarded":null,"owner_id":null,"authorizing_id":null,"authorizing_type":"resource",` +
				`"local_resource":null,"emergency":null,"internal_leg":true}}`,
		},
		{
			"from a carrier", `{"hook_event":"channel_destroy","call_id":"a","call_direction":"inbound","caller_id_number":"anonymous","authorizing_type":"resource","hangup_cause":"SOMETHING_NEW","hangup_code":"verto:5"}`,
			"call.hungup", "", now,
			`{"call":{"id":"a","from":{"address":"anonymous","type":"tel"},"leg_direction":"inbound","callee":null,"peer_id":null,"forwarded":null,"owner_id":null,"authorizing_id":null,"authorizing_type":"resource",` +
				`"local_resource":null,"emergency":null,"internal_leg":null,"hangup_cause":"SOMETHING_NEW","sip_status":null,"duration_ms":null,"ringing_ms":null,"billable_ms":null,` +
				`"direction":"inbound"}}`,
		},
		{
			"mms", `{"id":"m1","type":"mms","from":"+1202","to":"+1203","body":"Hi","origin":"offnet","charges":0.0075,"hook_event":"mms","cluster_id":"c"}`,
			"message.received", "", now,
			`{"message":{"id":"m1","channel":"mms","from":"+1202","to":"+1203","text":"Hi","origin":"offnet","charges":"0.0075"}}`,
		},
		{
			"voicemail_full", `{"event_category":"notification","event_name":"voicemail_full","msg_id":"7","node":"k@x","account_id":"a1","voicemail_box":"b1","message_count":"100","max_message_count":100,"to":["x@example.com"],"preview":"true"}`,
			"voicemail.full", "a1", now,
			`{"voicemail":{"mailbox_id":"b1","message_count":100,"max_message_count":100},"notification":{"preview":true,"to":["x@example.com"]}}`,
		},
		{
			"voicemail_new of nobody known", `{"event_name":"voicemail_new","from_realm":"x.example","to_user":"+12025550100","voicemail_box":"b1","voicemail_id":"202601-v","voicemail_timestamp":"63937091045"}`,
			"voicemail.new", "", now,
			`{"voicemail":{"id":"202601-v","mailbox_id":"b1","received_at":"2026-01-31T15:04:05Z"},"call":{"from":{"uri":"@x.example"},"to":{"uri":"+12025550100","address":"+12025550100","type":"tel"}}}`,
		},
		{
			"flat", `{"event_name":"top_up","event_category":"notification","msg_id":"7","account_id":"a1","amount":"20.50","success":"true","timestamp":"63937091045","add_ons":[{"id":"x"}],"billing_address":{"a":"b"},"card_last_four":1111,"id":"t1","to":"x@example.com","cluster_id":"c"}`,
			"billing.topup", "a1", "2026-01-31T15:04:05Z",
			`{"amount":20.50,"success":true,"timestamp":"2026-01-31T15:04:05Z","add_ons":[{"id":"x"}],"billing_address":{"a":"b"},"card_last_four":"1111","id":"t1",` +
				`"notification":{"to":"x@example.com"}}`,
		},
		{
			"flat, where mail fields are its own", `{"event_name":"new_account","account_id":"a1","account_db":"account/a1","account_realm":"x.example"}`,
			"account.created", "a1", now, `{"account_db":"account/a1","account_realm":"x.example"}`,
		},
		{
			"emergency", `{"event_name":"emergency_bridge","account_id":"a1","call_id":"c1","emergency_test_call":"false","emergency_address_house_number":12,"emergency_notfication_contact_emails":"a@example.com"}`,
			"emergency.bridged", "a1", now, `{"call_id":"c1","emergency_test_call":false,"emergency_address_house_number":"12","emergency_notification_contact_emails":["a@example.com"]}`,
		},
		{
			"fax", `{"event_name":"outbound_fax_error","account_id":"a1","caller_id_number":"+12025550100","callee_id_number":"+12025550143","fax_id":"f1","fax_jobid":"j1","fax_error":"busy","fax_timestamp":63937091045}`,
			"fax.send_failed", "a1", now, `{"fax":{"id":"f1","job_id":"j1","from":{"address":"+12025550100"},"to":{"address":"+12025550143"},"error":"busy","completed_at":"2026-01-31T15:04:05Z","direction":"outbound"},` +
				`"call":{"from":{"address":"+12025550100","type":"tel"},"callee":{"address":"+12025550143"}}}`,
		},
		{
			"a mail that was to be a fax", `{"event_name":"outbound_smtp_fax_error","account_id":"a1","errors":["no number"],"fax_from_email":"a@example.com","fax_email_subject":"Please fax"}`,
			"fax.email_rejected", "a1", now, `{"fax":{"errors":["no number"],"from_email":"a@example.com","subject":"Please fax","direction":"outbound"}}`,
		},
		{
			"a phone", `{"event_name":"register","account_id":"a1","account_db":"account/a1","authorizing_id":"d1","username":"u","realm":"x.example","network_port":"5060","expires":3600,"event_timestamp":"63937091045","suppress_unregister_notify":"true"}`,
			"device.registered", "a1", now, `{"device":{"id":"d1","username":"u","realm":"x.example","network_port":5060,"expires":3600,"registered_at":"2026-01-31T15:04:05Z","authorizing_id":"d1","suppress_notify":true},` +
				`"notification":{"account_db":"account/a1"}}`,
		},
		{
			"v2 channel", `{"action":"event","name":"CHANNEL_CREATE","data":{"call_id":"a","call_direction":"inbound","caller_id_number":"1001","timestamp":63937091045,"channel_is_loopback":false,` +
				`"custom_channel_vars":{"account_id":"a1","authorizing_id":"d1","authorizing_type":"device","owner_id":"o1","resource_id":"r1"},"media_server":"fs"},"timestamp":63937091046,"hmac":"x"}`,
			"call.created", "a1", "2026-01-31T15:04:05Z",
			`{"call":{"id":"a","from":{"address":"1001"},"leg_direction":"inbound","callee":null,"peer_id":null,"forwarded":null,"owner_id":"o1","authorizing_id":"d1","authorizing_type":"device",` +
				`"resource_id":"r1","local_resource":true,"emergency":null,"internal_leg":false,` +
				`"vars":{"account_id":"a1","authorizing_id":"d1","authorizing_type":"device","owner_id":"o1","resource_id":"r1"}}}`,
		},
		{
			"v2 object", `{"action":"event","name":"doc_edited","data":{"doc":{"name":"Desk","id":"d1"},"metadata":{"id":"d1","type":"device","account_id":"a1"}},"timestamp":63937091046}`,
			"record.updated", "a1", "2026-01-31T15:04:06Z",
			`{"schema":"device","id":"d1","row":{"id":"d1","name":"Desk"}}`,
		},
		{
			"a document of a type beyond the usual", `{"id":"m1","account_id":"a1","action":"doc_edited","type":"menu"}`,
			"record.updated", "a1", now, `{"schema":"kazoo_menu","id":"m1","row":{"id":"m1","type":"menu"}}`,
		},
		{
			"a stream", `{"event_name":"stream_stop","account_id":"a1","call_id":"c1","reason":"hangup","stream_id":"MZ1","stream_name":"agent assist","timestamp":63937091045}`,
			"custom.kazoo.stream_stop", "a1", "2026-01-31T15:04:05Z", `{"call_id":"c1","stream_id":"MZ1","stream_name":"agent assist","reason":"hangup"}`,
		},
		{
			"v2 stream", `{"action":"event","name":"stream_start","data":{"account_id":"a1","call_id":"c1","stream_id":"MZ1","timestamp":63937091045},"timestamp":63937091046}`,
			"custom.kazoo.stream_start", "a1", "2026-01-31T15:04:05Z", `{"call_id":"c1","stream_id":"MZ1"}`,
		},
		{
			"a channel event beyond the usual", `{"hook_event":"channel_progress_media","account_id":"a1","call_id":"c1","call_direction":"inbound","timestamp":63937091045}`,
			"custom.kazoo.channel_progress_media", "a1", "2026-01-31T15:04:05Z", `{"call_id":"c1"}`,
		},
		{
			"a notification beyond the page", `{"event_category":"notification","event_name":"skel","account_id":"a1","user_id":"u1","msg_id":"m"}`,
			"custom.kazoo.skel", "a1", now, `{}`,
		},
		{
			"v2 channel disconnected", `{"action":"event","name":"CHANNEL_DISCONNECTED","data":{"call_id":"a","call_direction":"inbound","hangup_cause":"NORMAL_CLEARING"},"timestamp":63937091046}`,
			"call.hungup", "", "2026-01-31T15:04:06Z",
			`{"call":{"id":"a","from":null,"leg_direction":"inbound","callee":null,"peer_id":null,"forwarded":null,"owner_id":null,"authorizing_id":null,"authorizing_type":null,` +
				`"local_resource":true,"emergency":null,"internal_leg":null,"hangup_cause":"NORMAL_CLEARING","sip_status":null,"duration_ms":null,"ringing_ms":null,"billable_ms":null,` +
				`"direction":"inbound"}}`,
		},
		{
			"a call flow's own webhook", `{"account_id":"a1","account_db":"account/a1","call_direction":"inbound","call_id":"c1","caller_id_number":"+1202","to_user":"100","step":"welcome","cluster_id":"c"}`,
			"flow.webhook", "a1", now,
			`{"data":{"account_id":"a1","account_db":"account/a1","call_direction":"inbound","call_id":"c1","caller_id_number":"+1202","to_user":"100","step":"welcome"},"call":{"id":"c1"}}`,
		},
		{
			"a deleted account in v1", `{"action":"event","name":"doc_deleted","data":{"id":"a1","type":"account","doc":{"id":"a1","name":"Example"},"metadata":{"id":"a1"}},"cluster_id":"c"}`,
			"record.deleted", "", now, `{"schema":"account","id":"a1","row":{"id":"a1","name":"Example"}}`,
		},
		{
			"v2 cdr", `{"action":"event","name":"cdr","data":{"call_id":"a","call_direction":"inbound","hangup_cause":"USER_BUSY","hangup_code":"sip:486","duration_seconds":6,"ringing_seconds":4,"billing_seconds":"0","timestamp":63937091045},"timestamp":63937091046}`,
			"call.cdr", "", "2026-01-31T15:04:05Z",
			`{"call":{"id":"a","from":null,"leg_direction":"inbound","callee":null,"peer_id":null,"forwarded":null,"owner_id":null,"authorizing_id":null,"authorizing_type":null,` +
				`"local_resource":true,"emergency":null,"internal_leg":null,"hangup_cause":"USER_BUSY","sip_status":486,"duration_ms":6000,"ringing_ms":4000,"billable_ms":0,` +
				`"direction":"inbound"}}`,
		},
		{
			"v2 parking", `{"action":"event","name":"PARK_RETRIEVED","data":{"account_id":"a1","call_id":"a","parking_slot":"7"},"timestamp":63937091046}`,
			"call.retrieved", "a1", "2026-01-31T15:04:06Z", `{"call":{"id":"a","parking":{"slot":"7"}}}`,
		},
		{
			"v2 message", `{"action":"event","name":"inbound","data":{"account_id":"a1","from":"+1","to":"+2","body":"x"}}`,
			"message.received", "a1", now, `{"message":{"from":"+1","to":"+2","text":"x"}}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, err := translate(asJS, c.body)
			ev, err := one(m, err)
			if err != nil {
				t.Fatal(err)
			}
			if occurred := ev.OccurredAt.Format(time.RFC3339Nano); ev.Type != c.typ || m.SystemAccount != c.account || occurred != c.occurred {
				t.Errorf("%s in %q at %s, want %s in %q at %s", ev.Type, m.SystemAccount, occurred, c.typ, c.account, c.occurred)
			}
			if diff := gocmp.Diff(c.data, string(ev.Data)); diff != "" {
				t.Errorf("wanted (-), got (+):\n%s", diff)
			}
			w := &switchhook.Webhook{Format: "json", DialectOptions: map[string]any{"kazoo_version": "5", "secrets": "show"}}
			if strings.HasPrefix(c.name, "v2 ") {
				w.DialectOptions["version"] = "v2"
			}
			req, err := as("").Render(ev, w)
			if err != nil {
				t.Fatal(err)
			}
			want := c.body
			if c.name == "v2 message" { // an envelope without its time gets one
				want = strings.TrimSuffix(want, "}") + `,"timestamp":63937091046}`
			}
			if diff := gocmp.Diff(inOrder(t, want), inOrder(t, string(req.Body))); diff != "" {
				t.Errorf("in (-), out (+):\n%s", diff)
			}
		})
	}
}

// A form says the same as JSON, its brackets encoded or not.
func TestFormsGetTheirTypesBack(t *testing.T) {
	t.Parallel()
	const want = `{"call":{"id":"a","from":{"address":"+1 & 1","name":"Zoë"},"leg_direction":"inbound","callee":null,"peer_id":null,"forwarded":false,"owner_id":null,` +
		`"authorizing_id":null,"authorizing_type":null,"local_resource":true,"emergency":null,"internal_leg":null,"vars":{"Bridge-ID":"x=y","n":{"list":["1",{"k":"v"},"{x"]}},` +
		`"hangup_cause":null,"sip_status":487,"duration_ms":64000,"ringing_ms":null,"billable_ms":0,"direction":"inbound"}}`
	const body = `hook_event=channel_destroy&call_id=a&call_direction=inbound&caller_id_number=%2B1+%26+1&caller_id_name=Zo%C3%AB&call_forwarded=false&local_resource_used=true&&` +
		`custom_channel_vars[Bridge-ID]=x%3Dy&custom_channel_vars[n][list][]=1&custom_channel_vars[n][list][]=%7B%22k%22%3A%22v%22%7D&custom_channel_vars[n][list][]=%7Bx&` +
		`hangup_code=sip%3A487&duration_seconds=64&billing_seconds=0&tag[]=a+b&owner_id=&custom_application_vars=&timestamp=63937091045&emergency_resource_used=`
	encoded := strings.NewReplacer("[", "%5B", "]", "%5D").Replace(body)
	for name, r := range map[string]*source.Request{
		"form":    {Method: http.MethodPost, ContentType: form, Body: []byte(body), ReceivedAt: received},
		"encoded": {Method: http.MethodPut, ContentType: form + "; charset=utf-8", Body: []byte(encoded + "\r\n"), ReceivedAt: received},
		"query":   {Method: http.MethodGet, Query: body, ReceivedAt: received},
	} {
		m, err := kazoo.New().Translate(r)
		ev, err := one(m, err)
		if err != nil {
			t.Fatal(name, err)
		}
		if diff := gocmp.Diff(want, string(ev.Data)); diff != "" {
			t.Errorf("%s: wanted (-), got (+):\n%s", name, diff)
		}
		if ev.Type != "call.hungup" || ev.OccurredAt.Format(time.RFC3339) != "2026-01-31T15:04:05Z" {
			t.Errorf("%s: %s at %v", name, ev.Type, ev.OccurredAt)
		}
	}
}

// What has something of its own in it is one event however often it comes; what
// has not is another one each time.
func TestIDs(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for body, named := range map[string]bool{
		`{"hook_event":"channel_hold","call_id":"a","timestamp":63937091045}`:                                         true,
		`{"hook_event":"channel_hold","call_id":"a","timestamp":63937091046}`:                                         true,
		`{"hook_event":"channel_hold","call_id":"a"}`:                                                                 false,
		`{"event_name":"voicemail_full","voicemail_box":"b","msg_id":"m"}`:                                            true,
		`{"event_name":"voicemail_full","voicemail_box":"b"}`:                                                         false,
		`{"event_name":"PARK_PARKED","call_id":"a"}`:                                                                  false,
		`{"action":"doc_edited","type":"user","id":"u"}`:                                                              false,
		`{"type":"sms","id":"m1","body":"x"}`:                                                                         true,
		`{"type":"sms","body":"x"}`:                                                                                   false,
		`{"action":"event","name":"PARK_PARKED","data":{"call_id":"a"},"timestamp":63937091045}`:                      true,
		`{"action":"event","name":"doc_edited","data":{"metadata":{"type":"user","id":"u"}},"timestamp":63937091045}`: true,
	} {
		first, err := one(translate(asJS, body))
		if err != nil {
			t.Fatal(body, err)
		}
		second, err := one(translate(asJS, body))
		if err != nil {
			t.Fatal(body, err)
		}
		if first.ID != second.ID || first.IDGiven != named || (first.ID != "") != named || named && !switchhook.ValidEventID(first.ID) {
			t.Errorf("%s: the ids are %q and %q", body, first.ID, second.ID)
		}
		if other, twice := seen[first.ID]; twice && named {
			t.Errorf("%s and %s have the same id", body, other)
		}
		seen[first.ID] = body
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	const known = `PARK_ABANDONED, PARK_PARKED, PARK_RETRIEVED, account_deleted`
	for _, c := range []struct {
		name, contentType, body string
		code                    switchhook.Code
		fields                  string // "field: message", one a line; the beginning where it is long
	}{
		{"empty", form, " ", switchhook.CodeMalformed, ""},
		{"a list", asJS, `[]`, switchhook.CodeMalformed, ""},
		{"half", asJS, `{"hook_event":`, switchhook.CodeMalformed, ""},
		{"a member twice", asJS, `{"a":1,"a":2}`, switchhook.CodeMalformed, ""},
		{"no form", form, `hello`, switchhook.CodeMalformed, ""},
		{"a form's member twice", form, `a=1&a=2`, switchhook.CodeInvalid, "a: is there twice"},
		{"a value and a list", form, `a=1&a[]=2`, switchhook.CodeInvalid, "a[]: is there twice"},
		{"a value and an object", form, `a=1&a[b]=2`, switchhook.CodeInvalid, "a[b]: is there both as a value and as an object"},
		{"an object and a value", form, `a[b]=1&a=2`, switchhook.CodeInvalid, "a: is there twice"},
		{"badly encoded", form, `a=%zz`, switchhook.CodeInvalid, `a: is not percent-encoded as a form's values are: "%zz"`},
		{"deep", form, `a` + strings.Repeat("[a]", 30) + `=1`, switchhook.CodeInvalid, "a: is nested more than 20 deep"},
		{"long", form, strings.Repeat("a=1&", 10_001), switchhook.CodeInvalid, "a: is there twice"},
		{"long and empty", form, "a=1" + strings.Repeat("&", 10_001), switchhook.CodeTooLarge, ""},
		{"nothing of Kazoo's", asJS, `{"hello":"world"}`, switchhook.CodeInvalid, "hook_event: is required: the hook's name; a notification or a parking hook has event_name, an object hook action, a message the type sms or mms"},
		{"a new hook", asJS, `{"hook_event":"chanel_create"}`, switchhook.CodeUnknownType, `hook_event: no event is known for Kazoo's "chanel_create"; known are ` + known},
		{"a channel's with a name that is none", asJS, `{"hook_event":"channel_ä"}`, switchhook.CodeUnknownType, `hook_event: no event is known for Kazoo's "channel_ä"; known are ` + known},
		{"a notification's name that is none", asJS, `{"event_category":"notification","event_name":"no such thing"}`, switchhook.CodeUnknownType, `event_name: no event is known for Kazoo's "no such thing"; known are ` + known},
		{"a hook's name that is no text", asJS, `{"hook_event":7}`, switchhook.CodeInvalid, "hook_event: expected a string, got 7"},
		{"a notification's name that is no text", asJS, `{"event_name":["x"]}`, switchhook.CodeInvalid, "event_name: expected a string, got an array"},
		{"an action that is no text", form, `action[]=doc_edited`, switchhook.CodeInvalid, "action: expected a string, got an array"},
		{"a type that is no text", asJS, `{"type":{}}`, switchhook.CodeInvalid, "type: expected a string, got an object"},
		{"v2 with a name that is no text", asJS, `{"action":"event","name":[],"data":{}}`, switchhook.CodeInvalid, "name: expected a string, got an array"},
		{"a new action", form, `action=doc_moved&type=user&id=1`, switchhook.CodeUnknownType, `action: no event is known for Kazoo's "doc_moved"; known are ` + known},
		{"an action that is none", form, `action=register&type=transaction`, switchhook.CodeUnknownType, `action: no event is known for Kazoo's "register"; known are ` + known},
		{"a new type", form, `type=rcs&id=1`, switchhook.CodeUnknownType, `type: no event is known for Kazoo's "rcs"; known are ` + known},
		{"no document", form, `action=doc_edited`, switchhook.CodeInvalid, "id: is required: the id of what the event is about\ntype: is required: the document's type, such as user"},
		{"no call", form, `hook_event=channel_create&call_id=`, switchhook.CodeInvalid, "call_id: is required: the id of what the event is about"},
		{"v2 without a name", asJS, `{"action":"event","data":{}}`, switchhook.CodeInvalid, "name: is required: the event's name, such as CHANNEL_CREATE"},
		{"v2 with a name that is none", asJS, `{"action":"event","name":"X Y","data":{}}`, switchhook.CodeUnknownType, `name: no event is known for Kazoo's "X Y"; known are ` + known},
		{"v2 without data", asJS, `{"action":"event","name":"CHANNEL_CREATE","data":[]}`, switchhook.CodeInvalid, "data: expected an object, got an array"},
		{
			"wrong types", asJS, `{"action":"event","name":"CHANNEL_DESTROY","timestamp":1,"data":{"account_id":{},"call_id":[],"call_direction":"sideways","timestamp":"yesterday","caller_id_name":true,` +
				`"call_forwarded":"no","custom_channel_vars":"x","duration_seconds":1.5,"ringing_seconds":-1,"billing_seconds":"1 minute"}}`,
			switchhook.CodeInvalid, `data.account_id: expected a string, got an object
data.timestamp: expected seconds since the year 0, such as 63937091045, got "yesterday"
data.call_id: expected a string, got an array
data.caller_id_name: expected a string, got true
data.call_direction: expected one of inbound, outbound, got "sideways"
data.call_forwarded: expected true or false, got "no"
data.custom_channel_vars: expected an object, got "x"
data.duration_seconds: expected whole seconds, got 1.5
data.ringing_seconds: expected whole seconds, got -1
data.billing_seconds: expected whole seconds, got "1 minute"`,
		},
		{
			"a wrong payment", asJS, `{"event_name":"transaction","amount":"much","success":1,"timestamp":"now","billing_address":"x","id":[]}`,
			switchhook.CodeInvalid, `timestamp: expected seconds since the year 0, such as 63937091045, got "now"
amount: expected a decimal number, got "much"
success: expected true or false, got 1
billing_address: expected an object, got "x"
id: expected a string, got an array`,
		},
		{
			"a wrong voicemail", form, `event_name=voicemail_new&voicemail_length=long&voicemail_timestamp=1e5&voicemail_transcription=hello&from_realm[]=x`,
			switchhook.CodeInvalid, `voicemail_length: expected an integer, got "long"
voicemail_timestamp: expected seconds since the year 0, such as 63937091045, got "1e5"
voicemail_transcription: expected an object, got "hello"
from_realm: expected a string, got an array`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, fields, err := sourcetest.Refused(translate(c.contentType, c.body))
			if err != nil || code != c.code {
				t.Fatalf("got %s, %v", code, err)
			}
			if code == switchhook.CodeUnknownType && strings.HasPrefix(fields, c.fields) {
				return
			}
			if diff := gocmp.Diff(c.fields, fields); diff != "" {
				t.Errorf("wanted (-), got (+):\n%s", diff)
			}
		})
	}
}

// The catalogue has what the table speaks of: nothing is lost for a misspelt name.
func TestEveryMemberIsInTheCatalogue(t *testing.T) {
	t.Parallel()
	body := channelSample + `,"hook_event":"channel_destroy","hangup_cause":"NORMAL_CLEARING","hangup_code":"sip:200","duration_seconds":6,"ringing_seconds":0,"billing_seconds":6,` +
		`"custom_sip_headers":{},"original_number":"1"}`
	for _, s := range []string{
		body, strings.Replace(body, "destroy", "bridge", 1),
		`{"event_name":"missed_call","call_id":"a","caller_id_name":"x","from_user":"a","from_realm":"b","to_user":"c","to_realm":"d","call_bridged":false,"message_left":true,"notify":{"a":1},` +
			`"account_db":"x","attachment_url":"x","bcc":"x","cc":["x"],"from":{"a":"b"},"html":"x","preview":false,"reply_to":"x","subject":"x","text":"x","to":"x"}`,
		`{"event_name":"voicemail_deleted","voicemail_id":"a","voicemail_box":"b","voicemail_length":1,"voicemail_timestamp":63937091045,"voicemail_transcription":{"text":"x"},"reason":"dtmf"}`,
		`{"type":"mms","id":"m","from":"1","to":"2","body":"x","origin":"offnet","charges":1}`,
		`{"event_name":"PARK_ABANDONED","call_id":"a","parking_slot":"1","caller_id_number":"1","caller_id_name":"x","callee_id_number":"1","callee_id_name":"x"}`,
	} {
		ev, err := one(translate(asJS, s))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := json.Marshal(ev.Resources)
		if err != nil {
			t.Fatal(err)
		}
		given, _ := ordjson.Parse(ev.Data)
		decoded, _ := ordjson.Parse(whole)
		for _, resource := range given {
			had, _ := ordjson.Parse(resource.Value)
			has, _ := ordjson.Parse(decoded.Get(resource.Name))
			for _, m := range had {
				if !ordjson.Null(m.Value) && !has.Has(m.Name) {
					t.Errorf("%s: %s.%s is lost", ev.Type, resource.Name, m.Name)
				}
			}
		}
	}
}

// A Kazoo call speaks to the customers of others.
func TestAcrossDialects(t *testing.T) {
	t.Parallel()
	ev, err := one(translate(asJS, channelSample+`,"hook_event":"channel_destroy","hangup_cause":"ORIGINATOR_CANCEL","hangup_code":"sip:487","duration_seconds":6,"ringing_seconds":5,"billing_seconds":0}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := sourcetest.Fold(calls.New(), ev, received); err != nil {
		t.Fatal(err)
	}
	req, err := voipbin.New(dialecttest.Env()).Render(ev, &switchhook.Webhook{})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Type string         `json:"type"`
		Data map[string]any `json:"data"`
	}
	if err := json.Unmarshal(req.Body, &got); err != nil {
		t.Fatal(err)
	}
	if got.Type != "call_hungup" {
		t.Errorf("it is a %s", got.Type)
	}
	address := func(target, name string) map[string]any {
		return map[string]any{"type": "tel", "target": target, "target_name": name, "name": "", "detail": ""}
	}
	for member, want := range map[string]any{
		"id":            out.UUID(ev.AccountID, "NDlkNGI3OTZlMDgzNWQxNGYxNTA3NjQ4NDZjNDFkOTc"),
		"source":        address("+15556783945", "Test Man"),
		"destination":   address("+15552345678", ""),
		"status":        "hangup",
		"direction":     "incoming",
		"hangup_reason": "cancel",
		"tm_hangup":     "2019-05-06 08:10:09.000000",
	} {
		if diff := gocmp.Diff(want, got.Data[member]); diff != "" {
			t.Errorf("%s: wanted (-), got (+):\n%s", member, diff)
		}
	}
}

// One whole call of two legs: what comes out of the folder says to Kazoo's
// customers what came in, though both legs' snapshots know more.
func TestAWholeCall(t *testing.T) {
	t.Parallel()
	f := calls.New()
	d := as("another reseller")
	w := dialecttest.Webhook(t, nil)
	const acc = "account_id=91eb05e5c68d7ca05e7618b6821d2d16"
	a := func(peer string) string {
		return acc + "&authorizing_type=resource&call_direction=inbound&call_id=leg-a&callee_id_name=Main&callee_id_number=100&caller_id_name=Ada&caller_id_number=%2B12025550143" +
			"&custom_channel_vars[Bridge-ID]=leg-a&emergency_resource_used=false&from=%2B12025550143%40sip.example.com&local_resource_used=false&is_internal_leg=false" + peer
	}
	b := func(peer string) string {
		return acc + "&authorizing_id=7f2b66a620cf9523d349cc5de8f21f37&authorizing_type=device&call_direction=outbound&call_id=leg-b&callee_id_name=Grace&callee_id_number=101&caller_id_number=%2B12025550143" +
			"&emergency_resource_used=false" + peer
	}
	const end = "&hook_event=channel_destroy&hangup_cause=NORMAL_CLEARING&hangup_code=sip%3A200&duration_seconds=65&ringing_seconds=4&billing_seconds=60&cluster_id=c1"
	const reseller = "&reseller_id=026f4f0a6d99f9a19b6aa4aa75501d7d&timestamp="
	const to = "&to=%2B12025550100%40pbx.example.com"
	var types []string
	for _, body := range []string{
		a("") + "&request=%2B12025550100%40pbx.example.com" + reseller + "63937091045" + to + "&hook_event=channel_create&cluster_id=c1",
		b("&from=%2B12025550143%40sip.example.com&local_resource_used=true&is_internal_leg=false&other_leg_call_id=leg-a") + reseller + "63937091046" + "&to=101%40pbx.example.com&hook_event=channel_create&cluster_id=c1",
		b("&from=%2B12025550143%40sip.example.com&local_resource_used=true&is_internal_leg=false&other_leg_call_id=leg-a") + reseller + "63937091049" + "&to=101%40pbx.example.com&hook_event=channel_answer&cluster_id=c1",
		a("&other_leg_call_id=leg-b") + "&request=%2B12025550100%40pbx.example.com" + reseller + "63937091049" + to + "&hook_event=channel_answer&cluster_id=c1",
		strings.Replace(a("&other_leg_call_id=leg-b"), "&from=%2B12025550143%40sip.example.com", "", 1) + reseller + "63937091050" + "&hook_event=channel_bridge&original_number=%2B12025550100&other_leg_destination_number=101&cluster_id=c1",
		b("&from=%2B12025550143%40sip.example.com&local_resource_used=true&is_internal_leg=false&other_leg_call_id=leg-a") + reseller + "63937091110" + "&to=101%40pbx.example.com" + end,
		a("") + "&request=%2B12025550100%40pbx.example.com" + reseller + "63937091111" + to + end,
	} {
		ev, err := one(translate(form, body))
		if err != nil {
			t.Fatal(err)
		}
		if err := sourcetest.Fold(f, ev, received); err != nil {
			t.Fatal(err)
		}
		types = append(types, ev.Type+" of "+ev.Resources.Call.Root()+" "+ev.Resources.Call.Status)
		req, err := d.Render(ev, w)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(segments(body, false), segments(string(req.Body), false)); diff != "" {
			t.Errorf("%s: in (-), out (+):\n%s", ev.Type, diff)
		}
	}
	want := []string{
		"call.created of leg-a ringing", "leg.created of leg-a dialing", "leg.answered of leg-a answered", "call.answered of leg-a answered",
		"call.bridged of leg-a answered", "leg.hungup of leg-a ended", "call.hungup of leg-a ended",
	}
	if diff := gocmp.Diff(want, types); diff != "" {
		t.Errorf("wanted (-), got (+):\n%s", diff)
	}
}

// The base fields of a notification are those of the Kazoo that it came from,
// be it told of a resource or flat, unless the webhook sets its own node.
func TestNotificationsKeepTheirBaseFields(t *testing.T) {
	t.Parallel()
	const base = "app_name=teletype&app_version=4.3.142&event_category=notification&event_name=%s&msg_id=1d2c8a0e&node=kazoo_apps%%40apps1.example.com" +
		"&system_log_id=a84b4c76e66710&account_id=91eb05e5c68d7ca05e7618b6821d2d16"
	for name, rest := range map[string]string{
		"missed_call":    "&call_id=leg-a&timestamp=63937091046",
		"voicemail_full": "&message_count=100",
		"inbound_fax":    "&fax_timestamp=63937091046",
		"low_balance":    "&current_balance=4",
		"webhook":        "&data[call_id]=leg-a&timestamp=63937091046",
	} {
		body := fmt.Sprintf(base, name) + rest + "&cluster_id=c1"
		ev, err := one(translate(form, body))
		if err != nil {
			t.Fatal(err)
		}
		ev.ID, ev.Source = "evt_1", "pbx-1"
		for webhook, want := range map[string]string{
			`{}`: body,
			`{"dialect_options":{"cluster_id":"c2","node":"n"}}`: strings.NewReplacer("kazoo_apps%40apps1.example.com", "n", "=c1", "=c2").Replace(body),
		} {
			req, err := as("").Render(ev, dialecttest.Webhook(t, []byte(webhook)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(want, string(req.Body)); diff != "" {
				t.Errorf("%s: in (-), out (+):\n%s", name, diff)
			}
		}
	}
}

// Whatever Kazoo sends comes out the same to the byte, in each of its formats,
// also through a folder that has heard something else of the same call before.
func TestEveryPayloadComesOutAsItCameIn(t *testing.T) {
	t.Parallel()
	d := as("026f4f0a6d99f9a19b6aa4aa75501d7d")
	rapid.Check(t, func(t *rapid.T) {
		f := calls.New()
		version := rapid.SampledFrom([]string{"4", "5"}).Draw(t, "version")
		format := rapid.SampledFrom([]string{"form", "json"}).Draw(t, "format")
		w := &switchhook.Webhook{
			URL: "https://example.com", Format: format, IncludeInternalLegs: true,
			DialectOptions: map[string]any{"kazoo_version": version, "cluster_id": "c1"},
		}
		for range rapid.IntRange(1, 3).Draw(t, "payloads") {
			ev := event(t)
			req, err := d.Render(ev, w)
			if err != nil {
				t.Fatal(err)
			}
			body := string(req.Body)
			contentType := req.Header.Get("Content-Type")
			again, err := one(translate(contentType, body))
			if err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			if err := sourcetest.Fold(f, again, received); err != nil {
				t.Fatal(err)
			}
			req, err = d.Render(again, w)
			if err != nil {
				t.Fatal(err)
			}
			if string(req.Body) != body {
				t.Fatalf("%s\nin  %s\nout %s", again.Data, body, req.Body)
			}
		}
	})
}

// event draws one that the dialect renders as Kazoo would: nothing is empty, ids
// are Kazoo's.
func event(t *rapid.T) *switchhook.Event {
	text := func(name string) string {
		s := rapid.StringMatching(`[^\x00@]{1,8}`).Draw(t, name)
		return strings.ToValidUTF8(s, "?")
	}
	maybe := func(name string) string {
		if rapid.Bool().Draw(t, "has "+name) {
			return text(name)
		}
		return ""
	}
	hex := func() string { return rapid.StringMatching(`[0-9a-f]{32}`).Draw(t, "hex") }
	yes := func() *bool { b := rapid.Bool().Draw(t, "flag"); return &b }
	number := func() *int64 { n := rapid.Int64Range(0, 1e6).Draw(t, "number") * 1000; return &n }
	vars := func() json.RawMessage {
		o := ordjson.Object{}
		for i := range rapid.IntRange(1, 3).Draw(t, "vars") {
			name := "Var-" + strconv.Itoa(i)
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 0:
				o.Set(name, ordjson.String(text("var")))
			case 1:
				o.Set(name, ordjson.Object{{Name: "in ner", Value: ordjson.String(text("var"))}}.Append(nil))
			default:
				o.Set(name, json.RawMessage(`["a",{"B-c":["d"]},"`+rapid.StringMatching(`[a-z{} ]{1,5}`).Draw(t, "element")+`"]`))
			}
		}
		return o.Append(nil)
	}
	party := func() *switchhook.Party {
		uri := ""
		if rapid.Bool().Draw(t, "uri") {
			uri = text("user") + "@" + text("realm")
		}
		p := &switchhook.Party{Address: maybe("address"), Name: maybe("name"), URI: uri}
		return p
	}
	call := &switchhook.Call{
		ID:     rapid.SampledFrom([]string{"leg a", "leg-b"}).Draw(t, "call_id"),
		PeerID: rapid.SampledFrom([]string{"", "leg-c", "leg-d"}).Draw(t, "peer"),
		From:   party(), To: &switchhook.Party{URI: text("to") + "@realm"},
		Callee:     &switchhook.Party{Address: maybe("callee"), Name: maybe("callee name")},
		RequestURI: text("request"), Inception: text("inception"), Forwarded: yes(),
		LegDirection: rapid.SampledFrom([]string{"inbound", "outbound"}).Draw(t, "direction"), OwnerID: hex(), AuthorizingID: hex(),
		AuthorizingType: rapid.SampledFrom([]string{"", "device", "resource"}).Draw(t, "authorizing_type"),
		ResourceID:      hex(), LocalResource: yes(), Emergency: yes(), InternalLeg: yes(),
		Vars: vars(), AppVars: vars(), SIPHeaders: vars(),
	}
	r := &switchhook.Resources{Call: call}
	typ := rapid.SampledFrom([]string{
		"call.created", "call.answered", "call.bridged", "call.held", "call.unheld", "call.hungup", "call.cdr",
		"record.created", "record.updated", "record.deleted", "message.received", "voicemail.full", "voicemail.new", "voicemail.saved", "voicemail.deleted",
	}).Draw(t, "type")
	switch family, what, _ := strings.Cut(typ, "."); {
	case what == "bridged":
		call.OriginalNumber, call.PeerDestination = maybe("original"), maybe("destination")
	case what == "hungup":
		call.HangupCause, call.SIPStatus = rapid.SampledFrom([]string{"NORMAL_CLEARING", "LOSE_RACE", "X"}).Draw(t, "cause"), rapid.IntRange(0, 699).Draw(t, "sip")
		call.DurationMS, call.RingingMS, call.BillableMS = number(), number(), number()
	case family == "record":
		r.Call = nil
		r.RecordChange = switchhook.RecordChange{
			Schema: rapid.SampledFrom([]string{"account", "user", "device", "call_flow", "mailbox", "fax", "faxbox", "media", "mailbox_message", "call_recording"}).Draw(t, "schema"),
			ID:     hex(),
		}
	case family == "message":
		r.Call = nil
		r.Message = &switchhook.Message{
			ID: text("id"), Channel: rapid.SampledFrom([]string{"sms", "mms"}).Draw(t, "channel"), From: maybe("from"), To: maybe("to"), Text: maybe("text"),
			Origin: text("origin"), Charges: rapid.SampledFrom([]string{"", "0.0075", "12", "free"}).Draw(t, "charges"),
		}
	case family == "voicemail":
		call.ID = "voicemail's" // no channel speaks of it
		if what == "full" {
			r.Call = nil
		}
		r.Voicemail = &switchhook.Voicemail{
			ID: "202601-" + hex(), MailboxID: hex(), LengthMS: number(), ReceivedAt: received.Add(time.Minute), Transcription: json.RawMessage(`{"text":"x","n":{"a":"b"}}`),
			Reason: "dtmf", MessageCount: number(), MaxMessageCount: number(),
		}
		r.Notification = &switchhook.Notification{
			AccountDB: maybe("db"), Bcc: json.RawMessage(`"a@example.com"`), To: json.RawMessage(`["b@example.com"]`), From: json.RawMessage(`{"type":"x"}`),
			Subject: maybe("subject"), HTML: maybe("html"), Text: maybe("text"), Preview: yes(),
		}
	}
	return &switchhook.Event{
		ID: "evt_1", Type: typ, AccountID: "91eb05e5c68d7ca05e7618b6821d2d16", Resources: r,
		OccurredAt: time.Unix(rapid.Int64Range(-1e10, 1e11).Draw(t, "time"), 0).UTC(),
	}
}

// Nothing makes the translator panic, and what it takes can be accepted.
func FuzzTranslate(f *testing.F) {
	for _, parts := range dialecttest.Golden(f, "../../dialect/kazoo") {
		request := string(parts["request"])
		if _, body, ok := strings.Cut(request, "\n\n"); ok {
			f.Add(body, "")
		} else if _, query, ok := strings.Cut(request, "?"); ok {
			f.Add("", strings.SplitN(query, "\n", 2)[0])
		}
	}
	f.Add(channelSample+`,"hook_event":"channel_destroy"}`, "")
	f.Add(`{"action":"event","name":"doc_edited","data":{"doc":{"name":"Desk","id":"d1"},"metadata":{"id":"d1","type":"device","account_id":"a1"}},"timestamp":63937091046}`, "")
	f.Add(`action=event&name=CHANNEL_CREATE&data[call_id]=a&data[custom_channel_vars][account_id]=b&timestamp=63937091046`, "")
	f.Fuzz(func(t *testing.T, body, query string) {
		m, err := kazoo.New().Translate(&source.Request{Method: http.MethodPost, Body: []byte(body), Query: query, ReceivedAt: received})
		if err != nil {
			if _, ok := errors.AsType[*switchhook.Error](err); !ok {
				t.Fatalf("the error is a %T: %v", err, err)
			}
			return
		}
		ev, err := one(m, nil)
		if err != nil {
			t.Fatalf("%q became an event that is refused: %v", body, err)
		}
		for _, w := range []switchhook.Webhook{
			{},
			{Method: "get", Modifiers: map[string]any{"a": 1}},
			{Format: "json", DialectOptions: map[string]any{"kazoo_version": "5", "secrets": "show"}},
			{DialectOptions: map[string]any{"version": "v2", "sha256_key": "k"}},
			{Format: "json", DialectOptions: map[string]any{"version": "v2", "secrets": "show"}},
		} {
			d := as("")
			d.Wants(ev, &w)
			if d.EventName(ev) == "" {
				t.Fatalf("the dialect has no name for %s", ev.Type)
			}
			req, err := d.Render(ev, &w)
			if err != nil {
				t.Fatal(err)
			}
			v2 := ev.Original.Version == "v2"
			version, _ := w.Option("version")
			in, err := ordjson.Parse([]byte(body))
			if err != nil || w.Format != "json" || v2 != (version == "v2") || v2 && !in.Has("timestamp") {
				continue
			}
			if want, got := inOrder(t, body), inOrder(t, string(req.Body)); got != want {
				t.Fatalf("in  %s\nout %s", want, got)
			}
		}
	})
}
