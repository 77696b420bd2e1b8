package dialect

import (
	"crypto/sha1" //nolint:gosec // RFC 9562 says so for UUIDv5; nothing is kept secret by it
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/switchhook/switchhook/internal/ordjson"
)

// An Object is a JSON object being made: its members in the order in which they
// are to be written. A value is a string, bool, int, int64, uint64, Object,
// []any, []string, json.Number or nil.
//
//nolint:recvcheck // as with slices themselves: readers take the value, what grows it takes the pointer
type Object []Field

// A Field is one member of an Object.
type Field struct {
	Name  string
	Value any
}

// Add appends a member.
func (o *Object) Add(name string, value any) { *o = append(*o, Field{name, value}) }

// Text appends a member unless the text is empty.
func (o *Object) Text(name, value string) {
	if value != "" {
		o.Add(name, value)
	}
}

// Set puts a member in place of the one of its name, or at the end.
func (o *Object) Set(name string, value any) {
	for i := range *o {
		if (*o)[i].Name == name {
			(*o)[i].Value = value
			return
		}
	}
	o.Add(name, value)
}

// Has reports whether there is a member of the name.
func (o Object) Has(name string) bool {
	for i := range o {
		if o[i].Name == name {
			return true
		}
	}
	return false
}

// FromJSON reads a JSON value into what an Object can hold, order kept.
func FromJSON(raw json.RawMessage) (any, error) {
	switch jsontext.Value(raw).Kind() { //nolint:exhaustive // the other kinds begin no value
	case '{':
		in, err := ordjson.Parse(raw)
		if err != nil {
			return nil, err
		}
		out := make(Object, 0, len(in))
		for _, m := range in {
			v, err := FromJSON(m.Value)
			if err != nil {
				return nil, err
			}
			out.Add(m.Name, v)
		}
		return out, nil
	case '[':
		var in []json.RawMessage
		if err := json.Unmarshal(raw, &in); err != nil {
			return nil, err
		}
		out := make([]any, 0, len(in))
		for _, e := range in {
			v, err := FromJSON(e)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case '"':
		b, err := jsontext.AppendUnquote(nil, raw)
		return string(b), err
	case '0':
		return json.Number(raw), nil
	case 't', 'f':
		return raw[0] == 't', nil
	case 'n':
		return nil, nil //nolint:nilnil // null's value is nil
	default:
		return nil, fmt.Errorf("no JSON value: %.40q", raw)
	}
}

// JSONStyle is how a system writes JSON. The zero value is compact, with as few
// escapes as RFC 8259 allows.
type JSONStyle struct {
	// HTML escapes <, >, & and U+2028, U+2029, as Go's encoding/json does.
	HTML bool
	// Indent is put in front of each member once per level, each on its own
	// line. Empty: all on one line.
	Indent string
	// Colon stands between name and value; empty means ":".
	Colon string
}

// AppendJSON writes a value in a style.
func AppendJSON(dst []byte, v any, style JSONStyle) []byte {
	if style.Colon == "" {
		style.Colon = ":"
	}
	return style.append(dst, v, 0)
}

func (s JSONStyle) append(dst []byte, v any, depth int) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case string:
		return s.string(dst, v)
	case bool:
		return strconv.AppendBool(dst, v)
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case uint64:
		return strconv.AppendUint(dst, v, 10)
	case json.Number:
		return append(dst, v...)
	case Object:
		if len(v) == 0 {
			return append(dst, "{}"...)
		}
		dst = append(dst, '{')
		for i := range v {
			dst = s.line(dst, i, depth+1)
			dst = s.string(dst, v[i].Name)
			dst = append(dst, s.Colon...)
			dst = s.append(dst, v[i].Value, depth+1)
		}
		dst = s.line(dst, 0, depth)
		return append(dst, '}')
	case []string:
		if len(v) == 0 {
			return append(dst, "[]"...)
		}
		dst = append(dst, '[')
		for i := range v {
			dst = s.line(dst, i, depth+1)
			dst = s.string(dst, v[i])
		}
		dst = s.line(dst, 0, depth)
		return append(dst, ']')
	case []any:
		if len(v) == 0 {
			return append(dst, "[]"...)
		}
		dst = append(dst, '[')
		for i := range v {
			dst = s.line(dst, i, depth+1)
			dst = s.append(dst, v[i], depth+1)
		}
		dst = s.line(dst, 0, depth)
		return append(dst, ']')
	default:
		panic(fmt.Sprintf("dialect: an Object cannot hold a %T", v))
	}
}

// line ends a line and begins the next; i > 0 puts a comma first.
func (s JSONStyle) line(dst []byte, i, depth int) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	if s.Indent == "" {
		return dst
	}
	dst = append(dst, '\n')
	for range depth {
		dst = append(dst, s.Indent...)
	}
	return dst
}

func (s JSONStyle) string(dst []byte, v string) []byte {
	if !s.HTML {
		return ordjson.AppendString(dst, v)
	}
	b, err := json.Marshal(v) // escapes HTML
	if err != nil {
		panic(err) // a string always marshals
	}
	return append(dst, b...)
}

// Escape says how a system percent-encodes a form value.
type Escape struct {
	// Plus writes a blank as + instead of %20.
	Plus bool
}

const upperHex = "0123456789ABCDEF"

// unreserved are the characters of RFC 3986 that stay as they are.
var unreserved = func() (set [256]bool) { //nolint:gochecknoglobals // a constant; Go has no constant arrays
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~") {
		set[c] = true
	}
	return set
}()

// AppendEscaped percent-encodes s: everything but RFC 3986's unreserved
// characters, in upper-case hex.
func AppendEscaped(dst []byte, s string, e Escape) []byte {
	done := 0
	for i := range len(s) {
		c := s[i]
		if unreserved[c] {
			continue
		}
		dst = append(dst, s[done:i]...)
		done = i + 1
		if c == ' ' && e.Plus {
			dst = append(dst, '+')
		} else {
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return append(dst, s[done:]...)
}

var space = uuid.MustParse(namespace) //nolint:gochecknoglobals // a constant; Go has no constant arrays

// AppendHex32 writes what Hex32 returns. It is for what is derived anew for every
// request.
func AppendHex32(dst []byte, accountID, id string) []byte {
	if len(id) == 0 || len(id) == 32 || len(id) == 36 { // perhaps it is one already
		return append(dst, Hex32(accountID, id)...)
	}
	var buf [192]byte
	name := append(append(append(append(buf[:0], space[:]...), accountID...), 0), id...)
	sum := sha1.Sum(name)                               //nolint:gosec // as above
	sum[6], sum[8] = sum[6]&0x0f|0x50, sum[8]&0x3f|0x80 // RFC 9562: version 5 and variant
	return hex.AppendEncode(dst, sum[:16])
}
