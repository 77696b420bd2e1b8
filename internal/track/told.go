package track

import (
	"slices"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
	"github.com/switchhook/switchhook/internal/source"
)

// told passes on what the system tells whole. What is about a call comes after its
// call.created, is its account's, and belongs to it.
func (t *Tracker) told(f source.Told) {
	account, at, name := f.Event.AccountID, f.At(), f.Name
	if account == "" {
		account = t.o.Account
	}
	data := f.Event.Data
	if c := t.callOf(f.Leg); c != nil && c.Root != "" {
		t.announce(c)
		account, at, data = c.Account, c.moment(at), c.own(data, f.Leg)
		t.touch(c)
		if f.Event.Type == "call.missed" { // ours has the same name
			c.Missing, name = nil, []string{c.Root}
			delete(t.missing, c.Key)
		}
	}
	ev := t.event(account, f.Event.Type, at, data, name...)
	ev.Key, ev.Original, ev.Relayed = f.Event.Key, f.Event.Original, true
}

// own makes data of a leg that of this call: which leg is the first, and that none is
// unset that only was not told.
func (c *call) own(data []byte, leg string) []byte {
	o, err := ordjson.Parse(data)
	if err != nil {
		return data
	}
	told, err := ordjson.Parse(o.Get("call"))
	if err != nil {
		return data
	}
	told = slices.DeleteFunc(told, func(m ordjson.Member) bool { return ordjson.Null(m.Value) || m.Name == "parent_id" })
	if told.Delete("root_id"); leg != c.Root {
		told.Set("root_id", ordjson.String(c.Root))
	}
	o.Set("call", told.Append(nil))
	return o.Append(nil)
}

// A missing is a call.missed that waits for a moment: the system may tell it itself, and
// knows more.
type missing struct {
	At   time.Time        `json:"at"`
	Call *switchhook.Call `json:"call"`
}

// tellMissing tells that a call was missed, unless the system has.
func (t *Tracker) tellMissing(c *call) {
	delete(t.missing, c.Key)
	if m := c.Missing; m != nil {
		c.Missing = nil
		t.tell(c, "call.missed", m.At, &switchhook.Resources{Call: m.Call})
	}
}

// tellAllMissing tells it of all calls for which it is time.
func (t *Tracker) tellAllMissing(due func(key string) bool) {
	for _, key := range sortedKeys(t.missing) {
		if due(key) {
			t.tellMissing(t.missing[key].call)
		}
	}
}

// A waiting call.missed is told after a time of our own clock, zero before the next Tick.
type waiting struct {
	call  *call
	until time.Time
}

func (t *Tracker) tickMissing(now time.Time) {
	t.tellAllMissing(func(key string) bool {
		w := t.missing[key]
		if w.until.IsZero() {
			t.missing[key] = waiting{w.call, now.Add(grace)}
			return false
		}
		return !w.until.After(now)
	})
}
