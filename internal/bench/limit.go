package bench // this whole file is the bare limit: a plain client, no queue, no store, no signing

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
)

// limit posts the samples in turn, inFlight at once, until ctx ends, and returns how many were answered.
func limit(ctx context.Context, client *http.Client, url string, samples []sample, inFlight int) (int64, error) {
	var sent, answered atomic.Int64
	failed := make(chan error, inFlight)
	var wg sync.WaitGroup
	for range inFlight {
		wg.Go(func() {
			for ctx.Err() == nil && len(failed) == 0 {
				n := sent.Add(1)
				s := samples[n%int64(len(samples))]
				req, _ := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, url, bytes.NewReader(s.Body))
				req.Header = s.Header.Clone()
				req.Header["webhook-id"] = []string{"msg_0000000" + strconv.FormatInt(1e18+n, 10)} // as long as ours
				resp, err := client.Do(req)
				if err != nil {
					failed <- err
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				answered.Add(1)
			}
		})
	}
	wg.Wait()
	close(failed)
	return answered.Load(), <-failed
}
