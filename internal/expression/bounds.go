package expression

import (
	"errors"
	"regexp"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// MaxCost is what one evaluation may cost, in CEL's units of 20 to 200 ns each.
// An ordinary filter costs ten.
const MaxCost = 50_000

// What an expression may do. CEL counts the cost of a call after it was made,
// so it bounds what is done often and with large values, not one call that is
// itself without bound. These calls have bounds of their own here and in
// strings.go: equality of nested values (which can share their elements, and
// be far larger than the memory they take), membership, regular expressions.
const (
	// maxCompared is how many values two nested values may have to be compared.
	maxCompared = 1_000
	// maxSearched is the length of the longest list that in searches.
	maxSearched = 20_000
	// maxRegexp is the size of the largest regular expression, in instructions.
	maxRegexp = 1_000
	// maxMatch bounds the length of a text times the size of the regular
	// expression that is run over it: the worst case of RE2 is their product.
	maxMatch = 500_000
)

// bounds are the options of a program.
func bounds(f facts) []cel.ProgramOption {
	run := func(call interpreter.InterpretableCall, pattern string) (interpreter.InterpretableCall, error) {
		return matches(call, pattern)
	}
	return []cel.ProgramOption{
		cel.CostTracking(prices(f)),
		cel.CostLimit(MaxCost),
		cel.InterruptCheckFrequency(16),
		cel.CustomDecoratorV2(bound),
		cel.OptimizeRegex(
			&interpreter.RegexOptimization{Function: overloads.Matches, OverloadID: overloads.Matches, RegexIndex: 1, Factory: run},
			&interpreter.RegexOptimization{Function: overloads.Matches, OverloadID: overloads.MatchesString, RegexIndex: 1, Factory: run},
		),
	}
}

// prices says what the calls of a program cost. CEL has prices of its own, but
// not where it learns the types only as the expression runs: with our data that
// is everywhere.
type prices facts

// CallCost is for CEL: ten characters that are read or written cost one.
func (p prices) CallCost(function, _ string, args []ref.Val, result ref.Val) *uint64 {
	price := 1
	switch function {
	case operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.Conditional, operators.NotStrictlyFalse:
		return nil // as CEL has it
	case operators.Equals, operators.NotEquals:
		if a, b := text(args, 0), text(args, 1); a > 0 || b > 0 {
			price += min(a, b) / 10
		} else if nested(args[0]) && nested(args[1]) {
			price += 2 * count(args[0], maxCompared)
		}
	case operators.In:
		price += elements(args[1])
		if nested(args[0]) {
			price += maxCompared
		}
	case overloads.Matches:
		price += text(args, 0) * p.regexp / 4
	case overloads.StartsWith, overloads.EndsWith:
		price += text(args, 1) / 10
	case "join":
		price += (elements(args[0]) + text([]ref.Val{result}, 0)) / 10
	case "split":
		price += text(args, 0)/10 + elements(result)
	default:
		read := text([]ref.Val{result}, 0)
		for i := range args {
			read += text(args, i)
		}
		price += read / 10
		if len(args) == 2 && args[0].Type() == types.TimestampType && args[1].Type() == types.StringType {
			price += 1_000 // a time zone is read each time
		}
	}
	return new(uint64(price))
}

// text is the length of an argument that is a text.
func text(args []ref.Val, i int) int {
	if i >= len(args) {
		return 0
	}
	switch v := args[i].(type) {
	case types.String:
		return len(v)
	case types.Bytes:
		return len(v)
	default:
		return 0
	}
}

// elements is the length of a list.
func elements(v ref.Val) int {
	if l, ok := v.(traits.Lister); ok {
		if size, ok := l.Size().(types.Int); ok {
			return int(size)
		}
	}
	return 0
}

// matches runs a regular expression, compiled once, over texts that are not too
// long for it.
func matches(call interpreter.InterpretableCall, pattern string) (interpreter.InterpretableCall, error) {
	size, err := types.RegexProgramSize(pattern)
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(), func(args ...ref.Val) ref.Val {
		s, ok := args[0].(types.String)
		switch {
		case !ok:
			return types.MaybeNoSuchOverloadErr(args[0])
		case len(s)*size > maxMatch:
			return types.WrapErr(errors.New("a text is too long for this regular expression"))
		default:
			return types.Bool(re.MatchString(string(s)))
		}
	}), nil
}

// bound puts bounds around equality and membership.
func bound(node interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := node.(interpreter.InterpretableCall)
	if !ok {
		return node, nil
	}
	var impl func(a, b ref.Val) ref.Val
	switch call.Function() {
	case operators.Equals:
		impl = equal
	case operators.NotEquals:
		impl = func(a, b ref.Val) ref.Val {
			v := equal(a, b)
			if same, ok := v.(types.Bool); ok {
				return !same
			}
			return v
		}
	case operators.In:
		impl = in
	default:
		return node, nil
	}
	return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(), func(args ...ref.Val) ref.Val {
		return impl(args[0], args[1])
	}), nil
}

// equal compares by value. Two nested values are compared only if they are
// small.
func equal(a, b ref.Val) ref.Val {
	if nested(a) && nested(b) && (count(a, maxCompared) >= maxCompared || count(b, maxCompared) >= maxCompared) {
		return types.WrapErr(errors.New("two values are too large to be compared"))
	}
	return types.Equal(a, b)
}

// in looks for a value in a list, or for a key.
func in(v, list ref.Val) ref.Val {
	l, ok := list.(traits.Lister)
	if !ok {
		m, ok := list.(traits.Container)
		if !ok {
			return types.MaybeNoSuchOverloadErr(list)
		}
		return m.Contains(v)
	}
	if elements(l) > maxSearched || nested(v) && count(list, maxCompared) >= maxCompared {
		return types.WrapErr(errors.New("a list is too long to be searched"))
	}
	return l.Contains(v)
}

func nested(v ref.Val) bool {
	switch v.(type) {
	case traits.Lister, traits.Mapper, *types.Optional:
		return true
	default:
		return false
	}
}

// count is how many values a value has, itself included; it counts no further
// than limit.
func count(v ref.Val, limit int) int {
	n := 1
	switch v := v.(type) {
	case *types.Optional:
		if v.HasValue() {
			n += count(v.GetValue(), limit-n)
		}
	case traits.Lister:
		for it := v.Iterator(); n < limit && it.HasNext() == types.True; {
			n += count(it.Next(), limit-n)
		}
	case traits.Mapper:
		for it := v.Iterator(); n < limit && it.HasNext() == types.True; {
			n += count(v.Get(it.Next()), limit-n)
		}
	}
	return n
}
