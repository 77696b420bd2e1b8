package teli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// record makes {"type","schema","data"}, where data is the row as a string of
// JSON. Receivers are told to look whether a field is there: what the row does
// not have is left out.
func (d *Dialect) record(ev *switchhook.Event, w *switchhook.Webhook) ([]byte, error) {
	change := &ev.Resources.RecordChange
	s := d.schemas[change.Schema]
	in, err := ordjson.Parse(change.Row)
	if err != nil {
		return nil, fmt.Errorf("render the record %s/%s for teli: %w", change.Schema, change.ID, err)
	}
	values, _ := w.Option("values")
	typed := values == "typed"
	fields, value := s.fields, in.Get
	if len(in) > 2*len(s.fields) { // many that are not on the page
		members := make(map[string]json.RawMessage, len(in))
		for _, m := range in {
			members[m.Name] = m.Value
		}
		value = func(name string) json.RawMessage { return members[name] }
	}
	if ev.OriginalOf(d.Name()) != nil { // Teli's own fields are all Teli's
		fields = slices.Clip(fields)
		for _, m := range in {
			if !slices.Contains(s.fields, m.Name) {
				fields = append(fields, m.Name)
			}
		}
	}
	row := make(ordjson.Object, 0, len(fields))
	for _, field := range fields {
		v := value(field)
		if v == nil && field != "id" {
			continue
		}
		written, err := d.value(ev, value, field, typed)
		if err != nil {
			return nil, fmt.Errorf("render the record %s/%s for teli: %s: %w", change.Schema, change.ID, field, err)
		}
		row = append(row, ordjson.Member{Name: field, Value: written})
	}
	return ordjson.Object{
		{Name: "type", Value: ordjson.String(operation(ev.Type))},
		{Name: "schema", Value: ordjson.String(schemaName(w, s.name))},
		{Name: "data", Value: ordjson.String(string(row.Append(nil)))},
	}.Append(nil), nil
}

// enablementBody says how switching on text messages went. verbose is always
// there, if need be empty, as in the page's three examples.
func enablementBody(ev *switchhook.Event) []byte {
	in, err := ordjson.Parse(ev.Data)
	if err != nil {
		in = nil // an event without data
	}
	body := ordjson.Object{{Name: "type", Value: ordjson.String("update")}, {Name: "schema", Value: ordjson.String(enablement)}}
	if status := in.Text("status"); status != "" {
		body.Set("status", ordjson.String(status))
	}
	body.Set("verbose", ordjson.String(in.Text("verbose")))
	return body.Append(nil)
}

func operation(typ string) string {
	switch typ {
	case "record.created":
		return "insert"
	case "record.deleted":
		return "delete"
	default:
		return "update"
	}
}

// schemaName is the name that the receiver expects.
func schemaName(w *switchhook.Webhook, name string) string {
	names, _ := w.DialectOptions["schema_names"].(map[string]any)
	if other, ok := names[name].(string); ok {
		return other
	}
	return name
}

// value is a field's value as Teli writes it.
func (d *Dialect) value(ev *switchhook.Event, row func(name string) json.RawMessage, field string, typed bool) (json.RawMessage, error) {
	v := row(field)
	text, isText := plain(v)
	change := &ev.Resources.RecordChange
	switch schema := refersTo(field); {
	case field == "id", schema == change.Schema && text == change.ID: // itself
		own, _ := plain(row("id"))
		return d.id(ev, own, typed)
	case schema != "" && isText && text != "":
		return d.integer(ev.AccountID, schema, text, typed)
	case ordjson.Null(v):
		return v, nil
	case isNumber(field):
		return ordjson.String(tenDigits(text)), nil
	case typed && v[0] != '"' && v[0] != '{' && v[0] != '[':
		return json.RawMessage(text), nil
	default:
		return ordjson.String(text), nil
	}
}

// id is the row's own id, unless one was set for the record: its field id where
// that is an integer, else the record's.
func (d *Dialect) id(ev *switchhook.Event, own string, typed bool) (json.RawMessage, error) {
	change := &ev.Resources.RecordChange
	if !isInteger(own) || d.given(ev.AccountID, change.Schema, change.ID) != "" {
		own = change.ID
	}
	return d.integer(ev.AccountID, change.Schema, own, typed)
}

// integer is an id as an integer: the one that was set for it, itself if it is one,
// or the one that stands for it.
func (d *Dialect) integer(account, schema, id string, typed bool) (json.RawMessage, error) {
	id = cmp.Or(d.given(account, schema, id), id)
	if !isInteger(id) {
		n, err := d.env.Integer(account, schema, id)
		if err != nil {
			return nil, err
		}
		id = strconv.FormatInt(n, 10)
	}
	if typed {
		return json.RawMessage(id), nil
	}
	return ordjson.String(id), nil
}

// given is the id that was set for a thing of the account's. An account is known to
// the others by the one that was set for itself.
func (d *Dialect) given(account, schema, id string) string {
	set := d.env.Given(account, d.Name(), schema, id)
	if set == "" && schema == "account" && id != account {
		set = d.env.Given(id, d.Name(), schema, id)
	}
	return set
}

// isInteger reports whether an id is one that a database counts: digits that
// do not begin with 0.
func isInteger(id string) bool {
	return id != "" && len(id) <= 18 && strings.Trim(id, "0123456789") == "" && (id[0] != '0' || id == "0")
}

// plain is a JSON value as text: a string's content, a flag as 0 or 1, an object
// or a list as JSON (Teli's flow_data is such a string); null and nothing are
// no text.
func plain(v json.RawMessage) (string, bool) {
	if ordjson.Null(v) {
		return "", false
	}
	switch v[0] {
	case '"':
		return ordjson.Unquote(v)
	case 't':
		return "1", true
	case 'f':
		return "0", true
	default:
		return string(v), true
	}
}

// recordInScope reports whether a record is one of the scope's numbers, or its
// row names one of them.
func recordInScope(ev *switchhook.Event, s *switchhook.Scope) bool {
	if ev.Resources == nil || ev.Resources.Schema == "" || s.Empty() {
		return false
	}
	change := &ev.Resources.RecordChange
	if change.Schema == "number" && dialect.AnyOf(s.Numbers, change.ID) {
		return true
	}
	row, err := ordjson.Parse(change.Row)
	return err == nil && slices.ContainsFunc(row, func(m ordjson.Member) bool {
		text, _ := plain(m.Value)
		return (isNumber(m.Name) || m.Name == "did_id") && dialect.AnyOf(s.Numbers, text)
	})
}
