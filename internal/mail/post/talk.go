package post

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver/wire"
)

const (
	connectTimeout = 10 * time.Second
	longestReply   = 64 << 10        // with all its lines
	shownReply     = 500             // of it, in bytes
	quickly        = 2 * time.Second // is how long we wait where nothing hangs on the answer
	farewell       = time.Second / 2 // is how long we wait for the answer to QUIT
)

// A reply is what the server says: a code and words, in one line.
type reply struct {
	code  int
	words string
}

func (r reply) String() string { return strings.TrimSpace(strconv.Itoa(r.code) + " " + r.words) }

// A line is a connection to the server.
type line struct {
	net.Conn
	quota   *io.LimitedReader // what in may still read
	in      *bufio.Reader
	server  *Server
	secret  bool              // it is encrypted
	secrets []string          // that the server may repeat, the longest first
	offers  map[string]string // what the server can, by its name, with what it says of it
	mails   int               // that went over it
	leaving bool              // the server takes leave
	timer   *time.Timer       // runs while it is idle
}

func (on *line) over(nc net.Conn) {
	on.Conn = nc
	on.quota = &io.LimitedReader{R: nc}
	on.in = bufio.NewReader(on.quota)
}

// close lets the server find out. quit says so.
func (on *line) close() { _ = on.Close() }

func (on *line) quit() {
	_ = on.SetDeadline(time.Now().Add(farewell))
	_, _ = on.ask("QUIT")
	on.close()
}

// hold lets ctx end the conversation. stop reports whether it has not.
func (on *line) hold(ctx context.Context) (stop func() bool) {
	deadline, _ := ctx.Deadline()
	_ = on.SetDeadline(deadline)
	return context.AfterFunc(ctx, on.close)
}

// reset begins anew on a connection that was idle, and reports whether it is still there.
func (on *line) reset(ctx context.Context) bool {
	deadline, bounded := ctx.Deadline()
	if soon := time.Now().Add(quickly); !bounded || soon.Before(deadline) {
		_ = on.SetDeadline(soon)
	}
	r, err := on.ask("RSET")
	return err == nil && r.code/100 == 2 && !on.leaving
}

// ask says a line and hears the reply. Whatever the server has said before would be taken
// for that, and the answer about one recipient for that about another.
func (on *line) ask(format string, args ...any) (reply, error) {
	if on.in.Buffered() > 0 {
		on.leaving = true
		return reply{}, errors.New("it says more than it was asked")
	}
	if err := on.say(fmt.Sprintf(format, args...)); err != nil {
		return reply{}, err
	}
	return on.hear()
}

func (on *line) say(s string) error {
	if strings.ContainsAny(s, "\r\n\x00") {
		return fmt.Errorf("%.80q cannot be said to a mail server", s)
	}
	_, err := io.WriteString(on, s+"\r\n")
	return err
}

// hear reads a reply as it is shown.
func (on *line) hear() (reply, error) {
	code, words, err := on.lines()
	return reply{code, shorten(oneLine(words), shownReply)}, err
}

// lines reads a reply (RFC 5321 4.2).
func (on *line) lines() (code int, words string, err error) {
	on.quota.N = longestReply
	code, words, err = textproto.NewReader(on.in).ReadResponse(0)
	on.leaving = on.leaving || code == 421
	if err != nil && on.quota.N <= 0 {
		return 0, "", fmt.Errorf("the mail server's answer is longer than %d bytes", longestReply)
	}
	if _, ok := errors.AsType[textproto.ProtocolError](err); ok {
		return 0, "", fmt.Errorf("the mail server's answer is not one of SMTP: %s", shorten(oneLine(on.masked(err.Error())), shownReply))
	}
	return code, on.masked(words), err
}

// masked is what the server says without what it repeats of AUTH: customers read it.
func (on *line) masked(words string) string {
	for _, secret := range on.secrets {
		words = strings.ReplaceAll(words, secret, switchhook.Mask)
	}
	return words
}

// dial makes a connection that is ready for a mail.
func (o *Office) dial(ctx context.Context) (*line, error) {
	server := o.o.Server
	nc, err := (&net.Dialer{Timeout: connectTimeout}).DialContext(ctx, "tcp", net.JoinHostPort(server.Host, server.Port))
	if err != nil {
		return nil, wire.Unreachable(err, "the mail server")
	}
	on := &line{server: server, secrets: server.secrets()}
	on.over(nc)
	stop := on.hold(ctx)
	err = on.greet(ctx, o.o.Hello, o.o.TLS)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		on.close()
		return nil, err
	}
	return on, nil
}

