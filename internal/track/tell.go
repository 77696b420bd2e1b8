package track

import (
	"cmp"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
)

// tell adds an event of a call. It is named by what it is about besides.
func (t *Tracker) tell(c *call, typ string, at time.Time, r *switchhook.Resources, name ...string) *switchhook.Event {
	if r == nil {
		r = &switchhook.Resources{}
	}
	if r.Call == nil {
		r.Call = &switchhook.Call{ID: c.Root}
	}
	t.touch(c)
	return t.event(c.Account, typ, c.moment(at), r, append(name, c.Root)...)
}

// moment is a time in a call's life, which does not go back: two interfaces of a system may
// tell theirs with different precision.
func (c *call) moment(at time.Time) time.Time {
	if at.Before(c.Last) {
		return c.Last
	}
	c.Last = at
	return at
}

// tellLeg adds an event of a leg: call.* of the first one, leg.* of the others. Those that
// can come more than once are named by their time.
func (t *Tracker) tellLeg(l *leg, what string, at time.Time, call *switchhook.Call) {
	family := "call."
	call.ID = l.ID
	if !l.isRoot() {
		family, call.RootID = "leg.", l.call.Root
	}
	name := []string{l.ID}
	if !strings.Contains("created ringing answered hungup", what) {
		name = append(name, stamp(at))
	}
	t.tell(l.call, family+what, at, &switchhook.Resources{Call: call}, name...)
}

// tellExtension adds an event of the extension that a leg leads to.
func (t *Tracker) tellExtension(l *leg, what string, at time.Time) {
	t.tell(l.call, "extension."+what, at, &switchhook.Resources{Extension: l.extension()}, l.ID)
}

// described is what is known of a leg from its beginning.
func (l *leg) described() *switchhook.Call {
	call := &switchhook.Call{}
	if l.More != nil {
		*call = *l.More
	} else if l.Device != "" {
		if call.AuthorizingID, call.AuthorizingType = l.Device, "device"; l.Trunk {
			call.AuthorizingType, call.ResourceID = "resource", l.Device
		}
	}
	if call.ID, call.LegDirection = l.ID, "inbound"; l.Outbound {
		call.LegDirection = "outbound"
	}
	if len(l.Vars) > 0 {
		call.Vars = pack(l.Vars)
	}
	call.Extra = pack(struct {
		Channel   string `json:"channel,omitzero"`
		LinkedID  string `json:"linked_id,omitzero"`
		Context   string `json:"context,omitzero"`
		SIPCallID string `json:"sip_call_id,omitzero"`
	}{l.Channel, l.Tie, l.Context, l.SIP})
	return call
}

// complete adds to what the legs say of who is at a call's ends what the system says of
// them besides. It is told once.
func (l *leg) complete(call *switchhook.Call) {
	if l.More == nil {
		return
	}
	call.From, call.To = party(call.From, l.More.From), party(call.To, l.More.To)
	l.More = nil
}

// party is one as the legs show it, with its URI.
func party(shown, more *switchhook.Party) *switchhook.Party {
	if shown == nil || more == nil {
		return cmp.Or(shown, more)
	}
	p := *shown
	p.URI = more.URI
	return &p
}

// legCreated tells of a further leg.
func (t *Tracker) legCreated(l *leg, at time.Time) {
	c := l.call
	call := l.described()
	call.ParentID, call.Direction, call.To = t.parent(l), c.Direction, l.end()
	if r := c.root(); r != nil {
		call.From = r.end()
	}
	l.complete(call)
	switch l.Phase {
	case begun, over:
	case ringing:
		call.Status = "ringing"
	case answered:
		call.Status = "answered"
	}
	t.tellLeg(l, "created", at, call)
}

// parent is the leg on whose behalf another was made: who dialled it, through whatever
// lies hidden between, else the first.
func (t *Tracker) parent(l *leg) string {
	for range 8 {
		from := t.legs[l.From]
		if from == nil || from.call != l.call {
			break
		}
		if !from.Hidden {
			return from.ID
		}
		if l = from; l.From == "" && t.legs[l.Twin] != nil {
			l = t.legs[l.Twin]
		}
	}
	return l.call.Root
}
