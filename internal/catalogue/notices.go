package catalogue

import "slices"

// What the phone system tells beside calls and messages: of faxes, devices,
// numbers and their ports, accounts, users, money and itself. Most of it has no
// resource: its fields lie flat in the data, under the names that Kazoo's
// notifications have for them, without account_id (the event's own) and with
// RFC 3339 times.

func mediaTypes() []Type {
	const (
		recorded = `"status":"finished","url":"https://pbx.example.com/recordings/5f2d8c1e.mp3","ended_at":"2026-01-31T15:05:10Z","duration_ms":60000`
		current  = `"recording_id":"5f2d8c1e-4b7a-4f39-8a6e-0c1d2e3f4a5b","recording_ids":["5f2d8c1e-4b7a-4f39-8a6e-0c1d2e3f4a5b"]`
	)
	return []Type{
		{
			Name: "recording.started", Freshness: Lasting, Meaning: "A call is being recorded.",
			Data: about("recording", "call"), With: `{"call":{` + answeredCall + `,` + current + `}}`,
		},
		{
			Name: "recording.finished", Freshness: Lasting, Meaning: "A call's recording is complete.",
			Data: about("recording", "call"), With: `{"recording":{` + recorded + `},"call":{` + endedCall + `,"recording_ids":["5f2d8c1e-4b7a-4f39-8a6e-0c1d2e3f4a5b"]}}`,
		},
		{
			Name: "conference.joined", Freshness: Timely, Meaning: "A caller joined a conference.",
			Data: about("conference", "call"), With: `{"call":{` + answeredCall + `}}`,
		},
		{
			Name: "conference.left", Freshness: Timely, Meaning: "A caller left a conference.",
			Data: about("conference", "call"), With: `{"conference":{"participant_count":0,"ended_at":"2026-01-31T15:05:10Z"},"call":{` + answeredCall + `}}`,
		},
	}
}

func emergencyTypes() []Type {
	callers := []Field{
		str("emergency_caller_id_name", "The caller's name, as it is sent to the emergency service."),
		str("emergency_caller_id_number", "The caller's number, as it is sent to the emergency service."),
	}
	outbound := []Field{
		str("outbound_caller_id_name", "The caller's name on other calls."),
		str("outbound_caller_id_number", "The caller's number on other calls."),
	}
	bridged := slices.Concat(
		fields(str("call_id", "The call's id."), str("account_name", "The account's name."), str("authorizing_id", "The device that placed the call."),
			str("device_name", "That device's name."), str("emergency_to_did", "The emergency number that was dialled."),
			boolean("emergency_test_call", "A test call.")),
		callers,
		fields(str("emergency_address_house_number", "The caller's address: the house's number."), str("emergency_address_street_1", "The caller's address: street."), str("emergency_address_street_2", "The address's second line."),
			str("emergency_address_city", "The city."), str("emergency_address_region", "The state or region."),
			str("emergency_address_postal_code", "The postal code."), decimal("emergency_address_latitude", "Degrees north."),
			decimal("emergency_address_longitude", "Degrees east."),
			strs("emergency_notification_contact_emails", "Who is told by mail.")),
		outbound,
		fields(str("owner_id", "The user whose device it is."), str("user_first_name", "That user's first name."),
			str("user_last_name", "That user's last name."), str("user_email", "That user's mail address.")),
	)
	const caller = `"emergency_caller_id_name":"Grace Hopper","emergency_caller_id_number":"+12025550100","outbound_caller_id_name":"Example Inc","outbound_caller_id_number":"+12025550100"`
	return []Type{
		{
			Name: "emergency.bridged", Freshness: Lasting, Meaning: "Somebody called an emergency number and got through.", Flat: bridged,
			With: `{"call_id":"7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11","account_name":"Example Inc","authorizing_id":"device-101","device_name":"Grace's desk phone",` +
				`"emergency_to_did":"933","emergency_test_call":true,` + caller + `,"emergency_address_street_1":"1 Main St","emergency_address_street_2":"Floor 2",` +
				`"emergency_address_city":"Washington","emergency_address_region":"DC","emergency_address_postal_code":"20001","emergency_address_latitude":"38.8977",` +
				`"emergency_address_longitude":"-77.0365","emergency_notification_contact_emails":["safety@example.com"],"owner_id":"user-grace",` +
				`"user_first_name":"Grace","user_last_name":"Hopper","user_email":"grace@example.com"}`,
		},
		{
			Name: "emergency.denied", Freshness: Lasting, Meaning: "Somebody called an emergency number and the call failed.",
			Flat: slices.Concat(fields(str("call_id", "The call's id.")), callers, outbound),
			With: `{"call_id":"7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11",` + caller + `}`,
		},
	}
}

