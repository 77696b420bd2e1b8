package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"
)

// A sweep waits for nobody: who reads keeps the log, and is asked again.
const (
	sweepTries = 50
	sweepAgain = 100 * time.Millisecond
)

// Sweep cuts off the write-ahead log. It has the pages as they were written, and is written
// over from its beginning: what was taken out of the database would lie at its end until
// it is as long again.
func (d *database) Sweep(ctx context.Context, _ []int64) (err error) {
	db, err := sql.Open("sqlite", d.dsn(url.Values{"_pragma": {"busy_timeout(0)", "synchronous(full)"}}))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	for range sweepTries {
		var busy, pages, folded int
		err = db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &folded)
		if err == nil && busy == 0 {
			return nil
		}
		select {
		case <-time.After(sweepAgain):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if err == nil {
		err = errors.New("somebody reads it all the time")
	}
	return fmt.Errorf("cut off the write-ahead log: %w", err)
}
