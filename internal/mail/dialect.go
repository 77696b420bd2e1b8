package mail

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
)

// A medium is a dialect in which the requests of targets are made. Nobody can choose it for
// a webhook.
type medium struct {
	b    *Book
	name string
}

// Dialects are those of the targets' webhooks.
func (b *Book) Dialects() []dialect.Dialect {
	return []dialect.Dialect{medium{b, Email}, medium{b, SMS}}
}

var _ dialect.Classing = medium{}

func (m medium) Name() string                                    { return m.name }
func (medium) Table() []dialect.Row                              { return nil }
func (medium) EventName(ev *switchhook.Event) string             { return ev.Type }
func (medium) Check(*switchhook.Webhook) []switchhook.FieldError { return nil }
func (medium) Wants(*switchhook.Event, *switchhook.Webhook) bool { return true }

// Freshness is lasting: a mail is read whenever somebody looks.
func (medium) Freshness(string, catalogue.Freshness) catalogue.Freshness { return catalogue.Lasting }

// Render makes the request of which package post, or the gateway of text messages, makes
// what goes out.
func (m medium) Render(ev *switchhook.Event, w *switchhook.Webhook) (*dialect.Request, error) {
	t, ok := ParseTarget(w.ID)
	if !ok {
		return nil, fmt.Errorf("%q is no target of notifications", w.ID)
	}
	l, ok := m.b.Letter(t.AccountID, t.Template)
	if !ok {
		return nil, fmt.Errorf("the template %q is gone", t.Template)
	}
	msg, err := m.b.compose(ev, t, l)
	if err != nil {
		return nil, err
	}
	if t.Medium == SMS {
		return m.b.text(msg, t)
	}
	if len(msg.To)+len(msg.Cc)+len(msg.Bcc) == 0 {
		return nil, errors.New("there is nobody to send it to any more")
	}
	body, err := encode(msg)
	if err != nil {
		return nil, err
	}
	req := &dialect.Request{Method: Method, URL: URL, Body: body, Header: header(
		"From", msg.From, "To", strings.Join(msg.To, ", "), "Cc", strings.Join(msg.Cc, ", "), "Bcc", strings.Join(msg.Bcc, ", "),
		"Reply-To", strings.Join(msg.ReplyTo, ", "), "Subject", msg.Subject, "Template", msg.Template.String(),
	)}
	if shown, cut := msg.Shown(); cut {
		req.Shown, err = encode(shown)
	}
	return req, err
}

// encode writes JSON for people to read: pages keep their < and >.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// header makes headers of names and values; those without a value are left out.
func header(pairs ...string) (h switchhook.Headers) {
	for pair := range slices.Chunk(pairs, 2) {
		if pair[1] != "" {
			h = append(h, switchhook.Header{Name: pair[0], Value: pair[1]})
		}
	}
	return h
}

// String is a template's id, whose it is and which version, such as
// missed_call@acme/3; the built-in one is its id alone.
func (r TemplateRef) String() string {
	if r.AccountID == "" {
		return r.ID
	}
	return fmt.Sprintf("%s@%s/%d", r.ID, r.AccountID, r.Version)
}

// ParseTemplateRef reads what String writes.
func ParseTemplateRef(text string) TemplateRef {
	id, rest, own := strings.Cut(text, "@")
	account, version, _ := strings.Cut(rest, "/")
	n, err := strconv.ParseInt(version, 10, 64)
	if !own || err != nil {
		return TemplateRef{ID: id}
	}
	return TemplateRef{id, account, n}
}

// Shown is the message as attempts keep it: of files that are in it, only how long they are.
func (m *Message) Shown() (short *Message, cut bool) {
	c := *m
	c.Attachments = nil
	for _, a := range m.Attachments {
		if strings.HasPrefix(a.URL, "data:") {
			head, _, _ := strings.Cut(a.URL, ",")
			a.URL, cut = fmt.Sprintf("%.100s,… (%d bytes)", head, len(a.URL)), true
		}
		c.Attachments = append(c.Attachments, a)
	}
	if c.Logo != "" {
		c.Logo, cut = "data:… (the account's logo)", true
	}
	return &c, cut
}
