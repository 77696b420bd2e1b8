package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/expression"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// mask stands where a secret is not shown. A PATCH that sends it back changes
// nothing, so what was read can be sent.
const mask = switchhook.Mask

// rotation is how long the old secret goes on signing beside the new one.
const rotation = 24 * time.Hour

// A webhookInput is a webhook as a client sets it up. Members that are absent
// or null have their default.
type webhookInput struct {
	AccountID string   `json:"account_id,omitzero" doc:"Whose it is. Default: the key's account. Cannot be changed."`
	Name      string   `json:"name,omitzero" maxLength:"200" doc:"For people. Default: the URL's host."`
	URL       string   `json:"url" format:"uri" maxLength:"2048" doc:"Where requests go: http or https." example:"https://example.com/hook"`
	Events    []string `json:"events" minItems:"1" doc:"Which events: globs of types such as call.*, or a dialect's own names such as kazoo:channel_destroy." example:"[\"call.*\"]"`
	Dialect   string   `json:"dialect,omitzero" default:"switchhook" doc:"The shape of the requests: our own (switchhook), another system's such as kazoo, or template for a body of your own. GET /v1/event-types says what each has."`
	Format    string   `json:"format,omitzero" doc:"json or form, where the dialect has both."`
	Method    string   `json:"method,omitzero" doc:"Where the dialect knows several. Default: the dialect's."`
	Enabled   *bool    `json:"enabled,omitzero" default:"true" doc:"false: nothing is sent and open deliveries are cancelled."`

	Scope               *switchhook.Scope `json:"scope,omitzero" doc:"Only events of these numbers, extensions, ring groups or queues."`
	IncludeSubaccounts  bool              `json:"include_subaccounts,omitzero" doc:"Events of the accounts below, too."`
	IncludeInternalLegs *bool             `json:"include_internal_legs,omitzero" default:"true" doc:"Loopback legs inside the switch, too."`
	CustomData          map[string]string `json:"custom_data,omitzero" doc:"Added to each request (kazoo only)."`
	Modifiers           map[string]any    `json:"modifiers,omitzero" doc:"Kazoo's own filters and settings (kazoo only)."`
	Headers             map[string]string `json:"headers,omitzero" doc:"Added to each request. Not Host, Content-Length, Transfer-Encoding, Connection or webhook-*."`
	Auth                *switchhook.Auth  `json:"auth,omitzero" doc:"How the receiver wants us to prove who we are, beside the signature."`
	TLS                 *switchhook.TLS   `json:"tls,omitzero" doc:"Whom the receiver is known by, and how it knows us. Default: by the system's authorities; not at all."`
	DialectOptions      map[string]any    `json:"dialect_options,omitzero" doc:"Settings of the dialect."`
	Mask                []string          `json:"mask,omitzero" doc:"What of people's data is masked in its requests, and so in its attempts: numbers (phone numbers, but for their last 2 or 4 digits, wherever they stand) and text (what messages, transcriptions and mails say). Filters see everything." example:"[\"numbers\",\"text\"]"`

	Retry          *retryInput          `json:"retry,omitzero" doc:"When a failed delivery is tried again. Default: {\"policy\":\"standard\"}."`
	Timeout        *switchhook.Duration `json:"timeout,omitzero" doc:"Of one attempt: 1s to 60s. Default: 15s."`
	MaxConcurrency *int                 `json:"max_concurrency,omitzero" default:"16" minimum:"1" maximum:"256" doc:"The most requests under way at once."`
	RateLimit      *float64             `json:"rate_limit,omitzero" doc:"Requests a second at most, evenly spread, retries among them: 0.00001 to 100000; 0.5 is one in two seconds. null or 0: no limit."`
	Ordering       string               `json:"ordering,omitzero" enum:"key,none" default:"key" doc:"key: deliveries with the same key wait for one another."`
	Hold           *switchhook.Duration `json:"hold,omitzero" doc:"How long a failing delivery holds back its key: 0s to 1h. Default: 30s."`
	MaxAge         switchhook.Duration  `json:"max_age,omitzero" doc:"The age at which a delivery expires, at least 1s. Default: as the type's freshness says."`
	Signing        string               `json:"signing,omitzero" enum:"hmac,ed25519,both" default:"hmac" doc:"With what requests are signed (Standard Webhooks): hmac with a secret that you have too (v1), ed25519 with a key whose public half you have (v1a), or both."`
	Secret         string               `json:"secret,omitzero" doc:"Signs the requests: whsec_ and the base64 of 24 to 64 bytes; for ed25519 whsk_ and that of a private key. Default: one is made. Only at creation; later see rotate-secret."`

	Filter string `json:"filter,omitzero" maxLength:"4096" doc:"A CEL expression over the event: only events for which it is true are delivered." example:"data.call.direction == \"inbound\""`

	near bool // the URL is of whoever listens, and nothing is sent there from here
}

