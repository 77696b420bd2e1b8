package catalogue

import (
	"encoding/json"

	"github.com/switchhook/switchhook/internal/ordjson"
)

// Variants returns the samples of a type, its Sample first. Most have that one; a
// message can be a picture message, and a record of any of the schemas that other
// systems know.
func (t *Type) Variants() []json.RawMessage {
	all := []json.RawMessage{t.Sample()}
	first, err := ordjson.Parse(all[0])
	if err != nil {
		return all // a sample is an object
	}
	switch {
	case t.Name == "message.received":
		all = append(all, with(first, "message", `{"channel":"mms","media":[{"url":"https://media.example.com/mm/1.jpg","type":"image/jpeg"}]}`))
	case t.Family() == "record":
		for _, r := range sampleRows() {
			one := ordjson.Object{{Name: "schema", Value: ordjson.String(r.schema)}, {Name: "id", Value: ordjson.String(r.id)}, {Name: "row", Value: json.RawMessage(r.row)}}
			if changed := first.Get("changed"); changed != nil {
				one.Set("changed", json.RawMessage(`["`+r.changed+`"]`))
			}
			all = append(all, one.Append(nil))
		}
	}
	return all
}

// with is a sample with another look at one of its resources.
func with(sample ordjson.Object, resource, members string) json.RawMessage {
	var other ordjson.Object
	for _, m := range sample {
		if m.Name == resource {
			m.Value = inOrder(resource, overlay(m.Value, json.RawMessage(members)))
		}
		other = append(other, m)
	}
	return other.Append(nil)
}

type sampleRow struct{ schema, id, changed, row string }

// sampleRows are records of the schemas that Teli and Kazoo have beside number, in
// the members of Teli's tables, where it has one.
func sampleRows() []sampleRow {
	return []sampleRow{
		{"account", "acme", "credit_line", `{"username":"acme","email":"it@acme.example","first_name":"Ada","last_name":"Lovelace","phone_number":"+12025550100","city":"Washington","state":"DC","user_status":"active","credit_line":"100.00"}`},
		{"user", "ada", "email", `{"parent_id":"acme","username":"ada","email":"ada@acme.example","first_name":"Ada","last_name":"Lovelace","phone_number":"+12025550100"}`},
		{"device", "desk-101", "username", `{"user_id":"acme","account_type":"peer","username":"101","domain":"pbx.example.com","sbc_number":"+12025550100"}`},
		{"call_flow", "main", "default_route", `{"user_id":"acme","flow_name":"Main line","flow_data":{"answer":true},"default_route":"101"}`},
		{"channel_group", "trunk", "channels", `{"user_id":"acme","name":"Trunk","channels":"10","status":"active"}`},
		{"mailbox", "101", "inbox_pin", `{"user_id":"acme","inbox_number":"101","inbox_name":"Ada Lovelace","transcribe":"1"}`},
		{"mailbox_email", "101-ada", "email_address", `{"voicemail_inbox_id":"101","email_address":"ada@acme.example"}`},
		{"number_note", "note-1", "note", `{"did_id":"main-line","note":"printed on the van"}`},
		{"directory_listing", "listing-1", "business_name", `{"did_id":"main-line","listing_type":"business","business_name":"Acme","city":"Washington","state":"DC","zip":"20001","contact_number":"+12025550100"}`},
		{"e911", "e911-1", "address", `{"did_id":"main-line","did_number":"+12025550100","full_name":"Acme","address":"1 Main St","city":"Washington","state":"DC","zip":"20001"}`},
		{"fax", "fax-1", "fax_status", `{"did_id":"main-line","fax_status":"received","direction":"inbound","source_did":"+12025550143","destination_did":"+12025550100","pages":"2"}`},
		{"fax_email", "fax-ada", "email_address", `{"did_id":"main-line","email_address":"ada@acme.example"}`},
		{"ip_endpoint", "pbx-1", "ip_address", `{"user_id":"acme","ip_address":"192.0.2.10","ip_name":"PBX"}`},
		{"port_request", "port-1", "request_status", `{"user_id":"acme","btn":"+12025550100","business_name":"Acme","request_status":"foc","foc_date":"2026-02-14"}`},
		{"port_number", "port-1-1", "number", `{"lnp_request_id":"port-1","number":"+12025550100","state":"DC","ratecenter":"WASHINGTON"}`},
		{"charge", "charge-1", "last_billed_dt", `{"user_id":"acme","product_type":"did","product_id":"main-line","bill_day_of_month":"1","last_billed_dt":"2026-01-01"}`},
		{"transaction", "tx-1", "transaction_status", `{"user_id":"acme","total":"10.00","summary":"Top-up","transaction_type":"credit","transaction_status":"complete"}`},
		{"transaction_item", "tx-1-1", "fail_reason", `{"transaction_id":"tx-1","product_description":"Number","product_price":"1.00","product_mrc":"1.00"}`},
		{"faxbox", "fax-desk", "name", `{"name":"Front desk"}`},
		{"media", "welcome", "name", `{"name":"Welcome"}`},
		{"mailbox_message", "202601-vm9f2c", "folder", `{"folder":"saved"}`},
		{"call_recording", "202601-rec1", "url", `{"url":"https://pbx.example.com/rec/1.mp3"}`},
	}
}
