package api_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/internal/api"
	"github.com/switchhook/switchhook/internal/web"
)

// A PNG of one pixel, its first bytes; and an SVG.
const (
	png = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
	svg = `<?xml version="1.0"?><!-- ours --><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`
)

func svgLogo() string {
	return "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(svg))
}

// brandOf is how the page looks for whoever has a key.
func (s *server) brandOf(key string) string {
	s.t.Helper()
	var session struct{ Brand map[string]string }
	s.ok(200, request{path: "/v1/session", key: key}, &session)
	return strings.TrimPrefix(fmt.Sprint(session.Brand), "map")
}

// The operator sets how the page looks, a reseller something of its own; their customers
// see it, and before anybody has signed in it is the operator's.
func TestBrand(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	east := s.key(`{"account_id":"acme-east","role":"viewer"}`).Key
	if got := s.brandOf(east); got != "[]" {
		t.Error(got)
	}
	var account struct {
		Portal struct {
			Name, Logo     string
			FrameAncestors []string `json:"frame_ancestors"`
		}
	}
	s.ok(200, s.patchAccount("root", "", `{"portal":{"name":"Voice","logo":"`+png+`","accent":"#0A7CFF","accent_dark":"#5aa9ff","frame_ancestors":["https://portal.example.com/"]}}`), &account)
	logo := account.Portal.Logo
	if !strings.HasPrefix(logo, "/v1/logos/") || account.Portal.FrameAncestors[0] != "https://portal.example.com" {
		t.Fatalf("%+v", account)
	}
	all := "[accent:#0a7cff accent_dark:#5aa9ff logo:" + logo + " name:Voice]"
	var ways struct{ Brand map[string]string }
	s.ok(200, request{path: "/v1/session/ways", key: "-"}, &ways)
	if got := s.brandOf(east); got != all || fmt.Sprint(ways.Brand) != "map"+all {
		t.Errorf("%s %v", got, ways)
	}
	// One accent is both, and what is sent back as it was read stays.
	s.ok(200, s.patchAccount("acme", acmeKey, `{"portal":{"name":"Acme Voice","accent":"#ff0000"}}`), nil)
	s.ok(200, s.patchAccount("root", "", `{"portal":{"logo":"`+logo+`"}}`), nil)
	if got, want := s.brandOf(east), "[accent:#ff0000 logo:"+logo+" name:Acme Voice]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := s.brandOf(rootKey); got != all {
		t.Error(got)
	}

	// The image is served to everybody who knows where, and does nothing by itself.
	res := s.do(request{path: logo, key: "-"})
	if res.status != 200 || res.header.Get("Content-Type") != "image/png" || base64.StdEncoding.EncodeToString(res.body) != strings.TrimPrefix(png, "data:image/png;base64,") || !strings.Contains(res.header.Get("Cache-Control"), "immutable") {
		t.Errorf("%d %v", res.status, res.header)
	}
	s.ok(200, s.patchAccount("acme", acmeKey, `{"portal":{"logo":"`+svgLogo()+`"}}`), &account)
	res = s.do(request{path: account.Portal.Logo, key: "-"})
	if csp := res.header.Get("Content-Security-Policy"); res.header.Get("Content-Type") != "image/svg+xml" || !strings.HasPrefix(csp, "default-src 'none';") || !strings.HasSuffix(csp, "; sandbox") || res.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v", res.header)
	}
	for _, path := range []string{"/v1/accounts", "/v1/audit"} {
		if body := string(s.do(request{path: path}).body); strings.Contains(body, "base64") || !strings.Contains(body, account.Portal.Logo) {
			t.Errorf("%s shows the image itself, or not where it is: %s", path, body)
		}
	}
	// Taken away, all is as it was.
	s.ok(200, s.patchAccount("acme", acmeKey, `{"portal":null}`), nil)
	s.ok(200, s.patchAccount("root", "", `{"portal":{"name":null,"logo":null,"accent":null,"accent_dark":null,"frame_ancestors":[]}}`), nil)
	if got := s.brandOf(east); got != "[]" {
		t.Error(got)
	}
	if body := string(s.do(request{path: "/v1/accounts"}).body); strings.Contains(body, "portal") {
		t.Error(body)
	}
	if res := s.do(request{path: logo, key: "-"}); res.status != 404 {
		t.Error(res.status)
	}
}

