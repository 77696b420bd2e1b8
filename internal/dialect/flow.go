package dialect

import (
	"cmp"
	"math"
	"net/url"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// FlowTarget reports whether a call flow has asked for a request to an address
// of its own, which is then the webhook of its account's flows to make. What
// another system has told us of its flows it has sent itself.
func FlowTarget(ev *switchhook.Event) bool {
	return ev.Type == "flow.webhook" && !ev.Relayed && flowHook(ev).Text("uri") != ""
}

// ForFlow is the webhook of an account's call flows as this event has it: the
// address, the method, custom_data and how often it is tried in all come from
// the event's hook. Kazoo calls the method http_verb, VoIPBin method.
func ForFlow(ev *switchhook.Event, w *switchhook.Webhook) (*switchhook.Webhook, error) {
	hook, one := flowHook(ev), *w
	u, err := url.Parse(hook.Text("uri"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || !ValidPort(u.Port()) {
		// The address itself is not told: it may hold a password.
		return nil, switchhook.InvalidField("data.hook.uri", "expected an http or https URL without user and password")
	}
	u.Fragment, u.RawFragment = "", "" // is never sent
	one.URL = u.String()
	verb := "http_verb"
	if !hook.Has(verb) {
		verb = "method"
	}
	switch method := strings.ToUpper(cmp.Or(hook.Text(verb), "POST")); method {
	case "POST", "PUT", "GET", "DELETE":
		one.Method = method
	default:
		return nil, switchhook.InvalidField("data.hook."+verb, "expected post, put, get or delete, got %.40q", method)
	}
	retries := hook.Text("retries")
	if retries == "" {
		retries = string(hook.Get("retries"))
	}
	if tries, err := strconv.ParseFloat(retries, 64); err == nil && !math.IsNaN(tries) { // what is no number says nothing
		one.Retry.Tries = int(min(max(tries, 1), mostTries))
	}
	custom, _ := ordjson.Parse(hook.Get("custom_data")) // what is no object has none
	one.CustomData = make(map[string]string, len(custom))
	for _, m := range custom {
		one.CustomData[m.Name] = string(m.Value)
		if text, ok := ordjson.Unquote(m.Value); ok {
			one.CustomData[m.Name] = text
		}
	}
	return &one, nil
}

// mostTries bounds how often a call flow can have a request tried.
const mostTries = 20

// ValidPort reports whether a URL's port is one, or left out.
func ValidPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && n > 0
}

func flowHook(ev *switchhook.Event) ordjson.Object {
	data, _ := ordjson.Parse(ev.Data) // an event's data is an object
	hook, _ := ordjson.Parse(data.Get("hook"))
	return hook
}
