// Package wire sends HTTP/1.1 requests that are whole in memory, each on the
// goroutine that waits for the answer: it writes, then it reads. net/http's client
// keeps two more goroutines for each connection, so that it can stream both ways and
// speak HTTP/2; what it costs to hand requests and answers from one to the other is
// a third of a delivery's request (docs/decisions/0017-the-wire.md). Answers are
// parsed by net/http all the same.
package wire

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/switchhook/switchhook"
)

const (
	longestHeader = 64 << 10 // of an answer, with the 1xx before it
	// keptBody is how much of an answer's body is returned.
	keptBody = 16 << 10
	// drainedBody is how much more is read so that the connection can be used
	// again; a longer answer costs its connection.
	drainedBody = 64 << 10

	idleTimeout  = 90 * time.Second // is how long an unused connection is kept
	mostIdle     = 1024             // connections in all
	mostIdleHost = 64               // of one host and port
)

// A Request is sent as it stands. Its Host and Content-Length are written by the
// Client.
type Request struct {
	Method string
	URL    *url.URL // http or https
	// Header is spelled and ordered as it is sent. A Host among it is passed over.
	Header switchhook.Headers
	Body   []byte
	// Shown is the body as people see it. Nil: as it is sent.
	Shown []byte
	// Deadline is when the answer must be there, its body included.
	Deadline time.Time
	// May is asked right before the request is written. Nil: it may be.
	May func() bool
	// Way is how the connection is made.
	Way Way
	// Discreet: an answer from a private network is marked as Hidden, for the caller to
	// see to it, and what went wrong there is told in few words.
	Discreet bool
}

// ErrNotSent is the error of a request that May did not allow.
var ErrNotSent = errors.New("the request was not sent")

// A Client follows no redirects and keeps no cookies. Its zero value reaches public
// addresses. It is safe for concurrent use.
type Client struct {
	// Networks are the private networks that all requests may reach.
	Networks []netip.Prefix
	// Proxy is a proxy for all connections (CONNECT), http or https. Nil: none. Names are
	// looked up here all the same, and the proxy is given addresses that may be reached.
	Proxy *url.URL
	// Resolver looks names up. Nil: as the system does it.
	Resolver *net.Resolver
	// Dial makes connections, in the place of all this: it may lead anywhere.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS is the configuration for https. Nil: TLS 1.2 or later, the system's roots.
	TLS *tls.Config

	mu   sync.Mutex
	idle map[place][]*conn // the last used at the end
	n    int               // connections in idle
	reap *time.Timer       // runs while some are idle
}

// A place is what a connection leads to, and how it got there: whoever may not reach it,
// or would prove itself in another way, gets no connection that others have made.
type place struct {
	scheme, host, port string
	way                Way
}

// conn is a connection that keeps what was read ahead.
type conn struct {
	net.Conn
	to      place
	private bool
	in      *bufio.Reader
	quota   *io.LimitedReader // what in may still read
	since   time.Time         // idle
}

// errNothing: the connection ended before anything of the answer came.
type errNothing struct{ error }

func (e errNothing) Unwrap() error { return e.error }

// Send makes a request and reads the answer, of whose body it returns the first
// 16 KiB. A kept connection that turns out to be closed before anything of the
// answer came is no failure: the request goes out once more, on a new one.
//
// With an error, the answer is what came before it, and nil if that was nothing.
// ErrNotSent; os.ErrDeadlineExceeded: the deadline is over; io.EOF: the receiver closed the
// connection without an answer; the cause of ctx, whose end ends the request.
func (c *Client) Send(ctx context.Context, r *Request) (*switchhook.HTTPResponse, error) {
	out, _ := buffers.Get().(*bytes.Buffer)
	defer release(out)
	if err := r.write(out); err != nil {
		return nil, err
	}
	to := placeOf(r)
	if kept := c.take(to); kept != nil {
		answer, err := c.exchange(ctx, kept, r, out.Bytes())
		if _, nothing := errors.AsType[errNothing](err); !nothing {
			return r.told(kept.private, answer, err)
		}
	}
	fresh, private, err := c.dial(ctx, to, r.Deadline)
	if err != nil {
		return r.told(private, nil, err)
	}
	answer, err := c.exchange(ctx, fresh, r, out.Bytes())
	if nothing, ok := errors.AsType[errNothing](err); ok {
		err = nothing.error
	}
	return r.told(private, answer, err)
}

