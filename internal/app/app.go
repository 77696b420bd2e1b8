// Package app is the process: it opens the store, wires the packages that do
// not know one another, serves, and stops in order. It is the only package that
// knows them all.
package app

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
	"github.com/switchhook/switchhook/internal/calls"
	"github.com/switchhook/switchhook/internal/cluster"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/dialect/kazoo"
	"github.com/switchhook/switchhook/internal/dialect/primevox"
	native "github.com/switchhook/switchhook/internal/dialect/switchhook"
	"github.com/switchhook/switchhook/internal/dialect/teli"
	"github.com/switchhook/switchhook/internal/dialect/template"
	"github.com/switchhook/switchhook/internal/dialect/voipbin"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/mail"
	"github.com/switchhook/switchhook/internal/ordjson"
	"github.com/switchhook/switchhook/internal/route"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/tally"
	"github.com/switchhook/switchhook/internal/web"
)

const (
	// graceful is how long requests under way may take to finish at a stop.
	graceful = 15 * time.Second
)

// App is a running Switchhook.
type App struct {
	c          Config
	log        *slog.Logger
	store      store.Store
	storeName  string
	directory  directory.Directory
	router     *route.Router
	engine     *deliver.Engine
	replays    *deliver.Replayer
	live       *source.Supervisor
	rest       *api.API // nil until there is one; before sources run there is
	connectors []source.Connector
	feed       *api.Feed
	tally      *tally.Tally
	listener   net.Listener
	front      front
	server     *http.Server
	served     chan error     // how it ended
	tls        *tls.Config    // nil: plain HTTP
	hands      *cluster.Hands // processes that send for this one; nil: it is alone
	adminKey   string
	metrics    *prometheus.Registry
	ids        *directory.IDs
	book       *mail.Book
	dialects   []dialect.Dialect // the default first

	accounts  reachOf // what the webhooks of each may reach
	reload    sync.Mutex
	inForce   []*switchhook.Account                       // as they were read last; reload is held
	paused    map[*switchhook.Webhook]*switchhook.Webhook // those of suspended accounts, as the engine has them; reload is held
	users     []*switchhook.User                          // as the book has them, and so on; reload is held
	templates []*switchhook.Template
	bookOf    []*switchhook.Account // never empty, but before the book was made
	keeps     map[string]time.Time  // since the year 1; reload is held
	keepLess  chan struct{}         // something is to be pruned now
	changes   sync.Mutex            // held while a webhook, account or source is read, changed and written back
}

// New opens the store, takes up what an earlier process left, and listens. Run
// serves.
//
// Its errors are sentences for the operator: the port is taken, the directory
// is in use, the schema is newer than the program.
func New(ctx context.Context, c Config) (_ *App, err error) {
	def, err := Load(nil, func(string) (string, bool) { return "", false }, nil) //nolint:contextcheck // the templates are tried, which is bounded
	if err != nil {
		return nil, err
	}
	if c.Listen == "" {
		c.Listen = def.Listen
	}
	if c.Data == "" {
		c.Data = def.Data
	}
	if c.Retention == 0 {
		c.Retention = def.Retention
	}
	if c.DisableAfter == 0 {
		c.DisableAfter = def.DisableAfter
	}
	c.OIDC.Scopes, c.OIDC.Name = cmp.Or(c.OIDC.Scopes, def.OIDC.Scopes), cmp.Or(c.OIDC.Name, def.OIDC.Name)
	c.Mail.Gateway.Method, c.Mail.Gateway.Body = cmp.Or(c.Mail.Gateway.Method, def.Mail.Gateway.Method), cmp.Or(c.Mail.Gateway.Body, def.Mail.Gateway.Body)
	if c.Version == "" {
		c.Version = "dev"
	}
	if c.Notice == nil {
		c.Notice = func(string, ...any) {}
	}
	if err := c.check(); err != nil { //nolint:contextcheck // the templates are tried, which is bounded
		return nil, err
	}
	a := &App{c: c, log: c.logger(), metrics: prometheus.NewRegistry(), feed: api.NewFeed(), connectors: connectors(c), keepLess: make(chan struct{}, 1)}
	a.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if c.TLSCert != "" {
		certificate, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
		if err != nil {
			return nil, fmt.Errorf("read --tls-cert and --tls-key: %w", err)
		}
		a.tls = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	}
	// Listening comes before recovering, so that a taken port is said at once.
	var lc net.ListenConfig
	a.listener, err = lc.Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w (choose another address with --listen)", c.Listen, err)
	}
	a.serve()
	if a.store, err = a.openStore(ctx); err != nil {
		return nil, errors.Join(err, a.server.Close())
	}
	if err := a.takeUp(ctx); err != nil {
		return nil, errors.Join(err, a.server.Close(), a.store.Close())
	}
	return a, nil
}

