package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// A CallView is a call as a list shows it.
type CallView struct {
	ID        string    `json:"id" doc:"The id of its first leg, as the phone system gives it."`
	AccountID string    `json:"account_id" doc:"The account that it is in."`
	Status    string    `json:"status" enum:"open,ended" doc:"Whether it goes on."`
	Call      rawObject `json:"call" doc:"What is known of it, as in the data of its events."`
	// Summary is what a list is asked for beside.
	Summary *callSummary `json:"summary,omitzero" doc:"What it went through, and how its deliveries fare, where the list was asked for it."`
}

// A callDetail is a call with all that happened to it.
type callDetail struct {
	CallView
	Legs     []rawObject     `json:"legs" doc:"What is known of its further legs, the first to begin first."`
	Timeline List[callEntry] `json:"timeline" doc:"Its events, their deliveries and the attempts of these, in one list by time. limit and cursor of the query page it."`
}

// A callEntry is a line of a call's timeline: one of the three.
type callEntry struct {
	At       time.Time            `json:"at" doc:"When it happened, by our clock: when the event was accepted, the delivery made, the attempt begun."`
	Kind     string               `json:"kind" enum:"event,delivery,attempt" doc:"Which of the three it is."`
	Event    *switchhook.Event    `json:"event,omitzero" doc:"The event."`
	Delivery *switchhook.Delivery `json:"delivery,omitzero" doc:"The delivery, as it stands now."`
	Attempt  *attemptBrief        `json:"attempt,omitzero" doc:"The attempt, without what was sent and what came back: GET /v1/attempts/{id} has it."`

	rank  int // event before delivery before attempt, where they are of one moment
	place string
	size  int
}

func (e callEntry) key() string {
	return rising(e.At.UnixMicro()) + strconv.Itoa(e.rank) + e.place
}

func (a *api) registerCalls() {
	tags := []string{"Calls"}
	handle(a, huma.Operation{
		OperationID: "list-calls", Method: http.MethodGet, Path: "/v1/calls", Tags: tags, Summary: "List calls, newest first",
		Description: "Open calls, and ended ones as long as their events are kept. A search that takes long ends early with a cursor: its page may have fewer calls than limit, even none.",
	}, a.listCalls)
	handle(a, huma.Operation{
		OperationID: "get-call", Method: http.MethodGet, Path: "/v1/calls/{id}", Tags: tags, Summary: "Get a call and its timeline",
		Description: "By its own id or that of one of its legs. Where a phone system has used an id again, it is the newest call. The timeline is of the call's first 2,000 events.",
	}, a.getCall)
}

// A listCallsInput narrows the list of calls.
type listCallsInput struct {
	Paging
	AccountID string  `query:"account_id" doc:"Only calls of this account. Default: of all that the key opens."`
	Number    string  `query:"number" doc:"Only calls from or to this number, with or without a leading plus. Legs and transfers count."`
	Extension string  `query:"extension" doc:"Only calls from, to or at this extension."`
	CallID    string  `query:"call_id" doc:"Only the calls of this id, or with a leg of this id."`
	Status    string  `query:"status" enum:"open,ended" doc:"Only calls that go on, or that have ended."`
	Summary   bool    `query:"summary" doc:"Say of each call what it went through and how its deliveries fare, too."`
	Since     instant `query:"since" format:"date-time" doc:"Begun at or after this time."`
	Until     instant `query:"until" format:"date-time" doc:"Begun before this time."`
}

func (a *api) listCalls(ctx context.Context, in *listCallsInput) (*listOutput[CallView], error) {
	accounts, err := callerOf(ctx).only(in.AccountID)
	if err != nil {
		return nil, err
	}
	if in.Status == "open" {
		views, next, err := pageOf(a.openCalls(in, accounts), in.page(), openCall.key, falling)
		if err != nil {
			return nil, err
		}
		var items []CallView
		for _, v := range views {
			items = append(items, v.CallView)
		}
		return a.listed(ctx, in, items, next)
	}
	items, next, err := a.searchCalls(ctx, in, accounts)
	if err != nil {
		return nil, err
	}
	return a.listed(ctx, in, items, next)
}

