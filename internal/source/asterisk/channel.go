package asterisk

import (
	"slices"
	"strings"

	"github.com/switchhook/switchhook/internal/catalogue"
)

// hidden are the technologies that are devices of Asterisk's own: halves of a loop,
// announcers, recorders, media without a phone, and what carries text messages or another
// channel for a moment. (main/core_local.c, main/bridge.c, apps/app_confbridge.c,
// res/ari/resource_bridges.c, main/message.c, main/pbx.c)
var hidden = strings.Fields("Local Message Bridge Surrogate AsyncGoto CBAnn CBRec Announcer Recorder Snoop ChanSpy " + //nolint:gochecknoglobals // a constant, but for the language
	"MulticastRTP UnicastRTP AudioSocket WebSocket Stasis")

// isHidden reports whether nobody is at the end of a channel.
func isHidden(channel string) bool {
	tech, _, _ := strings.Cut(channel, "/")
	return slices.Contains(hidden, tech)
}

// endpointOf is what a channel leads to: 101 of PJSIP/101-00000003, Local/101@ctx-0001;1 and
// SIP/101-0001<ZOMBIE>, i1 (a span) of DAHDI/i1/4930-2.
func endpointOf(channel string) string {
	tech, rest, slash := strings.Cut(channel, "/")
	if !slash {
		return channel
	}
	rest, _, _ = strings.Cut(strings.TrimSuffix(rest, "<ZOMBIE>"), ";")
	switch tech {
	case "Local":
		if number, _, at := strings.Cut(rest, "@"); at {
			return number
		}
	case "DAHDI":
		if span, _, dialled := strings.Cut(rest, "/"); dialled {
			return span
		}
	}
	if i := strings.LastIndexByte(rest, '-'); i > 0 {
		rest = rest[:i]
	}
	return rest
}

// extensionOf is the number behind an interface of a queue: 101 of PJSIP/101,
// Local/101@from-queue/n and hint:101@ext-local.
func extensionOf(device string) string {
	if _, rest, found := strings.Cut(device, "/"); found {
		device = rest
	} else {
		device = strings.TrimPrefix(device, "hint:")
	}
	device, _, _ = strings.Cut(device, "@")
	return device
}

// Trunks are told by their context, that is where their calls come in: those of FreePBX and
// those that people write. A channel has the context of its endpoint in either direction.
// Their names are the next best sign.
var (
	usualTrunkContexts = strings.Fields("from-trunk* from-pstn* from-external* from-sip-external* from-did-direct* from-outside* from-provider* from-carrier* trunk* *-trunk pstn* incoming* inbound* public external*") //nolint:gochecknoglobals // a constant, but for the language
	usualTrunkNames    = strings.Fields("*trunk* *provider* *carrier* *gateway* *pstn* gw-* *-gw sbc*")                                                                                                                  //nolint:gochecknoglobals // a constant, but for the language
)

// plan decides which channels lead outside.
type plan struct {
	trunks, contexts, extensions []string
	// outside has what Asterisk's list of endpoints says of them: whether they need no
	// password to call in, or have one to call out, as no phone does.
	outside map[string]bool
	// seen has what was decided of an endpoint when a channel of it began.
	seen map[string]bool
}

// newPlan is the plan of the options.
func newPlan(o *Options) *plan {
	p := &plan{trunks: o.Trunks, contexts: o.TrunkContexts, extensions: o.Extensions, outside: map[string]bool{}, seen: map[string]bool{}}
	if p.contexts == nil {
		p.contexts = usualTrunkContexts
	}
	return p
}

// trunk reports whether a channel leads outside. What the operator says goes first, then
// the context, then what Asterisk knows of the endpoint, then what its name tells. A number
// is a phone's name.
func (p *plan) trunk(channel, context string) bool {
	endpoint := endpointOf(channel)
	tech, _, _ := strings.Cut(channel, "/")
	outside, listed := p.outside[endpoint]
	switch {
	case matches(p.trunks, endpoint) || matches(p.trunks, tech+"/"+endpoint):
		return true
	case matches(p.extensions, endpoint):
		return false
	case matches(p.contexts, context):
		return true
	case isNumber(endpoint):
		return false
	case listed && outside:
		return true
	default:
		return matches(usualTrunkNames, strings.ToLower(endpoint))
	}
}

// began is trunk for a channel that begins, and so has its endpoint's own context.
func (p *plan) began(channel, context string) bool {
	trunk := p.trunk(channel, context)
	if len(p.seen) < mostSeen {
		p.seen[endpointOf(channel)] = trunk
	}
	return trunk
}

// mostSeen bounds what is remembered of endpoints: guests are called by their address.
const mostSeen = 100_000

// seenTrunk is trunk for a channel that has been there for a while.
func (p *plan) seenTrunk(channel, context string) bool {
	if trunk, seen := p.seen[endpointOf(channel)]; seen {
		return trunk
	}
	return p.trunk(channel, context)
}

// learn keeps what an entry of PJSIPShowEndpoints says.
func (p *plan) learn(m Message) {
	p.outside[m.Get("ObjectName")] = m.Get("Auths") == "" || m.Get("OutboundAuths") != ""
}

func matches(globs []string, name string) bool {
	return slices.ContainsFunc(globs, func(g string) bool { return catalogue.Match(g, name) })
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789*#+") == ""
}
