package track_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/track"
)

var update = flag.Bool("update", false, "write the golden files anew; compare them by eye")

// A golden file has facts, one a line:
//
//	LegStarted 0.5 Leg=A Call=A Device=trunk Trunk=true Caller=0301234 Ada
//
// the name, the seconds since midnight or 07:15:30.5, and its members. Values go on to the
// next member. Those that are no text are JSON; a Line is also number and name. What a
// Present has follows it, a fact a line, with a tab before it. Tick is two of the Tracker's,
// a second apart; Restart puts everything that it believes into a new one.
//
// Then it has the events that must follow, one a line: the time, the type, the account if
// it is not acme, and what is in the data, with the members of call by their bare names.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			script := scriptOf(t, a)
			got, told, kept := script.run(t, 0, keeper{})
			for i := range script.steps {
				rest, _, _ := script.run(t, i, kept[i])
				if !slices.Equal(got[told[i]:], rest) {
					t.Fatalf("after a restart before line %d: wanted (-), got (+):\n%s", i+1, cmp.Diff(got[told[i]:], rest))
				}
			}
			file := slices.IndexFunc(a.Files, func(f txtar.File) bool { return f.Name == "events" })
			text := strings.Join(got, "\n") + "\n"
			if *update {
				if file < 0 {
					file = len(a.Files)
					a.Files = append(a.Files, txtar.File{Name: "events"})
				}
				a.Files[file].Data = []byte(text)
				if err := os.WriteFile(name, txtar.Format(a), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(a.Files[file].Data), text); diff != "" {
				t.Errorf("wanted (-), got (+):\n%s", diff)
			}
		})
	}
}

// A script is a golden file's facts and options.
type script struct {
	options track.Options
	steps   []any // facts, and "Restart"
	clock   bool  // the times are written as on a clock
}

type tick time.Time

func scriptOf(tb testing.TB, a *txtar.Archive) *script {
	tb.Helper()
	s := &script{options: track.Options{Source: "pbx", Account: "acme"}}
	for _, f := range a.Files {
		switch f.Name {
		case "facts":
			s.steps, s.clock = readFacts(tb, string(f.Data))
		case "accounts": // a name and whose it is
			s.options.Accounts = map[string]string{}
			for line := range strings.Lines(string(f.Data)) {
				name, account, _ := strings.Cut(strings.TrimSpace(line), " ")
				s.options.Accounts[name] = account
			}
		case "owners": // schema, name, account, id
			rows := strings.Split(strings.TrimSpace(string(f.Data)), "\n")
			s.options.Owner = func(schema, name string) (account, id string, ok bool) {
				for _, row := range rows {
					if w := strings.Fields(row); w[0] == schema && w[1] == name {
						return w[2], w[3], true
					}
				}
				return "", "", false
			}
		}
	}
	return s
}

// run folds the facts one by one, from one of them on, when so much is believed, and writes
// the events down. All must be right for the catalogue, and none must have the id of
// another. told and before are how many there were before each fact, and what was believed.
func (s *script) run(tb testing.TB, from int, kept keeper) (lines []string, told []int, before []keeper) {
	tb.Helper()
	kept = maps.Clone(kept)
	tr := kept.restore(tb, s.options)
	ids := map[string]string{}
	for _, step := range s.steps[from:] {
		if from == 0 {
			told, before = append(told, len(lines)), append(before, maps.Clone(kept))
		}
		if step == "Restart" {
			tr = kept.restore(tb, s.options)
		}
		var events []*switchhook.Event
		var changed []source.Belief
		switch x := step.(type) {
		case tick:
			for range 2 { // what is open at the first is decided at the second
				again, more := tr.Tick(time.Time(x))
				events, changed = append(events, again...), append(changed, more...)
				x = tick(time.Time(x).Add(time.Second))
			}
		case source.Fact:
			events, changed = tr.Fold([]source.Fact{x})
		}
		kept.keep(changed)
		for _, ev := range events {
			line := s.describe(tb, ev)
			if same, known := ids[ev.AccountID+ev.ID]; known {
				tb.Fatalf("two events have the id %s:\n%s\n%s", ev.ID, same, line)
			}
			ids[ev.AccountID+ev.ID] = line
			lines = append(lines, line)
		}
	}
	return lines, told, before
}

