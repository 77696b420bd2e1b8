package deliver_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver"
)

// outage makes all receivers of a rig answer 503 until the returned func is called.
func (r *rig) outage() (end func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = func(string, int) (int, error) { return 503, nil }
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.answer = nil
	}
}

// status is that of the first webhook.
func (r *rig) status() string {
	synctest.Wait()
	s, _ := r.engine.Status(r.hooks[0].ID)
	return s
}

// events are what came, without the times and answers.
func events(got []string) []string {
	for i, line := range got {
		got[i] = strings.Fields(line)[1]
	}
	return got
}

// Ten different deliveries that fail in a row shut the gate: from then on one
// probe at a time goes out, and once one is taken, all go on in order.
func TestTheGateShutsAndOpensByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.stop()
		end := r.outage()
		for i := range 10 {
			r.accept(fmt.Sprintf("call.hungup k%d e%d", i, i))
		}
		if s := r.status(); s != "failing" || len(r.received()) != 10 {
			t.Fatalf("after ten failures it is %s", s)
		}
		for i := range 30 {
			r.accept(fmt.Sprintf("call.answered n%d a%d", i%5, i))
		}
		time.Sleep(time.Minute)
		if n := len(r.received()); n < 4 || n > 7 { // 1, 2, 4, 8, 16, 30 s, each ±20 %
			t.Errorf("%d probes in the first minute", n)
		}
		time.Sleep(time.Hour)
		if n := len(r.received()); n < 95 || n > 155 {
			t.Errorf("%d probes in an hour, one in about 30 s was wanted", n)
		}
		end()
		time.Sleep(time.Minute)
		if s := r.status(); s != "active" {
			t.Errorf("after the outage it is %s", s)
		}
		last := map[string]string{}
		got := events(r.received())
		for _, e := range got {
			if !strings.HasPrefix(e, "a") {
				continue
			}
			var i int
			_, _ = fmt.Sscanf(e, "a%d", &i)
			key := fmt.Sprint(i % 5)
			if before := last[key]; len(before) > len(e) || len(before) == len(e) && before > e {
				t.Errorf("%s came after %s", e, before)
			}
			last[key] = e
		}
		if len(got) != 40 {
			t.Errorf("%d came after the outage, of 40: %v", len(got), got)
		}
		r.wantAll(switchhook.Delivered)
	})
}

// Probes use up nobody's schedule, and it stands still during the outage: what had
// one try left has it afterwards.
func TestAnOutageUsesUpNoSchedule(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := hook("wh_a")
		w.Retry = switchhook.Retry{Schedule: []switchhook.Duration{switchhook.Duration(20 * time.Second)}}
		r := newRig(t, w)
		defer r.stop()
		end := r.outage()
		for i := range 10 {
			r.accept(fmt.Sprintf("call.hungup k%d e%d", i, i))
		}
		time.Sleep(5 * time.Hour)
		end()
		time.Sleep(2 * time.Minute)
		r.wantAll(switchhook.Delivered)
	})
}

// One event that a receiver never takes says nothing about the receiver.
func TestOneThatAlwaysFailsDoesNotShutTheGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := hook("wh_a")
		w.Retry = switchhook.Retry{Schedule: slices.Repeat([]switchhook.Duration{switchhook.Duration(time.Second)}, 15)}
		r := newRig(t, w)
		defer r.stop()
		r.answer = failing("bad")
		r.accept("call.hungup k bad")
		time.Sleep(time.Minute)
		r.wantStates("bad failed 16")
	})
}

// The policy none means one try, and not one more as a probe.
func TestPolicyNoneIsTriedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := hook("wh_a")
		w.Retry = switchhook.Retry{Policy: "none"}
		r := newRig(t, w)
		defer r.stop()
		end := r.outage()
		for i := range 14 {
			r.accept(fmt.Sprintf("call.hungup k%d e%d", i, i))
			synctest.Wait()
		}
		time.Sleep(10 * time.Second) // some of the four that wait were probes
		end()
		time.Sleep(time.Minute)
		for _, s := range r.states() {
			if f := strings.Fields(s); f[2] != "1" {
				t.Error(s)
			}
		}
	})
}

// Kazoo's own rule decides under its policy: no gate.
func TestPolicyKazooHasNoGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := hook("wh_a")
		w.Retry = switchhook.Retry{Policy: "kazoo", Tries: 1}
		r := newRig(t, w)
		defer r.stop()
		r.outage()
		for i := range 30 {
			r.accept(fmt.Sprintf("call.hungup k%d e%d", i, i))
		}
		if n := len(r.received()); n != 30 {
			t.Errorf("%d of 30 were sent", n)
		}
	})
}

