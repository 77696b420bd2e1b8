package app

import (
	"context"
	"maps"
	"time"
)

// pruneEvery is how often history that is too old is deleted, pruneSoon how often where
// accounts were deleted not long ago.
const (
	pruneEvery = time.Hour
	pruneSoon  = 5 * time.Minute
)

// prune deletes history that is too old: now, every hour, and when accounts keep less of it.
func (a *App) prune(ctx context.Context) {
	for {
		again := time.NewTimer(a.pruneNow(ctx))
		select {
		case <-again.C:
		case <-a.keepLess:
		case <-ctx.Done():
		}
		if again.Stop(); ctx.Err() != nil {
			return
		}
	}
}

// pruneNow returns when to do it again.
func (a *App) pruneNow(ctx context.Context) (again time.Duration) {
	now := time.Now()
	before, sooner := now.Add(-a.c.Retention), a.store.Cutoffs(now)
	a.engine.Retire(before, sooner) // what is open keeps its event from being deleted
	for more := true; more; {
		var err error
		if more, err = a.store.Prune(ctx, before); err != nil {
			if ctx.Err() == nil {
				a.log.Error("history could not be pruned", "error", err)
			}
			break
		}
	}
	for _, cutoff := range sooner {
		if cutoff.Equal(now) {
			return pruneSoon
		}
	}
	return pruneEvery
}

// kept notes for how long accounts keep history, and has it pruned where that has changed.
func (a *App) kept() {
	keeps := a.store.Cutoffs(time.Time{})
	if maps.Equal(keeps, a.keeps) {
		return
	}
	a.keeps = keeps
	select {
	case a.keepLess <- struct{}{}:
	default:
	}
}
