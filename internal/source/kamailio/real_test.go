package kamailio

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	kam "github.com/switchhook/switchhook/internal/source/kamailio/kamailiotest"
)

var record = flag.Bool("record", false, "keep what the real Kamailio posts in testdata, with the events that it becomes; compare them with the scenario by eye")

// A recorder is posted to, and keeps it.
type recorder struct {
	mu     sync.Mutex
	bodies [][]byte
	away   bool
	came   chan struct{}
}

// isAway has it take nothing, or take again.
func (r *recorder) isAway(away bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away = away
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body) // what is cut off comes again
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	r.bodies = append(r.bodies, body)
	select {
	case r.came <- struct{}{}:
	default:
	}
}

func (r *recorder) all() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bodies
}

// startReal starts a Kamailio that posts to a recorder.
func startReal(t *testing.T, o kam.Options) (*recorder, *kam.Server) {
	t.Helper()
	kam.Enabled(t)
	r := &recorder{came: make(chan struct{}, 1)}
	web := httptest.NewServer(r)
	t.Cleanup(web.Close)
	o.URL = web.URL + "/v1/in/kam/token"
	return r, kam.Start(t, o)
}

// told is what is told of all that was posted.
func (r *recorder) told(t *testing.T) *told {
	t.Helper()
	d := newTold(t)
	for _, body := range r.all() {
		d.post(body)
	}
	d.check()
	return d
}

// until waits until what was posted matches a pattern so many times.
func (r *recorder) until(t *testing.T, pattern string, n int) {
	t.Helper()
	want := regexp.MustCompile(pattern)
	end := time.After(40 * time.Second)
	for {
		if len(want.FindAll(bytes.Join(r.all(), nil), n)) == n {
			return
		}
		select {
		case <-r.came:
		case <-end:
			t.Fatalf("%d times %s has not come:\n%s", n, pattern, bytes.Join(r.all(), []byte("\n")))
		}
	}
}

const (
	ended  = `"event":"end"`
	failed = `"event":"failed"`
	short  = 200 * time.Millisecond
)

// A stage is where a scenario is played.
type stage struct {
	t      *testing.T
	server *kam.Server
	posted *recorder
}

// A call is what two telephones do, the one called being 101. Those called by the carrier,
// or calling it, are on one side of it.
type call struct {
	number         string // if it is not 101
	carrier        string // caller or callee
	callee, caller []kam.Step
	until          string // what is posted last
}

func (c call) play(p *stage) {
	t := p.t
	callee, caller := p.server.Phone(t, "101"), p.server.Phone(t, "103")
	switch c.carrier {
	case "caller":
		caller = p.server.Trunk("+12025550143")
	case "callee":
		callee = p.server.Trunk("+12025550143")
	}
	if c.carrier != "callee" {
		callee.Register(t, "101", "60")
	}
	d := callee.Expect(t, c.callee...)
	caller.Call(t, cmp.Or(c.number, "101"), c.caller...).Wait(t)
	d.Wait(t)
	p.posted.until(t, cmp.Or(c.until, ended), 1)
}

// both plays a call that two telephones of a group, or one after the other, are to get.
func both(p *stage, aors [2]string, number string, first, second []kam.Step) {
	one, two := p.server.Phone(p.t, "101"), p.server.Phone(p.t, "102")
	one.Register(p.t, aors[0], "60")
	two.Register(p.t, aors[1], "60")
	a, b := one.Expect(p.t, first...), two.Expect(p.t, second...)
	p.server.Phone(p.t, "103").Call(p.t, number, kam.Answered(), kam.Ack(), kam.Talk(short), kam.HangUp()).Wait(p.t)
	a.Wait(p.t)
	b.Wait(p.t)
	p.posted.until(p.t, ended, 1)
}

