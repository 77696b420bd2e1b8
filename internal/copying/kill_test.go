package copying_test

import (
	"context"
	"os"
	osexec "os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/switchhook/switchhook/internal/store/postgres/pgtest"
)

// The program itself is killed in the midst of a copy, and run again.
func TestKilled(t *testing.T) {
	t.Parallel()
	ctx, dir, url := t.Context(), t.TempDir(), pgtest.New(t)
	bin := filepath.Join(t.TempDir(), "switchhook")
	if runtime.GOOS == "windows" {
		bin += ".exe"
	}
	build := osexec.CommandContext(ctx, "go", "build", "-o", bin, "../../cmd/switchhook")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	s := openSQLite(t, dir)
	fill(t, s, 0, 2000)
	before := answers(t, s)
	closed(t, s)
	run := func() *osexec.Cmd {
		cmd := osexec.CommandContext(ctx, bin, "copy", "--from", dir)
		cmd.Env = append(os.Environ(), "SWITCHHOOK_DATABASE="+url)
		return cmd
	}

	// The last table is locked as soon as there is the table of how far it is, so that the
	// copy comes to stand with all others behind it.
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	until := func(what, text string) {
		t.Helper()
		tick, timeout := time.NewTicker(time.Millisecond), time.After(time.Minute)
		defer tick.Stop()
		for {
			var done bool
			if err := conn.QueryRow(ctx, text).Scan(&done); err != nil {
				t.Fatal(err)
			}
			if done {
				return
			}
			select {
			case <-tick.C:
			case <-timeout:
				t.Fatal("waited a minute for " + what)
			}
		}
	}
	first := run()
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	until("the copy to begin", "SELECT to_regclass('unfinished_copy') IS NOT NULL")
	if _, err := conn.Exec(ctx, "BEGIN"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(ctx, "SELECT 1 FROM unfinished_copy WHERE name = 'rejects' FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	until("the copy to stand", "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())")
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err == nil {
		t.Fatal("the first copy was not killed")
	}
	if _, err := conn.Exec(ctx, "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	notServed(t, url, dir)

	second := run()
	var stderr strings.Builder
	second.Stderr = &stderr
	out, err := second.Output()
	if err != nil {
		t.Fatalf("the second copy: %v\n%s", err, &stderr)
	}
	for _, want := range []string{"went on where an earlier one had stopped", "copy " + filepath.Join(dir, "master.key") + " into", "\nCopied 2000 rows"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the second copy does not say %q:\n%s%s", want, out, &stderr)
		}
	}
	wantSame(t, answers(t, openPostgres(t, url, dir)), before)
}
