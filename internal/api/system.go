package api

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/switchhook/switchhook"
)

// readyWait is how long the answer to "can you work?" may take.
const readyWait = 5 * time.Second

// An info is what runs here.
type info struct {
	Version   string    `json:"version" doc:"Switchhook's version."`
	Store     string    `json:"store,omitzero" doc:"What it keeps its data in."`
	StartedAt time.Time `json:"started_at" doc:"When the program started."`
	AccountID string    `json:"account_id" doc:"The account of the key that asks."`
	Role      string    `json:"role" enum:"admin,developer,viewer,ingest" doc:"The role of the key that asks."`
	Dialects  []string  `json:"dialects" doc:"The request shapes that a webhook can have."`
	Sources   []string  `json:"source_kinds" doc:"The kinds of sources that can be made."`
}

// A condition is the answer to a probe.
type condition struct {
	Status string `json:"status"`
}

func (a *api) registerSystem() {
	handle(a, huma.Operation{
		OperationID: "get-info", Method: http.MethodGet, Path: "/v1/info", Tags: []string{"System"}, Summary: "What runs here",
	}, a.info)
	a.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, "application/json", condition{"alive"})
	})
	a.mux.HandleFunc("GET /readyz", a.readyz)
	a.mux.HandleFunc("GET /openapi.json", a.serveOpenAPI)
	probe := func(id, path, summary string) {
		a.document(huma.Operation{
			OperationID: id, Method: http.MethodGet, Path: path, Tags: []string{"System"}, Summary: summary, Security: []map[string][]string{{}},
			Responses: map[string]*huma.Response{"200": {
				Description: "Yes", Content: map[string]*huma.MediaType{"application/json": {Schema: schemaOf[condition](a)}},
			}},
		})
	}
	probe("healthz", "/healthz", "Is the program alive?")
	probe("readyz", "/readyz", "Can it work?")
	if a.Metrics == nil {
		return
	}
	metrics := promhttp.HandlerFor(a.Metrics, promhttp.HandlerOpts{})
	a.mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		if err := a.mayReadMetrics(r); err != nil {
			a.fail(w, r, err)
			return
		}
		metrics.ServeHTTP(w, r)
	})
	a.document(huma.Operation{
		OperationID: "metrics", Method: http.MethodGet, Path: "/metrics", Tags: []string{"System"}, Summary: "Prometheus metrics",
		Description: "Open on loopback, to who asks for localhost or its address; else the operator's key is needed.", Security: []map[string][]string{{"key": {}}, {}},
		Responses: map[string]*huma.Response{"200": {
			Description: "Prometheus text format", Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}},
		}},
	})
}

func (a *api) info(ctx context.Context, _ *struct{}) (*output[info], error) {
	c := callerOf(ctx)
	out := info{Version: a.Version, Store: a.StoreName, StartedAt: a.started, AccountID: c.account, Role: string(c.role), Dialects: []string{}, Sources: append([]string{}, a.sourceKinds()...)}
	for _, d := range a.Dialects {
		out.Dialects = append(out.Dialects, d.Name())
	}
	return &output[info]{Body: out}, nil
}

func (a *api) readyz(w http.ResponseWriter, r *http.Request) {
	if a.Ready != nil {
		ctx, cancel := context.WithTimeout(r.Context(), readyWait)
		defer cancel()
		if err := a.Ready(ctx); err != nil {
			a.fail(w, r, switchhook.Errorf(switchhook.CodeUnavailable, "not ready; the log has the cause").With(err))
			return
		}
	}
	writeJSON(w, http.StatusOK, "application/json", condition{"ready"})
}

// loopbackHost reports whether a request's Host is this machine by a name that means nothing
// elsewhere. Under another name asks a proxy for somebody, or a browser for a page whose name
// was made to lead here (DNS rebinding).
func loopbackHost(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]") // without a port
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.IsLoopback() || strings.EqualFold(name, "localhost")
}

// mayReadMetrics lets through who asks from this machine and says so, and the operator.
// Metrics speak of all accounts.
func (a *api) mayReadMetrics(r *http.Request) error {
	// A proxy on this machine that we were not told to trust asks for somebody
	// else; what it says of whom is no proof of anything, but that it is one.
	forwarded := r.Header.Get("X-Forwarded-For") + r.Header.Get("Forwarded") + r.Header.Get("X-Real-Ip")
	client := a.clientAddr(r)
	if client.IsLoopback() && forwarded == "" && loopbackHost(r.Host) {
		return nil
	}
	c, err := a.authenticate(r, "metrics")
	if err != nil {
		return err
	}
	if c.account != switchhook.RootAccount {
		return switchhook.Errorf(switchhook.CodeForbidden, "metrics speak of all accounts; only the operator's key opens them")
	}
	return nil
}
