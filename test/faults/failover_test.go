//go:build unix

package faults

import (
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/store/postgres/pgtest"
)

// The server of the database ends, or stands still, and its synchronous standby takes its
// place: nothing acknowledged is lost and the order holds, posts are refused with 503
// meanwhile, and all goes on by itself.
func TestFailover(t *testing.T) {
	t.Parallel()
	random := random(*seedFlag, 0)
	for _, fault := range []struct {
		name string
		do   func(*pgtest.Server) error
		down time.Duration // for how long there is no server
	}{
		// The lease runs out meanwhile, or does not.
		{"killed", (*pgtest.Server).Kill, time.Second + time.Duration(random.Int64N(int64(2*leaseLength)))},
		{"frozen", (*pgtest.Server).Freeze, 16 * time.Second}, // connections to it hang, and are given up after 15 s
	} {
		wait := time.Duration(random.Int64N(int64(time.Second)))
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			primary := pgtest.Start(t, nil)
			standby := primary.Standby(t, true)
			database, err := primary.Or(standby, primary.New(t))
			must(t, err)
			super, err := primary.Or(standby, primary.URL())
			must(t, err)
			r, c := openClusterOn(t, database, super, 2, false, good, slow, flaky, hanging, holding)
			c.timeout = 30 * time.Second
			ctx := t.Context()
			r.load.start(ctx)
			must(t, until(ctx, "for enough to be under way", func() (bool, error) { return r.journal.holds(0) >= underWay/2, nil }))
			pause(ctx, wait)
			for _, m := range c.members {
				m.troubled(false)
			}
			acked, refused := r.load.acknowledged(), r.load.refusals()
			must(t, fault.do(primary))
			pause(ctx, fault.down)
			refused = r.load.refusals() - refused
			if refused == 0 {
				t.Error("no post was refused with 503")
			}
			must(t, standby.Promote())
			after, err := r.acknowledges(ctx, time.Now())
			must(t, err)
			for _, m := range c.members {
				m.ease()
			}
			must(t, r.complete(ctx, func(k kind) bool { return k == good }))
			must(t, c.ready(ctx))
			finish(t, r)
			t.Logf("%d events had been acknowledged; %d posts answered 503 in %s; a post acknowledged %s after the standby was promoted",
				acked, refused, fault.down.Round(time.Millisecond), after.Round(time.Millisecond))
		})
	}
}
