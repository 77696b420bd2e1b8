package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/wire"
	"github.com/switchhook/switchhook/internal/mail"
	"github.com/switchhook/switchhook/internal/mail/gateway"
	"github.com/switchhook/switchhook/internal/mail/post"
)

// Mail is how notifications leave: without a Server there are no mails, without a Gateway no
// text messages.
type Mail struct {
	Server *post.Server
	From   string // the sender of mails whose template names none; empty: no_reply@HOSTNAME
	// Senders are whose addresses templates may name as senders, beside From.
	Senders []mail.Sender
	DKIM    struct{ Domain, Selector, KeyFile string }
	// Catcher: the server is the demo's, which shows mails and delivers none.
	Catcher bool

	Gateway struct {
		URL, Method, Body, From string   // templates all but the last
		Headers                 []string // NAME: VALUE, templates too
	}
}

func mailOptions() []Option {
	return []Option{
		{
			Flag: "smtp-url", Variable: "SWITCHHOOK_SMTP_URL", YAML: "smtp_url",
			Usage: "mail server that notifications go through, as smtp://user:password@host:587 or smtps://host:465; without one there are none by mail", set: func(c *Config, v []string) (err error) {
				c.Mail.Server, err = post.ParseServer(v[0])
				return err
			},
		},
		{
			Flag: "mail-from", Variable: "SWITCHHOOK_MAIL_FROM", YAML: "mail_from",
			Usage: "sender of mails whose template names none, such as Example <no-reply@example.com>; empty is no_reply@HOSTNAME", set: text(func(c *Config) *string { return &c.Mail.From }),
		},
		{
			Flag: "mail-sender", Variable: "SWITCHHOOK_MAIL_SENDERS", YAML: "mail_senders", List: true,
			Usage: "DOMAIN whose addresses templates may name as senders, or ACCOUNT:DOMAIN if only those of an account and of accounts below it may; * is any domain; repeatable. A mail from another is sent as --mail-from, and answers to it go to whom it named", set: func(c *Config, v []string) error {
				c.Mail.Senders = nil
				for _, s := range v {
					sender, ok := mail.ParseSender(s)
					if !ok {
						return fmt.Errorf("expected a domain such as example.com, or an account and a domain such as acme:acme.example; got %q", s)
					}
					c.Mail.Senders = append(c.Mail.Senders, sender)
				}
				return nil
			},
		},
		{
			Flag: "dkim-domain", Variable: "SWITCHHOOK_DKIM_DOMAIN", YAML: "dkim_domain",
			Usage: "domain that mails are signed for (DKIM); empty: they are not signed", set: text(func(c *Config) *string { return &c.Mail.DKIM.Domain }),
		},
		{
			Flag: "dkim-selector", Variable: "SWITCHHOOK_DKIM_SELECTOR", YAML: "dkim_selector", Default: "switchhook",
			Usage: "name of the key in the domain's DNS, before ._domainkey", set: text(func(c *Config) *string { return &c.Mail.DKIM.Selector }),
		},
		{
			Flag: "dkim-key", Variable: "SWITCHHOOK_DKIM_KEY", YAML: "dkim_key",
			Usage: "PEM file of the private key that mails are signed with, RSA or Ed25519", set: text(func(c *Config) *string { return &c.Mail.DKIM.KeyFile }),
		},
		{
			Flag: "sms-url", Variable: "SWITCHHOOK_SMS_URL", YAML: "sms_url",
			Usage: "template of the URL of the HTTP gateway that sends text messages, such as https://sms.example.com/send; without one there are none", set: text(func(c *Config) *string { return &c.Mail.Gateway.URL }),
		},
		{
			Flag: "sms-method", Variable: "SWITCHHOOK_SMS_METHOD", YAML: "sms_method", Default: "POST",
			Usage: "method of its requests: POST, PUT or GET", set: text(func(c *Config) *string { return &c.Mail.Gateway.Method }),
		},
		{
			Variable: "SWITCHHOOK_SMS_HEADERS", YAML: "sms_headers", List: true,
			Usage: "header of its requests, as NAME: VALUE, such as Authorization: Bearer …; repeatable", set: func(c *Config, v []string) error {
				c.Mail.Gateway.Headers = v
				return nil
			},
		},
		{
			Flag: "sms-body", Variable: "SWITCHHOOK_SMS_BODY", YAML: "sms_body", Default: `{"from": {{ from|json }}, "to": {{ to|json }}, "text": {{ text|json }}}`,
			Usage: "template of the body of its requests", set: text(func(c *Config) *string { return &c.Mail.Gateway.Body }),
		},
		{
			Flag: "sms-from", Variable: "SWITCHHOOK_SMS_FROM", YAML: "sms_from",
			Usage: "what text messages are sent as: a number or a name", set: text(func(c *Config) *string { return &c.Mail.Gateway.From }),
		},
	}
}

