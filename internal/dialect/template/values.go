package template

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
)

// A view is an event as placeholders see it. What is not part of the event is
// empty, so that no placeholder needs to ask.
type view struct {
	ev        *switchhook.Event
	r         *switchhook.Resources
	call      *switchhook.Call
	from, to  *switchhook.Party
	message   *switchhook.Message
	queueCall *switchhook.QueueCall

	container, tenant string // PrimeVOX's, where the operator has set them
}

//nolint:gochecknoglobals // what is missing; nobody writes to it
var nothing = struct {
	r         switchhook.Resources
	call      switchhook.Call
	party     switchhook.Party
	message   switchhook.Message
	queueCall switchhook.QueueCall
}{}

func newView(env *dialect.Env, ev *switchhook.Event) *view {
	r := cmp.Or(ev.Resources, &nothing.r)
	v := &view{
		ev: ev, r: r, call: cmp.Or(r.Call, &nothing.call), message: cmp.Or(r.Message, &nothing.message),
		queueCall: cmp.Or(r.QueueCall, &nothing.queueCall),
	}
	v.container, v.tenant, _ = strings.Cut(env.Given(ev.AccountID, "primevox", "account", ev.AccountID), "/")
	v.from, v.to = cmp.Or(v.call.From, &nothing.party), cmp.Or(v.call.To, &nothing.party)
	return v
}

// placeholders are all there are. Those that PrimeVOX's page has mean what they
// mean there: PrimeVOX docs "Webhooks (Real-Time Events)"
// (support.primevox.net/portal/en/kb/articles/webhooks-real-time-events-19-1-2024).
// Numbers are without their +.
//
//nolint:gochecknoglobals // a constant table
var placeholders = sync.OnceValue(func() map[string]func(*view) value {
	table := map[string]func(*view) value{}
	texts := func(m map[string]func(*view) string) {
		for name, get := range m {
			table[name] = func(v *view) value { return value{text: get(v)} }
		}
	}
	// numbers are nil where they are not known.
	numbers := func(m map[string]func(*view) *int64) {
		for name, get := range m {
			table[name] = func(v *view) value {
				if n := get(v); n != nil {
					return value{strconv.FormatInt(*n, 10), true}
				}
				return value{}
			}
		}
	}
	texts(map[string]func(*view) string{
		// The envelope.
		"EVENT_ID":    func(v *view) string { return v.ev.ID },
		"EVENT_TYPE":  func(v *view) string { return v.ev.Type },
		"ACCOUNT_ID":  func(v *view) string { return v.ev.AccountID },
		"SOURCE_ID":   func(v *view) string { return v.ev.Source },
		"OCCURRED_AT": func(v *view) string { return v.ev.OccurredAt.UTC().Format(time.RFC3339Nano) },

		// Any of several resources.
		"DIRECTION": func(v *view) string { return cmp.Or(v.call.Direction, v.message.Direction) },
		"STATUS":    status,
		"FROM_NUMBER": func(v *view) string {
			return digits(cmp.Or(v.from.Address, v.message.From))
		},
		"FROM_NAME": func(v *view) string { return v.from.Name },
		"TO_NUMBER": func(v *view) string {
			return digits(cmp.Or(v.message.To, v.to.Address, v.call.Dialed))
		},
		"TO_NAME": func(v *view) string { return v.to.Name },

		// A call.
		"CALL_ID":       func(v *view) string { return cmp.Or(v.call.ID, v.queueCall.ReferenceID, v.r.CallID) },
		"CALL_UUID":     callUUID,
		"NUMBER_DIALED": func(v *view) string { return digits(cmp.Or(v.call.Dialed, v.to.Address)) },
		"HANGUP_CAUSE":  func(v *view) string { return v.call.HangupCause },
		"HANGUP_REASON": func(v *view) string { return v.call.HangupReason },
		"ANSWERED_BY":   func(v *view) string { return v.call.AnsweredBy },

		// The number that was called.
		"PHONE_NUMBER":             func(v *view) string { return digits(cmp.Or(number(v).Number, v.to.Address, v.call.Dialed)) },
		"PHONE_NUMBER_DESCRIPTION": func(v *view) string { return number(v).Description },
		"GROUP_NAME":               func(v *view) string { return number(v).Group },
		"CALLERID_PREFIX":          func(v *view) string { return number(v).CallerIDPrefix },

		// Extensions, ring groups, queues and agents.
		"EXTENSION_NUMBER": func(v *view) string { return extension(v).Number },
		"EXTENSION_NAME":   func(v *view) string { return extension(v).Name },
		"RING_GROUP_EXTEN": func(v *view) string { return cmp.Or(v.r.RingGroup, &switchhook.RingGroup{}).Number },
		"RING_GROUP_NAME":  func(v *view) string { return cmp.Or(v.r.RingGroup, &switchhook.RingGroup{}).Name },
		"QUEUE_EXTEN":      func(v *view) string { return cmp.Or(v.r.Queue, &switchhook.Queue{}).Number },
		"QUEUE_NAME":       func(v *view) string { return cmp.Or(v.r.Queue, &switchhook.Queue{}).Name },
		"AGENT_ID":         func(v *view) string { return cmp.Or(agent(v).ID, v.queueCall.AgentID) },
		"AGENT_NAME":       func(v *view) string { return cmp.Or(agent(v).Name, agent(v).Username) },

		// Messages, voicemail, recordings.
		"MESSAGE_ID":           func(v *view) string { return v.message.ID },
		"MESSAGE_TEXT":         func(v *view) string { return v.message.Text },
		"ESCAPED_MESSAGE_TEXT": func(v *view) string { return v.message.Text }, // what the place needs is escaped everywhere
		"CONVO_ID": func(v *view) string {
			return cmp.Or(v.message.ConversationID, catalogue.ConversationID(v.ev.AccountID, v.message.From, v.message.To))
		},
		"MAILBOX_NUMBER": func(v *view) string { return voicemail(v).MailboxNumber },
		"VOICEMAIL_ID":   func(v *view) string { return voicemail(v).ID },
		"VOICEMAIL_URL":  func(v *view) string { return voicemail(v).AudioURL },
		"RECORDING_URL":  func(v *view) string { return cmp.Or(v.r.Recording, &switchhook.Recording{}).URL },

		// PrimeVOX's names of a customer and of an account within it.
		"CONTAINER_ID": func(v *view) string { return cmp.Or(v.container, containerID(v.ev.AccountID)) },
		"TENANT_ID":    func(v *view) string { return cmp.Or(v.tenant, "0") },
	})
	numbers(map[string]func(*view) *int64{
		"SEQUENCE":  func(v *view) *int64 { return &v.ev.Sequence },
		"TIMESTAMP": func(v *view) *int64 { return new(v.ev.OccurredAt.Unix()) },
		"DURATION_SECONDS": func(v *view) *int64 {
			return seconds(cmp.Or(v.call.DurationMS, cmp.Or(v.r.Recording, &switchhook.Recording{}).DurationMS))
		},
		"RINGING_SECONDS":   func(v *view) *int64 { return seconds(v.call.RingingMS) },
		"BILLABLE_SECONDS":  func(v *view) *int64 { return seconds(v.call.BillableMS) },
		"WAIT_SECONDS":      func(v *view) *int64 { return seconds(v.queueCall.WaitMS) },
		"QUEUE_POSITION":    func(v *view) *int64 { return v.queueCall.Position },
		"VOICEMAIL_SECONDS": func(v *view) *int64 { return seconds(voicemail(v).LengthMS) },
	})
	return table
})

