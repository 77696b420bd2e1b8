package app

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// Config is everything that an operator can set. Its zero value is completed by
// New with the defaults of Options.
type Config struct {
	Listen        string         // host:port of the API and the page
	Data          string         // directory of the embedded store and the keys
	Database      string         // postgres://…; empty: the embedded store
	Advertise     string         // URL where other processes of the database reach us; empty: found out
	PublicURL     string         // how the outside reaches us; empty: from Listen
	Retention     time.Duration  // how long history is kept
	DisableAfter  time.Duration  // for how long a webhook may fail before it is disabled; Never: for ever
	AllowNetworks []netip.Prefix // private networks that webhooks may reach
	// MaxOpenDeliveries is how many deliveries to an account's webhooks may be open before
	// its events are refused; 0: any number.
	MaxOpenDeliveries int
	Proxy             *url.URL // through which all requests go out; nil: none
	TLSCert           string   // PEM files; both or none
	TLSKey            string
	TrustedProxies    []netip.Prefix // whose X-Forwarded-For is believed
	AdminKey          string         // the operator's API key; empty: kept in Data
	MasterKeys        [][]byte       // 32 bytes that seal secrets, several while they are changed; none: kept in Data
	OIDC              OIDC           // at which users can sign in
	Mail              Mail           // how notifications leave
	Sources           []switchhook.Source
	LogLevel          slog.Level
	LogFormat         string // text or json

	// Logger takes the place of the one that LogLevel and LogFormat describe.
	Logger *slog.Logger
	// Version is the program's.
	Version string
	// Notice is where a person is told what concerns them once, such as the
	// key that was made. Nil: nobody is told.
	Notice func(format string, args ...any)

	connectors []source.Connector // a test's, besides those that there are
}

// OIDC is an OpenID provider. An empty Issuer: none.
type OIDC struct {
	Issuer, ClientID, ClientSecret string
	Scopes                         string // blanks between them
	Name                           string // on the button
}

// Never is DisableAfter's value for a webhook that may fail for ever.
const Never time.Duration = -1

// An Option is one setting: declared here once, read from the command line, the
// environment and the file, and printed in the README.
type Option struct {
	Flag     string // without --; empty: not on the command line, where others can read it
	Variable string
	YAML     string
	Default  string
	Usage    string
	List     bool // may be given more than once; comma separated in a variable

	set func(*Config, []string) error
}

// Options are all settings, in the order in which people want to read them.
func Options() []Option {
	return slices.Concat(generalOptions(), mailOptions(), logOptions())
}

