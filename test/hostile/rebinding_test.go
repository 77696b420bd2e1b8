//go:build linux

package hostile

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// inside says that a process lives in a network of its own.
const inside = "HOSTILE_TEST_INSIDE"

// Names are resolved by a DNS server that lies, in a network of its own: 8.8.8.8 is a
// receiver there, and 127.0.0.1, ::1 and 169.254.169.254 are what nobody is to reach.
func TestRebinding(t *testing.T) {
	t.Parallel()
	if os.Getenv(inside) == "" {
		bin, err := binary()
		if err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), "unshare", "-r", "-m", "-n", "ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
			t.Skipf("a network of its own needs unshare and ip, and the right to: %v %s", err, out)
		}
		self := exec.CommandContext(t.Context(), "unshare", "-r", "-m", "-n", os.Args[0], "-test.run", "^TestRebinding$", "-test.v")
		self.Env = append(os.Environ(), inside+"="+bin)
		if out, err := self.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestRebinding") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	resolv := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(resolv, []byte("nameserver 127.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount(resolv, "/etc/resolv.conf", "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	for _, words := range [][]string{{"link", "set", "lo", "up"}, {"addr", "add", "8.8.8.8/32", "dev", "lo"}, {"addr", "add", "169.254.169.254/32", "dev", "lo"}} {
		if out, err := exec.CommandContext(t.Context(), "ip", words...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v %s", words, err, out)
		}
	}
	startDNS(t)
	var outside, within atomic.Int64
	_, port, _ := net.SplitHostPort(listen(t, "8.8.8.8:0", &outside))
	for _, address := range []string{"127.0.0.1", "::1", "169.254.169.254"} {
		listen(t, net.JoinHostPort(address, port), &within)
	}
	// Here, nobody listens outside: who falls back on a name's next address gets in.
	_, closed, _ := net.SplitHostPort(listen(t, "127.0.0.1:0", &within))

	for name, flags := range map[string][]string{"directly": nil, "through a proxy": {"--proxy", "http://" + proxy(t)}} {
		s := serve(t, flags...)
		acme := s.customer("acme")
		for _, row := range []struct {
			host     string
			times    int
			somewhat bool // now and then it leads outside
		}{
			{"flips.test:" + port, 12, true},
			{"later.test:" + port, 4, true},
			{"both.test:" + port, 4, true},
			{"both.test:" + closed, 2, false},
			{"metadata.test:" + port, 2, false},
			{"six.test:" + port, 2, false},
			{"mapped.test:" + port, 2, false},
			{"alias.test:" + port, 2, false},
			{"ALIAS.test.:" + port, 2, false},
		} {
			for _, hook := range []map[string]any{
				{"url": "http://" + row.host + "/"},
				{"url": "http://8.8.8.8:" + port + "/", "auth": map[string]any{"type": "oauth2", "token_url": "http://" + row.host + "/", "client_id": "a", "client_secret": "b"}},
			} {
				hook["events"], hook["retry"] = []string{"custom.*"}, map[string]any{"policy": "none"}
				id := acme.must(http.StatusCreated, "POST", "/v1/webhooks", object(hook)).get("id")
				arrived := 0
				for range row.times {
					a := acme.must(http.StatusOK, "POST", "/v1/webhooks/"+id+"/test", `{"type":"custom.x"}`)
					if a.get("outcome") == "success" {
						arrived++
					} else if why := a.get("error"); strings.Contains(why, "127.0.0.1") || strings.Contains(why, "169.254") || strings.Contains(why, "::1") {
						t.Errorf("%s: %s is told what its name stands for: %s", name, row.host, why)
					}
				}
				if hook["auth"] == nil && (arrived > 0) != row.somewhat {
					t.Errorf("%s: of %d requests to %s %d arrived", name, row.times, row.host, arrived)
				}
			}
		}
	}
	if outside.Load() == 0 || within.Load() > 0 {
		t.Errorf("the receiver got %d requests, and %d got in", outside.Load(), within.Load())
	}
}

// listen counts requests at an address, each with a connection of its own.
func listen(t *testing.T, address string, n *atomic.Int64) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n.Add(1)
		w.Header().Set("Connection", "close")
	}))
	_ = srv.Listener.Close()
	srv.Listener = l
	srv.Start()
	t.Cleanup(srv.Close)
	return l.Addr().String()
}

// startDNS starts the DNS server.
func startDNS(t *testing.T) {
	t.Helper()
	pc, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:53")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	public, loopback := [4]byte{8, 8, 8, 8}, [4]byte{127, 0, 0, 1}
	asked := map[string]int{}
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(b)
			if err != nil {
				return // closed
			}
			var q dnsmessage.Message
			if q.Unpack(b[:n]) != nil || len(q.Questions) != 1 {
				continue
			}
			ask := q.Questions[0]
			a := func(addr [4]byte) dnsmessage.ResourceBody { return &dnsmessage.AResource{A: addr} }
			var answers []dnsmessage.ResourceBody
			name := strings.ToLower(ask.Name.String())
			switch ask.Type { //nolint:exhaustive // there is nothing else
			case dnsmessage.TypeA:
				asked[name]++
				answers = map[string][]dnsmessage.ResourceBody{
					"flips.test.":    {a([][4]byte{public, loopback}[asked[name]%2])},
					"later.test.":    {a(public)},
					"both.test.":     {a(public), a(loopback)},
					"metadata.test.": {a([4]byte{169, 254, 169, 254})},
				}[name]
				if name == "later.test." && asked[name]%4 != 1 {
					answers = []dnsmessage.ResourceBody{a(loopback)}
				}
			case dnsmessage.TypeAAAA:
				for _, addr := range map[string][]string{"six.test.": {"::1", "64:ff9b::7f00:1"}, "mapped.test.": {"::ffff:127.0.0.1"}}[name] {
					answers = append(answers, &dnsmessage.AAAAResource{AAAA: [16]byte(net.ParseIP(addr).To16())})
				}
			}
			r := dnsmessage.Message{Header: dnsmessage.Header{ID: q.ID, Response: true, Authoritative: true, RecursionAvailable: true}, Questions: q.Questions}
			head := dnsmessage.ResourceHeader{Name: ask.Name, Class: dnsmessage.ClassINET}
			if name == "alias.test." {
				to := dnsmessage.MustNewName("metadata.test.")
				r.Answers = append(r.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.CNAMEResource{CNAME: to}})
				if head.Name = to; ask.Type == dnsmessage.TypeA {
					answers = []dnsmessage.ResourceBody{a([4]byte{169, 254, 169, 254})}
				}
			}
			for _, body := range answers {
				r.Answers = append(r.Answers, dnsmessage.Resource{Header: head, Body: body})
			}
			if packed, err := r.Pack(); err == nil {
				_, _ = pc.WriteTo(packed, from) // or it is asked again
			}
		}
	}()
}
