package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// mostBody bounds the body of everything but events and ingest.
const mostBody = 1 << 20

const about = `Events of a phone system, delivered to the URLs of its customers: signed, retried, in order per call, in the shape that the receiver already parses.

**Key.** Every call needs ` + "`Authorization: Bearer KEY`" + `. A key opens its account and all accounts below it; what belongs to others is answered with 404. What its role does not allow is answered with 403; each operation says which roles may.

**Errors** are problem documents (RFC 9457) with a stable ` + "`code`" + ` and, where input is wrong, one entry in ` + "`errors`" + ` per field.

**Changes.** What can be changed is answered with an ` + "`ETag`" + `. Sent back as ` + "`If-Match`" + ` with a change it makes sure that nobody else was faster: else 412.

**Limits.** Too many requests or events are answered with 429; ` + "`Retry-After`" + ` says when to come back.

**Lists** take ` + "`limit`" + ` and ` + "`cursor`" + ` and answer ` + "`{\"items\":[…],\"next_cursor\":null}`" + `.

**Times** are RFC 3339 in UTC, durations text such as ` + "`15s`, `72h` or `30d`" + `.`

// newHuma makes the huma API on our mux. It serves no pages of its own: its
// documents load scripts from elsewhere, and it would add $schema to answers.
func (a *api) newHuma() {
	registry := huma.NewMapRegistry("#/components/schemas/", func(t reflect.Type, hint string) string {
		name := strings.ReplaceAll(huma.DefaultSchemaNamer(t, hint), "View", "")
		if item, ok := strings.CutPrefix(name, "List"); ok {
			return item + "List"
		}
		return name
	})
	registry.RegisterTypeAlias(reflect.TypeFor[switchhook.Headers](), reflect.TypeFor[map[string]string]()) // in JSON
	registry.RegisterTypeAlias(reflect.TypeFor[huma.ErrorModel](), reflect.TypeFor[Problem]())
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Switchhook", Version: a.Version, Description: about,
			License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Components: &huma.Components{
			Schemas: registry,
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"key": {Type: "http", Scheme: "bearer", Description: "An API key, or in its place the cookie of a session."},
			},
		},
		Tags: []*huma.Tag{
			{Name: "Events", Description: "What happened: send events in, and read what was accepted."},
			{Name: "Calls", Description: "What is known of each call, and all that happened to it."},
			{Name: "Webhooks", Description: "Where events go, and in which shape."},
			{Name: "Deliveries", Description: "What became of each event for each webhook."},
			{Name: "Notifications", Description: "Mails and text messages that events make: their templates, and what became of each."},
			{Name: "Stats", Description: "How it goes: what happened in the last minutes, hours and days, and how it stands."},
			{Name: "Jobs", Description: "What takes its time: deliveries of past events, made again."},
			{Name: "Sources", Description: "Phone systems that tell events."},
			{Name: "Records", Description: "The directory: numbers, extensions, queues and whatever else belongs to an account."},
			{Name: "Dialect ids", Description: "What each dialect calls things, where an operator has said so."},
			{Name: "Accounts", Description: "Tenants, as a tree."},
			{Name: "API keys", Description: "Who may do what: each key has an account and a role."},
			{Name: "Users", Description: "People who sign in."},
			{Name: "Sign-in", Description: "Sessions of browsers, in place of a key."},
			{Name: "Audit", Description: "Who changed what."},
			{Name: "System", Description: "The program itself."},
		},
		Servers: []*huma.Server{{URL: "/"}},
	}
	if a.PublicURL != "" {
		doc.Servers[0].URL = a.PublicURL
	}
	blameTheClient()
	a.huma = humago.New(a.mux, huma.Config{
		OpenAPI:       doc,
		Formats:       map[string]huma.Format{"application/json": jsonFormat(), "json": jsonFormat()},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{a.ownProblem},
		// A filter that is misspelled would otherwise select everything.
		RejectUnknownQueryParameters: true,
	})
	// Before the first Register: later middleware is never asked.
	a.huma.UseMiddleware(func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		var c caller
		var err error
		if ctx.Operation().Security[0]["key"] != nil {
			c, err = a.authenticate(r, ctx.Operation().OperationID)
		}
		if err == nil && ctx.Operation().RequestBody != nil {
			err = checkMediaType(r)
		}
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		ask(r.Context(), c)
		next(ctx)
	})
}

