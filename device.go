package switchhook

import "time"

// A Device is a phone and what it said when it registered (SIP REGISTER).
type Device struct {
	ID              string    `json:"id,omitzero"`
	Name            string    `json:"name,omitzero"`
	Username        string    `json:"username,omitzero"`
	Realm           string    `json:"realm,omitzero"`
	Contact         string    `json:"contact,omitzero"`
	UserAgent       string    `json:"user_agent,omitzero"`
	NetworkIP       string    `json:"network_ip,omitzero"`
	NetworkPort     int       `json:"network_port,omitzero"`
	Expires         *int64    `json:"expires,omitzero"` // seconds; 0 is a phone that unregisters
	Status          string    `json:"status,omitzero"`
	RegisteredAt    time.Time `json:"registered_at,omitzero"`
	CallID          string    `json:"call_id,omitzero"` // of the REGISTER, not of a call
	FromUser        string    `json:"from_user,omitzero"`
	FromHost        string    `json:"from_host,omitzero"`
	ToUser          string    `json:"to_user,omitzero"`
	ToHost          string    `json:"to_host,omitzero"`
	ProfileName     string    `json:"profile_name,omitzero"` // of the switch's SIP profile
	PresenceHosts   string    `json:"presence_hosts,omitzero"`
	RPID            string    `json:"rpid,omitzero"`
	SwitchHost      string    `json:"switch_host,omitzero"`
	AuthorizingID   string    `json:"authorizing_id,omitzero"`
	AuthorizingType string    `json:"authorizing_type,omitzero"`
	OwnerID         string    `json:"owner_id,omitzero"`
	SuppressNotify  *bool     `json:"suppress_notify,omitzero"` // the operator wants no word of it
}
