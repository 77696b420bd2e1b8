package template

import (
	"maps"
	"slices"
)

// Names lists the placeholders.
func Names() []string { return slices.Sorted(maps.Keys(placeholders())) }

// Kept is how many compiled templates the dialect holds.
func (d *Dialect) Kept() int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return len(d.compiled)
}
