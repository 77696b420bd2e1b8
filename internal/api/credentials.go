package api

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
)

// This file is what a webhook proves itself with: secrets that sign, credentials,
// certificates.

// Bounds.
const (
	shortestSecret    = 24       // bytes
	longestSecret     = 64       // bytes
	longestCredential = 4096     // bytes
	longestPEM        = 64 << 10 // bytes
)

func (c *webhookCheck) auth() {
	auth := c.w.Auth
	if auth == nil {
		return
	}
	kinds := []string{"basic", "bearer", "oauth2"}
	if !slices.Contains(kinds, auth.Type) {
		c.bad("auth.type", "expected %s or %s", strings.Join(kinds[:2], ", "), kinds[2])
		return
	}
	for _, member := range []struct {
		name, value, kind string
		required          bool
	}{
		{"username", auth.Username, "basic", true},
		{"password", auth.Password, "basic", false},
		{"token", auth.Token, "bearer", true},
		{"token_url", auth.TokenURL, "oauth2", true},
		{"client_id", auth.ClientID, "oauth2", true},
		{"client_secret", auth.ClientSecret, "oauth2", true},
		{"scope", auth.Scope, "oauth2", false},
		{"audience", auth.Audience, "oauth2", false},
		{"client_auth", auth.ClientAuth, "oauth2", false},
	} {
		switch field := "auth." + member.name; {
		case member.kind != auth.Type && member.value != "":
			c.bad(field, "is for %s only", member.kind)
		case member.kind == auth.Type && member.required && member.value == "":
			c.bad(field, "is required for %s", member.kind)
		case !fieldValue(member.value):
			c.bad(field, "cannot have control characters, or blanks at its ends")
		case len(member.value) > longestCredential:
			c.bad(field, "expected at most %d bytes", longestCredential)
		}
	}
	if strings.Contains(auth.Username, ":") {
		c.bad("auth.username", "cannot have a colon (RFC 7617)")
	}
	if auth.TokenURL != "" {
		c.address("auth.token_url", auth.TokenURL)
	}
	if auth.ClientAuth != "" && auth.ClientAuth != "basic" && auth.ClientAuth != "post" {
		c.bad("auth.client_auth", "expected basic, which sends client_id and client_secret as a header, or post, which has them in the form")
	}
}

func (c *webhookCheck) tls() {
	t := c.w.TLS
	switch {
	case t == nil:
	case *t == switchhook.TLS{}:
		c.w.TLS = nil
	case len(t.CA)+len(t.Certificate)+len(t.Key) > longestPEM:
		c.bad("tls", "expected at most %d bytes in all", longestPEM)
	case t.Certificate == "" && t.Key != "":
		c.bad("tls.certificate", "is required with a key")
	case t.Certificate != "" && t.Key == "":
		c.bad("tls.key", "is required with a certificate")
	case c.a.CheckTLS != nil && t.Key != mask: // the mask is told of elsewhere
		if err := c.a.CheckTLS(t); err != nil {
			c.bad("tls", "%s", message(err))
		}
	}
}

// masks refuses the mask in the place of a secret: what was read and sent back keeps
// what it stands for, where there is such a thing.
func (c *webhookCheck) masks() {
	const isMask = "is the mask that stands for a secret; give the secret itself"
	for _, name := range slices.Sorted(maps.Keys(c.w.Headers)) {
		if c.w.Headers[name] == mask {
			c.bad("headers."+name, isMask)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.w.DialectOptions)) {
		if c.w.DialectOptions[name] == mask {
			c.bad("dialect_options."+name, isMask)
		}
	}
	if auth := c.w.Auth; auth != nil && (auth.Password == mask || auth.Token == mask || auth.ClientSecret == mask) {
		c.bad("auth", isMask)
	}
	if t := c.w.TLS; t != nil && t.Key == mask {
		c.bad("tls.key", isMask)
	}
}

// kindsOf lists the kinds of secrets that a webhook signs with.
func kindsOf(signing string) []string {
	if signing == switchhook.SigningBoth {
		return []string{switchhook.SigningHMAC, switchhook.SigningEd25519}
	}
	return []string{signing}
}

