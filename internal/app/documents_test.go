package app_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/app"
)

var update = flag.Bool("update", false, "write the generated parts of the documents anew")

// The README's table of options is the program's own.
func TestDocuments(t *testing.T) {
	t.Parallel()
	const file = "../../README.md"
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), "<!-- options: generated from internal/app/config.go by `make generate` -->\n")
	had, after, ok2 := strings.Cut(rest, "<!-- options end -->")
	if !ok || !ok2 {
		t.Fatal("the README has lost the marks around its table of options")
	}
	want := options()
	if had == want {
		return
	}
	if !*update {
		t.Fatalf("the README's table of options is stale; run make generate:\n%s", cmp.Diff(had, want))
	}
	out := before + "<!-- options: generated from internal/app/config.go by `make generate` -->\n" + want + "<!-- options end -->" + after
	if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
}

func options() string {
	var b strings.Builder
	b.WriteString("| flag | variable | YAML | default | meaning |\n|---|---|---|---|---|\n")
	for _, o := range app.Options() {
		flag, def := "", ""
		if o.Flag != "" {
			flag = "`--" + o.Flag + "`"
		}
		if o.Default != "" {
			def = "`" + o.Default + "`"
		}
		fmt.Fprintf(&b, "| %s | `%s` | `%s` | %s | %s |\n", flag, o.Variable, o.YAML, def, o.Usage)
	}
	return b.String()
}
