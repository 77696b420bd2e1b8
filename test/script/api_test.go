package script_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// An answer is what the API said.
type answer struct {
	status int
	body   []byte
}

// String is the status line and the body, JSON indented, without the one member
// that is never the same.
func (a *answer) String() string {
	var b bytes.Buffer
	if json.Indent(&b, bytes.TrimSpace(a.body), "", "  ") != nil {
		b.Reset()
		b.Write(a.body)
	}
	text := strconv.Itoa(a.status) + " " + http.StatusText(a.status) + "\n" + requestID.ReplaceAllString(b.String(), "")
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text
}

var requestID = regexp.MustCompile(`,\n +"request_id": "[^"]+"`)

// request makes the command that sends requests of a method.
func request(method string) command {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		req := buildRequest(ts, method, args)
		a, err := do(ts, req)
		ts.Check(err)
		printf(ts, "%s", a)
		if refused := a.status >= http.StatusBadRequest; refused != neg {
			ts.Fatalf("%s %s was answered %d", method, req.path, a.status)
		}
	}
}

// A call is a request as the script writes it.
type call struct {
	method, path string
	header       http.Header
	body         string
}

func buildRequest(ts *testscript.TestScript, method string, args []string) *call {
	form := strings.ToLower(method) + " [-H 'NAME: VALUE']… PATH"
	if method != http.MethodGet {
		form += " [BODY]"
	}
	c := &call{method: method, header: http.Header{"User-Agent": {"script"}}}
	named := map[string]string{}
	for len(args) >= 2 && args[0] == "-H" {
		name, value, ok := strings.Cut(args[1], ":")
		usage(ts, ok, form)
		named[http.CanonicalHeaderKey(name)] = strings.TrimSpace(value)
		args = args[2:]
	}
	usage(ts, len(args) == 1 || len(args) == 2 && method != http.MethodGet, form)
	c.path = args[0]
	if strings.HasPrefix(c.path, "/") {
		c.header.Set("Authorization", "Bearer "+ts.Getenv("KEY"))
		c.path = ts.Getenv("URL") + c.path
	}
	if len(args) == 2 {
		c.header.Set("Content-Type", "application/json")
		c.body = bodyOf(ts, args[1])
	}
	for name, value := range named {
		if c.header.Set(name, value); value == "" {
			c.header.Del(name)
		}
	}
	return c
}

// bodyOf is the JSON itself or a file's content, with variables replaced. A $
// that begins no variable of the script stays.
func bodyOf(ts *testscript.TestScript, arg string) string {
	text := arg
	if arg != "" && !strings.HasPrefix(arg, "{") && !strings.HasPrefix(arg, "[") {
		text = ts.ReadFile(arg)
	}
	return variable.ReplaceAllStringFunc(text, func(name string) string {
		if value := ts.Getenv(name[1:]); value != "" {
			return value
		}
		return name
	})
}

var variable = regexp.MustCompile(`\$[A-Z][A-Z0-9_]*`)

func do(ts *testscript.TestScript, c *call) (*answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	resp, err := send(ctx, c)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	a := &answer{status: resp.StatusCode}
	a.body, err = io.ReadAll(resp.Body)
	if err == nil && a.status >= http.StatusInternalServerError {
		ts.Logf("%s", worldOf(ts).log.tail())
	}
	return a, err
}

func send(ctx context.Context, c *call) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, c.method, c.path, strings.NewReader(c.body))
	if err != nil {
		return nil, err
	}
	req.Header = c.header
	return http.DefaultClient.Do(req)
}

func await(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	usage(ts, len(args) >= 2, "await PATH REGEXP…")
	c := buildRequest(ts, http.MethodGet, args[:1])
	var all []*regexp.Regexp
	for _, arg := range args[1:] {
		re, err := regexp.Compile("(?m)" + arg)
		ts.Check(err)
		all = append(all, re)
	}
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		a, err := do(ts, c)
		ts.Check(err)
		text, missing := a.String(), ""
		for _, re := range all {
			if !re.MatchString(text) {
				missing = re.String()
			}
		}
		if missing == "" && a.status < http.StatusBadRequest {
			printf(ts, "%s", text)
			return
		}
		select {
		case <-look.C:
		case <-timeout.C:
			printf(ts, "%s", text)
			ts.Fatalf("within %s there was no %s", patience, missing)
		}
	}
}

