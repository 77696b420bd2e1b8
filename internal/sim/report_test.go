package sim_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/sim"
)

// A run is three events of one call, delivered to two webhooks, all as it
// should be.
type run struct {
	accepted   []sim.Accepted
	deliveries []switchhook.Delivery
	arrivals   []*sim.Arrival
}

func goodRun() *run {
	r := &run{}
	at := time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC)
	for i := range 3 {
		ev := fmt.Sprintf("e%d", i+1)
		r.accepted = append(r.accepted, sim.Accepted{ID: ev, Type: "call.updated", Thread: 1, Deliveries: 2})
		for _, hook := range []string{"a", "b"} {
			d := switchhook.Delivery{
				ID: "msg_" + ev + hook, EventID: ev, EventType: "call.updated", AccountID: "demo", WebhookID: "wh_" + hook, Key: "call-1",
				Sequence: int64(10 * (i + 1)), State: switchhook.Delivered, Attempts: 1, AcceptedAt: at,
			}
			r.deliveries = append(r.deliveries, d)
			r.arrivals = append(r.arrivals, &sim.Arrival{
				ID: d.ID, Path: "path-" + hook, At: at.Add(time.Duration(i+1) * time.Millisecond), Place: len(r.arrivals) + 1, Number: 1,
			})
		}
	}
	return r
}

func (r *run) compare() *sim.Report {
	return sim.Compare(r.accepted, r.deliveries, r.arrivals, map[string]string{"wh_a": "path-a", "wh_b": "path-b"})
}

// of returns the arrivals of a delivery.
func (r *run) of(id string) *sim.Arrival {
	return r.arrivals[slices.IndexFunc(r.arrivals, func(a *sim.Arrival) bool { return a.ID == id })]
}

func (r *run) again(id string) *sim.Arrival {
	a := *r.of(id)
	a.Place, a.Number = len(r.arrivals)+1, a.Number+1
	r.arrivals = append(r.arrivals, &a)
	return &a
}

func TestReportOfAGoodRun(t *testing.T) {
	t.Parallel()
	report := goodRun().compare()
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	row := report.Rows[0]
	if report.Events != 3 || len(report.Rows) != 2 || row.Path != "path-a" || row.Deliveries != 3 || row.Arrived != 3 || row.Retries+row.Repeats != 0 {
		t.Errorf("got %+v", report)
	}
	if row.P50 != 2*time.Millisecond || row.P99 != 3*time.Millisecond {
		t.Errorf("p50 %s, p99 %s of 1, 2 and 3 ms", row.P50, row.P99)
	}
	var out strings.Builder
	if err := report.Write(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"path-a", "3 events accepted, 6 deliveries", "All of them arrived, signed right and in order.", "2.0 ms"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, out.String())
		}
	}
}

// Each case spoils a good run in one way; the report has to say so.
func TestReportFinds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*run)
		want  []string
	}{
		"one that is missing": {func(r *run) {
			r.arrivals = slices.DeleteFunc(r.arrivals, func(a *sim.Arrival) bool { return a.ID == "msg_e2b" })
			r.deliveries[3].State, r.deliveries[3].Reason = switchhook.Expired, "too old"
		}, []string{"the call.updated of e2 has not arrived at path-b (expired, too old; attempts: 1)"}},
		"one that expired and was not of use for a moment only": {func(r *run) {
			r.of("msg_e3a").Refused, r.deliveries[4].State = true, switchhook.Expired
		}, []string{"e3 has not arrived at path-a (expired; attempts: 1)"}},
		"a live one that expired and never came": {func(r *run) {
			r.deliveries[4].EventType, r.deliveries[4].State = "call.ringing", switchhook.Expired
			r.arrivals = slices.DeleteFunc(r.arrivals, func(a *sim.Arrival) bool { return a.ID == "msg_e3a" })
		}, []string{"the call.ringing of e3 has not arrived at path-a"}},
		"one that was only refused": {func(r *run) { r.of("msg_e3a").Refused = true }, []string{"e3 has not arrived at path-a"}},
		"one at the wrong webhook":  {func(r *run) { r.of("msg_e1a").Path = "path-b" }, []string{"e1 has not arrived at path-a"}},
		"two in the wrong order": {func(r *run) {
			one, two := r.of("msg_e1a"), r.of("msg_e2a")
			one.Place, two.Place = two.Place, one.Place
		}, []string{"path-a got the call.updated of e2 (sequence 20) before the call.updated of e1 (10), which have the same key call-1"}},
		"the last before all others": {func(r *run) { r.of("msg_e3b").Place = 0 }, []string{"path-b got the call.updated of e3 (sequence 30) before"}},
		"a wrong signature":          {func(r *run) { r.of("msg_e2a").Problem = sim.ErrSignature }, []string{"e2 came to path-a wrong: the signature does not match"}},
		"a wrong signature, then a right one": {func(r *run) {
			r.again("msg_e2a")
			r.of("msg_e2a").Problem = sim.ErrSignature
		}, []string{"e2 came to path-a wrong: the signature does not match"}},
		"a body that cannot be read":   {func(r *run) { r.of("msg_e1b").Problem = errors.New("no JSON") }, []string{"e1 came to path-b wrong: no JSON"}},
		"a body with gaps":             {func(r *run) { r.of("msg_e1b").Gaps = []string{"x", "y"} }, []string{"e1 came to path-b without x, y"}},
		"the body of another event":    {func(r *run) { r.of("msg_e1b").EventID = "e2" }, []string{"the delivery msg_e1b to path-b carries event e2"}},
		"a body with another sequence": {func(r *run) { a := r.of("msg_e1b"); a.EventID, a.Sequence = "e1", 11 }, []string{"carries event e1 with sequence 11, not e1 with 10"}},
		"a delivery that the API forgot": {
			func(r *run) { r.deliveries = slices.Delete(r.deliveries, 2, 3) },
			[]string{"e2 was accepted for 2 deliveries, and the API knows of 1"},
		},
		"one event under two ids": {func(r *run) {
			d := r.deliveries[0]
			d.ID = "msg_second"
			r.deliveries = append(r.deliveries, d)
			r.again("msg_e1a").ID = "msg_second"
		}, []string{"e1 has two deliveries to path-a: msg_e1a and msg_second"}},
		"sequences against the posts": {func(r *run) {
			for i := range r.deliveries {
				r.deliveries[i].Sequence = 40 - r.deliveries[i].Sequence
			}
			slices.Reverse(r.arrivals)
			for i, a := range r.arrivals {
				a.Place = i + 1
			}
		}, []string{"e2 was posted after e1, but has sequence 20, not above 30", "e3 was posted after e2, but has sequence 10, not above 20"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := goodRun()
			c.spoil(r)
			report := r.compare()
			for _, want := range c.want {
				if !slices.ContainsFunc(report.Problems, func(p string) bool { return strings.Contains(p, want) }) {
					t.Errorf("no problem says %q: %q", want, report.Problems)
				}
			}
			if report.Err() == nil {
				t.Error("the report has no error")
			}
		})
	}
}

