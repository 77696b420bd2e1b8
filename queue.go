package switchhook

import "time"

// A Queue holds callers until an agent is free.
type Queue struct {
	ID               string    `json:"id,omitzero"`
	Number           string    `json:"number,omitzero"`
	Name             string    `json:"name,omitzero"`
	Detail           string    `json:"detail,omitzero"`
	Routing          string    `json:"routing,omitzero"`
	TagIDs           []string  `json:"tag_ids,omitzero"`
	WaitActions      []Action  `json:"wait_actions,omitzero"`
	WaitTimeoutMS    int64     `json:"wait_timeout_ms,omitzero"`    // milliseconds
	ServiceTimeoutMS int64     `json:"service_timeout_ms,omitzero"` // milliseconds
	WaitingIDs       []string  `json:"waiting_ids,omitzero"`
	ServiceIDs       []string  `json:"service_ids,omitzero"`
	IncomingCount    int64     `json:"incoming_count,omitzero"`
	ServicedCount    int64     `json:"serviced_count,omitzero"`
	AbandonedCount   int64     `json:"abandoned_count,omitzero"`
	WaitTotalMS      int64     `json:"wait_total_ms,omitzero"`    // milliseconds
	ServiceTotalMS   int64     `json:"service_total_ms,omitzero"` // milliseconds
	CreatedAt        time.Time `json:"created_at,omitzero"`
	UpdatedAt        time.Time `json:"updated_at,omitzero"`
	DeletedAt        time.Time `json:"deleted_at,omitzero"`
}

// A QueueCall is one caller's stay in a queue.
type QueueCall struct {
	ID            string    `json:"id,omitzero"`
	QueueID       string    `json:"queue_id,omitzero"`
	ReferenceType string    `json:"reference_type,omitzero"` // call
	ReferenceID   string    `json:"reference_id,omitzero"`   // the waiting leg's id
	Status        string    `json:"status,omitzero"`         // waiting, connecting, kicking, serviced, done or abandoned
	AgentID       string    `json:"agent_id,omitzero"`
	Position      *int64    `json:"position,omitzero"` // 1 is next
	Priority      *int64    `json:"priority,omitzero"`
	AbandonReason string    `json:"abandon_reason,omitzero"`
	WaitMS        *int64    `json:"wait_ms,omitzero"`    // milliseconds from created to service
	ServiceMS     *int64    `json:"service_ms,omitzero"` // milliseconds from service to ended
	CreatedAt     time.Time `json:"created_at,omitzero"`
	ServiceAt     time.Time `json:"service_at,omitzero"` // set when an agent is chosen, again when the agent speaks
	UpdatedAt     time.Time `json:"updated_at,omitzero"`
	EndedAt       time.Time `json:"ended_at,omitzero"`
}

// An Agent answers the calls of queues.
type Agent struct {
	ID         string    `json:"id,omitzero"`
	Username   string    `json:"username,omitzero"`
	Name       string    `json:"name,omitzero"`
	Detail     string    `json:"detail,omitzero"`
	Extension  string    `json:"extension,omitzero"`
	RingMethod string    `json:"ring_method,omitzero"` // ringall or linear
	Status     string    `json:"status,omitzero"`      // available, away, busy, offline or ringing
	Permission uint64    `json:"permission,omitzero"`  // VoIPBin's permission bits
	TagIDs     []string  `json:"tag_ids,omitzero"`
	Addresses  []Party   `json:"addresses,omitzero"`
	CreatedAt  time.Time `json:"created_at,omitzero"`
	UpdatedAt  time.Time `json:"updated_at,omitzero"`
	DeletedAt  time.Time `json:"deleted_at,omitzero"`
}
