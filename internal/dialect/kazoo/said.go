package kazoo

import (
	"cmp"
	"slices"
	"strings"

	"github.com/switchhook/switchhook"
)

// What a Kazoo said is the payload that came in, which internal/source/kazoo keeps as
// the event's Original. It goes out again: in its order, with
// what the catalogue has no place for, with its ids and that Kazoo's own
// custom_data, and without what this package would say of an event that it
// made up itself.
type said struct {
	v2      bool
	typed   bool // not a form, which has lost the types of its values
	payload members
	gaps    []int // the places of a form's empty segments
}

// saidOf is what a Kazoo said; nil where the event did not come from one.
func saidOf(ev *switchhook.Event) *said {
	o := ev.OriginalOf(name)
	if o == nil {
		return nil
	}
	// The translator has written it.
	return &said{v2: o.Version == "v2", typed: o.Format == "json", payload: parsed([]byte(o.Body)).members, gaps: o.Gaps}
}

// asSaid reports whether the payload is to be what was said: it is of the version
// that the webhook wants.
func (p *payload) asSaid() bool { return p.said != nil && p.said.v2 == p.v2 }

// whole reports whether what was said has all that the payload needs.
func (s *said) whole(typed bool) bool { return s.typed || !typed }

// told is a text that a Kazoo said, in v2 within the data.
func (p *payload) told(name string) string {
	if p.said == nil {
		return ""
	}
	return p.said.fields().textAt(name)
}

// account is the event's account: as the Kazoo called it that the event came from,
// for that is the name that its customers know, else ours in Kazoo's form.
func (p *payload) account() string {
	if p.said == nil {
		return p.d.accountID(p.ev.AccountID)
	}
	fields := p.said.fields()
	for _, in := range []string{"custom_channel_vars", "metadata"} {
		if inner := fields.get(in); inner != nil && p.said.v2 && fields.textAt("account_id") == "" {
			fields = inner.members
		}
	}
	return cmp.Or(fields.textAt("account_id"), p.d.accountID(p.ev.AccountID))
}

// fields are the members of what was said, without the envelope of v2, which Kazoo 5
// puts around one of its v1 payloads too (account_deleted).
func (s *said) fields() members {
	if data := s.payload.get("data"); data != nil && data.kind == object && s.payload.textAt("action") == "event" {
		return data.members
	}
	if s.v2 {
		return nil
	}
	return s.payload
}

// over is what was said with the types that it has in ours.
func (s *said) over(ours members) members {
	out, find := make(members, 0, len(s.payload)), ours.finder()
	for i := range s.payload {
		m := &s.payload[i]
		out.add(m.name, typed(m.value, find(m.name)))
	}
	return out
}

// typed is what a form said with the type that it has in ours, where both say the
// same.
func typed(said value, ours *value) value {
	switch {
	case ours == nil:
	case said.kind == text && (ours.kind == number || ours.kind == integer || ours.kind == boolean):
		if string(canonical(*ours)) == said.text {
			return *ours
		}
	case said.kind == object && ours.kind == object:
		find := ours.members.finder()
		said.members = slices.Clone(said.members)
		for i := range said.members {
			m := &said.members[i]
			m.value = typed(m.value, find(m.name))
		}
	}
	return said
}

// withGaps puts a form's empty segments where they stood: they are the objects and
// lists without members, whose names a form does not tell.
func withGaps(form []byte, gaps []int) []byte {
	if len(gaps) == 0 {
		return form
	}
	segments := strings.Split(string(form), "&")
	all := make([]string, 0, len(segments)+len(gaps))
	for len(segments) > 0 || len(gaps) > 0 && gaps[0] == len(all) {
		if len(gaps) > 0 && gaps[0] == len(all) {
			all, gaps = append(all, ""), gaps[1:]
		} else {
			all, segments = append(all, segments[0]), segments[1:]
		}
	}
	return append(form[:0], strings.Join(all, "&")...)
}

// relayed makes the payload of a hook that the catalogue has no type for, where it
// is not to be what was said to the letter.
func relayed(p *payload) {
	if p.said == nil {
		return
	}
	for _, m := range p.said.fields() {
		if m.name != "cluster_id" && m.name != "hook_event" && !private(m.name) {
			p.add(m.name, m.value)
		}
	}
	switch {
	case p.v2:
	case strings.HasPrefix(p.name, "channel_"):
		p.text("hook_event", p.name)
	default:
		p.text("event_name", p.name)
	}
}
