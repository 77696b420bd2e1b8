package route

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// An Allow is asked with a record as it is, nil if there is none, and as it is to be, nil
// if it is to be deleted. What it refuses is not done; where something is changed, its
// entry becomes durable with the change. It may return none.
type Allow = func(before, after *switchhook.Record) (*switchhook.AuditEntry, error)

// PutRecord adds a record, or replaces the row of the one with its id, and
// accepts the event of the change in the same commit. A row that changes
// nothing makes no event. It returns the record as it is now, and whether it is
// new.
//
// Errors: as Accept, with fields schema, id, account_id and row; and allow's.
func (r *Router) PutRecord(ctx context.Context, rec *switchhook.Record, allow Allow) (stored *switchhook.Record, created bool, err error) {
	if err := r.checkRecord(rec); err != nil {
		return nil, false, err
	}
	defer r.records.lock(recordKey(rec))()
	now := time.Now().UTC().Truncate(time.Microsecond)
	next := &switchhook.Record{
		Schema: rec.Schema, ID: rec.ID, AccountID: rec.AccountID,
		Row: rec.Row, CreatedAt: now, UpdatedAt: now,
	}
	before, exists := r.o.Directory.Record(rec.AccountID, rec.Schema, rec.ID)
	var audit *switchhook.AuditEntry
	if allow != nil {
		if audit, err = allow(before, next); err != nil {
			return nil, false, err
		}
	}
	action := "created"
	var changed []string
	if exists {
		next.CreatedAt, action = before.CreatedAt, "updated"
		if !now.After(before.UpdatedAt) { // each version has a time of its own, whatever the clock says
			next.UpdatedAt = before.UpdatedAt.Add(time.Microsecond)
		}
		changed = changedFields(before.Row, next.Row)
		if len(changed) == 0 {
			return before, false, nil
		}
	} else {
		before = &switchhook.Record{}
		changed = changedFields(nil, next.Row)
	}
	if err := r.changeRecord(ctx, switchhook.RecordWrite{Record: *next}, action, before.Row, changed, audit); err != nil {
		return nil, false, err
	}
	return next, !exists, nil
}

// DeleteRecord takes a record out and accepts the event of it. allow is as of
// PutRecord. CodeNotFound.
func (r *Router) DeleteRecord(ctx context.Context, accountID, schema, id string, allow Allow) error {
	rec := &switchhook.Record{AccountID: accountID, Schema: schema, ID: id}
	defer r.records.lock(recordKey(rec))()
	before, exists := r.o.Directory.Record(accountID, schema, id)
	if !exists {
		return switchhook.Errorf(switchhook.CodeNotFound, "there is no record %s/%s", schema, id)
	}
	var audit *switchhook.AuditEntry
	if allow != nil {
		var err error
		if audit, err = allow(before, nil); err != nil {
			return err
		}
	}
	return r.changeRecord(ctx, switchhook.RecordWrite{Record: *before, Delete: true}, "deleted", before.Row, nil, audit)
}

// Record returns a record.
func (r *Router) Record(accountID, schema, id string) (*switchhook.Record, bool) {
	return r.o.Directory.Record(accountID, schema, id)
}

// Records lists records.
func (r *Router) Records(f switchhook.RecordFilter) []*switchhook.Record {
	return r.o.Directory.Records(f)
}

func recordKey(r *switchhook.Record) string {
	return r.AccountID + "\x00" + r.Schema + "\x00" + r.ID
}

// changeRecord commits a change of a record with the event that tells of it.
func (r *Router) changeRecord(ctx context.Context, w switchhook.RecordWrite, action string, before json.RawMessage, changed []string, audit *switchhook.AuditEntry) error {
	ev := &switchhook.Event{
		ID: switchhook.NewID(switchhook.PrefixEvent), AccountID: w.AccountID, Source: "directory",
		Type: "record." + action, Data: recordData(&w.Record, changed),
	}
	if w.Schema == "queue" || w.Schema == "agent" {
		ev.Type = w.Schema + "." + action
		if w.Schema == "agent" && action == "updated" && slices.Equal(changed, []string{"status"}) {
			ev.Type = "agent.status_updated"
		}
		ev.Data = resourceData(&w.Record, before)
	}
	var p problems
	d := r.check(ev, "", &p)
	if err := p.err(); err != nil {
		return err
	}
	d.record, d.audit = &w, audit
	return r.commit(ctx, []draft{d}, nil, func() {})
}

