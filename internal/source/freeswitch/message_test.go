package freeswitch

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// plainEvents are those of a recorded stream in plain text.
func plainEvents(tb testing.TB, stream io.Reader) (all [][]byte) {
	tb.Helper()
	in := newFrameReader(stream)
	for {
		f, err := in.next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				tb.Fatal(err)
			}
			return all
		}
		if isEvent(f) {
			all = append(all, bytes.Clone(f.body))
		}
	}
}

func openSample(tb testing.TB, name string) *os.File {
	tb.Helper()
	file, err := os.Open("testdata/samples/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = file.Close() })
	return file
}

// What was recorded as JSON and as plain text, by two clients at once, says the same.
func TestJSONAndPlainAgree(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"01-direct-answered", "70-register-refresh-unregister"} {
		inJSON, inPlain := sampled(t, name+".ndjson"), plainEvents(t, openSample(t, name+".plain.txt"))
		if len(inJSON) != len(inPlain) || len(inJSON) == 0 {
			t.Errorf("%s: %d in JSON, %d in plain text", name, len(inJSON), len(inPlain))
			continue
		}
		for i := range inJSON {
			a, errA := Parse(inJSON[i])
			b, errB := Parse(inPlain[i])
			if diff := cmp.Diff(a, b); diff != "" || errA != nil || errB != nil {
				t.Fatalf("%s, event %d: %v, %v (-JSON +plain)\n%s", name, i, errA, errB, diff)
			}
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		event string
		want  Message
	}{
		{`{"Event-Name":"A","x":"a+b c","list":["1","2|3"],"n":7,"y":null,"x":"again"}`, Message{"Event-Name": "A", "x": "a+b c", "list": "ARRAY::1|:2|3", "n": "7", "y": "null"}},
		{"{\"Event-Name\":\"A\",\"name\":\"M\xfcller Grün\"}", Message{"Event-Name": "A", "name": "Müller Grün"}},
		{"Event-Name: A\nx: a%2Bb+c%20d\nname: M%FCller\nlist: ARRAY%3A%3A1%7C%3A2\nbad: 100%\nempty: \n\n", Message{"Event-Name": "A", "x": "a+b+c d", "name": "Müller", "list": "ARRAY::1|:2", "bad": "100%", "empty": ""}},
		{"Event-Name: MESSAGE\r\nContent-Length: 9\r\n\r\nBücher\r\n", Message{"Event-Name": "MESSAGE", "Content-Length": "9", "_body": "Bücher\n"}},
		{`{"Event-Name":"MESSAGE","_body":"a\r\nb"}`, Message{"Event-Name": "MESSAGE", "_body": "a\r\nb"}},
	} {
		got, err := Parse([]byte(c.event))
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%q: %v\n%s", c.event, err, diff)
		}
	}
	for _, bad := range []string{"", "{", `{"a":"b"}`, `{"Event-Name":"A","l":[["x"]]}`, `{"Event-Name":"A"`, "x: y\n", "\xff\xfe"} {
		if m, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%q is %v", bad, m)
		}
	}
	m := Message{"one": "1", "two": "ARRAY::1|:2"}
	if diff := cmp.Diff([][]string{{"1"}, {"1", "2"}, nil}, [][]string{m.list("one"), m.list("two"), m.list("none")}); diff != "" {
		t.Error(diff)
	}
}

