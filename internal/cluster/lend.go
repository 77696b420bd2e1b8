package cluster

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/internal/cluster/line"
)

const (
	// mayFor is for how long a hand may start requests after it asked, if it was answered.
	// A leader that has not heard of a hand for as long knows that it starts none.
	mayFor    = 3 * time.Second
	pingEvery = mayFor / 6
	margin    = mayFor / 10 // for clocks that do not run alike

	meetAgain  = time.Second
	meetWithin = 5 * time.Second

	linkPath     = "/cluster/link"
	linkProtocol = "switchhook-link/2"
	headerOwner  = "Switchhook-Process"
	headerProof  = "Switchhook-Proof"
	headerSetup  = "Switchhook-Setup"
)

// A Secret is what the processes of an installation have in common.
type Secret struct {
	// Key is known to them alone.
	Key []byte
	// Setup says what has to be the same for one to send in another's place: which
	// networks may be reached, and how.
	Setup string
}

func (s Secret) proof(words ...string) string {
	mac := hmac.New(sha256.New, s.Key)
	_, _ = io.WriteString(mac, "link\x00"+strings.Join(words, "\x00")) // a hash takes all
	return hex.EncodeToString(mac.Sum(nil))
}

func (s Secret) proves(proof string, words ...string) bool {
	return hmac.Equal([]byte(proof), []byte(s.proof(words...)))
}

// ErrKey is why a process cannot follow a leader that has another master key.
var ErrKey = errors.New("the leader has another master key: give all processes of one database the same, as SWITCHHOOK_MASTER_KEY or master.key in --data")

// errSetup: the leader takes no hand from this process.
var errSetup = errors.New("the leader has other --allow-network or --proxy settings, or another version of the link; this process only passes requests on to it")

// A Helper is what a follower does for the leader: it passes requests on and sends.
type Helper struct {
	lease  *Lease
	own    Transport
	secret func() (Secret, error)
	secure *tls.Config // for leaders with an https URL; nil: the system's roots

	lent   atomic.Pointer[lent] // nil: there is no line to the leader at the moment
	stop   context.CancelFunc
	ended  chan struct{}
	failed func(error)
}

// A lent hand is the follower's end of a line.
type lent struct {
	line  *line.Line
	mayTo atomic.Pointer[time.Time]
}

// may reports whether requests may be started. Like Held it trusts neither of the
// machine's clocks alone.
func (l *lent) may() bool {
	now, until := time.Now(), *l.mayTo.Load()
	select {
	case <-l.line.Done():
		return false
	default:
		return now.Before(until) && now.Round(0).Before(until.Round(0))
	}
}

// Help lends this process to whoever leads, until Leave. own is how it sends; secret is asked for once
// somebody leads; failed is told why it cannot follow at all.
func (l *Lease) Help(own Transport, secret func() (Secret, error), secure *tls.Config, failed func(error)) *Helper {
	ctx, stop := context.WithCancel(context.Background())
	h := &Helper{lease: l, own: own, secret: secret, secure: secure, stop: stop, ended: make(chan struct{}), failed: failed}
	go h.run(ctx)
	return h
}

func (h *Helper) run(ctx context.Context) {
	defer close(h.ended)
	var told string
	for ctx.Err() == nil {
		leader := h.lease.leader.Load()
		if leader.Owner != "" && leader.Owner != h.lease.owner {
			err := h.help(ctx, leader)
			if errors.Is(err, ErrKey) {
				h.failed(err)
				return
			}
			if is := err.Error(); is != told && ctx.Err() == nil && leader.leads.Err() == nil {
				h.lease.log.WarnContext(ctx, "no line to the leader; requests are passed on one by one", "leader", leader.Owner, "reason", err)
				told = is
			}
		}
		select {
		case <-ctx.Done():
		case <-leader.leads.Done():
		case <-time.After(meetAgain):
		}
	}
}

// help works for a leader until the line breaks.
func (h *Helper) help(ctx context.Context, leader *known) error {
	conn, in, err := h.meet(ctx, leader.Leader)
	if err != nil {
		return err
	}
	l := &lent{}
	never := time.Time{}
	l.mayTo.Store(&never)
	ready := make(chan struct{})
	l.line = line.New(conn, in, func(ctx context.Context, call []byte) line.Encode { //nolint:contextcheck // what it serves ends with the line
		<-ready
		return h.send(ctx, l, call)
	})
	close(ready)
	defer l.line.Close()
	h.lent.Store(l)
	defer h.lent.Store(nil)
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		asked := time.Now()
		within, cancel := context.WithTimeout(ctx, mayFor)
		said, err := l.line.Call(within, func(b []byte) []byte { return append(b, sayPing) })
		cancel()
		if err != nil {
			return err
		}
		until := asked.Add(time.Duration((&reader{rest: string(said)}).number())) //nolint:gosec // at most mayFor
		l.mayTo.Store(&until)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-leader.leads.Done():
			return errReplaced
		case <-l.line.Done():
			return l.line.Err()
		case <-tick.C:
		}
	}
}

