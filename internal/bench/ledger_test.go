package bench

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func envelope(key string, sequence int, at time.Time) []byte {
	return fmt.Appendf(nil, `{"id":"evt_1","type":"call.created","account_id":"a","key":%q,"sequence":%d,"occurred_at":%q,"data":{"key":"x","sequence":9}}`,
		key, sequence, at.Format(time.RFC3339Nano))
}

func TestLedger(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC)
	type arrival struct {
		path, id, key string
		sequence      int
		unsigned      bool
	}
	for name, c := range map[string]struct {
		arrivals []arrival
		want     tally
	}{
		"nothing":                 {nil, tally{}},
		"in order":                {[]arrival{{"/1", "a", "k", 1, false}, {"/1", "b", "k", 2, false}, {"/1", "c", "k", 7, false}}, tally{Total: 3, Distinct: 3}},
		"keys are independent":    {[]arrival{{"/1", "a", "k", 2, false}, {"/1", "b", "l", 1, false}}, tally{Total: 2, Distinct: 2}},
		"webhooks are, too":       {[]arrival{{"/1", "a", "k", 2, false}, {"/2", "b", "k", 1, false}}, tally{Total: 2, Distinct: 2}},
		"a repeat":                {[]arrival{{"/1", "a", "k", 1, false}, {"/1", "a", "k", 1, false}}, tally{Total: 2, Distinct: 1}},
		"a repeat is no disorder": {[]arrival{{"/1", "a", "k", 1, false}, {"/1", "b", "k", 2, false}, {"/1", "a", "k", 1, false}}, tally{Total: 3, Distinct: 2}},
		"out of order":            {[]arrival{{"/1", "b", "k", 2, false}, {"/1", "a", "k", 1, false}, {"/1", "c", "k", 3, false}}, tally{Total: 3, Distinct: 3, Disorder: 1}},
		"all wrong": {
			[]arrival{{"/1", "c", "k", 3, false}, {"/1", "b", "k", 2, false}, {"/1", "a", "k", 1, true}},
			tally{Total: 3, Distinct: 3, Disorder: 2, Unsigned: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger()
			for _, a := range c.arrivals {
				l.record(a.path, a.id, !a.unsigned, envelope(a.key, a.sequence, now), now)
			}
			if diff := cmp.Diff(c.want, l.sum()); diff != "" {
				t.Error(diff)
			}
			if l.distinct.Load() != c.want.Distinct {
				t.Errorf("the count is %d", l.distinct.Load())
			}
		})
	}
}

func TestLedgerKnowsItsOwnEnvelope(t *testing.T) {
	t.Parallel()
	l := newLedger()
	l.record("/1", "a", true, []byte("so what"), time.Now())
	if got := l.sum(); got.Unsigned != 1 {
		t.Errorf("%+v", got)
	}
}

func TestLedgerTimes(t *testing.T) {
	t.Parallel()
	l, now := newLedger(), time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC)
	late := func(ms int) time.Time { return now.Add(time.Duration(ms) * time.Millisecond) }
	l.record("/1", "untimed", true, envelope("k", 1, now), late(9000))
	l.reset(true)
	for i := 1; i <= 200; i++ {
		l.record("/1", fmt.Sprint(i), true, envelope(fmt.Sprint(i), i, now), late(i))
	}
	l.record("/1", "1", true, envelope("1", 1, now), late(9000)) // a repeat is not the delivery
	if got := l.sum(); got.P50 != 100 || got.P99 != 198 || got.Distinct != 200 || got.duplicates() != 1 {
		t.Errorf("%+v", got)
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	ms := func(values ...int) (list []time.Duration) {
		for _, v := range values {
			list = append(list, time.Duration(v)*time.Millisecond)
		}
		return list
	}
	for _, c := range []struct {
		sorted []time.Duration
		p      int
		want   float64
	}{{nil, 99, 0}, {ms(7), 50, 7}, {ms(7), 99, 7}, {ms(1, 2), 50, 1}, {ms(1, 2), 99, 2}, {ms(1, 2, 3, 4, 5), 50, 3}, {ms(1, 2, 3, 4, 5), 0, 1}} {
		if got := percentile(c.sorted, c.p); got != c.want {
			t.Errorf("p%d of %v is %v, want %v", c.p, c.sorted, got, c.want)
		}
	}
}
