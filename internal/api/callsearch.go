package api

import (
	"context"
	"slices"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// Calls are not rows: a call is the events that tell of it. So a list of calls is a
// list of events, in which each call has one place that never changes: the first of
// its events that has what is searched for, or that it begins with where nothing is
// searched for. What comes in meanwhile has places above, so the pages of a list have
// no call twice and miss none.

const (
	// silence ends a call: whoever tells of it has to end one that is silent for 12
	// hours. What is further away than this is of another call of the same id.
	silence = 24 * time.Hour
	// mostCallEvents bounds what is read of one call, and mostCallBytes too.
	mostCallEvents = 2000
	mostCallBytes  = 32 << 20
	// mostOfKey bounds how many events are looked at for one call: many calls can
	// have one ordering key, where somebody has said so.
	mostOfKey = 10_000
	// afterwards is how long after its end a call's record and such can still come.
	afterwards = 10 * time.Minute
	// searchTime is after how long a search ends its page.
	searchTime = 5 * time.Second
)

// A callSearch is a search under way.
type callSearch struct {
	a      *api
	in     *listCallsInput
	events switchhook.EventFilter // the events that have what is searched for
	// has reports the same of one event. Nil: every call is wanted, at its beginning.
	has func(*switchhook.Event) bool
	// also must be found in some event of the call, too.
	also []func(*switchhook.Event) bool
	// first has the place of each call that was met.
	first map[callRef]int64
}

type callRef struct{ account, root string }

func (a *api) searchCalls(ctx context.Context, in *listCallsInput, accounts []string) (items []CallView, next string, err error) {
	s := &callSearch{a: a, in: in, first: map[callRef]int64{}}
	s.events = switchhook.EventFilter{Accounts: accounts, Since: in.Since.Time, Until: in.Until.Time}
	ofID := func(ev *switchhook.Event) bool {
		return ev.CallID == in.CallID || ev.Key == in.CallID || rootOf(ev) == in.CallID
	}
	with := func(address string) func(*switchhook.Event) bool {
		party := catalogue.PartyOf(address)
		return func(ev *switchhook.Event) bool { return slices.Contains(catalogue.Parties(ev), party) }
	}
	for _, by := range []struct {
		value string
		has   func(*switchhook.Event) bool
		find  switchhook.EventFilter
	}{
		{in.CallID, ofID, switchhook.EventFilter{CallID: in.CallID}},
		{in.Number, with(in.Number), switchhook.EventFilter{Party: catalogue.PartyOf(in.Number)}},
		{in.Extension, with(in.Extension), switchhook.EventFilter{Party: catalogue.PartyOf(in.Extension)}},
	} {
		switch {
		case by.value == "":
		case s.has == nil:
			s.has, s.events.CallID, s.events.Party = by.has, by.find.CallID, by.find.Party
		default:
			s.also = append(s.also, by.has)
		}
	}
	s.events.Opens = s.has == nil
	if s.has != nil && !s.events.Until.IsZero() {
		s.events.Until = s.events.Until.Add(silence) // a call is of when it began
	}
	return s.page(ctx)
}

func (s *callSearch) page(ctx context.Context) (items []CallView, next string, err error) {
	began, bytes := time.Now(), 0
	next = s.in.Cursor
	for len(items) < s.in.Limit && bytes < longestPage && time.Since(began) < searchTime {
		var found []*switchhook.Event
		// No more than are wanted still, so that the store's cursor is ours.
		found, next, err = s.a.Store.Events(ctx, s.events, switchhook.Page{Limit: min(stretch, s.in.Limit-len(items)), Cursor: next})
		if err != nil {
			return nil, "", err
		}
		for _, ev := range found {
			v, err := s.call(ctx, ev)
			if err != nil {
				return nil, "", err
			}
			if v != nil {
				items, bytes = append(items, *v), bytes+len(v.Call)
			}
		}
		if next == "" {
			break
		}
	}
	return items, next, nil
}

// call is the call that has its place at an event, nil if none has, or it is not
// wanted.
func (s *callSearch) call(ctx context.Context, ev *switchhook.Event) (*CallView, error) {
	ref := callRef{ev.AccountID, rootOf(ev)}
	if place, met := s.first[ref]; met && ev.Sequence > place {
		return nil, nil
	}
	events, err := s.a.upTo(ctx, ev)
	if err != nil {
		return nil, err
	}
	first := beginningOf(events, ref.root)
	place := first
	if s.has != nil {
		place = events[slices.IndexFunc(events, s.hasOr(ev))]
	}
	s.first[ref] = place.Sequence
	if place.Sequence != ev.Sequence || !s.in.span().has(first.AcceptedAt) {
		return nil, nil
	}
	if len(s.also) > 0 {
		if events, err = s.a.since(ctx, events); err != nil {
			return nil, err
		}
		for _, has := range s.also {
			if !slices.ContainsFunc(events, has) {
				return nil, nil
			}
		}
	}
	v, err := s.a.callAt(ctx, first)
	if err != nil || s.in.Status != "" && s.in.Status != v.Status {
		return nil, err
	}
	return &v, nil
}

// hasOr is has, and true of the event that the store has found, whatever it thinks of it.
func (s *callSearch) hasOr(found *switchhook.Event) func(*switchhook.Event) bool {
	return func(ev *switchhook.Event) bool { return ev.Sequence == found.Sequence || s.has(ev) }
}

// callEvents are the events of a call, one of which is given, oldest first.
func (a *api) callEvents(ctx context.Context, one *switchhook.Event) ([]*switchhook.Event, error) {
	events, err := a.upTo(ctx, one)
	if err != nil {
		return nil, err
	}
	return a.since(ctx, events)
}

// upTo are the events of a call from its beginning up to one of them, oldest first.
func (a *api) upTo(ctx context.Context, last *switchhook.Event) ([]*switchhook.Event, error) {
	events, root, oldest, bytes := []*switchhook.Event{last}, rootOf(last), last, len(last.Data)
	for looked := 0; !begins(oldest, root) && looked < mostOfKey && len(events) < mostCallEvents && bytes < mostCallBytes; {
		found, _, err := a.Store.Events(ctx, switchhook.EventFilter{
			Accounts: []string{last.AccountID}, Key: last.Key, Before: oldest.Sequence, Since: oldest.AcceptedAt.Add(-silence),
		}, switchhook.Page{Limit: stretch})
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			break
		}
		looked += len(found)
		for _, ev := range found {
			if oldest = ev; rootOf(ev) != root {
				continue
			}
			events, bytes = append(events, ev), bytes+len(ev.Data)
			if begins(ev, root) {
				break
			}
		}
	}
	slices.Reverse(events)
	return events, nil
}

