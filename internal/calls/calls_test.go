package calls_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/calls"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// start is when every story here begins; events follow a second apart.
var start = time.Date(2026, 1, 31, 15, 4, 0, 0, time.UTC)

// story folds events, one a line ("type data"), and returns what leaves.
type story struct {
	t      *testing.T
	folder *calls.Folder
	kept   map[string]switchhook.Snapshot
	now    time.Time
}

func newStory(t *testing.T) *story {
	t.Helper()
	return &story{t: t, folder: calls.New(), kept: map[string]switchhook.Snapshot{}, now: start}
}

func (s *story) tell(line string) *switchhook.Event {
	s.t.Helper()
	typ, data, _ := strings.Cut(line, " ")
	o, err := ordjson.Parse([]byte(data))
	if err != nil {
		s.t.Fatalf("%s: %v", line, err)
	}
	ev := &switchhook.Event{AccountID: "acme", Type: typ, OccurredAt: s.now}
	changed, err := s.folder.Fold(ev, &o, s.now)
	if err != nil {
		s.t.Fatalf("%s: %v", line, err)
	}
	for _, c := range changed {
		id := c.Kind + " " + c.ID
		if c.Data == nil {
			delete(s.kept, id)
		} else {
			s.kept[id] = c
		}
	}
	s.now = s.now.Add(time.Second)
	ev.Data = o.Append(nil)
	if entry, ok := catalogue.Lookup(typ); !ok {
		s.t.Fatalf("no type %s", typ)
	} else if errs := catalogue.Check(entry, ev.Data, "data"); len(errs) > 0 {
		s.t.Errorf("what %s became is wrong: %v\n%s", line, errs, ev.Data)
	}
	return ev
}

// restart forgets everything but what was committed.
func (s *story) restart() {
	s.t.Helper()
	s.folder = calls.New()
	for _, c := range s.kept {
		if err := s.folder.Restore(c); err != nil {
			s.t.Fatal(err)
		}
	}
}

// A party is the same one if it has the same address: then what is known of it
// stays.
func TestPartiesKeepTheirNames(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		`{"address":"+12025550143"}`:                   `{"type":"tel","address":"+12025550143","name":"Ada"}`,
		`{"address":"12025550143"}`:                    `{"type":"tel","address":"12025550143","name":"Ada"}`,
		`{"address":"+12025550143","name":null}`:       `{"type":"tel","address":"+12025550143"}`,
		`{"address":"+12025550143","name":"Lovelace"}`: `{"type":"tel","address":"+12025550143","name":"Lovelace"}`,
		`{"address":"+12025550144"}`:                   `{"address":"+12025550144"}`,
		`{"name":"Grace"}`:                             `{"name":"Grace"}`,
	} {
		s := newStory(t)
		s.tell(`call.created {"call":{"id":"c","from":{"type":"tel","address":"+12025550143","name":"Ada"}}}`)
		ev := s.tell(`call.updated {"call":{"id":"c","from":` + given + `}}`)
		data, err := ordjson.Parse(ev.Data)
		if err != nil {
			t.Fatal(err)
		}
		call, err := ordjson.Parse(data.Get("call"))
		if err != nil || string(call.Get("from")) != want {
			t.Errorf("%s became %s, want %s (%v)", given, call.Get("from"), want, err)
		}
	}
}

