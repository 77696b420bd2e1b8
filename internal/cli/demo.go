package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/internal/app"
	"github.com/switchhook/switchhook/internal/sim"
)

const (
	demoAccount = "demo"
	// demoHook begins the names of the demo's own webhooks, so that the next
	// demo on the same data finds those of the last one.
	demoHook = "demo receiver: "
	// mostStart bounds how long the server may take to get ready, and mostEnd
	// how long the end may take altogether.
	mostStart = 20 * time.Second
	mostEnd   = 3 * time.Minute
)

// A demo is the whole product in one process: the server, a phone system that
// calls, and a receiver that checks what it gets.
type demo struct {
	listen string
	chosen bool // the address was asked for, so no other one will do
	data   string
	length time.Duration
	rate   float64
	quiet  bool // no browser
	pbx    pbx  // that makes the calls, in place of the simulated one

	mailbox *sim.Mailbox // nil: mails go to a server outside

	screen *screen
	errOut io.Writer
}

func newDemo() *cobra.Command {
	d := &demo{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run everything at once, with a simulated phone system and a receiver",
		Long: `Run the server, a simulated phone system and a receiver in one process, and show
each delivery as it happens: calls, queues, texts and voicemails of a small
company, in the five dialects. The receiver verifies what it gets with code of
its own. At the end (Ctrl-C, or --for) it says whether everything that was
accepted arrived, signed right and in order; if not, the exit code is 1.

Voicemails, missed calls and faxes become mails too. A mailbox in the process takes
and verifies them, and nothing leaves this machine; the page /mails shows them. With
SWITCHHOOK_SMTP_URL set, such as smtp://127.0.0.1:1025, they go to that server
instead, and are not verified. They are addressed to people at example.com.

With --asterisk the calls are those of a real Asterisk: a user of manager.conf with
read = system,call,agent,user,cdr,security is all that it needs.

Webhooks may reach this machine (127.0.0.0/8 and ::1) in the demo.`,
		Example: `  switchhook demo
  switchhook demo --for 10s
  switchhook demo --asterisk 192.0.2.1 --username switchhook --secret …
  switchhook demo --listen 127.0.0.1:0 --data ./demo-data --rate 20`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d.chosen = cmd.Flags().Changed("listen")
			d.screen, d.errOut = newScreen(cmd.OutOrStdout()), cmd.ErrOrStderr()
			if d.length < 0 || d.rate <= 0 {
				return errors.New("--for and --rate want values above 0, such as --for 10s --rate 8")
			}
			if err := d.pbx.check(); err != nil {
				return err
			}
			return d.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&d.listen, "listen", "127.0.0.1:8420", "address of the API and the page; if the default is taken, a free port")
	f.StringVar(&d.data, "data", "", "directory to keep the data in (default: a temporary one, removed at the end)")
	f.DurationVar(&d.length, "for", 0, "stop the phone system after this time, such as 10s (default: at Ctrl-C)")
	f.Float64Var(&d.rate, "rate", 8, "events a second")
	d.pbx.flags(cmd)
	f.BoolVar(&d.quiet, "no-open", false, "do not open the page in a browser")
	return cmd
}

