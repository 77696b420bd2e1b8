package django

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// What a customer or a stranger could try. Each has to end, with a result or a sentence, within
// the bounds that limit.go sets, whatever it was that it tried. It does not run beside others:
// it counts what is allocated.
func TestAttacks(t *testing.T) { //nolint:paralleltest // it measures memory
	many := make([]any, 10_000)
	for i := range many {
		many[i] = json.Number(fmt.Sprint(i))
	}
	objects := make([]any, 10_000)
	for i := range objects {
		objects[i] = map[string]any{"n": int64(i * 7919 % 10_000), "s": strings.Repeat("x", i%50)}
	}
	wide := map[string]any{}
	long := Object{}
	for i := range 100_000 {
		wide[fmt.Sprint(i)] = i
		long = append(long, Member{fmt.Sprint(i), i})
	}
	within := map[string]any{"name": "me"}
	within["self"] = within
	within["list"] = []any{within, within, within, within}
	var deep any = "end"
	for range 100_000 {
		deep = []any{deep, deep}
	}
	shared := any("shared")
	for range 60 {
		shared = []any{shared, shared}
	}
	precise := json.Number("1.00000000000000011102230246251565404236316680908203125" + strings.Repeat("0", 300) + "1")
	data := map[string]any{
		"precise": precise, "tiny": "2.2250738585072011" + strings.Repeat("3", 350) + "e-308", "large": json.Number("9e39"), "big9": strings.Repeat("e-1", 100) + "9",
		"precisely": []any{map[string]any{"n": precise}, map[string]any{"n": precise}, map[string]any{"n": precise}},
		"many":      many, "objects": objects, "wide": wide, "long": long, "within": within, "deep": deep, "shared": shared,
		"big": strings.Repeat("Ada & <b>Bob</b> ", 400_000), "spaces": strings.Repeat(" ", 5_000_000), "lines": strings.Repeat("\n", 3_000_000),
		"words": strings.Repeat("a ", 2_000_000), "open": strings.Repeat("<", 3_000_000), "amps": strings.Repeat("&", 3_000_000), "tags": strings.Repeat("<b>", 500_000),
		"quotes": strings.Repeat(`"`, 3_000_000), "urls": strings.Repeat("a@b.c ", 500_000), "x": "x", "accents": strings.Repeat("é", 2_000_000),
		"digits": strings.Repeat("9", 1_000_000), "number": json.Number(strings.Repeat("9", 1_000_000)), "float": json.Number("1e" + strings.Repeat("9", 300)), "bad": strings.Repeat("\xff", 100_000), "badly": strings.Repeat("\xffa", 100_000),
	}
	attacks := map[string]string{
		"loops":             loops(3, "many", "x"),
		"loops, silent":     loops(3, "many", ""),
		"loops, forloop":    loops(3, "many", "{{ forloop.parentloop.parentloop.counter }}"),
		"loops, with":       loops(2, "many", `{% with a=many b=many c=many %}{% endwith %}`),
		"loops, cycle":      loops(2, "many", `{% cycle "a" "b" as c %}{% cycle c %}`),
		"loops, ifchanged":  loops(2, "many", `{% ifchanged %}{{ forloop.counter }}{% endifchanged %}`),
		"loops, changed":    loops(2, "many", `{% ifchanged many %}x{% endifchanged %}`),
		"loops, date":       loops(2, "many", `{% now "r r r r r r r r r r" %}`),
		"loops, regroup":    loops(1, "many", `{% regroup objects by n as g %}`),
		"loops, sort":       loops(1, "many", `{% for x in objects|dictsort:"n" %}{% endfor %}`),
		"loops, keys":       loops(1, "many", `{% for k in wide %}{% endfor %}`),
		"loops, long":       loops(1, "many", `{% for k in long %}{% endfor %}{{ long.99999 }}`),
		"loops, in":         loops(2, "many", `{% if "z" in many %}{% endif %}`),
		"loops, in text":    loops(2, "many", `{% if "z" in big %}{% endif %}`),
		"loops, equal":      loops(1, "many", `{% if objects == objects %}{% endif %}`),
		"loops, texts":      loops(1, "many", `{% if big == big %}{% endif %}{% if big < big %}{% endif %}`),
		"loops, urls":       loops(1, "many", `{{ urls|urlize }}`),
		"loops, numbers":    loops(2, "many", `{{ "1.5"|floatformat:90 }}{{ 1|stringformat:"300d" }}`),
		"loops, precise":    loops(2, "many", `{% if precise < tiny %}{% endif %}{{ tiny|get_digit:precise }}`),
		"loops, tiny":       loops(2, "many", `{% widthratio tiny precise tiny as a %}{% if tiny|floatformat:100 %}{% endif %}`),
		"loops, large":      loops(2, "many", `{% if 9e39|intcomma %}{% endif %}{% if large|add:large|floatformat:"-100g" %}{% endif %}{% if 9e39|filesizeformat %}{% endif %}`),
		"loops, no number":  loops(2, "many", `{% if big9 < 1 %}{% endif %}{{ big9|floatformat }}`),
		"regroup, precise":  loops(1, "many", `{% regroup precisely by n as g %}`),
		"loops, timesince":  loops(2, "many", `{{ 0|timesince }}`),
		"loops, parse time": loops(2, "many", `{{ "not a time"|date:"Y" }}`),
		"loops, capture":    loops(2, "many", `{% filter upper %}a{% endfilter %}`),
		"loops, spaceless":  loops(2, "many", `{% spaceless %}a{% endspaceless %}`),
		"loops, trans":      loops(2, "many", `{% blocktrans trimmed with a=b %} a {% endblocktrans %}`),
		"loops, join":       loops(1, "many", `{{ many|join:"" }}`),
		"loops, letters":    `{% for a in big %}{% for b in big %}{% for c in big %}{% endfor %}{% endfor %}{% endfor %}`,
		"letters reversed":  `{% for a in big reversed %}{{ a }}{% endfor %}`,
		"width":             `{{ x|ljust:200000000 }}{{ x|rjust:9999999999999 }}`,
		"width, center":     `{{ x|center:200000000 }}`,
		"width, format":     `{{ x|stringformat:"200000000s" }}{{ 1|stringformat:"0200000000d" }}{{ 1|stringformat:".200000000f" }}{{ x|stringformat:"99999999999999999999s" }}`,
		"width, many":       loops(1, "many", `{{ x|ljust:300000|rjust:380000 }}`),
		"places":            `{{ 1.5|floatformat:2000000000 }}{{ 1.5|floatformat:-2000000000 }}`,
		"doubling":          doubling("a|add:a"),
		"doubling, join":    `{% with a=many|make_list %}` + strings.Repeat(`{% with a=a|add:a %}`, 30) + strings.Repeat(`{% endwith %}`, 31),
		"doubling, escape":  `{{ amps|force_escape|force_escape|force_escape }}`,
		"filters":           `{{ x` + strings.Repeat("|upper", 9_000) + ` }}`,
		"filters, add":      `{{ x` + strings.Repeat("|add:x", 9_000) + ` }}`,
		"filters, big":      `{{ big` + strings.Repeat("|length", 5_000) + ` }}`,
		"filters, cut":      `{{ big` + strings.Repeat(`|cut:"z"`, 5_000) + ` }}`,
		"filters, sort":     `{{ objects` + strings.Repeat(`|dictsort:"s"`, 4_000) + ` }}`,
		"filters, slices":   `{{ many` + strings.Repeat(`|slice:"::-1"`, 4_000) + ` }}`,
		"nested capture":    strings.Repeat("{% filter upper %}", 39) + "{{ big }}" + strings.Repeat("{% endfilter %}", 39),
		"nested spaceless":  strings.Repeat("{% spaceless %}", 39) + strings.Repeat("<b> ", 15_000) + strings.Repeat("{% endspaceless %}", 39),
		"nesting":           strings.Repeat("{% if x %}", 3_000) + strings.Repeat("{% endif %}", 3_000),
		"nesting, not":      `{% if ` + strings.Repeat("not ", 16_000) + `x %}{% endif %}`,
		"nesting, (":        `{% if ` + strings.Repeat("(", 60_000) + `x %}{% endif %}`,
		"nesting, _(":       `{{ ` + strings.Repeat("_(", 30_000) + `x }}`,
		"terms":             `{% if x` + strings.Repeat(" or x", 13_000) + ` %}{% endif %}`,
		"compared":          `{% if x` + strings.Repeat(" == x", 10_000) + ` %}{% endif %}`,
		"path":              `{{ within` + strings.Repeat(".self", 13_000) + ` }}`,
		"variables":         strings.Repeat("{{ a }}", 9_362),
		"open braces":       strings.Repeat("{{", 32_000),
		"open quotes":       strings.Repeat(`{{ ' }}`, 9_000),
		"quotes in comment": strings.Repeat(`{% comment it's %}{% endcomment %}`, 1_900),
		"open comments":     strings.Repeat("{#", 32_000),
		"comments, far":     strings.Repeat("{#", 31_000) + "\n#}",
		"tags in comment":   `{% comment %}` + strings.Repeat("{%", 31_000),
		"end in comment":    `{% comment %}` + strings.Repeat("{%endcomment ", 4_900) + "%}",
		"texts":             strings.Repeat("a{#b#}", 10_900),
		"names":             `{% with ` + strings.Repeat("a=x ", 15_000) + `%}` + strings.Repeat("{{ z }}", 500) + `{% endwith %}`,
		"cycles":            strings.Repeat(`{% cycle "a" "b" as c%}`, 2_800),
		"many cycle values": `{% cycle ` + strings.Repeat("x ", 30_000) + `%}`,
		"many names":        `{% for ` + strings.Repeat("a,", 30_000) + `a in b %}{% endfor %}`,
		"many plain values": `{% cycle ` + strings.Repeat("a,", 30_000) + `a %}`,
		"path in quotes":    `{{ a` + strings.Repeat(`."b"`, 16_000) + ` }}`,
		"layouts":           strings.Repeat(`{%now "Y"%}`, 5_900),
		"conditions":        strings.Repeat("{%if a and b or c and d%}{%endif%}", 1_900),
		"long name":         `{{ ` + strings.Repeat("a", 60_000) + ` }}`,
		"long filter":       `{{ a|` + strings.Repeat("a", 60_000) + ` }}`,
		"long number":       `{{ ` + strings.Repeat("9", 60_000) + ` }}`,
		"date letters":      `{% now "` + strings.Repeat("r", 64_000) + `" %}`,
		"too long":          strings.Repeat("x", 64<<10+1),
		"itself":            `{{ within }}`,
		"itself, pprint":    `{{ within|pprint }}`,
		"itself, equal":     `{% if within == within %}{% endif %}`,
		"itself, items":     `{{ within.list|unordered_list }}{{ deep|unordered_list }}`,
		"deep":              `{{ deep }}`,
		"deep, equal":       `{% if deep == deep %}{% endif %}`,
		"deep, in":          `{% if deep in deep %}{% endif %}`,
		"shared":            `{{ shared }}{{ shared|join:"" }}`,
		"shared, pprint":    `{{ shared|pprint }}`,
		"wide":              `{{ wide }}`,
		"wide, equal":       `{% if long == wide %}{% endif %}`,
		"bad text":          `{{ bad }}{{ badly }}`,
		"spaces":            `{{ spaces|truncatewords:3 }}{{ spaces|striptags|slugify }}`,
	}
	values := []string{"big", "spaces", "lines", "words", "open", "amps", "tags", "quotes", "urls", "accents", "digits", "number", "float", "many", "objects", "wide", "deep", "within"}
	if raced { // the detector looks for other things, and is slow
		values = []string{"amps", "objects"}
	}
	data["text"], data["texts"] = strings.Repeat("a <i>word</i> & ", 500), "Ada <b>Bob</b> a@b.c"
	data["when"], data["n"] = time.Now(), json.Number("1234567.891")
	arguments := []string{"", ":3", `:"99s"`, `:".99f"`, `:"-100g"`, ":when", ":text"}
	if raced {
		arguments = nil
	}
	for name := range filters { // again and again, on what is small: each use has its price
		for _, on := range []string{"text", "texts", "when", "n", "precisely"} {
			for _, a := range arguments {
				for _, body := range []string{"{%% if %s|%s%s %%}{%% endif %%}", "{{ %s|%s%s }}"} {
					body = fmt.Sprintf(body, on, name, a)
					attacks["filter "+body] = loops(2, "many", body)
				}
			}
		}
		for _, on := range values {
			attacks["filter "+name+" on "+on] = `{{ ` + on + `|` + name + argumentFor(name) + ` }}`
		}
	}
	var steps int
	for name, source := range attacks {
		for _, html := range []bool{false, true} {
			if !html && strings.HasPrefix(name, "filter ") {
				continue
			}
			var template *Template
			var err error
			took, made := measured(func() { template, err = Parse(source, Options{HTML: html}) })
			within, most := time.Second, uint64(1<<20) // the steps are the bound; the machine may be busy
			if raced {
				within *= 5
			}
			t.Logf("%-30s parsed %13v %8d B", name, took.Round(10*time.Microsecond), made)
			if took > within || made > most {
				t.Errorf("%s: parsing took %v and %d bytes", name, took, made)
			}
			if err != nil {
				told(t, name, err)
				continue
			}
			r := newRun(t.Context(), template, data, time.Now(), new(Budget))
			took, made = measured(func() { _, err = template.render(r) })
			if err != nil {
				told(t, name, err)
			}
			steps = max(steps, maxSteps-r.steps)
			t.Logf("%-30s html %-5v %8v %8d B %7d steps: %v", name, html, took.Round(10*time.Microsecond), made, maxSteps-r.steps, err)
			if took > within || made > most {
				t.Errorf("%s: rendering took %v, %d bytes and %d steps (%v)", name, took, made, maxSteps-r.steps, err)
			}
		}
	}
	t.Logf("%d attacks, at most %d steps", len(attacks), steps)
}

