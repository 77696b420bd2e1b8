package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/switchhook/switchhook"
)

func deliveryCases() []testCase {
	return []testCase{
		{"each state says what it has to", deliveryStates},
		{"each filter selects", deliveryFilters},
		{"a replay opens a delivery and closes it again", deliveryReplay},
		{"a page may end within an event", deliveryPages},
		{"pages keep their place while events arrive", deliveryPagesMove},
		{"few among many are found", deliverySparse},
		{"pages keep their place while deliveries end", deliveryPagesEnd},
	}
}

func deliveryStates(of trial) {
	t, s := of.t, of.s
	e := event(1, "wh_new", "wh_ok", "wh_failed", "wh_expired", "wh_cancelled", "wh_due")
	next := base().Add(time.Hour)
	again := attempt(e, "wh_failed", switchhook.Failed)
	again.Number, again.Error = 2, "still refused"
	commit(t, s, switchhook.Commit{
		Events: []*switchhook.Event{e},
		Attempts: []*switchhook.Attempt{
			attempt(e, "wh_ok", switchhook.Delivered),
			attempt(e, "wh_failed", switchhook.Pending), again,
			attempt(e, "wh_expired", switchhook.Pending), ended(e, "wh_expired", switchhook.Expired, "older than 30s"),
			ended(e, "wh_cancelled", switchhook.Cancelled, "the webhook was deleted"),
			attempt(e, "wh_due", switchhook.Pending),
		},
		Due: []switchhook.Due{{DeliveryRef: ref(1, "wh_due"), Attempts: 1, At: next, HeldSince: base()}},
	})
	delivery := func(webhook string, state switchhook.DeliveryState, change func(*switchhook.Delivery)) *switchhook.Delivery {
		d := &switchhook.Delivery{
			ID: switchhook.DeliveryID("a", e.ID, webhook), EventID: e.ID, EventType: e.Type, AccountID: "a",
			WebhookID: webhook, Key: e.Key, Sequence: 1, State: state, AcceptedAt: e.AcceptedAt,
		}
		change(d)
		return d
	}
	made := attempt(e, "", switchhook.Delivered)
	end := made.StartedAt.Add(12500 * time.Microsecond)
	want := []*switchhook.Delivery{
		delivery("wh_new", switchhook.Pending, func(*switchhook.Delivery) {}),
		delivery("wh_ok", switchhook.Delivered, func(d *switchhook.Delivery) { d.Attempts, d.EndedAt = 1, end }),
		delivery("wh_failed", switchhook.Failed, func(d *switchhook.Delivery) {
			d.Attempts, d.EndedAt, d.Reason = 2, end, "still refused"
		}),
		delivery("wh_expired", switchhook.Expired, func(d *switchhook.Delivery) {
			d.Attempts, d.EndedAt, d.Reason = 1, made.StartedAt, "older than 30s"
		}),
		delivery("wh_cancelled", switchhook.Cancelled, func(d *switchhook.Delivery) {
			d.EndedAt, d.Reason = made.StartedAt, "the webhook was deleted"
		}),
		delivery("wh_due", switchhook.Pending, func(d *switchhook.Delivery) { d.Attempts, d.NextAttemptAt = 1, next }),
	}
	wantEqual(t, "deliveries", pages(t, 10, listDeliveries(t.Context(), s, switchhook.DeliveryFilter{})), want)
	for _, d := range want {
		f := switchhook.DeliveryFilter{Accounts: []string{"a"}, WebhookID: d.WebhookID, EventID: e.ID, State: d.State}
		wantEqual(t, d.WebhookID, pages(t, 10, listDeliveries(t.Context(), s, f)), []*switchhook.Delivery{d})
		wantEqual(t, d.WebhookID+" by id", must(s.Delivery(t.Context(), []string{"a"}, d.ID))(t), d)
		states := must(s.States(t.Context(), d.WebhookID, []int64{1, 2}))(t)
		wantEqual(t, d.WebhookID+" by sequence", states, map[int64]switchhook.DeliveryState{1: d.State})
	}
	_, err := s.Delivery(t.Context(), []string{"b"}, want[0].ID)
	wantCode(t, err, switchhook.CodeNotFound)
	_, err = s.Delivery(t.Context(), nil, "msg_x")
	wantCode(t, err, switchhook.CodeNotFound)
	wantEqual(t, "never made", must(s.States(t.Context(), "wh_x", []int64{1}))(t), map[int64]switchhook.DeliveryState{})
}

