// Package track folds what a phone system says (package source's facts, which speak of
// legs) into events of the catalogue, which speak of calls: which legs make up a call, who
// called whom, who answered, who hung up and why.
//
// It keeps five promises, whatever the facts are, in whatever order, with whatever
// missing among them:
//
//   - A call has one call.created and one call.hungup, and what happens to it between them
//     goes forward only: created, ringing, answered, bridged, hungup. A further leg has
//     leg.created and leg.hungup in the same way.
//   - The same fact, told again or by another interface of the same system at a slightly
//     different time, makes nothing new. What it does make has an id that depends on
//     the leg and on what happened to it, so that a repetition is known downstream.
//   - A list of all that there is (source.Present) makes an end of whatever is not in it,
//     and makes known whatever is new.
//   - What has ended is forgotten, but for a bounded list of ids for facts that come late.
//   - What it believes can be committed with the events (source.Belief) and put back.
//
// Calls join when people of two of them come together: an attended transfer, a pickup, a
// parked call fetched. The one goes on whose first leg talks on; of two such one that leads
// outside, else the older one. The other has its call.hungup, or goes on without the leg
// that left.
package track

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// Options are what a Tracker needs to know of its source.
type Options struct {
	// Source is the source's id, which all event ids depend on.
	Source string
	// Account is whose a call is where nothing else says so.
	Account string
	// Accounts turns a context of the dial plan, a trunk or an account code into an
	// account.
	Accounts map[string]string
	// Owner finds the record of a schema (number, extension, device, queue, ring_group,
	// mailbox, agent) that has a name or number: whose it is, and its id.
	Owner func(schema, name string) (account, id string, ok bool)
	// Silence is after how long a call of which nothing is heard has ended. The default
	// is 12 hours.
	Silence time.Duration
}

// grace is for how long it may remain open what becomes of a call, by our own clock.
const grace = time.Second

// A Tracker folds the facts of one source.
type Tracker struct {
	o Options

	all       map[string]*call // that have not ended, by key
	calls     map[string]*call // the same by what ties their legs
	legs      map[string]*leg  // those that live, and first legs while their call lives
	bridges   map[string][]*leg
	gone      map[string]*call // the calls of legs that ended, for facts that come late
	past      []*call          // calls that ended, in that order
	agents    map[string]*agent
	devices   map[string]*device
	mailboxes map[string]*mailbox
	rooms     map[string]*room
	failures  failures

	missing  map[string]waiting   // calls that were missed, which was not told yet
	open     map[string]time.Time // calls of which something remains open: until when, zero before the next Tick
	recorded map[string]time.Time // legs with a record of their end: until when it may be told, zero before the next Tick
	checked  time.Time            // when calls were last looked at for silence

	events  []*switchhook.Event
	changed map[string]remembered // nil: forgotten
	order   []string              // of the changes
}

var _ source.Tracker = (*Tracker)(nil)

// New returns a Tracker that knows of nothing.
func New(o Options) *Tracker {
	o.Silence = cmp.Or(o.Silence, 12*time.Hour)
	if o.Owner == nil {
		o.Owner = func(string, string) (string, string, bool) { return "", "", false }
	}
	return &Tracker{
		o: o, all: map[string]*call{}, calls: map[string]*call{}, legs: map[string]*leg{}, bridges: map[string][]*leg{}, gone: map[string]*call{}, agents: map[string]*agent{},
		devices: map[string]*device{}, mailboxes: map[string]*mailbox{}, rooms: map[string]*room{},
		missing: map[string]waiting{}, open: map[string]time.Time{}, recorded: map[string]time.Time{}, changed: map[string]remembered{},
	}
}

// Fold returns the events that follow from facts, and the beliefs that changed.
func (t *Tracker) Fold(facts []source.Fact) ([]*switchhook.Event, []source.Belief) {
	for _, f := range facts {
		t.fold(f)
	}
	return t.results()
}

