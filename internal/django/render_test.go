package django

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestNames(t *testing.T) {
	t.Parallel()
	template, err := Parse(`{{ a.b|default:c.d }}{% for x, y in e.f %}{{ x.g }}{{ y }}{{ forloop.counter }}{% empty %}{{ x }}{% endfor %}
{% with z=h %}{{ z.i }}{% endwith %}{% if j == undefined and not true %}{% firstof k "l" as m %}{{ m }}{% endif %}{% regroup n by o as p %}{{ p }}
{% blocktrans count q=r %}{{ q }}{% endblocktrans %}{{ a.b }}`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := template.Names(), strings.Fields("a.b c.d e.f h j k n r x"); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// What the program itself puts among the data as HTML stays so, alone and within what the
// template's author wrote; with what is not trusted it is escaped.
func TestTrusted(t *testing.T) {
	t.Parallel()
	data := map[string]any{"logo": Trusted("<img>"), "name": "<b>", "list": []any{Trusted("<i>"), "<b>"}}
	got, err := fill(t, `{{ logo }} {{ logo|upper }} {{ logo|add:"<br>" }} {{ logo|add:name }} {{ list|join:" " }} {{ list|first }} {{ list.1 }}`, Options{HTML: true}, data)
	const want = `<img> <IMG> <img><br> &lt;img&gt;&lt;b&gt; <i> &lt;b&gt; <i> &lt;b&gt;`
	if err != nil || got != want {
		t.Errorf("got %q %v, want %q", got, err, want)
	}
}

func TestManyRenderAtATime(t *testing.T) {
	t.Parallel()
	template, err := Parse(`{% for x in list %}{% cycle "a" "b" %}{% ifchanged x %}{{ x|upper }}{% endifchanged %}{% endfor %}`, Options{HTML: true})
	if err != nil {
		t.Fatal(err)
	}
	data := map[string]any{"list": []any{"x", "x", "y"}}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 50 {
				if got, err := template.Render(t.Context(), data, time.Now()); got != "aXbaY" || err != nil {
					t.Error(got, err)
				}
			}
		})
	}
	wait.Wait()
}

func TestContextEndsTheRendering(t *testing.T) {
	t.Parallel()
	template, err := Parse(loops(3, "text", ""), Options{})
	if err != nil {
		t.Fatal(err)
	}
	why := errors.New("the program stops")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err = template.Render(ctx, map[string]any{"text": strings.Repeat("a", 1000)}, time.Now()); !errors.Is(err, why) {
		t.Error(err)
	}
}

// An ordinary mail is far from the bounds.
func TestAnOrdinaryMailTakesLittle(t *testing.T) {
	t.Parallel()
	template, err := Parse(`{% for n in numbers %}{{ forloop.counter }}. {{ n.number|ljust:16 }}{% if n.name %} {{ n.name|truncatechars:20|title }}{% endif %}
{% endfor %}`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var numbers []any
	for range 1000 {
		numbers = append(numbers, map[string]any{"number": "+12025550123", "name": "the front desk on the first floor"})
	}
	r := newRun(t.Context(), template, map[string]any{"numbers": numbers}, time.Now(), new(Budget))
	if _, err := template.render(r); err != nil {
		t.Error("a thousand lines:", err)
	}
	if r.steps < maxSteps/2 || r.made < maxMade/5 {
		t.Errorf("a thousand lines take %d steps and make %d bytes", maxSteps-r.steps, maxMade-r.made)
	}
}
