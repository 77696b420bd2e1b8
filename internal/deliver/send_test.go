package deliver_test

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/dialect/kazoo"
	native "github.com/switchhook/switchhook/internal/dialect/switchhook"
	"github.com/switchhook/switchhook/internal/store/memory"
)

// Every status code there is: what follows from it.
func TestEveryStatus(t *testing.T) {
	t.Parallel()
	for status := 100; status < 600; status++ {
		state, _, disable := deliver.Decide(status, "", 0, 1, switchhook.Retry{}, 0.5)
		want := switchhook.Pending
		switch {
		case status >= 200 && status < 300:
			want = switchhook.Delivered
		case status == 410:
			want = switchhook.Cancelled
		}
		if state != want || disable != (status == 410) {
			t.Errorf("%d: %s, disable %v", status, state, disable)
		}
	}
	for status := 100; status < 600; status++ { // a mail server's, and a gateway's of text messages
		for policy, final := range map[string]bool{
			"smtp": status >= 500, "gateway": status >= 400 && status < 500 && !slices.Contains([]int{401, 402, 403, 404, 405, 407, 408, 425, 429}, status),
		} {
			want := switchhook.Pending
			switch {
			case status/100 == 2:
				want = switchhook.Delivered
			case final:
				want = switchhook.Failed
			case status == 410:
				continue // no mail server says so
			}
			if state, _, disable := deliver.Decide(status, "", 0, 1, switchhook.Retry{Policy: policy}, 0.5); state != want || disable {
				t.Errorf("%s %d: %s, want %s", policy, status, state, want)
			}
		}
	}
	if state, _, _ := deliver.Decide(200, "the answer broke off", 0, 1, switchhook.Retry{}, 0.5); state != switchhook.Pending {
		t.Errorf("an answer that breaks off is no success: %s", state)
	}
}

func TestWaits(t *testing.T) {
	t.Parallel()
	own := switchhook.Retry{Schedule: []switchhook.Duration{switchhook.Duration(10 * time.Second)}}
	for _, c := range []struct {
		name       string
		status     int
		retryAfter time.Duration
		made       int
		luck       float64
		state      switchhook.DeliveryState
		wait       time.Duration
	}{
		{"the least luck", 500, 0, 1, 0, switchhook.Pending, 8 * time.Second},
		{"the middle", 500, 0, 1, 0.5, switchhook.Pending, 10 * time.Second},
		{"the most luck", 500, 0, 1, 1, switchhook.Pending, 12 * time.Second},
		{"the last one", 500, 0, 2, 0.5, switchhook.Failed, 0},
		{"429 says when", 429, 3 * time.Second, 1, 0.5, switchhook.Pending, 3 * time.Second},
		{"503 says when, far off", 503, 48 * time.Hour, 1, 0.5, switchhook.Pending, time.Hour},
		{"500 may not say when", 500, 3 * time.Second, 1, 0.5, switchhook.Pending, 10 * time.Second},
	} {
		state, wait, _ := deliver.Decide(c.status, "", c.retryAfter, c.made, own, c.luck)
		if state != c.state || wait != c.wait {
			t.Errorf("%s: %s after %s", c.name, state, wait)
		}
	}
}

func TestRetryAfterHeader(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 15, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, "-1": 0, "soon": 0, "1.5": 0,
		"Sat, 31 Jan 2026 15:00:30 GMT": 30 * time.Second, "Sat, 31 Jan 2026 14:00:00 GMT": 0,
	} {
		if got := deliver.RetryAfter(v, now); got != want {
			t.Errorf("%q: %s, want %s", v, got, want)
		}
	}
}

