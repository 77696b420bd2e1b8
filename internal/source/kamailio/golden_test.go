package kamailio

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/source"
)

// recordings are what a real Kamailio 5.6.3 posted (TestReal with -record), and of each the
// events that were looked at.
func recordings(tb testing.TB) map[string][][]byte {
	tb.Helper()
	files, err := filepath.Glob("testdata/*.ndjson")
	if err != nil || len(files) == 0 {
		tb.Fatal("no recordings", err)
	}
	all := map[string][][]byte{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		all[strings.TrimSuffix(name, ".ndjson")] = bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	}
	return all
}

// toldOf is what is told of bodies.
func toldOf(t *testing.T, bodies ...[]byte) *told {
	t.Helper()
	d := newTold(t)
	for _, body := range bodies {
		d.post(body)
	}
	d.check()
	return d
}

func TestRecordings(t *testing.T) {
	t.Parallel()
	for name, bodies := range recordings(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(name + ".events")
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(toldOf(t, bodies...).lines, "\n") + "\n"
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("the events differ (-want +got):\n%s", diff)
			}
		})
	}
}

// A request whose answer was lost comes again, also to a Switchhook that has started since.
func TestTwice(t *testing.T) {
	t.Parallel()
	for name, bodies := range recordings(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			want := toldOf(t, bodies...).lines
			d := newTold(t)
			for _, body := range bodies {
				d.post(body)
				n := len(d.lines)
				d.tr = newTranslator()
				d.twice(body, n)
			}
			d.check()
			if diff := cmp.Diff(want, d.lines); diff != "" {
				t.Errorf("the events differ (-once +twice):\n%s", diff)
			}
		})
	}
}

// twice posts what was posted before. Only what a registration that came and went in one
// request was may be told again, under the same ids.
func (d *told) twice(body []byte, n int) {
	ids := d.ids
	d.ids = map[string]bool{}
	d.post(body)
	for id := range d.ids {
		if !ids[id] {
			d.tb.Errorf("%s is new: %v", id, d.lines[n:])
		}
	}
	for _, line := range d.lines[n:] {
		if !strings.HasPrefix(line, "device.") && !strings.HasPrefix(line, "message.") {
			d.tb.Errorf("told again: %s", line)
		}
	}
	d.ids, d.lines = ids, d.lines[:n]
}

// What several workers have put into the queue in another order is put right.
func TestShuffled(t *testing.T) {
	t.Parallel()
	for name, bodies := range recordings(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			want := toldOf(t, bodies...).lines
			all := together(t, bodies)
			for seed := range uint64(10) {
				r := rand.New(rand.NewPCG(seed, 1))
				shuffled := *all
				shuffled.Messages = slices.Clone(all.Messages)
				r.Shuffle(len(shuffled.Messages), func(i, j int) {
					shuffled.Messages[i], shuffled.Messages[j] = shuffled.Messages[j], shuffled.Messages[i]
				})
				if diff := cmp.Diff(want, toldOf(t, write(t, &shuffled)).lines); diff != "" {
					t.Fatalf("seed %d: the events differ (-as they were +shuffled):\n%s", seed, diff)
				}
			}
		})
	}
}

// Whatever Kamailio had to drop: a call has one beginning and one end, if the end was not
// dropped.
func TestDropped(t *testing.T) {
	t.Parallel()
	for name, bodies := range recordings(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			all := together(t, bodies)
			want := toldOf(t, bodies...)
			for seed := range uint64(10) {
				r := rand.New(rand.NewPCG(seed, 2))
				some := *all
				some.Messages = nil
				for _, m := range all.Messages {
					if r.IntN(2) == 0 || strings.Contains(string(m), ended) || strings.Contains(string(m), failed) {
						some.Messages = append(some.Messages, m)
					}
				}
				got := toldOf(t, write(t, &some))
				if len(got.calls) != len(want.calls) {
					t.Fatalf("seed %d: %d calls, want %d", seed, len(got.calls), len(want.calls))
				}
				for id, c := range want.calls { // a call that was answered was not missed, and as long
					if g := got.calls[id]; c.AnsweredAt.Sub(g.AnsweredAt).Abs() > 10*time.Millisecond || !strings.Contains(string(write(t, all)), `"branches":2`) && c.HangupReason != g.HangupReason {
						t.Fatalf("seed %d: answered %v, %s; want %v, %s", seed, g.AnsweredAt, g.HangupReason, c.AnsweredAt, c.HangupReason)
					}
				}
			}
		})
	}
}

