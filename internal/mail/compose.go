package mail

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/django"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// A PartError is a mistake in one part of a template.
type PartError struct {
	Part string // subject, text, html, to (cc and bcc too), from or reply_to
	Err  error  // a *django.Error: line and column, and what was expected
}

func (e *PartError) Error() string { return "the template's " + e.Part + ": " + e.Err.Error() }

func (e *PartError) Unwrap() error { return e.Err }

// renderFor bounds the rendering of one part; django bounds its work besides.
const renderFor = time.Second

// mostSubject is how long a subject may be, in characters.
const mostSubject = 500

// compose makes the mail of an event. It may have no recipients.
func (b *Book) compose(ev *switchhook.Event, t Target, l *Letter) (*Message, error) {
	r := resources(ev)
	n := notification(r)
	m := &Message{EventID: ev.ID, WebhookID: t.ID(), Template: l.Ref}
	m.Attachments = attachments(r, n, l)
	brand, logo := b.brand(ev.AccountID)
	m.Logo = logo
	env := b.env(ev, r)
	env.Brand, env.Attachments = brand, m.Attachments
	var only *switchhook.Person // the user whom a customer update is for
	if account, user := t.member(); user != "" {
		p, ok := b.person(account, user)
		if !ok {
			return nil, fmt.Errorf("the user %q of the account %q is gone, or has no mail address any more", user, account)
		}
		only, env.User = &p, rowOf(&p)
	}
	p := page{b: b, data: Context(ev, env), now: ev.AcceptedAt.In(locationOf(env.Account.Timezone))}
	if p.now.IsZero() {
		p.now = ev.OccurredAt
	}
	if only != nil {
		m.To, m.Cc, m.Bcc = []string{only.Email}, few(addresses(n.Cc)), few(addresses(n.Bcc))
	} else {
		m.To, m.Cc, m.Bcc = b.recipients(ev, r, l, func(address string) []string { return p.addresses("to", address) })
	}
	m.Subject = cut(line(p.render("subject", cmp.Or(n.Subject, l.Subject.Value))))
	text, html := l.Text.Value, l.HTML.Value
	if n.Text != "" || n.HTML != "" {
		text, html = n.Text, decoded(n.HTML)
	}
	m.Text, m.HTML = p.render("text", text), p.render("html", html)
	wanted, whose := p.from(n, ev.AccountID, l, b.o.From)
	m.ReplyTo = few(addresses(n.ReplyTo))
	if len(m.ReplyTo) == 0 {
		m.ReplyTo = few(p.addresses("reply_to", l.ReplyTo.Value))
	}
	if m.From = b.sender(wanted, whose); m.From != wanted && len(m.ReplyTo) == 0 {
		m.ReplyTo = []string{wanted}
	}
	if !strings.Contains(m.HTML, "cid:logo") {
		m.Logo = ""
	}
	return m, p.err
}

// decoded is an event's HTML. Kazoo's portal sends it in base64, others as it is.
func decoded(html string) string {
	if b, err := base64.StdEncoding.DecodeString(html); err == nil && utf8.Valid(b) {
		return string(b)
	}
	return html
}

// mostAnswered is where at most answers to a mail go, and of an update to each user, whom
// copies of each of the mails go to.
const mostAnswered = 10

func few(list []string) []string { return list[:min(len(list), mostAnswered)] }

// A page is where the parts of one mail are rendered. All of them, addresses too, may do
// together what one may.
type page struct {
	b      *Book
	data   map[string]any
	now    time.Time
	budget django.Budget
	err    error // of the parts that could not be
}

func (p *page) render(part, text string) string {
	if text == "" || p.budget.Exceeded() { // by another part, which has said so
		return ""
	}
	t, err := p.b.compile(source{text, part == "html"})
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), renderFor)
		defer cancel()
		text, err = t.RenderWithin(ctx, p.data, p.now, &p.budget)
	}
	if err != nil {
		p.err = errors.Join(p.err, &PartError{part, err})
		return ""
	}
	return text
}

