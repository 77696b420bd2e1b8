package gateway

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver/wire"
)

// secrets are what of a request must not be recorded: gateways repeat requests in their
// answers, and customers can read those.
type secrets struct{ list []string }

// shortest is how long a secret must be to be masked wherever it turns up.
const shortest = 6

// secretsOf are the values of a request's headers but for those that everybody sends, and
// what has the name of a secret in its URL and body.
func secretsOf(r *wire.Request) *secrets {
	s := new(secrets)
	for _, h := range r.Header {
		if slices.Contains([]string{"accept", "content-type", "user-agent"}, strings.ToLower(h.Name)) {
			continue
		}
		s.add(h.Value)
		if scheme, credentials, ok := strings.Cut(h.Value, " "); ok && strings.EqualFold(h.Name, "Authorization") {
			s.add(credentials)
			if pair, err := base64.StdEncoding.DecodeString(credentials); err == nil && strings.EqualFold(scheme, "Basic") {
				_, password, _ := strings.Cut(string(pair), ":")
				s.add(string(pair))
				s.add(password)
			}
		}
	}
	s.addForm(r.URL.RawQuery)
	var v any
	if json.Unmarshal(r.Body, &v) == nil {
		s.addJSON(v)
	} else {
		s.addForm(string(r.Body))
	}
	slices.SortFunc(s.list, func(a, b string) int { return cmp.Compare(len(b), len(a)) }) // the whole before its parts
	return s
}

func (s *secrets) add(secret string) {
	if len(secret) >= shortest {
		s.list = append(s.list, secret)
	}
}

func (s *secrets) addForm(q string) {
	for pair := range strings.SplitSeq(q, "&") {
		if name, value, _ := strings.Cut(pair, "="); switchhook.SecretHeader(name) {
			s.add(value)
			if value, err := url.QueryUnescape(value); err == nil {
				s.add(value)
			}
		}
	}
}

func (s *secrets) addJSON(v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if text, ok := value.(string); ok && switchhook.SecretHeader(name) {
				s.add(text)
			}
			s.addJSON(value)
		}
	case []any:
		for _, value := range v {
			s.addJSON(value)
		}
	}
}

func (s *secrets) masked(text string) string {
	for _, secret := range s.list {
		text = strings.ReplaceAll(text, secret, switchhook.Mask)
	}
	return text
}
