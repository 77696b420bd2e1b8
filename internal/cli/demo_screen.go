package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/sim"
)

// lineFormat is one delivery on the screen: time, type, dialect, status, time taken.
const lineFormat = "%-12s  %-22s  %-10s  %6s  %9s"

// An attempt is what the stream tells of one: its status instead of the whole
// response.
type attempt struct {
	switchhook.Attempt
	Status int `json:"status"`
}

// A screen is what the person sees. It is safe for concurrent use.
type screen struct {
	terminal bool
	colour   bool

	mu     sync.Mutex
	out    io.Writer
	shown  map[string]bool // the ids of deliveries that ended well
	change chan struct{}   // closed and replaced with each of them
	stream chan struct{}   // closed once the stream stands
	once   sync.Once
}

func newScreen(out io.Writer) *screen {
	s := &screen{out: out, shown: map[string]bool{}, change: make(chan struct{}), stream: make(chan struct{})}
	if f, ok := out.(*os.File); ok {
		s.terminal = term.IsTerminal(int(f.Fd()))
	}
	s.colour = s.terminal && os.Getenv("NO_COLOR") == "" // https://no-color.org
	return s
}

// Write writes a whole text at once, so that nothing comes between its lines.
func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(b)
}

func (s *screen) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(s, format, args...) // a closed terminal is no reason to stop
}

// paint colours a text (ECMA-48 SGR) where there is colour.
func (s *screen) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// attempt shows one line.
func (s *screen) attempt(a *attempt) {
	status := "–"
	if a.Status != 0 {
		status = strconv.Itoa(a.Status)
	}
	colours := map[string]string{"switchhook": "36", "kazoo": "33", "voipbin": "35", "teli": "34", "primevox": "32", "mail": "95"}
	took := sim.Milliseconds(time.Duration(a.DurationMS * float64(time.Millisecond)))
	// Padded first: the codes of colours have no width on the screen.
	line := fmt.Sprintf("%s  %-22s  %s  %s  %9s", s.paint("2", fmt.Sprintf("%-12s", a.StartedAt.Local().Format("15:04:05.000"))), a.EventType,
		s.paint(colours[a.Dialect], fmt.Sprintf("%-10s", a.Dialect)), s.paint(statusColour(a), fmt.Sprintf("%6s", status)), took)
	if a.Outcome != switchhook.Success {
		line += "  " + s.paint("31", a.Error)
		if !a.NextAttemptAt.IsZero() {
			line += ", again at " + a.NextAttemptAt.Local().Format(time.TimeOnly)
		}
	}
	s.printf("%s\n", line)
	if a.Outcome == switchhook.Success {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.shown[a.DeliveryID] = true
		close(s.change)
		s.change = make(chan struct{})
	}
}

func statusColour(a *attempt) string {
	if a.Outcome == switchhook.Success {
		return "32"
	}
	return "31"
}

// opened notes that the stream stands.
func (s *screen) opened() { s.once.Do(func() { close(s.stream) }) }

// wait waits until the stream stands, so that the first delivery is seen.
func (s *screen) wait(ctx context.Context, most time.Duration) error {
	t := time.NewTimer(most)
	defer t.Stop()
	select {
	case <-s.stream:
		return nil
	case <-t.C:
		return fmt.Errorf("the stream of deliveries did not open within %s", most)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// settle waits until these deliveries were shown, which have arrived: the history
// that the stream reads is written a moment after the receiver's answer.
func (s *screen) settle(ctx context.Context, deliveries []string) {
	t := time.NewTimer(5 * time.Second)
	defer t.Stop()
	for {
		s.mu.Lock()
		change := s.change
		for len(deliveries) > 0 && s.shown[deliveries[0]] {
			deliveries = deliveries[1:]
		}
		s.mu.Unlock()
		if len(deliveries) == 0 {
			return
		}
		select {
		case <-change:
		case <-t.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
