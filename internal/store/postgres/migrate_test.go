package postgres_test

import (
	"fmt"
	"io/fs"
	"os"
	"testing"
	"testing/fstest"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/ledger"
	"github.com/switchhook/switchhook/internal/store/memory"
	"github.com/switchhook/switchhook/internal/store/postgres"
	"github.com/switchhook/switchhook/internal/store/postgres/pgtest"
	"github.com/switchhook/switchhook/internal/store/storetest"
)

// What the version after this one may do to the tables, if this one is to go on with them.
const compatible = `-- compatible: 1
ALTER TABLE due ADD COLUMN weight smallint NOT NULL DEFAULT 1;
ALTER TABLE webhooks ADD COLUMN note text;
ALTER TABLE event_blocks ADD COLUMN checksum bigint NOT NULL DEFAULT 0;
CREATE INDEX due_weight ON due (webhook_id, weight, seq);
CREATE TABLE made_up (n bigint PRIMARY KEY);
`

// And what it may not.
const incompatible = `ALTER TABLE due DROP COLUMN replay;`

func known(t *testing.T) []string {
	t.Helper()
	files, err := fs.Glob(os.DirFS("."), "migrations/*.sql")
	must(t, err)
	return files
}

// upgrade is what the start of a newer program does to a schema, which has the scripts
// beyond those of this one.
func upgrade(t *testing.T, url string, scripts ...string) {
	t.Helper()
	files, known := fstest.MapFS{}, known(t)
	for _, file := range known {
		files[file] = &fstest.MapFile{} // was applied
	}
	for i, script := range scripts {
		files[fmt.Sprintf("migrations/%04d_newer.sql", len(known)+i+1)] = &fstest.MapFile{Data: []byte(script)}
	}
	must(t, postgres.Migrate(t.Context(), pgtest.Connect(t, url), files, "the database"))
}

// This program keeps its whole contract on the schema of a newer one, if that says so.
func TestModelOnANewerSchema(t *testing.T) {
	t.Parallel()
	dbs := databases{urls: map[string]string{}}
	storetest.Model(t, 3, func(t *testing.T, dir string) store.Store {
		t.Helper()
		url := dbs.of(t, dir)
		must(t, open(t, url, dir).Close())
		upgrade(t, url, compatible)
		return open(t, url, dir)
	}, func() store.Store { return memory.New() })
}

// Who leads while a newer program starts goes on, and is started again. When the next one
// comes with what it cannot know, it ends before it writes anything more, and does not
// start again.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	url, dir := pgtest.New(t), t.TempDir()
	s := open(t, url, dir)
	n := int64(0)
	works := func(s *ledger.DB) {
		t.Helper()
		n++
		e := event(n)
		e.Targets, e.AcceptedAt = []string{"wh_1"}, noon(int(n)) // a day of its own, in a partition
		must(t, submit(s, switchhook.Commit{
			Events: []*switchhook.Event{e}, Due: []switchhook.Due{{DeliveryRef: switchhook.DeliveryRef{Sequence: n, WebhookID: "wh_1"}, At: time.Now()}},
		}))
		due, err := s.Due(t.Context(), "wh_1", 0, 100)
		must(t, err)
		if len(due) != int(n) || len(there(t, s)) != int(n) {
			t.Errorf("%d are due of the events %v", len(due), there(t, s))
		}
	}
	works(s)
	upgrade(t, url, compatible)
	works(s)
	must(t, s.Close())
	s = open(t, url, dir)
	works(s)
	upgrade(t, url, compatible, incompatible)
	if err := submit(s, switchhook.Commit{Events: []*switchhook.Event{event(n + 1)}}); switchhook.ErrorCode(err) != switchhook.CodeUnavailable {
		t.Errorf("a commit to what it does not know: %v", err)
	}
	<-s.Broken()
	must(t, s.Close())
	is := len(known(t))
	refused(t, url, fmt.Sprintf("schema version %d", is+2), fmt.Sprintf("know version %d", is+2), fmt.Sprintf("knows versions up to %d", is))
}

func TestWrongFirstLine(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"-- compatible: 2", "-- compatible: 0", "-- compatible: one"} {
		files := fstest.MapFS{"migrations/0001_a.sql": &fstest.MapFile{Data: []byte(line + "\n")}}
		err := postgres.Migrate(t.Context(), pgtest.Connect(t, pgtest.New(t)), files, "the database")
		says(t, err, "0001_a.sql", "first line", "a version from 1 to 1")
	}
}
