package kazoo

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/dialect"
)

func read(t *testing.T, text string) value {
	t.Helper()
	v, err := parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The first six are Kazoo's own (kz_json_test.erl, to_querystring_test_).
func TestForm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{`{}`, ``},
		{`{"foo":"bar"}`, `foo=bar`},
		{`{"foo":"bar","fizz":"buzz","arr":[1,3,5]}`, `foo=bar&fizz=buzz&arr[]=1&arr[]=3&arr[]=5`},
		{`{"Msg-ID":"123-abc"}`, `Msg-ID=123-abc`},
		{`{"url":"http://user:pass@host:port/"}`, `url=http%3A%2F%2Fuser%3Apass%40host%3Aport%2F`},
		{`{"topkey":{"subkey1":"v1","subkey2":"v2","subkey3":["v31","v32"]}}`, `topkey[subkey1]=v1&topkey[subkey2]=v2&topkey[subkey3][]=v31&topkey[subkey3][]=v32`},
		{`{"a":{"b":{"c":"d"}}}`, `a[b][c]=d`},
		{`{"yes":true,"no":false,"n":-1.50}`, `yes=true&no=false&n=-1.50`},
		{`{"a":"-_.~ !*'()/é"}`, `a=-_.~+%21%2A%27%28%29%2F%C3%A9`},
		{`{"a":[{"k":"v w"},{}]}`, `a[]=%7B%22k%22%3A%22v+w%22%7D&a[]=%7B%7D`},
		{`{"a":1,"o":{},"l":[],"b":2}`, `a=1&&&b=2`},
		{`{"o":{}}`, ``},
		{`{"a":1,"none":null,"b":{"none":null,"c":""}}`, `a=1&b[c]=`},
		{`{"a":[null,[1]]}`, `a[]=null&a[]=%5B1%5D`},
		{`{"an odd&name":"x"}`, `an odd&name=x`},
	} {
		if got := string(appendForm(nil, read(t, c.in).members)); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.in, got, c.want)
		}
	}
}

func TestQueryCannotEndTheAddress(t *testing.T) {
	t.Parallel()
	form := appendForm(nil, members{{"x y#\r\né[]", textOf("a b")}})
	if got, want := query(form), "x%20y%23%0D%0A%C3%A9[]=a+b"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	text := `{"b":"\"\\/\b\f\n\r\t\u0001\u001f\u007fé` + "\u2028" + `<>&","a":[],"o":{"z":{},"a":1},"l":[1,true,null,"x"]}`
	pretty := "{\n  \"b\" : \"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001F\x7fé\u2028<>&\",\n  \"a\" : [\n    \n  ],\n" +
		"  \"o\" : {\n    \"z\" : {\n      \n    },\n    \"a\" : 1\n  },\n  \"l\" : [\n    1,\n    true,\n    null,\n    \"x\"\n  ]\n}"
	want := `{"a":[],"b":"\"\\/\b\f\n\r\t\u0001\u001F` + "\x7fé\u2028" + `<>&","l":[1,true,null,"x"],"o":{"a":1,"z":{}}}`
	if got := string(jiffy{pretty: true}.object(nil, read(t, text).members, 0)); got != pretty {
		t.Errorf("pretty\n got %q\nwant %q", got, pretty)
	}
	if got := string(canonical(read(t, text))); got != want {
		t.Errorf("canonical\n got %q\nwant %q", got, want)
	}
	if got := string(canonical(textOf("a\xffb"))); got != "\"a\uFFFDb\"" {
		t.Errorf("no UTF-8: %q", got)
	}
}

// The table of the bus names and webhook names (kz_json:normalize_key/1).
func TestNormalize(t *testing.T) {
	t.Parallel()
	bus := `{"Account-ID":1,"RPid":2,"Fax-JobId":3,"DataBag":{"A-B":[{"FreeSWITCH-Hostname":null,"HTML":4}]},"x":null}`
	got := string(jiffy{}.object(nil, normalize(read(t, bus)).members, 0))
	if want := `{"account_id":1,"rpid":2,"fax_jobid":3,"databag":{"a_b":[{"html":4}]}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What is many is found as what is few is.
func TestMany(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 200} {
		var m members
		for i := range n {
			m.add("A-"+strconv.Itoa(i), textOf("first"))
		}
		for i := range n {
			m.add("a_"+strconv.Itoa(i), value{kind: integer, n: int64(i)})
		}
		got := normalize(value{kind: object, members: m}).members
		if len(got) != n || got[1].name != "a_1" || got[1].n != 1 || got[1].kind != integer {
			t.Errorf("%d members became %d: %+v", n, len(got), got[1])
		}
		find := got.finder()
		if v := find("a_1"); v == nil || v.n != 1 || find("b") != nil {
			t.Errorf("of %d, a_1 is %+v", n, v)
		}
		sorted := byName(nil, got)
		for i := range sorted[1:] {
			if got[sorted[i]].name > got[sorted[i+1]].name {
				t.Fatalf("%s stands before %s", got[sorted[i]].name, got[sorted[i+1]].name)
			}
		}
	}
}

func TestGaps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		form string
		gaps []int
		want string
	}{
		{"a=1&b=2", nil, "a=1&b=2"},
		{"a=1&b=2", []int{0, 2, 4}, "&a=1&&b=2&"},
		{"a=1", []int{1, 2}, "a=1&&"},
		{"a=1", []int{5, -1}, "a=1"}, // an event can say anything
	} {
		if got := string(withGaps([]byte(c.form), c.gaps)); got != c.want {
			t.Errorf("%s with %v: got %s, want %s", c.form, c.gaps, got, c.want)
		}
	}
}

func TestGregorian(t *testing.T) {
	t.Parallel()
	for at, want := range map[string]int64{
		"1970-01-01T00:00:00Z":      62167219200, // calendar:datetime_to_gregorian_seconds/1
		"2018-01-15T21:15:12Z":      63683270112,
		"2026-01-31T15:04:05.999Z":  63937091045,
		"2026-01-31T16:04:05+01:00": 63937091045,
		"0001-01-01T00:00:00Z":      31622400, // year 0 is a leap year
	} {
		moment, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := gregorian(moment); got != want {
			t.Errorf("%s: got %d, want %d", at, got, want)
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	if want := dialect.Hex32("", "switchhook"); defaultCluster != want {
		t.Errorf("defaultCluster is %s, want %s", defaultCluster, want)
	}
	p := payload{d: New(dialect.Env{}), ev: event("call.created", nil)}
	for in, same := range map[string]bool{
		"":                                 true,
		"d860229e722bf8f738737365b0b1e333": true,
		"202601-d860229e722bf8f738737365b0b1e333": true,
		"20260x-d860229e722bf8f738737365b0b1e333": false,
		"202601-short": false,
		"carrier-1":    false,
	} {
		got := p.id(aDevice, in)
		if (got == in) != same || got != "" && len(strings.TrimPrefix(got, "202601-")) != 32 {
			t.Errorf("%q became %q", in, got)
		}
	}
	for in, want := range map[string]bool{"0.0075": true, "-1": true, "1e3": true, "": false, ".5": false, "1 ": false, "null": false, `"1"`: false, "NaN": false} {
		if isNumber(in) != want {
			t.Errorf("isNumber(%q) is %t", in, !want)
		}
	}
}
