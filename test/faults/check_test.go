//go:build unix

package faults

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// ran is what a small run without faults leaves: a call of four events, of which
// two were posted without ids and never acknowledged, at two receivers.
func ran() *rig {
	r := &rig{
		subject: &server{}, load: &load{}, journal: newJournal(),
		receivers: []*receiver{{kind: good}, {kind: flaky}}, webhooks: []string{"wh_0", "wh_1"},
	}
	at := time.Now().Add(-time.Minute)
	for n := range 4 {
		ev := &event{tag: fmt.Sprintf("call-%d", n), id: fmt.Sprintf("evt-%d", n), typ: "call.updated", call: "call", acked: n < 2}
		r.load.events = append(r.load.events, ev)
		for hook := range r.receivers {
			at = at.Add(10 * time.Millisecond)
			r.journal.arrivals = append(r.journal.arrivals, &arrival{
				hook: hook, id: fmt.Sprintf("msg-%d-%d", n, hook), event: ev.id, key: "call", tag: ev.tag, typ: ev.typ, sequence: int64(10 + n), folded: true,
				at: at, outcome: taken, answered: at.Add(time.Millisecond),
			})
		}
	}
	r.load.unknown = [][]*event{r.load.events[2:]}
	return r
}

// again makes an arrival come a second time, a while later.
func again(r *rig, n int) {
	a := *r.journal.arrivals[n]
	a.at, a.answered = a.at.Add(time.Second), a.answered.Add(time.Second)
	r.journal.arrivals = append(r.journal.arrivals, &a)
}

// The checker finds what it is there to find: each of these is one fault in a
// run that is sound without it.
func TestChecker(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tamper func(*rig)
		want   string // how the fault begins; empty: it is none
	}{
		"sound": {func(*rig) {}, ""},
		"an acknowledged event did not come": {func(r *rig) {
			r.journal.arrivals = append(r.journal.arrivals[:3:3], r.journal.arrivals[4:]...)
		}, "LOST: call-1 was acknowledged and never delivered to flaky"},
		"it came and was refused": {func(r *rig) { r.journal.arrivals[7].outcome, r.load.events[3].acked = refused, true }, "LOST: call-3"},
		"half of what was posted together": {func(r *rig) {
			r.journal.arrivals = r.journal.arrivals[:6]
		}, "LOST: of 2 events from call-2 on"},
		"nothing of it": {func(r *rig) { r.journal.arrivals = r.journal.arrivals[:4] }, ""},
		"accepted twice": {func(r *rig) {
			again(r, 1)
			r.journal.arrivals[8].event, r.journal.arrivals[8].id = "evt-9", "msg-9-1"
		}, "DOUBLED: call-0"},
		"acknowledged under another id":  {func(r *rig) { r.load.events[0].id = "evt-9" }, "NAMES: call-0 was acknowledged as evt-9"},
		"another webhook-id":             {func(r *rig) { again(r, 2); r.journal.arrivals[8].id = "msg-9-0" }, "NAMES: call-1 came to good under the webhook-id"},
		"the webhook-id of another":      {func(r *rig) { r.journal.arrivals[5].id = "msg-0-0" }, "NAMES: call-2 came to flaky under the webhook-id"},
		"the sequence of another":        {func(r *rig) { r.journal.arrivals[4].sequence = 10 }, "NAMES: call-2 has the sequence 10"},
		"sequences not as it was posted": {func(r *rig) { r.load.events[0], r.load.events[1] = r.load.events[1], r.load.events[0] }, "ORDER: call-1 has the sequence 11"},
		"the earlier words of a call":    {func(r *rig) { r.journal.arrivals[6].folded = false }, "FOLDING: call-3 came to good"},
		"came before its turn":           {func(r *rig) { r.journal.arrivals[6].at = r.journal.arrivals[0].at }, "ORDER: call-3 came to good before call-2"},
		"came before the other was done": {func(r *rig) {
			r.journal.arrivals[2].outcome = refused
			again(r, 2)
			r.journal.arrivals[8].outcome = taken
		}, "ORDER: call-2 came to good before call-1"},
		"again after an answer of 2xx": {func(r *rig) { again(r, 7) }, "REPEAT: call-3"},
		"to one that does not want it": {func(r *rig) { r.receivers[1].kind = late }, "ASTRAY: call-0 came to late"},
		"given up": {func(r *rig) {
			r.receivers[1].kind = slow
			again(r, 7)
			r.journal.arrivals[7].outcome = refused
		}, "CUT OFF: a request with call-3"},
		"again after one that broke off":     {func(r *rig) { again(r, 7); r.journal.arrivals[7].outcome = unclear }, ""},
		"again after a crash at the moment":  {func(r *rig) { again(r, 7); r.interruptions = crash(r.journal.arrivals[7].answered.Add(recorded / 2)) }, ""},
		"again after a crash much later":     {func(r *rig) { again(r, 7); r.interruptions = crash(r.journal.arrivals[7].answered.Add(recorded * 2)) }, "REPEAT: call-3"},
		"again after a crash long before":    {func(r *rig) { again(r, 7); r.interruptions = crash(r.journal.arrivals[7].at.Add(-recorded)) }, "REPEAT: call-3"},
		"two processes, one after the other": {func(r *rig) { share(r, 4) }, ""},
		"two processes at the same time":     {func(r *rig) { share(r, 4); later(r, 3, time.Minute) }, "RIVALS: first sent for"},
		"a process sends what it was about to when it was stopped": {func(r *rig) {
			share(r, 4)
			a := later(r, 3, time.Minute)
			r.interruptions = []interruption{{cause: "standing still", from: r.journal.arrivals[3].at, to: a.at, who: "first", still: true}}
		}, ""},
		"and goes on long after": {func(r *rig) {
			share(r, 4)
			a := later(r, 3, time.Minute)
			r.interruptions = []interruption{{cause: "standing still", from: r.journal.arrivals[3].at, to: a.at.Add(-straggling * 2), who: "first", still: true}}
		}, "RIVALS: first sent for"},
		"again after the kill of another process": {func(r *rig) {
			share(r, 8)
			again(r, 7)
			r.interruptions = crash(r.journal.arrivals[7].answered)
			r.interruptions[0].who = "second"
		}, "REPEAT: call-3"},
		"sent by nobody": {func(r *rig) { share(r, 8); r.journal.arrivals[2].by = "third" }, "RIVALS: call-1 was sent by \"third\""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := ran()
			c.tamper(r)
			faults := r.check(t.Context()).faults
			if got := strings.Join(faults, "\n"); (got == "") != (c.want == "") || !strings.HasPrefix(got, c.want) {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

func crash(at time.Time) []interruption { return []interruption{{cause: "a crash", from: at, to: at}} }

// share makes the run one of two processes: the first has sent so many of the requests.
func share(r *rig, n int) {
	for i, a := range r.journal.arrivals {
		if a.by = "first"; i >= n {
			a.by = "second"
		}
	}
	r.launches = []launch{{"first", r.journal.arrivals[0].at.Add(-time.Second)}, {"second", r.journal.arrivals[0].at}}
}

// later makes an arrival come again after a time.
func later(r *rig, n int, after time.Duration) *arrival {
	a := *r.journal.arrivals[n]
	a.at, a.answered = a.at.Add(after), a.answered.Add(after)
	r.journal.arrivals = append(r.journal.arrivals, &a)
	return &a
}
