// Package mail makes notifications of events: e-mails, and text messages, from
// templates that each account can make its own.
package mail

// Method is how a mail's request is told from others; its URL has the scheme smtp and
// nothing else, for where mail goes is the server's affair.
const (
	Method = "MAIL"
	URL    = "smtp:"
)

// A Message is a mail before it has the form that goes over the wire: what an attempt
// shows as the body of its request.
type Message struct {
	EventID   string `json:"event_id"`
	WebhookID string `json:"webhook_id"`
	// Template is whose parts it was made of: the nearest to the account of those that
	// had any, and its version; 0: the built-in one.
	Template TemplateRef `json:"template"`

	From    string   `json:"from"` // addresses are those of RFC 5322, with a name or without
	To      []string `json:"to"`
	Cc      []string `json:"cc,omitzero"`
	Bcc     []string `json:"bcc,omitzero"`
	ReplyTo []string `json:"reply_to,omitzero"`
	Subject string   `json:"subject"`
	Text    string   `json:"text,omitzero"`
	HTML    string   `json:"html,omitzero"`

	Attachments []Attachment `json:"attachments,omitzero"`
	// Logo is an image as a data: URI, which the HTML shows as cid:logo.
	Logo string `json:"logo,omitzero"`
}

// A TemplateRef names a version of a template.
type TemplateRef struct {
	ID        string `json:"id"`
	AccountID string `json:"account_id,omitzero"` // empty: the built-in one
	Version   int64  `json:"version,omitzero"`
}

// An Attachment is a file that comes with a mail.
type Attachment struct {
	Name string `json:"name"` // such as voicemail.mp3
	Type string `json:"type"` // such as audio/mpeg; empty: as the URL's answer says
	// URL is where it is fetched, http or https; or the file itself, as a data: URI.
	URL string `json:"url"`
}
