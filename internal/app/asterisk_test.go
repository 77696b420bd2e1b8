package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/app"
	"github.com/switchhook/switchhook/internal/source/asterisk/asterisktest"
)

// receiver is a customer's, and what it got.
type receiver struct {
	*httptest.Server
	mu  sync.Mutex
	got []delivered
}

type delivered struct {
	ID, Type string
	Data     struct {
		Call *switchhook.Call `json:"call"`
	}
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		var d delivered
		if err := json.NewDecoder(req.Body).Decode(&d); err != nil {
			t.Error(err)
		}
		if d.Type == "call.cdr" { // the switch's own record, somewhat later
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, d)
	}))
	t.Cleanup(r.Close)
	return r
}

// await waits until n events of calls have ended up here that want picks, and returns all.
func (r *receiver) await(t *testing.T, n int, wanted string) []delivered {
	t.Helper()
	look, end := time.NewTicker(10*time.Millisecond), time.Now().Add(30*time.Second)
	defer look.Stop()
	for range look.C {
		r.mu.Lock()
		got := slices.Clone(r.got)
		r.mu.Unlock()
		have := 0
		for _, d := range got {
			if d.Type == wanted {
				have++
			}
		}
		if have >= n {
			return got
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d %s came: %v", have, n, wanted, got)
		}
	}
	return nil
}

// last is the call of the last event that has one.
func last(story []delivered) *switchhook.Call {
	for _, d := range slices.Backward(story) {
		if d.Data.Call != nil {
			return d.Data.Call
		}
	}
	return &switchhook.Call{}
}

// A company with an Asterisk and a customer with a webhook: a call is told from its beginning
// to its end, also where Asterisk loses its power or we are away meanwhile.
func TestAsterisk(t *testing.T) {
	t.Parallel()
	for _, version := range []int{asterisktest.V16, asterisktest.V22} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			pbx, hook := asterisktest.Start(t, asterisktest.Options{Version: version}), newReceiver(t)
			c := app.Config{
				Data: t.TempDir(), AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
				Sources: []switchhook.Source{{ID: "pbx", Kind: "asterisk", AccountID: "root", Options: map[string]any{
					"address": pbx.AMI, "username": asterisktest.User, "secret": asterisktest.Secret,
				}}},
			}
			connected := func(s map[string]any) bool { return s["state"] == "connected" }
			caller, callee := pbx.Phone(t, "106"), pbx.Phone(t, "101")
			talk := func(with string) { // for longer than anybody waits
				callee := pbx.Phone(t, with)
				caller.Register(t)
				callee.Register(t)
				callee.Expect(t, asterisktest.Ring(100*time.Millisecond), asterisktest.Answer(), asterisktest.Talk(15*time.Second))
				caller.Call(t, with, asterisktest.Answered(), asterisktest.Talk(15*time.Second))
			}
			run(t, c, func(p *process) {
				p.call("POST", "/v1/webhooks", fmt.Sprintf(`{"url":%q,"events":["call.*","source.*"]}`, hook.URL))
				got := p.until("/v1/sources/pbx", connected)
				if want := fmt.Sprint("Asterisk ", version, "."); !strings.HasPrefix(fmt.Sprint(got["system"]), want) {
					t.Errorf("%v, want %s…", got, want)
				}
				caller.Register(t)
				callee.Register(t)
				answered := callee.Expect(t, asterisktest.Ring(100*time.Millisecond), asterisktest.Answer(), asterisktest.Released())
				caller.Call(t, "101", asterisktest.Answered(), asterisktest.Talk(time.Second), asterisktest.HangUp()).Wait(t)
				answered.Wait(t)
				story := hook.await(t, 1, "call.hungup")
				var types []string
				for _, d := range story {
					if d.Data.Call != nil { // it may have been connected before there was a webhook
						types = append(types, d.Type)
					}
				}
				if d := cmp.Diff([]string{"call.created", "call.ringing", "call.answered", "call.bridged", "call.hungup"}, types); d != "" {
					t.Error(d)
				}
				end := last(story)
				if end.From == nil || end.From.Address != "106" || end.To == nil || end.To.Address != "101" || end.HangupCause != "NORMAL_CLEARING" || end.Reconciled != nil {
					t.Errorf("%+v", end)
				}

				// Asterisk loses its power in the middle of a call.
				talk("102")
				hook.await(t, 2, "call.bridged")
				pbx.Kill(t)
				p.until("/v1/sources/pbx", func(s map[string]any) bool { return s["state"] == "failing" })
				pbx.Up(t)
				story = hook.await(t, 2, "call.hungup")
				if end := last(story); end.Reconciled == nil || !*end.Reconciled {
					t.Errorf("%+v", end)
				}
				hook.await(t, 1, "source.gap")

				// We stop in the middle of a call, and it ends meanwhile.
				talk("103")
				hook.await(t, 3, "call.bridged")
			})
			pbx.Command(t, "channel request hangup all")
			run(t, c, func(p *process) {
				p.until("/v1/sources/pbx", connected)
				story := hook.await(t, 3, "call.hungup")
				ids, begun := map[string]int{}, map[string]int{}
				for _, d := range story {
					ids[d.ID]++
					if d.Data.Call != nil {
						begun[d.Type+" "+d.Data.Call.ID]++
					}
				}
				if len(ids) != len(story) {
					t.Errorf("%d events have %d ids", len(story), len(ids))
				}
				for what, n := range begun {
					if n != 1 {
						t.Errorf("%s came %d times", what, n)
					}
				}
				if rejects, _ := p.call("GET", "/v1/sources/pbx/rejects", "")["items"].([]any); len(rejects) > 0 {
					t.Errorf("%v", rejects)
				}
			})
		})
	}
}
