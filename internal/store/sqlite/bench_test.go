//go:build unix

package sqlite_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store/ledger"
	"github.com/switchhook/switchhook/internal/store/sqlite"
)

// BenchmarkCommit measures events and attempts a second: each operation is one
// event of 1 KB and one attempt of the same size, in commits of some of them.
// The submitters wait for Done, as the API does; there are enough of them that
// the next batch gathers while the last one is synced. CPU is that of the whole
// process, which also makes what it commits.
func BenchmarkCommit(b *testing.B) {
	for _, size := range []int{1, 16, 128, 512} {
		for _, submitters := range []int{1, 64} {
			b.Run(fmt.Sprintf("size=%d/submitters=%d", size, submitters), func(b *testing.B) {
				db, err := sqlite.Open(b.Context(), sqlite.Options{Dir: b.TempDir()})
				if err != nil {
					b.Fatal(err)
				}
				defer db.Close()
				b.ReportAllocs()
				var sequence benchSequence
				measure(b, func() { commitMany(b, db, &sequence, b.N, size, submitters) })
			})
		}
	}
}

// BenchmarkFlat measures what the next hundred thousand cost after that many:
// -bench Flat -benchtime 1x -timeout 0. SWITCHHOOK_BENCH_HISTORY sets how many.
func BenchmarkFlat(b *testing.B) {
	const step = 100_000
	history, _ := strconv.Atoi(os.Getenv("SWITCHHOOK_BENCH_HISTORY"))
	if history == 0 {
		b.Skip("takes minutes: set SWITCHHOOK_BENCH_HISTORY to a number of deliveries")
	}
	dir := b.TempDir()
	db, err := sqlite.Open(b.Context(), sqlite.Options{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	var sequence benchSequence
	for done := 0; done < history; done += step {
		start, before := time.Now(), cpu()
		commitMany(b, db, &sequence, step, 64, 8)
		used, took := cpu()-before, time.Since(start)
		if at := done + step; at != step && at%(history/4) >= step {
			continue // a benchmark may log ten lines
		}
		size := int64(0)
		files, err := filepath.Glob(filepath.Join(dir, "switchhook.db*"))
		if err != nil {
			b.Fatal(err)
		}
		for _, path := range files {
			if info, err := os.Stat(path); err == nil {
				size += info.Size()
			}
		}
		b.Logf("after %8d: %6.0f events/s, %5.1f µs CPU each, %5.0f bytes on disk each", done+step,
			step/took.Seconds(), float64(used.Microseconds())/step, float64(size)/float64(done+step))
	}
}

// measure reports what n operations of a benchmark cost.
func measure(b *testing.B, run func()) {
	b.Helper()
	before := cpu()
	b.ResetTimer()
	run()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64((cpu()-before).Nanoseconds())/1000/float64(b.N), "cpu-µs/op")
}

// cpu is what the process has used of it.
func cpu() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// A benchSequence hands out sequences in the order in which they are submitted.
type benchSequence struct {
	sync.Mutex
	last int64
}

func commitMany(b *testing.B, db *ledger.DB, sequence *benchSequence, n, size, submitters int) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	var group sync.WaitGroup
	for range submitters {
		group.Go(func() {
			done := make(chan error, 1)
			for left.Add(-int64(size)) > -int64(size) {
				c := benchCommit(size)
				c.Done = func(err error) { done <- err }
				sequence.Lock()
				for i, e := range c.Events {
					sequence.last++
					e.Sequence, c.Attempts[i].Sequence = sequence.last, sequence.last
				}
				c.Watermark = sequence.last - 1000
				db.Submit(c)
				sequence.Unlock()
				if err := <-done; err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

// benchBody is about as long and as repetitive as the data of a call.
func benchBody(call string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"call":{"id":"%s","root_id":"%s","direction":"inbound","from":{"type":"tel","address":"+1555%07d","name":"Customer %d"}`, call, call, rand.IntN(1e7), rand.IntN(1e4))
	fmt.Fprintf(&b, `,"to":{"type":"tel","address":"+1555%07d"},"status":"answered","created_at":"2026-11-20T15:%02d:%02d.%06dZ"`, rand.IntN(1e7), rand.IntN(60), rand.IntN(60), rand.IntN(1e6))
	for i := range 8 {
		fmt.Fprintf(&b, `,"variable_%d":"%016x-%016x"`, i, rand.Uint64(), rand.Uint64())
	}
	for b.Len() < 1000 {
		b.WriteString(`,"note":"for the sales team"`)
	}
	b.WriteString("}}")
	return b.String()
}

// bodies are made beforehand: making one costs more than keeping it.
var bodies = sync.OnceValue(func() (all [4096][2]string) {
	for i := range all {
		call := fmt.Sprintf("%016x", rand.Uint64())
		all[i] = [2]string{call, benchBody(call)}
	}
	return all
})

func benchCommit(size int) *switchhook.Commit {
	now := time.Now()
	all := bodies()
	c := &switchhook.Commit{}
	for range size {
		n := rand.IntN(len(all))
		call, body := all[n][0], all[n][1]
		e := &switchhook.Event{
			ID: switchhook.NewID(switchhook.PrefixEvent), Type: "call.answered", AccountID: fmt.Sprintf("acc_%d", n%50), Key: call,
			CallID: call, OccurredAt: now, AcceptedAt: now, Source: "src_1", Data: []byte(body),
			Targets: []string{fmt.Sprintf("wh_%022d", n%50)},
		}
		id := switchhook.NewID(switchhook.PrefixAttempt)
		c.Events = append(c.Events, e)
		c.Snapshots = append(c.Snapshots, switchhook.Snapshot{AccountID: e.AccountID, Kind: "call", ID: call, Data: e.Data[:300], UpdatedAt: now})
		c.Attempts = append(c.Attempts, &switchhook.Attempt{
			ID: id, EventID: e.ID, EventType: e.Type, AccountID: e.AccountID,
			WebhookID: e.Targets[0], Dialect: "switchhook", Number: 1, StartedAt: now, DurationMS: 12,
			Outcome: switchhook.Success, State: switchhook.Delivered,
			Request: &switchhook.HTTPRequest{
				Method: "POST", URL: "https://example.com/hooks/calls", Body: body,
				Headers: switchhook.Headers{
					{Name: "content-type", Value: "application/json"},
					{Name: "user-agent", Value: "Switchhook/1.0"},
					{Name: "webhook-id", Value: id},
					{Name: "webhook-signature", Value: "v1,***"},
					{Name: "webhook-timestamp", Value: strconv.FormatInt(now.Unix(), 10)},
				},
			},
			Response: &switchhook.HTTPResponse{Status: 200, Headers: switchhook.Headers{{Name: "content-length", Value: "2"}}, Body: "ok"},
		})
	}
	return c
}

// BenchmarkCut measures what it costs to cut a tenth of the accounts out of a history of so
// many deliveries, and to look again: -bench Cut -benchtime 1x -timeout 0, with
// SWITCHHOOK_BENCH_HISTORY as for Flat. Meanwhile another commits ten events at a time and
// says how long it waits.
func BenchmarkCut(b *testing.B) {
	history, _ := strconv.Atoi(os.Getenv("SWITCHHOOK_BENCH_HISTORY"))
	if history == 0 {
		b.Skip("takes minutes: set SWITCHHOOK_BENCH_HISTORY to a number of deliveries")
	}
	ctx := b.Context()
	db, err := sqlite.Open(ctx, sqlite.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for n := range 5 { // of 50
		if err := db.CreateAccount(ctx, &switchhook.Account{ID: fmt.Sprintf("acc_%d", n*10)}); err != nil {
			b.Fatal(err)
		}
	}
	var sequence benchSequence
	commitMany(b, db, &sequence, history, 64, 8)
	pass := func(what string) {
		b.Helper()
		stop, waited := make(chan struct{}), make(chan []time.Duration)
		go func() { waited <- commitUntil(b, db, &sequence, stop) }()
		start, before, steps, longest := time.Now(), cpu(), 0, time.Duration(0)
		for more := true; more; steps++ {
			step := time.Now()
			if more, err = db.Prune(ctx, start.AddDate(0, 0, -1)); err != nil {
				b.Fatal(err)
			}
			longest = max(longest, time.Since(step))
		}
		took, used := time.Since(start), cpu()-before
		close(stop)
		all := <-waited
		slices.Sort(all)
		b.Logf("%s: %v, %v CPU, %d steps, the longest %v; %d commits meanwhile waited %v at the median, %v at the 99th percentile, %v at most",
			what, took, used, steps, longest, len(all), all[len(all)/2], all[len(all)*99/100], all[len(all)-1])
	}
	pass("nobody keeps less")
	for n := range 5 {
		if err := db.UpdateAccount(ctx, &switchhook.Account{ID: fmt.Sprintf("acc_%d", n*10), Retention: switchhook.Duration(time.Millisecond)}); err != nil {
			b.Fatal(err)
		}
	}
	pass("a tenth keeps nothing")
	pass("again")
}

// commitUntil commits one event after the other and returns how long each took.
func commitUntil(b *testing.B, db *ledger.DB, sequence *benchSequence, stop <-chan struct{}) (took []time.Duration) {
	b.Helper()
	for {
		start := time.Now()
		commitMany(b, db, sequence, 10, 10, 1)
		took = append(took, time.Since(start))
		select {
		case <-stop:
			return took
		case <-time.After(2 * time.Millisecond):
		}
	}
}
