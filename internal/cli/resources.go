package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/switchhook/switchhook/internal/client"
)

// A resource is what a group of commands is about. One that the API has and this table
// has not gets its commands all the same.
type resource struct {
	name    string
	about   string
	example string // without the program's name
}

func resources() []resource {
	return []resource{
		{"webhooks", "Where events go, and in which shape", `
webhooks list
webhooks create url=https://example.com/hook events='call.*,voicemail.new'
webhooks create url=https://example.com/k events=kazoo:channel_destroy dialect=kazoo format=form retry.policy=kazoo
webhooks update wh_… filter='data.call.direction == "inbound"' headers.X-Team=sales
webhooks update wh_… filter:=null
webhooks test wh_… type=call.answered
webhooks preview wh_… --type call.hungup`},
		{"events", "What happened, as it was accepted", `
events list --type 'call.*' --number +12025550143 --since 1h
events get evt_… --output json
events deliveries evt_…
events send type=call.created data.call.id=call-1 data.call.direction=inbound
events send --body @events.ndjson`},
		{"attempts", "Each try to deliver: what was sent, and what came back", `
attempts list --webhook-id wh_… --outcome failure
attempts get att_…`},
		{"deliveries", "What became of each event for each webhook", `
deliveries list --state failed --since 24h
deliveries retry msg_…`},
		{"calls", "Calls, and all that happened to each", `
calls list --status open
calls list --number +12025550143 --since '2026-01-31 09:00'
calls get call-1`},
		{"templates", "The words of mails and text messages, and whom they go to", `
templates list
templates get voicemail_to_email
templates update voicemail_to_email subject='Voicemail from {{ caller_id.name }}' to.type=specified to.email_addresses=team@example.com
templates update voicemail_to_email subject:=null
templates preview voicemail_to_email event_id=evt_… send_to=me@example.com
templates versions voicemail_to_email
templates restore voicemail_to_email 2
templates revert voicemail_to_email`},
		{"mails", "Each mail and text message, and what became of it", `
mails list --to ada@example.com --since 7d
mails get att_…
mails resend att_…`},
		{"mail", "Whether there is a mail server, and how it fares", ``},
		{"customer-updates", "Messages to the people of accounts", `
customer-updates create account_id=acme subject='Maintenance on Saturday' text='Calls may be interrupted.' dry_run=true`},
		{"accounts", "Tenants, as a tree", `
accounts create id=acme name='Acme Ltd'
accounts update acme flow_webhooks=true`},
		{"api-keys", "Keys that open an account", `
api-keys list
api-keys create role=viewer name=laptop account_id=acme expires_at=2027-01-31
api-keys delete key_…`},
		{"records", "The directory: numbers, extensions, queues and whatever else belongs to an account", `
records list --schema number
records put number did-100 number=+12025550100 description='Main line'
records delete number did-100`},
		{"sources", "Phone systems that tell events", `
sources create id=pbx kind=voipbin
sources rejects pbx`},
		{"jobs", "Replays, and how far they are (see switchhook replay)", `
jobs list --state running
jobs cancel job_…`},
		{"event-types", "The catalogue: every type with its schema, a sample, and what each dialect sends", `
event-types list
event-types get call.answered`},
		{"dialect-ids", "What each dialect calls things, where an operator has said so", ``},
		{"info", "What runs there", ``},
	}
}

// groupAPI is the heading of these commands in the help.
const groupAPI = "api"

// resourceCommands makes a command of every operation of the API.
func resourceCommands() []*cobra.Command {
	var all []*cobra.Command
	known := resources()
	for i := range operations() {
		o := &operations()[i]
		if slices.ContainsFunc(all, func(c *cobra.Command) bool { return c.Name() == o.resource() }) {
			continue
		}
		r := resource{name: o.resource(), about: o.Summary}
		if i := slices.IndexFunc(known, func(k resource) bool { return k.name == r.name }); i >= 0 {
			r = known[i]
		}
		all = append(all, newResource(r))
	}
	slices.SortFunc(all, func(a, b *cobra.Command) int {
		at := func(c *cobra.Command) int {
			return slices.IndexFunc(known, func(k resource) bool { return k.name == c.Name() })
		}
		return at(a) - at(b)
	})
	return all
}

