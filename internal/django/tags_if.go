package django

import (
	"slices"
	"strconv"
	"strings"
)

// A test is what {% if %} asks. Either it is a value, or an operator and what it is about.
type test struct {
	e     *expression
	op    string
	parts []*test
}

// The operators, from those that bind least. All but not stand between two values.
const (
	bindsOr = iota + 1
	bindsAnd
	bindsNot
	bindsIn
	bindsCompare
)

type ifNode struct {
	at       int
	branches []branch
}

type branch struct {
	asks  *test // nil: else
	nodes []node
}

func (n *ifNode) render(r *run) {
	for _, b := range n.branches {
		r.at = n.at
		if b.asks == nil || truth(b.asks.eval(r)) {
			r.nodes(b.nodes)
			return
		}
	}
}

func parseIf(p *parser, t *tagged) node {
	n := &ifNode{at: t.start}
	for next := t; ; {
		b := branch{}
		if next.name != "else" {
			b.asks = p.condition(next)
		} else {
			if next.word("if") {
				throw(next.start, "{% else if … %} is written {% elif … %}")
			}
			next.end()
		}
		ends := []string{"elif", "else", "endif"}
		if next.name == "else" {
			ends = ends[2:]
		}
		b.nodes, next = p.block(t, ends...)
		n.branches = append(n.branches, b)
		if next.name == "endif" {
			return n
		}
	}
}

// condition reads all of what an {% if %} asks.
func (p *parser) condition(t *tagged) *test {
	if t.done() {
		throw(t.start, "{% "+t.name+" %} needs a condition")
	}
	c := conditions{p: p, c: &t.cursor}
	result := c.test(0)
	if t.done() {
		return result
	}
	if t.sign("=") {
		t.fail(`"=" is written "==" in a condition`)
	}
	if t.sign("&&") || t.sign("||") || t.sign("!") {
		t.fail(`conditions are joined by "and", "or" and "not"`)
	}
	t.finish("the condition")
	return result
}

type conditions struct {
	p     *parser
	c     *cursor
	terms int
	depth int
}

// test reads a condition whose operators bind more than least.
func (c *conditions) test(least int) *test {
	left := c.first()
	for {
		op, binds := c.operator()
		if binds <= least {
			return left
		}
		c.read(op)
		right := c.test(binds)
		if left.op == op && (op == "and" || op == "or") {
			left.parts = append(left.parts, right)
			continue
		}
		left = &test{op: op, parts: []*test{left, right}}
	}
}

func (c *conditions) first() *test {
	if c.terms++; c.terms > maxTerms {
		c.c.fail("a condition has at most " + strconv.Itoa(maxTerms) + " parts")
	}
	if c.depth++; c.depth > maxNesting {
		c.c.fail("the condition is nested too deeply")
	}
	defer func() { c.depth-- }()
	if c.c.done() {
		c.c.fail("the condition is not complete: a value is missing at its end")
	}
	switch {
	case c.c.word("not"):
		return &test{op: "not", parts: []*test{c.test(bindsNot)}}
	case c.c.sign("("): // ErlyDTL has them, Django has not
		t := c.test(0)
		if !c.c.sign(")") {
			c.c.fail("a closing parenthesis is missing here" + c.c.instead())
		}
		return &test{op: "()", parts: []*test{t}}
	}
	switch w := c.c.peek(); w {
	case "and", "or", "in", "is":
		c.c.fail("a value is missing before " + quote(w))
	}
	return &test{e: c.p.expression(c.c)}
}

// operator says which operator is next and how strongly it binds; 0: none.
func (c *conditions) operator() (string, int) {
	switch w := c.c.peek(); w {
	case "or":
		return w, bindsOr
	case "and":
		return w, bindsAnd
	case "in":
		return w, bindsIn
	case "is":
		after := *c.c
		if after.word("is"); after.word("not") {
			return "is not", bindsCompare
		}
		return w, bindsCompare
	case "not":
		return "not in", bindsIn
	}
	for _, op := range []string{"==", "!=", "<>", "<=", ">=", "<", ">"} {
		if strings.HasPrefix(c.c.rest(), op) {
			return op, bindsCompare
		}
	}
	return "", 0
}

func (c *conditions) read(op string) {
	switch op {
	case "not in":
		c.c.word("not")
		if !c.c.word("in") {
			c.c.fail(`"in" is expected after "not"` + c.c.instead())
		}
	case "is not":
		c.c.word("is")
		c.c.word("not")
	case "or", "and", "in", "is":
		c.c.word(op)
	default:
		c.c.sign(op)
	}
}

func (t *test) eval(r *run) any {
	if t.e != nil {
		return t.e.eval(r)
	}
	r.step(1)
	first := t.parts[0].eval(r)
	switch t.op {
	case "()":
		return first
	case "not":
		return !truth(first)
	case "and", "or":
		for _, part := range t.parts[1:] {
			if truth(first) == (t.op == "or") {
				return first
			}
			first = part.eval(r)
		}
		return first
	}
	return r.relate(t.op, first, t.parts[1].eval(r))
}

// relate compares; where two values cannot be compared it is false, as in Django.
func (r *run) relate(op string, a, b any) bool {
	switch op {
	case "==", "is":
		return r.equal(a, b, 0)
	case "!=", "<>", "is not":
		return !r.equal(a, b, 0)
	case "in":
		return r.contains(b, a)
	case "not in":
		return !r.contains(b, a)
	}
	order, ok := r.compare(a, b)
	if !ok {
		return false
	}
	switch op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

// contains says whether v is in a list, a member of an object, or a part of a text.
func (r *run) contains(in, v any) bool {
	switch in := in.(type) {
	case []any:
		return slices.ContainsFunc(in, func(e any) bool { return r.equal(e, v, 0) })
	case map[string]any:
		_, ok := in[r.text(v)]
		return ok
	case Object:
		r.step(len(in))
		name := r.text(v)
		return slices.ContainsFunc(in, func(m Member) bool { return m.Name == name })
	case string, Trusted:
		s := r.text(in)
		r.read(len(s))
		return v != nil && strings.Contains(s, r.text(v))
	}
	return false
}

// ifequal is an {% if %} in an older spelling.
func parseIfequal(p *parser, t *tagged) node {
	test := &test{op: "==", parts: []*test{{e: p.expression(&t.cursor)}, {e: p.expression(&t.cursor)}}}
	if t.name == "ifnotequal" {
		test.op = "!="
	}
	t.end()
	n := &ifNode{at: t.start}
	nodes, next := p.block(t, "else", "end"+t.name)
	n.branches = []branch{{test, nodes}}
	if next.name == "else" {
		nodes, _ = p.block(t, "end"+t.name)
		n.branches = append(n.branches, branch{nil, nodes})
	}
	return n
}
