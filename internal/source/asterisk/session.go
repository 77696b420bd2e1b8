package asterisk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/source"
)

// A session is what happens with the messages of one connection to AMI, or one to ARI, or
// both: they are read in the order in which they came, and told.
//
// Beside AMI, ARI tells what only it knows. Of calls it tells what happened while AMI was
// away, if it has kept that: from where an earlier session ended up to the Present of this
// one, which waits for it for a while.
type session struct {
	o    *Options
	h    source.Host
	push func(message []byte) error

	w     *wire       // AMI; nil: ARI alone
	t     *translator // of AMI, or of ARI alone
	s     *socket     // ARI alone
	ari   *ariReader
	other *translator // of ARI beside AMI

	present  *present // nil: it was told
	asked    bool     // for the lists
	booted   bool     // Asterisk has loaded its modules
	pongs    int
	caughtUp bool          // ARI has sent what it had kept
	waiting  []source.Fact // of AMI, for that

	// unsure are the legs that only the list has. It is made of what Asterisk remembers of
	// channels, which may be a moment behind: one whose end was told before we came would
	// never end. So there is a second look at them.
	unsure map[string]bool
	again  bool // it was asked for

	told   time.Time // up to here an earlier session told all
	until  time.Time // up to here this one did
	synced time.Time // of the Present
}

func newSession(o *Options, h source.Host, told time.Time) *session {
	n := &session{o: o, h: h, t: newTranslator(o), ari: &ariReader{}, other: newTranslator(o), told: told, until: told}
	n.other.plan = n.t.plan
	n.present = newPresent(n.t)
	return n
}

// outbound: Asterisk dials us.
func (o *Options) outbound() bool { return o.ARI != nil && o.ARI.URL == "" }

// alone begins a session with ARI only: it asks who is there. kept: it is who was there when
// the last session ended, and has kept all since.
func (n *session) alone(ctx context.Context, next next, silence time.Duration, read func(func() error)) (system string, kept bool, err error) {
	who, gone := make(chan about, 1), make(chan error, 1)
	n.s, err = next(ctx, func(message []byte) error {
		if a, ok := isHello(message); ok {
			who <- a
		}
		return n.push(message)
	})
	if err != nil {
		return "", false, err
	}
	go read(func() error {
		err := n.s.read(ctx, silence)
		gone <- err
		return err
	})
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case a := <-who:
		started, err := time.Parse("2006-01-02T15:04:05.999-0700", a.Status.Started)
		return "Asterisk " + version(a.System.Version), n.o.outbound() && err == nil && started.Before(n.told), nil
	case err := <-gone:
		return "", false, err
	case <-timer.C:
		return "", false, errors.New("ARI does not answer requests: does local_ari_user in ari.conf name a user?")
	}
}

// beside listens to ARI while AMI is there. Asterisk may come back as often as it likes.
func (n *session) beside(ctx context.Context, next next, silence time.Duration) error {
	for {
		s, err := next(ctx, n.push)
		if err != nil {
			return err
		}
		err = s.read(ctx, silence)
		if !n.o.outbound() || errors.Is(err, source.ErrQueueClosed) {
			return err
		}
	}
}

// batch is how many messages are told at once at most.
const batch = 500

func (n *session) run(ctx context.Context, queue *source.Queue, ended <-chan error) error {
	for {
		items, err := queue.Pop(ctx, batch)
		if errors.Is(err, io.EOF) {
			return <-ended
		}
		if err != nil {
			return err
		}
		var facts []source.Fact
		until := n.until
		for _, item := range items {
			var more []source.Fact
			if item.Message[0] == '{' {
				more, err = n.fromARI(ctx, item)
			} else {
				more, err = n.fromAMI(ctx, item)
			}
			if err != nil {
				return err
			}
			facts = append(facts, more...)
			for _, f := range more {
				if f.At().After(until) {
					until = f.At()
				}
			}
		}
		if len(facts) > 0 {
			if err := n.h.Tell(ctx, facts); err != nil {
				return err
			}
		}
		n.until = until
	}
}

// fromAMI returns the facts of a frame.
func (n *session) fromAMI(ctx context.Context, item source.Item) ([]source.Fact, error) {
	if len(item.Message) > mostFrame {
		n.h.Reject(ctx, item.Message[:4<<10], fmt.Errorf("the frame is over %d bytes; this is its start", mostFrame))
		return nil, nil
	}
	m := Parse(item.Message)
	switch {
	case m.Get("Event") == "" && m.Get("Response") == "":
		n.h.Reject(ctx, item.Message, errors.New("the frame is neither an event nor an answer"))
		return nil, nil
	case m.Get("Event") == "FullyBooted":
		n.booted = true
	case m.Get("Ping") == "Pong":
		n.pongs++
	}
	facts, err := n.facts(m, item.At)
	if err != nil {
		return nil, err
	}
	return n.ofAMI(facts), n.ask(ctx)
}

