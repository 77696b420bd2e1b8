package asterisktest

import "testing"

// groups is calls to several, of which one may answer.
func groups() []Scenario {
	return []Scenario{{
		Name: "group-answered", Phones: []string{"101", "102", "103", "106"},
		CDRs: []string{
			"106 > 600: PJSIP/106 > PJSIP/101: Dial NO ANSWER",
			"106 > 600: PJSIP/106 > PJSIP/102: Dial ANSWERED",
			"106 > 600: PJSIP/106 > PJSIP/103: Dial NO ANSWER",
		},
		play: func(tb testing.TB, st *Stage) {
			answers := st.phones["102"].Expect(tb, Ring(moment), Answer(), Released())
			first := st.phones["101"].Expect(tb, Ring(0), Cancelled())
			third := st.phones["103"].Expect(tb, Ring(0), Cancelled())
			all(tb, st.phones["106"].Call(tb, "600", Answered(), Talk(second), HangUp()), answers, first, third)
		},
	}, {
		Name: "group-nobody", Phones: []string{"101", "102", "106"}, // 103 is not registered
		CDRs: []string{
			"106 > 600: PJSIP/106 > PJSIP/101: Dial NO ANSWER",
			"106 > 600: PJSIP/106 > PJSIP/102: Dial BUSY",
		},
		play: func(tb testing.TB, st *Stage) {
			first := st.phones["101"].Expect(tb, Ring(0), Cancelled())
			second := st.phones["102"].Expect(tb, Refuse(486))
			all(tb, st.phones["106"].Call(tb, "600", Refused(486)), first, second)
		},
	}, {
		Name: "group-cancelled", Phones: []string{"101", "102", "103", "106"},
		CDRs: []string{
			"106 > 600: PJSIP/106 > PJSIP/101: Dial NO ANSWER",
			"106 > 600: PJSIP/106 > PJSIP/102: Dial NO ANSWER",
			"106 > 600: PJSIP/106 > PJSIP/103: Dial NO ANSWER",
		},
		play: func(tb testing.TB, st *Stage) {
			first := st.phones["101"].Expect(tb, Ring(0), Cancelled())
			next := st.phones["102"].Expect(tb, Ring(0), Cancelled())
			third := st.phones["103"].Expect(tb, Ring(0), Cancelled())
			all(tb, st.phones["106"].Call(tb, "600", Cancel(moment)), first, next, third)
		},
	}, {
		Name: "inbound-group", Phones: []string{"101", "102", "103"},
		CDRs: []string{
			"+12025550143 > 600: PJSIP/trunk > PJSIP/101: Dial NO ANSWER",
			"+12025550143 > 600: PJSIP/trunk > PJSIP/102: Dial NO ANSWER",
			"+12025550143 > 600: PJSIP/trunk > PJSIP/103: Dial ANSWERED",
		},
		play: func(tb testing.TB, st *Stage) {
			answers := st.phones["103"].Expect(tb, Ring(moment), Answer(), Talk(second), HangUp())
			first := st.phones["101"].Expect(tb, Ring(0), Cancelled())
			next := st.phones["102"].Expect(tb, Ring(0), Cancelled())
			all(tb, st.Trunk("+12025550143", "Caller Outside").Call(tb, "+12025550100", Answered(), Released()), answers, first, next)
		},
	}, {
		Name: "group-in-turn", Phones: []string{"101", "102", "103", "106"},
		CDRs: []string{
			"106 > 601: PJSIP/106 > PJSIP/101: Dial NO ANSWER",
			"106 > 601: PJSIP/106 > PJSIP/102: Dial BUSY",
			"106 > 601: PJSIP/106 > PJSIP/103: Dial ANSWERED",
		},
		play: func(tb testing.TB, st *Stage) {
			first := st.phones["101"].Expect(tb, Ring(0), Cancelled())
			next := st.phones["102"].Expect(tb, Refuse(486))
			answers := st.phones["103"].Expect(tb, Ring(moment), Answer(), Released())
			all(tb, st.phones["106"].Call(tb, "601", Answered(), Talk(second), HangUp()), first, next, answers)
		},
	}, {
		Name: "local-channels", Phones: []string{"101", "102", "106"},
		CDRs: []string{
			"106 > 101: Local/101@internal;2 > PJSIP/101: Dial ANSWERED",
			"106 > 102: Local/102@internal;2 > PJSIP/102: Dial NO ANSWER",
			"106 > 670: PJSIP/106 > Local/101@internal;1: Dial ANSWERED",
			"106 > 670: PJSIP/106 > Local/102@internal;1: Dial NO ANSWER",
		},
		play: func(tb testing.TB, st *Stage) {
			answers := st.phones["101"].Expect(tb, Ring(moment), Answer(), Released())
			other := st.phones["102"].Expect(tb, Ring(0), Cancelled())
			all(tb, st.phones["106"].Call(tb, "670", Answered(), Talk(second), HangUp()), answers, other)
		},
	}, {
		Name: "local-channels-optimized", Phones: []string{"101", "102", "106"},
		CDRs: []string{
			"106 > 101: Local/101@internal;2 > PJSIP/101: Dial ANSWERED",
			"106 > 102: Local/102@internal;2 > PJSIP/102: Dial NO ANSWER",
			"106 > 671: PJSIP/106 > Local/101@internal;1: Dial ANSWERED",
			"106 > 671: PJSIP/106 > Local/102@internal;1: Dial NO ANSWER",
		},
		play: func(tb testing.TB, st *Stage) {
			answers := st.phones["101"].Expect(tb, Ring(moment), Answer(), Released())
			other := st.phones["102"].Expect(tb, Ring(0), Cancelled())
			all(tb, st.phones["106"].Call(tb, "671", Answered(), Talk(second), HangUp()), answers, other)
		},
	}, {
		Name: "pickup", Phones: []string{"101", "102", "106"},
		CDRs: []string{
			"106 > 101: PJSIP/106 > PJSIP/101: Dial *ANSWER*",
			"106 > 101: PJSIP/106 > PJSIP/102: Dial ANSWERED",
		},
		play: func(tb testing.TB, st *Stage) {
			rings := st.phones["101"].Expect(tb, Ring(0), Cancelled())
			caller := st.phones["106"].Call(tb, "101", Answered(), Talk(second), HangUp())
			st.heard.Await(tb, "Event: DialState", "DialStatus: RINGING")
			all(tb, st.phones["102"].Call(tb, "*8", Answered(), Released()), caller, rings)
		},
	}}
}
