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
// Expressions come from customers, so each is bounded: in length, by a check
// before it is taken, by a budget of cost while it runs (see bounds.go), and
// where it loops also by time.
package expression

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // getHours("Europe/Berlin") must not depend on the machine

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
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
}

// environment is what every expression is compiled in.
//
//nolint:gochecknoglobals // made once: it costs a millisecond
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable("event", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("data", cel.MapType(cel.StringType, cel.DynType)),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.OptionalTypes(cel.OptionalTypesVersion(2)),
		ext.Math(ext.MathVersion(2)),
		stringFunctions(),
		cel.ParserExpressionSizeLimit(MaxSource),
		cel.ParserRecursionLimit(64),
		cel.ExpressionNodeLimit(10_000), // after the macros are expanded
		cel.RegexProgramSizeLimit(maxRegexp),
	)
})

// Compile checks an expression that may have any value. Its errors are *Error.
func Compile(source string) (*Program, error) { return compile(source, false) }

// CompileFilter checks an expression that says yes or no. One whose type is
// known only when it runs, such as data.call.forwarded, is taken too. Its
// errors are *Error.
func CompileFilter(source string) (*Program, error) { return compile(source, true) }

func compile(source string, filter bool) (*Program, error) {
	if len(source) > MaxSource {
		return nil, &Error{Message: fmt.Sprintf("is %d bytes long; an expression may have %d", len(source), MaxSource)}
	}
	if strings.TrimSpace(source) == "" {
		return nil, &Error{Message: "is empty: expected an expression such as data.call.direction == \"inbound\""}
	}
	env, err := environment()
	if err != nil {
		return nil, fmt.Errorf("make the CEL environment: %w", err)
	}
	tree, issues := env.Compile(source)
	if issues.Err() != nil {
		return nil, explain(issues.Errors()[0])
	}
	if filter && !tree.OutputType().IsExactType(cel.BoolType) && !tree.OutputType().IsExactType(cel.DynType) {
		return nil, &Error{Message: "is " + kindOf(tree.OutputType()) + ": expected a condition, which is true or false"}
	}
	facts, err := inspect(tree.NativeRep())
	if err != nil {
		return nil, err
	}
	program, err := env.Program(tree, append(bounds(facts), cel.EvalOptions(cel.OptOptimize))...)
	if err != nil {
		return nil, &Error{Message: sentence(err)}
	}
	return &Program{program: program, loops: facts.loops}, nil
}

// facts is what there is to know about an expression before it runs.
type facts struct {
	loops  bool
	regexp int // the size of its largest regular expression, in instructions
}

// inspect refuses what a type check passes over.
func inspect(tree *ast.AST) (facts, error) {
	var f facts
	var problem *Error
	wrong := func(e ast.Expr, message string) {
		if problem == nil {
			at := tree.SourceInfo().GetStartLocation(e.ID())
			problem = &Error{Line: at.Line(), Column: at.Column() + 1, Message: message}
		}
	}
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() { //nolint:exhaustive // nothing is to be seen in the other kinds
		case ast.ComprehensionKind:
			f.loops = true
		case ast.SelectKind:
			of, member := e.AsSelect().Operand(), e.AsSelect().FieldName()
			if of.Kind() == ast.IdentKind && of.AsIdent() == "event" && !envelopeHas(member) {
				hint := "it has " + strings.Join(envelope[:], ", ")
				if resource(member) {
					hint = "did you mean data." + member + "?"
				}
				wrong(e, "event has no member "+member+"; "+hint)
			}
		case ast.CallKind:
			call := e.AsCall()
			if call.FunctionName() != "matches" {
				return
			}
			pattern := call.Args()[len(call.Args())-1]
			if pattern.Kind() != ast.LiteralKind {
				wrong(pattern, "the regular expression of matches must be written out")
				return
			}
			if text, ok := pattern.AsLiteral().Value().(string); ok {
				size, err := types.RegexProgramSize(text)
				if err != nil {
					wrong(pattern, err.Error())
				}
				f.regexp = max(f.regexp, size)
			}
		}
	}))
	if problem != nil {
		return f, problem
	}
	return f, nil
}

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
	text := sentence(err)
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

// sentence is an error's text in one short line.
func sentence(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "…"
	}
	return text
}

// maxTime bounds an expression that loops, beside its cost.
const maxTime = 50 * time.Millisecond
