// Package crash_test kills the real server, again and again, and counts what it
// acknowledged against what arrived.
package crash_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	kills    = 20
	webhooks = 10
	keys     = 24
	inFlight = 100 // deliveries under way at least, at each kill
	adminKey = "crash-test-admin-key"
	patience = 60 * time.Second // for anything; nothing waits so long unless it is broken
)

// server is the real binary, started and killed.
type server struct {
	t         *testing.T
	bin, data string
	address   string
	cmd       *exec.Cmd
	exited    chan struct{}
}

func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "switchhook")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../../cmd/switchhook")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

// start runs the server and returns when it says that it is ready.
func (s *server) start() {
	s.t.Helper()
	s.cmd = exec.Command(s.bin, "serve", "--data", s.data, "--listen", s.address, "--allow-network", "127.0.0.0/8", "--log-level", "info")
	s.cmd.Env = append(os.Environ(), "SWITCHHOOK_ADMIN_KEY="+adminKey)
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ready := make(chan string, 1)
	s.exited = make(chan struct{})
	var log strings.Builder
	go func() {
		defer close(s.exited)
		url := regexp.MustCompile(`msg=ready url=http://(\S+)`)
		for sc := bufio.NewScanner(stderr); sc.Scan(); {
			if m := url.FindStringSubmatch(sc.Text()); m != nil {
				ready <- m[1]
			}
			if !strings.Contains(sc.Text(), "delivery attempted") && log.Len() < 4096 {
				log.WriteString(sc.Text() + "\n")
			}
		}
	}()
	select {
	case address := <-ready:
		if strings.HasSuffix(s.address, ":0") {
			s.address = address // and the same after each restart
		}
	case <-s.exited:
		s.t.Fatalf("the server ended:\n%s", log.String())
	case <-time.After(patience):
		s.kill()
		s.t.Fatalf("the server was not ready:\n%s", log.String())
	}
}

func (s *server) kill() {
	_ = s.cmd.Process.Kill() // SIGKILL
	<-s.exited
	_ = s.cmd.Wait()
}

func (s *server) post(path string, body any) (status int, answer []byte, err error) {
	b, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.address+path, bytes.NewReader(b))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+adminKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// receiver remembers what comes, and keeps some requests waiting so that there
// is something under way when the server dies.
type receiver struct {
	mu      sync.Mutex
	changed *sync.Cond
	held    int
	gate    chan struct{} // closed to let go of the held ones
	holding bool
	ids     map[string]string           // webhook and event → delivery id
	order   map[string][]int64          // webhook and key → sequences by first arrival
	seen    map[string]map[string]int64 // webhook → event → how often
	faults  []string
}

func newReceiver() *receiver {
	r := &receiver{gate: make(chan struct{}), ids: map[string]string{}, order: map[string][]int64{}, seen: map[string]map[string]int64{}}
	r.changed = sync.NewCond(&r.mu)
	return r
}

func (r *receiver) ServeHTTP(_ http.ResponseWriter, req *http.Request) {
	var ev struct {
		ID       string `json:"id"`
		Key      string `json:"key"`
		Sequence int64  `json:"sequence"`
	}
	err := json.NewDecoder(req.Body).Decode(&ev)
	r.mu.Lock()
	if err != nil {
		r.faults = append(r.faults, err.Error())
	}
	hook, id := req.URL.Path, req.Header.Get("webhook-id")
	if old := r.ids[hook+ev.ID]; old != "" && old != id {
		r.faults = append(r.faults, fmt.Sprintf("event %s came to %s under two ids, %s and %s", ev.ID, hook, old, id))
	}
	r.ids[hook+ev.ID] = id
	if r.seen[hook] == nil {
		r.seen[hook] = map[string]int64{}
	}
	if r.seen[hook][ev.ID]++; r.seen[hook][ev.ID] == 1 {
		r.order[hook+" "+ev.Key] = append(r.order[hook+" "+ev.Key], ev.Sequence)
	}
	gate := r.gate
	hold := r.holding && rand.IntN(4) == 0
	if hold {
		r.held++
	}
	r.changed.Broadcast()
	r.mu.Unlock()
	if hold {
		<-gate
	}
}

