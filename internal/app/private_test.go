package app_test

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/app"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
)

// No dialect, in none of its formats, tells a phone number or what somebody has said of an
// event that is to be masked; and what is masked can be rendered wherever it could be.
func TestMaskedEventsInEveryDialect(t *testing.T) {
	t.Parallel()
	numbers := regexp.MustCompile(`\d{5}`)
	cells := 0
	for _, typ := range catalogue.All() {
		plain := &switchhook.Event{ID: "e1", Type: typ.Name, AccountID: "acme", Data: typ.Sample()}
		var said []string
		for _, text := range spoken(t, "", plain.Data) {
			if len(text) > 5 {
				said = append(said, text)
			}
		}
		theirs := numbersIn(t, plain.Data)
		for _, d := range app.Dialects() {
			for _, format := range []string{"", "json", "form"} {
				w := &switchhook.Webhook{ID: "wh_1", AccountID: "acme", URL: "https://example.com/", Dialect: d.Name(), Format: format, Secrets: []switchhook.Secret{{Value: switchhook.NewSecret()}}}
				if d.Name() == "template" {
					w.DialectOptions = map[string]any{"body": "{{ data }}"}
				}
				if len(d.Check(w)) > 0 || d.EventName(dialect.Decoded(plain)) == "" {
					continue
				}
				if _, err := d.Render(dialect.Decoded(plain), w); err != nil {
					continue
				}
				cells++
				cell := d.Name() + " " + format + " " + typ.Name
				made, err := d.Render(dialect.Private(plain, []string{"numbers", "text"}), w)
				if err != nil {
					t.Errorf("%s: masked, it cannot be rendered: %v", cell, err)
					continue
				}
				sent := made.URL + " " + string(made.Body)
				if text, err := url.QueryUnescape(sent); err == nil {
					sent += text
				}
				for _, p := range theirs {
					if bare := numbers.FindString(p); bare != "" && strings.Contains(sent, strings.TrimPrefix(p, "+")) {
						t.Errorf("%s tells the number %s: %s", cell, p, sent)
					}
				}
				for _, text := range said {
					if strings.Contains(sent, text) {
						t.Errorf("%s tells %q: %s", cell, text, sent)
					}
				}
			}
		}
	}
	if cells < 300 {
		t.Errorf("only %d were tried", cells)
	}
	t.Logf("%d cells", cells)
}

// numbersIn are the numbers of a sample.
func numbersIn(t *testing.T, data []byte) []string {
	t.Helper()
	list := regexp.MustCompile(`\+\d{11}`).FindAllString(string(data), -1)
	slices.Sort(list)
	return slices.Compact(list)
}

// spoken is what people say in a sample.
func spoken(t *testing.T, name string, v json.RawMessage) (list []string) {
	t.Helper()
	var object map[string]json.RawMessage
	var array []json.RawMessage
	var text string
	switch {
	case json.Unmarshal(v, &object) == nil:
		for name, member := range object {
			list = append(list, spoken(t, name, member)...)
		}
	case json.Unmarshal(v, &array) == nil:
		for _, e := range array {
			list = append(list, spoken(t, name, e)...)
		}
	case json.Unmarshal(v, &text) == nil && (name == "text" || name == "html" || name == "subject"):
		list = append(list, text)
	}
	return list
}
