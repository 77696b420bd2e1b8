package asterisk

import (
	"errors"
	"strings"
	"testing"

	"github.com/switchhook/switchhook"
)

func TestOptionsAreReadStrictly(t *testing.T) {
	t.Parallel()
	good := func(more map[string]any) map[string]any {
		o := map[string]any{"address": "192.0.2.1", "username": "switchhook", "secret": "s"}
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
		{good(map[string]any{"trunks": []any{"trunk*"}, "tls": true, "tls_insecure": true, "auth": "md5", "classes": []any{"dialplan"}}), "", ""},
		{good(map[string]any{"ari": map[string]any{"username": "a", "password": "b"}}), "", ""},
		{map[string]any{"ari": map[string]any{"username": "a", "password": "b", "url": "http://192.0.2.1:8088/ari"}}, "", ""},

		{map[string]any{}, "options.address", "manager interface"},
		{nil, "options.address", "manager interface"},
		{good(map[string]any{"secret": nil}), "options.secret", "missing"},
		{good(map[string]any{"secret": 12345}), "options.secret", "quotes"},
		{good(map[string]any{"secret": "two\nlines"}), "options.secret", "line"},
		{good(map[string]any{"host": "x"}), "options.host", "no such option"},
		{good(map[string]any{"address": "a:b:c"}), "", ""}, // an IPv6 address, for all that can be told
		{good(map[string]any{"address": "http://pbx:5038"}), "options.address", "host"},
		{good(map[string]any{"auth": "none"}), "options.auth", "md5"},
		{good(map[string]any{"tls": "yes"}), "options.tls", "true"},
		{good(map[string]any{"tls_insecure": true}), "options.tls", "not set"},
		{good(map[string]any{"tls": true, "tls_ca": "/does/not/exist.pem"}), "options.tls_ca", "read"},
		{good(map[string]any{"tls": true, "tls_ca": "-----BEGIN NOTHING-----"}), "options.tls_ca", "PEM"},
		{good(map[string]any{"trunks": "trunk"}), "options.trunks", "list"},
		{good(map[string]any{"trunks": []any{1}}), "options.trunks.0", "text"},
		{good(map[string]any{"classes": []any{"calls"}}), "options.classes", "calls"},
		{good(map[string]any{"ari": true}), "options.ari", "object"},
		{good(map[string]any{"ari": map[string]any{"username": "a"}}), "options.ari.password", "missing"},
		{good(map[string]any{"ari": map[string]any{"user": "a"}}), "options.ari.user", "no such"},
		{good(map[string]any{"ari": map[string]any{"username": "a", "password": "b", "url": "192.0.2.1:8088"}}), "options.ari.url", "URL"},
		{good(map[string]any{"ari": map[string]any{"username": "a", "password": "b", "url": "http://h/ari", "listen": ":1"}}), "options.ari.listen", "either"},
		{good(map[string]any{"ari": map[string]any{"username": "a", "password": "b", "listen": "8421"}}), "options.ari.listen", "host:port"},
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
		"pbx": "pbx:5038", "pbx:15038": "pbx:15038", "192.0.2.1": "192.0.2.1:5038", "2001:db8::1": "[2001:db8::1]:5038", "[2001:db8::1]:6": "[2001:db8::1]:6",
	} {
		if got := (&Options{Address: given}).addressPort(); got != want {
			t.Errorf("%s is %s, want %s", given, got, want)
		}
	}
	if got := (&Options{Address: "pbx", TLS: true}).addressPort(); got != "pbx:5039" {
		t.Errorf("with TLS it is %s", got)
	}
}