func capture(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	usage(ts, len(args) == 2 || len(args) == 3, "capture NAME REGEXP [FILE]")
	file := "stdout"
	if len(args) == 3 {
		file = args[2]
	}
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	m := re.FindStringSubmatch(ts.ReadFile(file))
	if len(m) < 2 {
		ts.Fatalf("%s has nothing that matches a group of %s", file, args[1])
	}
	ts.Setenv(args[0], m[1])
}

func signIn(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	usage(ts, len(args) == 2, "signin NAME BODY")
	c := buildRequest(ts, http.MethodPost, []string{"-H", "Authorization:", "/v1/session", args[1]})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	resp, err := send(ctx, c)
	ts.Check(err)
	defer resp.Body.Close()
	if len(resp.Cookies()) != 1 {
		ts.Fatalf("the answer %s has %d cookies", resp.Status, len(resp.Cookies()))
	}
	ts.Setenv(args[0], resp.Cookies()[0].Name+"="+resp.Cookies()[0].Value)
}

// A stream is one of server-sent events, being read.
type stream struct {
	messages *inbox[string]
	cancel   context.CancelFunc
	done     chan struct{}
}

func (s *stream) close() {
	s.cancel()
	<-s.done
}

func follow(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	usage(ts, len(args) >= 2, "follow NAME [-H 'NAME: VALUE']… PATH")
	w := worldOf(ts)
	if old := w.streams[args[0]]; old != nil {
		old.close()
	}
	c := buildRequest(ts, http.MethodGet, args[1:])
	ctx, cancel := context.WithCancel(context.Background())
	s := &stream{messages: newInbox[string](), cancel: cancel, done: make(chan struct{})}
	w.streams[args[0]] = s
	opened := make(chan error, 1)
	timer := time.AfterFunc(patience, cancel)
	defer timer.Stop()
	go func() {
		defer close(s.done)
		resp, err := send(ctx, c)
		if err != nil {
			opened <- err
			return
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("GET %s was answered %s", c.path, resp.Status)
		}
		opened <- err
		message, data := "", false
		for sc := bufio.NewScanner(resp.Body); sc.Scan(); {
			switch line := sc.Text(); {
			case line == "":
				if data { // else it says only where the stream is
					s.messages.put(message)
				}
				message, data = "", false
			case strings.HasPrefix(line, "id:"), strings.HasPrefix(line, "data:"), strings.HasPrefix(line, "event:"):
				message += line + "\n"
				data = data || strings.HasPrefix(line, "data:")
			}
		}
	}()
	ts.Check(<-opened)
}

func followed(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	usage(ts, len(args) == 2, "followed NAME N")
	s := worldOf(ts).streams[args[0]]
	if s == nil {
		ts.Fatalf("there is no stream %s", args[0])
	}
	messages, err := s.messages.take(number(ts, args[1]), true)
	printf(ts, "%s", strings.Join(messages, "\n"))
	ts.Check(err)
}

func number(ts *testscript.TestScript, arg string) int {
	n, err := strconv.Atoi(arg)
	ts.Check(err)
	return n
}

func compact(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	for _, file := range args {
		var b bytes.Buffer
		ts.Check(json.Compact(&b, []byte(ts.ReadFile(file))))
		printf(ts, "%s\n", b.Bytes())
	}
}

func repeat(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	usage(ts, len(args) == 3, "repeat FILE N TEXT")
	var b strings.Builder
	text := strings.ReplaceAll(args[2], `\n`, "\n")
	for i := range number(ts, args[1]) {
		b.WriteString(strings.ReplaceAll(text, "{n}", strconv.Itoa(i+1)))
	}
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	_, err = f.WriteString(b.String())
	ts.Check(err)
	ts.Check(f.Close())
}
