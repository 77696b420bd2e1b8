package expression

import (
	"maps"
	"slices"

	"cel.dev/cel-go/common/decls"
)

// Functions lists the functions and operators of the environment.
func Functions() ([]string, error) {
	env, err := theEnvironment()
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(map[string]*decls.FunctionDecl(env.Functions()))), nil
}
