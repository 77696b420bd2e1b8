package template

import (
	"bytes"
	stdxml "encoding/xml"
	"errors"
	"fmt"
	"strconv"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/expression"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// A value is what fills a hole: its text, and whether JSON takes that as a value
// as it stands, as it does a number. An empty one is missing.
type value struct {
	text string
	json bool
}

// fill makes the body for an event.
func (t *template) fill(env *dialect.Env, ev *switchhook.Event) ([]byte, error) {
	b := make([]byte, 0, len(t.body)+len(t.body)/2+64)
	v := newView(env, ev)
	var in *expression.Input
	budget := uint64(maxCost)
	for i := range t.parts {
		p := &t.parts[i]
		b = append(b, p.text...)
		var val value
		switch {
		case p.get != nil:
			val = p.get(v)
		case p.program != nil:
			if in == nil {
				in = expression.Of(ev)
			}
			got, err := p.program.Spend(in, &budget)
			if err == nil {
				val, err = valueOf(got, p.bare)
			}
			if err != nil && !missing(err) {
				return nil, fmt.Errorf("%s: %w", position(t.body, p.at), err)
			}
		default:
			continue // the end
		}
		if b = t.write(b, val, p.bare); len(b) > maxOutput {
			return nil, fmt.Errorf("%s: the body becomes longer than %d bytes", position(t.body, p.at), maxOutput)
		}
	}
	if len(b) > maxOutput {
		return nil, fmt.Errorf("the body becomes longer than %d bytes", maxOutput)
	}
	return b, nil
}

func missing(err error) bool { return errors.Is(err, expression.ErrMissing) }

// write appends a value as the syntax wants it.
func (t *template) write(b []byte, v value, bare bool) []byte {
	switch t.syntax {
	case json:
		switch {
		case !bare:
			from := len(b)
			b = ordjson.AppendString(b, v.text)
			copy(b[from:], b[from+1:len(b)-1]) // without its quotes
			return b[:len(b)-2]
		case v.text == "" && !v.json:
			return append(b, "null"...)
		case v.json:
			return append(b, v.text...)
		default:
			return ordjson.AppendString(b, v.text)
		}
	case form:
		return dialect.AppendEscaped(b, v.text, dialect.Escape{})
	case xml:
		var out bytes.Buffer
		_ = stdxml.EscapeText(&out, []byte(v.text)) // a buffer takes everything
		return append(b, out.Bytes()...)
	case text:
	}
	return append(b, v.text...)
}

// valueOf is the value of an expression: texts as they are, lists and objects
// as JSON. Where JSON wants a value, an empty text is one too.
func valueOf(v any, bare bool) (value, error) {
	switch v := v.(type) {
	case nil:
		return value{}, nil
	case string:
		if !bare {
			return value{text: v}, nil
		}
		return value{string(ordjson.String(v)), true}, nil
	case bool:
		return value{strconv.FormatBool(v), true}, nil
	case int64:
		return value{strconv.FormatInt(v, 10), true}, nil
	default:
		b, err := jsonv2.Marshal(v, jsonv2.Deterministic(true), jsontext.AllowInvalidUTF8(true))
		return value{string(b), true}, err
	}
}
