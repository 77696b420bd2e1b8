package asterisktest

import (
	"bufio"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

var record = flag.Bool("record", false, "write what the scenarios made AMI, ARI and the books say to ../testdata/streams")

func TestScenarios(t *testing.T) {
	t.Parallel()
	for _, sc := range Scenarios() {
		for _, version := range []int{V16, V22} {
			t.Run(fmt.Sprint(sc.Name, "/", version), func(t *testing.T) {
				t.Parallel()
				options := sc.Options
				options.Version = version
				s := Start(t, options)
				stage := sc.Prepare(t, s)
				ari := s.ListenARI(t, User)
				stage.Play()

				compare(t, "CDRs", sc.CDRs, cdrLines(s.CDRs(t)))
				compare(t, "queue_log", sc.QueueLog, queueLines(s.QueueLog(t)))
				var callers []string
				for _, v := range s.Voicemails(t, "105") {
					callers = append(callers, v.Caller)
					if v.Duration < 1 {
						t.Errorf("a voicemail of no length: %+v", v)
					}
				}
				compare(t, "callers in the mailbox", sc.Voicemails, callers)
				if *record && !t.Failed() {
					write(t, stage, ari)
				}
			})
		}
	}
}

// compare compares lines with patterns, as path.Match has them: not all that Asterisk
// writes of a call is the same each time.
func compare(t *testing.T, what string, patterns, lines []string) {
	t.Helper()
	if !slices.EqualFunc(patterns, lines, func(pattern, line string) bool {
		ok, err := path.Match(pattern, line)
		return ok && err == nil
	}) {
		t.Errorf("the %s are\n\t%s\nwant\n\t%s", what, strings.Join(lines, "\n\t"), strings.Join(patterns, "\n\t"))
	}
}

// write writes the recording of a scenario. Of ARI it has what Asterisk 22 said, for
// nobody runs the ARI of 16 beside its AMI.
func write(t *testing.T, stage *Stage, ari *ARIEvents) {
	t.Helper()
	files := map[string][]byte{
		"ami":       stage.AMI(),
		"cdr.csv":   stage.book(t, cdrBook),
		"queue_log": stage.book(t, queueBook),
	}
	if stage.Version == V22 {
		files["ari.ndjson"] = ari.NDJSON()
	}
	dir := filepath.Join("../testdata/streams", fmt.Sprint(stage.Version))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for extension, b := range files {
		name := filepath.Join(dir, stage.Name+"."+extension)
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
		if len(b) == 0 {
			t.Log(name, "is empty")
			os.Remove(name)
		}
	}
}

// Each scenario is recorded, and nothing else is.
func TestRecordings(t *testing.T) {
	t.Parallel()
	var names []string
	for _, sc := range Scenarios() {
		names = append(names, sc.Name)
	}
	slices.Sort(names)
	for _, version := range []int{V16, V22} {
		files, err := filepath.Glob(fmt.Sprintf("../testdata/streams/%d/*.ami", version))
		if err != nil {
			t.Fatal(err)
		}
		var recorded []string
		for _, f := range files {
			recorded = append(recorded, strings.TrimSuffix(filepath.Base(f), ".ami"))
		}
		slices.Sort(recorded)
		compare(t, "recordings", names, recorded)
	}
}

// cdrLines are what is the same each time in CDRs, in order.
func cdrLines(cdrs []CDR) []string {
	number := regexp.MustCompile(`-[0-9a-f]{8}`)
	var lines []string
	for _, c := range cdrs {
		lines = append(lines, number.ReplaceAllString(fmt.Sprintf("%s > %s: %s > %s: %s %s", c.Source, c.Destination, c.Channel, c.DestinationChannel, c.LastApp, c.Disposition), ""))
	}
	slices.Sort(lines)
	return lines
}

// queueLines are the same of queue_log.
func queueLines(events []QueueEvent) []string {
	var lines []string
	for _, e := range events {
		if e.Event != "QUEUESTART" { // of every start
			lines = append(lines, e.Queue+" "+e.Agent+" "+e.Event)
		}
	}
	return lines
}

func TestLives(t *testing.T) {
	t.Parallel()
	for _, version := range []int{V16, V22} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			s := Start(t, Options{Version: version})
			c, err := (&tls.Dialer{Config: &tls.Config{RootCAs: s.CA}}).DialContext(t.Context(), "tcp", s.AMIS)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if banner, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.HasPrefix(banner, "Asterisk Call Manager/") {
				t.Errorf("over TLS it says %q, %v", banner, err)
			}
			before := s.Pid()
			s.Restart(t)
			if s.Pid() != before {
				t.Error("a restart made it another process")
			}
			s.Stop(t)
			s.Up(t)
			s.Kill(t)
			s.Up(t)
			if got := s.Command(t, "core show uptime seconds"); got == "" {
				t.Error("a command says nothing")
			}
		})
	}
}

// However a test process ends, it takes its phone system with it.
func TestNothingStaysBehind(t *testing.T) {
	t.Parallel()
	const child = "ASTERISKTEST_CHILD"
	if os.Getenv(child) != "" {
		s := Start(t, Options{Version: V22})
		fmt.Printf("%s\n%d\n", s.dir, s.Pid())
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		t.Fatal(self.Kill())
	}
	wanted(t)
	_, err := find(V22)
	need(t, err)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNothingStaysBehind$")
	cmd.Env = append(os.Environ(), child+"=1")
	output, err := cmd.Output()
	if _, ended := errors.AsType[*exec.ExitError](err); !ended {
		t.Fatalf("want a process that was killed, got %v: %s", err, output)
	}
	words := strings.Fields(string(output))
	if len(words) != 2 {
		t.Fatalf("want a directory and a process, got %q", output)
	}
	if err := until("both to go", func() (bool, error) {
		_, err := os.Stat(words[0])
		state, _ := os.ReadFile("/proc/" + words[1] + "/status") // nothing if it has gone
		return errors.Is(err, os.ErrNotExist) && (len(state) == 0 || strings.Contains(string(state), "State:\tZ")), nil
	}); err != nil {
		t.Error(err)
	}
}

// Nobody answers at the port of a phone that is not there.
func TestListens(t *testing.T) {
	t.Parallel()
	port, err := freePort("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	if is, err := listens("127.0.0.1", port); is || err != nil {
		t.Error(is, err)
	}
}

// ARI of 22 comes to us by itself.
func TestOutbound(t *testing.T) {
	t.Parallel()
	came := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, secret, _ := r.BasicAuth()
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"ari"}})
		if err != nil {
			return // it comes again
		}
		defer c.CloseNow()
		_, event, err := c.Read(r.Context())
		if err != nil {
			return
		}
		select {
		case came <- fmt.Sprintf("%s %s %s %s", user, secret, c.Subprotocol(), event):
		default:
		}
		// Where we hung up, it would come again a millisecond later, as it boots.
		<-c.CloseRead(t.Context()).Done()
	}))
	t.Cleanup(server.Close)
	s := Start(t, Options{Version: V22, Outbound: strings.Replace(server.URL, "http", "ws", 1) + "/ari"})
	select {
	case got := <-came:
		want := fmt.Sprintf("%s %s ari {", User, Secret)
		if !strings.HasPrefix(got, want) || !strings.Contains(got, "ApplicationRegistered") {
			t.Errorf("%s, want %s… ApplicationRegistered", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("ARI does not come: %s", s.last())
	}
}
