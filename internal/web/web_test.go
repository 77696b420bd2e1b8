package web_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
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

// accepting is what a browser says that shows a page.
const accepting = "text/html,application/xhtml+xml,*/*;q=0.8"

func TestPages(t *testing.T) {
	t.Parallel()
	h := web.Handler(web.Options{Version: "1.2.3"})
	paths := map[string]string{"/": "text/html; charset=utf-8", "/docs": "text/html; charset=utf-8", "/icon.svg": "image/svg+xml"}
	for _, m := range regexp.MustCompile(`"(/assets/[^"]+)"`).FindAllStringSubmatch(get(t, h, http.MethodGet, "/").Body.String(), -1) {
		paths[m[1]] = map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}[path.Ext(m[1])]
	}
	for path, contentType := range paths {
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
		if lasting := strings.Contains(rec.Header().Get("Cache-Control"), "immutable"); lasting != strings.HasPrefix(path, "/assets/") {
			t.Errorf("%s: %s", path, rec.Header().Get("Cache-Control"))
		}
		packed := get(t, h, http.MethodGet, path, "Accept-Encoding", "gzip")
		if packed.Header().Get("Content-Encoding") != "gzip" {
			continue // too small for it
		}
		z, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatal(err)
		}
		if whole, err := io.ReadAll(z); err != nil || !bytes.Equal(whole, rec.Body.Bytes()) || packed.Header().Get("ETag") == rec.Header().Get("ETag") {
			t.Errorf("%s: gzip: %v", path, err)
		}
	}
	if a, b := get(t, h, "GET", "/").Header().Get("ETag"), get(t, web.Handler(web.Options{}), "GET", "/").Header().Get("ETag"); a == b {
		t.Error("another version has the same tag")
	}
}

// The dashboard's addresses can be sent to a colleague: each is the dashboard for a browser, and nothing for a program.
func TestDashboardsAddresses(t *testing.T) {
	t.Parallel()
	h := web.Handler(web.Options{})
	page := get(t, h, http.MethodGet, "/").Body.String()
	for _, path := range []string{"/calls", "/calls/abc", "/webhooks/wh_1", "/catalogue/call.hungup"} {
		if rec := get(t, h, http.MethodGet, path, "Accept", accepting); rec.Code != http.StatusOK || rec.Body.String() != page {
			t.Errorf("%s: %d", path, rec.Code)
		}
		if rec := get(t, h, http.MethodGet, path, "Accept", "application/json"); rec.Code != http.StatusNotFound {
			t.Errorf("%s for a program: %d", path, rec.Code)
		}
	}
	if rec := get(t, h, http.MethodGet, "/assets/gone-abc.js", "Accept", accepting); rec.Code != http.StatusNotFound {
		t.Errorf("a file that is gone: %d", rec.Code)
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
		{"GET", "/assets/app.js", 404, "not_found"},
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
		if m := regexp.MustCompile(`<script>|<style| style="| on[a-z]+="|https?://`).FindString(page); m != "" {
			t.Errorf("%s: %q", path, m)
		}
	}
}