func faxTypes() []Type {
	const (
		inbound   = `"call":{"to":{"type":"tel","address":"+12025550100","uri":"+12025550100@pbx.example.com"},"callee":{"type":"tel","address":"+12025550100","name":"Sales fax"}}`
		failed    = `"pages":3,"transferred_pages":1,"status":"failed","result_code":"49","error":"The call dropped prematurely"`
		outbound  = `"direction":"outbound","job_id":"faxjob-7d21","from":{"type":"tel","address":"+12025550100","name":"Sales fax"},"to":{"type":"tel","address":"+12025550143","name":"Ada Lovelace"}`
		outgoing  = `"call":{"direction":"outbound","from":{"type":"tel","address":"+12025550100","name":"Sales fax"},"to":{"type":"tel","address":"+12025550143"},"callee":{"type":"tel","address":"+12025550143","name":"Ada Lovelace"}}`
		badInbox  = `"errors":["no PDF or TIFF attachment found","the number is not valid"],"from_email":"ada@example.com","to_email":"12025550143@fax.example.com","number":"+12025550143","original_number":"12025550143"`
		onlyAMail = `"id":null,"direction":"outbound","from":null,"to":null,"pages":null,"transferred_pages":null,"status":null,"result_code":null,"info":null,"notifications":null,"document_url":null,`
	)
	return []Type{
		{Name: "fax.received", Freshness: Lasting, Meaning: "A fax came in.", Data: about("fax", "call"), With: `{` + inbound + `}`},
		{
			Name: "fax.receive_failed", Freshness: Lasting, Meaning: "A fax could not be received.",
			Data: about("fax", "call"), With: `{"fax":{` + failed + `,"document_url":null},` + inbound + `}`,
		},
		{
			Name: "fax.sent", Freshness: Lasting, Meaning: "A fax was sent.",
			Data: about("fax", "call"), With: `{"fax":{` + outbound + `},` + outgoing + `}`,
		},
		{
			Name: "fax.send_failed", Freshness: Lasting, Meaning: "A fax could not be sent.",
			Data: about("fax", "call"), With: `{"fax":{` + outbound + `,` + failed + `},` + outgoing + `}`,
		},
		{
			Name: "fax.email_rejected", Freshness: Lasting, Meaning: "A mail that was to be sent as a fax was refused.",
			Data: about("fax"), With: `{"fax":{` + onlyAMail + badInbox + `}}`,
		},
	}
}

func portTypes() []Type {
	base := []Field{
		str("port_request_id", "The port request's id."), str("authorized_by", "Who asked for it."),
		boolean("local_number", "The number is the phone system's own."), str("number", "The number that is moved."),
		str("number_state", "The number's state, such as port_in."), object("port", "The port request."),
	}
	why := []Field{free("reason", "Why: a text, or an object with a transition."), str("version", "The version of the API that was used, such as v2.")}
	const sample = `"port_request_id":"7e5f1b4a9d2c4e6f8a0b1c2d3e4f5a6b","authorized_by":"user-grace","local_number":false,"number":"+12025550177","number_state":"port_in",` +
		`"port":{"name":"Move to Example Inc","carrier":"Example Telecom","numbers":{"+12025550177":{}}}`
	const reason = `,"reason":{"authorization":{"user":{"id":"user-grace"}},"content":"The papers are complete."},"version":"v2"}`
	var all []Type
	for _, p := range [][2]string{
		{"unconfirmed", "A port request was made and not submitted yet."},
		{"requested", "A port request was submitted."},
		{"pending", "A port request was accepted and handed to a carrier."},
		{"scheduled", "A carrier has set the day of a port."},
		{"rejected", "A port request was rejected."},
		{"canceled", "A port request was canceled."},
		{"commented", "Somebody commented on a port request."},
		{"completed", "A number has been ported."},
	} {
		t := Type{Name: "port." + p[0], Freshness: Lasting, Meaning: p[1], Flat: slices.Concat(base, why), With: `{` + sample + reason}
		if p[0] == "commented" {
			t.Flat = slices.Concat(base, fields(free("comment", "The comment: a text, or an object.")), why[1:])
			t.With = `{` + sample + `,"comment":{"author":"Grace Hopper","content":"When will it be done?","superduper_comment":false},"version":"v2"}`
		}
		all = append(all, t)
	}
	return all
}

