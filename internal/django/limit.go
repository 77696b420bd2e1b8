package django

import (
	"context"
	"strings"
	"time"
)

// The bounds of a template and of a rendering. An ordinary mail takes some hundred steps and
// makes less than a kilobyte on the way. A step is about as long as a look-up of a variable, at
// most 0.2 µs, so the steps end the worst within 50 ms. What is made is paid for as it is in
// memory, so that all together, with the result and what it grew out of, is less than 1 MiB. The
// clock is only there in case that a
// price is wrong: on a busy machine it must not fail a mail that is in order.
const (
	maxSource  = 64 << 10  // bytes of a template
	maxParts   = 5000      // tags, variables, filters, values and pieces of text of a template
	maxTag     = 4 << 10   // bytes of a tag that is searched for quotes
	maxNesting = 40        // tags within tags
	maxNames   = 500       // names that with, for and the like bind in one place
	maxTerms   = 200       // comparisons and the like in one tag
	maxOutput  = 256 << 10 // bytes of a rendering
	maxSteps   = 200_000
	maxMade    = 416 << 10 // bytes that filters and blocks make on the way
	ofBuffer   = 48        // bytes that a text takes while it grows, beside its letters
	ofValue    = 16        // bytes that a value takes which was made
	maxDepth   = 16        // lists and objects of the data within one another
	maxTime    = time.Second
	lookEvery  = 4096 // steps between two looks at the clock and the context
)

// A Budget is what renderings may do together, such as those of the parts of one mail: as
// much as one of them alone. The zero value is full. It is for one goroutine.
type Budget struct {
	steps, made, output int // that are spent
	exceeded            bool
}

// Exceeded reports whether a rendering would have needed more.
func (b *Budget) Exceeded() bool { return b.exceeded }

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
	whole  *buffer // what out is where no block is rendered aside
	at     int     // the part of the source that is being rendered

	steps  int          // that are left
	look   int          // at so many that are left, look at the clock
	made   int          // bytes that may still be made
	cause  func() error // why the context is done; nil: it is not
	ending time.Time

	exceeded bool // it failed for one of them
}

type binding struct {
	name  string
	value any
}

func newRun(ctx context.Context, t *Template, data map[string]any, now time.Time, of *Budget) *run {
	steps := maxSteps - of.steps
	r := &run{
		template: t, data: data, now: now, escape: t.options.HTML, steps: steps, look: steps - lookEvery, made: maxMade - of.made,
		cause: func() error { return context.Cause(ctx) },
	}
	r.whole = &buffer{r: r, most: max(1, min(t.options.MaxOutput, maxOutput-of.output))}
	r.out = r.whole
	return r
}

// spend takes from the budget what the run has done.
func (r *run) spend(of *Budget) {
	of.steps, of.made, of.output = maxSteps-r.steps, maxMade-r.made, of.output+r.whole.len()
	of.exceeded = of.exceeded || r.exceeded
}

// fail ends the rendering at the part that is being rendered.
func (r *run) fail(message string) { panic(mistake{r.at, message}) }

// exceed ends the rendering, for it needs more than it may have.
func (r *run) exceed(message string) {
	r.exceeded = true
	r.fail(message)
}

// step pays for n steps.
func (r *run) step(n int) {
	r.steps -= n
	if r.steps < r.look {
		r.check()
	}
}

func (r *run) check() {
	if r.steps < 0 {
		r.exceed("the template does too much: its loops or filters have more to do than a mail needs")
	}
	r.look = r.steps - lookEvery
	if err := r.cause(); err != nil {
		panic(stopped{err})
	}
	switch now := time.Now(); {
	case r.ending.IsZero():
		r.ending = now.Add(maxTime)
	case now.After(r.ending):
		r.exceed("the template takes too long")
	}
}

// read pays for looking at n bytes of text.
func (r *run) read(n int) { r.step(n >> 5) }

// room pays for n bytes that are about to be made, and for the work of making them.
func (r *run) room(n int) {
	if n > r.made {
		r.exceed("the template makes too much text on the way: its filters or blocks double something, or the data is very large")
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
	b    strings.Builder
	most int // the output: so many bytes, paid by nothing else; 0: a part of what may be made
}

func (r *run) buffer() *buffer { return &buffer{r: r} }

func (b *buffer) grow(n int) {
	need := b.b.Len() + n
	if b.most > 0 && need > b.most {
		b.r.exceed("the result is longer than a mail may be")
	}
	if need <= b.b.Cap() {
		return
	}
	size := max(2*b.b.Cap(), need, 32)
	if b.most > 0 {
		size = min(size, b.most)
		b.r.step(size >> 6)
	} else {
		b.r.room(size + size>>3 + ofBuffer) // memory is given out in sizes of its own
	}
	had := b.b.String()
	b.b.Reset() // so that Grow takes no more than it is told
	b.b.Grow(size)
	b.b.WriteString(had)
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

func (b *buffer) len() int { return b.b.Len() }

func (b *buffer) String() string { return b.b.String() }

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
