package post_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/switchhook/switchhook/internal/mail"
	"github.com/switchhook/switchhook/internal/mail/post"
	"github.com/switchhook/switchhook/internal/sim"
)

// What an event says can end up in any of these.
func TestNothingGetsIntoTheHeader(t *testing.T) {
	t.Parallel()
	box := mailbox(t, sim.MailboxOptions{UTF8: true})
	o := office(t, box.URL(), nil)
	evil := "x\r\nBcc: eve@example.com\r\n\r\n<script>\x00\u2028\x7f"
	m := message("\"" + evil + "\" <ann@example.net>")
	m.From, m.ReplyTo, m.Subject = evil+" <from@example.com>", []string{evil + "<reply@example.com>", evil}, evil
	m.EventID = evil
	m.Attachments = []mail.Attachment{{Name: evil, Type: evil, URL: "data:" + strings.ReplaceAll(evil, ",", "") + ",x"}}
	send(t, o, m)
	got := only(t, box)
	names := slices.Sorted(maps.Keys(got.Header))
	want := []string{"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Reply-To", "Subject", "To", "X-Auto-Response-Suppress"}
	if !slices.Equal(names, want) || !slices.Equal(got.To, []string{"ann@example.net"}) || got.From != "from@example.com" {
		t.Errorf("%q, from %s for %q", names, got.From, got.To)
	}
	if got.Subject != "x Bcc: eve@example.com <script>" {
		t.Errorf("%q", got.Subject)
	}
	for _, address := range []string{"a\r\nRCPT TO:<eve@example.com>@example.net", "<a@example.net>\r\nDATA", "a@example.net>\r\n<b@example.net"} {
		if a := send(t, o, message(address)); a.Status == 250 && len(box.Messages()[box.Count()-1].To) != 1 {
			t.Errorf("%q: %+v", address, a)
		}
	}
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	box := mailbox(t, sim.MailboxOptions{})
	o := office(t, box.URL(), nil)
	for _, subject := range []string{
		"", "plain", strings.Repeat("a", 3000), strings.Repeat("ü", 1500), strings.Repeat("words and ", 300) + "end",
		"=?utf-8?q?not_encoded?=", "😀" + strings.Repeat("日本", 40), "Re: =?", "a " + strings.Repeat("b", 70) + " c",
	} {
		m := message("a@example.net")
		m.Subject = subject
		send(t, o, m)
		got := box.Messages()[box.Count()-1]
		if got.Problem != "" || got.Subject != subject {
			t.Errorf("%.60q became %.60q %s", subject, got.Subject, got.Problem)
		}
		for line := range bytes.Lines(got.Data) {
			if len(line) > 998 {
				t.Errorf("%.60q has a line of %d bytes", subject, len(line))
			}
		}
	}
}