// takeUp makes the parts and takes up what an earlier process left.
func (a *App) takeUp(ctx context.Context) (err error) {
	if err := a.found(ctx); err != nil {
		return err
	}
	if err := a.wire(ctx); err != nil {
		return err
	}
	if a.rest, err = a.api(); err != nil { //nolint:contextcheck // what the API keeps outlives the start
		return err
	}
	var handler http.Handler = a.rest
	open, err := a.engine.Recover(ctx)
	if err != nil {
		return fmt.Errorf("take up open deliveries: %w", err)
	}
	if open > 0 {
		a.log.Info("open deliveries were taken up", "deliveries", open)
	}
	if err := a.replays.Resume(ctx); err != nil {
		return fmt.Errorf("go on with the replays: %w", err)
	}
	if err := a.setSources(ctx); err != nil {
		return err
	}
	if a.hands != nil {
		handler = a.hands.Handler(handler)
		a.hands.Changed(func(n int) { a.engine.Senders(1 + n) })
	}
	a.front.is(handler)
	return nil
}

// found makes the root account and the operator's key where they are not there.
func (a *App) found(ctx context.Context) error {
	err := a.store.CreateAccount(ctx, &switchhook.Account{ID: switchhook.RootAccount, Name: "Operator", CreatedAt: time.Now().UTC()})
	if err != nil && switchhook.ErrorCode(err) != switchhook.CodeConflict {
		return fmt.Errorf("make the root account: %w", err)
	}
	a.adminKey = a.c.AdminKey
	if a.adminKey == "" {
		if theirs, err := a.othersKey(ctx); theirs || err != nil {
			return err
		}
		if a.adminKey, err = a.keptKey(filepath.Join(a.c.Data, adminKeyFile)); err != nil {
			return err
		}
	}
	hash := sha256.Sum256([]byte(a.adminKey))
	key := &switchhook.APIKey{
		ID: api.AdminKeyID, AccountID: switchhook.RootAccount, Name: "operator", Role: switchhook.RoleAdmin, Hash: hash[:], CreatedAt: time.Now().UTC(),
	}
	if err := a.store.PutAPIKey(ctx, key); err != nil {
		return fmt.Errorf("keep the operator's key: %w", err)
	}
	return nil
}

// othersKey reports whether another process has made the operator's key and this one
// does not know it, which with a database of all is no reason to make another.
func (a *App) othersKey(ctx context.Context) (bool, error) {
	if _, err := os.Stat(filepath.Join(a.c.Data, adminKeyFile)); a.c.Database == "" || err == nil {
		return false, nil
	}
	keys, err := a.store.APIKeys(ctx)
	if err != nil {
		return false, fmt.Errorf("read the operator's key: %w", err)
	}
	return slices.ContainsFunc(keys, func(k *switchhook.APIKey) bool { return k.ID == api.AdminKeyID }), nil
}

const adminKeyFile = "admin.key"

// keptKey reads the operator's key from its file, or makes both.
func (a *App) keptKey(file string) (string, error) {
	kept, err := os.ReadFile(file) //nolint:gosec // the operator's own directory
	if err == nil {
		return strings.TrimSpace(string(kept)), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read the operator's key: %w", err)
	}
	key := api.NewAPIKey()
	if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the operator's key: %w", err)
	}
	a.c.Notice("The operator's API key is %s\nIt is kept in %s and not shown again.\n", key, file)
	return key, nil
}

