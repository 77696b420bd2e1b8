package mail_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/mail"
)

// town is a small tree of accounts with people in it, and a book about them:
// root → shop (a reseller) → acme and mill.
type town struct {
	t *testing.T
	directory.Directory
	book      *mail.Book
	accounts  []*switchhook.Account
	templates []*switchhook.Template
	users     []*switchhook.User
}

func newTown(t *testing.T) *town {
	t.Helper()
	w := &town{t: t, accounts: []*switchhook.Account{
		{ID: "root", Name: "Operator"},
		{ID: "shop", ParentID: "root", Name: "Shop", Timezone: "Europe/Berlin", Portal: &switchhook.Portal{Name: "Shop Telecom", Logo: "data:image/png;base64,iVBORw0KGgo="}},
		{ID: "acme", ParentID: "shop", Name: "Acme"},
		{ID: "mill", ParentID: "shop", Name: "Mill"},
	}}
	w.users = []*switchhook.User{
		{ID: "usr_1", AccountID: "shop", Login: "boss@shop.example", Name: "Boss", Role: switchhook.RoleAdmin},
		{ID: "usr_2", AccountID: "acme", Login: "no address", Role: switchhook.RoleAdmin},
		{ID: "usr_3", AccountID: "acme", Login: "dev@acme.example", Role: switchhook.RoleDeveloper},
	}
	w.SetAccounts(w.accounts)
	w.put("acme", "user", "ada", `{"email":"ada@acme.example","first_name":"Ada","priv_level":"admin"}`)
	w.put("acme", "user", "bob", `{"email":"bob@acme.example","first_name":"Bob"}`)
	w.put("mill", "user", "mia", `{"email":"mia@mill.example","priv_level":"admin"}`)
	w.put("acme", "mailbox", "101", `{"owner_id":"bob"}`)
	w.put("acme", "extension", "201", `{"owner_id":"bob","missed_call_alert":true}`)
	w.put("acme", "faxbox", "f", `{"notifications":{"inbound":{"email":{"send_to":["fax@acme.example"]}}}}`)
	w.book = mail.NewBook(mail.Options{Directory: w, Email: true, SMS: true, From: "no-reply@pbx.example", Senders: []mail.Sender{{Domain: "root.example"}, {AccountID: "shop", Domain: "shop.example"}}, SMSFrom: "PBX", Hostname: "pbx.example"})
	w.set()
	return w
}

func (w *town) put(account, schema, id, row string) {
	w.t.Helper()
	if err := w.Put(&switchhook.Record{AccountID: account, Schema: schema, ID: id, Row: []byte(row)}); err != nil {
		w.t.Fatal(err)
	}
}

// set brings templates into force.
func (w *town) set(own ...*switchhook.Template) {
	w.templates = append(w.templates, own...)
	w.SetAccounts(w.accounts)
	w.book.Set(w.accounts, w.users, w.templates)
}

func event(account, typ, data string) *switchhook.Event {
	at := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	return &switchhook.Event{ID: "evt_1", AccountID: account, Type: typ, Data: json.RawMessage(data), OccurredAt: at, AcceptedAt: at}
}

// message is what is sent of an event by a target.
func (w *town) message(ev *switchhook.Event, target string) (m mail.Message, err error) {
	w.t.Helper()
	hook := w.book.Webhook(target)
	if hook == nil {
		w.t.Fatalf("there is no target %s", target)
	}
	for _, d := range w.book.Dialects() {
		if d.Name() == hook.Dialect {
			req, err := d.Render(ev, hook)
			if err != nil {
				return m, err
			}
			return m, json.Unmarshal(req.Body, &m)
		}
	}
	w.t.Fatalf("there is no dialect %s", hook.Dialect)
	return m, nil
}

