package kamailio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/source"
)

// modules is where Debian and others have Kamailio's modules.
const modules = "/usr/lib*/kamailio/modules /usr/lib/*/kamailio/modules /usr/local/lib*/kamailio/modules"

// Diagnose reads a kamailio.cfg, with what it includes, and says which lines a source needs
// that are not there, and whether Switchhook is where it is to post. It changes nothing. The
// error is that of a file that cannot be read.
func Diagnose(ctx context.Context, file string) ([]source.Finding, error) {
	d := &doctor{}
	if err := d.read(file, 0); err != nil {
		return nil, err
	}
	d.snippet()
	d.lines()
	d.eventRoutes()
	d.module()
	d.url(ctx)
	return d.findings, nil
}

type doctor struct {
	text     string // of the operator's own files, without comments
	included bool   // the snippet is
	late     string // a module of the snippet's that is loaded after it
	findings []source.Finding
}

func (d *doctor) add(level source.Level, about, says, fix string) {
	d.findings = append(d.findings, source.Finding{Level: level, About: about, Says: says, Fix: fix})
}

var (
	include    = regexp.MustCompile(`(?m)^\s*(?:#!|!!)?(?:include|import)_file\s+"([^"]+)"`)
	define     = regexp.MustCompile(`(?m)^\s*(?:#!|!!)(?:define|trydef|redefine)\s+SWITCHHOOK_URL\s+"([^"]*)"`)
	ownEvent   = regexp.MustCompile(`event_route\s*\[\s*(dialog:start|dialog:end|dialog:failed|tm:local-response|usrloc:contact-expired)\s*\]`)
	head       = regexp.MustCompile(`(?m)^[ \t]*((?:\w+_)?route(?:\[[^\]]*\])?)\s*\{`)
	load       = regexp.MustCompile(`(?m)^\s*loadmodule\s+"(?:[^"]*/)?(pv|tm|tmx|rr|xlog|siputils|textops|dialog|mqueue|rtimer|http_client)(?:\.so)?"`)
	saves      = regexp.MustCompile(`\bsave\s*\(`)
	challenges = regexp.MustCompile(`\b\w+_challenge\s*\(`)
	refuses    = regexp.MustCompile(`\b(?:t|send)_reply\s*\(`) // \b: not sl_send_reply, which is not told at all
	block      = regexp.MustCompile(`(?s)/\*.*?\*/`)
	comment    = regexp.MustCompile(`(?m)(?:^|\s)(?:#(?:[^!\n].*)?|//.*)$`)
)

// read adds a file and what it includes.
func (d *doctor) read(file string, depth int) error {
	raw, err := os.ReadFile(file) //nolint:gosec // G304: the operator's
	if err != nil {
		return fmt.Errorf("read the configuration of Kamailio: %w", err)
	}
	if depth > 8 {
		return errors.New("the files of Kamailio include one another")
	}
	text := comment.ReplaceAllString(block.ReplaceAllString(string(raw), ""), "")
	d.text += text + "\n"
	for _, found := range include.FindAllStringSubmatch(text, -1) {
		name := found[1]
		if filepath.Base(name) == "switchhook.cfg" {
			d.included = true
			_, after, _ := strings.Cut(text, found[0])
			if m := load.FindStringSubmatch(after); m != nil {
				d.late = m[1]
			}
			continue
		}
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(file), name)
		}
		if err := d.read(name, depth+1); err != nil && !errors.Is(err, os.ErrNotExist) { // import_file may have none
			return err
		}
	}
	return nil
}

func (d *doctor) snippet() {
	const place = "kamailio.cfg, after the last modparam and before request_route:\n  include_file \"/etc/kamailio/switchhook.cfg\""
	switch {
	case !d.included:
		d.add(source.Missing, "snippet", "switchhook.cfg is not included", place)
	case d.late != "":
		d.add(source.Missing, "snippet", "the module "+d.late+" is loaded after switchhook.cfg, which has loaded it already", place)
	default:
		d.add(source.OK, "snippet", "switchhook.cfg is included", "")
	}
}

// lines looks for the lines that call the snippet.
func (d *doctor) lines() {
	d.called("SWITCHHOOK", "requests", "calls and text messages", source.Missing, "request_route, after route(AUTH) and before anything is sent on")
	d.routes("branch", "SWITCHHOOK_BRANCH", "branches", "to whom calls go", source.Missing)
	d.routes("onreply", "SWITCHHOOK_REPLY", "replies", "that calls ring and are answered", source.Missing)
	d.routes("failure", "SWITCHHOOK_FAILURE", "failures", "that nobody answered at one before the next is tried", source.Hint)
	if saves.MatchString(d.text) {
		d.called("SWITCHHOOK_REGISTER", "registrar", "registrations", source.Hint, "after save(\"location\"), in route[REGISTRAR]")
	}
	if challenges.MatchString(d.text) {
		d.called("SWITCHHOOK_AUTH", "passwords", "registrations with a wrong password", source.Hint, "before the challenge, in route[AUTH]")
	}
	if refuses.MatchString(d.text) && !strings.Contains(d.text, "$dlg_var(sh_code)") {
		d.add(source.Hint, "refusals", "up to Kamailio 5.7 nothing tells with which status kamailio.cfg itself refuses a call", "before send_reply(\"404\", \"Not Found\"), and likewise before others:\n  $dlg_var(sh_code) = \"404\";")
	}
	if !strings.Contains(d.text, "record_route(") || !strings.Contains(d.text, "loose_route(") {
		d.add(source.Missing, "routes", "calls are not held on to, so their ends are not seen", "request_route, for each INVITE:\n  record_route();")
	}
}