func (d *demo) run(ctx context.Context) (err error) {
	dir := d.data
	if dir == "" {
		if dir, err = os.MkdirTemp("", "switchhook-demo-"); err != nil {
			return fmt.Errorf("make a temporary directory for the data (choose one with --data): %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	address, err := d.address(ctx)
	if err != nil {
		return err
	}
	mailbox, c, err := postbox(ctx)
	if err != nil {
		return err
	}
	d.mailbox = mailbox
	c.Listen, c.Data, c.Version = address, dir, Version
	c.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	c.Logger = slog.New(slog.NewTextHandler(d.errOut, &slog.HandlerOptions{Level: slog.LevelError}))
	server, err := app.New(ctx, c)
	if err != nil {
		return err
	}
	// Ctrl-C stops the phone; server and receiver go on until the last delivery
	// has arrived. If one of them fails, the rest stops too.
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	last, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	var ended error // how the server ended
	defer func() {
		stop()
		wg.Wait()
		if err == nil {
			err = ended
		}
	}()
	wg.Go(func() {
		if ended = server.Run(last); ended != nil {
			ended = fmt.Errorf("the server ended: %w", ended)
			fail(ended)
		}
	})
	if mailbox != nil {
		wg.Go(func() {
			if err := mailbox.Run(last); err != nil {
				fail(err)
			}
		})
	}
	receiver, err := sim.Listen(ctx, sim.ReceiverOptions{})
	if err != nil {
		return err
	}
	wg.Go(func() {
		if err := receiver.Run(last); err != nil {
			fail(err)
		}
	})
	client := &sim.Client{URL: reachable(server.URL()), Key: server.AdminKey()}
	phone := &sim.Phone{Client: client, Account: demoAccount}
	if err := d.prepare(ctx, client, phone, receiver); err != nil {
		return whyEnded(ctx, err)
	}
	d.greet(client, receiver, dir)
	wg.Go(func() { d.follow(last, client) })
	if err := d.screen.wait(ctx, mostStart); err != nil {
		return whyEnded(ctx, err)
	}
	if !d.quiet && d.length == 0 && d.screen.terminal {
		openBrowser(ctx, pageURL(client))
	}
	return d.play(ctx, client, phone, receiver)
}

// play lets the phone ring until it is time, waits for the last deliveries and
// says how it went.
func (d *demo) play(ctx context.Context, client *sim.Client, phone *sim.Phone, receiver *sim.Receiver) error {
	audit := &sim.Audit{
		Client: client, Account: demoAccount, Phone: phone, Receiver: receiver, Mailbox: d.mailbox, Since: time.Now(), Types: d.pbx.types(),
		Progress: func(arrived, expected int) {
			d.screen.printf("… %d of %d deliveries have arrived\n", arrived, expected)
		},
	}
	ringing, hangUp := context.WithCancel(ctx)
	defer hangUp()
	if d.length > 0 {
		ringing, hangUp = context.WithTimeout(ctx, d.length)
		defer hangUp()
	}
	var phoneErr error
	if d.pbx.address == "" {
		phoneErr = phone.Run(ringing, d.rate)
	} else {
		phoneErr = d.pbx.ring(ringing, client, d.screen)
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause // the server or the receiver is gone: there is nobody to ask
	}
	// The summary comes after Ctrl-C too; a second one ends the process.
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), mostEnd)
	defer cancel()
	report, err := audit.Run(end)
	if err != nil {
		return errors.Join(phoneErr, err)
	}
	d.screen.settle(end, report.Deliveries)
	d.screen.printf("\n")
	if err := report.Write(d.screen); err != nil {
		return err
	}
	return errors.Join(phoneErr, report.Err())
}

// address is where to listen: as asked, or at a free port if nothing was asked
// and the default is taken.
func (d *demo) address(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", d.listen)
	switch {
	case err == nil:
		return d.listen, ln.Close()
	case !errors.Is(err, syscall.EADDRINUSE):
		return "", fmt.Errorf("cannot listen on %q: %w; --listen wants an address of this machine such as 127.0.0.1:8421", d.listen, err)
	case d.chosen:
		return "", fmt.Errorf("%s is taken by another program; choose another port, such as --listen 127.0.0.1:8421, or any free one: --listen 127.0.0.1:0", d.listen)
	default:
		d.screen.printf("%s is taken by another program, so the demo takes a free port (--listen chooses one).\n", d.listen)
		return "127.0.0.1:0", nil
	}
}

// prepare waits for the server and sets up the account: its directory, and one
// webhook for each dialect.
func (d *demo) prepare(ctx context.Context, client *sim.Client, phone *sim.Phone, receiver *sim.Receiver) error {
	if err := ready(ctx, client); err != nil {
		return err
	}
	err := client.CreateAccount(ctx, demoAccount, "Demo")
	if api, ok := errors.AsType[*sim.APIError](err); err != nil && (!ok || api.Status != http.StatusConflict) {
		return fmt.Errorf("make the account %s: %w", demoAccount, err)
	}
	// The receiver of an earlier demo on the same data is gone.
	old, err := client.Webhooks(ctx, demoAccount)
	if err != nil {
		return fmt.Errorf("look for the webhooks of an earlier demo: %w", err)
	}
	for _, w := range old {
		if strings.HasPrefix(w.Name, demoHook) {
			if err := client.DeleteWebhook(ctx, w.ID); err != nil {
				return fmt.Errorf("delete the webhook of an earlier demo: %w", err)
			}
		}
	}
	if d.pbx.address == "" {
		if err := phone.Furnish(ctx); err != nil {
			return err
		}
	}
	for _, dialect := range []string{"switchhook", "kazoo", "voipbin", "teli", "primevox"} {
		w := sim.WebhookInput{
			AccountID: demoAccount, Name: demoHook + dialect, URL: receiver.URL(dialect), Events: []string{"*"}, Dialect: dialect,
		}
		if dialect == "kazoo" {
			w.Format = "form" // as most Kazoo webhooks are
		}
		made, err := client.CreateWebhook(ctx, w)
		if err != nil {
			return fmt.Errorf("make the %s webhook: %w", dialect, err)
		}
		receiver.Trust(dialect, made.ID, made.Secret)
	}
	return nil
}

// ready waits until the server can do work.
func ready(ctx context.Context, client *sim.Client) error {
	ctx, cancel := context.WithTimeout(ctx, mostStart)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := client.Ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the server was not ready within %s: %w", mostStart, err)
		}
	}
}

