package freeswitch

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/freeswitch/freeswitchtest"
)

// recorded are the posts that a FreeSWITCH made of a call: of the first leg, and of the second.
func recorded(t *testing.T) (a, b []byte) {
	t.Helper()
	data, err := os.ReadFile("testdata/samples/01-direct-answered.json_cdr.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	posts := lines(data)
	if len(posts) != 2 {
		t.Fatalf("%d posts", len(posts))
	}
	return posts[0], posts[1]
}

const (
	firstLeg  = "a9179553-e84c-431f-81be-d2cca61ad13f"
	secondLeg = "2aa1f9eb-3222-4751-9ca8-78c65ab96f16"
)

// What a record says of a leg's end is what the event says.
func TestRecordsSayWhatEventsSay(t *testing.T) {
	t.Parallel()
	a, b := recorded(t)
	told := map[string]string{}
	for _, f := range translateAll(t, &Options{}, sampled(t, "01-direct-answered.ndjson")) {
		if f, is := f.(source.LegEnded); is {
			told[f.Leg] = describe(f)
		}
	}
	tr := newTranslator(&Options{}, tenants())
	for _, e := range sampled(t, "01-direct-answered.ndjson") {
		if m, _ := Parse(e); m["Event-Name"] != "CHANNEL_HANGUP_COMPLETE" {
			tr.translate(m, received())
		}
	}
	for _, data := range [][]byte{a, b} {
		r, less, err := readRecord(data)
		if err != nil {
			t.Fatal(err)
		}
		if again, _, err := readRecord(less); err != nil || again != r || len(less) > 1000 {
			t.Errorf("%s is %+v, %v, want %+v", less, again, err, r)
		}
		facts := tr.end(r.leg, r.ending, source.When(r.at))
		if got := describe(facts[len(facts)-1]); got != told[r.leg] {
			t.Errorf("the record has\n%s\nthe event\n%s", got, told[r.leg])
		}
	}
	for _, bad := range []string{"", "{}", "[]", `{"variables":{"uuid":"a"}}`, `{"variables":{"end_uepoch":"1"}}`, "<cdr/>"} {
		if r, _, err := readRecord([]byte(bad)); err == nil {
			t.Errorf("%q is %+v", bad, r)
		}
	}
	encoded := `{"variables":{"uuid":"a%2Db","end_uepoch":"1795163272268062","hangup_cause":"USER%5FBUSY"}}`
	if r, _, err := readRecord([]byte(encoded)); err != nil || r.leg != "a-b" || r.ending.cause != "USER_BUSY" {
		t.Errorf("%+v %v", r, err)
	}
}

// The call began before an outage and ended in it: its record tells why, before the list of
// what there is ends it without a reason. The record of a leg that is up says nothing.
func TestRecordsOfAnOutage(t *testing.T) {
	t.Parallel()
	a, b := recorded(t)
	spool := t.TempDir()
	write := func(name string, data []byte, age time.Duration) {
		name = filepath.Join(spool, name)
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	write("a_"+firstLeg+".cdr.json", a, time.Hour)
	write("b.cdr.json", b, 48*time.Hour) // too old
	write("c.cdr.json", []byte("half a rec"), time.Hour)
	write("readme.txt", []byte("x"), time.Hour)
	s := freeswitchtest.Start(t, freeswitchtest.Options{})
	h := newHost()
	run(t, New(), sourceOf(s, map[string]any{"cdr": map[string]any{"spool": spool}}), h)
	facts := await(t, h, isPresent)
	if got, want := factLines(facts[:1]), "LegEnded 08:27:52.268062 Leg="+firstLeg+" Q850=16 By=sofia/external/4917012345678@carrier.example More={\"hangup_cause\":\"NORMAL_CLEARING\"}\n"; got != want || len(facts) != 2 {
		t.Errorf("told %swant %s", factLines(facts), want)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.rejects) != 1 {
		t.Errorf("rejected: %q", h.rejects)
	}
}

// listens is a source with an address for records, and how to post one.
func listens(t *testing.T, s *freeswitchtest.Server) (src *switchhook.Source, post func(password, contentType string, body []byte) int) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	return sourceOf(s, map[string]any{"cdr": map[string]any{"listen": address, "username": "fs", "password": "pw"}}), func(password, contentType string, body []byte) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/cdr?uuid=x", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", contentType)
		r.SetBasicAuth("fs", password)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
}

