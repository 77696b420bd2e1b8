package mail

import (
	"cmp"
	"maps"
	"strings"
)

// kazoo5 are the macros of the templates that came with Kazoo 5 and that no event type
// feeds. Kazoo has the data flat in its message, under the names that its macros have;
// ours, in notify, become these.
func (m *macros) kazoo5() {
	notify := m.flat.within("notify")
	switch m.flat.text("template_id") {
	case "conference_email_invite":
		m.all.set("invite", m.invite(notify))
	case "desktop_app_welcome", "desktop_webphone_enabled":
		desktop := group{}
		desktop.set("app_name", cmp.Or(m.flat.within("desktop").text("app_name"), m.flat.text("desktop_app_name")))
		desktop.set("webphone_enabled", m.flat.within("desktop")["webphone_enabled"] == true || m.flat["webphone_enabled"] == true)
		m.all.set("desktop", desktop)
		m.all.set("branding", m.branding())
	case "email_verification":
		m.all.set("verification_code", cmp.Or(m.flat.text("verification_code"), notify.text("code")))
	}
}

// invite is an invitation to a conference.
func (m *macros) invite(notify group) group {
	conference := notify.within("conference")
	one := func(name string) any {
		if text := phone(conference.text(name)); text != "" {
			return []any{text}
		}
		return nil
	}
	given := map[string]any{
		"conference_id": conference.text("id"), "conference_name": conference.text("name"), "conference_numbers": one("number"),
		"conference_call_in_numbers": one("number"), "conference_participant_pins": one("pin"),
	}
	maps.Copy(given, m.flat)
	maps.Copy(given, m.flat.within("invite"))
	g := group{}
	for name, value := range given {
		if strings.HasPrefix(name, "conference_") && name != "conference_link" {
			g.set(name, value)
		}
	}
	g.set("conference_link", link(cmp.Or(group(given).text("conference_link"), conference.text("link"))))
	message, ok := given["invite_message"].(string)
	if !ok {
		message, _ = notify["message"].(string)
	}
	g.prose("invite_message", message)
	numbers, _ := g["conference_numbers"].([]any)
	texts := make([]string, 0, len(numbers))
	for _, n := range numbers {
		texts = append(texts, plain(n))
	}
	g.set("conference_numbers_formatted", strings.Join(texts, ", "))
	return g
}

// branding is the brand by the names that it has in Kazoo's whitelabel documents, and
// what of them came with the event.
func (m *macros) branding() group {
	g := group{}
	for _, whose := range []string{"account", "reseller"} {
		of := group{}
		of.set("companyName", m.env.Brand.Name)
		of.set("company_name", m.env.Brand.Name)
		of.set("brandColor", m.all.within("brand").text("accent"))
		for name, value := range m.flat.within("branding").within(whose) {
			of.set(name, value)
		}
		g.set(whose, of)
	}
	return g
}
