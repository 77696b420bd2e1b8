package asterisktest

import "testing"

// transfers is calls that change hands.
func transfers() []Scenario {
	return []Scenario{{
		Name: "blind-transfer", Phones: []string{"101", "102", "106"},
		CDRs: []string{
			"106 > 10?: PJSIP/106 > PJSIP/101: Dial ANSWERED", // 102 if it is written after the transfer
			"106 > 102: PJSIP/106 > PJSIP/102: Dial ANSWERED",
		},
		play: func(tb testing.TB, st *Stage) {
			transferer := st.phones["101"].Expect(tb, Ring(moment), Answer(), Talk(moment), Refer("102"), Talk(moment), HangUp())
			target := st.phones["102"].Expect(tb, Ring(moment), Answer(), Released())
			all(tb, st.phones["106"].Call(tb, "101", Answered(), Talk(2*second), HangUp()), transferer, target)
		},
	}, {
		Name: "attended-transfer", Phones: []string{"101", "102", "106"},
		CDRs: []string{
			"101 > 102: PJSIP/101 > PJSIP/102: Dial ANSWERED",
			"106 > 10?: PJSIP/106 > PJSIP/101: Dial ANSWERED", // 102 if it is written after the transfer
			"106 > 101: PJSIP/106 > PJSIP/102: Dial ANSWERED",
		},
		play: func(tb testing.TB, st *Stage) {
			held := st.phones["101"].Expect(tb, Ring(moment), Answer(), Talk(moment), Hold(4*second), HangUp())
			caller := st.phones["106"].Call(tb, "101", Answered(), Talk(6*second), HangUp())
			st.heard.Await(tb, "Event: Hold")
			target := st.phones["102"].Expect(tb, Ring(moment), Answer(), Released())
			consulted := st.phones["101"].Call(tb, "102", Answered(), Released())
			first := st.heard.Await(tb, "Event: DialBegin", "DestCallerIDNum: 101")
			second := st.heard.Await(tb, "Event: DialBegin", "DestCallerIDNum: 102")
			st.heard.Await(tb, "Event: BridgeEnter", "BridgeNumChannels: 2", "Linkedid: "+second.Get("Linkedid"))
			st.phones["101"].Transfer(tb, "106", st.SIP(tb, first.Get("DestChannel")), st.SIP(tb, second.Get("Channel")))
			all(tb, held, consulted, caller, target)
		},
	}, {
		Name: "attended-transfer-by-feature-code", Phones: []string{"101", "102", "106"},
		CDRs: []string{
			"101 > : PJSIP/101 > Local/102@internal;1: AppDial ANSWERED",
			"102 > 102: Local/102@internal;1 > :  ANSWERED",
			"106 > 101: PJSIP/106 > Local/102@internal;1: Dial ANSWERED",
			"106 > 101: PJSIP/106 > PJSIP/101: Dial ANSWERED",
			"106 > 102: Local/102@internal;2 > PJSIP/102: Dial ANSWERED",
		},
		play: func(tb testing.TB, st *Stage) {
			transferer := st.phones["101"].Expect(tb, Ring(moment), Answer(), Talk(moment), Press("*"), Press("2"),
				Talk(2*second), Press("1"), Press("0"), Press("2"), Talk(3*second), HangUp())
			target := st.phones["102"].Expect(tb, Ring(moment), Answer(), Released())
			all(tb, st.phones["106"].Call(tb, "101", Answered(), Talk(8*second), HangUp()), transferer, target)
		},
	}, {
		Name: "park-retrieved", Phones: []string{"101", "102", "106"},
		CDRs: []string{
			"102 > 701: PJSIP/102 > : ParkedCall ANSWERED",
			"106 > 101: PJSIP/106 > : Park ANSWERED",
			"106 > 101: PJSIP/106 > PJSIP/101: Dial ANSWERED",
			"106 > 101: PJSIP/106 > PJSIP/102: Dial ANSWERED",
		},
		play: func(tb testing.TB, st *Stage) {
			parker := st.phones["101"].Expect(tb, Ring(moment), Answer(), Talk(moment), Refer("700"), Talk(moment), HangUp())
			caller := st.phones["106"].Call(tb, "101", Answered(), Released())
			st.heard.Await(tb, "Event: ParkedCall")
			all(tb, st.phones["102"].Call(tb, "701", Answered(), Talk(second), HangUp()), parker, caller)
		},
	}, {
		Name: "park-abandoned", Phones: []string{"101", "106"},
		CDRs: []string{
			"106 > 101: PJSIP/106 > : Park ANSWERED",
			"106 > 101: PJSIP/106 > PJSIP/101: Dial ANSWERED",
		},
		play: func(tb testing.TB, st *Stage) {
			parker := st.phones["101"].Expect(tb, Ring(moment), Answer(), Talk(moment), Refer("700"), Talk(moment), HangUp())
			all(tb, st.phones["106"].Call(tb, "101", Answered(), Talk(2*second), HangUp()), parker)
		},
	}, {
		Name: "park-timed-out", Options: Options{ParkFor: 2}, Phones: []string{"101", "106"},
		CDRs: []string{
			"106 > 101: PJSIP/106 > : Park ANSWERED",
			"106 > 101: PJSIP/106 > PJSIP/101: Dial ANSWERED",
			"106 > PJSIP_101: PJSIP/106 > PJSIP/101: Dial ANSWERED",
		},
		play: func(tb testing.TB, st *Stage) {
			parker := st.phones["101"].Expect(tb, Ring(moment), Answer(), Talk(moment), Refer("700"), Talk(moment), HangUp())
			caller := st.phones["106"].Call(tb, "101", Answered(), Talk(5*second), HangUp())
			all(tb, parker)
			again := st.phones["101"].Expect(tb, Ring(moment), Answer(), Released())
			all(tb, caller, again)
		},
	}}
}
