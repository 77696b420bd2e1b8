package api

import "sync"

// A Feed wakes everyone who waits for something new: after each commit somebody
// calls Ping, and the live streams look into the store. What is new is not in
// it, so that nothing is lost when a stream is slow. The zero value is ready.
type Feed struct {
	mu     sync.Mutex
	wake   chan struct{} // nil: nobody waits
	closed bool
}

// NewFeed returns a feed that nobody waits for yet.
func NewFeed() *Feed { return new(Feed) }

// Ping wakes everyone who waits. It never blocks.
func (f *Feed) Ping() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.wake != nil && !f.closed {
		close(f.wake)
		f.wake = nil
	}
}

// Close wakes everyone for the last time: all streams end, so that a server can
// shut down without waiting for clients that never leave.
func (f *Feed) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.closed = true
	if f.wake == nil {
		f.wake = make(chan struct{})
	}
	close(f.wake)
}

// wait returns a channel that the next Ping or Close closes, and whether the
// feed is open. Take it before looking into the store, and nothing is missed.
func (f *Feed) wait() (wake <-chan struct{}, open bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.wake == nil {
		f.wake = make(chan struct{})
	}
	return f.wake, !f.closed
}
