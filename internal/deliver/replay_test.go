package deliver_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/dialect"
	native "github.com/switchhook/switchhook/internal/dialect/switchhook"
	"github.com/switchhook/switchhook/internal/store/memory"
)

// replayer makes a Replayer on the rig's engine, for webhooks that want everything
// but what has "unwanted" in its id.
func (r *rig) replayer() *deliver.Replayer { return r.replayerOn(r.store, r.engine) }

func (r *rig) replayerOn(store deliver.ReplayStore, e *deliver.Engine) *deliver.Replayer {
	return deliver.NewReplayer(deliver.ReplayOptions{
		Store: store, Engine: e, Logger: slog.New(slog.DiscardHandler),
		Wants:    func(_ string, ev *switchhook.Event) bool { return !strings.Contains(ev.ID, "unwanted") },
		Accounts: func(context.Context, string) ([]string, error) { return []string{"acme"}, nil },
	})
}

// begin starts a replay of everything so far.
func (r *rig) begin(p *deliver.Replayer, id, which string, change ...func(*switchhook.Job)) {
	r.t.Helper()
	j := &switchhook.Job{ID: id, AccountID: "acme", WebhookID: "wh_a", Which: which, Until: time.Now().Add(time.Microsecond), CreatedAt: time.Now()}
	for _, f := range change {
		f(j)
	}
	if err := p.Begin(context.Background(), j); err != nil {
		r.t.Fatal(err)
	}
}

// acceptUntold accepts events that no webhook wanted at their time.
func (r *rig) acceptUntold(lines ...string) {
	r.t.Helper()
	hooks := r.hooks
	r.hooks = nil
	r.accept(lines...)
	r.hooks = hooks
}

// untold accepts so many small events that no webhook wanted, e0001 and so on, each
// with a key of its own.
func (r *rig) untold(n int) {
	r.t.Helper()
	c, done := &switchhook.Commit{}, make(chan error, 1)
	for i := range n {
		r.seq++
		c.Events = append(c.Events, &switchhook.Event{
			ID: fmt.Sprintf("e%04d", i+1), Type: "custom.step", AccountID: "acme", Key: fmt.Sprintf("k%d", i+1), Sequence: r.seq,
			OccurredAt: time.Now().UTC(), AcceptedAt: time.Now().UTC(), Data: []byte(`{"step":1}`),
		})
	}
	c.Done = func(err error) { done <- err }
	r.store.Submit(c)
	if err := <-done; err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) job(id string) *switchhook.Job {
	r.t.Helper()
	jobs, err := r.store.Jobs(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	i := slices.IndexFunc(jobs, func(j *switchhook.Job) bool { return j.ID == id })
	if i < 0 {
		r.t.Fatalf("there is no job %s", id)
	}
	return jobs[i]
}

// wantJob holds a job to "state looked/total made", and to its error.
func (r *rig) wantJob(id, want, why string) {
	r.t.Helper()
	synctest.Wait()
	j := r.job(id)
	if got := fmt.Sprintf("%s %d/%d %d", j.State, j.Looked, j.Total, j.Made); got != want || j.Error != why || j.EndedAt.IsZero() != (j.State == switchhook.JobRunning) {
		r.t.Errorf("the job is %s (%s), ended at %v; wanted %s (%s)", got, j.Error, j.EndedAt, want, why)
	}
}

func (r *rig) pause(paused bool) {
	w := *r.hooks[0]
	if w.PausedAt = (time.Time{}); paused {
		w.PausedAt = time.Now()
	}
	w.UpdatedAt = time.Now()
	r.hooks[0] = &w
	r.engine.SetWebhooks(r.hooks)
}

func (r *rig) enable(enabled bool) {
	w := *r.hooks[0]
	w.Enabled, w.UpdatedAt = enabled, time.Now()
	r.hooks[0] = &w
	r.engine.SetWebhooks(r.hooks)
}

// One delivery in each state, and which of them each kind of replay makes again.
func TestReplayPicks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		which string
		want  []string
		made  int
	}{
		{switchhook.WhichFailed, []string{"expired 200", "failed 200"}, 2},
		{switchhook.WhichMissing, []string{"cancelled 200", "untold 200"}, 2},
		{switchhook.WhichAll, []string{"cancelled 200", "delivered 200", "expired 200", "failed 200", "untold 200"}, 5},
	} {
		t.Run(c.which, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				defer r.stop()
				r.set(func(w *switchhook.Webhook) {
					w.Retry = switchhook.Retry{Schedule: []switchhook.Duration{switchhook.Duration(time.Hour)}}
				})
				r.answer = failing("failed", "pending")
				r.accept("call.hungup a delivered", "call.hungup b failed")
				r.acceptUntold("call.hungup c untold", "call.hungup c unwanted")
				r.change = func(ev *switchhook.Event) { ev.OccurredAt = ev.OccurredAt.Add(-time.Hour) }
				r.accept("call.ringing d expired")
				r.change = nil
				time.Sleep(2 * time.Hour) // failed has no try left
				r.enable(false)
				r.accept("call.hungup e cancelled")
				r.enable(true)
				r.accept("call.hungup f pending")
				r.wantStates("delivered delivered 1", "failed failed 2", "expired expired 0", "cancelled cancelled 0", "pending pending 1")
				r.received()
				r.answer = nil
				p := r.replayer()
				defer p.Stop()
				r.begin(p, "job_1", c.which)
				time.Sleep(time.Second)
				var got []string
				for _, line := range r.received() {
					_, what, _ := strings.Cut(line, " ")
					got = append(got, what)
				}
				slices.Sort(got)
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("wanted (-), the receiver got (+):\n%s", diff)
				}
				r.wantJob("job_1", fmt.Sprintf("done 7/7 %d", c.made), "")
				attempts, _, err := r.store.Attempts(context.Background(), switchhook.AttemptFilter{Outcome: switchhook.Success}, switchhook.Page{Limit: c.made})
				if err != nil {
					t.Fatal(err)
				}
				for _, a := range attempts {
					if !a.Replay {
						t.Errorf("the attempt for %s says nothing of a replay", a.EventID)
					}
				}
			})
		})
	}
}