func TestWrongPortals(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const image = "expected a data: URI of a PNG, JPEG, WebP, GIF or SVG in base64, such as data:image/png;base64,…"
	data := func(mediaType, content string) string {
		return "data:" + mediaType + ";base64," + base64.StdEncoding.EncodeToString([]byte(content))
	}
	for _, c := range []struct{ field, value, message string }{
		{"name", `"` + strings.Repeat("x", 81) + `"`, "expected at most 80 characters"},
		{"accent", `"red"`, "expected a colour such as #0a7cff"},
		{"accent_dark", `"#12345"`, "expected a colour such as #0a7cff"},
		{"logo", `"https://example.com/logo.png"`, image},
		{"logo", `"/v1/logos/0123"`, image},
		{"logo", `"data:image/png;base64,%"`, image},
		{"logo", `"` + data("text/html", "<script>") + `"`, image},
		{"logo", `"` + data("image/png", "<script>") + `"`, "is no image/png"},
		{"logo", `"` + data("image/svg+xml", "<html/>") + `"`, "is no image/svg+xml"},
		{"logo", `"` + data("image/svg+xml", strings.Repeat("x", 70_000)) + `"`, "expected an image of at most 64 KiB"},
	} {
		s.problem(s.patchAccount("acme", "", `{"portal":{"`+c.field+`":`+c.value+`}}`), wrong("portal."+c.field, c.message))
	}
	const origin = "expected the origin of a page, such as https://portal.example.com; http only on localhost and 127.0.0.1"
	for _, o := range []string{
		"*", "https://*", "https://*.example.com", "http://portal.example.com", "https://portal.example.com/path", "https://a@example.com", "https://example.com;script-src *", "https://example.com https://evil.example",
		"https://example.com?x", "https://example.com#x", "https://example.com:0", "https://example.com:x", "https://example.com:", "https://", "https://ä.example", "'self'", "data:", "https://[::1]", "ftp://localhost", "https://example.com\\n",
	} {
		s.problem(s.patchAccount("acme", "", `{"portal":{"frame_ancestors":["https://portal.example.com","`+o+`"]}}`), wrong("portal.frame_ancestors[1]", origin))
	}
	for _, o := range []string{"https://portal.example.com:8443", "http://localhost:3000", "http://127.0.0.1:3000", "https://PORTAL.example.com", "https://xn--4ca.example"} {
		s.ok(200, s.patchAccount("acme", "", `{"portal":{"frame_ancestors":["`+o+`"]}}`), nil)
	}
	s.problem(s.patchAccount("acme", "", `{"portal":{"colour":"red"}}`), wrong("portal.colour", "there is no such field"))
}

// embedding is a server whose page customers of acme see in a frame at portal.example.com.
func embedding(t *testing.T, publicURL string) *server {
	t.Helper()
	s := newServer(t, func(o *api.Options) {
		o.PublicURL = publicURL
		o.Web = web.Handler(web.Options{FrameAncestors: api.FrameAncestors})
	})
	s.ok(200, s.patchAccount("root", "", `{"portal":{"frame_ancestors":["https://portal.example.com","http://localhost:3000"]}}`), nil)
	return s
}

// embed follows a link for a frame, and returns the cookie that the browser is to keep.
func (s *server) embed(body string) *http.Cookie {
	s.t.Helper()
	var link struct{ URL, Code string }
	s.ok(201, request{method: "POST", path: "/v1/portal-links", key: acmeKey, body: body}, &link)
	res := s.do(request{path: "/portal?code=" + link.Code, key: "-"})
	if res.status != 303 || len(res.header.Values("Set-Cookie")) != 1 {
		s.t.Fatalf("%d %v", res.status, res.header)
	}
	cookie, err := http.ParseSetCookie(res.header.Get("Set-Cookie"))
	check(s.t, err)
	return cookie
}

// ancestors are who may have the page in a frame, for a browser with a cookie.
func (s *server) ancestors(cookie string) string {
	s.t.Helper()
	res := s.do(as(cookie, request{path: "/"}))
	_, ancestors, ok := strings.Cut(res.header.Get("Content-Security-Policy"), "frame-ancestors ")
	if res.status != 200 || !ok || !strings.Contains(res.header.Get("Vary"), "Cookie") {
		s.t.Errorf("%d %v", res.status, res.header)
	}
	if framed := ancestors != "'none'"; framed != (res.header.Get("ETag") == "") {
		s.t.Errorf("%v: a browser would keep the policy with the page", res.header)
	}
	return ancestors
}

