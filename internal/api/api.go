// Package api is the HTTP side of Switchhook: events come in, everything that
// is kept can be read, and customers set up their webhooks. Its description is
// /openapi.json, made from the Go types here.
//
// Most operations are huma operations: a function from an input struct to an
// output struct. Two kinds are plain handlers: what takes events in (the hot
// path, decoded by hand) and the live streams. All of them fail the same way:
// with a problem document (RFC 9457), made in problem.go and nowhere else.
//
// The handler is safe for use by many goroutines. It keeps accounts, API keys
// and sources in memory, read at the start and after each change made here.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/mail"
	"github.com/switchhook/switchhook/internal/source"
)

// Options says what the API stands on. Store, Router, Engine, Replayer, IDs and Book are
// required.
type Options struct {
	Store    Store
	Router   Router
	Engine   Engine
	Replayer Replayer
	IDs      IDs
	// Book knows the notifications.
	Book *mail.Book
	// MailServer is where mails go, for people: without a password. Empty: nowhere.
	MailServer string
	// MailCatcher: that server is the demo's, which shows mails and delivers none.
	MailCatcher bool

	// Dialects are the request shapes that a webhook can have, the default first.
	Dialects []dialect.Dialect
	// Translators are the kinds of sources whose webhooks /v1/in understands.
	Translators []source.Translator
	// Connectors are the kinds of sources that connect by themselves, and Live says how
	// those stand that run.
	Connectors []source.Connector
	Live       Live

	// Reload brings a change of webhooks, accounts or sources into force
	// everywhere; it is when it returns. Nil: nobody else needs to know.
	Reload func(context.Context) error
	// Changes is held while a webhook, account or source is read, changed and
	// written back. Whoever else changes them holds it too. Nil: nobody else does.
	Changes *sync.Mutex
	// CheckURL refuses a URL that a webhook of the account may not have, with a
	// *switchhook.Error. Nil: every http(s) URL is fine.
	CheckURL func(rawURL, accountID string) error
	// CheckTLS says what is wrong with a webhook's certificates. Nil: anything goes.
	CheckTLS func(t *switchhook.TLS) error

	// MaxOpenDeliveries is how many deliveries to an account's webhooks may be open
	// before its events are refused, where its limits do not say so. 0: any number.
	MaxOpenDeliveries int

	// Tally is what counts. Nil: nothing is counted.
	Tally Tally

	// Feed wakes the live streams. Nil: they see what is new at each heartbeat.
	Feed *Feed
	// Metrics is what /metrics shows. Nil: there is no /metrics.
	Metrics prometheus.Gatherer
	// Web serves every path that is not the API's: the page at /, and /docs.
	Web http.Handler
	// Ready says why the program cannot work yet or any more. Nil: it can.
	Ready func(context.Context) error
	// Logger takes a line per request at Debug, and the cause of every 5xx at
	// Error; of 503 at most one a second, for while the store is down all have the
	// same. Nil: nothing is logged.
	Logger *slog.Logger

	// Retention is how long history is kept that no account keeps for less; 0: for ever.
	Retention time.Duration
	// Version is Switchhook's own, StoreName what it keeps its data in; both
	// are for people.
	Version, StoreName string
	// PublicURL is where customers reach us, such as https://hooks.example.com.
	// Empty: the URLs that we give are paths.
	PublicURL string
	// OpenID is the provider at which users can sign in, and OpenIDName what it is called.
	// Nil: there is none.
	OpenID     OpenID
	OpenIDName string
	// TrustedProxies are the networks whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
}