// A keeper keeps beliefs as the store does.
type keeper map[string]json.RawMessage

func (k keeper) keep(changed []source.Belief) {
	for _, b := range changed {
		if b.Data == nil {
			delete(k, b.ID)
		} else {
			k[b.ID] = b.Data
		}
	}
}

func (k keeper) restore(tb testing.TB, o track.Options) *track.Tracker {
	tb.Helper()
	tr := track.New(o)
	for id, data := range k {
		if err := tr.Restore(source.Belief{ID: id, Data: data}); err != nil {
			tb.Fatal(err)
		}
	}
	return tr
}

// midnight is when the seconds of facts begin.
func midnight() time.Time { return time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC) }

func (s *script) describe(tb testing.TB, ev *switchhook.Event) string {
	tb.Helper()
	typ, known := catalogue.Lookup(ev.Type)
	if !known {
		tb.Fatalf("the catalogue has no %s", ev.Type)
	}
	if errs := catalogue.Check(typ, ev.Data, "data"); len(errs) > 0 {
		tb.Fatalf("%s %s: %v", ev.Type, ev.Data, errs)
	}
	if !switchhook.ValidEventID(ev.ID) {
		tb.Fatalf("%s: the id %s", ev.Type, ev.ID)
	}
	b := &strings.Builder{}
	if at := ev.OccurredAt.UTC(); s.clock {
		b.WriteString(at.Format("15:04:05.000000"))
	} else {
		fmt.Fprintf(b, "%.2f", at.Sub(midnight()).Seconds())
	}
	b.WriteString(" " + ev.Type)
	if ev.AccountID != "acme" {
		b.WriteString(" [" + ev.AccountID + "]")
	}
	var data map[string]any
	if err := json.Unmarshal(ev.Data, &data); err != nil {
		tb.Fatal(err)
	}
	flatten(b, "", ev.Data)
	return b.String()
}

// flatten writes the members of an object, one behind the other.
func flatten(b *strings.Builder, prefix string, data []byte) {
	d := json.NewDecoder(bytes.NewReader(data))
	_, _ = d.Token()
	for d.More() {
		name, _ := d.Token()
		var value json.RawMessage
		_ = d.Decode(&value)
		path := fmt.Sprint(prefix, name)
		switch {
		case path == "call.extra" || path == "call.notify":
		case value[0] == '{':
			flatten(b, path+".", value)
		default:
			fmt.Fprintf(b, " %s=%s", strings.TrimPrefix(path, "call."), strings.Trim(string(value), `"`))
		}
	}
}

// kinds are the facts by name.
func kinds() map[string]reflect.Type {
	m := map[string]reflect.Type{}
	for _, f := range []source.Fact{
		source.LegStarted{},
		source.LegRinging{},
		source.LegAnswered{},
		source.Dialled{},
		source.DialEnded{},
		source.PartyChanged{},
		source.Linked{},
		source.BridgeEntered{},
		source.BridgeLeft{},
		source.Held{},
		source.Transferred{},
		source.PickedUp{},
		source.Parking{},
		source.DTMF{},
		source.Recording{},
		source.LegEnded{},
		source.EndRecorded{},
		source.CallEnded{},
		source.QueueJoined{},
		source.QueueLeft{},
		source.AgentCalled{},
		source.AgentMissed{},
		source.AgentConnected{},
		source.QueueAbandoned{},
		source.QueueCompleted{},
		source.AgentStatus{},
		source.VoicemailCount{},
		source.FaxEnded{},
		source.Conferred{},
		source.Registered{},
		source.Texted{},
		source.Detailed{},
		source.Custom{},
		source.Present{},
		source.Alive{},
	} {
		m[reflect.TypeOf(f).Name()] = reflect.TypeOf(f)
	}
	return m
}

