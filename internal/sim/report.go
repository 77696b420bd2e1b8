package sim

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
)

// mostProblems is how many problems a report spells out; more are counted.
const mostProblems = 20

// A Report says what arrived of what was accepted.
type Report struct {
	// Events is how many events were accepted.
	Events int
	// Resent is how many requests the phone had to make again.
	Resent int
	// Rows has one row for each path of the receiver.
	Rows []Row
	// Deliveries are the ids of the rows' deliveries.
	Deliveries []string
	// Strays counts requests that belong to none of the events, such as tests
	// from the page.
	Strays int
	// Problems are what went wrong, each a sentence; More counts those that
	// there was no room for.
	Problems []string
	More     int
}

// A Row is what came to one webhook.
type Row struct {
	Path       string
	Deliveries int
	Arrived    int // as they should
	Retries    int // requests that the receiver had refused and that came again
	Repeats    int // requests that came again although they had been taken
	Expired    int // live ones that the receiver had refused, and that got too old
	// P50 and P99 are times from acceptance to arrival.
	P50, P99 time.Duration

	took []time.Duration
}

// Err is nil if everything arrived, signed right and in order, and says what did
// not otherwise.
func (r *Report) Err() error {
	n := len(r.Problems) + r.More
	switch n {
	case 0:
		return nil
	case 1:
		return errors.New(r.Problems[0])
	default:
		return fmt.Errorf("%d things are not as they should be; the first: %s", n, r.Problems[0])
	}
}

