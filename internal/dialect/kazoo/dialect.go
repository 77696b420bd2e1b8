// Package kazoo is the dialect of 2600Hz KAZOO's webhooks application: its
// hooks channel_*, cdr, parking, object, notifications, sms and mms, payload
// version v1, byte for byte as a Kazoo 4 sends them (kazoo_version 4) or a
// Kazoo 5 (kazoo_version 5).
//
// Form data is the default, as with Kazoo; the format json and the method get
// are there too. X-Hook-ID is the webhook's id, X-Account-ID the account that
// the webhook belongs to, be the event another account's.
//
// Ids that are no 32 hex characters are derived (dialect.Hex32); call ids and
// message ids, which have no form in Kazoo, stay. What an event lacks is a key
// that is not there. Passwords, API keys and reset links are masked; see Check.
package kazoo

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
)

// The options of a webhook, dialect_options.
const (
	optionVersion = "kazoo_version" // 4 or 5; default 4
	optionCluster = "cluster_id"    // default defaultCluster
	optionNode    = "node"          // of notifications; default switchhook@HOST
	optionSecrets = "secrets"       // mask or show; default mask
	optionTopup   = "topup_event_name"
)

// defaultCluster is the cluster_id of every payload unless the webhook sets its
// own, or the event came from a Kazoo that told one: the same on each machine and
// after each start, as Kazoo's is. It is dialect.Hex32("", "switchhook").
const defaultCluster = "a15b0fb1057a5f7c865d0efdb119ec1e"

// A Dialect makes Kazoo's webhooks.
type Dialect struct {
	env dialect.Env
}

var _ dialect.Dialect = (*Dialect)(nil)

// New returns the dialect. Of the environment it uses Version, Host and Reseller.
func New(env dialect.Env) *Dialect { return &Dialect{env: env} }

// Name is kazoo.
func (*Dialect) Name() string { return "kazoo" }

// Table lists the types that Kazoo has a hook for.
func (*Dialect) Table() []dialect.Row {
	var rows []dialect.Row
	for _, h := range hooks() {
		row := dialect.Row{Type: h.typ, Name: h.name, Formats: []string{"form", "json", "query"}}
		switch {
		case h.name != "object":
			rows = append(rows, row)
		case !strings.HasPrefix(h.typ, "record."):
			row.Name = "object/call_recording"
			rows = append(rows, row)
		default:
			for _, o := range objects() {
				row.Name, row.Note = "object/"+o.typ, "only records of the schema "+o.schema
				rows = append(rows, row)
			}
		}
	}
	place := map[string]int{}
	for i, t := range catalogue.All() {
		place[t.Name] = i
	}
	slices.SortStableFunc(rows, func(a, b dialect.Row) int { return place[a.Type] - place[b.Type] })
	return rows
}