func numberTypes() []Type {
	number := str("number", "The number.")
	return []Type{
		{
			Name: "number.cnam_requested", Freshness: Lasting, Meaning: "Somebody asked to change the name that is shown for a number's calls.",
			Flat: fields(number, str("acquired_for", "The account that the number was bought for."), object("cnam", "The name, and whether it is looked up for incoming calls."),
				boolean("local_number", "The number is the phone system's own."), str("number_state", "The number's state, such as in_service.")),
			With: `{"number":"+12025550100","acquired_for":"4f1a2b3c4d5e6f708192a3b4c5d6e7f8","cnam":{"display_name":"EXAMPLE INC","inbound_lookup":true},"local_number":false,"number_state":"in_service"}`,
		},
		{
			Name: "number.feature_manual_action", Freshness: Lasting, Meaning: "A feature of a number needs to be set up by hand.",
			Flat: fields(number, object("feature", "The feature, and what is to be done.")),
			With: `{"number":"+12025550100","feature":{"name":"e911","action":"activate","provider":"example"}}`,
		},
		{
			Name: "number.sms_enablement", Freshness: Lasting, Meaning: "Text messages were switched on for a number, or could not be.",
			Flat: fields(number, str("status", "Whether it worked.", "success", "error"), str("verbose", "What went wrong, such as already provisioned.")),
			With: `{"number":"+12025550100","status":"error","verbose":"already provisioned"}`,
		},
	}
}

func deviceTypes() []Type {
	device := func(name, meaning, with string) Type {
		return Type{
			Name: "device." + name, Freshness: Timely, Meaning: meaning, Data: about("device", "notification"),
			With: `{"device":{` + with + `},"notification":{"account_db":"account/89/01/af77223052dab4826f14f468d2b0"}}`,
		}
	}
	return []Type{
		device("registered", "A phone has registered that was not registered before.", ``),
		device("deregistered", "A phone's registration has ended.", `"status":"Unregistered","expires":0`),
		device("registration_failed", "A phone could not register, such as for a wrong password.", `"status":"403 Forbidden","expires":null,"contact":null,"authorizing_id":null,"authorizing_type":null`),
	}
}

func accountTypes() []Type {
	account := fields(str("account_api_key", "Its API key."), str("account_db", "Its database."), str("account_name", "Its name."), str("account_realm", "Its SIP realm."))
	const sample = `"account_api_key":"3f9a1c7e5b2d4860a1c3e5f708192b4d","account_db":"account/89/01/af77223052dab4826f14f468d2b0","account_name":"Example Inc","account_realm":"pbx.example.com"`
	one := func(name, meaning, with string, f ...Field) Type {
		return Type{Name: name, Freshness: Lasting, Meaning: meaning, Flat: f, With: with}
	}
	return []Type{
		one("account.created", "A new account was made.", `{`+sample+`}`, account...),
		one("account.deleted", "An account was deleted.", `{`+sample+`,"parent_id":"0f1e2d3c4b5a69788796a5b4c3d2e1f0"}`, slices.Concat(account, fields(str("parent_id", "The account above it.")))...),
		one("account.zone_changed", "An account was moved to another zone.", `{"zones":{"home":"us-east"}}`, object("zones", "Its zones, such as home.")),
		one("account.first_occurrence", "An account's first phone registered, or its first call was placed.", `{"occurrence":"registration"}`,
			str("occurrence", "What happened for the first time.", "registration", "call")),
		one("account.customer_update", "A message was sent to an account's people.",
			`{"databag":{"outage":"Saturday 02:00"},"recipient_id":"4f1a2b3c4d5e6f708192a3b4c5d6e7f8","template_id":"maintenance","user_type":"all_users"}`,
			object("databag", "Free data that came with the message."), str("recipient_id", "The account that it is for; without it, all accounts below."),
			str("template_id", "The mail template."), str("user_type", "A user's id, or all_users; without it, the admins.")),
		one("user.created", "A new user was made.", `{"user_id":"user-grace","password":"correct horse battery staple"}`,
			str("user_id", "The user's id."), str("password", "The first password.")),
		one("user.password_recovery", "A user asked for a link to set a new password.",
			`{"user_id":"user-grace","account_db":"account/89/01/af77223052dab4826f14f468d2b0","email":"grace@example.com","first_name":"Grace","last_name":"Hopper",`+
				`"password_reset_link":"https://portal.example.com/#/recover:5e8f2a","timezone":"America/New_York"}`,
			str("user_id", "The user's id."), str("account_db", "The account's database."), str("email", "The user's mail address."), str("first_name", "The user's first name."),
			str("last_name", "The user's last name."), str("password_reset_link", "The link."), str("timezone", "The user's time zone.")),
	}
}

