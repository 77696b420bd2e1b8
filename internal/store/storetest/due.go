package storetest

import (
	"errors"
	"slices"
	"time"

	"github.com/switchhook/switchhook"
)

func dueCases() []testCase {
	return []testCase{
		{"what is due comes with its event and is replaced and settled", dueRows},
		{"pages of a webhook's rows rise, and strays are not among them", duePages},
		{"strays come when they are due, the earliest first", dueStrays},
		{"a closed delivery that is due again is open", dueReplayed},
		{"a row of a webhook that was no target", dueAdded},
		{"lanes are those of the rows that are no strays", dueLanes},
		{"an error of the callback ends it", dueStops},
		{"gates are replaced, and go with their webhook", gates},
		{"jobs are replaced, newest first, and go some time after their end", jobs},
	}
}

// row is a row with every field set.
func row(sequence int64, webhook string) switchhook.Due {
	return switchhook.Due{
		DeliveryRef: ref(sequence, webhook), Lane: 1<<63 + 7, Attempts: 3, Tries: 2,
		At: base().Add(time.Duration(sequence) * time.Second), HeldSince: base().Add(time.Microsecond),
		Still: 90*time.Second + 1, Replay: true,
	}
}

func dueRows(of trial) {
	t, s := of.t, of.s
	commit(t, s, switchhook.Commit{Events: events(1, 2, "wh_1", "wh_2"), Watermark: 2})
	due, waits := row(1, "wh_2"), row(2, "wh_2")
	waits.At, waits.HeldSince = time.Time{}, time.Time{}
	commit(t, s, switchhook.Commit{Due: []switchhook.Due{due, waits}})
	due.Attempts, due.At, due.Lane, due.Stray = 4, base().Add(time.Hour), 0, true
	commit(t, s, switchhook.Commit{Due: []switchhook.Due{due}})
	wantEqual(t, "rows", rows(t, s), []switchhook.OpenDelivery{
		{Event: event(2, "wh_1", "wh_2"), WebhookID: "wh_2", Due: &waits},
		{Event: event(1, "wh_1", "wh_2"), WebhookID: "wh_2", Due: &due},
	})
	wantEqual(t, "recovered", refs(recovered(t, s)), []string{})
	commit(t, s, switchhook.Commit{Settled: []switchhook.DeliveryRef{ref(1, "wh_2"), ref(9, "wh_9")}})
	wantEqual(t, "open", openRefs(t, s), []string{"2 wh_2"})
}

func duePages(of trial) {
	t, s := of.t, of.s
	const last = 700
	c := switchhook.Commit{Events: events(1, last, "wh_1", "wh_2"), Watermark: last}
	var want []int64
	for n := int64(last); n > 0; n-- { // rows come in no order
		d := row(n, "wh_1")
		if d.Stray = n%5 == 0; !d.Stray {
			want = append(want, n)
		}
		c.Due = append(c.Due, d, row(n, "wh_2"))
	}
	slices.Reverse(want)
	commit(t, s, c)
	for _, limit := range []int{1, 100, 560, 1000} {
		var got []int64
		for after := int64(0); ; {
			page := must(s.Due(t.Context(), "wh_1", after, limit))(t)
			for _, o := range page {
				if o.Event.Sequence != o.Due.Sequence || o.WebhookID != "wh_1" || o.Event.ID != event(o.Due.Sequence).ID {
					t.Fatalf("row %+v of event %s, webhook %s", o.Due, o.Event.ID, o.WebhookID)
				}
				after = o.Due.Sequence
				got = append(got, after)
			}
			if len(page) < limit {
				break
			}
		}
		wantEqual(t, "rows", got, want)
	}
	wantEqual(t, "backlogs", backlogs(t, s), map[string]int{"wh_1": last, "wh_2": last})
	wantEqual(t, "of another webhook", must(s.Due(t.Context(), "wh_3", 0, 10))(t), []switchhook.OpenDelivery(nil))
}

