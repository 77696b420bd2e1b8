package directory_test

import (
	"testing"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/store/memory"
)

func TestIDs(t *testing.T) {
	t.Parallel()
	ctx, store := t.Context(), memory.New()
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	open := func() *directory.IDs {
		t.Helper()
		ids, err := directory.OpenIDs(ctx, store)
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	ids := open()
	id := func(dialect, schema, native, value string) *switchhook.DialectID {
		return &switchhook.DialectID{AccountID: "acme", Dialect: dialect, Schema: schema, ID: native, Value: value}
	}
	if got := ids.Given("acme", "kazoo", "device", "101"); got != "" {
		t.Errorf("before anything is set: %q", got)
	}
	for _, set := range []*switchhook.DialectID{id("kazoo", "device", "101", "a"), id("kazoo", "user", "101", "b"), id("teli", "number", "n", "1000000001")} {
		if err := ids.Set(ctx, set); err != nil {
			t.Fatal(err)
		}
	}
	if err := ids.Set(ctx, id("kazoo", "device", "102", "a")); switchhook.ErrorCode(err) != switchhook.CodeConflict {
		t.Errorf("two devices with one id: %v", err)
	}
	for range 2 { // and after a restart
		for schema, want := range map[string]string{"device": "a", "user": "b", "queue": ""} {
			if got := ids.Given("acme", "kazoo", schema, "101"); got != want {
				t.Errorf("%s: %q, want %q", schema, got, want)
			}
		}
		if got := ids.Given("other", "kazoo", "device", "101"); got != "" {
			t.Errorf("another account has it too: %q", got)
		}
		if n, err := ids.Integer("acme", "number", "m"); err != nil || n != switchhook.FirstInteger+1 {
			t.Errorf("%d, %v: the first was given", n, err)
		}
		if list := ids.List(switchhook.DialectIDFilter{Dialect: "kazoo"}); len(list) != 2 {
			t.Errorf("%v", list)
		}
		ids = open()
	}
	if err := ids.Unset(ctx, "acme", "kazoo", "device", "101"); err != nil {
		t.Fatal(err)
	}
	if _, ok := ids.Get("acme", "kazoo", "device", "101"); ok || ids.Given("acme", "kazoo", "device", "101") != "" {
		t.Error("it is still set")
	}
	if err := ids.Unset(ctx, "acme", "kazoo", "device", "101"); switchhook.ErrorCode(err) != switchhook.CodeNotFound {
		t.Errorf("unset twice: %v", err)
	}
}

func TestOwnInteger(t *testing.T) {
	t.Parallel()
	var d directory.Directory
	for id, row := range map[string]string{"n1": `{"id":42}`, "n2": `{"id":"43"}`, "n3": `{"id":"x"}`, "n4": `{}`} {
		if err := d.Put(&switchhook.Record{AccountID: "acme", Schema: "number", ID: id, Row: []byte(row)}); err != nil {
			t.Fatal(err)
		}
	}
	for id, want := range map[string]int64{"n1": 42, "n2": 43, "n3": -1, "n4": -1, "n5": -1} {
		n, ok := d.OwnInteger("acme", "number", id)
		if ok != (want >= 0) || ok && n != want {
			t.Errorf("%s: %d, %v", id, n, ok)
		}
	}
}
