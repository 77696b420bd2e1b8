package freeswitch

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/freeswitch/freeswitchtest"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
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

// What is told of a call by records, where the events of its end were lost, is what the events
// say; where they were lost from the answer on, too. The times may differ by what FreeSWITCH
// takes to say so.
func TestRecordsSayWhatEventsSay(t *testing.T) {
	t.Parallel()
	a, b := recorded(t)
	ends := func(lost string, records ...[]byte) (told []string) {
		d, tr := newTold(t), newTranslator(&Options{}, tenants())
		for _, e := range sampled(t, "01-direct-answered.ndjson") {
			m, err := Parse(e)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(lost, m["Event-Name"]) {
				d.fold(tr.translate(m, received())...)
			}
		}
		for _, data := range records {
			f, err := readRecord(data, received())
			if err != nil {
				t.Fatal(err)
			}
			d.fold(f)
		}
		d.tick()
		d.ended()
		for _, ev := range d.events {
			if family, what, _ := strings.Cut(ev.Type, "."); what != "bridged" && family != "queuecall" {
				told = append(told, ev.Type+" "+string(ev.Data))
			}
		}
		return told
	}
	want := ends("")
	const end = "CHANNEL_HANGUP_COMPLETE CHANNEL_UNBRIDGE"
	for _, records := range [][][]byte{{a, b}, {b, a}} {
		for _, lost := range []string{end, end + " CHANNEL_ANSWER CHANNEL_BRIDGE"} {
			if d := cmp.Diff(want, ends(lost, records...)); d != "" {
				t.Errorf("without %s (-events +records):\n%s", lost, d)
			}
		}
	}
}

// A record is read in whichever form mod_json_cdr writes it, and what is none is refused.
func TestRecordsAreRead(t *testing.T) {
	t.Parallel()
	a, _ := recorded(t)
	want, err := readRecord(a, received())
	if err != nil || want.Leg != firstLeg || !want.Self || want.More.HangupCause != "NORMAL_CLEARING" || want.Answered.IsZero() {
		t.Fatalf("%+v %v", want, err)
	}
	escaped, in64 := url.PathEscape(string(a)), base64.StdEncoding.EncodeToString(a)
	latin := strings.Replace(string(a), `"variables":{`, `"variables":{"name":"M`+"\xfc"+`ller","list":["a","b"],`, 1)
	for _, text := range []string{
		string(a) + "\n", latin, "cdr=" + escaped, "cdr=" + in64, escaped + "\n", in64[:72] + "\n" + in64[72:] + "\n",
	} {
		if got, err := readRecord([]byte(text), received()); err != nil || cmp.Diff(want, got, cmp.Comparer(func(a, b source.When) bool { return a.At().Equal(b.At()) })) != "" {
			t.Errorf("%.40q is %+v, %v", text, got, err)
		}
	}
	values := `{"variables":{"uuid":"a%2Db","end_uepoch":"1795163272268062","hangup_cause":"USER%5FBUSY","direction":"outbound","sip_hangup_disposition":"recv%5Frefuse"}}`
	if f, err := readRecord([]byte(values), received()); err != nil || f.Leg != "a-b" || f.Outcome != source.Busy || !f.Self || f.More.HangupCause != "USER_BUSY" {
		t.Errorf("%+v %v", f, err)
	}
	for _, bad := range []string{
		"", "{}", "[]", "cdr=", "cdr=%7", "cdr=%zz", "cdr=e30=", `{"variables":{"uuid":"a"}}`, `{"variables":{"end_uepoch":"1"}}`, `{"variables":{"uuid":{},"end_uepoch":[]}}`, "<cdr/>",
		string(a[:len(a)/2]), strings.Repeat(" ", mostRecord) + string(a),
	} {
		if f, err := readRecord([]byte(bad), received()); err == nil {
			t.Errorf("%.40q is %+v", bad, f)
		}
	}
}

// The call began before an outage and ended in it: its record tells why, before the list of
// what there is, which ends it without a reason.
func TestSpooledRecords(t *testing.T) {
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
	run(t, New(), sourceOf(s, map[string]any{"cdr_spool": spool}), h)
	facts := await(t, h, isPresent)
	if f, is := facts[0].(source.EndRecorded); len(facts) != 2 || !is || f.Leg != firstLeg {
		t.Errorf("told %s", sourcetest.Facts(facts))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.rejects) != 1 || !strings.HasPrefix(h.rejects[0], "c.cdr.json: ") {
		t.Errorf("rejected: %q", h.rejects)
	}
}

// post posts a record as the API passes it on.
func post(ctx context.Context, c *Connector, body []byte) error {
	return c.Post(ctx, "pbx", &source.Request{Method: http.MethodPost, Query: "uuid=x", ContentType: "application/json", Body: body, ReceivedAt: time.Now()})
}

