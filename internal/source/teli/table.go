package teli

// schemas are Teli's, by the names that its page and its API give them, and the
// ones of our directory. Where the page's heading is not legible in any copy that
// is left, the other likely names are here too.
func schemas() map[string]string {
	return map[string]string{
		"lnp_numbers":            "port_number",
		"lnp_requests":           "port_request",
		"sip_accounts":           "device",
		"monthly_charges":        "charge",
		"sub_users":              "user",
		"transaction_items":      "transaction_item",
		"transactions":           "transaction",
		"users":                  "account",
		"call_flows":             "call_flow",
		"channel_groups":         "channel_group",
		"did_notes":              "number_note",
		"dids":                   "number",
		"directory_listings":     "directory_listing",
		"directory_listing":      "directory_listing",
		"did_directory_listings": "directory_listing",
		"e911":                   "e911",
		"did_e911":               "e911",
		"e911_records":           "e911",
		"fax_emails":             "fax_email",
		"did_fax_emails":         "fax_email",
		"faxes":                  "fax",
		"ip_endpoints":           "ip_endpoint",
		"ip_accounts":            "ip_endpoint",
		"voicemail_emails":       "mailbox_email",
		"voicemail_inbox_emails": "mailbox_email",
		"voicemail_inboxes":      "mailbox",
	}
}

// operations are what can have happened to a row.
func operations() map[string]string {
	return map[string]string{
		"insert": "record.created",
		"update": "record.updated",
		"delete": "record.deleted",
	}
}

// statuses are a receipt's send_status. Teli says rejected of whatever did not
// arrive.
func statuses() map[string]string {
	return map[string]string{
		"carrier_sent": "sent",
		"delivered":    "delivered",
		"rejected":     "rejected",
	}
}
