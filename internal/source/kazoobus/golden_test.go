package kazoobus

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
	"github.com/switchhook/switchhook/internal/track"
)

var update = flag.Bool("update", false, "write the golden files anew; compare them with the messages by eye")

// received is when the messages of tests were received.
func received() time.Time { return time.Date(2026, 11, 15, 22, 20, 0, 0, time.UTC) }

// messagesOf cuts a file into messages.
func messagesOf(tb testing.TB, file []byte) (all [][]byte) {
	tb.Helper()
	d := json.NewDecoder(bytes.NewReader(file))
	for {
		var m json.RawMessage
		err := d.Decode(&m)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, m)
	}
}

func newTracker(source string) *track.Tracker {
	return track.New(track.Options{Source: source, Account: "root", Accounts: map[string]string{}})
}

// describe writes an event in a line, and below it what the dialect kazoo passes on.
func describe(ev *switchhook.Event) string {
	s := fmt.Sprintf("%s %s %s %s\n", ev.Type, ev.AccountID, ev.OccurredAt.UTC().Format("2006-01-02T15:04:05.999999"), ev.Data)
	if o := ev.Original; o != nil {
		s += "    " + o.System + " " + o.Version + " " + o.Body + "\n"
	}
	return s
}

// Each file has messages of the bus, and the events that they make, or why they are refused.
func TestMessages(t *testing.T) {
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
			for i := 0; i+1 < len(a.Files); i += 2 {
				messages, events := a.Files[i], &a.Files[i+1]
				if !strings.HasSuffix(messages.Name, "messages") || !strings.HasSuffix(events.Name, "events") {
					t.Fatalf("expected messages and events, got %s and %s", messages.Name, events.Name)
				}
				got := eventsOf(t, messages.Data)
				if *update {
					events.Data = []byte(got)
				} else if d := cmp.Diff(string(events.Data), got); d != "" {
					t.Errorf("%s (-want +got):\n%s", messages.Name, d)
				}
			}
			if *update {
				if err := os.WriteFile(name, txtar.Format(a), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// eventsOf are the events of messages, each told twice, as a server and a second zone do.
func eventsOf(t *testing.T, file []byte) string {
	t.Helper()
	tr, tracker := newTranslator(&Options{}, map[string]string{"4f6a": "acme"}), newTracker("kazoo")
	var got strings.Builder
	known := map[string]bool{}
	add := func(events []*switchhook.Event) {
		for _, ev := range events {
			if known[ev.ID] {
				continue
			}
			known[ev.ID] = true
			got.WriteString(describe(ev))
			if err := sourcetest.Accept(ev); err != nil {
				t.Errorf("%s cannot be accepted: %v", ev.Type, err)
			}
		}
	}
	now := received()
	for _, m := range messagesOf(t, file) {
		facts, err := tr.translate(m, received())
		if err != nil {
			fmt.Fprintf(&got, "refused: %v\n", err)
			continue
		}
		for range 2 {
			events, _ := tracker.Fold(facts)
			add(events)
		}
	}
	for range 4 {
		now = now.Add(2 * time.Second)
		events, _ := tracker.Tick(now)
		add(events)
	}
	return got.String()
}

var _ source.Connector = (*Connector)(nil)
