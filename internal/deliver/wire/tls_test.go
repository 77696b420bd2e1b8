package wire_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/deliver/wire"
)

// An authority signs certificates for tests.
type authority struct {
	pem  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), cert, key}
}

// signs makes a certificate for 127.0.0.1 and its key, in PEM.
func (a *authority) signs(t *testing.T, name string) (certificate, key string) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, own.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}

func TestOwnAuthorityAndClientCertificate(t *testing.T) {
	t.Parallel()
	theirs, ours := newAuthority(t), newAuthority(t)
	certificate, key := theirs.signs(t, "receiver")
	pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(ours.cert)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) > 0 {
			_, _ = io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName)
		}
	}))
	var connections atomic.Int64
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: clients, ClientAuth: tls.VerifyClientCertIfGiven}
	s.StartTLS()
	t.Cleanup(s.Close)
	c := guarded(t, nil, "127.0.0.1/32")
	send := func(way wire.Way) (string, error) {
		q := post(t, s.URL, "x")
		q.Way = way
		answer, err := c.Send(t.Context(), q)
		if err != nil {
			return "", err
		}
		return answer.Body, nil
	}
	if _, err := send(wire.Way{}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an authority that nobody knows: %v", err)
	}
	if _, err := send(wire.Way{CA: ours.pem}); err == nil {
		t.Error("an authority that signed something else was believed")
	}
	if got, err := send(wire.Way{CA: ours.pem + theirs.pem}); err != nil || got != "" {
		t.Errorf("%q, %v", got, err)
	}
	var names []string
	for _, name := range []string{"one", "two", "one"} {
		certificate, key := ours.signs(t, name)
		for range 2 { // the second on the connection of the first
			got, err := send(wire.Way{CA: theirs.pem, Certificate: certificate, Key: key})
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, got)
		}
	}
	if got := strings.Join(names, " "); got != "one one two two one one" {
		t.Errorf("they were taken for %s", got)
	}
	if n := connections.Load(); n != 6 {
		t.Errorf("%d connections, want one for each certificate, and three without", n)
	}
	if got, err := send(wire.Way{CA: theirs.pem}); err != nil || got != "" {
		t.Errorf("without a certificate: %q, %v", got, err)
	}
}

func TestCheckWay(t *testing.T) {
	t.Parallel()
	a, b := newAuthority(t), newAuthority(t)
	certificate, key := a.signs(t, "x")
	_, otherKey := b.signs(t, "y")
	for name, c := range map[string]struct {
		way wire.Way
		ok  bool
	}{
		"nothing":             {wire.Way{}, true},
		"an authority":        {wire.Way{CA: a.pem}, true},
		"both":                {wire.Way{Certificate: certificate, Key: key}, true},
		"no PEM":              {wire.Way{CA: "x"}, false},
		"a key of another":    {wire.Way{Certificate: certificate, Key: otherKey}, false},
		"a certificate alone": {wire.Way{Certificate: certificate}, false},
		"a key alone":         {wire.Way{Key: key}, false},
		"no networks":         {wire.Way{Networks: "x"}, false},
	} {
		if err := c.way.Check(); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TLS before 1.2 is refused.
func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	certificate, key := a.signs(t, "receiver")
	pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	for version, ok := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS10, MaxVersion: version})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				nc, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer nc.Close()
					if _, err := http.ReadRequest(bufio.NewReader(nc)); err == nil {
						_, _ = io.WriteString(nc, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
					}
				}()
			}
		}()
		q := post(t, "https://"+l.Addr().String(), "")
		q.Way.CA = a.pem
		if _, err := guarded(t, nil, "127.0.0.1/32").Send(t.Context(), q); (err == nil) != ok {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
}
