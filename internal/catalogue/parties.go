package catalogue

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// Parties are the numbers and extensions between which an event says that a call
// is, each as PartyOf has it: what people search for calls by. Not every event of a
// call says them again, only the one that the call begins with, those that bring a
// leg, an extension or another callee into it.
func Parties(ev *switchhook.Event) (all []string) {
	extension := strings.HasPrefix(ev.Type, "extension.")
	if !ev.Opens && !extension && !slices.Contains([]string{"call.created", "leg.created", "call.transferred"}, ev.Type) {
		return nil
	}
	if extension {
		all = addParty(all, ordjson.Find(ordjson.Find(ev.Data, "extension"), "number"))
	}
	return append(all, CallParties(ordjson.Find(ev.Data, "call"))...)
}

// CallParties are those of a call's snapshot.
func CallParties(call json.RawMessage) (all []string) {
	var room [48]ordjson.Member // a call has no more most often
	o, err := ordjson.ParseInto(room[:0], call)
	if err != nil {
		return nil // it is none
	}
	for i := range o {
		switch value := o[i].Value; o[i].Name {
		case "from", "to", "callee":
			all = addParty(all, ordjson.Find(value, "address"))
		case "dialed":
			all = addParty(all, value)
		case "answered_extension":
			all = addParty(all, ordjson.Find(value, "number"))
		}
	}
	return all
}

func addParty(all []string, value json.RawMessage) []string {
	text, _ := ordjson.Unquote(value) // what is no text is nobody
	if party := PartyOf(text); party != "" && !slices.Contains(all, party) {
		all = append(all, party)
	}
	return all
}

// PartyOf is a number or an extension in the form in which it is compared: without
// a leading plus, or the blank that a plus in a URL's query stands for, and of
// user@host the user.
func PartyOf(address string) string {
	user, _, _ := strings.Cut(strings.TrimLeft(address, "+ "), "@")
	return user
}
