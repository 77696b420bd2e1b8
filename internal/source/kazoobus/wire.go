package kazoobus

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/switchhook/switchhook/internal/source"
)

const (
	// dialing is how long it may take to be let in.
	dialing = 10 * time.Second
	// beat is how often each side says that it is there. After two without, it is not.
	beat = 10 * time.Second
	// bidding is how long a farewell may take.
	bidding = 2 * time.Second
)

// A bus is a connection to one RabbitMQ server of Kazoo's.
type bus struct {
	o     *Options
	queue string
	conn  *amqp.Connection
	ch    *amqp.Channel      // for all but messages; nil or closed: to be opened
	ended <-chan *amqp.Error // why ch was closed

	system  string            // what the server is, such as RabbitMQ 3.10.8
	major   string            // of its version
	host    string            // where it is
	kept    bool              // it has kept what came since we were here last
	missing map[string]string // exchanges that are not there, and why
}

// connect connects with a server.
func connect(ctx context.Context, o *Options, address, queue, name string) (*bus, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the URL of the server cannot be read")
	}
	if o.Username != "" || o.Password != "" {
		user, password := u.User.Username(), o.Password
		if given, ok := u.User.Password(); ok && password == "" {
			password = given
		}
		u.User = url.UserPassword(cmp.Or(o.Username, user), password)
	}
	secure, err := source.TLS("", o.TLSCA, o.TLSInsecure)
	if err != nil {
		return nil, err
	}
	properties := amqp.NewConnectionProperties()
	properties["product"] = "Switchhook"
	properties.SetClientConnectionName(name)
	conn, err := amqp.DialConfig(u.String(), amqp.Config{
		Heartbeat: beat, TLSClientConfig: secure, Properties: properties, Locale: "en_US",
		Dial: func(network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, dialing)
			defer cancel()
			c, err := new(net.Dialer).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return c, c.SetDeadline(time.Now().Add(dialing)) // amqp ends it once it is in
		},
	})
	if err != nil {
		return nil, refusal(u, err)
	}
	b := &bus{o: o, queue: queue, conn: conn, host: u.Host}
	version, _ := conn.Properties["version"].(string)
	product, _ := conn.Properties["product"].(string)
	b.system = strings.TrimSpace(cmp.Or(product, "an AMQP server") + " " + version)
	b.major, _, _ = strings.Cut(version, ".")
	return b, nil
}

// refusal says why we were not let in. amqp says the same of a wrong password and of a
// virtual host that there is not as of a network that fails.
func refusal(u *url.URL, err error) error {
	switch {
	case errors.Is(err, amqp.ErrCredentials):
		return fmt.Errorf("%s does not accept the user %q with that password (guest is let in from the same machine only): %w", u.Host, u.User.Username(), err)
	case errors.Is(err, amqp.ErrVhost):
		return fmt.Errorf("%s: the user %q may not use the virtual host %q, or there is none", u.Host, u.User.Username(), cmp.Or(strings.TrimPrefix(u.Path, "/"), "/"))
	}
	return fmt.Errorf("%s: %w", u.Host, err)
}

// answering is how long the server may take to answer. It need not ever: while it starts,
// or for a queue that has no leader.
const answering = 5 * time.Second

// within gives the connection up if the server does not answer in time.
func (b *bus) within(do func() error) error {
	late := time.AfterFunc(answering, b.close)
	err := do()
	if !late.Stop() {
		err = errors.Join(fmt.Errorf("%s does not answer within %v", b.host, answering), err)
	}
	return err
}

// close ends the connection.
func (b *bus) close() { _ = b.conn.CloseDeadline(time.Now().Add(bidding)) }

// try does something that the server may refuse; then it closes the channel.
func (b *bus) try(do func(*amqp.Channel) error) error {
	return b.within(func() (err error) {
		if b.ch == nil || b.ch.IsClosed() {
			if b.ch, err = b.conn.Channel(); err != nil {
				return err
			}
			b.ended = b.ch.NotifyClose(make(chan *amqp.Error, 1))
		}
		return refused(do(b.ch), b.ended)
	})
}

// refused is an error of a channel's, or what the server has closed the channel with: whoever
// gives it another command meanwhile only hears that it is closed.
func refused(err error, ended <-chan *amqp.Error) error {
	if errors.Is(err, amqp.ErrClosed) && ended != nil {
		if why := <-ended; why != nil {
			return why
		}
	}
	return err
}

// isNotFound reports whether a server says that there is no such thing.
func isNotFound(err error) bool {
	e, ok := errors.AsType[*amqp.Error](err)
	return ok && e.Code == amqp.NotFound
}

// marker is the name of an exchange that is there as long as Kazoo's are: they end with the
// server, and with them what is bound to our queue. So it tells whether all that Kazoo has
// said meanwhile came to the queue.
func (b *bus) marker() string { return b.queue + ".listens" }

// prepare makes the queue, and binds it to Kazoo's exchanges.
func (b *bus) prepare() error {
	if err := b.makeQueue(); err != nil {
		return err
	}
	marked := b.try(func(ch *amqp.Channel) error {
		return ch.ExchangeDeclarePassive(b.marker(), amqp.ExchangeFanout, false, false, false, false, nil)
	})
	b.kept = b.kept && marked == nil
	if err := b.bindAll(); err != nil {
		return err
	}
	if isNotFound(marked) {
		marked = b.try(func(ch *amqp.Channel) error {
			return ch.ExchangeDeclare(b.marker(), amqp.ExchangeFanout, false, false, false, false, nil)
		})
	}
	if marked != nil {
		return fmt.Errorf("the exchange %s: %w", b.marker(), marked)
	}
	return nil
}