// status is that of what the event is about.
func status(v *view) string {
	agent, queueCall := agent(v).Status, v.queueCall.Status
	switch family, _, _ := strings.Cut(v.ev.Type, "."); family {
	case "agent":
		return agent
	case "queuecall":
		return queueCall
	default:
		return cmp.Or(v.call.Status, v.message.Status, queueCall, agent)
	}
}

func callUUID(v *view) string {
	if root := cmp.Or(v.call.Root(), v.queueCall.ReferenceID); root != "" {
		return dialect.UUID(v.ev.AccountID, root)
	}
	return ""
}

func number(v *view) *switchhook.Number       { return cmp.Or(v.r.Number, &switchhook.Number{}) }
func agent(v *view) *switchhook.Agent         { return cmp.Or(v.r.Agent, &switchhook.Agent{}) }
func voicemail(v *view) *switchhook.Voicemail { return cmp.Or(v.r.Voicemail, &switchhook.Voicemail{}) }

// extension is the one that the event is about. A hangup is about the one that
// answered, if any did.
func extension(v *view) switchhook.Extension {
	switch {
	case v.ev.Type == "call.hungup":
		return *cmp.Or(v.call.AnsweredExtension, &switchhook.Extension{})
	case v.r.Extension != nil:
		return *v.r.Extension
	case v.r.Voicemail != nil:
		return switchhook.Extension{Number: v.r.Voicemail.MailboxNumber, Name: v.r.Voicemail.MailboxName}
	case v.from.Type == "extension":
		return switchhook.Extension{Number: v.from.Address, Name: v.from.Name}
	default:
		return switchhook.Extension{}
	}
}

// containerID is the one of the dialect primevox: a receiver of both sees one
// customer.
func containerID(account string) string {
	sum := sha256.Sum256([]byte("primevox container\x00" + account))
	return strconv.FormatUint(100000+binary.BigEndian.Uint64(sum[:])%900000, 10)
}

func digits(number string) string { return strings.TrimPrefix(number, "+") }

// seconds rounds down, as phone systems do.
func seconds(ms *int64) *int64 {
	if ms == nil {
		return nil
	}
	return new(*ms / 1000)
}

// nearest is the placeholder whose name is most like an unknown one.
func nearest(name string) string {
	return slices.MinFunc(slices.Sorted(maps.Keys(placeholders())), func(a, b string) int {
		return cmp.Compare(distance(name, a), distance(name, b))
	})
}

// distance is Levenshtein's: how many letters to add, take away or change.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := last
			if a[i] != b[j] {
				cost = min(last, row[j], row[j+1]) + 1
			}
			last, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
