package storetest

import (
	"slices"
	"time"

	"github.com/switchhook/switchhook"
)

func accounts(of trial) {
	t, s := of.t, of.s
	ctx := t.Context()
	wantEqual(t, "at first", must(s.Accounts(ctx))(t), []*switchhook.Account{})
	root := &switchhook.Account{ID: "root", Name: "Operator", CreatedAt: base(), UpdatedAt: base()}
	child := &switchhook.Account{ID: "b", ParentID: "root", Name: "Bäckerei", CreatedAt: base().Add(time.Second), UpdatedAt: base().Add(time.Second)}
	for _, a := range []*switchhook.Account{root, child} {
		if err := s.CreateAccount(ctx, a); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, s.CreateAccount(ctx, &switchhook.Account{ID: "b", Name: "another"}), switchhook.CodeConflict)
	wantEqual(t, "accounts", must(s.Accounts(ctx))(t), []*switchhook.Account{root, child})

	child.Name, child.ParentID, child.SuspendedAt, child.UpdatedAt = "Bäckerei Grün", "elsewhere", base().Add(time.Minute), base().Add(time.Hour)
	child.AllowNetworks = []string{"10.1.0.0/16", "fd00::/8"}
	child.ShowPrivateAnswers, child.Retention, child.Timezone = true, switchhook.Duration(72*time.Hour), "Europe/Berlin"
	child.Limits = &switchhook.Limits{RequestsPerSecond: 0.5, RequestBurst: 3, EventsPerSecond: 100, OpenDeliveries: 7}
	child.Portal = &switchhook.Portal{
		Name: "Grün", Logo: "data:image/png;base64,iVBORw0KGgo=", Accent: "#0a7cff", AccentDark: "#5aa9ff", FrameAncestors: []string{"https://example.com"},
	}
	if err := s.UpdateAccount(ctx, child); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.UpdateAccount(ctx, &switchhook.Account{ID: "c"}), switchhook.CodeNotFound)
	wantEqual(t, "updated", must(s.Accounts(ctx))(t), []*switchhook.Account{root, child})
	want := *child
	want.AllowNetworks, want.Limits = []string{"10.1.0.0/16", "fd00::/8"}, &switchhook.Limits{RequestsPerSecond: 0.5, RequestBurst: 3, EventsPerSecond: 100, OpenDeliveries: 7}
	portal := *child.Portal
	portal.FrameAncestors = slices.Clone(portal.FrameAncestors)
	want.Portal = &portal
	child.AllowNetworks[0], child.Limits.OpenDeliveries, child.Portal.Name, child.Portal.FrameAncestors[0] = "x", 0, "x", "x"
	wantEqual(t, "what a caller changed", must(s.Accounts(ctx))(t)[1], &want)

	// Without a time of change, as before there was one, it is that of creation.
	old := &switchhook.Account{ID: "old", ParentID: "root", CreatedAt: base().Add(2 * time.Second)}
	if err := s.CreateAccount(ctx, old); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "changed", must(s.Accounts(ctx))(t)[2].UpdatedAt, old.CreatedAt)
}

func apiKeys(of trial) {
	t, s := of.t, of.s
	ctx := t.Context()
	first := &switchhook.APIKey{ID: "key_1", AccountID: "root", Name: "admin", Role: switchhook.RoleAdmin, Hash: []byte{0, 1, 255}, CreatedAt: base(), UpdatedAt: base()}
	second := &switchhook.APIKey{ID: "key_2", AccountID: "a", Role: switchhook.RoleIngest, Hash: []byte{2}, ExpiresAt: base().Add(time.Hour), CreatedAt: base(), UpdatedAt: base()}
	replaced := &switchhook.APIKey{ID: "key_1", AccountID: "root", Name: "renewed", Role: switchhook.RoleViewer, Hash: []byte{3}, CreatedAt: base(), UpdatedAt: base().Add(time.Second)}
	put := func(k *switchhook.APIKey) {
		t.Helper()
		if err := s.PutAPIKey(ctx, k); err != nil {
			t.Fatal(err)
		}
	}
	put(first)
	put(second)
	used := base().Add(time.Minute)
	for _, id := range []string{"key_1", "key_gone"} {
		if err := s.UseAPIKey(ctx, id, used); err != nil {
			t.Fatal(err)
		}
	}
	put(replaced)
	replaced.LastUsedAt = used // which is not the putter's to say
	wantEqual(t, "keys", must(s.APIKeys(ctx))(t), []*switchhook.APIKey{replaced, second})

	if err := s.DeleteAPIKey(ctx, "key_1"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.DeleteAPIKey(ctx, "key_1"), switchhook.CodeNotFound)
	wantEqual(t, "after deletion", must(s.APIKeys(ctx))(t), []*switchhook.APIKey{second})
}

