package django

import (
	"testing"
	"time"
)

func TestSmoke(t *testing.T) {
	tpl, err := Parse(`Hi {{ user.first_name|default:"there" }}{% if a.b == "x" and not c %}!{% endif %}{% for k, v in m %}{{ forloop.counter }}{{k}}={{v|upper}} {% empty %}none{% endfor %}{% now "Y-m-d \a\t H:i" %}`, Options{HTML: true})
	if err != nil {
		t.Fatal(err)
	}
	got, err := tpl.Render(t.Context(), map[string]any{"user": map[string]any{}, "a": map[string]any{"b": "x"}, "m": Object{{"k", "<v>"}, {"b", "c"}}}, time.Date(2024, 1, 2, 3, 4, 5, 6, time.UTC))
	t.Log(got, err, tpl.Names())
}
