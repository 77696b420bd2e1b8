package django

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

func urlencode(r *run, in, arg any) any { return r.encoded(in, r.given(arg, "/")) }

// iriencode leaves what may stand in an address.
func iriencode(r *run, in, _ any) any { return r.encoded(in, "/#%[]=:;$&()+,!?*@'~") }

func (r *run) encoded(in any, safe string) any {
	s := r.readable(in)
	b := r.buffer()
	for i := range len(s) {
		switch c := s[i]; {
		case isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte("_.-~", c) >= 0,
			c < 0x80 && len(safe) < 40 && strings.IndexByte(safe, c) >= 0:
			b.writeByte(c)
		default:
			b.grow(3)
			b.b.WriteByte('%')
			b.b.WriteByte(hexDigits[c>>4])
			b.b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}

func urlize(r *run, in, _ any) any { return r.linked(in, 0) }

func urlizetrunc(r *run, in, arg any) any {
	n, _ := wholeOf(arg)
	return r.linked(in, n)
}

// linked makes links of addresses in a text; what is shown of one has at most so many letters.
func (r *run) linked(in any, most int) any {
	_, trusted := in.(Trusted)
	b := r.buffer()
	put := func(s string) {
		if r.escape && !trusted {
			b.escape(s)
		} else {
			b.write(s)
		}
	}
	s := r.readable(in)
	r.step(len(s) >> 3)
	for s != "" {
		r.step(1)
		n := strings.IndexFunc(s, func(c rune) bool { return unicode.IsSpace(c) || strings.ContainsRune(`<>"'`, c) })
		switch {
		case n < 0:
			n = len(s)
		case n == 0:
			_, n = utf8.DecodeRuneInString(s)
			put(s[:n])
			s = s[n:]
			continue
		}
		word := s[:n]
		s = s[n:]
		front := len(word) - len(strings.TrimLeft(word, "(["))
		end := len(strings.TrimRight(word, ".,:;!?)]"))
		if front >= end {
			put(word)
			continue
		}
		shown := word[front:end]
		to := target(shown)
		if to == "" {
			put(word)
			continue
		}
		put(word[:front])
		b.write(`<a href="`)
		if trusted {
			b.write(to)
		} else {
			b.escape(to)
		}
		b.write(`"`)
		if !strings.HasPrefix(to, "mailto:") {
			b.write(` rel="nofollow"`)
		}
		b.write(">")
		if most > 0 && utf8.RuneCountInString(shown) > most {
			put(shown[:offset(shown, max(most-1, 0))])
			b.write(ellipsis)
		} else {
			put(shown)
		}
		b.write("</a>")
		put(word[end:])
	}
	return r.html(b)
}

// target is where a word of a text leads; empty: nowhere.
func target(word string) string {
	if len(word) > 2000 {
		return ""
	}
	small := strings.ToLower(word)
	if strings.HasPrefix(small, "http://") || strings.HasPrefix(small, "https://") {
		if u, err := url.Parse(word); err == nil && u.Host != "" {
			return word
		}
		return ""
	}
	if name, host, found := strings.Cut(word, "@"); found {
		if name != "" && strings.Contains(host, ".") && !strings.ContainsAny(word, "/:?&") && !strings.Contains(host, "@") {
			return "mailto:" + word
		}
		return ""
	}
	host, _, _ := strings.Cut(small, "/")
	if strings.HasPrefix(small, "www.") && len(host) > 6 {
		return "http://" + word
	}
	if name, domain, found := cutLast(host, "."); found && name != "" && slices.Contains([]string{"com", "edu", "gov", "int", "mil", "net", "org"}, domain) {
		return "http://" + word
	}
	return ""
}

func cutLast(s, by string) (before, after string, found bool) {
	if i := strings.LastIndex(s, by); i >= 0 {
		return s[:i], s[i+len(by):], true
	}
	return s, "", false
}
