// Package expression evaluates expressions over an event: the filter of a
// webhook, and the expressions of a template. The language is CEL, Google's
// Common Expression Language (https://cel.dev): it has no loops but those over
// lists that are there, no state and no I/O.
//
// An expression sees two variables: event, the envelope (id, type, account_id,
// key, sequence, source, occurred_at, accepted_at, data), and data, short for
// event.data. Times of the envelope are timestamps; those within data are the
// strings that the event has. A JSON number is an int where it is written as
// one and fits, else a double; numbers compare by value whatever their type.
//
// The functions are CEL's own, optional fields (data.?call.?from), math.*, and
// the string functions in strings.go.
//
// Expressions come from customers, so each is bounded: in length and shape before
// it is taken (shape.go), and by a budget of cost while it runs (bounds.go).
package expression

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // getHours("Europe/Berlin") must not depend on the machine

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/functions"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
	"cel.dev/cel-go/interpreter"

	"github.com/switchhook/switchhook/internal/catalogue"
)

// MaxSource is the length of the longest expression, in bytes.
const MaxSource = 4 << 10

// ErrMissing is what an evaluation fails with when it asks for a member or an
// element that the event does not have.
var ErrMissing = errors.New("missing")

// An Error says why a source is no expression, and where.
type Error struct {
	Line, Column int // both from 1; 0: it is about the whole
	Message      string
}

// Error is one line.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Message
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// A Program is a compiled expression. It is safe for concurrent use.
type Program struct {
	program cel.Program
	loops   bool
	weight  int
}

// An environment is what every expression is compiled in, and the functions that
// it has, by name.
type environment struct {
	*cel.Env
	bindings map[string]*functions.Overload
}

