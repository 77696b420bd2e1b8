package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	jsonv2 "github.com/go-json-experiment/json"

	"github.com/switchhook/switchhook"
)

const (
	// heartbeat is how often a silent stream says that it is alive; proxies cut
	// what is silent for a minute or less.
	heartbeat = 15 * time.Second
	// writeWait is how long a client may take to read what we write.
	writeWait = 30 * time.Second
	// gather is the least time between two looks into the store: many commits
	// in a row are read at once.
	gather = 50 * time.Millisecond
	// mostTail is how many items are read from the store at once.
	mostTail = 100
	// beginning is before every event and attempt.
	beginning = -1
)

// Streaming is the input of every stream beside its filter.
type Streaming struct {
	LastEventID string `header:"Last-Event-ID" doc:"Go on after this one: the id of the last message that came."`
	Backlog     int    `query:"backlog" minimum:"0" maximum:"200" doc:"How many of the newest to begin with. Default: none, or all since Last-Event-ID."`
}

type streamOutput struct{ Body func(huma.Context) }

// A tail is a list that grows at its end.
type tail[T any] struct {
	// list reads a page: what comes after a place, in rising order, or with
	// after 0 the newest first.
	list func(ctx context.Context, after int64, limit int) ([]T, error)
	// end is the place of the newest item.
	end func(ctx context.Context) (int64, error)
	// place is where an item stands. It rises.
	place func(T) int64
	// view is how an item is sent. Nil: it is passed over.
	view func(T) any
}

// streamOf describes a stream.
func streamOf(method, id, path, summary, description string, tags []string, item *huma.Schema) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Tags: tags, Summary: summary,
		Description: description + " Server-sent events: data is the JSON, id what Last-Event-ID takes to go on without a gap; an id without data says only how far the stream is. " +
			"A comment every 15 seconds says that the stream is alive.",
		Responses: map[string]*huma.Response{"200": {
			Description: "Server-sent events, until the client leaves",
			Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString, Description: "Each data line is one JSON document."}}},
			Extensions:  map[string]any{"x-item": item},
		}},
	}
}

func (a *api) registerStreams() {
	handle(a, streamOf(http.MethodGet, "stream-events", "/v1/events/stream", "Follow events live", "Each event as it is accepted.", []string{"Events"}, schemaOf[switchhook.Event](a)), a.streamEvents)
	handle(a, streamOf(http.MethodGet, "stream-attempts", "/v1/attempts/stream", "Follow attempts live", "Each attempt as it ends, without what was sent and what came back: GET /v1/attempts/{id} has it.",
		[]string{"Deliveries"}, schemaOf[attemptBrief](a)), a.streamAttempts)
}

func (a *api) streamEvents(ctx context.Context, in *struct {
	Streaming
	EventFilter
},
) (*streamOutput, error) {
	f, err := in.of(callerOf(ctx))
	if err != nil {
		return nil, err
	}
	return follow(ctx, a, in.Streaming, tail[*switchhook.Event]{
		list: func(ctx context.Context, after int64, limit int) ([]*switchhook.Event, error) {
			f := f
			f.After = after
			events, _, err := a.Store.Events(ctx, f, switchhook.Page{Limit: limit})
			return events, err
		},
		end:   a.Store.LastSequence,
		place: func(ev *switchhook.Event) int64 { return ev.Sequence },
		view:  func(ev *switchhook.Event) any { return ev },
	})
}

// An attemptBrief is an attempt without its request and response.
type attemptBrief struct {
	ID            string                   `json:"id"`
	DeliveryID    string                   `json:"delivery_id"`
	EventID       string                   `json:"event_id"`
	EventType     string                   `json:"event_type"`
	AccountID     string                   `json:"account_id"`
	WebhookID     string                   `json:"webhook_id"`
	Dialect       string                   `json:"dialect"`
	Number        int                      `json:"attempt_number"`
	StartedAt     time.Time                `json:"started_at"`
	DurationMS    float64                  `json:"duration_ms"`
	Outcome       switchhook.Outcome       `json:"outcome"`
	Status        int                      `json:"status,omitzero" doc:"The HTTP status that came back; absent if none did."`
	Error         string                   `json:"error,omitzero"`
	State         switchhook.DeliveryState `json:"delivery_state"`
	NextAttemptAt time.Time                `json:"next_attempt_at,omitzero"`
}

