package api

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
)

func (a *api) logRequest(r *http.Request, rec *recorder, ex *exchange, took time.Duration) {
	failed := rec.status >= http.StatusInternalServerError || ex.err != nil
	level, before := slog.LevelDebug, 0
	if failed {
		level = slog.LevelError
	}
	if rec.status == http.StatusServiceUnavailable {
		var first bool
		if before, first = a.refused.next(time.Now()); !first {
			level = slog.LevelDebug
		}
	}
	if !a.log.Enabled(r.Context(), level) {
		return
	}
	facts := []any{
		"request_id", ex.id, "method", r.Method, "path", a.loggedPath(r, ex.known),
		"status", rec.status, "bytes", rec.bytes, "took", took, "client", a.clientAddr(r).String(),
	}
	if !failed {
		a.log.DebugContext(r.Context(), "request answered", facts...)
		return
	}
	if before > 0 {
		facts = append(facts, "as_well", before)
	}
	a.log.Log(r.Context(), level, "request failed", append(facts, "error", innermost(ex.err))...)
}

// innermost leaves of errors of ours that lie in one another the one that knows
// most: each would say once more that the store is down.
func innermost(err error) error {
	for {
		outer, _ := errors.AsType[*switchhook.Error](err)
		if outer == nil {
			return err
		}
		inner, _ := errors.AsType[*switchhook.Error](outer.Unwrap())
		if inner == nil {
			return err
		}
		err = inner
	}
}

// refusals are the requests that were answered 503.
type refusals struct {
	mu     sync.Mutex
	told   time.Time // when the log was last told of one
	untold int       // since then
}

// next counts one. first: it is the first in a second, and the log is to be told
// of it, and of as many before it as it was not told of.
func (r *refusals) next(now time.Time) (before int, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.told) < time.Second {
		r.untold++
		return 0, false
	}
	before, r.untold, r.told = r.untold, 0, now
	return before, true
}

// loggedPath is the path of a request without what may be a secret: the token of an ingest
// URL or of a preview's page, which who has it reads without a key; and where nothing is, all
// but its beginning: it may be such a URL, written wrongly.
func (a *api) loggedPath(r *http.Request, known bool) string {
	first, rest, more := strings.Cut(strings.TrimLeft(r.URL.Path, "/"), "/")
	switch in, ok := strings.CutPrefix(r.URL.Path, "/v1/in/"); {
	case !known && more && rest != "":
		return "/" + first + "/[redacted]"
	case strings.HasPrefix(r.URL.Path, previewPath):
		return previewPath + "[redacted]"
	case ok:
		id, _, token := strings.Cut(in, "/")
		if a.tenants.Load().sources[id] == nil {
			id = "[redacted]"
		}
		if token {
			id += "/[redacted]"
		}
		return "/v1/in/" + id
	}
	return r.URL.Path
}
