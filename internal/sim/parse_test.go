package sim_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/sim"
)

const (
	asJSON = "application/json"
	asForm = "application/x-www-form-urlencoded"
)

// request makes a request as the system's own documents show it.
func request(method, query, contentType string) *http.Request {
	req := httptest.NewRequest(method, "/hook?"+query, nil)
	req.Header = http.Header{"X-Hook-Id": {"hook"}, "X-Account-Id": {"8901af77223052dab4826f14f468d2b0"}}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return req
}

// The right bodies: from the seeds and the facts, written by hand.
const (
	switchhookBody = `{"id":"evt_1","type":"call.answered","account_id":"acme","key":"c1","sequence":7,"occurred_at":"2026-01-31T15:04:09.75Z","data":{"call":{"id":"c1","status":"answered"}}}`

	kazooForm = `account_id=8901af77223052dab4826f14f468d2b0&call_direction=inbound&call_id=c1&caller_id_name=Ada+%26+Co&caller_id_number=%2B12025550143` +
		`&custom_channel_vars[Bridge-ID]=b1&emergency_resource_used=false&from=a%40b&is_internal_leg=false&local_resource_used=true&timestamp=63937091045` +
		`&hook_event=channel_destroy&hangup_cause=NORMAL_CLEARING&hangup_code=sip%3A200&duration_seconds=64&ringing_seconds=3&billing_seconds=60&cluster_id=x`
	kazooJSON = `{"account_id":"8901","call_direction":"inbound","call_id":"c1","caller_id_number":"+1","emergency_resource_used":false,"is_internal_leg":false,` +
		`"local_resource_used":true,"timestamp":63937091045,"hook_event":"channel_create","cluster_id":"x","custom_channel_vars":{"Bridge-ID":"b1"}}`
	kazooObject    = `action=doc_edited&type=user&id=u1&account_id=8901&cluster_id=x`
	kazooVoicemail = `app_name=teletype&app_version=4.0&event_category=notification&event_name=voicemail_new&msg_id=m&node=n&account_id=a&call_id=c1` +
		`&from_user=u&from_realm=r&to_user=u&to_realm=r&voicemail_box=b&voicemail_id=v&voicemail_timestamp=63937091045&voicemail_length=12400&cluster_id=x`
	kazooText = `{"id":"m1","account_id":"a","type":"sms","from":"+1","to":"+2","body":"Hi","origin":"offnet","charges":0.0075,"cluster_id":"x"}`

	voipbinQueuecall = `{"type":"queuecall_done","data":{"id":"c7c1e226-8c86-4b43-9606-2d5bb2059a09","reference_type":"call","reference_id":"1fe1356f-3f7f-4ff9-9d33-08136b38f506",` +
		`"status":"done","service_agent_id":"eb1ac5c0-ff63-47e2-bcdb-5da9c336eb4b","tm_create":"2022-03-29 15:07:46.111715","tm_service":"2022-03-29 15:08:04.811442",` +
		`"tm_update":"2022-03-29 15:08:25.814885","tm_delete":"2022-03-29 15:08:25.814885"}}`
	voipbinCall = `{"type":"call_hungup","data":{"id":"593555d2-787e-4b06-862f-407bb2e43be1","flow_id":"d157ce07-0360-4cad-9007-c8ab89fccf9c","type":"flow",` +
		`"master_call_id":"00000000-0000-0000-0000-000000000000","chained_call_ids":[],"recording_id":"00000000-0000-0000-0000-000000000000","recording_ids":[],` +
		`"source":{"type":"tel","target":"+821100000002","target_name":"","name":"","detail":""},"destination":{"type":"tel","target":"+821100000001","target_name":"","name":"","detail":""},` +
		`"status":"hangup","action":{"id":"2e7ec294-fc66-4039-8446-6590b82ed54f","next_id":"00000000-0000-0000-0000-000000000000","type":"talk","option":{"text":"hello"},` +
		`"tm_execute":"2022-04-11 06:10:55.918010931"},"direction":"incoming","hangup_by":"remote","hangup_reason":"normal","tm_create":"2022-04-11 06:10:54.788000",` +
		`"tm_update":"2022-04-11 06:10:58.431000","tm_progressing":"2022-04-11 06:10:55.765000","tm_ringing":"9999-01-01 00:00:00.000000","tm_hangup":"2022-04-11 06:10:58.431000"}}`

	teliRow     = `{"type":"update","schema":"dids","data":"{\"id\":\"100\",\"user_id\":\"7\",\"number\":\"2025550100\",\"sms_enabled\":\"1\"}"}`
	teliText    = `source=3038882222&destination=7206321111&message=Are%20you%20open%3F`
	teliReceipt = `uuid=u1&source=3038882222&destination=7206321111&send_status=delivered&status=DELIVRD&error=000`

	primevoxInbound = `eventType=InboundCall&eventTarget=phoneNumber&containerId=516100&tenantId=0&didNumber=12025550100&didDescription=Main%20line&didGroup=Sales&cidPrefix=` +
		`&callUuid=7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11&callerIdNum=12025550143&callerIdName=Ada%20L%C3%B6w`
	primevoxHangup   = `eventType=HangupCall&containerId=516100&tenantId=0&extNumber=&extName=&callUuid=7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11&callerIdName=Ada&callerIdNum=12025550143`
	primevoxAnswered = `eventType=ExtensionAnswered&containerId=516100&tenantId=0&callUuid=7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11&callerIdNum=12025550143&callerIdName=Ada&extensionNumber=101&extensionName=Grace`
	primevoxMessage  = `{"eventType":"inboundMessage","toNumber":"1202","fromNumber":"1203","containerID":"516100","tenantID":"0","conversationID":"48151","messageText":"Hi \"you\""}`
)

