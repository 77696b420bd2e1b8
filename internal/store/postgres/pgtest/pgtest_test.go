package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// value asks for one text.
func value(t *testing.T, c *pgx.Conn, sql string) string {
	t.Helper()
	var v string
	must(t, c.QueryRow(t.Context(), sql).Scan(&v))
	return v
}

func TestNew(t *testing.T) {
	t.Parallel()
	a, b := Connect(t, New(t)), Connect(t, New(t))
	Do(t, a, "CREATE TABLE t (n text)")
	for c, want := range map[*pgx.Conn]string{a: "1", b: "0"} {
		if got := value(t, c, "SELECT count(*)::text FROM pg_tables WHERE tablename = 't'"); got != want {
			t.Errorf("%s tables, want %s: two databases are one", got, want)
		}
	}
	if value(t, a, "SELECT usesuper::text FROM pg_user WHERE usename = current_user") != "false" {
		t.Error("the owner of a database is a superuser")
	}
	for name, want := range map[string]string{"fsync": "on", "synchronous_commit": "on", "autovacuum": "on", "server_encoding": "UTF8"} {
		if got := value(t, a, "SHOW "+name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestNewElsewhere(t *testing.T) {
	s := Start(t, nil)
	t.Setenv(superEnv, s.URL())
	c := Connect(t, s.URL())
	count := func() string {
		return value(t, c, "SELECT (SELECT count(*) FROM pg_database) || ' databases, ' || (SELECT count(*) FROM pg_roles) || ' roles'")
	}
	before := count()
	t.Run("in a test", func(t *testing.T) {
		_, err := pgx.Connect(t.Context(), New(t)) // and is left open
		must(t, err)
		if count() == before {
			t.Error("no database was made on the server of " + superEnv)
		}
	})
	if after := count(); after != before {
		t.Errorf("%s after the test, %s before", after, before)
	}
}

func TestKill(t *testing.T) {
	t.Parallel()
	s := Start(t, map[string]string{"max_connections": "30"})
	url := s.New(t)
	c := Connect(t, url)
	Do(t, c, "CREATE TABLE t (n int)")
	for n, end := range []func() error{s.Kill, func() error { return s.Stop(Immediate) }, func() error { return s.Stop(Fast) }, s.Restart} {
		Do(t, c, "INSERT INTO t VALUES (1)")
		must(t, end())
		if _, err := c.Exec(t.Context(), "SELECT 1"); err == nil {
			t.Fatal("the server still answers")
		}
		must(t, s.Restart())
		c = Connect(t, url)
		if got, want := value(t, c, "SELECT count(*)::text FROM t"), strconv.Itoa(n+1); got != want {
			t.Fatalf("%s rows after the server's end, %s were committed", got, want)
		}
	}
	c = Connect(t, s.SocketURL())
	if got := value(t, c, "SHOW max_connections"); got != "30" {
		t.Errorf("max_connections is %s, want 30", got)
	}
	must(t, s.SetConfig("default_transaction_read_only", "on"))
	if got := value(t, c, "SHOW default_transaction_read_only"); got != "on" {
		t.Errorf("default_transaction_read_only is %s, want on", got)
	}
	if err := s.SetConfig("port", "none"); err == nil {
		t.Error("a port may be none")
	}
}

func TestStandby(t *testing.T) {
	t.Parallel()
	s := Start(t, nil)
	b := s.Standby(t, true)
	url, err := s.Or(b, s.New(t))
	must(t, err)
	c := Connect(t, url)
	Do(t, c, "CREATE TABLE t AS SELECT 1 AS n") // and so it is on both
	must(t, s.Kill())
	if _, err := pgx.Connect(t.Context(), url); err == nil {
		t.Error("a standby is taken for one that can be written to")
	}
	must(t, b.Promote())
	Do(t, Connect(t, url), "INSERT INTO t VALUES (2)")
}

func TestFreeze(t *testing.T) {
	t.Parallel()
	s := Start(t, nil)
	c := Connect(t, s.URL())
	must(t, s.Freeze())
	answer := make(chan error)
	go func() {
		_, err := c.Exec(context.Background(), "SELECT 1")
		answer <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := pgx.Connect(ctx, s.URL()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("connected to a frozen server: %v", err)
	}
	select {
	case err := <-answer:
		t.Fatalf("a frozen server answers: %v", err)
	default:
	}
	must(t, s.Thaw())
	must(t, <-answer)
	must(t, s.Freeze()) // and the test can end
}

func TestBouncer(t *testing.T) {
	t.Parallel()
	database := New(t)
	direct := Connect(t, database)
	through := Connect(t, Bouncer(t, database)+"&default_query_exec_mode=simple_protocol")
	if a, b := value(t, direct, "SELECT current_database()"), value(t, through, "SELECT current_database()"); a != b {
		t.Errorf("through the bouncer is %s, not %s", b, a)
	}
	// Transaction mode: what the session remembers, another client may be served with.
	other := Connect(t, through.Config().ConnString())
	Do(t, through, "BEGIN")
	a := value(t, through, "SELECT pg_backend_pid()::text")
	Do(t, through, "COMMIT")
	if b := value(t, other, "SELECT pg_backend_pid()::text"); a != b {
		t.Errorf("two clients in turn were served by the sessions %s and %s, want one", a, b)
	}
}

// endEnv makes this program a test process that ends in some way.
const endEnv = "PGTEST_END"

func TestMain(m *testing.M) {
	if how := os.Getenv(endEnv); how != "" {
		if err := end(how); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func end(how string) error {
	s, err := shared()
	if err != nil {
		return err
	}
	all, err := processes()
	if err != nil {
		return err
	}
	fmt.Println(s.home.dir)
	fmt.Println(s.process.Pid)
	for pid, p := range all {
		if p.parent == s.process.Pid {
			fmt.Println(pid)
		}
	}
	switch self, _ := os.FindProcess(os.Getpid()); how {
	case "frozen and killed":
		err = errors.Join(s.Freeze(), self.Kill())
	case "panic":
		panic(how)
	case "power cut":
		err = s.Kill()
	}
	return err
}

// However a test process ends, it takes its server with it.
func TestNothingStaysBehind(t *testing.T) {
	t.Parallel()
	_, err := find("postgres", "postgresql")
	need(t, err)
	for _, how := range []string{"panic", "power cut", "frozen and killed"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			var errs strings.Builder
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), endEnv+"="+how)
			cmd.Stderr = &errs
			out, err := cmd.Output()
			if _, ended := errors.AsType[*exec.ExitError](err); !ended {
				t.Fatal(err)
			}
			lines := strings.Fields(string(out))
			if len(lines) < 5 {
				t.Fatalf("want a directory and the processes of a server, got %q: %s", out, &errs)
			}
			must(t, until("the directory to go", patience, func() (bool, error) {
				_, err := os.Stat(lines[0])
				return errors.Is(err, os.ErrNotExist), nil
			}))
			all, err := processes()
			must(t, err)
			for _, line := range lines[1:] {
				pid, err := strconv.Atoi(line)
				must(t, err)
				if p, found := all[pid]; found && p.state != dead {
					t.Errorf("the process %d lives", pid)
				}
			}
			segments, _ := os.ReadFile("/proc/sysvipc/shm") // on Linux: key, id, mode, size, who made it, …
			for segment := range strings.Lines(string(segments)) {
				if f := strings.Fields(segment); f[4] == lines[1] {
					t.Errorf("shared memory stays behind: %s", segment)
				}
			}
		})
	}
}
