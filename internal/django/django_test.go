package django

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// What each construct makes, and what each mistake is told: testdata/cases.txt says how it is read.
func TestLanguage(t *testing.T) {
	t.Parallel()
	data := readData(t)
	var template string
	for i, line := range strings.Split(readFile(t, "testdata/cases.txt"), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		kind, rest, _ := strings.Cut(line, " ")
		rest = strings.NewReplacer("␤", "\n", "␉", "\t").Replace(rest)
		if kind == "t" || kind == "h" {
			template = line
			continue
		}
		source := strings.NewReplacer("␤", "\n", "␉", "\t").Replace(template[2:])
		got, err := fill(t, source, Options{HTML: template[0] == 'h'}, data)
		if kind == "!" {
			place, words, _ := strings.Cut(rest, " ")
			if e, ok := errors.AsType[*Error](err); !ok || fmt.Sprintf("%d:%d", e.Line, e.Column) != place || !strings.Contains(e.Message, words) {
				t.Errorf("line %d: %s\ngot  %v\nwant %s", i+1, template, err, rest)
			}
			continue
		}
		if err != nil || got != rest {
			t.Errorf("line %d: %s\ngot  %q %v\nwant %q", i+1, template, got, err, rest)
		}
	}
}

// fill parses and renders, on the afternoon of 5 November 2024 in Berlin.
func fill(tb testing.TB, source string, o Options, data map[string]any) (string, error) {
	tb.Helper()
	template, err := Parse(source, o)
	if err != nil {
		return "", err
	}
	return template.Render(tb.Context(), data, afternoon(tb))
}

func afternoon(tb testing.TB) time.Time {
	tb.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		tb.Fatal(err)
	}
	return time.Date(2024, 11, 5, 14, 3, 7, 0, berlin)
}

func readFile(tb testing.TB, name string) string {
	tb.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

func readData(tb testing.TB) map[string]any {
	tb.Helper()
	return dataOf(tb, readFile(tb, "testdata/data.json"))
}

// dataOf reads JSON with its objects in order; {"$time": …} is a time.
func dataOf(tb testing.TB, source string) map[string]any {
	tb.Helper()
	d := json.NewDecoder(bytes.NewReader([]byte(source)))
	d.UseNumber()
	o, ok := decode(tb, d).(Object)
	if !ok {
		tb.Fatal("no object")
	}
	data := map[string]any{}
	for _, m := range o {
		data[m.Name] = m.Value
	}
	return data
}

func decode(tb testing.TB, d *json.Decoder) any {
	tb.Helper()
	token, err := d.Token()
	if err != nil {
		tb.Fatal(err)
	}
	switch token {
	case json.Delim('{'):
		o := Object{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				tb.Fatal(err)
			}
			o = append(o, Member{fmt.Sprint(name), decode(tb, d)})
		}
		_, _ = d.Token()
		if len(o) == 1 && o[0].Name == "$time" {
			at, err := time.Parse(time.RFC3339, fmt.Sprint(o[0].Value))
			if err != nil {
				tb.Fatal(err)
			}
			return at
		}
		return o
	case json.Delim('['):
		list := []any{}
		for d.More() {
			list = append(list, decode(tb, d))
		}
		_, _ = d.Token()
		return list
	}
	return token
}
