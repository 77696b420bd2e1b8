package script_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// wantsCertificate starts a receiver that speaks TLS and wants a client certificate. Its own,
// as text for JSON, is NAME_CA and NAME_CERTIFICATE, and its key NAME_KEY.
func wantsCertificate(ts *testscript.TestScript, name string, s *httptest.Server) {
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	s.StartTLS()
	pair := s.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	ts.Check(err)
	certificate := escaped(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}))
	ts.Setenv(name+"_CA", certificate)
	ts.Setenv(name+"_CERTIFICATE", certificate)
	ts.Setenv(name+"_KEY", escaped(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
}

// escaped is a text as it stands in a JSON string.
func escaped(text []byte) string {
	b, _ := json.Marshal(string(text)) // a string always can
	return strings.Trim(string(b), `"`)
}

// tokens starts a server that gives a token for the client's id and secret (OAuth 2.0).
func tokens(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	usage(ts, len(args) == 4, "tokens NAME CLIENT SECRET TOKEN")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if id != args[1] || secret != args[2] || r.PostFormValue("grant_type") != "client_credentials" {
			http.Error(w, `{"error":"invalid_client"}`, http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"`+args[3]+`","token_type":"Bearer","expires_in":3600}`)
	}))
	ts.Defer(s.Close)
	ts.Setenv(args[0], s.URL)
}
