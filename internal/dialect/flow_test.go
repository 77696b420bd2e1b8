package dialect_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect"
)

func flowEvent(hook string) *switchhook.Event {
	return &switchhook.Event{Type: "flow.webhook", Data: []byte(`{"data":{},"hook":` + hook + `}`)}
}

func TestForFlow(t *testing.T) {
	t.Parallel()
	own := &switchhook.Webhook{ID: "wh_1", Flow: true, Retry: switchhook.Retry{Policy: "standard"}, CustomData: map[string]string{"kept": "no"}}
	for _, c := range []struct {
		hook, url, method string
		tries             int
		custom            map[string]string
	}{
		{`{"uri":"https://a.example/x?y=1","http_verb":"put","retries":3,"custom_data":{"a":"b","n":7}}`, "https://a.example/x?y=1", "PUT", 3, map[string]string{"a": "b", "n": "7"}},
		{`{"uri":"http://a.example","method":"DELETE"}`, "http://a.example", "DELETE", 0, nil},
		{`{"uri":"http://a.example","retries":0}`, "http://a.example", "POST", 1, nil},
		{`{"uri":"http://a.example/#frag","retries":9223372036854775807}`, "http://a.example/", "POST", 20, nil},
		{`{"uri":"http://a.example","retries":"NaN"}`, "http://a.example", "POST", 0, nil},
		{`{"uri":"http://a.example","retries":"3"}`, "http://a.example", "POST", 3, nil},
	} {
		got, err := dialect.ForFlow(flowEvent(c.hook), own)
		if err != nil {
			t.Errorf("%s: %v", c.hook, err)
			continue
		}
		want := *own
		want.URL, want.Method, want.Retry.Tries, want.CustomData = c.url, c.method, c.tries, c.custom
		if want.CustomData == nil {
			want.CustomData = map[string]string{}
		}
		if d := cmp.Diff(&want, got); d != "" {
			t.Errorf("%s: %s", c.hook, d)
		}
	}
	for hook, field := range map[string]string{
		`{"uri":"ftp://a.example"}`:                       "data.hook.uri",
		`{"uri":"https://user:word@a.example"}`:           "data.hook.uri",
		`{"uri":"http://a.example:99999"}`:                "data.hook.uri",
		`{"uri":"a.example/x"}`:                           "data.hook.uri",
		`{"uri":"https://a.example","http_verb":"patch"}`: "data.hook.http_verb",
		`{"uri":"https://a.example","method":"TRACE"}`:    "data.hook.method",
	} {
		if _, err := dialect.ForFlow(flowEvent(hook), own); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", hook, err)
		}
	}
	if own.URL != "" || own.CustomData["kept"] != "no" {
		t.Errorf("the webhook itself was changed: %+v", own)
	}
}

func TestFlowTarget(t *testing.T) {
	t.Parallel()
	relayed := flowEvent(`{"uri":"https://a.example"}`)
	relayed.Relayed = true
	for name, c := range map[string]struct {
		ev   *switchhook.Event
		want bool
	}{
		"a flow's":         {flowEvent(`{"uri":"https://a.example"}`), true},
		"without address":  {flowEvent(`{}`), false},
		"without hook":     {flowEvent(`null`), false},
		"another system's": {relayed, false},
		"another type":     {&switchhook.Event{Type: "custom.x", Data: []byte(`{"hook":{"uri":"https://a.example"}}`)}, false},
	} {
		if got := dialect.FlowTarget(c.ev); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