// Each form that a mail's body can have.
func TestForms(t *testing.T) {
	t.Parallel()
	box := mailbox(t, sim.MailboxOptions{})
	o := office(t, box.URL(), nil)
	const logo, file = "data:image/svg+xml,%3Csvg/%3E", "data:text/plain,x"
	for _, each := range []struct {
		text, html, logo string
		files            int
		want             []string
	}{
		{"t", "", "", 0, []string{"text/plain in "}},
		{"", "", "", 0, []string{"text/plain in "}},
		{"", "<p>", "", 0, []string{"text/html in "}},
		{"t", "<p>", "", 0, []string{"text/plain in alternative", "text/html in alternative"}},
		{"t", "<p>", logo, 0, []string{"text/plain in alternative", "text/html in alternative"}}, // nothing shows it
		{"", "<img src='cid:logo'>", logo, 0, []string{"text/html in related", "image/svg+xml in related"}},
		{"t", "cid:logo", "https://example.com/logo.png", 0, []string{"text/plain in alternative", "text/html in alternative"}},
		{"t", "cid:logo", "data:text/html,x", 0, []string{"text/plain in alternative", "text/html in alternative"}},
		{"t", "", logo, 2, []string{"text/plain in mixed", "text/plain in mixed", "text/plain in mixed"}},
		{"", "cid:logo", logo, 1, []string{"text/html in mixed/related", "image/svg+xml in mixed/related", "text/plain in mixed"}},
	} {
		m := message("a@example.net")
		m.Text, m.HTML, m.Logo = each.text, each.html, each.logo
		for range each.files {
			m.Attachments = append(m.Attachments, mail.Attachment{URL: file})
		}
		send(t, o, m)
		got := box.Messages()[box.Count()-1]
		var parts []string
		for _, p := range got.Parts {
			parts = append(parts, p.Type+" in "+p.Within)
		}
		if got.Problem != "" || !slices.Equal(parts, each.want) {
			t.Errorf("%+v: %q %s\n%s", each, parts, got.Problem, got.Data)
		}
	}
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for kind, key := range map[string]crypto.Signer{"rsa": rsaKey, "ed25519": edKey} {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		read, err := post.ParseDKIMKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
		if err != nil {
			t.Fatal(err)
		}
		record := "v=DKIM1; k=" + kind + "; p="
		switch public := key.Public().(type) {
		case ed25519.PublicKey:
			record += base64.StdEncoding.EncodeToString(public)
		default:
			der, err := x509.MarshalPKIXPublicKey(public)
			if err != nil {
				t.Fatal(err)
			}
			record += base64.StdEncoding.EncodeToString(der)
		}
		verify := func(data []byte) error { return verifySignature(data, "s1", record, key.Public()) }
		box := mailbox(t, sim.MailboxOptions{UTF8: true})
		o := office(t, box.URL(), func(o *post.Options) { o.DKIM = &post.DKIM{Domain: "example.com", Selector: "s1", Key: read} })
		for _, subject := range []string{"plain", "Grüße aus " + strings.Repeat("Llanfair", 40), strings.Repeat("many words ", 30), ""} {
			m := message("Ann <ann@example.net>", "münchen@example.net")
			m.Subject, m.Text, m.Cc = subject, "trailing blanks  \n\n.\n\n\n", []string{"Üwe " + strings.Repeat("long name ", 30) + "<bob@example.net>"}
			m.Attachments = attachment("data:,"+strings.Repeat("x", 1000), "größe.txt")
			send(t, o, m)
			data := box.Messages()[box.Count()-1].Data
			if err := verify(data); err != nil {
				t.Errorf("%s, %.20q: %v\n%s", kind, subject, err, data)
			}
			for _, add := range []string{"Subject: Give me your password\r\n", "From: boss@example.com\r\n", "Reply-To: eve@example.com\r\n"} {
				if verify(append([]byte(add), data...)) == nil {
					t.Errorf("%s: %q was added, and nobody saw it", kind, add)
				}
			}
		}
	}
}

