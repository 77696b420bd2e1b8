package api_test

import (
	"strings"
	"testing"
)

func TestFilter(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id, w := s.webhook(with(`"filter":"data.call.direction == 'inbound'"`))
	if w["warnings"] != nil || w["filter"] != "data.call.direction == 'inbound'" {
		t.Errorf("%v", w)
	}
	deliveries := func(data string, want int) {
		t.Helper()
		var got receipts
		s.ok(202, post(`{"type":"call.created","data":`+data+`}`), &got)
		if got.Events[0].Deliveries != want {
			t.Errorf("%s: %d deliveries, expected %d", data, got.Events[0].Deliveries, want)
		}
	}
	deliveries(`{"call":{"id":"1","direction":"inbound"}}`, 1)
	deliveries(`{"call":{"id":"2","direction":"outbound"}}`, 0)
	deliveries(`{"call":{"id":"3"}}`, 0)

	// That it could not be said is to be seen, also after another webhook has changed.
	s.webhook(hook)
	type view struct {
		Stats struct {
			FilterErrors    int    `json:"filter_errors"`
			LastFilterError string `json:"last_filter_error"`
		}
	}
	var seen, anew view
	s.ok(200, request{path: "/v1/webhooks/" + id}, &seen)
	if seen.Stats.FilterErrors != 1 || !strings.HasSuffix(seen.Stats.LastFilterError, "no such key: direction") {
		t.Errorf("%+v", seen.Stats)
	}

	// A slip that the check cannot know for one is told.
	var changed struct{ Warnings []string }
	s.ok(200, request{method: "PATCH", path: "/v1/webhooks/" + id, body: `{"filter":"data.cal.direction == 'inbound'"}`}, &changed)
	if len(changed.Warnings) != 1 || !strings.Contains(changed.Warnings[0], "filter: no such key: cal") {
		t.Errorf("%v", changed.Warnings)
	}
	s.ok(200, request{path: "/v1/webhooks/" + id}, &anew)
	if anew != (view{}) {
		t.Errorf("another filter has the errors of the old one: %+v", anew.Stats)
	}
	s.ok(200, request{method: "PATCH", path: "/v1/webhooks/" + id, body: `{"filter":null}`}, nil)
	deliveries(`{"call":{"id":"4","direction":"outbound"}}`, 2)
}
