package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/client"
	"github.com/switchhook/switchhook/internal/ordjson"
	"github.com/switchhook/switchhook/internal/sim"
)

// A trigger sends an event as if a phone system had told it.
type trigger struct {
	to       remote
	account  string
	id, key  string
	occurred string
	set      []string
	scenario string
	fast     bool
	list     bool
}

func newTrigger() *cobra.Command {
	t := &trigger{}
	var about strings.Builder
	for _, s := range sim.Scenarios() {
		fmt.Fprintf(&about, "  %-15s %s\n", s.Name, s.About)
	}
	cmd := &cobra.Command{
		Use: "trigger TYPE", Short: "Send a sample event, or all events of a call", GroupID: groupDevelop,
		Long: `Send the sample of an event type, as if a phone system had told it: it is accepted,
kept, and goes to every webhook that wants it. Its ids are new ones and its times are
now, each time; --set puts other values into its data. What has one of the sample's
ids, such as call.id, gets the new value wherever the id stands.

With --scenario everything happens that a phone system tells of such a call:

` + about.String() + aboutRemote,
		Example: examples(`
trigger call.answered
trigger call.hungup --set call.id=call-1 --set call.from.address=+12025550143 --set call.duration_ms=61000
trigger message.received --account-id acme --set 'message.text=Are you open today?'
trigger custom.order_paid --set order:='{"id":7}'
trigger --scenario inbound-call
trigger --list`),
		Args: func(_ *cobra.Command, args []string) error {
			if n := len(args); n > 1 || (n == 1) == (t.scenario != "" || t.list) {
				return usage("it is: switchhook trigger TYPE, or --scenario NAME; --list has both")
			}
			return nil
		},
		ValidArgsFunction: func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return t.to.complete(cmd.Context(), operationOf("list-event-types"), "type", "description"), cobra.ShellCompDirectiveNoFileComp
		},
	}
	t.to.flags(cmd, "text, or json (the server's answer)")
	f := cmd.Flags()
	f.StringVar(&t.account, "account-id", "", "the account that it happens in (default: the key's)")
	f.StringVar(&t.id, "id", "", "the event's id (default: one is made)")
	f.StringVar(&t.key, "key", "", "what it is ordered by (default: the call, or what it is about)")
	f.StringVar(&t.occurred, "occurred-at", "", "when it happened: a time, or how long ago, such as 90m (default: now)")
	f.StringArrayVar(&t.set, "set", nil, "path=value, or path:=JSON: puts it into the data; repeat it")
	f.StringVar(&t.scenario, "scenario", "", "all events of a call, or of something else that happens")
	f.BoolVar(&t.fast, "fast", false, "the scenario takes no time")
	f.BoolVar(&t.list, "list", false, "list the types and the scenarios")
	var names []string
	for _, s := range sim.Scenarios() {
		names = append(names, cobra.CompletionWithDesc(s.Name, s.About))
	}
	_ = cmd.RegisterFlagCompletionFunc("scenario", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := t.to.client()
		if err != nil {
			return err
		}
		switch {
		case t.list:
			return t.names(cmd.Context(), c, cmd.OutOrStdout())
		case t.scenario != "":
			return t.play(cmd.Context(), c, newScreen(cmd.OutOrStdout()))
		default:
			return t.send(cmd.Context(), c, args[0], cmd.OutOrStdout())
		}
	}
	return cmd
}

type eventType struct {
	Type, Description string
	Sample            json.RawMessage
}

