package cli

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/source/asterisk/asterisktest"
)

// The demo with the calls of a real Asterisk: they are shown, and verified at the end.
func TestDemoOfAnAsterisk(t *testing.T) {
	t.Parallel()
	pbx, out := asterisktest.Start(t, asterisktest.Options{Version: asterisktest.V22}), newConsole()
	caller, callee := pbx.Phone(t, "106"), pbx.Phone(t, "101")
	ended := make(chan error, 1)
	go func() {
		ended <- runDemo(t.Context(), out, "--asterisk", pbx.AMI, "--username", asterisktest.User, "--secret", asterisktest.Secret, "--listen", "127.0.0.1:0", "--for", "10s")
	}()
	out.await(t, regexp.MustCompile(`connected with Asterisk 22\.`))
	caller.Register(t)
	callee.Register(t)
	answered := callee.Expect(t, asterisktest.Ring(100*time.Millisecond), asterisktest.Answer(), asterisktest.Released())
	caller.Call(t, "101", asterisktest.Answered(), asterisktest.Talk(time.Second), asterisktest.HangUp()).Wait(t)
	answered.Wait(t)
	for _, typ := range []string{"call.created", "call.answered", "call.hungup"} {
		out.await(t, regexp.MustCompile(regexp.QuoteMeta(typ)+` +switchhook +200`))
	}
	if err := <-ended; err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestDemoOfAnAsteriskWithoutASecret(t *testing.T) {
	t.Setenv(secretVariable, "")
	if err := runDemo(t.Context(), newConsole(), "--asterisk", "127.0.0.1"); err == nil || !strings.Contains(err.Error(), "--secret") {
		t.Error(err)
	}
}
