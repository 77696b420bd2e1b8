// Package kazoo is the dialect of 2600Hz KAZOO's webhooks application: its
// hooks channel_*, cdr, parking, object, notifications, sms, mms and stream, byte
// for byte: payload version v1 as a Kazoo 4 sends it (kazoo_version 4) or a Kazoo
// 5 (kazoo_version 5), and version v2, which Kazoo 5 has.
//
// Form data is the default, as with Kazoo; the format json and the method get
// are there too. X-Hook-ID is the webhook's id, X-Account-ID the account that
// the webhook belongs to, be the event another account's.
//
// Ids that are no 32 hex characters are what the operator has set for them, else
// derived (dialect.Hex32); call ids and message ids, which have no form in Kazoo,
// stay. What an event lacks is a key that is not there. Passwords, API keys and reset links are masked; see Check.
//
// What came from a Kazoo (internal/source/kazoo) goes out as it came in, in the
// version that it came in: see said. That has the ids of that Kazoo, the account's
// too: they are what its customers know.
package kazoo

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect"
)

// A Dialect makes Kazoo's webhooks.
type Dialect struct{ env dialect.Env }

var (
	_ dialect.Dialect     = (*Dialect)(nil)
	_ dialect.Identifying = (*Dialect)(nil)
)

// New returns the dialect. Of the environment it uses Version, Host and Reseller.
func New(env dialect.Env) *Dialect { return &Dialect{env: env} }

const name = "kazoo"

// Name is kazoo.
func (*Dialect) Name() string { return name }

// What lasts has ids that an operator can set, by our words for it.
const (
	anAccount, aUser, aDevice, aMailbox, aFaxbox = "account", "user", "device", "mailbox", "faxbox"
	aResource, aPortRequest                      = "resource", "port_request"
)

// IDs lists what has the same id as long as it lives; calls, faxes and the like come
// and go.
func (*Dialect) IDs() []dialect.IDKind {
	var kinds []dialect.IDKind
	for _, schema := range []string{anAccount, aUser, aDevice, "call_flow", aMailbox, aFaxbox, "media", aResource, aPortRequest, "webhook"} {
		kinds = append(kinds, dialect.IDKind{
			Schema: schema, OfAccount: schema == anAccount, Form: "32 hex characters in lower case", Valid: dialect.IsHex32,
		})
	}
	return kinds
}

// EventName is the hook, and after a slash the type of object, notification or
// stream event.
func (*Dialect) EventName(ev *switchhook.Event) string {
	return eventName(dialect.Decoded(ev), hookOf(ev))
}

func eventName(ev *switchhook.Event, h *hook) string {
	switch {
	case h == nil || ev.FirstLegTold:
		return ""
	case h.action != "":
		schema, _ := recordOf(ev)
		if typ := objectType(schema); typ != "" {
			return "object/" + typ
		}
		return ""
	case h.name == "sms" && isMMS(ev):
		return "mms"
	default:
		return h.name
	}
}

// isMMS reports whether a message is a picture message: it says so, or it does
// not say and has a file with it.
func isMMS(ev *switchhook.Event) bool {
	m := resourcesOf(ev).Message
	return m != nil && (m.Channel == "mms" || m.Channel == "" && len(m.Media) > 0)
}

// Wants asks the webhook's scope and Kazoo's own filters: loopback legs, the
// type and action of objects, notifications and streams, and the modifiers.
func (d *Dialect) Wants(ev *switchhook.Event, w *switchhook.Webhook) bool {
	ev = dialect.Decoded(ev)
	h := hookOf(ev)
	if h == nil || !dialect.InScope(ev, w.Scope) {
		return false
	}
	if len(w.CustomData) > 0 {
		_, typ, filtered := strings.Cut(eventName(ev, h), "/")
		if filtered && (!allows(w, "type", typ) || h.action != "" && !allows(w, "action", h.action)) {
			return false
		}
	}
	if !w.IncludeInternalLegs && isTrue(callOf(ev).InternalLeg) && strings.HasPrefix(h.name, "channel_") {
		return false
	}
	return len(w.Modifiers) == 0 || d.modifiersAllow(ev, w)
}

