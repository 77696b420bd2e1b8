// Package cluster lets any number of processes serve one database. One of them leads: it
// accepts, orders and writes, and says what is to be sent. The others follow: they pass
// requests on to the leader, send for it, and one of them takes its place when it ends.
//
// lease.go is who leads, follow.go and lend.go what a follower does, hands.go the followers
// as the leader has them, speech.go what they say to one another, package line how it gets
// there.
//
// # The protocol: who leads
//
// One row, the lease, says who leads, at which address, and until when by the database's
// clock.
//
//  1. A process that starts looks at the lease every second, and when it runs out, and
//     follows meanwhile.
//  2. The lease is free when it was given back, or when its time is over and the
//     database's server has been up for long enough that the leader could have renewed it.
//     Whoever takes it writes its own name and a higher epoch, and leads.
//  3. The leader renews it three times within its length.
//  4. Each transaction of the leader begins with Fence: it fails unless the epoch is the
//     leader's own, and locks the row, so that who wants to take the lease waits for a
//     transaction that is under way. So there is never more than one that writes,
//     whatever the clocks say and however long a process was stopped. Time decides only how
//     soon another may begin. Who wants a lease whose time is over first ends what the
//     leader has under way: that process may be stopped, or cut off without the server's
//     knowledge, for hours.
//  5. A leader whose lease may have run out by its own clock (counted from before it asked for
//     the last renewal) sends nothing and records nothing until it was renewed. A
//     request on its way cannot be called back: what another leader then sends again goes
//     out under the same id.
//  6. A leader that learns that the lease is another's ends, and starts anew as a follower.
//     When it stops by itself it gives the lease back, and another leads within a second.
//  7. A leader that connects anew ends its transaction that is under way on the broken
//     connection, and raises the epoch: what it left on its way was committed before that,
//     or never will be.
//
// # The protocol: who sends
//
//  8. Each follower keeps a line to the leader: one connection, over which both prove that
//     they know the installation's master key, and which carries calls both ways. The
//     leader gives each request that is to be sent to whoever has the least to do, itself
//     among them, and waits for the answer. What the answer means, and what is sent next,
//     it alone decides.
//  9. A follower asks twice a second whether it may send, and may for three seconds from
//     when it asked, if it was answered; not for longer than the leader has the lease. Right before it
//     writes a request it looks whether it may. A leader that has not heard of a follower
//     for as long, or whose line to it is broken, waits until those three seconds are over,
//     and then lets another send what that one had: twice perhaps, under the same id.
//  10. Posted events that reach a follower go to the leader over the line too, as they came.
//     A follower that stops says so: it is given nothing more, and finishes what it has.
//
// Order follows: the leader alone gives out sequences and says what is sent, and a new one
// takes up what is open in the database before it accepts anything. What no protocol can
// fence is a request: a process that is stopped after its last look, right before the
// system call that writes the request, writes it when it goes on, however late.
package cluster

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/internal/store/ledger"
)

const (
	length     = 6 * time.Second
	renewEvery = length / 3
	askEvery   = time.Second
	// upFor is how long the server must have been up before a lease that has run out is
	// taken: its leader may only have waited for the server.
	upFor = 2 * renewEvery
)

// Fence is the first statement of each transaction, with the epoch and the owner. Where
// one of them is another's it is an error: 22012, a division by zero. A server that took
// the place of one that failed may know less than that did, and give an epoch twice.
// It makes the commit durable too, whatever the server's settings are at the moment.
const Fence = `SELECT 1 / CASE WHEN epoch = $1 AND owner = $2 THEN 1 ELSE 0 END,
	set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true)
	FROM lease FOR KEY SHARE`