func withKeyOnly() []map[string][]string { return []map[string][]string{{"key": {}}} }

// handle registers an operation whose body, if it has one, is a jsonBody.
func handle[I, O any](a *api, op huma.Operation, h func(context.Context, *I) (*O, error)) {
	needs(&op)
	op.Security = withKeyOnly()
	register(a, op, h)
}

// handleOpen is handle for what needs no key.
func handleOpen[I, O any](a *api, op huma.Operation, h func(context.Context, *I) (*O, error)) {
	op.Security = []map[string][]string{{}}
	register(a, op, h)
}

func register[I, O any](a *api, op huma.Operation, h func(context.Context, *I) (*O, error)) {
	op.SkipValidateBody = true // jsonBody.read does it
	op.MaxBodyBytes = mostBody
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	op.Responses["default"] = a.problemResponse()
	if op.Method == http.MethodPatch && op.RequestBody == nil {
		op.RequestBody = &huma.RequestBody{}
		defer func() {
			content := op.RequestBody.Content
			content["application/merge-patch+json"] = &huma.MediaType{Schema: content["application/json"].Schema}
		}()
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return out, nil
	})
}

// needs says in an operation's description which roles may do it.
func needs(op *huma.Operation) {
	if op.Description != "" {
		op.Description += "\n\n"
	}
	op.Description += "Role: " + whoMay(op.OperationID) + "."
}

// handleOptional is handle for what may come without a body: once huma has seen that
// there is one, it says that it is required.
func handleOptional[I, O any](a *api, op huma.Operation, h func(context.Context, *I) (*O, error)) {
	op.RequestBody = &huma.RequestBody{}
	handle(a, op, h)
	op.RequestBody.Required = false
}

// document describes an operation that is a plain handler.
func (a *api) document(op huma.Operation) {
	if len(op.Security) > 0 && op.Security[0]["key"] != nil {
		needs(&op)
	}
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	op.Responses["default"] = a.problemResponse()
	a.huma.OpenAPI().AddOperation(&op)
}

// documentPage describes an operation that a person's browser asks for.
func (a *api) documentPage(op huma.Operation) {
	op.Security = []map[string][]string{{}}
	a.document(op)
	op.Responses["default"].Content["text/html"] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Description: "The same for people."}}
}

func (a *api) problemResponse() *huma.Response {
	return &huma.Response{
		Description: "A problem document (RFC 9457)",
		Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: schemaOf[Problem](a)}},
	}
}

func schemaOf[T any](a *api) *huma.Schema {
	return a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, "")
}

// A List is one page of a list.
type List[T any] struct {
	Items      []T     `json:"items"`
	NextCursor *string `json:"next_cursor" doc:"What to give as cursor for the next page; null on the last one."`
}

type listOutput[T any] struct{ Body List[T] }

func listOf[T any](items []T, next string) *listOutput[T] {
	out := &listOutput[T]{Body: List[T]{Items: items}}
	if items == nil {
		out.Body.Items = []T{}
	}
	if next != "" {
		out.Body.NextCursor = &next
	}
	return out
}

type output[T any] struct{ Body T }