// greet gets through everything that comes before the first mail.
func (on *line) greet(ctx context.Context, hello string, cfg *tls.Config) error {
	if on.server.Implicit {
		if err := on.encrypt(ctx, cfg); err != nil {
			return err
		}
	}
	r, err := on.hear()
	if err != nil {
		return broken("before it greeted", err)
	}
	if r.code != 220 {
		return fmt.Errorf("the mail server does not take our mail: %s", r)
	}
	if err := on.hello(hello); err != nil {
		return err
	}
	if !on.secret && on.server.TLS != TLSNone {
		if err := on.startTLS(ctx, hello, cfg); err != nil {
			return err
		}
	}
	if on.server.Auth == authNone {
		return nil
	}
	return on.authenticate()
}

// hello says who we are and hears what the server can.
func (on *line) hello(name string) error {
	on.offers = map[string]string{}
	code, words, err := 0, "", on.say("EHLO "+name)
	if err == nil {
		code, words, err = on.lines()
	}
	if err == nil && code/100 == 5 { // it is older than 1995
		if err = on.say("HELO " + name); err == nil {
			code, words, err = on.lines()
		}
	}
	if err != nil {
		return broken("at EHLO", err)
	}
	if code != 250 {
		return fmt.Errorf("the mail server does not take our name %s: %s", name, reply{code, shorten(oneLine(words), shownReply)})
	}
	_, words, _ = strings.Cut(words, "\n") // the first is its name
	for each := range strings.Lines(words) {
		keyword, of, _ := strings.Cut(strings.TrimSpace(each), " ")
		on.offers[strings.ToUpper(keyword)] = of
	}
	return nil
}

func (on *line) can(what string) bool {
	_, can := on.offers[what]
	return can
}

// startTLS is RFC 3207.
func (on *line) startTLS(ctx context.Context, hello string, cfg *tls.Config) error {
	required := on.server.TLS == TLSRequired
	if !on.can("STARTTLS") {
		if required {
			return errors.New("the mail server offers no encryption (STARTTLS), which is required: nothing was sent")
		}
		return nil
	}
	r, err := on.ask("STARTTLS")
	switch {
	case err != nil:
		return broken("at STARTTLS", err)
	case r.code != 220 && required:
		return fmt.Errorf("the mail server does not encrypt, which is required: %s", r)
	case r.code != 220:
		return nil
	case on.in.Buffered() > 0: // somebody in between put it there, to be read as if it were encrypted
		return errors.New("the mail server said more than an answer before the encryption began")
	}
	if err := on.encrypt(ctx, cfg); err != nil {
		return err
	}
	return on.hello(hello)
}

func (on *line) encrypt(ctx context.Context, cfg *tls.Config) error {
	if cfg == nil {
		cfg = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	cfg = cfg.Clone()
	cfg.ServerName = on.server.Host
	nc := tls.Client(on.Conn, cfg)
	err := nc.HandshakeContext(ctx)
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("the certificate of the mail server %s cannot be trusted: %w", on.server.Host, bad.Err)
	}
	if err != nil {
		return broken("at the beginning of the encryption", err)
	}
	on.over(nc)
	on.secret = true
	return nil
}

// hand hands a letter over: what becomes of it stands in the letter. With an error the server
// has taken it for nobody, except where the error says maybe.
func (o *Office) hand(on *line, l *letter, may func() bool) error {
	utf8 := on.can("SMTPUTF8")
	if !utf8 && l.from.international() {
		l.refuseAll(reply{553, notInternational})
		return nil
	}
	text, err := o.compose(l, utf8)
	if err != nil {
		return err
	}
	if most, err := strconv.Atoi(on.offers["SIZE"]); err == nil && most > 0 && len(text) > most && len(l.files) > 0 {
		l.omitAll("the mail would be larger than the mail server takes")
		if text, err = o.compose(l, utf8); err != nil {
			return err
		}
	}
	if may != nil && !may() {
		return wire.ErrNotSent
	}
	return on.mail(l, text, utf8, may)
}

func (on *line) mail(l *letter, text []byte, utf8 bool, may func() bool) error {
	params := ""
	if on.can("SIZE") {
		params += " SIZE=" + strconv.Itoa(len(text))
	}
	if utf8 && (l.from.international() || international(l.replyTo) || international(l.open) || international(l.to) || international(l.cc)) {
		params += " SMTPUTF8"
		if on.can("8BITMIME") { // which goes with it (RFC 6531 3.1)
			params += " BODY=8BITMIME"
		}
	}
	on.mails++
	r, err := on.ask("MAIL FROM:<%s>%s", l.from.path(), params)
	if err != nil {
		return broken("before the mail was sent", err)
	}
	if r.code != 250 {
		if err := on.unwelcome(r); err != nil {
			return err
		}
		l.refuseAll(r)
		return nil
	}
	if err := on.recipients(l, utf8); err != nil || len(l.accepted) == 0 {
		return err
	}
	return on.data(l, text, may)
}

