package mail

import (
	"cmp"
	"encoding/json"
	"fmt"
	"mime"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
)

// calls are the macros of who called whom, and when: from the call, the fax, or what
// lies flat in the data.
func (m *macros) calls() {
	call := cmp.Or(m.r.Call, &switchhook.Call{})
	fax := cmp.Or(m.r.Fax, &switchhook.Fax{})
	caller := party(call.From, fax.From)
	callee := party(call.Callee, nil)
	to := party(call.To, fax.To)
	if callee == (switchhook.Party{}) {
		callee = party(fax.To, nil)
	}
	caller.Name, caller.Address = cmp.Or(caller.Name, m.flat.text("caller_id_name")), cmp.Or(caller.Address, m.flat.text("caller_id_number"))
	callee.Name, callee.Address = cmp.Or(callee.Name, m.flat.text("callee_id_name")), cmp.Or(callee.Address, m.flat.text("callee_id_number"))
	m.all.set("caller_id", nameNumber(caller))
	m.all.set("callee_id", nameNumber(callee))
	m.all.set("from", m.userRealm("from", caller))
	m.all.set("to", m.userRealm("to", switchhook.Party{URI: to.URI, Address: cmp.Or(to.Address, callee.Address)}))
	m.all.set("call_id", cmp.Or(call.ID, m.r.CallID))
	m.all.set("date_called", m.date(m.called(call, fax)))
}

// party is the first of two that is known.
func party(a, b *switchhook.Party) switchhook.Party {
	return *cmp.Or(a, b, &switchhook.Party{})
}

// nameNumber is an end of a call: name, number, and both for people to read. Kazoo says
// unknown of what is not known; nobody needs to read that.
func nameNumber(p switchhook.Party) group {
	known := func(s string) string {
		if s = phone(s); strings.EqualFold(s, "unknown") {
			return ""
		}
		return s
	}
	name, number := known(p.Name), known(p.Address)
	both := name + " (" + number + ")"
	if name == number || name == "" || number == "" {
		both = cmp.Or(name, number)
	}
	g := group{}
	g.set("name", name)
	g.set("number", number)
	g.set("name_number", both)
	return g
}

// userRealm is an address's user and realm. Kazoo takes the number for a user that is
// not known.
func (m *macros) userRealm(end string, p switchhook.Party) group {
	user, realm, _ := strings.Cut(p.URI, "@")
	g := group{}
	g.set("user", phone(cmp.Or(user, m.flat.text(end+"_user"), p.Address)))
	g.set("realm", cmp.Or(realm, m.flat.text(end+"_realm")))
	return g
}

// called is when the call came that the mail tells of.
func (m *macros) called(call *switchhook.Call, fax *switchhook.Fax) time.Time {
	vm := cmp.Or(m.r.Voicemail, &switchhook.Voicemail{})
	for _, t := range []time.Time{vm.ReceivedAt, fax.CompletedAt, m.moment(m.flat["timestamp"]), call.CreatedAt, m.ev.OccurredAt} {
		if !t.IsZero() {
			return t
		}
	}
	return m.ev.AcceptedAt
}

// missed says why a call was missed, in words.
func (m *macros) missed() {
	call := cmp.Or(m.r.Call, &switchhook.Call{})
	cause := cmp.Or(call.HangupCause, group(objectOf(call.Notify)).text("hangup_cause"))
	reasons := map[string]string{
		"busy": "the line was busy", "no_answer": "nobody answered", "cancelled": "the caller hung up", "rejected": "the call was rejected",
		"unregistered": "the phone was not connected", "unallocated": "the number is not in use", "congestion": "the network was busy",
		"abandoned": "the caller hung up", "timeout": "nobody answered in time", "lost": "the connection was lost", "failed": "the call failed",
	}
	causes := map[string]string{ // for events that say no more
		"NO_ANSWER": "no_answer", "NO_USER_RESPONSE": "no_answer", "USER_BUSY": "busy", "ORIGINATOR_CANCEL": "cancelled",
		"CALL_REJECTED": "rejected", "USER_NOT_REGISTERED": "unregistered", "UNALLOCATED_NUMBER": "unallocated",
	}
	g := group{}
	g.set("reason", cmp.Or(reasons[call.HangupReason], reasons[causes[cause]], "nobody answered"))
	g.set("cause", cause)
	g.set("is_bridged", call.Bridged != nil && *call.Bridged)
	g.set("is_message_left", call.MessageLeft != nil && *call.MessageLeft)
	m.all.set("missed_call", g)
}

