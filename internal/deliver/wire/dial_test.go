package wire_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/switchhook/switchhook/internal/deliver/reach"
	"github.com/switchhook/switchhook/internal/deliver/wire"
)

// names is a DNS server of one's own: what it says of a name can change at any time.
type names struct {
	*net.Resolver
	mu    sync.Mutex
	said  map[string][]string
	asked int
}

func (n *names) are(name string, addresses ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.said[name+"."] = addresses
}

func newNames(t *testing.T) *names {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	n := &names{said: map[string][]string{}}
	n.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
	go func() {
		b := make([]byte, 1500)
		for {
			size, from, err := pc.ReadFrom(b)
			if err != nil {
				return
			}
			if answer := n.answer(b[:size]); answer != nil {
				_, _ = pc.WriteTo(answer, from)
			}
		}
	}()
	return n
}

func (n *names) answer(query []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	m.Header = dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true}
	m.Additionals = nil
	addresses, known := n.said[q.Name.String()]
	if !known {
		m.RCode = dnsmessage.RCodeNameError
	}
	for _, text := range addresses {
		addr := netip.MustParseAddr(text)
		header := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}
		switch {
		case q.Type == dnsmessage.TypeA && addr.Is4():
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: addr.As4()}})
		case q.Type == dnsmessage.TypeAAAA && addr.Is6():
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}})
		}
	}
	answer, err := m.Pack()
	if err != nil {
		return nil
	}
	return answer
}

func networks(list ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(list))
	for i, n := range list {
		all[i] = netip.MustParsePrefix(n)
	}
	return all
}

