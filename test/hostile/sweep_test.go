package hostile

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"html"
	"io"
	"io/fs"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A secret and all the ways in which it could be written.
type secret struct {
	name  string
	value string
	forms map[string]string // by how it is written
}

// secrets are those that a sweep looks for.
type secrets struct {
	mu  sync.Mutex
	all []secret
}

// plant makes the text of a secret that cannot be there by chance. Its signs are written
// in another way by whatever escapes.
func (s *secrets) plant(name string) string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // documented never to fail
	return s.add(name, "pl&nt/"+hex.EncodeToString(b[:])+"+\"=")
}

// plain is plant for where signs cannot stand.
func (s *secrets) plain(name string) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // documented never to fail
	return s.add(name, "planted"+hex.EncodeToString(b[:]))
}

func (s *secrets) add(name, value string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	forms := map[string]string{
		"as it is": value, "in hex": hex.EncodeToString([]byte(value)), "in a URL": url.QueryEscape(value), "in a path": url.PathEscape(value), "in HTML": html.EscapeString(value),
		"in JSON": strings.Trim(object(value), `"`), "in Go": strings.Trim(fmt.Sprintf("%q", value), `"`), "in UTF-16": strings.Join(strings.Split(value, ""), "\x00"),
	}
	// In base64 it looks in one of three ways, by what stands before it.
	for i := range 3 {
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", i) + value))
		text = text[(i*8+5)/6 : (i+len(value))*8/6]
		forms[fmt.Sprint("in base64, ", i)] = text
		forms[fmt.Sprint("in base64 for URLs, ", i)] = strings.NewReplacer("+", "-", "/", "_").Replace(text)
	}
	for how, form := range forms {
		if form == value && how != "as it is" {
			delete(forms, how)
		}
	}
	s.all = append(s.all, secret{name, value, forms})
	return value
}

// found are the secrets in a text, and how they are written there.
func (s *secrets) found(text []byte) (found []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range s.all {
		for how, form := range secret.forms {
			if bytes.Contains(text, []byte(form)) || how == "in hex" && bytes.Contains(text, []byte(strings.ToUpper(form))) {
				found = append(found, secret.name+", "+how)
				break
			}
		}
	}
	return found
}

// clientCertificate is a certificate and its key, in PEM.
func clientCertificate(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "client"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return block("CERTIFICATE", cert), block("EC PRIVATE KEY", der)
}

// echo repeats all that it is sent, in as many ways as it can.
func echo(t *testing.T) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // of a request of ours
		for _, name := range []string{"Authorization", "X-Api-Key", "X-Secret-Token"} {
			v := r.Header.Get(name)
			scheme, credential, _ := strings.Cut(v, " ")
			if scheme == "Basic" {
				decoded, _ := base64.StdEncoding.DecodeString(credential)
				_, credential, _ = strings.Cut(string(decoded), ":")
			}
			for i, each := range []string{v, credential} {
				w.Header().Add("X-Echo", fmt.Sprint(i, name, " ", each))
				w.Header().Add("X-Echo-URL", url.QueryEscape(each))
				for _, form := range []string{each, object(each), fmt.Sprintf("%q", each), url.QueryEscape(each), url.PathEscape(each), html.EscapeString(each), hex.EncodeToString([]byte(each)), base64.StdEncoding.EncodeToString([]byte(each)), base64.URLEncoding.EncodeToString([]byte(each))} {
					_, _ = fmt.Fprintf(w, "%s\n", form)
				}
			}
		}
		_, _ = w.Write(body)
	}))
	t.Cleanup(srv.Close)
	return srv
}

