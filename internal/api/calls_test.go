package api_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
)

type callAnswer struct {
	ID        string          `json:"id"`
	AccountID string          `json:"account_id"`
	Status    string          `json:"status"`
	Call      switchhook.Call `json:"call"`
}

// calls lists all pages of a search, by a limit, and returns the ids.
func (s *server) calls(query string, limit int) (ids []string) {
	s.t.Helper()
	for cursor := ""; ; {
		var page struct {
			Items []callAnswer `json:"items"`
			Next  *string      `json:"next_cursor"`
		}
		s.ok(200, request{path: fmt.Sprintf("/v1/calls?limit=%d&%s&cursor=%s", limit, query, url.QueryEscape(cursor))}, &page)
		for _, c := range page.Items {
			ids = append(ids, c.ID)
		}
		if page.Next == nil {
			return ids
		}
		cursor = *page.Next
	}
}

// tell posts events of calls, one after the other: each is "type id members…", the
// members being JSON without its braces.
func (s *server) tell(account string, events ...string) {
	s.t.Helper()
	for _, e := range events {
		typ, rest, _ := strings.Cut(e, " ")
		id, members, _ := strings.Cut(rest, " ")
		if members != "" {
			members = "," + members
		}
		s.ok(202, request{method: "POST", path: "/v1/events", body: fmt.Sprintf(`{"type":%q,"account_id":%q,"data":{"call":{"id":%q%s}}}`, typ, account, id, members)}, nil)
	}
}

func TestCallsAreFoundByWhatIsKnownOfThem(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.tell(
		"acme",
		`call.created a "from":{"type":"tel","address":"+12025550143"},"to":{"type":"tel","address":"+12025550100"}`,
		`leg.created a-leg "parent_id":"a","to":{"type":"extension","address":"101"}`,
		`call.created b "from":{"type":"extension","address":"101@pbx.example.com"},"to":{"type":"tel","address":"+12025550177"}`,
		`call.answered a`, `call.hungup a`,
		`call.answered middle "to":{"type":"tel","address":"+12025550100"}`, // it was under way when we began to listen
		`leg.hungup a-leg`,
		`call.cdr a`,
	)
	s.tell(
		"other",
		`call.created a "to":{"type":"tel","address":"+12025550100"}`,
		`call.transferred a "callee":{"type":"extension","address":"102"}`,
	)
	// The whole story in one event, and a recording that is told before its call.
	s.tell("other", `call.hungup only "from":{"type":"tel","address":"+12025550143"}`)
	s.ok(202, request{method: "POST", path: "/v1/events", body: `{"type":"recording.started","account_id":"other","data":{"recording":{"id":"r","call_id":"rec"}}}`}, nil)
	s.tell("other", `call.answered rec`)

	for query, want := range map[string][]string{
		"":                                       {"rec", "only", "a", "middle", "b", "a"},
		"account_id=acme":                        {"middle", "b", "a"},
		"number=%2B12025550100":                  {"a", "middle", "a"},
		"number=12025550143":                     {"only", "a"},
		"extension=101":                          {"b", "a"},
		"extension=102":                          {"a"},
		"number=12025550100&extension=101":       {"a"},
		"call_id=a&account_id=acme":              {"a"},
		"call_id=a-leg":                          {"a"},
		"call_id=nobody":                         nil,
		"number=1":                               nil,
		"status=open":                            {"rec", "middle", "a", "b"},
		"status=ended":                           {"only", "a"},
		"status=open&extension=101":              {"b"},
		"status=open&number=2025550100":          nil,
		"status=open&call_id=a":                  {"a"},
		"status=ended&number=12025550143":        {"only", "a"},
		"since=2020-01-01T00:00:00Z":             {"rec", "only", "a", "middle", "b", "a"},
		"until=2020-01-01T00:00:00Z":             nil,
		"status=open&since=2100-01-01T00:00:00Z": nil,
		"number=12025550100&until=" + time.Now().UTC().Format("2006") + "-01-01T00:00:00Z": nil,
	} {
		for _, limit := range []int{1, 2, 50} {
			got := s.calls(query, limit)
			if query == "status=open" { // those without a created_at have the time of the last event
				slices.Sort(got)
				want = slices.Sorted(slices.Values(want))
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s by %d (-want +got):\n%s", query, limit, d)
			}
		}
	}
	for _, path := range []string{"/v1/calls?account_id=nobody", "/v1/calls/a?account_id=nobody"} {
		if res := s.do(request{path: path}); res.status != 422 {
			t.Errorf("%s: %d %s", path, res.status, res.body)
		}
	}
	if res := s.do(request{path: "/v1/calls?account_id=other", key: acmeKey}); res.status != 422 {
		t.Errorf("another's calls: %d %s", res.status, res.body)
	}
	for _, id := range []string{"only", "rec"} {
		if res := s.do(request{path: "/v1/calls/" + id, key: acmeKey}); res.status != 404 {
			t.Errorf("another's call: %d %s", res.status, res.body)
		}
	}
	if res := s.do(request{path: "/v1/calls?cursor=x"}); res.status != 422 {
		t.Errorf("a cursor that is none: %d %s", res.status, res.body)
	}
}

