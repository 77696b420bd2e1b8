package kamailio

import (
	"cmp"
	"iter"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/internal/source"
)

// A uri is who a SIP or tel URI is about (RFC 3261 section 19.1, RFC 3966).
type uri struct{ user, host string }

// parseURI reads as much of one as is needed here. What is none has neither user nor host.
func parseURI(s text) uri {
	scheme, rest, ok := strings.Cut(strings.TrimSpace(string(s)), ":")
	if !ok {
		return uri{}
	}
	rest, _, _ = strings.Cut(rest, "?")
	if strings.EqualFold(scheme, "tel") {
		number, _, _ := strings.Cut(rest, ";")
		return uri{user: number}
	}
	user, host := "", rest
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		user, host = rest[:i], rest[i+1:]
	}
	host, _, _ = strings.Cut(host, ";")
	if strings.HasPrefix(host, "[") { // IPv6
		host, _, _ = strings.Cut(host[1:], "]")
	} else {
		host, _, _ = strings.Cut(host, ":")
	}
	return uri{userOf(user), strings.ToLower(host)}
}

// userOf is a user without parameters (RFC 3966 in a SIP URI), password and realm.
func userOf(s string) string {
	s, _, _ = strings.Cut(s, "@")
	s, _, _ = strings.Cut(s, ";")
	s, _, _ = strings.Cut(s, ":")
	if plain, err := url.PathUnescape(s); err == nil {
		return strings.ToValidUTF8(plain, "\uFFFD")
	}
	return s
}

func (u uri) address() string {
	if u.user == "" || u.host == "" {
		return u.user + u.host
	}
	return u.user + "@" + u.host
}

var escaped = regexp.MustCompile(`(?s)\\(.)`)

// displayName is a name as it is shown: without its quotes, and what they escape (RFC 3261,
// section 25.1).
func displayName(s text) string {
	quoted, ok := strings.CutPrefix(strings.TrimSpace(string(s)), `"`)
	if !ok {
		return quoted
	}
	return escaped.ReplaceAllString(strings.TrimSuffix(quoted, `"`), "$1")
}

// contactURI is the URI in a Contact, which has parameters of its own outside of < and >.
func contactURI(contact string) string {
	if _, rest, ok := strings.Cut(contact, "<"); ok {
		inner, _, _ := strings.Cut(rest, ">")
		return inner
	}
	plain, _, _ := strings.Cut(contact, ";")
	return strings.TrimSpace(plain)
}

// expiresOf is the expires parameter of a Contact.
func expiresOf(contact string) string {
	params := contact
	if i := strings.LastIndexByte(contact, '>'); i >= 0 {
		params = contact[i+1:]
	}
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(name, "expires") {
			return strings.Trim(value, `" `)
		}
	}
	return ""
}

// splitContacts are the Contacts of a header, which may have several with commas between
// them, and commas in names and URIs.
func splitContacts(header string) iter.Seq[string] {
	return func(yield func(string) bool) {
		quoted, inner, from := false, false, 0
		for i := range len(header) {
			switch c := header[i]; {
			case c == '"' && !inner && (i == 0 || header[i-1] != '\\'):
				quoted = !quoted
			case quoted:
			case c == '<' || c == '>':
				inner = c == '<'
			case c == ',' && !inner:
				if !yield(header[from:i]) {
					return
				}
				from = i + 1
			}
		}
		yield(header[from:])
	}
}

// q850Of is the cause in a Reason header (RFC 3326), such as Q.850;cause=16;text="x".
func q850Of(reason string) int {
	for value := range strings.SplitSeq(reason, ",") {
		protocol, params, _ := strings.Cut(value, ";")
		if !strings.EqualFold(strings.TrimSpace(protocol), "Q.850") {
			continue
		}
		for p := range strings.SplitSeq(params, ";") {
			if name, value, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(name, "cause") {
				if cause, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && cause > 0 && cause < 128 {
					return cause
				}
			}
		}
	}
	return 0
}

// outcomeOf is what became of a branch, by the status that it ended with.
func outcomeOf(code int) source.Outcome {
	return cmp.Or(map[int]source.Outcome{
		486: source.Busy, 600: source.Busy,
		408: source.NoAnswer,
		487: source.Cancelled,
		401: source.Rejected, 403: source.Rejected, 407: source.Rejected, 603: source.Rejected, 607: source.Rejected, 608: source.Rejected,
		404: source.Unallocated, 410: source.Unallocated, 484: source.Unallocated, 485: source.Unallocated, 604: source.Unallocated,
		480: source.Unavailable, 430: source.Unavailable,
		503: source.Congestion,
	}[code], source.Failed)
}

// q850OfStatus is the cause that a status stands for in RFC 3398, section 8.2.6.1; for 480 what
// it mostly means of a telephone, that it is not registered.
func q850OfStatus(code int) int {
	return map[int]int{
		400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22, 413: 127, 414: 127, 415: 79, 416: 127, 420: 127,
		480: 20, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17, 500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 505: 127, 513: 127, 600: 17, 603: 21, 604: 1, 606: 58,
	}[code]
}
