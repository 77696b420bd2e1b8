package kamailio

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"net/http"
	"regexp"

	"github.com/switchhook/switchhook/internal/source"
)

// options are those of a source of the kind kamailio.
type options struct {
	// Token is the secret at the end of the ingest URL, /v1/in/SOURCE/TOKEN.
	Token string
}

// readOptions reads strictly.
func readOptions(given map[string]any) (o options, err error) {
	var wrong source.Errors
	for name := range given {
		if name != "token" {
			wrong.Add("options."+name, "there is no such option of a kamailio source; see docs/guides/kamailio.md")
		}
	}
	token, text := given["token"].(string)
	switch {
	case given["token"] == nil:
		wrong.Add("options.token", "is missing: expected the secret at the end of SWITCHHOOK_URL, 16 to 128 letters, digits, _ and -")
	case !text || !regexp.MustCompile(`^[A-Za-z0-9_-]{16,128}$`).MatchString(token):
		wrong.Add("options.token", "expected 16 to 128 letters, digits, _ and -")
	}
	return options{token}, wrong.Err()
}

// same compares in constant time.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Method != http.MethodPost {
		return nil, fmt.Errorf("expected POST, got %s", r.Method)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err != nil {
		return nil, fmt.Errorf("the body cannot be read: %w", err)
	}
	return body, nil
}
