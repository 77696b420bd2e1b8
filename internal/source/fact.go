package source

import (
	"encoding/json"
	"time"

	"github.com/switchhook/switchhook"
)

// A Fact is one thing that a phone system said, in the field's words instead of its own.
// Facts speak of legs (channels) by the system's ids; which calls they make up, who
// answered whom, and what is told of it, is the Tracker's to know. Everything but the id of
// what it is about may be missing: systems differ in what they say.
type Fact interface{ At() time.Time }

// When is when a fact was, by the system's clock; by ours where that tells none.
type When time.Time

// At is the time.
func (w When) At() time.Time { return time.Time(w) }

// A Tenant says that the phone system has an account, which is to be one of ours with the same
// id, below the source's own. It is before the facts that speak of it: those belong to it then.
type Tenant struct {
	When
	ID   string
	Name string
	// Realm is the account's domain, by which it is called as long as no name is known.
	Realm string
	// Above are the accounts that it lies below, by our ids, the topmost first, as far as the
	// message tells.
	Above []string
	// Most is how many accounts there may be below the source's own: then none is made.
	Most int
}

// A Line is one end as the switch displays it.
type Line struct{ Number, Name string }

// LegStarted says that there is a leg. The switch made it to be called or was called by it.
type LegStarted struct {
	When
	Leg string // its id, Asterisk's Uniqueid
	// Call is what ties it to others, Asterisk's Linkedid: the leg's own id for the first;
	// empty where that is not known yet, as in ARI.
	Call string
	// Device is the endpoint that the leg goes to, such as 101 of PJSIP/101-00000003.
	Device string
	// Channel is its whole name in the system.
	Channel string
	// Trunk: it leads outside. Unknown legs lead to phones.
	Trunk bool
	// Outbound: the switch made it, to a phone or a trunk. Inbound legs come from there.
	Outbound bool
	// Hidden: a device of the switch's own (a Local channel, a loopback). It ties legs to
	// one another, and nothing is told of it.
	Hidden bool
	// Twin is the other half of a device that is a pair of legs, told with the second of
	// them: what enters the one leaves the other.
	Twin        string
	Caller      Line   // who is at its end, as far as is known yet
	Dialed      string // what an inbound leg dialled
	Context     string // where in the dial plan
	AccountCode string
	// Account is whose the call is, as the system says. AccountLater: it says so, if it
	// does, in a later report of the leg.
	Account      string
	AccountLater bool
	SIPCallID    string
	Ringing      bool              // already, as in a list of what there is
	Answered     bool              // likewise
	Vars         map[string]string // as the operator asked the switch to tell; FROM_DID and RINGGROUP mean what they do in FreePBX
	// More is told of the leg as it is, but for what follows from legs and how they meet.
	More *switchhook.Call
}

// LegRinging says that the phone at the leg's end rings.
type LegRinging struct {
	When
	Leg string
}

// LegAnswered says that the leg is up. Of an inbound leg it only says that somebody or
// something answered: an announcement, a queue.
type LegAnswered struct {
	When
	Leg string
}

// Dialled says that on behalf of From a leg To was made, to ring. From may be empty
// (originated).
type Dialled struct {
	When
	From, To string
	// Number is what was dialled at To, such as a telephone number behind a trunk.
	Number string
	// Exten and Context are where From is in the dial plan.
	Exten, Context string
}

// An Outcome is how a dialled leg ended, or that it was answered.
type Outcome string

// The outcomes.
const (
	Answered    Outcome = "answered"
	Busy        Outcome = "busy"
	NoAnswer    Outcome = "no_answer"
	Cancelled   Outcome = "cancelled" // the caller gave up, or another leg was faster
	Elsewhere   Outcome = "answered_elsewhere"
	Rejected    Outcome = "rejected"
	Congestion  Outcome = "congestion"
	Unavailable Outcome = "unregistered"
	Unallocated Outcome = "unallocated" // there is no such number
	Failed      Outcome = "failed"
)

// DialEnded says what became of a dialled leg. Without To, there was none: nobody could be
// called for From.
type DialEnded struct {
	When
	From, To string
	Outcome  Outcome
	// Forward is where To sends the call instead.
	Forward string
}

