package api

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/mail"
)

// mostTemplates is of how many templates an account may have parts of its own.
const mostTemplates = 500

// OwnParts are the parts of a template that an account has made its own; nil: inherited.
type OwnParts struct {
	Name    *string               `json:"name,omitzero" maxLength:"200" doc:"For people."`
	Enabled *bool                 `json:"enabled,omitzero" doc:"Whether it is sent."`
	Subject *string               `json:"subject,omitzero" doc:"In the template language, as are text, html, from and reply_to; at most 64 KiB each."`
	Text    *string               `json:"text,omitzero" doc:"The body as plain text. Of a text message, what it says."`
	HTML    *string               `json:"html,omitzero" doc:"The body as HTML: values are escaped where they are put in. cid:logo is the account's logo."`
	From    *string               `json:"from,omitzero" doc:"The sender, as name <address> or an address alone. Empty: the server's."`
	ReplyTo *string               `json:"reply_to,omitzero" doc:"Where answers go: one address or several, with commas."`
	To      *switchhook.Addresses `json:"to,omitzero" doc:"Whom it goes to."`
	Cc      *switchhook.Addresses `json:"cc,omitzero" doc:"Whom a copy goes to."`
	Bcc     *switchhook.Addresses `json:"bcc,omitzero" doc:"Whom a copy goes to that the others do not see."`
}

func ownOf(t *switchhook.Template) OwnParts {
	if t == nil {
		return OwnParts{}
	}
	return OwnParts{t.Name, t.Enabled, t.Subject, t.Text, t.HTML, t.From, t.ReplyTo, t.To, t.Cc, t.Bcc}
}

func (o OwnParts) put(t *switchhook.Template) {
	t.Name, t.Enabled, t.Subject, t.Text, t.HTML, t.From, t.ReplyTo, t.To, t.Cc, t.Bcc = o.Name, o.Enabled, o.Subject, o.Text, o.HTML, o.From, o.ReplyTo, o.To, o.Cc, o.Bcc
}

// names are those of the parts that there are.
func (o OwnParts) names() []string {
	list := []string{}
	note := func(name string, is bool) {
		if is {
			list = append(list, name)
		}
	}
	note("name", o.Name != nil)
	note("enabled", o.Enabled != nil)
	note("subject", o.Subject != nil)
	note("text", o.Text != nil)
	note("html", o.HTML != nil)
	note("from", o.From != nil)
	note("reply_to", o.ReplyTo != nil)
	note("to", o.To != nil)
	note("cc", o.Cc != nil)
	note("bcc", o.Bcc != nil)
	return list
}

// A templateInput is a template of an account's own, as it is made.
type templateInput struct {
	ID string `json:"id" pattern:"^[a-z0-9_-]{1,64}$" doc:"What notification.custom events name as template_id." example:"vip_call"`
	OwnParts
}

// A part is a part of a template that is in force, and whose it is.
type part[T any] struct {
	Value     T      `json:"value" doc:"The part."`
	AccountID string `json:"account_id" doc:"Whose it is: the account's own, or one above it. Empty: it is built in."`
	Version   int64  `json:"version" doc:"In which version of that account's template. 0: it is built in."`
}

func partOf[T any](p mail.Part[T]) part[T] { return part[T]{p.Value, p.AccountID, p.Version} }

// partsInForce are all parts of a template.
type partsInForce struct {
	Name    part[string]               `json:"name" doc:"For people."`
	Enabled part[bool]                 `json:"enabled" doc:"Whether it is sent."`
	Subject part[string]               `json:"subject" doc:"The subject."`
	Text    part[string]               `json:"text" doc:"The body as plain text."`
	HTML    part[string]               `json:"html" doc:"The body as HTML."`
	From    part[string]               `json:"from" doc:"The sender. Empty: the server's."`
	ReplyTo part[string]               `json:"reply_to" doc:"Where answers go."`
	To      part[switchhook.Addresses] `json:"to" doc:"Whom it goes to."`
	Cc      part[switchhook.Addresses] `json:"cc" doc:"Whom a copy goes to."`
	Bcc     part[switchhook.Addresses] `json:"bcc" doc:"Whom a copy goes to that the others do not see."`
}

