package memory

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

// PutCounts puts counts in place of those of the same step and time, and deletes those
// without a body.
func (s *Store) PutCounts(_ context.Context, counts []switchhook.StoredCounts) error {
	return s.write(func() error {
		for _, c := range counts {
			c.At, c.Body = store.Stored(c.At), bytes.Clone(c.Body)
			i, found := slices.BinarySearchFunc(s.counts, c, compareCounts)
			switch {
			case found && c.Body == nil:
				s.counts = slices.Delete(s.counts, i, i+1)
			case found:
				s.counts[i] = c
			case c.Body != nil:
				s.counts = slices.Insert(s.counts, i, c)
			}
		}
		return nil
	})
}

// Counts calls fn for all, those of a step in the order of time.
func (s *Store) Counts(_ context.Context, fn func(switchhook.StoredCounts) error) error {
	s.mu.Lock()
	all := slices.Clone(s.counts)
	s.mu.Unlock()
	for _, c := range all {
		c.Body = bytes.Clone(c.Body)
		if err := fn(c); err != nil {
			return err
		}
	}
	return nil
}

func compareCounts(a, b switchhook.StoredCounts) int {
	return cmp.Or(cmp.Compare(a.Step, b.Step), a.At.Compare(b.At))
}
