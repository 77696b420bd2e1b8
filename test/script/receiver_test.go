package script_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// A receiver writes down what comes and answers as the script says.
type receiver struct {
	srv      *httptest.Server
	requests *inbox[*arrived]
	last     *arrived // the last that the script has seen

	mu       sync.Mutex
	statuses []int
	ids      map[string]int // webhook-id → its place among those that came
}

// An arrived is a request as it came.
type arrived struct {
	method, target string
	header         http.Header
	body           []byte
	id             int // the place of its webhook-id
}

// String is the request in a form that is the same each time.
func (a *arrived) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", a.method, a.target)
	for _, name := range slices.Sorted(maps.Keys(a.header)) {
		value := strings.Join(a.header[name], ", ")
		switch name = strings.ToLower(name); name {
		case "accept-encoding", "content-length":
			continue // of the transport, not of the product
		case "webhook-id":
			value = fmt.Sprintf("#%d", a.id)
		case "webhook-timestamp":
			value = "…"
		case "webhook-signature":
			signatures := strings.Fields(value)
			for i := range signatures {
				version, _, _ := strings.Cut(signatures[i], ",")
				signatures[i] = version + ",…"
			}
			value = strings.Join(signatures, " ")
		}
		fmt.Fprintf(&b, "%s: %s\n", name, value)
	}
	fmt.Fprintf(&b, "\n%s\n", a.body)
	return b.String()
}

func newReceiver(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	secure := len(args) > 0 && args[0] == "-tls"
	if secure {
		args = args[1:]
	}
	usage(ts, len(args) >= 1, "receiver [-tls] NAME [STATUS…]")
	w, name := worldOf(ts), args[0]
	if w.receivers[name] != nil {
		ts.Fatalf("there is a receiver %s", name)
	}
	r := &receiver{requests: newInbox[*arrived](), ids: map[string]int{}, statuses: []int{http.StatusOK}}
	r.srv = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return // the server died meanwhile
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		id := req.Header.Get("Webhook-Id")
		if r.ids[id] == 0 {
			r.ids[id] = len(r.ids) + 1
		}
		status := r.statuses[0]
		if len(r.statuses) > 1 {
			r.statuses = r.statuses[1:]
		}
		rw.WriteHeader(status)
		r.requests.put(&arrived{req.Method, req.URL.RequestURI(), req.Header, body, r.ids[id]})
		w.arrivals.put(name)
	}))
	if secure {
		wantsCertificate(ts, name, r.srv)
	} else {
		r.srv.Start()
	}
	w.receivers[name] = r
	ts.Setenv(name, r.srv.URL)
	if len(args) > 1 {
		answers(ts, neg, args)
	}
}

func answers(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	usage(ts, len(args) >= 2, "answers NAME STATUS…")
	r := receiverOf(ts, args[0])
	var statuses []int
	for _, arg := range args[1:] {
		statuses = append(statuses, number(ts, arg))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statuses = statuses
}

func receiverOf(ts *testscript.TestScript, name string) *receiver {
	r := worldOf(ts).receivers[name]
	if r == nil {
		ts.Fatalf("there is no receiver %s", name)
	}
	return r
}

func received(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	bodies := len(args) > 0 && args[0] == "-body"
	if bodies {
		args = args[1:]
	}
	usage(ts, len(args) == 2, "received [-body] NAME N")
	r := receiverOf(ts, args[0])
	requests, err := r.requests.take(number(ts, args[1]), true)
	for i, req := range requests {
		r.last = req
		switch {
		case bodies:
			printf(ts, "%s\n", req.body)
		case i > 0:
			printf(ts, "\n%s", req)
		default:
			printf(ts, "%s", req)
		}
	}
	ts.Check(err)
}

func signed(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) == 2, "signed NAME SECRET")
	r := receiverOf(ts, args[0])
	if r.last == nil {
		ts.Fatalf("%s has received nothing", args[0])
	}
	wh, err := standardwebhooks.NewWebhook(args[1])
	ts.Check(err)
	err = wh.Verify(r.last.body, r.last.header)
	switch {
	case err != nil && !neg:
		ts.Fatalf("it is not signed with %s: %v", args[1], err)
	case err == nil && neg:
		ts.Fatalf("it is signed with %s", args[1])
	}
}

func relay(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	usage(ts, len(args) >= 2, "relay URL FILE…")
	for _, file := range args[1:] {
		c := buildRequest(ts, http.MethodPost, []string{args[0], file})
		a, err := do(ts, c)
		ts.Check(err)
		if a.status != http.StatusAccepted {
			ts.Fatalf("%s was answered %s", file, a)
		}
		var accepted struct{ Events []struct{ Deliveries int } }
		ts.Check(json.Unmarshal(a.body, &accepted))
		n := 0
		for _, ev := range accepted.Events {
			n += ev.Deliveries
		}
		printf(ts, "%s %d\n", filepath.Base(file), n)
		names, err := worldOf(ts).arrivals.take(n, false)
		if err != nil {
			ts.Fatalf("the deliveries of %s: %v: %v", file, err, names)
		}
	}
}

func mode(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	usage(ts, len(args) == 2, "mode PERM PATH")
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has the mode %s", args[1], got)
	}
}

func absent(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	usage(ts, len(args) >= 2 && len(args[0]) >= 8, "absent TEXT PATH…")
	needles := [][]byte{[]byte(args[0])}
	if encoded, ok := strings.CutPrefix(args[0], "whsec_"); ok {
		key, err := base64.StdEncoding.DecodeString(encoded)
		ts.Check(err)
		needles = [][]byte{[]byte(encoded), key}
	}
	for _, root := range args[1:] {
		files := 0
		ts.Check(filepath.WalkDir(ts.MkAbs(root), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			files++
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, needle := range needles {
				if bytes.Contains(content, needle) {
					return fmt.Errorf("%s has it", path)
				}
			}
			return nil
		}))
		if files == 0 {
			ts.Fatalf("there is no file in %s", root)
		}
	}
}