func generalOptions() []Option {
	return []Option{
		{
			Flag: "listen", Variable: "SWITCHHOOK_LISTEN", YAML: "listen", Default: "127.0.0.1:8420",
			Usage: "address of the API and the page, as host:port", set: text(func(c *Config) *string { return &c.Listen }),
		},
		{
			Flag: "data", Variable: "SWITCHHOOK_DATA", YAML: "data", Default: "./switchhook-data",
			Usage: "directory of the embedded store and the keys", set: text(func(c *Config) *string { return &c.Data }),
		},
		{
			Flag: "database", Variable: "SWITCHHOOK_DATABASE", YAML: "database",
			Usage: "postgres:// URL; empty is the embedded SQLite in the data directory", set: text(func(c *Config) *string { return &c.Database }),
		},
		{
			Flag: "advertise", Variable: "SWITCHHOOK_ADVERTISE", YAML: "advertise",
			Usage: "URL at which other processes with the same --database reach this one; empty is found out", set: text(func(c *Config) *string { return &c.Advertise }),
		},
		{
			Flag: "public-url", Variable: "SWITCHHOOK_PUBLIC_URL", YAML: "public_url",
			Usage: "how the outside reaches this server; empty is http(s)://LISTEN", set: text(func(c *Config) *string { return &c.PublicURL }),
		},
		{
			Flag: "retention", Variable: "SWITCHHOOK_RETENTION", YAML: "retention", Default: "30d",
			Usage: "how long events and attempts are kept, such as 72h or 30d", set: func(c *Config, v []string) (err error) {
				c.Retention, err = switchhook.ParseDuration(v[0])
				if err == nil && c.Retention < time.Hour {
					err = errors.New("is shorter than 1h")
				}
				return err
			},
		},
		{
			Flag: "disable-after", Variable: "SWITCHHOOK_DISABLE_AFTER", YAML: "disable_after", Default: "5d",
			Usage: "for how long every attempt of a webhook may fail before it is disabled, such as 12h or 5d; 0 is for ever", set: func(c *Config, v []string) (err error) {
				c.DisableAfter, err = switchhook.ParseDuration(v[0])
				if err == nil && c.DisableAfter == 0 {
					c.DisableAfter = Never
				}
				return err
			},
		},
		{
			Flag: "allow-network", Variable: "SWITCHHOOK_ALLOW_NETWORKS", YAML: "allow_networks", List: true,
			Usage: "private network that webhooks may reach, as CIDR such as 10.1.0.0/16; repeatable", set: prefixes(func(c *Config) *[]netip.Prefix { return &c.AllowNetworks }),
		},
		{
			Flag: "max-open-deliveries", Variable: "SWITCHHOOK_MAX_OPEN_DELIVERIES", YAML: "max_open_deliveries", Default: "10000000",
			Usage: "how many deliveries to the webhooks of an account may be open before its events are refused with 429; 0 is any number, and an account can have its own limit", set: func(c *Config, v []string) (err error) {
				if c.MaxOpenDeliveries, err = strconv.Atoi(v[0]); err != nil || c.MaxOpenDeliveries < 0 {
					return errors.New("is no whole number of 0 or above")
				}
				return nil
			},
		},
		{
			Flag: "proxy", Variable: "SWITCHHOOK_PROXY", YAML: "proxy",
			Usage: "http:// or https:// URL of a proxy that webhooks' requests go through (CONNECT), user:password@ in it if it wants one; names are looked up here", set: func(c *Config, v []string) (err error) {
				c.Proxy, err = url.Parse(v[0])
				if err != nil || c.Proxy.Scheme != "http" && c.Proxy.Scheme != "https" || c.Proxy.Hostname() == "" || strings.Trim(c.Proxy.Path, "/") != "" {
					return errors.New("is no URL such as http://proxy.internal:3128") // it may hold a password
				}
				return nil
			},
		},
		{
			Flag: "tls-cert", Variable: "SWITCHHOOK_TLS_CERT", YAML: "tls_cert",
			Usage: "PEM file of the certificate; with it the server speaks HTTPS", set: text(func(c *Config) *string { return &c.TLSCert }),
		},
		{
			Flag: "tls-key", Variable: "SWITCHHOOK_TLS_KEY", YAML: "tls_key",
			Usage: "PEM file of the certificate's key", set: text(func(c *Config) *string { return &c.TLSKey }),
		},
		{
			Flag: "trusted-proxies", Variable: "SWITCHHOOK_TRUSTED_PROXIES", YAML: "trusted_proxies", List: true,
			Usage: "network of a reverse proxy whose X-Forwarded-For is believed, as CIDR; repeatable", set: prefixes(func(c *Config) *[]netip.Prefix { return &c.TrustedProxies }),
		},
		{
			Variable: "SWITCHHOOK_ADMIN_KEY", YAML: "admin_key",
			Usage: "the operator's API key, at least 16 printable ASCII characters; unset, one is made at the first start and kept in the data directory", set: text(func(c *Config) *string { return &c.AdminKey }),
		},
		{
			Variable: "SWITCHHOOK_MASTER_KEY", YAML: "master_key",
			Usage: "base64 of the 32 bytes that seal secrets at rest, or the old key, a comma and the new one while they are changed; unset, a key is made at the first start and kept in the data directory", set: func(c *Config, v []string) error {
				c.MasterKeys = nil
				for _, text := range split(v[0]) {
					key, err := base64.StdEncoding.DecodeString(text)
					if err != nil || len(key) != 32 {
						return errors.New("is not the base64 of 32 bytes (openssl rand -base64 32 makes such a key)")
					}
					c.MasterKeys = append(c.MasterKeys, key)
				}
				return nil
			},
		},
		{
			Flag: "oidc-issuer", Variable: "SWITCHHOOK_OIDC_ISSUER", YAML: "oidc_issuer",
			Usage: "URL of an OpenID provider at which users can sign in, as it calls itself; its redirect URI is PUBLIC_URL/signin/oidc/callback", set: text(func(c *Config) *string { return &c.OIDC.Issuer }),
		},
		{
			Flag: "oidc-client-id", Variable: "SWITCHHOOK_OIDC_CLIENT_ID", YAML: "oidc_client_id",
			Usage: "what the OpenID provider knows this server by", set: text(func(c *Config) *string { return &c.OIDC.ClientID }),
		},
		{
			Variable: "SWITCHHOOK_OIDC_CLIENT_SECRET", YAML: "oidc_client_secret",
			Usage: "the client's secret; unset, it is a public client, with PKCE alone", set: text(func(c *Config) *string { return &c.OIDC.ClientSecret }),
		},
		{
			Flag: "oidc-scopes", Variable: "SWITCHHOOK_OIDC_SCOPES", YAML: "oidc_scopes", Default: "openid email profile",
			Usage: "what the OpenID provider is asked for, with blanks between", set: text(func(c *Config) *string { return &c.OIDC.Scopes }),
		},
		{
			Flag: "oidc-name", Variable: "SWITCHHOOK_OIDC_NAME", YAML: "oidc_name", Default: "Single sign-on",
			Usage: "what the OpenID provider is called on the sign-in page", set: text(func(c *Config) *string { return &c.OIDC.Name }),
		},
	}
}