// A list or an object of the data is written out where a text is expected, and whoever sends
// events chooses what it is: it is no more trusted than a text.
func TestMarkupFromData(t *testing.T) {
	t.Parallel()
	const evil = "<script>alert(1)</script>"
	data := map[string]any{
		"text": evil, "list": []any{evil}, "object": Object{{evil, evil}}, "map": map[string]any{evil: evil}, "date": []any{`\<\s\c\r\i\p\t\>`}, "two": []any{evil, evil},
		"signs": []any{"60", "115", json.Number("60"), "62"},
	}
	for _, source := range []string{
		`{{ "x"|add:list }}`, `{{ "x"|add:object }}`, `{{ "x"|add:map|upper }}`, `{{ "x"|add:text }}`, `{% filter add:list %}x{% endfilter %}`, `{{ "x"|add:list|add:"y" }}`,
		`{% now date %}`, `{% now date as d %}{{ d }}`, `{{ "2024-01-01"|date:date }}`, `{{ "2024-01-01"|time:date }}`,
		`{{ 1|yesno:two }}`, `{{ 2|pluralize:list }}`, `{{ ""|default:list }}`, `{{ ""|default_if_none:list }}`, `{{ list|join:list }}`, `{{ two|join:list }}`,
		`{% for c in signs %}{{ c|force_escape|stringformat:"c" }}{% endfor %}`, `{% for c in signs %}{% filter stringformat:"c" %}{{ c }}{% endfilter %}{% endfor %}`, `{% for c in signs %}{{ c|stringformat:"c" }}{% endfor %}`,
		`{{ list|unordered_list }}`, `{{ list|pprint }}{{ map|json }}{{ object }}`, `{% for k in map %}{{ k }}{% endfor %}`, `{% cycle list text as c %}{{ c }}`, `{% firstof list %}`, `{% regroup list by x as g %}{{ g }}`,
		`{{ "x"|stringformat:list }}`, `{{ "x"|cut:list }}`, `{{ "x"|urlencode:list }}`, `{{ list|safe|first|safe }}`, `{{ list|slice:"0:1" }}`, `{{ text|make_list|join:"" }}`, `{% blocktrans with a=list trimmed %}{{ a }}{% endblocktrans %}`,
	} {
		template, err := Parse(source, Options{HTML: true})
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		got, err := template.Render(t.Context(), data, time.Now())
		if low := strings.ToLower(got); err != nil || strings.Contains(low, "<s") {
			t.Errorf("%s: %s, %v", source, got, err)
		}
	}
}

// told wants a sentence, not a fault.
func told(t *testing.T, name string, err error) {
	t.Helper()
	if e, ok := err.(*Error); !ok || e.Line < 1 || e.Column < 1 || strings.Contains(e.Message, "cannot be") || len(e.Message) > 300 { //nolint:errorlint // it is not wrapped
		t.Errorf("%s: %v", name, err)
	}
}

func measured(do func()) (time.Duration, uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	do()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	return took, after.TotalAlloc - before.TotalAlloc
}

func loops(n int, over, body string) string {
	return strings.Repeat("{% for a in "+over+" %}", n) + body + strings.Repeat("{% endfor %}", n)
}

func doubling(e string) string {
	return `{% with a="aaaaaaaa" %}` + strings.Repeat(`{% with a=`+e+` %}`, 35) + `{{ a }}` + strings.Repeat(`{% endwith %}`, 36)
}

func argumentFor(name string) string {
	switch filters[name].takes {
	case needed:
		return ":3"
	case optional, layout, none:
	}
	return ""
}
