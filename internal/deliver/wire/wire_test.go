package wire_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver/wire"
)

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, address)
}

// client is one that leaves no connection behind.
func client(t *testing.T) *wire.Client {
	t.Helper()
	c := &wire.Client{Dial: dial}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func post(t *testing.T, to, body string) *wire.Request {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	return &wire.Request{
		Method: http.MethodPost, URL: u, Body: []byte(body), Deadline: time.Now().Add(10 * time.Second),
		Header: switchhook.Headers{{Name: "Content-Type", Value: "text/plain"}, {Name: "X-Hook-ID", Value: "h1"}},
	}
}

// raw is a receiver that reads whole requests and answers the nth of a connection
// with bytes, word for word. An answer of "" closes the connection.
func raw(t *testing.T, answer func(connection, n int) string) (address string, connections *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	connections = new(atomic.Int64)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			number := int(connections.Add(1))
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for n := 1; ; n++ {
					req, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					if _, err := io.Copy(io.Discard, req.Body); err != nil {
						return
					}
					text := answer(number, n)
					if _, err := io.WriteString(c, text); err != nil || text == "" {
						return
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String(), connections
}

// Answers of every kind: what is made of them, and whether the connection is used
// again.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	long := strings.Repeat("x", 100<<10)
	for name, c := range map[string]struct {
		answer string
		status int
		body   string
		again  bool
		err    string
	}{
		"with a length":              {ok, 200, "ok", true, ""},
		"without a body":             {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", true, ""},
		"in chunks":                  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Trailer: 1\r\n\r\n", 200, "ok", true, ""},
		"announced":                  {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok, 200, "ok", true, ""},
		"that ends the connection":   {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 200, "ok", false, ""},
		"of HTTP/1.0":                {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", false, ""},
		"with something behind it":   {ok + "HTTP/1.1 200 OK\r\n\r\n", 200, "ok", false, ""},
		"that is long":               {"HTTP/1.1 500 No\r\nContent-Length: 20000\r\n\r\n" + long[:20000], 500, long[:16<<10], true, ""},
		"that is too long to drain":  {"HTTP/1.1 200 OK\r\nContent-Length: 102400\r\n\r\n" + long, 200, long[:16<<10], false, ""},
		"of another protocol":        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", 101, "", false, ""},
		"that is no text":            {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\xffb", 200, "a\uFFFDb", true, ""},
		"that is no HTTP":            {"SSH-2.0-OpenSSH_9.6\r\n", 0, "", false, "malformed HTTP"},
		"with a header without end":  {"HTTP/1.1 200 OK\r\nX: " + long, 0, "", false, "header is longer than 65536 bytes"},
		"announced without end":      {strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 5000), 0, "", false, "header is longer than 65536 bytes"},
		"of no known kind":           {"HTTP/1.1 099 Odd\r\n\r\n" + ok, 0, "", false, "malformed HTTP status"},
		"that is none":               {"", 0, "", false, "EOF"},
		"with two lengths":           {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", 0, "", false, "Content-Length"},
		"with a length and chunks":   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, "ok", true, ""},
		"with chunks that are wrong": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 200, "", false, "invalid byte"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to, connections := raw(t, func(connection, n int) string {
				if connection == 1 && n == 1 {
					return c.answer
				}
				return ok
			})
			wc := client(t)
			answer, err := wc.Send(t.Context(), post(t, to, "hello"))
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			if c.status == 0 {
				if answer != nil {
					t.Errorf("there is an answer: %+v", answer)
				}
			} else if answer == nil || answer.Status != c.status || answer.Body != c.body {
				t.Errorf("answer %.200v", answer)
			}
			if answer, err := wc.Send(t.Context(), post(t, to, "again")); c.answer != "" && (err != nil || answer.Status != 200) {
				t.Errorf("the next one: %+v, %v", answer, err)
			}
			want := int64(2)
			if c.again {
				want = 1
			}
			if c.answer != "" && connections.Load() != want {
				t.Errorf("%d connections, want %d", connections.Load(), want)
			}
		})
	}
}

// What breaks off is an error beside what there was.
func TestAnAnswerThatBreaksOff(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = http.ReadRequest(bufio.NewReader(c))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
		_ = c.Close()
	}()
	answer, err := client(t).Send(t.Context(), post(t, "http://"+l.Addr().String(), ""))
	if answer == nil || answer.Status != 200 || answer.Body != "half" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%+v, %v", answer, err)
	}
}

