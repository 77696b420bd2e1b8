package hostile

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// private are ways to write addresses that are nobody's but the operator's.
var private = []string{
	"127.0.0.1", "127.1", "127.0.1", "0177.0.0.1", "0177.1", "00177.0.0.1", "0x7f.0.0.1", "0x7f.1", "0x7f000001", "0X7F.0.0.1", "2130706433", "017700000001", "0x7F000001", "127.0.0.1.",
	"127.0.0.01", "127.000.000.001", "0", "0.0.0.0", "000.000.000.000", "127.255.255.254", "127.0.0.1%2e", "%31%32%37.0.0.1", "127%2e0%2e0%2e1",
	"localhost", "LOCALHOST", "LocalHost.", "localhost..", "a.localhost", "a.LOCALHOST.", "loc%61lhost",
	"[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::127.0.0.1]", "[::7f00:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::FFFF:7F00:0001]", "[0:0:0:0:0:ffff:127.0.0.1]",
	"[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::127.0.0.1]", "[64:ff9b:1::8.8.8.8]", "[2002:7f00:1::]", "[2002:7f00:0001::1]", "[2002:a00:1::]",
	"[2001:0:7f00:1::]", "[2001:0:808:808:0:0:80ff:fffe]", "[2001:db8::5efe:127.0.0.1]", "[2a00:1450::200:5efe:10.0.0.1]", "[::1%25lo]", "[::1%25eth0]", "[fe80::1%25lo]", "[fe80::1]", "[febf::1]", "[fec0::1]",
	"[fc00::1]", "[fd12:3456::1]", "[fd00:ec2::254]", "[fd20:ce::254]", "[ff02::1]", "[2001:db8::1]", "[100::1]", "[3fff::1]", "[5f00::1]", "[2001:2::1]", "[2001:10::1]",
	"10.0.0.1", "10.1", "012.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.257", "0xc0.0xa8.0.1", "3232235521", "169.254.169.254", "169.254.0.1", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376",
	"[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]", "[::a9fe:a9fe]", "169.254.170.2", "168.63.129.16", "100.100.100.200", "100.64.0.1", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1",
	"203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "0.1.2.3", "192.88.99.1",
	"①②⑦.⓪.⓪.①", "127。0。0。1", "１２７.0.0.1", "loca𝚕host", "ⓛocalhost", "[：：1]", "127.0.0.1\t", "127.0.0.1 ", " 127.0.0.1", "127.0.0.1\\@8.8.8.8", "127.0.0.1#@8.8.8.8",
}

// What is no place for a webhook to be, in any other way.
var noURLs = []string{
	"", "/", "//127.0.0.1/", "http://", "http:///a", "http:127.0.0.1", "https:/127.0.0.1", "127.0.0.1", "http://:80/", "http://@/", "http://[::1", "http://[]/", "http://[1.2.3.4]/",
	"file:///etc/passwd", "gopher://127.0.0.1:25/_", "ftp://8.8.8.8/", "dict://8.8.8.8/", "ldap://8.8.8.8/", "data:text/plain,x", "javascript:alert(1)", "unix:///var/run/docker.sock", "http+unix://%2Fvar%2Frun/", "ws://8.8.8.8/", "HTTP+TLS://8.8.8.8",
	"http://user:password@8.8.8.8/", "http://8.8.8.8@127.0.0.1/", "http://127.0.0.1@8.8.8.8/", "http://@8.8.8.8/", "http://8.8.8.8:@127.0.0.1/", "http://8.8.8.8%40127.0.0.1/",
	"http://8.8.8.8:0/", "http://8.8.8.8:65536/", "http://8.8.8.8:-1/", "http://8.8.8.8:+80/", "http://8.8.8.8:8o/", "http://8.8.8.8:80:80/", "http://8.8.8.8:99999999999999999999/",
	"http://8.8.8.8/\r\nX-A: b", "http://8.8.8.8/\nX-A: b", "http://8.8.8.8/\x00", "http://8.8.8.8\r\n/", "http://8.8.8.8/ HTTP/1.1\r\nHost: x\r\n\r\n", "http://8.8.8.8/#a", "http://8.8.8.8/%zz", "http://8.8.8.8\\.example.com/",
	"http://exa mple.com/", "http://exämple.com/", "http://\u202eexample.com/", "http://\ufeffexample.com/", "http://" + strings.Repeat("a", 254) + ".com/", "http://8.8.8.8/" + strings.Repeat("a", 2048),
}

