// Package ordjson holds JSON objects whose member order and bytes are kept.
//
// Phone systems' customers compare payloads byte by byte, and a snapshot must
// leave as it came. encoding/json forgets the order of an object's members and
// takes a member that comes twice; this package keeps the first and refuses the
// second. It stands on go-json-experiment's jsontext, the package that Go 1.27
// has as encoding/json/jsontext.
package ordjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// A Member is one name and its value, as it was written.
type Member struct {
	Name  string
	Value json.RawMessage
}

// An Object is a JSON object in the order in which its members were written.
// Its zero value is the empty object.
//
//nolint:recvcheck // as with slices themselves: readers take the value, what grows it takes the pointer
type Object []Member

// Parse reads one JSON object. It is strict (RFC 7493, I-JSON): valid UTF-8, no
// name twice at any depth, nothing after the object. The values share data's
// memory.
func Parse(data []byte) (Object, error) {
	if len(data) == 0 {
		return nil, errEnds
	}
	var room [48]Member
	if o, ok := split(room[:0], data); ok {
		return slices.Clone(o), nil
	}
	return parse(data)
}

// ParseInto is Parse that appends the members to o, for whoever has room for them.
// Where there is an error, o is as it was.
func ParseInto(o Object, data []byte) (Object, error) {
	if len(data) == 0 {
		return o, errEnds
	}
	if whole, ok := split(o, data); ok {
		return whole, nil
	}
	members, err := parse(data)
	return append(o, members...), err
}

// split is ParseInto where a Scanner can read data.
func split(o Object, data []byte) (whole Object, ok bool) {
	s, members := Scan(data), o
	right := s.Object(func(name string) bool {
		v, ok := s.Value()
		members = append(members, Member{name, v})
		return ok
	})
	return members, right && s.End()
}

// Find is the value of one member of an object that Parse can read, nil if it is not
// there. It reads no further.
func Find(data []byte, name string) (found json.RawMessage) {
	s := Scan(data)
	stopped := !s.Object(func(n string) bool {
		if n != name {
			return s.Skip()
		}
		found, _ = s.Value()
		return false
	})
	if stopped && found == nil { // maybe it is rare
		o, _ := parse(data) // what cannot be read has no members
		return o.Get(name)
	}
	return found
}

// parse is Parse as jsontext does it, which knows what is wrong.
func parse(data []byte) (Object, error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(data))
	tok, err := d.ReadToken()
	if err != nil {
		return nil, explain(err)
	}
	if tok.Kind() != '{' {
		return nil, fmt.Errorf("expected an object, got %s", KindName(tok.Kind()))
	}
	var o Object
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, explain(err)
		}
		key := name.String()
		v, err := d.ReadValue()
		if err != nil {
			return nil, explain(err)
		}
		// ReadValue's result lives in the decoder's buffer only until the next
		// read; the same bytes stand in data.
		end := d.InputOffset()
		o = append(o, Member{Name: key, Value: data[end-int64(len(v)) : end : end]})
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, explain(err)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the end of the object")
	}
	return o, nil
}

// Get returns the value of a member, or nil where there is none.
func (o Object) Get(name string) json.RawMessage {
	for i := range o {
		if o[i].Name == name {
			return o[i].Value
		}
	}
	return nil
}

// Has reports whether the object has a member, be it null.
func (o Object) Has(name string) bool { return o.Get(name) != nil }

// Set puts a member in place of the one with its name, or at the end.
func (o *Object) Set(name string, value json.RawMessage) {
	for i := range *o {
		if (*o)[i].Name == name {
			(*o)[i].Value = value
			return
		}
	}
	*o = append(*o, Member{name, value})
}

// Delete takes a member out.
func (o *Object) Delete(name string) {
	*o = slices.DeleteFunc(*o, func(m Member) bool { return m.Name == name })
}

// Text returns a member that is a string, and "" for any other.
func (o Object) Text(name string) string {
	text, _ := Unquote(o.Get(name))
	return text
}

// Is reports whether a member is a string with this text.
func (o Object) Is(name, text string) bool {
	v := o.Get(name)
	switch {
	case len(v) == 0 || v[0] != '"':
		return false
	case bytes.IndexByte(v, '\\') >= 0:
		return o.Text(name) == text
	default:
		return string(v[1:len(v)-1]) == text
	}
}

// Append writes the object, compact between its members.
func (o Object) Append(dst []byte) []byte {
	size := len("{}")
	for i := range o {
		size += len(`"":,`) + len(o[i].Name) + len(o[i].Value)
	}
	dst = append(slices.Grow(dst, size), '{')
	for i := range o {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, o[i].Name)
		dst = append(dst, ':')
		dst = append(dst, o[i].Value...)
	}
	return append(dst, '}')
}

