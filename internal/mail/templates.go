package mail

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// A Definition is a notification that Switchhook has a template for: Kazoo's, by
// Kazoo's ids, written anew. What it says here is what an account inherits that has
// changed nothing, and of which no account above has changed anything.
type Definition struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Category    string   `json:"category"`
	Description string   `json:"description"`      // when it is sent, for those who set it up
	Events      []string `json:"events,omitempty"` // the types that feed it; none: notification.custom names it, or nobody

	To  switchhook.Addresses `json:"to"`
	Cc  switchhook.Addresses `json:"cc"`
	Bcc switchhook.Addresses `json:"bcc"`
	// From and ReplyTo are empty in all built-in templates: the sender is the server's.
	From    string `json:"from,omitempty"`
	ReplyTo string `json:"reply_to,omitempty"`

	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html"`

	Macros []Macro `json:"macros"`
}

// A Macro is a value that a template can show.
type Macro struct {
	Name    string `json:"name"` // such as caller_id.number
	Meaning string `json:"meaning"`
	Sample  string `json:"sample,omitempty"` // what it is in the template's sample event
}

//go:embed builtin
var builtin embed.FS

// Definitions returns all built-in templates, by category and in it by id.
func Definitions() []Definition { return slices.Clone(definitions().all) }

// Lookup returns the built-in template of an id.
func Lookup(id string) (Definition, bool) {
	i, ok := definitions().at[id]
	if !ok {
		return Definition{}, false
	}
	return definitions().all[i], true
}

type table struct {
	all []Definition
	at  map[string]int      // by id
	fed map[string][]string // by event type: the ids
}

//nolint:gochecknoglobals // the table is a constant; Go has no constant tables
var definitions = sync.OnceValue(func() *table {
	files, err := fs.Glob(builtin, "builtin/*.txtar")
	if err != nil {
		panic("mail: " + err.Error())
	}
	t := &table{at: map[string]int{}, fed: map[string][]string{}}
	for _, name := range files {
		b, err := builtin.ReadFile(name)
		if err != nil {
			panic("mail: " + err.Error())
		}
		d, err := define(strings.TrimSuffix(path.Base(name), ".txtar"), b)
		if err != nil {
			panic("mail: " + name + ": " + err.Error())
		}
		t.all = append(t.all, d)
	}
	slices.SortFunc(t.all, func(a, b Definition) int {
		return cmp.Or(slices.Index(categories(), a.Category)-slices.Index(categories(), b.Category), strings.Compare(a.ID, b.ID))
	})
	for i := range t.all {
		d := &t.all[i]
		context := Context(sample(d), sampleEnv(d))
		for j := range d.Macros {
			d.Macros[j].Sample = sampleOf(context, d.Macros[j].Name)
		}
		t.at[d.ID] = i
		for _, event := range d.Events {
			t.fed[event] = append(t.fed[event], d.ID)
		}
	}
	return t
})

// categories are Kazoo's, what people get every day first.
func categories() []string {
	return []string{"voicemail", "fax", "sip", "registration", "user", "account", "port_request", "webhook", "system", "skel"}
}

