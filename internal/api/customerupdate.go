package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/mail"
	"github.com/switchhook/switchhook/internal/ordjson"
)

const (
	// mostUpdated is how many mails a customer update can be: each is a target of its event.
	mostUpdated = 20_000
	// shownUpdated is how many of their recipients are shown beforehand.
	shownUpdated = 20

	customerUpdate = "account.customer_update"
)

// A customerUpdateInput is a message to the people of accounts.
type customerUpdateInput struct {
	AccountID   string         `json:"account_id,omitzero" doc:"Who sends it: the account whose templates, name and logo it has. Default: the key's."`
	RecipientID string         `json:"recipient_id,omitzero" doc:"The account whose people get it. Default: all accounts below."`
	UserType    string         `json:"user_type,omitzero" default:"admins_only" doc:"Who of them: admins_only, all_users, or a user's id."`
	TemplateID  string         `json:"template_id,omitzero" default:"customer_update" doc:"The template."`
	Subject     string         `json:"subject,omitzero" doc:"In place of the template's, in the template language as are text and html."`
	Text        string         `json:"text,omitzero" doc:"The body as plain text, in place of the template's."`
	HTML        string         `json:"html,omitzero" doc:"The body as HTML, in place of the template's."`
	From        string         `json:"from,omitzero" doc:"The sender. Default: the template's."`
	ReplyTo     []string       `json:"reply_to,omitzero" maxItems:"10" doc:"Where answers go."`
	Cc          []string       `json:"cc,omitzero" maxItems:"10" doc:"Whom a copy of each of the mails goes to."`
	Bcc         []string       `json:"bcc,omitzero" maxItems:"10" doc:"The same, and the others do not see it."`
	Databag     map[string]any `json:"databag,omitzero" doc:"What the template can show as databag."`
	DryRun      bool           `json:"dry_run,omitzero" doc:"Nothing is sent: the answer, 200, says to whom it would be."`
}

// A customerUpdateSent is a message that is on its way.
type customerUpdateSent struct {
	EventID string `json:"event_id" doc:"The event that it is: its deliveries are the mails."`
	Mails   int    `json:"mails" doc:"How many mails it is."`
}

// A customerUpdateCount is what a message would be.
type customerUpdateCount struct {
	DryRun     bool     `json:"dry_run" doc:"true: nothing was sent."`
	Mails      int      `json:"mails" doc:"How many mails it would be."`
	Accounts   int      `json:"accounts" doc:"Of how many accounts their recipients are."`
	Recipients []string `json:"recipients" doc:"To whom: the first 20."`
	Reason     string   `json:"reason,omitzero" doc:"Why it would be none."`
}

// A customerUpdateOutput is a message that is sent, or what it would be.
type customerUpdateOutput struct {
	Status int
	Body   any
}

func (a *api) registerCustomerUpdates() {
	handle(a, huma.Operation{
		OperationID: "create-customer-update", Method: http.MethodPost, Path: "/v1/customer-updates", Tags: []string{"Notifications"},
		Summary: "Write to the people of accounts", DefaultStatus: http.StatusAccepted,
		Responses: map[string]*huma.Response{
			"200": {Description: "Counted, with dry_run", Content: map[string]*huma.MediaType{"application/json": {Schema: schemaOf[customerUpdateCount](a)}}},
			"202": {Description: "On its way", Content: map[string]*huma.MediaType{"application/json": {Schema: schemaOf[customerUpdateSent](a)}}},
		},
		Description: "An event account.customer_update of which each recipient gets a mail: of one account, or of all below. What subject, text and html show of a user is each one's own.",
	}, a.createCustomerUpdate)
}

