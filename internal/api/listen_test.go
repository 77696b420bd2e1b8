package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
)

const testSecret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

// A heard is a message of a listener, in short.
func (l *listener) heard() string {
	l.t.Helper()
	_, data := l.next()
	var m struct {
		EventID string `json:"event_id"`
		Request *switchhook.HTTPRequest
		Encoded string `json:"body_base64"`
		Error   string
	}
	check(l.t, json.Unmarshal([]byte(data), &m))
	short := m.EventID + " " + m.Error + m.Encoded
	if m.Request != nil {
		short += m.Request.URL + " " + m.Request.Headers.Get("signed-with") + " " + m.Request.Body
	}
	return short
}

func TestListenToAWebhook(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var hook struct{ ID, Secret string }
	s.ok(201, request{method: "POST", path: "/v1/webhooks", body: `{"account_id":"acme","url":"https://example.com/a","events":["call.*","custom.*"],"include_subaccounts":true,"filter":"event.type != \"custom.not\""}`}, &hook)
	path := "/v1/webhooks/" + hook.ID + "/listen"
	send := func(account, id, typ string) {
		t.Helper()
		s.ok(202, post(`{"id":"`+id+`","account_id":"`+account+`","type":"`+typ+`","data":{"call":{"id":"`+id+`"}}}`), nil)
	}
	send("acme", "before", "call.created")
	l := s.listen(path, "", `{"url":"http://localhost:3000/here"}`)
	send("acme", "e1", "call.created")
	send("other", "not1", "call.created")
	send("acme", "not2", "custom.not")
	send("acme-east", "e2", "custom.bytes")
	send("acme", "e3", "custom.bad")
	for _, want := range []string{
		"e1 http://localhost:3000/here " + hook.Secret + " call.created e1",
		"e2 /w==http://localhost:3000/here  ",
		"e3 it cannot be made",
	} {
		if d := cmp.Diff(want, l.heard()); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
	// A change counts from the next request on.
	var rotated struct{ Secret string }
	s.ok(200, request{method: "POST", path: "/v1/webhooks/" + hook.ID + "/rotate-secret"}, &rotated)
	send("acme", "e4", "call.created")
	if got, want := l.heard(), "e4 http://localhost:3000/here "+rotated.Secret+" call.created e4"; got != want {
		t.Errorf("%q, expected %q", got, want)
	}
	// It is deleted: the stream ends, and nobody is told of a mistake of ours.
	s.ok(204, request{method: "DELETE", path: "/v1/webhooks/" + hook.ID}, nil)
	s.feed.Ping()
	for l.lines.Scan() {
		if strings.HasPrefix(l.lines.Text(), "data") {
			t.Errorf("%s", l.lines.Text())
		}
	}
	if log := s.log.String(); strings.Contains(log, "request failed") {
		t.Error(log)
	}
}

func TestListenWithoutAWebhook(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	body := func(more string) string {
		return `{"account_id":"acme","url":"http://localhost:3000/here","events":["call.*"],"secret":"` + testSecret + `"` + more + `}`
	}
	post := func(account, id, members string) {
		t.Helper()
		s.ok(202, post(`{"id":"`+id+`","account_id":"`+account+`","type":"call.created","data":{"call":{"id":"`+id+`"`+members+`}}}`), nil)
	}
	// It begins with where it is, so that a connection that breaks before anything came
	// goes on from there.
	post("acme", "before", "")
	l := s.listen("/v1/webhooks/listen", "", body(`,"filter":"data.call.direction == \"inbound\"","dialect":"kazoo","custom_data":{"a":"b"}`))
	place := ""
	for l.lines.Scan() {
		if rest, ok := strings.CutPrefix(l.lines.Text(), "id: "); ok {
			place = rest
			break
		}
	}
	if place != "1" {
		t.Errorf("it begins at %q", place)
	}
	l.stop()
	post("acme", "not1", "")
	post("acme", "e1", `,"direction":"inbound"`)
	post("acme-east", "not2", `,"direction":"inbound"`)
	l = s.listen("/v1/webhooks/listen", place, body(`,"filter":"data.call.direction == \"inbound\"","dialect":"kazoo","include_subaccounts":false`))
	post("acme", "e2", `,"direction":"inbound"`)
	for _, id := range []string{"e1", "e2"} {
		if got, want := l.heard(), id+" http://localhost:3000/here "+testSecret+" call.created "+id; got != want {
			t.Errorf("%q, expected %q", got, want)
		}
	}
	// Those who filter out all see how far the stream is, too.
	l = s.listen("/v1/webhooks/listen", "1", body(`,"filter":"false"`))
	for last := ""; last != "5"; {
		if !l.lines.Scan() {
			t.Fatalf("it ended at %q", last)
		}
		if rest, ok := strings.CutPrefix(l.lines.Text(), "id: "); ok {
			last = rest
		}
	}
}

func TestListenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	listen := func(body string) request { return request{method: "POST", path: "/v1/webhooks/listen", body: body} }
	s.problem(listen(`{"url":"http://localhost/","events":["call.*"]}`), wrong("secret", "is required: whsec_ and the base64 of 24 to 64 bytes, the same for each connection"))
	s.problem(listen(`{"events":["call.*"],"secret":"`+testSecret+`"}`), wrong("url", "is required: where the requests go, such as https://example.com/hook"))
	s.problem(listen(`{"url":"http://localhost/","events":["call.*"],"dialect":"morse","secret":"`+testSecret+`"}`),
		wrong("dialect", `there is no dialect "morse"; there is kazoo, switchhook, teli`))
	s.problem(request{method: "POST", path: "/v1/webhooks/wh_x/listen"}, api.Problem{Status: 404, Code: "not_found", Detail: `there is no webhook "wh_x"`})
	var hook struct{ ID string }
	s.ok(201, request{method: "POST", path: "/v1/webhooks", body: `{"account_id":"other","url":"https://example.com/a","events":["call.*"]}`}, &hook)
	path := "/v1/webhooks/" + hook.ID + "/listen"
	s.problem(request{method: "POST", path: path, key: acmeKey}, api.Problem{Status: 404, Code: "not_found", Detail: `there is no webhook "` + hook.ID + `"`})
	s.problem(request{method: "POST", path: path, body: `{"url":"ftp://x"}`}, wrong("url", "expected an http or https URL such as https://example.com/hook"))
	s.problem(request{method: "POST", path: path, header: map[string]string{"Last-Event-ID": "x"}},
		wrong("Last-Event-ID", "expected the id of a message of this stream, a whole number"))
}
