package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// The limits of what comes in.
const (
	mostEvents  = 1000
	mostEvent   = 1 << 20  // bytes of one event
	mostRequest = 32 << 20 // bytes of one request
	mostErrors  = 20       // wrong fields that one answer names
	longestKey  = 256      // characters
	longestName = 128      // characters of an event's source
)

const ndjson = "application/x-ndjson"

// errTime says what a time looks like.
var errTime = errors.New("expected an RFC 3339 time such as 2026-01-31T15:04:05.123Z")

// readAll reads a body of at most mostRequest bytes.
func readAll(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	var b bytes.Buffer
	err := readInto(&b, w, r)
	return b.Bytes(), err
}

func readInto(b *bytes.Buffer, w http.ResponseWriter, r *http.Request) error {
	if n := r.ContentLength; n > 0 {
		// No more on the client's mere word; the rest is where the end is read.
		b.Grow(int(min(n, 1<<20)) + bytes.MinRead)
	}
	if _, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, mostRequest)); err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); !tooLarge {
			return switchhook.Errorf(switchhook.CodeMalformed, "the body ended before it was whole").With(err)
		}
		return err
	}
	return nil
}

// bodies are buffers for requests of events, which hold on to nothing of them.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }} //nolint:gochecknoglobals // a pool is useless unless it is shared

// mostKept is the size of the largest buffer that is kept, in bytes: that of a batch of
// 1,000 ordinary events.
const mostKept = 2 << 20

// takeBody reads a request's events.
func takeBody(w http.ResponseWriter, r *http.Request) (events []*switchhook.Event, single bool, err error) {
	b, _ := bodies.Get().(*bytes.Buffer) // the pool has nothing else
	b.Reset()
	defer func() {
		if b.Cap() <= mostKept {
			bodies.Put(b)
		}
	}()
	if err := readInto(b, w, r); err != nil {
		return nil, false, err
	}
	return readEvents(b.Bytes(), mediaTypeOf(r) == ndjson)
}

// An intake reads the events of a request. It reads them twice where something is
// wrong, or rare: the Scanner only takes what is right, jsontext knows the rest.
type intake struct {
	s      ordjson.Scanner
	d      *jsontext.Decoder
	events []*switchhook.Event
	wrong  []switchhook.FieldError

	single  bool // one object
	inArray bool
}

// readEvents reads a body of POST /v1/events: an object (single), an array, or
// lines of objects. What is checked here is the envelope; what an event says is
// the router's to check. Nothing that is returned holds on to body.
func readEvents(body []byte, lines bool) (events []*switchhook.Event, single bool, err error) {
	if in := (&intake{s: ordjson.Scan(body)}); in.scan(lines) && len(in.events) > 0 {
		return in.events, in.single, nil
	}
	return readTokens(body, lines)
}

// readTokens is readEvents by jsontext.
func readTokens(body []byte, lines bool) (events []*switchhook.Event, single bool, err error) {
	in := &intake{d: jsontext.NewDecoder(bytes.NewBuffer(body))}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, false, switchhook.Errorf(switchhook.CodeMalformed, "the body is empty; expected an event, or an array of events")
	}
	switch kind := in.d.PeekKind(); {
	case lines:
		err = in.lines()
	case kind == '[':
		err = in.array()
	case kind == '{':
		in.single = true
		if err = in.event(); err == nil {
			err = in.end()
		}
	default:
		err = in.none()
	}
	if err == nil && len(in.wrong) > 0 {
		err = invalid(in.wrong)
	}
	if err == nil && len(in.events) == 0 {
		err = &switchhook.Error{Code: switchhook.CodeInvalid, Message: "there are no events in the body; expected at least one"}
	}
	return in.events, in.single, ofBatch(err, in.single)
}

// scan reads all events, if nothing is wrong with them.
func (in *intake) scan(lines bool) bool {
	switch kind := in.s.Kind(); {
	case lines:
		for in.scanEvent() {
			if in.s.End() {
				return true
			}
		}
		return false
	case kind == '[':
		return in.s.Array(in.scanEvent) && in.s.End()
	default:
		in.single = true
		return in.scanEvent() && in.s.End()
	}
}

// scanEvent reads the event that comes next, if nothing is wrong with it.
func (in *intake) scanEvent() bool {
	in.s.Kind() // of what lies before it, nothing is the event's
	start := in.s.Offset()
	ev := &switchhook.Event{}
	right := in.s.Object(func(name string) bool {
		in.s.Kind()
		start := in.s.Offset()
		v, ok := in.s.Value()
		return ok && in.member(ev, name, jsontext.Value(v), in.s.Compact(start)) == nil
	})
	in.events = append(in.events, ev)
	return right && len(in.wrong) == 0 && len(in.events) <= mostEvents && in.s.Offset()-start <= mostEvent && ev.Type != "" && ev.Data != nil
}

func (in *intake) lines() error {
	for {
		if in.d.PeekKind() == 0 {
			if _, err := in.d.ReadToken(); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return in.malformed(err)
			}
		}
		if err := in.event(); err != nil {
			return err
		}
	}
}

func (in *intake) array() error {
	in.inArray = true
	if _, err := in.d.ReadToken(); err != nil {
		return in.malformed(err)
	}
	for in.d.PeekKind() != ']' {
		if err := in.event(); err != nil {
			return err
		}
	}
	if _, err := in.d.ReadToken(); err != nil {
		return in.malformed(err)
	}
	return in.end()
}

// none answers a body that is JSON, but neither object nor array.
func (in *intake) none() error {
	v, err := in.d.ReadValue()
	if err != nil {
		return malformed(err, "")
	}
	return &switchhook.Error{
		Code:    switchhook.CodeInvalid,
		Message: "expected an event (an object) or an array of events, got " + ordjson.KindName(v.Kind()),
	}
}

