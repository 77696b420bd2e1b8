// Package client speaks to a Switchhook server over its HTTP API, for the command
// line: whole requests and answers as JSON, and streams that go on where they broke
// off.
//
// Errors are an *[Error] for what the server refused, and an *[Unreachable] where
// there was no answer. A Client is safe for concurrent use.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
)

// A Client is a server and the key that opens it.
type Client struct {
	URL   string // such as http://127.0.0.1:8420
	Key   string // an API key
	Agent string // says who asks
}

// A Request is one that can be made again.
type Request struct {
	Method string
	Path   string // such as /v1/webhooks, ids in it escaped
	Query  url.Values
	Header http.Header
	Body   []byte
	Type   string // of the body. Empty: JSON.
}

// An Error is what the server says of a request that it refused (RFC 9457).
type Error struct {
	Status     int                     `json:"status"`
	Code       switchhook.Code         `json:"code"`
	Title      string                  `json:"title"`
	Detail     string                  `json:"detail"`
	Fields     []switchhook.FieldError `json:"errors"`
	RequestID  string                  `json:"request_id"`
	RetryAfter time.Duration           `json:"-"` // 0: it did not say
}

// Error is a sentence.
func (e *Error) Error() string {
	switch {
	case e.Detail != "":
		return e.Detail
	case e.Title != "":
		return fmt.Sprintf("the server answered %d %s", e.Status, e.Title)
	default:
		return fmt.Sprintf("the server answered %d %s", e.Status, http.StatusText(e.Status))
	}
}

// Temporary reports whether the same request may succeed later.
func (e *Error) Temporary() bool {
	return e.Status == http.StatusTooManyRequests || e.Status >= http.StatusInternalServerError
}

// Unreachable is the error of a request that got no whole answer.
type Unreachable struct {
	URL string
	Err error
}

// Error says where nobody answered, and why.
func (e *Unreachable) Error() string {
	err := e.Err
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return fmt.Sprintf("no answer from %s: %v", e.URL, err)
}

func (e *Unreachable) Unwrap() error { return e.Err }

// longestAnswer bounds what is read of one answer: a page of a list has 8 MiB and an item.
const longestAnswer = 64 << 20

// Do makes a request and returns the body of the answer.
func (c *Client) Do(ctx context.Context, r Request) ([]byte, error) {
	resp, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, longestAnswer))
	if err != nil {
		return nil, &Unreachable{c.URL, fmt.Errorf("the answer broke off: %w", err)}
	}
	return body, nil
}

// Get makes a GET request and decodes the answer.
func (c *Client) Get(ctx context.Context, path string, query url.Values, into any) error {
	body, err := c.Do(ctx, Request{Method: http.MethodGet, Path: path, Query: query})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("the answer of %s to GET %s is none of Switchhook's: %w", c.URL, path, err)
	}
	return nil
}

// send makes a request; its answer is one of success.
func (c *Client) send(ctx context.Context, r Request) (*http.Response, error) {
	target := strings.TrimRight(c.URL, "/") + r.Path
	if len(r.Query) > 0 {
		target += "?" + r.Query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, target, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	maps.Copy(req.Header, r.Header)
	req.Header.Set("User-Agent", c.Agent)
	if c.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.Key)
	}
	if r.Body != nil {
		req.Header.Set("Content-Type", "application/json")
		if r.Type != "" {
			req.Header.Set("Content-Type", r.Type)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		return nil, &Unreachable{c.URL, err}
	}
	if resp.StatusCode < http.StatusMultipleChoices {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, refusal(resp)
}

func refusal(resp *http.Response) *Error {
	e := &Error{}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	_ = json.Unmarshal(body, e) // what is no problem document has a status still
	e.Status = resp.StatusCode
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	return e
}
