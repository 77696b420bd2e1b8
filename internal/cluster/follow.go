package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"
)

// forwarded is in requests that a follower passes on: a follower that gets one knows no
// more than who sent it.
const forwarded = "Switchhook-Forwarded"

// Follow answers requests while this process follows: it passes them on to the leader,
// byte for byte, live streams included. tell answers that nobody leads at the moment.
// secure is for leaders with an https URL.
//
// Events are passed on over the helper's line, where there is one: many at a time, and for
// less. helper may be nil.
func (l *Lease) Follow(helper *Helper, tell http.HandlerFunc, secure *tls.Config) http.Handler {
	transport := &http.Transport{
		MaxIdleConnsPerHost: 64, IdleConnTimeout: 90 * time.Second, DisableCompression: true, TLSClientConfig: secure,
	}
	proxy := &httputil.ReverseProxy{
		Transport:     transport,
		FlushInterval: -1, // streams
		Rewrite: func(r *httputil.ProxyRequest) {
			to, _ := r.In.Context().Value(target{}).(*url.URL)
			r.SetURL(to)
			r.Out.URL.RawQuery = r.In.URL.RawQuery // also where it is none by Go's rules
			r.Out.Host = r.In.Host
			r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
			r.SetXForwarded()
			r.Out.Header.Set(forwarded, l.owner)
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, _ error) { tell(w, r) },
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leader := l.leader.Load()
		to, err := url.Parse(leader.URL)
		if leader.Owner == "" || leader.Owner == l.owner || err != nil || r.Header.Get(forwarded) != "" {
			tell(w, r)
			return
		}
		if helper != nil && helper.ask(w, r, tell) {
			return
		}
		// A leader that hangs answers nothing until another leads, and then its answer
		// would say nothing.
		ctx, cancel := context.WithCancelCause(context.WithValue(r.Context(), target{}, to))
		defer cancel(nil)
		stop := context.AfterFunc(leader.leads, func() { cancel(errReplaced) }) //nolint:contextcheck // it ends with the leader, not with the request
		defer stop()
		proxy.ServeHTTP(w, r.WithContext(ctx))
	})
}

type target struct{}

var errReplaced = errors.New("another process leads now")
