package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	"golang.org/x/term"

	"github.com/switchhook/switchhook/internal/ordjson"
)

// columns are those of the table of an item, such as Webhook: its members, a.b being b
// of a, with =HEADER where the last name says too little. An item that is not here has
// those of its members that are neither objects nor lists.
func columns() map[string]string {
	return map[string]string{ //nolint:gosec // names of members, no credentials
		"Account":         "id parent_id name status created_at",
		"ApiKey":          "id account_id name role expires_at last_used_at created_at",
		"Attempt":         "started_at=STARTED id event_type=EVENT webhook_id attempt_number=TRY outcome response.status=STATUS duration_ms=TOOK error",
		"Call":            "call.created_at=BEGAN id account_id status call.direction call.from.address=FROM call.to.address=TO call.duration_ms=LASTED call.hangup_reason=ENDED",
		"Delivery":        "accepted_at=ACCEPTED id event_type=EVENT webhook_id state attempts=TRIES next_attempt_at=NEXT reason",
		"DialectID":       "dialect account_id schema id value",
		"DialectIDKind":   "dialect schema form",
		"Event":           "accepted_at=ACCEPTED id type account_id key",
		"EventType":       "type freshness description",
		"Job":             "id webhook_id which state looked total made created_at",
		"MailSummary":     "started_at=STARTED id template.id=TEMPLATE to subject outcome delivery_state=STATE status error",
		"Record":          "account_id schema id row",
		"Reject":          "at id reason",
		"Source":          "id kind account_id state reason stats.messages=MESSAGES stats.rejects=REJECTS stats.last_message_at=LAST",
		"TemplateSummary": "id name category enabled recipients changed version updated_at=UPDATED",
		"TemplateVersion": "version updated_at=UPDATED updated_by=BY reverted",
		"Webhook":         "id account_id name url events dialect status stats.pending=PENDING",
	}
}

// A table prints items as they come, in columns.
type table struct {
	heads []string
	paths [][]string
	rows  [][]string
}

func newTable(item string, first json.RawMessage) *table {
	spec := strings.Fields(columns()[item])
	if len(spec) == 0 {
		o, _ := ordjson.Parse(first) // what is no object has no columns
		for _, m := range o {
			if k := m.Value[0]; k != '{' && k != '[' {
				spec = append(spec, m.Name)
			}
		}
	}
	t := &table{}
	for _, c := range spec {
		path, head, ok := strings.Cut(c, "=")
		parts := strings.Split(path, ".")
		if !ok {
			head = strings.TrimSuffix(strings.ToUpper(parts[len(parts)-1]), "_AT")
		}
		t.heads, t.paths = append(t.heads, head), append(t.paths, parts)
	}
	return t
}

func (t *table) add(item json.RawMessage) {
	row := make([]string, len(t.paths))
	for i, path := range t.paths {
		value := item
		for _, name := range path {
			o, err := ordjson.Parse(value)
			if err != nil {
				value = nil
				break
			}
			value = o.Get(name)
		}
		row[i] = cell(path[len(path)-1], value)
	}
	t.rows = append(t.rows, row)
}

// cell is a value as a table shows it.
func cell(name string, value json.RawMessage) string {
	if ordjson.Null(value) {
		return ""
	}
	switch value[0] {
	case '"':
		s, _ := ordjson.Unquote(value)
		if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return at.Local().Format(time.DateTime)
		}
		return printable(s)
	case '[':
		var texts []string
		if json.Unmarshal(value, &texts) == nil {
			return printable(strings.Join(texts, ","))
		}
	default:
		if ms, err := strconv.ParseFloat(string(value), 64); err == nil && strings.HasSuffix(name, "_ms") {
			return lasted(time.Duration(ms * float64(time.Millisecond)))
		}
	}
	return printable(string(value))
}

// lasted is a length of time in as few digits as a person needs.
func lasted(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	default:
		return d.Round(100 * time.Millisecond).String()
	}
}

// printable is a text of one line that does nothing to a terminal: others have written it.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s)
}

const (
	gap       = 2 // blanks between columns
	narrowest = 12
)

// write prints the table. Columns that nobody has anything in are left out, and on a
// terminal the widest ones are cut until the lines fit; never ids.
func (t *table) write(out io.Writer) error {
	widths := make([]int, len(t.heads))
	for i := range t.heads {
		for _, row := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
		if widths[i] > 0 {
			widths[i] = max(widths[i], len(t.heads[i]))
		}
	}
	if room := widthOf(out); room > 0 {
		t.fit(widths, room)
	}
	var b strings.Builder
	for _, row := range append([][]string{t.heads}, t.rows...) {
		var line strings.Builder
		for i, text := range row {
			if widths[i] == 0 {
				continue
			}
			if n := utf8.RuneCountInString(text); n > widths[i] {
				text = string([]rune(text)[:widths[i]-1]) + "…"
			}
			line.WriteString(text + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text)+gap))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// fit makes columns narrower.
func (t *table) fit(widths []int, room int) {
	for {
		total, widest := 0, -1
		for i, w := range widths {
			if w == 0 {
				continue
			}
			total += w + gap
			last := t.paths[i][len(t.paths[i])-1]
			if last != "id" && !strings.HasSuffix(last, "_id") && w > narrowest && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if total-gap <= room || widest < 0 {
			return
		}
		widths[widest]--
	}
}

// widthOf is how wide the terminal is; 0: it is none.
func widthOf(out io.Writer) int {
	f, ok := out.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// describe prints one thing for people: its members, one a line (YAML).
func describe(out io.Writer, raw []byte) error {
	var node yaml.Node
	if err := yaml.Unmarshal(raw, &node); err != nil { // JSON is YAML
		return fmt.Errorf("the answer is no JSON: %w", err)
	}
	plain(&node)
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(&node); err != nil {
		return err
	}
	_, err := out.Write(b.Bytes())
	return err
}

// plain takes the JSON look away, and what is empty.
func plain(n *yaml.Node) {
	if n.Style = 0; n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); {
			if v := n.Content[i+1]; v.Tag == "!!null" || (v.Kind == yaml.MappingNode || v.Kind == yaml.SequenceNode) && len(v.Content) == 0 {
				n.Content = slices.Delete(n.Content, i, i+2)
				continue
			}
			i += 2
		}
	}
	for _, inner := range n.Content {
		plain(inner)
	}
}

// writeJSON prints what the API has answered: as it is for a program, indented on a
// terminal.
func writeJSON(out io.Writer, raw []byte) error {
	raw = bytes.TrimSpace(raw)
	var b bytes.Buffer
	if widthOf(out) == 0 || json.Indent(&b, raw, "", "  ") != nil {
		b.Reset()
		b.Write(raw)
	}
	b.WriteByte('\n')
	_, err := out.Write(b.Bytes())
	return err
}
