package expression

import (
	"errors"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/functions"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// MaxCost is what one evaluation may cost, in units of 20 to 100 ns each. An
// ordinary filter costs ten.
const MaxCost = 10_000

// What an expression may do. CEL counts what a call costs after it was made, and
// as 1 where it learns the types only as the expression runs, which with our data
// is everywhere. So the calls that read, compare or make values of any size are
// made here, and each pays before it does anything: for the texts and lists that
// it is given, and where it walks through a value, at each step. Thereby the
// budget bounds the work, and no value need be small.
//
// Lists are added by copying. CEL's own sum shares both sides: sixty times a+a
// make 2^60 elements in no memory, and whatever walks through them never ends.
//
// What a price buys: text that is only read, 64 bytes; text that is copied, 16;
// text that is read as a number or a time, which quotes it where it is none, 1;
// a regular expression, 16 instructions at one byte of text each.

// free are the functions that look at no more than a word of each argument.
//
//nolint:gochecknoglobals // a constant table
var free = map[string]bool{
	operators.LogicalAnd: true, operators.LogicalOr: true, operators.LogicalNot: true, operators.Conditional: true,
	operators.NotStrictlyFalse: true,
	operators.Subtract:         true, operators.Multiply: true, operators.Divide: true, operators.Modulo: true, operators.Negate: true,
	operators.Index: true, operators.OptIndex: true, operators.OptSelect: true, // their keys are wrapped in key
	overloads.TypeConvertType: true, overloads.TypeConvertDyn: true,
	"optional.of": true, "optional.none": true, "optional.ofNonZeroValue": true,
	"hasValue": true, "value": true, "or": true, "orValue": true,
}

// The functions that checkShape puts around what CEL would walk through unpriced.
// A source cannot name them.
const (
	keyOf    = "@key"      // of what an index is looked up by: CEL hashes it, and quotes it where there is none
	rangeOf  = "@range"    // what is looped over: CEL lists an object's keys beforehand
	maybeFor = "@optional" // what may be left out of a list or an object: CEL quotes what is no optional
)

// A planner replaces the calls of a program by those with a price.
type planner struct {
	bindings map[string]*functions.Overload
	regexps  map[string]*pattern
}

func (p *planner) options() []cel.ProgramOption {
	return []cel.ProgramOption{
		cel.CostTracking(prices{}), cel.CostLimit(MaxCost),
		cel.CustomDecoratorV2(p.decorate), cel.EvalOptions(cel.OptOptimize),
		// What loops costs, so this stops nothing, unless a price is wrong.
		cel.InterruptCheckFrequency(1),
	}
}

func (p *planner) decorate(node interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	if l, ok := node.(interpreter.InterpretableConstructor); ok && !constant(l.InitVals()...) {
		return &literal{l, len(l.InitVals())}, nil
	}
	c, ok := node.(interpreter.InterpretableCall)
	if !ok || free[c.Function()] {
		return node, nil
	}
	name, args := c.Function(), c.Args()
	own := &call{id: c.ID(), args: args}
	switch name {
	case operators.Equals:
		own.run = func(m meter, args []ref.Val) ref.Val { return types.Bool(equal(m, args[0], args[1], 0)) }
	case operators.NotEquals:
		own.run = func(m meter, args []ref.Val) ref.Val { return types.Bool(!equal(m, args[0], args[1], 0)) }
	case operators.In:
		own.run = in
	case operators.Add:
		own.run = add
	case keyOf:
		own.run = key
	case rangeOf:
		own.run = looped
	case maybeFor:
		own.run = maybe
	case overloads.Matches:
		own.run = p.matches(args)
	default:
		if constant(args...) && len(args) == 1 && overloads.IsTypeConversionFunction(name) {
			return node, nil // CEL does it once, beforehand: duration("90s")
		}
		binding := p.bindings[name]
		own.run = func(m meter, args []ref.Val) ref.Val {
			m.spend(price(name, args))
			v := apply(binding, args)
			m.spend(length(v)/16 + elements(v))
			if types.IsError(v) {
				m.spend(10) // to make an error takes longer than most functions
			}
			return v
		}
	}
	return own, nil
}

// A call is one that pays before it is made. It does not say that it is a call
// (interpreter.InterpretableCall), else CEL's optimizations would replace it.
type call struct {
	id   int64
	args []interpreter.InterpretableV2
	run  func(m meter, args []ref.Val) ref.Val
}

func (c *call) ID() int64 { return c.id }

func (c *call) Eval(vars interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(vars, c.Exec)
}

func (c *call) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	args := make([]ref.Val, len(c.args))
	for i, arg := range c.args {
		if args[i] = arg.Exec(frame); types.IsUnknownOrError(args[i]) {
			return args[i]
		}
	}
	return c.run(meter{frame.CostTracker()}, args)
}

