package freeswitch

import (
	"fmt"
	"maps"
	"net"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/source/freeswitch/freeswitchtest"

	"github.com/switchhook/switchhook/internal/source"
)

// report writes findings as lines.
func report(findings []source.Finding) string {
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "%s: %s: %s\n%s\n", f.Level, f.About, f.Says, f.Fix)
	}
	return b.String()
}

// found checks that there is a finding of a level about something, that says or advises
// something.
func found(t *testing.T, findings []source.Finding, level source.Level, about, text string) {
	t.Helper()
	for _, f := range findings {
		if f.Level == level && f.About == about && strings.Contains(f.Says+"\n"+f.Fix, text) {
			return
		}
	}
	t.Errorf("no finding %s about %s with %q among\n%s", level, about, text, report(findings))
}

func diagnose(t *testing.T, s *freeswitchtest.Server, more map[string]any) []source.Finding {
	t.Helper()
	findings, err := Diagnose(t.Context(), sourceOf(s, more).Options)
	if err != nil {
		t.Fatal(err)
	}
	return findings
}

func modules(loaded string) map[string]string {
	answers := busyAnswers()
	for m := range strings.FieldsSeq("mod_sofia mod_callcenter mod_fifo mod_voicemail mod_conference mod_valet_parking mod_spandsp mod_sms mod_json_cdr mod_amqp") {
		answers["module_exists "+m] = fmt.Sprint(strings.Contains(loaded, m))
	}
	return answers
}

func TestDiagnosis(t *testing.T) {
	t.Parallel()
	s := freeswitchtest.Start(t, freeswitchtest.Options{Answers: modules("mod_sofia mod_callcenter mod_json_cdr")})
	findings := diagnose(t, s, map[string]any{"cdr_spool": t.TempDir()})
	for about, text := range map[string]string{
		"connection": s.Address, "login": "FreeSWITCH 1.11.1", "lists": "", "modules": "not loaded: mod_fifo", "events": "all", "records": "0 files",
	} {
		found(t, findings, source.OK, about, text)
	}
	if strings.Contains(report(findings), "secret\n") {
		t.Errorf("a secret is told:\n%s", report(findings))
	}
}

// A FreeSWITCH as it should not be.
func TestDiagnosisOfWhatIsMissing(t *testing.T) {
	t.Parallel()
	answers := modules("mod_sofia")
	answers["version"] = "FreeSWITCH Version 1.8.7~64bit ( 64bit)\n"
	s := freeswitchtest.Start(t, freeswitchtest.Options{
		Answers: answers, User: "101@pbx.example:ClueCon", May: append(strings.Fields(neededEvents), "CUSTOM", "sofia::register"), MayAPI: []string{"show", "version", "module_exists"}, Time: 1000000000,
	})
	user := map[string]any{"username": "101@pbx.example", "password": "ClueCon"}
	with := func(more map[string]any) map[string]any {
		m := maps.Clone(user)
		maps.Copy(m, more)
		return m
	}
	findings := diagnose(t, s, with(map[string]any{"cdr_spool": "/does/not/exist"}))
	found(t, findings, source.Hint, "login", "1.10")
	found(t, findings, source.Hint, "password", "everybody")
	found(t, findings, source.Hint, "lists", "who waits in queues")
	found(t, findings, source.Missing, "modules", `<load module="mod_json_cdr"/>`)
	found(t, findings, source.Hint, "events", "callcenter::info")
	found(t, findings, source.Hint, "clock", "NTP")
	found(t, findings, source.Missing, "records", "err-log-dir")

	s = freeswitchtest.Start(t, freeswitchtest.Options{User: "101@pbx.example:ClueCon", May: []string{"CHANNEL_CREATE"}, MayAPI: []string{"status"}})
	findings = diagnose(t, s, user)
	found(t, findings, source.Missing, "lists", "show")
	found(t, findings, source.Missing, "events", "CHANNEL_ANSWER")
	found(t, findings, source.Hint, "login", "version")
	found(t, findings, source.Hint, "records", "outage")

	findings = diagnose(t, s, with(map[string]any{"password": "wrong"}))
	found(t, findings, source.Missing, "login", "directory/pbx.example/101.xml")
	findings = diagnose(t, freeswitchtest.Start(t, freeswitchtest.Options{Rude: true}), nil)
	found(t, findings, source.Missing, "connection", `cidr="127.0.0.1/32"`)
}

func TestDiagnosisWhereNobodyIs(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	findings, err := Diagnose(t.Context(), map[string]any{"address": address, "password": "s"})
	if err != nil {
		t.Fatal(err)
	}
	found(t, findings, source.Missing, "connection", "listen-ip")
	if _, err := Diagnose(t.Context(), map[string]any{"address": address}); err == nil {
		t.Error("options without a password are taken")
	}
}