// deliveryNames are the deliveries written as "sequence webhook".
func deliveryNames(items []*switchhook.Delivery) []string {
	return names(items, func(d *switchhook.Delivery) string { return fmt.Sprintf("%d %s", d.Sequence, d.WebhookID) })
}

func deliveryFilters(of trial) {
	t, s := of.t, of.s
	at := func(n int64) time.Time { return event(n).AcceptedAt }
	all := events(1, 5, "wh_1", "wh_2")
	all[3].AccountID, all[4].AccountID = "b", "b"
	commit(t, s, switchhook.Commit{
		Events: all,
		Attempts: []*switchhook.Attempt{
			attempt(all[0], "wh_1", switchhook.Delivered),
			attempt(all[0], "wh_2", switchhook.Failed),
			attempt(all[1], "wh_1", switchhook.Delivered),
			attempt(all[2], "wh_1", switchhook.Failed),
			ended(all[3], "wh_2", switchhook.Expired, "too old"),
		},
		Due: []switchhook.Due{
			{DeliveryRef: ref(2, "wh_2"), At: base()},
			{DeliveryRef: ref(3, "wh_2"), At: base()},
		},
		Watermark: 3,
	})
	for _, c := range []struct {
		name string
		f    switchhook.DeliveryFilter
		want []string
	}{
		{"nothing", switchhook.DeliveryFilter{}, []string{
			"5 wh_1", "5 wh_2", "4 wh_1", "4 wh_2", "3 wh_1", "3 wh_2", "2 wh_1", "2 wh_2", "1 wh_1", "1 wh_2",
		}},
		{"an account", switchhook.DeliveryFilter{Accounts: []string{"b"}}, []string{"5 wh_1", "5 wh_2", "4 wh_1", "4 wh_2"}},
		{"no account", switchhook.DeliveryFilter{Accounts: []string{}}, nil},
		{"a webhook", switchhook.DeliveryFilter{WebhookID: "wh_2"}, []string{"5 wh_2", "4 wh_2", "3 wh_2", "2 wh_2", "1 wh_2"}},
		{"an event", switchhook.DeliveryFilter{EventID: "evt_2"}, []string{"2 wh_1", "2 wh_2"}},
		{"some events", switchhook.DeliveryFilter{Events: []*switchhook.Event{event(2), event(4), event(90)}}, []string{"4 wh_1", "4 wh_2", "2 wh_1", "2 wh_2"}},
		{"some events of a webhook", switchhook.DeliveryFilter{Events: []*switchhook.Event{event(2), event(4)}, WebhookID: "wh_2"}, []string{"4 wh_2", "2 wh_2"}},
		{"of a call", switchhook.DeliveryFilter{Of: &switchhook.EventFilter{CallID: "leg2"}}, []string{"2 wh_1", "2 wh_2"}},
		{"failed, of a call", switchhook.DeliveryFilter{Of: &switchhook.EventFilter{CallID: "leg3"}, State: switchhook.Failed}, []string{"3 wh_1"}},
		{"of a type", switchhook.DeliveryFilter{Of: &switchhook.EventFilter{Types: []string{"call.*"}}, WebhookID: "wh_1"}, []string{"5 wh_1", "4 wh_1", "3 wh_1", "2 wh_1", "1 wh_1"}},
		{"of another type", switchhook.DeliveryFilter{Of: &switchhook.EventFilter{Types: []string{"fax.*"}}}, nil},
		{"of a number", switchhook.DeliveryFilter{Of: &switchhook.EventFilter{Number: "leg4"}, State: switchhook.Expired}, []string{"4 wh_2"}},
		{"of no events", switchhook.DeliveryFilter{Events: []*switchhook.Event{}}, nil},
		{"an event in another account", switchhook.DeliveryFilter{EventID: "evt_2", Accounts: []string{"b"}}, nil},
		{"pending", switchhook.DeliveryFilter{State: switchhook.Pending}, []string{"5 wh_1", "5 wh_2", "4 wh_1", "3 wh_2", "2 wh_2"}},
		{"pending of a webhook", switchhook.DeliveryFilter{State: switchhook.Pending, WebhookID: "wh_2"}, []string{"5 wh_2", "3 wh_2", "2 wh_2"}},
		{"delivered", switchhook.DeliveryFilter{State: switchhook.Delivered}, []string{"2 wh_1", "1 wh_1"}},
		{"delivered to a webhook", switchhook.DeliveryFilter{State: switchhook.Delivered, WebhookID: "wh_1"}, []string{"2 wh_1", "1 wh_1"}},
		{"failed", switchhook.DeliveryFilter{State: switchhook.Failed}, []string{"3 wh_1", "1 wh_2"}},
		{"failed of a webhook", switchhook.DeliveryFilter{State: switchhook.Failed, WebhookID: "wh_1"}, []string{"3 wh_1"}},
		{"expired", switchhook.DeliveryFilter{State: switchhook.Expired}, []string{"4 wh_2"}},
		{"expired in another account", switchhook.DeliveryFilter{State: switchhook.Expired, Accounts: []string{"a"}}, nil},
		{"cancelled", switchhook.DeliveryFilter{State: switchhook.Cancelled}, nil},
		{"since", switchhook.DeliveryFilter{Since: at(4), WebhookID: "wh_2"}, []string{"5 wh_2", "4 wh_2"}},
		{"since and until", switchhook.DeliveryFilter{Since: at(2), Until: at(3)}, []string{"2 wh_1", "2 wh_2"}},
		{"failed until", switchhook.DeliveryFilter{State: switchhook.Failed, Until: at(3)}, []string{"1 wh_2"}},
	} {
		for _, limit := range []int{1, 3, 100} {
			got := pages(t, limit, listDeliveries(t.Context(), s, c.f))
			wantEqual(t, fmt.Sprintf("%s, by %d", c.name, limit), deliveryNames(got), c.want)
		}
	}
}