// A job is narrowed by time, type and call; without a beginning it says what it
// began with.
func TestReplayRange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		p := r.replayer()
		defer p.Stop()
		r.acceptUntold("call.hungup a a1", "call.created b b1")
		time.Sleep(time.Minute)
		r.acceptUntold("call.hungup a a2", "call.hungup c c1")
		time.Sleep(time.Minute)
		r.acceptUntold("call.hungup a a3")
		since, until := r.start.Add(30*time.Second), r.start.Add(90*time.Second)

		r.begin(p, "job_1", switchhook.WhichMissing, func(j *switchhook.Job) { j.Since, j.Until = since, until })
		r.wantGotAnyOrder("120 a2 200", "120 c1 200")
		r.wantJob("job_1", "done 2/2 2", "")
		r.begin(p, "job_2", switchhook.WhichMissing, func(j *switchhook.Job) { j.Types = []string{"*.created"} })
		r.wantGot("120 b1 200")
		r.wantJob("job_2", "done 5/5 1", "")
		r.begin(p, "job_3", switchhook.WhichAll, func(j *switchhook.Job) { j.CallID = "a" })
		r.wantGot("120 a1 200", "120 a2 200", "120 a3 200")
		r.wantJob("job_3", "done 5/5 3", "")
		r.begin(p, "job_4", switchhook.WhichAll, func(j *switchhook.Job) { j.CallID = "nobody" })
		r.wantJob("job_4", "done 0/0 0", "")
		r.wantGot()
		if j := r.job("job_3"); !j.Since.Equal(r.start) {
			t.Errorf("it began with %v, the first event was accepted at %v", j.Since, r.start)
		}
	})
}

// Jobs at once over the same events make each delivery once, though the disk is slow.
func TestReplaysDoNotDouble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.stop()
		r.untold(350)
		store := &laggingStore{Store: r.store, commits: make(chan *switchhook.Commit, 10_000)}
		go store.take()
		defer close(store.commits)
		r.hooks[0].PausedAt = time.Now()
		r.engine = r.engineOn(store)
		defer r.stop()
		p := r.replayerOn(store, r.engine)
		defer p.Stop()
		for _, id := range []string{"job_1", "job_2", "job_3"} {
			r.begin(p, id, switchhook.WhichMissing)
		}
		time.Sleep(time.Minute)
		if made := r.job("job_1").Made + r.job("job_2").Made + r.job("job_3").Made; made != 350 {
			t.Errorf("they made %d, wanted 350", made)
		}
		r.pause(false)
		time.Sleep(time.Minute)
		got := r.received()
		slices.Sort(got)
		if len(got) != 350 || len(slices.Compact(got)) != 350 {
			t.Errorf("the receiver got %d", len(got))
		}
	})
}

// laggingStore takes its time for each commit.
type laggingStore struct {
	*memory.Store
	commits chan *switchhook.Commit
}

func (s *laggingStore) Submit(c *switchhook.Commit) { s.commits <- c }

func (s *laggingStore) take() {
	for c := range s.commits {
		time.Sleep(20 * time.Millisecond)
		s.Store.Submit(c)
	}
}

