// Package bench measures what Switchhook does on this machine, against what the
// machine can do at all: the server as it is served, a receiver and a load
// generator as processes of their own, and a bare HTTP client beside it.
//
// A round measures each kind in turn, because a machine's speed drifts: every
// ratio is against the bare limit of its own round, and medians are reported.
// Nothing measures a queue filling up: no more than a few thousand deliveries
// are outstanding (where some are to fail, ten times that), and time runs until the
// last has arrived and is recorded.
package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/app"
)

const (
	// inFlight is how many requests are under way at once, of the bare limit and
	// of the one webhook that is compared with it: net/http is fastest with 16
	// to 64.
	inFlight = 32
	// feeders accept batches of feederBatch side by side, so that one is checked
	// while another is committed.
	feeders     = 4
	feederBatch = 100
	// stalled is how long nothing may arrive before what is missing counts as lost.
	stalled = 20 * time.Second
	// settling is how often it is looked whether all have arrived.
	settling = 2 * time.Millisecond
)

// Options says what is measured. Command is required.
type Options struct {
	// Rounds is how often each kind is measured; For is how long, each time.
	Rounds int
	For    time.Duration
	// Paced is how long events are sent at a steady rate.
	Paced time.Duration
	// Within, if not 0, is how long all may take, roughly: on a machine that is
	// too slow for that there are fewer rounds.
	Within time.Duration
	// Data is where a directory for the data is made, and removed at the end:
	// its disk is what is measured. Empty: where the system has such things.
	Data string
	// Failing is how many of a hundred deliveries of Flat fail once.
	Failing int
	// Database is the URL of a PostgreSQL database, in which a schema is made for the
	// data, and removed at the end. Empty: the embedded store.
	Database string
	// Flat, if not 0, is after how many deliveries the speed is measured once
	// more; Backlog is how many are made to wait for a dead receiver.
	Flat, Backlog int64
	// CPUProfile is the file for a CPU profile of the last in-process round.
	CPUProfile string
	// Command is the program and the arguments after which a role makes it a
	// child of the bench: see Child.
	Command []string
	Version string
	// Progress is told a line per round.
	Progress io.Writer
}

// A bench is one run.
type bench struct {
	o        Options
	began    time.Time
	report   *Report
	phase    uint32
	receiver *child
	load     *child
	at       *api   // the receiver
	base     string // of all data
	dir      string // of the server's
	database string // its URL; empty: it is in dir
	schema   string // of the data there
	failing  bool   // the receiver refuses some

	app    *app.App // as serve has it
	server *api
	stop   func() error
}

// Run measures everything. The report is not nil if there is no error.
func Run(ctx context.Context, o Options) (_ *Report, err error) {
	if o.Flat > 0 && o.Flat < 2*flatFirst {
		return nil, fmt.Errorf("--flat wants at least %d: it is compared with the speed after %d deliveries", 2*flatFirst, flatFirst)
	}
	b := &bench{o: o, began: time.Now(), stop: func() error { return nil }}
	if b.base, err = os.MkdirTemp(o.Data, "switchhook-bench-"); err != nil {
		return nil, fmt.Errorf("make a directory for the data (--data says where): %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.base)) }()
	if b.receiver, err = spawn(ctx, o.Command, RoleReceiver); err != nil {
		return nil, err
	}
	defer b.receiver.end()
	url, err := b.receiver.line()
	if err != nil {
		return nil, err
	}
	b.at = &api{client: newClient(), url: url}
	if b.load, err = spawn(ctx, o.Command, RoleLoad); err != nil {
		return nil, err
	}
	defer b.load.end()
	b.report = newReport(o, filesystem(b.base))
	defer func() { err = errors.Join(err, b.stop(), b.dropSchema(context.WithoutCancel(ctx))) }()
	if err := b.measure(ctx); err != nil {
		return nil, err
	}
	if o.Flat > 0 {
		if err := b.flat(ctx); err != nil {
			return nil, err
		}
	}
	if o.Backlog > 0 {
		if err := b.backlog(ctx); err != nil {
			return nil, err
		}
	}
	b.report.finish()
	return b.report, nil
}

// newClient is the plain client that the engine is compared with: it keeps as many
// connections.
func newClient() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}
}

func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

