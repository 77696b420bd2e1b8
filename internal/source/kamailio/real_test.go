package kamailio

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	. "github.com/switchhook/switchhook/internal/source/kamailio/kamailiotest"
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

// until waits until what was posted has a word so many times.
func (r *recorder) until(t *testing.T, word string, n int) {
	t.Helper()
	end := time.After(40 * time.Second)
	for {
		if bytes.Count(bytes.Join(r.all(), nil), []byte(word)) >= n {
			return
		}
		select {
		case <-r.came:
		case <-end:
			t.Fatalf("%d times %s has not come:\n%s", n, word, bytes.Join(r.all(), []byte("\n")))
		}
	}
}

const (
	ended  = `"event":"end"`
	failed = `"event":"failed"`
	short  = 200 * time.Millisecond
)

// scenarios are calls at a Kamailio. Each returns when all has been posted.
func scenarios() map[string]func(*testing.T, *Server, *recorder) {
	return map[string]func(*testing.T, *Server, *recorder){
		"answered": func(t *testing.T, s *Server, r *recorder) {
			callee := s.Phone(t, "101")
			callee.Register(t, "101", "60")
			d := callee.Expect(t, Ring(short), Answer(), Acked(), Released())
			s.Phone(t, "103").Call(t, "101", Answered(), Ack(), Talk(2*short), HangUp()).Wait(t)
			d.Wait(t)
			r.until(t, ended, 1)
		},
		"bye-by-callee": func(t *testing.T, s *Server, r *recorder) {
			callee := s.Phone(t, "101")
			callee.Register(t, "101", "60")
			d := callee.Expect(t, Ring(short), Answer(), Acked(), Talk(short), Bye())
			s.Phone(t, "103").Call(t, "101", Answered(), Ack(), Released()).Wait(t)
			d.Wait(t)
			r.until(t, ended, 1)
		},
		"busy": func(t *testing.T, s *Server, r *recorder) {
			callee := s.Phone(t, "101")
			callee.Register(t, "101", "60")
			d := callee.Expect(t, Refuse(486))
			s.Phone(t, "103").Call(t, "101", Refused(486)).Wait(t)
			d.Wait(t)
			r.until(t, failed, 1)
		},
		"no-answer": func(t *testing.T, s *Server, r *recorder) {
			callee := s.Phone(t, "101")
			callee.Register(t, "101", "60")
			d := callee.Expect(t, Ring(short), Cancelled())
			s.Phone(t, "103").Call(t, "101", Refused(408)).Wait(t)
			d.Wait(t)
			r.until(t, failed, 1)
		},
		"cancelled": func(t *testing.T, s *Server, r *recorder) {
			callee := s.Phone(t, "101")
			callee.Register(t, "101", "60")
			d := callee.Expect(t, Ring(0), Cancelled())
			s.Phone(t, "103").Call(t, "101", Cancel(short)).Wait(t)
			d.Wait(t)
			r.until(t, failed, 1)
		},
		"ring-all": func(t *testing.T, s *Server, r *recorder) {
			first, second := s.Phone(t, "101"), s.Phone(t, "102")
			first.Register(t, "600", "60")
			second.Register(t, "600", "60")
			a := first.Expect(t, Ring(0), Cancelled())
			b := second.Expect(t, Ring(2*short), Answer(), Acked(), Released())
			s.Phone(t, "103").Call(t, "600", Answered(), Ack(), Talk(2*short), HangUp()).Wait(t)
			a.Wait(t)
			b.Wait(t)
			r.until(t, ended, 1)
		},
		"failure-route": func(t *testing.T, s *Server, r *recorder) {
			first, second := s.Phone(t, "101"), s.Phone(t, "102")
			first.Register(t, "101", "60")
			second.Register(t, "102", "60")
			a := first.Expect(t, Ring(short), Cancelled())
			b := second.Expect(t, Ring(short), Answer(), Acked(), Released())
			s.Phone(t, "103").Call(t, "700", Answered(), Ack(), Talk(short), HangUp()).Wait(t)
			a.Wait(t)
			b.Wait(t)
			r.until(t, ended, 1)
		},
		"redirected": func(t *testing.T, s *Server, r *recorder) {
			callee := s.Phone(t, "101")
			callee.Register(t, "101", "60")
			d := callee.Expect(t, Redirect("sip:105@pbx.example"))
			s.Phone(t, "103").Call(t, "101", Refused(302)).Wait(t)
			d.Wait(t)
			r.until(t, failed, 1)
		},
		"unknown-number": func(t *testing.T, s *Server, r *recorder) {
			s.Phone(t, "103").Call(t, "199", Refused(404)).Wait(t)
			r.until(t, failed, 1)
		},
		"dropped-ack": func(t *testing.T, s *Server, r *recorder) {
			callee := s.Phone(t, "101")
			callee.Register(t, "101", "60")
			d := callee.Expect(t, Ring(short), Answer(), Acked(), Released())
			s.Phone(t, "103").Call(t, "101", Answered(), Talk(8*short), Ack(), Talk(short), HangUp()).Wait(t)
			d.Wait(t)
			r.until(t, ended, 1)
		},
		"invite-again": func(t *testing.T, s *Server, r *recorder) {
			callee := s.Phone(t, "101")
			callee.Register(t, "101", "60")
			d := callee.Expect(t, Ring(short), Answer(), Acked(), Released())
			s.Phone(t, "103").Call(t, "101", Again(), Answered(), Ack(), Talk(short), HangUp()).Wait(t)
			d.Wait(t)
			r.until(t, ended, 1)
		},
		"reinvite": func(t *testing.T, s *Server, r *recorder) {
			callee := s.Phone(t, "101")
			callee.Register(t, "101", "60")
			d := callee.Expect(t, Ring(short), Answer(), Acked(), Reinvited(), Released())
			s.Phone(t, "103").Call(t, "101", Answered(), Ack(), Talk(short), Reinvite(), Ack(), Talk(short), HangUp()).Wait(t)
			d.Wait(t)
			r.until(t, ended, 1)
		},
		"reinvite-refused": func(t *testing.T, s *Server, r *recorder) {
			callee := s.Phone(t, "101")
			callee.Register(t, "101", "60")
			d := callee.Expect(t, Ring(short), Answer(), Acked(), ReinviteRefused(488), Released())
			s.Phone(t, "103").Call(t, "101", Answered(), Ack(), Talk(short), RefusedReinvite(488), Talk(short), HangUp()).Wait(t)
			d.Wait(t)
			r.until(t, ended, 1)
		},
		"inbound": func(t *testing.T, s *Server, r *recorder) {
			callee := s.Phone(t, "101")
			callee.Register(t, "101", "60")
			d := callee.Expect(t, Ring(short), Answer(), Acked(), Released())
			s.Trunk("+12025550143").Call(t, "+12025550100", Answered(), Ack(), Talk(short), HangUp()).Wait(t)
			d.Wait(t)
			r.until(t, ended, 1)
		},
		"outbound": func(t *testing.T, s *Server, r *recorder) {
			d := s.Trunk("+12025550143").Expect(t, Ring(short), Answer(), Acked(), Talk(short), Bye())
			s.Phone(t, "103").Call(t, "+12025550143", Answered(), Ack(), Released()).Wait(t)
			d.Wait(t)
			r.until(t, ended, 1)
		},
		"dialog-timeout": func(t *testing.T, s *Server, r *recorder) {
			callee := s.Phone(t, "101")
			callee.Register(t, "101", "60")
			d := callee.Expect(t, Ring(short), Answer(), Acked())
			s.Phone(t, "103").Call(t, "101", Answered(), Ack()).Wait(t)
			d.Wait(t)
			r.until(t, ended, 1)
		},
		"registrations": func(t *testing.T, s *Server, r *recorder) {
			phone, other := s.Phone(t, "101"), s.Phone(t, "102")
			phone.Register(t, "101", "60")
			phone.Register(t, "101", "60") // a refresh
			phone.Register(t, "101", "0")
			phone.Register(t, "101", "60")
			phone.Register(t, "101", "*")
			other.Register(t, "102", "1")
			other.FailToRegister(t)
			r.until(t, `"event":"expired"`, 1)
		},
		"message": func(t *testing.T, s *Server, r *recorder) {
			phone := s.Phone(t, "101")
			phone.Register(t, "101", "60")
			d := phone.Expect(t, Receive())
			s.Phone(t, "103").Message(t, "101", "Lunch \"now\"?")
			d.Wait(t)
			d = phone.Expect(t, Receive())
			s.Trunk("+12025550143").Message(t, "+12025550100", "H\xf6llo")
			d.Wait(t)
			r.until(t, `"event":"message"`, 2)
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
			Enabled(t)
			r := &recorder{came: make(chan struct{}, 1)}
			web := httptest.NewServer(r)
			defer web.Close()
			s := Start(t, Options{URL: web.URL + "/v1/in/kam/token", Defines: []string{"SWITCHHOOK_DOMAINS"}})
			play(t, s, r)
			s.Kill()
			bodies := r.all()
			d := newTold(t)
			for _, body := range bodies {
				d.post(body)
			}
			d.check()
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
			if diff := cmp.Diff(sorted(string(want)), sorted(strings.Join(d.lines, "\n"))); diff != "" {
				t.Errorf("the events differ (-recorded +now):\n%s", diff)
			}
		})
	}
}

// A queue that is full keeps what came first, and the ends: each call that was begun has one.
func TestQueueFull(t *testing.T) {
	t.Parallel()
	Enabled(t)
	r := &recorder{came: make(chan struct{}, 1)}
	web := httptest.NewServer(r)
	defer web.Close()
	s := Start(t, Options{URL: web.URL + "/v1/in/kam/token", Queue: 9})
	callee := s.Phone(t, "101")
	callee.Register(t, "101", "60")
	r.until(t, `"event":"register"`, 1)
	r.isAway(true)
	call := func() {
		d := callee.Expect(t, Ring(0), Answer(), Acked(), Released())
		s.Phone(t, "103").Call(t, "101", Answered(), Ack(), HangUp()).Wait(t)
		d.Wait(t)
	}
	for range 20 {
		call()
	}
	r.isAway(false)
	r.until(t, ended, 2)
	call()
	r.until(t, `"lost":0,"domains":0,"trunks":"127.0.0.2/32 carrier.example","messages":[{"at"`, 2)
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
