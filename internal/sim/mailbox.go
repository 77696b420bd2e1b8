package sim

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

const (
	// keptMails is how many mails a Mailbox keeps: the last.
	keptMails = 1000
	// mostMail is the largest mail that a Mailbox takes, in bytes.
	mostMail = 32 << 20
)

// MailboxOptions configures a Mailbox. Its zero value takes every mail, without encryption.
type MailboxOptions struct {
	// Answer says how to answer, for servers with faults. It is asked at each step of each
	// mail, at the same time for several connections. Nil: all is taken, at once.
	Answer func(*MailStep) MailAnswer
	// TLS is for STARTTLS, or with Implicit for encryption from the first byte on.
	TLS      *tls.Config
	Implicit bool
	// User and Password are what whoever sends has to know (AUTH PLAIN, LOGIN). Empty:
	// nothing. They are asked for without encryption too.
	User, Password string
	// UTF8: addresses that are not ASCII can be told (SMTPUTF8). No8Bit: 8BITMIME is not
	// offered, which needs a connection that is not encrypted.
	UTF8, No8Bit bool
	// MaxBytes is the largest mail. 0: 32 MiB.
	MaxBytes int64
}

// A Step is how far a mail has come.
type Step string

// The steps at which a mail can be refused, slowed down or dropped.
const (
	AtSender    Step = "sender"    // MAIL
	AtRecipient Step = "recipient" // RCPT, once for each
	AtBody      Step = "body"      // DATA, when some of the mail was read
	AtEnd       Step = "end"       // its last dot was read; it is not taken yet
	AtTaken     Step = "taken"     // it is taken; nothing was answered yet
)

// A MailStep is what a Mailbox is asked to answer.
type MailStep struct {
	Step Step
	// Address is the recipient's at AtRecipient, else the sender's.
	Address string
	// Number counts what came to this step with the same address, from 1.
	Number int
	// Mail is there at AtEnd and AtTaken.
	Mail *Mail
}

// A MailAnswer is how a mail server with faults behaves. Its zero value is one without.
type MailAnswer struct {
	// Code and Words, where set, are answered instead of 250.
	Code  int
	Words string
	// Drop: the connection is closed without an answer.
	Drop bool
	// Wait: the answer comes when it is closed, or the Mailbox.
	Wait <-chan struct{}
}

// Greylist puts off the first attempt for each recipient.
func Greylist(s *MailStep) MailAnswer {
	if s.Step == AtRecipient && s.Number == 1 {
		return MailAnswer{Code: 451, Words: "greylisted, please try again"}
	}
	return MailAnswer{}
}

// RefuseRecipients refuses recipients whose address has a part, with a code.
func RefuseRecipients(part string, code int, words string) func(*MailStep) MailAnswer {
	return func(s *MailStep) MailAnswer {
		if s.Step == AtRecipient && strings.Contains(s.Address, part) {
			return MailAnswer{Code: code, Words: words}
		}
		return MailAnswer{}
	}
}

// A Mailbox is a mail server that sends nothing on: it keeps what it takes, and shows it.
type Mailbox struct {
	opts     MailboxOptions
	listener net.Listener
	server   *smtp.Server
	over     chan struct{} // closed at the end

	mu          sync.Mutex
	mails       []*Mail
	slips       []Slip
	connections int
	open        int
	counts      map[MailStep]int
	changed     chan struct{} // closed and replaced at each mail, connection and end of one
}

// ListenMail starts to listen for mail on a free port of 127.0.0.1. Connections are answered
// once Run runs.
func ListenMail(ctx context.Context, opts MailboxOptions) (*Mailbox, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the mailbox: %w", err)
	}
	m := &Mailbox{opts: opts, listener: ln, over: make(chan struct{}), counts: map[MailStep]int{}, changed: make(chan struct{})}
	m.server = smtp.NewServer(smtp.BackendFunc(m.begin))
	m.server.Domain = "mailbox.localhost"
	m.server.AllowInsecureAuth = true
	m.server.EnableSMTPUTF8 = opts.UTF8
	m.server.MaxMessageBytes = opts.MaxBytes
	if opts.MaxBytes == 0 {
		m.server.MaxMessageBytes = mostMail
	}
	m.server.ErrorLog = silent{}
	if !opts.Implicit {
		m.server.TLSConfig = opts.TLS
	}
	return m, nil
}

// silent: what goes wrong on a connection is what tests and people provoke.
type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

// Run serves until ctx ends.
func (m *Mailbox) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		close(m.over)
		_ = m.server.Close()
	})
	defer stop()
	ln := net.Listener(mailListener{m.listener, m})
	if m.opts.Implicit {
		ln = tls.NewListener(ln, m.opts.TLS)
	}
	if err := m.server.Serve(ln); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("run the mailbox: %w", err)
	}
	return nil
}

// URL is the server as Switchhook wants it, without a user.
func (m *Mailbox) URL() string {
	if m.opts.Implicit {
		return "smtps://" + m.listener.Addr().String()
	}
	return "smtp://" + m.listener.Addr().String()
}

// Messages returns the mails that were taken, the last thousand, in the order in which they
// came.
func (m *Mailbox) Messages() []*Mail {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.mails)
}