// guarded is a client that reaches what it may, with names of its own.
func guarded(t *testing.T, n *names, allow ...string) *wire.Client {
	t.Helper()
	c := &wire.Client{Networks: networks(allow...)}
	if n != nil {
		c.Resolver = n.Resolver
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// A name is judged by what it stands for when it is dialled, each time anew.
func TestANameThatChangesLeadsNowhere(t *testing.T) {
	t.Parallel()
	at, connections := raw(t, func(int, int) string {
		return "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
	})
	u, _ := url.Parse(at)
	to := "http://hook.example.com:" + u.Port()
	n := newNames(t)
	c := guarded(t, n, "127.0.0.1/32")
	for i, step := range []struct {
		addresses []string
		refused   bool
	}{
		{[]string{"127.0.0.1"}, false},
		{[]string{"127.0.0.2"}, true},
		{[]string{"10.0.0.1", "192.168.0.1"}, true},
		{[]string{"169.254.169.254"}, true},
		{[]string{"::ffff:127.0.0.2"}, true},
		{[]string{"64:ff9b::7f00:2"}, true},
		{[]string{"fd00:ec2::254"}, true},
		{[]string{"0.0.0.0"}, true},
		{[]string{"::"}, true},
		{[]string{"127.0.0.2", "127.0.0.1"}, false}, // one of them may be reached
		{[]string{"127.0.0.1"}, false},
	} {
		n.are("hook.example.com", step.addresses...)
		before := connections.Load()
		_, err := c.Send(t.Context(), post(t, to, "x"))
		if errors.Is(err, reach.ErrPrivate) != step.refused || !step.refused && err != nil {
			t.Errorf("step %d, %v: %v", i, step.addresses, err)
		}
		if step.refused && connections.Load() != before {
			t.Errorf("step %d, %v: it was reached", i, step.addresses)
		}
		if err != nil && strings.Contains(err.Error(), step.addresses[0]) {
			t.Errorf("step %d: the error tells what stands behind the name: %v", i, err)
		}
	}
}

// Other ways to write an address lead to the same guard, whatever reads them.
func TestOddHostsAreGuarded(t *testing.T) {
	t.Parallel()
	at, connections := raw(t, func(int, int) string { return "HTTP/1.1 204 No Content\r\n\r\n" })
	u, _ := url.Parse(at)
	n := newNames(t)
	n.are("localtest.example", "127.0.0.1")
	c := guarded(t, n)
	for _, host := range []string{
		"127.0.0.1", "localhost", "LOCALHOST", "localhost.", "127.1", "127.0.1", "2130706433", "0x7f.1", "0x7f000001", "017700000001", "0177.0.0.1", "127.0.0.1.",
		"[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::1%25lo]", "[::ffff:127.0.0.1%25lo]",
		"①②⑦.⓪.⓪.①", "127。0。0。1", "127.0.0.1", "ⓛocalhost", "localtest.example", "localtest.example.",
	} {
		q := post(t, "http://example.com/", "x")
		q.URL.Host = host + ":" + u.Port()
		if h, err := url.PathUnescape(host); err == nil {
			q.URL.Host = h + ":" + u.Port()
		}
		if _, err := c.Send(t.Context(), q); err == nil {
			t.Errorf("%s was reached", host)
		}
	}
	if n := connections.Load(); n > 0 {
		t.Errorf("%d connections", n)
	}
}

// A connection that was made for somebody who may reach a network, or with a certificate,
// is nobody else's.
func TestConnectionsAreSharedOnTheSameWayOnly(t *testing.T) {
	t.Parallel()
	at, connections := raw(t, func(int, int) string { return "HTTP/1.1 204 No Content\r\n\r\n" })
	c := guarded(t, nil)
	send := func(way wire.Way) error {
		q := post(t, at, "x")
		q.Way = way
		_, err := c.Send(t.Context(), q)
		return err
	}
	loopback := wire.Way{Networks: wire.WayTo(networks("127.0.0.0/8", "10.0.0.0/8"))}
	for range 2 {
		if err := send(loopback); err != nil {
			t.Fatal(err)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections on one way", n)
	}
	if err := send(wire.Way{}); !errors.Is(err, reach.ErrPrivate) {
		t.Errorf("who may not reach it: %v", err)
	}
	other := loopback
	other.CA = "another"
	if err := send(other); err != nil || connections.Load() != 2 {
		t.Errorf("%d connections, %v", connections.Load(), err)
	}
	if err := send(wire.Way{Networks: "10/8"}); err == nil || connections.Load() != 2 {
		t.Errorf("networks that are none: %v", err)
	}
}

func TestWhatAPrivateNetworkSaysIsNotTold(t *testing.T) {
	t.Parallel()
	for name, said := range map[string]struct{ answer, want string }{
		"an answer":          {"HTTP/1.1 200 OK\r\nX-Inner: secret\r\nRetry-After: 7\r\nContent-Length: 6\r\n\r\nsecret", "200"},
		"a redirect":         {"HTTP/1.1 302 Found\r\nLocation: http://secret.internal/\r\nContent-Length: 0\r\n\r\n", "302"},
		"another protocol":   {"SSH-2.0-secret\r\n", "not shown"},
		"nothing":            {"", "EOF"},
		"a broken answer":    {"HTTP/1.1 200 OK\r\nX-Inner: secret\r\nTransfer-Encoding: chunked\r\n\r\nsecret\r\n", "200"},
		"a header too long":  {"HTTP/1.1 200 OK\r\nX-Inner: secret" + strings.Repeat("x", 70_000), "not shown"},
		"two lengths":        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: secret\r\n\r\nok", "not shown"},
		"an unknown version": {"secret/1.1 200 OK\r\n\r\n", "not shown"},
	} {
		at, _ := raw(t, func(int, int) string { return said.answer })
		c := guarded(t, nil, "127.0.0.0/8")
		q := post(t, at, "x")
		open, _ := c.Send(t.Context(), q)
		if open != nil && open.Hidden {
			t.Errorf("%s: what may be told is hidden", name)
		}
		q.Discreet = true
		answer, err := c.Send(t.Context(), q)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if answer != nil {
			if text += " " + strconv.Itoa(answer.Status); !answer.Hidden {
				t.Errorf("%s: it does not say that it is to be hidden", name)
			}
		}
		if strings.Contains(text, "secret") || !strings.Contains(text, said.want) {
			t.Errorf("%s: %s, want %s", name, text, said.want)
		}
	}
	// A public address has no secrets. (The client takes the connection for one.)
	at, _ := raw(t, func(int, int) string { return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" })
	u, _ := url.Parse(at)
	c := &wire.Client{Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		nc, err := dial(ctx, network, u.Host)
		return public{nc}, err
	}}
	t.Cleanup(c.CloseIdleConnections)
	q := post(t, "http://93.184.216.34/", "x")
	q.Discreet = true
	if answer, err := c.Send(t.Context(), q); err != nil || answer.Body != "ok" || answer.Hidden {
		t.Errorf("%+v, %v", answer, err)
	}
}

// public is a connection that says it leads to the Internet.
type public struct{ net.Conn }

func (public) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.ParseIP("93.184.216.34"), Port: 80}
}

// proxy is one that makes tunnels, and notes what it is asked for.
func proxy(t *testing.T, certificate *tls.Certificate) (at *url.URL, asked *sync.Map, connections *atomic.Int64) {
	t.Helper()
	asked, connections = new(sync.Map), new(atomic.Int64)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connections.Add(1)
		asked.Store(r.Method+" "+r.Host, r.Header.Get("Proxy-Authorization"))
		to, err := net.Dial("tcp", r.Host)
		if err != nil {
			http.Error(w, "no", http.StatusBadGateway)
			return
		}
		defer to.Close()
		from, in, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer from.Close()
		_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
		go func() {
			_, _ = io.Copy(to, in)
			_ = to.(*net.TCPConn).CloseWrite()
		}()
		_, _ = io.Copy(from, to)
	}))
	if certificate != nil {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{*certificate}}
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	at, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	at.User = url.UserPassword("out", "pa:ss")
	return at, asked, connections
}

