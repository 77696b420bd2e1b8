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
	"github.com/switchhook/switchhook/internal/source"
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
	IngestURL string     `json:"ingest_url,omitzero" doc:"Where the system is to post. Its last part is a secret. Most sources that connect by themselves have none."`
	State     string     `json:"state" enum:"listening,connecting,connected,failing,stopped" doc:"How it stands. One of webhooks is listening; the others connect by themselves."`
	Since     time.Time  `json:"since,omitzero" doc:"Since when it is in this state."`
	Reason    string     `json:"reason,omitzero" doc:"Why it fails. It is tried again and again."`
	System    string     `json:"system,omitzero" doc:"What the phone system calls itself, such as Asterisk 22.10.1."`
	Lag       *sourceLag `json:"lag,omitzero" doc:"How far behind the phone system is what was told of it."`
	Stats     sourceStat `json:"stats" doc:"Counted since the program's start."`

	connects bool // by itself: the operator's alone
}

// sourceLag is what came from a system and is not committed yet.
type sourceLag struct {
	Messages int                 `json:"messages" doc:"Messages that wait."`
	Age      switchhook.Duration `json:"age" doc:"How long the oldest of them has waited."`
}

// sourceStat is what a source has told since the program's start.
type sourceStat struct {
	Messages      int64     `json:"messages" doc:"Messages that came in."`
	Events        int64     `json:"events" doc:"Events made of them."`
	Rejects       int64     `json:"rejects" doc:"Messages that could not be read, and events that could not be accepted."`
	Reconnects    int64     `json:"reconnects,omitzero" doc:"Times that it was connected again."`
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
		Description: "One of another system's webhooks listens at its ingest_url from then on. One that connects by itself, such as asterisk, begins to; " +
			"its state says how that goes. Only the operator makes and changes those, for they reach whatever this server reaches. " +
			"Options that are secret are masked in every answer.",
	}, a.createSource)
	handle(a, huma.Operation{
		OperationID: "list-sources", Method: http.MethodGet, Path: "/v1/sources", Tags: tags, Summary: "List sources",
	}, a.listSources)
	handle(a, huma.Operation{
		OperationID: "get-source", Method: http.MethodGet, Path: "/v1/sources/{id}", Tags: tags, Summary: "Get a source",
	}, a.getSource)
	handle(a, huma.Operation{
		OperationID: "update-source", Method: http.MethodPatch, Path: "/v1/sources/{id}", Tags: tags, Summary: "Change a source",
		Description: "JSON Merge Patch (RFC 7396): what is left out stays, null takes a member out, and a masked secret stays what it was. A source that connects by itself connects anew.",
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
	a.mux.HandleFunc("GET /v1/sources/{id}/ari", a.openDoor)
	text := func(meaning string) *huma.Response {
		return &huma.Response{Description: meaning, Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}}}
	}
	a.document(huma.Operation{
		OperationID: "connect-ari", Method: http.MethodGet, Path: "/v1/sources/{id}/ari", Tags: tags, Summary: "Connect as an Asterisk",
		Description: "Where the WebSocket of an Asterisk comes in that dials us (websocket_client.conf). Its name and password are those in the source's options.",
		Security:    []map[string][]string{{}},
		Parameters:  []*huma.Param{{Name: "id", In: "path", Required: true, Description: "The source.", Schema: &huma.Schema{Type: huma.TypeString}}},
		Responses: map[string]*huma.Response{
			"101": {Description: "Connected"}, "401": text("Another name or password"), "503": text("The source does not run at the moment"),
		},
	})
}

// openDoor lets a phone system in that connects to us. Its source knows who may.
func (a *api) openDoor(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if s := a.tenants.Load().sources[id]; s != nil {
		if d, ok := a.connectors[s.Kind].(source.Door); ok {
			d.Accept(w, r, id)
			return
		}
	}
	a.fail(w, r, switchhook.Errorf(switchhook.CodeNotFound, "there is no source %q that systems connect to", id))
}

