package freeswitch

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook"
)

func TestOptionsAreReadStrictly(t *testing.T) {
	t.Parallel()
	good := func(more map[string]any) map[string]any {
		o := map[string]any{"address": "192.0.2.1", "password": "s"}
		for k, v := range more {
			if v == nil {
				delete(o, k)
			} else {
				o[k] = v
			}
		}
		return o
	}
	for _, test := range []struct {
		options      map[string]any
		field, wants string // no field: nothing is wrong
	}{
		{good(nil), "", ""},
		{good(map[string]any{"username": "hook@pbx.example", "format": "plain", "trunks": []any{"telco*"}, "dtmf": true, "custom_events": []any{"my::event"}}), "", ""},
		{good(map[string]any{"amqp": map[string]any{"url": "amqp://u:p@192.0.2.3/"}, "cdr_spool": "/x"}), "", ""},

		{map[string]any{}, "options.address", "event socket"},
		{nil, "options.address", "event socket"},
		{good(map[string]any{"password": nil}), "options.password", "missing"},
		{good(map[string]any{"password": 12345}), "options.password", "quotes"},
		{good(map[string]any{"password": "two\nlines"}), "options.password", "line"},
		{good(map[string]any{"host": "x"}), "options.host", "no such option"},
		{good(map[string]any{"address": "http://pbx:8021"}), "options.address", "host"},
		{good(map[string]any{"username": "hook"}), "options.username", "user@domain"},
		{good(map[string]any{"username": "ho:ok@pbx"}), "options.username", "user@domain"},
		{good(map[string]any{"format": "xml"}), "options.format", "json"},
		{good(map[string]any{"dtmf": "yes"}), "options.dtmf", "true"},
		{good(map[string]any{"trunks": "external"}), "options.trunks", "list"},
		{good(map[string]any{"custom_events": []any{"my::*"}}), "options.custom_events", "whole"},
		{good(map[string]any{"amqp": map[string]any{"url": "http://x"}}), "options.amqp.url", "amqp://"},
		{good(map[string]any{"amqp": true}), "options.amqp", "object"},
		{good(map[string]any{"cdr": map[string]any{"spool": "/x"}}), "options.cdr", "no such option"},
	} {
		err := New().Check(test.options)
		e, _ := errors.AsType[*switchhook.Error](err)
		switch {
		case test.field == "" && err != nil:
			t.Errorf("%v: %v", test.options, err)
		case test.field == "":
		case e == nil || e.Fields[0].Field != test.field || !strings.Contains(e.Fields[0].Message, test.wants):
			t.Errorf("%v: %v, want one of %s with %q", test.options, err, test.field, test.wants)
		}
	}
}

func TestAddressGetsAPort(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"pbx": "pbx:8021", "pbx:18021": "pbx:18021", "192.0.2.1": "192.0.2.1:8021", "2001:db8::1": "[2001:db8::1]:8021", "[2001:db8::1]:6": "[2001:db8::1]:6",
	} {
		if got := (&Options{Address: given}).addressPort(); got != want {
			t.Errorf("%s is %s, want %s", given, got, want)
		}
	}
}

// Whatever follows CUSTOM is a subclass to FreeSWITCH, so no other event may.
func TestCustomComesLast(t *testing.T) {
	t.Parallel()
	names := (&Options{DTMF: true, CustomEvents: []string{"mine"}}).events()
	i := slices.Index(names, "CUSTOM")
	for j, name := range names {
		if subclass := strings.Contains(name, "::") || name == "mine"; subclass != (j > i) && name != "CUSTOM" {
			t.Errorf("%s is number %d, CUSTOM number %d", name, j, i)
		}
	}
}

func TestWhatLeadsOutside(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		plan  plan
		event Message
		want  endpoint
	}{
		{plan{}, Message{"Call-Direction": "inbound", "Channel-Name": "sofia/external/49170@carrier", "variable_sofia_profile_name": "external", "variable_dialed_user": "101"}, endpoint{true, "external", ""}},
		{plan{}, Message{"Call-Direction": "inbound", "Channel-Name": "sofia/internal/101@pbx.example", "variable_user_name": "101", "variable_domain_name": "pbx.example"}, endpoint{false, "101", "pbx.example"}},
		{plan{}, Message{"Call-Direction": "inbound", "Channel-Name": "sofia/internal/49170@1.2.3.4", "Caller-Context": "public"}, endpoint{true, "internal", ""}},
		{plan{}, Message{"Call-Direction": "outbound", "Channel-Name": "sofia/internal/498", "variable_sip_gateway_name": "telco"}, endpoint{true, "telco", ""}},
		{plan{}, Message{"Call-Direction": "outbound", "Channel-Name": "sofia/external/101@1.2.3.4", "variable_dialed_user": "101", "variable_dialed_domain": "b.example"}, endpoint{false, "101", "b.example"}},
		{plan{}, Message{"Call-Direction": "outbound", "Channel-Name": "verto.rtc/1008", "Channel-Presence-ID": "1008@pbx.example"}, endpoint{false, "1008", "pbx.example"}},
		{plan{}, Message{"Call-Direction": "outbound", "Channel-Name": "FreeTDM/1:1/498"}, endpoint{true, "", ""}},
		{plan{trunks: []string{"inter*"}}, Message{"Call-Direction": "outbound", "Channel-Name": "sofia/internal/101@x", "variable_dialed_user": "101"}, endpoint{true, "internal", ""}},
		{plan{extensions: []string{"door*"}}, Message{"Call-Direction": "inbound", "Channel-Name": "sofia/external/door1@x"}, endpoint{false, "door1", ""}},
	} {
		if got := c.plan.endpointOf(c.event); got != c.want {
			t.Errorf("%v is %+v, want %+v", c.event, got, c.want)
		}
	}
}
