package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/web"
)

func get(t *testing.T, h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return rec
}

func TestPages(t *testing.T) {
	t.Parallel()
	h := web.Handler(web.Options{Version: "1.2.3"})
	for path, contentType := range map[string]string{
		"/": "text/html; charset=utf-8", "/docs": "text/html; charset=utf-8", "/style.css": "text/css; charset=utf-8",
		"/app.js": "text/javascript; charset=utf-8", "/docs.js": "text/javascript; charset=utf-8", "/icon.svg": "image/svg+xml",
	} {
		rec := get(t, h, http.MethodGet, path)
		if rec.Code != http.StatusOK || rec.Header().Get("Content-Type") != contentType || rec.Body.Len() == 0 {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Header().Get("Content-Type"))
		}
		if csp := rec.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'self';") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %s", path, csp)
		}
		if again := get(t, h, http.MethodGet, path, "If-None-Match", rec.Header().Get("ETag")); again.Code != http.StatusNotModified {
			t.Errorf("%s: asked again: %d", path, again.Code)
		}
		if head := get(t, h, http.MethodHead, path); head.Code != http.StatusOK || head.Body.Len() != 0 {
			t.Errorf("%s: HEAD: %d", path, head.Code)
		}
	}
	if a, b := get(t, h, "GET", "/").Header().Get("ETag"), get(t, web.Handler(web.Options{}), "GET", "/").Header().Get("ETag"); a == b {
		t.Error("another version has the same tag")
	}
}

// Who may have a page in a frame is asked for each request, and is no browser's to keep.
func TestFrames(t *testing.T) {
	t.Parallel()
	h := web.Handler(web.Options{FrameAncestors: func(r *http.Request) []string {
		if r.Header.Get("Cookie") == "" {
			return nil
		}
		return []string{"https://a.example", "https://b.example"}
	}})
	for cookie, want := range map[string]string{"": "frame-ancestors 'none'", "x=y": "frame-ancestors https://a.example https://b.example"} {
		rec := get(t, h, http.MethodGet, "/", "Cookie", cookie)
		header := rec.Header()
		if !strings.HasSuffix(header.Get("Content-Security-Policy"), want) || header.Get("Vary") != "Cookie" || (cookie != "") != (header.Get("Cache-Control") == "no-store" && header.Get("ETag") == "") {
			t.Errorf("%q: %v", cookie, header)
		}
		if csp := get(t, h, http.MethodGet, "/style.css", "Cookie", cookie).Header().Get("Content-Security-Policy"); !strings.HasSuffix(csp, "frame-ancestors 'none'") {
			t.Error(csp)
		}
	}
}

func TestOtherPathsAreProblems(t *testing.T) {
	t.Parallel()
	h := web.Handler(web.Options{})
	for _, c := range []struct {
		method, path string
		status       int
		code         string
	}{
		{"GET", "/nothing", 404, "not_found"},
		{"GET", "/index.html", 404, "not_found"},
		{"GET", "/static/app.js", 404, "not_found"},
		{"POST", "/", 405, "method_not_allowed"},
	} {
		rec := get(t, h, c.method, c.path)
		var p struct {
			Status int
			Code   string
			Detail string
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if rec.Code != c.status || p.Status != c.status || p.Code != c.code || p.Detail == "" || rec.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %d %s", c.method, c.path, rec.Code, rec.Body)
		}
	}
}

// The policy would block what is inline or from elsewhere; this says where.
func TestPagesNeedNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	h := web.Handler(web.Options{})
	for _, path := range []string{"/", "/docs"} {
		page := get(t, h, http.MethodGet, path).Body.String()
		for _, m := range regexp.MustCompile(`(?:src|href)="([^"#]*)`).FindAllStringSubmatch(page, -1) {
			if url := m[1]; url != "/openapi.json" && url != "/metrics" && get(t, h, http.MethodGet, url).Code != http.StatusOK {
				t.Errorf("%s: %s is not there", path, url)
			}
		}
		if m := regexp.MustCompile(`<script>|<style| style="| on[a-z]+="`).FindString(page); m != "" {
			t.Errorf("%s: %q is inline", path, m)
		}
	}
	for _, path := range []string{"/", "/docs", "/app.js", "/docs.js", "/style.css"} {
		body := strings.ReplaceAll(get(t, h, http.MethodGet, path).Body.String(), "http://www.w3.org/2000/svg", "")
		if m := regexp.MustCompile(`https?://\S+|\binnerHTML\b|\beval\b|@import`).FindString(body); m != "" {
			t.Errorf("%s: %q", path, m)
		}
	}
}

// Every element that the script asks for is in its page.
func TestScriptsFindTheirElements(t *testing.T) {
	t.Parallel()
	h := web.Handler(web.Options{})
	for script, page := range map[string]string{"/app.js": "/", "/docs.js": "/docs"} {
		html := get(t, h, http.MethodGet, page).Body.String()
		for _, m := range regexp.MustCompile(`\$\("([a-z-]+)"\)`).FindAllStringSubmatch(get(t, h, http.MethodGet, script).Body.String(), -1) {
			if !strings.Contains(html, `id="`+m[1]+`"`) {
				t.Errorf("%s: %s has no element %s", script, page, m[1])
			}
		}
	}
}