func newResource(r resource) *cobra.Command {
	cmd := &cobra.Command{
		Use: r.name, Short: r.about, GroupID: groupAPI, Example: examples(r.example),
		Long: r.about + ".\n" + aboutRemote,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("there is no command %q; switchhook %s --help lists those that are", r.name+" "+args[0], r.name)
			}
			return cmd.Help()
		},
	}
	to := &remote{}
	to.flags(cmd, "text (tables and such) or json (what the API answers)")
	for i := range operations() {
		if o := &operations()[i]; o.resource() == r.name && !o.streams() {
			cmd.AddCommand(newVerb(to, o))
		}
	}
	return cmd
}

// examples puts the program's name before each line.
func examples(lines string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSpace(lines)) {
		b.WriteString("  switchhook " + line)
	}
	return b.String()
}

func newVerb(to *remote, o *operation) *cobra.Command {
	use, n := o.verb(), len(o.params())
	for _, name := range o.params() {
		use += " " + strings.ToUpper(name)
	}
	takesBody := o.Body != nil || o.Free
	if takesBody {
		use += " [FIELD=VALUE]…"
	}
	cmd := &cobra.Command{
		Use: use, Short: o.Summary, Long: strings.TrimSuffix(o.Summary, ".") + ".\n\n" + wrap(o.About, "", 80) + aboutFields(o),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return suggest(cmd.Context(), to, o, args)
		},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < n || len(args) > n && !takesBody {
				return usage("it is: switchhook %s %s", o.resource(), use)
			}
			return nil
		},
	}
	flags := queryFlags(cmd, o)
	var whole string
	var all bool
	if takesBody {
		cmd.Flags().StringVar(&whole, "body", "", "JSON to begin with: as it stands, @FILE, or - for the standard input")
	}
	if o.List {
		cmd.Flags().BoolVar(&all, "all", false, "all pages, not only one")
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := to.client()
		if err != nil {
			return err
		}
		query, err := flags()
		if err != nil {
			return err
		}
		r := request(o, args, query, nil)
		if takesBody {
			if r.Body, err = bodyOf(o, whole, cmd.InOrStdin(), args[n:]); err != nil {
				return err
			}
			if r.Body == nil && o.Required {
				return usage("nothing is said of it: give fields as name=value%s, or --body", known(o))
			}
			r.Type = mediaType(r.Body)
		}
		p := &printer{cmd: cmd, o: o, json: to.output == "json"}
		if o.List {
			return p.list(c, r, all)
		}
		return p.one(c, r)
	}
	return cmd
}

// mediaType tells JSON from NDJSON.
func mediaType(body []byte) string {
	if len(body) > 0 && !json.Valid(body) && strings.Contains(string(body), "\n") {
		return "application/x-ndjson"
	}
	return ""
}