// A retryInput is either a policy's name or a schedule.
type retryInput struct {
	Policy   string                `json:"policy,omitzero" enum:"standard,none,kazoo" doc:"standard: 5s, 30s, 2m, 10m, 30m, 2h, 5h, 10h, 14h, 20h. none: never. kazoo: as Kazoo does it: only 200 is success (201 for PUT), any other answer is final, a broken connection is tried again after 2s, six failures within a minute turn the webhook off."`
	Tries    *int                  `json:"tries,omitzero" minimum:"1" maximum:"5" doc:"Of the policy kazoo: how often it is tried in all. Default: 2."`
	Schedule []switchhook.Duration `json:"schedule,omitzero" maxItems:"50" doc:"Times to wait before each further try, each up to 7 days."`
}

// A webhookView is a webhook as it is shown.
type webhookView struct {
	switchhook.Webhook
	Status  string       `json:"status" enum:"active,paused,failing,disabled" doc:"active: it takes what comes. failing: attempts fail one after the other; its deliveries wait, and now and then one is tried. paused: its deliveries wait until it is resumed. disabled: nothing is sent, and what was open is cancelled."`
	Stats   statsView    `json:"stats" doc:"How its deliveries fare."`
	Secrets []secretView `json:"secrets" doc:"What signs its requests, the newest first."`
	Secret  string       `json:"secret,omitzero" doc:"The signing secret. Shown at creation and at rotation, never again. Absent where requests are signed with Ed25519 alone: see public_key among secrets."`
	// Warnings are told with the answer to a change.
	Warnings []string `json:"warnings,omitzero" doc:"What is likely not meant, such as a filter that fails on every sample. Told when the webhook is made or changed."`
}

// webhookStats are the members of a webhook's stats.
type webhookStats struct {
	Pending         int64     `json:"pending,omitzero" doc:"Deliveries that are open."`
	InFlight        int64     `json:"in_flight,omitzero" doc:"Requests under way."`
	FailuresInARow  int64     `json:"failures_in_a_row,omitzero" doc:"Attempts that have failed since the last success, since the program's start."`
	LastError       string    `json:"last_error,omitzero" doc:"Why an attempt failed the last time, for a person."`
	LastErrorAt     time.Time `json:"last_error_at,omitzero" doc:"When that was."`
	OldestWaitingAt time.Time `json:"oldest_waiting_at,omitzero" doc:"When the event of its oldest open delivery was accepted. Absent: nothing is open."`
	LastAttemptAt   time.Time `json:"last_attempt_at,omitzero" doc:"When an attempt ended the last time. Absent: none has since the program's start."`
	FailingSince    time.Time `json:"failing_since,omitzero" doc:"The first failure after the last success. Absent: the last attempt was a success."`
	NextProbeAt     time.Time `json:"next_probe_at,omitzero" doc:"When a failing webhook is tried next."`
	FilterErrors    int64     `json:"filter_errors,omitzero" doc:"How often its filter could not say whether it wants an event, since the program's start."`
	LastFilterError string    `json:"last_filter_error,omitzero" doc:"Why, the last time."`
}

// A statsView has the members of webhookStats, as the engine tells them.
type statsView map[string]any

// Schema is the schema of webhookStats.
func (statsView) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[webhookStats](), true, "")
}

// A secretView is a secret as it is shown: not at all.
type secretView struct {
	Value     string    `json:"value" doc:"Masked."`
	PublicKey string    `json:"public_key,omitzero" doc:"Of an Ed25519 key: what receivers verify with, whpk_ and base64. Absent: it is the secret of an HMAC."`
	ExpiresAt time.Time `json:"expires_at,omitzero" doc:"Until when it signs beside the newer one. Absent: until it is rotated."`
}

