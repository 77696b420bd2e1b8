package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/api"
)

type statistics struct {
	Window string    `json:"window"`
	Step   string    `json:"step"`
	From   time.Time `json:"from"`
	Points int       `json:"points"`
	Events struct {
		All      []int64            `json:"all"`
		ByFamily map[string][]int64 `json:"by_family"`
	} `json:"events"`
	Attempts   map[string][]int64    `json:"attempts"`
	Deliveries map[string][]int64    `json:"deliveries"`
	Answer     map[string][]*float64 `json:"answer_time"`
	Total      map[string]any        `json:"total"`
	Now        map[string]any        `json:"now"`
}

// stats awaits statistics in which a total is what it is to be: they are up to a second old.
func (s *server) stats(path, total string, want float64) (got statistics) {
	s.t.Helper()
	look, end := time.NewTicker(20*time.Millisecond), time.Now().Add(10*time.Second)
	defer look.Stop()
	for at := range look.C {
		got = statistics{}
		if s.ok(200, request{path: path}, &got); got.Total[total] == want {
			return got
		}
		if at.After(end) {
			break
		}
	}
	s.t.Fatalf("%s: %s is not %v: %v", path, total, want, got.Total)
	return got
}

func sum(list []int64) (n int64) {
	for _, each := range list {
		n += each
	}
	return n
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestStats(t *testing.T) {
	t.Parallel()
	s, good, bad := newLiveServer(t), newReceiver(t), newReceiver(t)
	bad.answer(http.StatusInternalServerError)
	well, _ := s.webhook(`{"account_id":"acme","url":"` + good.URL + `","events":["call.*"]}`)
	ill, _ := s.webhook(`{"account_id":"acme-east","url":"` + bad.URL + `","events":["*"]}`)
	off, _ := s.webhook(`{"account_id":"acme","url":"` + good.URL + `","events":["*"],"enabled":false}`)
	s.send(`{"type":"call.created","account_id":"acme","data":{"call":{"id":"a"}}}`, `{"type":"call.hungup","account_id":"acme","data":{"call":{"id":"a"}}}`,
		`{"type":"custom.x","account_id":"acme-east","data":{}}`, `{"type":"call.created","account_id":"other","data":{"call":{"id":"b"}}}`)
	good.wait(t, 2)
	bad.wait(t, 1)

	root := s.stats("/v1/stats", "events", 4)
	equal(t, "the default", []any{root.Window, root.Step, root.Points, len(root.Events.All), sum(root.Events.All)}, []any{"24h", "15m", 96, 96, 4})
	acme := s.stats("/v1/stats?window=1h&account_id=acme", "delivered", 2)
	equal(t, "acme's families", acme.Total["events_by_family"], map[string]any{"call": 2.0})
	equal(t, "acme's attempts", []int64{sum(acme.Attempts["success"]), sum(acme.Attempts["failure"])}, []int64{2, 0})
	if p50, last := acme.Total["answer_time"].(map[string]any)["p50_ms"], acme.Answer["p99_ms"]; p50 == nil || !slices.ContainsFunc(last, func(v *float64) bool { return v != nil }) || last[0] != nil {
		t.Errorf("answers: %v %v", p50, last)
	}
	tree := s.stats("/v1/stats?window=15m&account_id=acme&include_subaccounts=true", "failure", 1)
	equal(t, "with its subaccounts", []any{tree.Total["events"], tree.Total["delivered"], tree.Points}, []any{3, 2, 90})
	equal(t, "now", []any{tree.Now["backlog"], tree.Now["webhooks"], tree.Now["open_calls"]}, []any{1, map[string]any{"active": 2.0, "failing": 0.0, "paused": 0.0, "disabled": 1.0}, 0})
	if tree.Now["oldest_waiting_at"] == nil {
		t.Errorf("something waits: %v", tree.Now)
	}
	var own statistics
	s.ok(200, request{path: "/v1/stats", key: acmeKey}, &own)
	equal(t, "acme's key sees", own.Total["events"], 3)

	hook := s.stats("/v1/webhooks/"+ill+"/stats?window=6h", "failure", 1)
	stats := hook.Now["stats"].(map[string]any)
	if stats["last_error"] != "the receiver answered 500" || stats["last_error_at"] == nil || stats["oldest_waiting_at"] == nil || stats["pending"] != 1.0 {
		t.Errorf("%v", hook.Now)
	}
	s.stats("/v1/webhooks/"+well+"/stats", "delivered", 2)
	s.problem(request{path: "/v1/stats?window=2h"}, api.Problem{
		Status: 422, Code: "invalid", Detail: `window: expected value to be one of "15m, 1h, 6h, 24h, 7d, 30d"`,
		Errors: wrong("window", `expected value to be one of "15m, 1h, 6h, 24h, 7d, 30d"`).Errors,
	})

	var sparks struct {
		Step  string `json:"step"`
		Next  *string
		Items []struct {
			WebhookID        string `json:"webhook_id"`
			Status           string
			Success, Failure []int64
			Backlog          int64
			P95              *float64 `json:"p95_ms"`
			LastError        string   `json:"last_error"`
		}
	}
	s.ok(200, request{path: "/v1/stats/webhooks?limit=2", key: acmeKey}, &sparks)
	if sparks.Step != "1h" || len(sparks.Items) != 2 {
		t.Fatalf("%+v", sparks)
	}
	first, second := sparks.Items[0], sparks.Items[1]
	equal(t, "the first", []any{first.WebhookID, len(first.Success), sum(first.Success), first.P95 != nil, first.Backlog}, []any{well, 24, 2, true, 0})
	equal(t, "the second", []any{second.WebhookID, sum(second.Failure), second.Backlog, second.LastError}, []any{ill, 1, 1, "the receiver answered 500"})
	s.ok(200, request{path: "/v1/stats/webhooks?account_id=acme"}, &sparks)
	equal(t, "acme's", []string{sparks.Items[0].WebhookID, sparks.Items[1].WebhookID, sparks.Items[1].Status}, []string{well, off, "disabled"})
}

// A replay is counted, and nothing is sent.
func TestReplayIsCounted(t *testing.T) {
	t.Parallel()
	s, r := newLiveServer(t), newReceiver(t)
	s.send(`{"id":"e1","type":"call.created","data":{"call":{"id":"a"}}}`, `{"id":"e2","type":"call.hungup","data":{"call":{"id":"a"}}}`, `{"id":"e3","type":"custom.x","data":{}}`)
	id, _ := s.webhook(`{"url":"` + r.URL + `","events":["call.*"]}`)
	for _, c := range [][2]string{
		{`{"dry_run":true,"which":"missing"}`, "map[count:2 dry_run:true looked:3 more:false]"},
		{`{"dry_run":true,"which":"all","types":["call.hungup"]}`, "map[count:1 dry_run:true looked:3 more:false]"},
		{`{"dry_run":true}`, "map[count:0 dry_run:true looked:3 more:false]"},
		{`{"dry_run":true,"which":"all","call_id":"none"}`, "map[count:0 dry_run:true looked:0 more:false]"},
		{`{"dry_run":true,"which":"all","until":"2001-01-01T00:00:00Z"}`, "map[count:0 dry_run:true looked:0 more:false]"},
	} {
		body, want := c[0], c[1]
		var got map[string]any
		s.ok(200, request{method: "POST", path: "/v1/webhooks/" + id + "/replay", body: body}, &got)
		equal(t, body, got, want)
	}
	var jobs struct{ Items []any }
	s.ok(200, request{path: "/v1/jobs"}, &jobs)
	if len(jobs.Items) > 0 {
		t.Errorf("counting made jobs: %v", jobs.Items)
	}
	s.ok(202, request{method: "POST", path: "/v1/webhooks/" + id + "/replay", body: `{"which":"missing"}`}, nil)
	equal(t, "what was sent", r.wait(t, 2), []string{"e1 true", "e2 true"})
}

// What narrows deliveries and attempts: lists and streams.
func TestDeliveriesAndAttemptsAreNarrowed(t *testing.T) {
	t.Parallel()
	s, r := newLiveServer(t), newReceiver(t)
	hook, _ := s.webhook(`{"url":"` + r.URL + `","events":["*"]}`)
	other, _ := s.webhook(`{"url":"` + r.URL + `","events":["call.created"]}`)
	call := func(id, from string) string {
		return `{"id":"` + id + `","type":"call.created","data":{"call":{"id":"` + id + `","from":{"address":"` + from + `"},"to":{"address":"100"}}}}`
	}
	s.send(call("c1", "+14155550101"), call("c2", "+14155550102"), `{"id":"x1","type":"custom.x","data":{}}`, `{"id":"c1-end","type":"call.hungup","data":{"call":{"id":"c1"}}}`)
	r.wait(t, 6)
	// ids are those of the events, of all pages, in the order of the list.
	ids := func(path string) (all []string) {
		t.Helper()
		for cursor := ""; ; {
			var list struct {
				Items []struct {
					EventID string `json:"event_id"`
				}
				Next *string `json:"next_cursor"`
			}
			s.ok(200, request{path: path + "&limit=2&cursor=" + cursor}, &list)
			for _, each := range list.Items {
				all = append(all, each.EventID)
			}
			if list.Next == nil {
				return all
			}
			cursor = *list.Next
		}
	}
	s.stats("/v1/stats?window=15m", "delivered", 6)
	for query, want := range map[string][]string{
		"call_id=c1":                            {"c1", "c1", "c1-end"},
		"call_id=c1&webhook_id=" + other:        {"c1"},
		"call_id=c1&type=call.hungup":           {"c1-end"},
		"type=custom.*,call.hungup":             {"c1-end", "x1"},
		"type=call.created&webhook_id=" + hook:  {"c1", "c2"},
		"number=%2B14155550102":                 {"c2", "c2"},
		"number=14155550101&webhook_id=" + hook: {"c1", "c1-end"},
		"call_id=none":                          nil,
		"call_id=c2&type=custom.*":              nil,
	} {
		for _, list := range []string{"attempts", "deliveries"} {
			got := ids("/v1/" + list + "?" + query)
			slices.Sort(got)
			equal(t, list+"?"+query, got, want)
		}
	}
	equal(t, "in a dialect", len(ids("/v1/attempts?dialect=switchhook&call_id=c1")), 3)
	equal(t, "in another dialect", len(ids("/v1/attempts?dialect=kazoo")), 0)
	equal(t, "delivered", ids("/v1/deliveries?state=delivered&call_id=c2"), []string{"c2", "c2"})
	equal(t, "failed", len(ids("/v1/deliveries?state=failed&call_id=c2")), 0)
	equal(t, "newest event first", ids("/v1/attempts?call_id=c1")[0], "c1-end")
	s.problem(request{path: "/v1/attempts?call_id=c1&cursor=x"}, api.Problem{Status: 422, Code: "invalid", Detail: "cursor: is not one that a list has returned", Errors: wrong("cursor", "is not one that a list has returned").Errors})

	l := s.listen("/v1/attempts/stream?call_id=c1&type=call.hungup&backlog=10", "")
	s.send(`{"id":"y1","type":"custom.x","data":{}}`, call("c3", "+14155550101"), `{"id":"c2-end","type":"call.hungup","data":{"call":{"id":"c2"}}}`,
		`{"id":"c1-late","type":"call.hungup","data":{"call":{"id":"c1"}}}`)
	for _, want := range []string{"c1-end", "c1-late"} {
		if _, data := l.next(); !strings.Contains(data, `"event_id":"`+want+`"`) {
			t.Errorf("expected %s: %s", want, data)
		}
	}
	l = s.listen("/v1/attempts/stream?number=14155550101&webhook_id="+other, "0")
	for _, want := range []string{"c1", "c3"} {
		if _, data := l.next(); !strings.Contains(data, `"event_id":"`+want+`"`) {
			t.Errorf("expected %s: %s", want, data)
		}
	}
}

// A webhook that there is not yet shows what it would send.
func TestPreviewOfANewWebhook(t *testing.T) {
	t.Parallel()
	s := newLiveServer(t)
	s.send(`{"id":"e1","type":"call.created","account_id":"acme","data":{"call":{"id":"a","from":{"address":"+14155550101"}}}}`)
	preview := func(body string) request {
		return request{method: http.MethodPost, path: "/v1/webhooks/preview", body: body, key: acmeKey}
	}
	var got struct {
		Method, URL, Body string
		Headers           map[string]string
	}
	s.ok(200, preview(`{"webhook":{"url":"https://example.com/in","events":["call.*"],"headers":{"X-Api-Key":"hidden"}},"event_id":"e1"}`), &got)
	if got.Method != http.MethodPost || got.URL != "https://example.com/in" || !strings.Contains(got.Body, "+14155550101") || got.Headers["x-api-key"] == "hidden" || got.Headers["webhook-signature"] == "" {
		t.Errorf("%+v", got)
	}
	s.ok(200, preview(`{"webhook":{"url":"https://example.com/in","events":["call.*"],"dialect":"kazoo","format":"json"},"type":"call.answered"}`), &got)
	if !strings.Contains(got.Body, "channel_answer") {
		t.Errorf("%+v", got)
	}
	var list struct{ Items []any }
	s.ok(200, request{path: "/v1/webhooks"}, &list)
	if len(list.Items) > 0 {
		t.Errorf("it was kept: %v", list.Items)
	}
	s.problem(preview(`{"webhook":{"url":"ftp://example.com","events":["call.*"]}}`), api.Problem{
		Status: 422, Code: "invalid", Detail: "webhook.url: expected an http or https URL such as https://example.com/hook", Errors: wrong("webhook.url", "expected an http or https URL such as https://example.com/hook").Errors,
	})
	s.problem(preview(`{"webhook":{"account_id":"other","url":"https://example.com","events":["call.*"]}}`), api.Problem{
		Status: 422, Code: "unknown_account", Detail: `webhook.account_id: there is no account "other" that this key opens`,
		Errors: wrong("webhook.account_id", `there is no account "other" that this key opens`).Errors,
	})
}
