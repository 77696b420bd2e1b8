package dialect_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/switchhook/switchhook/internal/dialect"
)

func TestDerivedIDs(t *testing.T) {
	t.Parallel()
	space := uuid.MustParse("6d1d2c7e-3d0b-5f0a-9a57-6a1f4e9b7c10") // for ever
	for _, id := range []string{
		"carrier-1", "D860229E722BF8F738737365B0B1E333", "5F2D8C1E-4B7A-4F39-8A6E-0C1D2E3F4A5B", strings.Repeat("x", 36), strings.Repeat("é\x00", 200),
	} {
		for _, account := range []string{"", "acme"} {
			want := uuid.NewSHA1(space, []byte(account+"\x00"+id)).String()
			if got := dialect.UUID(account, id); got != want {
				t.Errorf("%q of %q: got %s, want %s", id, account, got, want)
			}
			if got := dialect.Hex32(account, id); got != strings.ReplaceAll(want, "-", "") {
				t.Errorf("%q of %q: got %s, want %s without hyphens", id, account, got, want)
			}
		}
	}
	for id, want := range map[string]string{
		"": "", "d860229e722bf8f738737365b0b1e333": "d860229e722bf8f738737365b0b1e333", "5f2d8c1e-4b7a-4f39-8a6e-0c1d2e3f4a5b": "5f2d8c1e4b7a4f398a6e0c1d2e3f4a5b",
	} {
		if got := dialect.Hex32("acme", id); got != want {
			t.Errorf("%q: got %s, want %s", id, got, want)
		}
	}
	if got := dialect.UUID("acme", ""); got != dialect.NilUUID {
		t.Errorf("nothing: %s", got)
	}
}

func TestAppendEscaped(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "a": "a", " ": "+", "a b": "a+b", "az AZ 09-_.~": "az+AZ+09-_.~", "é": "%C3%A9", "+/=&?[]": "%2B%2F%3D%26%3F%5B%5D", "\x00\x7f\xff": "%00%7F%FF",
	} {
		if got := string(dialect.AppendEscaped([]byte("x="), in, dialect.Escape{Plus: true})); got != "x="+want {
			t.Errorf("%q: got %s, want x=%s", in, got, want)
		}
	}
	if got := string(dialect.AppendEscaped(nil, "a b", dialect.Escape{})); got != "a%20b" {
		t.Errorf("without plus: %s", got)
	}
}

func TestSelects(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		selector, name string
		want           bool
	}{
		{"all", "parking", true},
		{"all", "", false},
		{"notifications", "notifications/voicemail_new", true},
		{"notifications/voicemail_new", "notifications/voicemail_new", true},
		{"notifications/voicemail", "notifications/voicemail_new", false},
		{"notifications/topup", "notifications/topup", true},
		{"notifications/top_up", "notifications/topup", true},
		{"notifications/top_up", "notifications/transaction", false},
	} {
		if got := dialect.Selects(c.selector, c.name); got != c.want {
			t.Errorf("%s of %q: got %t", c.selector, c.name, got)
		}
	}
}
