package hostile

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// A wiretap is a receiver that keeps the bytes of each request.
type wiretap struct {
	url string
	mu  sync.Mutex
	all []string
}

// tap answers every request 200.
func tap(t *testing.T) *wiretap {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	w := &wiretap{url: "http://" + l.Addr().String()}
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return // closed
			}
			go w.serve(nc)
		}
	}()
	return w
}

// serve reads what comes for a moment, whatever it says of its length: a request that was
// hidden in another would come right behind it.
func (w *wiretap) serve(nc net.Conn) {
	defer nc.Close()
	var got strings.Builder
	b := make([]byte, 64<<10)
	_ = nc.SetReadDeadline(time.Now().Add(patience))
	for {
		n, err := nc.Read(b)
		got.Write(b[:n])
		if err != nil {
			break
		}
		_ = nc.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	}
	w.mu.Lock()
	w.all = append(w.all, got.String())
	w.mu.Unlock()
	_, _ = io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

func (w *wiretap) requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string{}, w.all...)
}

// evil are texts that mean something to somebody.
var evil = []string{
	"a\r\nX-Injected: 1", "a\nX-Injected: 1", "a\rX-Injected: 1", "a\r\n\r\nGET /injected HTTP/1.1\r\nHost: injected\r\n\r\n", "\r\nX-Injected: 1\r\n", "a\x00X-Injected: 1", "a\u0085X-Injected: 1", "a\u2028X-Injected: 1", "a\u2029X-Injected: 1",
	"a\u560d\u560aX-Injected: 1", // whose low bytes are CR LF
	"%0d%0aX-Injected: 1", "%E5%98%8D%E5%98%8AX-Injected: 1", `a\r\nX-Injected: 1`, "\u202eX-Injected: 1", "\ufeffX-Injected: 1", " HTTP/1.1\r\nX-Injected: 1\r\nX: ", "a b", "a&b=c", "a#b", "a?b", "a=b;c", "a+b%zz%", "<a>&\"'", "é💥", "\u007f\u0001",
}

// What is injected, as a receiver would see it: a line of its own in a header, or a second
// request.
func injected(request string) string {
	r := bufio.NewReader(strings.NewReader(request))
	req, err := http.ReadRequest(r)
	if err != nil {
		return "cannot be read: " + err.Error()
	}
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		return "has a body that cannot be read: " + err.Error()
	}
	if rest, _ := io.ReadAll(r); len(rest) > 0 {
		return fmt.Sprintf("has %q behind it", rest)
	}
	for name := range req.Header {
		if strings.Contains(strings.ToLower(name), "injected") {
			return "has the header " + name
		}
	}
	head, _, _ := strings.Cut(request, "\r\n\r\n")
	for i := range len(head) {
		c := head[i]
		if c == '\r' && head[i+1] != '\n' || c == '\n' && (i == 0 || head[i-1] != '\r') || c < ' ' && c != '\r' && c != '\n' && c != '\t' || c == 0x7f {
			return fmt.Sprintf("has the byte %#x in its head: %q", c, head)
		}
	}
	if strings.Count(head, "webhook-id: ") != 1 || strings.Count(strings.ToLower(head), "\r\nhost:") != 1 || strings.Count(strings.ToLower(head), "\r\ncontent-length:") > 1 {
		return fmt.Sprintf("has a header of ours twice, or not at all: %q", head)
	}
	return ""
}

