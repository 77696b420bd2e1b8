package asterisk

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/asterisk/asterisktest"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
)

func versions(t *testing.T, test func(t *testing.T, version int)) {
	t.Helper()
	t.Parallel()
	for _, v := range []int{asterisktest.V16, asterisktest.V22} {
		t.Run(fmt.Sprint(v), func(t *testing.T) {
			t.Parallel()
			test(t, v)
		})
	}
}

func ofAMI(s *asterisktest.Server, more map[string]any) *switchhook.Source {
	src := &switchhook.Source{ID: "pbx", Kind: "asterisk", Options: map[string]any{"address": s.AMI, "username": asterisktest.User, "secret": asterisktest.Secret}}
	maps.Copy(src.Options, more)
	return src
}

// call makes a call between two Local channels: the dial plan's 620 speaks to Wait.
func call(t *testing.T, s *asterisktest.Server) {
	t.Helper()
	s.Do(t, "Originate", "Channel", "Local/620@internal", "Application", "Wait", "Data", "60", "Async", "true")
}

func isPresent(source.Present) bool { return true }

// A real Asterisk, that restarts in the middle of a call.
func TestRealManagerInterface(t *testing.T) {
	versions(t, func(t *testing.T, version int) {
		t.Helper()
		s, h := asterisktest.Start(t, asterisktest.Options{Version: version}), newHost()
		ended := run(t, ofAMI(s, nil), h)
		facts := await(t, h, isPresent)
		first, _ := facts[len(facts)-1].(source.Present)
		if want := fmt.Sprint("Asterisk ", version, "."); !strings.HasPrefix(h.system, want) {
			t.Errorf("the system is %q, want %s…", h.system, want)
		}
		if len(first.Legs) != 0 || len(first.Agents) != 3 || first.Waiting == nil || first.Devices == nil || len(first.Mailboxes) != 1 || first.ParkedLegs == nil {
			t.Errorf("there is %s", sourcetest.Fact(first))
		}
		call(t, s)
		var leg string
		await(t, h, func(f source.LegStarted) bool { leg = f.Leg; return f.Hidden })
		await(t, h, func(f source.LegAnswered) bool { return f.Leg == leg })

		// A second one finds what the first has seen.
		later := newHost()
		run(t, ofAMI(s, nil), later)
		facts = await(t, later, isPresent)
		second, _ := facts[len(facts)-1].(source.Present)
		if len(second.Legs) != 2 || second.Legs[1].Twin != second.Legs[0].Leg || second.Legs[0].Leg != leg || !second.Legs[0].Answered {
			t.Errorf("with a call there is %s", sourcetest.Fact(second))
		}

		s.Restart(t)
		if err := within(t, ended); err == nil {
			t.Error("Run survived a restart")
		}
		again := newHost()
		run(t, ofAMI(s, nil), again)
		facts = await(t, again, isPresent)
		if third, _ := facts[len(facts)-1].(source.Present); len(third.Legs) != 0 || len(third.Agents) != 3 {
			t.Errorf("after the restart there is %s", sourcetest.Fact(third))
		}
		if len(h.rejects)+len(later.rejects)+len(again.rejects) > 0 {
			t.Errorf("rejected: %v %v %v", h.rejects, later.rejects, again.rejects)
		}
	})
}

func TestRealSecrets(t *testing.T) {
	versions(t, func(t *testing.T, version int) {
		t.Helper()
		s := asterisktest.Start(t, asterisktest.Options{Version: version})
		for _, auth := range []string{"md5", "plain", "auto"} {
			more := map[string]any{"auth": auth}
			if auth == "auto" {
				more = map[string]any{"address": s.AMIS, "tls": true, "tls_insecure": true} // who signed it is TestTLS's
			}
			h := newHost()
			run(t, ofAMI(s, more), h)
			await(t, h, isPresent)
			more["secret"] = "wrong"
			err := within(t, run(t, ofAMI(s, more), newHost()))
			if switchhook.ErrorCode(err) != switchhook.CodeUnauthorized {
				t.Errorf("%s: a wrong secret is %v", auth, err)
			}
		}
	})
}

