package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/client"
)

func newTail() *cobra.Command {
	to, newest, attempts := &remote{}, 0, false
	o := operationOf("stream-events")
	cmd := &cobra.Command{
		Use: "tail", Short: "Follow events live", GroupID: groupDevelop,
		Long: `Show each event as it is accepted, or with --attempts each try to deliver one. When
the connection is lost or the server restarts, it goes on where it was.
` + aboutRemote,
		Example: examples(`
tail
tail --type 'call.*' --number +12025550143
tail --account-id acme --newest 20
tail --attempts
tail --output json | jq -r 'select(.type == "call.missed") | .data.call.from.address'`),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("it is: switchhook tail [--type TYPE …]; %q is too much", args[0])
			}
			return nil
		},
	}
	to.flags(cmd, "text, or json: a line for each")
	filters := queryFlags(cmd, o)
	cmd.Flags().IntVarP(&newest, "newest", "n", 0, "begin with so many of the newest, 200 at most")
	cmd.Flags().BoolVar(&attempts, "attempts", false, "follow the tries to deliver; only --account-id narrows these")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := to.client()
		if err != nil {
			return err
		}
		query, err := filters()
		if err != nil {
			return err
		}
		if newest > 0 {
			query.Set("backlog", strconv.Itoa(newest))
		}
		s := newScreen(cmd.OutOrStdout())
		path, show := "/v1/events/stream", s.event
		if attempts {
			path, show = "/v1/attempts/stream", s.tried
		}
		r := client.Request{Method: http.MethodGet, Path: path, Query: query}
		return c.Follow(cmd.Context(), r, connection(cmd.ErrOrStderr(), "Following."), func(m client.Message) error {
			if to.output == "json" {
				s.printf("%s\n", m.Data)
				return nil
			}
			return show(m.Data)
		})
	}
	return cmd
}

// event shows a line of an event.
func (s *screen) event(data []byte) error {
	var ev switchhook.Event
	if err := json.Unmarshal(data, &ev); err != nil {
		return fmt.Errorf("the server has sent what is no event: %w", err)
	}
	family, _, _ := strings.Cut(ev.Type, ".")
	colours := map[string]string{"call": "36", "leg": "34", "message": "32", "voicemail": "32", "queuecall": "35", "agent": "35", "record": "33"}
	about := between(ev.Data)
	if about == "" {
		about = ev.Key
	}
	s.printf("%s  %s  %-12s  %s  %s\n", s.paint("2", ev.AcceptedAt.Local().Format("15:04:05.000")),
		s.paint(colours[family], fmt.Sprintf("%-22s", ev.Type)), ev.AccountID, printable(ev.ID), printable(about))
	return nil
}

// between is who speaks with whom.
func between(data []byte) string {
	var d struct {
		Call    *switchhook.Call
		Message *switchhook.Message
	}
	if json.Unmarshal(data, &d) != nil { // data of one's own can call anything a call
		return ""
	}
	switch {
	case d.Call != nil && (d.Call.From != nil || d.Call.To != nil):
		var from, to switchhook.Party
		if d.Call.From != nil {
			from = *d.Call.From
		}
		if d.Call.To != nil {
			to = *d.Call.To
		}
		return from.Address + " → " + to.Address
	case d.Message != nil && d.Message.From+d.Message.To != "":
		return d.Message.From + " → " + d.Message.To
	default:
		return ""
	}
}

// tried shows a line of an attempt.
func (s *screen) tried(data []byte) error {
	var a attempt
	if err := json.Unmarshal(data, &a); err != nil {
		return fmt.Errorf("the server has sent what is no attempt: %w", err)
	}
	s.printf("%s  %-22s  %s  try %d  %s  %s\n", s.paint("2", a.StartedAt.Local().Format("15:04:05.000")), a.EventType,
		a.WebhookID, a.Number, s.paint(statusColour(&a), came(&a)), printable(a.EventID))
	return nil
}
