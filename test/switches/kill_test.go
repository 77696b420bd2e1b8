// Package switches_test tries the real binary with real phone systems, as an operator
// would have them. It needs what package asterisktest needs, and runs with it.
package switches_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/source/asterisk/asterisktest"
)

// server is a switchhook that runs, as a process of its own.
type server struct {
	t       *testing.T
	url     string
	process *exec.Cmd
	log     log
}

// log is what it says on stderr.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

const key = "a-key-for-the-tests"

// build builds the program.
func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "switchhook")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../../cmd/switchhook").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// serve starts the program on a directory with a configuration file.
func serve(t *testing.T, bin, dir string, more ...string) *server {
	t.Helper()
	s := &server{t: t}
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--data", filepath.Join(dir, "data"), "--config", filepath.Join(dir, "switchhook.yaml")}, more...)
	s.process = exec.CommandContext(context.Background(), bin, args...)
	s.process.Env = append(os.Environ(), "SWITCHHOOK_ADMIN_KEY="+key, "PBX_SECRET="+asterisktest.Secret)
	s.process.Stderr = &s.log
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	ready := regexp.MustCompile(`msg=ready url=(\S+)`)
	look, end := time.NewTicker(10*time.Millisecond), time.After(30*time.Second)
	defer look.Stop()
	for {
		if found := ready.FindStringSubmatch(s.log.String()); found != nil {
			s.url = found[1]
			return s
		}
		select {
		case <-look.C:
		case <-end:
			t.Fatalf("it does not start: %s", s.log.String())
		}
	}
}

func (s *server) kill() {
	if s.process.ProcessState == nil {
		_ = s.process.Process.Kill()
		_ = s.process.Wait() // how it ends is known
	}
}

// get is an answer of the API, nil while there is none.
func (s *server) get(path string) map[string]any {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil // it starts
	}
	defer resp.Body.Close()
	var answer map[string]any
	if json.NewDecoder(resp.Body).Decode(&answer) != nil || resp.StatusCode != http.StatusOK {
		return nil
	}
	return answer
}

// until waits until an answer says what is wanted of it.
func (s *server) until(path string, wanted func(map[string]any) bool) {
	s.t.Helper()
	look, end := time.NewTicker(10*time.Millisecond), time.Now().Add(30*time.Second)
	defer look.Stop()
	for range look.C {
		got := s.get(path)
		if got != nil && wanted(got) {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("%s: %v\n%s", path, got, s.log.String())
		}
	}
}

func items(answer map[string]any) []map[string]any {
	var list []map[string]any
	of, _ := answer["items"].([]any)
	for _, item := range of {
		m, _ := item.(map[string]any)
		list = append(list, m)
	}
	return list
}

// Killed in the middle of calls, some of which end meanwhile, and some later: each has one
// beginning and one end, and what was missed is said.
func TestKilledInTheMiddleOfCalls(t *testing.T) {
	t.Parallel()
	pbx := asterisktest.Start(t, asterisktest.Options{Version: asterisktest.V22})
	bin, dir := build(t), t.TempDir()
	config := "sources:\n- id: pbx\n  kind: asterisk\n  options:\n    address: " + pbx.AMI + "\n    username: " + asterisktest.User + "\n    secret: ${PBX_SECRET}\n"
	if err := os.WriteFile(filepath.Join(dir, "switchhook.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	connected := func(s map[string]any) bool { return s["state"] == "connected" }
	atLeast := func(n int) func(map[string]any) bool {
		return func(answer map[string]any) bool { return len(items(answer)) >= n }
	}
	caller := pbx.Phone(t, "106")
	caller.Register(t)
	rounds := []string{"101", "102", "103", "104"}
	for i, number := range rounds {
		s := serve(t, bin, dir)
		s.until("/v1/sources/pbx", connected)
		callee := pbx.Phone(t, number)
		callee.Register(t)
		callee.Expect(t, asterisktest.Ring(100*time.Millisecond), asterisktest.Answer(), asterisktest.Talk(15*time.Second))
		caller.Call(t, number, asterisktest.Answered(), asterisktest.Talk(15*time.Second))
		s.until("/v1/events?type=call.bridged", atLeast(i+1))
		s.kill()
		if i%2 == 0 {
			pbx.Command(t, "channel request hangup all")
		}
	}
	s := serve(t, bin, dir)
	s.until("/v1/sources/pbx", connected)
	pbx.Command(t, "channel request hangup all")
	s.until("/v1/events?type=call.hungup", atLeast(len(rounds)))
	s.until("/v1/events?type=source.gap", atLeast(len(rounds)))
	begun, ids := map[string]int{}, map[string]bool{}
	all := items(s.get("/v1/events?limit=500"))
	for _, ev := range all {
		ids[fmt.Sprint(ev["id"])] = true
		data, _ := ev["data"].(map[string]any)
		call, _ := data["call"].(map[string]any)
		if typ := fmt.Sprint(ev["type"]); typ == "call.created" || typ == "call.hungup" {
			begun[fmt.Sprint(typ, " ", call["id"])]++
		}
	}
	if len(ids) != len(all) || len(begun) != 2*len(rounds) {
		t.Errorf("%d events have %d ids; %v", len(all), len(ids), begun)
	}
	for what, n := range begun {
		if n != 1 {
			t.Errorf("%s came %d times", what, n)
		}
	}
	if text := s.log.String(); strings.Contains(text, "level=ERROR") {
		t.Error(text)
	}
}
