package api

import (
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/switchhook/switchhook"
	notify "github.com/switchhook/switchhook/internal/mail"
)

const (
	// longestPart is how long the source of a part of a template may be, in bytes.
	longestPart = 64 << 10
	// longestLine is how long that of what stands in one line of a mail's head may be.
	longestLine = 4 << 10
	// mostAddresses is how many addresses each list of a template may have.
	mostAddresses = 100
	// mostRendered is how many of them may be in the template language.
	mostRendered = 10
	// mostSentTo is how many a person may give with one mail.
	mostSentTo = 10
	// longestAddress is more than any address needs (RFC 5321 4.5.3.1), with a name.
	longestAddress = 500
)

var templateID = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// A partCheck gathers what is wrong with the parts of a template.
type partCheck struct{ wrong []switchhook.FieldError }

func (c *partCheck) bad(field, format string, args ...any) {
	if len(c.wrong) < mostErrors {
		c.wrong = append(c.wrong, switchhook.FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
	}
}

func (c *partCheck) parts(own OwnParts) {
	if own.Name != nil && (utf8.RuneCountInString(*own.Name) > longestTitle || strings.TrimSpace(*own.Name) == "") {
		c.bad("name", "expected 1 to %d characters", longestTitle)
	}
	for _, part := range []struct {
		name    string
		text    *string
		longest int
	}{
		{"subject", own.Subject, longestLine},
		{"text", own.Text, longestPart},
		{"html", own.HTML, longestPart},
		{"from", own.From, longestLine},
		{"reply_to", own.ReplyTo, longestLine},
	} {
		if part.text != nil {
			c.source(part.name, *part.text, part.longest)
		}
	}
	if own.From != nil && !dynamic(*own.From) && *own.From != "" && !isAddress(*own.From) {
		c.bad("from", "expected a mail address such as Acme <info@acme.example>, or nothing")
	}
	if own.ReplyTo != nil && !dynamic(*own.ReplyTo) && *own.ReplyTo != "" {
		if _, err := mail.ParseAddressList(*own.ReplyTo); err != nil {
			c.bad("reply_to", "expected mail addresses with commas between them, or nothing")
		}
	}
	c.addresses("to", own.To)
	c.addresses("cc", own.Cc)
	c.addresses("bcc", own.Bcc)
}

// source compiles a part.
func (c *partCheck) source(field, text string, longest int) {
	if len(text) > longest {
		c.bad(field, "expected at most %d KiB", longest>>10)
		return
	}
	if err := notify.Check(field, text); err != nil {
		c.bad(field, "%s", err)
	}
}

func (c *partCheck) addresses(field string, a *switchhook.Addresses) {
	if a == nil {
		return
	}
	if !slices.Contains([]string{switchhook.AddressesOriginal, switchhook.AddressesSpecified, switchhook.AddressesAdmins}, a.Type) {
		c.bad(field+".type", "expected original, specified or admins")
	}
	field += ".email_addresses"
	if len(a.EmailAddresses) > mostAddresses {
		c.bad(field, "expected at most %d", mostAddresses)
		return
	}
	rendered := 0
	for i, address := range a.EmailAddresses {
		at := fmt.Sprintf("%s[%d]", field, i)
		switch {
		case len(address) > longestAddress:
			c.bad(at, "expected at most %d bytes", longestAddress)
		case dynamic(address):
			if rendered++; rendered == mostRendered+1 {
				c.bad(field, "expected at most %d that are written in the template language", mostRendered)
			}
			if err := notify.Check("to", address); err != nil {
				c.bad(at, "%s", err)
			}
		case !isAddress(address):
			c.bad(at, "expected a mail address such as ada@example.com or Ada <ada@example.com>")
		}
	}
}

// plainList checks addresses in which nothing is of the template language.
func (c *partCheck) plainList(field string, addresses []string) {
	if len(addresses) > mostSentTo {
		c.bad(field, "expected at most %d", mostSentTo)
		return
	}
	for i, address := range addresses {
		if !isAddress(address) {
			c.bad(fmt.Sprintf("%s[%d]", field, i), "expected a mail address such as ada@example.com or Ada <ada@example.com>")
		}
	}
}

// dynamic reports whether there is something of the template language in a text.
func dynamic(text string) bool { return strings.Contains(text, "{{") || strings.Contains(text, "{%") }

// isAddress reports whether a text is an address as mails have it (RFC 5322).
func isAddress(text string) bool {
	_, err := mail.ParseAddress(text)
	return err == nil
}