func briefOf(at *switchhook.Attempt) *attemptBrief {
	b := &attemptBrief{
		ID: at.ID, DeliveryID: at.DeliveryID, EventID: at.EventID, EventType: at.EventType, AccountID: at.AccountID, WebhookID: at.WebhookID,
		Dialect: at.Dialect, Number: at.Number, StartedAt: at.StartedAt, DurationMS: at.DurationMS, Outcome: at.Outcome, Error: at.Error,
		State: at.State, NextAttemptAt: at.NextAttemptAt,
	}
	if at.Response != nil {
		b.Status = at.Response.Status
	}
	return b
}

func (a *api) streamAttempts(ctx context.Context, in *struct {
	Streaming
	AttemptFilter
},
) (*streamOutput, error) {
	f, err := in.of(callerOf(ctx))
	if err != nil {
		return nil, err
	}
	events, narrow := in.events(f.Accounts)
	wanted := map[int64]bool{}
	place := func(at *switchhook.Attempt) int64 { return at.Row }
	return follow(ctx, a, in.Streaming, tail[*switchhook.Attempt]{
		list: func(ctx context.Context, after int64, limit int) ([]*switchhook.Attempt, error) {
			f := f
			f.After = after
			if narrow && after == 0 { // the newest
				attempts, _, err := a.attemptsByEvent(ctx, f, events, switchhook.Page{Limit: limit})
				slices.SortFunc(attempts, func(x, y *switchhook.Attempt) int { return cmp.Compare(y.Row, x.Row) })
				for _, at := range attempts {
					wanted[at.Sequence] = true
				}
				return attempts, err
			}
			attempts, _, err := a.Store.Attempts(ctx, f, switchhook.Page{Limit: limit})
			if narrow && err == nil {
				wanted, err = a.among(ctx, events, attempts)
			}
			return attempts, err
		},
		end: func(ctx context.Context) (int64, error) {
			newest, _, err := a.Store.Attempts(ctx, switchhook.AttemptFilter{}, switchhook.Page{Limit: 1})
			if err != nil || len(newest) == 0 {
				return 0, err
			}
			return place(newest[0]), nil
		},
		place: place,
		view: func(at *switchhook.Attempt) any {
			if narrow && !wanted[at.Sequence] {
				return nil
			}
			return briefOf(callerOf(ctx).told(at))
		},
	})
}

// follow answers with a stream. What can be wrong is found out before its first
// byte, so that it is answered as everywhere else.
func follow[T any](ctx context.Context, a *api, in Streaming, t tail[T]) (*streamOutput, error) {
	after, first, err := t.begin(ctx, in)
	if err != nil {
		return nil, err
	}
	c := callerOf(ctx)
	return &streamOutput{Body: func(hctx huma.Context) { //nolint:contextcheck // it is of the same request as ctx
		r, w := humago.Unwrap(hctx)
		s := &stream[T]{tail: t, feed: a.Feed, w: w, rc: http.NewResponseController(w), after: after}
		s.still = a.still(c, r, hctx.Operation().OperationID)
		err := s.run(r.Context(), first)
		if ex, ok := r.Context().Value(exchangeKey{}).(*exchange); ok && err != nil && r.Context().Err() == nil && switchhook.ErrorCode(err) != switchhook.CodeNotFound {
			ex.err = err
		}
	}}, nil
}

// still makes a function that reports whether a request may go on: whether its key still
// opens the same accounts. It is for one goroutine.
func (a *api) still(c caller, r *http.Request, operation string) func() bool {
	sees := slices.Sorted(slices.Values(c.all()))
	return func() bool {
		now, err := a.authorize(r, operation)
		if err != nil || now.tenants == c.tenants {
			return err == nil
		}
		c = now
		return slices.Equal(sees, slices.Sorted(slices.Values(c.all()))) // else it begins anew, and sees others
	}
}

