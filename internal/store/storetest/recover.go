package storetest

import (
	"errors"
	"time"

	"github.com/switchhook/switchhook"
)

func knownCases() []testCase {
	return []testCase{
		{"given ids are known in their account", knownIDs},
		{"an id that was given long ago may come again", expiredID},
	}
}

func knownIDs(of trial) {
	t, s := of.t, of.s
	given, made := event(1), event(2)
	given.ID, given.IDGiven = "order:17.b-3_X", true
	commit(t, s, switchhook.Commit{Events: []*switchhook.Event{given, made}})
	known := must(s.Known(t.Context(), "a", []string{given.ID, made.ID, "other", "it's \"quoted\""}))(t)
	wantEqual(t, "known", known, map[string]bool{given.ID: true})
	wantEqual(t, "known in another account", must(s.Known(t.Context(), "b", []string{given.ID}))(t), map[string]bool{})
	wantEqual(t, "known of none", must(s.Known(t.Context(), "a", nil))(t), map[string]bool{})

	other := event(3)
	other.ID, other.IDGiven, other.AccountID = given.ID, true, "b"
	commit(t, s, switchhook.Commit{Events: []*switchhook.Event{other}}) // ids are unique per account
}

func expiredID(of trial) {
	t, s := of.t, of.s
	old := event(1)
	old.ID, old.IDGiven, old.AcceptedAt = "given", true, time.Now().Add(-100*time.Hour)
	commit(t, s, switchhook.Commit{Events: []*switchhook.Event{old}})
	wantEqual(t, "known", must(s.Known(t.Context(), "a", []string{"given"}))(t), map[string]bool{})

	recent := event(2)
	recent.ID, recent.IDGiven, recent.AcceptedAt = "given", true, time.Now().Add(-23*time.Hour)
	commit(t, s, switchhook.Commit{Events: []*switchhook.Event{recent}})
	wantEqual(t, "known", must(s.Known(t.Context(), "a", []string{"given"}))(t), map[string]bool{"given": true})
	found := must(s.Event(t.Context(), nil, "given"))(t)
	if found.Sequence != 2 {
		t.Errorf("Event returns sequence %d, want the newest", found.Sequence)
	}
}

func recoverCases() []testCase {
	return []testCase{
		{"an event beyond the watermark is open for all its targets", recoverTargets},
		{"an attempt that closes a delivery closes it, with or without a number", recoverClosed},
		{"what is due is not recovered, on neither side of the watermark", recoverWatermark},
		{"the watermark never falls", recoverWatermarkFalls},
		{"an event without targets is not open", recoverNoTargets},
		{"a thousand come in order", recoverMany},
		{"an error of the callback ends it", recoverStops},
	}
}

func recoverTargets(of trial) {
	t, s := of.t, of.s
	second, first := event(2, "wh_z", "wh_a", "wh_m"), event(1, "wh_b")
	second.Relayed, second.Original = true, original()
	commit(t, s, switchhook.Commit{Events: []*switchhook.Event{first}})
	commit(t, s, switchhook.Commit{Events: []*switchhook.Event{second}})
	open := recovered(t, s)
	wantEqual(t, "open", refs(open), []string{"1 wh_b", "2 wh_z", "2 wh_a", "2 wh_m"})
	wantEqual(t, "event", open[1].Event, second)
	if open[1].Due != nil {
		t.Errorf("due %v of a delivery that was never tried", open[1].Due)
	}
}

func recoverClosed(of trial) {
	t, s := of.t, of.s
	e := event(1, "wh_1", "wh_2", "wh_3", "wh_4", "wh_5", "wh_6")
	commit(t, s, switchhook.Commit{Events: []*switchhook.Event{e, event(2, "wh_1")}})
	commit(t, s, switchhook.Commit{Attempts: []*switchhook.Attempt{
		attempt(e, "wh_1", switchhook.Delivered),
		attempt(e, "wh_2", switchhook.Failed),
		ended(e, "wh_3", switchhook.Expired, "too old"),
		ended(e, "wh_4", switchhook.Cancelled, "disabled"),
		attempt(e, "wh_5", switchhook.Pending),
	}})
	wantEqual(t, "open", openRefs(t, s), []string{"1 wh_5", "1 wh_6", "2 wh_1"})
}

func recoverWatermark(of trial) {
	t, s := of.t, of.s
	commit(t, s, switchhook.Commit{Events: events(1, 5, "wh_1", "wh_2")})
	commit(t, s, switchhook.Commit{
		Due:       []switchhook.Due{{DeliveryRef: ref(2, "wh_2"), At: base()}, {DeliveryRef: ref(5, "wh_1"), At: base()}},
		Watermark: 4,
	})
	wantEqual(t, "recovered", refs(recovered(t, s)), []string{"5 wh_2"})
	wantEqual(t, "open", openRefs(t, s), []string{"2 wh_2", "5 wh_1", "5 wh_2"})
}

func recoverWatermarkFalls(of trial) {
	t, s := of.t, of.s
	commit(t, s, switchhook.Commit{Events: events(1, 3, "wh_1"), Watermark: 2})
	commit(t, s, switchhook.Commit{Watermark: 1})
	wantEqual(t, "open", openRefs(t, s), []string{"3 wh_1"})
}

func recoverNoTargets(of trial) {
	t, s := of.t, of.s
	commit(t, s, switchhook.Commit{Events: events(1, 3)})
	wantEqual(t, "open", openRefs(t, s), []string{})
}

func recoverMany(of trial) {
	t, s := of.t, of.s
	const last = 1000
	var due []switchhook.Due
	var want []int64
	for n := int64(1); n <= last; n++ {
		if n%3 == 1 {
			due = append(due, switchhook.Due{DeliveryRef: ref(n, "wh_1"), At: base()})
		} else if n > 500 {
			want = append(want, n)
		}
	}
	commit(t, s, switchhook.Commit{Events: events(1, last, "wh_1"), Due: due, Watermark: 500})
	got := names(recovered(t, s), func(o switchhook.OpenDelivery) int64 {
		if o.Due != nil {
			t.Errorf("event %d is due", o.Event.Sequence)
		}
		return o.Event.Sequence
	})
	wantEqual(t, "recovered", got, want)
	wantEqual(t, "rows", len(rows(t, s)), len(due))
}

func recoverStops(of trial) {
	t, s := of.t, of.s
	commit(t, s, switchhook.Commit{Events: events(1, 3, "wh_1")})
	enough := errors.New("enough")
	calls := 0
	err := s.Recover(t.Context(), func(switchhook.OpenDelivery) error {
		calls++
		return enough
	})
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("error %v after %d calls, want its own after 1", err, calls)
	}
}
