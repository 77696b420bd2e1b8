package freeswitch

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// mostBody bounds what is read at once. An event has some kilobytes; a list of ten thousand
// channels is under 16 MiB. What says that it is longer than mostSkipped is none: to read past it
// would be to hear nothing any more. mostHead bounds the lines before a body, and empty ones
// before those.
const (
	mostBody    = 32 << 20
	mostSkipped = 1 << 30
	mostHead    = 64 << 10
)

// A frame is a unit of the event socket: lines, and a body as long as they say.
type frame struct {
	kind  string // Content-Type, such as text/event-json
	reply string // Reply-Text
	head  []byte // all lines
	body  []byte
	cut   bool // it is longer than what may be; this is its start
}

// get is a line's value, empty where there is none.
func (f *frame) get(name string) string {
	for line := range bytes.Lines(f.head) {
		if n, value, ok := bytes.Cut(line, []byte(":")); ok && strings.EqualFold(string(n), name) {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}

// A frameReader cuts what comes from the event socket into frames. Empty lines between them
// are nothing, and half a frame at the end is none.
type frameReader struct {
	in   *bufio.Reader
	head []byte
	body []byte
}

func newFrameReader(r io.Reader) *frameReader {
	return &frameReader{in: bufio.NewReaderSize(r, 64<<10)}
}

// next returns the next frame, which is valid until the call after.
func (r *frameReader) next() (*frame, error) {
	if err := r.lines(); err != nil {
		return nil, err
	}
	f := &frame{head: r.head}
	f.kind, f.reply = f.get("Content-Type"), f.get("Reply-Text")
	if f.kind == "" {
		return nil, fmt.Errorf("this is no event socket: a frame has no Content-Type but %.60q", r.head)
	}
	length := f.get("Content-Length")
	if length == "" {
		return f, nil
	}
	n, err := strconv.Atoi(length)
	if err != nil || n < 0 || n > mostSkipped {
		return nil, fmt.Errorf("this is no event socket: a frame has the Content-Length %.20q", length)
	}
	return f, r.content(f, n)
}

// lines reads up to an empty line.
func (r *frameReader) lines() error {
	r.head = r.head[:0]
	empty := 0
	for start := true; ; {
		part, err := r.in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		if start && err == nil && len(bytes.TrimRight(part, "\r\n")) == 0 {
			if len(r.head) > 0 {
				return nil
			}
			if empty++; empty > mostHead {
				return errors.New("this is no event socket: there are empty lines without end")
			}
			continue
		}
		start = err == nil
		if r.head = append(r.head, part...); len(r.head) > mostHead {
			return fmt.Errorf("this is no event socket: the lines before a body are over %d bytes", mostHead)
		}
	}
}

// content reads a body. Memory for it is taken as it comes, not as it is announced.
func (r *frameReader) content(f *frame, n int) error {
	if cap(r.body) > 1<<20 {
		r.body = nil // a list was long, and events are not
	}
	b := bytes.NewBuffer(r.body[:0])
	_, err := io.CopyN(b, r.in, int64(min(n, mostBody)))
	r.body = b.Bytes()
	f.body = r.body
	if rest := n - mostBody; err == nil && rest > 0 {
		f.cut = true
		_, err = io.CopyN(io.Discard, r.in, int64(rest))
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
