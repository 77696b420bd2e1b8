package asterisktest

// direct is calls from one to another.
func direct() []Scenario {
	return []Scenario{{
		Name: "direct-answered", Phones: []string{"101", "106"},
		CDRs: []string{"106 > 101: PJSIP/106 > PJSIP/101: Dial ANSWERED"},
		play: func(st *Stage) {
			callee := st.expect("101", Ring(moment), Answer(), Released())
			st.wait(st.call("106", "101", Answered(), Talk(second), HangUp()), callee)
		},
	}, {
		Name: "direct-callee-hangs-up", Phones: []string{"101", "106"},
		CDRs: []string{"106 > 101: PJSIP/106 > PJSIP/101: Dial ANSWERED"},
		play: func(st *Stage) {
			callee := st.expect("101", Ring(moment), Answer(), Talk(second), HangUp())
			st.wait(st.call("106", "101", Answered(), Released()), callee)
		},
	}, {
		Name: "busy", Phones: []string{"101", "106"},
		CDRs: []string{"106 > 101: PJSIP/106 > PJSIP/101: Dial BUSY"},
		play: func(st *Stage) {
			callee := st.expect("101", Refuse(486))
			st.wait(st.call("106", "101", Refused(486)), callee)
		},
	}, {
		Name: "rejected", Phones: []string{"101", "106"},
		CDRs: []string{"106 > 101: PJSIP/106 > PJSIP/101: Dial NO ANSWER"},
		play: func(st *Stage) {
			callee := st.expect("101", Ring(moment), Refuse(603))
			st.wait(st.call("106", "101", Refused(403)), callee)
		},
	}, {
		Name: "no-answer", Phones: []string{"101", "106"},
		CDRs: []string{"106 > 101: PJSIP/106 > PJSIP/101: Dial NO ANSWER"},
		play: func(st *Stage) {
			callee := st.expect("101", Ring(moment), Cancelled())
			st.wait(st.call("106", "101", Refused(603)), callee)
		},
	}, {
		Name: "caller-cancels", Phones: []string{"101", "106"},
		CDRs: []string{"106 > 101: PJSIP/106 > PJSIP/101: Dial NO ANSWER"},
		play: func(st *Stage) {
			callee := st.expect("101", Ring(moment), Cancelled())
			st.wait(st.call("106", "101", Cancel(second)), callee)
		},
	}, {
		Name: "forwarded", Phones: []string{"101", "102", "106"},
		CDRs: []string{
			"106 > 101: PJSIP/106 > Local/102@internal;1: Dial ANSWERED",
			"106 > 101: PJSIP/106 > PJSIP/101: Dial NO ANSWER",
			"106 > 102: Local/102@internal;2 > PJSIP/102: Dial ANSWERED",
		},
		play: func(st *Stage) {
			forwards := st.expect("101", Ring(moment), Forward("102"))
			callee := st.expect("102", Ring(moment), Answer(), Released())
			st.wait(st.call("106", "101", Answered(), Talk(second), HangUp()), forwards, callee)
		},
	}, {
		Name: "unregistered", Phones: []string{"106"},
		play: func(st *Stage) {
			st.wait(st.call("106", "101", Refused(404)))
		},
	}, {
		Name: "unallocated", Phones: []string{"106"},
		play: func(st *Stage) {
			st.wait(st.call("106", "199", Refused(404)))
		},
	}, {
		Name: "hold", Phones: []string{"101", "106"},
		CDRs: []string{"106 > 101: PJSIP/106 > PJSIP/101: Dial ANSWERED"},
		play: func(st *Stage) {
			callee := st.expect("101", Ring(moment), Answer(), Released())
			st.wait(st.call("106", "101", Answered(), Talk(moment), Hold(second), Unhold(moment), HangUp()), callee)
		},
	}, {
		Name: "outbound", Phones: []string{"106"},
		CDRs: []string{"+12025550100 > +12025550177: PJSIP/106 > PJSIP/trunk: Dial ANSWERED"},
		play: func(st *Stage) {
			callee := st.Trunk("", "").Expect(st.TB, Ring(moment), Answer(), Talk(second), HangUp())
			st.wait(st.call("106", "+12025550177", Answered(), Released()), callee)
		},
	}, {
		Name: "outbound-busy", Phones: []string{"106"},
		CDRs: []string{"+12025550100 > +12025550177: PJSIP/106 > PJSIP/trunk: Dial BUSY"},
		play: func(st *Stage) {
			callee := st.Trunk("", "").Expect(st.TB, Ring(moment), Refuse(486))
			st.wait(st.call("106", "+12025550177", Refused(486)), callee)
		},
	}, {
		Name: "inbound", Phones: []string{"101"},
		CDRs: []string{"+12025550143 > 101: PJSIP/trunk > PJSIP/101: Dial ANSWERED"},
		play: func(st *Stage) {
			callee := st.expect("101", Ring(moment), Answer(), Released())
			st.wait(st.callIn("+12025550101", Answered(), Talk(second), HangUp()), callee)
		},
	}, {
		Name: "inbound-name-latin1", Phones: []string{"101"},
		CDRs: []string{"+12025550143 > 101: PJSIP/trunk > PJSIP/101: Dial ANSWERED"},
		play: func(st *Stage) {
			callee := st.expect("101", Ring(moment), Answer(), Released())
			st.wait(st.Trunk("+12025550143", "K\xfchn & S\xf6hne").Call(st.TB, "+12025550101", Answered(), Talk(moment), HangUp()), callee)
		},
	}, {
		Name: "name-latin1", Phones: []string{"101", "106"},
		CDRs: []string{"106 > 101: PJSIP/106 > PJSIP/101: Dial ANSWERED"},
		play: func(st *Stage) {
			callee := st.expect("101", Ring(moment), Answer(), Released())
			st.wait(st.call("106", "640", Answered(), Talk(moment), HangUp()), callee)
		},
	}, {
		Name: "system-name", Options: Options{SystemName: "pbx1"}, Phones: []string{"101", "106"},
		CDRs: []string{"106 > 101: PJSIP/106 > PJSIP/101: Dial ANSWERED"},
		play: func(st *Stage) {
			callee := st.expect("101", Ring(moment), Answer(), Released())
			st.wait(st.call("106", "101", Answered(), Talk(moment), HangUp()), callee)
		},
	}}
}
