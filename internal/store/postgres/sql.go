package postgres

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/switchhook/switchhook/internal/store/ledger"
)

// An asker asks in the ledger's SQL.
type asker struct{ below ledger.Reader }

func (a asker) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	return a.below.QueryContext(ctx, translated(text), cleaned(args)...)
}

func (a asker) QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row {
	return a.below.QueryRowContext(ctx, translated(text), cleaned(args)...)
}

// phrases are what is more than a parameter.
var phrases = strings.NewReplacer( //nolint:gochecknoglobals // a constant that Go cannot write as one
	"SELECT value FROM json_each(?) AS text", "SELECT json_array_elements_text(?::json)",
	"SELECT value FROM json_each(?)", "SELECT json_array_elements_text(?::json)::bigint",
	" INDEXED BY due_replay", "",
	"due WHERE webhook_id = ? AND seq > ? AND stray = 0 ORDER BY seq LIMIT ?", "next_due(?, ?, ?)",
	"due WHERE webhook_id = ? AND stray = 1 AND at <= ? ORDER BY at, seq LIMIT ?", "next_strays(?, ?, ?)",
)

// translations are of the ledger's statements, of which there are some dozens.
var translations sync.Map //nolint:gochecknoglobals // a memory of a pure function

// translated is a statement of the ledger's in PostgreSQL's SQL.
func translated(text string) string {
	if t, ok := translations.Load(text); ok {
		return t.(string) //nolint:errcheck,forcetypeassert // nothing else is stored
	}
	t := phrases.Replace(text)
	var b strings.Builder
	n := 0
	for i := range len(t) {
		if t[i] != '?' {
			b.WriteByte(t[i])
			continue
		}
		b.WriteByte('$')
		if i+1 == len(t) || t[i+1] < '0' || t[i+1] > '9' { // else its number follows
			n++
			b.WriteString(strconv.Itoa(n))
		}
	}
	t = b.String()
	if !strings.Contains(text, "day = ") { // those have numbers in them and do not end
		translations.Store(text, t)
	}
	return t
}

// cleaned are arguments that PostgreSQL takes.
func cleaned(args []any) []any {
	for i, arg := range args {
		if s, ok := arg.(string); ok {
			args[i] = Cleaned(s)
		}
	}
	return args
}

// Cleaned is a text that PostgreSQL takes: its texts are UTF-8 and have no NUL, which an id
// that somebody made up can have.
func Cleaned(text string) string {
	if utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 {
		return text
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}