func billingTypes() []Type {
	when := at("timestamp", "When it was said. Default: when the event occurred.")
	items := free("items", "The services and what they cost: a list or an object.")
	payment := fields(decimal("amount", "How much."), free("response", "What the payment processor answered."), boolean("success", "Whether it worked."), when,
		Field{Name: "add_ons", Kind: Any, Array: true, Doc: "What was added."}, object("billing_address", "The payer's address."),
		str("card_last_four", "The card's last four digits."), str("currency_code", "The currency, such as USD."),
		Field{Name: "discounts", Kind: Any, Array: true, Doc: "What was taken off."}, str("id", "The transaction's id."),
		str("purchase_order", "What the payment was for."), decimal("tax_amount", "The tax in it."))
	const paid = `"amount":20.5,"response":"Approved","success":true,"timestamp":"2026-01-31T15:04:00Z","add_ons":[{"id":"sip_device","quantity":3,"amount":"5.00"}],` +
		`"billing_address":{"company":"Example Inc","street_address":"1 Main St","locality":"Washington","region":"DC","postal_code":"20001","country_name":"USA"},` +
		`"card_last_four":"1111","currency_code":"USD","discounts":[{"id":"loyal","quantity":1,"amount":"1.00"}],"id":"0gmy6jrw","purchase_order":"manual_addition","tax_amount":1.64`
	const list = `[{"category":"devices","item":"sip_device","quantity":3,"rate":5,"total":15}]`
	one := func(name, meaning, with string, f ...Field) Type {
		return Type{Name: "billing." + name, Freshness: Lasting, Meaning: meaning, Flat: f, With: with}
	}
	return []Type{
		one("transaction", "A payment was tried, and worked or failed.",
			`{`+paid+`,"service_plan":{"id":"plan-basic","category":"plans","item":"basic","activation_charge":0}}`,
			slices.Concat(payment, fields(free("service_plan", "The service plan that was paid for.")))...),
		one("topup", "An account's credit was to be topped up automatically, and was or was not.", `{`+paid+`}`, payment...),
		one("reminder", "The month's charges are about to be due.",
			`{"due_date":"2026-02-01T00:00:00Z","items":`+list+`,"payment_token":{"bookkeeper":"braintree","card_type":"Visa","expiration_month":"11"},"timestamp":"2026-01-31T15:04:00Z"}`,
			at("due_date", "When they are due."), items, object("payment_token", "How they will be paid."), when),
		one("low_balance", "An account's balance is low.", `{"current_balance":4.75}`, decimal("current_balance", "What is left, as the phone system counts it.")),
		one("service_added", "What an account is charged for has changed.",
			`{"audit_log":{"audit":{"account_name":"Example Inc"},"authentication":{"type":"user_auth"}},"items":`+list+`,"timestamp":"2026-01-31T15:04:00Z"}`,
			object("audit_log", "Who changed it."), items, when),
	}
}

