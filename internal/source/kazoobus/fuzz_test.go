package kazoobus

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
)

// samples are all messages of the golden files.
func samples(tb testing.TB) (all [][]byte) {
	tb.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		for i, f := range txtar.Parse(data).Files {
			if i%2 == 0 {
				all = append(all, messagesOf(tb, f.Data)...)
			}
		}
	}
	return all
}

// Whatever a message is, it is refused or makes events that can be accepted.
func FuzzTranslate(f *testing.F) {
	for _, m := range samples(f) {
		f.Add([]byte(m))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		facts, err := newTranslator(&Options{}, nil).translate(body, received())
		if err != nil {
			return
		}
		tracker := newTracker("kazoo")
		events, _ := tracker.Fold(facts)
		later, _ := tracker.Tick(received().Add(time.Second))
		for _, ev := range append(events, later...) {
			if err := sourcetest.Accept(ev); err != nil && len(ev.Data) < 1<<20 {
				t.Errorf("%s: %v", ev.Type, err)
			}
			if !switchhook.ValidEventID(ev.ID) {
				t.Errorf("%s has the id %q", ev.Type, ev.ID)
			}
		}
	})
}

// Whatever messages of calls come in whatever order, with whatever missing and whatever
// twice: each call and each leg begins once and ends once, in that order, and once all
// channels are gone, nothing goes on.
func TestAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tr, tracker := newTranslator(&Options{}, nil), newTracker("kazoo")
		var events []*switchhook.Event
		known := map[string]bool{}
		tell := func(told []*switchhook.Event, _ []source.Belief) {
			for _, ev := range told {
				if !known[ev.ID] {
					known[ev.ID] = true
					events = append(events, ev)
				}
			}
		}
		at := received()
		say := func(m map[string]any) {
			body, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			facts, err := tr.translate(body, at)
			if err != nil {
				t.Fatal(err)
			}
			tell(tracker.Fold(facts))
		}
		legs := rapid.IntRange(1, 5).Draw(t, "legs")
		name := func(i int) string { return fmt.Sprintf("leg-%d", i) }
		message := func(event string, i int) map[string]any {
			at = at.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
			m := map[string]any{
				"Event-Category": callEvent, "Event-Name": event, "Msg-ID": fmt.Sprint(at.UnixMicro()), "Call-ID": name(i), "Call-Direction": "inbound",
				"Caller-ID-Number": "+12025550143", "Request": "+12025550100@example.com", "Channel-Name": "sofia/x/" + name(i),
				"Channel-Created-Time": fmt.Sprint(received().UnixMicro() + int64(i)),
			}
			if i > 0 {
				m["Call-Direction"], m["Other-Leg-Call-ID"] = "outbound", name((i-1)/2)
			}
			if i == 3 {
				m["Channel-Name"], m["Channel-Loopback-Other-Leg-ID"] = "loopback/x-a", name(4)
			}
			if rapid.Bool().Draw(t, "account") {
				m["Custom-Channel-Vars"] = map[string]string{"Account-ID": "4f6a", "Authorizing-Type": "device"}
			}
			return m
		}
		kinds := []string{"CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_ANSWER", "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE", "CHANNEL_HOLD", "CHANNEL_UNHOLD", "CHANNEL_DESTROY", "CHANNEL_REPLACED", "CHANNEL_TRANSFEROR"}
		for range rapid.IntRange(1, 25).Draw(t, "messages") {
			m := message(rapid.SampledFrom(kinds).Draw(t, "event"), rapid.IntRange(0, legs-1).Draw(t, "leg"))
			m["Bridge-B-Unique-ID"] = name(rapid.IntRange(0, legs-1).Draw(t, "other"))
			m["Replaced-By"], m["Hangup-Cause"] = m["Bridge-B-Unique-ID"], rapid.SampledFrom([]string{"NORMAL_CLEARING", "NO_ANSWER", "ORIGINATOR_CANCEL", ""}).Draw(t, "cause")
			for range rapid.IntRange(1, 2).Draw(t, "times") {
				say(m)
			}
			if rapid.IntRange(0, 5).Draw(t, "tick") == 0 {
				tell(tracker.Tick(at))
				tell(tracker.Tick(at.Add(2 * time.Second)))
			}
		}
		for i := range legs {
			say(message("CHANNEL_DESTROY", i))
		}
		for i := range 4 {
			tell(tracker.Tick(at.Add(time.Duration(i*2) * time.Second)))
		}
		begun, over := map[string]bool{}, map[string]bool{}
		for _, ev := range events {
			id := callID(ev)
			switch ev.Type {
			case "call.created":
				if begun[id] {
					t.Fatalf("%s begins twice", id)
				}
				begun[id] = true
			case "call.hungup":
				if !begun[id] || over[id] {
					t.Fatalf("%s ends without having begun, or twice", id)
				}
				over[id] = true
			case "call.answered", "call.held", "call.ringing":
				if !begun[id] || over[id] {
					t.Fatalf("%s of %s comes before its beginning or after its end", ev.Type, id)
				}
			}
		}
		for id := range begun {
			if !over[id] {
				t.Fatalf("%s does not end: %v", id, typesOf(events))
			}
		}
	})
}

func typesOf(events []*switchhook.Event) (all []string) {
	for _, ev := range events {
		all = append(all, ev.Type+" "+callID(ev))
	}
	return all
}

func BenchmarkTranslate(b *testing.B) {
	all := slices.Collect(func(yield func([]byte) bool) {
		for _, m := range callOf("one", true) {
			if !yield([]byte(m.body)) {
				return
			}
		}
	})
	t := newTranslator(&Options{}, map[string]string{"4f6a": "acme"})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := t.translate(all[i%len(all)], received()); err != nil {
			b.Fatal(err)
		}
	}
}
