package django

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The guide names all tags and filters that there are, and no others.
func TestGuideNamesWhatThereIs(t *testing.T) {
	t.Parallel()
	guide := readFile(t, "../../docs/guides/template-language.md")
	section := func(name string) string {
		_, rest, found := strings.Cut(guide, "\n## "+name+"\n")
		if !found {
			t.Fatal("no section", name)
		}
		table, _, _ := strings.Cut(rest, "\n\n##")
		var rows []string
		for line := range strings.Lines(table) {
			if strings.HasPrefix(line, "|") {
				rows = append(rows, line)
			}
		}
		return strings.Join(rows, "")
	}
	named := func(text, pattern string) []string {
		var all []string
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			all = append(all, m[1])
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	divide := strings.Fields("elif else endif empty endfor endwith endspaceless")
	told := slices.DeleteFunc(named(section("Tags"), "`{% (\\w+)"), func(n string) bool { return slices.Contains(divide, n) })
	if there := keys(tags()); !slices.Equal(told, there) {
		t.Errorf("tags\nguide %v\nthere %v", told, there)
	}
	if told, there := named(section("Filters"), "`(\\w+)`"), keys(filters); !slices.Equal(told, there) {
		t.Errorf("filters\nguide %v\nthere %v", told, there)
	}
}
