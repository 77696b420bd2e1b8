package sqlite

import (
	"context"
	"errors"
	"slices"
	"time"
)

// pruneStep is how many rows of a table one call looks at: few enough that the
// commits which wait behind it do not notice.
const pruneStep = 500

// pruning is how far the current round has come: each call goes on where the
// last one stopped, past the rows that have to stay.
type pruning struct{ event, attempt int64 }

// Prune deletes closed history older than before, a bounded number of rows.
// Ids that clients gave go once they have expired, whatever before is.
//
// The tables are walked in the order of their keys and up to the first row that
// is not old enough: their times rise but for corrections of the clock, which
// thus delay a deletion and no more. Attempts stay as long as their event does,
// for they say which of its deliveries are closed.
func (d *DB) Prune(ctx context.Context, before time.Time) (more bool, err error) {
	err = d.write(ctx, func(ctx context.Context, w *writer) error {
		for _, step := range []func(context.Context, *writer, time.Time) (bool, error){
			d.pruneEvents, d.pruneAttempts, pruneRejects, pruneJobs, pruneEventIDs,
		} {
			// A table waits until the one before it is done: attempts can go
			// when their events have gone.
			if more, err = step(ctx, w, before); more || err != nil {
				return err
			}
		}
		d.prune = pruning{}
		return nil
	})
	return more, err
}

func (d *DB) pruneEvents(ctx context.Context, w *writer, before time.Time) (more bool, err error) {
	var sequences []int64
	targets := make(map[int64]string)
	walked, err := walk(ctx, w, before, func(sequence int64, text string) {
		sequences = append(sequences, sequence)
		targets[sequence] = text
	}, "SELECT seq, accepted_at, targets FROM events WHERE seq > ? ORDER BY seq LIMIT ?", d.prune.event)
	if err != nil || len(sequences) == 0 {
		return false, err
	}
	standings, err := readStandings(ctx, w.conn, sequences)
	if err != nil {
		return false, err
	}
	var closed []int64
	for _, sequence := range sequences {
		deliveries := standings.deliveries(sequence, splitTargets(targets[sequence]))
		if !slices.ContainsFunc(deliveries, func(d delivery) bool { return d.open }) {
			closed = append(closed, sequence)
		}
	}
	d.prune.event = sequences[len(sequences)-1]
	_, err = w.conn.ExecContext(ctx, "DELETE FROM events WHERE seq IN (SELECT value FROM json_each(?))", list(closed))
	return walked == pruneStep, err
}

func (d *DB) pruneAttempts(ctx context.Context, w *writer, before time.Time) (more bool, err error) {
	var rows []int64
	walked, err := walk(ctx, w, before, func(row int64, _ string) { rows = append(rows, row) },
		"SELECT row, started_at, '' FROM attempts WHERE row > ? ORDER BY row LIMIT ?", d.prune.attempt)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	d.prune.attempt = rows[len(rows)-1]
	_, err = w.conn.ExecContext(ctx, `DELETE FROM attempts WHERE row IN (SELECT value FROM json_each(?))
		AND NOT EXISTS (SELECT 1 FROM events WHERE events.seq = attempts.seq)`, list(rows))
	return walked == pruneStep, err
}

// walk calls fn for the rows after a key up to the first that is not older than
// before, and returns how many there were.
func walk(ctx context.Context, w *writer, before time.Time, fn func(key int64, text string), query string, after int64) (walked int, err error) {
	err = each(ctx, w.conn, func(scan scan) error {
		var key, at int64
		var text string
		if err := scan(&key, &at, &text); err != nil {
			return err
		}
		if at >= micros(before) {
			return errRecent
		}
		walked++
		fn(key, text)
		return nil
	}, query, after, pruneStep)
	if errors.Is(err, errRecent) {
		err = nil
	}
	return walked, err
}

var errRecent = errors.New("a row is not old enough")

func pruneRejects(ctx context.Context, w *writer, before time.Time) (more bool, err error) {
	var ids []int64
	walked, err := walk(ctx, w, before, func(id int64, _ string) { ids = append(ids, id) },
		"SELECT id, at, '' FROM rejects WHERE id > ? ORDER BY id LIMIT ?", 0)
	if err != nil || len(ids) == 0 {
		return false, err
	}
	_, err = w.conn.ExecContext(ctx, "DELETE FROM rejects WHERE id IN (SELECT value FROM json_each(?))", list(ids))
	return walked == pruneStep, err
}

func pruneEventIDs(ctx context.Context, w *writer, _ time.Time) (more bool, err error) {
	res, err := w.conn.ExecContext(ctx, `DELETE FROM event_ids WHERE (account_id, id) IN
		(SELECT account_id, id FROM event_ids WHERE expires_at <= ? LIMIT ?)`, micros(time.Now()), pruneStep)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == pruneStep, err
}

func pruneJobs(ctx context.Context, w *writer, before time.Time) (more bool, err error) {
	_, err = w.conn.ExecContext(ctx, "DELETE FROM jobs WHERE ended_at <> ? AND ended_at < ?", noTime, micros(before))
	return false, err
}
