package switchhook

import (
	"encoding/json"
	"strings"
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

// A DialectID is what a dialect calls a thing, where the operator has said so:
// a customer who moves here from another system keeps the ids that its code
// knows. Without one, the id is derived from the native one or counted.
type DialectID struct {
	AccountID string    `json:"account_id"`
	Dialect   string    `json:"dialect"`
	Schema    string    `json:"schema"` // what kind of thing, such as account, device or queue
	ID        string    `json:"id"`     // the native id
	Value     string    `json:"value"`  // the id in the dialect's form
	UpdatedAt time.Time `json:"updated_at"`
}

// FirstInteger is the first of the integers that stand for native ids. It is far
// above the rows of a system that counts them itself, which keep their numbers, and
// fits into 31 bits.
const FirstInteger = 1_000_000_001

// A DialectIDFilter selects dialect ids. Empty fields select everything.
type DialectIDFilter struct {
	Accounts []string
	Dialect  string
	Schema   string
}

// Position is the id's place in a list.
func (d *DialectID) Position() string {
	return strings.Join([]string{d.AccountID, d.Dialect, d.Schema, d.ID}, "\x00")
}
