package django

import (
	"slices"
	"strconv"
	"strings"
)

// A node is a part of a template that renders itself.
type node interface{ render(r *run) }

// A parser makes the nodes of a template.
type parser struct {
	lexer

	tags   map[string]tagParser
	parts  int
	depth  int
	open   []*tagged // the tags that wait for their ends
	names  map[string]bool
	locals []string // what tags have bound around here
	states int
	cycle  *cycle            // the last
	cycles map[string]*cycle // those with names
}

// A tagParser reads the rest of a tag, and what belongs to it.
type tagParser func(p *parser, t *tagged) node

// A tagged is a tag that is being read.
type tagged struct {
	cursor

	name  string
	start int // of its {%
}

// literal is text of the template.
type literal string

func (l literal) render(r *run) {
	r.out.write(string(l))
}

// output is {{ }}.
type output struct{ e *expression }

func (o output) render(r *run) {
	r.write(o.e.eval(r))
}

// nodes renders them one after another.
func (r *run) nodes(nodes []node) {
	for _, n := range nodes {
		r.step(1)
		n.render(r)
	}
}

// all reads the whole template.
func (p *parser) all() []node {
	nodes, end := p.until()
	if end != nil {
		p.stray(end)
	}
	return nodes
}

// until reads up to one of these tags, which it returns; nil: the template has ended.
func (p *parser) until(ends ...string) (nodes []node, end *tagged) {
	for {
		next := p.next()
		p.part(next.at)
		switch next.kind {
		case isEnd:
			if len(p.open) > 0 {
				t := p.open[len(p.open)-1]
				throw(t.start, "{% "+t.name+" %} is not closed: "+braced(ends)+" is missing")
			}
			return nodes, nil
		case isText:
			nodes = append(nodes, literal(p.source[next.from:next.to]))
		case isVariable:
			c := p.cursor(next)
			if c.done() {
				throw(next.at, "{{ }} needs the name of a variable")
			}
			e := p.expression(&c)
			c.finish("a variable and its filters")
			nodes = append(nodes, output{e})
		case isTag:
			t := p.tag(next)
			if slices.Contains(ends, t.name) {
				return nodes, t
			}
			if n := p.tagNode(t); n != nil {
				nodes = append(nodes, n)
			}
		}
	}
}

// braced writes tags as they stand in a template.
func braced(names []string) string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = "{% " + n + " %}"
	}
	return strings.Join(all, " or ")
}

func (p *parser) cursor(of piece) cursor { return cursor{p.source, of.from, of.to} }

// part counts what the template consists of.
func (p *parser) part(at int) {
	if p.parts++; p.parts > maxParts {
		throw(at, "a template has at most "+strconv.Itoa(maxParts)+" tags, variables and filters")
	}
}

func (p *parser) tag(of piece) *tagged {
	t := &tagged{cursor: p.cursor(of), start: of.at}
	if t.done() {
		throw(of.at, "{% %} needs the name of a tag")
	}
	t.name = t.cursor.name("the name of a tag")
	return t
}

func (p *parser) tagNode(t *tagged) node {
	parse, ok := p.tags[t.name]
	if !ok {
		p.unknown(t)
	}
	return parse(p, t)
}

// block reads what is between a tag and its end; the names that are bound within are known
// only there.
func (p *parser) block(t *tagged, ends ...string) ([]node, *tagged) {
	if p.depth++; p.depth > maxNesting {
		throw(t.start, "tags are nested too deeply: at most "+strconv.Itoa(maxNesting)+" within one another")
	}
	known := len(p.locals)
	p.open = append(p.open, t)
	nodes, end := p.until(ends...)
	p.open = p.open[:len(p.open)-1]
	p.locals = p.locals[:known]
	p.depth--
	return nodes, end
}

// bind makes names known up to the end of the block.
func (p *parser) bind(names ...string) {
	if p.locals = append(p.locals, names...); len(p.locals) > maxNames {
		throw(p.at, "a template binds at most "+strconv.Itoa(maxNames)+" names in one place")
	}
}

// state numbers a tag that remembers something.
func (p *parser) state() int {
	p.states++
	return p.states - 1
}

// stray complains about a tag that ends or divides what was not begun.
func (p *parser) stray(t *tagged) {
	if len(p.open) == 0 {
		throw(t.start, "{% "+t.name+" %} has nothing that it belongs to")
	}
	around := p.open[len(p.open)-1]
	throw(t.start, "{% "+t.name+" %} does not belong here: the {% "+around.name+" %} of line "+
		strconv.Itoa(mistake{at: around.start}.in(p.source).Line)+" is not closed yet")
}

// unknown says why there is no such tag.
func (p *parser) unknown(t *tagged) {
	switch {
	case slices.Contains(strings.Fields("extends include block endblock ssi import macro call partial partialdef cache"), t.name):
		throw(t.start, "{% "+t.name+" %} is not available: a template is one piece, and has no other files")
	case slices.Contains(strings.Fields("url static csrf_token debug lorem get_static_prefix get_media_prefix querystring set macro random"), t.name):
		throw(t.start, "{% "+t.name+" %} is not available in the templates of notifications")
	case slices.Contains(strings.Fields("elseif elsif elsf"), t.name):
		throw(t.start, "there is no tag "+quote(t.name)+"; it is written {% elif … %}")
	case strings.HasPrefix(t.name, "end") || slices.Contains(strings.Fields("else elif empty plural"), t.name):
		p.stray(t)
	}
	throw(t.start, "there is no tag "+quote(t.name)+nearest(t.name, keys(p.tags)))
}

// nearest asks whether one of the names was meant.
func nearest(name string, names []string) string {
	best, least := "", 3
	if len(name) < 4 {
		least = 2
	}
	if len(name) > 40 {
		return ""
	}
	for _, n := range names {
		if d := distance(strings.ToLower(name), n); d < least {
			best, least = n, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + quote(best) + "?"
}

// distance is how many letters have to be added, left out, changed or swapped.
func distance(a, b string) int {
	var before []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, change)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

func keys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