//
//nolint:gochecknoglobals // made once: it costs a millisecond
var theEnvironment = sync.OnceValues(func() (*environment, error) {
	same := func(name string) cel.EnvOption {
		a := cel.TypeParamType("A")
		return cel.Function(name, cel.Overload(name, []*cel.Type{a}, a))
	}
	env, err := cel.NewEnv(
		cel.Variable("event", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("data", cel.MapType(cel.StringType, cel.DynType)),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.OptionalTypes(cel.OptionalTypesVersion(0)),
		// Without optMap, which writes what stands before it twice.
		cel.ClearMacros(), cel.Macros(cel.StandardMacros...),
		ext.Math(ext.MathVersion(2)),
		stringFunctions(),
		same(keyOf), same(rangeOf), same(maybeFor),
		cel.ParserExpressionSizeLimit(MaxSource),
		cel.ParserRecursionLimit(64),
	)
	if err != nil {
		return nil, fmt.Errorf("make the CEL environment: %w", err)
	}
	bindings := map[string]*functions.Overload{}
	for name, function := range env.Functions() {
		list, err := function.Bindings()
		if err != nil {
			return nil, fmt.Errorf("bind the function %s: %w", name, err)
		}
		for _, binding := range list {
			bindings[binding.Operator] = binding
		}
	}
	return &environment{env, bindings}, nil
})

// Compile checks an expression that may have any value. Its errors are *Error.
func Compile(source string) (*Program, error) { return compile(source, false) }

// CompileFilter checks an expression that says yes or no. One whose type is
// known only when it runs, such as data.call.forwarded, is taken too. Its
// errors are *Error.
func CompileFilter(source string) (*Program, error) { return compile(source, true) }

// compiling lets one expression be compiled at a time: two checks of comprehensions
// in one environment of cel-go race for its declarations (checker.Env, v0.33.2).
var compiling sync.Mutex //nolint:gochecknoglobals // it guards what is global

func compile(source string, filter bool) (*Program, error) {
	if len(source) > MaxSource {
		return nil, &Error{Message: fmt.Sprintf("is %d bytes long; an expression may have %d", len(source), MaxSource)}
	}
	if strings.TrimSpace(source) == "" {
		return nil, &Error{Message: "is empty: expected an expression such as data.call.direction == \"inbound\""}
	}
	env, err := theEnvironment()
	if err != nil {
		return nil, err
	}
	compiling.Lock()
	defer compiling.Unlock()
	tree, issues := env.Parse(source)
	if len(issues.Errors()) > 0 {
		return nil, explain(issues.Errors()[0])
	}
	shape, err := checkShape(tree.NativeRep())
	if err != nil {
		return nil, err
	}
	if tree, issues = env.Check(tree); len(issues.Errors()) > 0 {
		return nil, explain(issues.Errors()[0])
	}
	if filter && !tree.OutputType().IsExactType(cel.BoolType) && !tree.OutputType().IsExactType(cel.DynType) {
		return nil, &Error{Message: short("is " + kindOf(tree.OutputType()) + ": expected a condition, which is true or false")}
	}
	planner := &planner{bindings: env.bindings, regexps: shape.regexps}
	program, err := env.Program(tree, planner.options()...)
	if err != nil {
		return nil, &Error{Message: short(err.Error())}
	}
	return &Program{program: program, loops: shape.loops > 0, weight: 1024 + 192*shape.nodes + 256*shape.instructions}, nil
}

// Weight is about how much memory the program holds, in bytes.
func (p *Program) Weight() int { return p.weight }

// resource reports whether data has a member of the name in some type.
func resource(name string) bool {
	if _, ok := catalogue.ResourceOf(name); ok {
		return true
	}
	for _, t := range catalogue.All() {
		for i := range t.Flat {
			if t.Flat[i].Name == name {
				return true
			}
		}
	}
	return false
}

// explain says a compiler's error in words for a person who does not know CEL.
func explain(e *cel.Error) *Error {
	out := explained(e)
	out.Message = short(out.Message)
	return out
}

func explained(e *cel.Error) *Error {
	out := &Error{Line: e.Location.Line(), Column: e.Location.Column() + 1, Message: e.Message}
	if out.Line < 1 {
		out.Line = 0
	}
	if rest, ok := strings.CutPrefix(e.Message, "undeclared reference to '"); ok {
		name, _, _ := strings.Cut(rest, "'")
		switch {
		case strings.HasPrefix(name, "_") || strings.HasPrefix(name, "@"):
		case envelopeHas(name):
			out.Message = "there is no " + name + "; did you mean event." + name + "?"
		case resource(name):
			out.Message = "there is no " + name + "; did you mean data." + name + "?"
		default:
			out.Message = "there is no variable or function " + name + "; the variables are event and data, and text stands in quotes"
		}
		return out
	}
	if rest, ok := strings.CutPrefix(out.Message, "found no matching overload for '"); ok {
		name, args, _ := strings.Cut(rest, "' applied to ")
		out.Message = operatorName(name) + " does not take " + strings.Trim(args, "'")
		if strings.Contains(args, "type(") {
			out.Message += "; type is a function, did you mean event.type?"
		}
		return out
	}
	out.Message = strings.TrimPrefix(out.Message, "Syntax error: ")
	if rest, ok := strings.CutPrefix(out.Message, "token recognition error at: '"); ok {
		switch rest[0] {
		case '\'', '"':
			out.Message = "the text that begins here has no end: a quote is missing"
		case '=':
			out.Message = "= is no operator; == compares"
		default:
			out.Message = "nothing can begin with " + strings.TrimSuffix(rest, "'")
		}
	}
	switch {
	case strings.Contains(out.Message, "input 'and'"):
		out.Message = "and is written &&"
	case strings.Contains(out.Message, "input 'or'"):
		out.Message = "or is written ||"
	case strings.Contains(out.Message, "input 'not'"):
		out.Message = "not is written !"
	}
	// ANTLR lists every token that could follow.
	if at := strings.Index(out.Message, " expecting {"); at >= 0 {
		out.Message = out.Message[:at] + ": the expression is not complete or has something too much here"
	}
	out.Message = strings.ReplaceAll(strings.ReplaceAll(out.Message, "'<EOF>'", "the end"), "\n", " ")
	return out
}

// operatorName is how a person wrote an operator that CEL calls _==_ or so.
func operatorName(name string) string {
	if text, ok := operators.FindReverse(name); ok && text != "" {
		return text
	}
	return name
}

func kindOf(t *cel.Type) string {
	name := t.String()
	if strings.HasPrefix(name, "a") || strings.HasPrefix(name, "i") || strings.HasPrefix(name, "o") {
		return "an " + name
	}
	return "a " + name
}

// run evaluates the program and says what it cost.
func (p *Program) run(in *Input) (v ref.Val, cost uint64, err error) {
	if err := in.decode(); err != nil {
		return nil, 0, err
	}
	var details *cel.EvalDetails
	if p.loops {
		ctx, cancel := context.WithTimeout(context.Background(), maxTime)
		v, details, err = p.program.ContextEval(ctx, in)
		cancel()
	} else {
		v, details, err = p.program.Eval(in)
	}
	if c := details.ActualCost(); c != nil {
		cost = *c
	}
	if err != nil {
		return nil, cost, failure(err)
	}
	return v, cost, nil
}

// Match says whether a filter lets the event through. An error means that it
// cannot be said: something is missing, or is of another type.
func (p *Program) Match(in *Input) (bool, error) {
	v, _, err := p.run(in)
	if err != nil {
		return false, err
	}
	return truth(v)
}

func truth(v ref.Val) (bool, error) {
	b, ok := v.(types.Bool)
	if !ok {
		return false, errors.New("the filter's value is " + kindName(v) + ", expected true or false")
	}
	return bool(b), nil
}

// Try runs a filter on the samples of event types. It returns an error only if
// the filter fails on every one of them, which is likely a slip of the pen:
// the error of the first type. Of a custom type there is no sample to be had.
func (p *Program) Try(list ...*catalogue.Type) error {
	var first error
	spent := uint64(0)
	for _, t := range list {
		if t.Custom() {
			return nil
		}
		v, cost, err := p.run(Sample(t))
		if err == nil {
			_, err = truth(v)
		}
		if err == nil {
			return nil
		}
		if spent += cost; spent > 4*MaxCost {
			return err // as the first were, so likely are the others
		}
		if first == nil {
			first = fmt.Errorf("%w, as with the sample of %s", err, t.Name)
			if len(list) > 1 {
				first = fmt.Errorf("%w: it fails for every type that is selected", first)
			}
		}
	}
	return first
}

// ErrNoMatch is what Samples says where a filter is false.
var ErrNoMatch = errors.New("the filter is false")

// Samples runs a filter on the samples of event types, and yields of each nil where the
// filter lets it through, ErrNoMatch where not, or why it cannot be said. It ends when
// it has cost as much as Try may. Of a custom type there is no sample.
func (p *Program) Samples(list ...*catalogue.Type) iter.Seq2[*catalogue.Type, error] {
	return func(yield func(*catalogue.Type, error) bool) {
		spent := uint64(0)
		for _, t := range list {
			if t.Custom() {
				continue
			}
			v, cost, err := p.run(Sample(t))
			yes := false
			if err == nil {
				yes, err = truth(v)
			}
			if err == nil && !yes {
				err = ErrNoMatch
			}
			if spent += cost; !yield(t, err) || spent > 4*MaxCost {
				return
			}
		}
	}
}

// failure makes a short sentence of an evaluation's error.
func failure(err error) error {
	if cancelled, ok := errors.AsType[interpreter.EvalCancelledError](err); ok {
		if cancelled.Cause == interpreter.CostLimitExceeded {
			return errors.New("the expression does more than it may with this event")
		}
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, interpreter.InterruptError{}) {
		return fmt.Errorf("the expression takes longer than %s", maxTime)
	}
	text := short(err.Error())
	for _, missing := range [...]string{"no such key: ", "index out of bounds: ", "optional.none() dereference"} {
		if strings.HasPrefix(text, missing) {
			return &missingError{text}
		}
	}
	switch {
	case strings.HasPrefix(text, "no such overload"), strings.HasPrefix(text, "unsupported index type"), strings.HasPrefix(text, "unsupported field selection"):
		return errors.New("a value has another type than the expression expects (" + text + ")")
	default:
		return errors.New(text)
	}
}

type missingError struct{ text string }

func (e *missingError) Error() string { return e.text }
func (*missingError) Unwrap() error   { return ErrMissing }

// short is the first line of a text, and no more than 200 characters of it.
func short(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "…"
	}
	return text
}

// maxTime bounds an expression that loops, beside its cost, in case that a price
// is wrong. On a busy machine a thousandth of it may be a tenth.
const maxTime = time.Second
