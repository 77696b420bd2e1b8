package django_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/django"
)

func TestJSON(t *testing.T) {
	t.Parallel()
	tpl, err := django.Parse(`{"a": {{ a|json }}, "b": {{ b|json }}, "c": {{ missing|json }}}`, django.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const hostile = "\"},\\ \n\r\t\x00</script>&'\u2028 ☕ {{ b }}"
	got, err := tpl.Render(t.Context(), map[string]any{"a": hostile, "b": 7}, time.Now())
	var read map[string]string
	if err != nil || json.Unmarshal([]byte(got), &read) != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if read["a"] != hostile || read["b"] != "7" || read["c"] != "" {
		t.Errorf("%q", read)
	}
}
