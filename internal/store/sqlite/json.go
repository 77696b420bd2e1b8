package sqlite

import (
	"encoding/json"
	"fmt"
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
	b, err := json.Marshal(v)
	if err != nil {
		panic("encode a document: " + err.Error())
	}
	return string(b)
}
