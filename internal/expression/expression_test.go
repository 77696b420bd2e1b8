package expression_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/expression"
)

// inbound is a call as it ends.
func inbound() *switchhook.Event {
	return &switchhook.Event{
		ID: "evt_1", Type: "call.hungup", AccountID: "acme", Key: "c1", Sequence: 42, Source: "pbx",
		OccurredAt: time.Date(2026, 1, 31, 15, 4, 5, 500000000, time.UTC),
		AcceptedAt: time.Date(2026, 1, 31, 15, 4, 6, 0, time.UTC),
		Data: json.RawMessage(`{"call":{"id":"c1","direction":"inbound","from":{"address":"+12025550143","name":"Ada \"Löw\""},"to":null,
			"duration_ms":61500,"rate":1.0,"q850":16,"big":12345678901234567890,"forwarded":false,
			"recording_ids":["a","b"],"created_at":"2026-01-31T15:03:04Z","vars":{"sip-x":"1"}}}`),
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	in := expression.Of(inbound())
	for _, c := range []struct {
		filter string
		want   bool
	}{
		{`data.call.direction == "inbound"`, true},
		{`event.data.call.direction != "inbound"`, false},
		{`event.type == "call.hungup" && event.account_id in ["acme", "root"]`, true},
		{`event.sequence == 42 && event.source == "pbx" && event.key == "c1" && event.id.startsWith("evt_")`, true},
		{`event.accepted_at - event.occurred_at < duration("1s")`, true},
		{`event.occurred_at.getHours("Europe/Berlin") == 16 && event.occurred_at.getDayOfWeek() == 6`, true},
		{`event.occurred_at.getHours("America/New_York") in [9, 10, 11]`, true},
		{`timestamp(data.call.created_at) < event.occurred_at`, true},
		{`data.call.duration_ms > 60000 && data.call.duration_ms > 60000.5`, true},
		{`data.call.rate == 1 && data.call.q850 == 16.0`, true},
		{`data.call.big > 1e19`, true},
		{`data.call.duration_ms / 1000 == 61`, true},
		{`math.round(double(data.call.duration_ms) / 1000.0) == 62.0`, true},
		{`data.call.forwarded`, false},
		{`has(data.call.from) && !has(data.call.callee)`, true},
		{`data.call.to == null`, true},
		{`data.?call.?callee.?address.orValue("") == ""`, true},
		{`data.call.from.address.matches("^\\+1(202|703)[0-9]{7}$")`, true},
		{`data.call.recording_ids.exists(r, r == "b") && data.call.recording_ids.all(r, r.size() == 1)`, true},
		{`data.call.recording_ids.map(r, r.upperAscii()) == ["A", "B"]`, true},
		{`data.call.recording_ids.filter(r, r > "a") == ["b"]`, true},
		{`data.call.vars["sip-x"] == "1" && "sip-x" in data.call.vars`, true},
		{`data.call.from.name.lowerAscii().contains("ada")`, true},
		{`data.call.from == {"address": "+12025550143", "name": "Ada \"Löw\""}`, true},
		{`data.call.missing.forever == 1 || true`, true}, // CEL's || absorbs an error
		{`data.call.recording_ids + ["c"] == ["a", "b", "c"]`, true},
		{`[?data.?call.?id, ?data.?nothing, "x"] == ["c1", "x"] && {?"a": data.?nothing, 1: 2} == {1: 2.0}`, true},
		{`data.call[data.call.id == "c1" ? "direction" : "id"] == "inbound" && data.call.recording_ids[data.call.q850 - 15] == "b"`, true},
		{`data.call.vars.exists(k, data.call.vars[k] == "1") && data.call[?data.call.id].hasValue() == false`, true},
		{`math.greatest(data.call.q850, 3) == 16 && math.least([3, 1, 2]) == 1 && math.greatest(1, 2.5, 2) == 2.5`, true},
		{`optional.of([1, {"a": 2}]) == optional.of([1.0, {"a": 2u}]) && optional.none() != optional.of(1) && [1] != [1, 1] && {"a": 1} != {"b": 1}`, true},
		{`"a" + "b" == "ab" && b"a" + b"b" == b"ab" && 1 + 2 == 3 && duration("1s") + duration("1s") == duration("2s") && [1] + [] == [1]`, true},
		{`"" in {"": 1} && !("b" in {"a": 1}) && dyn(1.0) in {1: 2} && dyn(1.0) in [1] && !(dyn("1") in [1]) && !(data.call.from in data.call) && !(data.call.to in data.call)`, true},
		{`"c" in (data.call.recording_ids + ["c"]) && !(["a"] in [["b"]])`, true},
	} {
		p, err := expression.CompileFilter(c.filter)
		if err != nil {
			t.Errorf("%s: %v", c.filter, err)
			continue
		}
		if got, err := p.Match(in); err != nil || got != c.want {
			t.Errorf("%s: %t, %v", c.filter, got, err)
		}
	}
}

func TestValue(t *testing.T) {
	t.Parallel()
	in := expression.Of(inbound())
	for _, c := range []struct {
		source string
		want   any
	}{
		{`data.call.from.name`, `Ada "Löw"`},
		{`data.call.duration_ms`, int64(61500)},
		{`data.call.rate`, 1.0},
		{`uint(7)`, uint64(7)},
		{`null`, nil},
		{`data.?call.?callee`, nil},
		{`data.?call.?id`, "c1"},
		{`event.occurred_at`, "2026-01-31T15:04:05.5Z"},
		{`duration("1m30s")`, "90s"},
		{`b"ab"`, "YWI="},
		{`[1, "a", true]`, []any{int64(1), "a", true}},
		{`{"n": data.call.recording_ids, 1: {}}`, map[string]any{"n": []any{"a", "b"}, "1": map[string]any{}}},
		{`event.data.call.vars`, map[string]any{"sip-x": "1"}},
		{`data.call.from.address.replace("+", "00").substring(2)`, "12025550143"},
		{`"Löwe".substring(1, 3) + "|" + string("Löwe".indexOf("w")) + "|" + string("x".indexOf("y"))`, "öw|2|-1"},
		{`"a,b,,c".split(",").join("-") + ["", "x"].join(";") + ["p", "q"].join()`, "a-b--c;xpq"},
		{`" x ".trim() + "AbÄ".lowerAscii() + "abä".upperAscii()`, "xabÄABä"},
		{`"a".replace("", "-")`, "-a-"},
		{`data.call.direction == "inbound" ? "in" : "out"`, "in"},
	} {
		p, err := expression.Compile(c.source)
		if err != nil {
			t.Errorf("%s: %v", c.source, err)
			continue
		}
		got, err := p.Value(in)
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", c.source, err, diff)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ filter, want string }{
		{`call.from == "x"`, `line 1, column 1: there is no call; did you mean data.call?`},
		{`true && type == "call.hungup"`, "line 1, column 14: == does not take (type(type), string); type is a function, did you mean event.type?"},
		{`sequence > 1`, `line 1, column 1: there is no sequence; did you mean event.sequence?`},
		{`direction == inbound`, "line 1, column 1: there is no variable or function direction; the variables are event and data, and text stands in quotes"},
		{`event.call.id == "x"`, `line 1, column 6: event has no member call; did you mean data.call?`},
		{`event.typ == "x"`, "line 1, column 6: event has no member typ; it has id, type, account_id, key, sequence, source, occurred_at, accepted_at, data"},
		{`data.call.direction = "inbound"`, "line 1, column 21: = is no operator; == compares"},
		{`data.call.direction == 'inbound`, "line 1, column 24: the text that begins here has no end: a quote is missing"},
		{"data.call.direction ==\n  ", "line 2, column 3: mismatched input the end: the expression is not complete or has something too much here"},
		{`(data.call.direction == "a"`, "line 1, column 28: missing ')' at the end"},
		{`data.call.direction == "a" and true`, "line 1, column 28: and is written &&"},
		{`"a" + "b"`, "is a string: expected a condition, which is true or false"},
		{`1`, "is an int: expected a condition, which is true or false"},
		{`"a" == 1`, "line 1, column 5: == does not take (string, int)"},
		{`"a".matches("(")`, "line 1, column 13: error parsing regexp: missing closing ): `(`"},
		{`"a".matches(data.pattern)`, "line 1, column 17: the regular expression of matches must be written out"},
		{`"a".matches("((((x?){10}){10}){9})+")`, "line 1, column 13: the regular expressions are too large: together 3901 instructions, may have 500"},
		{`"%s".format(["x"]) == ""`, "line 1, column 12: there is no variable or function format; the variables are event and data, and text stands in quotes"},
		{strings.Repeat(`"a".matches("a{200}") || "b".matches("b{200}") || `, 20) + `"c".matches("c{200}")`, "line 1, column 1013: the regular expressions are too large: together 603 instructions, may have 500"},
		{`[1]` + strings.Repeat(`.map(a,{a:a})`, 15) + `.size()==1`, "line 1, column 60: an expression may have 10 of all, exists, map and filter"},
		{`[1].map(a,{a:a}).map(a,{a:a}).size()==1`, "line 1, column 12: the name of a member must be written out, in quotes"},
		{`[1]` + strings.Repeat(`.map(a,{1:a,?2:optional.of(a)})`, 58) + `.size()==1`, "line 1, column 1465: an expression may have 10 of all, exists, map and filter"},
		{`[[1]]` + strings.Repeat(`.map(a,a+a)`, 60) + `.exists(a, math.greatest(a) == 2)`, "line 1, column 560: an expression may have 10 of all, exists, map and filter"},
		{`{b"a": 1} == {}`, "line 1, column 2: the name of a member must be written out, in quotes"},
		{`[1].all(a, [1].all(b, [1].all(c, [1].all(d, [1].all(e, true)))))`, "line 1, column 52: all, exists, map and filter may stand within each other 4 deep"},
		{strings.Repeat("[", 13) + strings.Repeat("]", 13) + " == []", "line 1, column 13: lists and objects may stand within each other 12 deep"},
		{`[1].map(a, [` + times("[]", ",", 30) + `]) == []`, "line 1, column 94: all, exists, map and filter may have about 10 lists and objects within them"},
		{`[1]` + strings.Repeat(`.map(a, [[[[a]]]])`, 8) + ` == []`, "line 1, column 98: all, exists, map and filter may have about 10 lists and objects within them"},
		{times("data.a", " || ", 400), "line 1, column 2338: is too long: an expression may have about 140 comparisons"},
		{`google.protobuf.Value{string_value: "a"} == "a"`, "line 1, column 22: there is no type google.protobuf.Value; an object is written {\"name\": value}"},
		{`data.?a.optMap(x, x) == optional.none()`, "line 1, column 16: there is no variable or function x; the variables are event and data, and text stands in quotes"},
		{`[optional.of(1)].unwrapOpt() == [1]`, "line 1, column 27: there is no variable or function unwrapOpt; the variables are event and data, and text stands in quotes"},
		{`[1]` + strings.Repeat(`.map(a, [[a]])`, 7) + ` < 3`, "line 1, column 103: < does not take (" + strings.Repeat("list(", 15) + "int" + strings.Repeat(")", 15) + ", int)"},
		{``, `is empty: expected an expression such as data.call.direction == "inbound"`},
		{`"` + strings.Repeat("a", 4<<10) + `" == ""`, "is 4104 bytes long; an expression may have 4096"},
		{strings.Repeat("(", 200) + "true" + strings.Repeat(")", 200), "expression recursion limit exceeded: 64"},
	} {
		_, err := expression.CompileFilter(c.filter)
		if err == nil {
			t.Errorf("%s: taken", c.filter)
			continue
		}
		if _, ok := errors.AsType[*expression.Error](err); !ok || err.Error() != c.want {
			t.Errorf("%.80s: %T\n got %s\nwant %s", c.filter, err, err, c.want)
		}
	}
}

func TestRunErrors(t *testing.T) {
	t.Parallel()
	in := expression.Of(inbound())
	for _, c := range []struct{ filter, want string }{
		{`data.cal.direction == "x"`, "no such key: cal"},
		{`data.call.to.address == "x"`, "no such key: address"},
		{`data.call.direction`, "the filter's value is a string, expected true or false"},
		{`data.call.direction > 3`, "a value has another type than the expression expects (no such overload)"},
		{`data.call.recording_ids[7] == "x"`, "index out of bounds: 7"},
		{`data.?call.?callee.value() == "x"`, "optional.none() dereference"},
		{`int(data.call.direction) == 3`, "type conversion error from 'string' to 'int'"},
		{`data.call[data.call.recording_ids] == 1`, "no key of an object or a list is a list"},
		{`data.call.id.exists(c, c == "c")`, "all, exists, map and filter are of lists and objects, not of a string"},
		{`[?data.call.id] == []`, "after ? stands a string, expected what can be missing, such as data.?call"},
		{`data.call.q850 / 0 == 3`, "division by zero"},
		{`event.occurred_at.getHours("Mars/Olympus") == 3`, "unknown time zone Mars/Olympus"},
	} {
		p, err := expression.CompileFilter(c.filter)
		if err != nil {
			t.Errorf("%s: %v", c.filter, err)
			continue
		}
		if _, err := p.Match(in); err == nil || err.Error() != c.want {
			t.Errorf("%s:\n got %v\nwant %s", c.filter, err, c.want)
		}
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	in := expression.Of(inbound())
	for source, missing := range map[string]bool{
		`data.cal.direction`: true, `data.call.to.address`: true, `data.call.recording_ids[7]`: true,
		`data.?call.?callee.value()`: true, `data.call.vars["x"]`: true, `{"a": data.nothing}`: true,
		`data.call.q850 / 0`: false, `data.call.id + 1`: false, `0.0 / 0.0`: false, `type(1)`: false,
		`[data.call]` + strings.Repeat(".map(a, [a, a, a, a])", 9): false,
	} {
		p, err := expression.Compile(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if v, err := p.Value(in); err == nil || errors.Is(err, expression.ErrMissing) != missing {
			t.Errorf("%s: %v, %v", source, v, err)
		}
	}
}

// A slip of the pen fails on every sample; what only some types have does not.
func TestTry(t *testing.T) {
	t.Parallel()
	var types []*catalogue.Type
	for _, name := range []string{"call.created", "call.hungup", "message.received"} {
		typ, _ := catalogue.Lookup(name)
		types = append(types, typ)
	}
	custom, _ := catalogue.Lookup("custom.x")
	for _, c := range []struct {
		filter string
		types  []*catalogue.Type
		want   string
	}{
		{`data.call.direction == "x"`, types, ""},
		{`data.message.direction == "x"`, types, ""},
		{`data.message.direction == "x"`, types[:2], "no such key: message, as with the sample of call.created: it fails for every type that is selected"},
		{`data.cal.direction == "x"`, types[:1], "no such key: cal, as with the sample of call.created"},
		{`data.cal.direction == "x"`, append(types[:1:1], custom), ""},
	} {
		p, err := expression.CompileFilter(c.filter)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := p.Try(c.types...); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %s\nwant %s", c.filter, got, c.want)
		}
	}
}

// An expression runs on every type's sample and on an event without data.
func TestEveryEventCanBeAsked(t *testing.T) {
	t.Parallel()
	p, err := expression.Compile(`event`)
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range catalogue.All() {
		v, err := p.Value(expression.Sample(typ))
		var want any
		if json.Unmarshal(typ.Sample(), &want) != nil || err != nil {
			t.Fatalf("%s: %v", typ.Name, err)
		}
		o, _ := v.(map[string]any)
		got, _ := json.Marshal(o["data"])
		again, _ := json.Marshal(want)
		if o["type"] != typ.Name || string(got) != string(again) {
			t.Errorf("%s:\n got %s\nwant %s", typ.Name, got, again)
		}
	}
	if v, err := p.Value(expression.Of(&switchhook.Event{})); err != nil {
		t.Error(v, err)
	}
	if _, err := p.Value(expression.Of(&switchhook.Event{Data: json.RawMessage(`[1]`)})); err == nil {
		t.Error("a list is no data")
	}
}

// What another system's webhook said, which an event carries for that system's
// dialect, is not there for expressions.
func TestOriginal(t *testing.T) {
	t.Parallel()
	p, err := expression.Compile(`event`)
	if err != nil {
		t.Fatal(err)
	}
	ev := inbound()
	ev.Original = &switchhook.Original{System: "kazoo", Body: "secret"}
	v, err := p.Value(expression.Of(ev))
	text, _ := json.Marshal(v)
	if err != nil || strings.Contains(string(text), "secret") || !strings.Contains(string(text), "inbound") {
		t.Errorf("%s, %v", text, err)
	}
	if _, err := expression.Compile(`event.original`); err == nil {
		t.Error("event.original is taken")
	}
}

// The examples of the guide are filters, and none fails on every event.
func TestGuide(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/guides/filter.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(guide), "|---|---|\n")
	n := 0
	for line := range strings.Lines(table) {
		filter, found := strings.CutPrefix(line, "| `")
		if !found {
			break
		}
		filter, _, _ = strings.Cut(filter, "` | ")
		filter = strings.ReplaceAll(filter, `\|`, "|") // as a table has it
		p, err := expression.CompileFilter(filter)
		if err == nil {
			err = p.Try(catalogue.All()...)
		}
		if err != nil {
			t.Errorf("%s: %v", filter, err)
		}
		n++
	}
	if n < 10 {
		t.Errorf("the guide has %d filters", n)
	}
}

func TestPrograms(t *testing.T) {
	t.Parallel()
	p, err := expression.CompileFilter(`data.call.recording_ids.exists(r, r == "b") && event.type.matches("^call")`)
	if err != nil {
		t.Fatal(err)
	}
	in := expression.Of(inbound())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if ok, err := p.Match(in); !ok || err != nil {
					t.Error(ok, err)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkDecode(b *testing.B) {
	typ, _ := catalogue.Lookup("call.hungup")
	ev := &switchhook.Event{Type: typ.Name, Data: typ.Sample()}
	p, _ := expression.CompileFilter(`size(data) > 0`)
	b.SetBytes(int64(len(ev.Data)))
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := p.Match(expression.Of(ev)); !ok || err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	in := expression.Of(inbound())
	for _, source := range []string{
		`data.call.direction == "inbound"`,
		`event.type == "call.hungup" && data.call.duration_ms > 60000`,
		`data.?call.?from.?address.orValue("").startsWith("+1202")`,
		`data.call.from.address.matches("^\\+1(202|703)")`,
		`data.call.recording_ids.exists(r, r == "b")`,
	} {
		p, err := expression.CompileFilter(source)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(source, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Match(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		if _, err := expression.CompileFilter(`event.type == "call.hungup" && data.call.duration_ms > 60000`); err != nil {
			b.Fatal(err)
		}
	}
}
