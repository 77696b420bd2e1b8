package freeswitch

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

const (
	mostRecord = 1 << 20
	// spoolAge and mostSpooled bound which files are read.
	spoolAge    = 24 * time.Hour
	mostSpooled = 20_000
)

// readRecord reads what mod_json_cdr posts at a leg's end, or a file of its spool. The event
// socket tells the same, and more, unless nobody was there to listen.
func readRecord(data []byte, heard time.Time) (f source.EndRecorded, err error) {
	if len(data) > mostRecord {
		return f, fmt.Errorf("the record is over %d bytes", mostRecord)
	}
	var in struct {
		Variables map[string]json.RawMessage `json:"variables"`
	}
	if err := json.Unmarshal(fromLatin1(decoded(data)), &in); err != nil {
		return f, fmt.Errorf("the record is not mod_json_cdr's: %w", err)
	}
	v := func(name string) (text string) {
		if json.Unmarshal(in.Variables[name], &text) != nil {
			return string(in.Variables[name]) // a list is none that is asked for
		}
		if plain, err := url.PathUnescape(text); err == nil { // encode-values in json_cdr.conf.xml
			return string(fromLatin1([]byte(plain)))
		}
		return text
	}
	outbound := v("direction") == "outbound"
	e := endingOf(v, outbound)
	ended, ok := micros(v("end_uepoch"))
	if f.Leg = v("uuid"); !ok || f.Leg == "" {
		return f, errors.New("the record is not mod_json_cdr's: its variables have no uuid or end_uepoch")
	}
	f.When, f.Heard, f.Q850, f.SIPStatus = source.When(ended), heard, e.q850, e.sip
	f.Self = strings.HasPrefix(e.disposition, "recv_")
	if e.cause != "" {
		f.More = &switchhook.Call{HangupCause: e.cause}
	}
	if e.answered {
		f.Answered, _ = micros(cmp.Or(v("answer_uepoch"), v("answer_epoch")+"000000"))
	}
	switch {
	case !outbound:
		f.Outcome = e.reached()
	case !e.answered:
		f.Outcome = outcomeOf(e.cause)
	}
	return f, nil
}

// decoded is a record as JSON, whatever encode in json_cdr.conf.xml says: no, yes or base64. In
// a post it is a field of a form then, and in a file alone.
func decoded(data []byte) []byte {
	data = bytes.TrimSpace(data)
	if bytes.HasPrefix(data, []byte("{")) { // disable-100-continue makes a form of that, too, by name
		return data
	}
	data = bytes.TrimPrefix(data, []byte("cdr="))
	if bytes.HasPrefix(data, []byte("%")) {
		if plain, err := url.PathUnescape(string(data)); err == nil {
			return []byte(plain)
		}
	}
	if plain, err := base64.StdEncoding.AppendDecode(nil, data); err == nil && len(plain) > 0 {
		return plain
	}
	return data
}

// spooled reads the files of the last day that mod_json_cdr could not post. They stay where
// they are.
func spooled(ctx context.Context, dir string, h source.Host) (facts []source.Fact, err error) {
	if dir == "" {
		return nil, nil
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the spool of mod_json_cdr: %w", err)
	}
	slices.SortFunc(files, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	now, read := h.Now(), 0
	for _, file := range files {
		info, err := file.Info()
		if err != nil || !strings.HasSuffix(file.Name(), ".cdr.json") || !info.Mode().IsRegular() || info.Size() > mostRecord || now.Sub(info.ModTime()) > spoolAge || read >= mostSpooled {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, file.Name())) //nolint:gosec // the directory is the operator's word
		if err != nil {
			return nil, fmt.Errorf("read the spool of mod_json_cdr: %w", err)
		}
		read++
		f, err := readRecord(data, now)
		if err != nil {
			h.Reject(ctx, data, fmt.Errorf("%s: %w", file.Name(), err))
			continue
		}
		facts = append(facts, f)
	}
	return facts, ctx.Err()
}
