package api_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook"
)

func TestSearch(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	hook, _ := s.webhook(`{"account_id":"acme","name":"Billing system","url":"https://hooks.example.com/x","events":["*"]}`)
	foreign, _ := s.webhook(`{"account_id":"other","name":"Billing of others","url":"https://other.example.com/x","events":["*"]}`)
	s.ok(201, request{method: "PUT", path: "/v1/records/number/+14155550101?account_id=acme", body: `{"name":"Main line"}`}, nil)
	s.ok(201, request{method: "POST", path: "/v1/sources", body: `{"id":"switch-1","kind":"simple","account_id":"acme"}`}, nil)
	s.ok(201, request{method: "POST", path: "/v1/users", body: `{"login":"ada@example.com","name":"Ada","role":"viewer","account_id":"acme"}`}, nil)
	s.tell("acme", `call.created call-1 "from":{"address":"+14155550101"},"to":{"address":"2001"}`, "call.hungup call-1",
		`call.created call-2 "from":{"address":"+442071234567"},"to":{"address":"+14155550101"}`)
	s.tell("other", `call.created call-3 "from":{"address":"+14155550101"},"to":{"address":"2001"}`)
	s.ok(202, post(`{"id":"e1","type":"custom.x","account_id":"acme","data":{}}`), nil)
	s.attempt("att_1", "e1", "acme", hook, 1, switchhook.Success)

	find := func(q, key string) (found []string) {
		t.Helper()
		var got struct {
			Items []struct {
				Kind, ID, Title string
				AccountID       string `json:"account_id"`
			}
		}
		s.ok(200, request{path: "/v1/search?q=" + url.QueryEscape(q), key: key}, &got)
		for _, h := range got.Items {
			if key == acmeKey && !strings.HasPrefix(h.AccountID, "acme") {
				t.Errorf("%q shows acme what is %s's: %+v", q, h.AccountID, h)
			}
			if h.Title == "" {
				t.Errorf("%q: no title: %+v", q, h)
			}
			found = append(found, h.Kind+" "+h.ID)
		}
		return found
	}
	number := []string{"record number/+14155550101", "call call-2", "call call-1"}
	for q, want := range map[string][]string{
		"acme":  {"account acme", "account acme-east"},
		hook:    {"webhook " + hook},
		foreign: nil,
		"e1":    {"event e1"},
		"att_1": {"attempt att_1"},
		switchhook.DeliveryID("acme", "e1", hook): {"delivery " + switchhook.DeliveryID("acme", "e1", hook)},
		"call-1":          {"call call-1"},
		"call-3":          nil,
		"switch-1":        {"source switch-1"},
		"+14155550101":    number,
		" (415) 555-0101": number,
		"1 415.555.0101":  number,
		"00442071234567":  {"call call-2"},
		"2001":            {"call call-1"},
		"7123":            {"call call-2"},
		"billing":         {"webhook " + hook},
		"HOOKS.EXAMPLE":   {"webhook " + hook},
		"main li":         {"record number/+14155550101"},
		"ada":             {"user " + s.userID("ada@example.com")},
		"nothing at all":  nil,
		"%":               nil,
		" ":               nil,
		"12":              nil,
	} {
		if got := find(q, acmeKey); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", q, got, want)
		}
	}
	if got := find("billing", rootKey); len(got) != 2 {
		t.Errorf("the operator finds all: %v", got)
	}
	viewer := s.key(`{"role":"viewer","account_id":"acme"}`).Key
	if got := find("ada", viewer); len(got) > 0 {
		t.Errorf("a viewer finds users: %v", got)
	}
	var got struct{ Items []any }
	s.ok(200, request{path: "/v1/search?limit=1&account_id=acme&q=" + url.QueryEscape("+14155550101")}, &got)
	if len(got.Items) != 1 {
		t.Errorf("limit: %v", got.Items)
	}
}

func (s *server) userID(login string) string {
	s.t.Helper()
	users, err := s.store.Users(s.t.Context())
	check(s.t, err)
	i := slices.IndexFunc(users, func(u *switchhook.User) bool { return u.Login == login })
	if i < 0 {
		s.t.Fatal(fmt.Sprint("there is no user ", login))
	}
	return users[i].ID
}
