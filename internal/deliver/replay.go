package deliver

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
)

const (
	// replayPage is how many events a replay looks at together at most, and replayBytes
	// about how large they are together: one may be of a megabyte.
	replayPage, replayBytes = 500, 4 << 20
	firstPage               = 50 // until it is known how large they are
	// replayAhead is how many deliveries may wait for a webhook before its replays
	// wait too. It keeps a fast receiver busy while the next are made.
	replayAhead = 5_000
	// replayLook is how often a replay that waits looks whether it may go on, and the
	// shortest pause between two of its steps.
	replayLook = 50 * time.Millisecond
	// replayKept is how old the progress that is on the disk may become.
	replayKept = time.Second
)

// ReplayStore is what replays need of persistence.
type ReplayStore interface {
	Submit(*switchhook.Commit)
	Jobs(ctx context.Context) ([]*switchhook.Job, error)
	Events(ctx context.Context, f switchhook.EventFilter, p switchhook.Page) (events []*switchhook.Event, next string, err error)
	States(ctx context.Context, webhookID string, sequences []int64) (map[int64]switchhook.DeliveryState, error)
}

// ReplayOptions configures a Replayer. All are required.
type ReplayOptions struct {
	Store  ReplayStore
	Engine *Engine
	// Wants says whether a webhook, as it is now, wants an event of the past.
	Wants func(webhookID string, ev *switchhook.Event) bool
	// Accounts are those whose events a webhook gets; nil: of all. CodeNotFound:
	// there is no such webhook.
	Accounts func(ctx context.Context, webhookID string) ([]string, error)
	Logger   *slog.Logger
}

// Replayer makes deliveries of the past again: many as a job, or one by hand. What
// it makes waits in the engine as everything else does. It is safe for concurrent use.
type Replayer struct {
	o      ReplayOptions
	ctx    context.Context //nolint:containedctx // the life of all jobs; Stop cancels it
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	stopped bool
	running map[string]*replay // by the job's id

	// One at a time looks at what a webhook's deliveries are and makes them again,
	// so that nothing is made twice.
	turns sync.Map // webhook id → chan struct{}
}

// replay is a job under way.
type replay struct {
	job    *switchhook.Job
	cancel context.CancelCauseFunc
	done   chan struct{}
	kept   time.Time // when progress was committed last
	next   time.Time // not before, by the job's rate
}

var errCancelled = errors.New("the job was cancelled")

// NewReplayer returns a Replayer without jobs.
func NewReplayer(o ReplayOptions) *Replayer {
	ctx, cancel := context.WithCancel(context.Background())
	return &Replayer{o: o, ctx: ctx, cancel: cancel, running: map[string]*replay{}}
}

// Resume goes on with the jobs that an earlier process left running. It is called
// once, after the engine's Recover.
func (r *Replayer) Resume(ctx context.Context) error {
	jobs, err := r.o.Store.Jobs(ctx)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		if j.State == switchhook.JobRunning {
			r.start(j) //nolint:contextcheck // a job outlives the start
		}
	}
	return nil
}

// Stop leaves all jobs where they are, for the next process.
func (r *Replayer) Stop() {
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	r.cancel()
	r.wg.Wait()
}

// Begin starts a job. It fills in where it begins and ends; without Since it begins
// with the oldest event that is kept. When it returns without an error the job is
// durable. CodeNotFound: there is no such webhook; CodeUnavailable: the store takes
// no commits.
func (r *Replayer) Begin(ctx context.Context, j *switchhook.Job) error {
	if err := r.scope(ctx, j); err != nil {
		return err
	}
	j.State = switchhook.JobRunning
	kept := *j
	done := make(chan error, 1)
	r.o.Store.Submit(&switchhook.Commit{Jobs: []*switchhook.Job{&kept}, Done: func(err error) { //nolint:contextcheck // a job outlives the request
		if err == nil {
			r.start(&kept)
		}
		done <- err
	}})
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		return unavailable(err)
	}
	return nil
}

// scope fills in where a job begins and ends.
func (r *Replayer) scope(ctx context.Context, j *switchhook.Job) error {
	accounts, err := r.o.Accounts(ctx, j.WebhookID)
	if err != nil {
		return err
	}
	// Not by type: that is found out event by event, and may take long.
	f := switchhook.EventFilter{Accounts: accounts, CallID: j.CallID, Since: j.Since, Until: j.Until}
	newest, _, err := r.o.Store.Events(ctx, f, switchhook.Page{Limit: 1})
	if err != nil {
		return err
	}
	f.After = -1
	oldest, _, err := r.o.Store.Events(ctx, f, switchhook.Page{Limit: 1})
	if err != nil {
		return err
	}
	if len(newest) > 0 && len(oldest) > 0 {
		first := oldest[0]
		j.Cursor, j.Last = first.Sequence-1, newest[0].Sequence
		j.Total = j.Last - j.Cursor
		if j.Since.IsZero() {
			j.Since = first.AcceptedAt
		}
	} else if j.Since.IsZero() {
		j.Since = j.Until
	}
	return nil
}

