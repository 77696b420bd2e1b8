package hostile

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// What a stranger can do with bytes alone.
func TestBytes(t *testing.T) {
	t.Parallel()
	s := serve(t)
	auth := "Authorization: Bearer " + operatorKey + "\r\n"
	event := `{"type":"custom.x","data":{}}`
	long := strings.Repeat("a", 70<<10)
	for name, row := range map[string]struct {
		sent string
		want string // how the answer begins, statuses with commas between
	}{
		"content-length and transfer-encoding": {
			"POST /v1/events HTTP/1.1\r\nHost: x\r\n" + auth + "Content-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/accounts HTTP/1.1\r\nHost: x\r\n\r\n",
			"400",
		},
		"two content-lengths":            {"POST /v1/events HTTP/1.1\r\nHost: x\r\n" + auth + "Content-Length: 5\r\nContent-Length: 50\r\n\r\n" + event, "400"},
		"a content-length with a sign":   {"POST /v1/events HTTP/1.1\r\nHost: x\r\n" + auth + "Content-Length: +29\r\n\r\n" + event, "400"},
		"a content-length too long":      {"POST /v1/events HTTP/1.1\r\nHost: x\r\n" + auth + "Content-Length: 99999999999999999999\r\n\r\n" + event, "400"},
		"chunked in another case, twice": {"POST /v1/events HTTP/1.1\r\nHost: x\r\n" + auth + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "501"},
		"a transfer-encoding that ends otherwise": {
			"POST /v1/events HTTP/1.1\r\nHost: x\r\n" + auth + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", "501",
		},
		"a header that is folded":          {"GET /v1/info HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c: d\r\n\r\n", "401,400"},
		"a blank before the colon":         {"GET /v1/info HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\nabc", "400"},
		"no host":                          {"GET /v1/info HTTP/1.1\r\n\r\n", "400"},
		"two hosts":                        {"GET /v1/info HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
		"a host that is none":              {"GET /v1/info HTTP/1.1\r\nHost: a b\r\n\r\n", "400"},
		"HTTP/1.0 without a key":           {"GET /v1/info HTTP/1.0\r\n\r\n", "401"},
		"HTTP/0.9":                         {"GET /v1/info\r\n", "400"},
		"the preface of HTTP/2":            {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505,400,404,405"},
		"an absolute URI":                  {"GET http://169.254.169.254/latest HTTP/1.1\r\nHost: x\r\n\r\n", "404,200"},
		"an absolute URI of the API":       {"GET http://elsewhere.example/v1/info HTTP/1.1\r\nHost: x\r\n\r\n", "401"},
		"CONNECT":                          {"CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: 169.254.169.254:80\r\n\r\n", "404,405"},
		"OPTIONS *":                        {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "200"},
		"TRACE":                            {"TRACE /v1/info HTTP/1.1\r\nHost: x\r\n" + auth + "\r\n", "405"},
		"a method that is none":            {"G\x01T /v1/info HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
		"a path with a NUL":                {"GET /v1/\x00info HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
		"a header that is too long":        {"GET /v1/info HTTP/1.1\r\nHost: x\r\nX-A: " + long + "\r\n\r\n", "431"},
		"a path that is too long":          {"GET /v1/" + long + " HTTP/1.1\r\nHost: x\r\n\r\n", "431"},
		"too many headers":                 {"GET /v1/info HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("a: b\r\n", 20_000) + "\r\n", "431"},
		"line ends without CR, and more":   {"GET /v1/info HTTP/1.1\nHost: x\n\nGET /v1/info HTTP/1.1\nHost: x\n\n", "401"},
		"a chunk's length that overflows":  {"POST /v1/events HTTP/1.1\r\nHost: x\r\n" + auth + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "400"},
		"chunks with endless extensions":   {"POST /v1/events HTTP/1.1\r\nHost: x\r\n" + auth + "Transfer-Encoding: chunked\r\n\r\n1;" + long + "\r\n{\r\n0\r\n\r\n", "400"},
		"a body over the limit, announced": {"POST /v1/events HTTP/1.1\r\nHost: x\r\n" + auth + "Content-Type: application/json\r\nContent-Length: 4294967296\r\nExpect: 100-continue\r\n\r\n", "100,400,413"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := s.raw(row.sent)
			ok := false
			for status := range strings.SplitSeq(row.want, ",") {
				ok = ok || strings.HasPrefix(got, "HTTP/1.1 "+status) || strings.HasPrefix(got, "HTTP/1.0 "+status)
			}
			if !ok {
				t.Errorf("answered %.300q, expected %s", got, row.want)
			}
			if strings.Count(got, "HTTP/1.") > 2 || row.want == "400" && strings.Count(got, "HTTP/1.") > 1 {
				t.Errorf("answered more than once: %.600q", got)
			}
			if strings.Contains(got, operatorKey) {
				t.Errorf("the answer repeats the key: %.300q", got)
			}
		})
	}
}

// Paths and methods that look like others.
func TestPaths(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, path := range []string{
		"/v1/../v1/accounts", "//v1/accounts", "/v1//accounts", "/v1/./accounts", "/V1/accounts", "/v1/accounts/", "/v1/accounts/.", "/v1/accounts/%2e%2e/webhooks",
		"/v1/accounts;a=b", "/v1/accounts%00", "/v1/accounts%20", "/v1%2faccounts", "/./v1/accounts", "/docs/../v1/accounts", "/%2e%2e/%2e%2e/etc/passwd",
		"/static/../../../../etc/passwd", "/..%2f..%2fetc/passwd", "/v1/webhooks/..%2f..%2faccounts", "/portal/../v1/accounts", "/metrics/../v1/accounts",
		"/healthz/../v1/accounts", "/openapi.json/../v1/accounts", "/v1/session/../accounts", "/v1/in/../accounts",
	} {
		a := s.as("").do("GET", path, "")
		if a.status == http.StatusOK && (strings.Contains(a.body, `"items"`) || strings.Contains(a.body, "root:")) {
			t.Errorf("without a key GET %s is answered %v", path, a)
		}
		if to := a.header.Get("Location"); strings.HasPrefix(to, "//") || strings.Contains(to, "://") {
			t.Errorf("GET %s leads elsewhere: %s", path, to)
		}
	}
	for _, path := range []string{"//elsewhere.example/..", "//elsewhere.example/%2e%2e", `/\elsewhere.example`, "/%5celsewhere.example/..", "//elsewhere.example//v1/..//", "///elsewhere.example/v1/.."} {
		got := s.raw("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
		_, to, found := strings.Cut(got, "Location: ")
		if to, _, _ = strings.Cut(to, "\r\n"); found && (strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`) || strings.Contains(to, "://")) {
			t.Errorf("GET %s leads elsewhere: %s", path, to)
		}
	}
	// What is said to be another method is still what it is.
	for _, h := range []string{"X-HTTP-Method-Override: DELETE", "X-Method-Override: DELETE", "X-HTTP-Method: DELETE"} {
		s.operator().do("POST", "/v1/accounts", `{"id":"override-`+strings.ToLower(h[2:6])+`"}`, h)
	}
	for _, h := range []string{"X-Original-URL: /v1/accounts", "X-Rewrite-URL: /v1/accounts"} {
		if a := s.as("").do("GET", "/healthz", "", h); strings.Contains(a.body, "items") {
			t.Errorf("%s is believed: %v", h, a)
		}
	}
}

// Whose page, and under which name, it is asked.
func TestBrowsers(t *testing.T) {
	t.Parallel()
	s := serve(t, "--public-url", "https://hooks.example.com")
	acme := s.customer("acme")
	signed := s.as("").must(http.StatusCreated, "POST", "/v1/session", `{"key":"`+acme.key+`"}`)
	cookie := "Cookie: " + strings.Split(signed.header.Get("Set-Cookie"), ";")[0]
	for _, want := range []string{"HttpOnly", "Secure", "SameSite=Lax"} {
		if !strings.Contains(signed.header.Get("Set-Cookie"), want) {
			t.Errorf("the cookie is not %s: %s", want, signed.header.Get("Set-Cookie"))
		}
	}
	s.as("").must(http.StatusOK, "GET", "/v1/info", "", cookie)
	t.Run("of another origin", func(t *testing.T) {
		t.Parallel()
		for _, h := range []string{
			"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: https://elsewhere.example", "Origin: null", "Origin: https://hooks.example.com.elsewhere.example", "Origin: http://hooks.example.com",
		} {
			for _, to := range [][2]string{{"POST", "/v1/webhooks"}, {"POST", "/v1/api-keys"}, {"POST", "/v1/events"}, {"POST", "/v1/session"}, {"DELETE", "/v1/session"}, {"PUT", "/v1/records/number/1"}} {
				if a := s.as("").do(to[0], to[1], `{"key":"`+acme.key+`"}`, cookie, h); a.status != http.StatusForbidden {
					t.Errorf("%s %s with %s: %v", to[0], to[1], h, a)
				}
			}
		}
		// A form of another page can send this without asking anybody first.
		if a := s.as("").do("POST", "/v1/events", `{"type":"custom.x","data":{}}`, cookie, "Content-Type: text/plain", "Origin: https://elsewhere.example"); a.status != http.StatusForbidden {
			t.Errorf("a form of another page: %v", a)
		}
	})
	t.Run("no page may read", func(t *testing.T) {
		t.Parallel()
		for _, method := range []string{"GET", "OPTIONS"} {
			a := s.as("").do(method, "/v1/info", "", cookie, "Origin: https://elsewhere.example", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization")
			for name := range a.header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s is answered %s: %s", method, name, a.header.Get(name))
				}
			}
		}
	})
	t.Run("the links have our own name", func(t *testing.T) {
		t.Parallel()
		for _, h := range []string{"Host: elsewhere.example", "X-Forwarded-Host: elsewhere.example", "Forwarded: host=elsewhere.example", "X-Forwarded-Proto: gopher"} {
			link := acme.do("POST", "/v1/portal-links", `{}`, h)
			source := acme.do("POST", "/v1/sources", `{"kind":"voipbin"}`, h)
			if !strings.HasPrefix(link.get("url"), "https://hooks.example.com/") || !strings.HasPrefix(source.get("ingest_url"), "https://hooks.example.com/") {
				t.Errorf("with %s: %v %v", h, link, source)
			}
			code := link.get("code")
			if a := s.as("").do("GET", "/portal?code="+code, "", h); a.status != http.StatusSeeOther || a.header.Get("Location") != "/" {
				t.Errorf("with %s the portal leads to %q: %v", h, a.header.Get("Location"), a)
			}
			if a := s.as("").do("GET", "/portal?code="+code, ""); a.status != http.StatusUnauthorized {
				t.Errorf("a code is good twice: %v", a)
			}
		}
		for _, query := range []string{"next=//elsewhere.example", "redirect=https://elsewhere.example", "code=&return_to=//elsewhere.example"} {
			if a := s.as("").do("GET", "/portal?"+query, ""); a.header.Get("Location") != "" {
				t.Errorf("/portal?%s leads to %s", query, a.header.Get("Location"))
			}
		}
	})
	t.Run("a name that leads here", func(t *testing.T) { // DNS rebinding of a browser on this machine
		t.Parallel()
		for _, host := range []string{"elsewhere.example", "elsewhere.example:8420", "127.0.0.1.elsewhere.example", "localhost.elsewhere.example", "[::1].elsewhere.example"} {
			if a := s.as("").do("GET", "/metrics", "", "Host: "+host); a.status == http.StatusOK {
				t.Errorf("a page under the name %s reads the metrics", host)
			}
		}
		s.as("").must(http.StatusOK, "GET", "/metrics", "")
		s.as("").must(http.StatusOK, "GET", "/metrics", "", "Host: localhost:8420")
		s.operator().must(http.StatusOK, "GET", "/metrics", "", "Host: elsewhere.example")
		acme.must(http.StatusForbidden, "GET", "/metrics", "", "Host: elsewhere.example")
		for _, h := range []string{"X-Forwarded-For: 127.0.0.1", "X-Real-Ip: ::1", "Forwarded: for=127.0.0.1"} {
			s.as("").must(http.StatusUnauthorized, "GET", "/metrics", "", h)
		}
	})
	t.Run("a key that is not in its header", func(t *testing.T) {
		t.Parallel()
		for _, query := range []string{"key=", "api_key=", "token=", "access_token=", "authorization=Bearer%20"} {
			s.as("").must(http.StatusUnauthorized, "GET", "/v1/info?"+query+acme.key, "")
		}
		for _, h := range []string{"X-Api-Key: " + acme.key, "Authorization: Basic " + acme.key, "Authorization: " + acme.key, "Cookie: switchhook_session=" + acme.key} {
			s.as("").must(http.StatusUnauthorized, "GET", "/v1/info", "", h)
		}
	})
	t.Run("two keys", func(t *testing.T) {
		t.Parallel()
		got := s.raw(fmt.Sprintf("GET /v1/info HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\nAuthorization: Bearer %s\r\n\r\n", acme.key))
		if strings.HasPrefix(got, "HTTP/1.1 200") {
			t.Errorf("the second of two keys is taken: %.300q", got)
		}
	})
}

// Slow headers are cut off, and whoever is slow is in nobody's way.
func TestSlowness(t *testing.T) {
	t.Parallel()
	s := serve(t)
	var slow []net.Conn
	for i := range 300 {
		nc, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		begins := "GET /v1/info HTTP/1.1\r\nHost: x\r\nX-A: "
		if i%3 == 1 {
			begins = "POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + operatorKey + "\r\nContent-Type: application/json\r\nContent-Length: 33554432\r\n\r\n{"
		}
		if i%3 == 2 {
			begins = "POST /v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1048576\r\n\r\n{"
		}
		_, _ = io.WriteString(nc, begins)
		slow = append(slow, nc)
	}
	for range 20 {
		start := time.Now()
		s.operator().must(http.StatusAccepted, "POST", "/v1/events", `{"type":"custom.x","data":{}}`)
		if took := time.Since(start); took > quick {
			t.Errorf("beside 300 slow clients an event takes %s", took)
		}
	}
	if used := s.rss(); used > 500<<20 {
		t.Errorf("300 slow clients cost %d MiB", used>>20)
	}
	// Who may not do it is told so, whatever they would still have to say.
	nc, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetReadDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(nc, "POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
	if res, err := http.ReadResponse(bufio.NewReader(nc), nil); err != nil || res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a wrong key with a slow body: %+v %v", res, err)
	} else {
		_ = res.Body.Close()
	}
	_ = slow[0].SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.Copy(io.Discard, slow[0]); err != nil {
		t.Errorf("a header that takes longer than 10 seconds is not cut off: %v", err)
	}
	for _, nc := range slow { // or the server waits for them as it ends
		_ = nc.Close()
	}
}
