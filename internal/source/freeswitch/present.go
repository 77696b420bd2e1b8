package freeswitch

import (
	"cmp"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/source"
)

// What there is, is asked for in several lists, one after the other, while events go on. Each
// is asked for as a job (bgapi), for its result comes as an event, in order with the others.
// The lists of channels and phones are made of what FreeSWITCH has in its database, which is
// a moment behind the events. When all are there they are one Present. The facts that come
// meanwhile are told too, before it.

// A present is what there is, as far as it was listed.
type present struct {
	*source.Snapshot
	t     *translator
	left  []string          // commands that are to be given
	told  map[string]bool   // the lists that FreeSWITCH has
	pairs map[string]string // who hears whom, as listed
}

// The lists. showChannels is the one without which there is no Present.
const (
	showChannels      = "show channels as json"
	showBridged       = "show bridged_calls as json"
	showRegistrations = "show registrations as json"
	listAgents        = "callcenter_config agent list"
	listQueues        = "callcenter_config queue list"
	listMembers       = "callcenter_config queue list members "
	valetInfo         = "valet_info"
)

// mostQueues bounds how many queues are asked who waits in them.
const mostQueues = 2000

func newPresent(t *translator) *present {
	return &present{
		Snapshot: source.NewSnapshot(), t: t, told: map[string]bool{}, pairs: map[string]string{},
		left: []string{listAgents, listQueues, valetInfo, showRegistrations, showBridged, showChannels},
	}
}

// next is the command to be given now, empty if all were.
func (p *present) next() string {
	if len(p.left) == 0 {
		return ""
	}
	return p.left[0]
}

// take takes the answer to a command. What is refused is a module that is not there, or a
// right.
func (p *present) take(command, answer string, at time.Time) error {
	p.left = p.left[1:]
	when := source.When(at)
	if strings.HasPrefix(answer, "-") {
		if command == showChannels {
			return refusal{command, strings.TrimSpace(answer) + ". It needs show in esl-allowed-api"}
		}
		return nil
	}
	p.told[command] = true
	switch {
	case command == showChannels:
		return p.channels(answer, when)
	case command == showBridged:
		return p.bridged(answer)
	case command == showRegistrations:
		return p.registrations(answer, when)
	case command == listAgents:
		for _, row := range table(answer) {
			for _, f := range p.t.agentIs(row["name"], row["status"], row["state"], when) {
				p.Apply(f)
			}
		}
	case command == listQueues:
		for _, row := range table(answer) {
			if name := row["name"]; name != "" && len(p.left) < mostQueues {
				p.left = append([]string{listMembers + name}, p.left...)
			}
		}
	case strings.HasPrefix(command, listMembers):
		p.members(strings.TrimPrefix(command, listMembers), answer, when)
	case command == valetInfo:
		p.lots(answer, when)
	}
	return nil
}

// rows are those of a list as JSON. Nearly all values are texts.
func rows(answer string) ([]map[string]string, error) {
	var list struct {
		Rows []map[string]json.RawMessage `json:"rows"`
	}
	if err := json.Unmarshal(fromLatin1([]byte(answer)), &list); err != nil {
		return nil, fmt.Errorf("a list of FreeSWITCH's cannot be read: %w", err)
	}
	all := make([]map[string]string, len(list.Rows))
	for i, row := range list.Rows {
		all[i] = make(map[string]string, len(row))
		for name, value := range row {
			var text string
			if json.Unmarshal(value, &text) != nil {
				text = string(value)
			}
			all[i][name] = text // empty for null
		}
	}
	return all, nil
}

// table reads lines with a head, their fields between bars, up to +OK.
func table(answer string) (all []map[string]string) {
	var head []string
	for line := range strings.Lines(answer) {
		fields := strings.Split(strings.TrimRight(line, "\r\n"), "|")
		switch {
		case strings.HasPrefix(line, "+OK"), strings.TrimSpace(line) == "":
		case head == nil:
			head = fields
		default:
			row := map[string]string{}
			for i, name := range head {
				if i < len(fields) {
					row[name] = fields[i]
				}
			}
			all = append(all, row)
		}
	}
	return all
}

func (p *present) channels(answer string, at source.When) error {
	list, err := rows(answer)
	if err != nil {
		return err
	}
	inbound := map[string]bool{}
	for _, row := range list {
		inbound[row["uuid"]] = row["direction"] == "inbound"
	}
	for _, row := range list {
		id, peer := row["uuid"], p.pairs[row["uuid"]]
		if id == "" || p.Ended(id) || row["callstate"] == "HANGUP" {
			continue
		}
		// An agent's leg has a call of its own, until somebody hears it.
		if call := row["call_uuid"]; (call == "" || call == id) && inbound[peer] {
			row["call_uuid"] = peer
		}
		p.channel(id, row, at)
	}
	for a, b := range p.pairs {
		if a < b && p.t.legs[a] != nil && p.t.legs[b] != nil {
			for _, leg := range []string{a, b} {
				p.Apply(source.BridgeEntered{When: at, Bridge: bridgeID(a, b), Leg: leg})
			}
			p.t.meet(a, b, at)
		}
	}
	return nil
}

