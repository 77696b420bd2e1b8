package django

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// A number is a number of either kind.
type number struct {
	i     int64
	f     float64
	whole bool
}

func (n number) float() float64 {
	if n.whole {
		return float64(n.i)
	}
	return n.f
}

// value is the number as a value.
func (n number) value() any {
	if n.whole {
		return n.i
	}
	return n.f
}

// numeric is a value that is a number; texts are not.
func numeric(v any) (number, bool) {
	switch v := v.(type) {
	case int64:
		return number{i: v, whole: true}, true
	case int:
		return number{i: int64(v), whole: true}, true
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return number{i: int64(v), whole: true}, true
		}
		return number{f: v}, math.Abs(v) < largestNumber // NaN is not
	case json.Number:
		return parseNumber(string(v))
	}
	return number{}, false
}

// numberOf is a value as a number; texts that are written so are ones.
func numberOf(v any) (number, bool) {
	switch v := v.(type) {
	case string:
		return parseNumber(strings.TrimSpace(clipBytes(v)))
	case Trusted:
		return parseNumber(strings.TrimSpace(clipBytes(string(v))))
	case bool:
		if v {
			return number{i: 1, whole: true}, true
		}
		return number{whole: true}, true
	}
	return numeric(v)
}

// longestNumber is how long a number may be, in bytes, and largestNumber how large: what goes
// beyond is a text. Whoever reads or writes one out pays a step or two, whatever it is, and
// strconv takes 0.1 ms for four hundred digits or an exponent of -308.
const (
	longestNumber = 40
	largestNumber = 1e40
)

// clipBytes keeps of a text so much that it is no number if it was none.
func clipBytes(s string) string { return s[:min(len(s), 400)] }

func parseNumber(s string) (number, bool) {
	whole, ok := spelled(s)
	if !ok {
		return number{}, false
	}
	if whole {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return number{i: i, whole: true}, true
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	return number{f: f}, err == nil && math.Abs(f) < largestNumber
}

// spelled reports whether a text is written as a number, and as a whole one: strconv would
// say so too, in an error that costs memory.
func spelled(s string) (whole, ok bool) {
	if len(s) > longestNumber {
		return false, false
	}
	if s != "" && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	digits := func() (n int) {
		for n < len(s) && isDigit(s[n]) {
			n++
		}
		s = s[n:]
		return n
	}
	n := digits()
	if s == "" {
		return true, n > 0
	}
	if s[0] == '.' {
		s = s[1:]
		n += digits()
	}
	if n > 0 && s != "" && s[0]|0x20 == 'e' {
		if s = s[1:]; s != "" && (s[0] == '-' || s[0] == '+') {
			s = s[1:]
		}
		n = digits()
		return false, n > 0 && n < 3 && s == ""
	}
	return false, n > 0 && s == ""
}

// wholeOf is a value as a whole number.
func wholeOf(v any) (int, bool) {
	n, ok := numberOf(v)
	switch {
	case !ok:
		return 0, false
	case n.whole:
		return int(n.i), true
	case math.Abs(n.f) < 1<<53:
		return int(n.f), true
	}
	return 0, false
}