// Count is how many mails were taken, those included that are no longer kept.
func (m *Mailbox) Count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.slips)
}

// Slips are what is remembered of all mails that were taken, in the order in which they came.
func (m *Mailbox) Slips() []Slip {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.slips)
}

// Connections is how many were made, and how many of them are there now.
func (m *Mailbox) Connections() (made, open int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.connections, m.open
}

// Changed returns a channel that is closed when a mail was taken, or a connection made or
// closed, after this call.
func (m *Mailbox) Changed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

// change does something and tells of it.
func (m *Mailbox) change(do func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	do()
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *Mailbox) begin(c *smtp.Conn) (smtp.Session, error) {
	_, secret := c.TLSConnectionState()
	return &mailSession{m: m, c: c, secret: secret, known: m.opts.User == ""}, nil
}

// answer asks the faults, and does what they say.
func (m *Mailbox) answer(c *smtp.Conn, s MailStep) error {
	m.mu.Lock()
	m.counts[MailStep{Step: s.Step, Address: s.Address}]++
	s.Number = m.counts[MailStep{Step: s.Step, Address: s.Address}]
	m.mu.Unlock()
	if m.opts.Answer == nil {
		return nil
	}
	a := m.opts.Answer(&s)
	if a.Wait != nil {
		select {
		case <-a.Wait:
		case <-m.over:
		}
	}
	if a.Drop {
		_ = c.Close()
		return errDropped
	}
	if a.Code != 0 {
		return &smtp.SMTPError{Code: a.Code, EnhancedCode: smtp.EnhancedCode{a.Code / 100, 7, 1}, Message: a.Words}
	}
	return nil
}

var errDropped = errors.New("the connection was dropped")

// A mailSession is one connection, from the time that it is encrypted if it is.
type mailSession struct {
	m      *Mailbox
	c      *smtp.Conn
	secret bool // it is encrypted
	known  bool // who it is
	mail   Mail
}

func (s *mailSession) Reset() { s.mail = Mail{} }

func (s *mailSession) Logout() error { return nil }

// AuthMechanisms makes it a smtp.AuthSession.
func (s *mailSession) AuthMechanisms() []string {
	if s.m.opts.User == "" {
		return nil
	}
	return []string{sasl.Plain, sasl.Login}
}

// Auth makes it a smtp.AuthSession.
func (s *mailSession) Auth(mechanism string) (sasl.Server, error) {
	check := func(user, password string) error {
		if user != s.m.opts.User || password != s.m.opts.Password {
			return smtp.ErrAuthFailed
		}
		s.known = true
		return nil
	}
	switch mechanism {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
	case sasl.Login:
		return &loginServer{check: check}, nil
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

// loginServer is AUTH LOGIN, which has no RFC: two questions, two answers.
type loginServer struct {
	check func(user, password string) error
	asked int
	user  string
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	l.asked++
	switch l.asked {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(response))
}

func (s *mailSession) Mail(from string, opts *smtp.MailOptions) error {
	if !s.known {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	s.mail = Mail{From: from, UTF8: opts.UTF8, EightBit: opts.Body == smtp.Body8BitMIME, TLS: s.secret, Declared: opts.Size}
	return s.m.answer(s.c, MailStep{Step: AtSender, Address: from})
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	err := s.m.answer(s.c, MailStep{Step: AtRecipient, Address: to})
	if err == nil {
		s.mail.To = append(s.mail.To, to)
	}
	return err
}

func (s *mailSession) Data(r io.Reader) error {
	mail := s.mail
	begin := make([]byte, 16)
	n, err := io.ReadFull(r, begin)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if err := s.m.answer(s.c, MailStep{Step: AtBody, Address: mail.From}); err != nil {
		return err
	}
	rest, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	mail.Data, mail.At = append(begin[:n], rest...), time.Now()
	mail.read()
	if err := s.m.answer(s.c, MailStep{Step: AtEnd, Address: mail.From, Mail: &mail}); err != nil {
		return err
	}
	s.m.change(func() {
		mail.Place = len(s.m.slips) + 1
		s.m.slips = append(s.m.slips, mail.slip())
		s.m.mails = append(s.m.mails, &mail)
		if more := len(s.m.mails) - keptMails; more > 0 {
			s.m.mails = slices.Delete(s.m.mails, 0, more)
		}
	})
	return s.m.answer(s.c, MailStep{Step: AtTaken, Address: mail.From, Mail: &mail})
}

// A mailListener counts connections.
type mailListener struct {
	net.Listener
	m *Mailbox
}

func (l mailListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.m.change(func() { l.m.connections++; l.m.open++ })
	return &mailConn{Conn: nc, m: l.m}, nil
}

type mailConn struct {
	net.Conn
	m    *Mailbox
	once sync.Once
}

// Write keeps 8BITMIME from the client if it is not to know. The server writes each line by
// itself.
func (c *mailConn) Write(b []byte) (int, error) {
	if c.m.opts.No8Bit && string(b) == "250-8BITMIME\r\n" {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *mailConn) Close() error {
	c.once.Do(func() { c.m.change(func() { c.m.open-- }) })
	return c.Conn.Close()
}
