package storetest

import (
	"errors"
	"time"

	"github.com/switchhook/switchhook"
)

func users(of trial) {
	t, s := of.t, of.s
	ctx := t.Context()
	//nolint:gosec // G101: no password
	ada := &switchhook.User{ID: "usr_1", AccountID: "a", Login: "ada@example.com", Name: "Ada", Role: switchhook.RoleAdmin, Password: "$argon2id$…", CreatedAt: base(), UpdatedAt: base()}
	bob := &switchhook.User{ID: "usr_2", AccountID: "b", Login: "bob@example.com", Role: switchhook.RoleViewer, CreatedAt: base(), UpdatedAt: base()}
	for _, u := range []*switchhook.User{ada, bob} {
		if err := s.PutUser(ctx, u, auditEntry(1)); err != nil {
			t.Fatal(err)
		}
	}
	taken := *bob
	taken.Login = ada.Login
	wantCode(t, s.PutUser(ctx, &taken, auditEntry(2)), switchhook.CodeConflict)
	taken.ID = "usr_3"
	wantCode(t, s.PutUser(ctx, &taken), switchhook.CodeConflict)
	ada.Name, ada.Password, ada.OIDCSubject, ada.UpdatedAt = "Ada L.", "", "subject-1", base().Add(time.Second)
	if err := s.PutUser(ctx, ada); err != nil {
		t.Fatal(err)
	}
	taken = *bob
	taken.OIDCSubject = ada.OIDCSubject
	e, _ := errors.AsType[*switchhook.Error](s.PutUser(ctx, &taken))
	if e == nil || e.Code != switchhook.CodeConflict || e.Fields[0].Field != "oidc_subject" {
		t.Errorf("%v", e)
	}
	wantEqual(t, "users", must(s.Users(ctx))(t), []*switchhook.User{ada, bob})
	if err := s.DeleteUser(ctx, "usr_1"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.DeleteUser(ctx, "usr_1"), switchhook.CodeNotFound)
	wantEqual(t, "after deletion", must(s.Users(ctx))(t), []*switchhook.User{bob})
	wantEqual(t, "audited", auditedThings(of, switchhook.AuditFilter{}), []string{"thing1", "thing1"})
}

func sessions(of trial) {
	t, s := of.t, of.s
	ctx := t.Context()
	now := time.Now().UTC().Truncate(time.Microsecond)
	ended := &switchhook.Session{Hash: []byte{1}, UserID: "usr_1", CreatedAt: base(), ExpiresAt: now.Add(-time.Second)}
	open := &switchhook.Session{Hash: []byte{2, 0, 255}, KeyID: "key_1", CreatedAt: base(), ExpiresAt: now.Add(time.Hour)}
	link := &switchhook.Session{Hash: []byte{3}, AccountID: "a", Role: switchhook.RoleViewer, CreatedAt: base(), ExpiresAt: now.Add(time.Hour)}
	for _, session := range []*switchhook.Session{ended, open, link} {
		if err := s.PutSession(ctx, session, auditEntry(1)); err != nil {
			t.Fatal(err)
		}
	}
	wantEqual(t, "sessions", must(s.Sessions(ctx))(t), []*switchhook.Session{ended, open, link})
	wantEqual(t, "audited", auditedThings(of, switchhook.AuditFilter{}), []string{"thing1", "thing1", "thing1"})
	for range 2 {
		if err := s.DeleteSession(ctx, link.Hash); err != nil {
			t.Fatal(err)
		}
	}
	pruneAll(t, s, base().AddDate(-1, 0, 0))
	wantEqual(t, "left", must(s.Sessions(ctx))(t), []*switchhook.Session{open})
}
