package track

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/source"
)

// What is remembered over a restart: calls, agents, devices, mailboxes, rooms.
type remembered interface{ beliefID() string }

// touch notes that something changed.
func (t *Tracker) touch(r remembered) { t.note(r.beliefID(), r) }

// forget notes that something is gone.
func (t *Tracker) forget(r remembered) { t.note(r.beliefID(), nil) }

func (t *Tracker) note(id string, r remembered) {
	if _, noted := t.changed[id]; !noted {
		t.order = append(t.order, id)
	}
	t.changed[id] = r
}

// Restore puts back a belief.
func (t *Tracker) Restore(b source.Belief) error {
	if len(b.Data) == 0 {
		return nil
	}
	var err error
	switch kind, _, _ := strings.Cut(b.ID, "/"); kind {
	case "call":
		c := &call{}
		if err = json.Unmarshal(b.Data, c); err == nil {
			t.restoreCall(c)
		}
	case "agent":
		a := &agent{}
		if err = json.Unmarshal(b.Data, a); err == nil {
			t.agents[a.ID] = a
		}
	case "device":
		d := &device{}
		if err = json.Unmarshal(b.Data, d); err == nil {
			t.devices[d.Name] = d
		}
	case "mailbox":
		m := &mailbox{}
		if err = json.Unmarshal(b.Data, m); err == nil {
			t.mailboxes[m.Name] = m
		}
	case "room":
		r := &room{}
		if err = json.Unmarshal(b.Data, r); err == nil {
			t.rooms[r.Name] = r
		}
	default:
		return fmt.Errorf("the belief %q is of no known kind", b.ID)
	}
	if err != nil {
		return fmt.Errorf("the belief %q cannot be read: %w", b.ID, err)
	}
	return nil
}

func (t *Tracker) restoreCall(c *call) {
	for _, id := range c.Gone {
		t.gone[id] = c
	}
	if c.Missing != nil {
		t.missing[c.Key] = waiting{call: c}
	}
	if !c.Ended.IsZero() {
		i, _ := slices.BinarySearchFunc(t.past, c.Ended, func(o *call, at time.Time) int { return o.Ended.Compare(at) })
		t.past = slices.Insert(t.past, i, c)
		return
	}
	t.all[c.Key] = c
	for _, tie := range c.Ties {
		t.calls[tie] = c
	}
	for _, l := range c.Legs {
		l.call = c
		t.legs[l.ID] = l
		if l.Record != nil {
			t.recorded[l.ID] = time.Time{}
		}
		if bridge := l.Bridge; bridge != "" {
			l.Bridge = ""
			t.enter(l, bridge)
		}
	}
	t.watch(c)
}

// bury remembers a call that has ended by the ids of its legs alone.
func (t *Tracker) bury(c *call, at time.Time) {
	for _, l := range slices.Clone(c.Legs) {
		l.Phase = over
		t.remove(l)
	}
	for _, tie := range c.Ties {
		if t.calls[tie] == c {
			delete(t.calls, tie)
		}
	}
	delete(t.all, c.Key)
	delete(t.open, c.Key)
	if !c.Told {
		t.drop(c)
		return
	}
	*c = call{Key: c.Key, Root: c.Root, Account: c.Account, Told: true, Phase: over, Gone: c.Gone, Last: c.Last, Heard: c.Heard, Ended: at, Missing: c.Missing}
	t.past = append(t.past, c)
	t.touch(c)
	if len(t.past) > mostPast {
		t.drop(t.past[0])
		t.past = t.past[1:]
	}
}

// drop forgets a call that has ended.
func (t *Tracker) drop(c *call) {
	t.tellMissing(c)
	for _, id := range c.Gone {
		if t.gone[id] == c {
			delete(t.gone, id)
		}
	}
	t.forget(c)
}

// forgetPast forgets the calls that ended long ago.
func (t *Tracker) forgetPast(now time.Time) {
	for len(t.past) > 0 && now.Sub(t.past[0].Ended) > pastAge {
		t.drop(t.past[0])
		t.past = t.past[1:]
	}
}
