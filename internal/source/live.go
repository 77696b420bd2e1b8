package source

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/switchhook/switchhook"
)

// A Connector speaks with phone systems of one kind over connections that last, such as
// Asterisk's manager interface. It translates what they say into facts; what the facts
// mean for calls, and what is told of them, it does not know.
type Connector interface {
	// Kind is what a source's kind member says, such as "asterisk".
	Kind() string

	// Secrets are the names of the options whose values nobody is shown.
	Secrets() []string

	// Check names what is wrong with the options of a source: a *switchhook.Error
	// with fields such as options.address.
	Check(options map[string]any) error

	// Run speaks with the system until ctx ends or the connection does, and returns
	// why. The caller waits for a while and calls it again. It reads the wire into a
	// Queue of its own, so that the system never waits for the store. After it has
	// connected it tells what the system has (Present), for it may have missed
	// something. A panic in it ends it, and nothing else; one in a goroutine that it
	// starts would end the program.
	Run(ctx context.Context, s *switchhook.Source, h Host) error
}

// A Door is a Connector whose systems may connect to us, as Asterisk does for ARI: what
// comes to /v1/sources/{id}/ari is its to answer, and to find out who asks.
type Door interface {
	Connector
	Accept(w http.ResponseWriter, r *http.Request, sourceID string)
}

// An Inbox is a Connector whose systems post to us, too: a source of its kind has an ingest
// URL, and what comes there is its to take.
type Inbox interface {
	Connector
	// Post takes a message, and returns once what follows from it is kept. What it refuses
	// is a *switchhook.Error; CodeUnavailable says that it may be tried again.
	Post(ctx context.Context, sourceID string, r *Request) error
}

// Posted reports whether a source of a kind has an ingest URL: c is the kind's Connector, nil
// where it is that of another system's webhooks.
func Posted(c Connector) bool {
	_, inbox := c.(Inbox)
	return c == nil || inbox
}

// A Host is what the program does for one source that runs.
type Host interface {
	// Connected says that the system has let us in, and what it is, such as
	// "Asterisk 22.10.1". kept says that the system has kept what happened while we were
	// away, so that nothing was missed.
	Connected(ctx context.Context, system string, kept bool) error

	// Tell passes facts on, in the order in which they happened, and waits until all that
	// follows from them is committed. What follows and cannot be accepted becomes a
	// reject. It tries until it is done, or ctx ends.
	Tell(ctx context.Context, facts []Fact) error

	// Reject keeps a message that could not be read, with the reason.
	Reject(ctx context.Context, message []byte, reason error)

	// NewQueue is where messages wait between the wire and Tell: in memory, and beyond
	// a bound on disk. What waits is the source's lag.
	NewQueue() *Queue

	// Now is the time. It stands in for the system's where that tells none.
	Now() time.Time
}

// A Tracker folds the facts of one source into events, and remembers what it believes of
// the phone system meanwhile. It is pure: it asks no clock and does no I/O.
type Tracker interface {
	// Fold returns the events that follow, in order, with Type, AccountID, ID (the same
	// for the same facts), OccurredAt and Data, and the beliefs that changed, to be
	// committed with them.
	Fold(facts []Fact) (events []*switchhook.Event, changed []Belief)

	// Tick does what is due at a time of our own clock, and is called every second or so:
	// some things are told once it is clear that nothing more is coming, and a call of
	// which nothing was heard for hours has ended. While messages wait, the time is when
	// the oldest of them came; so it may go back a little.
	Tick(now time.Time) (events []*switchhook.Event, changed []Belief)

	// Restore puts back a belief that was committed earlier.
	Restore(b Belief) error
}

// A Belief is what a Tracker remembers of one thing, such as an open call. Nil Data: it is
// forgotten.
type Belief struct {
	ID   string
	Data json.RawMessage
}
