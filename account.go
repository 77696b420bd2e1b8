package switchhook

import "time"

// An Account is a tenant. Accounts form a tree whose root is the operator.
type Account struct {
	ID       string `json:"id"`
	ParentID string `json:"parent_id,omitzero"` // empty for the root
	Name     string `json:"name"`
	// Limits are what the account and those below it may do; who sets them is above
	// it. Nil: only what is set above.
	Limits *Limits `json:"limits,omitzero"`
	// AllowNetworks are the private networks that webhooks of this account may reach,
	// beside those that the server allows to all: CIDR such as 10.1.0.0/16. Only the
	// operator sets them. The accounts below have their own.
	AllowNetworks []string `json:"allow_networks,omitzero"`
	// ShowPrivateAnswers: its people see what is answered from private networks, in
	// attempts. Only the operator sets it.
	ShowPrivateAnswers bool `json:"show_private_answers,omitzero"`
	// Timezone is where its people are, such as Europe/Berlin (IANA): mails tell times in it.
	// Empty: as the account above; the root's is UTC.
	Timezone string `json:"timezone,omitzero"`
	// Portal is how the page looks for its people and those below it. Nil: as set above.
	Portal *Portal `json:"portal,omitzero"`
	// Retention is how long history of this account and those below it is kept: what
	// happened, what was sent of it, what came back. 0: as long as that of the account
	// above; the root's is the server's. The shortest on the way up holds.
	Retention Duration `json:"retention,omitzero"`
	// SuspendedAt: its keys, and those of all accounts below, are refused from then on,
	// so are events, and deliveries wait. Zero: it is not suspended itself.
	SuspendedAt time.Time `json:"suspended_at,omitzero"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// Limits bound what an account may do. 0: no limit.
type Limits struct {
	RequestsPerSecond float64 `json:"requests_per_second,omitzero"` // of each API key
	RequestBurst      int     `json:"request_burst,omitzero"`       // how many may come at once; default: those of two seconds
	EventsPerSecond   float64 `json:"events_per_second,omitzero"`   // of the account and those below it, together
	OpenDeliveries    int     `json:"open_deliveries,omitzero"`     // to the account's webhooks; default: the server's
}

// A Portal is how the page looks for an account's people, and who may embed it. What is
// empty is as the account above has it.
type Portal struct {
	Name       string `json:"name,omitzero"`        // of the product
	Logo       string `json:"logo,omitzero"`        // an image, as a data: URI in base64
	Accent     string `json:"accent,omitzero"`      // a colour, #rrggbb
	AccentDark string `json:"accent_dark,omitzero"` // the same where the page is dark
	// FrameAncestors are the origins of pages that may have the page in a frame.
	FrameAncestors []string `json:"frame_ancestors,omitzero"`
}

// Inherit fills what is empty from the portal of an account above. The two accents are one
// setting.
func (p *Portal) Inherit(above *Portal) {
	if above == nil {
		return
	}
	if p.Name == "" {
		p.Name = above.Name
	}
	if p.Logo == "" {
		p.Logo = above.Logo
	}
	if p.Accent == "" && p.AccentDark == "" {
		p.Accent, p.AccentDark = above.Accent, above.AccentDark
	}
	if len(p.FrameAncestors) == 0 {
		p.FrameAncestors = above.FrameAncestors
	}
}

// An APIKey opens the API for one account and its descendants. Only a hash of
// the key itself is kept.
type APIKey struct {
	ID         string    `json:"id"`
	AccountID  string    `json:"account_id"`
	Name       string    `json:"name"`
	Role       Role      `json:"role"`
	Hash       []byte    `json:"-"`                     // SHA-256 of the key
	ExpiresAt  time.Time `json:"expires_at,omitzero"`   // refused from then on; zero: never
	LastUsedAt time.Time `json:"last_used_at,omitzero"` // to the minute; zero: never
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
}

// A Role is what a key may do in its account and those below.
type Role string

// The roles. Who may do what is decided by the API's operations, each of which
// names the least role that it needs.
const (
	RoleAdmin     Role = "admin"     // everything, accounts and keys included
	RoleDeveloper Role = "developer" // reads, sends events, sets up webhooks, records and sources
	RoleViewer    Role = "viewer"    // reads
	RoleIngest    Role = "ingest"    // sends events, and nothing else
)

// A Source is a connection to a phone system.
type Source struct {
	ID        string `json:"id"`
	Kind      string `json:"kind"` // such as voipbin
	AccountID string `json:"account_id"`
	// AccountMap turns the system's own account ids into ours; what is not in
	// it belongs to AccountID.
	AccountMap map[string]string `json:"account_map,omitzero"`
	// MappedBy is the account of who wrote the map, which has to be above all that are in it
	// for as long as it counts: accounts move. Empty: the operator.
	MappedBy string         `json:"-"`
	Options  map[string]any `json:"options,omitzero"`
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
