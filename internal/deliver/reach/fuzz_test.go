package reach_test

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/http/httpguts"

	"github.com/switchhook/switchhook/internal/deliver/reach"
)

// A URL that may be set up leads nowhere private as it stands: whatever reads an address in
// it, reads a public one.
func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{"https://example.com/a?b=c", "http://127.0.0.1", "http://[::ffff:127.0.0.1]:80/", "http://0x7f.1/", "http://2130706433/", "http://[::1%25lo]/", "http://localhost./", "http://a@b/", "//x", "http://①②⑦.0.0.1/", "http://127。0。0。1/", "http://[64:ff9b::7f00:1]/", "http://8.8.8.8.", "http://xn--a/"} {
		f.Add(seed)
	}
	guard := reach.New()
	f.Fuzz(func(t *testing.T, raw string) {
		if guard.CheckURL(raw) != nil {
			return
		}
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			t.Fatalf("%q is taken: %v", raw, err)
		}
		for _, host := range []string{u.Hostname(), strings.TrimSuffix(u.Hostname(), "."), strings.ToLower(u.Hostname())} {
			ascii, err := httpguts.PunycodeHostPort(net.JoinHostPort(host, "80"))
			if err != nil {
				continue
			}
			host, _, _ = net.SplitHostPort(ascii)
			if addr, err := netip.ParseAddr(host); err == nil && guard.Check(addr) != nil {
				t.Fatalf("%q leads to %s", raw, addr)
			}
			if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
				t.Fatalf("%q leads to %s", raw, host)
			}
		}
		if _, err := http.NewRequestWithContext(t.Context(), http.MethodPost, raw, http.NoBody); err != nil {
			t.Fatalf("%q is taken: %v", raw, err)
		}
	})
}

// Whatever an address carries, it is judged: no form of a private one is public.
func FuzzAddresses(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1})
	f.Add([]byte{169, 254, 169, 254})
	f.Add([]byte{8, 8, 8, 8})
	guard := reach.New()
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 4 {
			return
		}
		four := netip.AddrFrom4([4]byte(b[:4]))
		private := guard.Check(four) != nil
		at := func(prefix string, i int) netip.Addr {
			a := netip.MustParseAddr(prefix).As16()
			copy(a[i:], b[:4])
			return netip.AddrFrom16(a)
		}
		for _, form := range []netip.Addr{at("::ffff:0:0", 12), at("64:ff9b::", 12), at("2002::", 2), at("::", 12), at("::ffff:0:0:0", 12), at("2001:0:808:808::", 4)} {
			if private && guard.Check(form) == nil {
				t.Fatalf("%s is private, %s is not", four, form)
			}
		}
	})
}
