package django

import "strings"

type now struct {
	layout *expression
	as     string
}

func (n *now) render(r *run) {
	r.at = n.layout.at
	layout := n.layout.eval(r)
	r.give(like(layout, r.format(r.now, r.text(layout))), n.as)
}

func parseNow(p *parser, t *tagged) node {
	n := &now{layout: &expression{}}
	if t.done() {
		n.layout.value = Trusted("")
	} else {
		p.part(t.at)
		n.layout.operand = p.operand(&t.cursor, true)
	}
	n.as = t.as(p)
	t.end()
	return n
}

type firstof struct {
	values []*expression
	as     string
}

func (n *firstof) render(r *run) {
	for _, e := range n.values {
		if v := e.eval(r); truth(v) {
			r.give(v, n.as)
			return
		}
	}
	r.give(nil, n.as)
}

func parseFirstof(p *parser, t *tagged) node {
	n := &firstof{}
	for !t.done() && t.peek() != "as" {
		n.values = append(n.values, p.expression(&t.cursor))
		t.sign(",")
	}
	if len(n.values) == 0 {
		throw(t.start, "{% firstof %} needs at least one value")
	}
	n.as = t.as(p)
	t.end()
	return n
}

type autoescape struct {
	on    bool
	nodes []node
}

// Where the template is HTML, what comes from the data is escaped in any case.
func (n *autoescape) render(r *run) {
	before := r.escape
	r.escape = r.template.options.HTML || n.on
	r.nodes(n.nodes)
	r.escape = before
}

func parseAutoescape(p *parser, t *tagged) node {
	n := &autoescape{}
	switch how := t.cursor.name(`"on" or "off"`); how {
	case "on":
		n.on = true
	case "off":
	default:
		t.fail(`{% autoescape %} is "on" or "off", not ` + quote(how))
	}
	t.end()
	n.nodes, _ = p.block(t, "endautoescape")
	return n
}

type spaceless struct{ nodes []node }

// render takes away the white space between tags of HTML, and around the whole.
func (n *spaceless) render(r *run) {
	s := strings.TrimSpace(r.capture(n.nodes))
	r.read(len(s))
	for {
		end := strings.IndexByte(s, '>') + 1
		if end == 0 {
			r.out.write(s)
			return
		}
		r.out.write(s[:end])
		s = s[end:]
		if rest := strings.TrimLeft(s, " \t\r\n\f\v"); strings.HasPrefix(rest, "<") {
			s = rest
		}
		r.step(1)
	}
}

func parseSpaceless(p *parser, t *tagged) node {
	t.end()
	nodes, _ := p.block(t, "endspaceless")
	return &spaceless{nodes}
}

type filtered struct {
	through []application
	nodes   []node
}

func (n *filtered) render(r *run) {
	r.write(r.apply(Trusted(r.capture(n.nodes)), n.through))
}

func parseFilter(p *parser, t *tagged) node {
	n := &filtered{}
	for {
		at := t.at
		name := t.peek()
		n.through = append(n.through, p.application(&t.cursor))
		if name == "escape" { // what is in the block counts as trusted; here it is escaped all the same
			n.through[len(n.through)-1].filter = filters["force_escape"]
		}
		p.part(at)
		if !t.sign("|") {
			break
		}
	}
	t.end()
	n.nodes, _ = p.block(t, "endfilter")
	return n
}

func parseTemplatetag(_ *parser, t *tagged) node {
	signs := map[string]literal{
		"openblock": "{%", "closeblock": "%}", "openvariable": "{{", "closevariable": "}}",
		"openbrace": "{", "closebrace": "}", "opencomment": "{#", "closecomment": "#}",
	}
	name := t.cursor.name("the name of a sign, such as openblock,")
	sign, ok := signs[name]
	if !ok {
		throw(t.start, "{% templatetag %} has no sign "+quote(name)+nearest(name, keys(signs)))
	}
	t.end()
	return sign
}

// group is an element of what {% regroup %} makes.
type group struct {
	grouper any
	list    []any
}

type regroup struct {
	at      int
	list    *expression
	by      []string
	through []application
	as      string
}

func (n *regroup) render(r *run) {
	r.at = n.at
	var groups []any
	list, _ := n.list.eval(r).([]any)
	var last *group
	for i, e := range list {
		r.at = n.at
		by := e
		for _, name := range n.by {
			by = r.member(by, name)
		}
		by = r.apply(by, n.through)
		if last == nil || !r.equal(last.grouper, by, 0) {
			r.list(8)
			last = &group{grouper: by, list: list[i:i]}
			groups = append(groups, last)
		}
		last.list = last.list[:len(last.list)+1]
	}
	r.set(n.as, groups)
}

func parseRegroup(p *parser, t *tagged) node {
	n := &regroup{at: t.start, list: p.expression(&t.cursor)}
	if !t.word("by") {
		t.fail(`"by" is expected here` + t.instead() + `: {% regroup list by member as name %}`)
	}
	known := len(p.locals)
	p.bind(t.peek()) // a member of the elements, not a variable
	by := p.expression(&t.cursor)
	p.locals = p.locals[:known]
	n.by, n.through = by.path, by.filters
	if n.as = t.as(p); n.as == "" {
		t.fail(`"as" is expected here` + t.instead() + `: {% regroup list by member as name %}`)
	}
	t.end()
	return n
}
