package source_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// wayward tells what a real Tracker never would.
type wayward struct{ source.Tracker }

func (wayward) Restore(source.Belief) error { return errors.New("it cannot be read") }

func (wayward) Tick(time.Time) ([]*switchhook.Event, []source.Belief) { return nil, nil }

func (wayward) Fold(facts []source.Fact) (events []*switchhook.Event, changed []source.Belief) {
	for _, f := range facts {
		c, ok := f.(source.Custom)
		if !ok {
			continue
		}
		ev := &switchhook.Event{ID: c.Name, Type: "custom.x", Data: c.Data}
		switch {
		case strings.HasPrefix(c.Name, "wrong"):
			ev.Type = "call.strange"
		case c.Name == "bare":
			ev.Data = []byte(`{`)
		case c.Name == "panic":
			panic("it cannot be folded")
		default:
			ev.AccountID = c.Name
		}
		events = append(events, ev)
		changed = append(changed, source.Belief{ID: c.Name, Data: []byte(`1`)})
	}
	return events, changed
}

// picky cannot take one event, and does not say which.
type picky struct{ source.Router }

func (p picky) Tell(ctx context.Context, events []*switchhook.Event, beliefs []switchhook.Snapshot) ([]switchhook.Receipt, error) {
	if slices.ContainsFunc(events, func(ev *switchhook.Event) bool { return ev.ID == "poison" }) {
		return nil, errors.New("it cannot be folded")
	}
	return p.Router.Tell(ctx, events, beliefs)
}

// An event that makes the router fail is found, and does not hold up the source.
func TestAnEventThatCannotBeFolded(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.tracker = func(*switchhook.Source) source.Tracker { return wayward{} }
	p.router = func(r source.Router) source.Router { return picky{r} }
	told := make(chan error, 1)
	s := p.start(script(func(ctx context.Context, _ *switchhook.Source, h source.Host) error {
		var facts []source.Fact
		for name := range strings.FieldsSeq("acme east poison root other") {
			facts = append(facts, source.Custom{When: source.When(h.Now()), Name: name, Data: []byte(`{}`)})
		}
		told <- h.Tell(ctx, facts)
		<-ctx.Done()
		return ctx.Err()
	}))
	s.Set([]*switchhook.Source{{ID: "pbx", Kind: "script", AccountID: "acme"}})
	if err := <-told; err != nil {
		t.Error(err)
	}
	p.tells("custom.x", "custom.x of east", "custom.x", "custom.x")
	rejects, _, err := p.store.Rejects(t.Context(), "pbx", switchhook.Page{Limit: 50})
	if err != nil || len(rejects) != 1 || !strings.Contains(rejects[0].Body, `"id":"poison"`) || rejects[0].Reason != "it cannot be folded" {
		t.Errorf("%+v %v", rejects, err)
	}
	beliefs := 0
	for _, b := range p.beliefs() {
		if b.Kind == switchhook.KindBelief && b.ID != "pbx" {
			beliefs++
		}
	}
	if beliefs != 5 {
		t.Errorf("%d beliefs are kept", beliefs)
	}
}

// What is wrong with an event harms none of the others; and whose they are, a phone system
// says only as far as it may.
func TestWrongEventsBecomeRejects(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.tracker = func(*switchhook.Source) source.Tracker { return wayward{} }
	told := make(chan error, 1)
	s := p.start(script(func(ctx context.Context, _ *switchhook.Source, h source.Host) error {
		var facts []source.Fact
		for name := range strings.FieldsSeq("wrong1 east bare nobody acme wrong2 wrong3 other root wrong4") {
			facts = append(facts, source.Custom{When: source.When(h.Now()), Name: name, Data: []byte(`{}`)})
		}
		told <- h.Tell(ctx, facts)
		told <- h.Tell(ctx, facts) // the same again
		told <- h.Tell(ctx, []source.Fact{source.Custom{Name: "panic"}})
		<-ctx.Done()
		return ctx.Err()
	}))
	s.Set([]*switchhook.Source{{ID: "pbx", Kind: "script", AccountID: "acme", AccountMap: map[string]string{"trunk": "other", "context": "nobody"}}})
	for n := range 3 {
		if err := <-told; (err != nil) != (n == 2) {
			t.Errorf("Tell %d: %v", n, err)
		}
	}
	p.tells("custom.x of east", "custom.x", "custom.x", "custom.x of other", "custom.x")
	got := status(t, s, "pbx", func(source.Status) bool { return true })
	if got.Events != 5 || got.Rejects != 11 || got.Panics != 1 {
		t.Errorf("%+v", got)
	}
	rejects, _, err := p.store.Rejects(t.Context(), "pbx", switchhook.Page{Limit: 50})
	if err != nil || len(rejects) != 11 {
		t.Fatalf("%d rejects, %v", len(rejects), err)
	}
	last, first := rejects[0], rejects[10]
	if last.Reason != "panic: it cannot be folded" || !strings.Contains(last.Body, "Name:panic") {
		t.Errorf("%+v", last)
	}
	if len(first.Fields) != 1 || first.Fields[0].Field != "type" || !strings.Contains(first.Body, `"id":"wrong1"`) || !strings.HasPrefix(first.Reason, "type: ") {
		t.Errorf("%+v", first)
	}
}
