package asterisk

import "testing"

func TestEndpoints(t *testing.T) {
	t.Parallel()
	for channel, want := range map[string]string{
		"PJSIP/101-00000003":              "101",
		"PJSIP/my-trunk-0000000a":         "my-trunk",
		"SIP/101-00000003<ZOMBIE>":        "101",
		"IAX2/peer-1234":                  "peer",
		"DAHDI/i1/4930555-2":              "i1",
		"DAHDI/1-1":                       "1",
		"Local/101@from-queue-0000001;1":  "101",
		"Console/dsp":                     "dsp",
		"nothing":                         "nothing",
		"AsyncGoto/PJSIP/101-00000003":    "PJSIP/101",
		"SIP/192.0.2.1:5060-00000003":     "192.0.2.1:5060",
		"Message/ast_msg_queue":           "ast_msg_queue",
		"PJSIP/anonymous-00000003":        "anonymous",
		"Local/*72101@app-cf-00000003;2":  "*72101",
		"PJSIP/49305550-trunk-0000000003": "49305550-trunk",
	} {
		if got := endpointOf(channel); got != want {
			t.Errorf("%s leads to %q, want %q", channel, got, want)
		}
	}
}

func TestTrunks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		o                Options
		channel, context string
		want             bool
	}{
		// What a plain installation and FreePBX look like.
		{Options{}, "PJSIP/trunk-00000001", "from-trunk", true},
		{Options{}, "PJSIP/provider1-00000001", "default", true},
		{Options{}, "PJSIP/4930555-00000001", "from-trunk-sip-4930555", true}, // a trunk named like a number
		{Options{}, "PJSIP/101-00000001", "from-internal", false},
		{Options{}, "PJSIP/101-00000001", "default", false},
		{Options{}, "PJSIP/anonymous-00000001", "from-sip-external", true},
		{Options{}, "DAHDI/i1/4930-1", "from-pstn", true},
		{Options{}, "DAHDI/i1/4930-1", "from-digital", false},
		{Options{}, "PJSIP/alice-00000001", "phones", false},
		// What is listed decides where names do not.
		{Options{}, "PJSIP/telco-00000001", "default", true},
		{Options{}, "PJSIP/bob-00000001", "default", false},
		// What the operator says goes first.
		{Options{Trunks: []string{"alice"}}, "PJSIP/alice-00000001", "phones", true},
		{Options{Trunks: []string{"PJSIP/a*"}}, "PJSIP/alice-00000001", "phones", true},
		{Options{Trunks: []string{"SIP/a*"}}, "PJSIP/alice-00000001", "phones", false},
		{Options{Extensions: []string{"trunk*"}}, "PJSIP/trunk-00000001", "from-trunk", false},
		{Options{TrunkContexts: []string{"outside"}}, "PJSIP/101-00000001", "outside", true},
		{Options{TrunkContexts: []string{"outside"}}, "PJSIP/101-00000001", "from-trunk", false},
	} {
		p := newPlan(&test.o)
		p.learn(Message{{"ObjectName", "telco"}, {"Auths", ""}})
		p.learn(Message{{"ObjectName", "bob"}, {"Auths", "bob"}})
		if got := p.trunk(test.channel, test.context); got != test.want {
			t.Errorf("with %+v, that %s in %s is a trunk is %t", test.o, test.channel, test.context, got)
		}
	}
}

func TestHidden(t *testing.T) {
	t.Parallel()
	for channel, want := range map[string]bool{
		"Local/101@a-1;1": true, "Message/ast_msg_queue": true, "CBAnn/800-00000001;2": true, "CBRec/conf-800-uid-1": true, "Surrogate/x": true,
		"PJSIP/Local-00000001": false, "SIP/101-1": false,
	} {
		if got := isHidden(channel); got != want {
			t.Errorf("that %s is hidden is %t", channel, got)
		}
	}
}
