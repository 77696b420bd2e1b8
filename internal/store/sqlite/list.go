package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
)

// A selection builds the query of one page of a list: the rows of a table that
// fulfil all conditions, in the order of its integer key.
type selection struct {
	table, key, columns string
	conditions          []string
	args                []any
	rising              bool
	limit               int
	// narrow is set where a condition leaves few rows to look at, so that the
	// index of accounts is not to be used.
	narrow bool
}

func (s *selection) where(condition string, args ...any) {
	s.conditions = append(s.conditions, condition)
	s.args = append(s.args, args...)
}

// eachAccount is up to how many accounts are looked up one by one.
const eachAccount = 64

// query returns the text and its arguments. Accounts nil: any.
//
// SQLite cannot merge the entries of several accounts in an index: it would
// sort all of their history for each page. So each account gives a page of its
// own, of which the first rows are taken. For many accounts, the table is read
// in its order until the page is full: many accounts have many rows.
func (s *selection) query(accounts []string) (string, []any) {
	order := " DESC"
	if s.rising {
		order = ""
	}
	tail := " ORDER BY " + s.key + order + " LIMIT " + strconv.Itoa(s.limit)
	text := "SELECT " + s.columns + " FROM " + s.table + " WHERE "
	switch {
	case accounts == nil:
		return text + s.and("1") + tail, s.args
	case s.narrow || len(accounts) == 0 || len(accounts) > eachAccount:
		return text + s.and("+account_id IN (SELECT value FROM json_each(?))") + tail, append(slices.Clip(s.args), list(accounts))
	case len(accounts) == 1:
		return text + s.and("account_id = ?") + tail, append(slices.Clip(s.args), accounts[0])
	}
	var b strings.Builder
	var args []any
	one := "SELECT * FROM (SELECT " + s.key + " FROM " + s.table + " WHERE " + s.and("account_id = ?") + tail + ")"
	for i, id := range accounts {
		if i > 0 {
			b.WriteString(" UNION ALL ")
		}
		b.WriteString(one)
		args = append(append(args, s.args...), id)
	}
	return text + s.key + " IN (" + b.String() + ")" + tail, args
}

func (s *selection) and(last string) string {
	return strings.Join(append(slices.Clip(s.conditions), last), " AND ")
}

// from goes on where the cursor says, or from after in rising order.
func (s *selection) from(cursor string, after int64) error {
	if after != 0 {
		s.rising = true
		s.where(s.key+" > ?", after)
	}
	if cursor == "" {
		return nil
	}
	n, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil {
		return errCursor()
	}
	if s.rising {
		s.where(s.key+" > ?", n)
	} else {
		s.where(s.key+" < ?", n)
	}
	return nil
}

func errCursor() error {
	return switchhook.InvalidField("cursor", "is not one that a list has returned")
}

// between bounds a list by a time that rises with the key but for corrections
// of the clock. Comparing the time alone would read the whole history for a
// page of the last five minutes, and an index on it would be of no use, for the
// order is that of the key. So the key is bounded too, by bisection.
func (s *selection) between(ctx context.Context, tx *sql.Tx, column string, since, until time.Time) error {
	if !since.IsZero() {
		key, err := firstSince(ctx, tx, s.table, s.key, column, since.Add(-clockSlack))
		if err != nil {
			return err
		}
		s.where(s.key+" >= ?", key)
		s.where("+"+column+" >= ?", micros(since))
	}
	if !until.IsZero() {
		key, err := firstSince(ctx, tx, s.table, s.key, column, until.Add(clockSlack))
		if err != nil {
			return err
		}
		s.where(s.key+" <= ?", key)
		s.where("+"+column+" < ?", micros(until))
	}
	return nil
}

// clockSlack is by how much a clock that is set back may disturb the order of
// times in a table, and more than an attempt lasts.
const clockSlack = time.Hour

// firstSince returns a key such that, in a table whose time rises with the key,
// all rows before it are older than t and it or a later one is not.
func firstSince(ctx context.Context, tx *sql.Tx, table, key, column string, t time.Time) (int64, error) {
	var low, high int64
	err := tx.QueryRowContext(ctx, "SELECT coalesce(min("+key+"), 0), coalesce(max("+key+"), 0) + 1 FROM "+table).Scan(&low, &high)
	if err != nil {
		return 0, err
	}
	probe := "SELECT " + key + ", " + column + " FROM " + table + " WHERE " + key + " >= ? ORDER BY " + key + " LIMIT 1"
	for low < high {
		middle := low + (high-low)/2
		var at, found int64
		switch err := tx.QueryRowContext(ctx, probe, middle).Scan(&found, &at); {
		case errors.Is(err, sql.ErrNoRows):
			high = middle
		case err != nil:
			return 0, err
		case at < micros(t):
			low = found + 1
		default:
			high = middle
		}
	}
	return low, nil
}

// list is a JSON array, for json_each: a statement's text then stays the same
// whatever the number of values.
func list[T any](values []T) string {
	return document(values)
}

// view runs fn on one state of the database.
func (d *DB) view(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := d.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	return fn(tx)
}

// each calls fn for every row of a query.
func each(ctx context.Context, tx querier, fn func(scan) error, text string, args ...any) (err error) {
	rows, err := tx.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

type querier interface {
	QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error)
}

// scan is the method of sql.Row and sql.Rows.
type scan func(...any) error

// cut makes a page of up to limit items out of one item more, and the cursor
// of the next page where there is one.
func cut[T any](items []T, limit int, key func(T) int64) (page []T, next string) {
	if len(items) <= limit {
		return items, ""
	}
	return items[:limit], strconv.FormatInt(key(items[limit-1]), 10)
}
