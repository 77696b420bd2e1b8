package deliver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver/wire"
)

const (
	// untilRefused is for how long a token is used whose end was not told.
	untilRefused = time.Hour
	longestToken = 24 * time.Hour
	// A token is not used in its last seconds: it must be valid when it arrives.
	tokenMargin = 30 * time.Second
)

// A token is a webhook's access token (OAuth 2.0 client credentials, RFC 6749 4.4). Whoever
// needs it first fetches it for all.
type token struct {
	credentials
	issued atomic.Pointer[issued]
	turn   chan struct{} // holds one: it is being fetched

	// Of the last fetch that failed; whose turn it is has them.
	failure error
	failed  time.Time
}

// credentials are what a token depends on.
type credentials struct {
	auth     switchhook.Auth
	way      wire.Way
	discreet bool
}

type issued struct {
	value string
	until time.Time
}

// tokenOf is the token of a target that was what it is now, or a new one; nil if it needs
// none.
func tokenOf(t, before *target) *token {
	if t.w.Auth == nil || t.w.Auth.Type != "oauth2" {
		return nil
	}
	is := credentials{*t.w.Auth, t.way, t.discreet}
	if before != nil && before.token != nil && before.token.credentials == is {
		return before.token
	}
	return &token{credentials: is, turn: make(chan struct{}, 1)}
}

// get is the token, fetched where there is none or refused is what there is. Its errors are
// words for people, but for wire.ErrNotSent and the cause of ctx.
func (t *token) get(ctx context.Context, by Transport, deadline time.Time, refused string) (string, error) {
	if value := t.usable(refused); value != "" {
		return value, nil
	}
	came := time.Now()
	wait := time.NewTimer(time.Until(deadline))
	defer wait.Stop()
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-wait.C:
		return "", errors.New("no access token: it was not there in time")
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if value := t.usable(refused); value != "" {
		return value, nil
	}
	if t.failure != nil && t.failed.After(came) { // another has asked meanwhile
		return "", t.failure
	}
	next, err := t.fetch(ctx, by, deadline)
	switch {
	case err == nil:
		t.issued.Store(next)
		return next.value, nil
	case errors.Is(err, wire.ErrNotSent) || ctx.Err() != nil:
		return "", err
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errors.New("no complete answer in time")
	}
	t.failure, t.failed = fmt.Errorf("no access token from %s: %s", hostOf(t.auth.TokenURL), plain(err)), time.Now()
	return "", t.failure
}

func (t *token) usable(refused string) string {
	is := t.issued.Load()
	if is == nil || is.value == refused || !time.Now().Before(is.until) {
		return ""
	}
	return is.value
}

