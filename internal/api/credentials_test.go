package api_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
)

const oauth = `"auth":{"type":"oauth2","token_url":"https://login.example.com/token","client_id":"me","client_secret":"s3cret"}`

// Credentials are checked, kept, masked wherever they are shown, and stay what they are when
// the mask comes back.
func TestOAuthAndTLS(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *api.Options) {
		o.CheckTLS = func(t *switchhook.TLS) error {
			if strings.Contains(t.CA+t.Certificate+t.Key, "broken") {
				return errors.New("the CA is no certificate in PEM")
			}
			return nil
		}
	})
	id, made := s.webhook(with(oauth + `,"tls":{"ca":"a","certificate":"c","key":"k3y"}`))
	want := map[string]any{
		"auth": map[string]any{"type": "oauth2", "token_url": "https://login.example.com/token", "client_id": "me", "client_secret": "********"},
		"tls":  map[string]any{"ca": "a", "certificate": "c", "key": "********"},
	}
	for name := range want {
		if d := cmp.Diff(want[name], made[name]); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	var shown map[string]json.RawMessage
	s.ok(200, request{path: "/v1/webhooks/" + id}, &shown)
	s.ok(200, request{method: "PATCH", path: "/v1/webhooks/" + id, body: `{"auth":` + string(shown["auth"]) + `,"tls":` + string(shown["tls"]) + `}`}, nil)
	s.ok(200, request{method: "PATCH", path: "/v1/webhooks/" + id, body: `{"auth":{"scope":"calls"},"tls":{"ca":null}}`}, nil)
	stored, err := s.store.Webhooks(t.Context())
	check(t, err)
	if w := stored[0]; w.Auth.ClientSecret != "s3cret" || w.Auth.Scope != "calls" || *w.TLS != (switchhook.TLS{Certificate: "c", Key: "k3y"}) {
		t.Errorf("%+v %+v", w.Auth, w.TLS)
	}
	s.ok(200, request{method: "PATCH", path: "/v1/webhooks/" + id, body: `{"auth":{"type":"bearer","token":"t"},"tls":{"certificate":null,"key":null}}`}, nil)
	stored, err = s.store.Webhooks(t.Context())
	check(t, err)
	if w := stored[0]; *w.Auth != (switchhook.Auth{Type: "bearer", Token: "t"}) || w.TLS != nil {
		t.Errorf("%+v %+v", w.Auth, w.TLS)
	}

	auth := func(members string) string { return with(strings.Replace(oauth, `"client_id":"me"`, members, 1)) }
	for name, c := range map[string]struct {
		body string
		want api.Problem
	}{
		"no client":                 {auth(`"scope":"x"`), wrong("auth.client_id", "is required for oauth2")},
		"a token besides":           {auth(`"client_id":"me","token":"x"`), wrong("auth.token", "is for bearer only")},
		"a client of another kind":  {with(`"auth":{"type":"bearer","token":"x","client_id":"me"}`), wrong("auth.client_id", "is for oauth2 only")},
		"two lines":                 {auth(`"client_id":"me","scope":"a\r\nb"`), wrong("auth.scope", "cannot have control characters, or blanks at its ends")},
		"no way to send them":       {auth(`"client_id":"me","client_auth":"jwt"`), wrong("auth.client_auth", "expected basic, which sends client_id and client_secret as a header, or post, which has them in the form")},
		"a private token URL":       {with(strings.Replace(oauth, "login.example.com", "localhost", 1)), wrong("auth.token_url", "localhost is not a place that webhooks may reach")},
		"no token URL":              {with(strings.Replace(oauth, "https://login.example.com/token", "login", 1)), wrong("auth.token_url", "expected an http or https URL such as https://example.com/hook")},
		"the mask":                  {with(strings.Replace(oauth, "s3cret", "********", 1)), wrong("auth", "is the mask that stands for a secret; give the secret itself")},
		"too long":                  {auth(`"client_id":"` + strings.Repeat("x", 4097) + `"`), wrong("auth.client_id", "expected at most 4096 bytes")},
		"a certificate alone":       {with(`"tls":{"certificate":"c"}`), wrong("tls.key", "is required with a certificate")},
		"a key alone":               {with(`"tls":{"key":"k"}`), wrong("tls.certificate", "is required with a key")},
		"the mask as a key":         {with(`"tls":{"certificate":"c","key":"********"}`), wrong("tls.key", "is the mask that stands for a secret; give the secret itself")},
		"no certificate":            {with(`"tls":{"ca":"broken"}`), wrong("tls", "the CA is no certificate in PEM")},
		"too many certificates":     {with(`"tls":{"ca":"` + strings.Repeat("x", 64<<10+1) + `"}`), wrong("tls", "expected at most 65536 bytes in all")},
		"what TLS does not have":    {with(`"tls":{"insecure":true}`), wrong("tls.insecure", "there is no such field")},
		"a client certificate file": {with(`"tls":"/etc/ssl/key.pem"`), wrong("tls", "expected an object, got a string")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.in(t).problem(create(c.body), c.want)
		})
	}
}

