package copying

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/switchhook/switchhook/internal/store/sqlite"
)

const databaseFile = "switchhook.db"

// A source is a data directory, locked, with its database open for reading.
type source struct {
	dir  string
	lock *os.File
	db   *sql.DB

	is     identity
	meta   *table
	tables []*table // all others, in the order of the schema
}

// An identity says which directory it is, and in which state.
type identity struct {
	Installation string `json:"installation"` // hash of meta.key_check, which each installation makes at random
	State        string `json:"state"`        // hash of meta: the counters rise with all that is written of events and attempts
	Dir          string `json:"dir"`          // for people
}

// A table is one of the source's, and of the target's.
type table struct {
	name    string
	columns []column
	key     []int // of columns, the primary key

	rows, bytes int64
}

// A column's kind is INTEGER, TEXT or BLOB: the schema's tables are STRICT.
type column struct{ name, kind string }

func openSource(ctx context.Context, from string) (_ *source, err error) {
	dir, err := filepath.Abs(from)
	if err != nil {
		return nil, fmt.Errorf("--from: %w", err)
	}
	file := filepath.Join(dir, databaseFile)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--from: there is no %s in %s: it wants the --data directory of a server that kept its data in SQLite", databaseFile, dir)
	} else if err != nil {
		return nil, fmt.Errorf("--from: %w", err)
	}
	s := &source{dir: dir}
	if s.lock, err = sqlite.Lock(dir); err != nil {
		return nil, fmt.Errorf("--from: %w; stop the server that runs there first", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	params := url.Values{"mode": {"ro"}, "_dqs": {"0"}, "_pragma": {"query_only(1)"}}
	// Without a log the file is all there is, and SQLite makes no files beside it. With one,
	// which a server has left that was killed, the log is read too, and stays.
	if info, err := os.Stat(file + "-wal"); err != nil || info.Size() == 0 {
		params.Set("immutable", "1")
	}
	path := filepath.ToSlash(file)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // file:///C:/…
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: params.Encode()}
	if s.db, err = sql.Open("sqlite", u.String()); err != nil {
		return nil, fmt.Errorf("open the database in %s: %w", dir, err)
	}
	if err := s.describe(ctx); err != nil {
		return nil, fmt.Errorf("read the database in %s: %w", dir, err)
	}
	return s, nil
}

func (s *source) close() error {
	var err error
	if s.db != nil {
		err = s.db.Close()
	}
	return errors.Join(err, sqlite.Unlock(s.lock))
}

// every table.
func (s *source) every() []*table { return append(slices.Clip(s.tables), s.meta) }