func (a *api) registerWebhooks() {
	tags := []string{"Webhooks"}
	handle(a, huma.Operation{
		OperationID: "create-webhook", Method: http.MethodPost, Path: "/v1/webhooks", Tags: tags, Summary: "Create a webhook", DefaultStatus: http.StatusCreated,
		Description: "It is in force when the answer is sent. The answer is the only one that shows the secret.",
	}, a.createWebhook)
	handle(a, huma.Operation{
		OperationID: "list-webhooks", Method: http.MethodGet, Path: "/v1/webhooks", Tags: tags, Summary: "List webhooks, oldest first",
	}, a.listWebhooks)
	handle(a, huma.Operation{
		OperationID: "get-webhook", Method: http.MethodGet, Path: "/v1/webhooks/{id}", Tags: tags, Summary: "Get a webhook",
	}, a.getWebhook)
	handle(a, huma.Operation{
		OperationID: "update-webhook", Method: http.MethodPatch, Path: "/v1/webhooks/{id}", Tags: tags, Summary: "Change a webhook",
		Description: "JSON Merge Patch (RFC 7396): what is left out stays, null goes back to the default.",
	}, a.patchWebhook)
	handleOptional(a, huma.Operation{
		OperationID: "re-enable-webhooks", Method: http.MethodPost, Path: "/v1/webhooks/re-enable", Tags: tags, Summary: "Turn on again what was disabled",
		Description: "Enables the webhooks of an account that Switchhook has disabled (a 410, days of failure, or too many failures under the policy kazoo). Those that their owner turned off stay off. " +
			"What they missed meanwhile comes with a replay of what is missing.",
	}, a.reEnableWebhooks)
	handle(a, huma.Operation{
		OperationID: "delete-webhook", Method: http.MethodDelete, Path: "/v1/webhooks/{id}", Tags: tags, Summary: "Delete a webhook",
		Description: "Its open deliveries are cancelled.",
	}, a.deleteWebhook)
	handle(a, huma.Operation{
		OperationID: "pause-webhook", Method: http.MethodPost, Path: "/v1/webhooks/{id}/pause", Tags: tags, Summary: "Pause a webhook",
		Description: "Nothing is sent from then on; requests under way end. Its deliveries wait, as long as history is kept or until their freshness ends. A paused one stays so.",
	}, a.pauseWebhook)
	handle(a, huma.Operation{
		OperationID: "resume-webhook", Method: http.MethodPost, Path: "/v1/webhooks/{id}/resume", Tags: tags, Summary: "Resume a paused webhook",
		Description: "What waits is sent, each key in its order. One that is not paused stays as it is.",
	}, a.resumeWebhook)
	handleOptional(a, huma.Operation{
		OperationID: "test-webhook", Method: http.MethodPost, Path: "/v1/webhooks/{id}/test", Tags: tags, Summary: "Send a sample now",
		Description: "Sends the type's sample and answers with the attempt, whatever came back.",
	}, a.testWebhook)
	handle(a, huma.Operation{
		OperationID: "preview-webhook", Method: http.MethodGet, Path: "/v1/webhooks/{id}/preview", Tags: tags, Summary: "Show the request that an event would make",
		Description: "Nothing is sent. Credentials are masked, and it is signed with a throw-away key.",
	}, a.previewWebhook)
	handle(a, huma.Operation{
		OperationID: "preview-new-webhook", Method: http.MethodPost, Path: "/v1/webhooks/preview", Tags: tags, Summary: "Show the request that a new webhook would make",
		Description: "Of a webhook that there is not yet. Nothing is sent or kept. Credentials are masked, and it is signed with a throw-away key.",
	}, a.previewNew)
	handleOptional(a, huma.Operation{
		OperationID: "rotate-webhook-secret", Method: http.MethodPost, Path: "/v1/webhooks/{id}/rotate-secret", Tags: tags, Summary: "Change the signing secret",
		Description: "Requests are signed with the new and the old one for 24 hours, then with the new one alone. Of a webhook that signs with both kinds, both are changed, unless secret says one.",
	}, a.rotateSecret)
}

