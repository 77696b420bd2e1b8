package deliver_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
)

func TestDeliversInOrderPerKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		r.accept("call.created a a1", "call.answered a a2", "call.hungup a a3")
		r.wantGot("0 a1 200", "0 a2 200", "0 a3 200")
		r.wantStates("a1 delivered 1", "a2 delivered 1", "a3 delivered 1")
	})
}

// A day and more of retries: the whole standard schedule, then failed. Each
// retry lies within 20 % of its pause.
func TestStandardSchedule(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		r.answer = func(string, int) (int, error) { return 500, nil }
		r.accept("call.hungup a a1")
		time.Sleep(100 * time.Hour)
		got := r.received()
		pauses := []time.Duration{
			5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
			2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour,
		}
		if len(got) != len(pauses)+1 {
			t.Fatalf("%d attempts: %v", len(got), got)
		}
		last, jittered := 0, false
		for i, line := range got[1:] {
			var at int
			if _, err := fmt.Sscanf(line, "%d", &at); err != nil {
				t.Fatal(err)
			}
			pause, want := float64(at-last), pauses[i].Seconds()
			if pause < want*0.8-1 || pause > want*1.2+1 {
				t.Errorf("retry %d came after %v s, wanted %v ± 20 %%", i+1, pause, want)
			}
			jittered = jittered || pause != want
			last = at
		}
		if !jittered {
			t.Error("no pause had any jitter")
		}
		r.wantStates("a1 failed 11")
	})
}

func TestAFailingDeliveryHoldsItsKeyOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		r.set(func(w *switchhook.Webhook) {
			w.Retry = switchhook.Retry{Schedule: []switchhook.Duration{switchhook.Duration(10 * time.Second), switchhook.Duration(time.Minute)}}
		})
		r.answer = func(event string, try int) (int, error) {
			if event == "a1" && try < 2 {
				return 503, nil
			}
			return 200, nil
		}
		r.accept("call.created a a1", "call.answered a a2", "call.created b b1")
		time.Sleep(time.Second)
		r.accept("call.hungup a a3", "call.hungup b b2")
		r.wantGotAnyOrder("0 a1 503", "0 b1 200", "1 b2 200")
		r.wantStates("a1 pending 1", "a2 pending 0", "b1 delivered 1", "a3 pending 0", "b2 delivered 1")
		time.Sleep(12 * time.Second)
		if got := r.received(); len(got) != 3 || !strings.Contains(got[0], "a1 200") || !strings.Contains(got[1], "a2 200") || !strings.Contains(got[2], "a3 200") {
			t.Errorf("after the retry came %v, wanted a1, a2, a3", got)
		}
		r.wantStates("a1 delivered 2", "a2 delivered 1", "b1 delivered 1", "a3 delivered 1", "b2 delivered 1")
	})
}

// A webhook that gets the events of several accounts: the same key in another
// account is another key.
func TestKeysBelongToTheirAccount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		r.answer = failing("a1")
		r.accept("call.created a a1")
		r.change = func(ev *switchhook.Event) { ev.AccountID = "other" }
		r.accept("call.created a b1")
		r.wantGotAnyOrder("0 a1 500", "0 b1 200")
	})
}

func TestHoldEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		r.set(func(w *switchhook.Webhook) {
			w.Retry = switchhook.Retry{Schedule: []switchhook.Duration{switchhook.Duration(time.Hour)}}
		})
		r.answer = func(event string, try int) (int, error) {
			if event == "a1" && try == 1 {
				return 500, nil
			}
			return 200, nil
		}
		r.accept("call.created a a1", "call.answered a a2")
		time.Sleep(29 * time.Second)
		r.wantGot("0 a1 500")
		time.Sleep(2 * time.Second)
		r.wantGot("30 a2 200")
		r.accept("call.hungup a a3")
		r.wantGot("31 a3 200")
		time.Sleep(2 * time.Hour)
		r.wantStates("a1 delivered 2", "a2 delivered 1", "a3 delivered 1")
	})
}

func TestHoldOfNothingLetsTheNextPass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		r.set(func(w *switchhook.Webhook) { w.Hold = 0 })
		r.answer = failing("a1")
		r.accept("call.created a a1", "call.answered a a2")
		r.wantGot("0 a1 500", "0 a2 200")
	})
}

func TestUnorderedEventsDoNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := hook("wh_a")
		w.Ordering = "none"
		r := newRig(t, w)
		defer r.stop()
		r.answer = failing("a1")
		r.accept("call.created a a1", "call.answered a a2", "custom.x - c1")
		r.wantGotAnyOrder("0 a1 500", "0 a2 200", "0 c1 200")
	})
}

