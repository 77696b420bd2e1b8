package asterisktest

import (
	"testing"
)

func TestStart(t *testing.T) {
	t.Parallel()
	for _, v := range []int{V16, V22} {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			s := Start(t, Options{Version: v})
			s.Restart(t)
			s.Stop(t)
			s.Up(t)
			s.Kill(t)
		})
	}
}
