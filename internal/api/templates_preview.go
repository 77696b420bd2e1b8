package api

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/mail"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// A templatePreviewInput says of which event a template is shown, and with which parts.
type templatePreviewInput struct {
	EventID   string                `json:"event_id,omitzero" doc:"An accepted event of the account. Default: the template's sample."`
	EventType string                `json:"event_type,omitzero" doc:"The type of data."`
	Data      map[string]any        `json:"data,omitzero" doc:"The data of an event that nobody has accepted, as POST /v1/events takes it."`
	Subject   *string               `json:"subject,omitzero" doc:"In place of the template's, as are the other parts. Nothing of it is kept."`
	Text      *string               `json:"text,omitzero" doc:"The body as plain text."`
	HTML      *string               `json:"html,omitzero" doc:"The body as HTML."`
	From      *string               `json:"from,omitzero" doc:"The sender."`
	ReplyTo   *string               `json:"reply_to,omitzero" doc:"Where answers go."`
	To        *switchhook.Addresses `json:"to,omitzero" doc:"Whom it goes to."`
	Cc        *switchhook.Addresses `json:"cc,omitzero" doc:"Whom a copy goes to."`
	Bcc       *switchhook.Addresses `json:"bcc,omitzero" doc:"Whom a copy goes to that the others do not see."`
	SendTo    []string              `json:"send_to,omitzero" maxItems:"10" doc:"Mail addresses that it is sent to, now."`
}

func (in templatePreviewInput) parts() OwnParts {
	return OwnParts{Subject: in.Subject, Text: in.Text, HTML: in.HTML, From: in.From, ReplyTo: in.ReplyTo, To: in.To, Cc: in.Cc, Bcc: in.Bcc}
}

// A templateRef names what a mail was made of.
type templateRef struct {
	ID        string `json:"id" doc:"The template."`
	AccountID string `json:"account_id,omitzero" doc:"Whose parts it was made of: the nearest to the account of those that had any. Absent: the built-in ones."`
	Version   int64  `json:"version,omitzero" doc:"In which version of that account's. Absent: the built-in ones."`
}

// An attachment is a file that comes with a mail.
type attachment struct {
	Name string `json:"name" doc:"The file's name."`
	Type string `json:"type,omitzero" doc:"Its media type. Absent: as the answer says where it is fetched."`
	URL  string `json:"url" doc:"Where it is fetched when the mail is sent; of a file in the event, only how long it is."`
}

func attachmentsOf(m *mail.Message) []attachment {
	list := []attachment{}
	for _, a := range m.Attachments {
		list = append(list, attachment(a))
	}
	return list
}

// A mailMessage is a mail as its readers get it.
type mailMessage struct {
	From        string       `json:"from" doc:"The sender."`
	To          []string     `json:"to" doc:"Whom it goes to."`
	Cc          []string     `json:"cc" doc:"Whom a copy goes to."`
	Bcc         []string     `json:"bcc" doc:"Whom a copy goes to that the others do not see."`
	ReplyTo     []string     `json:"reply_to" doc:"Where answers go. None: to the sender."`
	Subject     string       `json:"subject" doc:"The subject."`
	Text        string       `json:"text" doc:"The body as plain text."`
	HTML        string       `json:"html" doc:"The body as HTML, as it is sent: what shows it must not run it (see html_url)."`
	Attachments []attachment `json:"attachments" doc:"What comes with it."`
	Template    templateRef  `json:"template" doc:"What it was made of."`
}

func messageOf(m *mail.Message) mailMessage {
	short, _ := m.Shown()
	return mailMessage{
		m.From, texts(m.To), texts(m.Cc), texts(m.Bcc), texts(m.ReplyTo), m.Subject, m.Text, m.HTML, attachmentsOf(short), templateRef(m.Template),
	}
}

// texts is a list that is never null.
func texts(list []string) []string { return append([]string{}, list...) }

// A templatePreview is the mail that an event would make.
type templatePreview struct {
	Message mailMessage         `json:"message" doc:"The mail."`
	HTMLURL string              `json:"html_url" doc:"Path of a page that shows the body, for a frame: nothing in it can do anything. It is there for ten minutes."`
	Notes   []string            `json:"notes" doc:"What is to be known beside it, such as that nobody would get it, and why."`
	Attempt *switchhook.Attempt `json:"attempt,omitzero" doc:"Of send_to: what came of sending it."`
}

