package bench

import (
	"context"
	"database/sql"
	"slices"
	"time"
)

// A Waiting is the table of what waits in a database, while deliveries were made.
type Waiting struct {
	Deliveries int64   `json:"deliveries"` // made by the end
	KiB        int64   `json:"kib"`        // at the end, with its indexes
	MostRows   int64   `json:"most_rows"`  // that waited at once, and
	MostDead   int64   `json:"most_dead"`  // that were left of others, as the server estimates
	LookMS     float64 `json:"look_ms"`    // median of looks for the next 500, from the beginning on
	SlowestMS  float64 `json:"slowest_ms"` // of them
	TripMS     float64 `json:"trip_ms"`    // median of asking for nothing, just before each
}

// lookEvery is how often it is looked at: seldom enough that it costs nothing.
const lookEvery = 200 * time.Millisecond

// waiting watches the table until stop is closed.
func (b *bench) waiting(ctx context.Context, stop <-chan struct{}) (w Waiting, err error) {
	list, err := b.webhooks(ctx, accountOne)
	if err != nil {
		return w, err
	}
	var looks, trips []float64
	err = on(b.database, func(db *sql.DB) error { // where the tables need no schema's name
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			var rows, dead int64
			err := db.QueryRowContext(ctx, `SELECT n_live_tup, n_dead_tup, pg_total_relation_size(relid) / 1024
				FROM pg_stat_user_tables WHERE relid = 'due'::regclass`).Scan(&rows, &dead, &w.KiB)
			if err != nil {
				return err
			}
			w.MostRows, w.MostDead = max(w.MostRows, rows), max(w.MostDead, dead)
			for _, asked := range []struct {
				text string
				took *[]float64
			}{{"SELECT length($1)", &trips}, {"SELECT count(*) FROM next_due($1, 0, 500)", &looks}} {
				started := time.Now()
				if err := db.QueryRowContext(ctx, asked.text, list[0].ID).Scan(&rows); err != nil {
					return err
				}
				*asked.took = append(*asked.took, float64(time.Since(started).Microseconds())/1000)
			}
			select {
			case <-stop:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-tick.C:
			}
		}
	})
	w.LookMS, w.SlowestMS, w.TripMS = rounded(median(looks)), rounded(slices.Max(append(looks, 0))), rounded(median(trips))
	return w, err
}

// watched does what fn does, and keeps how the table of what waits was meanwhile.
func (b *bench) watched(ctx context.Context, f *Flatness, fn func() (phase, error)) (phase, error) {
	if b.schema == "" {
		return fn()
	}
	stop, watched := make(chan struct{}), make(chan error, 1)
	var w Waiting
	go func() {
		var err error
		w, err = b.waiting(ctx, stop)
		watched <- err
	}()
	p, err := fn()
	close(stop)
	if watchErr := <-watched; err == nil {
		err = watchErr
	}
	f.Waiting = append(f.Waiting, w)
	return p, err
}
