package catalogue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// mostErrors bounds how many wrong fields one answer names.
const mostErrors = 20

// Check reads an event's data against its type and names every field that is
// wrong, each by its path below path. Members that the catalogue does not know
// are not wrong: they are kept and delivered in our own dialect. null stands
// for "not there" everywhere.
func Check(t *Type, data []byte, path string) []switchhook.FieldError {
	if _, _, ok := t.fit(data); ok {
		return nil
	}
	return explain(t, data, path)
}

// Read is an event's data taken apart and without the blanks between its tokens,
// or what Check finds wrong with it. What has no blanks is not copied.
func Read(t *Type, data []byte, path string) (ordjson.Object, []switchhook.FieldError) {
	o, compact, ok := t.fit(data)
	if ok && compact {
		return o, nil
	}
	if !ok {
		if errs := explain(t, data, path); len(errs) > 0 {
			return nil, errs
		}
	}
	tidy, err := ordjson.Compact(data)
	if err == nil {
		o, err = ordjson.Parse(tidy)
	}
	if err != nil {
		return nil, []switchhook.FieldError{{Field: path, Message: err.Error()}}
	}
	return o, nil
}

// explain names what is wrong with data.
func explain(t *Type, data []byte, path string) []switchhook.FieldError {
	c := checker{d: jsontext.NewDecoder(bytes.NewBuffer(data))}
	if c.d.PeekKind() != '{' {
		return []switchhook.FieldError{{Field: path, Message: "expected an object, got " + ordjson.KindName(c.d.PeekKind())}}
	}
	missing := map[string]string{}
	for _, use := range t.Data {
		if use.Required {
			missing[use.Resource] = "is required for " + t.Name
		}
	}
	for _, f := range t.Flat {
		if f.Required {
			missing[f.Name] = "is required for " + t.Name
		}
	}
	c.object(path, func(name, at string) {
		if c.d.PeekKind() != 'n' {
			delete(missing, name)
		}
		if t.Custom() {
			c.skip()
			return
		}
		if i := slices.IndexFunc(t.Flat, func(f Field) bool { return f.Name == name }); i >= 0 {
			c.value(&t.Flat[i], at)
			return
		}
		// Any type may carry any resource; Data says which it usually has.
		if r, ok := ResourceOf(name); ok && !r.part {
			required := slices.ContainsFunc(t.Data, func(u Use) bool { return u.Resource == name && u.Required })
			c.resource(r, at, required)
			return
		}
		c.skip()
	})
	if c.err == nil {
		if _, err := c.d.ReadToken(); !errors.Is(err, io.EOF) {
			c.err = errors.New("there is more after the end of the object")
		}
	}
	if c.err != nil {
		return append(c.errs, switchhook.FieldError{Field: path, Message: ordjson.Explain(c.err).Error()})
	}
	for _, name := range slices.Sorted(mapKeys(missing)) {
		c.wrong(path+"."+name, "%s", missing[name])
	}
	return c.errs
}

func mapKeys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

type checker struct {
	d    *jsontext.Decoder
	errs []switchhook.FieldError
	err  error // the data is no JSON; nothing after it is read
}

