//go:build unix

package faults

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// recorded is how long after an answer it must be on the disk. Longer ago, an
// interruption is no excuse for a repeat.
const recorded = 2 * time.Second

// straggling is how long after its sender's death a request can still come: it
// was in the kernel's hands.
const straggling = 500 * time.Millisecond

// clock is how times of day are told, to be found in the processes' logs.
const clock = "15:04:05.000"

// A report is what came of a run.
type report struct {
	faults   []string
	acked    int           // events
	again    int           // posts of them whose first answer was lost: answered duplicate
	unknown  int           // events whose answer was lost and that had no id
	appeared int           // and of these arrived
	lost     int           // posts without an answer
	refused  int           // posts that were answered 503
	waited   time.Duration // that one of them was kept waiting, at most

	deliveries int // different ones that arrived
	arrivals   int
	failures   int            // arrivals that were not answered 2xx
	broken     int            // requests that never arrived whole
	repeats    map[string]int // by their excuse
	most       int            // repeats after one interruption
	longest    time.Duration  // between an answer and the interruption that cost its record
	terms      int            // of processes that have sent, where there are several
}

const mostFaults = 20

func (r *report) fault(format string, args ...any) {
	if len(r.faults) < mostFaults {
		r.faults = append(r.faults, fmt.Sprintf(format, args...))
	}
}

// String is the report in a person's words.
func (r *report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d events acknowledged (%d posts refused, within %s, %d without an answer, %d events found again by their id; of %d without id and answer %d were there); ",
		r.acked, r.refused, r.waited.Round(time.Millisecond), r.lost, r.again, r.unknown, r.appeared)
	fmt.Fprintf(&b, "%d deliveries in %d requests (%d of them not answered 2xx, %d more broken off); repeats:", r.deliveries, r.arrivals, r.failures, r.broken)
	if len(r.repeats) == 0 {
		b.WriteString(" none")
	}
	for _, cause := range slices.Sorted(maps.Keys(r.repeats)) {
		fmt.Fprintf(&b, " %d %s", r.repeats[cause], cause)
	}
	if r.most > 0 {
		fmt.Fprintf(&b, ", at most %d at once, answered at most %s before", r.most, r.longest.Round(time.Millisecond))
	}
	if r.terms > 0 {
		fmt.Fprintf(&b, "; %d processes sent, one after the other", r.terms)
	}
	return b.String()
}

// check compares what was posted with what arrived. Nothing may be under way.
func (r *rig) check(ctx context.Context) *report {
	rep := &report{repeats: map[string]int{}}
	r.load.mu.Lock()
	defer r.load.mu.Unlock()
	r.journal.mu.Lock()
	defer r.journal.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range slices.Concat(r.load.faults, r.journal.faults) {
		rep.fault("%s", f)
	}
	rep.again, rep.lost, rep.refused, rep.waited = r.load.again, r.load.lost, r.load.refused, r.load.longest
	rep.arrivals, rep.broken = len(r.journal.arrivals), r.journal.broken

	byDelivery := map[delivery][]*arrival{}
	for _, a := range r.journal.arrivals {
		d := delivery{a.hook, a.tag}
		byDelivery[d] = append(byDelivery[d], a)
		if a.outcome == refused {
			rep.failures++
		}
	}
	rep.deliveries = len(byDelivery)
	sequences := r.checkNames(rep)
	r.checkRivals(rep)
	r.checkPosts(rep, byDelivery, sequences)
	r.checkOrder(rep, byDelivery, sequences)
	r.checkRepeats(ctx, rep, byDelivery)
	r.checkCutOff(rep)
	return rep
}

// checkNames checks that each thing has one name, and each name is of one thing.
// It returns the sequence of each event that arrived.
func (r *rig) checkNames(rep *report) (sequences map[string]int64) {
	sequences = map[string]int64{}
	events, ids := map[string]string{}, map[delivery]string{}
	tags, owners, places := map[string]string{}, map[string]delivery{}, map[int64]string{}
	for _, a := range r.journal.arrivals {
		d := delivery{a.hook, a.tag}
		if is(events, a.tag, a.event) || is(tags, a.event, a.tag) {
			rep.fault("DOUBLED: %s came as the events %s and %s", a.tag, events[a.tag], a.event)
		}
		if is(ids, d, a.id) || is(owners, a.id, d) {
			rep.fault("NAMES: %s came to %s under the webhook-id %s, which is not its own or not its only one", a.tag, r.receivers[a.hook].kind, a.id)
		}
		if is(sequences, a.tag, a.sequence) || is(places, a.sequence, a.tag) {
			rep.fault("NAMES: %s has the sequence %d, which is not its own or not its only one", a.tag, a.sequence)
		}
		if kind := r.receivers[a.hook].kind; !kind.wants(a.typ) {
			rep.fault("ASTRAY: %s came to %s, which does not want %s", a.tag, kind, a.typ)
		}
		if !a.folded {
			rep.fault("FOLDING: %s came to %s without what the first event of its call said", a.tag, r.receivers[a.hook].kind)
		}
	}
	return sequences
}