// Paging is the part of a list's input that says which page.
type Paging struct {
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"500" doc:"The most items in one answer."`
	Cursor string `query:"cursor" doc:"The next_cursor of the page before."`
}

func (p Paging) page() switchhook.Page { return switchhook.Page{Limit: p.Limit, Cursor: p.Cursor} }

// amend completes what huma has gathered, before anything is asked: the
// sentences that the vocabulary's own types lack, and that lists are never null.
func (a *api) amend() {
	doc := a.huma.OpenAPI()
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			for _, p := range op.Parameters {
				p.Schema.Nullable = p.Schema.Nullable && p.Schema.Type != huma.TypeArray
			}
		}
	}
	for name, s := range doc.Components.Schemas.Map() {
		if !strings.HasSuffix(name, "Input") && s.AdditionalProperties == false {
			s.AdditionalProperties = nil // what we answer may grow
		}
		for field, p := range s.Properties {
			// Lists are never null: an empty one is [].
			p.Nullable = p.Nullable && p.Type != huma.TypeArray
			if p.Description == "" {
				p.Description = meaning(name, field)
			}
			if p.Type == "" && p.Ref == "" && (field == "data" || field == "row" || field == "schema" || field == "sample" || field == "before" || field == "after") {
				p.Type = huma.TypeObject
			}
		}
	}
}

// describe makes /openapi.json: what huma has gathered, and every request that
// we send to a webhook in our own dialect.
func (a *api) describe() ([]byte, error) {
	raw, err := json.Marshal(a.huma.OpenAPI())
	if err != nil {
		return nil, err
	}
	out, err := ordjson.Parse(raw)
	if err != nil {
		return nil, err
	}
	return withWebhooks(out)
}

// withWebhooks adds a request per event type, as the switchhook dialect makes
// it. The resources are named once and shared.
func withWebhooks(doc ordjson.Object) ([]byte, error) {
	components, err := ordjson.Parse(doc.Get("components"))
	if err != nil {
		return nil, err
	}
	schemas, err := ordjson.Parse(components.Get("schemas"))
	if err != nil {
		return nil, err
	}
	var hooks ordjson.Object
	for _, t := range catalogue.All() {
		data, err := sharedSchema(t, &schemas)
		if err != nil {
			return nil, fmt.Errorf("the schema of %s: %w", t.Name, err)
		}
		hook := map[string]any{"post": map[string]any{
			"summary": t.Meaning, "operationId": "on-" + strings.ReplaceAll(t.Name, ".", "-"), "tags": []string{"Webhooks"},
			"requestBody": map[string]any{"required": true, "content": map[string]any{"application/json": map[string]any{"schema": map[string]any{
				"type":     "object",
				"required": []string{"id", "type", "account_id", "key", "sequence", "occurred_at", "data"},
				"properties": map[string]any{
					"id":          map[string]any{"type": "string", "description": "The event's id."},
					"type":        map[string]any{"const": t.Name},
					"account_id":  map[string]any{"type": "string", "description": "The account that it happened in."},
					"key":         map[string]any{"type": "string", "description": "What it is ordered by; empty if it is unordered."},
					"sequence":    map[string]any{"type": "integer", "description": "Rises within account and key; gaps mean nothing."},
					"occurred_at": map[string]any{"type": "string", "format": "date-time", "description": "When it happened, by the phone system's clock."},
					"data":        data,
				},
			}}}},
			"responses": map[string]any{
				"2XX": map[string]any{"description": "The delivery is done."},
				"410": map[string]any{"description": "The webhook is turned off."},
			},
		}}
		raw, err := json.Marshal(hook)
		if err != nil {
			return nil, err
		}
		hooks.Set(t.Name, raw)
	}
	slices.SortFunc(schemas, func(x, y ordjson.Member) int { return strings.Compare(x.Name, y.Name) })
	components.Set("schemas", schemas.Append(nil))
	doc.Set("components", components.Append(nil))
	doc.Set("webhooks", hooks.Append(nil))
	return doc.Append(nil), nil
}

// sharedSchema is the schema of a type's data, its resources put among the
// schemas under a name of their own: data.call, and data.call.required where it
// is what the event is about.
func sharedSchema(t *catalogue.Type, schemas *ordjson.Object) (json.RawMessage, error) {
	s, err := ordjson.Parse(t.Schema())
	if err != nil {
		return nil, err
	}
	s.Delete("$schema")
	s.Delete("title")
	s.Delete("description")
	props := s.Get("properties")
	if props == nil {
		return s.Append(nil), nil
	}
	members, err := ordjson.Parse(props)
	if err != nil {
		return nil, err
	}
	for _, use := range t.Data {
		name := "data." + use.Resource
		if use.Required {
			name += ".required"
		}
		schemas.Set(name, members.Get(use.Resource))
		members.Set(use.Resource, ordjson.Object{{Name: "$ref", Value: ordjson.String("#/components/schemas/" + name)}}.Append(nil))
	}
	s.Set("properties", members.Append(nil))
	return s.Append(nil), nil
}

func (a *api) serveOpenAPI(w http.ResponseWriter, r *http.Request) {
	doc, err := a.openapi()
	if err != nil {
		a.fail(w, r, fmt.Errorf("describe the API: %w", err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(doc)
}