// verifySignature does what the signer's library says of the signature, and then what RFC 6376
// says, with relaxed/relaxed alone: the library could be wrong in the same way twice.
func verifySignature(data []byte, selector, record string, public crypto.PublicKey) error {
	signatures, err := dkim.VerifyWithOptions(bytes.NewReader(data), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
		if name != selector+"._domainkey.example.com" {
			return nil, fmt.Errorf("asked for %s", name)
		}
		return []string{record}, nil
	}})
	switch {
	case err != nil:
		return err
	case len(signatures) != 1:
		return fmt.Errorf("%d signatures", len(signatures))
	case signatures[0].Err != nil:
		return signatures[0].Err
	}
	head, body, _ := strings.Cut(string(data), "\r\n\r\n")
	relaxed := func(s string) string {
		return regexp.MustCompile(`[ \t]+`).ReplaceAllString(strings.ReplaceAll(s, "\r\n", ""), " ")
	}
	fields := map[string][]string{}
	for line := range strings.SplitSeq(regexp.MustCompile(`\r\n[ \t]`).ReplaceAllString(head, " "), "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		name = strings.ToLower(strings.TrimSpace(name))
		fields[name] = append(fields[name], name+":"+strings.TrimSpace(relaxed(value)))
	}
	signature := fields["dkim-signature"][0]
	tags := map[string]string{}
	for tag := range strings.SplitSeq(strings.TrimPrefix(signature, "dkim-signature:"), ";") {
		name, value, _ := strings.Cut(tag, "=")
		tags[strings.TrimSpace(name)] = strings.ReplaceAll(value, " ", "")
	}
	var lines []string
	for line := range strings.SplitSeq(body, "\r\n") {
		lines = append(lines, strings.TrimRight(relaxed(line), " "))
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	sum := sha256.Sum256([]byte(strings.Join(lines, "\r\n") + "\r\n"))
	if tags["bh"] != base64.StdEncoding.EncodeToString(sum[:]) {
		return errors.New("the body is another")
	}
	signed := ""
	for name := range strings.SplitSeq(strings.ToLower(tags["h"]), ":") {
		if list := fields[name]; len(list) > 0 {
			signed += list[len(list)-1] + "\r\n"
			fields[name] = list[:len(list)-1]
		}
	}
	signed += regexp.MustCompile(`(;\s?b=)[^;]*`).ReplaceAllString(signature, "$1")
	sum = sha256.Sum256([]byte(signed))
	b, err := base64.StdEncoding.DecodeString(tags["b"])
	if err != nil {
		return err
	}
	switch public := public.(type) {
	case ed25519.PublicKey:
		if !ed25519.Verify(public, sum[:], b) {
			return errors.New("the signature is another")
		}
		return nil
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], b)
	}
	return errors.New("no key")
}

// A mail server that checks users by CRAM-MD5 and SCRAM-SHA-256, as RFC 2195 and RFC 7677
// have them, to see that they are not told the password.
func TestPasswordsThatAreNotTold(t *testing.T) {
	t.Parallel()
	const user, password = "ann", "pencil"
	mac := func(key, text []byte) []byte { h := hmac.New(sha256.New, key); h.Write(text); return h.Sum(nil) }
	decode := func(s string) string { b, _ := base64.StdEncoding.DecodeString(s); return string(b) }
	salt := []byte("salt and pepper")
	salted, err := pbkdf2.Key(sha256.New, password, salt, 4096, 32)
	if err != nil {
		t.Fatal(err)
	}
	var step int
	var before string
	url := dialogue(t, "220 mx\r\n", func(n int, line string) string {
		challenge := func(s string) string { return "334 " + base64.StdEncoding.EncodeToString([]byte(s)) + "\r\n" }
		switch {
		case strings.HasPrefix(line, "EHLO"):
			step = 0
			return "250-mx\r\n250 AUTH CRAM-MD5 SCRAM-SHA-256\r\n"
		case line == "AUTH CRAM-MD5":
			step = 10
			return challenge("<1896.697170952@postoffice.example.net>")
		case step == 10:
			step = 0
			h := hmac.New(md5.New, []byte(password))
			h.Write([]byte("<1896.697170952@postoffice.example.net>"))
			if decode(line) != fmt.Sprintf("%s %x", user, h.Sum(nil)) {
				return "535 no\r\n"
			}
			return "235 yes\r\n"
		case line == "AUTH SCRAM-SHA-256":
			step = 20
			return challenge("")
		case step == 20:
			step = 21
			bare := strings.TrimPrefix(decode(line), "n,,")
			nonce := bare[strings.Index(bare, "r=")+2:]
			first := "r=" + nonce + "server,s=" + base64.StdEncoding.EncodeToString(salt) + ",i=4096"
			before = bare + "," + first
			return challenge(first)
		case step == 21:
			step = 22
			said := decode(line)
			without, proof, _ := strings.Cut(said, ",p=")
			before += "," + without
			stored := sha256.Sum256(mac(salted, []byte("Client Key")))
			key := []byte(decode(proof))
			for i, b := range mac(stored[:], []byte(before)) {
				key[i] ^= b
			}
			if sha256.Sum256(key) != stored {
				return "535 no\r\n"
			}
			return challenge("v=" + base64.StdEncoding.EncodeToString(mac(mac(salted, []byte("Server Key")), []byte(before))))
		case step == 22:
			step = 0
			return "235 yes\r\n"
		}
		return willing(n, line)
	})
	for _, how := range []string{"cram-md5", "scram-sha-256", "auto"} {
		o := office(t, strings.Replace(url, "smtp://", "smtp://ann:pencil@", 1)+"?auth="+how, nil)
		if a := send(t, o, message("a@example.net")); a.Status != 250 {
			t.Errorf("%s: %+v", how, a)
		}
		wrong := office(t, strings.Replace(url, "smtp://", "smtp://ann:pencils@", 1)+"?auth="+how, nil)
		sendFails(t, wrong, message("a@example.net"), "refused the user name or password: 535 no")
	}
}

