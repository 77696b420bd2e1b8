// Package django is the template language of notifications: Django's, as ErlyDTL has it,
// in which Kazoo's templates are written, with no way out of it.
//
// Templates are written by customers and filled with what strangers send, so it is closed: no
// files, no network, no methods, no reflection. A template is at most 64 KiB of text; a
// rendering has a budget of steps, of text that filters may make on the way and of output
// (limit.go), paid before the work is done, so that no template and no data make it work for
// long. Where the HTML option is set, only what the template's author wrote stands in the
// result as it is; what comes from the data is escaped, whatever the template says.
//
// docs/guides/template-language.md is the language as its users see it, and
// docs/decisions/0032-our-own-django.md says why it is our own.
package django

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Options say what a template makes.
type Options struct {
	// HTML: text from the data is escaped. Otherwise it stands as it is.
	HTML bool
	// MaxOutput is how many bytes a rendering may have; 0: 256 KiB.
	MaxOutput int
}

// A Trusted is a text among the data that is HTML and stands in an HTML template as it is.
// A text that anybody outside could have written is never one.
type Trusted string

// An Object is a JSON object whose members are in order. Where order does not matter,
// map[string]any does as well: its members are visited in the order of their names.
type Object []Member

// A Member is a name and its value.
type Member struct {
	Name  string
	Value any
}

// An Error is a mistake in a template, or something that it may not do.
type Error struct {
	Line    int // from 1
	Column  int // from 1, in characters
	Message string
}

func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// A Template is a template that can be rendered, by many at a time.
type Template struct {
	source  string
	options Options
	nodes   []node
	names   []string
	states  int // how many of its tags remember something while it is rendered
}

// Parse reads a template. A mistake in it is an *Error.
func Parse(source string, o Options) (t *Template, err error) {
	if len(source) > maxSource {
		return nil, &Error{1, 1, fmt.Sprintf("a template has at most %d KiB; this one has %d", maxSource>>10, (len(source)+1023)>>10)}
	}
	if o.MaxOutput <= 0 {
		o.MaxOutput = maxOutput
	}
	source = strings.ToValidUTF8(source, "\uFFFD")
	p := &parser{lexer: lexer{source: source}, tags: tags(), names: map[string]bool{}}
	defer func() {
		switch m := recover().(type) {
		case nil:
		case mistake:
			t, err = nil, m.in(source)
		default: // a fault of ours: one template is refused
			t, err = nil, mistake{p.at, fmt.Sprintf("this cannot be read (%v)", m)}.in(source)
		}
	}()
	nodes := p.all()
	return &Template{source: source, options: o, nodes: nodes, names: slices.Sorted(maps.Keys(p.names)), states: p.states}, nil
}

// Names returns the variables that the template asks the data for, such as caller_id.name,
// sorted; those that it makes itself are left out.
func (t *Template) Names() []string { return slices.Clone(t.names) }

// Render fills in the data: values are map[string]any, Object, []any, string, bool, int,
// int64, float64, json.Number, time.Time, Trusted and nil; any other prints as nothing. now is
// for {% now %} and the like, and its location is the zone of times that come without one.
// Errors are *Error, or the context's.
func (t *Template) Render(ctx context.Context, data map[string]any, now time.Time) (string, error) {
	return t.RenderWithin(ctx, data, now, new(Budget))
}

// RenderWithin is Render within a budget that others have a part in.
func (t *Template) RenderWithin(ctx context.Context, data map[string]any, now time.Time, of *Budget) (string, error) {
	r := newRun(ctx, t, data, now, of)
	defer r.spend(of)
	return t.render(r)
}

func (t *Template) render(r *run) (result string, err error) {
	defer func() {
		switch m := recover().(type) {
		case nil:
		case mistake:
			result, err = "", m.in(t.source)
		case stopped:
			result, err = "", m.cause
		default: // a fault of ours: one mail is lost, not the program
			result, err = "", mistake{r.at, fmt.Sprintf("this cannot be rendered (%v)", m)}.in(t.source)
		}
	}()
	r.whole.grow(min(len(t.source), r.whole.most))
	r.nodes(t.nodes)
	result = r.out.String()
	if !utf8.ValidString(result) {
		r.room(2 * len(result))
		result = strings.ToValidUTF8(result, "?")
	}
	return result, nil
}

// A mistake is an Error whose place is still a byte of the source. It is thrown, by the parser
// and while rendering, and caught by Parse and Render alone.
type mistake struct {
	at      int
	message string
}

// in tells line and column, which is only counted for those who need it.
func (m mistake) in(source string) *Error {
	before := source[:min(m.at, len(source))]
	start := strings.LastIndexByte(before, '\n') + 1
	return &Error{
		Line:    strings.Count(before, "\n") + 1,
		Column:  utf8.RuneCountInString(before[start:]) + 1,
		Message: m.message,
	}
}

// A stopped is thrown where the context is done.
type stopped struct{ cause error }
