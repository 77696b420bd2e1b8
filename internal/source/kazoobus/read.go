package kazoobus

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/switchhook/switchhook/internal/source"
)

const (
	// batch is how many messages are told at once at most.
	batch = 500
	// looks is how often it is looked whether all exchanges are there, and bound.
	looks = 30 * time.Second
)

// read reads one server until ctx ends or the connection does.
func (r *reader) read(ctx context.Context, url string, connected func(*bus) error) error {
	b, err := r.insist(ctx, url)
	if err != nil {
		return err
	}
	defer b.close()
	ch, deliveries, err := b.consume()
	if err != nil {
		return err
	}
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	if err := connected(b); err != nil {
		return err
	}
	queue := r.h.NewQueue()
	defer queue.Drop()
	r.opens(b, queue)
	defer r.closes(b)
	ended := make(chan error, 1)
	var others sync.WaitGroup
	defer others.Wait()
	defer b.close()
	others.Go(func() {
		ended <- r.guarded(func() error { return r.receive(deliveries, closed, queue) })
		queue.Close()
	})
	looking, stop := context.WithCancel(ctx)
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		_ = r.guarded(func() error { return r.look(looking, b) }) // if it could not, we lose the connection
	}()
	err = r.tell(ctx, ch, queue, ended)
	r.memory.see(url)
	stop()
	<-looked
	if errors.Is(context.Cause(ctx), source.ErrDeleted) {
		b.remove()
	}
	return err
}

// opens notes that a server is read.
func (r *reader) opens(b *bus, queue *source.Queue) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines[b] = queue
	if b.kept {
		return
	}
	select {
	case r.gaps <- struct{}{}:
	default:
	}
}

func (r *reader) closes(b *bus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.lines, b)
}

const (
	// again is how soon it is tried again to reach a server that has just been there, and
	// hope is for how long.
	again = 100 * time.Millisecond
	hope  = 2 * time.Minute
)

// insist connects with a server. With a server that stops Kazoo's exchanges end, and with
// them what is bound to our queue; what Kazoo says between the server's new start and ours
// is lost. So we are there before Kazoo is: a port that nobody listens at costs nothing.
func (r *reader) insist(ctx context.Context, url string) (*bus, error) {
	for {
		b, err := connect(ctx, r.o, url, r.queue, r.name)
		if err == nil {
			if err = b.prepare(); err == nil {
				return b, nil
			}
			b.close()
		}
		if time.Since(r.memory.seen(url)) > hope || ctx.Err() != nil || errors.Is(err, amqp.ErrCredentials) || errors.Is(err, errRead) {
			return nil, err
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
		}
	}
}

// receive takes messages off the wire. There are never more of them than the prefetch.
func (r *reader) receive(deliveries <-chan amqp.Delivery, closed <-chan *amqp.Error, queue *source.Queue) error {
	expected := uint64(1)
	for d := range deliveries {
		if d.DeliveryTag != expected {
			return fmt.Errorf("the server numbers messages %d after %d", d.DeliveryTag, expected-1)
		}
		expected++
		body, err := unpack(&d)
		if err != nil { // it becomes a reject, as it is no JSON
			body = append([]byte(err.Error()+": "), d.Body...)
		}
		if err := queue.Push(body, published(&d, r.h.Now())); err != nil {
			return err
		}
	}
	if err := <-closed; err != nil {
		return fmt.Errorf("the server ended the connection: %w", err)
	}
	return errors.New("the server no longer has the queue")
}

// published is when Kazoo sent a message (it writes microseconds where AMQP has seconds),
// by our own clock where it does not say so.
func published(d *amqp.Delivery, now time.Time) time.Time {
	const old = 30 * 24 * time.Hour
	at := time.UnixMicro(d.Timestamp.Unix()).UTC()
	if age := now.Sub(at); age < 0 || age > old {
		return now
	}
	return at
}

// look looks now and then whether something is to be bound: an exchange that was not there,
// or one that was deleted and made anew.
func (r *reader) look(ctx context.Context, b *bus) error {
	ticker := time.NewTicker(looks)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		before := b.described()
		r.mu.Lock()
		err := b.bindAll()
		main := r.main == b
		r.mu.Unlock()
		if err != nil {
			return err
		}
		if main && b.described() != before {
			if err := r.h.Connected(ctx, r.system(), true); err != nil {
				return err
			}
		}
	}
}

// tell tells what comes, and says of each message that it was read once all that follows
// from it is committed.
func (r *reader) tell(ctx context.Context, ch *amqp.Channel, queue *source.Queue, ended <-chan error) error {
	read, known := uint64(0), tenants{}
	for {
		items, err := queue.Pop(ctx, r.memory.most(batch))
		if errors.Is(err, io.EOF) {
			return <-ended
		}
		if err != nil {
			return err
		}
		r.memory.heard(items)
		var facts []source.Fact
		for _, item := range items {
			facts = append(facts, known.news(r.factsOf(ctx, item))...)
		}
		if len(facts) > 0 {
			if err := r.h.Tell(ctx, facts); err != nil {
				if ctx.Err() == nil {
					r.memory.raise(items)
				}
				return err
			}
		}
		r.memory.ease(len(items))
		read += uint64(len(items))
		if err := ch.Ack(read, true); err != nil {
			return fmt.Errorf("say what was read: %w", err)
		}
	}
}

// factsOf are the facts of a message. One that cannot be read, or on which our own code
// fails, is a reject.
func (r *reader) factsOf(ctx context.Context, item source.Item) (facts []source.Fact) {
	if r.memory.bad(item.Message) {
		r.h.Reject(ctx, item.Message, errors.New("our own code fails on what follows from it"))
		return nil
	}
	err := r.guardedRead(func() (err error) {
		facts, err = r.t.translate(item.Message, item.At)
		return err
	})
	if err != nil {
		r.h.Reject(ctx, item.Message, err)
		return nil
	}
	return facts
}

func (*reader) guardedRead(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("our own code fails on it: %v", p)
		}
	}()
	return do()
}

// What is remembered of a source from one connection to the next: which servers
// were there, and messages on which telling has failed. The server sends them again, so
// they are told one by one then, and the one that it was becomes a reject: it would fail
// for ever, and nothing else would be read.
type remembered struct {
	mu    sync.Mutex
	alone int // how many messages are to be told one by one
	known [sha256.Size]byte
	there map[string]time.Time // when each server was last there

	ecallmgrs map[string]time.Time // when each was last heard
}

// see notes that a server was there until now.
func (d *remembered) see(url string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.there == nil {
		d.there = map[string]time.Time{}
	}
	d.there[url] = time.Now()
}

func (d *remembered) seen(url string) time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.there[url]
}

// most is how many messages may be told at once.
func (d *remembered) most(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.alone > 0 {
		return 1
	}
	return n
}

func (d *remembered) raise(items []source.Item) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(items) == 1 && d.alone > 0 {
		d.known = sha256.Sum256(items[0].Message)
		return
	}
	d.alone = max(d.alone, len(items))
}

func (d *remembered) ease(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.alone = max(0, d.alone-n)
}

func (d *remembered) bad(message []byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.alone > 0 && sha256.Sum256(message) == d.known
}
