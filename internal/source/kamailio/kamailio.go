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

// Secrets is the token, the last part of the ingest URL.
func (*Connector) Secrets() []string { return []string{"token"} }

// Check names what is wrong with options.
func (*Connector) Check(options map[string]any) error {
	_, err := readOptions(options)
	return err
}

// A box is where requests of a source come in. It is there as long as the program runs, and
// taken from while the source does.
type box struct {
	token string
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
func (c *Connector) open(ctx context.Context, id, token string) *box {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := &box{token: token, posts: make(chan *post), open: ctx}
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

// Has reports whether what is posted for a source comes here.
func (c *Connector) Has(id string) bool { return c.box(id) != nil }

// mostBody bounds a request. The snippet makes them no larger than 64 KiB.
const mostBody = 1 << 20

// Post takes a request, and answers once what it says is kept. Whatever it answers but that,
// Kamailio tries again.
func (c *Connector) Post(w http.ResponseWriter, r *http.Request, id, token string) {
	b := c.box(id)
	if b == nil || !same(token, b.token) {
		http.Error(w, "there is no source with this ingest URL", http.StatusNotFound)
		return
	}
	body, err := readBody(w, r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p := &post{body, make(chan error, 1)}
	select {
	case b.posts <- p:
		err = b.answer(p)
	case <-b.open.Done():
		err = errors.New("the source does not run at the moment")
	case <-r.Context().Done():
		return
	}
	if err != nil {
		w.Header().Set("Retry-After", "1")
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusAccepted)
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
		return errors.New("the source has stopped")
	}
}

// Run tells what is posted, until ctx ends, nothing is posted any more, or Kamailio says
// that it had to drop messages.
func (c *Connector) Run(ctx context.Context, s *switchhook.Source, h source.Host) error {
	o, err := readOptions(s.Options)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b := c.open(ctx, s.ID, o.Token)
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
				return fmt.Errorf("Kamailio's queue was full, and it dropped %d messages", r.Lost) //nolint:staticcheck // ST1005: a name
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
