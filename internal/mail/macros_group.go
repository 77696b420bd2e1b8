package mail

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// A group is macros by their names, such as caller_id's.
type group map[string]any

const (
	mostItems = 100
	mostRunes = 10_000
)

// set puts a macro where there is something to put: no nil, no empty text, list or
// group, no zero time. It bounds what it puts.
func (g group) set(name string, value any) {
	switch v := value.(type) {
	case string:
		value = line(v)
	case group:
		value = map[string]any(v)
	}
	if bounded, leftOut := bound(value, 0); bounded != nil {
		g[name] = bounded
		if leftOut > 0 {
			g[name+"_left_out"] = int64(leftOut)
		}
	}
}

// prose is set for a text of several lines.
func (g group) prose(name, text string) {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	var lines []string
	for l := range strings.SplitSeq(text, "\n") {
		lines = append(lines, strings.TrimRightFunc(clean(l), unicode.IsSpace))
	}
	if text = clip(strings.TrimSpace(strings.Join(lines, "\n"))); text != "" {
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

// bound makes a value small and leaves out what is empty in it. leftOut is how many
// items of a list, or members of an object, it did not take.
func bound(value any, depth int) (bounded any, leftOut int) {
	const deepest = 8
	switch v := value.(type) {
	case nil:
		return nil, 0
	case string:
		if v = clip(v); v == "" {
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
		return boundList(v, depth)
	case map[string]any:
		if depth > deepest {
			return nil, 0
		}
		return boundMap(v, depth)
	default:
		return v, 0
	}
}

func boundList(v []any, depth int) (bounded any, leftOut int) {
	kept := make([]any, 0, min(len(v), mostItems))
	for _, item := range v[:min(len(v), mostItems)] {
		if b, _ := bound(item, depth+1); b != nil {
			kept = append(kept, b)
		}
	}
	if len(kept) == 0 {
		return nil, 0
	}
	return kept, max(len(v)-mostItems, 0)
}

func boundMap(v map[string]any, depth int) (bounded any, leftOut int) {
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	kept := map[string]any{}
	for _, name := range names[:min(len(names), mostItems)] {
		if b, more := bound(v[name], depth+1); b != nil {
			kept[name] = b
			if more > 0 {
				kept[name+"_left_out"] = int64(more)
			}
		}
	}
	if len(kept) == 0 {
		return nil, 0
	}
	return kept, max(len(names)-mostItems, 0)
}

func clip(s string) string {
	if len(s) <= mostRunes { // no more runes than bytes
		return s
	}
	if r := []rune(s[:min(len(s), 4*mostRunes)]); len(r) > mostRunes {
		return string(r[:mostRunes]) + "…"
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

// moment reads a time: RFC 3339, a day, seconds as Kazoo counts them, or as Unix does.
func moment(v any) time.Time {
	if s, ok := v.(string); ok {
		for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
			if t, err := time.Parse(layout, s); err == nil {
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
