package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// Rows of these tables change in place, or come and go: of due, thousands a second when
// receivers fail. The server's own vacuum comes once a minute at most; by then what is dead
// is more than what is alive, and lies before it in the indexes. So the leader vacuums
// them itself, as soon as so many rows have died.
const (
	vacuumEvery = time.Second // that is looked whether there is something to do
	// vacuumDead and vacuumPart: so many rows, and so large a part of those that live.
	vacuumDead = 1000
	vacuumPart = 0.2
	// vacuumShrinks is from what size on a table gives room back: writers wait for that,
	// if only for some milliseconds.
	vacuumShrinks = 64 << 20
)

// The tables are named as they are found by the search path, as everywhere.
const deadRows = `SELECT relid::regclass::text, n_dead_tup, n_live_tup, pg_relation_size(relid) FROM pg_stat_user_tables
	WHERE relid IN ('due'::regclass, 'meta'::regclass, 'lease'::regclass, 'snapshots'::regclass)`

// A vacuum keeps the tables small in which rows die.
type vacuum struct {
	db   *sql.DB
	held func() bool
	// stays is how many dead rows of a table could not be removed the last time: a
	// transaction elsewhere may still see them.
	stays map[string]int64
}

// vacuums vacuums until ctx ends. That it fails is the tables' loss and nobody else's.
func (d *database) vacuums(ctx context.Context) {
	v := &vacuum{db: sql.OpenDB(stdlib.GetConnector(*d.config)), held: d.Held, stays: map[string]int64{}}
	defer func() { _ = v.db.Close() }()
	v.db.SetMaxOpenConns(1) // its own, which no reader waits for
	tick := time.NewTicker(vacuumEvery)
	defer tick.Stop()
	for failed := false; ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		err := v.look(ctx)
		if err != nil && !failed && ctx.Err() == nil && d.o.Logger != nil {
			d.o.Logger.WarnContext(ctx, "tables could not be vacuumed; it is tried again", "error", err)
		}
		failed = err != nil
	}
}

// A table is one in which rows die.
type table struct {
	name             string
	dead, live, size int64
}

// look vacuums the tables that need it.
func (v *vacuum) look(ctx context.Context) error {
	if !v.held() {
		return nil
	}
	tables, err := v.tables(ctx)
	if err != nil {
		return err
	}
	vacuumed := false
	for _, t := range tables {
		if stays := v.stays[t.name]; t.dead-stays <= vacuumDead+int64(vacuumPart*float64(t.live+stays)) {
			continue
		}
		// Where the server is at it, or somebody changes the table, that is not waited for.
		// Without INDEX_CLEANUP entries of few rows stay, each to be looked at and passed over.
		text := fmt.Sprintf("VACUUM (SKIP_LOCKED, INDEX_CLEANUP, TRUNCATE %t) %s", t.size > vacuumShrinks, t.name)
		if _, err := v.db.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("vacuum %s: %w", t.name, err)
		}
		v.stays[t.name], vacuumed = t.dead, true
	}
	if vacuumed {
		_, err = v.tables(ctx) // what is dead right after it, stays
	}
	return err
}

// tables are those in which rows die, as the server has counted.
func (v *vacuum) tables(ctx context.Context) (all []table, err error) {
	rows, err := v.db.QueryContext(ctx, deadRows)
	if err != nil {
		return nil, fmt.Errorf("count dead rows: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var t table
		if err := rows.Scan(&t.name, &t.dead, &t.live, &t.size); err != nil {
			return nil, fmt.Errorf("count dead rows: %w", err)
		}
		v.stays[t.name] = min(v.stays[t.name], t.dead)
		all = append(all, t)
	}
	return all, rows.Err()
}
