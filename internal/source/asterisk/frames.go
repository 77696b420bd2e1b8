package asterisk

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// mostFrame bounds a frame. Asterisk's own are under 8 KiB; a list of a channel's variables
// or a UserEvent may be longer.
const mostFrame = 256 << 10

// A frameReader cuts what comes from the manager interface into frames: lines up to an
// empty one. More empty lines between frames are nothing, and half a frame at the end is
// none.
type frameReader struct {
	in    *bufio.Reader
	frame []byte
}

func newFrameReader(r io.Reader) *frameReader {
	return &frameReader{in: bufio.NewReaderSize(r, 64<<10)}
}

// next returns the next frame, which is valid until the call after. One that is too long
// comes cut to one byte more than is allowed.
func (r *frameReader) next() ([]byte, error) {
	r.frame = r.frame[:0]
	for start := true; ; { // of a line
		part, err := r.in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		if start && err == nil && len(bytes.TrimRight(part, "\r\n")) == 0 {
			if len(r.frame) == 0 {
				continue
			}
			return r.frame, nil
		}
		start = err == nil
		r.frame = append(r.frame, part[:min(len(part), mostFrame+1-len(r.frame))]...)
	}
}

// line reads a single line: what Asterisk greets with.
func (r *frameReader) line() (string, error) {
	part, err := r.in.ReadSlice('\n')
	return string(bytes.TrimRight(part, "\r\n")), err
}