func (c *checker) wrong(field, format string, args ...any) {
	if len(c.errs) < mostErrors {
		c.errs = append(c.errs, switchhook.FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
	}
}

// object calls member for each member of the object that comes next; member
// reads its value.
func (c *checker) object(path string, member func(name, path string)) {
	if _, c.err = c.d.ReadToken(); c.err != nil {
		return
	}
	for c.err == nil && c.d.PeekKind() != '}' {
		tok, err := c.d.ReadToken()
		if err != nil {
			c.err = err
			return
		}
		name := tok.String()
		member(name, path+"."+name)
	}
	if c.err == nil {
		_, c.err = c.d.ReadToken()
	}
}

func (c *checker) skip() {
	if c.err == nil {
		c.err = c.d.SkipValue()
	}
}

func (c *checker) resource(r *Resource, path string, required bool) {
	kind := c.d.PeekKind()
	if kind == 'n' {
		c.skip()
		return
	}
	if kind != '{' {
		c.expected(path, "an object ("+r.Name+")")
		return
	}
	idSeen := r.IDField == "" || !required
	c.object(path, func(name, at string) {
		f := r.field(name)
		if f == nil {
			c.skip()
			return
		}
		if name == r.IDField && c.d.PeekKind() != 'n' {
			idSeen = true
		}
		c.value(f, at)
	})
	if !idSeen && c.err == nil {
		c.wrong(path+"."+r.IDField, "is required: a string, the phone system's own id")
	}
}

func (c *checker) value(f *Field, path string) {
	if c.d.PeekKind() == 'n' {
		c.skip()
		return
	}
	if !f.Array {
		c.single(f, path)
		return
	}
	if c.d.PeekKind() != '[' {
		c.expected(path, "an array of "+f.KindName())
		return
	}
	if _, c.err = c.d.ReadToken(); c.err != nil {
		return
	}
	for i := 0; c.err == nil && c.d.PeekKind() != ']'; i++ {
		c.single(f, path+"["+strconv.Itoa(i)+"]")
	}
	if c.err == nil {
		_, c.err = c.d.ReadToken()
	}
}

func (c *checker) single(f *Field, path string) {
	if f.Kind == Part {
		if r, ok := ResourceOf(f.Of); ok && c.d.PeekKind() == '{' {
			c.resource(r, path, false)
			return
		}
		c.expected(path, f.KindName())
		return
	}
	v, err := c.d.ReadValue()
	if err != nil {
		c.err = err
		return
	}
	if problem := f.problem(v); problem != "" {
		c.wrong(path, "%s", problem)
	}
}

func (c *checker) expected(path, what string) {
	v, err := c.d.ReadValue()
	if err != nil {
		c.err = err
		return
	}
	c.wrong(path, "expected %s, got %s", what, ordjson.Brief(json.RawMessage(v)))
}

// problem says what is wrong with a value, or nothing.
func (f *Field) problem(v jsontext.Value) string {
	switch {
	case f.takes(v):
		return ""
	case f.Kind == String && f.NotEmpty && string(v) == `""`:
		return "expected a string that is not empty"
	case f.Kind == String && len(f.Enum) > 0 && v.Kind() == '"':
		return "expected one of " + strings.Join(f.Enum, ", ") + ", got " + ordjson.Brief(json.RawMessage(v))
	default:
		return "expected " + f.KindName() + ", got " + ordjson.Brief(json.RawMessage(v))
	}
}

// takes reports whether a value is of the field's kind.
func (f *Field) takes(v []byte) bool {
	kind := jsontext.Value(v).Kind()
	switch f.Kind {
	case String:
		return kind == '"' && (!f.NotEmpty || len(v) > 2) && (len(f.Enum) == 0 || len(v) == 2 || f.allows(v))
	case Integer:
		_, err := strconv.ParseInt(string(v), 10, 64)
		return err == nil
	case Unsigned:
		_, err := strconv.ParseUint(string(v), 10, 64)
		return err == nil
	case Number32:
		_, err := strconv.ParseInt(string(v), 10, 32)
		return err == nil
	case Boolean:
		return kind == 't' || kind == 'f'
	case Decimal:
		return kind == '0' || kind == '"' && decimalText(unquote(v))
	case Time:
		return kind == '"' && isTime(v)
	case Map, Part:
		return kind == '{'
	case Any:
		return true
	default:
		return false
	}
}

// allows reports whether a string is one of the only values, which need no escapes.
func (f *Field) allows(v []byte) bool {
	return slices.Contains(f.Enum, string(v[1:len(v)-1])) || slices.Contains(f.Enum, unquote(v))
}

// isTime reports whether a string is a time to Decode's reader. Most are in UTC,
// which package time reads alike, but for a comma and an hour of one digit.
func isTime(v []byte) bool {
	var utc time.Time
	const hour, second = len(`"2006-01-02T15`), len(`"2006-01-02T15:04:05`)
	if len(v) > second+1 && v[len(v)-2] == 'Z' && v[hour] == ':' && v[second] != ',' && utc.UnmarshalText(v[1:len(v)-1]) == nil {
		return true
	}
	var t time.Time
	return jsonv2.Unmarshal(v, &t) == nil
}

// decimalText reports whether s is a number as JSON writes it.
func decimalText(s string) bool {
	v := jsontext.Value(s)
	return v.IsValid() && v.Kind() == '0' && len(s) == len(strings.TrimSpace(s))
}

func unquote(v []byte) string {
	text, _ := ordjson.Unquote(v)
	return text
}
