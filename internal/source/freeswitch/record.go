package freeswitch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/source"
)

// A record is what mod_json_cdr writes of a leg's end: a second opinion. The event socket tells
// the same, and more, unless nobody was there to listen. So a record waits until the events
// have had their time, and then ends a leg that is believed to be up; else it says nothing.
type record struct {
	leg    string
	ending ending
	at     time.Time
	came   time.Time
}

// recordMark begins a record in the queue, where it goes with the events.
const recordMark = "record "

const (
	mostRecord = 1 << 20
	// recordWait is how long the events may take that say the same.
	recordWait = 10 * time.Second
	// spoolAge and mostSpooled bound which files are read.
	spoolAge    = 24 * time.Hour
	mostSpooled = 20_000
	// mostKept bounds records that wait. All are small.
	mostKept = 50_000
)

// fields are the variables of a leg that a record is read for.
const fields = "uuid end_uepoch channel_name direction answer_epoch hangup_cause hangup_cause_q850 proto_specific_hangup_cause sip_invite_failure_status sip_hangup_disposition originate_disposition"

// readRecord reads a post of mod_json_cdr, or a file of its spool. less is what of it is
// needed, as a record: a tenth of the whole.
func readRecord(data []byte) (r record, less []byte, err error) {
	var in struct {
		Variables map[string]string `json:"variables"`
	}
	if err := json.Unmarshal(fromLatin1(data), &in); err != nil {
		return r, nil, fmt.Errorf("the record is not mod_json_cdr's: %w", err)
	}
	v := func(name string) string { // encode-values in json_cdr.conf.xml
		if s, err := url.PathUnescape(in.Variables[name]); err == nil {
			return s
		}
		return in.Variables[name]
	}
	r = record{leg: v("uuid"), ending: endingOf(v, v("direction") == "outbound")}
	var ok bool
	if r.at, ok = micros(v("end_uepoch")); !ok || r.leg == "" {
		return r, nil, errors.New("the record is not mod_json_cdr's: its variables have no uuid or end_uepoch")
	}
	few := map[string]string{}
	for name := range strings.FieldsSeq(fields) {
		few[name] = in.Variables[name]
	}
	less, err = json.Marshal(map[string]any{"variables": few})
	return r, less, err
}

// keep keeps a record until its time has come.
func (n *session) keep(ctx context.Context, item source.Item) {
	data := item.Message[len(recordMark):]
	r, _, err := readRecord(data)
	if err != nil {
		n.h.Reject(ctx, data, err)
		return
	}
	if r.came = item.At; len(n.records) < mostKept {
		n.records = append(n.records, r)
	}
}

// lost are the ends of legs that records tell, when what there is has been listed: all but
// those that are there. It goes before the Present, which knows no reasons.
func (n *session) lost() (facts []source.Fact) {
	for _, r := range n.records {
		if _, there := n.present.legs[r.leg]; !there {
			facts = append(facts, n.t.end(r.leg, r.ending, source.When(r.at))...)
		}
	}
	n.records = nil
	return facts
}

// late are those of legs whose end no event has told for a while.
func (n *session) late(now time.Time) (facts []source.Fact) {
	if n.present != nil {
		return nil // lost does it
	}
	for len(n.records) > 0 && now.Sub(n.records[0].came) > n.recordWait {
		r := n.records[0]
		n.records = n.records[1:]
		facts = append(facts, n.t.end(r.leg, r.ending, source.When(r.at))...)
	}
	return facts
}

// spooled reads the files of the last day that mod_json_cdr could not post. They stay where
// they are.
func (o *CDROptions) spooled(now time.Time, push func(message []byte) error) error {
	if o.Spool == "" {
		return nil
	}
	files, err := os.ReadDir(o.Spool)
	if err != nil {
		return fmt.Errorf("read the spool of mod_json_cdr: %w", err)
	}
	slices.SortFunc(files, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	read := 0
	for _, f := range files {
		info, err := f.Info()
		if err != nil || !strings.HasSuffix(f.Name(), ".cdr.json") || !info.Mode().IsRegular() || info.Size() > mostRecord || now.Sub(info.ModTime()) > spoolAge || read >= mostSpooled {
			continue
		}
		data, err := os.ReadFile(filepath.Join(o.Spool, f.Name()))
		if err != nil {
			return fmt.Errorf("read the spool of mod_json_cdr: %w", err)
		}
		read++
		if err := push(append([]byte(recordMark), data...)); err != nil {
			return err
		}
	}
	return nil
}
