package freeswitch

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/freeswitch/freeswitchtest"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
)

// Somebody speaks with an agent of a queue. The agent's leg says nothing of the caller, but that
// they hear one another.
func TestAnAgentsLegIsTheCallers(t *testing.T) {
	t.Parallel()
	s := freeswitchtest.Start(t, freeswitchtest.Options{Answers: map[string]string{
		"show channels as json": `{"row_count":2,"rows":[` +
			`{"uuid":"agent","direction":"outbound","created_epoch":"1795170001","name":"sofia/internal/101@192.0.2.7","callstate":"ACTIVE","dest":"101","presence_id":"101@pbx.example","call_uuid":"agent"},` +
			`{"uuid":"caller","direction":"inbound","created_epoch":"1795170000","name":"sofia/external/49170@carrier.example","callstate":"ACTIVE","dest":"4930902","call_uuid":"caller","context":"public"}]}`,
		"show bridged_calls as json": `{"row_count":1,"rows":[{"uuid":"caller","b_uuid":"agent"}]}`,
	}})
	h := newHost()
	run(t, New(), sourceOf(s, nil), h)
	facts := await(t, h, isPresent)
	p := facts[0].(source.Present)
	if len(p.Legs) != 2 || p.Legs[1].Leg != "agent" || p.Legs[1].Call != "caller" || len(p.Bridges["agent/caller"]) != 2 {
		t.Errorf("told %s", sourcetest.Fact(p))
	}
}

// Answers of a FreeSWITCH with a call, in which 102 holds, a caller in a queue, and a phone.
func busyAnswers() map[string]string {
	return map[string]string{
		"show channels as json": `{"row_count":4,"rows":[` +
			`{"uuid":"a","direction":"inbound","created_epoch":"1795170000","name":"sofia/external/49170@carrier.example","callstate":"ACTIVE","cid_num":"49170","dest":"102","initial_dest":"4930900","initial_cid_num":"4917012345678","presence_id":"","call_uuid":"a","context":"public"},` +
			`{"uuid":"b","direction":"outbound","created_epoch":"1795170000","name":"sofia/internal/102@192.0.2.7","callstate":"HELD","dest":"102","presence_id":"102@pbx.example","call_uuid":"a","context":"default"},` +
			`{"uuid":"q","direction":"inbound","created_epoch":"1795170010","name":"sofia/external/49171@carrier.example","callstate":"ACTIVE","dest":4930902,"presence_id":null,"call_uuid":"","context":"public"},` +
			`{"uuid":"ghost","direction":"inbound","created_epoch":"1795160000","name":"sofia/internal/103@pbx.example","callstate":"RINGING","dest":"104","presence_id":"103@pbx.example","call_uuid":"","context":"default"}]}`,
		"show bridged_calls as json":                               `{"row_count":1,"rows":[{"uuid":"a","b_uuid":"b"}]}`,
		"show registrations as json":                               `{"row_count":1,"rows":[{"reg_user":"102","realm":"pbx.example","url":"sofia/internal/sip:102@192.0.2.7:5060;transport=udp","expires":"9999999999","network_ip":"192.0.2.7","network_port":"5060"}]}`,
		"callcenter_config agent list":                             "name|instance_id|type|contact|status|state\n101@pbx.example|single_box|callback|user/101@pbx.example|On Break|Waiting\n+OK\n",
		"callcenter_config queue list":                             "name|strategy\nsupport@pbx.example|longest-idle-agent\n+OK\n",
		"callcenter_config queue list members support@pbx.example": "queue|uuid|session_uuid|joined_epoch|state\nsupport@pbx.example|m|q|1795170012|Waiting\nsupport@pbx.example|n|a|1795170012|Answered\n+OK\n",
		"valet_info": "<lots>\n <lot name=\"park@pbx.example\">\n  <extension uuid=\"a\">6001</extension>\n </lot>\n</lots>\n",
	}
}

