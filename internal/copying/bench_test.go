package copying_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/copying"
	"github.com/switchhook/switchhook/internal/store/postgres/pgtest"
	"github.com/switchhook/switchhook/internal/store/sqlite"
)

// BenchmarkCopy copies deliveries of events of 1 KB, of which every fifth still waits:
// -bench Copy -benchtime 1x. SWITCHHOOK_BENCH_DELIVERIES sets how many.
func BenchmarkCopy(b *testing.B) {
	deliveries, _ := strconv.Atoi(os.Getenv("SWITCHHOOK_BENCH_DELIVERIES"))
	if deliveries == 0 {
		deliveries = 20_000
	}
	dir := b.TempDir()
	fillMany(b, dir, deliveries)
	for b.Loop() {
		b.StopTimer()
		url := pgtest.New(b)
		b.StartTimer()
		r, err := copying.Run(b.Context(), copying.Options{From: dir, To: url})
		if err != nil {
			b.Fatal(err)
		}
		var rows, size int64
		for _, t := range r.Tables {
			rows, size = rows+t.Rows, size+t.Bytes
			if t.Rows > 100 {
				b.Logf("%-16s %9d rows %8.1f MB", t.Name, t.Rows, float64(t.Bytes)/1e6)
			}
		}
		copied, verified := r.Copying.Seconds(), r.Verifying.Seconds()
		b.Logf("copied in %v, verified in %v", r.Copying.Round(time.Millisecond), r.Verifying.Round(time.Millisecond))
		b.ReportMetric(float64(rows)/copied, "rows/s")
		b.ReportMetric(float64(size)/1e6/copied, "MB/s")
		b.ReportMetric(float64(deliveries)/copied, "deliveries/s")
		b.ReportMetric(float64(size)/1e6/verified, "verified-MB/s")
	}
}

func fillMany(b *testing.B, dir string, deliveries int) {
	b.Helper()
	s, err := sqlite.Open(b.Context(), sqlite.Options{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	const size, ahead = 500, 8
	done := make(chan error, deliveries/size+1)
	wait := func() {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	for n := 0; n < deliveries; n += size {
		now := time.Now()
		c := &switchhook.Commit{Watermark: int64(n), Done: func(err error) { done <- err }}
		for i := n + 1; i <= n+size; i++ {
			data := fmt.Appendf(nil, `{"call":{"id":"%x"`, rand.Uint64())
			for len(data) < 900 {
				data = fmt.Appendf(data, `,"variable_%d":"%016x%016x","note":"for the sales team"`, len(data), rand.Uint64(), rand.Uint64())
			}
			data = append(data, "}}"...)
			e := &switchhook.Event{
				ID: switchhook.NewID(switchhook.PrefixEvent), Type: "call.answered", AccountID: fmt.Sprint("acc_", i%50), Key: fmt.Sprint("call", i/8), CallID: fmt.Sprint("call", i/8),
				Sequence: int64(i), OccurredAt: now, AcceptedAt: now, Data: data, Targets: []string{fmt.Sprintf("wh_%022d", i%50)},
			}
			c.Events = append(c.Events, e)
			a := &switchhook.Attempt{
				ID: switchhook.NewID(switchhook.PrefixAttempt), EventID: e.ID, EventType: e.Type, AccountID: e.AccountID, WebhookID: e.Targets[0], Dialect: "switchhook", Sequence: e.Sequence,
				Number: 1, StartedAt: now, DurationMS: 12, Outcome: switchhook.Success, State: switchhook.Delivered,
				Request:  &switchhook.HTTPRequest{Method: "POST", URL: "https://example.com/hooks/calls", Headers: switchhook.Headers{{Name: "content-type", Value: "application/json"}}, Body: string(data)},
				Response: &switchhook.HTTPResponse{Status: 200, Body: "ok"},
			}
			if i%5 == 0 {
				a.Outcome, a.State = switchhook.Failure, switchhook.Pending
				c.Due = append(c.Due, switchhook.Due{DeliveryRef: switchhook.DeliveryRef{Sequence: e.Sequence, WebhookID: a.WebhookID}, Lane: rand.Uint64(), Attempts: 1, At: now, HeldSince: now})
			}
			c.Attempts = append(c.Attempts, a)
		}
		s.Submit(c)
		if n >= ahead*size {
			wait()
		}
	}
	for range min(ahead, (deliveries+size-1)/size) {
		wait()
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}
