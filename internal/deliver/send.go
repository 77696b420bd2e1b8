package deliver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect"
)

const (
	// keptBody is how much of an answer is kept.
	keptBody = 16 << 10
	// drainedBody is how much more is read so that the connection can be used
	// again; a longer answer costs its connection.
	drainedBody = 64 << 10
)

// attempt sends a delivery once. cut: the process stops and nothing is known of
// the outcome.
func (e *Engine) attempt(d *delivery, w *switchhook.Webhook, by dialect.Dialect) (a *switchhook.Attempt, v verdict, cut bool) {
	a = d.closing("", "", e.o.Now())
	a.Dialect, a.Number = w.Dialect, d.attempts+1
	as, req, body, err := e.request(d, w, by, w.Secrets)
	if err != nil {
		// A mistake of ours, or of a call flow: another try would meet it again.
		level := slog.LevelError
		if w.Flow {
			level = slog.LevelInfo
		}
		e.o.Logger.Log(e.ctx, level, "a request could not be made", "delivery", a.DeliveryID, "error", err)
		a.Error = "the request could not be made: " + err.Error()
		return a, verdict{state: switchhook.Failed}, false
	}
	w = as
	p := policyOf(w.Retry, req.Method)
	ans := e.send(e.ctx, req, body, w, p, a)
	if e.ctx.Err() != nil && ans.problem != "" {
		return nil, verdict{}, true
	}
	made := d.tries + 1
	if d.probe { // it is not among the tries of its schedule, and so never the last
		made = min(made, max(len(p.pauses), 1))
	}
	v = decide(ans, made, p, rand.Float64()) //nolint:gosec // jitter needs no secrecy
	e.log(a, w, v)
	return a, v, false
}

// send makes the request and writes down in the attempt what was sent and what
// came back.
func (e *Engine) send(ctx context.Context, req *http.Request, body []byte, w *switchhook.Webhook, p policy, a *switchhook.Attempt) answer {
	timeout := time.Duration(w.Timeout)
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	slow := fmt.Errorf("no complete answer within %s", timeout)
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, slow)
	defer cancel()
	a.Request = shown(req, body, w)
	started := time.Now()
	a.StartedAt = e.o.Now().UTC()
	ans := e.exchange(req.WithContext(ctx), a)
	took := time.Since(started)
	a.DurationMS = float64(took.Microseconds()) / 1000
	if ans.problem != "" && errors.Is(context.Cause(ctx), slow) {
		ans.problem = slow.Error()
	}
	a.Error, a.Outcome = ans.problem, switchhook.Failure
	switch {
	case ans.problem != "":
	case p.takes(ans.status):
		a.Outcome = switchhook.Success
	case ans.status >= 300 && ans.status < 400:
		a.Error = fmt.Sprintf("the receiver answered %d; redirects are not followed", ans.status)
	default:
		a.Error = fmt.Sprintf("the receiver answered %d", ans.status)
	}
	e.metrics.attempts.WithLabelValues(w.Dialect, string(a.Outcome)).Inc()
	e.metrics.seconds.WithLabelValues(w.Dialect).Observe(took.Seconds())
	return ans
}

func (e *Engine) exchange(req *http.Request, a *switchhook.Attempt) answer {
	resp, err := e.transport.RoundTrip(req) // no client: there is nothing to follow
	if err != nil {
		return answer{problem: plain(err)}
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		// Its body is the bare connection: a read of it heeds no timeout.
		a.Response = &switchhook.HTTPResponse{Status: resp.StatusCode, Headers: flat(resp.Header)}
		return answer{status: resp.StatusCode}
	}
	var kept bytes.Buffer
	_, err = kept.ReadFrom(io.LimitReader(resp.Body, keptBody))
	if err == nil {
		_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, drainedBody))
	}
	a.Response = &switchhook.HTTPResponse{
		Status: resp.StatusCode, Headers: flat(resp.Header), Body: strings.ToValidUTF8(kept.String(), "\uFFFD"),
	}
	if err != nil {
		return answer{status: resp.StatusCode, problem: "the answer broke off: " + plain(err)}
	}
	return answer{status: resp.StatusCode, retryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now())}
}

// retryAfter reads a Retry-After header (RFC 9110 10.2.3): seconds or a date.
func retryAfter(v string, now time.Time) time.Duration {
	if v == "" {
		return 0
	}
	if s, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(s) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil && t.After(now) {
		return t.Sub(now)
	}
	return 0
}

