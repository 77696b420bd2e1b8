package deliver

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"strconv"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
)

// Sign returns the webhook-signature header of Standard Webhooks: a signature of
// id.timestamp.content for each secret that is valid at the time, separated by blanks. The
// secret of an HMAC makes "v1," and the base64 of an HMAC-SHA256, an Ed25519 key "v1a," and
// that of its signature. content is the body, for GET the query string as it is sent.
//
// It fails if a secret is none.
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
	switchhook.Secret
	macs *sync.Pool         // of hash.Hash; nil: it has a key
	key  ed25519.PrivateKey // nil: it has macs
}

func newSigners(secrets []switchhook.Secret) (all signers, err error) {
	for _, s := range secrets {
		one := signer{Secret: s}
		if s.Signing() == switchhook.SigningEd25519 {
			one.key, err = s.PrivateKey()
		} else {
			var key []byte
			key, err = s.Key()
			one.macs = &sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}
		}
		if err != nil {
			return nil, fmt.Errorf("a signing secret is none: %w", err)
		}
		all = append(all, one)
	}
	return all, nil
}

func (all signers) sign(id string, at time.Time, content []byte) string {
	var room [2 * 64]byte
	out := room[:0]
	for _, s := range all {
		if !s.Live(at) {
			continue
		}
		if len(out) > 0 {
			out = append(out, ' ')
		}
		out = s.sign(out, id, at, content)
	}
	return string(out)
}

// sign appends a signature.
func (s *signer) sign(out []byte, id string, at time.Time, content []byte) []byte {
	var head [96]byte
	text := append(append(head[:0], id...), '.')
	text = append(strconv.AppendInt(text, at.Unix(), 10), '.')
	if s.key != nil {
		text = append(text, content...)
		return base64.StdEncoding.AppendEncode(append(out, "v1a,"...), ed25519.Sign(s.key, text))
	}
	mac, _ := s.macs.Get().(hash.Hash)
	defer s.macs.Put(mac)
	mac.Reset()
	mac.Write(text)
	mac.Write(content)
	return base64.StdEncoding.AppendEncode(append(out, "v1,"...), mac.Sum(text[:0]))
}