func (t *Tracker) fold(fact source.Fact) {
	switch f := fact.(type) {
	case source.LegStarted:
		t.legStarted(&f)
	case source.LegRinging:
		t.legRinging(f)
	case source.LegAnswered:
		t.legAnswered(f)
	case source.Dialled:
		t.dialled(f)
	case source.DialEnded:
		t.dialEnded(f)
	case source.PartyChanged:
		t.partyChanged(f)
	case source.Linked:
		t.linked(f)
	case source.LegEnded:
		t.legEnded(f)
	case source.EndRecorded:
		t.endRecorded(&f)
	case source.CallEnded:
		t.callEnded(f)
	case source.BridgeEntered:
		t.bridgeEntered(f)
	case source.BridgeLeft:
		t.bridgeLeft(f)
	case source.Held:
		t.held(f)
	case source.Transferred:
		t.transferred(f)
	case source.PickedUp:
		t.pickedUp(f)
	case source.Present:
		t.present(&f)
	case source.Alive:
		t.alive(f)
	default:
		t.foldService(fact)
	}
}

// foldService folds what the switch does beside connecting people.
func (t *Tracker) foldService(fact source.Fact) {
	switch f := fact.(type) {
	case source.Parking:
		t.parking(f)
	case source.DTMF:
		t.dtmf(f)
	case source.Recording:
		t.recording(f)
	case source.Conferred:
		t.conferred(f)
	case source.QueueJoined:
		t.queueJoined(f)
	case source.QueueLeft:
		t.queueLeft(f)
	case source.AgentCalled:
		t.agentCalled(f)
	case source.AgentMissed: // the caller waits on; the leg's end says it
	case source.AgentConnected:
		t.agentConnected(f)
	case source.QueueAbandoned:
		t.queueAbandoned(f)
	case source.QueueCompleted:
		t.queueCompleted(f)
	case source.AgentStatus:
		t.agentStatus(&f)
	case source.VoicemailCount:
		t.voicemailCount(f)
	case source.FaxEnded:
		t.faxEnded(&f)
	case source.Registered:
		t.registered(&f)
	case source.Texted:
		t.texted(f)
	case source.Detailed:
		t.detailed(f)
	case source.Told:
		t.told(f)
	case source.Custom:
		t.custom(f)
	}
}

// Tick does what is due.
func (t *Tracker) Tick(now time.Time) ([]*switchhook.Event, []source.Belief) {
	for _, key := range sortedKeys(t.open) {
		until := t.open[key]
		switch {
		case until.IsZero():
			t.open[key] = now.Add(grace)
		case !until.After(now):
			if c := t.all[key]; c != nil {
				t.settle(c)
			}
			delete(t.open, key)
		}
	}
	t.tickMissing(now)
	t.tickRecorded(now)
	if now.Sub(t.checked) >= time.Minute {
		t.checked = now
		t.endSilent(now)
		t.forgetPast(now)
	}
	return t.results()
}

// results are the events and changes since the last time.
func (t *Tracker) results() ([]*switchhook.Event, []source.Belief) {
	events, changed := t.events, make([]source.Belief, 0, len(t.order))
	for _, id := range t.order {
		b := source.Belief{ID: id}
		if r := t.changed[id]; r != nil {
			b.Data = pack(r)
			if c, ok := r.(*call); ok {
				t.watch(c)
			}
		}
		changed = append(changed, b)
	}
	t.events, t.order = nil, t.order[:0]
	clear(t.changed)
	return events, changed
}

// event adds an event. What it is named by is its type and whatever else tells it from all
// others of the source.
func (t *Tracker) event(account, typ string, at time.Time, data any, name ...string) *switchhook.Event {
	ev := &switchhook.Event{
		ID: source.EventID(t.o.Source, append(name, typ)...), Type: typ,
		AccountID: account, OccurredAt: at, Data: pack(data),
	}
	t.events = append(t.events, ev)
	return ev
}

// pack writes what is made here, which can always be written. It makes UTF-8 of what is not.
func pack(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic("track: " + err.Error())
	}
	return data
}

// stamp is a time as a part of an event's name.
func stamp(at time.Time) string { return strconv.FormatInt(at.UnixMicro(), 36) }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
