package source

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// bounds are those of a Queue, in bytes.
type bounds struct {
	memory  int64 // of messages held in memory
	disk    int64 // of what waits on disk
	chunk   int   // of what is written at once
	segment int64 // of a file
}

// usual: in memory, what a busy system (2,000 messages a second) says in some seconds; on
// disk, what it says in a quarter of an hour, and an ordinary one in a day.
var usual = bounds{memory: 8 << 20, disk: 1 << 30, chunk: 64 << 10, segment: 16 << 20} //nolint:gochecknoglobals // a constant, but for the language

// Errors of a Queue. After either the source has to connect again, for it has missed
// something.
var (
	ErrQueueFull   = errors.New("the queue between the wire and the store is full")
	ErrQueueClosed = errors.New("the queue is closed")
)

// A Queue holds messages between the wire and those who read them, first in, first out: in
// memory, and what goes beyond that in files. So what comes in never waits for what goes
// out, and memory stays bounded. A system cuts off those who read slowly, and most keep
// nothing for them.
//
// The zero value is empty and ready for use, with files in the usual directory for them. One
// goroutine pushes, one pops; it is safe for that.
type Queue struct {
	dir    string
	bounds bounds // zero: the usual

	mu     sync.Mutex
	wake   chan struct{} // capacity 1: there is something new
	closed bool

	// What is in ready is older than what is in chunks, which is older than tail. While
	// there are chunks or a tail, what comes goes to the tail.
	ready  []Item
	bytes  int64 // of the messages in ready
	chunks []chunk
	tail   []byte // records to be written as the next chunk
	tailed time.Time
	onDisk int64

	waiting int
	popped  []Item // by the last Pop

	pushed int64
	last   time.Time // when the last message came
	left   time.Time // when the oldest of those that Drop forgot did
}

// An Item is a message and when it was received.
type Item struct {
	Message []byte
	At      time.Time
}

// A chunk is a part of a segment that is written and read at once.
type chunk struct {
	segment *segment
	offset  int64
	length  int
	oldest  time.Time
}

// A segment is a file of chunks. It is gone when all of them were read.
type segment struct {
	file   *os.File
	length int64
	name   string // empty: it has no name any more
}

// NewQueue returns a Queue that keeps in a directory what memory has no room for.
func NewQueue(dir string) *Queue { return &Queue{dir: dir} }

// Push adds a copy of a message. It writes to a file at most, and waits for nobody. An
// error says that the message is not in the queue: ErrQueueFull, ErrQueueClosed, or that of
// the disk.
func (q *Queue) Push(message []byte, at time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrQueueClosed
	}
	at = at.Round(0).UTC() // as it comes back from a file
	q.prepare()
	if len(q.chunks) == 0 && len(q.tail) == 0 && (q.bytes == 0 || q.bytes+itemSize(message) <= q.bounds.memory) {
		q.ready = append(q.ready, Item{append([]byte(nil), message...), at})
		q.bytes += itemSize(message)
	} else if err := q.spill(message, at); err != nil {
		return err
	}
	q.waiting++
	q.pushed++
	q.last = at
	q.signal()
	return nil
}

// itemSize is what a message takes in memory, as a round number.
func itemSize(message []byte) int64 { return int64(len(message)) + 64 }

// prepare makes the zero value ready.
func (q *Queue) prepare() {
	if q.wake == nil {
		q.wake = make(chan struct{}, 1)
	}
	if q.bounds == (bounds{}) {
		q.bounds = usual
	}
}

