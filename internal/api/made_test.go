package api_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
	"github.com/switchhook/switchhook/internal/source"
)

// The accounts of a phone system become ours, each below those that it lies below there, and
// what people have made of them stays.
func TestMakeAccounts(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	pbx := &switchhook.Source{ID: "pbx", Kind: "simple", AccountID: "acme", CreatedAt: time.Now()}
	s.ok(201, request{method: "POST", path: "/v1/sources", key: acmeKey, body: `{"id":"pbx","kind":"simple"}`}, nil)
	rest := s.handler.(*api.API)
	settle := func(tenants ...source.Tenant) (refused []string) {
		t.Helper()
		for i := range tenants {
			tenants[i].Most = 6
		}
		errs, err := rest.MakeAccounts(t.Context(), pbx, tenants)
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range errs {
			refused = append(refused, err.Error())
		}
		return refused
	}
	tree := func() string {
		t.Helper()
		accounts, err := s.store.Accounts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, a := range accounts {
			all = append(all, fmt.Sprintf("%s<%s(%s)", a.ID, a.ParentID, a.Name))
		}
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	const before = "acme-east<acme(Acme East) acme<root(Acme) other<root(Other) root<(Operator)"
	for _, step := range []struct {
		what    string
		tenants []source.Tenant
		want    string // in front of what was there
	}{
		{"its reseller is above it, of which nothing else is known", []source.Tenant{{ID: "a1", Realm: "a1.example", Above: []string{"a0"}}}, "a0<acme(a0) a1<a0(a1.example)"},
		{"a name takes the place of an id, and of a realm", []source.Tenant{{ID: "a1", Name: "One", Realm: "a1.example"}, {ID: "a0", Name: "Zero"}}, "a0<acme(Zero) a1<a0(One)"},
		{"and not of another name", []source.Tenant{{ID: "a1", Name: "Uno", Realm: "a1.example"}}, "a0<acme(Zero) a1<a0(One)"},
		{
			"it moves down as more is known, and not up",
			[]source.Tenant{{ID: "a2", Above: []string{"a0"}}, {ID: "a1", Above: []string{"a0", "a2"}}, {ID: "a1", Above: []string{"a0"}}},
			"a0<acme(Zero) a1<a2(One) a2<a0(a2)",
		},
		{"not into a circle", []source.Tenant{{ID: "a0", Above: []string{"a1"}}}, "a0<acme(Zero) a1<a2(One) a2<a0(a2)"},
		{"nor what is of others", []source.Tenant{{ID: "other", Name: "Mine"}, {ID: "a3", Above: []string{"root", "other", "acme"}}}, "a0<acme(Zero) a1<a2(One) a2<a0(a2) a3<acme(a3)"},
	} {
		if refused := settle(step.tenants...); refused != nil {
			t.Errorf("%s: refused: %v", step.what, refused)
		}
		if d := cmp.Diff(step.want+" "+before, tree()); d != "" {
			t.Errorf("%s (-want +got):\n%s", step.what, d)
		}
	}
	s.ok(204, request{method: "DELETE", path: "/v1/accounts/a3", key: acmeKey}, nil)
	if refused := settle(source.Tenant{ID: "a3"}, source.Tenant{ID: "a4"}); refused != nil || strings.Contains(tree(), "a3<") {
		t.Errorf("what was deleted comes back: %s %v", tree(), refused)
	}
	refused := settle(source.Tenant{ID: "a5"}, source.Tenant{ID: "A 6"}, source.Tenant{ID: "a7"}, source.Tenant{ID: "a1", Name: "x"})
	if len(refused) != 2 || !strings.Contains(refused[0], `"A 6" was not made`) || !strings.Contains(refused[1], "a7 was not made: below acme there are 6") {
		t.Errorf("refused: %q", refused)
	}
	lines, entries := s.audit(request{path: "/v1/audit?resource=account&limit=3", key: acmeKey})
	if want := `create-account account/a5  -> {"created_at":`; !strings.HasPrefix(lines[0], want) || entries[0].Actor.KeyName != "source pbx" || entries[0].Actor.AccountID != "acme" {
		t.Errorf("the audit log has %q of %+v", lines, entries[0].Actor)
	}
	var a1 struct {
		ParentID string `json:"parent_id"`
	}
	if s.ok(200, request{path: "/v1/accounts/a1", key: acmeKey}, &a1); a1.ParentID != "a2" { // it is in force
		t.Errorf("%+v", a1)
	}

	// A try that failed half way has made an account of which nobody knows yet.
	if err := s.store.CreateAccount(t.Context(), &switchhook.Account{ID: "a6", ParentID: "acme", Name: "a6", CreatedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if _, err := rest.MakeAccounts(t.Context(), pbx, []source.Tenant{{ID: "a6", Most: 9}}); err != nil {
		t.Error(err)
	}
	s.ok(200, request{path: "/v1/accounts/a6", key: acmeKey}, nil) // it is in force

	s.store.Break(errors.New("no space left on device"))
	if _, err := rest.MakeAccounts(context.WithoutCancel(t.Context()), pbx, []source.Tenant{{ID: "a1", Above: []string{"a0", "a2", "a4"}, Most: 9}}); err == nil {
		t.Error("nobody is told that the store took nothing")
	}
}
