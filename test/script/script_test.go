// Package script_test runs the product as a person uses it: each file in
// testdata is a script (testscript, txtar) that drives the real binary, in a
// directory and on a port of its own. Its first lines say what the person wants.
//
// Each script runs twice: on SQLite, and with a PostgreSQL database of its own. What is
// about one of them alone begins with [sqlite] or [postgres], such as
//
//	[postgres] skip 'it is about the data directory'
//
// Scripts start with these variables; `switchhook` is on the path, and everything
// that the environment can say is said there:
//
//	KEY                        the operator's key, that post and its like send
//	SWITCHHOOK_ADMIN_KEY       the same
//	SWITCHHOOK_DATA            $WORK/data
//	SWITCHHOOK_DATABASE        empty, or the URL of the PostgreSQL database
//	SWITCHHOOK_LISTEN          127.0.0.1:0
//	SWITCHHOOK_ALLOW_NETWORKS  127.0.0.0/8, where the receivers are
//	SEED                       the folder of the JSON examples of VoIPBin's page
//
// Besides what testscript has (exec, cmp, stdout, grep and so on), the server:
//
//	serve [FLAG…]    starts `switchhook serve` and waits until it is ready; sets $URL and $ADDRESS.
//	                 What it logs is in server.log, of all its lives.
//	terminate        ends it with SIGTERM; it must exit with 0
//	crash            ends it with SIGKILL
//	database NAME    makes an empty PostgreSQL database and sets $NAME to its URL; where there
//	                 is no PostgreSQL the script is left out
//
// Its API. A BODY is a file's name, or JSON; $NAMES in it are replaced. What is
// printed is the status line and the body, JSON indented. Without a ! the answer
// must be below 400, with it not:
//
//	[!] get [-H 'NAME: VALUE']… PATH
//	[!] post, put, patch, delete [-H 'NAME: VALUE']… PATH [BODY]
//	                 a PATH begins with /, and the key goes with it; a whole URL gets no key.
//	                 -H 'NAME:' leaves a header out, as curl does.
//	await PATH REGEXP…
//	                 gets it until the answer matches all of them, and prints it
//	capture NAME REGEXP [FILE]
//	                 sets $NAME to what the first group of REGEXP matches in FILE, stdout if left out
//	signin NAME BODY posts it to /v1/session, and sets $NAME to the cookie as a browser sends it back
//	follow NAME [-H 'NAME: VALUE']… PATH
//	                 opens a stream of server-sent events
//	followed NAME N  waits for the next N messages of the stream and prints them
//
// Receivers:
//
//	tokens NAME CLIENT SECRET TOKEN
//	                 starts a server that gives the token for the client's id and secret (OAuth 2.0), and
//	                 sets $NAME to its URL
//	receiver [-tls] NAME [STATUS…]
//	                 starts a receiver and sets $NAME to its URL (-tls: it speaks TLS, and wants a client
//	                 certificate; see wantsCertificate). It answers the first request with
//	                 the first status and so on, the last one for ever; 200 if left out.
//	answers NAME STATUS…
//	                 answers so from now on
//	received [-body] NAME N
//	                 waits for the next N requests and prints them, with -body only their bodies, a
//	                 line each. The time and the signatures are masked; a webhook-id is #1 if it was
//	                 the first that came, #2 if another, so that a repeat shows. More than N
//	                 waiting is an error, so `received NAME 0` says that nothing else came.
//	mailbox NAME     starts a mail server and sets $NAME to its URL
//	mails NAME N     waits for the next N mails of a mailbox, which no mails has asked for yet, and
//	                 prints whom each went to, its subject and its parts. More than N waiting is an error.
//	signed NAME SECRET
//	                 the last request printed is signed with the secret, says the standardwebhooks
//	                 library
//	relay URL FILE…  posts each file, one after the other, each once all deliveries of the one
//	                 before have arrived at some receiver; prints how many there were
//
// Programs:
//
//	exits CODE PROGRAM [ARG…]
//	                 runs it, like exec; it must end with this code
//	begin NAME PROGRAM [ARG…]
//	                 runs it beside the script
//	says NAME REGEXP waits for a line of its, of either output, that matches and that no says has
//	                 asked for yet, and prints it
//	interrupt NAME   ends it with SIGINT; it must exit with 0. What it said on its standard output
//	                 is stdout now
//
// Files:
//
//	compact FILE…    prints JSON files without white space, a line each
//	repeat FILE N TEXT
//	                 appends TEXT N times to FILE, {n} in it being 1, 2, …, and \n a line's end
//	mode PERM PATH   the file or folder has these permissions, such as 0600
//	absent TEXT PATH…
//	                 no file there, or below, has the text in it, nor the key that a whsec_ text stands for
package script_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/switchhook/switchhook/internal/store/postgres/pgtest"
)

const (
	operatorKey = "script-test-operator-key"
	// patience bounds every wait. Nothing takes so long unless it is broken.
	patience = 30 * time.Second
)