func TestParseTakesWhatIsRight(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dialect, contentType, body string
		name                       string // the event's, as the dialect calls it
		gaps                       string
	}{
		{"switchhook", asJSON, switchhookBody, "call.answered", ""},
		{"switchhook", asJSON, `{"id":"evt_1","type":"custom.x","account_id":"a","key":"","sequence":1,"occurred_at":"2026-01-31T15:04:09Z","data":{}}`, "custom.x", ""},
		{"kazoo", asForm, kazooForm, "channel_destroy", ""},
		{"kazoo", asJSON, kazooJSON, "channel_create", ""},
		{"kazoo", asForm, kazooObject, "object", ""},
		{"kazoo", asForm, kazooVoicemail, "notifications/voicemail_new", ""},
		{"kazoo", asJSON, kazooText, "sms", ""},
		{"kazoo", asForm, `account_id=a&call_id=c1&event_name=PARK_PARKED&parking_slot=701&cluster_id=x`, "parking", ""},
		{"kazoo", asForm, strings.Replace(kazooForm, "&billing_seconds=60", "", 1), "channel_destroy", "billing_seconds"},
		{"voipbin", asJSON, voipbinQueuecall, "queuecall_done", ""},
		{"voipbin", asJSON, voipbinCall, "call_hungup", ""},
		{"voipbin", asJSON, strings.Replace(voipbinCall, `"status":"hangup"`, `"status":""`, 1), "call_hungup", "status"},
		{"teli", asJSON, teliRow, "dids", ""},
		{"teli", asJSON, `{"type":"delete","schema":"lnp_requests","data":"{\"id\":5,\"request_status\":null}"}`, "lnp_requests", ""},
		{"teli", asJSON, `{"type":"update","schema":"sms_enablement","status":"error","verbose":"already provisioned"}`, "sms_enablement", ""},
		{"teli", asJSON, `{"type":"insert","schema":"dids","data":"{}"}`, "dids", "data.id"},
		{"teli", asForm, teliText, "sms", ""},
		{"teli", asForm, teliReceipt, "delivery_receipt", ""},
		{"primevox", asForm, primevoxInbound, "InboundCall/phoneNumber", ""},
		{"primevox", asForm, primevoxHangup, "HangupCall", ""},
		{"primevox", asForm, primevoxAnswered, "ExtensionAnswered", ""},
		{"primevox", asJSON, primevoxMessage, "inboundMessage", ""},
		{"primevox", asForm, strings.Replace(primevoxAnswered, "=101&", "=&", 1), "ExtensionAnswered", "extensionNumber"},
	} {
		t.Run(c.dialect+" "+c.name, func(t *testing.T) {
			t.Parallel()
			p, err := sim.Parse(c.dialect, request(http.MethodPost, "", c.contentType), []byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if p.Name != c.name || strings.Join(p.Gaps, " ") != c.gaps {
				t.Errorf("got %s without %q, want %s without %q", p.Name, p.Gaps, c.name, c.gaps)
			}
		})
	}
}

func TestParseReadsAQuery(t *testing.T) {
	t.Parallel()
	p, err := sim.Parse("kazoo", request(http.MethodGet, kazooForm, ""), nil)
	if err != nil || p.Name != "channel_destroy" {
		t.Errorf("got %s, %v", p.Name, err)
	}
}

