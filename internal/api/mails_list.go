package api

import (
	"context"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/mail"
)

// A listMailsInput narrows the list of mails.
type listMailsInput struct {
	Paging
	AccountID string  `query:"account_id" doc:"Only mails for events of this account. Default: of all that the key opens."`
	Medium    string  `query:"medium" enum:"email,sms" default:"email" doc:"Mails, or text messages."`
	Template  string  `query:"template" doc:"Only of this template."`
	To        string  `query:"to" doc:"Only to recipients (to, cc and bcc) with this in their address or name, whatever the case."`
	Subject   string  `query:"subject" doc:"Only with this in the subject, whatever the case."`
	Outcome   string  `query:"outcome" enum:"success,failure" doc:"Only attempts that ended so."`
	EventID   string  `query:"event_id" doc:"Only of this event."`
	Since     instant `query:"since" format:"date-time" doc:"Started at or after this time."`
	Until     instant `query:"until" format:"date-time" doc:"Started before this time."`
}

// filter is the part that the store looks after.
func (in *listMailsInput) filter(c caller) (switchhook.AttemptFilter, error) {
	accounts, err := c.only(in.AccountID)
	f := switchhook.AttemptFilter{
		Accounts: accounts, EventID: in.EventID, Outcome: switchhook.Outcome(in.Outcome), Dialect: mail.Email, Since: in.Since.Time, Until: in.Until.Time,
	}
	if in.Medium == "sms" {
		f.Dialect = mail.SMS
	}
	return f, err
}

// meant is the other part.
func (in *listMailsInput) meant() (narrow bool, meant func(*switchhook.Attempt) bool) {
	to, subject := strings.ToLower(strings.TrimSpace(in.To)), strings.ToLower(strings.TrimSpace(in.Subject))
	return in.Template != "" || to != "" || subject != "", func(at *switchhook.Attempt) bool {
		if t, _ := mail.ParseTarget(at.WebhookID); in.Template != "" && in.Template != t.Template {
			return false
		}
		if to == "" && subject == "" {
			return true
		}
		if at.Request == nil {
			return false
		}
		h := at.Request.Headers
		return strings.Contains(strings.ToLower(h.Get("Subject")), subject) && strings.Contains(strings.ToLower(h.Get("To")+"\n"+h.Get("Cc")+"\n"+h.Get("Bcc")), to)
	}
}

const (
	// mailsLooked is how many attempts are looked at, at once, for those that are meant.
	mailsLooked = 100
	// mailsTime is after how long a page ends that is not full.
	mailsTime = 2 * time.Second
)

func (a *api) listMails(ctx context.Context, in *listMailsInput) (*listOutput[MailSummary], error) {
	f, err := in.filter(callerOf(ctx))
	if err != nil {
		return nil, err
	}
	list := func(p switchhook.Page) ([]*switchhook.Attempt, string, error) { return a.Store.Attempts(ctx, f, p) }
	var attempts []*switchhook.Attempt
	var next string
	if narrow, meant := in.meant(); narrow {
		attempts, next, err = sieved(in.page(), time.Now().Add(mailsTime), meant, list)
	} else {
		attempts, next, err = bounded(in.page(), attemptSize, list)
	}
	if err != nil {
		return nil, err
	}
	var items []MailSummary
	for _, at := range attempts {
		items = append(items, summaryOfMail(callerOf(ctx).told(at)))
	}
	return listOf(items, next), nil
}

// sieved reads from the store until a page is full of what is meant, or until some time: then
// it has fewer items, and a cursor.
func sieved[T any](p switchhook.Page, until time.Time, meant func(T) bool, list func(switchhook.Page) ([]T, string, error)) (items []T, next string, err error) {
	for next = p.Cursor; ; {
		from := next
		var some []T
		if some, next, err = list(switchhook.Page{Limit: mailsLooked, Cursor: from}); err != nil {
			return nil, "", err
		}
		for i, item := range some {
			if !meant(item) {
				continue
			}
			if items = append(items, item); len(items) == p.Limit && i+1 < len(some) {
				// The store says where that one ends.
				_, next, err = list(switchhook.Page{Limit: i + 1, Cursor: from})
				return items, next, err
			}
		}
		if next == "" || len(items) == p.Limit || time.Now().After(until) {
			return items, next, nil
		}
	}
}
