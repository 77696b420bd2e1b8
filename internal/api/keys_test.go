package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
)

type keyView struct {
	switchhook.APIKey
	Key string
}

// key makes one, as the operator.
func (s *server) key(body string) keyView {
	s.t.Helper()
	var k keyView
	s.ok(201, request{method: "POST", path: "/v1/api-keys", body: body}, &k)
	return k
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	k := s.key(`{"account_id":"acme","name":"CRM","role":"developer"}`)
	if !strings.HasPrefix(k.ID, "key_") || len(k.Key) != len("sk_")+48 || k.AccountID != "acme" || k.Role != "developer" || !k.LastUsedAt.IsZero() {
		t.Errorf("%+v", k)
	}
	var info map[string]any
	s.ok(200, request{path: "/v1/info", key: k.Key}, &info)
	if info["account_id"] != "acme" || info["role"] != "developer" {
		t.Errorf("%v", info)
	}
	// It is shown once, and kept nowhere.
	for _, path := range []string{"/v1/api-keys", "/v1/api-keys/" + k.ID} {
		if got := s.do(request{path: path}); strings.Contains(string(got.body), k.Key) || !strings.Contains(string(got.body), k.ID) || strings.Contains(string(got.body), "hash") {
			t.Errorf("%s: %s", path, got.body)
		}
	}
	kept, err := s.store.APIKeys(t.Context())
	check(t, err)
	if text, err := json.Marshal(kept); err != nil || strings.Contains(string(text), k.Key) || strings.Contains(s.log.String(), k.Key) {
		t.Errorf("it is in the store or the log (%v)", err)
	}

	// A change is in force with the next request.
	var changed keyView
	s.ok(200, request{method: "PATCH", path: "/v1/api-keys/" + k.ID, body: `{"role":"viewer","name":null}`}, &changed)
	if changed.Role != "viewer" || changed.Name != "viewer" || changed.Key != "" || !changed.UpdatedAt.After(changed.CreatedAt) {
		t.Errorf("%+v", changed)
	}
	s.problem(request{method: "POST", path: "/v1/webhooks", key: k.Key, body: hook}, api.Problem{
		Status: 403, Code: "forbidden", Detail: "the role of this key is viewer; create-webhook needs a key of the role developer or admin",
	})
	s.problem(request{method: "POST", path: "/v1/events", key: k.Key, body: `{`}, api.Problem{
		Status: 403, Code: "forbidden", Detail: "the role of this key is viewer; send-events needs a key of the role ingest, developer or admin",
	})
	s.ok(204, request{method: "DELETE", path: "/v1/api-keys/" + k.ID, key: acmeKey}, nil)
	s.problem(request{path: "/v1/info", key: k.Key}, api.Problem{Status: 401, Code: "unauthorized", Detail: "there is no such API key"})
	s.problem(request{method: "DELETE", path: "/v1/api-keys/" + k.ID, key: acmeKey}, api.Problem{Status: 404, Code: "not_found", Detail: `there is no API key "` + k.ID + `"`})

	mk := func(body string) request { return request{method: "POST", path: "/v1/api-keys", body: body} }
	s.problem(mk(`{}`), wrong("role", "is required: admin, developer, viewer or ingest"))
	s.problem(mk(`{"role":"root"}`), wrong("role", "expected admin, developer, viewer or ingest"))
	s.problem(mk(`{"role":"admin","expires_at":"2020-01-01T00:00:00Z"}`), wrong("expires_at", "expected a time in the future; to end a key now, delete it"))
	s.problem(mk(`{"role":"admin","key":"sk_mine"}`), wrong("key", "there is no such field"))
	s.problem(mk(`{"role":"admin","name":"`+strings.Repeat("x", 201)+`"}`), wrong("name", "expected at most 200 characters"))
	other := s.key(`{"role":"ingest"}`)
	s.problem(request{method: "PATCH", path: "/v1/api-keys/" + other.ID, body: `{"account_id":"acme"}`}, wrong("account_id", "cannot be changed"))
}

func TestTheOperatorsKeyIsNotChangedHere(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	check(t, s.store.PutAPIKey(t.Context(), &switchhook.APIKey{ID: api.AdminKeyID, AccountID: "root", Role: "admin", Hash: make([]byte, 32)}))
	s.key(`{"role":"admin"}`) // reads the keys anew
	for _, method := range []string{"PATCH", "DELETE"} {
		s.problem(request{method: method, path: "/v1/api-keys/key_admin", body: `{"role":"viewer"}`}, api.Problem{
			Status: 409, Code: "conflict", Detail: "the operator's key is what SWITCHHOOK_ADMIN_KEY or the file admin.key says; it cannot be changed here",
		})
	}
}

// A key is refused from the moment at which it expires; a later end may be set before.
func TestKeysExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		end := time.Now().Add(time.Hour).UTC()
		k := s.key(`{"role":"viewer","expires_at":"` + end.Format(time.RFC3339) + `"}`)
		time.Sleep(time.Hour - time.Second)
		s.ok(200, request{path: "/v1/info", key: k.Key}, nil)
		time.Sleep(time.Second)
		s.problem(request{path: "/v1/info", key: k.Key}, api.Problem{Status: 401, Code: "unauthorized", Detail: "the API key expired at " + end.Format(time.RFC3339)})
		// What has ended may have another name; its end is in the past all the same.
		s.ok(200, request{method: "PATCH", path: "/v1/api-keys/" + k.ID, body: `{"name":"old"}`}, nil)
		s.ok(200, request{method: "PATCH", path: "/v1/api-keys/" + k.ID, body: `{"expires_at":null}`}, nil)
		s.ok(200, request{path: "/v1/info", key: k.Key}, nil)
	})
}

