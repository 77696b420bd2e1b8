package kazoo

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect"
)

// A payload is being made: the members so far, and what they are made from.
type payload struct {
	members
	options

	d         *Dialect
	ev        *switchhook.Event
	hook      *hook
	name      string // the hook, or what follows its slash
	resources *switchhook.Resources
	call      *switchhook.Call // never nil
	said      *said            // what a Kazoo said, if it came from one
	body      []byte
}

// payloads are used again and again: thirty members are 2 kB each time.
var payloads = sync.Pool{New: func() any { return &payload{} }} //nolint:gochecknoglobals // a pool

func (d *Dialect) payload(ev *switchhook.Event, w *switchhook.Webhook) *payload {
	p := payloads.Get().(*payload) //nolint:forcetypeassert,errcheck // the pool holds nothing else
	p.options, p.d, p.ev, p.hook, p.said = optionsOf(w), d, ev, hookOf(ev), saidOf(ev)
	if p.said != nil && p.said.v2 && !p.version {
		p.v2, p.five = true, true // as it came
	}
	p.resources, p.call = resourcesOf(ev), callOf(ev)
	name := eventName(ev, p.hook)
	_, typ, _ := strings.Cut(name, "/")
	p.name = cmp.Or(typ, name)
	return p
}

// free gives the payload back. Nothing that was made of it may hold its members
// or its body.
func (p *payload) free() {
	const most = 64 << 10
	body, m := p.body[:0], p.members // not cleared: the next payload is written over it
	if cap(body) > most || cap(m) > most/64 {
		body, m = nil, nil
	}
	*p = payload{members: m[:0], body: body}
	payloads.Put(p)
}

// make makes the members, before the webhook's own. Typed, they have JSON's
// types, even where what a Kazoo said came as a form.
func (p *payload) make(typed bool) {
	switch {
	case p.asSaid() && p.said.whole(typed):
		p.members = append(p.members, p.said.payload...)
	case p.hook == nil:
	case p.v2:
		p.envelope()
	default:
		p.hook.v1(p)
	}
	if p.asSaid() && !p.said.whole(typed) {
		if p.v2 {
			p.put("timestamp", moment(p.ev.OccurredAt)) // a number, whatever a form made of it
		}
		p.members = p.said.over(p.members)
	}
	if p.asSaid() && !p.v2 { // what the webhook sets wins over what a Kazoo said
		if node := p.get("node"); node != nil && p.node != "" && p.get("event_category") != nil {
			*node = textOf(p.node)
		}
		if event := p.get("event_name"); event != nil && p.name == "topup" && p.topup != "" {
			*event = textOf(p.topup)
		}
	}
	if !p.secrets && mask(p.members) && p.v2 { // what was signed is no more there
		p.members = slices.DeleteFunc(p.members, func(m member) bool { return m.name == "hmac" })
	}
}

// finish lays custom_data over the payload. In v1 it adds cluster_id: the
// webhook's, else that of the Kazoo that the event came from. In Kazoo 4
// cluster_id is set last, in Kazoo 5 first, so that custom_data can replace it.
// In v2 it adds the time and the signature, which custom_data can replace too.
// Keys that are new follow in alphabetical order. Filter keys are no data.
func (p *payload) finish(w *switchhook.Webhook, asJSON bool) {
	var cluster value
	switch {
	case p.v2:
		p.sign(asJSON)
	case p.cluster != "":
		cluster = textOf(p.cluster)
	case p.asSaid():
		if v := p.get("cluster_id"); v != nil {
			cluster = *v
		}
	default:
		cluster = textOf(cmp.Or(p.told("cluster_id"), defaultCluster))
	}
	if p.five && cluster.kind != null {
		p.set("cluster_id", cluster)
	}
	if len(w.CustomData) > 0 {
		filtered := p.hook != nil && strings.Contains(p.hook.name, "/") || p.hook != nil && p.hook.action != ""
		for _, key := range slices.Sorted(maps.Keys(w.CustomData)) {
			if !filtered || key != "type" && key != "action" {
				p.set(key, value{kind: text, text: w.CustomData[key]})
			}
		}
	}
	if !p.five && cluster.kind != null {
		p.set("cluster_id", cluster)
	}
}

// form is the payload as a form.
func (p *payload) form() []byte {
	p.body = appendForm(p.body, p.members)
	if p.asSaid() {
		p.body = withGaps(p.body, p.said.gaps)
	}
	return p.body
}

// mask hides the values of secrets, wherever they stand and however they are
// spelled: a relayed event has them in a doc or a databag too. It reports whether
// there were any.
func mask(m members) (masked bool) {
	for i := range m {
		switch f := &m[i]; {
		case dialect.IsSecret(f.name) && f.kind != null && (f.kind != text || f.text != ""):
			f.value, masked = value{kind: text, text: dialect.Mask}, true
		case len(f.members) > 0:
			masked = mask(f.members) || masked
		}
	}
	return masked
}

// text adds a text unless it is empty.
func (p *payload) text(name, s string) {
	if s != "" {
		p.members = append(p.members, member{name, value{kind: text, text: s}})
	}
}

// id is the id of a thing in the form of Kazoo's document ids: what the operator has
// set for it, else the native one, derived if need be. Those of the monthly databases
// have a month in front, such as 202601-.
func (p *payload) id(schema, native string) string {
	if given := p.d.env.Given(p.ev.AccountID, name, schema, native); given != "" {
		return given
	}
	month, id, ok := strings.Cut(native, "-")
	if ok && len(month) == 6 && strings.Trim(month, "0123456789") == "" && dialect.IsHex32(id) {
		return native
	}
	return dialect.Hex32(p.ev.AccountID, native)
}

// accountID is an account's id in Kazoo's form, whoever looks at it.
func (d *Dialect) accountID(id string) string {
	return cmp.Or(d.env.Given(id, name, anAccount, id), dialect.Hex32(id, id))
}

func resourcesOf(ev *switchhook.Event) *switchhook.Resources {
	if ev.Resources != nil {
		return ev.Resources
	}
	return &switchhook.Resources{}
}

func callOf(ev *switchhook.Event) *switchhook.Call {
	if c := resourcesOf(ev).Call; c != nil {
		return c
	}
	return &switchhook.Call{}
}

func isTrue(b *bool) bool { return b != nil && *b }