// greet says where to go next. Its commands work as they stand.
func (d *demo) greet(client *sim.Client, receiver *sim.Receiver, dir string) {
	s := d.screen
	kept := "kept in " + dir
	if d.data == "" {
		kept = "removed at the end (--data keeps it)"
	}
	curl := func(path, body string) string {
		return fmt.Sprintf("  curl -sS %s%s -H 'Authorization: Bearer %s' \\\n    -H 'Content-Type: application/json' -d '%s'\n", client.URL, path, client.Key, body)
	}
	whose := "a small company's phones ring"
	if d.pbx.address != "" {
		whose = "the phones of " + d.pbx.address + " ring"
	}
	s.printf("%s\n\n", s.paint("1", "Switchhook demo: "+whose+", and five customers' programs hear of it."))
	mails := "go to a mailbox of the demo's own"
	if d.mailbox == nil {
		mails = "are sent through " + smtpVariable
	}
	s.printf("  page     %s\n  mails    %s (they %s)\n", s.paint("4", pageURL(client)), s.paint("4", client.URL+"/mails"), mails)
	s.printf("  API key  %s\n  data     %s\n\n", client.Key, kept)
	s.printf("Send an event of your own, to every webhook whose dialect has texts:\n%s\n", curl("/v1/events",
		`{"account_id":"`+demoAccount+`","type":"message.received","data":{"message":{"id":"my-text-1","from":"+12025550143","to":"+12025550100","text":"Hello"}}}`))
	s.printf("Make a webhook of your own; /%s of the receiver takes whatever comes:\n%s\n", sim.Anyone, curl("/v1/webhooks",
		`{"account_id":"`+demoAccount+`","name":"mine","url":"`+receiver.URL(sim.Anyone)+`","events":["call.*"],"dialect":"switchhook"}`))
	if d.length == 0 {
		s.printf("Ctrl-C ends it with a summary.\n\n")
	} else {
		s.printf("It ends after %s with a summary.\n\n", d.length)
	}
	s.printf("%s\n", s.paint("2", fmt.Sprintf(lineFormat, "time", "event", "dialect", "status", "took")))
}

// follow shows the attempts as the product's own stream tells them, until ctx
// ends.
func (d *demo) follow(ctx context.Context, client *sim.Client) {
	for ctx.Err() == nil {
		err := client.Stream(ctx, "/v1/attempts/stream", d.screen.opened, func(data []byte) {
			var a attempt
			if json.Unmarshal(data, &a) == nil && a.ID != "" {
				d.screen.attempt(&a)
			}
		})
		if ctx.Err() != nil {
			return
		}
		d.screen.printf("%s\n", d.screen.paint("31", "the stream of deliveries broke off: "+err.Error()))
		t := time.NewTimer(time.Second)
		select {
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
	}
}

// whyEnded is what to say of an error that may only be how ctx ended: why it
// did, and nothing after a Ctrl-C, which came before there was anything to sum up.
func whyEnded(ctx context.Context, err error) error {
	switch cause := context.Cause(ctx); {
	case cause == nil:
		return err
	case errors.Is(cause, context.Canceled):
		return nil
	default:
		return cause
	}
}

// reachable is the server's URL as this machine reaches it: 0.0.0.0 is where it
// listens, not where it is.
func reachable(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && ip.IsUnspecified() {
		u.Host = net.JoinHostPort("127.0.0.1", u.Port())
	}
	return u.String()
}

// pageURL opens the page with the key in the fragment, which browsers do not
// send anywhere.
func pageURL(c *sim.Client) string { return c.URL + "/#key=" + url.QueryEscape(c.Key) }

// openBrowser shows the page where there is a browser.
func openBrowser(ctx context.Context, page string) {
	name, args := "xdg-open", []string{page}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", page}
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), name, args...) //nolint:gosec // our own address
	if cmd.Start() == nil {
		go func() { _ = cmd.Wait() }() // ends with the browser's launcher; nobody waits for it
	}
}
