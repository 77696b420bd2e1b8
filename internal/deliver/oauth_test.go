package deliver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/wire"
	"github.com/switchhook/switchhook/internal/dialect"
	native "github.com/switchhook/switchhook/internal/dialect/switchhook"
	"github.com/switchhook/switchhook/internal/store/memory"
)

// A bank is a token endpoint and a receiver that wants its tokens, as a transport. Each
// answer takes a second.
type bank struct {
	t *testing.T

	mu      sync.Mutex
	asked   int    // for tokens
	sent    int    // requests to the receiver
	valid   string // the token that the receiver takes
	answers func(n int) (status int, body string, err error)
}

func (b *bank) Send(ctx context.Context, r *wire.Request) (*switchhook.HTTPResponse, error) {
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.URL.Host == "login.example.com" {
		b.asked++
		if b.answers != nil {
			status, body, err := b.answers(b.asked)
			if err != nil {
				return nil, err
			}
			return &switchhook.HTTPResponse{Status: status, Body: body}, nil
		}
		b.valid = fmt.Sprintf("token-%d", b.asked)
		return &switchhook.HTTPResponse{Status: 200, Body: `{"access_token":"` + b.valid + `","token_type":"Bearer","expires_in":600}`}, nil
	}
	b.sent++
	if r.Header.Get("Authorization") != "Bearer "+b.valid {
		return &switchhook.HTTPResponse{Status: 401, Body: "not " + r.Header.Get("Authorization")}, nil
	}
	return &switchhook.HTTPResponse{Status: 200}, nil
}

func (*bank) CloseIdleConnections() {}

func oauth() *switchhook.Auth {
	return &switchhook.Auth{Type: "oauth2", TokenURL: "https://login.example.com/token", ClientID: "me", ClientSecret: "the client secret"}
}

// depositor is an engine with one webhook that needs the bank's tokens.
type depositor struct {
	*deliver.Engine
	t        *testing.T
	store    *memory.Store
	w        *switchhook.Webhook
	sequence int64
}

func (b *bank) depositor() *depositor {
	d := &depositor{t: b.t, store: memory.New(), w: hook("wh_a")}
	d.Engine = deliver.New(deliver.Options{
		Store: d.store, Dialects: []dialect.Dialect{native.New(dialect.Env{Version: "1"})}, Transport: b, Version: "1", Logger: slog.New(slog.DiscardHandler),
	})
	d.w.Auth, d.w.Ordering, d.w.MaxConcurrency, d.w.Retry = oauth(), "none", 16, switchhook.Retry{Policy: "none"}
	d.set()
	return d
}

func (d *depositor) set() {
	w := *d.w
	d.SetWebhooks([]*switchhook.Webhook{&w})
}

// deliver sends n events at once, and returns the attempts.
func (d *depositor) deliver(n int) []*switchhook.Attempt {
	d.t.Helper()
	typ, _ := catalogue.Lookup("call.created")
	var events []*switchhook.Event
	for range n {
		d.sequence++
		events = append(events, &switchhook.Event{
			ID: fmt.Sprint(d.sequence), Type: "call.created", AccountID: "acme", Sequence: d.sequence, Data: typ.Sample(), Resources: &switchhook.Resources{},
			Targets: []string{"wh_a"}, OccurredAt: time.Now(), AcceptedAt: time.Now(),
		})
	}
	done := make(chan error)
	d.store.Submit(&switchhook.Commit{Events: events, Done: func(err error) { done <- err }})
	if err := <-done; err != nil {
		d.t.Fatal(err)
	}
	d.Add(events)
	time.Sleep(time.Minute)
	synctest.Wait()
	attempts, _, err := d.store.Attempts(d.t.Context(), switchhook.AttemptFilter{}, switchhook.Page{Limit: n})
	if err != nil || len(attempts) != n {
		d.t.Fatal(len(attempts), err)
	}
	return attempts
}

func outcomes(attempts []*switchhook.Attempt) (ok int, errs string) {
	for _, a := range attempts {
		if a.Outcome == switchhook.Success {
			ok++
		}
		errs = a.Error
	}
	return ok, errs
}

func TestTokensAreFetchedOnceAndInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bank{t: t}
		d := b.depositor()
		if ok, errs := outcomes(d.deliver(10)); ok != 10 || b.asked != 1 {
			t.Errorf("%d of 10 arrived, %d tokens: %s", ok, b.asked, errs)
		}
		d.w.Name = "another name"
		d.set()
		if ok, errs := outcomes(d.deliver(5)); ok != 5 || b.asked != 1 {
			t.Errorf("%d of 5 arrived with the token that there was, %d tokens: %s", ok, b.asked, errs)
		}
		time.Sleep(570*time.Second - 2*time.Minute) // it ends after 600
		if ok, errs := outcomes(d.deliver(3)); ok != 3 || b.asked != 2 || b.sent != 18 {
			t.Errorf("%d of 3 arrived, %d tokens, %d requests: it was used to its last second: %s", ok, b.asked, b.sent, errs)
		}
		// The server withdraws it before its time.
		b.mu.Lock()
		b.valid = "none"
		b.mu.Unlock()
		if ok, errs := outcomes(d.deliver(4)); ok != 4 || b.asked != 3 || b.sent != 18+8 {
			t.Errorf("%d of 4 arrived, %d tokens, %d requests: %s", ok, b.asked, b.sent, errs)
		}
		// Other credentials, another token.
		d.w.Auth.Scope = "more"
		d.set()
		if ok, errs := outcomes(d.deliver(1)); ok != 1 || b.asked != 4 {
			t.Errorf("%d of 1 arrived, %d tokens: %s", ok, b.asked, errs)
		}
		must(t, d.Stop(context.Background()))
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestATokenThatIsRefusedIsFetchedAnewOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bank{t: t, answers: func(n int) (int, string, error) {
			return 200, fmt.Sprintf(`{"access_token":"wrong-%d"}`, n), nil
		}}
		d := b.depositor()
		a := d.deliver(1)[0]
		if a.Outcome != switchhook.Failure || a.Response.Status != 401 || b.asked != 2 || b.sent != 2 {
			t.Errorf("%+v, %d tokens, %d requests", a, b.asked, b.sent)
		}
		if strings.Contains(a.Response.Body, "wrong-2") || strings.Contains(a.Request.Headers.Get("Authorization"), "wrong") {
			t.Errorf("the history has the token: %+v", a.Response)
		}
		must(t, d.Stop(context.Background()))
	})
}

func TestWithoutATokenNothingIsSent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		err    error
		want   string
	}{
		"refused":           {401, `{"error":"invalid_client","error_description":"db.internal says no"}`, nil, "no access token from login.example.com: it answered 401, invalid_client"},
		"another error":     {400, `{"error":"the password is hunter2"}`, nil, "it answered 400"},
		"no JSON":           {200, `<html>`, nil, "no JSON"},
		"no token":          {200, `{"token_type":"bearer"}`, nil, "no access_token"},
		"another type":      {200, `{"access_token":"abc","token_type":"mac"}`, nil, "no bearer token"},
		"two headers":       {200, `{"access_token":"abc\r\nX-Evil: 1"}`, nil, "cannot stand in a header"},
		"a redirect":        {302, ``, nil, "it answered 302"},
		"a timeout":         {0, "", os.ErrDeadlineExceeded, "no complete answer in time"},
		"a transport error": {0, "", errors.New("connection refused"), "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := &bank{t: t, answers: func(int) (int, string, error) { return c.status, c.body, c.err }}
				d := b.depositor()
				attempts := d.deliver(8) // which share the failure
				for _, a := range attempts {
					if a.Outcome != switchhook.Failure || a.Response != nil || !strings.Contains(a.Error, c.want) || strings.Contains(a.Error, "internal") || strings.Contains(a.Error, "hunter2") {
						t.Errorf("%+v, want %s", a, c.want)
					}
				}
				if b.asked != 1 || b.sent != 0 {
					t.Errorf("asked %d times, sent %d", b.asked, b.sent)
				}
				must(t, d.Stop(context.Background()))
			})
		})
	}
}

// Over real HTTP: how the server is asked, and what is kept of it.
func TestTokenRequest(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"", "basic", "post"} {
		var form url.Values
		var id, secret string
		a := over(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				_ = r.ParseForm()
				form = r.PostForm
				id, secret, _ = r.BasicAuth()
				_, _ = io.WriteString(w, `{"access_token":"a.b-c_d~e/f+g==","token_type":"bearer","expires_in":"3600"}`)
				return
			}
			_, _ = io.WriteString(w, r.Header.Get("Authorization")+" "+r.Header.Get("X-Api-Key"))
		}, func(w *switchhook.Webhook) {
			w.Auth = oauth()
			w.Auth.TokenURL = strings.Replace(w.URL, "/hook", "/token", 1)
			w.Auth.ClientID, w.Auth.Scope, w.Auth.Audience, w.Auth.ClientAuth = "m:e", "a b", "https://api.example.com", how
			w.Headers = map[string]string{"X-Api-Key": "k3y-k3y"}
		}, loopback)
		if a.Outcome != switchhook.Success || a.Response.Body != "Bearer ******** ********" || a.Request.Headers.Get("Authorization") != "********" {
			t.Fatalf("%s: %s %+v %+v", how, a.Error, a.Request, a.Response)
		}
		if form.Get("grant_type") != "client_credentials" || form.Get("scope") != "a b" || form.Get("audience") != "https://api.example.com" {
			t.Errorf("%s: %v", how, form)
		}
		if how == "post" && (form.Get("client_id") != "m:e" || form.Get("client_secret") != "the client secret" || id != "") ||
			how != "post" && (id != "m%3Ae" || secret != "the+client+secret" || form.Has("client_secret")) {
			t.Errorf("%s: %q %q %v", how, id, secret, form)
		}
	}
}
