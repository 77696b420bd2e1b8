// Package hostile attacks the product as it is run: the real binary on loopback, by HTTP
// and by bare connections. Each row of its tables is one attack, with what must hold; what
// once got through has a row. The attackers are a stranger without a key, a customer with
// the best key that customers have, a receiver, a phone system, and what an operator got
// wrong.
//
// What must hold for every attack is checked at the end of each server's life, whatever the
// row asked: it still answers, nothing panicked, and no answer was a 500.
package hostile

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	operatorKey = "hostile-test-operator-key"
	// patience bounds every wait. Nothing takes so long unless it is broken.
	patience = 30 * time.Second
)

// binary is the product, built once.
var binary = sync.OnceValues(func() (string, error) {
	if bin := os.Getenv("HOSTILE_TEST_INSIDE"); bin != "" { // see TestRebinding
		return bin, nil
	}
	dir, err := os.MkdirTemp("", "switchhook-hostile-")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "switchhook")
	cmd := exec.Command("go", "build", "-o", bin, "github.com/switchhook/switchhook/cmd/switchhook")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return bin, nil
})

func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue { // most of it is waiting
		if err := f.Value.Set("8"); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	if bin, _ := binary(); bin != "" && os.Getenv("HOSTILE_TEST_INSIDE") == "" {
		_ = os.RemoveAll(filepath.Dir(bin))
	}
	os.Exit(code)
}

// A server is a running Switchhook.
type server struct {
	t       testing.TB
	data    string // its directory
	url     string
	address string
	cmd     *exec.Cmd
	exited  chan struct{}
	log     *lines
	panicky bool // the test expects answers of 500
	env     []string
	flags   []string
}

// lines is all that a program says, in one.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// serve starts a server for the test, with what the flags say: those of two words are
// variables of the environment (NAME=value).
func serve(tb testing.TB, words ...string) *server {
	tb.Helper()
	s := &server{t: tb, data: filepath.Join(tb.TempDir(), "data"), log: &lines{}}
	for _, w := range words {
		if strings.HasPrefix(w, "SWITCHHOOK_") {
			s.env = append(s.env, w)
		} else {
			s.flags = append(s.flags, w)
		}
	}
	tb.Cleanup(s.stop)
	s.start()
	return s
}

func (s *server) start() {
	s.t.Helper()
	bin, err := binary()
	if err != nil {
		s.t.Fatal(err)
	}
	listen := "127.0.0.1:0"
	if slices.Contains(s.flags, "--public-url") { // then it does not say where it listens
		listen = free(s.t)
	}
	s.cmd = exec.Command(bin, append([]string{"serve", "--listen", listen, "--data", s.data, "--log-level", "debug"}, s.flags...)...)
	s.cmd.Env = append(os.Environ(), append([]string{"SWITCHHOOK_ADMIN_KEY=" + operatorKey}, s.env...)...)
	out, err := s.cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd.Stdout = s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.exited = make(chan struct{})
	ready := make(chan string, 1)
	go func() {
		defer close(s.exited)
		said := regexp.MustCompile(`(?:msg=ready url=|"msg":"ready","url":")([^\s"]+)`)
		in := bufio.NewReader(out)
		for {
			line, err := in.ReadString('\n')
			_, _ = io.WriteString(s.log, line)
			if m := said.FindStringSubmatch(line); m != nil {
				ready <- m[1]
			}
			if err != nil {
				_ = s.cmd.Wait() // it was told to end, or the test fails as it no longer answers
				return
			}
		}
	}()
	select {
	case s.url = <-ready:
		if listen != "127.0.0.1:0" {
			s.url = "http://" + listen
		}
		s.address = s.url[strings.LastIndex(s.url, "/")+1:]
	case <-s.exited:
		s.t.Fatalf("the server ended instead of becoming ready:\n%s", s.log)
	case <-time.After(patience):
		s.t.Fatalf("the server is not ready:\n%s", s.log)
	}
}

// free is an address where nobody listens at the moment.
func free(tb testing.TB) string {
	tb.Helper()
	l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// stop ends the server in order, and looks at what it has to say for itself.
func (s *server) stop() {
	s.t.Helper()
	if s.exited == nil || s.url == "" { // it never was ready
		if s.cmd != nil && s.cmd.Process != nil {
			_ = s.cmd.Process.Kill() // or it has ended
		}
		return
	}
	if answer, err := http.Get(s.url + "/readyz"); err != nil {
		s.t.Errorf("after all that the server does not answer: %v", err)
	} else {
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			s.t.Errorf("after all that the server is not ready: %s", answer.Status)
		}
	}
	s.terminate()
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, "panic") || !s.panicky && strings.Contains(line, "status=500") {
			s.t.Errorf("the server's log says %s", line)
		}
	}
}

