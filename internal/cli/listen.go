package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/client"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// A listener hands the requests of a webhook on to a program on this machine.
type listener struct {
	to      remote
	forward string
	webhook string
	events  string
	dialect string
	secret  string
	timeout time.Duration
	trust   bool // whatever certificate the program has

	http   *http.Client
	screen *screen // where exchanges are shown
	errOut io.Writer
}

func newListen() *cobra.Command {
	l := &listener{}
	o := operationOf("create-webhook")
	cmd := &cobra.Command{
		Use: "listen --forward-to URL [FIELD=VALUE]…", Short: "Receive a webhook's requests on this machine, live", GroupID: groupDevelop,
		Long: `Receive the requests of a webhook live through the server, and hand each on to a
program on this machine: the same method, headers and body that a delivery has,
signed. No URL of your own has to be reachable.

Without --webhook it is a webhook for as long as this runs: --events and --dialect
say which events in which shape, and every other setting of a webhook can be given
as FIELD=VALUE (switchhook webhooks create --help lists them). With --webhook it is
one that is set up; its own deliveries go on (pause it if they should not).

One request is made at a time, in the order in which the events were accepted. When
the connection is lost or the server restarts, it goes on where it was: nothing is
missed, nothing comes twice. What your program answers, or that it does not, is
shown and changes nothing.

The signing secret is printed at the start. --secret (variable
SWITCHHOOK_WEBHOOK_SECRET) keeps it the same each time.
` + aboutRemote,
		Example: examples(`
listen --forward-to http://localhost:3000/hook --events 'call.*,voicemail.new'
listen --forward-to localhost:3000 --dialect kazoo format=form custom_data.team=sales
listen --forward-to http://localhost:3000/hook --webhook wh_…
listen --forward-to http://localhost:3000/hook --output json | jq .status`),
		ValidArgsFunction: func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return suggest(cmd.Context(), &l.to, o, nil)
		},
	}
	l.to.flags(cmd, "text, or json: a line for each exchange")
	f := cmd.Flags()
	f.StringVar(&l.forward, "forward-to", "", "where your program takes the requests, such as http://localhost:3000/hook")
	f.StringVar(&l.webhook, "webhook", "", "the id of a webhook that is set up")
	f.StringVar(&l.events, "events", "*", "which events: globs of types, or a dialect's own names")
	f.StringVar(&l.dialect, "dialect", "switchhook", "the shape of the requests")
	f.StringVar(&l.secret, "secret", os.Getenv("SWITCHHOOK_WEBHOOK_SECRET"), "what signs the requests, whsec_…")
	f.DurationVar(&l.timeout, "timeout", 15*time.Second, "how long your program may take for a request")
	f.BoolVar(&l.trust, "insecure", false, "take any certificate that your program has")
	_ = cmd.RegisterFlagCompletionFunc("webhook", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) { // the flag is there
		return l.to.complete(cmd.Context(), operationOf("list-webhooks"), "id", "name"), cobra.ShellCompDirectiveNoFileComp
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		l.screen, l.errOut = newScreen(cmd.OutOrStdout()), cmd.ErrOrStderr()
		r, err := l.request(cmd, o, args)
		if err != nil {
			return err
		}
		c, err := l.to.client()
		if err != nil {
			return err
		}
		l.http = newForwarder(l.timeout, l.trust)
		return c.Follow(cmd.Context(), r, connection(l.errOut, "Listening."), func(m client.Message) error { return l.take(cmd.Context(), m) })
	}
	return cmd
}

// request is the one that opens the stream.
func (l *listener) request(cmd *cobra.Command, o *operation, args []string) (r client.Request, err error) {
	if l.forward == "" {
		return r, usage("--forward-to is missing: it wants where your program takes the requests, such as http://localhost:3000/hook")
	}
	if !strings.Contains(l.forward, "://") {
		l.forward = "http://" + l.forward
	}
	r.Method = http.MethodPost
	var body ordjson.Object
	body.Set("url", ordjson.String(l.forward))
	if l.webhook != "" {
		if len(args) > 0 || cmd.Flags().Changed("events") || cmd.Flags().Changed("dialect") || cmd.Flags().Changed("secret") {
			return r, usage("--webhook has its own events, dialect, secret and so on; leave out one of the two")
		}
		r.Path, r.Body = "/v1/webhooks/"+url.PathEscape(l.webhook)+"/listen", body.Append(nil)
		fmt.Fprintf(l.errOut, "Forwarding what %s is sent to %s\n", l.webhook, l.forward)
		return r, nil
	}
	if l.secret == "" {
		l.secret = switchhook.NewSecret()
	}
	for _, field := range append([]string{"events=" + l.events, "dialect=" + l.dialect, "secret=" + l.secret}, args...) {
		if err := assign(&body, o, field); err != nil {
			return r, err
		}
	}
	r.Path, r.Body = "/v1/webhooks/listen", body.Append(nil)
	fmt.Fprintf(l.errOut, "Forwarding %s in the dialect %s to %s\nThe signing secret is %s\n", l.events, l.dialect, l.forward, l.secret)
	return r, nil
}

