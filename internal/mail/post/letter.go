package post

import (
	"fmt"
	netmail "net/mail"
	"slices"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/mail"
)

// A letter is a message on its way: whose it is, who is to get it, and what became of that.
type letter struct {
	m        mail.Message
	delivery string // the delivery's id
	id       string // the Message-ID
	limit    int64  // for the attachments, in bytes

	from    address
	replyTo []address
	to, cc  []address
	files   []file
	omitted []omission

	open              []address // who is to get it, each once
	attempts          int       // that were made before
	had               int       // have it from earlier attempts
	accepted          []address
	refused, deferred []outcome
	flaw              reply // what is wrong with all of it
	last              reply // the server's last word about it
}

// An outcome is what the server said about a recipient.
type outcome struct {
	to string
	reply
}

// The replies that we make ourselves have the codes that a server would have given (RFC 3463,
// RFC 6531 3.7.4.1).
func badSender(err error) reply { return reply{553, "5.1.7 " + err.Error()} }
func badTarget(err error) reply { return reply{553, "5.1.3 " + err.Error()} }

const notInternational = "5.6.7 the mail server does not take addresses whose part before the @ is not ASCII (SMTPUTF8)"

// messageID is the same for each attempt, so that whoever gets a mail twice can tell.
func messageID(id, domain string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r) {
			return r
		}
		return '_'
	}, shorten(id, longestName)) + "@" + strings.Trim(domain, "[]")
}

// address reads the message's addresses.
func (l *letter) address(sender address) {
	l.from = sender
	if l.m.From != "" {
		from, err := parseAddress(l.m.From)
		if err != nil {
			l.flaw = badSender(err)
			return
		}
		l.from = from
	}
	for _, s := range l.m.ReplyTo { // one that is none does no harm: answers go to the sender
		if a, err := parseAddress(s); err == nil {
			l.replyTo = append(l.replyTo, a)
		}
	}
	seen := map[string]bool{}
	read := func(list []string) (found []address) {
		for _, s := range list {
			a, err := parseAddress(s)
			if err != nil {
				l.refused = append(l.refused, outcome{shorten(oneLine(s), longestName), badTarget(err)})
				continue
			}
			if key := a.key(); !seen[key] {
				seen[key] = true
				found, l.open = append(found, a), append(l.open, a)
			}
		}
		return found
	}
	l.to, l.cc = read(l.m.To), read(l.m.Cc)
	read(l.m.Bcc)
	if len(l.open)+len(l.refused) == 0 {
		l.flaw = badTarget(fmt.Errorf("the mail has no recipient"))
	}
}

// strike takes those out who have the mail already.
func (l *letter) strike(past []string) {
	have := make(map[string]bool, len(past))
	for _, s := range past {
		if a, err := parseAddress(s); err == nil {
			have[a.key()] = true
		}
	}
	before := len(l.open)
	l.open = slices.DeleteFunc(l.open, func(a address) bool { return have[a.key()] })
	l.had = before - len(l.open)
}

// refuse puts a recipient down whom the server does not want, or not now.
func (l *letter) refuse(a address, r reply) {
	o := outcome{a.path(), r}
	if r.code/100 == 4 {
		l.deferred = append(l.deferred, o)
	} else {
		l.refused = append(l.refused, o)
	}
}

// refuseAll does so with all that are left.
func (l *letter) refuseAll(r reply) {
	for _, a := range slices.Concat(l.accepted, l.open) {
		l.refuse(a, r)
	}
	l.accepted, l.open, l.last = nil, nil, r
}

// answer is the attempt's result.
func (l *letter) answer() *switchhook.HTTPResponse {
	is := &switchhook.HTTPResponse{}
	last := l.last
	switch {
	case l.flaw != (reply{}):
		last = l.flaw
	case len(l.deferred) > 0:
		last = l.deferred[0].reply
	case last.code/100 == 2:
	case len(l.accepted)+l.had > 0:
		// Somebody has it, and nobody else will: that the last one was refused does not undo it.
		is.Status = 250
		if last == (reply{}) && len(l.refused) == 0 {
			last = reply{250, "2.0.0 all recipients have the mail from an earlier attempt; nothing was sent"}
		}
	}
	if last == (reply{}) && len(l.refused) > 0 {
		last = l.refused[0].reply
	}
	if is.Status == 0 {
		is.Status = last.code
	}
	is.Body = last.String()
	if l.last != (reply{}) && l.last != last {
		is.Body += "\n" + l.last.String() // what became of those who got it
	}
	is.Headers = l.headers()
	return is
}

// The headers of an answer.
const (
	headerAccepted  = "accepted"
	headerDeferred  = "deferred"
	headerMessageID = "message-id"
	headerOmitted   = "omitted"
	headerRefused   = "refused"
)

func (l *letter) headers() (h switchhook.Headers) {
	var accepted, omitted []string
	for _, a := range l.accepted {
		accepted = append(accepted, a.path())
	}
	for _, o := range l.omitted {
		omitted = append(omitted, o.name+": "+o.why)
	}
	for _, each := range [...]switchhook.Header{
		{Name: headerAccepted, Value: strings.Join(accepted, ", ")},
		{Name: headerDeferred, Value: told(l.deferred)},
		{Name: headerMessageID, Value: "<" + l.id + ">"},
		{Name: headerOmitted, Value: strings.Join(omitted, "; ")},
		{Name: headerRefused, Value: told(l.refused)},
	} {
		if each.Value != "" {
			h = append(h, each)
		}
	}
	return h
}

func told(list []outcome) string {
	var words []string
	for _, o := range list {
		words = append(words, o.to+": "+o.String())
	}
	return strings.Join(words, "; ")
}

// Accepted are the addresses for which the server took the mail, as an answer's headers say.
func Accepted(answer *switchhook.HTTPResponse) []string {
	if answer == nil {
		return nil
	}
	list, err := netmail.ParseAddressList(answer.Headers.Get(headerAccepted))
	if err != nil {
		return nil
	}
	addresses := make([]string, len(list))
	for i, a := range list {
		addresses[i] = strings.Trim((&netmail.Address{Address: a.Address}).String(), "<>")
	}
	return addresses
}
