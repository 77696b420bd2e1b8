package mail_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/django"
	"github.com/switchhook/switchhook/internal/mail"
)

var update = flag.Bool("update", false, "write what is generated anew: golden files, docs/notifications.md")

// A letter is a template, ready to be rendered.
type letter struct {
	mail.Definition
	subject, text, html *django.Template
}

type rendered struct{ subject, text, html string }

func letters(t *testing.T) []letter {
	t.Helper()
	var all []letter
	for _, d := range mail.Definitions() {
		parse := func(part, source string, o django.Options) *django.Template {
			parsed, err := django.Parse(source, o)
			if err != nil {
				t.Fatalf("%s, %s: %v\n%s", d.ID, part, err, source)
			}
			return parsed
		}
		all = append(all, letter{
			d, parse("subject", d.Subject, django.Options{}), parse("text", d.Text, django.Options{}), parse("html", d.HTML, django.Options{HTML: true}),
		})
	}
	return all
}

func (l *letter) render(t *testing.T, context map[string]any) rendered {
	t.Helper()
	now := time.Date(2026, 1, 31, 15, 4, 36, 0, time.UTC)
	part := func(p *django.Template) string {
		s, err := p.Render(t.Context(), context, now)
		if err != nil {
			t.Fatalf("%s: %v", l.ID, err)
		}
		return s
	}
	return rendered{part(l.subject), strings.TrimSpace(part(l.text)) + "\n", part(l.html)}
}

// What Kazoo has is there: the templates, their categories, whom they go to, and every
// macro, which the sample fills.
func TestKazoosTemplatesAndMacros(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/kazoo.txt")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for l := range strings.Lines(string(b)) {
		if strings.HasPrefix(l, "#") {
			continue
		}
		seen++
		f := strings.Split(strings.TrimSpace(l), " | ")
		d, ok := mail.Lookup(f[0])
		if !ok {
			t.Errorf("there is no template %s", f[0])
			continue
		}
		if d.Category != f[1] || d.To.Type != f[2] {
			t.Errorf("%s: category %s, to %s; Kazoo has %s and %s", d.ID, d.Category, d.To.Type, f[1], f[2])
		}
		context := mail.Context(mail.Sample(d.ID), mail.SampleEnv(d.ID))
		for name := range strings.FieldsSeq(f[3]) {
			if value(context, strings.Split(name, ".")) == nil {
				t.Errorf("%s: its sample does not fill %s", d.ID, name)
			}
			listed := func(m mail.Macro) bool { return m.Name == name || strings.HasPrefix(name, m.Name+".[item_name]") }
			if !slices.ContainsFunc(d.Macros, listed) {
				t.Errorf("%s: %s is not in its list of macros", d.ID, name)
			}
		}
	}
	if seen != 39 {
		t.Errorf("testdata/kazoo.txt has %d templates, not 39", seen)
	}
}

// So is what Kazoo 5 adds, what its own templates show without declaring it, and what older
// templates of Kazoo show, which operators still have.
func TestMacrosOfOtherKazoos(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/kazoo_others.txt")
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(b)) {
		if strings.HasPrefix(l, "#") {
			continue
		}
		id, macros, _ := strings.Cut(strings.TrimSpace(l), " | ")
		if _, ok := mail.Lookup(id); !ok {
			t.Errorf("there is no template %s", id)
		}
		context := mail.Context(mail.Sample(id), mail.SampleEnv(id))
		for name := range strings.FieldsSeq(macros) {
			if value(context, strings.Split(name, ".")) == nil {
				t.Errorf("%s: its sample does not fill %s", id, name)
			}
		}
	}
}

// value follows a path; [item_name] is any member.
func value(v any, path []string) any {
	if len(path) == 0 {
		return v
	}
	members, _ := v.(map[string]any)
	if path[0] != "[item_name]" {
		return value(members[path[0]], path[1:])
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if found := value(members[name], path[1:]); found != nil {
			return found
		}
	}
	return nil
}

func TestEachMacroHasASampleAndIsKnown(t *testing.T) {
	t.Parallel()
	for _, l := range letters(t) {
		var roots []string
		for _, m := range l.Macros {
			if m.Sample == "" && m.Name != "brand.logo" {
				t.Errorf("%s: the sample does not fill %s", l.ID, m.Name)
			}
			root, _, _ := strings.Cut(m.Name, ".")
			roots = append(roots, root)
		}
		for _, p := range []*django.Template{l.subject, l.text, l.html} {
			for _, name := range p.Names() {
				base := strings.TrimSuffix(name, "_left_out")
				listed := func(m mail.Macro) bool {
					return m.Name == base || strings.HasPrefix(m.Name, base+".") || strings.HasPrefix(base, m.Name+".")
				}
				if !slices.ContainsFunc(l.Macros, listed) && base != "account.id" { // which every mail has
					t.Errorf("%s shows %s, which is not in its list of macros: %v", l.ID, name, slices.Compact(roots))
				}
			}
		}
	}
}

