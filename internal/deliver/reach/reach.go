// Package reach says which network addresses webhooks may reach: public ones, and the
// private networks that the operator allows. It judges the address that is dialled, after
// the name was resolved and for each connection anew, so that no name leads around it.
package reach

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"

	"code.dny.dev/ssrf"

	"github.com/switchhook/switchhook"
)

// ErrPrivate is why an address may not be reached. It does not say the address: whoever
// set up the webhook may have given a name, and what that stands for inside is not theirs.
var ErrPrivate = errors.New("a private or reserved address, which webhooks may not reach unless the operator allows it (--allow-network)")

// A Guard lets connections to public addresses through, and to some private networks.
type Guard struct {
	networks []netip.Prefix
	rules    *ssrf.Guardian
}

// New makes one that allows some private networks.
func New(networks ...netip.Prefix) *Guard {
	return &Guard{networks: networks, rules: ssrf.New()}
}

// Check is nil if an address may be reached, else ErrPrivate.
func (g *Guard) Check(addr netip.Addr) error {
	if g.allowed(addr) || !g.Private(addr) {
		return nil
	}
	return ErrPrivate
}

// Control is a net.Dialer's, which calls it before each connection.
func (g *Guard) Control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	return g.Check(ap.Addr())
}

// allowed reports whether the operator allows an address, or those that lie inside it. A
// cloud's metadata service gives the machine's own credentials to whoever asks: a network
// that happens to contain it does not open it, only its own address does.
func (g *Guard) allowed(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if slices.ContainsFunc(g.networks, func(n netip.Prefix) bool {
		return n.Contains(addr) && (n.IsSingleIP() || !metadata(addr))
	}) {
		return true
	}
	return carrier(addr) && !slices.ContainsFunc(embedded(addr), func(inside netip.Addr) bool { return g.Check(inside) != nil })
}

// Private reports whether an address is not a public one, whatever is allowed. An address
// that carries another for a translator or a tunnel is as public as what it carries.
func (g *Guard) Private(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if !addr.IsValid() || metadata(addr) {
		return true
	}
	if slices.ContainsFunc(embedded(addr), g.Private) {
		return true
	}
	return !carrier(addr) && g.rules.SafeAddr(addr) != nil
}

// metadata reports whether a cloud has its metadata service at an address.
func metadata(addr netip.Addr) bool {
	switch addr.String() {
	case "169.254.169.254", // nearly all
		"169.254.170.2", "169.254.170.23", "fd00:ec2::23", "fd00:ec2::254", // Amazon: containers, pods, instances
		"168.63.129.16",   // Azure: a public address
		"100.100.100.200", // Alibaba
		"192.0.0.192",     // Oracle
		"fd20:ce::254":    // Google
		return true
	}
	return false
}

// The networks whose addresses carry others.
const (
	nat64      = "64:ff9b::/96"    // RFC 6052
	sixToFour  = "2002::/16"       // RFC 3056
	teredo     = "2001::/32"       // RFC 4380
	compatible = "::/96"           // RFC 4291 2.5.5.1
	translated = "::ffff:0:0:0/96" // RFC 2765
)

func within(addr netip.Addr, network string) bool {
	return addr.Is6() && netip.MustParsePrefix(network).Contains(addr)
}

// carrier reports whether an address is nothing but what it carries.
func carrier(addr netip.Addr) bool {
	return slices.ContainsFunc([]string{nat64, sixToFour, teredo, compatible, translated}, func(n string) bool { return within(addr, n) })
}

// embedded are the IPv4 addresses that an IPv6 address carries. What lies in 64:ff9b:1::/48
// (RFC 8215) an operator's own translator decides: it is private as a whole.
func embedded(addr netip.Addr) []netip.Addr {
	if !addr.Is6() {
		return nil
	}
	b := addr.As16()
	at := func(i int) netip.Addr { return netip.AddrFrom4([4]byte(b[i : i+4])) }
	switch {
	case within(addr, sixToFour):
		return []netip.Addr{at(2)}
	case within(addr, teredo): // the server, and the client with its bits turned
		client := at(12).As4()
		for i := range client {
			client[i] = ^client[i]
		}
		return []netip.Addr{at(4), netip.AddrFrom4(client)}
	case carrier(addr),
		b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe: // ISATAP, RFC 5214 6.1
		return []netip.Addr{at(12)}
	}
	return nil
}

// CheckURL says what is wrong with a webhook's URL: not http or https, no host, or one that
// is private as it stands. What a name resolves to is looked at when it is dialled.
func (g *Guard) CheckURL(raw string) error {
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
		// Some resolvers read 127.1, 0x7f.1 and 2130706433 as addresses, others as names.
		last := host[strings.LastIndexByte(host, '.')+1:]
		if strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") || strings.Contains(host, ":") {
			return switchhook.InvalidField(field, "the host %.80q is neither a name nor a complete IP address", host)
		}
		return nil
	}
	if g.Check(addr) != nil {
		return switchhook.InvalidField(field, "the address %s is private or reserved; webhooks may not reach it unless the operator allows it (--allow-network)", addr)
	}
	return nil
}
