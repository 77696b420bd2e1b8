package source_test

import (
	"errors"
	"testing"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

func TestReadOptions(t *testing.T) {
	t.Parallel()
	type inner struct {
		TLS bool `json:"tls"`
	}
	type options struct {
		Address string   `json:"address"`
		Queues  []string `json:"queues"`
		Most    int      `json:"most"`
		More    inner    `json:"more"`
	}
	say := source.Wording{Kind: "pbx", Guide: "docs/guides/pbx.md", List: `["a"]`, Object: "an object of pbx"}
	for _, c := range []struct {
		given       map[string]any
		field, says string
	}{
		{map[string]any{"host": "x"}, "options.host", "there is no such option of a pbx source; see docs/guides/pbx.md"},
		{map[string]any{"more": map[string]any{"ssl": true}}, "options.more.ssl", "there is no such option of a pbx source; see docs/guides/pbx.md"},
		{map[string]any{"address": 5038.0}, "options.address", "expected a text (a number needs quotes)"},
		{map[string]any{"queues": "a"}, "options.queues", `expected a list of texts, such as ["a"]`},
		{map[string]any{"most": 1.5}, "options.most", "expected a whole number"},
		{map[string]any{"more": "x"}, "options.more", "expected an object of pbx"},
		{map[string]any{"more": map[string]any{"tls": "yes"}}, "options.more.tls", "expected true or false"},
	} {
		var o options
		e, ok := errors.AsType[*switchhook.Error](source.ReadOptions(c.given, &o, say))
		if !ok || len(e.Fields) != 1 || e.Fields[0].Field != c.field || e.Fields[0].Message != c.says {
			t.Errorf("%v: %v", c.given, e)
		}
	}
	var o options
	err := source.ReadOptions(map[string]any{"address": "x", "queues": []any{"a"}, "most": 3.0, "more": map[string]any{"tls": true}}, &o, say)
	if err != nil || o.Address != "x" || len(o.Queues) != 1 || o.Most != 3 || !o.More.TLS {
		t.Errorf("%+v, %v", o, err)
	}
}
