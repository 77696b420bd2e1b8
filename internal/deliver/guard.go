package deliver

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver/wire"
)

// azureWire is a public address that serves a cloud's own secrets.
const azureWire = "168.63.129.16/32"

// guard keeps webhooks out of private networks. It looks at the address that is
// dialled, after the name was resolved, so a name cannot lead around it.
type guard struct {
	allow []netip.Prefix
	rules *ssrf.Guardian
}

func newGuard(allow []netip.Prefix) *guard {
	return &guard{allow: allow, rules: ssrf.New(
		ssrf.WithAnyPort(),
		ssrf.WithNetworks("tcp", "tcp4", "tcp6"),
		ssrf.WithDeniedV4Prefixes(netip.MustParsePrefix(azureWire)),
	)}
}

// check says why an address must not be dialled, or nothing.
func (g *guard) check(network string, ap netip.AddrPort) error {
	addr := ap.Addr().Unmap()
	for _, p := range g.allow {
		if p.Contains(addr.WithZone("")) {
			return nil
		}
	}
	if network == "tcp" && addr.Is4() {
		network = "tcp4"
	} else if network == "tcp" {
		network = "tcp6"
	}
	if err := g.rules.Safe(network, netip.AddrPortFrom(addr, ap.Port()).String(), nil); err != nil {
		return fmt.Errorf("the address %s is private or reserved; webhooks may not reach it unless the operator allows it (--allow-network)", addr)
	}
	return nil
}

// control is a net.Dialer's Control: it runs before each connection.
func (g *guard) control(network, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("dial %s: %w", address, err)
	}
	return g.check(network, ap)
}

// NewTransport is the one way out, which an Engine has if it is given none: no
// proxy, no private networks, no cookies, bounded headers. Timeouts are the
// attempt's own.
func NewTransport(allow []netip.Prefix) *wire.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, Control: newGuard(allow).control}
	return &wire.Client{Dial: dialer.DialContext}
}

// CheckURL says what is wrong with a webhook's URL: not http or https, no host,
// or one that is private as it stands. What a name resolves to is looked at
// when it is dialled.
func CheckURL(raw string, allow []netip.Prefix) error {
	const field = "url"
	u, err := url.Parse(raw)
	if err != nil || raw == "" {
		return switchhook.InvalidField(field, "expected an absolute URL such as https://example.com/hook")
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return switchhook.InvalidField(field, "expected http:// or https://, got %.40q", u.Scheme)
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if host == "" {
		return switchhook.InvalidField(field, "has no host")
	}
	if len(raw) > 2048 {
		return switchhook.InvalidField(field, "is longer than 2048 characters")
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		host = "127.0.0.1"
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		last := host[strings.LastIndexByte(host, '.')+1:]
		if strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") {
			return switchhook.InvalidField(field, "the host %.80q is neither a name nor a complete IP address", host)
		}
		return nil
	}
	if err := newGuard(allow).check("tcp", netip.AddrPortFrom(addr, 443)); err != nil {
		return switchhook.InvalidField(field, "%s", err.Error())
	}
	return nil
}