func (q *Queue) signal() {
	q.prepare()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// spill adds a message to the tail. If that is long enough, it becomes a chunk first.
func (q *Queue) spill(message []byte, at time.Time) error {
	if q.onDisk+int64(len(q.tail)+len(message)) > q.bounds.disk {
		return ErrQueueFull
	}
	if len(q.tail) > 0 && len(q.tail)+len(message) > q.bounds.chunk {
		if err := q.write(); err != nil {
			return err
		}
	}
	if len(q.tail) == 0 {
		q.tailed = at
	}
	q.tail = binary.AppendUvarint(q.tail, uint64(len(message)))
	q.tail = binary.AppendVarint(q.tail, at.UnixNano())
	q.tail = append(q.tail, message...)
	return nil
}

// write makes the tail a chunk.
func (q *Queue) write() error {
	var s *segment
	if n := len(q.chunks); n > 0 && q.chunks[n-1].segment.length < q.bounds.segment {
		s = q.chunks[n-1].segment
	} else {
		file, err := os.CreateTemp(q.dir, "source-*.queue") // readable by us only
		if err != nil {
			return fmt.Errorf("keep what waits: %w", err)
		}
		s = &segment{file: file}
		// Nobody else needs its name, and so nothing is left behind by a crash. Where a
		// file that is open cannot be removed, it is when it is closed.
		if os.Remove(file.Name()) != nil {
			s.name = file.Name()
		}
	}
	if _, err := s.file.WriteAt(q.tail, s.length); err != nil {
		if s.length == 0 {
			s.close()
		}
		return fmt.Errorf("keep what waits: %w", err)
	}
	q.chunks = append(q.chunks, chunk{s, s.length, len(q.tail), q.tailed})
	s.length += int64(len(q.tail))
	q.onDisk += int64(len(q.tail))
	q.tail, q.tailed = q.tail[:0], time.Time{}
	return nil
}

func (s *segment) close() {
	_ = s.file.Close() // nothing in it is needed any more
	if s.name != "" {
		_ = os.Remove(s.name)
	}
}

// Pop returns the oldest messages, most at most, and waits until there is one. After Close
// it returns what is left, and then io.EOF. Messages may be changed. Another error than
// that and ctx's means that messages were lost.
func (q *Queue) Pop(ctx context.Context, most int) ([]Item, error) {
	for {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		items, wake, err := q.pop(most)
		if len(items) > 0 || err != nil {
			return items, err
		}
		select {
		case <-wake:
		case <-ctx.Done():
		}
	}
}

func (q *Queue) pop(most int) (items []Item, wake <-chan struct{}, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.prepare()
	q.popped = nil
	if len(q.ready) == 0 {
		if err := q.load(); err != nil {
			return nil, nil, err
		}
	}
	n := min(most, len(q.ready))
	if n == 0 && q.closed {
		return nil, nil, io.EOF
	}
	q.popped = q.ready[:n:n]
	q.ready = q.ready[n:]
	for i := range q.popped {
		q.bytes -= itemSize(q.popped[i].Message)
	}
	q.waiting -= n
	return q.popped, q.wake, nil
}

// load takes the oldest chunk, or the tail, into memory.
func (q *Queue) load() error {
	data := q.tail
	if len(q.chunks) == 0 {
		q.tail, q.tailed = nil, time.Time{}
	} else {
		c := q.chunks[0]
		q.chunks = q.chunks[1:]
		q.onDisk -= int64(c.length)
		data = make([]byte, c.length)
		_, err := c.segment.file.ReadAt(data, c.offset)
		if len(q.chunks) == 0 || q.chunks[0].segment != c.segment {
			c.segment.close()
		}
		if err != nil {
			return fmt.Errorf("read what waits: %w", err)
		}
	}
	for len(data) > 0 {
		length, n := binary.Uvarint(data)
		at, m := binary.Varint(data[max(n, 0):])
		data = data[max(n, 0)+max(m, 0):]
		if n <= 0 || m <= 0 || length > uint64(len(data)) {
			return errors.New("read what waits: the file is not as it was written")
		}
		item := Item{data[:length:length], time.Unix(0, at).UTC()}
		q.ready = append(q.ready, item)
		q.bytes += itemSize(item.Message)
		data = data[length:]
	}
	return nil
}

// Close says that nothing more will come. What is there can still be popped.
func (q *Queue) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}

// Drop closes the queue and forgets what is in it, with its files.
func (q *Queue) Drop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.left.IsZero() {
		q.left = q.oldest()
	}
	q.closed = true
	for i, c := range q.chunks {
		if i == 0 || c.segment != q.chunks[i-1].segment {
			c.segment.close()
		}
	}
	q.ready, q.chunks, q.tail, q.popped, q.tailed = nil, nil, nil, nil, time.Time{}
	q.bytes, q.onDisk, q.waiting = 0, 0, 0
	q.signal()
}

// Len is how many messages wait. Those of the last Pop wait until the next one: until
// then they may not be committed.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting + len(q.popped)
}

// Oldest is when the oldest of them was received. Zero: there is none.
func (q *Queue) Oldest() time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.oldest()
}

func (q *Queue) oldest() time.Time {
	switch {
	case len(q.popped) > 0:
		return q.popped[0].At
	case len(q.ready) > 0:
		return q.ready[0].At
	case len(q.chunks) > 0:
		return q.chunks[0].oldest
	default:
		return q.tailed
	}
}

// progress is how many messages came in all, when the last one did, and when the oldest
// did that waits or was forgotten.
func (q *Queue) progress() (pushed int64, last, oldest time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.left.IsZero() {
		return q.pushed, q.last, q.left
	}
	return q.pushed, q.last, q.oldest()
}
