package django

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An expression is a value and the filters that it goes through: caller.name|default:"?"|upper
type expression struct {
	operand

	filters []application
}

// An operand is a variable or a literal.
type operand struct {
	at    int
	path  []string // nil: a literal
	value any
}

// An application is a filter with what it is given.
type application struct {
	at     int
	filter *filter
	arg    *operand // nil: nothing
}

func (p *parser) expression(c *cursor) *expression {
	c.space()
	p.part(c.at)
	e := &expression{operand: p.operand(c, false)}
	for c.sign("|") {
		p.part(c.at)
		e.filters = append(e.filters, p.application(c))
	}
	return e
}

func (p *parser) application(c *cursor) application {
	c.space()
	a := application{at: c.at}
	name := c.name("the name of a filter")
	f, ok := filters[name]
	if !ok {
		switch name {
		case "random_num", "random_range":
			throw(a.at, "the filter "+quote(name)+" is not available: a mail that is sent again has to be the same")
		}
		throw(a.at, "there is no filter "+quote(name)+nearest(name, keys(filters)))
	}
	a.filter = f
	if c.sign(":") {
		if f.takes == none {
			c.fail("the filter " + quote(name) + " takes no argument")
		}
		arg := p.operand(c, f.takes == layout)
		a.arg = &arg
		if c.sign(":") || c.sign(",") {
			c.fail("a filter takes one argument")
		}
	} else if f.takes == needed {
		throw(a.at, "the filter "+quote(name)+" needs an argument: "+name+":…")
	}
	return a
}

// operand reads a variable or a literal. In the layout of a date a backslash is kept unless it
// stands before a quote or another one, as in Django; elsewhere \n is a new line, as in ErlyDTL.
func (p *parser) operand(c *cursor, format bool) operand {
	c.space()
	o := operand{at: c.at}
	rest := c.rest()
	if rest == "" {
		c.fail("a variable or a value is missing here")
	}
	switch b := rest[0]; {
	case b == '"' || b == '\'':
		o.value = Trusted(c.text(format))
	case strings.HasPrefix(rest, "{{"):
		c.fail("within a tag or a variable, names stand without braces")
	case strings.HasPrefix(rest, "_("):
		if c.at += 2; strings.HasPrefix(c.rest(), "_(") {
			c.fail("_( ) is not nested")
		}
		o = p.operand(c, format)
		if !c.sign(")") {
			c.fail("a closing parenthesis is missing")
		}
	case isDigit(b) || len(rest) > 1 && (b == '-' || b == '+' || b == '.') && (isDigit(rest[1]) || rest[1] == '.'):
		o.value = c.number()
	default:
		p.variable(c, &o)
	}
	return o
}

// known are names that no data is needed for.
var known = strings.Fields("forloop true false undefined none null nil") //nolint:gochecknoglobals // a constant, but for the language

func (p *parser) variable(c *cursor, o *operand) {
	o.path = []string{c.name("a variable")}
	switch o.path[0] {
	case "True":
		o.path, o.value = nil, true
	case "False":
		o.path, o.value = nil, false
	case "None":
		o.path = nil
	}
	for o.path != nil && strings.HasPrefix(c.rest(), ".") {
		p.part(c.at)
		c.at++
		if c.at < c.end && (c.source[c.at] == '"' || c.source[c.at] == '\'') {
			o.path = append(o.path, c.text(false))
			continue
		}
		n := keyLen(c.rest(), true)
		if n == 0 {
			c.fail("a name is expected behind the dot" + c.instead())
		}
		o.path = append(o.path, c.rest()[:n])
		c.at += n
	}
	if o.path != nil && !slices.Contains(p.locals, o.path[0]) && !slices.Contains(known, o.path[0]) {
		p.names[strings.Join(o.path, ".")] = true
	}
}

// text reads a text in quotes.
func (c *cursor) text(format bool) string {
	start, end := c.at, c.source[c.at]
	var b strings.Builder
	for i := c.at + 1; i < c.end; i++ {
		s := c.source[i]
		switch {
		case s == end:
			c.at = i + 1
			return b.String()
		case s == '\\' && i+1 < c.end:
			i++
			switch e := c.source[i]; {
			case e == '\\' || e == '"' || e == '\'':
				b.WriteByte(e)
			case format:
				b.WriteByte('\\')
				b.WriteByte(e)
			case e == 'n':
				b.WriteByte('\n')
			case e == 'r':
				b.WriteByte('\r')
			case e == 't':
				b.WriteByte('\t')
			default:
				b.WriteByte('\\')
				b.WriteByte(e)
			}
		default:
			b.WriteByte(s)
		}
	}
	throw(start, "the text that begins here is not closed: "+string(end)+" is missing")
	return ""
}

// number reads a number.
func (c *cursor) number() any {
	n := 1
	for rest := c.rest(); n < len(rest) && (isDigit(rest[n]) || rest[n] == '.' || rest[n]|0x20 == 'e' && n+1 < len(rest) && (isDigit(rest[n+1]) || rest[n+1] == '-')); n++ {
		if rest[n]|0x20 == 'e' {
			n++
		}
	}
	s := c.rest()[:n]
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		c.at += n
		return i
	}
	if _, err := strconv.ParseFloat(s, 64); err != nil {
		c.fail("this is not a number: " + quote(s))
	}
	c.at += n
	return json.Number(strings.TrimPrefix(s, "+"))
}

func (o *operand) resolve(r *run) any {
	if o.path == nil {
		return o.value
	}
	v, found := r.lookup(o.path[0])
	if !found && len(o.path) == 1 {
		switch o.path[0] { // ErlyDTL's spelling
		case "true":
			return true
		case "false":
			return false
		}
	}
	for _, name := range o.path[1:] {
		if v == nil {
			return nil
		}
		v = r.member(v, name)
	}
	return v
}

func (e *expression) eval(r *run) any {
	v := e.resolve(r)
	r.at = e.at
	return r.apply(v, e.filters)
}

// apply sends a value through filters. What comes out of one is trusted if all that goes in is.
func (r *run) apply(v any, through []application) any {
	for i := range through {
		a := &through[i]
		r.at = a.at
		r.step(1)
		r.room(ofValue)
		var arg any = absent{}
		if a.arg != nil {
			arg = a.arg.resolve(r)
		}
		trusted := false
		if _, ok := v.(Trusted); ok {
			trusted = harmless(arg)
		}
		v = a.filter.do(r, v, arg)
		if s, ok := v.(string); ok && trusted {
			r.room(ofValue)
			v = Trusted(s)
		}
	}
	return v
}

// harmless reports whether nothing of the data can come into a text by an argument: it is the
// template's own, a number, or not there. A list or an object of the data is written out.
func harmless(arg any) bool {
	switch arg.(type) {
	case absent, nil, Trusted, bool, int, int64, float64, json.Number, time.Time:
		return true
	}
	return false
}

// absent stands for an argument that was not given.
type absent struct{}
