package signatures_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver"
)

// A signed is a request as a receiver has it, and whether it is to be believed.
type signed struct {
	secret, id, timestamp, signature, content string
	good                                      bool
}

// TestSnippetsVerify runs the code that the page shows, word by word, in each language
// that there is here, on requests of the running product.
func TestSnippetsVerify(t *testing.T) {
	t.Parallel()
	cases := signedRequests(t)
	var lines bytes.Buffer
	want := ""
	for _, c := range cases {
		for i, field := range []string{c.secret, c.id, c.timestamp, c.signature, c.content} {
			if i > 0 {
				lines.WriteByte('\t')
			}
			lines.WriteString(base64.StdEncoding.EncodeToString([]byte(field)))
		}
		lines.WriteByte('\n')
		if c.good {
			want += "true\n"
		} else {
			want += "false\n"
		}
	}
	for _, language := range []struct {
		name, snippet, as, main, mainAs string
		commands                        [][]string
	}{
		{"go", "verify.go.txt", "hook/verify.go", "main.go.txt", "main.go", [][]string{{"go", "mod", "init", "snippet"}, {"go", "run", "."}}},
		{"node", "verify.mjs.txt", "verify.mjs", "main.mjs", "main.mjs", [][]string{{"node", "main.mjs"}}},
		{"python", "verify.py.txt", "verify.py", "main.py", "main.py", [][]string{{"python3", "-B", "main.py"}}},
		{"php", "verify.php.txt", "verify.php", "main.php", "main.php", [][]string{{"php", "main.php"}}},
		{"java", "Verify.java.txt", "Verify.java", "Main.java", "Main.java", [][]string{{"javac", "Main.java", "Verify.java"}, {"java", "Main"}}},
		{"c#", "Verify.cs.txt", "Verify.cs", "Main.cs", "Main.cs", [][]string{{"mcs", "-out:main.exe", "Main.cs", "Verify.cs"}, {"mono", "main.exe"}}},
	} {
		t.Run(language.name, func(t *testing.T) {
			t.Parallel()
			for _, c := range language.commands {
				_, err := exec.LookPath(c[0])
				switch {
				case err != nil && os.Getenv("CI") == "true":
					t.Fatalf("there is no %s here (make deps)", c[0])
				case err != nil:
					t.Skipf("left out: there is no %s here (make deps)", c[0])
				}
			}
			dir := t.TempDir()
			copyFile(t, filepath.Join("../../ui/src/pages/webhooks/verify", language.snippet), filepath.Join(dir, language.as))
			copyFile(t, filepath.Join("testdata", language.main), filepath.Join(dir, language.mainAs))
			var out []byte
			for _, c := range language.commands {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				cmd := exec.CommandContext(ctx, c[0], c[1:]...)
				cmd.Dir, cmd.Stdin = dir, bytes.NewReader(lines.Bytes())
				cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
				var said bytes.Buffer
				cmd.Stderr = &said
				var err error
				if out, err = cmd.Output(); err != nil {
					t.Fatalf("%v: %v\n%s", c, err, said.String())
				}
			}
			if got := strings.ReplaceAll(string(out), "\r\n", "\n"); got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// signedRequests are those that the product sends, among them with two signatures and
// of GET, and such as are not to be believed.
func signedRequests(t *testing.T) []signed {
	t.Helper()
	arrived := make(chan signed, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s := signed{
			secret: r.URL.Path[1:], id: r.Header.Get("webhook-id"), timestamp: r.Header.Get("webhook-timestamp"),
			signature: r.Header.Get("webhook-signature"), content: string(body), good: true,
		}
		if r.Method == http.MethodGet {
			s.content = r.URL.RawQuery
		}
		arrived <- s
	}))
	defer receiver.Close()
	post := product(t)
	secrets := map[string]string{}
	for path, settings := range map[string]string{"post": `"signing":"both"`, "get": `"dialect":"kazoo","method":"get"`, "rotated": `"dialect":"kazoo"`} {
		var created struct{ ID, Secret string }
		post("/v1/webhooks", `{"url":"`+receiver.URL+`/`+path+`","events":["call.*"],`+settings+`}`, &created)
		secrets[path] = created.Secret
		if path == "rotated" {
			post("/v1/webhooks/"+created.ID+"/rotate-secret", `{}`, &struct{}{})
		}
	}
	post("/v1/events", `{"type":"call.created","data":{"call":{"id":"a","from":{"name":"Zoë \"& Co\" <%>","address":"+1"}}}}`, &struct{}{})
	var all []signed
	for range secrets {
		s := <-arrived
		s.secret = secrets[s.secret]
		changed, other, none := s, s, s
		changed.content, changed.good = s.content+" ", false
		other.id, other.good = "msg_other", false
		none.signature, none.good = "", false
		all = append(all, s, changed, other, none)
	}
	old := all[0]
	at := time.Now().Add(-time.Hour)
	var err error
	if old.signature, err = deliver.Sign([]switchhook.Secret{{Value: old.secret}}, old.id, at, []byte(old.content)); err != nil {
		t.Fatal(err)
	}
	old.timestamp, old.good = strconv.FormatInt(at.Unix(), 10), false
	return append(all, old)
}
