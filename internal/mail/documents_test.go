package mail_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/mail"
)

// docs/notifications.md is made of the definitions: make generate.
func TestDocuments(t *testing.T) {
	t.Parallel()
	golden(t, "../../docs/notifications.md", []byte(notifications()))
}

func notifications() string {
	var b strings.Builder
	b.WriteString(`<!-- generated from the code by ` + "`make generate`" + ` -->

# Notifications

Every notification that Switchhook has a template for: Kazoo's, by the same ids, with the same macros, and words of our own. An account inherits each part of a
template (subject, text, HTML, addresses, whether it is sent) from the account above, and in the end from the ones below, which are built in.

**To** says whom it goes to until an account changes that: ` + "`original`" + `: whom the event names, or what the directory knows of the mailbox, fax box, user or port request;
` + "`admins`" + `: the account's administrators; ` + "`specified`" + `: the template's own addresses, of which there are none at first. A template's
addresses are templates too: ` + "`{{ user.email }}`" + `. An event can say whom its mail goes to, under ` + "`notification`" + ` as Kazoo has it: ` + "`to`, `cc`, `bcc`, `from`, `reply_to`" + ` are a text, a list, or
an object of ` + "`type` and `email_addresses`" + `, whose type goes before the template's; ` + "`subject`, `text`, `html`" + ` (as it is, or in base64) are in the place of the template's, and
` + "`attachment_url`" + ` is attached. With ` + "`preview`" + ` the mail goes to those whom the event names and to nobody else. An emergency call is told to the contacts of the emergency address, where the event has any.

A macro that is not known is not there: ` + "`{% if caller_id.name %}`" + `. Macros are for people: a number reads +1 202-555-0143, money has two digits, and texts are cut that are
too long to read (500 letters; 10,000 where there are several lines; 100 items or 8 KiB of a list, and ` + "`NAME_left_out`" + ` says how many more there are). ` + "`event`" + ` has
all of the event's data as it came, such as ` + "`event.call.from.address`" + `. What Kazoo's own templates use beside the macros that it lists (` + "`fax.from`, `owner.first_name`, `port_request.losing_carrier`" + `) is there as well. Times are for the filter ` + "`date`" + `: ` + "`{{ date_called.local|date:\"l, j F Y, H:i\" }}`" + `.

| template | when | event | to |
|---|---|---|---|
`)
	all := mail.Definitions()
	for _, d := range all {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s | %s |\n", d.ID, d.ID, d.Name, events(d), d.To.Type)
	}
	b.WriteString("\n## Macros of every template\n\n| macro | meaning | sample |\n|---|---|---|\n")
	missed, _ := mail.Lookup("missed_call")
	everywhere := []string{"account.", "system.", "brand."}
	common := func(m mail.Macro) bool {
		return slices.ContainsFunc(everywhere, func(p string) bool { return strings.HasPrefix(m.Name, p) })
	}
	for _, m := range missed.Macros {
		if common(m) {
			row(&b, m)
		}
	}
	row(&b, mail.Macro{Name: "event", Meaning: "The event's data; in `first_occurrence` what happened"})
	row(&b, mail.Macro{Name: "reseller.id", Meaning: "and `.name`, `.realm`, `.timezone`, `.language`: the nearest account above that resells"})
	for _, d := range all {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\nCategory `%s`, event %s, to `%s`. Subject:\n\n```\n%s\n```\n", d.ID, d.Description, d.Category, events(d), d.To.Type, d.Subject)
		b.WriteString("\n| macro | meaning | sample |\n|---|---|---|\n")
		for _, m := range d.Macros {
			if !common(m) {
				row(&b, m)
			}
		}
	}
	return b.String()
}

func events(d mail.Definition) string {
	if len(d.Events) == 0 {
		return "by `notification.custom` only"
	}
	return "`" + strings.Join(d.Events, "`, `") + "`"
}

func row(b *strings.Builder, m mail.Macro) {
	sample := ""
	if m.Sample != "" {
		sample = "`" + strings.ReplaceAll(m.Sample, "|", `\|`) + "`"
	}
	fmt.Fprintf(b, "| `%s` | %s | %s |\n", m.Name, strings.NewReplacer("{%", "`{%", "%}", "%}`", "<img", "`<img", "logo\">", "logo\">`").Replace(m.Meaning), sample)
}
