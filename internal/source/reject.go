package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
)

// eventsNamed are the events that an error names in its fields (events[3].data.call), and
// what is wrong with each.
func eventsNamed(err error) map[int]error {
	e, ok := errors.AsType[*switchhook.Error](err)
	if !ok || e.Code == switchhook.CodeUnavailable {
		return nil
	}
	bad := map[int]*switchhook.Error{}
	for _, f := range e.Fields {
		var i int
		place, field, _ := strings.Cut(f.Field, "].")
		if _, err := fmt.Sscanf(place, "events[%d", &i); err != nil {
			continue
		}
		f.Field = field
		if bad[i] == nil {
			bad[i] = &switchhook.Error{Code: e.Code, Message: f.Field + ": " + f.Message}
		}
		bad[i].Fields = append(bad[i].Fields, f)
	}
	errs := map[int]error{}
	for i, e := range bad {
		errs[i] = e
	}
	return errs
}

// rejectEvents takes events out of those that are to be committed.
func (t *teller) rejectEvents(ctx context.Context, bad map[int]error) {
	rest := make([]*switchhook.Event, 0, len(t.events))
	for i, ev := range t.events {
		why, wrong := bad[i]
		if !wrong {
			rest = append(rest, ev)
			continue
		}
		body, err := json.Marshal(ev)
		if err != nil { // its data is no JSON
			body = ev.Data
		}
		t.reject(ctx, rejectOf(body, why))
	}
	t.events = rest
}

// rejectOf is what is kept of a message or an event that was not taken.
func rejectOf(message []byte, why error) *switchhook.Reject {
	r := &switchhook.Reject{Reason: why.Error(), Body: string(message)}
	if e, ok := errors.AsType[*switchhook.Error](why); ok {
		r.Reason, r.Fields = e.Message, e.Fields
	}
	return r
}

// mostRejected is how much of a message or an event is kept.
const mostRejected = 256 << 10

// reject counts a message or an event that was not taken, and keeps it, unless there are
// very many of them.
func (t *teller) reject(ctx context.Context, r *switchhook.Reject) {
	t.watch.count(func(s *Status) { s.Rejects++ })
	if !t.rejects.take(time.Now()) {
		return
	}
	r.SourceID, r.At = t.source.ID, time.Now().UTC()
	r.Body = strings.ToValidUTF8(r.Body[:min(len(r.Body), mostRejected)], "\uFFFD")
	if err := t.insist(ctx, func() error { return t.o.Router.Reject(ctx, r) }); err != nil {
		t.log.WarnContext(ctx, "a reject could not be kept", "reason", r.Reason, "error", err)
	}
}

// A quota is how many rejects are kept: a hundred a minute say what is wrong.
type quota struct {
	since time.Time
	used  int
}

func (q *quota) take(now time.Time) bool {
	if now.Sub(q.since) >= time.Minute {
		*q = quota{since: now}
	}
	q.used++
	return q.used <= 100
}
