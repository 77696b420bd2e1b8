package kazoo

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/internal/dialect"
)

// appendForm writes an object as kz_http_util:json_to_querystring does: names
// as they are, an object's members as name[member], a list's values as name[].
// An empty object or list leaves an empty segment. Kazoo dies of null; here the
// key is not there.
func appendForm(dst []byte, prefix string, o dialect.Object) []byte {
	first := true
	for _, f := range o {
		if f.Value == nil {
			continue
		}
		if !first {
			dst = append(dst, '&')
		}
		first = false
		name := f.Name
		if prefix != "" {
			name = prefix + "[" + name + "]"
		}
		switch v := f.Value.(type) {
		case dialect.Object:
			dst = appendForm(dst, name, v)
		case []any:
			for i, e := range v {
				if i > 0 {
					dst = append(dst, '&')
				}
				dst = append(dst, name...)
				dst = append(dst, "[]="...)
				dst = appendFormValue(dst, e)
			}
		default:
			dst = append(dst, name...)
			dst = append(dst, '=')
			dst = appendFormValue(dst, v)
		}
	}
	return dst
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
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b)
}

const upperHex = "0123456789ABCDEF"

// appendFormValue writes a string, and any other value as compact JSON.
func appendFormValue(dst []byte, v any) []byte {
	s, ok := v.(string)
	if !ok {
		s = string(compactJSON(v))
	}
	return dialect.AppendEscaped(dst, s, dialect.Escape{Plus: true})
}

// compactJSON and prettyJSON write a value as the Erlang library jiffy does,
// which Kazoo uses (c_src/encoder.c). Pretty, it puts blanks on both sides of
// the colon, indents by two and breaks even an empty object over two lines.
func compactJSON(v any) []byte { return jiffy{}.append(nil, v, 0) }

func prettyJSON(v any) []byte { return jiffy{pretty: true}.append(nil, v, 0) }

type jiffy struct{ pretty bool }

func (j jiffy) append(dst []byte, v any, depth int) []byte {
	switch v := v.(type) {
	case string:
		return appendString(dst, v)
	case dialect.Object:
		dst = j.line(append(dst, '{'), depth+1)
		for i, f := range v {
			if i > 0 {
				dst = j.line(append(dst, ','), depth+1)
			}
			dst = appendString(dst, f.Name)
			if j.pretty {
				dst = append(dst, " : "...)
			} else {
				dst = append(dst, ':')
			}
			dst = j.append(dst, f.Value, depth+1)
		}
		return append(j.line(dst, depth), '}')
	case []any:
		dst = j.line(append(dst, '['), depth+1)
		for i, e := range v {
			if i > 0 {
				dst = j.line(append(dst, ','), depth+1)
			}
			dst = j.append(dst, e, depth+1)
		}
		return append(j.line(dst, depth), ']')
	default:
		return dialect.AppendJSON(dst, v, dialect.JSONStyle{}) // true, 7, null
	}
}

func (j jiffy) line(dst []byte, depth int) []byte {
	if !j.pretty {
		return dst
	}
	dst = append(dst, '\n')
	for range depth {
		dst = append(dst, "  "...)
	}
	return dst
}

// appendString escapes quote, backslash and what is below the blank, in upper
// case; everything else, / and letters beyond ASCII too, stays as it is.
func appendString(dst []byte, s string) []byte {
	s = strings.ToValidUTF8(s, "\uFFFD")
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; c {
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
			if c < ' ' {
				dst = append(dst, `\u00`...)
				c, dst = upperHex[c&15], append(dst, upperHex[c>>4])
			}
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// sorted is a value with the members of its objects in the order of their names,
// at every depth.
func sorted(v any) any {
	switch v := v.(type) {
	case dialect.Object:
		o := make(dialect.Object, 0, len(v))
		for _, f := range v {
			o.Add(f.Name, sorted(f.Value))
		}
		slices.SortFunc(o, func(a, b dialect.Field) int { return strings.Compare(a.Name, b.Name) })
		return o
	case []any:
		list := make([]any, 0, len(v))
		for _, e := range v {
			list = append(list, sorted(e))
		}
		return list
	default:
		return v
	}
}

// normalize turns the names of a bus message into those of a webhook: small
// letters, - becomes _, at every depth; what is null is left out.
func normalize(v any) any {
	switch v := v.(type) {
	case dialect.Object:
		o := make(dialect.Object, 0, len(v))
		for _, f := range v {
			if f.Value != nil {
				o.Set(normalizeKey(f.Name), normalize(f.Value))
			}
		}
		return o
	case []any:
		list := make([]any, 0, len(v))
		for _, e := range v {
			list = append(list, normalize(e))
		}
		return list
	default:
		return v
	}
}

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
