package sim

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
)

// A Client speaks to Switchhook's API as any customer's program would.
type Client struct {
	// URL is where Switchhook listens, such as http://127.0.0.1:8420.
	URL string
	// Key is the API key.
	Key string

	once sync.Once
	http *http.Client
}

// An Input is an event as POST /v1/events takes it.
type Input struct {
	ID         string    `json:"id,omitzero"`
	Type       string    `json:"type"`
	AccountID  string    `json:"account_id,omitzero"`
	Key        string    `json:"key,omitzero"`
	OccurredAt time.Time `json:"occurred_at,omitzero"`
	Data       any       `json:"data"`
}

// A WebhookInput is a webhook as POST /v1/webhooks takes it.
type WebhookInput struct {
	AccountID string   `json:"account_id"`
	Name      string   `json:"name"`
	URL       string   `json:"url"`
	Events    []string `json:"events"`
	Dialect   string   `json:"dialect"`
	Format    string   `json:"format,omitzero"`
	Method    string   `json:"method,omitzero"`
	Secret    string   `json:"secret,omitzero"`
}

// A WebhookCreated is what the API says of a webhook that it made: the only
// time that it shows the secret.
type WebhookCreated struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Secret string `json:"secret"`
}

// An APIError is a refusal: a problem document (RFC 9457).
type APIError struct {
	Request string                  `json:"-"` // such as POST /v1/events
	Status  int                     `json:"status"`
	Code    switchhook.Code         `json:"code"`
	Detail  string                  `json:"detail"`
	Title   string                  `json:"title"`
	Errors  []switchhook.FieldError `json:"errors"`
	// RetryAfter is how long the API asks to wait, where it says so.
	RetryAfter time.Duration `json:"-"`
}