// channel is one of the list. It says where it came from by initial_dest, which transfers
// leave as it is; what it belongs to by call_uuid, which a first leg has not until it is
// bridged.
func (p *present) channel(id string, row map[string]string, at source.When) {
	m := Message{
		"Event-Name": "CHANNEL_DATA", "Unique-ID": id, "Call-Direction": row["direction"], "Channel-Name": row["name"], "Channel-Presence-ID": row["presence_id"],
		"Caller-Context": cmp.Or(row["initial_context"], row["context"]), "Caller-Destination-Number": cmp.Or(row["initial_dest"], row["dest"]),
		"Caller-Caller-ID-Number": cmp.Or(row["initial_cid_num"], row["cid_num"]), "Caller-Caller-ID-Name": cmp.Or(row["initial_cid_name"], row["cid_name"]),
		"Caller-Callee-ID-Number": row["callee_num"], "Caller-Callee-ID-Name": row["callee_name"], "variable_accountcode": row["accountcode"],
	}
	if strings.EqualFold(userOf(row["name"]), "anonymous") { // who it is stands there all the same
		m["Caller-Privacy-Hide-Number"] = "true"
	}
	if user, domain, is := strings.Cut(row["presence_id"], "@"); is && row["direction"] == "outbound" {
		m["variable_dialed_user"], m["variable_dialed_domain"] = user, domain
	} else if is && profileOf(row["name"]) != "external" {
		m["variable_user_name"], m["variable_domain_name"] = user, domain
	}
	if call := row["call_uuid"]; call != "" && call != id && row["direction"] == "outbound" {
		m["variable_originator"] = call
	}
	switch row["callstate"] {
	case "ACTIVE", "HELD", "UNHELD", "RING_WAIT":
		m["Answer-State"] = "answered"
	}
	began := at
	if seconds := number(row["created_epoch"]); seconds > 0 {
		began = source.When(time.Unix(int64(seconds), 0).UTC())
	}
	if p.t.legs[id] == nil {
		for _, f := range p.t.start(m, began) {
			if f, is := f.(source.LegStarted); is {
				f.Ringing = f.Outbound && (row["callstate"] == "RINGING" || row["callstate"] == "EARLY")
				p.Listed(f, "")
			}
		}
		p.t.legs[id].listed = true
	}
	if row["application"] == "park" {
		p.Apply(source.Parking{When: at, Leg: id, Step: source.Parked})
	}
}

// bridged are pairs that hear one another.
func (p *present) bridged(answer string) error {
	list, err := rows(answer)
	if err != nil {
		return err
	}
	for _, row := range list {
		if a, b := row["uuid"], row["b_uuid"]; a != "" && b != "" {
			p.pairs[a], p.pairs[b] = b, a
		}
	}
	return nil
}

// registrations are phones. One that has two is on a profile that takes several.
func (p *present) registrations(answer string, at source.When) error {
	list, err := rows(answer)
	if err != nil {
		return err
	}
	for _, row := range list {
		f := source.Registered{
			When: at, Device: row["reg_user"], Domain: row["realm"], Contact: contactOf(row["url"]),
			IP: row["network_ip"], Port: number(row["network_port"]), Status: "registered",
		}
		if f.Device == "" {
			continue
		}
		if until, err := strconv.ParseInt(row["expires"], 10, 64); err == nil && until > 0 {
			left := max(0, until-at.At().Unix())
			f.Expires = &left
		}
		key := f.Device + "@" + f.Domain
		if known := p.t.phones.all[key]; !slices.Contains(known, f.Contact) {
			p.t.phones.all[key] = append(slices.Clip(known), f.Contact)
		}
		p.Apply(f)
	}
	for _, contacts := range p.t.phones.all {
		p.t.phones.several = p.t.phones.several || len(contacts) > 1
	}
	return nil
}

// members are the callers of a queue. Those who talk are in the list too.
func (p *present) members(queue, answer string, at source.When) {
	for _, row := range table(answer) {
		leg := row["session_uuid"]
		if state := row["state"]; leg == "" || state != "Waiting" && state != "Trying" {
			continue
		}
		joined := at
		if seconds := number(row["joined_epoch"]); seconds > 0 {
			joined = source.When(time.Unix(int64(seconds), 0).UTC())
		}
		p.Apply(source.QueueJoined{When: joined, Queue: queue, Leg: leg})
	}
}

// lots are the valet parking lots: <lots><lot name=…><extension uuid=…>6001</extension>.
func (p *present) lots(answer string, at source.When) {
	var lots struct {
		Lots []struct {
			Name  string `xml:"name,attr"`
			Slots []struct {
				Leg    string `xml:"uuid,attr"`
				Number string `xml:",chardata"`
			} `xml:"extension"`
		} `xml:"lot"`
	}
	if xml.Unmarshal([]byte(answer), &lots) != nil {
		p.told[valetInfo] = false
		return
	}
	for _, lot := range lots.Lots {
		for _, slot := range lot.Slots {
			p.Apply(source.Parking{When: at, Leg: slot.Leg, Lot: lot.Name, Slot: strings.TrimSpace(slot.Number), Step: source.Parked})
		}
	}
}

// fact is what there is. A list that FreeSWITCH does not have is nil.
func (p *present) fact(at time.Time) source.Present {
	return p.Present(at, source.Lists{
		Waiting: p.told[listQueues], Agents: p.told[listAgents], Devices: p.told[showRegistrations], Parked: p.told[valetInfo],
	}, strings.Compare)
}
