package postgres

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/switchhook/switchhook/internal/store/ledger"
)

// # The lease
//
// One row says which process writes, and until when by the database's clock. Its epoch
// is raised by whoever takes it: when it has run out, or was given back. Each
// transaction begins with a look at the epoch that locks the row (fence): one of a
// process that has lost the lease fails, and who takes it waits for one that is under
// way. So there is never more than one that writes, whatever the clocks say; the time
// only decides how soon another may begin.
//
// Who holds the lease renews it three times within its length. Where that fails for so
// long that it may have run out, by the process's own clock, Held says so, and
// nothing is to be sent until it was renewed.
const (
	leaseLength = 10 * time.Second
	renewEvery  = 3 * time.Second
	askEvery    = time.Second // while another has it
)

const (
	// fence is an error (22012, a division by zero) where the epoch is another one.
	fence = `SELECT 1 / CASE WHEN epoch = $1 THEN 1 ELSE 0 END FROM lease FOR KEY SHARE`

	takeLease = `UPDATE lease SET epoch = epoch + 1, owner = $1, until = clock_timestamp() + $2 * interval '1 millisecond'
		WHERE until < clock_timestamp() RETURNING epoch`
	renewLease   = `UPDATE lease SET until = clock_timestamp() + $2 * interval '1 millisecond' WHERE owner = $1`
	releaseLease = `UPDATE lease SET owner = '', until = '-infinity' WHERE owner = $1`
	raiseEpoch   = `UPDATE lease SET epoch = epoch + 1 WHERE owner = $1 RETURNING epoch`
)

type lease struct {
	db    *database
	owner string
	epoch int64 // of the committer alone, once there is one
	until atomic.Pointer[time.Time]
	stop  context.CancelFunc
	ended chan struct{}
	lost  chan struct{}
}

// acquire waits for the lease.
func acquire(ctx context.Context, db *database, owner string) (*lease, error) {
	l := &lease{db: db, owner: owner + " " + rand.Text(), ended: make(chan struct{}), lost: make(chan struct{})}
	for told := false; ; told = true {
		asked := time.Now()
		err := db.DB.QueryRowContext(ctx, takeLease, l.owner, leaseLength.Milliseconds()).Scan(&l.epoch)
		if err == nil {
			l.extend(asked)
			break
		}
		var holder string
		if err := db.DB.QueryRowContext(ctx, "SELECT owner FROM lease").Scan(&holder); err != nil {
			return nil, fmt.Errorf("ask for the lease of the database %s: %w", db.name, err)
		}
		if !told {
			db.log.InfoContext(ctx, "another process serves this database; waiting for its end", "holder", holder)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(askEvery):
		}
	}
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	go l.renew(renewing)
	return l, nil
}

func (l *lease) extend(asked time.Time) {
	until := asked.Add(leaseLength)
	l.until.Store(&until)
}

// held reports whether nobody else can have the lease.
func (l *lease) held() bool { return time.Now().Before(*l.until.Load()) }

func (l *lease) renew(ctx context.Context) {
	defer close(l.ended)
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		within, cancel := context.WithTimeout(ctx, leaseLength)
		asked := time.Now()
		err := l.ask(within, renewLease, l.owner, leaseLength.Milliseconds())
		cancel()
		switch {
		case err == nil:
			l.extend(asked)
		case errors.Is(err, ledger.ErrLost):
			l.until.Store(new(time.Time))
			close(l.lost)
			return
		case ctx.Err() == nil:
			l.db.log.WarnContext(ctx, "the lease of the database could not be renewed", "error", err)
		}
	}
}

// fence raises the epoch, for a new connection: what the one before left on its way
// fails from then on.
func (l *lease) fence(ctx context.Context) error {
	err := l.db.DB.QueryRowContext(ctx, raiseEpoch, l.owner).Scan(&l.epoch)
	if errors.Is(err, sql.ErrNoRows) {
		return ledger.ErrLost
	}
	return err
}

// ask runs a statement that has to find the lease ours.
func (l *lease) ask(ctx context.Context, text string, args ...any) error {
	res, err := l.db.ExecContext(ctx, text, args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); n == 0 || err != nil {
		return errors.Join(ledger.ErrLost, err)
	}
	return nil
}

func (l *lease) release() error {
	if l == nil {
		return nil
	}
	l.stop()
	<-l.ended
	ctx, cancel := context.WithTimeout(context.Background(), renewEvery)
	defer cancel()
	if err := l.ask(ctx, releaseLease, l.owner); err != nil && !errors.Is(err, ledger.ErrLost) {
		return fmt.Errorf("give the lease of the database back: %w", err)
	}
	return nil
}

// explained is an error of a transaction, said in other words if it is the fence's.
func (d *database) explained(err error) error {
	const divisionByZero = "22012" // of no other statement
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == divisionByZero {
		return ledger.ErrLost
	}
	return err
}
