package kazoo

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/switchhook/switchhook/internal/dialect"
)

// appendForm writes an object as kz_http_util:json_to_querystring does: names
// as they are, an object's members as name[member], a list's values as name[].
// An empty object or list leaves an empty segment. Kazoo dies of null; here the
// key is not there.
func appendForm(dst []byte, m members) []byte {
	var path [128]byte
	return appendSegments(dst, path[:0], m)
}

// appendSegments writes the members of the object that path names, or of the
// payload where it is empty.
func appendSegments(dst, path []byte, m members) []byte {
	first := true
	for i := range m {
		f := &m[i]
		if f.kind == null {
			continue
		}
		if !first {
			dst = append(dst, '&')
		}
		first = false
		name := append(path, f.name...) //nolint:gocritic // each member's name grows out of the path
		if len(path) > 0 {
			name = append(append(append(path, '['), f.name...), ']')
		}
		switch f.kind { //nolint:exhaustive // the others are plain values
		case object:
			dst = appendSegments(dst, name, f.members)
		case list:
			for j := range f.members {
				if j > 0 {
					dst = append(dst, '&')
				}
				dst = append(append(dst, name...), "[]="...)
				dst = appendFormValue(dst, &f.members[j].value)
			}
		default:
			dst = append(append(dst, name...), '=')
			dst = appendFormValue(dst, &f.value)
		}
	}
	return dst
}

// appendFormValue writes a text, and any other value as compact JSON.
func appendFormValue(dst []byte, v *value) []byte {
	switch v.kind { //nolint:exhaustive // these have nothing that is escaped
	case text:
		return dialect.AppendEscaped(dst, v.text, dialect.Escape{Plus: true})
	case integer, boolean:
		return jiffy{}.append(dst, v, 0)
	default:
		return dialect.AppendEscaped(dst, string(jiffy{}.append(nil, v, 0)), dialect.Escape{Plus: true})
	}
}

// query is a form as it can stand in an address. Kazoo puts names there as they
// are; a name with a blank or a # in it, which would end the address, or with
// bytes that no address has, is escaped here.
func query(form []byte) string {
	b := make([]byte, 0, len(form))
	for _, c := range form {
		if c > ' ' && c < 0x7f && c != '#' {
			b = append(b, c)
		} else {
			b = append(b, '%', dialect.UpperHex[c>>4], dialect.UpperHex[c&15])
		}
	}
	return string(b)
}

// jiffy writes JSON as the Erlang library of that name does, which Kazoo uses
// (c_src/encoder.c). Pretty, it puts blanks on both sides of the colon, indents
// by two and breaks even an empty object over two lines. Sorted, objects have
// their members in the order of their names (Kazoo 5: kz_json:encode, canonical).
type jiffy struct{ pretty, sorted bool }

func (j jiffy) append(dst []byte, v *value, depth int) []byte {
	switch v.kind {
	case text:
		return appendString(dst, v.text)
	case number, written:
		return append(dst, v.text...)
	case integer:
		return strconv.AppendInt(dst, v.n, 10)
	case boolean:
		return strconv.AppendBool(dst, v.n != 0)
	case object:
		return j.object(dst, v.members, depth)
	case list:
		dst = j.line(append(dst, '['), depth+1)
		for i := range v.members {
			if i > 0 {
				dst = j.line(append(dst, ','), depth+1)
			}
			dst = j.append(dst, &v.members[i].value, depth+1)
		}
		return append(j.line(dst, depth), ']')
	case null:
		return append(dst, "null"...)
	default:
		return append(dst, "null"...)
	}
}

func (j jiffy) object(dst []byte, m members, depth int) []byte {
	var room [64]int
	var order []int
	if j.sorted {
		order = byName(room[:0], m)
	}
	dst = j.line(append(dst, '{'), depth+1)
	for i := range m {
		f := &m[i]
		if j.sorted {
			f = &m[order[i]]
		}
		if i > 0 {
			dst = j.line(append(dst, ','), depth+1)
		}
		dst = appendString(dst, f.name)
		if j.pretty {
			dst = append(dst, " : "...)
		} else {
			dst = append(dst, ':')
		}
		dst = j.append(dst, &f.value, depth+1)
	}
	return append(j.line(dst, depth), '}')
}

// byName is the places of the members in the order of their names. They are not
// moved themselves: the same payload's form keeps its order.
func byName(order []int, m members) []int {
	for i := range m {
		order = append(order, i)
	}
	if len(m) > 64 {
		slices.SortFunc(order, func(a, b int) int { return strings.Compare(m[a].name, m[b].name) })
		return order
	}
	for i := range order { // few, and nearly in that order
		for ; i > 0 && m[order[i]].name < m[order[i-1]].name; i-- {
			order[i], order[i-1] = order[i-1], order[i]
		}
	}
	return order
}

// deepestIndent keeps data that is nested without end from growing without bound.
const deepestIndent = 50

func (j jiffy) line(dst []byte, depth int) []byte {
	if !j.pretty {
		return dst
	}
	dst = append(dst, '\n')
	for range min(depth, deepestIndent) {
		dst = append(dst, "  "...)
	}
	return dst
}

// canonical is a value as Kazoo 5 writes and signs it.
func canonical(v value) []byte { return jiffy{sorted: true}.append(nil, &v, 0) }

// appendString escapes quote, backslash and what is below the blank, in upper
// case; everything else, / and letters beyond ASCII too, stays as it is.
func appendString(dst []byte, s string) []byte {
	start, done, ascii := len(dst), 0, true
	dst = append(dst, '"')
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf && ascii {
			if !utf8.ValidString(s[i:]) {
				return appendString(dst[:start], strings.ToValidUTF8(s, "\uFFFD"))
			}
			ascii = false
		}
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[done:i]...)
		done = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, '\\', 'u', '0', '0', dialect.UpperHex[c>>4], dialect.UpperHex[c&15])
		}
	}
	return append(append(dst, s[done:]...), '"')
}
