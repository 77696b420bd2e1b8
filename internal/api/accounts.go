package api

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
)

const (
	// deepest is how many accounts lie on the longest way to the root: every request
	// goes a part of it.
	deepest = 64
	// mostNetworks bounds how many networks an account is allowed.
	mostNetworks = 100
	// Bounds of limits.
	slowest, fastest = 0.001, 1_000_000 // a second
	mostOpen         = 1_000_000_000
)

// An accountInput is an account as a client makes it.
type accountInput struct {
	ID       string `json:"id,omitzero" pattern:"^[a-z0-9_-]{1,64}$" doc:"Chosen, or acc_… if left out."`
	ParentID string `json:"parent_id,omitzero" doc:"The account above it. Default: the key's."`
	Name     string `json:"name,omitzero" maxLength:"200" doc:"For people. Default: the id."`

	Suspended     bool                `json:"suspended,omitzero" doc:"Its keys and those of the accounts below are refused, so are their events, and deliveries to their webhooks wait. Set from above."`
	Limits        *switchhook.Limits  `json:"limits,omitzero" doc:"What it may do at most. Set from above."`
	Retention     switchhook.Duration `json:"retention,omitzero" doc:"How long history of it and of the accounts below it is kept: events, deliveries, attempts, rejects. At least 1h, at most the server's (--retention); the shortest on the way up holds. Default: that of the account above. Set from above." example:"7d"`
	AllowNetworks []string            `json:"allow_networks,omitzero" doc:"Private networks that its webhooks may reach, as CIDR. Only the operator's keys set it." example:"[\"10.1.0.0/16\"]"`

	ShowPrivateAnswers bool `json:"show_private_answers,omitzero" doc:"What is answered from private networks is shown in attempts: headers and bodies, which are hidden otherwise. Only the operator's keys set it."`

	Portal *switchhook.Portal `json:"portal,omitzero" doc:"How the page looks for its people and those of the accounts below, and who may embed it. What is absent is as the account above has it."`

	Timezone string `json:"timezone,omitzero" maxLength:"64" doc:"Where its people are, by its name in the IANA database: mails tell times in it. Default: as the account above." example:"Europe/Berlin"`

	FlowWebhooks bool `json:"flow_webhooks,omitzero" doc:"Call flows may send requests to addresses that the flow names (flow.webhook). A webhook of the account's with flow: true makes them: it has a secret and a history like any other."`
}

// An accountView is an account as it is shown.
type accountView struct {
	switchhook.Account
	Status       string `json:"status" enum:"active,suspended" doc:"suspended: it is, or an account above it."`
	Suspended    bool   `json:"suspended" doc:"It is suspended itself."`
	FlowWebhooks bool   `json:"flow_webhooks" doc:"Call flows may send requests to addresses that the flow names."`

	EffectiveRetention switchhook.Duration `json:"effective_retention" doc:"How long its history is kept: the shortest on the way up, or the server's."`
}

func (c caller) view(acc *switchhook.Account) accountView {
	v := accountView{Account: *acc, Status: "active", Suspended: !acc.SuspendedAt.IsZero(), FlowWebhooks: c.flows[acc.ID], EffectiveRetention: c.keeps(acc)}
	v.Portal = shownPortal(acc.Portal)
	if c.suspended[acc.ID] != "" {
		v.Status = "suspended"
	}
	return v
}

func (a *api) registerAccounts() {
	tags := []string{"Accounts"}
	handle(a, huma.Operation{
		OperationID: "create-account", Method: http.MethodPost, Path: "/v1/accounts", Tags: tags, Summary: "Create an account",
		DefaultStatus: http.StatusCreated,
	}, a.createAccount)
	handle(a, huma.Operation{
		OperationID: "list-accounts", Method: http.MethodGet, Path: "/v1/accounts", Tags: tags, Summary: "List accounts",
		Description: "The key's own and all below it.",
	}, a.listAccounts)
	handle(a, huma.Operation{
		OperationID: "get-account", Method: http.MethodGet, Path: "/v1/accounts/{id}", Tags: tags, Summary: "Get an account",
	}, a.getAccount)
	handle(a, huma.Operation{
		OperationID: "update-account", Method: http.MethodPatch, Path: "/v1/accounts/{id}", Tags: tags, Summary: "Change an account",
		Description: "JSON Merge Patch (RFC 7396). With another parent_id it moves, with all below it: to any account that the key opens and that does not lie below it. " +
			"What a key's own account may do (suspended, limits, retention, allow_networks) is said from above.",
	}, a.patchAccount)
	handle(a, huma.Operation{
		OperationID: "delete-account", Method: http.MethodDelete, Path: "/v1/accounts/{id}", Tags: tags, Summary: "Delete an account",
		Description: "With its API keys, webhooks, sources, records and dialect ids; what is open for its webhooks is cancelled. Its history is not shown any more, to nobody, and is taken out of the database: within an hour, or as much later as it takes where there is much. Its id is not given again.",
	}, a.deleteAccount)
}