// Nothing that a customer sets up, and nothing that an event says, becomes a header or a
// request of its own: what cannot stand where it would come to stand is refused, or written
// so that it can.
func TestInjection(t *testing.T) {
	t.Parallel()
	s := serve(t, "--allow-network", "127.0.0.0/8")
	w := tap(t)
	acme := s.customer("acme")
	hook := func(members map[string]any) string {
		h := map[string]any{"url": w.url + "/", "events": []string{"call.*"}, "retry": map[string]any{"policy": "none"}}
		maps.Copy(h, members)
		return object(h)
	}
	texts := map[string]func(text string) map[string]any{
		"a header's value": func(s string) map[string]any { return map[string]any{"headers": map[string]any{"X-A": s}} },
		"a header's name":  func(s string) map[string]any { return map[string]any{"headers": map[string]any{s: "a"}} },
		"custom_data's value": func(s string) map[string]any {
			return map[string]any{"dialect": "kazoo", "custom_data": map[string]any{"a": s}}
		},
		"custom_data's name": func(s string) map[string]any {
			return map[string]any{"dialect": "kazoo", "custom_data": map[string]any{s: "a"}}
		},
		"custom_data in a GET": func(s string) map[string]any {
			return map[string]any{"dialect": "kazoo", "method": "GET", "custom_data": map[string]any{"a" + s: s}}
		},
		"custom_data in a form": func(s string) map[string]any {
			return map[string]any{"dialect": "kazoo", "format": "form", "custom_data": map[string]any{"a" + s: s}}
		},
		"a bearer token": func(s string) map[string]any {
			return map[string]any{"auth": map[string]any{"type": "bearer", "token": s}}
		},
		"a password": func(s string) map[string]any {
			return map[string]any{"auth": map[string]any{"type": "basic", "username": s, "password": s}}
		},
		"a method": func(s string) map[string]any { return map[string]any{"method": s} },
		"a path":   func(s string) map[string]any { return map[string]any{"url": w.url + "/" + s} },
		"a query":  func(s string) map[string]any { return map[string]any{"url": w.url + "/?a=" + s} },
		"a query, GET": func(s string) map[string]any {
			return map[string]any{"url": w.url + "/?a=" + s, "dialect": "kazoo", "method": "GET"}
		},
		"a name": func(s string) map[string]any { return map[string]any{"name": s} },
		"a client's id": func(s string) map[string]any {
			return map[string]any{"auth": map[string]any{"type": "oauth2", "token_url": w.url + "/", "client_id": s, "client_secret": s, "scope": s, "audience": s}}
		},
		"a template": func(s string) map[string]any {
			return map[string]any{"dialect": "template", "dialect_options": map[string]any{"body": "{{id}}" + s, "content_type": "text/plain" + s, "url": w.url + "/" + s}}
		},
		"a content type": func(s string) map[string]any {
			return map[string]any{"dialect": "template", "dialect_options": map[string]any{"body": "a", "content_type": s}}
		},
		"an option": func(s string) map[string]any {
			return map[string]any{"dialect": "kazoo", "dialect_options": map[string]any{"sha256_key": s, "x": s}}
		},
	}
	for place, members := range texts {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			for _, text := range evil {
				a := acme.do("POST", "/v1/webhooks", hook(members(text)))
				switch a.status {
				case http.StatusUnprocessableEntity:
				case http.StatusCreated:
					acme.do("POST", "/v1/webhooks/"+a.get("id")+"/test", `{}`)
					acme.do("GET", "/v1/webhooks/"+a.get("id")+"/preview", "")
					acme.do("DELETE", "/v1/webhooks/"+a.get("id"), "")
				default:
					t.Errorf("%q: %v", text, a)
				}
			}
			for _, name := range []string{"Host", "host", "HOST", "Content-Length", "content-length", "Transfer-Encoding", "Connection", "webhook-id", "Webhook-Signature", "WEBHOOK-TIMESTAMP", "webhook-", "", " Host", "Host ", "Host:", "X A", "X\tA"} {
				if a := acme.do("POST", "/v1/webhooks", hook(map[string]any{"headers": map[string]any{name: "1"}})); a.status != http.StatusUnprocessableEntity {
					t.Errorf("the header %q can be set: %v", name, a)
				}
			}
		})
	}
	t.Run("what an event says", func(t *testing.T) {
		t.Parallel()
		for _, shape := range []map[string]any{
			{},
			{"dialect": "kazoo", "format": "form"},
			{"dialect": "kazoo", "method": "GET"},
			{"dialect": "kazoo"},
			{"dialect": "voipbin"},
			{"dialect": "teli"},
			{"dialect": "primevox"},
			{"dialect": "template", "dialect_options": map[string]any{"body": `{"a": {{data}}}`}},
		} {
			shape["events"] = []string{"*"}
			if a := acme.do("POST", "/v1/webhooks", hook(shape)); a.status != http.StatusCreated {
				t.Errorf("%v: %v", shape, a)
			}
		}
		acme.do("PATCH", "/v1/accounts/acme", `{"flow_webhooks":true}`)
		for i, text := range evil {
			party := map[string]any{"number": text, "name": text, "uri": text, "extension": text}
			acme.do("POST", "/v1/events", object([]any{
				map[string]any{"type": "call.created", "key": text, "source": text, "data": map[string]any{"call": map[string]any{"id": fmt.Sprint("call ", i, text), "from": party, "to": party, "direction": "inbound", "switch": map[string]any{"hostname": text}, text: text, "custom_variables": map[string]any{text: text}}}},
				map[string]any{"type": "message.received", "data": map[string]any{"message": map[string]any{"id": text, "from": party, "to": party, "body": text, "text": text, "media": []any{map[string]any{"url": text}}}}},
				map[string]any{"type": "custom." + "x", "data": map[string]any{text: text}},
			}))
			acme.do("POST", "/v1/events", object(map[string]any{"type": "flow.webhook", "data": map[string]any{"hook": map[string]any{"uri": w.url + "/" + text, "http_verb": "get", "custom_data": map[string]any{text: text}}}}))
			acme.do("POST", "/v1/events", object(map[string]any{"type": "flow.webhook", "data": map[string]any{"hook": map[string]any{"uri": w.url + "/", "http_verb": text}}}))
			acme.do("POST", "/v1/events", object(map[string]any{"type": "call.created", "data": map[string]any{"call": map[string]any{"id": text}}}))
			acme.do("PUT", "/v1/records/extension/"+fmt.Sprint(i), object(map[string]any{text: text, "number": text, "name": text}))
		}
		await(t, "all to be sent", func() bool {
			return len(all(acme, "/v1/deliveries?state=pending")) == 0
		})
	})
	t.Cleanup(func() {
		requests := w.requests()
		if len(requests) < 100 {
			t.Errorf("only %d requests came", len(requests))
		}
		wrong := 0
		for _, request := range requests {
			if strings.Contains(request, "grant_type=client_credentials") {
				request = strings.Replace(request, "\r\n", "\r\nwebhook-id: 1\r\n", 1) // no delivery
			}
			if how := injected(request); how != "" && wrong < 10 {
				wrong++
				t.Errorf("a request %s:\n%.1500q", how, request)
			}
		}
	})
}

