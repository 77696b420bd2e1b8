// Package source says what a source is. The kind that lies here is another
// system's webhooks: a customer points them at Switchhook's ingest URL, and what
// arrives becomes events. Each sub-package translates one system. A translator
// is pure: it does no I/O, asks no clock and keeps no state.
package source

import (
	"net/url"
	"time"

	"github.com/switchhook/switchhook"
)

// A Translator reads what another system's webhook sends.
type Translator interface {
	// Kind is what a source's kind member says, such as "voipbin".
	Kind() string

	// Translate makes events of a request. What cannot be read is a
	// *switchhook.Error that names the field; the request is then kept as a
	// reject.
	Translate(r *Request) (*Message, error)
}

// A Request is one call of a webhook.
type Request struct {
	Method      string
	Query       url.Values
	ContentType string
	Body        []byte
	ReceivedAt  time.Time
}

// A Message is what a request says.
type Message struct {
	// SystemAccount is the account in the system's own words, empty where it
	// does not tell it. The source's account map turns it into one of ours.
	SystemAccount string
	// Events have Type, Data and OccurredAt, and an ID with IDGiven where the
	// same request, sent again, must be known again. The caller fills in the
	// rest. A member of a resource that the system says is unset is null in
	// Data, which clears what an earlier event said; one that the system does
	// not have is left out.
	Events []*switchhook.Event
}
