package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// bodyOf makes a request's body of what the command line says: whole JSON first, then
// one member after the other.
func bodyOf(o *operation, whole string, stdin io.Reader, assignments []string) ([]byte, error) {
	base, err := readWhole(whole, stdin)
	if err != nil {
		return nil, err
	}
	if len(assignments) == 0 {
		return base, nil
	}
	var body ordjson.Object
	if base != nil {
		if body, err = ordjson.Parse(base); err != nil {
			return nil, usage("--body: %w", err)
		}
	}
	for _, a := range assignments {
		if err := assign(&body, o, a); err != nil {
			return nil, err
		}
	}
	return body.Append(nil), nil
}

// readWhole is JSON as it stands, of a file (@FILE) or of the standard input (-).
func readWhole(whole string, stdin io.Reader) ([]byte, error) {
	file, isFile := strings.CutPrefix(whole, "@")
	var content []byte
	var err error
	switch {
	case whole == "":
		return nil, nil
	case whole == "-":
		content, err = io.ReadAll(stdin)
	case isFile:
		content, err = os.ReadFile(file) //nolint:gosec // the person names the file
	default:
		content = []byte(whole)
	}
	if err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	return bytes.TrimSpace(content), nil
}

// assign sets one member: name=value, read as the API's document says, or name:=JSON.
// a.b is b of a.
func assign(body *ordjson.Object, o *operation, assignment string) error {
	name, value, ok := strings.Cut(assignment, "=")
	if !ok || name == "" || name == ":" {
		return usage("%q is neither name=value nor name:=JSON%s", assignment, known(o))
	}
	raw := json.RawMessage(value)
	if literal, isJSON := strings.CutSuffix(name, ":"); isJSON {
		if name = literal; !json.Valid(raw) {
			return usage("%s: %s is no JSON", name, value)
		}
	} else {
		f, ok := o.field(name)
		if !ok && !o.Free {
			return usage("there is no field %q%s", name, known(o))
		}
		var err error
		if raw, err = valueOf(f, value); err != nil {
			return usage("%s: %w", name, err)
		}
	}
	set(body, strings.Split(name, "."), raw)
	return nil
}

// field is what the document says of a member: of one in an object of any members,
// that it is a text.
func (o *operation) field(name string) (field, bool) {
	if i := slices.IndexFunc(o.Body, func(f field) bool { return f.Name == name }); i >= 0 {
		return o.Body[i], true
	}
	outer, _, inner := strings.Cut(name, ".")
	i := slices.IndexFunc(o.Body, func(f field) bool { return f.Name == outer })
	return field{Name: name, Kind: text}, inner && i >= 0 && o.Body[i].Kind == object
}

func known(o *operation) string {
	var names []string
	for _, f := range o.Body {
		if !strings.Contains(f.Name, ".") {
			names = append(names, f.Name)
		}
	}
	switch {
	case len(names) == 0:
		return ""
	case o.Free:
		return "; besides any member, there is " + strings.Join(names, ", ")
	default:
		return "; there is " + strings.Join(names, ", ")
	}
}

// set puts a value at a path and makes the objects that lie on it.
func set(o *ordjson.Object, path []string, value json.RawMessage) {
	if len(path) > 1 {
		inner, err := ordjson.Parse(o.Get(path[0]))
		if err != nil {
			inner = nil // what is no object gives way to one
		}
		set(&inner, path[1:], value)
		value = inner.Append(nil)
	}
	o.Set(path[0], value)
}

// valueOf reads a value as a field's kind has it.
func valueOf(f field, value string) (json.RawMessage, error) {
	switch f.Kind {
	case integer:
		if _, err := strconv.ParseInt(value, 10, 64); err != nil {
			return nil, fmt.Errorf("expected a whole number, got %q", value)
		}
		return json.RawMessage(value), nil
	case number:
		if _, err := strconv.ParseFloat(value, 64); err != nil || !json.Valid([]byte(value)) {
			return nil, fmt.Errorf("expected a number, got %q", value)
		}
		return json.RawMessage(value), nil
	case boolean:
		if value != "true" && value != "false" {
			return nil, fmt.Errorf("expected true or false, got %q", value)
		}
		return json.RawMessage(value), nil
	case instant:
		t, err := when(value, time.Now())
		return ordjson.String(t), err
	case list:
		return json.Marshal(split(value))
	case object:
		if _, err := ordjson.Parse([]byte(value)); err != nil {
			return nil, fmt.Errorf("expected a JSON object, or its members one by one as %s.member=value", f.Name)
		}
		return json.RawMessage(value), nil
	case text:
	}
	return ordjson.String(value), nil
}

// split takes a list apart at its commas.
func split(value string) []string {
	parts := []string{}
	for part := range strings.SplitSeq(value, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// when reads a time: RFC 3339, a local date with or without a time, or how long ago.
func when(value string, now time.Time) (string, error) {
	if t, err := time.Parse(time.RFC3339Nano, value); err == nil {
		return t.UTC().Format(time.RFC3339Nano), nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, value, time.Local); err == nil {
			return t.UTC().Format(time.RFC3339Nano), nil
		}
	}
	if d, err := switchhook.ParseDuration(value); err == nil {
		return now.Add(-d).UTC().Format(time.RFC3339Nano), nil
	}
	return "", fmt.Errorf("expected a time such as 2026-01-31T15:04:05Z or \"2026-01-31 15:04\", or how long ago, such as 90m or 7d; got %q", value)
}
