package django

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escape escapes what would not be escaped when it is written. In HTML, where all that comes
// from the data is, it has nothing to do, and so nothing is escaped twice.
func escape(r *run, in, _ any) any {
	if _, trusted := in.(Trusted); trusted || r.escape {
		return in
	}
	return forceEscape(r, in, nil)
}

func forceEscape(r *run, in, _ any) any {
	b := r.buffer()
	b.escape(r.text(in))
	return Trusted(b.String())
}

// fixAmpersands escapes the ampersands that do not begin an entity.
func fixAmpersands(r *run, in, _ any) any {
	if _, trusted := in.(Trusted); !trusted && r.escape {
		return in
	}
	s := r.readable(in)
	b := r.buffer()
	for i := range len(s) {
		b.writeByte(s[i])
		if s[i] == '&' && !entity(s[i+1:]) {
			b.write("amp;")
		}
	}
	return b.String()
}

func entity(s string) bool {
	name, _, found := strings.Cut(s[:min(len(s), 12)], ";")
	name = strings.TrimPrefix(name, "#")
	return found && name != "" && wordLen(name) == len(name)
}

// escapejs is a text within quotes of JavaScript or JSON.
func escapejs(r *run, in, _ any) any {
	b := r.buffer()
	for _, c := range r.readable(in) {
		switch {
		case c < ' ' || strings.ContainsRune("\\'\"<>&=-;`\u2028\u2029\u007f", c):
			b.write("\\u")
			for shift := 12; shift >= 0; shift -= 4 {
				b.writeByte(hexDigits[c>>shift&15])
			}
		default:
			b.writeRune(c)
		}
	}
	return Trusted(b.String())
}

const hexDigits = "0123456789ABCDEF"

// linebreaks makes paragraphs and <br>s of lines.
func linebreaks(r *run, in, _ any) any {
	b := r.buffer()
	for i, paragraph := range r.paragraphs(r.safe(in)) {
		if i > 0 {
			b.write("\n\n")
		}
		b.write("<p>")
		r.lines(b, paragraph)
		b.write("</p>")
	}
	return r.html(b)
}

// paragraphs cuts a text where lines are empty.
func (r *run) paragraphs(s string) []string {
	s = r.newlines(s)
	var all []string
	for {
		i := strings.Index(s, "\n\n")
		r.list(2)
		if i < 0 {
			return append(all, s)
		}
		all = append(all, s[:i])
		s = strings.TrimLeft(s[i:], "\n")
	}
}

// newlines writes all ends of lines as \n.
func (r *run) newlines(s string) string {
	r.read(len(s))
	if !strings.Contains(s, "\r") {
		return s
	}
	r.room(2 * len(s))
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

func (r *run) lines(b *buffer, s string) {
	for i := 0; ; i++ {
		line, rest, more := strings.Cut(s, "\n")
		if i > 0 {
			b.write("<br>")
		}
		b.write(line)
		if !more {
			return
		}
		r.step(1)
		s = rest
	}
}

func linebreaksbr(r *run, in, _ any) any {
	b := r.buffer()
	r.lines(b, r.newlines(r.safe(in)))
	return r.html(b)
}

func linenumbers(r *run, in, _ any) any {
	s := r.safe(in)
	r.read(len(s))
	width := len(strconv.Itoa(strings.Count(s, "\n") + 1))
	b := r.buffer()
	i := 1
	for line := range strings.SplitAfterSeq(s, "\n") {
		number := strconv.Itoa(i)
		b.spaces(width - len(number))
		b.write(number + ". ")
		b.write(line)
		i++
	}
	return r.html(b)
}

// tagAt returns where the tag of HTML that begins at the front of s ends; 0: it is none.
func tagAt(s string) int {
	if len(s) < 2 || s[0] != '<' {
		return 0
	}
	if c := s[1]; c != '/' && c != '!' && c != '?' && (c|0x20 < 'a' || c|0x20 > 'z') {
		return 0
	}
	return strings.IndexByte(s, '>') + 1
}

// tagName is the name of a tag that tagAt found, in small letters.
func tagName(s string) string {
	s = strings.TrimLeft(s, "</")
	n := 0
	for n < len(s) && n < 40 && (isDigit(s[n]) || s[n]|0x20 >= 'a' && s[n]|0x20 <= 'z') {
		n++
	}
	return strings.ToLower(s[:n])
}

func striptags(r *run, in, _ any) any {
	return r.without(r.readable(in), func(string) bool { return true })
}

// removetags removes the tags of some names, which are given with spaces between them.
func removetags(r *run, in, arg any) any {
	spelled := clipBytes(r.text(arg))
	r.list(len(spelled)/2 + 1)
	r.room(len(spelled))
	names := strings.Fields(strings.ToLower(spelled))
	return r.without(r.readable(in), func(tag string) bool { return slices.Contains(names, tagName(tag)) })
}

func (r *run) without(s string, drop func(tag string) bool) string {
	b := r.buffer()
	for s != "" {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			break
		}
		b.write(s[:i])
		s = s[i:]
		r.step(1)
		n := tagAt(s)
		if n == 0 && !strings.Contains(s, ">") {
			break // no tag can end any more
		}
		if n == 0 || !drop(s[:n]) {
			n = max(n, 1)
			b.write(s[:n])
		}
		s = s[n:]
	}
	b.write(s)
	return b.String()
}