// queryFlags makes a flag of each parameter. What it returns reads them.
func queryFlags(cmd *cobra.Command, o *operation) func() (url.Values, error) {
	for _, f := range o.Query {
		name := flagOf(f.Name)
		switch f.Kind {
		case list:
			cmd.Flags().StringSlice(name, nil, f.Doc)
		case boolean:
			cmd.Flags().Bool(name, false, f.Doc)
		case integer:
			cmd.Flags().Int(name, 0, f.Doc)
		case instant:
			cmd.Flags().String(name, "", f.Doc+" A time, or how long ago, such as 90m or 7d.")
		case text, number, object:
			cmd.Flags().String(name, "", f.Doc)
		}
		if len(f.Enum) > 0 {
			_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(f.Enum, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
		}
	}
	return func() (url.Values, error) {
		query := url.Values{}
		for _, f := range o.Query {
			flag := cmd.Flags().Lookup(flagOf(f.Name))
			if !flag.Changed {
				continue
			}
			value := flag.Value.String()
			if texts, ok := flag.Value.(pflag.SliceValue); ok {
				value = strings.Join(texts.GetSlice(), ",")
			}
			if f.Kind == instant {
				var err error
				if value, err = when(value, now()); err != nil {
					return nil, usage("--%s: %w", flag.Name, err)
				}
			}
			query.Set(f.Name, value)
		}
		return query, nil
	}
}

func flagOf(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }

// suggest completes an argument: an id of what the server has, or a field.
func suggest(ctx context.Context, to *remote, o *operation, args []string) ([]string, cobra.ShellCompDirective) {
	params := o.params()
	if len(args) < len(params) {
		name := params[len(args)]
		list := operationOf("list-" + o.resource())
		return to.complete(ctx, list, name, map[bool]string{true: "description", false: "name"}[name == "type"]), cobra.ShellCompDirectiveNoFileComp
	}
	var all []string
	for _, f := range o.Body {
		all = append(all, cobra.CompletionWithDesc(f.Name+"=", f.Doc))
		for _, value := range f.Enum {
			all = append(all, f.Name+"="+value)
		}
	}
	return all, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// aboutFields lists what can be said as FIELD=VALUE.
func aboutFields(o *operation) string {
	if len(o.Body) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n\nFields, each as name=value, or name:=JSON as it stands (null goes back to the default):\n")
	for _, f := range o.Body {
		what := map[kind]string{list: " (a list, by commas)", object: " (a JSON object; or " + f.Name + ".member=value)", boolean: " (true or false)", instant: " (a time, or how long ago)"}[f.Kind]
		if len(f.Enum) > 0 {
			what = " (" + strings.Join(f.Enum, ", ") + ")"
		}
		fmt.Fprintf(&b, "  %s%s\n%s\n", f.Name, what, wrap(f.Doc, "      ", 80))
	}
	return strings.TrimRight(b.String(), "\n")
}

// wrap breaks a text into lines.
func wrap(text, indent string, width int) string {
	var b strings.Builder
	line := indent
	for word := range strings.FieldsSeq(text) {
		if len(line)+len(word) > width && line != indent {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = indent
		}
		line += word + " "
	}
	b.WriteString(strings.TrimRight(line, " "))
	return b.String()
}

// A printer makes a request and prints the answer.
type printer struct {
	cmd  *cobra.Command
	o    *operation
	json bool
}

func (p *printer) list(c *client.Client, r client.Request, all bool) error {
	out := p.cmd.OutOrStdout()
	if all && !p.cmd.Flags().Changed("limit") {
		r.Query.Set("limit", "500")
	}
	var items []json.RawMessage
	var next *string
	for {
		raw, err := c.Do(p.cmd.Context(), r)
		if err != nil {
			return err
		}
		var page struct {
			Items []json.RawMessage `json:"items"`
			Next  *string           `json:"next_cursor"`
		}
		if err := json.Unmarshal(raw, &page); err != nil {
			return fmt.Errorf("the answer is no list: %w", err)
		}
		if p.json && !all {
			return writeJSON(out, raw)
		}
		items, next = append(items, page.Items...), page.Next
		if next == nil || !all {
			break
		}
		r.Query.Set("cursor", *next)
	}
	if p.json {
		raw, err := json.Marshal(map[string]any{"items": append([]json.RawMessage{}, items...), "next_cursor": nil})
		if err != nil {
			return err
		}
		return writeJSON(out, raw)
	}
	if len(items) == 0 && next == nil {
		fmt.Fprintln(p.cmd.ErrOrStderr(), "There is none.")
		return nil
	}
	t := newTable(p.o.Item, append(items, nil)[0])
	for _, item := range items {
		t.add(item)
	}
	if err := t.write(out); err != nil {
		return err
	}
	if next != nil {
		fmt.Fprintf(p.cmd.ErrOrStderr(), "There is more: --all, or --cursor %s\n", *next)
	}
	return nil
}

func (p *printer) one(c *client.Client, r client.Request) error {
	raw, err := c.Do(p.cmd.Context(), r)
	if err != nil {
		return err
	}
	out := p.cmd.OutOrStdout()
	switch {
	case len(raw) == 0 && r.Method == http.MethodDelete && !p.json:
		_, err = io.WriteString(out, "Deleted.\n")
	case len(raw) == 0:
	case p.json:
		err = writeJSON(out, raw)
	case p.o.Item == "CallDetail":
		err = writeCall(out, raw)
	case p.o.Item == "HTTPRequest":
		err = writeRequest(out, raw)
	default:
		err = describe(out, raw)
	}
	if err != nil || p.o.ID != "test-webhook" {
		return err
	}
	var at attempt
	if err := json.Unmarshal(raw, &at); err == nil && at.Error != "" {
		return fmt.Errorf("the attempt failed: %s", at.Error)
	}
	return nil
}
