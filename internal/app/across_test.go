package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/app"
	"github.com/switchhook/switchhook/internal/calls"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/route"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/store/memory"
)

// A customer of one system can feed code written for another: what comes in as
// one system's webhook and leaves as another's still has everything that both
// can express.
//
// For each type that two dialects have, and each field of its sample: if the
// field changes what A sends, and changes what B sends, then it changes what B
// sends of what came in from A. And where both send its value as it is, so does
// B of what came from A. The few fields of which this is not true are listed in
// testdata/across.txt with the reason.
func TestAcrossDialects(t *testing.T) {
	t.Parallel()
	excused := acrossExcuses(t)
	used := map[string]bool{}
	for _, from := range systems() {
		for _, to := range systems() {
			if from.dialect.Name() == to.dialect.Name() {
				continue
			}
			for _, typ := range catalogue.All() {
				for _, leaf := range lostFields(t, from, to, typ) {
					line := fmt.Sprintf("%s %s %s %s", from.dialect.Name(), to.dialect.Name(), typ.Name, leaf)
					excuse := excuseFor(excused, line)
					if excuse == "" {
						t.Errorf("%s: changes what both send, and is lost between them", line)
					}
					used[excuse] = true
				}
			}
		}
	}
	for _, line := range excused {
		if !used[line] {
			t.Errorf("testdata/across.txt excuses %q, which needs no excuse", line)
		}
	}
}

func acrossExcuses(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/across.txt")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

// excuseFor finds the excuse of a loss: each of its words is the same or a *.
func excuseFor(excuses []string, line string) string {
	words := strings.Fields(line)
	for _, excuse := range excuses {
		match := true
		for i, word := range strings.Fields(excuse) {
			match = match && catalogue.Match(word, words[i])
		}
		if match {
			return excuse
		}
	}
	return ""
}

type system struct {
	dialect    dialect.Dialect
	translator source.Translator
}

func systems() []system {
	var all []system
	for _, d := range app.Dialects() {
		for _, tr := range app.Translators() {
			if tr.Kind() == d.Name() {
				all = append(all, system{d, tr})
			}
		}
	}
	return all
}

// lostFields are the paths of the sample's fields that are lost on the way.
func lostFields(t *testing.T, from, to system, typ *catalogue.Type) []string {
	t.Helper()
	var lost []string
	base := play(t, from, to, typ, typ.Sample())
	if base == nil {
		return nil
	}
	for path, mutated := range mutations(t, typ) {
		now := play(t, from, to, typ, mutated.data)
		if now == nil {
			continue
		}
		changes := !bytes.Equal(base.sent, now.sent) && !bytes.Equal(base.direct, now.direct)
		appears := func(before, after []byte) bool {
			return mutated.text != "" && contains(after, mutated.text) && !contains(before, mutated.text)
		}
		verbatim := appears(base.sent, now.sent) && appears(base.direct, now.direct)
		if changes && bytes.Equal(base.across, now.across) || verbatim && !contains(now.across, mutated.text) {
			lost = append(lost, path)
		}
	}
	slices.Sort(lost)
	return lost
}

// contains looks for a text in a body, be it JSON in JSON, a form or a query.
func contains(body []byte, text string) bool {
	plain, err := url.QueryUnescape(string(body))
	if err != nil {
		plain = string(body)
	}
	return strings.Contains(plain, text) || strings.Contains(string(body), text)
}

// A played event: what the first system sends of it, what the second sends of it,
// and what the second sends of what came in from the first.
type played struct{ sent, direct, across []byte }

// play is nil where one of the two has nothing for the event.
func play(t *testing.T, from, to system, typ *catalogue.Type, data []byte) *played {
	t.Helper()
	at := time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC)
	origin := accept(t, &switchhook.Event{ID: "evt_1", Type: typ.Name, OccurredAt: at, Data: data})
	request, sent := render(t, from.dialect, origin)
	_, direct := render(t, to.dialect, origin)
	if sent == nil || direct == nil {
		return nil
	}
	u, err := url.Parse(request.URL)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := from.translator.Translate(&source.Request{
		Method: request.Method, Query: u.RawQuery, ContentType: request.Header.Get("Content-Type"), Body: request.Body, ReceivedAt: at,
	})
	if err != nil {
		t.Errorf("%s %s: its own webhook comes back as an error: %v\n%s", from.dialect.Name(), typ.Name, err, request.Body)
		return nil
	}
	p := &played{sent: sent, direct: direct}
	for _, ev := range msg.Events {
		ev.ID, ev.Source, ev.Relayed = "evt_2", "in", true
		if _, body := render(t, to.dialect, accept(t, ev)); body != nil {
			p.across = append(p.across, body...)
		}
	}
	return p
}

