package ledger

import (
	"context"
	"errors"
	"math"
	"strconv"

	"github.com/switchhook/switchhook"
)

// place is where a page of a list begins: its keys lie in from ≤ key < to.
func place(cursor string, after int64) (from, to int64, rising bool, err error) {
	rising, from, to = after != 0, 0, math.MaxInt64
	if rising {
		from = after + 1
	}
	if cursor == "" {
		return from, to, rising, nil
	}
	n, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil {
		return 0, 0, false, errCursor()
	}
	if rising {
		return max(from, n+1), to, true, nil
	}
	return from, n, false, nil
}

func errCursor() error {
	return switchhook.InvalidField("cursor", "is not one that a list has returned")
}

// list is a JSON array, for json_each: a statement's text then stays the same
// whatever the number of values.
func list[T any](values []T) string {
	if values == nil {
		return "[]"
	}
	return document(values)
}

// each calls fn for every row of a query.
func each(ctx context.Context, from Reader, fn func(scan) error, text string, args ...any) (err error) {
	rows, err := from.QueryContext(ctx, text, args...)
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