const (
	// The epoch is the row's key: to raise it waits for those who have locked it FOR KEY
	// SHARE, to renew the lease does not.
	over = `until < clock_timestamp() AND (until = '-infinity' OR pg_postmaster_start_time() < clock_timestamp() - $2 * interval '1 millisecond')`

	// What is the asker's already was taken before, and the answer was lost.
	look = `SELECT owner, url, CASE WHEN owner = $1 OR ` + over + ` THEN 0 ELSE 1 + greatest(0, 1000 * extract(epoch FROM
		greatest(until, pg_postmaster_start_time() + $2 * interval '1 millisecond') - clock_timestamp()))::bigint END FROM lease`
	take = `UPDATE lease SET epoch = epoch + 1, owner = $1, url = $3, until = clock_timestamp() + $4 * interval '1 millisecond'
		WHERE owner = $1 OR ` + over + ` RETURNING epoch`
	// Who has run Fence has this lock until the end of its transaction, and nobody else has.
	end = `SELECT pg_terminate_backend(pid) FROM pg_locks, lease
		WHERE relation = 'lease'::regclass AND mode = 'RowShareLock' AND pid <> pg_backend_pid()
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
			AND (owner = $1 OR ` + over + `)`
	renew   = `UPDATE lease SET until = clock_timestamp() + $2 * interval '1 millisecond' WHERE owner = $1`
	release = `UPDATE lease SET owner = '', url = '', until = '-infinity' WHERE owner = $1`
	raise   = `UPDATE lease SET epoch = epoch + 1 WHERE owner = $1 RETURNING epoch`
)

// A Leader is who leads, as far as is known.
type Leader struct {
	Owner string // empty: nobody
	URL   string // where it is reached
}

// known is who leads, as long as nobody else does.
type known struct {
	Leader
	leads    context.Context //nolint:containedctx // ends requests that were passed on
	replaced context.CancelFunc
}

func newKnown(is Leader) *known {
	k := &known{Leader: is}
	k.leads, k.replaced = context.WithCancel(context.Background())
	return k
}

// A Lease is a process's part in the protocol.
type Lease struct {
	db    *sql.DB
	owner string
	url   string
	log   *slog.Logger

	epoch  int64 // of who writes alone
	until  atomic.Pointer[time.Time]
	leader atomic.Pointer[known]
	lost   chan struct{}
	losing sync.Once
	stop   context.CancelFunc // nil: it was never ours
	ended  chan struct{}
}

// New is that of a process. name is for people who look at the lease; url is where the
// others reach this process.
func New(db *sql.DB, name, url string, log *slog.Logger) *Lease {
	l := &Lease{db: db, owner: name + " " + rand.Text(), url: url, log: log, lost: make(chan struct{}), ended: make(chan struct{})}
	l.leader.Store(newKnown(Leader{}))
	return l
}

// Acquire waits until this process leads, or ctx ends. What goes wrong with the database
// meanwhile is logged, and it is asked again.
func (l *Lease) Acquire(ctx context.Context) error {
	for doubt := false; ; { // whether it may be ours already
		asked := time.Now()
		left, err := l.look(ctx)
		if err == nil {
			taken := false
			if left == 0 {
				taken, err = l.take(ctx)
			}
			if taken {
				l.extend(asked)
				break
			}
			doubt = err != nil
		}
		if err != nil && ctx.Err() == nil {
			l.log.WarnContext(ctx, "the lease of the database could not be asked for", "error", err)
		}
		if left == 0 || left > askEvery {
			left = askEvery
		}
		select {
		case <-ctx.Done():
			if doubt {
				_ = l.giveBack() //nolint:contextcheck // ctx has ended; and it runs out by itself
			}
			return context.Cause(ctx)
		case <-time.After(left + mathrand.N(askEvery/10)): //nolint:gosec // not all at once
		}
	}
	l.now(Leader{l.owner, l.url})
	l.log.InfoContext(ctx, "this process leads", "epoch", l.epoch)
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	go l.keep(renewing)
	return nil
}

// look finds out who leads, and for how long still; 0: the lease may be taken.
func (l *Lease) look(ctx context.Context) (left time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, renewEvery)
	defer cancel()
	var is Leader
	var ms int64
	if err := l.db.QueryRowContext(ctx, look, l.owner, upFor.Milliseconds()).Scan(&is.Owner, &is.URL, &ms); err != nil {
		return 0, err
	}
	if ms > 0 && l.now(is) {
		l.log.InfoContext(ctx, "another process leads; this one follows", "leader", is.Owner, "url", is.URL)
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// take asks for the lease, and reports whether this process has it now; another may have been
// first.
func (l *Lease) take(ctx context.Context) (taken bool, err error) {
	if err := l.end(ctx); err != nil {
		l.log.WarnContext(ctx, "the lease is taken once they have ended by themselves", "error", err)
	}
	ctx, cancel := context.WithTimeout(ctx, renewEvery)
	defer cancel()
	err = l.db.QueryRowContext(ctx, take, l.owner, upFor.Milliseconds(), l.url, length.Milliseconds()).Scan(&l.epoch)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// end ends the transactions that are under way, of this process and of one whose time is
// over.
func (l *Lease) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, renewEvery)
	defer cancel()
	if _, err := l.db.ExecContext(ctx, end, l.owner, upFor.Milliseconds()); err != nil {
		return fmt.Errorf("end the transactions of a leader whose connection is broken: %w", err)
	}
	return nil
}

