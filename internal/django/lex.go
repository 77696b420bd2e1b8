package django

import (
	"strings"
	"unicode"
)

type kind int

const (
	isEnd kind = iota
	isText
	isVariable // {{ }}
	isTag      // {% %}
)

// A piece is what a template consists of.
type piece struct {
	kind     kind
	at       int // where it begins
	from, to int // what is between its braces
}

// A lexer cuts a template into pieces.
type lexer struct {
	source  string
	at      int
	waiting piece // that comes after the text that was returned
	trim    bool  // the white space at the beginning of the next text goes

	closings, comments finder
}

// A finder finds the next of something in a text that is searched from left to right, and
// remembers it, so that a template full of what never ends is still read in one go.
type finder struct{ at int }

func (f *finder) find(source, what string, from int) int {
	if f.at < from || f.at == 0 {
		f.at = len(source)
		if i := strings.Index(source[min(from, len(source)):], what); i >= 0 {
			f.at = from + i
		}
	}
	return f.at
}

// next returns the next piece. Comments are left out.
func (l *lexer) next() piece {
	if l.waiting.kind != isEnd {
		was := l.waiting
		l.waiting = piece{}
		return was
	}
	start := l.at
	for i := start; ; i++ {
		brace := strings.IndexByte(l.source[min(i, len(l.source)):], '{')
		if brace < 0 || i+brace+1 >= len(l.source) {
			l.at = len(l.source)
			return l.text(start, len(l.source), piece{})
		}
		i += brace
		switch l.source[i+1] {
		case '{':
			return l.braced(start, i, isVariable, "}}")
		case '%':
			return l.braced(start, i, isTag, "%}")
		case '#':
			end := l.comment(i)
			if end == 0 {
				continue
			}
			from := i
			from, l.at = l.unwrap(start, from, end)
			if t := l.text(start, from, piece{}); t.kind != isEnd {
				return t
			}
			start, i = l.at, l.at-1
		}
	}
}

// text returns the text from start to end and keeps what comes after it, or returns that if
// there is no text.
func (l *lexer) text(start, end int, after piece) piece {
	if l.trim {
		start = end - len(strings.TrimLeftFunc(l.source[start:end], unicode.IsSpace))
		l.trim = start == end && after.kind == isEnd
	}
	if start == end {
		return after
	}
	l.waiting = after
	return piece{isText, start, start, end}
}

// braced reads the variable or tag at i, before which there is text from start on.
func (l *lexer) braced(start, i int, k kind, closing string) piece {
	to := closed(l.source, i+2, closing)
	if to < 0 {
		open := l.source[i : i+2]
		throw(i, open+" is not closed: "+closing+" is missing; where it is meant as text, write it within {% verbatim %}")
	}
	found := piece{k, i, i + 2, to}
	end, next := l.unwrap(start, i, to+2)
	l.at = next
	// The minus signs of Jinja, which take away the white space on their side.
	if in := l.source[found.from:to]; len(in) > 1 && in[0] == '-' && !isDigit(in[1]) {
		found.from++
		end = start + len(strings.TrimRightFunc(l.source[start:end], unicode.IsSpace))
	}
	trim := strings.HasSuffix(l.source[found.from:to], "-")
	if trim {
		found.to--
	}
	p := l.text(start, end, found)
	l.trim = trim
	return p
}

// unwrap widens a piece by the <!-- and --> around it: ErlyDTL takes <!--{{ x }}--> for {{ x }}.
func (l *lexer) unwrap(start, from, to int) (int, int) {
	if strings.HasSuffix(l.source[start:from], "<!--") && strings.HasPrefix(l.source[to:], "-->") {
		return from - len("<!--"), to + len("-->")
	}
	return from, to
}

// closed finds the closing braces; those within quotes do not count, unless the quotes are
// not closed either.
func closed(source string, from int, closing string) int {
	quote := byte(0)
	for i := from; i < min(len(source), from+maxTag); i++ {
		switch c := source[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == closing[0] && strings.HasPrefix(source[i:], closing):
			return i
		}
	}
	if end := strings.Index(source[from:], closing); end >= 0 {
		return from + end
	}
	return -1
}

// comment returns where the comment at i ends; 0: it is none. It may go over many lines, as in
// ErlyDTL. A {# that another follows before #} is text: style sheets have {#id{…}}.
func (l *lexer) comment(i int) int {
	end := l.closings.find(l.source, "#}", i+2)
	if end == len(l.source) || l.comments.find(l.source, "{#", i+2) < end {
		return 0
	}
	return end + 2
}

// raw skips the text up to the end tag of a tag whose content is not read, and returns it.
func (l *lexer) raw(name string, at int, end, label string) string {
	from := l.at
	for i := from; ; {
		next := strings.Index(l.source[i:], "{%")
		if next < 0 {
			throw(at, "{% "+name+" %} is not closed: {% "+end+" %} is missing")
		}
		i += next + 2
		words, found := strings.CutPrefix(strings.TrimLeft(l.source[i:min(len(l.source), i+maxTag)], "- \t\r\n"), end)
		if !found {
			continue
		}
		words, _, found = strings.Cut(words, "%}")
		if found && strings.Trim(words, "- \t\r\n") == label {
			to, end := l.unwrap(from, i-2, i+strings.Index(l.source[i:], "%}")+2)
			l.at = end
			return l.source[from:to]
		}
	}
}

// throw ends the parsing.
func throw(at int, message string) { panic(mistake{at, message}) }
