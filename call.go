package switchhook

import (
	"encoding/json"
	"time"
)

// A Party is one end of a call.
type Party struct {
	Type    string `json:"type,omitzero"`    // tel, sip, extension, agent or endpoint
	Address string `json:"address,omitzero"` // the number or name dialled; Kazoo's *_id_number
	Name    string `json:"name,omitzero"`    // what a display shows; Kazoo's *_id_name
	Label   string `json:"label,omitzero"`   // VoIPBin's address name
	Detail  string `json:"detail,omitzero"`  // VoIPBin's address detail
	URI     string `json:"uri,omitzero"`     // user@realm
}

// An Action is one step of a call flow (VoIPBin).
type Action struct {
	ID         string          `json:"id,omitzero"`
	NextID     string          `json:"next_id,omitzero"`
	Type       string          `json:"type,omitzero"`   // such as answer, talk, queue_join
	Option     json.RawMessage `json:"option,omitzero"` // an object, kept as it came
	ExecutedAt time.Time       `json:"executed_at,omitzero"`
}

// A Call is the state of a call, or of one leg of it, as of an event. Ids are
// the source's own. Pointers are nil where the value is unknown.
type Call struct {
	ID         string   `json:"id,omitzero"`
	RootID     string   `json:"root_id,omitzero"`     // the whole call; the first leg's id
	ParentID   string   `json:"parent_id,omitzero"`   // the leg that started this one; VoIPBin's master_call_id
	PeerID     string   `json:"peer_id,omitzero"`     // the leg at the other end; Kazoo's other_leg_call_id
	ChainedIDs []string `json:"chained_ids,omitzero"` // VoIPBin
	Kind       string   `json:"kind,omitzero"`        // flow, conference or sip_service
	FlowID     string   `json:"flow_id,omitzero"`
	Action     *Action  `json:"action,omitzero"`

	Direction    string `json:"direction,omitzero"`     // inbound, outbound or internal: the business view
	LegDirection string `json:"leg_direction,omitzero"` // inbound or outbound: the switch's view of this leg

	From            *Party `json:"from,omitzero"`
	To              *Party `json:"to,omitzero"`
	Callee          *Party `json:"callee,omitzero"`
	RequestURI      string `json:"request_uri,omitzero"`
	Dialed          string `json:"dialed,omitzero"` // the digits that were dialled
	OriginalNumber  string `json:"original_number,omitzero"`
	PeerDestination string `json:"peer_destination,omitzero"`
	Forwarded       *bool  `json:"forwarded,omitzero"`

	Status            string     `json:"status,omitzero"` // dialing, ringing, answered, terminating, canceling or ended
	Bridged           *bool      `json:"bridged,omitzero"`
	Held              *bool      `json:"held,omitzero"`
	MessageLeft       *bool      `json:"message_left,omitzero"`
	Reconciled        *bool      `json:"reconciled,omitzero"`  // told by us after an outage, not by the switch
	AnsweredBy        string     `json:"answered_by,omitzero"` // extension, external or system
	AnsweredExtension *Extension `json:"answered_extension,omitzero"`

	HangupBy     string `json:"hangup_by,omitzero"`     // remote or local: who ended this leg
	ReleasedBy   string `json:"released_by,omitzero"`   // caller, callee or system: who ended the call
	HangupReason string `json:"hangup_reason,omitzero"` // one of the catalogue's reasons
	HangupCause  string `json:"hangup_cause,omitzero"`  // the Q.850 name, such as NORMAL_CLEARING
	Q850         int    `json:"q850,omitzero"`          // the Q.850 cause value
	SIPStatus    int    `json:"sip_status,omitzero"`    // RFC 3261 status code

	CreatedAt  time.Time `json:"created_at,omitzero"`
	RingingAt  time.Time `json:"ringing_at,omitzero"`
	AnsweredAt time.Time `json:"answered_at,omitzero"`
	EndedAt    time.Time `json:"ended_at,omitzero"`
	UpdatedAt  time.Time `json:"updated_at,omitzero"`
	DurationMS *int64    `json:"duration_ms,omitzero"` // milliseconds from created to ended
	RingingMS  *int64    `json:"ringing_ms,omitzero"`  // milliseconds from ringing to answered or ended
	BillableMS *int64    `json:"billable_ms,omitzero"` // milliseconds from answered to ended

	RecordingID     string          `json:"recording_id,omitzero"`
	RecordingIDs    []string        `json:"recording_ids,omitzero"`
	Parking         *Parking        `json:"parking,omitzero"`
	OwnerID         string          `json:"owner_id,omitzero"`
	AuthorizingID   string          `json:"authorizing_id,omitzero"`
	AuthorizingType string          `json:"authorizing_type,omitzero"`
	ResourceID      string          `json:"resource_id,omitzero"`
	LocalResource   *bool           `json:"local_resource,omitzero"`
	Emergency       *bool           `json:"emergency,omitzero"`
	InternalLeg     *bool           `json:"internal_leg,omitzero"` // a loopback leg inside the switch
	Inception       string          `json:"inception,omitzero"`
	Vars            json.RawMessage `json:"vars,omitzero"`        // object of channel variables, spelling kept
	AppVars         json.RawMessage `json:"app_vars,omitzero"`    // object of application variables, spelling kept
	SIPHeaders      json.RawMessage `json:"sip_headers,omitzero"` // object of SIP headers, spelling kept
	Notify          json.RawMessage `json:"notify,omitzero"`      // object: arbitrary data for a notification
	Extra           json.RawMessage `json:"extra,omitzero"`       // object of the source system's unmapped fields
}

// Root returns the id of the whole call: RootID, or the leg's own.
func (c *Call) Root() string {
	if c.RootID != "" {
		return c.RootID
	}
	return c.ID
}

// Parking is where a parked call waits.
type Parking struct {
	Slot string `json:"slot,omitzero"`
	Lot  string `json:"lot,omitzero"`
}

// An Extension is a number inside the phone system.
type Extension struct {
	ID      string `json:"id,omitzero"`
	Number  string `json:"number,omitzero"`
	Name    string `json:"name,omitzero"`
	OwnerID string `json:"owner_id,omitzero"`
}

// A Number is a DID: a phone number that can be dialled from outside.
type Number struct {
	ID             string `json:"id,omitzero"`
	Number         string `json:"number,omitzero"`
	Description    string `json:"description,omitzero"`
	Group          string `json:"group,omitzero"`
	CallerIDPrefix string `json:"caller_id_prefix,omitzero"`
}

// A RingGroup is a set of extensions that ring together or in turn.
type RingGroup struct {
	ID       string `json:"id,omitzero"`
	Number   string `json:"number,omitzero"`
	Name     string `json:"name,omitzero"`
	Strategy string `json:"strategy,omitzero"`
}

// A Flow is a running call flow (VoIPBin's activeflow).
type Flow struct {
	ID              string    `json:"id,omitzero"`
	FlowID          string    `json:"flow_id,omitzero"`
	CustomerID      string    `json:"customer_id,omitzero"`
	ReferenceType   string    `json:"reference_type,omitzero"` // call or message
	ReferenceID     string    `json:"reference_id,omitzero"`
	Action          *Action   `json:"action,omitzero"` // the step it is at
	ForwardActionID string    `json:"forward_action_id,omitzero"`
	Actions         []Action  `json:"actions,omitzero"`
	CreatedAt       time.Time `json:"created_at,omitzero"`
	UpdatedAt       time.Time `json:"updated_at,omitzero"`
	EndedAt         time.Time `json:"ended_at,omitzero"`
}
