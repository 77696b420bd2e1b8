package django

import "slices"

// A named is a name for a value: name=value, or value as name.
type named struct {
	name string
	e    *expression
}

type withNode struct {
	at    int
	named []named
	nodes []node
}

func (n *withNode) render(r *run) {
	r.at = n.at
	before := len(r.vars)
	for _, d := range n.named {
		r.bind(d.name, d.e.eval(r))
	}
	r.scoped(before, n.nodes)
}

func parseWith(p *parser, t *tagged) node {
	n := &withNode{at: t.start, named: p.named(&t.cursor)}
	if len(n.named) == 0 {
		throw(t.start, "{% with %} needs a name and a value: {% with name=value %}")
	}
	t.end()
	before := len(p.locals)
	for _, d := range n.named {
		p.bind(d.name)
	}
	n.nodes, _ = p.block(t, "endwith")
	p.locals = p.locals[:before]
	return n
}

// named reads names and values up to the end, or to a word that has no value.
func (p *parser) named(c *cursor) []named {
	var all []named
	for !c.done() {
		before := *c
		if w := c.peek(); w != "" {
			c.at += len(w)
			if c.sign("=") {
				all = append(all, named{w, p.expression(c)})
				continue
			}
			*c = before
			if slices.Contains([]string{"count", "with", "and", "context", "trimmed", "asvar"}, w) {
				return all
			}
		}
		e := p.expression(c)
		if !c.word("as") {
			c.fail(`"as" or "=" is expected here` + c.instead() + `: {% with name=value %}`)
		}
		all = append(all, named{c.name("a name"), e})
		c.word("and")
	}
	return all
}
