package deliver

import (
	"slices"
	"sync"
	"time"
)

const (
	// mostShares is how many quick requests are under way at once, for each process that
	// sends: more make everything slower (measured: 256 at once are a third slower than 64).
	mostShares = 64
	// quick is how long a request holds on to its share.
	quick = 25 * time.Millisecond
)

// shares divide the engine among accounts, and each account's part among its
// webhooks. As many requests as keep the machine busy are under way at once;
// where more want to be, the accounts take turns, then the webhooks of each.
//
// A request that takes longer than quick gives its share back while others wait:
// from then on it costs a connection of its own webhook and nobody else anything.
// So receivers that hang, however many, never use up what the others live on.
type shares struct {
	mu      sync.Mutex
	first   *slot // of requests under way that hold a share, the youngest
	all     int
	free    int       // below 0: as many are still to be given back
	waiting []*tenant // in the order of their turns
	byID    map[string]*tenant
	sweeper *time.Timer
	grant   func(*queue)
}

// slot is a request under way. It stands for a share until that is given back.
type slot struct {
	since          time.Time
	mine           bool // it holds its share
	older, younger *slot
}

// tenant is an account of which webhooks wait.
type tenant struct {
	id       string
	webhooks []asker
}

// asker is a webhook that waits for some shares.
type asker struct {
	q *queue
	n int
}

func newShares(grant func(*queue)) *shares {
	return &shares{all: mostShares, free: mostShares, byID: map[string]*tenant{}, grant: grant}
}

// acquire takes a share, if there is one for which nobody waits.
func (s *shares) acquire() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free <= 0 || len(s.waiting) > 0 {
		return false
	}
	s.free--
	return true
}

// ask puts a webhook into the line of its account for n shares; grant is called
// for each of them later.
func (s *shares) ask(q *queue, account string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.byID[account]
	if t == nil {
		t = &tenant{id: account}
		s.byID[account] = t
		s.waiting = append(s.waiting, t)
	}
	if i := slices.IndexFunc(t.webhooks, func(a asker) bool { return a.q == q }); i >= 0 {
		t.webhooks[i].n += n // one turn for each webhook, however often it asks
	} else {
		t.webhooks = append(t.webhooks, asker{q, n})
	}
	s.spread() // one may have become free since acquire
	if len(s.waiting) > 0 && s.sweeper == nil {
		s.sweeper = time.AfterFunc(quick, s.sweep)
	}
}

// spread gives what is free to those who wait.
func (s *shares) spread() {
	for s.free > 0 && len(s.waiting) > 0 {
		s.free--
		go s.grant(s.next())
	}
}

// senders says how many processes send.
func (s *shares) senders(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	more := n*mostShares - s.all
	s.all += more
	s.free += more
	s.spread()
}

// begin says that a request starts, by whoever has a share.
func (s *shares) begin(sl *slot) {
	*sl = slot{since: time.Now(), mine: true}
	s.mu.Lock()
	defer s.mu.Unlock()
	if sl.older = s.first; sl.older != nil {
		sl.older.younger = sl
	}
	s.first = sl
}

// end says that it is over. mine: the share was not given back meanwhile; wanted:
// somebody waits for it.
func (s *shares) end(sl *slot) (mine, wanted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mine = sl.mine
	if mine {
		s.unlist(sl)
	}
	return mine, len(s.waiting) > 0
}

func (s *shares) unlist(sl *slot) {
	sl.mine = false
	if sl.younger != nil {
		sl.younger.older = sl.older
	} else {
		s.first = sl.older
	}
	if sl.older != nil {
		sl.older.younger = sl.younger
	}
}

// release gives a share back, to the next in line.
func (s *shares) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handOn()
}

func (s *shares) handOn() {
	if s.free < 0 {
		s.free++
		return
	}
	if q := s.next(); q != nil {
		go s.grant(q) // the caller may hold its queue's lock
	} else {
		s.free++
	}
}

// next is the webhook whose turn it is, nil: none waits.
func (s *shares) next() *queue {
	if len(s.waiting) == 0 {
		return nil
	}
	t := s.waiting[0]
	w := t.webhooks[0]
	s.waiting, t.webhooks = s.waiting[1:], t.webhooks[1:]
	if w.n--; w.n > 0 {
		t.webhooks = append(t.webhooks, w)
	}
	if len(t.webhooks) > 0 {
		s.waiting = append(s.waiting, t)
	} else {
		delete(s.byID, t.id)
	}
	return w.q
}

// sweep takes the shares of requests that are not quick, as long as somebody
// waits for one.
func (s *shares) sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweeper = nil
	now := time.Now()
	for sl := s.first; sl != nil && len(s.waiting) > 0; {
		older := sl.older
		if now.Sub(sl.since) >= quick {
			s.unlist(sl)
			s.handOn()
		}
		sl = older
	}
	if len(s.waiting) > 0 {
		s.sweeper = time.AfterFunc(quick, s.sweep)
	}
}
