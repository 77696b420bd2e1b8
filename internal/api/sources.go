package api

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
)

// A sourceInput is a source as a client makes it.
type sourceInput struct {
	ID         string            `json:"id,omitzero" pattern:"^[a-z0-9_-]{1,64}$" doc:"Chosen, or src_… if left out."`
	Kind       string            `json:"kind,omitzero" doc:"The system that it speaks with, such as voipbin. Cannot be changed."`
	AccountID  string            `json:"account_id,omitzero" doc:"The account of what is not in account_map. Default: the key's."`
	AccountMap map[string]string `json:"account_map,omitzero" doc:"The system's own account ids, and which account of ours each is."`
	Options    map[string]any    `json:"options,omitzero" doc:"Settings of the kind."`
}

// A sourceView is a source as it is shown.
type sourceView struct {
	switchhook.Source
	IngestURL string     `json:"ingest_url,omitzero" doc:"Where the system is to send its webhooks. Its last part is a secret."`
	State     string     `json:"state" enum:"listening" doc:"How it stands."`
	Stats     sourceStat `json:"stats" doc:"Counted since the program's start."`
}

// sourceStat is what a source has told since the program's start.
type sourceStat struct {
	Messages      int64     `json:"messages" doc:"Messages that came in."`
	Events        int64     `json:"events" doc:"Events made of them."`
	Rejects       int64     `json:"rejects" doc:"Messages that could not be read."`
	LastMessageAt time.Time `json:"last_message_at,omitzero" doc:"When the last message came."`
}

type sourceStats struct {
	mu sync.Mutex
	m  map[string]sourceStat
}

func (s *sourceStats) of(id string) sourceStat {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m[id]
}

func (s *sourceStats) add(id string, events int, rejected bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = map[string]sourceStat{}
	}
	st := s.m[id]
	st.Messages++
	st.Events += int64(events)
	if rejected {
		st.Rejects++
	}
	st.LastMessageAt = now()
	s.m[id] = st
}

func (a *api) registerSources() {
	tags := []string{"Sources"}
	handle(a, huma.Operation{
		OperationID: "create-source", Method: http.MethodPost, Path: "/v1/sources", Tags: tags, Summary: "Create a source", DefaultStatus: http.StatusCreated,
	}, a.createSource)
	handle(a, huma.Operation{
		OperationID: "list-sources", Method: http.MethodGet, Path: "/v1/sources", Tags: tags, Summary: "List sources",
	}, a.listSources)
	handle(a, huma.Operation{
		OperationID: "get-source", Method: http.MethodGet, Path: "/v1/sources/{id}", Tags: tags, Summary: "Get a source",
	}, a.getSource)
	handle(a, huma.Operation{
		OperationID: "update-source", Method: http.MethodPatch, Path: "/v1/sources/{id}", Tags: tags, Summary: "Change a source",
		Description: "JSON Merge Patch (RFC 7396): what is left out stays, null takes a member out.",
	}, a.patchSource)
	handle(a, huma.Operation{
		OperationID: "delete-source", Method: http.MethodDelete, Path: "/v1/sources/{id}", Tags: tags, Summary: "Delete a source",
	}, a.deleteSource)
	handle(a, huma.Operation{
		OperationID: "rotate-source-token", Method: http.MethodPost, Path: "/v1/sources/{id}/rotate-token", Tags: tags, Summary: "Make a new ingest URL",
		Description: "The old one is refused from then on.",
	}, a.rotateToken)
	handle(a, huma.Operation{
		OperationID: "list-rejects", Method: http.MethodGet, Path: "/v1/sources/{id}/rejects", Tags: tags, Summary: "List what could not be read, newest first",
	}, a.listRejects)
}

func (a *api) viewSource(s *switchhook.Source) sourceView {
	v := sourceView{Source: *s, State: "listening", Stats: a.sources.of(s.ID)}
	if s.Token != "" {
		v.IngestURL = a.PublicURL + "/v1/in/" + s.ID + "/" + s.Token
	}
	return v
}

// NewToken makes the secret last part of an ingest URL.
func NewToken() string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // documented never to fail
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// checkSource names what is wrong with a source.
func (a *api) checkSource(c caller, s *switchhook.Source) error {
	kinds := slices.Sorted(maps.Keys(a.byKind))
	switch {
	case !switchhook.ValidAccountID(s.ID):
		return switchhook.InvalidField("id", "expected 1 to 64 characters of a-z 0-9 _ -")
	case s.Kind == "":
		return switchhook.InvalidField("kind", "is required: one of %s", strings.Join(kinds, ", "))
	case a.byKind[s.Kind] == nil:
		return switchhook.InvalidField("kind", "there is no kind %q; there is %s", s.Kind, strings.Join(kinds, ", "))
	case !c.sees(s.AccountID):
		return unknownAccount("account_id", s.AccountID)
	}
	for _, theirs := range slices.Sorted(maps.Keys(s.AccountMap)) {
		if !c.sees(s.AccountMap[theirs]) {
			return unknownAccount("account_map."+theirs, s.AccountMap[theirs])
		}
	}
	return nil
}

