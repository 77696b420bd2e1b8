package asterisktest

import "testing"

// direct is calls from one to another.
func direct() []Scenario {
	return []Scenario{{
		Name: "direct-answered", Phones: []string{"101", "106"},
		CDRs: []string{"106 > 101: PJSIP/106 > PJSIP/101: Dial ANSWERED"},
		play: func(tb testing.TB, st *Stage) {
			callee := st.phones["101"].Expect(tb, Ring(moment), Answer(), Released())
			all(tb, st.phones["106"].Call(tb, "101", Answered(), Talk(second), HangUp()), callee)
		},
	}, {
		Name: "direct-callee-hangs-up", Phones: []string{"101", "106"},
		CDRs: []string{"106 > 101: PJSIP/106 > PJSIP/101: Dial ANSWERED"},
		play: func(tb testing.TB, st *Stage) {
			callee := st.phones["101"].Expect(tb, Ring(moment), Answer(), Talk(second), HangUp())
			all(tb, st.phones["106"].Call(tb, "101", Answered(), Released()), callee)
		},
	}, {
		Name: "busy", Phones: []string{"101", "106"},
		CDRs: []string{"106 > 101: PJSIP/106 > PJSIP/101: Dial BUSY"},
		play: func(tb testing.TB, st *Stage) {
			callee := st.phones["101"].Expect(tb, Refuse(486))
			all(tb, st.phones["106"].Call(tb, "101", Refused(486)), callee)
		},
	}, {
		Name: "rejected", Phones: []string{"101", "106"},
		CDRs: []string{"106 > 101: PJSIP/106 > PJSIP/101: Dial NO ANSWER"},
		play: func(tb testing.TB, st *Stage) {
			callee := st.phones["101"].Expect(tb, Ring(moment), Refuse(603))
			all(tb, st.phones["106"].Call(tb, "101", Refused(403)), callee)
		},
	}, {
		Name: "no-answer", Phones: []string{"101", "106"},
		CDRs: []string{"106 > 101: PJSIP/106 > PJSIP/101: Dial NO ANSWER"},
		play: func(tb testing.TB, st *Stage) {
			callee := st.phones["101"].Expect(tb, Ring(moment), Cancelled())
			all(tb, st.phones["106"].Call(tb, "101", Refused(603)), callee)
		},
	}, {
		Name: "caller-cancels", Phones: []string{"101", "106"},
		CDRs: []string{"106 > 101: PJSIP/106 > PJSIP/101: Dial NO ANSWER"},
		play: func(tb testing.TB, st *Stage) {
			callee := st.phones["101"].Expect(tb, Ring(moment), Cancelled())
			all(tb, st.phones["106"].Call(tb, "101", Cancel(second)), callee)
		},
	}, {
		Name: "unregistered", Phones: []string{"106"},
		play: func(tb testing.TB, st *Stage) {
			all(tb, st.phones["106"].Call(tb, "101", Refused(404)))
		},
	}, {
		Name: "unallocated", Phones: []string{"106"},
		play: func(tb testing.TB, st *Stage) {
			all(tb, st.phones["106"].Call(tb, "199", Refused(404)))
		},
	}, {
		Name: "hold", Phones: []string{"101", "106"},
		CDRs: []string{"106 > 101: PJSIP/106 > PJSIP/101: Dial ANSWERED"},
		play: func(tb testing.TB, st *Stage) {
			callee := st.phones["101"].Expect(tb, Ring(moment), Answer(), Released())
			all(tb, st.phones["106"].Call(tb, "101", Answered(), Talk(moment), Hold(second), Unhold(moment), HangUp()), callee)
		},
	}, {
		Name: "outbound", Phones: []string{"106"},
		CDRs: []string{"+12025550100 > +12025550177: PJSIP/106 > PJSIP/trunk: Dial ANSWERED"},
		play: func(tb testing.TB, st *Stage) {
			callee := st.Trunk("", "").Expect(tb, Ring(moment), Answer(), Talk(second), HangUp())
			all(tb, st.phones["106"].Call(tb, "+12025550177", Answered(), Released()), callee)
		},
	}, {
		Name: "outbound-busy", Phones: []string{"106"},
		CDRs: []string{"+12025550100 > +12025550177: PJSIP/106 > PJSIP/trunk: Dial BUSY"},
		play: func(tb testing.TB, st *Stage) {
			callee := st.Trunk("", "").Expect(tb, Ring(moment), Refuse(486))
			all(tb, st.phones["106"].Call(tb, "+12025550177", Refused(486)), callee)
		},
	}, {
		Name: "inbound", Phones: []string{"101"},
		CDRs: []string{"+12025550143 > 101: PJSIP/trunk > PJSIP/101: Dial ANSWERED"},
		play: func(tb testing.TB, st *Stage) {
			callee := st.phones["101"].Expect(tb, Ring(moment), Answer(), Released())
			all(tb, st.Trunk("+12025550143", "Caller Outside").Call(tb, "+12025550101", Answered(), Talk(second), HangUp()), callee)
		},
	}, {
		Name: "inbound-name-latin1", Phones: []string{"101"},
		CDRs: []string{"+12025550143 > 101: PJSIP/trunk > PJSIP/101: Dial ANSWERED"},
		play: func(tb testing.TB, st *Stage) {
			callee := st.phones["101"].Expect(tb, Ring(moment), Answer(), Released())
			all(tb, st.Trunk("+12025550143", "K\xfchn & S\xf6hne").Call(tb, "+12025550101", Answered(), Talk(moment), HangUp()), callee)
		},
	}, {
		Name: "name-latin1", Phones: []string{"101", "106"},
		CDRs: []string{"106 > 101: PJSIP/106 > PJSIP/101: Dial ANSWERED"},
		play: func(tb testing.TB, st *Stage) {
			callee := st.phones["101"].Expect(tb, Ring(moment), Answer(), Released())
			all(tb, st.phones["106"].Call(tb, "640", Answered(), Talk(moment), HangUp()), callee)
		},
	}, {
		Name: "system-name", Options: Options{SystemName: "pbx1"}, Phones: []string{"101", "106"},
		CDRs: []string{"106 > 101: PJSIP/106 > PJSIP/101: Dial ANSWERED"},
		play: func(tb testing.TB, st *Stage) {
			callee := st.phones["101"].Expect(tb, Ring(moment), Answer(), Released())
			all(tb, st.phones["106"].Call(tb, "101", Answered(), Talk(moment), HangUp()), callee)
		},
	}}
}
