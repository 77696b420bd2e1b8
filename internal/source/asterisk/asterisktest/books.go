package asterisktest

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A CDR is a line of cdr-csv/Master.csv, as Asterisk wrote it.
type CDR struct {
	AccountCode, Source, Destination, Context, CallerID string
	Channel, DestinationChannel, LastApp, LastData      string
	Start, Answer, End, Duration, BillSeconds           string // UTC; seconds
	Disposition, AMAFlags, UniqueID, UserField          string
	PeerAccount, LinkedID, Sequence                     string
}

// CDRs are the call detail records so far.
func (s *Server) CDRs(tb testing.TB) []CDR {
	tb.Helper()
	lines, err := csv.NewReader(bytes.NewReader(s.book(tb, cdrBook))).ReadAll()
	if err != nil {
		tb.Fatal(err)
	}
	var all []CDR
	for _, l := range lines {
		if len(l) != 21 {
			tb.Fatalf("a CDR of %d columns: %q", len(l), l)
		}
		all = append(all, CDR{
			l[0], l[1], l[2], l[3], l[4], l[5], l[6], l[7], l[8], l[9], l[10],
			l[11], l[12], l[13], l[14], l[15], l[16], l[17], l[18], l[19], l[20],
		})
	}
	return all
}

// A QueueEvent is a line of queue_log.
type QueueEvent struct {
	Time, Call, Queue, Agent, Event string // Call is a unique id or NONE, Time seconds since 1970
	Data                            []string
}

// QueueLog is what happened in queues so far.
func (s *Server) QueueLog(tb testing.TB) []QueueEvent {
	tb.Helper()
	var all []QueueEvent
	for line := range strings.Lines(string(s.book(tb, queueBook))) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "|")
		if len(f) < 5 {
			tb.Fatalf("queue_log: %q", line)
		}
		all = append(all, QueueEvent{f[0], f[1], f[2], f[3], f[4], f[5:]})
	}
	return all
}

// A Voicemail is a message in a mailbox.
type Voicemail struct {
	Caller     string // name and number, as the file has it
	CallerChan string
	Duration   int // seconds
}

// Voicemails are the new messages in a mailbox of the context default.
func (s *Server) Voicemails(tb testing.TB, mailbox string) []Voicemail {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "spool/voicemail/default", mailbox, "INBOX/msg*.txt"))
	if err != nil {
		tb.Fatal(err)
	}
	var all []Voicemail
	for _, name := range files {
		text, err := os.ReadFile(name) //nolint:gosec // G304: a file in our own directory
		if err != nil {
			tb.Fatal(err)
		}
		var v Voicemail
		for line := range strings.Lines(string(text)) {
			switch key, value, _ := strings.Cut(strings.TrimSpace(line), "="); key {
			case "callerid":
				v.Caller = value
			case "callerchan":
				v.CallerChan = value
			case "duration":
				v.Duration, _ = strconv.Atoi(value) // 0 if it is none
			}
		}
		all = append(all, v)
	}
	return all
}

// The books, as files in the log folder.
const (
	cdrBook   = "cdr-csv/Master.csv"
	queueBook = "queue_log"
)

// book is what a book has so far, nothing as long as there is none.
func (s *Server) book(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, "log", name)) //nolint:gosec // G304: a file in our own directory
	if err != nil && !os.IsNotExist(err) {
		tb.Fatal(err)
	}
	return b
}
