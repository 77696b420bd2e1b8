package mail

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// billing are the macros of billing.*: of a payment, or of an invoice.
func (m *macros) billing() {
	t := m.moment(m.flat["timestamp"])
	if t.IsZero() {
		t = m.ev.OccurredAt
	}
	switch m.ev.Type {
	case "billing.transaction", "billing.topup":
		transaction := m.transaction(m.date(t))
		m.all.set("transaction", transaction)
		for _, name := range []string{"amount", "response", "success"} { // Kazoo's names of before
			m.all.set(name, transaction[name])
		}
		m.all.set("balance", money(m.flat["balance"]))
		plan := group{}
		for _, name := range []string{"id", "category", "item"} {
			plan.set(name, m.flat.within("service_plan").text(name))
		}
		plan.set("activation_charge", money(m.flat.within("service_plan")["activation_charge"]))
		m.all.set("plan", plan)
	case "billing.low_balance":
		m.all.set("current_balance", money(m.flat["current_balance"]))
		m.all.set("threshold", money(m.flat["threshold"]))
	case "billing.reminder", "billing.service_added":
		m.all.set("timestamp", m.date(t))
		m.all.set("invoice", m.invoice())
		m.all.set("affected", accountMacros(m.env.Account))
		if m.ev.Type == "billing.service_added" {
			m.all.set("time_stamp", m.all["timestamp"]) // Kazoo's name of before
			m.all.set("service_changes", m.quantities())
			m.audit()
		}
	}
}

func (m *macros) transaction(date group) group {
	g := group{}
	g.set("amount", money(m.flat["amount"]))
	g.set("success", m.flat["success"] == true)
	if response := m.flat.within("response"); response != nil {
		g.set("response", response.text("message"))
	} else {
		g.set("response", m.flat.text("response"))
	}
	g.set("id", m.flat.text("id"))
	g.set("add_ons", sum(m.flat["add_ons"]))
	g.set("discounts", sum(m.flat["discounts"]))
	address := group{}
	for _, name := range []string{
		"first_name", "last_name", "company", "street_address", "extended_address", "locality", "region", "postal_code", "country_name", "phone", "email",
	} {
		address.set(name, m.flat.within("billing_address").text(name))
	}
	g.set("address", address)
	g.set("card_last_four", m.flat.text("card_last_four"))
	g.set("tax_amount", money(m.flat["tax_amount"]))
	g.set("date", date)
	g.set("purchase_order", strings.ReplaceAll(m.flat.text("purchase_order"), "_", " "))
	g.set("currency_code", m.flat.text("currency_code"))
	return g
}

// sum is what a list of quantities and amounts comes to; empty where there is none.
func sum(list any) string {
	items, _ := list.([]any)
	if len(items) == 0 {
		return ""
	}
	total := 0.0
	for _, item := range items {
		o, _ := item.(map[string]any)
		amount, _ := number(o["amount"])
		quantity, ok := number(o["quantity"])
		if !ok {
			quantity = 1
		}
		total += quantity * amount
	}
	return money(total)
}

// invoice has its items by their names, as Kazoo has them: {% for name, item in
// invoice.items %}.
func (m *macros) invoice() group {
	g, items, times := group{}, map[string]any{}, map[string]int{}
	var total, discounts float64
	for _, it := range itemsOf(m.flat["items"]) {
		discount, _ := number(it.within("discounts")["total"])
		amount, hasTotal := number(it["total"])
		quantity, hasQuantity := number(it["quantity"])
		changed := changes(it)
		if hasQuantity && quantity == 0 && len(changed) == 0 {
			continue // there are none of it
		}
		rate, hasRate := number(it["rate"])
		if !hasTotal && hasQuantity && hasRate {
			amount, hasTotal = quantity*rate, true
		}
		total += amount
		discounts += discount
		one := group{}
		category, what := title(it.text("category")), title(it.text("item"))
		one.set("category", category)
		one.set("item", what)
		if hasQuantity {
			one.set("quantity", whole(quantity))
		}
		one.set("rate", money(it["rate"]))
		if hasTotal {
			one.set("total", money(amount))
		}
		one.set("discounts", money(discount))
		one.set("changes", changed)
		name := title(it.text("name"))
		if name == "" {
			name = strings.Trim(category+" / "+what, " /")
		}
		if times[name]++; times[name] > 1 {
			name = fmt.Sprintf("%s (%d)", name, times[name])
		}
		if name != "" {
			items[name] = map[string]any(one)
		}
	}
	if len(items) > 0 {
		g.set("items", items)
		g.set("total", money(total))
		g.set("total_discounts", money(discounts))
	}
	// Kazoo has the due date in UTC: it is a day, which must not become the one before.
	utc := &macros{zone: "UTC", location: time.UTC}
	g.set("due_date", utc.date(utc.moment(m.flat["due_date"])))
	m.payment(g)
	return g
}