func partsOf(l *mail.Letter) partsInForce {
	to := &l.Addresses
	return partsInForce{
		partOf(l.Title), partOf(l.Enabled), partOf(l.Subject), partOf(l.Text), partOf(l.HTML), partOf(l.From), partOf(l.ReplyTo), partOf(to.To), partOf(to.Cc), partOf(to.Bcc),
	}
}

// A TemplateSummary is a template in a list.
type TemplateSummary struct {
	ID          string    `json:"id" doc:"Its id, such as voicemail_to_email."`
	AccountID   string    `json:"account_id" doc:"The account for which it is in force so."`
	Name        string    `json:"name" doc:"For people."`
	Category    string    `json:"category" doc:"What it is about, such as voicemail."`
	Description string    `json:"description,omitzero" doc:"When it is sent. Absent: of an account's own."`
	EventTypes  []string  `json:"event_types" doc:"The types of the events that it is sent for. None: only notification.custom events that name it."`
	Enabled     bool      `json:"enabled" doc:"Whether it is sent."`
	Recipients  string    `json:"recipients" enum:"original,specified,admins" doc:"Whom it goes to: original, whom the event names or the directory knows; specified, the template's own addresses; admins, the account's administrators."`
	Changed     []string  `json:"changed" doc:"The parts that the account has made its own."`
	From        []string  `json:"inherited_from" doc:"The accounts above of which it has parts."`
	Custom      bool      `json:"custom" doc:"There is no built-in one of this id."`
	Version     int64     `json:"version" doc:"Of the account's own parts. 0: it has none."`
	UpdatedAt   time.Time `json:"updated_at,omitzero" doc:"When the account's own parts were last changed. Absent: it has none."`
}

// A templateView is a template as it is shown.
type templateView struct {
	TemplateSummary
	Parts partsInForce `json:"parts" doc:"What is in force, and whose it is."`
	Own   OwnParts     `json:"own" doc:"What the account has made its own: what PATCH changes. What is absent is inherited."`
	// Inherited is absent where there would be no such template.
	Inherited *partsInForce `json:"inherited,omitzero" doc:"What would be in force were nothing the account's own. Absent: there would be no such template."`
	UpdatedBy string        `json:"updated_by,omitzero" doc:"Who changed the account's own parts last. Absent: nobody, or somebody of an account above."`
	Macros    []mail.Macro  `json:"macros" doc:"What can be shown with {{ name }}."`
}

// InAccount says whose templates are meant.
type InAccount struct {
	AccountID string `query:"account_id" doc:"Whose templates. Default: the key's account."`
}

// TemplateInPath names a template as it is in force for an account.
type TemplateInPath struct {
	PathID
	InAccount
}

// TemplateChange names what is changed, and which version of it.
type TemplateChange struct {
	TemplateInPath
	Conditional
}

