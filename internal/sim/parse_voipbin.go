package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// The forms of VoIPBin's ids and times of 2022: never null, never absent.
var (
	uuidForm = regexp.MustCompile(`^"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"$`)
	timeForm = regexp.MustCompile(`^"\d{4}-[01]\d-[0-3]\d [0-2]\d:[0-5]\d:[0-5]\d\.\d{6}"$`)
	execForm = regexp.MustCompile(`^"(|\d{4}-[01]\d-[0-3]\d [0-2]\d:[0-5]\d:[0-5]\d(\.\d{0,8}[1-9])?)"$`)
)

func form(re *regexp.Regexp, what string) func(json.RawMessage) error {
	return func(v json.RawMessage) error {
		if !re.Match(v) {
			return fmt.Errorf("expected %s, got %s", what, v)
		}
		return nil
	}
}

// parseVoipbin reads a VoIPBin webhook of 2022: type and data, every member of
// the resource always there, in this order (webhook_struct_webhook.rst).
func parseVoipbin(req *http.Request, body []byte) (Payload, error) {
	if err := expect(req, jsonType, http.MethodPost, http.MethodPut, http.MethodGet, http.MethodDelete); err != nil {
		return Payload{}, err
	}
	o, err := readObject(body)
	if err != nil {
		return Payload{}, err
	}
	if err := o.check([]rule{{name: "type", is: isText}, {name: "data", is: isObject}}); err != nil {
		return Payload{}, err
	}
	// The system's json.Marshal writes no blanks and escapes these three.
	var compact bytes.Buffer
	if err := json.Compact(&compact, body); err != nil || !bytes.Equal(compact.Bytes(), body) {
		return Payload{}, errors.New("the JSON is not compact")
	}
	if i := bytes.IndexAny(body, "<>&"); i >= 0 {
		return Payload{}, fmt.Errorf("%q is not escaped", body[i])
	}
	name := o.text("type")
	rules := voipbinRules(name)
	if rules == nil {
		return Payload{}, fmt.Errorf("there is no type %q", name)
	}
	data, err := readObject(o[1].value)
	if err != nil {
		return Payload{}, err
	}
	if err := data.check(rules); err != nil {
		return Payload{}, fmt.Errorf("%s: %w", name, err)
	}
	p := Payload{Name: name}
	// An event about a call that nobody has told of before knows neither.
	for _, name := range []string{"status", "direction"} {
		if _, has := data.get(name); has && data.text(name) == "" {
			p.Gaps = append(p.Gaps, name)
		}
	}
	return p, nil
}

// voipbinRules are the members of a type's resource, and nil for a type that
// VoIPBin did not have.
func voipbinRules(name string) []rule {
	resource, what, _ := strings.Cut(name, "_")
	known := map[string]string{
		"activeflow": "created updated deleted",
		"call":       "created ringing answered updated hungup",
		"queue":      "created updated deleted",
		"queuecall":  "created entering kicking serviced done abandoned",
		"agent":      "created updated deleted status_updated",
	}
	if what == "" || !strings.Contains(" "+known[resource]+" ", " "+what+" ") {
		return nil
	}
	var (
		uuid    = form(uuidForm, "a UUID in lower case")
		at      = form(timeForm, "a time such as 2022-04-11 00:23:54.724620")
		ids     = listOf(uuid)
		address = objectOf(
			rule{name: "type", is: oneOf("", "agent", "endpoint", "sip", "tel")}, rule{name: "target", is: isString},
			rule{name: "target_name", is: isString}, rule{name: "name", is: isString}, rule{name: "detail", is: isString},
		)
		action = objectOf(
			rule{name: "id", is: uuid}, rule{name: "next_id", is: uuid}, rule{name: "type", is: isString},
			rule{name: "option", is: isObject, optional: true},
			rule{name: "tm_execute", is: form(execForm, "a time with its last zeros trimmed"), optional: true},
		)
	)
	switch resource {
	case "activeflow":
		return []rule{
			{name: "id", is: uuid},
			{name: "flow_id", is: uuid},
			{name: "customer_id", is: uuid},
			{name: "reference_type", is: oneOf("", "call", "message")},
			{name: "reference_id", is: uuid},
			{name: "current_action", is: action},
			{name: "forward_action_id", is: uuid},
			{name: "actions", is: listOf(action)},
			{name: "tm_create", is: at},
			{name: "tm_update", is: at},
			{name: "tm_delete", is: at},
		}
	case "call":
		return []rule{
			{name: "id", is: uuid},
			{name: "flow_id", is: uuid},
			{name: "type", is: oneOf("", "flow", "conference", "sip-service")},
			{name: "master_call_id", is: uuid},
			{name: "chained_call_ids", is: ids},
			{name: "recording_id", is: uuid},
			{name: "recording_ids", is: ids},
			{name: "source", is: address},
			{name: "destination", is: address},
			{name: "status", is: oneOf("", "dialing", "ringing", "progressing", "terminating", "canceling", "hangup")},
			{name: "action", is: action},
			{name: "direction", is: oneOf("", "incoming", "outgoing")},
			{name: "hangup_by", is: oneOf("", "remote", "local")},
			{name: "hangup_reason", is: oneOf("", "normal", "failed", "busy", "cancel", "timeout", "noanswer", "dialout", "amd")},
			{name: "tm_create", is: at},
			{name: "tm_update", is: at},
			{name: "tm_progressing", is: at},
			{name: "tm_ringing", is: at},
			{name: "tm_hangup", is: at},
		}
	case "queue":
		return []rule{
			{name: "id", is: uuid},
			{name: "name", is: isString},
			{name: "detail", is: isString},
			{name: "routing_method", is: oneOf("", "random")},
			{name: "tag_ids", is: ids},
			{name: "wait_actions", is: listOf(action)},
			{name: "wait_timeout", is: isInteger},
			{name: "service_timeout", is: isInteger},
			{name: "wait_queue_call_ids", is: ids},
			{name: "service_queue_call_ids", is: ids},
			{name: "total_incoming_count", is: isInteger},
			{name: "total_serviced_count", is: isInteger},
			{name: "total_abandoned_count", is: isInteger},
			{name: "total_waittime", is: isInteger},
			{name: "total_service_duration", is: isInteger},
			{name: "tm_create", is: at},
			{name: "tm_update", is: at},
			{name: "tm_delete", is: at},
		}
	case "queuecall":
		return []rule{
			{name: "id", is: uuid},
			{name: "reference_type", is: oneOf("", "call")},
			{name: "reference_id", is: uuid},
			{name: "status", is: oneOf("wait", "entering", "kicking", "service", "done", "abandoned")},
			{name: "service_agent_id", is: uuid},
			{name: "tm_create", is: at},
			{name: "tm_service", is: at},
			{name: "tm_update", is: at},
			{name: "tm_delete", is: at},
		}
	default:
		return []rule{
			{name: "id", is: uuid},
			{name: "username", is: isString},
			{name: "name", is: isString},
			{name: "detail", is: isString},
			{name: "ring_method", is: oneOf("ringall", "linear")},
			{name: "status", is: oneOf("", "available", "away", "busy", "offline", "ringing")},
			{name: "permission", is: isUnsigned},
			{name: "tag_ids", is: ids},
			{name: "addresses", is: listOf(address)},
			{name: "tm_create", is: at},
			{name: "tm_update", is: at},
			{name: "tm_delete", is: at},
		}
	}
}
