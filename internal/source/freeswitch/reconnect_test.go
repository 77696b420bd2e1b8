package freeswitch

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// A connection breaks after any event and is made anew at once: what there is then is listed,
// and the rest is told to somebody who remembers nothing. What becomes of the calls is the same.
func TestScenariosWithAReconnect(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			messages := s.messages(t)
			var want map[string]string
			for i := range 2 * len(messages) {
				cut, behind := i/2, i%2 == 1
				d, tr := newTold(t), newTranslator(&s.options, tenants())
				for _, m := range messages[:cut] {
					d.fold(tr.translate(m, received())...)
				}
				if cut > 0 {
					tr = newTranslator(&s.options, tenants())
					d.fold(listing(t, tr, messages[:cut], behind))
				}
				for _, m := range messages[cut:] {
					d.fold(tr.translate(m, received())...)
				}
				d.tick()
				d.ended()
				got := map[string]string{}
				for id, c := range d.calls {
					got[id] = ends(c)
				}
				if want == nil {
					want = got
				}
				if diff := cmp.Diff(want, got); diff != "" || t.Failed() {
					t.Errorf("cut before %d (the list is behind: %t) %s of %s (-whole +with a reconnect):\n%s", cut, behind, messages[cut].kind(), messages[cut]["Unique-ID"], diff)
				}
			}
		})
	}
}

// ends is what a call came to, but for what nobody can know who was away.
func ends(c *switchhook.Call) string {
	party := func(p *switchhook.Party) string {
		if p == nil {
			return ""
		}
		return p.Address
	}
	return fmt.Sprintf("%s from %s to %s (%s), answered by %q, bridged %t, %s released by %s (%s)", c.Direction, party(c.From), party(c.To), c.Dialed, c.AnsweredBy, c.Bridged != nil && *c.Bridged, c.HangupCause, c.ReleasedBy, c.HangupReason)
}

// listing is what FreeSWITCH would list after some events. It may be behind, and have a leg whose
// end was told.
func listing(t *testing.T, tr *translator, before []Message, behind bool) source.Fact {
	t.Helper()
	first, last, pair, ended := map[string]Message{}, map[string]Message{}, map[string]string{}, map[string]bool{}
	for i, m := range before {
		id := m["Unique-ID"]
		if id == "" || m["Channel-Name"] == "" || ended[id] {
			continue
		}
		if first[id] == nil {
			first[id] = m
		}
		last[id] = m
		switch m["Event-Name"] {
		case "CHANNEL_BRIDGE":
			pair[m["Bridge-A-Unique-ID"]] = m["Bridge-B-Unique-ID"]
		case "CHANNEL_UNBRIDGE":
			delete(pair, m["Bridge-A-Unique-ID"])
		case "CHANNEL_HANGUP_COMPLETE":
			if !behind || i < len(before)-1 {
				delete(first, id)
			}
			ended[id] = true
		}
	}
	var channels, bridged []map[string]string
	for _, id := range slices.Sorted(maps.Keys(first)) {
		f, l := first[id], last[id]
		row := map[string]string{
			"uuid": id, "direction": f["Call-Direction"], "created_epoch": f["Caller-Channel-Created-Time"][:10], "name": f["Channel-Name"], "callstate": "RINGING",
			"initial_dest": f["Caller-Destination-Number"], "dest": l["Caller-Destination-Number"], "initial_cid_num": f["Caller-Caller-ID-Number"], "initial_cid_name": f["Caller-Caller-ID-Name"],
			"presence_id": l["Channel-Presence-ID"], "call_uuid": l["Channel-Call-UUID"], "context": l["Caller-Context"],
		}
		if l["Answer-State"] == "answered" {
			row["callstate"] = "ACTIVE"
		}
		channels = append(channels, row)
		if b := pair[id]; b != "" {
			bridged = append(bridged, map[string]string{"uuid": id, "b_uuid": b})
		}
	}
	p := newPresent(tr)
	for _, c := range []struct {
		command string
		list    []map[string]string
	}{{showBridged, bridged}, {showChannels, channels}} {
		answer, err := json.Marshal(map[string]any{"rows": c.list})
		if err != nil {
			t.Fatal(err)
		}
		p.left = []string{c.command}
		if err := p.take(c.command, string(answer), received()); err != nil {
			t.Fatal(err)
		}
	}
	at, _ := micros(before[len(before)-1]["Event-Date-Timestamp"])
	return p.fact(at)
}
