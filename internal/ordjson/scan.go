package ordjson

import (
	"encoding/json"
	"hash/maphash"
	"slices"
	"sync/atomic"
	"unicode/utf8"
)

// A Scanner reads JSON that lies whole in memory, in one pass and as strictly as
// Parse. It only says that something is wrong; whoever has to say what reads the
// text again with jsontext. It may also give up on what is right but rare: a name
// with an escape, more than mostNames members in one object, values nested deeper
// than mostDepth, or two names with the same hash. What it takes, jsontext takes.
type Scanner struct {
	data  []byte
	at    int
	depth int
	blank int // the offset after the last blank
}

const (
	mostNames = 256
	mostDepth = 200
)

// Scan returns a Scanner of data. What it returns shares data's memory.
func Scan(data []byte) Scanner { return Scanner{data: data} }

// Kind is the kind of the value that comes next, as jsontext has them: '{', '[',
// '"', '0', 't', 'f', 'n'. Anything else is no value.
func (s *Scanner) Kind() byte {
	s.skipBlanks()
	if s.at == len(s.data) {
		return 0
	}
	if c := s.data[s.at]; c != '-' && (c < '0' || c > '9') {
		return c
	}
	return '0'
}

// End reports whether nothing follows.
func (s *Scanner) End() bool {
	s.skipBlanks()
	return s.at == len(s.data)
}

// Offset is how many bytes were read.
func (s *Scanner) Offset() int { return s.at }

// Compact reports whether there was no blank between the tokens since an offset.
func (s *Scanner) Compact(since int) bool { return s.blank <= since }

// Value reads a value.
func (s *Scanner) Value() (v json.RawMessage, ok bool) {
	s.skipBlanks()
	start := s.at
	if !s.Skip() {
		return nil, false
	}
	return s.data[start:s.at:s.at], true
}

// Object reads an object and calls member at the value of each of its members.
// member reads the value, and returns false to stop.
func (s *Scanner) Object(member func(name string) bool) bool {
	return s.object(func(name []byte, hash uint64) bool { return member(intern(name, hash)) })
}

// Array reads an array and calls element at each of its values. element reads the
// value, and returns false to stop.
func (s *Scanner) Array(element func() bool) bool {
	if !s.enter('[') {
		return false
	}
	if s.leave(']') {
		return true
	}
	for element() {
		if !s.take(',') {
			return s.leave(']')
		}
	}
	return false
}

// Skip reads a value without looking at what it says.
func (s *Scanner) Skip() bool {
	switch s.Kind() {
	case '{':
		return s.object(func([]byte, uint64) bool { return s.Skip() })
	case '[':
		return s.Array(s.Skip)
	case '"':
		_, ok := s.text()
		return ok
	case '0':
		return s.number()
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		return false
	}
}

func (s *Scanner) object(member func(name []byte, hash uint64) bool) bool {
	if !s.enter('{') {
		return false
	}
	if s.leave('}') {
		return true
	}
	var room [32]uint64
	for hashes := room[:0]; ; {
		if s.Kind() != '"' {
			return false
		}
		start := s.at + 1
		escaped, ok := s.text()
		if !ok || escaped {
			return false
		}
		name := s.data[start : s.at-1]
		hash := maphash.Bytes(seed, name)
		if len(hashes) == mostNames || slices.Contains(hashes, hash) {
			return false
		}
		hashes = append(hashes, hash)
		if !s.take(':') || !member(name, hash) {
			return false
		}
		if !s.take(',') {
			return s.leave('}')
		}
	}
}

// enter takes the bracket that begins an object or an array.
func (s *Scanner) enter(bracket byte) bool {
	s.depth++
	return s.depth <= mostDepth && s.take(bracket)
}

// leave takes the bracket that ends one, if it comes next.
func (s *Scanner) leave(bracket byte) bool {
	if !s.take(bracket) {
		return false
	}
	s.depth--
	return true
}

