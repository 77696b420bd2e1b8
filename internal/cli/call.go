package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
)

// writeCall prints a call and its timeline for people.
func writeCall(out io.Writer, raw []byte) error {
	var c struct {
		ID, Status string
		AccountID  string `json:"account_id"`
		Call       switchhook.Call
		Legs       []switchhook.Call
		Timeline   struct {
			Items []struct {
				At       time.Time
				Event    *switchhook.Event
				Delivery *switchhook.Delivery
				Attempt  *attempt
			}
			Next *string `json:"next_cursor"`
		}
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return fmt.Errorf("the answer is no call: %w", err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Call %s in account %s: %s\n", printable(c.ID), c.AccountID, c.Status)
	writeLeg(&b, "  ", &c.Call)
	for i := range c.Legs {
		fmt.Fprintf(&b, "  leg %s\n", printable(c.Legs[i].ID))
		writeLeg(&b, "    ", &c.Legs[i])
	}
	b.WriteByte('\n')
	day := ""
	for _, e := range c.Timeline.Items {
		at := e.At.Local()
		if d := at.Format("Monday, 2 January 2006, MST"); d != day {
			day = d
			b.WriteString(day + "\n")
		}
		fmt.Fprintf(&b, "%s  ", at.Format("15:04:05.000"))
		switch {
		case e.Event != nil:
			fmt.Fprintf(&b, "%-22s %s\n", e.Event.Type, e.Event.ID)
		case e.Delivery != nil:
			fmt.Fprintf(&b, "  %s of %s to %s: %s", e.Delivery.ID, e.Delivery.EventType, e.Delivery.WebhookID, e.Delivery.State)
			if e.Delivery.Reason != "" {
				fmt.Fprintf(&b, ", %s", printable(e.Delivery.Reason))
			}
			b.WriteByte('\n')
		case e.Attempt != nil:
			fmt.Fprintf(&b, "    %s, try %d: %s\n", e.Attempt.ID, e.Attempt.Number, came(e.Attempt))
		}
	}
	if c.Timeline.Next != nil {
		fmt.Fprintf(&b, "There is more: --cursor %s\n", *c.Timeline.Next)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// came is what came back.
func came(a *attempt) string {
	took := lasted(time.Duration(a.DurationMS * float64(time.Millisecond)))
	if a.Error != "" {
		return fmt.Sprintf("%s after %s", printable(a.Error), took)
	}
	return fmt.Sprintf("%d in %s", a.Status, took)
}

// writeLeg prints what is known of a call or a leg.
func writeLeg(b *strings.Builder, indent string, c *switchhook.Call) {
	var facts []string
	if c.Direction != "" {
		facts = append(facts, c.Direction)
	}
	party := func(p *switchhook.Party) string {
		switch {
		case p == nil:
			return "?"
		case p.Name != "":
			return p.Name + " <" + p.Address + ">"
		default:
			return p.Address
		}
	}
	if c.From != nil || c.To != nil {
		facts = append(facts, party(c.From)+" → "+party(c.To))
	}
	if c.Status != "" {
		facts = append(facts, c.Status)
	}
	if c.DurationMS != nil {
		facts = append(facts, "lasted "+lasted(time.Duration(*c.DurationMS)*time.Millisecond))
	}
	if c.HangupReason != "" {
		facts = append(facts, "hung up: "+c.HangupReason)
	}
	if len(facts) > 0 {
		b.WriteString(indent + printable(strings.Join(facts, ", ")) + "\n")
	}
}

// writeRequest prints a request as HTTP/1.1 has it.
func writeRequest(out io.Writer, raw []byte) error {
	var r switchhook.HTTPRequest
	if err := json.Unmarshal(raw, &r); err != nil {
		return fmt.Errorf("the answer is no request: %w", err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\n", r.Method, r.URL)
	for _, h := range r.Headers {
		fmt.Fprintf(&b, "%s: %s\n", h.Name, h.Value)
	}
	fmt.Fprintf(&b, "\n%s\n", r.Body)
	text := b.String()
	if widthOf(out) > 0 { // others have written what is in it: it does nothing to a terminal
		lines := strings.Split(text, "\n")
		for i := range lines {
			lines[i] = printable(lines[i])
		}
		text = strings.Join(lines, "\n")
	}
	_, err := io.WriteString(out, text)
	return err
}