// quantities are how many there are of each item, by category: what Kazoo's template had
// before it had an invoice.
func (m *macros) quantities() map[string]any {
	all := map[string]any{}
	for _, item := range m.all.within("invoice").within("items") {
		of, _ := item.(map[string]any)
		category, what := group(of).text("category"), group(of).text("item")
		if category == "" || what == "" || of["quantity"] == nil {
			continue
		}
		in, ok := all[category].(map[string]any)
		if !ok {
			in = map[string]any{}
			all[category] = in
		}
		in[what] = of["quantity"]
	}
	return all
}

func itemsOf(v any) []group {
	var items []group
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if o, ok := item.(map[string]any); ok {
				items = append(items, o)
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if o, ok := v[name].(map[string]any); ok {
				item := group{"name": name}
				maps.Copy(item, o)
				items = append(items, item)
			}
		}
	}
	return items
}

// whole is a number without a point, where it needs none.
func whole(f float64) any {
	if n := int64(f); float64(n) == f {
		return n
	}
	return f
}

// title is a name from a billing system, such as sip_device, as people write it.
func title(s string) string {
	s = strings.ReplaceAll(s, "_", " ")
	if strings.EqualFold(strings.TrimSpace(s), "all") {
		return "All"
	}
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return ""
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// changes says what a change of service did to an item, in Kazoo's words: plan_new,
// plan_removed, added or removed.
func changes(item group) group {
	c, g := item.within("changes"), group{}
	quantity, counted := number(item["quantity"])
	difference, differs := number(c.within("difference")["quantity"])
	if differs {
		quantity, counted = math.Abs(difference), true
	}
	switch typ := c.text("type"); {
	case typ == "created":
		g.set("type", "plan_new")
	case typ == "removed":
		g.set("type", "plan_removed")
	case typ == "modified" && difference > 0:
		g.set("type", "added")
	case typ == "modified":
		g.set("type", "removed")
	default:
		return g
	}
	if counted {
		g.set("quantity", whole(quantity))
	}
	return g
}

// payment says how an invoice will be paid. Kazoo has the ways by their ids, the first
// of which counts; others have one.
func (m *macros) payment(g group) {
	token := m.flat.within("payment_token")
	if token["bookkeeper"] == nil {
		if names := slices.Sorted(maps.Keys(token)); len(names) > 0 {
			token = token.within(names[0])
		}
	}
	method := token.text("bookkeeper")
	if method == "braintree" || method == "iou" {
		method = "credit card"
	}
	g.set("method", title(method))
	for _, name := range []string{"card_type", "last_four"} {
		value := token.text(name)
		if value == "" {
			value = token.within("metadata").text(name)
		}
		g.set(name, value)
	}
	way := group{}
	for _, name := range []string{"method", "card_type", "last_four"} {
		way.set(name, g[name])
	}
	g.set("payment_method", way)
}

// audit says whose services were changed, and by whom.
func (m *macros) audit() {
	log := m.flat.within("audit_log")
	audit := log.within("audit")
	by := audit.within("authentication")
	if by == nil {
		by = log.within("authentication")
	}
	g := group{}
	for _, name := range []string{"type", "account_id", "account_name"} {
		g.set(name, by.text(name))
	}
	m.all.set("authentication", g)
	from := audit.within("changes")
	cascade := group{}
	for _, name := range []string{"id", "name", "realm", "language", "timezone"} {
		cascade.set(name, from.text("account_"+name))
	}
	if cascade["id"] != nil && cascade["id"] != m.env.Account.ID {
		m.all.set("cascade", cascade)
		m.all.set("sub_account", cascade) // Kazoo's name of before
	}
	m.all.set("request", map[string]any(audit.within("request")))
}
