package api

import (
	"maps"
	"net/http"
	"slices"
)

// PasswordCost is that of passwords, in KiB and passes, which these tests do not pay: they
// hash hundreds.
var PasswordCost = func() [2]uint32 {
	usual := [2]uint32{argonMemory, argonTime}
	argonMemory, argonTime = 64, 1
	return usual
}()

// Patterns are what a handler of New has registered.
func Patterns(h http.Handler) []string { return h.(*API).mux.patterns }

// Operations are those of the table of who may do what.
func Operations() []string { return slices.Sorted(maps.Keys(least)) }

// WithoutSecrets is what answers show of options.
var WithoutSecrets = withoutSecrets