// Store is what the API needs of persistence. Accounts, keys, users, webhooks and sources
// that it returns are shared: who changes one changes a copy. The lists are not.
type Store interface {
	LastSequence(ctx context.Context) (int64, error)
	Event(ctx context.Context, accounts []string, id string) (*switchhook.Event, error)
	Events(ctx context.Context, f switchhook.EventFilter, p switchhook.Page) ([]*switchhook.Event, string, error)
	Attempt(ctx context.Context, accounts []string, id string) (*switchhook.Attempt, error)
	Attempts(ctx context.Context, f switchhook.AttemptFilter, p switchhook.Page) ([]*switchhook.Attempt, string, error)
	Delivery(ctx context.Context, accounts []string, id string) (*switchhook.Delivery, error)
	Deliveries(ctx context.Context, f switchhook.DeliveryFilter, p switchhook.Page) ([]*switchhook.Delivery, string, error)
	Rejects(ctx context.Context, sourceID string, p switchhook.Page) ([]*switchhook.Reject, string, error)
	Jobs(ctx context.Context) ([]*switchhook.Job, error)

	CreateAccount(ctx context.Context, a *switchhook.Account, audit ...*switchhook.AuditEntry) error
	UpdateAccount(ctx context.Context, a *switchhook.Account, audit ...*switchhook.AuditEntry) error
	DeleteAccounts(ctx context.Context, ids []string, audit ...*switchhook.AuditEntry) error
	Accounts(ctx context.Context) ([]*switchhook.Account, error)
	CreateWebhook(ctx context.Context, w *switchhook.Webhook, audit ...*switchhook.AuditEntry) error
	UpdateWebhook(ctx context.Context, w *switchhook.Webhook, audit ...*switchhook.AuditEntry) error
	DeleteWebhook(ctx context.Context, id string, audit ...*switchhook.AuditEntry) error
	Webhook(ctx context.Context, id string) (*switchhook.Webhook, error)
	Webhooks(ctx context.Context) ([]*switchhook.Webhook, error)
	CreateSource(ctx context.Context, s *switchhook.Source, audit ...*switchhook.AuditEntry) error
	UpdateSource(ctx context.Context, s *switchhook.Source, audit ...*switchhook.AuditEntry) error
	DeleteSource(ctx context.Context, id string, audit ...*switchhook.AuditEntry) error
	Sources(ctx context.Context) ([]*switchhook.Source, error)
	PutUser(ctx context.Context, u *switchhook.User, audit ...*switchhook.AuditEntry) error
	DeleteUser(ctx context.Context, id string, audit ...*switchhook.AuditEntry) error
	Users(ctx context.Context) ([]*switchhook.User, error)
	PutSession(ctx context.Context, s *switchhook.Session, audit ...*switchhook.AuditEntry) error
	DeleteSession(ctx context.Context, hash []byte) error
	Sessions(ctx context.Context) ([]*switchhook.Session, error)
	PutTemplate(ctx context.Context, t *switchhook.Template, audit ...*switchhook.AuditEntry) error
	Templates(ctx context.Context) ([]*switchhook.Template, error)
	TemplateVersions(ctx context.Context, accountID, id string) ([]*switchhook.Template, error)
	PutAudit(ctx context.Context, entries ...*switchhook.AuditEntry) error
	Audit(ctx context.Context, f switchhook.AuditFilter, p switchhook.Page) ([]*switchhook.AuditEntry, string, error)
	PutAPIKey(ctx context.Context, k *switchhook.APIKey, audit ...*switchhook.AuditEntry) error
	UseAPIKey(ctx context.Context, id string, at time.Time) error
	DeleteAPIKey(ctx context.Context, id string, audit ...*switchhook.AuditEntry) error
	APIKeys(ctx context.Context) ([]*switchhook.APIKey, error)
}

// Router is what takes events and records over.
type Router interface {
	// Accept takes all events or none. What is wrong with them is a
	// *switchhook.Error whose fields begin with "events[i].".
	Accept(ctx context.Context, events []*switchhook.Event) ([]switchhook.Receipt, error)
	// PutRecord keeps a record and makes the event of its change, if it has one.
	// allow is asked with the record as it is and as it is to be, nil for none, and may
	// refuse. Its entry becomes durable with the change.
	PutRecord(ctx context.Context, r *switchhook.Record, allow func(before, after *switchhook.Record) (*switchhook.AuditEntry, error)) (stored *switchhook.Record, created bool, err error)
	DeleteRecord(ctx context.Context, accountID, schema, id string, allow func(before, after *switchhook.Record) (*switchhook.AuditEntry, error)) error
	Record(accountID, schema, id string) (*switchhook.Record, bool)
	Records(f switchhook.RecordFilter) []*switchhook.Record
	// Call is the snapshot of a call or leg, nil some time after its end.
	Call(accountID, id string) json.RawMessage
	// OpenCalls lists the snapshots of the open calls and of their legs.
	OpenCalls() []switchhook.Snapshot
	// Forget is told of accounts that are gone, with what they had going on.
	Forget(accounts []string)
	// FilterErrors tells how often a webhook's filter could not say whether it
	// wants an event, and why the last time.
	FilterErrors(webhookID string) (count int64, last string)
	// Reject keeps a source's message that could not be read.
	Reject(ctx context.Context, r *switchhook.Reject) error
	// Selects makes a function that reports whether a webhook that nobody has set up
	// would want an event. It is for one goroutine.
	Selects(w *switchhook.Webhook) func(*switchhook.Event) bool
	// Why says what stands between a webhook and an event of the past, and of a filter
	// that cannot say, what is wrong with it.
	Why(w *switchhook.Webhook, past *switchhook.Event) (why switchhook.Why, note string)
	// Samples makes events of the type's samples, for the webhook's account. They
	// are not kept.
	Samples(w *switchhook.Webhook, eventType string) ([]*switchhook.Event, error)
	// Draft makes of an event what Accept would, and does not keep it.
	Draft(ev *switchhook.Event) error
}

