package switchhook

import (
	"encoding/json"
	"time"
)

// A Fax is a document that was sent or received, or could not be.
type Fax struct {
	ID               string          `json:"id,omitzero"`
	JobID            string          `json:"job_id,omitzero"` // of a fax to be sent
	BoxID            string          `json:"box_id,omitzero"`
	BoxName          string          `json:"box_name,omitzero"`
	BoxTimezone      string          `json:"box_timezone,omitzero"` // an IANA name such as America/New_York
	OwnerID          string          `json:"owner_id,omitzero"`
	Direction        string          `json:"direction,omitzero"` // inbound or outbound
	From             *Party          `json:"from,omitzero"`
	To               *Party          `json:"to,omitzero"`
	Pages            *int64          `json:"pages,omitzero"`
	TransferredPages *int64          `json:"transferred_pages,omitzero"`
	Status           string          `json:"status,omitzero"`
	ResultCode       string          `json:"result_code,omitzero"`
	Error            string          `json:"error,omitzero"`
	Errors           []string        `json:"errors,omitzero"`        // what was wrong with the mail that asked for it
	Info             json.RawMessage `json:"info,omitzero"`          // an object: the fax engine's own data
	Notifications    json.RawMessage `json:"notifications,omitzero"` // an object: who is told, and how
	FromEmail        string          `json:"from_email,omitzero"`
	ToEmail          string          `json:"to_email,omitzero"`
	Subject          string          `json:"subject,omitzero"`         // of the mail that was to be a fax
	Number           string          `json:"number,omitzero"`          // the number that a mail was for
	OriginalNumber   string          `json:"original_number,omitzero"` // that number as the mail had it
	DocumentURL      string          `json:"document_url,omitzero"`
	CompletedAt      time.Time       `json:"completed_at,omitzero"`
}
