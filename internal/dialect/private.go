package dialect

import (
	"encoding/json"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// What of people's data a webhook can have masked.
const (
	MaskNumbers = "numbers" // phone numbers, but for their last digits
	MaskText    = "text"    // what messages, voicemails and mails say
)

// Private is the event with people's data masked, for receivers who are not to have them;
// the event itself where nothing is to be. It knows nothing of types: numbers are found by
// how they look, wherever they stand, texts by the names of their members. So it is the same
// for all dialects, for data of one's own, and for what another system has said.
func Private(ev *switchhook.Event, mask []string) *switchhook.Event {
	if len(mask) == 0 {
		return ev
	}
	p := private{slices.Contains(mask, MaskNumbers), slices.Contains(mask, MaskText)}
	one := *ev
	one.Data, one.Resources = p.value("", ev.Data), nil
	one.Original = p.original(ev.Original)
	if p.numbers {
		one.Key = hideNumbers(ev.Key, shortest)
	}
	return Decoded(&one)
}

type private struct{ numbers, text bool }

// value masks a JSON value that is the member of this name.
func (p private) value(name string, v json.RawMessage) json.RawMessage {
	switch {
	case len(v) == 0:
		return v
	case v[0] == '{':
		o, err := ordjson.Parse(v)
		if err != nil {
			return v
		}
		out, hide := make(ordjson.Object, 0, len(o)), hideNames(o)
		for _, m := range o {
			name := m.Name
			if p.numbers { // port.* has numbers for names
				name = hide(name)
			}
			out = append(out, ordjson.Member{Name: name, Value: p.value(m.Name, m.Value)})
		}
		return out.Append(nil)
	case v[0] == '[':
		var list []json.RawMessage
		if json.Unmarshal(v, &list) != nil {
			return v
		}
		out := []byte{'['}
		for i, e := range list {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(out, p.value(name, e)...)
		}
		return append(out, ']')
	case v[0] == '"':
		text, ok := ordjson.Unquote(v)
		if masked := p.word(name, text); ok && masked != text {
			return ordjson.String(masked)
		}
	case p.numbers && kindOf(name) == phone:
		if masked := hideNumbers(string(v), shortest); masked != string(v) {
			return ordjson.String(masked)
		}
	}
	return v
}

// hideNames makes a function that masks the names of an object's members. Of those that
// are the same then, the second ends with *, the third with *2 and so on.
func hideNames(o ordjson.Object) func(name string) string {
	var taken map[string]bool
	same := map[string]int{}
	return func(name string) string {
		masked := hideNumbers(name, shortest)
		if masked == name {
			return name
		}
		if taken == nil {
			taken = make(map[string]bool, len(o))
			for _, m := range o {
				taken[m.Name] = true
			}
		}
		one := masked
		for ; taken[one]; same[masked]++ {
			one = masked + "*"
			if n := same[masked]; n > 0 {
				one += strconv.Itoa(n + 1)
			}
		}
		taken[one] = true
		return one
	}
}

// word masks a text that is the member of this name.
func (p private) word(name, text string) string {
	kind := kindOf(name)
	switch {
	case p.text && kind == says && text != "":
		return Mask
	case !p.numbers:
		return text
	case kind == phone:
		return hideNumbers(text, shortestShort)
	case kind == identity:
		return hideNumbers(text, onlyWithPlus)
	default:
		return hideNumbers(text, shortest)
	}
}

// original masks what another system said; what cannot be taken apart is left out, and the
// dialect makes it anew.
func (p private) original(said *switchhook.Original) *switchhook.Original {
	if said == nil {
		return nil
	}
	one := *said
	switch {
	case json.Valid([]byte(said.Body)):
		one.Body = string(p.value("", json.RawMessage(said.Body)))
	case said.Format == "form":
		pairs := strings.Split(said.Body, "&")
		for i, pair := range pairs {
			name, value, _ := strings.Cut(pair, "=")
			name, nameErr := url.QueryUnescape(name)
			text, err := url.QueryUnescape(value)
			if err != nil || nameErr != nil {
				return nil
			}
			if masked := p.word(name, text); masked != text {
				pairs[i] = url.QueryEscape(name) + "=" + url.QueryEscape(masked)
			}
		}
		one.Body = strings.Join(pairs, "&")
	default:
		return nil
	}
	return &one
}

// A kind of member.
type kind int

const (
	other    kind = iota
	says          // a text that people have written or spoken
	phone         // likely a phone number, also a short one
	identity      // an id or a time: digits in it are no number, unless they begin with +
)

// kindOf tells the kind of a member from its name, however that is spelled.
func kindOf(name string) kind {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, name)
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(name, part) })
	}
	ends := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.HasSuffix(name, part) })
	}
	switch name {
	case "text", "html", "body", "subject", "message", "msg", "sms", "content", "transcription", "transcript":
		return says
	case "from", "to", "src", "dst", "did", "ani", "dnis", "tn", "source", "destination", "address", "dialed", "caller", "callee":
		return phone
	}
	switch {
	case has("number", "phone", "callerid", "calleeid") && !ends("numberid", "phoneid"):
		return phone
	case ends("id", "ids", "uuid", "hash", "token", "at", "time", "timestamp", "date", "ms"):
		return identity
	}
	return other
}

