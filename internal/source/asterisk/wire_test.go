package asterisk

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"crypto/tls"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
)

// A host keeps what a Connector tells it.
type host struct {
	mu        sync.Mutex
	system    string
	facts     []source.Fact
	rejects   []string
	connected chan struct{}            // closed by Connected
	told      chan struct{}            // capacity 1: there is more
	tell      func(n int) (slow error) // called by Tell
}

func newHost() *host {
	return &host{connected: make(chan struct{}), told: make(chan struct{}, 1)}
}

func (h *host) Connected(_ context.Context, system string, _ bool) error {
	h.system = system
	close(h.connected)
	return nil
}

func (h *host) Tell(_ context.Context, facts []source.Fact) error {
	if h.tell != nil {
		if err := h.tell(len(facts)); err != nil {
			return err
		}
	}
	h.mu.Lock()
	h.facts = append(h.facts, facts...)
	h.mu.Unlock()
	select {
	case h.told <- struct{}{}:
	default:
	}
	return nil
}

func (h *host) Reject(_ context.Context, message []byte, reason error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rejects = append(h.rejects, reason.Error()+": "+string(message[:min(len(message), 80)]))
}

func (h *host) NewQueue() *source.Queue { return &source.Queue{} }
func (h *host) Now() time.Time          { return time.Now() }

// await waits until a fact of a type that ok accepts was told, and returns all up to it.
func await[T source.Fact](t *testing.T, h *host, ok func(T) bool) []source.Fact {
	t.Helper()
	for {
		h.mu.Lock()
		for i, f := range h.facts {
			if x, is := f.(T); is && ok(x) {
				defer h.mu.Unlock()
				return h.facts[:i+1]
			}
		}
		h.mu.Unlock()
		select {
		case <-h.told:
		case <-time.After(20 * time.Second):
			t.Fatalf("no such %T was told; told:\n%s", *new(T), sourcetest.Facts(h.facts))
		}
	}
}

// A recorded Asterisk is a socket that answers actions as Asterisk did.
type recorded struct {
	net.Listener
	answers map[string]string                // by action; ActionID is filled in
	more    func(conn net.Conn, done func()) // after the login
}

const greeting = "Asterisk Call Manager/11.0.0\r\n"

// recordedAnswers are those to what a Connector asks.
func recordedAnswers() map[string]string {
	return map[string]string{
		"Challenge":          "Response: Success\r\nActionID: ID\r\nChallenge: 840415273\r\n\r\n",
		"Login":              "Response: Success\r\nActionID: ID\r\nMessage: Authentication accepted\r\n\r\nEvent: FullyBooted\r\nPrivilege: system,all\r\nUptime: 62\r\nLastReload: 62\r\nStatus: Fully Booted\r\n\r\n",
		"CoreSettings":       "Response: Success\r\nActionID: ID\r\nAMIversion: 11.0.0\r\nAsteriskVersion: 22.10.1\r\nSystemName: \r\n\r\n",
		"Ping":               "Response: Success\r\nActionID: ID\r\nPing: Pong\r\nTimestamp: 1795159100.000000\r\n\r\n",
		"PJSIPShowEndpoints": "Response: Error\r\nActionID: ID\r\nMessage: No endpoints found\r\n\r\n",
		"PJSIPShowContacts":  "Response: Error\r\nActionID: ID\r\nMessage: No Contacts found\r\n\r\n",
		"SIPpeers":           "Response: Error\r\nActionID: ID\r\nMessage: Invalid/unknown command: SIPpeers. Use Action: ListCommands to show available commands.\r\n\r\n",
		"VoicemailUsersList": "Response: Success\r\nActionID: ID\r\nMessage: There are no voicemail users currently defined.\r\n\r\n",
		"ParkedCalls":        "Response: Success\r\nActionID: ID\r\nEventList: start\r\nMessage: Parked calls will follow\r\n\r\nEvent: ParkedCallsComplete\r\nActionID: ID\r\nEventList: Complete\r\nListItems: 0\r\nTotal: 0\r\n\r\n",
		"QueueStatus":        "Response: Success\r\nActionID: ID\r\nEventList: start\r\nMessage: Queue status will follow\r\n\r\nEvent: QueueStatusComplete\r\nActionID: ID\r\nEventList: Complete\r\nListItems: 0\r\n\r\n",
		"CoreShowChannels":   "Response: Success\r\nActionID: ID\r\nEventList: start\r\nMessage: Channels will follow\r\n\r\nEvent: CoreShowChannelsComplete\r\nActionID: ID\r\nEventList: Complete\r\nListItems: 0\r\n\r\n",
	}
}

func newRecorded(t *testing.T) *recorded {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return &recorded{Listener: l, answers: recordedAnswers()}
}

