package django

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

type forNode struct {
	at       int
	names    []string
	in       *expression
	pairs    *expression // of x.items: x, whose members are meant where it has no items
	what     string      // of x.items: items, keys or values
	reversed bool
	nodes    []node
	empty    []node
}

// A loop is forloop.
type loop struct {
	i, n    int
	parent  *loop
	changed map[int]any // what {% ifchanged %} remembers
}

func (l *loop) member(name string) any {
	switch strings.ToLower(name) {
	case "counter":
		return int64(l.i + 1)
	case "counter0":
		return int64(l.i)
	case "revcounter":
		return int64(l.n - l.i)
	case "revcounter0":
		return int64(l.n - l.i - 1)
	case "first":
		return l.i == 0
	case "last":
		return l.i == l.n-1
	case "length":
		return int64(l.n)
	case "parentloop":
		if l.parent != nil {
			return l.parent
		}
	}
	return nil
}

func parseFor(p *parser, t *tagged) node {
	n := &forNode{at: t.start}
	for {
		p.part(t.at)
		n.names = append(n.names, t.cursor.name("a name for the elements"))
		if !t.sign(",") {
			break
		}
	}
	if !t.word("in") {
		t.fail(`"in" is expected here` + t.instead() + `: {% for x in list %}`)
	}
	n.in = p.expression(&t.cursor)
	if last := len(n.in.path) - 1; last > 0 && len(n.in.filters) == 0 {
		switch n.what = n.in.path[last]; n.what {
		case "items", "keys", "values":
			n.pairs = &expression{operand: operand{at: n.in.at, path: n.in.path[:last]}}
		}
	}
	n.reversed = t.word("reversed")
	t.end()

	before := len(p.locals)
	p.bind(n.names...)
	var next *tagged
	n.nodes, next = p.block(t, "empty", "endfor")
	p.locals = p.locals[:before]
	if next.name == "empty" {
		n.empty, _ = p.block(t, "endfor")
	}
	return n
}

func (n *forNode) render(r *run) {
	r.at = n.at
	r.room(8 * ofValue)
	l := &loop{parent: r.loop}
	v := n.in.eval(r)
	r.at = n.at
	what := ""
	if v == nil && n.pairs != nil {
		v, what = n.pairs.eval(r), n.what
	}
	before := len(r.vars)
	r.loop = l
	visit := func(key, value any) {
		r.step(1)
		r.bind("forloop", l)
		n.bind(r, key, value)
		r.scoped(before, n.nodes)
		l.i++
	}
	switch v := v.(type) {
	case []any:
		l.n = len(v)
		for i := range v {
			if n.reversed {
				i = len(v) - 1 - i
			}
			visit(v[i], absent{})
		}
	case map[string]any, Object:
		n.visitMembers(r, l, v, what, visit)
	case string, Trusted:
		n.visitLetters(r, l, r.text(v), visit)
	case *group:
		l.n = 2
		visit(v.grouper, absent{})
		visit(v.list, absent{})
	}
	r.loop = l.parent
	if l.n == 0 {
		r.nodes(n.empty)
	}
}

// bind gives the names what a round of the loop is about.
func (n *forNode) bind(r *run, key, value any) {
	if _, single := value.(absent); !single {
		r.bind(n.names[0], key)
		if len(n.names) > 1 {
			r.bind(n.names[1], value)
		}
		return
	}
	if len(n.names) == 1 {
		r.bind(n.names[0], key)
		return
	}
	for i, name := range n.names {
		var part any
		switch key := key.(type) {
		case []any, *group:
			part = r.member(key, strconv.Itoa(i))
		default:
			if i == 0 {
				part = key
			}
		}
		r.bind(name, part)
	}
}

func (n *forNode) visitMembers(r *run, l *loop, v any, what string, visit func(key, value any)) {
	l.n = size(v)
	if l.n == 0 {
		return
	}
	r.list(3 * l.n)
	all := make(Object, 0, l.n)
	r.members(v, func(name string, value any) { all = append(all, Member{name, value}) })
	for i := range all {
		if n.reversed {
			i = len(all) - 1 - i
		}
		switch {
		case what == "values":
			visit(all[i].Value, absent{})
		case what == "keys" || len(n.names) == 1 && what == "":
			visit(all[i].Name, absent{})
		case len(n.names) == 1:
			visit([]any{all[i].Name, all[i].Value}, absent{})
		default:
			visit(all[i].Name, all[i].Value)
		}
	}
}

func (n *forNode) visitLetters(r *run, l *loop, s string, visit func(key, value any)) {
	r.read(len(s))
	l.n = utf8.RuneCountInString(s)
	for rest := s; rest != ""; {
		if n.reversed {
			_, size := utf8.DecodeLastRuneInString(rest)
			r.room(ofValue)
			visit(rest[len(rest)-size:], absent{})
			rest = rest[:len(rest)-size]
			continue
		}
		_, size := utf8.DecodeRuneInString(rest)
		r.room(ofValue)
		visit(rest[:size], absent{})
		rest = rest[size:]
	}
}
