// Package asterisk reads Asterisk 16 to 22, and what is built on it, such as FreePBX: the
// manager interface (AMI) for everything, and ARI for text messages and legs that Asterisk
// keeps while nobody listens. wire.go is the connection, translate.go turns messages into
// facts (pure; it reads like a table).
package asterisk

import (
	"strings"
	"unicode/utf8"
)

// A Message is one frame of the manager interface: fields in the order in which they came.
// Names may come twice. Values are UTF-8; what was sent as anything else is taken for
// Latin-1, which phones with names like Müller send.
type Message []Field

// A Field is one line of a Message.
type Field struct{ Name, Value string }

// Parse reads a frame, which is the lines of a message without the empty one at its end. A
// line without a colon has no name.
func Parse(frame []byte) Message {
	text := string(frame)
	if !utf8.ValidString(text) {
		text = fromLatin1(text)
	}
	m := make(Message, 0, strings.Count(text, "\n")+1)
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		name, value, named := strings.Cut(line, ":")
		switch {
		case line == "":
		case named:
			m = append(m, Field{name, strings.TrimPrefix(value, " ")})
		default:
			m = append(m, Field{"", line})
		}
	}
	return m
}

// fromLatin1 reads each line that is not UTF-8 as Latin-1. Others of the same frame may
// well be UTF-8.
func fromLatin1(text string) string {
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		if utf8.ValidString(line) {
			continue
		}
		runes := make([]rune, 0, len(line))
		for _, b := range []byte(line) {
			if 0x80 <= b && b < 0xA0 { // controls, which nobody means
				runes = append(runes, utf8.RuneError)
			} else {
				runes = append(runes, rune(b))
			}
		}
		lines[i] = string(runes)
	}
	return strings.Join(lines, "")
}

// Get is the value of the first field of a name (ASCII case does not matter), empty if it
// has none.
func (m Message) Get(name string) string {
	for _, f := range m {
		if len(f.Name) == len(name) && strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// known is Get where Asterisk writes <unknown> for nothing.
func (m Message) known(name string) string {
	if v := m.Get(name); v != "<unknown>" {
		return v
	}
	return ""
}
