// Package freeswitch reads FreeSWITCH 1.10 and 1.11, and what is built on it, such as
// FusionPBX: the event socket for everything, mod_amqp where nothing may be missed, and
// mod_json_cdr for ends that were. wire.go is the connection, translate.go turns events into
// facts (pure; it reads like a table).
package freeswitch

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// A Message is one event: its fields by name. A field that has several values is
// ARRAY::one|:two, as FreeSWITCH itself writes it where it has no lists. The body that some
// events have is _body. Values are UTF-8; bytes that are not are taken for Latin-1, which
// phones with names like Müller send.
type Message map[string]string

// body is the name of what comes after the fields.
const body = "_body"

// arrayMark and arraySeparator are FreeSWITCH's (src/switch_event.c).
const arrayMark, arraySeparator = "ARRAY::", "|:"

// Parse reads an event, in JSON or in plain text.
func Parse(event []byte) (Message, error) {
	if !utf8.Valid(event) {
		event = fromLatin1(event)
	}
	if trimmed := bytes.TrimLeft(event, " \r\n\t"); len(trimmed) > 0 && trimmed[0] == '{' {
		return parseJSON(event)
	}
	return parsePlain(event)
}

// parseJSON reads an object. FreeSWITCH adds headers as it likes, so of a name that is there
// twice the first counts, as it does there.
func parseJSON(event []byte) (Message, error) {
	in := jsontext.NewDecoder(bytes.NewReader(event), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if _, err := in.ReadToken(); err != nil {
		return nil, fmt.Errorf("the event is no JSON: %w", err)
	}
	m := make(Message, 128)
	for in.PeekKind() == '"' {
		name, err := in.ReadToken()
		if err != nil {
			return nil, fmt.Errorf("the event is no JSON: %w", err)
		}
		key := name.String() // the token is gone with the next
		value, err := readValue(in)
		if err != nil {
			return nil, fmt.Errorf("the event is no JSON: %w", err)
		}
		if _, twice := m[key]; !twice {
			m[key] = value
		}
	}
	if _, err := in.ReadToken(); err != nil {
		return nil, fmt.Errorf("the event is no JSON: %w", err)
	}
	return named(m)
}

// readValue reads a text or a list of them. Anything else is kept as it is written.
func readValue(in *jsontext.Decoder) (string, error) {
	switch in.PeekKind() { //nolint:exhaustive // all others are taken as they are
	case '"':
		token, err := in.ReadToken()
		return token.String(), err
	case '[':
		if _, err := in.ReadToken(); err != nil {
			return "", err
		}
		var all []string
		for kind := in.PeekKind(); kind != ']'; kind = in.PeekKind() {
			if kind == '[' {
				return "", errors.New("lists in lists")
			}
			one, err := readValue(in)
			if err != nil {
				return "", err
			}
			all = append(all, one)
		}
		_, err := in.ReadToken()
		return arrayMark + strings.Join(all, arraySeparator), err
	default:
		value, err := in.ReadValue()
		return string(value), err
	}
}

// parsePlain reads lines up to an empty one, and the body after it. Values are
// percent-encoded (a plus is a plus), names are not.
func parsePlain(event []byte) (Message, error) {
	head, rest, _ := strings.Cut(strings.ReplaceAll(string(event), "\r\n", "\n"), "\n\n")
	m := make(Message, strings.Count(head, "\n")+1)
	for line := range strings.SplitSeq(head, "\n") {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		value = strings.TrimPrefix(value, " ")
		if decoded, err := url.PathUnescape(value); err == nil {
			value = decoded
		}
		if !utf8.ValidString(value) {
			value = string(fromLatin1([]byte(value)))
		}
		if _, twice := m[name]; !twice {
			m[name] = value
		}
	}
	if m["Content-Length"] != "" && rest != "" {
		m[body] = rest
	}
	return named(m)
}

var errNoName = errors.New("the event has no Event-Name")

func named(m Message) (Message, error) {
	if m["Event-Name"] == "" {
		return nil, errNoName
	}
	return m, nil
}

// fromLatin1 takes each byte that is not a part of UTF-8 for Latin-1, but for controls, which
// nobody means.
func fromLatin1(text []byte) []byte {
	out := make([]byte, 0, len(text)+16)
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r == utf8.RuneError && n == 1 && text[0] >= 0xA0 {
			r = rune(text[0])
		}
		out = utf8.AppendRune(out, r)
		text = text[n:]
	}
	return out
}

// list is the values of a field.
func (m Message) list(name string) []string {
	value := m[name]
	if rest, several := strings.CutPrefix(value, arrayMark); several {
		return strings.Split(rest, arraySeparator)
	}
	if value == "" {
		return nil
	}
	return []string{value}
}

// variable is the value of a channel's variable.
func (m Message) variable(name string) string { return m["variable_"+name] }

// kind is what an event is: the subclass of CUSTOM ones, else its name.
func (m Message) kind() string {
	if name := m["Event-Name"]; name != "CUSTOM" {
		return name
	}
	return m["Event-Subclass"]
}