// A kept connection that was closed meanwhile is replaced, once: what a new
// connection does is final.
func TestAConnectionThatWasClosed(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 204 No Content\r\n\r\n"
	to, connections := raw(t, func(connection, n int) string {
		if connection == 1 && n == 2 || connection > 2 {
			return ""
		}
		return ok
	})
	c := client(t)
	for range 2 {
		if answer, err := c.Send(t.Context(), post(t, to, "x")); err != nil || answer.Status != 204 {
			t.Fatalf("%+v, %v", answer, err)
		}
	}
	c.CloseIdleConnections()
	if _, err := c.Send(t.Context(), post(t, to, "x")); !errors.Is(err, io.EOF) || connections.Load() != 3 {
		t.Errorf("%v after %d connections", err, connections.Load())
	}
}

// A receiver that has only begun to answer has got the request: it is not sent again.
func TestWhatHasBegunIsNotSentAgain(t *testing.T) {
	t.Parallel()
	requests := 0
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		in := bufio.NewReader(c)
		for _, answer := range []string{"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 2"} {
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
			requests++
			_, _ = io.WriteString(c, answer)
		}
	}()
	c, to := client(t), "http://"+l.Addr().String()
	if _, err := c.Send(t.Context(), post(t, to, "")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(t.Context(), post(t, to, "")); err == nil {
		t.Error("half an answer was taken for one")
	}
	<-done
	if requests != 2 {
		t.Errorf("%d requests", requests)
	}
}

// A receiver may answer before it has taken all, and close.
func TestAnEarlyAnswer(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	}))
	defer srv.Close()
	for range 20 {
		answer, err := client(t).Send(t.Context(), post(t, srv.URL, strings.Repeat("x", 200<<10)))
		if err != nil || answer.Status != http.StatusRequestEntityTooLarge {
			t.Fatalf("%+v, %v", answer, err)
		}
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]func(net.Conn){
		"nothing is read":               func(net.Conn) {},
		"nothing is answered":           func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		"the header comes byte by byte": func(c net.Conn) { trickle(c, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 10000)) },
		"the body comes byte by byte":   func(c net.Conn) { trickle(c, "HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat("x", 10000)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				done := make(chan struct{})
				go func() {
					defer close(done)
					handler(theirs)
				}()
				defer func() {
					_ = theirs.Close()
					<-done
				}()
				c := &wire.Client{Dial: func(context.Context, string, string) (net.Conn, error) { return ours, nil }}
				start := time.Now()
				req := post(t, "http://192.0.2.1/", "hello")
				req.Deadline = start.Add(3 * time.Second)
				if _, err := c.Send(t.Context(), req); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 3*time.Second {
					t.Errorf("%v after %s", err, time.Since(start))
				}
			})
		})
	}
}

func trickle(c net.Conn, text string) {
	go func() { _, _ = io.Copy(io.Discard, c) }()
	for i := range len(text) {
		if _, err := io.WriteString(c, text[i:i+1]); err != nil {
			return
		}
		time.Sleep(time.Second / 10) // of a bubble's clock
	}
}