func (t *token) fetch(ctx context.Context, by Transport, deadline time.Time) (*issued, error) {
	u, err := url.Parse(t.auth.TokenURL)
	if err != nil {
		return nil, errors.New("the token URL is none")
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	for name, value := range map[string]string{"scope": t.auth.Scope, "audience": t.auth.Audience} {
		if value != "" {
			form.Set(name, value)
		}
	}
	header := switchhook.Headers{{Name: "Accept", Value: "application/json"}, {Name: "Content-Type", Value: "application/x-www-form-urlencoded"}}
	if t.auth.ClientAuth == "post" {
		form.Set("client_id", t.auth.ClientID)
		form.Set("client_secret", t.auth.ClientSecret)
	} else { // encoded as in a form first (RFC 6749 2.3.1)
		header = append(header, switchhook.Header{Name: "Authorization", Value: basic(url.QueryEscape(t.auth.ClientID), url.QueryEscape(t.auth.ClientSecret))})
	}
	asked := time.Now()
	answer, err := by.Send(ctx, &wire.Request{
		Method: http.MethodPost, URL: u, Header: header, Body: []byte(form.Encode()), Deadline: deadline, Way: t.way, Discreet: t.discreet,
	})
	if err != nil {
		return nil, err
	}
	return readToken(answer, asked)
}

// readToken reads an answer of a token endpoint (RFC 6749 5.1 and 5.2).
func readToken(answer *switchhook.HTTPResponse, asked time.Time) (*issued, error) {
	var said struct {
		Token   string          `json:"access_token"`
		Type    string          `json:"token_type"`
		Expires json.RawMessage `json:"expires_in"` // seconds; some servers write a string
		Error   string          `json:"error"`
	}
	err := json.Unmarshal([]byte(answer.Body), &said)
	switch {
	case answer.Status != http.StatusOK && knownError(said.Error):
		return nil, fmt.Errorf("it answered %d, %s", answer.Status, said.Error)
	case answer.Status != http.StatusOK:
		return nil, fmt.Errorf("it answered %d", answer.Status)
	case err != nil || said.Token == "":
		return nil, errors.New("there is no access_token in its answer, or that is no JSON")
	case said.Type != "" && !strings.EqualFold(said.Type, "bearer"):
		return nil, errors.New("its token is no bearer token")
	case strings.ContainsFunc(said.Token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, errors.New("its token cannot stand in a header")
	}
	valid := untilRefused
	if seconds, err := strconv.ParseFloat(strings.Trim(string(said.Expires), `"`), 64); err == nil && seconds >= 0 {
		valid = time.Duration(min(seconds, longestToken.Seconds()) * float64(time.Second))
	}
	return &issued{said.Token, asked.Add(valid - min(tokenMargin, valid/4))}, nil
}

// knownError reports whether an error is one of the RFC's: others may say what is not to be
// told.
func knownError(code string) bool {
	switch code {
	case "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope":
		return true
	}
	return false
}

func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "the token URL"
	}
	return u.Host
}

// exchange sends a request, with a token where it needs one. A token that is refused may
// have been withdrawn before its time: once, it is sent again with a new one.
func (e *Engine) exchange(ctx context.Context, t *target, req *wire.Request) (answer *switchhook.HTTPResponse, err error) {
	if t.token == nil {
		return e.transport.Send(ctx, req)
	}
	for refused := ""; ; {
		value, err := t.token.get(ctx, e.transport, req.Deadline, refused)
		if err != nil {
			return nil, err
		}
		for i := range req.Header {
			if req.Header[i].Name == "Authorization" {
				req.Header[i].Value = "Bearer " + value
			}
		}
		answer, err = e.transport.Send(ctx, req)
		t.veil(answer, value)
		if err != nil || answer.Status != http.StatusUnauthorized || refused != "" {
			return answer, err
		}
		refused = value
	}
}

// shortestVeiled is how long a secret must be to be masked wherever it turns up.
const shortestVeiled = 6

// veil masks what an answer repeats of the secrets that were sent: history is kept in the
// open.
func (t *target) veil(answer *switchhook.HTTPResponse, more ...string) {
	if answer == nil || len(t.secrets)+len(more) == 0 {
		return
	}
	answer.Body = t.veiled(answer.Body, more...)
	for i := range answer.Headers {
		answer.Headers[i].Value = t.veiled(answer.Headers[i].Value, more...)
	}
}

func (t *target) veiled(text string, more ...string) string {
	for _, list := range [...][]string{t.secrets, more} {
		for _, secret := range list {
			text = strings.ReplaceAll(text, secret, switchhook.Mask)
		}
	}
	return text
}

// secretsOf are what of a webhook's own goes out in requests and is not to be shown.
func secretsOf(w *switchhook.Webhook) (list []string) {
	add := func(secret string) {
		if len(secret) >= shortestVeiled {
			list = append(list, secret)
		}
	}
	for name, value := range w.Headers {
		if switchhook.SecretHeader(name) {
			add(value)
		}
	}
	if a := w.Auth; a != nil {
		add(a.Password)
		add(a.Token)
		if a.Type == "basic" {
			add(strings.TrimPrefix(basic(a.Username, a.Password), "Basic "))
		}
	}
	return list
}
