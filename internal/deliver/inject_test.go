package deliver_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/dialect/kazoo"
	"github.com/switchhook/switchhook/internal/dialect/primevox"
	native "github.com/switchhook/switchhook/internal/dialect/switchhook"
	"github.com/switchhook/switchhook/internal/dialect/teli"
	"github.com/switchhook/switchhook/internal/dialect/template"
	"github.com/switchhook/switchhook/internal/dialect/voipbin"
	"github.com/switchhook/switchhook/internal/store/memory"
)

// A heard request is the bytes before its body, as they came.
type heard struct{ head []byte }

// listener takes requests apart by itself: it splits at each line break, of whatever kind.
func listener(t *testing.T) (at string, requests func() []heard) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var mu sync.Mutex
	var all []heard
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(10 * time.Second))
				var head []byte
				in := bufio.NewReader(io.TeeReader(c, writer(func(b []byte) { head = append(head, b...) })))
				req, err := http.ReadRequest(in)
				if err != nil {
					t.Errorf("a request that is none: %v: %q", err, head)
					return
				}
				body, _ := io.ReadAll(req.Body)
				mu.Lock()
				all = append(all, heard{head[:len(head)-len(body)-in.Buffered()]})
				mu.Unlock()
				if in.Buffered() > 0 {
					t.Errorf("something came behind a request: %q", head)
				}
				_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
			}()
		}
	}()
	return "http://" + l.Addr().String(), func() []heard {
		mu.Lock()
		defer mu.Unlock()
		return all
	}
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}

// tricks are words that want to become a header of their own, or a request.
func tricks() []string {
	return []string{
		"x\r\nX-Evil: 1", "x\nX-Evil: 1", "x\rX-Evil: 1", "x\r\n X-Evil: 1", "\r\nX-Evil: 1", "X-Evil: 1\r\n",
		"x\r\n\r\nPOST /evil HTTP/1.1\r\nX-Evil: 1\r\n\r\n", "x\x00X-Evil: 1", "x\x0bX-Evil: 1", "x\x7fX-Evil: 1",
		"x\u0085X-Evil: 1", "x\u2028X-Evil: 1", "x\u560d\u560aX-Evil: 1", // whose low bytes are CR LF
		"x%0d%0aX-Evil: 1", "x%0aX-Evil:1", "X-Evil: 1", "x: y\r\nX-Evil", ": X-Evil",
	}
}

// Nothing that a customer sets up, and nothing that an event says, becomes a header line or a
// request of its own, whatever the API has let in: it is escaped, or nothing is sent.
func TestNoWordsBecomeHeaders(t *testing.T) {
	t.Parallel()
	at, requests := listener(t)
	env := dialect.Env{Version: "1", Host: "h", Reseller: func(string) string { return "root" }, Integer: func(string, string, string) (int64, error) { return 1, nil }}
	dialects := []dialect.Dialect{native.New(env), kazoo.New(env), voipbin.New(env), teli.New(env), primevox.New(env), template.New(env)}
	engine := deliver.New(deliver.Options{
		Store: memory.New(), Dialects: dialects, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Version: "1", Logger: slog.New(slog.DiscardHandler),
	})
	sent := 0
	try := func(what string, ev *switchhook.Event, change func(w *switchhook.Webhook)) {
		t.Helper()
		w := hook("wh_a")
		w.URL, w.Timeout = at+"/hook", switchhook.Duration(5*time.Second)
		change(w)
		a, err := engine.Test(t.Context(), w, ev)
		if err == nil && a.Response != nil {
			sent++
		} else if err == nil && strings.Contains(a.Error, "closed the connection") {
			t.Errorf("%s: %s", what, a.Error)
		}
	}
	typ, _ := catalogue.Lookup("call.created")
	plain := &switchhook.Event{ID: "e", Type: "call.created", AccountID: "acme", Data: typ.Sample(), OccurredAt: time.Now()}
	for _, trick := range tricks() {
		try("a header's value", plain, func(w *switchhook.Webhook) { w.Headers = map[string]string{"X-Fine": trick} })
		try("a header's name", plain, func(w *switchhook.Webhook) { w.Headers = map[string]string{trick: "1"} })
		try("a token", plain, func(w *switchhook.Webhook) { w.Auth = &switchhook.Auth{Type: "bearer", Token: trick} })
		try("a user", plain, func(w *switchhook.Webhook) {
			w.Auth = &switchhook.Auth{Type: "basic", Username: trick, Password: trick}
		})
		try("a URL", plain, func(w *switchhook.Webhook) { w.URL += "/" + trick })
		try("a query", plain, func(w *switchhook.Webhook) { w.URL += "?x=" + trick })
		try("a host", plain, func(w *switchhook.Webhook) { w.URL = "http://" + trick + "@" + at[len("http://"):] })
		try("a method", plain, func(w *switchhook.Webhook) { w.Method = trick })
		for _, method := range []string{"", "get", "put"} {
			try("custom data", plain, func(w *switchhook.Webhook) {
				w.Dialect, w.Method, w.CustomData = "kazoo", method, map[string]string{"x": trick, trick: "1"}
			})
		}
		text, _ := json.Marshal(trick)
		flow := &switchhook.Event{
			ID: "e", Type: "flow.webhook", AccountID: "acme", OccurredAt: time.Now(),
			Data: json.RawMessage(`{"call":{"id":` + string(text) + `},"hook":{"uri":"` + at + `/","http_verb":"get","custom_data":{"x":` + string(text) + `}}}`),
		}
		try("custom data of a flow", flow, func(w *switchhook.Webhook) { w.Flow, w.URL, w.Dialect = true, "", "kazoo" })
		flow.Data = json.RawMessage(`{"call":{"id":"c"},"hook":{"uri":"` + at + `/","http_verb":` + string(text) + `}}`)
		try("a flow's method", flow, func(w *switchhook.Webhook) { w.Flow, w.URL, w.Dialect = true, "", "kazoo" })

		data := json.RawMessage(strings.NewReplacer("Ada Lovelace", strings.Trim(string(text), `"`), "+12025550143", strings.Trim(string(text), `"`)).Replace(string(typ.Sample())))
		words := &switchhook.Event{ID: trick, Type: "call.created", AccountID: "acme", Key: trick, Data: data, OccurredAt: time.Now()}
		for _, d := range dialects {
			for _, format := range []string{"json", "form"} {
				for _, method := range []string{"", "get"} {
					try("an event in "+d.Name(), words, func(w *switchhook.Webhook) {
						w.Dialect, w.Format, w.Method = d.Name(), format, method
						w.DialectOptions = map[string]any{"body": "{{ data.call.from.name }}", "content_type": "text/plain"}
					})
				}
			}
		}
	}
	if err := engine.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	came := requests()
	if len(came) != sent || sent < 200 {
		t.Errorf("%d requests came, %d were sent", len(came), sent)
	}
	for _, r := range came {
		lines := strings.FieldsFunc(string(r.head), func(c rune) bool { return c == '\r' || c == '\n' || c == 0 })
		for _, line := range lines {
			if name, _, _ := strings.Cut(strings.TrimSpace(line), ":"); strings.EqualFold(name, "X-Evil") || strings.HasPrefix(line, "POST /evil") {
				t.Errorf("it got through: %q", r.head)
			}
		}
		if strings.ContainsAny(strings.ReplaceAll(string(r.head), "\r\n", ""), "\r\n\x00") {
			t.Errorf("a bare line break or a NUL: %q", r.head)
		}
	}
}
