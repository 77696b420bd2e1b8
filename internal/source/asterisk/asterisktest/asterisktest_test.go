package asterisktest

import (
	"testing"
	"time"
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

func TestCall(t *testing.T) {
	t.Parallel()
	for _, v := range []int{V16, V22} {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			s := Start(t, Options{Version: v})
			p1, p2 := s.Phone(t, "106"), s.Phone(t, "101")
			p1.Register(t)
			p2.Register(t)
			u := p2.Expect(t, Ring(500*time.Millisecond), Answer(), Released())
			p1.Call(t, "101", Answered(), Talk(500*time.Millisecond), Hold(200*time.Millisecond), Unhold(200*time.Millisecond), Press("1"), HangUp()).Wait(t)
			u.Wait(t)
		})
	}
}
