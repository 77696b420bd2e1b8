package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/internal/api"
)

// limit sets the limits of an account.
func (s *server) limit(account, limits string) {
	s.t.Helper()
	s.ok(200, s.patchAccount(account, "", `{"limits":`+limits+`}`), nil)
}

// A key may make so many requests a second, and a burst at once; another key of the
// account has its own.
func TestRequestRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.limit("acme", `{"requests_per_second":2,"request_burst":5}`)
		second := s.key(`{"role":"viewer","account_id":"acme"}`).Key
		below := s.key(`{"role":"viewer","account_id":"acme-east"}`).Key
		for _, key := range []string{acmeKey, second, below} {
			for range 5 {
				s.ok(200, request{path: "/v1/info", key: key}, nil)
			}
			tooMany := api.Problem{Status: 429, Code: "rate_limited", RetryAfter: 1, Detail: "this key may make 2 requests a second; the next one is taken in a second"}
			s.problem(request{path: "/v1/info", key: key}, tooMany)
			if got := s.do(request{path: "/v1/info", key: key}).header.Get("Retry-After"); got != "1" {
				t.Errorf("Retry-After %q", got)
			}
		}
		time.Sleep(time.Second)
		got := map[int]int{}
		for range 10 {
			got[s.do(request{path: "/v1/info", key: acmeKey}).status]++
		}
		if got[200] != 2 || got[429] != 8 {
			t.Errorf("in the second after: %v", got)
		}
		// A stricter limit above holds below, a laxer one below does not loosen it.
		s.limit("acme-east", `{"requests_per_second":1000}`)
		time.Sleep(time.Hour)
		got = map[int]int{}
		for range 100 {
			got[s.do(request{path: "/v1/info", key: below}).status]++
		}
		if got[200] != 5 {
			t.Errorf("below it: %v", got)
		}
		s.limit("acme", `null`)
		for range 1000 {
			s.ok(200, request{path: "/v1/info", key: acmeKey}, nil)
		}
	})
}

func batch(account string, n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(fmt.Sprintf(`{"type":"custom.x","account_id":%q,"data":{}},`, account), n), ",") + "]"
}

// An account and those below it share what it may send a second. A batch is taken whole or
// not at all, and one that is larger than the burst has its turn, too.
func TestEventRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.limit("acme", `{"events_per_second":10}`)
		s.ok(202, post(batch("acme", 12)), nil)
		s.ok(202, post(batch("acme-east", 8)), nil)
		before := s.events()
		tooMany := api.Problem{
			Status: 429, Code: "rate_limited", RetryAfter: 1, Detail: "more events a second than the account, or one above it, may send; nothing of the request was kept, and it is taken in a second",
		}
		s.problem(post(batch("acme-east", 1)), tooMany)
		s.problem(post("["+batch("other", 1)[1:len(batch("other", 1))-1]+","+batch("acme", 1)[1:]), tooMany)
		if n := s.events(); n != before {
			t.Errorf("%d events of refused requests are kept", n-before)
		}
		s.ok(202, post(batch("other", 1000)), nil) // another account's

		time.Sleep(time.Second)
		s.ok(202, post(batch("acme", 10)), nil)
		time.Sleep(2 * time.Second)
		s.ok(202, post(batch("acme", 100)), nil) // more than a burst
		res := s.do(post(batch("acme", 1)))
		if res.status != http.StatusTooManyRequests || res.header.Get("Retry-After") != "9" { // 80 in debt, and one
			t.Errorf("%d, Retry-After %q", res.status, res.header.Get("Retry-After"))
		}
		time.Sleep(9 * time.Second)
		s.ok(202, post(batch("acme", 1)), nil)

		// So are messages of sources, which are no rejects for it.
		var src sourceView
		s.ok(201, request{method: "POST", path: "/v1/sources", body: `{"id":"pbx","kind":"simple","account_id":"acme"}`}, &src)
		time.Sleep(time.Hour)
		s.ok(202, post(batch("acme", 30)), nil)
		if res := s.do(request{method: "POST", path: src.IngestURL, key: "-", body: "c1"}); res.status != http.StatusTooManyRequests {
			t.Errorf("%d %s", res.status, res.body)
		}
		var rejects struct{ Items []any }
		if s.ok(200, request{path: "/v1/sources/pbx/rejects"}, &rejects); len(rejects.Items) != 0 {
			t.Errorf("%v", rejects.Items)
		}
	})
}

// An account for which too many deliveries are open is told to wait; others are not.
func TestOpenDeliveriesAreBounded(t *testing.T) {
	t.Parallel()
	s := newLiveServer(t)
	s.limit("acme", `{"open_deliveries":3}`)
	r := newReceiver(t)
	id, _ := s.webhook(`{"account_id":"acme","url":"` + r.URL + `","events":["*"]}`)
	s.ok(200, to("/v1/webhooks/"+id+"/pause"), nil)
	for range 3 {
		s.ok(202, post(batch("acme", 1)), nil)
	}
	refused := post(batch("acme", 1))
	s.problem(refused, api.Problem{Status: 429, Code: "too_many_open", RetryAfter: 10, Detail: "the account acme has 3 open deliveries or more, which is the most; " +
		"its events are taken again when there are fewer: see which of its webhooks are failing or paused"})
	if got := s.do(refused).header.Get("Retry-After"); got != "10" {
		t.Errorf("Retry-After %q", got)
	}
	s.ok(202, post(batch("acme-east", 1)), nil)
	s.ok(202, post(batch("other", 1)), nil)
	s.ok(200, to("/v1/webhooks/"+id+"/resume"), nil)
	r.wait(t, 3)
	s.await("/v1/deliveries?state=pending", "items", "[]")
	s.ok(202, post(batch("acme", 1)), nil)
	r.wait(t, 1)
}

func TestTheServerBoundsOpenDeliveries(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *api.Options) { o.MaxOpenDeliveries = 100 })
	s.engine.open.Store(99)
	s.ok(202, post(batch("acme", 1)), nil)
	s.engine.open.Store(100)
	if res := s.do(post(batch("acme", 1))); res.status != http.StatusTooManyRequests {
		t.Errorf("%d %s", res.status, res.body)
	}
	s.limit("acme", `{"open_deliveries":101}`) // an account's own limit takes its place
	s.ok(202, post(batch("acme", 1)), nil)
}