// A name that is not resolved, an address that does not answer: the deadline is
// that of all.
func TestDeadlineOfDialing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &wire.Client{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		start := time.Now()
		if _, err := c.Send(t.Context(), post(t, "http://192.0.2.1/", "")); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 10*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel(gone)
		<-r.Context().Done()
	}))
	defer srv.Close()
	if _, err := client(t).Send(ctx, post(t, srv.URL, "x")); !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	c := client(t)
	c.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	_, port, _ := strings.Cut(strings.TrimPrefix(srv.URL, "https://"), ":")
	if answer, err := c.Send(t.Context(), post(t, "https://127.0.0.1:"+port, "x")); err != nil || answer.Body != "HTTP/1.1" {
		t.Errorf("%+v, %v", answer, err)
	}
	_, err := c.Send(t.Context(), post(t, "https://localhost:"+port, "x")) // not among its names
	if _, ok := errors.AsType[x509.HostnameError](err); !ok {
		t.Errorf("another name: %v", err)
	}
	strict := client(t) // with the system's roots
	_, err = strict.Send(t.Context(), post(t, "https://127.0.0.1:"+port, "x"))
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
		t.Errorf("an unknown authority: %v", err)
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	_, err = c.Send(t.Context(), post(t, "https"+strings.TrimPrefix(plain.URL, "http"), "x"))
	if _, ok := errors.AsType[tls.RecordHeaderError](err); !ok {
		t.Errorf("a port without TLS: %v", err)
	}
}

// Connections of one place serve no other, and are closed once they are idle for
// long.
func TestIdleConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dialled, open := 0, &atomic.Int64{}
		c := &wire.Client{Dial: func(context.Context, string, string) (net.Conn, error) {
			dialled++
			open.Add(1)
			ours, theirs := net.Pipe()
			go func() {
				defer open.Add(-1)
				in := bufio.NewReader(theirs)
				for {
					if _, err := http.ReadRequest(in); err != nil {
						return
					}
					_, _ = io.WriteString(theirs, "HTTP/1.1 204 No Content\r\n\r\n")
				}
			}()
			return ours, nil
		}}
		send := func(to string) {
			t.Helper()
			if _, err := c.Send(t.Context(), post(t, to, "")); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			send("http://192.0.2.1/a")
			send("http://192.0.2.1:80/b")
			send("http://192.0.2.2/")
		}
		if dialled != 2 || open.Load() != 2 {
			t.Fatalf("%d connections to two hosts", dialled)
		}
		time.Sleep(80 * time.Second)
		send("http://192.0.2.1/a")
		time.Sleep(60 * time.Second)
		synctest.Wait()
		if open.Load() != 1 {
			t.Errorf("%d connections are open, one was used lately", open.Load())
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if open.Load() != 0 {
			t.Errorf("%d connections are open", open.Load())
		}
		send("http://192.0.2.1/a")
		c.CloseIdleConnections()
		synctest.Wait()
		if dialled != 3 || open.Load() != 0 {
			t.Errorf("%d connections, %d are open", dialled, open.Load())
		}
	})
}

// script is a connection that says what it is told to once it has heard something,
// and keeps that.
type script struct {
	net.Conn
	say   io.Reader
	once  sync.Once
	asked chan struct{}
	heard bytes.Buffer
}

func (*script) RemoteAddr() net.Addr { return nil }

func says(answer string) *script {
	return &script{say: strings.NewReader(answer), asked: make(chan struct{})}
}

func (s *script) Read(p []byte) (int, error) {
	<-s.asked
	return s.say.Read(p)
}

func (s *script) Write(p []byte) (int, error) {
	defer s.once.Do(func() { close(s.asked) })
	return s.heard.Write(p)
}

func (s *script) Close() error                                           { return nil }
func (s *script) SetDeadline(time.Time) error                            { return nil }
func (s *script) dial(context.Context, string, string) (net.Conn, error) { return s, nil }

