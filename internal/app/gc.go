package app

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// headroom is how much garbage may gather before it is collected, in bytes. What
// Switchhook holds in memory is small, so that the usual rule (as much garbage as
// there is live) would collect many times a second for nothing: a tenth of the CPU.
const headroom = 96 << 20

// tuneGC lets headroom gather, or the usual amount where more than that is live.
// It leaves alone what the environment says of it.
func tuneGC(ctx context.Context) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	const usual, most = 100, 400
	defer debug.SetGCPercent(usual)
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	set := usual
	for {
		metrics.Read(live)
		percent := usual
		if n := live[0].Value.Uint64(); n > 0 {
			percent = int(min(max(headroom*100/n, usual), most))
		}
		if percent != set {
			debug.SetGCPercent(percent)
			set = percent
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
