package reach_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver/reach"
)

func TestGuard(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"93.184.216.34":      true,
		"2606:2800:220:1::1": true,
		"127.0.0.1":          false,
		"127.255.255.254":    false,
		"10.0.0.1":           false,
		"172.16.5.4":         false,
		"172.32.0.1":         true,
		"192.168.1.1":        false,
		"169.254.169.254":    false, // cloud metadata
		"169.254.1.1":        false, // link-local
		"168.63.129.16":      false, // Azure's, at a public address
		"100.100.100.200":    false, // Alibaba's
		"192.0.0.192":        false, // Oracle's
		"100.64.0.1":         false, // carrier-grade NAT
		"100.127.255.255":    false,
		"0.0.0.0":            false,
		"0.1.2.3":            false,
		"224.0.0.1":          false, // multicast
		"239.255.255.250":    false,
		"240.0.0.1":          false,
		"255.255.255.255":    false,
		"198.18.0.1":         false, // benchmarking
		"192.0.2.1":          false, // documentation
		"198.51.100.7":       false,
		"203.0.113.9":        false,
		"192.88.99.1":        false, // 6to4 relays
		"::1":                false,
		"::":                 false,
		"fc00::1":            false,
		"fd00:ec2::254":      false,
		"fe80::1":            false,
		"fe80::1%eth0":       false,
		"fec0::1":            false, // site-local, once
		"ff02::1":            false,
		"2001:db8::1":        false,
		"3fff::1":            false,
		"2001:2::1":          false, // benchmarking
		"2001:20::1":         false, // ORCHIDv2
		"5f00::1":            false, // SRv6
		"100::1":             false, // discard only
		"4000::1":            false, // not assigned

		"::ffff:10.0.0.1":                      false, // mapped
		"::ffff:127.0.0.1%eth0":                false,
		"::ffff:93.184.216.34":                 true,
		"::127.0.0.1":                          false, // compatible
		"::ffff:0:127.0.0.1":                   false, // translated
		"64:ff9b::10.0.0.1":                    false, // NAT64
		"64:ff9b::169.254.169.254":             false,
		"64:ff9b::93.184.216.34":               true,
		"64:ff9b:1::93.184.216.34":             false, // an operator's own translator
		"64:ff9b:1::10.0.0.1":                  false,
		"2002:a00:1::":                         false, // 6to4 of 10.0.0.1
		"2002:7f00:1::1":                       false,
		"2002:5db8:d822::1":                    true,
		"2001:0:5db8:d822:8000:63bf:f5ff:fffe": false, // Teredo: the client is 10.0.0.1
		"2001:0:a00:1:8000:63bf:a247:27dd":     false, // the server is
		"2001:0:5db8:d822:8000:63bf:a247:27dd": true,
		"2606:2800:220:1:0:5efe:10.0.0.1":      false, // ISATAP
		"2606:2800:220:1:200:5efe:127.0.0.1":   false,
		"2606:2800:220:1:0:5efe:93.184.216.34": true,
		"fd00::5efe:93.184.216.34":             false,
	} {
		if err := reach.New().Check(netip.MustParseAddr(address)); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
	if reach.New().Check(netip.Addr{}) == nil {
		t.Error("no address may be reached")
	}
}

