package storetest

import (
	"fmt"
	"time"

	"github.com/switchhook/switchhook"
)

func attemptCases() []testCase {
	return []testCase{
		{"an attempt comes back as it went in", attemptRoundTrip},
		{"an attempt of another account is not found", attemptForeign},
		{"the end of a delivery without an attempt is not one", attemptZero},
		{"each filter selects", attemptFilters},
		{"pages keep their place while attempts arrive", attemptPagesMove},
		{"a stream goes on after a row, in rising order", attemptStream},
	}
}

func attemptRoundTrip(of trial) {
	t, s := of.t, of.s
	e := event(1, "wh_1", "wh_2")
	good, bad := attempt(e, "wh_1", switchhook.Delivered), attempt(e, "wh_2", switchhook.Pending)
	good.Request.Body = "a=1&b=\x00\xff\"<&>" // bytes, not JSON
	good.Response.Body = "\xfe"
	bad.Number = 3
	bad.NextAttemptAt = base().Add(time.Hour)
	commit(t, s, switchhook.Commit{Events: []*switchhook.Event{e}, Attempts: []*switchhook.Attempt{good, bad}})
	for _, a := range []*switchhook.Attempt{good, bad} {
		wantEqual(t, "Attempt", must(s.Attempt(t.Context(), nil, a.ID))(t), a)
		listed := pages(t, 10, listAttempts(t.Context(), s, switchhook.AttemptFilter{Outcome: a.Outcome}))
		wantEqual(t, "Attempts", listed, []*switchhook.Attempt{a})
	}
}

func attemptForeign(of trial) {
	t, s := of.t, of.s
	e := event(1, "wh_1")
	a := attempt(e, "wh_1", switchhook.Delivered)
	commit(t, s, switchhook.Commit{Events: []*switchhook.Event{e}, Attempts: []*switchhook.Attempt{a}})
	for _, accounts := range [][]string{{"b"}, {}} {
		_, err := s.Attempt(t.Context(), accounts, a.ID)
		wantCode(t, err, switchhook.CodeNotFound)
	}
	_, err := s.Attempt(t.Context(), nil, "att_x")
	wantCode(t, err, switchhook.CodeNotFound)
}

func attemptZero(of trial) {
	t, s := of.t, of.s
	e := event(1, "wh_1")
	a := ended(e, "wh_1", switchhook.Expired, "too old")
	commit(t, s, switchhook.Commit{Events: []*switchhook.Event{e}, Attempts: []*switchhook.Attempt{a}})
	_, err := s.Attempt(t.Context(), nil, a.ID)
	wantCode(t, err, switchhook.CodeNotFound)
	wantEqual(t, "Attempts", pages(t, 10, listAttempts(t.Context(), s, switchhook.AttemptFilter{})), []*switchhook.Attempt{})
}

