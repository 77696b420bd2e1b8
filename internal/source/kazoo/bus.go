package kazoo

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/switchhook/switchhook/internal/ordjson"
	"github.com/switchhook/switchhook/internal/source"
)

// The webhooks say what Kazoo's bus says, in other names. Who reads the bus itself
// (package kazoobus) makes a payload of a message and has it read as one.

// Read makes an event of a payload of version v1.
func (t *Translator) Read(payload ordjson.Object, received time.Time) (*source.Message, error) {
	m, _, err := t.read(&reading{in: payload, used: map[string]bool{}}, "", received)
	return m, err
}

// Payload gives a message of the bus the names that the payload of a webhook has, at every
// depth: Account-ID becomes account_id. What is null is left out (kz_json:normalize/1).
func Payload(message ordjson.Object) ordjson.Object {
	o := make(ordjson.Object, 0, len(message))
	for _, m := range message {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == '-':
				return '_'
			case 'A' <= r && r <= 'Z':
				return r - 'A' + 'a'
			}
			return r
		}, m.Name)
		if !ordjson.Null(m.Value) && !o.Has(name) {
			o = append(o, ordjson.Member{Name: name, Value: payloadValue(m.Value)})
		}
	}
	return o
}

func payloadValue(v json.RawMessage) json.RawMessage {
	switch jsontext.Value(v).Kind() { //nolint:exhaustive // the others have no names in them
	case '{':
		if o, err := ordjson.Parse(v); err == nil {
			return Payload(o).Append(nil)
		}
	case '[':
		var in []json.RawMessage
		if json.Unmarshal(v, &in) == nil {
			for i := range in {
				in[i] = payloadValue(in[i])
			}
			if out, err := json.Marshal(in); err == nil {
				return out
			}
		}
	}
	return v
}

// ChannelPayload is Payload for a message about a channel, of whose variables a webhook
// has some beside the channel's own members.
func ChannelPayload(message ordjson.Object) ordjson.Object {
	o := flatten(Payload(message))
	o.Delete("custom_channel_vars")
	for theirs, ours := range map[string]string{
		"Custom-Application-Vars": "custom_application_vars", "Custom-SIP-Headers": "custom_sip_headers",
	} {
		if v := message.Get(theirs); !ordjson.Null(v) {
			o.Set(ours, v) // whose names stay as they are
		}
	}
	return o
}

// Gregorian reads seconds since the year 0.
func Gregorian(v json.RawMessage) (time.Time, bool) {
	if ordjson.Null(v) {
		return time.Time{}, false
	}
	return gregorian(v)
}
