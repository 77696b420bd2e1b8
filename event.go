package switchhook

import (
	"encoding/json"
	"time"
)

// An Event is one thing that happened on a phone system. Once accepted it never
// changes: dialects read it, the engine carries it, nobody edits it.
type Event struct {
	// ID is unique within the account: the client's own, or evt_….
	ID string `json:"id"`
	// Type is the name in the catalogue, such as "call.answered".
	Type string `json:"type"`
	// AccountID is the account that it happened in.
	AccountID string `json:"account_id"`
	// Key is the ordering key. Deliveries of one webhook with the same key go
	// in the order in which their events were accepted. Empty: unordered.
	Key string `json:"key,omitzero"`
	// Sequence is the place in the order of acceptance. It rises within account
	// and key; gaps mean nothing.
	Sequence int64 `json:"sequence"`
	// OccurredAt is when it happened, by the source's clock.
	OccurredAt time.Time `json:"occurred_at"`
	// AcceptedAt is when Switchhook took it over, by its own clock.
	AcceptedAt time.Time `json:"accepted_at"`
	// Source is the id of the source that told it; empty if it came by the API.
	Source string `json:"source,omitzero"`
	// Data is the JSON object of its resources, as the catalogue describes them.
	Data json.RawMessage `json:"data"`

	// Resources is Data decoded, once, by the catalogue. It is nil until then.
	Resources *Resources `json:"-"`
	// Targets are the ids of the webhooks that it is to be delivered to.
	Targets []string `json:"-"`
	// IDGiven is set where the client chose the id: only these can come twice.
	IDGiven bool `json:"-"`
	// Relayed is set where the event came as another system's webhook. It is news,
	// whatever times its data names (their clock may be wrong, their zone
	// unknown), so its age counts from AcceptedAt.
	Relayed bool `json:"-"`
	// Original is what that system's webhook said, so that the system's own
	// dialect can send it on unchanged. Nobody else sees it. It is nil where there
	// is nothing to keep. See OriginalOf.
	Original *Original `json:"-"`
	// FirstLegTold is set, while it is matched, on a call.hungup whose first
	// leg's end was told before by leg.hungup (the caller was transferred away):
	// systems that speak of legs have nothing more to say.
	FirstLegTold bool `json:"-"`
	// CallID is the id of the leg that it is about, where there is one; kept
	// beside the data so that a call's events can be found.
	CallID string `json:"-"`
	// Opens: a call begins with it. Nothing was known of the call before; most
	// often it is the call.created.
	Opens bool `json:"-"`
}

// OriginalOf is the event's Original where it is the system's, else nil.
func (e *Event) OriginalOf(system string) *Original {
	if e.Original == nil || e.Original.System != system {
		return nil
	}
	return e.Original
}

// An Original is the body of another system's webhook. Like the event it never
// changes.
type Original struct {
	// System is whose webhook it was, such as kazoo: the source's kind.
	System string `json:"system"`
	// Version is the payload's, where the system has several, as Kazoo has v1 and v2.
	Version string `json:"version,omitzero"`
	// Name is what the system calls the event where our type does not tell, such
	// as VoIPBin's call_hangup: what is asked for it need not read Body.
	Name string `json:"name,omitzero"`
	// Format is json, form or text.
	Format string `json:"format"`
	// Body is UTF-8. A form of Kazoo's is kept as the JSON that it stands for.
	Body string `json:"body"`
	// Gaps are the places of a form's empty segments, which that JSON has not.
	Gaps []int `json:"gaps,omitzero"`
}

// An EventFilter selects events. Empty fields select everything.
type EventFilter struct {
	Accounts []string  // any of these; nil means all
	Types    []string  // globs, any of them; * crosses dots
	Key      string    // the ordering key
	CallID   string    // a leg's id or a call's root id
	Number   string    // a phone number, as it stands in the data
	Party    string    // one of catalogue.Parties
	Opens    bool      // only those that calls begin with
	Since    time.Time // accepted at or after
	Until    time.Time // accepted before
	After    int64     // sequence above this one, in rising order, -1 from the beginning (for streams); 0: newest first
	Before   int64     // sequence below this one; 0: any
}

// A Page says how much of a list is wanted, and from where.
type Page struct {
	Limit  int    // the most items; the caller has bounded it
	Cursor string // where the last page ended; empty: from the start
}

// Resources are the canonical resources that an event's data can carry. Each is
// a snapshot, its whole state as of the event. A nil one is not part of the
// event. The catalogue says which type carries which.
type Resources struct {
	Call      *Call      `json:"call,omitzero"`
	Extension *Extension `json:"extension,omitzero"`
	Number    *Number    `json:"number,omitzero"`
	RingGroup *RingGroup `json:"ring_group,omitzero"`
	Queue     *Queue     `json:"queue,omitzero"`
	QueueCall *QueueCall `json:"queuecall,omitzero"`
	Agent     *Agent     `json:"agent,omitzero"`
	Flow      *Flow      `json:"flow,omitzero"`
	Message   *Message   `json:"message,omitzero"`
	Voicemail *Voicemail `json:"voicemail,omitzero"`
	Fax       *Fax       `json:"fax,omitzero"`
	Device    *Device    `json:"device,omitzero"`

	Conference *Conference `json:"conference,omitzero"`
	Recording  *Recording  `json:"recording,omitzero"`
	// Notification holds the mail fields that any event may carry.
	Notification *Notification `json:"notification,omitzero"`

	// RecordChange's members lie flat in the data of record.* events.
	RecordChange

	// Subject's members lie flat in the data of the events that carry no resource.
	Subject
}

// A Subject holds the members that say what an event without a resource is
// about. Most of what lies flat in data has no member here: the catalogue
// describes it, and dialects read it from the data.
type Subject struct {
	CallID        string `json:"call_id,omitzero"`         // emergency.*, notification.custom
	PortRequestID string `json:"port_request_id,omitzero"` // port.*
	UserID        string `json:"user_id,omitzero"`         // user.*
	HookID        string `json:"hook_id,omitzero"`         // webhook.disabled
	SourceID      string `json:"source_id,omitzero"`       // source.*
}

// A Receipt is the answer to an accepted event.
type Receipt struct {
	ID string `json:"id"`
	// Duplicate: the id was accepted before; nothing is sent twice.
	Duplicate bool `json:"duplicate"`
	// Deliveries is how many webhooks it goes to.
	Deliveries int `json:"deliveries"`
}
