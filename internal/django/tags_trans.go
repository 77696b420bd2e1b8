package django

import "strings"

// There are no translations: a text stands as it is written. The tags are there so that
// templates which have them work.

type trans struct {
	e  *expression
	as string
}

func (n *trans) render(r *run) { r.give(n.e.eval(r), n.as) }

func parseTrans(p *parser, t *tagged) node {
	n := &trans{e: p.expression(&t.cursor)}
	for {
		switch {
		case t.word("noop"):
			continue
		case t.word("context"):
			p.expression(&t.cursor)
			continue
		}
		break
	}
	n.as = t.as(p)
	t.end()
	return n
}

type blocktrans struct {
	at      int
	named   []named
	count   int // which of the named is counted; -1: none
	one     []node
	many    []node
	trimmed bool
	as      string
}

func (n *blocktrans) render(r *run) {
	r.at = n.at
	before := len(r.vars)
	nodes := n.one
	for i, d := range n.named {
		v := d.e.eval(r)
		r.bind(d.name, v)
		if i == n.count {
			if c, ok := numberOf(v); !ok || c.float() != 1 {
				nodes = n.many
			}
		}
	}
	if !n.trimmed && n.as == "" {
		r.scoped(before, nodes)
		return
	}
	aside := r.buffer()
	out := r.out
	r.out = aside
	r.scoped(before, nodes)
	r.out = out
	s := aside.String()
	if n.trimmed {
		s = r.trimLines(s)
	}
	r.give(Trusted(s), n.as)
}

// trimLines joins the lines of a text, without the white space around each.
func (r *run) trimLines(s string) string {
	b := r.buffer()
	for line := range strings.Lines(strings.TrimSpace(s)) {
		if b.len() > 0 {
			b.writeByte(' ')
		}
		b.write(strings.TrimSpace(line))
	}
	return b.String()
}

func parseBlocktrans(p *parser, t *tagged) node {
	n := &blocktrans{at: t.start, count: -1}
	for !t.done() {
		switch {
		case t.word("trimmed"):
			n.trimmed = true
		case t.word("context"):
			p.expression(&t.cursor)
		case t.word("asvar"):
			n.as = t.cursor.name("a name")
		case t.word("count"):
			n.count = len(n.named)
			n.named = append(n.named, p.named(&t.cursor)...)
		case t.word("with"), t.word("and"):
			n.named = append(n.named, p.named(&t.cursor)...)
		default:
			t.end()
		}
	}
	before := len(p.locals)
	for _, d := range n.named {
		p.bind(d.name)
	}
	var next *tagged
	end := "end" + t.name
	n.one, next = p.block(t, "plural", end)
	n.many = n.one
	if next.name == "plural" {
		n.many, _ = p.block(t, end)
	}
	p.locals = p.locals[:before]
	if n.as != "" {
		p.bind(n.as)
	}
	return n
}

type language struct{ nodes []node }

func (n language) render(r *run) { r.nodes(n.nodes) }

func parseLanguage(p *parser, t *tagged) node {
	p.expression(&t.cursor)
	t.end()
	nodes, _ := p.block(t, "endlanguage")
	return language{nodes}
}
