package django

import (
	"math"
	"strings"
)

// cycle writes its values in turn.
type cycle struct {
	state  int
	values []*expression
	as     string
	silent bool
}

// remembered is the place where a tag keeps something while the template is rendered.
func (r *run) remembered(state int) *any {
	if r.states == nil {
		r.room(16 * r.template.states)
		r.states = make([]any, r.template.states)
	}
	return &r.states[state]
}

func (n *cycle) render(r *run) {
	place := r.remembered(n.state)
	turn, _ := (*place).(int)
	*place = (turn + 1) % len(n.values)
	v := n.values[turn].eval(r)
	if n.as != "" {
		r.set(n.as, v)
	}
	if !n.silent {
		r.write(v)
	}
}

func parseCycle(p *parser, t *tagged) node {
	n := &cycle{}
	if rest := t.rest(); strings.Contains(rest, ",") && !strings.ContainsAny(rest, `"'|`) {
		for name := range strings.SplitSeq(rest, ",") { // {% cycle odd,even %}: the names are the texts
			p.part(t.at)
			n.values = append(n.values, &expression{operand: operand{value: Trusted(strings.TrimSpace(name))}})
		}
		t.at = t.cursor.end
	}
	for !t.done() && t.peek() != "as" {
		n.values = append(n.values, p.expression(&t.cursor))
	}
	if len(n.values) == 0 {
		throw(t.start, "{% cycle %} needs values")
	}
	if n.as = t.as(p); n.as != "" {
		n.silent = t.word("silent")
	}
	t.end()
	if known := p.cycles[n.name()]; n.as == "" && known != nil {
		return known
	}
	n.state = p.state()
	p.cycle = n
	if n.as != "" {
		if p.cycles == nil {
			p.cycles = map[string]*cycle{}
		}
		p.cycles[n.as] = n
	}
	return n
}

// name is the variable of {% cycle name %}, which goes on with a cycle that has that name.
func (n *cycle) name() string {
	if len(n.values) == 1 && len(n.values[0].path) == 1 && len(n.values[0].filters) == 0 {
		return n.values[0].path[0]
	}
	return ""
}

type resetcycle struct{ of *cycle }

func (n resetcycle) render(r *run) { *r.remembered(n.of.state) = 0 }

func parseResetcycle(p *parser, t *tagged) node {
	of := p.cycle
	if !t.done() {
		of = p.cycles[t.cursor.name("the name of a cycle")]
	}
	if of == nil {
		throw(t.start, "there is no such {% cycle %} before this")
	}
	t.end()
	return resetcycle{of}
}

// ifchanged renders its nodes if its values, or what it renders, are not what they were in
// the last round of the loop.
type ifchanged struct {
	state  int
	values []*expression
	nodes  []node
	or     []node
}

func (n *ifchanged) render(r *run) {
	var is any
	body := ""
	if len(n.values) == 0 {
		body = r.capture(n.nodes)
		is = body
	} else {
		r.list(len(n.values) + 2)
		all := make([]any, len(n.values))
		for i, e := range n.values {
			all[i] = e.eval(r)
		}
		is = all
	}
	if r.changed(n.state, is) {
		if len(n.values) == 0 {
			r.out.write(body)
		} else {
			r.nodes(n.nodes)
		}
		return
	}
	r.nodes(n.or)
}

// changed remembers a value and says whether it is another than before. Each run through a
// loop begins anew.
func (r *run) changed(state int, is any) bool {
	if r.loop == nil {
		place := r.remembered(state)
		was := *place
		*place = is
		return was == nil || !r.equal(was, is, 0)
	}
	was, known := r.loop.changed[state]
	if r.loop.changed == nil {
		r.loop.changed = map[int]any{}
	}
	if !known {
		r.list(4)
	}
	r.loop.changed[state] = is
	return !known || !r.equal(was, is, 0)
}

func parseIfchanged(p *parser, t *tagged) node {
	n := &ifchanged{state: p.state()}
	for !t.done() {
		n.values = append(n.values, p.expression(&t.cursor))
	}
	var next *tagged
	n.nodes, next = p.block(t, "else", "endifchanged")
	if next.name == "else" {
		n.or, _ = p.block(t, "endifchanged")
	}
	return n
}

// widthratio is value / most * width, for bars of a chart.
type widthratio struct {
	value, most, width *expression
	as                 string
}

func (n *widthratio) render(r *run) {
	value, ok := numberOf(n.value.eval(r))
	most, ok2 := numberOf(n.most.eval(r))
	width, ok3 := numberOf(n.width.eval(r))
	result := any("0")
	switch {
	case !ok || !ok2 || !ok3:
		result = ""
	case most.float() != 0:
		if f := math.RoundToEven(value.float() / most.float() * width.float()); math.Abs(f) < 1<<53 {
			result = int64(f)
		}
	}
	r.give(result, n.as)
}

func parseWidthratio(p *parser, t *tagged) node {
	n := &widthratio{value: p.expression(&t.cursor), most: p.expression(&t.cursor), width: p.expression(&t.cursor)}
	n.as = t.as(p)
	t.end()
	return n
}
