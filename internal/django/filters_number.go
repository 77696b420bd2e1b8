package django

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// add adds numbers, else joins texts or lists.
func add(r *run, in, arg any) any {
	a, ok := numberOf(in)
	b, also := numberOf(arg)
	if ok && also {
		if sum := a.i + b.i; a.whole && b.whole && (sum > a.i) == (b.i > 0) {
			return sum
		}
		return number{f: a.float() + b.float()}.value()
	}
	if x, ok := in.([]any); ok {
		if y, ok := arg.([]any); ok {
			r.list(len(x) + len(y))
			return append(append(make([]any, 0, len(x)+len(y)), x...), y...)
		}
		return nil
	}
	joined := r.buffer()
	joined.write(r.text(in))
	joined.write(r.text(arg))
	return joined.String()
}

func divisibleby(_ *run, in, arg any) any {
	n, ok := wholeOf(in)
	by, also := wholeOf(arg)
	return ok && also && by != 0 && n%by == 0
}

func getDigit(_ *run, in, arg any) any {
	n, ok := wholeOf(in)
	place, also := wholeOf(arg)
	if !ok || !also || place < 1 {
		return in
	}
	digits := strings.TrimPrefix(strconv.Itoa(n), "-")
	if place > len(digits) {
		return int64(0)
	}
	return int64(digits[len(digits)-place] - '0')
}

// floatformat rounds halves away from zero, in decimals, as they are written. A negative
// number of places, which is usual, leaves the places out if they are all zero; "g" behind it
// groups the thousands.
func floatformat(r *run, in, arg any) any {
	n, ok := numberOf(in)
	if !ok {
		return ""
	}
	places, grouped := strings.CutSuffix(strings.TrimSuffix(r.given(arg, "-1"), "u"), "g")
	p, ok := wholeOf(places)
	if places == "" {
		p, ok = -1, true
	}
	if !ok || p > 100 || p < -100 {
		return r.text(in)
	}
	r.room(128 + 8*max(p, -p))
	digits := plain(in, n)
	result := round(digits, max(p, -p))
	if whole, rest, _ := strings.Cut(result, "."); p < 0 && strings.Trim(rest, "0") == "" {
		result = whole
	}
	if grouped {
		result = thousands(result)
	}
	return result
}

// plain is a number in decimals, without an exponent.
func plain(in any, n number) string {
	if n.whole {
		return strconv.FormatInt(n.i, 10)
	}
	switch in := in.(type) {
	case json.Number:
		if !strings.ContainsAny(string(in), "eE") {
			return string(in)
		}
	case string:
		if s := strings.TrimSpace(in); !strings.ContainsAny(s, "eE") {
			return s
		}
	}
	return strconv.FormatFloat(n.f, 'f', -1, 64)
}

// round rounds a decimal number to so many places.
func round(s string, places int) string {
	sign := ""
	if strings.HasPrefix(s, "-") || strings.HasPrefix(s, "+") {
		sign, s = strings.TrimPrefix(s[:1], "+"), s[1:]
	}
	whole, rest, _ := strings.Cut(s, ".")
	if len(rest) <= places {
		rest += strings.Repeat("0", places-len(rest))
		return signed(sign, whole, rest)
	}
	digits := []byte("0" + whole + rest[:places])
	if rest[places] >= '5' {
		for i := len(digits) - 1; ; i-- {
			if digits[i]++; digits[i] <= '9' {
				break
			}
			digits[i] = '0'
		}
	}
	end := len(digits) - places
	return signed(sign, string(digits[:end]), string(digits[end:]))
}

func signed(sign, whole, rest string) string {
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if whole == "0" && strings.Trim(rest, "0") == "" {
		sign = ""
	}
	if rest != "" {
		rest = "." + rest
	}
	return sign + whole + rest
}

// thousands puts commas into a decimal number.
func thousands(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, rest, dot := strings.Cut(s, ".")
	var b strings.Builder
	b.WriteString(sign)
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(whole[i])
	}
	if dot {
		b.WriteString("." + rest)
	}
	return b.String()
}

func intcomma(r *run, in, _ any) any {
	if n, ok := numberOf(in); ok {
		r.room(256)
		return thousands(plain(in, n))
	}
	return in
}

func formatInteger(r *run, in, _ any) any {
	if n, ok := numberOf(in); ok && n.whole {
		r.room(ofValue)
		return strconv.FormatInt(n.i, 10)
	}
	return in
}

func formatNumber(r *run, in, _ any) any {
	if n, ok := numberOf(in); ok {
		r.room(256)
		return plain(in, n)
	}
	return in
}

