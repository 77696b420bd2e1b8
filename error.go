package switchhook

import (
	"errors"
	"fmt"
)

// Code says to a program what kind of error it met. Codes are stable: the API
// sends them as the code member of its problem documents (RFC 9457).
type Code string

// The codes.
const (
	CodeInvalid        Code = "invalid"           // a field is wrong; Fields says which
	CodeMalformed      Code = "malformed"         // the body is not JSON, or has a member twice
	CodeUnknownType    Code = "unknown_type"      // the catalogue has no such event type
	CodeUnknownAccount Code = "unknown_account"   // no such account, or not yours
	CodeNotFound       Code = "not_found"         // no such thing, or not yours
	CodeConflict       Code = "conflict"          // the id is taken
	CodeUnauthorized   Code = "unauthorized"      // no valid key
	CodeForbidden      Code = "forbidden"         // the key may not do this
	CodeSuspended      Code = "account_suspended" // the account, or one above it, is suspended
	CodeTooLarge       Code = "too_large"         // over a size limit
	CodeUnavailable    Code = "unavailable"       // the store cannot be reached; try again
	CodeInternal       Code = "internal"          // our fault; the cause is in the log
)

// A FieldError names one wrong field.
type FieldError struct {
	// Field is the path of the field, such as "events[3].data.call.from" or "url".
	Field string `json:"field"`
	// Message says what is wrong and what was expected.
	Message string `json:"message"`
}

// An Error speaks to three readers: Code to programs, Message (and Fields) to
// the person who made the request, the wrapped cause to the operator's log.
// Any other error is an internal one, of which the person sees no detail.
type Error struct {
	Code    Code
	Message string
	Fields  []FieldError
	cause   error
}

// Errorf makes an error of a code with a sentence for the person.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// InvalidField makes the error of one wrong field.
func InvalidField(field, format string, args ...any) *Error {
	msg := fmt.Sprintf(format, args...)
	return &Error{Code: CodeInvalid, Message: field + ": " + msg, Fields: []FieldError{{Field: field, Message: msg}}}
}

// With adds the cause, for the log only.
func (e *Error) With(cause error) *Error {
	e.cause = cause
	return e
}

// Error is the sentence, followed by the cause where there is one.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Message + ": " + e.cause.Error()
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// ErrorCode returns the code of the first [Error] in err's chain, and
// CodeInternal for any other error.
func ErrorCode(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}
