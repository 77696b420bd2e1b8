package post

import (
	"fmt"
	netmail "net/mail"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// longestAddress is RFC 5321 4.5.3.1.3, longestName keeps a line below its 998 bytes.
const (
	longestAddress = 254
	longestName    = 200
)

// An address is one of RFC 5322, its domain in ASCII.
type address struct{ name, local, domain string }

// parseAddress reads one address, with a name or without. Names are often put before an
// address as they are, Smith, Jones & Co. <a@example.com>: what stands before the last
// bracket is then the name.
func parseAddress(s string) (address, error) {
	s = oneLine(s)
	a, err := netmail.ParseAddress(s)
	if open := strings.LastIndexByte(s, '<'); err != nil && open >= 0 {
		if a, err = netmail.ParseAddress(s[open:]); err == nil {
			a.Name = strings.Trim(s[:open], ` "`)
		}
	}
	if err != nil {
		return address{}, fmt.Errorf("%.120q is not a mail address: expected one such as Ann Example <ann@example.com>", s)
	}
	at := strings.LastIndexByte(a.Address, '@')
	is := address{name: shorten(oneLine(a.Name), longestName), local: a.Address[:at], domain: a.Address[at+1:]}
	if !strings.HasPrefix(is.domain, "[") {
		if is.domain, err = toASCII(is.domain); err != nil {
			return address{}, fmt.Errorf("%.120q is not a mail address: %q is not a domain", s, a.Address[at+1:])
		}
	}
	if strings.ContainsFunc(is.local+is.domain, unicode.IsControl) || len(is.path()) > longestAddress {
		return address{}, fmt.Errorf("%.120q is not a mail address: it is longer than %d bytes, or has control characters", s, longestAddress)
	}
	return is, nil
}

// toASCII is a domain as the DNS has it (RFC 5891).
func toASCII(domain string) (string, error) {
	ascii := strings.ToLower(domain)
	if strings.IndexFunc(domain, func(r rune) bool { return r > unicode.MaxASCII }) >= 0 {
		var err error
		if ascii, err = idna.Lookup.ToASCII(domain); err != nil {
			return "", err
		}
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(ascii, "."), ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return "", fmt.Errorf("%.80q is not a domain", domain)
		}
	}
	return ascii, nil
}

// hostASCII is a host's name as the DNS has it, or an IP address.
func hostASCII(host string) (string, error) {
	if _, err := netip.ParseAddr(host); err == nil {
		return host, nil
	}
	return toASCII(host)
}

// header is the address as headers have it.
func (a address) header() *netmail.Address {
	return &netmail.Address{Name: a.name, Address: a.local + "@" + a.domain}
}

// path is the address as the envelope has it, without brackets: its local part is quoted
// where it must be.
func (a address) path() string {
	quoted := (&netmail.Address{Address: a.local + "@" + a.domain}).String()
	return strings.TrimSuffix(strings.TrimPrefix(quoted, "<"), ">")
}

// international: only a server with SMTPUTF8 (RFC 6531) can be told the address.
func (a address) international() bool {
	return strings.IndexFunc(a.local, func(r rune) bool { return r > unicode.MaxASCII }) >= 0
}

// key is the same for all ways to write the address. Whether case matters before the @ is the
// receiving server's affair.
func (a address) key() string { return a.local + "@" + strings.ToLower(a.domain) }

func international(list []address) bool { return slices.ContainsFunc(list, address.international) }

// oneLine makes a text one line of a header: what would break it, control characters and the
// line and paragraph separators of Unicode, becomes a blank.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool {
		return r == ' ' || unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
	}), " ")
}

// shorten cuts a text after so many bytes, between characters.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
