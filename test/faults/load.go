//go:build unix

package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// random is the source of one part's choices.
func random(seed, part uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, part)) //nolint:gosec // choices that can be made again, no secrets
}

// An event is one that was posted.
type event struct {
	tag   string // in its data: how receivers know it, whatever id it has
	id    string // given by us, or told in the receipt; empty: nobody knows
	typ   string
	call  string // its ordering key
	acked bool
}

// A load posts calls until it is stopped, and knows what was acknowledged.
type load struct {
	s       subject
	ids     bool // every event has one: what was not answered can still arrive later
	seed    uint64
	callers int
	pace    time.Duration        // the longest pause of a caller between two posts
	wanted  func(typ string) int // how many webhooks want a type

	stopping chan struct{}
	done     sync.WaitGroup

	mu      sync.Mutex
	events  []*event      // in the order in which they were first posted, per call
	unknown [][]*event    // posted together without ids, the answer lost
	posts   []post        // those that were acknowledged, not as duplicates
	refused int           // posts that were answered 503
	longest time.Duration // that one of them was kept waiting
	lost    int           // posts without an answer
	again   int           // posts that were answered duplicate
	faults  []string
}

// A post is when one that was acknowledged began and ended.
type post struct{ from, to time.Time }

func (l *load) fault(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = append(l.faults, fmt.Sprintf(format, args...))
}

// start lets the callers begin. They outlive crashes of the server.
func (l *load) start(ctx context.Context) {
	l.stopping = make(chan struct{})
	for n := range l.callers {
		c := &caller{l: l, n: n, random: random(l.seed, uint64(n)+1)}
		l.done.Go(func() { c.run(ctx) })
	}
}

// stop lets each caller bring its last post to an end.
func (l *load) stop() {
	close(l.stopping)
	l.done.Wait()
}

// acknowledged is how many events were so far.
func (l *load) acknowledged() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ev := range l.events {
		if ev.acked {
			n++
		}
	}
	return n
}

// acknowledgedPosts are those that were answered so far.
func (l *load) acknowledgedPosts() []post {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.posts
}

func (l *load) refusals() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused
}

// unanswered are the posts without an answer so far.
func (l *load) unanswered() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// A caller posts one call after the other.
type caller struct {
	l      *load
	n      int
	calls  int
	random *rand.Rand
	old    [][]*event // acknowledged under ids of ours
}

func (c *caller) stopped(ctx context.Context) bool {
	select {
	case <-c.l.stopping:
		return true
	case <-ctx.Done():
		return true
	default:
		return false
	}
}

func (c *caller) run(ctx context.Context) {
	for !c.stopped(ctx) {
		rest := c.call()
		for first := true; len(rest) > 0 && !c.stopped(ctx); first = false {
			n := 1 + c.random.IntN(min(4, len(rest)))
			// The first of a call has an id: it is posted until it is known to be
			// there, so all that follow can be expected to carry what it said.
			c.post(ctx, rest[:n], first || c.l.ids || c.random.IntN(5) > 0)
			rest = rest[n:]
			if len(c.old) > 0 && c.random.IntN(25) == 0 {
				c.repeat(ctx, c.old[c.random.IntN(len(c.old))])
			}
			pause(ctx, time.Duration(c.random.Int64N(int64(c.l.pace))))
		}
	}
}

// call makes the events of a call: it is created, some things happen, it ends.
func (c *caller) call() []*event {
	c.calls++
	call := fmt.Sprintf("call-%d-%d", c.n, c.calls)
	types := []string{"call.created", "call.answered"}
	for range c.random.IntN(5) {
		types = append(types, "call.updated")
	}
	types = append(types, "call.hungup")
	events := make([]*event, len(types))
	for i, typ := range types {
		events[i] = &event{tag: fmt.Sprintf("%s-%d", call, i), typ: typ, call: call}
	}
	return events
}

// said is what the first event of a call says, and no other.
func said(call string) string { return "sip:" + call + "@pbx.example.com" }

// post posts events together. Those with ids are posted until they are
// acknowledged; of others the outcome stays unknown if the answer is lost.
func (c *caller) post(ctx context.Context, events []*event, ids bool) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c.l.mu.Lock()
	c.l.events = append(c.l.events, events...)
	c.l.mu.Unlock()
	if ids {
		for _, ev := range events {
			ev.id = "given." + ev.tag
		}
	}
	for tries := 1; ; tries++ {
		receipts := c.try(ctx, events, ids)
		switch {
		case receipts != nil:
			c.acknowledge(events, receipts, tries)
			if ids {
				c.old = append(c.old, events)
			}
			return
		case ctx.Err() != nil:
			c.l.fault("%s: not acknowledged within %s, %d tries", events[0].tag, patience, tries)
			return
		case !ids:
			c.l.mu.Lock()
			defer c.l.mu.Unlock()
			c.l.unknown = append(c.l.unknown, events)
			return
		}
		pause(ctx, 20*time.Millisecond)
	}
}

