package kazoobus

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/kazoo"
)

// A translator makes facts of messages. It keeps nothing of what it has read.
type translator struct {
	only     map[string]bool // the accounts, by Kazoo's ids, that are read; nil: all
	accounts map[string]string
	most     int // accounts that are made; 0: none is
	payloads *kazoo.Translator
}

func newTranslator(o *Options, accounts map[string]string) *translator {
	t := &translator{accounts: accounts, payloads: kazoo.New()}
	if o.MakeAccounts == nil || *o.MakeAccounts {
		t.most = o.MaxAccounts
	}
	if len(o.Accounts) > 0 {
		t.only = map[string]bool{}
		for _, id := range o.Accounts {
			t.only[id] = true
		}
	}
	return t
}

// account is whose a message is: what the source's account map says of Kazoo's id, else an
// account of ours with the same id, if there is one.
func (t *translator) account(m *Message) string {
	account := m.account()
	return cmp.Or(t.accounts[account], account)
}

// categories are the Event-Categories that are read.
func categories() map[string]func(*translator, *Message) ([]source.Fact, error) {
	return map[string]func(*translator, *Message) ([]source.Fact, error){
		callEvent:          (*translator).channel,
		"notification":     (*translator).notification,
		"configuration":    (*translator).document,
		"directory":        (*translator).registration,
		"acdc_call_stat":   (*translator).queueCall,
		"acdc_status_stat": (*translator).agentStatus,
		"sms":              (*translator).text,
		"mms":              (*translator).text,
		"cdr":              (*translator).record,
		"conference":       (*translator).conference,
		"fax":              (*translator).faxStatus,
	}
}

var byCategory = categories() //nolint:gochecknoglobals // a constant, but for the language

// translate makes facts of a message. What cannot be read is a *switchhook.Error.
func (t *translator) translate(body []byte, received time.Time) ([]source.Fact, error) {
	m, err := Parse(body, received)
	if err != nil {
		return nil, err
	}
	read := byCategory[m.Category]
	if read == nil {
		e := switchhook.InvalidField("Event-Category", "nothing is known of Kazoo's %.80q; known are %s", m.Category,
			strings.Join(slices.Sorted(maps.Keys(byCategory)), ", "))
		e.Code = switchhook.CodeUnknownType
		return nil, e
	}
	if t.only != nil && !t.only[m.account()] {
		return nil, nil
	}
	facts, err := read(t, m)
	if tenant, ok := t.tenant(m); ok && err == nil && len(facts) > 0 {
		return slices.Insert(facts, 0, source.Fact(tenant)), nil
	}
	return facts, err
}

// told is an event that a payload makes.
func (t *translator) told(m *Message, payload ordjson.Object, leg string, name ...string) (source.Told, error) {
	read, err := t.payloads.Read(payload, m.at().At())
	if err != nil {
		return source.Told{}, err
	}
	ev := read.Events[0]
	ev.AccountID = t.account(m)
	return source.Told{When: source.When(ev.OccurredAt), Event: ev, Name: name, Leg: leg}, nil
}

// sent keeps a payload as what Kazoo's own webhook would have sent.
func sent(ev *switchhook.Event, payload ordjson.Object) error {
	return source.Keep(ev, &switchhook.Original{System: "kazoo", Version: "v1", Format: "json", Body: string(payload.Append(nil))})
}

func one(f source.Fact, err error) ([]source.Fact, error) {
	if err != nil {
		return nil, err
	}
	return []source.Fact{f}, nil
}

// notification translates one of exchange notifications. Two are about devices, of which
// the registrar tells too.
func (t *translator) notification(m *Message) ([]source.Fact, error) {
	switch m.Name {
	case "notify_update", "skel": // an answer to whoever asked for a notification, and a pattern for new ones
		return nil, nil
	case "register", "deregister":
		return one(t.device(m, m.Name))
	}
	payload := payloadOf(m)
	f, err := t.told(m, payload, m.text("Call-ID"), notificationName(m)...)
	if err == nil {
		err = sent(f.Event, payload)
	}
	return one(f, err)
}

// payloadOf is what Kazoo's webhook would make of a notification.
func payloadOf(m *Message) ordjson.Object {
	payload := kazoo.Payload(m.Object)
	payload.Delete("amqp_broker")
	payload.Delete("amqp_broker_zone")
	return payload
}

// notificationName is what tells a notification from others of its name. Kazoo sends those
// of voicemails and faxes again as long as no mail was sent for them.
func notificationName(m *Message) []string {
	id := ""
	switch m.Name {
	case "voicemail_new":
		id = m.text("Voicemail-ID")
	case "inbound_fax", "outbound_fax":
		id = m.text("Fax-ID")
	case "missed_call":
		id = m.text("Call-ID")
	}
	return []string{m.Name, cmp.Or(id, m.id())}
}

// document translates a change of a document. What the message is named counts, not how it
// was routed: a document that is only marked as deleted is said to be deleted.
func (t *translator) document(m *Message) ([]source.Fact, error) {
	if !strings.HasPrefix(m.Name, "doc_") || m.Name == "doc_type_update" {
		return nil, nil // of databases
	}
	id, action := m.text("ID", "Id"), m.Name
	if m.isTrue("Is-Soft-Deleted") {
		action = "doc_deleted"
	}
	var payload ordjson.Object
	for _, member := range [...][2]string{{"id", id}, {"account_id", m.account()}, {"action", action}, {"type", m.text("Type")}} {
		if member[1] != "" {
			payload.Set(member[0], ordjson.String(member[1]))
		}
	}
	whole := slices.Clone(payload)
	if doc := m.object("Doc"); len(doc) > 0 {
		whole.Set("doc", doc.Pack())
	}
	f, err := t.told(m, whole, "", action, m.text("Database"), id, cmp.Or(m.text("Rev"), m.id()))
	if err == nil {
		err = sent(f.Event, payload)
	}
	return one(f, err)
}

