package voipbin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect/dialecttest"
	"github.com/switchhook/switchhook/internal/dialect/voipbin"
)

// VoIPBin's resources of 2022 as a receiver may have written them down from the
// page and the code of the time: every member, in its order. The tag is says what
// a value can be: id, ids, time (six digits), times (0 to 9, or no member), any, or
// its words, of which the first is empty where VoIPBin had no word too.
type (
	address struct {
		Type       string `json:"type"        is:"|agent|endpoint|sip|tel"`
		Target     string `json:"target"      is:"any"`
		TargetName string `json:"target_name" is:"any"`
		Name       string `json:"name"        is:"any"`
		Detail     string `json:"detail"      is:"any"`
	}
	action struct {
		ID        string          `json:"id"                   is:"id"`
		NextID    string          `json:"next_id"              is:"id"`
		Type      string          `json:"type"                 is:"any"`
		Option    json.RawMessage `json:"option,omitempty"     is:"any"`
		TMExecute string          `json:"tm_execute,omitempty" is:"times"`
	}
	call struct {
		ID             string   `json:"id"               is:"id"`
		FlowID         string   `json:"flow_id"          is:"id"`
		Type           string   `json:"type"             is:"|flow|conference|sip-service"`
		MasterCallID   string   `json:"master_call_id"   is:"id"`
		ChainedCallIDs []string `json:"chained_call_ids" is:"id"`
		RecordingID    string   `json:"recording_id"     is:"id"`
		RecordingIDs   []string `json:"recording_ids"    is:"id"`
		Source         address  `json:"source"`
		Destination    address  `json:"destination"`
		Status         string   `json:"status"           is:"dialing|ringing|progressing|terminating|canceling|hangup"`
		Action         action   `json:"action"`
		Direction      string   `json:"direction"        is:"incoming|outgoing"`
		HangupBy       string   `json:"hangup_by"        is:"|remote|local"`
		HangupReason   string   `json:"hangup_reason"    is:"|normal|failed|busy|cancel|timeout|noanswer|dialout|amd"`
		TMCreate       string   `json:"tm_create"        is:"time"`
		TMUpdate       string   `json:"tm_update"        is:"time"`
		TMProgressing  string   `json:"tm_progressing"   is:"time"`
		TMRinging      string   `json:"tm_ringing"       is:"time"`
		TMHangup       string   `json:"tm_hangup"        is:"time"`
	}
	activeflow struct {
		ID              string   `json:"id"                is:"id"`
		FlowID          string   `json:"flow_id"           is:"id"`
		CustomerID      string   `json:"customer_id"       is:"00000000-0000-0000-0000-000000000000"`
		ReferenceType   string   `json:"reference_type"    is:"|call|message"`
		ReferenceID     string   `json:"reference_id"      is:"id"`
		CurrentAction   action   `json:"current_action"`
		ForwardActionID string   `json:"forward_action_id" is:"id"`
		Actions         []action `json:"actions"`
		TMCreate        string   `json:"tm_create"         is:"time"`
		TMUpdate        string   `json:"tm_update"         is:"time"`
		TMDelete        string   `json:"tm_delete"         is:"time"`
	}
	queue struct {
		ID                   string   `json:"id"                     is:"id"`
		Name                 string   `json:"name"                   is:"any"`
		Detail               string   `json:"detail"                 is:"any"`
		RoutingMethod        string   `json:"routing_method"         is:"|random"`
		TagIDs               []string `json:"tag_ids"                is:"id"`
		WaitActions          []action `json:"wait_actions"`
		WaitTimeout          int64    `json:"wait_timeout"`
		ServiceTimeout       int64    `json:"service_timeout"`
		WaitQueueCallIDs     []string `json:"wait_queue_call_ids"    is:"id"`
		ServiceQueueCallIDs  []string `json:"service_queue_call_ids" is:"id"`
		TotalIncomingCount   int64    `json:"total_incoming_count"`
		TotalServicedCount   int64    `json:"total_serviced_count"`
		TotalAbandonedCount  int64    `json:"total_abandoned_count"`
		TotalWaittime        int64    `json:"total_waittime"`
		TotalServiceDuration int64    `json:"total_service_duration"`
		TMCreate             string   `json:"tm_create"              is:"time"`
		TMUpdate             string   `json:"tm_update"              is:"time"`
		TMDelete             string   `json:"tm_delete"              is:"time"`
	}
	queuecall struct {
		ID             string `json:"id"               is:"id"`
		ReferenceType  string `json:"reference_type"   is:"call"`
		ReferenceID    string `json:"reference_id"     is:"id"`
		Status         string `json:"status"           is:"wait|entering|kicking|service|done|abandoned"`
		ServiceAgentID string `json:"service_agent_id" is:"id"`
		TMCreate       string `json:"tm_create"        is:"time"`
		TMService      string `json:"tm_service"       is:"time"`
		TMUpdate       string `json:"tm_update"        is:"time"`
		TMDelete       string `json:"tm_delete"        is:"time"`
	}
	agent struct {
		ID         string    `json:"id"          is:"id"`
		Username   string    `json:"username"    is:"any"`
		Name       string    `json:"name"        is:"any"`
		Detail     string    `json:"detail"      is:"any"`
		RingMethod string    `json:"ring_method" is:"ringall|linear"`
		Status     string    `json:"status"      is:"available|away|busy|offline|ringing"`
		Permission uint64    `json:"permission"`
		TagIDs     []string  `json:"tag_ids"     is:"id"`
		Addresses  []address `json:"addresses"`
		TMCreate   string    `json:"tm_create"   is:"time"`
		TMUpdate   string    `json:"tm_update"   is:"time"`
		TMDelete   string    `json:"tm_delete"   is:"time"`
	}
)

