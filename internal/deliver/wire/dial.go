package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/switchhook/switchhook/internal/deliver/reach"
)

const (
	connectTimeout   = 10 * time.Second
	handshakeTimeout = 10 * time.Second
	keepAlive        = 30 * time.Second
	mostAddresses    = 4 // of a name that a proxy is asked for
	// longestKey is the length of a client's key, in bytes of DER: RSA with 4096 bits has 2376.
	longestKey = 2400
)

// A Way is what the connections of some requests have of their own. It is a value to compare:
// requests share connections only with those that have the same.
type Way struct {
	// Networks are private networks that may be reached, beside the Client's: CIDRs with
	// commas between them.
	Networks string
	// CA are certificates in PEM, one of which must stand behind the receiver's. Empty: the
	// Client's.
	CA string
	// Certificate and Key are a certificate chain in PEM and its key, by which a receiver
	// knows who sends. Both empty: none.
	Certificate, Key string
}

// Check says what is wrong with what stands in the Way.
func (w Way) Check() error {
	_, err := w.guard(nil)
	if err == nil {
		err = w.dress(&tls.Config{MinVersion: tls.VersionTLS12})
	}
	return err
}

// WayTo writes networks as a Way has them.
func WayTo(networks []netip.Prefix) string {
	words := make([]string, len(networks))
	for i, n := range networks {
		words[i] = n.String()
	}
	return strings.Join(words, ",")
}

func (w Way) guard(networks []netip.Prefix) (*reach.Guard, error) {
	if w.Networks != "" {
		networks = slices.Clip(networks)
		for word := range strings.SplitSeq(w.Networks, ",") {
			n, err := netip.ParsePrefix(word)
			if err != nil {
				return nil, err
			}
			networks = append(networks, n)
		}
	}
	return reach.New(networks...), nil
}

// dress puts the certificates into a configuration.
func (w Way) dress(cfg *tls.Config) error {
	if w.CA != "" {
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM([]byte(w.CA)) {
			return errors.New("the CA is no certificate in PEM")
		}
	}
	if w.Certificate == "" && w.Key == "" {
		return nil
	}
	if err := boundedKey([]byte(w.Key)); err != nil {
		return err
	}
	pair, err := tls.X509KeyPair([]byte(w.Certificate), []byte(w.Key))
	if err != nil {
		return fmt.Errorf("the client certificate: %w", err)
	}
	// Also where the receiver names other authorities: it may know the certificate itself.
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	return nil
}

// boundedKey refuses a key that is too long. crypto/x509 finds out whether an RSA key is
// consistent in a time that rises with the cube of its length: one of 13 KB, made for it,
// takes half a minute.
func boundedKey(text []byte) error {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if len(block.Bytes) > longestKey && strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return errors.New("the client certificate: its key is longer than one of RSA with 4096 bits")
		}
	}
	return nil
}

// dial makes a connection. private reports whether it leads into a private network, which
// it may even where there is none.
func (c *Client) dial(ctx context.Context, to place, deadline time.Time) (on *conn, private bool, err error) {
	ctx, cancel := context.WithDeadlineCause(ctx, deadline, os.ErrDeadlineExceeded)
	defer cancel()
	address, err := httpguts.PunycodeHostPort(net.JoinHostPort(to.host, to.port))
	if err != nil {
		return nil, false, err
	}
	guard, err := to.way.guard(c.Networks)
	if err != nil {
		return nil, false, err
	}
	nc, addr, err := c.connect(ctx, guard, address)
	private = addr.IsValid() && guard.Private(addr)
	if err == nil && to.scheme == "https" {
		nc, err = c.secure(ctx, nc, address, to.way)
	}
	switch {
	case err == nil:
		quota := &io.LimitedReader{R: nc}
		return &conn{Conn: nc, to: to, private: private, in: bufio.NewReader(quota), quota: quota}, private, nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case errors.Is(err, reach.ErrPrivate):
		private = false // it leads nowhere
		err = fmt.Errorf("the host %s leads to %w", to.host, reach.ErrPrivate)
	}
	return nil, private, err
}

