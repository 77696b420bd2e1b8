package mail

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// port is the port request, as the event carries it, with Kazoo's macros made of it.
func (m *macros) port() {
	of := m.flat.within("port")
	g := group{}
	for name, value := range of {
		if name != "comments" && name != "ui_metadata" && name != "ui_flags" && !strings.HasPrefix(name, "pvt_") {
			g.set(name, value)
		}
	}
	for _, made := range []string{"numbers", "comment", "reason"} {
		delete(g, made)
	}
	g.set("id", cmp.Or(m.r.PortRequestID, of.text("id"), of.text("port_id")))
	g.set("numbers", m.portNumbers(of))
	if g["name"] == nil { // a request without a name is called by its number
		if numbers, ok := g["numbers"].([]any); ok {
			g.set("name", numbers[0])
		}
	}
	g.set("port_state", cmp.Or(of.text("port_state"), of.text("pvt_port_state"), portState(m.ev.Type)))
	bill := of.within("bill")
	for name := range bill {
		g.set("bill_"+name, bill.text(name))
	}
	g.set("bill_address", cmp.Or(of.text("bill_address"), bill.text("address"), bill.text("street_address")))
	g.set("street_address", cmp.Or(of.text("street_address"), bill.text("street_address"), bill.text("address")))
	g.set("service_provider", cmp.Or(of.text("service_provider"), of.text("carrier"), bill.text("carrier")))
	switch contact := of.within("notifications").within("email")["send_to"].(type) {
	case string:
		g.set("customer_contact", []any{contact})
	case []any:
		g.set("customer_contact", contact)
	}
	g.set("port_scheduled_date", m.date(m.moment(of["scheduled_date"])))
	g.set("requested_port_date", m.date(m.moment(of["transfer_date"])))
	g.set("comment", m.said("comment"))
	g.set("transition_reason", m.said("reason"))
	g.set("authorized_by", m.flat.text("authorized_by"))
	m.all.set("port_request", g)
}

// portState is the state that an event of ours tells, by Kazoo's name.
func portState(eventType string) string {
	state := strings.TrimPrefix(eventType, "port.")
	switch state {
	case "requested":
		return "submitted"
	case "commented":
		return ""
	default:
		return state
	}
}

// portNumbers are the numbers that are ported: an object's names, a list, or the one
// that the event is about.
func (m *macros) portNumbers(of group) []any {
	var numbers []string
	switch v := of["numbers"].(type) {
	case map[string]any:
		numbers = slices.Sorted(maps.Keys(v))
	case []any:
		for _, n := range v {
			numbers = append(numbers, plain(n))
		}
	}
	if len(numbers) == 0 {
		numbers = append(numbers, m.flat.text("number"))
	}
	var list []any
	for _, n := range numbers {
		if n = phone(n); n != "" {
			list = append(list, n)
		}
	}
	return list
}

// said is a comment, or the reason of a change: a text, or an object with its author.
func (m *macros) said(name string) group {
	g := group{}
	if text, ok := m.flat[name].(string); ok {
		g.prose("content", text)
		g.set("date", m.date(m.ev.OccurredAt))
		return g
	}
	of := m.flat.within(name)
	content, _ := of["content"].(string)
	g.prose("content", content)
	if g["content"] == nil {
		return nil
	}
	t := m.moment(of["timestamp"])
	if t.IsZero() {
		t = m.ev.OccurredAt
	}
	g.set("date", m.date(t))
	g.set("author", of.text("author"))
	user := userMacros(of.within("user"))
	if len(user) == 0 {
		user = userMacros(of.within("authorization").within("user"))
	}
	g.set("user", user)
	return g
}
