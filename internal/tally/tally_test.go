package tally_test

import (
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store/memory"
	"github.com/switchhook/switchhook/internal/tally"
)

func start() time.Time { return time.Date(2026, 1, 31, 11, 59, 57, 0, time.UTC) }

// A bench is a tally with a clock that is set by hand.
type bench struct {
	*tally.Tally
	t     testing.TB
	store *memory.Store
	mu    sync.Mutex
	now   time.Time
}

func newBench(t testing.TB) *bench {
	b := &bench{t: t, store: memory.New(), now: start()}
	b.reopen()
	return b
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

// pass lets time pass as Run would: it is gathered every ten seconds.
func (b *bench) pass(d time.Duration) {
	b.t.Helper()
	for end := b.clock().Add(d); ; {
		next := b.clock().Truncate(10 * time.Second).Add(10 * time.Second)
		b.mu.Lock()
		b.now = next
		if next.After(end) {
			b.now = end
		}
		b.mu.Unlock()
		tally.Gather(b.Tally)
		if next.After(end) {
			return
		}
	}
}

func (b *bench) reopen() {
	b.t.Helper()
	t, err := tally.Open(b.t.Context(), tally.Options{Store: b.store, Now: b.clock, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.t.Fatal(err)
	}
	b.Tally = t
}

func (b *bench) save() {
	b.t.Helper()
	if err := b.Save(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) accept(account, eventType string, n int) {
	var events []*switchhook.Event
	for range n {
		events = append(events, &switchhook.Event{AccountID: account, Type: eventType, AcceptedAt: b.clock()})
	}
	b.Accepted(events)
}

// attempt counts one that ended now and began before; its event was accepted 3 s ago.
func (b *bench) attempt(webhook, account string, o switchhook.Outcome, state switchhook.DeliveryState, took time.Duration) {
	b.Score(webhook).Count(&switchhook.Attempt{
		AccountID: account, WebhookID: webhook, Number: 1, Outcome: o, State: state,
		StartedAt: b.clock().Add(-took), DurationMS: float64(took) / float64(time.Millisecond),
	}, b.clock().Add(-3*time.Second))
}

func windowOf(t testing.TB, name string) switchhook.Window {
	for _, w := range switchhook.Windows() {
		if w.Name == name {
			return w
		}
	}
	t.Fatalf("there is no window %s", name)
	return switchhook.Window{}
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestWindows(t *testing.T) {
	t.Parallel()
	var before time.Duration
	for _, w := range switchhook.Windows() {
		length, err := switchhook.ParseDuration(w.Name)
		if err != nil || length != w.Step*time.Duration(w.Points) || w.Points%w.Coarse != 0 || w.Points > 120 {
			t.Errorf("%+v is not whole (%v)", w, err)
		}
		if before > 0 && w.Step%before != 0 || (24*time.Hour)%w.Step != 0 {
			t.Errorf("the steps before, or the day, do not fit into %v", w.Step)
		}
		before = w.Step
	}
}

func TestWhatHappened(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.accept("acme", "call.created", 2)
	b.accept("acme", "message.received", 1)
	b.accept("other", "call.hungup", 5)
	b.attempt("wh_1", "acme", switchhook.Failure, switchhook.Pending, 40*time.Millisecond)
	b.attempt("wh_2", "other", switchhook.Success, switchhook.Delivered, 10*time.Millisecond)
	b.pass(5 * time.Second)
	b.attempt("wh_1", "acme", switchhook.Success, switchhook.Delivered, 20*time.Millisecond)
	b.Score("wh_1").Count(&switchhook.Attempt{AccountID: "acme", Outcome: switchhook.Failure, State: switchhook.Expired, StartedAt: b.clock()}, start())
	b.Score("wh_1").Count(&switchhook.Attempt{
		AccountID: "acme", Number: 1, Replay: true, Outcome: switchhook.Success, State: switchhook.Delivered, StartedAt: b.clock(), DurationMS: 20,
	}, start().AddDate(0, -1, 0))
	b.pass(time.Second)

	for _, w := range switchhook.Windows() {
		acme := b.Accounts([]string{"acme", "none"}, w)
		equal(t, w.Name+": points", len(acme.Points), w.Points)
		equal(t, w.Name+": step", acme.Step, w.Step)
		equal(t, w.Name+": it ends now", acme.From.Add(time.Duration(w.Points)*w.Step), b.clock().Truncate(w.Step).Add(w.Step))
		equal(t, w.Name+": events", acme.Total.Events, map[string]int64{"call": 2, "message": 1})
		equal(t, w.Name+": attempts", []int64{acme.Total.Success, acme.Total.Failure}, []int64{2, 1})
		equal(t, w.Name+": ends", []int64{acme.Total.Delivered, acme.Total.Expired, acme.Total.Failed, acme.Total.Cancelled}, []int64{2, 1, 0, 0})
		equal(t, w.Name+": answers", acme.Total.Answer.N, 3)
		equal(t, w.Name+": deliveries but those of replays", acme.Total.Delivery.N, 1)
		last := acme.Points[w.Points-1]
		equal(t, w.Name+": of the step that has begun", []int64{last.Success, last.Failure}, []int64{2, 0})
		equal(t, w.Name+": of the step before", acme.Points[w.Points-2].Failure, 1)

		all := b.Accounts(nil, w)
		equal(t, w.Name+": all events", all.Total.Events, map[string]int64{"call": 7, "message": 1})
		equal(t, w.Name+": all attempts", []int64{all.Total.Success, all.Total.Failure}, []int64{3, 1})
		both := b.Accounts([]string{"other", "acme"}, w)
		equal(t, w.Name+": the sum of both", both.Total, all.Total)

		hook := b.Webhook("wh_1", w, true)
		equal(t, w.Name+": coarse points", len(hook.Points), w.Points/w.Coarse)
		equal(t, w.Name+": a webhook's", []any{hook.Total.Success, hook.Total.Failure, hook.Total.Delivered, hook.Total.Events}, []any{2, 1, 2, map[string]int64{}})
	}
	near := func(what string, got, want time.Duration) {
		t.Helper()
		if off := (got - want).Abs(); off > want/8 {
			t.Errorf("%s: %v, want about %v", what, got, want)
		}
	}
	near("half of the answers", b.Webhook("wh_1", windowOf(t, "15m"), false).Total.Answer.P50, 20*time.Millisecond)
	near("nearly all", b.Webhook("wh_1", windowOf(t, "15m"), false).Total.Answer.P99, 40*time.Millisecond)
	near("from acceptance on", b.Webhook("wh_1", windowOf(t, "15m"), false).Total.Delivery.P50, 3*time.Second)
}

func TestRates(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for second := range 15 {
		b.accept("acme", "call.created", 20)
		b.accept("other", "call.created", second)
		b.attempt("wh_1", "acme", switchhook.Success, switchhook.Delivered, 0)
		b.pass(time.Second)
	}
	events, deliveries := b.Rates([]string{"acme"})
	equal(t, "acme's", []float64{events, deliveries}, []float64{20, 1})
	events, deliveries = b.Rates(nil)
	equal(t, "all", []float64{events, deliveries}, []float64{29.5, 1}) // the mean of 5 to 14
	equal(t, "the webhook's", b.WebhookRate("wh_1"), 1.0)
	equal(t, "nobody's", b.WebhookRate("wh_2"), 0.0)
	b.pass(5 * time.Second)
	equal(t, "half of the time nothing", b.WebhookRate("wh_1"), 0.5)
	b.pass(time.Minute)
	equal(t, "nothing any more", b.WebhookRate("wh_1"), 0.0)
	b.attempt("wh_1", "acme", switchhook.Success, switchhook.Delivered, 0)
	equal(t, "this second is not over", b.WebhookRate("wh_1"), 0.0)
	b.pass(time.Second)
	equal(t, "one in ten seconds", b.WebhookRate("wh_1"), 0.1)
}

// Whatever happens, and however often it is saved, stopped and killed: each window has what
// was counted in its time, each step its own.
func TestEverythingIsCountedOnce(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		b, r := newBench(t), rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // no secret
		counted, unsaved := map[time.Time]int64{}, map[time.Time]int64{}
		for range 300 {
			switch r.IntN(6) {
			case 0:
				b.save()
				clear(unsaved)
			case 1: // it is killed
				for at, n := range unsaved {
					counted[at] -= n
				}
				clear(unsaved)
				b.reopen()
			case 2:
				b.pass(time.Duration(r.Int64N(int64(8 * time.Hour))))
			default:
				b.pass(time.Duration(r.Int64N(int64(15 * time.Second))))
				n := 1 + r.IntN(5)
				b.accept(fmt.Sprint("acc", r.IntN(3)), "call.created", n)
				at := b.clock().Truncate(10 * time.Second)
				tally.Gather(b.Tally)
				counted[at] += int64(n)
				unsaved[at] += int64(n)
			}
		}
		for _, w := range switchhook.Windows() {
			for _, of := range [][]string{nil, {"acc0", "acc1", "acc2"}} {
				c := b.Accounts(of, w)
				want := make([]int64, w.Points)
				for at, n := range counted {
					if i := int(at.Sub(c.From) / w.Step); !at.Before(c.From) && i < w.Points {
						want[i] += n
					}
				}
				got := make([]int64, w.Points)
				for i, p := range c.Points {
					got[i] = p.Events["call"]
				}
				if !slices.Equal(got, want) {
					t.Fatalf("seed %d, %s of %v:\n%v, want\n%v", seed, w.Name, of, got, want)
				}
			}
		}
	}
}

// What is kept is bounded in time and size, in memory and in the store.
func TestBounds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const many = 14_000
	for i := range many {
		b.accept(fmt.Sprintf("account-%05d", i), "call.created", 1+i%100)
	}
	b.pass(20 * time.Second)
	b.accept("late", "call.created", 1)
	b.pass(20 * time.Second)
	b.save()
	sizes, rows := map[time.Duration]int{}, 0
	kept := func() {
		clear(sizes)
		rows = 0
		err := b.store.Counts(t.Context(), func(c switchhook.StoredCounts) error {
			sizes[c.Step] = max(sizes[c.Step], len(c.Body))
			rows++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	kept()
	if n := sizes[10*time.Second]; n > 1<<20 || n < 128<<10 {
		t.Errorf("a frame of %d accounts has %d bytes", many, n)
	}
	w := windowOf(t, "15m")
	equal(t, "all are counted", b.Accounts(nil, w).Total.Events["call"], many/100*5050+1)
	equal(t, "one with much is there", b.Accounts([]string{"account-00099"}, w).Total.Events["call"], 100)
	equal(t, "one with little is not", b.Accounts([]string{"account-00100"}, w).Total.Events["call"], 0)
	equal(t, "but in what is not over", b.Accounts([]string{"account-00100"}, windowOf(t, "1h")).Total.Events["call"], 1)

	for range 150 {
		b.pass(6 * time.Hour)
		b.accept("acme", "call.created", 1)
	}
	b.save()
	kept()
	if want := 90 + 60 + 72 + 96 + 84 + 120 + 6; rows > want || len(sizes) != 6 {
		t.Errorf("%d frames are kept, want %d at most: %v", rows, want, slices.Sorted(maps.Keys(sizes)))
	}
	equal(t, "a month", b.Accounts(nil, windowOf(t, "30d")).Total.Events["call"], 120)
}

// What somebody else has put there, or another version, is passed over.
func TestDamage(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.accept("acme", "call.created", 3)
	b.pass(15 * time.Second)
	b.save()
	var good switchhook.StoredCounts
	err := b.store.Counts(t.Context(), func(c switchhook.StoredCounts) error {
		good = c
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(good.Body); n += 1 + n/16 {
		for _, body := range [][]byte{good.Body[:n], append(slices.Clone(good.Body[:n]), 0xff), append(append(slices.Clone(good.Body[:n]), 0xff), good.Body[n+1:]...)} {
			if len(body) == 0 {
				continue
			}
			good := good
			good.Body = body
			if err := b.store.PutCounts(t.Context(), []switchhook.StoredCounts{good, {Step: time.Hour, At: start(), Body: []byte{1}}}); err != nil {
				t.Fatal(err)
			}
			b.reopen()
			b.Accounts(nil, windowOf(t, "30d"))
		}
	}
}

// The clock is put back by hours, and forth again.
func TestClockGoesBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	set := func(d time.Duration) {
		b.mu.Lock()
		b.now = b.now.Add(d)
		b.mu.Unlock()
		tally.Gather(b.Tally)
	}
	b.accept("acme", "call.created", 1)
	b.pass(5 * time.Second)
	set(48 * time.Hour)
	b.accept("acme", "call.created", 1)
	b.pass(5 * time.Second)
	set(-48 * time.Hour)
	for range 3 {
		b.accept("acme", "call.created", 1)
		b.pass(time.Minute)
	}
	if n := b.Accounts(nil, windowOf(t, "15m")).Total.Events["call"]; n < 3 {
		t.Errorf("%d are seen after the clock was put right, want 3 at least", n)
	}
}

// Run saves by itself, once a minute.
func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		open := func() *tally.Tally {
			tl, err := tally.Open(t.Context(), tally.Options{Store: s, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			return tl
		}
		tl := open()
		done := make(chan struct{})
		go func() {
			defer close(done)
			tl.Run(t.Context())
		}()
		tl.Accepted([]*switchhook.Event{{AccountID: "acme", Type: "call.created", AcceptedAt: time.Now()}})
		time.Sleep(70 * time.Second)
		synctest.Wait()
		equal(t, "after a crash", open().Accounts(nil, windowOf(t, "1h")).Total.Events["call"], 1)
	})
}

func BenchmarkCount(b *testing.B) {
	for _, c := range []struct {
		name     string
		accounts int
	}{{"one account", 1}, {"many accounts", 64}} {
		b.Run(c.name, func(b *testing.B) {
			tl := newBench(b)
			var n int64
			var mu sync.Mutex
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				mu.Lock()
				n++
				id := fmt.Sprint("wh_", n)
				account := fmt.Sprint("acc_", n%int64(c.accounts))
				mu.Unlock()
				score, at := tl.Score(id), start()
				a := &switchhook.Attempt{AccountID: account, Number: 1, Outcome: switchhook.Success, State: switchhook.Delivered, StartedAt: at, DurationMS: 1.5}
				for pb.Next() {
					score.Count(a, at)
				}
			})
		})
	}
}

func BenchmarkAccepted(b *testing.B) {
	tl := newBench(b)
	events := []*switchhook.Event{{AccountID: "acme", Type: "call.created", AcceptedAt: start()}}
	b.ReportAllocs()
	for b.Loop() {
		tl.Accepted(events)
	}
}

// BenchmarkGather is what ten seconds of 10,000 busy accounts and as many webhooks cost.
func BenchmarkGather(b *testing.B) {
	tl := newBench(b)
	for b.Loop() {
		b.StopTimer()
		for i := range 10_000 {
			account := fmt.Sprint("acc_", i)
			tl.accept(account, "call.created", 1)
			tl.attempt(fmt.Sprint("wh_", i), account, switchhook.Success, switchhook.Delivered, time.Millisecond)
		}
		b.StartTimer()
		tl.pass(10 * time.Second)
	}
}

func BenchmarkAccounts(b *testing.B) {
	tl := newBench(b)
	for range 100 {
		for i := range 100 {
			tl.accept(fmt.Sprint("acc_", i), "call.created", 1)
			tl.attempt(fmt.Sprint("wh_", i), fmt.Sprint("acc_", i), switchhook.Success, switchhook.Delivered, time.Millisecond)
		}
		tl.pass(10 * time.Second)
	}
	w := windowOf(b, "15m")
	b.ReportAllocs()
	for b.Loop() {
		tl.Accounts([]string{"acc_7"}, w)
	}
}
