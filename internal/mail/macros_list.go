package mail

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// macrosOf lists the macros of groups, in their order.
func macrosOf(groups []string) ([]Macro, error) {
	var list []Macro
	all := parts("builtin/macros.txt")
	for _, name := range groups {
		g, ok := all[name]
		if !ok {
			return nil, fmt.Errorf("there is no group of macros %q", name)
		}
		for l := range strings.Lines(strings.TrimSpace(g)) {
			macro, meaning, ok := strings.Cut(strings.TrimSpace(l), ": ")
			if !ok {
				return nil, fmt.Errorf("the group %s of macros has a line without a meaning: %s", name, l)
			}
			list = append(list, Macro{Name: macro, Meaning: meaning})
		}
	}
	return list, nil
}

// sampleOf is what a macro is in a context, for a list of macros: "" where it is not there.
func sampleOf(context map[string]any, name string) string {
	var value any = context
	for part := range strings.SplitSeq(name, ".") {
		members, ok := value.(map[string]any)
		if !ok {
			return ""
		}
		if value, ok = members[part]; !ok && part == "NAME" && len(members) > 0 { // any of them
			value = members[slices.Min(slices.Collect(maps.Keys(members)))]
		}
	}
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case time.Time:
		return v.Format("2006-01-02 15:04:05 MST")
	case []any:
		if !slices.ContainsFunc(v, func(item any) bool { _, text := item.(string); return !text }) {
			var texts []string
			for _, item := range v {
				texts = append(texts, plain(item))
			}
			return strings.Join(texts, ", ")
		}
	}
	b, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return string(b)
}
