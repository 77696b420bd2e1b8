package asterisk

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/internal/source"
)

// Options are those of a source of the kind asterisk. Address with Username and Secret, or
// ARI, suffices; both together know most.
type Options struct {
	// Address is the manager interface, as host or host:port. The port is 5038, with TLS
	// 5039.
	Address  string `json:"address,omitzero"`
	Username string `json:"username,omitzero"`
	Secret   string `json:"secret,omitzero"`
	// Auth is how the secret is shown: plain; md5, which does not send it; auto, the
	// default, which is md5 without TLS and plain with it.
	Auth string `json:"auth,omitzero"`

	TLS bool `json:"tls,omitzero"`
	// TLSCA is who signed the certificate, if the machine's own authorities did not: the
	// name of a PEM file, or its text.
	TLSCA string `json:"tls_ca,omitzero"`
	// TLSInsecure accepts any certificate.
	TLSInsecure bool `json:"tls_insecure,omitzero"`

	// Classes are event classes to be asked for besides those that are needed. dialplan
	// tells which extensions a call passes (ring groups), at twice the traffic; dtmf tells
	// the keys pressed.
	Classes []string `json:"classes,omitzero"`
	// UserEvents are globs of the UserEvents that are told. The default is all.
	UserEvents []string `json:"user_events,omitzero"`

	// Trunks are globs of endpoints that lead outside, as trunk or PJSIP/trunk;
	// TrunkContexts are globs of the contexts where calls come in from outside, in place
	// of the usual ones; Extensions are globs of endpoints that are telephones whatever
	// else speaks against it.
	Trunks        []string `json:"trunks,omitzero"`
	TrunkContexts []string `json:"trunk_contexts,omitzero"`
	Extensions    []string `json:"extensions,omitzero"`

	ARI *ARIOptions `json:"ari,omitzero"`
}

// ARIOptions are those of Asterisk's REST interface. With URL we dial it; without, Asterisk
// 20.15, 21.10, 22.5 or later dials us, and keeps what happens while we are away.
type ARIOptions struct {
	// URL is that of ARI, such as http://192.0.2.1:8088/ari.
	URL string `json:"url,omitzero"`
	// Listen is an address of our own where Asterisk's WebSocket comes in, such as
	// 192.0.2.2:8421. Without it Asterisk dials /v1/sources/{id}/ari.
	Listen   string `json:"listen,omitzero"`
	Username string `json:"username,omitzero"`
	Password string `json:"password,omitzero"`
	// App is the name of the Stasis application, by default switchhook.
	App string `json:"app,omitzero"`
}

// classes are the event classes that the facts need. Those of the dial plan and of RTP
// reports are most of the traffic, and say nothing that is needed.
const classes = "system,call,agent,user,cdr,security"

// allClasses are those of Asterisk 22 (main/manager.c).
const allClasses = "system call log verbose command agent user config dtmf reporting cdr dialplan originate agi cc aoc test message security"

// readOptions reads strictly: an unknown option or one of a wrong type is an error with the
// field options.X, as is one that is missing.
func readOptions(given map[string]any) (*Options, error) {
	o := &Options{}
	err := source.ReadOptions(given, o, source.Wording{
		Kind: "asterisk", Guide: "docs/guides/asterisk.md", List: `["trunk*"]`, Object: "an object with url or listen, username and password",
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
	if o.Address == "" && o.ARI == nil {
		wrong.Add("options.address", "is missing: expected the address of the manager interface, such as 192.0.2.1:5038")
	}
	if o.Address != "" || o.ARI == nil {
		need("username", o.Username, "is missing: expected the name of a section of manager.conf")
		need("secret", o.Secret, "is missing: expected the secret in manager.conf")
	}
	if o.Address != "" && !source.IsHostPort(o.addressPort()) {
		wrong.Add("options.address", "expected host or host:port")
	}
	for field, value := range map[string]string{"username": o.Username, "secret": o.Secret} {
		if strings.ContainsAny(value, "\r\n") {
			wrong.Add("options."+field, "has more than one line")
		}
	}
	if !slices.Contains([]string{"", "auto", "md5", "plain"}, o.Auth) {
		wrong.Add("options.auth", "expected auto, md5 or plain")
	}
	if _, err := o.tls(); err != nil {
		wrong.Add("options.tls_ca", err.Error())
	}
	if !o.TLS && (o.TLSCA != "" || o.TLSInsecure) {
		wrong.Add("options.tls", "is not set, but an option of it is")
	}
	for _, c := range o.Classes {
		if !slices.Contains(strings.Fields(allClasses), c) {
			wrong.Add("options.classes", fmt.Sprintf("there is no event class %q; expected some of %s", c, allClasses))
		}
	}
	if o.ARI == nil {
		return
	}
	need("ari.username", o.ARI.Username, "is missing")
	need("ari.password", o.ARI.Password, "is missing")
	u, err := url.Parse(o.ARI.URL)
	if o.ARI.URL != "" && (err != nil || !slices.Contains([]string{"http", "https", "ws", "wss"}, u.Scheme) || u.Host == "") {
		wrong.Add("options.ari.url", "expected a URL such as http://192.0.2.1:8088/ari")
	}
	if o.ARI.Listen != "" {
		if _, _, err := net.SplitHostPort(o.ARI.Listen); err != nil {
			wrong.Add("options.ari.listen", "expected host:port or :port")
		}
		if o.ARI.URL != "" {
			wrong.Add("options.ari.listen", "url is set too: either we dial Asterisk, or it dials us")
		}
	}
}

// complete fills in what is left out.
func (o *Options) complete() {
	if o.Address != "" {
		o.Address = o.addressPort()
	}
	if o.Auth == "" {
		o.Auth = "auto"
	}
	if o.ARI != nil && o.ARI.App == "" {
		o.ARI.App = "switchhook"
	}
}

// addressPort is the address with a port.
func (o *Options) addressPort() string {
	if o.TLS {
		return source.HostPort(o.Address, "5039")
	}
	return source.HostPort(o.Address, "5038")
}

// tls is how to speak TLS with the manager interface, nil for not at all.
func (o *Options) tls() (*tls.Config, error) {
	if !o.TLS {
		return nil, nil //nolint:nilnil // no TLS
	}
	host, _, _ := net.SplitHostPort(o.Address)
	return source.TLS(host, o.TLSCA, o.TLSInsecure)
}
