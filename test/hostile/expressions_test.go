package hostile

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// What customers write to be run takes neither time nor memory from others, and reaches
// nothing but the event.
//
//nolint:tparallel // its parts are measured
func TestExpressions(t *testing.T) {
	t.Parallel()
	s := serve(t, "--allow-network", "127.0.0.0/8", "SWITCHHOOK_HOSTILE=secret-of-the-environment")
	acme, other := s.customer("acme"), s.customer("other")
	good := tap(t)
	times := func(term, join string, n int) string { return strings.TrimSuffix(strings.Repeat(term+join, n), join) }
	t.Run("filters", func(t *testing.T) {
		for _, filter := range []string{
			`data.l.exists(a, data.l.exists(b, data.l.exists(c, data.l.exists(d, a == 2))))`, `data.l.map(a, data.l.map(b, [a, b])).size() == 0`, `data.l.exists(x, data.s + data.s == "x")`, `data.l.exists(x, double(data.s) > 0.0)`,
			`data.s.matches("(a*)*b")`, `data.s.matches("(a|aa)+$")`, `data.s.matches("((a{0,100}){0,100}){0,100}")`, `data.s.matches("` + strings.Repeat("(", 1000) + strings.Repeat(")", 1000) + `")`, `data.l.exists(x, data.s.matches("a.*a.*a.*b"))`,
			`[data.l,data.l,data.l,data.l].map(a,[a,a,a,a]).map(a,[a,a,a,a]).map(a,[a,a,a,a]).map(a,[a,a,a,a]).map(a,[a,a,a,a]) == []`, `data.s.split("").size() > 0`, `data.s.replace("a", data.s).size() > 0`, `"%s".format([data.s]).size() > 0`,
			strings.Repeat("(", 2000) + "true" + strings.Repeat(")", 2000), strings.Repeat("!", 4000) + "true", strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + " == []", times("true", "||", 800), times("data.s", "+", 500) + ` == ""`, "data" + strings.Repeat(".a", 2000), "data" + strings.Repeat("[0]", 1300),
			`true ? ` + strings.Repeat("true ? ", 500) + "true" + strings.Repeat(" : true", 501), "`" + strings.Repeat("a", 4000), `"` + strings.Repeat(`\u0000`, 600) + `" == ""`, strings.Repeat("a", 5000), "1 / 0 == 0", "9223372036854775807 + 1 > 0", "data.l[99999999999999999999] == 1",
			`getenv("PATH") != ""`, `file("/etc/passwd") != ""`, `event.webhook.secret != ""`, `os.Getenv("PATH") == ""`, `@key(data.s) == ""`, `data.l.exists(x, timestamp("2026-01-01T00:00:00Z").getHours("Europe/Berlin") == x)`, `timestamp("2026-01-01T00:00:00Z").getHours("../../etc/passwd") == 1`, `timestamp("2026-01-01T00:00:00Z").getHours(data.s) == 1`,
		} {
			start := time.Now()
			a := acme.do("POST", "/v1/webhooks", object(map[string]any{"url": good.url, "events": []string{"custom.*"}, "filter": filter}))
			if took := time.Since(start); took > quick || a.status != http.StatusCreated && a.status != http.StatusUnprocessableEntity {
				t.Errorf("%.100s: after %s %v", filter, took, a)
			}
			if a.status == http.StatusUnprocessableEntity && len(a.body) > 8<<10 {
				t.Errorf("%.100s: the refusal is %d bytes long", filter, len(a.body))
			}
		}
		for range 30 { // the dearest that there is
			acme.do("POST", "/v1/webhooks", object(map[string]any{"url": good.url, "events": []string{"custom.*"}, "filter": `data.l.exists(a, data.l.exists(b, a == b + 1 && data.s.contains("b")))`}))
		}
		huge := object(map[string]any{"type": "custom.x", "data": map[string]any{"s": strings.Repeat("a", 400_000), "l": make([]int, 200_000)}})
		acme.do("POST", "/v1/events", huge)
		before := s.rss()
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 20 {
				acme.do("POST", "/v1/events", huge)
			}
		}()
		for range 20 {
			start := time.Now()
			other.must(http.StatusAccepted, "POST", "/v1/events", `{"type":"custom.x","data":{}}`)
			if took := time.Since(start); took > quick {
				t.Errorf("beside dear filters of another account an event takes %s", took)
			}
		}
		<-done
		if used := s.rss() - before; used > 600<<20 {
			t.Errorf("dear filters cost %d MiB", used>>20)
		}
	})
	t.Run("templates", func(t *testing.T) {
		passwd, _ := os.ReadFile("/etc/passwd") // where there is none, there is nothing to find
		first, _, _ := strings.Cut(string(passwd), "\n")
		for _, body := range []string{
			`{{ .Env.PATH }}`, `{{ env "PATH" }}`, `${PATH}`, `${SWITCHHOOK_HOSTILE}`, `%(PATH)s`, `{% include "/etc/passwd" %}`, `{{ include "/etc/passwd" }}`, `{{ readFile "/etc/passwd" }}`, `<!--#include file="/etc/passwd"-->`, `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`,
			`{{7*7}}`, `{{ ''.__class__.__mro__ }}`, `#{7*7}`, `{{constructor.constructor('return process')()}}`, `{$SECRET}`, `{secret}`, `{{event.secret}}`, `{{webhook.secrets}}`, `{{data.s.replace("a", data.s)}}`, `{{` + strings.Repeat("(", 2000) + "1" + strings.Repeat(")", 2000) + `}}`,
			strings.Repeat("{{data}}", 200), strings.Repeat("{{data}}", 90), strings.Repeat("{EVENT_ID}", 6000), strings.Repeat("{", 60_000), strings.Repeat("{{", 30_000), strings.Repeat("{{1}}", 12_000), strings.Repeat("{A", 30_000), "{" + strings.Repeat("A", 60_000) + "}", strings.Repeat("a", 70_000), `{{data.l.map(x, data.l)}}`, `{{data.l.map(x, data.s)}}`,
		} {
			start := time.Now()
			a := acme.do("POST", "/v1/webhooks", object(map[string]any{"url": good.url, "events": []string{"custom.*"}, "dialect": "template", "dialect_options": map[string]any{"body": body, "content_type": "text/plain"}, "retry": map[string]any{"policy": "none"}}))
			if a.status == http.StatusCreated {
				got := acme.do("POST", "/v1/webhooks/"+a.get("id")+"/test", `{}`)
				sent := got.get("request.body")
				if first != "" && strings.Contains(sent, first) || strings.Contains(sent, "secret-of-the-environment") || strings.Contains(sent, os.Getenv("PATH")) || strings.Contains(sent, "whsec_") {
					t.Errorf("%.100s becomes %.200s", body, sent)
				}
				acme.do("PATCH", "/v1/webhooks/"+a.get("id"), `{"enabled":false}`)
			} else if a.status != http.StatusUnprocessableEntity {
				t.Errorf("%.100s: %v", body, a)
			}
			if took := time.Since(start); took > quick {
				t.Errorf("%.100s takes %s", body, took)
			}
		}
	})
	t.Run("modifiers", func(t *testing.T) {
		for _, modifiers := range []any{
			map[string]any{"a": map[string]any{"b": "${PATH}"}}, map[string]any{"caller": []string{strings.Repeat("*", 10_000)}}, map[string]any{"a": strings.Repeat("(a*)*", 1000)}, map[string]any{"__proto__": map[string]any{"a": 1}}, map[string]any{"type": []any{[]any{}}}, map[string]any{strings.Repeat("a", 100_000): "b"},
		} {
			start := time.Now()
			a := acme.do("POST", "/v1/webhooks", object(map[string]any{"url": good.url, "events": []string{"call.*"}, "dialect": "kazoo", "modifiers": modifiers}))
			if a.status == http.StatusCreated {
				acme.do("GET", "/v1/webhooks/"+a.get("id")+"/preview", "")
			} else if a.status != http.StatusUnprocessableEntity {
				t.Errorf("%.100v: %v", modifiers, a)
			}
			if took := time.Since(start); took > quick {
				t.Errorf("%.100v takes %s", modifiers, took)
			}
		}
	})
	t.Run("masks", func(t *testing.T) {
		const number = "+15550123456"
		call := map[string]any{"id": "c", "from": map[string]any{"address": number, "name": "Ada"}, "to": map[string]any{"address": "+15550123457"}, "extra": map[string]any{"deep": []any{map[string]any{"n": number}}}, "note": "call " + number + " back", "n": "sip:" + number + "@example.com", "m": "sip:" + number[1:] + "@example.com", "channel": "PJSIP/" + number[1:] + "-00000012"}
		for _, shape := range []map[string]any{
			{},
			{"dialect": "kazoo"},
			{"dialect": "kazoo", "format": "form"},
			{"dialect": "kazoo", "method": "GET"},
			{"dialect": "voipbin"},
			{"dialect": "primevox"},
			{"dialect": "teli"},
			{"dialect": "template", "dialect_options": map[string]any{"body": `{{data}} {{data.call.from.address}} {{data.call.from.address.split("")}} {{event.data}}`, "content_type": "text/plain"}},
		} {
			shape["url"], shape["events"], shape["mask"] = good.url+"/mask", []string{"call.*"}, []string{"numbers", "text"}
			if a := other.do("POST", "/v1/webhooks", object(shape)); a.status != http.StatusCreated {
				t.Errorf("%v: %v", shape, a)
			}
		}
		other.must(http.StatusAccepted, "POST", "/v1/events", object(map[string]any{"type": "call.created", "data": map[string]any{"call": call}}))
		other.must(http.StatusAccepted, "POST", "/v1/events", object(map[string]any{"type": "call.hungup", "data": map[string]any{"call": call}}))
		await(t, "all to be sent", func() bool { return len(all(other, "/v1/deliveries?state=pending")) == 0 })
		masked := 0
		for _, request := range good.requests() {
			if !strings.Contains(request, " /mask") {
				continue
			}
			masked++
			for _, form := range []string{"15550123456", "5550123", "%2B15550", strings.Join(strings.Split("5550123", ""), `","`)} {
				if strings.Contains(request, form) {
					t.Errorf("a masked number is sent: %.1500s", request)
				}
			}
		}
		if masked < 8 {
			t.Errorf("only %d requests came", masked)
		}
	})
}
