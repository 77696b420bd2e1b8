package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/ordjson"
)

const (
	// shortestName and shortestNumber are how much of a name or a number has to be given.
	shortestName   = 3 // characters
	shortestNumber = 4 // digits
	// mostSearched is how many of the last events are looked through for a part of a number.
	mostSearched = 2000
	// searchEnds is after how long no further places are searched.
	searchEnds = 2 * time.Second
)

// A hit is something that a search has found.
type hit struct {
	Kind      string    `json:"kind" enum:"account,webhook,source,user,record,job,call,event,delivery,attempt" doc:"What it is."`
	ID        string    `json:"id" doc:"Its id: GET /v1/calls/{id} and so on. Of a record schema/id, as in GET /v1/records/{schema}/{id}."`
	Title     string    `json:"title" doc:"What it is called, for people."`
	AccountID string    `json:"account_id" doc:"The account that it belongs to."`
	At        time.Time `json:"at,omitzero" doc:"When it happened, or was made. Absent: that is not known."`
}

func (a *api) registerSearch() {
	handle(a, huma.Operation{
		OperationID: "find", Method: http.MethodGet, Path: "/v1/search", Tags: []string{"System"}, Summary: "Find anything",
		Description: "By the id of anything; by a phone number, however it is written; by an extension; or by a part of a name or a number, of three letters or four digits at least. " +
			"A part of a number is looked for in the directory, among open calls and in the last events. What fits best comes first.",
	}, a.search)
}

func (a *api) search(ctx context.Context, in *struct {
	Q         string `query:"q" required:"true" minLength:"1" maxLength:"256" doc:"What is looked for." example:"(415) 555-0100"`
	AccountID string `query:"account_id" doc:"Only what is of this account. Default: of all that the key opens."`
	Limit     int    `query:"limit" default:"20" minimum:"1" maximum:"100" doc:"The most hits in the answer."`
},
) (*listOutput[hit], error) {
	c := callerOf(ctx)
	accounts, err := c.only(in.AccountID)
	if err != nil {
		return nil, err
	}
	webhooks, err := a.Store.Webhooks(ctx)
	if err != nil {
		return nil, err
	}
	s := &search{a: a, c: c, accounts: accounts, text: strings.TrimSpace(in.Q), limit: in.Limit, webhooks: webhooks, seen: map[[3]string]bool{}}
	s.digits = digitsOf(s.text)
	s.written = s.forms()
	until := time.Now().Add(searchEnds)
	for _, look := range []func(context.Context) error{s.ids, s.kept, s.callsOfID, s.callsOf, s.names, s.partsOfNumbers} {
		if s.text == "" || len(s.found) >= s.limit || time.Now().After(until) {
			break
		}
		if err := look(ctx); err != nil {
			return nil, err
		}
	}
	return listOf(s.found, ""), nil
}

// A search is one under way.
type search struct {
	a        *api
	c        caller
	accounts []string // nil: all
	text     string
	digits   string // of the text, where it can be a number
	limit    int
	webhooks []*switchhook.Webhook
	written  []string // forms
	found    []hit
	seen     map[[3]string]bool
}

func (s *search) add(h hit) {
	key := [3]string{h.Kind, h.ID, h.AccountID}
	if len(s.found) < s.limit && !s.seen[key] && s.among(h.AccountID) {
		s.seen[key], s.found = true, append(s.found, h)
	}
}

func (s *search) among(account string) bool {
	return s.accounts == nil || slices.Contains(s.accounts, account)
}

// digitsOf are the digits of a number, however it is written; empty: it is none.
func digitsOf(text string) string {
	digits := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return r
		case strings.ContainsRune("+-./() \u00a0", r):
			return -1
		}
		return 'x'
	}, text)
	if strings.Contains(digits, "x") {
		return ""
	}
	return digits
}

