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
	// stays is how many dead rows of a table could not be removed: a transaction
	// elsewhere may still see them.
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

// look vacuums the tables that need it.
func (v *vacuum) look(ctx context.Context) error {
	if !v.held() {
		return nil
	}
	tables, err := v.needy(ctx)
	if err != nil {
		return fmt.Errorf("count dead rows: %w", err)
	}
	for table, shrinks := range tables {
		// Where the server is at it, or somebody changes the table, that is not waited for.
		// Without INDEX_CLEANUP entries of few rows stay, each to be looked at and passed over.
		text := fmt.Sprintf("VACUUM (SKIP_LOCKED, INDEX_CLEANUP, TRUNCATE %t) %s", shrinks, table)
		if _, err := v.db.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("vacuum %s: %w", table, err)
		}
	}
	return nil
}

// needy are the tables to be vacuumed, and whether they are to give room back.
func (v *vacuum) needy(ctx context.Context) (map[string]bool, error) {
	rows, err := v.db.QueryContext(ctx, deadRows)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	tables := map[string]bool{}
	for rows.Next() {
		var table string
		var dead, live, size int64
		if err := rows.Scan(&table, &dead, &live, &size); err != nil {
			return nil, err
		}
		stays := min(v.stays[table], dead)
		if v.stays[table] = stays; dead-stays > vacuumDead+int64(vacuumPart*float64(live+stays)) {
			tables[table] = size > vacuumShrinks
			v.stays[table] = dead // unless the next look finds fewer
		}
	}
	return tables, rows.Err()
}
