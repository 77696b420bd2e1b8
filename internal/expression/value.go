package expression

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// maxValue bounds what Value returns: its texts in bytes, and sixteen for each
// value besides. Lists that share their elements are small in memory and large
// written out.
const maxValue = 1 << 20

// Value evaluates the expression and returns what JSON can hold: nil, bool,
// int64, uint64, float64, string, []any or map[string]any. A timestamp becomes
// RFC 3339 text, a duration seconds such as 90s, bytes become base64, and an
// optional that is empty nil. What the expression asks for and the event does
// not have is an error that is ErrMissing.
func (p *Program) Value(in *Input) (any, error) { return p.Spend(in, new(uint64(MaxCost))) }

// Spend is Value for one of several expressions that share a budget: it takes
// what the evaluation cost from budget, and fails where that is not enough.
func (p *Program) Spend(in *Input, budget *uint64) (any, error) {
	v, cost, err := p.run(in)
	if cost > *budget {
		*budget = 0
		return nil, errors.New("the expressions together do more than they may with this event")
	}
	*budget -= cost
	if err != nil {
		return nil, err
	}
	left := maxValue
	out, err := plain(v, &left)
	*budget -= min(*budget, uint64(maxValue-max(left, 0))/100)
	return out, err
}

func plain(v ref.Val, left *int) (any, error) {
	if *left -= 16; *left < 0 {
		return nil, errors.New("the expression's value is too large")
	}
	switch v := v.(type) {
	case types.Null:
		return nil, nil //nolint:nilnil // null's value is nil
	case types.Bool:
		return bool(v), nil
	case types.Int:
		return int64(v), nil
	case types.Uint:
		return uint64(v), nil
	case types.Double:
		if f := float64(v); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f, nil
		}
		return nil, fmt.Errorf("the expression's value is no number: %v", float64(v))
	case types.String:
		if *left -= len(v); *left < 0 {
			return nil, errors.New("the expression's value is too large")
		}
		return string(v), nil
	case types.Bytes:
		if *left -= len(v) * 4 / 3; *left < 0 {
			return nil, errors.New("the expression's value is too large")
		}
		return base64.StdEncoding.EncodeToString(v), nil
	case types.Timestamp:
		return v.Time.UTC().Format(time.RFC3339Nano), nil
	case types.Duration:
		return strconv.FormatFloat(v.Seconds(), 'f', -1, 64) + "s", nil
	case *types.Optional:
		if !v.HasValue() {
			return nil, nil //nolint:nilnil // as null
		}
		return plain(v.GetValue(), left)
	case traits.Lister:
		list := []any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			e, err := plain(it.Next(), left)
			if err != nil {
				return nil, err
			}
			list = append(list, e)
		}
		return list, nil
	case traits.Mapper:
		object := map[string]any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			name, ok := key.ConvertToType(types.StringType).(types.String)
			if !ok {
				return nil, errors.New("the expression's value has a key that is no text: " + kindName(key))
			}
			*left -= len(name)
			e, err := plain(v.Get(key), left)
			if err != nil {
				return nil, err
			}
			object[string(name)] = e
		}
		return object, nil
	default:
		return nil, errors.New("the expression's value is " + kindName(v) + ", which cannot be written")
	}
}

// kindName is the word for a value's type in a sentence.
func kindName(v ref.Val) string {
	switch v.(type) {
	case types.Null:
		return "null"
	case types.Bool:
		return "a boolean"
	case types.Int, types.Uint, types.Double:
		return "a number"
	case types.String:
		return "a string"
	case traits.Lister:
		return "a list"
	case traits.Mapper:
		return "an object"
	default:
		return "a " + v.Type().TypeName()
	}
}