// describe finds out what there is.
func (s *source) describe(ctx context.Context) error {
	err := s.each(ctx, func(scan func(...any) error) error {
		t := &table{}
		if err := scan(&t.name); err != nil {
			return err
		}
		if t.name == "meta" {
			s.meta = t
		} else {
			s.tables = append(s.tables, t)
		}
		return nil
	}, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*' ORDER BY rowid`)
	if err != nil {
		return err
	}
	if s.meta == nil {
		return errors.New("it has no table meta, so it is not Switchhook's, or a server never started there")
	}
	for _, t := range s.every() {
		places := map[int]int{} // of columns in the key
		err := s.each(ctx, func(scan func(...any) error) error {
			var c column
			var place int
			if err := scan(&c.name, &c.kind, &place); err != nil {
				return err
			}
			if place > 0 {
				places[place] = len(t.columns)
			}
			t.columns = append(t.columns, c)
			return nil
		}, `SELECT name, type, pk FROM pragma_table_info(?)`, t.name)
		if err != nil {
			return err
		}
		for place := 1; place <= len(places); place++ {
			t.key = append(t.key, places[place])
		}
	}
	return s.identify(ctx)
}

func (s *source) identify(ctx context.Context) error {
	row, err := s.all(ctx, s.meta)
	if err != nil {
		return err
	}
	state, key := sha256.New(), []byte(nil)
	for i, c := range s.meta.columns {
		if c.name == "key_check" {
			key, _ = row[i].([]byte)
		}
		fmt.Fprintf(state, "%s=%v\n", c.name, row[i])
	}
	if key == nil {
		return errors.New("no server has ever come to the end of its start there, so there is nothing to copy")
	}
	installation := sha256.Sum256(key)
	s.is = identity{hex.EncodeToString(installation[:]), hex.EncodeToString(state.Sum(nil)), s.dir}
	return nil
}

// all is the row of a table of one row.
func (s *source) all(ctx context.Context, t *table) (row []any, err error) {
	r, err := s.read(ctx, t, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if !r.next() {
		return nil, errors.Join(r.Err(), fmt.Errorf("the table %s is empty", t.name))
	}
	return r.row, r.Err()
}

// count sets how much is in a table: rows, and bytes of texts and blobs with 8 for each
// integer. It reads the rows, but not what overflows their pages.
func (s *source) count(ctx context.Context, t *table) error {
	size := make([]string, len(t.columns))
	for i, c := range t.columns {
		if size[i] = "8"; c.kind != "INTEGER" {
			size[i] = "coalesce(octet_length(" + quoted(c.name) + "), 0)"
		}
	}
	text := fmt.Sprintf("SELECT count(*), coalesce(sum(%s), 0) FROM %s", strings.Join(size, "+"), quoted(t.name)) //nolint:gosec // G201: names of the schema, quoted
	if err := s.db.QueryRowContext(ctx, text).Scan(&t.rows, &t.bytes); err != nil {
		return fmt.Errorf("count the table %s in %s: %w", t.name, s.dir, err)
	}
	return nil
}

// days are those, since 1970 (UTC), that have blocks or a slice of the history.
func (s *source) days(ctx context.Context) (days []int64, err error) {
	err = s.each(ctx, func(scan func(...any) error) error {
		var day int64
		err := scan(&day)
		days = append(days, day)
		return err
	}, `SELECT day FROM event_blocks UNION SELECT day FROM attempt_blocks
		UNION SELECT opened_at / ?1 - (opened_at % ?1 < 0) FROM slices`, (24 * time.Hour).Microseconds())
	return days, err
}

// highest is the highest integer that a column has had as far as is known: of a table
// with AUTOINCREMENT also of rows that are gone.
func (s *source) highest(ctx context.Context, t *table, c string) (highest int64, err error) {
	text := fmt.Sprintf("SELECT max(coalesce((SELECT max(%s) FROM %s), 0), coalesce((SELECT seq FROM sqlite_sequence WHERE name = ?), 0))", quoted(c), quoted(t.name)) //nolint:gosec // G201: names of the schema, quoted
	err = s.db.QueryRowContext(ctx, text, t.name).Scan(&highest)
	return highest, err
}

func (s *source) each(ctx context.Context, fn func(scan func(...any) error) error, text string, args ...any) (err error) {
	rows, err := s.db.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// A reader goes through a table in the order of its primary key.
type reader struct {
	*sql.Rows
	t       *table
	row     []any // int64, string, []byte or nil, as they are there
	into    []any // pointers to them
	scanErr error
	size    int64 // of row, as count counts
}

// read reads what comes after a key; nil: all.
func (s *source) read(ctx context.Context, t *table, after []any) (*reader, error) {
	columns := quotedNames(t.columns)
	key := make([]string, len(t.key))
	for i, k := range t.key {
		key[i] = columns[k]
	}
	where := ""
	if after != nil {
		where = fmt.Sprintf(" WHERE (%s) > (%s)", strings.Join(key, ", "), strings.TrimSuffix(strings.Repeat("?, ", len(key)), ", "))
	}
	text := fmt.Sprintf("SELECT %s FROM %s%s ORDER BY %s", strings.Join(columns, ", "), quoted(t.name), where, strings.Join(key, ", ")) //nolint:gosec // G201: names of the schema, quoted
	rows, err := s.db.QueryContext(ctx, text, after...)                                                                                 //nolint:rowserrcheck // reader.Err
	if err != nil {
		return nil, fmt.Errorf("read the table %s in %s: %w", t.name, s.dir, err)
	}
	r := &reader{Rows: rows, t: t, row: make([]any, len(columns)), into: make([]any, len(columns))}
	for i := range r.row {
		r.into[i] = &r.row[i]
	}
	return r, nil
}

func (r *reader) next() bool {
	if !r.Next() {
		return false
	}
	if r.scanErr = r.Scan(r.into...); r.scanErr != nil {
		return false
	}
	r.size = 0
	for i := range r.row {
		switch v := r.row[i].(type) {
		case int64:
			r.size += 8
		case string:
			r.size += int64(len(v))
		case []byte:
			r.size += int64(len(v))
			if v == nil {
				r.row[i] = []byte{} // the driver's empty blob; NULL has no type
			}
		}
	}
	return true
}

// Err is what ended the reading, if not the end of the table.
func (r *reader) Err() error {
	if err := errors.Join(r.scanErr, r.Rows.Err()); err != nil {
		return fmt.Errorf("read the table %s: %w", r.t.name, err)
	}
	return nil
}

// at is the key of the row, as it is kept to go on behind it: JSON, texts in base64,
// for they may be anything.
func (r *reader) at() ([]byte, error) {
	key := make([]any, len(r.t.key))
	for i, k := range r.t.key {
		if key[i] = r.row[k]; r.t.columns[k].kind == "TEXT" {
			key[i] = []byte(r.row[k].(string)) //nolint:errcheck,forcetypeassert // the table is STRICT
		}
	}
	return json.Marshal(key)
}

// behind is what at has kept.
func (t *table) behind(at []byte) ([]any, error) {
	var raw []json.RawMessage
	err := json.Unmarshal(at, &raw)
	if err == nil && len(raw) != len(t.key) {
		err = errors.New("a key of another table")
	}
	key := make([]any, len(raw))
	for i := range raw {
		if err != nil {
			break
		}
		if t.columns[t.key[i]].kind == "INTEGER" {
			var n int64
			err = json.Unmarshal(raw[i], &n)
			key[i] = n
		} else {
			var text []byte
			err = json.Unmarshal(raw[i], &text)
			key[i] = string(text)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read where the copy of %s stands: %w", t.name, err)
	}
	return key, nil
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quotedNames(columns []column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = quoted(c.name)
	}
	return names
}
