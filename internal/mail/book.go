package mail

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/django"
)

// Directory is what the book asks about accounts and whom they belong to.
type Directory interface {
	Account(id string) (*switchhook.Account, bool)
	Ancestors(id string) []string
	Suspended(id string) bool
	Record(accountID, schema, id string) (*switchhook.Record, bool)
	// Emails are the addresses that mail about a record goes to.
	Emails(accountID, schema, id string) []string
	// People are the users of an account.
	People(accountID string) []switchhook.Person
	// Person is one of them.
	Person(accountID, id string) (switchhook.Person, bool)
}

// Options configures a Book. Directory is required.
type Options struct {
	Directory Directory
	// Email and SMS say whether there is anything to send them with.
	Email, SMS bool
	// From is the sender of mails whose template names none, and SMSFrom of text messages.
	From, SMSFrom string
	// Senders are whom templates and events may name as senders, beside From; the operator's
	// any of From's domain, too. A mail from another is sent as From, and answers go to whom
	// it named.
	Senders []Sender
	// Hostname is the name of this server, for mails that tell it.
	Hostname string
	// Webhook is one of an account's, for the mail that says that it was disabled. Nil: it
	// is not known.
	Webhook func(id string) *switchhook.Webhook
}

// A Sender is a domain whose addresses may be senders: of mails of an account and those below
// it, or of all where none is named.
type Sender struct {
	AccountID string
	Domain    string // "*": any
}

// ParseSender reads a Sender, as acme.example or acme:acme.example.
func ParseSender(s string) (sender Sender, ok bool) {
	account, domain, found := strings.Cut(s, ":")
	if !found {
		account, domain = "", s
	}
	ok = domain == "*" || domain != "" && !strings.ContainsAny(domain, "@: <>*")
	return Sender{account, domain}, ok && (!found || switchhook.ValidAccountID(account))
}

// A Book knows which notifications are in force for whom: what accounts have made their own
// of the built-in templates, and who their people are. It is safe for concurrent use.
type Book struct {
	o Options

	mu        sync.RWMutex
	templates map[string]map[string]*switchhook.Template // by account and id
	users     map[string][]member                        // by account
	below     map[string][]string                        // the accounts below one, itself left out
	targets   map[string]*switchhook.Webhook             // as they were asked for, by id
	compiled  map[source]compiled
	sources   int // how long the sources of those are
}

// NewBook returns a book in which every account has the built-in templates.
func NewBook(o Options) *Book {
	return &Book{o: o, targets: map[string]*switchhook.Webhook{}, compiled: map[source]compiled{}}
}

// Media says whether there is anything to send mails and text messages with.
func (b *Book) Media() (email, sms bool) { return b.o.Email, b.o.SMS }

// From is the sender of mails whose template names none.
func (b *Book) From() string { return b.o.From }

