package switchhook

import "time"

// A Conference is a room where several callers talk.
type Conference struct {
	ID               string       `json:"id,omitzero"`
	Number           string       `json:"number,omitzero"`
	Name             string       `json:"name,omitzero"`
	InstanceID       string       `json:"instance_id,omitzero"` // this time that it is held
	Participant      *Participant `json:"participant,omitzero"` // whom the event is about
	ParticipantCount *int64       `json:"participant_count,omitzero"`
	StartedAt        time.Time    `json:"started_at,omitzero"`
	EndedAt          time.Time    `json:"ended_at,omitzero"`
}

// A Participant is one caller in a conference.
type Participant struct {
	ID        string `json:"id,omitzero"`
	CallID    string `json:"call_id,omitzero"` // the participant's leg
	Name      string `json:"name,omitzero"`
	Number    string `json:"number,omitzero"`
	Moderator *bool  `json:"moderator,omitzero"`
	Muted     *bool  `json:"muted,omitzero"`
}

// A Recording is the sound of a call.
type Recording struct {
	ID         string    `json:"id,omitzero"`
	CallID     string    `json:"call_id,omitzero"` // the leg that is recorded
	Status     string    `json:"status,omitzero"`
	Format     string    `json:"format,omitzero"` // such as mp3
	URL        string    `json:"url,omitzero"`
	StartedAt  time.Time `json:"started_at,omitzero"`
	EndedAt    time.Time `json:"ended_at,omitzero"`
	DurationMS *int64    `json:"duration_ms,omitzero"` // milliseconds
}
