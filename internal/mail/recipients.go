package mail

import (
	"encoding/json"
	"net/mail"
	"regexp"
	"slices"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// mostRecipients is how many a mail has at most.
const mostRecipients = 100

// A Consideration is what became of one template when an event was accepted.
type Consideration struct {
	Template string // its id
	Name     string // its name
	Target   string // the webhook id of the target; empty: nothing is sent, for Reason
	Reason   string // a sentence
}

// Targets are the webhook ids of the notifications that an event makes. An event that may
// make some gets its Resources, for all who read them later.
func (b *Book) Targets(ev *switchhook.Event) (ids []string) {
	if !b.o.Email && !b.o.SMS || !feedsAny(ev.Type) {
		return nil
	}
	if ev.Resources == nil {
		_ = catalogue.Attach(ev) // what cannot be read says nothing, here as there
	}
	for _, c := range b.Consider(ev) {
		if c.Target != "" {
			ids = append(ids, c.Target)
		}
	}
	return ids
}

// Consider says of each template that an event feeds what is sent, or why nothing is.
func (b *Book) Consider(ev *switchhook.Event) (list []Consideration) {
	for _, d := range b.fed(ev) {
		c := Consideration{Template: d.ID, Name: d.Name}
		l, ok := b.Letter(ev.AccountID, d.ID)
		if ok {
			c.Name = l.Title.Value
		}
		r := resources(ev)
		email, sms := media(ev)
		switch {
		case !ok:
			c.Reason = "There is no template of this name, neither the account's own nor of one above it."
		case !l.Enabled.Value:
			c.Reason = "It is switched off."
		case (!email || !b.o.Email) && (!sms || !b.o.SMS):
			c.Reason = "There is nothing set up to send it with."
		case ev.Type == "account.customer_update" && !isPreview(r):
			list = append(list, b.update(ev, c)...)
			continue
		default:
			list = append(list, b.targetsOf(ev, r, l, c, email && b.o.Email, sms && b.o.SMS)...)
			continue
		}
		list = append(list, c)
	}
	return list
}

// fed are the templates that an event feeds. A customer update can name one of the sender's
// own in the place of the built-in one.
func (b *Book) fed(ev *switchhook.Event) []Definition {
	if ev.Type == "account.customer_update" {
		if l, ok := b.Letter(ev.AccountID, ordjson.FindText(ev.Data, "template_id")); ok && l.Custom {
			return []Definition{l.Definition}
		}
	}
	return For(ev)
}

func (b *Book) targetsOf(ev *switchhook.Event, r *switchhook.Resources, l *Letter, c Consideration, email, sms bool) (list []Consideration) {
	if email {
		c := c
		if to, cc, bcc := b.recipients(ev, r, l, asWritten); len(to)+len(cc)+len(bcc) > 0 {
			c.Target, c.Reason = Target{Medium: Email, AccountID: ev.AccountID, Template: l.ID}.ID(), "It is sent."
		} else {
			c.Reason = Nobody(l.Addresses.To.Value)
		}
		list = append(list, c)
	}
	if sms {
		numbers := phones(ordjson.Find(ev.Data, "to"))
		for _, n := range numbers {
			c.Target, c.Reason = Target{Medium: SMS, AccountID: ev.AccountID, Template: l.ID, Recipient: n}.ID(), "It is sent."
			list = append(list, c)
		}
		if len(numbers) == 0 {
			c.Reason = "It is to be a text message, and the event's `to` names no telephone number."
			list = append(list, c)
		}
	}
	return list
}

// Nobody says why a mail has no recipient.
func Nobody(to switchhook.Addresses) string {
	switch to.Type {
	case switchhook.AddressesAdmins:
		return "Nobody would get it: the account has no administrator with a mail address."
	case switchhook.AddressesSpecified:
		return "Nobody would get it: its recipients are to be specified, and none are."
	}
	return "Nobody would get it: neither the event nor the directory names a mail address for it."
}

// media are those of an event: mail, but for notifications that say which.
func media(ev *switchhook.Event) (email, sms bool) {
	list := ordjson.Texts(ordjson.Find(ev.Data, "notification_media"))
	if ev.Type != "notification.custom" || len(list) == 0 {
		return true, false
	}
	return slices.Contains(list, "email"), slices.Contains(list, "sms")
}

// update are the targets of a customer update: each user gets a mail of its own.
//
// recipient_id is the account whose users they are; without one they are those of all
// accounts below. user_type is all_users, one user's id, or by default the administrators
// (the seed's customer_update).
func (b *Book) update(ev *switchhook.Event, c Consideration) (list []Consideration) {
	b.mu.RLock()
	below := b.below[ev.AccountID]
	b.mu.RUnlock()
	accounts := below
	if to := ordjson.FindText(ev.Data, "recipient_id"); to != "" {
		if to != ev.AccountID && !slices.Contains(below, to) {
			c.Reason = "The account that it is for is not below this one."
			return []Consideration{c}
		}
		accounts = []string{to}
	}
	kind := ordjson.FindText(ev.Data, "user_type")
	for _, account := range accounts {
		for _, p := range b.peopleOf(account) {
			if kind == "all_users" || kind == p.ID || (kind == "" || kind == "admins_only") && p.Admin {
				c.Target = Target{Medium: Email, AccountID: ev.AccountID, Template: c.Template, Recipient: account + "/" + p.ID}.ID()
				c.Reason = "It is sent."
				list = append(list, c)
			}
		}
	}
	if len(list) == 0 {
		c.Reason = "Nobody would get it: no such user has a mail address."
		list = append(list, c)
	}
	return list
}

// asWritten leaves the addresses of a template that are templates themselves for later: an
// event is accepted before its mail is rendered.
func asWritten(address string) []string { return []string{address} }

// recipients are whom a mail goes to (Kazoo's rules: facts on teletype's addresses). render
// makes the addresses of one of the template's that is a template itself.
func (b *Book) recipients(ev *switchhook.Event, r *switchhook.Resources, l *Letter, render func(string) []string) (to, cc, bcc []string) {
	n := notification(r)
	if ev.Type == "notification.custom" && n.To == nil {
		n.To = ordjson.Find(ev.Data, "to")
	}
	wanted := l.Addresses
	if contacts := ordjson.Find(ev.Data, "emergency_notification_contact_emails"); ev.Type == "emergency.bridged" && n.To == nil && len(addresses(contacts)) > 0 {
		// Whom the address of the emergency names goes before whom the template names.
		n.To, wanted.To.Value = contacts, switchhook.Addresses{Type: switchhook.AddressesOriginal}
	}
	seen := map[string]bool{}
	pick := func(given json.RawMessage, a switchhook.Addresses, original func() []string) (list []string) {
		all := addresses(given)
		switch typ := ordjson.FindText(given, "type"); typ { // the event's goes before the template's
		case switchhook.AddressesOriginal, switchhook.AddressesSpecified, switchhook.AddressesAdmins:
			a.Type = typ
		}
		if !isPreview(r) {
			all = b.chosen(ev.AccountID, a, own(a.EmailAddresses, render), all, original)
		}
		for _, address := range all {
			if key := addressKey(address); !seen[key] && len(seen) < mostRecipients {
				seen[key], list = true, append(list, address)
			}
		}
		return list
	}
	none := func() []string { return nil }
	to = pick(n.To, wanted.To.Value, func() []string { return b.original(ev, r, l) })
	cc = pick(n.Cc, wanted.Cc.Value, none)
	bcc = pick(n.Bcc, wanted.Bcc.Value, none)
	return to, cc, bcc
}

// chosen is who it is by the type of a template's addresses.
func (b *Book) chosen(account string, a switchhook.Addresses, own, given []string, original func() []string) []string {
	first := func(lists ...func() []string) []string {
		for _, list := range lists {
			if l := list(); len(l) > 0 {
				return l
			}
		}
		return nil
	}
	its := func(l []string) func() []string { return func() []string { return l } }
	switch a.Type {
	case switchhook.AddressesSpecified:
		return first(its(own), its(given))
	case switchhook.AddressesAdmins:
		return first(func() []string { return b.adminsOf(account) }, its(own))
	}
	return first(its(given), original, its(own))
}

// own are a template's addresses.
func own(addresses []string, render func(string) []string) (list []string) {
	for _, address := range addresses {
		if strings.Contains(address, "{{") || strings.Contains(address, "{%") {
			list = append(list, render(address)...)
		} else {
			list = append(list, valid([]string{address})...)
		}
	}
	return list
}

// original are whom an event is for, where it names nobody: what the directory knows.
func (b *Book) original(ev *switchhook.Event, r *switchhook.Resources, l *Letter) []string {
	var list []string
	from := func(schema, id string) {
		if id != "" {
			list = append(list, b.o.Directory.Emails(ev.AccountID, schema, id)...)
		}
	}
	family, _, _ := strings.Cut(ev.Type, ".")
	switch family {
	case "voicemail":
		if v := r.Voicemail; v != nil {
			from("mailbox", v.MailboxID)
		}
		if x := r.Extension; x != nil && len(list) == 0 {
			from("extension", x.ID)
		}
	case "fax":
		if f := r.Fax; f != nil {
			if ev.Type == "fax.email_rejected" {
				list = append(list, f.FromEmail)
			}
			list = append(list, ordjson.Texts(ordjson.Find(ordjson.Find(f.Notifications, "email"), "send_to"))...)
			if len(valid(list)) == 0 {
				from("faxbox", f.BoxID)
				from("user", f.OwnerID)
			}
		}
		if n := r.Number; n != nil && len(list) == 0 {
			from("number", n.ID)
		}
	case "call":
		if x := r.Extension; x != nil && b.alerts(ev.AccountID, x.ID) {
			from("extension", x.ID)
		}
	case "user":
		list = append(list, ordjson.FindText(ev.Data, "email"))
		from("user", r.UserID)
	case "port":
		if l.ID == "port_request_admin" {
			break // it is for those above, not for those whose numbers they are
		}
		list = portContacts(ordjson.Find(ev.Data, "port"))
		if record, ok := b.o.Directory.Record(ev.AccountID, "port_request", r.PortRequestID); ok && len(list) == 0 && r.PortRequestID != "" {
			list = portContacts(record.Row)
			from("port_request", r.PortRequestID)
		}
	}
	if list = valid(list); len(list) > 0 {
		return list
	}
	switch l.ID {
	case "port_request_admin", "number_feature_manual_action": // those above have to act
		for _, above := range b.o.Directory.Ancestors(ev.AccountID) {
			if admins := b.adminsOf(above); len(admins) > 0 {
				return admins
			}
		}
	}
	switch l.Category {
	case "port_request", "account", "system":
		return b.adminsOf(ev.AccountID)
	}
	return nil
}

// portContacts are whom a port request is to be told to.
func portContacts(port json.RawMessage) []string {
	email := ordjson.Find(ordjson.Find(port, "notifications"), "email")
	return append(ordjson.Texts(email), ordjson.Texts(ordjson.Find(email, "send_to"))...)
}

// alerts reports whether an extension wants a mail for each call that it misses
// (missed_call_alert in its record).
func (b *Book) alerts(account, extension string) bool {
	record, ok := b.o.Directory.Record(account, "extension", extension)
	return ok && string(ordjson.Find(record.Row, "missed_call_alert")) == "true"
}

// resources are an event's, decoded if they are not yet.
func resources(ev *switchhook.Event) *switchhook.Resources {
	if ev.Resources != nil {
		return ev.Resources
	}
	if r, err := catalogue.Decode(ev.Data); err == nil && r != nil {
		return r
	}
	return &switchhook.Resources{}
}

func notification(r *switchhook.Resources) switchhook.Notification {
	if r.Notification == nil {
		return switchhook.Notification{}
	}
	return *r.Notification
}

func isPreview(r *switchhook.Resources) bool {
	n := r.Notification
	return n != nil && n.Preview != nil && *n.Preview
}

// addresses reads what Kazoo lets addresses be: a text with commas, a list, or an object
// with either under email_addresses.
func addresses(raw json.RawMessage) []string {
	if list := ordjson.Find(raw, "email_addresses"); list != nil {
		raw = list
	}
	var all []string
	for _, text := range ordjson.Texts(raw) {
		list, err := mail.ParseAddressList(text)
		for _, a := range list {
			all = append(all, written(a))
		}
		if err != nil { // one that is none does not take the others with it
			all = append(all, valid(strings.Split(text, ","))...)
		}
	}
	return all
}

// valid are those of some texts that are addresses.
func valid(texts []string) (list []string) {
	for _, text := range texts {
		if a, err := mail.ParseAddress(text); err == nil {
			list = append(list, written(a))
		}
	}
	return list
}

// written is an address as people read it: RFC 5322, but its name is not encoded.
func written(a *mail.Address) string {
	name := line(a.Name)
	if name == "" {
		return a.Address
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `" <` + a.Address + ">"
}

// bare is an address without a name.
func bare(text string) string {
	if a, err := mail.ParseAddress(text); err == nil {
		return a.Address
	}
	return text
}

func validAddress(text string) bool {
	_, err := mail.ParseAddress(text)
	return err == nil
}

// addressKey is the same for addresses that are the same but for the case and the name.
func addressKey(text string) string { return strings.ToLower(bare(text)) }

var phoneNumber = regexp.MustCompile(`^\+?[0-9]{3,15}$`)

// phones are the telephone numbers among addresses.
func phones(raw json.RawMessage) (list []string) {
	for _, text := range ordjson.Texts(raw) {
		for each := range strings.SplitSeq(text, ",") {
			n := strings.NewReplacer(" ", "", "-", "", "(", "", ")", "").Replace(each)
			if phoneNumber.MatchString(n) && !slices.Contains(list, n) && len(list) < mostRecipients {
				list = append(list, n)
			}
		}
	}
	return list
}