func (a *api) registerTemplates() {
	tags := []string{"Notifications"}
	handle(a, huma.Operation{
		OperationID: "list-templates", Method: http.MethodGet, Path: "/v1/templates", Tags: tags, Summary: "List the templates of notifications",
		Description: "As they are in force for an account: the built-in ones, then those that are its own or of the accounts above.",
	}, a.listTemplates)
	handle(a, huma.Operation{
		OperationID: "get-template", Method: http.MethodGet, Path: "/v1/templates/{id}", Tags: tags, Summary: "Get a template",
		Description: "Each part is the account's own, or else that of the nearest account above that has one, or else the built-in one.",
	}, a.getTemplate)
	handle(a, huma.Operation{
		OperationID: "create-template", Method: http.MethodPost, Path: "/v1/templates", Tags: tags, Summary: "Create a template", DefaultStatus: http.StatusCreated,
		Description: "One of the account's own, for notification.custom events that name it. A built-in one is changed instead.",
	}, a.createTemplate)
	handle(a, huma.Operation{
		OperationID: "update-template", Method: http.MethodPatch, Path: "/v1/templates/{id}", Tags: tags, Summary: "Make parts of a template one's own",
		Description: "JSON Merge Patch (RFC 7396) of what is the account's own: what is left out stays, null is inherited again. It is in force, here and for the accounts below, when the answer is sent.",
	}, a.patchTemplate)
	handle(a, huma.Operation{
		OperationID: "revert-template", Method: http.MethodDelete, Path: "/v1/templates/{id}", Tags: tags, Summary: "Revert a template to what is inherited",
		Description: "One that is not built in, and that no account above has, is gone. The versions stay.",
	}, a.revertTemplate)
	handle(a, huma.Operation{
		OperationID: "list-template-versions", Method: http.MethodGet, Path: "/v1/templates/{id}/versions", Tags: tags, Summary: "List the versions of the account's own parts, newest first",
		Description: "The last 50.",
	}, a.listTemplateVersions)
	handle(a, huma.Operation{
		OperationID: "restore-template-version", Method: http.MethodPost, Path: "/v1/templates/{id}/versions/{version}/restore", Tags: tags, Summary: "Restore a version of a template",
		Description: "Makes a new version like that one.",
	}, a.restoreTemplate)
	handleOptional(a, huma.Operation{
		OperationID: "preview-template", Method: http.MethodPost, Path: "/v1/templates/{id}/preview", Tags: tags, Summary: "Show the mail that an event would make",
		Description: "Of the template as it is in force, with parts in place of its own that nobody has kept yet. Nothing is kept; with send_to it is sent now, to these alone, and the answer has the attempt.",
	}, a.previewTemplate)
	a.registerTemplatePages()
}

func (a *api) listTemplates(ctx context.Context, in *struct {
	InAccount
	Limit  int    `query:"limit" default:"1000" minimum:"1" maximum:"1000" doc:"The most items in one answer."`
	Cursor string `query:"cursor" doc:"The next_cursor of the page before."`
},
) (*listOutput[TemplateSummary], error) {
	account, err := callerOf(ctx).owner(in.AccountID)
	if err != nil {
		return nil, err
	}
	letters, next, err := pageOf(a.Book.Letters(account), switchhook.Page{Limit: in.Limit, Cursor: in.Cursor}, func(l *mail.Letter) string { return l.ID }, inOrder)
	if err != nil {
		return nil, err
	}
	var items []TemplateSummary
	for _, l := range letters {
		items = append(items, summaryOf(account, l, a.Book.Own(account, l.ID)))
	}
	return listOf(items, next), nil
}

// summaryOf is a template as it is in force for an account. own is nil where it has no parts
// of its own.
func summaryOf(account string, l *mail.Letter, own *switchhook.Template) TemplateSummary {
	s := TemplateSummary{
		ID: l.ID, AccountID: account, Name: l.Title.Value, Category: l.Category, Description: l.Description, EventTypes: append([]string{}, l.Events...),
		Enabled: l.Enabled.Value, Recipients: l.Addresses.To.Value.Type, Changed: ownOf(own).names(), Custom: l.Custom,
	}
	if own != nil {
		s.Version, s.UpdatedAt = own.Version, own.UpdatedAt
	}
	parts, from := partsOf(l), map[string]bool{}
	for _, id := range []string{
		parts.Name.AccountID, parts.Enabled.AccountID, parts.Subject.AccountID, parts.Text.AccountID, parts.HTML.AccountID,
		parts.From.AccountID, parts.ReplyTo.AccountID, parts.To.AccountID, parts.Cc.AccountID, parts.Bcc.AccountID,
	} {
		if id != "" && id != account {
			from[id] = true
		}
	}
	s.From = append([]string{}, slices.Sorted(maps.Keys(from))...)
	return s
}

// letter is a template as it is in force for an account that the caller sees.
func (a *api) letter(c caller, in TemplateInPath) (account string, l *mail.Letter, err error) {
	if account, err = c.owner(in.AccountID); err != nil {
		return "", nil, err
	}
	l, ok := a.Book.Letter(account, in.ID)
	if !ok {
		return "", nil, notFound("template", in.ID)
	}
	return account, l, nil
}