// Engine is what delivers.
type Engine interface {
	// Test sends the event now and records the attempt.
	Test(ctx context.Context, w *switchhook.Webhook, ev *switchhook.Event) (*switchhook.Attempt, error)
	// Preview is the request that the event would make, credentials masked.
	Preview(w *switchhook.Webhook, ev *switchhook.Event) (*switchhook.HTTPRequest, error)
	// Requests makes a function that makes the requests of events, as they would be
	// sent: credentials in them, signed with the webhook's secrets. They are not sent.
	Requests(w *switchhook.Webhook) (func(*switchhook.Event) (*switchhook.HTTPRequest, error), error)
	// Status says how a webhook fares (active, paused, failing or disabled), with what
	// webhookStats names.
	Status(webhookID string) (status string, stats map[string]any)
	// Open is how many deliveries to an account's webhooks are open.
	Open(accountID string) int
	// Fares says how the notifications fare that are meant: how many deliveries are open,
	// since when the oldest waits, since when attempts have failed, and why the last did.
	Fares(meant func(*switchhook.Webhook) bool) (open int, oldest, failingSince time.Time, lastError string)
}

// Live is what runs the sources that connect by themselves.
type Live interface {
	// Status says how a source stands, if it runs.
	Status(sourceID string) (source.Status, bool)
}

// api is the handler that New returns.
type api struct {
	Options
	log      *slog.Logger
	mux      *mux
	huma     huma.API
	started  time.Time
	byKind   map[string]source.Translator
	dialects map[string]dialect.Dialect
	openapi  func() ([]byte, error) // made when it is first asked for; it is dear
	// sendEvents answers POST /v1/events.
	sendEvents http.HandlerFunc
	sources    sourceStats
	connectors map[string]source.Connector // by kind
	refused    refusals

	// requests are measured by key, events by account.
	requests, events meter
	// signIns are measured by login and address.
	signIns     meter
	passwords   hasher
	browsers    sessions
	previews    mailPages
	previewing  turnstile // of previews, by the account whose key asks
	crossOrigin *http.CrossOriginProtection

	// tenants is who is there; replaced, never changed.
	tenants atomic.Pointer[tenants]
}

// An API is its handler, and what the program does by itself as the API would.
type API struct{ *api }

// New makes the API. It reads the accounts, keys and sources, so what
// the program itself puts into the store at its start is put there before.
func New(o Options) (*API, error) {
	if o.Changes == nil {
		o.Changes = new(sync.Mutex)
	}
	a := &api{
		Options: o, log: o.Logger, mux: &mux{ServeMux: http.NewServeMux()}, started: time.Now().UTC(),
		byKind: map[string]source.Translator{}, dialects: map[string]dialect.Dialect{}, connectors: map[string]source.Connector{},
	}
	if a.Tally == nil {
		a.Tally = idle{}
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if a.Feed == nil {
		a.Feed = new(Feed)
	}
	a.PublicURL = strings.TrimRight(a.PublicURL, "/")
	for _, t := range o.Translators {
		a.byKind[t.Kind()] = t
	}
	for _, c := range o.Connectors {
		a.connectors[c.Kind()] = c
	}
	for _, d := range o.Dialects {
		a.dialects[d.Name()] = d
	}
	if err := errors.Join(a.readTenants(context.Background()), a.readSessions(context.Background())); err != nil {
		return nil, err
	}
	a.passwords, a.crossOrigin = newHasher(), http.NewCrossOriginProtection()
	if u, err := url.Parse(a.PublicURL); err == nil && u.Host != "" { // a proxy may give us another Host
		if err := a.crossOrigin.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			return nil, fmt.Errorf("the public URL: %w", err)
		}
	}
	a.register()
	a.amend()
	a.openapi = sync.OnceValues(a.describe)
	return &API{a}, nil
}

