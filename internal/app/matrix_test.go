package app_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/app"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect/dialecttest"
)

// Every cell of the matrix type × dialect × format is proven by a golden file,
// or empty for a reason that is allowed.
func TestMatrixIsComplete(t *testing.T) {
	t.Parallel()
	reasons := reasonsForNothing(t)
	for _, d := range app.Dialects() {
		if d.Name() == "template" { // whatever the customer has written, for every type
			continue
		}
		golden := goldenCells(t, d.Name())
		formats := map[string][]string{}
		for _, row := range d.Table() {
			formats[row.Type] = append(formats[row.Type], row.Formats...)
		}
		for _, typ := range catalogue.All() {
			cell := d.Name() + " " + typ.Name
			_, empty := reasons[cell]
			switch {
			case len(formats[typ.Name]) == 0 && !empty:
				t.Errorf("%s: the dialect has nothing for it, and testdata/nothing.txt does not say why", cell)
			case len(formats[typ.Name]) > 0 && empty:
				t.Errorf("%s: testdata/nothing.txt says that the dialect has nothing for it, and it has", cell)
			}
			delete(reasons, cell)
			for _, format := range formats[typ.Name] {
				if !golden[typ.Name+" "+format] {
					t.Errorf("%s: no golden file shows it as %s", cell, format)
				}
			}
		}
	}
	for cell := range reasons {
		t.Errorf("testdata/nothing.txt speaks of %s, which is no cell", cell)
	}
}

func reasonsForNothing(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/nothing.txt")
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]string{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if !slices.Contains([]string{"no-event", "no-data"}, words[1]) {
			t.Errorf("testdata/nothing.txt: %q is no reason that is allowed", words[1])
		}
		for _, typ := range words[2:] {
			reasons[words[0]+" "+typ] = words[1]
		}
	}
	return reasons
}

// goldenCells are the "type format" that a dialect's golden files show: the
// format is read off the request itself.
func goldenCells(t *testing.T, name string) map[string]bool {
	t.Helper()
	cells := map[string]bool{}
	for file, parts := range dialecttest.Golden(t, filepath.Join("../dialect", name)) {
		var event struct{ Type string }
		if err := json.Unmarshal(parts["event.json"], &event); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		format := ""
		head, _, _ := strings.Cut(string(parts["request"]), "\n\n")
		switch {
		case strings.HasPrefix(head, "GET ") && !strings.Contains(head, "Content-Type: application/json"):
			format = "query"
		case strings.Contains(head, "Content-Type: application/x-www-form-urlencoded"):
			format = "form"
		case strings.Contains(head, "Content-Type: application/json"):
			format = "json"
		}
		cells[event.Type+" "+format] = true
	}
	return cells
}
