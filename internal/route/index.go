package route

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/expression"
)

// index finds the webhooks that want an event. A webhook that changes is compiled anew,
// and no other.
type index struct {
	mu    sync.RWMutex
	hooks map[string]*hook   // those that are enabled, by id
	own   map[string][]*hook // by the account that owns the webhook, oldest first
	sub   map[string][]*hook // those that include the accounts below

	flows map[string]*hook // of an account's call flows
}

func newIndex() *index {
	return &index{hooks: map[string]*hook{}, own: map[string][]*hook{}, sub: map[string][]*hook{}, flows: map[string]*hook{}}
}

// hook is one webhook, its selection compiled.
type hook struct {
	w     *switchhook.Webhook
	d     dialect.Dialect
	types map[string]bool // the catalogue's types that it selects
	globs []string        // for custom types, which nobody can list
	names []selector      // dialects' own names
	// filter is nil where there is none.
	filter *filter
	// reads: its dialects or its scope read the event's Resources.
	reads bool
}

type selector struct {
	d    dialect.Dialect
	name string
}

// SetWebhooks replaces the webhooks. Those that are the same as before are not looked at
// (see switchhook.WebhooksChanged). Disabled webhooks get nothing.
func (r *Router) SetWebhooks(webhooks []*switchhook.Webhook) {
	r.setting.Lock()
	defer r.setting.Unlock()
	changed, gone := switchhook.WebhooksChanged(r.webhooks, webhooks)
	r.webhooks = slices.Clone(webhooks)
	dialects := r.dialects()
	hooks := make([]*hook, len(changed)) // compiled while nobody waits
	for i, w := range changed {
		if w.Filter == "" {
			r.filters.Delete(w.ID)
		}
		if !w.Enabled || dialects[w.Dialect] == nil {
			continue
		}
		hooks[i] = newHook(w, dialects)
		if w.Filter != "" {
			hooks[i].filter = r.filter(w)
		}
	}
	r.index.mu.Lock()
	defer r.index.mu.Unlock()
	for _, id := range gone {
		r.filters.Delete(id)
		r.index.set(id, nil)
	}
	for i, w := range changed {
		r.index.set(w.ID, hooks[i])
	}
}

// set replaces the hook of a webhook; nil: it wants nothing any more. The lock is held.
func (idx *index) set(id string, h *hook) {
	old := idx.hooks[id]
	if delete(idx.hooks, id); h != nil {
		idx.hooks[id] = h
	}
	replace(idx.own, old, h, func(h *hook) bool { return !h.w.Flow })
	replace(idx.sub, old, h, func(h *hook) bool { return !h.w.Flow && h.w.IncludeSubaccounts })
	if old != nil && old.w.Flow {
		delete(idx.flows, old.w.AccountID)
	}
	if h != nil && h.w.Flow {
		idx.flows[h.w.AccountID] = h
	}
}

// replace puts a hook, if it is one of them, into the place of the old one, or into its
// own: the oldest comes first.
func replace(hooks map[string][]*hook, old, h *hook, of func(*hook) bool) {
	if h != nil && of(h) {
		list := hooks[h.w.AccountID]
		if i := slices.Index(list, old); i >= 0 {
			list[i] = h
			return
		}
		at, _ := slices.BinarySearchFunc(list, h, func(other, h *hook) int {
			return cmp.Or(other.w.CreatedAt.Compare(h.w.CreatedAt), -1)
		})
		hooks[h.w.AccountID] = slices.Insert(list, at, h)
	}
	if old == nil {
		return
	}
	account := old.w.AccountID
	if hooks[account] = slices.DeleteFunc(hooks[account], func(other *hook) bool { return other == old }); len(hooks[account]) == 0 {
		delete(hooks, account)
	}
}

func (r *Router) dialects() map[string]dialect.Dialect {
	dialects := map[string]dialect.Dialect{}
	for _, d := range r.o.Dialects {
		dialects[d.Name()] = d
	}
	return dialects
}

// newHook compiles a webhook's selection, but for its filter.
func newHook(w *switchhook.Webhook, dialects map[string]dialect.Dialect) *hook {
	d := dialects[w.Dialect]
	h := &hook{w: w, d: d, types: map[string]bool{}, reads: dialect.Reads(d) || !w.Scope.Empty()}
	if w.Flow {
		return h
	}
	for _, pattern := range w.Events {
		if system, name, ok := strings.Cut(pattern, ":"); ok && dialects[system] != nil {
			h.names = append(h.names, selector{dialects[system], name})
			h.reads = h.reads || dialect.Reads(dialects[system])
			continue
		}
		h.globs = append(h.globs, pattern)
	}
	for _, t := range catalogue.All() {
		for _, glob := range h.globs {
			if catalogue.Match(glob, t.Name) {
				h.types[t.Name] = true
			}
		}
	}
	return h
}

// targets returns the ids of the webhooks that want the event: of its own
// account, and of those above that include it.
func (idx *index) targets(ev *switchhook.Event, ancestors func(string) []string, allowance func(string) *allowance) ([]string, error) {
	idx.mu.RLock()
	defer idx.mu.RUnlock()
	m := matching{ev: ev, allowance: allowance}
	err := m.add(idx.own[ev.AccountID])
	if len(idx.sub) > 0 {
		for _, above := range ancestors(ev.AccountID) {
			err = errors.Join(err, m.add(idx.sub[above]))
		}
	}
	if h := idx.flows[ev.AccountID]; h != nil && dialect.FlowTarget(ev) && h.d.EventName(ev) != "" && m.passes(h) {
		m.ids = append(m.ids, h.w.ID)
	}
	return m.ids, err
}

// A matching is under way: the ids of the webhooks that want the event so far.
type matching struct {
	ev    *switchhook.Event
	ids   []string
	input *expression.Input // the event as filters see it, made when the first one asks

	allowance func(accountID string) *allowance
}

func (m *matching) add(hooks []*hook) error {
	for _, h := range hooks {
		if !h.selects(m.ev.Type) && len(h.names) == 0 {
			continue
		}
		if h.reads && m.ev.Resources == nil { // once for all who read them, now and later
			if err := catalogue.Attach(m.ev); err != nil {
				return err
			}
		}
		if (h.selects(m.ev.Type) || h.selectsName(m.ev)) && h.d.EventName(m.ev) != "" && h.d.Wants(m.ev, h.w) && m.passes(h) {
			m.ids = append(m.ids, h.w.ID)
		}
	}
	return nil
}

func (m *matching) passes(h *hook) bool {
	if h.filter == nil {
		return true
	}
	if m.input == nil {
		m.input = expression.Of(m.ev)
	}
	return h.filter.match(m.input, m.ev.ID, m.allowance(h.w.AccountID))
}

// selects reports whether one of the webhook's globs selects a type.
func (h *hook) selects(eventType string) bool {
	if h.types[eventType] {
		return true
	}
	if strings.HasPrefix(eventType, "custom.") {
		for _, glob := range h.globs {
			if catalogue.Match(glob, eventType) {
				return true
			}
		}
	}
	return false
}

// selectsName reports whether one of the dialects' own names selects an event.
func (h *hook) selectsName(ev *switchhook.Event) bool {
	for _, s := range h.names {
		if dialect.Selects(s.name, s.d.EventName(ev)) {
			return true
		}
	}
	return false
}
