package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	jsonv2 "github.com/go-json-experiment/json"

	"github.com/switchhook/switchhook"
)

// Codes that only HTTP has.
const (
	codeMethodNotAllowed     switchhook.Code = "method_not_allowed"     // the path knows other methods
	codeUnsupportedMediaType switchhook.Code = "unsupported_media_type" // the body is of a kind that we do not read
	codeTimeout              switchhook.Code = "timeout"                // the body did not come in time
	codeRateLimited          switchhook.Code = "rate_limited"           // more a second than is allowed; Retry-After says when
	codeTooManyOpen          switchhook.Code = "too_many_open"          // too many deliveries of the account wait; Retry-After
	codePreconditionFailed   switchhook.Code = "precondition_failed"    // it is another version than If-Match says
)

// A Problem is an RFC 9457 problem document. It is the body of every answer of
// 400 and above.
type Problem struct {
	Type      string                  `json:"type"`
	Title     string                  `json:"title"`
	Status    int                     `json:"status"`
	Detail    string                  `json:"detail"`
	Code      switchhook.Code         `json:"code"`
	Errors    []switchhook.FieldError `json:"errors,omitempty"`
	RequestID string                  `json:"request_id,omitzero"`
	// RetryAfter says of what was too many after how many seconds it is taken.
	RetryAfter int `json:"retry_after,omitzero"`
}

// Error is the sentence for the person.
func (p *Problem) Error() string { return p.Detail }

// GetStatus makes it an error that huma answers with as it is.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType makes huma send it as what it is.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders are the headers that belong to the code.
func (p *Problem) GetHeaders() http.Header {
	switch p.Code { //nolint:exhaustive // the other codes have no header of their own
	case switchhook.CodeUnauthorized:
		return http.Header{"Www-Authenticate": {`Bearer realm="switchhook"`}}
	case switchhook.CodeUnavailable:
		return http.Header{"Retry-After": {"1"}}
	case codeRateLimited, codeTooManyOpen:
		return http.Header{"Retry-After": {strconv.Itoa(p.RetryAfter)}}
	default:
		return nil
	}
}

// statusOf is the HTTP status of a code.
func statusOf(code switchhook.Code) int {
	switch code { //nolint:exhaustive // internal, and what is not ours, is 500
	case switchhook.CodeInvalid, switchhook.CodeUnknownType, switchhook.CodeUnknownAccount:
		return http.StatusUnprocessableEntity
	case switchhook.CodeMalformed:
		return http.StatusBadRequest
	case switchhook.CodeNotFound:
		return http.StatusNotFound
	case switchhook.CodeConflict:
		return http.StatusConflict
	case switchhook.CodeUnauthorized:
		return http.StatusUnauthorized
	case switchhook.CodeForbidden, switchhook.CodeSuspended:
		return http.StatusForbidden
	case switchhook.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case switchhook.CodeUnavailable:
		return http.StatusServiceUnavailable
	case codeMethodNotAllowed:
		return http.StatusMethodNotAllowed
	case codeUnsupportedMediaType:
		return http.StatusUnsupportedMediaType
	case codeRateLimited, codeTooManyOpen:
		return http.StatusTooManyRequests
	case codePreconditionFailed:
		return http.StatusPreconditionFailed
	case codeTimeout:
		return http.StatusRequestTimeout
	default:
		return http.StatusInternalServerError
	}
}

// problem says an error to the person, and keeps the cause of a 5xx for the log.
func (a *api) problem(ctx context.Context, err error) *Problem {
	ex, _ := ctx.Value(exchangeKey{}).(*exchange)
	if ex == nil {
		ex = &exchange{}
	}
	e := asError(ctx, err)
	p := newProblem(e)
	p.RequestID = ex.id
	if e, ok := errors.AsType[*tooMany](err); ok {
		p.RetryAfter = retryAfter(e.after)
	}
	if p.Status >= http.StatusInternalServerError {
		ex.err = err
		if p.Code == switchhook.CodeInternal {
			p.Detail = "something went wrong on our side; the log has the cause under this request's id"
			p.Errors = nil
		}
	}
	return p
}

func newProblem(e *switchhook.Error) *Problem {
	status := statusOf(e.Code)
	return &Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status,
		Detail: e.Message, Code: e.Code, Errors: e.Fields,
	}
}

// asError finds the *switchhook.Error in an error, or makes one of it.
func asError(ctx context.Context, err error) *switchhook.Error {
	if e, ok := errors.AsType[*switchhook.Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return switchhook.Errorf(switchhook.CodeTooLarge, "the request is over the limit of %s", size(e.Limit))
	}
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
		return switchhook.Errorf(switchhook.CodeUnavailable, "the request was given up before it was answered")
	}
	return switchhook.Errorf(switchhook.CodeInternal, "internal error")
}

