package expression_test

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/expression"
)

// huge are events of a megabyte: one long text, a long list of numbers, a long
// list of objects, and one nested deeply.
func huge() map[string]*expression.Input {
	const size = 1 << 20
	inputs := map[string]*expression.Input{}
	for name, data := range map[string]string{
		"text":    `{"s":"` + strings.Repeat("a", size/2) + `","t":"` + strings.Repeat("a", size/2-100) + `b","l":[1,2,3]}`,
		"numbers": `{"s":"a","t":"b","l":[1` + strings.Repeat(",1", size/2-100) + `]}`,
		"objects": `{"s":"a","t":"b","l":[{"a":"b"}` + strings.Repeat(`,{"a":"b"}`, size/10-100) + `]}`,
		"texts":   `{"s":"a","t":"b","l":["` + strings.Repeat("a", 1000) + `"` + strings.Repeat(`,"`+strings.Repeat("a", 1000)+`"`, size/1003-10) + `]}`,
		"middle":  `{"s":"` + strings.Repeat("a", 20000) + `","t":"` + strings.Repeat("a", 10000) + `b","l":[1` + strings.Repeat(",1", 2000) + `]}`,
		"deep":    `{"s":"a","t":"b","l":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`,
	} {
		inputs[name] = expression.Of(&switchhook.Event{Type: "custom.x", Data: json.RawMessage(data)})
	}
	return inputs
}

// nasty are expressions that a bad customer would write.
func nasty() []string {
	chain := func(step, rest string) string {
		return "[data.l]" + strings.Repeat(step, 60) + rest
	}
	times := func(term, join string, n int) string { return strings.TrimSuffix(strings.Repeat(term+join, n), join) }
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
		`data.l.exists(x, data.s == data.t)`,
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
		chain(".map(a,a+a)", ".exists(a, a.exists(b, b == 2))"),
		chain(".map(a,[a,a])", ".exists(a, a == [a, 1])"),
		chain(".map(a,[a,a])", ".exists(a, [a] == [[a, a]])"),
		chain(".map(a,[a,a])", ".exists(a, a in [[a, a], [a]])"),
		chain(".map(a,{1:a,2:a})", ".exists(a, a == {1:a,2:a})"),
		chain(".map(a,[?optional.of(a),a])", ".exists(a, optional.of(a) == optional.of([a, a]))"),
		`[data.s]` + strings.Repeat(".map(a,a+a)", 60) + `.exists(a, a == "x")`,
		`[b"aaaaaaaaaaaaaaaaaa"]` + strings.Repeat(".map(a,a+a)", 60) + `.exists(a, a == b"x")`,
		times("data==event.data", "&&", 220),
		times("data.s+data.t!=''", "&&", 200),
		times("size(data.s)>0", "&&", 250),
		times("data.s.contains('b')", "||", 170),
		times("!(1 in data.l)", "||", 220),
		times("data.s.matches('(a*)*b')", "||", 130),
		times("data.l.all(a,a!=3)", "&&", 200),
		times("double(data.s)>0.0", "||", 180),
		times("data.s.trim()==''", "||", 180),
		times("event.occurred_at.getHours('Europe/Berlin')==25", "||", 80),
		`[1].exists(a, ` + strings.Repeat(`[1,2,3,4,5,6,7,8].all(b, `, 60) + "true" + strings.Repeat(")", 61),
		`[` + times("data", ",", 700) + `] == [` + times("data", ",", 100) + `]`,
	}
}

// Whatever an expression does, and with whatever event, it ends soon and leaves
// the memory to others. The race detector makes everything ten times slower.
func TestNastyExpressionsEndSoon(t *testing.T) { //nolint:paralleltest // measures
	inputs := huge()
	decoded, err := expression.CompileFilter(`size(data) > 0`)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range inputs {
		if _, err := decoded.Match(in); err != nil {
			t.Fatal(err)
		}
	}
	for _, source := range nasty() {
		p, err := expression.CompileFilter(source)
		if err != nil {
			t.Errorf("%.80s: %v", source, err)
			continue
		}
		for name, in := range inputs {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			_, err := p.Match(in)
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			// Some ten milliseconds and ten megabytes, and much more on a busy
			// machine with the race detector; without the bounds, hours.
			if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; took > time.Second || mb > 40 {
				t.Errorf("%s: %v, %d MB, %.70s: %v", name, took, mb, source, err)
			}
		}
	}
}
