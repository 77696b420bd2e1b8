package catalogue

import (
	"bytes"
	"slices"
	"testing"

	"github.com/switchhook/switchhook/internal/ordjson"
)

// FuzzFit holds the one pass that takes data to the reader that says what is
// wrong with it: what the one takes, the other finds nothing in, and the other way
// round but for what is rare.
func FuzzFit(f *testing.F) {
	for _, typ := range All() {
		sample := typ.Sample()
		f.Add(typ.Name, []byte(sample))
		f.Add(typ.Name, bytes.ReplaceAll(sample, []byte(`:"`), []byte(`:null,"x":"`)))
		f.Add(typ.Name, bytes.ReplaceAll(sample, []byte(`"`), []byte(` " `)))
		f.Add(typ.Name, bytes.ReplaceAll(sample, []byte(`{`), []byte(`[{`)))
		f.Add(typ.Name, bytes.ReplaceAll(sample, []byte(`1`), []byte(`-1e9`)))
		f.Add(typ.Name, bytes.ReplaceAll(sample, []byte(`Z"`), []byte(`+25:00"`)))
	}
	for _, data := range []string{
		``, `null`, `[]`, `{}`, `{}x`, `{"call":null}`, `{"call":{}}`, `{"call":{"id":null}}`, `{"call":{"id":""}}`, `{"call":{"id":"a"},"number":7}`, `{ "call" : {"id":"a"} }`,
		`{"call":{"id":"a","status":""}}`, `{"call":{"id":"a","status":"\u0061nswered"}}`, `{"call":{"id":"a","status":"no"}}`, `{"call":{"id":"a","chained_ids":["b",null]}}`,
		`{"call":{"id":"a","q850":2147483648}}`, `{"call":{"id":"a","q850":1.0}}`, `{"call":{"id":"a","from":{"address":1}}}`, `{"call":{"id":"a","from":[]}}`,
		`{"call":{"id":"a","created_at":"2026-01-01T00:00:00,5Z"}}`, `{"call":{"id":"a","created_at":"2026-01-01T0:00:00Z"}}`, `{"call":{"id":"a","created_at":"2026-02-30T00:00:00Z"}}`,
		`{"call":{"id":"a","created_at":"2026-01-01T00:00:00+24:00"}}`, `{"call":{"id":"a","held":"true"},"x":{"y":1,"y":2}}`, `{"call":{"id":"a","vars":[]}}`, `{"party":7,"call":{"id":"a"}}`,
	} {
		f.Add("call.created", []byte(data))
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		typ, ok := Lookup(name)
		if !ok {
			return
		}
		o, compact, ok := typ.fit(data)
		errs := explain(typ, data, "data")
		if ok && len(errs) > 0 {
			t.Fatalf("%s %s was taken: %v", name, data, errs)
		}
		if rare := bytes.ContainsRune(data, '\\') || len(data) > 400; !ok && !rare && len(errs) == 0 {
			t.Fatalf("%s %s was not taken", name, data)
		}
		read, again := Read(typ, data, "data")
		if (len(again) == 0) != (len(errs) == 0) {
			t.Fatalf("%s %s: %v, but %v", name, data, again, errs)
		}
		if len(errs) > 0 {
			return
		}
		tidy, err := ordjson.Compact(data)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := ordjson.Parse(tidy)
		if err != nil || !bytes.Equal(read.Append(nil), whole.Append(nil)) {
			t.Fatalf("%s %s was read as %s, %v", name, data, read.Append(nil), err)
		}
		if ok && compact != bytes.Equal(tidy, data) {
			t.Fatalf("%s is compact: %v", data, compact)
		}
		if ok && compact && !bytes.Equal(o.Append(nil), whole.Append(nil)) {
			t.Fatalf("%s was taken apart as %s", data, o.Append(nil))
		}
	})
}

// Sort is stable, whatever comes first.
func TestSort(t *testing.T) {
	t.Parallel()
	r, _ := ResourceOf("call")
	names := make([]string, 0, len(r.Fields)+20)
	for i := range r.Fields {
		names = append(names, r.Fields[i].Name)
	}
	for c := 'a'; c < 'a'+20; c++ {
		names = append(names, "unknown_"+string('a'+'t'-c))
	}
	for step := 1; step < len(names); step++ {
		var o ordjson.Object
		for i := range names { // the known ones in every order that a step through them makes
			if n := names[i*step%len(names)]; !o.Has(n) {
				o = append(o, ordjson.Member{Name: n, Value: []byte("1")})
			}
		}
		want := slices.Clone(o)
		slices.SortStableFunc(want, func(a, b ordjson.Member) int { return place(r, a.Name) - place(r, b.Name) })
		r.Sort(o)
		if !bytes.Equal(o.Append(nil), want.Append(nil)) {
			t.Fatalf("step %d: %s, want %s", step, o.Append(nil), want.Append(nil))
		}
	}
}

func place(r *Resource, name string) int {
	for i := range r.Fields {
		if r.Fields[i].Name == name {
			return i
		}
	}
	return len(r.Fields)
}

func BenchmarkRead(b *testing.B) {
	typ, _ := Lookup("call.answered")
	sample := typ.Sample()
	b.SetBytes(int64(len(sample)))
	b.ReportAllocs()
	for b.Loop() {
		if _, errs := Read(typ, sample, "data"); len(errs) > 0 {
			b.Fatal(errs)
		}
	}
}