// What is written is what net/http's server reads: nothing more, nothing less.
func TestRequestsAreRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		u := &url.URL{
			Scheme: "http", Host: rapid.SampledFrom([]string{"example.com", "example.com:81", "192.0.2.1", "[2001:db8::1]", "[2001:db8::1]:8080", "bücher.example"}).Draw(t, "host"),
			Path: "/" + rapid.String().Draw(t, "path"), RawQuery: url.Values{"q": {rapid.String().Draw(t, "query")}}.Encode(),
		}
		req := &wire.Request{
			Method: rapid.SampledFrom([]string{"POST", "PUT", "GET"}).Draw(t, "method"), URL: u, Deadline: time.Now().Add(time.Minute),
			Body: rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "body"), Header: switchhook.Headers{{Name: "Host", Value: "passed.over"}},
		}
		for range rapid.IntRange(0, 5).Draw(t, "headers") {
			req.Header = req.Header.With("X-"+rapid.StringMatching(`[A-Za-z0-9]{1,8}`).Draw(t, "name"), rapid.StringMatching(`([!-~]([ -~]{0,20}[!-~])?)?`).Draw(t, "value"))
		}
		s := says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		c := &wire.Client{Dial: s.dial}
		defer c.CloseIdleConnections()
		if _, err := c.Send(context.Background(), req); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(&s.heard)
		got, err := http.ReadRequest(in)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(got.Body)
		if err != nil || !bytes.Equal(body, req.Body) || in.Buffered() > 0 {
			t.Fatalf("body %q, %v, %d bytes behind it", body, err, in.Buffered())
		}
		host := strings.Replace(u.Host, "bücher", "xn--bcher-kva", 1)
		if got.Method != req.Method || got.Host != host || got.URL.Path != u.Path || got.URL.RawQuery != u.RawQuery {
			t.Fatalf("%s %s to %s", got.Method, got.URL, got.Host)
		}
		got.Header.Del("Content-Length")
		if len(got.Header) != len(req.Header)-1 {
			t.Fatalf("headers %v", got.Header)
		}
		for _, h := range req.Header[1:] {
			if v := got.Header.Values(h.Name); len(v) != 1 || v[0] != h.Value {
				t.Fatalf("%s: %q, want %q", h.Name, v, h.Value)
			}
		}
	})
}

// The bytes themselves, once.
func TestRequestBytes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ method, url, body, address, want string }{
		{"POST", "http://b%C3%BCcher.example/a b?c=d#e", "hello", "xn--bcher-kva.example:80", "POST /a%20b?c=d HTTP/1.1\r\nHost: xn--bcher-kva.example\r\nContent-Type: text/plain\r\nX-Hook-ID: h1\r\nContent-Length: 5\r\n\r\nhello"},
		{"POST", "http://192.0.2.1:81", "", "192.0.2.1:81", "POST / HTTP/1.1\r\nHost: 192.0.2.1:81\r\nContent-Type: text/plain\r\nX-Hook-ID: h1\r\nContent-Length: 0\r\n\r\n"},
		{"GET", "http://[fe80::1%25eth0]/", "", "[fe80::1%eth0]:80", "GET / HTTP/1.1\r\nHost: [fe80::1]\r\nContent-Type: text/plain\r\nX-Hook-ID: h1\r\n\r\n"},
	} {
		var address string
		s := says("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		client := &wire.Client{Dial: func(_ context.Context, _, to string) (net.Conn, error) {
			address = to
			return s, nil
		}}
		req := post(t, c.url, c.body)
		req.Method = c.method
		if _, err := client.Send(t.Context(), req); err != nil {
			t.Errorf("%s: %v", c.url, err)
		}
		if got := s.heard.String(); got != c.want || address != c.address {
			t.Errorf("to %s, want %s:\n%q, want\n%q", address, c.address, got, c.want)
		}
	}
}