// wire makes the parts and lets them meet.
func (a *App) wire(ctx context.Context) error {
	var err error
	if a.ids, err = directory.OpenIDs(ctx, a.store); err != nil {
		return err
	}
	if a.tally, err = tally.Open(ctx, tally.Options{Store: a.store, Logger: a.log.With("component", "tally")}); err != nil {
		return err
	}
	a.dialects, a.book = a.newDialects(), a.newBook() //nolint:contextcheck // what is in memory is asked without one
	office, err := a.postOffice()
	if err != nil {
		return err
	}
	texts, err := a.c.gateway() //nolint:contextcheck // the templates are tried, which is bounded
	if err != nil {
		return err
	}
	a.router, err = route.New(ctx, route.Options{
		Store: a.store, Directory: &a.directory, Dialects: a.dialects,
		NewFolder: func() route.Folder { return calls.New() }, Notify: a.book.Targets,
		Accepted: func(events []*switchhook.Event) {
			a.engine.Add(events)
			a.tally.Accepted(events)
			a.feed.Ping()
		},
		Metrics: a.metrics, Logger: a.log.With("component", "route"),
	})
	if err != nil {
		return err
	}
	var transport deliver.Transport = a.transport()
	if a.hands != nil {
		transport = a.hands
	}
	a.engine = deliver.New(deliver.Options{
		Transport: transports{transport, office, texts},
		Store:     a.store, Dialects: slices.Concat(a.dialects, a.book.Dialects()), Made: a.book.Webhook, Reach: a.accounts.of, Version: a.c.Version,
		Disable: a.disable, DisableAfter: max(a.c.DisableAfter, 0), Recorded: a.feed.Ping,
		Resume: a.router.Resume, Held: a.store.Held, Score: func(id string) deliver.Score { return a.tally.Score(scoreOf(id)) },
		Metrics: a.metrics, Logger: a.log.With("component", "deliver"),
	})
	a.replays = deliver.NewReplayer(deliver.ReplayOptions{
		Store: a.store, Engine: a.engine, Wants: a.router.Wants, Accounts: a.accountsOf, Logger: a.log.With("component", "replay"),
	})
	if err := a.store.Records(ctx, func(r switchhook.Record) error { return a.directory.Put(&r) }); err != nil {
		return fmt.Errorf("read the records: %w", err)
	}
	if err := a.configuredSources(ctx); err != nil {
		return err
	}
	a.live = a.supervisor() //nolint:contextcheck // what runs outlives the start
	return a.reloadHooks(ctx)
}

// accountsOf lists the accounts whose events a webhook gets.
func (a *App) accountsOf(ctx context.Context, webhookID string) ([]string, error) {
	w, err := a.store.Webhook(ctx, webhookID)
	switch {
	case err != nil:
		return nil, err
	case !w.IncludeSubaccounts:
		return []string{w.AccountID}, nil
	case w.AccountID == switchhook.RootAccount:
		return nil, nil
	}
	accounts, err := a.store.Accounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the accounts: %w", err)
	}
	list := []string{w.AccountID}
	for _, account := range accounts {
		if slices.Contains(a.directory.Ancestors(account.ID), w.AccountID) {
			list = append(list, account.ID)
		}
	}
	return list, nil
}

func (a *App) newDialects() []dialect.Dialect {
	return dialectsOf(dialect.Env{Version: a.c.Version, Host: hostname(), Reseller: a.directory.Reseller, ID: a.ids.Given, Integer: a.integer})
}

// integer stands for a native id: its row's own, where the directory has such a
// row, else one that is counted.
func (a *App) integer(accountID, schema, id string) (int64, error) {
	if n, ok := a.directory.OwnInteger(accountID, schema, id); ok {
		return n, nil
	}
	return a.ids.Integer(accountID, schema, id)
}