func deliveryReplay(of trial) {
	t, s := of.t, of.s
	e := event(1, "wh_1")
	ids := map[string]string{
		switchhook.DeliveryID("a", e.ID, "wh_1"): "wh_1",
		switchhook.DeliveryID("a", e.ID, "wh_2"): "wh_2",
	}
	state := func() (all []string) {
		for id, webhook := range ids {
			states := must(s.States(t.Context(), webhook, []int64{1}))(t)
			if d, err := s.Delivery(t.Context(), nil, id); err == nil && (d.WebhookID != webhook || d.State != states[1]) {
				t.Errorf("%s is %s by id and %s by sequence", webhook, d.State, states[1])
			} else if err != nil && len(states) > 0 {
				t.Error(err)
			}
		}
		for _, st := range []switchhook.DeliveryState{
			switchhook.Pending, switchhook.Delivered, switchhook.Failed, switchhook.Expired, switchhook.Cancelled,
		} {
			for _, d := range pages(t, 10, listDeliveries(t.Context(), s, switchhook.DeliveryFilter{State: st})) {
				all = append(all, fmt.Sprintf("%s %s", d.WebhookID, d.State))
			}
		}
		return all
	}
	commit(t, s, switchhook.Commit{Events: []*switchhook.Event{e}, Watermark: 1, Attempts: []*switchhook.Attempt{attempt(e, "wh_1", switchhook.Failed)}})
	wantEqual(t, "after the last retry", state(), []string{"wh_1 failed"})
	// A replay: also of a webhook that was none of the targets.
	due := []switchhook.Due{{DeliveryRef: ref(1, "wh_1"), At: base()}, {DeliveryRef: ref(1, "wh_2"), At: base(), Replay: true}}
	commit(t, s, switchhook.Commit{Due: due})
	wantEqual(t, "once due again", state(), []string{"wh_1 pending", "wh_2 pending"})
	second, third := attempt(e, "wh_1", switchhook.Delivered), ended(e, "wh_2", switchhook.Cancelled, "disabled")
	second.Replay, third.Replay = true, true
	commit(t, s, switchhook.Commit{
		Attempts: []*switchhook.Attempt{second, third},
		Settled:  []switchhook.DeliveryRef{ref(1, "wh_1"), ref(1, "wh_2")},
	})
	wantEqual(t, "after the replay", state(), []string{"wh_1 delivered", "wh_2 cancelled"})
}