func unavailable(cause error) error {
	return switchhook.Errorf(switchhook.CodeUnavailable, "the store cannot take this now; try again").With(cause)
}

// Count finds out how many deliveries a job would make, and changes nothing: until ctx
// ends; then more is true, and there are as many at least. It fills in what Begin does,
// Looked and Made.
func (r *Replayer) Count(ctx context.Context, j *switchhook.Job) (more bool, err error) {
	if err := r.scope(ctx, j); err != nil {
		return false, err
	}
	err = r.each(ctx, j, func(events []*switchhook.Event) error {
		picked, err := r.pick(ctx, j, events)
		if err != nil {
			return err
		}
		j.Made += int64(len(picked))
		j.Cursor = events[len(events)-1].Sequence
		j.Looked = j.Total - (j.Last - j.Cursor)
		return nil
	})
	if err != nil && ctx.Err() != nil {
		return true, nil
	}
	if err == nil {
		j.Looked = j.Total
	}
	return false, err
}

// Cancel ends a job that is running, and waits until that is durable. What it has
// made stays.
func (r *Replayer) Cancel(ctx context.Context, id string) error {
	r.mu.Lock()
	run := r.running[id]
	r.mu.Unlock()
	if run == nil {
		return nil
	}
	run.cancel(errCancelled)
	select {
	case <-run.done:
		return nil
	case <-ctx.Done():
		return unavailable(context.Cause(ctx))
	}
}

func (r *Replayer) start(j *switchhook.Job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return
	}
	job := *j // what was handed to the store is not to be changed
	ctx, cancel := context.WithCancelCause(r.ctx)
	run := &replay{job: &job, cancel: cancel, done: make(chan struct{})}
	r.running[j.ID] = run
	r.wg.Go(func() {
		defer cancel(nil)
		r.run(ctx, run)
		r.mu.Lock()
		delete(r.running, job.ID)
		r.mu.Unlock()
		close(run.done)
	})
}

// run goes through a job to its end, or until the process stops.
func (r *Replayer) run(ctx context.Context, run *replay) {
	for {
		err := r.walk(ctx, run)
		code := switchhook.ErrorCode(err)
		switch {
		case err == nil:
			run.job.Looked, run.job.Cursor = run.job.Total, run.job.Last
			r.end(run, switchhook.JobDone, "")
			return
		case errors.Is(context.Cause(ctx), errCancelled):
			r.end(run, switchhook.JobCancelled, "")
			return
		case ctx.Err() != nil:
			return
		case code == switchhook.CodeNotFound:
			r.end(run, switchhook.JobFailed, deleted)
			return
		case code == switchhook.CodeConflict:
			r.end(run, switchhook.JobFailed, err.Error())
			return
		}
		r.o.Logger.Error("a replay could not go on; it is tried again", "job", run.job.ID, "error", err)
		_ = sleep(ctx, retryCommit) // walk says the same
	}
}

// end commits how a job ended.
func (r *Replayer) end(run *replay, state switchhook.JobState, why string) {
	j := *run.job
	j.State, j.Error = state, why
	j.EndedAt = time.Now().UTC().Truncate(time.Microsecond)
	j.UpdatedAt = j.EndedAt
	if err := r.durable(r.ctx, &switchhook.Commit{Jobs: []*switchhook.Job{&j}}, func() {}); err != nil {
		return // the process stops, and the next one ends it again
	}
	r.o.Logger.Info("replay ended", "job", j.ID, "webhook", j.WebhookID, "state", state, "looked", j.Looked, "made", j.Made, "error", why)
}

// walk looks at the events of a job's range, the oldest first, and makes those
// deliveries again that it is about.
func (r *Replayer) walk(ctx context.Context, run *replay) error {
	j := *run.job
	return r.each(ctx, &j, func(events []*switchhook.Event) error {
		for len(events) > 0 {
			n := min(len(events), run.atOnce())
			if err := r.step(ctx, run, events[:n]); err != nil {
				return err
			}
			events = events[n:]
		}
		return nil
	})
}