// called looks for a line that is needed once.
func (d *doctor) called(line, about, what string, level source.Level, where string) {
	if callsRoute(d.text, line) {
		d.add(source.OK, about, line+" tells "+what, "")
		return
	}
	d.add(level, about, "nothing tells "+what, where+":\n  route("+line+");")
}

func callsRoute(text, route string) bool {
	return regexp.MustCompile(`\broute\s*\(\s*"?` + route + `"?\s*\)`).MatchString(text)
}

// routes looks into all routes of a kind, for each has to call the snippet. Those of the
// snippet itself will do for a kamailio.cfg that has none.
func (d *doctor) routes(kind, line, about, what string, level source.Level) {
	arm := "t_on_" + strings.TrimPrefix(kind, "on") + `("SWITCHHOOK")`
	tells := strings.Contains(d.text, arm)
	var silent []string
	heads := head.FindAllStringSubmatchIndex(d.text, -1)
	for i, h := range heads {
		end := len(d.text)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		switch name := d.text[h[2]:h[3]]; {
		case !strings.HasPrefix(name, kind+"_route["):
		case callsRoute(d.text[h[1]:end], line):
			tells = true
		default:
			silent = append(silent, name)
		}
	}
	first := "the first line of " + strings.Join(silent, ", ") + ":\n  route(" + line + ");"
	switch {
	case tells && silent == nil:
		d.add(source.OK, about, line+" tells "+what, "")
	case tells:
		d.add(source.Hint, about, "nothing tells "+what+" where calls pass "+strings.Join(silent, ", "), first)
	case silent != nil:
		d.add(level, about, "nothing tells "+what, first)
	default:
		d.add(level, about, "nothing tells "+what, "before t_relay():\n  "+arm+";")
	}
}

// eventRoutes looks for those that the snippet has too: Kamailio takes no route twice.
func (d *doctor) eventRoutes() {
	own := ownEvent.FindStringSubmatch(d.text)
	defined := strings.Contains(d.text, "SWITCHHOOK_OWN_EVENT_ROUTES")
	if own != nil && !defined {
		d.add(source.Missing, "events", "event_route["+own[1]+"] is in kamailio.cfg and in switchhook.cfg",
			"kamailio.cfg, before the include:\n  #!define SWITCHHOOK_OWN_EVENT_ROUTES\nand then run this again")
		return
	}
	for _, e := range []struct{ event, line string }{
		{"dialog:start", "SWITCHHOOK_START"},
		{"dialog:end", "SWITCHHOOK_END"},
		{"dialog:failed", "SWITCHHOOK_FAILED"},
		{"tm:local-response", "SWITCHHOOK_REFUSED"},
		{"usrloc:contact-expired", "SWITCHHOOK_EXPIRED"},
	} {
		if defined && !callsRoute(d.text, e.line) && (e.line != "SWITCHHOOK_EXPIRED" || saves.MatchString(d.text)) {
			d.add(source.Missing, "events", "nothing tells of "+e.event, "event_route["+e.event+"]:\n  route("+e.line+");")
		}
	}
}

func (d *doctor) module() {
	for pattern := range strings.FieldsSeq(modules) {
		if found, _ := filepath.Glob(pattern + "/tm.so"); len(found) == 0 { // the pattern is well formed
			continue
		}
		if found, _ := filepath.Glob(pattern + "/http_client.so"); len(found) == 0 {
			d.add(source.Missing, "http_client", "Kamailio has no module http_client", "apt-get install kamailio-utils-modules")
			return
		}
		d.add(source.OK, "http_client", "Kamailio has the module", "")
		return
	}
}

// url asks whether Switchhook is there. A GET is refused, but only where there is such a source.
func (d *doctor) url(ctx context.Context) {
	found := define.FindStringSubmatch(d.text)
	if found == nil {
		d.add(source.Missing, "address", "SWITCHHOOK_URL is not defined", "the first lines of kamailio.cfg:\n  #!define SWITCHHOOK_URL \"http://HOST:8420/v1/in/SOURCE/TOKEN\"")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, found[1], http.NoBody)
	var resp *http.Response
	if err == nil {
		resp, err = http.DefaultClient.Do(req)
	}
	if err != nil {
		d.add(source.Missing, "address", err.Error(), "is Switchhook running, and can this machine reach it?")
		return
	}
	defer func() { _ = resp.Body.Close() }()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 300)) // it is only shown
	switch resp.StatusCode {
	case http.StatusUnprocessableEntity:
		d.add(source.OK, "address", "Switchhook takes what is posted there", "")
	case http.StatusNotFound:
		d.add(source.Missing, "address", "Switchhook has no such source, or it has another token", "it is the ingest_url of GET /v1/sources/SOURCE")
	default:
		d.add(source.Missing, "address", fmt.Sprintf("%s: %s", resp.Status, strings.TrimSpace(string(said))), "")
	}
}
