package app

import (
	"net/http"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/openid"
)

// openIDWait is how long an OpenID provider may take to answer.
const openIDWait = 10 * time.Second

// openID is the provider at which users can sign in. It is asked by the way that webhooks'
// requests go, but for what they may reach: it is the operator who has named it.
func (a *App) openID() *openid.Provider {
	transport := &http.Transport{Proxy: http.ProxyURL(a.c.Proxy), ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute}
	return openid.New(openid.Options{
		Issuer: a.c.OIDC.Issuer, ClientID: a.c.OIDC.ClientID, ClientSecret: a.c.OIDC.ClientSecret, Scopes: strings.Fields(a.c.OIDC.Scopes),
		Redirect: strings.TrimRight(a.URL(), "/") + "/signin/oidc/callback", Client: &http.Client{Transport: transport, Timeout: openIDWait},
	})
}
