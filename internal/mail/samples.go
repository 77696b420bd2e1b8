package mail

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
)

// Sample is a realistic event that feeds a template, for previews and documents: the
// catalogue's sample of its type, with what else a template can show. Templates that no
// type feeds have a notification.custom, as whoever sends one would. An id that is no
// built-in template's has the catalogue's own notification.custom.
func Sample(id string) *switchhook.Event {
	d, _ := Lookup(id)
	d.ID = id
	return sample(&d)
}

func sample(d *Definition) *switchhook.Event {
	id, typ := d.ID, "notification.custom"
	if len(d.Events) > 0 {
		typ = d.Events[0]
	}
	t, _ := catalogue.Lookup(typ)
	data := objectOf(t.Sample())
	if typ == "notification.custom" {
		data["template_id"] = id
	}
	if more := objectOf([]byte(sampleData()[id])); more != nil {
		merge(data, more)
	}
	b, err := json.Marshal(data)
	if err != nil {
		panic("mail: the sample of " + id + ": " + err.Error())
	}
	ev := &switchhook.Event{
		ID: "evt_sample_" + id, Type: typ, AccountID: "4f1a2b3c4d5e6f708192a3b4c5d6e7f8", Key: "sample", Sequence: 1, Data: b,
		OccurredAt: time.Date(2026, 1, 31, 15, 4, 35, 500_000_000, time.UTC), AcceptedAt: time.Date(2026, 1, 31, 15, 4, 35, 600_000_000, time.UTC),
	}
	if err := catalogue.Attach(ev); err != nil {
		panic("mail: the sample of " + id + ": " + err.Error())
	}
	return ev
}

// merge sets the members of more in base, objects member by member; null takes one out.
func merge(base, more map[string]any) {
	for name, value := range more {
		inner, isObject := value.(map[string]any)
		old, wasObject := base[name].(map[string]any)
		switch {
		case value == nil:
			delete(base, name)
		case isObject && wasObject:
			merge(old, inner)
		default:
			base[name] = value
		}
	}
}

// SampleEnv is what surrounds a sample, of an account that has all there is.
func SampleEnv(id string) *Env {
	d, _ := Lookup(id)
	return sampleEnv(&d)
}

func sampleEnv(d *Definition) *Env {
	env := &Env{
		Account: Account{
			ID: "4f1a2b3c4d5e6f708192a3b4c5d6e7f8", Name: "Example Inc", Realm: "pbx.example.com", Timezone: "America/New_York", Language: "en-US",
		},
		Parent: Account{ID: "0f1e2d3c4b5a69788796a5b4c3d2e1f0", Name: "Example Telecom", Realm: "telecom.example.com", Timezone: "America/New_York", Language: "en-US"},
		User:   json.RawMessage(`{"id":"user-grace","first_name":"Grace","last_name":"Hopper","email":"grace@example.com","username":"grace","timezone":"America/New_York"}`),
		Webhook: &switchhook.Webhook{
			ID: "wh_3cq8r1", Name: "CRM", URL: "https://crm.example.com/calls", Events: []string{"call.*", "voicemail.new"}, DisableReason: "too many failed attempts",
		},
		Hostname: "switchhook.example.com", Node: "switchhook@switchhook.example.com",
		Brand: Brand{Name: "Example Telecom"},
	}
	env.Reseller = env.Parent
	switch {
	case slices.Contains(d.Events, "voicemail.new"), slices.Contains(d.Events, "voicemail.deleted"):
		env.Attachments = []Attachment{{Name: "ada_lovelace_2026-01-31_10-04-40.mp3", Type: "audio/mpeg", URL: "data:audio/mpeg;base64,SUQzBAAAAAAAAA=="}}
	case d.Category == "fax" && d.ID != "fax_outbound_smtp_error_to_email":
		env.Attachments = []Attachment{{Name: "ada_lovelace_2026-01-31_10-06-12.pdf", Type: "application/pdf", URL: "data:application/pdf;base64,JVBERi0xLjcK"}}
	}
	return env
}

