package mail

import (
	"strings"
)

// The media of notifications, which are the dialects of their targets.
const (
	Email = "mail"
	SMS   = "sms"
)

// A Target is where notifications of one kind go: it stands for a webhook that nobody has
// stored. All that it is can be told from its id.
type Target struct {
	Medium    string
	AccountID string // the event's
	Template  string
	// Recipient is set where each gets a message of its own: a telephone number, or for
	// customer_update ACCOUNT/USER.
	Recipient string
}

// ID is the webhook id of a target, such as mail:acme:missed_call.
func (t Target) ID() string {
	id := t.Medium + ":" + t.AccountID + ":" + t.Template
	if t.Recipient != "" {
		id += ":" + t.Recipient
	}
	return id
}

// ParseTarget reads an id. Webhooks' own ids have no colon.
func ParseTarget(webhookID string) (t Target, ok bool) {
	parts := strings.SplitN(webhookID, ":", 4)
	if len(parts) < 3 || parts[0] != Email && parts[0] != SMS {
		return t, false
	}
	t = Target{Medium: parts[0], AccountID: parts[1], Template: parts[2]}
	if len(parts) == 4 {
		t.Recipient = parts[3]
	}
	return t, true
}

// member splits the recipient of a customer update.
func (t Target) member() (account, user string) {
	account, user, _ = strings.Cut(t.Recipient, "/")
	return account, user
}
