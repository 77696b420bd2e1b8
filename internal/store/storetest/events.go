package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/switchhook/switchhook"
)

func eventCases() []testCase {
	return []testCase{
		{"an event comes back as it went in", eventRoundTrip},
		{"an event of another account is not found", eventForeign},
		{"each filter selects", eventFilters},
		{"pages follow one another, newest first", eventPages},
		{"pages keep their place while events arrive", eventPagesMove},
		{"a stream goes on after a sequence, in rising order", eventStream},
		{"a cursor that is none is refused", eventBadCursor},
	}
}

func eventRoundTrip(of trial) {
	t, s := of.t, of.s
	full := event(1, "wh_2", "wh_1")
	full.IDGiven, full.Relayed, full.Opens, full.Original = true, true, true, original()
	full.Data = []byte("{ \"text\": \"Grüße \\u0000 \U0001F4DE\",\n\t\"n\": 1.50 }")
	full.Resources = &switchhook.Resources{Call: &switchhook.Call{ID: "x"}}
	epoch := event(3)
	epoch.Type, epoch.OccurredAt = "call.answered", time.Unix(0, 0).UTC() // a time, not none
	bare := &switchhook.Event{ID: "evt_2", Type: "custom.x", AccountID: "a", Sequence: 2, AcceptedAt: base(), Data: []byte(`{}`)}
	commit(t, s, switchhook.Commit{Events: []*switchhook.Event{full, bare, epoch}})
	for _, e := range []*switchhook.Event{full, bare, epoch} {
		want := *e
		want.Resources = nil // the catalogue's, not the store's
		wantEqual(t, "Event", must(s.Event(t.Context(), nil, e.ID))(t), &want)
		wantEqual(t, "Event in its account", must(s.Event(t.Context(), []string{"b", "a"}, e.ID))(t), &want)
		listed := pages(t, 10, listEvents(t.Context(), s, switchhook.EventFilter{Types: []string{e.Type}}))
		wantEqual(t, "Events", listed, []*switchhook.Event{&want})
	}
	if full.Resources == nil {
		t.Error("the store has changed the caller's event")
	}
}

// original is what another system said, with all that can be of it.
func original() *switchhook.Original {
	return &switchhook.Original{
		System: "kazoo", Version: "v1", Name: "channel_create", Format: "form", Body: "a=Gr\u00fc\u00dfe&b=<\"\x00\u2028>\n", Gaps: []int{0, 7},
	}
}

func eventForeign(of trial) {
	t, s := of.t, of.s
	commit(t, s, switchhook.Commit{Events: events(1, 1)})
	for _, accounts := range [][]string{{"b"}, {}} {
		_, err := s.Event(t.Context(), accounts, "evt_1")
		wantCode(t, err, switchhook.CodeNotFound)
	}
	_, err := s.Event(t.Context(), nil, "evt_2")
	wantCode(t, err, switchhook.CodeNotFound)
}

