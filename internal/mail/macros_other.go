package mail

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/switchhook/switchhook"
)

// others are the macros of types that have a template of their own each.
func (m *macros) others() {
	switch m.ev.Type {
	case "call.missed":
		m.missed()
	case "emergency.bridged", "emergency.denied":
		m.emergency()
	case "number.cnam_requested", "number.feature_manual_action":
		m.numbers()
	case "account.created":
		m.all.set("admin", m.all["user"])
	case "account.zone_changed":
		m.all.set("zones", m.flat["zones"])
	case "account.first_occurrence":
		m.all.set("event", m.flat.text("occurrence"))
		m.all.set("occurrence", m.flat.text("occurrence"))
	case "account.customer_update":
		m.all.set("databag", m.flat["databag"])
	case "user.created", "user.password_recovery":
		m.users()
	case "system.alert":
		m.alert()
	case "webhook.disabled":
		m.webhook()
	case "notification.custom":
		m.custom()
	}
}

func (m *macros) emergency() {
	g := group{}
	for name := range m.flat {
		if name != "emergency_notification_contact_emails" {
			g.set(name, m.flat.text(name))
		}
	}
	for _, name := range []string{"emergency_caller_id_number", "outbound_caller_id_number"} {
		g.set(name, phone(m.flat.text(name)))
	}
	if test, ok := m.flat["emergency_test_call"].(bool); ok {
		g.set("emergency_test_call", test)
	}
	if emails, ok := m.flat["emergency_notification_contact_emails"].([]any); ok {
		g.set("emergency_notification_contact_emails", emails)
	}
	m.all.set("call", g)
}

func (m *macros) numbers() {
	request, cnam, feature := group{}, group{}, group{}
	request.set("number", phone(m.flat.text("number")))
	request.set("number_state", strings.ReplaceAll(m.flat.text("number_state"), "_", " "))
	if local, ok := m.flat["local_number"].(bool); ok {
		request.set("local_number", local)
	}
	request.set("acquired_for", m.flat.text("acquired_for"))
	m.all.set("request", request)
	cnam.set("display_name", m.flat.within("cnam").text("display_name"))
	if lookup, ok := m.flat.within("cnam")["inbound_lookup"].(bool); ok {
		cnam.set("inbound_lookup", lookup)
	}
	m.all.set("cnam", cnam)
	for _, name := range []string{"name", "action", "provider"} {
		feature.set(name, m.flat.within("feature").text(name))
	}
	m.all.set("feature", feature)
}

// users adds to the directory's record what the event says of the user.
func (m *macros) users() {
	user := group{}
	for name, value := range group(m.all).within("user") {
		user.set(name, value)
	}
	user.set("id", m.r.UserID)
	for _, name := range []string{"first_name", "last_name", "email", "timezone", "password"} {
		user.set(name, m.flat.text(name))
	}
	user.set("full_name", fullName(user))
	m.all.set("user", user)
	reset, _ := m.flat["password_reset_link"].(string)
	m.all.set("link", reset)
}

// alert is what the system says of itself. Kazoo's request is all of it but the message.
func (m *macros) alert() {
	message, _ := m.flat["message"].(string)
	m.all.prose("message", message)
	request := group{}
	for name, value := range m.flat {
		if !slices.Contains([]string{"details", "message", "subject", "notification"}, name) {
			request.set(name, value)
		}
	}
	if request["msg_id"] == nil { // Kazoo's own is gone when the event is here
		request.set("msg_id", m.ev.ID)
	}
	m.all.set("request", request)
	m.all.set("subject", m.flat.text("subject"))
	switch details := m.flat["details"].(type) {
	case string:
		g := group{}
		g.prose("message", details)
		m.all.set("details", g)
	case map[string]any:
		for name, g := range detailsOf(details) {
			m.all.set(name, map[string]any(g)) // as a list: of bounded length
		}
		var headers []any // Kazoo has these as a list
		for _, name := range slices.Sorted(maps.Keys(m.all.within("http_headers"))) {
			headers = append(headers, name+": "+m.all.within("http_headers").text(name))
		}
		delete(m.all, "http_headers")
		m.all.set("http_headers", headers)
	}
}

// detailsOf are the details of an alert by what they are of, as Kazoo groups them.
func detailsOf(details map[string]any) map[string]group {
	groups := map[string]string{
		"key_value_store": "key_store", "custom_channel_vars": "channel_vars", "custom_sip_headers": "sip_headers",
		"cf_flow": "callflow", "error_details": "error_details", "reply_headers": "http_headers",
	}
	all := map[string]group{}
	put := func(in, name string, value any) {
		if all[in] == nil {
			all[in] = group{}
		}
		all[in].prose(line(name), plain(value))
	}
	for name, value := range details {
		members, isObject := value.(map[string]any)
		switch in := groups[name]; {
		case in != "" && isObject:
			for name, value := range members {
				put(in, name, value)
			}
		case in != "" || strings.HasPrefix(name, "cf_"):
			put(cmp.Or(in, "callflow"), name, value)
		default:
			put("details", name, value)
		}
	}
	return all
}

// plain is a value as a reader sees it: a text as it is, anything else as JSON.
func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		b, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return string(b)
	}
}

func (m *macros) webhook() {
	w := cmp.Or(m.env.Webhook, &switchhook.Webhook{})
	g := group{}
	g.set("id", cmp.Or(m.r.HookID, w.ID))
	g.set("name", cmp.Or(m.flat.text("name"), w.Name))
	g.set("uri", w.URL)
	g.set("event", strings.Join(w.Events, ", "))
	g.set("disable_reason", cmp.Or(m.flat.text("reason"), w.DisableReason))
	m.all.set("hook", g)
}

// custom adds all that the event says, under its own names, beside what every mail has; and
// under call, as Kazoo has it.
func (m *macros) custom() {
	m.kazoo5()
	if m.flat["call"] == nil {
		call := maps.Clone(m.flat)
		delete(call, "notification")
		m.all.set("call", map[string]any(call))
	}
	for name, value := range m.flat {
		if m.all[name] != nil || name == "event" || name == "notification" {
			continue
		}
		text, isText := value.(string)
		if isText {
			if value = said(name, text); value == "" {
				continue
			}
		}
		if name = shorten(line(name), mostLine); isText {
			m.all[name] = value
		} else {
			m.all.set(name, value)
		}
	}
}