// repeat posts again what was acknowledged before, maybe by a process that is dead.
func (c *caller) repeat(ctx context.Context, events []*event) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for ctx.Err() == nil {
		receipts := c.try(ctx, events, true)
		for _, r := range receipts {
			if !r.Duplicate {
				c.l.fault("event %s was accepted a second time", r.ID)
			}
		}
		if receipts != nil {
			return
		}
		pause(ctx, 20*time.Millisecond)
	}
}

type receipt struct {
	ID         string `json:"id"`
	Duplicate  bool   `json:"duplicate"`
	Deliveries int    `json:"deliveries"`
}

// try posts once. No receipts: it was refused for now, or nobody knows.
func (c *caller) try(ctx context.Context, events []*event, ids bool) []receipt {
	body, contentType := c.encode(events, ids)
	from := time.Now()
	a, err := c.l.s.call(ctx, http.MethodPost, "/v1/events", contentType, body)
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	switch {
	case err != nil:
		c.l.lost++
		return nil
	case a.status == http.StatusServiceUnavailable:
		c.l.refused++
		c.l.longest = max(c.l.longest, time.Since(from))
		if a.header.Get("Retry-After") == "" {
			c.l.faults = append(c.l.faults, "a 503 came without Retry-After")
		}
		return nil
	case a.status != http.StatusAccepted:
		c.l.faults = append(c.l.faults, fmt.Sprintf("POST /v1/events was answered %d: %s", a.status, a.body))
		return nil
	}
	to := time.Now()
	var said struct {
		Events []receipt `json:"events"`
	}
	if err := json.Unmarshal(a.body, &said); err != nil || len(said.Events) != len(events) {
		c.l.faults = append(c.l.faults, fmt.Sprintf("%d events got the receipts %s (%v)", len(events), a.body, err))
		return nil
	}
	if !said.Events[0].Duplicate {
		c.l.posts = append(c.l.posts, post{from, to})
	}
	return said.Events
}

// acknowledge takes the receipts of events down.
func (c *caller) acknowledge(events []*event, receipts []receipt, tries int) {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	for i, r := range receipts {
		ev := events[i]
		if r.Duplicate {
			c.l.again++
		}
		switch want := c.l.wanted(ev.typ); {
		case ev.id != "" && ev.id != r.ID:
			c.l.faults = append(c.l.faults, fmt.Sprintf("%s was posted under the id %s and acknowledged as %s", ev.tag, ev.id, r.ID))
		case r.Duplicate && tries == 1:
			c.l.faults = append(c.l.faults, ev.tag+" was posted for the first time and acknowledged as a duplicate")
		case r.Duplicate != receipts[0].Duplicate:
			c.l.faults = append(c.l.faults, ev.tag+" was posted together with others and not taken together")
		case !r.Duplicate && r.Deliveries != want:
			c.l.faults = append(c.l.faults, fmt.Sprintf("%s has %d deliveries, want %d", ev.tag, r.Deliveries, want))
		}
		ev.id, ev.acked = r.ID, true
	}
}

// encode writes events in one of the forms that POST /v1/events takes.
func (c *caller) encode(events []*event, ids bool) (body []byte, contentType string) {
	docs := make([]json.RawMessage, len(events))
	for i, ev := range events {
		call := map[string]any{"id": ev.call, "dialed": ev.tag}
		if ev.typ == "call.created" {
			call["request_uri"] = said(ev.call)
		}
		doc := map[string]any{"type": ev.typ, "data": map[string]any{"call": call}}
		if ids {
			doc["id"] = ev.id
		}
		docs[i], _ = json.Marshal(doc) //nolint:errchkjson // texts only
	}
	switch form := c.random.IntN(2); {
	case len(docs) == 1 && form == 0:
		return docs[0], "application/json"
	case form == 0:
		body, _ = json.Marshal(docs)
		return body, "application/json"
	default:
		var lines bytes.Buffer
		for _, d := range docs {
			lines.Write(append(d, '\n'))
		}
		return lines.Bytes(), "application/x-ndjson"
	}
}
