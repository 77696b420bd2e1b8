package asterisktest

import (
	"strings"
	"testing"
	"time"
)

// A Scenario is a call, or something else that happens at a phone system.
type Scenario struct {
	Name    string
	Options Options  // but the version
	Phones  []string // those that are registered before it begins

	// What the books have of it afterwards.
	CDRs       []string // of each, in any order: "from > to: channel > other channel: last application disposition"
	QueueLog   []string // of each line: "queue agent event"
	Voicemails []string // the callers of those in the mailbox

	play func(*Stage)
}

// Scenarios is all of them.
func Scenarios() []Scenario {
	var all []Scenario
	for _, some := range [][]Scenario{direct(), groups(), queues(), mailbox(), transfers(), others()} {
		all = append(all, some...)
	}
	return all
}

// A Stage is a phone system on which a scenario is about to be played.
type Stage struct {
	*Server
	Scenario
	TB testing.TB

	phones  map[string]*Phone
	heard   *Stream   // AMI
	streams []*Stream // and how it was heard before restarts
}

// Prepare registers the scenario's phones.
func (sc *Scenario) Prepare(tb testing.TB, s *Server) *Stage {
	tb.Helper()
	st := &Stage{Server: s, Scenario: *sc, TB: tb, phones: map[string]*Phone{}}
	for _, extension := range Phones() {
		st.phones[extension] = s.Phone(tb, extension)
	}
	for _, extension := range sc.Phones {
		st.phones[extension].Register(tb)
	}
	return st
}

// Play plays the scenario, and waits until all its calls have ended.
func (st *Stage) Play() {
	st.TB.Helper()
	st.listen()
	st.play(st)
	if err := until("the end of all calls", func() (bool, error) {
		return strings.Contains(st.Command(st.TB, "core show channels count"), "0 active channels"), nil
	}); err != nil {
		st.TB.Fatal(err)
	}
	st.heard.Quiet(300 * time.Millisecond) // the books are written and told of a little later
}

// listen listens, from now on.
func (st *Stage) listen() {
	st.TB.Helper()
	st.heard = st.Listen(st.TB)
	st.streams = append(st.streams, st.heard)
}

// await waits for an event.
func (st *Stage) await(lines ...string) Message {
	st.TB.Helper()
	return st.heard.Await(st.TB, lines...)
}

func (st *Stage) expect(extension string, steps ...Step) *Dialog {
	st.TB.Helper()
	return st.phones[extension].Expect(st.TB, steps...)
}

func (st *Stage) call(extension, number string, steps ...Step) *Dialog {
	st.TB.Helper()
	return st.phones[extension].Call(st.TB, number, steps...)
}

// callIn is somebody's call from outside.
func (st *Stage) callIn(number string, steps ...Step) *Dialog {
	st.TB.Helper()
	return st.Trunk("+12025550143", "Caller Outside").Call(st.TB, number, steps...)
}

// wait waits for several phones.
func (st *Stage) wait(dialogs ...*Dialog) {
	st.TB.Helper()
	for _, d := range dialogs {
		d.Wait(st.TB)
	}
}

// AMI is every byte that AMI sent while the scenario was played: of one connection,
// or where Asterisk restarted of one after the other.
func (st *Stage) AMI() []byte {
	var all []byte
	for _, s := range st.streams {
		all = append(all, s.Bytes()...)
	}
	return all
}

// Durations of the scenarios: long enough to be told apart, short for many tests.
const (
	moment = 300 * time.Millisecond
	second = 1100 * time.Millisecond // one in the books, which count whole ones
)