// Error is a sentence with the request and the reason.
func (e *APIError) Error() string {
	reason := e.Detail
	if reason == "" {
		reason = e.Title
	}
	if reason == "" {
		reason = http.StatusText(e.Status)
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%s was answered %d: %s", e.Request, e.Status, reason)
	for _, f := range e.Errors {
		fmt.Fprintf(&s, "; %s: %s", f.Field, f.Message)
	}
	return s.String()
}

// Temporary reports whether the same request may succeed later: the connection
// failed, or the API said that it cannot just now.
func Temporary(err error) bool {
	if api, ok := errors.AsType[*APIError](err); ok {
		return api.Status == http.StatusTooManyRequests || api.Status >= 500
	}
	_, transport := errors.AsType[*url.Error](err)
	return transport || errors.Is(err, io.ErrUnexpectedEOF)
}

// CreateAccount makes an account below the key's own. It is shown what its receivers on
// this machine answer.
func (c *Client) CreateAccount(ctx context.Context, id, name string) error {
	return c.call(ctx, http.MethodPost, "/v1/accounts", map[string]any{"id": id, "name": name, "show_private_answers": true}, nil)
}

// CreateWebhook makes a webhook. It is in force when this returns.
func (c *Client) CreateWebhook(ctx context.Context, w WebhookInput) (WebhookCreated, error) {
	var made WebhookCreated
	err := c.call(ctx, http.MethodPost, "/v1/webhooks", w, &made)
	return made, err
}

// Webhooks lists an account's webhooks.
func (c *Client) Webhooks(ctx context.Context, account string) ([]WebhookCreated, error) {
	return list[WebhookCreated](ctx, c, "/v1/webhooks?account_id="+url.QueryEscape(account))
}

// DeleteWebhook deletes a webhook.
func (c *Client) DeleteWebhook(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/v1/webhooks/"+url.PathEscape(id), nil, nil)
}

// A SourceInput is a source as POST /v1/sources takes it.
type SourceInput struct {
	ID        string         `json:"id"`
	Kind      string         `json:"kind"`
	AccountID string         `json:"account_id"`
	Options   map[string]any `json:"options"`
}

// A SourceState is how a source stands.
type SourceState struct {
	State  string `json:"state"`
	Reason string `json:"reason"`
	System string `json:"system"`
}

// CreateSource makes a source.
func (c *Client) CreateSource(ctx context.Context, s SourceInput) error {
	return c.call(ctx, http.MethodPost, "/v1/sources", s, nil)
}

// Source says how a source stands.
func (c *Client) Source(ctx context.Context, id string) (SourceState, error) {
	var s SourceState
	err := c.call(ctx, http.MethodGet, "/v1/sources/"+url.PathEscape(id), nil, &s)
	return s, err
}

// DeleteSource deletes a source.
func (c *Client) DeleteSource(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/v1/sources/"+url.PathEscape(id), nil, nil)
}

// PutRecord puts a record into the directory: row is the whole of it.
func (c *Client) PutRecord(ctx context.Context, account, schema, id string, row any) error {
	return c.call(ctx, http.MethodPut, recordPath(account, schema, id), row, nil)
}

// DeleteRecord takes a record out of the directory.
func (c *Client) DeleteRecord(ctx context.Context, account, schema, id string) error {
	return c.call(ctx, http.MethodDelete, recordPath(account, schema, id), nil, nil)
}

func recordPath(account, schema, id string) string {
	return "/v1/records/" + url.PathEscape(schema) + "/" + url.PathEscape(id) + "?account_id=" + url.QueryEscape(account)
}

// Post hands over events, all or nothing, and returns what became of each. One
// event goes as an object, several as an array.
func (c *Client) Post(ctx context.Context, events ...Input) ([]switchhook.Receipt, error) {
	var body any = events
	if len(events) == 1 {
		body = events[0]
	}
	var answer struct {
		Events []switchhook.Receipt `json:"events"`
	}
	if err := c.call(ctx, http.MethodPost, "/v1/events", body, &answer); err != nil {
		return nil, err
	}
	if len(answer.Events) != len(events) {
		return nil, fmt.Errorf("POST /v1/events took %d events and answered for %d", len(events), len(answer.Events))
	}
	return answer.Events, nil
}

// Events lists an account's events that match one of the type globs and were
// accepted since a time.
func (c *Client) Events(ctx context.Context, account string, since time.Time, types ...string) ([]switchhook.Event, error) {
	q := url.Values{"account_id": {account}, "type": types}
	if !since.IsZero() {
		q.Set("since", since.UTC().Format(time.RFC3339Nano))
	}
	return list[switchhook.Event](ctx, c, "/v1/events?"+q.Encode())
}

// Deliveries lists the deliveries of an event.
func (c *Client) Deliveries(ctx context.Context, eventID string) ([]switchhook.Delivery, error) {
	return list[switchhook.Delivery](ctx, c, "/v1/events/"+url.PathEscape(eventID)+"/deliveries")
}

// Ready reports whether Switchhook can do work.
func (c *Client) Ready(ctx context.Context) error {
	return c.call(ctx, http.MethodGet, "/readyz", nil, nil)
}

// list reads a whole list, page by page.
func list[T any](ctx context.Context, c *Client, path string) ([]T, error) {
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	path += sep + "limit=500"
	var all []T
	for cursor := ""; ; {
		var page struct {
			Items []T     `json:"items"`
			Next  *string `json:"next_cursor"`
		}
		if err := c.call(ctx, http.MethodGet, path+cursor, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == nil || *page.Next == "" {
			return all, nil
		}
		cursor = "&cursor=" + url.QueryEscape(*page.Next)
	}
}

// Stream follows a stream of server-sent events and calls fn with the data of
// each. opened is called once the stream stands. It returns when ctx ends or
// the connection does.
func (c *Client) Stream(ctx context.Context, path string, opened func(), fn func(data []byte)) error {
	resp, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	opened()
	r := bufio.NewReader(resp.Body)
	var data []byte
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("read the stream %s: %w", path, err)
		}
		line = bytes.TrimRight(line, "\r\n")
		if rest, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			data = append(data, bytes.TrimPrefix(rest, []byte(" "))...)
			continue
		}
		// An empty line ends the event; ids, names and comments are passed over.
		if len(line) == 0 && len(data) > 0 {
			fn(data)
			data = data[:0]
		}
	}
}

// call makes a request and decodes the answer into out, where that is not nil.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	resp, err := c.send(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%s %s: read the answer: %w", method, path, err)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("%s %s: the answer is not what the API promises: %w", method, path, err)
	}
	return nil
}

// send makes a request; an answer other than 2xx becomes an *APIError.
func (c *Client) send(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", method, path, err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.Key)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.client().Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	apiErr := &APIError{}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	_ = json.Unmarshal(text, apiErr) // what is no problem document still has a status
	apiErr.Request, apiErr.Status = method+" "+path, resp.StatusCode
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		apiErr.RetryAfter = time.Duration(seconds) * time.Second
	}
	return nil, apiErr
}

// client keeps enough connections open for a busy phone system: two a host, as
// http.DefaultClient has, would be opened and closed for every event.
func (c *Client) client() *http.Client {
	c.once.Do(func() {
		c.http = &http.Client{Transport: &http.Transport{
			MaxIdleConnsPerHost: 128, IdleConnTimeout: 90 * time.Second,
			ResponseHeaderTimeout: 30 * time.Second,
		}}
	})
	return c.http
}