func TestWhoGetsWhat(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	vip := &switchhook.Template{AccountID: "shop", ID: "vip", Version: 1, Text: new("{{ event.comments }}"), Subject: new("VIP")}
	w.set(vip,
		&switchhook.Template{AccountID: "acme", ID: "port_cancel", Version: 1, To: &switchhook.Addresses{Type: "specified", EmailAddresses: []string{"ports@acme.example"}}},
		&switchhook.Template{AccountID: "acme", ID: "voicemail_full", Version: 1, Cc: &switchhook.Addresses{
			Type: "specified", EmailAddresses: []string{`{% if voicemail.name == "Sales" %}{{ user.email }}, sales@acme.example{% endif %}`, "{{ missing }}"},
		}},
		&switchhook.Template{AccountID: "acme", ID: "port_pending", Version: 1, Enabled: new(false)})
	for _, c := range []struct {
		name, typ, data string
		want            string // target → to, cc, bcc
	}{
		{"the mailbox's owner", "voicemail.new", `{"voicemail":{"mailbox_id":"101"}}`, "mail:acme:voicemail_to_email → bob@acme.example"},
		{"nobody", "voicemail.new", `{"voicemail":{"mailbox_id":"999"}}`, ""},
		{
			"whom the event names", "voicemail.new", `{"voicemail":{"mailbox_id":"101"},"notification":{"to":"Eve <eve@x.example>, bad, eve@x.example","cc":["carl@x.example"],"bcc":{"email_addresses":["bcc@x.example"]}}}`,
			`mail:acme:voicemail_to_email → "Eve" <eve@x.example>, carl@x.example, bcc@x.example`,
		},
		{"a name and a list", "voicemail.new", `{"voicemail":{"mailbox_id":"101"},"notification":{"to":["Eve <eve@x.example>","EVE@x.example",7,"not one"]}}`, `mail:acme:voicemail_to_email → "Eve" <eve@x.example>`},
		{"an extension that wants it", "call.missed", `{"call":{"id":"c"},"extension":{"id":"201"}}`, "mail:acme:missed_call → bob@acme.example"},
		{"an extension that does not", "call.missed", `{"call":{"id":"c"},"extension":{"id":"202"}}`, ""},
		{"the fax box's", "fax.received", `{"call":{"id":"c"},"fax":{"id":"f1","box_id":"f"}}`, "mail:acme:fax_inbound_to_email → fax@acme.example"},
		{"who faxed by mail", "fax.email_rejected", `{"fax":{"id":"f1","from_email":"sender@x.example"}}`, "mail:acme:fax_outbound_smtp_error_to_email → sender@x.example"},
		{"the admins, of those with an address", "billing.low_balance", `{"current_balance":3}`, "mail:acme:low_balance → ada@acme.example"},
		{
			"two templates: the customer's admins, and those above", "port.requested", `{"port_request_id":"p"}`,
			"mail:acme:port_request → ada@acme.example; mail:acme:port_request_admin → boss@shop.example",
		},
		{
			"those whom a port request names, and those above", "port.requested", `{"port_request_id":"p","port":{"notifications":{"email":{"send_to":["bob@acme.example"]}}}}`,
			"mail:acme:port_request → bob@acme.example; mail:acme:port_request_admin → boss@shop.example",
		},
		{"whom an emergency is told to", "emergency.bridged", `{"call_id":"c","emergency_notification_contact_emails":["safety@x.example"]}`, "mail:acme:emergency_bridge → safety@x.example"},
		{"and else the admins", "emergency.bridged", `{"call_id":"c"}`, "mail:acme:emergency_bridge → ada@acme.example"},
		{"by the event's own type: the admins", "voicemail.new", `{"voicemail":{"mailbox_id":"101"},"notification":{"to":{"type":"admins"}}}`, "mail:acme:voicemail_to_email → ada@acme.example"},
		{
			"by the event's own type: its addresses", "billing.low_balance", `{"notification":{"to":{"type":"specified","email_addresses":["x@x.example"]}}}`,
			"mail:acme:low_balance → x@x.example",
		},
		{"specified by the account", "port.canceled", `{"port_request_id":"p","notification":{"to":"x@x.example"}}`, "mail:acme:port_cancel → ports@acme.example"},
		{
			"by a template", "voicemail.full", `{"voicemail":{"mailbox_id":"101","mailbox_name":"Sales"}}`,
			"mail:acme:voicemail_full → bob@acme.example, sales@acme.example",
		},
		{"switched off", "port.pending", `{"port_request_id":"p"}`, ""},
		{"nothing to tell", "call.hungup", `{"call":{"id":"c"}}`, ""},
		{"the user", "user.password_recovery", `{"user_id":"bob","email":"bob@home.example"}`, "mail:acme:password_recovery → bob@home.example, bob@acme.example"},
		{"custom, inherited", "notification.custom", `{"template_id":"vip","to":["grace@x.example"]}`, "mail:acme:vip → grace@x.example"},
		{
			"custom, by both media", "notification.custom", `{"template_id":"vip","to":["grace@x.example","+1 202-555-0143"],"notification_media":["email","sms"]}`,
			"mail:acme:vip → grace@x.example; sms:acme:vip:+12025550143 → ",
		},
		{"custom, of nobody", "notification.custom", `{"template_id":"other","to":["grace@x.example"]}`, ""},
		{"a preview goes where it says", "voicemail.new", `{"voicemail":{"mailbox_id":"101"},"notification":{"preview":true,"to":"me@x.example"}}`, "mail:acme:voicemail_to_email → me@x.example"},
		{"and nowhere else", "billing.low_balance", `{"notification":{"preview":true}}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ev := event("acme", c.typ, c.data)
			var got []string
			for _, target := range w.book.Targets(ev) {
				if strings.HasPrefix(target, "sms:") {
					got = append(got, target+" → ")
					continue
				}
				m, err := w.message(ev, target)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, target+" → "+strings.Join(append(append([]string{strings.Join(m.To, ", ")}, m.Cc...), m.Bcc...), ", "))
			}
			if diff := cmp.Diff(c.want, strings.Join(got, "; ")); diff != "" {
				t.Errorf("(- want, + got):\n%s\nconsidered: %+v", diff, w.book.Consider(ev))
			}
		})
	}
}

// Each part by itself is the account's, or inherited; and what is reverted is again.
func TestInheritance(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ev := event("acme", "billing.low_balance", `{"current_balance":3}`)
	render := func() mail.Message {
		t.Helper()
		m, err := w.message(ev, "mail:acme:low_balance")
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	if m := render(); m.Template != (mail.TemplateRef{ID: "low_balance"}) || !strings.Contains(m.Text, "3.00") || m.From != "no-reply@pbx.example" || m.Logo == "" {
		t.Errorf("built in: %+v", m)
	}
	w.set(
		&switchhook.Template{AccountID: "root", ID: "low_balance", Version: 7, Subject: new("root: {{ account.name }}"), Text: new("root"), From: new("{{ brand.name }} <billing@root.example>"), ReplyTo: new("a@root.example, b@root.example")},
		&switchhook.Template{AccountID: "shop", ID: "low_balance", Version: 2, Text: new("shop {{ current_balance }}")},
		&switchhook.Template{AccountID: "mill", ID: "low_balance", Version: 1, Subject: new("mill")})
	m := render()
	got := []string{m.Subject, m.Text, m.From, fmt.Sprint(m.ReplyTo), m.Template.String()}
	want := []string{"root: Acme", "shop 3.00", `"Shop Telecom" <billing@root.example>`, "[a@root.example b@root.example]", "low_balance@shop/2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("inherited (- want, + got):\n%s", diff)
	}
	w.set(&switchhook.Template{AccountID: "mill", ID: "low_balance", Version: 2, From: new("Bank <ceo@bank.example>"), ReplyTo: new("")})
	if m, err := w.message(event("mill", "billing.low_balance", "{}"), "mail:mill:low_balance"); err != nil || m.From != `"Bank" <no-reply@pbx.example>` || fmt.Sprint(m.ReplyTo) != `["Bank" <ceo@bank.example>]` {
		t.Errorf("from a domain that nobody here may write from: %+v %v", m, err)
	}
	w.set(&switchhook.Template{AccountID: "acme", ID: "low_balance", Version: 1, Subject: new(""), HTML: new("")})
	if m := render(); m.Subject != "" || m.HTML != "" || m.Text != "shop 3.00" || m.Template.String() != "low_balance@acme/1" {
		t.Errorf("an empty part is one: %+v", m)
	}
	w.templates[1].Reverted = true
	w.set()
	if m := render(); m.Text != "root" {
		t.Errorf("reverted: %q", m.Text)
	}
	hook := w.book.Webhook("mail:acme:low_balance")
	if again := w.book.Webhook("mail:acme:low_balance"); again != hook {
		t.Error("the same webhook has another pointer")
	}
	for _, id := range []string{"wh_1", "mail:gone:low_balance", "mail:acme:none", "mail:acme", "fax:acme:low_balance"} {
		if w.book.Webhook(id) != nil {
			t.Errorf("there is a webhook %s", id)
		}
	}
}

// A mail looks as the account's page does: the two accents are one setting.
func TestBrandIsInherited(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.accounts[1].Portal = &switchhook.Portal{Name: "Shop Telecom", Accent: "#111111", AccentDark: "#222222"}
	w.accounts[2].Portal = &switchhook.Portal{Accent: "#333333"}
	w.set(&switchhook.Template{AccountID: "shop", ID: "low_balance", Version: 1, Text: new("{{ brand.name }} {{ brand.accent }} {{ brand.accent_dark }}")})
	texts := map[string]string{}
	for _, account := range []string{"acme", "mill"} {
		m, err := w.message(event(account, "billing.low_balance", `{}`), "mail:"+account+":low_balance")
		if err != nil {
			t.Fatal(err)
		}
		texts[account] = m.Text
	}
	if texts["mill"] != "Shop Telecom #111111 #222222" || strings.Contains(texts["acme"], "#222222") || !strings.Contains(texts["acme"], "#333333") {
		t.Errorf("%q", texts)
	}
}

// An event's own parts are templates too; its HTML may be in base64, as Kazoo's portal sends it.
func TestPartsOfAnEvent(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for given, want := range map[string]string{
		"<b>{{ current_balance }}</b>": "<b>3.00</b>", "PGI+e3sgY3VycmVudF9iYWxhbmNlIH19PC9iPg==": "<b>3.00</b>", "test": "test",
	} {
		data := `{"current_balance":3,"notification":{"preview":true,"to":"x@x.example","subject":"{{ current_balance }} left","html":"` + given + `"}}`
		m, err := w.message(event("acme", "billing.low_balance", data), "mail:acme:low_balance")
		if err != nil || m.HTML != want || m.Subject != "3.00 left" || m.Text != "" {
			t.Errorf("%s: %+v %v", given, m, err)
		}
	}
}

// A fax comes with the mail about it, also where it could not be sent, if the event says
// where it is.
func TestDocumentOfAFax(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for target, typ := range map[string]string{
		"mail:acme:fax_inbound_to_email": "fax.received", "mail:acme:fax_inbound_error_to_email": "fax.receive_failed",
		"mail:acme:fax_inbound_error_to_email_filtered": "fax.receive_failed",
		"mail:acme:fax_outbound_to_email":               "fax.sent", "mail:acme:fax_outbound_error_to_email": "fax.send_failed",
	} {
		for _, at := range []string{"https://pbx.example.com/f1.pdf", ""} {
			m, err := w.message(event("acme", typ, `{"fax":{"id":"f1","box_id":"f","document_url":"`+at+`"},"notification":{"to":"x@example.com"}}`), target)
			if err != nil || len(m.Attachments) > 0 != (at != "") || at != "" && m.Attachments[0].Name != "f1.pdf" {
				t.Errorf("%s of %q: %+v %v", target, at, m.Attachments, err)
			}
		}
	}
}

// A customer update goes to each of those whom it is for, and nobody else's customers.
func TestCustomerUpdate(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for _, c := range []struct{ account, data, want string }{
		{"shop", `{}`, "acme/ada mill/mia"},
		{"shop", `{"user_type":"all_users"}`, "acme/ada acme/bob acme/usr_3 mill/mia"},
		{"shop", `{"recipient_id":"acme","user_type":"bob"}`, "acme/bob"},
		{"shop", `{"recipient_id":"shop"}`, "shop/usr_1"},
		{"acme", `{"recipient_id":"mill"}`, ""},
		{"acme", `{"recipient_id":"shop"}`, ""},
		{"acme", `{}`, ""},
	} {
		var got []string
		for _, target := range w.book.Targets(event(c.account, "account.customer_update", c.data)) {
			got = append(got, strings.TrimPrefix(target, "mail:"+c.account+":customer_update:"))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s %s: %q, want %q", c.account, c.data, got, c.want)
		}
	}
	ev := event("shop", "account.customer_update", `{"notification":{"subject":"Hello {{ user.first_name }}","html":"<p>{{ user.first_name }}: {{ event.databag.outage }}</p>","text":"x"},"databag":{"outage":"<today>"}}`)
	m, err := w.message(ev, "mail:shop:customer_update:acme/ada")
	if err != nil || m.Subject != "Hello Ada" || m.HTML != "<p>Ada: &lt;today&gt;</p>" || fmt.Sprint(m.To) != "[ada@acme.example]" {
		t.Errorf("%+v %v", m, err)
	}
	w.set(&switchhook.Template{AccountID: "shop", ID: "outage", Version: 1, Subject: new("Outage for {{ user.first_name }}")})
	ev = event("shop", "account.customer_update", `{"template_id":"outage","recipient_id":"mill"}`)
	if m, err := w.message(ev, w.book.Targets(ev)[0]); err != nil || m.Subject != "Outage for" || m.WebhookID != "mail:shop:outage:mill/mia" {
		t.Errorf("by a template of its own: %+v %v", m, err)
	}
	if _, err := w.message(ev, "mail:shop:customer_update:acme/nobody"); err == nil {
		t.Error("a mail to a user that is gone")
	}
}

// Whatever is in an event, a mail's headers are lines, and what fails says where.
func TestHostileParts(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.set(&switchhook.Template{AccountID: "acme", ID: "vip", Version: 1, Subject: new("{{ event.comments }}"), Text: new("{{ event.comments }}"), HTML: new("<b>{{ event.comments }}</b>"), From: new("{{ event.comments }}")})
	ev := event("acme", "notification.custom", `{"template_id":"vip","to":["a@x.example"],"comments":"A\r\nBcc: eve@x.example\r\n\r\n\u202e\u0085<script>{{ system.hostname }}{% now \"Y\" %}`+strings.Repeat("long ", 400)+`"}`)
	m, err := w.message(ev, "mail:acme:vip")
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(m.Subject, "\r\n\u0085\u202e") || len([]rune(m.Subject)) > 500 || strings.Contains(m.HTML, "<script") || m.From != "no-reply@pbx.example" || !strings.Contains(m.Text, "{{ system.hostname }}") {
		t.Errorf("%+v", m)
	}
	w.set(&switchhook.Template{AccountID: "acme", ID: "vip", Version: 2, HTML: new("one\n  {{ a|nofilter }}")})
	_, err = w.message(ev, "mail:acme:vip")
	part, where, ok := mail.Problem(err)
	if !ok || part != "html" || !strings.Contains(where, "line 2, column ") {
		t.Errorf("%q %q %v", part, where, err)
	}
	if _, ok := errors.AsType[*mail.PartError](err); !ok {
		t.Errorf("%T", err)
	}
}

// An account writes as the server, or as whom the operator has named for it or for those above
// it. The operator alone may write as anybody of the server's own domain.
// The parts of a mail may do together what one may: a template is not given that much for each
// of its addresses. The part that went too far is named, and not those that came after it.
func TestAMailHasOneBudget(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	const busy = "{% for a in event.comments %}{% for b in event.comments %}{% endfor %}{% endfor %}"
	many := &switchhook.Addresses{Type: switchhook.AddressesSpecified, EmailAddresses: slices.Repeat([]string{busy + "x@x.example"}, 10)}
	w.set(&switchhook.Template{AccountID: "acme", ID: "vip", Version: 1, Subject: new(busy), Text: new(busy), HTML: new(busy), From: new(busy), ReplyTo: new(busy), To: many, Cc: many, Bcc: many})
	for letters, want := range map[int]int{20: 0, 300: 1} { // 20 × 20 rounds in each of 35 parts are few enough
		ev := event("acme", "notification.custom", `{"template_id":"vip","comments":"`+strings.Repeat("a", letters)+`"}`)
		_, err := w.message(ev, "mail:acme:vip")
		if got := strings.Count(fmt.Sprint(err), "the template's "); got != want {
			t.Errorf("%d letters: %v", letters, err)
		}
		if part, _, ok := mail.Problem(err); want > 0 && (!ok || part != "to") {
			t.Errorf("%d letters: %q: %v", letters, part, err)
		}
	}
}

func TestWhoMayWriteAsWhom(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for _, c := range []struct {
		template, event string // whose template names the sender; whose event it is
		from            string
		may             bool
	}{
		{"acme", "acme", "no-reply@pbx.example", true},
		{"acme", "acme", "ceo@pbx.example", false},
		{"root", "acme", "ceo@PBX.example", true},
		{"acme", "acme", "a@root.example", true},
		{"acme", "acme", "a@shop.example", true}, // it is below the shop
		{"shop", "mill", "a@shop.example", true},
		{"root", "mill", "a@shop.example", false},
		{"acme", "acme", "a@evil.example", false},
		{"acme", "acme", "a@evil.shop.example", false},
		{"", "acme", "ceo@pbx.example", false}, // named by the event
		{"", "shop", "a@shop.example", true},
	} {
		w.templates = nil
		data := "{}"
		if c.template != "" {
			w.set(&switchhook.Template{AccountID: c.template, ID: "low_balance", Version: 1, From: new("X <" + c.from + ">")})
		} else {
			w.set()
			data = `{"notification":{"from":"X <` + c.from + `>"}}`
		}
		m, err := w.message(event(c.event, "billing.low_balance", data), "mail:"+c.event+":low_balance")
		if err != nil {
			t.Fatal(err)
		}
		want := `"X" <no-reply@pbx.example>`
		if c.may {
			want = `"X" <` + c.from + `>`
		}
		if m.From != want {
			t.Errorf("%+v: from %s, want %s", c, m.From, want)
		}
	}
}

func TestParseSender(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]mail.Sender{
		"acme.example": {Domain: "acme.example"}, "*": {Domain: "*"}, "acme:acme.example": {AccountID: "acme", Domain: "acme.example"}, "acme:*": {AccountID: "acme", Domain: "*"},
		"": {}, "a@acme.example": {}, ":x.example": {}, "ACME:x.example": {}, "acme:": {}, "acme:a:b": {}, "*.example": {},
	} {
		if got, ok := mail.ParseSender(given); ok != (want.Domain != "") || ok && got != want {
			t.Errorf("%q: %+v, %v", given, got, ok)
		}
	}
}
