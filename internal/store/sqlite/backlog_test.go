//go:build unix

package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store/sqlite"
)

const backlogWebhooks = 10

// writeBacklog writes a million open deliveries: due, but for as many as
// SWITCHHOOK_BENCH_OPEN says, which lie beyond the watermark; and waits to be
// killed.
func writeBacklog() {
	const rows, size = 1_000_000, 1000
	open, err := strconv.Atoi(os.Getenv("SWITCHHOOK_BENCH_OPEN"))
	if err != nil {
		panic(err)
	}
	db := openInChild()
	start := time.Now()
	done := make(chan error, rows/size)
	for n := int64(0); n < rows; n += size {
		c := benchCommit(size)
		c.Attempts, c.Done = nil, func(err error) { done <- err }
		for i, e := range c.Events {
			e.Sequence = n + int64(i) + 1
			e.Targets = []string{fmt.Sprintf("wh_%022d", i%backlogWebhooks)}
			if e.Sequence <= rows-int64(open) {
				c.Due = append(c.Due, switchhook.Due{
					DeliveryRef: switchhook.DeliveryRef{Sequence: e.Sequence, WebhookID: e.Targets[0]}, Lane: uint64(i), HeldSince: start, Attempts: 1,
				})
				c.Watermark = e.Sequence
			}
		}
		db.Submit(c)
		if n/size >= 16 {
			if err := <-done; err != nil {
				panic(err)
			}
		}
	}
	for range 16 {
		if err := <-done; err != nil {
			panic(err)
		}
	}
	_, _ = fmt.Fprintf(os.Stdout, "%s\n", time.Since(start))
	select {}
}

// resident is what a process has, and had at most, of it; on Linux.
func resident(pid int) string {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return ""
	}
	var lines []string
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmRSS") || strings.HasPrefix(line, "VmHWM") {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
	}
	return strings.Join(lines, ", ")
}

// BenchmarkBacklog measures how a store starts after a crash with a million open
// deliveries, and what the engine then asks: -bench Backlog -benchtime 1x.
func BenchmarkBacklog(b *testing.B) {
	if os.Getenv("SWITCHHOOK_BENCH_HISTORY") == "" {
		b.Skip("takes a minute: set SWITCHHOOK_BENCH_HISTORY")
	}
	for _, open := range []int{0, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("norows=%d", open), func(b *testing.B) {
			b.Setenv("SWITCHHOOK_BENCH_OPEN", strconv.Itoa(open))
			dir := b.TempDir()
			cmd, out := child(b, "backlog", dir)
			if !out.Scan() {
				b.Fatal("the child has failed")
			}
			b.Logf("written in %s; %s", out.Text(), resident(cmd.Process.Pid))
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			ctx, start := context.Background(), time.Now()
			step := func(what string, n int, err error) {
				if err != nil {
					b.Fatal(err)
				}
				b.Logf("%-10s %8d in %s", what, n, time.Since(start).Round(time.Millisecond))
				start = time.Now()
			}
			db, err := sqlite.Open(ctx, sqlite.Options{Dir: dir})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			step("open", 1, nil)
			n := 0
			err = db.Recover(ctx, func(switchhook.OpenDelivery) error { n++; return nil })
			step("recover", n, err)
			n = 0
			err = db.Backlogs(ctx, func(_ string, rows int) error { n += rows; return nil })
			step("backlogs", n, err)
			n = 0
			err = db.Lanes(ctx, fmt.Sprintf("wh_%022d", 3), func(uint64) error { n++; return nil })
			step("lanes", n, err)
			n = 0
			var after [backlogWebhooks]int64
			for page := range 200 {
				at := page % backlogWebhooks
				due, err := db.Due(ctx, fmt.Sprintf("wh_%022d", at), after[at], 256)
				if err != nil {
					b.Fatal(err)
				}
				if n += len(due); len(due) > 0 {
					after[at] = due[len(due)-1].Due.Sequence
				}
			}
			step("due", n, nil)
			f := switchhook.DeliveryFilter{State: switchhook.Pending}
			list, _, err := db.Deliveries(ctx, f, switchhook.Page{Limit: 50})
			step("pending", len(list), err)
			list, _, err = db.Deliveries(ctx, switchhook.DeliveryFilter{WebhookID: f.WebhookID}, switchhook.Page{Limit: 50})
			if err != nil || len(list) < 50 {
				b.Error(len(list), err)
			}
			_, err = db.Event(ctx, nil, "evt_x")
			if switchhook.ErrorCode(err) == switchhook.CodeNotFound {
				err = nil
			}
			step("no event", 1, err)
			b.Log(resident(os.Getpid()))
		})
	}
}
