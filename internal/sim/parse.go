package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
)

// A Payload is what a receiver reads out of a request.
type Payload struct {
	// Name is what the dialect calls the event, such as channel_destroy.
	Name string
	// Gaps names what the system always sends and this request lacks.
	Gaps []string
	// EventID and Sequence are the event's, where the dialect tells them.
	EventID  string
	Sequence int64
}

// Parse reads a request as the customers of a system do, but without their
// leniency: the method, the content type, each name, its place and the kind of
// its value have to be the system's own.
func Parse(dialect string, req *http.Request, body []byte) (Payload, error) {
	if !utf8.Valid(body) {
		return Payload{}, errors.New("the body is not UTF-8")
	}
	switch dialect {
	case "switchhook":
		return parseSwitchhook(req, body)
	case "kazoo":
		return parseKazoo(req, body)
	case "voipbin":
		return parseVoipbin(req, body)
	case "teli":
		return parseTeli(req, body)
	case "primevox":
		return parsePrimevox(req, body)
	default:
		return Payload{}, fmt.Errorf("there is no dialect %q", dialect)
	}
}

// parseSwitchhook reads our own envelope (docs: POST body of the switchhook
// dialect). The data has to be right for its type.
func parseSwitchhook(req *http.Request, body []byte) (Payload, error) {
	if err := expect(req, jsonType, http.MethodPost, http.MethodPut); err != nil {
		return Payload{}, err
	}
	o, err := readObject(body)
	if err != nil {
		return Payload{}, err
	}
	if err := o.check([]rule{
		{name: "id", is: isText},
		{name: "type", is: isText},
		{name: "account_id", is: isText},
		{name: "key", is: isString, optional: true},
		{name: "sequence", is: isInteger},
		{name: "occurred_at", is: isTime},
		{name: "data", is: isObject},
	}); err != nil {
		return Payload{}, err
	}
	var e switchhook.Event
	if err := json.Unmarshal(body, &e); err != nil {
		return Payload{}, err
	}
	t, ok := catalogue.Lookup(e.Type)
	switch {
	case !ok:
		return Payload{}, fmt.Errorf("the catalogue has no type %q", e.Type)
	case !switchhook.ValidEventID(e.ID):
		return Payload{}, fmt.Errorf("%q is no event id", e.ID)
	case e.Sequence < 1:
		return Payload{}, fmt.Errorf("the sequence is %d", e.Sequence)
	}
	for _, f := range catalogue.Check(t, e.Data, "data") {
		return Payload{}, fmt.Errorf("%s %s", f.Field, f.Message)
	}
	p := Payload{Name: e.Type, EventID: e.ID, Sequence: e.Sequence}
	if e.Key == "" && !t.Custom() {
		p.Gaps = append(p.Gaps, "key")
	}
	return p, nil
}

// The content types that dialects send.
const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

func expect(req *http.Request, contentType string, methods ...string) error {
	if !slices.Contains(methods, req.Method) {
		return fmt.Errorf("the method is %s, not %s", req.Method, strings.Join(methods, ", "))
	}
	if got := req.Header.Get("Content-Type"); got != contentType {
		return fmt.Errorf("the content type is %q, not %q", got, contentType)
	}
	return nil
}

// A member is one name and its value; an object keeps their order.
type (
	member struct {
		name  string
		value json.RawMessage
	}
	object []member
)

// readObject reads one JSON object and nothing after it. A name that comes
// twice is wrong: two parsers would read two things.
func readObject(b []byte) (object, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	tok, err := d.Token()
	if err != nil {
		return nil, fmt.Errorf("it is no JSON: %w", err)
	}
	if tok != json.Delim('{') {
		return nil, fmt.Errorf("expected an object, got %v", tok)
	}
	var o object
	for d.More() {
		tok, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("it is no JSON: %w", err)
		}
		name, ok := tok.(string)
		if !ok {
			return nil, fmt.Errorf("%v is no name", tok)
		}
		if _, twice := o.get(name); twice {
			return nil, fmt.Errorf("%s comes twice", name)
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		o = append(o, member{name, v})
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("it is no JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the end of the object")
	}
	return o, nil
}

func (o object) get(name string) (json.RawMessage, bool) {
	for _, m := range o {
		if m.name == name {
			return m.value, true
		}
	}
	return nil, false
}