func dueStrays(of trial) {
	t, s := of.t, of.s
	c := switchhook.Commit{Events: events(1, 6, "wh_1")}
	for n, seconds := range []int{5, 1, 3, 3, 9, 0} {
		d := row(int64(n)+1, "wh_1")
		d.At, d.Stray = base().Add(time.Duration(seconds)*time.Second), n < 5
		c.Due = append(c.Due, d)
	}
	commit(t, s, c)
	strays := func(seconds, limit int) []string {
		t.Helper()
		return refs(must(s.Strays(t.Context(), "wh_1", base().Add(time.Duration(seconds)*time.Second), limit))(t))
	}
	wantEqual(t, "due after 5 s", strays(5, 10), []string{"2 wh_1", "3 wh_1", "4 wh_1", "1 wh_1"})
	wantEqual(t, "the first two", strays(5, 2), []string{"2 wh_1", "3 wh_1"})
	wantEqual(t, "at once", strays(0, 10), []string{})
	oldest := must(s.Oldest(t.Context(), "wh_1"))(t)
	wantEqual(t, "the oldest", refs([]switchhook.OpenDelivery{*oldest}), []string{"1 wh_1"})
	if other := must(s.Oldest(t.Context(), "wh_2"))(t); other != nil {
		t.Errorf("the oldest of none: %v", other)
	}
}

func dueReplayed(of trial) {
	t, s := of.t, of.s
	for n, watermark := range []int64{0, 2} { // in both worlds
		e := event(int64(n)+1, "wh_1")
		commit(t, s, switchhook.Commit{
			Events:    []*switchhook.Event{e},
			Attempts:  []*switchhook.Attempt{attempt(e, "wh_1", switchhook.Failed)},
			Watermark: watermark,
		})
	}
	wantEqual(t, "open", openRefs(t, s), []string{})
	commit(t, s, switchhook.Commit{Due: []switchhook.Due{{DeliveryRef: ref(1, "wh_1"), At: base()}, {DeliveryRef: ref(2, "wh_1"), At: base()}}})
	wantEqual(t, "open", openRefs(t, s), []string{"1 wh_1", "2 wh_1"})
	wantEqual(t, "recovered", refs(recovered(t, s)), []string{})
}

func dueAdded(of trial) {
	t, s := of.t, of.s
	e := event(1, "wh_5")
	commit(t, s, switchhook.Commit{Events: []*switchhook.Event{e}, Due: []switchhook.Due{row(1, "wh_9"), row(1, "wh_1")}})
	wantEqual(t, "open", openRefs(t, s), []string{"1 wh_1", "1 wh_5", "1 wh_9"})
	wantEqual(t, "recovered", refs(recovered(t, s)), []string{"1 wh_5"})
	// First the targets, then what was added.
	listed := pages(t, 2, listDeliveries(t.Context(), s, switchhook.DeliveryFilter{EventID: e.ID}))
	wantEqual(t, "deliveries", deliveryNames(listed), []string{"1 wh_5", "1 wh_1", "1 wh_9"})
	for _, d := range listed {
		wantEqual(t, "by id", must(s.Delivery(t.Context(), nil, d.ID))(t), d)
		states := must(s.States(t.Context(), d.WebhookID, []int64{1}))(t)
		wantEqual(t, "by sequence", states, map[int64]switchhook.DeliveryState{1: switchhook.Pending})
	}
}

