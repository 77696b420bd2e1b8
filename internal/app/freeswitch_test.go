package app_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/app"
	"github.com/switchhook/switchhook/internal/source/freeswitch/freeswitchtest"
)

// recordedCall are the events that a FreeSWITCH told of a call, as if it had begun now: some
// are of no use to anybody a minute later, and not sent then.
func recordedCall(t *testing.T, name string) (events [][]byte) {
	t.Helper()
	stamp := regexp.MustCompile(`"Event-Date-Timestamp":"(\d+)"`)
	var began int64
	now := func(field []byte) []byte {
		at, err := strconv.ParseInt(string(stamp.FindSubmatch(field)[1]), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if began == 0 {
			began = time.Now().UnixMicro() - at
		}
		return fmt.Appendf(nil, `"Event-Date-Timestamp":"%d"`, at+began)
	}
	data, err := os.ReadFile("../source/freeswitch/testdata/samples/" + name + ".ndjson")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		events = append(events, stamp.ReplaceAllFunc(bytes.TrimSpace(line), now))
	}
	return events
}

// A company with a FreeSWITCH and a customer with a webhook: a call is told from its beginning
// to its end, also where FreeSWITCH goes away in the middle of it.
func TestFreeSWITCH(t *testing.T) {
	t.Parallel()
	pbx, hook := freeswitchtest.Start(t, freeswitchtest.Options{}), newReceiver(t)
	run(t, app.Config{
		Data: t.TempDir(), AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Sources: []switchhook.Source{{ID: "pbx", Kind: "freeswitch", AccountID: "root", Options: map[string]any{"address": pbx.Address, "password": "secret"}}},
	}, func(p *process) {
		p.call("POST", "/v1/webhooks", fmt.Sprintf(`{"url":%q,"events":["call.*","source.*"]}`, hook.URL))
		got := p.until("/v1/sources/pbx", func(s map[string]any) bool { return s["state"] == "connected" })
		if got["system"] != "FreeSWITCH 1.11.1" || fmt.Sprint(got["options"]) != fmt.Sprintf("map[address:%s password:********]", pbx.Address) {
			t.Errorf("%v", got)
		}
		client := pbx.Next(t)
		client.Asked(t, "show bridged_calls")
		client.Send(recordedCall(t, "01-direct-answered")...)
		story := hook.await(t, 1, "call.hungup")
		var types []string
		for _, d := range story {
			if d.Data.Call != nil { // it may have been connected before there was a webhook
				types = append(types, d.Type)
			}
		}
		if d := cmp.Diff([]string{"call.created", "call.ringing", "call.answered", "call.bridged", "call.hungup"}, types); d != "" {
			t.Error(d)
		}
		end := last(story)
		if end.From == nil || end.From.Address != "4917012345678" || end.To == nil || end.To.Address != "4930900" || end.HangupCause != "NORMAL_CLEARING" || end.ReleasedBy != "caller" || end.Reconciled != nil {
			t.Errorf("%+v", end)
		}

		for _, e := range recordedCall(t, "03-ringgroup-102-answers") {
			client.Send(e)
			if bytes.Contains(e, []byte(`"Event-Name":"CHANNEL_BRIDGE"`)) {
				break
			}
		}
		hook.await(t, 2, "call.bridged")
		client.Notice("The system is being shut down.\n")
		client.Close()
		pbx.Next(t).Asked(t, "show bridged_calls")
		story = hook.await(t, 2, "call.hungup")
		if end := last(story); end.Reconciled == nil || !*end.Reconciled {
			t.Errorf("%+v", end)
		}
		hook.await(t, 1, "source.gap")
		if rejects, _ := p.call("GET", "/v1/sources/pbx/rejects", "")["items"].([]any); len(rejects) > 0 {
			t.Errorf("%v", rejects)
		}
	})
}

// FreeSWITCH posts a record of a call whose end the event socket lost: it is answered when it is
// kept, outlives a crash, and ends the call when nothing else does.
func TestFreeSWITCHRecords(t *testing.T) {
	t.Parallel()
	posts, err := os.ReadFile("../source/freeswitch/testdata/samples/01-direct-answered.json_cdr.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	const token = "a-token-for-the-tests"
	pbx := freeswitchtest.Start(t, freeswitchtest.Options{})
	c := app.Config{Data: t.TempDir(), Sources: []switchhook.Source{
		{ID: "pbx", Kind: "freeswitch", AccountID: "root", Token: token, Options: map[string]any{"address": pbx.Address, "password": "secret"}},
	}}
	run(t, c, func(p *process) {
		client := pbx.Next(t)
		client.Asked(t, "show channels")
		for _, e := range recordedCall(t, "01-direct-answered") {
			if !bytes.Contains(e, []byte(`"Event-Name":"CHANNEL_HANGUP_COMPLETE"`)) {
				client.Send(e)
			}
		}
		p.until("/v1/events?type=call.bridged", func(list map[string]any) bool { return len(list["items"].([]any)) == 1 })
		for _, body := range append(strings.SplitAfter(strings.TrimSpace(string(posts)), "\n"), "<cdr/>") {
			if got := p.post("/v1/in/pbx/"+token+"?uuid=x", body); got != http.StatusAccepted {
				t.Errorf("answered with %d", got)
			}
		}
		if rejects, _ := p.call("GET", "/v1/sources/pbx/rejects", "")["items"].([]any); len(rejects) != 1 {
			t.Errorf("%v", rejects)
		}
	})
	run(t, c, func(p *process) { // the list of what there is does not have the call
		p.until("/v1/events?type=call.hungup", func(list map[string]any) bool {
			items, _ := list["items"].([]any)
			if len(items) == 0 {
				return false
			}
			call := fmt.Sprint(items[0])
			for _, want := range []string{"hangup_cause:NORMAL_CLEARING", "released_by:caller"} {
				if !strings.Contains(call, want) || strings.Contains(call, "reconciled") {
					t.Errorf("%s, want %s", call, want)
				}
			}
			return true
		})
	})
}
