package asterisk

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/source/sourcetest"
)

func TestParse(t *testing.T) {
	t.Parallel()
	got := Parse([]byte("Event: UserEvent\r\nAppData: a: b\r\nEmpty: \r\nTight:x\nChanVariable: A=1\r\nChanVariable: B=2\r\nno colon\r\nCallerIDName: K\xfchn \x80 S\xf6hne\r\nOther: K\xc3\xbchn"))
	want := Message{
		{"Event", "UserEvent"},
		{"AppData", "a: b"},
		{"Empty", ""},
		{"Tight", "x"},
		{"ChanVariable", "A=1"},
		{"ChanVariable", "B=2"},
		{"", "no colon"},
		{"CallerIDName", "Kühn \uFFFD Söhne"},
		{"Other", "Kühn"}, // which is UTF-8 beside what is not
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got.Get("event") != "UserEvent" || got.Get("ChanVariable") != "A=1" || got.Get("None") != "" {
		t.Error("Get finds the wrong fields")
	}
}

func TestFramesAreCut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", mostFrame+10)
	stream := "\r\n\r\nA: 1\r\nB: 2\r\n\r\n\r\nC: 3\n\nLong: " + long + "\r\nD: 4\r\n\r\nE: 5\r\n\r\nHalf: 6\r\n"
	frames := framesOf(t, []byte(stream))
	if len(frames) != 4 {
		t.Fatalf("%d frames, want 4: %.100q", len(frames), frames)
	}
	if string(frames[0]) != "A: 1\r\nB: 2\r\n" || string(frames[1]) != "C: 3\n" || string(frames[3]) != "E: 5\r\n" {
		t.Errorf("the frames are %.100q", frames)
	}
	if len(frames[2]) != mostFrame+1 {
		t.Errorf("a frame that is too long comes with %d bytes", len(frames[2]))
	}
}

// However a stream is cut into pieces, the frames are the same, they are bounded, and what
// is made of them is text.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("Event: A\r\n\r\nEvent: B\r\nX: \xff\r\n\r\n"), 3)
	f.Add(sample(f, "S3-queue-connect.ami.txt")[:4000], 100)
	f.Fuzz(func(t *testing.T, stream []byte, piece int) {
		whole := framesOf(t, stream)
		r := newFrameReader(&pieces{stream, max(1, piece)})
		for i := 0; ; i++ {
			frame, err := r.next()
			if err != nil {
				if !errors.Is(err, io.EOF) || i != len(whole) {
					t.Fatalf("%d frames, then %v; want %d and EOF", i, err, len(whole))
				}
				break
			}
			if !bytes.Equal(frame, whole[i]) || len(frame) == 0 || len(frame) > mostFrame+1 {
				t.Fatalf("frame %d is %q, want %q", i, frame, whole[i])
			}
			for _, f := range Parse(frame) {
				if !utf8.ValidString(f.Name) || !utf8.ValidString(f.Value) || strings.ContainsAny(f.Value, "\n") {
					t.Fatalf("%q has the field %q", frame, f)
				}
			}
		}
	})
}

// Nothing that Asterisk could say breaks the translator, and what it makes of it is text.
func FuzzTranslate(f *testing.F) {
	for _, name := range []string{"S0-connect-register", "S2-ringgroup", "S3-queue-connect", "S4-queue-abandon"} {
		stream := sample(f, name+".ami.txt")
		f.Add(stream[:min(len(stream), 8000)])
	}
	f.Add([]byte("Event: BlindTransfer\nResult: Success\n\nEvent: ParkedCall\n\nEvent: MessageWaiting\nNew: x\n\nEvent: FAXStatus\nStatus: failed\n\nEvent: Cdr\n\nEvent: PeerStatus\nPeer: SIP/\nPeerStatus: Rejected\nAddress: [::1]:x\n\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		for _, fact := range translateAll(t, &Options{}, stream) {
			if !utf8.ValidString(sourcetest.Fact(fact)) {
				t.Fatalf("%q", sourcetest.Fact(fact))
			}
		}
	})
}

// Nor does what ARI could say.
func FuzzARI(f *testing.F) {
	for _, name := range []string{"S0-connect-register.ari.ndjson", "S2-ringgroup.ari.ndjson", "ari-outbound-first-messages.ndjson"} {
		for line := range bytes.Lines(sample(f, name)) {
			f.Add(bytes.TrimSpace(line))
		}
	}
	f.Add([]byte(`{"type":"Dial","peer":null}`))
	f.Add([]byte(`{"type":"ChannelDialplan"}`))
	f.Add([]byte(`{"type":"BridgeAttendedTransfer","result":"Success"}`))
	f.Add([]byte(`{"type":"RESTResponse","request_id":"present-channels","status_code":200,"message_body":"[{}]"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		messages, err := (&ariReader{}).messages(raw)
		if err != nil {
			return
		}
		tr := newTranslator(&Options{})
		for _, m := range messages {
			for _, fact := range tr.translate(m, received()) {
				if !utf8.ValidString(sourcetest.Fact(fact)) {
					t.Fatalf("%q", sourcetest.Fact(fact))
				}
			}
		}
	})
}

// pieces reads a stream in pieces of a size.
type pieces struct {
	rest []byte
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.size)], p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// The frames of a recorded call, from the bytes on the wire to facts.
func BenchmarkTranslate(b *testing.B) {
	stream := sample(b, "S3-queue-connect.ami.txt")
	frames := len(framesOf(b, stream))
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		translateAll(b, &Options{}, stream)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(frames), "ns/frame")
}
