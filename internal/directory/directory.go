// Package directory knows, in memory, who owns what: the accounts and their
// tree, and the records of numbers, extensions, queues and so on. It completes
// events from the records, so that an event which says only "a call to
// +12025550100" leaves with that number's description in it.
//
// It is safe for concurrent use. What it knows is what was committed: package
// route puts a record here only after its commit.
package directory

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/ordjson"
)

type key struct{ account, schema, id string }

// Directory is the directory. Its zero value is empty and ready for use.
type Directory struct {
	mu       sync.RWMutex
	accounts map[string]*switchhook.Account
	// suspended are the accounts that are, or that lie below one.
	suspended map[string]bool
	records   map[key]*switchhook.Record
	rows      map[key]ordjson.Object
	numbers   map[key]string // (account, schema, number without +) → id
	named     map[name][]key // the records that have it
	linked    map[key][]key  // those that belong to a record, see linksOf
}

// SetAccounts replaces all accounts. Records of those that are gone are forgotten.
func (d *Directory) SetAccounts(accounts []*switchhook.Account) {
	m := make(map[string]*switchhook.Account, len(accounts))
	for _, a := range accounts {
		m[a.ID] = a
	}
	suspended := map[string]bool{}
	for _, a := range accounts {
		for steps, up := 0, a; up != nil && steps < len(m); steps, up = steps+1, m[up.ParentID] {
			if !up.SuspendedAt.IsZero() {
				suspended[a.ID] = true
			}
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	gone := false
	for id := range d.accounts {
		gone = gone || m[id] == nil
	}
	d.accounts, d.suspended = m, suspended
	if !gone {
		return
	}
	for k := range d.records {
		if m[k.account] == nil {
			d.forget(k)
		}
	}
}

// Suspended reports whether an account is suspended, or one above it.
func (d *Directory) Suspended(id string) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.suspended[id]
}

// Account returns an account.
func (d *Directory) Account(id string) (*switchhook.Account, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	a, ok := d.accounts[id]
	return a, ok
}

// Ancestors returns the ids of the accounts above this one, the nearest first.
func (d *Directory) Ancestors(id string) []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var up []string
	for a := d.accounts[id]; a != nil && a.ParentID != "" && len(up) < len(d.accounts); a = d.accounts[a.ParentID] {
		up = append(up, a.ParentID)
	}
	return up
}

// Owns reports whether an account is the other, or lies below it.
func (d *Directory) Owns(account, other string) bool {
	_, known := d.Account(account)
	return known && (account == other || slices.Contains(d.Ancestors(account), other))
}

// Reseller returns the id of the account that the account buys from: its
// parent, and itself for the root.
func (d *Directory) Reseller(id string) string {
	if up := d.Ancestors(id); len(up) > 0 {
		return up[0]
	}
	return id
}

// Put adds a record or replaces the one of its id.
func (d *Directory) Put(r *switchhook.Record) error {
	compact, err := ordjson.Compact(r.Row) // as the events that it completes
	if err != nil {
		return err
	}
	row, err := ordjson.Parse(compact)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.records == nil {
		d.records, d.rows, d.numbers, d.named = map[key]*switchhook.Record{}, map[key]ordjson.Object{}, map[key]string{}, map[name][]key{}
		d.linked = map[key][]key{}
	}
	k := key{r.AccountID, r.Schema, r.ID}
	d.forget(k)
	d.records[k], d.rows[k] = r, row
	if n := bare(row.Text("number")); n != "" {
		d.numbers[key{r.AccountID, r.Schema, n}] = r.ID
	}
	for n := range namesOf(k, row) {
		d.named[n] = append(d.named[n], k)
	}
	for to := range linksOf(k, row) {
		d.linked[to] = append(d.linked[to], k)
	}
	return nil
}

// Delete takes a record out.
func (d *Directory) Delete(accountID, schema, id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget(key{accountID, schema, id})
}

