package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/app"
	"github.com/switchhook/switchhook/internal/sim"
)

// A notification goes to those whom it names, by the media that it names: mail to addresses,
// a text message to each number. What the gateway cannot take now is sent again.
func TestTexts(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	tried := map[string]int{}
	taken := make(chan map[string]string, 10)
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var text map[string]string
		if err := json.NewDecoder(r.Body).Decode(&text); err != nil || r.Header.Get("Authorization") != "Bearer a-secret-of-ours" {
			t.Errorf("%v, %v", err, r.Header)
		}
		mu.Lock()
		defer mu.Unlock()
		tried[text["to"]]++
		switch {
		case text["to"] == "+12025550102" && tried[text["to"]] == 1:
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, "busy; your key is a-secret-of-ours")
		case text["to"] == "+12025550103":
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, "no such number")
		default:
			w.WriteHeader(http.StatusAccepted)
			taken <- text
		}
	}))
	t.Cleanup(gateway.Close)
	box, mail := withMailbox(t, sim.MailboxOptions{})
	mail.Gateway.URL, mail.Gateway.From, mail.Gateway.Headers = gateway.URL+"/send", "Acme", []string{"Authorization: Bearer a-secret-of-ours"}
	run(t, app.Config{Data: t.TempDir(), Mail: mail}, func(p *process) {
		p.call("POST", "/v1/accounts", `{"id":"acme","name":"Acme Ltd"}`)
		notify := func(media, to string) float64 {
			n, _ := p.call("POST", "/v1/events", fmt.Sprintf(`{"type":"notification.custom","account_id":"acme","data":{
				"template_id":"skel","notification_media":%s,"to":%s,"comments":"\"on\" & off\n☕",
				"notification":{"subject":"News","text":"{{ comments }} of {{ account.name }}"}}}`, media, to))["events"].([]any)[0].(map[string]any)["deliveries"].(float64)
			return n
		}
		const everybody = `["ada@acme.example","+1 (202) 555-0101","+12025550102"]`
		if n := notify(`["sms"]`, everybody); n != 2 {
			t.Errorf("%v deliveries, want two texts", n)
		}
		if n := notify(`["email","sms"]`, everybody); n != 3 {
			t.Errorf("%v deliveries, want a mail and two texts", n)
		}
		if n := notify(`["sms"]`, `"ada@acme.example"`); n != 0 {
			t.Errorf("%v deliveries, and no number", n)
		}
		var to []string
		for range 4 {
			select {
			case text := <-taken:
				to = append(to, text["to"])
				if text["text"] != "\"on\" & off\n☕ of Acme Ltd" || text["from"] != "Acme" {
					t.Errorf("%q", text)
				}
			case <-time.After(30 * time.Second):
				t.Fatalf("only %v were taken", to)
			}
		}
		if slices.Sort(to); fmt.Sprint(to) != "[+12025550101 +12025550101 +12025550102 +12025550102]" {
			t.Errorf("%v", to)
		}
		if m := waitForMails(t, box, 1)[0]; m.Problem != "" || fmt.Sprint(m.To) != "[ada@acme.example]" || !strings.Contains(m.Text("text/plain"), `"on" & off`) {
			t.Errorf("%+v", m)
		}
		notify(`["sms"]`, `"+12025550103"`) // tried again later
		for _, each := range p.attempts("acme", 7) {
			checkText(t, each.(map[string]any))
		}
	})
}

// checkText looks at an attempt as its people do: no credentials, and what the gateway said.
func checkText(t *testing.T, attempt map[string]any) {
	t.Helper()
	whole, err := json.Marshal(attempt)
	if err != nil || strings.Contains(string(whole), "a-secret-of-ours") {
		t.Errorf("%s, %v", whole, err)
	}
	if attempt["dialect"] != "sms" {
		return
	}
	request, _ := attempt["request"].(map[string]any)
	if body, _ := request["body"].(string); request["method"] != "SMS" || !strings.Contains(body, `"to":"+1202555010`) {
		t.Errorf("%v", request)
	}
	answer, _ := attempt["response"].(map[string]any)
	want := ""
	switch answer["status"] {
	case 422.0:
		want = "no such number"
	case 503.0:
		want = "busy; your key is "
	}
	if body, _ := answer["body"].(string); !strings.HasPrefix(body, want) {
		t.Errorf("%v", answer)
	}
}

func TestWrongGateway(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{"sms.example.com", "--sms-url: expected a URL"},
		{"https://{{ to }}.example.com", "--sms-url: what stands in a message"},
	} {
		if _, err := app.Load(map[string][]string{"sms-url": {c[0]}}, env(), nil); err == nil || !strings.HasPrefix(err.Error(), c[1]) {
			t.Errorf("%s: %v", c[0], err)
		}
	}
	got, err := app.Load(map[string][]string{"sms-url": {"https://sms.example.com"}}, env("SWITCHHOOK_SMS_HEADERS", "A: 1, B: 2"), nil)
	if err != nil || fmt.Sprint(got.Mail.Gateway.Headers) != "[A: 1 B: 2]" || got.Mail.Gateway.Method != http.MethodPost {
		t.Errorf("%+v, %v", got.Mail.Gateway, err)
	}
}

// The guide's settings are settings.
func TestGuideToTexts(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/guides/sms.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(guide, -1)
	if len(blocks) != 3 {
		t.Errorf("%d examples", len(blocks))
	}
	for _, b := range blocks {
		if c, err := app.Load(nil, env(), b[1]); err != nil || c.Mail.Gateway.URL == "" {
			t.Errorf("%s: %v", b[1], err)
		}
	}
}
