package api

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// mostRejected is how much of the body of a reject is kept.
const mostRejected = 256 << 10

func (a *api) registerIngest() {
	a.mux.HandleFunc("/v1/in/{id}/{token}", a.ingestByToken)
	a.mux.HandleFunc("/v1/in/{id}", a.withKey("ingest-with-key", a.ingestByKey))
	for _, form := range []struct {
		id, path, summary string
		security          []map[string][]string
	}{
		{"ingest", "/v1/in/{id}/{token}", "Take another system's webhook in", []map[string][]string{{}}},
		{"ingest-with-key", "/v1/in/{id}", "Take another system's webhook in, by key", withKeyOnly()},
	} {
		op := huma.Operation{
			OperationID: form.id, Method: http.MethodPost, Path: form.path, Tags: []string{"Sources"}, Summary: form.summary, Security: form.security,
			Description: "With any method, and any body that the source's system sends: JSON, a form, or only a query. What cannot be read is kept as a reject.",
			Parameters:  []*huma.Param{{Name: "id", In: "path", Required: true, Description: "The source.", Schema: &huma.Schema{Type: huma.TypeString}}},
			RequestBody: &huma.RequestBody{Content: map[string]*huma.MediaType{"*/*": {Schema: &huma.Schema{}}}},
			Responses: map[string]*huma.Response{"202": {
				Description: "Accepted and kept", Content: map[string]*huma.MediaType{"application/json": {Schema: schemaOf[accepted](a)}},
			}},
		}
		if strings.Contains(form.path, "{token}") {
			op.Parameters = append(op.Parameters, &huma.Param{
				Name: "token", In: "path", Required: true, Description: "The secret of the source's ingest_url.", Schema: &huma.Schema{Type: huma.TypeString},
			})
		}
		a.document(op)
	}
}

// ingestByToken knows the source by the secret in the URL, which the system
// that sends need not know to be one.
func (a *api) ingestByToken(w http.ResponseWriter, r *http.Request) {
	s := a.tenants.Load().sources[r.PathValue("id")]
	if s == nil || s.Token == "" || subtle.ConstantTimeCompare([]byte(s.Token), []byte(r.PathValue("token"))) != 1 {
		a.refuse(w, r, switchhook.Errorf(switchhook.CodeNotFound, "there is no source with this ingest URL"))
		return
	}
	t := a.tenants.Load()
	if by := t.suspended[s.AccountID]; by != "" {
		a.refuse(w, r, suspended(s.AccountID, by))
		return
	}
	// What is sent here is kept, be it as a reject: the URL is a key like any other.
	if err := a.mayAsk(caller{tenants: t, account: s.AccountID}, "source "+s.ID); err != nil {
		a.refuse(w, r, err)
		return
	}
	a.ingest(w, r, s)
}

func (a *api) ingestByKey(w http.ResponseWriter, r *http.Request) {
	s, err := callerOf(r.Context()).source(r.PathValue("id"))
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	a.ingest(w, r, s)
}