// Pack writes the object as Append does. From then on its values lie in what was
// written, so that it holds on to no other memory.
func (o Object) Pack() json.RawMessage {
	text := o.Append(nil)
	at := len("{")
	for i := range o {
		name := len(o[i].Name) + len(`"":`)
		if !isPlain(o[i].Name) {
			name = len(String(o[i].Name)) + len(":")
		}
		end := at + name + len(o[i].Value)
		o[i].Value = text[at+name : end : end]
		at = end + len(",")
	}
	return text
}

// MarshalJSON writes the object as Append does.
func (o Object) MarshalJSON() ([]byte, error) { return o.Append(nil), nil }

// Compact is a JSON value without the blanks between its tokens, in memory of its
// own. Strings and numbers stay as they were written.
func Compact(v json.RawMessage) (json.RawMessage, error) {
	if s := Scan(v); s.Skip() && s.at == len(v) && s.Compact(0) {
		return bytes.Clone(v), nil
	}
	out := jsontext.Value(bytes.Clone(v))
	err := out.Compact(jsontext.PreserveRawStrings(true), jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false))
	return json.RawMessage(out), err
}

// AppendString writes s as a JSON string with as few escapes as RFC 8259 allows.
func AppendString(dst []byte, s string) []byte {
	if isPlain(s) {
		dst = append(dst, '"')
		dst = append(dst, s...)
		return append(dst, '"')
	}
	dst, _ = jsontext.AppendQuote(dst, s) // invalid UTF-8 becomes U+FFFD
	return dst
}

func isPlain[T string | json.RawMessage](s T) bool {
	for i := range len(s) {
		if !plain[s[i]] {
			return false
		}
	}
	return true
}

// String returns s as a JSON string.
func String(s string) json.RawMessage { return AppendString(make([]byte, 0, len(s)+2), s) }

// Null reports whether v is null or absent.
func Null(v json.RawMessage) bool { return len(v) == 0 || v[0] == 'n' }

// Unquote returns the text of a JSON string, and whether v is one.
func Unquote(v json.RawMessage) (text string, ok bool) {
	if len(v) == 0 || v[0] != '"' {
		return "", false
	}
	if inner := v[1:]; len(inner) > 0 && inner[len(inner)-1] == '"' && isPlain(inner[:len(inner)-1]) {
		return string(inner[:len(inner)-1]), true
	}
	b, err := jsontext.AppendUnquote(nil, v)
	return string(b), err == nil
}

// FindText is a member of an object that is a string, and "" for any other.
func FindText(object []byte, name string) string {
	text, _ := Unquote(Find(object, name))
	return text
}

// Texts is what is a string, or the strings of an array.
func Texts(v json.RawMessage) (list []string) {
	if text, ok := Unquote(v); ok {
		return []string{text}
	}
	s := Scan(v)
	s.Array(func() bool {
		each, ok := s.Value()
		if text, is := Unquote(each); is {
			list = append(list, text)
		}
		return ok
	})
	return list
}

// Plain returns the content of a string or a number as it is written, and whether v
// is one of them or null or absent, which are empty.
func Plain(v json.RawMessage) (text string, ok bool) {
	switch {
	case Null(v):
		return "", true
	case jsontext.Value(v).Kind() == '0':
		return string(v), true
	default:
		return Unquote(v)
	}
}

// Brief is a value as a person wants to see it in an error: its start.
func Brief(v json.RawMessage) string {
	const most = 60
	switch {
	case len(v) == 0:
		return "nothing"
	case v[0] == '{' || v[0] == '[':
		return KindName(jsontext.Kind(v[0]))
	case len(v) <= most:
		return string(v)
	}
	cut := most
	for !utf8.RuneStart(v[cut]) {
		cut--
	}
	return string(v[:cut]) + "…"
}

// KindName is the word for a kind of JSON value in a sentence.
func KindName(k jsontext.Kind) string {
	switch k {
	case '{', '}':
		return "an object"
	case '[', ']':
		return "an array"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	case jsontext.KindInvalid:
		return "no valid JSON"
	default:
		return "no valid JSON"
	}
}

var errEnds = errors.New("it ends too early")

// explain turns the decoder's error into a sentence: what is wrong and where.
func explain(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errEnds
	}
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		if errors.Is(e.Err, jsontext.ErrDuplicateName) {
			return &DuplicateError{Pointer: string(e.JSONPointer)}
		}
		return fmt.Errorf("at byte %d: %w", e.ByteOffset, e.Err)
	}
	return err
}

// Explain is for readers that use jsontext themselves: it turns a decoder's
// error into a sentence that says what is wrong and where.
func Explain(err error) error { return explain(err) }

// A DuplicateError says that an object has a member twice.
type DuplicateError struct {
	Pointer string // RFC 6901
}

// Error names the member.
func (e *DuplicateError) Error() string { return "the member " + e.Pointer + " is there twice" }
