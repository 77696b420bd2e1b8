package track_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/track"
)

// allFacts are those of all golden files, one file after the other.
func allFacts(tb testing.TB) (perFile [][]source.Fact) {
	tb.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range files {
		a, err := txtar.ParseFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		var facts []source.Fact
		for _, step := range scriptOf(tb, a).steps {
			if f, ok := step.(source.Fact); ok {
				facts = append(facts, f)
			}
		}
		perFile = append(perFile, facts)
	}
	return perFile
}

// Whatever is lost and however much is out of order, a call has one beginning and one end,
// and goes forward between them.
func TestAnyFacts(t *testing.T) {
	t.Parallel()
	files := allFacts(t)
	rapid.Check(t, func(t *rapid.T) {
		var facts []source.Fact
		for range rapid.IntRange(1, 2).Draw(t, "files") {
			facts = append(facts, rapid.SampledFrom(files).Draw(t, "facts")...)
		}
		facts = slices.Clone(facts)
		for range rapid.IntRange(0, 20).Draw(t, "accidents") {
			i, j := rapid.IntRange(0, len(facts)-1).Draw(t, "i"), rapid.IntRange(0, len(facts)-1).Draw(t, "j")
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0: // lost
				if len(facts) > 1 {
					facts = slices.Delete(facts, i, i+1)
				}
			case 1: // out of order
				facts[i], facts[j] = facts[j], facts[i]
			case 2: // told again
				facts = slices.Insert(facts, j, facts[i])
			case 3: // after a gap
				facts = slices.Insert(facts, j, source.Fact(source.Present{When: source.When(facts[i].At())}))
			case 4: // the same, by ids alone
				facts = slices.Insert(facts, j, source.Fact(source.Alive{When: source.When(facts[i].At()), Since: facts[i].At(), Legs: []string{"A"}}))
			}
		}
		o := track.Options{Source: "pbx", Account: "acme"}
		tr, kept, told := track.New(o), keeper{}, newTold()
		now := midnight()
		for _, f := range facts {
			switch rapid.IntRange(0, 30).Draw(t, "then") {
			case 0:
				tr = restoreRapid(t, kept, o)
			case 1:
				now = now.Add(time.Second)
				told.take(t, kept, tr.Tick)(now)
			}
			told.take(t, kept, func(time.Time) ([]*switchhook.Event, []source.Belief) { return tr.Fold([]source.Fact{f}) })(now)
		}
		end := source.Present{
			When: source.When(midnight().Add(24 * time.Hour)), Agents: []source.AgentStatus{}, Devices: []source.Registered{},
			Waiting: []source.QueueJoined{}, ParkedLegs: []source.Parking{},
		}
		told.take(t, kept, func(time.Time) ([]*switchhook.Event, []source.Belief) { return tr.Fold([]source.Fact{end}) })(now)
		for id, open := range told.open {
			if open {
				t.Fatalf("%s has not ended\n%s", id, strings.Join(told.lines, "\n"))
			}
		}
		for _, when := range []time.Duration{48 * time.Hour, 72 * time.Hour} {
			told.take(t, kept, tr.Tick)(midnight().Add(when))
		}
		for id := range kept {
			if !strings.HasPrefix(id, "mailbox/") {
				t.Fatalf("%s is not forgotten: %s", id, kept[id])
			}
		}
	})
}