// release lets go of all that is held; holding says whether more is to be held.
func (r *receiver) release(holding bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.gate)
	r.gate, r.held, r.holding = make(chan struct{}), 0, holding
}

// poster posts the events of some keys, each until it is acknowledged.
type poster struct {
	s     *server
	up    *sync.Cond // on the test's lock: the server runs again
	epoch *int
	done  *bool
	acked *[]string
}

func (p *poster) run(key int) {
	for n := 0; ; n++ {
		id := fmt.Sprintf("k%d-%d", key, n)
		for {
			p.up.L.Lock()
			epoch, done := *p.epoch, *p.done
			p.up.L.Unlock()
			if done {
				return
			}
			status, answer, err := p.s.post("/v1/events", map[string]any{
				"id": id, "type": "call.updated", "data": map[string]any{"call": map[string]any{"id": "call-" + strconv.Itoa(key), "dialed": strconv.Itoa(n)}},
			})
			p.up.L.Lock()
			if err == nil && status == http.StatusAccepted {
				*p.acked = append(*p.acked, id)
				p.up.Broadcast()
				p.up.L.Unlock()
				break
			}
			if err == nil && status < 500 {
				panic(fmt.Sprintf("%s: %d %s", id, status, answer))
			}
			for *p.epoch == epoch && !*p.done {
				p.up.Wait()
			}
			p.up.L.Unlock()
		}
	}
}

func TestKill(t *testing.T) {
	t.Parallel()
	s := &server{t: t, bin: build(t), data: t.TempDir(), address: "127.0.0.1:0"}
	r := newReceiver()
	srv := httptest.NewServer(r)
	defer srv.Close()
	s.start()
	defer func() { s.kill() }()
	for i := range webhooks {
		status, answer, err := s.post("/v1/webhooks", map[string]any{"url": srv.URL + "/" + strconv.Itoa(i), "events": []string{"*"}, "max_concurrency": 32})
		if err != nil || status != http.StatusCreated {
			t.Fatalf("create a webhook: %d %s %v", status, answer, err)
		}
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var acked []string
	epoch, done := 0, false
	up := sync.NewCond(&mu)
	for key := range keys {
		wg.Go(func() { (&poster{s, up, &epoch, &done, &acked}).run(key) })
	}
	r.release(true)
	for range kills {
		r.until(t, func() bool { return r.held >= inFlight })
		mu.Lock()
		for more := len(acked) + rand.IntN(20); len(acked) < more; {
			up.Wait() // a moment that nobody chose
		}
		mu.Unlock()
		s.kill()
		r.release(true)
		s.start()
		mu.Lock()
		epoch++
		up.Broadcast()
		mu.Unlock()
	}
	mu.Lock()
	done = true
	up.Broadcast()
	mu.Unlock()
	r.release(false)
	wg.Wait()
	r.until(t, func() bool {
		for i := range webhooks {
			seen := r.seen["/"+strconv.Itoa(i)]
			for _, id := range acked {
				if seen[id] == 0 {
					return false
				}
			}
		}
		return true
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.faults {
		t.Error(f)
	}
	repeats := int64(0)
	for _, seen := range r.seen {
		for _, n := range seen {
			repeats += n - 1
		}
	}
	for lane, sequences := range r.order {
		for i := 1; i < len(sequences); i++ {
			if sequences[i] < sequences[i-1] {
				t.Fatalf("%s: sequence %d came after %d", lane, sequences[i], sequences[i-1])
			}
		}
	}
	t.Logf("%d kills, %d events acknowledged, %d deliveries, %d repeats", kills, len(acked), len(acked)*webhooks, repeats)
}

// until waits until something holds that changes when a request comes.
func (r *receiver) until(t *testing.T, holds func() bool) {
	t.Helper()
	late := false
	timer := time.AfterFunc(patience, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		late = true
		r.changed.Broadcast()
	})
	defer timer.Stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for !holds() {
		if late {
			t.Fatalf("what was acknowledged did not arrive within %s (%d held)", patience, r.held)
		}
		r.changed.Wait()
	}
}
