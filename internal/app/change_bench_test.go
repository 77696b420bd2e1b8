package app_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/app"
	"github.com/switchhook/switchhook/internal/store/sqlite"
)

// BenchmarkChange is a change of one webhook, by 20 clients at once, where there are so
// many: what it costs must not depend on how many there are.
func BenchmarkChange(b *testing.B) {
	for _, n := range []int{10, 500, 2000} {
		b.Run(fmt.Sprintf("%d webhooks", n), func(b *testing.B) {
			url, ids := serveWith(b, n)
			var next atomic.Int64
			b.SetParallelism(10)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				client := &http.Client{Transport: &http.Transport{}}
				defer client.CloseIdleConnections()
				for pb.Next() {
					i := next.Add(1)
					req, err := http.NewRequestWithContext(b.Context(), http.MethodPatch, url+"/v1/webhooks/"+ids[int(i)%len(ids)], strings.NewReader(fmt.Sprintf(`{"name":"%d"}`, i)))
					if err != nil {
						b.Error(err)
						return
					}
					req.Header.Set("Authorization", "Bearer a-key-for-the-tests")
					resp, err := client.Do(req)
					if err != nil {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
					if resp.StatusCode != http.StatusOK {
						b.Error(resp.Status)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "changes/s")
		})
	}
}

// serveWith serves with so many webhooks, each of an account of its own, until the
// benchmark ends.
func serveWith(b *testing.B, n int) (url string, ids []string) {
	b.Helper()
	c := app.Config{Data: b.TempDir(), Listen: "127.0.0.1:0", AdminKey: "a-key-for-the-tests", Logger: slog.New(slog.DiscardHandler), MasterKeys: [][]byte{make([]byte, 32)}}
	s, err := sqlite.Open(b.Context(), sqlite.Options{Dir: c.Data, MasterKeys: c.MasterKeys})
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		account, id, at := fmt.Sprintf("account-%d", i), fmt.Sprintf("wh_%d", i), time.Now().UTC()
		w := &switchhook.Webhook{
			ID: id, AccountID: account, Name: id, URL: "https://example.com/", Events: []string{"call.*"}, Dialect: "switchhook", Enabled: true,
			MaxConcurrency: 16, Ordering: "key", Timeout: switchhook.Duration(15 * time.Second), Secrets: []switchhook.Secret{{Value: switchhook.NewSecret()}},
			CreatedAt: at, UpdatedAt: at, Signing: switchhook.SigningHMAC, Retry: switchhook.Retry{Policy: "standard"},
		}
		if err := s.CreateAccount(b.Context(), &switchhook.Account{ID: account, ParentID: switchhook.RootAccount, CreatedAt: at, UpdatedAt: at}); err != nil {
			b.Fatal(err)
		}
		if err := s.CreateWebhook(b.Context(), w); err != nil {
			b.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	a, err := app.New(b.Context(), c)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	return a.URL(), ids
}
