package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/switchhook/switchhook"
)

// How the history is written. A record is an event, an attempt or a snapshot:
// its fields in a fixed order, numbers as varints, texts after their lengths. A
// block's body is a byte that says how it is packed, and its records, each after
// its length. A change of what a record holds needs a new first byte.
//
// Of a block that was cut (cut.go) the records that are gone are empty where their places
// count, as those of attempts do: a program that does not know that has to refuse it.
const (
	packedNot = 1
	packedS2  = 2
	packedCut = 3 // s2
)

// maxBlock is the most that a block unpacks to: far more than the largest event
// and what another system said of it.
const maxBlock = 64 << 20

var errDamaged = errors.New("the history is damaged")

// pack appends the body of a block to dst.
func pack(dst, records []byte) []byte {
	start := len(dst)
	dst = slices.Grow(dst, 1+s2.MaxEncodedLen(len(records)))
	packed := s2.Encode(dst[start+1:cap(dst)], records)
	if len(packed) < len(records) {
		dst = append(dst, packedS2)
		return dst[:start+1+len(packed)]
	}
	return append(append(dst, packedNot), records...)
}

// unpack returns the records of a block's body.
func unpack(body []byte) (records [][]byte, err error) {
	if len(body) == 0 {
		return nil, fmt.Errorf("%w: an empty block", errDamaged)
	}
	d := decoder{b: body[1:]}
	switch body[0] {
	case packedNot:
		d.b = slices.Clone(d.b) // body may be the driver's
	case packedS2, packedCut:
		if n, err := s2.DecodedLen(d.b); err != nil || n > maxBlock {
			return nil, fmt.Errorf("%w: a block of %d bytes (%w)", errDamaged, n, err)
		}
		if d.b, err = s2.Decode(nil, d.b); err != nil {
			return nil, fmt.Errorf("%w: unpack a block: %w", errDamaged, err)
		}
	default:
		return nil, fmt.Errorf("a block is packed in a way (%d) that this program does not know: start the newer program that wrote it", body[0])
	}
	for len(d.b) > 0 && !d.bad {
		records = append(records, d.bytes())
	}
	if d.bad {
		return nil, fmt.Errorf("%w: a block ends in the midst of a record", errDamaged)
	}
	return records, nil
}

func appendText[T ~string | ~[]byte](b []byte, text T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// appendTime appends 0 for the zero time.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	n := t.UnixMicro()
	return binary.AppendUvarint(b, uint64(n<<1^n>>63)+1) //nolint:gosec // the zigzag of varints
}

func appendTexts(b []byte, texts []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(texts)))
	for _, text := range texts {
		b = appendText(b, text)
	}
	return b
}

// appendHeaders appends them as they are, sorted: blocks of the same ones pack well.
func appendHeaders(b []byte, headers switchhook.Headers) []byte {
	b = binary.AppendUvarint(b, uint64(len(headers)))
	for _, h := range headers {
		b = appendText(appendText(b, h.Name), h.Value)
	}
	return b
}

// flags makes a byte of up to eight.
func flags(set ...bool) (b byte) {
	for i, on := range set {
		if on {
			b |= 1 << i
		}
	}
	return b
}

// A decoder reads what the functions above have written. After an error, all
// that it reads is zero, and bad is set.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) fail() {
	d.b, d.bad = nil, true
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v := d.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func (d *decoder) int() int { return int(d.varint()) }

// bytes returns a part of what is read, not a copy.
func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	part := d.b[:n:n]
	d.b = d.b[n:]
	return part
}

func (d *decoder) text() string { return string(d.bytes()) }

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) time() time.Time {
	v := d.uvarint()
	if v == 0 {
		return time.Time{}
	}
	v--
	return time.UnixMicro(int64(v>>1) ^ -int64(v&1)).UTC()
}

// count is how many of something follow, each of at least a byte.
func (d *decoder) count() int {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(n) //nolint:gosec // not more than there are bytes
}

func (d *decoder) texts() []string {
	n := d.count()
	if n == 0 {
		return nil
	}
	texts := make([]string, n)
	for i := range texts {
		texts[i] = d.text()
	}
	return texts
}

func (d *decoder) headers() switchhook.Headers {
	n := d.count()
	if n == 0 {
		return nil
	}
	headers := make(switchhook.Headers, n)
	for i := range headers {
		headers[i] = switchhook.Header{Name: d.text(), Value: d.text()}
	}
	return headers
}

// end is an error if what was read is not exactly what was written.
func (d *decoder) end(what string) error {
	if d.bad || len(d.b) > 0 {
		return fmt.Errorf("%w: decode %s", errDamaged, what)
	}
	return nil
}

func appendEvent(b []byte, e *switchhook.Event) []byte {
	b = binary.AppendVarint(b, e.Sequence)
	b = append(b, flags(e.IDGiven, e.Relayed, e.Original != nil, e.Opens))
	for _, text := range [...]string{e.ID, e.AccountID, e.Type, e.Key, e.CallID, e.Source} {
		b = appendText(b, text)
	}
	b = appendTime(appendTime(b, e.OccurredAt), e.AcceptedAt)
	b = appendText(appendTexts(b, e.Targets), e.Data)
	if o := e.Original; o != nil {
		for _, text := range [...]string{o.System, o.Version, o.Name, o.Format, o.Body} {
			b = appendText(b, text)
		}
		b = binary.AppendUvarint(b, uint64(len(o.Gaps)))
		for _, gap := range o.Gaps {
			b = binary.AppendVarint(b, int64(gap))
		}
	}
	return b
}

