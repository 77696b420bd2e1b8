// Package kamailio reads what a Kamailio posts that includes deploy/kamailio/switchhook.cfg,
// as facts of legs. Kamailio is a proxy: it knows who calls whom, over which branches, and
// what became of each, by SIP's own words; of queues, mailboxes and agents it knows nothing.
//
// It posts to the source's ingest URL, one request at a time, what happened in the order in
// which it happened, and the same again until the answer says that it is kept: nothing is
// answered before it is committed. A request that was committed and whose answer was lost
// comes again; its facts say nothing new then.
//
// A call is a Call-ID with a From tag. Each message about it says all that is known of its
// beginning, so one that was never begun, for messages were dropped, has an end all the
// same. When a Kamailio starts it says so first, and ends what an earlier process had open:
// it keeps its dialogs in memory.
package kamailio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// silence is how long a Kamailio may post nothing; it posts every ten seconds at least.
const silence = time.Minute

// A Connector takes what Kamailios post.
type Connector struct {
	mu    sync.Mutex
	boxes map[string]*box // by source
}

var _ source.Inbox = (*Connector)(nil)

// New returns the Connector.
func New() *Connector { return &Connector{boxes: map[string]*box{}} }

// Kind is kamailio.
func (*Connector) Kind() string { return "kamailio" }

// Secrets are none: who posts is known by the ingest URL.
func (*Connector) Secrets() []string { return nil }

// Check names what is wrong with options. There are none.
func (*Connector) Check(options map[string]any) error {
	return source.ReadOptions(options, &struct{}{}, source.Wording{Kind: "kamailio", Guide: "docs/guides/kamailio.md"})
}

// A box is where requests of a source come in. It is there as long as the program runs, and
// taken from while the source does.
type box struct {
	posts chan *post
	open  context.Context //nolint:containedctx // of the Run that takes from it
	gap   bool            // messages were dropped, which is to be said when it runs again
}

// A post is one request.
type post struct {
	body []byte
	done chan error
}

// open makes the source's box one that is taken from until ctx ends.
func (c *Connector) open(ctx context.Context, id string) *box {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := &box{posts: make(chan *post), open: ctx}
	if old := c.boxes[id]; old != nil {
		b.gap = old.gap
	}
	c.boxes[id] = b
	return b
}

func (c *Connector) box(id string) *box {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.boxes[id]
}

// errStopped says that nobody takes what is posted. Kamailio posts it again.
var errStopped = errors.New("the source does not run at the moment")

// Post takes a request. Whatever it is answered but that it is kept, Kamailio posts it again.
func (c *Connector) Post(ctx context.Context, id string, r *source.Request) (err error) {
	if r.Method != http.MethodPost {
		return switchhook.Errorf(switchhook.CodeInvalid, "expected POST, got %s", r.Method)
	}
	p := &post{r.Body, make(chan error, 1)}
	if b := c.box(id); b == nil {
		err = errStopped
	} else {
		select {
		case b.posts <- p:
			err = b.answer(p)
		case <-b.open.Done():
			err = errStopped
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	if err != nil {
		return switchhook.Errorf(switchhook.CodeUnavailable, "%v", err)
	}
	return nil
}

// answer is what Run says to a post that it has taken, which is an error if it ended.
func (b *box) answer(p *post) error {
	select {
	case err := <-p.done:
		return err
	case <-b.open.Done():
	}
	select {
	case err := <-p.done:
		return err
	default:
		return errStopped
	}
}

// Run tells what is posted, until ctx ends, nothing is posted any more, or Kamailio says
// that it had to drop messages.
func (c *Connector) Run(ctx context.Context, s *switchhook.Source, h source.Host) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b := c.open(ctx, s.ID)
	t := newTranslator()
	quiet := time.NewTimer(silence)
	quiet.Stop() // nothing has been posted yet
	look := time.NewTicker(5 * time.Second)
	defer look.Stop()
	connected := false
	for {
		select {
		case p := <-b.posts:
			r, err := t.read(ctx, h, p.body)
			anew := connected && r.Started
			if err == nil && !connected {
				err = h.Connected(ctx, r.system(), !r.Started && !b.gap)
				connected, b.gap = err == nil, b.gap && err != nil
			}
			if err == nil && len(r.facts) > 0 {
				err = h.Tell(ctx, r.facts)
			}
			p.done <- err
			if err != nil {
				return err
			}
			if anew { // what the one before had not posted yet is lost
				b.gap = true
				return errors.New("Kamailio has started anew") //nolint:staticcheck // ST1005: a name
			}
			if r.Lost > 0 {
				b.gap = true
				return fmt.Errorf("Kamailio dropped %d messages that its queue had no room for", r.Lost) //nolint:staticcheck // ST1005: a name
			}
			quiet.Reset(silence)
		case now := <-look.C:
			if facts := t.unanswered(now.UTC()); len(facts) > 0 {
				if err := h.Tell(ctx, facts); err != nil {
					return err
				}
			}
		case <-quiet.C:
			return fmt.Errorf("Kamailio has posted nothing for %v", silence) //nolint:staticcheck // ST1005: a name
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
