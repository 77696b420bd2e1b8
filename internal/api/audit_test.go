package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
)

type auditView struct {
	switchhook.AuditEntry
	Actor struct {
		switchhook.Actor
		Above bool
	} `json:"actor"`
}

// audit lists the log, as "action resource/id before after".
func (s *server) audit(r request) (lines []string, entries []auditView) {
	s.t.Helper()
	var page struct{ Items []auditView }
	s.ok(200, r, &page)
	for _, e := range page.Items {
		lines = append(lines, fmt.Sprintf("%s %s/%s %s -> %s", e.Action, e.Resource, e.ResourceID, e.Before, e.After))
	}
	return lines, page.Items
}

// Every change is told of, with what changed of it; secrets are not.
func TestAudit(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var w struct{ ID, Secret string }
	s.ok(201, request{method: "POST", path: "/v1/webhooks", key: acmeKey, body: `{"url":"https://example.com","events":["call.*"],` +
		`"auth":{"type":"basic","username":"u","password":"hunter2"},"headers":{"X-Api-Key":"hunter3"},"dialect_options":{}}`}, &w)
	hook := "/v1/webhooks/" + w.ID
	s.ok(200, request{method: "PATCH", path: hook, key: acmeKey, body: `{"name":"CRM","auth":{"password":"hunter4"}}`, header: map[string]string{"X-Request-Id": "mine-1"}}, nil)
	s.ok(200, request{method: "POST", path: hook + "/rotate-secret", key: acmeKey, body: `{"secret":"whsec_aHVudGVyNWh1bnRlcjVodW50ZXI1aHVudGVyNQ=="}`}, nil)
	var src sourceView
	s.ok(201, request{method: "POST", path: "/v1/sources", key: acmeKey, body: `{"id":"pbx","kind":"simple","options":{"password":"hunter6"}}`}, &src)
	k := s.key(`{"account_id":"acme","role":"viewer","name":"TV"}`)
	s.ok(200, request{method: "PATCH", path: "/v1/api-keys/" + k.ID, key: acmeKey, body: `{"role":"developer"}`}, nil)
	s.ok(201, request{method: "PUT", path: "/v1/records/number/1", key: acmeKey, body: `{"number":"+15550100","name":"a"}`}, nil)
	s.ok(200, request{method: "PUT", path: "/v1/records/number/1", key: acmeKey, body: `{"number":"+15550100","name":"b"}`}, nil)
	s.ok(200, request{method: "PUT", path: "/v1/records/number/1", key: acmeKey, body: `{"number":"+15550100","name":"b"}`}, nil) // changes nothing
	s.ok(204, request{method: "DELETE", path: "/v1/records/number/1", key: acmeKey}, nil)
	s.ok(200, request{method: "PUT", path: "/v1/dialect-ids/kazoo/device/7", key: acmeKey, body: `{"value":"4c7a1f0e9b2d48603f5e6a7b8c9d0e1f"}`}, nil)
	s.ok(200, s.patchAccount("acme", "", `{"limits":{"events_per_second":7}}`), nil)
	s.ok(204, request{method: "DELETE", path: "/v1/accounts/acme-east", key: acmeKey}, nil)
	// What fails changes nothing.
	s.do(request{method: "PATCH", path: hook, key: acmeKey, body: `{"url":"nonsense"}`})
	s.do(request{method: "DELETE", path: "/v1/sources/none", key: acmeKey})

	lines, entries := s.audit(request{path: "/v1/audit", key: acmeKey})
	want := []string{
		`delete-account account/acme-east `,
		`update-account account/acme {} -> {"limits":{"events_per_second":7}}`,
		`set-dialect-id dialect_id/kazoo/device/7  -> {`,
		`delete-record record/number/1 {"name":"b","number":"+15550100"} -> `,
		`put-record record/number/1 {"name":"a"} -> {"name":"b"}`,
		`put-record record/number/1  -> {"name":"a","number":"+15550100"}`,
		`update-api-key api_key/` + k.ID + ` {"role":"viewer"} -> {"role":"developer"}`,
		`create-api-key api_key/` + k.ID + `  -> {`,
		`create-source source/pbx  -> {`,
		`rotate-webhook-secret webhook/` + w.ID + ` {} -> {}`,
		`update-webhook webhook/` + w.ID + ` {"auth":{"type":"basic","username":"u","password":"********"},"name":"example.com"} -> {"auth":{"type":"basic","username":"u","password":"********"},"name":"CRM"}`,
		`create-webhook webhook/` + w.ID + `  -> {`,
	}
	for i, line := range lines {
		if i >= len(want) || !strings.HasPrefix(line, want[i]) {
			t.Errorf("entry %d is %s", i, line)
		}
	}
	if len(lines) != len(want) {
		t.Errorf("%d entries, want %d", len(lines), len(want))
	}
	changed := entries[10]
	if changed.Actor.KeyID != "key_acme" || changed.Actor.AccountID != "acme" || changed.Actor.Address != "192.0.2.1" || changed.RequestID != "mine-1" || changed.AccountID != "acme" || changed.At.IsZero() {
		t.Errorf("%+v", changed)
	}
	// Who is above is not named to those below.
	if by := entries[1].Actor; !by.Above || by.KeyID+by.Address+by.AccountID+by.KeyName != "" {
		t.Errorf("%+v", by)
	}
	all := string(s.do(request{path: "/v1/audit?limit=500"}).body)
	for _, secret := range []string{"hunter", "aHVudGVy", w.Secret, k.Key, src.IngestURL[strings.LastIndex(src.IngestURL, "/")+1:]} {
		if strings.Contains(all, secret) {
			t.Errorf("the log has %q: %s", secret, all)
		}
	}

	for query, n := range map[string]int{
		"resource=webhook": 3, "action=update-webhook": 1, "resource_id=" + k.ID: 2, "account_id=acme&resource=account": 2,
		"key_id=key_root": 2, "since=2999-01-01T00:00:00Z": 0, "until=2999-01-01T00:00:00Z&resource=record": 3,
	} {
		if lines, _ := s.audit(request{path: "/v1/audit?" + query}); len(lines) != n {
			t.Errorf("%s: %d entries, want %d: %v", query, len(lines), n, lines)
		}
	}
	if lines, _ := s.audit(request{path: "/v1/audit?key_id=key_root", key: acmeKey}); len(lines) != 0 {
		t.Errorf("acme is told what the operator's key did: %v", lines)
	}
	if lines, _ := s.audit(request{path: "/v1/audit?key_id=key_acme&limit=3", key: acmeKey}); len(lines) != 3 {
		t.Errorf("%v", lines)
	}
}

