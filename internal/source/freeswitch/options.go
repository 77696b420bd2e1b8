package freeswitch

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/internal/source"
)

// Options are those of a source of the kind freeswitch. Address and Password suffice.
type Options struct {
	// Address is the event socket, as host or host:port. The port is 8021.
	Address string `json:"address,omitzero"`
	// Username is a user of the directory, as user@domain (userauth). Without it the
	// password is that of event_socket.conf.xml.
	Username string `json:"username,omitzero"`
	Password string `json:"password,omitzero"`
	// Format is how events are asked for: json, the default, or plain.
	Format string `json:"format,omitzero"`

	// Trunks are globs of gateways and SIP profiles that lead outside; Extensions are globs
	// of users that are telephones whatever else speaks against it.
	Trunks     []string `json:"trunks,omitzero"`
	Extensions []string `json:"extensions,omitzero"`

	// Variables are names of channel variables that are told with the call.
	Variables []string `json:"variables,omitzero"`
	// CustomEvents are subclasses of the operator's own CUSTOM events, told as custom.NAME.
	CustomEvents []string `json:"custom_events,omitzero"`
	// DTMF tells the keys pressed. They may be somebody's PIN.
	DTMF bool `json:"dtmf,omitzero"`

	AMQP *AMQPOptions `json:"amqp,omitzero"`
	// CDRSpool is the directory of the records that mod_json_cdr could not post (err-log-dir).
	CDRSpool string `json:"cdr_spool,omitzero"`
}

// AMQPOptions say where mod_amqp sends events, in place of the event socket, which is then
// only asked for what there is.
type AMQPOptions struct {
	// URL is the broker, such as amqp://user:password@192.0.2.3:5672/.
	URL string `json:"url,omitzero"`
	// Exchange is that of mod_amqp, by default TAP.Events.
	Exchange string `json:"exchange,omitzero"`
	// Queue is a durable one of our own, which is made where it is not there. By default
	// switchhook- and the source's id.
	Queue string `json:"queue,omitzero"`
	// Binding is which routing keys it gets, by default all.
	Binding string `json:"binding,omitzero"`
}

// readOptions reads strictly: an unknown option or one of a wrong type is an error with the
// field options.X, as is one that is missing.
func readOptions(given map[string]any) (*Options, error) {
	o := &Options{}
	err := source.ReadOptions(given, o, source.Wording{
		Kind: "freeswitch", Guide: "docs/guides/freeswitch.md", List: `["external"]`, Object: "an object, as in docs/guides/freeswitch.md",
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

func (o *Options) check(wrong *source.Errors) {
	need := func(field, value, message string) {
		if value == "" {
			wrong.Add("options."+field, message)
		}
	}
	need("address", o.Address, "is missing: expected the address of the event socket, such as 192.0.2.1:8021")
	need("password", o.Password, "is missing: expected the password in event_socket.conf.xml")
	if o.Address != "" && !source.IsHostPort(o.addressPort()) {
		wrong.Add("options.address", "expected host or host:port")
	}
	if user, domain, at := strings.Cut(o.Username, "@"); o.Username != "" && (!at || user == "" || domain == "" || strings.Contains(o.Username, ":")) {
		wrong.Add("options.username", "expected user@domain, as in the directory")
	}
	for field, value := range map[string]string{"username": o.Username, "password": o.Password} {
		if strings.ContainsAny(value, "\r\n") {
			wrong.Add("options."+field, "has more than one line")
		}
	}
	if !slices.Contains([]string{"", "json", "plain"}, o.Format) {
		wrong.Add("options.format", "expected json or plain")
	}
	for _, e := range o.CustomEvents {
		if e == "" || strings.ContainsAny(e, " \r\n*") {
			wrong.Add("options.custom_events", fmt.Sprintf("%q is no Event-Subclass: expected its whole name, such as my::event", e))
		}
	}
	if o.AMQP != nil {
		if u, err := url.Parse(o.AMQP.URL); err != nil || u.Scheme != "amqp" && u.Scheme != "amqps" || u.Host == "" {
			wrong.Add("options.amqp.url", "expected a URL such as amqp://user:password@192.0.2.3:5672/")
		}
	}
}

// complete fills in what is left out.
func (o *Options) complete() {
	o.Address = o.addressPort()
	if o.Format == "" {
		o.Format = "json"
	}
	if a := o.AMQP; a != nil {
		a.Exchange, a.Binding = cmp.Or(a.Exchange, "TAP.Events"), cmp.Or(a.Binding, "#")
	}
}

// addressPort is the address with a port.
func (o *Options) addressPort() string { return source.HostPort(o.Address, "8021") }
