package asterisk

import (
	"context"
	"strings"

	"github.com/coder/websocket"
)

// ari looks at Asterisk's REST interface: by asking it, or, where Asterisk dials us, by what
// its files say of that.
func (d *doctor) ari(ctx context.Context) {
	if !d.o.outbound() {
		d.ariInbound(ctx)
		return
	}
	if d.w == nil || d.release == nil {
		d.say(Hint, "ari", "Asterisk dials us, so there is nothing to be looked at without AMI", "")
		return
	}
	if !outboundARI(d.release) {
		d.say(Missing, "ari", "this Asterisk cannot dial us: that needs 20.15, 21.10 or 22.5", "set ari.url in the source's options, such as http://"+d.o.Address+":8088/ari")
		return
	}
	d.ariOutbound()
}

func (d *doctor) ariInbound(ctx context.Context) {
	probe := *d.o.ARI
	probe.App += "-doctor" // not to take the source's own
	answered := make(chan about, 1)
	s, err := dialARI(ctx, &probe, func(message []byte) error {
		if a, ok := isHello(message); ok {
			answered <- a
		}
		return nil
	})
	if err == nil {
		defer s.conn.Close(websocket.StatusNormalClosure, "")
		err = s.ask(ctx, hello, "asterisk/info")
	}
	if err != nil {
		d.say(Missing, "ari", err.Error(), section("http.conf", "general", "enabled = yes\nbindaddr = 127.0.0.1 ; or the address that Switchhook reaches", "Settings → Advanced Settings → Enable the mini-HTTP Server")+
			section("ari.conf", "general", "enabled = yes\nchannelvars = CHANNEL(linkedid)", "/etc/asterisk/ari_general_custom.conf, without the line [general]")+section("ari.conf", d.o.ARI.Username, "type = user\npassword = "+"a-long-secret", "Settings → Asterisk REST Interface Users"))
		return
	}
	a := <-answered
	d.say(OK, "ari", d.o.ARI.URL+": Asterisk "+version(a.System.Version), "")
}

func (d *doctor) ariOutbound() {
	ari, err := d.config("ari.conf", "")
	if err != nil {
		d.say(Hint, "ari", "its configuration cannot be looked at: "+err.Error(), "")
		return
	}
	if !strings.Contains(ari["general"].last("channelvars"), linkedID) {
		d.say(Hint, "ari", "does not tell which call a channel belongs to; that is then known a moment later, by who dials whom", section("ari.conf", "general", "channelvars = "+linkedID, "/etc/asterisk/ari_general_custom.conf, without the line [general]"))
	}
	for _, s := range ari {
		if s.last("type") == "outbound_websocket" && isTrue(s.last("subscribe_all")) {
			d.say(OK, "ari", "Asterisk has an outbound WebSocket, to "+s.last("websocket_client_id"), "")
			return
		}
	}
	d.say(Missing, "ari", "Asterisk has no outbound WebSocket", ariLines(d.o.ARI))
}

// ariLines make Asterisk dial us.
func ariLines(o *ARIOptions) string {
	return section("websocket_client.conf", "switchhook", "type = websocket_client\nconnection_type = persistent\nuri = wss://SWITCHHOOK/v1/sources/ID/ari\ntls_enabled = yes\nca_list_file = /etc/ssl/certs/ca-certificates.crt\nprotocols = ari\nusername = "+o.Username+"\npassword = …", "") +
		section("ari.conf", "switchhook-out", "type = outbound_websocket\nwebsocket_client_id = switchhook\napps = "+o.App+"\nsubscribe_all = yes\nlocal_ari_user = a user of ari.conf", "/etc/asterisk/ari_additional_custom.conf")
}

// outboundARI: from 20.15, 21.10 and 22.5 on.
func outboundARI(release []int) bool {
	minor := 0
	if len(release) > 1 {
		minor = release[1]
	}
	switch release[0] {
	case 20:
		return minor >= 15
	case 21:
		return minor >= 10
	case 22:
		return minor >= 5
	default:
		return release[0] > 22
	}
}