// unwelcome is an error if a reply is about us and not about the mail: the server wants to
// know who we are (RFC 4954 6), or that the connection is encrypted. And if it is neither yes
// nor no.
func (on *line) unwelcome(r reply) error {
	switch {
	case r.code == 530 || r.code == 534 || r.code == 535 || r.code == 538:
		return fmt.Errorf("the mail server does not let us in: %s", r)
	case r.code/100 != 4 && r.code/100 != 5:
		on.leaving = true
		return fmt.Errorf("the mail server's answer was not expected: %s", r)
	}
	return nil
}

// recipients names them, one by one.
func (on *line) recipients(l *letter, utf8 bool) error {
	open := l.open
	l.open = nil
	for i, a := range open {
		if a.international() && !utf8 {
			l.refuse(a, reply{553, notInternational})
			continue
		}
		r, err := on.ask("RCPT TO:<%s>", a.path())
		switch {
		case err != nil:
			return broken("before the mail was sent", err)
		case r.code/100 == 2:
			l.accepted = append(l.accepted, a)
			continue
		case r.code == 421: // it is about all of them
			l.open = open[i:]
			l.refuseAll(r)
			return nil
		}
		if err := on.unwelcome(r); err != nil {
			return err
		}
		l.refuse(a, r)
	}
	return nil
}

// data sends the text.
func (on *line) data(l *letter, text []byte, may func() bool) error {
	r, err := on.ask("DATA")
	if err != nil {
		return broken("before the mail was sent", err)
	}
	if r.code != 354 {
		if err := on.unwelcome(r); err != nil {
			return err
		}
		l.refuseAll(r)
		return nil
	}
	if may != nil && !may() {
		on.leaving = true // there is no other way out than to hang up: a mail without its end is none
		on.close()
		return wire.ErrNotSent
	}
	if r, err = on.body(text); err != nil {
		return err
	}
	switch {
	case r.code/100 == 2:
		l.last = r
		return nil
	case r.code/100 != 4 && r.code/100 != 5:
		on.leaving = true
		return &maybeError{"the mail server's answer to the mail was not expected, and it may have taken it: " + r.String(), nil}
	}
	l.refuseAll(r)
	return nil
}

// body sends the lines, each dot at a beginning doubled, and then the dot that ends them
// (RFC 5321 4.5.2): until it is on its way, the server cannot have taken the mail.
func (on *line) body(text []byte) (reply, error) {
	stuffed := bytes.ReplaceAll(text, []byte("\r\n."), []byte("\r\n.."))
	if bytes.HasPrefix(stuffed, []byte(".")) {
		stuffed = append([]byte("."), stuffed...)
	}
	if _, err := on.Write(stuffed); err != nil {
		// A server that has heard enough says why, and hangs up.
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			if r, heard := on.hear(); heard == nil && (r.code/100 == 4 || r.code/100 == 5) {
				on.leaving = true
				return r, nil
			}
		}
		return reply{}, broken("in the middle of the mail, which was not taken", err)
	}
	_, err := io.WriteString(on, ".\r\n")
	if err == nil {
		var r reply
		if r, err = on.hear(); err == nil {
			return r, nil
		}
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		err = errors.New(plain(err))
	}
	return reply{}, &maybeError{"the connection to the mail server was lost after the mail was sent and before its answer: the mail may have arrived, and is sent again with the same Message-ID", err}
}

// A maybeError leaves open whether the mail was taken. Its cause is what the caller must know
// of, and nothing that it would put in words of its own.
type maybeError struct {
	words string
	cause error
}

func (e *maybeError) Error() string {
	if e.cause == nil {
		return e.words
	}
	return e.words + " (" + e.cause.Error() + ")"
}

func (e *maybeError) Unwrap() error { return e.cause }

// broken is the error of a connection that broke at some point.
func broken(when string, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return fmt.Errorf("the connection to the mail server broke %s: %s", when, plain(err))
}

func plain(err error) string {
	if e, ok := errors.AsType[*net.OpError](err); ok { // which has our own address
		return e.Err.Error()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "the server hung up"
	}
	return err.Error()
}
