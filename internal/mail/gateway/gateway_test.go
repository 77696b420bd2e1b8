package gateway_test

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver/reach"
	"github.com/switchhook/switchhook/internal/deliver/wire"
	"github.com/switchhook/switchhook/internal/mail"
	"github.com/switchhook/switchhook/internal/mail/gateway"
)

const jsonBody = `{"from": {{ from|json }}, "to": {{ to|json }}, "text": {{ text|json }}, "id": {{ id|json }}}`

// hostile is a text that wants to be more than one.
const hostile = "\"}, \"to\": \"+19005550100\", \\ &to=+19005550100#?%26 a+b\r\nX-Evil: 1\n\n☕ 山田 {{ from }} <b>"

// A request is what a gateway was asked.
type request struct {
	method, path, query, body string
	header                    http.Header
}

// provider is a gateway that takes all, or answers as it is told, and tells what it was asked.
func provider(t *testing.T, answer http.HandlerFunc) (at string, asked <-chan request) {
	t.Helper()
	requests := make(chan request, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		requests <- request{r.Method, r.URL.Path, r.URL.RawQuery, string(body), r.Header}
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, requests
}

func start(t *testing.T, o gateway.Options) *gateway.Gateway {
	t.Helper()
	g, err := gateway.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.CloseIdleConnections)
	return g
}

// send hands over a message as the engine does.
func send(t *testing.T, g *gateway.Gateway, text string) (*switchhook.HTTPResponse, error) {
	t.Helper()
	body, err := json.Marshal(mail.Text{EventID: "evt_1", WebhookID: "sms:acme:missed_call:+12025550143", From: "Acme & Sons", To: "+12025550143", Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return g.Send(t.Context(), &wire.Request{
		Method: mail.TextMethod, URL: &url.URL{Scheme: "sms"}, Body: body, Deadline: time.Now().Add(10 * time.Second),
		Header: switchhook.Headers{{Name: "User-Agent", Value: "Switchhook/1"}, {Name: "webhook-id", Value: "dlv_7"}},
	})
}

// Whatever stands in a message is a value of the request, whatever the request's form.
func TestForms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o     gateway.Options // without the host
		kind  string
		value func(t *testing.T, r request, name string) string
	}{
		"JSON": {
			gateway.Options{URL: "/send", Method: "POST", Body: jsonBody},
			"application/json",
			func(t *testing.T, r request, name string) string {
				t.Helper()
				var of map[string]string
				if err := json.Unmarshal([]byte(r.body), &of); err != nil || len(of) != 4 {
					t.Errorf("%s: %v", r.body, err)
				}
				return of[name]
			},
		},
		"a form": {
			gateway.Options{URL: "/2010/Messages", Method: "PUT", Body: `from={{ from|urlencode }}&to={{ to|urlencode }}&text={{ text|urlencode }}&id={{ id }}`},
			"application/x-www-form-urlencoded",
			func(t *testing.T, r request, name string) string { t.Helper(); return formValue(t, r.body, name) },
		},
		"a query": {
			gateway.Options{URL: "/send?from={{ from|urlencode }}&to={{ to|urlencode }}&text={{ text|urlencode }}&id={{ id }}", Method: "GET", Body: jsonBody},
			"",
			func(t *testing.T, r request, name string) string {
				t.Helper()
				if r.body != "" {
					t.Errorf("a body: %s", r.body)
				}
				return formValue(t, r.query, name)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, asked := provider(t, nil)
			c.o.URL = at + c.o.URL
			g := start(t, c.o)
			for _, text := range []string{"Hello", hostile, "{}", "a=b"} {
				if answer, err := send(t, g, text); err != nil || answer.Status != 200 {
					t.Fatalf("%+v, %v", answer, err)
				}
				r := <-asked
				if r.method != c.o.Method || r.header.Get("Content-Type") != c.kind || r.header.Get("User-Agent") != "Switchhook/1" || r.header.Get("X-Evil") != "" {
					t.Errorf("%+v", r)
				}
				for name, want := range map[string]string{"from": "Acme & Sons", "to": "+12025550143", "text": text, "id": "dlv_7"} {
					if got := c.value(t, r, name); got != want {
						t.Errorf("%s is %q, want %q", name, got, want)
					}
				}
			}
		})
	}
}

func formValue(t *testing.T, q, name string) string {
	t.Helper()
	v, err := url.ParseQuery(q)
	if err != nil || len(v) != 4 || len(v[name]) != 1 {
		t.Errorf("%s: %v", q, err)
	}
	return v.Get(name)
}

