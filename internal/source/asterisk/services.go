package asterisk

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/internal/source"
)

// parked: the leg is called Parkee there. One that was parked in place of another
// (ParkedCallSwap, an attended transfer into the lot) is parked.
func (t *translator) parked(m Message, at source.When) source.Fact {
	return parking(m, at)
}

func parking(m Message, at source.When) source.Parking {
	f := source.Parking{When: at, Leg: m.Get("ParkeeUniqueid"), Slot: m.Get("ParkingSpace"), Lot: m.Get("Parkinglot"), Step: source.Parked}
	switch m.Get("Event") {
	case "UnParkedCall":
		f.Step, f.Retriever = source.Retrieved, m.Get("RetrieverUniqueid")
	case "ParkedCallTimeOut":
		f.Step = source.ParkTimedOut
	case "ParkedCallGiveUp":
		f.Step = source.ParkAbandoned
	}
	return f
}

func (t *translator) confbridge(m Message, at source.When) source.Fact {
	f := source.Conferred{
		When: at, Room: m.Get("Conference"), Instance: m.Get("BridgeUniqueid"), Leg: m.Get("Uniqueid"), Caller: line(m, "CallerID"),
		Moderator: yes(m.Get("Admin")), Muted: yes(m.Get("Muted")),
	}
	switch m.Get("Event") {
	case "ConfbridgeStart", "ConfbridgeJoin":
		f.Joined = true
	}
	if f.Leg != "" && isHidden(m.Get("Channel")) {
		return nil // the announcer
	}
	return f
}

// yes reads Yes or No, nil for neither.
func yes(s string) *bool {
	switch is := strings.EqualFold(s, "Yes"); {
	case is || strings.EqualFold(s, "No"):
		return &is
	default:
		return nil
	}
}

// contactStatus: PJSIP. A contact that does not answer OPTIONS (Unreachable) is registered
// until it expires.
func (t *translator) contactStatus(m Message, at source.When) source.Fact {
	f := contact(m, at)
	switch m.Get("ContactStatus") {
	case "Removed":
		f.Status = "deregistered"
	case "NonQualified", "Unqualified", "Reachable", "Created", "Updated":
	default:
		return nil
	}
	if t.plan.trunk("PJSIP/"+f.Device+"-", "") {
		return nil // it has an address, it does not register
	}
	return f
}

// contact is one contact, as registered, of an event or a list.
func contact(m Message, at source.When) source.Registered {
	uri := m.Get("URI") // Uri in lists
	f := source.Registered{When: at, Device: m.Get("EndpointName"), Contact: uri, UserAgent: m.Get("UserAgent"), Status: "registered"}
	if f.Device == "" {
		f.Device = m.Get("Endpoint")
	}
	if f.Device == "" {
		f.Device = m.Get("AOR")
	}
	f.IP, f.Port = hostOf(uri)
	return f
}

// hostOf is the address in a SIP URI.
func hostOf(uri string) (ip string, port int) {
	_, rest, found := strings.Cut(uri, ":")
	if !found {
		return "", 0
	}
	rest, _, _ = strings.Cut(rest, ";")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = rest[at+1:]
	}
	u := url.URL{Host: rest}
	return u.Hostname(), number(u.Port())
}

// peerStatus: chan_sip and chan_iax2. That of PJSIP says less than ContactStatus does.
func (t *translator) peerStatus(m Message, at source.When) source.Fact {
	tech, device, _ := strings.Cut(m.Get("Peer"), "/")
	f := source.Registered{When: at, Device: device, Status: "registered"}
	switch m.Get("PeerStatus") {
	case "Registered":
	case "Unregistered":
		f.Status, f.Reason = "deregistered", m.Get("Cause")
	case "Rejected":
		f.Status, f.Reason = "failed", m.Get("Cause")
	default:
		return nil
	}
	if tech == "PJSIP" || t.plan.trunk(tech+"/"+device+"-", "") {
		return nil
	}
	host := url.URL{Host: m.Get("Address")}
	f.IP, f.Port = host.Hostname(), number(host.Port())
	return f
}