func (a *api) getTemplate(ctx context.Context, in *TemplateInPath) (*tagged[templateView], error) {
	account, l, err := a.letter(callerOf(ctx), *in)
	if err != nil {
		return nil, err
	}
	return a.viewTemplate(account, l, a.Book.Own(account, l.ID)), nil
}

func (a *api) viewTemplate(account string, l *mail.Letter, own *switchhook.Template) *tagged[templateView] {
	v := templateView{
		TemplateSummary: summaryOf(account, l, own), Own: ownOf(own), Parts: partsOf(l), Macros: macrosOf(l),
	}
	if above, ok := a.Book.Letter(a.above(account), l.ID); ok {
		parts := partsOf(above)
		v.Inherited = &parts
	}
	if own != nil {
		v.UpdatedBy = own.UpdatedBy
	}
	return &tagged[templateView]{templateTag(own), v}
}

// macrosOf are what a template can show: one of an account's own, what the built-in one for
// such can.
func macrosOf(l *mail.Letter) []mail.Macro {
	if skeleton, ok := mail.Lookup("skel"); l.Custom && ok {
		return skeleton.Macros
	}
	return append([]mail.Macro{}, l.Macros...)
}

// above is the account above another; empty: there is none.
func (a *api) above(account string) string {
	if acc := a.tenants.Load().accounts[account]; acc != nil {
		return acc.ParentID
	}
	return ""
}

// templateTag names the version of what is an account's own of a template: the rest is
// others' affair, and changes without it.
func templateTag(own *switchhook.Template) string {
	if own == nil || own.Reverted {
		return strconv.Quote("0")
	}
	return strconv.Quote(strconv.FormatInt(own.Version, 10))
}

// newest is the last version of what is an account's own of a template, a reverted one
// among them; nil: there never was any. own counts those that it has parts of at the moment.
func (a *api) newest(ctx context.Context, account, id string) (last *switchhook.Template, own int, err error) {
	all, err := a.Store.Templates(ctx)
	for _, t := range all {
		if t.AccountID != account {
			continue
		}
		if t.ID == id {
			last = t
		}
		if !t.Reverted {
			own++
		}
	}
	return last, own, err
}

// A templateChange is a change of what is an account's own of a template. Whoever makes one
// holds Changes.
type templateChange struct {
	account string
	id      string
	last    *switchhook.Template // the version before; nil: none
	own     int                  // of how many templates the account has parts
}

// change begins a change of what is there, in the version that it is a change of. gone: one
// that is in force no more will do.
func (a *api) changeTemplate(ctx context.Context, in TemplateChange, gone bool) (ch templateChange, err error) {
	c := a.callerNow(ctx)
	if ch.account, err = c.owner(in.AccountID); err != nil {
		return ch, err
	}
	ch.id = in.ID
	if ch.last, ch.own, err = a.newest(ctx, ch.account, in.ID); err != nil {
		return ch, err
	}
	if _, ok := a.Book.Letter(ch.account, in.ID); !ok && (!gone || ch.last == nil) {
		return ch, notFound("template", in.ID)
	}
	return ch, in.matchTag(templateTag(ch.last))
}

// before is what is the account's own before the change; nil: nothing.
func (ch templateChange) before() *switchhook.Template {
	if ch.last != nil && ch.last.Reverted {
		return nil
	}
	return ch.last
}

