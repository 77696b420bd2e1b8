package asterisk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
)

// An ariReader turns what ARI says into the messages that the manager interface would have
// sent, so that one table serves both. Which call a channel belongs to ARI does not say,
// unless ari.conf has channelvars = CHANNEL(linkedid): then there is no Linkedid.
type ariReader struct {
	bridges map[string]string // by channel, of the list
}

// An ariEvent has the members of all events that are used, and those of a RESTResponse.
type ariEvent struct {
	Type       string      `json:"type"`
	Timestamp  string      `json:"timestamp"`
	Channel    *ariChannel `json:"channel"`
	Bridge     *ariBridge  `json:"bridge"`
	Cause      int         `json:"cause"`
	CauseText  string      `json:"cause_txt"`
	TechCause  int         `json:"tech_cause"`
	Soft       bool        `json:"soft"`
	Digit      string      `json:"digit"`
	DurationMS int         `json:"duration_ms"`

	Caller     *ariChannel     `json:"caller"` // of Dial
	Peer       json.RawMessage `json:"peer"`   // too; in a PeerStatusChange something else
	DialStatus string          `json:"dialstatus"`
	DialString string          `json:"dialstring"`
	Forward    string          `json:"forward"`

	Result     string      `json:"result"` // of transfers
	Exten      string      `json:"exten"`
	Transferee *ariChannel `json:"transferee"`
	First      *ariChannel `json:"transferer_first_leg"`  //nolint:misspell // ARI's word
	Second     *ariChannel `json:"transferer_second_leg"` //nolint:misspell // ARI's word
	Target     *ariChannel `json:"transfer_target"`

	Endpoint *ariEndpoint `json:"endpoint"`
	Contact  struct {
		URI    string `json:"uri"`
		Status string `json:"contact_status"`
		AOR    string `json:"aor"`
	} `json:"contact_info"`
	Text struct {
		From string `json:"from"`
		To   string `json:"to"`
		Body string `json:"body"`
	} `json:"message"`
	EventName string          `json:"eventname"`
	UserEvent json.RawMessage `json:"userevent"`

	RequestID string `json:"request_id"`
	Status    int    `json:"status_code"`
	Body      string `json:"message_body"`
}

type ariChannel struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	State      string            `json:"state"`
	ProtocolID string            `json:"protocol_id"`
	Caller     ariLine           `json:"caller"`
	Connected  ariLine           `json:"connected"`
	Account    string            `json:"accountcode"`
	Dialplan   ariPlace          `json:"dialplan"`
	Vars       map[string]string `json:"channelvars"`
}

type ariLine struct {
	Name   string `json:"name"`
	Number string `json:"number"`
}

type ariPlace struct {
	Context  string `json:"context"`
	Exten    string `json:"exten"`
	Priority int    `json:"priority"`
	App      string `json:"app_name"`
	Data     string `json:"app_data"`
}

type ariBridge struct {
	ID         string   `json:"id"`
	Technology string   `json:"technology"`
	Creator    string   `json:"creator"`
	Channels   []string `json:"channels"`
}

type ariEndpoint struct {
	Technology string `json:"technology"`
	Resource   string `json:"resource"`
	State      string `json:"state"`
}

// ariNames are the events of the manager interface that say what those of ARI say.
var ariNames = map[string]string{ //nolint:gochecknoglobals // a constant, but for the language
	"ChannelCreated":          "Newchannel",
	"ChannelStateChange":      "Newstate",
	"ChannelCallerId":         "NewCallerid",
	"ChannelConnectedLine":    "NewConnectedLine",
	"ChannelDialplan":         "Newexten",
	"ChannelHold":             "Hold",
	"ChannelUnhold":           "Unhold",
	"ChannelDtmfReceived":     "DTMFEnd",
	"ChannelHangupRequest":    "HangupRequest",
	"ChannelDestroyed":        "Hangup",
	"ChannelEnteredBridge":    "BridgeEnter",
	"ChannelLeftBridge":       "BridgeLeave",
	"BridgeBlindTransfer":     "BlindTransfer",
	"BridgeAttendedTransfer":  "AttendedTransfer",
	"ChannelUserevent":        "UserEvent",
	"ContactStatusChange":     "ContactStatus",
	"TextMessageReceived":     "TextMessageReceived", // which it has not
	"Dial":                    "DialState",           // or DialBegin, or DialEnd
	"RESTResponse":            "RESTResponse",
	"ApplicationReplaced":     "ApplicationReplaced",
	"ApplicationRegistered":   "",
	"ApplicationUnregistered": "",
}