func TestReplayRate(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{0.5, 1, 7, 100} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				defer r.stop()
				p := r.replayer()
				defer p.Stop()
				r.untold(int(20 * rate))
				r.begin(p, "job_1", switchhook.WhichMissing, func(j *switchhook.Job) { j.Rate = rate })
				time.Sleep(10*time.Second - time.Nanosecond)
				// Even spacing: no second has more than the rate and one step.
				second := map[string]float64{}
				got := r.received()
				for _, line := range got {
					at, _, _ := strings.Cut(line, " ")
					second[at]++
				}
				step := max(rate/20, 1)
				for at, n := range second {
					if n > rate+step {
						t.Errorf("in second %s came %v", at, n)
					}
				}
				if n := float64(len(got)); n < 10*rate-step || n > 10*rate+step {
					t.Errorf("in 10 s came %v, wanted %v", n, 10*rate)
				}
				time.Sleep(10 * time.Second)
				r.wantJob("job_1", fmt.Sprintf("done %d/%[1]d %[1]d", int(20*rate)), "")
			})
		})
	}
}

func TestReplayIsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		p := r.replayer()
		defer p.Stop()
		r.untold(100)
		r.begin(p, "job_1", switchhook.WhichMissing, func(j *switchhook.Job) { j.Rate = 1 })
		time.Sleep(10*time.Second + time.Millisecond)
		if j := r.job("job_1"); j.State != switchhook.JobRunning || j.Looked != 11 || j.Made != 11 {
			t.Errorf("after 10 s it is %+v", j)
		}
		if err := p.Cancel(context.Background(), "job_1"); err != nil {
			t.Fatal(err)
		}
		r.wantJob("job_1", "cancelled 11/100 11", "")
		time.Sleep(time.Minute)
		if got := r.received(); len(got) != 11 {
			t.Errorf("the receiver got %d, wanted 11", len(got))
		}
		if err := p.Cancel(context.Background(), "job_1"); err != nil { // it has ended: nothing happens
			t.Error(err)
		}
		r.wantJob("job_1", "cancelled 11/100 11", "")
	})
}

// A job whose webhook is turned off or deleted fails, and says why.
func TestReplayFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*rig)
		want   string
	}{
		"disabled": {func(r *rig) { r.enable(false) }, "the webhook was disabled; enable it first"},
		"deleted":  {func(r *rig) { r.engine.SetWebhooks(nil) }, "the webhook was deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				defer r.stop()
				p := r.replayer()
				defer p.Stop()
				r.untold(100)
				r.begin(p, "job_1", switchhook.WhichMissing, func(j *switchhook.Job) { j.Rate = 1 })
				time.Sleep(1500 * time.Millisecond)
				c.change(r)
				time.Sleep(5 * time.Second)
				r.wantJob("job_1", "failed 2/100 2", c.want)
			})
		})
	}
}

// A replay does not run far ahead of what the webhook takes.
func TestReplayWaitsForTheWebhook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const events, ahead = 7000, 5000
		r := newRig(t)
		defer r.stop()
		p := r.replayer()
		defer p.Stop()
		r.untold(events)
		r.pause(true)
		r.begin(p, "job_1", switchhook.WhichMissing)
		time.Sleep(time.Hour)
		if j := r.job("job_1"); j.State != switchhook.JobRunning || j.Made < ahead || j.Made >= ahead+500 || j.Looked != j.Made {
			t.Errorf("after an hour it is %+v", j)
		}
		r.pause(false)
		time.Sleep(time.Minute)
		r.wantJob("job_1", fmt.Sprintf("done %d/%[1]d %[1]d", events), "")
		got := r.received()
		slices.Sort(got)
		if len(got) != events || len(slices.Compact(got)) != events {
			t.Errorf("the receiver got %d, wanted %d", len(got), events)
		}
	})
}

// Progress is on the disk at least every second, even of a job that makes nothing.
func TestReplayKeepsItsProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		r.untold(9999)
		slow := &slowStore{Store: r.store, takes: 200 * time.Millisecond}
		p := r.replayerOn(slow, r.engine)
		defer p.Stop()
		r.begin(p, "job_1", switchhook.WhichFailed)
		last, moved := time.Now(), int64(0)
		for range 24 {
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			if j := r.job("job_1"); j.Looked > moved {
				last, moved = time.Now(), j.Looked
			}
			if age := time.Since(last); age > 1300*time.Millisecond {
				t.Fatalf("progress is %v old", age)
			}
		}
		if moved == 0 {
			t.Error("there was no progress to be seen")
		}
		time.Sleep(5 * time.Second)
		r.wantJob("job_1", "done 9999/9999 0", "")
	})
}

// slowStore takes its time to list events.
type slowStore struct {
	*memory.Store
	takes time.Duration
}

func (s *slowStore) Events(ctx context.Context, f switchhook.EventFilter, p switchhook.Page) ([]*switchhook.Event, string, error) {
	time.Sleep(s.takes)
	return s.Store.Events(ctx, f, p)
}

