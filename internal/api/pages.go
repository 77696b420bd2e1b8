package api

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/switchhook/switchhook"
)

// How pageOf treats the order of its items.
type order int

const (
	inOrder order = iota // as they come; none is ever taken out
	sorted               // by their keys
	falling              // by their keys, the highest first
)

// pageOf cuts a page out of a list that is in memory whole. Each item has a key
// of its own, which never changes, and the cursor is the key of the last one that
// was given: a list in the order of its keys goes on after the place of that one,
// whatever was added or taken out meanwhile.
func pageOf[T any](items []T, p switchhook.Page, key func(T) string, by order) (page []T, next string, err error) {
	compare := strings.Compare
	if by == falling {
		compare = func(x, y string) int { return strings.Compare(y, x) }
	}
	if by != inOrder {
		items = slices.SortedFunc(slices.Values(items), func(x, y T) int { return compare(key(x), key(y)) })
	}
	if p.Cursor != "" {
		last, err := base64.RawURLEncoding.DecodeString(p.Cursor)
		if err != nil {
			return nil, "", errCursor()
		}
		from := slices.IndexFunc(items, func(item T) bool { return key(item) == string(last) }) + 1
		switch {
		case by != inOrder:
			if from = slices.IndexFunc(items, func(item T) bool { return compare(key(item), string(last)) > 0 }); from < 0 {
				from = len(items)
			}
		case from == 0:
			return nil, "", errCursor()
		}
		items = items[from:]
	}
	if len(items) <= p.Limit {
		return items, "", nil
	}
	return items[:p.Limit], cursorOf(key(items[p.Limit-1])), nil
}

func cursorOf(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

const (
	// longestPage is about how many bytes a page holds at most: events and
	// attempts can be of a megabyte each. A page that would be longer ends
	// early, with a cursor.
	longestPage = 8 << 20
	// stretch is how many items are read from the store at once for a page.
	stretch = 25
)

// bounded reads a page from the store in stretches until it is full, or long
// enough.
func bounded[T any](p switchhook.Page, size func(T) int, list func(switchhook.Page) ([]T, string, error)) (items []T, next string, err error) {
	next = p.Cursor
	for bytes := 0; len(items) < p.Limit && bytes < longestPage; {
		var more []T
		more, next, err = list(switchhook.Page{Limit: min(stretch, p.Limit-len(items)), Cursor: next})
		if err != nil {
			return nil, "", err
		}
		for _, item := range more {
			bytes += size(item)
		}
		items = append(items, more...)
		if next == "" {
			break
		}
	}
	return items, next, nil
}

func errCursor() error {
	return switchhook.InvalidField("cursor", "is not one that a list has returned")
}

// asOwn finds the *switchhook.Error in an error.
func asOwn(err error) (*switchhook.Error, bool) { return errors.AsType[*switchhook.Error](err) }
