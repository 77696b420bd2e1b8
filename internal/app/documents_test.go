package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/app"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/dialect/dialecttest"
)

// What can be generated is: a document that says something else than the
// program is stale.
func TestDocuments(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- options: generated from internal/app/config.go by `make generate` -->\n", "<!-- options end -->"
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the README has lost the marks around its table of options")
	}
	documents := map[string]string{"README.md": before + begin + options() + end + after, "docs/events.md": events()}
	for _, d := range app.Dialects() {
		if d.Name() == "template" { // it is whatever the customer writes: docs/guides/template.md
			continue
		}
		documents["docs/dialects/"+d.Name()+".md"] = dialectPage(t, d)
	}
	for name, want := range documents {
		file := filepath.Join("../..", name)
		had, err := os.ReadFile(file)
		if err == nil && string(had) == want {
			continue
		}
		if !*dialecttest.Update {
			t.Errorf("%s is stale; run make generate:\n%s", name, cmp.Diff(string(had), want))
			continue
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// options is the README's table of settings.
func options() string {
	var b strings.Builder
	b.WriteString("| flag | variable | YAML | default | meaning |\n|---|---|---|---|---|\n")
	for _, o := range app.Options() {
		flag, def := "", ""
		if o.Flag != "" {
			flag = "`--" + o.Flag + "`"
		}
		if o.Default != "" {
			def = "`" + strings.ReplaceAll(o.Default, "|", `\|`) + "`" // within a table (GitHub's Markdown)
		}
		fmt.Fprintf(&b, "| %s | `%s` | `%s` | %s | %s |\n", flag, o.Variable, o.YAML, def, o.Usage)
	}
	return b.String()
}

const generated = "<!-- generated from the code by `make generate` -->\n\n"

// events is the page of all event types, and of what their data holds.
func events() string {
	var b strings.Builder
	b.WriteString(generated + "# Events\n\n" +
		"Every event type, what it means, and what the dialects call it; a blank means that the system has no such event. " +
		"`GET /v1/event-types/{type}` has the JSON Schema and a sample of each.\n\n" +
		"How long an event is of use: **live** 60 seconds, **timely** 6 hours, **lasting** until the retries end.\n")
	names := map[string]map[string][]string{}
	var systems []string
	for _, d := range app.Dialects() {
		if d.Name() == "switchhook" || d.Name() == "template" { // which have everything
			continue
		}
		systems = append(systems, d.Name())
		names[d.Name()] = map[string][]string{}
		for _, row := range d.Table() {
			if list := names[d.Name()][row.Type]; !slices.Contains(list, row.Name) {
				names[d.Name()][row.Type] = append(list, row.Name)
			}
		}
	}
	all := catalogue.All()
	var families []string
	for _, typ := range all {
		if !slices.Contains(families, typ.Family()) {
			families = append(families, typ.Family())
		}
	}
	slices.SortStableFunc(all, func(a, b *catalogue.Type) int {
		return slices.Index(families, a.Family()) - slices.Index(families, b.Family())
	})
	family := ""
	for _, typ := range all {
		if f := typ.Family(); f != family {
			family = f
			fmt.Fprintf(&b, "\n## %s\n\n| type | meaning | | data | %s |\n|---|---|---|---|%s\n", f, strings.Join(systems, " | "), strings.Repeat("---|", len(systems)))
		}
		var data []string
		for _, use := range typ.Data {
			data = append(data, use.Resource)
		}
		for _, f := range typ.Flat {
			data = append(data, "`"+f.Name+"`")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |", typ.Name, typ.Meaning, typ.Freshness, strings.Join(data, ", "))
		for _, system := range systems {
			fmt.Fprintf(&b, " %s |", short(names[system][typ.Name]))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n## custom\n\n`custom.*` is free: any name below it, any JSON object as its data. It goes out in the `switchhook` dialect.\n" +
		"\n# Resources\n\nEach is a snapshot, its whole state as of the event. An absent field is unknown or not yet so; `*_at` is an RFC 3339 time, `*_ms` milliseconds.\n")
	for _, r := range catalogue.Resources() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| field | kind | meaning |\n|---|---|---|\n", r.Name, r.Doc)
		for _, f := range r.Fields {
			kind, doc := f.KindName(), f.Doc
			if f.Array {
				kind = "a list; each " + kind
			}
			if len(f.Enum) > 0 {
				doc += " One of `" + strings.Join(f.Enum, "`, `") + "`."
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Name, kind, doc)
		}
	}
	return b.String()
}

// short names a few of many.
func short(names []string) string {
	const most = 3
	if len(names) > most {
		return fmt.Sprintf("`%s` and %d more", names[0], len(names)-1)
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = "`" + n + "`"
	}
	return strings.Join(quoted, ", ")
}

// dialectPage is the page of one dialect: its table, and an example of each of
// its names.
func dialectPage(t *testing.T, d dialect.Dialect) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s# %s\n\nWhat the dialect `%s` calls each event, the bodies that it can have, and an example of each: "+
		"the request that the catalogue's sample makes. Every request carries `webhook-id`, `webhook-timestamp`, `webhook-signature` and `user-agent` besides.\n\n", generated, d.Name(), d.Name())
	b.WriteString("| event type | name | bodies | |\n|---|---|---|---|\n")
	for _, row := range d.Table() {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", row.Type, row.Name, strings.Join(row.Formats, ", "), row.Note)
	}
	if i, ok := d.(dialect.Identifying); ok {
		b.WriteString("\n# Ids\n\nIds that lack the system's form are derived or counted, always the same. `PUT /v1/dialect-ids/" + d.Name() + "/{schema}/{id}` sets one:\n\n| schema | value |\n|---|---|\n")
		for _, kind := range i.IDs() {
			fmt.Fprintf(&b, "| `%s` | %s |\n", kind.Schema, kind.Form)
		}
	}
	b.WriteString("\n# Examples\n")
	shown := map[string]bool{}
	for _, row := range d.Table() {
		what := row.Type
		if d.Name() == "switchhook" { // all alike: one of a family will do
			what, _, _ = strings.Cut(row.Type, ".")
		}
		if shown[what] {
			continue
		}
		shown[what] = true
		if example := example(t, d, row.Type); example != "" {
			fmt.Fprintf(&b, "\n## %s\n\n```\n%s\n```\n", row.Type, example)
		}
	}
	return b.String()
}

func example(t *testing.T, d dialect.Dialect, eventType string) string {
	t.Helper()
	typ, _ := catalogue.Lookup(eventType)
	res, err := catalogue.Decode(typ.Sample())
	if err != nil {
		t.Fatal(err)
	}
	ev := &switchhook.Event{
		ID: "evt_06gzh892zvze586yjg2endz4tg", Type: eventType, AccountID: "acme", Key: catalogue.Key(typ, res), Sequence: 42, Data: typ.Sample(), Resources: res,
		OccurredAt: time.Date(2026, 1, 31, 15, 4, 5, 123456000, time.UTC),
	}
	w := &switchhook.Webhook{ID: "wh_06gzh892yzt7jtzhb9g22ckz1r", AccountID: "acme", URL: "https://example.com/hook", Dialect: d.Name(), IncludeInternalLegs: true}
	if d.EventName(ev) == "" {
		return ""
	}
	req, err := d.Render(ev, w)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s %s\n", req.Method, req.URL)
	req.Header.Sort()
	for _, h := range req.Header {
		fmt.Fprintf(&out, "%s: %s\n", h.Name, h.Value)
	}
	out.WriteString("\n")
	// A long JSON body is easier to read with line breaks; what is sent has none.
	if d.Name() != "switchhook" || json.Indent(&out, req.Body, "", "  ") != nil {
		out.Write(req.Body)
	}
	return out.String()
}