// A process that dies after any of its commits: the next one goes on, and each
// delivery is made once.
func TestReplayGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	const events = 130
	crashed, midway := true, false
	for commits := int64(1); crashed; commits += 1 + commits/10 {
		crashed = false
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.stop()
			r.untold(events)
			dying := &dyingStore{Store: r.store, left: commits}
			e := r.engineOn(dying)
			p := r.replayerOn(dying, e)
			err := p.Begin(context.Background(), &switchhook.Job{
				ID: "job_1", AccountID: "acme", WebhookID: "wh_a", Which: switchhook.WhichMissing, Until: time.Now().Add(time.Second), CreatedAt: time.Now(),
			})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(500 * time.Millisecond) // less than until what was refused is tried again
			crashed = dying.dead()
			p.Stop()
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_ = e.Stop(ctx) // cut off is fine

			if crashed {
				midway = midway || r.job("job_1").State == switchhook.JobRunning
				r.boot()
				defer r.stop()
				next := r.replayer()
				defer next.Stop()
				if err := next.Resume(context.Background()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
			}
			r.wantJob("job_1", fmt.Sprintf("done %d/%[1]d %[1]d", events), "")
			attempts, _, err := r.store.Attempts(context.Background(), switchhook.AttemptFilter{}, switchhook.Page{Limit: 10 * events})
			if err != nil {
				t.Fatal(err)
			}
			made := map[string]int{}
			for _, a := range attempts {
				made[a.EventID]++
			}
			for id, n := range made {
				if n != 1 {
					t.Errorf("after %d commits %s was delivered %d times", commits, id, n)
				}
			}
			if len(made) != events {
				t.Errorf("after %d commits %d of %d were delivered", commits, len(made), events)
			}
		})
	}
	if !midway {
		t.Error("no crash came in the middle of the job")
	}
}

// engineOn is an engine on another store with the rig's receiver.
func (r *rig) engineOn(store deliver.Store) *deliver.Engine {
	r.t.Helper()
	e := deliver.New(deliver.Options{
		Store: store, Dialects: []dialect.Dialect{native.New(dialect.Env{Version: "1"})}, Transport: r, Version: "1", Logger: slog.New(slog.DiscardHandler),
	})
	e.SetWebhooks(r.hooks)
	if _, err := e.Recover(context.Background()); err != nil {
		r.t.Fatal(err)
	}
	return e
}

// dyingStore takes so many commits and none after them: what a process leaves that
// was killed there.
type dyingStore struct {
	*memory.Store
	left int64
	used atomic.Int64
}

func (s *dyingStore) dead() bool { return s.used.Load() > s.left }

func (s *dyingStore) Submit(c *switchhook.Commit) {
	if s.used.Add(1) <= s.left {
		s.Store.Submit(c)
	} else if c.Done != nil {
		go c.Done(errors.New("killed"))
	}
}

// A single delivery by hand: what waits for its next try goes at once, what has ended
// is made again, and all else has its turn.
func TestRetryByHand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		p := r.replayer()
		defer p.Stop()
		retry := func(event, want string) {
			t.Helper()
			ds, _, err := r.store.Deliveries(context.Background(), switchhook.DeliveryFilter{EventID: event}, switchhook.Page{Limit: 1})
			if err != nil || len(ds) != 1 {
				t.Fatal(ds, err)
			}
			if err := p.Retry(context.Background(), ds[0]); fmt.Sprint(err) != want {
				t.Errorf("%s: %v, wanted %s", event, err, want)
			}
		}
		r.set(func(w *switchhook.Webhook) {
			w.Retry = switchhook.Retry{Schedule: []switchhook.Duration{switchhook.Duration(time.Hour)}}
		})
		r.set(func(w *switchhook.Webhook) { w.Hold = switchhook.Duration(30 * time.Minute) })
		r.answer = failing("a1", "b1")
		r.accept("call.created a a1", "call.hungup a a2", "call.created b b1")
		r.wantGotAnyOrder("0 a1 500", "0 b1 500")

		retry("a2", "the delivery waits behind an earlier one of its key; that one goes first")
		r.wantGot()
		retry("a1", "<nil>") // and fails for good
		r.wantGotAnyOrder("0 a1 500", "0 a2 200")
		r.wantStates("a1 failed 2", "a2 delivered 1", "b1 pending 1")
		retry("a1", "<nil>") // it begins anew, and fails
		r.wantGot("0 a1 500")
		r.wantStates("a1 pending 3", "a2 delivered 1", "b1 pending 1")
		r.answer = nil
		retry("a2", "<nil>")
		r.wantGot()
		retry("a1", "<nil>")
		r.wantGot("0 a1 200", "0 a2 200")
		r.pause(true)
		retry("b1", "the webhook is paused; resume it first")
		r.pause(false)
		retry("b1", "<nil>")
		r.wantGot("0 b1 200")
		r.enable(false)
		retry("b1", "the webhook was disabled; enable it first")
	})
}