// is reports whether a key already stands for something else.
func is[K, V comparable](m map[K]V, key K, value V) bool {
	old, known := m[key]
	if !known {
		m[key] = value
	}
	return known && old != value
}

// checkPosts checks that what was acknowledged is there, and what nobody knows
// of is there as a whole or not at all.
func (r *rig) checkPosts(rep *report, byDelivery map[delivery][]*arrival, sequences map[string]int64) {
	last := map[string]*event{}
	for _, ev := range r.load.events {
		if _, arrived := sequences[ev.tag]; !arrived && !ev.acked {
			continue
		}
		if before := last[ev.call]; before != nil && sequences[before.tag] >= sequences[ev.tag] {
			rep.fault("ORDER: %s has the sequence %d, and %s, which was posted after it, %d", before.tag, sequences[before.tag], ev.tag, sequences[ev.tag])
		}
		last[ev.call] = ev
		if !ev.acked {
			continue
		}
		rep.acked++
		for hook := range r.receivers {
			all := byDelivery[delivery{hook, ev.tag}]
			if r.receivers[hook].kind.wants(ev.typ) && !slices.ContainsFunc(all, func(a *arrival) bool { return a.outcome != refused }) {
				rep.fault("LOST: %s was acknowledged and never delivered to %s", ev.tag, r.receivers[hook].kind)
			}
			if len(all) > 0 && ev.id != all[0].event {
				rep.fault("NAMES: %s was acknowledged as %s and came as %s", ev.tag, ev.id, all[0].event)
			}
		}
	}
	for _, together := range r.load.unknown {
		rep.unknown += len(together)
		arrived, wanted := 0, 0
		for _, ev := range together {
			for hook, receiver := range r.receivers {
				if receiver.kind.wants(ev.typ) {
					wanted++
				}
				if len(byDelivery[delivery{hook, ev.tag}]) > 0 {
					arrived++
				}
			}
		}
		if arrived > 0 {
			rep.appeared += len(together)
		}
		if arrived != 0 && arrived != wanted {
			rep.fault("LOST: of %d events from %s on, posted together and without an answer, %d deliveries came instead of all or none", len(together), together[0].tag, arrived)
		}
	}
}

// checkOrder checks that of one webhook and key nothing came before what was
// accepted before it had been answered 2xx.
func (r *rig) checkOrder(rep *report, byDelivery map[delivery][]*arrival, sequences map[string]int64) {
	lanes := map[delivery][]string{} // the tags of a receiver and key
	for d, all := range byDelivery {
		lane := delivery{d.hook, all[0].key}
		lanes[lane] = append(lanes[lane], d.tag)
	}
	for lane, tags := range lanes {
		slices.SortFunc(tags, func(x, y string) int { return cmp.Compare(sequences[x], sequences[y]) })
		for i := 1; i < len(tags); i++ {
			before, came := byDelivery[delivery{lane.hook, tags[i-1]}], byDelivery[delivery{lane.hook, tags[i]}][0].at
			if !slices.ContainsFunc(before, func(a *arrival) bool { return a.outcome != refused && !a.answered.After(came) }) {
				rep.fault("ORDER: %s came to %s before %s had been answered 2xx", tags[i], r.receivers[lane.hook].kind, tags[i-1])
			}
		}
	}
}

// checkRepeats counts what came again though it had been answered 2xx, and wants
// an excuse for each.
func (r *rig) checkRepeats(ctx context.Context, rep *report, byDelivery map[delivery][]*arrival) {
	after := make([]int, len(r.interruptions))
	for d, all := range byDelivery {
		var done *arrival // the last one that was answered
		for _, a := range all {
			if done != nil {
				i := r.excuse(done)
				if i < 0 {
					i = r.straggler(a)
				}
				switch {
				case i >= 0:
					after[i]++
					rep.most, rep.longest = max(rep.most, after[i]), max(rep.longest, r.interruptions[i].from.Sub(done.answered))
					rep.repeats["after "+r.interruptions[i].cause]++
				case r.unread(ctx, done):
					rep.repeats["whose answer could not be read"]++
				default:
					rep.fault("REPEAT: %s was answered 2xx by %s at %s (sent by %s), and came again %s later (from %s), without an interruption",
						d.tag, r.receivers[d.hook].kind, done.answered.Format(clock), done.by, a.at.Sub(done.answered), a.by)
				}
			}
			if a.outcome == taken {
				done = a
			}
		}
	}
}

