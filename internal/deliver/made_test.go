package deliver_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook"
)

// byMail makes webhooks of all ids that begin with mail:.
func byMail(off map[string]bool) func(id string) *switchhook.Webhook {
	known := map[string]*switchhook.Webhook{}
	return func(id string) *switchhook.Webhook {
		if !strings.HasPrefix(id, "mail:") {
			return nil
		}
		if known[id] == nil || known[id].Enabled == off[id] {
			known[id] = hook(id)
			known[id].Enabled = !off[id]
			known[id].Retry.Policy = "smtp"
			if strings.HasSuffix(id, ":broken") {
				known[id].Dialect = "panics"
			}
		}
		return known[id]
	}
}

func mailRig(t *testing.T, targets ...string) (*rig, map[string]bool) {
	t.Helper()
	off := map[string]bool{}
	r := newRig(t)
	r.stop()
	r.made, r.targets = byMail(off), func(string) []string { return targets }
	r.hooks = nil
	r.boot()
	return r, off
}

func TestMadeWhenNeeded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, off := mailRig(t, "mail:acme:a", "gone:acme:a")
		defer func() { r.stop() }()
		r.accept("call.hungup k e1", "call.hungup k e2")
		r.wantGotAnyOrder("0 e1 200", "0 e2 200")
		r.wantStates("e1 cancelled 0", "e1 delivered 1", "e2 cancelled 0", "e2 delivered 1")

		// It goes on after a restart, in order.
		r.with(func() { r.answer = func(string, int) (int, error) { return 451, nil } })
		r.accept("call.hungup k e3", "call.hungup k e4")
		r.wantGot("0 e3 451")
		r.stop()
		r.answer = nil
		r.boot()
		time.Sleep(10 * time.Second)
		if got := r.received(); len(got) != 2 || !strings.Contains(got[0], "e3") || !strings.Contains(got[1], "e4") {
			t.Errorf("after the restart: %q", got)
		}

		// Switched off, what waits is cancelled.
		r.with(func() { r.answer = func(string, int) (int, error) { return 451, nil } })
		r.accept("call.hungup k e5")
		synctest.Wait()
		off["mail:acme:a"] = true
		r.engine.SetMade()
		time.Sleep(time.Hour)
		if got := r.states(); !slices.Contains(got, "e5 cancelled 1") {
			t.Errorf("switched off: %q", got)
		}
	})
}

// A mail server's 5yz is about one mail: it is final, and no reason to send no others.
func TestMailVerdicts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, _ := mailRig(t, "mail:acme:a")
		defer r.stop()
		r.disableAfter = time.Hour
		r.answer = func(event string, try int) (int, error) {
			switch {
			case strings.HasPrefix(event, "bad"):
				return 550, nil
			case try < 3:
				return 451, nil
			}
			return 250, nil
		}
		for i := range 30 {
			r.accept(fmt.Sprintf("call.hungup k%d bad%d", i, i))
		}
		r.accept("call.hungup x good")
		for _, s := range r.states() {
			if !strings.HasSuffix(s, "failed 1") && s != "good pending 1" {
				t.Error(s)
			}
		}
		time.Sleep(time.Minute)
		if got := r.states(); got[30] != "good delivered 3" {
			t.Errorf("%q", got[30])
		}
		if status, _ := r.engine.Status("mail:acme:a"); status != "active" {
			t.Errorf("the webhook is %s", status)
		}
		attempts, _, err := r.store.Attempts(t.Context(), switchhook.AttemptFilter{EventID: "bad0"}, switchhook.Page{Limit: 9})
		if err != nil || len(attempts) != 1 {
			t.Fatal(attempts, err)
		}
		for _, a := range attempts {
			if !strings.Contains(a.Error, "the mail server answered ok; a mail that was refused") {
				t.Errorf("the error is %q", a.Error)
			}
		}

		// A server that is down shuts the gate, and nothing is ever disabled for it.
		r.with(func() { r.answer = func(string, int) (int, error) { return 0, errors.New("no mail server") } })
		for i := range 12 {
			r.accept(fmt.Sprintf("call.hungup d%d down%d", i, i))
		}
		time.Sleep(30 * 24 * time.Hour)
		r.with(func() { r.answer = nil })
		time.Sleep(time.Minute)
		if got := r.turnedOff(); len(got) > 0 {
			t.Errorf("disabled: %q", got)
		}
		for _, s := range r.states()[31:] {
			if !strings.Contains(s, "delivered") {
				t.Error(s)
			}
		}
	})
}