// messages reads one message of ARI.
func (r *ariReader) messages(raw []byte) ([]Message, error) {
	var e ariEvent
	if err := jsonv2.Unmarshal(raw, &e); err != nil {
		return nil, err
	}
	name := ariNames[e.Type]
	if name == "" || e.Soft {
		return nil, nil
	}
	m := Message{{"Event", name}, {"Timestamp", ariTime(e.Timestamp)}}
	switch e.Type {
	case "RESTResponse":
		return r.listed(&e)
	case "Dial":
		return r.dial(&e, m)
	case "BridgeBlindTransfer":
		m = append(m, Field{"Result", e.Result}, Field{"Extension", e.Exten})
		m = e.Channel.fields(e.Transferee.fields(m, "Transferee"), "Transferer") //nolint:misspell // the manager interface's word
		return []Message{m}, nil
	case "BridgeAttendedTransfer":
		m = e.First.fields(append(m, Field{"Result", e.Result}), "OrigTransferer")
		m = e.Second.fields(m, "SecondTransferer")
		m = e.Target.fields(e.Transferee.fields(m, "Transferee"), "TransferTarget")
		return []Message{m}, nil
	case "ContactStatusChange":
		m = append(m, Field{"URI", e.Contact.URI}, Field{"ContactStatus", e.Contact.Status}, Field{"AOR", e.Contact.AOR})
		if e.Endpoint != nil {
			m = append(m, Field{"EndpointName", e.Endpoint.Resource})
		}
		return []Message{m}, nil
	case "TextMessageReceived":
		m = append(m, Field{"From", e.Text.From}, Field{"To", e.Text.To}, Field{"Body", e.Text.Body})
		if e.Endpoint != nil {
			m = append(m, Field{"Endpoint", e.Endpoint.Technology + "/" + e.Endpoint.Resource})
		}
		return []Message{m}, nil
	}
	if e.Channel != nil {
		m = e.Channel.fields(m, "")
	}
	switch e.Type {
	case "ChannelDialplan":
		d := e.Channel.place()
		m = append(m, Field{"Extension", d.Exten}, Field{"AppData", d.Data})
	case "ChannelHangupRequest", "ChannelDestroyed":
		m = append(m, Field{"Cause", strconv.Itoa(e.Cause)}, Field{"Cause-txt", e.CauseText}, Field{"TechCause", strconv.Itoa(e.TechCause)})
	case "ChannelDtmfReceived":
		m = append(m, Field{"Digit", e.Digit}, Field{"DurationMs", strconv.Itoa(e.DurationMS)}, Field{"Direction", "Received"})
	case "ChannelEnteredBridge", "ChannelLeftBridge":
		m = e.Bridge.fields(m)
	case "ChannelUserevent":
		m = append(m, Field{"UserEvent", e.EventName})
		m = append(m, userFields(e.UserEvent)...)
	}
	return []Message{m}, nil
}

// dial tells a Dial in one of the three events that the manager interface has for it.
func (r *ariReader) dial(e *ariEvent, m Message) ([]Message, error) {
	var peer *ariChannel
	if err := jsonv2.Unmarshal(e.Peer, &peer); err != nil {
		return nil, err
	}
	switch e.DialStatus {
	case "":
		m[0].Value = "DialBegin"
	case "RINGING", "PROGRESS", "PROCEEDING":
	default:
		m[0].Value = "DialEnd"
	}
	m = append(m, Field{"DialStatus", e.DialStatus}, Field{"DialString", e.DialString}, Field{"Forward", e.Forward})
	return []Message{peer.fields(e.Caller.fields(m, ""), "Dest")}, nil
}

// linkedID is the variable that tells a channel's call.
const linkedID = "CHANNEL(linkedid)"

