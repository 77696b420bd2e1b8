package hostile

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Who guesses is slowed down, and does not learn who is there.
//
//nolint:tparallel // its parts use up the tries of one another
func TestSignIn(t *testing.T) {
	t.Parallel()
	s := serve(t, "--trusted-proxies", "127.0.0.1/32")
	acme := s.customer("acme")
	for _, login := range []string{"ada@example.com", "ben@example.com"} {
		acme.must(http.StatusCreated, "POST", "/v1/users", `{"login":"`+login+`","role":"admin","password":"the right password"}`)
	}
	try := func(login, password, from string) answer {
		return s.as("").do("POST", "/v1/session", object(map[string]string{"login": login, "password": password}), "X-Forwarded-For: "+from)
	}
	t.Run("who is there", func(t *testing.T) {
		var took [2][]time.Duration
		var said [2]string
		for i := range 4 {
			for nobody, login := range []string{"ben@example.com", "nobody@example.com"} {
				start := time.Now()
				a := try(login, "wrong", "192.0.2."+strconv.Itoa(i))
				took[nobody] = append(took[nobody], time.Since(start))
				if said[nobody] = fmt.Sprint(a.status, a.get("detail")); a.status != http.StatusUnauthorized {
					t.Errorf("%s: %v", login, a)
				}
			}
		}
		if said[0] != said[1] {
			t.Errorf("%s\n%s", said[0], said[1])
		}
		if is, not := slices.Min(took[0]), slices.Min(took[1]); is > 4*not || not > 4*is {
			t.Errorf("a wrong password takes %s, a login that nobody has %s", is, not)
		}
	})
	t.Run("one login, from anywhere", func(t *testing.T) {
		tried, start := 0, time.Now()
		for i := range 40 {
			if try("ADA@example.com ", "wrong "+strconv.Itoa(i), "198.51.100."+strconv.Itoa(i)).status == http.StatusUnauthorized {
				tried++
			}
		}
		took := time.Since(start)
		if most := 6 + int(took.Seconds()/10); tried > most {
			t.Errorf("%d passwords of one login were tried, expected at most %d", tried, most)
		}
		if a := try("ada@example.com", "the right password", "203.0.113.1"); took < 5*time.Second && (a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "") {
			t.Errorf("after too many the right one is answered %v", a)
		}
	})
	t.Run("any login, from one place", func(t *testing.T) {
		for _, place := range []string{"192.0.2.77", "2001:db8:1:2::%x", "::ffff:192.0.2.78"} {
			tried, start := 0, time.Now()
			for i := range 60 {
				from := place
				if strings.Contains(place, "%x") {
					from = fmt.Sprintf(place, i+1)
				}
				if try("login"+strconv.Itoa(i)+place, "wrong", from).status == http.StatusUnauthorized {
					tried++
				}
			}
			if most := 25 + int(time.Since(start).Seconds()); tried > most {
				t.Errorf("%d passwords were tried from %s, expected at most %d", tried, place, most)
			}
		}
	})
	t.Run("what is made up costs nothing", func(t *testing.T) {
		before := s.rss()
		var wg sync.WaitGroup
		for worker := range 8 {
			wg.Go(func() {
				for i := range 400 {
					try(fmt.Sprintf("%d-%d-%s", worker, i, strings.Repeat("x", 230)), "wrong", "192.0.2.200")
				}
			})
		}
		wg.Wait()
		if after := s.rss(); after-before > 100<<20 {
			t.Errorf("3,200 made-up logins cost %d MiB", (after-before)>>20)
		}
	})
	t.Run("other ways in", func(t *testing.T) {
		for _, body := range []string{
			`{}`, `{"login":"ben@example.com"}`, `{"login":"ben@example.com","password":""}`, `{"password":"the right password"}`, `{"login":"","password":""}`, `{"login":null,"password":null}`, `{"login":{"$ne":null},"password":{"$ne":null}}`, `{"login":["ben@example.com"],"password":["the right password"]}`,
			`{"login":"ben@example.com' OR '1'='1","password":"x"}`, `{"login":"ben@example.com\u0000","password":"the right password"}`, `{"key":""}`, `{"key":"null"}`, `{"code":""}`, `{"code":"AAAA"}`, `{"code":"..","key":"a"}`, `{"login":"ben@example.com","password":"the right password","key":"x"}`,
			`{"login":"ben@example.com","password":"` + strings.Repeat("a", 900_000) + `"}`, `{"login":"ben@example.com","Password":"the right password"}`, `{"login":"ben@example.com","password":"the right password\u0000"}`, `{"login":"ben@example.com","password":"The right password"}`,
		} {
			a := s.as("").do("POST", "/v1/session", body, "X-Forwarded-For: 203.0.113.99")
			if a.status < 400 || a.header.Get("Set-Cookie") != "" {
				t.Errorf("%.100s: %v", body, a)
			}
		}
		for _, cookie := range []string{"", "null", "AAAA", strings.Repeat("A", 43), "../../", operatorKey, "%00", strings.Repeat("a", 60_000)} {
			if a := s.as("").do("GET", "/v1/session", "", "Cookie: switchhook_session="+cookie); a.status < 400 {
				t.Errorf("the cookie %.50s: %v", cookie, a)
			}
		}
		for range 200 { // of 2^256
			if a := s.as("").do("GET", "/portal?code="+strings.Repeat("A", 43), ""); a.status != http.StatusUnauthorized {
				t.Errorf("a made-up code: %v", a)
			}
		}
	})
	t.Run("addresses that are made up", func(t *testing.T) {
		// Without a proxy that is trusted the header means nothing; this server trusts one.
		direct := serve(t)
		direct.customer("acme").must(http.StatusCreated, "POST", "/v1/users", `{"login":"u","role":"viewer","password":"the right password"}`)
		tried, start := 0, time.Now()
		for i := range 60 {
			if direct.as("").do("POST", "/v1/session", fmt.Sprintf(`{"login":"l%d","password":"wrong"}`, i), "X-Forwarded-For: 192.0.2."+strconv.Itoa(i), "X-Real-Ip: 192.0.2."+strconv.Itoa(i), "Forwarded: for=192.0.2."+strconv.Itoa(i)).status == http.StatusUnauthorized {
				tried++
			}
		}
		if most := 25 + int(time.Since(start).Seconds()); tried > most {
			t.Errorf("%d passwords were tried, expected at most %d", tried, most)
		}
		for _, e := range all(direct.operator(), "/v1/audit") {
			if actor, _ := e["actor"].(map[string]any); actor["address"] != "127.0.0.1" {
				t.Errorf("the audit log believes a header: %v", actor)
			}
		}
	})
	t.Run("sessions end", func(t *testing.T) {
		signed := try("ben@example.com", "the right password", "203.0.113.50")
		if signed.status != http.StatusCreated {
			t.Skipf("ben has to wait: %v", signed)
		}
		cookie := "Cookie: " + strings.Split(signed.header.Get("Set-Cookie"), ";")[0]
		s.as("").must(http.StatusOK, "GET", "/v1/info", "", cookie)
		acme.must(http.StatusOK, "PATCH", "/v1/users/"+signed.get("user_id"), `{"password":"another password"}`)
		s.as("").must(http.StatusUnauthorized, "GET", "/v1/info", "", cookie)
		key := acme.must(http.StatusCreated, "POST", "/v1/api-keys", `{"role":"admin"}`)
		byKey := s.as("").must(http.StatusCreated, "POST", "/v1/session", `{"key":"`+key.get("key")+`"}`)
		cookie = "Cookie: " + strings.Split(byKey.header.Get("Set-Cookie"), ";")[0]
		acme.must(http.StatusNoContent, "DELETE", "/v1/api-keys/"+key.get("id"), "")
		s.as("").must(http.StatusUnauthorized, "GET", "/v1/info", "", cookie)
	})
}