// Secrets are planted wherever there is room for one, everything is done with them, and
// then they are looked for everywhere: in what the program says at its most talkative, in
// all answers of the API but those that are to hold them, in the metrics, in the database
// with its write-ahead log, and in a backup.
func TestSweep(t *testing.T) {
	t.Parallel()
	hidden := &secrets{}
	var master [32]byte
	_, _ = rand.Read(master[:]) // documented never to fail
	masterKey := base64.StdEncoding.EncodeToString(master[:])
	hidden.add("the master key", masterKey)
	hidden.add("the master key's bytes", string(master[:]))
	admin := hidden.plain("the operator's key")
	password := hidden.plain("the proxy's password")
	through := "http://user:" + password + "@" + proxy(t)
	for _, flags := range [][]string{{"--allow-network", "127.0.0.0/8"}, {"--allow-network", "127.0.0.0/8", "--proxy", through, "--log-format", "json"}} {
		name := "directly, as text"
		if len(flags) > 2 {
			name = "through a proxy, as JSON"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, append(flags, "SWITCHHOOK_ADMIN_KEY="+admin, "SWITCHHOOK_MASTER_KEY="+masterKey)...)
			sweep(t, s, hidden, admin)
		})
	}
}

// A sweeper asks the API, and keeps the answers that are to hold no secret.
type sweeper struct {
	as
	t      *testing.T
	hidden *secrets
}

// ask asks, and looks through the answer.
func (w sweeper) ask(method, path, body string, headers ...string) answer {
	w.t.Helper()
	a := w.do(method, path, body, headers...)
	look := fmt.Sprint(a.body, a.header)
	if found := w.hidden.found([]byte(look)); len(found) > 0 {
		w.t.Errorf("%s %.100s is answered %d, with %v: %.2000s", method, path, a.status, found, look)
	}
	return a
}

