package mail_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/mail"
)

var (
	leaks  = regexp.MustCompile(`\b(?i:undefined|none|null|nil|nan|no value)\b|\{\{|\{%|%\}|''|""|\( *\)|\[\]|map\[|[^.]\.\.$| ,| \.( |$)|  |[ \t]$|::`)
	broken = regexp.MustCompile(`(\S+ ){0,2}\b(from|to|for|of|by|on|in|at|with|and)([.,:]|$)`)
)

// Where something was not there, no trace of it is: no word for nothing, no empty quotes,
// brackets, rows or paragraphs, no sentence that breaks off.
func check(t *testing.T, what string, m rendered, l *letter) {
	t.Helper()
	texts := append([]string{m.subject}, strings.Split(strings.ReplaceAll(m.text, "\n-- \n", "\n"), "\n")...)
	page, err := html.Parse(strings.NewReader(m.html))
	if err != nil {
		t.Fatal(err)
	}
	for n := range page.Descendants() {
		switch {
		case n.Type == html.TextNode && n.Parent.DataAtom != atom.Style:
			texts = append(texts, strings.TrimSpace(strings.ReplaceAll(n.Data, "\u2007\u034f", "")))
		case n.Type != html.ElementNode:
		case slices.Contains([]atom.Atom{atom.P, atom.H1, atom.Li, atom.Th, atom.Td, atom.Ul, atom.A, atom.Table, atom.Title}, n.DataAtom) && strings.TrimSpace(content(n)) == "":
			if n.DataAtom != atom.Td || !strings.HasPrefix(attribute(n, "class"), "accent") && !strings.HasPrefix(attribute(n, "class"), "pad ink") {
				t.Errorf("%s: an empty %s in the HTML", what, n.Data)
			}
		}
	}
	for _, s := range texts {
		if found := leaks.FindString(s); found != "" {
			t.Errorf("%s: %q in %q", what, found, s)
		}
		// A sentence may end with such a word, if the template has it end there.
		for _, found := range broken.FindAllString(s, -1) {
			source := l.Text + l.HTML
			if !strings.Contains(source, found+"\n") && !strings.Contains(source, found+"<") && (found[len(found)-1] >= 'a' || !strings.Contains(source, found)) {
				t.Errorf("%s: %q breaks off in %q", what, found, s)
			}
		}
	}
	if strings.Contains(m.text, "\n\n\n") {
		t.Errorf("%s: empty lines in the text:\n%s", what, m.text)
	}
	if strings.TrimSpace(m.subject) == "" || strings.Contains(m.subject, "\n") {
		t.Errorf("%s: the subject is %q", what, m.subject)
	}
}

func content(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
		if c.DataAtom == atom.Img {
			b.WriteString("image")
		}
	}
	return b.String()
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// What a stranger may send as a name, a comment, an address.
const attack = "\"><script>alert(1)</script>'`&\r\nBcc: all@example.net\r\n\r\n{{ system.hostname }}{% now \"Y\" %}\u202etxt\x00"

// hostile is a template's sample, where all text is the attack, lists and free objects
// have 10,000 members, and so it is with all around the event.
func hostile(t *testing.T, id string) (*switchhook.Event, *mail.Env) {
	t.Helper()
	var data map[string]any
	ev := *mail.Sample(id)
	if err := json.Unmarshal(ev.Data, &data); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(spoil(data, ""))
	if err != nil {
		t.Fatal(err)
	}
	ev.Data = b
	if err := catalogue.Attach(&ev); err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	account := mail.Account{ID: attack, Name: attack, Realm: attack, Timezone: attack, Language: attack}
	user, err := json.Marshal(map[string]any{"first_name": attack, "last_name": attack, "email": attack, "username": attack, "timezone": attack})
	if err != nil {
		t.Fatal(err)
	}
	return &ev, &mail.Env{
		Account: account, Parent: account, Reseller: account, User: user, Hostname: "secret.example.com", Node: attack,
		Webhook:     &switchhook.Webhook{ID: attack, Name: attack, URL: "javascript:alert(1)", Events: []string{attack}, DisableReason: attack},
		Attachments: []mail.Attachment{{Name: attack, Type: attack, URL: attack}},
		Brand:       mail.Brand{Name: attack, Accent: `red;} body {display:none`, AccentDark: attack, Logo: true},
	}
}

func spoil(v any, name string) any {
	const many = 10_000
	switch v := v.(type) {
	case string:
		if _, err := time.Parse(time.RFC3339, v); err == nil {
			return v
		}
		if name == "link" || strings.HasSuffix(name, "_link") {
			return "javascript:alert(1)"
		}
		if name == "template_id" {
			return v
		}
		return attack
	case []any:
		list := make([]any, 0, many)
		for i := range many {
			if len(v) > 0 {
				list = append(list, spoil(v[i%len(v)], name))
			}
		}
		return list
	case map[string]any:
		spoilt := map[string]any{}
		for member, value := range v {
			spoilt[member] = spoil(value, member)
		}
		if slices.Contains([]string{"details", "zones", "numbers", "databag"}, name) {
			for i := range many {
				spoilt[attack+strings.Repeat("x", i%7)+string(rune('a'+i%26))+time.Duration(i).String()] = attack
			}
		}
		return spoilt
	default:
		return v
	}
}

// Nothing that a stranger sent is more than text: no markup, no header, no template.
func checkHostile(t *testing.T, id string, m rendered) {
	t.Helper()
	const most = 128 << 10 // half of what the template language lets through
	if len(m.text)+len(m.html)+len(m.subject) > most {
		t.Errorf("%s: %d bytes of text, %d of HTML", id, len(m.text), len(m.html))
	}
	if strings.ContainsAny(m.subject, "\r\n\x00\u202e") {
		t.Errorf("%s: the subject %q", id, m.subject)
	}
	if strings.ContainsAny(m.text+m.html, "\r\x00\u202e") || strings.Contains(m.text+m.html+m.subject, "secret.example.com") {
		t.Errorf("%s: something came through", id)
	}
	page, err := html.Parse(strings.NewReader(m.html))
	if err != nil {
		t.Fatal(err)
	}
	for n := range page.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if slices.Contains([]atom.Atom{atom.Script, atom.Iframe, atom.Object, atom.Form, atom.Link}, n.DataAtom) {
			t.Errorf("%s: an element %s", id, n.Data)
		}
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on"):
				t.Errorf("%s: an attribute %s", id, a.Key)
			case a.Key == "href" && !strings.HasPrefix(a.Val, "https://") && !strings.HasPrefix(a.Val, "http://"), a.Key == "src" && a.Val != "cid:logo":
				t.Errorf("%s: %s=%q", id, a.Key, a.Val)
			case a.Key == "style" && strings.Contains(a.Val, "red"):
				t.Errorf("%s: a style %q", id, a.Val)
			}
		}
	}
}
