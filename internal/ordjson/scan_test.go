package ordjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// What the Scanner gives up on though it is right: see its comment.
func rare(text []byte) bool {
	return bytes.Contains(text, []byte(`\`)) || bytes.Count(text, []byte(`:`)) > mostNames || bytes.Count(text, []byte(`{`))+bytes.Count(text, []byte(`[`)) > mostDepth
}

// seeds are texts that are right and wrong in every way that RFC 8259 and RFC 7493
// tell of.
func seeds() []string {
	list := []string{
		``, ` `, `null`, `true`, `false`, `nul`, `truE`, `"`, `""`, `"a`, `{`, `[`, `}`, `{}`, `[]`, `[1,]`, `[,1]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a" 1}`, `{a:1}`,
		`{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"a":{"b":1,"b":2}}`, `[{"a":1},{"a":1}]`, `{"a":[1,{"b":"\n"}],"c":null}`, " \t\r\n{ \"a\" : [ 1 , 2 ] } \n", "\v{}", "{}\x00",
		`{"":0,"é":"ü","\u00e9":1}`, `{"call":{"id":"7f3c9a52","from":{"address":"+12025550143"},"q850":16,"held":true,"vars":{"a b":1.50e-3}}}`, "\ufeff{}", `1 2`, `{}{}`,
	}
	for _, n := range []string{"0", "-0", "00", "01", "-", "+1", "1.", ".1", "1.0", "1e", "1e+", "1E-07", "-1.5e5", "0x1", "1e5.", "9223372036854775808", "NaN"} {
		list = append(list, n, `{"n":`+n+`}`)
	}
	for _, text := range []string{`\"\\\/\b\f\n\r\t`, `\u00e9`, `\u00E9`, `\uD83D\ude00`, `\ud83d`, `\ude00`, `\ud83d\u0041`, `\ud83d\ud83d`, `\u12g4`, `\u12`, `\x`, `\`, "\n", "\x7f", "\x00", "\xff", "é", "\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf0\x9f\x98\x80", "\xc0\x80"} {
		list = append(list, `"`+text+`"`, `{"t":"`+text+`"}`, `{"`+text+`":1}`)
	}
	for _, depth := range []int{mostDepth, mostDepth + 1} {
		list = append(list, strings.Repeat("[", depth)+strings.Repeat("]", depth), strings.Repeat(`{"a":`, depth)+"1"+strings.Repeat("}", depth))
	}
	list = append(list, "["+strings.Repeat("[],{},", mostDepth)+"1]")
	for _, count := range []int{31, 32, 33, mostNames, mostNames + 1} {
		var b strings.Builder
		for i := range count {
			fmt.Fprintf(&b, `,"n%d":%d`, i, i)
		}
		list = append(list, "{"+b.String()[1:]+"}", "{"+b.String()[1:]+`,"n0":1}`)
	}
	return list
}

// FuzzScan holds the Scanner to jsontext, which says what JSON is, and to
// encoding/json, which says what the values are.
func FuzzScan(f *testing.F) {
	for _, seed := range seeds() {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := Scan(text)
		value, ok := s.Value()
		ok = ok && s.End()
		right := jsontext.Value(text).IsValid()
		if ok && !right {
			t.Fatalf("the scanner takes %q", text)
		}
		if !ok && right && !rare(text) {
			t.Fatalf("the scanner does not take %q", text)
		}
		if ok && !bytes.Equal(value, bytes.Trim(text, " \t\r\n")) {
			t.Fatalf("%q became %q", text, value)
		}
		fast, took := split(nil, text)
		slow, err := parse(text)
		if took && (err != nil || fmt.Sprintf("%q", fast) != fmt.Sprintf("%q", slow)) {
			t.Fatalf("%q is %q or %q (%v)", text, fast, slow, err)
		}
		if !took && err == nil && !rare(text) {
			t.Fatalf("%q was not taken apart", text)
		}
		if took {
			var std map[string]json.RawMessage
			if err := json.Unmarshal(text, &std); err != nil || len(std) != len(fast) {
				t.Fatalf("encoding/json reads %q as %q: %v", text, std, err)
			}
			for _, m := range fast {
				if found := Find(text, m.Name); !bytes.Equal(found, m.Value) {
					t.Fatalf("%q of %q is %q, Find says %q", m.Name, text, m.Value, found)
				}
				if word, isText := Unquote(m.Value); fast.Is(m.Name, word) != isText {
					t.Fatalf("%q of %q is %q: %v", m.Name, text, word, isText)
				}
				if string(std[m.Name]) != string(m.Value) {
					t.Fatalf("%q of %q is %q, encoding/json says %q", m.Name, text, m.Value, std[m.Name])
				}
			}
		}
		packed := slices.Clone(slow)
		if got := packed.Pack(); !bytes.Equal(got, slow.Append(nil)) || fmt.Sprintf("%q", packed) != fmt.Sprintf("%q", slow) {
			t.Fatalf("%q is packed as %q, with %q", text, got, packed)
		}
		if ok {
			compact := jsontext.Value(bytes.Clone(value))
			if err := compact.Compact(jsontext.PreserveRawStrings(true), jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)); err != nil {
				t.Fatal(err)
			}
			if got, err := Compact(value); err != nil || !bytes.Equal(got, compact) {
				t.Fatalf("compact, %q is %q, not %q (%v)", value, got, compact, err)
			}
		}
	})
}

// FuzzStrings holds what reads and writes strings to jsontext.
func FuzzStrings(f *testing.F) {
	for _, seed := range seeds() {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		want, _ := jsontext.AppendQuote(nil, text)
		if got := String(string(text)); !bytes.Equal(got, want) {
			t.Errorf("%q is written %s, not %s", text, got, want)
		}
		if len(text) == 0 || text[0] != '"' {
			return
		}
		plain, err := jsontext.AppendUnquote(nil, text)
		if got, ok := Unquote(text); ok != (err == nil) || got != string(plain) {
			t.Errorf("%q is %q (%v), not %q (%v)", text, got, ok, plain, err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	text := []byte(`{"id":"7f3c9a52-6c1e-4f0b-9d37-000000000000","root_id":"7f3c9a52-6c1e-4f0b-9d37-000000000000","direction":"inbound","leg_direction":"inbound",` +
		`"from":{"type":"tel","address":"+12025550143","name":"Ada Lovelace"},"to":{"type":"tel","address":"+12025550100"},"callee":{"type":"extension","address":"101"},` +
		`"dialed":"+12025550100","status":"ringing","created_at":"2026-01-31T15:04:05.123456Z","owner_id":"grace","authorizing_id":"carrier-1","local_resource":false}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