func (t *trigger) names(ctx context.Context, c *client.Client, out io.Writer) error {
	var page struct{ Items []eventType }
	if err := c.Get(ctx, "/v1/event-types", url.Values{"limit": {"500"}}, &page); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("Scenarios:\n")
	for _, s := range sim.Scenarios() {
		fmt.Fprintf(&b, "  %-28s %s\n", s.Name, s.About)
	}
	b.WriteString("\nTypes:\n")
	for _, e := range page.Items {
		fmt.Fprintf(&b, "  %-28s %s\n", e.Type, e.Description)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// send sends the sample of a type.
func (t *trigger) send(ctx context.Context, c *client.Client, name string, out io.Writer) error {
	var typ eventType
	if err := c.Get(ctx, "/v1/event-types/"+url.PathEscape(name), nil, &typ); err != nil {
		return err
	}
	data := freshen(typ.Sample, time.Now())
	for _, assignment := range t.set {
		var err error
		if data, err = overlay(data, assignment); err != nil {
			return err
		}
	}
	var event ordjson.Object
	event.Set("type", ordjson.String(name))
	for member, value := range map[string]string{"account_id": t.account, "id": t.id, "key": t.key} {
		if value != "" {
			event.Set(member, ordjson.String(value))
		}
	}
	if t.occurred != "" {
		at, err := when(t.occurred, time.Now())
		if err != nil {
			return usage("--occurred-at: %w", err)
		}
		event.Set("occurred_at", ordjson.String(at))
	}
	event.Set("data", data)
	raw, err := c.Do(ctx, client.Request{Method: http.MethodPost, Path: "/v1/events", Body: event.Append(nil)})
	if err != nil || t.to.output == "json" {
		return errors.Join(err, writeIf(err == nil, out, raw))
	}
	var accepted struct{ Events []switchhook.Receipt }
	if err := json.Unmarshal(raw, &accepted); err != nil || len(accepted.Events) != 1 {
		return errors.New("the server has answered something else than a receipt")
	}
	_, err = io.WriteString(out, told(name, accepted.Events[0].ID, accepted.Events[0].Deliveries, accepted.Events[0].Duplicate))
	return err
}

func writeIf(ok bool, out io.Writer, raw []byte) error {
	if !ok {
		return nil
	}
	return writeJSON(out, raw)
}

// told is a line for an event that was accepted.
func told(name, id string, deliveries int, duplicate bool) string {
	switch {
	case duplicate:
		return fmt.Sprintf("%-22s %s: it was there before, and nothing is sent\n", name, id)
	case deliveries == 1:
		return fmt.Sprintf("%-22s %s: 1 delivery\n", name, id)
	default:
		return fmt.Sprintf("%-22s %s: %d deliveries\n", name, id, deliveries)
	}
}

//nolint:gochecknoglobals // compiled once
var (
	uuids     = regexp.MustCompile(`"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"`)
	instants  = regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"`)
	fixedUUID = `"00000000-` // what stands for no id, and for the first step of a flow
)

// freshen gives a sample ids that nothing else has, and times that end now.
func freshen(sample []byte, now time.Time) []byte {
	ids := map[string]string{}
	sample = uuids.ReplaceAllFunc(sample, func(id []byte) []byte {
		if strings.HasPrefix(string(id), fixedUUID) {
			return id
		}
		if ids[string(id)] == "" {
			ids[string(id)] = `"` + uuid.NewString() + `"`
		}
		return []byte(ids[string(id)])
	})
	var last time.Time
	for _, text := range instants.FindAll(sample, -1) {
		if at, err := time.Parse(`"`+time.RFC3339Nano+`"`, string(text)); err == nil && at.After(last) {
			last = at
		}
	}
	return instants.ReplaceAllFunc(sample, func(text []byte) []byte {
		at, err := time.Parse(`"`+time.RFC3339Nano+`"`, string(text))
		if err != nil {
			return text
		}
		return []byte(`"` + now.Add(at.Sub(last)).UTC().Format(time.RFC3339Nano) + `"`)
	})
}

// overlay puts a value into data: path=value keeps the kind of what is there, path:=JSON
// is what it says.
func overlay(data []byte, assignment string) ([]byte, error) {
	name, text, ok := strings.Cut(assignment, "=")
	if !ok || strings.Trim(name, ":") == "" {
		return nil, usage("--set %q is neither path=value nor path:=JSON", assignment)
	}
	literal, isJSON := strings.CutSuffix(name, ":")
	path := strings.Split(literal, ".")
	before := at(data, path)
	value := json.RawMessage(text)
	switch {
	case isJSON && !json.Valid(value):
		return nil, usage("--set %s: %s is no JSON", literal, text)
	case isJSON:
	case before == nil || before[0] == '"':
		value = ordjson.String(text)
		if uuids.Match(before) { // an id of the sample's, wherever it stands
			data = []byte(strings.ReplaceAll(string(data), string(before), string(value)))
		}
	case !json.Valid(value) || !alike(value[0], before[0]):
		return nil, usage("--set %s: expected a value as the sample's %s, got %q; %s:=JSON takes any", literal, ordjson.Brief(before), text, literal)
	}
	body, err := ordjson.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("the sample is no object: %w", err)
	}
	set(&body, path, value)
	return body.Append(nil), nil
}

// at is the value at a path, nil if there is none.
func at(data []byte, path []string) json.RawMessage {
	value := json.RawMessage(data)
	for _, name := range path {
		o, err := ordjson.Parse(value)
		if err != nil {
			return nil
		}
		if value = o.Get(name); value == nil {
			return nil
		}
	}
	return value
}

// alike reports whether two JSON values are of a kind, by how they begin.
func alike(a, b byte) bool {
	kind := func(c byte) string {
		switch {
		case c == '-' || c >= '0' && c <= '9':
			return "number"
		case c == 't' || c == 'f':
			return "boolean"
		default:
			return string(c)
		}
	}
	return kind(a) == kind(b)
}

// play lets a scenario happen.
func (t *trigger) play(ctx context.Context, c *client.Client, s *screen) error {
	if !slices.ContainsFunc(sim.Scenarios(), func(sc sim.Scenario) bool { return sc.Name == t.scenario }) {
		return usage("there is no scenario %q; switchhook trigger --list has them", t.scenario)
	}
	if len(t.set) > 0 || t.id != "" || t.key != "" || t.occurred != "" {
		return usage("--set, --id, --key and --occurred-at are for a single event, not for a scenario")
	}
	// The phone system tries for ever: what is wrong for good is found out before.
	if err := c.Get(ctx, "/v1/event-types", url.Values{"limit": {"1"}}, &struct{}{}); err != nil {
		return err
	}
	phone := &sim.Phone{Client: &sim.Client{URL: c.URL, Key: c.Key}, Account: t.account}
	return phone.Play(ctx, t.scenario, t.fast, func(a sim.Accepted) {
		if t.to.output == "json" {
			if line, err := json.Marshal(map[string]any{"type": a.Type, "id": a.ID, "deliveries": a.Deliveries}); err == nil { // texts and a number
				s.printf("%s\n", line)
			}
			return
		}
		s.printf("%s", told(a.Type, a.ID, a.Deliveries, a.Duplicate))
	})
}
