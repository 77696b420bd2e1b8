// Package asterisktest gives tests real Asterisks, with SIP phones that call one
// another through them, and takes all of it away again.
//
// [Start] starts one with the configuration of pbx.txtar, a small company: phones,
// groups, queues, a mailbox, a parking lot, a conference, a trunk. All of it is on
// loopback, at ports that were free. A [Phone] registers, calls and is called as
// its script says; [Server.CDRs], [Server.QueueLog] and [Server.Voicemails] are what
// the system itself says that has happened, the truth for whoever reads its events.
// [Scenarios] is calls of every kind that a source of events has to understand;
// what AMI and ARI said of each, and these books, lie in the folder streams of
// package asterisk's testdata.
//
// The programs are those that make deps-switches gets. Tests with a real phone
// system take longer than others, so they run only where SWITCHHOOK_TEST_SWITCHES=1,
// as make test-switches has it; a system that is not there is then left out with a
// sentence that says how to get it, and under CI=true it fails the test.
package asterisktest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// The versions that there are.
const (
	V16 = 16 // AMI 5, ARI without protocol_id and without outbound websockets
	V22 = 22
)

// Options are what a test may want otherwise.
type Options struct {
	Version int // V16 or V22

	// Outbound is where ARI connects to by itself, a URL such as ws://127.0.0.1:1/ari.
	// It presents User and Secret. Only Asterisk 22 can.
	Outbound string

	// SystemName precedes every unique id, as where several Asterisks write into
	// one database.
	SystemName string

	// ParkFor is after how many seconds a parked call goes back to who parked it; 45 if zero.
	ParkFor int
}

// Secret is that of every user of AMI, ARI and SIP.
const Secret = "a-secret-of-the-tests"

const (
	// User is the user of AMI, with the read classes that a source needs, and of ARI.
	User = "switchhook"

	keeper = "keeper" // our own AMI user, who may do all
)

// patience is how long anything here may take, on a machine with much to do.
const patience = time.Minute

// errMissing is what tests are left out for.
var errMissing = errors.New("not to be had here (make deps-switches)")

// need ends a test that did not get what it needs.
func need(tb testing.TB, err error) {
	tb.Helper()
	switch {
	case err == nil:
	case !errors.Is(err, errMissing):
		tb.Fatal(err)
	case os.Getenv("CI") == "true":
		tb.Fatalf("LEFT OUT, though all is to run under CI=true: %v", err)
	default:
		tb.Skipf("LEFT OUT: %v", err)
	}
}

// wanted skips a test where nobody asked for real phone systems.
func wanted(tb testing.TB) {
	tb.Helper()
	if os.Getenv("SWITCHHOOK_TEST_SWITCHES") != "1" {
		tb.Skip("needs a real phone system: make test-switches")
	}
}

// sipp returns the path of SIPp.
func sipp() (string, error) {
	path, err := exec.LookPath("sipp")
	if err != nil {
		return "", fmt.Errorf("SIPp, which plays the phones, is %w", errMissing)
	}
	return path, nil
}

// until waits for something to come true, or to fail.
func until(what string, done func() (bool, error)) error {
	end := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-end:
			return fmt.Errorf("waited %v for %s", patience, what)
		}
	}
}

// freePort is a port of an address that nobody listens at, neither over TCP nor
// UDP, and that this process has not got before: who asked for it might not listen
// yet. It is not one of those that the system gives to outgoing connections.
func freePort(ip string) (int, error) {
	const first, number = 20000, 12000
	for range 100 {
		port := first + int(ports.Add(1))%number
		address := net.JoinHostPort(ip, strconv.Itoa(port))
		tcp, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
		if err != nil {
			continue
		}
		udp, err := new(net.ListenConfig).ListenPacket(context.Background(), "udp", address)
		if err == nil {
			err = udp.Close()
		}
		if err = errors.Join(err, tcp.Close()); err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("found no free port of %s between %d and %d", ip, first, first+number)
}

//nolint:gochecknoglobals // where the process looks next, from anywhere on: other processes do the same
var ports = func() *atomic.Uint32 {
	var next atomic.Uint32
	next.Store(rand.Uint32N(12000)) //nolint:gosec // G404: any will do
	return &next
}()