// belongings are what an account can have.
type belongings struct {
	account *switchhook.Account
	key     *switchhook.APIKey
	user    *switchhook.User
	webhook *switchhook.Webhook
	source  *switchhook.Source
	id      *switchhook.DialectID
	letter  *switchhook.Template
}

func belongingsOf(account string) belongings {
	return belongings{
		&switchhook.Account{ID: account, CreatedAt: base(), UpdatedAt: base()},
		&switchhook.APIKey{ID: "key_" + account, AccountID: account, CreatedAt: base(), UpdatedAt: base()},
		&switchhook.User{ID: "usr_" + account, AccountID: account, Login: account, CreatedAt: base(), UpdatedAt: base()},
		&switchhook.Webhook{ID: "wh_" + account, AccountID: account, CreatedAt: base()},
		&switchhook.Source{ID: "src_" + account, AccountID: account, CreatedAt: base()},
		&switchhook.DialectID{AccountID: account, Dialect: "kazoo", Schema: "device", ID: "1", Value: "x", UpdatedAt: base()},
		&switchhook.Template{AccountID: account, ID: "missed_call", Version: 1, CreatedAt: base(), UpdatedAt: base()},
	}
}

// deleteAccounts deletes one of two accounts that have everything.
func deleteAccounts(of trial) {
	t, s := of.t, of.s
	ctx := t.Context()
	for n, account := range []string{"a", "b"} {
		own := belongingsOf(account)
		for _, err := range []error{
			s.CreateAccount(ctx, own.account), s.PutAPIKey(ctx, own.key), s.PutUser(ctx, own.user), s.CreateWebhook(ctx, own.webhook), s.CreateSource(ctx, own.source), s.PutDialectID(ctx, own.id), s.PutTemplate(ctx, own.letter),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		must(s.Integer(ctx, account, "number", "1"))(t)
		e := event(int64(n+1), "wh_"+account)
		e.AccountID = account
		commit(t, s, switchhook.Commit{
			Events:  []*switchhook.Event{e},
			Records: []switchhook.RecordWrite{{Record: switchhook.Record{Schema: "number", ID: "1", AccountID: account, Row: []byte(`{}`), CreatedAt: base(), UpdatedAt: base()}}},
			Gates:   []switchhook.Gate{{WebhookID: "wh_" + account, Reason: "it hangs"}},
			Due:     []switchhook.Due{{DeliveryRef: ref(e.Sequence, "wh_"+account), Attempts: 1}},
		})
	}
	if err := s.DeleteAccounts(ctx, []string{"a", "never there"}); err != nil {
		t.Fatal(err)
	}
	left := belongingsOf("b")
	wantEqual(t, "accounts", must(s.Accounts(ctx))(t), []*switchhook.Account{left.account})
	wantEqual(t, "keys", must(s.APIKeys(ctx))(t), []*switchhook.APIKey{left.key})
	wantEqual(t, "users", must(s.Users(ctx))(t), []*switchhook.User{left.user})
	wantEqual(t, "webhooks", must(s.Webhooks(ctx))(t), []*switchhook.Webhook{left.webhook})
	wantEqual(t, "templates", must(s.Templates(ctx))(t), []*switchhook.Template{left.letter})
	wantEqual(t, "versions", len(must(s.TemplateVersions(ctx, "a", "missed_call"))(t)), 0)
	wantEqual(t, "sources", must(s.Sources(ctx))(t), []*switchhook.Source{left.source})
	wantEqual(t, "ids", listDialectIDs(t, s), map[string]switchhook.DialectID{"kazoo/device/1": *left.id})
	wantEqual(t, "gates", must(s.Gates(ctx))(t), []switchhook.Gate{{WebhookID: "wh_b", Reason: "it hangs"}})
	kept := records(t, s)
	if len(kept) != 1 || kept["b number 1"].ID == "" {
		t.Errorf("records: %v", kept)
	}
	// What happened is not shown any more, and what is open is still to be closed.
	wantEqual(t, "events", sequences(pages(t, 9, listEvents(ctx, s, switchhook.EventFilter{}))), []int64{2})
	wantEqual(t, "open", openRefs(t, s), []string{"1 wh_a", "2 wh_b"})

	// The id is not given again: whoever has kept it would take one for the other.
	wantCode(t, s.CreateAccount(ctx, &switchhook.Account{ID: "a", CreatedAt: base()}), switchhook.CodeConflict)
	if err := s.CreateAccount(ctx, &switchhook.Account{ID: "never there", CreatedAt: base()}); err != nil {
		t.Error(err)
	}
}