// told is what may be told of an answer. Words about what went wrong quote what a private
// network says: its certificate, an answer that is no HTTP.
func (r *Request) told(private bool, answer *switchhook.HTTPResponse, err error) (*switchhook.HTTPResponse, error) {
	if !private || !r.Discreet {
		return answer, err
	}
	if answer != nil {
		answer.Hidden = true
	}
	for _, known := range [...]error{
		nil, ErrNotSent, os.ErrDeadlineExceeded, context.Canceled, io.EOF, syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ECONNRESET,
	} {
		if errors.Is(err, known) {
			return answer, known
		}
	}
	return answer, errHidden
}

var errHidden = errors.New("no connection, or no answer that can be understood: what comes from a private network is not shown")

//nolint:gochecknoglobals // a pool is of use only if it is shared
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func release(b *bytes.Buffer) {
	if b.Cap() <= 64<<10 { // the few large ones are not kept for the many small
		b.Reset()
		buffers.Put(b)
	}
}

// write writes a request as RFC 9112 has it.
func (r *Request) write(b *bytes.Buffer) error {
	host, err := httpguts.PunycodeHostPort(r.URL.Host)
	if err != nil {
		return fmt.Errorf("the host %q: %w", r.URL.Host, err)
	}
	if zone := strings.IndexByte(host, '%'); zone >= 0 { // it means something on this machine only (RFC 6874 4)
		host = host[:zone] + host[zone+strings.IndexByte(host[zone:], ']'):]
	}
	uri := r.URL.RequestURI()
	if !httpguts.ValidHeaderFieldName(r.Method) || // a token, as a name is
		strings.ContainsFunc(uri, func(c rune) bool { return c <= ' ' || c == 0x7f }) || !httpguts.ValidHostHeader(host) {
		return fmt.Errorf("%s %s to %q cannot be a request", r.Method, uri, host)
	}
	for _, s := range [...]string{r.Method, " ", uri, " HTTP/1.1\r\nHost: ", host, "\r\n"} {
		b.WriteString(s)
	}
	for _, h := range r.Header {
		if h.Name == "Host" {
			continue
		}
		if !httpguts.ValidHeaderFieldName(h.Name) || !httpguts.ValidHeaderFieldValue(h.Value) {
			return fmt.Errorf("the header %q cannot have the value %.80q", h.Name, h.Value)
		}
		for _, s := range [...]string{h.Name, ": ", h.Value, "\r\n"} {
			b.WriteString(s)
		}
	}
	if len(r.Body) > 0 || r.Method != http.MethodGet {
		_, _ = fmt.Fprintf(b, "Content-Length: %d\r\n", len(r.Body)) // a buffer takes all
	}
	b.WriteString("\r\n")
	b.Write(r.Body)
	return nil
}

func placeOf(r *Request) place {
	return place{r.URL.Scheme, r.URL.Hostname(), portOf(r.URL), r.Way}
}

// exchange sends a written request over a connection and reads the answer. The
// connection is then kept or closed.
func (c *Client) exchange(ctx context.Context, on *conn, r *Request, out []byte) (*switchhook.HTTPResponse, error) {
	stop := context.AfterFunc(ctx, func() { _ = on.Close() })
	answer, again, err := on.exchange(r, out)
	if stop() && again && (err == nil || errors.Is(err, ErrNotSent)) {
		c.keep(on)
		return answer, err
	}
	_ = on.Close()
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return answer, err
}

// exchange reports also whether the connection can be used again.
func (on *conn) exchange(r *Request, out []byte) (answer *switchhook.HTTPResponse, again bool, err error) {
	on.quota.N = longestHeader
	unsent := on.SetDeadline(r.Deadline)
	if r.May != nil && !r.May() {
		return nil, true, ErrNotSent
	}
	if unsent == nil {
		_, unsent = on.Write(out)
	}
	// A receiver may answer, and close, before it has taken everything.
	resp, err := on.answer() //nolint:bodyclose // it is read, or the connection closed
	if err != nil {
		// Whoever lets nobody in without a certificate says so, and closes.
		if told, ok := errors.AsType[*net.OpError](err); unsent != nil && (!ok || told.Op != "remote error") {
			err = unsent
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
		case on.quota.N <= 0:
			err = fmt.Errorf("the answer's header is longer than %d bytes", longestHeader)
		case on.quota.N == longestHeader:
			if errors.Is(err, io.ErrUnexpectedEOF) { // as net/http calls it even before the first byte
				err = io.EOF
			}
			err = errNothing{err}
		}
		return nil, false, err
	}
	answer = &switchhook.HTTPResponse{Status: resp.StatusCode, Headers: headers(resp.Header)}
	again = unsent == nil && !resp.Close && resp.StatusCode != http.StatusSwitchingProtocols
	if resp.Body != http.NoBody {
		on.quota.N = math.MaxInt64
		var whole bool
		answer.Body, whole, err = read(resp.Body)
		again = again && whole
	}
	// What stands behind an answer is no answer to what is sent next.
	return answer, again && on.in.Buffered() == 0, err
}