// PartyChanged says that the switch shows somebody else at a leg's end, or what it dialled.
type PartyChanged struct {
	When
	Leg       string
	Caller    *Line // who is at the leg's own end
	Connected *Line // who is shown to it
	Dialed    string
	Context   string
	Vars      map[string]string // that changed
}

// Linked says that a leg belongs to another call from now on.
type Linked struct {
	When
	Leg, Call string
}

// BridgeEntered and BridgeLeft: legs in the same bridge hear one another.
type BridgeEntered struct {
	When
	Bridge, Leg string
	// Holding: nobody talks there, as in a parking lot.
	Holding bool
	// Conference: a room for many.
	Conference bool
}

// BridgeLeft is the end of it.
type BridgeLeft struct {
	When
	Bridge, Leg string
}

// Held says that the phone at a leg's end has put the other on hold, or took it back.
type Held struct {
	When
	Leg string
	On  bool
}

// Transferred says that the phone at Leg passed the call on.
type Transferred struct {
	When
	Leg        string // who transfers
	SecondLeg  string // with which they reached the target first, if attended
	Transferee string // who is passed on, where known
	Attended   bool
	Target     string // the extension it goes to
	TargetLeg  string // the leg that it goes to, if attended
}

// PickedUp says that Leg has taken over a call that rang at Target.
type PickedUp struct {
	When
	Leg, Target string
}

// A ParkStep is what happened to a parked call.
type ParkStep string

// The steps.
const (
	Parked        ParkStep = "parked"
	Retrieved     ParkStep = "retrieved"
	ParkTimedOut  ParkStep = "timed_out" // it goes back to who parked it
	ParkAbandoned ParkStep = "abandoned"
)

// Parking says that a leg is put into a slot, or leaves it.
type Parking struct {
	When
	Leg, Slot, Lot string
	Step           ParkStep
	Retriever      string // the leg that took it
}

// DTMF says that a key was pressed, and let go after Duration.
type DTMF struct {
	When
	Leg, Digit string
	Duration   time.Duration
}

// Recording says that the sound of a leg is written, or no longer.
type Recording struct {
	When
	Leg, ID, File string
	On            bool
}

// LegEnded says that the leg is gone.
type LegEnded struct {
	When
	Leg string
	// Q850 is the cause as the switch gives it (ITU-T Q.850), which may be wrong: a
	// missed call ends with 16 in Asterisk.
	Q850      int
	CauseText string
	SIPStatus int // of the answer that ended it, where known (RFC 3261)
	// By is who hung up first, where the switch knows: the name of a channel; Self: that of
	// the leg. ByUnknown: it is not to be known; else nobody means the switch itself.
	By        string
	Self      bool
	ByUnknown bool
	// TellsMissed: if the call was missed, the system may tell that itself (Told).
	TellsMissed bool
	// Talked: somebody was at the other end, though we may not have heard of it.
	Talked bool
	// More has times, and the name of the cause, where the switch tells them.
	More *switchhook.Call
}

// EndRecorded is what the switch's own record of a leg says of its end. It is a second opinion:
// written once the leg is over, and heard before the switch tells that, after it, or in its
// place. What is told as it happens says more, so a record ends a leg only if nothing else does
// for a while, or a Present does not have the leg.
type EndRecorded struct {
	When     // it ended
	Leg      string
	Answered time.Time // zero: it was not
	// Outcome is what became of the leg, if it was dialled and nobody answered; of one that
	// the switch was called by, what became of whom it was to call for it.
	Outcome         Outcome
	Q850, SIPStatus int
	Self            bool             // who is at the leg's end ended it
	More            *switchhook.Call // the name of the cause
	Heard           time.Time        // when the record came, by our clock
}

// CallEnded says that to the switch all legs of the call are gone.
type CallEnded struct {
	When
	Call string
}

// QueueJoined says that a caller waits in a queue.
type QueueJoined struct {
	When
	Queue, Leg string
	Position   int
	Priority   *int
}

// QueueLeft says that the caller waits no longer, for whatever reason.
type QueueLeft struct {
	When
	Queue, Leg string
}

// An AgentLine is an agent as a queue sees them.
type AgentLine struct {
	ID        string // the interface, such as PJSIP/101
	Name      string
	Extension string
}

// AgentCalled says that the queue rings an agent for a caller. Queue may be missing: it is that in
// which the caller waits.
type AgentCalled struct {
	When
	Queue, Leg string // of the caller
	AgentLeg   string
	Agent      AgentLine
}

