// Package dialecttest runs a dialect's golden files: one txtar per type and
// format, with the event that goes in and the exact request that comes out.
//
// A file testdata/<type>[.<anything>].txtar has the parts
//
//	-- origin --        where the expected bytes come from: a line of a vendor's
//	                    document or source, never our own output
//	-- event.json --    the event as the API takes it
//	-- original.json -- what another system's webhook said, if it came as one
//	-- webhook.json --  settings of the webhook, if it needs any
//	-- request --       method, URL, headers, an empty line, the body; for an
//	                    event that the dialect has nothing for: the word nothing
//
// A body's own last newline is not told from the file's; no dialect ends its
// body with one.
package dialecttest

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
)

// Update is the flag -update: what is generated is written anew instead of
// compared. Then compare each with its origin by hand.
//
//nolint:gochecknoglobals // a test flag
var Update = flag.Bool("update", false, "write what is generated anew: documents, and the request parts of golden files")

// Env is what a dialect under test is made with.
func Env() dialect.Env {
	return dialect.Env{
		Version:  "1.0.0",
		Host:     "pbx1.example.com",
		Reseller: func(string) string { return "root" },
		Integer: func(_, _, id string) (int64, error) {
			return int64(len(id)) + 1000, nil
		},
	}
}

// Run runs every golden file in testdata and checks that each row of the
// dialect's table has one per format.
func Run(t *testing.T, d dialect.Dialect) {
	t.Helper()
	have := Golden(t, ".")
	for name, parts := range have {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, d, filepath.Join("testdata", name+".txtar"), parts)
		})
	}
	t.Run("complete", func(t *testing.T) {
		t.Parallel()
		for _, row := range d.Table() {
			if _, ok := catalogue.Lookup(row.Type); !ok {
				t.Errorf("the table names %s, which the catalogue does not have", row.Type)
			}
			for i, format := range row.Formats {
				name := row.Type + "." + format
				if i == 0 && have[row.Type] != nil || have[name] != nil {
					continue
				}
				t.Errorf("%s has no golden file testdata/%s.txtar", row.Type, name)
			}
		}
	})
	t.Run("samples", func(t *testing.T) {
		t.Parallel()
		samples(t, d)
	})
}

// Golden reads the golden files of a dialect's folder: each one's parts, by its name
// without .txtar.
func Golden(tb testing.TB, folder string) map[string]map[string][]byte {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "testdata/*.txtar"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no golden files in %s: %v", folder, err)
	}
	all := map[string]map[string][]byte{}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		parts := map[string][]byte{}
		for _, f := range ar.Files {
			parts[f.Name] = f.Data
		}
		all[strings.TrimSuffix(filepath.Base(file), ".txtar")] = parts
	}
	return all
}