// A gate that was shut is shut after a restart, which a probe finds out.
func TestAShutGateOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		end := r.outage()
		for i := range 40 {
			r.accept(fmt.Sprintf("call.hungup k%d e%d", i, i))
		}
		r.received()
		r.stop()
		r.boot()
		if n := len(r.received()); n != 1 || r.status() != "failing" {
			t.Errorf("%d were sent at once after the restart", n)
		}
		end()
		time.Sleep(time.Minute)
		r.stop()
		r.wantAll(switchhook.Delivered)
	})
}

// What fails for days is disabled; what is open then is cancelled.
func TestDaysOfFailureDisable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.stop()
		r.disableAfter = 5 * 24 * time.Hour
		r.boot()
		r.outage()
		for i := range 20 {
			r.accept(fmt.Sprintf("call.hungup k%d e%d", i, i))
		}
		time.Sleep(3 * 24 * time.Hour)
		r.stop()
		r.boot() // the time of failure is remembered
		time.Sleep(47 * time.Hour)
		if off := r.turnedOff(); len(off) > 0 {
			t.Fatalf("too early: %v", off)
		}
		time.Sleep(2 * time.Hour)
		off := r.turnedOff()
		if len(off) == 0 || !strings.HasPrefix(off[0], "wh_a: every attempt since 2000-01-01T00:00:00Z has failed; the last one: the receiver answered 503") {
			t.Errorf("turned off: %v", off)
		}
		r.stop()
	})
}

// A failure long ago and one now are not days of failure.
func TestAQuietWebhookIsNotDisabled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := hook("wh_a")
		w.Retry = switchhook.Retry{Policy: "none"}
		r := newRig(t, w)
		r.stop()
		r.disableAfter = 5 * 24 * time.Hour
		r.boot()
		defer r.stop()
		r.outage()
		for i := range 4 {
			r.accept(fmt.Sprintf("call.hungup k%d e%d", i, i))
			time.Sleep(4 * 24 * time.Hour)
		}
		if off := r.turnedOff(); len(off) > 0 {
			t.Errorf("turned off: %v", off)
		}
	})
}

func TestPauseKeepsAndResumeSendsInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer func() { r.stop() }()
		r.answer = failing("a1")
		r.accept("call.hungup a a1", "call.hungup a a2") // a1 is to be tried again after 5 s
		paused := *r.hooks[0]
		paused.PausedAt, paused.UpdatedAt = time.Now(), time.Now()
		r.engine.SetWebhooks([]*switchhook.Webhook{&paused})
		r.accept("call.hungup b b1", "call.hungup b b2", "call.ringing c live", "call.hungup a a3")
		time.Sleep(4 * time.Hour)
		r.wantGot("0 a1 500")
		if s := r.status(); s != "paused" {
			t.Errorf("it is %s", s)
		}
		r.wantStates("a1 pending 1", "a2 pending 0", "b1 pending 0", "b2 pending 0", "live expired 0", "a3 pending 0")
		r.hooks = []*switchhook.Webhook{&paused}
		r.stop()
		r.boot() // it stays paused
		time.Sleep(time.Hour)
		r.wantGot()
		r.mu.Lock()
		r.answer = nil
		r.mu.Unlock()
		resumed := paused
		resumed.PausedAt, resumed.UpdatedAt = time.Time{}, time.Now()
		r.engine.SetWebhooks([]*switchhook.Webhook{&resumed})
		synctest.Wait()
		time.Sleep(10 * time.Second) // its pause of 5 s had hardly begun
		if got := events(r.received()); !slices.Equal(got, []string{"b1", "b2", "a1", "a2", "a3"}) {
			t.Errorf("got %v", got)
		}
	})
}

// Requests are spread evenly over each second.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := hook("wh_a")
		w.RateLimit = 5
		r := newRig(t, w)
		defer r.stop()
		for i := range 50 {
			r.accept(fmt.Sprintf("call.hungup k%d e%d", i, i))
		}
		for range 9 {
			time.Sleep(time.Second)
			if n := len(r.received()); n < 4 || n > 6 {
				t.Errorf("%d in a second", n)
			}
		}
		time.Sleep(2 * time.Second)
		r.received()
		r.wantAll(switchhook.Delivered)
	})
}

