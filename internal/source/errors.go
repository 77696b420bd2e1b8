package source

import (
	"slices"

	"github.com/switchhook/switchhook"
)

// Errors are what is wrong with a request: of each field the first thing, since
// several members can be made of one, and no more than mostErrors.
type Errors []switchhook.FieldError

const mostErrors = 20

// Add notes an error.
func (e *Errors) Add(field, message string) {
	if len(*e) < mostErrors && !e.Has(field) {
		*e = append(*e, switchhook.FieldError{Field: field, Message: message})
	}
}

// Has reports whether one of a field was noted.
func (e *Errors) Has(field string) bool {
	return slices.ContainsFunc(*e, func(f switchhook.FieldError) bool { return f.Field == field })
}

// Err is the error that they are, nil where there are none.
func (e *Errors) Err() error {
	if len(*e) == 0 {
		return nil
	}
	first := (*e)[0]
	return &switchhook.Error{Code: switchhook.CodeInvalid, Fields: *e, Message: first.Field + ": " + first.Message}
}
