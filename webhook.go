package switchhook

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Webhook is what a customer set up: which events go where, in which shape.
type Webhook struct {
	ID        string   `json:"id"`
	AccountID string   `json:"account_id"`
	Name      string   `json:"name"`
	URL       string   `json:"url"`
	Events    []string `json:"events"`          // globs of types, or a dialect's own names such as kazoo:channel_destroy
	Dialect   string   `json:"dialect"`         // default switchhook
	Format    string   `json:"format,omitzero"` // json or form, where the dialect has both
	Method    string   `json:"method,omitzero"` // default: the dialect's
	Enabled   bool     `json:"enabled"`
	Scope     *Scope   `json:"scope,omitzero"`
	// Flow: this is the webhook of the account's call flows. It has no URL of its
	// own; each flow.webhook event says where it goes.
	Flow bool `json:"flow,omitzero"`

	IncludeSubaccounts  bool              `json:"include_subaccounts"`
	IncludeInternalLegs bool              `json:"include_internal_legs"`
	CustomData          map[string]string `json:"custom_data,omitzero"` // kazoo only
	Modifiers           map[string]any    `json:"modifiers,omitzero"`   // kazoo only
	Headers             map[string]string `json:"headers,omitzero"`     // added to every request
	Auth                *Auth             `json:"auth,omitzero"`
	TLS                 *TLS              `json:"tls,omitzero"`
	DialectOptions      map[string]any    `json:"dialect_options,omitzero"`
	Mask                []string          `json:"mask,omitzero"` // numbers, text: what of people's data is masked

	Retry          Retry    `json:"retry"`
	Timeout        Duration `json:"timeout"`             // of one attempt, from dialling to the last byte read; default 15s
	MaxConcurrency int      `json:"max_concurrency"`     // requests under way at once; default 16
	RateLimit      float64  `json:"rate_limit,omitzero"` // requests a second at most; 0: no limit
	Ordering       string   `json:"ordering"`            // key or none
	Hold           Duration `json:"hold"`                // how long a failing delivery holds back its key; default 30s, 0s not at all
	MaxAge         Duration `json:"max_age,omitzero"`    // overrides the type's freshness; 0: as the catalogue says

	// Signing is with what requests are signed: hmac (the default), ed25519, or both.
	Signing string `json:"signing,omitzero"`
	// Secrets sign the requests, the newest first; several of a kind while one is being
	// rotated out.
	Secrets []Secret `json:"-"`

	// Filter is a CEL expression over the event; empty: every event.
	Filter string `json:"filter,omitzero"`

	DisableReason string    `json:"disable_reason,omitzero"`
	PausedAt      time.Time `json:"paused_at,omitzero"` // nothing is sent from then on, all is kept; zero: it is not paused
	CreatedAt     time.Time `json:"created_at"`
	UpdatedAt     time.Time `json:"updated_at"`
}

// WebhooksChanged says what is different in a list of webhooks from what it was before:
// which are new or have changed, and the ids of those that are gone. What is the same
// pointer has not changed, so nobody changes a webhook that is in a list.
func WebhooksChanged(before, after []*Webhook) (changed []*Webhook, gone []string) {
	for len(before) > 0 && len(after) > 0 && before[0] == after[0] {
		before, after = before[1:], after[1:]
	}
	for len(before) > 0 && len(after) > 0 && before[len(before)-1] == after[len(after)-1] {
		before, after = before[:len(before)-1], after[:len(after)-1]
	}
	old := make(map[string]*Webhook, len(before)) // most often one
	for _, w := range before {
		old[w.ID] = w
	}
	for _, w := range after {
		if old[w.ID] != w {
			changed = append(changed, w)
		}
		delete(old, w.ID)
	}
	for _, w := range before {
		if old[w.ID] != nil {
			gone = append(gone, w.ID)
		}
	}
	return changed, gone
}

// Scope narrows a webhook to some numbers, extensions, ring groups or queues.
// The four lists are OR'ed; an empty scope narrows nothing.
type Scope struct {
	Numbers    []string `json:"numbers,omitzero"`
	Extensions []string `json:"extensions,omitzero"`
	RingGroups []string `json:"ring_groups,omitzero"`
	Queues     []string `json:"queues,omitzero"`
}

// Empty reports whether the scope narrows nothing.
func (s *Scope) Empty() bool {
	return s == nil || len(s.Numbers)+len(s.Extensions)+len(s.RingGroups)+len(s.Queues) == 0
}

// Auth is how a receiver wants us to prove who we are, beside the signature.
type Auth struct {
	Type     string `json:"type"` // basic, bearer or oauth2
	Username string `json:"username,omitzero"`
	Password string `json:"password,omitzero"`
	Token    string `json:"token,omitzero"`

	// Of oauth2: client credentials (RFC 6749 4.4), for which TokenURL gives the token.
	TokenURL     string `json:"token_url,omitzero"`
	ClientID     string `json:"client_id,omitzero"`
	ClientSecret string `json:"client_secret,omitzero"`
	Scope        string `json:"scope,omitzero"`    // with blanks between several
	Audience     string `json:"audience,omitzero"` // whom the token is for, where the server asks for it
	// ClientAuth is how the credentials are sent: basic, the default, as a header, or post,
	// in the form.
	ClientAuth string `json:"client_auth,omitzero"`
}

// TLS is whom a receiver is known by, and how it knows us. All of it is PEM.
type TLS struct {
	CA          string `json:"ca,omitzero"`          // one of these stands behind the receiver's certificate; empty: one that the system knows
	Certificate string `json:"certificate,omitzero"` // ours, with what stands behind it; empty: none
	Key         string `json:"key,omitzero"`         // the certificate's
}

// Retry says when a failed delivery is tried again: by a policy's name
// (standard, none or kazoo), or by a schedule of its own.
type Retry struct {
	Policy   string     `json:"policy,omitzero"`
	Tries    int        `json:"tries,omitzero"` // in all; of the policy kazoo (1 to 5), and where a call flow names it
	Schedule []Duration `json:"schedule,omitzero"`
}

// A WebhookFilter selects webhooks. Empty fields select everything.
type WebhookFilter struct {
	Accounts []string
}

// Duration is a length of time that reads and writes as text, such as 15s or
// 72h; a d for days is understood too.
type Duration time.Duration

// ParseDuration reads what time.ParseDuration reads, and whole days such as 30d.
func ParseDuration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 36500 {
			return 0, fmt.Errorf("%q is not a duration such as 15s, 72h or 30d", s)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration such as 15s, 72h or 30d", s)
	}
	return d, nil
}

// String is the shortest text that ParseDuration reads back, such as 72h.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// MarshalText writes the duration as String does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what ParseDuration reads.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// Mask stands wherever a secret is not shown.
const Mask = "********"

// SecretHeader reports whether a header of this name likely holds a credential.
func SecretHeader(name string) bool {
	name = strings.ToLower(name)
	for _, word := range [...]string{"auth", "cookie", "token", "secret", "key", "pass", "pwd", "signature", "credential", "session", "bearer", "jwt", "hmac"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// Option returns a dialect option as text, and whether it is set. Options come
// from JSON, so a number is written as the JSON has it.
func (w *Webhook) Option(name string) (string, bool) {
	switch v := w.DialectOptions[name].(type) {
	case nil:
		return "", false
	case string:
		return v, true
	default:
		b, err := json.Marshal(v)
		return string(b), err == nil
	}
}