// Events of which no mail can be made say nothing of the mail server: strangers can send any
// number of them, and the next mail goes at once.
func TestMailsThatCannotBeMade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, _ := mailRig(t, "mail:acme:broken")
		defer r.stop()
		for i := range 30 {
			r.accept(fmt.Sprintf("call.hungup k%d bad%d", i, i))
		}
		synctest.Wait()
		for _, s := range r.states() {
			if !strings.HasSuffix(s, "failed 1") {
				t.Error(s)
			}
		}
		if status, _ := r.engine.Status("mail:acme:broken"); status != "active" {
			t.Errorf("the webhook is %s", status)
		}
	})
}

// Each user may have a target: those with nothing to do are forgotten.
func TestManyMadeAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, _ := mailRig(t)
		defer r.stop()
		number := map[string]string{}
		r.targets = func(event string) []string { return []string{"mail:acme:" + number[event]} }
		r.answer = func(event string, try int) (int, error) {
			if event == "slow" && try == 1 {
				return 451, nil
			}
			return 250, nil
		}
		number["slow"] = "slow"
		r.accept("call.hungup k slow")
		for i := range 5000 {
			id := fmt.Sprintf("e%d", i)
			number[id] = id
			r.accept("call.hungup k " + id)
			if i%500 == 0 {
				r.received()
			}
		}
		if n := r.engine.Made(); n > 2100 {
			t.Errorf("%d are remembered", n)
		}
		number["again"], number["slow2"] = "e0", "slow"
		r.accept("call.hungup k again", "call.hungup k slow2")
		time.Sleep(10 * time.Second)
		got := r.received()
		if len(got) < 3 || !strings.HasSuffix(got[len(got)-2], "slow 250") || !strings.HasSuffix(got[len(got)-1], "slow2 250") {
			t.Errorf("what had to wait came last and in order? %q", got[max(0, len(got)-3):])
		}
		r.wantAll(switchhook.Delivered)
	})
}

// How all those fare that are meant is told at once.
func TestMadeFare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, _ := mailRig(t, "mail:a:x", "mail:b:x")
		defer r.stop()
		all := func(*switchhook.Webhook) bool { return true }
		wantNothing := func() {
			t.Helper()
			if open, oldest, since, why := r.engine.Fares(all); open != 0 || !oldest.IsZero() || !since.IsZero() || why != "" {
				t.Errorf("%d open, the oldest of %s, failing since %s: %s", open, oldest, since, why)
			}
		}
		wantNothing()
		began := time.Now()
		r.answer = func(string, int) (int, error) { return 0, errors.New("no mail server") }
		r.accept("call.hungup k e1", "call.hungup k e2")
		time.Sleep(time.Second)
		open, oldest, since, why := r.engine.Fares(all)
		if open != 4 || oldest.Sub(began).Abs() > time.Minute || !since.Equal(began) || !strings.Contains(why, "no mail server") {
			t.Errorf("%d open, the oldest of %s, failing since %s (%s): %s", open, oldest, since, began, why)
		}
		if open, _, _, _ := r.engine.Fares(func(w *switchhook.Webhook) bool { return w.ID == "mail:a:x" }); open != 2 {
			t.Errorf("%d are open of one", open)
		}
		r.with(func() { r.answer = nil })
		time.Sleep(time.Hour)
		wantNothing()
	})
}