func TestACallThatUsesAnIDAgainIsAnotherCall(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for n := range 3 {
		s.tell("acme", fmt.Sprintf(`call.created x "from":{"address":"10%d"}`, n), "call.hungup x", "call.cdr x")
	}
	if got := s.calls("call_id=x", 1); len(got) != 3 {
		t.Errorf("%v", got)
	}
	var list struct{ Items []callAnswer }
	s.ok(200, request{path: "/v1/calls"}, &list)
	for i, c := range list.Items {
		if want := fmt.Sprintf("10%d", 2-i); c.Call.From == nil || c.Call.From.Address != want || c.Status != "ended" {
			t.Errorf("call %d: %+v, expected it to be from %s", i, c, want)
		}
	}
	var one struct {
		callAnswer
		Timeline struct {
			Items []struct{ Event struct{ Type string } }
		}
	}
	s.ok(200, request{path: "/v1/calls/x"}, &one)
	if len(one.Timeline.Items) != 3 || one.Call.From.Address != "102" {
		t.Errorf("%+v", one)
	}
}

// Many calls can lie under one ordering key.
func TestCallsUnderOneKey(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	post := func(typ, id string) {
		s.ok(202, request{method: "POST", path: "/v1/events", body: fmt.Sprintf(`{"type":%q,"key":"all","data":{"call":{"id":%q}}}`, typ, id)}, nil)
	}
	for _, id := range []string{"a", "b", "c"} {
		post("call.created", id)
	}
	for _, id := range []string{"a", "c", "b"} {
		post("call.hungup", id)
	}
	if got := s.calls("status=ended", 1); !slices.Equal(got, []string{"c", "b", "a"}) {
		t.Errorf("%v", got)
	}
	var one struct {
		Timeline struct{ Items []json.RawMessage }
	}
	s.ok(200, request{path: "/v1/calls/b"}, &one)
	if len(one.Timeline.Items) != 2 {
		t.Errorf("%s", one.Timeline.Items)
	}
}