func (a *api) viewSource(s *switchhook.Source) sourceView {
	v := sourceView{Source: *s, State: "listening"}
	if s.Token != "" {
		v.IngestURL = a.PublicURL + "/v1/in/" + s.ID + "/" + s.Token
	}
	c := a.connectors[s.Kind]
	if c == nil {
		v.Stats = a.sources.of(s.ID)
		return v
	}
	v.connects, v.Options = true, withoutSecrets(s.Options, c.Secrets())
	st, ok := a.Live.Status(s.ID)
	if !ok {
		st.State = source.StateStopped
	}
	v.State, v.Since, v.Reason, v.System = string(st.State), st.Since, st.Reason, st.System
	v.Lag = &sourceLag{st.Waiting, switchhook.Duration(st.Behind.Truncate(time.Millisecond))}
	v.Stats = sourceStat{st.Messages, st.Events, st.Rejects, st.Reconnects, st.LastMessageAt}
	return v
}

// withoutSecrets are options with a mask in place of the values of some, such as secret
// and ari.password.
func withoutSecrets(options map[string]any, secrets []string) map[string]any {
	options = maps.Clone(options)
	for _, name := range secrets {
		outer, inner, nested := strings.Cut(name, ".")
		value, ok := options[outer]
		if deeper, is := value.(map[string]any); nested && is {
			options[outer] = withoutSecrets(deeper, []string{inner})
		} else if ok && !nested {
			options[outer] = mask
		}
	}
	return options
}

// NewToken makes the secret last part of an ingest URL.
func NewToken() string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // documented never to fail
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// checkSource names what is wrong with a source.
func (a *api) checkSource(c caller, s *switchhook.Source) error {
	kinds := slices.Sorted(slices.Values(a.sourceKinds()))
	connector := a.connectors[s.Kind]
	switch {
	case !switchhook.ValidAccountID(s.ID):
		return switchhook.InvalidField("id", "expected 1 to 64 characters of a-z 0-9 _ -")
	case s.Kind == "":
		return switchhook.InvalidField("kind", "is required: one of %s", strings.Join(kinds, ", "))
	case a.byKind[s.Kind] == nil && connector == nil:
		return switchhook.InvalidField("kind", "there is no kind %q; there is %s", s.Kind, strings.Join(kinds, ", "))
	case !c.sees(s.AccountID):
		return unknownAccount("account_id", s.AccountID)
	}
	for _, theirs := range slices.Sorted(maps.Keys(s.AccountMap)) {
		if !c.sees(s.AccountMap[theirs]) {
			return unknownAccount("account_map."+theirs, s.AccountMap[theirs])
		}
	}
	if connector == nil {
		return nil
	}
	if err := a.mayConnect(c, s.Kind); err != nil {
		return err
	}
	return connector.Check(s.Options)
}

// mayConnect refuses a source that connects by itself to whoever is not the operator: it
// reaches whatever this server reaches.
func (a *api) mayConnect(c caller, kind string) error {
	if a.connectors[kind] != nil && c.account != switchhook.RootAccount {
		return switchhook.Errorf(switchhook.CodeForbidden, "a source of the kind %q connects to whatever it is told to; only the operator's key may make, change or delete it", kind)
	}
	return nil
}

// sourceKinds are the kinds of sources that can be made.
func (a *api) sourceKinds() []string {
	var kinds []string
	for _, t := range a.Translators {
		kinds = append(kinds, t.Kind())
	}
	for _, c := range a.Connectors {
		kinds = append(kinds, c.Kind())
	}
	return kinds
}

