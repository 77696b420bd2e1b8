package post_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/mail/post"
)

func TestParseServer(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]post.Server{
		"smtp://mail.example.com":                       {Host: "mail.example.com", Port: "587", TLS: "required", Auth: "none"},
		"smtp://mail.example.com:25/":                   {Host: "mail.example.com", Port: "25", TLS: "required", Auth: "none"},
		"smtp://u%40x:p%2F%3A@mail.example.com":         {Host: "mail.example.com", Port: "587", TLS: "required", Auth: "auto", User: "u@x", Password: "p/:"},
		"smtps://u:p@mail.example.com?auth=LOGIN":       {Host: "mail.example.com", Port: "465", Implicit: true, TLS: "required", Auth: "login", User: "u", Password: "p"},
		"smtp://mail.example.com?tls=none":              {Host: "mail.example.com", Port: "25", TLS: "none", Auth: "none"},
		"smtp://mail_server?tls=opportunistic":          {Host: "mail_server", Port: "25", TLS: "opportunistic", Auth: "none"},
		"smtp://u:p@relay?tls=opportunistic&auth=plain": {Host: "relay", Port: "587", TLS: "opportunistic", Auth: "plain", User: "u", Password: "p"},
		"smtp://localhost":                              {Host: "localhost", Port: "25", TLS: "none", Auth: "none"},
		"smtp://u:p@127.0.0.1":                          {Host: "127.0.0.1", Port: "587", TLS: "none", Auth: "auto", User: "u", Password: "p"},
		"smtp://[::1]:1025":                             {Host: "::1", Port: "1025", TLS: "none", Auth: "none"},
		"smtp://localhost?tls=required":                 {Host: "localhost", Port: "587", TLS: "required", Auth: "none"},
		"smtps://localhost":                             {Host: "localhost", Port: "465", Implicit: true, TLS: "required", Auth: "none"},
		"smtp://exämple.de":                             {Host: "xn--exmple-cua.de", Port: "587", TLS: "required", Auth: "none"},
	} {
		got, err := post.ParseServer(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("%s: %s", url, diff)
		}
		if strings.Contains(got.String(), "p%2F") {
			t.Errorf("%s is shown as %s", url, got)
		}
	}
	for url, words := range map[string]string{
		"":                                   "expected smtp://",
		"mail.example.com:587":               "expected smtp://",
		"http://mail.example.com":            `has the scheme "http": expected smtp://`,
		"smtp://":                            "has no host",
		"smtp://u:secret@:587":               "has no host",
		"smtp://mail.example.com/path":       "more than a host",
		"smtp://mail..example.com":           "neither a name nor an IP address",
		"smtp://u:se%cret@mail.example.com":  "what is no letter or digit in a password is written as %XX",
		"smtp://u:sec#ret@mail.example.com":  "",
		"smtp://mail.example.com:99999":      "expected 1 to 65535",
		"smtp://mail.example.com?tls=yes":    "expected required, opportunistic or none",
		"smtp://mail.example.com?tls=":       "expected required, opportunistic or none",
		"smtps://mail.example.com?tls=none":  "expected smtp://",
		"smtp://u:p@mail.example.com?auth=x": "expected auto, none, plain, login, cram-md5 or scram-sha-256",
		"smtp://mail.example.com?auth=plain": "but no user",
		"smtp://u:p@x.example?auth=none":     "expected one or the other",
		"smtp://u@mail.example.com":          "has a user but no password",
		"smtp://:p@mail.example.com":         "a password but no user",
		"smtp://mail.example.com?timeout=1":  `a setting "timeout": expected tls or auth`,
		"smtp://x.example?tls=none&tls=none": "says tls twice",
		"smtp://u:p%0d%0aX@mail.example.com": "control character",
	} {
		_, err := post.ParseServer(url)
		if err == nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "se%cret") {
			t.Errorf("%s: %v, want %q", url, err, words)
		}
	}
}

func TestNewSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	s, err := post.ParseServer("smtp://localhost")
	if err != nil {
		t.Fatal(err)
	}
	for words, o := range map[string]post.Options{
		"no mail server":                  {From: "a@example.com"},
		"the sender of mails":             {Server: s},
		"cannot be said to a mail server": {Server: s, From: "a@example.com", Hello: "a b"},
		"is not a domain":                 {Server: s, From: "a@example.com", DKIM: &post.DKIM{Domain: "a b", Selector: "x"}},
		"cannot stand in the DNS":         {Server: s, From: "a@example.com", DKIM: &post.DKIM{Domain: "example.com"}},
		"is neither RSA nor Ed25519":      {Server: s, From: "a@example.com", DKIM: &post.DKIM{Domain: "example.com", Selector: "x"}},
	} {
		if _, err := post.New(o); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, want %q", err, words)
		}
	}
	if _, err := post.ParseDKIMKey([]byte("key")); err == nil || !strings.Contains(err.Error(), "expected a private key in PEM, RSA or Ed25519") {
		t.Error(err)
	}
}
