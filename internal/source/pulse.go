package source

import (
	"sync"
	"time"
)

const (
	// beat is how often it is noticed that the process runs. After so long without, it did
	// not: it was stopped, or the machine slept.
	beat  = time.Second
	stood = 3 * time.Second
	// stale is for how long after that what is heard may be what was said while it stood.
	stale = 10 * time.Second
)

// A pulse knows when the process stood still. What a system said meanwhile is read all at
// once then, up to where it cut us off, having waited in vain.
type pulse struct {
	mu    sync.Mutex
	last  time.Time // the beat after which the next one is due; zero: none is
	since time.Time // when it stood still last
	until time.Time
}

// rest says that the next beat is due after now.
func (p *pulse) rest(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = now.Round(0) // the time of day goes on while a machine sleeps
}

// beat says that the process runs, and does something until it rests again.
func (p *pulse) beat(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notice(now)
	p.last = time.Time{}
}

func (p *pulse) notice(now time.Time) {
	if now = now.Round(0); !p.last.IsZero() && now.Sub(p.last) > stood {
		p.since, p.until, p.last = p.last, now, now
	}
}

// old is since when what was heard by now, over a connection that began at a time, may have
// been said. Zero: it is fresh.
func (p *pulse) old(began, now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notice(now) // whoever asks may be faster than the beat
	switch {
	case p.until.Before(began.Round(0)), now.Round(0).Sub(p.until) > stale:
		return time.Time{}
	case p.since.Before(began.Round(0)):
		return began.UTC()
	}
	return p.since.UTC()
}
