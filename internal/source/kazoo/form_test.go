package kazoo

import (
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/dialect/dialecttest"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// goldenForms are the forms and queries that the dialect's golden files send.
func goldenForms(f *testing.F) []string {
	f.Helper()
	var all []string
	for _, parts := range dialecttest.Golden(f, "../../dialect/kazoo") {
		head, body, _ := strings.Cut(strings.TrimSuffix(string(parts["request"]), "\n"), "\n\n")
		if _, query, isGet := strings.Cut(head, "?"); isGet {
			body, _, _ = strings.Cut(query, "\n")
		}
		if !strings.HasPrefix(body, "{") {
			all = append(all, body)
		}
	}
	return append(all, "a[b][c]=1&a[b][d][]=2&&a[b][d][]=%7B%22k%22%3A1%7D&", "a%5Bb%5D=x+y&a[]=&=&[]=1&a[][]=2&]=3", "a[b=1&a]b[=2&a[[]]=3")
}

// what was read is an object, in the order in which it came
func checkRead(t *testing.T, o ordjson.Object, err error) {
	t.Helper()
	if err != nil {
		return
	}
	again, err := ordjson.Parse(o.Append(nil))
	if err != nil {
		t.Fatalf("%q was read, which is no JSON: %v", o.Append(nil), err)
	}
	if len(again) != len(o) {
		t.Fatalf("%d members were read, of %d", len(again), len(o))
	}
}

func FuzzForm(f *testing.F) {
	for _, form := range goldenForms(f) {
		f.Add(form)
	}
	f.Fuzz(func(t *testing.T, form string) {
		o, gaps, err := readForm(form, false)
		checkRead(t, o, err)
		if err != nil {
			return
		}
		segments := strings.Split(form, "&")
		if !slices.IsSorted(gaps) {
			t.Fatalf("the gaps are %v", gaps)
		}
		for _, at := range gaps {
			if segments[at] != "" {
				t.Fatalf("there is no gap at %d of %q", at, form)
			}
		}
	})
}

func FuzzQuery(f *testing.F) {
	for _, form := range goldenForms(f) {
		f.Add(form)
	}
	f.Fuzz(func(t *testing.T, query string) {
		o, _, err := readForm(query, true)
		checkRead(t, o, err)
	})
}
