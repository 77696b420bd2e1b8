package api

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

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

// secretProblem says what is wrong with a signing secret; nothing if it is right.
func secretProblem(secret string) string {
	const expected = "expected whsec_ and the base64 of 24 to 64 bytes"
	encoded, ok := strings.CutPrefix(secret, switchhook.SecretPrefix)
	if !ok || strings.ContainsAny(encoded, "\r\n") { // which base64 passes over
		return expected
	}
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return expected
	}
	if len(key) < shortestSecret || len(key) > longestSecret {
		return fmt.Sprintf("%s, got %d bytes", expected, len(key))
	}
	return ""
}

// A rotateInput may say the new secret.
type rotateInput struct {
	Secret string `json:"secret,omitzero" doc:"The new secret: whsec_ and the base64 of 24 to 64 bytes. Default: one is made."`
}

func (a *api) rotateSecret(ctx context.Context, in *struct {
	PathID
	Body jsonBody[rotateInput]
},
) (*output[*webhookView], error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	if problem := secretProblem(body.Secret); body.Secret != "" && problem != "" {
		return nil, switchhook.InvalidField("secret", "%s", problem)
	}
	a.Changes.Lock()
	defer a.Changes.Unlock()
	old, err := a.webhook(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	secret, at := cmp.Or(body.Secret, switchhook.NewSecret()), now()
	w := *old
	w.Secrets, w.UpdatedAt = []switchhook.Secret{{Value: secret}}, at
	for _, s := range old.Secrets {
		if s.ExpiresAt.IsZero() {
			s.ExpiresAt = at.Add(rotation)
		}
		if s.ExpiresAt.After(at) && s.Value != secret {
			w.Secrets = append(w.Secrets, s)
		}
	}
	if err := a.Store.UpdateWebhook(ctx, &w); err != nil {
		return nil, err
	}
	return a.changedWebhook(ctx, &w, secret)
}