// hostname is this machine's name.
func hostname() string {
	name, _ := os.Hostname()
	return cmp.Or(name, "localhost")
}

// dialectsOf lists the dialects that there are, the default first.
func dialectsOf(env dialect.Env) []dialect.Dialect {
	return []dialect.Dialect{native.New(env), kazoo.New(env), voipbin.New(env), teli.New(env), primevox.New(env), template.New(env)}
}

// Reload takes changed accounts, webhooks and sources into force.
func (a *App) Reload(ctx context.Context) error {
	if err := a.reloadHooks(ctx); err != nil {
		return err
	}
	return a.setSources(ctx)
}

func (a *App) reloadHooks(ctx context.Context) error {
	a.reload.Lock()
	defer a.reload.Unlock()
	accounts, err := a.store.Accounts(ctx)
	if err != nil {
		return fmt.Errorf("read the accounts: %w", err)
	}
	webhooks, err := a.store.Webhooks(ctx)
	if err != nil {
		return fmt.Errorf("read the webhooks: %w", err)
	}
	var reach []string
	if !slices.Equal(accounts, a.inForce) { // most often it is a webhook that has changed
		a.directory.SetAccounts(accounts)
		reach = a.accounts.set(accounts)
		a.inForce = accounts
	}
	a.kept()
	// The engine first: it must know a webhook before the router aims at it.
	a.engine.SetWebhooks(a.suspended(webhooks))
	for _, account := range reach {
		a.engine.SetReach(account)
	}
	a.router.SetWebhooks(webhooks)
	return a.setBook(ctx)
}

// disable turns off a webhook whose receiver said that it is gone, or that has
// failed for too long or, under the policy kazoo, too often, and tells of it.
func (a *App) disable(webhookID, reason string, version time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), graceful)
	defer cancel()
	a.changes.Lock()
	defer a.changes.Unlock()
	was, err := a.store.Webhook(ctx, webhookID)
	if err != nil && switchhook.ErrorCode(err) != switchhook.CodeNotFound {
		a.log.Error("a webhook could not be disabled", "webhook", webhookID, "reason", reason, "error", err)
		return
	}
	if err != nil || !was.Enabled || !was.UpdatedAt.Equal(version) { // it is off already, or has been changed since
		return
	}
	w := new(switchhook.Webhook)
	*w = *was
	w.Enabled, w.DisableReason, w.UpdatedAt = false, reason, time.Now().UTC().Truncate(time.Microsecond)
	err = a.store.UpdateWebhook(ctx, w)
	if err == nil {
		err = errors.Join(a.Reload(ctx), a.tellDisabled(ctx, w))
	}
	if err != nil {
		a.log.Error("a webhook could not be disabled", "webhook", webhookID, "reason", reason, "error", err)
		return
	}
	a.log.Warn("webhook disabled", "webhook", webhookID, "reason", reason)
}

// tellDisabled makes the event of a webhook that was turned off, for others.
func (a *App) tellDisabled(ctx context.Context, w *switchhook.Webhook) error {
	data := ordjson.Object{
		{Name: "hook_id", Value: ordjson.String(w.ID)}, {Name: "name", Value: ordjson.String(w.Name)}, {Name: "reason", Value: ordjson.String(w.DisableReason)},
	}
	_, err := a.router.Accept(ctx, []*switchhook.Event{{Type: "webhook.disabled", AccountID: w.AccountID, Data: data.Append(nil)}})
	return err
}