// The signature is checked by the specification's own library.
func TestSignature(t *testing.T) {
	t.Parallel()
	oldKey, newKey := switchhook.NewSecret(), switchhook.NewSecret()
	now := time.Now()
	body := []byte(`{"text":"Grüße & \"bye\""}`)
	secrets := []switchhook.Secret{{Value: newKey}, {Value: oldKey, ExpiresAt: now.Add(time.Hour)}, {Value: switchhook.NewSecret(), ExpiresAt: now}}
	signature, err := deliver.Sign(secrets, "msg_1", now, body)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(strings.Fields(signature)); n != 2 {
		t.Errorf("%d signatures, want the new and the old key's: %s", n, signature)
	}
	header := http.Header{}
	header.Set("webhook-id", "msg_1")
	header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	header.Set("webhook-signature", signature)
	for name, key := range map[string]string{"new": newKey, "old": oldKey} {
		wh, err := standardwebhooks.NewWebhook(key)
		if err != nil {
			t.Fatal(err)
		}
		if err := wh.Verify(body, header); err != nil {
			t.Errorf("the %s key does not verify: %v", name, err)
		}
		if err := wh.Verify(append(body, ' '), header); err == nil {
			t.Error("a changed body verifies")
		}
	}
	for _, bad := range []string{"", "whsec_%%%", "secret"} {
		if _, err := deliver.Sign([]switchhook.Secret{{Value: bad}}, "msg_1", now, body); err == nil {
			t.Errorf("the secret %q was used", bad)
		}
	}
}

// An Ed25519 key's signature is verified by its public half alone, beside that of an HMAC.
func TestSignWithAKey(t *testing.T) {
	t.Parallel()
	private := switchhook.Secret{Value: switchhook.NewPrivateKey()}
	public, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(private.PublicKey(), "whpk_"))
	if err != nil || len(public) != ed25519.PublicKeySize {
		t.Fatal(public, err)
	}
	now, body := time.Unix(1_700_000_000, 0), []byte(`{"a":"ä"}`)
	old := switchhook.Secret{Value: switchhook.NewPrivateKey(), ExpiresAt: now}
	both, err := deliver.Sign([]switchhook.Secret{private, old, {Value: switchhook.NewSecret()}}, "msg_1", now, body)
	if err != nil {
		t.Fatal(err)
	}
	asymmetric, symmetric, _ := strings.Cut(both, " ")
	encoded, ok := strings.CutPrefix(asymmetric, "v1a,")
	signature, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || !strings.HasPrefix(symmetric, "v1,") || strings.Contains(symmetric, " ") {
		t.Fatal(both, err)
	}
	if !ed25519.Verify(public, []byte(`msg_1.1700000000.{"a":"ä"}`), signature) {
		t.Error("it does not verify")
	}
	if ed25519.Verify(public, []byte(`msg_1.1700000000.{"a":"a"}`), signature) {
		t.Error("another body does")
	}
	for _, bad := range []string{"whsk_", "whsk_AAAA", "whsk_%%%"} {
		if _, err := deliver.Sign([]switchhook.Secret{{Value: bad}}, "msg_1", now, body); err == nil {
			t.Errorf("the key %q was used", bad)
		}
	}
}

// over sends one event over real HTTP to the handler and returns the attempt.
func over(t *testing.T, handler http.HandlerFunc, change func(*switchhook.Webhook), allow ...string) *switchhook.Attempt {
	t.Helper()
	return overWith(t, deliver.Options{}, handler, change, allow...)
}

// overWith is over with options of the engine.
func overWith(t *testing.T, o deliver.Options, handler http.HandlerFunc, change func(*switchhook.Webhook), allow ...string) *switchhook.Attempt {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	var prefixes []netip.Prefix
	for _, a := range allow {
		prefixes = append(prefixes, netip.MustParsePrefix(a))
	}
	env := dialect.Env{Version: "1", Reseller: func(string) string { return "root" }}
	o.Store, o.Dialects, o.AllowNetworks = memory.New(), []dialect.Dialect{native.New(env), kazoo.New(env)}, prefixes
	o.Version, o.Logger = "1.2.3", slog.New(slog.DiscardHandler)
	engine := deliver.New(o)
	w := hook("wh_a")
	w.URL = srv.URL + "/hook"
	w.Timeout = switchhook.Duration(5 * time.Second)
	if change != nil {
		change(w)
	}
	typ, _ := catalogue.Lookup("call.created")
	res, err := catalogue.Decode(typ.Sample())
	if err != nil {
		t.Fatal(err)
	}
	ev := &switchhook.Event{ID: "e1", Type: "call.created", AccountID: "acme", Data: typ.Sample(), Resources: res, OccurredAt: time.Now()}
	a, err := engine.Test(t.Context(), w, ev)
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	return a
}

