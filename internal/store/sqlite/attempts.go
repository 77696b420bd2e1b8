package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/switchhook/switchhook"
)

const (
	attemptColumns = `row, id, seq, event_id, event_type, account_id, webhook_id, dialect, number, started_at, duration_ms,
		outcome, state, next_attempt_at, error, request, request_body, response, response_body`
	insertAttempt = `INSERT INTO attempts (` + attemptColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
)

// attemptRow leaves the first column, its place in the history, to the
// committer. The delivery's id is not kept, for it follows from the others.
func attemptRow(a *switchhook.Attempt) []any {
	var request, response any
	var requestBody, responseBody string
	if a.Request != nil {
		head := *a.Request
		head.Body, requestBody = "", a.Request.Body
		request = document(head)
	}
	if a.Response != nil {
		head := *a.Response
		head.Body, responseBody = "", a.Response.Body
		response = document(head)
	}
	return []any{
		nil, a.ID, a.Sequence, a.EventID, a.EventType, a.AccountID, a.WebhookID, a.Dialect, a.Number,
		micros(a.StartedAt), a.DurationMS, string(a.Outcome), string(a.State), micros(a.NextAttemptAt), a.Error,
		request, requestBody, response, responseBody,
	}
}

func scanAttempt(scan scan) (*switchhook.Attempt, error) {
	var a switchhook.Attempt
	var started, next int64
	var request, response sql.NullString
	var requestBody, responseBody string
	err := scan(&a.Row, &a.ID, &a.Sequence, &a.EventID, &a.EventType, &a.AccountID, &a.WebhookID, &a.Dialect, &a.Number,
		&started, &a.DurationMS, &a.Outcome, &a.State, &next, &a.Error,
		&request, &requestBody, &response, &responseBody)
	if err != nil {
		return nil, err
	}
	a.StartedAt, a.NextAttemptAt = fromMicros(started), fromMicros(next)
	a.DeliveryID = switchhook.DeliveryID(a.AccountID, a.EventID, a.WebhookID)
	if request.Valid {
		a.Request = &switchhook.HTTPRequest{}
		if err := fromJSON("request", request.String, a.Request); err != nil {
			return nil, err
		}
		a.Request.Body = requestBody
	}
	if response.Valid {
		a.Response = &switchhook.HTTPResponse{}
		if err := fromJSON("response", response.String, a.Response); err != nil {
			return nil, err
		}
		a.Response.Body = responseBody
	}
	return &a, nil
}

// Attempt returns one attempt.
func (d *DB) Attempt(ctx context.Context, accounts []string, id string) (*switchhook.Attempt, error) {
	s := selection{table: "attempts", key: "row", columns: attemptColumns, limit: 1, narrow: true}
	s.where("id = ? AND number > 0", id)
	text, args := s.query(accounts)
	a, err := scanAttempt(d.reader.QueryRowContext(ctx, text, args...).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, switchhook.Errorf(switchhook.CodeNotFound, "there is no attempt %q", id)
	}
	if err != nil {
		return nil, fmt.Errorf("read attempt: %w", err)
	}
	return a, nil
}

// Attempts lists newest first; with f.After set, oldest first from there.
func (d *DB) Attempts(ctx context.Context, f switchhook.AttemptFilter, p switchhook.Page) (attempts []*switchhook.Attempt, next string, err error) {
	s := selection{table: "attempts", key: "row", columns: attemptColumns, limit: p.Limit + 1}
	if err := s.from(p.Cursor, f.After); err != nil {
		return nil, "", err
	}
	s.filterAttempts(f)
	err = d.view(ctx, func(tx *sql.Tx) error {
		if err := s.between(ctx, tx, "started_at", f.Since, f.Until); err != nil {
			return err
		}
		text, args := s.query(f.Accounts)
		return each(ctx, tx, func(scan scan) error {
			a, err := scanAttempt(scan)
			attempts = append(attempts, a)
			return err
		}, text, args...)
	})
	if err != nil {
		return nil, "", fmt.Errorf("list attempts: %w", err)
	}
	attempts, next = cut(attempts, p.Limit, func(a *switchhook.Attempt) int64 { return a.Row })
	return attempts, next, nil
}

// filterAttempts adds the conditions of a filter but for accounts, times and
// the place in the list.
func (s *selection) filterAttempts(f switchhook.AttemptFilter) {
	// + keeps the planner from indexes that do not give the order of the list.
	s.where("+number > 0")
	if f.EventID != "" {
		s.narrow = true
		s.where("seq IN (SELECT seq FROM events WHERE id = ?) AND +event_id = ?", f.EventID, f.EventID)
	}
	switch {
	case f.WebhookID == "":
	case s.narrow:
		s.where("+webhook_id = ?", f.WebhookID)
	default:
		s.narrow = true
		s.where("webhook_id = ?", f.WebhookID)
	}
	if f.Outcome != "" {
		s.where("outcome = ?", string(f.Outcome))
	}
}