// each calls fn with the events of what is left of a job's range, some at a time, the
// oldest first.
func (r *Replayer) each(ctx context.Context, j *switchhook.Job, fn func([]*switchhook.Event) error) error {
	if j.Cursor >= j.Last {
		return nil
	}
	accounts, err := r.o.Accounts(ctx, j.WebhookID)
	if err != nil {
		return err
	}
	f := switchhook.EventFilter{Accounts: accounts, Types: j.Types, CallID: j.CallID, Since: j.Since, Until: j.Until}
	for page, cursor := firstPage, j.Cursor; ; {
		events, err := r.after(ctx, f, cursor, page)
		if err != nil {
			return err
		}
		more, bytes := len(events) == page, 1
		for _, ev := range events {
			bytes += len(ev.Data)
		}
		page = min(max(replayBytes*len(events)/bytes, 1), replayPage)
		if i := slices.IndexFunc(events, func(ev *switchhook.Event) bool { return ev.Sequence > j.Last }); i >= 0 {
			events, more = events[:i], false // what was accepted while the job began is none of the past
		}
		if len(events) > 0 {
			cursor = events[len(events)-1].Sequence
			if err := fn(events); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
	}
}

// after lists events beyond a sequence, the oldest first.
func (r *Replayer) after(ctx context.Context, f switchhook.EventFilter, sequence int64, limit int) ([]*switchhook.Event, error) {
	if f.After = sequence; sequence == 0 {
		f.After = -1
	}
	events, _, err := r.o.Store.Events(ctx, f, switchhook.Page{Limit: limit})
	return events, err
}

// atOnce is how many events are looked at in one step, so that what a job with a
// rate makes is spread evenly.
func (run *replay) atOnce() int {
	if run.job.Rate <= 0 {
		return replayPage
	}
	return int(min(max(run.job.Rate*replayLook.Seconds(), 1), replayPage))
}

// step makes those of some events' deliveries again that the job is about, and
// commits that together with how far the job has come.
func (r *Replayer) step(ctx context.Context, run *replay, events []*switchhook.Event) error {
	if err := run.wait(ctx, r.o.Engine); err != nil {
		return err
	}
	release, err := r.turn(ctx, run.job.WebhookID)
	if err != nil {
		return err
	}
	picked, err := r.pick(ctx, run.job, events)
	if err != nil {
		release()
		return err
	}
	now, j := time.Now(), *run.job
	j.Cursor = events[len(events)-1].Sequence
	j.Looked = j.Total - (j.Last - j.Cursor)
	if len(picked) == 0 && now.Sub(run.kept) < replayKept {
		run.job = &j
		release()
		return nil
	}
	j.UpdatedAt = now.UTC().Truncate(time.Microsecond)
	made, err := r.o.Engine.Again(j.WebhookID, picked, &j)
	if err != nil {
		release()
		return err
	}
	next := j // j is the store's now
	run.job, run.kept = &next, now
	if j.Rate > 0 {
		run.next = now.Add(time.Duration(float64(made) / j.Rate * float64(time.Second)))
	}
	return r.durable(ctx, &switchhook.Commit{}, release)
}

// wait waits for the job's rate, and for the webhook to take what it has.
func (run *replay) wait(ctx context.Context, e *Engine) error {
	if err := sleep(ctx, time.Until(run.next)); err != nil {
		return err
	}
	for e.waiting(run.job.WebhookID) >= replayAhead {
		if err := sleep(ctx, replayLook); err != nil {
			return err
		}
	}
	return nil
}

// pick returns those of the events that the job is to deliver again.
func (r *Replayer) pick(ctx context.Context, j *switchhook.Job, events []*switchhook.Event) (picked []*switchhook.Event, err error) {
	sequences := make([]int64, len(events))
	for i, ev := range events {
		sequences[i] = ev.Sequence
	}
	states, err := r.o.Store.States(ctx, j.WebhookID, sequences)
	if err != nil {
		return nil, err
	}
	for _, ev := range events {
		var wanted bool
		switch states[ev.Sequence] {
		case switchhook.Pending: // it is open, and not made twice
		case switchhook.Failed, switchhook.Expired:
			wanted = j.Which == switchhook.WhichFailed || j.Which == switchhook.WhichAll
		case switchhook.Delivered:
			wanted = j.Which == switchhook.WhichAll
		case switchhook.Cancelled, "": // "": it was never made
			wanted = j.Which == switchhook.WhichMissing || j.Which == switchhook.WhichAll
		}
		if wanted && (j.Which == switchhook.WhichFailed || r.o.Wants(j.WebhookID, ev)) {
			picked = append(picked, ev)
		}
	}
	return picked, nil
}

// Retry lets an open delivery that waits for its next try go at once, and makes one
// that has ended again. When it returns, that is durable. CodeConflict: it has its
// turn like all, or its webhook sends nothing; CodeNotFound: its event or webhook is
// gone.
func (r *Replayer) Retry(ctx context.Context, d *switchhook.Delivery) error {
	release, err := r.turn(ctx, d.WebhookID)
	if err != nil {
		return err
	}
	made, err := r.retry(ctx, d)
	if err != nil || !made {
		release()
		return err
	}
	return r.durable(ctx, &switchhook.Commit{}, release)
}

func (r *Replayer) retry(ctx context.Context, d *switchhook.Delivery) (made bool, err error) {
	states, err := r.o.Store.States(ctx, d.WebhookID, []int64{d.Sequence})
	if err != nil {
		return false, err
	}
	if states[d.Sequence] == switchhook.Pending {
		return false, r.o.Engine.hasten(ctx, d.WebhookID, d.Sequence)
	}
	events, err := r.after(ctx, switchhook.EventFilter{Accounts: []string{d.AccountID}}, d.Sequence-1, 1)
	if err != nil {
		return false, err
	}
	if len(events) == 0 || events[0].Sequence != d.Sequence {
		return false, switchhook.Errorf(switchhook.CodeNotFound, "the event %q is no longer kept", d.EventID)
	}
	_, err = r.o.Engine.Again(d.WebhookID, events, nil)
	return err == nil, err
}

// turn waits until nobody else makes deliveries of a webhook again. It is released
// when what was made is durable: before that, the store shows what was.
func (r *Replayer) turn(ctx context.Context, webhookID string) (release func(), err error) {
	v, _ := r.turns.LoadOrStore(webhookID, make(chan struct{}, 1))
	turn, _ := v.(chan struct{})
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, unavailable(context.Cause(ctx))
	}
}

