package asterisk

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestExplore(t *testing.T) {
	files, _ := filepath.Glob("/tmp/rec/*/*.ami")
	for _, f := range files {
		b, _ := os.ReadFile(f)
		out := factLines(translateAll(t, &Options{}, b))
		os.WriteFile(f[:len(f)-4]+".facts", []byte(out), 0o644)
		b, _ = os.ReadFile(f[:len(f)-4] + ".ari")
		r, tr := &ariReader{}, newTranslator(&Options{})
		out = ""
		for line := range bytes.Lines(b) {
			ms, err := r.messages(line)
			if err != nil {
				t.Error(f, err)
			}
			for _, m := range ms {
				out += factLines(tr.translate(m, time.Time{}))
			}
		}
		os.WriteFile(f[:len(f)-4]+".arifacts", []byte(out), 0o644)
	}
}