func (a *api) viewWebhook(w *switchhook.Webhook) *webhookView {
	v := &webhookView{Webhook: *w, Status: "disabled", Stats: statsView{}, Secrets: []secretView{}}
	v.Signing = cmp.Or(w.Signing, switchhook.SigningHMAC)
	v.DialectOptions = maps.Clone(w.DialectOptions)
	for name := range v.DialectOptions {
		if secretOption(name) {
			v.DialectOptions[name] = mask
		}
	}
	v.Headers = maps.Clone(w.Headers)
	for name := range v.Headers {
		if switchhook.SecretHeader(name) {
			v.Headers[name] = mask
		}
	}
	if w.Auth != nil {
		auth := *w.Auth
		auth.Password, auth.Token, auth.ClientSecret = masked(auth.Password), masked(auth.Token), masked(auth.ClientSecret)
		v.Auth = &auth
	}
	if w.TLS != nil {
		v.TLS = &switchhook.TLS{CA: w.TLS.CA, Certificate: w.TLS.Certificate, Key: masked(w.TLS.Key)}
	}
	at := time.Now()
	for _, s := range w.Secrets {
		if s.Live(at) {
			v.Secrets = append(v.Secrets, secretView{Value: mask, PublicKey: s.PublicKey(), ExpiresAt: s.ExpiresAt})
		}
	}
	status, stats := a.Engine.Status(w.ID)
	if w.Enabled {
		v.Status = cmp.Or(status, "active")
	}
	if stats != nil {
		v.Stats = stats
	}
	if n, last := a.Router.FilterErrors(w.ID); n > 0 {
		v.Stats["filter_errors"], v.Stats["last_filter_error"] = n, last
	}
	return v
}

// secretOption reports whether an option of a dialect is a key, such as Kazoo's
// sha256_key.
func secretOption(name string) bool { return strings.HasSuffix(name, "_key") }

func masked(secret string) string {
	if secret == "" {
		return ""
	}
	return mask
}

func (a *api) createWebhook(ctx context.Context, in *struct{ Body jsonBody[webhookInput] }) (*tagged[*webhookView], error) {
	if says(in.Body.raw, "paused_at") {
		return nil, switchhook.InvalidField("paused_at", "is read only; use POST /v1/webhooks/{id}/pause")
	}
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	c := callerOf(ctx)
	w, err := a.buildWebhook(c, body, false)
	if err != nil {
		return nil, err
	}
	w.ID, w.CreatedAt = switchhook.NewID(switchhook.PrefixWebhook), now()
	w.UpdatedAt = w.CreatedAt
	secret := renew(w, body.Secret, kindsOf(w.Signing), w.CreatedAt)
	a.Changes.Lock()
	defer a.Changes.Unlock()
	if _, err := a.callerNow(ctx).owner(w.AccountID); err != nil { // it may be gone by now
		return nil, err
	}
	if err := a.Store.CreateWebhook(ctx, w, a.audit(ctx, w.AccountID, "webhook", w.ID, nil, a.webhookState(w))); err != nil {
		return nil, err
	}
	return a.changedWebhook(ctx, w, secret)
}

// changedWebhook brings a webhook into force and shows it.
func (a *api) changedWebhook(ctx context.Context, w *switchhook.Webhook, secret string) (*tagged[*webhookView], error) {
	if err := a.reload(ctx); err != nil {
		return nil, fmt.Errorf("the webhook %s is kept, but not yet in force: %w", w.ID, err)
	}
	v := a.viewWebhook(w)
	v.Secret, v.Warnings = secret, a.warnings(w) //nolint:contextcheck // an expression bounds its time itself
	return tag(w.UpdatedAt, v), nil
}

func (a *api) listWebhooks(ctx context.Context, in *struct {
	Paging
	AccountID string `query:"account_id" doc:"Only webhooks of this account. Default: of all that the key opens."`
},
) (*listOutput[*webhookView], error) {
	page, next, err := a.pageOfWebhooks(ctx, in.AccountID, in.page())
	if err != nil {
		return nil, err
	}
	var views []*webhookView
	for _, w := range page {
		views = append(views, a.viewWebhook(w))
	}
	return listOf(views, next), nil
}

