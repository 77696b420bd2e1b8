package cli

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite operations.json")

// noCommand are the operations that are no commands by themselves, and why.
func noCommand(id string) bool {
	return slices.Contains([]string{
		"stream-attempts",          // switchhook tail
		"listen-webhook", "listen", // switchhook listen
		"sign-in", "sign-out", "list-sign-in-ways", "change-password", "get-logo", "get-preview-page", "get-mail-page", // a browser's
		"ingest", "healthz", "readyz", "metrics",
	}, id) || strings.HasPrefix(id, "ingest")
}

// A document is what operations.json is made from.
type document struct {
	Paths      map[string]map[string]described
	Components struct{ Schemas map[string]*shape }
}

type described struct {
	OperationID          string
	Summary, Description string
	Parameters           []struct {
		Name, In, Description string
		Schema                shape
	}
	RequestBody struct {
		Required bool
		Content  map[string]struct{ Schema *shape }
	}
	Responses map[string]struct {
		Content map[string]struct{ Schema *shape }
	}
}

type shape struct {
	Ref                  string `json:"$ref"`
	Type                 any
	Format               string
	Description          string
	Enum                 []string
	Properties           map[string]*shape
	AdditionalProperties any
	Items                *shape
	OneOf                []*shape
}

// The commands are made from operations.json, and that from the API's document.
func TestOperationsAreAsTheDocument(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../api/testdata/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc document
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	var all []operation
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(doc.Paths[path])) {
			if d := doc.Paths[path][method]; strings.HasPrefix(path, "/v1/") && !noCommand(d.OperationID) {
				all = append(all, doc.operation(strings.ToUpper(method), path, &d))
			}
		}
	}
	var got bytes.Buffer
	enc := json.NewEncoder(&got)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(all); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("operations.json", got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(got.Bytes(), operationsJSON) {
		t.Error("the API has changed: run make generate")
	}
}

func (doc *document) operation(method, path string, d *described) operation {
	o := operation{ID: d.OperationID, Method: method, Path: path, Summary: d.Summary, About: d.Description, Required: d.RequestBody.Required}
	for _, p := range d.Parameters {
		if p.In == "query" && p.Name != "backlog" {
			o.Query = append(o.Query, doc.field(p.Name, &p.Schema, p.Description))
		}
	}
	for _, media := range []string{"application/json", "application/merge-patch+json"} {
		if s := d.RequestBody.Content[media].Schema; s != nil && o.Body == nil {
			s = doc.resolve(s)
			if len(s.OneOf) > 0 {
				s = doc.resolve(s.OneOf[0])
			}
			o.Body, o.Free = doc.fields("", s), s.AdditionalProperties == true
		}
	}
	for _, status := range []string{"200", "201", "202"} {
		if s := d.Responses[status].Content["application/json"].Schema; s != nil {
			o.Item = s.Ref[strings.LastIndex(s.Ref, "/")+1:]
			if item, ok := strings.CutSuffix(o.Item, "List"); ok {
				o.Item, o.List = item, true
			}
		}
	}
	return o
}

func (doc *document) resolve(s *shape) *shape {
	if s != nil && s.Ref != "" {
		return doc.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
	}
	return s
}

// fields are the members of a schema, and those of the objects in it.
func (doc *document) fields(prefix string, s *shape) (all []field) {
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		all = append(all, doc.field(prefix+name, p, p.Description))
		if inner := doc.resolve(p); prefix == "" && len(inner.Properties) > 0 {
			all = append(all, doc.fields(name+".", inner)...)
		}
	}
	return all
}

func (doc *document) field(name string, p *shape, about string) field {
	s := doc.resolve(p)
	f := field{Name: name, Kind: object, Enum: s.Enum, Doc: about}
	if s.Items != nil && len(f.Enum) == 0 {
		f.Enum = s.Items.Enum
	}
	typ, _ := s.Type.(string)
	if types, ok := s.Type.([]any); ok { // ["string", "null"]
		typ, _ = types[0].(string)
	}
	switch {
	case typ == "string" && s.Format == "date-time":
		f.Kind = instant
	case typ == "string" || name == "type" && typ == "":
		f.Kind = text
	case typ == "integer":
		f.Kind = integer
	case typ == "number":
		f.Kind = number
	case typ == "boolean":
		f.Kind = boolean
	case typ == "array":
		f.Kind = list
	}
	return f
}

// Each operation is a command of its own.
func TestOperationsHaveDifferentNames(t *testing.T) {
	t.Parallel()
	seen, items := map[string]string{}, map[string]bool{}
	for _, o := range operations() {
		name := o.resource() + " " + o.verb()
		if seen[name] != "" {
			t.Errorf("%s and %s are both %q", seen[name], o.ID, name)
		}
		seen[name] = o.ID
		items[o.Item] = items[o.Item] || o.List
	}
	for item := range columns() {
		if !items[item] {
			t.Errorf("there are columns for %s, which no list has", item)
		}
	}
}
