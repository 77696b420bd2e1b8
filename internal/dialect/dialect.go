// Package dialect says what a dialect is: the request shape of one system, so
// exact that the customer's code which parses that system's webhooks cannot
// tell the difference. Each sub-package is one system: a table from event types
// to its own names, and a renderer. They are pure: no clock, no network.
//
// What is shared lies here: JSON and form writers that keep the order of
// members, and ids in the form that a system has.
package dialect

import (
	"slices"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// A Dialect turns events into the requests of one system.
type Dialect interface {
	// Name is what a webhook's dialect member says, such as "kazoo".
	Name() string

	// Table lists the types that the dialect has something for, in the order
	// of the catalogue. It is made once: callers must not change it.
	Table() []Row

	// EventName is the dialect's own name for the event, such as
	// "channel_destroy" or "notifications/voicemail_new", and "" where it has
	// nothing for it: because the system has no such event, or because the
	// event lacks what it is about (an outbound call has no InboundCall).
	EventName(ev *switchhook.Event) string

	// Check names the settings of a webhook that the dialect does not have or
	// that are wrong: format, method, custom_data, dialect_options and so on.
	Check(w *switchhook.Webhook) []switchhook.FieldError

	// Wants reports whether the webhook's scope and the dialect's own filters
	// let the event through. It is asked only about events with a name.
	Wants(ev *switchhook.Event, w *switchhook.Webhook) bool

	// Render makes the request. It is asked only about events with a name, and
	// whatever is missing in the event becomes the system's own zero.
	Render(ev *switchhook.Event, w *switchhook.Webhook) (*Request, error)
}

// Classing is for dialects whose receivers want some types in another class than the
// catalogue's: at once or not at all, or however late.
type Classing interface {
	// Freshness is a type's class in this dialect. usual is the catalogue's.
	Freshness(eventType string, usual catalogue.Freshness) catalogue.Freshness
}

// Identifying is for dialects of systems whose ids have a form of their own.
// Native ids that lack it are derived (UUID, Hex32) or counted (Env.Integer),
// unless the operator has set them.
type Identifying interface {
	// IDs lists the kinds of things whose ids can be set.
	IDs() []IDKind
}

// An IDKind is a kind of thing that a system has ids for.
type IDKind struct {
	// Schema is our word for it, such as account, device or call.
	Schema string
	// OfAccount: the thing is the account itself, and its id the account's.
	OfAccount bool
	// Form says in a few words what such an id looks like.
	Form string
	// Valid reports whether it looks so.
	Valid func(value string) bool
}

// A Row says what a dialect calls a type.
type Row struct {
	Type string
	Name string
	// Formats lists the bodies it can have: json, form, and query for GET.
	Formats []string
	// Note says when the dialect has nothing for an event of the type, if so.
	Note string
}

// A Request is what a dialect makes of an event, before it is signed.
type Request struct {
	Method string
	URL    string
	// Header holds the dialect's own headers, spelled as the system does. Whoever
	// asked for the request adds to it: it is nobody else's.
	Header switchhook.Headers
	Body   []byte
	// Shown is the body as attempts keep it. Nil: as it is sent.
	Shown []byte
}

// Env is what dialects need to know beyond the event and the webhook.
type Env struct {
	// Version is Switchhook's own.
	Version string
	// Host is the name of this machine, for dialects that tell it.
	Host string
	// Reseller returns the id of the account's reseller.
	Reseller func(accountID string) string
	// ID returns what the operator has set as the dialect's id of a thing, and
	// "" where nothing is set. Nil: nothing is. See Given.
	ID func(accountID, dialect, schema, id string) string
	// Integer returns the stable integer that stands for a native id, per
	// account and schema; never reused.
	Integer func(accountID, schema, id string) (int64, error)
}

// Given is the id that the operator has set for a thing, and "" for none.
func (e *Env) Given(accountID, dialect, schema, id string) string {
	if e.ID == nil || id == "" {
		return ""
	}
	return e.ID(accountID, dialect, schema, id)
}

// Selects reports whether a selector of a webhook's events, such as
// "notifications" or "notifications/voicemail_new", selects an event with the
// dialect's own name. "all" selects every one.
func Selects(selector, name string) bool {
	if name == "" {
		return false
	}
	selector = strings.TrimSuffix(selector, "/all") // of notifications or objects
	if selector == "notifications/top_up" {         // as Kazoo's page spells what its code calls topup
		selector = "notifications/topup"
	}
	return selector == "all" || selector == name || strings.HasPrefix(name, selector+"/")
}

// InScope reports whether the event touches one of the numbers, extensions,
// ring groups or queues of the scope. Dialects that have no rule of their own
// use this one: the resource is in the event's data.
func InScope(ev *switchhook.Event, s *switchhook.Scope) bool {
	if s.Empty() {
		return true
	}
	r := Decoded(ev).Resources
	if n := r.Number; n != nil && AnyOf(s.Numbers, n.Number, n.ID) {
		return true
	}
	if m := r.Message; m != nil && AnyOf(s.Numbers, m.From, m.To) {
		return true
	}
	if c := r.Call; c != nil {
		from, to := partyNumber(c.From), partyNumber(c.To)
		if AnyOf(s.Numbers, from, to) || AnyOf(s.Extensions, from, to) {
			return true
		}
	}
	if f := r.Fax; f != nil && (AnyOf(s.Numbers, f.Number, partyNumber(f.From), partyNumber(f.To)) || AnyOf(s.Extensions, partyNumber(f.From), partyNumber(f.To))) {
		return true
	}
	if d := r.Device; d != nil && AnyOf(s.Extensions, d.Username, d.ID) {
		return true
	}
	if e := r.Extension; e != nil && AnyOf(s.Extensions, e.Number, e.ID) {
		return true
	}
	if g := r.RingGroup; g != nil && AnyOf(s.RingGroups, g.Number, g.ID) {
		return true
	}
	if q := r.Queue; q != nil && AnyOf(s.Queues, q.Number, q.ID) {
		return true
	}
	if r.QueueCall != nil && AnyOf(s.Queues, r.QueueCall.QueueID) {
		return true
	}
	list := map[string][]string{"number": s.Numbers, "extension": s.Extensions, "ring_group": s.RingGroups, "queue": s.Queues}[r.Schema]
	if len(list) == 0 {
		return false
	}
	row, _ := ordjson.Parse(r.Row) // without a row there is the id
	return AnyOf(list, r.ID, row.Text("number"))
}

func partyNumber(p *switchhook.Party) string {
	if p == nil {
		return ""
	}
	return p.Address
}

// AnyOf reports whether one of the values is in a list of a scope's. What is empty is
// in none.
func AnyOf(list []string, values ...string) bool {
	return slices.ContainsFunc(list, func(want string) bool {
		return slices.ContainsFunc(values, func(v string) bool { return v != "" && sameNumber(v, want) })
	})
}

// sameNumber compares two numbers or names; a leading + does not count.
func sameNumber(a, b string) bool {
	return strings.TrimPrefix(a, "+") == strings.TrimPrefix(b, "+")
}
