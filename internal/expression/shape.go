package expression

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
)

// The shape that an expression may have. It is checked before the types are,
// since to find the type of [a].map(a, {a: a}).map(a, {a: a})… takes time and
// memory that double with each step: an object's keys have a type too. With
// literals as keys, types grow as the source does.
const (
	maxNodes    = 700 // operands, operators, members and what macros add; 140 comparisons
	maxLoops    = 10  // all, exists, map and filter
	maxNested   = 4   // loops within loops
	maxLiterals = 12  // lists, objects and optionals within such
	maxLooped   = 30  // all of those within loops, where a map makes two; a chain of maps puts them all within each other
	// maxRegexp is the size of all regular expressions, in instructions. One of a
	// phone number has ten, one of a few words a hundred.
	maxRegexp = 500
)

// A pattern is a regular expression and its size.
type pattern struct {
	*regexp.Regexp
	size int
}

// shape is what there is to know of an expression before its types are.
type shape struct {
	tree    *ast.AST
	factory ast.ExprFactory
	next    int64 // the id of the next node that is added
	problem *Error

	nodes, loops int
	looped       int // the literals within loops
	regexps      map[string]*pattern
	instructions int // of the regexps
}

// checkShape refuses what cannot be checked or run in little time and memory,
// and what a type check passes over. It puts keyOf, rangeOf and maybeFor in.
func checkShape(tree *ast.AST) (*shape, error) {
	s := &shape{tree: tree, factory: ast.NewExprFactory(), next: ast.MaxID(tree) + 1, regexps: map[string]*pattern{}}
	s.walk(tree.Expr(), 0, 0)
	if s.problem != nil {
		return nil, s.problem
	}
	return s, nil
}

// wrong notes the first problem.
func (s *shape) wrong(e ast.Expr, format string, args ...any) {
	if s.problem == nil {
		at := s.tree.SourceInfo().GetStartLocation(e.ID())
		s.problem = &Error{Line: at.Line(), Column: at.Column() + 1, Message: short(fmt.Sprintf(format, args...))}
	}
}

// wrap puts a call of a function of one argument around an expression.
func (s *shape) wrap(e ast.Expr, function string) {
	inner, id := s.factory.CopyExpr(e), e.ID()
	e.RenumberIDs(func(old int64) int64 {
		if old == id {
			return s.next
		}
		return old
	})
	e.SetKindCase(s.factory.NewCall(s.next, function, inner))
	s.next++
}

// walk looks at an expression that stands within so many loops and literals.
func (s *shape) walk(e ast.Expr, loops, literals int) {
	if s.nodes++; s.nodes > maxNodes {
		s.wrong(e, "is too long: an expression may have about %d comparisons", maxNodes/5)
	}
	if s.problem != nil {
		return
	}
	switch e.Kind() { //nolint:exhaustive // there is nothing to be seen in the other kinds
	case ast.StructKind:
		s.wrong(e, "there is no type %s; an object is written {\"name\": value}", e.AsStruct().TypeName())
	case ast.SelectKind:
		s.member(e)
		s.walk(e.AsSelect().Operand(), loops, literals)
	case ast.CallKind:
		s.call(e, loops, literals)
	case ast.ListKind:
		literals = s.literal(e, loops, literals)
		for _, element := range e.AsList().Elements() {
			s.walk(element, loops, literals)
		}
		for _, i := range e.AsList().OptionalIndices() {
			s.wrap(e.AsList().Elements()[i], maybeFor)
		}
	case ast.MapKind:
		literals = s.literal(e, loops, literals)
		for _, entry := range e.AsMap().Entries() {
			entry := entry.AsMapEntry()
			if !isName(entry.Key()) {
				s.wrong(entry.Key(), "the name of a member must be written out, in quotes")
			}
			s.walk(entry.Key(), loops, literals)
			s.walk(entry.Value(), loops, literals)
			if entry.IsOptional() {
				s.wrap(entry.Value(), maybeFor)
			}
		}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		if s.loops++; s.loops > maxLoops {
			s.wrong(e, "an expression may have %d of all, exists, map and filter", maxLoops)
		}
		s.walk(c.IterRange(), loops, literals)
		if loops++; loops > maxNested {
			s.wrong(e, "all, exists, map and filter may stand within each other %d deep", maxNested)
		}
		for _, part := range [...]ast.Expr{c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()} {
			s.walk(part, loops, literals)
		}
		s.wrap(c.IterRange(), rangeOf)
	}
}

