package asterisk

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/source/asterisk/asterisktest"
)

// report writes findings as lines.
func report(findings []Finding) string {
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "%s: %s: %s\n%s\n", f.Level, f.About, f.Says, f.Fix)
	}
	return b.String()
}

// found checks that there is a finding of a level about something, that says or advises
// something.
func found(t *testing.T, findings []Finding, level Level, about, text string) {
	t.Helper()
	for _, f := range findings {
		if f.Level == level && f.About == about && strings.Contains(f.Says+"\n"+f.Fix, text) {
			return
		}
	}
	t.Errorf("no finding %s about %s with %q among\n%s", level, about, text, report(findings))
}

func TestRealDiagnosis(t *testing.T) {
	versions(t, func(t *testing.T, version int) {
		t.Helper()
		s := asterisktest.Start(t, asterisktest.Options{Version: version})
		options := ofAMI(s, map[string]any{"ari": map[string]any{"url": s.ARI, "username": asterisktest.User, "password": asterisktest.Secret}}).Options
		findings, err := Diagnose(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		for about, text := range map[string]string{
			"connection": s.AMI, "login": fmt.Sprint("Asterisk ", version, "."), "clock": "", "write rights": "", "read rights": "", "timestamps": "",
			"call records": "", "channel events": "", "modules": "app_queue", "ari": s.ARI,
		} {
			found(t, findings, OK, about, text)
		}
		found(t, findings, Hint, "writetimeout", "writetimeout = 5000")

		options["secret"] = "wrong"
		options["ari"].(map[string]any)["password"] = "wrong"
		if findings, err = Diagnose(t.Context(), options); err != nil {
			t.Fatal(err)
		}
		found(t, findings, Missing, "login", "[switchhook]")
		found(t, findings, Missing, "ari", "ari.password")
		if text := report(findings); strings.Contains(text, asterisktest.Secret) || strings.Contains(text, "wrong\n") {
			t.Errorf("a secret is told:\n%s", text)
		}
	})
}

// An Asterisk as it should not be.
func TestDiagnosisOfWhatIsMissing(t *testing.T) {
	t.Parallel()
	r := newRecorded(t)
	success := "Response: Success\r\nActionID: ID\r\n"
	r.answers["CoreSettings"] = success + "AsteriskVersion: 13.1.0\r\n\r\n"
	r.answers["Ping"] = success + "Ping: Pong\r\nTimestamp: 1000000000.000000\r\n\r\n"
	r.answers["ListCommands"] = success + "Ping: Keepalive command.  (Priv: <none>)\r\n\r\n"
	r.answers["GetConfig manager.conf"] = success + "Category-000000: general\r\nLine-000000-000000: enabled=yes\r\nLine-000000-000001: channelvars=FROM_DID,CHANNEL(pjsip,call-id)\r\n" +
		"Category-000001: hook\r\nLine-000001-000000: secret=secret\r\nLine-000001-000001: read=system, agent\r\nLine-000001-000002: eventfilter=!Event: Hangup\r\n\r\n"
	r.answers["GetConfig cdr_manager.conf"] = success + "Category-000000: general\r\nLine-000000-000000: enabled=no\r\n\r\n"
	r.answers["GetConfig cel.conf"] = success + "Category-000000: general\r\nLine-000000-000000: enable=yes\r\n\r\n"
	go r.serve(t)
	findings, err := Diagnose(t.Context(), r.source(nil).Options)
	if err != nil {
		t.Fatal(err)
	}
	found(t, findings, Missing, "login", "16 or later")
	found(t, findings, Hint, "clock", "NTP")
	found(t, findings, Missing, "write rights", "write = system,call,reporting")
	found(t, findings, Missing, "read rights", "call (calls")
	found(t, findings, Hint, "eventfilter", "!Event: Hangup")
	found(t, findings, Missing, "timestamps", "timestampevents = yes")
	found(t, findings, Missing, "channelvars", "307")
	found(t, findings, Hint, "call records", "cdr_manager.conf")
	found(t, findings, Hint, "channel events", "LINKEDID_END")
}

func TestDiagnosisWhereNobodyIs(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	findings, err := Diagnose(t.Context(), map[string]any{"address": address, "username": "hook", "secret": "s"})
	if err != nil || len(findings) != 1 {
		t.Fatal(findings, err)
	}
	found(t, findings, Missing, "connection", "enabled = yes")
	if _, err := Diagnose(t.Context(), map[string]any{"address": address}); err == nil {
		t.Error("options without a secret are taken")
	}
}

func TestWhichAsteriskDialsUs(t *testing.T) {
	t.Parallel()
	for release, want := range map[[2]int]bool{{16, 28}: false, {20, 14}: false, {20, 15}: true, {21, 9}: false, {21, 10}: true, {22, 4}: false, {22, 5}: true, {23, 0}: true} {
		if got := outboundARI(release[:]); got != want {
			t.Errorf("that %v can is %t", release, got)
		}
	}
}