// Lone surrogates, NULs, bytes that are no UTF-8: refused, or kept as they are, and never
// in the way of a list.
func TestUnicode(t *testing.T) {
	t.Parallel()
	s := serve(t)
	acme := s.customer("acme")
	for name, row := range map[string]struct {
		text string // within the quotes
		ok   bool
	}{
		"a lone high surrogate": {`\ud800`, false}, "a lone low surrogate": {`\udc00`, false}, "surrogates turned": {`\udc00\ud800`, false}, "an escape cut short": {`\u12`, false}, "a bare control": {"\x01", false},
		"an overlong slash": {"\xc0\xaf", false}, "an overlong NUL": {"\xc0\x80", false}, "a surrogate in UTF-8": {"\xed\xa0\x80", false}, "beyond Unicode": {"\xf4\x90\x80\x80", false}, "a lone byte": {"\xff", false}, "cut short": {"\xe2\x82", false},
		"NUL": {`\u0000`, true}, "DEL": {"\x7f", true}, "a BOM": {`\ufeff`, true}, "right to left": {"\u202eabc\u202c", true}, "a pair": {`\ud83d\udca5`, true}, "the last one": {`\uffff`, true}, "a long grapheme": {"e" + strings.Repeat("\u0301", 1000), true},
	} {
		for _, place := range []string{`{"type":"custom.x","data":{"a":"%s"}}`, `{"type":"custom.x","data":{"%s":1}}`, `{"type":"call.created","data":{"call":{"id":"%s"}}}`, `{"type":"custom.x","key":"%s","data":{}}`, `{"type":"custom.x","source":"%s","data":{}}`} {
			a := acme.do("POST", "/v1/events", fmt.Sprintf(place, row.text))
			if a.status >= 500 || !row.ok && a.status == http.StatusAccepted || row.ok && a.status == http.StatusBadRequest {
				t.Errorf("%s in %s: %v", name, place, a)
			}
		}
		for _, place := range [][3]string{{"PUT", "/v1/records/extension/1", `{"name":"%s"}`}, {"POST", "/v1/webhooks", `{"name":"%s","url":"https://8.8.8.8","events":["*"]}`}, {"POST", "/v1/users", `{"login":"%s","role":"viewer"}`}, {"POST", "/v1/api-keys", `{"name":"%s","role":"viewer"}`}, {"PATCH", "/v1/accounts/acme", `{"name":"%s"}`}} {
			if a := acme.do(place[0], place[1], fmt.Sprintf(place[2], row.text)); a.status >= 500 || !row.ok && a.status < 300 {
				t.Errorf("%s in %s: %v", name, place[1], a)
			}
		}
	}
	for _, list := range lists {
		if a := acme.do("GET", list+"?limit=100", ""); a.status != http.StatusOK {
			t.Errorf("GET %s: %v", list, a)
		}
	}
	for _, query := range []string{"%ff", "%00", "%c0%af", "%ed%a0%80", "%f0%9f%92%a5", "%E2%80%AE", url.QueryEscape("\r\n")} {
		for _, path := range []string{"/v1/events?key=", "/v1/events?type=", "/v1/calls?number=", "/v1/records?schema=", "/v1/attempts?webhook_id=", "/v1/audit?action=", "/v1/events/", "/v1/records/extension/"} {
			if a := acme.do("GET", path+query, ""); a.status >= 500 {
				t.Errorf("GET %s%s: %v", path, query, a)
			}
		}
	}
}