func (a *api) createAccount(ctx context.Context, in *struct{ Body jsonBody[accountInput] }) (*tagged[accountView], error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	a.Changes.Lock()
	defer a.Changes.Unlock()
	c := a.callerNow(ctx)
	next := &switchhook.Account{ID: cmp.Or(body.ID, switchhook.NewID(switchhook.PrefixAccount)), CreatedAt: now()}
	next.UpdatedAt = next.CreatedAt
	if !switchhook.ValidAccountID(next.ID) {
		return nil, switchhook.InvalidField("id", "expected 1 to 64 characters of a-z 0-9 _ -")
	}
	body.ParentID = cmp.Or(body.ParentID, c.account)
	if err := c.setAccount(next, body); err != nil {
		return nil, err
	}
	if err := a.Store.CreateAccount(ctx, next, a.audit(ctx, next.ID, "account", next.ID, nil, accountState(next, body.FlowWebhooks))); err != nil {
		if c.accounts[next.ID] == nil && switchhook.ErrorCode(err) == switchhook.CodeConflict {
			return nil, wrongField(switchhook.CodeConflict, "id", "the id %q was that of an account that was deleted; it is not given again", next.ID)
		}
		return nil, taken(err, "account", next.ID)
	}
	return a.changedAccount(ctx, next, body.FlowWebhooks)
}

// changedAccount brings an account into force and shows it.
func (a *api) changedAccount(ctx context.Context, acc *switchhook.Account, flows bool) (*tagged[accountView], error) {
	if err := a.setFlowWebhooks(ctx, acc.ID, flows); err != nil {
		return nil, err
	}
	if err := a.reload(ctx); err != nil {
		return nil, err
	}
	return tag(acc.UpdatedAt, caller{tenants: a.tenants.Load()}.view(acc)), nil
}

func (a *api) patchAccount(ctx context.Context, in *struct {
	ChangeID
	Body patchBody[accountInput]
},
) (*tagged[accountView], error) {
	a.Changes.Lock()
	defer a.Changes.Unlock()
	c := a.callerNow(ctx)
	if !c.sees(in.ID) {
		return nil, notFound("account", in.ID)
	}
	acc := *c.accounts[in.ID]
	if err := in.match(acc.UpdatedAt); err != nil {
		return nil, err
	}
	next, err := merge(accountInput{
		ID: acc.ID, ParentID: acc.ParentID, Name: acc.Name, Suspended: !acc.SuspendedAt.IsZero(), Limits: acc.Limits, AllowNetworks: acc.AllowNetworks,
		Retention: acc.Retention, ShowPrivateAnswers: acc.ShowPrivateAnswers, Portal: shownPortal(acc.Portal), Timezone: acc.Timezone, FlowWebhooks: c.flows[acc.ID],
	}, in.Body.raw, nil)
	if err != nil {
		return nil, err
	}
	if next.ID != acc.ID {
		return nil, switchhook.InvalidField("id", "cannot be changed")
	}
	before := accountState(c.accounts[in.ID], c.flows[in.ID])
	acc.UpdatedAt = later(acc.UpdatedAt)
	if err := c.setAccount(&acc, next); err != nil {
		return nil, err
	}
	if err := a.Store.UpdateAccount(ctx, &acc, a.audit(ctx, acc.ID, "account", acc.ID, before, accountState(&acc, next.FlowWebhooks))); err != nil {
		return nil, err
	}
	return a.changedAccount(ctx, &acc, next.FlowWebhooks)
}

// accountState is an account as the audit log sees it.
func accountState(acc *switchhook.Account, flows bool) *state {
	shown := *acc
	shown.Portal = shownPortal(acc.Portal)
	return plain(struct {
		*switchhook.Account
		FlowWebhooks bool `json:"flow_webhooks"`
	}{&shown, flows})
}