// An openCall is one that goes on, with what it is found by.
type openCall struct {
	CallView
	began   time.Time
	parties []string // of its legs too
	ids     []string
}

func (c openCall) key() string { return rising(c.began.UnixMicro()) + c.AccountID + "\x00" + c.ID }

// openCalls are those that go on and are wanted, from what is in memory.
func (a *api) openCalls(in *listCallsInput, accounts []string) []openCall {
	type root struct{ account, id string }
	calls := map[root]*openCall{}
	snapshots := a.Router.OpenCalls()
	for _, s := range snapshots {
		if (accounts == nil || slices.Contains(accounts, s.AccountID)) && s.RootID == s.ID {
			began := s.UpdatedAt // of one that was under way when we first heard of it
			if t, err := time.Parse(time.RFC3339Nano, ordjson.FindText(s.Data, "created_at")); err == nil {
				began = t
			}
			calls[root{s.AccountID, s.ID}] = &openCall{CallView: viewCall(s.AccountID, s.ID, s.Data), began: began}
		}
	}
	for _, s := range snapshots {
		if c := calls[root{s.AccountID, s.RootID}]; c != nil {
			c.ids, c.parties = append(c.ids, s.ID), append(c.parties, catalogue.CallParties(s.Data)...)
		}
	}
	var list []openCall
	for _, c := range calls {
		if (in.CallID == "" || slices.Contains(c.ids, in.CallID)) &&
			(in.Number == "" || slices.Contains(c.parties, catalogue.PartyOf(in.Number))) &&
			(in.Extension == "" || slices.Contains(c.parties, catalogue.PartyOf(in.Extension))) &&
			in.span().has(c.began) {
			list = append(list, *c)
		}
	}
	return list
}

func viewCall(accountID, id string, snapshot []byte) CallView {
	v := CallView{ID: id, AccountID: accountID, Status: "open", Call: snapshot}
	if ordjson.FindText(snapshot, "status") == "ended" {
		v.Status = "ended"
	}
	if snapshot == nil {
		v.Call = rawObject("{}")
	}
	return v
}

// A span is a half-open stretch of time; a zero time bounds nothing.
type span struct{ since, until time.Time }

func (in *listCallsInput) span() span { return span{in.Since.Time, in.Until.Time} }

func (s span) has(t time.Time) bool {
	return (s.since.IsZero() || !t.Before(s.since)) && (s.until.IsZero() || t.Before(s.until))
}

