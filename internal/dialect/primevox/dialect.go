// Package primevox is PrimeVOX's dialect: the real-time events of its page
// "Webhooks (Real-Time Events)", each a template with its own parameters in its
// own order. table.go has the templates as the page prints them; all that is
// done here is to fill them in.
package primevox

import (
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// A Dialect makes PrimeVOX's posts.
type Dialect struct {
	env    dialect.Env
	events []event
	table  []dialect.Row
}

var (
	_ dialect.Dialect     = (*Dialect)(nil)
	_ dialect.Classing    = (*Dialect)(nil)
	_ dialect.Identifying = (*Dialect)(nil)
)

// New returns the dialect.
func New(env dialect.Env) *Dialect {
	d := &Dialect{env: env, events: events()}
	for i := range d.events {
		e := &d.events[i]
		e.parts = split(e.template)
		d.table = append(d.table, dialect.Row{Type: e.typ, Name: e.name, Formats: []string{e.format()}, Note: e.note})
	}
	return d
}

// split cuts a template at its placeholders: text, placeholder, text and so on.
func split(template string) []string {
	placeholder := regexp.MustCompile(`\{([A-Z_]+)\}`)
	var parts []string
	for {
		at := placeholder.FindStringSubmatchIndex(template)
		if at == nil {
			return append(parts, template)
		}
		parts = append(parts, template[:at[0]], template[at[2]:at[3]])
		template = template[at[1]:]
	}
}

// Name is primevox.
func (*Dialect) Name() string { return "primevox" }

// Table lists PrimeVOX's eleven events.
func (d *Dialect) Table() []dialect.Row { return d.table }

// Freshness is live for what drives a screen pop: PrimeVOX tells of a call and of a
// caller in a queue when they come, for programs that show them.
func (*Dialect) Freshness(eventType string, usual catalogue.Freshness) catalogue.Freshness {
	if eventType == "call.created" || eventType == "queuecall.created" {
		return catalogue.Live
	}
	return usual
}

// EventName is eventType, or eventType/eventTarget where PrimeVOX has both.
func (d *Dialect) EventName(ev *switchhook.Event) string {
	ev = dialect.Decoded(ev)
	if e := d.event(ev); e != nil {
		return e.name
	}
	return ""
}

// event is what PrimeVOX makes of an event: nil for the internal calls and for
// the end of outbound ones.
func (d *Dialect) event(ev *switchhook.Event) *event {
	direction := ""
	if ev.Resources != nil && ev.Resources.Call != nil {
		direction = ev.Resources.Call.Direction
	}
	i := slices.IndexFunc(d.events, func(e event) bool {
		return e.typ == ev.Type && (e.direction == "" || e.direction == direction)
	})
	if i < 0 {
		return nil
	}
	return &d.events[i]
}

// IDs lists the account: its id is that of a container and, if it is not the
// default one, of a tenant in it.
func (*Dialect) IDs() []dialect.IDKind {
	return []dialect.IDKind{
		{Schema: "account", OfAccount: true, Form: "a container, or a tenant of it, such as 482915 or 482915/104", Valid: func(v string) bool {
			container, tenant, both := strings.Cut(v, "/")
			const most = 18 // digits, as PrimeVOX's have six
			return container != "" && len(container) <= most && len(tenant) <= most && strings.Trim(container+tenant, "0123456789") == "" && both == (tenant != "")
		}},
	}
}

// Check refuses what PrimeVOX does not have.
func (d *Dialect) Check(w *switchhook.Webhook) []switchhook.FieldError {
	id := func(v any) string {
		switch v := v.(type) {
		case string:
			if v != "" {
				return ""
			}
		case float64:
			if v >= 0 && v < 1e15 && v == math.Trunc(v) {
				return ""
			}
		case int, int64:
			return ""
		}
		return "expected a whole number, or a string that is not empty"
	}
	return dialect.Settings{
		Dialect: d.Name(),
		Options: map[string]func(any) string{
			"container_id": id, "tenant_id": id,
			"numbers": dialect.OneOf("plain", "as_given"), "blanks": dialect.OneOf("%20", "+"),
		},
	}.Check(w)
}

// Wants reports whether the scope lets the event through. PrimeVOX's webhooks
// are set up on a number, an extension, a ring group or a queue, and each event
// belongs to one of these kinds; the scope names the objects.
func (d *Dialect) Wants(ev *switchhook.Event, w *switchhook.Webhook) bool {
	ev = dialect.Decoded(ev)
	e := d.event(ev)
	return e != nil && (w.Scope.Empty() || e.on(d.valuesOf(ev, w), w.Scope))
}

// Render makes the request: the event's template with its values.
func (d *Dialect) Render(ev *switchhook.Event, w *switchhook.Webhook) (*dialect.Request, error) {
	ev = dialect.Decoded(ev)
	said := ev.OriginalOf(d.Name())
	var format string
	var body []byte
	if said != nil && asSaid(w) {
		format, body = said.Format, []byte(said.Body)
	} else {
		e, v := d.event(ev), d.valuesOf(ev, w)
		v.told(said, w)
		format, body = e.format(), e.fill(v, w)
	}
	contentType := "application/x-www-form-urlencoded"
	if format == "json" {
		contentType = "application/json"
	}
	return &dialect.Request{
		Method: http.MethodPost,
		URL:    w.URL,
		Header: switchhook.Headers{{Name: "Content-Type", Value: contentType}},
		Body:   body,
	}, nil
}

// asSaid reports whether the webhook has no option that would write what a PrimeVOX
// said in another way.
func asSaid(w *switchhook.Webhook) bool {
	for name, usual := range map[string]string{"container_id": "", "tenant_id": "", "numbers": "plain", "blanks": "%20"} {
		if set, ok := w.Option(name); ok && set != usual {
			return false
		}
	}
	return true
}

// told gives what came from a PrimeVOX that one's container and tenant, unless the
// webhook has its own.
func (v *values) told(said *switchhook.Original, w *switchhook.Webhook) {
	var container, tenant string
	switch {
	case said == nil:
		return
	case said.Format == "form":
		form, _ := url.ParseQuery(said.Body) // what could not be read did not come in
		container, tenant = form.Get("containerId"), form.Get("tenantId")
	case said.Format == "json":
		body, _ := ordjson.Parse([]byte(said.Body))
		container, tenant = body.Text("containerID"), body.Text("tenantID")
	}
	if _, own := w.Option("container_id"); !own && container != "" {
		v.containerID = container
	}
	if _, own := w.Option("tenant_id"); !own && tenant != "" {
		v.tenantID = tenant
	}
}

// fill is the template with values.
func (e *event) fill(v *values, w *switchhook.Webhook) []byte {
	blanks, _ := w.Option("blanks")
	escape := dialect.Escape{Plus: blanks == "+"}
	body := make([]byte, 0, len(e.template)+128)
	for i, part := range e.parts {
		switch {
		case i%2 == 0:
			body = append(body, part...)
		case e.format() == "json":
			body = appendInString(body, v.get(part))
		default: // a plus is %2B
			body = dialect.AppendEscaped(body, v.get(part), escape)
		}
	}
	return body
}

// appendInString writes s as it stands within the quotes of a JSON string.
func appendInString(dst []byte, s string) []byte {
	quoted := ordjson.AppendString(nil, s)
	return append(dst, quoted[1:len(quoted)-1]...)
}