func dueLanes(of trial) {
	t, s := of.t, of.s
	c := switchhook.Commit{Events: events(1, 4, "wh_1")}
	for n := int64(1); n <= 4; n++ {
		d := row(n, "wh_1")
		d.Lane, d.Stray = []uint64{7, 0, 1<<64 - 1, 7}[n-1], false
		c.Due = append(c.Due, d)
	}
	stray := row(3, "wh_2")
	stray.Stray = true
	commit(t, s, switchhook.Commit{Events: c.Events, Due: append(c.Due, stray)})
	for webhook, want := range map[string][]uint64{"wh_1": {0, 7, 7, 1<<64 - 1}, "wh_2": nil, "wh_3": nil} {
		var got []uint64
		err := s.Lanes(t.Context(), webhook, func(lane uint64) error {
			got = append(got, lane)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		wantEqual(t, "lanes of "+webhook, got, want)
	}
}

func dueStops(of trial) {
	t, s := of.t, of.s
	commit(t, s, switchhook.Commit{Events: events(1, 3, "wh_1"), Due: []switchhook.Due{row(1, "wh_1"), row(2, "wh_1"), row(3, "wh_2")}})
	enough := errors.New("enough")
	calls := 0
	for _, err := range []error{
		s.Backlogs(t.Context(), func(string, int) error { calls++; return enough }),
		s.Lanes(t.Context(), "wh_1", func(uint64) error { calls++; return enough }),
	} {
		if !errors.Is(err, enough) {
			t.Errorf("error %v, want the callback's own", err)
		}
	}
	if calls != 2 {
		t.Errorf("%d calls", calls)
	}
}

func gates(of trial) {
	t, s := of.t, of.s
	ctx := t.Context()
	if err := s.CreateWebhook(ctx, webhook("wh_1")); err != nil {
		t.Fatal(err)
	}
	one := switchhook.Gate{WebhookID: "wh_1", FailingSince: base(), Still: time.Hour + 1, StillSince: base().Add(time.Second), Reason: "Größe"}
	two := switchhook.Gate{WebhookID: "wh_2"}
	commit(t, s, switchhook.Commit{Gates: []switchhook.Gate{two, {WebhookID: "wh_1", Reason: "old"}}})
	commit(t, s, switchhook.Commit{Gates: []switchhook.Gate{{WebhookID: "wh_1", Reason: "older"}, one}})
	wantEqual(t, "gates", must(s.Gates(ctx))(t), []switchhook.Gate{one, two})
	commit(t, s, switchhook.Commit{Events: events(1, 1, "wh_1"), Due: []switchhook.Due{row(1, "wh_1")}})
	if err := s.DeleteWebhook(ctx, "wh_1"); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "gates", must(s.Gates(ctx))(t), []switchhook.Gate{two})
	wantEqual(t, "rows", refs(rows(t, s)), []string{"1 wh_1"})
}

func jobs(of trial) {
	t, s := of.t, of.s
	ctx := t.Context()
	at := func(seconds int) time.Time { return base().Add(time.Duration(seconds) * time.Second) }
	old := &switchhook.Job{
		ID: "job_1", AccountID: "a", WebhookID: "wh_1", Which: switchhook.WhichFailed, Since: at(0), Until: at(9),
		Types: []string{"call.*", "custom.x"}, CallID: "call-7", Rate: 2.5, State: switchhook.JobRunning,
		Total: 1 << 40, Looked: 7, Made: 3, Cursor: 12, Last: 1 << 41, CreatedAt: at(1), UpdatedAt: at(2),
	}
	recent := &switchhook.Job{ID: "job_0", State: switchhook.JobFailed, Error: "<no>", CreatedAt: at(3), EndedAt: at(4)}
	commit(t, s, switchhook.Commit{Jobs: []*switchhook.Job{old, recent}})
	wantEqual(t, "jobs", must(s.Jobs(ctx))(t), []*switchhook.Job{recent, old})
	changed := *old
	changed.Looked, changed.Cursor, changed.Types = 8, 13, nil
	commit(t, s, switchhook.Commit{Jobs: []*switchhook.Job{&changed}})
	wantEqual(t, "jobs", must(s.Jobs(ctx))(t), []*switchhook.Job{recent, &changed})
	pruneAll(t, s, at(4))
	wantEqual(t, "jobs", len(must(s.Jobs(ctx))(t)), 2)
	pruneAll(t, s, at(5)) // one runs on
	wantEqual(t, "jobs", must(s.Jobs(ctx))(t), []*switchhook.Job{&changed})
}
