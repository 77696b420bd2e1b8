package track

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
	"github.com/switchhook/switchhook/internal/source"
)

// Voicemail, faxes, text messages, records, and what operators add.

// A mailbox is believed to hold so many messages.
type mailbox struct {
	Name string `json:"name"` // with its context
	New  int    `json:"new"`
	Old  int    `json:"old"`
}

func (m *mailbox) beliefID() string { return "mailbox/" + m.Name }

// voicemailCount: a message is new when there are more new ones, and more altogether (one
// that was heard can be marked as new again), or when somebody just left one.
func (t *Tracker) voicemailCount(f source.VoicemailCount) {
	name := f.Mailbox
	if f.Context != "" {
		name += "@" + f.Context
	}
	m, first := t.mailboxes[name], false
	if m == nil {
		m, first = &mailbox{Name: name}, true
		t.mailboxes[name] = m
		if f.Leg != "" { // somebody leaves one now, and nothing else is known
			m.New, m.Old = max(0, f.New-1), f.Old
		}
	}
	if !first && m.New == f.New && m.Old == f.Old {
		return
	}
	rise := min(f.New-m.New, f.New+f.Old-m.New-m.Old)
	if first && f.Leg == "" {
		rise = 0
	}
	m.New, m.Old = f.New, f.Old
	t.touch(m)
	for i := range rise {
		t.newMessage(&f, name, i)
	}
}

func (t *Tracker) newMessage(f *source.VoicemailCount, name string, i int) {
	count := int64(f.New)
	data := &switchhook.Resources{Extension: &switchhook.Extension{Number: f.Mailbox}}
	c := t.callOf(f.Leg)
	if i > 0 || c != nil && c.Root == "" {
		c = nil
	}
	account := t.ownerOf("mailbox", name, "mailbox", f.Mailbox, "extension", f.Mailbox)
	at := f.At()
	if c != nil {
		t.announce(c)
		account = c.Account
		yes := true
		c.MessageLeft = true
		t.touch(c)
		at = c.moment(at)
		data.Call = &switchhook.Call{ID: c.Root, MessageLeft: &yes}
	}
	id := source.EventID(name, f.Leg, stamp(f.At()), strconv.Itoa(i))
	data.Voicemail = &switchhook.Voicemail{
		ID: id[strings.LastIndexByte(id, ':')+1:], MailboxID: t.recordID(account, "mailbox", name, f.Mailbox), MailboxNumber: f.Mailbox,
		ReceivedAt: f.At(), Folder: "new", MessageCount: &count,
	}
	if i == 0 {
		data.Voicemail.AudioURL = fileURL(f.File)
		if f.Length > 0 {
			data.Voicemail.LengthMS = milliseconds(f.Length)
		}
	}
	t.event(account, "voicemail.new", at, data, name, data.Voicemail.ID)
}

func (t *Tracker) faxEnded(f *source.FaxEnded) {
	pages := int64(f.Pages)
	other := &switchhook.Party{Type: "tel", Address: cmp.Or(f.CallerOrCallee.Number, f.Remote), Name: f.CallerOrCallee.Name}
	own := &switchhook.Party{Type: "tel", Address: cmp.Or(f.LocalNumber, f.Local)}
	fax := &switchhook.Fax{
		ID: f.Leg, Direction: "inbound", From: other, To: own, TransferredPages: &pages,
		Status: f.Status, Error: f.Error, DocumentURL: fileURL(f.File), CompletedAt: f.At(),
	}
	typ := "fax.received"
	switch {
	case f.Sent && f.OK:
		typ = "fax.sent"
	case f.Sent:
		typ = "fax.send_failed"
	case !f.OK:
		typ = "fax.receive_failed"
	}
	if f.Sent {
		fax.Direction, fax.From, fax.To = "outbound", own, other
	}
	if f.OK {
		fax.Pages = &pages
	}
	fax.Info = pack(struct {
		Rate       string `json:"fax_transfer_rate,omitzero"`
		Resolution string `json:"fax_resolution,omitzero"`
		Local      string `json:"fax_local_station_id,omitzero"`
		Remote     string `json:"fax_remote_station_id,omitzero"`
	}{f.BitRate, f.DPI, f.Local, f.Remote})
	c := t.callOf(f.Leg)
	if c == nil || c.Root == "" { // the switch called itself
		t.event(t.ownerOf("number", own.Address), typ, f.At(), &switchhook.Resources{Fax: fax}, f.Leg)
		return
	}
	t.announce(c)
	t.touch(c)
	c.Met = true
	if l := t.legs[f.Leg]; l != nil {
		if l.Faxed == typ {
			return
		}
		l.Faxed = typ
	}
	t.tell(c, typ, f.At(), &switchhook.Resources{Fax: fax}, f.Leg)
}

func (t *Tracker) texted(f source.Texted) {
	m := &switchhook.Message{ID: f.ID, Channel: "sms", Direction: "inbound", From: f.From, To: f.To, Text: f.Text, SentAt: f.At()}
	typ, own := "message.received", f.To
	if f.Outbound {
		m.Direction, m.Status = "outbound", "sent"
		typ, own = "message.sent", f.From
	}
	name := cmp.Or(f.ID, f.From+"\x00"+f.To+"\x00"+stamp(f.At()))
	account := cmp.Or(f.Account, t.ownerOf("number", own, "extension", own, "device", own))
	t.event(account, typ, f.At(), &switchhook.Resources{Message: m}, name)
}

// A record is a switch's own of a call.
type record struct {
	Data json.RawMessage `json:"data"`
	At   time.Time       `json:"at"`
}

// mostRecords is how many of a call's records wait for its end.
const mostRecords = 50

// detailed keeps a record until the call has ended: some come before.
func (t *Tracker) detailed(f source.Detailed) {
	c := t.callOf(f.Leg)
	if c == nil || !isObject(f.Record) || len(c.Records) >= mostRecords {
		return
	}
	r := record{f.Record, f.At()}
	if !c.Ended.IsZero() {
		t.tellRecord(c, &r)
		return
	}
	c.Records = append(c.Records, r)
	t.touch(c)
}

func (t *Tracker) tellRecord(c *call, r *record) {
	extra := ordjson.Object{{Name: "cdr", Value: r.Data}}
	t.tell(c, "call.cdr", r.At, &switchhook.Resources{Call: &switchhook.Call{ID: c.Root, Extra: extra.Append(nil)}}, string(r.Data))
}

func isObject(data json.RawMessage) bool {
	_, err := ordjson.Parse(data)
	return err == nil
}

// custom tells an event of the operator's own. It is in order with those of its call.
func (t *Tracker) custom(f source.Custom) {
	data, err := ordjson.Parse(f.Data)
	if err != nil && len(f.Data) > 0 {
		return
	}
	account, key, at := t.o.Account, "", f.At()
	if c := t.callOf(f.Leg); c != nil && c.Root != "" {
		t.announce(c)
		account, key, at = c.Account, c.Root, c.moment(at)
		t.touch(c)
		if !data.Has("call_id") {
			data.Set("call_id", ordjson.String(key))
		}
	}
	ev := t.event(account, "custom."+customName(f.Name), at, data, f.Leg, string(f.Data), stamp(f.At()))
	ev.Key = key
}

// customName makes a name that the catalogue takes.
func customName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < 0x80 && strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.", r) {
			return r
		}
		return '_'
	}, name)
	return cmp.Or(name[:min(len(name), 100)], "event")
}
