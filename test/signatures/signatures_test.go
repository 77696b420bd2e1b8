// Package signatures_test lets clients that others wrote, from the npm registry,
// verify what the running product sends.
package signatures_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/app"
)

// A request as verify.mjs reads it.
type request struct {
	Secret    string            `json:"secret"`
	PublicKey string            `json:"publicKey,omitempty"`
	Headers   map[string]string `json:"headers"`
	Content   string            `json:"content"`
}

func TestOthersVerifyOurSignatures(t *testing.T) {
	t.Parallel()
	node := clients(t)
	arrived := make(chan request, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		req := request{Secret: r.URL.Path[1:], Headers: map[string]string{}, Content: string(body)}
		if r.Method == http.MethodGet {
			req.Content = r.URL.RawQuery
		}
		for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
			req.Headers[name] = r.Header.Get(name)
		}
		arrived <- req
	}))
	defer receiver.Close()

	post := product(t)
	secrets := map[string]string{} // webhook → the secret that it began with
	public := map[string]string{}  // webhook → its public key, where it has one
	for name, settings := range map[string]string{
		"switchhook": `"dialect":"switchhook"`,
		"kazoo form": `"dialect":"kazoo"`,
		"kazoo json": `"dialect":"kazoo","format":"json"`,
		"kazoo get":  `"dialect":"kazoo","method":"get"`,
		"voipbin":    `"dialect":"voipbin"`,
		"primevox":   `"dialect":"primevox"`,
		"both":       `"signing":"both"`,
	} {
		var created struct {
			ID, Secret string
			Secrets    []struct {
				PublicKey string `json:"public_key"`
			}
		}
		path := strings.ReplaceAll(name, " ", "-")
		post("/v1/webhooks", `{"url":"`+receiver.URL+`/`+path+`","events":["call.*"],`+settings+`}`, &created)
		secrets[path] = created.Secret
		for _, s := range created.Secrets {
			public[path] += s.PublicKey
		}
		if name == "kazoo json" { // signed by the old key as well as by the new one
			post("/v1/webhooks/"+created.ID+"/rotate-secret", `{}`, &struct{}{})
		}
	}
	post("/v1/events", `{"type":"call.created","data":{"call":{"id":"a","direction":"inbound","from":{"name":"Zoë \"& Co\" <%>","address":"+1"}}}}`, &struct{}{})

	var lines bytes.Buffer
	for range secrets {
		req := <-arrived
		req.Secret, req.PublicKey = secrets[req.Secret], public[req.Secret]
		if err := json.NewEncoder(&lines).Encode(req); err != nil {
			t.Fatal(err)
		}
	}
	node.Stdin = &lines
	out, err := node.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "15 checked") {
		t.Errorf("%v\n%s", err, out)
	}
}

// product runs Switchhook and returns what posts to it.
func product(t *testing.T) func(path, body string, answer any) {
	t.Helper()
	a, err := app.New(t.Context(), app.Config{
		Listen: "127.0.0.1:0", Data: t.TempDir(), AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return func(path, body string, answer any) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+a.AdminKey())
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode >= 300 {
			t.Fatalf("POST %s: %d %s %v", path, resp.StatusCode, b, err)
		}
		if err := json.Unmarshal(b, answer); err != nil {
			t.Fatalf("POST %s: %v: %s", path, err, b)
		}
	}
}

// clients installs the clients into a folder of the test's own and returns the
// command that runs them.
func clients(t *testing.T) *exec.Cmd {
	t.Helper()
	leaveOut := func(why string) {
		if os.Getenv("CI") == "true" {
			t.Fatal(why)
		}
		t.Skip("left out: " + why)
	}
	if _, err := exec.LookPath("npm"); err != nil {
		leaveOut("npm is not installed (make deps)")
	}
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "verify.mjs"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	install := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		leaveOut("the clients could not be installed: " + err.Error() + "\n" + string(out))
	}
	node := exec.CommandContext(ctx, "node", "verify.mjs")
	node.Dir = dir
	return node
}
