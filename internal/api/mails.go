package api

import (
	"context"
	"encoding/json"
	"net/http"
	netmail "net/mail"
	"regexp"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/mail"
)

// A MailSummary is an attempt to send a notification, in a list.
type MailSummary struct {
	ID            string                   `json:"id" doc:"The attempt's id."`
	DeliveryID    string                   `json:"delivery_id" doc:"The delivery's: the same for every attempt to send it."`
	EventID       string                   `json:"event_id" doc:"The event that it tells of. Of a preview there is none."`
	EventType     string                   `json:"event_type" doc:"The event's type."`
	AccountID     string                   `json:"account_id" doc:"The event's account."`
	Medium        string                   `json:"medium" enum:"email,sms" doc:"email or sms."`
	Template      templateRef              `json:"template" doc:"What it was made of."`
	Preview       bool                     `json:"preview,omitzero" doc:"Somebody tried a template out. Absent: no."`
	From          string                   `json:"from" doc:"The sender."`
	To            []string                 `json:"to" doc:"Whom it goes to: mail addresses, or a telephone number."`
	Cc            []string                 `json:"cc" doc:"Whom a copy goes to."`
	Bcc           []string                 `json:"bcc" doc:"Whom a copy goes to that the others do not see."`
	Subject       string                   `json:"subject" doc:"The subject."`
	Outcome       switchhook.Outcome       `json:"outcome" enum:"success,failure" doc:"success: the server took it, for some at least."`
	DeliveryState switchhook.DeliveryState `json:"delivery_state" doc:"Where the delivery stood afterwards: pending, delivered, failed, expired or cancelled."`
	Number        int                      `json:"attempt_number" doc:"1 for the first try. 0: it ended without one."`
	Status        int                      `json:"status,omitzero" doc:"The server's code (RFC 5321), or the gateway's HTTP status. Absent: nothing was answered."`
	Answer        string                   `json:"answer,omitzero" doc:"What the server said."`
	Error         string                   `json:"error,omitzero" doc:"What went wrong, for a person."`
	Accepted      []string                 `json:"accepted" doc:"For whom the server took it in this attempt."`
	Refused       []refusedMail            `json:"refused" doc:"For whom the server did not take it, for good."`
	Deferred      []refusedMail            `json:"deferred" doc:"For whom it is tried again."`
	StartedAt     time.Time                `json:"started_at" doc:"When it was started."`
	NextAttemptAt time.Time                `json:"next_attempt_at,omitzero" doc:"When the next try is due. Absent: there is none."`
}

// A refusedMail is what the server said about a recipient.
type refusedMail struct {
	Address string `json:"address" doc:"The recipient."`
	Answer  string `json:"answer" doc:"What the server said."`
}

// A mailView is an attempt to send a notification, whole.
type mailView struct {
	MailSummary
	ReplyTo     []string     `json:"reply_to" doc:"Where answers go. None: to the sender."`
	Text        string       `json:"text" doc:"The body as plain text."`
	HTML        string       `json:"html" doc:"The body as HTML, as it was sent: what shows it must not run it (see html_url)."`
	Attachments []attachment `json:"attachments" doc:"What came with it."`
	HTMLURL     string       `json:"html_url,omitzero" doc:"Path of a page that shows the body, for a frame: nothing in it can do anything. Absent: there is no body."`
}

