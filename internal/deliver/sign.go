package deliver

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
)

// Sign returns the webhook-signature header of Standard Webhooks: "v1," and the
// base64 HMAC-SHA256 of id.timestamp.content, once per secret that is valid at
// the time, separated by blanks. content is the body, for GET the query string
// as it is sent.
//
// It fails if a secret is not whsec_ and base64.
func Sign(secrets []switchhook.Secret, id string, at time.Time, content []byte) (string, error) {
	s, err := newSigners(secrets)
	if err != nil {
		return "", err
	}
	return s.sign(id, at, content), nil
}

// signers are secrets made ready.
type signers []signer

type signer struct {
	expires time.Time
	macs    *sync.Pool // of hash.Hash
}

func newSigners(secrets []switchhook.Secret) (signers, error) {
	all := make(signers, len(secrets))
	for i, s := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Value, switchhook.SecretPrefix))
		if err != nil || !strings.HasPrefix(s.Value, switchhook.SecretPrefix) {
			return nil, fmt.Errorf("the signing secret is not %s and base64", switchhook.SecretPrefix)
		}
		all[i] = signer{expires: s.ExpiresAt, macs: &sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
	}
	return all, nil
}

func (all signers) sign(id string, at time.Time, content []byte) string {
	var room [2 * 64]byte
	out := room[:0]
	for _, s := range all {
		if !s.expires.IsZero() && !at.Before(s.expires) {
			continue
		}
		mac, _ := s.macs.Get().(hash.Hash)
		mac.Reset()
		var head [96]byte
		text := append(append(head[:0], id...), '.')
		text = append(strconv.AppendInt(text, at.Unix(), 10), '.')
		mac.Write(text)
		mac.Write(content)
		if len(out) > 0 {
			out = append(out, ' ')
		}
		out = base64.StdEncoding.AppendEncode(append(out, "v1,"...), mac.Sum(text[:0]))
		s.macs.Put(mac)
	}
	return string(out)
}
