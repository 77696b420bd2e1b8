package freeswitch

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/calls"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
	"github.com/switchhook/switchhook/internal/track"
)

var update = flag.Bool("update", false, "write the golden files anew; compare them with the events by eye")

// received is when the events of tests were received.
func received() time.Time { return time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC) }

// A scenario is a file of testdata/facts: options (JSON, if any), events one a line or the name
// of a recorded stream, and what comes of them.
type scenario struct {
	name    string
	archive *txtar.Archive
	options Options
	events  [][]byte
}

// messages are the scenario's events that say something of calls.
func (s *scenario) messages(t *testing.T) (messages []Message) {
	t.Helper()
	for _, e := range s.events {
		m, err := Parse(e)
		if err != nil {
			t.Fatal(err)
		}
		if newTranslator(&s.options, nil).events[m.kind()] != nil {
			messages = append(messages, m)
		}
	}
	return messages
}

func scenarios(t *testing.T) (all []*scenario) {
	t.Helper()
	files, err := filepath.Glob("testdata/facts/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, name := range files {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		s := &scenario{name: strings.TrimSuffix(filepath.Base(name), ".txtar"), archive: a}
		for _, f := range a.Files {
			switch f.Name {
			case "options":
				if err := json.Unmarshal(f.Data, &s.options); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			case "frames":
				s.events = lines(f.Data)
			case "stream":
				s.events = sampled(t, strings.TrimSpace(string(f.Data)))
			}
		}
		all = append(all, s)
	}
	return all
}

func lines(data []byte) (all [][]byte) {
	for line := range bytes.Lines(data) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] == '{' && !bytes.HasPrefix(line, []byte(`{"@frame"`)) {
			all = append(all, line)
		}
	}
	return all
}

// sampled are the events of a recorded stream in JSON.
func sampled(tb testing.TB, name string) [][]byte {
	tb.Helper()
	data, err := os.ReadFile("testdata/samples/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	return lines(data)
}

// golden compares a part of a scenario's file, or writes it.
func (s *scenario) golden(t *testing.T, part, got string) {
	t.Helper()
	i := 0
	for i < len(s.archive.Files) && s.archive.Files[i].Name != part {
		i++
	}
	if *update {
		if i == len(s.archive.Files) {
			s.archive.Files = append(s.archive.Files, txtar.File{Name: part})
		}
		s.archive.Files[i].Data = []byte(got)
		if err := os.WriteFile("testdata/facts/"+s.name+".txtar", txtar.Format(s.archive), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if i == len(s.archive.Files) {
		t.Fatalf("%s has no %s", s.name, part)
	}
	if diff := cmp.Diff(string(s.archive.Files[i].Data), got); diff != "" {
		t.Errorf("%s differ (-want +got):\n%s", part, diff)
	}
}

func translateAll(tb testing.TB, o *Options, events [][]byte) []source.Fact {
	tb.Helper()
	tr := newTranslator(o, tenants())
	var facts []source.Fact
	for _, e := range events {
		m, err := Parse(e)
		if err != nil {
			tb.Fatalf("%v: %.200s", err, e)
		}
		facts = append(facts, tr.translate(m, received())...)
	}
	return facts
}

// What streams say as facts, and what is told of them; and however it is told, the table of
// what is true of calls holds.
func TestScenarios(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			facts := translateAll(t, &s.options, s.events)
			s.golden(t, "facts", sourcetest.Facts(facts))
			d := newTold(t)
			d.fold(facts...)
			d.tick()
			s.golden(t, "events", d.String())
			d.ended()
		})
	}
}