// Receivers that hang, more of them than requests may be under way at once, do not
// hold up the others, and accounts have equal parts of what is there.
func TestAccountsShareFairly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hooks []*switchhook.Webhook
		for i := range 12 {
			h := hook(fmt.Sprintf("wh_%02d", i))
			h.AccountID = "many"
			hooks = append(hooks, h)
		}
		few := hook("wh_few")
		few.AccountID = "few"
		r := newRig(t, append(hooks, few)...)
		defer r.stop()
		var mu sync.Mutex
		order := map[string]int{}
		var fewDone time.Duration
		r.answer = func(event string, _ int) (int, error) {
			time.Sleep(10 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			order[event]++
			return 200, nil
		}
		var lines []string
		for i := range 100 {
			lines = append(lines, fmt.Sprintf("call.hungup k%d e%d", i, i))
		}
		r.accept(lines...)
		for fewDone == 0 {
			time.Sleep(5 * time.Millisecond)
			if _, stats := r.engine.Status("wh_few"); stats["pending"] == 0 {
				fewDone = time.Since(r.start)
			}
		}
		// 1,300 requests of 10 ms, 64 at once: 203 ms in all. The one of 13 webhooks
		// that has its account for itself has its 100 through long before.
		if fewDone > 120*time.Millisecond {
			t.Errorf("the small account waited %s for its hundred", fewDone)
		}
		time.Sleep(time.Minute)
	})
}

// A backlog beyond the window is rows, and comes in order when there is room.
func TestALongBacklogIsRows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := hook("wh_a")
		w.MaxConcurrency = 1
		r := newRig(t, w)
		defer r.stop()
		r.answer = func(string, int) (int, error) {
			time.Sleep(time.Second)
			return 200, nil
		}
		var lines, want []string
		for i := range 3000 {
			lines = append(lines, fmt.Sprintf("call.hungup k%d e%04d", i%7, i))
			want = append(want, fmt.Sprintf("e%04d", i))
		}
		for chunk := range slices.Chunk(lines, 500) {
			r.accept(chunk...)
		}
		synctest.Wait()
		rows := 0
		_ = r.store.Backlogs(context.Background(), func(_ string, n int) error { rows += n; return nil })
		time.Sleep(5 * time.Second)
		_ = r.store.Backlogs(context.Background(), func(_ string, n int) error { rows = n; return nil })
		if rows < 2900 { // what is slow has a row, that a restart be quick
			t.Errorf("%d rows", rows)
		}
		time.Sleep(time.Hour)
		got := events(r.received())
		if len(got) != len(want) {
			t.Fatalf("%d came", len(got))
		}
		last := map[int]string{}
		for _, e := range got {
			var i int
			_, _ = fmt.Sscanf(e, "e%d", &i)
			if last[i%7] > e {
				t.Errorf("%s after %s", e, last[i%7])
			}
			last[i%7] = e
		}
	})
}

// The drawings in docs/engine.md are those of the tables in states.go.
func TestDrawings(t *testing.T) {
	t.Parallel()
	deliveries, gates := deliver.Tables()
	file := filepath.Join("..", "..", "docs", "engine.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, steps := range map[string][][3]string{"deliveries": deliveries, "gates": gates} {
		begin, end := "<!-- "+name+": generated from internal/deliver/states.go by `make generate` -->\n", "<!-- "+name+" end -->"
		before, rest, ok := strings.Cut(string(text), begin)
		_, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("docs/engine.md has lost the marks around the drawing of %s", name)
		}
		text = []byte(before + begin + drawing(steps) + end + after)
	}
	if had, _ := os.ReadFile(file); string(had) == string(text) {
		return
	}
	if !*update {
		t.Fatal("docs/engine.md is stale; run make generate")
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// drawing is a state diagram in Mermaid, in which what leads from one state to
// another stands together.
func drawing(steps [][3]string) string {
	var b strings.Builder
	b.WriteString("```mermaid\nstateDiagram-v2\n    [*] --> " + steps[0][0] + "\n")
	labels := map[[2]string][]string{}
	var order [][2]string
	leaves := map[string]bool{}
	for _, s := range steps {
		arrow := [2]string{s[0], s[2]}
		if labels[arrow] == nil {
			order = append(order, arrow)
		}
		labels[arrow] = append(labels[arrow], s[1])
		leaves[s[0]] = true
	}
	ends := map[string]bool{}
	for _, arrow := range order {
		fmt.Fprintf(&b, "    %s --> %s: %s\n", arrow[0], arrow[1], strings.Join(labels[arrow], ", or "))
		if !leaves[arrow[1]] && !ends[arrow[1]] {
			ends[arrow[1]] = true
		}
	}
	for _, arrow := range order {
		if ends[arrow[1]] {
			fmt.Fprintf(&b, "    %s --> [*]\n", arrow[1])
			delete(ends, arrow[1])
		}
	}
	b.WriteString("```\n")
	return b.String()
}