// keep makes parts the account's own, in a new version; none: it is reverted.
func (a *api) keepTemplate(ctx context.Context, ch templateChange, own OwnParts) (*tagged[templateView], error) {
	before := ch.before()
	if before == nil && len(own.names()) > 0 && ch.own >= mostTemplates {
		return nil, switchhook.InvalidField("id", "the account has parts of %d templates of its own; more are not allowed", mostTemplates)
	}
	t := &switchhook.Template{AccountID: ch.account, ID: ch.id, Version: 1, Reverted: len(own.names()) == 0, UpdatedBy: callerOf(ctx).who(ch.account)}
	var prior time.Time
	if ch.last != nil {
		t.Version, t.CreatedAt, prior = ch.last.Version+1, ch.last.CreatedAt, ch.last.UpdatedAt
	}
	if t.UpdatedAt = later(prior); t.CreatedAt.IsZero() {
		t.CreatedAt = t.UpdatedAt
	}
	own.put(t)
	if before != nil || !t.Reverted {
		if err := a.Store.PutTemplate(ctx, t, a.audit(ctx, ch.account, "template", ch.id, templateState(before), templateState(t))); err != nil {
			return nil, err
		}
		if err := a.reload(ctx); err != nil {
			return nil, err
		}
	}
	l, ok := a.Book.Letter(ch.account, ch.id)
	if !ok { // it was one of the account's own
		return nil, nil
	}
	return a.viewTemplate(ch.account, l, a.Book.Own(ch.account, ch.id)), nil
}

// templateState is a template as the audit log sees it; nil: there is nothing of the
// account's own.
func templateState(t *switchhook.Template) *state {
	if t == nil || t.Reverted {
		return nil
	}
	return plain(t)
}

// who is the caller as the people of an account know whom: the login, or the key's name. Of
// somebody of an account above it only the audit log tells, whom it concerns.
func (c caller) who(account string) string {
	if c.account != account {
		return ""
	}
	return cmp.Or(c.actor.Login, c.actor.KeyName, c.actor.KeyID)
}

func (a *api) createTemplate(ctx context.Context, in *struct {
	InAccount
	Body jsonBody[templateInput]
},
) (*tagged[templateView], error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	a.Changes.Lock()
	defer a.Changes.Unlock()
	c := &partCheck{}
	if !templateID.MatchString(body.ID) {
		c.bad("id", "expected 1 to 64 of a-z 0-9 _ -")
	}
	if body.Text == nil && body.HTML == nil {
		c.bad("text", "is required, or html: there is nothing to inherit")
	}
	c.parts(body.OwnParts)
	if err := invalid(c.wrong); err != nil {
		return nil, err
	}
	account, err := a.callerNow(ctx).owner(in.AccountID)
	if err != nil {
		return nil, err
	}
	if _, ok := a.Book.Letter(account, body.ID); ok {
		return nil, wrongField(switchhook.CodeConflict, "id", "the template %q is already there; it can be changed with PATCH", body.ID)
	}
	ch := templateChange{account: account, id: body.ID}
	if ch.last, ch.own, err = a.newest(ctx, account, body.ID); err != nil {
		return nil, err
	}
	return a.keepTemplate(ctx, ch, body.OwnParts)
}

func (a *api) patchTemplate(ctx context.Context, in *struct {
	TemplateChange
	Body patchBody[OwnParts]
},
) (*tagged[templateView], error) {
	a.Changes.Lock()
	defer a.Changes.Unlock()
	ch, err := a.changeTemplate(ctx, in.TemplateChange, false)
	if err != nil {
		return nil, err
	}
	own, err := merge(ownOf(ch.before()), in.Body.raw, nil)
	if err != nil {
		return nil, err
	}
	c := &partCheck{}
	c.parts(own)
	if err := invalid(c.wrong); err != nil {
		return nil, err
	}
	if len(own.names()) == 0 && !a.inherits(ch.account, ch.id) {
		return nil, switchhook.Errorf(switchhook.CodeConflict, "nothing would be left of the template %s: there is none to inherit from; delete it instead", ch.id)
	}
	return a.keepTemplate(ctx, ch, own)
}

// inherits reports whether there is such a template without what is the account's own.
func (a *api) inherits(account, id string) bool {
	if _, builtIn := mail.Lookup(id); builtIn {
		return true
	}
	_, ok := a.Book.Letter(a.above(account), id)
	return ok
}

func (a *api) revertTemplate(ctx context.Context, in *TemplateChange) (*struct{}, error) {
	a.Changes.Lock()
	defer a.Changes.Unlock()
	ch, err := a.changeTemplate(ctx, *in, false)
	if err != nil {
		return nil, err
	}
	_, err = a.keepTemplate(ctx, ch, OwnParts{})
	return nil, err
}
