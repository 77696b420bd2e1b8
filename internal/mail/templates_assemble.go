package mail

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/txtar"
)

// The body of a built-in template is written once, in a few kinds of lines, and becomes
// both its text and its HTML. What comes out is complete: whoever changes a template
// changes that, and needs to know nothing of this.
//
//	# text                      the title
//	text                        a paragraph, up to an empty line
//	> text                      a quotation: of several lines, as the event has it
//	! text                      a warning
//	| macro | label | value     a row of facts, which is there where the macro is
//	- text                      an item of a list
//	[label](link)               a button
//	~ text                      a paragraph of the HTML alone
//	{% if … %}                  a line of tags and nothing else is put in as it is;
//	                            between rows or items it begins with their sign
//
// Text in it is plain text; the template language's tags stand wherever they are needed.
func assemble(subject, preheader, body, why string) (text, page string) {
	a := &assembly{}
	for block := range blocks(body) {
		a.block(block)
	}
	put := strings.NewReplacer("@title@", escape(subject), "@preheader@", escape(preheader), "@why@", escape(why), "@body@", strings.TrimSpace(a.html.String()))
	text = a.text.String() + strings.NewReplacer("@why@", why).Replace(layout()["text"])
	return text, put.Replace(layout()["page"])
}

// layout is the look: builtin/layout.txt, by its parts.
//
//nolint:gochecknoglobals // the look is a constant
var layout = sync.OnceValue(func() map[string]string { return parts("builtin/layout.txt") })

// parts are those of a file that comes with the program.
func parts(file string) map[string]string {
	b, err := builtin.ReadFile(file)
	if err != nil {
		panic("mail: " + err.Error())
	}
	return partsOf(txtar.Parse(b))
}

func partsOf(a *txtar.Archive) map[string]string {
	parts := map[string]string{}
	for _, f := range a.Files {
		parts[f.Name] = strings.TrimSpace(string(f.Data))
	}
	return parts
}

var (
	tag      = regexp.MustCompile(`\{\{.*?\}\}|\{%.*?%\}`)
	onlyTags = regexp.MustCompile(`^(\{%[^%]*%\}\s*)+$`)
	button   = regexp.MustCompile(`^\[(.+)\]\((.+)\)$`)
)

// escape makes HTML of text, and leaves the language's tags as they are.
func escape(s string) string {
	var b strings.Builder
	end := 0
	for _, at := range tag.FindAllStringIndex(s, -1) {
		b.WriteString(html.EscapeString(s[end:at[0]]) + s[at[0]:at[1]])
		end = at[1]
	}
	b.WriteString(html.EscapeString(s[end:]))
	return strings.ReplaceAll(b.String(), "&#39;", "'")
}

// blocks yields the body's blocks: lines that belong together.
func blocks(body string) func(yield func([]string) bool) {
	kind := func(l string) string {
		switch {
		case onlyTags.MatchString(l):
			return "tags"
		case strings.HasPrefix(l, "[") && button.MatchString(l):
			return "button"
		case len(l) > 2 && strings.Contains("#>!|-~", l[:1]) && l[1] == ' ':
			return l[:1]
		default:
			return "paragraph"
		}
	}
	return func(yield func([]string) bool) {
		var block []string
		flush := func() bool {
			b := block
			block = nil
			return len(b) == 0 || yield(b)
		}
		for l := range strings.Lines(body) {
			l = strings.TrimSpace(l)
			k := kind(l)
			if l == "" || k == "tags" || len(block) > 0 && kind(block[0]) != k {
				if !flush() {
					return
				}
			}
			if l != "" {
				block = append(block, l)
			}
			if k == "tags" && !flush() {
				return
			}
		}
		flush()
	}
}

type assembly struct{ text, html strings.Builder }

func (a *assembly) block(lines []string) {
	first := lines[0]
	rest := strings.TrimSpace(first[1:])
	switch {
	case onlyTags.MatchString(first):
		a.text.WriteString(first)
		a.html.WriteString(first + "\n")
	case strings.HasPrefix(first, "["):
		m := button.FindStringSubmatch(first)
		a.both(m[1]+":\n"+m[2], a.piece("button", "@label@", escape(m[1]), "@link@", m[2]))
	case strings.HasPrefix(first, "| "):
		a.table(lines)
	case strings.HasPrefix(first, "- "):
		a.list(lines)
	case strings.HasPrefix(first, "# "):
		a.both(rest, a.piece("title", "@text@", escape(rest)))
	case strings.HasPrefix(first, "! "):
		a.both(rest, a.piece("warning", "@text@", escape(rest)))
	case strings.HasPrefix(first, "> "):
		a.both(rest, a.piece("quotation", "@text@", strings.ReplaceAll(escape(rest), " }}", "|linebreaksbr }}")))
	case strings.HasPrefix(first, "~ "):
		a.html.WriteString(a.piece("paragraph", "@text@", escape(rest)) + "\n")
	default:
		paragraph := strings.Join(lines, " ")
		a.both(paragraph, a.piece("paragraph", "@text@", escape(paragraph)))
	}
}

func (a *assembly) both(text, html string) {
	a.text.WriteString(text + "\n\n")
	a.html.WriteString(html + "\n")
}

func (a *assembly) piece(name string, oldnew ...string) string {
	return strings.NewReplacer(oldnew...).Replace(layout()[name])
}

// table writes rows of facts. Where every row depends on a macro, so does the table: it
// is never empty.
func (a *assembly) table(lines []string) {
	var text, rows strings.Builder
	var macros []string
	always := false
	for _, l := range lines {
		l = strings.TrimSpace(strings.TrimPrefix(l, "|"))
		if onlyTags.MatchString(l) {
			text.WriteString(l)
			rows.WriteString(l + "\n")
			always = true // the one who wrote it sees to that
			continue
		}
		cells := strings.SplitN(l, " | ", 3)
		if len(cells) != 3 {
			panic(fmt.Sprintf("mail: a row needs a macro, a label and a value: %s", l))
		}
		macro, label, value := strings.TrimSpace(cells[0]), strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2])
		row := a.piece("row", "@label@", escape(label), "@value@", escape(value))
		line := label + ": " + value + "\n"
		if macro == "-" {
			always = true
		} else {
			macros = append(macros, macro)
			row = "{% if " + macro + " %}" + row + "{% endif %}"
			line = "{% if " + macro + " %}" + line + "{% endif %}"
		}
		text.WriteString(line)
		rows.WriteString(row + "\n")
	}
	begin, end := "", ""
	if !always {
		begin, end = "{% if "+strings.Join(macros, " or ")+" %}", "{% endif %}"
	}
	a.text.WriteString(begin + text.String() + "\n" + end)
	a.html.WriteString(begin + a.piece("table", "@rows@", strings.TrimSpace(rows.String())) + end + "\n")
}

func (a *assembly) list(lines []string) {
	var text, items strings.Builder
	for _, l := range lines {
		l = strings.TrimSpace(strings.TrimPrefix(l, "-"))
		if onlyTags.MatchString(l) {
			text.WriteString(l)
			items.WriteString(l + "\n")
			continue
		}
		text.WriteString("- " + l + "\n")
		items.WriteString(a.piece("item", "@text@", escape(l)) + "\n")
	}
	a.text.WriteString(text.String() + "\n")
	a.html.WriteString(a.piece("list", "@items@", strings.TrimSpace(items.String())) + "\n")
}
