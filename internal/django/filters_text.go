package django

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// readable is the text of a value that is about to be read through.
func (r *run) readable(v any) string {
	s := r.text(v)
	r.read(len(s))
	return s
}

func upper(r *run, in, _ any) any {
	s := r.readable(in)
	r.room(len(s) + len(s)>>1)
	return strings.ToUpper(s)
}

func lower(r *run, in, _ any) any {
	s := r.readable(in)
	r.room(len(s) + len(s)>>1)
	return strings.ToLower(s)
}

func capfirst(r *run, in, _ any) any {
	s := r.text(in)
	first, size := utf8.DecodeRuneInString(s)
	if size == 0 || !unicode.IsLower(first) {
		return s
	}
	b := r.buffer()
	b.writeRune(unicode.ToUpper(first))
	b.write(s[size:])
	return b.String()
}

// title writes words with a capital first. An apostrophe is within a word (Who's), but behind
// a single letter another word begins, as in O'Malley.
func title(r *run, in, _ any) any {
	b := r.buffer()
	letters := 0 // of the word, so far
	for _, c := range r.readable(in) {
		if letters > 0 {
			b.writeRune(unicode.ToLower(c))
		} else {
			b.writeRune(unicode.ToTitle(c))
		}
		switch apostrophe := c == '\'' || c == '’'; {
		case unicode.IsLetter(c) || unicode.IsDigit(c):
			letters++
		case !apostrophe || letters == 1:
			letters = 0
		}
	}
	return b.String()
}

func addslashes(r *run, in, _ any) any {
	b := r.buffer()
	for _, c := range r.readable(in) {
		if c == '\\' || c == '"' || c == '\'' {
			b.writeByte('\\')
		}
		b.writeRune(c)
	}
	return b.String()
}

func cut(r *run, in, arg any) any {
	s, what := r.readable(in), r.text(arg)
	if what == "" || !strings.Contains(s, what) {
		return s
	}
	r.room(len(s))
	return strings.ReplaceAll(s, what, "")
}

func ljust(r *run, in, arg any) any {
	n, _ := wholeOf(arg)
	return r.padded(r.text(in), 0, n)
}

func rjust(r *run, in, arg any) any {
	n, _ := wholeOf(arg)
	return r.padded(r.text(in), n, 0)
}

func center(r *run, in, arg any) any {
	n, _ := wholeOf(arg)
	s := r.text(in)
	r.read(len(s))
	missing := n - utf8.RuneCountInString(s)
	if missing <= 0 {
		return s
	}
	left := missing/2 + missing&n&1 // as Python puts the odd one
	return r.padded(s, n-missing+left, n)
}

// padded puts spaces before a text up to a width, and then behind it up to another.
func (r *run) padded(s string, left, right int) string {
	r.read(len(s))
	n := utf8.RuneCountInString(s)
	before := max(left-n, 0)
	after := max(right-n-before, 0)
	if before == 0 && after == 0 {
		return s
	}
	if before > maxMade || after > maxMade {
		r.fail("the text is made too wide")
	}
	b := r.buffer()
	b.grow(before + len(s) + after)
	b.spaces(before)
	b.write(s)
	b.spaces(after)
	return b.String()
}

func wordcount(r *run, in, _ any) any {
	n := int64(0)
	for range strings.FieldsSeq(r.readable(in)) {
		n++
	}
	return n
}

// wordwrap breaks lines at spaces so that they have at most so many letters, if their words do.
func wordwrap(r *run, in, arg any) any {
	width, ok := wholeOf(arg)
	if !ok || width < 1 {
		return in
	}
	b := r.buffer()
	for line := range strings.SplitAfterSeq(r.readable(in), "\n") {
		at := 0
		for word := range strings.SplitSeq(line, " ") {
			r.step(1)
			n := utf8.RuneCountInString(strings.TrimRight(word, "\r\n"))
			switch {
			case at == 0:
			case at+1+n > width:
				b.writeByte('\n')
				at = 0
			default:
				b.writeByte(' ')
				at++
			}
			b.write(word)
			at += n
		}
	}
	return b.String()
}

