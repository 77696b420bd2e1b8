package django

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A cursor reads what is between braces.
type cursor struct {
	source  string
	at, end int
}

func (c *cursor) space() {
	for c.at < c.end {
		r, size := utf8.DecodeRuneInString(c.source[c.at:c.end])
		if !unicode.IsSpace(r) {
			return
		}
		c.at += size
	}
}

// done says whether nothing is left.
func (c *cursor) done() bool {
	c.space()
	return c.at >= c.end
}

func (c *cursor) rest() string { return c.source[c.at:c.end] }

// sign reads the sign s if it is next.
func (c *cursor) sign(s string) bool {
	c.space()
	if !strings.HasPrefix(c.rest(), s) {
		return false
	}
	c.at += len(s)
	return true
}

// peek returns the word that is next, without reading it.
func (c *cursor) peek() string {
	c.space()
	return c.rest()[:wordLen(c.rest())]
}

// word reads the word w if it is next.
func (c *cursor) word(w string) bool {
	if c.peek() != w {
		return false
	}
	c.at += len(w)
	return true
}

// name reads a word: letters, digits, _ and, within, hyphens.
func (c *cursor) name(what string) string {
	w := c.peek()
	if w == "" {
		c.fail(what + " is expected here" + c.instead())
	}
	c.at += len(w)
	return w
}

// instead says what stands where something else is expected.
func (c *cursor) instead() string {
	c.space()
	if c.at >= c.end {
		return ""
	}
	if w := c.peek(); w != "" {
		return ", not " + quote(w)
	}
	_, size := utf8.DecodeRuneInString(c.rest())
	return ", not " + quote(c.rest()[:size])
}

func (c *cursor) fail(message string) { throw(min(c.at, c.end), message) }

// finish complains about what is left.
func (c *cursor) finish(after string) {
	if !c.done() {
		c.fail("this is not understood after " + after + ": " + quote(strings.TrimSpace(c.rest())))
	}
}

// clip makes a text short enough for a message.
func clip(s string) string {
	n := 0
	for i := range s {
		if n++; n > 40 {
			return s[:i] + "…"
		}
	}
	return s
}

func quote(s string) string { return `"` + clip(s) + `"` }

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// wordLen returns how long the word at the beginning of s is. Hyphens and colons belong to
// it where they stand between letters or digits (Caller-ID-Name), a colon only if keys has it.
func wordLen(s string) int { return keyLen(s, false) }

func keyLen(s string, colons bool) int {
	n := 0
	for n < len(s) {
		r, size := utf8.DecodeRuneInString(s[n:])
		if !isWord(r) {
			joins := r == '-' || colons && r == ':'
			if !joins || n == 0 {
				break
			}
			if after, _ := utf8.DecodeRuneInString(s[n+size:]); !isWord(after) {
				break
			}
		}
		n += size
	}
	return n
}
