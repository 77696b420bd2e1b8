package post

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"mime"
	netmail "net/mail"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"
)

// longestWord is how long a word of a header's text may be: a line can break between words
// only.
const longestWord = 60

// compose makes the MIME message. All of it is ASCII in short lines, the text as
// quoted-printable, so that it passes any server as it is and its signature stays valid;
// only addresses are not, if the server takes utf8.
func (o *Office) compose(l *letter, utf8 bool) ([]byte, error) {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithCharset(gomail.CharsetUTF8), gomail.WithEncoding(gomail.EncodingQP))
	m.SetAddrHeaderFromMailAddress(gomail.HeaderFrom, l.from.header())
	for name, list := range map[gomail.AddrHeader][]address{gomail.HeaderTo: l.to, gomail.HeaderCc: l.cc, gomail.HeaderReplyTo: l.replyTo} {
		if shown := headerOf(list, utf8); len(shown) > 0 {
			m.SetAddrHeaderFromMailAddress(name, shown...)
		}
	}
	if len(headerOf(l.to, utf8))+len(headerOf(l.cc, utf8)) == 0 {
		m.SetGenHeader("To", "undisclosed-recipients:;")
	}
	m.SetGenHeader(gomail.HeaderSubject, encoded(oneLine(l.m.Subject)))
	m.SetDateWithValue(time.Now())
	m.SetMessageIDWithValue(l.id)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office notes, please
	m.SetGenHeader("X-Auto-Response-Suppress", "All")  // the same for Exchange
	l.write(m)
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("compose the mail: %w", err)
	}
	if !bytes.HasSuffix(b.Bytes(), []byte("\r\n")) {
		b.WriteString("\r\n")
	}
	if o.o.DKIM != nil {
		return o.o.DKIM.sign(b.Bytes())
	}
	return b.Bytes(), nil
}

// headerOf are addresses as a header can have them: one that the server does not take cannot
// stand there either.
func headerOf(list []address, utf8 bool) []*netmail.Address {
	var shown []*netmail.Address
	for _, a := range list {
		if utf8 || !a.international() {
			shown = append(shown, a.header())
		}
	}
	return shown
}

// write writes the body: mixed(related(alternative(text, HTML), logo), files), of which there
// are the parts that are needed.
func (l *letter) write(m *gomail.Msg) {
	text, page := body(l.m.Text), body(l.m.HTML)
	logo, problem := l.logo(page)
	if problem != "" {
		l.omit(omission{name: "logo", why: problem})
	}
	for _, o := range l.omitted {
		if o.name == "logo" && o.url == "" {
			continue // nobody misses it
		}
		if text != "" || page == "" {
			text += "\n\n" + o.sentence() + "\n"
		}
		if page != "" {
			page = before(page, "</body>", o.paragraph())
		}
	}
	if text != "" || page == "" {
		m.SetBodyString(gomail.TypeTextPlain, text)
	}
	if page != "" {
		m.AddAlternativeString(gomail.TypeTextHTML, page)
	}
	if logo != nil {
		m.EmbedReadSeeker("logo", bytes.NewReader(logo.data), logo.header("inline", "<logo>"))
	}
	for _, f := range l.files {
		m.AttachReadSeeker(f.name, bytes.NewReader(f.data), f.header("attachment", ""))
	}
}

// header has the name in both of the ways that mail programs read: RFC 2231, and RFC 2047
// beside the type, which go-mail writes, and which is all that some know.
func (f *file) header(disposition, contentID string) gomail.FileOption {
	return func(of *gomail.File) {
		of.ContentType = gomail.ContentType(f.kind)
		of.Header.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": f.name}))
		if contentID != "" {
			of.Header.Set("Content-ID", contentID)
		}
	}
}

// body is a text as it can stand in a mail: with line feeds at the ends of lines, and without
// other control characters.
func body(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return '\uFFFD'
		}
		return r
	}, s)
}

// encoded is a line as a header can have it (RFC 2047). Words that are too long for a line,
// and those that would be read as if they were encoded, are encoded as well.
func encoded(s string) string {
	plain := !strings.Contains(s, "=?") && strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
	if plain && !slices.ContainsFunc(strings.Fields(s), func(w string) bool { return len(w) > longestWord }) {
		return s
	}
	var words []string
	for s != "" {
		const fits = 42 // bytes, of which base64 makes 56, and the frame 68
		part := shorten(s, fits)
		words = append(words, "=?UTF-8?b?"+base64.StdEncoding.EncodeToString([]byte(part))+"?=")
		s = s[len(part):]
	}
	return strings.Join(words, " ")
}

// An omission is an attachment that the mail goes out without.
type omission struct{ name, why, url string }

func (l *letter) omit(o omission) {
	if !slices.Contains(l.omitted, o) {
		l.omitted = append(l.omitted, o)
	}
}

// omitAll leaves out what was to be attached.
func (l *letter) omitAll(why string) {
	for _, f := range l.files {
		l.omit(omission{f.name, why, f.url})
	}
	l.files = nil
}

func (o omission) sentence() string {
	s := fmt.Sprintf("The attachment %s is not part of this mail: %s.", o.name, o.why)
	if o.url != "" {
		s += " It was to come from " + o.url
	}
	return s
}

func (o omission) paragraph() string {
	s := fmt.Sprintf("<p>The attachment %s is not part of this mail: %s.", html.EscapeString(o.name), html.EscapeString(o.why))
	if o.url != "" {
		s += fmt.Sprintf(` It was to come from <a href="%[1]s">%[1]s</a>`, html.EscapeString(o.url))
	}
	return s + "</p>\n"
}

// before puts something before the last occurrence of a tag, or at the end.
func before(page, tag, something string) string {
	at := len(page)
	for i := len(page) - len(tag); i >= 0; i-- {
		if strings.EqualFold(page[i:i+len(tag)], tag) {
			at = i
			break
		}
	}
	return page[:at] + something + page[at:]
}

// shownURL is a URL as the mail may show it: with what its reader needs to get it, and
// without a password.
func shownURL(u *url.URL) string { return oneLine(u.Redacted()) }
