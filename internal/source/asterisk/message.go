// Package asterisk reads Asterisk 16 to 22, and what is built on it, such as FreePBX: the
// manager interface (AMI) for everything, and ARI for text messages and legs that Asterisk
// keeps while nobody listens. wire.go is the connection, translate.go turns messages into
// facts (pure; it reads like a table).
package asterisk

import "strings"

// A Message is one frame of the manager interface: fields in the order in which they came.
// Names may come twice. Values are bytes as they were sent, which need not be UTF-8.
type Message []Field

// A Field is one line of a Message.
type Field struct{ Name, Value string }

// Get is the value of the first field of a name (ASCII case does not matter), empty if it
// has none.
func (m Message) Get(name string) string {
	for _, f := range m {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}
