package deliver

import (
	"fmt"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
)

func plainEvent(seq int64, key string) *switchhook.Event {
	now := time.Now().UTC()
	return &switchhook.Event{ID: fmt.Sprint("e", seq), Type: "webhook.disabled", AccountID: "acme", Key: key, Sequence: seq, OccurredAt: now, AcceptedAt: now}
}

// As many strays as may be in memory leave room for the rows of lanes.
func TestStraysDoNotStarveRows(t *testing.T) {
	t.Parallel()
	w := &switchhook.Webhook{ID: "wh", AccountID: "acme", Enabled: true, Ordering: "key", Hold: 0}
	for _, tight := range []bool{false, true} {
		m := newMachine(w) // the usual sizes
		m.tight = func() bool { return tight }
		now := time.Now()
		strays := usual.strays
		if tight {
			strays = usual.tight
		}
		seq := int64(0)
		for range strays { // an event that the receiver refuses, after one that it takes
			seq++
			m.push(newDelivery(plainEvent(seq, fmt.Sprint("k", seq)), "wh"), now)
			d := m.take(now)
			d.attempts = 6
			a := d.closing("", "", now)
			a.Number, a.Outcome = 7, switchhook.Failure
			m.settle(d, w, a, verdict{state: switchhook.Pending, wait: 5 * time.Hour}, now)
			m.gate.succeeded(now)
		}
		// A pause and a resume: what waits becomes rows.
		for range 100 {
			seq++
			m.push(newDelivery(plainEvent(seq, fmt.Sprint("k", seq)), "wh"), now)
		}
		m.gate.on(pause, now)
		m.shrink(now)
		m.durable(m.out.parks, m.out.left)
		m.out = effects{}
		m.gate.on(resume, now)
		n, _, _, _ := m.wants(now)
		if n == 0 {
			t.Errorf("tight %v: %d in memory, %d of them strays for hours, nothing ready (%d), %d rows away, and none is wanted", tight, m.items, m.strays, m.fresh.len()+m.backlog.len(), m.away.n)
		}
	}
}

// Of two webhooks of an account, one that asks sixteen times for one share has no
// more turns than one that asks once for sixteen.
func TestSharesAreFair(t *testing.T) {
	t.Parallel()
	s := newShares(func(*queue) {})
	s.free = 0
	a, b := &queue{id: "a"}, &queue{id: "b"}
	for range 16 {
		s.ask(a, "acme", 1)
	}
	s.ask(b, "acme", 16)
	got := map[string]int{}
	for range 16 {
		got[s.next().id]++
	}
	if got["b"] < 6 {
		t.Errorf("of 16 turns: %v", got)
	}
	if s.sweeper != nil {
		s.sweeper.Stop()
	}
}

// A read of strays that failed does not end a read of the lanes that is under way
// when it is tried again: what that brings would be delivered twice.
func TestFailedFetchEndsNoOther(t *testing.T) {
	t.Parallel()
	w := &switchhook.Webhook{ID: "wh", AccountID: "acme", Enabled: true, Ordering: "key", Hold: switchhook.Duration(time.Minute)}
	m := newMachine(w)
	now := time.Now()
	row := func(seq int64) switchhook.OpenDelivery {
		ev := plainEvent(seq, fmt.Sprint("k", seq))
		return switchhook.OpenDelivery{Event: ev, WebhookID: "wh", Due: &switchhook.Due{DeliveryRef: switchhook.DeliveryRef{Sequence: seq, WebhookID: "wh"}, Lane: keyOf(ev)}}
	}
	for seq := range int64(3) {
		m.away.n++
		m.away.lanes[row(seq+1).Due.Lane]++
	}
	m.away.strays = 1
	settle := func(d *delivery, v verdict, o switchhook.Outcome) {
		a := d.closing("", "", now)
		a.Number, a.Outcome = 1, o
		m.settle(d, w, a, v, now)
		m.durable(m.out.parks, m.out.left)
		m.out = effects{}
	}
	ten := newDelivery(plainEvent(10, "k10"), "wh")
	m.push(ten, now)
	settle(m.take(now), verdict{state: switchhook.Pending, wait: time.Second}, switchhook.Failure) // it has a row now
	if n, _, strays, _ := m.wants(now); n == 0 || strays == 0 {
		t.Fatal("both were to be fetched")
	}
	m.fetched([]switchhook.OpenDelivery{row(1)}, false, now) // the lanes are read, the strays are not: fetchFailed comes in a second
	now = now.Add(time.Second + time.Millisecond)
	m.wake(now)
	if n, after, _, _ := m.wants(now); n == 0 || after != 1 {
		t.Fatal("more was to be fetched")
	}
	read := []switchhook.OpenDelivery{row(2), row(3), row(10)} // as the store has them at this moment
	for d := m.take(now); d != nil; d = m.take(now) {
		settle(d, verdict{state: switchhook.Delivered}, switchhook.Success)
	}
	m.fetchFailed(false, true)
	m.fetched(read, true, now)
	if m.rows[10] != nil {
		t.Error("10 was delivered, that is durable, and it waits to be delivered again")
	}
}

