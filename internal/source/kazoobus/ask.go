package kazoobus

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/switchhook/switchhook/internal/ordjson"
	"github.com/switchhook/switchhook/internal/source"
)

// A call whose end fell into an outage of the server is believed until nothing was heard of it for
// half a day. Kazoo can be asked for the channels that there are (query_channels_req, kapi_call.erl),
// and each ecallmgr answers with those that it knows, from all switches that it is connected with
// (ecallmgr_fs_channels.erl). How many ecallmgrs there are, nobody can say; one that has just
// started knows none. So a channel has ended only if two rounds of answers, some time apart, both lack
// it, and the same ecallmgrs have answered in both, among them all that were heard lately, in all
// zones. And calls of which something was heard after the outage are not judged (source.Alive).

// A pace is how asking goes on.
type pace struct {
	settle  time.Duration // after a gap, for Kazoo to be there again
	collect time.Duration // that answers may take
	between time.Duration // two rounds
	again   time.Duration // until it is tried again
}

func usualPace() pace {
	return pace{settle: 30 * time.Second, collect: 5 * time.Second, between: 30 * time.Second, again: time.Minute}
}

const (
	// tries is how often it is tried to get two whole rounds.
	tries = 10
	// lately is for how long an ecallmgr that was heard is expected to answer.
	lately = time.Hour
	// mostNodes bounds what is remembered of ecallmgrs.
	mostNodes = 1000
)

// errMayNot: the user has no right to ask.
var errMayNot = errors.New("the user may not ask which channels there are")

// reconcile asks after each gap which channels there are, until ctx ends.
func (r *reader) reconcile(ctx context.Context) {
	for {
		select {
		case <-r.gaps:
		case <-ctx.Done():
			return
		}
		since := r.h.Now()
		for n := 0; n < tries && pause(ctx, r.pace.settle); n++ {
			done, err := r.compare(ctx, since)
			if done || errors.Is(err, errMayNot) || !pause(ctx, r.pace.again) {
				break
			}
		}
	}
}

// pause waits, and reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// compare asks twice, and tells which channels there are if both answers are whole.
func (r *reader) compare(ctx context.Context, since time.Time) (done bool, err error) {
	first, err := r.round(ctx)
	if err != nil || !pause(ctx, r.pace.between) {
		return false, err
	}
	second, err := r.round(ctx)
	if err != nil || !first.agrees(second) || !second.has(r.memory.nodes(time.Now().Add(-lately))) || r.late() {
		return false, err
	}
	legs := maps.Clone(first.channels)
	maps.Copy(legs, second.channels)
	return true, r.h.Tell(ctx, []source.Fact{source.Alive{When: source.When(r.h.Now()), Since: since, Legs: slices.Sorted(maps.Keys(legs))}})
}

// Answers are what ecallmgrs have said.
type answers struct{ nodes, channels map[string]bool }

func newAnswers() *answers { return &answers{map[string]bool{}, map[string]bool{}} }

func (a *answers) agrees(b *answers) bool { return maps.Equal(a.nodes, b.nodes) }

func (a *answers) has(nodes []string) bool {
	return !slices.ContainsFunc(nodes, func(n string) bool { return !a.nodes[n] })
}

// round asks all servers.
func (r *reader) round(ctx context.Context) (*answers, error) {
	r.mu.Lock()
	buses := slices.Collect(maps.Keys(r.lines))
	r.mu.Unlock()
	if len(buses) != 1+len(r.o.Zones) {
		return nil, errors.New("a server is away")
	}
	all := newAnswers()
	for _, b := range buses {
		r.mu.Lock() // others look after the exchanges, too
		err := b.exchange(answersAt, amqp.ExchangeDirect)
		r.mu.Unlock()
		if err != nil {
			return nil, mayNot(err)
		}
		here, err := b.ask(ctx, r.pace.collect)
		if err != nil {
			return nil, err
		}
		if len(here.nodes) == 0 {
			return nil, fmt.Errorf("nobody answers at %s", b.host)
		}
		maps.Copy(all.nodes, here.nodes)
		maps.Copy(all.channels, here.channels)
	}
	return all, nil
}

// late reports whether messages have come that are not told yet: they know more.
func (r *reader) late() bool {
	const late = 5 * time.Second
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range r.lines {
		if oldest := q.Oldest(); !oldest.IsZero() && time.Since(oldest) > late {
			return true
		}
	}
	return false
}

// The exchanges of a question and its answers, and the question's key.
const (
	asksAt, answersAt = "callevt", "targeted"
	question          = "call.status_req.channels"
	questionOnly      = `^call\.status_req\.channels$`
)

