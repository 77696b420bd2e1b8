package switchhook

import "time"

// A User is a person who signs in: with a password, or at the operator's OpenID provider.
// What it may do is as of an API key.
type User struct {
	ID        string `json:"id"`
	AccountID string `json:"account_id"`
	Login     string `json:"login"` // unique; such as an e-mail address
	Name      string `json:"name"`
	Role      Role   `json:"role"`
	Password  string `json:"-"` // argon2id, as a PHC string; empty: it has none
	// OIDCSubject is whom the OpenID provider knows the user as. Unique. Empty: it is known
	// there by the login, as a verified e-mail address.
	OIDCSubject string    `json:"oidc_subject,omitzero"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// A Person is a user of a phone system's account, as its directory knows them: whom mail can
// go to.
type Person struct {
	ID        string
	Email     string
	Username  string
	FirstName string
	LastName  string
	Timezone  string // of the IANA database
	Admin     bool
}

// A Session is a browser that was let in, until it expires: as a user, with an API key, or
// by a portal link.
type Session struct {
	Hash      []byte // SHA-256 of what the cookie holds
	UserID    string // whose it is; it may what the user may
	KeyID     string // or the key
	AccountID string // or, of a portal link, the account that it opens
	Role      Role   // and what it may do there
	CreatedAt time.Time
	ExpiresAt time.Time
}
