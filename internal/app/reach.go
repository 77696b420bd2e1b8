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
	accounts atomic.Pointer[map[string]reached]
}

type reached struct {
	networks []netip.Prefix
	shown    bool
}

// set takes over what the accounts say, and returns those of which it is another thing
// than before. A network that is none, which the API does not let in, opens nothing.
func (r *reachOf) set(accounts []*switchhook.Account) (changed []string) {
	byID := make(map[string]reached, len(accounts))
	for _, a := range accounts {
		is := reached{shown: a.ShowPrivateAnswers || a.ID == switchhook.RootAccount}
		for _, text := range a.AllowNetworks {
			if n, err := netip.ParsePrefix(text); err == nil {
				is.networks = append(is.networks, n.Masked())
			}
		}
		byID[a.ID] = is
		networks, shown := r.of(a.ID)
		if shown != is.shown || !slices.Equal(networks, is.networks) {
			changed = append(changed, a.ID)
		}
	}
	r.accounts.Store(&byID)
	return changed
}

// of are the private networks that an account's webhooks may reach beside those that all
// may, and whether its people may see what is answered from private networks: the
// operator's may.
func (r *reachOf) of(accountID string) (networks []netip.Prefix, shown bool) {
	accounts := r.accounts.Load()
	if accounts == nil {
		return nil, false
	}
	is := (*accounts)[accountID]
	return is.networks, is.shown
}