// Leader is who leads, as it was last known.
func (l *Lease) Leader() Leader { return l.leader.Load().Leader }

// now says who leads from now on, and reports whether that was another before. Only
// Acquire calls it.
func (l *Lease) now(is Leader) (changed bool) {
	if l.Leader().Owner == is.Owner {
		return false
	}
	l.leader.Swap(newKnown(is)).replaced()
	return true
}

// Epoch and Owner are the arguments of Fence.
func (l *Lease) Epoch() int64 { return l.epoch }

// Owner is this process, as the lease has it.
func (l *Lease) Owner() string { return l.owner }

// Held reports whether nobody else can have the lease by now. Of the machine's two
// clocks one stands still while the machine sleeps, and the other may be set back.
func (l *Lease) Held() bool {
	until := l.until.Load()
	select {
	case <-l.lost:
		return false
	default:
	}
	if until == nil {
		return false
	}
	now := time.Now()
	return now.Before(*until) && now.Round(0).Before(until.Round(0))
}

// remaining is for how long a hand may start requests: not longer than nobody else can
// have the lease.
func (l *Lease) remaining() time.Duration {
	until := l.until.Load()
	if until == nil || !l.Held() {
		return 0
	}
	return max(min(mayFor, time.Until(*until)), 0)
}

// Lost is closed once somebody else has it.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

// Lose says that Fence has failed: somebody else has it.
func (l *Lease) Lose() {
	l.losing.Do(func() { close(l.lost) })
}

func (l *Lease) extend(asked time.Time) {
	until := asked.Add(length)
	l.until.Store(&until)
}

// keep renews the lease.
func (l *Lease) keep(ctx context.Context) {
	defer close(l.ended)
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		within, cancel := context.WithTimeout(ctx, renewEvery) // then there is time for another connection
		asked := time.Now()
		err := l.ask(within, renew, l.owner, length.Milliseconds())
		cancel()
		switch {
		case err == nil:
			l.extend(asked)
		case errors.Is(err, ledger.ErrLost):
			l.Lose()
			return
		case ctx.Err() == nil:
			l.log.WarnContext(ctx, "the lease of the database could not be renewed", "error", err)
		}
	}
}

// Raise raises the epoch. See the protocol, 7.
func (l *Lease) Raise(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	if err := l.end(ctx); err != nil {
		l.log.WarnContext(ctx, "the epoch is raised once they have ended by themselves", "error", err)
	}
	err := l.db.QueryRowContext(ctx, raise, l.owner).Scan(&l.epoch)
	if errors.Is(err, sql.ErrNoRows) {
		return ledger.ErrLost
	}
	return err
}

// Release gives the lease back, if this process has it.
func (l *Lease) Release() error {
	if l.stop == nil {
		return nil
	}
	l.stop()
	<-l.ended
	l.until.Store(nil)
	return l.giveBack()
}

func (l *Lease) giveBack() error {
	ctx, cancel := context.WithTimeout(context.Background(), renewEvery)
	defer cancel()
	err := l.ask(ctx, release, l.owner)
	if err != nil && !errors.Is(err, ledger.ErrLost) {
		err = l.ask(ctx, release, l.owner) // on another connection
	}
	if err != nil && !errors.Is(err, ledger.ErrLost) {
		return fmt.Errorf("give the lease of the database back: %w", err)
	}
	return nil
}

// ask runs a statement that has to find the lease ours.
func (l *Lease) ask(ctx context.Context, text string, args ...any) error {
	res, err := l.db.ExecContext(ctx, text, args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); n == 0 || err != nil {
		return errors.Join(ledger.ErrLost, err)
	}
	return nil
}
