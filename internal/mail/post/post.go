// Package post sends mail: it makes a MIME message of a mail.Message and hands it to the
// operator's mail server over SMTP (RFC 5321), with TLS, a user name, and a DKIM signature
// where they are wanted. The message is composed by go-mail; the conversation is held here,
// for its answers, one for each recipient, are what decides whether a mail is tried again.
//
// A mail that several are to get can be taken for some of them. Then the others alone get it
// at the next attempt: nobody gets a mail twice, except where the connection was lost between
// the end of a mail and the server's answer to it. Such a mail is sent again, with the same
// Message-ID.
package post

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver/wire"
	"github.com/switchhook/switchhook/internal/mail"
)

const (
	// DefaultConnections is how many connections to the server there are at most.
	DefaultConnections = 4
	// DefaultAttachments is how large a mail's attachments may be together, in bytes.
	DefaultAttachments = 10 << 20
	// mostFetching is how many mails may have attachments in memory at the same time, and
	// mostOfOne how many of them of one account: where they come from can be slow on purpose.
	mostFetching = 16
	mostOfOne    = 4

	idleTimeout = 30 * time.Second // is how long an unused connection is kept: servers wait for minutes
	mostMails   = 100              // go over one connection: many servers count them
)

// Options are what an Office is made of.
type Options struct {
	// Server is where mail goes.
	Server *Server
	// From is the sender of messages that name none, as RFC 5322 has it. Its domain is that
	// of all Message-IDs.
	From string
	// Hello is what the client calls itself (EHLO). Empty: the machine's name if it is one of
	// the DNS, else localhost.
	Hello string
	// DKIM signs mails. Nil: they are not signed.
	DKIM *DKIM
	// MaxAttachments is how large a mail's attachments may be together, in bytes. What is
	// larger is left out. 0: DefaultAttachments.
	MaxAttachments int64
	// Networks are private networks that attachments may be fetched from, beside those of the
	// request's Way. Proxy is a proxy to fetch them through, nil: none.
	Networks []netip.Prefix
	Proxy    *url.URL
	// Past says what became of earlier attempts of a delivery, since it was made or last
	// replayed. Nil: there were none.
	Past func(ctx context.Context, eventID, webhookID, deliveryID string) (Past, error)
	// Connections is how many connections to the server there are at most. 0:
	// DefaultConnections.
	Connections int
	// TLS is the configuration for connections to the server. Nil: TLS 1.2 or later, the
	// system's roots.
	TLS *tls.Config
}

// Past is what became of the earlier attempts of a delivery.
type Past struct {
	// Accepted are the addresses (see the function) for which the server has taken the mail:
	// they do not get it again.
	Accepted []string
	// Attempts is how many there were. After the fourth the mail goes without what could not
	// be fetched.
	Attempts int
}

// mostFetches is how often it is tried to fetch attachments, before the mail goes without
// them: for a quarter of an hour, by the standard schedule.
const mostFetches = 4

// An Office is a Transport for requests of mail.Method, whose bodies are mail.Message in
// JSON. It is safe for concurrent use.
type Office struct {
	o        Options
	from     address
	domain   string // of Message-IDs
	slots    chan struct{}
	fetching chan struct{}
	patience time.Duration // idleTimeout

	mu    sync.Mutex
	idle  []*line                  // the last used at the end
	ofOne map[string]chan struct{} // the places for fetching of each account
}

// New makes an Office. Its errors are sentences for the operator.
func New(o Options) (*Office, error) {
	if o.Server == nil {
		return nil, errors.New("no mail server is named")
	}
	from, err := parseAddress(o.From)
	if err != nil {
		return nil, fmt.Errorf("the sender of mails: %w", err)
	}
	if o.DKIM != nil {
		if err := o.DKIM.check(); err != nil {
			return nil, err
		}
	}
	if o.Hello == "" {
		o.Hello, _ = os.Hostname()
		o.Hello = cmp.Or(helloName(o.Hello), "localhost")
	} else if helloName(o.Hello) == "" {
		return nil, fmt.Errorf("the name %.80q cannot be said to a mail server: expected one such as mail.example.com", o.Hello)
	}
	o.MaxAttachments = cmp.Or(o.MaxAttachments, DefaultAttachments)
	return &Office{
		o: o, from: from, domain: from.domain, patience: idleTimeout, ofOne: map[string]chan struct{}{},
		slots: make(chan struct{}, cmp.Or(o.Connections, DefaultConnections)), fetching: make(chan struct{}, mostFetching),
	}, nil
}

// helloName is a name as EHLO takes it, empty if it is none. One without a dot says nothing to
// anybody, and some servers refuse it.
func helloName(name string) string {
	ascii, err := toASCII(name)
	if err != nil || !strings.Contains(ascii, ".") && ascii != "localhost" {
		return ""
	}
	return ascii
}