func TestNetworks(t *testing.T) {
	t.Parallel()
	allow := []string{"10.1.0.0/16", "::1/128", "169.254.0.0/16", "168.63.129.16/32", "fd00::/8"}
	networks := make([]netip.Prefix, len(allow))
	for i, a := range allow {
		networks[i] = netip.MustParsePrefix(a)
	}
	for address, want := range map[string]bool{
		"10.1.2.3":                 true,
		"10.2.0.1":                 false,
		"::1":                      true,
		"::ffff:10.1.2.3":          true,
		"64:ff9b::10.1.2.3":        true,
		"64:ff9b::10.2.2.3":        false,
		"2002:a01:203::1":          true,
		"169.254.1.1":              true,
		"169.254.169.254":          false, // the network around it does not open it,
		"64:ff9b::169.254.169.254": false,
		"168.63.129.16":            true, // only its own address does
		"fd00:ec2::254":            false,
		"fd12::1%eth0":             true,
		"fd12::5efe:10.1.2.3":      true,
		"fe80::5efe:10.1.2.3":      false,
	} {
		if err := reach.New(networks...).Check(netip.MustParseAddr(address)); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// Whatever way an IPv4 address is wrapped, it is judged as itself.
func TestWrappedAddressesAreJudgedByWhatIsInside(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		bare := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address")))
		b := bare.As4()
		wrap := func(prefix string, at int) netip.Addr {
			a := netip.MustParseAddr(prefix).As16()
			copy(a[at:], b[:])
			return netip.AddrFrom16(a)
		}
		guard := reach.New()
		for _, wrapped := range []netip.Addr{
			wrap("::ffff:0.0.0.0", 12), wrap("64:ff9b::", 12), wrap("2002::", 2), wrap("::", 12), wrap("::ffff:0:0:0", 12), wrap("2606:4700::5efe:0:0", 12),
		} {
			if guard.Private(bare) != guard.Private(wrapped) {
				t.Errorf("%s is judged otherwise than %s", wrapped, bare)
			}
		}
	})
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bool{
		"https://example.com/hook":                       true,
		"http://example.com:8080/a?b=c#d":                true,
		"https://user:pw@example.com/":                   true,
		"https://93.184.216.34/":                         true,
		"https://93.184.216.34./":                        true,
		"":                                               false,
		"example.com/hook":                               false,
		"//example.com/hook":                             false,
		"ftp://example.com/":                             false,
		"file:///etc/passwd":                             false,
		"gopher://example.com/":                          false,
		"javascript:alert(1)":                            false,
		"https://":                                       false,
		"https:///path":                                  false,
		"https://:443/":                                  false,
		"http://localhost/":                              false,
		"http://LOCALHOST./":                             false,
		"http://a.localhost/":                            false,
		"http://127.0.0.1:9/":                            false,
		"http://127.0.0.1./":                             false,
		"http://127.1/":                                  false,
		"http://127.0.1/":                                false,
		"http://0/":                                      false,
		"http://2130706433/":                             false,
		"http://017700000001/":                           false,
		"http://0177.0.0.1/":                             false,
		"http://0x7f000001/":                             false,
		"http://0x7f.0.0.1/":                             false,
		"http://0X7F.1/":                                 false,
		"http://127.0.0.0x1/":                            false,
		"http://10.0.0.1/":                               false,
		"http://192.168.0.10/hook":                       false,
		"http://169.254.169.254/latest":                  false,
		"http://[::1]/":                                  false,
		"http://[0:0:0:0:0:0:0:1]/":                      false,
		"http://[::ffff:127.0.0.1]/":                     false,
		"http://[::ffff:7f00:1]/":                        false,
		"http://[64:ff9b::7f00:1]/":                      false,
		"http://[fe80::1%25eth0]/":                       false,
		"http://[fd00::1]/":                              false,
		"http://[127.0.0.1]/":                            false,
		"http://[::1/":                                   false,
		"http://0.0.0.0/":                                false,
		"http://example.com@127.0.0.1/":                  false, // the host is what stands after the @
		"http://127.0.0.1:80@example.com/":               true,
		"http://example.com\\@127.0.0.1/":                false,
		"http://127.0.0.1\\@example.com/":                false,
		"http://127.0.0.1#@example.com/":                 false,
		"http://127.0.0.1?@example.com/":                 false,
		"http://%31%32%37.0.0.1/":                        false,
		"http://127.0.0.1%00.example.com/":               false,
		"http://exa mple.com/":                           false,
		"http://example.com/\r\nX: y":                    false,
		"http://example.com/%zz":                         false,
		"https://" + strings.Repeat("a", 3000) + ".com/": false,
	} {
		err := reach.New().CheckURL(raw)
		if (err == nil) != want {
			t.Errorf("%.60q: %v", raw, err)
		}
		if err != nil {
			if e, ok := errors.AsType[*switchhook.Error](err); !ok || len(e.Fields) != 1 || e.Fields[0].Field != "url" {
				t.Errorf("%.60q: the error names no field: %v", raw, err)
			}
		}
	}
	loopback := reach.New(netip.MustParsePrefix("127.0.0.0/8"))
	for _, raw := range []string{"http://localhost:1/", "http://127.0.0.1:1/"} {
		if err := loopback.CheckURL(raw); err != nil {
			t.Errorf("%s is allowed: %v", raw, err)
		}
	}
}
