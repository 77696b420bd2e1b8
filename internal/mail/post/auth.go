package post

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wneessen/go-mail/smtp"
)

// authenticate is RFC 4954.
func (on *line) authenticate() error {
	how, name, err := on.mechanism()
	if err != nil {
		return err
	}
	proto, first, err := how.Start(&smtp.ServerInfo{Name: on.server.Host, TLS: on.secret, Auth: []string{name}})
	if err != nil {
		return fmt.Errorf("the user cannot be shown to the mail server: %w", err)
	}
	said := "AUTH " + proto
	if len(first) > 0 {
		said += " " + base64.StdEncoding.EncodeToString(first)
	}
	for {
		r, err := on.ask("%s", said)
		switch {
		case err != nil:
			return broken("at AUTH", err)
		case r.code == 235:
			return nil
		case r.code/100 == 5:
			return fmt.Errorf("the mail server refused the user name or password: %s", r)
		case r.code != 334:
			return fmt.Errorf("the mail server could not check the user name and password: %s", r)
		}
		challenge, err := base64.StdEncoding.DecodeString(r.words)
		if err != nil {
			return errors.New("the mail server's challenge at AUTH is no base64")
		}
		next, err := how.Next(challenge, true)
		if err != nil {
			return fmt.Errorf("the user cannot be shown to the mail server: %w", err)
		}
		said = base64.StdEncoding.EncodeToString(next)
	}
}

// secrets are the password, if it is more than a few letters, and what AUTH makes of it.
func (s *Server) secrets() (list []string) {
	if s.Password == "" {
		return nil
	}
	for _, text := range [...]string{"\x00" + s.User + "\x00" + s.Password, s.Password} {
		list = append(list, base64.StdEncoding.EncodeToString([]byte(text)))
	}
	if len(s.Password) >= shortestSecret {
		list = append(list, s.Password)
	}
	return list
}

// shortestSecret is how long a password must be, in bytes, to be masked wherever it turns up.
const shortestSecret = 4

// mechanism chooses how to show the user: as the operator says, else the best of what the
// server offers.
func (on *line) mechanism() (how smtp.Auth, name string, err error) {
	s, discreet := on.server, on.secret || on.server.tellsPassword()
	offered := strings.Fields(strings.ToUpper(on.offers["AUTH"]))
	for _, each := range [...]struct {
		name  string
		tells bool // the password
		how   smtp.Auth
	}{
		{authScram, false, smtp.ScramSHA256Auth(s.User, s.Password)},
		{authPlain, true, smtp.PlainAuth("", s.User, s.Password, s.Host, true)},
		{authLogin, true, smtp.LoginAuth(s.User, s.Password, s.Host, true)},
		{authCram, false, smtp.CRAMMD5Auth(s.User, s.Password)},
	} {
		if s.Auth != each.name && s.Auth != authAuto || !slices.Contains(offered, strings.ToUpper(each.name)) {
			continue
		}
		if !each.tells || discreet {
			return each.how, each.name, nil
		}
		err = errors.New("the mail server wants the password, and the connection is not encrypted: nothing was sent")
	}
	if err == nil {
		err = fmt.Errorf("the mail server offers no way to show the user that we know (auth=%s): it offers %q", s.Auth, strings.Join(offered, " "))
	}
	return nil, "", err
}
