package kazoo

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect"
)

// flow makes the request of a call flow's webhook action, which goes to the address
// that the event itself names; w is what dialect.ForFlow makes of that.
//
// Kazoo's webhooks application fires it as a hook of its own, always as a form: the
// data about the call, custom_data without the filter keys type and action, and
// cluster_id. It has no document, so X-Hook-ID is what the call flow made up for an
// id, the Gregorian second (cf_webhook.erl).
func (p *payload) flow(w *switchhook.Webhook) *dialect.Request {
	flat := p.flat()
	hook := parsed(flat.Get("hook")).members
	p.members = append(p.members, normalized(flat.Get("data")).members...)
	if !p.secrets {
		mask(p.members)
	}
	var custom members
	for _, key := range slices.Sorted(maps.Keys(w.CustomData)) {
		custom.add(key, value{kind: text, text: w.CustomData[key]})
	}
	if own := hook.get("custom_data"); own != nil { // in the order that it came in
		custom = own.members
	}
	for _, m := range custom {
		if m.name != "type" && m.name != "action" {
			p.add(m.name, m.value)
		}
	}
	p.members = p.once()
	p.set("cluster_id", textOf(cmp.Or(p.cluster, p.told("cluster_id"), defaultCluster)))
	reached := p.given(flat, "timestamp")
	if reached.kind == null {
		reached = moment(p.ev.OccurredAt)
	}
	id := plain(reached)
	if given := hook.get("_id"); given != nil && given.kind != null {
		id = plain(*given)
	}
	p.body = appendForm(p.body, p.members)
	return formRequest(strings.ToUpper(cmp.Or(w.Method, http.MethodPost)), w.URL, id, cmp.Or(hook.textAt("pvt_account_id"), p.account()), p.body)
}

// plain is a text's content, and any other value as JSON.
func plain(v value) string {
	if v.kind == text {
		return v.text
	}
	return string(canonical(v))
}
