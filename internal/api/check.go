package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/expression"
)

// The bounds of a webhook's settings.
const (
	longestTitle  = 200  // characters of a name
	longestURL    = 2048 // bytes
	longestHost   = 253  // characters (RFC 1035 2.3.4)
	mostSelectors = 200
	longestGlob   = 256 // bytes of one entry of events
	mostHeaders   = 50
	longestHeader = 4096 // bytes of one value
	mostScope     = 1000 // entries of each list of a scope
	longestScope  = 256  // bytes of one entry
	mostRetries   = 50
	longestRetry  = 7 * 24 * time.Hour
	longestHold   = time.Hour
	lowestRate    = 0.00001
	highestRate   = 100_000
)

// A webhookCheck gathers what is wrong with a webhook, or with its replay.
type webhookCheck struct {
	a     *api
	w     *switchhook.Webhook
	near  bool // nothing is sent to its URL from here
	wrong []switchhook.FieldError
}

func (c *webhookCheck) bad(field, format string, args ...any) {
	if len(c.wrong) < mostErrors {
		c.wrong = append(c.wrong, switchhook.FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
	}
}

// webhookOf is a webhook with what its owner says, and the defaults for what is
// not said.
func webhookOf(account string, in webhookInput) *switchhook.Webhook {
	w := &switchhook.Webhook{
		AccountID: account, Name: in.Name, URL: in.URL, Events: in.Events, Dialect: cmp.Or(in.Dialect, "switchhook"), Format: in.Format, Method: strings.ToUpper(in.Method),
		Enabled: or(in.Enabled, true), Scope: in.Scope, IncludeSubaccounts: in.IncludeSubaccounts, IncludeInternalLegs: or(in.IncludeInternalLegs, true),
		CustomData: in.CustomData, Modifiers: in.Modifiers, Headers: in.Headers, Auth: in.Auth, TLS: in.TLS, DialectOptions: in.DialectOptions, Mask: in.Mask,
		Timeout: or(in.Timeout, switchhook.Duration(15*time.Second)), MaxConcurrency: or(in.MaxConcurrency, 16), RateLimit: or(in.RateLimit, 0), Ordering: cmp.Or(in.Ordering, "key"),
		Hold: or(in.Hold, switchhook.Duration(30*time.Second)), MaxAge: in.MaxAge, Filter: in.Filter,
		Retry: switchhook.Retry{Policy: "standard"}, Signing: cmp.Or(in.Signing, switchhook.SigningHMAC),
	}
	if !w.Enabled {
		w.DisableReason = turnedOff
	}
	if w.Scope.Empty() {
		w.Scope = nil
	}
	return w
}

// buildWebhook makes a webhook of what its owner says, or an error that names
// every field that is wrong. flow: it is the webhook of the account's call flows.
func (a *api) buildWebhook(cl caller, in webhookInput, flow bool) (*switchhook.Webhook, error) {
	account, err := cl.owner(in.AccountID)
	if err != nil {
		return nil, err
	}
	w := webhookOf(account, in)
	w.Flow = flow
	c := &webhookCheck{a: a, w: w, near: in.near}
	if flow {
		c.flow()
	} else {
		c.url()
	}
	if w.Name == "" {
		w.Name = host(w.URL)
		w.Name = w.Name[:min(len(w.Name), longestTitle)] // it is ASCII
	}
	if utf8.RuneCountInString(in.Name) > longestTitle {
		c.bad("name", "expected at most %d characters", longestTitle)
	}
	c.events()
	c.dialect()
	c.settings()
	c.scope()
	c.headers()
	c.mask()
	c.auth()
	c.tls()
	c.retry(in.Retry)
	c.limits()
	c.filter()
	c.masks()
	c.signing()
	if problem := secretProblem(in.Secret, w.Signing); in.Secret != "" && problem != "" {
		c.bad("secret", "%s", problem)
	}
	return w, invalid(c.wrong)
}

func or[T any](given *T, otherwise T) T {
	if given == nil {
		return otherwise
	}
	return *given
}

func (c *webhookCheck) url() {
	if c.w.URL == "" {
		c.bad("url", "is required: where the requests go, such as https://example.com/hook")
		return
	}
	c.address("url", c.w.URL)
}

// address checks a URL that requests are sent to.
func (c *webhookCheck) address(field, raw string) {
	u, err := url.Parse(raw)
	switch {
	case len(raw) > longestURL:
		c.bad(field, "expected at most %d characters", longestURL)
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		c.bad(field, "expected an http or https URL such as https://example.com/hook")
	case u.User != nil:
		c.bad(field, "expected no user and password in the URL; put them in auth")
	case strings.Contains(raw, "#"):
		c.bad(field, "expected no #: what follows it is never sent")
	case strings.IndexFunc(u.Host, func(r rune) bool { return r > 0x7f }) >= 0:
		c.bad(field, "expected a host in ASCII; write %.80q in punycode (xn--…)", u.Host)
	case len(u.Hostname()) > longestHost:
		c.bad(field, "expected a host of at most %d characters", longestHost)
	case !dialect.ValidPort(u.Port()):
		c.bad(field, "expected a port of 1 to 65535, got %s", u.Port())
	case c.a.CheckURL != nil && !c.near:
		if err := c.a.CheckURL(raw, c.w.AccountID); err != nil {
			c.bad(field, "%s", message(err))
		}
	}
}

// flow refuses what each event of a call flow says itself.
func (c *webhookCheck) flow() {
	const saysItself = "cannot be set on the webhook of call flows: each flow.webhook event says it in hook"
	if c.w.URL != "" {
		c.bad("url", saysItself)
	}
	if c.w.Method != "" {
		c.bad("method", saysItself)
	}
	if len(c.w.CustomData) > 0 {
		c.bad("custom_data", saysItself)
	}
	if !slices.Equal(c.w.Events, []string{"flow.webhook"}) {
		c.bad("events", `expected ["flow.webhook"] on the webhook of call flows`)
	}
	if d := c.a.dialects[c.w.Dialect]; d != nil && !slices.ContainsFunc(d.Table(), func(row dialect.Row) bool { return row.Type == "flow.webhook" }) {
		c.bad("dialect", "the dialect %s has nothing for flow.webhook", c.w.Dialect)
	}
	if c.w.IncludeSubaccounts {
		c.bad("include_subaccounts", "cannot be set on the webhook of call flows: the accounts below have their own")
	}
}

func (c *webhookCheck) filter() {
	if c.w.Filter == "" {
		return
	}
	if _, err := expression.CompileFilter(c.w.Filter); err != nil {
		c.bad("filter", "%s", err)
	}
}

// warnings are what is not wrong with a webhook, and likely not what its owner
// wants: a filter that fails on the sample of every type that is selected asks
// for something that most likely is not there. Data of one's own may be.
func (a *api) warnings(w *switchhook.Webhook) []string {
	if w.Filter == "" {
		return nil
	}
	program, err := expression.CompileFilter(w.Filter)
	if err != nil {
		return []string{"filter: " + err.Error()}
	}
	if err := program.Try(a.selectedTypes(w)...); err != nil {
		return []string{"filter: " + err.Error()}
	}
	return nil
}

// message is what an error says to the person, without the field that it names.
func message(err error) string {
	e, ok := asOwn(err)
	switch {
	case !ok:
		return err.Error()
	case len(e.Fields) > 0:
		return e.Fields[0].Message
	default:
		return e.Message
	}
}

func (c *webhookCheck) events() {
	if len(c.w.Events) == 0 {
		c.bad("events", `is required: which events, such as ["call.*"]; see /v1/event-types`)
	}
	if len(c.w.Events) > mostSelectors {
		c.bad("events", "expected at most %d entries", mostSelectors)
		return
	}
	for i, entry := range c.w.Events {
		field := "events[" + strconv.Itoa(i) + "]"
		name, selector, own := strings.Cut(entry, ":")
		if !own || len(entry) > longestGlob {
			c.glob(field, entry)
			continue
		}
		d := c.a.dialects[name]
		if d == nil {
			c.bad(field, "there is no dialect %q; there is %s", name, c.a.dialectNames())
			continue
		}
		if !slices.ContainsFunc(d.Table(), func(row dialect.Row) bool { return dialect.Selects(selector, row.Name) }) {
			c.bad(field, "the dialect %s has no event %q", name, selector)
		}
	}
}

func (c *webhookCheck) glob(field, glob string) {
	switch {
	case len(glob) > longestGlob:
		c.bad(field, "expected at most %d characters", longestGlob)
	case !matchesSomething(glob):
		c.bad(field, "no event type is selected by %q; see /v1/event-types", glob)
	}
}

// types checks a list of event types that something is narrowed to.
func (c *webhookCheck) types(globs []string) {
	if len(globs) > mostSelectors {
		c.bad("types", "expected at most %d entries", mostSelectors)
		return
	}
	for i, glob := range globs {
		c.glob("types["+strconv.Itoa(i)+"]", glob)
	}
}

// rate checks how much may happen a second; 0 is no limit.
func (c *webhookCheck) rate(field string, perSecond float64) {
	if perSecond != 0 && (perSecond < lowestRate || perSecond > highestRate) {
		c.bad(field, "expected a number a second of 0.00001 (about one a day) to 100000, or null for no limit")
	}
}

// matchesSomething reports whether a glob selects a type of the catalogue, or a
// free one.
func matchesSomething(glob string) bool {
	if glob == "" {
		return false
	}
	if slices.ContainsFunc(catalogue.All(), func(t *catalogue.Type) bool { return catalogue.Match(glob, t.Name) }) {
		return true
	}
	// A free name is any; it can be selected if the glob's stars could be one.
	_, ok := catalogue.Lookup(strings.ReplaceAll(glob, "*", "x"))
	return ok || catalogue.Match(glob, "custom.x")
}

func (a *api) dialectNames() string {
	return strings.Join(slices.Sorted(maps.Keys(a.dialects)), ", ")
}

func (c *webhookCheck) dialect() {
	d := c.a.dialects[c.w.Dialect]
	if d == nil {
		c.bad("dialect", "there is no dialect %q; there is %s", c.w.Dialect, c.a.dialectNames())
		return
	}
	for _, e := range d.Check(c.w) {
		c.bad(e.Field, "%s", e.Message)
	}
}

// mostSettings bounds what a dialect may be told, in bytes of JSON: all webhooks are in
// memory, and some of it goes into every request.
const mostSettings = 128 << 10

func (c *webhookCheck) settings() {
	for _, each := range []struct {
		field string
		value any
	}{{"custom_data", c.w.CustomData}, {"modifiers", c.w.Modifiers}, {"dialect_options", c.w.DialectOptions}} {
		if b, err := json.Marshal(each.value); err != nil || len(b) > mostSettings {
			c.bad(each.field, "expected at most %d KiB of JSON", mostSettings>>10)
		}
	}
}

func (c *webhookCheck) scope() {
	s := c.w.Scope
	if s == nil {
		return
	}
	for _, list := range []struct {
		field  string
		values []string
	}{{"numbers", s.Numbers}, {"extensions", s.Extensions}, {"ring_groups", s.RingGroups}, {"queues", s.Queues}} {
		if len(list.values) > mostScope {
			c.bad("scope."+list.field, "expected at most %d entries", mostScope)
		}
		if i := slices.IndexFunc(list.values, func(s string) bool { return len(s) > longestScope }); i >= 0 {
			c.bad(fmt.Sprintf("scope.%s[%d]", list.field, i), "expected at most %d bytes", longestScope)
		}
		if i := slices.Index(list.values, ""); i >= 0 {
			c.bad(fmt.Sprintf("scope.%s[%d]", list.field, i), "expected a string that is not empty")
		}
	}
}

func (c *webhookCheck) headers() {
	if len(c.w.Headers) > mostHeaders {
		c.bad("headers", "expected at most %d", mostHeaders)
		return
	}
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(c.w.Headers)) {
		field, lower := "headers."+name, strings.ToLower(name)
		switch {
		case !token(name):
			c.bad(field, "is no valid header name (RFC 9110)")
		case slices.Contains([]string{"host", "content-length", "transfer-encoding", "connection"}, lower), strings.HasPrefix(lower, "webhook-"):
			c.bad(field, "cannot be set; Switchhook sets it itself")
		case seen[lower]:
			c.bad(field, "is there twice; the case of letters does not count")
		case !fieldValue(c.w.Headers[name]):
			c.bad(field, "is no valid header value: no control characters, and no blanks at its ends")
		case len(c.w.Headers[name]) > longestHeader:
			c.bad(field, "expected at most %d bytes", longestHeader)
		}
		seen[lower] = true
	}
}