func deliveryPages(of trial) {
	t, s := of.t, of.s
	commit(t, s, switchhook.Commit{Events: events(1, 7, "wh_3", "wh_1", "wh_2")})
	var want []string
	for n := 7; n > 0; n-- {
		for _, webhook := range []string{"wh_3", "wh_1", "wh_2"} {
			want = append(want, fmt.Sprintf("%d %s", n, webhook))
		}
	}
	for _, limit := range []int{1, 2, 3, 4, 20, 21, 22} {
		got := pages(t, limit, listDeliveries(t.Context(), s, switchhook.DeliveryFilter{}))
		wantEqual(t, fmt.Sprintf("by %d", limit), deliveryNames(got), want)
	}
}

func deliveryPagesMove(of trial) {
	t, s := of.t, of.s
	commit(t, s, switchhook.Commit{Events: events(1, 3, "wh_1", "wh_2")})
	f := switchhook.DeliveryFilter{State: switchhook.Pending}
	newest, next, err := s.Deliveries(t.Context(), f, switchhook.Page{Limit: 3})
	if err != nil {
		t.Fatal(err)
	}
	// The page ended in the middle of event 2, whose first delivery now closes:
	// the second is still to come.
	commit(t, s, switchhook.Commit{
		Events:   events(4, 4, "wh_1"),
		Attempts: []*switchhook.Attempt{attempt(event(2), "wh_1", switchhook.Delivered)},
	})
	older, _, err := s.Deliveries(t.Context(), f, switchhook.Page{Limit: 10, Cursor: next})
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "pages", deliveryNames(slices.Concat(newest, older)),
		[]string{"3 wh_1", "3 wh_2", "2 wh_1", "2 wh_2", "1 wh_1", "1 wh_2"})
}

func deliverySparse(of trial) {
	t, s := of.t, of.s
	const last = 1000
	all := events(1, last, "wh_1")
	all[4].Targets = []string{"wh_2", "wh_1"}
	var made []*switchhook.Attempt
	for _, e := range all[:last-5] {
		state := switchhook.Delivered
		if e.Sequence == 3 {
			state = switchhook.Failed
		}
		made = append(made, attempt(e, "wh_1", state))
	}
	commit(t, s, switchhook.Commit{
		Events:    all,
		Attempts:  made,
		Due:       []switchhook.Due{{DeliveryRef: ref(5, "wh_2"), At: base()}},
		Watermark: last - 5,
	})
	for _, c := range []struct {
		name  string
		f     switchhook.DeliveryFilter
		first string
		n     int
	}{
		{"all", switchhook.DeliveryFilter{}, "1000 wh_1", last + 1},
		{"delivered", switchhook.DeliveryFilter{State: switchhook.Delivered}, "995 wh_1", last - 6},
		{"of a webhook", switchhook.DeliveryFilter{WebhookID: "wh_2"}, "5 wh_2", 1},
		{"pending", switchhook.DeliveryFilter{State: switchhook.Pending}, "1000 wh_1", 6},
		{"failed", switchhook.DeliveryFilter{State: switchhook.Failed}, "3 wh_1", 1},
	} {
		for _, limit := range []int{5, 333} {
			got := deliveryNames(pages(t, limit, listDeliveries(t.Context(), s, c.f)))
			if len(got) != c.n || got[0] != c.first || len(slices.Compact(slices.Sorted(slices.Values(got)))) != c.n {
				t.Errorf("%s, by %d: %d deliveries from %s, want %d from %s", c.name, limit, len(got), got[0], c.n, c.first)
			}
		}
	}
}

func deliveryPagesEnd(of trial) {
	t, s := of.t, of.s
	commit(t, s, switchhook.Commit{Events: events(1, 4, "wh_2", "wh_1")})
	var got []string
	for cursor, n := "", int64(5); ; n++ {
		page, next, err := s.Deliveries(t.Context(), switchhook.DeliveryFilter{}, switchhook.Page{Limit: 3, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page {
			got = append(got, d.EventID+" "+d.WebhookID)
		}
		if cursor = next; next == "" {
			break
		}
		// The one that the page ended with ends, and so does one that has not come yet; and
		// another event comes.
		commit(t, s, switchhook.Commit{Events: events(n, n, "wh_1"), Attempts: []*switchhook.Attempt{
			attempt(event(page[2].Sequence), page[2].WebhookID, switchhook.Delivered), attempt(event(1), "wh_1", switchhook.Pending),
		}})
	}
	wantEqual(t, "pages", got, []string{"evt_4 wh_2", "evt_4 wh_1", "evt_3 wh_2", "evt_3 wh_1", "evt_2 wh_2", "evt_2 wh_1", "evt_1 wh_2", "evt_1 wh_1"})
}
