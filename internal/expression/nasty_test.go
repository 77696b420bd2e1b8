package expression_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/expression"
)

// decoded makes the input of data, and decodes it, which is done once for all
// expressions and so is not theirs to pay.
func decoded(tb testing.TB, data string) *expression.Input {
	tb.Helper()
	in := expression.Of(&switchhook.Event{Type: "custom.x", Data: json.RawMessage(data)})
	p, err := expression.CompileFilter(`size(data) > 0`)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := p.Match(in); err != nil {
		tb.Fatal(err)
	}
	return in
}

// object is one with so many members.
func object(n int) string {
	var b strings.Builder
	b.WriteString(`{"a":1`)
	for i := range n {
		fmt.Fprintf(&b, `,"k%d":1`, i)
	}
	return b.String() + "}"
}

// huge are events of a megabyte, and a small one.
func huge(tb testing.TB) map[string]*expression.Input {
	tb.Helper()
	const size = 1 << 20
	inputs := map[string]*expression.Input{}
	for name, data := range map[string]string{
		"small":   `{"s":"a","t":"b","l":[1,2,3],"m":{"a":1}}`,
		"text":    `{"s":"` + strings.Repeat("a", size/2) + `","t":"` + strings.Repeat("a", size/2-100) + `b","l":[1,2,3],"m":{"a":1}}`,
		"numbers": `{"s":"a","t":"b","l":[1` + strings.Repeat(",1", size/2-100) + `],"m":{"a":1}}`,
		"objects": `{"s":"a","t":"b","l":[{"a":"b"}` + strings.Repeat(`,{"a":"b"}`, size/10-100) + `],"m":{"a":1}}`,
		"texts":   `{"s":"a","t":"b","l":["` + strings.Repeat("a", 1000) + `"` + strings.Repeat(`,"`+strings.Repeat("a", 1000)+`"`, size/1003-10) + `],"m":{}}`,
		"middle":  `{"s":"` + strings.Repeat("a", 20000) + `","t":"` + strings.Repeat("a", 20000) + `","l":[1` + strings.Repeat(",1", 2000) + `],"m":` + object(2000) + `}`,
		"halves":  `{"s":"` + strings.Repeat("a", size/4) + `","t":"` + strings.Repeat("a", size/4) + `","l":[1` + strings.Repeat(",1", size/4-100) + `],"m":{}}`,
		"deep":    `{"s":"a","t":"b","l":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `,"m":{}}`,
		"members": `{"s":"a","t":"b","l":[1],"m":` + object(size/11) + `}`,
	} {
		inputs[name] = decoded(tb, data)
	}
	return inputs
}

func times(term, join string, n int) string {
	return strings.TrimSuffix(strings.Repeat(term+join, n), join)
}

// nasty are expressions that a bad customer would write.
func nasty() []string {
	chain := func(step, rest string) string { return "[data.l]" + strings.Repeat(step, 8) + rest }
	const eight, pairs = `[1,2,3,4,5,6,7,8]`, `.map(a,dyn([a,a,a,a,a,a,a,a]))`
	return []string{
		`data.l.exists(a, data.l.exists(b, data.l.exists(c, data.l.exists(d, a == 2))))`,
		`data.l.all(a, data.l.all(b, a == b))`,
		`data.l.map(a, data.l.map(b, [a, b])).size() == 0`,
		`data.l.filter(a, data.l.exists(b, b == "x")).size() == 0`,
		`data.l.exists(x, size(data.s) == 1)`,
		`data.l.exists(x, data.s + data.t == "x")`,
		`data.l.exists(x, double(data.s) > 0.0)`,
		`data.l.exists(x, int(data.s) > 0)`,
		`data.l.exists(x, timestamp(data.s) > timestamp(data.t))`,
		`data.l.exists(x, data.s.contains(data.t))`,
		`data.l.exists(x, data.s == data.t && false)`,
		`data.l.map(x, data.s).exists(s, s == data.t && false)`,
		`data.t in data.l.map(x, data.s + "")`,
		`data.l.map(x, data.s) == data.l.map(x, data.t)`,
		`data.l.exists(x, data == event.data && event == event && false)`,
		`data.l.exists(x, data.l == event.data.l && false)`,
		`data.l.exists(x, x in data.l && false)`,
		`data.l.exists(x, [1] in data.l)`,
		`data.l.exists(x, "2026-01-01T00:00:00Z" != "" && timestamp("2026-01-01T00:00:00Z").getHours("Europe/Berlin") == 99)`,
		`data.l.exists(x, data.s.matches("(a+)+(b|c)?(a*a*a*)*$x"))`,
		`data.l.exists(x, data.s.lowerAscii().upperAscii().trim() == "")`,
		`data.l.exists(x, data.s.split("").size() == 0)`,
		`data.l.exists(x, data.s.replace("", data.t) == "")`,
		`data.s.replace("", data.t).replace("a", data.t) == ""`,
		`data.s.replace("a", data.s).replace("a", data.s).replace("a", data.s) == ""`,
		`data.s.indexOf(data.t) == 1`,
		`data.l.map(x, data.s).join(data.t) == ""`,
		`data.l.map(x, "").join("") == ""`,
		`data.s.split("").join(data.t) == ""`,
		`data.s.matches("a{200}b")`,
		`data.s.matches("(x+x+)+y|(a|a|a|a|a|a)*b$|.*.*.*.*=")`,
		`data.s.matches("(a?){30}a{30}$")`,
		chain(".map(a,a+a)", ".exists(a, 2 in a)"),
		chain(".map(a,a+a)", ".exists(a, a == a + [1])"),
		chain(".map(a,a+a+a+a+a+a+a+a+a)", ".exists(a, a.exists(b, b == 2))"),
		chain(".map(a,a+a+a+a+a+a+a+a+a)", ".exists(a, math.greatest(a) == 2)"),
		chain(".map(a,[a,a])", ".exists(a, a == [a, 1])"),
		chain(pairs, ".exists(a, [a] == [[a, a]])"),
		chain(pairs, ".exists(a, a in [[a, a], [a]])"),
		chain(pairs, ".exists(a, data.m[a] == 1)"),
		chain(pairs, ".exists(a, {?'a': a}.size() == 1)"),
		chain(pairs, ".exists(a, [?a].size() == 1)"),
		chain(pairs, ".exists(a, string(a) == '' || a < a)"),
		chain(".map(a,{1:a,2:a})", ".exists(a, a == {1:a,2:a})"),
		chain(".map(a,[?a[?0],a])", ".exists(a, optional.of(a) == optional.of([a, a]))"),
		`[data.s]` + strings.Repeat(".map(a,a+a+a+a+a)", 8) + `.exists(a, a == "x")`,
		`[b"aaaaaaaaaaaaaaaaaa"]` + strings.Repeat(".map(a,a+a+a+a+a)", 8) + `.exists(a, a == b"x")`,
		times("data==event.data", "&&", 80),
		times("data.s+data.t!=''", "&&", 80),
		times("size(data.s)>0", "&&", 80),
		times("data.s.contains('b')", "||", 80),
		times("!(1 in data.l)", "||", 80),
		times("data.s in ['a','b']", "||", 80),
		times("data[data.s]==1", "||", 80),
		times("data.m.a==data[data.t]", "||", 70),
		times("math.greatest(data.l)<-1", "||", 80),
		times("[data.l].join()==''", "||", 80),
		times("[?data.l]==[]", "||", 80),
		times("data.s.matches('(a*)*b')", "||", 80),
		times("data.s.matches('a{450}')", "||", 80),
		times("data.m.exists(k,k=='x')", "||", 10),
		times("data.l.all(a,a!=3)", "&&", 10),
		times("double(data.s)>0.0", "||", 80),
		times("data.s.trim()==''", "||", 80),
		times("event.occurred_at.getHours('Europe/Berlin')==25", "||", 80),
		eight + `.all(a,` + eight + `.all(b,` + eight + `.all(c,` + eight + `.all(d,true))))`,
		eight + `.all(a,` + eight + `.all(b,` + eight + `.all(c,` + eight + `.all(d,size([[[[[[]]]]]])>0&&"a"+"b"=="ab"&&data.m.?b.?c.?d==optional.none()))))`,
		eight + `.all(a,` + eight + `.all(b,` + eight + `.all(c,` + eight + `.map(d,{"a":a,"b":b,"c":c,"d":d}).size()==8)))`,
		eight + `.all(a,` + eight + `.all(b,` + eight + `.all(c,` + eight + `.exists(d,` + times("data.x", "||", 100) + `))))`,
		eight + `.all(a,` + eight + `.all(b,` + eight + `.all(c,` + eight + `.exists(d,` + times("data.x==1", "||", 80) + `))))`,
		eight + `.all(a,` + eight + `.all(b,` + eight + `.all(c,` + eight + `.exists(d,` + times("false", "||", 300) + `))))`,
		eight + `.all(a,` + eight + `.all(b,` + eight + `.all(c,` + eight + `.exists(d,` + times("data.x.y.z.?a.hasValue()", "||", 70) + `))))`,
		eight + `.all(a,` + eight + `.all(b,` + eight + `.all(c,` + eight + `.exists(d,` + times("data.l[9]==1", "||", 60) + `))))`,
		eight + `.all(a,` + eight + `.all(b,` + eight + `.all(c,` + eight + `.exists(d,` + times("int(data.s)==1", "||", 60) + `))))`,
		eight + `.all(a,` + eight + `.all(b,` + eight + `.all(c,` + eight + `.exists(d,` + times("''.matches('(a?){120}')", "||", 60) + `))))`,
		eight + `.all(a,` + eight + `.all(b,` + eight + `.all(c,` + eight + `.exists(d,{'a':a,` + times("1:1", ",", 250) + `}.size()==0))))`,
		eight + `.all(a,` + eight + `.all(b,` + eight + `.all(c,` + eight + `.map(d,[a,` + times("1", ",", 500) + `]).size()==8)))`,
		eight + `.all(a,` + eight + `.all(b,` + eight + `.all(c,` + eight + `.exists(d,` + times("data.m==event.data.m&&false", "||", 40) + `))))`,
		eight + `.all(a,` + eight + `.all(b,` + eight + `.all(c,` + eight + `.exists(d,` + times("timestamp(a)<event.occurred_at&&false", "||", 40) + `))))`,
		eight + `.all(a,` + eight + `.all(b,` + eight + `.all(c,` + eight + `.exists(d,` + times("string(1.1e300*double(a))==''", "||", 60) + `))))`,
		`[` + times("data", ",", 300) + `] == [` + times("data", ",", 300) + `]`,
	}
}

// ends runs a filter and says what it took. The bounds are far above what is
// measured, since the race detector makes everything ten times slower and a busy
// machine more; without a price, they run for seconds, or for ever.
func ends(t *testing.T, p *expression.Program, in *expression.Input, what string) time.Duration {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := p.Match(in)
	runtime.ReadMemStats(&after)
	took := time.Hour
	for range 2 { // the better of two: other tests want the processor too
		began := time.Now()
		_, _ = p.Match(in)
		took = min(took, time.Since(began))
	}
	if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 300*time.Millisecond || mb > 8 {
		t.Errorf("%v, %d MB, %s: %v", took, mb, what, err)
	}
	return took
}

// Whatever an expression does, and with whatever event, it ends soon and leaves
// the memory to others.
func TestNastyExpressionsEndSoon(t *testing.T) { //nolint:paralleltest // measures
	inputs, worst, by := huge(t), map[bool]time.Duration{}, map[bool]string{}
	for _, source := range nasty() {
		p, err := expression.CompileFilter(source)
		if err != nil {
			t.Errorf("%.120s: %v", source, err)
			continue
		}
		for name, in := range inputs {
			what := fmt.Sprintf("%s: %.70s", name, source)
			if took, small := ends(t, p, in, what), name == "small"; took > worst[small] {
				worst[small], by[small] = took, what
			}
		}
	}
	t.Logf("with the small event at most %v (%s), else %v (%s)", worst[true], by[true], worst[false], by[false])
}

// calls are how each function and operator is called. @ and # stand for values
// of any size.
var calls = map[string][]string{
	"!_": {"!@"}, "-_": {"-@"}, "_!=_": {"@!=#"}, "_==_": {"@==#"}, "_<_": {"@<#"}, "_<=_": {"@<=#"}, "_>_": {"@>#"}, "_>=_": {"@>=#"},
	"_%_": {"@%#"}, "_*_": {"@*#"}, "_/_": {"@/#"}, "_-_": {"@-#"}, "_+_": {"@+#", "(@+#)+(#+@)"},
	"_&&_": {"@&&#"}, "_||_": {"@||#"}, "_?_:_": {"@?@:#", "(true?@:#)==#"},
	"@in": {"@ in #", "@ in [#,#]"}, "in": nil, "_in_": nil, // old names that no source has
	"@not_strictly_false": {"[@].all(a,a)"}, "__not_strictly_false__": nil,
	"_[_]": {"@[#]", "@[0]", `@["a"]`, "data[@]", "{'a':1}[@]", "[1][@]"}, "_[?_]": {"@[?#]", "optional.of(@)[?#]"}, "_?._": {"@.?a.?b", "optional.of(@).?a"},
	"bool": {"bool(@)"}, "bytes": {"bytes(@)"}, "double": {"double(@)"}, "duration": {"duration(@)"}, "int": {"int(@)"}, "uint": {"uint(@)"},
	"string": {"string(@)", "string(bytes(@))"}, "timestamp": {"timestamp(@)"}, "type": {"type(@)", "type(@)==type(#)"}, "dyn": {"dyn(@)"},
	"contains": {"@.contains(#)"}, "startsWith": {"@.startsWith(#)"}, "endsWith": {"@.endsWith(#)"}, "size": {"size(@)", "@.size()"},
	"matches": {`@.matches("(a|b)*c")`, `matches(@,"a{400}$")`, `@.matches("(?i)\\pL+1")`},
	"indexOf": {"@.indexOf(#)"}, "join": {"@.join(#)", "@.join()", "[@,#].join()"}, "lowerAscii": {"@.lowerAscii()"}, "upperAscii": {"@.upperAscii()"},
	"replace": {"@.replace(#,@)", `@.replace("",#)`, `@.replace("a",#)`}, "split": {"@.split(#)", `@.split("")`, `@.split("a")`},
	"substring": {"@.substring(0)", "@.substring(0,1)", "@.substring(@,#)"}, "trim": {"@.trim()"},
	"optional.of": {"optional.of(@)==optional.of(#)"}, "optional.none": {"optional.none()==@"}, "optional.ofNonZeroValue": {"optional.ofNonZeroValue(@)"},
	"hasValue": {"optional.of(@).hasValue()"}, "value": {"optional.of(@).value()==#"}, "or": {"optional.of(@).or(optional.of(#))"}, "orValue": {"optional.none().orValue(@)==#"},
	"getDate": {"event.occurred_at.getDate(@)", "@.getDate(#)"}, "getDayOfMonth": {"event.occurred_at.getDayOfMonth(@)"},
	"getDayOfWeek": {"event.occurred_at.getDayOfWeek(@)"}, "getDayOfYear": {"event.occurred_at.getDayOfYear(@)"},
	"getFullYear": {"event.occurred_at.getFullYear(@)"}, "getHours": {"event.occurred_at.getHours(@)", "@.getHours()"},
	"getMilliseconds": {"event.occurred_at.getMilliseconds(@)"}, "getMinutes": {"event.occurred_at.getMinutes(@)"},
	"getMonth": {"event.occurred_at.getMonth(@)"}, "getSeconds": {"event.occurred_at.getSeconds(@)"},
	"math.@max": {"math.greatest(@)", "math.greatest(@,#)", "math.greatest(@,#,@,#)"}, "math.@min": {"math.least(@)", "math.least(@,#)", "math.least(@,#,@,#)"},
	"math.abs": {"math.abs(@)"}, "math.ceil": {"math.ceil(@)"}, "math.floor": {"math.floor(@)"}, "math.round": {"math.round(@)"}, "math.trunc": {"math.trunc(@)"},
	"math.sign": {"math.sign(@)"}, "math.sqrt": {"math.sqrt(@)"}, "math.isFinite": {"math.isFinite(@)"}, "math.isInf": {"math.isInf(@)"}, "math.isNaN": {"math.isNaN(@)"},
	"math.bitAnd": {"math.bitAnd(@,#)"}, "math.bitOr": {"math.bitOr(@,#)"}, "math.bitXor": {"math.bitXor(@,#)"}, "math.bitNot": {"math.bitNot(@)"},
	"math.bitShiftLeft": {"math.bitShiftLeft(@,#)"}, "math.bitShiftRight": {"math.bitShiftRight(@,#)"},
	"@key":      {"@[#+#]", "data[@+#]", "[@][#]", "data.m.a[@]"},
	"@range":    {"@.all(a,a==#)", "@.map(a,#)", "@.filter(a,true)", "@.exists_one(a,a==#)"},
	"@optional": {"[?@]", `{"a":1,?"b":@}`, "[?optional.of(@)]==[#]"},
}

// No call of any function, with values of any size, takes long, however often it
// is made.
func TestNoFunctionIsWithoutPrice(t *testing.T) { //nolint:paralleltest // measures
	functions, err := expression.Functions()
	if err != nil {
		t.Fatal(err)
	}
	if extra := slices.DeleteFunc(slices.Collect(maps.Keys(calls)), func(f string) bool { return slices.Contains(functions, f) }); len(extra) > 0 {
		t.Errorf("there are no functions %v", extra)
	}
	const size = 1 << 20
	in := decoded(t, `{"s":"`+strings.Repeat("a", size)+`","t":"`+strings.Repeat("a", size-1)+`b","n":"`+strings.Repeat("1", size)+`",
		"l":[1`+strings.Repeat(",1", size/2)+`],"x":["`+strings.Repeat(`a","`, size/4)+`"],"m":`+object(size/11)+`,"d":`+strings.Repeat("[", 9000)+strings.Repeat("]", 9000)+`}`)
	values := []string{
		"data.s", "data.t", "data.n", "data.l", "data.m", "data.d", "data", "1",
		"[[1]]" + strings.Repeat(".map(a,[a,a,a,a,a,a,a,a])", 5) + "[0]", // 8^5 values in 40
	}
	for _, function := range functions {
		how, ok := calls[function]
		if !ok {
			t.Errorf("say how %s is called: it may be without a price", function)
		}
		worst, by := time.Duration(0), ""
		for _, call := range how {
			for i, v := range values {
				for _, j := range [...]int{i, (i + 1) % len(values), 3} {
					w := values[j]
					if !strings.Contains(call, "#") && j != i {
						break
					}
					once := strings.NewReplacer("@", "dyn("+v+")", "#", "dyn("+w+")").Replace(call)
					once = "(dyn(" + once + ")!=1&&false)"
					n := max(1, 100/len(once))
					if loops := strings.Count(once, "(a,"); loops > 0 {
						n = 10 / loops
					}
					if n == 0 {
						continue
					}
					p, err := expression.CompileFilter(times(once, "||", n))
					if err != nil {
						if !strings.Contains(err.Error(), "no such overload") && !strings.Contains(err.Error(), "within them") { // bool(1)
							t.Errorf("%s: %v", once, err)
						}
						continue
					}
					if took := ends(t, p, in, once); took > worst {
						worst, by = took, once
					}
				}
			}
		}
		t.Logf("%-24s at most %8v %.100s", function, worst.Round(time.Microsecond), by)
	}
}