// AgentMissed says that the agent did not answer.
type AgentMissed struct {
	When
	Queue, Leg, AgentLeg string
	Agent                AgentLine
	Rang                 time.Duration
}

// AgentConnected says that caller and agent speak.
type AgentConnected struct {
	When
	Queue, Leg, AgentLeg string
	Agent                AgentLine
	Waited, Rang         time.Duration
}

// QueueAbandoned says that the caller left a queue and was not served: gave up, or was put
// out because waiting took too long.
type QueueAbandoned struct {
	When
	Queue, Leg string
	Position   int
	Waited     time.Duration
	GaveUp     bool // by the end of their leg
}

// QueueCompleted says that caller and agent have spoken. Leg may be missing; then the agent
// tells.
type QueueCompleted struct {
	When
	Queue, Leg, AgentLeg string
	Agent                AgentLine
	Reason               string // caller, agent or transfer
	Waited, Talked       time.Duration
}

// AgentStatus says how an agent stands: available, away, busy, offline or ringing.
type AgentStatus struct {
	When
	Queue   string
	Account string // whose the agent is, where the system says so
	Agent   AgentLine
	Status  string
	Reason  string // of a pause
	Removed bool   // from the queue
	Added   bool
}

// VoicemailCount says how many messages a mailbox has. New ones are told when New rises.
type VoicemailCount struct {
	When
	Mailbox, Context string
	New, Old         int
	Leg              string // who left one
	Caller           Line
	File             string        // where it lies
	Length           time.Duration // of it
}

// FaxEnded says that a fax was sent or received, or was not.
type FaxEnded struct {
	When
	Leg            string
	Sent, OK       bool
	Local, Remote  string // station ids
	Pages          int
	Status, Error  string
	File           string
	BitRate, DPI   string
	LocalNumber    string
	CallerOrCallee Line
}

// Conferred says that somebody joined a room, or left it. Leg empty: the room itself.
type Conferred struct {
	When
	Room, Instance, Leg string
	Joined              bool
	Moderator, Muted    *bool
	Caller              Line
}

// Registered says that a phone registered or is no longer (Status registered, deregistered
// or failed).
type Registered struct {
	When
	Device, Contact, UserAgent, IP string
	Domain                         string // where users of several have the same names
	Port                           int
	Expires                        *int64 // seconds
	Status                         string
	Reason                         string
	// First: it was not registered before, whatever is believed.
	First bool
	// Event is what is told of it, if the system tells that whole.
	Event *switchhook.Event
}

// Texted says that a text message went through the switch.
type Texted struct {
	When
	ID, From, To, Text string
	Outbound           bool
	Account            string // whose it is, where the system says so
}

// Detailed is the switch's own record of a call (CDR), whole.
type Detailed struct {
	When
	Leg    string
	Record json.RawMessage
}

// Told is an event that the system itself tells whole, with Type, Data, and whose it is.
type Told struct {
	When
	Event *switchhook.Event
	// Name is what tells it from all others of its type.
	Name []string
	// Leg is of which leg, or of which call, it tells, if of any.
	Leg string
}

// Custom is an event of the operator's own, told as custom.NAME.
type Custom struct {
	When
	Name, Leg string
	Data      json.RawMessage // an object
}

// Present is all that there is at the moment, told after a gap. What the Tracker believes
// and is not among it has ended meanwhile.
type Present struct {
	When
	Legs []LegStarted
	// Bridges has the legs in each bridge where they hear one another: no conferences, no
	// parking lots.
	Bridges map[string][]string
	// Waiting are the callers in queues; nil: the system does not tell.
	Waiting []QueueJoined
	// Agents are the members of queues; nil: the system does not tell.
	Agents []AgentStatus
	// Devices are the phones that are registered; nil: the system does not tell.
	Devices []Registered
	// Mailboxes are how many messages there are, for later; nil: not told.
	Mailboxes []VoicemailCount
	// ParkedLegs are those that wait in slots; nil: not told.
	ParkedLegs []Parking
}

// Alive is which legs there are at the moment, by their ids alone, told by a system that says no
// more of them. What the Tracker believes of a call of which nothing was heard after Since, and is not
// among them, has ended meanwhile.
type Alive struct {
	When
	Since time.Time
	Legs  []string
}
