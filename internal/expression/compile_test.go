package expression_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/expression"
)

// fill repeats a piece as often as the longest source takes it.
func fill(before, piece, join, after string) string {
	n := (expression.MaxSource - len(before) - len(after) + len(join)) / (len(piece) + len(join))
	return before + times(piece, join, n) + after
}

// sources are what takes the parser, the type checker or the planner longest.
func sources() map[string]string {
	shapes := map[string]string{}
	for name, piece := range map[string]string{
		"keys": ".map(a,{a:a})", "values": ".map(a,{1:a,?2:optional.of(a)})", "lists": ".map(a,[a,a])", "deep": ".map(a,[[[[[[[[[[a]]]]]]]]]])",
		"maps": `.map(a,{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":a,"b":a}}}}}}}})`, "sums": ".map(a,a+a+a)", "either": ".map(a,true?[a]:[a])",
		"many optionals": ".map(a," + strings.Repeat("optional.of(", 10) + "a" + strings.Repeat(")", 11), "many types": ".map(a," + strings.Repeat("type(", 10) + "a" + strings.Repeat(")", 11),
		"found": ".map(a,[a][?0])", "firsts": ".map(a,{'a':a}.?a)", "three": ".map(a,[[a]])",
		"optionals": ".map(a,optional.of(optional.of(a)))", "types": ".map(a,type(a))", "wide": `.map(a,[a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a])`,
	} {
		for _, n := range []int{3, 5, 10, 60} {
			shapes[fmt.Sprint(name, " ", n)] = "[1]" + strings.Repeat(piece, n) + ".size()==1"
		}
	}
	for name, s := range map[string][4]string{
		"opt": {"data.?a", ".optMap(a,a)", "", "==1"}, "optFlat": {"data.?a", ".optFlatMap(a,a)", "", "==1"}, "ors": {"", "data.a", "||", ""},
		"comparisons": {"", "data.a==1", "||", ""}, "plus": {"", "data.a", "+", "==1"}, "ones": {"1==1", "+1", "", ""}, "minus": {"", "-", "", "1==1"}, "not": {"", "!", "", "true"},
		"members": {"data", ".a", "", "==1"}, "indexes": {"data", "[data.a]", "", "==1"}, "elements": {"[", "1", ",", "]==[]"}, "entries": {"{", "1:1", ",", "}=={}"},
		"parens": {"", "(", "", "true"}, "brackets": {"", "[", "", "]"}, "braces": {"", "{1:", "", "1}"}, "ternary": {"", "true?1:", "", "1"}, "ternaries": {"", "data.a?", "", "1"},
		"calls": {"", "size(", "", "1)"}, "in": {"", "data.a in ", "", "data.b"}, "regexps": {"", `"".matches("a{450}")`, "||", ""}, "letters": {"", `"".matches("(?i)\\pL")`, "||", ""},
		"folds": {`"".matches("(?i)`, `[A-\U0001E943]`, "", `")`}, "classes": {`"".matches("`, `\\pL`, "", `")`}, "repeats": {`"".matches("`, `(a{99}){9}`, "", `")`},
		"nested repeats": {`"".matches("`, "(", "", `a{9}")`}, "distinct": {`"".matches("^`, `\\pL\\pN|`, "", `")`}, "greatest": {"math.greatest(", "1", ",", ")==1"},
		"dyn": {"", "dyn(1)", "+", "==1"}, "bad": {"", "\x01", "", ""}, "quotes": {"", `"`, "", ""}, "comments": {"", "//", "\n", "\ntrue"}, "text": {`"`, `\u00e4`, "", `"==""`},
		"lists of lists": {"[", "[[[[[[1]]]]]]", ",", "]==[]"}, "objects": {"[", `{"a":{"a":{"a":1}}}`, ",", "]==[]"}, "mixed": {"[", `[{"a":[1]}],[{"a":["x"]}]`, ",", "]==[]"},
		"timestamps": {"", "timestamp(0)-timestamp(0)", "+", "==duration('1s')"}, "alls": {"", "[1].all(a,a==1)", "&&", ""}, "alls in alls": {"", "[1].all(a,", "", "true"},
		"struct": {"", "google.protobuf.Value{string_value:''}", "==", ""}, "conditional": {"", "(true?data.a:data.b)", "+", "==1"}, "strings": {"", `"a"`, "+", "==''"},
	} {
		shapes["long "+name] = fill(s[0], s[1], s[2], s[3])
		for _, n := range []int{80, 140} { // the largest of them that is taken
			shapes[fmt.Sprint(name, " ", n)] = s[0] + times(s[1], s[2], n) + s[3]
		}
	}
	// And pieces that a grammar puts together by chance.
	random := rand.New(rand.NewPCG(1, 2))
	var grow func(depth int) string
	grow = func(depth int) string {
		if depth == 0 {
			return []string{"data", "1", `"a"`, "data.a", "a", "null", "data.?a", "event", "1.5"}[random.IntN(9)]
		}
		piece := []string{
			"[X,X]", `{"a":X,"b":X}`, "X.map(a,X)", "X.filter(a,X)", "X.exists(a,X)", "(X+X)", "(X==X)", "(X?X:X)", "X[X]", "optional.of(X)", "dyn(X)", "[?X,X]", "{1:X,?2:X}",
			"X.all(a,X==X)", "math.greatest(X,X)", "size(X)", "X.orValue(X)", "[X].map(a,[a,X])",
		}[random.IntN(18)]
		for strings.Contains(piece, "X") {
			piece = strings.Replace(piece, "X", grow(random.IntN(depth)), 1)
		}
		return piece
	}
	for i := range 200 {
		if source := grow(3 + i%8); len(source) <= expression.MaxSource {
			shapes["random "+source[:min(len(source), 40)]] = source
		}
	}
	return shapes
}

// Compiling takes little time and memory whatever the source, what it leaves is
// small, and so is what it says if there is something wrong.
func TestNastySourcesCompileSoon(t *testing.T) { //nolint:paralleltest // measures
	if _, err := expression.Compile("true"); err != nil { // the environment is made once
		t.Fatal(err)
	}
	in := expression.Of(inbound())
	kept := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	compiled, most, longest, largest := 0, 0, time.Duration(0), 0.0
	for name, source := range sources() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		p, err := expression.Compile(source)
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		mb := float64(after.TotalAlloc-before.TotalAlloc) / (1 << 20)
		longest, largest = max(longest, took), max(largest, mb)
		if err != nil {
			if len(err.Error()) > 300 {
				t.Errorf("%s: an error of %d bytes: %.300s", name, len(err.Error()), err)
			}
		} else {
			compiled++
		}
		if took > time.Second || mb > 20 { // see ends
			t.Errorf("%s: %v, %.1f MB: %v", name, took, mb, err)
		}
		if p != nil {
			if _, err := p.Value(in); err != nil && strings.Contains(err.Error(), "internal error") {
				t.Errorf("%s: %v", source, err) // it panicked
			}
		}
		if p == nil || len(source) < 500 {
			continue
		}
		const copies = 4
		from := kept()
		var programs [copies]*expression.Program
		for i := range programs {
			programs[i], _ = expression.Compile(source)
		}
		size := int(kept()-from) / copies
		most = max(most, size)
		if p.Weight() > 270<<10 || size > p.Weight()+2000 {
			t.Errorf("%s: keeps %d bytes, says %d", name, size, p.Weight())
		}
		runtime.KeepAlive(&programs)
	}
	t.Logf("at most %v and %.1f MB, of which %d bytes are kept", longest, largest, most)
	if compiled < 50 {
		t.Errorf("only %d compile", compiled)
	}
}
