package calls

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// What an event of one resource says of another: a queue call of its call and its
// queue, a recording of what it records, an extension or an agent of the call that
// it answers.

// dialedNumber remembers the account's number that a call came in on, where it is
// named beside the call: its later events do not name it.
func dialedNumber(ev *switchhook.Event, data *ordjson.Object) {
	if ev.Type != "call.created" {
		return
	}
	number, errNumber := ordjson.Parse(data.Get("number"))
	if errNumber != nil || number.Text("number") == "" {
		return
	}
	call, errCall := ordjson.Parse(data.Get("call"))
	if errCall == nil && !call.Has("dialed") {
		call.Set("dialed", number.Get("number"))
		data.Set("call", call.Append(nil))
	}
}

// queueOfQueueCall puts the queue beside a queue call that names it, if it is known.
func (f *Folder) queueOfQueueCall(ev *switchhook.Event, data *ordjson.Object) {
	if !data.Has("queuecall") || data.Has("queue") {
		return
	}
	qc, err := ordjson.Parse(data.Get("queuecall"))
	if err != nil {
		return
	}
	id := qc.Text("queue_id")
	if before := f.known[ref{ev.AccountID, "queuecall", qc.Text("id")}]; id == "" && before != nil {
		id = before.object.Text("queue_id")
	}
	if f.known[ref{ev.AccountID, "queue", id}] != nil {
		data.Set("queue", ordjson.Object{{Name: "id", Value: ordjson.String(id)}}.Append(nil))
	}
}

// callOfQueueCall puts the waiting call beside a queue call that names it, or
// names it in a queue call that has it beside it; and it finds the ordering key
// of a queue call whose call is no longer known.
func (f *Folder) callOfQueueCall(ev *switchhook.Event, data *ordjson.Object) {
	if !data.Has("queuecall") {
		return
	}
	qc, err := ordjson.Parse(data.Get("queuecall"))
	if err != nil {
		return
	}
	before := f.known[ref{ev.AccountID, "queuecall", qc.Text("id")}]
	reference := qc.Text("reference_id")
	if reference == "" && before != nil {
		reference = before.object.Text("reference_id")
	}
	call, err := ordjson.Parse(data.Get("call"))
	switch {
	case err == nil && reference == "" && call.Text("id") != "":
		qc.Set("reference_id", call.Get("id"))
		data.Set("queuecall", qc.Append(nil))
	case err != nil && f.known[ref{ev.AccountID, "call", reference}] != nil:
		data.Set("call", f.known[ref{ev.AccountID, "call", reference}].object.Append(nil))
	case err != nil && ev.Key == "" && before != nil:
		ev.Key = before.root
	}
}

// mostRecordings is how many recordings a call's snapshot names, the newest: it goes
// into every event of the call.
const mostRecordings = 100

// recordedCall adds the call that a recording is of, if it is known and not in
// the event already, and says in it what is being recorded: recording_id is the
// recording under way, recording_ids are all of them.
func (f *Folder) recordedCall(ev *switchhook.Event, data *ordjson.Object) {
	if !strings.HasPrefix(ev.Type, "recording.") || string(data.Get("call")) == "null" {
		return
	}
	recording, err := ordjson.Parse(data.Get("recording"))
	if err != nil {
		return
	}
	call, _ := ordjson.Parse(data.Get("call")) // what is not there is made
	if call.Text("id") == "" && recording.Text("call_id") != "" {
		call.Set("id", recording.Get("call_id"))
	}
	known := f.known[ref{ev.AccountID, "call", call.Text("id")}]
	if known == nil && !data.Has("call") {
		return
	}
	id := recording.Get("id")
	if !call.Has("recording_id") {
		under := id
		if ev.Type == "recording.finished" {
			under = json.RawMessage("null")
		}
		call.Set("recording_id", under)
	}
	if !call.Has("recording_ids") {
		var ids []json.RawMessage
		if known != nil {
			_ = json.Unmarshal(known.object.Get("recording_ids"), &ids) // none yet
		}
		if !slices.ContainsFunc(ids, func(old json.RawMessage) bool { return string(old) == string(id) }) {
			ids = append(ids, id)
			ids = ids[max(0, len(ids)-mostRecordings):]
		}
		list, err := json.Marshal(ids)
		if err != nil {
			return // ids were JSON before
		}
		call.Set("recording_ids", list)
	}
	data.Set("call", call.Append(nil))
}

