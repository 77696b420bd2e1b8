package memory

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

// find returns where the event of a sequence is, or would be.
func (s *Store) find(sequence int64) (int, bool) {
	return slices.BinarySearchFunc(s.events, sequence, func(e *switchhook.Event, n int64) int {
		return cmp.Compare(e.Sequence, n)
	})
}

// apply adds what is in a commit. It keeps copies: a database would not see
// what the caller changes later, either.
func (s *Store) apply(c *switchhook.Commit) {
	for _, e := range c.Events {
		kept := *e
		kept.Resources = nil
		kept.OccurredAt, kept.AcceptedAt = store.Stored(e.OccurredAt), store.Stored(e.AcceptedAt)
		s.slice(e.Sequence, s.lastAttempt+1, kept.AcceptedAt)
		s.events = append(s.events, &kept)
		s.lastSequence = e.Sequence
		if e.IDGiven {
			s.ids[eventID{e.AccountID, e.ID}] = kept.AcceptedAt.Add(s.remembers(e.AccountID))
		}
	}
	for _, a := range c.Attempts {
		s.lastAttempt++
		a.Row = s.lastAttempt
		kept := *a
		kept.DeliveryID = switchhook.DeliveryID(a.AccountID, a.EventID, a.WebhookID)
		kept.StartedAt, kept.NextAttemptAt = store.Stored(a.StartedAt), store.Stored(a.NextAttemptAt)
		s.slice(s.lastSequence+1, a.Row, kept.StartedAt)
		s.attempts = append(s.attempts, &kept)
		s.attemptsOf[a.Sequence] = append(s.attemptsOf[a.Sequence], &kept)
	}
	for _, r := range c.Rejects {
		s.lastReject++
		r.ID = s.lastReject
		kept := *r
		kept.At = store.Stored(r.At)
		s.rejects = append(s.rejects, &kept)
	}
	s.addAudit(c.Audit)
	for _, d := range c.Due {
		d.At, d.HeldSince = store.Stored(d.At), store.Stored(d.HeldSince)
		s.backlog(d.WebhookID).put(d)
	}
	for _, ref := range c.Settled {
		s.backlog(ref.WebhookID).settle(ref.Sequence)
	}
	for _, g := range c.Gates {
		g.FailingSince, g.StillSince = store.Stored(g.FailingSince), store.Stored(g.StillSince)
		s.gates[g.WebhookID] = g
	}
	for _, j := range c.Jobs {
		s.jobs[j.ID] = copyJob(j)
	}
	for _, snap := range c.Snapshots {
		key := thing{snap.AccountID, snap.Kind, snap.ID}
		if snap.Data == nil {
			delete(s.snapshots, key)
			continue
		}
		snap.Data, snap.UpdatedAt = bytes.Clone(snap.Data), store.Stored(snap.UpdatedAt)
		s.snapshots[key] = snap
	}
	for _, r := range c.Records {
		key := thing{r.AccountID, r.Schema, r.ID}
		if r.Delete {
			delete(s.records, key)
			continue
		}
		r.Row = bytes.Clone(r.Row)
		r.CreatedAt, r.UpdatedAt = store.Stored(r.CreatedAt), store.Stored(r.UpdatedAt)
		s.records[key] = r.Record
	}
	s.watermark = max(s.watermark, c.Watermark)
}