// answer reads the header of an answer; one that only announces it is passed over.
func (on *conn) answer() (*http.Response, error) {
	for {
		resp, err := http.ReadResponse(on.in, nil)
		switch {
		case err != nil || resp.StatusCode >= http.StatusOK || resp.StatusCode == http.StatusSwitchingProtocols:
			return resp, err
		case resp.StatusCode < http.StatusContinue:
			return nil, fmt.Errorf("malformed HTTP status %q", resp.Status)
		}
	}
}

// headers are sorted, with one value each.
func headers(h http.Header) switchhook.Headers {
	list := make(switchhook.Headers, 0, len(h))
	for name, values := range h {
		list = append(list, switchhook.Header{Name: name, Value: strings.ToValidUTF8(strings.Join(values, ", "), "\uFFFD")})
	}
	list.Sort()
	return list
}

// read reads the beginning of a body, and reports whether that and what it has
// drained was all.
func read(body io.Reader) (text string, whole bool, err error) {
	var b bytes.Buffer
	if _, err = b.ReadFrom(io.LimitReader(body, keptBody)); err == nil {
		if _, err = io.CopyN(io.Discard, body, drainedBody); errors.Is(err, io.EOF) {
			whole, err = true, nil
		}
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD"), whole, err
}

// take returns a kept connection, and nil where there is none.
func (c *Client) take(to place) *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.idle[to]
	if len(list) == 0 {
		return nil
	}
	last := len(list) - 1
	on := list[last]
	list[last] = nil
	c.idle[to] = list[:last]
	c.n--
	return on
}

func (c *Client) keep(on *conn) {
	on.since = time.Now()
	c.mu.Lock()
	if c.n >= mostIdle || len(c.idle[on.to]) >= mostIdleHost {
		c.mu.Unlock()
		_ = on.Close()
		return
	}
	defer c.mu.Unlock()
	if c.idle == nil {
		c.idle = map[place][]*conn{}
	}
	c.idle[on.to] = append(c.idle[on.to], on)
	c.n++
	if c.reap == nil {
		c.reap = time.AfterFunc(idleTimeout, func() { c.sweep(idleTimeout) })
	}
}

// CloseIdleConnections closes what is kept.
func (c *Client) CloseIdleConnections() { c.sweep(0) }

// sweep closes what has been idle for so long.
func (c *Client) sweep(long time.Duration) {
	before := time.Now().Add(-long)
	var done []*conn
	defer func() { // without the lock: the end of TLS is a message, which can take a while
		for _, on := range done {
			_ = on.Close()
		}
	}()
	c.mu.Lock()
	defer c.mu.Unlock()
	for to, list := range c.idle {
		old := 0
		for old < len(list) && !list[old].since.After(before) {
			old++
		}
		done = append(done, list[:old]...)
		c.n -= old
		if list = slices.Delete(list, 0, old); len(list) == 0 {
			delete(c.idle, to)
		} else {
			c.idle[to] = list
		}
	}
	if c.reap != nil {
		c.reap.Stop()
		c.reap = nil
	}
	if c.n > 0 {
		c.reap = time.AfterFunc(idleTimeout/2, func() { c.sweep(idleTimeout) })
	}
}

// Unreachable is why there is no connection to a server, without where that is: of the
// operator's own servers customers read the errors too. Other errors are returned as they are.
func Unreachable(err error, server string) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		if e.IsNotFound {
			return fmt.Errorf("no connection to %s: there is no host of its name", server)
		}
		return fmt.Errorf("no connection to %s: its name could not be looked up: %s", server, e.Err)
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "dial" {
		return fmt.Errorf("no connection to %s: %w", server, e.Err)
	}
	return err
}
