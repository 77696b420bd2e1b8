package switchhook

import (
	"encoding/json"
	"time"
)

// A Message is a text message (SMS or MMS).
type Message struct {
	ID             string    `json:"id,omitzero"`
	ConversationID string    `json:"conversation_id,omitzero"` // default: derived from account and the two numbers
	Channel        string    `json:"channel,omitzero"`         // sms or mms
	Direction      string    `json:"direction,omitzero"`       // inbound or outbound
	From           string    `json:"from,omitzero"`
	To             string    `json:"to,omitzero"`
	Text           string    `json:"text,omitzero"` // raw; escaping is the dialect's work
	Media          []Media   `json:"media,omitzero"`
	Segments       int       `json:"segments,omitzero"`
	Status         string    `json:"status,omitzero"`         // queued, sent, delivered, failed or rejected
	CarrierStatus  string    `json:"carrier_status,omitzero"` // the carrier's own word
	ErrorCode      string    `json:"error_code,omitzero"`
	Charges        string    `json:"charges,omitzero"` // a decimal number
	Origin         string    `json:"origin,omitzero"`
	SentAt         time.Time `json:"sent_at,omitzero"`
	UpdatedAt      time.Time `json:"updated_at,omitzero"`
}

// Media is a file that came with a message.
type Media struct {
	URL  string `json:"url,omitzero"`
	Type string `json:"type,omitzero"` // MIME type
	Name string `json:"name,omitzero"`
	Size int64  `json:"size,omitzero"` // bytes
}

// A Voicemail is a message that a caller left.
type Voicemail struct {
	ID              string          `json:"id,omitzero"`
	MailboxID       string          `json:"mailbox_id,omitzero"`
	MailboxNumber   string          `json:"mailbox_number,omitzero"`
	MailboxName     string          `json:"mailbox_name,omitzero"`
	LengthMS        *int64          `json:"length_ms,omitzero"` // milliseconds
	ReceivedAt      time.Time       `json:"received_at,omitzero"`
	Transcription   json.RawMessage `json:"transcription,omitzero"` // an object, kept as it came
	AudioURL        string          `json:"audio_url,omitzero"`
	Folder          string          `json:"folder,omitzero"`
	Reason          string          `json:"reason,omitzero"` // why it was deleted
	MessageCount    *int64          `json:"message_count,omitzero"`
	MaxMessageCount *int64          `json:"max_message_count,omitzero"`
}

// A Notification holds the fields of Kazoo's notifications that steer a mail.
// To, Cc, Bcc, From and ReplyTo are each a string, a list or an object.
type Notification struct {
	AccountDB     string          `json:"account_db,omitzero"`
	AttachmentURL string          `json:"attachment_url,omitzero"`
	Bcc           json.RawMessage `json:"bcc,omitzero"`
	Cc            json.RawMessage `json:"cc,omitzero"`
	From          json.RawMessage `json:"from,omitzero"`
	To            json.RawMessage `json:"to,omitzero"`
	ReplyTo       json.RawMessage `json:"reply_to,omitzero"`
	Subject       string          `json:"subject,omitzero"`
	HTML          string          `json:"html,omitzero"`
	Text          string          `json:"text,omitzero"`
	Preview       *bool           `json:"preview,omitzero"` // a preview changes no state
}
