package asterisktest

// groups is calls to several, of which one may answer.
func groups() []Scenario {
	return []Scenario{{
		Name: "group-answered", Phones: []string{"101", "102", "103", "106"},
		CDRs: []string{
			"106 > 600: PJSIP/106 > PJSIP/101: Dial NO ANSWER",
			"106 > 600: PJSIP/106 > PJSIP/102: Dial ANSWERED",
			"106 > 600: PJSIP/106 > PJSIP/103: Dial NO ANSWER",
		},
		play: func(st *Stage) {
			answers := st.expect("102", Ring(moment), Answer(), Released())
			first := st.expect("101", Ring(0), Cancelled())
			third := st.expect("103", Ring(0), Cancelled())
			st.wait(st.call("106", "600", Answered(), Talk(second), HangUp()), answers, first, third)
		},
	}, {
		Name: "group-nobody", Phones: []string{"101", "102", "106"}, // 103 is not registered
		CDRs: []string{
			"106 > 600: PJSIP/106 > PJSIP/101: Dial NO ANSWER",
			"106 > 600: PJSIP/106 > PJSIP/102: Dial BUSY",
		},
		play: func(st *Stage) {
			first := st.expect("101", Ring(0), Cancelled())
			second := st.expect("102", Refuse(486))
			st.wait(st.call("106", "600", Refused(486)), first, second)
		},
	}, {
		Name: "group-cancelled", Phones: []string{"101", "102", "103", "106"},
		CDRs: []string{
			"106 > 600: PJSIP/106 > PJSIP/101: Dial NO ANSWER",
			"106 > 600: PJSIP/106 > PJSIP/102: Dial NO ANSWER",
			"106 > 600: PJSIP/106 > PJSIP/103: Dial NO ANSWER",
		},
		play: func(st *Stage) {
			first := st.expect("101", Ring(0), Cancelled())
			next := st.expect("102", Ring(0), Cancelled())
			third := st.expect("103", Ring(0), Cancelled())
			st.wait(st.call("106", "600", Cancel(moment)), first, next, third)
		},
	}, {
		Name: "inbound-group", Phones: []string{"101", "102", "103"},
		CDRs: []string{
			"+12025550143 > 600: PJSIP/trunk > PJSIP/101: Dial NO ANSWER",
			"+12025550143 > 600: PJSIP/trunk > PJSIP/102: Dial NO ANSWER",
			"+12025550143 > 600: PJSIP/trunk > PJSIP/103: Dial ANSWERED",
		},
		play: func(st *Stage) {
			answers := st.expect("103", Ring(moment), Answer(), Talk(second), HangUp())
			first := st.expect("101", Ring(0), Cancelled())
			next := st.expect("102", Ring(0), Cancelled())
			st.wait(st.callIn("+12025550100", Answered(), Released()), answers, first, next)
		},
	}, {
		Name: "group-in-turn", Phones: []string{"101", "102", "103", "106"},
		CDRs: []string{
			"106 > 601: PJSIP/106 > PJSIP/101: Dial NO ANSWER",
			"106 > 601: PJSIP/106 > PJSIP/102: Dial BUSY",
			"106 > 601: PJSIP/106 > PJSIP/103: Dial ANSWERED",
		},
		play: func(st *Stage) {
			first := st.expect("101", Ring(0), Cancelled())
			next := st.expect("102", Refuse(486))
			answers := st.expect("103", Ring(moment), Answer(), Released())
			st.wait(st.call("106", "601", Answered(), Talk(second), HangUp()), first, next, answers)
		},
	}, {
		Name: "local-channels", Phones: []string{"101", "102", "106"},
		CDRs: []string{
			"106 > 101: Local/101@internal;2 > PJSIP/101: Dial ANSWERED",
			"106 > 102: Local/102@internal;2 > PJSIP/102: Dial NO ANSWER",
			"106 > 670: PJSIP/106 > Local/101@internal;1: Dial ANSWERED",
			"106 > 670: PJSIP/106 > Local/102@internal;1: Dial NO ANSWER",
		},
		play: func(st *Stage) {
			answers := st.expect("101", Ring(moment), Answer(), Released())
			other := st.expect("102", Ring(0), Cancelled())
			st.wait(st.call("106", "670", Answered(), Talk(second), HangUp()), answers, other)
		},
	}, {
		Name: "local-channels-optimized", Phones: []string{"101", "102", "106"},
		CDRs: []string{
			"106 > 101: Local/101@internal;2 > PJSIP/101: Dial ANSWERED",
			"106 > 102: Local/102@internal;2 > PJSIP/102: Dial NO ANSWER",
			"106 > 671: PJSIP/106 > Local/101@internal;1: Dial ANSWERED",
			"106 > 671: PJSIP/106 > Local/102@internal;1: Dial NO ANSWER",
		},
		play: func(st *Stage) {
			answers := st.expect("101", Ring(moment), Answer(), Released())
			other := st.expect("102", Ring(0), Cancelled())
			st.wait(st.call("106", "671", Answered(), Talk(second), HangUp()), answers, other)
		},
	}, {
		Name: "two-phones", Phones: []string{"101", "106"},
		CDRs: []string{
			"106 > 680: PJSIP/106 > PJSIP/101: Dial ANSWERED",
			"106 > 680: PJSIP/106 > PJSIP/101: Dial NO ANSWER",
		},
		play: func(st *Stage) {
			other := st.Phone(st.TB, "101")
			other.Register(st.TB)
			rings := st.expect("101", Ring(0), Cancelled())
			answers := other.Expect(st.TB, Ring(moment), Answer(), Released())
			st.wait(st.call("106", "680", Answered(), Talk(second), HangUp()), answers, rings)
		},
	}, {
		Name: "pickup", Phones: []string{"101", "102", "106"},
		CDRs: []string{
			"106 > 101: PJSIP/106 > PJSIP/101: Dial *ANSWER*",
			"106 > 101: PJSIP/106 > PJSIP/102: Dial ANSWERED",
		},
		play: func(st *Stage) {
			rings := st.expect("101", Ring(0), Cancelled())
			caller := st.call("106", "101", Answered(), Talk(second), HangUp())
			st.await("Event: DialState", "DialStatus: RINGING")
			st.wait(st.call("102", "*8", Answered(), Released()), caller, rings)
		},
	}}
}
