package kamailio

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/switchhook/switchhook/internal/source"
)

// A request is what Kamailio posts at once.
type request struct {
	Version string `json:"version"` // of Kamailio
	Boot    int64  `json:"boot"`    // when it started, in seconds since 1970
	Lost    int    `json:"lost"`    // messages that there was no room for
	Trunks  string `json:"trunks"`  // who leads outside
	// Domains: two telephones of different domains may have the same name.
	Domains  int               `json:"domains"`
	Messages []json.RawMessage `json:"messages"`

	Started bool          `json:"-"` // it says that it has just started
	facts   []source.Fact // of the messages
}

func (r *request) system() string { return strings.TrimSpace("Kamailio " + r.Version) }

// A message is one thing that happened. Which of its members there are depends on Event.
type message struct {
	Event string `json:"event"`
	At    moment `json:"at"`

	CallID   text   `json:"call_id"`
	CSeq     int    `json:"cseq"`
	FromTag  text   `json:"from_tag"`
	From     text   `json:"from"` // URIs
	Name     text   `json:"name"`
	Asserted text   `json:"asserted"` // P-Asserted-Identity
	To       text   `json:"to"`
	Dialed   text   `json:"dialed"` // the request's own URI, as it came
	User     text   `json:"user"`   // that has proven who it is
	IP       string `json:"ip"`
	Port     int    `json:"port"`
	Agent    text   `json:"ua"`
	Began    moment `json:"began"`
	Branches int    `json:"branches"` // so far

	Answered       moment `json:"answered"` // once it is
	AnsweredBranch int    `json:"answered_branch"`
	AnsweredIP     string `json:"answered_ip"`

	Branch  int    `json:"branch"`
	URI     text   `json:"uri"`
	Next    text   `json:"next"` // where it goes, if not there
	Code    int    `json:"code"`
	ReplyIP string `json:"reply_ip"`
	Reason  text   `json:"reason"`
	Contact text   `json:"contact"`
	Method  text   `json:"method"`
	ByTag   text   `json:"by_tag"`

	Result  int  `json:"result"` // of save() or of the authentication
	Expires text `json:"expires"`
	AOR     text `json:"aor"`

	Type text `json:"type"`
	Text text `json:"text"`
}

// mostBranches is how many branches a transaction of Kamailio's can have (MAX_BRANCHES_LIMIT).
const mostBranches = 31

// A text is what came from the network, in base64. One that is not UTF-8, for there are
// phones that write something else, is read as Latin-1.
type text string

// UnmarshalJSON decodes base64.
func (t *text) UnmarshalJSON(raw []byte) error {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	decoded, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return fmt.Errorf("expected base64, got %.80q", s)
	}
	if !utf8.Valid(decoded) {
		var b strings.Builder
		for _, c := range decoded {
			b.WriteRune(rune(c))
		}
		decoded = []byte(b.String())
	}
	*t = text(bytes.ReplaceAll(decoded, []byte{0}, []byte("\uFFFD"))) // no database has a zero in a text
	return nil
}

// A moment is a time in seconds since 1970 with a fraction.
type moment time.Time

// UnmarshalJSON reads it without losing microseconds.
func (m *moment) UnmarshalJSON(raw []byte) error {
	seconds, fraction, _ := strings.Cut(string(raw), ".")
	s, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || s < 0 || s > 1<<37 { // until then a year has four digits
		return fmt.Errorf("expected seconds since 1970, got %.80s", raw)
	}
	us, err := strconv.ParseInt((fraction + "000000")[:6], 10, 64)
	if err != nil || us < 0 {
		return fmt.Errorf("expected seconds since 1970, got %.80s", raw)
	}
	*m = moment(time.UnixMicro(s*1e6 + us).UTC())
	return nil
}

// A rejecter keeps what could not be read, as source.Host does.
type rejecter interface {
	Reject(ctx context.Context, message []byte, reason error)
}

// read reads what is posted, and translates it. A message that cannot be read is kept as a
// reject; the others count. A body that is none of ours would come again and again, so it
// is kept in the same way.
func (t *translator) read(ctx context.Context, h rejecter, body []byte) (*request, error) {
	r := &request{}
	if err := json.Unmarshal(body, r); err != nil {
		h.Reject(ctx, body, fmt.Errorf("expected what deploy/kamailio/switchhook.cfg posts: %w", err))
		return &request{}, ctx.Err()
	}
	if t.configure(r); t.anothers(r) {
		h.Reject(ctx, body, errors.New("two Kamailios post to this source, and when one starts the calls of the other end: each needs a source of its own"))
	}
	messages := make([]*message, 0, len(r.Messages))
	for _, raw := range r.Messages {
		m := &message{}
		err := json.Unmarshal(raw, m)
		if err == nil {
			err = m.check()
		}
		if err != nil {
			h.Reject(ctx, raw, err)
			continue
		}
		messages = append(messages, m)
	}
	inOrder(messages)
	for _, m := range messages {
		r.Started = r.Started || m.Event == "start"
		r.facts = append(r.facts, t.translate(m)...)
	}
	return r, ctx.Err()
}

// check reports what no message can be without.
func (m *message) check() error {
	switch m.Event {
	case "start":
	case "branch", "reply", "failure", "failed", "end", "message", "register", "auth_failed":
		if m.CallID == "" {
			return errors.New("call_id is missing")
		}
	case "expired":
		if m.AOR == "" {
			return errors.New("aor is missing")
		}
	default:
		return fmt.Errorf("there is no event %.80q", m.Event)
	}
	switch {
	case time.Time(m.At).IsZero():
		return errors.New("at is missing")
	case m.Branch < 0 || m.Branch >= mostBranches || m.AnsweredBranch < 0 || m.AnsweredBranch >= mostBranches || m.Branches < 0 || m.Branches > mostBranches:
		return fmt.Errorf("a transaction has %d branches at most", mostBranches)
	}
	if time.Time(m.Began).IsZero() {
		m.Began = m.At
	}
	// A 180 that the 200 behind it has overtaken on its way through Kamailio's workers.
	if answered := time.Time(m.Answered); m.Event == "reply" && m.Code < 200 && !answered.IsZero() && time.Time(m.At).After(answered) {
		m.At = moment(answered.Add(-time.Microsecond))
	}
	return nil
}

// inOrder puts right what several workers of Kamailio have put into its queue side by side, by
// their times. What a telephone registers is numbered besides, and changes places by that.
func inOrder(messages []*message) {
	slices.SortStableFunc(messages, func(a, b *message) int { return time.Time(a.At).Compare(time.Time(b.At)) })
	places := map[text][]int{}
	for i, m := range messages {
		if m.Event == "register" {
			places[m.CallID] = append(places[m.CallID], i)
		}
	}
	for _, at := range places {
		var numbered []*message
		for _, i := range at {
			numbered = append(numbered, messages[i])
		}
		slices.SortStableFunc(numbered, func(a, b *message) int { return cmp.Compare(a.CSeq, b.CSeq) })
		for n, i := range at {
			messages[i] = numbered[n]
		}
	}
}
