package ordjson_test

import (
	"errors"
	"testing"

	"github.com/switchhook/switchhook/internal/ordjson"
)

func TestParseKeepsOrderAndBytes(t *testing.T) {
	t.Parallel()
	const in = ` { "b" : 1.50 , "a":[ 1, 2 ] , "\u0063" : "\u00e9" , "d":{"y":1,"x":2}, "n":null } `
	o, err := ordjson.Parse([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"b":1.50,"a":[ 1, 2 ],"c":"\u00e9","d":{"y":1,"x":2},"n":null}`
	if got := string(o.Append(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := o.Text("c"); got != "é" {
		t.Errorf("Text(c) = %q", got)
	}
	o.Set("a", []byte("2"))
	o.Delete("d")
	o.Set("e", ordjson.String(`"<`))
	if got, want := string(o.Append(nil)), `{"b":1.50,"a":2,"c":"\u00e9","n":null,"e":"\"<"}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"empty":            ``,
		"not an object":    `[1]`,
		"twice":            `{"a":1,"a":2}`,
		"twice by escape":  `{"a":1,"\u0061":2}`,
		"twice, deep":      `{"a":{"b":1,"b":2}}`,
		"cut":              `{"a":1`,
		"more after it":    `{"a":1} {}`,
		"no valid utf-8":   "{\"a\":\"\xff\"}",
		"trailing comma":   `{"a":1,}`,
		"unquoted":         `{a:1}`,
		"single surrogate": `{"a":"\ud800"}`,
	} {
		if _, err := ordjson.Parse([]byte(in)); err == nil {
			t.Errorf("%s: %s was taken", name, in)
		}
	}
	_, err := ordjson.Parse([]byte(`{"a":{"b":1,"b":2}}`))
	if dup, ok := errors.AsType[*ordjson.DuplicateError](err); !ok || dup.Pointer != "/a/b" {
		t.Errorf("the error %v does not name /a/b", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":"\n"}],"c":null}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		o, err := ordjson.Parse(in)
		if err != nil {
			return
		}
		again, err := ordjson.Parse(o.Append(nil))
		if err != nil {
			t.Fatalf("%q was read, but what it wrote is not: %v", in, err)
		}
		if string(again.Append(nil)) != string(o.Append(nil)) {
			t.Fatalf("%q does not come back the same", in)
		}
	})
}
