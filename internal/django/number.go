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
		return number{f: v}, true
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

// clipBytes: no number is longer than that.
func clipBytes(s string) string { return s[:min(len(s), 400)] }

func parseNumber(s string) (number, bool) {
	if len(s) > 400 || s == "" || !isDigit(s[len(s)-1]) && s[len(s)-1] != '.' {
		return number{}, false
	}
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return number{i: i, whole: true}, true
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) || strings.ContainsAny(s, "xX_") {
		return number{}, false
	}
	return number{f: f}, true
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
