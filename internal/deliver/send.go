package deliver

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unsafe"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver/wire"
	"github.com/switchhook/switchhook/internal/dialect"
)

// target is where a webhook's requests go, and all that stays the same from one to
// the next.
type target struct {
	w       *switchhook.Webhook
	by      dialect.Dialect
	url     *url.URL // of w; nil: it is not one by itself
	shown   string   // the same, as people may see it
	signers signers
	policy  policy
	timeout time.Duration
	way     wire.Way
	token   *token   // that requests need; nil: none
	secrets []string // that requests show the receiver
	// discreet: what is answered from a private network is not shown to whose webhook it is.
	discreet bool
	problem  error // why nothing can be sent
	made     bool  // see made.go

	success, failure prometheus.Counter
	seconds          prometheus.Observer
}

// target makes one. before is what it was until now, nil if it was not.
func (e *Engine) target(w *switchhook.Webhook, by dialect.Dialect, before *target) *target {
	t := &target{w: w, by: by, policy: policyOf(w.Retry), timeout: time.Duration(w.Timeout), secrets: secretsOf(w)}
	if t.timeout <= 0 {
		t.timeout = DefaultTimeout
	}
	t.signers, t.problem = newSigners(w.Secrets)
	if e.o.Reach != nil {
		networks, shown := e.o.Reach(w.AccountID)
		t.way.Networks, t.discreet = wire.WayTo(networks), !shown
	}
	if w.TLS != nil {
		t.way.CA, t.way.Certificate, t.way.Key = w.TLS.CA, w.TLS.Certificate, w.TLS.Key
	}
	t.token = tokenOf(t, before)
	if u, err := url.Parse(w.URL); err == nil {
		u.RawQuery = escaped(u.RawQuery)
		t.url, t.shown = u, shownURL(u)
	}
	t.success = e.metrics.attempts.WithLabelValues(w.Dialect, string(switchhook.Success))
	t.failure = e.metrics.attempts.WithLabelValues(w.Dialect, string(switchhook.Failure))
	t.seconds = e.metrics.seconds.WithLabelValues(w.Dialect)
	return t
}

// attempt sends a delivery once. cut: the process stops and nothing is known of
// the outcome.
func (e *Engine) attempt(d *delivery, t *target) (a *switchhook.Attempt, v verdict, cut bool) {
	a = d.closing("", "", e.o.Now())
	a.Dialect, a.Number = t.w.Dialect, d.attempts+1
	ans, err := e.send(e.ctx, d, t, a)
	if err != nil {
		// A mistake of ours, of a call flow or in a customer's template: another try would
		// meet it again.
		level := slog.LevelError
		if t.w.Flow || t.made {
			level = slog.LevelInfo
		}
		e.o.Logger.Log(e.ctx, level, "a request could not be made", "delivery", a.DeliveryID, "error", err)
		a.Error = "the request could not be made: " + err.Error()
		// It says nothing of the mail server: whoever leaves ten voicemails of which the
		// account's template makes no mail must not hold up the eleventh.
		return a, verdict{state: switchhook.Failed, well: t.made}, false
	}
	if e.ctx.Err() != nil && ans.problem != "" {
		return nil, verdict{}, true
	}
	made := d.tries + 1
	if d.probe { // it is not among the tries of its schedule, and so never the last
		made = min(made, max(len(ans.policy.pauses), 1))
	}
	v = decide(ans, made, rand.Float64()) //nolint:gosec // jitter needs no secrecy
	e.log(a, t.w, v)
	return a, v, false
}

