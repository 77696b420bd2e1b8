package kazoo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// A value is one of JSON's. It is a struct, not an interface, because a payload
// is thirty of them and each call makes one for every webhook.
type value struct {
	kind    kind
	n       int64  // of an integer; of a boolean 1 or 0
	text    string // of a text; of a number as JSON writes it
	members members
}

type kind uint8

const (
	null kind = iota // also: there is nothing
	text
	number
	integer
	boolean
	written // canonical JSON already, in text
	list    // its members have no names
	object  // an empty one too
)

// A member is one name of an object and its value.
type member struct {
	name string
	value
}

// members are an object's, in the order in which they are to be written.
//
//nolint:recvcheck // as with slices themselves: readers take the value, what grows it takes the pointer
type members []member

func (m *members) add(name string, v value) { *m = append(*m, member{name, v}) }

// put adds a value unless there is nothing.
func (m *members) put(name string, v value) {
	if v.kind != null {
		m.add(name, v)
	}
}

// set puts a value in place of the one of its name, or at the end.
func (m *members) set(name string, v value) {
	if at := m.get(name); at != nil {
		*at = v
		return
	}
	m.add(name, v)
}

// get is the value of a name, nil where there is none.
func (m members) get(name string) *value {
	for i := range m {
		if m[i].name == name {
			return &m[i].value
		}
	}
	return nil
}

// finder is get for many names: an event of a megabyte can have as many members on
// both sides.
func (m members) finder() func(name string) *value {
	if len(m) <= 64 {
		return m.get
	}
	place := make(map[string]*value, len(m))
	for i := range m {
		place[m[i].name] = &m[i].value
	}
	return func(name string) *value { return place[name] }
}

// once is the members with each name once: in its first place, with its last value.
func (m members) once() members {
	kept := m[:0]
	var place map[string]*value // of many
	if len(m) > 64 {
		place = make(map[string]*value, len(m))
	}
	for _, f := range m {
		at := place[f.name]
		if place == nil {
			at = kept.get(f.name)
		}
		if at != nil {
			*at = f.value
			continue
		}
		kept = append(kept, f)
		if place != nil {
			place[f.name] = &kept[len(kept)-1].value
		}
	}
	return kept
}

// textAt is the text of a name, "" for any other value.
func (m members) textAt(name string) string {
	if v := m.get(name); v != nil && v.kind == text {
		return v.text
	}
	return ""
}

// The values that a payload is made of; what is not known is null.

func textOf(s string) value {
	if s == "" {
		return value{}
	}
	return value{kind: text, text: s}
}

func flag(b bool) value {
	if b {
		return value{kind: boolean, n: 1}
	}
	return value{kind: boolean}
}

func known(b *bool) value {
	if b == nil {
		return value{}
	}
	return flag(*b)
}

func count(n *int64) value {
	if n == nil {
		return value{}
	}
	return value{kind: integer, n: *n}
}

// seconds are of a duration in milliseconds, rounded down.
func seconds(ms *int64) value {
	if ms == nil {
		return value{}
	}
	return value{kind: integer, n: *ms / 1000}
}

// moment is a time in Kazoo's form.
func moment(t time.Time) value {
	if t.IsZero() {
		return value{}
	}
	return value{kind: integer, n: gregorian(t)}
}

// gregorian counts seconds from year 0, as Erlang's calendar does.
func gregorian(t time.Time) int64 {
	const to1970 = 62167219200
	return t.Unix() + to1970
}

func texts(all []string) value {
	if all == nil {
		return value{}
	}
	v := value{kind: list}
	for _, s := range all {
		v.members.add("", value{kind: text, text: s})
	}
	return v
}

// decoders are kept, because a new one costs more than a small object.
var decoders = sync.Pool{New: func() any { return jsontext.NewDecoder(&bytes.Buffer{}) }} //nolint:gochecknoglobals // a pool

// parse reads a JSON value, order kept. Nothing is null.
func parse(raw json.RawMessage) (value, error) {
	if len(raw) == 0 {
		return value{}, nil
	}
	d := decoders.Get().(*jsontext.Decoder) //nolint:forcetypeassert,errcheck // the pool holds nothing else
	defer decoders.Put(d)
	d.Reset(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true)) // checked when the event was accepted
	return next(d)
}

func next(d *jsontext.Decoder) (value, error) {
	tok, err := d.ReadToken()
	if err != nil {
		return value{}, fmt.Errorf("read a JSON value: %w", err)
	}
	switch tok.Kind() { //nolint:exhaustive // the other kinds begin no value
	case '"':
		return value{kind: text, text: tok.String()}, nil
	case '0':
		return value{kind: number, text: tok.String()}, nil
	case 't', 'f':
		return flag(tok.Bool()), nil
	case '{':
		v := value{kind: object, members: make(members, 0, 4)}
		for d.PeekKind() != '}' {
			name, err := d.ReadToken()
			if err != nil {
				return value{}, fmt.Errorf("read a JSON name: %w", err)
			}
			m := member{name: name.String()}
			if m.value, err = next(d); err != nil {
				return value{}, err
			}
			v.members = append(v.members, m)
		}
		_, err = d.ReadToken()
		return v, err
	case '[':
		v := value{kind: list}
		for d.PeekKind() != ']' {
			e, err := next(d)
			if err != nil {
				return value{}, err
			}
			v.members = append(v.members, member{value: e})
		}
		_, err = d.ReadToken()
		return v, err
	default:
		return value{}, nil
	}
}

// parsed is a value that was checked when the event was accepted, null if it is
// none.
func parsed(raw json.RawMessage) value {
	v, err := parse(raw)
	if err != nil {
		return value{}
	}
	return v
}

// normalize turns the names of a bus message into those of a webhook
// (kz_json:normalize/1): small letters, - becomes _, at every depth; what is null
// is left out.
func normalize(v value) value {
	switch v.kind { //nolint:exhaustive // the others have no names
	case object:
		o := make(members, 0, len(v.members))
		for _, m := range v.members {
			if m.kind != null {
				o.add(normalizeKey(m.name), normalize(m.value))
			}
		}
		v.members = o.once()
	case list:
		l := make(members, 0, len(v.members))
		for _, m := range v.members {
			l.add("", normalize(m.value))
		}
		v.members = l
	}
	return v
}

// normalized reads a value and normalizes it.
func normalized(raw json.RawMessage) value { return normalize(parsed(raw)) }

func normalizeKey(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '-':
			return '_'
		case r >= 'A' && r <= 'Z':
			return r + ('a' - 'A')
		default:
			return r
		}
	}, name)
}

// isNumber reports whether s is a number as JSON writes it.
func isNumber(s string) bool {
	var n json.Number
	return s != "" && s[0] != '"' && json.Unmarshal([]byte(s), &n) == nil && n.String() == s
}