// Each template's mails as they are: of a full event, of one that says nothing but what
// it is, and of one that a stranger made. The HTML is without its styles, but for one.
func TestLetters(t *testing.T) {
	t.Parallel()
	for _, l := range letters(t) {
		sample := mail.Context(mail.Sample(l.ID), mail.SampleEnv(l.ID))
		checkPlain(t, l.ID, sample)
		full := l.render(t, sample)
		check(t, l.ID+", full", full, &l)
		bare := l.render(t, mail.Context(empty(l.ID), &mail.Env{Account: mail.Account{ID: "4f1a2b3c4d5e6f708192a3b4c5d6e7f8"}}))
		check(t, l.ID+", bare", bare, &l)
		ev, env := hostile(t, l.ID)
		spoilt := mail.Context(ev, env)
		checkPlain(t, l.ID+", hostile", spoilt)
		bad := l.render(t, spoilt)
		checkHostile(t, l.ID, bad)

		a := &txtar.Archive{}
		for _, m := range []struct {
			name string
			of   rendered
		}{{"full", full}, {"bare", bare}, {"hostile", bad}} {
			page := plainly(m.of.html)
			if m.name == "hostile" { // thousands of items, but not all
				m.of.text, page = beginning(m.of.text), beginning(page)
			}
			a.Files = append(a.Files,
				txtar.File{Name: m.name + ".subject", Data: []byte(m.of.subject + "\n")},
				txtar.File{Name: m.name + ".text", Data: []byte(m.of.text)},
				txtar.File{Name: m.name + ".html", Data: []byte(page)})
		}
		golden(t, "testdata/letters/"+l.ID+".txtar", txtar.Format(a))
		if l.ID == "voicemail_to_email" {
			golden(t, "testdata/voicemail_to_email.html", []byte(full.html))
		}
	}
}

func beginning(s string) string {
	const most = 4000
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "\n[and more]\n"
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	want, err := os.ReadFile(filepath.Clean(file))
	if err == nil && bytes.Equal(want, got) {
		return
	}
	if !*update {
		t.Errorf("%s (-update writes it anew):\n%s", file, cmp.Diff(string(want), string(got)))
		return
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, got, 0o600); err != nil {
		t.Fatal(err)
	}
}

// plainly is the card of a mail without its styles.
func plainly(page string) string {
	_, body, _ := strings.Cut(page, "<body")
	for _, attributes := range []string{
		` style="[^"]*"`, ` (cell|b)[a-z]*="[^"]*"`, ` role="[^"]*"`, ` width="[^"]*"`, ` v?align="[^"]*"`, ` height="[^"]*"`, ` scope="row"`, `<!--.*?-->\n?`, `&#8199;&#847;`,
	} {
		body = regexp.MustCompile(attributes).ReplaceAllString(body, "")
	}
	return "<body" + body
}

// empty is an event of the template's type that says nothing.
func empty(id string) *switchhook.Event {
	ev := *mail.Sample(id)
	ev.Data, ev.Resources = json.RawMessage(`{}`), nil
	return &ev
}

// Whatever single thing is missing, a mail reads well.
func TestNothingIsMissed(t *testing.T) {
	t.Parallel()
	for _, l := range letters(t) {
		ev, env, seen := mail.Sample(l.ID), mail.SampleEnv(l.ID), map[string]bool{}
		for _, path := range leaves(ev.Data) {
			without := *ev
			without.Data, without.Resources = drop(t, ev.Data, path), nil
			context := mail.Context(&without, env)
			if l.ID != "first_occurrence" {
				delete(context, "event") // which no built-in template shows
			}
			if macros := fmt.Sprint(context); !seen[macros] {
				seen[macros] = true
				check(t, l.ID+" without "+strings.Join(path, "."), l.render(t, context), &l)
			}
		}
		for name, change := range map[string]func(*mail.Env){
			"account name": func(e *mail.Env) { e.Account.Name = "" }, "account": func(e *mail.Env) { e.Account = mail.Account{} },
			"user": func(e *mail.Env) { e.User = nil }, "user's name": func(e *mail.Env) { e.User = json.RawMessage(`{"email":"a@example.com"}`) },
			"brand": func(e *mail.Env) { e.Brand = mail.Brand{} }, "attachments": func(e *mail.Env) { e.Attachments = nil },
			"reseller": func(e *mail.Env) { e.Parent, e.Reseller = mail.Account{}, mail.Account{} }, "webhook": func(e *mail.Env) { e.Webhook = nil },
		} {
			less := *env
			change(&less)
			check(t, l.ID+" without "+name, l.render(t, mail.Context(ev, &less)), &l)
		}
	}
}

