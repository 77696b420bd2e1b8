package asterisk

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/calls"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
	"github.com/switchhook/switchhook/internal/track"
)

// What Asterisk said of each scenario, as calls, against what it wrote into its own books:
// one call for each linked id, answered where the CDR has an answer, as long as the CDR has
// it to the second, and of each queue what queue_log has.
func TestBooks(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/streams/*/*.ami")
	if err != nil || len(files) == 0 {
		t.Fatal("no recordings", err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "/killed.ami") { // it wrote nothing more
			continue
		}
		t.Run(strings.TrimPrefix(strings.TrimSuffix(name, ".ami"), "testdata/streams/"), func(t *testing.T) {
			t.Parallel()
			stream, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			told := newTold(t)
			tr := newTranslator(&Options{})
			for i, frame := range framesOf(t, stream) {
				if i > 0 && bytes.HasPrefix(frame, []byte("Asterisk Call Manager/")) { // a new connection, after a restart
					told.fold(source.Present{When: source.When(told.last)})
					tr = newTranslator(&Options{})
				}
				told.fold(tr.translate(Parse(frame), received())...)
			}
			told.check(readCDRs(t, strings.TrimSuffix(name, ".ami")+".cdr.csv"))
			if diff := cmp.Diff(readQueueLog(t, strings.TrimSuffix(name, ".ami")+".queue_log"), told.queues); diff != "" {
				t.Errorf("queues: queue_log (-), told (+):\n%s", diff)
			}
		})
	}
}

// What ARI alone says of calls makes the same calls; and so does all that AMI and ARI say
// together, each thing twice.
func TestBooksOfARI(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/streams/22/*.ari.ndjson")
	if err != nil || len(files) == 0 {
		t.Fatal("no recordings", err)
	}
	for _, name := range files {
		base := strings.TrimSuffix(name, ".ari.ndjson")
		if b := filepath.Base(base); b == "restart" || b == "killed" { // two connections
			continue
		}
		t.Run(filepath.Base(base), func(t *testing.T) {
			t.Parallel()
			alone := newTold(t)
			facts := readARI(t, name)
			alone.fold(facts...)
			alone.check(readCDRs(t, base+".cdr.csv"))

			stream, err := os.ReadFile(base + ".ami")
			if err != nil {
				t.Fatal(err)
			}
			facts = append(facts, translateAll(t, &Options{}, stream)...)
			slices.SortStableFunc(facts, func(a, b source.Fact) int { return a.At().Compare(b.At()) })
			both := newTold(t)
			both.fold(facts...)
			both.check(readCDRs(t, base+".cdr.csv"))
			if diff := cmp.Diff(readQueueLog(t, base+".queue_log"), both.queues); diff != "" {
				t.Errorf("queues: queue_log (-), told (+):\n%s", diff)
			}
		})
	}
}

func readARI(t *testing.T, name string) (facts []source.Fact) {
	t.Helper()
	stream, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	tr, reader := newTranslator(&Options{}), &ariReader{}
	for line := range bytes.Lines(stream) {
		messages, err := reader.messages(line)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range messages {
			facts = append(facts, tr.translate(m, received())...)
		}
	}
	return facts
}

// What was told of a stream.
type told struct {
	t       *testing.T
	tracker *track.Tracker
	folder  *calls.Folder
	last    time.Time // that a fact had

	events []*switchhook.Event
	ids    map[string]bool
	calls  map[string]*switchhook.Call // as they were told last
	queues []string                    // call, queue and what happened
}

func newTold(t *testing.T) *told {
	t.Helper()
	return &told{t: t, tracker: track.New(track.Options{Source: "pbx", Account: sourcetest.Account}), folder: calls.New(), calls: map[string]*switchhook.Call{}, ids: map[string]bool{}}
}

func (d *told) fold(facts ...source.Fact) {
	for _, f := range facts {
		d.last = f.At()
		events, _ := d.tracker.Fold([]source.Fact{f})
		for _, ev := range events {
			d.take(ev)
		}
	}
}

// take completes an event as the product does, and notes what it says.
func (d *told) take(ev *switchhook.Event) {
	d.t.Helper()
	d.events = append(d.events, ev)
	if d.ids[ev.ID] && ev.Type != "call.cdr" && !strings.HasPrefix(ev.Type, "custom.") { // these are known by it
		d.t.Errorf("%s comes twice: %s", ev.Type, ev.Data)
	}
	d.ids[ev.ID] = true
	if err := sourcetest.Fold(d.folder, ev, received()); err != nil {
		d.t.Fatalf("%s: %v", ev.Type, err)
	}
	r := ev.Resources
	switch family, what, _ := strings.Cut(ev.Type, "."); family {
	case "call":
		d.order(what, r.Call)
		d.calls[r.Call.ID] = r.Call
	case "queuecall":
		word := map[string]string{"created": "enter", "serviced": "connect", "done": "complete", "abandoned": "abandon", "kicked": "exit"}[what]
		if word != "" {
			d.queues = append(d.queues, fmt.Sprint(r.Call.Root(), " ", r.QueueCall.QueueID, " ", word))
		}
	}
}

// order reports what comes in the wrong one.
func (d *told) order(what string, c *switchhook.Call) {
	d.t.Helper()
	was, ended := d.calls[c.ID], false
	if was != nil {
		ended = was.Status == "ended"
	}
	switch {
	case what == "created" && was != nil, what != "created" && was == nil:
		d.t.Errorf("call.%s of %s", what, c.ID)
	case ended && what != "cdr":
		d.t.Errorf("call.%s of %s, which has ended", what, c.ID)
	case what == "ringing" && !was.AnsweredAt.IsZero():
		d.t.Errorf("%s rings after it was answered", c.ID)
	case what == "bridged" && was.AnsweredAt.IsZero():
		d.t.Errorf("%s is bridged before it was answered", c.ID)
	}
}

// check compares the calls with the CDRs.
func (d *told) check(cdrs []cdr) {
	d.t.Helper()
	linked := map[string]bool{}
	for _, r := range cdrs {
		if !strings.HasPrefix(r.channel, "Local/") { // Asterisk called itself
			linked[r.linked] = true
		}
	}
	for id, c := range d.calls {
		var answer, end time.Time
		booked, lastApp := false, "" // the CDR of who is in a conference ends with that of another
		for _, r := range cdrs {
			if r.unique != id {
				continue
			}
			booked, lastApp = true, r.app
			if !r.answer.IsZero() && (answer.IsZero() || r.answer.Before(answer)) {
				answer = r.answer
			}
			if r.end.After(end) {
				end = r.end
			}
		}
		switch {
		case c.Status != "ended":
			d.t.Errorf("%s has not ended: %+v", id, c)
		case c.AnsweredAt.IsZero() != answer.IsZero():
			d.t.Errorf("%s: answered at %v, the CDR has %v", id, c.AnsweredAt, answer)
		case !booked && !c.AnsweredAt.IsZero():
			d.t.Errorf("%s was answered and has no CDR", id)
		case !booked: // Asterisk writes none of a call that led nowhere
			linked[id] = true
		case !answer.IsZero():
			if talk := end.Sub(answer); lastApp != "ConfBridge" && (talk-time.Duration(*c.BillableMS)*time.Millisecond).Abs() > time.Second {
				d.t.Errorf("%s: %d ms of talk, the CDR has %v", id, *c.BillableMS, talk)
			}
		}
	}
	if len(d.calls) != len(linked) {
		d.t.Errorf("%d calls: %v; the CDRs have %d: %v", len(d.calls), slices.Sorted(maps.Keys(d.calls)), len(linked), slices.Sorted(maps.Keys(linked)))
	}
	if d.t.Failed() {
		for _, ev := range d.events {
			d.t.Logf("%s %s %s", ev.OccurredAt.Format("05.000"), ev.Type, ev.Data)
		}
	}
}

// A cdr is what is compared of a call detail record.
type cdr struct {
	unique, linked, channel, app string

	answer, end time.Time
}

// readCDRs reads the book, which is not there as long as nothing is in it.
func readCDRs(t *testing.T, name string) (all []cdr) {
	t.Helper()
	f, err := os.Open(name)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		const channel, app, answer, end, unique, linked = 5, 7, 10, 11, 16, 19
		at := func(i int) time.Time {
			at, _ := time.Parse(time.DateTime, r[i]) // it is empty where there was none
			return at
		}
		all = append(all, cdr{r[unique], r[linked], r[channel], r[app], at(answer), at(end)})
	}
	return all
}

func readQueueLog(t *testing.T, name string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]string{
		"ENTERQUEUE": "enter", "CONNECT": "connect", "COMPLETEAGENT": "complete", "COMPLETECALLER": "complete", "BLINDTRANSFER": "complete",
		"ATTENDEDTRANSFER": "complete", "ABANDON": "abandon", "EXITWITHTIMEOUT": "exit", "EXITEMPTY": "exit", "EXITWITHKEY": "exit",
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if word := words[f[4]]; word != "" {
			all = append(all, fmt.Sprint(f[1], " ", f[2], " ", word))
		}
	}
	return all
}