// text is the value of a string member, and "" where there is none.
func (o object) text(name string) string {
	v, _ := o.get(name)
	var s string
	_ = json.Unmarshal(v, &s) // what is no string has no text
	return s
}

func (o object) names() []string {
	names := make([]string, len(o))
	for i, m := range o {
		names[i] = m.name
	}
	return names
}

// A rule says what a member has to be.
type rule struct {
	name     string
	is       func(json.RawMessage) error
	optional bool
}

// check holds the object to the rules: these members, in this order, no others.
func (o object) check(rules []rule) error {
	i := 0
	for _, r := range rules {
		if i == len(o) || o[i].name != r.name {
			if r.optional {
				continue
			}
			return fmt.Errorf("expected %s after %q", r.name, o[:i].names())
		}
		if err := r.is(o[i].value); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		i++
	}
	if i < len(o) {
		return fmt.Errorf("%s does not belong here", o[i].name)
	}
	return nil
}

func isString(v json.RawMessage) error {
	if v[0] != '"' {
		return fmt.Errorf("expected a string, got %s", v)
	}
	return nil
}

// isText is a string that is not empty.
func isText(v json.RawMessage) error {
	if string(v) == `""` {
		return errors.New("it is empty")
	}
	return isString(v)
}

func isInteger(v json.RawMessage) error {
	var n int64
	if json.Unmarshal(v, &n) != nil || string(v) == "null" {
		return fmt.Errorf("expected an integer, got %s", v)
	}
	return nil
}

// isUnsigned is an integer of 64 bits, not negative.
func isUnsigned(v json.RawMessage) error {
	var n uint64
	if json.Unmarshal(v, &n) != nil || string(v) == "null" {
		return fmt.Errorf("expected an integer of 0 or more, got %s", v)
	}
	return nil
}

func isObject(v json.RawMessage) error {
	_, err := readObject(v)
	return err
}

// isTime is an RFC 3339 time in UTC.
func isTime(v json.RawMessage) error {
	var s string
	if err := json.Unmarshal(v, &s); err != nil {
		return err
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err == nil && (!strings.HasSuffix(s, "Z") || t.IsZero()) {
		err = fmt.Errorf("%s is not in UTC", s)
	}
	return err
}

func oneOf(words ...string) func(json.RawMessage) error {
	return func(v json.RawMessage) error {
		var s string
		if err := json.Unmarshal(v, &s); err != nil || v[0] != '"' {
			return fmt.Errorf("expected a string, got %s", v)
		}
		if !slices.Contains(words, s) {
			return fmt.Errorf("expected one of %q, got %q", words, s)
		}
		return nil
	}
}

func listOf(is func(json.RawMessage) error) func(json.RawMessage) error {
	return func(v json.RawMessage) error {
		var list []json.RawMessage
		if err := json.Unmarshal(v, &list); err != nil || list == nil {
			return fmt.Errorf("expected an array, got %s", v)
		}
		for i, e := range list {
			if err := is(e); err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
		}
		return nil
	}
}

func objectOf(rules ...rule) func(json.RawMessage) error {
	return func(v json.RawMessage) error {
		o, err := readObject(v)
		if err != nil {
			return err
		}
		return o.check(rules)
	}
}

// A pair is one name and value of a form.
type pair struct{ name, value string }

// readForm reads a form body or a query string in order. Names are as they
// stand there; Kazoo does not encode its brackets.
func readForm(s string) ([]pair, error) {
	var pairs []pair
	for segment := range strings.SplitSeq(s, "&") {
		if segment == "" {
			continue // Kazoo's empty object
		}
		name, encoded, ok := strings.Cut(segment, "=")
		if !ok {
			return nil, fmt.Errorf("%q is no name=value", segment)
		}
		for _, c := range []byte(encoded) {
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_.~+%", rune(c)) {
				return nil, fmt.Errorf("the value of %s has a bare %q", name, c)
			}
		}
		value, err := url.QueryUnescape(encoded)
		if err != nil {
			return nil, fmt.Errorf("the value of %s: %w", name, err)
		}
		if !utf8.ValidString(value) {
			return nil, fmt.Errorf("the value of %s is not UTF-8", name)
		}
		pairs = append(pairs, pair{name, value})
	}
	return pairs, nil
}
