package memory

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

// A delivery is one of an event's: open if it is due, or if the event is beyond
// the watermark, has it among its targets and no attempt has closed it.
type delivery struct {
	webhook  string
	open     bool
	due      *switchhook.Due
	closed   *switchhook.Attempt // the last that closed it
	attempts int
}

// deliveries returns those of an event: its targets', then those that a replay
// has added, by webhook.
func (s *Store) deliveries(e *switchhook.Event) []delivery {
	of := make(map[string]*delivery)
	at := func(webhook string) *delivery {
		if of[webhook] == nil {
			of[webhook] = &delivery{webhook: webhook}
		}
		return of[webhook]
	}
	for _, a := range s.attemptsOf[e.Sequence] {
		d := at(a.WebhookID)
		if a.Number > 0 {
			d.attempts++
		}
		if a.State != switchhook.Pending {
			d.closed = a
		}
	}
	for webhook, b := range s.backlogs {
		if due, ok := b.rows[e.Sequence]; ok {
			at(webhook).due = &due
		}
	}
	for _, webhook := range e.Targets {
		at(webhook)
	}
	var all, added []delivery
	for webhook, d := range of {
		isTarget := slices.Contains(e.Targets, webhook)
		d.open = d.due != nil || isTarget && d.closed == nil && e.Sequence > s.watermark
		if !isTarget && (d.open || d.closed != nil) {
			added = append(added, *d)
		}
	}
	for _, webhook := range e.Targets {
		if d := of[webhook]; d.open || d.closed != nil {
			all = append(all, *d)
		}
	}
	slices.SortFunc(added, func(a, b delivery) int { return strings.Compare(a.webhook, b.webhook) })
	return append(all, added...)
}

// Recover calls fn for every delivery that is open without a row.
func (s *Store) Recover(_ context.Context, fn func(switchhook.OpenDelivery) error) error {
	s.mu.Lock()
	var open []switchhook.OpenDelivery
	first, _ := s.find(s.watermark + 1)
	for _, e := range s.events[first:] {
		e = copied(e)
		for _, d := range s.deliveries(e) {
			if d.open && d.due == nil {
				open = append(open, switchhook.OpenDelivery{Event: e, WebhookID: d.webhook})
			}
		}
	}
	s.mu.Unlock()
	for _, o := range open {
		if err := fn(o); err != nil {
			return err
		}
	}
	return nil
}

// Delivery returns one delivery.
func (s *Store) Delivery(_ context.Context, accounts []string, id string) (*switchhook.Delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range slices.Backward(s.events) {
		if !store.Allowed(accounts, e.AccountID) {
			continue
		}
		for _, d := range s.deliveries(e) {
			if v := d.view(e); v.ID == id {
				return v, nil
			}
		}
	}
	return nil, switchhook.Errorf(switchhook.CodeNotFound, "there is no delivery %q", id)
}

// States says where the deliveries of some events to a webhook stand.
func (s *Store) States(_ context.Context, webhookID string, sequences []int64) (map[int64]switchhook.DeliveryState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	states := make(map[int64]switchhook.DeliveryState)
	for _, sequence := range sequences {
		i, ok := s.find(sequence)
		if !ok {
			continue
		}
		for _, d := range s.deliveries(s.events[i]) {
			if d.webhook == webhookID {
				states[sequence] = d.view(s.events[i]).State
			}
		}
	}
	return states, nil
}

// Deliveries lists newest first, by the sequences of the events.
func (s *Store) Deliveries(_ context.Context, f switchhook.DeliveryFilter, p switchhook.Page) (found []*switchhook.Delivery, next string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	number, webhook, _ := strings.Cut(p.Cursor, ".")
	var last int64
	if p.Cursor != "" {
		if last, err = strconv.ParseInt(number, 10, 64); err != nil || webhook == "" {
			return nil, "", errCursor()
		}
	}
	for _, e := range slices.Backward(s.events) {
		if p.Cursor != "" && e.Sequence > last || !store.WantsDeliveriesOf(&f, e) {
			continue
		}
		all := s.deliveries(e)
		if p.Cursor != "" && e.Sequence == last {
			all = all[1+slices.IndexFunc(all, func(d delivery) bool { return d.webhook == webhook }):]
		}
		for _, d := range all {
			view := d.view(e)
			if f.WebhookID != "" && f.WebhookID != d.webhook || f.State != "" && f.State != view.State {
				continue
			}
			if len(found) == p.Limit {
				end := found[p.Limit-1]
				return found, strconv.FormatInt(end.Sequence, 10) + "." + end.WebhookID, nil
			}
			found = append(found, view)
		}
	}
	return found, "", nil
}

func (d delivery) view(e *switchhook.Event) *switchhook.Delivery {
	v := &switchhook.Delivery{
		ID:         switchhook.DeliveryID(e.AccountID, e.ID, d.webhook),
		EventID:    e.ID,
		EventType:  e.Type,
		AccountID:  e.AccountID,
		WebhookID:  d.webhook,
		Key:        e.Key,
		Sequence:   e.Sequence,
		State:      switchhook.Pending,
		Attempts:   d.attempts,
		AcceptedAt: e.AcceptedAt,
	}
	switch {
	case !d.open:
		v.State = d.closed.State
		v.EndedAt = store.Stored(d.closed.StartedAt.Add(time.Duration(d.closed.DurationMS * float64(time.Millisecond))))
		if v.State != switchhook.Delivered {
			v.Reason = d.closed.Error
		}
	case d.due != nil:
		v.NextAttemptAt = d.due.At
		v.Attempts = max(v.Attempts, d.due.Attempts)
	}
	return v
}