func logOptions() []Option {
	return []Option{
		{
			Flag: "log-level", Variable: "SWITCHHOOK_LOG_LEVEL", YAML: "log_level", Default: "info",
			Usage: "debug, info, warn or error", set: func(c *Config, v []string) error {
				if err := c.LogLevel.UnmarshalText([]byte(v[0])); err != nil {
					return errors.New("is none of debug, info, warn, error")
				}
				return nil
			},
		},
		{
			Flag: "log-format", Variable: "SWITCHHOOK_LOG_FORMAT", YAML: "log_format", Default: "text",
			Usage: "text or json", set: func(c *Config, v []string) error {
				if v[0] != "text" && v[0] != "json" {
					return errors.New("is neither text nor json")
				}
				c.LogFormat = v[0]
				return nil
			},
		},
	}
}

func text(field func(*Config) *string) func(*Config, []string) error {
	return func(c *Config, v []string) error {
		*field(c) = v[0]
		return nil
	}
}

func prefixes(field func(*Config) *[]netip.Prefix) func(*Config, []string) error {
	return func(c *Config, values []string) error {
		list := make([]netip.Prefix, 0, len(values))
		for _, v := range values {
			p, err := netip.ParsePrefix(v)
			if err != nil {
				return fmt.Errorf("%q is no network such as 10.1.0.0/16 or ::1/128", v)
			}
			list = append(list, p.Masked())
		}
		*field(c) = list
		return nil
	}
}

// Load makes a Config: flag over variable over file over default. flags holds
// those that were given on the command line; file is the YAML, nil for none.
//
// Its errors name the setting, where it came from, and what was expected.
func Load(flags map[string][]string, lookupEnv func(string) (string, bool), file []byte) (Config, error) {
	var c Config
	fromFile, err := readFile(file, &c, lookupEnv)
	if err != nil {
		return c, err
	}
	for _, o := range Options() {
		values, from := []string{o.Default}, "default"
		if v, ok := fromFile[o.YAML]; ok {
			values, from = v, o.YAML+" in the file"
		}
		if v, ok := lookupEnv(o.Variable); ok && v != "" {
			values, from = []string{v}, o.Variable
			if o.List {
				values = split(v)
			}
		}
		if v, ok := flags[o.Flag]; ok && o.Flag != "" {
			values, from = v, "--"+o.Flag
		}
		if len(values) == 0 || len(values) == 1 && values[0] == "" {
			continue
		}
		if err := o.set(&c, values); err != nil {
			return c, fmt.Errorf("%s: %w", from, err)
		}
	}
	return c, c.check()
}

