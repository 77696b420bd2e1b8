package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"
)

// The accounts of the bench, each with webhooks of its own.
const (
	accountOne  = "bench_one"  // one webhook
	accountTen  = "bench_ten"  // ten
	accountHang = "bench_hang" // ten, of which the first one's receiver never answers
	fanOut      = 10

	accountBacklog = "bench_backlog" // one, whose receiver is down
)

const mebibyte = 1 << 20

// Rates of what is sent steadily, events a second.
const (
	hangRate    = 100
	latencyRate = 50
)

// measure measures everything, kind by kind.
func (b *bench) measure(ctx context.Context) error {
	if err := errors.Join(b.fresh(ctx, "data"), b.start(ctx)); err != nil {
		return err
	}
	samples, err := b.prepare(ctx)
	if err != nil {
		return err
	}
	// What the files have before and after is looked at while nobody serves:
	// the log is then part of the database.
	before, err := b.restart(ctx)
	if err != nil {
		return err
	}
	for n := 0; b.another(n, 0.62); n++ {
		if err := b.round(ctx, n, samples); err != nil {
			return err
		}
	}
	// Now, not at the end: what a stopped server had is not given back at once.
	b.report.RSSMB = float64(peakMemory()) / mebibyte
	recorded := b.report.deliveries
	after, err := b.restart(ctx)
	if err != nil {
		return err
	}
	b.report.BytesPerDelivery = float64(after-before) / float64(max(recorded, 1))
	for _, part := range []func(context.Context) error{b.manyHooks, b.hanging, b.latency} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes the account with one webhook, and returns the deliveries of one
// call as the engine sends them, for the bare limit to send the same.
func (b *bench) prepare(ctx context.Context) (samples []sample, err error) {
	var info struct {
		Store string `json:"store"`
	}
	if err := b.server.call(ctx, http.MethodGet, "/v1/info", nil, &info); err != nil {
		return nil, err
	}
	b.report.Store = info.Store
	if err := b.hooks(ctx, accountOne, 1, inFlight, "/one"); err != nil {
		return nil, err
	}
	if _, err := b.feed(ctx, accountOne, false, func() (int64, error) {
		b.phase++
		_, err := b.app.Accept(ctx, newCalls(accountOne, b.phase).batch(stages))
		return stages, err
	}); err != nil {
		return nil, err
	}
	err = b.at.call(ctx, http.MethodGet, pathSamples, nil, &samples)
	if err == nil && len(samples) != stages {
		err = fmt.Errorf("a call of %d events made %d deliveries", stages, len(samples))
	}
	b.report.BodyBytes = 0
	for _, s := range samples {
		b.report.BodyBytes += float64(len(s.Body)) / stages
	}
	return samples, err
}

// another reports whether there is to be a round n of a kind, by whose end a
// share of the time should be over.
func (b *bench) another(n int, share float64) bool {
	late := b.o.Within > 0 && time.Since(b.began) > time.Duration(share*float64(b.o.Within))
	return n < b.o.Rounds && (n == 0 || !late)
}

// restart stops the server, looks at the size of its files, and starts it again.
func (b *bench) restart(ctx context.Context) (size int64, err error) {
	if err := b.stop(); err != nil {
		return 0, err
	}
	if size, err = b.size(ctx); err != nil {
		return 0, err
	}
	return size, b.start(ctx)
}

// round measures the bare limit, and what is compared with it, in turn.
func (b *bench) round(ctx context.Context, n int, samples []sample) error {
	bare, err := b.limit(ctx, samples)
	if err != nil {
		return err
	}
	inside, err := b.profiled(func() (phase, error) {
		return b.feed(ctx, accountOne, false, func() (int64, error) { return b.inProcess(ctx, accountOne, 1, b.o.For, math.MaxInt64) })
	})
	if err != nil {
		return err
	}
	var outside [2]phase
	for i, way := range [...]string{inBatches, oneByOne} {
		outside[i], err = b.feed(ctx, accountOne, false, func() (int64, error) {
			return b.outside(ctx, way, accountOne, 1, b.o.For, 0)
		})
		if err != nil {
			return err
		}
	}
	b.report.round(bare, inside, outside[0], outside[1])
	b.say("round %d of %d: limit %.0f/s, in process %.0f/s (%.0f %%), batches %.0f/s (%.0f %%), single posts %.0f/s (%.0f %%)",
		n+1, b.o.Rounds, bare.perSecond(),
		inside.perSecond(), 100*inside.perSecond()/bare.perSecond(),
		outside[0].perSecond(), 100*outside[0].perSecond()/bare.perSecond(),
		outside[1].perSecond(), 100*outside[1].perSecond()/bare.perSecond())
	return nil
}

// manyHooks measures events that each go to ten webhooks.
func (b *bench) manyHooks(ctx context.Context) error {
	if err := b.hooks(ctx, accountTen, fanOut, inFlight/2, "/bench_ten/0"); err != nil {
		return err
	}
	for n := 0; b.another(n, 0.75); n++ {
		p, err := b.feed(ctx, accountTen, false, func() (int64, error) { return b.inProcess(ctx, accountTen, fanOut, b.o.For, math.MaxInt64) })
		if err != nil {
			return err
		}
		b.report.fanOut = append(b.report.fanOut, p.perSecond())
		b.say("round %d of %d: ten webhooks %.0f deliveries/s", n+1, b.o.Rounds, p.perSecond())
	}
	return nil
}

// hanging measures what nine receivers get while the tenth never answers.
func (b *bench) hanging(ctx context.Context) error {
	if err := b.hooks(ctx, accountHang, fanOut, inFlight/2, pathHang); err != nil {
		return err
	}
	for n := 0; b.another(n, 0.88); n++ {
		p, err := b.feed(ctx, accountHang, true, func() (int64, error) {
			events, err := b.outside(ctx, paced, accountHang, 1, b.o.Paced, hangRate)
			return events * (fanOut - 1), err
		})
		if err != nil {
			return err
		}
		b.report.hang = append(b.report.hang, p.tally.P99)
		b.say("round %d of %d: one of ten hangs, the others get %.0f/s, p99 %.1f ms", n+1, b.o.Rounds, p.perSecond(), p.tally.P99)
	}
	return b.deleteHooks(ctx, accountHang)
}

// deleteHooks ends what still hangs, so that nothing of it is measured after.
func (b *bench) deleteHooks(ctx context.Context, account string) error {
	list, err := b.webhooks(ctx, account)
	if err != nil {
		return err
	}
	for _, w := range list {
		if err := b.server.call(ctx, http.MethodDelete, "/v1/webhooks/"+w.ID, nil, nil); err != nil {
			return err
		}
	}
	return b.at.call(ctx, http.MethodPost, pathRelease, nil, nil)
}

// latency measures how long a single event takes from the beginning of its POST
// to the receiver.
func (b *bench) latency(ctx context.Context) error {
	for n := 0; b.another(n, 1); n++ {
		p, err := b.feed(ctx, accountOne, true, func() (int64, error) {
			return b.outside(ctx, paced, accountOne, 1, b.o.Paced, latencyRate)
		})
		if err != nil {
			return err
		}
		b.report.p50, b.report.p99 = append(b.report.p50, p.tally.P50), append(b.report.p99, p.tally.P99)
		b.say("round %d of %d: %d events a second arrive after %.1f ms (p99 %.1f)", n+1, b.o.Rounds, latencyRate, p.tally.P50, p.tally.P99)
	}
	return nil
}

func (b *bench) say(format string, args ...any) {
	_, _ = fmt.Fprintf(b.o.Progress, format+"\n", args...) // a closed terminal is no reason to stop
}