func systemTypes() []Type {
	one := func(name, meaning, with string, f ...Field) Type {
		return Type{Name: name, Freshness: Lasting, Meaning: meaning, Flat: f, With: with}
	}
	source := fields(str("source_id", "The source's id."), str("kind", "What it is, such as asterisk or freeswitch."))
	const pbx = `"source_id":"pbx-1","kind":"freeswitch"`
	return []Type{
		one("notification.custom", "A call flow sent a notification of its own.",
			`{"call_bridged":false,"call_id":"7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11","caller_id_name":"Ada Lovelace","caller_id_number":"+12025550143","comments":"A VIP called.",`+
				`"from_realm":"sip.example.com","from_user":"+12025550143","message_left":false,"notification_media":["email","sms"],"notify":{"hangup_cause":"NO_ANSWER"},`+
				`"template_id":"vip_call","timestamp":"2026-01-31T15:04:35Z","to_realm":"pbx.example.com","to_user":"+12025550100","to":["grace@example.com"]}`,
			boolean("call_bridged", "The call was connected."), str("call_id", "The call's id."), str("caller_id_name", "The caller's name."),
			str("caller_id_number", "The caller's number."), str("comments", "A text for the notification."), str("from_realm", "The caller's SIP realm."),
			str("from_user", "The caller's SIP user."), boolean("message_left", "The caller left a voicemail."), strs("notification_media", "How it is sent: email, sms."),
			object("notify", "Data about the call."), str("template_id", "The template."), at("timestamp", "When it was sent. Default: when the event occurred."),
			str("to_realm", "The SIP realm that was called."), str("to_user", "The SIP user that was called."), address("to")),
		one("system.alert", "The phone system alerts its administrators.",
			`{"details":{"reason":"disk almost full"},"line":"118","message":"disk usage is at 91 percent","module":"kz_system","node":"kazoo_apps@apps1.example.com",`+
				`"pid":"<0.1234.0>","request_id":"5b2d48603f9a1c7ea1c3e5f708192b4d","section":"sysconf","subject":"KAZOO: disk"}`,
			free("details", "More about it: a text or an object."), decimal("line", "The line of the source code."), str("message", "What is wrong."), str("module", "The program's part."),
			str("node", "The node that it happened on."), str("pid", "The process."), str("request_id", "The request that led to it."), str("section", "The configuration's section."),
			str("subject", "It in a few words.")),
		one("webhook.disabled", "A webhook was switched off because its receiver keeps failing.",
			`{"hook_id":"wh_3cq8r1","name":"CRM","reason":"too many failed attempts"}`,
			str("hook_id", "The webhook's id."), str("name", "The webhook's name."), str("reason", "Why it was switched off.")),
		one("source.connected", "The connection to a phone system stands.", `{`+pbx+`,"system":"FreeSWITCH 1.10.12"}`,
			slices.Concat(source, fields(str("system", "What the system calls itself.")))...),
		one("source.disconnected", "The connection to a phone system is lost.", `{`+pbx+`,"reason":"connection reset by peer"}`, slices.Concat(source, fields(str("reason", "Why.")))...),
		one("source.gap", "For some time a phone system's events were not seen. What is still known has been made up for.",
			`{`+pbx+`,"since":"2026-01-31T15:00:10Z","until":"2026-01-31T15:02:40Z","reason":"connection reset by peer","kept":false}`,
			slices.Concat(source, fields(at("since", "The last time that it was heard."), at("until", "When it was heard again."), str("reason", "Why."),
				boolean("kept", "The system has kept what happened meanwhile and tells it now: nothing was missed.")))...),
	}
}

// A call flow's own webhook: what it says, and where it says that it goes.
func flowWebhook() Type {
	return Type{
		Name: "flow.webhook", Freshness: Lasting, Meaning: "A call flow reached a webhook step.",
		Data: []Use{{"flow", false}, {"call", false}},
		Flat: fields(
			free("data", "What the call flow sends: data about the call, or a body of its own."),
			object("hook", "Where it goes: uri, http_verb, retries and custom_data."),
			at("timestamp", "When the step was reached. Default: when the event occurred."),
		),
		With: `{"data":{"call_id":"7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11","caller_id_number":"+12025550143","to_user":"+12025550100"},` +
			`"hook":{"uri":"https://crm.example.com/step","http_verb":"post","retries":2,"custom_data":{"step":"welcome"}},"timestamp":"2026-01-31T15:04:06Z"}`,
	}
}

func fields(f ...Field) []Field { return f }
