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
	findings []source.Finding
}

func (d *doctor) add(level source.Level, about, says, fix string) {
	d.findings = append(d.findings, source.Finding{Level: level, About: about, Says: says, Fix: fix})
}

var (
	include  = regexp.MustCompile(`(?m)^\s*(?:#!|!!)?(?:include|import)_file\s+"([^"]+)"`)
	define   = regexp.MustCompile(`(?m)^\s*(?:#!|!!)(?:define|trydef|redefine)\s+SWITCHHOOK_URL\s+"([^"]*)"`)
	ownEvent = regexp.MustCompile(`event_route\s*\[\s*(dialog:end|dialog:failed|tm:local-response|usrloc:contact-expired)\s*\]`)
	block    = regexp.MustCompile(`(?s)/\*.*?\*/`)
	comment  = regexp.MustCompile(`(?m)(?:^|\s)(?:#(?:[^!\n].*)?|//.*)$`)
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
	if d.included {
		d.add(source.OK, "snippet", "switchhook.cfg is included", "")
		return
	}
	d.add(source.Missing, "snippet", "switchhook.cfg is not included", "kamailio.cfg, after the last modparam and before request_route:\n  include_file \"/etc/kamailio/switchhook.cfg\"")
}

// lines looks for the lines that call the snippet.
func (d *doctor) lines() {
	for _, l := range []struct {
		route string
		about string
		level source.Level
		what  string
		where string
	}{
		{"SWITCHHOOK", "requests", source.Missing, "calls and text messages", "request_route, after route(AUTH)"},
		{"SWITCHHOOK_BRANCH", "branches", source.Missing, "to whom calls go", "the first line of branch_route[MANAGE_BRANCH]"},
		{"SWITCHHOOK_REPLY", "replies", source.Missing, "that calls ring and are answered", "the first line of onreply_route[MANAGE_REPLY]"},
		{"SWITCHHOOK_FAILURE", "failures", source.Hint, "that nobody answered at one before the next is tried", "the first line of failure_route[MANAGE_FAILURE]"},
		{"SWITCHHOOK_REGISTER", "registrar", source.Hint, "registrations", "after save(\"location\") in route[REGISTRAR]"},
		{"SWITCHHOOK_AUTH", "passwords", source.Hint, "registrations with a wrong password", "before auth_challenge() in route[AUTH]"},
	} {
		if regexp.MustCompile(`route\s*\(\s*` + l.route + `\s*\)`).MatchString(d.text) {
			d.add(source.OK, l.about, l.route+" tells "+l.what, "")
			continue
		}
		d.add(l.level, l.about, "nothing tells "+l.what, l.where+":\n  route("+l.route+");")
	}
	if !strings.Contains(d.text, "record_route(") || !strings.Contains(d.text, "loose_route(") {
		d.add(source.Missing, "routes", "calls are not held on to, so their ends are not seen", "request_route, for each INVITE:\n  record_route();")
	}
}

func (d *doctor) eventRoutes() {
	own := ownEvent.FindStringSubmatch(d.text)
	if own != nil && !strings.Contains(d.text, "SWITCHHOOK_OWN_EVENT_ROUTES") {
		d.add(source.Missing, "events", "event_route["+own[1]+"] is in kamailio.cfg and in switchhook.cfg",
			"kamailio.cfg, before the include:\n  #!define SWITCHHOOK_OWN_EVENT_ROUTES\nand in your routes for the four events route(SWITCHHOOK_END), route(SWITCHHOOK_FAILED), route(SWITCHHOOK_REFUSED), route(SWITCHHOOK_EXPIRED)")
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
