package api_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/api"
)

// pages are what a browser shows in the test below: ours, which says what it can do in a
// frame, and that of somebody around the frame, who tries to do the same.
const (
	ourPage   = `<!doctype html><script src="/probe.js"></script>`
	ourScript = `(async () => {
	const session = await (await fetch("/v1/session")).json();
	const made = await fetch("/v1/webhooks", {method: "POST", headers: {"Content-Type": "application/json"}, body: '{"url":"https://example.com/ours","events":["*"]}'});
	await fetch("/report", {method: "POST", body: JSON.stringify({kind: session.kind, embedded: session.embedded, made: made.status, cookies: document.cookie, framed: self !== top})});
})()`
	pageAround = `<!doctype html><iframe src="%s"></iframe><script>
document.querySelector("iframe").onload = async () => {
	const body = '{"url":"https://example.com/theirs","events":["*"]}';
	for (const o of [{mode: "no-cors"}, {headers: {"Content-Type": "application/json"}}]) {
		try { await fetch("%s/v1/webhooks", {method: "POST", credentials: "include", body, ...o}); } catch {}
	}
	let read = "nothing";
	try { read = await (await fetch("%s/v1/session", {credentials: "include"})).text(); } catch {}
	await fetch("/report", {method: "POST", body: JSON.stringify({read})});
};
</script>`
)

// A real browser has the page in a frame: of another site that may, with a cookie of the
// frame's own; the page around it can do nothing with that cookie. Of a site that may not
// it shows nothing.
func TestFramesInABrowser(t *testing.T) {
	t.Parallel()
	chromium := findChromium(t)
	var s *server
	reports, ready := make(chan string, 10), make(chan struct{})
	ours := secureServer(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		<-ready
		s.handler.ServeHTTP(w, r)
	})
	s = newServer(t, func(o *api.Options) {
		o.PublicURL = ours
		o.Web = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ancestors := strings.Join(api.FrameAncestors(r), " ")
			w.Header().Set("Content-Security-Policy", "default-src 'self'; frame-ancestors "+cmp.Or(ancestors, "'none'"))
			switch r.URL.Path {
			case "/":
				w.Header().Set("Content-Type", "text/html")
				_, _ = io.WriteString(w, ourPage)
			case "/probe.js":
				w.Header().Set("Content-Type", "text/javascript")
				_, _ = io.WriteString(w, ourScript)
			case "/report":
				b, _ := io.ReadAll(r.Body)
				reports <- "frame " + string(b)
			}
		})
	})
	close(ready)
	for _, c := range []struct {
		host    string // of the page around the frame; another host is another site
		may     bool
		reports []string
	}{
		{"localhost", true, []string{`frame {"kind":"portal_link","embedded":true,"made":201,"cookies":"","framed":true}`, `around {"read":"nothing"}`}},
		{"localhost", false, []string{`around {"read":"nothing"}`}},
		{"127.0.0.1", true, []string{`frame {"kind":"portal_link","embedded":true,"made":201,"cookies":"","framed":true}`, `around {"read":"nothing"}`}},
	} {
		links := make(chan string, 1)
		theirs := secureServer(t, c.host, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/":
				w.Header().Set("Content-Type", "text/html")
				_, _ = fmt.Fprintf(w, pageAround, <-links, ours, ours)
			case "/report":
				b, _ := io.ReadAll(r.Body)
				reports <- "around " + string(b)
			}
		})
		ancestor := "https://nobody.example"
		if c.may {
			ancestor = theirs
		}
		s.ok(200, s.patchAccount("root", "", `{"portal":{"frame_ancestors":["`+ancestor+`"]}}`), nil)
		var link struct{ URL string }
		s.ok(201, request{method: "POST", path: "/v1/portal-links", key: acmeKey, body: `{"embed":true}`}, &link)
		links <- link.URL
		before := s.hooks()
		stop := browse(t, chromium, theirs+"/")
		got := map[string]bool{}
		for range c.reports {
			select {
			case r := <-reports:
				got[r] = true
			case <-time.After(time.Minute):
				t.Errorf("%+v: the browser said no more than %v", c, got)
			}
		}
		stop()
		for _, want := range c.reports {
			if !got[want] {
				t.Errorf("%+v: %v", c, got)
			}
		}
		if made := s.hooks() - before; made != len(c.reports)-1 {
			t.Errorf("%+v: %d webhooks were made", c, made)
		}
	}
}

// hooks counts the webhooks.
func (s *server) hooks() int {
	s.t.Helper()
	list, err := s.store.Webhooks(s.t.Context())
	check(s.t, err)
	return len(list)
}

// secureServer is a server with HTTPS on loopback, under one of its names.
func secureServer(t *testing.T, host string, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "127.0.0.1", host, 1)
}

// findChromium finds the browser.
func findChromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("chromium is not installed")
	}
	t.Skip("left out: chromium is not installed (make deps)")
	return ""
}

// browse opens a page in a browser of its own, until stop.
func browse(t *testing.T, chromium, url string) (stop func()) {
	t.Helper()
	profile, err := os.MkdirTemp("", "switchhook-browser")
	check(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--ignore-certificate-errors", "--remote-debugging-port=0",
		"--user-data-dir="+profile, url)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	check(t, cmd.Start())
	return func() {
		cancel()
		_ = cmd.Wait()
		for range 100 { // its children end a little later, and write until then
			if err = os.RemoveAll(profile); err == nil {
				return
			}
		}
		t.Error(err)
	}
}
