package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// mostDrain is how long a receiver that is well again may get nothing: a webhook
// that has failed for long is tried seldom.
const mostDrain = 5 * time.Minute

// A Backlog says how the server bears deliveries that wait.
type Backlog struct {
	Deliveries int64   `json:"deliveries"`
	RSSMB      float64 `json:"rss_mb"`      // resident while they wait, before the kill or after the restart, the larger one, MiB
	ReadyS     float64 `json:"ready_s"`     // from the start of the process, after kill -9, until it is ready
	DrainPerS  float64 `json:"drain_per_s"` // once the receiver is well again
	FirstS     float64 `json:"first_s"`     // from then to the first arrival
}

// backlog lets deliveries wait for a receiver that refuses all, kills the server,
// and counts what arrives when both are well again. The server is a process of
// its own.
func (b *bench) backlog(ctx context.Context) error {
	if err := b.fresh(ctx, "backlog"); err != nil {
		return err
	}
	r := &Backlog{Deliveries: b.o.Backlog}
	served, err := b.spawnServer(ctx)
	if err != nil {
		return err
	}
	defer served.end()
	// Nothing of it goes on out of order, expires, or fails for good: what is
	// asked is how it bears waiting.
	retry := make([]string, 50)
	for i := range retry {
		retry[i] = "5s"
	}
	if err := b.hooks(ctx, accountBacklog, 1, inFlight, pathBacklog); err != nil {
		return err
	}
	list, err := b.webhooks(ctx, accountBacklog)
	if err != nil {
		return err
	}
	patient := map[string]any{"events": []string{"custom.*"}, "hold": "1h", "retry": map[string]any{"schedule": retry}}
	if err := b.server.call(ctx, http.MethodPatch, "/v1/webhooks/"+list[0].ID, patient, nil); err != nil {
		return err
	}
	if err := errors.Join(b.reset(ctx, false), b.at.call(ctx, http.MethodPost, pathDown+"?down=true", nil, nil)); err != nil {
		return err
	}
	b.phase++
	var d done
	started := time.Now()
	err = b.load.ask(ctx, job{
		Way: toWait, URL: b.server.url, Key: b.server.key, Account: accountBacklog, Phase: b.phase, Most: b.o.Backlog,
	}, &d)
	if err == nil && d.Error != "" {
		err = errors.New(d.Error)
	}
	if err != nil {
		return fmt.Errorf("build the backlog: %w", err)
	}
	r.Deliveries = d.Events
	before, err := b.residentMB(ctx)
	if err != nil {
		return err
	}
	b.say("%d deliveries wait: accepted at %.0f/s, %.0f MB resident", d.Events, float64(d.Events)/time.Since(started).Seconds(), before)
	_ = served.cmd.Process.Kill() // SIGKILL; it may be gone already, which shows below
	served.end()
	started = time.Now()
	again, err := b.spawnServer(ctx)
	if err != nil {
		return err
	}
	defer again.end()
	r.ReadyS = rounded(time.Since(started).Seconds())
	after, err := b.residentMB(ctx)
	if err != nil {
		return err
	}
	r.RSSMB = rounded(max(before, after))
	b.say("killed and started again: ready after %.2f s, %.0f MB resident", r.ReadyS, after)
	if err := b.at.call(ctx, http.MethodPost, pathDown+"?down=false", nil, nil); err != nil {
		return err
	}
	started = time.Now()
	if err := b.arrived(ctx, 1, mostDrain); err != nil {
		return err
	}
	r.FirstS = rounded(time.Since(started).Seconds())
	started = time.Now()
	if err := b.arrived(ctx, r.Deliveries, mostDrain); err != nil {
		return err
	}
	p := phase{deliveries: r.Deliveries, took: time.Since(started)}
	if err := b.at.call(ctx, http.MethodGet, pathTally, nil, &p.tally); err != nil {
		return err
	}
	r.DrainPerS = rounded(p.perSecond())
	b.report.note(p)
	b.say("the receiver is well again: the first arrived after %.1f s, then %.0f/s", r.FirstS, r.DrainPerS)
	b.report.Backlog = r
	return nil
}

// spawnServer starts the server as a process of its own and waits until it is
// ready.
func (b *bench) spawnServer(ctx context.Context) (*child, error) {
	c, err := spawn(ctx, b.o.Command, RoleServer, b.dir, b.database)
	if err != nil {
		return nil, err
	}
	line, err := c.line()
	if err != nil {
		c.end()
		return nil, err
	}
	url, key, _ := strings.Cut(line, " ")
	b.server = &api{newClient(), url, key}
	if err := b.server.call(ctx, http.MethodGet, "/readyz", nil, nil); err != nil {
		c.end()
		return nil, err
	}
	return c, nil
}

// residentMB asks the server how much memory it has, in MiB.
func (b *bench) residentMB(ctx context.Context) (float64, error) {
	text, err := b.server.send(ctx, http.MethodGet, "/metrics", "", nil)
	if err != nil {
		return 0, err
	}
	value := between(text, "\nprocess_resident_memory_bytes ", '\n')
	n, err := strconv.ParseFloat(string(value), 64)
	if err != nil {
		return 0, fmt.Errorf("the server does not say how much memory it has: %w", err)
	}
	return n / mebibyte, nil
}