// setAccount makes an account what is asked for, as far as the caller may.
func (c caller) setAccount(acc *switchhook.Account, in accountInput) error {
	if err := c.place(acc, in.ParentID); err != nil {
		return err
	}
	if utf8.RuneCountInString(in.Name) > longestTitle {
		return switchhook.InvalidField("name", "expected at most %d characters", longestTitle)
	}
	acc.Name = cmp.Or(in.Name, acc.ID)
	if err := setPortal(acc, in.Portal); err != nil {
		return err
	}
	if _, err := time.LoadLocation(in.Timezone); err != nil || in.Timezone == "Local" {
		return switchhook.InvalidField("timezone", "%q is no time zone; expected a name such as Europe/Berlin or America/New_York", in.Timezone)
	}
	acc.Timezone = in.Timezone
	if in.Suspended != !acc.SuspendedAt.IsZero() {
		if acc.ID == c.account {
			return wrongField(switchhook.CodeForbidden, "suspended", "the key's own account can only be suspended from above it")
		}
		acc.SuspendedAt = time.Time{}
		if in.Suspended {
			acc.SuspendedAt = acc.UpdatedAt
		}
	}
	if in.Limits != nil && *in.Limits == (switchhook.Limits{}) {
		in.Limits = nil
	}
	if !equal(in.Limits, acc.Limits) {
		if acc.ID == c.account && acc.ID != switchhook.RootAccount {
			return wrongField(switchhook.CodeForbidden, "limits", "those of the key's own account are set from above it")
		}
		if err := checkLimits(in.Limits); err != nil {
			return err
		}
		acc.Limits = in.Limits
	}
	if err := c.setRetention(acc, in.Retention); err != nil {
		return err
	}
	if in.ShowPrivateAnswers != acc.ShowPrivateAnswers {
		if c.account != switchhook.RootAccount {
			return wrongField(switchhook.CodeForbidden, "show_private_answers", "only the operator's keys say what is shown of private networks")
		}
		acc.ShowPrivateAnswers = in.ShowPrivateAnswers
	}
	if !slices.Equal(in.AllowNetworks, acc.AllowNetworks) {
		return c.allowNetworks(acc, in.AllowNetworks)
	}
	return nil
}

func equal[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

// place puts an account below another one.
func (c caller) place(acc *switchhook.Account, parent string) error {
	switch {
	case parent == acc.ParentID:
		return nil
	case acc.ID == switchhook.RootAccount:
		return switchhook.InvalidField("parent_id", "the account root is above all others")
	case parent == "":
		return switchhook.InvalidField("parent_id", "is required: only the account root has none above it")
	case !c.sees(parent):
		return unknownAccount("parent_id", parent)
	case caller{tenants: c.tenants, account: acc.ID}.sees(parent):
		return switchhook.InvalidField("parent_id", "the account %s is itself, or lies below it", parent)
	case c.depth(parent)+c.height(acc.ID) > deepest:
		return switchhook.InvalidField("parent_id", "accounts cannot lie more than %d deep", deepest)
	}
	acc.ParentID = parent
	return nil
}

// depth is how many accounts lie on the way from an account to the root, both counted.
func (t *tree) depth(id string) (n int) {
	for acc := t.accounts[id]; acc != nil && n <= deepest; acc = t.accounts[acc.ParentID] {
		n++
	}
	return n
}

// height is how many accounts lie on the longest way from an account down, it counted.
func (t *tree) height(id string) (n int) {
	for level := []string{id}; len(level) > 0 && n <= deepest; n++ {
		var next []string
		for _, id := range level {
			next = append(next, t.children[id]...)
		}
		level = next
	}
	return n
}

func checkLimits(l *switchhook.Limits) error {
	if l == nil {
		return nil
	}
	var wrong []switchhook.FieldError
	rate := func(field string, perSecond float64) {
		if perSecond != 0 && (perSecond < slowest || perSecond > fastest) {
			wrong = append(wrong, switchhook.FieldError{Field: field, Message: "expected a number a second of 0.001 to 1000000, or null for no limit"})
		}
	}
	count := func(field string, n int) {
		if n < 0 || n > mostOpen {
			wrong = append(wrong, switchhook.FieldError{Field: field, Message: "expected a number of 1 to 1000000000, or null for the default"})
		}
	}
	rate("limits.requests_per_second", l.RequestsPerSecond)
	count("limits.request_burst", l.RequestBurst)
	rate("limits.events_per_second", l.EventsPerSecond)
	count("limits.open_deliveries", l.OpenDeliveries)
	return invalid(wrong)
}

// allowNetworks lets an account's webhooks reach private networks, as the operator says.
func (c caller) allowNetworks(acc *switchhook.Account, networks []string) error {
	if c.account != switchhook.RootAccount {
		return wrongField(switchhook.CodeForbidden, "allow_networks", "only the operator's keys say which private networks webhooks may reach")
	}
	if len(networks) > mostNetworks {
		return switchhook.InvalidField("allow_networks", "expected at most %d entries", mostNetworks)
	}
	acc.AllowNetworks = nil
	for i, text := range networks {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return switchhook.InvalidField("allow_networks["+strconv.Itoa(i)+"]", "expected a network such as 10.1.0.0/16 or fd00::/8")
		}
		acc.AllowNetworks = append(acc.AllowNetworks, p.Masked().String())
	}
	return nil
}

