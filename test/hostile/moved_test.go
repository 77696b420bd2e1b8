package hostile

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Whoever was above an account that was moved away has nothing of it any more: what they had
// open before, and what they set up, tells them of nothing that comes, and writes nothing into it.
func TestMovedAway(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)
	s := serve(t, "--allow-network", "127.0.0.0/8")
	former := s.customer("former")
	s.customer("next")
	s.operator().must(http.StatusCreated, "POST", "/v1/accounts", `{"id":"shop","parent_id":"former"}`)
	former.must(http.StatusCreated, "POST", "/v1/webhooks", `{"url":"`+srv.URL+`","events":["custom.*"],"include_subaccounts":true}`)
	const customer = "4f1a2b3c-4d5e-4708-92a3-b4c5d6e7f811"
	source := former.must(http.StatusCreated, "POST", "/v1/sources", `{"kind":"voipbin","account_map":{"`+customer+`":"shop"}}`)
	_, ingest, _ := strings.Cut(source.get("ingest_url"), s.address)
	call := func(id string) answer {
		return s.as("").do("POST", ingest, `{"type":"call_created","data":{"id":"`+id+`","customer_id":"`+customer+`","type":"flow","status":"dialing","direction":"incoming"}}`)
	}
	happen := func(account, id string) answer {
		return s.operator().must(http.StatusAccepted, "POST", "/v1/events", `{"type":"custom.x","account_id":"`+account+`","id":"`+id+`","data":{}}`)
	}

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/v1/events/stream", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+former.key)
	stream, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	if a := happen("shop", "seen"); a.get("events.0.deliveries") != "1" {
		t.Fatalf("the webhook of the account above: %v", a)
	}
	lines := bufio.NewReader(stream.Body)
	for line := ""; !strings.Contains(line, `"seen"`); {
		if line, err = lines.ReadString('\n'); err != nil {
			t.Fatalf("the stream of the account above: %v", err)
		}
	}
	if a := call("11111111-1111-4111-8111-111111111111"); a.status != http.StatusAccepted {
		t.Fatalf("the source of the account above: %v", a)
	}
	s.operator().must(http.StatusOK, "PATCH", "/v1/accounts/shop", `{"parent_id":"next"}`)

	if a := happen("shop", "unseen"); a.get("events.0.deliveries") != "0" {
		t.Errorf("the webhook goes on: %v", a)
	}
	// The stream ends: whoever opens it anew sees others.
	if told, err := io.ReadAll(lines); err != nil || strings.Contains(string(told), `"unseen"`) {
		t.Errorf("the stream: %v %s", err, told)
	}
	if a := call("22222222-2222-4222-8222-222222222222"); a.status != http.StatusUnprocessableEntity || a.get("code") != "unknown_account" {
		t.Errorf("the source goes on: %v", a)
	}
	for _, path := range []string{"/v1/events", "/v1/deliveries", "/v1/calls", "/v1/search?q=seen"} {
		if a := former.must(http.StatusOK, "GET", path, ""); strings.Contains(a.body, `"shop"`) {
			t.Errorf("%s: %v", path, a)
		}
	}
	former.must(http.StatusNotFound, "GET", "/v1/events/seen", "")
}
