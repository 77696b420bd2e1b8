package api

import (
	"fmt"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/switchhook/switchhook"
)

// merge applies a merge patch (RFC 7396) to what stands, and reads the result
// as strictly as a new body. settle, if any, may put the merged members right
// before they are read.
func merge[T any](current T, patch []byte, settle func(old, patch, merged map[string]any)) (T, error) {
	var next T
	change := map[string]any{}
	if len(patch) == 0 {
		return next, switchhook.Errorf(switchhook.CodeMalformed, "the body is empty; expected a JSON object")
	}
	if err := readStrict(patch, &change); err != nil {
		return next, err
	}
	if err := unknownNulls[T](change); err != nil {
		return next, err
	}
	old, err := members(current)
	if err != nil {
		return next, err
	}
	merged, err := members(current) // once more: merging writes into it
	if err != nil {
		return next, err
	}
	mergeInto(merged, change)
	if settle != nil {
		settle(old, change, merged)
	}
	raw, err := jsonv2.Marshal(merged)
	if err != nil {
		return next, fmt.Errorf("write the merged fields: %w", err)
	}
	return next, readStrict(raw, &next)
}

// unknownNulls refuses a null for a member that a T does not have: merged, it
// would be gone before anybody could see it.
func unknownNulls[T any](patch map[string]any) error {
	raw, err := jsonv2.Marshal(nulls(patch))
	if err != nil {
		return fmt.Errorf("write the patch's nulls: %w", err)
	}
	return readStrict(raw, new(T))
}

// nulls is what a patch takes away, and the objects that it lies in.
func nulls(patch map[string]any) map[string]any {
	out := map[string]any{}
	for name, v := range patch {
		if inner, ok := v.(map[string]any); ok {
			out[name] = nulls(inner)
		} else if v == nil {
			out[name] = nil
		}
	}
	return out
}

// members is a struct as JSON sees it.
func members(v any) (map[string]any, error) {
	raw, err := jsonv2.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write the current fields: %w", err)
	}
	var m map[string]any
	return m, jsonv2.Unmarshal(raw, &m)
}

func mergeInto(target, patch map[string]any) {
	for name, v := range patch {
		switch v := v.(type) {
		case nil:
			delete(target, name)
		case map[string]any:
			inner, ok := target[name].(map[string]any)
			if !ok {
				inner = map[string]any{}
				target[name] = inner
			}
			mergeInto(inner, v)
		default:
			target[name] = v
		}
	}
}
