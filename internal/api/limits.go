package api

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
)

const (
	// burstTime is how long a rate may be used at once, where nothing else is said.
	burstTime = 2.0 // seconds
	// comeBack is when it is worth to ask again whether an account has fewer open
	// deliveries.
	comeBack = 10 * time.Second
)

// A rate is how much may happen a second, and how much of it at once. What it is counted
// under is its name.
type rate struct {
	name             string
	perSecond, burst float64
}

// bounds are what holds for an account: its own limits and those of all above it.
type bounds struct {
	requests rate   // of each of its keys; its name is the key's
	events   []rate // its own, and those of the accounts above
	open     int    // deliveries; 0: as the server has it
}

// bound works out what holds for each account. Those for which nothing does have none.
func (t *tree) bound() {
	for id, acc := range t.accounts {
		b := &bounds{}
		for up := acc; up != nil; up = t.accounts[up.ParentID] {
			l := up.Limits
			if l == nil {
				continue
			}
			if r := l.RequestsPerSecond; r > 0 && (b.requests.perSecond == 0 || r < b.requests.perSecond) {
				b.requests = rate{perSecond: r, burst: max(1, cmp.Or(float64(l.RequestBurst), r*burstTime))}
			}
			if r := l.EventsPerSecond; r > 0 {
				b.events = append(b.events, rate{up.ID, r, max(1, r*burstTime)})
			}
			if l.OpenDeliveries > 0 && (b.open == 0 || l.OpenDeliveries < b.open) {
				b.open = l.OpenDeliveries
			}
		}
		if b.requests.perSecond > 0 || b.events != nil || b.open > 0 {
			t.bounds[id] = b
		}
	}
}

// A bucket has what of a rate is left. More may be taken than there is, once there is as
// much as it holds: then it is in debt. So a batch that is larger than a burst is let
// through now and then, and not never.
type bucket struct {
	left float64
	at   time.Time // as of when
	rate rate
}

// fill adds what has come since.
func (b *bucket) fill(r rate, at time.Time) {
	b.left = min(r.burst, b.left+max(0, at.Sub(b.at).Seconds())*r.perSecond)
	b.at, b.rate = at, r
}

// A meter measures rates. Its zero value is ready for use.
type meter struct {
	mu      sync.Mutex
	buckets map[string]*bucket
	next    int // as many buckets are looked through
}

// fewBuckets are not worth a look.
const fewBuckets = 1000

// A taking is how much is to be taken of a rate.
type taking struct {
	rate
	n float64
}

// take takes of each rate what is asked, or nothing of any, and then says how long to
// wait.
func (m *meter) take(at time.Time, all ...taking) (wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.buckets) >= m.next { // whoever makes up names, such as logins, makes none that stay
		m.drop(at)
		m.next = max(2*len(m.buckets), fewBuckets)
	}
	var room [4]*bucket
	buckets := room[:0]
	for _, t := range all {
		b := m.buckets[t.name]
		if b == nil {
			b = &bucket{left: t.burst, at: at}
		}
		b.fill(t.rate, at)
		if lack := min(t.n, t.burst) - b.left; lack > 0 {
			wait = max(wait, time.Duration(math.Ceil(lack/t.perSecond*float64(time.Second))))
		}
		buckets = append(buckets, b)
	}
	if wait > 0 {
		return wait
	}
	if m.buckets == nil {
		m.buckets = map[string]*bucket{}
	}
	for i, t := range all {
		buckets[i].left -= t.n
		m.buckets[t.name] = buckets[i]
	}
	return 0
}

// forget drops the buckets that are full: they say nothing.
func (m *meter) forget(at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(at)
}

func (m *meter) drop(at time.Time) {
	maps.DeleteFunc(m.buckets, func(_ string, b *bucket) bool {
		b.fill(b.rate, at)
		return b.left >= b.rate.burst
	})
}

// A tooMany is the error of what may be asked again later.
type tooMany struct {
	why   *switchhook.Error
	after time.Duration
}

// Error is the sentence.
func (e *tooMany) Error() string { return e.why.Error() }

// Unwrap is the error that it is, too.
func (e *tooMany) Unwrap() error { return e.why }

// retryAfter is the header's value.
func retryAfter(wait time.Duration) int { return int(max(1, math.Ceil(wait.Seconds()))) }

// mayAsk refuses a request of a key that has made too many.
func (a *api) mayAsk(c caller, counted string) error {
	b := c.bounds[c.account]
	if b == nil || b.requests.perSecond == 0 {
		return nil
	}
	r := b.requests
	r.name = counted
	if wait := a.requests.take(time.Now(), taking{r, 1}); wait > 0 {
		return &tooMany{switchhook.Errorf(codeRateLimited, "this key may make %g requests a second; the next one is taken in %s", r.perSecond, seconds(wait)), wait}
	}
	return nil
}

func seconds(wait time.Duration) string {
	if n := retryAfter(wait); n != 1 {
		return switchhook.Duration(time.Duration(n) * time.Second).String()
	}
	return "a second"
}

// maySend refuses events of accounts that send too many, or for which too many wait to be
// delivered.
func (a *api) maySend(t *tenants, events []*switchhook.Event) error {
	if len(events) == 0 || len(t.bounds) == 0 && a.MaxOpenDeliveries == 0 {
		return nil
	}
	var all []taking
	var err error
	if account := events[0].AccountID; !slices.ContainsFunc(events, func(ev *switchhook.Event) bool { return ev.AccountID != account }) { // as most often
		all, err = a.sending(t, account, len(events), nil)
	} else {
		counts := map[string]int{}
		for _, ev := range events {
			counts[ev.AccountID]++
		}
		for _, account := range slices.Sorted(maps.Keys(counts)) {
			if all, err = a.sending(t, account, counts[account], all); err != nil {
				break
			}
		}
	}
	if err != nil || len(all) == 0 {
		return err
	}
	if wait := a.events.take(time.Now(), all...); wait > 0 {
		return &tooMany{switchhook.Errorf(codeRateLimited, "more events a second than the account, or one above it, may send; nothing of the request was kept, and it is taken in %s", seconds(wait)), wait}
	}
	return nil
}

// sending adds to what is to be taken that an account sends so many events, or refuses them
// because too many deliveries are open.
func (a *api) sending(t *tenants, account string, n int, all []taking) ([]taking, error) {
	b, most := t.bounds[account], a.MaxOpenDeliveries
	if b != nil && b.open > 0 {
		most = b.open
	}
	if most > 0 && a.Engine.Open(account) >= most {
		return nil, &tooMany{switchhook.Errorf(codeTooManyOpen,
			"the account %s has %d open deliveries or more, which is the most; its events are taken again when there are fewer: see which of its webhooks are failing or paused", account, most), comeBack}
	}
	if b != nil {
		all = add(all, b.events, n)
	}
	return all, nil
}

// add adds to what is to be taken of some rates.
func add(all []taking, rates []rate, n int) []taking {
	for _, r := range rates {
		i := slices.IndexFunc(all, func(t taking) bool { return t.name == r.name })
		if i < 0 {
			i, all = len(all), append(all, taking{r, 0})
		}
		all[i].n += float64(n)
	}
	return all
}