// A live event never holds its key, and is of no more use once a later event of
// the key has arrived, or after a minute.
func TestLiveEventsExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		r.answer = failing("a1", "b1")
		r.accept("call.ringing a a1", "call.answered a a2", "call.ringing b b1")
		r.wantGotAnyOrder("0 a1 500", "0 a2 200", "0 b1 500")
		time.Sleep(59 * time.Second)
		if got := r.received(); len(got) != 2 { // b1 after 5 s and 35 s; a1 is of no more use
			t.Errorf("%d more attempts: %v", len(got), got)
		}
		time.Sleep(2 * time.Second)
		r.wantStates("a1 expired 1", "a2 delivered 1", "b1 expired 3")
	})
}

// Another system's webhook is news even if the times in it are years old.
func TestARelayedEventIsAsOldAsItsArrival(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		r.change = func(ev *switchhook.Event) { ev.OccurredAt = ev.OccurredAt.AddDate(-4, 0, 0) }
		r.accept("call.ringing a a1")
		r.wantStates("a1 expired 0")
		r.change = func(ev *switchhook.Event) {
			ev.OccurredAt, ev.Relayed = ev.OccurredAt.AddDate(-4, 0, 0), true
		}
		r.accept("call.ringing b b1")
		r.wantGot("0 b1 200")
	})
}

// A dialect can be in more of a hurry than the catalogue: in PrimeVOX's a call's
// beginning is a screen pop.
func TestADialectCanBeInAHurry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := hook("wh_a")
		w.Dialect = "primevox"
		r := newRig(t, w)
		defer r.stop()
		r.answer = func(string, int) (int, error) { return 500, nil }
		r.accept("call.created a a1", "call.hungup b b1")
		time.Sleep(2 * time.Minute)
		r.wantStates("a1 expired 3", "b1 pending 3")
	})
}

func TestMaxAgeOverridesTheCatalogue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := hook("wh_a")
		w.MaxAge = switchhook.Duration(3 * time.Second)
		r := newRig(t, w)
		defer r.stop()
		r.answer = failing("a1")
		r.accept("call.hungup a a1")
		time.Sleep(4 * time.Second)
		r.wantStates("a1 expired 1")
	})
}

func TestRetryAfterIsHeeded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		r.answer = func(_ string, try int) (int, error) {
			if try == 1 {
				return 503, nil
			}
			return 204, nil
		}
		r.accept("call.hungup a later1")
		time.Sleep(8 * time.Second)
		r.wantGot("0 later1 503", "7 later1 204")
	})
}

func TestTransportErrorsAreRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		r.answer = func(_ string, try int) (int, error) {
			if try == 1 {
				return 0, errors.New("connection refused")
			}
			return 200, nil
		}
		r.accept("call.hungup a a1")
		time.Sleep(10 * time.Second)
		r.wantStates("a1 delivered 2")
	})
}

func TestPolicyNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := hook("wh_a")
		w.Retry = switchhook.Retry{Policy: "none"}
		r := newRig(t, w)
		defer r.stop()
		r.answer = failing("a1")
		r.accept("call.created a a1", "call.answered a a2")
		r.wantGot("0 a1 500", "0 a2 200")
		r.wantStates("a1 failed 1", "a2 delivered 1")
	})
}

// Kazoo's own policy: an answer is final, and only 200 is a good one; a broken
// connection is tried again after two seconds.
func TestPolicyKazoo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := hook("wh_a")
		w.Retry, w.Hold = switchhook.Retry{Policy: "kazoo", Tries: 3}, 0
		r := newRig(t, w)
		defer r.stop()
		r.answer = func(event string, try int) (int, error) {
			switch {
			case event == "a1":
				return 202, nil
			case event == "b1" && try < 3:
				return 0, errors.New("connection refused")
			default:
				return 200, nil
			}
		}
		r.accept("call.hungup a a1", "call.hungup b b1")
		time.Sleep(time.Minute)
		r.wantGotAnyOrder("0 a1 202", "0 b1 0", "2 b1 0", "4 b1 200")
		r.wantStates("a1 failed 1", "b1 delivered 3")
	})
}

// Six failed attempts within a minute turn a webhook off, as Kazoo does; five do
// not, however often.
func TestKazooTurnsOffWhatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := hook("wh_a")
		w.Retry = switchhook.Retry{Policy: "kazoo", Tries: 1}
		r := newRig(t, w)
		defer r.stop()
		r.answer = func(string, int) (int, error) { return 500, nil }
		for i := range 15 {
			r.accept(fmt.Sprintf("call.hungup k%d e%d", i, i))
			time.Sleep(13 * time.Second)
		}
		if len(r.turnedOff()) > 0 {
			t.Error("five failures a minute turned it off")
		}
		for i := range 2 {
			r.accept(fmt.Sprintf("call.hungup l%d f%d", i, i))
		}
		if off := r.turnedOff(); !slices.Equal(off, []string{"wh_a: too many failed attempts"}) {
			t.Errorf("turned off: %v", off)
		}
	})
}