// pageOfWebhooks are those of a page that the caller sees, oldest first: of one account, or
// of all.
func (a *api) pageOfWebhooks(ctx context.Context, account string, p switchhook.Page) (page []*switchhook.Webhook, next string, err error) {
	c := callerOf(ctx)
	if _, err := c.only(account); err != nil {
		return nil, "", err
	}
	all, err := a.Store.Webhooks(ctx)
	if err != nil {
		return nil, "", err
	}
	mine := slices.DeleteFunc(all, func(w *switchhook.Webhook) bool {
		return !c.sees(w.AccountID) || account != "" && account != w.AccountID
	})
	return pageOf(mine, p, func(w *switchhook.Webhook) string { return rising(w.CreatedAt.UnixMicro()) + w.ID }, sorted)
}

// webhook finds a webhook of the caller's. It is a copy, whose members may be set.
func (a *api) webhook(ctx context.Context, id string) (*switchhook.Webhook, error) {
	w, err := a.Store.Webhook(ctx, id)
	if switchhook.ErrorCode(err) == switchhook.CodeNotFound || err == nil && !callerOf(ctx).sees(w.AccountID) {
		return nil, notFound("webhook", id)
	}
	if err != nil {
		return nil, err
	}
	own := *w
	return &own, nil
}

func (a *api) auditWebhook(ctx context.Context, before, after *switchhook.Webhook) *switchhook.AuditEntry {
	return a.audit(ctx, after.AccountID, "webhook", after.ID, a.webhookState(before), a.webhookState(after))
}