// newServer is the server as the command serve has it, but that it may reach the
// receiver.
func newServer(ctx context.Context, dir, database, version string) (*app.App, error) {
	level := &slog.LevelVar{}
	level.Set(slog.LevelError)
	context.AfterFunc(ctx, func() { level.Set(slog.LevelError + 1) }) // what a Ctrl-C cuts off is no error
	return app.New(ctx, app.Config{
		Listen: "127.0.0.1:0", Data: dir, Database: database, Version: version, AllowNetworks: loopback(),
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
	})
}

// start serves in this process.
func (b *bench) start(ctx context.Context) error {
	a, err := newServer(ctx, b.dir, b.database, b.o.Version)
	if err != nil {
		return err
	}
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- a.Run(serving) }()
	b.app, b.server = a, &api{newClient(), a.URL(), a.AdminKey()}
	b.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	return nil
}

// fresh stops the server and throws its data away. The next one begins with none.
func (b *bench) fresh(ctx context.Context, name string) error {
	err := b.stop()
	if b.dir != "" {
		err = errors.Join(err, os.RemoveAll(b.dir))
	}
	b.dir = filepath.Join(b.base, name)
	if b.o.Database != "" {
		err = errors.Join(err, b.freshSchema(ctx))
	}
	return err
}

// hooks makes an account with n webhooks, and returns its id. The first one's
// URL ends in path.
func (b *bench) hooks(ctx context.Context, account string, n, concurrency int, path string) error {
	if err := b.server.call(ctx, http.MethodPost, "/v1/accounts", map[string]any{"id": account, "name": account}, nil); err != nil {
		return err
	}
	for i := range n {
		if i > 0 {
			path = "/" + account + "/" + strconv.Itoa(i)
		}
		w := map[string]any{
			"account_id": account, "name": path, "url": b.at.url + path, "events": []string{"call.*", "custom.waits"}, "dialect": "switchhook",
			"max_concurrency": concurrency,
		}
		if err := b.server.call(ctx, http.MethodPost, "/v1/webhooks", w, nil); err != nil {
			return err
		}
	}
	return nil
}

// A phase is one measurement of one kind.
type phase struct {
	deliveries int64
	took       time.Duration
	cpu        time.Duration // of this process
	database   time.Duration // CPU of its server, as far as that can be seen
	tally      tally
}

func (p phase) perSecond() float64 { return float64(p.deliveries) / p.took.Seconds() }

func (p phase) cpuEach() float64 {
	return float64(p.cpu.Nanoseconds()) / 1000 / float64(max(p.deliveries, 1))
}

// limit measures the bare client.
func (b *bench) limit(ctx context.Context, samples []sample) (p phase, err error) {
	if err := b.reset(ctx, false); err != nil {
		return p, err
	}
	client := newClient() // as cold as the others' connections, which wait in between
	defer client.CloseIdleConnections()
	run, cancel := context.WithTimeout(ctx, b.o.For)
	defer cancel()
	cpu, started := cpuTime(), time.Now()
	p.deliveries, err = limit(run, client, b.at.url+"/limit", samples, inFlight)
	p.took, p.cpu = time.Since(started), cpuTime()-cpu
	return p, errors.Join(err, context.Cause(ctx))
}

// feed measures what feed does: it hands events in and returns how many
// deliveries they are. Time runs until all have arrived and are recorded.
func (b *bench) feed(ctx context.Context, account string, timed bool, feed func() (int64, error)) (p phase, err error) {
	if err := b.reset(ctx, timed); err != nil {
		return p, err
	}
	database := b.databaseCPU(ctx)
	cpu, started := cpuTime(), time.Now()
	if p.deliveries, err = feed(); err != nil {
		return p, err
	}
	if err := b.settle(ctx, account, p.deliveries); err != nil {
		return p, err
	}
	p.took, p.cpu = time.Since(started), cpuTime()-cpu
	p.database = b.databaseCPU(ctx) - database
	if err := b.at.call(ctx, http.MethodGet, pathTally, nil, &p.tally); err != nil {
		return p, err
	}
	b.report.note(p)
	return p, nil
}

func (b *bench) reset(ctx context.Context, timed bool) error {
	return b.at.call(ctx, http.MethodPost, pathReset+"?timed="+strconv.FormatBool(timed), nil, nil)
}