// How many digits make a number that begins without a +.
const (
	shortest      = 7
	shortestShort = 5
	onlyWithPlus  = longestNumber + 1
	longestNumber = 17 // E.164 has 15; and two to dial out
)

// hideNumbers masks the phone numbers in a text, but for their last digits. least is how
// many digits a number without a + has.
func hideNumbers(text string, least int) string {
	var out []byte
	for i := 0; i < len(text); {
		end, digits := numberAt(text, i, longestNumber)
		plus := text[i] == '+'
		if digits > longestNumber {
			// Its beginning can be one, as in the name of a channel: PJSIP/12025550143-00000012.
			if first, n := digitsAt(text, i); n >= least && n <= longestNumber && introduced(text[:i]) {
				end, digits = first, n
			} else {
				end, _ = numberAt(text, i, len(text))
			}
		}
		if end == i || !plus && digits < least || plus && digits < shortestShort || digits > longestNumber || !plus && noNumber(text[i:end]) {
			i = max(end, i+1)
			continue
		}
		if out == nil {
			out = []byte(text)
		}
		keep := 2
		if digits > shortest {
			keep = 4
		}
		for ; i < end; i++ {
			if isDigit(text[i]) {
				if digits--; digits >= keep {
					out[i] = '*'
				}
			}
		}
	}
	if out == nil {
		return text
	}
	return string(out)
}

// numberAt is where a number that begins at i ends, and how many digits it has; where none
// begins, it ends at i, or where it could not. What has more than most is not read further:
// whoever tries each place of a long text would read it as often.
func numberAt(text string, i, most int) (end, digits int) {
	at := i
	if text[at] == '+' {
		at++
	}
	if at == len(text) || !isDigit(text[at]) {
		return i, 0
	}
	if text[i] != '+' && i > 0 && (isWord(text[i-1]) || strings.IndexByte("-.:/", text[i-1]) >= 0) && !introduced(text[:i]) {
		for i < len(text) && isDigit(text[i]) {
			i++
		}
		return i, 0
	}
	for end = i; at < len(text) && digits <= most; {
		if isDigit(text[at]) {
			digits++
			at++
			end = at
			continue
		}
		next := at
		for next < len(text) && next-at < 3 && strings.IndexByte(" -.()", text[next]) >= 0 {
			next++
		}
		if next == at || next == len(text) || !isDigit(text[next]) {
			break
		}
		at = next
	}
	if digits <= most && text[i] != '+' && end < len(text) && (isWord(text[end]) || text[end] == ':') {
		return end, 0
	}
	return end, digits
}

// digitsAt is numberAt without separators.
func digitsAt(text string, i int) (end, digits int) {
	end = i
	if text[end] == '+' {
		end++
	}
	for end < len(text) && isDigit(text[end]) {
		digits++
		end++
	}
	return end, digits
}

// introduced reports whether a text ends with what stands before a number, in a URI or in
// the name of a channel.
func introduced(text string) bool {
	var words []string
	switch {
	case strings.HasSuffix(text, ":"):
		words = []string{"sip", "sips", "tel", "callto", "sms", "smsto", "h323", "fax", "im", "pres"}
	case strings.HasSuffix(text, "/"):
		words = []string{"sip", "pjsip", "local", "iax2", "dahdi", "motif", "sofia"}
	}
	return slices.ContainsFunc(words, func(word string) bool {
		at := len(text) - 1 - len(word)
		return at >= 0 && strings.EqualFold(text[at:len(text)-1], word) && (at == 0 || !isWord(text[at-1]))
	})
}

// noNumber reports whether digits and separators are a date or an IP address.
func noNumber(text string) bool {
	if len(text) >= len("2006-01-02") && text[4] == '-' && text[7] == '-' {
		return true
	}
	_, err := netip.ParseAddr(text)
	return err == nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool {
	return isDigit(c) || c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z'
}
