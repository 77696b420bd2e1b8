package switchhook

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// DeliveryState is where a delivery stands.
type DeliveryState string

// The states. Pending is the only open one.
const (
	Pending   DeliveryState = "pending"   // waits to be sent, or to be sent again
	Delivered DeliveryState = "delivered" // the receiver said 2xx
	Failed    DeliveryState = "failed"    // the last retry failed; it can be replayed
	Expired   DeliveryState = "expired"   // it was too old to be of use
	Cancelled DeliveryState = "cancelled" // its webhook was disabled or deleted
)

// A Delivery is one event for one webhook. It is not stored as such: it follows
// from the event's targets, the attempts, and what is due.
type Delivery struct {
	ID            string        `json:"id"` // DeliveryID of the three
	EventID       string        `json:"event_id"`
	EventType     string        `json:"event_type"`
	AccountID     string        `json:"account_id"`
	WebhookID     string        `json:"webhook_id"`
	Key           string        `json:"key,omitzero"`
	Sequence      int64         `json:"sequence"` // the event's
	State         DeliveryState `json:"state"`
	Attempts      int           `json:"attempts"`
	NextAttemptAt time.Time     `json:"next_attempt_at,omitzero"`
	Reason        string        `json:"reason,omitzero"` // why it ended otherwise than delivered
	AcceptedAt    time.Time     `json:"accepted_at"`
	EndedAt       time.Time     `json:"ended_at,omitzero"`
}

// A DeliveryFilter selects deliveries. Empty fields select everything.
type DeliveryFilter struct {
	Accounts  []string
	WebhookID string
	EventID   string
	Events    []*Event     // of these events; nil: of any
	Of        *EventFilter // of events of these Types, this CallID and this Number; nil: of any
	State     DeliveryState
	Since     time.Time // the event accepted at or after
	Until     time.Time // the event accepted before
}

// Outcome is how an attempt ended.
type Outcome string

// The outcomes.
const (
	Success Outcome = "success"
	Failure Outcome = "failure"
)

// An Attempt is one try to deliver, with what was sent and what came back.
type Attempt struct {
	ID         string `json:"id"`
	DeliveryID string `json:"delivery_id"`
	EventID    string `json:"event_id"`
	EventType  string `json:"event_type"`
	AccountID  string `json:"account_id"` // the event's
	WebhookID  string `json:"webhook_id"`
	// OwnerID is the webhook's account where that is another than the event's: one above it,
	// whose affair it is where its requests go, and what is answered.
	OwnerID    string        `json:"-"`
	Dialect    string        `json:"dialect"`
	Sequence   int64         `json:"sequence"`       // the event's
	Number     int           `json:"attempt_number"` // from 1; 0: the delivery ended without this attempt being made
	StartedAt  time.Time     `json:"started_at"`
	DurationMS float64       `json:"duration_ms"` // milliseconds
	Outcome    Outcome       `json:"outcome"`
	Replay     bool          `json:"replay,omitzero"` // somebody wanted it again
	Request    *HTTPRequest  `json:"request,omitzero"`
	Response   *HTTPResponse `json:"response,omitzero"`
	Error      string        `json:"error,omitzero"` // what went wrong, for a person
	// State is the delivery's state after this attempt.
	State DeliveryState `json:"delivery_state"`
	// NextAttemptAt is set while another try is due.
	NextAttemptAt time.Time `json:"next_attempt_at,omitzero"`

	// Row is the attempt's place in the history, set by the store.
	Row int64 `json:"-"`
}

// HTTPRequest is a request as it was sent, credentials masked.
type HTTPRequest struct {
	Method  string  `json:"method"`
	URL     string  `json:"url"`
	Headers Headers `json:"headers"`
	Body    string  `json:"body"`
}

// HTTPResponse is what came back. The body is cut at 16 KiB.
type HTTPResponse struct {
	Status  int     `json:"status"`
	Headers Headers `json:"headers"`
	Body    string  `json:"body"`
	// Hidden: it came from a private network, and all but its status is kept back.
	Hidden bool `json:"hidden,omitzero"`
}

// Headers are those of a request or an answer, one value each, sorted by name. In
// JSON they are an object. (A map would cost each delivery more than its signature.)
type Headers []Header

// Header is one of them.
type Header struct{ Name, Value string }

// Get is the value of a header, spelled as it was sent; empty: there is none.
func (h Headers) Get(name string) string {
	for _, each := range h {
		if each.Name == name {
			return each.Value
		}
	}
	return ""
}

// With are the headers with one more, which takes the place of those of its name,
// however spelled.
func (h Headers) With(name, value string) Headers {
	h = slices.DeleteFunc(h, func(each Header) bool { return strings.EqualFold(each.Name, name) })
	return append(h, Header{name, value})
}

// Sort puts them in order.
func (h Headers) Sort() {
	slices.SortFunc(h, func(a, b Header) int { return strings.Compare(a.Name, b.Name) })
}

// MarshalJSON writes an object.
func (h Headers) MarshalJSON() ([]byte, error) {
	m := make(map[string]string, len(h))
	for _, each := range h {
		m[each.Name] = each.Value
	}
	return json.Marshal(m)
}

// UnmarshalJSON reads an object.
func (h *Headers) UnmarshalJSON(b []byte) error {
	var m map[string]string
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	*h = make(Headers, 0, len(m))
	for name, value := range m {
		*h = append(*h, Header{name, value})
	}
	h.Sort()
	return nil
}

// An AttemptFilter selects attempts. Empty fields select everything.
type AttemptFilter struct {
	Accounts  []string
	WebhookID string
	EventID   string
	Events    []*Event // for these events; nil: for any
	Types     []string // globs of the events' types, any of them
	Dialect   string
	Outcome   Outcome
	Since     time.Time // started at or after
	Until     time.Time // started before
	After     int64     // Row above this one, in rising order, -1 from the beginning (for streams); 0: newest first
}
