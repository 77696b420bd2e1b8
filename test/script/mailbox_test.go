package script_test

import (
	"context"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/switchhook/switchhook/internal/sim"
)

// A mailbox is a mail server, and what came there so far.
type mailbox struct {
	*sim.Mailbox
	printed int
	stop    context.CancelFunc
	ended   chan error
}

func (m *mailbox) close() {
	m.stop()
	<-m.ended
}

func newMailbox(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	usage(ts, len(args) == 1, "mailbox NAME")
	w, name := worldOf(ts), args[0]
	if w.mailboxes[name] != nil {
		ts.Fatalf("there is a mailbox %s", name)
	}
	ctx, cancel := context.WithCancel(context.Background())
	box, err := sim.ListenMail(ctx, sim.MailboxOptions{})
	if err != nil {
		cancel()
		ts.Check(err)
	}
	m := &mailbox{Mailbox: box, stop: cancel, ended: make(chan error, 1)}
	go func() { m.ended <- box.Run(ctx) }()
	w.mailboxes[name] = m
	ts.Setenv(name, box.URL())
}

// mails waits for the next mails of a mailbox and prints them.
func mails(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	usage(ts, len(args) == 2, "mails NAME N")
	m := worldOf(ts).mailboxes[args[0]]
	if m == nil {
		ts.Fatalf("there is no mailbox %s", args[0])
	}
	want := m.printed + number(ts, args[1])
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for changed := m.Changed(); m.Count() < want; changed = m.Changed() {
		select {
		case <-changed:
		case <-timeout.C:
			ts.Fatalf("%d mails came within %s, not %s", m.Count()-m.printed, patience, args[1])
		}
	}
	all := m.Messages()
	for _, mail := range all[m.printed:] {
		printf(ts, "To: %s\nSubject: %s\n\n", strings.Join(mail.To, ", "), mail.Subject)
		for _, part := range mail.Parts {
			printf(ts, "%s\n%s\n\n", part.Type, strings.TrimSpace(string(part.Data)))
		}
	}
	if m.printed = len(all); m.printed > want {
		ts.Fatalf("%d mails came, not %s", m.printed-want+number(ts, args[1]), args[1])
	}
}