func TestThroughAProxyTheGuardIsTheSame(t *testing.T) {
	t.Parallel()
	at, _ := raw(t, func(int, int) string { return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" })
	u, _ := url.Parse(at)
	n := newNames(t)
	n.are("hook.example.com", "127.0.0.1")
	n.are("inner.example.com", "127.0.0.2")
	n.are("both.example.com", "127.0.0.2", "127.0.0.1")
	c := guarded(t, n, "127.0.0.1/32")
	var asked *sync.Map
	var tunnels *atomic.Int64
	c.Proxy, asked, tunnels = proxy(t, nil)
	for i, host := range []string{"hook.example.com", "both.example.com", "127.0.0.1"} {
		answer, err := c.Send(t.Context(), post(t, "http://"+host+":"+u.Port(), "x"))
		if err != nil || answer.Body != "ok" || tunnels.Load() != int64(i+1) {
			t.Errorf("%s: %+v, %v", host, answer, err)
		}
	}
	if credential, ok := asked.Load("CONNECT 127.0.0.1:" + u.Port()); !ok || credential != "Basic b3V0OnBhOnNz" {
		t.Errorf("the proxy was asked with %v; it is to be given an address and its password", credential)
	}
	for _, host := range []string{"inner.example.com", "127.0.0.2", "10.0.0.1", "localhost.example.com"} {
		if _, err := c.Send(t.Context(), post(t, "http://"+host+":"+u.Port(), "x")); err == nil || tunnels.Load() != 3 {
			t.Errorf("%s: %v", host, err)
		}
	}
	q := post(t, "http://127.0.0.1:1", "x")
	q.Discreet = true
	if _, err := c.Send(t.Context(), q); err == nil || strings.Contains(err.Error(), "502") {
		t.Errorf("a port that is closed, in a private network: %v", err)
	}
	gone := guarded(t, n, "127.0.0.1/32")
	gone.Proxy = &url.URL{Scheme: "http", Host: "127.0.0.1:1"}
	if _, err := gone.Send(t.Context(), post(t, at, "x")); err == nil || !strings.Contains(err.Error(), "the operator's proxy") || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("without the proxy: %v", err)
	}
}