// What a webhook signs with can be chosen, changed and rotated; what it replaces signs on for
// a day, and there are never many.
func TestSigning(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	kinds := func() (live, ending string) {
		t.Helper()
		stored, err := s.store.Webhooks(t.Context())
		check(t, err)
		for _, secret := range stored[len(stored)-1].Secrets {
			letter := string(secret.Signing()[0])
			if secret.ExpiresAt.IsZero() {
				live += letter
			} else {
				ending += letter
			}
		}
		return live, ending
	}
	id, made := s.webhook(with(`"signing":"ed25519"`))
	secrets := made["secrets"].([]any)
	public, _ := secrets[0].(map[string]any)["public_key"].(string)
	if made["secret"] != nil || len(secrets) != 1 || !strings.HasPrefix(public, "whpk_") || made["signing"] != "ed25519" {
		t.Errorf("%v", made)
	}
	path := "/v1/webhooks/" + id
	type shown struct {
		Secret, Signing string
		Secrets         []struct {
			Value     string
			PublicKey string `json:"public_key"`
		}
	}
	var got shown
	for _, step := range []struct{ method, path, body, secret, live, ending string }{
		{"PATCH", path, `{"name":"x"}`, "", "e", ""},
		{"PATCH", path, `{"signing":"both"}`, "whsec_", "he", ""},
		{"PATCH", path, `{"signing":"hmac"}`, "", "h", "e"},
		{"PATCH", path, `{"signing":"both"}`, "", "eh", "e"},
		{"POST", path + "/rotate-secret", ``, "whsec_", "he", "ehe"},
		{"POST", path + "/rotate-secret", `{"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}`, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "he", "heh"},
		{"PATCH", path, `{"signing":null}`, "", "h", "ehe"},
	} {
		got = shown{}
		s.ok(200, request{method: step.method, path: step.path, body: step.body}, &got)
		live, ending := kinds()
		if live != step.live || len(ending) > 4 || len(live+ending) > 5 || !strings.HasPrefix(got.Secret, step.secret) || (step.secret == "") != (got.Secret == "") {
			t.Errorf("%s %s: the answer has %q, %s sign and %s sign on", step.method, step.body, got.Secret, live, ending)
		}
	}
	for range 10 {
		got = shown{}
		s.ok(200, request{method: "POST", path: path + "/rotate-secret"}, &got)
	}
	if live, ending := kinds(); live != "h" || ending != "hhhh" {
		t.Errorf("after many rotations %s sign and %s sign on", live, ending)
	}
	for _, secret := range got.Secrets {
		if secret.Value != "********" || secret.PublicKey != "" {
			t.Errorf("%+v", secret)
		}
	}

	// A key of one's own: the public half follows from it.
	const seed = "whsk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	_, made = s.webhook(with(`"signing":"ed25519","secret":"` + seed + `"`))
	if public := made["secrets"].([]any)[0].(map[string]any)["public_key"]; public != "whpk_O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik=" || made["secret"] != nil {
		t.Errorf("%v", made)
	}
	const key = "expected whsk_ and the base64 of an Ed25519 private key, 64 bytes, or of its seed, 32"
	for body, want := range map[string]api.Problem{
		with(`"signing":"rsa"`):                                                       wrong("signing", "expected hmac, ed25519 or both"),
		with(`"secret":"` + seed + `"`):                                               wrong("secret", "expected whsec_ and the base64 of 24 to 64 bytes"),
		with(`"signing":"ed25519","secret":"whsk_AAAA"`):                              wrong("secret", key),
		with(`"signing":"ed25519","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"`): wrong("secret", key),
		with(`"signing":"both","secret":"whsk_` + strings.Repeat("A", 86) + `=="`):    wrong("secret", key), // the halves do not belong together
	} {
		s.problem(create(body), want)
	}
}