func (a *api) createCustomerUpdate(ctx context.Context, in *struct {
	Body jsonBody[customerUpdateInput]
},
) (*customerUpdateOutput, error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	c := callerOf(ctx)
	account, err := a.mayUpdate(c, body)
	if err != nil {
		return nil, err
	}
	data := body.data(rawMember(in.Body.raw, "databag"))
	draft := &switchhook.Event{Type: customerUpdate, AccountID: account, Data: data}
	if err := a.Router.Draft(draft); err != nil {
		return nil, ofBatch(err, true)
	}
	count := a.countUpdate(draft)
	switch {
	case count.Mails > mostUpdated:
		return nil, switchhook.InvalidField("recipient_id", "it would be %d mails, and one update is at most %d: write to the accounts one by one", count.Mails, mostUpdated)
	case body.DryRun:
		return &customerUpdateOutput{http.StatusOK, count}, nil
	case count.Mails == 0:
		return nil, switchhook.Errorf(switchhook.CodeConflict, "nothing would be sent: %s", lowerFirst(strings.TrimSuffix(count.Reason, ".")))
	}
	ev := &switchhook.Event{Type: customerUpdate, AccountID: account, Data: data}
	if err := a.maySend(c.tenants, []*switchhook.Event{ev}); err != nil {
		return nil, err
	}
	if _, err := a.Router.Accept(ctx, []*switchhook.Event{ev}); err != nil {
		return nil, ofBatch(err, true)
	}
	sent := customerUpdateSent{EventID: ev.ID}
	for _, target := range ev.Targets {
		if t, ok := mail.ParseTarget(target); ok && t.Medium == mail.Email {
			sent.Mails++
		}
	}
	if err := a.Store.PutAudit(ctx, a.audit(ctx, account, "customer_update", ev.ID, nil, plain(body))); err != nil {
		return nil, err
	}
	return &customerUpdateOutput{http.StatusAccepted, sent}, nil
}

// mayUpdate finds whose update it is, or an error that names every field that is wrong.
func (a *api) mayUpdate(c caller, in customerUpdateInput) (account string, err error) {
	if account, err = c.owner(in.AccountID); err != nil {
		return "", err
	}
	if in.RecipientID != "" && !c.sees(in.RecipientID) {
		return "", unknownAccount("recipient_id", in.RecipientID)
	}
	check := &partCheck{}
	sender := caller{tenants: c.tenants, account: account}
	if in.RecipientID != "" && !sender.sees(in.RecipientID) {
		check.bad("recipient_id", "expected the account %s, or one below it", account)
	}
	if in.TemplateID != "" {
		if _, ok := a.Book.Letter(account, in.TemplateID); !ok {
			check.bad("template_id", "there is no template %.80q", in.TemplateID)
		}
	}
	if in.Text == "" && in.HTML == "" && in.TemplateID == "" && len(in.Databag) == 0 {
		check.bad("text", "is required, or html, or a template_id or databag that says what is to be told")
	}
	check.source("subject", in.Subject, longestLine)
	check.source("text", in.Text, longestPart)
	check.source("html", in.HTML, longestPart)
	if in.From != "" && !isAddress(in.From) {
		check.bad("from", "expected a mail address such as Acme <info@acme.example>")
	}
	check.plainList("reply_to", in.ReplyTo)
	check.plainList("cc", in.Cc)
	check.plainList("bcc", in.Bcc)
	return account, invalid(check.wrong)
}

// data is that of the event.
func (in customerUpdateInput) data(databag []byte) []byte {
	said, data := ordjson.Object{}, ordjson.Object{}
	for _, m := range []struct {
		of          *ordjson.Object
		name, value string
	}{
		{&said, "subject", in.Subject},
		{&said, "text", in.Text},
		{&said, "html", in.HTML},
		{&said, "from", in.From},
		{&data, "recipient_id", in.RecipientID},
		{&data, "user_type", in.UserType},
		{&data, "template_id", in.TemplateID},
	} {
		if m.value != "" {
			m.of.Set(m.name, ordjson.String(m.value))
		}
	}
	for name, list := range map[string][]string{"reply_to": in.ReplyTo, "cc": in.Cc, "bcc": in.Bcc} {
		if len(list) > 0 {
			said.Set(name, marshalled(list))
		}
	}
	if databag != nil {
		data.Set("databag", databag)
	}
	if len(said) > 0 {
		data.Set("notification", said.Append(nil))
	}
	return data.Append(nil)
}

// countUpdate says which mails an event would be.
func (a *api) countUpdate(ev *switchhook.Event) customerUpdateCount {
	n := customerUpdateCount{DryRun: true, Recipients: []string{}}
	accounts := map[string]bool{}
	for _, one := range a.Book.Consider(ev) {
		t, ok := mail.ParseTarget(one.Target)
		switch {
		case one.Target == "":
			n.Reason = one.Reason
			continue
		case !ok || t.Medium != mail.Email:
			continue
		}
		account, _, _ := strings.Cut(t.Recipient, "/")
		accounts[account] = true
		if n.Mails++; n.Mails <= shownUpdated {
			n.Recipients = append(n.Recipients, a.Book.Address(t))
		}
	}
	n.Accounts = len(accounts)
	if n.Mails > 0 {
		n.Reason = ""
	}
	return n
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
