package sim

import (
	"context"
	"fmt"
)

// A Scenario is something that happens on a phone system, from its beginning to its end.
type Scenario struct {
	Name, About string
	play        func(context.Context, *line)
}

// Scenarios are those that a Phone can Play.
func Scenarios() []Scenario {
	return []Scenario{
		{"inbound-call", "somebody calls, two phones ring, one answers", answeredCall},
		{"missed-call", "somebody calls, nobody answers; most leave a voicemail", missedCall},
		{"outbound-call", "somebody inside calls out; now and then it is busy", outboundCall},
		{"queue-call", "a caller waits in a queue until an agent is free", queueCall},
		{"abandoned-call", "a caller gives up waiting in a queue", abandonedCall},
		{"texts", "a text message comes in, another goes out and is delivered", texts},
		{"notices", "a fax comes in; now and then the balance is low or a mailbox full", notices},
		{"directory", "a number is changed, ordered and given back, one is ported in", directory},
	}
}

// Play lets one scenario happen, told is called with each event that was accepted. A
// call takes some ten seconds, or with fast no time. When ctx ends, it comes to its
// end without pauses.
func (p *Phone) Play(ctx context.Context, name string, fast bool, told func(Accepted)) error {
	p.once.Do(p.prepare)
	for _, s := range Scenarios() {
		if s.Name != name {
			continue
		}
		n := p.next.Add(1) - 1
		l := &line{phone: p, dice: newDice(p.Seed, n), thread: n, pause: usualPause, pace: &pacer{}, stopped: ctx.Done(), told: told}
		if fast {
			l.pause = 0
		}
		post, cancel := context.WithTimeout(context.WithoutCancel(ctx), longestPlay)
		defer cancel()
		s.play(post, l)
		return l.err
	}
	return fmt.Errorf("there is no scenario %q", name)
}
