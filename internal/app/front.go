package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"sync/atomic"

	"github.com/switchhook/switchhook/internal/api"
	"github.com/switchhook/switchhook/internal/cluster"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/ledger"
	"github.com/switchhook/switchhook/internal/store/postgres"
	"github.com/switchhook/switchhook/internal/store/sqlite"
)

// A front answers all requests, as what the process is at the moment.
type front struct{ as atomic.Pointer[http.Handler] }

func (f *front) is(h http.Handler) { f.as.Store(&h) }

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if len(r.TransferEncoding) > 0 {
		// net/http takes a Content-Length beside it out, and does not say so: somebody before
		// us may have read the request by that. What follows it is no request (RFC 9112 6.1).
		w.Header().Set("Connection", "close")
	}
	(*f.as.Load()).ServeHTTP(w, r)
}

// alive answers what is asked of this process, whatever it is.
func alive(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			w.WriteHeader(http.StatusOK)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// openStore opens the database that the configuration names. Where another process leads
// it waits, and passes requests on to that one meanwhile.
func (a *App) openStore(ctx context.Context) (store.Store, error) {
	log := a.log.With("component", "store")
	if a.c.Database == "" {
		a.storeName = "SQLite"
		return sqlite.Open(ctx, sqlite.Options{Dir: a.c.Data, MasterKeys: a.c.MasterKeys, Logger: log})
	}
	a.storeName = "PostgreSQL"
	if err := os.MkdirAll(a.c.Data, 0o700); err != nil { // for the keys
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	db, err := postgres.Connect(ctx, a.c.Database)
	if err != nil {
		return nil, err
	}
	keys := ledger.MasterKeys(a.c.MasterKeys, a.c.Data, "the database")
	if _, err := db.Key(ctx, keys); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if local := db.Local(); local != "" && a.c.Advertise == "" && a.onlyHere() {
		a.log.Warn("processes on other machines cannot reach this one: it listens on loopback, and the database is elsewhere; set --listen or --advertise",
			"listen", a.listener.Addr().String(), "address", local)
	}
	lease := db.Lease(fmt.Sprintf("%s/%d", hostname(), os.Getpid()), a.advertised(db.Local()), a.log.With("component", "cluster"))
	transport := a.transport()
	secret := func() (cluster.Secret, error) {
		key, err := db.Key(ctx, keys)
		switch {
		case errors.Is(err, ledger.ErrMasterKey):
			err = fmt.Errorf("%w (%w)", cluster.ErrKey, err)
		case err == nil && key == nil:
			err = errors.New("there is no master key yet")
		}
		networks := slices.SortedFunc(slices.Values(a.c.AllowNetworks), netip.Prefix.Compare)
		setup := fmt.Sprint(networks)
		if a.c.Proxy != nil {
			setup += " " + a.c.Proxy.String()
		}
		return cluster.Secret{Key: key, Setup: setup}, err
	}
	if err := a.follow(ctx, lease, transport, secret); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	a.front.is(alive(api.Unavailable("this process is about to take over")))
	opened, err := db.Open(ctx, postgres.Options{Lease: lease, MasterKeys: keys, Logger: log})
	if err != nil {
		return nil, errors.Join(err, lease.Release(), db.Close()) //nolint:contextcheck // ctx may have ended
	}
	common, err := secret() // there is a key by now
	if err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	a.hands = lease.Hands(transport, common)
	return opened, nil
}

// follow waits until this process leads. Meanwhile it passes requests on to the leader, and
// sends for it. When ctx ends it finishes what it has begun.
func (a *App) follow(ctx context.Context, lease *cluster.Lease, transport cluster.Transport, secret func() (cluster.Secret, error)) error {
	follow, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	helper := lease.Help(deliver.Explained(transport), secret, a.peers(), fail) //nolint:contextcheck // it works until Leave, which is after ctx has ended
	a.front.is(alive(lease.Follow(helper, api.Unavailable("no process leads at the moment"), a.peers())))
	err := lease.Acquire(follow)
	stop, done := context.WithTimeout(context.WithoutCancel(ctx), graceful/3)
	defer done()
	if err != nil {
		_ = a.server.Shutdown(stop) // what is cut off is asked for again
	}
	helper.Leave(stop)
	return err
}

// onlyHere reports whether other machines cannot connect.
func (a *App) onlyHere() bool {
	addr, err := netip.ParseAddrPort(a.listener.Addr().String())
	return err == nil && addr.Addr().IsLoopback()
}

// advertised is where other processes reach this one. local is this machine's address as
// others see it.
func (a *App) advertised(local string) string {
	if a.c.Advertise != "" {
		return a.c.Advertise
	}
	scheme := "http://"
	if a.tls != nil {
		scheme = "https://"
	}
	host, port, _ := net.SplitHostPort(a.listener.Addr().String()) // a listener's own
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = "127.0.0.1" // all are on the database's machine
		if local != "" {
			host = local
		}
	}
	return scheme + net.JoinHostPort(host, port)
}

// peers is how a leader with HTTPS is known: where its address was found out, and so is in
// no certificate, by having the same certificate as this process.
func (a *App) peers() *tls.Config {
	if a.tls == nil || a.c.Advertise != "" {
		return nil
	}
	own := a.tls.Certificates[0].Certificate[0]
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, //nolint:gosec // G402: the next lines verify
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 || string(s.PeerCertificates[0].Raw) != string(own) {
				return errors.New("the leader has another certificate than this process; give each its --advertise URL")
			}
			return nil
		},
	}
}
