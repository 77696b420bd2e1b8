// Package openid_test lets people sign in at an OpenID provider that others wrote, from
// the npm registry, as browsers do.
package openid_test

import (
	"bufio"
	"context"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/app"
)

const secret = "a+secret/with:signs"

func TestSignInAtAProvider(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	issuer := provider(t, "http://"+address+"/signin/oidc/callback")
	base, key := product(t, address, issuer)
	post(t, base, key, "/v1/users", `{"login":"ada@example.com","name":"Ada","role":"developer"}`)
	post(t, base, key, "/v1/users", `{"login":"new-bob@example.com","role":"viewer"}`)

	ada := newBrowser(t, base)
	callback := ada.signIn("ada@example.com")
	if got := ada.session(); got["login"] != "ada@example.com" || got["role"] != "developer" || got["has_password"] != false {
		t.Errorf("%v", got)
	}
	// The same once more is worth nothing, here or elsewhere.
	for _, b := range []*browser{ada, newBrowser(t, base)} {
		if _, status, body := b.get(callback); status != http.StatusUnauthorized || !strings.Contains(body, "The sign-in was not begun in this browser, or is over") {
			t.Errorf("%d %s", status, body)
		}
	}

	for who, want := range map[string]string{
		"eve@example.com":     "knows you as eve@example.com, subject eve@example.com, and there is no such user here",
		"new-bob@example.com": "knows you as the subject new-bob@example.com and without a verified e-mail address",
	} {
		b := newBrowser(t, base)
		b.signIn(who)
		if b.status != http.StatusForbidden || !strings.Contains(b.body, want) || b.session() != nil {
			t.Errorf("%s: %d %s", who, b.status, b.body)
		}
	}
	post(t, base, key, "/v1/users", `{"login":"bob","role":"viewer","oidc_subject":"new-bob@example.com"}`)
	bob := newBrowser(t, base)
	bob.signIn("new-bob@example.com")
	if got := bob.session(); got["login"] != "bob" {
		t.Errorf("%v %d %s", got, bob.status, bob.body)
	}

	// Who changes their mind at the provider is told so.
	b := newBrowser(t, base)
	at, _, body := b.get(base + "/signin/oidc")
	abort := regexp.MustCompile(`href="([^"]*/abort)"`).FindStringSubmatch(body)
	if abort == nil {
		t.Fatalf("%s %s", at, body)
	}
	if _, status, body := b.get(b.resolve(at, html.UnescapeString(abort[1]))); status != http.StatusUnauthorized || !strings.Contains(body, "The OpenID provider has not let you in: access_denied") {
		t.Errorf("%d %s", status, body)
	}
}

// A browser has cookies, follows redirects, and shows a page.
type browser struct {
	t      *testing.T
	http   *http.Client
	base   string
	status int
	body   string
}

func newBrowser(t *testing.T, base string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &browser{t: t, http: &http.Client{Jar: jar, Timeout: 30 * time.Second}, base: base}
}

func (b *browser) get(to string) (at string, status int, body string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, to, nil)
	must(b.t, err)
	return b.show(req)
}

func (b *browser) show(req *http.Request) (at string, status int, body string) {
	b.t.Helper()
	req.Header.Set("Accept", "text/html")
	res, err := b.http.Do(req)
	must(b.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(b.t, err)
	b.status, b.body = res.StatusCode, string(text)
	return res.Request.URL.String(), b.status, b.body
}

func (b *browser) resolve(at, to string) string {
	b.t.Helper()
	u, err := url.Parse(at)
	must(b.t, err)
	ref, err := u.Parse(to)
	must(b.t, err)
	return ref.String()
}

var (
	action = regexp.MustCompile(`<form[^>]*action="([^"]+)"`)
	prompt = regexp.MustCompile(`name="prompt" value="([a-z]+)"`)
)

// signIn signs in at the provider, and returns the URL by which the browser came back.
func (b *browser) signIn(who string) (callback string) {
	b.t.Helper()
	b.http.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), b.base+"/signin/oidc/callback?") {
			callback = r.URL.String()
		}
		return nil
	}
	at, _, body := b.get(b.base + "/signin/oidc?return=/")
	for range 5 { // its forms: who it is, and what we may know of them
		form, asks := action.FindStringSubmatch(body), prompt.FindStringSubmatch(body)
		if strings.HasPrefix(at, b.base) || form == nil || asks == nil {
			break
		}
		fields := url.Values{"prompt": {asks[1]}}
		if asks[1] == "login" {
			fields.Set("login", who)
			fields.Set("password", "any")
		}
		req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.resolve(at, html.UnescapeString(form[1])), strings.NewReader(fields.Encode()))
		must(b.t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		at, _, body = b.show(req)
	}
	if callback == "" {
		b.t.Fatalf("the browser did not come back: %s %s", at, body)
	}
	return callback
}

func (b *browser) session() map[string]any {
	b.t.Helper()
	status, body := b.status, b.body
	defer func() { b.status, b.body = status, body }()
	if b.get(b.base + "/v1/session"); b.status != http.StatusOK {
		return nil
	}
	var session map[string]any
	must(b.t, json.Unmarshal([]byte(b.body), &session))
	return session
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// freeAddress is one that nobody listens at. The provider has to know it before the
// product does.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

// product runs Switchhook.
func product(t *testing.T, address, issuer string) (base, key string) {
	t.Helper()
	a, err := app.New(t.Context(), app.Config{
		Listen: address, Data: t.TempDir(), Logger: slog.New(slog.DiscardHandler),
		OIDC: app.OIDC{Issuer: issuer, ClientID: "switchhook", ClientSecret: secret},
	})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return a.URL(), a.AdminKey()
}

func post(t *testing.T, base, key, path, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+path, strings.NewReader(body))
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s %v", res.StatusCode, b, err)
	}
}

// provider installs the provider into a folder of the test's own, starts it, and returns
// its issuer.
func provider(t *testing.T, redirect string) string {
	t.Helper()
	leaveOut := func(why string) {
		t.Helper()
		if os.Getenv("CI") == "true" {
			t.Fatal(why)
		}
		t.Skip("left out: " + why)
	}
	if _, err := exec.LookPath("npm"); err != nil {
		leaveOut("npm is not installed (make deps)")
	}
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "provider.mjs"} {
		b, err := os.ReadFile(name)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	install := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		leaveOut("the provider could not be installed: " + err.Error() + "\n" + string(out))
	}
	node := exec.CommandContext(ctx, "node", "provider.mjs")
	node.Dir, node.Env = dir, append(os.Environ(), "CLIENT_SECRET="+secret, "NODE_NO_WARNINGS=1")
	in, err := node.StdinPipe()
	must(t, err)
	out, err := node.StdoutPipe()
	must(t, err)
	must(t, node.Start())
	t.Cleanup(func() {
		_ = in.Close() // with which it ends
		_ = node.Wait()
	})
	lines := bufio.NewScanner(out)
	lines.Scan()
	issuer := lines.Text()
	_, err = io.WriteString(in, redirect+"\n")
	must(t, err)
	if lines.Scan(); lines.Text() != "ready" {
		t.Fatalf("the provider did not start: %q", lines.Text())
	}
	return issuer
}