// request renders an event and signs it. as is the webhook that it is made for:
// w, or for call flows what the event makes of w.
func (e *Engine) request(d *delivery, w *switchhook.Webhook, by dialect.Dialect, secrets []switchhook.Secret) (
	as *switchhook.Webhook, req *http.Request, body []byte, err error,
) {
	ev := d.ev
	if w.Flow {
		if w, err = dialect.ForFlow(ev, w); err != nil {
			return nil, nil, nil, err
		}
	}
	made, err := render(by, ev, w)
	if err != nil {
		return nil, nil, nil, err
	}
	u, err := url.Parse(made.URL)
	if err != nil {
		return nil, nil, nil, err
	}
	u.RawQuery = escaped(u.RawQuery)
	req = &http.Request{
		Method: made.Method, URL: u, Host: u.Host, Header: http.Header{},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if len(made.Body) > 0 {
		req.Body = io.NopCloser(bytes.NewReader(made.Body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(made.Body)), nil }
		req.ContentLength = int64(len(made.Body))
	}
	// Header names are kept as the system spells them: X-Hook-ID, not X-Hook-Id.
	maps.Copy(req.Header, made.Header)
	for name, values := range made.Header {
		if strings.ContainsFunc(strings.Join(values, ""), unicode.IsControl) { // an event's own words can stand there
			return nil, nil, nil, fmt.Errorf("the header %s cannot have the value %.80q", name, values)
		}
	}
	for name, value := range w.Headers {
		deleteFold(req.Header, name)
		req.Header[name] = []string{value}
	}
	if w.Auth != nil {
		deleteFold(req.Header, "Authorization")
		if w.Auth.Type == "basic" {
			req.SetBasicAuth(w.Auth.Username, w.Auth.Password)
		} else {
			req.Header.Set("Authorization", "Bearer "+w.Auth.Token)
		}
	} else if u.User != nil && req.Header.Get("Authorization") == "" {
		password, _ := u.User.Password()
		req.SetBasicAuth(u.User.Username(), password)
	}
	now := e.o.Now()
	content := made.Body
	if made.Method == http.MethodGet && len(content) == 0 {
		content = []byte(u.RawQuery)
	}
	signature, err := Sign(secrets, d.id, now, content)
	if err != nil {
		return nil, nil, nil, err
	}
	// A kept connection that the receiver has just closed is no failure: with
	// this header in the map, empty and so not sent, net/http sends the request
	// once more on a new one. Deliveries are at least once anyway.
	if _, own := req.Header["Idempotency-Key"]; !own {
		req.Header["Idempotency-Key"] = nil
	}
	deleteFold(req.Header, "User-Agent")
	req.Header["User-Agent"] = []string{"Switchhook/" + e.o.Version}
	req.Header["webhook-id"] = []string{d.id}
	req.Header["webhook-timestamp"] = []string{strconv.FormatInt(now.Unix(), 10)}
	if d.replay {
		req.Header["webhook-replay"] = []string{"true"}
	}
	if signature != "" {
		req.Header["webhook-signature"] = []string{signature}
	}
	return w, req, made.Body, nil
}

// longestBody bounds a request: four times the largest event.
const longestBody = 4 << 20

// render asks the dialect. A mistake in one, which only some event shows, fails that
// event's delivery and not the process, which would meet it again at each start.
func render(d dialect.Dialect, ev *switchhook.Event, w *switchhook.Webhook) (made *dialect.Request, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the dialect %s failed: %v", d.Name(), p)
		}
	}()
	made, err = d.Render(ev, w)
	if err == nil && len(made.Body)+len(made.URL) > longestBody {
		return nil, fmt.Errorf("it would be %d bytes long; %d are allowed", len(made.Body)+len(made.URL), longestBody)
	}
	return made, err
}