// ingest takes one message of a source.
func (a *api) ingest(w http.ResponseWriter, r *http.Request, s *switchhook.Source) {
	body, err := readAll(w, r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if box, ok := a.connectors[s.Kind].(source.Inbox); ok {
		if err := box.Post(r.Context(), s.ID, posted(r, body)); err != nil {
			a.fail(w, r, err)
			return
		}
		writeJSON(w, http.StatusAccepted, "application/json", accepted{Events: []switchhook.Receipt{}})
		return
	}
	receipts, err := a.takeMessage(r, s, body)
	unreadable := err != nil && readersFault(err)
	if e, ok := asOwn(err); ok && e.Code == switchhook.CodeMalformed {
		// Another system's message is a message, whether it is JSON or not.
		err = (&switchhook.Error{Code: switchhook.CodeInvalid, Message: e.Message, Fields: e.Fields}).With(err)
	}
	a.sources.add(s.ID, len(receipts), unreadable)
	if unreadable {
		if kept := a.Router.Reject(r.Context(), rejectOf(r, s, body, err)); kept != nil {
			err = kept // what is not kept is not answered for
		}
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusAccepted, "application/json", accepted{Events: receipts})
}

func (a *api) takeMessage(r *http.Request, s *switchhook.Source, body []byte) ([]switchhook.Receipt, error) {
	t := a.byKind[s.Kind]
	if a.connectors[s.Kind] != nil {
		return nil, switchhook.Errorf(switchhook.CodeNotFound, "the source %q connects by itself; it takes no webhooks", s.ID)
	}
	if t == nil {
		return nil, switchhook.Errorf(switchhook.CodeUnavailable, "this server has no sources of the kind %q", s.Kind)
	}
	if v := jsontext.Value(body); (v.Kind() == '{' || v.Kind() == '[') && tooDeep(body) {
		return nil, switchhook.Errorf(switchhook.CodeInvalid, "the body "+nestedTooDeep)
	}
	msg, err := t.Translate(posted(r, body))
	if err != nil {
		if _, ours := asOwn(err); ours {
			return nil, err
		}
		return nil, switchhook.Errorf(switchhook.CodeInvalid, "%v", err)
	}
	if len(msg.Events) > mostEvents {
		return nil, switchhook.Errorf(switchhook.CodeTooLarge, "the message makes %d events; %d are allowed", len(msg.Events), mostEvents)
	}
	account, err := a.tenants.Load().mapped(s, msg.SystemAccount)
	if err != nil {
		return nil, err
	}
	for _, ev := range msg.Events {
		ev.AccountID, ev.Source, ev.Relayed = account, s.ID, true
	}
	if len(msg.Events) == 0 {
		return []switchhook.Receipt{}, nil
	}
	if err := a.maySend(a.tenants.Load(), msg.Events); err != nil {
		return nil, err
	}
	return a.Router.Accept(r.Context(), msg.Events)
}

// mapped is the account of what a source's system says of one of its own. Who wrote the map
// saw them all, but may not any more: then it gives nobody a way into what was moved away.
func (t *tenants) mapped(s *switchhook.Source, theirs string) (account string, err error) {
	account = s.AccountMap[theirs]
	if account == "" {
		return s.AccountID, nil
	}
	by := caller{tenants: t, account: cmp.Or(s.MappedBy, switchhook.RootAccount)}
	if !by.sees(account) || !by.sees(s.AccountID) {
		return "", wrongField(switchhook.CodeUnknownAccount, "account_map."+theirs, "the source no longer speaks for the account %q: it is gone, or was moved", account)
	}
	return account, nil
}

func posted(r *http.Request, body []byte) *source.Request {
	return &source.Request{Method: r.Method, Query: r.URL.RawQuery, ContentType: r.Header.Get("Content-Type"), Body: body, ReceivedAt: now()}
}

// readersFault reports whether an error says that the message is wrong, not
// that we could not take it.
func readersFault(err error) bool {
	switch switchhook.ErrorCode(err) { //nolint:exhaustive // the codes of wrong input
	case switchhook.CodeInvalid, switchhook.CodeMalformed, switchhook.CodeUnknownType, switchhook.CodeUnknownAccount, switchhook.CodeTooLarge:
		return !errors.Is(err, context.Canceled)
	default:
		return false
	}
}

func rejectOf(r *http.Request, s *switchhook.Source, body []byte, err error) *switchhook.Reject {
	rej := &switchhook.Reject{
		SourceID: s.ID, At: now(), Reason: err.Error(), Method: r.Method, URL: "/v1/in/" + s.ID, Headers: map[string]string{},
	}
	if r.URL.RawQuery != "" {
		rej.URL += "?" + r.URL.RawQuery
	}
	if e, ok := asOwn(err); ok {
		rej.Reason, rej.Fields = e.Message, slices.Clone(e.Fields)
	}
	for name, values := range r.Header {
		value := strings.Join(values, ", ")
		if switchhook.SecretHeader(name) {
			value = mask
		}
		rej.Headers[name] = value
	}
	rej.Body = strings.ToValidUTF8(string(body[:min(len(body), mostRejected)]), "\uFFFD")
	return rej
}