const loopback = "127.0.0.0/8"

func TestARealExchange(t *testing.T) {
	t.Parallel()
	var seen *http.Request
	var body []byte
	a := over(t, func(w http.ResponseWriter, r *http.Request) {
		seen = r.Clone(context.WithoutCancel(r.Context()))
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("X-Answer", "yes")
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, strings.Repeat("x", 100<<10))
	}, func(w *switchhook.Webhook) {
		w.Headers = map[string]string{"X-Api-Key": "k3y", "X-Signature": "s1g", "X-Plain": "p", "user-agent": "me"}
		w.Auth = &switchhook.Auth{Type: "basic", Username: "u", Password: "p4ss"}
		w.URL += "?token=1&x=%20y"
	}, loopback)
	if a.Outcome != switchhook.Success || a.Response.Status != 202 || len(a.Response.Body) != 16<<10 || a.Response.Headers.Get("X-Answer") != "yes" {
		t.Errorf("%+v", a)
	}
	if string(body) != a.Request.Body || a.Request.Method != http.MethodPost {
		t.Error("what is recorded is not what was sent")
	}
	if seen.RequestURI != "/hook?token=1&x=%20y" {
		t.Errorf("the URL became %s", seen.RequestURI)
	}
	if u, p, _ := seen.BasicAuth(); u != "u" || p != "p4ss" || seen.Header.Get("X-Api-Key") != "k3y" || seen.UserAgent() != "Switchhook/1.2.3" {
		t.Errorf("headers: %v", seen.Header)
	}
	for _, secret := range []string{"k3y", "s1g", "p4ss", "dTpwNHNz"} {
		for _, h := range a.Request.Headers {
			if strings.Contains(h.Value, secret) {
				t.Errorf("the recorded %s shows a credential", h.Name)
			}
		}
	}
	if a.Request.Headers.Get("X-Plain") != "p" || !strings.HasPrefix(a.Request.Headers.Get("webhook-id"), "msg_") {
		t.Errorf("recorded headers: %v", a.Request.Headers)
	}
}

// What an account may reach is its own, and so is what it is shown.
func TestReachOfAnAccount(t *testing.T) {
	t.Parallel()
	reach := func(shown bool, networks ...string) deliver.Options {
		return deliver.Options{Reach: func(account string) (list []netip.Prefix, _ bool) {
			if account != "acme" {
				t.Errorf("asked for %q", account)
			}
			for _, n := range networks {
				list = append(list, netip.MustParsePrefix(n))
			}
			return list, shown
		}}
	}
	answers := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Inner", "secret")
		http.Error(w, "secret", http.StatusTeapot)
	}
	if a := overWith(t, reach(true, "10.0.0.0/8"), answers, nil); a.Response != nil || !strings.Contains(a.Error, "leads to a private or reserved address") {
		t.Errorf("what it may not reach: %+v", a)
	}
	if a := overWith(t, reach(true, loopback), answers, nil); a.Response.Status != http.StatusTeapot || a.Response.Body != "secret\n" || a.Response.Hidden {
		t.Errorf("what it may see: %+v", a.Response)
	}
	for _, a := range []*switchhook.Attempt{
		overWith(t, reach(false, loopback), answers, nil),
		overWith(t, reach(false), answers, nil, loopback),
	} {
		if r := a.Response; r.Status != http.StatusTeapot || r.Body != "" || len(r.Headers) > 0 || !r.Hidden || a.Error != "the receiver answered 418" {
			t.Errorf("what it may not see: %+v, %s", r, a.Error)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	hits := 0
	a := over(t, func(w http.ResponseWriter, r *http.Request) {
		hits++
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}, nil, loopback)
	if hits != 1 || a.Outcome != switchhook.Failure || !strings.Contains(a.Error, "redirect") {
		t.Errorf("%d requests, %+v", hits, a)
	}
}

func TestASlowReceiverIsCutOff(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"never answers": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then does the server see that the client leaves
			<-r.Context().Done()
		},
		"never ends its answer": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, "x"); err != nil {
					return
				}
				_ = http.NewResponseController(w).Flush()
				select {
				case <-r.Context().Done():
				case <-time.After(20 * time.Millisecond):
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := over(t, handler, func(w *switchhook.Webhook) { w.Timeout = switchhook.Duration(300 * time.Millisecond) }, loopback)
			if a.Outcome != switchhook.Failure || !strings.Contains(a.Error, "300ms") {
				t.Errorf("%+v", a)
			}
		})
	}
}