func (a *api) previewTemplate(ctx context.Context, in *struct {
	TemplateInPath
	Body jsonBody[templatePreviewInput]
},
) (*output[templatePreview], error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	account, l, err := a.letter(callerOf(ctx), in.TemplateInPath)
	if err != nil {
		return nil, err
	}
	ev, m, err := a.draftMail(ctx, account, in.ID, body, rawMember(in.Body.raw, "data"))
	if err != nil {
		return nil, err
	}
	out := templatePreview{Message: messageOf(m), Notes: a.notes(ev, l, body.parts(), m)}
	if len(body.SendTo) > 0 {
		if out.Attempt, err = a.sendPreview(ctx, ev, l, body, m); err != nil {
			return nil, err
		}
	}
	out.HTMLURL = a.previews.keep(pageOfMail(m, m.Logo), a.embedders(requestOf(ctx)))
	return &output[templatePreview]{Body: out}, nil
}

// draftMail makes the mail. Each account makes one at a time: a template can be so written that
// it takes as long as a hundred other requests.
func (a *api) draftMail(ctx context.Context, account, id string, body templatePreviewInput, data []byte) (*switchhook.Event, *mail.Message, error) {
	leave, err := a.previewing.enter(ctx, callerOf(ctx).account)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	check := &partCheck{}
	check.parts(body.parts())
	check.plainList("send_to", body.SendTo)
	if err := invalid(check.wrong); err != nil {
		return nil, nil, err
	}
	ev, err := a.eventOfPreview(ctx, account, id, body, data)
	if err != nil {
		return nil, nil, err
	}
	draft := &switchhook.Template{AccountID: account, ID: id}
	body.parts().put(draft)
	m, err := a.Book.Preview(ev, account, id, draft) //nolint:contextcheck // it bounds its time itself
	return ev, m, ofParts(err)
}

// A turnstile lets one at a time through for each name. Its zero value is ready for use.
type turnstile struct {
	mu  sync.Mutex
	all map[string]*turn
}

type turn struct {
	free chan struct{}
	n    int // who is in, or waits
}

// enter waits for its turn, or for the end of ctx.
func (t *turnstile) enter(ctx context.Context, name string) (leave func(), err error) {
	t.mu.Lock()
	one := t.all[name]
	if one == nil {
		if t.all == nil {
			t.all = map[string]*turn{}
		}
		one = &turn{free: make(chan struct{}, 1)}
		t.all[name] = one
	}
	one.n++
	t.mu.Unlock()
	gone := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if one.n--; one.n == 0 {
			delete(t.all, name)
		}
	}
	select {
	case one.free <- struct{}{}:
		return func() { <-one.free; gone() }, nil
	case <-ctx.Done():
		gone()
		return nil, context.Cause(ctx)
	}
}

// ofParts says what is wrong with parts of a template as fields.
func ofParts(err error) error {
	var wrong []switchhook.FieldError
	var gather func(error)
	gather = func(err error) {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, one := range joined.Unwrap() {
				gather(one)
			}
			return
		}
		if part, message, ok := mail.Problem(err); ok {
			wrong = append(wrong, switchhook.FieldError{Field: part, Message: message})
		}
	}
	if gather(err); len(wrong) == 0 {
		return err
	}
	return invalid(wrong)
}

// eventOfPreview is the event that a preview is of: the account's, one that nobody has
// accepted, or the template's sample.
func (a *api) eventOfPreview(ctx context.Context, account, id string, in templatePreviewInput, data []byte) (*switchhook.Event, error) {
	switch {
	case in.EventID != "" && (in.EventType != "" || data != nil):
		return nil, switchhook.InvalidField("event_id", "give event_id, or event_type and data, not both")
	case in.EventID != "":
		c := callerOf(ctx)
		ev, err := a.Store.Event(ctx, caller{tenants: c.tenants, account: account}.all(), in.EventID)
		if switchhook.ErrorCode(err) == switchhook.CodeNotFound {
			return nil, wrongField(switchhook.CodeNotFound, "event_id", "the account has no event %q", in.EventID)
		}
		if err != nil {
			return nil, err
		}
		shown := *ev
		if shown.Resources == nil {
			err = catalogue.Attach(&shown)
		}
		return &shown, err
	case in.EventType != "" && data != nil:
		ev := &switchhook.Event{Type: in.EventType, AccountID: account, Data: data}
		if err := a.Router.Draft(ev); err != nil {
			return nil, typedAs(ofBatch(err, true))
		}
		return ev, nil
	case in.EventType != "":
		return nil, switchhook.InvalidField("data", "is required with event_type")
	case data != nil:
		return nil, switchhook.InvalidField("event_type", "is required with data")
	}
	return mail.Sample(id), nil
}

