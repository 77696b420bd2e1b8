package expression

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
)

// envelope lists the members of event.
//
//nolint:gochecknoglobals // a constant; Go has no constant lists
var envelope = [...]string{"id", "type", "account_id", "key", "sequence", "source", "occurred_at", "accepted_at", "data"}

func envelopeHas(member string) bool { return slices.Contains(envelope[:], member) }

// An Input is an event as expressions see it. Its data is decoded when first
// asked for, and once however many expressions look at it. It is safe for
// concurrent use.
type Input struct {
	ev   *switchhook.Event
	once sync.Once
	err  error
	data map[string]any
	// event is made when an expression names it; most name only data.
	event func() map[string]any
}

// Of makes the input of an event. The event must not change afterwards.
func Of(ev *switchhook.Event) *Input {
	in := &Input{ev: ev}
	in.event = sync.OnceValue(in.envelope)
	return in
}

// Sample makes the input of a type's sample.
func Sample(t *catalogue.Type) *Input {
	at := time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC)
	return Of(&switchhook.Event{
		ID: "evt_sample", Type: t.Name, AccountID: "root", Sequence: 1, OccurredAt: at, AcceptedAt: at, Data: t.Sample(),
	})
}

func (in *Input) decode() error {
	in.once.Do(func() {
		if len(in.ev.Data) == 0 {
			in.data = map[string]any{}
			return
		}
		v, err := decode(jsontext.NewDecoder(bytes.NewBuffer(in.ev.Data)))
		data, ok := v.(map[string]any)
		if err == nil && !ok {
			err = errors.New("it is no object")
		}
		if err != nil {
			err = fmt.Errorf("decode the event's data: %w", err)
		}
		in.data, in.err = data, err
	})
	return in.err
}

func (in *Input) envelope() map[string]any {
	return map[string]any{
		"id": in.ev.ID, "type": in.ev.Type, "account_id": in.ev.AccountID, "key": in.ev.Key, "sequence": in.ev.Sequence,
		"source": in.ev.Source, "occurred_at": in.ev.OccurredAt, "accepted_at": in.ev.AcceptedAt, "data": in.data,
	}
}

// ResolveName is for CEL: the value of a variable.
func (in *Input) ResolveName(name string) (any, bool) {
	switch name {
	case "data":
		return in.data, true
	case "event":
		return in.event(), true
	default:
		return nil, false
	}
}

// Parent is for CEL: there is no outer scope.
func (*Input) Parent() cel.Activation { return nil }

// decode reads one JSON value. Whole numbers become int64 where they are
// written as such and fit, all others float64.
func decode(d *jsontext.Decoder) (any, error) {
	tok, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() { //nolint:exhaustive // ends of objects and arrays are read below
	case '{':
		o := map[string]any{}
		for d.PeekKind() != '}' {
			name, err := d.ReadToken()
			if err != nil {
				return nil, err
			}
			key := name.String() // the token lives until the next read
			if o[key], err = decode(d); err != nil {
				return nil, err
			}
		}
		_, err = d.ReadToken()
		return o, err
	case '[':
		l := []any{}
		for d.PeekKind() != ']' {
			v, err := decode(d)
			if err != nil {
				return nil, err
			}
			l = append(l, v)
		}
		_, err = d.ReadToken()
		return l, err
	case '"':
		return tok.String(), nil
	case '0':
		if n, err := strconv.ParseInt(tok.String(), 10, 64); err == nil {
			return n, nil
		}
		f, _ := tok.Float() // what is out of range is infinite
		return f, nil
	case 't', 'f':
		return tok.Bool(), nil
	default:
		return nil, nil //nolint:nilnil // null's value is nil
	}
}