// connect makes a connection, and says to which address it leads or would have led.
func (c *Client) connect(ctx context.Context, guard *reach.Guard, address string) (nc net.Conn, addr netip.Addr, err error) {
	switch {
	case c.Dial != nil:
		nc, err = c.Dial(ctx, "tcp", address)
	case c.Proxy != nil:
		return c.connectThrough(ctx, guard, address)
	default:
		dialer := &net.Dialer{Timeout: connectTimeout, KeepAlive: keepAlive, Resolver: c.Resolver, Control: guard.Control}
		nc, err = dialer.DialContext(ctx, "tcp", address)
	}
	if err == nil {
		return nc, addrOf(nc.RemoteAddr()), nil
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		addr = addrOf(e.Addr)
	}
	return nil, addr, err
}

// addrOf is the IP address of an end of a connection, if it has one.
func addrOf(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || tcp == nil {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr()
}

// connectThrough makes a connection through the proxy. It is asked for an address, not for a
// name, which it would look up anew.
func (c *Client) connectThrough(ctx context.Context, guard *reach.Guard, address string) (net.Conn, netip.Addr, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, netip.Addr{}, err
	}
	resolver := c.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	addrs, err := resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, netip.Addr{}, err
	}
	var first error
	var at netip.Addr
	for _, addr := range addrs[:min(len(addrs), mostAddresses)] {
		err := guard.Check(addr)
		if err == nil {
			var nc net.Conn
			if nc, err = c.tunnel(ctx, net.JoinHostPort(addr.Unmap().String(), port)); err == nil {
				return nc, addr, nil
			}
		}
		if first == nil {
			first, at = err, addr
		}
	}
	return nil, at, first
}

// tunnel has the proxy connect to an address (RFC 9110 9.3.6).
func (c *Client) tunnel(ctx context.Context, address string) (_ net.Conn, err error) {
	proxy := net.JoinHostPort(c.Proxy.Hostname(), portOf(c.Proxy))
	nc, err := (&net.Dialer{Timeout: connectTimeout, KeepAlive: keepAlive}).DialContext(ctx, "tcp", proxy)
	if e, ok := errors.AsType[*net.OpError](err); ok {
		err = e.Err // where the proxy is concerns nobody else
	}
	if err == nil && c.Proxy.Scheme == "https" {
		nc, err = handshake(ctx, nc, &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.Proxy.Hostname()})
	}
	if err != nil {
		return nil, fmt.Errorf("no connection to the operator's proxy: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	err = c.ask(nc, address)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = nc.Close()
		return nil, err
	}
	return nc, nil
}

func (c *Client) ask(nc net.Conn, address string) error {
	q := "CONNECT " + address + " HTTP/1.1\r\nHost: " + address + "\r\n"
	if u := c.Proxy.User; u != nil {
		password, _ := u.Password()
		q += "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)) + "\r\n"
	}
	if _, err := io.WriteString(nc, q+"\r\n"); err != nil {
		return fmt.Errorf("ask the operator's proxy: %w", err)
	}
	in := bufio.NewReader(io.LimitReader(nc, longestHeader))
	resp, err := http.ReadResponse(in, &http.Request{Method: http.MethodConnect})
	switch {
	case err != nil:
		return fmt.Errorf("ask the operator's proxy: %w", err)
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		_ = resp.Body.Close() // the connection ends with it
		return fmt.Errorf("the operator's proxy answered %d", resp.StatusCode)
	case in.Buffered() > 0:
		return errors.New("the operator's proxy said more than an answer")
	}
	return nil
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	default:
		return "80"
	}
}

func (c *Client) secure(ctx context.Context, nc net.Conn, address string, way Way) (net.Conn, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.TLS != nil {
		cfg = c.TLS.Clone()
	}
	if err := way.dress(cfg); err != nil {
		_ = nc.Close()
		return nil, err
	}
	cfg.ServerName, _, _ = net.SplitHostPort(address) // it was just joined
	cfg.NextProtos = []string{"http/1.1"}
	return handshake(ctx, nc, cfg)
}

// handshake begins TLS, or closes the connection.
func handshake(ctx context.Context, nc net.Conn, cfg *tls.Config) (net.Conn, error) {
	within, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	secured := tls.Client(nc, cfg)
	if err := secured.HandshakeContext(within); err != nil {
		_ = nc.Close()
		if within.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("no TLS handshake within %s", handshakeTimeout)
		}
		return nil, err
	}
	return secured, nil
}