// terminate ends the server in order.
func (s *server) terminate() {
	s.t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // or it has ended, which exited says
	select {
	case <-s.exited:
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		s.t.Errorf("the server does not end:\n%s", s.log)
	}
}

// rss is how much memory the server has, in bytes; 0 where that is not to be known.
func (s *server) rss() int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(status), &size, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}

// An answer is one of the API's.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) String() string { return fmt.Sprintf("%d %.600s", a.status, a.body) }

// get finds a member of a JSON answer, such as attempt.response or items.0.id; "" where
// there is none.
func (a answer) get(path string) string {
	var v any
	if json.Unmarshal([]byte(a.body), &v) != nil {
		return ""
	}
	for name := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[name]
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(in) {
				return ""
			}
			v = in[i]
		default:
			return ""
		}
	}
	if text, ok := v.(string); ok {
		return text
	}
	raw, err := json.Marshal(v)
	if v == nil || err != nil {
		return ""
	}
	return string(raw)
}

// client follows nothing: a redirect is an answer like any other.
var client = &http.Client{
	Transport:     &http.Transport{MaxIdleConnsPerHost: 32},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Timeout:       patience,
}

// As is a party: who asks, by its key. "" is a stranger.
type as struct {
	s   *server
	key string
}

func (s *server) as(key string) as { return as{s, key} }

func (s *server) operator() as { return s.as(operatorKey) }

// do asks. body is JSON unless a header says otherwise; headers are NAME: VALUE.
func (who as) do(method, path, body string, headers ...string) answer {
	who.s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, who.s.url+path, strings.NewReader(body))
	if err != nil {
		who.s.t.Fatal(err)
	}
	if who.key != "" {
		req.Header.Set("Authorization", "Bearer "+who.key)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		who.s.t.Errorf("%s %.200s: %v", method, path, err)
		return answer{header: http.Header{}}
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		who.s.t.Errorf("%s %.200s: %v", method, path, err)
	}
	if resp.StatusCode == http.StatusInternalServerError && !who.s.panicky {
		who.s.t.Errorf("%s %.200s is answered %d %.600s", method, path, resp.StatusCode, raw)
	}
	return answer{resp.StatusCode, resp.Header, string(raw)}
}

// must asks, and wants the answer to have a status.
func (who as) must(status int, method, path, body string, headers ...string) answer {
	who.s.t.Helper()
	a := who.do(method, path, body, headers...)
	if a.status != status {
		who.s.t.Errorf("%s %s %.300s: %v, expected %d", method, path, body, a, status)
	}
	return a
}

// customer makes an account below the operator's, and an admin's key of it.
func (s *server) customer(id string) as {
	s.t.Helper()
	s.operator().must(http.StatusCreated, "POST", "/v1/accounts", `{"id":"`+id+`"}`)
	return s.as(s.operator().must(http.StatusCreated, "POST", "/v1/api-keys", `{"name":"`+id+`","account_id":"`+id+`","role":"admin"}`).get("key"))
}

// raw sends bytes as they are over a connection of its own, and returns all that comes
// back until the server closes it, or is silent for a while.
func (s *server) raw(bytes string) string {
	s.t.Helper()
	var d net.Dialer
	nc, err := d.DialContext(s.t.Context(), "tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	defer nc.Close()
	_, _ = io.WriteString(nc, bytes)
	var got strings.Builder
	b := make([]byte, 64<<10)
	for {
		_ = nc.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		n, err := nc.Read(b)
		got.Write(b[:n])
		if err != nil {
			return got.String()
		}
	}
}

// object writes JSON.
func object(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// read reads a JSON answer.
func read(tb testing.TB, a answer, into any) {
	tb.Helper()
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		tb.Errorf("%v is no such JSON: %v", a, err)
	}
}

// await waits until something holds.
func await(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	for tick, end := time.NewTicker(20*time.Millisecond), time.After(patience); !holds(); {
		select {
		case <-tick.C:
		case <-end:
			tb.Fatalf("waited for %s in vain", what)
		}
	}
}