func readFacts(tb testing.TB, text string) (steps []any, clock bool) {
	tb.Helper()
	var present *source.Present
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
			continue
		case line == "Restart":
			steps = append(steps, line)
			continue
		case strings.HasPrefix(line, "\t"):
			fact, _ := readFact(tb, strings.TrimSpace(line))
			belongs(tb, present, fact)
			steps[len(steps)-1] = *present
			continue
		case strings.HasPrefix(line, "Tick "):
			at, _ := readTime(tb, strings.Fields(line)[1])
			steps = append(steps, tick(at))
			continue
		}
		fact, onClock := readFact(tb, line)
		clock = clock || onClock
		if p, ok := fact.(source.Present); ok {
			present = &p
		}
		steps = append(steps, fact)
	}
	return steps, clock
}

// belongs puts a fact into what is present.
func belongs(tb testing.TB, p *source.Present, fact source.Fact) {
	tb.Helper()
	switch f := fact.(type) {
	case source.LegStarted:
		p.Legs = append(p.Legs, f)
	case source.QueueJoined:
		p.Waiting = append(p.Waiting, f)
	case source.AgentStatus:
		p.Agents = append(p.Agents, f)
	case source.Registered:
		p.Devices = append(p.Devices, f)
	case source.VoicemailCount:
		p.Mailboxes = append(p.Mailboxes, f)
	case source.Parking:
		p.ParkedLegs = append(p.ParkedLegs, f)
	default:
		tb.Fatalf("a Present has no %T", fact)
	}
}

var member = regexp.MustCompile(` ([A-Z][A-Za-z0-9]*)=`)

func readFact(tb testing.TB, line string) (_ source.Fact, clock bool) {
	tb.Helper()
	name, rest, _ := strings.Cut(line, " ")
	kind, ok := kinds()[name]
	if !ok {
		tb.Fatalf("no fact is called %s", name)
	}
	stamp, rest, _ := strings.Cut(rest, " ")
	at, clock := readTime(tb, stamp)
	v := reflect.New(kind).Elem()
	v.FieldByName("When").Set(reflect.ValueOf(source.When(at)))
	rest = " " + rest
	for i, m := range member.FindAllStringSubmatchIndex(rest, -1) {
		value := rest[m[1]:]
		if next := member.FindAllStringSubmatchIndex(rest, -1); i+1 < len(next) {
			value = rest[m[1]:next[i+1][0]]
		}
		field := v.FieldByName(rest[m[2]:m[3]])
		if !field.IsValid() {
			tb.Fatalf("%s: there is no %s", line, rest[m[2]:m[3]])
		}
		readMember(tb, field, value)
	}
	fact, _ := reflect.TypeAssert[source.Fact](v)
	return fact, clock
}

func readMember(tb testing.TB, field reflect.Value, value string) {
	tb.Helper()
	target := field.Addr().Interface()
	number, name, _ := strings.Cut(value, " ")
	var err error
	switch x := target.(type) {
	case *string:
		*x = strings.ReplaceAll(value, `\xff`, "\xff")
	case *source.Outcome:
		*x = source.Outcome(value)
	case *source.ParkStep:
		*x = source.ParkStep(value)
	case *time.Duration:
		*x, err = time.ParseDuration(value)
	case *json.RawMessage:
		*x = json.RawMessage(value)
	case *source.Line:
		if *x = (source.Line{Number: number, Name: strings.ReplaceAll(name, `\xff`, "\xff")}); value[0] == '{' {
			err = json.Unmarshal([]byte(value), x)
		}
	case **source.Line:
		if *x = (&source.Line{Number: number, Name: name}); value[0] == '{' {
			err = json.Unmarshal([]byte(value), *x)
		}
	default:
		if value != "" {
			err = json.Unmarshal([]byte(value), target)
		}
	}
	if err != nil {
		tb.Fatalf("%s: %v", value, err)
	}
}

func readTime(tb testing.TB, s string) (at time.Time, clock bool) {
	tb.Helper()
	if strings.Contains(s, ":") {
		at, err := time.Parse("2006-01-02 15:04:05", "2026-11-20 "+s)
		if err != nil {
			tb.Fatal(err)
		}
		return at, true
	}
	seconds, err := strconv.ParseFloat(s, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return midnight().Add(time.Duration(seconds * float64(time.Second)).Round(time.Microsecond)), false
}