// The body of a 101 is the bare connection, which would never end.
func TestSwitchingProtocolsIsAFailure(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	defer close(done)
	a := over(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
		go func() {
			<-done
			_ = c.Close()
		}()
	}, nil, loopback)
	if a.Outcome != switchhook.Failure || a.Response == nil || a.Response.Status != 101 {
		t.Errorf("%+v", a)
	}
}

func TestPrivateNetworksAreOutOfReach(t *testing.T) {
	t.Parallel()
	hits := 0
	a := over(t, func(http.ResponseWriter, *http.Request) { hits++ }, nil) // loopback is not allowed
	if hits != 0 || a.Outcome != switchhook.Failure || !strings.Contains(a.Error, "--allow-network") {
		t.Errorf("%d requests, %+v", hits, a)
	}
}

func TestAClosedPort(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	a := over(t, nil, func(w *switchhook.Webhook) { w.URL = "http://" + address + "/?password=x" }, loopback)
	if a.Response != nil || !strings.Contains(a.Error, "connection refused") || strings.Contains(a.Error, "password") {
		t.Errorf("%+v", a)
	}
}

// A receiver that closes a kept connection just when it is used again has not
// refused anything: the request goes out once more, at once.
func TestAConnectionThatHasJustClosed(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	requests := make(chan bool, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for n := range 2 {
					req, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, req.Body)
					requests <- n == 1
					if n == 1 {
						return // without an answer
					}
					_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
				}
			}()
		}
	}()
	env := dialect.Env{Version: "1"}
	engine := deliver.New(deliver.Options{
		Store: memory.New(), Dialects: []dialect.Dialect{native.New(env)}, AllowNetworks: []netip.Prefix{netip.MustParsePrefix(loopback)},
		Version: "1", Logger: slog.New(slog.DiscardHandler),
	})
	w := hook("wh_a")
	w.URL = "http://" + l.Addr().String()
	typ, _ := catalogue.Lookup("call.created")
	for range 2 {
		a, err := engine.Test(t.Context(), w, &switchhook.Event{ID: "e1", Type: "call.created", AccountID: "acme", Data: typ.Sample(), Resources: &switchhook.Resources{}})
		if err != nil || a.Outcome != switchhook.Success {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	if first, second, third := <-requests, <-requests, <-requests; first || !second || third {
		t.Error("the second request was not sent again on a new connection")
	}
	if err := engine.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// For GET the signature is over the query string as it is sent.
func TestGETIsSignedOverItsQuery(t *testing.T) {
	t.Parallel()
	secret := switchhook.NewSecret()
	over(t, func(_ http.ResponseWriter, r *http.Request) {
		wh, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Error(err)
			return
		}
		if err := wh.Verify([]byte(r.URL.RawQuery), r.Header); err != nil || r.Method != http.MethodGet || r.URL.RawQuery == "" {
			t.Errorf("%s ?%s: %v", r.Method, r.URL.RawQuery, err)
		}
		if _, ok := r.Header["X-Hook-Id"]; !ok {
			t.Errorf("headers: %v", r.Header)
		}
	}, func(w *switchhook.Webhook) {
		w.Dialect, w.Method = "kazoo", "get"
		w.Secrets = []switchhook.Secret{{Value: secret}}
	}, loopback)
}
