package kazoo

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// The limits of a form: more than any payload of Kazoo's has.
const (
	mostFields = 10_000
	deepest    = 20
)

// readForm reads a form as Kazoo writes it: a[b]=v is a member b of the object a,
// a[]=v one value of the list a, names are not encoded, and an empty object or
// list leaves an empty segment. gaps are the places of these. The names of a query
// can be encoded: an address has no blanks.
func readForm(form string, query bool) (o ordjson.Object, gaps []int, err error) {
	top := &node{members: map[string]*node{}}
	fields := 0
	for segment := range strings.SplitSeq(form, "&") {
		if fields++; fields > mostFields {
			return nil, nil, switchhook.Errorf(switchhook.CodeTooLarge, "the form has more than %d fields", mostFields)
		}
		if segment == "" {
			gaps = append(gaps, fields-1)
			continue
		}
		name, value, found := strings.Cut(segment, "=")
		if encoded := strings.ToUpper(name); query && strings.Contains(encoded, "%") || strings.Contains(encoded, "%5B") { // by others than Kazoo
			if plain, err := url.QueryUnescape(name); err == nil {
				name = plain
			}
		}
		name = strings.ToValidUTF8(name, "\uFFFD")
		if !found {
			return nil, nil, switchhook.Errorf(switchhook.CodeMalformed, "the body is no form: %.40q has no =", name)
		}
		plain, err := url.QueryUnescape(value)
		if err != nil {
			return nil, nil, switchhook.InvalidField(name, "is not percent-encoded as a form's values are: %.40q", value)
		}
		if err := top.add(name, plain); err != nil {
			return nil, nil, err
		}
	}
	return top.object(), gaps, nil
}

// A node is a value of a form: a text, a list of texts, or an object.
type node struct {
	text    string
	list    []string
	names   []string // of members, in order
	members map[string]*node
}

func (n *node) add(name, value string) error {
	path, list := split(name)
	if len(path) > deepest {
		return switchhook.InvalidField(name[:strings.IndexByte(name, '[')], "is nested more than %d deep", deepest)
	}
	value = strings.ToValidUTF8(value, "\uFFFD")
	for i, part := range path {
		if n.members == nil {
			return switchhook.InvalidField(name, "is there both as a value and as an object")
		}
		next, known := n.members[part]
		last := i == len(path)-1
		switch {
		case known && last && (!list || next.list == nil):
			return switchhook.InvalidField(name, "is there twice")
		case !known:
			next = &node{}
			if !last {
				next.members = map[string]*node{}
			}
			n.names = append(n.names, part)
			n.members[part] = next
		}
		n = next
	}
	if list {
		n.list = append(n.list, value)
	} else {
		n.text = value
	}
	return nil
}

// split takes a name such as a[b][] apart; list says that it ends with [].
func split(name string) (path []string, list bool) {
	head, inner, ok := strings.Cut(name, "[")
	if !ok || head == "" || !strings.HasSuffix(inner, "]") {
		return []string{name}, false
	}
	path = append([]string{head}, strings.Split(strings.TrimSuffix(inner, "]"), "][")...)
	if path[len(path)-1] == "" {
		path, list = path[:len(path)-1], true
	}
	if slices.Contains(path, "") {
		return []string{name}, false
	}
	return path, list
}

func (n *node) object() ordjson.Object {
	o := make(ordjson.Object, 0, len(n.names))
	for _, name := range n.names {
		o = append(o, ordjson.Member{Name: name, Value: n.members[name].value()})
	}
	return o
}

func (n *node) value() json.RawMessage {
	switch {
	case n.members != nil:
		return n.object().Append(nil)
	case n.list != nil:
		list := []byte{'['}
		for i, e := range n.list {
			if i > 0 {
				list = append(list, ',')
			}
			list = append(list, element(e)...)
		}
		return append(list, ']')
	default:
		return ordjson.String(n.text)
	}
}

// element is a list's value: an object among them is sent as JSON. What Kazoo
// would not have written so is a text that looks like it.
func element(s string) json.RawMessage {
	if strings.HasPrefix(s, "{") && !strings.Contains(s, `\u`) && !strings.Contains(s, `\/`) {
		if o, err := ordjson.Parse([]byte(s)); err == nil {
			if v, err := ordjson.Compact(o.Append(nil)); err == nil && string(v) == s {
				return v
			}
		}
	}
	return ordjson.String(s)
}