func (a *api) registerMails() {
	tags := []string{"Notifications"}
	handle(a, huma.Operation{
		OperationID: "list-mails", Method: http.MethodGet, Path: "/v1/mails", Tags: tags, Summary: "List mails, newest first",
		Description: "Each attempt to send a mail, or a text message. Looking for a recipient or a subject takes its time: then a page can have fewer items than limit, and a next_cursor.",
	}, a.listMails)
	handle(a, huma.Operation{
		OperationID: "get-mail", Method: http.MethodGet, Path: "/v1/mails/{id}", Tags: tags, Summary: "Get a mail",
	}, a.getMail)
	handle(a, huma.Operation{
		OperationID: "resend-mail", Method: http.MethodPost, Path: "/v1/mails/{id}/resend", Tags: tags, Summary: "Send a mail again", DefaultStatus: http.StatusAccepted,
		Description: "As POST /v1/deliveries/{id}/retry: one that has ended, however it did, is made anew of the template as it is now, and goes to all its recipients; one that waits for its next try goes at once.",
	}, a.resendMail)
	handle(a, huma.Operation{
		OperationID: "get-mail-status", Method: http.MethodGet, Path: "/v1/mail", Tags: tags, Summary: "How mail fares",
		Description: "Whether there is something to send notifications with, and what waits for it of the accounts that the key opens.",
	}, a.mailStatus)
	a.mux.HandleFunc("GET /v1/mails/{id}/html", a.withKey("get-mail-page", a.serveMail))
	a.document(huma.Operation{
		OperationID: "get-mail-page", Method: http.MethodGet, Path: "/v1/mails/{id}/html", Tags: tags, Summary: "The page of a mail", Security: withKeyOnly(),
		Description: "Its body, for a frame: nothing in it can do anything.",
		Parameters:  []*huma.Param{{Name: "id", In: "path", Required: true, Description: "The mail's.", Schema: &huma.Schema{Type: huma.TypeString}}},
		Responses:   map[string]*huma.Response{"200": htmlResponse()},
	})
}

func mediumOf(dialect string) string {
	if dialect == mail.SMS {
		return "sms"
	}
	return "email"
}

func summaryOfMail(at *switchhook.Attempt) MailSummary {
	s := MailSummary{
		ID: at.ID, DeliveryID: at.DeliveryID, EventID: at.EventID, EventType: at.EventType, AccountID: at.AccountID, Medium: mediumOf(at.Dialect),
		Preview: at.Sequence == 0, To: []string{}, Cc: []string{}, Bcc: []string{}, Accepted: []string{}, Refused: []refusedMail{}, Deferred: []refusedMail{},
		Outcome: at.Outcome, DeliveryState: at.State, Number: at.Number, Error: at.Error, StartedAt: at.StartedAt, NextAttemptAt: at.NextAttemptAt,
	}
	if t, ok := mail.ParseTarget(at.WebhookID); ok {
		s.Template.ID = t.Template
		if t.Medium == mail.SMS {
			s.To = []string{t.Recipient}
		}
	}
	if r := at.Request; r != nil {
		if name := r.Headers.Get("Template"); name != "" {
			s.Template = templateRef(mail.ParseTemplateRef(name))
		}
		s.From, s.Subject = r.Headers.Get("From"), r.Headers.Get("Subject")
		s.To, s.Cc, s.Bcc = addressesOf(r.Headers.Get("To")), addressesOf(r.Headers.Get("Cc")), addressesOf(r.Headers.Get("Bcc"))
	}
	if r := at.Response; r != nil {
		s.Status, s.Answer = r.Status, r.Body
		s.Accepted = addressesOf(r.Headers.Get("accepted"))
		s.Refused, s.Deferred = refusedOf(r.Headers.Get("refused")), refusedOf(r.Headers.Get("deferred"))
	}
	return s
}

// addressesOf splits a list of addresses, each as it is written there.
func addressesOf(header string) []string {
	list := []string{}
	parsed, err := netmail.ParseAddressList(header)
	if err != nil {
		if header != "" {
			list = append(list, header) // a telephone number
		}
		return list
	}
	for _, a := range parsed {
		if a.Name != "" {
			list = append(list, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a.Name)+`" <`+a.Address+">")
		} else {
			list = append(list, a.Address)
		}
	}
	return list
}

// A recipient in an answer's headers is told as ADDRESS: CODE WORDS, with semicolons between
// them, which words can have as well.
var aboutRecipient = regexp.MustCompile(`(?:^|; )([^ ;"]+@[^ ;]+|"[^"]*"@[^ ;]+): ([1-5][0-9][0-9])\b`)

func refusedOf(header string) []refusedMail {
	list := []refusedMail{}
	found := aboutRecipient.FindAllStringSubmatchIndex(header, -1)
	for i, at := range found {
		end := len(header)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		list = append(list, refusedMail{header[at[2]:at[3]], header[at[4]:end]})
	}
	return list
}

func viewMail(at *switchhook.Attempt) mailView {
	v := mailView{MailSummary: summaryOfMail(at), ReplyTo: []string{}, Attachments: []attachment{}}
	if m := messageIn(at); m != nil {
		v.ReplyTo, v.Text, v.HTML, v.Attachments = texts(m.ReplyTo), m.Text, m.HTML, attachmentsOf(m)
		v.HTMLURL = "/v1/mails/" + at.ID + "/html"
	}
	return v
}

