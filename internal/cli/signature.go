package cli

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
)

// publicPrefix marks a public key (Standard Webhooks, asymmetric signatures).
const publicPrefix = "whpk_"

// A checker says whether a signature is one of a content.
type checker struct {
	version string // of the signatures that it knows
	check   func(signed, signature []byte) bool
	sign    func(signed []byte) string // nil: only the other side can
}

func newChecker(secret string) (*checker, error) {
	if secret == "" {
		return nil, usage("--secret is missing: it wants the webhook's signing secret, whsec_…")
	}
	encoded, symmetric := strings.CutPrefix(secret, switchhook.SecretPrefix)
	encoded, public := strings.CutPrefix(encoded, publicPrefix)
	if !symmetric && !public {
		return nil, usage("the secret begins neither with whsec_ nor, for a public key, with whpk_: is it the whole one?")
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	switch {
	case err != nil:
		return nil, usage("what follows %s in the secret is no base64 (%w): was it cut off?", secret[:len(secret)-len(encoded)], err)
	case public && len(key) != ed25519.PublicKeySize:
		return nil, usage("the public key has %d bytes, not %d", len(key), ed25519.PublicKeySize)
	case public:
		return &checker{version: "v1a", check: func(signed, signature []byte) bool { return ed25519.Verify(key, signed, signature) }}, nil
	default:
		return hmacOf(key), nil
	}
}

func hmacOf(key []byte) *checker {
	mac := func(signed []byte) []byte {
		h := hmac.New(sha256.New, key)
		h.Write(signed)
		return h.Sum(nil)
	}
	return &checker{
		version: "v1", check: func(signed, signature []byte) bool { return hmac.Equal(mac(signed), signature) },
		sign: func(signed []byte) string { return "v1," + base64.StdEncoding.EncodeToString(mac(signed)) },
	}
}

// verify says that a request is signed with a secret, or as an error what is wrong.
func (r *signedRequest) verify(secret string, now time.Time, tolerance time.Duration) (string, error) {
	c, err := newChecker(secret)
	if err != nil {
		return "", err
	}
	var missing []string
	for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
		if r.header.Get(name) == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return "", fmt.Errorf("%s: %s; has something on the way taken it out?",
			map[bool]string{true: "a header is missing", false: "headers are missing"}[len(missing) == 1], strings.Join(missing, ", "))
	}
	id, stamp := r.header.Get("webhook-id"), r.header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return "", fmt.Errorf("the webhook-timestamp %q is no number of seconds since 1970", stamp)
	}
	signatures, others := r.signatures(c.version)
	if len(signatures) == 0 {
		return "", fmt.Errorf("webhook-signature has no signature of the version %s, which goes with this secret%s", c.version,
			map[bool]string{true: "; it has " + strings.Join(others, ", ")}[len(others) > 0])
	}
	fits := func(c *checker, id, stamp string, content []byte) bool {
		signed := append([]byte(id+"."+stamp+"."), content...)
		for _, s := range signatures {
			if c.check(signed, s) {
				return true
			}
		}
		return false
	}
	if !fits(c, id, stamp, r.content()) {
		return "", r.whyNot(c, secret, fits, len(signatures))
	}
	age := now.Sub(time.Unix(seconds, 0)).Round(time.Second)
	if tolerance > 0 && (age > tolerance || age < -tolerance) {
		return "", wrongTime(age, tolerance, seconds)
	}
	return fmt.Sprintf("The signature is right: %s, signed %s.", id, ago(age)), nil
}

func ago(age time.Duration) string {
	if age < 0 {
		return (-age).String() + " from now"
	}
	return age.String() + " ago"
}

func wrongTime(age, tolerance time.Duration, seconds int64) error {
	if seconds > 1e11 { // in the year 5138, if it were seconds
		return errors.New("the signature is right, but webhook-timestamp is in milliseconds; it has to be in seconds")
	}
	if age < 0 {
		return fmt.Errorf("the signature is right, but it was made %s; at most %s is allowed: one of the two clocks is wrong", ago(age), tolerance)
	}
	return fmt.Errorf("the signature is right, but it was made %s, longer ago than the %s that are allowed: the request is an old one, or one of the two clocks is wrong (--tolerance 0 passes over it)", ago(age), tolerance)
}

