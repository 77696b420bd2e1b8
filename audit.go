package switchhook

import (
	"encoding/json"
	"time"
)

// An AuditEntry says who changed what through the API. It becomes durable together with
// the change.
type AuditEntry struct {
	ID         int64           `json:"id"`
	At         time.Time       `json:"at"`
	AccountID  string          `json:"account_id"`  // of what was changed
	Action     string          `json:"action"`      // the operation, such as update-webhook
	Resource   string          `json:"resource"`    // what kind of thing: webhook, account, api_key …
	ResourceID string          `json:"resource_id"` // of a record or dialect id: schema/id
	Actor      Actor           `json:"actor"`
	Before     json.RawMessage `json:"before,omitzero"` // the members that changed, as they were; nil: there was nothing
	After      json.RawMessage `json:"after,omitzero"`  // and as they are since; nil: there is nothing any more
	RequestID  string          `json:"request_id"`
}

// An Actor is who made a change.
type Actor struct {
	KeyID     string `json:"key_id,omitzero"`
	KeyName   string `json:"key_name,omitzero"` // as it was then
	UserID    string `json:"user_id,omitzero"`
	Login     string `json:"login,omitzero"` // the user's, as it was then
	AccountID string `json:"account_id,omitzero"`
	Address   string `json:"address,omitzero"` // where the request came from
}

// An AuditFilter selects entries. Empty fields select everything.
type AuditFilter struct {
	Accounts     []string
	KeyID        string
	UserID       string
	Action       string
	Resource     string
	ResourceID   string
	Since, Until time.Time // at or after; before
}