// serve answers on one connection.
func (r *recorded) serve(t *testing.T) {
	t.Helper()
	conn, err := r.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, greeting)
	in := newFrameReader(conn)
	var writing sync.Mutex
	for {
		frame, err := in.next()
		if err != nil {
			return
		}
		m := Parse(frame)
		action := m.Get("Action")
		answer := r.answers[strings.TrimSpace(action+" "+m.Get("Filename")+m.Get("Module"))]
		if m.Get("ActionID") == secondLook {
			answer = r.answers["again"]
		}
		if answer == "" {
			answer = "Response: Error\r\nActionID: ID\r\nMessage: Permission denied\r\n\r\n"
		}
		if action == "Login" && m.Get("Key") != "" {
			sum := md5.Sum([]byte("840415273" + "secret"))
			if m.Get("Key") != hex.EncodeToString(sum[:]) {
				answer = "Response: Error\r\nActionID: ID\r\nMessage: Authentication failed\r\n\r\n"
			}
		}
		writing.Lock()
		_, err = io.WriteString(conn, strings.ReplaceAll(answer, ": ID\r\n", ": "+m.Get("ActionID")+"\r\n"))
		writing.Unlock()
		if err != nil {
			return
		}
		if action == "Ping" && r.more != nil && m.Get("ActionID") == ofPresent+"Ping" {
			r.more(conn, func() { finish(conn) })
		}
	}
}

// finish ends a connection of which the other side reads all that was written: a close with
// something of its own unread would take that away (RFC 9293 3.10.7.1).
func finish(conn net.Conn) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_, _ = io.Copy(io.Discard, conn)
	}
	_ = conn.Close()
}

func (r *recorded) source(more map[string]any) *switchhook.Source {
	s := &switchhook.Source{ID: "pbx", Kind: "asterisk", Options: map[string]any{"address": r.Addr().String(), "username": "hook", "secret": "secret"}}
	maps.Copy(s.Options, more)
	return s
}

// run runs a Connector, and returns how to wait for its end.
func run(t *testing.T, s *switchhook.Source, h *host) <-chan error {
	t.Helper()
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		ended <- New().Run(ctx, s, h)
	}()
	return ended
}

func within(t *testing.T, ended <-chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(25 * time.Second):
		t.Fatal("Run goes on")
		return nil
	}
}

func sample(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile("testdata/samples/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// After the lists come a whole recorded stream and half a frame.
func TestRunTellsWhatAsteriskSays(t *testing.T) {
	t.Parallel()
	r, h := newRecorded(t), newHost()
	stream := sample(t, "S1-direct.ami.txt")
	r.more = func(conn net.Conn, done func()) {
		_, _ = conn.Write(stream)
		_, _ = io.WriteString(conn, "Event: Hangup\r\nPrivilege: call,all\r\nUniqueid: 1795158990.0\r\nCha")
		done()
	}
	go r.serve(t)
	err := within(t, run(t, r.source(nil), h))
	if !errors.Is(err, io.EOF) {
		t.Errorf("Run ended with %v, want EOF", err)
	}
	if h.system != "Asterisk 22.10.1" {
		t.Errorf("the system is %q", h.system)
	}
	if len(h.facts) == 0 {
		t.Fatal("nothing was told")
	}
	present, ok := h.facts[0].(source.Present)
	if !ok || !present.At().Equal(time.Unix(1795159100, 0)) || present.Waiting == nil || present.Devices == nil || present.Mailboxes == nil || present.ParkedLegs == nil {
		t.Errorf("the first fact is %s", sourcetest.Fact(h.facts[0]))
	}
	want := translateAll(t, &Options{}, stream)
	if got := sourcetest.Facts(h.facts[1:]); got != sourcetest.Facts(want) {
		t.Errorf("told:\n%s\nwant:\n%s", got, sourcetest.Facts(want))
	}
	if len(h.rejects) > 0 {
		t.Errorf("rejected: %v", h.rejects)
	}
}

func TestWrongSecretSaysSo(t *testing.T) {
	t.Parallel()
	for _, auth := range []string{"auto", "plain"} {
		r, h := newRecorded(t), newHost()
		if auth == "plain" {
			r.answers["Login"] = "Response: Error\r\nActionID: ID\r\nMessage: Authentication failed\r\n\r\n"
		}
		go r.serve(t)
		err := within(t, run(t, r.source(map[string]any{"secret": "wrong", "auth": auth}), h))
		if switchhook.ErrorCode(err) != switchhook.CodeUnauthorized || !strings.Contains(err.Error(), "hook") || strings.Contains(err.Error(), "wrong") {
			t.Errorf("%s: %v", auth, err)
		}
	}
}

func TestNoRightToListChannelsSaysSo(t *testing.T) {
	t.Parallel()
	r, h := newRecorded(t), newHost()
	r.answers["CoreShowChannels"] = "Response: Error\r\nActionID: ID\r\nMessage: Permission denied\r\n\r\n"
	go r.serve(t)
	err := within(t, run(t, r.source(nil), h))
	if err == nil || !strings.Contains(err.Error(), "write = system") {
		t.Errorf("Run ended with %v", err)
	}
}

func TestNotAsteriskSaysSo(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH_9.2\r\n")
			_, _ = bufio.NewReader(conn).ReadByte()
			_ = conn.Close()
		}
	}()
	err = within(t, run(t, (&recorded{Listener: l}).source(nil), newHost()))
	if err == nil || !strings.Contains(err.Error(), "SSH") {
		t.Errorf("Run ended with %v", err)
	}
}

