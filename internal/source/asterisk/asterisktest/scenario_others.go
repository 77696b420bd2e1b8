package asterisktest

import (
	"os"
	"path/filepath"
	"testing"
)

// mailbox is calls that the system itself answers.
func mailbox() []Scenario {
	return []Scenario{{
		Name: "voicemail-no-answer", Phones: []string{"105", "106"},
		CDRs: []string{
			"106 > 105: PJSIP/106 > : VoiceMail ANSWERED",
			"106 > 105: PJSIP/106 > PJSIP/105: Dial NO ANSWER",
		},
		Voicemails: []string{"\"Desk 106\" <106>"},
		play: func(tb testing.TB, st *Stage) {
			callee := st.phones["105"].Expect(tb, Ring(0), Cancelled())
			all(tb, st.phones["106"].Call(tb, "105", Answered(), Speak(2*second), HangUp()), callee)
		},
	}, {
		Name: "voicemail-busy", Phones: []string{"105"},
		CDRs: []string{
			"+12025550143 > 105: PJSIP/trunk > : VoiceMail ANSWERED",
			"+12025550143 > 105: PJSIP/trunk > PJSIP/105: Dial BUSY",
		},
		play: func(tb testing.TB, st *Stage) {
			callee := st.phones["105"].Expect(tb, Refuse(486))
			all(tb, st.Trunk("+12025550143", "Caller Outside").Call(tb, "+12025550105", Answered(), Speak(2*second), HangUp()), callee)
		},
	}, {
		Name: "ivr",
		CDRs: []string{"+12025550143 > s: PJSIP/trunk > : BackGround ANSWERED"},
		play: func(tb testing.TB, st *Stage) {
			all(tb, st.Trunk("+12025550143", "Caller Outside").Call(tb, "+12025550120", Answered(), Talk(second), HangUp()))
		},
	}, {
		Name: "ivr-extension", Phones: []string{"101"},
		CDRs: []string{"+12025550143 > 101: PJSIP/trunk > PJSIP/101: Dial ANSWERED"},
		play: func(tb testing.TB, st *Stage) {
			callee := st.phones["101"].Expect(tb, Ring(moment), Answer(), Talk(second), HangUp())
			all(tb, st.Trunk("+12025550143", "Caller Outside").Call(tb, "+12025550120", Answered(), Talk(moment), Press("1"), Released()), callee)
		},
	}, {
		Name: "conference", Phones: []string{"101", "102", "103"},
		CDRs: []string{
			"101 > 800: PJSIP/101 > PJSIP/102: ConfBridge ANSWERED",
			"101 > 800: PJSIP/101 > PJSIP/103: ConfBridge ANSWERED",
			"102 > 800: PJSIP/102 > PJSIP/103: ConfBridge ANSWERED",
			"103 > 800: PJSIP/103 > : ConfBridge ANSWERED",
		},
		play: func(tb testing.TB, st *Stage) {
			first := st.phones["101"].Call(tb, "800", Answered(), Talk(4*second), HangUp())
			st.heard.Await(tb, "Event: ConfbridgeJoin", "CallerIDNum: 101")
			next := st.phones["102"].Call(tb, "800", Answered(), Talk(2*second), HangUp())
			st.heard.Await(tb, "Event: ConfbridgeJoin", "CallerIDNum: 102")
			third := st.phones["103"].Call(tb, "800", Answered(), Talk(3*second), HangUp())
			all(tb, first, next, third)
		},
	}}
}

// others is what is not a call, or not an ordinary one.
func others() []Scenario {
	return []Scenario{{
		Name: "register",
		play: func(tb testing.TB, st *Stage) {
			st.phones["101"].Register(tb)
			st.phones["101"].Register(tb)
			st.phones["101"].Unregister(tb)
		},
	}, {
		Name: "register-fails",
		play: func(tb testing.TB, st *Stage) { st.phones["101"].FailToRegister(tb) },
	}, {
		Name: "originate", Phones: []string{"101", "106"},
		CDRs: []string{"106 > 101: PJSIP/106 > PJSIP/101: Dial ANSWERED"},
		play: func(tb testing.TB, st *Stage) {
			caller := st.phones["106"].Expect(tb, Ring(moment), Answer(), Talk(2*second), HangUp())
			callee := st.phones["101"].Expect(tb, Ring(moment), Answer(), Released())
			st.Do(tb, "Originate", "Channel", "PJSIP/106", "Context", "internal", "Exten", "101", "Priority", "1",
				"CallerID", "Click to Call <106>", "Timeout", "5000", "Async", "true")
			all(tb, caller, callee)
		},
	}, {
		Name: "message", Phones: []string{"101", "106"},
		play: func(tb testing.TB, st *Stage) {
			receives := st.phones["101"].Expect(tb, Receive())
			st.phones["106"].Message(tb, "101", "Lunch at twelve?")
			all(tb, receives)
		},
	}, {
		Name: "user-event", Phones: []string{"106"},
		play: func(tb testing.TB, st *Stage) {
			st.Do(tb, "UserEvent", "UserEvent", "Shop", "Order", "4711", "Note", "colons: two", "Empty", "")
			all(tb, st.phones["106"].Call(tb, "650", Refused(603)))
		},
	}, {
		Name: "fax",
		CDRs: []string{
			" > 660: Local/660@internal;1 > : SendFAX ANSWERED",
			" > 660: Local/660@internal;2 > : Hangup ANSWERED",
		},
		play: func(tb testing.TB, st *Stage) {
			page := filepath.Join(st.dir, "spool/page.tif")
			if err := os.WriteFile(page, tiff(1728, 400), 0o600); err != nil {
				tb.Fatal(err)
			}
			st.Do(tb, "Originate", "Channel", "Local/660@internal/n", "Application", "SendFAX", "Data", page, "Timeout", "5000", "Async", "true")
			st.heard.Await(tb, "Event: ReceiveFAX")
			st.heard.Await(tb, "Event: SendFAX")
		},
	}, {
		Name: "restart", Phones: []string{"101", "106"},
		CDRs: []string{"106 > 101: PJSIP/106 > PJSIP/101: Dial ANSWERED"},
		play: func(tb testing.TB, st *Stage) {
			callee := st.phones["101"].Expect(tb, Ring(moment), Answer(), Released())
			caller := st.phones["106"].Call(tb, "101", Answered(), Released())
			st.heard.Await(tb, "Event: BridgeEnter", "BridgeNumChannels: 2")
			st.Restart(tb)
			st.listen(tb)
			all(tb, caller, callee)
		},
	}}
}
