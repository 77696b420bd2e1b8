package deliver

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
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
	var b strings.Builder
	for _, s := range secrets {
		if !s.ExpiresAt.IsZero() && !at.Before(s.ExpiresAt) {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Value, switchhook.SecretPrefix))
		if err != nil || !strings.HasPrefix(s.Value, switchhook.SecretPrefix) {
			return "", fmt.Errorf("the signing secret is not %s and base64", switchhook.SecretPrefix)
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id))
		mac.Write([]byte{'.'})
		mac.Write(strconv.AppendInt(nil, at.Unix(), 10))
		mac.Write([]byte{'.'})
		mac.Write(content)
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString("v1,")
		b.WriteString(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return b.String(), nil
}
