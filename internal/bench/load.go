package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver/wire"
)

// Ways to hand events in.
const (
	inBatches = "batches" // NDJSON of batchSize
	oneByOne  = "singles" // one object a request
	toWait    = "to wait" // NDJSON of batchSize, whatever becomes of them, that never expire
	paced     = "paced"   // so many a second, whatever becomes of them, with the time of the request as occurred_at
)

const (
	batchSize    = 1000 // events of an NDJSON request
	batchClients = 3    // so that one batch is read while another is committed
	clients      = 64   // that post single events over connections they keep
	patience     = time.Minute
)

// A job is what a load process does next.
type job struct {
	Way      string        `json:"way"`
	URL      string        `json:"url"`
	Key      string        `json:"key"`
	Account  string        `json:"account"`
	Receiver string        `json:"receiver"`
	Phase    uint32        `json:"phase"`
	FanOut   int64         `json:"fan_out"`
	Length   time.Duration `json:"length"`
	Rate     float64       `json:"rate"` // events a second, of paced
	Most     int64         `json:"most"` // events, of to wait; whole batches
}

// A done is what came of a job.
type done struct {
	Events int64  `json:"events"` // accepted
	Error  string `json:"error"`
}

// work does jobs until there are no more.
func work(ctx context.Context, jobs <-chan []byte, out io.Writer) error {
	client := &http.Client{} // asks the receiver how far it is
	for line := range jobs {
		var j job
		if err := json.Unmarshal(line, &j); err != nil {
			return err
		}
		events, err := j.do(ctx, client)
		d := done{Events: events}
		if err != nil {
			d.Error = err.Error()
		}
		if err := json.NewEncoder(out).Encode(d); err != nil {
			return err
		}
	}
	return nil
}

// do hands events in for the job's length, and returns how many were accepted.
func (j *job) do(ctx context.Context, client *http.Client) (int64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	target, err := url.Parse(j.URL + "/v1/events")
	if err != nil {
		return 0, err
	}
	// What the load costs is taken from the server on the same machine, so it is sent
	// as cheaply as can be.
	sender := &wire.Client{Dial: new(net.Dialer).DialContext}
	defer sender.CloseIdleConnections()
	var accepted atomic.Int64
	post := func(contentType string, body []byte, events int64) {
		answer, err := sender.Send(ctx, &wire.Request{
			Method: http.MethodPost, URL: target, Body: body, Deadline: time.Now().Add(patience),
			Header: switchhook.Headers{{Name: "Authorization", Value: "Bearer " + j.Key}, {Name: "Content-Type", Value: contentType}},
		})
		if err == nil && answer.Status >= 300 {
			err = fmt.Errorf("events were answered %d: %.500s", answer.Status, answer.Body)
		}
		if err != nil {
			cancel(err)
			return
		}
		accepted.Add(events)
	}
	end := time.Now().Add(j.Length)
	going := func() bool { return ctx.Err() == nil && time.Now().Before(end) }
	cs := newCalls(j.Account, j.Phase)
	var wg sync.WaitGroup
	// batches posts what next returns, batchSize events at a time.
	batches := func(going func() bool, next func() []*switchhook.Event) {
		for range batchClients {
			wg.Go(func() {
				for going() {
					var body []byte
					for _, ev := range next() {
						body = append(appendEvent(body, ev), '\n')
					}
					post("application/x-ndjson", body, batchSize)
				}
			})
		}
	}
	switch j.Way {
	case paced:
		j.pace(ctx, cs, going, func(body []byte) {
			wg.Go(func() { post("application/json", body, 1) })
		})
	case toWait:
		var asked atomic.Int64
		batches(func() bool { return ctx.Err() == nil && asked.Add(batchSize) <= j.Most }, func() []*switchhook.Event { return patient(cs.batch(batchSize)) })
	case inBatches:
		g := openGate(ctx, client, j.Receiver, window)
		batches(func() bool { return going() && g.enter(batchSize*j.FanOut) }, func() []*switchhook.Event { return cs.batch(batchSize) })
	case oneByOne:
		g := openGate(ctx, client, j.Receiver, window)
		for range clients {
			wg.Go(func() {
				for going() {
					for _, ev := range cs.batch(stages) { // a call at a time
						if !g.enter(j.FanOut) {
							return
						}
						post("application/json", appendEvent(nil, ev), 1)
					}
				}
			})
		}
	default:
		return 0, fmt.Errorf("there is no way %q to hand events in", j.Way)
	}
	wg.Wait()
	return accepted.Load(), context.Cause(ctx)
}

// patient makes events of them that never expire: a call's own would not wait
// for a receiver that is down for long.
func patient(events []*switchhook.Event) []*switchhook.Event {
	for _, ev := range events {
		ev.Type, ev.Key = "custom.waits", string(between(ev.Data, `"id":"`, '"'))
	}
	return events
}

// pace makes an event each 1/rate of a second.
func (j *job) pace(ctx context.Context, cs *calls, going func() bool, post func([]byte)) {
	tick := time.NewTicker(time.Duration(float64(time.Second) / j.Rate))
	defer tick.Stop()
	for going() {
		for _, ev := range cs.batch(10 * stages) {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			ev.OccurredAt = time.Now().UTC()
			post(appendEvent(nil, ev))
		}
	}
}

// appendEvent appends an event as POST /v1/events takes it.
func appendEvent(b []byte, ev *switchhook.Event) []byte {
	b = fmt.Appendf(b, `{"type":%q,"account_id":%q,`, ev.Type, ev.AccountID)
	if ev.Key != "" {
		b = fmt.Appendf(b, `"key":%q,`, ev.Key)
	}
	if !ev.OccurredAt.IsZero() {
		b = fmt.Appendf(b, `"occurred_at":%q,`, ev.OccurredAt.Format(time.RFC3339Nano))
	}
	return append(append(append(b, `"data":`...), ev.Data...), '}')
}