// signatures are those of a version, and the versions of the others.
func (r *signedRequest) signatures(version string) (all [][]byte, others []string) {
	for each := range strings.FieldsSeq(r.header.Get("webhook-signature")) {
		v, encoded, ok := strings.Cut(each, ",")
		signature, err := base64.StdEncoding.DecodeString(encoded)
		if ok && v == version && err == nil {
			all = append(all, signature)
		} else {
			others = append(others, v)
		}
	}
	return all, others
}

// whyNot finds out what was changed, by trying what is often done to a request.
func (r *signedRequest) whyNot(c *checker, secret string, fits func(c *checker, id, stamp string, content []byte) bool, n int) error {
	id, stamp, content := r.header.Get("webhook-id"), r.header.Get("webhook-timestamp"), r.content()
	for _, v := range variants(content) {
		if fits(c, id, stamp, v.content) {
			return fmt.Errorf("the body was changed: it fits once %s; check the raw bytes, before anything parses them", v.undo)
		}
	}
	var event struct{ ID string }
	if json.Unmarshal(content, &event) == nil && event.ID != "" && fits(c, event.ID, stamp, content) {
		return fmt.Errorf("the id is another one: it is signed as %s, the event's, and webhook-id says %s", event.ID, id)
	}
	if len(stamp) == len("1769871845000") && fits(c, id, stamp[:len(stamp)-3], content) {
		return errors.New("the timestamp was changed: it is signed in seconds, and webhook-timestamp is in milliseconds")
	}
	if c.version == "v1" {
		for _, key := range []string{secret, strings.TrimPrefix(secret, switchhook.SecretPrefix)} {
			if fits(hmacOf([]byte(key)), id, stamp, content) {
				return errors.New("whoever signed it took the text of the secret for the key; the key is the base64-decoded part after whsec_")
			}
		}
	}
	has := "the signature does not fit"
	if n > 1 {
		has = fmt.Sprintf("none of the %d signatures fits", n)
	}
	if len(content) == 0 && r.method != http.MethodGet {
		return fmt.Errorf("%s: there is no body here, and most requests have one", has)
	}
	text := has + ": it is signed with another secret (was it rotated? is it another webhook's?), or the body, webhook-id or webhook-timestamp is not what was sent"
	if c.sign != nil {
		text += fmt.Sprintf("\nWith this secret and these %d bytes of content it would be %s", len(content), c.sign(append([]byte(id+"."+stamp+"."), content...)))
	}
	return errors.New(text)
}

// A variant is a content as it may have been, and what leads back to it.
type variant struct {
	undo    string
	content []byte
}

func variants(content []byte) (all []variant) {
	add := func(undo string, v []byte) {
		if v != nil && !bytes.Equal(v, content) {
			all = append(all, variant{undo, v})
		}
	}
	add("the line end after it is taken away", bytes.TrimRight(content, "\r\n"))
	add("the white space around it is taken away", bytes.TrimSpace(content))
	add("a line feed is put after it", append(bytes.Clone(content), '\n'))
	add("the byte order mark before it is taken away", bytes.TrimPrefix(content, []byte("\xef\xbb\xbf")))
	add("its line ends are LF, not CRLF", bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")))
	var compact bytes.Buffer
	if json.Compact(&compact, content) == nil {
		add("the white space between its JSON tokens is taken away (it was parsed and written again)", compact.Bytes())
		add("its \\u escapes are the characters themselves (it was parsed and written again)", unescaped(compact.Bytes()))
	}
	return all
}

// unescaped writes the characters that JSON writers escape although they need not.
func unescaped(text []byte) []byte {
	var b bytes.Buffer
	for len(text) > 0 {
		i := bytes.IndexByte(text, '\\')
		if i < 0 || i+1 >= len(text) {
			break
		}
		b.Write(text[:i])
		n := 2
		if text[i+1] == 'u' {
			n = 6
			if i+12 <= len(text) && bytes.HasPrefix(text[i+6:], []byte(`\u`)) && (text[i+2] == 'd' || text[i+2] == 'D') {
				n = 12 // a surrogate pair
			}
		}
		n = min(n, len(text)-i)
		var s string
		if escape := text[i : i+n]; json.Unmarshal([]byte(`"`+string(escape)+`"`), &s) == nil && s >= " " && s != `"` && s != `\` {
			b.WriteString(s)
		} else {
			b.Write(escape)
		}
		text = text[i+n:]
	}
	b.Write(text)
	return b.Bytes()
}