func TestHeadersAndTexts(t *testing.T) {
	t.Parallel()
	at, asked := provider(t, nil)
	u, _ := url.Parse(at)
	u.User = url.UserPassword("sid", "pass/word")
	g := start(t, gateway.Options{URL: u.String() + "/{{ account_id|urlencode:\"\" }}/{{ text|urlencode:\"\" }}", Method: "POST", Body: "{{ text }}", Headers: []string{
		"X-Text: {{ text }}", "idempotency-key: {{ id }}", "Content-Type: text/markdown",
	}})
	if _, err := send(t, g, hostile); err != nil {
		t.Fatal(err)
	}
	r := <-asked
	user, password, _ := (&http.Request{Header: r.header}).BasicAuth()
	if r.path != "/acme/"+hostile || r.body != hostile || user != "sid" || password != "pass/word" {
		t.Errorf("%+v", r)
	}
	if r.header.Get("Idempotency-Key") != "dlv_7" || len(r.header["Content-Type"]) != 1 || r.header.Get("Content-Type") != "text/markdown" || r.header.Get("X-Evil") != "" ||
		!strings.Contains(r.header.Get("X-Text"), "a+b  X-Evil: 1") {
		t.Errorf("%+v", r.header)
	}
	if _, err := send(t, g, ".."); err == nil || !strings.Contains(err.Error(), "leads upwards") {
		t.Error(err)
	}
}

// What a gateway repeats of the operator's secrets is not for the customers who read its answers.
func TestSecretsAreMasked(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]gateway.Options{
		"headers":    {URL: "/send", Method: "POST", Body: jsonBody, Headers: []string{"Authorization: Bearer hidden-1", "X-Account: hidden-2"}},
		"basic auth": {URL: "/send", Method: "POST", Body: jsonBody, Headers: []string{"Authorization: Basic dXNlcjpoaWRkZW4tMw=="}},
		"a query":    {URL: "/send?api_key=hidden-4&text={{ text|urlencode }}", Method: "GET"},
		"a form":     {URL: "/send", Method: "POST", Body: "password=hidden%2D5&to={{ to|urlencode }}&text={{ text|urlencode }}"},
		"JSON":       {URL: "/send", Method: "POST", Body: `{"auth": {"token": "hidden-6"}, "to": {{ to|json }}}`},
	} {
		at, _ := provider(t, func(w http.ResponseWriter, r *http.Request) {
			_, password, _ := r.BasicAuth()
			w.Header().Set("X-Echo", r.Header.Get("Authorization"))
			w.WriteHeader(http.StatusPaymentRequired)
			_, _ = io.WriteString(w, "no credit for "+r.Header.Get("X-Account")+" "+password+" hidden-5 hidden-6 "+r.URL.RawQuery)
		})
		o.URL = at + o.URL
		answer, err := send(t, start(t, o), "Hello")
		if err != nil || answer.Status != 402 || !strings.HasPrefix(answer.Body, "no credit for ") || !strings.Contains(answer.Body+answer.Headers.Get("X-Echo"), switchhook.Mask) {
			t.Errorf("%s: %+v, %v", name, answer, err)
			continue
		}
		rest := answer.Body + answer.Headers.Get("X-Echo")
		for word := range map[string]bool{"hidden-1": true, "hidden-2": true, "hidden-3": true, "dXNlcjpo": true, "hidden-4": true} {
			if strings.Contains(rest, word) {
				t.Errorf("%s: %s is told: %s", name, word, rest)
			}
		}
		if name == "a form" && strings.Contains(rest, "hidden-5") || name == "JSON" && strings.Contains(rest, "hidden-6") {
			t.Errorf("%s: %s", name, rest)
		}
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	defer close(hang)
	at, _ := provider(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	g := start(t, gateway.Options{URL: at, Method: "POST", Body: jsonBody})
	_, err := g.Send(t.Context(), &wire.Request{Method: mail.TextMethod, Body: []byte(`{"to":"+1"}`), Deadline: time.Now().Add(50 * time.Millisecond)})
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a gateway that hangs: %v", err)
	}
	_, err = g.Send(t.Context(), &wire.Request{Method: mail.TextMethod, Body: []byte(`{"to":"+1"}`), Deadline: time.Now().Add(time.Second), May: func() bool { return false }})
	if !errors.Is(err, wire.ErrNotSent) {
		t.Errorf("one that may not be sent: %v", err)
	}
	if _, err = g.Send(t.Context(), &wire.Request{Method: "POST", Body: []byte(`{}`)}); err == nil {
		t.Error("what is no text message was sent")
	}
	// Any network but for where clouds give away their credentials.
	if _, err = send(t, start(t, gateway.Options{URL: "http://169.254.169.254/", Method: "POST", Body: jsonBody}), "Hello"); !errors.Is(err, reach.ErrPrivate) {
		t.Errorf("the cloud's own service: %v", err)
	}
	// Where it is concerns the operator alone.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at = "http://" + ln.Addr().String()
	_ = ln.Close()
	if _, err := send(t, start(t, gateway.Options{URL: at, Method: "POST", Body: jsonBody}), "Hello"); err == nil || !strings.HasPrefix(err.Error(), "no connection to the gateway: ") || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("a gateway that is not there: %v", err)
	}
	// Redirects are not followed: they could lead anywhere.
	at, _ = provider(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
	})
	if answer, err := send(t, start(t, gateway.Options{URL: at, Method: "POST", Body: jsonBody}), "Hello"); err != nil || answer.Status != 302 {
		t.Errorf("%+v, %v", answer, err)
	}
}

