package cluster

import (
	"encoding/binary"
	"errors"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver/wire"
)

// What is said on a line is texts and numbers, one after the other: a text is its length
// and its bytes. The first byte of a call says what it is.
const (
	sayPing  byte = 'p' // a hand asks: for how long may I send?
	sayLeave byte = 'l' // a hand says: give me no more requests
	sayAsk   byte = 'a' // a hand passes a client's request on
	saySend  byte = 's' // the leader says: send this
)

var errSpeech = errors.New("what was said on the line cannot be understood")

func number(b []byte, n uint64) []byte { return binary.AppendUvarint(b, n) }

func text[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// A reader takes apart what was said. Once something is missing, all that follows is.
type reader struct {
	rest   string
	broken bool
}

func (r *reader) number() uint64 {
	n, size := uint64(0), 0
	for shift := 0; size < len(r.rest) && shift < 64; shift += 7 {
		c := r.rest[size]
		size++
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			r.rest = r.rest[size:]
			return n
		}
	}
	r.rest, r.broken = "", true
	return 0
}

func (r *reader) text() string {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.rest, r.broken = "", true
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

func headersSaid(b []byte, headers switchhook.Headers) []byte {
	b = number(b, uint64(len(headers)))
	for _, h := range headers {
		b = text(text(b, h.Name), h.Value)
	}
	return b
}

func (r *reader) headers() switchhook.Headers {
	n := r.number()
	if n > uint64(len(r.rest)) { // each takes two bytes at least
		r.broken = true
		return nil
	}
	list := make(switchhook.Headers, 0, n)
	for range n {
		list = append(list, switchhook.Header{Name: r.text(), Value: r.text()})
	}
	return list
}

func bit(set bool) uint64 {
	if set {
		return 1
	}
	return 0
}

// requestSaid is a request to send, and how long its answer may take. A client
// certificate's key is not said: who needs one has it sent at home.
func requestSaid(b []byte, q *wire.Request, within time.Duration) []byte {
	b = number(append(b, saySend), uint64(max(within, 0)))
	for _, s := range [...]string{q.Method, q.URL.String(), q.Way.Networks, q.Way.CA} {
		b = text(b, s)
	}
	b = number(b, bit(q.Discreet))
	return text(headersSaid(b, q.Header), q.Body)
}

func (r *reader) request() (*wire.Request, error) {
	within := time.Duration(r.number()) //nolint:gosec // it was one
	q := &wire.Request{Deadline: time.Now().Add(within), Method: r.text()}
	u, err := url.Parse(r.text())
	q.Way = wire.Way{Networks: r.text(), CA: r.text()}
	q.Discreet = r.number() > 0
	q.URL, q.Header, q.Body = u, r.headers(), []byte(r.text())
	if r.broken || err != nil {
		return nil, errors.Join(errSpeech, err)
	}
	return q, nil
}

// answerSaid is what came of a request: an answer, an error, or both.
func answerSaid(b []byte, a *switchhook.HTTPResponse, err error) []byte {
	b = errorSaid(b, err)
	if a == nil {
		return number(b, 0)
	}
	b = number(number(b, uint64(a.Status)), bit(a.Hidden)) //nolint:gosec // a status
	return text(headersSaid(b, a.Headers), a.Body)
}

func (r *reader) answer() (*switchhook.HTTPResponse, error) {
	said := r.error()
	status := r.number()
	if status == 0 || r.broken {
		if r.broken {
			said = errSpeech
		}
		return nil, said
	}
	a := &switchhook.HTTPResponse{Status: int(status), Hidden: r.number() > 0, Headers: r.headers(), Body: r.text()} //nolint:gosec // a status
	if r.broken {
		return nil, errSpeech
	}
	return a, said
}

// named are the errors that the engine tells apart; of others only the words are said.
func named() []error { return []error{wire.ErrNotSent, os.ErrDeadlineExceeded} }

func errorSaid(b []byte, err error) []byte {
	if err == nil {
		return number(b, 0)
	}
	for i, known := range named() {
		if errors.Is(err, known) {
			return number(b, uint64(i)+1)
		}
	}
	return text(number(b, uint64(len(named()))+1), err.Error())
}

func (r *reader) error() error {
	switch n := r.number(); {
	case n == 0:
		return nil
	case n <= uint64(len(named())):
		return named()[n-1]
	default:
		return errors.New(r.text())
	}
}

// An ask is a client's request that a hand passes on.
func askSaid(b []byte, q *http.Request, body []byte) []byte {
	b = append(b, sayAsk)
	for _, s := range [...]string{q.Method, q.RequestURI, q.Host, q.RemoteAddr} {
		b = text(b, s)
	}
	return text(multiSaid(b, q.Header), body)
}

func multiSaid(b []byte, h http.Header) []byte {
	n := 0
	for _, values := range h {
		n += len(values)
	}
	b = number(b, uint64(n))
	for name, values := range h {
		for _, value := range values {
			b = text(text(b, name), value)
		}
	}
	return b
}

func (r *reader) multi() http.Header {
	list := r.headers()
	h := make(http.Header, len(list))
	for _, each := range list {
		h[each.Name] = append(h[each.Name], each.Value)
	}
	return h
}
