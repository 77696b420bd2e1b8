package expression

import (
	"errors"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// maxText is the longest text that a function may make, in bytes.
const maxText = 256 << 10

// stringFunctions are those of CEL's strings extension that customers need,
// under the same names and with the same meaning, but bounded. The extension's
// own run before their cost is counted: replace can make a terabyte of two
// texts of a megabyte, and indexOf compares every character with every other.
// format, quote, reverse and charAt are left out.
func stringFunctions() cel.EnvOption {
	text, number, list := cel.StringType, cel.IntType, cel.ListType(cel.StringType)
	opts := []cel.EnvOption{}
	add := func(name string, overloads ...cel.FunctionOpt) { opts = append(opts, cel.Function(name, overloads...)) }
	on := func(id string, args []*cel.Type, result *cel.Type, fn func(args ...ref.Val) ref.Val) cel.FunctionOpt {
		return cel.MemberOverload(id, args, result, cel.FunctionBinding(fn))
	}
	each := func(name, id string, fn func(string) string) {
		add(name, on(id, []*cel.Type{text}, text, func(args ...ref.Val) ref.Val { return types.String(fn(str(args[0]))) }))
	}
	each("lowerAscii", "string_lower_ascii", func(s string) string { return ascii(s, 'A', 'Z') })
	each("upperAscii", "string_upper_ascii", func(s string) string { return ascii(s, 'a', 'z') })
	each("trim", "string_trim", strings.TrimSpace)
	add("indexOf", on("string_index_of_string", []*cel.Type{text, text}, number, func(args ...ref.Val) ref.Val {
		s := str(args[0])
		at := strings.Index(s, str(args[1]))
		if at < 0 {
			return types.Int(-1)
		}
		return types.Int(len([]rune(s[:at])))
	}))
	add("substring",
		on("string_substring_int", []*cel.Type{text, number}, text, func(args ...ref.Val) ref.Val {
			return substring(str(args[0]), args[1], nil)
		}),
		on("string_substring_int_int", []*cel.Type{text, number, number}, text, func(args ...ref.Val) ref.Val {
			return substring(str(args[0]), args[1], args[2])
		}))
	add("replace", on("string_replace_string_string", []*cel.Type{text, text, text}, text, func(args ...ref.Val) ref.Val {
		s, old, with := str(args[0]), str(args[1]), str(args[2])
		if len(s)+strings.Count(s, old)*len(with) > maxText {
			return tooLong()
		}
		return types.String(strings.ReplaceAll(s, old, with))
	}))
	add("split", on("string_split_string", []*cel.Type{text, text}, list, func(args ...ref.Val) ref.Val {
		pieces := strings.SplitN(str(args[0]), str(args[1]), MaxCost+1)
		if len(pieces) > MaxCost {
			return tooLong()
		}
		return types.NewStringList(types.DefaultTypeAdapter, pieces)
	}))
	add("join",
		on("list_join", []*cel.Type{list}, text, func(args ...ref.Val) ref.Val { return join(args[0], "") }),
		on("list_join_string", []*cel.Type{list, text}, text, func(args ...ref.Val) ref.Val { return join(args[0], str(args[1])) }))
	return func(env *cel.Env) (*cel.Env, error) {
		var err error
		for _, opt := range opts {
			if env, err = opt(env); err != nil {
				return nil, err
			}
		}
		return env, nil
	}
}

func str(v ref.Val) string {
	s, _ := v.(types.String)
	return string(s)
}

func tooLong() ref.Val { return types.WrapErr(errors.New("a text is too long for this function")) }

// ascii turns the case of the letters from lo to hi.
func ascii(s string, lo, hi byte) string {
	b := []byte(s)
	for i, c := range b {
		if c >= lo && c <= hi {
			b[i] = c ^ 0x20
		}
	}
	return string(b)
}

// substring counts characters, as CEL's does.
func substring(s string, from, to ref.Val) ref.Val {
	runes := []rune(s)
	start, _ := from.(types.Int)
	end := types.Int(len(runes))
	if to != nil {
		end, _ = to.(types.Int)
	}
	if start < 0 || start > end || end > types.Int(len(runes)) {
		return types.NewErr("index out of range: substring(%d, %d) of %d characters", start, end, len(runes))
	}
	return types.String(runes[start:end])
}

func join(v ref.Val, separator string) ref.Val {
	list, ok := v.(traits.Lister)
	if !ok {
		return types.MaybeNoSuchOverloadErr(v)
	}
	var b strings.Builder
	first, room := true, maxText
	for it := list.Iterator(); it.HasNext() == types.True; {
		e := it.Next()
		s, ok := e.(types.String)
		if !ok {
			return types.NewErr("join: an element of the list is %s, expected a string", kindName(e))
		}
		// An empty text counts too: there can be any number of them.
		if room -= len(s) + len(separator) + 1; room < 0 {
			return tooLong()
		}
		if !first {
			b.WriteString(separator)
		}
		first = false
		b.WriteString(string(s))
	}
	return types.String(b.String())
}