// escaped is a query that can stand in a request line (RFC 3986): blanks and what
// is no ASCII are percent-encoded, the rest is as the dialect wrote it.
func escaped(query string) string {
	if strings.IndexFunc(query, func(r rune) bool { return r <= ' ' || r >= 0x7f }) < 0 {
		return query
	}
	var b strings.Builder
	for i := range len(query) {
		if c := query[i]; c > ' ' && c < 0x7f {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func deleteFold(h http.Header, name string) {
	for k := range h {
		if strings.EqualFold(k, name) {
			delete(h, k)
		}
	}
}

// Test sends an event to a webhook now, outside of any lane, and records the
// attempt.
func (e *Engine) Test(ctx context.Context, w *switchhook.Webhook, ev *switchhook.Event) (*switchhook.Attempt, error) {
	d := e.dialects[w.Dialect]
	if d == nil {
		return nil, switchhook.InvalidField("dialect", "there is no dialect %q", w.Dialect)
	}
	if err := covers(d, ev); err != nil {
		return nil, err
	}
	it := newDelivery(ev, w.ID)
	w, req, body, err := e.request(it, w, d, w.Secrets)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	a := it.closing(switchhook.Failed, "", e.o.Now())
	a.Dialect, a.Number, a.Sequence = w.Dialect, 1, 0
	if ans := e.send(ctx, req, body, w, policyOf(w.Retry, req.Method), a); ans.problem == "" && a.Outcome == switchhook.Success {
		a.State = switchhook.Delivered
	}
	recorded := make(chan struct{})
	e.submit(&switchhook.Commit{Attempts: []*switchhook.Attempt{a}}, nil, func() { close(recorded) })
	select {
	case <-recorded:
		return a, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Preview is the request that an event would make, signed with a throw-away
// key, credentials masked.
func (e *Engine) Preview(w *switchhook.Webhook, ev *switchhook.Event) (*switchhook.HTTPRequest, error) {
	d := e.dialects[w.Dialect]
	if d == nil {
		return nil, switchhook.InvalidField("dialect", "there is no dialect %q", w.Dialect)
	}
	if err := covers(d, ev); err != nil {
		return nil, err
	}
	w, req, body, err := e.request(newDelivery(ev, w.ID), w, d, []switchhook.Secret{{Value: switchhook.NewSecret()}})
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	return shown(req, body, w), nil
}

func covers(d dialect.Dialect, ev *switchhook.Event) error {
	if d.EventName(ev) == "" {
		return switchhook.InvalidField("type", "the dialect %s has nothing for this %s event", d.Name(), ev.Type)
	}
	return nil
}

// shown is a request as people may see it.
func shown(req *http.Request, body []byte, w *switchhook.Webhook) *switchhook.HTTPRequest {
	u := *req.URL
	if _, has := u.User.Password(); has {
		u.User = url.UserPassword(u.User.Username(), switchhook.Mask)
	}
	headers := flat(req.Header)
	headers["Host"] = req.Host
	for name := range headers {
		_, own := w.Headers[name]
		if switchhook.SecretHeader(name) && (own || strings.EqualFold(name, "Authorization")) {
			headers[name] = switchhook.Mask
		}
	}
	return &switchhook.HTTPRequest{Method: req.Method, URL: u.String(), Headers: headers, Body: string(body)}
}

func flat(h http.Header) map[string]string {
	m := make(map[string]string, len(h))
	for k, v := range h {
		if len(v) == 0 {
			continue
		}
		m[k] = strings.ToValidUTF8(strings.Join(v, ", "), "\uFFFD")
	}
	return m
}

// plain is a transport's error in a person's words, without the URL, which may
// hold a credential.
func plain(err error) string {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		if e.IsNotFound {
			return fmt.Sprintf("there is no host %s", e.Name)
		}
		return fmt.Sprintf("the host %s could not be looked up: %s", e.Name, e.Err)
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "dial" && e.Addr != nil {
		return fmt.Sprintf("no connection to %s: %s", e.Addr, e.Err)
	}
	if errors.Is(err, io.EOF) {
		return "the receiver closed the connection without an answer"
	}
	return err.Error()
}

// log writes the one line of an attempt: failures at Info, successes at Debug.
func (e *Engine) log(a *switchhook.Attempt, w *switchhook.Webhook, v verdict) {
	level := slog.LevelDebug
	if a.Outcome == switchhook.Failure {
		level = slog.LevelInfo
	}
	if !e.o.Logger.Enabled(e.ctx, level) {
		return
	}
	status := 0
	if a.Response != nil {
		status = a.Response.Status
	}
	e.o.Logger.Log(e.ctx, level, "delivery attempted",
		"delivery", a.DeliveryID, "event", a.EventID, "type", a.EventType, "account", a.AccountID,
		"webhook", w.ID, "dialect", w.Dialect, "attempt", a.Number, "outcome", string(a.Outcome),
		"status", status, "error", a.Error, "took_ms", a.DurationMS, "state", string(v.state), "wait", v.wait)
}
