package freeswitch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
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

// readRecord reads a post of mod_json_cdr, or a file of its spool.
func readRecord(data []byte) (r record, err error) {
	var in struct {
		Core      string            `json:"core-uuid"`
		Variables map[string]string `json:"variables"`
	}
	if err := json.Unmarshal(fromLatin1(data), &in); err != nil {
		return r, fmt.Errorf("the record is not mod_json_cdr's: %w", err)
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
		return r, errors.New("the record is not mod_json_cdr's: its variables have no uuid or end_uepoch")
	}
	return r, nil
}

// keep keeps a record until its time has come.
func (n *session) keep(ctx context.Context, item source.Item) {
	data := item.Message[len(recordMark):]
	r, err := readRecord(data)
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

// listen takes posts at an address of our own until ctx ends.
func (o *CDROptions) listen(ctx context.Context, push func(message []byte) error) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("listen for mod_json_cdr: %w", err)
	}
	server := &http.Server{Handler: o.handler(push), ReadHeaderTimeout: patience, ReadTimeout: 3 * patience}
	go server.Serve(l) //nolint:errcheck // it ends with ctx
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return nil
}

// handler takes one record a post. A record that is not in the queue is not answered for:
// FreeSWITCH tries again, and then keeps it in its spool.
func (o *CDROptions) handler(push func(message []byte) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, password, _ := r.BasicAuth()
		if !same(name, o.Username) || !same(password, o.Password) {
			w.Header().Set("WWW-Authenticate", `Basic realm="switchhook"`)
			http.Error(w, "cred in json_cdr.conf.xml is username:password of cdr in the source's options", http.StatusUnauthorized)
			return
		}
		data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostRecord))
		if err != nil {
			http.Error(w, "the record cannot be read", http.StatusBadRequest)
			return
		}
		if data, err = postedRecord(r.Header.Get("Content-Type"), data); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := push(append([]byte(recordMark), data...)); err != nil {
			http.Error(w, "the record cannot be kept at the moment", http.StatusServiceUnavailable)
		}
	})
}

// postedRecord is the record in a post: the body, or with encode=true the field cdr of a form.
func postedRecord(contentType string, data []byte) ([]byte, error) {
	if strings.HasPrefix(contentType, "application/x-www-form-urlencoded") && !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		form, err := url.ParseQuery(string(data))
		if err != nil {
			return nil, errors.New("the form cannot be read")
		}
		data = []byte(form.Get("cdr"))
	}
	_, err := readRecord(data)
	return data, err
}

// same compares in constant time.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
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