// send makes the request and writes down in the attempt what was sent and what
// came back. An error: it could not be made.
func (e *Engine) send(ctx context.Context, d *delivery, t *target, a *switchhook.Attempt) (ans answer, err error) {
	t, req, err := e.request(d, t, a.StartedAt)
	if err != nil {
		return ans, err
	}
	if a.Request = shown(req, t); t.w.AccountID != d.ev.AccountID {
		a.OwnerID = t.w.AccountID
	}
	// The last look before it leaves: this process may have stood still for long.
	req.May = e.o.Held
	var started time.Time
	for wait := false; ; wait = true {
		if wait && !e.heldAgain(ctx) {
			break // err is still wire.ErrNotSent
		}
		started = time.Now()
		req.Deadline = started.Add(t.timeout)
		if a.Response, err = e.exchange(ctx, t, req); !errors.Is(err, wire.ErrNotSent) {
			break
		}
	}
	took := time.Since(started)
	a.DurationMS = float64(took.Microseconds()) / 1000
	if a.Response != nil {
		ans.status, ans.retryAfter = a.Response.Status, retryAfter(a.Response.Headers.Get("Retry-After"), started.Add(took))
		if t.veil(a.Response); a.Response.Hidden {
			a.Response.Headers, a.Response.Body = nil, ""
		}
	}
	switch {
	case err == nil:
	case errors.Is(err, os.ErrDeadlineExceeded):
		ans.problem = fmt.Sprintf("no complete answer within %s", t.timeout)
	case a.Response != nil:
		ans.problem = "the answer broke off: " + plain(err)
	default:
		ans.problem = plain(err)
	}
	ans.policy = t.policy
	ans.policy.put = req.Method == http.MethodPut
	ans.problem = t.veiled(ans.problem)
	a.Error, a.Outcome = ans.problem, switchhook.Failure
	switch {
	case ans.problem != "":
	case ans.taken():
		a.Outcome = switchhook.Success
	case ans.policy.smtp:
		a.Error = "the mail server answered " + a.Response.Body
	case ans.status >= 300 && ans.status < 400:
		a.Error = fmt.Sprintf("the receiver answered %d; redirects are not followed", ans.status)
	default:
		a.Error = fmt.Sprintf("the receiver answered %d", ans.status)
	}
	if a.Outcome == switchhook.Success {
		t.success.Inc()
	} else {
		t.failure.Inc()
	}
	t.seconds.Observe(took.Seconds())
	return ans, nil
}

