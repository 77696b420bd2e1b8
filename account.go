package switchhook

import "time"

// An Account is a tenant. Accounts form a tree whose root is the operator.
type Account struct {
	ID        string    `json:"id"`
	ParentID  string    `json:"parent_id,omitzero"` // empty for the root
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}

// An APIKey opens the API for one account and its descendants. Only a hash of
// the key itself is kept.
type APIKey struct {
	ID        string    `json:"id"`
	AccountID string    `json:"account_id"`
	Name      string    `json:"name"`
	Hash      []byte    `json:"-"` // SHA-256 of the key
	CreatedAt time.Time `json:"created_at"`
}

// A Source is a connection to a phone system.
type Source struct {
	ID        string `json:"id"`
	Kind      string `json:"kind"` // such as voipbin
	AccountID string `json:"account_id"`
	// AccountMap turns the system's own account ids into ours; what is not in
	// it belongs to AccountID.
	AccountMap map[string]string `json:"account_map,omitzero"`
	Options    map[string]any    `json:"options,omitzero"`
	// Token is the secret last part of a webhook source's ingest URL.
	Token     string    `json:"-"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// A Reject is a source message that could not be read, kept for inspection.
type Reject struct {
	ID       int64             `json:"id"`
	SourceID string            `json:"source_id"`
	At       time.Time         `json:"at"`
	Reason   string            `json:"reason"`
	Fields   []FieldError      `json:"fields,omitzero"`
	Method   string            `json:"method,omitzero"` // of a webhook
	URL      string            `json:"url,omitzero"`    // without the token
	Headers  map[string]string `json:"headers,omitzero"`
	Body     string            `json:"body"`
}
