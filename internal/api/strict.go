package api

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// A jsonBody is the JSON body of a request, to be read into a T by read. It
// keeps the bytes until then: huma's own reader says less of what is wrong, and
// takes {"url":…,"URL":…} for the same member twice after it has validated only
// one of them (huma #1172). For the document it is a T.
type jsonBody[T any] struct{ raw []byte }

// Schema is the schema of a T.
func (jsonBody[T]) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[T](), true, "")
}

func (b *jsonBody[T]) keep(raw []byte) { b.raw = bytes.Clone(raw) }

// read reads the body: strict JSON, every member known, names as they are
// written. A body that is left out is an empty T.
func (b *jsonBody[T]) read() (T, error) {
	var v T
	if len(b.raw) == 0 {
		return v, nil
	}
	return v, readStrict(b.raw, &v)
}

// A patchBody is a jsonBody that is merged into what stands (RFC 7396), so none
// of its fields is required.
type patchBody[T any] struct{ jsonBody[T] }

// Schema is the schema of a T, every field optional.
func (patchBody[T]) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[T](), false, "")
	s.Required = nil
	return &s
}

func readStrict(raw []byte, v any) error {
	if kind := jsontext.Value(raw).Kind(); kind != '{' && jsontext.Value(raw).IsValid() {
		return &switchhook.Error{Code: switchhook.CodeInvalid, Message: "expected a JSON object, got " + ordjson.KindName(kind)}
	}
	err := jsonv2.Unmarshal(raw, v, jsonv2.RejectUnknownMembers(true))
	if err == nil {
		return checkDepth(raw)
	}
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return malformed(e, "")
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return malformed(err, "")
	}
	e, ok := errors.AsType[*jsonv2.SemanticError](err)
	if !ok {
		return err
	}
	field := fieldOf(e.JSONPointer, "")
	switch {
	case errors.Is(e.Err, jsonv2.ErrUnknownName):
		return switchhook.InvalidField(field, "there is no such field")
	case e.GoType == reflect.TypeFor[switchhook.Duration]() && e.JSONKind == '"' && e.Err != nil:
		return switchhook.InvalidField(field, "%v", e.Err)
	case e.GoType == reflect.TypeFor[time.Time]():
		return switchhook.InvalidField(field, "%v", errTime)
	default:
		return switchhook.InvalidField(field, "expected %s, got %s", wanted(e.GoType), ordjson.KindName(e.JSONKind))
	}
}

// mostDepth is how deep JSON may be nested. What we keep we write again, some
// levels deeper in lists and events, and no JSON is read or written that is
// nested 10,000 deep: one such item would make its list unreadable.
const (
	mostDepth     = 1000
	nestedTooDeep = "is nested more than 1000 levels deep"
)

// checkDepth refuses an object that is nested too deep.
func checkDepth(raw []byte) error {
	if !tooDeep(raw) {
		return nil
	}
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	for d.StackDepth() <= mostDepth {
		if _, err := d.ReadToken(); err != nil {
			return malformed(err, "")
		}
	}
	for member := range d.StackPointer().Tokens() {
		return switchhook.InvalidField(member, nestedTooDeep)
	}
	return nil // never: an object's levels lie in a member
}

// tooDeep reports whether JSON is nested deeper than mostDepth.
func tooDeep(v []byte) bool {
	if len(v) <= 2*mostDepth {
		return false // a level has two brackets
	}
	depth, text := 0, false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			if depth++; depth > mostDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// wanted is the JSON that a Go type is read from, in words.
func wanted(t reflect.Type) string {
	if t == nil {
		return "another value"
	}
	if t == reflect.TypeFor[switchhook.Duration]() {
		return "a duration as text, such as 15s or 72h"
	}
	switch t.Kind() { //nolint:exhaustive // the kinds that the bodies have
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		return "a number"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Slice:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Pointer:
		return wanted(t.Elem())
	default:
		return "another value"
	}
}

// malformed is the error of a body that is no JSON, or has a member twice.
// where names the event of a batch that it is in.
func malformed(err error, where string) error {
	e := &switchhook.Error{Code: switchhook.CodeMalformed}
	if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok && errors.Is(s.Err, jsontext.ErrDuplicateName) {
		field := fieldOf(s.JSONPointer, where)
		e.Fields = []switchhook.FieldError{{Field: field, Message: "the member is there twice"}}
		e.Message = sentence(e.Fields)
		return e
	}
	e.Message = "the body is no valid JSON: " + ordjson.Explain(err).Error()
	if where != "" {
		e.Message = "the body is no valid JSON: " + where + ": " + ordjson.Explain(err).Error()
		e.Fields = []switchhook.FieldError{{Field: where, Message: ordjson.Explain(err).Error()}}
	}
	return e
}

// fieldOf writes a JSON pointer as a field's path: /events/3/id is
// events[3].id. where, if any, is what the pointer lies in.
func fieldOf(p jsontext.Pointer, where string) string {
	field := where
	for token := range p.Tokens() {
		if _, err := strconv.ParseUint(token, 10, 32); err == nil && field != "" {
			field += "[" + token + "]"
			continue
		}
		if field != "" {
			field += "."
		}
		field += token
	}
	return field
}

// marshalOptions is how we write JSON: what has no order in Go gets one, and
// bytes that are no text (a receiver may answer anything) become U+FFFD.
func marshalOptions() jsonv2.Options {
	return jsonv2.JoinOptions(jsonv2.Deterministic(true), jsontext.AllowInvalidUTF8(true))
}

// jsonFormat is how huma reads and writes JSON.
func jsonFormat() huma.Format {
	return huma.Format{
		Marshal: func(w io.Writer, v any) error {
			b, err := jsonv2.Marshal(v, marshalOptions())
			if err != nil {
				return err
			}
			_, err = w.Write(append(b, '\n'))
			return err
		},
		Unmarshal: func(data []byte, v any) error {
			if b, ok := v.(interface{ keep(raw []byte) }); ok {
				b.keep(data)
				return nil
			}
			return readStrict(data, v)
		},
	}
}

// checkMediaType refuses a body that is not JSON, before it is read.
func checkMediaType(r *http.Request, also ...string) error {
	if r.ContentLength == 0 {
		return nil
	}
	if enc := r.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return wrongField(codeUnsupportedMediaType, "Content-Encoding", "send the body as it is, not as %s", enc)
	}
	mediaType := mediaTypeOf(r)
	if mediaType == "" || mediaType == "application/json" || strings.HasSuffix(mediaType, "+json") || slices.Contains(also, mediaType) {
		return nil
	}
	return wrongField(codeUnsupportedMediaType, "Content-Type", "send %s, not %s", strings.Join(append([]string{"application/json"}, also...), " or "), mediaType)
}

func mediaTypeOf(r *http.Request) string {
	mediaType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(mediaType))
}