// forms are the ways in which a number that people have written can be that of a call: as
// it is, without what stands before numbers of other countries, and with or without the
// code of North America.
func (s *search) forms() []string {
	forms := []string{catalogue.PartyOf(s.text)}
	add := func(form string) {
		if form != "" && !slices.Contains(forms, form) {
			forms = append(forms, form)
		}
	}
	add(s.digits)
	for _, abroad := range []string{"00", "011"} {
		if rest, ok := strings.CutPrefix(s.digits, abroad); ok && len(rest) > shortestNumber {
			add(rest)
		}
	}
	switch {
	case len(s.digits) == 10:
		add("1" + s.digits)
	case len(s.digits) == 11 && s.digits[0] == '1':
		add(s.digits[1:])
	}
	return forms
}

// ids looks among what is set up, for what has the id.
func (s *search) ids(ctx context.Context) error {
	if acc := s.c.accounts[s.text]; acc != nil {
		s.add(accountHit(acc))
	}
	for _, w := range s.webhooks {
		if w.ID == s.text {
			s.add(webhookHit(w))
		}
	}
	if src := s.c.sources[s.text]; src != nil {
		s.add(sourceHit(src))
	}
	if u := s.c.users[s.text]; u != nil && s.c.may("get-user") == nil {
		s.add(userHit(u))
	}
	for _, r := range s.records() {
		if r.ID == s.text || slices.Contains(s.written, catalogue.PartyOf(r.ID)) {
			s.add(recordHit(r))
		}
	}
	if !strings.HasPrefix(s.text, switchhook.PrefixJob) {
		return nil
	}
	jobs, err := s.a.jobs(ctx)
	for _, j := range jobs {
		if j.ID == s.text {
			s.add(hit{"job", j.ID, "replay of what is " + j.Which + s.to(j.WebhookID), j.AccountID, j.CreatedAt})
		}
	}
	return err
}

func (s *search) records() []*switchhook.Record {
	return s.a.Router.Records(switchhook.RecordFilter{Accounts: s.accounts})
}

// to names a webhook, for whoever may know of it.
func (s *search) to(webhookID string) string {
	for _, w := range s.webhooks {
		if w.ID == webhookID && s.c.sees(w.AccountID) {
			return " to " + w.Name
		}
	}
	return ""
}

// kept looks for an event, a delivery or an attempt of the id.
func (s *search) kept(ctx context.Context) error {
	known := func(err error) error {
		if switchhook.ErrorCode(err) == switchhook.CodeNotFound {
			return nil
		}
		return err
	}
	switch {
	case !switchhook.ValidEventID(s.text):
		return nil
	case strings.HasPrefix(s.text, switchhook.PrefixDelivery):
		d, err := s.a.Store.Delivery(ctx, s.accounts, s.text)
		if err != nil {
			return known(err)
		}
		s.add(hit{"delivery", d.ID, d.EventType + s.to(d.WebhookID) + ": " + string(d.State), d.AccountID, d.AcceptedAt})
		return nil
	case strings.HasPrefix(s.text, switchhook.PrefixAttempt):
		at, err := s.a.Store.Attempt(ctx, s.accounts, s.text)
		if err != nil {
			return known(err)
		}
		s.add(hit{"attempt", at.ID, at.EventType + s.to(at.WebhookID) + ": " + string(at.Outcome), at.AccountID, at.StartedAt})
		return nil
	}
	ev, err := s.a.Store.Event(ctx, s.accounts, s.text)
	if err != nil {
		return known(err)
	}
	s.add(hit{"event", ev.ID, ev.Type, ev.AccountID, ev.AcceptedAt})
	return nil
}

// callsOfID looks for calls with the id, or a leg of it.
func (s *search) callsOfID(ctx context.Context) error {
	return s.calls(ctx, &listCallsInput{CallID: s.text})
}

// callsOf looks for calls of the number or extension.
func (s *search) callsOf(ctx context.Context) error {
	if s.digits == "" && strings.ContainsAny(s.text, " \t") { // some name
		return nil
	}
	for _, form := range s.written {
		if err := s.calls(ctx, &listCallsInput{Number: form}); err != nil {
			return err
		}
	}
	return nil
}

func (s *search) calls(ctx context.Context, in *listCallsInput) error {
	in.Limit = s.limit - len(s.found)
	if in.Limit == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, searchEnds)
	defer cancel()
	found, _, err := s.a.searchCalls(ctx, in, s.accounts)
	if ctx.Err() != nil {
		err = nil // then without them
	}
	for _, c := range found {
		s.add(callHit(c))
	}
	return err
}