// addresses are those that a part makes.
func (p *page) addresses(part, text string) []string {
	return addresses(ordjson.String(p.render(part, text)))
}

// from is the sender, and whose wish that is: the event's, the template's or the server's.
// What is no address does not keep a mail from going.
func (p *page) from(n switchhook.Notification, account string, l *Letter, server string) (address, whose string) {
	if given := addresses(n.From); len(given) > 0 {
		return given[0], account
	}
	if a, err := mail.ParseAddress(p.render("from", l.From.Value)); err == nil {
		return written(a), cmp.Or(l.From.AccountID, switchhook.RootAccount)
	}
	return server, switchhook.RootAccount
}

// sender is who a mail is from in truth: who is wanted, if the account that wants it may
// write so, else the server under that name. Else any customer could write as anybody, by
// the operator's mail server.
func (b *Book) sender(wanted, account string) string {
	a, err := mail.ParseAddress(wanted)
	own, ownErr := mail.ParseAddress(b.o.From)
	if err != nil || ownErr != nil {
		return b.o.From
	}
	domain := domainOf(a.Address)
	operators := account == switchhook.RootAccount && strings.EqualFold(domain, domainOf(own.Address))
	if strings.EqualFold(a.Address, own.Address) || operators || slices.ContainsFunc(b.o.Senders, func(s Sender) bool {
		return (s.Domain == "*" || strings.EqualFold(s.Domain, domain)) && (s.AccountID == "" || slices.Contains(b.chain(account), s.AccountID))
	}) {
		return wanted
	}
	return written(&mail.Address{Name: cmp.Or(a.Name, own.Name), Address: own.Address})
}

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

func cut(subject string) string {
	if runes := []rune(subject); len(runes) > mostSubject {
		return string(runes[:mostSubject-1]) + "…"
	}
	return subject
}

// attachments are what comes with a mail: what the event says, or the sound or the document
// that it is about.
func attachments(r *switchhook.Resources, n switchhook.Notification, l *Letter) []Attachment {
	at, name := n.AttachmentURL, "attachment"
	switch l.ID {
	case "voicemail_to_email":
		name = "voicemail"
		if v := r.Voicemail; v != nil {
			at = cmp.Or(at, v.AudioURL)
		}
	case "fax_inbound_to_email", "fax_outbound_to_email", "fax_inbound_error_to_email", "fax_inbound_error_to_email_filtered", "fax_outbound_error_to_email":
		name = "fax"
		if f := r.Fax; f != nil {
			at = cmp.Or(at, f.DocumentURL)
		}
	}
	if at == "" {
		return nil
	}
	u, err := url.Parse(at)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "data" {
		return nil
	}
	if base := path.Base(u.Path); u.Scheme != "data" && path.Ext(base) != "" {
		name = line(base)
	}
	return []Attachment{{Name: name, URL: at}}
}

// env is what a mail can say beside its event.
func (b *Book) env(ev *switchhook.Event, r *switchhook.Resources) *Env {
	e := &Env{Account: b.account(ev.AccountID), Hostname: b.o.Hostname, Node: b.o.Hostname}
	up := b.o.Directory.Ancestors(ev.AccountID)
	if len(up) > 0 {
		e.Parent = b.account(up[0])
		e.Reseller = e.Parent
	}
	if e.Account.Timezone == "" {
		for _, above := range up {
			if e.Account.Timezone = b.account(above).Timezone; e.Account.Timezone != "" {
				break
			}
		}
	}
	e.User = b.userOf(ev, r)
	if record, ok := b.o.Directory.Record(ev.AccountID, "port_request", r.PortRequestID); ok && r.PortRequestID != "" {
		e.Port = record.Row
	}
	if ev.Type == "webhook.disabled" && b.o.Webhook != nil {
		if w := b.o.Webhook(ordjson.FindText(ev.Data, "hook_id")); w != nil && w.AccountID == ev.AccountID {
			e.Webhook = w
		}
	}
	return e
}