// What is wrong with a template is said at the start, with the setting's name, and without
// what may be a secret.
func TestWrongTemplates(t *testing.T) {
	t.Parallel()
	const at = "https://sms.example.com/send"
	for _, c := range []struct {
		url, method, body, header, want string
	}{
		{at, "PATCH", "", "", "--sms-method: "},
		{"sms.example.com", "POST", jsonBody, "", "--sms-url: expected a URL such as"},
		{"ftp://sms.example.com", "POST", jsonBody, "", "--sms-url: expected a URL such as"},
		{"https://user:s3cret@/", "POST", jsonBody, "", "--sms-url: expected a URL such as"},
		{"https://a:s3cret@[/", "POST", jsonBody, "", "--sms-url: expected a URL such as"},
		{at + "{{ to", "POST", jsonBody, "", "--sms-url: line 1, column 29: "},
		{at + "{{ to|urlencod }}", "POST", jsonBody, "", "--sms-url: line 1, column "},
		{"https://{{ account_id }}.example.com/", "POST", jsonBody, "", "--sms-url: what stands in a message must not decide which host is asked"},
		{"https://sms.example.com{{ text|urlencode }}/", "POST", jsonBody, "", "--sms-url: what stands in a message must not decide which host is asked"},
		{"https://{{ to }}@sms.example.com/", "POST", jsonBody, "", "--sms-url: what stands in a message must not decide which host is asked"},
		{"{% if from %}https{% else %}http{% endif %}://sms.example.com/", "POST", jsonBody, "", "--sms-url: what stands in a message must not decide which host is asked"},
		{at + "?to={{ to }}", "GET", "", "", "--sms-url: what stands in a message could change it"},
		{at + "?text={{ text }}", "GET", "", "", "--sms-url: what stands in a message could change it"},
		{at + "/{{ text|urlencode }}", "GET", "", "", "--sms-url: what stands in a message could change it"},
		{at + "?text=a b", "GET", "", "", "--sms-url: a blank or # in it"},
		{at + "/../x", "GET", "", "", "--sms-url: its path leads upwards"},
		{at, "POST", `{"text": "{{ text }}"}`, "", "--sms-body: what stands in a message could end a text of the JSON"},
		{at, "POST", `to={{ to }}&text={{ text|urlencode }}`, "", "--sms-body: what stands in a message could change it"},
		{at, "POST", `to={{ to|urlencode }}&text={{ text }}`, "", "--sms-body: what stands in a message could change it"},
		{at, "POST", `{{ text|`, "", "--sms-body: line 1, column "},
		{at, "POST", jsonBody, "s3cret", "SWITCHHOOK_SMS_HEADERS: a header is not written as NAME: VALUE"},
		{at, "POST", jsonBody, "host: s3cret", "SWITCHHOOK_SMS_HEADERS: host is none that can be set"},
		{at, "POST", jsonBody, "X-Key: s3cret{{", "SWITCHHOOK_SMS_HEADERS: X-Key: line 1, column "},
	} {
		o := gateway.Options{URL: c.url, Method: c.method, Body: c.body}
		if c.header != "" {
			o.Headers = []string{c.header}
		}
		_, err := gateway.New(o)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
