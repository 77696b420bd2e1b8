package sim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/sim"
)

// A product is a stand-in for Switchhook: it takes events and delivers each to
// one webhook in our own dialect, at once. Its knobs make it fail.
type product struct {
	t   *testing.T
	url string // where to deliver to; empty: nowhere

	// refuse, where set, answers a request instead; 0 lets it pass, -1 closes
	// the connection after it was carried out.
	refuse func(r *http.Request) int
	// tamper, where set, changes a request before it is sent, or says false to
	// lose it.
	tamper func(ev *switchhook.Event, req *http.Request, body *[]byte) bool
	// forget, where set, leaves deliveries out of what the API tells.
	forget func(ev *switchhook.Event) bool

	mu     sync.Mutex
	events []*switchhook.Event
	inputs []sim.Input
	known  map[string]bool
	rows   map[string]string
	broken []string // what the phone did wrong
}

const webhookID = "wh_test"

func newProduct(t *testing.T) (*product, *sim.Client) {
	t.Helper()
	p := &product{t: t, known: map[string]bool{}, rows: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/events", p.post)
	mux.HandleFunc("PUT /v1/records/{schema}/{id}", p.record)
	mux.HandleFunc("DELETE /v1/records/{schema}/{id}", p.record)
	mux.HandleFunc("GET /v1/events", p.list)
	mux.HandleFunc("GET /v1/events/{id}/deliveries", p.deliveries)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer sk_test" {
			problem(w, http.StatusUnauthorized, switchhook.CodeUnauthorized)
			return
		}
		status := 0
		if p.refuse != nil {
			status = p.refuse(r)
		}
		switch {
		case status > 0:
			problem(w, status, switchhook.CodeUnavailable)
		case status < 0:
			mux.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		default:
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return p, &sim.Client{URL: server.URL, Key: "sk_test"}
}

func problem(w http.ResponseWriter, status int, code switchhook.Code) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"status":%d,"code":%q,"detail":"the test says so"}`, status, code)
}

func (p *product) post(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var in sim.Input
	var raw struct{ Data json.RawMessage }
	if err != nil || json.Unmarshal(body, &in) != nil || json.Unmarshal(body, &raw) != nil {
		problem(w, http.StatusBadRequest, switchhook.CodeMalformed)
		return
	}
	receipt := switchhook.Receipt{ID: in.ID, Deliveries: 1}
	p.mu.Lock()
	if receipt.Duplicate = p.known[in.ID]; !receipt.Duplicate {
		p.known[in.ID] = true
		p.inputs = append(p.inputs, in)
		p.check(in, raw.Data)
		p.accept(in.ID, in.Type, in.OccurredAt, raw.Data)
	}
	p.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
	_ = json.NewEncoder(w).Encode(map[string]any{"events": []switchhook.Receipt{receipt}})
}

// check holds an event to the catalogue.
func (p *product) check(in sim.Input, data []byte) {
	t, ok := catalogue.Lookup(in.Type)
	switch {
	case !ok:
		p.broken = append(p.broken, "the catalogue has no "+in.Type)
	case in.AccountID != "demo":
		p.broken = append(p.broken, in.Type+" is of account "+in.AccountID)
	case !switchhook.ValidEventID(in.ID):
		p.broken = append(p.broken, in.ID+" is no event id")
	case time.Since(in.OccurredAt).Abs() > time.Minute:
		p.broken = append(p.broken, in.Type+" did not occur now")
	default:
		for _, f := range catalogue.Check(t, data, "data") {
			p.broken = append(p.broken, in.Type+": "+f.Field+" "+f.Message)
		}
	}
}

// accept gives the event its sequence and delivers it before anybody else's.
func (p *product) accept(id, typ string, at time.Time, data []byte) {
	r, err := catalogue.Decode(data)
	if err != nil {
		p.broken = append(p.broken, err.Error())
		return
	}
	t, _ := catalogue.Lookup(typ)
	if m := r.Message; m != nil {
		m.ConversationID = catalogue.ConversationID("demo", m.From, m.To)
	}
	now := time.Now()
	ev := &switchhook.Event{
		ID: id, Type: typ, AccountID: "demo", Key: catalogue.Key(t, r), Sequence: int64(len(p.events) + 1),
		OccurredAt: at, AcceptedAt: now, Data: data,
	}
	p.events = append(p.events, ev)
	if p.url != "" {
		p.deliver(ev)
	}
}

func (p *product) deliver(ev *switchhook.Event) {
	data, err := json.Marshal(ev.Data)
	if err != nil {
		p.broken = append(p.broken, err.Error())
		return
	}
	body := fmt.Appendf(nil, `{"id":%q,"type":%q,"account_id":"demo","key":%q,"sequence":%d,"occurred_at":%q,"data":%s}`,
		ev.ID, ev.Type, ev.Key, ev.Sequence, ev.OccurredAt.UTC().Format(time.RFC3339Nano), data)
	req := httptest.NewRequest(http.MethodPost, p.url, nil)
	req.RequestURI = ""
	req.Header.Set("Content-Type", asJSON)
	sign(p.t, req, deliveryID(ev), body)
	if p.tamper != nil && !p.tamper(ev, req, &body) {
		return
	}
	send(p.t, req, body)
}

func deliveryID(ev *switchhook.Event) string {
	return switchhook.DeliveryID(ev.AccountID, ev.ID, webhookID)
}

// sign signs as the reference library does.
func sign(t *testing.T, req *http.Request, id string, content []byte) {
	t.Helper()
	lib, err := standardwebhooks.NewWebhook(vectorSecret)
	if err != nil {
		t.Error(err)
		return
	}
	now := time.Now()
	signature, err := lib.Sign(id, now, content)
	if err != nil {
		t.Error(err)
	}
	req.Header.Set("webhook-id", id)
	req.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	req.Header.Set("webhook-signature", signature)
}

// send makes the request and returns the status, 0 if there was no answer.
func send(t *testing.T, req *http.Request, body []byte) int {
	t.Helper()
	out := req.Clone(req.Context())
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	out.GetBody = nil
	resp, err := http.DefaultClient.Do(out)
	if err != nil {
		return 0
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	return resp.StatusCode
}

func (p *product) record(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.URL.Query().Get("account_id") != "demo" {
		p.broken = append(p.broken, r.URL.String()+" is of no account")
	}
	key := r.PathValue("schema") + "/" + r.PathValue("id")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		p.broken = append(p.broken, err.Error())
	}
	before, existed := p.rows[key]
	action := "created"
	switch {
	case r.Method == http.MethodDelete && !existed:
		problem(w, http.StatusNotFound, switchhook.CodeNotFound)
		return
	case r.Method == http.MethodDelete:
		action, body = "deleted", []byte(before)
		delete(p.rows, key)
	case existed && before == string(body):
		return // a change of nothing
	case existed:
		action = "updated"
		fallthrough
	default:
		p.rows[key] = string(body)
	}
	data := fmt.Appendf(nil, `{"schema":%q,"id":%q,"row":%s,"changed":[]}`, r.PathValue("schema"), r.PathValue("id"), body)
	p.accept("evt_"+strconv.Itoa(len(p.events)), "record."+action, time.Now(), data)
}

func (p *product) list(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	since, err := time.Parse(time.RFC3339Nano, r.URL.Query().Get("since"))
	if err != nil {
		p.broken = append(p.broken, err.Error())
	}
	// Two an answer, so that the client has to page.
	from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
	answer := struct {
		Items []*switchhook.Event `json:"items"`
		Next  *string             `json:"next_cursor"`
	}{Items: []*switchhook.Event{}}
	for i, ev := range p.events {
		if i < from || !catalogue.Match(r.URL.Query().Get("type"), ev.Type) || ev.AcceptedAt.Before(since) {
			continue
		}
		if len(answer.Items) == 2 {
			next := strconv.Itoa(i)
			answer.Next = &next
			break
		}
		answer.Items = append(answer.Items, ev)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (p *product) deliveries(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.events, func(ev *switchhook.Event) bool { return ev.ID == r.PathValue("id") })
	if i < 0 {
		problem(w, http.StatusNotFound, switchhook.CodeNotFound)
		return
	}
	ev := p.events[i]
	items := []switchhook.Delivery{}
	if p.forget == nil || !p.forget(ev) {
		items = append(items, switchhook.Delivery{
			ID: deliveryID(ev), EventID: ev.ID, EventType: ev.Type, AccountID: ev.AccountID, WebhookID: webhookID, Key: ev.Key,
			Sequence: ev.Sequence, State: switchhook.Pending, Attempts: 1, AcceptedAt: ev.AcceptedAt,
		})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"items": items, "next_cursor": nil})
}

// calls groups what was told by the call that it belongs to, in order.
func (p *product) calls() map[string][]sim.Input {
	p.mu.Lock()
	defer p.mu.Unlock()
	calls := map[string][]sim.Input{}
	for _, in := range p.inputs {
		if root := rootOf(in); root != "" {
			calls[root] = append(calls[root], in)
		}
	}
	return calls
}

func rootOf(in sim.Input) string {
	call := member(in, "call")
	if root, ok := call["root_id"].(string); ok {
		return root
	}
	id, _ := call["id"].(string)
	return id
}

func member(in sim.Input, name string) map[string]any {
	data, _ := in.Data.(map[string]any)
	m, _ := data[name].(map[string]any)
	return m
}

// receiver starts a receiver that the product delivers to.
func receiver(t *testing.T, opts sim.ReceiverOptions) *sim.Receiver {
	t.Helper()
	r, err := sim.Listen(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	r.Trust("switchhook", webhookID, vectorSecret)
	if path.Base(r.URL("switchhook")) != "switchhook" || !strings.HasPrefix(r.URL(""), "http://127.0.0.1:") {
		t.Errorf("the receiver is at %s", r.URL("switchhook"))
	}
	return r
}
