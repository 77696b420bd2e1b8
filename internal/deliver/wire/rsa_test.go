package wire_test

import (
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/deliver/wire"
)

// A client's RSA key that takes minutes to look at is not looked at.
func TestLongRSA(t *testing.T) {
	t.Parallel()
	odd := func(bits uint, less int64) *big.Int {
		n := new(big.Int).Lsh(big.NewInt(1), bits)
		return n.Sub(n, big.NewInt(less))
	}
	for _, bits := range []uint{2_000, 9_000, 38_000} { // of p and q, which are no primes
		p, q := odd(bits, 1), odd(bits, 1001)
		der, err := asn1.Marshal(struct {
			Version               int
			N                     *big.Int
			E                     int
			D, P, Q, DP, DQ, QInv *big.Int
		}{0, new(big.Int).Mul(p, q), 65537, odd(2*bits-1, 3), p, q, odd(bits-1, 3), odd(bits-1, 5), odd(bits-1, 7)})
		if err != nil {
			t.Fatal(err)
		}
		key := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: der}))
		for _, text := range []string{key, "x\n" + key, strings.ReplaceAll(key, "RSA ", "")} {
			start := time.Now()
			if err := (wire.Way{Certificate: "none", Key: text}).Check(); err == nil {
				t.Errorf("a key of %d bits is taken", 2*bits)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("a key of %d bits takes %s", 2*bits, took)
			}
		}
	}
}