func (m *macros) voicemail() {
	vm := cmp.Or(m.r.Voicemail, &switchhook.Voicemail{})
	g := group{}
	m.owner()
	if m.ev.Type == "voicemail.full" { // whose macros speak of the mailbox
		g.set("id", vm.MailboxID)
		g.set("box", vm.MailboxID)
		g.set("number", vm.MailboxNumber)
		g.set("name", cmp.Or(vm.MailboxName, vm.MailboxNumber))
		g.set("mailbox", vm.MailboxNumber)
		g.set("max_messages", optional(vm.MaxMessageCount))
		g.set("message_count", optional(vm.MessageCount))
		m.all.set("voicemail", g)
		return
	}
	g.set("vmbox_id", vm.MailboxID)
	g.set("box", vm.MailboxID)
	g.set("vmbox_name", vm.MailboxName)
	g.set("vmbox_number", vm.MailboxNumber)
	g.set("msg_id", vm.ID)
	g.set("name", vm.ID)
	var plain string
	if json.Unmarshal(vm.Transcription, &plain) != nil {
		plain, _ = objectOf(vm.Transcription)["text"].(string)
	}
	g.prose("transcription", plain)
	if vm.LengthMS != nil {
		length := time.Duration(max(*vm.LengthMS, 0)) * time.Millisecond
		g.set("length", fmt.Sprintf("%02d:%02d:%02d", int(length.Hours()), int(length.Minutes())%60, int(length.Seconds())%60))
		g.set("duration", inWords(length))
	}
	g.set("vmbox_include_message_on_notify", len(m.env.Attachments) > 0)
	m.file(g, "file_name", "file_type", "file_size")
	m.all.set("voicemail", g)
	m.all.set("reason", deletedBy(vm.Reason))
}

// owner is the mailbox's or fax box's owner: the user, by the name that Kazoo had for it.
func (m *macros) owner() { m.all.set("owner", m.all["user"]) }

// deletedBy is why a voicemail was deleted, in words where it is one of Kazoo's.
func deletedBy(reason string) string {
	words := map[string]string{
		"dtmf": "by phone", "crossbar_action": "in the portal", "delete_after_notify": "after it was mailed",
		"vmbox_purge": "with all others of the mailbox", "force_delete": "by the system",
	}
	return cmp.Or(words[reason], reason)
}

// inWords is a length such as 2 minutes 5 seconds.
func inWords(d time.Duration) string {
	total := int64((d + time.Second/2) / time.Second)
	var words []string
	for _, u := range []struct {
		n    int64
		name string
	}{{total / 3600, "hour"}, {total / 60 % 60, "minute"}, {total % 60, "second"}} {
		switch {
		case u.n == 1:
			words = append(words, "1 "+u.name)
		case u.n > 1:
			words = append(words, fmt.Sprintf("%d %ss", u.n, u.name))
		}
	}
	if len(words) == 0 {
		return "less than a second"
	}
	return strings.Join(words, " ")
}

// file is the mail's first attachment, under the names that a template has for it.
func (m *macros) file(g group, name, kind, size string) {
	if len(m.env.Attachments) == 0 {
		return
	}
	a := m.env.Attachments[0]
	g.set(name, a.Name)
	extension := strings.TrimPrefix(path.Ext(a.Name), ".")
	if extension == "" {
		if all, _ := mime.ExtensionsByType(a.Type); len(all) > 0 {
			extension = strings.TrimPrefix(slices.Min(all), ".")
		}
	}
	g.set(kind, extension)
	if _, coded, inline := strings.Cut(a.URL, ";base64,"); inline && strings.HasPrefix(a.URL, "data:") {
		g.set(size, int64(len(strings.TrimRight(coded, "="))*3/4))
	}
}

func optional(n *int64) any {
	if n == nil {
		return nil
	}
	return *n
}
