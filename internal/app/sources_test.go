package app_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/app"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
)

func newSwitch(t *testing.T) *sourcetest.Switch {
	t.Helper()
	s, err := sourcetest.NewSwitch(t.Context(), "s3cret")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// until waits until an answer says what is wanted of it.
func (p *process) until(path string, wanted func(map[string]any) bool) map[string]any {
	p.t.Helper()
	look, end := time.NewTicker(10*time.Millisecond), time.Now().Add(20*time.Second)
	defer look.Stop()
	for {
		got := p.call("GET", path, "")
		if wanted(got) {
			return got
		}
		if time.Now().After(end) {
			p.t.Fatalf("%s: %v\n%v", path, got, p.types())
		}
		<-look.C
	}
}

// types are those of all events, the oldest first.
func (p *process) types() []string {
	p.t.Helper()
	items, _ := p.call("GET", "/v1/events?limit=100", "")["items"].([]any)
	var list []string
	for _, item := range items {
		ev, _ := item.(map[string]any)
		text := fmt.Sprint(ev["type"])
		if data, _ := ev["data"].(map[string]any); data["call"] != nil {
			call, _ := data["call"].(map[string]any)
			text += fmt.Sprint(" ", call["id"])
		}
		if ev["type"] != "call.missed" && ev["source"] != "two" {
			list = append([]string{text}, list...)
		}
	}
	return list
}

// post posts as a phone system does, which has no key, and returns the status.
func (p *process) post(path, body string) int {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.app.URL()+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// refused is the answer to a request that is refused.
func (p *process) refused(method, path, body string) string {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.app.URL()+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.app.AdminKey())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return fmt.Sprint(resp.StatusCode, " ", string(answer))
}

// Two sources of the file and of the API: what they tell is kept, with what is believed of
// their systems, over a broken connection and over a restart.
func TestSourcesThatConnect(t *testing.T) {
	t.Parallel()
	one, two := newSwitch(t), newSwitch(t)
	file := "sources:\n- id: one\n  kind: lines\n  options:\n    address: " + one.Address + "\n    secret: ${PBX_SECRET}\n"
	c, err := app.Load(nil, func(name string) (string, bool) {
		return map[string]string{"PBX_SECRET": "s3cret"}[name], name == "PBX_SECRET"
	}, []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	c.Data = t.TempDir()
	c = c.With(sourcetest.Lines{})
	connected := func(s map[string]any) bool { return s["state"] == "connected" }
	count := func(name string, n float64) func(map[string]any) bool {
		return func(s map[string]any) bool {
			stats, _ := s["stats"].(map[string]any)
			return stats[name] == n
		}
	}
	told := func(typ string) func(map[string]any) bool {
		return func(page map[string]any) bool { return strings.Contains(fmt.Sprint(page["items"]), " type:"+typ) }
	}
	run(t, c, func(p *process) {
		made := p.call("POST", "/v1/sources", fmt.Sprintf(`{"id":"two","kind":"lines","options":{"address":%q,"secret":"s3cret"}}`, two.Address))
		if made["ingest_url"] != nil || made["token"] != nil {
			t.Errorf("%v", made)
		}
		p.until("/v1/sources/two", connected)
		got := p.until("/v1/sources/one", connected)
		options, _ := got["options"].(map[string]any)
		if d := cmp.Diff(map[string]any{"address": one.Address, "secret": "********"}, options); d != "" || got["system"] != "Lines 1.0" || got["since"] == nil || got["reason"] != nil {
			t.Errorf("%s %v", d, got)
		}
		one.Say("start a")
		one.Say("start b")
		one.Say("something")
		p.until("/v1/sources/one/rejects", func(page map[string]any) bool {
			return strings.Contains(fmt.Sprint(page["items"]), `there is no verb "something"`)
		})
		one.Cut()
		p.until("/v1/sources/one", count("reconnects", 1))
		p.until("/v1/events", told("source.gap"))
		two.Say("panic")
		p.until("/v1/sources/two", func(s map[string]any) bool { return s["state"] == "failing" })
		metrics := p.refused("GET", "/metrics", "")
		for _, line := range []string{
			`switchhook_source_up{kind="lines",source="one"} 1`, `switchhook_source_reconnects_total{kind="lines",source="one"} 1`,
			`switchhook_source_panics_total{kind="lines",source="two"} 1`, `switchhook_source_lag_messages{kind="lines",source="one"} `,
		} {
			if !strings.Contains(metrics, line) {
				t.Errorf("the metrics have no %s", line)
			}
		}
		p.changes(two)
	})
	one.Say("end a")
	run(t, c, func(p *process) {
		p.until("/v1/events?call_id=a", told("call.hungup"))
		one.Say("end b")
		p.until("/v1/events?call_id=b", told("call.hungup"))
		want := []string{
			"source.connected", "call.created a", "call.created b", "source.disconnected", "source.connected", "source.gap",
			"source.disconnected", "source.connected", "source.gap", "call.hungup a", "call.hungup b",
		}
		if d := cmp.Diff(want, p.types()); d != "" {
			t.Error(d)
		}
	})
	for _, place := range []string{"switchhook.db", "switchhook.db-wal"} {
		if text, err := os.ReadFile(filepath.Join(c.Data, place)); err == nil && strings.Contains(string(text), "s3cret") {
			t.Errorf("the secret lies open in %s", place)
		}
	}
}

// changes changes a source and deletes it.
func (p *process) changes(of *sourcetest.Switch) {
	p.t.Helper()
	p.call("PATCH", "/v1/sources/two", `{"options":{"secret":"guessed"}}`)
	p.until("/v1/sources/two", func(s map[string]any) bool { return s["reason"] == "it does not accept the secret" })
	p.call("PATCH", "/v1/sources/two", `{"options":{"secret":"s3cret"}}`)
	p.until("/v1/sources/two", func(s map[string]any) bool { return s["state"] == "connected" })
	// What was shown can be sent back.
	p.call("PATCH", "/v1/sources/two", fmt.Sprintf(`{"account_map":{"x":"root"},"options":{"address":%q,"secret":"********"}}`, of.Address))
	p.until("/v1/sources/two", func(s map[string]any) bool { return s["state"] == "connected" })
	for _, c := range []struct{ method, path, body, want string }{
		{"PATCH", "/v1/sources/two", `{"options":{"secret":null}}`, `options.secret`},
		{"POST", "/v1/sources", `{"kind":"lines","options":{"host":"x"}}`, `"options.host"`},
		{"POST", "/v1/sources", `{"kind":"asterisk","options":{}}`, `"options.address"`},
		{"POST", "/v1/sources/two/rotate-token", ``, `has no ingest URL`},
		{"POST", "/v1/in/two", `x`, `404`},
	} {
		if got := p.refused(c.method, c.path, c.body); !strings.HasPrefix(got, "4") || !strings.Contains(got, c.want) {
			p.t.Errorf("%s %s %s: %s", c.method, c.path, c.body, got)
		}
	}
	if got := p.refused("DELETE", "/v1/sources/two", ""); !strings.HasPrefix(got, "204") {
		p.t.Error(got)
	}
}

// A wrong option in the file is said at the start, with its place.
func TestWrongOptionsInTheFile(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		`sources: [{id: a, kind: lines, options: {address: x, secret: y}}, {id: b, kind: lines, options: {address: 5038, secret: z, secrets: q}}]`: "the configuration file: sources[1].options.address: is missing: expected a text; sources[1].options.secrets: there is no such option",
		`sources: [{id: a, kind: lynes}]`:                                                              `the configuration file: sources[0].kind: there is no kind "lynes"; there is asterisk, freeswitch, kamailio, kazoo, kazoo_bus, lines, primevox, teli, voipbin`,
		`sources: [{id: a, kind: kazoo, account_id: nobody}]`:                                          `the configuration file: sources[0].account_id: there is no account "nobody"`,
		`sources: [{id: a, kind: asterisk, options: {address: pbx, username: switchhook, secret: 1}}]`: "the configuration file: sources[0].options.secret: expected a text (a number needs quotes)",
	} {
		c, err := app.Load(nil, func(string) (string, bool) { return "", false }, []byte(file))
		if err != nil {
			t.Fatal(err)
		}
		c.Listen, c.Data, c.AdminKey, c.Logger = "127.0.0.1:0", t.TempDir(), "a-key-for-the-tests", slog.New(slog.DiscardHandler)
		if _, err := app.New(t.Context(), c.With(sourcetest.Lines{})); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", file, err, want)
		}
	}
	for file, want := range map[string]string{
		`sources: [{id: a, kind: lines, options: {nested: {list: ["${HOME_OF_NOBODY}"]}}}]`: "the configuration file: sources[0].options.nested.list[0]: the variable HOME_OF_NOBODY is not set",
		`sources: [{id: a, kind: lines}, {id: a, kind: lines}]`:                             `the configuration file: sources[1]: there is another source with the id "a"`,
	} {
		if _, err := app.Load(nil, func(string) (string, bool) { return "", false }, []byte(file)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", file, err, want)
		}
	}
}