func (d *Directory) forget(k key) {
	n := key{k.account, k.schema, bare(d.rows[k].Text("number"))}
	if d.numbers[n] == k.id {
		delete(d.numbers, n)
	}
	if row, ok := d.rows[k]; ok {
		for n := range namesOf(k, row) {
			d.named[n] = slices.DeleteFunc(d.named[n], func(other key) bool { return other == k })
			if len(d.named[n]) == 0 {
				delete(d.named, n)
			}
		}
		for to := range linksOf(k, row) {
			d.linked[to] = slices.DeleteFunc(d.linked[to], func(other key) bool { return other == k })
			if len(d.linked[to]) == 0 {
				delete(d.linked, to)
			}
		}
	}
	delete(d.records, k)
	delete(d.rows, k)
}

// Record returns a record.
func (d *Directory) Record(accountID, schema, id string) (*switchhook.Record, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	r, ok := d.records[key{accountID, schema, id}]
	return r, ok
}

// OwnInteger returns the id that a record's own row has, where it is an integer: so
// a row that came from a system which counts its rows keeps its number, and other
// rows that refer to it by our id refer to that number.
func (d *Directory) OwnInteger(accountID, schema, id string) (int64, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	own := d.rows[key{accountID, schema, id}].Get("id")
	text, isText := ordjson.Unquote(own)
	if !isText {
		text = string(own)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 0
}

// Records returns the records that a filter selects, by account, schema and id.
func (d *Directory) Records(f switchhook.RecordFilter) []*switchhook.Record {
	d.mu.RLock()
	defer d.mu.RUnlock()
	list := []*switchhook.Record{}
	for k, r := range d.records {
		if (f.Schema == "" || f.Schema == k.schema) && (f.Accounts == nil || slices.Contains(f.Accounts, k.account)) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b *switchhook.Record) int {
		return strings.Compare(a.AccountID+"\x00"+a.Schema+"\x00"+a.ID, b.AccountID+"\x00"+b.Schema+"\x00"+b.ID)
	})
	return list
}

// Enrich fills the resources in an event's data from the records that they are:
// only what the event leaves out, and only where the record's value is of the
// right kind. It adds the number that was called or texted, and the extension
// that calls out, where the directory knows them. given is the data as it came:
// a null in it says that there is nothing to fill in.
func (d *Directory) Enrich(ev *switchhook.Event, data *ordjson.Object, given ordjson.Object) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if len(d.records) == 0 || strings.HasPrefix(ev.Type, "custom.") || strings.HasPrefix(ev.Type, "record.") {
		return
	}
	d.addNumber(ev, data)
	d.addCaller(ev, data)
	d.addQueue(ev, data)
	for _, resource := range [...]string{"extension", "number", "ring_group", "queue", "agent"} {
		if raw := data.Get(resource); !ordjson.Null(raw) {
			d.complete(ev.AccountID, data, resource, raw, given.Get(resource))
		}
	}
	d.completeAnswer(ev.AccountID, data)
	d.completeMailbox(ev.AccountID, data)
}

// complete lays a resource, as it is and as it was given, over its record.
func (d *Directory) complete(account string, data *ordjson.Object, resource string, raw, asGiven json.RawMessage) {
	known, err := ordjson.Parse(raw)
	if err != nil {
		return
	}
	id := known.Text("id")
	if id == "" {
		id = d.numbers[key{account, resource, bare(known.Text("number"))}]
	}
	row, ok := d.rows[key{account, resource, id}]
	if !ok {
		return
	}
	r, _ := catalogue.ResourceOf(resource)
	given, _ := ordjson.Parse(asGiven) // what was not given has no members
	whole := fill(r, known, given, row)
	if !whole.Has("id") {
		whole.Set("id", ordjson.String(id))
	}
	data.Set(resource, ordered(r, whole))
}

// fill adds the members of the row that are neither known nor given.
func fill(r *catalogue.Resource, known, given, row ordjson.Object) ordjson.Object {
	whole := slices.Clone(known)
	for _, m := range row {
		if !known.Has(m.Name) && !given.Has(m.Name) && !ordjson.Null(m.Value) && r.Fits(m.Name, m.Value) {
			whole.Set(m.Name, m.Value)
		}
	}
	return whole
}

func ordered(r *catalogue.Resource, o ordjson.Object) json.RawMessage {
	r.Sort(o)
	return o.Append(nil)
}

