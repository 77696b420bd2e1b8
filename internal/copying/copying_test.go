package copying_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/copying"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/ledger"
	"github.com/switchhook/switchhook/internal/store/postgres"
	"github.com/switchhook/switchhook/internal/store/postgres/pgtest"
	"github.com/switchhook/switchhook/internal/store/sqlite"
	"github.com/switchhook/switchhook/internal/store/storetest"
)

// small makes many chunks of little.
const small = 4 << 10

func openSQLite(t *testing.T, dir string) *ledger.DB {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// openPostgres opens a store as a server does that has the directory's keys.
func openPostgres(t *testing.T, url, keys string) *ledger.DB {
	t.Helper()
	db, err := postgres.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	key := ledger.MasterKeys(nil, keys, keys)
	if _, err := db.Key(t.Context(), key); err != nil {
		t.Fatal(errors.Join(err, db.Close()))
	}
	lease := db.Lease("test", "http://127.0.0.1:1", slog.New(slog.DiscardHandler))
	if err := lease.Acquire(t.Context()); err != nil {
		t.Fatal(errors.Join(err, db.Close()))
	}
	s, err := db.Open(t.Context(), postgres.Options{Lease: lease, MasterKeys: key})
	if err != nil {
		t.Fatal(errors.Join(err, lease.Release(), db.Close()))
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func closed(t *testing.T, s store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func mustCopy(t *testing.T, o copying.Options) *copying.Report {
	t.Helper()
	r, err := copying.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// notServed checks that no server starts on an unfinished copy.
func notServed(t *testing.T, url, keys string) {
	t.Helper()
	db, err := postgres.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Key(t.Context(), ledger.MasterKeys(nil, keys, keys)); err == nil {
		t.Error("a server would start on an unfinished copy")
	}
}

func exec(t *testing.T, url, text string) (changed int64) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	tag, err := conn.Exec(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	return tag.RowsAffected()
}

// files are the hashes of what counts of a directory's: SQLite's -shm is no data.
func files(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	all := map[string][32]byte{}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "-shm") {
			all[filepath.Base(name)] = sha256.Sum256(content)
		}
	}
	return all
}

var start = time.Now().UTC().Truncate(time.Hour).AddDate(0, 0, -3)

// fill puts events of three days and all else that there can be into a store, which has
// had so many events before.
func fill(t *testing.T, s store.Store, before, events int) {
	t.Helper()
	ctx := t.Context()
	targets := []string{"wh_1", "wh_2", "wh_3"}
	if before == 0 {
		for _, err := range []error{
			s.CreateAccount(ctx, &switchhook.Account{ID: "a", Name: "A", CreatedAt: start}),
			s.CreateAccount(ctx, &switchhook.Account{ID: "b", ParentID: "a", Name: "ünï", CreatedAt: start}),
			s.CreateSource(ctx, &switchhook.Source{ID: "src", Kind: "kazoo", AccountID: "a", Token: "secret-token", CreatedAt: start}),
			s.PutAPIKey(ctx, &switchhook.APIKey{ID: "key", AccountID: "a", Name: "n", Hash: []byte{0, 1, 255}, CreatedAt: start}),
			s.PutAPIKey(ctx, &switchhook.APIKey{ID: "key2", AccountID: "a", CreatedAt: start}), // with an empty hash
			s.PutDialectID(ctx, &switchhook.DialectID{AccountID: "a", Dialect: "kazoo", Schema: "device", ID: "101", Value: "old", UpdatedAt: start}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, id := range targets {
			w := &switchhook.Webhook{ID: id, AccountID: "a", URL: "https://example.com/" + id, Events: []string{"*"}, Dialect: "switchhook", Secrets: []switchhook.Secret{{Value: "whsec_" + id}}, CreatedAt: start}
			if err := s.CreateWebhook(ctx, w); err != nil {
				t.Fatal(err)
			}
		}
	}
	const size = 20
	step := 3 * 24 * time.Hour / time.Duration(events)
	for n := before; n < before+events; n += size {
		c := switchhook.Commit{Watermark: int64(n)}
		for i := n + 1; i <= n+size; i++ {
			at := start.Add(time.Duration(i) * step)
			e := &switchhook.Event{
				ID: fmt.Sprintf("evt_%d", i), IDGiven: i%2 == 0, Type: "call.created", AccountID: []string{"a", "b"}[i%2], Key: fmt.Sprint("key", i%50), CallID: fmt.Sprint("leg", i),
				Sequence: int64(i), OccurredAt: at, AcceptedAt: at, Source: "src", Targets: targets, Data: fmt.Appendf(nil, `{"n":%d,"x":"%x"}`, i, rand.Uint64()),
			}
			c.Events = append(c.Events, e)
			for j, w := range targets {
				ref := switchhook.DeliveryRef{Sequence: e.Sequence, WebhookID: w}
				a := &switchhook.Attempt{
					ID: fmt.Sprintf("att_%d_%d", i, j), EventID: e.ID, EventType: e.Type, AccountID: e.AccountID, WebhookID: w, Dialect: "switchhook", Sequence: e.Sequence,
					Number: 1, StartedAt: at, DurationMS: 1.5, Outcome: switchhook.Success, State: switchhook.Delivered,
					Request: &switchhook.HTTPRequest{Method: "POST", URL: "https://example.com", Body: string(e.Data)}, Response: &switchhook.HTTPResponse{Status: 200, Body: "\x00\xff"},
				}
				switch (i + j) % 4 {
				case 0:
					continue // open without a row
				case 1:
					a.Outcome, a.State, a.NextAttemptAt = switchhook.Failure, switchhook.Pending, at.AddDate(1, 0, 0)
					c.Due = append(c.Due, switchhook.Due{DeliveryRef: ref, Lane: rand.Uint64() | 1<<63, Attempts: 1, At: a.NextAttemptAt, HeldSince: at, Stray: i%8 == 1})
				}
				c.Attempts = append(c.Attempts, a)
			}
			snap := switchhook.Snapshot{AccountID: "a", Kind: "call", ID: e.CallID, RootID: e.Key, UpdatedAt: at}
			if i%3 > 0 {
				snap.Data = e.Data
			}
			c.Snapshots = append(c.Snapshots, snap)
			c.Records = append(c.Records, switchhook.RecordWrite{Record: switchhook.Record{AccountID: "a", Schema: "numbers", ID: fmt.Sprint(i % 30), Row: fmt.Appendf(nil, `{"n":%d}`, i), CreatedAt: at, UpdatedAt: at}})
			c.Rejects = append(c.Rejects, &switchhook.Reject{SourceID: "src", At: at, Reason: "not JSON", Method: "POST", URL: "/v1/in/src", Body: "\x00\xff" + e.ID})
		}
		c.Gates = []switchhook.Gate{{WebhookID: "wh_1", FailingSince: start.Add(time.Duration(n) * step), Reason: "down"}}
		c.Jobs = []*switchhook.Job{{ID: fmt.Sprint("job_", n), WebhookID: "wh_1", CreatedAt: start}}
		if err := submit(s, c); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Integer(ctx, "a", "calls", fmt.Sprint("x", n)); err != nil {
			t.Fatal(err)
		}
	}
}

func submit(s store.Store, c switchhook.Commit) error {
	done := make(chan error, 1)
	c.Done = func(err error) { done <- err }
	s.Submit(&c)
	return <-done
}

// answers is all that a store can be asked.
func answers(t *testing.T, s store.Store) map[string]any {
	t.Helper()
	ctx, all := t.Context(), map[string]any{}
	keep := func(what string, v any, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		all[what] = v
	}
	keep("events", pages(t, func(p switchhook.Page) ([]*switchhook.Event, string, error) {
		return s.Events(ctx, switchhook.EventFilter{}, p)
	}), nil)
	keep("events of a key", pages(t, func(p switchhook.Page) ([]*switchhook.Event, string, error) {
		return s.Events(ctx, switchhook.EventFilter{Accounts: []string{"a"}, Key: "key4"}, p)
	}), nil)
	keep("attempts", pages(t, func(p switchhook.Page) ([]*switchhook.Attempt, string, error) {
		return s.Attempts(ctx, switchhook.AttemptFilter{}, p)
	}), nil)
	keep("deliveries", pages(t, func(p switchhook.Page) ([]*switchhook.Delivery, string, error) {
		return s.Deliveries(ctx, switchhook.DeliveryFilter{}, p)
	}), nil)
	keep("failed ones of a webhook", pages(t, func(p switchhook.Page) ([]*switchhook.Delivery, string, error) {
		return s.Deliveries(ctx, switchhook.DeliveryFilter{WebhookID: "wh_2", State: switchhook.Pending}, p)
	}), nil)
	keep("rejects", pages(t, func(p switchhook.Page) ([]*switchhook.Reject, string, error) { return s.Rejects(ctx, "src", p) }), nil)
	accounts, err := s.Accounts(ctx)
	keep("accounts", accounts, err)
	webhooks, err := s.Webhooks(ctx)
	keep("webhooks", webhooks, err)
	sources, err := s.Sources(ctx)
	keep("sources", sources, err)
	apiKeys, err := s.APIKeys(ctx)
	keep("keys", apiKeys, err)
	gates, err := s.Gates(ctx)
	keep("gates", gates, err)
	jobs, err := s.Jobs(ctx)
	keep("jobs", jobs, err)
	last, err := s.LastSequence(ctx)
	keep("last sequence", last, err)
	known, err := s.Known(ctx, "a", []string{"evt_2", "evt_40", "evt_nobody"})
	keep("known", known, err)
	var open []switchhook.OpenDelivery
	err = s.Recover(ctx, func(o switchhook.OpenDelivery) error { open = append(open, o); return nil })
	keep("recovered", open, err)
	backlogs := map[string]int{}
	err = s.Backlogs(ctx, func(webhook string, rows int) error { backlogs[webhook] = rows; return nil })
	keep("backlogs", backlogs, err)
	for webhook := range backlogs {
		due, err := s.Due(ctx, webhook, -1, 10_000)
		keep("due of "+webhook, due, err)
		strays, err := s.Strays(ctx, webhook, start.AddDate(2, 0, 0), 10_000)
		keep("strays of "+webhook, strays, err)
		var lanes []uint64
		err = s.Lanes(ctx, webhook, func(lane uint64) error { lanes = append(lanes, lane); return nil })
		slices.Sort(lanes)
		keep("lanes of "+webhook, lanes, err)
	}
	snapshots, records, ids := map[string]switchhook.Snapshot{}, map[string]switchhook.Record{}, map[string]switchhook.DialectID{}
	err = s.Snapshots(ctx, func(s switchhook.Snapshot) error { snapshots[s.Kind+" "+s.ID] = s; return nil })
	keep("snapshots", snapshots, err)
	err = s.Records(ctx, func(r switchhook.Record) error { records[r.Schema+" "+r.ID] = r; return nil })
	keep("records", records, err)
	err = s.DialectIDs(ctx, func(id switchhook.DialectID) error { ids[id.Schema+" "+id.ID] = id; return nil })
	keep("ids", ids, err)
	return all
}

func pages[T any](t *testing.T, list func(switchhook.Page) ([]T, string, error)) (all []T) {
	t.Helper()
	p := switchhook.Page{Limit: 100}
	for {
		items, next, err := list(p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, items...)
		if p.Cursor = next; next == "" {
			return all
		}
	}
}

func wantSame(t *testing.T, got, want map[string]any) {
	t.Helper()
	for _, what := range slices.Sorted(maps.Keys(want)) {
		if diff := cmp.Diff(want[what], got[what], cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (- SQLite, + PostgreSQL):\n%.3000s", what, diff)
		}
	}
}

// What a store has to find again when it is opened anew, it finds after a copy.
func TestReopeningAfterCopy(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, dir string) store.Store {
		t.Helper()
		if !strings.HasSuffix(t.Name(), "/Reopening") {
			t.Skip("a copy of an empty store: package postgres has these")
		}
		if _, err := os.Stat(filepath.Join(dir, "switchhook.db")); errors.Is(err, os.ErrNotExist) {
			return openSQLite(t, dir)
		}
		url := pgtest.New(t)
		mustCopy(t, copying.Options{From: dir, To: url, Chunk: small})
		return openPostgres(t, url, dir)
	})
}

func TestCopy(t *testing.T) {
	t.Parallel()
	for _, crashed := range []bool{false, true} {
		t.Run(fmt.Sprintf("crashed=%t", crashed), func(t *testing.T) {
			t.Parallel()
			ctx, dir, url := t.Context(), t.TempDir(), pgtest.New(t)
			s := openSQLite(t, dir)
			fill(t, s, 0, 400)
			before := answers(t, s)
			if crashed { // the files as a killed server leaves them: the newest is in the log
				dead := t.TempDir()
				for _, name := range []string{"switchhook.db", "switchhook.db-wal", "master.key"} {
					content, err := os.ReadFile(filepath.Join(dir, name))
					if err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(filepath.Join(dead, name), content, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				dir = dead
			} else {
				closed(t, s)
			}
			was := files(t, dir)
			delete(was, "lock")
			report := mustCopy(t, copying.Options{From: dir, To: url, Chunk: small})
			is := files(t, dir)
			delete(is, "lock")
			if diff := cmp.Diff(was, is); diff != "" {
				t.Errorf("the directory was changed (- before, + after): %s", diff)
			}
			if !report.MasterKey || report.AdminKey || report.Resumed || report.Dir != dir {
				t.Errorf("the report says %+v", report)
			}
			var rows int64
			for _, table := range report.Tables {
				rows += table.Rows
			}
			if rows != report.Rows || rows < 400*3/4 {
				t.Errorf("%d rows were copied, and the tables have %d", report.Rows, rows)
			}

			p := openPostgres(t, url, dir)
			wantSame(t, answers(t, p), before)
			// What counts goes on where it was.
			again, err := p.Integer(ctx, "a", "calls", "x380")
			if err != nil || again != switchhook.FirstInteger+19 {
				t.Errorf("an old integer is %d, %v", again, err)
			}
			fresh, err := p.Integer(ctx, "a", "calls", "new")
			if err != nil || fresh != switchhook.FirstInteger+20 {
				t.Errorf("a new integer is %d, %v", fresh, err)
			}
			fill(t, p, 400, 100)
			rejects, _, err := p.Rejects(ctx, "src", switchhook.Page{Limit: 1})
			if err != nil || rejects[0].ID != 500 {
				t.Errorf("the reject has id %d, want 500 (%v)", rejects[0].ID, err)
			}

			// Once nothing waits, what was copied can be pruned, by whole days.
			c := switchhook.Commit{Watermark: 500}
			for n := range int64(500) {
				for _, w := range []string{"wh_1", "wh_2", "wh_3"} {
					c.Settled = append(c.Settled, switchhook.DeliveryRef{Sequence: n + 1, WebhookID: w})
				}
			}
			if err := submit(p, c); err != nil {
				t.Fatal(err)
			}
			for more := true; more; {
				if more, err = p.Prune(ctx, time.Now().AddDate(1, 0, 0)); err != nil {
					t.Fatal(err)
				}
			}
			if left, _, err := p.Events(ctx, switchhook.EventFilter{}, switchhook.Page{Limit: 10}); err != nil || len(left) > 0 {
				t.Errorf("%d events are left, or more (%v)", len(left), err)
			}
			if n := exec(t, url, "SELECT FROM pg_inherits JOIN pg_class ON oid = inhparent WHERE relname = 'event_blocks'"); n != 0 {
				t.Errorf("%d partitions are left", n)
			}
		})
	}
}

// The id of a reject that was pruned does not come back, and texts that PostgreSQL cannot
// hold are found under what it makes of them.
func TestCorners(t *testing.T) {
	t.Parallel()
	ctx, dir, url := t.Context(), t.TempDir(), pgtest.New(t)
	s := openSQLite(t, dir)
	fill(t, s, 0, 20)
	if _, err := s.Prune(ctx, time.Now().AddDate(0, 0, 1)); err != nil {
		t.Fatal(err)
	}
	if left, _, err := s.Rejects(ctx, "src", switchhook.Page{Limit: 1}); err != nil || len(left) > 0 {
		t.Fatalf("%d rejects are left (%v)", len(left), err)
	}
	odd := []string{"x\x00y", "\xff\xfe", "ü\x00\xc3", "x\uFFFEy", "plain"}
	ints := map[string]int64{}
	for _, id := range odd {
		n, err := s.Integer(ctx, "a", "odd", id)
		if err != nil {
			t.Fatal(err)
		}
		ints[id] = n
	}
	closed(t, s)
	mustCopy(t, copying.Options{From: dir, To: url, Chunk: 1}) // a row each
	p := openPostgres(t, url, dir)
	for _, id := range odd {
		if n, err := p.Integer(ctx, "a", "odd", id); err != nil || n != ints[id] {
			t.Errorf("the integer of %q was %d and is %d (%v)", id, ints[id], n, err)
		}
	}
	r := &switchhook.Reject{SourceID: "src", At: time.Now()}
	if err := submit(p, switchhook.Commit{Rejects: []*switchhook.Reject{r}}); err != nil || r.ID != 21 {
		t.Errorf("the next reject has id %d, want 21 (%v)", r.ID, err)
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	dir, url := t.TempDir(), pgtest.New(t)
	s := openSQLite(t, dir)
	fill(t, s, 0, 400)
	before := answers(t, s)
	closed(t, s)
	interruptions, copied := 0, int64(0)
	var report *copying.Report
	for report == nil {
		ctx, cancel := context.WithCancel(t.Context())
		left := 15 + rand.IntN(20*(interruptions+3)) // further each time: the comparing begins anew
		o := copying.Options{From: dir, To: url, Chunk: small, Progress: func(copying.Progress) {
			if left--; left == 0 {
				cancel()
			}
		}}
		r, err := copying.Run(ctx, o)
		copied += r.Rows
		switch {
		case err == nil:
			report = r
		case ctx.Err() == nil:
			t.Fatal(err)
		default:
			interruptions++
			notServed(t, url, dir)
		}
		cancel()
	}
	var rows int64
	for _, table := range report.Tables {
		rows += table.Rows
	}
	if interruptions == 0 || !report.Resumed || report.Anew || copied != rows {
		t.Errorf("after %d interruptions %d of %d rows were copied; resumed: %t", interruptions, copied, rows, report.Resumed)
	}
	wantSame(t, answers(t, openPostgres(t, url, dir)), before)
}

// stopped copies until the step, and stops there.
func stopped(t *testing.T, o copying.Options, step copying.Step) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o.Progress = func(p copying.Progress) {
		if p.Step == step && p.Rows > 0 {
			cancel()
		}
	}
	if _, err := copying.Run(ctx, o); err == nil || ctx.Err() == nil {
		t.Fatalf("the copy was not stopped while %s: %v", step, err)
	}
}

func TestServedMeanwhile(t *testing.T) {
	t.Parallel()
	dir, url := t.TempDir(), pgtest.New(t)
	s := openSQLite(t, dir)
	fill(t, s, 0, 100)
	closed(t, s)
	stopped(t, copying.Options{From: dir, To: url, Chunk: small}, copying.Verifying)
	s = openSQLite(t, dir)
	fill(t, s, 100, 100)
	before := answers(t, s)
	closed(t, s)
	if r := mustCopy(t, copying.Options{From: dir, To: url, Chunk: small}); r.Resumed || !r.Anew {
		t.Errorf("the report says %+v", r)
	}
	wantSame(t, answers(t, openPostgres(t, url, dir)), before)
}

// A byte that changes between the copying and the verifying is found, whatever the kind of
// its column; the next run puts it right.
func TestDifferencesAreFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openSQLite(t, dir)
	fill(t, s, 0, 100)
	before := answers(t, s)
	closed(t, s)
	for table, change := range map[string]string{
		"event_blocks":   "UPDATE event_blocks SET body = set_byte(body, 5, get_byte(body, 5) # 1) WHERE first = (SELECT min(first) FROM event_blocks)",
		"attempt_blocks": "DELETE FROM attempt_blocks WHERE first = (SELECT max(first) FROM attempt_blocks)",
		"due":            "UPDATE due SET lane = lane # 1 WHERE seq = (SELECT max(seq) FROM due WHERE webhook_id = 'wh_1') AND webhook_id = 'wh_1'",
		"webhooks":       "UPDATE webhooks SET doc = replace(doc, 'wh_2', 'wh_5') WHERE id = 'wh_2'",
		"gates":          "INSERT INTO gates VALUES ('wh_9', 0, 0, 0, '')",
		"slices":         "UPDATE slices SET bits = 3 WHERE n = (SELECT max(n) FROM slices)",
	} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			own, url, done := t.TempDir(), pgtest.New(t), false
			if err := os.CopyFS(own, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			_, err := copying.Run(t.Context(), copying.Options{From: own, To: url, Progress: func(p copying.Progress) {
				if p.Step == copying.Verifying && !done {
					done = true
					if n := exec(t, url, change); n != 1 {
						t.Errorf("%d rows were changed", n)
					}
				}
			}})
			if err == nil || !strings.Contains(err.Error(), "the table "+table+" differs: ") || strings.Count(err.Error(), "differs:") != 1 {
				t.Errorf("the error is %v", err)
			}
			notServed(t, url, own)
			mustCopy(t, copying.Options{From: own, To: url})
			wantSame(t, answers(t, openPostgres(t, url, own)), before)
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openSQLite(t, dir)
	fill(t, s, 0, 40)
	refused := func(t *testing.T, from, to, want string) {
		t.Helper()
		if _, err := copying.Run(t.Context(), copying.Options{From: from, To: to, Wait: 1500 * time.Millisecond}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want one with %q", err, want)
		}
	}
	empty := pgtest.New(t)
	refused(t, dir, empty, "is in use")
	closed(t, s)
	refused(t, t.TempDir(), empty, "there is no switchhook.db")
	refused(t, filepath.Join(dir, "none"), empty, "there is no switchhook.db")
	bad := t.TempDir()
	if err := os.WriteFile(filepath.Join(bad, "switchhook.db"), bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, bad, empty, "not a database")
	refused(t, dir, "postgres://127.0.0.1:1/none", "open the database none at 127.0.0.1")

	served := pgtest.New(t)
	p := openPostgres(t, served, t.TempDir())
	refused(t, dir, served, "the database is in use by another process (test http://127.0.0.1:1)")
	closed(t, p)
	refused(t, dir, served, "a server has started on it")
	other := pgtest.New(t)
	stopped(t, copying.Options{From: dir, To: other, Chunk: small}, copying.Copying)
	second := t.TempDir()
	s = openSQLite(t, second)
	fill(t, s, 0, 20)
	closed(t, s)
	refused(t, second, other, "an unfinished copy of another directory, "+dir)
	data := pgtest.New(t)
	p = openPostgres(t, data, dir)
	fill(t, p, 0, 20)
	closed(t, p)
	refused(t, dir, data, "the database holds other data (in the table accounts)")
	mustCopy(t, copying.Options{From: dir, To: empty})
	refused(t, dir, empty, "the database holds other data")

	// A schema of another version.
	older := pgtest.New(t)
	stopped(t, copying.Options{From: dir, To: older, Chunk: small}, copying.Copying)
	exec(t, older, "ALTER TABLE jobs ADD COLUMN later bigint")
	refused(t, dir, older, "the table jobs in "+dir+" has not the columns")
}

// A copy that another process takes the database from writes nothing more, and says so.
func TestTakenOver(t *testing.T) {
	t.Parallel()
	dir, url, taken := t.TempDir(), pgtest.New(t), false
	s := openSQLite(t, dir)
	fill(t, s, 0, 100)
	closed(t, s)
	rows := int64(0)
	_, err := copying.Run(t.Context(), copying.Options{From: dir, To: url, Chunk: small, Progress: func(p copying.Progress) {
		if p.Step == copying.Copying && p.Table == "event_blocks" && !taken {
			taken = true
			exec(t, url, "UPDATE lease SET epoch = epoch + 1, owner = 'another'")
		}
		if taken {
			rows += p.Rows
		}
	}})
	if err == nil || !strings.Contains(err.Error(), "another process has taken over the database") || rows > 0 {
		t.Errorf("after it was taken over %d rows were copied: %v", rows, err)
	}
}

func TestThroughPgBouncer(t *testing.T) {
	t.Parallel()
	dir, url := t.TempDir(), pgtest.New(t)
	s := openSQLite(t, dir)
	fill(t, s, 0, 100)
	before := answers(t, s)
	closed(t, s)
	through := pgtest.Bouncer(t, url)
	stopped(t, copying.Options{From: dir, To: through, Chunk: small}, copying.Verifying)
	mustCopy(t, copying.Options{From: dir, To: through, Chunk: small})
	wantSame(t, answers(t, openPostgres(t, url, dir)), before)
}
