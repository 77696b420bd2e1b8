// Package template is the dialect whose body the webhook brings along: every
// system that has no dialect here is one template away.
//
// A template is text with two kinds of holes:
//
//	{FROM_NUMBER}                   a placeholder, in PrimeVOX's style (values.go has them all)
//	{{ data.call.duration_ms / 60000 }}  an expression (package expression, CEL)
//
// What fills a hole is written as the content type wants it at that place: in a
// JSON string as escaped text, elsewhere in JSON as a value of its own type, in a
// form percent-encoded, in XML as escaped text, in plain text as it is. So a
// name with a quote in it breaks nothing, whatever the template. A literal
// {NAME} or {{ is written as an expression: {{"{NAME}"}}.
//
// What an event does not have is empty text, and null where JSON wants a value:
// one template serves several event types. Any other error of an expression, such
// as a number divided by a text, fails the delivery with a sentence that names
// the place; so does a body over a megabyte.
//
// All of it is checked when the webhook is saved: names, expressions, and that
// the body is JSON, XML or a form whatever fills its holes.
package template

import (
	"cmp"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/expression"
)

const (
	// maxBody is the length of the longest template, in bytes.
	maxBody = 64 << 10
	// maxOutput is the length of the longest body that is sent.
	maxOutput = 1 << 20
	// maxExpressions is how many expressions a template may have, and maxCost
	// what they may do together: as much as four may each.
	maxExpressions = 100
	maxCost        = 4 * expression.MaxCost
)

// A Dialect fills in templates. It is safe for concurrent use.
type Dialect struct {
	env dialect.Env

	mu       sync.RWMutex
	compiled map[key]*template
	weight   int // of what is compiled, about its bytes
}

// key is what a compiled template depends on.
type key struct{ body, contentType string }

var _ dialect.Dialect = (*Dialect)(nil)

// New returns the dialect. Of the environment it uses ID.
func New(env dialect.Env) *Dialect { return &Dialect{env: env, compiled: map[key]*template{}} }

// Name is template.
func (*Dialect) Name() string { return "template" }

// Table lists every type of the catalogue. The free custom.* types, which no
// table can list, can have a template too. A row has no formats: its shape is
// the webhook's own.
func (*Dialect) Table() []dialect.Row {
	var rows []dialect.Row
	for _, t := range catalogue.All() {
		rows = append(rows, dialect.Row{Type: t.Name, Name: t.Name, Formats: []string{}, Note: "the body is the webhook's own"})
	}
	return rows
}

// EventName is the type.
func (*Dialect) EventName(ev *switchhook.Event) string { return ev.Type }

// Wants asks the webhook's scope, and leaves out loopback legs where the
// webhook does.
func (*Dialect) Wants(ev *switchhook.Event, w *switchhook.Webhook) bool {
	ev = dialect.Decoded(ev)
	leg := strings.HasPrefix(ev.Type, "call.") || strings.HasPrefix(ev.Type, "leg.")
	if !w.IncludeInternalLegs && leg && ev.Resources != nil {
		if c := ev.Resources.Call; c != nil && c.InternalLeg != nil && *c.InternalLeg {
			return false
		}
	}
	return dialect.InScope(ev, w.Scope)
}

// Check refuses a template that cannot be filled in, and says where.
func (d *Dialect) Check(w *switchhook.Webhook) []switchhook.FieldError {
	upper := *w
	upper.Method = strings.ToUpper(w.Method)
	errs := dialect.Settings{
		Dialect: d.Name(),
		Methods: []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodGet, http.MethodDelete},
		Options: map[string]func(any) string{
			"body": func(v any) string {
				body, ok := v.(string)
				switch {
				case !ok || strings.TrimSpace(body) == "":
					return "expected a text that is not empty: the template"
				case len(body) > maxBody:
					return fmt.Sprintf("is %d bytes long; a template may have %d", len(body), maxBody)
				}
				return ""
			},
			"content_type": func(v any) string {
				text, _ := v.(string)
				if _, _, ok := syntaxOf(text); !ok || strings.ContainsFunc(text, unicode.IsControl) {
					return "expected application/json or another that ends in +json, application/x-www-form-urlencoded, " +
						"application/xml, text/xml or text/plain, in UTF-8"
				}
				return ""
			},
		},
	}.Check(&upper)
	if _, ok := w.DialectOptions["body"]; !ok {
		errs = append(errs, switchhook.FieldError{
			Field: "dialect_options.body", Message: "is required in the dialect template: the body, such as " + `{"caller": "{FROM_NUMBER}"}`,
		})
	}
	if len(errs) > 0 {
		return errs
	}
	k := keyOf(w)
	syntax, _, _ := syntaxOf(k.contentType)
	if upper.Method == http.MethodGet && syntax != form {
		errs = append(errs, switchhook.FieldError{
			Field: "method", Message: "GET has no body: expected a form, which becomes the query, or another method than GET",
		})
	}
	t, err := d.template(k)
	if err == nil {
		err = t.try()
	}
	if err != nil {
		errs = append(errs, switchhook.FieldError{Field: "dialect_options.body", Message: err.Error()})
	}
	return errs
}

