package post_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver/wire"
	"github.com/switchhook/switchhook/internal/mail/post"
	"github.com/switchhook/switchhook/internal/sim"
)

// memory keeps what was accepted, as the store does.
type memory struct {
	mu   sync.Mutex
	past map[string][]string
}

func (m *memory) add(delivery string, a *switchhook.HTTPResponse) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.past == nil {
		m.past = map[string][]string{}
	}
	m.past[delivery] = append(m.past[delivery], post.Accepted(a)...)
}

func (m *memory) of(_ context.Context, _, _, delivery string) (post.Past, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return post.Past{Accepted: slices.Clone(m.past[delivery])}, nil
}

// Some of the recipients are refused, some put off: the others have it at once, and once.
func TestSomeGetItNowAndSomeLater(t *testing.T) {
	t.Parallel()
	gone := sim.RefuseRecipients("gone", 550, "no such user")
	box := mailbox(t, sim.MailboxOptions{Answer: func(s *sim.MailStep) sim.MailAnswer {
		if a := gone(s); a.Code != 0 {
			return a
		}
		if strings.HasPrefix(s.Address, "grey") {
			return sim.Greylist(s)
		}
		return sim.MailAnswer{}
	}})
	var past memory
	o := office(t, box.URL(), func(o *post.Options) { o.Past = past.of })
	m := message("Ann <ann@example.net>", "gone@example.net", "grey@example.net", `"odd, one"@example.net`)

	first := send(t, o, m)
	past.add("dlv_evt_1", first)
	if first.Status != 451 || first.Body != "451 4.7.1 greylisted, please try again\n250 2.0.0 OK: queued" ||
		first.Headers.Get("accepted") != `ann@example.net, "odd, one"@example.net` ||
		first.Headers.Get("deferred") != "grey@example.net: 451 4.7.1 greylisted, please try again" ||
		first.Headers.Get("refused") != "gone@example.net: 550 5.7.1 no such user" {
		t.Errorf("first: %+v", first)
	}
	second := send(t, o, m)
	past.add("dlv_evt_1", second)
	if second.Status != 250 || second.Headers.Get("accepted") != "grey@example.net" || second.Headers.Get("deferred") != "" ||
		second.Headers.Get("refused") != "gone@example.net: 550 5.7.1 no such user" {
		t.Errorf("second: %+v", second)
	}
	third := send(t, o, m) // the process died before it wrote down the second
	if third.Status != 250 || third.Headers.Get("accepted") != "" || third.Body != "550 5.7.1 no such user" {
		t.Errorf("third: %+v", third)
	}
	all := box.Messages()
	if len(all) != 2 || !slices.Equal(all[0].To, []string{"ann@example.net", `odd, one@example.net`}) && !slices.Equal(all[0].To, []string{"ann@example.net", `"odd, one"@example.net`}) ||
		!slices.Equal(all[1].To, []string{"grey@example.net"}) || all[0].MessageID != all[1].MessageID {
		t.Errorf("%d mails: %+v", len(all), all)
	}
	if all[1].Header.Get("To") != all[0].Header.Get("To") {
		t.Errorf("To: %q, then %q", all[0].Header.Get("To"), all[1].Header.Get("To"))
	}
}

func TestWhoHasItAlreadyIsNotAsked(t *testing.T) {
	t.Parallel()
	o := office(t, "smtp://127.0.0.1:1", func(o *post.Options) {
		o.Past = func(_ context.Context, event, webhook, delivery string) (post.Past, error) {
			if event != "evt_1" || webhook != "mail:acme:voicemail_new" || delivery != "dlv_evt_1" {
				t.Errorf("asked for %s %s %s", event, webhook, delivery)
			}
			return post.Past{Accepted: []string{"ann@EXAMPLE.net"}}, nil
		}
	})
	if a := send(t, o, message("Ann <ann@example.net>")); a.Status != 250 || !strings.Contains(a.Body, "earlier attempt") {
		t.Errorf("answered %+v", a)
	}
	broken := office(t, "smtp://127.0.0.1:1", func(o *post.Options) {
		o.Past = func(context.Context, string, string, string) (post.Past, error) {
			return post.Past{}, errors.New("the disk is gone")
		}
	})
	sendFails(t, broken, message("ann@example.net"), "the disk is gone")
}

