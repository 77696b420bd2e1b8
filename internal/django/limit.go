package django

import (
	"context"
	"strings"
	"time"
)

// The bounds of a template and of a rendering. An ordinary mail takes some hundred steps and
// makes less than a kilobyte on the way. A step is about as long as a look-up of a variable, at
// most 0.2 µs, so the steps end the worst within 50 ms. The clock is only there in case that a
// price is wrong: on a busy machine it must not fail a mail that is in order.
const (
	maxSource  = 64 << 10  // bytes of a template
	maxParts   = 10_000    // tags, variables, filters and pieces of text of a template
	maxTag     = 4 << 10   // bytes of a tag that is searched for quotes
	maxNesting = 40        // tags within tags
	maxNames   = 500       // names that with, for and the like bind in one place
	maxTerms   = 200       // comparisons and the like in one tag
	maxOutput  = 256 << 10 // bytes of a rendering
	maxSteps   = 200_000
	maxMade    = 384 << 10 // bytes that filters and blocks make on the way
	maxDepth   = 16        // lists and objects of the data within one another
	maxTime    = time.Second
	lookEvery  = 4096 // steps between two looks at the clock and the context
)

// A run is one rendering.
type run struct {
	template *Template
	data     map[string]any
	now      time.Time

	vars   []binding // what tags have bound, the nearest last
	frame  int       // where those of the innermost block begin
	states []any     // what cycle and ifchanged remember, by their number
	loop   *loop     // the innermost
	escape bool      // text from the data is escaped
	out    *buffer
	at     int // the part of the source that is being rendered

	steps  int          // that are left
	look   int          // at so many that are left, look at the clock
	made   int          // bytes that may still be made
	cause  func() error // why the context is done; nil: it is not
	ending time.Time
}

type binding struct {
	name  string
	value any
}

func newRun(ctx context.Context, t *Template, data map[string]any, now time.Time) *run {
	r := &run{template: t, data: data, now: now, escape: t.options.HTML, steps: maxSteps, look: maxSteps - lookEvery, made: maxMade, cause: func() error { return context.Cause(ctx) }}
	r.out = &buffer{r: r, most: t.options.MaxOutput}
	r.out.grow(min(len(t.source), t.options.MaxOutput))
	return r
}

// fail ends the rendering at the part that is being rendered.
func (r *run) fail(message string) { panic(mistake{r.at, message}) }

// step pays for n steps.
func (r *run) step(n int) {
	r.steps -= n
	if r.steps < r.look {
		r.check()
	}
}

func (r *run) check() {
	if r.steps < 0 {
		r.fail("the template does too much: its loops or filters have more to do than a mail needs")
	}
	r.look = r.steps - lookEvery
	if err := r.cause(); err != nil {
		panic(stopped{err})
	}
	switch now := time.Now(); {
	case r.ending.IsZero():
		r.ending = now.Add(maxTime)
	case now.After(r.ending):
		r.fail("the template takes too long")
	}
}

// read pays for looking at n bytes of text.
func (r *run) read(n int) { r.step(n >> 5) }

// room pays for n bytes that are about to be made, and for the work of making them.
func (r *run) room(n int) {
	if n > r.made {
		r.fail("the template makes too much text on the way: its filters or blocks double something, or the data is very large")
	}
	r.made -= n
	r.step(n >> 6)
}

// list pays for a list of n values that is about to be made.
func (r *run) list(n int) {
	r.step(n)
	r.room(n << 4)
}

// A buffer is a text that grows, paid for before it does.
type buffer struct {
	r    *run
	b    *strings.Builder
	most int // the output: so many bytes, paid by nothing else; 0: a part of what may be made
}

func (r *run) buffer() *buffer { return &buffer{r: r} }

func (b *buffer) grow(n int) {
	if b.b == nil {
		b.b = new(strings.Builder)
	}
	need := b.b.Len() + n
	if b.most > 0 && need > b.most {
		b.r.fail("the result is longer than a mail may be")
	}
	if need <= b.b.Cap() {
		return
	}
	size := max(2*b.b.Cap(), need, 64)
	if b.most > 0 {
		size = min(size, b.most)
		b.r.step(size >> 6)
	} else {
		b.r.room(size)
	}
	larger := new(strings.Builder)
	larger.Grow(size)
	larger.WriteString(b.b.String())
	b.b = larger
}

func (b *buffer) write(s string) {
	b.grow(len(s))
	b.b.WriteString(s)
	b.r.read(len(s))
}

func (b *buffer) writeByte(c byte) {
	b.grow(1)
	b.b.WriteByte(c)
}

func (b *buffer) writeRune(c rune) {
	b.grow(4)
	b.b.WriteRune(c)
}

// spaces writes n of them.
func (b *buffer) spaces(n int) {
	if n <= 0 {
		return
	}
	b.grow(n)
	for ; n >= len(blank); n -= len(blank) {
		b.b.WriteString(blank)
	}
	b.b.WriteString(blank[:n])
}

const blank = "                                                                "

func (b *buffer) len() int {
	if b.b == nil {
		return 0
	}
	return b.b.Len()
}

func (b *buffer) String() string {
	if b.b == nil {
		return ""
	}
	return b.b.String()
}

// escape writes s with the five characters replaced that mean something in HTML.
func (b *buffer) escape(s string) {
	start := 0
	for i := range len(s) {
		var with string
		switch s[i] {
		case '&':
			with = "&amp;"
		case '<':
			with = "&lt;"
		case '>':
			with = "&gt;"
		case '"':
			with = "&quot;"
		case '\'':
			with = "&#x27;"
		default:
			continue
		}
		b.write(s[start:i])
		b.write(with)
		b.r.step(1)
		start = i + 1
	}
	b.write(s[start:])
}

// capture renders nodes aside.
func (r *run) capture(nodes []node) string {
	aside := r.buffer()
	before := r.out
	r.out = aside
	r.nodes(nodes)
	r.out = before
	return aside.String()
}
