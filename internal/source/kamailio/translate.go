package kamailio

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/source"
)

// A translator makes facts of one Kamailio's messages. All that it remembers is what a
// message may do without.
type translator struct {
	trunks  []string // names of hosts
	nets    []netip.Prefix
	domains bool

	asked map[string]source.LegEnded // calls that were asked for credentials, by leg

	boot  int64 // when the Kamailio that started last did
	other bool  // another one posts too
}

func newTranslator() *translator { return &translator{asked: map[string]source.LegEnded{}} }

// configure takes over what the operator has set in the snippet.
func (t *translator) configure(r *request) {
	t.trunks, t.nets, t.domains = nil, nil, r.Domains != 0
	for word := range strings.FieldsFuncSeq(r.Trunks, func(c rune) bool { return c == ' ' || c == ',' || c == ';' }) {
		if p, err := netip.ParsePrefix(word); err == nil {
			t.nets = append(t.nets, p.Masked())
		} else if ip, err := netip.ParseAddr(strings.Trim(word, "[]")); err == nil {
			t.nets = append(t.nets, netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()))
		} else {
			t.trunks = append(t.trunks, strings.ToLower(word))
		}
	}
}

// anothers reports, once, that a request is of a Kamailio that had started before the one
// that has posted last.
func (t *translator) anothers(r *request) bool {
	found := r.Boot > 0 && r.Boot < t.boot && !t.other
	t.boot, t.other = max(t.boot, r.Boot), t.other || found
	return found
}

// isTrunk reports whether a host, a name or an address, leads outside.
func (t *translator) isTrunk(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return slices.ContainsFunc(t.nets, func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) })
	}
	return slices.Contains(t.trunks, host)
}

func (t *translator) translate(m *message) []source.Fact {
	at := source.When(m.At)
	switch m.Event {
	case "start":
		return []source.Fact{source.Present{When: at}}
	case "branch":
		return t.branch(m)
	case "reply":
		return t.reply(m)
	case "failure":
		return t.branchesFailed(m)
	case "failed":
		return t.failed(m)
	case "end":
		return t.ended(m)
	case "message":
		return t.message(m)
	}
	return t.registration(m)
}

// rootID is the call's id, and that of its first leg. One that nobody could want to see in
// an index is a hash of it.
func (m *message) rootID() string {
	id := string(m.CallID + ";" + m.FromTag)
	if len(id) > 500 {
		id = fmt.Sprintf("%x", sha256.Sum256([]byte(id)))
	}
	return id
}

// branchID is that of a branch's leg. Who was asked for credentials calls again, with the
// same ids and a higher number.
func (m *message) branchID(branch int) string {
	return fmt.Sprintf("%s;%d.%d", m.rootID(), m.CSeq, branch)
}

// call is the first leg, as every message has it.
func (t *translator) call(m *message) source.LegStarted {
	from, dialed, id := parseURI(m.From), parseURI(m.Dialed), m.rootID()
	f := source.LegStarted{
		When: source.When(m.Began), Leg: id, Call: id, Channel: id, SIPCallID: string(m.CallID),
		Trunk: t.isTrunk(m.IP), Device: cmp.Or(userOf(string(m.User)), from.user), Context: from.host,
		Caller: source.Line{Number: from.user, Name: displayName(m.Name)}, Dialed: dialed.user,
	}
	if f.Trunk {
		f.Device, f.Context = m.IP, dialed.host
		f.Caller.Number = cmp.Or(parseURI(m.Asserted).user, f.Caller.Number)
	}
	return f
}

// branch: the call goes out to somebody.
func (t *translator) branch(m *message) []source.Fact {
	delete(t.asked, m.rootID()) // it calls again
	to, next := parseURI(m.URI), parseURI(cmp.Or(m.Next, m.URI))
	host := next.host
	if t.isTrunk(to.host) {
		host = to.host
	}
	return t.leg(m, m.Branch, source.When(m.At), to.user, host)
}

// leg is the first leg, and that of a branch that goes to somebody at a host. A message that
// tells how a branch fares tells of it too, for the one about its beginning may have been
// dropped; it does not know to whom it went.
func (t *translator) leg(m *message, branch int, at source.When, to, host string) []source.Fact {
	call := t.call(m)
	to = cmp.Or(to, call.Dialed)
	leg := source.LegStarted{
		When: at, Leg: m.branchID(branch), Call: call.Leg, Channel: m.branchID(branch), SIPCallID: string(m.CallID),
		Outbound: true, Trunk: t.isTrunk(host), Device: to, Caller: source.Line{Number: to},
	}
	dial := source.Dialled{When: at, From: call.Leg, To: leg.Leg, Exten: call.Dialed}
	if leg.Trunk {
		leg.Device, dial.Number = host, to
	}
	return []source.Fact{call, leg, dial}
}

// answered are the facts of an answer.
func (t *translator) answered(m *message, branch int, at source.When, host string) []source.Fact {
	root, leg := m.rootID(), m.branchID(branch)
	return append(t.leg(m, branch, at, "", host),
		source.DialEnded{When: at, From: root, To: leg, Outcome: source.Answered},
		source.LegAnswered{When: at, Leg: leg},
		source.LegAnswered{When: at, Leg: root},
		source.BridgeEntered{When: at, Bridge: root, Leg: root},
		source.BridgeEntered{When: at, Bridge: root, Leg: leg})
}

