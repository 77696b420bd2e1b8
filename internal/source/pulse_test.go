package source

import (
	"testing"
	"time"
)

func TestPulse(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	for _, test := range []struct {
		name       string
		steps      func(p *pulse)
		began, now int
		want       int // -1: it is fresh
	}{
		{"it runs", func(p *pulse) { p.rest(at(10)); p.beat(at(11)); p.rest(at(11)) }, 0, 12, -1},
		{"what it does takes long", func(p *pulse) { p.rest(at(10)); p.beat(at(11)); p.rest(at(30)) }, 0, 30, -1},
		{"it still does that", func(p *pulse) { p.rest(at(10)); p.beat(at(11)) }, 0, 30, -1},
		{"it stood", func(p *pulse) { p.rest(at(10)); p.beat(at(28)); p.rest(at(28)) }, 0, 29, 10},
		{"it stood, and has not beaten since", func(p *pulse) { p.rest(at(10)) }, 0, 28, 10},
		{"it stood just after the connection began", func(p *pulse) { p.rest(at(10)); p.beat(at(28)) }, 11, 29, 11},
		{"it stood before the connection began", func(p *pulse) { p.rest(at(10)); p.beat(at(28)) }, 29, 30, -1},
		{"it stood long ago", func(p *pulse) { p.rest(at(10)); p.beat(at(28)) }, 0, 60, -1},
	} {
		p := &pulse{}
		test.steps(p)
		want := time.Time{}
		if test.want >= 0 {
			want = at(test.want)
		}
		if got := p.old(at(test.began), at(test.now)); !got.Equal(want) {
			t.Errorf("%s: %v, not %v", test.name, got, want)
		}
	}
}
