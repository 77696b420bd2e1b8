package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/switchhook/switchhook"
)

// recoverPage is how many events are held in memory at once; an event can be of
// a megabyte.
const recoverPage = 100

// Recover calls fn for every open delivery, in the order of sequence and, of
// one event, of its targets; those that a replay has added come last.
func (d *DB) Recover(ctx context.Context, fn func(switchhook.OpenDelivery) error) error {
	var after int64
	for {
		var open []switchhook.OpenDelivery
		var more bool
		err := d.view(ctx, func(tx *sql.Tx) error {
			sequences, err := openSequences(ctx, tx, after)
			if err != nil || len(sequences) == 0 {
				return err
			}
			more, after = true, sequences[len(sequences)-1]
			open, err = openDeliveries(ctx, tx, sequences)
			return err
		})
		if err != nil {
			return fmt.Errorf("recover open deliveries: %w", err)
		}
		if !more {
			return nil
		}
		// Outside the transaction: fn may take its time, and an open view of
		// the database keeps its log from being folded in.
		for _, o := range open {
			if err := fn(o); err != nil {
				return err
			}
		}
	}
}

// openSequences returns the next sequences that may have open deliveries.
func openSequences(ctx context.Context, tx *sql.Tx, after int64) ([]int64, error) {
	var sequences []int64
	for _, text := range []string{
		`SELECT seq FROM events WHERE seq > max(?, (SELECT watermark FROM meta)) ORDER BY seq LIMIT ?`,
		`SELECT DISTINCT seq FROM due WHERE seq > ? ORDER BY seq LIMIT ?`,
	} {
		err := each(ctx, tx, func(scan scan) error {
			var n int64
			err := scan(&n)
			sequences = append(sequences, n)
			return err
		}, text, after, recoverPage)
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(sequences)
	sequences = slices.Compact(sequences)
	return sequences[:min(len(sequences), recoverPage)], nil
}

func openDeliveries(ctx context.Context, tx *sql.Tx, sequences []int64) (open []switchhook.OpenDelivery, err error) {
	standings, err := readStandings(ctx, tx, sequences)
	if err != nil {
		return nil, err
	}
	err = each(ctx, tx, func(scan scan) error {
		e, err := scanEvent(scan)
		if err != nil {
			return err
		}
		for _, d := range standings.deliveries(e.Sequence, e.Targets) {
			if d.open && d.due == nil {
				open = append(open, switchhook.OpenDelivery{Event: e, WebhookID: d.webhook, Due: d.due})
			}
		}
		return nil
	}, "SELECT "+eventColumns+" FROM events WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq", list(sequences))
	return open, err
}

// Snapshots calls fn for every kept snapshot.
func (d *DB) Snapshots(ctx context.Context, fn func(switchhook.Snapshot) error) error {
	err := each(ctx, d.reader, func(scan scan) error {
		var s switchhook.Snapshot
		var data []byte
		var updated int64
		if err := scan(&s.AccountID, &s.Kind, &s.ID, &s.RootID, &data, &updated); err != nil {
			return err
		}
		s.Data, s.UpdatedAt = data, fromMicros(updated)
		return fn(s)
	}, "SELECT account_id, kind, id, root_id, data, updated_at FROM snapshots")
	if err != nil {
		return fmt.Errorf("read snapshots: %w", err)
	}
	return nil
}
