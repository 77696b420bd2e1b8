package app_test

import (
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/app"
)

func env(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func TestFlagOverVariableOverFileOverDefault(t *testing.T) {
	t.Parallel()
	file := []byte("listen: file:1\ndata: /file\nretention: 48h\nallow_networks: [10.0.0.0/8]\nlog_level: warn\nsources:\n  - {id: s1, kind: voipbin, account_map: {x: acme}, token: \"${TOKEN}\"}\n")
	c, err := app.Load(
		map[string][]string{"listen": {"flag:1"}},
		env("SWITCHHOOK_LISTEN", "var:1", "SWITCHHOOK_DATA", "/var", "SWITCHHOOK_ALLOW_NETWORKS", "192.168.1.9/24, ::1/128", "SWITCHHOOK_ADMIN_KEY", "0123456789abcdef", "TOKEN", "secret"),
		file,
	)
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "flag:1" || c.Data != "/var" || c.Retention != 48*time.Hour || c.LogLevel != slog.LevelWarn || c.LogFormat != "text" || c.AdminKey != "0123456789abcdef" {
		t.Errorf("%+v", c)
	}
	want := []string{"192.168.1.0/24", "::1/128"}
	if diff := cmp.Diff(want, texts(c.AllowNetworks)); diff != "" {
		t.Error(diff)
	}
	if len(c.Sources) != 1 || c.Sources[0].AccountID != "root" || c.Sources[0].AccountMap["x"] != "acme" || c.Sources[0].Token != "secret" {
		t.Errorf("sources: %+v", c.Sources)
	}
}

func texts(list []netip.Prefix) (out []string) {
	for _, p := range list {
		out = append(out, p.String())
	}
	return out
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	c, err := app.Load(nil, env(), nil)
	if err != nil || c.Listen != "127.0.0.1:8420" || c.Data != "./switchhook-data" || c.Retention != 30*24*time.Hour || c.DisableAfter != 5*24*time.Hour || c.AllowNetworks != nil {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err = app.Load(map[string][]string{"disable-after": {"0"}}, env(), nil); err != nil || c.DisableAfter != app.Never {
		t.Errorf("%v, %v", c.DisableAfter, err)
	}
}

func TestProvider(t *testing.T) {
	t.Parallel()
	c, err := app.Load(map[string][]string{"oidc-issuer": {"http://127.0.0.1:8080/realms/x"}, "oidc-client-id": {"switchhook"}}, env("SWITCHHOOK_OIDC_CLIENT_SECRET", "s"), []byte("oidc_name: Example\n"))
	want := app.OIDC{Issuer: "http://127.0.0.1:8080/realms/x", ClientID: "switchhook", ClientSecret: "s", Scopes: "openid email profile", Name: "Example"}
	if err != nil || c.OIDC != want {
		t.Errorf("%+v, %v", c.OIDC, err)
	}
}

func TestWrongSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		flags map[string][]string
		env   []string
		file  string
		want  string
	}{
		{"a flag", map[string][]string{"retention": {"soon"}}, nil, "", `--retention: "soon" is not a duration such as 15s, 72h or 30d`},
		{"too short", map[string][]string{"retention": {"1m"}}, nil, "", "--retention: is shorter than 1h"},
		{"a time of failure", map[string][]string{"disable-after": {"never"}}, nil, "", `--disable-after: "never" is not a duration such as 15s, 72h or 30d`},
		{"a variable", nil, []string{"SWITCHHOOK_ALLOW_NETWORKS", "10.0.0.1"}, "", `SWITCHHOOK_ALLOW_NETWORKS: "10.0.0.1" is no network such as 10.1.0.0/16 or ::1/128`},
		{"an unknown name", nil, nil, "listen: a:1\nlisten_on: b:2\n", `the configuration file, line 2: there is no setting "listen_on"`},
		{"a list for one", nil, nil, "listen: [a, b]\n", "the configuration file, line 1: listen: expected one value"},
		{"no YAML", nil, nil, "listen: [", "the configuration file: yaml:"},
		{"a source without a kind", nil, nil, "sources:\n  - {id: a}\n", "the configuration file: sources[0]: id and kind are required"},
		{"a token that is not there", nil, nil, "sources:\n  - {id: a, kind: teli, token: \"${TOKEN}\"}\n", "the configuration file: sources[0].token: the variable TOKEN is not set"},
		{"a token that is no end of a URL", nil, nil, "sources:\n  - {id: a, kind: teli, token: a/b}\n", "the configuration file: sources[0].token: it is the secret end of a URL"},
		{"half of TLS", map[string][]string{"tls-cert": {"a.pem"}}, nil, "", "--tls-cert and --tls-key go together"},
		{"a short key", nil, []string{"SWITCHHOOK_ADMIN_KEY", "short"}, "", "SWITCHHOOK_ADMIN_KEY is not at least 16 printable"},
		{"a wrong master key", nil, []string{"SWITCHHOOK_MASTER_KEY", "c2hvcnQ="}, "", "SWITCHHOOK_MASTER_KEY: is not the base64 of 32 bytes"},
		{"half of a provider", map[string][]string{"oidc-issuer": {"https://login.example"}}, nil, "", "--oidc-issuer and --oidc-client-id go together"},
		{"a provider in the clear", map[string][]string{"oidc-issuer": {"http://login.example"}, "oidc-client-id": {"x"}}, nil, "", "--oidc-issuer: expected a URL such as https://login.example.com"},
		{"no provider", map[string][]string{"oidc-issuer": {"login.example"}, "oidc-client-id": {"x"}}, nil, "", "--oidc-issuer: expected a URL such as https://login.example.com"},
		{"a log level", nil, []string{"SWITCHHOOK_LOG_LEVEL", "loud"}, "", "SWITCHHOOK_LOG_LEVEL: is none of debug, info, warn, error"},
		{"another database", nil, []string{"SWITCHHOOK_DATABASE", "mysql://x"}, "", "--database: expected a URL such as postgres://"},
	} {
		_, err := app.Load(c.flags, env(c.env...), []byte(c.file))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}
