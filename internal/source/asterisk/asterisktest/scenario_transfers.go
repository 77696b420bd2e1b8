package asterisktest

// transfers is calls that change hands.
func transfers() []Scenario {
	return []Scenario{{
		Name: "blind-transfer", Phones: []string{"101", "102", "106"},
		CDRs: []string{
			"106 > 10?: PJSIP/106 > PJSIP/101: Dial ANSWERED", // 102 if it is written after the transfer
			"106 > 102: PJSIP/106 > PJSIP/102: Dial ANSWERED",
		},
		play: func(st *Stage) {
			transfers := st.expect("101", Ring(moment), Answer(), Talk(moment), Refer("102"), Talk(moment), HangUp())
			target := st.expect("102", Ring(moment), Answer(), Released())
			st.wait(st.call("106", "101", Answered(), Talk(2*second), HangUp()), transfers, target)
		},
	}, {
		Name: "attended-transfer", Phones: []string{"101", "102", "106"},
		CDRs: []string{
			"101 > 102: PJSIP/101 > PJSIP/102: Dial ANSWERED",
			"106 > 10?: PJSIP/106 > PJSIP/101: Dial ANSWERED", // 102 if it is written after the transfer
			"106 > 101: PJSIP/106 > PJSIP/102: Dial ANSWERED",
		},
		play: func(st *Stage) {
			held := st.expect("101", Ring(moment), Answer(), Talk(moment), Hold(4*second), HangUp())
			caller := st.call("106", "101", Answered(), Talk(6*second), HangUp())
			st.await("Event: Hold")
			target := st.expect("102", Ring(moment), Answer(), Released())
			consulted := st.call("101", "102", Answered(), Released())
			first := st.await("Event: DialBegin", "DestCallerIDNum: 101")
			second := st.await("Event: DialBegin", "DestCallerIDNum: 102")
			st.await("Event: BridgeEnter", "BridgeNumChannels: 2", "Linkedid: "+second.Get("Linkedid"))
			st.phones["101"].Transfer(st.TB, "106", st.DialogID(st.TB, first.Get("DestChannel")), st.DialogID(st.TB, second.Get("Channel")))
			st.wait(held, consulted, caller, target)
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
		play: func(st *Stage) {
			transfers := st.expect("101", Ring(moment), Answer(), Talk(moment), Press("*"), Press("2"),
				Talk(2*second), Press("1"), Press("0"), Press("2"), Talk(3*second), HangUp())
			target := st.expect("102", Ring(moment), Answer(), Released())
			st.wait(st.call("106", "101", Answered(), Talk(8*second), HangUp()), transfers, target)
		},
	}, {
		Name: "park-retrieved", Phones: []string{"101", "102", "106"},
		CDRs: []string{
			"102 > 701: PJSIP/102 > : ParkedCall ANSWERED",
			"106 > 101: PJSIP/106 > : Park ANSWERED",
			"106 > 101: PJSIP/106 > PJSIP/101: Dial ANSWERED",
			"106 > 101: PJSIP/106 > PJSIP/102: Dial ANSWERED",
		},
		play: func(st *Stage) {
			parker := st.expect("101", Ring(moment), Answer(), Talk(moment), Refer("700"), Talk(moment), HangUp())
			caller := st.call("106", "101", Answered(), Released())
			st.await("Event: ParkedCall")
			st.wait(st.call("102", "701", Answered(), Talk(second), HangUp()), parker, caller)
		},
	}, {
		Name: "park-abandoned", Phones: []string{"101", "106"},
		CDRs: []string{
			"106 > 101: PJSIP/106 > : Park ANSWERED",
			"106 > 101: PJSIP/106 > PJSIP/101: Dial ANSWERED",
		},
		play: func(st *Stage) {
			parker := st.expect("101", Ring(moment), Answer(), Talk(moment), Refer("700"), Talk(moment), HangUp())
			st.wait(st.call("106", "101", Answered(), Talk(2*second), HangUp()), parker)
		},
	}, {
		Name: "park-timed-out", Options: Options{ParkFor: 2}, Phones: []string{"101", "106"},
		CDRs: []string{
			"106 > 101: PJSIP/106 > : Park ANSWERED",
			"106 > 101: PJSIP/106 > PJSIP/101: Dial ANSWERED",
			"106 > PJSIP_101: PJSIP/106 > PJSIP/101: Dial ANSWERED",
		},
		play: func(st *Stage) {
			parker := st.expect("101", Ring(moment), Answer(), Talk(moment), Refer("700"), Talk(moment), HangUp())
			caller := st.call("106", "101", Answered(), Talk(5*second), HangUp())
			st.wait(parker)
			again := st.expect("101", Ring(moment), Answer(), Released())
			st.wait(caller, again)
		},
	}}
}
