package freeswitch

import (
	"cmp"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/source"
)

// plan decides which channels lead outside.
type plan struct{ trunks, extensions []string }

// Names by which people call SIP profiles and gateways that lead outside, as FreeSWITCH's own
// example does. Calls that come in at the context public are of strangers.
var usualTrunks = strings.Fields("external* *trunk* *provider* *carrier* *gateway* *pstn* gw-* *-gw sbc*") //nolint:gochecknoglobals // a constant, but for the language

// An endpoint is what a channel leads to.
type endpoint struct {
	trunk  bool
	name   string // a user, or a gateway, or a profile
	domain string // the tenant's, where known
}

// endpointOf reads it from the fields of a channel's event. What the operator says goes first,
// then the gateway, then the user, then the profile's name.
//
// A channel that came in may carry dialed_user, of whom it called.
func (p *plan) endpointOf(m Message) endpoint {
	outbound := m["Call-Direction"] == "outbound"
	gateway := cmp.Or(m.variable("sip_gateway_name"), m.variable("sip_gateway"))
	profile := cmp.Or(m.variable("sofia_profile_name"), profileOf(m["Channel-Name"]))
	user, domain := m.variable("user_name"), m.variable("domain_name")
	if outbound {
		user, domain = m.variable("dialed_user"), cmp.Or(m.variable("dialed_domain"), domain)
	}
	e := endpoint{name: cmp.Or(gateway, profile), domain: domain}
	usual := strings.ToLower(profile)
	switch {
	case matches(p.trunks, gateway) || matches(p.trunks, profile):
		e.trunk = true
	case matches(p.extensions, user) || matches(p.extensions, userOf(m["Channel-Name"])):
	case gateway != "" && user == "":
		e.trunk = true
	case user != "":
	case matches(usualTrunks, usual) || !outbound && m["Caller-Context"] == "public":
		e.trunk = true
	default:
		tech, _, _ := strings.Cut(m["Channel-Name"], "/")
		e.trunk = slices.Contains([]string{"freetdm", "FreeTDM", "openzap"}, tech)
	}
	if !e.trunk {
		_, presence, _ := strings.Cut(m["Channel-Presence-ID"], "@")
		e.domain = cmp.Or(e.domain, presence)
		e.name = cmp.Or(user, userOf(m["Channel-Name"]))
	}
	return e
}

// profileOf is internal of sofia/internal/101@pbx.example.
func profileOf(channel string) string {
	if rest, ok := strings.CutPrefix(channel, "sofia/"); ok {
		profile, _, _ := strings.Cut(rest, "/")
		return profile
	}
	return ""
}

// userOf is 101 of sofia/internal/101@pbx.example, of sip:101@192.0.2.1:5060 and of
// "Desk" <sip:101@pbx.example>.
func userOf(address string) string {
	if _, rest, found := strings.Cut(address, "<"); found {
		address = rest
	}
	address, _, _ = strings.Cut(address, "@")
	return address[strings.LastIndexAny(address, "/:")+1:]
}

// domainOf is pbx.example of the same.
func domainOf(address string) string {
	_, domain, _ := strings.Cut(address, "@")
	if i := strings.IndexAny(domain, ">;:"); i >= 0 {
		domain = domain[:i]
	}
	return domain
}

// isHidden reports whether a channel is a device of FreeSWITCH's own.
func isHidden(channel string) bool {
	tech, _, _ := strings.Cut(channel, "/")
	return slices.Contains([]string{"loopback", "null", "error"}, tech)
}

// hides reports whether the caller does not want to be known. FreeSWITCH has the identity that
// a trusted carrier told it, and shows it with this mark.
func (m Message) hides() bool { return m["Caller-Privacy-Hide-Number"] == "true" }

// channelOf is a channel's name, without the number of a caller who hides it.
func channelOf(m Message) string {
	name := m["Channel-Name"]
	if user := userOf(name); m.hides() && m["Call-Direction"] == "inbound" && user != "" {
		return strings.Replace(name, user, "anonymous", 1)
	}
	return name
}

// callerOf is who is at the far end of a channel that came in.
func callerOf(m Message) source.Line {
	l := source.Line{Number: known(m["Caller-Caller-ID-Number"]), Name: known(m["Caller-Caller-ID-Name"])}
	if m.hides() {
		l.Number = ""
	}
	if m.hides() || m["Caller-Privacy-Hide-Name"] == "true" || l.Name == m["Caller-Caller-ID-Number"] {
		l.Name = ""
	}
	return l
}

// known is empty for what FreeSWITCH writes where it knows nothing (switch_types.h).
func known(s string) string {
	if slices.Contains([]string{"Outbound Call", "0000000000", "_undef_", "unknown", "Unknown"}, s) {
		return ""
	}
	return s
}

func matches(globs []string, name string) bool {
	return name != "" && slices.ContainsFunc(globs, func(g string) bool { return catalogue.Match(g, name) })
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789*#+") == ""
}
