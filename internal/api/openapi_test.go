package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/switchhook/switchhook/internal/catalogue"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// A contract is /openapi.json, ready to hold answers to it.
type contract struct {
	doc      map[string]any
	paths    []contractPath
	compiler *jsonschema.Compiler
	mu       sync.Mutex // the compiler is not for concurrent use
	compiled map[string]*jsonschema.Schema
}

type contractPath struct {
	template string
	pattern  *regexp.Regexp
}

var (
	theContract  *contract
	contractOnce sync.Once
)

// contractOf reads the document once, from whichever server comes first.
func contractOf(t *testing.T, h http.Handler) *contract {
	t.Helper()
	contractOnce.Do(func() {
		c := &contract{compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(document(t, h)))
		check(t, err)
		c.doc = v.(map[string]any)
		// The document lets answers grow; the tests hold that it knows all fields.
		for _, schema := range c.doc["components"].(map[string]any)["schemas"].(map[string]any) {
			if s := schema.(map[string]any); s["properties"] != nil && s["additionalProperties"] == nil && s["description"] == nil {
				s["additionalProperties"] = false
			}
		}
		c.compiler.AssertFormat()
		check(t, c.compiler.AddResource("openapi.json", v))
		for template := range c.doc["paths"].(map[string]any) {
			expr := regexp.MustCompile(`\\\{[^/]*\\\}`).ReplaceAllString(regexp.QuoteMeta(template), `[^/]+`)
			c.paths = append(c.paths, contractPath{template, regexp.MustCompile("^" + expr + "$")})
		}
		// A path without parameters goes before one with: /v1/events/stream.
		slices.SortFunc(c.paths, func(x, y contractPath) int { return strings.Count(x.template, "{") - strings.Count(y.template, "{") })
		theContract = c
	})
	return theContract
}

func document(t *testing.T, h http.Handler) []byte {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/openapi.json", nil))
	if rec.Code != http.StatusOK {
		t.Fatalf("/openapi.json: %d %s", rec.Code, rec.Body)
	}
	return rec.Body.Bytes()
}

// pointer escapes a name for a JSON pointer.
func pointer(names ...string) string {
	var b strings.Builder
	for _, n := range names {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(n))
	}
	return b.String()
}

// holdToDocument fails the test if an answer is not one that the document has.
func holdToDocument(t *testing.T, h http.Handler, method, path string, res reply) {
	t.Helper()
	c := contractOf(t, h)
	i := slices.IndexFunc(c.paths, func(p contractPath) bool { return p.pattern.MatchString(path) })
	if i < 0 {
		return // the web page, or nothing
	}
	template := c.paths[i].template
	op, ok := c.doc["paths"].(map[string]any)[template].(map[string]any)[strings.ToLower(method)].(map[string]any)
	if !ok {
		return // a method that it does not have
	}
	responses := op["responses"].(map[string]any)
	status := strconv.Itoa(res.status)
	if responses[status] == nil {
		if res.status < 400 {
			t.Errorf("%s %s: the document has no answer %s", method, template, status)
			return
		}
		status = "default"
	}
	content, _ := responses[status].(map[string]any)["content"].(map[string]any)
	mediaType, _, _ := strings.Cut(res.header.Get("Content-Type"), ";")
	if content == nil {
		if len(res.body) > 0 {
			t.Errorf("%s %s: the document has no body for %s", method, template, status)
		}
		return
	}
	if content[mediaType] == nil {
		t.Errorf("%s %s: the document has no %s for %s", method, template, mediaType, status)
		return
	}
	if !strings.HasSuffix(mediaType, "json") {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at := "openapi.json#" + pointer("paths", template, strings.ToLower(method), "responses", status, "content", mediaType, "schema")
	schema := c.compiled[at]
	if schema == nil {
		var err error
		if schema, err = c.compiler.Compile(at); err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		c.compiled[at] = schema
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(res.body))
	check(t, err)
	if err := schema.Validate(v); err != nil {
		t.Errorf("%s %s: the answer is not what the document says: %v\n%s", method, path, err, res.body)
	}
}

// The document is kept in the repository, so that a change of the contract is
// seen in review. The catalogue's part of it, the webhooks, has its own tests.
func TestDocumentIsAsCommitted(t *testing.T) {
	t.Parallel()
	var doc map[string]any
	check(t, json.Unmarshal(document(t, newServer(t).handler), &doc))
	delete(doc, "webhooks")
	schemas := doc["components"].(map[string]any)["schemas"].(map[string]any)
	maps.DeleteFunc(schemas, func(name string, _ any) bool { return strings.HasPrefix(name, "data.") })
	got, err := json.MarshalIndent(doc, "", "  ")
	check(t, err)
	got = append(got, '\n')
	golden := filepath.Join("testdata", "openapi.json")
	if *update {
		check(t, os.WriteFile(golden, got, 0o600))
	}
	want, err := os.ReadFile(golden)
	check(t, err)
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); d != "" {
		t.Errorf("the contract has changed; if it should, run go test ./internal/api -update (-want +got):\n%s", d)
	}
}