// Nothing private can be set up: not as a webhook's URL, nor as where its tokens come from,
// nor by a change, nor by a call flow.
func TestReach(t *testing.T) {
	t.Parallel()
	s := serve(t)
	acme := s.customer("acme")
	urls := append([]string{}, noURLs...)
	for _, host := range private {
		urls = append(urls, "http://"+host+"/", "https://"+host+":8443/a?b=c")
	}
	good := acme.must(http.StatusCreated, "POST", "/v1/webhooks", `{"url":"https://8.8.8.8/","events":["call.*"]}`).get("id")
	for name, body := range map[string]func(url string) (method, path, body string){
		"a webhook": func(url string) (string, string, string) {
			return "POST", "/v1/webhooks", object(map[string]any{"url": url, "events": []string{"call.*"}})
		},
		"its token's": func(url string) (string, string, string) {
			return "POST", "/v1/webhooks", object(map[string]any{
				"url": "https://8.8.8.8/", "events": []string{"call.*"}, "auth": map[string]any{"type": "oauth2", "token_url": url, "client_id": "a", "client_secret": "b"},
			})
		},
		"a change": func(url string) (string, string, string) {
			return "PATCH", "/v1/webhooks/" + good, object(map[string]any{"url": url})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, url := range urls {
				if a := acme.do(body(url)); a.status != http.StatusUnprocessableEntity {
					t.Errorf("%.100q is answered %v", url, a)
				}
			}
		})
	}
	t.Run("what only the operator may", func(t *testing.T) {
		t.Parallel()
		for _, row := range [][3]string{
			{"PATCH", "/v1/accounts/acme", `{"allow_networks":["127.0.0.0/8"]}`},
			{"PATCH", "/v1/accounts/acme", `{"show_private_answers":true}`},
			{"POST", "/v1/accounts", `{"id":"below","allow_networks":["0.0.0.0/0"]}`},
			{"POST", "/v1/sources", `{"kind":"asterisk","options":{"host":"169.254.169.254","user":"a","secret":"b"}}`},
			{"POST", "/v1/sources", `{"kind":"asterisk","options":{"ari":{"url":"http://127.0.0.1:80","user":"a","password":"b"}}}`},
			{"PATCH", "/v1/accounts/acme", `{"parent_id":""}`},
			{"PATCH", "/v1/accounts/acme", `{"limits":{"events_per_second":1000000}}`},
		} {
			if a := acme.do(row[0], row[1], row[2]); a.status != http.StatusForbidden && a.status != http.StatusUnprocessableEntity {
				t.Errorf("a customer's key may %s: %v", row[2], a)
			}
		}
	})
}

// A target is something inside that nobody from outside is to reach.
func target(t *testing.T) (host, port string, reached *atomic.Int64) {
	t.Helper()
	reached = &atomic.Int64{}
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(srv.Close)
	host, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return host, port, reached
}