// begin finds where a stream starts, and what it sends at once.
func (t tail[T]) begin(ctx context.Context, in Streaming) (after int64, first []T, err error) {
	if in.LastEventID != "" {
		after, err = strconv.ParseInt(in.LastEventID, 10, 64)
		if err != nil || after < 0 {
			return 0, nil, switchhook.InvalidField("Last-Event-ID", "expected the id of a message of this stream, a whole number")
		}
		// A place beyond the end is another store's. To wait until this one has
		// come so far would pass over all until then.
		end, err := t.end(ctx)
		if err != nil {
			return 0, nil, err
		}
		if after = min(after, end); after == 0 {
			after = beginning
		}
		return after, nil, nil
	}
	// The end is taken before the backlog is read: what comes between the two
	// is in the backlog, and not sent again.
	if after, err = t.end(ctx); err != nil {
		return 0, nil, err
	}
	if after == 0 {
		after = beginning
	}
	if in.Backlog == 0 {
		return after, nil, nil
	}
	first, err = t.list(ctx, 0, in.Backlog)
	if err != nil {
		return 0, nil, err
	}
	slices.Reverse(first)
	if len(first) > 0 {
		after = max(after, t.place(first[len(first)-1]))
	}
	return after, first, nil
}

// A stream is one client that follows a tail.
type stream[T any] struct {
	tail  tail[T]
	feed  *Feed
	w     http.ResponseWriter
	rc    *http.ResponseController
	after int64
	still func() bool // the client's key is still one
}

// run sends what there is and then what comes, until the client leaves, its key is
// none any more, or the feed is closed. It begins with the place where it is: whoever
// loses the connection before anything came goes on from there.
func (s *stream[T]) run(ctx context.Context, first []T) error {
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold it back
	s.w.WriteHeader(http.StatusOK)
	// The server's own deadlines are for requests that end.
	if err := s.rc.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if err := s.write(fmt.Appendf(nil, "retry: 2000\nid: %d\n\n", s.place(first))); err != nil {
		return err
	}
	if err := s.send(first); err != nil {
		return err
	}
	alive := time.NewTicker(heartbeat)
	defer alive.Stop()
	for {
		wake, open := s.feed.wait()
		if !open || !s.still() {
			return nil
		}
		if err := s.catchUp(ctx); err != nil {
			return err
		}
		pause := time.NewTimer(gather)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil
		}
		select {
		case <-wake:
		case <-alive.C:
			if err := s.write(fmt.Appendf(nil, ": alive\nid: %d\n\n", max(s.after, 0))); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// catchUp sends all that is new.
func (s *stream[T]) catchUp(ctx context.Context) error {
	// What a filter passes over need not be looked at again: no item up to the
	// end, as it is before the look, can come later.
	end, err := s.tail.end(ctx)
	if err != nil {
		return err
	}
	for {
		items, err := s.tail.list(ctx, s.after, mostTail)
		if err != nil {
			return err
		}
		if err := s.send(items); err != nil {
			return err
		}
		if len(items) < mostTail {
			if end > 0 { // at 0 there is nothing yet, and we stay at the beginning
				s.after = max(s.after, end)
			}
			return nil
		}
	}
}

func (s *stream[T]) send(items []T) error {
	if len(items) == 0 {
		return nil
	}
	var b []byte
	for _, item := range items {
		s.after = max(s.after, s.tail.place(item))
		v := s.tail.view(item)
		if b = fmt.Appendf(b, "id: %d\n", s.tail.place(item)); v == nil {
			b = append(b, '\n') // it says how far the stream is
			continue
		}
		b = append(b, "data: "...)
		raw, err := jsonv2.Marshal(v, marshalOptions())
		if err != nil {
			return err
		}
		b = append(append(b, raw...), "\n\n"...)
	}
	return s.write(b)
}

// place is where the stream is before its first messages.
func (s *stream[T]) place(first []T) int64 {
	if len(first) > 0 {
		return s.tail.place(first[0]) - 1
	}
	return max(s.after, 0)
}

func (s *stream[T]) write(b []byte) error {
	if err := s.rc.SetWriteDeadline(time.Now().Add(writeWait)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	return s.rc.Flush()
}
