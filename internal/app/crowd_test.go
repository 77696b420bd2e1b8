package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/api"
	"github.com/switchhook/switchhook/internal/app"
	"github.com/switchhook/switchhook/internal/store/postgres/pgtest"
)

const (
	crowdSize = 200
	crowdFor  = 3 * time.Second
	// Events come as fast as they are taken, and at most 5,000 a second: so many
	// feeders post so many events each time.
	feeders, feedBatch, feedEvery = 2, 100, 40 * time.Millisecond
	// shared is how many things of each kind all clients change.
	shared = 5
)

// A crowd of clients sets up whatever there is, while events come as fast as the machine
// takes them. Nobody is refused, nobody's change is lost, each is in force when it is
// answered; every event is delivered; and after a restart all is as it was said to be.
func TestCrowd(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(testing.TB) string{"sqlite": func(testing.TB) string { return "" }, "postgres": pgtest.New} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			received := newReceived(t)
			config := app.Config{Data: t.TempDir(), Database: database(t), AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
			var before map[string]any
			run(t, config, func(p *process) {
				c := &crowd{process: p, received: received, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: crowdSize}}}
				defer c.client.CloseIdleConnections()
				c.found()
				c.besiege()
				c.account()
				before = c.everything()
			})
			run(t, config, func(p *process) {
				c := &crowd{process: p, client: http.DefaultClient}
				if diff := cmp.Diff(before, c.everything()); diff != "" {
					t.Errorf("after a restart (- before, + after):\n%s", diff)
				}
			})
		})
	}
}

type crowd struct {
	*process
	client   *http.Client
	received *received

	counters []*counter
	toggled  []string // paths of webhooks that are paused and resumed, and get rare events

	mu            sync.Mutex
	accepted      map[string]bool // ids of events, whether they are rare
	steps, stale  atomic.Int64    // of clients; and changes of what had changed
	events, trips atomic.Int64
}

// A counter is a thing that all raise: a number that lies in a field of it.
type counter struct {
	method, path, field string
	raised              atomic.Int64
}

// found makes what all clients have in common.
func (c *crowd) found() {
	c.accepted = map[string]bool{}
	for _, id := range []string{"feed", "crowd"} {
		c.call("POST", "/v1/accounts", fmt.Sprintf(`{"id":%q}`, id))
	}
	hook := func(path, events string) string {
		answer := c.call("POST", "/v1/webhooks", fmt.Sprintf(`{"account_id":"feed","name":"0","url":%q,"events":[%q],"max_concurrency":64}`, c.received.url+path, events))
		return "/v1/webhooks/" + answer["id"].(string)
	}
	hook("/all", "custom.*")
	for i := range shared {
		n := strconv.Itoa(i)
		c.toggled = append(c.toggled, hook("/rare/"+n, "custom.rare"))
		c.call("POST", "/v1/accounts", fmt.Sprintf(`{"id":"shared-%d","name":"0"}`, i))
		key := c.call("POST", "/v1/api-keys", `{"name":"0","role":"viewer"}`)["id"].(string)
		c.call("PUT", "/v1/records/number/"+n, `{"name":"0"}`)
		for _, of := range []struct{ method, path, field string }{
			{"PATCH", c.toggled[i], ""}, {"PATCH", "/v1/accounts/shared-" + n, ""}, {"PATCH", "/v1/api-keys/" + key, ""}, {"PUT", "/v1/records/number/" + n, "row"},
		} {
			c.counters = append(c.counters, &counter{method: of.method, path: of.path, field: of.field})
		}
	}
}

// besiege lets all loose, for as long as it is to last.
func (c *crowd) besiege() {
	ctx, cancel := context.WithTimeout(c.t.Context(), crowdFor)
	defer cancel()
	var wg sync.WaitGroup
	for i := range feeders {
		wg.Go(func() { c.feed(ctx, i) })
	}
	for i := range crowdSize {
		wg.Go(func() {
			mine := &client{c, i, c.app.AdminKey()}
			steps := []func(){mine.hook, mine.raise, mine.account, mine.raise, mine.toggle, mine.record, mine.raise}
			for at := i; ctx.Err() == nil && !c.t.Failed(); at++ {
				steps[at%len(steps)]()
				c.steps.Add(1)
			}
		})
	}
	wg.Wait()
	c.t.Logf("%d steps of clients with %d requests, %d changes of what had changed meanwhile; %d events", c.steps.Load(), c.trips.Load(), c.stale.Load(), c.events.Load())
}

// feed posts events.
func (c *crowd) feed(ctx context.Context, feeder int) {
	pace := time.NewTicker(feedEvery)
	defer pace.Stop()
	mine := &client{c, feeder, c.app.AdminKey()}
	for n := 0; ; n++ {
		select {
		case <-pace.C:
		case <-ctx.Done():
			return
		}
		var batch []map[string]any
		for i := range feedBatch {
			kind := "custom.often"
			if i == 0 {
				kind = "custom.rare"
			}
			batch = append(batch, map[string]any{"id": fmt.Sprintf("%d-%d-%d", feeder, n, i), "type": kind, "account_id": "feed", "data": map[string]any{"n": n}})
		}
		answer := mine.ask("POST", "/v1/events", "", batch, http.StatusAccepted) //nolint:contextcheck // what is under way is not cut off at the end
		if answer == nil {
			return
		}
		c.mu.Lock()
		for i, receipt := range answer.body["events"].([]any) {
			c.accepted[receipt.(map[string]any)["id"].(string)] = i == 0
		}
		c.mu.Unlock()
		c.events.Add(feedBatch)
	}
}

