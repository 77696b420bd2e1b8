package mail

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// macrosOf lists the macros of groups, in their order.
func macrosOf(groups []string) ([]Macro, error) {
	var list []Macro
	for _, name := range groups {
		g, ok := macroGroups()[name]
		if !ok {
			return nil, fmt.Errorf("there is no group of macros %q", name)
		}
		for l := range strings.Lines(strings.TrimSpace(g)) {
			macro, meaning, ok := strings.Cut(strings.TrimSpace(l), ": ")
			if !ok {
				return nil, fmt.Errorf("the group %s of macros has a line without a meaning: %s", name, l)
			}
			list = append(list, Macro{Name: macro, Meaning: meaning})
		}
	}
	return list, nil
}

// macroGroups are the macros by what they are about: Kazoo's, and those that are new.
func macroGroups() map[string]string {
	date := func(of, what string) string {
		return of + ".local: " + what + ", in the account's time zone\n" + of + ".utc: The same in UTC\n" + of + ".timezone: The name of that time zone\n"
	}
	account := func(of, what string) string {
		var b strings.Builder
		for _, m := range []string{"id: The id of", "name: The name of", "realm: The SIP realm of", "timezone: The time zone of", "language: The language of"} {
			fmt.Fprintf(&b, "%s.%s %s\n", of, m, what)
		}
		return b.String()
	}
	person := func(of, whose string) string {
		var b strings.Builder
		for _, m := range []string{"first_name: The first name of", "last_name: The last name of", "email: The mail address of", "timezone: The time zone of", "username: The login name of"} {
			fmt.Fprintf(&b, "%s.%s %s\n", of, m, whose)
		}
		return b.String()
	}
	items := `invoice.items: What is charged for, by name: {% for name, item in invoice.items %}; each has item.category, item.item, item.quantity, item.rate, item.total, item.discounts
invoice.total: What it comes to
invoice.total_discounts: What is taken off
`
	return map[string]string{
		"account": account("account", "the account") + `account.parent_id: The id of the account above it
account.parent_name: The name of the account above it
account.parent_realm: The SIP realm of the account above it
`,
		"system": `system.hostname: The server's name
system.encoded_hostname: A code that stands for it and does not tell it
system.node: The server's node
system.encoded_node: A code that stands for it and does not tell it
`,
		"brand": `brand.name: The product's name
brand.accent: The colour of buttons
brand.accent_text: The colour of text on it
brand.accent_dark: The colour of buttons on dark screens
brand.accent_dark_text: The colour of text on it
brand.logo: There is a logo: <img src="cid:logo">
`,
		"user": person("user", "the user whom it is about"),
		"call": `caller_id.name: The caller's name
caller_id.number: The caller's number
caller_id.name_number: Both, or the one that is known
callee_id.name: The name of who was called
callee_id.number: The number that was called
callee_id.name_number: Both, or the one that is known
` + date("date_called", "When") + `from.user: The user part of the caller's SIP address
from.realm: Its realm
to.user: The user part of the SIP address that was called
to.realm: Its realm
call_id: The call's id
`,
		"voicemail": `voicemail.vmbox_id: The mailbox's id
voicemail.vmbox_name: The mailbox's name
voicemail.vmbox_number: The mailbox's number
voicemail.msg_id: The message's id
voicemail.transcription: What it says, where it was written down
voicemail.length: How long it is, as hours:minutes:seconds
voicemail.duration: How long it is, in words
`,
		"recording": `voicemail.file_name: The attached recording's name
voicemail.file_type: Its kind, such as mp3
voicemail.file_size: Its size in bytes, where that is known
`,
		"deleted": "reason: How it was deleted\n",
		"mailbox": `voicemail.id: The mailbox's id
voicemail.name: The mailbox's name
voicemail.mailbox: The mailbox's number
voicemail.max_messages: How many messages it can hold
voicemail.message_count: How many it holds
`,
		"missed_call": `missed_call.reason: Why, in words
missed_call.cause: Why, as the switch calls it
missed_call.is_bridged: The call was connected
missed_call.is_message_left: The caller left a voicemail
`,
		"fax": `fax.id: The fax's id
fax.doc_id: The document's id
fax.media: The attached document's name
fax.document_type: Its kind, such as pdf
fax.document_size: Its size in bytes, where that is known
fax.total_pages: How many pages it has
fax.transferred_pages: How many came through
fax.success: Whether it worked
fax.result_code: The fax engine's result code
fax.result_text: What it means
fax.remote_station_id: What the other machine calls itself
fax.encoding: How the pages were coded
fax.transfer_rate: Bits a second
fax.ecm_used: Whether errors were corrected on the way (ECM)
fax.bad_rows: How many lines were damaged
fax.box_id: The fax box's id
fax.box_name: The fax box's name
fax.timestamp: When, in seconds as Kazoo counts them
`,
		"fax_error": `fax.info: The fax engine's own data
error.call_info: What went wrong with the call
error.fax_info: What went wrong with the fax
`,
		"fax_mail": `error: What is wrong with the mail
errors: All that is wrong with it, a list
from_email: Who sent the mail
to_email: Where it was sent to
number: The number that it was to be faxed to
original_number: That number as the mail has it
faxbox.id: The fax box's id
faxbox.name: The fax box's name
faxbox.timezone: The fax box's time zone
`,
		"registration": `last_registration.username: The phone's SIP user name
last_registration.realm: Its SIP realm
last_registration.device_name: The phone's name
last_registration.status: The registration's state
last_registration.user_agent: The phone's make, as it says itself
last_registration.network_ip: The address that it came from
last_registration.network_port: The port that it came from
last_registration.contact: The SIP Contact that it gave
last_registration.expires: Seconds that the registration lasts
last_registration.call_id: The registration's Call-ID
last_registration.from_user: The user in the SIP From
last_registration.from_host: The host in the SIP From
last_registration.to_user: The user in the SIP To
last_registration.to_host: The host in the SIP To
last_registration.rpid: Its presence status
last_registration.profile_name: The switch's SIP profile
last_registration.presence_hosts: The hosts whose presence it serves
last_registration.freeswitch_hostname: The switch
last_registration.authorizing_id: The device's id
` + date("last_registration.date", "When"),
		"emergency_caller": `call.call_id: The call's id
call.emergency_caller_id_name: The caller's name, as the emergency service sees it
call.emergency_caller_id_number: The caller's number, as the emergency service sees it
call.outbound_caller_id_name: The caller's name on other calls
call.outbound_caller_id_number: The caller's number on other calls
`,
		"emergency": `call.emergency_test_call: It was a test
call.emergency_to_did: The emergency number that was dialled
call.device_name: The phone
call.emergency_address_street_1: Where the caller is: street
call.emergency_address_street_2: The second line
call.emergency_address_city: The city
call.emergency_address_region: The state or region
call.emergency_address_postal_code: The postal code
call.emergency_notification_contact_emails: Who is told by mail, a list
call.owner_id: The id of the phone's user
call.user_first_name: That user's first name
call.user_last_name: That user's last name
call.user_email: That user's mail address
`,
		"when":  date("date_called", "When"),
		"zones": "zones: The account's zones by their use, such as home\n",
		"invoice": `invoice.method: How it will be paid
invoice.card_type: The card's kind
invoice.last_four: The card's last four digits
` + date("invoice.due_date", "When it is due") + "invoice.due_date.timestamp: The same, in seconds as Kazoo counts them\n" + items,
		"changes":   items + "invoice.items.NAME.changes: What changed: item.changes.type is plan_new, plan_removed, added or removed, item.changes.quantity how many\n",
		"reseller":  account("reseller", "the reseller"),
		"timestamp": date("timestamp", "When") + "timestamp.timestamp: The same, in seconds as Kazoo counts them\n",
		"affected": account("affected", "the account whose services changed") + account("cascade", "the account below it that the change came from") +
			`authentication.type: How the one who made the change signed in
authentication.account_id: The id of that one's account
authentication.account_name: The name of that one's account
`,
		"balance":     "balance: The balance after it, where it is known\n",
		"low_balance": "current_balance: What is left\nthreshold: Below what a warning is sent\n",
		"transaction": `transaction.amount: How much
transaction.currency_code: The currency, such as USD
transaction.tax_amount: The tax in it
transaction.add_ons: What was added
transaction.discounts: What was taken off
transaction.success: Whether it worked
transaction.response: What the payment processor answered
transaction.id: The transaction's id
transaction.purchase_order: What the payment was for
transaction.card_last_four: The card's last four digits
` + date("transaction.date", "When") + `transaction.address.first_name: The payer's first name
transaction.address.last_name: The payer's last name
transaction.address.company: The payer's company
transaction.address.street_address: The payer's street
transaction.address.extended_address: The second line
transaction.address.locality: The city
transaction.address.region: The state or region
transaction.address.postal_code: The postal code
transaction.address.country_name: The country
transaction.address.phone: The payer's phone number
transaction.address.email: The payer's mail address
`,
		"plan": `plan.id: The service plan's id
plan.category: Its category
plan.item: What it is
plan.activation_charge: What its start costs
`,
		"admin": `admin.first_name: The first name of the account's administrator
admin.last_name: The last name of the account's administrator
admin.email: The mail address of the account's administrator
admin.timezone: The time zone of the account's administrator
`,
		"password": "user.id: The user's id\nuser.password: The first password\n",
		"link":     "link: Where a new password is set\n",
		"databag":  "databag: Whatever came with the message; databag.NAME is one of its members\n",
		"event":    "event: What happened for the first time: registration or call\n",
		"cnam": `request.number: The number
request.number_state: The number's state
request.local_number: Whether the number is the phone system's own
request.acquired_for: The account that the number was bought for
cnam.display_name: The name that is to be shown
cnam.inbound_lookup: Whether callers' names are to be looked up
`,
		"feature": `request.number: The number
feature.name: The feature
feature.action: What is to be done
feature.provider: At which provider
`,
		"alert": `message: What is wrong
subject: The same in a few words
request.level: How bad it is, where the system says so
request.node: The node that it happened on
request.module: The program's part
request.line: The line of its source code
request.request_id: The request that led to it
details: More about it, by name: {% for name, value in details %}
`,
		"hook": `hook.id: The webhook's id
hook.name: The webhook's name
hook.uri: Where it goes
hook.event: What it is sent
hook.disable_reason: Why it was switched off
`,
		"port_request": `port_request.id: The port request's id
port_request.name: Its name
port_request.numbers: The numbers, a list
port_request.port_state: Its state, such as pending
port_request.service_provider: Who has the numbers now
port_request.customer_contact: Whom it is told, a list
port_request.authorized_by: Who asked for it
port_request.bill_name: The name on the bill
port_request.bill_address: The address on the bill
port_request.street_address: The street on the bill
port_request.bill_locality: The city on the bill
port_request.bill_region: The state or region on the bill
port_request.bill_postal_code: The postal code on the bill
` + date("port_request.requested_port_date", "The day that was asked for") + date("port_request.port_scheduled_date", "The day that the carrier has set") +
			`port_request.comment.content: The comment
port_request.comment.author: Who wrote it
` + date("port_request.comment.date", "When it was written") + "port_request.transition_reason.content: Why the state changed\n" +
			date("port_request.transition_reason.date", "When it changed") + person("port_request.transition_reason.user", "who changed it"),
		"conference": `notify.conference.name: The conference's name
notify.conference.number: The number to dial
notify.conference.pin: The PIN
notify.conference.link: Where it is joined in a browser
notify.when: When it is, as a text
notify.message: A word to the guests
`,
		"app":    "notify.link: Where the app is to be had\n",
		"verify": "notify.link: Where the address is confirmed\nnotify.code: A code that does the same\n",
	}
}

// sampleOf is what a macro is in a context, for a list of macros: "" where it is not there.
func sampleOf(context map[string]any, name string) string {
	var value any = context
	for part := range strings.SplitSeq(name, ".") {
		members, ok := value.(map[string]any)
		if !ok {
			return ""
		}
		if value, ok = members[part]; !ok && part == "NAME" && len(members) > 0 { // any of them
			value = members[slices.Min(slices.Collect(maps.Keys(members)))]
		}
	}
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case time.Time:
		return v.Format("2006-01-02 15:04:05 MST")
	case []any:
		if !slices.ContainsFunc(v, func(item any) bool { _, text := item.(string); return !text }) {
			var texts []string
			for _, item := range v {
				texts = append(texts, plain(item))
			}
			return strings.Join(texts, ", ")
		}
	}
	b, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return string(b)
}