// checkCutOff checks that whoever takes his time to answer is waited for, unless
// there was an interruption.
func (r *rig) checkCutOff(rep *report) {
	for _, a := range r.journal.arrivals {
		if r.receivers[a.hook].kind == slow && a.outcome == refused && r.excuse(a) < 0 {
			rep.fault("CUT OFF: a request with %s was given up before it was answered", a.tag)
		}
	}
}

// excuse finds the interruption that may have cost the outcome of a request, or -1.
func (r *rig) excuse(a *arrival) int {
	end := a.answered
	if a.outcome == refused {
		end = a.at
	}
	return slices.IndexFunc(r.interruptions, func(i interruption) bool {
		return (i.who == "" || i.who == a.by) && !i.to.Add(straggling).Before(a.at) && !i.from.After(end.Add(recorded))
	})
}

// straggler finds the interruption of the sender of a request that came in it, or -1:
// another may have sent it meanwhile, and have been answered.
func (r *rig) straggler(a *arrival) int {
	return slices.IndexFunc(r.interruptions, func(i interruption) bool {
		return i.who != "" && i.who == a.by && !a.at.Before(i.from) && !a.at.After(i.to.Add(straggling))
	})
}

// A term is the time in which a process of several has sent.
type term struct {
	who         string
	began       time.Time // the process
	first, last time.Time // of its requests
	n           int
}

// terms are those of the processes that have sent, in their order.
func (r *rig) terms(rep *report) []*term {
	all := make([]*term, 0, len(r.launches))
	for _, l := range r.launches {
		all = append(all, &term{who: l.who, began: l.at})
	}
	slices.SortFunc(all, func(x, y *term) int { return x.began.Compare(y.began) })
	for _, a := range r.journal.arrivals {
		i := len(all) - 1
		for i >= 0 && (all[i].who != a.by || all[i].began.After(a.at)) {
			i--
		}
		if i < 0 {
			rep.fault("RIVALS: %s was sent by %q, which is no process of ours", a.tag, a.by)
			continue
		}
		if all[i].n++; all[i].n == 1 {
			all[i].first = a.at
		}
		// What it was about to send when it was stopped it may send after all.
		if !slices.ContainsFunc(r.interruptions, func(s interruption) bool {
			return s.still && (s.who == "" || s.who == a.by) && !a.at.Before(s.from) && !a.at.After(s.to.Add(straggling))
		}) {
			all[i].last = a.at
		}
	}
	all = slices.DeleteFunc(all, func(t *term) bool { return t.n == 0 })
	slices.SortFunc(all, func(x, y *term) int { return x.first.Compare(y.first) })
	return all
}

// checkRivals checks that of several processes one sends, and none after another has begun to.
func (r *rig) checkRivals(rep *report) {
	if len(r.launches) == 0 {
		return
	}
	terms := r.terms(rep)
	rep.terms = len(terms)
	for i, t := range terms {
		for _, next := range terms[i+1:] {
			if after := t.last.Sub(next.first); after > straggling {
				rep.fault("RIVALS: %s sent for %s more after %s had begun to", t.who, after.Round(time.Millisecond), next.who)
				break
			}
		}
	}
}

// unread reports whether the server has recorded that it got no answer to a
// request: under load an answer can come too late for the sender.
func (r *rig) unread(ctx context.Context, a *arrival) bool {
	var list struct {
		Items []struct {
			StartedAt time.Time `json:"started_at"`
			Duration  float64   `json:"duration_ms"`
			Error     string    `json:"error"`
		} `json:"items"`
	}
	q := url.Values{"webhook_id": {r.webhooks[a.hook]}, "event_id": {a.event}, "outcome": {"failure"}, "limit": {"100"}}
	if err := r.callJSON(ctx, http.MethodGet, "/v1/attempts?"+q.Encode(), nil, &list); err != nil {
		return false
	}
	for _, attempt := range list.Items {
		end := attempt.StartedAt.Add(time.Duration(attempt.Duration * float64(time.Millisecond)))
		if attempt.StartedAt.Before(a.at) && end.After(a.at) && !strings.Contains(attempt.Error, "the receiver answered") {
			return true
		}
	}
	return false
}