// account holds what was answered to what is there and to what has arrived.
func (c *crowd) account() {
	var raised int64
	for _, n := range c.counters {
		got := c.call("GET", n.path, "")
		if n.field != "" {
			got = got[n.field].(map[string]any)
		}
		if want := strconv.FormatInt(n.raised.Load(), 10); got["name"] != want {
			c.t.Errorf("%s was raised %s times, and is %v", n.path, want, got["name"])
		}
		raised += n.raised.Load()
	}
	if raised == 0 || len(c.accepted) == 0 {
		c.t.Errorf("%d changes of what all share, and %d events", raised, len(c.accepted))
	}
	for _, path := range c.toggled {
		c.call("POST", path+"/resume", "")
	}
	all := slices.Collect(maps.Keys(c.accepted))
	rare := slices.DeleteFunc(slices.Clone(all), func(id string) bool { return !c.accepted[id] })
	c.received.await("/all", all)
	for i := range shared {
		c.received.await("/rare/"+strconv.Itoa(i), rare)
	}
}

// everything is all that was set up, but for what changes by itself.
func (c *crowd) everything() map[string]any {
	all := map[string]any{}
	for _, list := range []string{"webhooks", "accounts", "api-keys", "records"} {
		for cursor := ""; ; {
			page := c.call("GET", "/v1/"+list+"?limit=100&cursor="+cursor, "")
			for _, item := range page["items"].([]any) {
				thing := item.(map[string]any)
				if thing["id"] == api.AdminKeyID { // each start says it anew
					continue
				}
				delete(thing, "stats")
				delete(thing, "last_used_at")
				all[fmt.Sprint(list, thing["account_id"], thing["schema"], thing["id"])] = thing
			}
			next, more := page["next_cursor"].(string)
			if cursor = next; !more {
				break
			}
		}
	}
	return all
}

// A client is one of the crowd.
type client struct {
	*crowd
	number int
	key    string
}

// An answer of the API.
type answer struct {
	status int
	etag   string
	body   map[string]any
}

// ask makes a request and expects one of some answers; nil: there was another.
func (c *client) ask(method, path, etag string, body any, want ...int) *answer {
	c.trips.Add(1)
	var text bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&text).Encode(body); err != nil {
			c.t.Error(err)
			return nil
		}
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.app.URL()+path, &text)
	if err != nil {
		c.t.Error(err)
		return nil
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	if etag != "" {
		req.Header.Set("If-Match", etag)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		c.t.Errorf("%s %s: %v", method, path, err)
		return nil
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || !slices.Contains(want, resp.StatusCode) {
		c.t.Errorf("%s %s: %s %s %v, want %d", method, path, resp.Status, raw, err, want)
		return nil
	}
	a := &answer{status: resp.StatusCode, etag: resp.Header.Get("ETag")}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &a.body); err != nil {
			c.t.Errorf("%s %s: %s: %v", method, path, raw, err)
			return nil
		}
	}
	return a
}

// A trip is a request that one makes after another.
type trip struct {
	method, path string
	body         any
	want         int
}

// all makes requests. etag, if any, is the version that the first of them changes, and each
// that is one more change is one of what the one before has answered.
func (c *client) all(etag string, trips ...trip) {
	for _, r := range trips {
		version := etag
		if r.method == "GET" || r.path == "/v1/events" {
			version = ""
		}
		a := c.ask(r.method, r.path, version, r.body, r.want)
		if a == nil {
			return
		}
		if etag != "" && a.etag != "" {
			etag = a.etag
		}
	}
}

// hook sets up a webhook: an event is for it from the answer on, and not any more when it
// is told that it is gone.
func (c *client) hook() {
	mine, other := fmt.Sprintf("custom.of-%d", c.number), fmt.Sprintf("custom.not-%d", c.number)
	made := c.ask("POST", "/v1/webhooks", "", map[string]any{"account_id": "crowd", "url": c.received.url + "/own", "events": []string{mine}}, http.StatusCreated)
	if made == nil {
		return
	}
	path := "/v1/webhooks/" + made.body["id"].(string)
	c.wanted(mine, 1)
	c.all(made.etag,
		trip{"PATCH", path, map[string]any{"events": []string{other}}, 200},
		trip{"POST", path + "/pause", nil, 200},
		trip{"PATCH", path, map[string]any{"name": "paused"}, 200},
		trip{"POST", path + "/resume", nil, 200},
		trip{"GET", path, nil, 200},
	)
	c.wanted(mine, 0)
	c.wanted(other, 1)
	c.all("", trip{"DELETE", path, nil, 204}, trip{"GET", path, nil, 404})
	c.wanted(other, 0)
}