// errRead: two who read a queue would share the messages of one call.
var errRead = errors.New("another program reads the queue")

// makeQueue makes our queue, unless it is there: then it has kept what came. What it is
// like is not compared, for a server that was brought up to date would refuse it.
func (b *bus) makeQueue() error {
	readers := 0
	err := b.try(func(ch *amqp.Channel) error {
		q, err := ch.QueueDeclarePassive(b.queue, true, false, false, false, nil)
		b.kept, readers = q.Messages < b.o.MaxLength, q.Consumers // else the oldest are lost
		return err
	})
	if readers > 0 {
		return fmt.Errorf("%w %s: give each source its own, or wait until the server has noticed that an earlier connection of ours is gone", errRead, b.queue)
	}
	if isNotFound(err) {
		b.kept = false
		err = b.try(func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclare(b.queue, true, false, false, false, b.arguments())
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("the queue %s: %w", b.queue, err)
	}
	return nil
}

func (b *bus) arguments() amqp.Table {
	const day = 24 * 60 * 60 * 1000
	t := amqp.Table{
		"x-queue-type": b.o.QueueType,
		"x-max-length": int64(b.o.MaxLength),
		"x-expires":    int64(b.o.ExpireDays) * day,

		"x-single-active-consumer": true,
	}
	if b.o.QueueType == "quorum" && len(b.major) == 1 && b.major >= "4" {
		t["x-delivery-limit"] = int64(-1) // which was so before 4.0; now 20 restarts of ours would lose a message
	}
	return t
}

// bindAll binds the queue to all exchanges that are wanted. Some may not be there yet, or
// not be ours to read.
func (b *bus) bindAll() error {
	b.missing = map[string]string{}
	wanted := b.o.bindings()
	for _, exchange := range slices.Sorted(maps.Keys(wanted)) { // callevt is among the first: what comes until then is lost
		if err := b.bind(exchange, wanted[exchange]); err != nil {
			if _, refused := errors.AsType[*amqp.Error](err); !refused || b.conn.IsClosed() {
				return fmt.Errorf("the exchange %s: %w", exchange, err)
			}
			b.missing[exchange] = reasonOf(err)
		}
	}
	if len(b.missing) == len(wanted) {
		return fmt.Errorf("none of Kazoo's exchanges can be read: %s", b.lacks())
	}
	return nil
}

// exchange has an exchange there. One that is not is made as Kazoo makes it: it is Kazoo's
// then, and whoever declares it first does not matter. One that is there is taken as it is.
func (b *bus) exchange(name, kind string) error {
	err := b.try(func(ch *amqp.Channel) error {
		return ch.ExchangeDeclarePassive(name, kind, false, false, false, false, nil)
	})
	if isNotFound(err) {
		err = b.try(func(ch *amqp.Channel) error {
			return ch.ExchangeDeclare(name, kind, false, false, false, false, nil)
		})
	}
	return err
}

// bind binds the queue to an exchange.
func (b *bus) bind(exchange string, keys []string) error {
	if err := b.exchange(exchange, amqp.ExchangeTopic); err != nil {
		return err
	}
	return b.try(func(ch *amqp.Channel) error {
		for i, key := range keys { // the last one waits for all
			if err := ch.QueueBind(b.queue, key, exchange, i+1 < len(keys), nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// reasonOf is a refusal without the server's own decoration.
func reasonOf(err error) string {
	if e, ok := errors.AsType[*amqp.Error](err); ok {
		return strings.ToLower(strings.ReplaceAll(e.Reason[:strings.IndexByte(e.Reason+" ", ' ')], "_", " ")) + strings.TrimPrefix(e.Reason, strings.SplitN(e.Reason, " ", 2)[0])
	}
	return err.Error()
}

// lacks says which exchanges cannot be read.
func (b *bus) lacks() string {
	var all []string
	for _, exchange := range slices.Sorted(maps.Keys(b.missing)) {
		all = append(all, exchange+" ("+b.missing[exchange]+")")
	}
	return strings.Join(all, "; ")
}

// described is what a source's status says of the server.
func (b *bus) described() string {
	s := b.system + " at " + b.host
	if len(b.missing) > 0 {
		s += ", without " + b.lacks()
	}
	return s
}

// consume begins to read the queue.
func (b *bus) consume() (ch *amqp.Channel, deliveries <-chan amqp.Delivery, err error) {
	err = b.within(func() error {
		if ch, err = b.conn.Channel(); err != nil {
			return err
		}
		if err := ch.Qos(b.o.Prefetch, 0, false); err != nil {
			return err
		}
		if deliveries, err = ch.Consume(b.queue, "switchhook", false, false, false, false, nil); err != nil {
			return fmt.Errorf("read the queue %s: %w", b.queue, err)
		}
		return nil
	})
	return ch, deliveries, err
}

// remove deletes the queue: nobody will read it any more.
func (b *bus) remove() {
	_ = b.try(func(ch *amqp.Channel) error { // else the server does, when it is not read for days
		_, err := ch.QueueDelete(b.queue, false, false, false)
		return errors.Join(err, ch.ExchangeDelete(b.marker(), false, false))
	})
}

// unpack is the body of a message, as text.
func unpack(d *amqp.Delivery) ([]byte, error) {
	if d.ContentEncoding != "gzip" {
		return d.Body, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(d.Body))
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(r, mostMessage+1))
	if len(body) > mostMessage {
		return nil, fmt.Errorf("it is over %d bytes long when it is unpacked", mostMessage)
	}
	return body, err
}