// What is no fault of the product is no problem.
func TestReportForgives(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil            func(*run)
		retries, repeats int
		strays           int
	}{
		"a retry after a refusal": {func(r *run) {
			r.again("msg_e1a")
			r.of("msg_e1a").Refused = true
		}, 1, 0, 0},
		"a live one that was refused and expired": {func(r *run) {
			r.deliveries[4].EventType, r.deliveries[4].State = "call.ringing", switchhook.Expired
			r.of("msg_e3a").Refused = true
		}, 0, 0, 0},
		"a repeat":                   {func(r *run) { r.again("msg_e1a"); r.again("msg_e1a") }, 0, 2, 0},
		"a late repeat, out of turn": {func(r *run) { r.again("msg_e2a") }, 0, 1, 0},
		"a test from the page":       {func(r *run) { r.again("msg_e1a").ID = "msg_test" }, 0, 0, 1},
		"something for anyone":       {func(r *run) { r.again("msg_e1a").Path = sim.Anyone }, 0, 0, 0},
		"a webhook of the user's own": {func(r *run) {
			d := r.deliveries[0]
			d.ID, d.WebhookID = "msg_own", "wh_own"
			r.deliveries = append(r.deliveries, d)
		}, 0, 0, 0},
		"disorder without a key": {func(r *run) {
			for i := range r.deliveries {
				r.deliveries[i].Key = ""
			}
			r.of("msg_e3a").Place = 0
		}, 0, 0, 0},
		"disorder between keys": {func(r *run) {
			r.deliveries[4].Key = "call-2"
			r.of("msg_e3a").Place = 0
		}, 0, 0, 0},
		"an answer that got lost": {func(r *run) { r.accepted[1].Duplicate, r.accepted[1].Deliveries = true, 9 }, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := goodRun()
			c.spoil(r)
			report := r.compare()
			if err := report.Err(); err != nil {
				t.Error(err)
			}
			if row := report.Rows[0]; row.Retries != c.retries || row.Repeats != c.repeats || report.Strays != c.strays {
				t.Errorf("got %d retries, %d repeats and %d strays, want %d, %d and %d", row.Retries, row.Repeats, report.Strays, c.retries, c.repeats, c.strays)
			}
		})
	}
}

// A report of a disaster stays readable.
func TestReportIsBounded(t *testing.T) {
	t.Parallel()
	r := &run{}
	for i := range 100 {
		r.deliveries = append(r.deliveries, switchhook.Delivery{ID: fmt.Sprint(i), EventID: fmt.Sprint(i), WebhookID: "wh_a"})
	}
	report := r.compare()
	if len(report.Problems) != 20 || report.More != 80 {
		t.Errorf("%d problems and %d more", len(report.Problems), report.More)
	}
	var out strings.Builder
	if err := report.Write(&out); err != nil || !strings.Contains(out.String(), "and 80 more") {
		t.Errorf("%v\n%s", err, out.String())
	}
}
