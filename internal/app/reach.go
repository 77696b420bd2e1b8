package app

import (
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver/reach"
	"github.com/switchhook/switchhook/internal/deliver/wire"
)

// transport is how requests leave this process.
func (a *App) transport() *wire.Client {
	return &wire.Client{Networks: a.c.AllowNetworks, Proxy: a.c.Proxy}
}

// checkURL refuses what no webhook of the account can reach.
func (a *App) checkURL(rawURL, accountID string) error {
	own, _ := a.accounts.of(accountID)
	networks := slices.Concat(own, a.c.AllowNetworks)
	return reach.New(networks...).CheckURL(rawURL)
}

// checkTLS says what is wrong with certificates.
func checkTLS(t *switchhook.TLS) error {
	return wire.Way{CA: t.CA, Certificate: t.Certificate, Key: t.Key}.Check()
}

// A reachOf knows what each account's webhooks may reach. It is set as a whole.
type reachOf struct {
	accounts atomic.Pointer[map[string]*switchhook.Account]
}

func (r *reachOf) set(accounts []*switchhook.Account) {
	byID := make(map[string]*switchhook.Account, len(accounts))
	for _, a := range accounts {
		byID[a.ID] = a
	}
	r.accounts.Store(&byID)
}

// of are the private networks that are an account's own, and whether its people may see
// what is answered from private networks: the operator's may.
func (r *reachOf) of(accountID string) (networks []netip.Prefix, shown bool) {
	return nil, accountID == switchhook.RootAccount
}
