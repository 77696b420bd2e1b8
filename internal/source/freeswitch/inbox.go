package freeswitch

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// inboxes are where the records of sources are taken, while each of them runs.
type inboxes struct {
	mu     sync.Mutex
	opened chan struct{} // closed at the next opening
	open   map[string]*inbox
}

// An inbox is that of one source.
type inbox struct {
	h     source.Host
	runs  context.Context //nolint:containedctx // of the Run that it belongs to
	posts sync.WaitGroup  // that are being taken
}

// enter opens a source's inbox until leave is called, which waits for who is still in it.
func (i *inboxes) enter(ctx context.Context, id string, h source.Host) (leave func()) {
	runs, cancel := context.WithCancel(ctx)
	b := &inbox{h: h, runs: runs}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.open == nil {
		i.open = map[string]*inbox{}
	}
	i.open[id] = b
	if i.opened != nil {
		close(i.opened)
		i.opened = nil
	}
	return func() {
		i.mu.Lock()
		delete(i.open, id)
		i.mu.Unlock()
		cancel()
		b.posts.Wait()
	}
}

// await waits for a source's inbox, for a while: a connection that broke is made anew in a
// second, and the record of a call that ended as it did is needed then. Nil: there is none.
func (i *inboxes) await(ctx context.Context, id string) *inbox {
	for {
		i.mu.Lock()
		b := i.open[id]
		if b != nil {
			b.posts.Add(1)
		} else if i.opened == nil {
			i.opened = make(chan struct{})
		}
		opened := i.opened
		i.mu.Unlock()
		if b != nil {
			return b
		}
		select {
		case <-opened:
		case <-ctx.Done():
			return nil
		}
	}
}

// postPatience is how long FreeSWITCH waits for an answer at most. Without queue-capacity in
// json_cdr.conf.xml the thread of the call does that.
const postPatience = 3 * time.Second

// Post takes a record of mod_json_cdr. One that cannot be read is kept as a reject and taken:
// FreeSWITCH would post it again, and then put it where nobody looks.
func (c *Connector) Post(ctx context.Context, id string, r *source.Request) error {
	if r.Method != http.MethodPost {
		return switchhook.Errorf(switchhook.CodeInvalid, "expected POST, got %s", r.Method)
	}
	ctx, cancel := context.WithTimeout(ctx, postPatience)
	defer cancel()
	b := c.inboxes.await(ctx, id)
	if b == nil {
		return switchhook.Errorf(switchhook.CodeUnavailable, "the source is not connected at the moment")
	}
	defer b.posts.Done()
	defer context.AfterFunc(b.runs, cancel)() //nolint:contextcheck // the Run may end first
	f, err := readRecord(r.Body, r.ReceivedAt)
	if err != nil {
		b.h.Reject(ctx, r.Body, err)
		err = ctx.Err()
	} else {
		err = b.h.Tell(ctx, []source.Fact{f})
	}
	if err != nil {
		return switchhook.Errorf(switchhook.CodeUnavailable, "the record cannot be kept at the moment: %v", err)
	}
	return nil
}