// register binds every operation to its path.
func (a *api) register() {
	a.newHuma()
	a.registerEvents()
	a.registerEventTypes()
	a.registerStreams()
	a.registerCalls()
	a.registerAccounts()
	a.registerKeys()
	a.registerAudit()
	a.registerUsers()
	a.registerSessions()
	a.registerPortal()
	a.registerBrand()
	a.registerOIDC()
	a.registerWebhooks()
	a.registerBulk()
	a.registerListen()
	a.registerJobs()
	a.registerSources()
	a.registerIngest()
	a.registerRecords()
	a.registerDialectIDs()
	a.registerAttempts()
	a.registerStats()
	a.registerSearch()
	a.registerTemplates()
	a.registerMails()
	a.registerCustomerUpdates()
	a.registerSystem()
}

// A mux remembers what was registered, so that a test can hold who may do what to all of
// it.
type mux struct {
	*http.ServeMux
	patterns []string
}

// HandleFunc registers a handler.
func (m *mux) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	m.patterns = append(m.patterns, pattern)
	m.ServeMux.HandleFunc(pattern, h)
}

// An exchange is what is known of one request beside its content.
type exchange struct {
	id      string // the request's id
	api     *api
	request *http.Request
	err     error // the cause of a 5xx
	known   bool  // there is something at its path

	caller caller
	asked  bool // the caller is known
}

type exchangeKey struct{}

// ServeHTTP answers a request: it gives it an id, answers it, and logs it.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	ex := &exchange{id: requestID(r), api: a, request: r}
	rec := &recorder{ResponseWriter: w}
	r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, ex))
	h := rec.Header()
	h.Set("X-Request-Id", ex.id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'") // of answers that are data; the page has its own
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			err := fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			if rec.status == 0 {
				a.fail(rec, r, err)
			} else {
				ex.err = err
			}
		}
		a.logRequest(r, rec, ex, time.Since(start))
	}()
	a.route(rec, r)
}

// route finds the handler. ServeMux's own answers to an unknown path or method
// are plain text; ours are problem documents, and every path that is not the
// API's goes to the web page.
func (a *api) route(w *recorder, r *http.Request) {
	if r.Method == http.MethodPost && r.URL.Path == "/v1/events" { // the hot path need not be looked for, twice
		known(r)
		a.sendEvents(w, r)
		return
	}
	h, pattern := a.mux.Handler(r)
	if pattern != "" {
		if r.URL.Path == path.Clean(r.URL.Path) { // else it is led to where it means
			known(r)
		}
		a.mux.ServeHTTP(w, r)
		return
	}
	var own refusal
	h.ServeHTTP(&own, r)
	isAPI := r.URL.Path == "/v1" || strings.HasPrefix(r.URL.Path, "/v1/")
	switch {
	case own.status == http.StatusMethodNotAllowed:
		allow := own.Header().Get("Allow")
		w.Header().Set("Allow", allow)
		a.fail(w, r, switchhook.Errorf(codeMethodNotAllowed, "%s does not know %s; it knows %s", r.URL.Path, r.Method, allow))
	case !isAPI && a.Web != nil:
		a.Web.ServeHTTP(w, r)
	default:
		a.fail(w, r, switchhook.Errorf(switchhook.CodeNotFound, "there is nothing at %s; the API is described at /docs", a.loggedPath(r, true)))
	}
}

// known notes that there is something at the request's path.
func known(r *http.Request) {
	if ex, ok := r.Context().Value(exchangeKey{}).(*exchange); ok {
		ex.known = true
	}
}

// A refusal takes ServeMux's own answer, to be said in our words.
type refusal struct {
	header http.Header
	status int
}

func (r *refusal) Header() http.Header {
	if r.header == nil {
		r.header = http.Header{}
	}
	return r.header
}
func (r *refusal) WriteHeader(status int)      { r.status = status }
func (r *refusal) Write(b []byte) (int, error) { return len(b), nil }

// A recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// Unwrap lets http.ResponseController find the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// WriteHeader remembers the status.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// requestID is the caller's own id for the request, if it can be one, else new.
func requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); switchhook.ValidEventID(id) && len(id) <= 64 {
		return id
	}
	return switchhook.NewID("req_")
}

// clientAddr is who asks: the peer, or whom a trusted proxy says it asks for.
func (a *api) clientAddr(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := peer.Addr().Unmap()
	// From the right: each proxy appends whom it was asked by, and what is left
	// of an untrusted one may be made up.
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && a.trusted(addr); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = next.Unmap()
	}
	return addr
}

func (a *api) trusted(addr netip.Addr) bool {
	for _, p := range a.TrustedProxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// reload brings a change into force, here and everywhere else.
func (a *api) reload(ctx context.Context) error {
	if err := a.readTenants(ctx); err != nil {
		return err
	}
	a.Feed.Ping() // streams look whether they still may go on
	if a.Reload == nil {
		return nil
	}
	return a.Reload(ctx)
}
