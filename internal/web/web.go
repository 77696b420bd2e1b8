// Package web is the page that a browser sees at /: what is running, the live
// list of deliveries, and at /docs the API's description made readable. It is
// three small files of HTML, CSS and JavaScript without a framework or a build
// step, embedded in the program. The page holds no data: it asks the API, with
// the key that its user gives it.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed static
var static embed.FS

// policy lets the page load nothing that is not from here. There is no inline script or
// style in it. Who may have it in a frame follows.
const policy = "default-src 'self'; base-uri 'none'; form-action 'none'; object-src 'none'; frame-ancestors "

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
}

// Handler serves the page, its files, and /docs. Every other path is answered
// with a problem document, as the API does.
func Handler(o Options) http.Handler {
	files := map[string]file{}
	err := fs.WalkDir(static, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := static.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(append([]byte(o.Version), body...))
		f := file{name: path.Base(name), body: body, etag: strconv.Quote(hex.EncodeToString(sum[:8]))}
		files[urlOf(f.name)] = f
		return nil
	})
	if err != nil {
		panic(err) // the files are in the program
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := files[r.URL.Path]
		switch {
		case !ok:
			problem(w, http.StatusNotFound, "not_found", "there is nothing here; the page is at /, the API is described at /docs")
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			problem(w, http.StatusMethodNotAllowed, "method_not_allowed", "this can only be read")
		default:
			serve(w, r, f, o.FrameAncestors)
		}
	})
}

// urlOf is where a file is found: a page by its name without the ending.
func urlOf(name string) string {
	if name == "index.html" {
		return "/"
	}
	return "/" + strings.TrimSuffix(name, ".html")
}

// contentType is said here, because the tables of some machines call a script
// text/plain, which a browser does not run.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	default:
		return "image/svg+xml"
	}
}

func serve(w http.ResponseWriter, r *http.Request, f file, frameAncestors func(*http.Request) []string) {
	h := w.Header()
	ancestors, framed := "'none'", false
	if frameAncestors != nil && path.Ext(f.name) == ".html" {
		h.Set("Vary", "Cookie")
		if origins := frameAncestors(r); len(origins) > 0 {
			ancestors = strings.Join(origins, " ")
			framed = true
		}
	}
	h.Set("Content-Type", contentType(f.name))
	h.Set("Content-Security-Policy", policy+ancestors)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	// The files have no version in their names: browsers ask each time, and are
	// told that nothing has changed.
	h.Set("Cache-Control", "no-cache")
	if framed { // or a browser would keep the policy with the page
		h.Set("Cache-Control", "no-store")
	} else {
		h.Set("ETag", f.etag)
	}
	http.ServeContent(w, r, f.name, time.Time{}, bytes.NewReader(f.body))
}

// problem answers with a problem document (RFC 9457). Its words need no escapes.
func problem(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`{"type":"about:blank","title":"` + http.StatusText(status) + `","status":` + strconv.Itoa(status) +
		`,"detail":"` + detail + `","code":"` + code + `"}` + "\n"))
}