// take reads a character, if it is the one that comes next.
func (s *Scanner) take(c byte) bool {
	s.skipBlanks()
	if s.at == len(s.data) || s.data[s.at] != c {
		return false
	}
	s.at++
	return true
}

func (s *Scanner) skipBlanks() {
	for s.at < len(s.data) && s.data[s.at] <= ' ' {
		if c := s.data[s.at]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return
		}
		s.at++
		s.blank = s.at
	}
}

func (s *Scanner) word(w string) bool {
	if len(s.data)-s.at < len(w) || string(s.data[s.at:s.at+len(w)]) != w {
		return false
	}
	s.at += len(w)
	return true
}

// number reads a number (RFC 8259, section 6).
func (s *Scanner) number() bool {
	s.sign("-")
	if whole := s.digits(); whole == 0 || whole > 1 && s.data[s.at-whole] == '0' {
		return false
	}
	if s.sign(".") && s.digits() == 0 {
		return false
	}
	if !s.sign("eE") {
		return true
	}
	s.sign("+-")
	return s.digits() > 0
}

// sign reads one of the characters, if it comes next.
func (s *Scanner) sign(chars string) bool {
	if s.at == len(s.data) {
		return false
	}
	for i := range len(chars) {
		if s.data[s.at] == chars[i] {
			s.at++
			return true
		}
	}
	return false
}

func (s *Scanner) digits() (n int) {
	for s.at+n < len(s.data) && s.data[s.at+n]-'0' <= 9 {
		n++
	}
	s.at += n
	return n
}

// plain are the bytes that stand for themselves in a string, each by itself.
var plain = func() (set [256]bool) { //nolint:gochecknoglobals // a constant; Go has no constant arrays
	for c := ' '; c < utf8.RuneSelf; c++ {
		set[c] = c != '"' && c != '\\'
	}
	return set
}()

// text reads a string.
func (s *Scanner) text() (escaped, ok bool) {
	data := s.data
	for i := s.at + 1; i < len(data); {
		switch c := data[i]; {
		case plain[c]:
			i++
		case c == '"':
			s.at = i + 1
			return escaped, true
		case c == '\\':
			n := escape(data[i:])
			if n == 0 {
				return false, false
			}
			i, escaped = i+n, true
		case c < ' ':
			return false, false
		default:
			r, n := utf8.DecodeRune(data[i:])
			if r == utf8.RuneError && n == 1 {
				return false, false
			}
			i += n
		}
	}
	return false, false
}

// escape is the length of the escape that b begins with, 0 if it is none. Half a
// surrogate pair is none.
func escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
	default:
		return 0
	}
	const one, two = len(`\u0000`), len(`\ud800\udc00`)
	switch unit := hex4(b); {
	case unit < 0, unit >= 0xdc00 && unit <= 0xdfff:
		return 0
	case unit < 0xd800 || unit > 0xdfff:
		return one
	}
	if len(b) < two || b[one] != '\\' || b[one+1] != 'u' {
		return 0
	}
	if low := hex4(b[one:]); low < 0xdc00 || low > 0xdfff {
		return 0
	}
	return two
}

// hex4 is the number in an escape such as \u00e9, -1 if there is none.
func hex4(b []byte) int {
	if len(b) < len(`\u0000`) {
		return -1
	}
	n := 0
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 | int(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			n = n<<4 | int(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return n
}

// Names are few and come again and again, so one string serves all that are
// written alike: the last one of each hash is kept here.
//
//nolint:gochecknoglobals // a cache; it has no state that anybody could see
var (
	seed  = maphash.MakeSeed()
	known [4096]atomic.Pointer[string]
)

// longestName bounds what the names that are kept can hold, in bytes.
const longestName = 64

func intern(name []byte, hash uint64) string {
	slot := &known[hash%uint64(len(known))]
	if s := slot.Load(); s != nil && *s == string(name) {
		return *s
	}
	s := string(name)
	if len(s) <= longestName {
		slot.Store(&s)
	}
	return s
}