// We dial ARI.
func TestRealARI(t *testing.T) {
	versions(t, func(t *testing.T, version int) {
		t.Helper()
		s, h := asterisktest.Start(t, asterisktest.Options{Version: version}), newHost()
		ari := map[string]any{"url": s.ARI, "username": asterisktest.User, "password": asterisktest.Secret}
		src := &switchhook.Source{ID: "pbx", Options: map[string]any{"ari": ari}}
		run(t, src, h)
		await(t, h, isPresent)
		call(t, s)
		var first, second source.LegStarted
		await(t, h, func(f source.LegStarted) bool { first = f; return strings.HasSuffix(f.Channel, ";1") })
		await(t, h, func(f source.LegStarted) bool { second = f; return strings.HasSuffix(f.Channel, ";2") })
		await(t, h, func(f source.LegAnswered) bool { return f.Leg == second.Leg })
		if second.Twin != first.Leg || second.Call != first.Leg || first.Call != first.Leg {
			t.Errorf("the legs are\n%s\n%s", sourcetest.Fact(first), sourcetest.Fact(second))
		}
		s.Do(t, "Hangup", "Channel", "/^Local/")
		await(t, h, func(f source.LegEnded) bool { return f.Leg == first.Leg })

		ari["password"] = "wrong"
		if err := within(t, run(t, src, newHost())); switchhook.ErrorCode(err) != switchhook.CodeUnauthorized {
			t.Errorf("a wrong password is %v", err)
		}
	})
}

// Asterisk dials us, and keeps what happens while we are away.
func TestRealARIKeepsWhatHappens(t *testing.T) {
	t.Parallel()
	c := New()
	refused := make(chan struct{}, 1)
	mux := doorOf(c)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r)
		if w.Header().Get("Retry-After") != "" {
			select {
			case refused <- struct{}{}:
			default:
			}
		}
	}))
	defer server.Close()
	away := func() { // until Asterisk has noticed that we are
		for range cap(refused) + 1 {
			<-refused
		}
	}
	s := asterisktest.Start(t, asterisktest.Options{Version: asterisktest.V22, Outbound: "ws://" + server.Listener.Addr().String() + "/v1/sources/pbx/ari"})
	ari := map[string]any{"username": asterisktest.User, "password": asterisktest.Secret}
	for i, o := range []map[string]any{
		{"ari": ari},
		{"ari": ari, "address": s.AMI, "username": asterisktest.User, "secret": asterisktest.Secret},
	} {
		c.told = map[string]time.Time{}
		src := &switchhook.Source{ID: "pbx", Options: o}
		h := newHost()
		stop := start(t, c, src, h)
		await(t, h, isPresent)
		stop()

		away()
		st := s.Listen(t)
		call(t, s)
		st.Await(t, "Event: DialEnd", "DialStatus: ANSWER")
		s.Do(t, "Hangup", "Channel", "/^Local/")
		for _, half := range []string{"1", "2"} {
			st.Await(t, "Event: Hangup", fmt.Sprintf("Channel: Local/620@internal-%08x;%s", i, half))
		}

		h = newHost()
		stop = start(t, c, src, h)
		facts := await(t, h, isPresent)
		stop()
		started, ended := 0, 0
		for _, f := range facts {
			switch f.(type) {
			case source.LegStarted:
				started++
			case source.LegEnded:
				ended++
			}
		}
		if started != 2 || ended != 2 {
			t.Errorf("with %v: %d legs started and %d ended while we were away, want 2; told:\n%s", o, started, ended, sourcetest.Facts(facts))
		}
	}
}

