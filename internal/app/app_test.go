package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/app"
)

// process is the program on a data directory.
type process struct {
	t   *testing.T
	app *app.App
}

// run starts it, and stops it at the end of fn.
func run(t *testing.T, c app.Config, fn func(p *process)) {
	t.Helper()
	c.Listen, c.AdminKey, c.Logger = "127.0.0.1:0", "a-key-for-the-tests", slog.New(slog.DiscardHandler)
	a, err := app.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	fn(&process{t: t, app: a})
}

// call makes a request, and reads its answer.
func (p *process) call(method, path, body string) map[string]any {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.app.URL()+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.app.AdminKey())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode > 299 {
		p.t.Fatalf("%s %s: %s %v %v", method, path, resp.Status, answer, err)
	}
	return answer
}

// What waits for a paused webhook is kept as long as history is, and then recorded as
// expired.
func TestRetentionEndsWhatWaits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var hook string
	run(t, app.Config{Data: dir}, func(p *process) {
		hook, _ = p.call("POST", "/v1/webhooks", `{"url":"https://example.com/","events":["custom.*"]}`)["id"].(string)
		p.call("POST", "/v1/webhooks/"+hook+"/pause", "")
		p.call("POST", "/v1/events", `{"type":"custom.step","data":{}}`)
	})
	run(t, app.Config{Data: dir}, func(p *process) {
		if list := p.call("GET", "/v1/deliveries?state=pending", "")["items"].([]any); len(list) != 1 {
			t.Errorf("%v", list)
		}
	})
	run(t, app.Config{Data: dir, Retention: time.Nanosecond}, func(p *process) {
		look, end := time.NewTicker(10*time.Millisecond), time.Now().Add(10*time.Second)
		defer look.Stop()
		for range look.C {
			stats, _ := p.call("GET", "/v1/webhooks/"+hook, "")["stats"].(map[string]any)
			if stats["pending"] == 0.0 {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%v", stats)
			}
		}
	})
}

// What was counted outlives a restart.
func TestCountsAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run(t, app.Config{Data: dir}, func(p *process) {
		p.call("POST", "/v1/events", `[{"type":"custom.step","data":{}},{"type":"call.created","data":{"call":{"id":"a"}}}]`)
	})
	for range 2 {
		run(t, app.Config{Data: dir}, func(p *process) {
			total, _ := p.call("GET", "/v1/stats?window=30d", "")["total"].(map[string]any)
			if families := fmt.Sprint(total["events_by_family"]); families != "map[call:1 custom:1]" {
				t.Errorf("after a restart: %s", families)
			}
		})
	}
}
