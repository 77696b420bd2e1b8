package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// window is how many deliveries may be accepted, or about to be, and not yet
// arrived. It is far more than can be in flight, and far less than would let
// one measure how fast a queue fills.
const window = 3000

// manyWait is the window where some deliveries fail: most of it waits for another try,
// with what is held behind, and is more than the engine keeps in memory.
const manyWait = 10 * window

// poll is how often the receiver is asked for its count: seldom enough that it
// costs nothing, and often enough that the window never runs dry.
const poll = 10 * time.Millisecond

// A gate lets deliveries in as long as not too many are outstanding.
type gate struct {
	window  int64
	mu      sync.Mutex
	change  *sync.Cond
	sent    int64
	arrived int64
	err     error // why nothing more is let in
}

// openGate asks the receiver until ctx ends.
func openGate(ctx context.Context, client *http.Client, receiver string, window int64) *gate {
	g := &gate{window: window}
	g.change = sync.NewCond(&g.mu)
	go func() {
		tick := time.NewTicker(poll)
		defer tick.Stop()
		for {
			n, err := countAt(ctx, client, receiver)
			g.mu.Lock()
			g.arrived, g.err = n, err
			g.change.Broadcast()
			g.mu.Unlock()
			if err != nil {
				return
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}()
	return g
}

// enter waits until n more deliveries may be sent, and reports whether they may:
// not once the gate's context has ended.
func (g *gate) enter(n int64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.err == nil && g.sent+n-g.arrived > g.window {
		g.change.Wait()
	}
	g.sent += n
	return g.err == nil
}

// countAt is how many different deliveries the receiver has seen.
func countAt(ctx context.Context, client *http.Client, receiver string) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, receiver+pathCount, nil)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the receiver's count: %w", err)
	}
	return n, nil
}