// Whatever stands in a message, what comes of it is a mail with the headers that we write, or
// none, and its signature is valid.
func FuzzCompose(f *testing.F) {
	f.Add("Hello", "Ann", "ann@example.net", "text", "<p>html</p>", "name.txt", "data:,x")
	f.Add("a\r\nBcc: b@c", "\"\r\n", "a@b\r\n", ".\r\n.\r\nQUIT", "cid:logo\x00", "\r\n\"", "data:text/html;charset=\"x\r\n\";base64,eA==")
	f.Add("=?utf-8?q?=0d=0a?=", "=?utf-8?b?DQo=?=", "ü@ü.de", "\xff\xfe", "</BODY>", "..", "http://x\r\n/")
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	record := "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
	s, err := post.ParseServer("smtp://127.0.0.1:1")
	if err != nil {
		f.Fatal(err)
	}
	o, err := post.New(post.Options{Server: s, From: "hooks@example.com", DKIM: &post.DKIM{Domain: "example.com", Selector: "s", Key: key}})
	if err != nil {
		f.Fatal(err)
	}
	allowed := []string{
		"Auto-Submitted", "Cc", "Content-Transfer-Encoding", "Content-Type", "Date", "Dkim-Signature", "From", "Message-Id", "Mime-Version", "Reply-To", "Subject",
		"To", "X-Auto-Response-Suppress",
	}
	f.Fuzz(func(t *testing.T, subject, name, address, text, html, file, url string) {
		if strings.HasPrefix(strings.ToLower(url), "http") {
			url = "x" + url // nothing is fetched
		}
		m := mail.Message{
			EventID: name, From: name + " <from@example.com>", To: []string{name + "<" + address + ">", "ann@example.net"}, Cc: []string{address},
			Bcc: []string{"bob@example.net"}, ReplyTo: []string{name + "<" + address + ">"}, Subject: subject, Text: text, HTML: html,
			Attachments: []mail.Attachment{{Name: file, Type: name, URL: url}}, Logo: url,
		}
		for _, utf8 := range []bool{false, true} {
			data, err := o.Compose(t.Context(), request(t, m), utf8)
			if err != nil {
				t.Fatal(err)
			}
			if data == nil {
				continue // an address was none
			}
			got, err := netmail.ReadMessage(bytes.NewReader(data))
			if err != nil {
				t.Fatalf("%v\n%q", err, data)
			}
			for name, values := range got.Header {
				if !slices.Contains(allowed, name) || len(values) != 1 {
					t.Errorf("%s: %q\n%q", name, values, data)
				}
			}
			if problem := sim.ReadMail(data).Problem; problem != "" {
				t.Errorf("%s\n%q", problem, data)
			}
			for line := range bytes.Lines(data) {
				line, ends := bytes.CutSuffix(line, []byte("\r\n"))
				if !ends || len(line) > 998 || bytes.ContainsAny(line, "\r\x00") || !utf8 && bytes.ContainsFunc(line, func(r rune) bool { return r > 126 }) {
					t.Errorf("the line %q\n%q", line, data)
				}
			}
			if err := verifySignature(data, "s", record, key.Public()); err != nil {
				t.Errorf("%v\n%q", err, data)
			}
		}
	})
}