func golden(t *testing.T, d dialect.Dialect, file string, parts map[string][]byte) {
	t.Helper()
	if len(bytes.TrimSpace(parts["origin"])) < 10 {
		t.Error("the file does not say where its bytes come from (-- origin --)")
	}
	ev := Relayed(t, parts["event.json"], parts["original.json"])
	w := Webhook(t, parts["webhook.json"])
	w.Dialect = d.Name()
	got := Show(t, d, ev, w)
	if *Update {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := range ar.Files {
			if ar.Files[i].Name == "request" {
				ar.Files[i].Data = []byte(got + "\n")
			}
		}
		if err := os.WriteFile(file, txtar.Format(ar), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := strings.TrimSuffix(string(parts["request"]), "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: the golden request (-) is not what came out (+):\n%s", file, diff)
	}
}

// Event reads an event as the API takes it and decodes its data.
func Event(tb testing.TB, text []byte) *switchhook.Event {
	tb.Helper()
	ev := &switchhook.Event{
		ID: "evt_golden", AccountID: "acme", Sequence: 42,
		OccurredAt: time.Date(2026, 1, 31, 15, 4, 5, 123456000, time.UTC),
	}
	if err := json.Unmarshal(text, ev); err != nil {
		tb.Fatalf("event.json: %v", err)
	}
	typ, ok := catalogue.Lookup(ev.Type)
	if !ok {
		tb.Fatalf("event.json: the catalogue has no %q", ev.Type)
	}
	if errs := catalogue.Check(typ, ev.Data, "data"); len(errs) > 0 {
		tb.Fatalf("event.json: %v", errs)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, ev.Data); err != nil {
		tb.Fatal(err)
	}
	ev.Data = compact.Bytes()
	r, err := catalogue.Decode(ev.Data)
	if err != nil {
		tb.Fatal(err)
	}
	ev.Resources = r
	if ev.Key == "" {
		ev.Key = catalogue.Key(typ, r)
	}
	return ev
}

// Relayed is Event with what another system's webhook said, if it came as one.
func Relayed(tb testing.TB, event, original []byte) *switchhook.Event {
	tb.Helper()
	ev := Event(tb, event)
	if len(original) > 0 {
		ev.Relayed, ev.Original = true, &switchhook.Original{}
		if err := json.Unmarshal(original, ev.Original); err != nil {
			tb.Fatalf("original.json: %v", err)
		}
	}
	return ev
}

// Webhook reads the settings of a webhook over the defaults.
func Webhook(tb testing.TB, text []byte) *switchhook.Webhook {
	tb.Helper()
	w := &switchhook.Webhook{
		ID: "wh_golden", AccountID: "acme", URL: "https://example.com/hook", Events: []string{"*"},
		Enabled: true, IncludeInternalLegs: true,
	}
	if len(text) > 0 {
		if err := json.Unmarshal(text, w); err != nil {
			tb.Fatalf("webhook.json: %v", err)
		}
	}
	return w
}

// Show renders the event and writes the request as golden files have it.
func Show(t *testing.T, d dialect.Dialect, ev *switchhook.Event, w *switchhook.Webhook) string {
	t.Helper()
	if errs := d.Check(w); len(errs) > 0 {
		t.Fatalf("webhook.json: %v", errs)
	}
	if d.EventName(ev) == "" || !w.Flow && !d.Wants(ev, w) {
		return "nothing"
	}
	req, err := d.Render(ev, w)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", req.Method, req.URL)
	req.Header.Sort()
	for _, h := range req.Header {
		fmt.Fprintf(&b, "%s: %s\n", h.Name, h.Value)
	}
	b.WriteString("\n")
	b.Write(req.Body)
	return strings.TrimSuffix(b.String(), "\n")
}

// Benchmark measures how long the dialect takes for the catalogue's samples of
// types.
func Benchmark(b *testing.B, d dialect.Dialect, types ...string) {
	b.Helper()
	for _, name := range types {
		typ, ok := catalogue.Lookup(name)
		if !ok {
			b.Fatalf("the catalogue has no %q", name)
		}
		ev := Event(b, fmt.Appendf(nil, `{"type":%q,"data":%s}`, name, typ.Sample()))
		w := Webhook(b, nil)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Render(ev, w); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// samples renders the catalogue's own sample of each type, and the emptiest
// event of it: missing data never breaks a dialect.
func samples(t *testing.T, d dialect.Dialect) {
	t.Helper()
	for _, row := range d.Table() {
		typ, ok := catalogue.Lookup(row.Type)
		if !ok {
			continue
		}
		bare := `{`
		for i, use := range typ.Data {
			if use.Required {
				if i > 0 {
					bare += ","
				}
				bare += fmt.Sprintf("%q:{%s}", use.Resource, map[bool]string{true: `"id":"x"`}[idField(use.Resource)])
			}
		}
		bare += `}`
		if typ.Family() == "record" {
			bare = `{"schema":"number","id":"x","row":{}}`
		}
		for _, format := range row.Formats {
			for _, data := range []string{string(typ.Sample()), bare} {
				ev := Event(t, fmt.Appendf(nil, `{"type":%q,"data":%s}`, row.Type, data))
				w := Webhook(t, nil)
				w.Dialect = d.Name()
				if format == "query" {
					w.Method = "GET"
				} else {
					w.Format = format
				}
				if len(d.Check(w)) > 0 {
					w.Format = "" // the dialect has one format only
				}
				if d.EventName(ev) == "" {
					continue
				}
				req, err := d.Render(ev, w)
				if err != nil || req.Method == "" || req.URL == "" {
					t.Errorf("%s %s: %+v, %v", row.Type, data, req, err)
				}
				undecoded := *ev
				undecoded.Resources = nil
				again, err := d.Render(&undecoded, w)
				if err != nil || d.EventName(&undecoded) != d.EventName(ev) || d.Wants(&undecoded, w) != d.Wants(ev, w) {
					t.Errorf("%s %s, not decoded: %v", row.Type, data, err)
				}
				if diff := cmp.Diff(req, again); diff != "" && err == nil {
					t.Errorf("%s %s, not decoded: wanted (-), got (+):\n%s", row.Type, data, diff)
				}
			}
		}
	}
}

func idField(resource string) bool {
	r, ok := catalogue.ResourceOf(resource)
	return ok && r.IDField != ""
}