// heldAgain waits until the store is this process's for sure, or ctx ends.
func (e *Engine) heldAgain(ctx context.Context) bool {
	for !e.o.Held() {
		select {
		case <-time.After(retryCommit / 4):
		case <-ctx.Done():
			return false
		}
	}
	return true
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

// request renders an event and signs it. as is the target that it is made for: t,
// or for call flows what the event makes of t.
func (e *Engine) request(d *delivery, t *target, now time.Time) (as *target, req *wire.Request, err error) {
	if t.w.Flow {
		w, err := dialect.ForFlow(d.ev, t.w)
		if err != nil {
			return nil, nil, err
		}
		t = e.target(w, t.by, t)
	}
	if t.problem != nil {
		return nil, nil, t.problem
	}
	w := t.w
	made, err := render(t.by, d.ev, w)
	if err != nil {
		return nil, nil, err
	}
	u := t.url
	if u == nil || made.URL != w.URL {
		if u, err = url.Parse(made.URL); err != nil {
			return nil, nil, err
		}
		u.RawQuery = escaped(u.RawQuery)
	}
	// Header names are kept as the system spells them: X-Hook-ID, not X-Hook-Id.
	h := make(switchhook.Headers, 0, len(made.Header)+len(w.Headers)+7)
	for _, each := range made.Header {
		if strings.ContainsFunc(each.Value, unicode.IsControl) { // an event's own words can stand there
			return nil, nil, fmt.Errorf("the header %s cannot have the value %.80q", each.Name, each.Value)
		}
		h = append(h, each)
	}
	if !t.policy.smtp {
		h = e.signed(h, t, made, u, d.id, now)
	}
	h = append(h, switchhook.Header{Name: "webhook-id", Value: d.id})
	if d.replay {
		h = append(h, switchhook.Header{Name: "webhook-replay", Value: "true"})
	}
	h.Sort()
	return t, &wire.Request{Method: made.Method, URL: u, Header: h, Body: made.Body, Shown: made.Shown, Way: t.way, Discreet: t.discreet}, nil
}

// signed are the headers with those that HTTP wants, and those that say who we are.
func (e *Engine) signed(h switchhook.Headers, t *target, made *dialect.Request, u *url.URL, id string, now time.Time) switchhook.Headers {
	for name, value := range t.w.Headers {
		h = h.With(name, value)
	}
	if credential := authorization(t.w.Auth, u, h); credential != "" {
		h = h.With("Authorization", credential)
	}
	content := made.Body
	if made.Method == http.MethodGet && len(content) == 0 {
		content = []byte(u.RawQuery)
	}
	h = append(h.With("User-Agent", e.agent), switchhook.Header{Name: "Host", Value: u.Host},
		switchhook.Header{Name: "webhook-timestamp", Value: strconv.FormatInt(now.Unix(), 10)})
	if signature := t.signers.sign(id, now, content); signature != "" {
		h = append(h, switchhook.Header{Name: "webhook-signature", Value: signature})
	}
	return h
}

// authorization is the header of that name: the webhook's own setting, or what its
// URL says unless one of its headers does.
func authorization(a *switchhook.Auth, u *url.URL, h switchhook.Headers) string {
	switch {
	case a != nil && a.Type == "basic":
		return basic(a.Username, a.Password)
	case a != nil && a.Type == "oauth2":
		return "Bearer " + switchhook.Mask // exchange puts the token in its place
	case a != nil:
		return "Bearer " + a.Token
	case u.User != nil && !slices.ContainsFunc(h, func(each switchhook.Header) bool { return strings.EqualFold(each.Name, "Authorization") }):
		password, _ := u.User.Password()
		return basic(u.User.Username(), password)
	}
	return ""
}

// basic is RFC 7617.
func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
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
	made, err = d.Render(dialect.Private(ev, w.Mask), w)
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
	a := it.closing(switchhook.Failed, "", e.o.Now())
	a.Dialect, a.Number, a.Sequence = w.Dialect, 1, 0
	if _, err := e.send(ctx, it, e.target(w, d, nil), a); err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	if a.Outcome == switchhook.Success {
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
	masked := *w
	masked.Secrets = nil
	if w.Signing != switchhook.SigningEd25519 {
		masked.Secrets = append(masked.Secrets, switchhook.Secret{Value: switchhook.NewSecret()})
	}
	if w.Signing == switchhook.SigningEd25519 || w.Signing == switchhook.SigningBoth {
		masked.Secrets = append(masked.Secrets, switchhook.Secret{Value: switchhook.NewPrivateKey()})
	}
	t, req, err := e.request(newDelivery(ev, w.ID), e.target(&masked, d, nil), e.o.Now())
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	return shown(req, t), nil
}

func covers(d dialect.Dialect, ev *switchhook.Event) error {
	if d.EventName(ev) == "" {
		return switchhook.InvalidField("type", "the dialect %s has nothing for this %s event", d.Name(), ev.Type)
	}
	return nil
}

// shown is a request as people may see it.
func shown(req *wire.Request, t *target) *switchhook.HTTPRequest {
	to := t.shown
	if req.URL != t.url {
		to = shownURL(req.URL)
	}
	h := req.Header
	for i, each := range h {
		_, own := t.w.Headers[each.Name]
		if each.Name != "Authorization" && (!own || !switchhook.SecretHeader(each.Name)) {
			continue
		}
		if &h[0] == &req.Header[0] {
			h = slices.Clone(h)
		}
		h[i].Value = switchhook.Mask
	}
	body := req.Body
	if req.Shown != nil {
		body = req.Shown
	}
	return &switchhook.HTTPRequest{Method: req.Method, URL: to, Headers: h, Body: kept(body)}
}

// kept is a body as text, without a copy: nobody changes it once it is made, and
// each delivery has one.
func kept(body []byte) string {
	return unsafe.String(unsafe.SliceData(body), len(body)) //nolint:gosec // see above
}

// shownURL is a URL without its password.
func shownURL(u *url.URL) string {
	if _, has := u.User.Password(); has {
		masked := *u
		masked.User = url.UserPassword(u.User.Username(), switchhook.Mask)
		u = &masked
	}
	return u.String()
}

// plain is a transport's error in a person's words.
func plain(err error) string {
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		if e.IsNotFound {
			return fmt.Sprintf("there is no host %s", e.Name)
		}
		return fmt.Sprintf("the host %s could not be looked up: %s", e.Name, e.Err)
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "dial" && e.Addr != nil {
		return fmt.Sprintf("no connection to %s: %s", e.Addr, e.Err)
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && (e.Op == "read" || e.Op == "write") { // whose words have our address
		return fmt.Sprintf("the connection broke: %s", e.Err)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the receiver does not speak TLS at this port"
	}
	if errors.Is(err, io.EOF) {
		return "the receiver closed the connection without an answer"
	}
	return err.Error()
}

// Explained is a transport whose errors are words for people, except those that the engine
// tells apart: they can be told to another process.
func Explained(t Transport) Transport { return explained{t} }

type explained struct{ Transport }

func (t explained) Send(ctx context.Context, r *wire.Request) (*switchhook.HTTPResponse, error) {
	answer, err := t.Transport.Send(ctx, r)
	if err != nil && !errors.Is(err, wire.ErrNotSent) && !errors.Is(err, os.ErrDeadlineExceeded) {
		err = errors.New(plain(err))
	}
	return answer, err
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