// Send posts a mail. The answer's status is the server's last word: 2xx, the mail was taken,
// for some at least and for none it has to be tried again; 4xx, there are some for whom it
// has; 5xx, nobody's mail was taken. Its headers say for whom it was accepted, refused and
// deferred, what was omitted, and the message-id. What can never be a mail is answered with
// 5xx as well, and nobody is asked.
//
// An error means that nothing is known but what it says: a server that cannot be reached, or
// lets us not in, a connection that broke. wire.ErrNotSent; os.ErrDeadlineExceeded; the cause
// of ctx, whose end ends the conversation.
func (o *Office) Send(ctx context.Context, r *wire.Request) (*switchhook.HTTPResponse, error) {
	if !r.Deadline.IsZero() {
		within, cancel := context.WithDeadlineCause(ctx, r.Deadline, os.ErrDeadlineExceeded)
		defer cancel()
		ctx = within
	}
	answer, err := o.send(ctx, r)
	if err != nil && ctx.Err() != nil && !errors.Is(err, context.Cause(ctx)) { // it is why anything else failed
		if maybe, ok := errors.AsType[*maybeError](err); ok {
			return nil, &maybeError{maybe.words, context.Cause(ctx)}
		}
		return nil, context.Cause(ctx)
	}
	return answer, err
}

func (o *Office) send(ctx context.Context, r *wire.Request) (*switchhook.HTTPResponse, error) {
	l, err := o.read(r)
	if err != nil {
		return nil, err
	}
	if l.flaw != (reply{}) {
		return l.answer(), nil
	}
	if err := o.strikePast(ctx, l); err != nil {
		return nil, err
	}
	if len(l.open) == 0 {
		return l.answer(), nil
	}
	if len(l.m.Attachments) > 0 {
		leave, err := enter(ctx, o.placesOf(l.m.WebhookID))
		if err != nil {
			return nil, err
		}
		defer leave()
		done, err := enter(ctx, o.fetching)
		if err != nil {
			return nil, err
		}
		defer done()
		if err := o.collect(ctx, l, r.Way.Networks); err != nil {
			return nil, err
		}
	}
	done, err := enter(ctx, o.slots)
	if err != nil {
		return nil, err
	}
	defer done()
	on, err := o.take(ctx)
	if err != nil {
		return nil, err
	}
	stop := on.hold(ctx)
	err = o.hand(on, l, r.May)
	if stop() && (err == nil || errors.Is(err, wire.ErrNotSent)) {
		o.keep(on)
	} else {
		on.close()
	}
	if err != nil {
		return nil, err
	}
	return l.answer(), nil
}

// enter waits for a place.
func enter(ctx context.Context, places chan struct{}) (leave func(), err error) {
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// placesOf are the places for fetching of the account of a target.
func (o *Office) placesOf(webhookID string) chan struct{} {
	t, _ := mail.ParseTarget(webhookID)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ofOne[t.AccountID] == nil {
		o.ofOne[t.AccountID] = make(chan struct{}, mostOfOne)
	}
	return o.ofOne[t.AccountID]
}

// read makes a letter of a request. What is wrong with it is its flaw, or that of one of its
// recipients: an error is that the request is none.
func (o *Office) read(r *wire.Request) (*letter, error) {
	l := &letter{limit: o.o.MaxAttachments}
	if err := json.Unmarshal(r.Body, &l.m); err != nil || r.Method != mail.Method {
		return nil, fmt.Errorf("a request of %s cannot be read as a mail: %w", r.Method, cmp.Or(err, errors.New("it is none")))
	}
	l.delivery = r.Header.Get("webhook-id")
	l.id = messageID(cmp.Or(l.delivery, l.m.EventID, switchhook.NewID("mail_")), o.domain)
	l.address(o.from)
	return l, nil
}

// strikePast takes those out who have the mail.
func (o *Office) strikePast(ctx context.Context, l *letter) error {
	if o.o.Past == nil {
		return nil
	}
	past, err := o.o.Past(ctx, l.m.EventID, l.m.WebhookID, l.delivery)
	if err != nil {
		return fmt.Errorf("find out who has the mail already: %w", err)
	}
	l.strike(past.Accepted)
	l.attempts = past.Attempts
	return nil
}

// take returns a connection that is ready for a mail: a kept one that still answers, else a
// new one.
func (o *Office) take(ctx context.Context) (*line, error) {
	for {
		on := o.kept()
		if on == nil {
			return o.dial(ctx)
		}
		stop := on.hold(ctx)
		ready := on.reset(ctx)
		if stop() && ready {
			return on, nil
		}
		on.close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// kept takes a connection out of those that are idle, nil: there is none.
func (o *Office) kept() *line {
	o.mu.Lock()
	defer o.mu.Unlock()
	last := len(o.idle) - 1
	if last < 0 {
		return nil
	}
	on := o.idle[last]
	o.idle = o.idle[:last]
	on.timer.Stop()
	return on
}

// keep puts a connection among the idle ones, for a while.
func (o *Office) keep(on *line) {
	if on.mails >= mostMails || on.leaving {
		on.quit()
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.idle = append(o.idle, on)
	on.timer = time.AfterFunc(o.patience, func() { o.drop(on) })
}

// drop ends a connection if it is idle.
func (o *Office) drop(on *line) {
	o.mu.Lock()
	at := slices.Index(o.idle, on)
	if at >= 0 {
		o.idle = slices.Delete(o.idle, at, at+1)
	}
	o.mu.Unlock()
	if at >= 0 { // else it is in use again
		on.quit()
	}
}

// CloseIdleConnections takes leave of the server on the connections that are not in use.
func (o *Office) CloseIdleConnections() {
	for on := o.kept(); on != nil; on = o.kept() {
		on.quit()
	}
}
