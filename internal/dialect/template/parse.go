package template

import (
	stdxml "encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/switchhook/switchhook/internal/expression"
)

// A syntax is how a body is written.
type syntax int

const (
	text syntax = iota
	json
	form
	xml
)

// A template is a body cut at its holes. After each text comes a hole, but not
// after the last.
type template struct {
	body   string
	syntax syntax
	parts  []part
	weight int
}

// A part is some text and the hole after it: a placeholder, an expression, or
// none at the end.
type part struct {
	text    string
	get     func(*view) value
	program *expression.Program
	// bare says that the hole is a JSON value, not within a string.
	bare bool
	at   int // where the hole begins
}

// maxName is far more than the longest name of a placeholder has.
const maxName = 64

var placeholder = regexp.MustCompile(`^\{([A-Z][A-Z0-9_]*)\}`)

// parse cuts a template into parts, compiles its expressions and checks that it
// makes a body of its syntax, whatever fills its holes.
func parse(body string, s syntax) (*template, error) {
	if !utf8.ValidString(body) {
		return nil, errors.New("is no valid UTF-8")
	}
	t := &template{body: body, syntax: s, weight: 2 * len(body)}
	var where scanner
	var literal strings.Builder
	programs := 0
	for i := 0; i < len(body); {
		c := body[i]
		var name []string
		expr := strings.HasPrefix(body[i:], "{{")
		if c == '{' {
			name = placeholder.FindStringSubmatch(body[i:])
		}
		if name == nil && !expr {
			where.read(s, c)
			switch {
			case s != form:
				literal.WriteByte(c)
			case c == '\n' || c == '\r':
				// One parameter to a line reads well; a form has neither line breaks nor indents.
				i += len(body[i+1:]) - len(strings.TrimLeft(body[i+1:], "\r\n\t "))
			default:
				literal.WriteString(formLiteral(c))
			}
			i++
			continue
		}
		fail := func(at int, format string, args ...any) (*template, error) {
			return nil, fmt.Errorf("%s: %s", position(body, at), fmt.Sprintf(format, args...))
		}
		if problem := where.problem(s); problem != "" {
			return fail(i, "%s", problem)
		}
		p := part{text: literal.String(), bare: s == json && !where.quoted(), at: i}
		literal.Reset()
		if expr {
			end := endOf(body[i+2:])
			if end < 0 {
				return fail(i, "the expression that begins here has no end: }} is missing")
			}
			source := body[i+2 : i+2+end]
			if programs++; programs > maxExpressions {
				return fail(i, "a template may have %d expressions", maxExpressions)
			}
			program, err := expression.Compile(source)
			if err != nil {
				return nil, within(body, i+2, source, err)
			}
			p.program = program
			t.weight += program.Weight()
			i += 2 + end + 2
		} else {
			get, ok := placeholders()[name[1]]
			switch {
			case !ok && len(name[1]) > maxName:
				return fail(i, "there is no placeholder %.*s…", maxName, name[0])
			case !ok:
				return fail(i, "there is no placeholder %s; did you mean {%s}? A text of this form is written {{%q}}", name[0], nearest(name[1]), name[0])
			}
			p.get = get
			i += len(name[0])
		}
		where.recent = where.recent[:0]
		t.parts = append(t.parts, p)
		t.weight += 2 * int(unsafe.Sizeof(p)) // a slice grows by doubling
	}
	t.parts = append(t.parts, part{text: literal.String(), at: len(body)})
	return t, t.check()
}

// formLiteral is a byte of a form's own text. What would end the address that it
// may become part of (a blank, a control character, a #), and what no address has
// (RFC 3986), is percent-encoded; all else is as the template has it, since & and
// = are its.
func formLiteral(c byte) string {
	if c > ' ' && c < 0x7f && c != '#' {
		return string(rune(c))
	}
	return fmt.Sprintf("%%%02X", c)
}

