package kamailio

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/calls"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
	"github.com/switchhook/switchhook/internal/track"
)

// told is what the product makes of what a Kamailio posted, and holds it to what is promised
// of every call: one beginning and one end, and forward only between them.
type told struct {
	tb      testing.TB
	tr      *translator
	tracker *track.Tracker
	folder  *calls.Folder

	lines []string // of events, as tests name them
	ids   map[string]bool
	calls map[string]*switchhook.Call // as they were told last
}

func newTold(tb testing.TB) *told {
	tb.Helper()
	return &told{
		tb: tb, tr: newTranslator(), folder: calls.New(), ids: map[string]bool{}, calls: map[string]*switchhook.Call{},
		tracker: track.New(track.Options{Source: "kam", Account: sourcetest.Account, Accounts: map[string]string{"pbx.example": "pbx"}}),
	}
}

// post takes one request.
func (d *told) post(body []byte) {
	d.tb.Helper()
	r, err := d.tr.read(d.tb.Context(), refusing{d.tb}, body)
	if err != nil {
		d.tb.Fatal(err)
	}
	for _, f := range r.facts {
		events, _ := d.tracker.Fold([]source.Fact{f})
		d.take(events)
	}
}

// tick lets our own clock go on.
func (d *told) tick(at time.Time) {
	d.tb.Helper()
	if facts := d.tr.unanswered(at); len(facts) > 0 {
		events, _ := d.tracker.Fold(facts)
		d.take(events)
	}
	events, _ := d.tracker.Tick(at)
	d.take(events)
}

// refusing is a Host for which nothing may be refused.
type refusing struct{ tb testing.TB }

func (h refusing) Reject(_ context.Context, message []byte, reason error) {
	h.tb.Errorf("%v: %s", reason, message)
}

// taking is a Host that keeps what is refused.
type taking struct{}

func (taking) Reject(context.Context, []byte, error) {}

func (d *told) take(events []*switchhook.Event) {
	d.tb.Helper()
	for _, ev := range events {
		if d.ids[ev.ID] {
			d.tb.Errorf("%s comes twice: %s", ev.Type, ev.Data)
		}
		d.ids[ev.ID] = true
		if err := sourcetest.Fold(d.folder, ev, ev.OccurredAt); err != nil {
			d.tb.Fatalf("%s: %v", ev.Type, err)
		}
		d.lines = append(d.lines, line(ev))
		if family, what, _ := strings.Cut(ev.Type, "."); family == "call" {
			d.order(what, ev.Resources.Call)
			d.calls[ev.Resources.Call.ID] = ev.Resources.Call
		}
	}
}

// order reports what comes in the wrong one.
func (d *told) order(what string, c *switchhook.Call) {
	d.tb.Helper()
	was := d.calls[c.ID]
	switch {
	case (what == "created") != (was == nil):
		d.tb.Errorf("call.%s of %s", what, c.ID)
	case was == nil:
	case was.Status == "ended":
		d.tb.Errorf("call.%s of %s, which has ended", what, c.ID)
	case what == "ringing" && !was.AnsweredAt.IsZero():
		d.tb.Errorf("%s rings after it was answered", c.ID)
	case what == "bridged" && was.AnsweredAt.IsZero():
		d.tb.Errorf("%s is bridged before it was answered", c.ID)
	}
}

// check reports calls that have not ended, and times that go back.
func (d *told) check() {
	d.tb.Helper()
	for id, c := range d.calls {
		switch {
		case c.Status != "ended":
			d.tb.Errorf("%s has not ended", id)
		case !c.AnsweredAt.IsZero() && (c.AnsweredAt.Before(c.CreatedAt) || c.EndedAt.Before(c.AnsweredAt)), c.EndedAt.Before(c.CreatedAt):
			d.tb.Errorf("%s: created %v, answered %v, ended %v", id, c.CreatedAt, c.AnsweredAt, c.EndedAt)
		}
	}
}

// line is an event as tests name it: what a customer wants to know of it.
func line(ev *switchhook.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s [%s]", ev.Type, ev.AccountID)
	add := func(name string, value any) {
		if s := fmt.Sprint(value); s != "" && s != "0" {
			fmt.Fprintf(&b, " %s=%s", name, strings.ReplaceAll(s, " ", "_"))
		}
	}
	r := ev.Resources
	if c := r.Call; c != nil {
		leg := strings.HasPrefix(ev.Type, "leg.")
		switch _, what, _ := strings.Cut(ev.Type, "."); what {
		case "created":
			add("direction", c.Direction)
			add("from", address(c.From))
			add("to", address(c.To))
		case "answered":
			if !leg {
				add("by", c.AnsweredBy)
				add("callee", address(c.Callee))
			}
		case "hungup":
			add("reason", c.HangupReason)
			add("cause", c.HangupCause)
			add("hung_up_by", c.HangupBy)
			add("released_by", c.ReleasedBy)
			add("sip", c.SIPStatus)
			if c.Reconciled != nil {
				add("reconciled", *c.Reconciled)
			}
		}
		if leg {
			id := c.ID[strings.LastIndexByte(c.ID, ';')+1:]
			add("branch", id)
		}
	}
	if x := r.Extension; x != nil && strings.HasPrefix(ev.Type, "extension.") {
		add("number", x.Number)
	}
	if x := r.Device; x != nil {
		add("user", x.Username)
		add("realm", x.Realm)
		add("status", x.Status)
	}
	if x := r.Message; x != nil {
		add("from", x.From)
		add("to", x.To)
		add("text", x.Text)
	}
	return b.String()
}

func address(p *switchhook.Party) string {
	if p == nil {
		return ""
	}
	return strings.TrimSpace(cmp.Or(p.Address, "?") + " " + p.Name)
}
