package asterisk

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
)

var update = flag.Bool("update", false, "write the golden files anew; compare them with the frames by eye")

// received is when the frames of tests were received.
func received() time.Time { return time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC) }

// framesOf cuts a stream into frames.
func framesOf(tb testing.TB, stream []byte) [][]byte {
	tb.Helper()
	var frames [][]byte
	r := newFrameReader(bytes.NewReader(stream))
	for {
		frame, err := r.next()
		if err != nil {
			return frames
		}
		frames = append(frames, bytes.Clone(frame))
	}
}

// Each file has options (JSON, if any), the frames of a connection or the name of a recorded
// stream, and the facts that they make.
func TestTranslate(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/facts/*.txtar")
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
			o, frames, facts, ari := &Options{}, []byte(nil), -1, false
			for i, f := range a.Files {
				switch f.Name {
				case "options":
					if err := json.Unmarshal(f.Data, o); err != nil {
						t.Fatal(err)
					}
				case "frames":
					frames = f.Data
				case "stream": // of a file
					ari = strings.HasSuffix(string(bytes.TrimSpace(f.Data)), ".ndjson")
					if frames, err = os.ReadFile(filepath.Join("testdata", strings.TrimSpace(string(f.Data)))); err != nil {
						t.Fatal(err)
					}
				case "facts":
					facts = i
				}
			}
			got := sourcetest.Facts(translateAll(t, o, frames))
			if ari {
				got = sourcetest.Facts(translateARI(t, frames))
			}
			if *update {
				if facts < 0 {
					a.Files = append(a.Files, txtar.File{Name: "facts"})
					facts = len(a.Files) - 1
				}
				a.Files[facts].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(a), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(a.Files[facts].Data), got); diff != "" {
				t.Errorf("the facts differ (-want +got):\n%s", diff)
			}
		})
	}
}

func translateAll(tb testing.TB, o *Options, stream []byte) []source.Fact {
	tb.Helper()
	tr := newTranslator(o)
	var facts []source.Fact
	for _, frame := range framesOf(tb, stream) {
		facts = append(facts, tr.translate(Parse(frame), received())...)
	}
	return facts
}
