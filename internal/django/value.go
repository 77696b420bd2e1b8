package django

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// lookup finds what a name stands for: the nearest that a tag has bound, else the data.
func (r *run) lookup(name string) (any, bool) {
	r.step(1 + len(r.vars)>>4)
	for _, v := range slices.Backward(r.vars) {
		if v.name == name {
			return v.value, true
		}
	}
	v, ok := r.data[name]
	return v, ok
}

// bind binds a name up to the end of the block.
func (r *run) bind(name string, v any) {
	if len(r.vars) == cap(r.vars) {
		r.list(4*len(r.vars) + 8)
	}
	r.vars = append(r.vars, binding{name, v})
}

// set is bind for tags that stand in a loop: what they set again takes no room.
func (r *run) set(name string, v any) {
	for i := len(r.vars) - 1; i >= r.frame; i-- {
		if r.vars[i].name == name {
			r.vars[i].value = v
			return
		}
	}
	r.bind(name, v)
}

// scoped renders nodes and forgets what was bound since from.
func (r *run) scoped(from int, nodes []node) {
	frame := r.frame
	r.frame = from
	r.nodes(nodes)
	clear(r.vars[from:])
	r.vars = r.vars[:from]
	r.frame = frame
}

// member is a.name: a member of an object, an element of a list, a letter of a text.
func (r *run) member(v any, name string) any {
	r.step(1)
	switch v := v.(type) {
	case map[string]any:
		return v[name]
	case Object:
		for i := range v {
			if v[i].Name == name {
				r.step(i >> 3)
				return v[i].Value
			}
		}
		r.step(len(v) >> 3)
	case []any:
		if i, ok := place(name); ok && i < len(v) {
			return v[i]
		}
	case *loop:
		r.room(ofValue)
		return v.member(name)
	case *group:
		switch name {
		case "grouper", "0":
			return v.grouper
		case "list", "1":
			return v.list
		}
	case string, Trusted:
		if i, ok := place(name); ok {
			r.room(ofValue)
			return r.letter(r.text(v), i)
		}
	}
	return nil
}

// place is a name that is the place of an element: strconv would say of each that is none why.
func place(name string) (int, bool) {
	n := 0
	for i := range len(name) {
		if !isDigit(name[i]) || i == 9 {
			return 0, false
		}
		n = n*10 + int(name[i]-'0')
	}
	return n, name != ""
}

func (r *run) letter(s string, i int) any {
	r.read(len(s))
	for at := range s {
		if i == 0 {
			_, size := utf8.DecodeRuneInString(s[at:])
			return s[at : at+size]
		}
		i--
	}
	return nil
}

// text is a value as text. Objects and lists are written out, so far as the budget goes.
func (r *run) text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case Trusted:
		return string(v)
	case json.Number:
		return string(v)
	case bool:
		return strconv.FormatBool(v)
	case int64:
		r.room(ofValue)
		return strconv.FormatInt(v, 10)
	case int:
		r.room(ofValue)
		return strconv.Itoa(v)
	case float64:
		r.room(2 * ofValue)
		return decimal(v)
	case time.Time:
		r.room(2 * ofValue)
		return v.Format(time.DateTime)
	case []any, map[string]any, Object, *group:
		if t, ok := r.local(v); ok {
			return r.text(t)
		}
		b := r.buffer()
		r.writeValue(b, v, 0)
		return b.String()
	}
	return ""
}

func decimal(f float64) string {
	if math.Abs(f) >= 1e21 || f != 0 && math.Abs(f) < 1e-7 {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// writeValue writes a list as its elements with commas between them and an object as
// "name: value" likewise.
func (r *run) writeValue(b *buffer, v any, depth int) {
	r.step(1)
	if depth > maxDepth {
		r.fail("the data is nested too deeply to be written out")
	}
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			if i > 0 {
				b.write(", ")
			}
			r.writeValue(b, e, depth+1)
		}
	case *group:
		r.writeValue(b, v.list, depth+1)
	case map[string]any, Object:
		if t, ok := r.local(v); ok {
			b.write(r.text(t))
			return
		}
		first := true
		r.members(v, func(name string, value any) {
			if !first {
				b.write(", ")
			}
			first = false
			b.write(name)
			b.write(": ")
			r.writeValue(b, value, depth+1)
		})
	default:
		b.write(r.text(v))
	}
}