func TestParseTellsTheEvent(t *testing.T) {
	t.Parallel()
	p, err := sim.Parse("switchhook", request(http.MethodPost, "", asJSON), []byte(switchhookBody))
	if err != nil || p.EventID != "evt_1" || p.Sequence != 7 {
		t.Errorf("got %+v, %v", p, err)
	}
}

// Each case is a right body with one thing wrong in it.
func TestParseRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	type change struct{ from, to string }
	for _, c := range []struct {
		dialect, contentType, body string
		changes                    []change
	}{
		{"switchhook", asJSON, switchhookBody, []change{
			{`"id":"evt_1",`, ``},
			{`"key":"c1","sequence":7`, `"sequence":7,"key":"c1"`},
			{`"sequence":7`, `"sequence":"7"`},
			{`"sequence":7`, `"sequence":0`},
			{`call.answered`, `call.eaten`},
			{`15:04:09.75Z`, `15:04:09.75+01:00`},
			{`"status":"answered"`, `"status":"happy"`},
			{`{"call":`, `{"kall":`},
			{`"data"`, `"extra":1,"data"`},
			{`"id":"evt_1"`, `"id":"evt_1","id":"evt_1"`},
			{`"evt_1"`, `"evt 1"`},
			{`}}}`, `}}} {}`},
			{`}}}`, `}}`},
			{`"acme"`, "\"\xff\""},
		}},
		{"kazoo", asForm, kazooForm, []change{
			{"account_id=", "accountid="},
			{"&call_id=c1", ""},
			{"=false", "=no"},
			{"63937091045", "1769871845"},
			{"63937091045", "soon"},
			{"channel_destroy", "channel_eaten"},
			{"=64", "=64.5"},
			{"&from=", "&colour="},
			{"&call_id=c1", "&call_id=c1&call_id=c2"},
			{"%40", "@"},
			{"%26", "%2"},
			{"%26", "%FF"},
			{"&cluster_id=x", ""},
			{"&hook_event=channel_destroy", ""},
			{"[Bridge-ID]", "[Bridge-ID"},
			{"call_id=c1", "call_id"},
			{"call_id=c1", "call_id[x]=c1"},
		}},
		{"kazoo", asJSON, kazooJSON, []change{
			{`"emergency_resource_used":false`, `"emergency_resource_used":"false"`},
			{`63937091045`, `"63937091045"`},
			{`"call_id":"c1"`, `"call_id":1`},
			{`"call_id":"c1"`, `"call_id":null`},
			{`"call_id":"c1"`, `"call_id":{}`},
			{`{"account_id"`, `[{"account_id"`},
		}},
		{"kazoo", asForm, kazooObject, []change{{"doc_edited", "doc_updated"}, {"id=u1&", ""}, {"&cluster_id=x", "&cluster_id=x&hook_event="}, {"type=user", "kind=user"}}},
		{"kazoo", asForm, kazooVoicemail, []change{{"msg_id=m&", ""}, {"voicemail_timestamp=63937091045", "voicemail_timestamp=1769871845"}, {"12400", "12.4"}}},
		{"kazoo", asJSON, kazooText, []change{{`"body":"Hi",`, ``}, {`"sms"`, `"fax"`}, {`"origin"`, `"source"`}}},
		{"voipbin", asJSON, voipbinQueuecall, []change{
			{`"type":"queuecall_done"`, `"type":"queuecall_eaten"`},
			{`"type":"queuecall_done"`, `"type":"call_done"`},
			{`"type"`, `"id":"x","type"`},
			{`"reference_type":"call",`, ``},
			{`"status":"done"`, `"status":"ended"`},
			{`c7c1e226`, `C7C1E226`},
			{`.111715"`, `.1117"`},
			{`"2022-03-29 15:08:04.811442"`, `null`},
			{`"2022-03-29 15:08:04.811442"`, `"2022-03-29T15:08:04.811442Z"`},
			{`,"data"`, `, "data"`},
			{`"call"`, `"a<b"`},
			{`}}`, `},"id":"x"}`},
			{`25.814885"}`, `25.814885","x":1}`},
		}},
		{"voipbin", asJSON, voipbinCall, []change{
			{`"chained_call_ids":[]`, `"chained_call_ids":null`},
			{`"chained_call_ids":[]`, `"chained_call_ids":["x"]`},
			{`"target_name":"",`, ``},
			{`"type":"tel"`, `"type":"extension"`},
			{`.918010931`, `.918010900`},
			{`"hangup_reason":"normal"`, `"hangup_reason":"no_answer"`},
			{`"status":"hangup"`, `"status":"ended"`},
			{`"direction":"incoming"`, `"direction":"inbound"`},
			{`"option":{"text":"hello"}`, `"option":"hello"`},
			{`"recording_ids":[],`, ``},
			{`"flow_id"`, `"customer_id":"x","flow_id"`},
		}},
		{"teli", asJSON, teliRow, []change{
			{`"update"`, `"upsert"`},
			{`"dids"`, `"numbers"`},
			{`\"id\":\"100\"`, `\"id\":\"did-100\"`},
			{`\"sms_enabled\"`, `\"sms\"`},
			{`\"user_id\":\"7\",\"number\"`, `\"number\":\"1\",\"user_id\"`},
			{`\"7\"`, `{}`},
			{`"{`, `"[`},
			{`"type":"update","schema":"dids"`, `"schema":"dids","type":"update"`},
			{`"schema"`, `"id":1,"schema"`},
		}},
		{"teli", asForm, teliText, []change{{"source=", "from="}, {"&message=", "&text="}, {"3038882222", "%2B13038882222"}, {"&message", "&source=1&message"}, {"%20", " "}}},
		{"teli", asForm, teliReceipt, []change{{"uuid=u1&", ""}, {"=delivered", "=arrived"}, {"&error=000", "&error=000&cost=1"}}},
		{"primevox", asForm, primevoxInbound, []change{
			{"InboundCall", "inboundCall"},
			{"containerId", "containerID"},
			{"&cidPrefix=", ""},
			{"callerIdNum=12025550143&callerIdName=Ada%20L%C3%B6w", "callerIdName=Ada&callerIdNum=12025550143"},
			{"&eventTarget=phoneNumber", ""},
			{"=516100", "=acme"},
			{"tenantId=0", "tenantId="},
			{"7f3c9a52-", "7f3c9a5-"},
			{"eventType=InboundCall&", ""},
			{"&didGroup", "&x=1&didGroup"},
		}},
		{"primevox", asForm, primevoxAnswered, []change{{"extensionNumber", "extNumber"}, {"&callUuid", "&eventTarget=extension&callUuid"}}},
		{"primevox", asJSON, primevoxMessage, []change{{"containerID", "containerId"}, {`"48151"`, `48151`}, {`"toNumber":"1202","fromNumber":"1203"`, `"fromNumber":"1203","toNumber":"1202"`}, {"inboundMessage", "HangupCall"}}},
	} {
		for _, ch := range c.changes {
			t.Run(c.dialect+" "+ch.from+" → "+ch.to, func(t *testing.T) {
				t.Parallel()
				body := strings.Replace(c.body, ch.from, ch.to, 1)
				if body == c.body {
					t.Fatal("the change changes nothing")
				}
				if p, err := sim.Parse(c.dialect, request(http.MethodPost, "", c.contentType), []byte(body)); err == nil {
					t.Errorf("it was taken for %s: %s", p.Name, body)
				}
			})
		}
	}
}