// mask checks what of people's data is to be masked.
func (c *webhookCheck) mask() {
	for i, what := range c.w.Mask {
		switch {
		case what != dialect.MaskNumbers && what != dialect.MaskText:
			c.bad("mask["+strconv.Itoa(i)+"]", "expected numbers or text")
		case slices.Contains(c.w.Mask[:i], what):
			c.bad("mask["+strconv.Itoa(i)+"]", "is there twice")
		}
	}
}

// token reports whether s is a token of RFC 9110 5.6.2.
func token(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	}) < 0
}

// fieldValue reports whether s can be a header's value (RFC 9110 5.5).
func fieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return strings.Trim(s, " \t") == s
}

// kazooTries is Kazoo's own default.
const kazooTries = 2

func (c *webhookCheck) retry(in *retryInput) {
	if in == nil {
		in = &retryInput{}
	}
	c.w.Retry = switchhook.Retry{Policy: in.Policy, Schedule: in.Schedule}
	switch {
	case in.Policy != "" && in.Policy != "standard" && in.Policy != "none" && in.Policy != "kazoo":
		c.bad("retry.policy", "expected standard, none or kazoo")
	case in.Policy != "" && in.Schedule != nil:
		c.bad("retry", "give policy or schedule, not both")
	case in.Schedule != nil && (len(in.Schedule) == 0 || len(in.Schedule) > mostRetries):
		c.bad("retry.schedule", "expected 1 to %d entries; for no retries use the policy none", mostRetries)
	case in.Policy == "" && in.Schedule == nil:
		c.w.Retry.Policy = "standard"
	}
	switch {
	case in.Policy == "kazoo" && in.Tries == nil:
		c.w.Retry.Tries = kazooTries
	case in.Policy == "kazoo" && *in.Tries >= 1 && *in.Tries <= 5:
		c.w.Retry.Tries = *in.Tries
	case in.Policy == "kazoo":
		c.bad("retry.tries", "expected 1 to 5, the first one counted")
	case in.Tries != nil:
		c.bad("retry.tries", "only the policy kazoo has it")
	}
	for i, d := range in.Schedule {
		if time.Duration(d) > longestRetry {
			c.bad(fmt.Sprintf("retry.schedule[%d]", i), "expected at most 7d")
		}
	}
}

func (c *webhookCheck) limits() {
	w := c.w
	if d := time.Duration(w.Timeout); d < time.Second || d > time.Minute {
		c.bad("timeout", "expected 1s to 60s")
	}
	if w.MaxConcurrency < 1 || w.MaxConcurrency > 256 {
		c.bad("max_concurrency", "expected 1 to 256")
	}
	c.rate("rate_limit", w.RateLimit)
	if w.Ordering != "key" && w.Ordering != "none" {
		c.bad("ordering", "expected key or none")
	}
	if time.Duration(w.Hold) > longestHold {
		c.bad("hold", "expected 0s to 1h")
	}
	if d := time.Duration(w.MaxAge); d != 0 && d < time.Second {
		c.bad("max_age", "expected at least 1s")
	}
}