// What there is, when much is: a conversation, a caller who waits, one who is parked, a
// conference, a voicemail, registered phones.
func TestRealPresent(t *testing.T) {
	versions(t, func(t *testing.T, version int) {
		t.Helper()
		s := asterisktest.Start(t, asterisktest.Options{Version: version})
		st, long := s.Listen(t), asterisktest.Talk(15*time.Second)
		phone := func(number string) *asterisktest.Phone {
			p := s.Phone(t, number)
			p.Register(t)
			return p
		}
		ring, answer := asterisktest.Ring(100*time.Millisecond), asterisktest.Answer()
		phone("101").Expect(t, ring, answer, asterisktest.Talk(300*time.Millisecond), asterisktest.Refer("700"), asterisktest.Released())
		phone("105").Expect(t, ring, answer, asterisktest.Released())
		phone("104").Call(t, "105", asterisktest.Answered(), long)
		phone("102").Call(t, "800", asterisktest.Answered(), long)
		phone("106").Call(t, "611", asterisktest.Answered(), long)
		s.Trunk("+12025550143", "Caller Outside").Call(t, "+12025550101", asterisktest.Answered(), long)
		st.Await(t, "Event: BridgeEnter", "CallerIDNum: 104")
		st.Await(t, "Event: ConfbridgeJoin")
		st.Await(t, "Event: QueueCallerJoin")
		st.Await(t, "Event: ParkedCall")
		st.Await(t, "Event: Hangup", "CallerIDNum: 101")

		for _, how := range []string{"ami", "ari"} {
			src, h := ofAMI(s, nil), newHost()
			if how == "ari" {
				src.Options = map[string]any{"ari": map[string]any{"url": s.ARI, "username": asterisktest.User, "password": asterisktest.Secret}}
			}
			stop := start(t, New(), src, h)
			facts := await(t, h, isPresent)
			stop()
			p, _ := facts[len(facts)-1].(source.Present)
			at := map[string]source.LegStarted{}
			talking := 0
			for _, l := range p.Legs {
				if !l.Hidden {
					at[l.Device] = l
				}
				if len(p.Bridges[bridgeOf(p, l.Leg)]) == 2 {
					talking++
				}
			}
			trunk := at["trunk"]
			if len(at) != 5 || !trunk.Trunk || trunk.Outbound || !trunk.Answered || at["105"].Outbound != true || at["104"].Outbound || at["105"].Call != at["104"].Leg && how == "ami" {
				t.Errorf("%s: the legs are %v", how, at)
			}
			if len(p.Bridges) != 1 || talking != 2 {
				t.Errorf("%s: the bridges are %v", how, p.Bridges)
			}
			if len(p.Devices) != 5 {
				t.Errorf("%s: the devices are %v", how, p.Devices)
			}
			if how == "ari" {
				continue
			}
			if len(p.Waiting) != 1 || p.Waiting[0].Queue != "support" || p.Waiting[0].Leg != at["106"].Leg || p.Waiting[0].Position != 1 {
				t.Errorf("who waits is %v", p.Waiting)
			}
			if len(p.ParkedLegs) != 1 || p.ParkedLegs[0].Leg != trunk.Leg || p.ParkedLegs[0].Slot != "701" {
				t.Errorf("parked is %v", p.ParkedLegs)
			}
			if len(p.Mailboxes) != 1 || p.Mailboxes[0].Mailbox != "105" {
				t.Errorf("the mailboxes are %v", p.Mailboxes)
			}
			if d := p.Devices[0]; d.Device != "101" || d.IP != "127.0.0.1" || d.Port == 0 || d.Expires == nil || *d.Expires < 3500 {
				t.Errorf("a device is %s", sourcetest.Fact(d))
			}
		}
		s.Do(t, "Hangup", "Channel", "/.*/")
	})
}

// bridgeOf is the bridge that a leg is in.
func bridgeOf(p source.Present, leg string) string {
	for b, legs := range p.Bridges {
		if slices.Contains(legs, leg) {
			return b
		}
	}
	return ""
}

