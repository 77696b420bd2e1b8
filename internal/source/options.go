package source

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"reflect"
	"strconv"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/switchhook/switchhook"
)

// Wording is what a kind of source says of options that are wrong.
type Wording struct {
	Kind   string // such as asterisk
	Guide  string // the page that explains them, such as docs/guides/asterisk.md
	List   string // a list of texts as an example, such as ["trunk*"]
	Object string // what is expected where an object belongs
}

// ReadOptions reads a source's options strictly into a struct: an unknown option or one of a
// wrong type is an error with the field options.X.
func ReadOptions(given map[string]any, into any, say Wording) error {
	raw, err := json.Marshal(given)
	if err != nil {
		return switchhook.InvalidField("options", "cannot be written as JSON: %v", err)
	}
	err = jsonv2.Unmarshal(raw, into, jsonv2.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*jsonv2.SemanticError](err)
	if !ok {
		return switchhook.InvalidField("options", "%v", err)
	}
	field := "options" + strings.ReplaceAll(string(e.JSONPointer), "/", ".")
	if errors.Is(err, jsonv2.ErrUnknownName) {
		return switchhook.InvalidField(field, "there is no such option of a %s source; see %s", say.Kind, say.Guide)
	}
	expected := say.Object
	if e.GoType != nil {
		switch e.GoType.Kind() { //nolint:exhaustive // the kinds that options have
		case reflect.String:
			expected = "a text (a number needs quotes)"
		case reflect.Bool:
			expected = "true or false"
		case reflect.Int:
			expected = "a whole number"
		case reflect.Slice:
			expected = "a list of texts, such as " + say.List
		}
	}
	return switchhook.InvalidField(field, "expected %s", expected)
}

// IsHostPort reports whether an address has a host and a port in figures.
func IsHostPort(address string) bool {
	host, port, err := net.SplitHostPort(address)
	_, number := strconv.ParseUint(port, 10, 16)
	return err == nil && number == nil && host != "" && !strings.ContainsAny(host, "/ ")
}

// HostPort is an address with a port: its own, or the usual one.
func HostPort(address, usual string) string {
	if _, _, err := net.SplitHostPort(address); err == nil || strings.Count(address, ":") == 1 {
		return address
	}
	return net.JoinHostPort(strings.Trim(address, "[]"), usual)
}

// TLS is how to speak TLS with a host. An authority is a certificate in PEM form or the name of
// a file with one; empty, the machine's own are trusted. Insecure is for whoever asked for it.
func TLS(host, authority string, insecure bool) (*tls.Config, error) {
	config := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: insecure} //nolint:gosec // the operator asked for it
	if authority == "" {
		return config, nil
	}
	pem := []byte(authority)
	if !strings.HasPrefix(strings.TrimSpace(authority), "-----BEGIN") {
		var err error
		if pem, err = os.ReadFile(authority); err != nil { //nolint:gosec // the operator names it
			return nil, fmt.Errorf("cannot be read: %w", err)
		}
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("has no certificate in PEM form")
	}
	return config, nil
}