// A webhook that was changed begins anew: failures of what it was do not count, nor
// do those that come in late.
func TestAChangedWebhookBeginsAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := hook("wh_a")
		w.Retry = switchhook.Retry{Policy: "kazoo", Tries: 1}
		w.Timeout = switchhook.Duration(10 * time.Second)
		r := newRig(t, w)
		defer r.stop()
		r.answer = func(string, int) (int, error) { return 500, nil }
		for i := range 5 {
			r.accept(fmt.Sprintf("call.hungup k%d e%d", i, i))
		}
		synctest.Wait()
		r.mu.Lock()
		r.hangs = "wh_a"
		r.mu.Unlock()
		for i := range 5 {
			r.accept(fmt.Sprintf("call.hungup l%d f%d", i, i))
		}
		synctest.Wait()
		r.mu.Lock()
		r.hangs = ""
		r.mu.Unlock()
		changed := *w
		changed.UpdatedAt = time.Now()
		r.engine.SetWebhooks([]*switchhook.Webhook{&changed})
		time.Sleep(11 * time.Second) // those that hang fail
		for i := range 5 {
			r.accept(fmt.Sprintf("call.hungup m%d g%d", i, i))
		}
		if off := r.turnedOff(); len(off) > 0 {
			t.Errorf("turned off: %v", off)
		}
		r.accept("call.hungup n h")
		if off := r.turnedOff(); len(off) != 1 {
			t.Errorf("turned off: %v", off)
		}
	})
}

// What a dialect cannot make of an event fails that delivery, not the process.
func TestADialectThatPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		r.change = func(ev *switchhook.Event) { ev.Data = []byte(strings.Repeat("x", 5<<20)) }
		r.accept("call.hungup a long")
		r.change = nil
		w := hook("wh_p")
		w.Dialect = "panics"
		r.hooks = append(r.hooks, w)
		r.engine.SetWebhooks(r.hooks)
		r.accept("call.hungup b b1")
		r.wantStates("long failed 1", "b1 failed 1", "b1 delivered 1")
	})
}

func TestGoneDisables(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		r.answer = func(string, int) (int, error) { return 410, nil }
		r.accept("call.hungup a a1")
		r.wantStates("a1 cancelled 1")
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.disabled) != 1 || !strings.Contains(r.disabled[0], "410") {
			t.Errorf("disabled: %v", r.disabled)
		}
	})
}

// The webhook of call flows goes where each event says, as often as it says, and
// no single address turns it off.
func TestFlowWebhook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		flow := hook("wh_flow")
		flow.URL, flow.Flow = "", true
		r := newRig(t, flow)
		defer r.stop()
		say := func(hook string) {
			r.change = func(ev *switchhook.Event) { ev.Data = []byte(`{"data":{},"hook":` + hook + `}`) }
		}
		r.answer = func(event string, _ int) (int, error) {
			return map[string]int{"gone": 410, "bad": 500, "often": 200}[event], nil
		}
		say(`{"uri":"https://a.example/a","retries":2}`)
		r.accept("flow.webhook k1 bad")
		time.Sleep(time.Hour)
		r.wantStates("bad failed 2")
		say(`{"uri":"https://b.example/b"}`)
		r.accept("flow.webhook k2 gone")
		r.wantStates("bad failed 2", "gone cancelled 1")
		say(`{"uri":"mailto:ada@example.com"}`)
		r.accept("flow.webhook k3 nowhere")
		kazoo := *flow
		kazoo.Retry.Policy, kazoo.UpdatedAt = "kazoo", time.Now()
		r.engine.SetWebhooks([]*switchhook.Webhook{&kazoo})
		say(`{"uri":"https://c.example/c","retries":9223372036854775807}`)
		r.accept("flow.webhook k4 often")
		r.wantStates("bad failed 2", "gone cancelled 1", "nowhere failed 1", "often delivered 1")
		if off := r.turnedOff(); len(off) > 0 {
			t.Errorf("turned off: %v", off)
		}
		var urls []string
		for name := range r.tries {
			urls = append(urls, name)
		}
		slices.Sort(urls)
		if diff := cmp.Diff([]string{"abad", "bgone", "coften"}, urls); diff != "" {
			t.Error(diff)
		}
	})
}

func TestADisabledWebhookCancelsWhatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		r.answer = failing("a1")
		r.accept("call.created a a1", "call.answered a a2")
		synctest.Wait()
		off := *r.hooks[0]
		off.Enabled = false
		r.engine.SetWebhooks([]*switchhook.Webhook{&off})
		r.wantStates("a1 cancelled 1", "a2 cancelled 0")
		r.engine.SetWebhooks(nil)
		r.accept("call.created b b1")
		r.wantStates("a1 cancelled 1", "a2 cancelled 0", "b1 cancelled 0")
	})
}

func TestARestartGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.answer = failing("a1")
		r.accept("call.created a a1", "call.answered a a2", "call.created b b1")
		time.Sleep(time.Second)
		r.accept("call.hungup a a3")
		r.received()
		r.stop()
		r.mu.Lock()
		r.answer = nil
		r.mu.Unlock()
		r.boot()
		time.Sleep(10 * time.Second)
		got := r.received()
		r.stop()
		var order []string
		for _, line := range got {
			order = append(order, strings.Fields(line)[1])
		}
		if !slices.Equal(order, []string{"a1", "a2", "a3"}) {
			t.Errorf("after the restart came %v", got)
		}
		r.wantStates("a1 delivered 2", "a2 delivered 1", "b1 delivered 1", "a3 delivered 1")
		r.boot()
		defer r.stop()
		time.Sleep(time.Hour)
		r.wantGot()
	})
}

// What is under way when the process dies was perhaps received: it is sent
// again, and what came after it stays after it.
func TestARestartRepeatsWhatWasUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		block := make(chan struct{})
		r.answer = func(event string, try int) (int, error) {
			if event == "a1" && try == 1 {
				<-block
			}
			return 200, nil
		}
		r.accept("call.created a a1", "call.answered a a2")
		synctest.Wait()
		dead := r.engine // never stopped: the process was killed
		r.boot()
		synctest.Wait()
		close(block)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = dead.Stop(ctx)
		defer r.stop()
		if got := r.received(); len(got) < 2 || got[0] != "0 a1 200" || got[1] != "0 a2 200" {
			t.Errorf("got %v", got)
		}
	})
}

// The store fails while an outcome is recorded: the outcome is recorded later.
func TestAnOutcomeIsRecordedInTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		r.answer = func(string, int) (int, error) {
			r.store.Fail(errors.New("disk full"))
			return 200, nil
		}
		r.accept("call.hungup a a1")
		synctest.Wait()
		r.wantStates("a1 pending 0")
		if err := r.store.Resume(context.Background()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		r.wantStates("a1 delivered 1")
	})
}

// Told to stop while the store takes nothing, it is given a moment: what has arrived need
// not be sent again.
func TestAnOutcomeIsRecordedAtTheEnd(t *testing.T) {
	t.Parallel()
	for _, away := range []time.Duration{300 * time.Millisecond, 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.stop()
			began := time.Now()
			r.resume = func(ctx context.Context) error {
				if time.Since(began) < away {
					return errors.New("disk full")
				}
				return r.store.Resume(ctx)
			}
			r.boot()
			r.answer = func(string, int) (int, error) {
				r.store.Fail(errors.New("disk full"))
				return 200, nil
			}
			r.accept("call.hungup a a1")
			synctest.Wait()
			r.stop()
			if took := time.Since(began); took > 1100*time.Millisecond {
				t.Errorf("it stopped after %v", took)
			}
			if away > time.Second {
				r.wantStates("a1 pending 0")
			} else {
				r.wantStates("a1 delivered 1")
			}
		})
	}
}

func TestConcurrencyIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := hook("wh_a")
		w.MaxConcurrency = 3
		r := newRig(t, w)
		defer r.stop()
		var now, most int
		r.answer = func(string, int) (int, error) {
			r.mu.Lock()
			now++
			most = max(most, now)
			r.mu.Unlock()
			time.Sleep(time.Second)
			r.mu.Lock()
			now--
			r.mu.Unlock()
			return 200, nil
		}
		for i := range 12 {
			r.accept(fmt.Sprintf("call.hungup k%d e%d", i, i))
		}
		time.Sleep(5 * time.Second)
		if n := len(r.received()); most != 3 || n != 12 {
			t.Errorf("%d at once, %d in all", most, n)
		}
	})
}

// A receiver that hangs costs only its own deliveries.
func TestOneHangingReceiverHarmsNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, hook("wh_a"), hook("wh_b"))
		defer r.stop()
		r.hangs = "wh_a"
		for i := range 100 {
			r.accept(fmt.Sprintf("call.hungup k%d e%d", i, i))
		}
		delivered := func() (n int) {
			for _, s := range r.states() {
				if strings.Contains(s, "delivered") {
					n++
				}
			}
			return n
		}
		if n := delivered(); n != 100 || time.Since(r.start) > 0 {
			t.Errorf("%d of the healthy receiver's 100 were delivered at once", n)
		}
		r.mu.Lock()
		r.hangs = ""
		r.mu.Unlock()
		time.Sleep(time.Minute)
		if n := delivered(); n != 200 {
			t.Errorf("%d of 200 were delivered after the other receiver was well again", n)
		}
	})
}
