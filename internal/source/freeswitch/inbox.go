package freeswitch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// An inbox is where one source's records are posted. It outlives a connection for a while: a
// leg that ended as the connection broke has a record that comes before the next one, or came
// just before, and was not needed then.
type inbox struct {
	o      CDROptions
	server *http.Server

	mu     sync.Mutex
	push   func(message []byte) error // into the queue of the connection; nil: there is none
	recent []post
	closed *time.Timer
}

// A post is a record as it goes into the queue.
type post struct {
	message []byte
	at      time.Time
}

const (
	// recently is for how long records are told again to the next connection.
	recently = time.Minute
	// mostRecent bounds them: of a thousand legs a second, a quarter of a minute.
	mostRecent = 15_000
)

// inboxes are those of all sources.
type inboxes struct {
	mu  sync.Mutex
	all map[string]*inbox
	// linger is for how long one stays open without a connection.
	linger time.Duration
}

// open lets a source's inbox push into a queue until leave is called.
func (i *inboxes) open(ctx context.Context, id string, o *CDROptions, push func(message []byte) error) (leave func(), err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	b := i.all[id]
	if b != nil && b.o != *o {
		_ = b.server.Close() // it has another address now, or another password
		b = nil
	}
	if b == nil {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Listen)
		if err != nil {
			return nil, fmt.Errorf("listen for mod_json_cdr: %w", err)
		}
		b = &inbox{o: *o}
		b.server = &http.Server{Handler: b, ReadHeaderTimeout: patience, ReadTimeout: 3 * patience}
		go b.server.Serve(l) //nolint:errcheck // it ends when it is closed
		i.all[id] = b
	}
	leave = func() { i.leave(id, b) }
	if err := b.attach(push); err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}

// leave lets an inbox wait for the next connection, for a while.
func (i *inboxes) leave(id string, b *inbox) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.push = nil
	b.closed = time.AfterFunc(i.linger, func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.push != nil {
			return
		}
		_ = b.server.Close() // nobody is there to take anything
		if i.all[id] == b {
			delete(i.all, id)
		}
	})
}

// attach tells what came lately to a new connection.
func (b *inbox) attach(push func(message []byte) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed != nil {
		b.closed.Stop()
	}
	b.push = push
	for _, p := range b.recent {
		if time.Since(p.at) > recently {
			continue
		}
		if err := push(p.message); err != nil {
			return err
		}
	}
	return nil
}

// take takes a record. Whoever is connected may be about to go: then it waits.
func (b *inbox) take(message []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	for len(b.recent) > 0 && (len(b.recent) >= mostRecent || now.Sub(b.recent[0].at) > recently) {
		b.recent = b.recent[1:]
	}
	b.recent = append(b.recent, post{message, now})
	if b.push != nil {
		_ = b.push(message) // what it does not take waits for the next one
	}
}

// ServeHTTP takes one record a post.
func (b *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, password, _ := r.BasicAuth()
	if !same(name, b.o.Username) || !same(password, b.o.Password) {
		w.Header().Set("WWW-Authenticate", `Basic realm="switchhook"`)
		http.Error(w, "cred in json_cdr.conf.xml is username:password of cdr in the source's options", http.StatusUnauthorized)
		return
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostRecord))
	if err != nil {
		http.Error(w, "the record cannot be read", http.StatusBadRequest)
		return
	}
	less, err := posted(r.Header.Get("Content-Type"), data)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	b.take(append([]byte(recordMark), less...))
}

// posted is the record in a post: the body, or with encode=true the field cdr of a form.
func posted(contentType string, data []byte) (less []byte, err error) {
	if strings.HasPrefix(contentType, "application/x-www-form-urlencoded") && !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		form, err := url.ParseQuery(string(data))
		if err != nil {
			return nil, errors.New("the form cannot be read")
		}
		data = []byte(form.Get("cdr"))
	}
	_, less, err = readRecord(data)
	return less, err
}

// same compares in constant time.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