func TestAllRefused(t *testing.T) {
	t.Parallel()
	at := func(step sim.Step, code int) func(*sim.MailStep) sim.MailAnswer {
		return func(s *sim.MailStep) sim.MailAnswer {
			if s.Step == step {
				return sim.MailAnswer{Code: code, Words: "not with us"}
			}
			return sim.MailAnswer{}
		}
	}
	for _, each := range []struct {
		step sim.Step
		code int
	}{
		{sim.AtSender, 550},
		{sim.AtSender, 451},
		{sim.AtRecipient, 550},
		{sim.AtRecipient, 450},
		{sim.AtRecipient, 421},
		{sim.AtBody, 554},
		{sim.AtEnd, 554},
		{sim.AtEnd, 452},
		{sim.AtEnd, 421},
	} {
		box := mailbox(t, sim.MailboxOptions{Answer: at(each.step, each.code)})
		o := office(t, box.URL(), nil)
		for range 2 { // also on a connection that has seen it
			a := send(t, o, message("a@example.net", "b@example.net"))
			header := "refused"
			if each.code < 500 {
				header = "deferred"
			}
			if a.Status != each.code || !strings.HasSuffix(a.Body, "not with us") || strings.Count(a.Headers.Get(header), "not with us") != 2 || a.Headers.Get("accepted") != "" {
				t.Errorf("%s %d: %+v", each.step, each.code, a)
			}
		}
		if box.Count() != 0 {
			t.Errorf("%s %d: mails were taken", each.step, each.code)
		}
	}
}

func TestAMailThatIsTooLarge(t *testing.T) {
	t.Parallel()
	box := mailbox(t, sim.MailboxOptions{MaxBytes: 20_000})
	o := office(t, box.URL(), nil)
	m := message("a@example.net")
	m.Attachments = attachment("data:application/pdf;base64,"+strings.Repeat("AAAA", 10_000), "fax.pdf")
	a := send(t, o, m)
	if got := only(t, box); a.Status != 250 || len(got.Parts) != 2 || !strings.Contains(got.Text("text/plain"), "fax.pdf is not part of this mail: the mail would be larger than the mail server takes.") {
		t.Errorf("answered %+v", a)
	}
	m = message("a@example.net")
	m.Text = strings.Repeat("0123456789\n", 4000)
	if a := send(t, o, m); a.Status != 552 {
		t.Errorf("answered %+v", a)
	}
}

// Right before the mail, and right before its body, the process asks whether it is still the
// one that sends.
func TestMay(t *testing.T) {
	t.Parallel()
	box := mailbox(t, sim.MailboxOptions{})
	o := office(t, box.URL(), nil)
	for allowed := range 2 {
		asked := 0
		r := request(t, message("a@example.net"))
		r.May = func() bool { asked++; return asked <= allowed }
		if a, err := o.Send(t.Context(), r); a != nil || !errors.Is(err, wire.ErrNotSent) || asked != allowed+1 {
			t.Errorf("%v, %v after %d times", a, err, asked)
		}
	}
	if send(t, o, message("a@example.net")); box.Count() != 1 {
		t.Errorf("%d mails were taken", box.Count())
	}
}

// A mail that is slow at any step ends at its deadline, or with its context.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	for _, step := range []sim.Step{sim.AtSender, sim.AtRecipient, sim.AtBody, sim.AtEnd, sim.AtTaken} {
		never, reached := make(chan struct{}), make(chan struct{}, 2)
		box := mailbox(t, sim.MailboxOptions{Answer: func(s *sim.MailStep) sim.MailAnswer {
			if s.Step == step {
				reached <- struct{}{}
				return sim.MailAnswer{Wait: never}
			}
			return sim.MailAnswer{}
		}})
		o := office(t, box.URL(), nil)
		r := request(t, message("a@example.net"))
		r.Deadline = time.Now().Add(200 * time.Millisecond)
		if a, err := o.Send(t.Context(), r); a != nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %v, %v", step, a, err)
		}
		<-reached
		ctx, cancel := context.WithCancelCause(t.Context())
		stopped := errors.New("the process stops")
		go func() { <-reached; cancel(stopped) }()
		if a, err := o.Send(ctx, request(t, message("a@example.net"))); a != nil || !errors.Is(err, stopped) {
			t.Errorf("%s: %v, %v", step, a, err)
		}
	}
}

// One mail is under way, the others wait for the connection, not longer than they may.
func TestWaitingForAConnectionEnds(t *testing.T) {
	t.Parallel()
	goOn, reached := make(chan struct{}), make(chan struct{})
	box := mailbox(t, sim.MailboxOptions{Answer: func(s *sim.MailStep) sim.MailAnswer {
		if s.Step == sim.AtEnd && s.Number == 1 {
			close(reached)
			return sim.MailAnswer{Wait: goOn}
		}
		return sim.MailAnswer{}
	}})
	o := office(t, box.URL(), func(o *post.Options) { o.Connections = 1 })
	done := make(chan error, 1)
	go func() {
		_, err := o.Send(t.Context(), request(t, message("a@example.net")))
		done <- err
	}()
	<-reached
	r := request(t, message("b@example.net"))
	r.Deadline = time.Now().Add(50 * time.Millisecond)
	if _, err := o.Send(t.Context(), r); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