// ofAMI returns what of the facts of AMI is to be told now. Up to the Present ARI tells of
// legs, if it comes in time; until it does, all waits for it.
func (n *session) ofAMI(facts []source.Fact) []source.Fact {
	facts = append(n.waiting, facts...)
	n.waiting = nil
	switch {
	case n.present == nil || !n.o.outbound():
	case n.expectsARI():
		n.waiting, facts = facts, nil
	case n.caughtUp:
		facts = slices.DeleteFunc(facts, ofLeg)
	}
	return facts
}

// expectsARI: it may still send what it has kept.
func (n *session) expectsARI() bool { return n.o.outbound() && !n.caughtUp && n.pongs < 2 }

// fromARI returns the facts of a message.
func (n *session) fromARI(ctx context.Context, item source.Item) ([]source.Fact, error) {
	if _, ok := isHello(item.Message); ok {
		n.caughtUp = true
		if n.w == nil {
			n.booted = true
		}
		return n.ofAMI(nil), n.ask(ctx)
	}
	messages, err := n.ari.messages(item.Message)
	if err != nil {
		n.h.Reject(ctx, item.Message, err)
		return nil, nil
	}
	var facts []source.Fact
	for _, m := range messages {
		switch {
		case m.Get("Event") == "ApplicationReplaced":
			return nil, fmt.Errorf("another program took the ARI application %s: give each its own, with ari.app", n.o.ARI.App)
		case n.w == nil:
			more, err := n.facts(m, item.At)
			if err != nil {
				return nil, err
			}
			facts = append(facts, more...)
		default:
			for _, f := range n.other.translate(m, item.At) {
				if n.fills(f) {
					facts = append(facts, f)
				}
			}
		}
	}
	return facts, nil
}

// facts returns those of a message, or of the lists if it ends them.
func (n *session) facts(m Message, received time.Time) ([]source.Fact, error) {
	if n.present != nil && strings.HasPrefix(m.Get("ActionID"), ofPresent) {
		over, err := n.present.list(m, received)
		if err != nil || !over {
			return nil, err
		}
		if at, ok := epoch(m.Get("Timestamp")); ok {
			received = at
		}
		f := n.present.fact(received)
		n.unsure, n.pongs = n.present.Unsure(), 0
		n.present, n.synced = nil, received
		return []source.Fact{f}, nil
	}
	if m.Get("ActionID") == secondLook {
		return n.look(m, received), nil
	}
	facts := n.t.translate(m, received)
	for _, f := range facts {
		if n.present != nil {
			n.present.Apply(f)
		}
		switch f := f.(type) {
		case source.LegStarted:
			delete(n.unsure, f.Leg)
		case source.LegEnded:
			delete(n.unsure, f.Leg)
		}
	}
	return facts, nil
}

// secondLook is the ActionID of the second look at the channels.
const secondLook = "again"

// look takes a frame of it. Whoever is not there any more has ended.
func (n *session) look(m Message, received time.Time) (facts []source.Fact) {
	switch {
	case m.Get("Event") == "CoreShowChannel":
		delete(n.unsure, m.Get("Uniqueid"))
	case m.Get("EventList") == "Complete":
		for _, id := range slices.Sorted(maps.Keys(n.unsure)) {
			delete(n.t.legs, id)
			facts = append(facts, source.LegEnded{When: source.When(received), Leg: id})
		}
		n.unsure = nil
	}
	return facts
}

// fills reports whether what ARI says is to be told, though AMI is there.
func (n *session) fills(f source.Fact) bool {
	if _, text := f.(source.Texted); text {
		return true
	}
	early := f.At().Before(n.told.Truncate(time.Millisecond)) // which is as exact as ARI's times are
	return n.o.outbound() && ofLeg(f) && !early && (n.present != nil || f.At().Before(n.synced))
}

// ofLeg reports whether a fact is one of those that AMI and ARI both tell of legs.
func ofLeg(f source.Fact) bool {
	switch f.(type) {
	case source.LegStarted, source.LegRinging, source.LegAnswered, source.LegEnded, source.Linked, source.PartyChanged, source.Held,
		source.Dialled, source.DialEnded, source.BridgeEntered, source.BridgeLeft, source.Transferred, source.DTMF:
		return true
	}
	return false
}

// ask asks for what there is, once Asterisk has loaded its modules: earlier it might say that
// no telephone is registered. It says so with FullyBooted, but not to those who may not read
// the class system; they wait for three pongs.
func (n *session) ask(ctx context.Context) error {
	if n.present == nil && len(n.unsure) > 0 && n.pongs == 2 && !n.again {
		n.again = true
		return n.w.send("CoreShowChannels", secondLook)
	}
	if n.asked || n.expectsARI() || !n.booted && n.pongs < 3 {
		return nil
	}
	n.asked = true
	if n.w != nil {
		return n.w.conn.Send(requests(n.w.hasChanSIP()))
	}
	for _, uri := range ariLists() {
		if err := n.s.ask(ctx, ofPresent+uri, uri); err != nil {
			return err
		}
	}
	return nil
}