// meet connects to the leader; both prove that they know the secret.
func (h *Helper) meet(ctx context.Context, leader Leader) (net.Conn, *bufio.Reader, error) {
	secret, err := h.secret()
	if err != nil {
		return nil, nil, err
	}
	to, err := url.Parse(leader.URL)
	if err != nil || to.Host == "" {
		return nil, nil, fmt.Errorf("the leader's address is %q", leader.URL)
	}
	ctx, cancel := context.WithTimeout(ctx, meetWithin)
	defer cancel()
	conn, err := h.dial(ctx, to)
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	in := bufio.NewReaderSize(conn, 64<<10)
	err = h.shake(conn, in, to, leader, secret)
	if !stop() {
		err = errors.Join(err, context.Cause(ctx))
	}
	if err != nil {
		_ = conn.Close() // it is of no use
		return nil, nil, err
	}
	return conn, in, nil
}

func (h *Helper) shake(conn net.Conn, in *bufio.Reader, to *url.URL, leader Leader, secret Secret) error {
	q := &http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: to.Scheme, Host: to.Host, Path: linkPath}, Header: http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {linkProtocol}, headerOwner: {h.lease.owner}, headerSetup: {secret.Setup},
		headerProof: {secret.proof("hand", leader.Owner, h.lease.owner)},
	}}
	if err := q.Write(conn); err != nil {
		return err
	}
	answer, err := http.ReadResponse(in, q)
	if err != nil {
		return err
	}
	_ = answer.Body.Close() // a line has none, and all else ends the connection
	switch {
	case answer.StatusCode == http.StatusForbidden:
		return ErrKey
	case answer.StatusCode == http.StatusConflict:
		return errSetup
	case answer.StatusCode != http.StatusSwitchingProtocols:
		return fmt.Errorf("the leader answered %s", answer.Status)
	case !secret.proves(answer.Header.Get(headerProof), "leader", leader.Owner, h.lease.owner):
		return fmt.Errorf("whoever is at %s is not the leader", leader.URL)
	}
	return nil
}

func (h *Helper) dial(ctx context.Context, to *url.URL) (net.Conn, error) {
	port := to.Port()
	if port == "" {
		port = map[string]string{"https": "443"}[to.Scheme]
	}
	if port == "" {
		port = "80"
	}
	address := net.JoinHostPort(to.Hostname(), port)
	if to.Scheme != "https" {
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	if h.secure != nil {
		secure = h.secure.Clone()
	}
	secure.NextProtos = []string{"http/1.1"}
	return (&tls.Dialer{Config: secure}).DialContext(ctx, "tcp", address)
}

// send sends what the leader says.
func (h *Helper) send(ctx context.Context, l *lent, call []byte) line.Encode {
	if len(call) == 0 || call[0] != saySend {
		return nothing
	}
	q, err := (&reader{rest: string(call[1:])}).request()
	if err != nil {
		return func(b []byte) []byte { return answerSaid(b, nil, err) }
	}
	q.May = l.may
	answer, err := h.own.Send(ctx, q)
	return func(b []byte) []byte { return answerSaid(b, answer, err) }
}

// mostAsked is how long the body of a request may be that is passed on over the line.
const mostAsked = 1 << 20

// ask passes a client's request on over the line. done is false where another way must be
// found: there is no line, or it is no request for it.
func (h *Helper) ask(w http.ResponseWriter, r *http.Request, tell http.HandlerFunc) (done bool) {
	l := h.lent.Load()
	if l == nil || r.ContentLength < 0 || r.ContentLength > mostAsked ||
		r.URL.Path != "/v1/events" && !strings.HasPrefix(r.URL.Path, "/v1/in/") || r.Method == http.MethodGet && r.URL.Path == "/v1/events" {
		return false
	}
	body := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, body); err != nil {
		tell(w, r) // the client is gone
		return true
	}
	said, err := l.line.Call(r.Context(), func(b []byte) []byte { return askSaid(b, r, body) })
	answer := &reader{rest: string(said)}
	status, header, text := answer.number(), answer.multi(), answer.text()
	if err != nil || answer.broken {
		tell(w, r)
		return true
	}
	maps.Copy(w.Header(), header)
	w.WriteHeader(int(status)) //nolint:gosec // a status
	_, _ = io.WriteString(w, text)
	return true
}

// Leave lends this process no longer: it is given nothing more to send, and what it sends
// at the moment is finished, or cut off when ctx ends.
func (h *Helper) Leave(ctx context.Context) {
	if l := h.lent.Load(); l != nil {
		// What is not answered in time, or over a broken line, is sent again by others.
		_, _ = l.line.Call(ctx, func(b []byte) []byte { return append(b, sayLeave) })
	}
	h.stop()
	<-h.ended
	h.own.CloseIdleConnections()
}
