package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/net/http/httpguts"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/django"
)

// A message is what the templates can tell.
type message struct{ from, to, text, id, accountID string }

// plain is a message without anything odd, other is as well, and odd is one whose values mean
// something in URLs, forms and JSON. A template that is right makes the same of all of them, but
// for the values.
func plain() message { return message{"Example", "12025550143", "Hello", "dlv_1", "acme"} }
func other() message { return message{"Other", "13055550143", "World", "dlv_2", "globex"} }
func odd() message {
	return message{"Ex&from=\"#/?%41q+q", "+12025550143", "Hel&to=1\"#/?%41\\\nq+q 👋", "dlv_1", "acme"}
}

// unplussed reports whether a value has blanks where the odd message has pluses, as happens in
// forms.
func unplussed(value string) bool {
	return strings.Contains(value, " 12025550143") || strings.Contains(value, "q q")
}

// A template is a compiled one.
type template struct{ t *django.Template }

func compile(source string) (template, error) {
	t, err := django.Parse(source, django.Options{})
	return template{t}, err
}

// renderFor bounds a rendering; package django bounds its work besides.
const renderFor = time.Second

func (t template) render(ctx context.Context, m message) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, renderFor)
	defer cancel()
	return t.t.Render(ctx, map[string]any{"from": m.from, "to": m.to, "text": m.text, "id": m.id, "account_id": m.accountID}, time.Now().UTC())
}

// both are what a template makes of the plain and the odd message.
func (t template) both() (ofPlain, ofOdd string, err error) {
	if ofPlain, err = t.render(context.Background(), plain()); err == nil {
		ofOdd, err = t.render(context.Background(), odd())
	}
	return ofPlain, ofOdd, err
}

// An address is the template of the URL.
type address struct {
	template
	origin *url.URL // that of all that it makes: scheme, user and host
}

var (
	errEncode = errors.New("what stands in a message could change it; write its values as {{ text|urlencode }}, or {{ text|urlencode:\"\" }} before the question mark")
	errOrigin = errors.New("what stands in a message must not decide which host is asked")
)

func newAddress(source string) (*address, error) {
	t, err := compile(source)
	if err != nil {
		return nil, err
	}
	usual, strange, err := t.both()
	if err != nil {
		return nil, err
	}
	a := &address{template: t}
	if a.origin, err = parse(usual); err != nil {
		return nil, err
	}
	for _, m := range []message{other(), {}} {
		if _, err := a.of(context.Background(), m); err != nil {
			return nil, errOrigin
		}
	}
	if u, err := parse(strange); err != nil || !sameOrigin(u, a.origin) || !sameShape(u, a.origin) {
		return nil, errEncode
	}
	return a, nil
}

// of is the URL for a message.
func (a *address) of(ctx context.Context, m message) (*url.URL, error) {
	text, err := a.render(ctx, m)
	if err != nil {
		return nil, err
	}
	u, err := parse(text)
	if err != nil {
		return nil, err
	}
	if !sameOrigin(u, a.origin) {
		return nil, errOrigin
	}
	return u, nil
}

// parse reads a URL. Its errors do not quote it: there may be a password in it.
func parse(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, errors.New("expected a URL such as https://sms.example.com/send")
	case strings.Contains(u.RawQuery, " ") || u.Fragment != "":
		return nil, errors.New("a blank or # in it has to be written as %20 or %23; values of the message want {{ text|urlencode }}")
	case slices.ContainsFunc(strings.Split(u.Path, "/"), func(s string) bool { return s == "." || s == ".." }):
		return nil, errors.New("its path leads upwards")
	}
	return u, nil
}

func sameOrigin(u, as *url.URL) bool {
	return u.Scheme == as.Scheme && u.Host == as.Host && u.User.String() == as.User.String()
}

// sameShape reports whether two URLs are the same but for values in their paths and queries.
func sameShape(u, as *url.URL) bool {
	return strings.Count(u.EscapedPath(), "/") == strings.Count(as.EscapedPath(), "/") && sameForm(u.RawQuery, as.RawQuery)
}

// sameForm reports whether two forms are the same but for their values.
func sameForm(q, as string) bool {
	values, err := url.ParseQuery(q)
	others, alsoErr := url.ParseQuery(as)
	if err != nil || alsoErr != nil {
		return false
	}
	for name, list := range values {
		if len(list) != len(others[name]) || slices.ContainsFunc(list, unplussed) {
			return false
		}
	}
	return len(values) == len(others)
}

// A body is the template of the body.
type body struct {
	template
	kind string // of media
}

var form = regexp.MustCompile(`^[^=&\s]+=[^=&\s]*(&[^=&\s]+=[^=&\s]*)*$`)

func newBody(source string) (*body, error) {
	t, err := compile(source)
	if err != nil {
		return nil, err
	}
	usual, strange, err := t.both()
	if err != nil {
		return nil, err
	}
	b := &body{t, "text/plain; charset=utf-8"}
	switch {
	case json.Valid([]byte(usual)) && strings.ContainsAny(strings.TrimSpace(usual)[:1], "{["):
		b.kind = "application/json"
		if !json.Valid([]byte(strange)) {
			return nil, errors.New("what stands in a message could end a text of the JSON; write values as {{ text|json }}, without quotes around them")
		}
	case form.MatchString(usual):
		b.kind = "application/x-www-form-urlencoded"
		if !sameForm(strange, usual) {
			return nil, errEncode
		}
	}
	return b, nil
}

// A header is the template of a header's value.
type header struct {
	template
	name string
}

func newHeader(line string) (h header, err error) {
	name, value, ok := strings.Cut(line, ":")
	h.name = strings.TrimSpace(name)
	switch {
	case !ok || !httpguts.ValidHeaderFieldName(h.name): // not quoted: it may be a secret alone
		return h, errors.New("a header is not written as NAME: VALUE, such as Authorization: Bearer …")
	case slices.Contains([]string{"Host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Trailer"}, textproto.CanonicalMIMEHeaderKey(h.name)):
		return h, errors.New(h.name + " is none that can be set")
	}
	if h.template, err = compile(strings.TrimSpace(value)); err == nil {
		_, _, err = h.both()
	}
	if err != nil {
		return h, errors.New(h.name + ": " + err.Error())
	}
	return h, nil
}

// of is the value for a message: one line, whatever stands in the message.
func (h header) of(ctx context.Context, m message) (string, error) {
	value, err := h.render(ctx, m)
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, value)), err
}

func has(h switchhook.Headers, name string) bool {
	return slices.ContainsFunc(h, func(each switchhook.Header) bool { return strings.EqualFold(each.Name, name) })
}

func basic(u *url.Userinfo) string {
	r := http.Request{Header: http.Header{}}
	password, _ := u.Password()
	r.SetBasicAuth(u.Username(), password)
	return r.Header.Get("Authorization")
}
