package freeswitch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/switchhook/switchhook/internal/source"
)

// A bus is a queue of our own on a RabbitMQ server, which gets what mod_amqp sends and keeps it
// while we are away. A message is acknowledged when all that follows from it is committed, so
// it can come twice, which makes nothing new.
//
// All events come from there, the answers to commands among them (BACKGROUND_JOB), so what
// there is is told in order with what had been kept.
type bus struct {
	conn  *amqp.Connection
	in    *amqp.Channel
	kept  bool // the queue was there already
	count uint64
	all   <-chan amqp.Delivery
}

// busMark begins a message of the bus in the queue, where it goes with others.
const busMark = "bus "

const (
	prefetch = 1000 // messages that wait for their commit
	// unused is after how long the server may forget a queue that nobody reads.
	unused = 7 * 24 * time.Hour
)

// open connects to the server and begins to read.
func (o *AMQPOptions) open(ctx context.Context) (*bus, error) {
	conn, err := o.dial(ctx)
	if err != nil {
		return nil, err
	}
	b := &bus{conn: conn}
	if err := b.read(o); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// look connects to the server, and looks whether mod_amqp was there.
func (o *AMQPOptions) look(ctx context.Context) error {
	conn, err := o.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	in, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("connect to RabbitMQ: %w", err)
	}
	return o.exchange(in)
}

func (o *AMQPOptions) exchange(in *amqp.Channel) error {
	if err := in.ExchangeDeclarePassive(o.Exchange, amqp.ExchangeTopic, true, false, false, false, nil); err != nil {
		return fmt.Errorf("look for the exchange %s, which mod_amqp makes when it starts: %w", o.Exchange, err)
	}
	return nil
}

func (o *AMQPOptions) dial(ctx context.Context) (*amqp.Connection, error) {
	conn, err := amqp.DialConfig(o.URL, amqp.Config{
		Heartbeat: patience, Properties: amqp.Table{"connection_name": "switchhook " + o.Queue},
		Dial: func(network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, network, address)
			if err == nil { // the library wants its greeting by then
				err = conn.SetDeadline(time.Now().Add(patience))
			}
			return conn, err
		},
	})
	if err != nil {
		return nil, fmt.Errorf("connect to RabbitMQ: %w", err) // without the password
	}
	return conn, nil
}

func (b *bus) read(o *AMQPOptions) error {
	look, err := b.conn.Channel()
	if err != nil {
		return fmt.Errorf("connect to RabbitMQ: %w", err)
	}
	if err := o.exchange(look); err != nil { // a queue that is bound to nothing would have kept nothing
		return err
	}
	_, err = look.QueueDeclarePassive(o.Queue, true, false, false, false, nil)
	b.kept = err == nil // else the channel is gone
	if b.in, err = b.conn.Channel(); err != nil {
		return fmt.Errorf("connect to RabbitMQ: %w", err)
	}
	if !b.kept {
		if _, err := b.in.QueueDeclare(o.Queue, true, false, false, false, amqp.Table{"x-expires": unused.Milliseconds()}); err != nil {
			return fmt.Errorf("make the queue %s: %w", o.Queue, err)
		}
	}
	if err := b.in.QueueBind(o.Queue, o.Binding, o.Exchange, false, nil); err != nil {
		return fmt.Errorf("bind the queue %s to the exchange %s: %w", o.Queue, o.Exchange, err)
	}
	if err := b.in.Qos(prefetch, 0, false); err != nil {
		return fmt.Errorf("read the queue %s: %w", o.Queue, err)
	}
	if b.all, err = b.in.Consume(o.Queue, "", false, false, false, false, nil); err != nil {
		return fmt.Errorf("read the queue %s: %w", o.Queue, err)
	}
	return nil
}

// pass passes each message on, until the connection ends, and says why it did.
func (b *bus) pass(push func(message []byte) error) error {
	closed := b.conn.NotifyClose(make(chan *amqp.Error, 1))
	for d := range b.all {
		if err := push(append([]byte(busMark), d.Body...)); err != nil {
			return err
		}
	}
	select {
	case err := <-closed:
		if err != nil {
			return fmt.Errorf("RabbitMQ ended the connection: %w", err)
		}
	default:
	}
	return errors.New("RabbitMQ reads no longer to us: the queue was deleted, or the connection closed")
}

// done acknowledges the messages that were told of. Deliveries are numbered in order.
func (b *bus) done(items []source.Item) error {
	before := b.count
	for _, item := range items {
		if bytes.HasPrefix(item.Message, []byte(busMark)) {
			b.count++
		}
	}
	if b.count == before {
		return nil
	}
	if err := b.in.Ack(b.count, true); err != nil {
		return fmt.Errorf("acknowledge to RabbitMQ: %w", err)
	}
	return nil
}

func (b *bus) close() { _ = b.conn.Close() } // what is not acknowledged comes again