func TestPortalInAFrame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := embedding(t, "https://hooks.example.com")
		s.ada()
		cookie := s.embed(`{"account_id":"acme-east","role":"developer","session_for":"10m","embed":true}`)
		if cookie.Name != "switchhook_portal" || !cookie.Partitioned || cookie.SameSite != http.SameSiteNoneMode || !cookie.Secure || !cookie.HttpOnly || cookie.MaxAge != 0 || cookie.Path != "/" {
			t.Errorf("%+v", cookie)
		}
		frame := cookie.Name + "=" + cookie.Value
		var session map[string]any
		s.ok(200, as(frame, request{path: "/v1/session"}), &session)
		if session["kind"] != "portal_link" || session["embedded"] != true || session["account_id"] != "acme-east" || session["account_name"] != "Acme East" || session["role"] != "developer" {
			t.Errorf("%v", session)
		}
		// Only the page of who has been let into a frame may be in one.
		own := s.signIn(`{"login":"ada@example.com","password":"correct horse battery"}`)
		const both = "https://portal.example.com http://localhost:3000"
		for cookies, want := range map[string]string{
			frame: both, "": "'none'", own: "'none'", "switchhook_portal=guessed": "'none'", own + "; " + frame: both,
		} {
			if got := s.ancestors(cookies); got != want {
				t.Errorf("%s: %s", cookies, got)
			}
		}
		// What is in the frame acts as the link says, whoever is signed in beside it: also when
		// the link's session has ended.
		s.ok(200, as(own+"; "+frame, request{path: "/v1/session"}), &session)
		if session["kind"] != "portal_link" {
			t.Errorf("%v", session)
		}
		time.Sleep(10 * time.Minute)
		s.problem(as(own+"; "+frame, request{path: "/v1/session"}), ended)
		if got := s.ancestors(own + "; " + frame); got != "'none'" {
			t.Error(got)
		}
		// Signing in there in earnest puts an end to that, and signing out to both.
		res := s.do(as(frame, request{method: "POST", path: "/v1/session", body: `{"key":"` + acmeKey + `"}`, header: map[string]string{"Sec-Fetch-Site": "same-origin"}}))
		if set := strings.Join(res.header.Values("Set-Cookie"), "\n"); res.status != 201 || !strings.Contains(set, "switchhook_portal=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=None; Partitioned") {
			t.Errorf("%d %s", res.status, set)
		}
		cookie = s.embed(`{"embed":true}`)
		frame = cookie.Name + "=" + cookie.Value
		res = s.do(as(own+"; "+frame, request{method: "DELETE", path: "/v1/session", header: map[string]string{"Sec-Fetch-Site": "same-origin"}}))
		if set := res.header.Values("Set-Cookie"); res.status != 204 || len(set) != 2 {
			t.Errorf("%d %v", res.status, set)
		}
		s.problem(as(own, request{path: "/v1/session"}), ended)
		s.problem(as(frame, request{path: "/v1/session"}), ended)
	})
}

// The cookie of a frame goes with what the page around it sends, too. That changes nothing.
func TestThePageAroundAFrameChangesNothing(t *testing.T) {
	t.Parallel()
	s := embedding(t, "https://hooks.example.com")
	cookie := s.embed(`{"embed":true}`)
	frame := cookie.Name + "=" + cookie.Value
	refused := api.Problem{Status: 403, Code: "forbidden", Detail: "a page of another origin may not do this"}
	for _, header := range []map[string]string{
		{"Sec-Fetch-Site": "cross-site", "Origin": "https://portal.example.com"},
		{"Sec-Fetch-Site": "same-site", "Origin": "https://portal.example.com"},
		{"Origin": "https://portal.example.com"},
		{"Origin": "null"},
		nil, // a browser that says nothing
	} {
		r := create(hook)
		r.header = header
		s.problem(as(frame, r), refused)
		s.problem(as(frame, request{method: "DELETE", path: "/v1/session", header: header}), refused)
	}
	for _, header := range []map[string]string{{"Sec-Fetch-Site": "same-origin", "Origin": "https://hooks.example.com"}, {"Origin": "https://hooks.example.com"}} {
		r := create(hook)
		r.header = header
		s.ok(201, as(frame, r), nil)
	}
	s.ok(200, as(frame, request{path: "/v1/session", header: map[string]string{"Sec-Fetch-Site": "same-origin"}}), nil)
}

