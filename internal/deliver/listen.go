package deliver

import (
	"fmt"

	"github.com/switchhook/switchhook"
)

// Requests makes a function that makes the requests of events for a webhook, each as a
// delivery would send it now: credentials in them, signed with the webhook's secrets.
// They are not sent. It is for one goroutine.
func (e *Engine) Requests(w *switchhook.Webhook) (func(*switchhook.Event) (*switchhook.HTTPRequest, error), error) {
	d := e.dialects[w.Dialect]
	if d == nil {
		return nil, switchhook.InvalidField("dialect", "there is no dialect %q", w.Dialect)
	}
	t := e.target(w, d, nil)
	return func(ev *switchhook.Event) (*switchhook.HTTPRequest, error) {
		_, req, err := e.request(newDelivery(ev, w.ID), t, e.o.Now())
		if err != nil {
			return nil, fmt.Errorf("make the request: %w", err)
		}
		return &switchhook.HTTPRequest{Method: req.Method, URL: req.URL.String(), Headers: req.Header, Body: kept(req.Body)}, nil
	}, nil
}