func (c *Config) check() error {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key go together")
	}
	if (c.Mail.DKIM.Domain == "") != (c.Mail.DKIM.KeyFile == "") {
		return errors.New("--dkim-domain and --dkim-key go together")
	}
	if (c.OIDC.Issuer == "") != (c.OIDC.ClientID == "") {
		return errors.New("--oidc-issuer and --oidc-client-id go together")
	}
	if u, err := url.Parse(c.OIDC.Issuer); c.OIDC.Issuer != "" && (err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname()))) {
		return errors.New("--oidc-issuer: expected a URL such as https://login.example.com; http only on this machine")
	}
	if c.AdminKey != "" && (len(c.AdminKey) < 16 || strings.ContainsFunc(c.AdminKey, func(r rune) bool { return r <= ' ' || r > '~' })) {
		return errors.New("SWITCHHOOK_ADMIN_KEY is not at least 16 printable ASCII characters without blanks")
	}
	if c.Database != "" && !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://") {
		return errors.New("--database: expected a URL such as postgres://user:password@host:5432/name, or nothing for the embedded store")
	}
	_, err := c.gateway() // its templates are right, or it is said now
	return err
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func split(v string) []string {
	parts := strings.Split(v, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return slices.DeleteFunc(parts, func(p string) bool { return p == "" })
}

// readFile reads the YAML file: each option under its name, and the sources.
func readFile(file []byte, c *Config, lookupEnv func(string) (string, bool)) (map[string][]string, error) {
	if len(file) == 0 {
		return nil, nil
	}
	var members map[string]yaml.Node
	if err := yaml.Unmarshal(file, &members); err != nil {
		return nil, fmt.Errorf("the configuration file: %w", err)
	}
	values := map[string][]string{}
	for name, node := range members {
		if name == "sources" {
			if err := readSources(&node, c, lookupEnv); err != nil {
				return nil, err
			}
			continue
		}
		i := slices.IndexFunc(Options(), func(o Option) bool { return o.YAML == name })
		if i < 0 {
			return nil, fmt.Errorf("the configuration file, line %d: there is no setting %q", node.Line, name)
		}
		var list []string
		if node.Kind == yaml.SequenceNode && Options()[i].List {
			if err := node.Decode(&list); err != nil {
				return nil, fmt.Errorf("the configuration file, line %d: %s: %w", node.Line, name, err)
			}
		} else {
			var one string
			if err := node.Decode(&one); err != nil {
				return nil, fmt.Errorf("the configuration file, line %d: %s: expected one value", node.Line, name)
			}
			list = []string{one}
		}
		values[name] = list
	}
	return values, nil
}

// tokenForm is what the end of an ingest URL looks like that somebody chose.
var tokenForm = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,128}$`)

// readSources reads the list of sources.
func readSources(node *yaml.Node, c *Config, lookupEnv func(string) (string, bool)) error {
	var list []struct {
		ID         string            `yaml:"id"`
		Kind       string            `yaml:"kind"`
		AccountID  string            `yaml:"account_id"`
		AccountMap map[string]string `yaml:"account_map"`
		Options    map[string]any    `yaml:"options"`
		Token      string            `yaml:"token"`
	}
	if err := node.Decode(&list); err != nil {
		return fmt.Errorf("the configuration file: sources: %w", err)
	}
	for i, s := range list {
		place := fmt.Sprintf("sources[%d]", i)
		if s.ID == "" || s.Kind == "" {
			return fmt.Errorf("the configuration file: %s: id and kind are required", place)
		}
		if slices.ContainsFunc(c.Sources, func(o switchhook.Source) bool { return o.ID == s.ID }) {
			return fmt.Errorf("the configuration file: %s: there is another source with the id %q", place, s.ID)
		}
		options, err := fromEnvironment(place+".options", s.Options, lookupEnv)
		if err != nil {
			return fmt.Errorf("the configuration file: %w", err)
		}
		s.Options, _ = options.(map[string]any)
		token, err := fromEnvironment(place+".token", s.Token, lookupEnv)
		if err != nil {
			return fmt.Errorf("the configuration file: %w", err)
		}
		s.Token, _ = token.(string)
		if s.Token != "" && !tokenForm.MatchString(s.Token) {
			return fmt.Errorf("the configuration file: %s.token: it is the secret end of a URL: expected at most 128 letters, digits and ._~-, such as openssl rand -hex 16 makes", place)
		}
		if s.AccountID == "" {
			s.AccountID = switchhook.RootAccount
		}
		c.Sources = append(c.Sources, switchhook.Source{
			ID: s.ID, Kind: s.Kind, AccountID: s.AccountID, AccountMap: s.AccountMap, Options: s.Options, Token: s.Token,
		})
	}
	return nil
}

// fromEnvironment is a value as JSON has it, each text ${NAME} being the value of
// a variable: so that secrets need not be in the file.
func fromEnvironment(place string, value any, lookupEnv func(string) (string, bool)) (_ any, err error) {
	switch v := value.(type) {
	case map[string]any:
		for name := range v {
			if v[name], err = fromEnvironment(place+"."+name, v[name], lookupEnv); err != nil {
				return nil, err
			}
		}
	case []any:
		for i := range v {
			if v[i], err = fromEnvironment(fmt.Sprintf("%s[%d]", place, i), v[i], lookupEnv); err != nil {
				return nil, err
			}
		}
	case int:
		return float64(v), nil
	case string:
		name, isVariable := strings.CutPrefix(v, "${")
		if name, ends := strings.CutSuffix(name, "}"); isVariable && ends {
			text, ok := lookupEnv(name)
			if !ok {
				return nil, fmt.Errorf("%s: the variable %s is not set", place, name)
			}
			return text, nil
		}
	}
	return value, nil
}

// logger is what the configuration asks for, on stderr.
func (c *Config) logger() *slog.Logger {
	if c.Logger != nil {
		return c.Logger
	}
	o := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, o))
}