// A literal is a list or an object that is not the same each time. CEL makes
// those that are beforehand.
type literal struct {
	interpreter.InterpretableV2
	size int
}

func (l *literal) Eval(vars interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(vars, l.Exec)
}

func (l *literal) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	meter{frame.CostTracker()}.spend(l.size)
	return l.InterpretableV2.Exec(frame)
}

func constant(nodes ...interpreter.InterpretableV2) bool {
	return !slices.ContainsFunc(nodes, func(n interpreter.InterpretableV2) bool {
		_, ok := n.(interpreter.InterpretableConst)
		return !ok
	})
}

// apply calls a function of the environment.
func apply(f *functions.Overload, args []ref.Val) ref.Val {
	switch {
	case f == nil, f.OperandTrait != 0 && !args[0].Type().HasTrait(f.OperandTrait):
		return types.MaybeNoSuchOverloadErr(args[0])
	case len(args) == 1 && f.Unary != nil:
		return f.Unary(args[0])
	case len(args) == 2 && f.Binary != nil:
		return f.Binary(args[0], args[1])
	case f.Function != nil:
		return f.Function(args...)
	default:
		return types.MaybeNoSuchOverloadErr(args[0])
	}
}

// A meter takes the price of something from the budget of the evaluation, and
// ends it (CEL panics, and recovers at the top) where it is more than is left.
type meter struct{ tracker *cost.Tracker }

func (m meter) spend(price int) {
	switch {
	case price == 1:
		m.tracker.Qualify(0) // which costs as much
	case price > 1:
		m.tracker.EvalZeroArity(nil, 0, bill{}, types.Int(price))
	}
}

// A bill is, to CEL's accounting, a call whose price is its result.
type bill struct{}

func (bill) Function() string   { return "@bill" }
func (bill) OverloadID() string { return "" }

// prices tells CEL what bills cost. All other calls cost what CEL says: 1.
type prices struct{}

// CallCost is for CEL.
func (prices) CallCost(function, _ string, _ []ref.Val, result ref.Val) *uint64 {
	if n, ok := result.(types.Int); ok && function == "@bill" {
		return new(uint64(max(n, 0)))
	}
	return nil
}

// price is that of a call of the environment's functions. What is not named here
// pays for all that it is given.
func price(function string, args []ref.Val) int {
	long, many := 0, 0
	for _, arg := range args {
		long += length(arg)
		many += elements(arg)
	}
	switch function {
	case overloads.Size, overloads.Contains, overloads.StartsWith, overloads.EndsWith,
		operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return 1 + long/64
	case overloads.TypeConvertInt, overloads.TypeConvertUint, overloads.TypeConvertDouble, overloads.TypeConvertBool,
		overloads.TypeConvertTimestamp, overloads.TypeConvertDuration:
		return 1 + long
	}
	if len(args) == 2 && args[0].Type() == types.TimestampType && long > 0 {
		return 500 + long // a time zone is read each time
	}
	return 1 + long/16 + many
}

// length is that of a text, in bytes.
func length(v ref.Val) int {
	switch v := v.(type) {
	case types.String:
		return len(v)
	case types.Bytes:
		return len(v)
	default:
		return 0
	}
}

// elements is how many a list or an object has.
func elements(v ref.Val) int {
	var size ref.Val
	switch v := v.(type) {
	case traits.Lister:
		size = v.Size()
	case traits.Mapper:
		size = v.Size()
	}
	n, _ := size.(types.Int)
	return int(n)
}

// matches runs a regular expression, compiled once, over a text: in RE2 at worst
// each instruction for each byte.
func (p *planner) matches(args []interpreter.InterpretableV2) func(meter, []ref.Val) ref.Val {
	var re *pattern
	if c, ok := args[1].(interpreter.InterpretableConst); ok { // checkShape takes no other
		re = p.regexps[str(c.Value())]
	}
	return func(m meter, args []ref.Val) ref.Val {
		s, ok := args[0].(types.String)
		if !ok || re == nil {
			return types.MaybeNoSuchOverloadErr(args[0])
		}
		m.spend(4 + (len(s)+1)*re.size/16)
		return types.Bool(re.MatchString(string(s)))
	}
}