// account is what a mail says of an account: its own settings, and the record of it that
// the directory has.
func (b *Book) account(id string) Account {
	a := Account{ID: id}
	if known, ok := b.o.Directory.Account(id); ok {
		a.Name, a.Timezone = known.Name, known.Timezone
	}
	if record, ok := b.o.Directory.Record(id, "account", id); ok {
		a.Realm, a.Language = ordjson.FindText(record.Row, "realm"), ordjson.FindText(record.Row, "language")
		a.Timezone = cmp.Or(a.Timezone, ordjson.FindText(record.Row, "timezone"))
	}
	return a
}

// userOf is the row of the user whom an event is about.
func (b *Book) userOf(ev *switchhook.Event, r *switchhook.Resources) json.RawMessage {
	id := r.UserID
	row := func(schema, of string) json.RawMessage {
		if record, ok := b.o.Directory.Record(ev.AccountID, schema, of); ok && of != "" {
			return record.Row
		}
		return nil
	}
	switch {
	case id != "":
	case r.PortRequestID != "": // who commented on it, or changed its state
		id = cmp.Or(ordjson.FindText(ordjson.Find(ev.Data, "comment"), "user_id"), ordjson.FindText(ordjson.Find(ev.Data, "reason"), "user_id"))
	case ev.Type == "billing.service_added": // who did it
		id = ordjson.FindText(ordjson.Find(ordjson.Find(ordjson.Find(ev.Data, "audit_log"), "audit"), "agent"), "type_id")
	case r.Voicemail != nil:
		id = ordjson.FindText(row("mailbox", r.Voicemail.MailboxID), "owner_id")
	case r.Fax != nil:
		id = cmp.Or(r.Fax.OwnerID, ordjson.FindText(row("faxbox", r.Fax.BoxID), "owner_id"))
	case r.Device != nil:
		id = r.Device.OwnerID
	case r.Extension != nil:
		id = ordjson.FindText(row("extension", r.Extension.ID), "owner_id")
	}
	if id == "" && r.Call != nil {
		id = r.Call.OwnerID
	}
	if found := row("user", id); found != nil {
		return found
	}
	if id == "" {
		for _, p := range b.peopleOf(ev.AccountID) {
			if p.Admin {
				return rowOf(&p)
			}
		}
	}
	return nil
}

// rowOf is a person as the row of a user.
func rowOf(p *switchhook.Person) json.RawMessage {
	o := ordjson.Object{}
	for _, m := range []struct{ name, value string }{
		{"id", p.ID}, {"first_name", p.FirstName}, {"last_name", p.LastName}, {"email", bare(p.Email)}, {"username", p.Username}, {"timezone", p.Timezone},
	} {
		if m.value != "" {
			o = append(o, ordjson.Member{Name: m.name, Value: ordjson.String(m.value)})
		}
	}
	return o.Append(nil)
}

func locationOf(zone string) *time.Location {
	if l, err := time.LoadLocation(zone); err == nil && zone != "" && zone != "Local" {
		return l
	}
	return time.UTC
}

// Problem is where and what is wrong with a template, of an error of it.
func Problem(err error) (part, message string, ok bool) {
	e, ok := errors.AsType[*PartError](err)
	if !ok {
		return "", "", false
	}
	if d, is := errors.AsType[*django.Error](e.Err); is {
		return e.Part, d.Error(), true
	}
	return e.Part, e.Err.Error(), true
}

// Preview is the mail that an event would make with a draft of a template: parts that are
// not kept yet, over those that are in force for the account. draft may be nil.
// CodeNotFound: there is no such template. A mistake in it is a PartError.
func (b *Book) Preview(ev *switchhook.Event, accountID, id string, draft *switchhook.Template) (*Message, error) {
	l, ok := b.Letter(accountID, id)
	if !ok {
		return nil, switchhook.Errorf(switchhook.CodeNotFound, "there is no template %q", id)
	}
	if draft != nil {
		l.put(draft)
	}
	at := *ev
	at.AccountID = accountID
	return b.compose(&at, Target{Medium: Email, AccountID: accountID, Template: id}, l)
}