func (c *webhookCheck) signing() {
	switch c.w.Signing {
	case switchhook.SigningHMAC, switchhook.SigningEd25519, switchhook.SigningBoth:
	default:
		c.bad("signing", "expected hmac, ed25519 or both")
	}
}

// secretProblem says what is wrong with a secret that is given to a webhook that signs so;
// nothing if it is right.
func secretProblem(secret, signing string) string {
	s := switchhook.Secret{Value: secret}
	var err error
	switch {
	case signing == switchhook.SigningHMAC || s.Signing() == switchhook.SigningHMAC && signing == switchhook.SigningBoth:
		_, err = s.Key()
	default:
		_, err = s.PrivateKey()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// mostSecrets is how many a webhook has: each makes a signature of every request, and
// rotation can be asked for as often as one likes.
const mostSecrets = 5

// renew gives a webhook new secrets: those that are given, or new ones of some kinds. What
// they replace, and what is of a kind that the webhook does not sign with any more, signs on
// for a while. It returns the new secret of an HMAC, to be shown this once.
func renew(w *switchhook.Webhook, given string, kinds []string, at time.Time) (shown string) {
	var list []switchhook.Secret
	for _, kind := range kinds {
		fresh := switchhook.Secret{Value: given}
		switch {
		case given != "" && fresh.Signing() == kind:
		case kind == switchhook.SigningEd25519:
			fresh.Value = switchhook.NewPrivateKey()
		default:
			fresh.Value = switchhook.NewSecret()
		}
		if kind == switchhook.SigningHMAC {
			shown = fresh.Value
		}
		list = append(list, fresh)
	}
	for _, s := range w.Secrets {
		replaced := slices.Contains(kinds, s.Signing()) || !slices.Contains(kindsOf(w.Signing), s.Signing())
		if s.ExpiresAt.IsZero() && replaced {
			s.ExpiresAt = at.Add(rotation)
		}
		same := slices.ContainsFunc(list, func(fresh switchhook.Secret) bool { return fresh.Value == s.Value })
		if s.Live(at) && !same && (len(list) < mostSecrets || s.ExpiresAt.IsZero()) {
			list = append(list, s)
		}
	}
	w.Secrets = list
	return shown
}

// missing are the kinds that a webhook signs with and has no secret of.
func missing(w *switchhook.Webhook) []string {
	return slices.DeleteFunc(kindsOf(w.Signing), func(kind string) bool {
		return slices.ContainsFunc(w.Secrets, func(s switchhook.Secret) bool { return s.Signing() == kind && s.ExpiresAt.IsZero() })
	})
}

// A rotateInput may say the new secret.
type rotateInput struct {
	Secret string `json:"secret,omitzero" doc:"The new secret: whsec_ and the base64 of 24 to 64 bytes, or whsk_ and that of an Ed25519 private key. Default: one is made, of each kind that the webhook signs with."`
}

func (a *api) rotateSecret(ctx context.Context, in *struct {
	ChangeID
	Body jsonBody[rotateInput]
},
) (*tagged[*webhookView], error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	a.Changes.Lock()
	defer a.Changes.Unlock()
	w, err := a.webhookToChange(ctx, in.ChangeID)
	if err != nil {
		return nil, err
	}
	was := *w
	w.Signing = cmp.Or(w.Signing, switchhook.SigningHMAC)
	kinds := kindsOf(w.Signing)
	if body.Secret != "" {
		if problem := secretProblem(body.Secret, w.Signing); problem != "" {
			return nil, switchhook.InvalidField("secret", "%s", problem)
		}
		kinds = []string{switchhook.Secret{Value: body.Secret}.Signing()}
	}
	w.UpdatedAt = later(w.UpdatedAt)
	secret := renew(w, body.Secret, kinds, w.UpdatedAt)
	if err := a.Store.UpdateWebhook(ctx, w, a.auditWebhook(ctx, &was, w)); err != nil {
		return nil, err
	}
	return a.changedWebhook(ctx, w, secret)
}