// keyOf reads the template and its content type from the webhook.
func keyOf(w *switchhook.Webhook) key {
	body, _ := w.Option("body")
	contentType, _ := w.Option("content_type")
	if contentType == "" {
		contentType = "application/x-www-form-urlencoded"
		if start := strings.TrimLeft(body, " \t\r\n"); start != "" && (start[0] == '[' || start[0] == '{' && !placeholder.MatchString(start)) {
			contentType = "application/json"
		}
	}
	if _, canonical, ok := syntaxOf(contentType); ok {
		contentType = canonical
	}
	return key{body, contentType}
}

// syntaxOf is how a content type's bodies are written, and the content type in
// the form in which it is sent.
func syntaxOf(contentType string) (s syntax, canonical string, ok bool) {
	media, params, err := mime.ParseMediaType(contentType)
	charset, has := params["charset"]
	if err != nil || len(params) > 1 || len(params) == 1 && (!has || !strings.EqualFold(charset, "utf-8")) {
		return text, "", false
	}
	canonical = mime.FormatMediaType(media, params)
	switch {
	case media == "application/json", strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json"):
		return json, canonical, true
	case media == "application/x-www-form-urlencoded":
		return form, canonical, true
	case media == "application/xml", media == "text/xml":
		return xml, canonical, true
	case media == "text/plain":
		return text, canonical, true
	default:
		return text, "", false
	}
}

// template returns the compiled template; it compiles each once, and again only
// after it had to make room.
func (d *Dialect) template(k key) (*template, error) {
	d.mu.RLock()
	t := d.compiled[k]
	d.mu.RUnlock()
	if t != nil {
		return t, nil
	}
	syntax, _, _ := syntaxOf(k.contentType)
	t, err := parse(k.body, syntax)
	if err != nil {
		return nil, err
	}
	const most = 64 << 20
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.compiled[k] == nil {
		d.compiled[k] = t
		d.weight += t.weight
	}
	for other, o := range d.compiled { // in no order
		if d.weight <= most {
			break
		}
		delete(d.compiled, other)
		d.weight -= o.weight
	}
	return t, nil
}

// Render fills in the template.
func (d *Dialect) Render(ev *switchhook.Event, w *switchhook.Webhook) (*dialect.Request, error) {
	ev = dialect.Decoded(ev)
	k := keyOf(w)
	t, err := d.template(k)
	if err != nil {
		return nil, fmt.Errorf("dialect_options.body: %w", err)
	}
	body, err := t.fill(&d.env, ev)
	if err != nil {
		return nil, fmt.Errorf("dialect_options.body: %w", err)
	}
	r := &dialect.Request{
		Method: strings.ToUpper(cmp.Or(w.Method, http.MethodPost)),
		URL:    w.URL,
		Header: switchhook.Headers{{Name: "Content-Type", Value: k.contentType}},
		Body:   body,
	}
	if r.Method == http.MethodGet {
		r.URL, r.Header, r.Body = withQuery(w.URL, string(body)), nil, nil
	}
	return r, nil
}

// withQuery appends parameters to a URL.
func withQuery(url, query string) string {
	url, _, _ = strings.Cut(url, "#") // a fragment is never sent
	switch {
	case !strings.Contains(url, "?"):
		return url + "?" + query
	case strings.HasSuffix(url, "?"), strings.HasSuffix(url, "&"):
		return url + query
	default:
		return url + "&" + query
	}
}

// try evaluates the expressions with the samples of all types. One that fails
// with some of them and works with none is wrong. What costs too much to be
// tried is taken as it is: its deliveries will tell.
func (t *template) try() error {
	budget := uint64(10 * maxCost)
	for _, p := range t.parts {
		if p.program == nil {
			continue
		}
		var failed error
		worked := slices.ContainsFunc(samples(), func(in *expression.Input) bool {
			_, err := p.program.Spend(in, &budget)
			if err != nil && !missing(err) && failed == nil {
				failed = err
			}
			return err == nil || budget == 0
		})
		if !worked && failed != nil {
			return fmt.Errorf("%s: %w", position(t.body, p.at), failed)
		}
	}
	return nil
}

//nolint:gochecknoglobals // the catalogue's samples never change
var samples = sync.OnceValue(func() []*expression.Input {
	var all []*expression.Input
	for _, typ := range catalogue.All() {
		all = append(all, expression.Sample(typ))
	}
	return all
})