// check decodes a body as strictly as can be: its type is one of the page's, its
// data has the members of the resource, all of them, in their order and no other,
// and every value is one that VoIPBin could have sent.
func check(body []byte) error {
	var envelope struct {
		Type string          `json:"type"`
		Data json.RawMessage `json:"data"`
	}
	if err := decode(body, &envelope); err != nil {
		return err
	}
	resource, event, _ := strings.Cut(envelope.Type, "_")
	kinds := map[string]struct {
		data   any
		events string
	}{
		"activeflow": {&activeflow{}, "created updated deleted"},
		"call":       {&call{}, "created ringing answered updated hungup"},
		"queue":      {&queue{}, "created updated deleted"},
		"queuecall":  {&queuecall{}, "created entering kicking serviced done abandoned"},
		"agent":      {&agent{}, "created updated deleted status_updated"},
	}
	kind, ok := kinds[resource]
	if !ok || !slices.Contains(strings.Fields(kind.events), event) {
		return fmt.Errorf("VoIPBin has no %s", envelope.Type)
	}
	if err := decode(envelope.Data, kind.data); err != nil {
		return err
	}
	return values(reflect.ValueOf(kind.data).Elem(), "", resource)
}

// decode reads v and writes it again: the same bytes mean that no member is
// missing, none too many, none in another place, and no list null.
func decode(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	again, err := json.Marshal(v)
	again = []byte(strings.NewReplacer(`\\`, `\\`, `\b`, `\u0008`, `\f`, `\u000c`).Replace(string(again))) // as Go did before 1.22
	if err == nil && !bytes.Equal(again, body) {
		err = fmt.Errorf("as a receiver's struct it is\n%s", again)
	}
	return err
}