// ask asks a server's ecallmgrs for their channels, and collects answers for a while. The exchange of
// answers is there.
func (b *bus) ask(ctx context.Context, collect time.Duration) (*answers, error) {
	var ch *amqp.Channel
	var came <-chan amqp.Delivery
	var closed <-chan *amqp.Error
	queue, id := b.queue+".answers", rand.Text()
	err := b.within(func() (err error) {
		if ch, err = b.conn.Channel(); err != nil {
			return err
		}
		closed = ch.NotifyClose(make(chan *amqp.Error, 1))
		if _, err := ch.QueueDeclare(queue, false, true, true, false, nil); err != nil {
			return err
		}
		if err := ch.QueueBind(queue, queue, answersAt, false, nil); err != nil {
			return err
		}
		came, err = ch.ConsumeWithContext(ctx, queue, "switchhook", true, true, false, false, nil)
		return err
	})
	if ch != nil {
		defer func() { _ = b.within(ch.Close) }() // and with it the queue
	}
	if err != nil {
		return nil, mayNot(refused(err, closed))
	}
	for _, category := range []string{callEvent, "channel"} { // of Kazoo 4, and of 5; each hears its own
		m := ordjson.Object{}
		for _, member := range [][2]string{
			{"App-Name", "switchhook"},
			{"App-Version", "1"},
			{"Event-Category", category},
			{"Event-Name", "query_channels_req"},
			{"Msg-ID", id},
			{"Server-ID", queue},
		} {
			m.Set(member[0], ordjson.String(member[1]))
		}
		m.Set("Fields", []byte(`["Call-ID"]`))
		m.Set("Active-Only", []byte("false")) // who has none says so
		if err := ch.PublishWithContext(ctx, asksAt, question, false, false, amqp.Publishing{ContentType: "application/json", Body: m.Append(nil)}); err != nil {
			return nil, mayNot(refused(err, closed))
		}
	}
	all, end := newAnswers(), time.NewTimer(collect)
	defer end.Stop()
	for {
		select {
		case d, open := <-came:
			if open {
				all.read(&d, id)
				continue
			}
			if err := <-closed; err != nil {
				return nil, mayNot(err)
			}
			return nil, errors.New("the server takes no question")
		case <-end.C:
			return all, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// mayNot makes errMayNot of a refusal.
func mayNot(err error) error {
	if e, ok := errors.AsType[*amqp.Error](err); ok && (e.Code == amqp.AccessRefused || e.Code == amqp.PreconditionFailed) {
		return fmt.Errorf("%w: %s", errMayNot, reasonOf(err))
	}
	return err
}

// read reads an answer to the question with an id.
func (a *answers) read(d *amqp.Delivery, id string) {
	body, err := unpack(d)
	if err != nil {
		return
	}
	m, err := Parse(body, time.Time{})
	if err != nil || m.Name != "query_channels_resp" || m.text("Msg-ID") != id || m.text("Node") == "" {
		return
	}
	if c := m.Get("Channels"); len(c) == 0 || c[0] != '{' && !bytes.Equal(c, []byte("[]")) { // an empty list stands for an empty object
		return
	}
	a.nodes[m.text("Node")] = true
	for _, channel := range m.object("Channels") {
		a.channels[channel.Name] = true
	}
}

// ecallmgrOf is the ecallmgr that has sent a message (Node) or looks after its channel (the variable Ecallmgr-Node;
// Node is the switch then). Kazoo writes JSON without white space.
func ecallmgrOf(message []byte) string {
	_, rest, found := bytes.Cut(message, []byte(`Node":"ecallmgr`))
	name, _, ended := bytes.Cut(rest, []byte{'"'})
	if !found || !ended || len(name) > 255 {
		return ""
	}
	return "ecallmgr" + string(name)
}

// heard notes who has sent messages.
func (d *remembered) heard(items []source.Item) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range items {
		node := ecallmgrOf(items[i].Message)
		if _, known := d.ecallmgrs[node]; node == "" || !known && len(d.ecallmgrs) >= mostNodes {
			continue
		}
		if d.ecallmgrs == nil {
			d.ecallmgrs = map[string]time.Time{}
		}
		d.ecallmgrs[node] = time.Now()
	}
}

// nodes are the ecallmgrs that were heard after a time.
func (d *remembered) nodes(after time.Time) (all []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for node, at := range d.ecallmgrs {
		if at.After(after) && strings.Contains(node, "@") {
			all = append(all, node)
		}
	}
	return all
}