// connection tells a person of a connection that is there, lost, or there again.
func connection(out io.Writer, begun string) func(error) {
	lost, first := false, true
	return func(err error) {
		switch {
		case err != nil && !lost:
			fmt.Fprintf(out, "%v; trying again …\n", err)
		case err == nil && first:
			fmt.Fprintf(out, "%s Ctrl-C ends it.\n", begun)
		case err == nil && lost:
			fmt.Fprintln(out, "Connected again; it goes on where it was.")
		}
		lost, first = err != nil, first && err != nil
	}
}

// An exchange is a request that was handed on, and what came of it.
type exchange struct {
	Time       time.Time `json:"time"`
	EventID    string    `json:"event_id"`
	EventType  string    `json:"event_type"`
	DeliveryID string    `json:"delivery_id"`
	Sequence   int64     `json:"sequence"`
	Method     string    `json:"method,omitempty"`
	Status     int       `json:"status,omitempty"`
	DurationMS float64   `json:"duration_ms"`
	Error      string    `json:"error,omitempty"`
}

// take hands one request on.
func (l *listener) take(ctx context.Context, m client.Message) error {
	var heard struct {
		exchange
		Request *switchhook.HTTPRequest
		Encoded []byte `json:"body_base64"`
	}
	if err := json.Unmarshal(m.Data, &heard); err != nil {
		return fmt.Errorf("the server has sent what is no message of this stream: %w", err)
	}
	x := heard.exchange
	x.Time = time.Now().UTC()
	if heard.Request != nil {
		x.Method = heard.Request.Method
		body := []byte(heard.Request.Body)
		if heard.Encoded != nil {
			body = heard.Encoded
		}
		x.Status, x.Error = l.hand(ctx, heard.Request, body)
		x.DurationMS = float64(time.Since(x.Time).Microseconds()) / 1000
	}
	if ctx.Err() == nil {
		l.show(&x)
	}
	return nil
}

// hand makes the request as it is.
func (l *listener) hand(ctx context.Context, r *switchhook.HTTPRequest, body []byte) (status int, problem string) {
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	if len(body) == 0 {
		req.Body, req.ContentLength = nil, 0
	}
	for _, h := range r.Headers { // by assignment: Set would spell X-Hook-ID another way
		if strings.EqualFold(h.Name, "Host") {
			req.Host = h.Value
		} else {
			req.Header[h.Name] = []string{h.Value}
		}
	}
	resp, err := l.http.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return 0, err.Error()
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)); err != nil {
		return resp.StatusCode, "the answer broke off: " + err.Error()
	}
	return resp.StatusCode, ""
}

// newForwarder makes a client that adds nothing to a request, as deliveries have it:
// no proxy, no redirects, HTTP/1.1.
func newForwarder(timeout time.Duration, trust bool) *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			DisableCompression: true, Protocols: &protocols,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: trust}, //nolint:gosec // the person has asked for it, on their own machine
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (l *listener) show(x *exchange) {
	if l.to.output == "json" {
		line, err := json.Marshal(x)
		if err == nil { // it has only numbers and texts
			l.screen.printf("%s\n", line)
		}
		return
	}
	s := l.screen
	came, colour := strconv.Itoa(x.Status), "32"
	if x.Status == 0 {
		came = "–"
	}
	if x.Error != "" || x.Status < 200 || x.Status > 299 {
		colour = "31"
	}
	line := fmt.Sprintf("%s  %-22s  %s  %9s  %s", s.paint("2", x.Time.Local().Format("15:04:05.000")), x.EventType,
		s.paint(colour, fmt.Sprintf("%4s", came)), lasted(time.Duration(x.DurationMS*float64(time.Millisecond))), printable(x.EventID))
	if x.Error != "" {
		line += "  " + s.paint("31", printable(x.Error))
	}
	s.printf("%s\n", line)
}
