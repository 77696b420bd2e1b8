// Package gateway sends text messages: it makes an HTTP request of a mail.Text, by the
// operator's templates, and hands it to the operator's gateway.
//
// Whoever writes to an account's customers writes into that request. So the templates are
// tried when a Gateway is made, with texts that are out to break them; and of each request the
// URL is held against what was configured: another scheme, host or user is never asked.
package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver/wire"
	"github.com/switchhook/switchhook/internal/mail"
)

// Options are what a Gateway is made of: the templates of its requests, in the language of
// package django. Their variables are from, to, text, id (the delivery's, the same at each
// attempt) and account_id.
type Options struct {
	URL     string
	Method  string   // POST, PUT or GET, which has no body
	Body    string   // JSON, a form or a text, which decides its Content-Type
	Headers []string // NAME: VALUE
	// Proxy is what requests go through. Nil: nothing.
	Proxy *url.URL
}

// A Gateway is a Transport for requests of mail.TextMethod, whose bodies are mail.Text in
// JSON. It is safe for concurrent use.
type Gateway struct {
	method  string
	url     *address
	body    *body // nil: there is none
	headers []header
	client  *wire.Client
}

// New makes a Gateway. Its errors are sentences for the operator, and name the setting.
func New(o Options) (*Gateway, error) {
	g := &Gateway{method: o.Method, client: &wire.Client{Networks: everywhere(), Proxy: o.Proxy}}
	switch o.Method {
	case http.MethodPost, http.MethodPut, http.MethodGet:
	default:
		return nil, fmt.Errorf("--sms-method: %.20q is none of POST, PUT, GET", o.Method)
	}
	var err error
	if g.url, err = newAddress(o.URL); err != nil {
		return nil, fmt.Errorf("--sms-url: %w", err)
	}
	if o.Method != http.MethodGet {
		if g.body, err = newBody(o.Body); err != nil {
			return nil, fmt.Errorf("--sms-body: %w", err)
		}
	}
	for _, line := range o.Headers {
		h, err := newHeader(line)
		if err != nil {
			return nil, fmt.Errorf("SWITCHHOOK_SMS_HEADERS: %w", err)
		}
		g.headers = append(g.headers, h)
	}
	return g, nil
}

// everywhere: it is the operator who says where the gateway is, not a customer. Where clouds
// give away their credentials stays closed even so (package reach).
func everywhere() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
}

// Send has a text message sent. The answer is the gateway's, but for the secrets of the
// request, which are masked in it. The errors are those of wire.Client, and that the
// templates make no request of this message.
func (g *Gateway) Send(ctx context.Context, r *wire.Request) (*switchhook.HTTPResponse, error) {
	var text mail.Text
	if err := json.Unmarshal(r.Body, &text); err != nil || r.Method != mail.TextMethod {
		return nil, fmt.Errorf("a request of %s cannot be read as a text message", r.Method)
	}
	q, err := g.request(ctx, text, r)
	if err != nil {
		return nil, fmt.Errorf("the gateway's request could not be made of this message: %w", err)
	}
	s := secretsOf(q)
	answer, err := g.client.Send(ctx, q)
	if answer != nil {
		answer.Body = s.masked(answer.Body)
		for i := range answer.Headers {
			answer.Headers[i].Value = s.masked(answer.Headers[i].Value)
		}
	}
	if err = wire.Unreachable(err, "the gateway"); err != nil && s.masked(err.Error()) != err.Error() {
		err = errors.New(s.masked(err.Error()))
	}
	return answer, err
}

// request makes the gateway's request of a message. r is the engine's.
func (g *Gateway) request(ctx context.Context, text mail.Text, r *wire.Request) (*wire.Request, error) {
	t, _ := mail.ParseTarget(text.WebhookID) // what is none has no account
	m := message{text.From, text.To, text.Text, r.Header.Get("webhook-id"), t.AccountID}
	u, err := g.url.of(ctx, m)
	if err != nil {
		return nil, err
	}
	q := &wire.Request{Method: g.method, URL: u, Deadline: r.Deadline, May: r.May}
	usual := switchhook.Headers{{Name: "User-Agent", Value: r.Header.Get("User-Agent")}}
	if g.body != nil {
		words, err := g.body.render(ctx, m)
		if err != nil {
			return nil, err
		}
		q.Body = []byte(words)
		usual = append(usual, switchhook.Header{Name: "Content-Type", Value: g.body.kind})
	}
	if u.User != nil {
		usual = append(usual, switchhook.Header{Name: "Authorization", Value: basic(u.User)})
	}
	for _, h := range g.headers {
		value, err := h.of(ctx, m)
		if err != nil {
			return nil, err
		}
		q.Header = append(q.Header, switchhook.Header{Name: h.name, Value: value})
	}
	for _, h := range usual {
		if h.Value != "" && !has(q.Header, h.Name) {
			q.Header = append(q.Header, h)
		}
	}
	return q, nil
}

// CloseIdleConnections closes what is kept.
func (g *Gateway) CloseIdleConnections() { g.client.CloseIdleConnections() }