// fields are those that the manager interface writes of a channel, with a prefix.
func (c *ariChannel) fields(m Message, prefix string) Message {
	if c == nil {
		return m
	}
	d := c.place()
	m = append(m,
		Field{prefix + "Channel", c.Name}, Field{prefix + "ChannelStateDesc", c.State}, Field{prefix + "Uniqueid", c.ID},
		Field{prefix + "CallerIDNum", c.Caller.Number}, Field{prefix + "CallerIDName", c.Caller.Name},
		Field{prefix + "ConnectedLineNum", c.Connected.Number}, Field{prefix + "ConnectedLineName", c.Connected.Name},
		Field{prefix + "AccountCode", c.Account}, Field{prefix + "Context", d.Context}, Field{prefix + "Exten", d.Exten},
		Field{prefix + "Priority", strconv.Itoa(d.Priority)}, Field{prefix + "SIPCallID", c.ProtocolID},
	)
	for _, name := range slices.Sorted(maps.Keys(c.Vars)) {
		if value := c.Vars[name]; name != linkedID {
			m = append(m, Field{prefix + "ChanVariable", name + "=" + value})
		} else if value != "" {
			m = append(m, Field{prefix + "Linkedid", value})
		}
	}
	return m
}

func (c *ariChannel) place() ariPlace {
	if c == nil {
		return ariPlace{}
	}
	return c.Dialplan
}

func (b *ariBridge) fields(m Message) Message {
	if b == nil {
		return m
	}
	return append(m, Field{"BridgeUniqueid", b.ID}, Field{"BridgeTechnology", b.Technology}, Field{"BridgeCreator", b.Creator})
}

// userFields are the members of a user event. ARI writes all of them as texts.
func userFields(raw json.RawMessage) (m Message) {
	var given map[string]any
	if jsonv2.Unmarshal(raw, &given) != nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if text, ok := given[name].(string); ok && name != "eventname" {
			m = append(m, Field{name, text})
		}
	}
	return m
}

// ariTime turns a time of ARI into one of the manager interface.
func ariTime(s string) string {
	t, err := time.Parse("2006-01-02T15:04:05.999-0700", s)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000)
}

// ariLists are what is asked for, in this order.
func ariLists() []string { return strings.Fields("endpoints bridges channels asterisk/ping") }

// listed turns an answer to one of them into the frames of the list that the manager
// interface has for it.
func (r *ariReader) listed(e *ariEvent) ([]Message, error) {
	uri, ours := strings.CutPrefix(e.RequestID, ofPresent)
	if !ours {
		return nil, nil
	}
	list := map[string]string{"endpoints": "PJSIPShowContacts", "channels": "CoreShowChannels", "asterisk/ping": "Ping"}[uri]
	id := Field{"ActionID", ofPresent + list}
	if e.Status != 200 {
		return []Message{{id, {"Response", "Error"}, {"Message", "status " + strconv.Itoa(e.Status)}}}, nil
	}
	all := []Message{{id, {"Response", "Success"}, {"Timestamp", ariTime(e.Timestamp)}}}
	body := bytes.NewReader([]byte(e.Body))
	switch uri {
	case "endpoints":
		var endpoints []ariEndpoint
		if err := jsonv2.UnmarshalRead(body, &endpoints); err != nil {
			return nil, err
		}
		for _, p := range endpoints {
			if p.State == "online" && p.Technology == "PJSIP" {
				all = append(all, Message{id, {"Event", "ContactList"}, {"Endpoint", p.Resource}})
			}
		}
	case "bridges":
		var bridges []ariBridge
		if err := jsonv2.UnmarshalRead(body, &bridges); err != nil {
			return nil, err
		}
		r.bridges = map[string]string{}
		for _, b := range bridges {
			if isApart(b.Technology, b.Creator) {
				continue
			}
			for _, channel := range b.Channels {
				r.bridges[channel] = b.ID
			}
		}
		return nil, nil
	case "channels":
		var channels []ariChannel
		if err := jsonv2.UnmarshalRead(body, &channels); err != nil {
			return nil, err
		}
		for _, c := range channels {
			m := Message{id, {"Event", "CoreShowChannel"}, {"BridgeId", r.bridges[c.ID]}, {"ApplicationData", c.Dialplan.Data}}
			all = append(all, c.fields(m, ""))
		}
	}
	return all, nil
}