func attemptFilters(of trial) {
	t, s := of.t, of.s
	all := events(1, 4, "wh_1", "wh_2")
	all[2].AccountID, all[3].AccountID = "b", "c"
	var made []*switchhook.Attempt // rows 1 to 8
	for _, e := range all {
		made = append(made, attempt(e, "wh_1", switchhook.Delivered), attempt(e, "wh_2", switchhook.Failed))
	}
	made[1].Dialect, made[4].Dialect = "mail", "mail"
	commit(t, s, switchhook.Commit{Events: all, Attempts: made})
	first := made[0].Row - 1
	at := func(n int) time.Time { return made[n-1].StartedAt }
	for _, c := range []struct {
		name string
		f    switchhook.AttemptFilter
		want []int64
	}{
		{"nothing", switchhook.AttemptFilter{}, []int64{8, 7, 6, 5, 4, 3, 2, 1}},
		{"one account", switchhook.AttemptFilter{Accounts: []string{"b"}}, []int64{6, 5}},
		{"two accounts", switchhook.AttemptFilter{Accounts: []string{"b", "c"}}, []int64{8, 7, 6, 5}},
		{"no account", switchhook.AttemptFilter{Accounts: []string{}}, nil},
		{"a webhook", switchhook.AttemptFilter{WebhookID: "wh_1"}, []int64{7, 5, 3, 1}},
		{"a webhook in an account", switchhook.AttemptFilter{WebhookID: "wh_1", Accounts: []string{"a"}}, []int64{3, 1}},
		{"an event", switchhook.AttemptFilter{EventID: "evt_2"}, []int64{4, 3}},
		{"some events", switchhook.AttemptFilter{Events: []*switchhook.Event{all[3], all[1]}}, []int64{8, 7, 4, 3}},
		{"of no events", switchhook.AttemptFilter{Events: []*switchhook.Event{}}, nil},
		{"an event and a webhook", switchhook.AttemptFilter{EventID: "evt_2", WebhookID: "wh_2"}, []int64{4}},
		{"an event in another account", switchhook.AttemptFilter{EventID: "evt_2", Accounts: []string{"b"}}, nil},
		{"success", switchhook.AttemptFilter{Outcome: switchhook.Success}, []int64{7, 5, 3, 1}},
		{"failure", switchhook.AttemptFilter{Outcome: switchhook.Failure, Accounts: []string{"a"}}, []int64{4, 2}},
		{"a dialect", switchhook.AttemptFilter{Dialect: "switchhook"}, []int64{8, 7, 6, 4, 3, 1}},
		{"a rare dialect", switchhook.AttemptFilter{Dialect: "mail"}, []int64{5, 2}},
		{"a rare dialect that there is nothing of", switchhook.AttemptFilter{Dialect: "sms"}, nil},
		{"since", switchhook.AttemptFilter{Since: at(5)}, []int64{8, 7, 6, 5}},
		{"until", switchhook.AttemptFilter{Until: at(5)}, []int64{4, 3, 2, 1}},
		{"a webhook, since and until", switchhook.AttemptFilter{WebhookID: "wh_2", Since: at(3), Until: at(7)}, []int64{6, 4}},
		{"after", switchhook.AttemptFilter{After: first + 5}, []int64{6, 7, 8}},
		{"after, of a webhook", switchhook.AttemptFilter{After: first + 2, WebhookID: "wh_2"}, []int64{4, 6, 8}},
	} {
		for _, limit := range []int{1, 3, 100} {
			got := pages(t, limit, listAttempts(t.Context(), s, c.f))
			wantEqual(t, fmt.Sprintf("%s, by %d", c.name, limit),
				names(got, func(a *switchhook.Attempt) int64 { return a.Row - first }), c.want)
		}
	}
}

func attemptPagesMove(of trial) {
	t, s := of.t, of.s
	arrive := func(first, last int64) {
		var made []*switchhook.Attempt
		all := events(first, last, "wh_1")
		for _, e := range all {
			made = append(made, attempt(e, "wh_1", switchhook.Delivered))
		}
		commit(t, s, switchhook.Commit{Events: all, Attempts: made})
	}
	arrive(1, 7)
	var got []string
	for cursor, n := "", int64(8); ; n++ {
		page, next, err := s.Attempts(t.Context(), switchhook.AttemptFilter{}, switchhook.Page{Limit: 2, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page {
			got = append(got, a.EventID)
		}
		if cursor = next; next == "" {
			break
		}
		arrive(n, n)
	}
	wantEqual(t, "pages", got, []string{"evt_7", "evt_6", "evt_5", "evt_4", "evt_3", "evt_2", "evt_1"})
}

func attemptStream(of trial) {
	t, s := of.t, of.s
	var after int64
	for n := int64(1); n <= 5; n++ {
		e := event(n, "wh_1")
		a := attempt(e, "wh_1", switchhook.Delivered)
		commit(t, s, switchhook.Commit{Events: []*switchhook.Event{e}, Attempts: []*switchhook.Attempt{a}})
		if n == 1 {
			after = a.Row
			continue
		}
		got := pages(t, 1, listAttempts(t.Context(), s, switchhook.AttemptFilter{After: after}))
		wantEqual(t, "new attempts", got, []*switchhook.Attempt{a})
		after = a.Row
	}
}