func (a *api) createSource(ctx context.Context, in *struct{ Body jsonBody[sourceInput] }) (*output[sourceView], error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	c := callerOf(ctx)
	s := &switchhook.Source{
		ID: body.ID, Kind: body.Kind, AccountID: body.AccountID, AccountMap: body.AccountMap, Options: body.Options,
		Token: NewToken(), CreatedAt: now(),
	}
	s.UpdatedAt = s.CreatedAt
	if s.ID == "" {
		s.ID = switchhook.NewID(switchhook.PrefixSource)
	}
	if s.AccountID == "" {
		s.AccountID = c.account
	}
	if err := a.checkSource(c, s); err != nil {
		return nil, err
	}
	a.Changes.Lock()
	defer a.Changes.Unlock()
	if err := a.Store.CreateSource(ctx, s); err != nil {
		return nil, taken(err, "source", s.ID)
	}
	return a.changedSource(ctx, s)
}

func (a *api) changedSource(ctx context.Context, s *switchhook.Source) (*output[sourceView], error) {
	if err := a.reload(ctx); err != nil {
		return nil, err
	}
	return &output[sourceView]{Body: a.viewSource(s)}, nil
}

func (a *api) listSources(ctx context.Context, in *struct {
	Paging
	AccountID string `query:"account_id" doc:"Only sources of this account. Default: of all that the key opens."`
},
) (*listOutput[sourceView], error) {
	c := callerOf(ctx)
	if _, err := c.only(in.AccountID); err != nil {
		return nil, err
	}
	var views []sourceView
	for _, s := range c.sources {
		if c.sees(s.AccountID) && (in.AccountID == "" || in.AccountID == s.AccountID) {
			views = append(views, a.viewSource(s))
		}
	}
	for i := range views {
		views[i].withhold(c)
	}
	page, next, err := pageOf(views, in.page(), func(v sourceView) string { return v.ID }, sorted)
	if err != nil {
		return nil, err
	}
	return listOf(page, next), nil
}

// source finds a source of the caller's.
func (c caller) source(id string) (*switchhook.Source, error) {
	s := c.sources[id]
	if s == nil || !c.sees(s.AccountID) {
		return nil, notFound("source", id)
	}
	return s, nil
}

func (a *api) getSource(ctx context.Context, in *PathID) (*output[sourceView], error) {
	c := callerOf(ctx)
	s, err := c.source(in.ID)
	if err != nil {
		return nil, err
	}
	v := a.viewSource(s)
	v.withhold(c)
	return &output[sourceView]{Body: v}, nil
}

// editSource changes a source under the lock, and brings it into force.
func (a *api) editSource(ctx context.Context, id string, edit func(c caller, s *switchhook.Source) error) (*output[sourceView], error) {
	a.Changes.Lock()
	defer a.Changes.Unlock()
	c := a.callerNow(ctx)
	old, err := c.source(id)
	if err != nil {
		return nil, err
	}
	s := *old
	if err := edit(c, &s); err != nil {
		return nil, err
	}
	s.UpdatedAt = now()
	if err := a.Store.UpdateSource(ctx, &s); err != nil {
		return nil, err
	}
	return a.changedSource(ctx, &s)
}

func (a *api) patchSource(ctx context.Context, in *struct {
	PathID
	Body patchBody[sourceInput]
},
) (*output[sourceView], error) {
	return a.editSource(ctx, in.ID, func(c caller, s *switchhook.Source) error {
		current := sourceInput{ID: s.ID, Kind: s.Kind, AccountID: s.AccountID, AccountMap: s.AccountMap, Options: s.Options}
		next, err := merge(current, in.Body.raw, nil)
		if err != nil {
			return err
		}
		if next.ID != s.ID {
			return switchhook.InvalidField("id", "cannot be changed")
		}
		if next.Kind != s.Kind {
			return switchhook.InvalidField("kind", "cannot be changed")
		}
		if next.AccountID == "" {
			next.AccountID = c.account
		}
		s.AccountID, s.AccountMap, s.Options = next.AccountID, next.AccountMap, next.Options
		return a.checkSource(c, s)
	})
}

func (a *api) rotateToken(ctx context.Context, in *PathID) (*output[sourceView], error) {
	return a.editSource(ctx, in.ID, func(_ caller, s *switchhook.Source) error {
		s.Token = NewToken()
		return nil
	})
}

func (a *api) deleteSource(ctx context.Context, in *PathID) (*struct{}, error) {
	a.Changes.Lock()
	defer a.Changes.Unlock()
	if _, err := callerOf(ctx).source(in.ID); err != nil {
		return nil, err
	}
	if err := a.Store.DeleteSource(ctx, in.ID); err != nil {
		if switchhook.ErrorCode(err) == switchhook.CodeNotFound {
			return nil, notFound("source", in.ID)
		}
		return nil, err
	}
	return nil, a.reload(ctx)
}

func (a *api) listRejects(ctx context.Context, in *struct {
	Paging
	PathID
},
) (*listOutput[*switchhook.Reject], error) {
	if _, err := callerOf(ctx).source(in.ID); err != nil {
		return nil, err
	}
	rejects, next, err := a.Store.Rejects(ctx, in.ID, in.page())
	if err != nil {
		return nil, err
	}
	return listOf(rejects, next), nil
}
