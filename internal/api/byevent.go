package api

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/switchhook/switchhook"
)

// Attempts do not say which call they are about, or which number: their events do. So a list
// of those of a call is a list of its events, with the attempts of each; and of attempts that
// come by, the events are looked at.

const (
	// fewEvents is of how many events all attempts are read at once.
	fewEvents = 5
	// near is how far apart events may be to be looked for together.
	near = 500
)

// attemptsByEvent lists the attempts of events, the newest event first, and of one the last
// attempt first. A page that takes long ends early.
func (a *api) attemptsByEvent(ctx context.Context, f switchhook.AttemptFilter, events switchhook.EventFilter, p switchhook.Page) (page []*switchhook.Attempt, next string, err error) {
	last := struct{ sequence, row int64 }{1<<63 - 2, 1<<63 - 1}
	if p.Cursor != "" {
		text, err := base64.RawURLEncoding.DecodeString(p.Cursor)
		if _, scanErr := fmt.Sscanf(string(text), "%d.%d", &last.sequence, &last.row); err != nil || scanErr != nil {
			return nil, "", errCursor()
		}
	}
	place := func() string { return cursorOf(fmt.Sprintf("%d.%d", last.sequence, last.row)) }
	events.Before = last.sequence + 1 // of its event there may be more
	for began, size := time.Now(), 0; ; {
		some, _, err := a.Store.Events(ctx, events, switchhook.Page{Limit: fewEvents})
		if err != nil || len(some) == 0 {
			return page, "", err
		}
		attempts, err := a.attemptsOf(ctx, f, some)
		if err != nil {
			return nil, "", err
		}
		for _, at := range attempts {
			if at.Sequence == last.sequence && at.Row >= last.row {
				continue // on the page before
			}
			if len(page) == p.Limit || size >= longestPage {
				return page, place(), nil
			}
			page, size = append(page, at), size+attemptSize(at)
			last.sequence, last.row = at.Sequence, at.Row
		}
		events.Before = some[len(some)-1].Sequence
		if last.sequence, last.row = events.Before, 0; time.Since(began) > searchTime {
			return page, place(), nil
		}
	}
}

// attemptsOf are those for some events, the newest event and the last attempt first.
func (a *api) attemptsOf(ctx context.Context, f switchhook.AttemptFilter, events []*switchhook.Event) (all []*switchhook.Attempt, err error) {
	f.Events = events
	for cursor := ""; ; {
		attempts, next, err := a.Store.Attempts(ctx, f, switchhook.Page{Limit: stretch, Cursor: cursor})
		if err != nil {
			return nil, err
		}
		if all, cursor = append(all, attempts...), next; next == "" {
			break
		}
	}
	slices.SortFunc(all, func(x, y *switchhook.Attempt) int {
		return cmp.Or(cmp.Compare(y.Sequence, x.Sequence), cmp.Compare(y.Row, x.Row))
	})
	return all, nil
}

// among reports of the sequences of attempts which are of events that are wanted.
func (a *api) among(ctx context.Context, events switchhook.EventFilter, attempts []*switchhook.Attempt) (map[int64]bool, error) {
	wanted, sequences := map[int64]bool{}, make([]int64, 0, len(attempts))
	for _, at := range attempts {
		if at.Sequence > 0 { // a test's event is not kept
			sequences = append(sequences, at.Sequence)
		}
	}
	slices.Sort(sequences)
	for len(sequences) > 0 {
		n := 1
		for n < len(sequences) && sequences[n]-sequences[n-1] < near {
			n++
		}
		events.Before = sequences[n-1] + 1
		if events.After = sequences[0] - 1; events.After == 0 {
			events.After = beginning
		}
		for cursor := ""; ; {
			found, next, err := a.Store.Events(ctx, events, switchhook.Page{Limit: near, Cursor: cursor})
			if err != nil {
				return nil, err
			}
			for _, ev := range found {
				wanted[ev.Sequence] = true
			}
			if cursor = next; next == "" {
				break
			}
		}
		sequences = sequences[n:]
	}
	return wanted, nil
}
