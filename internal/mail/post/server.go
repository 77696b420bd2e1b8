package post

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Encryption is whether connections to the server are encrypted.
type Encryption string

// What a server's URL can say as tls.
const (
	TLSRequired      Encryption = "required"      // or no mail goes out
	TLSOpportunistic Encryption = "opportunistic" // where the server offers it
	TLSNone          Encryption = "none"
)

// What a server's URL can say as auth, in the order in which "auto" prefers them: the first
// does not tell the server the password, the last is to be had where nothing is encrypted, and
// its hash is weak.
const (
	authAuto  = "auto"
	authNone  = "none"
	authScram = "scram-sha-256"
	authPlain = "plain"
	authLogin = "login"
	authCram  = "cram-md5"
)

// A Server is where mail goes, and who we are there.
type Server struct {
	Host string // a name or an IP address
	Port string
	// Implicit: TLS begins with the first byte (smtps), not with STARTTLS.
	Implicit bool
	TLS      Encryption
	// Auth is how User and Password are shown: auto, none, plain, login, cram-md5 or
	// scram-sha-256.
	Auth, User, Password string
}

// ServerForm is how a server's URL looks.
const ServerForm = "smtp://[USER:PASSWORD@]HOST[:PORT][?tls=required|opportunistic|none][&auth=auto|none|plain|login|cram-md5|scram-sha-256] or smtps://…"

// ParseServer reads a server's URL, which looks like ServerForm. TLS is required, except on
// this machine (localhost, 127.0.0.1, ::1), where it is none unless the URL says otherwise.
// The port is 465 for smtps, 587 for smtp, and 25 for smtp with neither a user nor required
// TLS. Its errors do not say the password.
func ParseServer(raw string) (*Server, error) {
	u, err := url.Parse(raw)
	if err != nil { // which quotes the URL
		return nil, fmt.Errorf("the mail server's URL cannot be read: expected %s; what is no letter or digit in a password is written as %%XX", ServerForm)
	}
	s := &Server{Host: u.Hostname(), Port: u.Port(), Implicit: u.Scheme == "smtps"}
	switch {
	case u.Scheme != "smtp" && u.Scheme != "smtps":
		return nil, fmt.Errorf("the mail server's URL has the scheme %.20q: expected %s", u.Scheme, ServerForm)
	case s.Host == "":
		return nil, fmt.Errorf("the mail server's URL has no host: expected %s", ServerForm)
	case u.Path != "" && u.Path != "/" || u.Fragment != "":
		return nil, fmt.Errorf("the mail server's URL has more than a host: expected %s", ServerForm)
	}
	if s.Host, err = hostASCII(s.Host); err != nil {
		return nil, fmt.Errorf("the mail server's host %.80q is neither a name nor an IP address", u.Hostname())
	}
	if err := s.settings(u); err != nil {
		return nil, err
	}
	s.User = u.User.Username()
	s.Password, _ = u.User.Password()
	if err := s.checkUser(); err != nil {
		return nil, err
	}
	return s, s.setPort()
}

// settings reads what stands behind the question mark.
func (s *Server) settings(u *url.URL) error {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return fmt.Errorf("the mail server's URL has settings that cannot be read: expected %s", ServerForm)
	}
	for name, values := range query {
		value := strings.ToLower(values[0])
		switch {
		case len(values) > 1:
			return fmt.Errorf("the mail server's URL says %s twice", name)
		case name == "tls" && slices.Contains([]Encryption{TLSRequired, TLSOpportunistic, TLSNone}, Encryption(value)):
			s.TLS = Encryption(value)
		case name == "tls":
			return fmt.Errorf("tls=%.40s in the mail server's URL: expected required, opportunistic or none", value)
		case name == "auth" && slices.Contains([]string{authAuto, authNone, authScram, authPlain, authLogin, authCram}, value):
			s.Auth = value
		case name == "auth":
			return fmt.Errorf("auth=%.40s in the mail server's URL: expected auto, none, plain, login, cram-md5 or scram-sha-256", value)
		default:
			return fmt.Errorf("the mail server's URL has a setting %.40q: expected tls or auth", name)
		}
	}
	switch {
	case s.Implicit && s.TLS != "" && s.TLS != TLSRequired:
		return fmt.Errorf("smtps:// with tls=%s: expected smtp://, or no tls setting, for smtps always is TLS", s.TLS)
	case s.TLS == "" && s.local() && !s.Implicit:
		s.TLS = TLSNone
	case s.TLS == "":
		s.TLS = TLSRequired
	}
	return nil
}

func (s *Server) checkUser() error {
	switch {
	case s.User == "" && s.Password != "":
		return errors.New("the mail server's URL has a password but no user: expected USER:PASSWORD@HOST")
	case s.User == "" && s.Auth != "" && s.Auth != authNone:
		return fmt.Errorf("auth=%s in the mail server's URL, but no user: expected USER:PASSWORD@HOST", s.Auth)
	case s.User != "" && s.Password == "":
		return errors.New("the mail server's URL has a user but no password: expected USER:PASSWORD@HOST")
	case s.User != "" && s.Auth == authNone:
		return errors.New("auth=none in the mail server's URL, which has a user: expected one or the other")
	case strings.ContainsAny(s.User+s.Password, "\x00\r\n"):
		return errors.New("the mail server's user or password has a control character")
	case s.User == "":
		s.Auth = authNone
	case s.Auth == "":
		s.Auth = authAuto
	}
	return nil
}

func (s *Server) setPort() error {
	switch {
	case s.Port != "":
		if n, err := strconv.ParseUint(s.Port, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("the mail server's URL has the port %.20q: expected 1 to 65535", s.Port)
		}
	case s.Implicit:
		s.Port = "465"
	case s.User == "" && s.TLS != TLSRequired:
		s.Port = "25"
	default:
		s.Port = "587"
	}
	return nil
}

// String is the URL without the password, for people.
func (s *Server) String() string {
	u := &url.URL{Scheme: "smtp", Host: net.JoinHostPort(s.Host, s.Port)}
	if s.Implicit {
		u.Scheme = "smtps"
	}
	if s.User != "" {
		u.User = url.User(s.User)
	}
	return u.String()
}

// local reports whether the server is on this machine.
func (s *Server) local() bool {
	if addr, err := netip.ParseAddr(s.Host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	host := strings.TrimSuffix(s.Host, ".")
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// tellsPassword reports whether a password may go over a connection that is not encrypted:
// inside this machine, and where the operator has asked for just that. Where encryption is
// taken as it comes, anybody in between could take it away and read the password.
func (s *Server) tellsPassword() bool {
	return s.local() || s.TLS == TLSNone && (s.Auth == authPlain || s.Auth == authLogin)
}
