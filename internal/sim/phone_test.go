package sim_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/sim"
)

// What each call tells stands in the order in which it can have happened.
func TestPhoneTellsCallsInOrder(t *testing.T) {
	t.Parallel()
	p, client := newProduct(t)
	phone := &sim.Phone{Client: client, Account: "demo"}
	ring(t, p, phone, 600)

	calls := p.calls()
	if len(calls) < 20 {
		t.Fatalf("%d calls", len(calls))
	}
	for root, told := range calls {
		var types []string
		open := map[string]bool{}
		for _, in := range told {
			types = append(types, in.Type)
			id, _ := member(in, "call")["id"].(string)
			switch in.Type {
			case "call.created", "leg.created":
				if open[id] {
					t.Errorf("%s: leg %s begins twice", root, id)
				}
				open[id] = true
			case "call.hungup", "leg.hungup":
				if !open[id] {
					t.Errorf("%s: leg %s ends before it begins", root, id)
				}
				delete(open, id)
			case "call.ringing", "call.answered", "call.bridged", "leg.ringing", "leg.answered", "leg.bridged", "extension.ringing", "extension.answered":
				if !open[id] {
					t.Errorf("%s: %s of leg %s, which is not there", root, in.Type, id)
				}
			}
		}
		if types[0] != "call.created" || count(types, "call.created") != 1 || count(types, "call.hungup") != 1 || len(open) > 0 {
			t.Errorf("%s: %v; still open: %v", root, types, open)
		}
		before(t, types, "call.created", "call.ringing", "call.answered", "call.bridged", "call.hungup")
		before(t, types, "leg.created", "extension.ringing", "leg.ringing", "extension.answered", "leg.answered")
		before(t, types, "queuecall.created", "queuecall.connecting", "queuecall.serviced", "queuecall.done")
		before(t, types, "extension.answered", "extension.completed")
		if !slices.IsSortedFunc(told, func(a, b sim.Input) int { return a.OccurredAt.Compare(b.OccurredAt) }) {
			t.Errorf("%s: the times are not in order", root)
		}
	}
}

func count(list []string, s string) int {
	n := 0
	for _, e := range list {
		if e == s {
			n++
		}
	}
	return n
}

// before checks that those of the names that are there come in this order, the
// first of each.
func before(t *testing.T, types []string, names ...string) {
	t.Helper()
	last := -1
	for _, name := range names {
		if i := slices.Index(types, name); i >= 0 {
			if i < last {
				t.Errorf("%s comes too early in %v", name, types)
			}
			last = i
		}
	}
}

// The scenarios of the brief are all there.
func TestPhoneTellsEverything(t *testing.T) {
	t.Parallel()
	p, client := newProduct(t)
	phone := &sim.Phone{Client: client, Account: "demo", Seed: 3}
	if err := phone.Furnish(t.Context()); err != nil {
		t.Fatal(err)
	}
	furnished := len(p.events)
	if err := phone.Furnish(t.Context()); err != nil || len(p.events) != furnished {
		t.Errorf("furnishing again made %d events (%v)", len(p.events)-furnished, err)
	}
	ring(t, p, phone, 800)
	told := map[string]int{}
	for _, ev := range p.events {
		told[ev.Type]++
	}
	for typ := range strings.FieldsSeq(`
		call.created call.ringing call.answered call.bridged call.held call.unheld call.hungup call.missed
		leg.created leg.ringing leg.answered leg.bridged leg.hungup
		extension.ringing extension.answered extension.completed extension.missed ring_group.entered
		queuecall.created queuecall.connecting queuecall.serviced queuecall.done queuecall.abandoned agent.status_updated
		flow.started flow.updated flow.ended message.received message.sent message.status voicemail.new fax.received voicemail.full billing.low_balance
		record.created record.updated record.deleted`) {
		if told[typ] == 0 {
			t.Errorf("no %s", typ)
		}
	}
	if want := len(p.events) - furnished - len(phone.Accepted()); phone.Changes() != want {
		t.Errorf("the phone counts %d changes of the directory, the product %d", phone.Changes(), want)
	}
}

// The same seed plays the same calls, whoever comes first.
func TestPhoneRepeatsItself(t *testing.T) {
	t.Parallel()
	ids := func(seed uint64) map[string]bool {
		p, client := newProduct(t)
		ring(t, p, &sim.Phone{Client: client, Account: "demo", Seed: seed}, 100)
		roots := map[string]bool{}
		for root := range p.calls() {
			roots[root] = true
		}
		return roots
	}
	one, two, other := ids(1), ids(1), ids(2)
	same := 0
	for root := range one {
		if two[root] {
			same++
		}
		if other[root] {
			t.Errorf("call %s comes with another seed too", root)
		}
	}
	// How many calls there are depends on the clock; those that are, are the same.
	if same == 0 || same < min(len(one), len(two))/2 {
		t.Errorf("of %d and %d calls only %d are the same", len(one), len(two), same)
	}
}

// What cannot be taken now is told again under the same id, and counted once.
func TestPhoneTriesAgain(t *testing.T) {
	t.Parallel()
	p, client := newProduct(t)
	var n atomic.Int64
	p.refuse = func(*http.Request) int {
		switch n.Add(1) % 9 {
		case 3:
			return http.StatusServiceUnavailable
		case 5:
			return -1 // carried out, but nobody hears of it
		default:
			return 0
		}
	}
	phone := &sim.Phone{Client: client, Account: "demo"}
	ring(t, p, phone, 100)
	accepted := phone.Accepted()
	seen, duplicates := map[string]bool{}, 0
	for _, a := range accepted {
		if seen[a.ID] {
			t.Errorf("%s is counted twice", a.ID)
		}
		seen[a.ID] = true
		if a.Duplicate {
			duplicates++
		}
	}
	if len(p.inputs) != len(accepted) || duplicates == 0 || phone.Retries() < duplicates {
		t.Errorf("%d accepted, %d of them at a second try, %d known to the product, %d retries", len(accepted), duplicates, len(p.inputs), phone.Retries())
	}
	// A change whose answer got lost is made again; if another came in between,
	// that is one more.
	if made := len(p.events) - len(p.inputs); made < phone.Changes() {
		t.Errorf("the phone counts %d changes of the directory, the product %d", phone.Changes(), made)
	}
}

// A refusal is not tried again: it is the phone's fault, and said.
func TestPhoneReportsARefusal(t *testing.T) {
	t.Parallel()
	p, client := newProduct(t)
	p.refuse = func(*http.Request) int { return http.StatusUnprocessableEntity }
	err := (&sim.Phone{Client: client, Account: "demo"}).Run(t.Context(), 0)
	api, ok := errors.AsType[*sim.APIError](err)
	if !ok || api.Status != http.StatusUnprocessableEntity || !strings.Contains(err.Error(), "the test says so") {
		t.Errorf("got %v", err)
	}
}

func TestPhoneKeepsToItsRate(t *testing.T) {
	t.Parallel()
	p, client := newProduct(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var inTime atomic.Int64
	p.refuse = func(*http.Request) int {
		if ctx.Err() == nil {
			inTime.Add(1)
		}
		return 0
	}
	if err := (&sim.Phone{Client: client, Account: "demo"}).Run(ctx, 40); err != nil {
		t.Fatal(err)
	}
	// A tenth of a second's events may come at once; a busy machine tells fewer.
	if n := inTime.Load(); n < 10 || n > 46 {
		t.Errorf("%d events in a second at a rate of 40", n)
	}
}
