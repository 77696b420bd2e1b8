package ledger

import (
	"encoding/json"
	"fmt"
	"strings"
)

func toJSON(what string, v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode %s: %w", what, err)
	}
	return string(b), nil
}

func fromJSON(what, text string, v any) error {
	if err := json.Unmarshal([]byte(text), v); err != nil {
		return fmt.Errorf("decode %s: %w", what, err)
	}
	return nil
}

// document is the JSON of what is made of texts, numbers and times of this era,
// and so cannot fail.
func document(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // a form would become twice as long
	if err := e.Encode(v); err != nil {
		panic("encode a document: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}
