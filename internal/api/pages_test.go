package api_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
)

// Each list is read page by page while more comes in, and what was read last is taken
// away where it can be: what was there at the start, and still is, comes once, and nothing twice.
func TestPagesStayRightWhileDataArrive(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var hook struct{ ID string }
	s.ok(201, post2("/v1/webhooks", `{"url":"https://example.com","events":["custom.x"]}`), &hook)
	s.ok(201, post2("/v1/sources", `{"id":"source","kind":"simple"}`), nil)
	n := 0
	commit := func(c switchhook.Commit) {
		done := make(chan error, 1)
		c.Done = func(err error) { done <- err }
		s.store.Submit(&c)
		check(t, <-done)
	}
	event := func(typ, data string) func() {
		return func() {
			n++
			s.ok(202, post(fmt.Sprintf(`{"id":"e%d","type":%q,"data":%s}`, n, typ, strings.ReplaceAll(data, "{n}", fmt.Sprint(n)))), nil)
		}
	}
	create := func(path, body string) func() {
		return func() {
			n++
			s.ok(201, post2(path, strings.ReplaceAll(body, "{n}", fmt.Sprintf("%03d", n*7919%1000))), nil) // not in order
		}
	}
	for _, list := range []struct {
		path, name string // of the list, and of what names an item
		add        func()
		remove     func(name string) // nil: nothing can be taken away
	}{
		{"/v1/events", "id", event("custom.y", "{}"), nil},
		{"/v1/events?type=call.*&number=101", "id", event("call.created", `{"call":{"id":"a{n}","from":{"address":"101"}}}`), nil},
		{"/v1/calls", "id", event("call.created", `{"call":{"id":"b{n}","from":{"address":"102"}}}`), nil},
		{"/v1/calls?number=102", "id", event("call.created", `{"call":{"id":"c{n}","from":{"address":"102"}}}`), nil},
		{"/v1/calls?status=open", "id", event("call.created", `{"call":{"id":"d{n}"}}`), func(id string) {
			event("call.hungup", `{"call":{"id":"`+id+`"}}`)()
		}},
		{"/v1/deliveries", "id", event("custom.x", "{}"), nil},
		{"/v1/deliveries?state=pending", "id", event("custom.x", "{}"), nil},
		{"/v1/attempts", "id", func() {
			event("custom.x", "{}")()
			s.attempt(fmt.Sprintf("att_%d", n), fmt.Sprintf("e%d", n), "root", hook.ID, 1, switchhook.Success)
		}, nil},
		{"/v1/webhooks", "id", create("/v1/webhooks", `{"url":"https://example.com/{n}","events":["call.*"]}`), func(id string) {
			s.ok(204, request{method: "DELETE", path: "/v1/webhooks/" + id}, nil)
		}},
		{"/v1/accounts", "id", create("/v1/accounts", `{"id":"acc{n}"}`), nil},
		{"/v1/sources", "id", create("/v1/sources", `{"id":"src{n}","kind":"simple"}`), func(id string) {
			s.ok(204, request{method: "DELETE", path: "/v1/sources/" + id}, nil)
		}},
		{"/v1/sources/source/rejects", "id", func() {
			n++
			commit(switchhook.Commit{Rejects: []*switchhook.Reject{{SourceID: "source", At: time.Now().UTC(), Reason: "no reason", Method: "POST"}}})
		}, nil},
		{"/v1/records", "id", func() {
			n++
			s.ok(201, request{method: "PUT", path: fmt.Sprintf("/v1/records/number/r%03d", n*7919%1000), body: `{}`}, nil)
		}, func(id string) { s.ok(204, request{method: "DELETE", path: "/v1/records/number/" + id}, nil) }},
		{"/v1/jobs", "id", func() {
			n++
			commit(switchhook.Commit{Jobs: []*switchhook.Job{{
				ID: switchhook.NewID(switchhook.PrefixJob), AccountID: "root", WebhookID: hook.ID, Which: "all", State: switchhook.JobDone, CreatedAt: time.Now().UTC(), EndedAt: time.Now().UTC(),
			}}})
		}, nil},
		{"/v1/dialect-ids", "id", func() {
			n++
			s.ok(200, request{method: "PUT", path: fmt.Sprintf("/v1/dialect-ids/teli/user/u%03d", n*7919%1000), body: `{"value":"` + fmt.Sprint(n) + `"}`}, nil)
		}, func(id string) { s.ok(204, request{method: "DELETE", path: "/v1/dialect-ids/teli/user/" + id}, nil) }},
		{"/v1/event-types", "type", func() {}, nil},
	} {
		read := func(cursor string, limit int) (names []string, next string) {
			t.Helper()
			u, err := url.Parse(list.path)
			check(t, err)
			q := u.Query()
			q.Set("limit", fmt.Sprint(limit))
			if cursor != "" {
				q.Set("cursor", cursor)
			}
			u.RawQuery = q.Encode()
			var page struct {
				Items []map[string]any
				Next  *string `json:"next_cursor"`
			}
			s.ok(200, request{path: u.String()}, &page)
			for _, item := range page.Items {
				names = append(names, fmt.Sprint(item[list.name]))
			}
			if page.Next != nil {
				next = *page.Next
			}
			return names, next
		}
		for range 7 {
			list.add()
		}
		start, _ := read("", 500)
		var got, removed []string
		for cursor := ""; ; {
			names, next := read(cursor, 2)
			got = append(got, names...)
			list.add()
			if list.remove != nil && next != "" {
				last := names[len(names)-1]
				removed = append(removed, last)
				list.remove(last)
			}
			if cursor = next; next == "" {
				break
			}
		}
		seen := map[string]int{}
		for _, name := range got {
			if seen[name]++; seen[name] > 1 {
				t.Errorf("%s: %s came twice: %v", list.path, name, got)
			}
		}
		for _, name := range start {
			if seen[name] == 0 {
				t.Errorf("%s: %s was there at the start and did not come: %v (taken away: %v)", list.path, name, got, removed)
			}
		}
		if len(start) < 7 || !slices.Equal(start, slices.DeleteFunc(slices.Clone(got), func(name string) bool { return !slices.Contains(start, name) })) {
			t.Errorf("%s: another order: %v, and by pages %v", list.path, start, got)
		}
	}
}

func post2(path, body string) request { return request{method: "POST", path: path, body: body} }