// scenarios are what is done at a Kamailio. Each returns when all has been posted.
func scenarios() map[string]func(*stage) {
	takes := []kam.Step{kam.Ring(short), kam.Answer(), kam.Acked(), kam.Released()}
	talks := []kam.Step{kam.Answered(), kam.Ack(), kam.Talk(short), kam.HangUp()}
	hangsUp := []kam.Step{kam.Ring(short), kam.Answer(), kam.Acked(), kam.Talk(short), kam.Bye()}
	return map[string]func(*stage){
		"answered":       call{callee: takes, caller: talks}.play,
		"bye-by-callee":  call{callee: hangsUp, caller: []kam.Step{kam.Answered(), kam.Ack(), kam.Released()}}.play,
		"busy":           call{callee: []kam.Step{kam.Refuse(486)}, caller: []kam.Step{kam.Refused(486)}, until: failed}.play,
		"no-answer":      call{callee: []kam.Step{kam.Ring(short), kam.Cancelled()}, caller: []kam.Step{kam.Refused(408)}, until: failed}.play,
		"cancelled":      call{callee: []kam.Step{kam.Ring(0), kam.Cancelled()}, caller: []kam.Step{kam.Cancel(short)}, until: failed}.play,
		"cancel-unheard": call{callee: []kam.Step{kam.Ring(0), kam.Deaf()}, caller: []kam.Step{kam.Cancel(short)}, until: failed}.play,
		"redirected":     call{callee: []kam.Step{kam.Redirect("sip:105@pbx.example")}, caller: []kam.Step{kam.Refused(302)}, until: failed}.play,
		"dropped-ack":    call{callee: takes, caller: []kam.Step{kam.Answered(), kam.Talk(8 * short), kam.Ack(), kam.Talk(short), kam.HangUp()}}.play,
		"invite-again":   call{callee: takes, caller: append([]kam.Step{kam.Again()}, talks...)}.play,
		"inbound":        call{carrier: "caller", number: "+12025550100", callee: takes, caller: talks}.play,
		"outbound":       call{carrier: "callee", number: "+12025550143", callee: hangsUp, caller: []kam.Step{kam.Answered(), kam.Ack(), kam.Released()}}.play,
		"dialog-timeout": call{callee: []kam.Step{kam.Ring(short), kam.Answer(), kam.Acked()}, caller: []kam.Step{kam.Answered(), kam.Ack()}}.play,
		"reinvite": call{
			callee: []kam.Step{kam.Ring(short), kam.Answer(), kam.Acked(), kam.Reinvited(), kam.Released()},
			caller: []kam.Step{kam.Answered(), kam.Ack(), kam.Talk(short), kam.Reinvite(), kam.Ack(), kam.Talk(short), kam.HangUp()},
		}.play,
		"reinvite-refused": call{
			callee: []kam.Step{kam.Ring(short), kam.Answer(), kam.Acked(), kam.ReinviteRefused(488), kam.Released()},
			caller: []kam.Step{kam.Answered(), kam.Ack(), kam.Talk(short), kam.RefusedReinvite(488), kam.Talk(short), kam.HangUp()},
		}.play,
		"ring-all": func(p *stage) {
			both(p, [2]string{"600", "600"}, "600", []kam.Step{kam.Ring(0), kam.Cancelled()}, []kam.Step{kam.Ring(2 * short), kam.Answer(), kam.Acked(), kam.Released()})
		},
		"failure-route": func(p *stage) {
			both(p, [2]string{"101", "102"}, "700", []kam.Step{kam.Ring(short), kam.Cancelled()}, takes)
		},
		"unknown-number": func(p *stage) {
			p.server.Phone(p.t, "103").Call(p.t, "199", kam.Refused(404)).Wait(p.t)
			p.posted.until(p.t, failed, 1)
		},
		"registrations": func(p *stage) {
			phone, other := p.server.Phone(p.t, "101"), p.server.Phone(p.t, "102")
			for _, expires := range []string{"60", "60", "0", "60", "*"} { // the second is a refresh
				phone.Register(p.t, "101", expires)
			}
			other.Register(p.t, "102", "1")
			other.FailToRegister(p.t)
			p.posted.until(p.t, `"event":"expired"`, 1)
		},
		"message": func(p *stage) {
			phone := p.server.Phone(p.t, "101")
			phone.Register(p.t, "101", "60")
			d := phone.Expect(p.t, kam.Receive())
			p.server.Phone(p.t, "103").Message(p.t, "101", `Lunch "now"?`)
			d.Wait(p.t)
			d = phone.Expect(p.t, kam.Receive())
			p.server.Trunk("+12025550143").Message(p.t, "+12025550100", "H\xf6llo")
			d.Wait(p.t)
			p.posted.until(p.t, `"event":"message"`, 2)
		},
	}
}