// reply: a branch rings, is answered, or has refused.
func (t *translator) reply(m *message) []source.Fact {
	leg, at := m.branchID(m.Branch), source.When(m.At)
	switch {
	case m.Code < 200:
		return append(t.leg(m, m.Branch, at, "", m.ReplyIP), source.LegRinging{When: at, Leg: leg})
	case m.Code < 300 && !time.Time(m.Answered).IsZero() && m.Branch != m.AnsweredBranch:
		// Two have answered at once. Who was second is hung up by the caller (RFC 3261, 13.2.2.4).
		return append(t.leg(m, m.Branch, at, "", m.ReplyIP),
			source.DialEnded{When: at, From: m.rootID(), To: leg, Outcome: source.Elsewhere}, source.LegEnded{When: at, Leg: leg})
	case m.Code < 300:
		return t.answered(m, m.Branch, at, m.ReplyIP)
	}
	end := source.DialEnded{When: at, From: m.rootID(), To: leg, Outcome: outcomeOf(m.Code)}
	if m.Code < 400 {
		end.Forward = parseURI(text(contactURI(string(m.Contact)))).user
	}
	return append(t.leg(m, m.Branch, at, "", m.ReplyIP),
		end, source.LegEnded{When: at, Leg: leg, SIPStatus: m.Code, Q850: q850Of(string(m.Reason))})
}

// branchesFailed ends the branches that have not ended by what their own ends say: those
// that nobody answered in time.
func (t *translator) branchesFailed(m *message) []source.Fact {
	code := 408
	if m.Code == 487 || m.Branches == 1 { // the caller gave up, or there was no other
		code = m.Code
	}
	at := source.When(m.At)
	facts := []source.Fact{t.call(m)}
	for i := range m.Branches {
		leg := m.branchID(i)
		facts = append(append(facts, t.leg(m, i, at, "", "")...),
			source.DialEnded{When: at, From: m.rootID(), To: leg, Outcome: outcomeOf(code)},
			source.LegEnded{When: at, Leg: leg, SIPStatus: code})
	}
	return facts
}

// failed: the call led to nobody. Why is said by what the caller was answered, whichever
// branch failed last; where Kamailio does not know that, nobody has answered in time.
func (t *translator) failed(m *message) []source.Fact {
	if m.Code == 0 && m.Branches > 0 {
		m.Code = 408
	}
	call := t.call(m)
	facts := append(t.branchesFailed(m), source.DialEnded{When: source.When(m.At), From: call.Leg, Outcome: outcomeOf(m.Code)})
	end := source.LegEnded{When: source.When(m.At), Leg: call.Leg, SIPStatus: m.Code, Q850: q850OfStatus(m.Code)}
	switch m.Code {
	case 487: // nobody but the caller ends a call that rings
		end.By = call.Channel
	case 401, 407:
		// Whoever was called asks for credentials, so the caller calls again at once.
		t.asked[call.Leg] = end
		return facts
	}
	return append(facts, end)
}

// patience is how long after it was asked for credentials somebody calls again: as long as
// a transaction of SIP lasts.
const patience = 32 * time.Second

// unanswered ends the calls that were asked for credentials and gave none.
func (t *translator) unanswered(now time.Time) (facts []source.Fact) {
	for _, leg := range slices.Sorted(maps.Keys(t.asked)) {
		if end := t.asked[leg]; now.Sub(end.At()) > patience {
			delete(t.asked, leg)
			facts = append(facts, end)
		}
	}
	return facts
}

// ended: somebody hung up, or the dialog's time was over.
func (t *translator) ended(m *message) []source.Fact {
	const normal, timeout = 16, 102
	call, at := t.call(m), source.When(m.At)
	root := source.LegEnded{When: at, Leg: call.Leg, Q850: cmp.Or(q850Of(string(m.Reason)), normal)}
	byCaller := m.ByTag == m.FromTag
	switch {
	case m.Method != "BYE": // Kamailio itself
		root.Q850 = timeout
	case byCaller:
		root.By = call.Channel
	default:
		root.By = m.branchID(0)
	}
	facts := []source.Fact{call}
	if !time.Time(m.Answered).IsZero() {
		facts = t.answered(m, m.AnsweredBranch, source.When(m.Answered), m.AnsweredIP)
	}
	if root.By == call.Channel {
		facts = append(facts, root)
	}
	for i := range max(m.Branches, m.AnsweredBranch+1) {
		end := root
		if end.Leg = m.branchID(i); m.Method == "BYE" && !byCaller {
			end.By = end.Leg
		}
		facts = append(facts, end)
	}
	if root.By != call.Channel {
		facts = append(facts, root)
	}
	return facts
}

// message: a text goes from one to another. To an operator with telephones on both sides it
// is sent and received.
func (t *translator) message(m *message) []source.Fact {
	from, to := parseURI(m.From), parseURI(m.Dialed)
	f := source.Texted{When: source.When(m.At), ID: fmt.Sprintf("%s;%d", m.rootID(), m.CSeq), From: from.address(), To: to.address(), Text: string(m.Text)}
	inbound, outbound := t.isTrunk(m.IP), t.isTrunk(to.host)
	if inbound {
		f.From = from.user
	}
	if outbound {
		f.To = to.user
	}
	sent := f
	sent.Outbound = true
	switch {
	case inbound:
		return []source.Fact{f}
	case outbound:
		return []source.Fact{sent}
	default:
		return []source.Fact{sent, f}
	}
}