// A call ends as the connection breaks, and its record comes before there is another one.
func TestRecordsBetweenConnections(t *testing.T) {
	t.Parallel()
	a, b := recorded(t)
	s := freeswitchtest.Start(t, freeswitchtest.Options{})
	src, post := listens(t, s)
	c := New()
	t.Cleanup(func() {
		for _, b := range c.inboxes.all {
			_ = b.server.Close()
			b.closed.Stop()
		}
	})
	h := newHost()
	ended := run(t, c, src, h)
	client := s.Next(t)
	await(t, h, isPresent)
	if got := post("pw", "application/json", a); got != http.StatusOK { // the session ends before its time has come
		t.Errorf("answered with %d", got)
	}
	client.Notice("bye\n")
	_ = within(t, ended)
	if got := post("pw", "application/json", b); got != http.StatusOK {
		t.Errorf("answered with %d", got)
	}
	h = newHost()
	ctx, stop := context.WithCancel(t.Context())
	ended2 := make(chan error, 1)
	go func() { ended2 <- c.Run(ctx, src, h) }()
	s.Next(t)
	facts := await(t, h, isPresent)
	var legs []string
	for _, f := range facts {
		if f, is := f.(source.LegEnded); is {
			legs = append(legs, f.Leg)
		}
	}
	if !slices.Equal(legs, []string{firstLeg, secondLeg}) {
		t.Errorf("told %s", factLines(facts))
	}
	stop()
	<-ended2
}

// Records are posted to an address of ours, by whoever knows the password. While the events
// tell the same, they are not needed; where one is missing, the record ends the leg.
func TestPostedRecords(t *testing.T) {
	t.Parallel()
	a, b := recorded(t)
	s := freeswitchtest.Start(t, freeswitchtest.Options{})
	src, post := listens(t, s)
	h := newHost()
	c := New()
	c.recordWait = -1    // whatever comes next is late enough
	c.inboxes.linger = 0 // nothing is left of it
	run(t, c, src, h)
	client := s.Next(t)
	await(t, h, isPresent)
	for _, e := range sampled(t, "01-direct-answered.ndjson") {
		if m, _ := Parse(e); m["Event-Name"] == "CHANNEL_HANGUP_COMPLETE" && m["Unique-ID"] == firstLeg {
			continue // it is lost
		}
		client.Send(e)
	}
	await(t, h, func(f source.LegEnded) bool { return f.Leg == secondLeg })
	const form = "application/x-www-form-urlencoded"
	for i, got := range []int{
		post("wrong", "application/json", a), post("pw", "application/json", []byte("x")), post("pw", "application/json", b),
		post("pw", form, []byte(url.Values{"cdr": {string(a)}}.Encode())),
	} {
		if want := []int{401, 400, 200, 200}[i]; got != want {
			t.Errorf("post %d is answered with %d, want %d", i, got, want)
		}
	}
	client.Send(freeswitchtest.Event("HEARTBEAT"))
	facts := await(t, h, func(f source.LegEnded) bool { return f.Leg == firstLeg })
	n := 0
	for _, f := range facts {
		if f, is := f.(source.LegEnded); is && f.Leg == firstLeg {
			n++
			if f.By != "sofia/external/4917012345678@carrier.example" {
				t.Errorf("told %s", describe(f))
			}
		}
	}
	if n != 1 {
		t.Errorf("it ends %d times", n)
	}
}
