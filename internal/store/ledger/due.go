package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/switchhook/switchhook"
)

const (
	dueColumns = `webhook_id, seq, lane, attempts, tries, at, held_since, still, stray, replay`
	putDue     = `INSERT INTO due (` + dueColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (webhook_id, seq) DO UPDATE SET lane = excluded.lane, attempts = excluded.attempts, tries = excluded.tries, at = excluded.at,
			held_since = excluded.held_since, still = excluded.still, stray = excluded.stray, replay = excluded.replay`
	deleteDue = `DELETE FROM due WHERE webhook_id = ? AND seq = ?`
	putGate   = `INSERT INTO gates (webhook_id, failing_since, still, still_since, reason) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (webhook_id) DO UPDATE SET failing_since = excluded.failing_since, still = excluded.still,
			still_since = excluded.still_since, reason = excluded.reason`
	putJob = `INSERT INTO jobs (id, created_at, ended_at, "cursor", "last", doc) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET created_at = excluded.created_at, ended_at = excluded.ended_at,
			"cursor" = excluded."cursor", "last" = excluded."last", doc = excluded.doc`
)

// The questions about what is due.
const (
	nextDue    = "SELECT " + dueColumns + " FROM due WHERE webhook_id = ? AND seq > ? AND stray = 0 ORDER BY seq LIMIT ?"
	nextStrays = "SELECT " + dueColumns + " FROM due WHERE webhook_id = ? AND stray = 1 AND at <= ? ORDER BY at, seq LIMIT ?"
	oldestDue  = "SELECT " + dueColumns + " FROM due WHERE webhook_id = ? ORDER BY seq LIMIT 1"
	lanes      = "SELECT lane FROM due WHERE webhook_id = ? AND stray = 0"
	backlogs   = "SELECT webhook_id, count(*) FROM due GROUP BY webhook_id"
	// INDEXED BY: an error, rather than a slow answer.
	dueOfReplays  = "SELECT " + dueColumns + " FROM due INDEXED BY due_replay WHERE replay = 1 AND seq IN (SELECT value FROM json_each(?))"
	nextOfReplays = "SELECT seq, webhook_id FROM due INDEXED BY due_replay WHERE replay = 1 AND seq > ? ORDER BY seq LIMIT ?"
)

func dueRow(d *switchhook.Due) []any {
	return []any{
		d.WebhookID, d.Sequence, int64(d.Lane), d.Attempts, d.Tries, //nolint:gosec // SQLite has no unsigned integers: the same 64 bits
		micros(d.At), micros(d.HeldSince), int64(d.Still), bit(d.Stray), bit(d.Replay),
	}
}

// bit is how a truth is kept.
func bit(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

func scanDue(scan scan) (*switchhook.Due, error) {
	var d switchhook.Due
	var lane, at, held, still int64
	if err := scan(&d.WebhookID, &d.Sequence, &lane, &d.Attempts, &d.Tries, &at, &held, &still, &d.Stray, &d.Replay); err != nil {
		return nil, err
	}
	d.Lane = uint64(lane) //nolint:gosec // as it was before dueRow
	d.At, d.HeldSince, d.Still = fromMicros(at), fromMicros(held), time.Duration(still)
	return &d, nil
}

// Backlogs calls fn for every webhook that has due rows, with their number.
func (d *DB) Backlogs(ctx context.Context, fn func(webhookID string, rows int) error) error {
	err := each(ctx, d.db, func(scan scan) error {
		var webhook string
		var rows int
		if err := scan(&webhook, &rows); err != nil {
			return err
		}
		return fn(webhook, rows)
	}, backlogs)
	if err != nil {
		return fmt.Errorf("count what is due: %w", err)
	}
	return nil
}

// Due returns a webhook's next due rows after a sequence that are no strays.
func (d *DB) Due(ctx context.Context, webhookID string, after int64, limit int) ([]switchhook.OpenDelivery, error) {
	return d.dueRows(ctx, nextDue, webhookID, after, limit)
}

// Strays returns a webhook's stray rows that are due at until or before.
func (d *DB) Strays(ctx context.Context, webhookID string, until time.Time, limit int) ([]switchhook.OpenDelivery, error) {
	return d.dueRows(ctx, nextStrays, webhookID, micros(until), limit)
}

// Oldest returns the one of a webhook's due rows with the lowest sequence.
func (d *DB) Oldest(ctx context.Context, webhookID string) (*switchhook.OpenDelivery, error) {
	found, err := d.dueRows(ctx, oldestDue, webhookID)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// dueRows returns rows with their events. A row whose event is gone (a replay
// came too late) is left out, and Prune deletes it.
func (d *DB) dueRows(ctx context.Context, text string, args ...any) (open []switchhook.OpenDelivery, err error) {
	var rows []*switchhook.Due
	var sequences []int64
	err = each(ctx, d.db, func(scan scan) error {
		due, err := scanDue(scan)
		if err != nil {
			return err
		}
		rows, sequences = append(rows, due), append(sequences, due.Sequence)
		return nil
	}, text, args...)
	if err != nil {
		return nil, fmt.Errorf("read what is due: %w", err)
	}
	slices.Sort(sequences)
	events, err := d.eventsOf(ctx, sequences)
	if err != nil {
		return nil, fmt.Errorf("read the events of what is due: %w", err)
	}
	for _, due := range rows {
		open = append(open, switchhook.OpenDelivery{Event: events[due.Sequence], WebhookID: due.WebhookID, Due: due})
	}
	return open, nil
}

// dueWebhooks are those that have rows. Each is found by a step over the rows of
// the one before.
func dueWebhooks(ctx context.Context, from Reader) (webhooks []string, err error) {
	err = each(ctx, from, func(scan scan) error {
		var webhook string
		err := scan(&webhook)
		webhooks = append(webhooks, webhook)
		return err
	}, `WITH RECURSIVE w(id) AS (
			SELECT min(webhook_id) FROM due
			UNION ALL SELECT (SELECT min(webhook_id) FROM due WHERE webhook_id > w.id) FROM w WHERE w.id IS NOT NULL
		) SELECT id FROM w WHERE id IS NOT NULL`)
	return webhooks, err
}

// Lanes calls fn with the lane of each of a webhook's rows that is no stray.
func (d *DB) Lanes(ctx context.Context, webhookID string, fn func(lane uint64) error) error {
	err := each(ctx, d.db, func(scan scan) error {
		var lane int64
		if err := scan(&lane); err != nil {
			return err
		}
		return fn(uint64(lane)) //nolint:gosec // as it was before dueRow
	}, lanes, webhookID)
	if err != nil {
		return fmt.Errorf("read lanes: %w", err)
	}
	return nil
}

func gateRow(g *switchhook.Gate) []any {
	return []any{g.WebhookID, micros(g.FailingSince), int64(g.Still), micros(g.StillSince), g.Reason}
}

// Gates returns all, by webhook id.
func (d *DB) Gates(ctx context.Context) (gates []switchhook.Gate, err error) {
	err = each(ctx, d.db, func(scan scan) error {
		var g switchhook.Gate
		var failing, still, since int64
		if err := scan(&g.WebhookID, &failing, &still, &since, &g.Reason); err != nil {
			return err
		}
		g.FailingSince, g.Still, g.StillSince = fromMicros(failing), time.Duration(still), fromMicros(since)
		gates = append(gates, g)
		return nil
	}, "SELECT webhook_id, failing_since, still, still_since, reason FROM gates ORDER BY webhook_id")
	if err != nil {
		return nil, fmt.Errorf("read gates: %w", err)
	}
	return gates, nil
}

func jobRow(j *switchhook.Job) []any {
	kept := *j
	for _, t := range []*time.Time{&kept.Since, &kept.Until, &kept.CreatedAt, &kept.UpdatedAt, &kept.EndedAt} {
		*t = t.UTC().Truncate(time.Microsecond)
	}
	return []any{j.ID, micros(j.CreatedAt), micros(j.EndedAt), j.Cursor, j.Last, document(kept)}
}

// Jobs returns all, newest first.
func (d *DB) Jobs(ctx context.Context) (jobs []*switchhook.Job, err error) {
	err = each(ctx, d.db, func(scan scan) error {
		var cursor, last int64
		var doc string
		if err := scan(&cursor, &last, &doc); err != nil {
			return err
		}
		j := &switchhook.Job{}
		if err := fromJSON("job", doc, j); err != nil {
			return err
		}
		j.Cursor, j.Last = cursor, last
		jobs = append(jobs, j)
		return nil
	}, `SELECT "cursor", "last", doc FROM jobs ORDER BY created_at DESC, id DESC`)
	if err != nil {
		return nil, fmt.Errorf("read jobs: %w", err)
	}
	return jobs, nil
}