func restoreRapid(t *rapid.T, kept keeper, o track.Options) *track.Tracker {
	tr := track.New(o)
	for id, data := range kept {
		if err := tr.Restore(source.Belief{ID: id, Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	return tr
}

// What was told so far.
type told struct {
	ids   map[string]bool
	open  map[string]bool // calls, queue calls and further legs, by id
	phase map[string]int  // of calls
	last  map[string]time.Time
	lines []string
}

func newTold() *told {
	return &told{ids: map[string]bool{}, open: map[string]bool{}, phase: map[string]int{}, last: map[string]time.Time{}}
}

// take checks what a function of the Tracker's returns.
func (d *told) take(t *rapid.T, kept keeper, f func(time.Time) ([]*switchhook.Event, []source.Belief)) func(time.Time) {
	return func(now time.Time) {
		events, changed := f(now)
		kept.keep(changed)
		for _, ev := range events {
			d.check(t, ev)
		}
	}
}

func (d *told) check(t *rapid.T, ev *switchhook.Event) {
	d.lines = append(d.lines, fmt.Sprint(ev.OccurredAt.Sub(midnight()).Seconds(), " ", ev.Type, " ", string(ev.Data)))
	fail := func(format string, args ...any) {
		t.Fatalf(format+"\n%s", append(args, strings.Join(d.lines, "\n"))...)
	}
	if d.ids[ev.ID] {
		if once(ev.Type) {
			fail("the id %s comes twice", ev.ID)
		}
		return // what can be so again and again is known downstream by its id
	}
	d.ids[ev.ID] = true
	if strings.HasPrefix(ev.Type, "custom.") {
		return
	}
	var data switchhook.Resources
	if err := json.Unmarshal(ev.Data, &data); err != nil {
		t.Fatal(err)
	}
	if data.Call == nil {
		return
	}
	root := data.Call.Root()
	if ev.OccurredAt.Before(d.last[root]) {
		fail("%s is before what was told of the call", ev.Type)
	}
	d.last[root] = ev.OccurredAt
	family, what, _ := strings.Cut(ev.Type, ".")
	switch family {
	case "call":
		phase := slices.Index([]string{"", "created", "ringing", "answered", "bridged", "hungup"}, what)
		switch {
		case phase == 1 && d.phase[root] != 0 && !d.open["leg "+root]:
			fail("call %s is created twice", root)
		case phase > 0 && what != "bridged" && phase <= d.phase[root] && what != "created":
			fail("%s of %s comes too late", ev.Type, root)
		case what != "created" && what != "cdr" && (d.phase[root] == 0 || d.phase[root] == 5):
			fail("%s of %s, which is not open", ev.Type, root)
		}
		if phase > 0 {
			d.phase[root] = phase
		}
		d.open["call "+root] = d.phase[root] < 5
	case "leg":
		key := "leg " + data.Call.ID
		switch {
		case d.phase[root] == 0 || d.phase[root] == 5:
			fail("%s of the call %s, which is not open", ev.Type, root)
		case what == "created" && d.open[key]:
			fail("leg %s is created twice", data.Call.ID)
		case what != "created" && !d.open[key] && data.Call.ID != root && d.phase[data.Call.ID] == 0:
			fail("%s of %s, which is not open", ev.Type, data.Call.ID)
		}
		d.open[key] = what != "hungup"
	case "queuecall":
		key := "queuecall " + data.QueueCall.ID
		if d.open[key] == (what == "created") {
			fail("%s of %s", ev.Type, key)
		}
		d.open[key] = what != "done" && what != "abandoned" && what != "kicked"
	default:
		if d.phase[root] == 0 && !slices.Contains([]string{"voicemail", "fax"}, family) {
			fail("%s of the call %s, which is not known", ev.Type, root)
		}
	}
}

// once reports whether nothing can happen twice to the same leg.
func once(typ string) bool {
	switch family, what, _ := strings.Cut(typ, "."); family {
	case "call", "leg":
		return slices.Contains([]string{"created", "ringing", "answered", "hungup", "missed"}, what)
	case "extension", "queuecall":
		return true
	default:
		return false
	}
}

// Facts come at most by some thousands a second; this does one at a time, as it comes.
func BenchmarkFold(b *testing.B) {
	if _, err := os.Stat("testdata"); err != nil {
		b.Fatal(err)
	}
	files := allFacts(b)
	n, calls := 0, 0
	tr := track.New(track.Options{Source: "pbx", Account: "acme"})
	b.ReportAllocs()
	for b.Loop() {
		facts := files[calls%len(files)]
		for _, f := range facts {
			tr.Fold([]source.Fact{rename(f, fmt.Sprint(calls))})
		}
		n += len(facts)
		calls++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "facts/s")
}