// However a stream is cut, the same frames come out of it.
func TestFramesMayBeSplit(t *testing.T) {
	t.Parallel()
	stream, err := os.ReadFile("testdata/samples/70-register-refresh-unregister.plain.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := plainEvents(t, bytes.NewReader(stream))
	for name, r := range map[string]io.Reader{
		"bytes": iotest.OneByteReader(bytes.NewReader(stream)), "halves": iotest.HalfReader(bytes.NewReader(stream)), "the end with data": iotest.DataErrReader(bytes.NewReader(stream)),
	} {
		if diff := cmp.Diff(want, plainEvents(t, r)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestFrames(t *testing.T) {
	t.Parallel()
	in := newFrameReader(strings.NewReader("\n\r\nContent-Length: 3\r\nContent-Type: a\r\n\r\nb\n\nContent-Type: command/reply\nReply-Text: -ERR x: y\n\n" +
		"Content-Type: api/response\nContent-Length: 0\n\nContent-Type: text/event-json\nContent-Length: 9\n\n{"))
	f, err := in.next()
	if err != nil || f.kind != "a" || string(f.body) != "b\n\n" {
		t.Errorf("%+v %v", f, err)
	}
	if f, err = in.next(); err != nil || f.reply != "-ERR x: y" || f.body != nil {
		t.Errorf("%+v %v", f, err)
	}
	if f, err = in.next(); err != nil || f.kind != "api/response" || len(f.body) != 0 {
		t.Errorf("%+v %v", f, err)
	}
	if f, err = in.next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a body is %+v, %v", f, err)
	}
	for _, bad := range []string{
		"SSH-2.0-OpenSSH_9.2\n\n", "Content-Type: a\nContent-Length: -1\n\n", "Content-Type: a\nContent-Length: x\n\n", strings.Repeat("a", 2*mostHead),
		"Content-Type: a\nContent-Length: 9223372036854775807\n\n", "Content-Type: a\nContent-Length: 99999999999999999999\n\n", strings.Repeat("\n", 2*mostHead) + "Content-Type: a\n\n",
	} {
		if f, err := newFrameReader(strings.NewReader(bad)).next(); err == nil {
			t.Errorf("%.40q is %+v", bad, f)
		}
	}
}

// A body that is longer than what may be comes cut, and the frames after it are whole.
func TestABodyIsBounded(t *testing.T) {
	t.Parallel()
	long := io.MultiReader(strings.NewReader("Content-Type: a\nContent-Length: 33554440\n\n"), io.LimitReader(repeated('x'), 33554440), strings.NewReader("Content-Type: b\n\n"))
	in := newFrameReader(long)
	f, err := in.next()
	if err != nil || !f.cut || len(f.body) != mostBody {
		t.Errorf("%d bytes, cut %t, %v", len(f.body), f.cut, err)
	}
	if f, err = in.next(); err != nil || f.kind != "b" {
		t.Errorf("%+v %v", f, err)
	}
}

type repeated byte

func (r repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r)
	}
	return len(p), nil
}

// Whatever comes: frames and events are read or refused, and what is read is UTF-8.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("Content-Type: auth/request\n\nContent-Length: 2\nContent-Type: text/event-json\n\n{}"))
	f.Add([]byte("Content-Length: 60\nContent-Type: text/event-plain\n\nEvent-Name: A\nx: %F6%2B+\nContent-Length: 3\n\nabc\n"))
	f.Add([]byte("Content-Length: 30\nContent-Type: text/event-json\n\n{\"Event-Name\":\"A\",\"x\":[\"\xf6\"]}"))
	f.Add([]byte("Content-Length: 99999999999\nContent-Type: a\n\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		in := newFrameReader(bytes.NewReader(stream))
		tr := newTranslator(&Options{DTMF: true}, nil)
		for {
			frame, err := in.next()
			if err != nil {
				break
			}
			m, err := Parse(frame.body)
			if err != nil {
				continue
			}
			for name, value := range m {
				if strings.ToValidUTF8(value, "") != value {
					t.Fatalf("%q of %q is %q", name, frame.body, value)
				}
			}
			tr.translate(m, received())
		}
		if m, err := Parse(stream); err == nil {
			tr.translate(m, received())
		}
	})
}

func BenchmarkTranslate(b *testing.B) {
	events := sampled(b, "31-queue-connect.ndjson")
	size := 0
	for _, e := range events {
		size += len(e)
	}
	b.SetBytes(int64(size / len(events)))
	tr := newTranslator(&Options{}, nil)
	for i := 0; b.Loop(); i++ {
		m, err := Parse(events[i%len(events)])
		if err != nil {
			b.Fatal(err)
		}
		tr.translate(m, received())
	}
}