// equal compares by value, as types.Equal does. A step costs more the deeper it
// is: the stack grows by copying.
func equal(m meter, a, b ref.Val, depth int) bool {
	m.spend(1 + depth/16)
	switch a := a.(type) {
	case types.String, types.Bytes:
		if length(a) == length(b) {
			m.spend(length(a) / 64)
		}
	case traits.Lister:
		other, ok := b.(traits.Lister)
		if !ok || a.Size() != other.Size() {
			return false
		}
		for i := types.Int(0); i < types.Int(elements(a)); i++ {
			if !equal(m, a.Get(i), other.Get(i), depth+1) {
				return false
			}
		}
		return true
	case traits.Mapper:
		other, ok := b.(traits.Mapper)
		if !ok || a.Size() != other.Size() {
			return false
		}
		m.spend(4 * elements(a)) // its keys are listed, and each is looked up twice
		for it := a.Iterator(); it.HasNext() == types.True; {
			k := it.Next()
			m.spend(length(k) / 16)
			v, ok := other.Find(k)
			if !ok || !equal(m, a.Get(k), v, depth+1) {
				return false
			}
		}
		return true
	case *types.Optional:
		other, ok := b.(*types.Optional)
		if !ok || !a.HasValue() || !other.HasValue() {
			return ok && a.HasValue() == other.HasValue()
		}
		return equal(m, a.GetValue(), other.GetValue(), depth+1)
	}
	return types.Equal(a, b) == types.True
}

// in looks for a value in a list, or for a key.
func in(m meter, args []ref.Val) ref.Val {
	m.spend(1)
	switch l := args[1].(type) {
	case traits.Lister:
		for i := types.Int(0); i < types.Int(elements(l)); i++ {
			if equal(m, args[0], l.Get(i), 0) {
				return types.True
			}
		}
		return types.False
	case traits.Mapper:
		if types.IsError(key(m, args[:1])) {
			return types.False
		}
		_, found := l.Find(args[0])
		return types.Bool(found)
	default:
		return types.MaybeNoSuchOverloadErr(l)
	}
}

// add is +.
func add(m meter, args []ref.Val) ref.Val {
	a, b := args[0], args[1]
	if list, ok := a.(traits.MutableLister); ok { // what map and filter gather
		m.spend(1)
		return list.Add(b)
	}
	if list, ok := a.(traits.Lister); ok {
		other, ok := b.(traits.Lister)
		if !ok {
			return types.MaybeNoSuchOverloadErr(b)
		}
		m.spend(1 + (elements(a)+elements(b))/2)
		sum := make([]ref.Val, 0, elements(a)+elements(b))
		for _, l := range [...]traits.Lister{list, other} {
			for it := l.Iterator(); it.HasNext() == types.True; {
				sum = append(sum, it.Next())
			}
		}
		return types.NewRefValList(types.DefaultTypeAdapter, sum)
	}
	adder, ok := a.(traits.Adder)
	if !ok {
		return types.MaybeNoSuchOverloadErr(a)
	}
	m.spend(1 + (length(a)+length(b))/16)
	return adder.Add(b)
}

// key lets through what can be a key.
func key(m meter, args []ref.Val) ref.Val {
	switch k := args[0].(type) {
	case types.String:
		m.spend(1 + len(k)/16)
	case types.Int, types.Uint, types.Double, types.Bool:
	default:
		return types.WrapErr(errors.New("no key of an object or a list is " + kindName(k)))
	}
	return args[0]
}

// looped lets through what can be looped over.
func looped(m meter, args []ref.Val) ref.Val {
	switch v := args[0].(type) {
	case traits.Lister:
		m.spend(3)
	case traits.Mapper:
		m.spend(3 + elements(v))
	default:
		return types.WrapErr(errors.New("all, exists, map and filter are of lists and objects, not of " + kindName(v)))
	}
	return args[0]
}

// maybe lets optionals through.
func maybe(m meter, args []ref.Val) ref.Val {
	m.spend(1)
	if v, ok := args[0].(*types.Optional); ok {
		return v
	}
	return types.WrapErr(errors.New("after ? stands " + kindName(args[0]) + ", expected what can be missing, such as data.?call"))
}
