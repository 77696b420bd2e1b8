package memory

import (
	"maps"
	"slices"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

// keeps says whose history is kept for a shorter time.
func (s *Store) keeps() store.Keeps {
	accounts := make(map[string]*switchhook.Account, len(s.accounts))
	for _, a := range s.accounts {
		accounts[a.ID] = a
	}
	return store.NewKeeps(accounts, slices.Collect(maps.Keys(s.deleted)))
}

// Cutoffs are those of the accounts whose history is kept for a shorter time.
func (s *Store) Cutoffs(now time.Time) map[string]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keeps().Cutoffs(now)
}

// cut takes out what is too old of these accounts and has nothing open.
func (s *Store) cut(now time.Time) {
	keeps := s.keeps()
	if keeps == nil {
		return
	}
	s.closeIdle(keeps, now)
	open := make(map[int64]bool)
	s.events = slices.DeleteFunc(s.events, func(e *switchhook.Event) bool {
		if !keeps.Gone(e.AccountID, e.AcceptedAt, now) {
			return false
		}
		open[e.Sequence] = slices.ContainsFunc(s.deliveries(e), func(d delivery) bool { return d.open })
		return !open[e.Sequence]
	})
	gone := func(a *switchhook.Attempt) bool {
		return keeps.Gone(a.AccountID, a.StartedAt, now) && !open[a.Sequence]
	}
	s.attempts = slices.DeleteFunc(s.attempts, gone)
	for sequence, of := range s.attemptsOf {
		if of = slices.DeleteFunc(of, gone); len(of) == 0 {
			delete(s.attemptsOf, sequence)
		} else {
			s.attemptsOf[sequence] = of
		}
	}
	s.rejects = slices.DeleteFunc(s.rejects, func(r *switchhook.Reject) bool {
		return keeps.Gone(s.ownerOf(r.SourceID), r.At, now)
	})
	maps.DeleteFunc(s.jobs, func(_ string, j *switchhook.Job) bool {
		return !j.EndedAt.IsZero() && keeps.Gone(j.AccountID, j.EndedAt, now)
	})
}

// ownerOf is the account of a source; empty: there is no such source.
func (s *Store) ownerOf(sourceID string) string {
	if i := slices.IndexFunc(s.sources, func(src *switchhook.Source) bool { return src.ID == sourceID }); i >= 0 {
		return s.sources[i].AccountID
	}
	return ""
}

// remembers is how long the ids are known that clients gave to an account's events.
func (s *Store) remembers(account string) time.Duration {
	if keep, shorter := s.keeps()[account]; shorter {
		return min(max(keep, 24*time.Hour), remembered)
	}
	return remembered
}

// closeIdle closes the open slice where all that an account has in it is too old: without a
// new event nobody else would.
func (s *Store) closeIdle(keeps store.Keeps, now time.Time) {
	if len(s.slices) == 0 {
		return
	}
	last := s.slices[len(s.slices)-1]
	old := func(account string) bool { return keeps.Gone(account, last.to, now) }
	if slices.ContainsFunc(s.events, func(e *switchhook.Event) bool { return e.Sequence >= last.sequence && old(e.AccountID) }) ||
		slices.ContainsFunc(s.attempts, func(a *switchhook.Attempt) bool { return a.Row >= last.row && old(a.AccountID) }) {
		s.slices = append(s.slices, slice{s.lastSequence + 1, s.lastAttempt + 1, now, now})
	}
}
