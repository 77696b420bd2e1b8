package kamailio

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/kamailio/kamailiotest"
)

// found is what the doctor says of a file: the level of each thing.
func found(t *testing.T, file string) map[string]source.Level {
	t.Helper()
	findings, err := Diagnose(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	levels := map[string]source.Level{}
	for _, f := range findings {
		levels[f.About] = f.Level
	}
	delete(levels, "http_client") // the machine's
	return levels
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kamailio.cfg")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	const token = "a-token"
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // as /v1/in answers who does not post
		w.WriteHeader(map[bool]int{true: http.StatusUnprocessableEntity, false: http.StatusNotFound}[filepath.Base(r.URL.Path) == token])
	}))
	defer web.Close()
	all := `#!define SWITCHHOOK_URL "` + web.URL + `/v1/in/kam/` + token + `"
include_file "/etc/kamailio/switchhook.cfg"
request_route { record_route(); loose_route(); route(SWITCHHOOK); }
branch_route[B] { route( SWITCHHOOK_BRANCH ); }
onreply_route[R] { route(SWITCHHOOK_REPLY); }
`
	want := map[string]source.Level{
		"snippet": source.OK, "requests": source.OK, "branches": source.OK, "replies": source.OK,
		"failures": source.Hint, "address": source.OK,
	}
	if diff := cmp.Diff(want, found(t, writeFile(t, all))); diff != "" {
		t.Error(diff)
	}
	// What is in a comment is not there; another token; the event routes come twice.
	wrong := strings.NewReplacer("request_route {", "request_route { # ", token, token+"x").Replace(all) + "/* route(SWITCHHOOK) */\nevent_route[dialog:end] {}\n"
	want["requests"], want["routes"], want["events"], want["address"] = source.Missing, source.Missing, source.Missing, source.Missing
	if diff := cmp.Diff(want, found(t, writeFile(t, wrong))); diff != "" {
		t.Error(diff)
	}
	if _, err := Diagnose(t.Context(), filepath.Join(t.TempDir(), "none.cfg")); err == nil {
		t.Error("a file that is not there is read")
	}
}

// What is found in files of every style.
func TestDoctorStyles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want map[string]source.Level
	}{
		"the routes of the snippet": {`
include_file "switchhook.cfg"
request_route { t_on_branch("SWITCHHOOK"); t_on_reply("SWITCHHOOK"); t_on_failure("SWITCHHOOK"); sl_send_reply("404", "No"); }
`, map[string]source.Level{"snippet": source.OK, "branches": source.OK, "replies": source.OK, "failures": source.OK}},
		"one of two": {`
include_file "switchhook.cfg"
branch_route[A] {
	route(SWITCHHOOK_BRANCH);
}
branch_route[B] {
	xlog("x");
}
onreply_route[C] { route(SWITCHHOOK_REPLY); }
reply_route {
}
failure_route[D] {
	xlog("x");
}
`, map[string]source.Level{"branches": source.Hint, "replies": source.OK, "failures": source.Hint}},
		"a module that comes too late": {`
include_file "switchhook.cfg"
loadmodule "dialog"
`, map[string]source.Level{"snippet": source.Missing}},
		"event routes of its own, but not all": {`
#!define SWITCHHOOK_OWN_EVENT_ROUTES
event_route[dialog:end] { route(SWITCHHOOK_END); }
`, map[string]source.Level{"events": source.Missing}},
		"all event routes of its own, and no registrar": {`
#!define SWITCHHOOK_OWN_EVENT_ROUTES
event_route[dialog:start] { route(SWITCHHOOK_START); }
event_route[dialog:end] { route(SWITCHHOOK_END); }
event_route[dialog:failed] { route(SWITCHHOOK_FAILED); }
event_route[tm:local-response] { route(SWITCHHOOK_REFUSED); }
`, map[string]source.Level{"events": "", "registrar": "", "passwords": "", "refusals": ""}},
		"a registrar that refuses": {`
request_route { save("location"); www_challenge("$td", "0"); t_newtran(); send_reply("404", "No"); }
`, map[string]source.Level{"registrar": source.Hint, "passwords": source.Hint, "refusals": source.Hint}},
		"one that says why": {`
request_route { $dlg_var(sh_code) = "404"; send_reply("404", "No"); }
`, map[string]source.Level{"refusals": ""}},
	} {
		levels := found(t, writeFile(t, c.text))
		for about, want := range c.want {
			if levels[about] != want {
				t.Errorf("%s: %s: %q, want %q", name, about, levels[about], want)
			}
		}
	}
}

// The guide's lines make a configuration of the stock one that Kamailio takes, and in which
// the doctor misses nothing.
func TestStockConfiguration(t *testing.T) {
	t.Parallel()
	kamailiotest.Enabled(t)
	stock, err := os.ReadFile("/etc/kamailio/kamailio.cfg")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	snippet, err := filepath.Abs("../../../deploy/kamailio/switchhook.cfg")
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile("../../../docs/guides/kamailio.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(stock)
	for _, change := range []struct{ after, before, line string }{
		{"#!KAMAILIO\n", "", "#!define SWITCHHOOK_URL \"http://127.0.0.1:9/v1/in/kam/a-secret-of-your-own\"\n"},
		{"", "####### Routing Logic ########\n", "include_file \"/etc/kamailio/switchhook.cfg\"\n"},
		{"	route(AUTH);\n", "", "	route(SWITCHHOOK);\n"},
		{"branch_route[MANAGE_BRANCH] {\n", "", "	route(SWITCHHOOK_BRANCH);\n"},
		{"onreply_route[MANAGE_REPLY] {\n", "", "	route(SWITCHHOOK_REPLY);\n"},
		{"failure_route[MANAGE_FAILURE] {\n", "", "	route(SWITCHHOOK_FAILURE);\n"},
		{"	if (!save(\"location\")) {\n		sl_reply_error();\n", "", "		exit;\n"},
		{"	if (!save(\"location\")) {\n		sl_reply_error();\n		exit;\n	}\n", "", "	route(SWITCHHOOK_REGISTER);\n"},
		{"", "			auth_challenge(\"$fd\", \"0\");\n", "			route(SWITCHHOOK_AUTH);\n"},
		{"", "				send_reply(\"404\", \"Not Found\");\n", "				$dlg_var(sh_code) = \"404\";\n"},
		{"", "				send_reply(\"405\", \"Method Not Allowed\");\n", "				$dlg_var(sh_code) = \"405\";\n"},
	} {
		place := change.after + change.before
		if strings.Count(text, place) != 1 && change.after != "	route(AUTH);\n" {
			t.Fatalf("the stock configuration has %d times %q", strings.Count(text, place), place)
		}
		text = strings.Replace(text, place, change.after+change.line+change.before, 1)
		if told := strings.TrimSpace(change.line); !strings.Contains(string(guide), told) && !strings.Contains(told, "SWITCHHOOK_URL") {
			t.Errorf("the guide does not have %q", told)
		}
	}
	text = strings.Replace(text, "/etc/kamailio/switchhook.cfg", snippet, 1)
	for _, more := range []string{"", "#!define SWITCHHOOK_DOMAINS\n#!define WITH_NAT\n#!define WITH_ANTIFLOOD\n#!define SWITCHHOOK_KEEPALIVE\n"} {
		file := writeFile(t, "#!KAMAILIO\n"+more+text)
		if out, err := exec.CommandContext(t.Context(), "kamailio", "-c", "-f", file).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		for about, level := range found(t, file) {
			if level != source.OK && about != "address" {
				t.Errorf("%s: %s", about, level)
			}
		}
	}
}
