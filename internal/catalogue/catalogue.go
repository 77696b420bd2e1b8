// Package catalogue describes every event type once, as data: what it means,
// what its data holds, how it is ordered, how long it is of use, and a sample.
// The API, the simulator, the documents and the tests all read it. It knows no
// dialect: each dialect declares what it makes of a type.
//
// To add an event type, add its entry to types.go or notices.go (and, if it
// carries something new, a resource to resources.go), then its golden files in the dialects that
// have something for it.
package catalogue

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// Freshness says how long an event is of use after it occurred.
type Freshness string

// The classes.
const (
	Live    Freshness = "live"    // a screen pop: 60 seconds
	Timely  Freshness = "timely"  // 6 hours
	Lasting Freshness = "lasting" // until the retry schedule ends
)

// MaxAge is the age at which a delivery of the class expires; 0 means never.
func (f Freshness) MaxAge() time.Duration {
	switch f {
	case Live:
		return time.Minute
	case Timely:
		return 6 * time.Hour
	case Lasting:
		return 0
	default:
		return 0
	}
}

// A Use is a resource in the data of a type.
type Use struct {
	Resource string
	Required bool
}

// A Type is one event type.
type Type struct {
	// Name is such as call.answered; its family is the part before the dot.
	Name string
	// Meaning is a sentence that a customer understands.
	Meaning   string
	Freshness Freshness
	// Data names the resources that the data carries, the one that the event
	// is about first.
	Data []Use
	// Flat are members that lie in the data itself, beside the resources.
	Flat []Field
	// With is merged into the resources' samples to make the type's sample.
	With string
}

// Family is the part of the name before the first dot.
func (t *Type) Family() string {
	family, _, _ := strings.Cut(t.Name, ".")
	return family
}

// Custom reports whether the type is one of the free custom.* types.
func (t *Type) Custom() bool { return t.Family() == "custom" }

//nolint:gochecknoglobals // the catalogue is a constant; Go has no constant tables
var index = sync.OnceValue(func() map[string]*Type {
	m := map[string]*Type{}
	for _, t := range types() {
		if m[t.Name] != nil {
			panic("catalogue: two entries for " + t.Name)
		}
		m[t.Name] = &t
	}
	return m
})

//nolint:gochecknoglobals // as above
var resourceIndex = sync.OnceValue(func() map[string]*Resource {
	m := map[string]*Resource{}
	for _, r := range resources() {
		r.at = make(map[string]int, len(r.Fields))
		for i := range r.Fields {
			r.at[r.Fields[i].Name] = i
		}
		m[r.Name] = &r
	}
	return m
})

// All returns every type, in the order of the table.
func All() []*Type { return slices.Clone(all()) }

//nolint:gochecknoglobals // as above
var all = sync.OnceValue(func() []*Type {
	var all []*Type
	for _, t := range types() {
		all = append(all, index()[t.Name])
	}
	return all
})

// Lookup returns the type of a name. Every custom.* name has one.
func Lookup(name string) (*Type, bool) {
	if t := index()[name]; t != nil {
		return t, true
	}
	if rest, ok := strings.CutPrefix(name, "custom."); ok && validCustom(rest) {
		return &Type{
			Name: name, Freshness: Lasting,
			Meaning: "An event of your own. Its data is any JSON object.",
			With:    `{"hello":"world"}`,
		}, true
	}
	return nil, false
}

func validCustom(rest string) bool {
	if rest == "" || len(rest) > 100 {
		return false
	}
	return strings.IndexFunc(rest, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
	}) < 0
}

// ResourceOf returns the description of a resource, such as call.
func ResourceOf(name string) (*Resource, bool) {
	r, ok := resourceIndex()[name]
	return r, ok
}

// Resources returns the descriptions of all resources, in the order of the table.
func Resources() []*Resource {
	var all []*Resource
	for _, r := range resources() {
		all = append(all, resourceIndex()[r.Name])
	}
	return all
}