// within moves an expression's error to its place in the body.
func within(body string, start int, source string, err error) error {
	e, ok := errors.AsType[*expression.Error](err)
	if !ok || e.Line == 0 {
		return fmt.Errorf("%s: the expression %w", position(body, start), err)
	}
	lines := strings.SplitAfter(source, "\n")
	at := start
	for _, line := range lines[:min(e.Line-1, len(lines))] {
		at += len(line)
	}
	rest := body[at : start+len(source)]
	for range e.Column - 1 { // columns count characters
		_, size := utf8.DecodeRuneInString(rest)
		at, rest = at+size, rest[size:]
	}
	return fmt.Errorf("%s: %s", position(body, at), e.Message)
}

// position is where a byte of the body is, for a person.
func position(body string, at int) string {
	before := body[:at]
	line := strings.Count(before, "\n") + 1
	return fmt.Sprintf("line %d, column %d", line, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])+1)
}

// endOf finds the }} that ends a CEL expression: the first that is not within a
// string, a comment, or braces of the expression's own.
func endOf(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case strings.HasPrefix(s[i:], "//"):
			n := strings.IndexByte(s[i:], '\n')
			if n < 0 {
				return -1
			}
			i += n
		case c == '\'' || c == '"':
			end := endOfString(s, i)
			if end < 0 {
				return -1
			}
			i = end
		case c == '{':
			depth++
		case c == '}' && depth > 0:
			depth--
		case strings.HasPrefix(s[i:], "}}"):
			return i
		}
	}
	return -1
}