// isName reports whether an expression can be the name of a member: a text, a
// whole number or a boolean that is written out.
func isName(e ast.Expr) bool {
	if e.Kind() != ast.LiteralKind {
		return false
	}
	switch e.AsLiteral().(type) {
	case types.String, types.Int, types.Uint, types.Bool:
		return true
	default:
		return false
	}
}

// literal counts what makes a type of the type of what is in it.
func (s *shape) literal(e ast.Expr, loops, literals int) int {
	if loops > 0 {
		s.looped++
	}
	if literals++; literals > maxLiterals {
		s.wrong(e, "lists and objects may stand within each other %d deep", maxLiterals)
	} else if s.looped > maxLooped {
		s.wrong(e, "all, exists, map and filter may have about %d lists and objects within them", maxLooped/3)
	}
	return literals
}

// member checks the names of event's members, which has no others.
func (s *shape) member(e ast.Expr) {
	of, member := e.AsSelect().Operand(), e.AsSelect().FieldName()
	if of.Kind() != ast.IdentKind || of.AsIdent() != "event" || envelopeHas(member) {
		return
	}
	hint := "it has " + strings.Join(envelope[:], ", ")
	if resource(member) {
		hint = "did you mean data." + member + "?"
	}
	s.wrong(e, "event has no member %s; %s", member, hint)
}

func (s *shape) call(e ast.Expr, loops, literals int) {
	call := e.AsCall()
	switch call.FunctionName() {
	case "of", "ofNonZeroValue", overloads.TypeConvertType: // optional.of
		literals = s.literal(e, loops, literals)
	}
	if call.IsMemberFunction() {
		s.walk(call.Target(), loops, literals)
	}
	for _, arg := range call.Args() {
		s.walk(arg, loops, literals)
	}
	if len(call.Args()) == 0 {
		return
	}
	last := call.Args()[len(call.Args())-1]
	switch call.FunctionName() {
	case operators.Index, operators.OptIndex:
		if last.Kind() != ast.LiteralKind {
			s.wrap(last, keyOf)
		}
	case overloads.Matches:
		var text string
		literal := last.Kind() == ast.LiteralKind
		if literal {
			text, literal = last.AsLiteral().Value().(string)
		}
		if !literal {
			s.wrong(last, "the regular expression of matches must be written out")
			return
		}
		s.pattern(last, text)
	}
}

// pattern compiles a regular expression, each text once.
func (s *shape) pattern(e ast.Expr, text string) {
	if s.regexps[text] != nil {
		return
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		s.wrong(e, "%s", err)
		return
	}
	size := instructions(tree)
	if s.instructions += size; s.instructions > maxRegexp {
		s.wrong(e, "the regular expressions are too large: together %d instructions, may have %d", s.instructions, maxRegexp)
		return
	}
	re, err := regexp.Compile(text)
	if err != nil {
		s.wrong(e, "%s", err)
		return
	}
	s.regexps[text] = &pattern{re, size}
}

// instructions is about the size of a regular expression once it is compiled,
// found without compiling it: x{1000} is a thousand times x. Eight ranges of
// characters count as one.
func instructions(re *syntax.Regexp) int {
	n := 0
	for _, sub := range re.Sub {
		n += instructions(sub)
	}
	switch re.Op { //nolint:exhaustive // the others are one more than what they are made of
	case syntax.OpLiteral:
		return len(re.Rune)
	case syntax.OpCharClass:
		return 1 + len(re.Rune)/16
	case syntax.OpRepeat:
		return n*max(re.Min, re.Max, 1) + 1
	case syntax.OpConcat:
		return n
	case syntax.OpCapture:
		return n + 2 // where it begins and ends
	default:
		return n + 1
	}
}
