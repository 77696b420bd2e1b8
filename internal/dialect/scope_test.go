package dialect_test

import (
	"testing"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
)

func TestInScope(t *testing.T) {
	t.Parallel()
	scope := &switchhook.Scope{Numbers: []string{"+12025550100"}, Extensions: []string{"101"}, RingGroups: []string{"200"}, Queues: []string{"q1"}}
	for data, want := range map[string]bool{
		`{"call":{"id":"c","to":{"address":"12025550100"}}}`:               true,
		`{"call":{"id":"c","from":{"address":"101"}}}`:                     true,
		`{"call":{"id":"c","from":{"address":"102"}}}`:                     false,
		`{"call":{"id":"c"}}`:                                              false,
		`{"message":{"id":"m","from":"+1","to":"+12025550100"}}`:           true,
		`{"fax":{"id":"f","number":"+12025550100"}}`:                       true,
		`{"fax":{"id":"f","to":{"address":"+12025550100"}}}`:               true,
		`{"fax":{"id":"f","from":{"address":"+1"}}}`:                       false,
		`{"device":{"id":"d","username":"101"}}`:                           true,
		`{"device":{"id":"d","username":"x"}}`:                             false,
		`{"extension":{"id":"e","number":"101"}}`:                          true,
		`{"ring_group":{"id":"200"}}`:                                      true,
		`{"queuecall":{"id":"x","queue_id":"q1"}}`:                         true,
		`{"queue":{"id":"q2"}}`:                                            false,
		`{"schema":"number","id":"n1","row":{"number":"+12025550100"}}`:    true,
		`{"schema":"number","id":"+12025550100","row":{}}`:                 true,
		`{"schema":"extension","id":"n1","row":{"number":"+12025550100"}}`: false,
		`{"schema":"user","id":"101","row":{}}`:                            false,
	} {
		r, err := catalogue.Decode([]byte(data))
		if err != nil {
			t.Fatal(err)
		}
		if got := dialect.InScope(&switchhook.Event{Resources: r}, scope); got != want {
			t.Errorf("%s: %v", data, got)
		}
	}
	if !dialect.InScope(&switchhook.Event{}, nil) || dialect.InScope(&switchhook.Event{}, scope) {
		t.Error("no scope narrows nothing; what says nothing is in none")
	}
}