// fail answers with a problem document.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := a.problem(r.Context(), err)
	maps.Copy(w.Header(), p.GetHeaders())
	writeJSON(w, p.Status, p.ContentType(""), p)
}

// refuse is fail before the body was read. What of it is still to come may take as long as it
// likes, but the answer does not wait for it longer than a second: net/http reads what is left
// before it answers, so that the connection is of use again.
func (a *api) refuse(w http.ResponseWriter, r *http.Request, err error) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Second)) // where there is a connection
	a.fail(w, r, err)
}

// writeJSON answers with v. The connection's own errors are the client's.
func writeJSON(w http.ResponseWriter, status int, contentType string, v any) {
	b, err := jsonv2.Marshal(v, marshalOptions())
	if err != nil {
		panic(fmt.Errorf("write the answer: %w", err)) // only types of ours come here
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) //nolint:gosec // it is JSON, and said to be: no browser takes it for HTML
}

// invalid is the error of some wrong fields; nil where there are none.
func invalid(fields []switchhook.FieldError) error {
	if len(fields) == 0 {
		return nil
	}
	return &switchhook.Error{Code: switchhook.CodeInvalid, Message: sentence(fields), Fields: fields}
}

// sentence says what is wrong in one line: the first field, and how many more.
func sentence(fields []switchhook.FieldError) string {
	s := fields[0].Field + ": " + fields[0].Message
	switch n := len(fields) - 1; n {
	case 0:
		return s
	case 1:
		return s + " (and one more)"
	default:
		return fmt.Sprintf("%s (and %d more)", s, n)
	}
}

func wrongField(code switchhook.Code, field, format string, args ...any) *switchhook.Error {
	e := switchhook.InvalidField(field, format, args...)
	e.Code = code
	return e
}

func notFound(what, id string) *switchhook.Error {
	return switchhook.Errorf(switchhook.CodeNotFound, "there is no %s %q", what, id)
}

func size(n int64) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}

// unread is what huma says of a body that ends early.
const unread = "cannot read request body"

// blameTheClient has huma answer such a body with 400: to it, that is an error of the server's.
//
//nolint:gochecknoglobals // it is huma's own way of setting the status of its errors
var blameTheClient = sync.OnceFunc(func() {
	usual := huma.NewErrorWithContext
	huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
		if msg == unread {
			status = http.StatusBadRequest
		}
		return usual(ctx, status, msg, errs...)
	}
})

// ownProblem turns huma's own errors (a parameter that is wrong, a body that is
// too large) into problem documents of the same shape as all others.
func (a *api) ownProblem(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	e := &switchhook.Error{Message: m.Detail}
	switch m.Status {
	case http.StatusBadRequest:
		e.Code = switchhook.CodeMalformed
		switch m.Detail {
		case "request body is required":
			e.Message = "the body is empty; expected a JSON object"
		case unread:
			e.Message = "the body ended before it was whole"
		}
	case http.StatusRequestEntityTooLarge:
		e.Code, e.Message = switchhook.CodeTooLarge, fmt.Sprintf("the request is over the limit of %s", size(mostBody))
	case http.StatusRequestTimeout:
		e.Code, e.Message = codeTimeout, "the body did not come in time"
	case http.StatusUnprocessableEntity:
		e.Code = switchhook.CodeInvalid
		for _, d := range m.Errors {
			e.Fields = append(e.Fields, parameterError(d))
		}
		slices.SortStableFunc(e.Fields, func(x, y switchhook.FieldError) int { return strings.Compare(x.Field, y.Field) })
		if len(e.Fields) > 0 {
			e.Message = sentence(e.Fields)
		}
	default:
		e.Code = switchhook.CodeInternal
	}
	return a.problem(ctx.Context(), e), nil
}

// parameterError says in our words what huma says of a parameter.
func parameterError(d *huma.ErrorDetail) switchhook.FieldError {
	_, field, found := strings.Cut(d.Location, ".")
	if !found {
		field = d.Location
	}
	msg := strings.TrimPrefix(d.Message, "invalid value: ")
	switch {
	case msg == "unknown query parameter":
		msg = "there is no such parameter"
	case msg == "invalid integer":
		msg = fmt.Sprintf("expected a whole number, got %q", d.Value)
	case msg == "invalid boolean":
		msg = fmt.Sprintf("expected true or false, got %q", d.Value)
	case strings.HasPrefix(msg, "required "):
		msg = "is required"
	}
	return switchhook.FieldError{Field: field, Message: msg}
}

// Unavailable answers each request that nothing can be done at the moment, and to try
// again in a second.
func Unavailable(why string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		p := newProblem(switchhook.Errorf(switchhook.CodeUnavailable, "%s", why))
		maps.Copy(w.Header(), p.GetHeaders())
		writeJSON(w, p.Status, p.ContentType(""), p)
	}
}
