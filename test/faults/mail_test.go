//go:build unix

package faults

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/sim"
)

// mostRepeats is how many mails may come again for one kill: those under way, and those whose
// end the store had not yet heard of.
const mostRepeats = 100

// Killed at any moment, the server loses no mail; and while it is not, none comes twice,
// though the mail server puts off some and hangs up in the middle of others.
func TestMailsOfAKilledServer(t *testing.T) {
	t.Parallel()
	const batches, each = 36, 12 // the mailbox keeps a thousand mails
	kills := rounds(6)
	var steps atomic.Int64
	var calm atomic.Bool // what has failed twice waits for half a minute
	box, err := sim.ListenMail(t.Context(), sim.MailboxOptions{Answer: func(s *sim.MailStep) sim.MailAnswer {
		switch n := steps.Add(1); {
		case calm.Load():
		case s.Step == sim.AtRecipient && n%29 == 0:
			return sim.MailAnswer{Code: 451, Words: "greylisted"}
		case s.Step == sim.AtBody && n%31 == 0:
			return sim.MailAnswer{Drop: true}
		}
		return sim.MailAnswer{}
	}})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- box.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-ended)
	})

	random, data, key := random(*seedFlag, 9), t.TempDir(), "the-key-of-the-mail-test"
	var now *process
	start := func() {
		t.Helper()
		now, err = serve(ctx, binary, []string{"SWITCHHOOK_ADMIN_KEY=" + key, "SWITCHHOOK_SMTP_URL=" + box.URL(), "SWITCHHOOK_MAIL_FROM=no-reply@pbx.example.com"}, "--data", data, "--listen", "127.0.0.1:0")
		must(t, err)
		must(t, now.becomesReady())
	}
	start()
	t.Cleanup(func() {
		_ = now.kill()
		if t.Failed() {
			t.Logf("seed %d; the server's last words:\n%s", *seedFlag, now.tail())
		}
	})
	post := func(path, body string) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, now.url+path, strings.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+key)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if said, _ := io.ReadAll(resp.Body); resp.StatusCode > 299 {
			return fmt.Errorf("%s: %s", resp.Status, said)
		}
		return nil
	}
	want := map[string]bool{}
	killed := 0
	for batch := range batches {
		var events bytes.Buffer
		for i := range each {
			id := fmt.Sprintf("e%d-%d", batch, i)
			fmt.Fprintf(&events, `%s{"id":%q,"type":"notification.custom","data":{"call_id":"c-%d-%d","template_id":"skel","to":["ada@example.com","bob@example.com"],"comments":%q}}`,
				map[bool]string{true: "[", false: ","}[i == 0], id, batch, i/2, id)
			want[switchhook.DeliveryID(switchhook.RootAccount, id, "mail:root:skel")+"@pbx.example.com"] = true
		}
		events.WriteByte(']')
		kill := killed < kills && random.IntN(batches/kills) == 0
		if kill {
			end := time.AfterFunc(time.Duration(random.Int64N(int64(60*time.Millisecond))), func() { _ = now.cmd.Process.Kill() })
			defer end.Stop()
		}
		err := post("/v1/events", events.String())
		if kill {
			_, err = now.wait()
			must(t, err)
			killed++
			start()
			err = post("/v1/events", events.String()) // what was acknowledged is a duplicate
		}
		must(t, err)
	}
	calm.Store(true)
	came := func() (first, again int) {
		seen := map[string]int{}
		for _, m := range box.Messages() {
			for _, to := range m.To {
				if seen[m.MessageID+to]++; seen[m.MessageID+to] > 1 {
					again++
				}
			}
		}
		return len(seen), again
	}
	must(t, until(ctx, "for all mails", func() (bool, error) {
		first, _ := came()
		return first >= 2*len(want), nil
	}))
	first, again := came()
	for _, m := range box.Messages() {
		if !want[m.MessageID] || m.Problem != "" {
			t.Errorf("a mail %s: %q", m.MessageID, m.Problem)
		}
	}
	if first != 2*len(want) || again > killed*mostRepeats {
		t.Errorf("%d of %d have come, %d again after %d kills", first, 2*len(want), again, killed)
	}
	t.Logf("%d mails, %d again, %d kills", first, again, killed)
}
