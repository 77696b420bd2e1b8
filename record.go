package switchhook

import (
	"encoding/json"
	"time"
)

// A Record is a row of the operator's directory: a number, an extension, a
// queue, a port request. Its id is unique per account and schema.
type Record struct {
	Schema    string          `json:"schema"`
	ID        string          `json:"id"`
	AccountID string          `json:"account_id"`
	Row       json.RawMessage `json:"row"` // a JSON object, member order kept
	CreatedAt time.Time       `json:"created_at"`
	UpdatedAt time.Time       `json:"updated_at"`
}

// A RecordChange is what a record.* event says: the row after the change, for a
// delete the row before it.
type RecordChange struct {
	Schema  string          `json:"schema,omitzero"`
	ID      string          `json:"id,omitzero"`
	Row     json.RawMessage `json:"row,omitzero"`
	Changed []string        `json:"changed,omitzero"` // names of the fields that changed
}

// A RecordFilter selects records. Empty fields select everything.
type RecordFilter struct {
	Accounts []string
	Schema   string
}