// names looks for what has the text in its name.
func (s *search) names(context.Context) error {
	text := strings.ToLower(s.text)
	if len([]rune(text)) < shortestName {
		return nil
	}
	var found []hit
	has := func(h hit, names ...string) {
		for _, name := range names {
			if at := strings.Index(strings.ToLower(name), text); at >= 0 {
				found = append(found, h)
				return
			}
		}
	}
	for _, acc := range s.c.accounts {
		has(accountHit(acc), acc.Name, acc.ID)
	}
	for _, w := range s.webhooks {
		has(webhookHit(w), w.Name, host(w.URL))
	}
	for _, src := range s.c.sources {
		has(sourceHit(src), src.ID, src.Kind)
	}
	if s.c.may("get-user") == nil {
		for _, u := range s.c.users {
			has(userHit(u), u.Name, u.Login)
		}
	}
	for _, r := range s.records() {
		has(recordHit(r), ordjson.FindText(r.Row, "name"), r.ID)
	}
	begins := func(h hit) int { // what begins with it comes first
		if strings.HasPrefix(strings.ToLower(h.Title), text) {
			return 0
		}
		return 1
	}
	slices.SortFunc(found, func(x, y hit) int {
		return cmp.Or(begins(x)-begins(y), cmp.Compare(x.Title, y.Title), cmp.Compare(x.ID, y.ID), cmp.Compare(x.AccountID, y.AccountID))
	})
	for _, h := range found {
		s.add(h)
	}
	return nil
}

// partsOfNumbers looks for calls with a number of which the text is a part: those that are
// open, and those that have begun in the last events.
func (s *search) partsOfNumbers(ctx context.Context) error {
	if len(s.digits) < shortestNumber {
		return nil
	}
	has := func(parties []string) bool {
		return slices.ContainsFunc(parties, func(party string) bool { return strings.Contains(party, s.digits) })
	}
	for _, c := range s.a.openCalls(&listCallsInput{}, s.accounts) {
		if has(c.parties) {
			s.add(callHit(c.CallView))
		}
	}
	until, cursor := time.Now().Add(searchEnds), ""
	for looked := 0; looked < mostSearched && len(s.found) < s.limit && time.Now().Before(until); {
		events, next, err := s.a.Store.Events(ctx, switchhook.EventFilter{Accounts: s.accounts}, switchhook.Page{Limit: 250, Cursor: cursor})
		if err != nil {
			return err
		}
		for _, ev := range events {
			if !has(catalogue.Parties(ev)) {
				continue
			}
			if err := s.calls(ctx, &listCallsInput{CallID: rootOf(ev)}); err != nil {
				return err
			}
		}
		looked, cursor = looked+len(events), next
		if next == "" {
			break
		}
	}
	return nil
}

func accountHit(a *switchhook.Account) hit {
	return hit{"account", a.ID, cmp.Or(a.Name, a.ID), a.ID, a.CreatedAt}
}

func webhookHit(w *switchhook.Webhook) hit {
	return hit{"webhook", w.ID, w.Name, w.AccountID, w.CreatedAt}
}

func sourceHit(s *switchhook.Source) hit {
	return hit{"source", s.ID, s.ID + " (" + s.Kind + ")", s.AccountID, s.CreatedAt}
}

func userHit(u *switchhook.User) hit {
	return hit{"user", u.ID, cmp.Or(u.Name, u.Login), u.AccountID, u.CreatedAt}
}

func recordHit(r *switchhook.Record) hit {
	title := r.Schema + " " + r.ID
	if name := ordjson.FindText(r.Row, "name"); name != "" {
		title = name + " (" + title + ")"
	}
	return hit{"record", r.Schema + "/" + r.ID, title, r.AccountID, r.UpdatedAt}
}

func callHit(c CallView) hit {
	party := func(who string) string { return cmp.Or(ordjson.FindText(ordjson.Find(c.Call, who), "address"), "?") }
	began, _ := time.Parse(time.RFC3339Nano, ordjson.FindText(c.Call, "created_at")) // absent: it is not known
	return hit{"call", c.ID, party("from") + " → " + party("to"), c.AccountID, began}
}