// A link for a frame that would stay empty is not made; and on the own machine plain HTTP
// will do.
func TestWhereFramesWork(t *testing.T) {
	t.Parallel()
	s := embedding(t, "http://hooks.example.com")
	link := request{method: "POST", path: "/v1/portal-links", key: acmeKey, body: `{"embed":true}`}
	s.problem(link, wrong("embed", "browsers take a cookie in a frame by HTTPS alone, and this server is http://hooks.example.com; see --public-url"))
	s.ok(200, s.patchAccount("root", "", `{"portal":null}`), nil)
	s.problem(link, wrong("embed", "no page may have the portal of acme in a frame: neither it nor an account above it has portal.frame_ancestors"))

	s = embedding(t, "http://127.0.0.1:8420")
	cookie := s.embed(`{"embed":true}`)
	if cookie.Name != "switchhook_portal" || cookie.Partitioned || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure {
		t.Errorf("%+v", cookie)
	}
	if got := s.ancestors(cookie.Name + "=" + cookie.Value); !strings.HasPrefix(got, "https://portal.example.com") {
		t.Error(got)
	}
	// A link that is not for a frame is for none.
	cookie = s.embed(`{}`)
	if got := s.ancestors(cookie.Name + "=" + cookie.Value); cookie.Name != "switchhook_session" || got != "'none'" {
		t.Errorf("%+v %s", cookie, got)
	}
	// A person whose link is used up sees a page.
	res := s.do(request{path: "/portal?code=used", key: "-", header: map[string]string{"Accept": "text/html"}})
	if res.status != 401 || !strings.Contains(string(res.body), "<p>The link was used already, or is older than 60 seconds; ask for another one.</p>") || res.header.Get("Www-Authenticate") != "" {
		t.Errorf("%d %s", res.status, res.body)
	}
}

// Nobody becomes somebody else by being sent to a link, as any page can send them: who is
// signed in says first that they want it.
func TestPortalLinkOfSomebodyElse(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.ada()
	own := s.signIn(`{"login":"ada@example.com","password":"correct horse battery"}`)
	link := func(account string) (code string) {
		var link struct{ Code string }
		s.ok(201, post2("/v1/portal-links", `{"account_id":"`+account+`"}`), &link)
		return link.Code
	}
	follow := func(cookie, code string) reply { return s.do(as(cookie, request{path: "/portal?code=" + code})) }
	goOn := func(code, site string) reply {
		return s.do(as(own, request{method: "POST", path: "/portal", body: "code=" + code, header: map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": site}}))
	}
	code := link("acme-east")
	for range 2 { // to ask uses nothing up
		res := follow(own, code)
		if res.status != 200 || res.header.Get("Set-Cookie") != "" || !strings.Contains(string(res.body), "lets you into <bdi>Acme East</bdi>") ||
			!strings.Contains(res.header.Get("Content-Security-Policy"), "frame-ancestors 'none'; form-action 'self'") || res.header.Get("Referrer-Policy") != "same-origin" {
			t.Fatalf("%d %v %s", res.status, res.header, res.body)
		}
	}
	if res := goOn(code, "cross-site"); res.status != 403 || res.header.Get("Set-Cookie") != "" {
		t.Errorf("%d %v", res.status, res.header)
	}
	res := goOn(code, "same-origin")
	if res.status != 303 || res.header.Get("Location") != "/" {
		t.Fatalf("%d %s", res.status, res.body)
	}
	east := cookieOf(t, res)
	for name, c := range map[string]struct {
		cookie, account string
		want            int
	}{
		"by a link into the same account": {east, "acme-east", 303},
		"by a link into another":          {east, "acme", 200},
		"no more":                         {"switchhook_session=ended", "acme", 303},
	} {
		if res := follow(c.cookie, link(c.account)); res.status != c.want {
			t.Errorf("signed in %s: %d", name, res.status)
		}
	}
	if res := goOn(code, "same-origin"); res.status != 401 {
		t.Errorf("the code is good twice: %d", res.status)
	}
}
