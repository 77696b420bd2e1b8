package memory_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/memory"
	"github.com/switchhook/switchhook/internal/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.RunVolatile(t, func(*testing.T) store.Store { return memory.New() })
}

func TestBroken(t *testing.T) {
	t.Parallel()
	s := memory.New()
	s.Break(errors.New("fsync failed"))
	select {
	case <-s.Broken():
	default:
		t.Error("not broken")
	}
	for name, err := range map[string]error{
		"Resume": s.Resume(t.Context()),
		"Ping":   s.Ping(t.Context()),
		"Submit": submit(s),
	} {
		if switchhook.ErrorCode(err) != switchhook.CodeUnavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFail(t *testing.T) {
	t.Parallel()
	s := memory.New()
	full := errors.New("disk full")
	s.Fail(full)
	for range 2 {
		if err := submit(s); !errors.Is(err, full) {
			t.Errorf("got %v, want %v", err, full)
		}
	}
	if err := s.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := submit(s); err != nil {
		t.Error(err)
	}
}

func submit(s *memory.Store) error {
	done := make(chan error, 1)
	s.Submit(&switchhook.Commit{Done: func(err error) { done <- err }})
	return <-done
}

// In a bubble, time stands still while the store works, and goes on when it is
// done: it blocks on nothing else.
func TestBubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		event := &switchhook.Event{ID: "given", IDGiven: true, AccountID: "a", Sequence: 1, AcceptedAt: time.Now()}
		var done bool
		s.Submit(&switchhook.Commit{Events: []*switchhook.Event{event}, Done: func(err error) { done = err == nil }})
		synctest.Wait()
		if !done {
			t.Fatal("Done was not called")
		}
		for _, known := range []bool{true, false} {
			got, err := s.Known(t.Context(), "a", []string{"given"})
			if err != nil || got["given"] != known {
				t.Errorf("known %v, %v, want %t", got, err, known)
			}
			time.Sleep(49 * time.Hour)
		}
	})
}