// decodeEvent returns an event whose Data is a part of the record.
func decodeEvent(record []byte) (*switchhook.Event, error) {
	d := decoder{b: record}
	e := &switchhook.Event{Sequence: d.varint()}
	set := d.byte()
	e.IDGiven, e.Relayed, e.Opens = set&1 > 0, set&2 > 0, set&8 > 0
	for _, text := range [...]*string{&e.ID, &e.AccountID, &e.Type, &e.Key, &e.CallID, &e.Source} {
		*text = d.text()
	}
	e.OccurredAt, e.AcceptedAt = d.time(), d.time()
	e.Targets = d.texts()
	if data := d.bytes(); len(data) > 0 {
		e.Data = data
	}
	if set&4 > 0 {
		o := &switchhook.Original{}
		for _, text := range [...]*string{&o.System, &o.Version, &o.Name, &o.Format, &o.Body} {
			*text = d.text()
		}
		if n := d.count(); n > 0 {
			o.Gaps = make([]int, n)
			for i := range o.Gaps {
				o.Gaps[i] = d.int()
			}
		}
		e.Original = o
	}
	return e, d.end("an event")
}

// sequenceOf is that of an event's or an attempt's record.
func sequenceOf(record []byte) int64 {
	d := decoder{b: record}
	return d.varint()
}

// accountOfEvent and accountOfAttempt read no more of a record than they need.
func accountOfEvent(record []byte) string {
	d := decoder{b: record}
	d.varint()
	d.byte()
	d.bytes() // the id
	return d.text()
}

func accountOfAttempt(record []byte) string {
	d := decoder{b: record}
	d.varint()
	d.byte()
	d.varint() // its number
	d.bytes()
	d.bytes()
	d.bytes() // its id, the event's and its type
	return d.text()
}

func appendAttempt(b []byte, a *switchhook.Attempt) []byte {
	b = binary.AppendVarint(b, a.Sequence)
	b = append(b, flags(a.Replay, a.Request != nil, a.Response != nil, a.Response != nil && a.Response.Hidden, a.OwnerID != ""))
	b = binary.AppendVarint(b, int64(a.Number))
	for _, text := range [...]string{
		a.ID, a.EventID, a.EventType, a.AccountID, a.WebhookID, a.Dialect, string(a.Outcome), string(a.State), a.Error,
	} {
		b = appendText(b, text)
	}
	if a.OwnerID != "" {
		b = appendText(b, a.OwnerID)
	}
	b = appendTime(appendTime(b, a.StartedAt), a.NextAttemptAt)
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(a.DurationMS))
	if r := a.Request; r != nil {
		b = appendText(appendText(b, r.Method), r.URL)
		b = appendText(appendHeaders(b, r.Headers), r.Body)
	}
	if r := a.Response; r != nil {
		b = binary.AppendVarint(b, int64(r.Status))
		b = appendText(appendHeaders(b, r.Headers), r.Body)
	}
	return b
}

// decodeAttempt returns an attempt; of its request and response, which are the
// most of it, only where it is wanted whole. The delivery's id follows from the
// others, and is left out as well.
func decodeAttempt(record []byte, row int64, whole bool) (*switchhook.Attempt, error) {
	d := decoder{b: record}
	a := &switchhook.Attempt{Sequence: d.varint(), Row: row}
	set := d.byte()
	a.Replay = set&1 > 0
	a.Number = d.int()
	for _, text := range [...]*string{&a.ID, &a.EventID, &a.EventType, &a.AccountID, &a.WebhookID, &a.Dialect} {
		*text = d.text()
	}
	a.Outcome, a.State, a.Error = switchhook.Outcome(d.text()), switchhook.DeliveryState(d.text()), d.text()
	if set&16 > 0 {
		a.OwnerID = d.text()
	}
	a.StartedAt, a.NextAttemptAt = d.time(), d.time()
	if len(d.b) < 8 {
		d.fail()
	} else {
		a.DurationMS = math.Float64frombits(binary.LittleEndian.Uint64(d.b))
		d.b = d.b[8:]
	}
	if !whole {
		if d.bad {
			return nil, d.end("an attempt")
		}
		return a, nil
	}
	if set&2 > 0 {
		a.Request = &switchhook.HTTPRequest{Method: d.text(), URL: d.text(), Headers: d.headers(), Body: d.text()}
	}
	if set&4 > 0 {
		a.Response = &switchhook.HTTPResponse{Status: d.int(), Headers: d.headers(), Body: d.text(), Hidden: set&8 > 0}
	}
	a.DeliveryID = switchhook.DeliveryID(a.AccountID, a.EventID, a.WebhookID)
	return a, d.end("an attempt")
}

func appendSnapshot(b []byte, s *switchhook.Snapshot) []byte {
	b = append(b, flags(s.Data != nil))
	for _, text := range [...]string{s.AccountID, s.Kind, s.ID, s.RootID} {
		b = appendText(b, text)
	}
	return appendText(appendTime(b, s.UpdatedAt), s.Data)
}

func decodeSnapshot(record []byte) (*switchhook.Snapshot, error) {
	d := decoder{b: record}
	s := &switchhook.Snapshot{}
	set := d.byte()
	for _, text := range [...]*string{&s.AccountID, &s.Kind, &s.ID, &s.RootID} {
		*text = d.text()
	}
	s.UpdatedAt = d.time()
	if data := d.bytes(); set&1 > 0 {
		s.Data = data
	}
	return s, d.end("a snapshot")
}
