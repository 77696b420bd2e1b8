package django

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"unicode/utf8"
)

// Whatever a template and the data are: there is a result or a sentence, the result is within
// its bound, and in HTML nothing of the data is markup.
func FuzzRender(f *testing.F) {
	for line := range strings.SplitSeq(readFile(f, "testdata/cases.txt"), "\n") {
		if strings.HasPrefix(line, "t ") || strings.HasPrefix(line, "h ") {
			f.Add(strings.ReplaceAll(line[2:], "␤", "\n"), "<script>alert(1)</script>", line[0] == 'h')
		}
	}
	base := readData(f)
	f.Fuzz(func(t *testing.T, source, value string, html bool) {
		data := maps.Clone(base)
		const evil = "<script>07355608</script>"
		data["name"], data["evil"], data["caller_id"] = value, evil, map[string]any{"name": value, "number": evil}
		data["list"] = []any{value, evil, []any{evil}}
		data["map"] = Object{{value, evil}, {evil, value}}
		template, err := Parse(source, Options{HTML: html})
		if err != nil {
			sentence(t, err, source)
			return
		}
		template.Names()
		got, err := template.Render(t.Context(), data, afternoon(t))
		if err != nil {
			sentence(t, err, source)
			return
		}
		if len(got) > maxOutput || !utf8.ValidString(got) {
			t.Errorf("%d bytes", len(got))
		}
		if html && strings.Contains(strings.ToLower(got), "<script>07355608") {
			t.Errorf("the data is markup: %q", got)
		}
	})
}

func sentence(t *testing.T, err error, source string) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Line < 1 || e.Column < 1 || e.Line > strings.Count(source, "\n")+1 || strings.HasPrefix(e.Message, "this cannot be") {
		t.Errorf("%v", err)
	}
}