// 20,000 events, and a store that takes nothing until the last was sent. (A client that does
// not read meanwhile is cut off by Asterisk after some 4,000 of them.)
func TestRealBurst(t *testing.T) {
	versions(t, func(t *testing.T, version int) {
		t.Helper()
		const events = 20_000
		s, h := asterisktest.Start(t, asterisktest.Options{Version: version}), newHost()
		sent := make(chan struct{})
		h.tell = func(int) error { <-sent; return nil }
		ended := run(t, ofAMI(s, nil), h)
		<-h.connected

		o, err := readOptions(ofAMI(s, nil).Options)
		if err != nil {
			t.Fatal(err)
		}
		w, err := connect(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer w.close()
		answers := make(chan struct{})
		go func() {
			defer close(answers)
			n := 0
			_ = w.read(func(frame []byte) error {
				if bytes.HasPrefix(frame, []byte("Response: Success")) {
					n++
				}
				if n == events {
					return io.EOF
				}
				return nil
			})
		}()
		for i := range events {
			if err := w.send("UserEvent", "", "UserEvent", "Burst", "Number", strconv.Itoa(i), "Text", strings.Repeat("x", 200)); err != nil {
				t.Fatal(err)
			}
		}
		<-answers
		close(sent)
		facts := await(t, h, func(f source.Custom) bool {
			return strings.HasPrefix(string(f.Data), fmt.Sprintf(`{"Number":"%d"`, events-1))
		})
		n := 0
		for _, f := range facts {
			if c, ok := f.(source.Custom); ok {
				if want := fmt.Sprintf(`{"Number":"%d"`, n); !strings.HasPrefix(string(c.Data), want) {
					t.Fatalf("number %d is %s", n, c.Data)
				}
				n++
			}
		}
		select {
		case err := <-ended:
			t.Errorf("the connection ended: %v", err)
		default:
		}
	})
}

// Whoever connects in the middle of many calls knows of each in the end that it is over:
// what the lists say and what happens meanwhile go together.
func TestRealPresentAmongManyCalls(t *testing.T) {
	versions(t, func(t *testing.T, version int) {
		t.Helper()
		s := asterisktest.Start(t, asterisktest.Options{Version: version})
		o, err := readOptions(ofAMI(s, nil).Options)
		if err != nil {
			t.Fatal(err)
		}
		w, err := connect(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer w.close()
		go w.read(func([]byte) error { return nil })
		go w.ping(t.Context())
		begin := func(i int) { // every other one ends at once, the others live for a while
			number := []string{"650", "620"}[i%2]
			if err := w.send("Originate", "", "Channel", "Local/"+number+"@internal", "Application", "Wait", "Data", fmt.Sprint("0.", i), "Async", "true"); err != nil {
				t.Error(err)
			}
		}
		var hosts []*host
		seen := 0
		for range 15 {
			for i := range 10 {
				begin(i)
			}
			h := newHost()
			hosts = append(hosts, h)
			run(t, ofAMI(s, nil), h)
			for i := range 10 {
				begin(i)
			}
			<-h.connected
		}
		for _, h := range hosts {
			await(t, h, isPresent)
		}
		for { // until Asterisk has made all calls, and they are over
			count := s.Command(t, "core show channels count")
			if strings.Contains(count, "0 active channels") && strings.Contains(count, "300 calls processed") {
				break
			}
		}
		for i, h := range hosts {
			alive := map[string]bool{}
			told := 0
			believes := func() map[string]bool {
				h.mu.Lock()
				defer h.mu.Unlock()
				for _, f := range h.facts[told:] {
					switch f := f.(type) {
					case source.LegStarted:
						alive[f.Leg] = true
					case source.LegEnded:
						delete(alive, f.Leg)
					case source.Present:
						alive = map[string]bool{}
						for _, l := range f.Legs {
							alive[l.Leg] = true
							seen++
						}
					}
				}
				told = len(h.facts)
				return alive
			}
			for end := time.After(20 * time.Second); len(believes()) > 0; {
				select {
				case <-h.told:
				case <-end:
					t.Fatalf("who connected as number %d believes in %v", i, alive)
				}
			}
		}
		if seen == 0 {
			t.Error("nobody saw a call that was under way")
		}
		t.Logf("%d legs were in the lists", seen)
	})
}
