package teli

import (
	"strings"
	"sync"

	"github.com/switchhook/switchhook/internal/dialect"
)

//nolint:gochecknoglobals // a constant; Go has no constant lists
var table = sync.OnceValue(func() []dialect.Row {
	rows := []dialect.Row{
		{Type: "message.received", Name: "sms", Formats: []string{"form"}},
		{
			Type: "message.status", Name: "dlr", Formats: []string{"form"},
			Note: "only for the statuses sent, delivered, failed and rejected: Teli has no receipt for a queued message",
		},
		{Type: "number.sms_enablement", Name: enablement, Formats: []string{"json"}},
	}
	for _, typ := range []string{"record.created", "record.updated", "record.deleted"} {
		for _, s := range schemas() {
			rows = append(rows, dialect.Row{
				Type: typ, Name: s.name, Formats: []string{"json"},
				Note: "only records of the schema " + s.ours,
			})
		}
	}
	return rows
})

// enablement is the one web hook that is no row of a table: it lies flat in the
// body.
const enablement = "sms_enablement"

// A schema is a kind of record. Fields are those that Teli's page lists for it,
// in the page's order; others are not sent.
type schema struct {
	ours, name string
	fields     []string
}

// schemas is the list of Teli's page "Web Hooks", in its order. The page's
// headings are not all legible in the copies that are left: lnp_numbers to
// transaction_items and dids are; transactions, call_flows, channel_groups and
// voicemail_inboxes are the targets of other rows' ids; the rest follow from
// the API's names. The option schema_names corrects a name.
func schemas() []schema {
	s := func(ours, name, fields string) schema { return schema{ours, name, strings.Fields(fields)} }
	return []schema{
		s("port_number", "lnp_numbers", "id lnp_request_id number state ratecenter"),
		s("port_request", "lnp_requests", "id user_id btn location_type business_contact business_name first_name last_name"+
			" account_number service_address service_state service_zip partial_port partial_port_details wireless_number"+
			" wireless_pin caller_id request_status foc_date"),
		s("device", "sip_accounts", "id user_id account_type username domain sbc_number"),
		s("charge", "monthly_charges", "id user_id product_type product_id bill_day_of_month last_billed_dt"),
		s("user", "sub_users", "id parent_id username email first_name last_name phone_number address city state zip"),
		s("transaction_item", "transaction_items", "id transaction_id product_description product_price product_mrc"+
			" processing_flags fail_reason"),
		s("transaction", "transactions", "id user_id child_id referenced_transaction_id total summary transaction_type"+
			" transaction_status"),
		s("account", "users", "id reseller_id user_type username email first_name last_name phone_number address city state"+
			" zip brand domain using_custom_css using_custom_logo support_phone support_email support_link user_status"+
			" credit_line chanlimit_outbound chanlimit_inbound max_international sms_post_url web_hook_url sbc"),
		s("call_flow", "call_flows", "id user_id flow_name flow_data default_route"),
		s("channel_group", "channel_groups", "id user_id name channels status"),
		s("number_note", "did_notes", "id did_id note"),
		s("number", "dids", "id user_id call_flow_id channel_group_id voicemail_inbox_id number number_type state ratecenter"+
			" sms_enabled xmpp_enabled inbound_cnam"),
		s("directory_listing", "directory_listings", "id did_id listing_type business_name first_name last_name address1"+
			" address2 city state zip email contact_number"),
		s("e911", "e911", "id did_id did_number full_name address city state zip unit_type unit_number"),
		s("fax_email", "fax_emails", "id did_id email_address"),
		s("fax", "faxes", "id did_id fax_status direction source_did destination_did recipient pages"),
		s("ip_endpoint", "ip_endpoints", "id user_id ip_address ip_name sbc"),
		s("mailbox_email", "voicemail_emails", "id voicemail_inbox_id email_address"),
		s("mailbox", "voicemail_inboxes", "id user_id inbox_number inbox_name inbox_pin transcribe"),
	}
}

func schemaNames() []string {
	var names []string
	for _, s := range schemas() {
		names = append(names, s.name)
	}
	return names
}

// refersTo returns our schema of the records that a field holds the ids of, and
// "" for any other field. product_id is not among them: what it refers to
// depends on product_type, whose values Teli does not list.
func refersTo(field string) string {
	switch field {
	case "user_id", "parent_id", "reseller_id":
		return "account"
	case "child_id":
		return "user"
	case "did_id":
		return "number"
	case "call_flow_id":
		return "call_flow"
	case "channel_group_id":
		return "channel_group"
	case "voicemail_inbox_id":
		return "mailbox"
	case "lnp_request_id":
		return "port_request"
	case "transaction_id", "referenced_transaction_id":
		return "transaction"
	default:
		return ""
	}
}

// isNumber reports whether a field holds a phone number.
func isNumber(field string) bool {
	switch field {
	case "number", "did_number", "source_did", "destination_did", "btn", "wireless_number", "sbc_number",
		"phone_number", "support_phone", "contact_number":
		return true
	default:
		return false
	}
}
