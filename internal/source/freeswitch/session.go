package freeswitch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/source"
)

// A session is what happens with the messages of one connection: they are read in the order in
// which they came, and told.
type session struct {
	o        *Options
	accounts map[string]string // by domain
	h        source.Host
	w        *wire
	t        *translator

	core string // Core-UUID, another for each start of FreeSWITCH
	past string // that of the one before
	name string // of this session's jobs, for there are those of others

	present *present // nil: it was told
	command string   // that was given and has no answer yet
	given   time.Time
	jobs    int

	// unsure are the legs that only the list has. It is a moment behind: one whose end was
	// told before we came would never end. So there is a second look at them.
	unsure map[string]bool
	beats  int

	spooled []source.Fact // what mod_json_cdr could not post: told before the Present, which knows no reasons
	ready   func()        // is called when the Present was told; nil: nothing is
}

func newSession(o *Options, accounts map[string]string, h source.Host, w *wire, name string) *session {
	n := &session{o: o, accounts: accounts, h: h, w: w, t: newTranslator(o, accounts), name: name}
	n.present = newPresent(n.t)
	return n
}

// batch is how many messages are told at once at most.
const batch = 500

// run reads what is in the queue until that ends, and returns why. done is told how many
// messages were told of.
func (n *session) run(ctx context.Context, queue *source.Queue, ended <-chan error, done func(items []source.Item) error) error {
	for {
		if err := n.ask(n.h.Now()); err != nil {
			return err
		}
		items, err := queue.Pop(ctx, batch)
		if errors.Is(err, io.EOF) {
			return <-ended
		}
		if err != nil {
			return err
		}
		var facts []source.Fact
		for _, item := range items {
			more, err := n.read(ctx, item)
			facts = append(facts, more...)
			if err != nil {
				if len(facts) > 0 {
					_ = n.h.Tell(ctx, facts) // the reason goes on
				}
				return err
			}
		}
		if len(facts) > 0 {
			if err := n.h.Tell(ctx, facts); err != nil {
				return err
			}
		}
		if n.present == nil && n.ready != nil {
			n.ready()
			n.ready = nil
		}
		if err := done(items); err != nil {
			return err
		}
	}
}

// read returns the facts of a message.
func (n *session) read(ctx context.Context, item source.Item) ([]source.Fact, error) {
	text := string(item.Message[:min(len(item.Message), len(busMark))])
	switch {
	case strings.HasPrefix(text, busMark):
		item.Message = item.Message[len(busMark):]
	case strings.HasPrefix(text, "-ERR"): // the only command that is given here is ask's
		return n.answer(string(item.Message), item.At)
	}
	m, err := Parse(item.Message)
	if err != nil {
		n.h.Reject(ctx, item.Message[:min(len(item.Message), 256<<10)], err)
		return nil, nil
	}
	return n.event(m, item.At)
}

// patienceForList is how long a list may take, at a busy switch with many channels.
const patienceForList = time.Minute

func (n *session) event(m Message, received time.Time) (facts []source.Fact, err error) {
	if core := m["Core-UUID"]; core != "" && core != n.core {
		if n.core != "" && n.o.AMQP == nil {
			return nil, errors.New("FreeSWITCH was started anew")
		}
		if core == n.past { // each would be asked what there is as often as another says something
			return nil, fmt.Errorf("several FreeSWITCHes send to the exchange %s: let amqp.binding have one of them, such as FreeSWITCH.%s.#", n.o.AMQP.Exchange, m["FreeSWITCH-Hostname"])
		}
		n.past = n.core
		if n.core != "" { // while nobody was here, or it is too soon for the event socket to say
			n.t = newTranslator(n.o, n.accounts)
			n.present, n.unsure, n.command = newPresent(n.t), nil, ""
		}
		n.core = core
	}
	if n.command != "" && received.Sub(n.given) > patienceForList {
		why := ""
		if n.o.AMQP != nil {
			why = ": does event_filter in amqp.conf.xml have SWITCH_EVENT_BACKGROUND_JOB?"
		}
		return nil, fmt.Errorf("FreeSWITCH does not answer %s%s", n.command, why)
	}
	switch m["Event-Name"] {
	case "BACKGROUND_JOB":
		if m["Job-UUID"] == n.job() {
			return n.answer(m[body], m.at(received).At())
		}
		return nil, nil
	case "HEARTBEAT":
		n.beats++
	}
	facts = n.t.translate(m, received)
	n.note(facts)
	return facts, nil
}

// note keeps what is not told yet up to date with facts.
func (n *session) note(facts []source.Fact) {
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
}

// job is the id of the command that was given last.
func (n *session) job() string { return n.name + "-" + strconv.Itoa(n.jobs) }

// ask gives the next command, if none is open: those of the Present, and for the second look
// that of the channels, two heartbeats later.
func (n *session) ask(now time.Time) error {
	switch {
	case n.command != "":
		return nil
	case n.present != nil:
		n.command = n.present.next()
	case len(n.unsure) > 0 && n.beats >= 2:
		n.command = showChannels
	default:
		return nil
	}
	n.jobs++
	n.given = now
	return n.w.send("bgapi " + n.command + "\nJob-UUID: " + n.job())
}

// answer takes that to the command.
func (n *session) answer(text string, at time.Time) ([]source.Fact, error) {
	command := n.command
	n.command = ""
	switch {
	case command == "":
		return nil, nil
	case n.present == nil:
		return n.look(text, at), nil
	}
	if err := n.present.take(command, text, at); err != nil {
		return nil, err
	}
	if n.present.next() != "" {
		return nil, n.ask(n.h.Now())
	}
	facts := append(n.spooled, n.present.fact(at))
	n.unsure, n.beats, n.present, n.spooled = n.present.Unsure(), 0, nil, nil
	return facts, nil
}

// look takes the second list of channels. Whoever is not there any more has ended.
func (n *session) look(text string, at time.Time) (facts []source.Fact) {
	list, err := rows(text)
	if err != nil {
		n.unsure = nil
		return nil
	}
	for _, row := range list {
		delete(n.unsure, row["uuid"])
	}
	for _, id := range slices.Sorted(maps.Keys(n.unsure)) {
		delete(n.t.legs, id)
		facts = append(facts, source.LegEnded{When: source.When(at), Leg: id})
	}
	n.unsure = nil
	return facts
}