// endOfString returns the last quote of the CEL string literal whose first is
// at start: '…', "…", three of them, each raw if an r stands before it.
func endOfString(s string, start int) int {
	quote := s[start : start+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(s[start:], triple) {
		quote = triple
	}
	raw := false
	for i := start - 1; i >= 0 && i >= start-2; i-- {
		if c := s[i] | 0x20; c == 'r' {
			raw = true
		} else if c != 'b' {
			break
		}
	}
	for i := start + len(quote); i < len(s); i++ {
		switch {
		case s[i] == '\\' && !raw:
			i++
		case strings.HasPrefix(s[i:], quote):
			return i + len(quote) - 1
		}
	}
	return -1
}

// A scanner knows what place of a body it is at. It reads the text between the
// holes; that a hole itself opens or closes nothing, escaping sees to.
type scanner struct {
	quote  byte   // JSON: within a string; XML: within an attribute's value
	escape int    // JSON: characters that an escape still wants
	value  bool   // a form: after the = of a parameter
	markup string // XML: what ends the markup that it is within, "" in text
	recent []byte // the last few characters
}

// read reads one byte of text.
func (p *scanner) read(s syntax, c byte) {
	switch s {
	case json:
		switch {
		case p.escape > 0:
			if p.escape--; c == 'u' && string(p.recent) == `\` {
				p.escape = 4
			}
		case c == '\\' && p.quote != 0:
			p.escape = 1
		case c == '"' && p.quote != 0:
			p.quote = 0
		case c == '"':
			p.quote = c
		}
		p.recent = append(p.recent[:0], c)
	case form:
		switch c {
		case '=':
			p.value = true
		case '&':
			p.value = false
		}
	case xml:
		if p.recent = append(p.recent, c); len(p.recent) > len("<![CDATA[") {
			p.recent = p.recent[1:]
		}
		p.readMarkup(c)
	case text:
	}
}

// readMarkup follows XML's markup.
func (p *scanner) readMarkup(c byte) {
	switch {
	case p.quote != 0:
		if c == p.quote {
			p.quote = 0
		}
	case p.markup == "" && c == '<':
		p.markup, p.recent = ">", append(p.recent[:0], c)
	case p.markup == ">" && (c == '"' || c == '\''):
		p.quote = c
	case p.markup == ">" && string(p.recent) == "<!--":
		p.markup, p.recent = "-->", p.recent[:0]
	case p.markup == ">" && string(p.recent) == "<![CDATA[":
		p.markup, p.recent = "]]>", p.recent[:0]
	case p.markup == ">" && string(p.recent) == "<?":
		p.markup = "?>"
	case p.markup != "" && strings.HasSuffix(string(p.recent), p.markup):
		p.markup = ""
	}
}

// quoted reports whether the place is within quotes.
func (p *scanner) quoted() bool { return p.quote != 0 }

// problem says why there can be no hole at the place, "" if there can.
func (p *scanner) problem(s syntax) string {
	switch {
	case s == json && p.escape > 0:
		return "nothing can be filled in after a backslash; write \\\\ for a backslash"
	case s == form && !p.value:
		return "in a form only values can be filled in, after the = of a parameter"
	case s == xml && p.markup != "" && p.quote == 0:
		return "in XML only text and values of attributes can be filled in, not names, comments or CDATA"
	default:
		return ""
	}
}

// check reads the body with something in its holes. As what is filled in is
// escaped, it says nothing of the body's structure: one try stands for all.
func (t *template) check() error {
	if t.syntax != json && t.syntax != xml {
		return nil
	}
	var b strings.Builder
	var from []int // where each part begins in the trial
	for i, p := range t.parts {
		from = append(from, b.Len())
		b.WriteString(p.text)
		switch {
		case i == len(t.parts)-1:
		case p.bare:
			b.WriteString("null")
		default:
			b.WriteString("x" + strconv.Itoa(i)) // two names are not the same
		}
	}
	// fail says an error at its place in the template.
	fail := func(at int64, err error) error {
		i := len(from) - 1
		for from[i] > int(at) {
			i--
		}
		start := t.parts[i].at - len(t.parts[i].text)
		place := start + int(at) - from[i]
		if place >= t.parts[i].at && i < len(from)-1 {
			place, err = t.parts[i].at, errors.New("no value can stand here")
		}
		return fmt.Errorf("%s: the body is no valid %s: %w", position(t.body, place), map[syntax]string{json: "JSON", xml: "XML"}[t.syntax], err)
	}
	if t.syntax == xml {
		d, elements := stdxml.NewDecoder(strings.NewReader(b.String())), 0
		for {
			token, err := d.Token()
			switch {
			case errors.Is(err, io.EOF) && elements == 0:
				return fail(0, errors.New("there is no element"))
			case errors.Is(err, io.EOF):
				return nil
			case err != nil:
				return fail(d.InputOffset(), err)
			}
			if _, ok := token.(stdxml.StartElement); ok {
				elements++
			}
		}
	}
	d := jsontext.NewDecoder(strings.NewReader(b.String()))
	if _, err := d.ReadValue(); err != nil {
		return failJSON(fail, int64(b.Len()), err)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return fail(d.InputOffset(), errors.New("there is more after its end"))
	}
	return t.checkNames(b.String(), from)
}

// checkNames refuses a hole in the name of a member: what fills it could be the
// name of another member, which receivers would read in its place.
func (t *template) checkNames(trial string, from []int) error {
	d, hole := jsontext.NewDecoder(strings.NewReader(trial)), 0
	for {
		token, err := d.ReadToken()
		if err != nil {
			return nil //nolint:nilerr // its end: it was read before
		}
		parent, length := d.StackIndex(d.StackDepth())
		name := token.Kind() == '"' && parent == '{' && length%2 == 1
		for ; hole < len(t.parts)-1 && int64(from[hole]+len(t.parts[hole].text)) < d.InputOffset(); hole++ {
			if name {
				return fmt.Errorf("%s: nothing can be filled in in the name of a member; write the name out", position(t.body, t.parts[hole].at))
			}
		}
	}
}

func failJSON(fail func(int64, error) error, end int64, err error) error {
	switch e, ok := errors.AsType[*jsontext.SyntacticError](err); {
	case ok && errors.Is(e.Err, jsontext.ErrDuplicateName):
		return fail(e.ByteOffset, errors.New("the member "+string(e.JSONPointer)+" is there twice"))
	case ok && !errors.Is(e.Err, io.ErrUnexpectedEOF):
		return fail(e.ByteOffset, e.Err)
	default:
		return fail(end, errors.New("it ends too early"))
	}
}