func sweep(t *testing.T, s *server, hidden *secrets, admin string) {
	t.Helper()
	operator := sweeper{s.as(admin), t, hidden}
	operator.ask("POST", "/v1/accounts", `{"id":"acme"}`)
	key := operator.do("POST", "/v1/api-keys", `{"account_id":"acme","role":"admin"}`).get("key")
	hidden.add("an API key", key)
	acme := sweeper{s.as(key), t, hidden}
	stranger := sweeper{s.as(""), t, hidden}
	receiver := echo(t)
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, object(map[string]any{"access_token": hidden.plain("an access token"), "expires_in": 1}))
	}))
	t.Cleanup(tokens.Close)
	gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusGone)
		_, _ = io.WriteString(w, r.Header.Get("Authorization"))
	}))
	t.Cleanup(gone.Close)
	certificate, private := clientCertificate(t)
	for i, line := range strings.Split(private, "\n") {
		if len(line) > 40 && !strings.Contains(line, "PRIVATE KEY") {
			hidden.add(fmt.Sprint("a client's key, line ", i), line)
		}
	}
	signing := make([]byte, 32)
	_, _ = rand.Read(signing)                    // documented never to fail
	_, ed, _ := ed25519.GenerateKey(rand.Reader) // documented never to fail
	hidden.add("a signing secret's bytes", string(signing))
	whsec := hidden.add("a signing secret", base64.StdEncoding.EncodeToString(signing))
	whsk := hidden.add("a private key", base64.StdEncoding.EncodeToString(ed.Seed()))
	basic, bearer, client, header, another, dialectKey := hidden.plant("a password"), hidden.plain("a bearer token"), hidden.plant("a client's secret"), hidden.plant("a header"), hidden.plain("another header"), hidden.plant("a dialect's key")

	// Webhooks of every kind, at receivers of every kind.
	base := func(members map[string]any) string {
		h := map[string]any{"url": receiver.URL, "events": []string{"*"}, "retry": map[string]any{"policy": "none"}, "headers": map[string]any{"X-Api-Key": header, "X-Secret-Token": another}}
		maps.Copy(h, members)
		return object(h)
	}
	auths := []map[string]any{
		{"type": "basic", "username": "ada", "password": basic},
		{"type": "bearer", "token": bearer},
		{"type": "oauth2", "token_url": tokens.URL, "client_id": "ada", "client_secret": client},
		{"type": "oauth2", "token_url": receiver.URL, "client_id": "ada", "client_secret": client, "client_auth": "post"},
		{"type": "oauth2", "token_url": gone.URL, "client_id": "ada", "client_secret": client},
	}
	var hooks []string
	for i, auth := range auths {
		for _, members := range []map[string]any{
			{"auth": auth, "secret": "whsec_" + whsec},
			{"auth": auth, "signing": "ed25519", "secret": "whsk_" + whsk},
			{"auth": auth, "dialect": "kazoo", "dialect_options": map[string]any{"version": "v2", "sha256_key": dialectKey}},
			{"auth": auth, "url": gone.URL},
			{"auth": auth, "url": strings.Replace(receiver.URL, "http:", "https:", 1), "tls": map[string]any{"certificate": certificate, "key": private}},
			{"auth": auth, "url": "http://127.0.0.1:1/"},
		} {
			made := acme.do("POST", "/v1/webhooks", base(members))
			if made.status != http.StatusCreated {
				t.Errorf("webhook %d: %v", i, made)
				continue
			}
			if given := made.get("secret"); given != "" && given != "whsec_"+whsec {
				hidden.add("a signing secret that was made", strings.TrimPrefix(given, "whsec_"))
			}
			hooks = append(hooks, made.get("id"))
		}
	}
	// What is wrong is told without repeating it.
	for _, body := range []string{
		base(map[string]any{"secret": "whsec_" + whsec[:20] + "!" + whsec[20:]}), base(map[string]any{"secret": whsec}), base(map[string]any{"secret": "whsk_" + whsk + "A"}), base(map[string]any{"secret": []string{whsec}}), base(map[string]any{"auth": bearer}), base(map[string]any{"auth": map[string]any{"type": bearer}}),
		base(map[string]any{"auth": map[string]any{"type": "basic", "username": "a", "password": basic + "\n"}}), base(map[string]any{"auth": map[string]any{"type": "bearer", "token": map[string]any{bearer: 1}}}), base(map[string]any{"headers": map[string]any{"X-Api-Key": header + "\r\n"}}), base(map[string]any{"headers": map[string]any{"X-Api-Key": []string{header}}}),
		base(map[string]any{"tls": map[string]any{"certificate": certificate, "key": strings.Replace(private, "M", "N", 1)}}), base(map[string]any{"tls": map[string]any{"certificate": private, "key": certificate}}), base(map[string]any{"tls": map[string]any{"ca": private}}), base(map[string]any{"dialect_options": map[string]any{"sha256_key": []string{dialectKey}}}),
		base(map[string]any{"url": "https://ada:" + url.QueryEscape(basic) + "@8.8.8.8/"}), base(nil)[:100] + `"` + bearer, `{"url":"https://8.8.8.8","auth":{"type":"bearer","token":"` + bearer + `","token":"` + bearer + `"}}`, `{"auth":{"type":"bearer","token":"` + bearer + `"`, `{"secret":` + bearer + `}`,
	} {
		if a := acme.ask("POST", "/v1/webhooks", body); a.status < 400 {
			t.Errorf("it was no mistake: %v", a)
		}
	}
	// People, keys, sessions, links.
	userPassword := hidden.plant("a user's password")
	user := acme.ask("POST", "/v1/users", object(map[string]any{"login": "ada@example.com", "role": "admin", "password": userPassword}))
	if user.status == http.StatusConflict {
		t.Fatal("the servers share a database")
	}
	signed := s.as("").do("POST", "/v1/session", object(map[string]any{"login": "ada@example.com", "password": userPassword}))
	cookie := strings.TrimPrefix(strings.Split(signed.header.Get("Set-Cookie"), ";")[0], "switchhook_session=")
	if len(cookie) < 20 {
		t.Fatalf("nobody is signed in: %v", signed)
	}
	hidden.add("a session", cookie)
	stranger.ask("GET", "/v1/session", "", "Cookie: switchhook_session="+cookie)
	for _, body := range []any{
		map[string]any{"login": "ada@example.com", "password": userPassword + "x"}, map[string]any{"login": userPassword, "password": "wrong"}, map[string]any{"login": "ada@example.com", "password": []string{userPassword}}, map[string]any{"key": userPassword}, map[string]any{"code": userPassword}, map[string]any{"key": key, "code": key},
	} {
		stranger.ask("POST", "/v1/session", object(body))
	}
	link := acme.do("POST", "/v1/portal-links", `{}`)
	code := hidden.add("a portal link", link.get("code"))
	through := s.as("").do("GET", "/portal?code="+code, "")
	hidden.add("a portal's session", strings.TrimPrefix(strings.Split(through.header.Get("Set-Cookie"), ";")[0], "switchhook_session="))
	stranger.ask("GET", "/portal?code="+code, "")
	// Keys in the wrong place.
	for _, path := range []string{"/v1/info?key=" + key, "/v1/events?access_token=" + key, "/v1/webhooks/" + hooks[0] + "?token=" + key, "/v1/info"} {
		for _, h := range []string{"X-A: b", "Authorization: Basic " + key, "Authorization: Bearer " + key + "x", "Authorization: Bearer x" + key, "X-Api-Key: " + key, "Proxy-Authorization: Bearer " + key, "Cookie: a=" + key, "X-Request-Id: " + key[:20], "Idempotency-Key: x"} {
			a := s.as("").do("GET", path, "", h)
			if found := hidden.found([]byte(strings.ReplaceAll(a.body, path, ""))); len(found) > 0 {
				t.Errorf("GET %.40s with %.30s is answered with %v: %v", path, h, found, a)
			}
		}
	}
	// Sources.
	source := acme.do("POST", "/v1/sources", `{"kind":"voipbin"}`)
	_, ingest, _ := strings.Cut(source.get("ingest_url"), s.address)
	token := hidden.add("an ingest URL", ingest[strings.LastIndex(ingest, "/")+1:])
	base64ID := source.get("id")
	for _, path := range []string{ingest, "/" + ingest, "/v1//in/" + base64ID + "/" + token, "/v1/in//" + base64ID + "/" + token, "/v1/./in/" + base64ID + "/" + token, ingest + "/", ingest + "/more", "/V1/in/" + base64ID + "/" + token, "/v1/in/" + base64ID + "//" + token, "/v1/in/" + token, "/v1/in/none/" + token, "/v1/x/" + token, "/v1/sources/" + base64ID + "/../../in/" + base64ID + "/" + token} {
		for _, method := range []string{"POST", "GET", "PATCH", "TRACE"} {
			a := s.as("").do(method, path, `{"a":`, "Authorization: Bearer "+bearer, "X-Signature: "+bearer, "Cookie: a="+bearer)
			if a.header.Get("Location") == "" && method != "TRACE" && !strings.Contains(path, "/v1/x/") && path != "/v1/in/"+token {
				if found := hidden.found([]byte(a.body)); len(found) > 0 {
					t.Errorf("%s %s is answered with %v: %v", method, path, found, a)
				}
			}
		}
	}
	ami := hidden.plant("a manager's secret")
	ari := hidden.plant("an ARI password")
	operator.ask("POST", "/v1/sources", object(map[string]any{"id": "pbx", "kind": "asterisk", "account_id": "acme", "options": map[string]any{"address": "127.0.0.1:1", "username": "ada", "secret": ami, "ari": map[string]any{"url": "http://127.0.0.1:1", "username": "ada", "password": ari, "app": "x"}}}))
	operator.ask("POST", "/v1/sources", object(map[string]any{"id": "pbx2", "kind": "asterisk", "options": map[string]any{"address": "127.0.0.1:1", "username": "ada", "secret": []string{ami}}}))
	operator.ask("PATCH", "/v1/sources/pbx", object(map[string]any{"options": map[string]any{"secret": ami + "2"}}))
	stranger.ask("GET", "/v1/sources/pbx/ari", "", "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("ada:"+ari+"x")))

	// All of it happens.
	for i := range 3 {
		acme.ask("POST", "/v1/events", fmt.Sprintf(`{"type":"call.created","data":{"call":{"id":"call-%d","from":{"address":"+15550100"}}}}`, i))
	}
	for _, id := range hooks {
		acme.ask("POST", "/v1/webhooks/"+id+"/test", `{}`)
		acme.ask("GET", "/v1/webhooks/"+id+"/preview", "")
		acme.ask("PATCH", "/v1/webhooks/"+id, `{"name":"changed"}`)
		acme.ask("PATCH", "/v1/webhooks/"+id, `{"secret":"`+bearer+`"}`)
	}
	for _, id := range hooks[:6] {
		rotated := acme.do("POST", "/v1/webhooks/"+id+"/rotate-secret", `{}`)
		if fresh := rotated.get("secret"); fresh != "" {
			hidden.add("a rotated secret", strings.TrimPrefix(fresh, "whsec_"))
		}
		acme.ask("POST", "/v1/webhooks/"+id+"/rotate-secret", `{"secret":"`+bearer+`"}`)
		acme.ask("POST", "/v1/webhooks/"+id+"/replay", `{"which":"all","since":"2020-01-01T00:00:00Z"}`)
	}
	rotated := acme.do("POST", "/v1/sources/"+base64ID+"/rotate-token", ``)
	fresh := rotated.get("ingest_url")
	hidden.add("a rotated ingest URL", fresh[strings.LastIndex(fresh, "/")+1:])
	await(t, "attempts", func() bool { return len(all(acme.as, "/v1/attempts")) > 3*len(hooks) })
	for _, id := range hooks { // those that fail are not tried at once
		acme.ask("PATCH", "/v1/webhooks/"+id, `{"enabled":false}`)
	}
	await(t, "all to be sent", func() bool { return len(all(acme.as, "/v1/deliveries?state=pending")) == 0 })
	acme.ask("DELETE", "/v1/webhooks/"+hooks[3], "")

	// What anybody may read.
	viewer := sweeper{s.as(acme.do("POST", "/v1/api-keys", `{"role":"viewer"}`).get("key")), t, hidden}
	for _, who := range []sweeper{operator, acme, viewer} {
		for _, list := range append(lists, "/metrics", "/openapi.json", "/v1/event-types", "/v1/info", "/v1/session") {
			if list == "/v1/sources" && who.key != viewer.key {
				continue // admins see ingest URLs
			}
			for cursor, n := "", 0; n < 20; n++ {
				path := list
				if strings.HasPrefix(list, "/v1/") && list != "/v1/info" && list != "/v1/session" {
					path += "?limit=100&cursor=" + cursor
				}
				if cursor = who.ask("GET", path, "").get("next_cursor"); cursor == "" {
					break
				}
			}
		}
	}
	for _, at := range all(acme.as, "/v1/attempts") {
		acme.ask("GET", fmt.Sprint("/v1/attempts/", at["id"]), "")
	}
	viewer.ask("GET", "/v1/sources/"+base64ID, "")
	operator.ask("GET", "/v1/sources/pbx", "")
	acme.ask("GET", "/v1/sources/"+base64ID+"/rejects?limit=100", "")

	// What lies on the disk: while it runs, in a backup, and after a restart.
	files(t, s, hidden)
	backup := filepath.Join(t.TempDir(), "backup.db")
	bin, _ := binary() // it was built
	cmd := exec.CommandContext(t.Context(), bin, "backup", "--data", s.data, backup)
	cmd.Env = append(os.Environ(), s.env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("backup: %v %s", err, out)
	}
	raw, err := os.ReadFile(backup)
	if err != nil {
		t.Error(err)
	}
	for what, text := range map[string][]byte{"the backup": raw, "what backup says": out} {
		if found := hidden.found(text); len(found) > 0 {
			t.Errorf("%s has %v", what, found)
		}
	}
	s.terminate()
	files(t, s, hidden)
	s.start()
	s.as(admin).must(http.StatusOK, "GET", "/v1/info", "")
	s.terminate()
	files(t, s, hidden)
	for line := range strings.Lines(s.log.String()) {
		if found := hidden.found([]byte(line)); len(found) > 0 {
			t.Errorf("the log has %v: %.600s", found, line)
		}
	}
	s.start() // for stop
}

// files looks through the data directory.
func files(t *testing.T, s *server, hidden *secrets) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(s.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		n++
		if found := hidden.found(raw); len(found) > 0 {
			t.Errorf("%s has %v", filepath.Base(path), found)
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %s", filepath.Base(path), info.Mode())
		}
		return err
	})
	if err != nil || n == 0 {
		t.Errorf("%d files: %v", n, err)
	}
}