// Set replaces what accounts have made their own, the users and the tree of accounts.
func (b *Book) Set(accounts []*switchhook.Account, users []*switchhook.User, templates []*switchhook.Template) {
	own := map[string]map[string]*switchhook.Template{}
	for _, t := range templates {
		if t.Reverted {
			continue
		}
		if own[t.AccountID] == nil {
			own[t.AccountID] = map[string]*switchhook.Template{}
		}
		own[t.AccountID][t.ID] = t
	}
	of := map[string][]member{}
	for _, u := range users {
		p := switchhook.Person{ID: u.ID, Email: u.Login, Username: u.Login, FirstName: u.Name, Admin: u.Role == switchhook.RoleAdmin}
		if validAddress(p.Email) {
			of[u.AccountID] = append(of[u.AccountID], member{p, addressKey(p.Email)})
		}
	}
	below := map[string][]string{}
	for _, a := range accounts {
		for _, above := range b.o.Directory.Ancestors(a.ID) {
			below[above] = append(below[above], a.ID)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.templates, b.users, b.below = own, of, below
	clear(b.targets) // they may be others now
}

// A Part is a part of a template that is in force, and whose it is.
type Part[T any] struct {
	Value T
	// AccountID is whose: the account's own, or one above it; empty: it is built in.
	AccountID string
	Version   int64
}

// A Letter is a template as it is in force for an account: each part is the account's own,
// or else that of the nearest account above it that has one, or else the built-in one.
type Letter struct {
	Definition // the built-in one, or of an account's own only the id and what all have

	// Custom: there is no built-in one.
	Custom bool

	Title     Part[string] // the template's name
	Enabled   Part[bool]
	Subject   Part[string]
	Text      Part[string]
	HTML      Part[string]
	From      Part[string]
	ReplyTo   Part[string]
	Addresses struct{ To, Cc, Bcc Part[switchhook.Addresses] }
	// Ref is the nearest to the account of those that have a part in it.
	Ref TemplateRef
}

// Letter returns a template as it is in force for an account. ok false: there is none.
func (b *Book) Letter(accountID, id string) (l *Letter, ok bool) {
	chain := b.chain(accountID)
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.letter(chain, id)
}

// Letters returns all that are in force for an account: the built-in ones in their order,
// then the account's own and those of the accounts above, by id.
func (b *Book) Letters(accountID string) []*Letter {
	chain := b.chain(accountID)
	b.mu.RLock()
	defer b.mu.RUnlock()
	var ids, custom []string
	for _, d := range Definitions() {
		ids = append(ids, d.ID)
	}
	for _, account := range chain {
		for id := range b.templates[account] {
			if !slices.Contains(ids, id) && !slices.Contains(custom, id) {
				custom = append(custom, id)
			}
		}
	}
	slices.Sort(custom)
	all := make([]*Letter, 0, len(ids)+len(custom))
	for _, id := range append(ids, custom...) {
		if l, ok := b.letter(chain, id); ok {
			all = append(all, l)
		}
	}
	return all
}

// letter puts one together. The lock is held.
func (b *Book) letter(chain []string, id string) (*Letter, bool) {
	d, builtIn := Lookup(id)
	if !builtIn {
		d = customDefinition(id)
	}
	l := &Letter{Definition: d, Custom: !builtIn, Ref: TemplateRef{ID: id}}
	l.Title.Value, l.Enabled.Value = d.Name, true
	l.Subject.Value, l.Text.Value, l.HTML.Value, l.From.Value, l.ReplyTo.Value = d.Subject, d.Text, d.HTML, d.From, d.ReplyTo
	l.Addresses.To.Value, l.Addresses.Cc.Value, l.Addresses.Bcc.Value = d.To, d.Cc, d.Bcc
	known := builtIn
	for _, account := range slices.Backward(chain) { // from the top
		t := b.templates[account][id]
		if t == nil {
			continue
		}
		known = true
		l.Ref = TemplateRef{ID: id, AccountID: account, Version: t.Version}
		l.put(t)
	}
	return l, known
}

// put takes over the parts that somebody has made their own.
func (l *Letter) put(t *switchhook.Template) {
	take(&l.Title, t.Name, t)
	take(&l.Enabled, t.Enabled, t)
	take(&l.Subject, t.Subject, t)
	take(&l.Text, t.Text, t)
	take(&l.HTML, t.HTML, t)
	take(&l.From, t.From, t)
	take(&l.ReplyTo, t.ReplyTo, t)
	take(&l.Addresses.To, t.To, t)
	take(&l.Addresses.Cc, t.Cc, t)
	take(&l.Addresses.Bcc, t.Bcc, t)
}

func take[T any](p *Part[T], own *T, of *switchhook.Template) {
	if own != nil {
		*p = Part[T]{*own, of.AccountID, of.Version}
	}
}

// Own is what an account has made its own of a template; nil: nothing.
func (b *Book) Own(accountID, id string) *switchhook.Template {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.templates[accountID][id]
}

// Defaults of a target.
const (
	mailTimeout = time.Minute // an attachment may have to be fetched
	smsTimeout  = 15 * time.Second
	mailHold    = 30 * time.Second
	concurrency = 4
	mostTargets = 10_000 // that are remembered
)

// Webhook is the webhook that a target stands for, and nil where there is none of that id.
// The same pointer is the same webhook.
func (b *Book) Webhook(id string) *switchhook.Webhook {
	t, ok := ParseTarget(id)
	if !ok {
		return nil
	}
	b.mu.RLock()
	w := b.targets[id]
	b.mu.RUnlock()
	if w != nil {
		return w
	}
	if _, ok := b.o.Directory.Account(t.AccountID); !ok {
		return nil
	}
	chain := b.chain(t.AccountID)
	b.mu.Lock()
	defer b.mu.Unlock()
	l, ok := b.letter(chain, t.Template)
	if !ok {
		return nil
	}
	w = &switchhook.Webhook{
		ID: id, AccountID: t.AccountID, Name: l.Title.Value, URL: URL, Dialect: t.Medium, Enabled: l.Enabled.Value,
		Events: l.Events, Ordering: "key", Hold: switchhook.Duration(mailHold), Retry: switchhook.Retry{Policy: "smtp"},
		Timeout: switchhook.Duration(mailTimeout), MaxConcurrency: concurrency,
	}
	if t.Medium == SMS {
		w.URL, w.Retry.Policy, w.Timeout = TextURL, "gateway", switchhook.Duration(smsTimeout)
	}
	if b.o.Directory.Suspended(t.AccountID) {
		w.PausedAt = time.Now()
	}
	if len(b.targets) >= mostTargets {
		clear(b.targets)
	}
	b.targets[id] = w
	return w
}

// A source is what a template is compiled from.
type source struct {
	text string
	html bool
}

type compiled struct {
	t   *django.Template
	err error
}

// mostCompiled is of how much source compiled templates are remembered, in bytes. They take
// up to 25 times as much, and whoever sends events or asks for previews can make any number
// of them.
const mostCompiled = 2 << 20

// compile compiles a template, or finds it compiled.
func (b *Book) compile(s source) (*django.Template, error) {
	b.mu.RLock()
	c, ok := b.compiled[s]
	b.mu.RUnlock()
	if ok {
		return c.t, c.err
	}
	c.t, c.err = django.Parse(s.text, django.Options{HTML: s.html})
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sources+len(s.text) > mostCompiled {
		clear(b.compiled)
		b.sources = 0
	}
	if _, ok := b.compiled[s]; !ok { // somebody else may have been faster
		b.compiled[s] = c
		b.sources += len(s.text)
	}
	return c.t, c.err
}

// Check says what is wrong with a part of a template: the place and what was expected.
func Check(part, text string) error {
	_, err := django.Parse(text, django.Options{HTML: part == "html"})
	return err
}

// A member is one of an account's users, with what their address is known by.
type member struct {
	switchhook.Person
	key string
}

// peopleOf are the people of an account who can get mail: its users, and those that the
// directory has. The lock is not held.
func (b *Book) peopleOf(account string) []switchhook.Person {
	people := slices.DeleteFunc(b.o.Directory.People(account), func(p switchhook.Person) bool { return !validAddress(p.Email) })
	at := make(map[string]int, len(people))
	for i := range people {
		if key := addressKey(people[i].Email); at[key] == 0 {
			at[key] = i + 1
		}
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, u := range b.users[account] {
		if i := at[u.key]; i > 0 {
			people[i-1].Admin = people[i-1].Admin || u.Admin
			continue
		}
		people = append(people, u.Person)
		at[u.key] = len(people)
	}
	return people
}

// person is one of an account's people: a customer update asks for each of them.
func (b *Book) person(account, id string) (switchhook.Person, bool) {
	if p, ok := b.o.Directory.Person(account, id); ok && validAddress(p.Email) {
		return p, true
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	users := b.users[account]
	if i := slices.IndexFunc(users, func(m member) bool { return m.ID == id }); i >= 0 {
		return users[i].Person, true
	}
	return switchhook.Person{}, false
}

// Address is that of a target's one recipient: a telephone number, or the mail address of a
// user who gets a customer update. Empty: there is none, or it has others.
func (b *Book) Address(t Target) string {
	account, user := t.member()
	if t.Medium == SMS || user == "" {
		return t.Recipient
	}
	p, _ := b.person(account, user)
	return p.Email
}

// adminsOf are the addresses of an account's administrators.
func (b *Book) adminsOf(account string) (list []string) {
	for _, p := range b.peopleOf(account) {
		if p.Admin {
			list = append(list, p.Email)
		}
	}
	return list
}

// chain is an account and those above it, the nearest first.
func (b *Book) chain(accountID string) []string {
	return append([]string{accountID}, b.o.Directory.Ancestors(accountID)...)
}

// brand is how an account's mails look, and the logo in them.
func (b *Book) brand(accountID string) (brand Brand, logo string) {
	var p switchhook.Portal
	for _, id := range b.chain(accountID) {
		if a, ok := b.o.Directory.Account(id); ok {
			p.Inherit(a.Portal)
		}
	}
	return Brand{Name: cmp.Or(p.Name, "Switchhook"), Accent: p.Accent, AccentDark: p.AccentDark, Logo: p.Logo != ""}, p.Logo
}
