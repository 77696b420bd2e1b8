package storetest

import (
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

func template(account string, version int64) *switchhook.Template {
	return &switchhook.Template{
		AccountID: account, ID: "missed_call", Version: version, Name: new("Mißed"), Enabled: new(false),
		Subject: new(""), Text: new("{{ a }}\n"), HTML: new("<p>"), From: new("Ada <ada@example.com>"), ReplyTo: new("x@example.com"),
		To: &switchhook.Addresses{Type: switchhook.AddressesSpecified, EmailAddresses: []string{"bob@example.com"}},
		Cc: &switchhook.Addresses{Type: switchhook.AddressesAdmins}, Bcc: &switchhook.Addresses{Type: switchhook.AddressesOriginal},
		CreatedAt: base(), UpdatedAt: base().Add(time.Duration(version) * time.Second), UpdatedBy: "key_1",
	}
}

func templates(of trial) {
	t, s := of.t, of.s
	ctx := t.Context()
	first, second := template("a", 1), template("a", 2)
	second.Subject, second.To, second.Enabled, second.Reverted = nil, nil, nil, true
	other := template("b", 1)
	for _, each := range []*switchhook.Template{first, other, second} {
		if err := s.PutTemplate(ctx, each, auditEntry(1)); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, s.PutTemplate(ctx, template("a", 2), auditEntry(2)), switchhook.CodeConflict)
	wantEqual(t, "templates", must(s.Templates(ctx))(t), []*switchhook.Template{second, other})
	wantEqual(t, "versions", must(s.TemplateVersions(ctx, "a", "missed_call"))(t), []*switchhook.Template{second, first})
	wantEqual(t, "versions of what is not there", len(must(s.TemplateVersions(ctx, "a", "other"))(t)), 0)
	wantEqual(t, "audited", auditedThings(of, switchhook.AuditFilter{}), []string{"thing1", "thing1", "thing1"})
	for version := int64(3); version <= store.TemplateVersions+2; version++ {
		if err := s.PutTemplate(ctx, template("a", version)); err != nil {
			t.Fatal(err)
		}
	}
	kept := must(s.TemplateVersions(ctx, "a", "missed_call"))(t)
	wantEqual(t, "kept", []int64{int64(len(kept)), kept[0].Version, kept[len(kept)-1].Version}, []int64{store.TemplateVersions, store.TemplateVersions + 2, 3})
}
