package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

func tallies(of trial) {
	t, s := of.t, of.s
	ctx := t.Context()
	minute := func(n int, body ...byte) switchhook.StoredCounts {
		return switchhook.StoredCounts{Step: time.Minute, At: base().Add(time.Duration(n) * time.Minute), Body: body}
	}
	day := switchhook.StoredCounts{Step: 24 * time.Hour, At: base(), Body: []byte{0, 255}}
	put := func(list ...switchhook.StoredCounts) {
		t.Helper()
		if err := s.PutCounts(ctx, list); err != nil {
			t.Fatal(err)
		}
	}
	wantEqual(t, "at first", allCounts(t, s), []switchhook.StoredCounts(nil))
	put(day, minute(2, 2), minute(1, 1), minute(3))
	put()
	wantEqual(t, "in order", allCounts(t, s), []switchhook.StoredCounts{minute(1, 1), minute(2, 2), day})
	put(minute(2, 3), minute(1), minute(7), minute(4, 4))
	wantEqual(t, "changed", allCounts(t, s), []switchhook.StoredCounts{minute(2, 3), minute(4, 4), day})
	stop := errors.New("enough")
	if err := s.Counts(ctx, func(switchhook.StoredCounts) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of fn: %v", err)
	}
}

func allCounts(t *testing.T, s store.Store) (all []switchhook.StoredCounts) {
	t.Helper()
	err := s.Counts(t.Context(), func(c switchhook.StoredCounts) error {
		c.Body = slices.Clone(c.Body)
		all = append(all, c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