func (r *Report) wrong(format string, args ...any) {
	if len(r.Problems) == mostProblems {
		r.More++
		return
	}
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

// Compare holds what arrived against what was to be delivered. paths are the
// receiver's paths by webhook id; deliveries to other webhooks are not looked at.
func Compare(accepted []Accepted, deliveries []switchhook.Delivery, arrivals []*Arrival, paths map[string]string) *Report {
	r := &Report{Events: len(accepted)}
	rows := map[string]*Row{}
	for _, path := range paths {
		rows[path] = &Row{Path: path}
	}
	came := map[arrivalKey][]*Arrival{}
	for _, a := range arrivals {
		if a.Path != Anyone {
			k := arrivalKey{a.Path, a.ID}
			came[k] = append(came[k], a)
		}
	}
	r.checkAccepted(accepted, deliveries)

	seen := map[arrivalKey]bool{}
	pairs := map[[2]string]string{}
	for i := range deliveries {
		d := &deliveries[i]
		path, ours := paths[d.WebhookID]
		if !ours {
			continue
		}
		k := arrivalKey{path, d.ID}
		if seen[k] {
			continue
		}
		seen[k] = true
		pair := [2]string{d.EventID, d.WebhookID}
		if other, twice := pairs[pair]; twice {
			r.wrong("the %s of %s has two deliveries to %s: %s and %s", d.EventType, d.EventID, path, other, d.ID)
		}
		pairs[pair] = d.ID
		r.checkDelivery(d, path, came[k], rows[path])
	}
	for k, list := range came {
		if !seen[k] {
			r.Strays += len(list)
		}
	}
	r.checkOrder(deliveries, came, paths)
	for _, row := range rows {
		row.P50, row.P99 = percentile(row.took, 50), percentile(row.took, 99)
		r.Rows = append(r.Rows, *row)
	}
	slices.SortFunc(r.Rows, func(a, b Row) int { return strings.Compare(a.Path, b.Path) })
	return r
}

// checkAccepted compares what the phone was told at acceptance with what the API
// says now: no delivery may be forgotten, and a thread's events stand in the
// order in which they were posted.
func (r *Report) checkAccepted(accepted []Accepted, deliveries []switchhook.Delivery) {
	type place struct {
		thread uint64
		key    string
	}
	counts, first := map[string]int{}, map[string]*switchhook.Delivery{}
	for i := range deliveries {
		d := &deliveries[i]
		counts[d.EventID]++
		first[d.EventID] = d
	}
	last := map[place]*switchhook.Delivery{}
	for _, e := range accepted {
		if n := counts[e.ID]; n < e.Deliveries && !e.Duplicate {
			r.wrong("the %s of %s was accepted for %d deliveries, and the API knows of %d", e.Type, e.ID, e.Deliveries, n)
		}
		d := first[e.ID]
		if d == nil || d.Key == "" {
			continue
		}
		p := place{e.Thread, d.Key}
		if before := last[p]; before != nil && before.Sequence >= d.Sequence {
			r.wrong("the %s of %s was posted after %s, but has sequence %d, not above %d",
				e.Type, e.ID, before.EventID, d.Sequence, before.Sequence)
		}
		last[p] = d
	}
}

// checkDelivery looks at all that came of one delivery.
func (r *Report) checkDelivery(d *switchhook.Delivery, path string, came []*Arrival, row *Row) {
	row.Deliveries++
	r.Deliveries = append(r.Deliveries, d.ID)
	taken := false
	for i, a := range came {
		if i > 0 && !taken {
			row.Retries++
		} else if i > 0 {
			row.Repeats++
		}
		switch {
		case a.Problem != nil:
			r.wrong("the %s of %s came to %s wrong: %v", d.EventType, d.EventID, path, a.Problem)
		case a.EventID != "" && (a.EventID != d.EventID || a.Sequence != d.Sequence):
			r.wrong("the delivery %s to %s carries event %s with sequence %d, not %s with %d", d.ID, path, a.EventID, a.Sequence, d.EventID, d.Sequence)
		case len(a.Gaps) > 0:
			r.wrong("the %s of %s came to %s without %s", d.EventType, d.EventID, path, strings.Join(a.Gaps, ", "))
		}
		if !taken && a.Taken() {
			taken = true
			row.Arrived++
			row.took = append(row.took, a.At.Sub(d.AcceptedAt))
		}
	}
	if len(came) == 0 || !taken && came[len(came)-1].Refused {
		// A screen pop that was refused is not worth sending later: it
		// expires. One that never came is missing, whatever the API says.
		if t, ok := catalogue.Lookup(d.EventType); ok && t.Freshness == catalogue.Live && d.State == switchhook.Expired && len(came) > 0 {
			row.Expired++
			return
		}
		why := string(d.State)
		if d.Reason != "" {
			why += ", " + d.Reason
		}
		r.wrong("the %s of %s has not arrived at %s (%s; attempts: %d)", d.EventType, d.EventID, path, why, d.Attempts)
	}
}

// checkOrder finds deliveries of one webhook and key whose first requests came
// in another order than their events were accepted in.
func (r *Report) checkOrder(deliveries []switchhook.Delivery, came map[arrivalKey][]*Arrival, paths map[string]string) {
	type lane struct{ path, webhook, account, key string } // mails of one path are those of several
	type step struct {
		d     *switchhook.Delivery
		place int
	}
	lanes := map[lane][]step{}
	for i := range deliveries {
		d := &deliveries[i]
		path, ours := paths[d.WebhookID]
		if !ours || d.Key == "" {
			continue
		}
		if list := came[arrivalKey{path, d.ID}]; len(list) > 0 {
			l := lane{path, d.WebhookID, d.AccountID, d.Key}
			lanes[l] = append(lanes[l], step{d, list[0].Place})
		}
	}
	// Sorted, so that the same run gives the same report.
	keys := make([]lane, 0, len(lanes))
	for l := range lanes {
		keys = append(keys, l)
	}
	slices.SortFunc(keys, func(a, b lane) int {
		return cmp.Or(strings.Compare(a.path, b.path), strings.Compare(a.webhook, b.webhook), strings.Compare(a.account, b.account), strings.Compare(a.key, b.key))
	})
	for _, l := range keys {
		steps := lanes[l]
		slices.SortFunc(steps, func(a, b step) int { return a.place - b.place })
		for i := 1; i < len(steps); i++ {
			before, after := steps[i-1].d, steps[i].d
			if before.Sequence > after.Sequence {
				r.wrong("%s got the %s of %s (sequence %d) before the %s of %s (%d), which have the same key %s",
					l.path, before.EventType, before.EventID, before.Sequence, after.EventType, after.EventID, after.Sequence, l.key)
			}
		}
	}
}

// percentile is the nearest-rank percentile, and 0 of nothing.
func percentile(took []time.Duration, p int) time.Duration {
	if len(took) == 0 {
		return 0
	}
	took = slices.Sorted(slices.Values(took))
	return took[(len(took)*p+99)/100-1]
}

// Write prints the report as a table for a person, and what is wrong.
func (r *Report) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%-16s %10s %10s %8s %8s %10s %10s\n", "webhook", "deliveries", "arrived", "retries", "repeats", "p50", "p99")
	total := Row{Path: "all"}
	for _, row := range r.Rows {
		writeRow(&b, row)
		total.Deliveries += row.Deliveries
		total.Arrived += row.Arrived
		total.Retries += row.Retries
		total.Repeats += row.Repeats
		total.Expired += row.Expired
		total.took = append(total.took, row.took...)
	}
	total.P50, total.P99 = percentile(total.took, 50), percentile(total.took, 99)
	writeRow(&b, total)
	fmt.Fprintf(&b, "\n%d events accepted, %d deliveries; p50 and p99 are from acceptance to arrival.\n", r.Events, total.Deliveries)
	if i := slices.IndexFunc(r.Rows, func(row Row) bool { return row.Path == Post }); i >= 0 {
		fmt.Fprintf(&b, "%d mails arrived.\n", r.Rows[i].Arrived)
	}
	if r.Resent > 0 {
		fmt.Fprintf(&b, "The phone system had to make %d requests again.\n", r.Resent)
	}
	if total.Expired > 0 {
		fmt.Fprintf(&b, "%d live deliveries that the receiver had refused expired.\n", total.Expired)
	}
	if r.Strays > 0 {
		fmt.Fprintf(&b, "%d other requests came, such as tests from the page or events of your own.\n", r.Strays)
	}
	if len(r.Problems) == 0 && total.Expired > 0 {
		b.WriteString("All others arrived, signed right and in order.\n")
	} else if len(r.Problems) == 0 {
		b.WriteString("All of them arrived, signed right and in order.\n")
	} else {
		b.WriteString("Not as it should be:\n")
	}
	for _, p := range r.Problems {
		b.WriteString("  - " + p + "\n")
	}
	if r.More > 0 {
		fmt.Fprintf(&b, "  and %d more\n", r.More)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeRow(b *strings.Builder, row Row) {
	fmt.Fprintf(b, "%-16s %10d %10d %8d %8d %10s %10s\n",
		row.Path, row.Deliveries, row.Arrived, row.Retries, row.Repeats, Milliseconds(row.P50), Milliseconds(row.P99))
}

// Milliseconds writes a duration as a person reads it in a table: 3.1 ms.
func Milliseconds(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	if ms >= 100 {
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.1f ms", ms)
}