// members visits the members of an object, in their order.
func (r *run) members(v any, visit func(name string, value any)) {
	switch v := v.(type) {
	case Object:
		for _, m := range v {
			visit(m.Name, m.Value)
		}
	case map[string]any:
		r.list(len(v))
		r.step(len(v) * 2)
		names := make([]string, 0, len(v))
		for n := range v {
			names = append(names, n)
		}
		slices.Sort(names)
		for _, n := range names {
			visit(n, v[n])
		}
	}
}

// write writes a value to the result.
func (r *run) write(v any) {
	if t, trusted := v.(Trusted); trusted || !r.escape {
		if !trusted {
			t = Trusted(r.text(v))
		}
		r.out.write(string(t))
		return
	}
	r.out.escape(r.text(v))
}

// safe is a value as HTML: what is not trusted is escaped, where that is done at all.
func (r *run) safe(v any) string {
	if _, trusted := v.(Trusted); trusted || !r.escape {
		return r.text(v)
	}
	b := r.buffer()
	b.escape(r.text(v))
	return b.String()
}

// truth says whether a value counts as true: what is empty does not, nor does the text "0",
// as in ErlyDTL.
func truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != "" && v != "0"
	case Trusted:
		return v != "" && v != "0"
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	case Object:
		return len(v) > 0
	case time.Time:
		return !v.IsZero()
	case *group, *loop:
		return true
	}
	n, ok := numeric(v)
	return ok && n.float() != 0
}

// equal compares two values. As in ErlyDTL, a text is equal to what it is written like.
func (r *run) equal(a, b any, depth int) bool {
	r.step(1)
	if depth > maxDepth {
		r.fail("the data is nested too deeply to be compared")
	}
	switch a := a.(type) {
	case nil:
		return b == nil
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, func(x, y any) bool { return r.equal(x, y, depth+1) })
	case map[string]any, Object:
		return r.equalObjects(a, b, depth)
	case time.Time:
		b, ok := b.(time.Time)
		return ok && a.Equal(b)
	case *group, *loop:
		return a == b
	}
	switch b.(type) {
	case nil, []any, map[string]any, Object, *group, *loop:
		return false
	}
	m, isM := numeric(a)
	n, isN := numeric(b)
	if isM && isN {
		return m == n || m.whole != n.whole && m.float() == n.float()
	}
	s, t := r.text(a), r.text(b)
	r.read(min(len(s), len(t)))
	_, boolA := a.(bool)
	_, boolB := b.(bool)
	return s == t || (boolA || boolB) && strings.EqualFold(s, t)
}

func (r *run) equalObjects(a, b any, depth int) bool {
	if size(a) != size(b) {
		return false
	}
	same := true
	r.members(a, func(name string, v any) {
		same = same && r.equal(v, r.member(b, name), depth+1)
	})
	return same
}

// size is how many elements or members a value has; -1: it has none.
func size(v any) int {
	switch v := v.(type) {
	case []any:
		return len(v)
	case map[string]any:
		return len(v)
	case Object:
		return len(v)
	}
	return -1
}

// compare says how two values follow one another; false: they do not.
func (r *run) compare(a, b any) (int, bool) {
	switch x := a.(type) {
	case time.Time:
		if y, ok := b.(time.Time); ok {
			return x.Compare(y), true
		}
		return 0, false
	case string, Trusted:
		switch b.(type) {
		case string, Trusted:
			s, t := r.text(a), r.text(b)
			r.read(min(len(s), len(t)))
			return strings.Compare(s, t), true
		}
	}
	m, ok := numberOf(a)
	n, also := numberOf(b)
	switch {
	case !ok || !also:
		return 0, false
	case m.whole && n.whole:
		return cmp.Compare(m.i, n.i), true
	case m.float() < n.float():
		return -1, true
	case m.float() > n.float():
		return 1, true
	}
	return 0, true
}