// leaves are the paths to all members of an object, at any depth.
func leaves(data []byte) [][]string {
	var paths [][]string
	var walk func(o map[string]any, at []string)
	walk = func(o map[string]any, at []string) {
		for _, name := range slices.Sorted(maps.Keys(o)) {
			path := append(slices.Clone(at), name)
			paths = append(paths, path)
			if inner, ok := o[name].(map[string]any); ok {
				walk(inner, path)
			}
		}
	}
	var o map[string]any
	_ = json.Unmarshal(data, &o) // it is a sample
	walk(o, nil)
	return paths
}

func drop(t *testing.T, data []byte, path []string) json.RawMessage {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatal(err)
	}
	at := o
	for _, name := range path[:len(path)-1] {
		at, _ = at[name].(map[string]any)
	}
	delete(at, path[len(path)-1])
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, data, want string }{
		{"voicemail.new", `{}`, "voicemail_to_email"},
		{"voicemail.saved", `{}`, ""},
		{"billing.transaction", `{"success":true}`, "transaction"},
		{"billing.transaction", `{"success":false}`, "transaction_failed"},
		{"billing.transaction", `{}`, "transaction_failed"},
		{"port.requested", `{}`, "port_request port_request_admin"},
		{"port.commented", `{"comment":{"content":"x"}}`, "port_comment"},
		{"port.commented", `{"comment":"x"}`, "port_comment"},
		{"port.commented", `{"comment":{"content":"x","superduper_comment":true}}`, ""},
		{"fax.receive_failed", `{"fax":{"result_code":"48"}}`, "fax_inbound_error_to_email fax_inbound_error_to_email_filtered"},
		{"fax.receive_failed", `{"fax":{"result_code":"49"}}`, "fax_inbound_error_to_email"},
		{"fax.receive_failed", `{"fax":{"result_code":"0"}}`, "fax_inbound_error_to_email"},
		{"call.missed", `{"call":{"id":"a","bridged":false,"message_left":false}}`, "missed_call"},
		{"call.missed", `{"call":{"id":"a","message_left":true}}`, ""},
		{"call.missed", `{"call":{"id":"a","bridged":true}}`, ""},
		{"device.deregistered", `{"device":{"username":"u"}}`, "deregister"},
		{"device.deregistered", `{"device":{"username":"u","suppress_notify":true}}`, ""},
		{"device.registered", `{}`, ""},
		{"notification.custom", `{"template_id":"vip_call"}`, "vip_call"},
		{"notification.custom", `{"template_id":"conference_email_invite"}`, "conference_email_invite"},
		{"notification.custom", `{"template_id":"../x"}`, ""},
		{"notification.custom", `{}`, ""},
		{"call.created", `{}`, ""},
	} {
		var ids []string
		for _, d := range mail.For(&switchhook.Event{Type: c.typ, Data: json.RawMessage(c.data)}) {
			ids = append(ids, d.ID)
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%s %s feeds %q, not %q", c.typ, c.data, got, c.want)
		}
	}
}

// Samples are events as they come, and feed their template.
func TestSamples(t *testing.T) {
	t.Parallel()
	for _, d := range mail.Definitions() {
		ev := mail.Sample(d.ID)
		typ, ok := catalogue.Lookup(ev.Type)
		if !ok {
			t.Errorf("%s: there is no type %s", d.ID, ev.Type)
			continue
		}
		if wrong := catalogue.Check(typ, ev.Data, "data"); len(wrong) > 0 {
			t.Errorf("%s: its sample is wrong: %v", d.ID, wrong)
		}
		if !slices.ContainsFunc(mail.For(ev), func(f mail.Definition) bool { return f.ID == d.ID }) {
			t.Errorf("%s: its sample does not feed it", d.ID)
		}
		for _, event := range d.Events {
			if _, ok := catalogue.Lookup(event); !ok {
				t.Errorf("%s: there is no type %s", d.ID, event)
			}
		}
	}
	if n := len(mail.Definitions()); n != 43 {
		t.Errorf("there are %d templates, not 43", n)
	}
	if ev := mail.Sample("my_own"); ev.Type != "notification.custom" || fmt.Sprint(mail.For(ev)[0].ID) != "my_own" {
		t.Errorf("the sample of a template that is none of ours: %+v", ev)
	}
}
