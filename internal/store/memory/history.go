package memory

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

// LastSequence is the sequence of the newest event ever committed.
func (s *Store) LastSequence(context.Context) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastSequence, nil
}

// Known reports which ids were given to events within the last 48 hours.
func (s *Store) Known(_ context.Context, accountID string, ids []string) (map[string]bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := make(map[string]bool)
	for _, id := range ids {
		if s.ids[eventID{accountID, id}].After(time.Now()) {
			known[id] = true
		}
	}
	return known, nil
}

// Snapshots calls fn for every kept snapshot.
func (s *Store) Snapshots(_ context.Context, fn func(switchhook.Snapshot) error) error {
	for _, snap := range values(s, s.snapshots) {
		if err := fn(snap); err != nil {
			return err
		}
	}
	return nil
}

// Records calls fn for every record.
func (s *Store) Records(_ context.Context, fn func(switchhook.Record) error) error {
	for _, r := range values(s, s.records) {
		if err := fn(r); err != nil {
			return err
		}
	}
	return nil
}

// values is a copy, so that a callback may use the store.
func values[V any](s *Store, m map[thing]V) []V {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]V, 0, len(m))
	for _, v := range m {
		all = append(all, v)
	}
	return all
}

// Event returns one event: the newest of its id.
func (s *Store) Event(_ context.Context, accounts []string, id string) (*switchhook.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keeps, now := s.keeps(), time.Now()
	for _, e := range slices.Backward(s.events) {
		if e.ID == id && store.Allowed(accounts, e.AccountID) && !keeps.Gone(e.AccountID, e.AcceptedAt, now) {
			return copied(e), nil
		}
	}
	return nil, switchhook.Errorf(switchhook.CodeNotFound, "there is no event %q", id)
}

// copied is a copy, so that callers cannot change what the store has.
func copied[T any](v *T) *T {
	c := *v
	return &c
}

// Events lists newest first; with f.After set, oldest first from there.
func (s *Store) Events(_ context.Context, f switchhook.EventFilter, p switchhook.Page) ([]*switchhook.Event, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keeps, now := s.keeps(), time.Now()
	return page(s.events, p, f.After, func(e *switchhook.Event) int64 { return e.Sequence }, func(e *switchhook.Event) bool {
		return store.WantsEvent(&f, e) && !keeps.Gone(e.AccountID, e.AcceptedAt, now)
	})
}

// page takes a page of the items, which lie in rising order of key.
func page[T any](items []*T, p switchhook.Page, after int64, key func(*T) int64, wanted func(*T) bool) (found []*T, next string, err error) {
	rising := after != 0
	last, resumed := after, rising
	if p.Cursor != "" {
		if last, err = strconv.ParseInt(p.Cursor, 10, 64); err != nil {
			return nil, "", errCursor()
		}
		resumed = true
	}
	for i := range items {
		item := items[len(items)-1-i]
		if rising {
			item = items[i]
		}
		k := key(item)
		if resumed && (rising && k <= max(last, after) || !rising && k >= last) || !wanted(item) {
			continue
		}
		if len(found) == p.Limit {
			return found, strconv.FormatInt(key(found[p.Limit-1]), 10), nil
		}
		found = append(found, copied(item))
	}
	return found, "", nil
}

func errCursor() error {
	return switchhook.InvalidField("cursor", "is not one that a list has returned")
}

// Attempt returns one attempt.
func (s *Store) Attempt(_ context.Context, accounts []string, id string) (*switchhook.Attempt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keeps, now := s.keeps(), time.Now()
	for _, a := range s.attempts {
		if a.ID == id && a.Number > 0 && store.Allowed(accounts, a.AccountID) && !keeps.Gone(a.AccountID, a.StartedAt, now) {
			return copied(a), nil
		}
	}
	return nil, switchhook.Errorf(switchhook.CodeNotFound, "there is no attempt %q", id)
}