func truncatecharsHTML(r *run, in, arg any) any { return r.truncated(in, arg, false) }

func truncatewordsHTML(r *run, in, arg any) any { return r.truncated(in, arg, true) }

// truncated keeps so many letters or words, and all the tags around them: those that are open
// where the text ends are closed.
func (r *run) truncated(in, arg any, words bool) any {
	most, ok := wholeOf(arg)
	s := r.readable(in)
	if !ok || r.counted(s, words) <= most {
		return in
	}
	if !words {
		most-- // for the ellipsis
	}
	var open []string // at the end of what is kept
	end, at := 0, 0
	tags, n, within := []string(nil), 0, false
	for at < len(s) {
		r.step(1)
		if size := tagAt(s[at:]); size > 0 {
			tags = r.track(tags, s[at:at+size])
			at, within = at+size, false
			continue
		}
		size, space := unit(s[at:])
		at += size
		if words && space {
			within = false
			continue
		}
		if !words || !within {
			if n++; n > most {
				break
			}
		}
		within = true
		end, open = at, tags
	}
	b := r.buffer()
	b.write(s[:end])
	if words {
		b.writeByte(' ')
	}
	b.write(ellipsis)
	for _, name := range slices.Backward(open) {
		b.write("</" + name + ">")
	}
	return b.String()
}

// counted is how many letters or words there are between the tags.
func (r *run) counted(s string, words bool) int {
	n, within := 0, false
	for s != "" {
		r.step(1)
		if size := tagAt(s); size > 0 {
			s, within = s[size:], false
			continue
		}
		size, space := unit(s)
		if words && (space || within) {
			within = !space
		} else {
			n++
			within = true
		}
		s = s[size:]
	}
	return n
}

// unit is the letter or the entity at the front of s.
func unit(s string) (size int, space bool) {
	if s[0] == '&' && entity(s[1:]) {
		return strings.IndexByte(s, ';') + 1, false
	}
	c, size := utf8.DecodeRuneInString(s)
	return size, unicode.IsSpace(c)
}

// alone are the tags that have no end.
var alone = strings.Fields("br hr img input link meta col area base wbr") //nolint:gochecknoglobals // a constant, but for the language

// track returns the names of the tags that are open after another.
func (r *run) track(open []string, tag string) []string {
	name := tagName(tag)
	switch {
	case name == "" || strings.HasSuffix(tag, "/>") || slices.Contains(alone, name):
		return open
	case tag[1] != '/':
		r.list(len(open) + 2)
		return append(slices.Clip(open), name) // what was kept before stays as it is
	}
	for i := len(open) - 1; i >= max(0, len(open)-maxNesting); i-- {
		if open[i] == name {
			return open[:i]
		}
	}
	return open
}