// A command is one of the package's own.
type command = func(ts *testscript.TestScript, neg bool, args []string)

func TestMain(m *testing.M) { os.Exit(pgtest.Parallel(m, "6")) }

func TestScripts(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../../cmd/switchhook")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	seed, err := filepath.Abs("../../internal/source/voipbin/testdata/seed")
	if err != nil {
		t.Fatal(err)
	}
	for _, on := range []struct {
		store    string
		database func(testing.TB) string
	}{
		{"sqlite", func(testing.TB) string { return "" }},
		{"postgres", pgtest.New},
	} {
		t.Run(on.store, func(t *testing.T) {
			t.Parallel()
			on.database(t) // or it is left out, as a whole
			params := params(t, bin, seed, on.database)
			params.Condition = func(name string) (bool, error) {
				if name != "sqlite" && name != "postgres" {
					return false, fmt.Errorf("there is no condition %s", name)
				}
				return name == on.store, nil
			}
			testscript.Run(t, params)
		})
	}
}

func params(t *testing.T, bin, seed string, on func(testing.TB) string) testscript.Params {
	t.Helper()
	return testscript.Params{
		Dir:         "testdata",
		WorkdirRoot: t.TempDir(), // testscript leaves its own behind where -run selects scripts
		// It ends what exec runs; the package's own commands have bounds of their own. It is
		// that of all scripts together, of which there are some eighty.
		Deadline: time.Now().Add(10 * patience),
		Setup: func(env *testscript.Env) error {
			tb, ok := env.T().(testing.TB)
			if !ok {
				return errors.New("the script is no test")
			}
			for _, v := range [][2]string{
				{"PATH", bin + string(os.PathListSeparator) + os.Getenv("PATH")},
				{"SEED", seed},
				{"KEY", operatorKey},
				{"SWITCHHOOK_ADMIN_KEY", operatorKey},
				{"SWITCHHOOK_DATA", filepath.Join(env.WorkDir, "data")},
				{"SWITCHHOOK_DATABASE", on(tb)},
				{"SWITCHHOOK_LISTEN", "127.0.0.1:0"},
				{"SWITCHHOOK_ALLOW_NETWORKS", "127.0.0.0/8"},
			} {
				env.Setenv(v[0], v[1])
			}
			w := newWorld(filepath.Join(bin, "switchhook"), filepath.Join(env.WorkDir, "server.log"))
			w.tb = tb
			env.Values[worldKey{}] = w
			env.Defer(func() {
				w.end()
				if tb.Failed() {
					tb.Logf("the end of server.log:\n%s", w.log.tail())
				}
			})
			return nil
		},
		Cmds: map[string]command{
			"serve": serve, "terminate": terminate, "crash": crash, "database": database,
			"get": request("GET"), "post": request("POST"), "put": request("PUT"), "patch": request("PATCH"), "delete": request("DELETE"),
			"await": await, "capture": capture, "signin": signIn, "follow": follow, "followed": followed,
			"receiver": newReceiver, "answers": answers, "received": received, "signed": signed, "relay": relay, "tokens": tokens, "mailbox": newMailbox, "mails": mails,
			"exits": exits, "begin": begin, "says": says, "interrupt": interrupt, "compact": compact, "repeat": repeat, "mode": mode, "absent": absent,
		},
		RequireUniqueNames: true,
	}
}

type worldKey struct{}

// A world is what a script has running.
type world struct {
	tb        testing.TB
	bin       string
	log       *logFile
	server    *server // nil while none runs
	receivers map[string]*receiver
	mailboxes map[string]*mailbox
	streams   map[string]*stream
	programs  map[string]*program
	arrivals  *inbox[string] // names of receivers, a request each
}

func newWorld(bin, log string) *world {
	return &world{
		bin: bin, log: &logFile{name: log},
		receivers: map[string]*receiver{}, mailboxes: map[string]*mailbox{}, streams: map[string]*stream{}, programs: map[string]*program{}, arrivals: newInbox[string](),
	}
}

func worldOf(ts *testscript.TestScript) *world {
	w, ok := ts.Value(worldKey{}).(*world)
	if !ok {
		ts.Fatalf("the script has no world")
	}
	return w
}

// end stops whatever still runs.
func (w *world) end() {
	for _, s := range w.streams {
		s.close()
	}
	for _, p := range w.programs {
		p.kill()
	}
	if w.server != nil {
		w.server.kill()
	}
	for _, r := range w.receivers {
		r.srv.Close()
	}
	for _, m := range w.mailboxes {
		m.close()
	}
}

// usage ends the script where a command was not written as it is to be.
func usage(ts *testscript.TestScript, ok bool, form string) {
	if !ok {
		ts.Fatalf("usage: %s", form)
	}
}

func positive(ts *testscript.TestScript, neg bool) {
	if neg {
		ts.Fatalf("unsupported: !")
	}
}

func printf(ts *testscript.TestScript, format string, args ...any) {
	_, err := fmt.Fprintf(ts.Stdout(), format, args...)
	ts.Check(err)
}
