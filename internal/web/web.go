// Package web is the page that a browser sees: the dashboard, a program of its own that is written in ui/
// (React, TypeScript) and built into dist, which is committed and embedded in the program. At /docs, without signing in,
// it is the API's description made readable. It holds no data: it asks the API, as whoever has signed in there.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed all:dist
var dist embed.FS

// policy lets the page load nothing that is not from here. There is no inline script or style in it. Images may be in
// the page itself: CodeMirror and a portal's logo need it. Who may have it in a frame follows.
const policy = "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; object-src 'none'; frame-ancestors "

// Options configures the page. The zero value is ready for use.
type Options struct {
	// Version is Switchhook's own. A new one makes browsers fetch the files anew.
	Version string
	// FrameAncestors are the origins whose pages may have the page that a request asks for in
	// a frame. Nil, or none: nobody may.
	FrameAncestors func(*http.Request) []string
}

// A file is one that is served, with all that its answer needs.
type file struct {
	name string
	body []byte
	etag string
	// packed is the body as gzip makes it, made when it is first asked for; nil where that is no smaller.
	packed func() []byte
	// lasting: its name changes with what is in it.
	lasting bool
}

// Handler serves the page, its files, and /docs. The dashboard has addresses of its own (/calls/…): what a browser
// asks for to look at, and is no file, is the dashboard. Every other path is answered with a problem document, as the API does.
func Handler(o Options) http.Handler {
	files := map[string]file{}
	err := fs.WalkDir(dist, "dist", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := dist.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(append([]byte(o.Version), body...))
		at := strings.TrimPrefix(name, "dist")
		f := file{name: path.Base(name), body: body, etag: strconv.Quote(hex.EncodeToString(sum[:8])), lasting: strings.HasPrefix(at, "/assets/")}
		f.packed = sync.OnceValue(f.pack)
		files[at] = f
		return nil
	})
	if err != nil {
		panic(err) // the files are in the program
	}
	files["/"] = files["/index.html"]
	files["/docs"] = files["/"] // for whoever asks: programs too, and whoever has not signed in
	delete(files, "/index.html")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := files[r.URL.Path]
		// What looks like one of our kinds of files is none; /catalogue/call.hungup is a page's address.
		if !ok && contentType(r.URL.Path) == "" && strings.Contains(r.Header.Get("Accept"), "text/html") {
			f, ok = files["/"], true
		}
		switch {
		case !ok:
			problem(w, http.StatusNotFound, "not_found", "there is nothing here; the page is at /, the API is described at /docs")
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			problem(w, http.StatusMethodNotAllowed, "method_not_allowed", "this can only be read")
		default:
			f.serve(w, r, o.FrameAncestors)
		}
	})
}

// pack returns the body as gzip makes it, or nil where that is no smaller.
func (f file) pack() []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	_, _ = z.Write(f.body) // to memory
	_ = z.Close()
	if b.Len() >= len(f.body)*9/10 {
		return nil
	}
	return b.Bytes()
}

// contentType is that of our kinds of files; "" of others. It is said here, because the tables of some machines call a
// script text/plain, which a browser does not run.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".md":
		return "text/plain; charset=utf-8"
	default:
		return ""
	}
}

func (f file) serve(w http.ResponseWriter, r *http.Request, frameAncestors func(*http.Request) []string) {
	h := w.Header()
	ancestors, framed := "'none'", false
	h.Set("Vary", "Accept-Encoding")
	if frameAncestors != nil && path.Ext(f.name) == ".html" {
		h.Set("Vary", "Accept-Encoding, Cookie")
		if origins := frameAncestors(r); len(origins) > 0 {
			ancestors, framed = strings.Join(origins, " "), true
		}
	}
	h.Set("Content-Type", contentType(f.name))
	h.Set("Content-Security-Policy", policy+ancestors)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	// Browsers ask each time for what has no version in its name, and are told that nothing has changed.
	h.Set("Cache-Control", "no-cache")
	if f.lasting {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body, etag := f.body, f.etag
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && r.Header.Get("Range") == "" {
		if packed := f.packed(); packed != nil {
			body, etag = packed, strings.TrimSuffix(etag, `"`)+`-gz"`
			h.Set("Content-Encoding", "gzip")
		}
	}
	if framed { // or a browser would keep the policy with the page
		h.Set("Cache-Control", "no-store")
	} else {
		h.Set("ETag", etag)
	}
	http.ServeContent(w, r, f.name, time.Time{}, bytes.NewReader(body))
}

// problem answers with a problem document (RFC 9457). Its words need no escapes.
func problem(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`{"type":"about:blank","title":"` + http.StatusText(status) + `","status":` + strconv.Itoa(status) +
		`,"detail":"` + detail + `","code":"` + code + `"}` + "\n"))
}
