package switchhook

import "time"

// A Template is what an account has made its own of a notification's template. What is
// nil is inherited: from the account above, and so on up to the root's, which is the
// system's, and then from the built-in one. Each change is a version of its own, and
// versions are kept.
type Template struct {
	AccountID string `json:"account_id"`
	// ID is that of a built-in template, such as voicemail_to_email, or one of the
	// account's own, which notification.custom events name: [a-z0-9_-]{1,64}.
	ID      string  `json:"id"`
	Version int64   `json:"version"` // from 1, of the account and the id; never used again
	Name    *string `json:"name,omitzero"`
	Enabled *bool   `json:"enabled,omitzero"` // whether it is sent; default true

	// These are written in the template language (internal/django).
	Subject *string `json:"subject,omitzero"`
	Text    *string `json:"text,omitzero"`
	HTML    *string `json:"html,omitzero"`
	From    *string `json:"from,omitzero"`     // an address, with a name or without
	ReplyTo *string `json:"reply_to,omitzero"` // one or several, with commas

	To  *Addresses `json:"to,omitzero"`
	Cc  *Addresses `json:"cc,omitzero"`
	Bcc *Addresses `json:"bcc,omitzero"`

	// Reverted: from this version on nothing is the account's own any more.
	Reverted  bool      `json:"reverted,omitzero"`
	CreatedAt time.Time `json:"created_at"` // of the first version
	UpdatedAt time.Time `json:"updated_at"` // of this one
	UpdatedBy string    `json:"updated_by,omitzero"`
}

// Addresses says whom a notification goes to.
type Addresses struct {
	Type string `json:"type"` // original, specified or admins
	// EmailAddresses are the template's own: those of specified, and those that the others
	// fall back on.
	EmailAddresses []string `json:"email_addresses,omitzero"`
}

// The types of addresses, as Kazoo has them.
const (
	AddressesOriginal  = "original"  // whom the event names, or what the directory knows of whom it is about
	AddressesSpecified = "specified" // the template's own
	AddressesAdmins    = "admins"    // the account's administrators
)
