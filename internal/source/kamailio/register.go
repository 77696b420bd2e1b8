package kamailio

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/internal/source"
)

// registration: a telephone has registered, does no longer, or was not let in.
func (t *translator) registration(m *message) []source.Fact {
	f := source.Registered{When: source.When(m.At), UserAgent: string(m.Agent), IP: m.IP, Port: m.Port}
	if f.UserAgent == "n/a" { // usrloc's word for none
		f.UserAgent = ""
	}
	to := parseURI(m.To)
	switch m.Event {
	case "auth_failed":
		const wrongPassword, unknownUser = -2, -3 // of auth_db and auth
		f.Device, f.Domain, f.Status = cmp.Or(userOf(string(m.User)), to.user), to.host, "failed"
		f.Reason = map[int]string{wrongPassword: "wrong password", unknownUser: "unknown user"}[m.Result]
	case "expired":
		f.Device, f.Domain, _ = strings.Cut(string(m.AOR), "@")
		f.Contact, f.Status, f.Reason = contactURI(string(m.Contact)), "deregistered", "expired"
	default:
		f.Device, f.Domain = to.user, to.host
		return t.contacts(m, f)
	}
	if !t.domains {
		f.Domain = ""
	}
	return []source.Fact{f}
}

// contacts are the facts of a REGISTER, one for each contact. A star stands for all.
func (t *translator) contacts(m *message, f source.Registered) (facts []source.Fact) {
	if !t.domains {
		f.Domain = ""
	}
	const deleted = 3 // of save()
	for contact := range splitContacts(string(m.Contact)) {
		c := f
		c.Contact, c.Status = contactURI(contact), "registered"
		expires := cmp.Or(expiresOf(contact), strings.TrimSpace(string(m.Expires)))
		if seconds, err := strconv.ParseInt(expires, 10, 64); err == nil && seconds >= 0 {
			c.Expires = &seconds
		}
		if c.Contact == "*" {
			c.Contact, c.Status = "", "deregistered"
		}
		if m.Result == deleted && expires == "" || c.Expires != nil && *c.Expires == 0 {
			c.Status = "deregistered"
		}
		facts = append(facts, c)
	}
	return facts
}
