package sim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Tolerance is how far a request's timestamp may be from the receiver's clock,
// as the Standard Webhooks libraries have it.
const Tolerance = 5 * time.Minute

// What is wrong with a signature.
var (
	// ErrNoSignature: one of the three headers is missing.
	ErrNoSignature = errors.New("webhook-id, webhook-timestamp or webhook-signature is missing")
	// ErrSignature: no signature is one that the secret makes.
	ErrSignature = errors.New("the signature does not match")
	// ErrTimestamp: the timestamp is no number or too far away.
	ErrTimestamp = errors.New("the timestamp is wrong")
)

// Verify checks a request's signature (Standard Webhooks: HMAC-SHA256 over
// id.timestamp.content). content is what carries the event: the body, for a GET
// without one the raw query string. One matching signature is enough: while a
// secret is rotated there are several.
func Verify(secret string, header http.Header, content []byte, now time.Time) error {
	id, stamp, signatures := header.Get("Webhook-Id"), header.Get("Webhook-Timestamp"), header.Get("Webhook-Signature")
	if id == "" || stamp == "" || signatures == "" {
		return ErrNoSignature
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: %q is no number of seconds", ErrTimestamp, stamp)
	}
	if off := now.Sub(time.Unix(seconds, 0)); off > Tolerance || off < -Tolerance {
		return fmt.Errorf("%w: it is %s away from the receiver's clock", ErrTimestamp, off.Round(time.Second))
	}
	encoded, ok := strings.CutPrefix(secret, "whsec_")
	if !ok {
		return errors.New("the secret does not begin with whsec_")
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return fmt.Errorf("the secret is not base64: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(content)
	want := mac.Sum(nil)
	for signature := range strings.SplitSeq(signatures, " ") {
		encoded, ok := strings.CutPrefix(signature, "v1,")
		if !ok {
			continue // a version that we do not know, such as v1a
		}
		got, err := base64.StdEncoding.DecodeString(encoded)
		if err == nil && hmac.Equal(got, want) {
			return nil
		}
	}
	return ErrSignature
}