// security: somebody who knows an account gave a wrong password. (What knocks at accounts
// that do not exist is noise.)
func (t *translator) security(m Message, at source.When) source.Fact {
	if service := m.Get("Service"); service != "PJSIP" && service != "SIP" && service != "IAX2" {
		return nil
	}
	f := source.Registered{When: at, Device: m.Get("AccountID"), Status: "failed", Reason: "wrong password"}
	f.IP, f.Port = securityAddress(m.Get("RemoteAddress"))
	return f
}

// securityAddress reads IPV4/UDP/192.0.2.1/5060.
func securityAddress(s string) (ip string, port int) {
	if parts := strings.Split(s, "/"); len(parts) == 4 {
		port, _ = strconv.Atoi(parts[3])
		return parts[2], port
	}
	return "", 0
}

func (t *translator) messageWaiting(m Message, at source.When) source.Fact {
	mailbox, context, _ := strings.Cut(m.Get("Mailbox"), "@")
	return source.VoicemailCount{
		When: at, Mailbox: mailbox, Context: context, New: number(m.Get("New")), Old: number(m.Get("Old")),
		Leg: m.Get("Uniqueid"), Caller: line(m, "CallerID"),
	}
}

// faxStatus tells of a fax only that it failed; those that went well have an event of their
// own.
func (t *translator) faxStatus(m Message, at source.When) source.Fact {
	status := m.Get("Status")
	if l := strings.ToLower(status); !strings.Contains(l, "fail") && !strings.Contains(l, "error") && !strings.HasPrefix(l, "no available") {
		return nil
	}
	f := fax(m, at, m.Get("Operation") == "send")
	f.Status = status
	if l := t.legs[f.Leg]; l != nil {
		f.Error = l.fax
	}
	return f
}

func (t *translator) faxDone(m Message, at source.When) source.Fact {
	f := fax(m, at, m.Get("Event") == "SendFAX")
	f.OK, f.Status = true, "SUCCESS"
	return f
}

func fax(m Message, at source.When, sent bool) source.FaxEnded {
	return source.FaxEnded{
		When: at, Leg: m.Get("Uniqueid"), Sent: sent, Local: m.Get("LocalStationID"), Remote: m.Get("RemoteStationID"),
		Pages: number(m.Get("PagesTransferred")), File: m.Get("FileName"), BitRate: m.Get("TransferRate"), DPI: m.Get("Resolution"),
		CallerOrCallee: line(m, "CallerID"), LocalNumber: dialled(m.Get("Exten")),
	}
}

// mixMonitor: a leg may be recorded several times, one after the other.
func (t *translator) mixMonitor(m Message, at source.When) source.Fact {
	f := source.Recording{When: at, Leg: m.Get("Uniqueid"), On: m.Get("Event") == "MixMonitorStart"}
	f.ID = f.Leg
	l := t.legs[f.Leg]
	if l == nil {
		return f
	}
	if f.On {
		l.recordings++
	}
	if l.recordings > 1 {
		f.ID += "-" + strconv.Itoa(l.recordings)
	}
	f.File = l.file
	return f
}

// text is a SIP MESSAGE that came in. Those of a phone go out of it, for the account.
func (t *translator) text(m Message, at source.When) source.Fact {
	from, to := userOf(m.Get("From")), userOf(m.Get("To"))
	id := source.EventID("asterisk-text", m.Get("Timestamp"), from, to, m.Get("Body"))
	return source.Texted{
		When: at, ID: id, From: from, To: to, Text: m.Get("Body"), Outbound: !t.plan.trunk(m.Get("Endpoint")+"-", ""),
	}
}

// userOf is 101 of "Desk" <sip:101@192.0.2.1>, pjsip:101@192.0.2.1 and pjsip:trunk/sip:101@192.0.2.1.
func userOf(uri string) string {
	if _, rest, found := strings.Cut(uri, "<"); found {
		uri, _, _ = strings.Cut(rest, ">")
	}
	uri = uri[strings.LastIndexByte(uri, ':')+1:]
	user, _, _ := strings.Cut(uri, "@")
	return user
}
