package dialect

import (
	"bytes"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// extra is the member of an event's data that keeps what another system sent, as it
// came (source.Request.Said). It lies beside the resources, so that no snapshot of
// a call carries it on to a later event.
const extra = "extra"

// Said is what a system sent, where the event came from its own webhook: json, form
// or text, and the body itself; "" and "" for any other event, whatever a client
// says in its data. The system's own
// dialect can send it on unchanged; the other dialects don't show it.
func Said(ev *switchhook.Event, system string) (format, payload string) {
	if !ev.Relayed || !bytes.Contains(ev.Data, []byte(`"`+extra+`"`)) { // most often, and seen without reading the data
		return "", ""
	}
	data, _ := ordjson.Parse(ev.Data) // an event's data is an object
	said, _ := ordjson.Parse(data.Get(extra))
	if !said.Has(system) || !said.Has("payload") {
		return "", ""
	}
	return said.Text(system), said.Text("payload")
}

// WithoutSaid is an event's data without what another system sent. The data of
// custom.* events is the customer's own, whatever it has.
func WithoutSaid(ev *switchhook.Event) []byte {
	if !ev.Relayed || !bytes.Contains(ev.Data, []byte(`"`+extra+`"`)) {
		return ev.Data
	}
	data, err := ordjson.Parse(ev.Data)
	if err != nil || !data.Has(extra) {
		return ev.Data
	}
	data.Delete(extra)
	return data.Append(nil)
}