func TestParseRefusesTheWrongRequest(t *testing.T) {
	t.Parallel()
	bodies := map[string][2]string{
		"switchhook": {asJSON, switchhookBody}, "kazoo": {asForm, kazooForm}, "voipbin": {asJSON, voipbinCall},
		"teli": {asJSON, teliRow}, "primevox": {asForm, primevoxInbound},
	}
	for dialect, b := range bodies {
		for _, contentType := range []string{"", "text/plain", b[0] + "; charset=utf-8", map[string]string{asJSON: asForm, asForm: asJSON}[b[0]]} {
			if _, err := sim.Parse(dialect, request(http.MethodPost, "", contentType), []byte(b[1])); err == nil {
				t.Errorf("%s was taken as %q", dialect, contentType)
			}
		}
		if _, err := sim.Parse(dialect, request(http.MethodPatch, "", b[0]), []byte(b[1])); err == nil {
			t.Errorf("%s was taken as a PATCH", dialect)
		}
	}
	bare := request(http.MethodPost, "", asForm)
	bare.Header.Del("X-Hook-Id")
	if _, err := sim.Parse("kazoo", bare, []byte(kazooForm)); err == nil {
		t.Error("kazoo was taken without X-Hook-ID")
	}
	if _, err := sim.Parse("kazoo", request(http.MethodGet, kazooForm, ""), []byte(kazooForm)); err == nil {
		t.Error("kazoo was taken with a query and a body")
	}
	if _, err := sim.Parse("twilio", request(http.MethodPost, "", asForm), nil); err == nil || !slices.Contains(strings.Fields(err.Error()), `"twilio"`) {
		t.Errorf("an unknown dialect: %v", err)
	}
}
