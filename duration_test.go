package switchhook_test

import (
	"testing"

	"github.com/switchhook/switchhook"
)

// A duration that is read is none below zero, and is written so that it reads the same.
func FuzzDuration(f *testing.F) {
	for _, seed := range []string{"15s", "72h", "30d", "0s", "-1s", "1e9h", "9223372036854775807ns", "36500d", "36501d", "+1d", "1.5h", "d", "1h0m0s", ".5s", "106751d"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := switchhook.ParseDuration(text)
		if err != nil {
			return
		}
		again, err := switchhook.ParseDuration(switchhook.Duration(d).String())
		if err != nil || again != d || d < 0 {
			t.Fatalf("%q is %d, written as %s, read as %d: %v", text, d, switchhook.Duration(d), again, err)
		}
	})
}
