package catalogue_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
)

func TestParties(t *testing.T) {
	t.Parallel()
	const call = `{"call":{"id":"c","from":{"address":"+12025550143"},"to":{"address":"101@pbx.example.com"},"callee":{"address":"102"},"dialed":"101"}}`
	for _, c := range []struct {
		name string
		ev   switchhook.Event
		want []string
	}{
		{"a call begins", switchhook.Event{Type: "call.created", Data: []byte(call)}, []string{"12025550143", "101", "102"}},
		{"it was under way", switchhook.Event{Type: "call.answered", Opens: true, Data: []byte(call)}, []string{"12025550143", "101", "102"}},
		{"it goes on", switchhook.Event{Type: "call.answered", Data: []byte(call)}, nil},
		{"at an extension", switchhook.Event{Type: "extension.ringing", Data: []byte(`{"extension":{"number":"103"},"call":{"to":{"address":"600"}}}`)}, []string{"103", "600"}},
		{"nobody", switchhook.Event{Type: "call.created", Data: []byte(`{"call":{"id":"c","from":{"address":null},"to":"x"}}`)}, nil},
		{"no call", switchhook.Event{Type: "call.created", Data: []byte(`{}`)}, nil},
	} {
		if d := cmp.Diff(c.want, catalogue.Parties(&c.ev)); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
	for address, want := range map[string]string{"+1202": "1202", " 1202": "1202", "101@pbx": "101", "": "", "anonymous": "anonymous"} {
		if got := catalogue.PartyOf(address); got != want {
			t.Errorf("%q is %q, not %q", address, got, want)
		}
	}
}
