package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/switchhook/switchhook"
)

func text(t *rapid.T, name string) string { return rapid.StringN(0, 20, -1).Draw(t, name) }

func instant(t *rapid.T, name string) time.Time {
	if rapid.Bool().Draw(t, name+" set") {
		return time.UnixMicro(rapid.Int64Range(-1<<60, 1<<60).Draw(t, name)).UTC()
	}
	return time.Time{}
}

func headers(t *rapid.T) (all switchhook.Headers) {
	for name, value := range rapid.MapOfN(rapid.StringN(0, 5, -1), rapid.StringN(0, 5, -1), 1, 20).Draw(t, "headers") {
		all = append(all, switchhook.Header{Name: name, Value: value})
	}
	all.Sort()
	return all
}

// TestCodec: every record comes back as it went in, with the zero values of
// every field and without.
func TestCodec(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := &switchhook.Event{
			Sequence: rapid.Int64().Draw(t, "sequence"), ID: text(t, "id"), AccountID: text(t, "account"), Type: text(t, "type"),
			Key: text(t, "key"), CallID: text(t, "call"), Source: text(t, "source"), OccurredAt: instant(t, "occurred"), AcceptedAt: instant(t, "accepted"),
			IDGiven: rapid.Bool().Draw(t, "given"), Relayed: rapid.Bool().Draw(t, "relayed"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "targets") {
			e.Targets = append(e.Targets, text(t, "target"))
		}
		if data := text(t, "data"); data != "" {
			e.Data = []byte(data)
		}
		if rapid.Bool().Draw(t, "original") {
			e.Original = &switchhook.Original{System: text(t, "system"), Version: text(t, "version"), Name: text(t, "name"), Format: text(t, "format"), Body: text(t, "body")}
			for range rapid.IntRange(0, 3).Draw(t, "gaps") {
				e.Original.Gaps = append(e.Original.Gaps, rapid.Int().Draw(t, "gap"))
			}
		}
		got, err := decodeEvent(appendEvent(nil, e))
		if diff := cmp.Diff(e, got); err != nil || diff != "" {
			t.Fatal(err, diff)
		}

		a := &switchhook.Attempt{
			Sequence: rapid.Int64().Draw(t, "sequence"), Number: rapid.Int().Draw(t, "number"), ID: text(t, "id"), EventID: text(t, "event"),
			EventType: text(t, "type"), AccountID: text(t, "account"), WebhookID: text(t, "webhook"), Dialect: text(t, "dialect"),
			Outcome: switchhook.Outcome(text(t, "outcome")), State: switchhook.DeliveryState(text(t, "state")), Error: text(t, "error"),
			StartedAt: instant(t, "started"), NextAttemptAt: instant(t, "next"), DurationMS: rapid.Float64().Draw(t, "duration"),
			Replay: rapid.Bool().Draw(t, "replay"), OwnerID: text(t, "owner"), Row: 7,
		}
		a.DeliveryID = switchhook.DeliveryID(a.AccountID, a.EventID, a.WebhookID)
		if rapid.Bool().Draw(t, "request") {
			a.Request = &switchhook.HTTPRequest{Method: text(t, "method"), URL: text(t, "url"), Headers: headers(t), Body: text(t, "body")}
		}
		if rapid.Bool().Draw(t, "response") {
			a.Response = &switchhook.HTTPResponse{Status: rapid.Int().Draw(t, "status"), Headers: headers(t), Body: text(t, "body"), Hidden: rapid.Bool().Draw(t, "hidden")}
		}
		record := appendAttempt(nil, a)
		whole, err := decodeAttempt(record, 7, true)
		if diff := cmp.Diff(a, whole); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
		head, err := decodeAttempt(record, 7, false)
		a.Request, a.Response, a.DeliveryID = nil, nil, ""
		if diff := cmp.Diff(a, head); err != nil || diff != "" {
			t.Fatal(err, diff)
		}

		s := &switchhook.Snapshot{AccountID: text(t, "account"), Kind: text(t, "kind"), ID: text(t, "id"), RootID: text(t, "root"), UpdatedAt: instant(t, "updated")}
		if rapid.Bool().Draw(t, "data") {
			s.Data = []byte(text(t, "data"))
		}
		snap, err := decodeSnapshot(appendSnapshot(nil, s))
		if diff := cmp.Diff(s, snap); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
	})
}

func TestPack(t *testing.T) {
	t.Parallel()
	for _, records := range [][]string{
		{"one"}, {"", ""}, slices.Repeat([]string{strings.Repeat("much the same ", 100)}, 100), {strings.Repeat("x", 3<<20)},
	} {
		var raw []byte
		for _, record := range records {
			raw = append(binary.AppendUvarint(raw, uint64(len(record))), record...)
		}
		body := pack([]byte("before"), raw)[len("before"):]
		if len(body) > 1+len(raw) || len(raw) > 1000 && len(body) > len(raw)/5 {
			t.Errorf("%d bytes are packed into %d", len(raw), len(body))
		}
		got, err := unpack(body)
		if err != nil || len(got) != len(records) {
			t.Fatalf("%d records, %v", len(got), err)
		}
		for i, record := range got {
			if string(record) != records[i] {
				t.Errorf("record %d is %q", i, record)
			}
		}
	}
}

func TestUnpackRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want string
	}{
		"nothing":             {"", "damaged"},
		"a later program's":   {"\x09abc", "newer program"},
		"half a record":       {"\x01\x05abc", "damaged"},
		"no packed block":     {"\x02\xff\xff\xff", "damaged"},
		"more than there can": {"\x02\xff\xff\xff\xff\x0f\x00", "damaged"},
	} {
		if _, err := unpack([]byte(c.body)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// FuzzUnpack: damaged input is an error, and never a panic or a lot of memory.
func FuzzUnpack(f *testing.F) {
	e := &switchhook.Event{ID: "evt_1", Targets: []string{"wh_1"}, Data: []byte("{}"), Original: &switchhook.Original{Body: "b", Gaps: []int{1}}}
	a := &switchhook.Attempt{
		ID: "att_1", Request: &switchhook.HTTPRequest{Headers: switchhook.Headers{{Name: "a", Value: "b"}}},
		Response: &switchhook.HTTPResponse{Headers: switchhook.Headers{{Name: "a", Value: "b"}}},
	}
	for _, record := range [][]byte{appendEvent(nil, e), appendAttempt(nil, a), appendSnapshot(nil, &switchhook.Snapshot{ID: "s", Data: []byte("{}")})} {
		framed := append(binary.AppendUvarint(nil, uint64(len(record))), record...)
		f.Add(append([]byte{packedNot}, framed...))
		f.Add(pack(nil, bytes.Repeat(framed, 50)))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		records, err := unpack(body)
		if err != nil && !errors.Is(err, errDamaged) && len(body) > 0 && (body[0] == packedNot || body[0] == packedS2) {
			t.Errorf("error %v, want that the history is damaged", err)
		}
		for _, record := range records {
			// Whatever is decoded without an error is what is encoded again.
			if e, err := decodeEvent(record); err == nil {
				if again, err := decodeEvent(appendEvent(nil, e)); err != nil || !cmp.Equal(e, again) {
					t.Errorf("%v: %+v became %+v", err, e, again)
				}
			}
			if a, err := decodeAttempt(record, 1, true); err == nil && !math.IsNaN(a.DurationMS) {
				if again, err := decodeAttempt(appendAttempt(nil, a), 1, true); err != nil || !cmp.Equal(a, again) {
					t.Errorf("%v: %+v became %+v", err, a, again)
				}
			}
			_, _ = decodeSnapshot(record)
		}
	})
}
