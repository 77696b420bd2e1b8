package client

import (
	"bufio"
	"bytes"
	"testing"
)

// Lines of a stream are read whole, however they come; each has no end in it.
func FuzzLines(f *testing.F) {
	f.Add([]byte("id: 1\ndata: {}\n\n: alive\r\n\r\n"))
	f.Add(append(bytes.Repeat([]byte("a"), 100), "\nb"...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		in, read := bufio.NewReaderSize(bytes.NewReader(raw), 16), 0
		for {
			line, err := readLine(in)
			if err != nil {
				break
			}
			if read += len(line) + 1; bytes.ContainsRune(line, '\n') || read > len(raw) {
				t.Fatalf("%q has the line %q", raw, line)
			}
		}
	})
}
