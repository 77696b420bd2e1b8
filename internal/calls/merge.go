package calls

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// merge appends to whole, which is empty, the members before with the given ones laid
// over them; null takes one out. What a given value makes of the one before, value
// says. The members are not in order yet.
func merge(whole, before, given ordjson.Object, value func(name string, before, given json.RawMessage) json.RawMessage) ordjson.Object {
	whole = append(whole, before...)
	find, removed := finder(&whole, len(given)), false
	for _, m := range given {
		i := find(m.Name)
		switch {
		case ordjson.Null(m.Value):
			if i >= 0 {
				whole[i].Value, removed = nil, true
			}
		case i < 0:
			whole = append(whole, ordjson.Member{Name: m.Name, Value: value(m.Name, nil, m.Value)})
		default:
			whole[i].Value = value(m.Name, whole[i].Value, m.Value)
		}
	}
	if removed {
		whole = slices.DeleteFunc(whole, func(m ordjson.Member) bool { return m.Value == nil })
	}
	return whole
}

// few is how many members are looked for one by one; whoever gives more gets an index, or
// one event of 100,000 members would hold up all others for a minute.
const few = 256

// finder makes a function that finds the place of a member of o, -1 if it has none. n
// members are looked for, each once; those that it has not may be added at its end.
func finder(o *ordjson.Object, n int) func(name string) int {
	if n > few {
		index := make(map[string]int, len(*o))
		for i, m := range *o {
			index[m.Name] = i
		}
		return func(name string) int {
			if i, ok := index[name]; ok {
				return i
			}
			return -1
		}
	}
	next := 0 // both are in order most often, so what is looked for comes next
	return func(name string) int {
		is := func(m ordjson.Member) bool { return m.Name == name }
		i := slices.IndexFunc((*o)[next:], is)
		switch {
		case i >= 0:
			i += next
		default:
			i = slices.IndexFunc((*o)[:next], is)
		}
		next = i + 1
		return i
	}
}

// valueOf says how the values of a kind's members are laid over one another.
func valueOf(kind string) func(name string, before, given json.RawMessage) json.RawMessage {
	if kind == "call" {
		return valueOfCall
	}
	return valueOfAny
}

func valueOfCall(name string, before, given json.RawMessage) json.RawMessage {
	if name == "from" || name == "to" || name == "callee" {
		return mergeParty(before, given)
	}
	return valueOfAny(name, before, given)
}

func valueOfAny(name string, _, given json.RawMessage) json.RawMessage {
	if name == "action" {
		return withoutNulls(given)
	}
	return given
}

// mergeParty is a party as it is given, with what is known of it besides: if it
// has the same address, it is the same one. Another takes its place whole, or the
// old one's name would stand beside the new one's number.
func mergeParty(before, given json.RawMessage) json.RawMessage {
	var rooms [3][8]ordjson.Member
	party, err := ordjson.ParseInto(rooms[0][:0], given)
	if err != nil {
		return given
	}
	old, _ := ordjson.ParseInto(rooms[1][:0], before) // where there was none, nothing is known of it
	if !sameAddress(old.Get("address"), party.Get("address")) {
		return withoutNulls(given)
	}
	whole := merge(rooms[2][:0], old, party, valueOfAny)
	sortMembers("party", whole)
	var room [256]byte
	if text := whole.Append(room[:0]); !bytes.Equal(text, given) { // as it is most often
		return bytes.Clone(text)
	}
	return given
}

// sameAddress compares two addresses. A leading + does not count; what has none is the
// same as nobody.
func sameAddress(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) && len(b) > len(`"+"`) && b[0] == '"' {
		return true
	}
	textA, _ := ordjson.Unquote(a) // what is no text is no address
	textB, _ := ordjson.Unquote(b)
	address := strings.TrimPrefix(textB, "+")
	return address != "" && address == strings.TrimPrefix(textA, "+")
}

// withoutNulls is an object without the members that say that they are unset.
func withoutNulls(raw json.RawMessage) json.RawMessage {
	var room [8]ordjson.Member
	o, err := ordjson.ParseInto(room[:0], raw)
	if err != nil || !slices.ContainsFunc(o, unset) {
		return raw
	}
	return slices.DeleteFunc(o, unset).Append(nil)
}

func unset(m ordjson.Member) bool { return ordjson.Null(m.Value) }

// sortMembers puts the members into the order of the catalogue; unknown ones come
// last, in the order in which they came.
func sortMembers(kind string, o ordjson.Object) {
	if r, ok := catalogue.ResourceOf(kind); ok {
		r.Sort(o)
	}
}