// A replay that is parked while an old read of strays is under way, or has just
// failed, is not forgotten by the next fetch.
func TestParkedReplayIsFetched(t *testing.T) {
	t.Parallel()
	w := &switchhook.Webhook{ID: "wh", AccountID: "acme", Enabled: true, Ordering: "key", Hold: switchhook.Duration(time.Minute)}
	m := newMachine(w)
	now := time.Now()
	ev4, ev5 := plainEvent(4, "k"), plainEvent(5, "k")
	m.again(func() *delivery { d := newDelivery(ev5, "wh"); d.replay = true; return d }(), now) // has a row
	m.durable(m.out.parks, m.out.left)
	m.out = effects{}
	m.away.strays = 1
	if _, _, strays, _ := m.wants(now); strays == 0 {
		t.Fatal("strays were to be fetched")
	}
	d := m.take(now)
	a := d.closing("", "", now)
	a.Number, a.Outcome = 1, switchhook.Success
	m.settle(d, w, a, verdict{state: switchhook.Delivered}, now)
	m.durable(m.out.parks, m.out.left)
	m.out = effects{}
	// Its key has a row that is away, so a replay of it is parked.
	m.away.n, m.away.lanes[keyOf(ev4)] = 1, 1
	again := newDelivery(ev5, "wh")
	again.replay = true
	if !m.again(again, now) || again.phase != parked {
		t.Fatal("it was to be parked")
	}
	m.durable(m.out.parks, m.out.left)
	m.out = effects{}
	if n, _, _, _ := m.wants(now); n == 0 {
		t.Fatal("rows were to be fetched")
	}
	row := func(ev *switchhook.Event) switchhook.OpenDelivery {
		return switchhook.OpenDelivery{Event: ev, WebhookID: "wh", Due: &switchhook.Due{DeliveryRef: switchhook.DeliveryRef{Sequence: ev.Sequence, WebhookID: "wh"}, Lane: keyOf(ev), Replay: true}}
	}
	m.fetched([]switchhook.OpenDelivery{row(ev4), row(ev5)}, true, now)
	m.fetchedStrays(nil, true, now)
	if m.rows[5] == nil && m.away.n == 0 {
		t.Error("the replay of 5 has a row, and the machine knows nothing of it")
	}
}

// What expires in a paused webhook leaves nothing in the list of turns.
func TestPausedTurnsDoNotGrow(t *testing.T) {
	t.Parallel()
	m := newMachine(&switchhook.Webhook{ID: "wh", AccountID: "acme", Enabled: true, Ordering: "key", MaxAge: switchhook.Duration(time.Minute)})
	now := time.Now()
	m.gate.on(pause, now)
	for seq := range int64(10_000) {
		ev := plainEvent(seq+1, fmt.Sprint("k", seq))
		ev.OccurredAt, ev.AcceptedAt = now, now
		m.push(newDelivery(ev, "wh"), now)
		now = now.Add(2 * time.Minute)
		m.wake(now)
		m.durable(m.out.parks, m.out.left)
		m.out = effects{}
	}
	if n := m.fresh.len() + m.backlog.len(); n > 100 {
		t.Errorf("%d lanes wait for their turn, of %d deliveries in memory", n, m.items)
	}
}