func (a *api) createSource(ctx context.Context, in *struct{ Body jsonBody[sourceInput] }) (*tagged[sourceView], error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	c := callerOf(ctx)
	s := &switchhook.Source{
		ID: body.ID, Kind: body.Kind, AccountID: body.AccountID, AccountMap: body.AccountMap, MappedBy: c.account, Options: body.Options,
		CreatedAt: now(),
	}
	if source.Posted(a.connectors[s.Kind]) {
		s.Token = NewToken()
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
	if _, err := a.callerNow(ctx).owner(s.AccountID); err != nil { // it may be gone by now
		return nil, err
	}
	if err := a.Store.CreateSource(ctx, s, a.audit(ctx, s.AccountID, "source", s.ID, nil, a.sourceState(s))); err != nil {
		return nil, taken(err, "source", s.ID)
	}
	return a.changedSource(ctx, s)
}

func (a *api) changedSource(ctx context.Context, s *switchhook.Source) (*tagged[sourceView], error) {
	if err := a.reload(ctx); err != nil {
		return nil, err
	}
	return tag(s.UpdatedAt, a.viewSource(s)), nil
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

func (a *api) getSource(ctx context.Context, in *PathID) (*tagged[sourceView], error) {
	c := callerOf(ctx)
	s, err := c.source(in.ID)
	if err != nil {
		return nil, err
	}
	v := a.viewSource(s)
	v.withhold(c)
	return tag(s.UpdatedAt, v), nil
}

// editSource changes a source under the lock, and brings it into force.
func (a *api) editSource(ctx context.Context, in ChangeID, edit func(c caller, s *switchhook.Source) error) (*tagged[sourceView], error) {
	a.Changes.Lock()
	defer a.Changes.Unlock()
	c := a.callerNow(ctx)
	old, err := c.source(in.ID)
	if err != nil {
		return nil, err
	}
	if err := in.match(old.UpdatedAt); err != nil {
		return nil, err
	}
	s := *old
	if err := edit(c, &s); err != nil {
		return nil, err
	}
	s.UpdatedAt = later(old.UpdatedAt)
	if err := a.Store.UpdateSource(ctx, &s, a.audit(ctx, s.AccountID, "source", s.ID, a.sourceState(old), a.sourceState(&s))); err != nil {
		return nil, err
	}
	return a.changedSource(ctx, &s)
}

func (a *api) patchSource(ctx context.Context, in *struct {
	ChangeID
	Body patchBody[sourceInput]
},
) (*tagged[sourceView], error) {
	return a.editSource(ctx, in.ChangeID, func(c caller, s *switchhook.Source) error {
		current := sourceInput{ID: s.ID, Kind: s.Kind, AccountID: s.AccountID, AccountMap: s.AccountMap, Options: s.Options}
		next, err := merge(current, in.Body.raw, func(old, _, merged map[string]any) { keepMasked(old["options"], merged["options"]) })
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
		s.AccountID, s.AccountMap, s.MappedBy, s.Options = next.AccountID, next.AccountMap, c.account, next.Options
		return a.checkSource(c, s)
	})
}

func (a *api) rotateToken(ctx context.Context, in *ChangeID) (*tagged[sourceView], error) {
	return a.editSource(ctx, *in, func(c caller, s *switchhook.Source) error {
		if !source.Posted(a.connectors[s.Kind]) {
			return switchhook.Errorf(switchhook.CodeInvalid, "a source of the kind %q connects by itself; it has no ingest URL", s.Kind)
		}
		if err := a.mayConnect(c, s.Kind); err != nil {
			return err
		}
		s.Token = NewToken()
		return nil
	})
}

func (a *api) deleteSource(ctx context.Context, in *ChangeID) (*struct{}, error) {
	a.Changes.Lock()
	defer a.Changes.Unlock()
	c := a.callerNow(ctx)
	s, err := c.source(in.ID)
	if err != nil {
		return nil, err
	}
	if err := in.match(s.UpdatedAt); err != nil {
		return nil, err
	}
	if err := a.mayConnect(c, s.Kind); err != nil {
		return nil, err
	}
	if err := a.Store.DeleteSource(ctx, in.ID, a.audit(ctx, s.AccountID, "source", s.ID, a.sourceState(s), nil)); err != nil {
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
	rejects, next, err := bounded(in.page(), func(r *switchhook.Reject) int { return len(r.Body) + len(r.URL) }, func(p switchhook.Page) ([]*switchhook.Reject, string, error) {
		return a.Store.Rejects(ctx, in.ID, p)
	})
	if err != nil {
		return nil, err
	}
	return listOf(rejects, next), nil
}
