package source

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/switchhook/switchhook"
)

// Wording is what a kind of source says of options that are wrong.
type Wording struct {
	Kind   string // such as asterisk
	Guide  string // the page that explains them, such as docs/guides/asterisk.md
	List   string // a list of texts as an example, such as ["trunk*"]
	Object string // what is expected where an object belongs
}

// ReadOptions reads a source's options strictly into a struct: an unknown option or one of a
// wrong type is an error with the field options.X.
func ReadOptions(given map[string]any, into any, say Wording) error {
	raw, err := json.Marshal(given)
	if err != nil {
		return switchhook.InvalidField("options", "cannot be written as JSON: %v", err)
	}
	err = jsonv2.Unmarshal(raw, into, jsonv2.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*jsonv2.SemanticError](err)
	if !ok {
		return switchhook.InvalidField("options", "%v", err)
	}
	field := "options" + strings.ReplaceAll(string(e.JSONPointer), "/", ".")
	if errors.Is(err, jsonv2.ErrUnknownName) {
		return switchhook.InvalidField(field, "there is no such option of a %s source; see %s", say.Kind, say.Guide)
	}
	expected := say.Object
	if e.GoType != nil {
		switch e.GoType.Kind() { //nolint:exhaustive // the kinds that options have
		case reflect.String:
			expected = "a text (a number needs quotes)"
		case reflect.Bool:
			expected = "true or false"
		case reflect.Int:
			expected = "a whole number"
		case reflect.Slice:
			expected = "a list of texts, such as " + say.List
		}
	}
	return switchhook.InvalidField(field, "expected %s", expected)
}