// webhookToChange finds the webhook of a change, in the version that it is a change of.
func (a *api) webhookToChange(ctx context.Context, in ChangeID) (*switchhook.Webhook, error) {
	w, err := a.webhook(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return w, in.match(w.UpdatedAt)
}

func (a *api) getWebhook(ctx context.Context, in *PathID) (*tagged[*webhookView], error) {
	w, err := a.webhook(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return tag(w.UpdatedAt, a.viewWebhook(w)), nil
}

func (a *api) patchWebhook(ctx context.Context, in *struct {
	ChangeID
	Body patchBody[webhookInput]
},
) (*tagged[*webhookView], error) {
	a.Changes.Lock()
	defer a.Changes.Unlock()
	old, err := a.webhookToChange(ctx, in.ChangeID)
	if err != nil {
		return nil, err
	}
	if says(in.Body.raw, "paused_at") {
		return nil, switchhook.InvalidField("paused_at", "is read only; use POST /v1/webhooks/%s/pause or /resume", old.ID)
	}
	body, err := merge(inputOf(old), in.Body.raw, settleWebhook)
	if err != nil {
		return nil, err
	}
	switch {
	case body.Secret != "":
		return nil, switchhook.InvalidField("secret", "cannot be changed here; use POST /v1/webhooks/%s/rotate-secret", old.ID)
	case body.AccountID != old.AccountID:
		return nil, switchhook.InvalidField("account_id", "cannot be changed")
	}
	w, err := a.buildWebhook(callerOf(ctx), body, old.Flow)
	if err != nil {
		return nil, err
	}
	w.ID, w.CreatedAt, w.UpdatedAt, w.Secrets, w.PausedAt = old.ID, old.CreatedAt, later(old.UpdatedAt), old.Secrets, old.PausedAt
	if !w.Enabled && !says(in.Body.raw, "enabled") {
		w.DisableReason = old.DisableReason // it was off, and this says nothing of it
	}
	var secret string
	if w.Signing != cmp.Or(old.Signing, switchhook.SigningHMAC) {
		secret = renew(w, "", missing(w), w.UpdatedAt)
	}
	if err := a.Store.UpdateWebhook(ctx, w, a.auditWebhook(ctx, old, w)); err != nil {
		return nil, err
	}
	return a.changedWebhook(ctx, w, secret)
}

func (a *api) pauseWebhook(ctx context.Context, in *ChangeID) (*tagged[*webhookView], error) {
	return a.setPaused(ctx, *in, true)
}

func (a *api) resumeWebhook(ctx context.Context, in *ChangeID) (*tagged[*webhookView], error) {
	return a.setPaused(ctx, *in, false)
}

func (a *api) setPaused(ctx context.Context, in ChangeID, paused bool) (*tagged[*webhookView], error) {
	a.Changes.Lock()
	defer a.Changes.Unlock()
	w, err := a.webhookToChange(ctx, in)
	if err != nil {
		return nil, err
	}
	if paused != w.PausedAt.IsZero() { // it is so already
		return tag(w.UpdatedAt, a.viewWebhook(w)), nil
	}
	was := *w
	w.UpdatedAt, w.PausedAt = later(w.UpdatedAt), time.Time{}
	if paused {
		w.PausedAt = w.UpdatedAt
	}
	if err := a.Store.UpdateWebhook(ctx, w, a.auditWebhook(ctx, &was, w)); err != nil {
		return nil, err
	}
	return a.changedWebhook(ctx, w, "")
}

// A reEnableInput says whose webhooks are turned on again.
type reEnableInput struct {
	AccountID          string `json:"account_id,omitzero" doc:"The account. Default: the key's."`
	IncludeSubaccounts bool   `json:"include_subaccounts,omitzero" doc:"Webhooks of the accounts below, too."`
}

// A reEnabled names the webhooks that were turned on again.
type reEnabled struct {
	Items []*webhookView `json:"items" doc:"The webhooks that are enabled again."`
}

func (a *api) reEnableWebhooks(ctx context.Context, in *struct {
	Body jsonBody[reEnableInput]
},
) (*output[reEnabled], error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	selected := bulkInput{AccountID: body.AccountID, IncludeSubaccounts: body.IncludeSubaccounts}
	items, err := a.changeMany(ctx, selected, func(w *switchhook.Webhook, _ time.Time) bool {
		failed := !w.Enabled && w.DisableReason != "" && w.DisableReason != turnedOff
		if failed {
			w.Enabled, w.DisableReason = true, ""
		}
		return failed
	})
	if err != nil {
		return nil, err
	}
	return &output[reEnabled]{Body: reEnabled{items}}, nil
}

// says reports whether a merge patch has a member.
func says(patch []byte, member string) bool {
	o, err := ordjson.Parse(patch)
	return err == nil && o.Has(member)
}

// turnedOff is the reason why a webhook is disabled that its owner disabled. It is
// stored, and tells these webhooks from those that Switchhook has disabled: it may
// not be reworded.
const turnedOff = "turned off by its owner"

func (a *api) deleteWebhook(ctx context.Context, in *ChangeID) (*struct{}, error) {
	a.Changes.Lock()
	defer a.Changes.Unlock()
	w, err := a.webhookToChange(ctx, *in)
	if err != nil {
		return nil, err
	}
	if err := a.Store.DeleteWebhook(ctx, in.ID, a.audit(ctx, w.AccountID, "webhook", w.ID, a.webhookState(w), nil)); err != nil {
		if switchhook.ErrorCode(err) == switchhook.CodeNotFound {
			return nil, notFound("webhook", in.ID)
		}
		return nil, err
	}
	return nil, a.reload(ctx)
}

// A testInput says what a test sends.
type testInput struct {
	Type string `json:"type,omitzero" doc:"The event type. Default: the first that the webhook's events select."`
}

func (a *api) testWebhook(ctx context.Context, in *struct {
	PathID
	Body jsonBody[testInput]
},
) (*output[*switchhook.Attempt], error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	w, err := a.webhook(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	ev, err := a.sample(w, body.Type)
	if err != nil {
		return nil, err
	}
	attempt, err := a.Engine.Test(ctx, w, ev)
	if err != nil {
		return nil, err
	}
	return &output[*switchhook.Attempt]{Body: attempt}, nil
}

// sample makes the sample event of a type that the webhook's dialect can send.
func (a *api) sample(w *switchhook.Webhook, typeName string) (*switchhook.Event, error) {
	chosen := typeName != ""
	if typeName == "" {
		if typeName = a.firstType(w); typeName == "" {
			return nil, switchhook.InvalidField("type", "is required: the dialect %s has nothing for what the webhook's events select", w.Dialect)
		}
	}
	if _, ok := catalogue.Lookup(typeName); !ok {
		return nil, wrongField(switchhook.CodeUnknownType, "type", "there is no event type %q; see /v1/event-types", typeName)
	}
	events, err := a.Router.Samples(w, typeName)
	if err != nil {
		return nil, err
	}
	d := a.dialects[w.Dialect]
	events = slices.DeleteFunc(events, func(ev *switchhook.Event) bool { return d == nil || d.EventName(ev) == "" })
	if len(events) == 0 {
		return nil, switchhook.InvalidField("type", "the dialect %s has nothing for %s", w.Dialect, typeName)
	}
	for _, ev := range events { // kazoo:object/device selects one schema's records
		if a.names(w, ev) {
			return ev, nil
		}
	}
	globs := slices.ContainsFunc(w.Events, func(entry string) bool { return !strings.Contains(entry, ":") })
	if !chosen && !globs {
		return nil, switchhook.InvalidField("events", "%s selects only what that system has sent itself; there is no sample of it", strings.Join(w.Events, ", "))
	}
	return events[0], nil
}

// names reports whether a webhook selects an event by a dialect's own name.
func (a *api) names(w *switchhook.Webhook, ev *switchhook.Event) bool {
	return slices.ContainsFunc(w.Events, func(entry string) bool {
		system, selector, own := strings.Cut(entry, ":")
		d := a.dialects[system]
		return own && d != nil && dialect.Selects(selector, d.EventName(ev))
	})
}

func (a *api) previewWebhook(ctx context.Context, in *struct {
	PathID
	Type    string `query:"type" doc:"The event type whose sample is shown. Default: the first that the webhook's events select."`
	EventID string `query:"event_id" doc:"An accepted event to show instead."`
},
) (*output[*switchhook.HTTPRequest], error) {
	w, err := a.webhook(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return a.preview(ctx, w, in.Type, in.EventID)
}

// A previewInput says which request is shown, of a webhook that there is not yet.
type previewInput struct {
	Webhook webhookInput `json:"webhook" doc:"The webhook, as it would be created."`
	Type    string       `json:"type,omitzero" doc:"The event type whose sample is shown. Default: the first that the webhook's events select."`
	EventID string       `json:"event_id,omitzero" doc:"An accepted event to show instead."`
}

// A previewView is the request of a webhook that there is not yet, and what its filter
// does to the samples.
type previewView struct {
	switchhook.HTTPRequest
	Samples []sampleMatch `json:"samples,omitzero" doc:"What the filter says of the sample of each type that is selected, up to some hundred. Absent: there is no filter."`
}

// A sampleMatch is what a filter says of a type's sample.
type sampleMatch struct {
	Type  string `json:"type" doc:"The event type."`
	Match bool   `json:"match" doc:"The filter lets it through."`
	Error string `json:"error,omitzero" doc:"Why the filter cannot say, and so does not let it through."`
}

// samples tries a webhook's filter on the samples of what it selects, as far as
// a few filters may cost.
func (a *api) samples(w *switchhook.Webhook) []sampleMatch {
	if w.Filter == "" {
		return nil
	}
	program, err := expression.CompileFilter(w.Filter)
	if err != nil {
		return nil // the webhook was refused for it
	}
	var out []sampleMatch
	for t, match := range program.Samples(a.selectedTypes(w)...) {
		m := sampleMatch{Type: t.Name, Match: match == nil}
		if match != nil && !errors.Is(match, expression.ErrNoMatch) {
			m.Error = match.Error()
		}
		out = append(out, m)
	}
	return out
}

func (a *api) previewNew(ctx context.Context, in *struct{ Body jsonBody[previewInput] }) (*output[*previewView], error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	w, err := a.buildWebhook(callerOf(ctx), body.Webhook, false)
	if err != nil {
		return nil, within("webhook", err)
	}
	w.ID = switchhook.NewID(switchhook.PrefixWebhook) // some dialects send it
	req, err := a.preview(ctx, w, body.Type, body.EventID)
	if err != nil {
		return nil, err
	}
	return &output[*previewView]{Body: &previewView{HTTPRequest: *req.Body, Samples: a.samples(w)}}, nil //nolint:contextcheck // bounded in cost and time by itself
}

// within is an error about a member of what was sent.
func within(member string, err error) error {
	e, ok := asOwn(err)
	if !ok || len(e.Fields) == 0 {
		return err
	}
	out := &switchhook.Error{Code: e.Code}
	for _, f := range e.Fields {
		out.Fields = append(out.Fields, switchhook.FieldError{Field: member + "." + f.Field, Message: f.Message})
	}
	out.Message = sentence(out.Fields)
	return out.With(err)
}

// preview is the request that a type's sample or an accepted event would make.
func (a *api) preview(ctx context.Context, w *switchhook.Webhook, typeName, eventID string) (*output[*switchhook.HTTPRequest], error) {
	var ev *switchhook.Event
	var err error
	switch {
	case typeName != "" && eventID != "":
		return nil, switchhook.InvalidField("event_id", "give type or event_id, not both")
	case eventID != "":
		ev, err = a.eventFor(ctx, w, eventID)
	default:
		ev, err = a.sample(w, typeName)
	}
	if err != nil {
		return nil, err
	}
	req, err := a.Engine.Preview(w, ev)
	if err != nil {
		return nil, err
	}
	return &output[*switchhook.HTTPRequest]{Body: req}, nil
}

// eventFor finds an event that the webhook's account may see.
func (a *api) eventFor(ctx context.Context, w *switchhook.Webhook, id string) (*switchhook.Event, error) {
	owner := caller{tenants: callerOf(ctx).tenants, account: w.AccountID}
	ev, err := a.Store.Event(ctx, owner.all(), id)
	if switchhook.ErrorCode(err) == switchhook.CodeNotFound {
		return nil, wrongField(switchhook.CodeNotFound, "event_id", "the webhook's account has no event %q", id)
	}
	if err != nil {
		return nil, err
	}
	if ev.Resources == nil {
		shown := *ev
		if err := catalogue.Attach(&shown); err != nil {
			return nil, err
		}
		ev = &shown
	}
	if a.dialects[w.Dialect].EventName(ev) == "" {
		return nil, switchhook.InvalidField("event_id", "the dialect %s has nothing for this %s event", w.Dialect, ev.Type)
	}
	return ev, nil
}

// inputOf is a webhook as its owner would have sent it.
func inputOf(w *switchhook.Webhook) webhookInput {
	return webhookInput{
		AccountID: w.AccountID, Name: w.Name, URL: w.URL, Events: w.Events, Dialect: w.Dialect, Format: w.Format, Method: w.Method, Enabled: &w.Enabled,
		Scope: w.Scope, IncludeSubaccounts: w.IncludeSubaccounts, IncludeInternalLegs: &w.IncludeInternalLegs, CustomData: w.CustomData, Modifiers: w.Modifiers,
		Headers: w.Headers, Auth: w.Auth, TLS: w.TLS, DialectOptions: w.DialectOptions, Mask: w.Mask, Retry: retryOf(w.Retry),
		Timeout: &w.Timeout, MaxConcurrency: &w.MaxConcurrency, RateLimit: &w.RateLimit, Ordering: w.Ordering, Hold: &w.Hold, MaxAge: w.MaxAge, Filter: w.Filter,
		Signing: w.Signing,
	}
}

func retryOf(r switchhook.Retry) *retryInput {
	in := &retryInput{Policy: r.Policy, Schedule: r.Schedule}
	if r.Tries > 0 {
		in.Tries = &r.Tries
	}
	return in
}

// settleWebhook puts right what merging member by member would get wrong: a
// masked secret that comes back stays what it was, a schedule takes the place of
// a policy, and another kind of auth that of the old one.
func settleWebhook(old, patch, merged map[string]any) {
	keepMasked(old["headers"], merged["headers"])
	keepMasked(old["dialect_options"], merged["dialect_options"])
	keepMasked(old["auth"], merged["auth"])
	keepMasked(old["tls"], merged["tls"])
	object := func(m map[string]any, name string) map[string]any {
		o, _ := m[name].(map[string]any)
		return o
	}
	if p, m := object(patch, "retry"), object(merged, "retry"); p != nil && m != nil {
		if p["schedule"] != nil && p["policy"] == nil {
			delete(m, "policy")
		}
		if p["policy"] != nil && p["schedule"] == nil {
			delete(m, "schedule")
		}
		if m["policy"] != "kazoo" && p["tries"] == nil {
			delete(m, "tries")
		}
	}
	if p := object(patch, "auth"); p["type"] != nil && p["type"] != object(old, "auth")["type"] {
		fresh := map[string]any{}
		mergeInto(fresh, p)
		merged["auth"] = fresh
	}
}

// keepMasked puts the old values where a mask was sent back.
func keepMasked(old, merged any) {
	o, _ := old.(map[string]any)
	m, _ := merged.(map[string]any)
	for name, v := range m {
		if v == mask && o[name] != nil {
			m[name] = o[name]
		}
		keepMasked(o[name], m[name])
	}
}

// host is the name that a webhook has if it was given none.
func host(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	return u.Host
}