// pause waits for the next tick, or the end of ctx.
func pause(ctx context.Context, tick *time.Ticker) error {
	select {
	case <-tick.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// settle waits until so many deliveries have arrived, none is open, and what
// came of them is durable. It gives up on what does not come.
func (b *bench) settle(ctx context.Context, account string, deliveries int64) error {
	if err := b.arrived(ctx, deliveries, stalled); err != nil {
		return err
	}
	tick := time.NewTicker(settling)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < stalled; {
		open, err := b.open(ctx, account)
		if err != nil {
			return err
		}
		if open == 0 {
			break
		}
		if err := pause(ctx, tick); err != nil {
			return err
		}
	}
	// The store commits in order: once this event, which nobody wants, is
	// durable, so is all that was handed over before it.
	_, err := b.app.Accept(ctx, []*switchhook.Event{{Type: "custom.bench", AccountID: account, Data: []byte("{}")}})
	return err
}

// arrived waits until so many deliveries have, or none more for so long.
func (b *bench) arrived(ctx context.Context, deliveries int64, patience time.Duration) error {
	tick := time.NewTicker(settling)
	defer tick.Stop()
	for last, since := int64(-1), time.Now(); ; {
		n, err := countAt(ctx, b.at.client, b.at.url)
		if err != nil {
			return err
		}
		if n != last {
			last, since = n, time.Now()
		}
		if n >= deliveries || time.Since(since) > patience {
			return nil
		}
		if err := pause(ctx, tick); err != nil {
			return err
		}
	}
}

// open is how many deliveries of an account's webhooks are open, without those
// to the receiver that never answers.
func (b *bench) open(ctx context.Context, account string) (int, error) {
	list, err := b.webhooks(ctx, account)
	if err != nil {
		return 0, err
	}
	open := 0
	for _, w := range list {
		switch {
		case w.Stats.Pending == nil:
			return 0, errors.New("a webhook's stats do not say how many deliveries are pending")
		case w.Name != pathHang:
			open += *w.Stats.Pending
		}
	}
	return open, nil
}

// A webhook is what the bench wants to know of one.
type webhook struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Stats struct {
		Pending *int `json:"pending"`
	} `json:"stats"`
}

func (b *bench) webhooks(ctx context.Context, account string) ([]webhook, error) {
	var list struct {
		Items []webhook `json:"items"`
	}
	err := b.server.call(ctx, http.MethodGet, "/v1/webhooks?account_id="+account, nil, &list)
	return list.Items, err
}

// inProcess feeds the server without HTTP for so long, or until so many
// deliveries are accepted.
func (b *bench) inProcess(ctx context.Context, account string, fanOut int64, length time.Duration, most int64) (int64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	outstanding := int64(window)
	if b.failing {
		outstanding = manyWait
	}
	g := openGate(ctx, b.at.client, b.at.url, outstanding)
	b.phase++
	cs := newCalls(account, b.phase)
	end := time.Now().Add(length)
	var deliveries atomic.Int64
	var wg sync.WaitGroup
	for range feeders {
		wg.Go(func() {
			for ctx.Err() == nil && time.Now().Before(end) && deliveries.Load() < most && g.enter(feederBatch*fanOut) {
				events := cs.batch(feederBatch)
				if b.failing { // what is refused must not expire
					events = patient(events)
				}
				receipts, err := b.app.Accept(ctx, events)
				if err != nil {
					cancel(err)
					return
				}
				for _, r := range receipts {
					deliveries.Add(int64(r.Deliveries))
				}
			}
		})
	}
	wg.Wait()
	return deliveries.Load(), context.Cause(ctx)
}

// outside lets the load process hand events in.
func (b *bench) outside(ctx context.Context, way, account string, fanOut int64, length time.Duration, rate float64) (int64, error) {
	b.phase++
	var d done
	err := b.load.ask(ctx, job{
		Way: way, URL: b.server.url, Key: b.server.key, Account: account, Receiver: b.at.url,
		Phase: b.phase, FanOut: fanOut, Length: length, Rate: rate,
	}, &d)
	if err == nil && d.Error != "" {
		err = errors.New(d.Error)
	}
	return d.Events * fanOut, err
}

// profiled runs fn under the CPU profile, where one is wanted. The next one takes
// its file.
func (b *bench) profiled(fn func() (phase, error)) (p phase, err error) {
	if b.o.CPUProfile == "" {
		return fn()
	}
	var profile bytes.Buffer
	if err := pprof.StartCPUProfile(&profile); err != nil {
		return p, err
	}
	p, err = fn()
	pprof.StopCPUProfile()
	return p, errors.Join(err, os.WriteFile(b.o.CPUProfile, profile.Bytes(), 0o600))
}
