package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
)

const (
	eventColumns = `seq, id, account_id, type, key, call_id, occurred_at, accepted_at, source, id_given, relayed, targets, data, original`
	insertEvent  = `INSERT INTO events (` + eventColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
)

func eventRow(e *switchhook.Event) []any {
	data := []byte(e.Data)
	if data == nil {
		data = []byte{} // NULL otherwise
	}
	return []any{
		e.Sequence, e.ID, e.AccountID, e.Type, e.Key, e.CallID, micros(e.OccurredAt), micros(e.AcceptedAt),
		e.Source, e.IDGiven, e.Relayed, strings.Join(e.Targets, "\n"), data, original(e.Original),
	}
}

func scanEvent(scan scan) (*switchhook.Event, error) {
	var e switchhook.Event
	var occurred, accepted int64
	var targets, original string
	var data []byte
	err := scan(&e.Sequence, &e.ID, &e.AccountID, &e.Type, &e.Key, &e.CallID, &occurred, &accepted,
		&e.Source, &e.IDGiven, &e.Relayed, &targets, &data, &original)
	if err != nil {
		return nil, err
	}
	e.OccurredAt, e.AcceptedAt = fromMicros(occurred), fromMicros(accepted)
	e.Targets = splitTargets(targets)
	if len(data) > 0 {
		e.Data = data
	}
	if original != "" {
		e.Original = new(switchhook.Original)
		if err := fromJSON("what another system said of event "+e.ID, original, e.Original); err != nil {
			return nil, err
		}
	}
	return &e, nil
}

// original is an event's Original as JSON, and nothing of none.
func original(o *switchhook.Original) string {
	if o == nil {
		return ""
	}
	return document(o)
}

func splitTargets(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// LastSequence is the sequence of the newest event ever committed.
func (d *DB) LastSequence(ctx context.Context) (n int64, err error) {
	err = d.reader.QueryRowContext(ctx, "SELECT last_sequence FROM meta").Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("read the last sequence: %w", err)
	}
	return n, nil
}

// Known reports which ids were given to events within the last 48 hours.
func (d *DB) Known(ctx context.Context, accountID string, ids []string) (map[string]bool, error) {
	known := make(map[string]bool)
	err := each(ctx, d.reader, func(scan scan) error {
		var id string
		if err := scan(&id); err != nil {
			return err
		}
		known[id] = true
		return nil
	}, `SELECT id FROM event_ids WHERE account_id = ? AND id IN (SELECT value FROM json_each(?)) AND expires_at > ?`,
		accountID, list(ids), micros(time.Now()))
	if err != nil {
		return nil, fmt.Errorf("look up event ids: %w", err)
	}
	return known, nil
}

// Event returns one event: the newest, where a client gave an id again after it
// was forgotten.
func (d *DB) Event(ctx context.Context, accounts []string, id string) (*switchhook.Event, error) {
	s := selection{table: "events", key: "seq", columns: eventColumns, limit: 1, narrow: true}
	s.where("id = ?", id)
	text, args := s.query(accounts)
	e, err := scanEvent(d.reader.QueryRowContext(ctx, text, args...).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, switchhook.Errorf(switchhook.CodeNotFound, "there is no event %q", id)
	}
	if err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	return e, nil
}

// Events lists newest first; with f.After set, oldest first from there.
func (d *DB) Events(ctx context.Context, f switchhook.EventFilter, p switchhook.Page) (events []*switchhook.Event, next string, err error) {
	s := selection{table: "events", key: "seq", columns: eventColumns, limit: p.Limit + 1}
	if err := s.from(p.Cursor, f.After); err != nil {
		return nil, "", err
	}
	s.filterEvents(f)
	err = d.view(ctx, func(tx *sql.Tx) error {
		if err := s.between(ctx, tx, "accepted_at", f.Since, f.Until); err != nil {
			return err
		}
		text, args := s.query(f.Accounts)
		return each(ctx, tx, func(scan scan) error {
			e, err := scanEvent(scan)
			events = append(events, e)
			return err
		}, text, args...)
	})
	if err != nil {
		return nil, "", fmt.Errorf("list events: %w", err)
	}
	events, next = cut(events, p.Limit, func(e *switchhook.Event) int64 { return e.Sequence })
	return events, next, nil
}

// filterEvents adds the conditions of a filter but for accounts, times and the
// place in the list. The conditions that repeat an index's own are there for
// the planner: it uses a partial index only where it finds them word for word.
func (s *selection) filterEvents(f switchhook.EventFilter) {
	if f.Key != "" {
		s.narrow = true
		s.where("key = ? AND key <> ''", f.Key)
	}
	if f.CallID != "" {
		s.narrow = true
		s.where(`seq IN (SELECT seq FROM events WHERE key = ? AND key <> '' UNION ALL
			SELECT seq FROM events WHERE call_id = ? AND call_id <> '' AND call_id <> key)`, f.CallID, f.CallID)
	}
	if f.Number != "" {
		// A look through the data of every event that the other conditions
		// leave. An index of numbers would cost every event, for a question
		// that is asked seldom and mostly about a day.
		digits := strings.TrimPrefix(f.Number, "+")
		s.where("(instr(data, ?) OR instr(data, ?))", []byte(`"`+digits+`"`), []byte(`"+`+digits+`"`))
	}
	if len(f.Types) > 0 && !slices.Contains(f.Types, "*") {
		var args []any
		for _, glob := range f.Types {
			args = append(args, globEscapes.Replace(glob))
		}
		s.where("("+strings.TrimSuffix(strings.Repeat("type GLOB ? OR ", len(args)), " OR ")+")", args...)
	}
}

// globEscapes leaves only * with a meaning.
var globEscapes = strings.NewReplacer("[", "[[]", "?", "[?]") //nolint:gochecknoglobals // a constant that Go cannot write as one
