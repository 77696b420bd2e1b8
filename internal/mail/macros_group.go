package mail

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// A group is macros by their names, such as caller_id's.
type group map[string]any

// What a macro is at most: so much that a reader wants, so little that a mail of them
// stays well below what the template language lets through, whatever a stranger sends.
const (
	mostItems = 100     // of a list, or members of an object
	mostBytes = 8 << 10 // of all texts in a list or an object
	mostProse = 10_000  // letters of a text of several lines
	mostLine  = 500     // letters of a text of one line
	mostLink  = 2 << 10 // bytes of an address: half of one is none
)

// set puts a macro where there is something to put: no nil, no empty text, list or
// group, no zero time. It bounds what it puts; a group was bounded when it was made.
func (g group) set(name string, value any) {
	switch v := value.(type) {
	case string:
		text := shorten(line(v), mostLine)
		if name == "link" {
			text = link(v)
		}
		if text != "" {
			g[name] = text
		}
		return
	case group:
		if len(v) > 0 {
			g[name] = map[string]any(v)
		}
		return
	}
	b := bounds{bytes: mostBytes}
	if bounded, leftOut := b.value(value, 0); bounded != nil {
		g[name] = bounded
		if leftOut > 0 {
			g[name+"_left_out"] = int64(leftOut)
		}
	}
}

// prose is set for a text of several lines.
func (g group) prose(name, text string) {
	if text = prose(text); text != "" {
		g[name] = text
	}
}

// text is a member that is a text, or a number as it is written, in one line.
func (g group) text(name string) string {
	switch v := g[name].(type) {
	case string:
		return line(v)
	case json.Number:
		return v.String()
	default:
		return ""
	}
}

// within is a member that is an object.
func (g group) within(name string) group {
	switch v := g[name].(type) {
	case map[string]any:
		return v
	case group:
		return v
	default:
		return nil
	}
}

// bounds are what may still be taken of a list or an object.
type bounds struct{ bytes int }

// value makes a value small and leaves out what is empty in it. leftOut is how many items
// of a list, or members of an object, it did not take.
func (b *bounds) value(value any, depth int) (bounded any, leftOut int) {
	const deepest = 8
	switch v := value.(type) {
	case nil:
		return nil, 0
	case string:
		if v = shorten(v, b.bytes); v == "" {
			return nil, 0
		}
		b.bytes -= len(v)
		return v, 0
	case json.Number:
		const digits = 40 // enough for any amount and any id
		if len(v) > digits {
			return nil, 0
		}
		return v, 0
	case time.Time:
		if v.IsZero() {
			return nil, 0
		}
		return v, 0
	case []any:
		if depth > deepest {
			return nil, 0
		}
		return b.list(v, depth)
	case map[string]any:
		if depth > deepest {
			return nil, 0
		}
		return b.members(v, depth)
	default:
		return v, 0
	}
}

func (b *bounds) list(v []any, depth int) (bounded any, leftOut int) {
	kept := make([]any, 0, min(len(v), mostItems))
	taken := 0
	for taken < min(len(v), mostItems) && b.bytes > 0 {
		item := v[taken]
		if s, ok := item.(string); ok {
			item = shorten(line(s), mostLine)
		}
		if item, _ := b.value(item, depth+1); item != nil {
			kept = append(kept, item)
		}
		taken++
	}
	if len(kept) == 0 {
		return nil, 0
	}
	return kept, len(v) - taken
}

func (b *bounds) members(v map[string]any, depth int) (bounded any, leftOut int) {
	kept := map[string]any{}
	taken := 0
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if taken == mostItems || b.bytes <= 0 {
			break
		}
		taken++
		value := v[name]
		if s, ok := value.(string); ok {
			value = said(name, s)
		}
		name = shorten(line(name), mostLine)
		b.bytes -= len(name)
		if member, more := b.value(value, depth+1); member != nil {
			kept[name] = member
			if more > 0 {
				kept[name+"_left_out"] = int64(more)
			}
		}
	}
	if len(kept) == 0 {
		return nil, 0
	}
	return kept, len(v) - taken
}

// said is a text by what its member is called: an address, one of several lines, or of one.
func said(name, s string) string {
	switch name {
	case "link":
		return link(s)
	case "message", "comments", "content", "text":
		return prose(s)
	default:
		return shorten(line(s), mostLine)
	}
}

// prose makes a text of several lines clean, and its lines end as they do here.
func prose(text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	var lines []string
	for l := range strings.SplitSeq(text, "\n") {
		lines = append(lines, strings.TrimRightFunc(clean(l), unicode.IsSpace))
	}
	return shorten(strings.TrimSpace(strings.Join(lines, "\n")), mostProse)
}

// shorten cuts a text after so many letters.
func shorten(s string, letters int) string {
	if len(s) <= letters { // no more letters than bytes
		return s
	}
	if letters <= 0 {
		return ""
	}
	n := 0
	for i := range s {
		if n == letters {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

// link lets through what a reader can click: no javascript: and the like, and no part of
// an address.
func link(s string) string {
	s = line(s)
	if len(s) > mostLink || strings.ContainsAny(s, " <>\"'") || !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") {
		return ""
	}
	return s
}

// line makes one line of a text.
func line(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// clean takes out what nobody can see, but that changes what others see: control
// characters, and those that turn the direction of writing.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case unicode.IsControl(r), r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069', r == '\ufffd':
			return -1
		default:
			return r
		}
	}, s)
}

// phone writes a number of the North American plan as people there read it. Others stay
// as they are: where their blanks go is not known here.
func phone(s string) string {
	s = line(s)
	if len(s) != len("+12025550143") || !strings.HasPrefix(s, "+1") || strings.IndexFunc(s[1:], func(r rune) bool { return r < '0' || r > '9' }) >= 0 {
		return s
	}
	return s[:2] + " " + s[2:5] + "-" + s[5:8] + "-" + s[8:]
}

// number is the value of a number or a text that is one.
func number(v any) (float64, bool) {
	var f float64
	var err error
	switch v := v.(type) {
	case json.Number:
		f, err = v.Float64()
	case string:
		f, err = strconv.ParseFloat(strings.TrimSpace(v), 64)
	case float64:
		f = v
	default:
		return 0, false
	}
	return f, err == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
}

// money writes an amount with two digits. What is no number is empty.
func money(v any) string {
	f, ok := number(v)
	if !ok || math.Abs(f) > 1e15 {
		return ""
	}
	return strconv.FormatFloat(f, 'f', 2, 64)
}

// gregorian are the seconds that Kazoo counts, from year 0.
func gregorian(t time.Time) int64 { return t.Unix() + 62167219200 }

// moment reads a time: RFC 3339, a day of the account's, seconds as Kazoo counts them, or
// as Unix does.
func (m *macros) moment(v any) time.Time {
	if s, ok := v.(string); ok {
		for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
			if t, err := time.ParseInLocation(layout, s, m.location); err == nil {
				return t
			}
		}
	}
	f, ok := number(v)
	switch {
	case !ok || f <= 0 || f > 3e11: // the year 9500 and something
		return time.Time{}
	case f > 6e10:
		return time.Unix(int64(f)-62167219200, 0)
	default:
		return time.Unix(int64(f), 0)
	}
}

// date is a time as Kazoo's macros tell it, for the filter date.
func (m *macros) date(t time.Time) group {
	g := group{}
	if t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return g
	}
	g.set("utc", t.UTC())
	g.set("local", t.In(m.location))
	g.set("timezone", m.zone)
	g.set("timestamp", gregorian(t))
	return g
}
