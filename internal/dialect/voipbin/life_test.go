package voipbin_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/calls"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect/dialecttest"
	"github.com/switchhook/switchhook/internal/dialect/voipbin"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// The examples of VoIPBin's page belong together: they tell of a call with its
// flow, of a call that waits in a queue until an agent's leg answers, and of two
// that end. Each story tells as little as a phone system does, what is new and
// when, and what leaves are the examples, to the byte and in their order. A line is
// the time, our type, the data, and the example that it leaves as ("-": the page
// has none of it).
func TestStoriesOfThePage(t *testing.T) {
	t.Parallel()
	const (
		talk  = `{"id":"2e7ec294-fc66-4039-8446-6590b82ed54f","type":"talk","option":{"text":"hello. welcome to voipbin. This is test message. Please enjoy the voipbin's service. thank you.","gender":"female","language":"en-US"}`
		tel   = `"from":{"type":"tel","address":"+821100000002"},"to":{"type":"tel","address":"+821100000001"}`
		start = `{"id":"00000000-0000-0000-0000-000000000001"}`
		agent = `"id":"eb1ac5c0-ff63-47e2-bcdb-5da9c336eb4b"`
		qc    = `"id":"c7c1e226-8c86-4b43-9606-2d5bb2059a09"`
		run   = `"id":"74ac5405-7c70-4184-9388-1c9f8f8ce25f"`
	)
	for name, story := range map[string]string{
		"a call and its flow": `
2022-04-11T00:23:53.636Z call.created {"call":{"id":"5371e9db-d035-4db6-a8d6-0994d33e744e","kind":"flow","flow_id":"d157ce07-0360-4cad-9007-c8ab89fccf9c","direction":"inbound",` + tel + `,"action":` + start + `}} call_created
2022-04-11T00:23:54.724620Z flow.started {"flow":{` + run + `,"flow_id":"d157ce07-0360-4cad-9007-c8ab89fccf9c","reference_type":"call","reference_id":"5371e9db-d035-4db6-a8d6-0994d33e744e","action":` + start + `,"actions":[{"id":"df25724f-e308-4c89-9325-cf56cd09249e","type":"answer"},` + talk + `}]}} activeflow_created
2022-04-11T00:23:54.840938Z flow.updated {"flow":{` + run + `,"action":{"id":"df25724f-e308-4c89-9325-cf56cd09249e","type":"answer"}}} activeflow_updated
2022-04-11T00:23:55.130190Z call.answered {"call":{"id":"5371e9db-d035-4db6-a8d6-0994d33e744e","answered_at":"2022-04-11T00:23:55.026Z","action":{"id":"df25724f-e308-4c89-9325-cf56cd09249e","type":"answer","executed_at":"2022-04-11T00:23:55.012416032Z"}}} call_answered
2022-04-11T00:23:55.134500Z flow.updated {"flow":{` + run + `,"action":` + talk + `}}} -
2022-04-11T00:24:05.000001Z flow.ended {"flow":{` + run + `}} activeflow_deleted`,
		"a call that waits for an agent": `
2021-11-29T06:09:07.263846Z agent.created {"agent":{` + agent + `,"username":"test1","name":"test agent 1","detail":"test agent. username test1","ring_method":"ringall","tag_ids":["d7450dda-21e0-4611-b09a-8d771c50a5e6"],"addresses":[{"type":"tel","address":"+15559876543"}]}} -
2022-03-29T15:07:30Z call.created {"call":{"id":"1fe1356f-3f7f-4ff9-9d33-08136b38f506","direction":"inbound"}} -
2022-03-29T15:07:46.111715Z queuecall.created {"queuecall":{` + qc + `,"reference_id":"1fe1356f-3f7f-4ff9-9d33-08136b38f506"}} queuecall_created
2022-03-29T15:08:00.8149Z agent.status_updated {"agent":{` + agent + `,"status":"available"}} agent_status_updated
2022-03-29T15:08:01.815004Z leg.created {"call":{"id":"ad132775-1ab2-485e-856f-72c2e383cdc6","parent_id":"1fe1356f-3f7f-4ff9-9d33-08136b38f506","kind":"flow","flow_id":"6da52ef9-7d7d-48e4-8bca-921e7b78e47c","from":{"type":"tel","address":"+15559876543"},"to":{"type":"tel","address":"+15559876543"},"action":` + start + `}} -
2022-03-29T15:08:02.233858Z queuecall.connecting {"queuecall":{` + qc + `,"agent_id":"eb1ac5c0-ff63-47e2-bcdb-5da9c336eb4b"}} queuecall_entering
2022-03-29T15:08:03.421646Z leg.ringing {"call":{"id":"ad132775-1ab2-485e-856f-72c2e383cdc6","ringing_at":"2022-03-29T15:08:03.314Z"}} call_ringing
2022-03-29T15:08:04.811442Z queuecall.serviced {"queuecall":{` + qc + `}} queuecall_serviced
2022-03-29T15:08:25.814885Z queuecall.done {"queuecall":{` + qc + `}} queuecall_done`,
		"a call that is taken out of a queue": `
2022-03-29T15:07:46.111715Z queuecall.created {"queuecall":{` + qc + `,"reference_id":"1fe1356f-3f7f-4ff9-9d33-08136b38f506"}} queuecall_created
2022-03-29T15:08:02.233858Z queuecall.connecting {"queuecall":{` + qc + `,"agent_id":"eb1ac5c0-ff63-47e2-bcdb-5da9c336eb4b"}} queuecall_entering
2022-03-29T15:08:03Z queuecall.kicked {"queuecall":{` + qc + `,"status":"connecting","updated_at":"2022-03-29T15:08:02.233858Z"}} queuecall_kicking`,
		"a call that ends": `
2022-04-11T06:10:54.788Z call.created {"call":{"id":"593555d2-787e-4b06-862f-407bb2e43be1","kind":"flow","flow_id":"d157ce07-0360-4cad-9007-c8ab89fccf9c","direction":"inbound",` + tel + `}} -
2022-04-11T06:10:55.765Z call.answered {"call":{"id":"593555d2-787e-4b06-862f-407bb2e43be1"}} -
2022-04-11T06:10:55.918010931Z call.updated {"call":{"id":"593555d2-787e-4b06-862f-407bb2e43be1","action":` + talk + `,"executed_at":"2022-04-11T06:10:55.918010931Z"}}} -
2022-04-11T06:10:58.431Z call.hungup {"call":{"id":"593555d2-787e-4b06-862f-407bb2e43be1","hangup_by":"remote","hangup_reason":"normal"}} call_hungup`,
		"a call that is told of once more after its end": `
2022-03-29T14:09:52.886Z call.created {"call":{"id":"bf682a17-6b3f-412c-bbac-faa81fb9ada3","kind":"flow","flow_id":"70875796-0497-4ff9-acd0-e226a14495a9","direction":"inbound","from":{"type":"tel","address":"test11"},"to":{"type":"tel","address":"+821100000004"}}} -
2022-03-29T14:09:54.629Z call.answered {"call":{"id":"bf682a17-6b3f-412c-bbac-faa81fb9ada3"}} -
2022-03-29T14:10:06.5Z call.updated {"call":{"id":"bf682a17-6b3f-412c-bbac-faa81fb9ada3","chained_ids":["a876f057-bb20-4b87-824c-d7afa3e71af5"],"action":{"id":"4aae4342-d702-4e23-9c14-64dc20d2075d","type":"confbridge_join","option":{"confbridge_id":"821fc304-0ed8-4e93-8a0a-c23312c062be"},"executed_at":"2022-03-29T14:10:06.409155828Z"}}} -
2022-03-29T14:10:33.105Z call.hungup {"call":{"id":"bf682a17-6b3f-412c-bbac-faa81fb9ada3","hangup_by":"remote","hangup_reason":"normal"}} -
2022-03-29T14:10:33.709605Z call.updated {"call":{"id":"bf682a17-6b3f-412c-bbac-faa81fb9ada3"}} call_updated`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, d := calls.New(), voipbin.New(dialecttest.Env())
			for line := range strings.Lines(strings.TrimSpace(story)) {
				line = strings.TrimSpace(line)
				at, rest, _ := strings.Cut(line, " ")
				typ, rest, _ := strings.Cut(rest, " ")
				end := strings.LastIndexByte(rest, ' ')
				data, example := rest[:end], rest[end+1:]
				body, err := d.Render(folded(t, folder, at, typ, data), &switchhook.Webhook{})
				if err != nil {
					t.Fatal(err)
				}
				if example == "-" {
					continue
				}
				if diff := cmp.Diff(printed(t, example), string(body.Body)); diff != "" {
					t.Errorf("%s %s: the example (-) is not what left (+):\n%s", at, typ, diff)
				}
			}
		})
	}
}

// folded is an event as the product accepts it.
func folded(t *testing.T, f *calls.Folder, at, typ, data string) *switchhook.Event {
	t.Helper()
	occurred, err := time.Parse(time.RFC3339Nano, at)
	if err != nil {
		t.Fatal(err)
	}
	entry, ok := catalogue.Lookup(typ)
	if !ok {
		t.Fatalf("the catalogue has no %s", typ)
	}
	if errs := catalogue.Check(entry, []byte(data), "data"); len(errs) > 0 {
		t.Fatalf("%s: %v", data, errs)
	}
	o, err := ordjson.Parse([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	ev := &switchhook.Event{AccountID: "acme", Type: typ, OccurredAt: occurred}
	if _, err := f.Fold(ev, &o, occurred); err != nil {
		t.Fatal(err)
	}
	ev.Data = o.Append(nil)
	if err := catalogue.Attach(ev); err != nil {
		t.Fatal(err)
	}
	return ev
}

// printed is an example of the page without its white space.
func printed(t *testing.T, example string) string {
	t.Helper()
	text, err := os.ReadFile("../../source/voipbin/testdata/seed/" + example + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
