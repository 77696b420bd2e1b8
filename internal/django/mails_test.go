package django

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Whole mails, as people write them. What they make is read by a person before it is committed.
func TestMails(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/mails/*.txtar")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parts := map[string]*txtar.File{}
			for i := range a.Files {
				parts[a.Files[i].Name] = &a.Files[i]
			}
			data := dataOf(t, string(parts["data.json"].Data))
			for _, name := range []string{"subject", "text", "html"} {
				got, err := fill(t, string(parts[name].Data), Options{HTML: name == "html"}, data)
				if err != nil {
					t.Error(name, err)
				}
				want := parts["want."+name]
				if *update {
					want.Data = []byte(got)
				} else if diff := cmp.Diff(string(want.Data), got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// What it costs to make a mail about a voicemail, and to read its templates.
func BenchmarkVoicemail(b *testing.B) {
	a, err := txtar.ParseFile("testdata/mails/voicemail.txtar")
	if err != nil {
		b.Fatal(err)
	}
	data := dataOf(b, string(a.Files[0].Data))
	now := afternoon(b)
	var templates []*Template
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			templates = templates[:0]
			for _, f := range a.Files[1:4] {
				t, err := Parse(string(f.Data), Options{HTML: f.Name == "html"})
				if err != nil {
					b.Fatal(err)
				}
				templates = append(templates, t)
			}
		}
	})
	b.Run("render", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, t := range templates {
				if _, err := t.Render(b.Context(), data, now); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
