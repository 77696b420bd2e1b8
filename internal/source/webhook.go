// Package source says what a source is. The kind that lies here is another
// system's webhooks: a customer points them at Switchhook's ingest URL, and what
// arrives becomes events. Each sub-package translates one system. A translator
// is pure: it does no I/O, asks no clock and keeps no state.
package source

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// A Translator reads what another system's webhook sends.
type Translator interface {
	// Kind is what a source's kind member says, such as "voipbin".
	Kind() string

	// Translate makes events of a request. What cannot be read is a
	// *switchhook.Error that names the field; the request is then kept as a
	// reject.
	Translate(r *Request) (*Message, error)
}

// A Request is one call of a webhook.
type Request struct {
	Method      string
	Query       string // as it is in the address, without the ?
	ContentType string
	Body        []byte
	ReceivedAt  time.Time
}

// Object is what a request says, be it JSON, a form or a query string. Of a form
// each value is a string; those under name[] are the list name. A name that comes
// twice is refused.
func (r *Request) Object() (ordjson.Object, error) {
	return r.Read(func(form string) (ordjson.Object, error) {
		values, err := url.ParseQuery(form)
		if err != nil {
			return nil, switchhook.Errorf(switchhook.CodeMalformed, "the body is no form: %v", err)
		}
		return object(values)
	})
}

// Read is Object for a system that writes forms, and queries with them, in its own
// way.
func (r *Request) Read(form func(string) (ordjson.Object, error)) (ordjson.Object, error) {
	body := bytes.TrimSpace(r.Body)
	switch {
	case len(body) == 0 && r.Query == "":
		return nil, switchhook.Errorf(switchhook.CodeMalformed, "the request is empty; expected a form, JSON or a query")
	case len(body) == 0:
		return form(r.Query)
	case body[0] == '{' || strings.Contains(strings.ToLower(r.ContentType), "json"):
		in, err := ordjson.Parse(r.Body)
		if err != nil {
			return nil, switchhook.Errorf(switchhook.CodeMalformed, "the body: %v", err)
		}
		return in, nil
	default:
		return form(string(body))
	}
}

// InQuery reports whether the address has a parameter of the name.
func (r *Request) InQuery(name string) bool {
	values, err := url.ParseQuery(r.Query)
	return err == nil && values.Has(name)
}

func object(form url.Values) (ordjson.Object, error) {
	o := make(ordjson.Object, 0, len(form))
	for _, name := range slices.Sorted(maps.Keys(form)) {
		values := form[name]
		for i := range values {
			values[i] = strings.ToValidUTF8(values[i], "\uFFFD")
		}
		list, isList := strings.CutSuffix(name, "[]")
		switch {
		case isList && !form.Has(list):
			all := []byte{'['}
			for i, v := range values {
				all = append(all, ","[:min(i, 1)]...)
				all = ordjson.AppendString(all, v)
			}
			o = append(o, ordjson.Member{Name: list, Value: append(all, ']')})
		case len(values) > 1 || isList:
			return nil, switchhook.InvalidField(name, "is there twice")
		default:
			o = append(o, ordjson.Member{Name: name, Value: ordjson.String(values[0])})
		}
	}
	return o, nil
}

// Keep keeps the body as the system sent it, without the white space around it;
// a text keeps that too. Nothing is kept where there is no body, or one that is not
// UTF-8. name is what the system calls the event, if that needs to be known.
func (r *Request) Keep(ev *switchhook.Event, system, name string) error {
	body := bytes.TrimSpace(r.Body)
	if len(body) == 0 || !utf8.Valid(body) {
		return nil
	}
	format := "form"
	switch contentType := strings.ToLower(r.ContentType); {
	case body[0] == '{' || strings.Contains(contentType, "json"):
		format = "json"
	case contentType != "" && !strings.Contains(contentType, "form"):
		format, body = "text", r.Body
	}
	return Keep(ev, &switchhook.Original{System: system, Name: name, Format: format, Body: string(body)})
}

// mostKept bounds the body that is kept beside an event's data, as that is bounded
// itself.
const mostKept = 1 << 20

// Keep keeps what a system said.
func Keep(ev *switchhook.Event, o *switchhook.Original) error {
	if len(o.Body) > mostKept {
		return switchhook.Errorf(switchhook.CodeTooLarge, "the body is over the limit of 1 MiB")
	}
	ev.Original = o
	return nil
}

// EventID names an event by what tells it from all others, so that the same, sent
// again, is known again.
func EventID(kind string, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return kind + ":" + hex.EncodeToString(sum[:16])
}

// Words reads a table of a system's words and ours: pairs such as
// "progressing=answered"; a word alone is the same in both. theirs keeps the
// order, for errors.
func Words(pairs string) (ours map[string]string, theirs []string) {
	ours = map[string]string{}
	for pair := range strings.FieldsSeq(pairs) {
		from, to, renamed := strings.Cut(pair, "=")
		if !renamed {
			to = from
		}
		ours[from] = to
		theirs = append(theirs, from)
	}
	return ours, theirs
}

// A Message is what a request says.
type Message struct {
	// SystemAccount is the account in the system's own words, empty where it
	// does not tell it. The source's account map turns it into one of ours.
	SystemAccount string
	// Events have Type, Data and OccurredAt, and an ID with IDGiven where the
	// same request, sent again, must be known again, and a Key where the type has
	// none of its own, and an Original. The caller fills in the rest. A member of a
	// resource that the system says is unset is null in Data, which clears what an
	// earlier event said; one that the system does not have is left out.
	Events []*switchhook.Event
}