func TestTheTimelineHasEventsDeliveriesAndAttempts(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var hook struct{ ID string }
	s.ok(201, request{method: "POST", path: "/v1/webhooks", body: `{"account_id":"acme","url":"https://example.com","events":["*"]}`}, &hook)
	s.tell("acme", "call.created a", `leg.created a-leg "parent_id":"a"`, "call.answered a")
	events, _, err := s.store.Events(t.Context(), switchhook.EventFilter{After: -1}, switchhook.Page{Limit: 10})
	check(t, err)
	done := make(chan error, 1)
	var attempts []*switchhook.Attempt
	for i, ev := range events[:2] {
		attempts = append(attempts, &switchhook.Attempt{
			ID: fmt.Sprintf("att_%d", i), EventID: ev.ID, EventType: ev.Type, AccountID: "acme", WebhookID: hook.ID, Sequence: ev.Sequence, Number: 1,
			StartedAt: ev.AcceptedAt.Add(time.Hour), Outcome: switchhook.Success, State: switchhook.Delivered,
		})
	}
	s.store.Submit(&switchhook.Commit{Attempts: attempts, Done: func(err error) { done <- err }})
	check(t, <-done)

	type entry struct {
		At       time.Time
		Kind     string
		Event    *struct{ Type string }
		Delivery *struct{ State string }
		Attempt  *struct{ ID string }
	}
	type answer struct {
		callAnswer
		Legs     []switchhook.Call
		Timeline struct {
			Items []entry
			Next  *string `json:"next_cursor"`
		}
	}
	tell := func(list []entry) (lines []string) {
		for _, e := range list {
			switch {
			case e.Event != nil:
				lines = append(lines, e.Kind+" "+e.Event.Type)
			case e.Delivery != nil:
				lines = append(lines, e.Kind+" "+e.Delivery.State)
			case e.Attempt != nil:
				lines = append(lines, e.Kind+" "+e.Attempt.ID)
			}
		}
		return lines
	}
	var whole answer
	s.ok(200, request{path: "/v1/calls/a-leg", key: acmeKey}, &whole)
	if whole.ID != "a" || whole.Status != "open" || len(whole.Legs) != 1 || whole.Legs[0].ID != "a-leg" || whole.Timeline.Next != nil {
		t.Errorf("%+v", whole)
	}
	want := []string{
		"event call.created", "delivery delivered", "event leg.created", "delivery delivered", "event call.answered", "delivery pending",
		"attempt att_0", "attempt att_1",
	}
	got := tell(whole.Timeline.Items)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if !slices.IsSortedFunc(whole.Timeline.Items, func(x, y entry) int { return x.At.Compare(y.At) }) {
		t.Error("the timeline is not in the order of time")
	}
	// Page by page it is the same, while more comes in at its end.
	var paged []string
	for cursor := ""; ; {
		var part answer
		s.ok(200, request{path: "/v1/calls/a?limit=3&cursor=" + cursor}, &part)
		paged = append(paged, tell(part.Timeline.Items)...)
		if part.Timeline.Next == nil {
			break
		}
		cursor = *part.Timeline.Next
	}
	if d := cmp.Diff(got, paged); d != "" {
		t.Errorf("by pages (-whole +paged):\n%s", d)
	}
}

// What is told of a call hours after its end, when nothing of it is in memory.
func TestACallIsFoundLongAfterItsEnd(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.tell("acme", `call.created a "from":{"address":"+12025550143"}`, "call.answered a", "call.hungup a", "call.cdr a")
	if s.router.Call("acme", "a") == nil {
		t.Fatal("the call is not in memory")
	}
	for batch := range 5 { // more than are remembered
		var events []string
		for n := range 900 {
			events = append(events, fmt.Sprintf(`{"type":"call.hungup","account_id":"other","data":{"call":{"id":"n%d-%d"}}}`, batch, n))
		}
		s.ok(202, post("["+strings.Join(events, ",")+"]"), nil)
	}
	if s.router.Call("acme", "a") != nil {
		t.Fatal("the call is still in memory")
	}
	// It comes so late that it is folded into nothing.
	s.tell("acme", `call.updated a "recording_id":"r"`)
	if got := s.calls("account_id=acme", 50); !slices.Equal(got, []string{"a"}) {
		t.Errorf("%v", got)
	}
	var one struct {
		callAnswer
		Timeline struct{ Items []json.RawMessage }
	}
	s.ok(200, request{path: "/v1/calls/a"}, &one)
	if len(one.Timeline.Items) != 5 {
		t.Errorf("%s", one.Timeline.Items)
	}
}