func eventFilters(of trial) {
	t, s := of.t, of.s
	at := func(n int64) time.Time { return event(n).AcceptedAt }
	all := events(1, 8)
	set := func(n int, change func(*switchhook.Event)) { change(all[n-1]) }
	set(1, func(e *switchhook.Event) { e.Key, e.CallID = "call-7", "call-7" })
	set(2, func(e *switchhook.Event) { e.Key, e.CallID, e.Type = "call-7", "leg-8", "call.answered" })
	set(3, func(e *switchhook.Event) { e.Type = "message.sms.received"; e.Data = []byte(`{"from":"+15551234567"}`) })
	set(4, func(e *switchhook.Event) { e.Type = "message.mms.received"; e.Data = []byte(`{"to":["15551234567"]}`) })
	set(5, func(e *switchhook.Event) { e.Data = []byte(`{"text":"call 15551234567","from":"+155512345678"}`) })
	set(6, func(e *switchhook.Event) { e.AccountID = "b" })
	set(7, func(e *switchhook.Event) { e.AccountID, e.Key, e.CallID = "c", "", "" })
	set(8, func(e *switchhook.Event) { e.Type = "custom.a?b[c]" })
	set(1, func(e *switchhook.Event) {
		e.Opens, e.Data = true, []byte(`{"call":{"id":"call-7","from":{"address":"+15550001111"},"to":{"address":"101@pbx"}}}`)
	})
	set(2, func(e *switchhook.Event) {
		e.Data = []byte(`{"call":{"id":"leg-8","from":{"address":"+15550001111"}}}`)
	})
	set(6, func(e *switchhook.Event) {
		e.Type, e.Data = "extension.ringing", []byte(`{"extension":{"number":"101"}}`)
	})
	commit(t, s, switchhook.Commit{Events: all})

	many := []string{"a", "b"}
	for n := range 100 {
		many = append(many, fmt.Sprintf("account %d", n))
	}
	for _, c := range []struct {
		name string
		f    switchhook.EventFilter
		want []int64
	}{
		{"nothing", switchhook.EventFilter{}, []int64{8, 7, 6, 5, 4, 3, 2, 1}},
		{"one account", switchhook.EventFilter{Accounts: []string{"b"}}, []int64{6}},
		{"two accounts", switchhook.EventFilter{Accounts: []string{"c", "b"}}, []int64{7, 6}},
		{"no account", switchhook.EventFilter{Accounts: []string{}}, nil},
		{"an unknown account", switchhook.EventFilter{Accounts: []string{"d"}}, nil},
		{"many accounts", switchhook.EventFilter{Accounts: many}, []int64{8, 6, 5, 4, 3, 2, 1}},
		{"a type", switchhook.EventFilter{Types: []string{"call.answered"}}, []int64{2}},
		{"a glob across dots", switchhook.EventFilter{Types: []string{"message.*"}}, []int64{4, 3}},
		{"a glob in the middle", switchhook.EventFilter{Types: []string{"message.*.received"}}, []int64{4, 3}},
		{"two globs", switchhook.EventFilter{Types: []string{"*.sms.*", "call.ans*"}}, []int64{3, 2}},
		{"every type", switchhook.EventFilter{Types: []string{"nothing", "*"}}, []int64{8, 7, 6, 5, 4, 3, 2, 1}},
		{"a glob of one letter", switchhook.EventFilter{Types: []string{"call.answere?"}}, nil},
		{"a glob of a class", switchhook.EventFilter{Types: []string{"call.answere[a-z]"}}, nil},
		{"signs that are no globs", switchhook.EventFilter{Types: []string{"custom.a?b[c]"}}, []int64{8}},
		{"a key", switchhook.EventFilter{Key: "call-7"}, []int64{2, 1}},
		{"a key in an account", switchhook.EventFilter{Key: "call-7", Accounts: []string{"a", "b"}}, []int64{2, 1}},
		{"a key in another account", switchhook.EventFilter{Key: "call-7", Accounts: []string{"b"}}, nil},
		{"a leg", switchhook.EventFilter{CallID: "leg-8"}, []int64{2}},
		{"a call", switchhook.EventFilter{CallID: "call-7"}, []int64{2, 1}},
		{"a call and a type", switchhook.EventFilter{CallID: "call-7", Types: []string{"call.created"}}, []int64{1}},
		{"a number with plus", switchhook.EventFilter{Number: "+15551234567"}, []int64{4, 3}},
		{"a number without plus", switchhook.EventFilter{Number: "15551234567"}, []int64{4, 3}},
		{"a party", switchhook.EventFilter{Party: "15550001111"}, []int64{1}},
		{"a party at several", switchhook.EventFilter{Party: "101"}, []int64{6, 1}},
		{"a party in an account", switchhook.EventFilter{Party: "101", Accounts: []string{"b"}}, []int64{6}},
		{"nobody", switchhook.EventFilter{Party: "102"}, nil},
		{"what opens", switchhook.EventFilter{Opens: true}, []int64{1}},
		{"before", switchhook.EventFilter{Before: 3}, []int64{2, 1}},
		{"between", switchhook.EventFilter{Before: 5, After: 2}, []int64{3, 4}},
		{"since", switchhook.EventFilter{Since: at(6)}, []int64{8, 7, 6}},
		{"until", switchhook.EventFilter{Until: at(3)}, []int64{2, 1}},
		{"since and until", switchhook.EventFilter{Since: at(3), Until: at(5)}, []int64{4, 3}},
		{"since, in an account", switchhook.EventFilter{Since: at(5), Accounts: []string{"a"}}, []int64{8, 5}},
		{"after", switchhook.EventFilter{After: 5}, []int64{6, 7, 8}},
		{"after, in accounts", switchhook.EventFilter{After: 4, Accounts: []string{"a", "b"}}, []int64{5, 6, 8}},
	} {
		for _, limit := range []int{1, 3, 100} {
			got := pages(t, limit, listEvents(t.Context(), s, c.f))
			wantEqual(t, fmt.Sprintf("%s, by %d", c.name, limit), sequences(got), c.want)
		}
	}
}

func eventPages(of trial) {
	t, s := of.t, of.s
	commit(t, s, switchhook.Commit{Events: events(1, 25)})
	var want []int64
	for n := int64(25); n > 0; n-- {
		want = append(want, n)
	}
	for _, limit := range []int{1, 7, 24, 25, 26} {
		got := pages(t, limit, listEvents(t.Context(), s, switchhook.EventFilter{}))
		wantEqual(t, fmt.Sprintf("by %d", limit), sequences(got), want)
	}
}

func eventPagesMove(of trial) {
	t, s := of.t, of.s
	commit(t, s, switchhook.Commit{Events: events(1, 6)})
	newest, next, err := s.Events(t.Context(), switchhook.EventFilter{}, switchhook.Page{Limit: 3})
	if err != nil {
		t.Fatal(err)
	}
	commit(t, s, switchhook.Commit{Events: events(7, 9)})
	older, last, err := s.Events(t.Context(), switchhook.EventFilter{}, switchhook.Page{Limit: 3, Cursor: next})
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "pages", sequences(slices.Concat(newest, older)), []int64{6, 5, 4, 3, 2, 1})
	if last != "" {
		t.Errorf("cursor %q after the last page", last)
	}
}

func eventStream(of trial) {
	t, s := of.t, of.s
	commit(t, s, switchhook.Commit{Events: events(1, 10)})
	var got []int64
	after := int64(2)
	for round := range int64(3) {
		for _, e := range pages(t, 4, listEvents(t.Context(), s, switchhook.EventFilter{After: after})) {
			got = append(got, e.Sequence)
			after = e.Sequence
		}
		commit(t, s, switchhook.Commit{Events: events(11+round, 11+round)})
	}
	wantEqual(t, "stream", got, []int64{3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
}

func eventBadCursor(of trial) {
	t, s := of.t, of.s
	p := switchhook.Page{Limit: 1, Cursor: "x"}
	_, _, err := s.Events(t.Context(), switchhook.EventFilter{}, p)
	wantCode(t, err, switchhook.CodeInvalid)
	_, _, err = s.Attempts(t.Context(), switchhook.AttemptFilter{}, p)
	wantCode(t, err, switchhook.CodeInvalid)
	_, _, err = s.Deliveries(t.Context(), switchhook.DeliveryFilter{}, p)
	wantCode(t, err, switchhook.CodeInvalid)
	_, _, err = s.Rejects(t.Context(), "src", p)
	wantCode(t, err, switchhook.CodeInvalid)
}