// noteAnswer remembers in the whole call which extension answered it: said of
// the extension, of the leg that rang there, or of the agent whom a queue chose.
// PrimeVOX's HangupCall tells it.
func (f *Folder) noteAnswer(ev *switchhook.Event, data *ordjson.Object, now time.Time, changes *changeSet) {
	extension, ofItself := f.answering(ev, data)
	if extension == nil {
		return
	}
	call, err := ordjson.Parse(data.Get("call"))
	if err != nil {
		return
	}
	root := cmp.Or(call.Text("root_id"), call.Text("id"))
	r := ref{ev.AccountID, "call", root}
	sn := f.known[r]
	if sn == nil || sn.ended {
		return
	}
	if !ofItself && sn.object.Has("answered_extension") {
		return // said of the extension itself already, which knows more
	}
	whole := slices.Clone(sn.object)
	whole.Set("answered_by", ordjson.String("extension"))
	whole.Set("answered_extension", extension.Append(nil))
	if ofItself && !whole.Has("answered_at") { // a system may tell no more of it than this
		whole.Set("answered_at", timeOf(ev.OccurredAt))
		whole.Set("status", ordjson.String("answered"))
	}
	sortMembers("call", whole)
	text := f.keep(r, sn, whole, sn.root, sn.toldBy, now, changes)
	if call.Text("id") == root {
		data.Set("call", text)
	}
}

// answering is the extension that an event says a live person answered at, nil for
// none. ofItself: the event is the extension's.
func (f *Folder) answering(ev *switchhook.Event, data *ordjson.Object) (extension ordjson.Object, ofItself bool) {
	switch ev.Type {
	case "extension.answered":
		extension, _ = ordjson.Parse(data.Get("extension")) // without one, nothing is said
		return extension, true
	case "queuecall.serviced":
		qc, _ := ordjson.Parse(data.Get("queuecall"))
		return f.extensionOf(ev.AccountID, qc.Text("agent_id")), false
	case "leg.answered":
		call, _ := ordjson.Parse(data.Get("call")) // without one, nothing is said
		if by := call.Text("answered_by"); by != "" && by != "extension" {
			return nil, false // an announcement, or the telephone network
		}
		to, _ := ordjson.Parse(call.Get("to"))
		switch to.Text("type") {
		case "extension", "endpoint": // VoIPBin's word for a registered phone
			number, _, _ := strings.Cut(to.Text("address"), "@")
			extension.Set("number", ordjson.String(number))
			if name := to.Get("name"); !ordjson.Null(name) {
				extension.Set("name", name)
			}
			return extension, false
		case "agent":
			return f.extensionOf(ev.AccountID, to.Text("address")), false
		}
	}
	return nil, false
}

// extensionOf is where an agent sits, nil where that is not known.
func (f *Folder) extensionOf(account, agentID string) ordjson.Object {
	agent := f.known[ref{account, "agent", agentID}]
	if agent == nil {
		return nil
	}
	number := agent.object.Text("extension")
	var addresses []switchhook.Party
	_ = json.Unmarshal(agent.object.Get("addresses"), &addresses) // where there are none, there is none
	for i := range addresses {
		if a := &addresses[i]; number == "" && (a.Type == "extension" || a.Type == "endpoint") {
			number, _, _ = strings.Cut(a.Address, "@")
		}
	}
	if number == "" {
		return nil
	}
	extension := ordjson.Object{{Name: "number", Value: ordjson.String(number)}}
	if name := agent.object.Get("name"); !ordjson.Null(name) {
		extension.Set("name", name)
	}
	return extension
}
