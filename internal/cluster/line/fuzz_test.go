package line_test

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/switchhook/switchhook/internal/cluster/line"
)

// Whatever comes over a line, it ends, and takes its calls with it.
func FuzzLine(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x01x"))                                                          // a call
	f.Add([]byte("\x00\x00\x00\x09\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x09\x02\x00\x00\x00\x00\x00\x00\x00\x01"))       // an answer, and one that is not wanted
	f.Add([]byte("\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00"))                                                           // too long
	f.Add([]byte("\x00\x00\x00\x09\x09\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01GET / ")) // an unknown kind
	f.Fuzz(func(_ *testing.T, said []byte) {
		ours, theirs := net.Pipe()
		l := line.New(ours, nil, func(_ context.Context, call []byte) line.Encode {
			return func(b []byte) []byte { return append(b, call...) }
		})
		go func() { _, _ = io.Copy(io.Discard, theirs) }() // until it is closed
		_, _ = theirs.Write(said)
		_ = theirs.Close()
		<-l.Done()
	})
}
