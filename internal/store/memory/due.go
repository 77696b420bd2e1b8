package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

// A backlog is what is due of a webhook.
type backlog struct {
	rows      map[int64]switchhook.Due // by sequence
	sequences []int64                  // rising
}

func (s *Store) backlog(webhookID string) *backlog {
	if s.backlogs[webhookID] == nil {
		s.backlogs[webhookID] = &backlog{rows: make(map[int64]switchhook.Due)}
	}
	return s.backlogs[webhookID]
}

func (b *backlog) put(d switchhook.Due) {
	b.rows[d.Sequence] = d
	if i, found := slices.BinarySearch(b.sequences, d.Sequence); !found {
		b.sequences = slices.Insert(b.sequences, i, d.Sequence)
	}
}

func (b *backlog) settle(sequence int64) {
	delete(b.rows, sequence)
	if i, found := slices.BinarySearch(b.sequences, sequence); found {
		b.sequences = slices.Delete(b.sequences, i, i+1)
	}
}

// Backlogs calls fn for every webhook that has due rows.
func (s *Store) Backlogs(_ context.Context, fn func(webhookID string, rows int) error) error {
	s.mu.Lock()
	rows := make(map[string]int)
	for webhook, b := range s.backlogs {
		if len(b.rows) > 0 {
			rows[webhook] = len(b.rows)
		}
	}
	s.mu.Unlock()
	for webhook, n := range rows {
		if err := fn(webhook, n); err != nil {
			return err
		}
	}
	return nil
}

// Due returns the next due rows that are no strays.
func (s *Store) Due(_ context.Context, webhookID string, after int64, limit int) (open []switchhook.OpenDelivery, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.backlogs[webhookID]
	if b == nil {
		return nil, nil
	}
	first, _ := slices.BinarySearch(b.sequences, after+1)
	for _, sequence := range b.sequences[first:] {
		if len(open) == limit {
			break
		}
		if d := b.rows[sequence]; !d.Stray {
			open = s.appendDue(open, d)
		}
	}
	return open, nil
}

// Oldest returns the due row with the lowest sequence.
func (s *Store) Oldest(_ context.Context, webhookID string) (*switchhook.OpenDelivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.backlogs[webhookID]
	if b == nil || len(b.sequences) == 0 {
		return nil, nil
	}
	return &s.appendDue(nil, b.rows[b.sequences[0]])[0], nil
}

// appendDue appends a row with its event, if that is still known.
func (s *Store) appendDue(open []switchhook.OpenDelivery, d switchhook.Due) []switchhook.OpenDelivery {
	o := switchhook.OpenDelivery{WebhookID: d.WebhookID, Due: &d}
	if i, found := s.find(d.Sequence); found {
		o.Event = copied(s.events[i])
	}
	return append(open, o)
}

// Strays returns the stray rows that are due at until or before.
func (s *Store) Strays(_ context.Context, webhookID string, until time.Time, limit int) (open []switchhook.OpenDelivery, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []switchhook.Due
	if b := s.backlogs[webhookID]; b != nil {
		for _, d := range b.rows {
			if d.Stray && !d.At.After(store.Stored(until)) {
				due = append(due, d)
			}
		}
	}
	slices.SortFunc(due, func(a, b switchhook.Due) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Sequence, b.Sequence))
	})
	for _, d := range due {
		if len(open) == limit {
			break
		}
		open = s.appendDue(open, d)
	}
	return open, nil
}

// Lanes calls fn with the lane of each due row that is no stray.
func (s *Store) Lanes(_ context.Context, webhookID string, fn func(lane uint64) error) error {
	s.mu.Lock()
	var lanes []uint64
	if b := s.backlogs[webhookID]; b != nil {
		for _, d := range b.rows {
			if !d.Stray {
				lanes = append(lanes, d.Lane)
			}
		}
	}
	s.mu.Unlock()
	for _, lane := range lanes {
		if err := fn(lane); err != nil {
			return err
		}
	}
	return nil
}

// Gates returns all, by webhook id.
func (s *Store) Gates(context.Context) ([]switchhook.Gate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.gates), func(a, b switchhook.Gate) int {
		return strings.Compare(a.WebhookID, b.WebhookID)
	}), nil
}

// Jobs returns all, newest first.
func (s *Store) Jobs(context.Context) ([]*switchhook.Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var jobs []*switchhook.Job
	for _, j := range s.jobs {
		jobs = append(jobs, copyJob(j))
	}
	slices.SortFunc(jobs, func(a, b *switchhook.Job) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), strings.Compare(b.ID, a.ID))
	})
	return jobs, nil
}