// TLS with an authority of one's own, with any certificate, and with neither.
func TestTLS(t *testing.T) {
	t.Parallel()
	// httptest has a certificate for 127.0.0.1, and tells who signed it.
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	defer server.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	for _, test := range []struct {
		options map[string]any
		fails   string
	}{
		{map[string]any{"tls_ca": ca}, ""},
		{map[string]any{"tls_insecure": true}, ""},
		{map[string]any{}, "certificate"},
	} {
		r, h := newRecorded(t), newHost()
		r.Listener = tls.NewListener(r.Listener, &tls.Config{Certificates: server.TLS.Certificates, MinVersion: tls.VersionTLS12})
		go r.serve(t)
		test.options["tls"] = true
		ended := run(t, r.source(test.options), h)
		if test.fails == "" {
			await(t, h, isPresent)
		} else if err := within(t, ended); err == nil || !strings.Contains(err.Error(), test.fails) {
			t.Errorf("with %v: %v", test.options, err)
		}
	}
}

// The list of channels has one whose end was told before we came, and one that is there.
func TestSecondLook(t *testing.T) {
	t.Parallel()
	r, h := newRecorded(t), newHost()
	list := func(ids ...string) string {
		s := "Response: Success\r\nActionID: ID\r\nEventList: start\r\nMessage: Channels will follow\r\n\r\n"
		for _, id := range ids {
			s += "Event: CoreShowChannel\r\nActionID: ID\r\nChannel: PJSIP/" + id + "-00000001\r\nChannelStateDesc: Up\r\nUniqueid: " + id + "\r\nLinkedid: " + id + "\r\n\r\n"
		}
		return s + "Event: CoreShowChannelsComplete\r\nActionID: ID\r\nEventList: Complete\r\n\r\n"
	}
	r.answers["CoreShowChannels"] = list("1795159000.1", "1795159000.2", "1795159000.3")
	r.answers["again"] = list("1795159000.2")
	r.more = func(conn net.Conn, _ func()) {
		_, _ = io.WriteString(conn, "Event: Hangup\r\nUniqueid: 1795159000.3\r\nCause: 16\r\n\r\n")
	}
	go r.serve(t)
	c := New()
	c.silence = 300 * time.Millisecond
	stop := start(t, c, r.source(nil), h)
	await(t, h, func(f source.LegEnded) bool { return f.Leg == "1795159000.1" })
	stop()
	if len(h.facts) != 3 { // what there is, and two ends
		t.Errorf("told:\n%s", sourcetest.Facts(h.facts))
	}
}

// A peer that is silent, with the connection open, is noticed.
func TestSilentPeerIsNoticed(t *testing.T) {
	t.Parallel()
	r, h := newRecorded(t), newHost()
	silent := make(chan struct{})
	r.more = func(net.Conn, func()) { <-silent }
	go r.serve(t)
	defer close(silent)
	c := New()
	c.silence = 300 * time.Millisecond
	err := c.Run(t.Context(), r.source(nil), h)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Run ended with %v", err)
	}
}

// 20,000 frames at once, and a store that takes its time: the socket is read to its end
// meanwhile.
func TestSlowStoreHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	r, h := newRecorded(t), newHost()
	const frames = 20_000
	written := make(chan struct{})
	h.tell = func(int) error { <-written; return nil } // nothing is stored until all was read
	r.more = func(conn net.Conn, done func()) {
		var b bytes.Buffer
		for i := range frames {
			fmt.Fprintf(&b, "Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: Burst\r\nNumber: %d\r\nText: %s\r\n\r\n", i, strings.Repeat("x", 900))
		}
		_ = conn.SetWriteDeadline(time.Now().Add(15 * time.Second))
		if _, err := conn.Write(b.Bytes()); err != nil {
			t.Errorf("the burst was not read: %v", err)
		}
		close(written)
		done()
	}
	go r.serve(t)
	if err := within(t, run(t, r.source(nil), h)); !errors.Is(err, io.EOF) {
		t.Errorf("Run ended with %v", err)
	}
	n := 0
	for _, f := range h.facts {
		if c, ok := f.(source.Custom); ok {
			if want := fmt.Sprintf(`{"Number":"%d",`, n); !strings.HasPrefix(string(c.Data), want) {
				t.Fatalf("number %d is %s", n, c.Data)
			}
			n++
		}
	}
	if n != frames {
		t.Errorf("%d of %d were told", n, frames)
	}
}

// start runs a Connector until the returned function is called.
func start(t *testing.T, c *Connector, s *switchhook.Source, h *host) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Run(ctx, s, h)
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

// doorOf serves the WebSockets of a Connector's sources.
func doorOf(c *Connector) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/sources/{id}/ari", func(w http.ResponseWriter, r *http.Request) { c.Accept(w, r, r.PathValue("id")) })
	return mux
}