// allows asks a filter key of custom_data. A hook on all events has no filter.
func allows(w *switchhook.Webhook, key, value string) bool {
	want, ok := w.CustomData[key]
	return !ok || want == "all" || want == value || value == "topup" && want == "top_up" || slices.Contains(w.Events, "kazoo:all")
}

// modifiersAllow compares the modifiers with the payload, in v2 with its
// envelope, as it is before custom_data and cluster_id come in (webhooks_util.erl,
// maybe_fire_hook): a key that is not there passes, so does an empty list; else the
// value must be equal or in the list.
func (d *Dialect) modifiersAllow(ev *switchhook.Event, w *switchhook.Webhook) bool {
	p := d.payload(ev, w)
	defer p.free()
	p.make(true)
	if _, typ, _ := strings.Cut(eventName(ev, p.hook), "/"); p.get("type") == nil && typ != "" {
		// Kazoo's page names type as the modifier of notifications, whose payload
		// has none; its code asks custom_data alone. Here both are asked.
		p.add("type", textOf(typ))
	}
	for i := range p.members {
		f := &p.members[i]
		want, ok := w.Modifiers[f.name]
		if !ok {
			continue
		}
		list, isList := want.([]any)
		if !isList {
			list = []any{want}
		} else if len(list) == 0 {
			continue
		}
		got := string(canonical(f.value))
		if !slices.ContainsFunc(list, func(v any) bool { return sameJSON(v, got) }) {
			return false
		}
	}
	return true
}

func sameJSON(v any, want string) bool {
	raw, err := json.Marshal(v)
	if err != nil {
		return false
	}
	got, err := parse(raw)
	return err == nil && string(canonical(got)) == want
}

// Render makes the request (webhooks_util.erl, do_fire).
func (d *Dialect) Render(ev *switchhook.Event, w *switchhook.Webhook) (*dialect.Request, error) {
	ev = dialect.Decoded(ev)
	p := d.payload(ev, w)
	defer p.free()
	if w.Flow {
		return p.flow(w), nil
	}
	method := strings.ToUpper(cmp.Or(w.Method, http.MethodPost))
	asJSON := w.Format == "json" && method != http.MethodGet
	p.make(asJSON || p.key != "") // what is signed is JSON
	p.finish(w, asJSON)
	if !asJSON {
		return formRequest(method, w.URL, d.hookID(w), d.accountID(w.AccountID), p.form()), nil
	}
	p.body = jiffy{pretty: !p.five, sorted: p.five}.object(p.body, p.members, 0)
	return request(method, w.URL, d.hookID(w), d.accountID(w.AccountID), "application/json", p.body), nil
}

// hookID is the webhook's own id, unless the operator has set the one that it had in
// a Kazoo.
func (d *Dialect) hookID(w *switchhook.Webhook) string {
	return cmp.Or(d.env.Given(w.AccountID, name, "webhook", w.ID), w.ID)
}

// formRequest is a request with a form, be it its body or its query.
func formRequest(method, url, hookID, accountID string, form []byte) *dialect.Request {
	if method == http.MethodGet {
		// Kazoo adds the question mark even where the address has one already.
		return request(method, url+"?"+query(form), hookID, accountID, "", nil)
	}
	return request(method, url, hookID, accountID, "application/x-www-form-urlencoded", form)
}

func request(method, url, hookID, accountID, contentType string, body []byte) *dialect.Request {
	h := switchhook.Headers{{Name: "X-Hook-ID", Value: hookID}, {Name: "X-Account-ID", Value: accountID}}
	if contentType != "" {
		h = append(h, switchhook.Header{Name: "Content-Type", Value: contentType})
	}
	return &dialect.Request{Method: method, URL: url, Header: h, Body: slices.Clone(body)}
}
