package ledger

import (
	"context"
	"fmt"
	"math"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

// Attempt returns one attempt.
func (d *DB) Attempt(ctx context.Context, accounts []string, id string) (*switchhook.Attempt, error) {
	w := walk{table: &attemptBlocks, to: math.MaxInt64, terms: [][]uint32{{term(attemptID, id)}}}
	found, err := d.attempts(ctx, w, 1, func(a *switchhook.Attempt) bool {
		return a.ID == id && a.Number > 0 && store.Allowed(accounts, a.AccountID)
	})
	if err != nil {
		return nil, fmt.Errorf("read attempt: %w", err)
	}
	if len(found) == 0 {
		return nil, switchhook.Errorf(switchhook.CodeNotFound, "there is no attempt %q", id)
	}
	return found[0], nil
}

// Attempts lists newest first; with f.After set, oldest first from there.
func (d *DB) Attempts(ctx context.Context, f switchhook.AttemptFilter, p switchhook.Page) (attempts []*switchhook.Attempt, next string, err error) {
	w, err := newWalk(&attemptBlocks, p.Cursor, f.After)
	if err != nil {
		return nil, "", err
	}
	w.since, w.until = f.Since, f.Until
	if f.EventID != "" {
		w.terms = append(w.terms, []uint32{term(attemptEvent, f.EventID)})
	}
	if f.Events != nil {
		w.terms = append(w.terms, attemptsOf(f.Events))
	}
	switch {
	case f.Outcome == switchhook.Failure:
		w.terms = append(w.terms, []uint32{term(attemptFailure, f.WebhookID)})
	case f.WebhookID != "":
		w.terms = append(w.terms, []uint32{term(attemptWebhook, f.WebhookID)})
	}
	if rare(f.Dialect) {
		w.terms = append(w.terms, []uint32{term(attemptDialect, f.Dialect)})
	}
	w.accounts(attemptAccount, f.Accounts)
	attempts, err = d.attempts(ctx, w, p.Limit+1, func(a *switchhook.Attempt) bool { return store.WantsAttempt(&f, a) })
	if err != nil {
		return nil, "", fmt.Errorf("list attempts: %w", err)
	}
	attempts, next = cut(attempts, p.Limit, func(a *switchhook.Attempt) int64 { return a.Row })
	return attempts, next, nil
}

// attemptsOf are the terms of the attempts for some events.
func attemptsOf(events []*switchhook.Event) []uint32 {
	terms := make([]uint32, len(events))
	for i, e := range events {
		terms[i] = term(attemptEvent, e.ID)
	}
	return terms
}

// attempts returns up to limit of the attempts of a walk that are wanted, which
// is decided without their requests and responses.
func (d *DB) attempts(ctx context.Context, w walk, limit int, wanted func(*switchhook.Attempt) bool) (found []*switchhook.Attempt, err error) {
	gone := d.gone()
	err = d.walk(ctx, w, func(b *block) (bool, error) {
		for i := range b.records {
			if !w.rising {
				i = len(b.records) - 1 - i
			}
			row := b.first + int64(i)
			if row < w.from || row >= w.to || len(b.records[i]) == 0 {
				continue
			}
			a, err := decodeAttempt(b.records[i], row, false)
			if err != nil {
				return false, err
			}
			if !wanted(a) || gone(a.AccountID, a.StartedAt) {
				continue
			}
			if a, err = decodeAttempt(b.records[i], row, true); err != nil {
				return false, err
			}
			if found = append(found, a); len(found) == limit {
				return true, nil
			}
		}
		return false, nil
	})
	return found, err
}
