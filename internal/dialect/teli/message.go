package teli

import (
	"cmp"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// smsForm is the post of an incoming message. A picture message has two fields
// more, as the newer pages of the same platform show them.
func smsForm(m *switchhook.Message) []byte {
	form := appendField(nil, "source", tenDigits(m.From))
	form = appendField(form, "destination", tenDigits(m.To))
	form = appendField(form, "message", m.Text)
	if m.Channel == "mms" || len(m.Media) > 0 {
		if len(m.Media) > 0 {
			form = appendField(form, "attachments", attachments(m.Media))
		}
		form = appendField(form, "type", "mms")
	}
	return form
}

// attachments is a JSON list of URLs as PHP writes it: / as \/.
func attachments(media []switchhook.Media) string {
	list := []byte{'['}
	for i := range media {
		if i > 0 {
			list = append(list, ',')
		}
		list = ordjson.AppendString(list, media[i].URL)
	}
	return strings.ReplaceAll(string(append(list, ']')), "/", `\/`)
}

// A receipt is how Teli says how a message fares.
type receipt struct{ sendStatus, status, errorCode string }

func receiptOf(m *switchhook.Message) receipt {
	switch m.Status {
	case "sent":
		return receipt{"carrier_sent", "sent", "000"}
	case "delivered":
		return receipt{"delivered", "DELIVRD", "000"}
	case "failed", "rejected":
		return receipt{"rejected", "REJECTED", "600"}
	default:
		return receipt{}
	}
}

// dlrForm is the post of a delivery receipt. The carrier's own word and code
// win over Teli's usual ones. uuid is the message's id as it is: Teli's uuids
// are no UUIDs, and the receiver knows the message by it.
func dlrForm(m *switchhook.Message) []byte {
	r := receiptOf(m)
	form := appendField(nil, "uuid", m.ID)
	form = appendField(form, "source", tenDigits(m.From))
	form = appendField(form, "destination", tenDigits(m.To))
	form = appendField(form, "send_status", r.sendStatus)
	form = appendField(form, "status", cmp.Or(m.CarrierStatus, r.status))
	return appendField(form, "error", cmp.Or(m.ErrorCode, r.errorCode))
}

func appendField(form []byte, name, value string) []byte {
	if len(form) > 0 {
		form = append(form, '&')
	}
	form = append(form, name...)
	form = append(form, '=')
	return dialect.AppendEscaped(form, value, dialect.Escape{})
}

// tenDigits is a phone number as Teli writes it: one of North America without
// +1, any other without its +.
func tenDigits(number string) string {
	n, international := strings.CutPrefix(number, "+")
	if strings.Trim(n, "0123456789") != "" {
		return number
	}
	if len(n) == 11 && n[0] == '1' {
		return n[1:]
	}
	if international {
		return n
	}
	return number
}