// sampleData is what the samples have beyond the catalogue's, in the places where Kazoo
// has it.
func sampleData() map[string]string {
	const (
		engine = `"info":{"fax_bad_rows":0,"fax_transfer_rate":14400,"fax_ecm_used":true,"fax_encoding":"T.6","fax_remote_station_id":"+12025550143"`
		sent   = `{"fax":{` + engine + `,"fax_result_text":"OK"}}}`
		failed = `{"fax":{"result_code":"48",` + engine + `,"fax_result_text":"Disconnected after permitted retries"}}}`
		scan   = `{"fax":{"subject":"Fax to +1 202-555-0143",`
		out    = `{"call":{"from":{"uri":"+12025550100@pbx.example.com"},"to":{"uri":"+12025550143@sip.example.com"}},`
		payer  = `"response":"Approved","balance":"45.25","billing_address":{"first_name":"Grace","last_name":"Hopper","extended_address":"Floor 2","phone":"+12025550100","email":"billing@example.com"}`
		items  = `"items":[
			{"category":"devices","item":"sip_device","quantity":3,"rate":5,"total":14,"discounts":{"total":1},"changes":{"type":"modified","difference":{"quantity":1}}},
			{"category":"phone_numbers","item":"did_us","name":"US phone numbers","quantity":2,"rate":1.5,"total":3,"changes":{"type":"created"}}]`
		app  = `"desktop_app_name":"Example Phone","webphone_enabled":true,"branding":{"account":{"domain":"portal.example.com"},"reseller":{"domain":"portal.telecom.example.com"}}`
		port = `{"port":{"name":"Move to Example Inc","carrier":"Old Telecom","numbers":{"+12025550177":{},"+12025550178":{}},
			"bill":{"name":"Example Inc","street_address":"1 Main St","locality":"Washington","region":"DC","postal_code":"20001",
			"street_pre_dir":"N","street_number":"1","street_type":"St","street_post_dir":"NW","extended_address":"Floor 2","account_number":"A-2043","pin":"4711","btn":"+12025550177"},
			"notifications":{"email":{"send_to":["grace@example.com"]}},"transfer_date":"2026-02-10T14:00:00Z","scheduled_date":"2026-02-12T14:00:00Z",
			"created":63937090800,"signing_date":63937087200,"signee_name":"Grace Hopper","winning_carrier":"New Telecom","reference_number":"REF-77"},
			"comment":{"author":"Grace Hopper","user_id":"user-grace","content":"When will it be done?","timestamp":63937091075},
			"reason":{"content":"The papers are complete.","timestamp":63937091075,"authorization":null,
			"user":{"first_name":"Grace","last_name":"Hopper","email":"grace@example.com","username":"grace","timezone":"America/New_York"}}}`
	)
	data := map[string]string{
		"fax_inbound_to_email": sent, "fax_outbound_to_email": out + scan[1:] + sent[len(`{"fax":{`):],
		"fax_inbound_error_to_email": failed, "fax_inbound_error_to_email_filtered": failed, "fax_outbound_error_to_email": out + scan[1:] + failed[len(`{"fax":{`):],
		"fax_outbound_smtp_error_to_email": `{"fax":{"subject":"Fax to +1 202-555-0143"}}`,
		"emergency_bridge":                 `{"emergency_address_house_number":"1"}`,
		"transaction":                      `{` + payer + `,"service_plan":{"activation_charge":10}}`,
		"transaction_failed":               `{"success":false,` + payer + `,"response":"The card has expired","service_plan":{"activation_charge":10}}`,
		"topup":                            `{` + payer + `}`,
		"low_balance":                      `{"threshold":5}`,
		"bill_reminder":                    `{` + items + `,"payment_token":{"last_four":"1111"}}`,
		"service_added": `{` + items + `,"audit_log":{"audit":{"authentication":{"type":"user_auth","account_id":"4f1a2b3c4d5e6f708192a3b4c5d6e7f8","account_name":"Example Inc"},
			"request":{"id":"5b2d48603f9a1c7e","client_ip":"192.0.2.44","method":"PUT","path":"/v2/accounts/9a8b7c6d5e4f30211203f4e5d6c7b8a9/devices"},
			"changes":{"account_id":"9a8b7c6d5e4f30211203f4e5d6c7b8a9","account_name":"Example Branch","account_realm":"branch.example.com","account_language":"en-US","account_timezone":"America/New_York"}}}}`,
		"customer_update": `{"databag":{"message":"We move to a new data centre on Saturday from 02:00 to 04:00. Calls may be interrupted for a few minutes."}}`,
		"system_alert": `{"level":"critical","details":{"cf_module":"voicemail","error_details":{"errno":"28"},"custom_channel_vars":{"owner_id":"user-grace"},
			"custom_sip_headers":{"x_office":"Washington"},"key_value_store":{"prompt":"vm-enter_id"},"reply_headers":{"retry_after":"120"}}}`,
		"skel": `{"comments":"Hello."}`,
		"conference_email_invite": `{"comments":null,"notify":{"hangup_cause":null,"conference":{"id":"conference-800","name":"Monday meeting","number":"+12025550180","pin":"4711",
			"link":"https://portal.example.com/conference/800"},"when":"Monday, 2 February 2026, 10:00","message":"We talk about the spring campaign."}}`,
		"desktop_app_welcome":      `{"comments":null,"notify":{"hangup_cause":null,"link":"https://portal.example.com/app"},` + app + `}`,
		"desktop_webphone_enabled": `{"comments":null,"notify":{"hangup_cause":null,"link":"https://portal.example.com/phone"},` + app + `}`,
		"email_verification":       `{"comments":null,"notify":{"hangup_cause":null,"link":"https://portal.example.com/verify/5e8f2a","code":"402913"}}`,
	}
	for _, id := range []string{"port_cancel", "port_pending", "port_rejected", "port_request", "port_request_admin", "port_scheduled", "port_unconfirmed", "ported"} {
		data[id] = port
	}
	data["port_comment"] = strings.Replace(port, `{"port":{`, `{"port":{"port_state":"pending",`, 1)
	return data
}