const ellipsis = "…"

func truncatechars(r *run, in, arg any) any {
	n, ok := wholeOf(arg)
	s := r.readable(in)
	if !ok || utf8.RuneCountInString(s) <= n {
		return in
	}
	if n <= 1 {
		return ellipsis
	}
	b := r.buffer()
	b.write(s[:offset(s, n-1)])
	b.write(ellipsis)
	return b.String()
}

func truncatewords(r *run, in, arg any) any {
	n, ok := wholeOf(arg)
	if !ok {
		return in
	}
	b := r.buffer()
	i := 0
	for word := range strings.FieldsSeq(r.readable(in)) {
		if i >= n {
			b.write(" " + ellipsis)
			break
		}
		if i > 0 {
			b.writeByte(' ')
		}
		b.write(word)
		i++
	}
	return b.String()
}

func phone2numeric(r *run, in, _ any) any {
	s := r.readable(in)
	r.room(len(s) + len(s)>>1)
	return strings.Map(func(c rune) rune {
		if c|0x20 >= 'a' && c|0x20 <= 'z' && c < 0x80 {
			return rune("22233344455566677778889999"[c|0x20-'a'])
		}
		return c
	}, s)
}

// slugify is a text as a part of an address: a-caller-s-name.
func slugify(r *run, in, _ any) any {
	b := r.buffer()
	s := r.readable(in)
	r.step(len(s) >> 4)
	gap := false
	for _, c := range s {
		c = unaccented(unicode.ToLower(c))
		switch {
		case c == '-' || unicode.IsSpace(c):
			gap = b.len() > 0
		case c < 0x80 && isWord(c):
			if gap {
				b.writeByte('-')
			}
			gap = false
			b.writeRune(c)
		}
	}
	return strings.Trim(b.String(), "-_")
}

// unaccented is a letter of western Europe without its accent.
func unaccented(c rune) rune {
	const from, to = "àáâãäåçèéêëìíîïñòóôõöùúûüýÿšžčřěůłńśźżąęć", "aaaaaaceeeeiiiinooooouuuuyyszcreulnszzaec"
	if c < 0x80 {
		return c
	}
	i := 0
	for _, f := range from {
		if f == c {
			return rune(to[i])
		}
		i++
	}
	return c
}

// pprint is a value as JSON, for those who look for what there is.
func pprint(r *run, in, _ any) any {
	b := r.buffer()
	r.writeJSON(b, in, 0)
	return b.String()
}

func (r *run) writeJSON(b *buffer, v any, depth int) {
	r.step(1)
	if depth > maxDepth {
		r.fail("the data is nested too deeply to be written out")
	}
	switch v := v.(type) {
	case nil:
		b.write("null")
	case []any:
		b.writeByte('[')
		for i, e := range v {
			if i > 0 {
				b.write(", ")
			}
			r.writeJSON(b, e, depth+1)
		}
		b.writeByte(']')
	case map[string]any, Object:
		first := true
		b.writeByte('{')
		r.members(v, func(name string, value any) {
			if !first {
				b.write(", ")
			}
			first = false
			r.writeQuoted(b, name)
			b.write(": ")
			r.writeJSON(b, value, depth+1)
		})
		b.writeByte('}')
	default:
		if _, isNumber := numeric(v); isNumber {
			b.write(r.text(v))
			return
		}
		if _, isBool := v.(bool); isBool {
			b.write(r.text(v))
			return
		}
		r.writeQuoted(b, r.text(v))
	}
}

func (r *run) writeQuoted(b *buffer, s string) {
	r.room(6*len(s) + 16)
	quoted, _ := json.Marshal(s)
	b.write(string(quoted))
}

// jsonString is a text as JSON has it, its quotes included (RFC 8259 7): not Django's, but what
// a request's body is written with. What means something in HTML is escaped too.
func jsonString(r *run, in, _ any) any {
	b := r.buffer()
	r.writeQuoted(b, r.readable(in))
	return b.String()
}