// Attempts lists newest first; with f.After set, oldest first from there.
func (s *Store) Attempts(_ context.Context, f switchhook.AttemptFilter, p switchhook.Page) ([]*switchhook.Attempt, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keeps, now := s.keeps(), time.Now()
	return page(s.attempts, p, f.After, func(a *switchhook.Attempt) int64 { return a.Row }, func(a *switchhook.Attempt) bool {
		return store.WantsAttempt(&f, a) && !keeps.Gone(a.AccountID, a.StartedAt, now)
	})
}

// Rejects lists a source's rejects, newest first.
func (s *Store) Rejects(_ context.Context, sourceID string, p switchhook.Page) ([]*switchhook.Reject, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keeps, now := s.keeps(), time.Now()
	owner := s.ownerOf(sourceID)
	return page(s.rejects, p, 0, func(r *switchhook.Reject) int64 { return r.ID }, func(r *switchhook.Reject) bool {
		return r.SourceID == sourceID && !keeps.Gone(owner, r.At, now)
	})
}

// Prune drops the slices of history that lie before a time and have nothing
// open, the oldest first; rejects, jobs that have ended, and ids that have expired.
func (s *Store) Prune(_ context.Context, before time.Time) (more bool, err error) {
	before = store.Stored(before)
	return false, s.write(func() error {
		for len(s.slices) > 0 && s.slices[0].to.Before(before) {
			sequence, row := s.lastSequence+1, s.lastAttempt+1
			if len(s.slices) > 1 {
				sequence, row = s.slices[1].sequence, s.slices[1].row
			}
			if s.open(sequence) {
				break
			}
			s.slices = s.slices[1:]
			s.drop(sequence, row)
		}
		s.rejects = slices.DeleteFunc(s.rejects, func(r *switchhook.Reject) bool { return r.At.Before(before) })
		s.audit = slices.DeleteFunc(s.audit, func(e *switchhook.AuditEntry) bool { return e.At.Before(before) })
		s.sessions = slices.DeleteFunc(s.sessions, func(session *switchhook.Session) bool { return session.ExpiresAt.Before(time.Now()) })
		maps.DeleteFunc(s.jobs, func(_ string, j *switchhook.Job) bool {
			return !j.EndedAt.IsZero() && j.EndedAt.Before(before)
		})
		maps.DeleteFunc(s.ids, func(_ eventID, expires time.Time) bool { return !expires.After(time.Now()) })
		s.cut(time.Now())
		return nil
	})
}

// open reports whether an event before the given one has an open delivery.
func (s *Store) open(sequence int64) bool {
	end, _ := s.find(sequence)
	if end > 0 && s.events[end-1].Sequence > s.watermark {
		return true
	}
	for _, b := range s.backlogs {
		if len(b.sequences) > 0 && b.sequences[0] < sequence {
			return true
		}
	}
	return false
}

// drop forgets the events before a sequence and the attempts before a row.
func (s *Store) drop(sequence, row int64) {
	end, _ := s.find(sequence)
	s.events = slices.Delete(s.events, 0, end)
	old := func(a *switchhook.Attempt) bool { return a.Row < row }
	s.attempts = slices.DeleteFunc(s.attempts, old)
	for of, attempts := range s.attemptsOf {
		if attempts = slices.DeleteFunc(attempts, old); len(attempts) == 0 {
			delete(s.attemptsOf, of)
		} else {
			s.attemptsOf[of] = attempts
		}
	}
}

// A slice is a part of the history that goes as a whole: from its first sequence
// and row to where the next one begins.
type slice struct {
	sequence, row int64
	from, to      time.Time // of its first, and of its newest
}

// slice opens a new slice where the next event or attempt does not fit into the
// last one: sequence and row are where it would begin.
func (s *Store) slice(sequence, row int64, at time.Time) {
	if n := len(s.slices); n == 0 || !s.slices[n-1].fits(sequence, row, at) {
		s.slices = append(s.slices, slice{sequence, row, at, at})
	}
	last := &s.slices[len(s.slices)-1]
	if last.to.Before(at) {
		last.to = at
	}
}

func (sl *slice) fits(sequence, row int64, at time.Time) bool {
	return sequence-sl.sequence < store.SliceLength && row-sl.row < store.SliceLength && at.Sub(sl.from) < store.SliceTime
}
