package asterisk

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
)

// streams calls a test for each recorded scenario, with what AMI said and what ARI did.
func streams(t *testing.T, test func(t *testing.T, ami, ari []source.Fact)) {
	t.Helper()
	t.Parallel()
	files, err := filepath.Glob("testdata/streams/*/*.ami")
	if err != nil || len(files) < 80 {
		t.Fatalf("%d recordings (%v)", len(files), err)
	}
	for _, name := range files {
		t.Run(strings.TrimPrefix(strings.TrimSuffix(name, ".ami"), "testdata/streams/"), func(t *testing.T) {
			t.Parallel()
			ami, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			ari, err := os.ReadFile(strings.TrimSuffix(name, ".ami") + ".ari.ndjson")
			if err != nil && !errors.Is(err, fs.ErrNotExist) { // it said nothing
				t.Fatal(err)
			}
			test(t, translateAll(t, &Options{}, ami), translateARI(t, ari))
		})
	}
}

func translateARI(t *testing.T, events []byte) (facts []source.Fact) {
	t.Helper()
	r, tr := &ariReader{}, newTranslator(&Options{})
	for line := range bytes.Lines(events) {
		messages, err := r.messages(line)
		if err != nil {
			t.Errorf("%v: %s", err, line)
		}
		for _, m := range messages {
			facts = append(facts, tr.translate(m, received())...)
		}
	}
	return facts
}

// AMI and ARI say the same of legs. Only their order may differ, and their clocks.
func TestAMIAndARIAgree(t *testing.T) {
	streams(t, func(t *testing.T, ami, ari []source.Fact) {
		t.Helper()
		if len(ari) == 0 || strings.HasSuffix(t.Name(), "22/name-latin1") { // a name that ARI leaves out, as JSON has no bytes
			t.Skip("ARI was not recorded, or does not tell")
		}
		at := regexp.MustCompile(` \d\d:\d\d:\d\d\.\d+|  ?SIPCallID=\S+`)
		lines := func(facts []source.Fact) (all []string) {
			for _, f := range facts {
				if !ofLeg(f) {
					continue
				}
				all = append(all, at.ReplaceAllString(sourcetest.Fact(f), ""))
			}
			slices.Sort(all)
			return all
		}
		if diff := cmp.Diff(lines(ami), lines(ari)); diff != "" {
			t.Errorf("(-AMI +ARI)\n%s", diff)
		}
	})
}

// Each leg starts once and ends once, and in between happens what happens to it. (But for
// the one that carries text messages: it stays.)
func TestLegsStartAndEnd(t *testing.T) {
	streams(t, func(t *testing.T, ami, _ []source.Fact) {
		t.Helper()
		if strings.HasSuffix(t.Name(), "/killed") {
			t.Skip("Asterisk had no time to say so")
		}
		open, ended := map[string]bool{}, map[string]bool{}
		for _, f := range ami {
			leg := ""
			switch f := f.(type) {
			case source.LegStarted:
				if open[f.Leg] || ended[f.Leg] {
					t.Errorf("%s starts twice", f.Leg)
				}
				open[f.Leg] = f.Device != "ast_msg_queue"
			case source.LegEnded:
				if !open[f.Leg] {
					t.Errorf("%s ends, but is not there", f.Leg)
				}
				delete(open, f.Leg)
				ended[f.Leg] = true
			case source.LegAnswered:
				leg = f.Leg
			case source.BridgeEntered:
				leg = f.Leg
			case source.Held:
				leg = f.Leg
			case source.Dialled:
				leg = f.To
			}
			if leg != "" && !open[leg] {
				t.Errorf("%s, but the leg is not there", sourcetest.Fact(f))
			}
		}
		for leg, is := range open {
			if is {
				t.Errorf("%s does not end", leg)
			}
		}
	})
}

// What is remembered of legs is forgotten when they end, so memory does not grow with calls.
func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/streams/*/*.ami")
	if err != nil {
		t.Fatal(err)
	}
	tr := newTranslator(&Options{})
	for _, name := range files {
		if strings.HasSuffix(name, "/killed.ami") {
			continue // nobody said that those ended; the next connection has a translator of its own
		}
		stream, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, frame := range framesOf(t, stream) {
			tr.translate(Parse(frame), received())
		}
		for id, l := range tr.legs {
			if !strings.HasPrefix(l.channel, "Message/") {
				t.Errorf("%s: %s of %s is left", name, l.channel, id)
			}
			delete(tr.legs, id)
		}
		if len(tr.halves)+len(tr.served) > 0 {
			t.Errorf("%s: %v and %v are left", name, tr.halves, tr.served)
		}
	}
}
