package store

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
)

// Allowed reports whether an account is among accounts. Nil: any is.
func Allowed(accounts []string, id string) bool {
	return accounts == nil || slices.Contains(accounts, id)
}

// Of reports whether one of the events has a sequence.
func Of(events []*switchhook.Event, sequence int64) bool {
	return slices.ContainsFunc(events, func(e *switchhook.Event) bool { return e.Sequence == sequence })
}

// Within reports whether t lies in the half-open span from since to until. The
// zero time bounds nothing.
func Within(t, since, until time.Time) bool {
	return (since.IsZero() || !t.Before(Stored(since))) && (until.IsZero() || t.Before(Stored(until)))
}

// Stored is a time as a store gives it back: microseconds, UTC.
func Stored(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// WantsEvent reports whether a filter selects an event, whatever its After.
func WantsEvent(f *switchhook.EventFilter, e *switchhook.Event) bool {
	return Allowed(f.Accounts, e.AccountID) &&
		(f.Key == "" || f.Key == e.Key) &&
		(f.CallID == "" || f.CallID == e.Key || f.CallID == e.CallID) &&
		ofTypes(f.Types, e.Type) &&
		Within(e.AcceptedAt, f.Since, f.Until) &&
		(f.Before == 0 || e.Sequence < f.Before) &&
		(!f.Opens || e.Opens) &&
		(f.Party == "" || slices.Contains(catalogue.Parties(e), f.Party)) &&
		(f.Number == "" || mentions(e.Data, f.Number))
}

// WantsAttempt reports whether a filter selects an attempt, whatever its After.
// What ended without an attempt is none.
func WantsAttempt(f *switchhook.AttemptFilter, a *switchhook.Attempt) bool {
	return a.Number > 0 && Allowed(f.Accounts, a.AccountID) &&
		(f.WebhookID == "" || f.WebhookID == a.WebhookID) &&
		(f.EventID == "" || f.EventID == a.EventID) &&
		(f.Events == nil || Of(f.Events, a.Sequence)) &&
		(f.Outcome == "" || f.Outcome == a.Outcome) &&
		(f.Dialect == "" || f.Dialect == a.Dialect) &&
		ofTypes(f.Types, a.EventType) &&
		Within(a.StartedAt, f.Since, f.Until)
}

// WantsDeliveriesOf reports whether a filter selects deliveries of an event.
func WantsDeliveriesOf(f *switchhook.DeliveryFilter, e *switchhook.Event) bool {
	return Allowed(f.Accounts, e.AccountID) &&
		(f.EventID == "" || f.EventID == e.ID) &&
		(f.Events == nil || Of(f.Events, e.Sequence)) &&
		(f.Of == nil || WantsEvent(f.Of, e)) &&
		Within(e.AcceptedAt, f.Since, f.Until)
}

// ofTypes reports whether a type fits one of the globs. None: every type does.
func ofTypes(globs []string, name string) bool {
	return len(globs) == 0 || slices.ContainsFunc(globs, func(glob string) bool { return matches(glob, name) })
}

// matches reports whether text fits glob, in which * stands for anything.
func matches(glob, text string) bool {
	parts := strings.Split(glob, "*")
	if len(parts) == 1 {
		return glob == text
	}
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		_, rest, ok := strings.Cut(text, part)
		if !ok {
			return false
		}
		text = rest
	}
	return strings.HasSuffix(text, last)
}

func mentions(data []byte, number string) bool {
	digits := strings.TrimPrefix(number, "+")
	return bytes.Contains(data, []byte(`"`+digits+`"`)) || bytes.Contains(data, []byte(`"+`+digits+`"`))
}