// messageIn is the message of an attempt; nil: none could be made.
func messageIn(at *switchhook.Attempt) *mail.Message {
	if at.Request == nil {
		return nil
	}
	m := &mail.Message{}
	if at.Dialect == mail.SMS {
		var text mail.Text
		if json.Unmarshal([]byte(at.Request.Body), &text) != nil {
			return nil
		}
		m.Text = text.Text
		return m
	}
	if json.Unmarshal([]byte(at.Request.Body), m) != nil {
		return nil
	}
	return m
}

// mail finds a mail that the caller sees.
func (a *api) mail(ctx context.Context, id string) (*switchhook.Attempt, error) {
	at, err := a.Store.Attempt(ctx, callerOf(ctx).all(), id)
	if switchhook.ErrorCode(err) == switchhook.CodeNotFound || err == nil && at.Dialect != mail.Email && at.Dialect != mail.SMS {
		return nil, notFound("mail", id)
	}
	if err != nil {
		return nil, err
	}
	return callerOf(ctx).told(at), nil
}

func (a *api) getMail(ctx context.Context, in *PathID) (*output[mailView], error) {
	at, err := a.mail(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &output[mailView]{Body: viewMail(at)}, nil
}

func (a *api) serveMail(w http.ResponseWriter, r *http.Request) {
	at, err := a.mail(r.Context(), r.PathValue("id"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	m := messageIn(at)
	if m == nil {
		a.fail(w, r, switchhook.Errorf(switchhook.CodeNotFound, "the mail %q has no body: it could not be made", at.ID))
		return
	}
	logo := callerOf(r.Context()).portal(at.AccountID).Logo // attempts do not keep it
	serveMailPage(w, mailPage{html: pageOfMail(m, logo), ancestors: a.embedders(r)})
}

func (a *api) resendMail(ctx context.Context, in *PathID) (*output[*switchhook.Delivery], error) {
	at, err := a.mail(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if at.Sequence == 0 {
		return nil, switchhook.Errorf(switchhook.CodeConflict, "the mail %s was a preview, and its event is not kept; send it from the template again", at.ID)
	}
	return a.retryDelivery(ctx, &PathID{at.DeliveryID})
}

// A mailCondition says how mail fares.
type mailCondition struct {
	Email           bool      `json:"email" doc:"There is a mail server (--smtp-url)."`
	SMS             bool      `json:"sms" doc:"There is a gateway for text messages (--sms-url)."`
	Server          string    `json:"server,omitzero" doc:"The mail server, without its password. Only for the operator's keys."`
	From            string    `json:"from" doc:"The sender of mails whose template names none."`
	Catcher         bool      `json:"catcher" doc:"The mail server is the demo's, which shows mails and delivers none."`
	Waiting         int       `json:"waiting" doc:"Mails and text messages that are not sent yet."`
	OldestWaitingAt time.Time `json:"oldest_waiting_at,omitzero" doc:"When the event of the one that waits longest was accepted. Absent: nothing waits."`
	FailingSince    time.Time `json:"failing_since,omitzero" doc:"Since when attempts fail. Absent: they do not."`
	LastError       string    `json:"last_error,omitzero" doc:"Why the last one failed. Absent: they do not fail."`
}

func (a *api) mailStatus(ctx context.Context, _ *struct{}) (*output[mailCondition], error) {
	c := callerOf(ctx)
	v := mailCondition{From: a.Book.From(), Catcher: a.MailCatcher}
	v.Email, v.SMS = a.Book.Media()
	if c.account == switchhook.RootAccount {
		v.Server = a.MailServer
	}
	v.Waiting, v.OldestWaitingAt, v.FailingSince, v.LastError = a.Engine.Fares(func(w *switchhook.Webhook) bool { return c.sees(w.AccountID) })
	return &output[mailCondition]{Body: v}, nil
}

// destination is the webhook of a delivery: one that somebody has set up, or what a
// notification goes to.
func (a *api) destination(ctx context.Context, id string) (*switchhook.Webhook, error) {
	if _, ok := mail.ParseTarget(id); !ok {
		return a.Store.Webhook(ctx, id)
	}
	if w := a.Book.Webhook(id); w != nil {
		return w, nil
	}
	return nil, notFound("webhook", id)
}
