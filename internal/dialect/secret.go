package dialect

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/switchhook/switchhook/internal/ordjson"
)

// Mask is what receivers get in the place of a secret.
const Mask = "***"

// IsSecret reports whether a member of this name holds a password, an API key or a
// reset link, however it is spelled (Password, API-Key).
func IsSecret(name string) bool {
	switch len(name) { // of most names nothing more is looked at
	case len("api_key"), len("password"), len("account_api_key"), len("password_reset_link"):
		switch strings.ReplaceAll(strings.ToLower(name), "-", "_") {
		case "api_key", "password", "account_api_key", "password_reset_link":
			return true
		}
	}
	return false
}

// Masked is an event's data with Mask for what is secret, at any depth.
func Masked(data []byte) []byte {
	if !hasSecret(data) {
		return data // most often
	}
	return masked(data)
}

// hasSecret looks for the name of a secret before each colon, which is many times
// faster than to take the data apart. It may be wrong, but never misses one.
func hasSecret(data []byte) bool {
	for at := 0; ; at++ {
		colon := bytes.IndexByte(data[at:], ':')
		if colon < 0 {
			return bytes.Contains(data, []byte(`\u`)) // names can be written so
		}
		at += colon
		end := at - 1
		for end > 0 && data[end] <= ' ' {
			end--
		}
		if end < 2 || data[end] != '"' {
			continue
		}
		switch [2]byte{data[end-2] | 0x20, data[end-1] | 0x20} { // as they end in lower case
		case [2]byte{'e', 'y'}, [2]byte{'r', 'd'}, [2]byte{'n', 'k'}:
			if IsSecret(string(data[bytes.LastIndexByte(data[:end], '"')+1 : end])) {
				return true
			}
		}
	}
}

func masked(v json.RawMessage) json.RawMessage {
	switch {
	case len(v) == 0:
		return v
	case v[0] == '[':
		var list []json.RawMessage
		if json.Unmarshal(v, &list) != nil {
			return v
		}
		out := []byte{'['}
		for i, e := range list {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(out, masked(e)...)
		}
		return append(out, ']')
	case v[0] == '{':
		o, err := ordjson.Parse(v)
		if err != nil {
			return v
		}
		for i := range o {
			switch m := &o[i]; {
			case !IsSecret(m.Name):
				m.Value = masked(m.Value)
			case !ordjson.Null(m.Value) && string(m.Value) != `""`:
				m.Value = ordjson.String(Mask)
			}
		}
		return o.Append(nil)
	default:
		return v
	}
}