// Replays, and what else is done to deliveries by hand, is told of too.
func TestAuditOfActions(t *testing.T) {
	t.Parallel()
	s, r := newLiveServer(t), newReceiver(t)
	id, _ := s.webhook(`{"url":"` + r.URL + `","events":["*"]}`)
	s.send(`{"id":"e1","type":"custom.x","data":{}}`)
	for i := range 300 { // so that the replay lasts
		s.send(fmt.Sprintf(`{"id":"more-%d","type":"custom.x","data":{}}`, i))
	}
	r.wait(t, 301)
	s.await("/v1/deliveries?state=pending", "items", "[]")
	delivery := switchhook.DeliveryID("root", "e1", id)
	s.ok(202, to("/v1/deliveries/"+delivery+"/retry"), nil)
	var job struct{ ID string }
	s.ok(202, request{method: "POST", path: "/v1/webhooks/" + id + "/replay", body: `{"which":"all","rate":0.00001}`}, &job)
	s.ok(200, to("/v1/jobs/"+job.ID+"/cancel"), nil)
	_, entries := s.audit(request{path: "/v1/audit?limit=3"})
	var got []string
	for _, e := range entries {
		got = append(got, e.Action+" "+e.ResourceID)
	}
	if d := cmp.Diff([]string{"cancel-job " + job.ID, "replay-webhook " + job.ID, "retry-delivery " + delivery}, got); d != "" {
		t.Error(d)
	}
}
