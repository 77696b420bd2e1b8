package sim_test

import (
	"errors"
	"net/http"
	"strconv"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/switchhook/switchhook/internal/sim"
)

// The vector that the Standard Webhooks libraries of every language test with.
const (
	vectorSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorTime      = 1614265330
	vectorBody      = `{"test": 2432232314}`
	vectorSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func headers(id, stamp, signature string) http.Header {
	h := http.Header{}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", stamp)
	h.Set("webhook-signature", signature)
	return h
}

func TestVerify(t *testing.T) {
	t.Parallel()
	stamp := strconv.Itoa(vectorTime)
	at := time.Unix(vectorTime, 0)
	right := headers(vectorID, stamp, vectorSignature)
	whichever := errors.New("any")
	for name, c := range map[string]struct {
		secret string
		header http.Header
		body   string
		now    time.Time
		want   error
	}{
		"the vector":              {vectorSecret, right, vectorBody, at, nil},
		"just in time":            {vectorSecret, right, vectorBody, at.Add(sim.Tolerance), nil},
		"a clock that is behind":  {vectorSecret, right, vectorBody, at.Add(-sim.Tolerance), nil},
		"too late":                {vectorSecret, right, vectorBody, at.Add(sim.Tolerance + time.Second), sim.ErrTimestamp},
		"too early":               {vectorSecret, right, vectorBody, at.Add(-sim.Tolerance - time.Second), sim.ErrTimestamp},
		"another body":            {vectorSecret, right, vectorBody + " ", at, sim.ErrSignature},
		"another id":              {vectorSecret, headers("msg_2", stamp, vectorSignature), vectorBody, at, sim.ErrSignature},
		"another time":            {vectorSecret, headers(vectorID, strconv.Itoa(vectorTime+1), vectorSignature), vectorBody, at, sim.ErrSignature},
		"another secret":          {"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", right, vectorBody, at, sim.ErrSignature},
		"a time with a zero":      {vectorSecret, headers(vectorID, "0"+stamp, vectorSignature), vectorBody, at, sim.ErrSignature},
		"no number":               {vectorSecret, headers(vectorID, "now", vectorSignature), vectorBody, at, sim.ErrTimestamp},
		"during a rotation":       {vectorSecret, headers(vectorID, stamp, "v1,AAAA "+vectorSignature), vectorBody, at, nil},
		"beside an ed25519 one":   {vectorSecret, headers(vectorID, stamp, "v1a,AAAA "+vectorSignature), vectorBody, at, nil},
		"under another version":   {vectorSecret, headers(vectorID, stamp, "v2"+vectorSignature[2:]), vectorBody, at, sim.ErrSignature},
		"cut short":               {vectorSecret, headers(vectorID, stamp, vectorSignature[:20]), vectorBody, at, sim.ErrSignature},
		"no signature":            {vectorSecret, headers(vectorID, stamp, ""), vectorBody, at, sim.ErrNoSignature},
		"no id":                   {vectorSecret, headers("", stamp, vectorSignature), vectorBody, at, sim.ErrNoSignature},
		"no time":                 {vectorSecret, headers(vectorID, "", vectorSignature), vectorBody, at, sim.ErrNoSignature},
		"a secret without whsec_": {vectorSecret[6:], right, vectorBody, at, whichever},
		"a secret not in base64":  {"whsec_?", right, vectorBody, at, whichever},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := sim.Verify(c.secret, c.header, []byte(c.body), c.now)
			if want := c.want; (want == nil) != (err == nil) || want != nil && !errors.Is(want, whichever) && !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
		})
	}
}

// Whatever the reference library signs, we accept; and it accepts nothing that
// we do not.
func TestVerifyAgreesWithTheLibrary(t *testing.T) {
	t.Parallel()
	lib, err := standardwebhooks.NewWebhook(vectorSecret)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, body := range []string{"", "a=1&b=%2B", "{}", "{\"text\":\"Zoë ☎\"}", string(make([]byte, 1<<20))} {
		signature, err := lib.Sign("msg_1", now, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		h := headers("msg_1", strconv.FormatInt(now.Unix(), 10), signature)
		if err := sim.Verify(vectorSecret, h, []byte(body), now); err != nil {
			t.Errorf("%.20q: %v", body, err)
		}
		changed := append([]byte(body), 'x')
		if lib.Verify(changed, h) == nil || sim.Verify(vectorSecret, h, changed, now) == nil {
			t.Errorf("%.20q: a changed body was accepted", body)
		}
	}
}
