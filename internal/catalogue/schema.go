package catalogue

import (
	"encoding/json"

	"github.com/switchhook/switchhook/internal/ordjson"
)

// Schema returns the JSON Schema (2020-12) of the type's data.
func (t *Type) Schema() json.RawMessage {
	var props ordjson.Object
	required := []string{}
	for _, use := range t.Data {
		r, _ := ResourceOf(use.Resource)
		props.Set(r.Name, r.schema(use.Required))
		if use.Required {
			required = append(required, r.Name)
		}
	}
	for i := range t.Flat {
		f := &t.Flat[i]
		props.Set(f.Name, f.schema())
		if f.Required {
			required = append(required, f.Name)
		}
	}
	s := ordjson.Object{
		{Name: "$schema", Value: ordjson.String("https://json-schema.org/draft/2020-12/schema")},
		{Name: "title", Value: ordjson.String(t.Name)},
		{Name: "description", Value: ordjson.String(t.Meaning)},
		{Name: "type", Value: ordjson.String("object")},
	}
	if len(props) > 0 {
		s.Set("properties", props.Append(nil))
	}
	if len(required) > 0 {
		s.Set("required", marshal(required))
	}
	return s.Append(nil)
}

// schema describes the resource. Null stands for "not there" in every field.
func (r *Resource) schema(required bool) json.RawMessage {
	var props ordjson.Object
	for i := range r.Fields {
		props.Set(r.Fields[i].Name, r.Fields[i].schema())
	}
	s := ordjson.Object{
		{Name: "description", Value: ordjson.String(r.Doc)},
		{Name: "type", Value: ordjson.String("object")},
		{Name: "properties", Value: props.Append(nil)},
	}
	if !required {
		s.Set("type", marshal([]string{"object", "null"}))
	} else if r.IDField != "" {
		s.Set("required", marshal([]string{r.IDField}))
	}
	return s.Append(nil)
}

func (f *Field) schema() json.RawMessage {
	var s ordjson.Object
	word := map[Kind]string{
		String: "string", Integer: "integer", Unsigned: "integer", Number32: "integer",
		Boolean: "boolean", Time: "string", Map: "object",
	}[f.Kind]
	switch f.Kind {
	case Part:
		r, _ := ResourceOf(f.Of)
		s, _ = ordjson.Parse(r.schema(false))
	case Any:
	case Decimal:
		s.Set("type", marshal([]string{"number", "string", "null"}))
		s.Set("pattern", ordjson.String(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`))
	case String, Integer, Unsigned, Number32, Boolean, Time, Map:
		s.Set("type", marshal([]string{word, "null"}))
		if f.Kind == Time {
			s.Set("format", ordjson.String("date-time"))
		}
		if f.Kind == Unsigned {
			s.Set("minimum", json.RawMessage("0"))
		}
		if f.Kind == Number32 {
			s.Set("minimum", json.RawMessage("-2147483648"))
			s.Set("maximum", json.RawMessage("2147483647"))
		}
		if f.NotEmpty {
			s.Set("minLength", json.RawMessage("1"))
		}
		if len(f.Enum) > 0 {
			values := []any{nil, ""}
			for _, e := range f.Enum {
				values = append(values, e)
			}
			s.Set("enum", marshal(values))
		}
	}
	if f.Array {
		s = ordjson.Object{
			{Name: "type", Value: marshal([]string{"array", "null"})},
			{Name: "items", Value: s.Append(nil)},
		}
	}
	s.Set("description", ordjson.String(f.Doc))
	return s.Append(nil)
}

func marshal(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only called with strings and lists of them
	}
	return b
}
