package kazoobus

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/internal/source"
)

// Options are those of a source of the kind kazoo_bus. URL suffices.
type Options struct {
	// URL is that of the RabbitMQ server: amqp://user:password@host:port/vhost, amqps:// with
	// TLS. The port is 5672, with TLS 5671. Zones are the servers of Kazoo's other zones by
	// the zones' names, where they are not federated into this one.
	URL   string            `json:"url,omitzero"`
	Zones map[string]string `json:"zones,omitzero"`
	// Username and Password go before those in URL, for all zones.
	Username string `json:"username,omitzero"`
	Password string `json:"password,omitzero"`
	// TLSCA is who signed the certificate, if the machine's own authorities did not: the
	// name of a PEM file, or its text. TLSInsecure accepts any certificate.
	TLSCA       string `json:"tls_ca,omitzero"`
	TLSInsecure bool   `json:"tls_insecure,omitzero"`

	// Queue is the name of our queue, by default switchhook- and the source's id. QueueType
	// is classic, or quorum: that keeps on disk also what is not marked as to be kept, as
	// Kazoo's messages are not, so that what waits outlives the server. But it can lose the
	// last messages of whoever sends without asking for a confirmation, as Kazoo does, and
	// closes the channel at once.
	Queue     string `json:"queue,omitzero"`
	QueueType string `json:"queue_type,omitzero"`
	// MaxLength is how many messages wait at most; beyond that the oldest are lost, so that
	// they never fill the server's disk. ExpireDays is after how many days without us the
	// server deletes the queue.
	MaxLength  int `json:"max_length,omitzero"`
	ExpireDays int `json:"expire_days,omitzero"`
	// Prefetch is how many messages are on their way to us and not committed yet.
	Prefetch int `json:"prefetch,omitzero"`

	// Reconcile: after an outage of the server Kazoo is asked which channels there are, so that calls
	// that have ended meanwhile end; by default it is, if the user may.
	Reconcile *bool `json:"reconcile,omitzero"`

	// Families are what is read, by default all but dtmf.
	Families []string `json:"families,omitzero"`
	// ObjectTypes are the types of documents whose changes are read; all is a type, too. The
	// default is those of Kazoo's webhooks.
	ObjectTypes []string `json:"object_types,omitzero"`
	// MakeAccounts: an account of Kazoo's that is not ours and not in the source's account map
	// becomes one of ours, with Kazoo's id, below the source's own; by default it does.
	// MaxAccounts is how many lie below that one at most: beyond, none is made.
	MakeAccounts *bool `json:"make_accounts,omitzero"`
	MaxAccounts  int   `json:"max_accounts,omitzero"`
	// Accounts are the accounts, by Kazoo's ids, that are read; none: all.
	Accounts []string `json:"accounts,omitzero"`
}

// readOptions reads strictly: an unknown option or one of a wrong type is an error with the
// field options.X, as is one that is missing.
func readOptions(given map[string]any) (*Options, error) {
	o := &Options{}
	err := source.ReadOptions(given, o, source.Wording{
		Kind: "kazoo_bus", Guide: "docs/guides/kazoo.md", List: `["calls"]`, Object: "an object of zones' names and URLs",
	})
	if err != nil {
		return nil, err
	}
	var wrong source.Errors
	o.check(&wrong)
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	o.complete()
	return o, nil
}

// The bounds and usual values of numbers.
const (
	usualLength, mostLength     = 500_000, 50_000_000
	usualExpire, mostExpire     = 7, 365
	usualPrefetch, mostPrefetch = 2000, 20_000
	usualAccounts, mostAccounts = 10_000, 1_000_000
)

func (o *Options) check(wrong *source.Errors) {
	if o.URL == "" {
		wrong.Add("options.url", "is missing: expected that of Kazoo's RabbitMQ, such as amqp://switchhook:password@192.0.2.1:5672")
	} else if err := checkURL(o.URL); err != nil {
		wrong.Add("options.url", err.Error())
	}
	for zone, u := range o.Zones {
		if err := checkURL(u); err != nil {
			wrong.Add("options.zones."+zone, err.Error())
		}
	}
	if _, err := source.TLS("", o.TLSCA, o.TLSInsecure); err != nil {
		wrong.Add("options.tls_ca", err.Error())
	}
	if len(o.Queue) > 255 || strings.HasPrefix(o.Queue, "amq.") {
		wrong.Add("options.queue", "expected at most 255 bytes that do not begin with amq.")
	}
	if !slices.Contains([]string{"", "quorum", "classic"}, o.QueueType) {
		wrong.Add("options.queue_type", "expected quorum or classic")
	}
	for _, n := range []struct {
		field       string
		value, most int
	}{
		{"max_length", o.MaxLength, mostLength},
		{"expire_days", o.ExpireDays, mostExpire},
		{"prefetch", o.Prefetch, mostPrefetch},
		{"max_accounts", o.MaxAccounts, mostAccounts},
	} {
		if n.value < 0 || n.value > n.most {
			wrong.Add("options."+n.field, fmt.Sprintf("expected 1 to %d", n.most))
		}
	}
	for _, f := range o.Families {
		if !slices.ContainsFunc(families(), func(known family) bool { return known.name == f }) {
			wrong.Add("options.families", fmt.Sprintf("there is no family %q; there are %s", f, strings.Join(familyNames(), ", ")))
		}
	}
}

func checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil {
		return errors.New("is no URL: in a password % is written as %25, / as %2F and @ as %40") // err would show it
	}
	if u.Scheme != "amqp" && u.Scheme != "amqps" || u.Hostname() == "" {
		return errors.New("expected amqp://user:password@host:port/vhost, or amqps://…")
	}
	return nil
}

// complete fills in what is left out.
func (o *Options) complete() {
	o.QueueType = cmp.Or(o.QueueType, "classic")
	o.MaxLength, o.ExpireDays = cmp.Or(o.MaxLength, usualLength), cmp.Or(o.ExpireDays, usualExpire)
	o.Prefetch, o.MaxAccounts = cmp.Or(o.Prefetch, usualPrefetch), cmp.Or(o.MaxAccounts, usualAccounts)
	if len(o.Families) == 0 {
		o.Families = slices.DeleteFunc(familyNames(), func(name string) bool { return name == "dtmf" })
	}
	if len(o.ObjectTypes) == 0 {
		o.ObjectTypes = strings.Fields("account callflow device faxbox media user vmbox fax mailbox_message call_recording")
	}
}

// reconciles reports whether Kazoo is asked for its channels.
func (o *Options) reconciles() bool {
	return (o.Reconcile == nil || *o.Reconcile) && slices.Contains(o.Families, "calls")
}

// A family is a part of what Kazoo says: an exchange, and which of its messages.
type family struct {
	name, exchange string
	keys           []string
}

// families are all of them. Kazoo writes a dot in an id as %2E, so that it is one word; others may not. The exchange callevt has far more than is bound here: each step
// of each call flow.
func families() []family {
	return []family{
		{"calls", "callevt", keys("call.%s.#", "CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_BRIDGE CHANNEL_UNBRIDGE "+
			"CHANNEL_HOLD CHANNEL_UNHOLD CHANNEL_DESTROY CHANNEL_DISCONNECTED CHANNEL_TRANSFEROR CHANNEL_REPLACED CHANNEL_INTERCEPTED "+
			"RECORD_START RECORD_STOP PARK_PARKED PARK_RETRIEVED PARK_ABANDONED")},
		{"dtmf", "callevt", []string{"call.DTMF.#"}},
		{"notifications", "notifications", []string{"notifications.#"}},
		{"objects", "configuration", nil}, // by the types
		{"registrations", "registrar", []string{"registration.success.#"}},
		{"queues", "kapps", []string{"acdc_stats.call.#", "acdc_stats.status.#"}},
		{"conferences", "conference", []string{"conference.event.#"}},
		{"messages", "im", keys("%s.#", "sms.inbound sms.outbound mms.inbound mms.outbound")},
		{"cdrs", "cdr", []string{"cdr.report.#"}},
		{"faxes", "faxes", []string{"fax.status.#"}},
	}
}

func keys(pattern, words string) (all []string) {
	for word := range strings.FieldsSeq(words) {
		all = append(all, fmt.Sprintf(pattern, word))
	}
	return all
}

func familyNames() (names []string) {
	for _, f := range families() {
		names = append(names, f.name)
	}
	return names
}

// bindings are the keys that are wanted of each exchange.
func (o *Options) bindings() map[string][]string {
	all := map[string][]string{}
	for _, f := range families() {
		if !slices.Contains(o.Families, f.name) {
			continue
		}
		if f.name == "objects" {
			for _, typ := range o.ObjectTypes {
				if typ == "all" {
					typ = "*"
				}
				f.keys = append(f.keys, keys("%s.*."+typ+".#", "doc_created doc_edited doc_deleted")...)
			}
		}
		all[f.exchange] = append(all[f.exchange], f.keys...)
	}
	return all
}