// typedAs says type where the field is named event_type.
func typedAs(err error) error {
	e, ok := asOwn(err)
	if !ok {
		return err
	}
	out := &switchhook.Error{Code: e.Code, Message: e.Message}
	for _, f := range e.Fields {
		if f.Field == "type" {
			f.Field = "event_type"
		}
		out.Fields = append(out.Fields, f)
	}
	if len(out.Fields) > 0 {
		out.Message = sentence(out.Fields)
	}
	return out.With(err)
}

// notes say what a preview does not show.
func (a *api) notes(ev *switchhook.Event, l *mail.Letter, draft OwnParts, m *mail.Message) []string {
	notes := []string{}
	if email, _ := a.Book.Media(); !email {
		notes = append(notes, "No mail server is set up (--smtp-url): no mails are sent.")
	}
	if !l.Enabled.Value {
		notes = append(notes, "The template is switched off: nothing is sent.")
	}
	if ev.Type != "notification.custom" && !slices.ContainsFunc(mail.For(ev), func(d mail.Definition) bool { return d.ID == l.ID }) {
		notes = append(notes, "The template is not sent for this "+ev.Type+" event.")
	}
	if len(m.To)+len(m.Cc)+len(m.Bcc) == 0 && ev.Type != "account.customer_update" {
		to := l.Addresses.To.Value
		if draft.To != nil {
			to = *draft.To
		}
		notes = append(notes, mail.Nobody(to))
	}
	return notes
}

// sendPreview sends a mail to some, now: that of a copy of the event, which says whom it goes
// to and all that it is made of.
func (a *api) sendPreview(ctx context.Context, ev *switchhook.Event, l *mail.Letter, in templatePreviewInput, m *mail.Message) (*switchhook.Attempt, error) {
	if email, _ := a.Book.Media(); !email {
		return nil, switchhook.Errorf(switchhook.CodeConflict, "no mail server is set up, so nothing can be sent by mail (--smtp-url)")
	}
	w := a.Book.Webhook(m.WebhookID)
	if w == nil { // it went just now
		return nil, notFound("template", l.ID)
	}
	data, err := ordjson.Parse(ev.Data)
	if err != nil {
		return nil, err
	}
	said, err := ordjson.Parse(data.Get("notification"))
	if err != nil {
		said = ordjson.Object{} // there is none
	}
	if said.Text("subject") == "" {
		said.Set("subject", ordjson.String(or(in.Subject, l.Subject.Value)))
	}
	if said.Text("text") == "" && said.Text("html") == "" {
		said.Set("text", ordjson.String(or(in.Text, l.Text.Value)))
		said.Set("html", ordjson.String(or(in.HTML, l.HTML.Value)))
	}
	said.Set("preview", []byte("true"))
	said.Set("from", ordjson.String(m.From))
	said.Set("reply_to", marshalled(texts(m.ReplyTo)))
	said.Set("to", marshalled(in.SendTo))
	said.Delete("cc")
	said.Delete("bcc")
	data.Set("notification", said.Append(nil))
	one := *ev
	one.ID, one.AccountID, one.Data, one.Resources, one.Targets = switchhook.NewID(switchhook.PrefixEvent), w.AccountID, data.Append(nil), nil, nil
	if err := catalogue.Attach(&one); err != nil {
		return nil, err
	}
	if err := a.maySend(callerOf(ctx).tenants, []*switchhook.Event{&one}); err != nil { // it goes to strangers as events' mails do
		return nil, err
	}
	return a.Engine.Test(ctx, w, &one)
}

// rawMember is a member of an object as it was sent; nil: there is none.
func rawMember(body []byte, name string) json.RawMessage {
	v := ordjson.Find(body, name)
	if ordjson.Null(v) {
		return nil
	}
	return v
}
