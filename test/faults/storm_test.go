//go:build unix

package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/store/postgres/pgtest"
)

// times are how long something took.
type times []time.Duration

func (t times) String() string {
	if len(t) == 0 {
		return "none"
	}
	var sum, longest time.Duration
	for _, d := range t {
		sum, longest = sum+d, max(longest, d)
	}
	return fmt.Sprintf("%d, %s on average, %s at most", len(t), (sum / time.Duration(len(t))).Round(10*time.Millisecond), longest.Round(10*time.Millisecond))
}

// A storm is one fault after the other that happens to processes on one database.
type storm struct {
	c      *cluster
	server *pgtest.Server
	random *rand.Rand

	killed, stopped, cut, inOrder times // until another led
}

// A fault is one that happens to one process, and is over at the end of do.
type fault struct {
	name string
	do   func(context.Context) error
}

// killsAndStops are what happens to processes.
func (s *storm) killsAndStops() []fault {
	return []fault{
		{"kill -9 of the leader", s.killLeader},
		{"SIGSTOP of the leader", s.stopLeader},
		{"SIGTERM of the leader", s.endLeader},
		{"kill -9 of a follower", func(ctx context.Context) error {
			m, err := s.follower(ctx)
			if err == nil {
				_, err = m.kill(ctx)
			}
			return err
		}},
		{"SIGSTOP of a follower", func(ctx context.Context) error {
			m, err := s.follower(ctx)
			if err != nil {
				return err
			}
			return m.standStill(ctx, func() error {
				pause(ctx, time.Second+s.below(time.Second))
				return nil
			})
		}},
		{"SIGTERM of a follower", func(ctx context.Context) error {
			m, err := s.follower(ctx)
			if err == nil {
				err = m.restart(ctx)
			}
			return err
		}},
	}
}

// ofTheDatabase are what happens between processes and their database. They need relays.
func (s *storm) ofTheDatabase() []fault {
	return []fault{
		{"resets of the leader's connections", func(ctx context.Context) error { return s.cutLeaderOff(ctx, severed) }},
		{"silence before the leader", func(ctx context.Context) error { return s.cutLeaderOff(ctx, stalled) }},
		{"resets of a follower's connections", func(ctx context.Context) error {
			m, err := s.follower(ctx)
			if err == nil {
				err = m.cutOff(ctx, severed)
			}
			if err == nil {
				pause(ctx, s.below(2*takenOver))
				m.back()
			}
			return err
		}},
		{"a restart of the server", func(context.Context) error {
			for _, m := range s.c.members {
				m.troubled(false)
				defer m.ease()
			}
			return s.server.Restart() //nolint:contextcheck // it has to be started again in any case
		}},
	}
}

// below draws a time below another.
func (s *storm) below(d time.Duration) time.Duration {
	return time.Duration(s.random.Int64N(int64(d)))
}

// follower waits until somebody leads, and returns any of those who do not.
func (s *storm) follower(ctx context.Context) (*member, error) {
	leader, err := s.c.led(ctx)
	if err != nil {
		return nil, err
	}
	m := leader
	for m == leader {
		m = s.c.members[s.random.IntN(len(s.c.members))]
	}
	return m, nil
}

func (s *storm) killLeader(ctx context.Context) error {
	m, err := s.c.led(ctx)
	if err != nil {
		return err
	}
	at, from := m.at(), time.Now()
	led, err := m.kill(ctx)
	if err != nil || !led {
		return err
	}
	after, err := s.c.taken(ctx, at, from)
	s.killed = append(s.killed, after)
	return err
}

func (s *storm) stopLeader(ctx context.Context) error {
	m, err := s.c.led(ctx)
	if err != nil {
		return err
	}
	at, from := m.at(), time.Now()
	return m.standStill(ctx, func() error {
		after, err := s.c.taken(ctx, at, from)
		s.stopped = append(s.stopped, after)
		pause(ctx, s.below(3*time.Second))
		return err
	})
}

func (s *storm) endLeader(ctx context.Context) error {
	m, err := s.c.led(ctx)
	if err != nil {
		return err
	}
	at := m.at()
	if err := m.restart(ctx); err != nil {
		return err
	}
	after, err := s.c.taken(ctx, at, time.Now())
	s.inOrder = append(s.inOrder, after)
	return err
}

// cutLeaderOff cuts the leader off from the database, half of the time until another leads.
func (s *storm) cutLeaderOff(ctx context.Context, how relaying) error {
	m, err := s.c.led(ctx)
	if err != nil {
		return err
	}
	if err := m.cutOff(ctx, how); err != nil {
		return err
	}
	defer m.back()
	at, from := m.at(), time.Now()
	if s.random.IntN(2) == 0 {
		pause(ctx, s.below(leaseLength))
		return nil
	}
	after, err := s.c.taken(ctx, at, from)
	s.cut = append(s.cut, after)
	pause(ctx, s.below(3*time.Second))
	return err
}

// Of several processes on one database any may be killed, stand still for longer than
// the lease, or be stopped, at any moment: nothing is lost, the order holds though the events of a
// call are accepted through all of them, and another takes over within the lease's time.
// With -for, they are also cut off from the database, and its server is restarted.
func TestProcesses(t *testing.T) {
	t.Parallel()
	ctx, long := t.Context(), *forFlag > 0
	server := pgtest.Start(t, nil)
	r, c := openCluster(t, server, *processesFlag, long, append(kinds(), holding)...)
	s := &storm{c: c, server: server, random: random(*seedFlag, 0)}
	faults := s.killsAndStops()
	if long {
		faults = append(faults, s.ofTheDatabase()...)
	}
	var back times
	of, end := map[string]int{}, time.Now().Add(*forFlag)
	r.load.start(ctx)
	for n := 0; n < rounds(1) && !long || time.Now().Before(end); n++ {
		s.random.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
		for _, f := range faults {
			pause(ctx, s.below(time.Second))
			from := time.Now()
			if err := f.do(ctx); err != nil {
				t.Errorf("%s: %v", f.name, err)
			}
			of[f.name]++
			t.Logf("%s: %s, for %s", from.Format(clock), f.name, time.Since(from).Round(time.Millisecond))
			if s.random.IntN(3) > 0 { // else the next one comes in the midst of it
				after, err := r.acknowledges(ctx, from)
				must(t, err)
				back = append(back, after)
			}
		}
	}
	must(t, c.ready(ctx))
	finish(t, r)
	t.Logf("faults: %v", of)
	t.Logf("taken over after a kill: %s; while the leader stood still: %s; was cut off: %s; after its end in order: %s", s.killed, s.stopped, s.cut, s.inOrder)
	t.Logf("from a fault to the next acknowledged post: %s", back)
	for _, after := range slices.Concat(s.killed, s.stopped, s.cut) {
		if after > takenOver {
			t.Errorf("a takeover took %s, want at most %s", after, takenOver)
		}
	}
}