// postOffice makes what mails leave through. Nil: there is no server.
func (a *App) postOffice() (*post.Office, error) {
	c := a.c.Mail
	if c.Server == nil {
		return nil, nil
	}
	o := post.Options{Server: c.Server, From: a.mailFrom(), Networks: a.c.AllowNetworks, Proxy: a.c.Proxy, Past: a.mailedBefore}
	if c.DKIM.Domain != "" {
		pem, err := os.ReadFile(c.DKIM.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read --dkim-key: %w", err)
		}
		key, err := post.ParseDKIMKey(pem)
		if err != nil {
			return nil, fmt.Errorf("read --dkim-key: %w", err)
		}
		o.DKIM = &post.DKIM{Domain: c.DKIM.Domain, Selector: c.DKIM.Selector, Key: key}
	}
	return post.New(o)
}

// mailServer is where mail goes, for people. Empty: nowhere.
func (a *App) mailServer() string {
	if a.c.Mail.Server == nil {
		return ""
	}
	return a.c.Mail.Server.String()
}

// gateway makes what text messages leave through. Nil: there is none.
func (c *Config) gateway() (*gateway.Gateway, error) {
	g := c.Mail.Gateway
	if g.URL == "" {
		return nil, nil
	}
	return gateway.New(gateway.Options{URL: g.URL, Method: g.Method, Body: g.Body, Headers: g.Headers, Proxy: c.Proxy})
}

func (a *App) mailFrom() string {
	return cmp.Or(a.c.Mail.From, "no_reply@"+hostname())
}

// mailedBefore is what became of earlier attempts of a delivery, since somebody wanted it
// again.
func (a *App) mailedBefore(ctx context.Context, eventID, webhookID, deliveryID string) (past post.Past, err error) {
	page := switchhook.Page{Limit: 100}
	for {
		attempts, next, err := a.store.Attempts(ctx, switchhook.AttemptFilter{EventID: eventID, WebhookID: webhookID}, page)
		if err != nil {
			return past, fmt.Errorf("read what was sent before: %w", err)
		}
		for _, at := range attempts { // the newest first
			if at.DeliveryID != deliveryID {
				continue
			}
			if at.State != switchhook.Pending {
				return past, nil
			}
			past.Attempts++
			if at.Response != nil {
				past.Accepted = append(past.Accepted, post.Accepted(at.Response)...)
			}
		}
		if page.Cursor = next; next == "" {
			return past, nil
		}
	}
}

// newBook makes the book of notifications.
func (a *App) newBook() *mail.Book {
	return mail.NewBook(mail.Options{
		Directory: &a.directory, Email: a.c.Mail.Server != nil, SMS: a.c.Mail.Gateway.URL != "",
		From: a.mailFrom(), Senders: a.c.Mail.Senders, SMSFrom: a.c.Mail.Gateway.From, Hostname: hostname(),
		Webhook: func(id string) *switchhook.Webhook {
			w, err := a.store.Webhook(context.Background(), id)
			if err != nil {
				return nil
			}
			return w
		},
	})
}

// setBook takes over what concerns notifications and has changed.
func (a *App) setBook(ctx context.Context) error {
	users, err := a.store.Users(ctx)
	if err != nil {
		return fmt.Errorf("read the users: %w", err)
	}
	templates, err := a.store.Templates(ctx)
	if err != nil {
		return fmt.Errorf("read the templates: %w", err)
	}
	if slices.Equal(users, a.users) && slices.Equal(templates, a.templates) && slices.Equal(a.inForce, a.bookOf) {
		return nil
	}
	a.users, a.templates, a.bookOf = users, templates, a.inForce
	a.book.Set(a.inForce, users, templates)
	a.engine.SetMade()
	return nil
}

// transports are the ways by which requests leave, by the scheme of their URL.
type transports struct {
	deliver.Transport                  // http and https
	mail              *post.Office     // smtp; nil: there is none
	texts             *gateway.Gateway // sms; nil: there is none
}

func (t transports) Send(ctx context.Context, r *wire.Request) (*switchhook.HTTPResponse, error) {
	switch {
	case r.URL.Scheme == "smtp" && t.mail == nil:
		return nil, errors.New("no mail server is set up any more (--smtp-url)")
	case r.URL.Scheme == "smtp":
		return t.mail.Send(ctx, r)
	case r.URL.Scheme == "sms" && t.texts == nil:
		return nil, errors.New("no gateway for text messages is set up any more (--sms-url)")
	case r.URL.Scheme == "sms":
		return t.texts.Send(ctx, r)
	}
	return t.Transport.Send(ctx, r)
}

func (t transports) CloseIdleConnections() {
	t.Transport.CloseIdleConnections()
	if t.mail != nil {
		t.mail.CloseIdleConnections()
	}
	if t.texts != nil {
		t.texts.CloseIdleConnections()
	}
}

// scoreOf is by what a webhook's deliveries are counted: all mails are one.
func scoreOf(webhookID string) string {
	if t, ok := mail.ParseTarget(webhookID); ok {
		return t.Medium
	}
	return webhookID
}