// wanted posts an event that so many webhooks want.
func (c *client) wanted(eventType string, deliveries int) {
	a := c.ask("POST", "/v1/events", "", map[string]any{"type": eventType, "account_id": "crowd", "data": map[string]any{}}, http.StatusAccepted)
	if a == nil {
		return
	}
	if got := a.body["events"].([]any)[0].(map[string]any)["deliveries"]; got != float64(deliveries) {
		c.t.Errorf("%s makes %v deliveries, want %d", eventType, got, deliveries)
	}
}

// account makes an account and a key, which opens it as long as it is there.
func (c *client) account() {
	made := c.ask("POST", "/v1/accounts", "", map[string]any{"parent_id": "crowd", "name": "an account"}, http.StatusCreated)
	if made == nil {
		return
	}
	id := made.body["id"].(string)
	path := "/v1/accounts/" + id
	c.all(made.etag, trip{"PATCH", path, map[string]any{"name": "renamed"}, 200}, trip{"GET", path, nil, 200})
	key := c.ask("POST", "/v1/api-keys", "", map[string]any{"account_id": id, "role": "developer"}, http.StatusCreated)
	if key == nil {
		return
	}
	event, keyPath := map[string]any{"type": "custom.own", "data": map[string]any{}}, "/v1/api-keys/"+key.body["id"].(string)
	guest := &client{c.crowd, c.number, key.body["key"].(string)}
	guest.all("", trip{"POST", "/v1/events", event, 202}, trip{"GET", "/v1/webhooks", nil, 200})
	c.all(key.etag, trip{"PATCH", keyPath, map[string]any{"role": "viewer"}, 200})
	guest.all("", trip{"POST", "/v1/events", event, 403}, trip{"GET", "/v1/webhooks", nil, 200})
	c.all("", trip{"DELETE", keyPath, nil, 204})
	guest.all("", trip{"GET", "/v1/webhooks", nil, 401})
	event["account_id"] = id
	c.all("", trip{"DELETE", path, nil, 204}, trip{"POST", "/v1/events", event, 422})
}

// record keeps a record, and changes it.
func (c *client) record() {
	path := fmt.Sprintf("/v1/records/extension/%d?account_id=crowd", c.number)
	made := c.ask("PUT", path, "", map[string]any{"number": strconv.Itoa(c.number)}, http.StatusCreated)
	if made == nil {
		return
	}
	c.all(made.etag,
		trip{"PUT", path, map[string]any{"number": strconv.Itoa(c.number), "name": "a phone"}, 200},
		trip{"GET", path, nil, 200},
		trip{"DELETE", path, nil, 204},
		trip{"GET", path, nil, 404},
	)
}

// toggle pauses a webhook of all, or resumes it.
func (c *client) toggle() {
	path := c.toggled[c.number%len(c.toggled)]
	c.all("", trip{"POST", path + "/pause", nil, 200}, trip{"POST", path + "/resume", nil, 200})
}

// raise raises a number of all: what it is it reads before, and writes only if it is still so.
func (c *client) raise() {
	n := c.counters[(c.number+int(c.trips.Load()))%len(c.counters)]
	for {
		is := c.ask("GET", n.path, "", nil, 200)
		if is == nil {
			return
		}
		thing := is.body
		if n.field != "" {
			thing = thing[n.field].(map[string]any)
		}
		value, err := strconv.Atoi(thing["name"].(string))
		if err != nil {
			c.t.Error(err)
			return
		}
		done := c.ask(n.method, n.path, is.etag, map[string]any{"name": strconv.Itoa(value + 1)}, 200, http.StatusPreconditionFailed)
		if done == nil {
			return
		}
		if done.status == http.StatusOK {
			n.raised.Add(1)
			return
		}
		c.stale.Add(1)
	}
}

// received is a receiver, and what has come to it.
type received struct {
	t   *testing.T
	url string

	mu   sync.Mutex
	ids  map[string]map[string]bool // by path
	came chan struct{}
}

func newReceived(t *testing.T) *received {
	t.Helper()
	r := &received{t: t, ids: map[string]map[string]bool{}, came: make(chan struct{}, 1)}
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		var event struct{ ID string }
		if err := json.NewDecoder(req.Body).Decode(&event); err != nil {
			t.Error(err)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		of := r.ids[req.URL.Path]
		if of == nil {
			of = map[string]bool{}
			r.ids[req.URL.Path] = of
		}
		of[event.ID] = true
		select {
		case r.came <- struct{}{}:
		default:
		}
	}))
	t.Cleanup(s.Close)
	r.url = s.URL
	return r
}

// await waits until events have come to a path.
func (r *received) await(path string, ids []string) {
	patience := time.NewTimer(time.Minute)
	defer patience.Stop()
	for {
		r.mu.Lock()
		missing := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return r.ids[path][id] })
		r.mu.Unlock()
		if len(missing) == 0 {
			return
		}
		select {
		case <-r.came:
		case <-patience.C:
			r.t.Errorf("%d of %d events have not come to %s, such as %s", len(missing), len(ids), path, strings.Join(missing[:min(len(missing), 5)], " "))
			return
		}
	}
}