// A Kamailio that is killed tells of no ends. The next one tells that it has started.
func TestKilled(t *testing.T) {
	t.Parallel()
	reconciled := regexp.MustCompile(`call\.hungup \[\w+\] reconciled=true`)
	for name, bodies := range recordings(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			all := together(t, bodies)
			for n := range all.Messages {
				until := *all
				until.Messages = all.Messages[:n]
				d := newTold(t)
				d.post(write(t, &until))
				d.post([]byte(`{"messages":[{"event":"start","at":4000000000}]}`))
				d.check()
				over := strings.Contains(string(write(t, &until)), ended) || strings.Contains(string(write(t, &until)), failed)
				if text := strings.Join(d.lines, "\n"); !over && strings.Count(text, "call.hungup [") != len(reconciled.FindAllString(text, -1)) {
					t.Errorf("after %d messages: %s", n, text)
				}
			}
		})
	}
}

// A call that nobody tells the end of is over after twelve hours.
func TestLost(t *testing.T) {
	t.Parallel()
	all := together(t, recordings(t)["testdata/answered"])
	all.Messages = all.Messages[:len(all.Messages)-1]
	d := newTold(t)
	d.post(write(t, all))
	now := time.Unix(all.Boot, 0)
	for d.tick(now); !strings.Contains(strings.Join(d.lines, "\n"), "call.hungup"); d.tick(now) {
		if now = now.Add(time.Hour); now.Sub(time.Unix(all.Boot, 0)) > 14*time.Hour {
			t.Fatal("it never ends")
		}
	}
	d.check()
	if got := d.lines[len(d.lines)-1]; !strings.Contains(got, "reason=lost") {
		t.Error(got)
	}
}

// Whoever is asked for credentials calls again: that is one call. Whoever does not has ended
// it.
func TestAskedForCredentials(t *testing.T) {
	t.Parallel()
	all := together(t, recordings(t)["testdata/busy"])
	asked := func(m json.RawMessage) json.RawMessage {
		return bytes.ReplaceAll(m, []byte(`"code":486`), []byte(`"code":407`))
	}
	var first, second request
	for _, m := range all.Messages {
		first.Messages = append(first.Messages, asked(m))
		second.Messages = append(second.Messages, bytes.ReplaceAll(m, []byte(`"cseq":1,`), []byte(`"cseq":2,`)))
	}
	d := newTold(t)
	d.post(write(t, &first))
	d.post(write(t, &second))
	d.check()
	if len(d.calls) != 1 || !strings.Contains(strings.Join(d.lines, "\n"), "reason=busy") {
		t.Error(strings.Join(d.lines, "\n"))
	}
	d = newTold(t)
	d.post(write(t, &first))
	d.tick(time.Unix(1<<40, 0))
	d.check()
	if !strings.Contains(strings.Join(d.lines, "\n"), "call.hungup [pbx] reason=rejected") {
		t.Error(strings.Join(d.lines, "\n"))
	}
}

// together is all that was posted as one request.
func together(t *testing.T, bodies [][]byte) *request {
	t.Helper()
	all := &request{}
	for _, body := range bodies {
		r := &request{}
		if err := json.Unmarshal(body, r); err != nil {
			t.Fatal(err)
		}
		r.Messages = append(all.Messages, r.Messages...)
		all = r
	}
	return all
}