// When a key was last used is written down once a minute, whatever is asked meanwhile.
func TestLastUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		k := s.key(`{"role":"viewer"}`)
		kept := func() time.Time {
			t.Helper()
			synctest.Wait()
			keys, err := s.store.APIKeys(t.Context())
			check(t, err)
			for _, other := range keys {
				if other.ID == k.ID {
					return other.LastUsedAt
				}
			}
			return time.Time{}
		}
		if !kept().IsZero() {
			t.Error("it was used before it was used")
		}
		first := time.Now().UTC()
		for range 100 {
			s.ok(200, request{path: "/v1/info", key: k.Key}, nil)
		}
		if got := kept(); !got.Equal(first) {
			t.Errorf("first used at %s, want %s", got, first)
		}
		time.Sleep(59 * time.Second)
		s.ok(200, request{path: "/v1/info", key: k.Key}, nil)
		if got := kept(); !got.Equal(first) {
			t.Errorf("written down again after 59 s: %s", got)
		}
		// A change of something else does not forget it.
		s.ok(200, request{method: "PATCH", path: "/v1/api-keys/" + k.ID, body: `{"name":"x"}`}, nil)
		time.Sleep(time.Second)
		s.ok(200, request{path: "/v1/info", key: k.Key}, nil)
		if got := kept(); !got.Equal(first.Add(time.Minute)) {
			t.Errorf("last used at %s, want %s", got, first.Add(time.Minute))
		}
		var shown keyView
		s.ok(200, request{path: "/v1/api-keys/" + k.ID}, &shown)
		if !shown.LastUsedAt.Equal(first.Add(time.Minute)) {
			t.Errorf("shown is %s", shown.LastUsedAt)
		}
	})
}

// A viewer reads sources, and does not learn how to speak for one.
func TestViewersSeeNoIngestURL(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var src sourceView
	s.ok(201, request{method: "POST", path: "/v1/sources", key: acmeKey, body: `{"id":"pbx","kind":"simple","options":{"password":"hunter2","host":"h"}}`}, &src)
	token := src.IngestURL[strings.LastIndex(src.IngestURL, "/")+1:]
	for _, role := range []string{"viewer", "developer", "admin"} {
		key := s.key(`{"account_id":"acme","role":"` + role + `"}`).Key
		for _, path := range []string{"/v1/sources", "/v1/sources/pbx"} {
			body := string(s.do(request{path: path, key: key}).body)
			if strings.Contains(body, token) != (role != "viewer") || strings.Contains(body, "hunter2") != (role == "admin") || !strings.Contains(body, `"host":"h"`) {
				t.Errorf("%s to a %s: %s", path, role, body)
			}
		}
	}
}

// A key that is deleted while its requests come is refused from then on, and none of them
// fails otherwise.
func TestDeletionIsInForceAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	k := s.key(`{"role":"viewer"}`)
	stop, done := make(chan struct{}), make(chan []int, 4)
	for range cap(done) {
		go func() {
			var got []int
			for {
				select {
				case <-stop:
					done <- got
					return
				default:
				}
				req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/event-types/call.created", nil)
				req.Header.Set("Authorization", "Bearer "+k.Key)
				rec := httptest.NewRecorder()
				s.handler.ServeHTTP(rec, req)
				got = append(got, rec.Code)
			}
		}()
	}
	s.ok(204, request{method: "DELETE", path: "/v1/api-keys/" + k.ID}, nil)
	for range 20 {
		s.problem(request{path: "/v1/info", key: k.Key}, api.Problem{Status: 401, Code: "unauthorized", Detail: "there is no such API key"})
	}
	close(stop)
	for range cap(done) {
		refused := false
		for _, status := range <-done {
			if refused && status != 401 || status != 200 && status != 401 {
				t.Fatalf("%d after the key was deleted", status)
			}
			refused = refused || status == 401
		}
	}
}

// A stream goes on while its key may read it, and what it reads is the same.
func TestStreamsEndWithTheirKeys(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(s *server, keyID string){
		"deleted": func(s *server, keyID string) {
			s.ok(204, request{method: "DELETE", path: "/v1/api-keys/" + keyID}, nil)
		},
		"too weak": func(s *server, keyID string) {
			s.ok(200, request{method: "PATCH", path: "/v1/api-keys/" + keyID, body: `{"role":"ingest"}`}, nil)
		},
		"suspended": func(s *server, _ string) { s.ok(200, s.patchAccount("acme", "", `{"suspended":true}`), nil) },
		"moved":     func(s *server, _ string) { s.ok(200, s.patchAccount("acme-east", "", `{"parent_id":"other"}`), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			k := s.key(`{"account_id":"acme","role":"viewer"}`)
			s.limit("acme", `{"requests_per_second":0.001,"request_burst":1}`) // a stream is one request
			server := httptest.NewServer(s.handler)
			defer server.Close()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v1/events/stream", nil)
			check(t, err)
			req.Header.Set("Authorization", "Bearer "+k.Key)
			res, err := server.Client().Do(req) //nolint:bodyclose // it is closed
			check(t, err)
			defer res.Body.Close()
			ended := make(chan string, 1)
			go func() {
				body, err := io.ReadAll(res.Body)
				ended <- fmt.Sprint(err, string(body))
			}()
			for range 3 { // changes that do not concern it
				s.ok(200, s.patchAccount("other", "", `{"name":"x"}`), nil)
			}
			s.ok(202, post(`{"id":"seen","type":"custom.x","account_id":"acme-east","data":{}}`), nil)
			end(s, k.ID)
			select {
			case got := <-ended:
				if !strings.HasPrefix(got, "<nil>") {
					t.Error(got)
				}
			case <-time.After(20 * time.Second):
				t.Error("it goes on")
			}
		})
	}
}