// Match reports whether a glob selects a type name. * stands for any run of
// characters, dots included.
func Match(glob, name string) bool {
	for {
		head, tail, star := strings.Cut(glob, "*")
		if !strings.HasPrefix(name, head) {
			return false
		}
		name = name[len(head):]
		if !star {
			return name == ""
		}
		if tail == "" {
			return true
		}
		next, _, more := strings.Cut(tail, "*")
		if !more {
			return strings.HasSuffix(name, tail)
		}
		i := strings.Index(name, next)
		if i < 0 {
			return false
		}
		name, glob = name[i:], tail
	}
}

// Decode reads an event's data into resources. Unknown members are passed
// over: they stay in the data and leave with it in our own dialect. Data that
// Check has found right decodes without an error.
func Decode(data []byte) (*switchhook.Resources, error) {
	r := &switchhook.Resources{}
	err := jsonv2.Unmarshal(data, r)
	if err != nil {
		if o, parseErr := ordjson.Parse(data); parseErr == nil && unflatten(&o) {
			r = &switchhook.Resources{} // half of the first try is in the old one
			err = jsonv2.Unmarshal(o.Append(nil), r)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("decode the event's data: %w", err)
	}
	return r, nil
}

// unflatten mends what lies flat in the data under a name that Resources has for
// something else, and reports whether it did. A flat number, as port.* has it, is
// that of a number; a flat message, as system.alert has it, is no text message;
// and what Check passed over as unknown can have the name of a flat member.
func unflatten(data *ordjson.Object) bool {
	mended := false
	for _, m := range slices.Clone(*data) {
		switch m.Name {
		case "number":
			if m.Value[0] == '"' {
				data.Set(m.Name, ordjson.Object{{Name: "number", Value: m.Value}}.Append(nil))
				mended = true
			}
		case "message":
			if m.Value[0] == '"' {
				data.Delete(m.Name)
				mended = true
			}
		case "schema", "id", "call_id", "port_request_id", "user_id", "hook_id", "source_id":
			if m.Value[0] != '"' {
				data.Delete(m.Name)
				mended = true
			}
		case "changed":
			if jsonv2.Unmarshal(m.Value, &[]string{}) != nil {
				data.Delete(m.Name)
				mended = true
			}
		}
	}
	return mended
}

// Attach decodes an event's data into its Resources. A custom event may call
// anything a call, and so may an event of a type that this version does not
// know: what cannot be decoded of them is no resource.
func Attach(ev *switchhook.Event) error {
	r, err := Decode(ev.Data)
	if err != nil {
		if t, ok := Lookup(ev.Type); ok && !t.Custom() {
			return err
		}
		r = &switchhook.Resources{}
	}
	ev.Resources = r
	return nil
}

// Key returns the ordering key of an event that was given none: the call's root
// id where the data has a call, else the id of what the event is about:
//
//   - emergency.*, notification.custom, recording.*: the call's id
//   - fax.*: the fax's id, else its job's; a refused mail's fax box or sender
//   - device.*: the device's id, else username@realm
//   - port.*: the port request's id; number.*: the number; user.*: the user's id
//   - conference.*, flow.*, webhook.*, source.*: the id
//   - account.*, billing.*, system.*: the family itself, as they are about the
//     whole account and sequences rise within account and key
//
// Events of a custom type are unordered.
func Key(t *Type, r *switchhook.Resources) string {
	switch {
	case t.Custom() || r == nil:
		return ""
	case r.Call != nil && r.Call.ID+r.Call.RootID != "":
		return r.Call.Root()
	case t.Family() == "record":
		return r.Schema + "/" + r.ID
	case slices.Contains([]string{"account", "billing", "system"}, t.Family()):
		return t.Family()
	case r.QueueCall != nil && r.QueueCall.ReferenceID != "":
		return r.QueueCall.ReferenceID // the waiting leg, most often the call's first
	case r.QueueCall != nil && r.QueueCall.ID != "":
		return r.QueueCall.ID
	case r.Message != nil && r.Message.ConversationID != "":
		return r.Message.ConversationID
	case r.Message != nil:
		return r.Message.ID
	case r.Agent != nil && t.Family() == "agent":
		return r.Agent.ID
	case r.Queue != nil && t.Family() == "queue":
		return r.Queue.ID
	case r.Flow != nil:
		return r.Flow.ID
	case r.Voicemail != nil && r.Voicemail.ID+r.Voicemail.MailboxID != "": // a full mailbox has no message
		return cmp.Or(r.Voicemail.ID, r.Voicemail.MailboxID)
	case r.Extension != nil:
		return cmp.Or(r.Extension.ID, r.Extension.Number)
	case r.RingGroup != nil:
		return cmp.Or(r.RingGroup.ID, r.RingGroup.Number)
	case r.Recording != nil:
		return cmp.Or(r.Recording.CallID, r.Recording.ID)
	case r.Conference != nil:
		return r.Conference.ID
	case r.Fax != nil:
		return cmp.Or(r.Fax.ID, r.Fax.JobID, r.Fax.BoxID, r.Fax.FromEmail)
	case r.Device != nil:
		return deviceKey(r.Device)
	case t.Family() == "number" && r.Number != nil:
		return cmp.Or(r.Number.Number, r.Number.ID)
	default:
		return cmp.Or(r.CallID, r.PortRequestID, r.UserID, r.HookID, r.SourceID)
	}
}

func deviceKey(d *switchhook.Device) string {
	switch {
	case d.ID != "":
		return d.ID
	case d.Username != "" && d.Realm != "":
		return d.Username + "@" + d.Realm
	default:
		return cmp.Or(d.Username, d.Realm)
	}
}

// ConversationID is the default id of the conversation between two numbers: the
// same whichever of them writes. Without a number there is none.
func ConversationID(accountID, from, to string) string {
	if from+to == "" {
		return ""
	}
	ends := []string{from, to}
	slices.Sort(ends)
	sum := sha256.Sum256([]byte(accountID + "\x00" + ends[0] + "\x00" + ends[1]))
	return hex.EncodeToString(sum[:16])
}

// Sample returns the data of a realistic event of the type.
func (t *Type) Sample() json.RawMessage {
	var data ordjson.Object
	for _, use := range t.Data {
		r, ok := ResourceOf(use.Resource)
		if !ok {
			panic("catalogue: " + t.Name + " uses the unknown resource " + use.Resource)
		}
		data.Set(r.Name, json.RawMessage(r.Sample))
	}
	if t.With != "" {
		with, err := ordjson.Parse([]byte(t.With))
		if err != nil {
			panic("catalogue: the sample of " + t.Name + ": " + err.Error())
		}
		for _, m := range with {
			data.Set(m.Name, overlay(data.Get(m.Name), m.Value))
		}
	}
	for i := range data {
		data[i].Value = inOrder(data[i].Name, data[i].Value)
	}
	sample, err := ordjson.Compact(data.Append(nil))
	if err != nil {
		panic("catalogue: the sample of " + t.Name + ": " + err.Error())
	}
	return sample
}

// inOrder puts the members of a resource in the order of its table.
func inOrder(resource string, value json.RawMessage) json.RawMessage {
	r, ok := ResourceOf(resource)
	o, err := ordjson.Parse(value)
	if !ok || err != nil {
		return value // flat
	}
	r.Sort(o)
	return o.Append(nil)
}

// overlay sets the members of with in base; what is no object replaces it, and
// null takes a member out.
func overlay(base, with json.RawMessage) json.RawMessage {
	b, errB := ordjson.Parse(base)
	w, errW := ordjson.Parse(with)
	if errB != nil || errW != nil {
		return with
	}
	for _, m := range w {
		if ordjson.Null(m.Value) {
			b.Delete(m.Name)
		} else {
			b.Set(m.Name, m.Value)
		}
	}
	return b.Append(nil)
}
