package kazoobus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/switchhook/switchhook/internal/source"
)

// Diagnose looks at the servers of a source with these options, and says what is as it
// should be, what is missing, and how to put it right. Nothing stays there: what it makes to
// try the user's rights it deletes. The error is of wrong options.
func Diagnose(ctx context.Context, options map[string]any, id string) ([]source.Finding, error) {
	o, err := readOptions(options)
	if err != nil {
		return nil, err
	}
	d := &doctor{o: o, queue: o.queueOf(id)}
	d.server(ctx, "", o.URL)
	for _, zone := range slices.Sorted(maps.Keys(o.Zones)) {
		d.server(ctx, zone+": ", o.Zones[zone])
	}
	return d.findings, nil
}

// A doctor is one look at the servers.
type doctor struct {
	o        *Options
	queue    string
	zone     string // before what is said of its server
	findings []source.Finding
}

func (d *doctor) say(level source.Level, about, says, fix string) {
	d.findings = append(d.findings, source.Finding{Level: level, About: d.zone + about, Says: says, Fix: fix})
}

// server looks at one server.
func (d *doctor) server(ctx context.Context, zone, address string) {
	d.zone = zone
	b, err := connect(ctx, d.o, address, d.queue, "switchhook doctor")
	if err != nil {
		d.say(source.Missing, "connection", err.Error(), d.user(address))
		return
	}
	defer b.close()
	d.say(source.OK, "connection", b.host+": "+b.system, "")
	if version := strings.TrimPrefix(b.system, "RabbitMQ "); d.o.QueueType == "quorum" && (strings.HasPrefix(version, "2.") || strings.HasPrefix(version, "3.") && olderThan38(version)) {
		d.say(source.Hint, "version", "has no quorum queues before 3.8: messages that wait are lost when it is killed", "bring RabbitMQ up to date")
	}
	lacks := d.ownQueue(b)
	lacks = d.exchanges(b) || lacks
	if lacks {
		d.findings[len(d.findings)-1].Fix = d.user(address)
	}
	if d.o.reconciles() {
		d.asks(ctx, b, address)
	}
}

// asks tries whether Kazoo can be asked for its channels.
func (d *doctor) asks(ctx context.Context, b *bus, address string) {
	const patience = 2 * time.Second
	err := b.exchange(answersAt, amqp.ExchangeDirect)
	var got *answers
	if err == nil {
		got, err = b.ask(ctx, patience)
	}
	switch {
	case err != nil:
		d.say(source.Hint, "channels", mayNot(err).Error()+": a call whose end falls into an outage of the server ends half a day later", d.user(address))
	case len(got.nodes) == 0:
		d.say(source.Hint, "channels", "nobody answers which there are: no ecallmgr runs, or it uses another virtual host", "")
	default:
		d.say(source.OK, "channels", fmt.Sprintf("%s: %d channels", strings.Join(slices.Sorted(maps.Keys(got.nodes)), ", "), len(got.channels)), "")
	}
}

// olderThan38 reads a version of 3.
func olderThan38(version string) bool {
	minor, _, _ := strings.Cut(strings.TrimPrefix(version, "3."), ".")
	return number(minor) < 8
}

// user is what makes a user with the rights that are needed.
func (d *doctor) user(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	name, host := cmp.Or(d.o.Username, u.User.Username(), "switchhook"), cmp.Or(strings.TrimPrefix(u.Path, "/"), "/")
	exchanges, own := slices.Sorted(maps.Keys(d.o.bindings())), strings.ReplaceAll(d.queue, ".", `\.`)+".*"
	write, question := own, ""
	if d.o.reconciles() {
		exchanges, write = append(exchanges, answersAt), "("+own+"|"+asksAt+")"
		question = fmt.Sprintf("\nrabbitmqctl set_topic_permissions -p %s %s %s '%s' '.*'", host, name, asksAt, questionOnly)
	}
	return fmt.Sprintf("on the server, once: rabbitmqctl add_user %[1]s a-long-password\nrabbitmqctl set_permissions -p %[2]s %[1]s '^(%[3]s|%[4]s)$' '^%[5]s$' '^(%[3]s|%[4]s)$'%[6]s",
		name, host, own, strings.Join(exchanges, "|"), write, question)
}

// ownQueue tries whether the user may make our queue, with one like it.
func (d *doctor) ownQueue(b *bus) (lacks bool) {
	var waiting, readers int
	err := b.try(func(ch *amqp.Channel) error {
		q, err := ch.QueueDeclarePassive(d.queue, true, false, false, false, nil)
		waiting, readers = q.Messages, q.Consumers
		return err
	})
	if err == nil {
		says := fmt.Sprintf("%s is there, with %d messages that wait", d.queue, waiting)
		if readers > 0 {
			d.say(source.OK, "queue", says+", and is read", "")
		} else {
			d.say(source.OK, "queue", says+", and is not read at the moment", "")
		}
		if waiting >= d.o.MaxLength {
			d.say(source.Hint, "queue", "it is full: the oldest messages were lost", "a larger max_length, or let the source run")
		}
		return false
	}
	probe := *b
	probe.queue = d.queue + ".doctor"
	err = b.try(func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare(probe.queue, true, false, false, false, probe.arguments())
		return err
	})
	if err != nil {
		d.say(source.Missing, "queue", "the user may not make the queue "+d.queue+": "+reasonOf(err), "")
		return true
	}
	_ = b.try(func(ch *amqp.Channel) error { _, err := ch.QueueDelete(probe.queue, false, false, false); return err })
	d.say(source.OK, "queue", d.queue+" can be made", "")
	return false
}

// exchanges tries whether the user may read Kazoo's exchanges, with a queue that goes with
// the connection.
func (d *doctor) exchanges(b *bus) (lacks bool) {
	probe := d.queue + ".probe"
	err := b.try(func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare(probe, false, true, true, false, nil)
		return err
	})
	if err != nil {
		return false // it was said of the other one
	}
	wanted := d.o.bindings()
	for _, exchange := range slices.Sorted(maps.Keys(wanted)) {
		err := b.try(func(ch *amqp.Channel) error {
			return ch.ExchangeDeclarePassive(exchange, amqp.ExchangeTopic, false, false, false, false, nil)
		})
		if isNotFound(err) {
			d.say(source.Hint, exchange, "is not there: Kazoo does not run, has not used it yet, or uses another virtual host; a source makes it as Kazoo would", "")
			continue
		}
		if err == nil {
			err = b.try(func(ch *amqp.Channel) error { return ch.QueueBind(probe, "switchhook.doctor", exchange, false, nil) })
		}
		if err != nil {
			if _, refused := errors.AsType[*amqp.Error](err); !refused {
				d.say(source.Missing, exchange, err.Error(), "")
				return lacks
			}
			d.say(source.Missing, exchange, "the user may not read it: "+reasonOf(err), "")
			lacks = true
			continue
		}
		d.say(source.OK, exchange, d.about(exchange), "")
	}
	return lacks
}

// about is what comes of an exchange.
func (d *doctor) about(exchange string) string {
	var names []string
	for _, f := range families() {
		if f.exchange == exchange && slices.Contains(d.o.Families, f.name) {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, ", ") + " can be read"
}
