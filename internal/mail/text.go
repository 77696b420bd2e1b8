package mail

import (
	"fmt"
	"strings"

	"github.com/switchhook/switchhook/internal/dialect"
)

// TextMethod and TextURL are how a text message's request is told from others.
const (
	TextMethod = "SMS"
	TextURL    = "sms:"
)

// A Text is a text message before the operator's gateway is asked to send it: the body of its
// request.
type Text struct {
	EventID   string      `json:"event_id"`
	WebhookID string      `json:"webhook_id"`
	Template  TemplateRef `json:"template"`
	From      string      `json:"from,omitzero"` // what the operator sends as
	To        string      `json:"to"`            // a telephone number
	Text      string      `json:"text"`
}

// mostText is how long a text message may be, in characters: ten parts of the usual alphabet
// (GSM 03.38).
const mostText = 1530

// text makes the request of a text message: the template's text part.
func (b *Book) text(m *Message, t Target) (*dialect.Request, error) {
	text := strings.TrimSpace(m.Text)
	if text == "" {
		return nil, fmt.Errorf("the template %q has no text, and a text message nothing else", m.Template.ID)
	}
	if runes := []rune(text); len(runes) > mostText {
		text = string(runes[:mostText-1]) + "…"
	}
	body, err := encode(Text{m.EventID, m.WebhookID, m.Template, b.o.SMSFrom, t.Recipient, text})
	return &dialect.Request{
		Method: TextMethod, URL: TextURL, Body: body,
		Header: header("From", b.o.SMSFrom, "To", t.Recipient, "Template", m.Template.String()),
	}, err
}