// accept takes an event over as the product does, into an account with nothing
// in it.
func accept(t *testing.T, ev *switchhook.Event) *switchhook.Event {
	t.Helper()
	dir := &directory.Directory{}
	dir.SetAccounts([]*switchhook.Account{{ID: switchhook.RootAccount}})
	var out *switchhook.Event
	store := memory.New()
	r, err := route.New(t.Context(), route.Options{
		Store: store, Directory: dir, NewFolder: func() route.Folder { return calls.New() },
		Accepted: func(events []*switchhook.Event) { out = events[0] },
		Logger:   slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ev.AccountID = switchhook.RootAccount
	if _, err := r.Accept(t.Context(), []*switchhook.Event{ev}); err != nil {
		t.Fatalf("%s: %v\n%s", ev.Type, err, ev.Data)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

// render is nil where the dialect has nothing for the event.
func render(t *testing.T, d dialect.Dialect, ev *switchhook.Event) (*dialect.Request, []byte) {
	t.Helper()
	w := &switchhook.Webhook{ID: "wh_1", AccountID: switchhook.RootAccount, URL: "https://example.com/", Dialect: d.Name(), IncludeInternalLegs: true}
	if d.EventName(ev) == "" {
		return nil, nil
	}
	if d.Name() == "voipbin" && ev.Type == "flow.webhook" {
		w.URL += "?webhook_send" // without an envelope, only the address says what it is
	}
	req, err := d.Render(ev, w)
	if err != nil {
		t.Fatalf("%s %s: %v", d.Name(), ev.Type, err)
	}
	return req, append([]byte(req.URL+"\n"), req.Body...)
}

// A mutation is a sample with one field changed.
type mutation struct {
	data []byte
	text string // the new value as it may stand in a body
}

// mutations are by the path of the field.
func mutations(t *testing.T, typ *catalogue.Type) map[string]mutation {
	t.Helper()
	all := map[string]mutation{}
	for path, value := range leaves(t, typ.Sample()) {
		for _, v := range others(path, value) {
			data := replaced(t, typ.Sample(), strings.Split(path, "."), v)
			if len(catalogue.Check(typ, data, "data")) > 0 {
				continue // an enum's other word, or no such thing
			}
			text, _ := v.(string)
			all[path] = mutation{data, text}
			break
		}
	}
	return all
}

func leaves(t *testing.T, sample []byte) map[string]any {
	t.Helper()
	var tree any
	d := json.NewDecoder(bytes.NewReader(sample))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		t.Fatal(err)
	}
	found := map[string]any{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				walk(strings.TrimPrefix(path+"."+name, "."), member)
			}
		case []any:
			for i, member := range v {
				walk(path+"."+strconv.Itoa(i), member)
			}
		default:
			found[path] = v
		}
	}
	walk("", tree)
	return found
}

// replaced changes one leaf and keeps the order of all others.
func replaced(t *testing.T, data []byte, path []string, v any) []byte {
	t.Helper()
	if len(path) == 0 {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	if data[0] == '[' {
		var list []json.RawMessage
		if err := json.Unmarshal(data, &list); err != nil {
			t.Fatal(err)
		}
		i, err := strconv.Atoi(path[0])
		if err != nil {
			t.Fatal(err)
		}
		list[i] = replaced(t, list[i], path[1:], v)
		raw, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		t.Fatal(err)
	}
	members[path[0]] = replaced(t, members[path[0]], path[1:], v)
	out := []byte{'{'}
	for i, name := range slices.Sorted(maps.Keys(members)) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(strconv.AppendQuote(out, name), ':'), members[name]...)
	}
	return append(out, '}')
}

var lastDigit = regexp.MustCompile(`[0-9]([^0-9]*)$`)

// others are values that a field may have instead, the likeliest first.
func others(path string, value any) []any {
	switch v := value.(type) {
	case bool:
		return []any{!v}
	case json.Number:
		n, err := v.Int64()
		if err != nil {
			return nil
		}
		return []any{n + 61000, n + 1} // whole seconds in milliseconds; else a small one
	case string:
		if at, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return []any{at.Add(61 * time.Second).Format(time.RFC3339Nano)}
		}
		var list []any
		for _, word := range enums()[path[strings.LastIndexByte(path, '.')+1:]] {
			if word != v {
				list = append(list, word)
			}
		}
		if m := lastDigit.FindStringIndex(v); m != nil {
			digit := (v[m[0]]-'0'+1)%10 + '0'
			list = append(list, v[:m[0]]+string(digit)+v[m[0]+1:])
		}
		return append(list, v+"x")
	default:
		return nil
	}
}

// enums are the words that fields of a name can have, whatever they belong to.
func enums() map[string][]string {
	words := map[string][]string{}
	for _, r := range catalogue.Resources() {
		for _, f := range r.Fields {
			words[f.Name] = append(words[f.Name], f.Enum...)
		}
	}
	return words
}
