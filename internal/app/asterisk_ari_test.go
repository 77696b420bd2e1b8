package app_test

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/app"
	"github.com/switchhook/switchhook/internal/source/asterisk/asterisktest"
)

// dialled is a source that an Asterisk dials.
func dialled(options map[string]any) []switchhook.Source {
	ari := map[string]any{"username": asterisktest.User, "password": asterisktest.Secret}
	maps.Copy(ari, options)
	return []switchhook.Source{{ID: "pbx", Kind: "asterisk", AccountID: "root", Options: map[string]any{"ari": ari}}}
}

// phones returns how 106 calls 101, and they talk for a second.
func phones(t *testing.T, pbx *asterisktest.Server) (call func()) {
	t.Helper()
	caller, callee := pbx.Phone(t, "106"), pbx.Phone(t, "101")
	caller.Register(t)
	callee.Register(t)
	return func() {
		answered := callee.Expect(t, asterisktest.Ring(100*time.Millisecond), asterisktest.Answer(), asterisktest.Released())
		caller.Call(t, "101", asterisktest.Answered(), asterisktest.Talk(time.Second), asterisktest.HangUp()).Wait(t)
		answered.Wait(t)
	}
}

// callTypes are the types of what was told of calls.
func callTypes(story []delivered) (types []string) {
	for _, d := range story {
		if d.Data.Call != nil && strings.HasPrefix(d.Type, "call.") {
			types = append(types, d.Type)
		}
	}
	return types
}

// An Asterisk dials the server where its API is.
func TestAsteriskDialsUs(t *testing.T) {
	t.Parallel()
	hook := newReceiver(t)
	c := app.Config{Data: t.TempDir(), AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Sources: dialled(nil)}
	run(t, c, func(p *process) {
		p.call("POST", "/v1/webhooks", fmt.Sprintf(`{"url":%q,"events":["call.*"]}`, hook.URL))
		url := strings.Replace(p.app.URL(), "http", "ws", 1) + "/v1/sources/pbx/ari"
		pbx := asterisktest.Start(t, asterisktest.Options{Version: asterisktest.V22, Outbound: url})
		p.until("/v1/sources/pbx", func(s map[string]any) bool { return s["state"] == "connected" })
		phones(t, pbx)()
		want := []string{"call.created", "call.ringing", "call.answered", "call.bridged", "call.hungup"}
		if d := cmp.Diff(want, callTypes(hook.await(t, 1, "call.hungup"))); d != "" {
			t.Error(d)
		}
	})
}

// A call while we are away is told afterwards, as it was, and once: by ARI alone, and where AMI
// tells what there is then.
func TestAsteriskKeepsCalls(t *testing.T) {
	t.Parallel()
	for name, ami := range map[string]bool{"ARI alone": false, "beside AMI": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hook := newReceiver(t)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			address := l.Addr().String()
			_ = l.Close()
			pbx := asterisktest.Start(t, asterisktest.Options{Version: asterisktest.V22, Outbound: "ws://" + address + "/"})
			c := app.Config{
				Data: t.TempDir(), AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
				Sources: dialled(map[string]any{"listen": address}),
			}
			if ami {
				maps.Copy(c.Sources[0].Options, map[string]any{"address": pbx.AMI, "username": asterisktest.User, "secret": asterisktest.Secret})
			}
			connected := func(s map[string]any) bool { return s["state"] == "connected" }
			run(t, c, func(p *process) {
				p.call("POST", "/v1/webhooks", fmt.Sprintf(`{"url":%q,"events":["call.*"]}`, hook.URL))
				p.until("/v1/sources/pbx", connected)
			})
			call := phones(t, pbx)
			call()
			run(t, c, func(p *process) {
				p.until("/v1/sources/pbx", connected)
				story := hook.await(t, 1, "call.hungup")
				call() // one that everybody sees
				story = append(story, hook.await(t, 2, "call.hungup")[len(story):]...)
				one := []string{"call.created", "call.ringing", "call.answered", "call.bridged", "call.hungup"}
				if d := cmp.Diff(append(one, one...), callTypes(story)); d != "" {
					t.Error(d)
				}
				for _, d := range story {
					end := d.Data.Call
					if d.Type == "call.hungup" && (end.Reconciled != nil || end.HangupCause != "NORMAL_CLEARING" || end.BillableMS == nil || *end.BillableMS < 900 || *end.BillableMS > 2000) {
						t.Errorf("%+v", end)
					}
				}
			})
		})
	}
}
