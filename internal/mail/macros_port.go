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
	if of == nil {
		of = objectOf(m.env.Port)
	}
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
	g.set("bill", billOf(bill))
	g.set("bill_address", cmp.Or(of.text("bill_address"), bill.text("address"), bill.text("street_address")))
	g.set("street_address", cmp.Or(of.text("street_address"), bill.text("street_address"), bill.text("address")))
	g.set("service_provider", cmp.Or(of.text("service_provider"), of.text("carrier"), bill.text("carrier")))
	switch contact := of.within("notifications").within("email")["send_to"].(type) {
	case string:
		g.set("customer_contact", []any{contact})
	case []any:
		g.set("customer_contact", contact)
	}
	g.set("losing_carrier", cmp.Or(of.text("losing_carrier"), of.text("carrier"), bill.text("carrier")))
	if of.within("port_authority") == nil { // who does the port: whom the account has its service of
		g.set("port_authority", m.all["reseller"])
	}
	m.portDates(g, of)
	comment, reason := m.said("comment"), m.said("reason")
	maps.Copy(comment, group(comment).within("user")) // Kazoo has the writer there too
	g.set("comment", comment)
	g.set("transition_reason", reason)
	g.set("authorized_by", m.flat.text("authorized_by"))
	m.all.set("port_request", g)
	if m.ev.Type == "port.commented" {
		delete(m.all, "user") // here it is who wrote the comment, as far as that is known
		m.all.set("user", comment.within("user"))
	}
}

// portDates are the days of a port request.
func (m *macros) portDates(g, of group) {
	for name, from := range map[string]string{
		"port_scheduled_date": "scheduled_date", "requested_port_date": "transfer_date", "ported_date": "ported_date",
		"signing_date": "signing_date", "created": cmp.Or(known(of, "created"), "pvt_created"),
		"scheduled_date": "scheduled_date", "transfer_date": "transfer_date",
	} {
		if t := m.moment(of[from]); !t.IsZero() {
			g.set(name, m.date(t))
		}
	}
	if g["ported_date"] == nil && m.ev.Type == "port.completed" {
		g.set("ported_date", m.date(m.ev.OccurredAt))
	}
}

// known is a member's name, if there is one.
func known(of group, name string) string {
	if of[name] == nil {
		return ""
	}
	return name
}

// billOf is a port request's bill, in the two parts that Kazoo makes of it.
func billOf(bill group) group {
	account, address := group{}, group{}
	account.set("number", bill.text("account_number"))
	for _, name := range []string{"pin", "btn"} {
		account.set(name, bill.text(name))
	}
	address.set("street_name", cmp.Or(bill.text("street_address"), bill.text("address")))
	for _, name := range []string{"name", "street_pre_dir", "street_number", "street_type", "street_post_dir", "extended_address", "locality", "region", "postal_code"} {
		address.set(name, bill.text(name))
	}
	g := group{}
	g.set("account", account)
	g.set("address", address)
	return g
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
	g.set("timestamp", m.date(t))
	g.set("user", m.author(of))
	g.set("author", g.within("user").text("author"))
	return g
}

// author is who said something: the event says it, or the directory, which knows users by
// their ids. Of some only the name is known.
func (m *macros) author(of group) group {
	user := userMacros(of.within("user"))
	if len(user) == 0 {
		user = userMacros(of.within("authorization").within("user"))
	}
	if env := objectOf(m.env.User); len(user) == 0 && env["id"] != nil && env["id"] == of["user_id"] {
		user = userMacros(env)
	}
	name := cmp.Or(of.text("author"), user.text("full_name"))
	if len(user) == 0 {
		user.set("first_name", name)
		user.set("full_name", name)
	}
	user.set("author", name)
	return user
}
