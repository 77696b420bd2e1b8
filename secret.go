package switchhook

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// How requests can be signed.
const (
	SigningHMAC    = "hmac"    // a secret that both sides have
	SigningEd25519 = "ed25519" // a key of ours, of which receivers have the public half
	SigningBoth    = "both"
)

// What the keys of Standard Webhooks begin with; the rest is base64.
const (
	SecretPrefix     = "whsec_" // 24 to 64 bytes, for HMAC-SHA256
	PrivateKeyPrefix = "whsk_"  // an Ed25519 private key: 64 bytes, or the 32 of its seed
	PublicKeyPrefix  = "whpk_"  // its public key: 32 bytes
)

// The bounds of an HMAC secret in bytes.
const (
	shortestSecret = 24
	longestSecret  = 64
)

// A Secret signs until it expires; one without expiry does so until rotated.
type Secret struct {
	Value     string    `json:"value"` // whsec_… or whsk_…
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// NewSecret makes an HMAC secret of 32 random bytes.
func NewSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // documented never to fail
	return SecretPrefix + base64.StdEncoding.EncodeToString(b[:])
}

// NewPrivateKey makes an Ed25519 key.
func NewPrivateKey() string {
	var seed [ed25519.SeedSize]byte
	_, _ = rand.Read(seed[:]) // documented never to fail
	return PrivateKeyPrefix + base64.StdEncoding.EncodeToString(ed25519.NewKeyFromSeed(seed[:]))
}

// Signing is the kind of a secret: SigningHMAC or SigningEd25519.
func (s Secret) Signing() string {
	if strings.HasPrefix(s.Value, PrivateKeyPrefix) {
		return SigningEd25519
	}
	return SigningHMAC
}

// Live reports whether the secret signs at a time.
func (s Secret) Live(at time.Time) bool { return s.ExpiresAt.IsZero() || at.Before(s.ExpiresAt) }

// Key is the secret of an HMAC. Its error says what was expected.
func (s Secret) Key() ([]byte, error) {
	key, ok := decoded(s.Value, SecretPrefix)
	switch expected := fmt.Sprintf("expected %s and the base64 of %d to %d bytes", SecretPrefix, shortestSecret, longestSecret); {
	case !ok:
		return nil, fmt.Errorf("%s", expected)
	case len(key) < shortestSecret || len(key) > longestSecret:
		return nil, fmt.Errorf("%s, got %d bytes", expected, len(key))
	}
	return key, nil
}

// PrivateKey is an Ed25519 key. Its error says what was expected.
func (s Secret) PrivateKey() (ed25519.PrivateKey, error) {
	b, ok := decoded(s.Value, PrivateKeyPrefix)
	if ok && len(b) == ed25519.SeedSize {
		return ed25519.NewKeyFromSeed(b), nil
	}
	if ok && len(b) == ed25519.PrivateKeySize {
		if key := ed25519.NewKeyFromSeed(b[:ed25519.SeedSize]); key.Equal(ed25519.PrivateKey(b)) {
			return key, nil
		}
	}
	return nil, fmt.Errorf("expected %s and the base64 of an Ed25519 private key, 64 bytes, or of its seed, 32", PrivateKeyPrefix)
}

// PublicKey is what receivers verify with, whpk_…; empty for the secret of an HMAC.
func (s Secret) PublicKey() string {
	key, err := s.PrivateKey()
	if err != nil {
		return ""
	}
	return PublicKeyPrefix + base64.StdEncoding.EncodeToString(key[ed25519.SeedSize:])
}

func decoded(text, prefix string) ([]byte, bool) {
	encoded, ok := strings.CutPrefix(text, prefix)
	if !ok || strings.ContainsAny(encoded, "\r\n") { // which base64 passes over
		return nil, false
	}
	b, err := base64.StdEncoding.Strict().DecodeString(encoded)
	return b, err == nil
}