// since adds the events of a call that come after those given.
func (a *api) since(ctx context.Context, events []*switchhook.Event) ([]*switchhook.Event, error) {
	last, bytes := events[len(events)-1], 0
	root, cursor, before := rootOf(last), "", last.AcceptedAt
	for looked := 0; looked < mostOfKey && len(events) < mostCallEvents && bytes < mostCallBytes; {
		found, next, err := a.Store.Events(ctx, switchhook.EventFilter{
			Accounts: []string{last.AccountID}, Key: last.Key, After: last.Sequence,
		}, switchhook.Page{Limit: stretch, Cursor: cursor})
		if err != nil {
			return nil, err
		}
		looked += len(found)
		for _, ev := range found {
			if rootOf(ev) != root {
				continue
			}
			if begins(ev, root) || ev.Opens && ev.AcceptedAt.Sub(before) > silence {
				return events, nil
			}
			events, bytes, before = append(events, ev), bytes+len(ev.Data), ev.AcceptedAt
		}
		if cursor = next; next == "" {
			break
		}
	}
	return events[:min(len(events), mostCallEvents)], nil
}

// begins reports whether a call begins with an event, whatever was before it. Another
// one that Opens may only come too late: of what has ended, little is remembered.
func begins(ev *switchhook.Event, root string) bool {
	return ev.Opens && ev.Type == "call.created" && ev.CallID == root
}

// beginningOf is the event that a call begins with, among its first ones. A recording
// can have been told before.
func beginningOf(events []*switchhook.Event, root string) *switchhook.Event {
	if i := slices.IndexFunc(events, func(ev *switchhook.Event) bool { return ev.Opens && ev.CallID == root }); i >= 0 {
		return events[i]
	}
	return events[0]
}

// callAt is the call that begins with an event, as it is now or was at its end.
func (a *api) callAt(ctx context.Context, first *switchhook.Event) (CallView, error) {
	root := rootOf(first)
	if snapshot := a.remembered(first); snapshot != nil {
		return viewCall(first.AccountID, root, snapshot), nil
	}
	f := switchhook.EventFilter{Accounts: []string{first.AccountID}, Key: first.Key, Types: []string{"call.*"}, After: first.Sequence}
	hungup := f
	hungup.Types = []string{"call.hungup"}
	end := first
	if first.Type != "call.hungup" {
		found, _, err := a.Store.Events(ctx, hungup, switchhook.Page{Limit: 1})
		if err != nil {
			return CallView{}, err
		}
		if len(found) == 0 || rootOf(found[0]) != root {
			events, err := a.since(ctx, []*switchhook.Event{first})
			if err != nil {
				return CallView{}, err
			}
			return a.callNow(events), nil
		}
		end = found[0]
	}
	f.After, f.Until = end.Sequence, end.AcceptedAt.Add(afterwards)
	late, _, err := a.Store.Events(ctx, f, switchhook.Page{Limit: stretch})
	if err != nil {
		return CallView{}, err
	}
	last := end
	for _, ev := range late {
		if begins(ev, root) {
			break
		}
		if ev.CallID == root {
			last = ev
		}
	}
	return viewCall(first.AccountID, root, ordjson.Find(last.Data, "call")), nil
}