// A record is answered when it is kept. It is taken while the source runs, and shortly before.
func TestPostedRecords(t *testing.T) {
	t.Parallel()
	a, _ := recorded(t)
	s, c, h := freeswitchtest.Start(t, freeswitchtest.Options{}), New(), newHost()
	early := make(chan error, 1)
	go func() { early <- post(t.Context(), c, a) }()
	var fails error
	h.tell = func() error { return fails }
	ended := run(t, c, sourceOf(s, nil), h)
	client := s.Next(t)
	facts := await(t, h, isPresent)
	if err := <-early; err != nil {
		t.Error(err)
	}
	if !slices.ContainsFunc(facts, func(f source.Fact) bool { _, is := f.(source.EndRecorded); return is }) {
		await(t, h, func(source.EndRecorded) bool { return true })
	}
	if err := post(t.Context(), c, []byte("half a rec")); err != nil {
		t.Error(err)
	}
	h.mu.Lock()
	if len(h.rejects) != 1 {
		t.Errorf("%q", h.rejects)
	}
	h.mu.Unlock()
	if err := c.Post(t.Context(), "pbx", &source.Request{Method: http.MethodGet}); switchhook.ErrorCode(err) != switchhook.CodeInvalid {
		t.Error(err)
	}
	fails = errors.New("no space left on device")
	if err := post(t.Context(), c, a); switchhook.ErrorCode(err) != switchhook.CodeUnavailable {
		t.Error(err)
	}
	client.Notice("bye\n")
	_ = within(t, ended)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := post(ctx, c, a); switchhook.ErrorCode(err) != switchhook.CodeUnavailable {
		t.Error(err)
	}
}

// Nobody waits for long: not for a source that does not run, nor for one whose store takes
// nothing; and a source that ends waits for nobody either.
func TestPostsEnd(t *testing.T) {
	t.Parallel()
	a, _ := recorded(t)
	synctest.Test(t, func(t *testing.T) {
		c, began := New(), time.Now()
		unavailable := func(waited time.Duration) {
			t.Helper()
			if err := post(t.Context(), c, a); switchhook.ErrorCode(err) != switchhook.CodeUnavailable || time.Since(began) != waited {
				t.Errorf("%v after %v", err, time.Since(began))
			}
			began = time.Now()
		}
		unavailable(postPatience)
		full := &stuck{host: newHost()}
		leave := c.inboxes.enter(t.Context(), "pbx", full)
		unavailable(postPatience)
		time.AfterFunc(time.Second, leave)
		unavailable(time.Second)
	})
}

// stuck is a host whose store takes nothing.
type stuck struct{ *host }

func (*stuck) Tell(ctx context.Context, _ []source.Fact) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

// With mod_amqp, what is told of a leg's end may lie far behind in RabbitMQ: no record goes
// before it.
func TestRecordsWaitForTheBus(t *testing.T) {
	t.Parallel()
	h, ready := newHost(), false
	h.tell = func() error {
		if ready {
			return errors.New("records are taken before it is told what there is")
		}
		return nil
	}
	n := newSession(&Options{}, tenants(), h, nil, "x")
	n.ready, n.command, n.given, n.present.left = func() { ready = true }, showChannels, received(), []string{showChannels}
	answer, err := json.Marshal(map[string]string{"Event-Name": "BACKGROUND_JOB", "Job-UUID": n.job(), "_body": `{"row_count":0}`})
	if err != nil {
		t.Fatal(err)
	}
	q, ended := &source.Queue{}, make(chan error, 1)
	if err := q.Push(answer, received()); err != nil {
		t.Fatal(err)
	}
	q.Close()
	ended <- errors.New("enough")
	if err := n.run(t.Context(), q, ended, func([]source.Item) error { return nil }); err.Error() != "enough" || !ready {
		t.Errorf("%v, ready: %t", err, ready)
	}
}

// Whatever is posted: it is read or refused, and what is read is UTF-8.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"variables":{"uuid":"a","end_uepoch":"1795163272268062","hangup_cause":"%F6","answer_epoch":"1","direction":"outbound"}}`))
	f.Add([]byte("cdr=%7B%22variables%22%3A%7B%7D%7D"))
	f.Add([]byte("cdr=eyJ2YXJpYWJsZXMiOnt9fQ=="))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := readRecord(body, received())
		if err != nil {
			return
		}
		if r.Leg == "" || !utf8.ValidString(r.Leg) || r.More != nil && !utf8.ValidString(r.More.HangupCause) {
			t.Errorf("%+v", r)
		}
	})
}