// registration translates what the registrar says of a telephone that registered. It says so
// again and again; that it is registered is told once.
func (t *translator) registration(m *Message) ([]source.Fact, error) {
	if m.Name != "reg_success" {
		return nil, nil
	}
	return one(t.device(m, "register"))
}

// device translates what is told of a telephone's registration.
func (t *translator) device(m *Message, name string) (source.Fact, error) {
	payload := payloadOf(m)
	payload.Set("event_name", ordjson.String(name))
	told, err := t.told(m, payload, "")
	if err != nil {
		return nil, err
	}
	f := source.Registered{
		When: m.at("Event-Timestamp"), Device: m.text("Username") + "@" + m.text("Realm"), Contact: m.text("Original-Contact", "Contact"),
		IP: m.text("Network-IP"), Status: "registered", First: m.Category == "notification" || m.text("First-Registration") == "true", Event: told.Event,
	}
	if m.Category == "notification" {
		if err := sent(told.Event, payload); err != nil {
			return nil, err
		}
	}
	if name == "deregister" || m.text("Expires") == "0" {
		f.Status, f.Contact = "deregistered", "" // of all that it was reached by
	}
	return f, nil
}

// text translates a text message. inbound and outbound are as Kazoo sees it.
func (t *translator) text(m *Message) ([]source.Fact, error) {
	if m.Name != "inbound" && m.Name != "outbound" {
		return nil, nil // what became of one
	}
	payload := ordjson.Object{{Name: "type", Value: ordjson.String(m.Category)}}
	for _, member := range [...][2]string{
		{"id", m.text("Message-ID")},
		{"account_id", m.account()},
		{"from", m.text("From")},
		{"to", m.text("To")},
		{"body", cmp.Or(m.text("Body"), string(m.raw("Body")))},
		{"origin", m.text("Route-Type")},
		{"charges", m.text("Charges")},
	} {
		if member[1] != "" {
			payload.Set(member[0], ordjson.String(member[1]))
		}
	}
	f, err := t.told(m, payload, "", m.Name, cmp.Or(m.text("Message-ID"), m.id()))
	if err != nil {
		return nil, err
	}
	if m.Name == "outbound" {
		f.Event.Type = "message.sent"
		if f.Event.Data, err = withMember(f.Event.Data, "message", "direction", "outbound"); err != nil {
			return nil, err
		}
		return []source.Fact{f}, nil
	}
	return one(f, sent(f.Event, payload))
}

// withMember sets a member of a resource in an event's data.
func withMember(data []byte, resource, name, value string) ([]byte, error) {
	o, err := ordjson.Parse(data)
	if err != nil {
		return nil, err
	}
	r, err := ordjson.Parse(o.Get(resource))
	if err != nil {
		return nil, err
	}
	r.Set(name, ordjson.String(value))
	o.Set(resource, r.Append(nil))
	return o.Append(nil), nil
}

// record translates Kazoo's own record of a channel.
func (t *translator) record(m *Message) ([]source.Fact, error) {
	leg := m.text("Call-ID")
	payload := kazoo.ChannelPayload(m.Object)
	payload.Set("hook_event", ordjson.String("cdr"))
	payload.Delete("event_name")
	f, err := t.told(m, payload, leg, leg)
	return one(f, err)
}

// conference translates what happens in a room.
func (t *translator) conference(m *Message) ([]source.Fact, error) {
	f := source.Conferred{
		When: m.at(), Room: m.text("Conference-ID"), Instance: m.text("Instance-ID"), Leg: m.text("Call-ID"),
		Caller: source.Line{Number: m.text("Caller-ID-Number"), Name: m.text("Caller-ID-Name")},
	}
	if f.Room == "" {
		return nil, switchhook.InvalidField("Conference-ID", "is required: the room's id")
	}
	switch strings.ReplaceAll(m.text("Event"), "_", "-") {
	case "add-member":
		f.Joined = true
		if f.Leg == "" {
			return nil, switchhook.InvalidField("Call-ID", "is required: who joins the room")
		}
		vars := m.object("Conference-Channel-Vars")
		if v := textOf(vars, "Is-Moderator"); v != "" {
			f.Moderator = new(v == "true")
		}
		if v := textOf(vars, "Speak"); v != "" {
			f.Muted = new(v != "true")
		}
		return []source.Fact{t.met(m, f.Leg), f}, nil
	case "del-member":
	case "conference-destroy":
		f.Leg = ""
	default:
		return nil, nil
	}
	return []source.Fact{f}, nil
}

// ofTheBus are members of a message that say how it came here.
const ofTheBus = "app_name app_version event_category event_name msg_id node server_id amqp_broker amqp_broker_zone"

// faxStatus tells how far a fax has come, for which the catalogue has no type: of its end
// there are notifications.
func (t *translator) faxStatus(m *Message) ([]source.Fact, error) {
	data := slices.DeleteFunc(kazoo.Payload(m.Object), func(member ordjson.Member) bool {
		return strings.Contains(" "+ofTheBus+" ", " "+member.Name+" ")
	})
	ev := &switchhook.Event{Type: "custom.kazoo.fax_" + m.Name, AccountID: t.account(m), Key: m.text("Job-ID"), Data: data.Append(nil)}
	return []source.Fact{source.Told{When: m.at(), Event: ev, Name: []string{m.text("Job-ID"), m.id()}}}, nil
}