// Each scenario at a Kamailio of its own becomes the events that are kept beside the
// recording of it.
func TestReal(t *testing.T) {
	t.Parallel()
	for name, play := range scenarios() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, s := startReal(t, kam.Options{Defines: []string{"SWITCHHOOK_DOMAINS"}})
			play(&stage{t, s, r})
			s.Kill()
			bodies, d := r.all(), r.told(t)
			if text := s.Log(); strings.Contains(text, "ERROR") {
				t.Error("Kamailio complains")
			}
			base := filepath.Join("testdata", name)
			if *record {
				if err := os.WriteFile(base+".ndjson", append(bytes.Join(bodies, []byte("\n")), '\n'), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(base+".events", []byte(strings.Join(d.lines, "\n")+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(base + ".events")
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(sorted(string(want)), sorted(strings.Join(d.lines, "\n"))); diff != "" {
				t.Errorf("the events differ (-recorded +now):\n%s", diff)
			}
		})
	}
}

// Calls that the script refuses are told, each of them, whichever process of Kamailio has them.
func TestRefused(t *testing.T) {
	t.Parallel()
	r, s := startReal(t, kam.Options{})
	const calls = 12 // Kamailio has four processes that take them
	for range calls {
		s.Phone(t, "103").Call(t, "199", kam.Refused(404)).Wait(t)
	}
	r.until(t, failed, calls)
	d := r.told(t)
	if got := strings.Count(strings.Join(d.lines, "\n"), "reason=unallocated cause=UNALLOCATED_NUMBER hung_up_by=local released_by=system sip=404"); got != calls || len(d.calls) != calls {
		t.Errorf("%d of %d were told:\n%s", got, calls, strings.Join(d.lines, "\n"))
	}
}

// What is too long to be posted does not keep Kamailio from posting what comes then: names are
// left out, and calls that have no end of a URI are not told.
func TestTooLong(t *testing.T) {
	t.Parallel()
	r, s := startReal(t, kam.Options{})
	long := strings.Repeat("n", 48000)
	for i, from := range []string{`"` + long + `" <sip:103@pbx.example>`, "<sip:" + long + "@pbx.example>", "<sip:103@pbx.example>"} {
		s.Send(t, fmt.Sprintf("INVITE sip:199@pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK%d\r\nFrom: %s;tag=%d\r\n"+
			"To: <sip:199@pbx.example>\r\nCall-ID: %d@long\r\nCSeq: 1 INVITE\r\nContact: <sip:103@127.0.0.1:9>\r\nContent-Length: 0\r\n\r\n", i, from, i, i))
	}
	r.until(t, failed, 2)
	d := r.told(t)
	if text := strings.Join(d.lines, "\n"); len(d.calls) != 2 || strings.Count(text, "from=103 to=199") != 2 {
		t.Error(text)
	}
}

// A kamailio.cfg in another style tells the same of a call; one that arms nothing at least
// when it was answered, and how it ended.
func TestBalancer(t *testing.T) {
	t.Parallel()
	kam.Enabled(t)
	outbound, err := os.ReadFile("testdata/outbound.events")
	if err != nil {
		t.Fatal(err)
	}
	ringing := regexp.MustCompile(`(?m)^.*\.ringing .*\n`) // of which a script that arms nothing says nothing
	for number, want := range map[string]string{
		"+12025550143":  string(outbound),
		"9+12025550143": strings.ReplaceAll(ringing.ReplaceAllString(string(outbound), ""), "+12025550143", "9+12025550143"),
	} {
		t.Run(number, func(t *testing.T) {
			t.Parallel()
			r, s := startReal(t, kam.Options{Style: "balancer"})
			call{
				carrier: "callee", number: number,
				callee: []kam.Step{kam.Ring(short), kam.Answer(), kam.Acked(), kam.Talk(short), kam.Bye()},
				caller: []kam.Step{kam.Answered(), kam.Ack(), kam.Released()},
			}.play(&stage{t, s, r})
			d := r.told(t)
			if diff := gocmp.Diff(sorted(want), sorted(strings.Join(d.lines, "\n"))); diff != "" {
				t.Errorf("the events differ (-stock +balancer):\n%s", diff)
			}
		})
	}
}

// A queue that is full keeps what came first, and the ends: each call that was begun has one.
func TestQueueFull(t *testing.T) {
	t.Parallel()
	r, s := startReal(t, kam.Options{Queue: 9})
	callee := s.Phone(t, "101")
	callee.Register(t, "101", "60")
	r.until(t, `"event":"register"`, 1)
	r.isAway(true)
	call := func(from string) {
		d := callee.Expect(t, kam.Ring(0), kam.Answer(), kam.Acked(), kam.Released())
		s.Phone(t, from).Call(t, "101", kam.Answered(), kam.Ack(), kam.HangUp()).Wait(t)
		d.Wait(t)
	}
	for range 20 {
		call("103")
	}
	r.isAway(false)
	r.until(t, `"lost":[1-9]`, 1)
	call("104")
	r.until(t, ended+`[^}]+"from":"`+base64.StdEncoding.EncodeToString([]byte("sip:104@pbx.example")), 1)
	d := newTold(t)
	lost := 0
	for _, body := range r.all() {
		d.post(body)
		sent := &request{}
		if err := json.Unmarshal(body, sent); err != nil {
			t.Fatal(err)
		}
		lost += sent.Lost
	}
	d.check()
	if lost == 0 || len(d.calls) < 3 || len(d.calls) > 20 {
		t.Errorf("%d messages were dropped; %d calls", lost, len(d.calls))
	}
	t.Logf("%d messages were dropped; %d calls were told", lost, len(d.calls))
}

// sorted are lines in the order of the alphabet: what two workers of Kamailio do at once may
// come in either order.
func sorted(text string) []string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	slices.Sort(lines)
	return lines
}