// What there is, is told; and what happens to it later is known to happen to it. A leg that only
// a list of the past has ends at a second look.
func TestWhatThereIs(t *testing.T) {
	t.Parallel()
	s := freeswitchtest.Start(t, freeswitchtest.Options{Answers: busyAnswers()})
	h := newHost()
	run(t, New(), sourceOf(s, nil), h)
	client := s.Next(t)
	facts := await(t, h, isPresent)
	at := facts[0].At().UTC().Format("15:04:05.000000")
	got := strings.ReplaceAll(sourcetest.Fact(facts[0]), at, "NOW")
	want := `Present NOW Legs=
	LegStarted 07:33:20.000000 Leg=ghost Call=ghost Device=103 Channel=sofia/internal/103@pbx.example Dialed=104 Context=default Account=acme
	LegStarted 10:20:00.000000 Leg=a Call=a Device=external Channel=sofia/external/49170@carrier.example Trunk=true Caller={"Number":"4917012345678","Name":""} Dialed=4930900 Context=public AccountLater=true Answered=true
	LegStarted 10:20:00.000000 Leg=b Call=a Device=102 Channel=sofia/internal/102@192.0.2.7 Outbound=true Caller={"Number":"102","Name":""} Context=default Account=acme Answered=true
	LegStarted 10:20:10.000000 Leg=q Call=q Device=external Channel=sofia/external/49171@carrier.example Trunk=true Dialed=4930902 Context=public AccountLater=true Answered=true Bridges={"a/b":["a","b"]} Waiting=
	QueueJoined 10:20:12.000000 Queue=support@pbx.example Leg=q Agents=
	AgentStatus NOW Agent={"ID":"101@pbx.example","Name":"","Extension":"101"} Status=away Reason=On Break Devices=
	Registered NOW Device=102 Contact=sip:102@192.0.2.7:5060 IP=192.0.2.7 Domain=pbx.example Port=5060 Expires=EXPIRES Status=registered ParkedLegs=
	Parking NOW Leg=a Slot=6001 Lot=park@pbx.example Step=parked`
	if i := strings.Index(got, "Expires="); i > 0 { // it is counted from now
		end := strings.IndexByte(got[i:], ' ')
		got = got[:i] + "Expires=EXPIRES" + got[i+end:]
	}
	for _, f := range facts[0].(source.Present).Agents {
		got = strings.ReplaceAll(got, f.At().UTC().Format("15:04:05.000000"), "NOW")
	}
	for _, f := range facts[0].(source.Present).Devices {
		got = strings.ReplaceAll(got, f.At().UTC().Format("15:04:05.000000"), "NOW")
	}
	for _, f := range facts[0].(source.Present).ParkedLegs {
		got = strings.ReplaceAll(got, f.At().UTC().Format("15:04:05.000000"), "NOW")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what there is (-want +got):\n%s", diff)
	}

	s.Set("show channels as json", `{"row_count":3,"rows":[{"uuid":"a"},{"uuid":"b"},{"uuid":"q"}]}`)
	end := func(leg, disposition string) []byte {
		return freeswitchtest.Event("CHANNEL_HANGUP_COMPLETE", "Unique-ID", leg, "Core-UUID", freeswitchtest.CoreUUID, "Hangup-Cause", "NORMAL_CLEARING", "variable_sip_hangup_disposition", disposition)
	}
	client.Send(end("b", "recv_bye"), end("a", "send_bye"))
	client.Send(freeswitchtest.Event("HEARTBEAT"), freeswitchtest.Event("HEARTBEAT"))
	facts = await(t, h, func(f source.LegEnded) bool { return f.Leg == "ghost" })
	ended := map[string]string{}
	for _, f := range facts {
		if f, is := f.(source.LegEnded); is {
			ended[f.Leg] = f.By
			if f.Self {
				ended[f.Leg] = "itself"
			}
		}
	}
	if diff := cmp.Diff(map[string]string{"b": "itself", "a": "sofia/internal/102@192.0.2.7", "ghost": ""}, ended); diff != "" {
		t.Error(diff)
	}
}

// What is told while the lists are made is in them, or out of them: a leg that ended is not
// there, and one that began is, whatever the lists say.
func TestListsAreBehind(t *testing.T) {
	t.Parallel()
	answers := busyAnswers()
	delete(answers, "valet_info")
	s := freeswitchtest.Start(t, freeswitchtest.Options{Answers: answers, Hold: "show channels as json"})
	h := newHost()
	run(t, New(), sourceOf(s, nil), h)
	client := s.Next(t)
	client.Asked(t, "show channels as json")
	client.Send(
		freeswitchtest.Event("CHANNEL_CREATE", "Unique-ID", "new", "Channel-Name", "sofia/internal/101@pbx.example", "Call-Direction", "inbound"),
		freeswitchtest.Event("CHANNEL_HANGUP_COMPLETE", "Unique-ID", "q", "Hangup-Cause", "NORMAL_CLEARING"),
	)
	s.Release()
	facts := await(t, h, isPresent)
	p := facts[len(facts)-1].(source.Present)
	var legs []string
	for _, l := range p.Legs {
		legs = append(legs, l.Leg)
	}
	slices.Sort(legs)
	if diff := cmp.Diff([]string{"a", "b", "ghost", "new"}, legs); diff != "" || len(p.Waiting) != 0 || p.ParkedLegs != nil {
		t.Errorf("%s\nwaiting %v, parked %v", diff, p.Waiting, p.ParkedLegs)
	}
}

// What there is, is there by FreeSWITCH's clock, as all else that it says: by ours, what began
// after it had not begun.
func TestListsAreByTheClockOfFreeSWITCH(t *testing.T) {
	t.Parallel()
	const ahead = 4000000000
	s := freeswitchtest.Start(t, freeswitchtest.Options{Answers: busyAnswers(), Time: ahead})
	h := newHost()
	run(t, New(), sourceOf(s, nil), h)
	if p := await(t, h, isPresent)[0]; p.At().Unix() != ahead {
		t.Errorf("it is told of %v", p.At())
	}
}