func (a *api) deleteAccount(ctx context.Context, in *struct {
	ChangeID
	Recursive bool `query:"recursive" doc:"The accounts below it, too. Without it, one that has any is not deleted: 409."`
},
) (*struct{}, error) {
	a.Changes.Lock()
	defer a.Changes.Unlock()
	c := a.callerNow(ctx)
	if !c.sees(in.ID) {
		return nil, notFound("account", in.ID)
	}
	if err := in.match(c.accounts[in.ID].UpdatedAt); err != nil {
		return nil, err
	}
	all := caller{tenants: c.tenants, account: in.ID}.below()
	switch {
	case in.ID == c.account:
		return nil, switchhook.Errorf(switchhook.CodeConflict, "a key cannot delete its own account; a key of an account above it can")
	case len(all) > 1 && !in.Recursive:
		return nil, switchhook.Errorf(switchhook.CodeConflict, "the account %s has accounts below it (%d in all); move or delete them first, or add ?recursive=true", in.ID, len(all)-1)
	}
	for _, s := range c.sources {
		if !slices.Contains(all, s.AccountID) {
			continue
		}
		if err := a.mayConnect(c, s.Kind); err != nil {
			return nil, err
		}
	}
	var audit []*switchhook.AuditEntry
	for _, id := range all { // of whoever is left to read it
		audit = append(audit, a.audit(ctx, c.accounts[in.ID].ParentID, "account", id, accountState(c.accounts[id], c.flows[id]), nil))
	}
	if err := a.Store.DeleteAccounts(ctx, all, audit...); err != nil {
		return nil, err
	}
	if err := a.reload(ctx); err != nil {
		return nil, err
	}
	a.IDs.Forget(all)
	a.Router.Forget(all)
	return nil, nil
}

// setFlowWebhooks makes the webhook of an account's call flows, or turns it on or
// off: that there is one which is on is what allows them.
func (a *api) setFlowWebhooks(ctx context.Context, accountID string, allowed bool) error {
	webhooks, err := a.Store.Webhooks(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(webhooks, func(w *switchhook.Webhook) bool { return w.Flow && w.AccountID == accountID })
	switch {
	case i < 0 && !allowed:
		return nil
	case i < 0:
		w := webhookOf(accountID, webhookInput{})
		w.ID, w.CreatedAt, w.Secrets = switchhook.NewID(switchhook.PrefixWebhook), now(), []switchhook.Secret{{Value: switchhook.NewSecret()}}
		w.Name, w.Flow, w.Events, w.Dialect, w.UpdatedAt = "Call flows", true, []string{"flow.webhook"}, "kazoo", w.CreatedAt
		return a.Store.CreateWebhook(ctx, w)
	case webhooks[i].Enabled == allowed:
		return nil
	}
	w := *webhooks[i]
	w.Enabled, w.DisableReason, w.UpdatedAt = allowed, "", now()
	if !allowed {
		w.DisableReason = turnedOff
	}
	return a.Store.UpdateWebhook(ctx, &w)
}

func (a *api) listAccounts(ctx context.Context, in *struct{ Paging }) (*listOutput[accountView], error) {
	c := callerOf(ctx)
	var list []*switchhook.Account
	if ids := c.all(); ids != nil {
		for _, id := range ids {
			list = append(list, c.accounts[id])
		}
	} else {
		list = slices.Collect(maps.Values(c.accounts))
	}
	page, next, err := pageOf(list, in.page(), func(acc *switchhook.Account) string { return acc.ID }, sorted)
	if err != nil {
		return nil, err
	}
	var views []accountView
	for _, acc := range page {
		views = append(views, c.view(acc))
	}
	return listOf(views, next), nil
}

func (a *api) getAccount(ctx context.Context, in *PathID) (*tagged[accountView], error) {
	c := callerOf(ctx)
	if !c.sees(in.ID) {
		return nil, notFound("account", in.ID)
	}
	return tag(c.accounts[in.ID].UpdatedAt, c.view(c.accounts[in.ID])), nil
}

// taken says in our words that an id is taken.
func taken(err error, what, id string) error {
	if switchhook.ErrorCode(err) == switchhook.CodeConflict {
		return wrongField(switchhook.CodeConflict, "id", "the %s %q is already there", what, id)
	}
	return err
}

// now is the time that goes into what is made here. Microseconds are what every
// store keeps.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