// define reads a template's file: lines of settings, then the parts. The parts are
// written once and become the text and the HTML (see assemble).
func define(id string, file []byte) (Definition, error) {
	a := txtar.Parse(file)
	d := Definition{
		ID: id, To: switchhook.Addresses{},
		Cc: switchhook.Addresses{Type: switchhook.AddressesSpecified}, Bcc: switchhook.Addresses{Type: switchhook.AddressesSpecified},
	}
	for line := range strings.Lines(string(a.Comment)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch name {
		case "name":
			d.Name = value
		case "category":
			d.Category = value
		case "description":
			d.Description = value
		case "events":
			d.Events = strings.Fields(value)
		case "to":
			d.To.Type = value
		case "macros":
			macros, err := macrosOf(strings.Fields(value))
			if err != nil {
				return d, err
			}
			d.Macros = macros
		default:
			return d, fmt.Errorf("the setting %q is not known", name)
		}
	}
	parts := partsOf(a)
	for _, name := range []string{"subject", "preheader", "body", "why"} {
		if parts[name] == "" {
			return d, fmt.Errorf("the part %s is missing", name)
		}
	}
	if d.Name == "" || d.Description == "" || !slices.Contains(categories(), d.Category) ||
		!slices.Contains([]string{switchhook.AddressesOriginal, switchhook.AddressesSpecified, switchhook.AddressesAdmins}, d.To.Type) {
		return d, fmt.Errorf("a setting is missing or wrong: %+v", d)
	}
	d.Subject = parts["subject"]
	d.Text, d.HTML = assemble(parts["subject"], parts["preheader"], parts["body"], parts["why"])
	return d, nil
}

// For returns the templates that an event feeds. Most types feed one. What decides
// where a type alone does not:
//
//   - billing.transaction is a receipt, or transaction_failed where it did not succeed
//   - fax.receive_failed feeds fax_inbound_error_to_email, and the filtered one too
//     unless the result is one of those that Kazoo calls no true error: 0 and 49
//   - call.missed: not where the call was connected after all or a voicemail was left
//   - port.commented: not where the comment is the operator's own (superduper_comment)
//   - device.deregistered: not where the device wants no word of it (suppress_notify)
//   - notification.custom: the template that it names, be it an account's own: then it
//     has no more than its id
//
// The sample that a preview is made of is an event like any other.
func For(ev *switchhook.Event) []Definition {
	if ev.Type == "notification.custom" {
		return custom(ordjson.Find(ev.Data, "template_id"))
	}
	ids := definitions().fed[ev.Type]
	if len(ids) == 0 {
		return nil
	}
	r := resources(ev) // what cannot be read meets no condition
	var fed []Definition
	for _, id := range ids {
		if feeds(id, ev, r) {
			fed = append(fed, definitions().all[definitions().at[id]])
		}
	}
	return fed
}

// feedsAny reports whether events of a type can feed a template.
func feedsAny(eventType string) bool {
	return eventType == "notification.custom" || len(definitions().fed[eventType]) > 0
}

func feeds(id string, ev *switchhook.Event, r *switchhook.Resources) bool {
	yes := func(b *bool) bool { return b != nil && *b }
	switch id {
	case "transaction", "transaction_failed":
		return (string(ordjson.Find(ev.Data, "success")) == "true") == (id == "transaction")
	case "fax_inbound_error_to_email_filtered":
		return r.Fax == nil || r.Fax.ResultCode != "0" && r.Fax.ResultCode != "49"
	case "missed_call":
		return r.Call == nil || !yes(r.Call.Bridged) && !yes(r.Call.MessageLeft)
	case "port_comment":
		return string(ordjson.Find(ordjson.Find(ev.Data, "comment"), "superduper_comment")) != "true"
	case "deregister":
		return r.Device == nil || !yes(r.Device.SuppressNotify)
	default:
		return true
	}
}

// validID is what the id of a template looks like, an account's own included.
var validID = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

func custom(templateID []byte) []Definition {
	id, ok := ordjson.Unquote(templateID)
	if !ok || !validID.MatchString(id) {
		return nil
	}
	if d, ok := Lookup(id); ok {
		return []Definition{d}
	}
	return []Definition{customDefinition(id)}
}

// customDefinition is what a template of an account's own inherits: no words.
func customDefinition(id string) Definition {
	return Definition{
		ID: id, Name: id, Category: "user", Events: []string{"notification.custom"},
		To: switchhook.Addresses{Type: switchhook.AddressesOriginal},
		Cc: switchhook.Addresses{Type: switchhook.AddressesSpecified}, Bcc: switchhook.Addresses{Type: switchhook.AddressesSpecified},
	}
}