// A recording is of a call: the call leaves with it, and says what is recorded.
func TestRecordings(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.tell(`call.created {"call":{"id":"c","direction":"inbound"}}`)
	call := func(ev *switchhook.Event) (id, ids string) {
		t.Helper()
		data, err := ordjson.Parse(ev.Data)
		if err != nil {
			t.Fatal(err)
		}
		c, err := ordjson.Parse(data.Get("call"))
		if err != nil || c.Text("direction") != "inbound" {
			t.Fatalf("no call, or not the whole: %s", ev.Data)
		}
		return c.Text("recording_id"), string(c.Get("recording_ids"))
	}
	for _, step := range []struct{ event, id, ids string }{
		{`recording.started {"recording":{"id":"r1","call_id":"c"}}`, "r1", `["r1"]`},
		{`recording.finished {"recording":{"id":"r1","call_id":"c"}}`, "", `["r1"]`},
		{`recording.started {"recording":{"id":"r2"},"call":{"id":"c"}}`, "r2", `["r1","r2"]`},
		{`call.answered {"call":{"id":"c"}}`, "r2", `["r1","r2"]`},
	} {
		if id, ids := call(s.tell(step.event)); id != step.id || ids != step.ids {
			t.Errorf("%s: recording_id %q, recording_ids %s", step.event, id, ids)
		}
	}
	for _, unknown := range []string{
		`recording.started {"recording":{"id":"r3","call_id":"nobody"}}`,
		`recording.started {"recording":{"id":"r3","call_id":"c"},"call":null}`,
	} {
		if ev := s.tell(unknown); strings.Contains(string(ev.Data), `"inbound"`) {
			t.Errorf("%s became %s", unknown, ev.Data)
		}
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		events []string // the last one is compared
		want   string
	}{
		{
			"what is left out comes from the last snapshot, what is given wins",
			[]string{
				`call.created {"call":{"id":"a","direction":"inbound","from":{"address":"+1","name":"Ada"},"vars":{"x":"1"}}}`,
				`call.answered {"call":{"id":"a","vars":{"y":"2"}}}`,
			},
			`{"call":{"id":"a","root_id":"a","direction":"inbound","leg_direction":"inbound","from":{"address":"+1","name":"Ada"},"status":"answered",` +
				`"created_at":"2026-01-31T15:04:00Z","answered_at":"2026-01-31T15:04:01Z","updated_at":"2026-01-31T15:04:01Z","vars":{"y":"2"}}}`,
		},
		{
			"null clears, and what the type says does not come back",
			[]string{
				`call.created {"call":{"id":"a","from":{"address":"+1"}}}`,
				`call.answered {"call":{"id":"a","from":null,"answered_at":null,"updated_at":null}}`,
			},
			`{"call":{"id":"a","root_id":"a","status":"answered","created_at":"2026-01-31T15:04:00Z"}}`,
		},
		{
			"a hangup brings its durations",
			[]string{
				`call.created {"call":{"id":"a"}}`,
				`call.ringing {"call":{"id":"a"}}`,
				`call.answered {"call":{"id":"a"}}`,
				`call.hungup {"call":{"id":"a","hangup_reason":"normal"}}`,
			},
			`{"call":{"id":"a","root_id":"a","status":"ended","hangup_reason":"normal","created_at":"2026-01-31T15:04:00Z","ringing_at":"2026-01-31T15:04:01Z",` +
				`"answered_at":"2026-01-31T15:04:02Z","ended_at":"2026-01-31T15:04:03Z","updated_at":"2026-01-31T15:04:03Z","duration_ms":3000,"ringing_ms":1000,"billable_ms":1000}}`,
		},
		{
			"an unanswered call is billed for nothing",
			[]string{`call.created {"call":{"id":"a"}}`, `call.ringing {"call":{"id":"a"}}`, `call.hungup {"call":{"id":"a"}}`},
			`{"call":{"id":"a","root_id":"a","status":"ended","created_at":"2026-01-31T15:04:00Z","ringing_at":"2026-01-31T15:04:01Z",` +
				`"ended_at":"2026-01-31T15:04:02Z","updated_at":"2026-01-31T15:04:02Z","duration_ms":2000,"ringing_ms":1000,"billable_ms":0}}`,
		},
		{
			"a leg belongs to its parent's call",
			[]string{
				`call.created {"call":{"id":"a"}}`,
				`leg.created {"call":{"id":"b","parent_id":"a","leg_direction":"outbound"}}`,
				`leg.created {"call":{"id":"c","parent_id":"b"}}`,
			},
			`{"call":{"id":"c","root_id":"a","parent_id":"b","leg_direction":"outbound","status":"dialing","created_at":"2026-01-31T15:04:02Z"}}`,
		},
		{
			"a phone that dials out is an inbound leg of an outbound call",
			[]string{`call.created {"call":{"id":"a","direction":"outbound","from":{"type":"extension","address":"101"}}}`},
			`{"call":{"id":"a","root_id":"a","direction":"outbound","leg_direction":"inbound","from":{"type":"extension","address":"101"},"status":"ringing","created_at":"2026-01-31T15:04:00Z"}}`,
		},
		{
			"the call remembers which extension answered its leg",
			[]string{
				`call.created {"call":{"id":"a"}}`,
				`leg.created {"call":{"id":"b","parent_id":"a","leg_direction":"outbound","to":{"type":"extension","address":"101","name":"Grace"}}}`,
				`leg.answered {"call":{"id":"b"}}`,
				`call.updated {"call":{"id":"a","updated_at":null}}`,
			},
			`{"call":{"id":"a","root_id":"a","status":"ringing","answered_by":"extension","answered_extension":{"number":"101","name":"Grace"},"created_at":"2026-01-31T15:04:00Z"}}`,
		},
		{
			"an extension that answers is told in the same event",
			[]string{
				`call.created {"call":{"id":"a"}}`,
				`extension.answered {"extension":{"number":"101","name":"Grace"},"call":{"id":"a"}}`,
			},
			`{"extension":{"number":"101","name":"Grace"},"call":{"id":"a","root_id":"a","status":"answered","answered_by":"extension",` +
				`"answered_extension":{"number":"101","name":"Grace"},"created_at":"2026-01-31T15:04:00Z","answered_at":"2026-01-31T15:04:01Z"}}`,
		},
		{
			"an agent whom a queue chose answers at his extension",
			[]string{
				`agent.created {"agent":{"id":"g","name":"Grace","extension":"101"}}`,
				`call.created {"call":{"id":"a"}}`,
				`queuecall.created {"queuecall":{"id":"q","reference_id":"a"}}`,
				`queuecall.serviced {"queuecall":{"id":"q","agent_id":"g"}}`,
				`call.updated {"call":{"id":"a","updated_at":null}}`,
			},
			`{"call":{"id":"a","root_id":"a","status":"ringing","answered_by":"extension","answered_extension":{"number":"101","name":"Grace"},"created_at":"2026-01-31T15:04:01Z"}}`,
		},
		{
			"an agent's leg answers at his extension",
			[]string{
				`agent.created {"agent":{"id":"g","name":"Grace","addresses":[{"type":"tel","address":"+1"},{"type":"endpoint","address":"101@pbx"}]}}`,
				`call.created {"call":{"id":"a"}}`,
				`leg.created {"call":{"id":"b","parent_id":"a","to":{"type":"agent","address":"g"}}}`,
				`leg.answered {"call":{"id":"b"}}`,
				`call.updated {"call":{"id":"a","updated_at":null}}`,
			},
			`{"call":{"id":"a","root_id":"a","status":"ringing","answered_by":"extension","answered_extension":{"number":"101","name":"Grace"},"created_at":"2026-01-31T15:04:01Z"}}`,
		},
		{
			"a leg that the system answered is no person",
			[]string{
				`call.created {"call":{"id":"a"}}`,
				`leg.created {"call":{"id":"b","parent_id":"a","to":{"type":"extension","address":"101"}}}`,
				`leg.answered {"call":{"id":"b","answered_by":"system"}}`,
				`call.updated {"call":{"id":"a","updated_at":null}}`,
			},
			`{"call":{"id":"a","root_id":"a","status":"ringing","created_at":"2026-01-31T15:04:00Z"}}`,
		},
		{
			"the number that a call came in on outlives a transfer",
			[]string{
				`call.created {"call":{"id":"a","to":{"address":"101"}},"number":{"number":"+12025550100"}}`,
				`call.updated {"call":{"id":"a","to":{"address":"102"},"updated_at":null}}`,
			},
			`{"call":{"id":"a","root_id":"a","to":{"address":"102"},"dialed":"+12025550100","status":"ringing","created_at":"2026-01-31T15:04:00Z"}}`,
		},
		{
			"a hangup cause says its reason",
			[]string{
				`call.created {"call":{"id":"a"}}`,
				`call.hungup {"call":{"id":"a","hangup_cause":"USER_BUSY","updated_at":null}}`,
			},
			`{"call":{"id":"a","root_id":"a","status":"ended","hangup_reason":"busy","hangup_cause":"USER_BUSY","q850":17,"created_at":"2026-01-31T15:04:00Z",` +
				`"ended_at":"2026-01-31T15:04:01Z","duration_ms":1000,"billable_ms":0}}`,
		},
		{
			"a queue call brings its queue along",
			[]string{
				`queue.created {"queue":{"id":"q2","number":"701"}}`,
				`queuecall.created {"queuecall":{"id":"q","queue_id":"q2"}}`,
			},
			`{"queuecall":{"id":"q","queue_id":"q2","status":"waiting","created_at":"2026-01-31T15:04:01Z"},"queue":{"id":"q2","number":"701","created_at":"2026-01-31T15:04:00Z"}}`,
		},
		{
			"a queue call brings its call along",
			[]string{
				`call.created {"call":{"id":"a","from":{"address":"+1"}}}`,
				`queuecall.created {"queuecall":{"id":"q","reference_id":"a"}}`,
				`queuecall.connecting {"queuecall":{"id":"q","agent_id":"g"}}`,
				`queuecall.serviced {"queuecall":{"id":"q"}}`,
			},
			`{"queuecall":{"id":"q","reference_type":"call","reference_id":"a","status":"serviced","agent_id":"g","wait_ms":2000,"created_at":"2026-01-31T15:04:01Z",` +
				`"service_at":"2026-01-31T15:04:03Z","updated_at":"2026-01-31T15:04:03Z"},"call":{"id":"a","root_id":"a","from":{"address":"+1"},"status":"ringing","created_at":"2026-01-31T15:04:00Z"}}`,
		},
		{
			"a queue call takes the call beside it as its own",
			[]string{`queuecall.created {"queuecall":{"id":"q"},"call":{"id":"a"}}`},
			`{"queuecall":{"id":"q","reference_type":"call","reference_id":"a","status":"waiting","created_at":"2026-01-31T15:04:00Z"},"call":{"id":"a"}}`,
		},
		{
			"an agent is kept too",
			[]string{
				`agent.created {"agent":{"id":"g","name":"Grace"}}`,
				`agent.status_updated {"agent":{"id":"g","status":"away"}}`,
			},
			`{"agent":{"id":"g","name":"Grace","status":"away","created_at":"2026-01-31T15:04:00Z","updated_at":"2026-01-31T15:04:01Z"}}`,
		},
		{
			"a last update may come after the end",
			[]string{
				`call.created {"call":{"id":"a","dialed":"100"}}`,
				`call.hungup {"call":{"id":"a"}}`,
				`call.updated {"call":{"id":"a","held":false}}`,
			},
			`{"call":{"id":"a","root_id":"a","dialed":"100","status":"ended","held":false,"created_at":"2026-01-31T15:04:00Z","ended_at":"2026-01-31T15:04:01Z",` +
				`"updated_at":"2026-01-31T15:04:02Z","duration_ms":1000,"billable_ms":0}}`,
		},
		{
			"a voicemail finds its call, even when that has ended",
			[]string{
				`call.created {"call":{"id":"a","from":{"address":"+1"}}}`,
				`call.hungup {"call":{"id":"a"}}`,
				`voicemail.new {"voicemail":{"id":"v"},"call":{"id":"a"}}`,
			},
			`{"voicemail":{"id":"v"},"call":{"id":"a","root_id":"a","from":{"address":"+1"},"status":"ended","created_at":"2026-01-31T15:04:00Z",` +
				`"ended_at":"2026-01-31T15:04:01Z","updated_at":"2026-01-31T15:04:01Z","duration_ms":1000,"billable_ms":0}}`,
		},
		{
			"an end that a call.missed told before is completed by the hangup",
			[]string{
				`call.created {"call":{"id":"a"}}`,
				`call.missed {"call":{"id":"a","status":"ended"}}`,
				`call.hungup {"call":{"id":"a"}}`,
			},
			`{"call":{"id":"a","root_id":"a","status":"ended","created_at":"2026-01-31T15:04:00Z","ended_at":"2026-01-31T15:04:02Z",` +
				`"updated_at":"2026-01-31T15:04:02Z","duration_ms":2000,"billable_ms":0}}`,
		},
		{
			"of a call whose beginning is not known it is not said that nobody answered",
			[]string{`call.hungup {"call":{"id":"a"}}`},
			`{"call":{"id":"a","root_id":"a","status":"ended","ended_at":"2026-01-31T15:04:00Z","updated_at":"2026-01-31T15:04:00Z"}}`,
		},
		{
			"an id that is used again begins anew",
			[]string{
				`call.created {"call":{"id":"a","dialed":"100"}}`,
				`call.hungup {"call":{"id":"a"}}`,
				`call.created {"call":{"id":"a"}}`,
			},
			`{"call":{"id":"a","root_id":"a","status":"ringing","created_at":"2026-01-31T15:04:02Z"}}`,
		},
		{
			"what comes late does not bring a call back to life",
			[]string{
				`call.created {"call":{"id":"a"}}`,
				`call.hungup {"call":{"id":"a"}}`,
				`call.answered {"call":{"id":"a"}}`,
			},
			`{"call":{"id":"a","root_id":"a","status":"ended","created_at":"2026-01-31T15:04:00Z","ended_at":"2026-01-31T15:04:01Z",` +
				`"updated_at":"2026-01-31T15:04:02Z","duration_ms":1000,"billable_ms":0}}`,
		},
		{
			"a call that says it is alive is another one than the one that ended",
			[]string{
				`call.created {"call":{"id":"a","dialed":"100"}}`,
				`call.hungup {"call":{"id":"a"}}`,
				`call.answered {"call":{"id":"a","status":"answered"}}`,
			},
			`{"call":{"id":"a","root_id":"a","status":"answered","answered_at":"2026-01-31T15:04:02Z","updated_at":"2026-01-31T15:04:02Z"}}`,
		},
		{
			"members that the catalogue does not know are kept",
			[]string{`call.created {"call":{"id":"a","mood":["good"]}}`, `call.held {"call":{"id":"a"}}`},
			`{"call":{"id":"a","root_id":"a","status":"ringing","held":true,"created_at":"2026-01-31T15:04:00Z","updated_at":"2026-01-31T15:04:01Z","mood":["good"]}}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, restarts := range []bool{false, true} {
				s := newStory(t)
				var last *switchhook.Event
				for _, line := range c.events {
					if restarts {
						s.restart()
					}
					last = s.tell(line)
				}
				if diff := cmp.Diff(c.want, string(last.Data)); diff != "" {
					t.Errorf("restarts %v: wanted (-), got (+)\n%s", restarts, diff)
				}
			}
		})
	}
}

// The caller is transferred away: the first leg's end is told as a leg's, and
// whoever speaks of legs hears nothing of the call's end.
func TestTheFirstLegLeavesEarly(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.tell(`call.created {"call":{"id":"a"}}`)
	s.tell(`leg.created {"call":{"id":"b","parent_id":"a"}}`)
	if s.tell(`leg.hungup {"call":{"id":"a"}}`).FirstLegTold {
		t.Error("the leg's own end is not told")
	}
	if !s.tell(`call.hungup {"call":{"id":"a"}}`).FirstLegTold {
		t.Error("the first leg's end would be told twice")
	}
	s.tell(`call.created {"call":{"id":"c"}}`)
	for range 2 {
		if s.tell(`call.hungup {"call":{"id":"c"}}`).FirstLegTold {
			t.Error("the end of a call whose first leg stayed is not told")
		}
	}
}

// The call goes on for long without its first leg, and through a restart.
func TestTheFirstLegIsKeptWhileItsCallGoesOn(t *testing.T) {
	t.Parallel()
	for _, restarts := range []bool{false, true} {
		s := newStory(t)
		s.tell(`call.created {"call":{"id":"a"}}`)
		s.tell(`leg.created {"call":{"id":"b","parent_id":"a"}}`)
		s.tell(`leg.hungup {"call":{"id":"a"}}`)
		if s.kept["call a"].Ended {
			t.Error("a store may forget it")
		}
		s.tell(`leg.updated {"call":{"id":"a","vars":{"late":"1"}}}`)
		s.now = s.now.Add(2 * calls.Grace)
		s.tell(`leg.updated {"call":{"id":"b"}}`)
		if restarts {
			s.restart()
		}
		s.now = s.now.Add(calls.Grace / 2)
		s.tell(`leg.hungup {"call":{"id":"b"}}`)
		if !s.tell(`call.hungup {"call":{"id":"a"}}`).FirstLegTold {
			t.Errorf("the first leg's end would be told twice (restarts: %v)", restarts)
		}
		s.now = s.now.Add(2 * calls.Grace)
		s.tell(`call.created {"call":{"id":"c"}}`)
		if s.folder.Len() != 1 {
			t.Errorf("%d snapshots are kept of calls that are over", s.folder.Len()-1)
		}
	}
}

func TestOtherAccountsAndCustomEventsAreApart(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.tell(`call.created {"call":{"id":"a","dialed":"100"}}`)
	o, err := ordjson.Parse([]byte(`{"call":{"id":"a"}}`))
	if err != nil {
		t.Fatal(err)
	}
	ev := &switchhook.Event{AccountID: "other", Type: "call.updated", OccurredAt: start}
	if _, err := s.folder.Fold(ev, &o, start); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(o.Append(nil)), "100") {
		t.Error("the other account's call was used")
	}
	if got := s.tell(`custom.x {"call":{"id":"a"}}`); string(got.Data) != `{"call":{"id":"a"}}` {
		t.Errorf("a custom event became %s", got.Data)
	}
}

func TestQueueCallKeepsItsKey(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.tell(`call.created {"call":{"id":"a"}}`)
	s.tell(`leg.created {"call":{"id":"b","root_id":"a"}}`)
	s.tell(`queuecall.created {"queuecall":{"id":"q","reference_id":"b"}}`)
	s.tell(`leg.hungup {"call":{"id":"b"}}`)
	s.now = s.now.Add(calls.Grace)
	s.tell(`call.updated {"call":{"id":"a"}}`) // forgets the leg
	ev := s.tell(`queuecall.done {"queuecall":{"id":"q"}}`)
	if ev.Key != "a" || strings.Contains(string(ev.Data), `"call":{`) {
		t.Errorf("key %q, data %s", ev.Key, ev.Data)
	}
}

func TestWhatEndedIsForgottenAfterTheGrace(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	for i := range 100 {
		s.tell(fmt.Sprintf(`call.created {"call":{"id":"c%d"}}`, i))
		s.tell(fmt.Sprintf(`call.hungup {"call":{"id":"c%d"}}`, i))
	}
	s.tell(`agent.created {"agent":{"id":"g"}}`)
	s.now = s.now.Add(calls.Grace)
	s.restart()
	s.tell(`call.created {"call":{"id":"last"}}`)
	if s.folder.Len() != 2 || len(s.kept) != 2 {
		t.Errorf("%d snapshots in memory and %d in the store are kept, want the agent and the open call", s.folder.Len(), len(s.kept))
	}
}

// Merely naming a call opens nothing: what was never created would never end.
func TestMentionOpensNothing(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.tell(`extension.ringing {"extension":{"number":"101"},"call":{"id":"a"}}`)
	if s.folder.Len() != 0 {
		t.Error("the mentioned call is kept")
	}
}

func BenchmarkFold(b *testing.B) {
	f := calls.New()
	typ, _ := catalogue.Lookup("call.answered")
	sample := typ.Sample()
	ev := &switchhook.Event{AccountID: "acme", Type: "call.answered", OccurredAt: start}
	b.ReportAllocs()
	for b.Loop() {
		o, err := ordjson.Parse(sample)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := f.Fold(ev, &o, start); err != nil {
			b.Fatal(err)
		}
	}
}

// However many calls end, what is kept of them is bounded.
func TestEndedCallsAreBounded(t *testing.T) {
	t.Parallel()
	f := calls.New()
	typ, _ := catalogue.Lookup("call.hungup")
	now, dropped := time.Now(), 0
	for i := range 10_000 {
		data, err := ordjson.Parse(bytes.ReplaceAll(typ.Sample(), []byte("7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11"), fmt.Appendf(nil, "call-%d", i)))
		if err != nil {
			t.Fatal(err)
		}
		changed, err := f.Fold(&switchhook.Event{Type: "call.hungup", AccountID: "acme", AcceptedAt: now, OccurredAt: now}, &data, now)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range changed {
			if s.Data == nil {
				dropped++
			}
		}
	}
	if dropped != 6_000 {
		t.Errorf("%d of 10000 were forgotten", dropped)
	}
}
