package api

import (
	"context"
	"slices"
	"time"

	"github.com/switchhook/switchhook"
)

// A templateVersion is what was an account's own of a template at some time.
type templateVersion struct {
	Version   int64     `json:"version" doc:"Its number, from 1. Rises."`
	UpdatedAt time.Time `json:"updated_at" doc:"When it was made."`
	UpdatedBy string    `json:"updated_by,omitzero" doc:"Who made it. Absent: somebody of an account above."`
	Reverted  bool      `json:"reverted" doc:"From then on nothing was the account's own."`
	OwnParts
}

func (a *api) listTemplateVersions(ctx context.Context, in *struct {
	TemplateInPath
	Paging
},
) (*listOutput[templateVersion], error) {
	account, err := callerOf(ctx).owner(in.AccountID)
	if err != nil {
		return nil, err
	}
	versions, err := a.Store.TemplateVersions(ctx, account, in.ID)
	if err != nil {
		return nil, err
	}
	if _, ok := a.Book.Letter(account, in.ID); !ok && len(versions) == 0 {
		return nil, notFound("template", in.ID)
	}
	page, next, err := pageOf(versions, in.page(), func(t *switchhook.Template) string { return rising(t.Version) }, falling)
	if err != nil {
		return nil, err
	}
	var items []templateVersion
	for _, t := range page {
		items = append(items, templateVersion{t.Version, t.UpdatedAt, t.UpdatedBy, t.Reverted, ownOf(t)})
	}
	return listOf(items, next), nil
}

func (a *api) restoreTemplate(ctx context.Context, in *struct {
	TemplateChange
	Version int64 `path:"version" doc:"The version's number."`
},
) (*tagged[templateView], error) {
	a.Changes.Lock()
	defer a.Changes.Unlock()
	ch, err := a.changeTemplate(ctx, in.TemplateChange, true)
	if err != nil {
		return nil, err
	}
	versions, err := a.Store.TemplateVersions(ctx, ch.account, ch.id)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(versions, func(t *switchhook.Template) bool { return t.Version == in.Version })
	if i < 0 {
		return nil, switchhook.Errorf(switchhook.CodeNotFound, "the template %s of the account %s has no version %d", ch.id, ch.account, in.Version)
	}
	if versions[i].Reverted && !a.inherits(ch.account, ch.id) {
		return nil, switchhook.Errorf(switchhook.CodeConflict, "in version %d the template %s was not there; delete it instead", in.Version, ch.id)
	}
	return a.keepTemplate(ctx, ch, ownOf(versions[i]))
}
