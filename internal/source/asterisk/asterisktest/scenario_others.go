package asterisktest

import (
	"os"
	"path/filepath"
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
		play: func(st *Stage) {
			callee := st.expect("105", Ring(0), Cancelled())
			st.wait(st.call("106", "105", Answered(), Speak(2*second), HangUp()), callee)
		},
	}, {
		Name: "voicemail-busy", Phones: []string{"105"},
		CDRs: []string{
			"+12025550143 > 105: PJSIP/trunk > : VoiceMail ANSWERED",
			"+12025550143 > 105: PJSIP/trunk > PJSIP/105: Dial BUSY",
		},
		Voicemails: []string{"\"Caller Outside\" <+12025550143>"},
		play: func(st *Stage) {
			callee := st.expect("105", Refuse(486))
			st.wait(st.callIn("+12025550105", Answered(), Speak(2*second), HangUp()), callee)
		},
	}, {
		Name: "voicemail-nothing-left", Phones: []string{"105", "106"},
		CDRs: []string{
			"106 > 105: PJSIP/106 > : VoiceMail ANSWERED",
			"106 > 105: PJSIP/106 > PJSIP/105: Dial BUSY",
		},
		play: func(st *Stage) {
			callee := st.expect("105", Refuse(486))
			st.wait(st.call("106", "105", Answered(), Speak(moment), HangUp()), callee)
		},
	}, {
		Name: "ivr",
		CDRs: []string{"+12025550143 > s: PJSIP/trunk > : BackGround ANSWERED"},
		play: func(st *Stage) {
			st.wait(st.callIn("+12025550120", Answered(), Talk(second), HangUp()))
		},
	}, {
		Name: "ivr-extension", Phones: []string{"101"},
		CDRs: []string{"+12025550143 > 101: PJSIP/trunk > PJSIP/101: Dial ANSWERED"},
		play: func(st *Stage) {
			callee := st.expect("101", Ring(moment), Answer(), Talk(second), HangUp())
			st.wait(st.callIn("+12025550120", Answered(), Talk(moment), Press("1"), Released()), callee)
		},
	}, {
		Name: "conference", Phones: []string{"101", "102", "103"},
		CDRs: []string{
			"101 > 800: PJSIP/101 > PJSIP/102: ConfBridge ANSWERED",
			"101 > 800: PJSIP/101 > PJSIP/103: ConfBridge ANSWERED",
			"102 > 800: PJSIP/102 > PJSIP/103: ConfBridge ANSWERED",
			"103 > 800: PJSIP/103 > : ConfBridge ANSWERED",
		},
		play: func(st *Stage) {
			first := st.call("101", "800", Answered(), Talk(4*second), HangUp())
			st.await("Event: ConfbridgeJoin", "CallerIDNum: 101")
			next := st.call("102", "800", Answered(), Talk(2*second), HangUp())
			st.await("Event: ConfbridgeJoin", "CallerIDNum: 102")
			third := st.call("103", "800", Answered(), Talk(3*second), HangUp())
			st.wait(first, next, third)
		},
	}}
}

// others is what is not a call, or not an ordinary one.
func others() []Scenario {
	return []Scenario{{
		Name: "register",
		play: func(st *Stage) {
			st.phones["101"].Register(st.TB)
			st.phones["101"].Register(st.TB)
			st.phones["101"].Unregister(st.TB)
		},
	}, {
		Name: "register-fails",
		play: func(st *Stage) { st.phones["101"].FailToRegister(st.TB) },
	}, {
		Name: "originate", Phones: []string{"101", "106"},
		CDRs: []string{"106 > 101: PJSIP/106 > PJSIP/101: Dial ANSWERED"},
		play: func(st *Stage) {
			caller := st.expect("106", Ring(moment), Answer(), Talk(2*second), HangUp())
			callee := st.expect("101", Ring(moment), Answer(), Released())
			st.Do(st.TB, "Originate", "Channel", "PJSIP/106", "Context", "internal", "Exten", "101", "Priority", "1",
				"CallerID", "Click to Call <106>", "Timeout", "5000", "Async", "true")
			st.wait(caller, callee)
		},
	}, {
		Name: "message", Phones: []string{"101", "106"},
		play: func(st *Stage) {
			receives := st.expect("101", Receive())
			st.phones["106"].Message(st.TB, "101", "Lunch at twelve?")
			st.wait(receives)
		},
	}, {
		Name: "user-event", Phones: []string{"106"},
		play: func(st *Stage) {
			st.Do(st.TB, "UserEvent", "UserEvent", "Shop", "Order", "4711", "Note", "colons: two", "Empty", "")
			st.wait(st.call("106", "650", Refused(603)))
		},
	}, {
		Name: "fax",
		CDRs: []string{
			"+12025550143 > 660: Local/660@internal;1 > : SendFAX ANSWERED",
			"+12025550143 > 660: Local/660@internal;2 > : Hangup ANSWERED",
		},
		play: func(st *Stage) {
			page := filepath.Join(st.dir, "spool/page.tif")
			if err := os.WriteFile(page, tiff(1728, 400), 0o600); err != nil {
				st.TB.Fatal(err)
			}
			st.Do(st.TB, "Originate", "Channel", "Local/660@internal/n", "Application", "SendFAX", "Data", page,
				"CallerID", "Fax Outside <+12025550143>", "Variable", "FAXOPT(localstationid)=+12025550143", "Timeout", "5000", "Async", "true")
			st.await("Event: ReceiveFAX")
			st.await("Event: SendFAX")
		},
	}, {
		Name: "killed", Phones: []string{"101", "106"},
		play: func(st *Stage) {
			callee := st.expect("101", Ring(moment), Answer())
			st.wait(st.call("106", "101", Answered()), callee)
			st.await("Event: BridgeEnter", "BridgeNumChannels: 2")
			st.Kill(st.TB)
			st.Up(st.TB)
			st.listen()
		},
	}, {
		Name: "restart", Phones: []string{"101", "106"},
		CDRs: []string{"106 > 101: PJSIP/106 > PJSIP/101: Dial ANSWERED"},
		play: func(st *Stage) {
			callee := st.expect("101", Ring(moment), Answer(), Released())
			caller := st.call("106", "101", Answered(), Released())
			st.await("Event: BridgeEnter", "BridgeNumChannels: 2")
			st.Restart(st.TB)
			st.listen()
			st.wait(caller, callee)
		},
	}}
}
