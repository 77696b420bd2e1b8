package api

import (
	"cmp"
	"crypto/sha256"
	"html"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/mail"
)

const (
	// pagesFor is how long the page of a preview is there.
	pagesFor = 10 * time.Minute
	// mostPages is how many of them there are at most, and pagesSize how large they are
	// together, in bytes: the oldest goes first.
	mostPages = 200
	pagesSize = 8 << 20

	previewPath = "/v1/previews/"
)

// A mailPage is the body of a mail, to be looked at in a frame.
type mailPage struct {
	html      string
	ancestors []string // who may have the frame, beside us
	ends      time.Time
}

// mailPages are those of previews, by what nobody can guess. Its zero value is empty.
type mailPages struct {
	mu    sync.Mutex
	pages map[hash]mailPage
	order []hash // the oldest first
	size  int
}

// keep keeps a page for a while, and returns its path.
func (p *mailPages) keep(page string, ancestors []string) (path string) {
	token, h := newToken()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pages == nil {
		p.pages = map[hash]mailPage{}
	}
	at := time.Now()
	p.pages[h] = mailPage{page, ancestors, at.Add(pagesFor)}
	p.order, p.size = append(p.order, h), p.size+len(page)
	for len(p.order) > 1 && (len(p.order) > mostPages || p.size > pagesSize || !at.Before(p.pages[p.order[0]].ends)) {
		p.size -= len(p.pages[p.order[0]].html)
		delete(p.pages, p.order[0])
		p.order = p.order[1:]
	}
	return previewPath + token
}

func (p *mailPages) find(token string) (mailPage, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	page, ok := p.pages[sha256.Sum256([]byte(token))]
	return page, ok && time.Now().Before(page.ends)
}

// pageOfMail is what shows a mail's body: its HTML, or its text where it has none.
func pageOfMail(m *mail.Message, logo string) string {
	if m.HTML == "" {
		return "<!doctype html>\n<meta charset=\"utf-8\">\n<pre style=\"white-space:pre-wrap;font:14px/1.5 system-ui,sans-serif;margin:16px\">" + html.EscapeString(m.Text) + "</pre>\n"
	}
	return strings.ReplaceAll(m.HTML, "cid:logo", cmp.Or(logo, "data:,"))
}

// serveMailPage answers with a page that somebody else has written: nothing in it runs, asks
// for anything elsewhere or leads anywhere.
func serveMailPage(w http.ResponseWriter, page mailPage) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors "+
		strings.Join(append([]string{"'self'"}, page.ancestors...), " "))
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	_, _ = w.Write([]byte(page.html)) // whoever went away gets none
}

func (a *api) registerTemplatePages() {
	a.mux.HandleFunc("GET "+previewPath+"{token}", func(w http.ResponseWriter, r *http.Request) {
		page, ok := a.previews.find(r.PathValue("token"))
		if !ok {
			a.fail(w, r, switchhook.Errorf(switchhook.CodeNotFound, "there is no such preview any more; make it again"))
			return
		}
		serveMailPage(w, page)
	})
	a.document(huma.Operation{
		OperationID: "get-preview-page", Method: http.MethodGet, Path: previewPath + "{token}", Tags: []string{"Notifications"}, Summary: "The page of a preview",
		Description: "What html_url names, for whoever has it.", Security: []map[string][]string{{}},
		Parameters: []*huma.Param{{Name: "token", In: "path", Required: true, Description: "As in html_url.", Schema: &huma.Schema{Type: huma.TypeString}}},
		Responses:  map[string]*huma.Response{"200": htmlResponse()},
	})
}

func htmlResponse() *huma.Response {
	return &huma.Response{
		Description: "The page", Content: map[string]*huma.MediaType{"text/html": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}
}
