// Package sourcetest takes what translators make as the product does, so that
// their tests judge what really goes in.
package sourcetest

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/ordjson"
	"github.com/switchhook/switchhook/internal/source"
)

// Account is whose an event is that has no account yet.
const Account = "acme"

// Accept checks and decodes an event's data, as the door does.
func Accept(ev *switchhook.Event) error {
	typ, ok := catalogue.Lookup(ev.Type)
	if !ok {
		return fmt.Errorf("the catalogue has no %q", ev.Type)
	}
	if errs := catalogue.Check(typ, ev.Data, "data"); len(errs) > 0 {
		return fmt.Errorf("%s: %v", ev.Data, errs)
	}
	if _, err := ordjson.Parse(ev.Data); err != nil {
		return fmt.Errorf("%s: %w", ev.Data, err)
	}
	r, err := catalogue.Decode(ev.Data)
	ev.Relayed = true
	ev.Resources, ev.AccountID = r, cmp.Or(ev.AccountID, Account)
	return err
}

// One is the only event of a message, accepted. It takes what Translate returns.
func One(m *source.Message, err error) (*switchhook.Event, error) {
	if err != nil {
		return nil, err
	}
	if len(m.Events) != 1 {
		return nil, fmt.Errorf("%d events", len(m.Events))
	}
	return m.Events[0], Accept(m.Events[0])
}

// A Folder completes an event's data from what was said before, as calls.Folder does.
type Folder interface {
	Fold(ev *switchhook.Event, data *ordjson.Object, now time.Time) ([]switchhook.Snapshot, error)
}

// Fold completes an event as the product does, and accepts it.
func Fold(f Folder, ev *switchhook.Event, now time.Time) error {
	data, err := ordjson.Parse(ev.Data)
	if err != nil {
		return err
	}
	ev.AccountID = cmp.Or(ev.AccountID, Account)
	if _, err := f.Fold(ev, &data, now); err != nil {
		return err
	}
	ev.Data = data.Append(nil)
	return Accept(ev)
}

// Refused is how a translator refuses what it cannot take: the code, and a line for
// each field that is wrong. It takes what Translate returns.
func Refused(m *source.Message, err error) (code switchhook.Code, fields string, _ error) {
	e, ok := errors.AsType[*switchhook.Error](err)
	if !ok || m != nil || e.Message == "" {
		return "", "", fmt.Errorf("it is no refusal: %+v, %w", m, err)
	}
	var lines []string
	for _, f := range e.Fields {
		lines = append(lines, f.Field+": "+f.Message)
	}
	return e.Code, strings.Join(lines, "\n"), nil
}