// addNumber names the account's own number that an inbound call or a message
// came in on, or a message went out from.
func (d *Directory) addNumber(ev *switchhook.Event, data *ordjson.Object) {
	if data.Has("number") {
		return
	}
	var room [3]string
	candidates := room[:0]
	if call := data.Get("call"); strings.HasPrefix(ev.Type, "call.") && ordjson.FindText(call, "direction") == "inbound" {
		candidates = append(candidates, ordjson.FindText(call, "original_number"), ordjson.FindText(call, "dialed"), ordjson.FindText(ordjson.Find(call, "to"), "address"))
	}
	if m, err := ordjson.Parse(data.Get("message")); err == nil {
		if ev.Type == "message.received" || m.Text("direction") == "inbound" {
			candidates = append(candidates, m.Text("to"))
		} else {
			candidates = append(candidates, m.Text("from"))
		}
	}
	d.addByNumber(ev.AccountID, data, "number", candidates)
}

// addCaller names the extension that places an outbound or internal call.
func (d *Directory) addCaller(ev *switchhook.Event, data *ordjson.Object) {
	if ev.Type != "call.created" || data.Has("extension") {
		return
	}
	call := data.Get("call")
	if direction := ordjson.FindText(call, "direction"); direction == "inbound" || direction == "" {
		return
	}
	d.addByNumber(ev.AccountID, data, "extension", []string{ordjson.FindText(ordjson.Find(call, "from"), "address")})
}

// addQueue names the queue of a queue call.
func (d *Directory) addQueue(ev *switchhook.Event, data *ordjson.Object) {
	if data.Has("queue") {
		return
	}
	qc, err := ordjson.Parse(data.Get("queuecall"))
	if err != nil {
		return
	}
	if id := qc.Text("queue_id"); id != "" {
		if _, ok := d.rows[key{ev.AccountID, "queue", id}]; ok {
			data.Set("queue", ordjson.Object{{Name: "id", Value: ordjson.String(id)}}.Append(nil))
		}
	}
}

// addByNumber adds the record that has one of the numbers.
func (d *Directory) addByNumber(account string, data *ordjson.Object, schema string, numbers []string) {
	for _, n := range numbers {
		if id, ok := d.numbers[key{account, schema, bare(n)}]; ok && n != "" {
			data.Set(schema, ordjson.Object{{Name: "id", Value: ordjson.String(id)}}.Append(nil))
			return
		}
	}
}

// completeAnswer adds what is known of the extension that answered a call.
func (d *Directory) completeAnswer(account string, data *ordjson.Object) {
	if ordjson.Null(ordjson.Find(data.Get("call"), "answered_extension")) {
		return
	}
	call, err := ordjson.Parse(data.Get("call"))
	if err != nil {
		return
	}
	answered := ordjson.Object{{Name: "extension", Value: call.Get("answered_extension")}}
	d.complete(account, &answered, "extension", answered.Get("extension"), nil)
	call.Set("answered_extension", answered.Get("extension"))
	data.Set("call", call.Append(nil))
}

// completeMailbox adds the name and number of a voicemail's mailbox, and the
// extension that it belongs to: the one with the mailbox's number.
func (d *Directory) completeMailbox(account string, data *ordjson.Object) {
	vm, err := ordjson.Parse(data.Get("voicemail"))
	if err != nil {
		return
	}
	if row, ok := d.rows[key{account, "mailbox", vm.Text("mailbox_id")}]; ok {
		r, _ := catalogue.ResourceOf("voicemail")
		for from, to := range map[string]string{"number": "mailbox_number", "name": "mailbox_name"} {
			if v := row.Get(from); !vm.Has(to) && !ordjson.Null(v) && r.Fits(to, v) {
				vm.Set(to, v)
			}
		}
		data.Set("voicemail", ordered(r, vm))
	}
	if !data.Has("extension") {
		d.addByNumber(account, data, "extension", []string{vm.Text("mailbox_number")})
		if raw := data.Get("extension"); raw != nil {
			d.complete(account, data, "extension", raw, nil)
		}
	}
}

// bare is a number as it is looked up: a leading + does not count.
func bare(number string) string { return strings.TrimPrefix(number, "+") }
