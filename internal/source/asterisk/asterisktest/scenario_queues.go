package asterisktest

// queues is callers who wait for agents.
func queues() []Scenario {
	return []Scenario{{
		Name: "queue-caller-hangs-up", Phones: []string{"101", "102", "106"},
		CDRs: []string{
			"106 > 610: PJSIP/106 > PJSIP/101: Queue ANSWERED",
			"106 > 610: PJSIP/106 > PJSIP/102: Queue NO ANSWER",
		},
		QueueLog: []string{
			"sales NONE ENTERQUEUE",
			"sales Desk 101 CONNECT",
			"sales Desk 101 COMPLETECALLER",
		},
		play: func(st *Stage) {
			agent := st.expect("101", Ring(moment), Answer(), Released())
			other := st.expect("102", Ring(0), Cancelled())
			st.wait(st.call("106", "610", Answered(), Talk(2*second), HangUp()), agent, other)
		},
	}, {
		Name: "queue-agent-hangs-up", Phones: []string{"101", "102"},
		CDRs: []string{
			"+12025550143 > 610: PJSIP/trunk > PJSIP/101: Queue NO ANSWER",
			"+12025550143 > 610: PJSIP/trunk > PJSIP/102: Queue ANSWERED",
		},
		QueueLog: []string{
			"sales NONE ENTERQUEUE",
			"sales Desk 102 CONNECT",
			"sales Desk 102 COMPLETEAGENT",
		},
		play: func(st *Stage) {
			agent := st.expect("102", Ring(moment), Answer(), Talk(second), HangUp())
			other := st.expect("101", Ring(0), Cancelled())
			st.wait(st.callIn("+12025550110", Answered(), Released()), agent, other)
		},
	}, {
		Name: "queue-abandoned", Phones: []string{"101", "102", "106"},
		CDRs: []string{
			"106 > 610: PJSIP/106 > PJSIP/101: Queue NO ANSWER",
			"106 > 610: PJSIP/106 > PJSIP/102: Queue NO ANSWER",
		},
		QueueLog: []string{
			"sales NONE ENTERQUEUE",
			"sales Desk 101 RINGCANCELED",
			"sales Desk 102 RINGCANCELED",
			"sales NONE ABANDON",
		},
		play: func(st *Stage) {
			agent := st.expect("101", Ring(0), Cancelled())
			other := st.expect("102", Ring(0), Cancelled())
			st.wait(st.call("106", "610", Answered(), Talk(second), HangUp()), agent, other)
		},
	}, {
		Name: "queue-agent-does-not-answer", Phones: []string{"103", "104", "106"},
		CDRs: []string{
			"106 > 611: PJSIP/106 > PJSIP/103: Queue NO ANSWER",
			"106 > 611: PJSIP/106 > PJSIP/104: Queue ANSWERED",
		},
		QueueLog: []string{
			"support PJSIP/104 ADDMEMBER",
			"support NONE ENTERQUEUE",
			"support Desk 103 RINGNOANSWER",
			"support Desk 104 CONNECT",
			"support Desk 104 COMPLETEAGENT",
		},
		play: func(st *Stage) {
			st.Do(st.TB, "QueueAdd", "Queue", "support", "Interface", "PJSIP/104", "MemberName", "Desk 104", "StateInterface", "PJSIP/104")
			away := st.expect("103", Ring(0), Cancelled())
			agent := st.expect("104", Ring(moment), Answer(), Talk(second), HangUp())
			st.wait(st.call("106", "611", Answered(), Released()), away, agent)
		},
	}, {
		Name: "queue-agent-rejects", Phones: []string{"103", "104", "106"},
		CDRs: []string{
			"106 > 611: PJSIP/106 > PJSIP/103: Queue NO ANSWER",
			"106 > 611: PJSIP/106 > PJSIP/104: Queue ANSWERED",
		},
		QueueLog: []string{
			"support PJSIP/104 ADDMEMBER",
			"support NONE ENTERQUEUE",
			"support Desk 103 RINGNOANSWER",
			"support Desk 104 CONNECT",
			"support Desk 104 COMPLETEAGENT",
		},
		play: func(st *Stage) {
			st.Do(st.TB, "QueueAdd", "Queue", "support", "Interface", "PJSIP/104", "MemberName", "Desk 104", "StateInterface", "PJSIP/104")
			away := st.expect("103", Ring(moment), Refuse(486))
			agent := st.expect("104", Ring(moment), Answer(), Talk(second), HangUp())
			st.wait(st.call("106", "611", Answered(), Released()), away, agent)
		},
	}, {
		Name: "queues-in-turn", Phones: []string{"101", "103", "106"}, // 102 is not registered
		CDRs: []string{
			"106 > 612: PJSIP/106 > PJSIP/101: Queue NO ANSWER",
			"106 > 612: PJSIP/106 > PJSIP/103: Queue ANSWERED",
		},
		QueueLog: []string{
			"sales NONE ENTERQUEUE",
			"sales Desk 101 RINGNOANSWER",
			"sales NONE EXITWITHTIMEOUT",
			"support NONE ENTERQUEUE",
			"support Desk 103 CONNECT",
			"support Desk 103 COMPLETECALLER",
		},
		play: func(st *Stage) {
			away := st.expect("101", Ring(0), Cancelled())
			agent := st.expect("103", Ring(moment), Answer(), Released())
			st.wait(st.call("106", "612", Answered(), Talk(4*second), HangUp()), away, agent)
		},
	}, {
		Name: "queue-two-callers", Phones: []string{"103", "105", "106"},
		CDRs: []string{
			"105 > 611: PJSIP/105 > : Queue ANSWERED",
			"106 > 611: PJSIP/106 > PJSIP/103: Queue ANSWERED",
		},
		QueueLog: []string{
			"support NONE ENTERQUEUE",
			"support Desk 103 CONNECT",
			"support NONE ENTERQUEUE",
			"support NONE ABANDON",
			"support Desk 103 COMPLETEAGENT",
		},
		play: func(st *Stage) {
			agent := st.expect("103", Ring(moment), Answer(), Talk(4*second), HangUp())
			served := st.call("106", "611", Answered(), Released())
			st.await("Event: AgentConnect")
			waits := st.call("105", "611", Answered(), Talk(2*second), HangUp())
			st.wait(waits, served, agent)
		},
	}, {
		Name: "agent", Phones: []string{"104"},
		CDRs: []string{
			"104 > *45: PJSIP/104 > : Hangup ANSWERED",
			"104 > *46: PJSIP/104 > : Hangup ANSWERED",
		},
		QueueLog: []string{
			"support PJSIP/104 ADDMEMBER",
			"support Desk 104 PAUSE",
			"NONE Desk 104 UNPAUSEALL",
			"support Desk 104 UNPAUSE",
			"support PJSIP/104 REMOVEMEMBER",
		},
		play: func(st *Stage) {
			st.wait(st.call("104", "*45", Answered(), Released()))
			st.Do(st.TB, "QueuePause", "Queue", "support", "Interface", "PJSIP/104", "Paused", "true", "Reason", "lunch: soup")
			st.Do(st.TB, "QueuePause", "Interface", "PJSIP/104", "Paused", "false")
			st.wait(st.call("104", "*46", Answered(), Released()))
		},
	}}
}
