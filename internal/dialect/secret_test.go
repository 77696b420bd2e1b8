package dialect_test

import (
	"testing"

	"github.com/switchhook/switchhook/internal/dialect"
)

func TestMasked(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"a":1}`:                                  `{"a":1}`,
		`{"password":"x","user":"y"}`:              `{"password":"***","user":"y"}`,
		`{"password":"","api_key":null}`:           `{"password":"","api_key":null}`,
		`{"vars":{"Password":"x","API-Key":7}}`:    `{"vars":{"Password":"***","API-Key":"***"}}`,
		`{"l":[{"account_api_key":"x"},["a"],1]}`:  `{"l":[{"account_api_key":"***"},["a"],1]}`,
		`{"text":"my password is \"x\"","n":1.50}`: `{"text":"my password is \"x\"","n":1.50}`,
		`{"a:b":{"password"` + " \n" + `:"x"}}`:    `{"a:b":{"password":"***"}}`,
		`{"pass\u0077ord":"x"}`:                    `{"password":"***"}`,
		`{"PASSWORD":"x","ACCOUNT_API_KEY":"y"}`:   `{"PASSWORD":"***","ACCOUNT_API_KEY":"***"}`,
		`{"a":{"Password-Reset-Link":"x"}}`:        `{"a":{"Password-Reset-Link":"***"}}`,
		`{"passwords":"x","password_hint":"y"}`:    `{"passwords":"x","password_hint":"y"}`,
	} {
		if got := string(dialect.Masked([]byte(in))); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
