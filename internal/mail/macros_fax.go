package mail

import (
	"cmp"
	"strings"

	"github.com/switchhook/switchhook"
)

func (m *macros) fax() {
	f := cmp.Or(m.r.Fax, &switchhook.Fax{})
	info := group(objectOf(f.Info))
	g := group{}
	g.set("id", cmp.Or(f.ID, f.JobID))
	g.set("doc_id", cmp.Or(f.ID, f.JobID))
	g.set("job_id", f.JobID)
	g.set("call_id", m.all["call_id"])
	g.set("total_pages", optional(f.Pages))
	g.set("transferred_pages", optional(f.TransferredPages))
	g.set("success", strings.HasSuffix(m.ev.Type, ".received") || strings.HasSuffix(m.ev.Type, ".sent"))
	g.set("result_code", cmp.Or(f.ResultCode, info.text("fax_result_code")))
	g.set("subject", f.Subject)
	g.set("result_text", cmp.Or(info.text("fax_result_text"), f.Error))
	for _, name := range []string{"ecm_used", "bad_rows", "transfer_rate", "encoding"} {
		g.set(name, info["fax_"+name])
	}
	g.set("remote_station_id", phone(info.text("fax_remote_station_id")))
	g.set("box_id", f.BoxID)
	g.set("box_name", f.BoxName)
	if !f.CompletedAt.IsZero() || !m.ev.OccurredAt.IsZero() {
		t := f.CompletedAt
		if t.IsZero() {
			t = m.ev.OccurredAt
		}
		g.set("timestamp", gregorian(t))
	}
	g.set("info", map[string]any(info))
	m.file(g, "media", "document_type", "document_size")
	m.owner()
	if m.ev.Type == "fax.email_rejected" {
		m.rejected(f, g)
		m.all.set("fax", g)
		return
	}
	m.all.set("fax", g)
	failure := group{}
	failure.set("call_info", f.Error)
	failure.set("fax_info", info.text("fax_result_text"))
	m.all.set("error", failure)
}

// rejected is what a mail said that was to be a fax. Kazoo has it in fax, and beside it under
// the names that it had before.
func (m *macros) rejected(f *switchhook.Fax, fax group) {
	var errors []any
	for _, e := range f.Errors {
		errors = append(errors, line(e))
	}
	for _, g := range []group{fax, m.all} {
		g.set("errors", errors)
		if len(f.Errors) > 0 {
			g.set("error", f.Errors[0])
		}
		g.set("number", phone(f.Number))
		g.set("original_number", f.OriginalNumber)
	}
	fax.set("from", f.FromEmail)
	fax.set("to", f.ToEmail)
	m.all.set("from_email", f.FromEmail)
	m.all.set("to_email", f.ToEmail)
	m.all.set("date", m.all["date_called"])
	m.all.set("account_id", m.ev.AccountID)
	box := group{}
	box.set("id", f.BoxID)
	box.set("name", f.BoxName)
	box.set("timezone", f.BoxTimezone)
	m.all.set("faxbox", box)
}

// registration is what a phone said when it registered.
func (m *macros) registration() {
	d := cmp.Or(m.r.Device, &switchhook.Device{})
	g := group{}
	g.set("account_id", m.ev.AccountID)
	g.set("username", d.Username)
	g.set("realm", d.Realm)
	g.set("device_name", d.Name)
	g.set("status", d.Status)
	g.set("user_agent", d.UserAgent)
	g.set("call_id", d.CallID)
	g.set("profile_name", d.ProfileName)
	g.set("presence_hosts", d.PresenceHosts)
	g.set("from_user", d.FromUser)
	g.set("from_host", d.FromHost)
	g.set("to_user", d.ToUser)
	g.set("to_host", d.ToHost)
	g.set("rpid", d.RPID)
	g.set("network_ip", d.NetworkIP)
	if d.NetworkPort != 0 {
		g.set("network_port", int64(d.NetworkPort))
	}
	g.set("contact", d.Contact)
	g.set("expires", optional(d.Expires))
	g.set("freeswitch_hostname", d.SwitchHost)
	g.set("authorizing_id", cmp.Or(d.AuthorizingID, d.ID))
	t := d.RegisteredAt
	if t.IsZero() {
		t = m.ev.OccurredAt
	}
	g.set("date", m.date(t))
	m.all.set("last_registration", g)
}