// What a reader of OpenAPI 3.1 trips over: dangling references, schemas that are
// none, parameters of a path that are not declared, ids that come twice.
func TestDocumentIsValid(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := contractOf(t, s.handler)
	if c.doc["openapi"] != "3.1.0" {
		t.Errorf("openapi: %v", c.doc["openapi"])
	}
	components := c.doc["components"].(map[string]any)
	schemas := components["schemas"].(map[string]any)
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, schema := range schemas {
		if !regexp.MustCompile(`^[a-zA-Z0-9._-]+$`).MatchString(name) {
			t.Errorf("%q is no name of a component", name)
		}
		if _, err := c.compiler.Compile("openapi.json#" + pointer("components", "schemas", name)); err != nil {
			t.Errorf("schema %s: %v", name, err)
		}
		if strings.HasPrefix(name, "data.") {
			continue
		}
		props, _ := schema.(map[string]any)["properties"].(map[string]any)
		for field, p := range props {
			if p.(map[string]any)["description"] == nil {
				t.Errorf("schema %s: the field %s has no description", name, field)
			}
		}
	}
	refs(c.doc, func(ref string) {
		if name, ok := strings.CutPrefix(ref, "#/components/schemas/"); !ok || schemas[name] == nil {
			t.Errorf("a reference to nothing: %s", ref)
		}
	})
	tags := map[string]bool{}
	for _, tag := range c.doc["tags"].([]any) {
		tags[tag.(map[string]any)["name"].(string)] = true
	}
	ids := map[string]bool{}
	for path, item := range c.doc["paths"].(map[string]any) {
		for method, v := range item.(map[string]any) {
			op := v.(map[string]any)
			id := op["operationId"].(string)
			if ids[id] {
				t.Errorf("the id %s is there twice", id)
			}
			ids[id] = true
			if op["summary"] == nil || op["security"] == nil {
				t.Errorf("%s %s: no summary or no security", method, path)
			}
			for _, tag := range op["tags"].([]any) {
				if !tags[tag.(string)] {
					t.Errorf("%s %s: the tag %s is not declared", method, path, tag)
				}
			}
			declared := map[string]bool{}
			list, _ := op["parameters"].([]any)
			for _, p := range list {
				if p := p.(map[string]any); p["in"] == "path" {
					declared[p["name"].(string)] = true
				}
			}
			for _, m := range regexp.MustCompile(`\{([^}]+)\}`).FindAllStringSubmatch(path, -1) {
				if !declared[m[1]] {
					t.Errorf("%s %s: the parameter %s is not declared", method, path, m[1])
				}
				delete(declared, m[1])
			}
			if len(declared) > 0 {
				t.Errorf("%s %s: declares %v, which are not in the path", method, path, declared)
			}
		}
	}
}

func TestDocumentHasEveryRequestThatWeSend(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := contractOf(t, s.handler)
	hooks := c.doc["webhooks"].(map[string]any)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, typ := range catalogue.All() {
		if hooks[typ.Name] == nil {
			t.Errorf("%s is missing", typ.Name)
			continue
		}
		schema, err := c.compiler.Compile("openapi.json#" + pointer("webhooks", typ.Name, "post", "requestBody", "content", "application/json", "schema"))
		check(t, err)
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(
			`{"id":"evt_1","type":"` + typ.Name + `","account_id":"a","key":"k","sequence":1,"occurred_at":"2026-01-31T15:04:05Z","data":` + string(typ.Sample()) + `}`,
		))
		check(t, err)
		if err := schema.Validate(v); err != nil {
			t.Errorf("the sample of %s: %v", typ.Name, err)
		}
	}
}

func refs(v any, fn func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if ref, ok := inner.(string); ok && name == "$ref" {
				fn(ref)
				continue
			}
			refs(inner, fn)
		}
	case []any:
		for _, inner := range v {
			refs(inner, fn)
		}
	}
}
