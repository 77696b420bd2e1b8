package switchhook_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/switchhook/switchhook"

// drawing says which of the project's packages each may import, besides the
// vocabulary at the root. It is the layout in docs/ARCHITECTURE.md as a test:
//
//	cmd → cli → app → everything else
//
// (bench stands between cli and app: it measures the whole. copying stands below cli alone.) The siblings (calls, track, directory, route, deliver, the dialects, sources, stores,
// api) do not know one another: each declares the few methods that it calls,
// and app lets them meet.
func drawing() map[string][]string {
	const contracts = "internal/dialect internal/source" // what a dialect and a source are; their kinds lie below
	return map[string][]string{
		".":                                     {}, // the vocabulary leans on nothing
		"cmd/switchhook":                        {"internal/cli"},
		"internal/cli":                          {"internal/app", "internal/bench", "internal/copying", "internal/sim", "internal/client", "internal/ordjson", "internal/source", "internal/source/asterisk", "internal/source/freeswitch", "internal/source/kamailio", "internal/source/kazoobus"}, // doctor asks a switch, without a program around it
		"internal/client":                       {},                                                                                                                                                                                                                                                 // an outsider: it knows the API by HTTP
		"internal/app":                          {"internal/*"},                                                                                                                                                                                                                                     // the one package that knows them all
		"internal/bench":                        {"internal/app", "internal/deliver/wire"},                                                                                                                                                                                                          // it compares the whole with a bare client
		"internal/copying":                      {"internal/store/sqlite", "internal/store/postgres", "internal/cluster"},                                                                                                                                                                           // it reads the tables by itself: a store that opens them would write
		"internal/ordjson":                      {},
		"internal/catalogue":                    {"internal/ordjson"},
		"internal/calls":                        {"internal/catalogue", "internal/ordjson"},
		"internal/directory":                    {"internal/catalogue", "internal/ordjson"},
		"internal/track":                        {"internal/source", "internal/catalogue", "internal/ordjson"},
		"internal/expression":                   {"internal/catalogue"},
		"internal/route":                        append(strings.Fields(contracts), "internal/catalogue", "internal/ordjson", "internal/expression"),
		"internal/deliver":                      append(strings.Fields(contracts), "internal/deliver/wire", "internal/deliver/reach", "internal/catalogue", "internal/ordjson"),
		"internal/deliver/wire":                 {"internal/deliver/reach"},
		"internal/deliver/reach":                {},
		"internal/api":                          append(strings.Fields(contracts), "internal/catalogue", "internal/ordjson", "internal/expression", "internal/mail"), // templates are shown and tried out by the book that is in force
		"internal/tally":                        {},
		"internal/django":                       {},
		"internal/mail":                         {"internal/django", "internal/dialect", "internal/catalogue", "internal/ordjson"},
		"internal/mail/post":                    {"internal/mail", "internal/deliver/wire", "internal/deliver/reach"},
		"internal/mail/gateway":                 {"internal/mail", "internal/django", "internal/deliver/wire"},
		"internal/web":                          {},
		"internal/openid":                       {},
		"internal/openid/openidtest":            {},
		"internal/dialect":                      {"internal/catalogue", "internal/ordjson"},
		"internal/dialect/dialecttest":          {"internal/dialect", "internal/catalogue", "internal/ordjson"},
		"internal/dialect/template":             {"internal/dialect", "internal/catalogue", "internal/ordjson", "internal/expression"},
		"internal/dialect/*":                    {"internal/dialect", "internal/catalogue", "internal/ordjson"},
		"internal/source":                       {"internal/catalogue", "internal/ordjson"},
		"internal/source/*":                     {"internal/source", "internal/catalogue", "internal/ordjson"},
		"internal/source/asterisk/asterisktest": {},
		"internal/source/kazoobus":              {"internal/source", "internal/source/kazoo", "internal/catalogue", "internal/ordjson"}, // the bus says what the webhooks say, in other names
		"internal/source/rabbittest":            {},
		"internal/source/freeswitch/*":          {},
		"internal/source/kamailio/kamailiotest": {},
		"internal/store":                        {"internal/catalogue"},
		"internal/store/storetest":              {"internal/store"},
		"internal/store/ledger":                 {"internal/store", "internal/catalogue"}, // what calls are searched by
		"internal/store/postgres":               {"internal/store/ledger", "internal/cluster"},
		"internal/store/postgres/pgtest":        {},
		"internal/cluster":                      {"internal/store/ledger", "internal/deliver/wire", "internal/cluster/line"}, // whoever follows sends for the leader
		"internal/cluster/line":                 {},
		"internal/store/memory":                 {"internal/store"},
		"internal/store/*":                      {"internal/store/ledger"},                  // the databases
		"internal/sim":                          {"internal/catalogue", "internal/ordjson"}, // an outsider: it speaks HTTP with the product
		"test/faults":                           {"internal/sim"},                           // an outsider too: it knows the product by its binary and HTTP
		"internal/dialect/*/testdata/*":         {},
	}
}

func TestImportsFollowTheDrawing(t *testing.T) {
	t.Parallel()
	for dir, files := range sources(t) {
		allowed, drawn := rule(dir)
		if !drawn {
			t.Errorf("%s is not in the drawing (arch_test.go): say what it may import", dir)
			continue
		}
		for _, f := range files {
			for _, imp := range f.syntax.Imports {
				path, err := strconv.Unquote(imp.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				inner, own := strings.CutPrefix(path, module+"/")
				switch {
				case own && !slices.ContainsFunc(allowed, func(a string) bool { return matches(a, inner) }):
					t.Errorf("%s imports %s, which the drawing does not allow", f.name, inner)
				case dir == "." && strings.Contains(strings.Split(path, "/")[0], "."):
					t.Errorf("%s imports %s: the vocabulary needs the standard library only", f.name, path)
				}
			}
		}
	}
}

// rule finds the entry of a folder: its own, else the one of its parent's kinds.
func rule(dir string) ([]string, bool) {
	d := drawing()
	if allowed, ok := d[dir]; ok {
		return allowed, true
	}
	allowed, ok := d[filepath.ToSlash(filepath.Join(filepath.Dir(dir), "*"))]
	return allowed, ok
}

func matches(pattern, path string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(path, prefix)
	}
	return pattern == path
}

// Each package says once, in a comment, what it is and what it promises.
func TestEveryPackageHasOneComment(t *testing.T) {
	t.Parallel()
	for dir, files := range sources(t) {
		var with []string
		for _, f := range files {
			if f.syntax.Doc != nil {
				with = append(with, f.name)
			}
		}
		if len(with) != 1 {
			t.Errorf("%s has %d package comments, want one: %v", dir, len(with), with)
		}
	}
}

// A package is named by what it gives, not by what kind of thing it holds.
func TestNamesSaySomething(t *testing.T) {
	t.Parallel()
	for dir := range sources(t) {
		for part := range strings.SplitSeq(dir, "/") {
			if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "models", "misc", "services", "handlers"}, part) {
				t.Errorf("the folder %s says nothing", dir)
			}
		}
	}
}

type file struct {
	name   string
	syntax *ast.File
}

// sources returns the project's Go files without tests, by folder.
func sources(t *testing.T) map[string][]file {
	t.Helper()
	found := map[string][]file{}
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"testdata", "node_modules", "tools", "bin"}, d.Name())):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(fset, path, src, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		found[dir] = append(found[dir], file{path, syntax})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 10 {
		t.Fatalf("only %d packages found: %v", len(found), slices.Sorted(maps.Keys(found)))
	}
	return found
}