// EventName is the hook, and after a slash the type of object or notification.
func (*Dialect) EventName(ev *switchhook.Event) string {
	h := index()[ev.Type]
	switch {
	case h == nil || ev.FirstLegTold:
		return ""
	case h.name == "object":
		schema, _ := recordOf(ev)
		if objectType(schema) == "" {
			return ""
		}
		return "object/" + objectType(schema)
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

// Check refuses what a Kazoo webhook document cannot say. custom_data and
// modifiers are free, as there.
//
// Kazoo sends secrets in plain text: the password of new_user, the
// account_api_key of new_account and account_deleted, the password_reset_link of
// password_recovery. Here they are *** unless the option secrets is "show". The
// option topup_event_name is "top_up", as Kazoo's page says (the default), or
// "topup", as its code does.
func (d *Dialect) Check(w *switchhook.Webhook) []switchhook.FieldError {
	upper := *w
	upper.Method = strings.ToUpper(w.Method)
	return dialect.Settings{
		Dialect: d.Name(),
		Formats: []string{"form", "form-data", "json"}, // form-data is Kazoo's word for form
		Methods: []string{http.MethodPost, http.MethodPut, http.MethodGet},
		Options: map[string]func(any) string{
			optionVersion: version,
			optionCluster: text,
			optionNode:    text,
			optionSecrets: oneOf("mask", "show"),
			optionTopup:   oneOf("top_up", "topup"),
		},
		CustomData: true,
	}.Check(&upper)
}

func version(value any) string {
	switch fmt.Sprint(value) {
	case "4", "5":
		return ""
	default:
		return "expected 4 or 5"
	}
}

func oneOf(words ...string) func(any) string {
	return func(value any) string {
		if s, ok := value.(string); ok && slices.Contains(words, s) {
			return ""
		}
		return `expected "` + strings.Join(words, `" (the default) or "`) + `"`
	}
}

func text(value any) string {
	if s, ok := value.(string); ok && s != "" {
		return ""
	}
	return "expected a string that is not empty"
}

// Wants asks the webhook's scope and Kazoo's own filters: loopback legs, the
// type and action of objects and notifications, and the modifiers.
func (d *Dialect) Wants(ev *switchhook.Event, w *switchhook.Webhook) bool {
	h := index()[ev.Type]
	if h == nil || !dialect.InScope(ev, w.Scope) {
		return false
	}
	name, typ, filtered := strings.Cut(d.EventName(ev), "/")
	if filtered && (!allows(w, "type", typ) || h.action != "" && !allows(w, "action", h.action)) {
		return false
	}
	if strings.HasPrefix(name, "channel_") && !w.IncludeInternalLegs && isTrue(callOf(ev).InternalLeg) {
		return false
	}
	return d.modifiersAllow(ev, w)
}

// allows asks a filter key of custom_data. A hook on all events has no filter.
func allows(w *switchhook.Webhook, key, value string) bool {
	want, ok := w.CustomData[key]
	return !ok || want == "all" || want == value || slices.Contains(w.Events, "kazoo:all")
}

// modifiersAllow compares the modifiers with the payload as it is before
// custom_data and cluster_id come in (webhooks_util.erl, maybe_fire_hook): a key
// that is not there passes, so does an empty list; else the value must be equal
// or in the list.
func (d *Dialect) modifiersAllow(ev *switchhook.Event, w *switchhook.Webhook) bool {
	if len(w.Modifiers) == 0 {
		return true
	}
	p := d.payload(ev, w)
	p.hook.render(p)
	for _, f := range p.Object {
		want, ok := w.Modifiers[f.Name]
		if !ok {
			continue
		}
		list, isList := want.([]any)
		if !isList {
			list = []any{want}
		} else if len(list) == 0 {
			continue
		}
		got := compactJSON(sorted(f.Value))
		if !slices.ContainsFunc(list, func(v any) bool { return sameJSON(v, got) }) {
			return false
		}
	}
	return true
}

func sameJSON(v any, canonical []byte) bool {
	raw, err := json.Marshal(v)
	if err != nil {
		return false
	}
	value, err := dialect.FromJSON(raw)
	return err == nil && bytes.Equal(compactJSON(sorted(value)), canonical)
}

// Render makes the request (webhooks_util.erl, do_fire).
func (d *Dialect) Render(ev *switchhook.Event, w *switchhook.Webhook) (*dialect.Request, error) {
	p := d.payload(ev, w)
	if p.hook != nil {
		p.hook.render(p)
	}
	p.finish(w)
	req := &dialect.Request{
		Method: strings.ToUpper(cmp.Or(w.Method, http.MethodPost)),
		URL:    w.URL,
		Header: http.Header{"X-Hook-ID": {w.ID}, "X-Account-ID": {accountID(w.AccountID)}},
	}
	switch {
	case req.Method == http.MethodGet:
		// Kazoo adds the question mark even where the address has one already.
		req.URL += "?" + query(appendForm(nil, "", p.Object))
	case w.Format == "json":
		req.Header["Content-Type"] = []string{"application/json"}
		if p.five {
			req.Body = compactJSON(sorted(p.Object))
		} else {
			req.Body = prettyJSON(p.Object)
		}
	default:
		req.Header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
		req.Body = appendForm(nil, "", p.Object)
	}
	return req, nil
}
