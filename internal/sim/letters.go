package sim

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
)

// A Letter is what an event has to become as a mail.
type Letter struct {
	To   []string // addresses without names
	File string   // the type of the file that comes with it; empty: none
}

// email is where an employee gets mail.
func (p person) email() string { return strings.TrimPrefix(p.owner, "user-") + "@example.com" }

// The tone of recordings: half a second of ITU-T E.180's dial tone in North America.
const (
	toneRate   = 8000 // samples a second
	toneLength = toneRate / 2
	toneLow    = 350 // Hz
	toneHigh   = 440
)

// recording is a sound as a data: URI: a WAV file with eight bits a sample (RIFF, 1991).
func recording() string {
	var b bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			_ = binary.Write(&b, binary.LittleEndian, v) // a buffer takes all
		}
	}
	put([]byte("RIFF"), uint32(36+toneLength), []byte("WAVEfmt "), uint32(16), uint16(1), uint16(1),
		uint32(toneRate), uint32(toneRate), uint16(1), uint16(8), []byte("data"), uint32(toneLength))
	for i := range toneLength {
		at := 2 * math.Pi * float64(i) / toneRate
		b.WriteByte(uint8(128 + 50*math.Sin(toneLow*at) + 50*math.Sin(toneHigh*at)))
	}
	return "data:audio/wav;base64," + base64.StdEncoding.EncodeToString(b.Bytes())
}

// document is a fax as a data: URI: a PDF of one page (ISO 32000) with a line of text.
func document(text string) string {
	text = strings.NewReplacer(`\`, ``, `(`, ``, `)`, ``).Replace(text)
	stream := "BT /F1 18 Tf 72 720 Td (" + text + ") Tj ET"
	var b strings.Builder
	b.WriteString("%PDF-1.4\n")
	var places []int
	for i, object := range []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(stream), stream),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	} {
		places = append(places, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(places)+1)
	for _, at := range places {
		fmt.Fprintf(&b, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(places)+1, start)
	return "data:application/pdf;base64," + base64.StdEncoding.EncodeToString([]byte(b.String()))
}

// Post is the path that stands for mails in a Report.
const Post = "mail"

// mailed reports whether a delivery is a mail. The product names what it sends mails for so.
func mailed(d *switchhook.Delivery) bool { return strings.HasPrefix(d.WebhookID, "mail:") }

// posted reads mails as arrivals: the first part of a Message-ID is the delivery's id.
func posted(slips []Slip) []*Arrival {
	counts, list := map[string]int{}, make([]*Arrival, len(slips))
	for i, s := range slips {
		id, _, _ := strings.Cut(s.MessageID, "@")
		counts[id]++
		list[i] = &Arrival{ID: id, Path: Post, At: s.At, Place: s.Place, Number: counts[id], Problem: s.Problem, to: s.To, files: s.Files}
	}
	return list
}

// checkLetters compares the mails that came with those that the events had to become.
// foreign reports whether the account's people have changed what a delivery's mail is: then
// it is what they want.
func (r *Report) checkLetters(accepted []Accepted, deliveries []switchhook.Delivery, mails []*Arrival, foreign func(*switchhook.Delivery) bool) {
	letters := map[string]*Letter{}
	for _, e := range accepted {
		letters[e.ID] = e.Letter
	}
	came := map[string]*Arrival{}
	for _, a := range mails {
		came[a.ID] = a
	}
	for i := range deliveries {
		d := &deliveries[i]
		l, a := letters[d.EventID], came[d.ID]
		if !mailed(d) || l == nil || a == nil || a.Problem != nil {
			continue
		}
		to := slices.Sorted(slices.Values(a.to))
		switch {
		case slices.Equal(to, slices.Sorted(slices.Values(l.To))) && (l.File == "" || slices.Contains(a.files, l.File)):
		case foreign(d):
		default:
			r.wrong("the mail of the %s of %s went to %s with the files %q, not to %s with %q",
				d.EventType, d.EventID, strings.Join(to, ", "), a.files, strings.Join(l.To, ", "), l.File)
		}
	}
}

// foreign reports whether a mail was made of a template that the account's people have
// changed, as its attempts say.
func (a *Audit) foreign(ctx context.Context) func(*switchhook.Delivery) bool {
	return func(d *switchhook.Delivery) bool {
		q := url.Values{"event_id": {d.EventID}, "webhook_id": {d.WebhookID}}
		attempts, err := list[switchhook.Attempt](ctx, a.Client, "/v1/attempts?"+q.Encode())
		if err != nil || len(attempts) == 0 || attempts[0].Request == nil {
			return false
		}
		var mail struct {
			Template struct {
				AccountID string `json:"account_id"`
			} `json:"template"`
		}
		return json.Unmarshal([]byte(attempts[0].Request.Body), &mail) == nil && mail.Template.AccountID != ""
	}
}

// A Slip is what a Mailbox remembers of each mail for as long as it is there.
type Slip struct {
	Place     int
	At        time.Time
	MessageID string
	To        []string
	Files     []string // the types of what is attached
	Problem   error    // nil: nothing is wrong with it
}

func (m *Mail) slip() Slip {
	s := Slip{Place: m.Place, At: m.At, MessageID: m.MessageID, To: m.To}
	for _, p := range m.Parts {
		if p.Disposition == "attachment" {
			s.Files = append(s.Files, p.Type)
		}
	}
	if m.Problem != "" {
		s.Problem = errors.New(m.Problem)
	}
	return s
}
