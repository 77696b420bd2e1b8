package bench

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
)

// flatFirst is after how many deliveries the speed is first measured.
const flatFirst = 100_000

// flatChunk is how many deliveries are made between two lines of progress; the
// receiver forgets what came before, so that its memory is bounded.
const flatChunk = 500_000

// A Flatness says whether the server gets slower as its history grows.
type Flatness struct {
	Deliveries int64   `json:"deliveries"`  // that were made before the second measurement
	Failing    int     `json:"failing"`     // of a hundred of them failed once
	FirstPerS  float64 `json:"first_per_s"` // after 100,000 deliveries
	LastPerS   float64 `json:"last_per_s"`  // after all of them
	Ratio      float64 `json:"ratio"`       // last to first
	// OfLimits is the same ratio, each speed taken as a part of the bare limit
	// that was measured beside it: the machine's own drift is not in it.
	OfLimits float64 `json:"ratio_of_limits"`
	// Waiting is how the table of what waits was, where there is a database.
	Waiting []Waiting `json:"waiting,omitempty"`
}

// flat measures the speed after 100,000 deliveries and after many, on new data.
func (b *bench) flat(ctx context.Context) error {
	if err := errors.Join(b.fresh(ctx, "flat"), b.start(ctx)); err != nil {
		return err
	}
	samples, err := b.prepare(ctx)
	if err != nil {
		return err
	}
	f := &Flatness{Deliveries: b.o.Flat, Failing: b.o.Failing}
	fail := func(percent int) error {
		b.failing = percent > 0
		return b.at.call(ctx, http.MethodPost, pathFailing+"?percent="+strconv.Itoa(percent), nil, nil)
	}
	var part [2]float64
	made := int64(0)
	for i, goal := range [...]int64{flatFirst, f.Deliveries} {
		if err := fail(b.o.Failing); err != nil {
			return err
		}
		if made, err = b.grow(ctx, f, made, goal); err != nil {
			return err
		}
		if err := fail(0); err != nil {
			return err
		}
		var rates, parts []float64
		for range b.o.Rounds {
			bare, err := b.limit(ctx, samples)
			if err != nil {
				return err
			}
			p, err := b.feed(ctx, accountOne, false, func() (int64, error) {
				return b.inProcess(ctx, accountOne, 1, b.o.For, math.MaxInt64)
			})
			if err != nil {
				return err
			}
			made += p.deliveries
			rates, parts = append(rates, p.perSecond()), append(parts, p.perSecond()/bare.perSecond())
		}
		part[i] = median(parts)
		if i == 0 {
			f.FirstPerS = rounded(median(rates))
		} else {
			f.LastPerS = rounded(median(rates))
		}
		b.say("after %d deliveries: %.0f/s, %.0f %% of the limit", goal, median(rates), 100*median(parts))
	}
	f.Ratio, f.OfLimits = rounded(f.LastPerS/f.FirstPerS), rounded(part[1]/part[0])
	b.report.Flat = f
	return nil
}

// grow goes on from as many deliveries as were made until there are so many, and returns
// how many there are.
func (b *bench) grow(ctx context.Context, f *Flatness, made, goal int64) (int64, error) {
	chunk := int64(flatChunk)
	if b.failing {
		chunk *= 2 // each ends with the tries of its last
	}
	for made < goal {
		p, err := b.watched(ctx, f, func() (phase, error) {
			return b.feed(ctx, accountOne, false, func() (int64, error) {
				return b.inProcess(ctx, accountOne, 1, math.MaxInt64, min(goal-made, chunk-made%chunk))
			})
		})
		if err != nil {
			return made, err
		}
		made += p.deliveries
		b.say("%d of %d deliveries, %.0f/s", made, f.Deliveries, p.perSecond())
		if n := len(f.Waiting); n > 0 {
			w := &f.Waiting[n-1]
			w.Deliveries = made
			b.say("the table of what waits has %d KiB; at most %d rows waited and %d were dead; to look into it takes %.2f ms (%.2f ms at most; to ask for nothing %.2f ms)",
				w.KiB, w.MostRows, w.MostDead, w.LookMS, w.SlowestMS, w.TripMS)
		}
	}
	return made, nil
}