// Nothing that an event or a person says becomes a request of its own.
func TestNothingIsSmuggled(t *testing.T) {
	t.Parallel()
	const evil = "x\r\nHost: evil\r\n\r\nGET /evil HTTP/1.1\r\n"
	for name, change := range map[string]func(*wire.Request){
		"method":       func(r *wire.Request) { r.Method = evil },
		"query":        func(r *wire.Request) { r.URL.RawQuery = evil },
		"opaque":       func(r *wire.Request) { r.URL.Opaque = "//x/" + evil },
		"host":         func(r *wire.Request) { r.URL.Host = evil },
		"header name":  func(r *wire.Request) { r.Header = switchhook.Headers{{Name: evil, Value: "x"}} },
		"header value": func(r *wire.Request) { r.Header = switchhook.Headers{{Name: "X", Value: evil}} },
	} {
		s := says("")
		req := post(t, "http://example.com/", "")
		change(req)
		if _, err := (&wire.Client{Dial: s.dial}).Send(t.Context(), req); err == nil || s.heard.Len() > 0 {
			t.Errorf("%s: %v, sent %q", name, err, s.heard.String())
		}
	}
}

// No answer makes a client fail otherwise than with an error, and what it makes of
// one is what net/http's own client does.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"HTTP/1.0 404 \r\n\r\nno", "HTTP/1.1 000 \r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Later\r\nRetry-After: 7\r\n\r\n", "\x16\x03\x01",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		c := &wire.Client{Dial: says(string(answer)).dial}
		defer c.CloseIdleConnections()
		got, err := c.Send(t.Context(), post(t, "http://192.0.2.1/", "x"))
		if err == nil && (got == nil || got.Status < 100 || got.Status > 999 || len(got.Body) > 3*16<<10) {
			t.Errorf("%+v", got)
		}
		want, theirs := reference(t, answer) //nolint:bodyclose // it is
		if len(answer) > 16<<10 || err != nil || theirs != nil || want.StatusCode < 100 {
			return // what is wrong may be said in other words, or be a bound that only one has
		}
		if got.Status != want.StatusCode || !slices.Equal(got.Headers, flat(want.Header)) {
			t.Errorf("%+v, net/http has %+v", got, want)
		}
	})
}

// reference is what net/http's client makes of an answer.
func reference(t *testing.T, answer []byte) (*http.Response, error) {
	t.Helper()
	rt := &http.Transport{DisableCompression: true, DisableKeepAlives: true, DialContext: says(string(answer)).dial}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://192.0.2.1/", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp, err
}

func flat(h http.Header) switchhook.Headers {
	list := make(switchhook.Headers, 0, len(h))
	for name, values := range h {
		list = append(list, switchhook.Header{Name: name, Value: strings.ToValidUTF8(strings.Join(values, ", "), "\uFFFD")})
	}
	list.Sort()
	return list
}

func BenchmarkSend(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer srv.Close()
	u, err := url.Parse(srv.URL)
	if err != nil {
		b.Fatal(err)
	}
	body := bytes.Repeat([]byte("x"), 700)
	b.Run("wire", func(b *testing.B) {
		c := &wire.Client{Dial: dial}
		defer c.CloseIdleConnections()
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := c.Send(context.Background(), &wire.Request{Method: "POST", URL: u, Body: body, Deadline: time.Now().Add(time.Minute)}); err != nil {
					b.Error(err)
				}
			}
		})
	})
	b.Run("net-http", func(b *testing.B) {
		rt := &http.Transport{MaxIdleConnsPerHost: 64}
		defer rt.CloseIdleConnections()
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				req, _ := http.NewRequestWithContext(context.Background(), http.MethodPost, srv.URL, bytes.NewReader(body))
				resp, err := rt.RoundTrip(req)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	})
}

// What may not be sent any more is not, though a connection is there.
func TestMay(t *testing.T) {
	t.Parallel()
	hits := 0
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits++ }))
	defer srv.Close()
	c, may := client(t), true
	for _, may = range []bool{true, false, true} {
		req := post(t, srv.URL, "x")
		req.May = func() bool { return may }
		if _, err := c.Send(t.Context(), req); (err == nil) != may || !may && !errors.Is(err, wire.ErrNotSent) {
			t.Errorf("may be sent: %t; %v", may, err)
		}
	}
	if hits != 2 {
		t.Errorf("%d requests", hits)
	}
}