// A connection breaks after any event, or misses one of them, and what we remembered of channels
// is gone: the table holds still, and all calls end with the list of what there is.
func TestScenariosWithAGap(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			messages := s.messages(t)
			for cut := range messages {
				for _, missed := range []int{0, 1} {
					d := newTold(t)
					for _, part := range [][]Message{messages[:cut], messages[min(cut+missed, len(messages)):]} {
						tr := newTranslator(&s.options, tenants())
						for _, m := range part {
							d.fold(tr.translate(m, received())...)
						}
					}
					d.fold(source.Present{When: source.When(received().AddDate(1, 0, 0))})
					d.tick()
					d.ended()
					if t.Failed() {
						t.Fatalf("with %d missed after %d events:\n%s", missed, cut, d)
					}
				}
			}
		})
	}
}

// What was told of a stream.
type told struct {
	t       *testing.T
	tracker *track.Tracker
	folder  *calls.Folder

	events []*switchhook.Event
	ids    map[string]bool
	calls  map[string]*switchhook.Call // as they were told last
	ends   map[string]int
}

// tenants is the account map of all tests.
func tenants() map[string]string { return map[string]string{"pbx.example": "acme"} }

func newTold(t *testing.T) *told {
	t.Helper()
	return &told{
		t: t, tracker: track.New(track.Options{Source: "pbx", Account: "root", Accounts: tenants()}), folder: calls.New(),
		ids: map[string]bool{}, calls: map[string]*switchhook.Call{}, ends: map[string]int{},
	}
}

func (d *told) fold(facts ...source.Fact) {
	d.t.Helper()
	for _, f := range facts {
		events, _ := d.tracker.Fold([]source.Fact{f})
		for _, ev := range events {
			d.take(ev)
		}
	}
}

// tick lets time pass, so that nothing remains open.
func (d *told) tick() {
	d.t.Helper()
	for i := range 3 {
		events, _ := d.tracker.Tick(received().Add(time.Duration(i) * time.Minute))
		for _, ev := range events {
			d.take(ev)
		}
	}
}

// take completes an event as the product does, and checks it against those before.
func (d *told) take(ev *switchhook.Event) {
	d.t.Helper()
	if d.ids[ev.ID] && !strings.HasPrefix(ev.Type, "message.") { // these are known by it
		d.t.Errorf("%s comes twice: %s", ev.Type, ev.Data)
	}
	d.ids[ev.ID] = true
	stripped := *ev // folding completes it
	d.events = append(d.events, &stripped)
	if err := sourcetest.Fold(d.folder, ev, received()); err != nil {
		d.t.Fatalf("%s: %v: %s", ev.Type, err, ev.Data)
	}
	if what, is := strings.CutPrefix(ev.Type, "call."); is && ev.Resources.Call != nil {
		d.order(what, ev.Resources.Call)
		d.calls[ev.Resources.Call.ID] = ev.Resources.Call
	}
}

// order reports what comes in the wrong one.
func (d *told) order(what string, c *switchhook.Call) {
	d.t.Helper()
	was := d.calls[c.ID]
	ended := was != nil && was.Status == "ended"
	if what == "hungup" {
		d.ends[c.ID]++
	}
	switch {
	case what == "created" && was != nil, what != "created" && was == nil:
		d.t.Errorf("call.%s of %s", what, c.ID)
	case ended && what != "cdr":
		d.t.Errorf("call.%s of %s, which has ended", what, c.ID)
	case what == "ringing" && !was.AnsweredAt.IsZero() && was.AnsweredBy != "system":
		d.t.Errorf("%s rings after it was answered", c.ID)
	case what == "bridged" && was.AnsweredAt.IsZero():
		d.t.Errorf("%s is bridged before it was answered", c.ID)
	}
}

// ended reports calls that have not ended exactly once.
func (d *told) ended() {
	d.t.Helper()
	for id, c := range d.calls {
		if c.Status != "ended" || d.ends[id] != 1 {
			d.t.Errorf("%s has ended %d times: %+v", id, d.ends[id], c)
		}
	}
}

func (d *told) String() string {
	var b strings.Builder
	for _, ev := range d.events {
		fmt.Fprintf(&b, "%s %s %s %s\n", ev.OccurredAt.Format("15:04:05.000000"), ev.Type, ev.AccountID, ev.Data)
	}
	return b.String()
}
