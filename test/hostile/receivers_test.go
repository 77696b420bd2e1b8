package hostile

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A script answers a request over a bare connection; it may go on until the other side has
// enough, which is when write fails.
type script func(write func(string) bool)

// actor is a receiver that follows a script.
func actor(t *testing.T, play script) (url string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return // closed
			}
			go func() {
				defer nc.Close()
				_ = nc.SetDeadline(time.Now().Add(patience))
				if _, err := nc.Read(make([]byte, 64<<10)); err != nil {
					return
				}
				play(func(s string) bool {
					_, err := io.WriteString(nc, s)
					return err == nil
				})
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// endless writes something again and again.
func endless(first, again string) script {
	return func(write func(string) bool) {
		ok := write(first)
		for ok {
			ok = write(again)
		}
	}
}

// slowly writes something every 50 milliseconds.
func slowly(first, again string) script {
	return func(write func(string) bool) {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for ok := write(first); ok; ok = write(again) {
			<-tick.C
		}
	}
}

func once(s string) script { return func(write func(string) bool) { write(s) } }

// Whatever a receiver answers: the attempt ends in its time, a page of what came is kept,
// and neither memory nor others' deliveries suffer.
func TestReceivers(t *testing.T) {
	t.Parallel()
	s := serve(t, "--allow-network", "127.0.0.0/8")
	acme, other := s.customer("acme"), s.customer("other")
	good := tap(t)
	theirHook := other.must(http.StatusCreated, "POST", "/v1/webhooks", `{"url":"`+good.url+`","events":["custom.*"]}`).get("id")
	const ok = "HTTP/1.1 200 OK\r\n"
	kilobyte := strings.Repeat("a", 1023) + "\n"
	var bomb bytes.Buffer
	gz := gzip.NewWriter(&bomb)
	for range 20 << 10 { // 20 MiB of nothing
		_, _ = gz.Write(make([]byte, 1024))
	}
	_ = gz.Close()
	before := s.rss()
	for name, row := range map[string]struct {
		play    script
		success bool // is the answer one
	}{
		"silence":                     {slowly("", ""), false},
		"nothing":                     {once(""), false},
		"a header, slowly":            {slowly(ok, "X-A: b\r\n"), false},
		"a body, slowly":              {slowly(ok+"Content-Length: 1000000\r\n\r\n", "a"), false},
		"chunks, slowly":              {slowly(ok+"Transfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n"), false},
		"an endless header":           {endless(ok, "X-A: "+kilobyte), false},
		"an endless line":             {endless(ok+"X-A: ", strings.Repeat("a", 1024)), false},
		"an endless status line":      {endless("HTTP/1.1 200 ", strings.Repeat("a", 1024)), false},
		"an endless body":             {endless(ok+"\r\n", kilobyte), true},
		"endless chunks":              {endless(ok+"Transfer-Encoding: chunked\r\n\r\n", "400\r\n"+kilobyte+"\r\n"), true},
		"endless empty extensions":    {endless(ok+"Transfer-Encoding: chunked\r\n\r\n1;", strings.Repeat("a", 1024)), false},
		"endless trailers":            {endless(ok+"Transfer-Encoding: chunked\r\n\r\n0\r\n", "X-A: b\r\n"), false},
		"endless 100":                 {endless("", "HTTP/1.1 100 Continue\r\n\r\n"), false},
		"endless 103":                 {endless("", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), false},
		"1xx, slowly":                 {slowly("", "HTTP/1.1 102 Processing\r\n\r\n"), false},
		"endless bytes that are none": {endless("\x00", strings.Repeat("\xff", 1024)), false},
		"another protocol":            {once("SSH-2.0-OpenSSH_9.6\r\n"), false},
		"HTTP/0.9":                    {once("<html>"), false},
		"HTTP/2":                      {once("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), false},
		"a TLS alert":                 {once("\x15\x03\x01\x00\x02\x02\x28"), false},
		"status 0":                    {once("HTTP/1.1 000 OK\r\n\r\n"), false},
		"status 99":                   {once("HTTP/1.1 099 OK\r\n\r\n"), false},
		"status -200":                 {once("HTTP/1.1 -200 OK\r\n\r\n"), false},
		"status 999":                  {once("HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n"), false},
		"status 2000":                 {once("HTTP/1.1 2000 OK\r\n\r\n"), false},
		"switching protocols":         {once("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"), false},
		"204 with a body":             {once("HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc"), true},
		"two lengths":                 {once(ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), false},
		"a length below zero":         {once(ok + "Content-Length: -1\r\n\r\n"), false},
		"a length beyond all":         {once(ok + "Content-Length: 99999999999999999999\r\n\r\n"), false},
		"a body that breaks off":      {once(ok + "Content-Length: 100\r\n\r\nabc"), false},
		"chunks that are none":        {once(ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"), false},
		"a chunk beyond all":          {once(ok + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\na"), false},
		"an unknown encoding":         {once(ok + "Transfer-Encoding: gzip\r\n\r\n"), false},
		"another answer behind it":    {once(ok + "Content-Length: 0\r\n\r\nHTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"), true},
		"a gzip bomb":                 {once(fmt.Sprintf("%sContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", ok, bomb.Len(), &bomb)), true},
		"Retry-After, beyond all":     {once("HTTP/1.1 503 No\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n"), false},
		"Retry-After, below zero":     {once("HTTP/1.1 429 No\r\nRetry-After: -1\r\nContent-Length: 0\r\n\r\n"), false},
		"Retry-After, in a far year":  {once("HTTP/1.1 429 No\r\nRetry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n"), false},
		"a header of many bytes":      {once(ok + "X-A: \xff\xfe\x80\r\nContent-Length: 3\r\n\r\n\xff\x00\x1b"), true},
		"a header with a NUL":         {once(ok + "X-A: a\x00b\r\nContent-Length: 0\r\n\r\n"), false},
		"four hundred cookies":        {once(ok + strings.Repeat("Set-Cookie: a="+strings.Repeat("b", 100)+"\r\n", 400) + "Content-Length: 0\r\n\r\n"), true},
		"HTML":                        {once(ok + "Content-Type: text/html\r\nContent-Length: 25\r\n\r\n<script>alert(1)</script>"), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := actor(t, row.play)
			for _, hook := range []map[string]any{
				{"url": url},
				{"url": good.url, "auth": map[string]any{"type": "oauth2", "token_url": url, "client_id": "a", "client_secret": "bbbbbbbb"}},
			} {
				hook["events"], hook["timeout"], hook["retry"] = []string{"custom.*"}, "1s", map[string]any{"policy": "none"}
				id := acme.must(http.StatusCreated, "POST", "/v1/webhooks", object(hook)).get("id")
				start := time.Now()
				a := acme.must(http.StatusOK, "POST", "/v1/webhooks/"+id+"/test", `{"type":"custom.x"}`)
				if took := time.Since(start); took > quick {
					t.Errorf("it takes %s", took)
				}
				if want := row.success && hook["auth"] == nil; (a.get("outcome") == "success") != want {
					t.Errorf("is it a success? It should be %t: %v", want, a)
				}
				if len(a.get("response.body")) > 64<<10 || len(a.body) > 512<<10 { // 16 KiB, of which each byte may be written as six
					t.Errorf("%d bytes of the answer are kept", len(a.body))
				}
				if len(a.get("error")) > 1000 {
					t.Errorf("the error is %d bytes long", len(a.get("error")))
				}
				acme.must(http.StatusOK, "GET", "/v1/attempts/"+a.get("id"), "")
				acme.must(http.StatusNoContent, "DELETE", "/v1/webhooks/"+id, "")
			}
			start := time.Now()
			if a := other.must(http.StatusOK, "POST", "/v1/webhooks/"+theirHook+"/test", `{"type":"custom.x"}`); a.get("outcome") != "success" || time.Since(start) > quick {
				t.Errorf("another account's delivery takes %s: %v", time.Since(start), a)
			}
		})
	}
	t.Cleanup(func() {
		acme.must(http.StatusOK, "GET", "/v1/attempts?limit=100", "")
		if after := s.rss(); after-before > 300<<20 {
			t.Errorf("all that costs %d MiB", (after-before)>>20)
		}
	})
}

// What a token's endpoint answers goes nowhere but into a header, where it can stand there.
func TestTokens(t *testing.T) {
	t.Parallel()
	s := serve(t, "--allow-network", "127.0.0.0/8")
	acme := s.customer("acme")
	w := tap(t)
	for _, body := range []string{
		"", "null", "[]", "1", `"a"`, "{}", "{", `{"access_token":null}`, `{"access_token":1}`, `{"access_token":["a"]}`, `{"access_token":""}`, `{"access_token":"a b"}`, `{"access_token":"a\r\nX-Injected: 1"}`, `{"access_token":"a\u0000"}`, `{"access_token":"é"}`,
		`{"access_token":"` + strings.Repeat("a", 100_000) + `"}`, `{"access_token":"good","token_type":"mac"}`, strings.Repeat("[", 10_000), `{"a":` + strings.Repeat(`{"a":`, 3_000) + `1` + strings.Repeat("}", 3_001), "\xff\xfe", "access_token=good",
		`{"access_token":"good","expires_in":-1}`, `{"access_token":"good","expires_in":1e400}`, `{"access_token":"good","expires_in":"NaN"}`, `{"access_token":"good","expires_in":"Inf"}`, `{"access_token":"good","expires_in":9223372036854775808}`, `{"access_token":"good","expires_in":{}}`, `{"access_token":"good","expires_in":1e-300}`,
	} {
		url := actor(t, once(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)))
		id := acme.must(http.StatusCreated, "POST", "/v1/webhooks", object(map[string]any{
			"url": w.url, "events": []string{"custom.*"}, "auth": map[string]any{"type": "oauth2", "token_url": url, "client_id": "a", "client_secret": "bbbbbbbb"},
		})).get("id")
		a := acme.must(http.StatusOK, "POST", "/v1/webhooks/"+id+"/test", `{"type":"custom.x"}`)
		good := strings.Contains(body, `"good"`) && !strings.Contains(body, "mac")
		if (a.get("outcome") == "success") != good && !strings.Contains(body, "1e400") && !strings.Contains(body, "{}}") {
			t.Errorf("%.100q: %v", body, a)
		}
		if strings.Contains(a.body, "good") || strings.Contains(a.body, "X-Injected") {
			t.Errorf("%.100q is told: %v", body, a)
		}
	}
	for _, request := range w.requests() {
		if how := injected(request); how != "" {
			t.Errorf("a request %s: %.500q", how, request)
		}
	}
}