func (a *api) getCall(ctx context.Context, in *struct {
	PathID
	AccountID string `query:"account_id" doc:"The call's account, where two of your accounts have a call of this id."`
	Limit     int    `query:"limit" default:"500" minimum:"1" maximum:"500" doc:"The most entries of the timeline in one answer."`
	Cursor    string `query:"cursor" doc:"The next_cursor of the timeline before."`
},
) (*output[callDetail], error) {
	accounts, err := callerOf(ctx).only(in.AccountID)
	if err != nil {
		return nil, err
	}
	newest, _, err := a.Store.Events(ctx, switchhook.EventFilter{Accounts: accounts, CallID: in.ID}, switchhook.Page{Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(newest) == 0 {
		return nil, notFound("call", in.ID)
	}
	events, err := a.callEvents(ctx, newest[0])
	if err != nil {
		return nil, err
	}
	out := &callDetail{CallView: a.callNow(events), Legs: a.legsNow(events)}
	entries, err := a.timeline(ctx, events)
	if err != nil {
		return nil, err
	}
	page, next, err := pageOf(entries, switchhook.Page{Limit: in.Limit, Cursor: in.Cursor}, callEntry.key, sorted)
	if err != nil {
		return nil, err
	}
	for i, size := 0, 0; i < len(page)-1; i++ { // an event can be of a megabyte
		if size += page[i].size; size >= longestPage {
			page, next = page[:i+1], cursorOf(page[i].key())
		}
	}
	out.Timeline = listOf(page, next).Body
	return &output[callDetail]{Body: *out}, nil
}

// callNow is a call as the last of its events has it, or memory, which knows more.
func (a *api) callNow(events []*switchhook.Event) CallView {
	root := rootOf(events[0])
	first := beginningOf(events, root)
	snapshot := a.remembered(first)
	for _, ev := range slices.Backward(events) {
		if snapshot != nil {
			break
		}
		if ev.CallID == root {
			snapshot = ordjson.Find(ev.Data, "call")
		}
	}
	return viewCall(first.AccountID, root, snapshot)
}

// legsNow are a call's further legs as the last of their events have them.
func (a *api) legsNow(events []*switchhook.Event) []rawObject {
	root, legs, order := rootOf(events[0]), map[string][]byte{}, []string{}
	for _, ev := range events {
		if call := ordjson.Find(ev.Data, "call"); call != nil && ev.CallID != root && ev.CallID != "" {
			if legs[ev.CallID] == nil {
				order = append(order, ev.CallID)
			}
			legs[ev.CallID] = call
		}
	}
	list := []rawObject{}
	for _, id := range order {
		list = append(list, legs[id])
	}
	return list
}

// timeline is what happened to a call: its events, what was made of them, and how
// that went.
func (a *api) timeline(ctx context.Context, events []*switchhook.Event) ([]callEntry, error) {
	var list []callEntry
	for _, ev := range events {
		list = append(list, callEntry{At: ev.AcceptedAt, Kind: "event", Event: ev, place: rising(ev.Sequence), size: len(ev.Data)})
	}
	for cursor := ""; ; {
		deliveries, next, err := a.deliveries(ctx, switchhook.DeliveryFilter{Events: events}, switchhook.Page{Limit: 500, Cursor: cursor})
		if err != nil {
			return nil, err
		}
		for _, d := range deliveries {
			list = append(list, callEntry{At: d.AcceptedAt, Kind: "delivery", Delivery: d, rank: 1, place: rising(d.Sequence) + d.WebhookID})
		}
		if cursor = next; next == "" {
			break
		}
	}
	for cursor := ""; ; {
		f := switchhook.AttemptFilter{Events: events, Since: events[0].AcceptedAt}
		attempts, next, err := a.Store.Attempts(ctx, f, switchhook.Page{Limit: stretch, Cursor: cursor})
		if err != nil {
			return nil, err
		}
		for _, at := range attempts {
			list = append(list, callEntry{At: at.StartedAt, Kind: "attempt", Attempt: briefOf(callerOf(ctx).told(at)), rank: 2, place: rising(at.Row)})
		}
		if cursor = next; next == "" || len(list) >= mostEntries {
			return list, nil
		}
	}
}

// rising is a number as text that sorts as it does.
func rising(n int64) string { return fmt.Sprintf("%020d", n) }

// mostEntries bounds a timeline in memory: of a call whose webhooks have failed again
// and again, the newest attempts.
const mostEntries = 20_000

// rootOf is the id of the call that an event is of.
func rootOf(ev *switchhook.Event) string {
	call := ordjson.Find(ev.Data, "call")
	for _, name := range []string{"root_id", "id"} {
		if id := ordjson.FindText(call, name); id != "" {
			return id
		}
	}
	return ev.Key
}

// remembered is what memory has of the call that begins with an event; nil: nothing,
// or the phone system has used its id again.
func (a *api) remembered(first *switchhook.Event) []byte {
	snapshot := a.Router.Call(first.AccountID, rootOf(first))
	if snapshot == nil || ordjson.FindText(snapshot, "created_at") != ordjson.FindText(ordjson.Find(first.Data, "call"), "created_at") {
		return nil
	}
	return snapshot
}