func write(t *testing.T, r *request) []byte {
	t.Helper()
	body, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestURIs(t *testing.T) {
	t.Parallel()
	for in, want := range map[text]uri{
		"sip:101@PBX.example:5060;transport=tcp":            {"101", "pbx.example"},
		"sips:a%20b;phone-context=x@[2001:db8::1]:5061?X=y": {"a b", "2001:db8::1"},
		"sip:user:password@host":                            {"user", "host"},
		"tel:+12025550143;ext=2":                            {user: "+12025550143"},
		"sip:pbx.example":                                   {host: "pbx.example"},
		"sip:a@b@c":                                         {"a", "c"},
		"":                                                  {},
		"nonsense":                                          {},
	} {
		if got := parseURI(in); got != want {
			t.Errorf("%s: %+v, want %+v", in, got, want)
		}
	}
	for in, want := range map[string][]string{
		`"A, B" <sip:a@b;x=1>;expires=3, <sip:c,d@e>`: {"sip:a@b;x=1 3", "sip:c,d@e "},
		`sip:a@b;expires="7"`:                         {"sip:a@b 7"},
		`*`:                                           {"* "},
	} {
		var got []string
		for c := range splitContacts(in) {
			got = append(got, contactURI(c)+" "+expiresOf(c))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", in, diff)
		}
	}
	for in, want := range map[string]int{`Q.850;cause=17;text="x"`: 17, `SIP;cause=200, q.850 ; cause=34`: 34, `SIP;cause=200`: 0, `Q.850;cause=9999999999`: 0, "": 0} {
		if got := q850Of(in); got != want {
			t.Errorf("%s: %d, want %d", in, got, want)
		}
	}
}

// A name is shown without what RFC 3261 needs to write it.
func TestDisplayNames(t *testing.T) {
	t.Parallel()
	for in, want := range map[text]string{
		`"Desk 103"`:                 "Desk 103",
		` "Zoë \"Ω\" \\ <x>, y; z" `: `Zoë "Ω" \ <x>, y; z`,
		`"ends \""`:                  `ends "`,
		`Bare Name`:                  "Bare Name",
		`""`:                         "",
		`"`:                          "",
		``:                           "",
	} {
		if got := displayName(in); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

// A call whose ids no index could hold is a call like any other.
func TestLongIDs(t *testing.T) {
	t.Parallel()
	all := together(t, recordings(t)["testdata/answered"])
	want := toldOf(t, write(t, all)).lines
	for _, id := range []string{strings.Repeat("long", 3000), "zero\x00"} {
		d := toldOf(t, bytes.ReplaceAll(write(t, all), []byte(callID(t, all)), []byte(base64.StdEncoding.EncodeToString([]byte(id)))))
		if diff := cmp.Diff(want, d.lines); diff != "" {
			t.Errorf("the events differ (-short +long):\n%s", diff)
		}
		for told := range d.calls {
			if len(told) > 1000 || strings.Contains(told, "\x00") {
				t.Errorf("the id %.100q has %d characters", told, len(told))
			}
		}
	}
}

// callID is that of the call in a recording, as it was posted.
func callID(t *testing.T, r *request) string {
	t.Helper()
	var m struct {
		CallID string `json:"call_id"`
	}
	if err := json.Unmarshal(r.Messages[len(r.Messages)-1], &m); err != nil || m.CallID == "" {
		t.Fatal(m, err)
	}
	return m.CallID
}

// Two phones answer at once: one of them has the call.
func TestTwoAnswers(t *testing.T) {
	t.Parallel()
	for _, second := range []string{"before", "after"} {
		all := together(t, recordings(t)["testdata/ring-all"])
		for i, m := range all.Messages {
			if !strings.Contains(string(m), `"code":200`) {
				continue
			}
			other := bytes.Replace(m, []byte(`"event":"reply","branch":1`), []byte(`"event":"reply","branch":0`), 1)
			if bytes.Equal(other, m) {
				other = bytes.Replace(m, []byte(`"event":"reply","branch":0`), []byte(`"event":"reply","branch":1`), 1)
			}
			if second == "after" {
				i++
			}
			all.Messages = slices.Insert(all.Messages, i, json.RawMessage(other))
			break
		}
		text := strings.Join(toldOf(t, write(t, all)).lines, "\n")
		for event, n := range map[string]int{"call.answered [": 1, "call.bridged [": 1, "leg.bridged [": 1, "reason=answered_elsewhere": 1, "call.hungup [": 1} {
			if strings.Count(text, event) != n {
				t.Errorf("%s: not %d times %s:\n%s", second, n, event, text)
			}
		}
	}
}

// A 180 that its 200 overtook in Kamailio is told, as the phone rang.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	all := together(t, recordings(t)["testdata/answered"])
	want := toldOf(t, write(t, all)).lines
	var rings, answered int
	for i, m := range all.Messages {
		switch {
		case strings.Contains(string(m), `"code":180`):
			rings = i
		case strings.Contains(string(m), `"code":200`):
			answered = i
		}
	}
	all.Messages[rings] = bytes.Replace(all.Messages[answered], []byte(`"code":200`), []byte(`"code":180`), 1)
	if diff := cmp.Diff(want, toldOf(t, write(t, all)).lines); diff != "" {
		t.Errorf("the events differ (-in order +overtaken):\n%s", diff)
	}
}

// Why a call failed is what the caller was told, not what the last phone said.
func TestFinalAnswer(t *testing.T) {
	t.Parallel()
	for final, want := range map[string]string{
		"603": "reason=rejected cause=CALL_REJECTED hung_up_by=local released_by=callee sip=603",
		"404": "reason=unallocated cause=UNALLOCATED_NUMBER hung_up_by=local released_by=system sip=404",
		"487": "reason=cancelled cause=ORIGINATOR_CANCEL hung_up_by=remote released_by=caller sip=487",
		"0":   "reason=no_answer cause=RECOVERY_ON_TIMER_EXPIRE hung_up_by=local released_by=system sip=408",
	} {
		all := together(t, recordings(t)["testdata/busy"])
		last := len(all.Messages) - 1
		all.Messages[last] = bytes.Replace(all.Messages[last], []byte(`"code":486`), []byte(`"code":`+final), 1)
		if text := strings.Join(toldOf(t, write(t, all)).lines, "\n"); !strings.Contains(text, want) {
			t.Errorf("%s: not %s:\n%s", final, want, text)
		}
	}
}

// Networks, addresses and names make a trunk.
func TestTrunks(t *testing.T) {
	t.Parallel()
	tr := newTranslator()
	tr.configure(&request{Trunks: "192.0.2.0/24, 2001:db8::/32 Carrier.example;198.51.100.7"})
	for host, want := range map[string]bool{
		"192.0.2.9": true, "::ffff:192.0.2.9": true, "192.0.3.9": false, "2001:db8::5": true, "carrier.example": true, "x.carrier.example": false, "198.51.100.7": true, "": false,
	} {
		if got := tr.isTrunk(host); got != want {
			t.Errorf("%q: %v, want %v", host, got, want)
		}
	}
}

// Whatever is posted: nothing panics, and of each call one beginning and one end is told.
func FuzzRead(f *testing.F) {
	for _, bodies := range recordings(f) {
		f.Add(bytes.Join(bodies, []byte("\n")))
	}
	f.Add([]byte(`{"messages":[{"event":"register","at":1,"call_id":"YQ==","contact":"KiwiLDw=","to":"c2lwOmE="}]}`))
	f.Fuzz(func(t *testing.T, posted []byte) {
		tr := newTranslator()
		d := newTold(t)
		for body := range bytes.SplitSeq(posted, []byte("\n")) {
			r, err := tr.read(t.Context(), taking{}, body)
			if err != nil {
				t.Fatal(err)
			}
			for _, fact := range r.facts {
				events, _ := d.tracker.Fold([]source.Fact{fact})
				clear(d.ids) // what comes twice has the same id
				d.take(events)
			}
		}
	})
}