func (a *App) api() (*api.API, error) {
	o := api.Options{
		Store: a.store, Router: a.router, Engine: a.engine, Replayer: a.replays, IDs: a.ids,
		Book: a.book, MailServer: a.mailServer(), MailCatcher: a.c.Mail.Catcher,
		Dialects: a.dialects, Translators: translators(), Connectors: a.connectors, Live: a.live,
		Reload: a.Reload, CheckURL: a.checkURL, CheckTLS: checkTLS,
		Tally: a.tally, Feed: a.feed, Metrics: a.metrics, Web: web.Handler(web.Options{Version: a.c.Version, FrameAncestors: api.FrameAncestors}),
		Ready: a.store.Ping, Logger: a.log.With("component", "api"),
		MaxOpenDeliveries: a.c.MaxOpenDeliveries, Retention: a.c.Retention, Changes: &a.changes, StoreName: a.storeName,
		Version: a.c.Version, PublicURL: a.URL(), TrustedProxies: a.c.TrustedProxies,
	}
	if a.c.OIDC.Issuer != "" {
		o.OpenID, o.OpenIDName = a.openID(), a.c.OIDC.Name
	}
	return api.New(o)
}

// serve begins to answer requests: that nothing can be done yet, until there is more.
func (a *App) serve() {
	a.front.is(alive(api.Unavailable("the server is starting")))
	a.server = &http.Server{
		Handler:           &a.front,
		TLSConfig:         a.tls,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       2 * time.Minute, // 32 MiB over a slow line
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
	}
	// Streams end at once; Shutdown waits for all other requests.
	a.server.RegisterOnShutdown(a.feed.Close)
	a.served = make(chan error, 1)
	go func() {
		if a.tls != nil {
			a.served <- a.server.ServeTLS(a.listener, "", "")
		} else {
			a.served <- a.server.Serve(a.listener)
		}
	}()
}

// URL is how the server is reached.
func (a *App) URL() string {
	if a.c.PublicURL != "" {
		return strings.TrimSuffix(a.c.PublicURL, "/")
	}
	scheme := "http"
	if a.tls != nil {
		scheme = "https"
	}
	return scheme + "://" + a.listener.Addr().String()
}

// AdminKey is the operator's API key.
func (a *App) AdminKey() string { return a.adminKey }

// Accept takes events over as POST /v1/events does, without HTTP: all or none,
// and they are durable when it returns. Its errors are those of route.Router.
func (a *App) Accept(ctx context.Context, events []*switchhook.Event) ([]switchhook.Receipt, error) {
	return a.router.Accept(ctx, events)
}

// Run serves until ctx ends; then it stops accepting, finishes what is under
// way, and closes the store. It returns nil after a clean stop, and an error if
// the store can no longer promise anything.
func (a *App) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { a.prune(ctx) })
	wg.Go(func() { tuneGC(ctx) })
	wg.Go(func() { a.tally.Run(ctx) })
	a.log.Info("ready", "url", a.URL(), "data", a.c.Data, "version", a.c.Version)
	var err error
	select {
	case <-ctx.Done():
	case err = <-a.served:
		err = fmt.Errorf("serve: %w", err)
	case <-a.store.Broken():
		err = errors.New("the store is broken: nothing more can be acknowledged; see the log")
	}
	cancel()
	a.log.Info("stopping")
	stop, done := context.WithTimeout(context.WithoutCancel(ctx), graceful/3)
	defer done()
	if stopErr := a.live.Stop(stop); stopErr != nil {
		a.log.Warn("stop", "error", stopErr)
	}
	stop, done = context.WithTimeout(context.WithoutCancel(ctx), graceful)
	defer done()
	if stopErr := a.server.Shutdown(stop); stopErr != nil {
		a.log.Warn("some API requests were cut off", "error", stopErr)
	}
	if a.hands != nil {
		a.hands.Refuse(stop)
	}
	a.replays.Stop()
	// A client with half a request must not use up the deliveries' time.
	stop, done = context.WithTimeout(context.WithoutCancel(ctx), graceful/3)
	defer done()
	if stopErr := a.engine.Stop(stop); stopErr != nil {
		a.log.Warn("stop", "error", stopErr)
	}
	wg.Wait()
	if a.hands != nil {
		a.hands.Close()
	}
	stop, done = context.WithTimeout(context.WithoutCancel(ctx), graceful/3)
	defer done()
	if saveErr := a.tally.Save(stop); saveErr != nil && err == nil {
		a.log.Warn("counts could not be saved", "error", saveErr)
	}
	return errors.Join(err, a.store.Close())
}