// end makes sure that nothing follows.
func (in *intake) end() error {
	if _, err := in.d.ReadToken(); !errors.Is(err, io.EOF) {
		return switchhook.Errorf(switchhook.CodeMalformed, "there is more after the end of the JSON; send several events as an array, or line by line as %s", ndjson)
	}
	return nil
}

func (in *intake) malformed(err error) error {
	if in.single {
		return malformed(err, "")
	}
	s, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok {
		return malformed(err, eventPath(len(in.events), ""))
	}
	// In an array the pointer begins with the place of the event in it, in lines
	// it does not.
	own := *s
	if in.inArray {
		_, rest, _ := strings.Cut(strings.TrimPrefix(string(s.JSONPointer), "/"), "/")
		own.JSONPointer = ""
		if rest != "" {
			own.JSONPointer = jsontext.Pointer("/" + rest)
		}
	}
	return malformed(&own, eventPath(len(in.events), ""))
}

// eventPath is the path of a field of the i-th event.
func eventPath(i int, field string) string {
	path := "events[" + strconv.Itoa(i) + "]"
	if field == "" {
		return path
	}
	return path + "." + field
}

func (in *intake) bad(field, message string) {
	if len(in.wrong) < mostErrors {
		in.wrong = append(in.wrong, switchhook.FieldError{Field: eventPath(len(in.events), field), Message: message})
	}
}

// event reads the event that comes next.
func (in *intake) event() error {
	if len(in.events) == mostEvents {
		return switchhook.Errorf(switchhook.CodeTooLarge, "there are more than %d events in the request", mostEvents)
	}
	ev := &switchhook.Event{}
	if kind := in.d.PeekKind(); kind != '{' {
		v, err := in.d.ReadValue()
		if err != nil {
			return in.malformed(err)
		}
		in.bad("", "expected an event (an object), got "+ordjson.KindName(v.Kind()))
		in.events = append(in.events, ev)
		return nil
	}
	if _, err := in.d.ReadToken(); err != nil {
		return in.malformed(err)
	}
	start := in.d.InputOffset() - 1 // at its brace: the comma and the blanks before it are not the event's
	for in.d.PeekKind() != '}' {
		name, err := in.d.ReadToken()
		if err != nil {
			return in.malformed(err)
		}
		field := name.String() // the token lives until the next read
		v, err := in.d.ReadValue()
		if err == nil {
			err = in.member(ev, field, v, false)
		}
		if err != nil {
			return in.malformed(err)
		}
	}
	if _, err := in.d.ReadToken(); err != nil {
		return in.malformed(err)
	}
	if in.d.InputOffset()-start > mostEvent {
		return wrongField(switchhook.CodeTooLarge, eventPath(len(in.events), ""), "the event is over the limit of %s", size(mostEvent))
	}
	if ev.Type == "" {
		in.missing("type", "is required: the event's type, such as call.answered")
	}
	if ev.Data == nil {
		in.missing("data", "is required: an object with the event's resources")
	}
	in.events = append(in.events, ev)
	return nil
}

// missing says that a field is not there, unless it is there and wrong.
func (in *intake) missing(field, message string) {
	path := eventPath(len(in.events), field)
	for _, w := range in.wrong {
		if w.Field == path {
			return
		}
	}
	in.bad(field, message)
}

// member takes one member of an event. null stands for "not there". compact: it is
// known to have no blanks between its tokens.
func (in *intake) member(ev *switchhook.Event, name string, v jsontext.Value, compact bool) error {
	if v.Kind() == 'n' {
		v = nil
	}
	switch name {
	case "type":
		in.text(name, v, longestName, func(s string) { ev.Type = s })
	case "account_id":
		in.text(name, v, longestName, func(s string) { ev.AccountID = s })
	case "key":
		in.text(name, v, longestKey, func(s string) { ev.Key = s })
	case "source":
		in.text(name, v, longestName, func(s string) { ev.Source = s })
	case "id":
		in.text(name, v, 0, func(s string) {
			if !switchhook.ValidEventID(s) {
				in.bad(name, "expected 1 to 128 characters of A-Z a-z 0-9 . _ : -")
			}
			ev.ID, ev.IDGiven = s, true
		})
	case "occurred_at":
		in.text(name, v, 0, func(s string) {
			var t time.Time
			// In UTC a year can come out that JSON has no time for.
			if t.UnmarshalText([]byte(s)) != nil || t.UTC().Year() < 0 || t.UTC().Year() > 9999 {
				in.bad(name, errTime.Error())
			}
			ev.OccurredAt = t.UTC()
		})
	case "data":
		switch {
		case v == nil:
		case v.Kind() != '{':
			in.bad(name, "expected an object, got "+ordjson.KindName(v.Kind()))
		case tooDeep(v):
			in.bad(name, nestedTooDeep)
		case compact:
			ev.Data = bytes.Clone(v)
		default:
			var err error
			if ev.Data, err = ordjson.Compact(json.RawMessage(v)); err != nil {
				return err
			}
		}
	default:
		in.bad(name, "there is no such field")
	}
	return nil
}

// text takes a member that is a string of at most so many characters; 0 is as
// many as it likes.
func (in *intake) text(name string, v jsontext.Value, longest int, set func(string)) {
	if v == nil {
		return
	}
	if v.Kind() != '"' {
		in.bad(name, "expected a string, got "+ordjson.KindName(v.Kind()))
		return
	}
	s, ok := ordjson.Unquote(json.RawMessage(v))
	if !ok {
		in.bad(name, "expected a string")
		return
	}
	if longest > 0 && utf8.RuneCountInString(s) > longest {
		in.bad(name, "expected at most "+strconv.Itoa(longest)+" characters")
		return
	}
	set(s)
}