var patterns = map[string]*regexp.Regexp{
	"id":    regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`),
	"time":  regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$`),
	"times": regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{0,8}[1-9])?)?$`),
	"any":   regexp.MustCompile(``),
}

func values(v reflect.Value, is, path string) error {
	switch v.Kind() { //nolint:exhaustive // the others can be anything
	case reflect.Struct:
		for f, field := range v.Fields() {
			if err := values(field, f.Tag.Get("is"), path+"."+f.Name); err != nil {
				return err
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := values(v.Index(i), is, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	case reflect.String:
		if p := patterns[is]; p != nil && p.MatchString(v.String()) || p == nil && slices.Contains(strings.Split(is, "|"), v.String()) {
			return nil
		}
		return fmt.Errorf("%s is %q, expected %s", path, v, is)
	}
	return nil
}

func TestGoldenBodiesHaveTheShape(t *testing.T) {
	t.Parallel()
	checked := 0
	for name, parts := range dialecttest.Golden(t, ".") {
		_, body, sent := strings.Cut(strings.TrimSuffix(string(parts["request"]), "\n"), "\n\n")
		asSent := parts["original.json"] != nil && parts["webhook.json"] == nil
		if !sent || asSent || strings.Contains(name, "flow.webhook") || strings.Contains(name, "custom.") { // as they came
			continue
		}
		checked++
		if err := check([]byte(body)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if checked < 35 {
		t.Errorf("only %d bodies were checked", checked)
	}
}

// Whatever an event of the catalogue holds, its body is one that VoIPBin could
// have sent.
func TestEveryBodyHasTheShape(t *testing.T) {
	t.Parallel()
	d := voipbin.New(dialecttest.Env())
	var types []*catalogue.Type
	for _, row := range d.Table() {
		if typ, ok := catalogue.Lookup(row.Type); ok && row.Name != "webhook_send" && !strings.HasPrefix(row.Note, "only what came from a VoIPBin") {
			types = append(types, typ)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		typ := rapid.SampledFrom(types).Draw(rt, "type")
		data := map[string]any{}
		for _, use := range typ.Data {
			if use.Required || rapid.Bool().Draw(rt, use.Resource) {
				data[use.Resource] = resource(rt, use.Resource)
			}
		}
		event, err := json.Marshal(map[string]any{"type": typ.Name, "data": data})
		if err != nil {
			rt.Fatal(err)
		}
		ev := dialecttest.Event(t, event)
		if d.EventName(ev) == "" {
			return
		}
		req, err := d.Render(ev, dialecttest.Webhook(t, nil))
		if err != nil {
			rt.Fatal(err)
		}
		if err := check(req.Body); err != nil {
			rt.Fatalf("%s\n%s\n%v", event, req.Body, err)
		}
	})
}

// resource draws one with whatever the catalogue allows.
func resource(t *rapid.T, name string) map[string]any {
	r, ok := catalogue.ResourceOf(name)
	if !ok {
		t.Fatalf("there is no %s", name)
	}
	o := map[string]any{}
	for i := range r.Fields {
		f := &r.Fields[i]
		switch {
		case f.Name == r.IDField:
		case rapid.Bool().Draw(t, "without "+f.Name):
			continue
		}
		if !f.Array {
			o[f.Name] = value(t, f)
			continue
		}
		list := []any{}
		for range rapid.IntRange(0, 2).Draw(t, f.Name) {
			list = append(list, value(t, f))
		}
		o[f.Name] = list
	}
	return o
}

func value(t *rapid.T, f *catalogue.Field) any {
	switch f.Kind {
	case catalogue.String:
		if len(f.Enum) > 0 {
			return rapid.SampledFrom(append([]string{""}, f.Enum...)).Draw(t, f.Name)
		}
		return rapid.StringN(map[bool]int{true: 1}[f.NotEmpty], 8, -1).Draw(t, f.Name)
	case catalogue.Integer:
		return rapid.Int64().Draw(t, f.Name)
	case catalogue.Number32:
		return rapid.Int32().Draw(t, f.Name)
	case catalogue.Unsigned:
		return rapid.Uint64().Draw(t, f.Name)
	case catalogue.Boolean:
		return rapid.Bool().Draw(t, f.Name)
	case catalogue.Time:
		return time.Unix(rapid.Int64Range(0, 4e9).Draw(t, f.Name), rapid.Int64Range(0, 999999999).Draw(t, "ns")).UTC().Format(time.RFC3339Nano)
	case catalogue.Decimal:
		return rapid.Int32().Draw(t, f.Name)
	case catalogue.Part:
		return resource(t, f.Of)
	case catalogue.Map, catalogue.Any:
		return map[string]any{rapid.String().Draw(t, "member"): rapid.String().Draw(t, f.Name), "n": nil, "l": []any{1, "<&>\u2028"}}
	default:
		t.Fatalf("no value for %s", f.KindName())
		return nil
	}
}
