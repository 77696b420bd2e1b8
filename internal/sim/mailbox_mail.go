package sim

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"time"
)

// A Mail is one that a Mailbox took.
type Mail struct {
	// Place is its place in the order of all, from 1.
	Place int
	// At is when its last byte came.
	At time.Time
	// From and To are the envelope's.
	From string
	To   []string
	// UTF8, EightBit and Declared are what the client said of it: SMTPUTF8, BODY=8BITMIME,
	// SIZE. TLS: the connection was encrypted.
	UTF8, EightBit, TLS bool
	Declared            int64
	// Data is the mail as it came.
	Data []byte

	// Header is its header, Subject and MessageID are decoded. Problem is what is wrong with
	// the mail, empty: nothing.
	Header             netmail.Header
	Subject, MessageID string
	// Parts are its parts that have no parts, decoded, in their order.
	Parts   []MailPart
	Problem string
}

// A MailPart is a text or a file of a mail.
type MailPart struct {
	Type        string // such as text/html
	Disposition string // such as attachment; empty: it says none
	Name        string // of a file
	ContentID   string // without brackets
	Within      string // the multiparts around it, such as mixed/alternative
	Data        []byte
}

// Text is the mail's part of a type, such as text/plain, that is no attachment.
func (m *Mail) Text(kind string) string {
	for _, p := range m.Parts {
		if p.Type == kind && p.Disposition == "" {
			return string(p.Data)
		}
	}
	return ""
}

// mostNested is how deep multiparts may be in one another.
const mostNested = 8

// ReadMail takes a mail apart as its receiver's program would.
func ReadMail(data []byte) *Mail {
	m := &Mail{Data: data}
	m.read()
	return m
}

func (m *Mail) read() {
	msg, err := netmail.ReadMessage(bytes.NewReader(m.Data))
	if err != nil {
		m.Problem = "the header cannot be read: " + err.Error()
		return
	}
	m.Header = msg.Header
	if m.Subject, err = new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject")); err != nil {
		m.Problem = "the subject cannot be read: " + err.Error()
	}
	m.MessageID = strings.Trim(msg.Header.Get("Message-Id"), "<>")
	if err := m.take(partHeader(msg.Header), msg.Body, ""); err != nil && m.Problem == "" {
		m.Problem = "the body cannot be read: " + err.Error()
	}
}

// partHeader is a header of which the first value of each name counts.
type partHeader map[string][]string

func (h partHeader) get(name string) string { return netmail.Header(h).Get(name) }

func (m *Mail) take(h partHeader, r io.Reader, within string) error {
	kind, params, err := mime.ParseMediaType(h.get("Content-Type"))
	if err != nil {
		return fmt.Errorf("the type %q: %w", h.get("Content-Type"), err)
	}
	if how, ok := strings.CutPrefix(kind, "multipart/"); ok {
		if within = strings.TrimPrefix(within+"/"+how, "/"); strings.Count(within, "/") >= mostNested {
			return fmt.Errorf("more than %d multiparts in one another", mostNested)
		}
		parts := multipart.NewReader(r, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if err := m.take(partHeader(p.Header), p, within); err != nil {
				return err
			}
		}
	}
	switch strings.ToLower(h.get("Content-Transfer-Encoding")) {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	}
	part := MailPart{Type: kind, ContentID: strings.Trim(h.get("Content-Id"), "<>"), Within: within}
	if part.Data, err = io.ReadAll(r); err != nil {
		return err
	}
	if d := h.get("Content-Disposition"); d != "" {
		var of map[string]string
		if part.Disposition, of, err = mime.ParseMediaType(d); err != nil {
			return fmt.Errorf("the disposition %q: %w", d, err)
		}
		part.Name = of["filename"]
	}
	m.Parts = append(m.Parts, part)
	return nil
}
