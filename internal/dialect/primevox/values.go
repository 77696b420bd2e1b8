package primevox

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
)

// values are what the placeholders of PrimeVOX's templates stand for. What an
// event does not say is empty.
type values struct {
	plain                       bool // numbers have no +
	containerID, tenantID       string
	callUUID                    string
	fromNumber, fromName        string
	toNumber, numberDialed      string
	number                      switchhook.Number
	extension                   switchhook.Extension
	ringGroup, queue            string
	conversationID, messageText string

	// What a scope can name: the objects by number and by id.
	numbers, extensions, ringGroups, queues []string
}

// get is the value of a placeholder.
func (v *values) get(placeholder string) string {
	switch placeholder {
	case "CONTAINER_ID":
		return v.containerID
	case "TENANT_ID":
		return v.tenantID
	case "CALL_UUID":
		return v.callUUID
	case "FROM_NUMBER":
		return v.fromNumber
	case "FROM_NAME":
		return v.fromName
	case "TO_NUMBER":
		return v.toNumber
	case "NUMBER_DIALED":
		return v.numberDialed
	case "PHONE_NUMBER":
		return v.digits(v.number.Number)
	case "PHONE_NUMBER_DESCRIPTION":
		return v.number.Description
	case "GROUP_NAME":
		return v.number.Group
	case "CALLERID_PREFIX":
		return v.number.CallerIDPrefix
	case "EXTENSION_NUMBER":
		return v.extension.Number
	case "EXTENSION_NAME":
		return v.extension.Name
	case "RING_GROUP_EXTEN":
		return v.ringGroup
	case "QUEUE_EXTEN":
		return v.queue
	case "CONVO_ID":
		return v.conversationID
	case "ESCAPED_MESSAGE_TEXT":
		return v.messageText
	default:
		panic("primevox: no placeholder " + placeholder)
	}
}

func (d *Dialect) valuesOf(ev *switchhook.Event, w *switchhook.Webhook) *values {
	r := cmp.Or(ev.Resources, &switchhook.Resources{})
	container, _ := w.Option("container_id")
	tenant, _ := w.Option("tenant_id")
	numbers, _ := w.Option("numbers")
	givenContainer, givenTenant, _ := strings.Cut(d.env.Given(ev.AccountID, d.Name(), "account", ev.AccountID), "/")
	v := &values{
		plain:       numbers != "as_given",
		containerID: cmp.Or(container, givenContainer),
		tenantID:    cmp.Or(tenant, givenTenant, "0"),
		extension:   extensionOf(ev, r),
	}
	if v.containerID == "" {
		v.containerID = containerID(ev.AccountID)
	}
	v.extensions = []string{v.extension.Number, v.extension.ID}
	if c := r.Call; c != nil {
		if root := c.Root(); root != "" {
			v.callUUID = dialect.UUID(ev.AccountID, root)
		}
		from, to := cmp.Or(c.From, &switchhook.Party{}), cmp.Or(c.To, &switchhook.Party{})
		v.fromNumber, v.fromName = v.digits(from.Address), from.Name
		v.numberDialed = v.digits(cmp.Or(c.Dialed, to.Address))
		v.number.Number = cmp.Or(to.Address, c.Dialed)
		v.numbers = []string{to.Address, c.Dialed}
		if ev.Type == "call.hungup" && c.Dialed != "" {
			v.numbers = []string{c.Dialed} // the number that it came in on, wherever it was transferred to
		}
	}
	if n := r.Number; n != nil {
		called := v.number.Number
		v.number = *n
		v.number.Number = cmp.Or(n.Number, called)
		v.numbers = append(v.numbers, n.Number, n.ID)
	}
	if m := r.Message; m != nil {
		v.fromNumber, v.toNumber, v.messageText = v.digits(m.From), v.digits(m.To), m.Text
		v.conversationID = cmp.Or(m.ConversationID, catalogue.ConversationID(ev.AccountID, m.From, m.To))
		own := m.To
		if ev.Type == "message.sent" {
			own = m.From
		}
		v.numbers = append(v.numbers, own)
	}
	if g := r.RingGroup; g != nil {
		v.ringGroup, v.ringGroups = g.Number, []string{g.Number, g.ID}
	}
	if q := r.QueueCall; q != nil {
		v.queues = []string{q.QueueID}
		if v.callUUID == "" && q.ReferenceID != "" { // the call itself is not known
			v.callUUID = dialect.UUID(ev.AccountID, q.ReferenceID)
		}
	}
	if q := r.Queue; q != nil {
		v.queue, v.queues = q.Number, append(v.queues, q.Number, q.ID)
	}
	return v
}

// extensionOf is the extension that an event is about. A hangup is about the
// one that answered, if any did.
func extensionOf(ev *switchhook.Event, r *switchhook.Resources) switchhook.Extension {
	switch c := cmp.Or(r.Call, &switchhook.Call{}); {
	case ev.Type == "call.hungup":
		return *cmp.Or(c.AnsweredExtension, &switchhook.Extension{})
	case r.Extension != nil:
		return *r.Extension
	case r.Voicemail != nil:
		return switchhook.Extension{Number: r.Voicemail.MailboxNumber, Name: r.Voicemail.MailboxName}
	case c.From != nil && c.From.Type == "extension":
		return switchhook.Extension{Number: c.From.Address, Name: c.From.Name}
	default:
		return switchhook.Extension{}
	}
}

// containerID is six digits, as PrimeVOX's are, always the same for an account.
// It may never change: receivers keep it. Two accounts can share one; the
// option container_id sets it.
func containerID(account string) string {
	sum := sha256.Sum256([]byte("primevox container\x00" + account))
	return strconv.FormatUint(100000+binary.BigEndian.Uint64(sum[:])%900000, 10)
}

// digits is a number as PrimeVOX writes it, which it does not say: without its +,
// unless an option has it as it was given.
func (v *values) digits(number string) string {
	if !v.plain {
		return number
	}
	return strings.TrimPrefix(number, "+")
}