// What cannot be refused when it is set up, for it is a name, is refused when it is dialled.
func TestDialling(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{"directly": nil, "through a proxy": {"--proxy", "http://" + proxy(t)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, flags...)
			acme := s.customer("acme")
			acme.must(http.StatusOK, "PATCH", "/v1/accounts/acme", `{"flow_webhooks":true}`)
			_, port, reached := target(t)
			hosts := []string{"localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.1", "0177.0.0.1", "[64:ff9b::7f00:1]", "LOCALHOST.", "%6c%6fcalhost", "①②⑦.0.0.1", "0"}
			for _, host := range hosts {
				url := "http://" + host + ":" + port + "/"
				acme.must(http.StatusAccepted, "POST", "/v1/events", object(map[string]any{"type": "flow.webhook", "data": map[string]any{"hook": map[string]any{"uri": url, "http_verb": "get", "retries": 1}}}))
			}
			var attempts []map[string]any
			await(t, "an attempt of each flow", func() bool {
				attempts = all(acme, "/v1/attempts")
				return len(attempts) >= len(hosts)
			})
			for _, at := range attempts {
				if why, _ := at["error"].(string); at["outcome"] != "failure" || strings.Contains(why, "refused") {
					t.Errorf("an attempt got through: %v", at)
				}
			}
			if n := reached.Load(); n > 0 {
				t.Errorf("what is inside was reached %d times", n)
			}
		})
	}
}

// proxy is a forward proxy that goes wherever it is told to (CONNECT).
func proxy(t *testing.T) (address string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "only CONNECT", http.StatusMethodNotAllowed)
			return
		}
		if _, err := netip.ParseAddrPort(r.RequestURI); err != nil {
			t.Errorf("the proxy is asked for %q, which it would look up itself", r.RequestURI)
		}
		to, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", r.RequestURI)
		if err != nil {
			http.Error(w, "", http.StatusBadGateway)
			return
		}
		defer to.Close()
		from, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer from.Close()
		_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
		go io.Copy(to, from)     // until either ends
		_, _ = io.Copy(from, to) // until either ends
	}))
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

// Where a receiver leads us, we do not go.
func TestRedirects(t *testing.T) {
	t.Parallel()
	host, port, reached := target(t)
	inside := "http://" + net.JoinHostPort(host, port)
	statuses := []int{300, 301, 302, 303, 305, 307, 308, 399}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(r.URL.Query().Get("status"))
		w.Header().Set("Location", inside+"/")
		w.Header().Set("Refresh", "0; url="+inside)
		w.Header().Set("Alt-Svc", `http/1.1="`+host+":"+port+`"`)
		w.Header().Set("WWW-Authenticate", `Basic realm="give it to me"`)
		w.WriteHeader(status)
	}))
	t.Cleanup(srv.Close)
	// Only the receiver's own network is allowed; that is all of loopback here, so that
	// whoever follows gets through.
	s := serve(t, "--allow-network", "127.0.0.0/8")
	acme := s.customer("acme")
	for _, status := range append(statuses, 401, 407, 421) {
		url := srv.URL + "/?status=" + strconv.Itoa(status)
		for _, hook := range []map[string]any{
			{"url": url},
			{"url": srv.URL + "/?status=200", "auth": map[string]any{"type": "oauth2", "token_url": url, "client_id": "a", "client_secret": "b"}},
		} {
			hook["events"], hook["retry"] = []string{"custom.*"}, map[string]any{"policy": "none"}
			id := acme.must(http.StatusCreated, "POST", "/v1/webhooks", object(hook)).get("id")
			if a := acme.must(http.StatusOK, "POST", "/v1/webhooks/"+id+"/test", `{"type":"custom.x"}`); a.get("outcome") != "failure" {
				t.Errorf("%v is answered %v", hook, a)
			}
		}
	}
	if n := reached.Load(); n > 0 {
		t.Errorf("redirects were followed %d times", n)
	}
}

// all reads a list whole.
func all(who as, path string) (items []map[string]any) {
	who.s.t.Helper()
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	for cursor := ""; ; {
		a := who.must(http.StatusOK, "GET", path+sep+"limit=100&cursor="+cursor, "")
		var page struct {
			Items []map[string]any `json:"items"`
			Next  string           `json:"next_cursor"`
		}
		read(who.s.t, a, &page)
		if items = append(items, page.Items...); page.Next == "" || len(items) > 10_000 {
			return items
		}
		cursor = page.Next
	}
}
