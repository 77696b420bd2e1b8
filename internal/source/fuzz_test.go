package source_test

import (
	"encoding/json"
	"testing"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
	"github.com/switchhook/switchhook/internal/source"
)

// Whatever comes as a form, as JSON or in a query: it becomes an object that is JSON, without
// a name that is there twice, or an error of ours.
func FuzzObject(f *testing.F) {
	for _, seed := range [][3]string{
		{"a=b&c[]=d&c[]=e", "", "application/x-www-form-urlencoded"}, {"", "a=b&a=c", ""}, {`{"a":1,"a":2}`, "", "application/json"}, {"a[]=1&a=2", "", ""}, {"%zz", "", ""}, {"--a\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--a--", "", "multipart/form-data; boundary=a"}, {"\xff=\xfe&;", "", ""}, {" ", "x", "text/plain"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, body, query, contentType string) {
		r := &source.Request{Method: "POST", Query: query, ContentType: contentType, Body: []byte(body)}
		o, err := r.Object()
		if err != nil {
			if switchhook.ErrorCode(err) == "" {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		raw := o.Append(nil)
		if !json.Valid(raw) {
			t.Fatalf("%q becomes %q", body, raw)
		}
		if _, err := ordjson.Parse(raw); err != nil {
			t.Fatalf("%q becomes %q: %v", body, raw, err)
		}
		r.InQuery("a")
		if err := r.Keep(&switchhook.Event{}, "x", "y"); err != nil && switchhook.ErrorCode(err) == "" {
			t.Fatalf("%q: %v", body, err)
		}
	})
}