func filesizeformat(r *run, in, _ any) any {
	r.room(128)
	n, _ := numberOf(in)
	size, sign := n.float(), ""
	if size < 0 {
		size, sign = -size, "-"
	}
	if size < 1024 {
		if math.Trunc(size) == 1 {
			return sign + "1 byte"
		}
		return fmt.Sprintf("%s%d bytes", sign, int(size))
	}
	units := []string{"KB", "MB", "GB", "TB", "PB"}
	i := 0
	for size /= 1024; size >= 1024 && i < len(units)-1; size /= 1024 {
		i++
	}
	return sign + round(strconv.FormatFloat(size, 'f', -1, 64), 1) + " " + units[i]
}

// pluralize is "s" unless the number, or the length of the list, is 1. Of what is neither, it
// says nothing.
func pluralize(r *run, in, arg any) any {
	one, many, two := strings.Cut(r.given(arg, "s"), ",")
	if !two {
		one, many = "", one
	} else {
		many, _, _ = strings.Cut(many, ",")
	}
	n, ok := numberOf(in)
	if !ok {
		n, ok = number{i: int64(size(in)), whole: true}, size(in) >= 0
	}
	switch {
	case !ok:
		return ""
	case n.float() == 1:
		return like(arg, one)
	}
	return like(arg, many)
}

// yesno is one of the words for true, false and nothing.
func yesno(r *run, in, arg any) any {
	r.room(4 * ofValue)
	words := strings.SplitN(r.given(arg, "yes,no,maybe"), ",", 4)
	switch {
	case len(words) < 2:
		return in
	case truth(in):
		return like(arg, words[0])
	case in == nil && len(words) > 2:
		return like(arg, words[2])
	}
	return like(arg, words[1])
}

// like trusts a part of an argument as much as the argument.
func like(arg any, part string) any {
	if harmless(arg) {
		return Trusted(part)
	}
	return part
}

// stringformat is Python's "%" with a format whose % is left out, such as "05.2f".
func stringformat(r *run, in, arg any) any {
	f := r.text(arg)
	flags := f[:len(f)-len(strings.TrimLeft(f, "-+ #0"))]
	if len(flags) > 5 {
		return ""
	}
	width, rest := leading(f[len(flags):])
	precision := -1
	if dotted, ok := strings.CutPrefix(rest, "."); ok {
		precision, rest = leading(dotted)
	}
	if len(rest) != 1 || width > maxMade || precision > 100 {
		return ""
	}
	r.room(256 + max(precision, 0) + min(width, 400))
	s, ok := r.converted(in, flags, rest[0], precision, width)
	if !ok {
		return ""
	}
	return r.justified(s, flags, width)
}

// leading reads the digits at the beginning.
func leading(s string) (int, string) {
	n := 0
	for s != "" && isDigit(s[0]) {
		n = min(n*10+int(s[0]-'0'), maxMade+1)
		s = s[1:]
	}
	return n, s
}

// converted writes a value as the letter of a format says, if it can be.
func (r *run) converted(in any, flags string, letter byte, precision, width int) (string, bool) {
	n, ok := numberOf(in)
	verb := "%" + strings.Map(func(c rune) rune {
		if strings.ContainsRune("+ #", c) {
			return c
		}
		return -1
	}, flags)
	zeros := 0
	if strings.Contains(flags, "0") && !strings.Contains(flags, "-") && width <= 400 {
		zeros = width
	}
	switch letter {
	case 's', 'r', 'a':
		s := r.text(in)
		if precision >= 0 {
			r.read(len(s))
			s = s[:offset(s, precision)]
		}
		return s, true
	case 'd', 'i', 'u', 'x', 'X', 'o':
		if i, whole := wholeOf(in); ok && whole {
			if letter == 'i' || letter == 'u' {
				letter = 'd'
			}
			if precision >= 0 {
				return fmt.Sprintf(verb+".*"+string(letter), max(precision, 1), i), true
			}
			return fmt.Sprintf(verb+"0*"+string(letter), max(zeros, 1), i), true
		}
	case 'e', 'E', 'f', 'F', 'g', 'G':
		if precision < 0 {
			precision = 6
		}
		if ok {
			return fmt.Sprintf(verb+"0*.*"+string(letter), max(zeros, 1), precision, n.float()), true
		}
	case 'c':
		if i, whole := wholeOf(in); whole && i > 0 && i <= 0x10FFFF {
			c := string(rune(i))
			if _, trusted := in.(Trusted); trusted { // escaped or not, it was another sign before
				return r.safe(c), true
			}
			return c, true
		}
	}
	return "", false
}

func (r *run) justified(s, flags string, width int) string {
	if strings.Contains(flags, "-") {
		return r.padded(s, 0, width)
	}
	return r.padded(s, width, 0)
}