// durable hands a commit over and waits until it and all that the engine handed over
// before are durable. then is called at that time, even if ctx has ended before.
func (r *Replayer) durable(ctx context.Context, c *switchhook.Commit, then func()) error {
	done := make(chan struct{})
	r.o.Engine.submit(c, nil, func() {
		then()
		close(done)
	})
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return unavailable(context.Cause(ctx))
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// waiting is how many deliveries a webhook has still to take, in memory and as rows.
// Those that go their own way, hours later perhaps, are not among them.
func (e *Engine) waiting(webhookID string) int {
	q := e.queue(webhookID)
	if q == nil {
		return 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.m.items - q.m.strays + q.m.away.n
}

// hasten lets an open delivery go at once, or says why it does not.
func (e *Engine) hasten(ctx context.Context, webhookID string, sequence int64) (err error) {
	q := e.queue(webhookID)
	if q == nil {
		return switchhook.Errorf(switchhook.CodeNotFound, "there is no webhook %q", webhookID)
	}
	if err := q.summon(ctx, sequence); err != nil {
		return err
	}
	q.do(func(m *machine, _ time.Time) {
		switch d := m.rows[sequence]; {
		case m.gate.state == paused:
			err = switchhook.Errorf(switchhook.CodeConflict, "the webhook is paused; resume it first")
		case d == nil:
			err = switchhook.Errorf(switchhook.CodeConflict, "the delivery is under way or waits in the webhook's backlog; it has its turn like all")
		case d.phase == waiting && d.lane.line[0] != d:
			err = switchhook.Errorf(switchhook.CodeConflict, "the delivery waits behind an earlier one of its key; that one goes first")
		case d.phase == held, d.phase == stray:
			m.hasten(d)
		} // else it is under way, or next
	})
	return err
}

// mostSummoned is how many rows are looked through for the one that is wanted.
const mostSummoned = 20_000

// summon fetches a stray that is only a row, hours before its time perhaps.
func (q *queue) summon(ctx context.Context, sequence int64) error {
	q.mu.Lock()
	wanted := q.m.rows[sequence] == nil && q.m.away.strays > 0 && !q.m.away.fetchingStrays
	q.m.away.fetchingStrays = q.m.away.fetchingStrays || wanted
	q.mu.Unlock()
	if !wanted {
		return nil
	}
	rows, err := q.e.o.Store.Strays(ctx, q.id, q.e.o.Now().AddDate(100, 0, 0), mostSummoned)
	q.do(func(m *machine, now time.Time) {
		for _, o := range rows {
			if o.Due.Sequence == sequence && o.Event != nil && m.rows[sequence] == nil && m.away.left[sequence] == 0 {
				m.away.strays--
				m.enter(fetchedDelivery(o), now)
			}
		}
		m.fetchFailed(false, true) // the rest stays where it is
	})
	return err
}