// recordData is the data of a record.* event.
func recordData(rec *switchhook.Record, changed []string) json.RawMessage {
	if changed == nil {
		changed = []string{}
	}
	names, err := json.Marshal(changed)
	if err != nil {
		names = []byte("[]") // a list of strings always marshals
	}
	return ordjson.Object{
		{Name: "schema", Value: ordjson.String(rec.Schema)},
		{Name: "id", Value: ordjson.String(rec.ID)},
		{Name: "row", Value: rec.Row},
		{Name: "changed", Value: names},
	}.Append(nil)
}

// resourceData is the data of a queue.* or agent.* event: the row is the
// resource. Members that the row had before are cleared.
func resourceData(rec *switchhook.Record, before json.RawMessage) json.RawMessage {
	row, err := ordjson.Parse(rec.Row)
	if err != nil {
		row = nil // checked before
	}
	row.Set("id", ordjson.String(rec.ID))
	old, err := ordjson.Parse(before)
	if err == nil {
		for _, m := range old {
			if !row.Has(m.Name) {
				row.Set(m.Name, json.RawMessage("null"))
			}
		}
	}
	return ordjson.Object{{Name: rec.Schema, Value: row.Append(nil)}}.Append(nil)
}

// checkRecord finds out whether a record can be kept.
func (r *Router) checkRecord(rec *switchhook.Record) error {
	var p problems
	if !validSchema(rec.Schema) {
		p.add(switchhook.CodeInvalid, "schema", "expected 1 to 64 of a-z 0-9 _, such as number or port_request")
	}
	if !validRecordID(rec.ID) {
		p.add(switchhook.CodeInvalid, "id", "expected 1 to 128 printable characters")
	}
	if _, ok := r.o.Directory.Account(rec.AccountID); !ok {
		p.add(switchhook.CodeUnknownAccount, "account_id", fmt.Sprintf("there is no account %.80q", rec.AccountID))
	}
	if len(rec.Row) > MaxEvent/2 {
		p.add(switchhook.CodeTooLarge, "row", fmt.Sprintf("is %d bytes long; %d are allowed", len(rec.Row), MaxEvent/2))
		return p.err()
	}
	row, err := ordjson.Parse(rec.Row)
	if err == nil {
		rec.Row, err = ordjson.Compact(rec.Row)
	}
	if err != nil {
		p.add(switchhook.CodeInvalid, "row", err.Error())
		return p.err()
	}
	if res, ok := catalogue.ResourceOf(rec.Schema); ok && (rec.Schema == "queue" || rec.Schema == "agent") {
		typ, _ := catalogue.Lookup(rec.Schema + ".updated")
		row.Set("id", ordjson.String(rec.ID))
		data := ordjson.Object{{Name: res.Name, Value: row.Append(nil)}}.Append(nil)
		for _, e := range catalogue.Check(typ, data, "") {
			p.add(switchhook.CodeInvalid, "row"+strings.TrimPrefix(e.Field, "."+res.Name), e.Message)
		}
	}
	return p.err()
}

// changedFields returns the names of the members in which two rows differ, in the
// order of the new row; members that are gone come last.
func changedFields(before, after json.RawMessage) []string {
	old, _ := ordjson.Parse(before) // an absent row has no members
	now, _ := ordjson.Parse(after)
	changed := []string{}
	for _, m := range now {
		if !same(old.Get(m.Name), m.Value) {
			changed = append(changed, m.Name)
		}
	}
	for _, m := range old {
		if !now.Has(m.Name) {
			changed = append(changed, m.Name)
		}
	}
	return changed
}

func same(a, b json.RawMessage) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	var ca, cb bytes.Buffer
	return json.Compact(&ca, a) == nil && json.Compact(&cb, b) == nil && bytes.Equal(ca.Bytes(), cb.Bytes())
}

func validSchema(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

func validRecordID(id string) bool {
	return id != "" && len(id) <= 128 && utf8.ValidString(id) && strings.IndexFunc(id, unicode.IsControl) < 0
}
