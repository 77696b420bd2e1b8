package api

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"
)

// A person who follows a link, or comes back from the OpenID provider, sees a page where
// a program is answered with a problem document.

const noticeStyle = `:root{color-scheme:light dark;background:light-dark(#f5f7fa,#0c0f16);color:light-dark(#12151a,#f0f2f5)}` +
	`body{font:16px/1.5 Inter,system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1.5rem}h1{font-size:1.25rem}small{opacity:.7}a{color:light-dark(#2257c5,#7aa5f8)}` +
	`button{font:inherit;font-weight:600;padding:.4rem 1rem;border:0;border-radius:8px;background:light-dark(#2257c5,#7aa5f8);color:light-dark(#fff,#0c0f16);cursor:pointer}`

// noticeHead is how such pages begin.
const noticeHead = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>` + noticeStyle + `</style>
`

//nolint:gochecknoglobals // a constant that Go cannot write as such
var notice = template.Must(template.New("notice").Parse(noticeHead + `<title>{{.Title}}</title>
<h1>{{.Title}}</h1>
<p>{{.Detail}}</p>
<p><a href="/">To the sign-in page</a></p>
<p><small>{{.RequestID}}</small></p>
</html>
`))

// noticePolicy allows the page its one style, and nothing else; where a form may go is still
// to be said.
//
//nolint:gochecknoglobals // as above
var noticePolicy = func() string {
	sum := sha256.Sum256([]byte(noticeStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; frame-ancestors 'none'; form-action "
}()

// failPage is fail for a request that a person may have made.
func (a *api) failPage(w http.ResponseWriter, r *http.Request, err error) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		a.fail(w, r, err)
		return
	}
	p := a.problem(r.Context(), err)
	for name, values := range p.GetHeaders() {
		if name != "Www-Authenticate" { // a browser would ask for a password by itself
			h[name] = values
		}
	}
	title := "You are not signed in"
	if p.Status >= http.StatusInternalServerError {
		title = "Signing in does not work at the moment"
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", noticePolicy+"'none'")
	w.WriteHeader(p.Status)
	_ = notice.Execute(w, struct{ Title, Detail, RequestID string }{title, upperFirst(p.Detail) + ".", p.RequestID})
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// A question is whether somebody who is signed in is to be let in elsewhere instead.
type question struct{ Who, Into, Code string }

//nolint:gochecknoglobals // a constant that Go cannot write as such
var askPage = template.Must(template.New("ask").Parse(noticeHead + `<title>You are signed in already</title>
<h1>You are signed in as <bdi>{{.Who}}</bdi></h1>
<p>The link that you came by lets you into <bdi>{{.Into}}</bdi> instead. Go on only if you asked for that.</p>
<form method="post" action="/portal"><input type="hidden" name="code" value="{{.Code}}"><button>Go on to <bdi>{{.Into}}</bdi></button></form>
<p><a href="/">Stay as I am</a></p>
</html>
`))

// askWhether answers with the page that asks. No other page can have it in a frame, or press
// its button.
func askWhether(w http.ResponseWriter, q question) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	// The code is in the address. Without any referrer browsers would not say, either, that it
	// is our own page that the form comes from.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", noticePolicy+"'self'")
	_ = askPage.Execute(w, q)
}
