package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/switchhook/switchhook"
)

const (
	insertEventID = `INSERT INTO event_ids (account_id, id, expires_at) VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET expires_at = excluded.expires_at WHERE expires_at <= ?`
	upsertSnapshot = `INSERT OR REPLACE INTO snapshots (account_id, kind, id, root_id, data, updated_at) VALUES (?, ?, ?, ?, ?, ?)`
	deleteSnapshot = `DELETE FROM snapshots WHERE account_id = ? AND kind = ? AND id = ?`
)

// remembered is how long the ids that clients gave are known. The promise is
// 24 h; the rest is for clients that retry over a weekend's night.
const remembered = 48 * time.Hour

// rows is a commit, made ready for the database as far as that needs no
// database.
type rows struct {
	*switchhook.Commit
	events, attempts [][]any
}

func newRows(c *switchhook.Commit) *rows {
	r := &rows{Commit: c}
	if len(c.Events) > 0 {
		r.events = make([][]any, len(c.Events))
		for i, e := range c.Events {
			r.events[i] = eventRow(e)
		}
	}
	if len(c.Attempts) > 0 {
		r.attempts = make([][]any, len(c.Attempts))
		for i, a := range c.Attempts {
			r.attempts[i] = attemptRow(a)
		}
	}
	return r
}

func (r *rows) count() int {
	return len(r.Events) + len(r.Attempts) + len(r.Snapshots) + len(r.Records) + len(r.Rejects) + len(r.Due) + len(r.Settled) + len(r.Gates) + len(r.Jobs)
}

func (r *rows) finish(err error) {
	if r.Done != nil {
		r.Done(err)
	}
}

type (
	snapshotKey struct{ account, kind, id string }
	recordKey   struct{ account, schema, id string }
)

// changes is what a batch does to rows that are replaced and deleted: of each,
// only what the last commit says is written. A call that rings, is answered
// and ends within one batch costs one statement.
type changes struct {
	due       map[switchhook.DeliveryRef]*switchhook.Due // nil: settled
	snapshots map[snapshotKey]*switchhook.Snapshot
	records   map[recordKey]*switchhook.RecordWrite
	gates     map[string]*switchhook.Gate
	jobs      map[string]*switchhook.Job
}

func (ch *changes) add(c *switchhook.Commit) {
	for i := range c.Due {
		ch.due[c.Due[i].DeliveryRef] = &c.Due[i]
	}
	for _, ref := range c.Settled {
		ch.due[ref] = nil
	}
	for i := range c.Snapshots {
		s := &c.Snapshots[i]
		ch.snapshots[snapshotKey{s.AccountID, s.Kind, s.ID}] = s
	}
	for i := range c.Records {
		r := &c.Records[i]
		ch.records[recordKey{r.AccountID, r.Schema, r.ID}] = r
	}
	for i := range c.Gates {
		ch.gates[c.Gates[i].WebhookID] = &c.Gates[i]
	}
	for _, j := range c.Jobs {
		ch.jobs[j.ID] = j
	}
}

// apply writes a batch of commits. The counters that it changes in memory are
// read again by Resume where the transaction fails.
func (w *writer) apply(ctx context.Context, items []item) error {
	ch := changes{
		due:       make(map[switchhook.DeliveryRef]*switchhook.Due),
		snapshots: make(map[snapshotKey]*switchhook.Snapshot),
		records:   make(map[recordKey]*switchhook.RecordWrite),
		gates:     make(map[string]*switchhook.Gate),
		jobs:      make(map[string]*switchhook.Job),
	}
	now := micros(time.Now())
	sequence, attempt, watermark := w.lastSequence, w.lastAttempt, w.watermark
	for _, it := range items {
		c := it.commit
		for i, row := range c.events {
			if err := w.addEvent(ctx, c.Events[i], row, now); err != nil {
				return err
			}
		}
		for i, row := range c.attempts {
			w.lastAttempt++
			row[0] = w.lastAttempt
			if _, err := w.attempt.ExecContext(ctx, row...); err != nil {
				return fmt.Errorf("insert attempt %s: %w", c.Attempts[i].ID, err)
			}
			c.Attempts[i].Row = w.lastAttempt
		}
		for _, r := range c.Rejects {
			if err := w.addReject(ctx, r); err != nil {
				return err
			}
		}
		ch.add(c.Commit)
		w.watermark = max(w.watermark, c.Watermark)
	}
	if err := w.change(ctx, &ch); err != nil {
		return err
	}
	if w.lastSequence != sequence || w.lastAttempt != attempt || w.watermark != watermark {
		return w.saveCounters(ctx)
	}
	return nil
}

func (w *writer) addEvent(ctx context.Context, e *switchhook.Event, row []any, now int64) error {
	if e.Sequence <= w.lastSequence {
		return fmt.Errorf("insert event %s: its sequence %d is not above %d", e.ID, e.Sequence, w.lastSequence)
	}
	if e.IDGiven {
		res, err := w.eventID.ExecContext(ctx, e.AccountID, e.ID, micros(e.AcceptedAt.Add(remembered)), now)
		if err != nil {
			return fmt.Errorf("remember event id %s: %w", e.ID, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(fmt.Errorf("event id %s was given before in account %s", e.ID, e.AccountID), err)
		}
	}
	if _, err := w.event.ExecContext(ctx, row...); err != nil {
		return fmt.Errorf("insert event %s: %w", e.ID, err)
	}
	w.lastSequence = e.Sequence
	return nil
}

func (w *writer) change(ctx context.Context, ch *changes) error {
	for ref, due := range ch.due {
		var err error
		if due == nil {
			_, err = w.settle.ExecContext(ctx, ref.WebhookID, ref.Sequence)
		} else {
			_, err = w.putDue.ExecContext(ctx, dueRow(due)...)
		}
		if err != nil {
			return fmt.Errorf("write what is due: %w", err)
		}
	}
	for key, s := range ch.snapshots {
		var err error
		if s.Data == nil {
			_, err = w.dropSnapshot.ExecContext(ctx, key.account, key.kind, key.id)
		} else {
			_, err = w.putSnapshot.ExecContext(ctx, key.account, key.kind, key.id, s.RootID, []byte(s.Data), micros(s.UpdatedAt))
		}
		if err != nil {
			return fmt.Errorf("write snapshots: %w", err)
		}
	}
	for _, g := range ch.gates {
		if _, err := w.putGate.ExecContext(ctx, gateRow(g)...); err != nil {
			return fmt.Errorf("write gates: %w", err)
		}
	}
	for _, j := range ch.jobs {
		if _, err := w.putJob.ExecContext(ctx, jobRow(j)...); err != nil {
			return fmt.Errorf("write jobs: %w", err)
		}
	}
	for key, r := range ch.records {
		var err error
		if r.Delete {
			_, err = w.dropRecord.ExecContext(ctx, key.account, key.schema, key.id)
		} else {
			_, err = w.putRecord.ExecContext(ctx, key.account, key.schema, key.id, string(r.Row), micros(r.CreatedAt), micros(r.UpdatedAt))
		}
		if err != nil {
			return fmt.Errorf("write records: %w", err)
		}
	}
	return nil
}
