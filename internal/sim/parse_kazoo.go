package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// What a Kazoo field is. In a form everything is text, but the text of an
// integer is still an integer.
type kazooKind int

const (
	kText kazooKind = iota
	kInteger
	kBoolean
	kSeconds // Gregorian seconds: from year 0, not from 1970
	kFree    // an object, or whatever the notification carries
)

// The fields of channel hooks (2600hz/kazoo webhooks_channel_util.erl).
func kazooChannel() map[string]kazooKind {
	return map[string]kazooKind{
		"account_id": kText, "authorizing_id": kText, "authorizing_type": kText, "owner_id": kText,
		"call_direction": kText, "call_forwarded": kBoolean, "call_id": kText, "other_leg_call_id": kText,
		"callee_id_name": kText, "callee_id_number": kText, "caller_id_name": kText, "caller_id_number": kText,
		"custom_channel_vars": kFree, "custom_application_vars": kFree, "custom_sip_headers": kFree,
		"emergency_resource_used": kBoolean, "from": kText, "to": kText, "request": kText, "inception": kText,
		"is_internal_leg": kBoolean, "local_resource_used": kBoolean, "local_resource_id": kText, "reseller_id": kText,
		"timestamp": kSeconds, "hook_event": kText, "cluster_id": kText,
		"original_number": kText, "other_leg_destination_number": kText,
		"hangup_cause": kText, "hangup_code": kText,
		"duration_seconds": kInteger, "ringing_seconds": kInteger, "billing_seconds": kInteger,
	}
}

// kazooFields holds the fields of a hook that are not text, and those that it
// always has.
type kazooHook struct {
	name   string
	always []string             // without these it is not that hook
	usual  []string             // Kazoo always knows these; we may not
	kinds  map[string]kazooKind // fields that are not text
	closed bool                 // no others belong to it
}

func kazooHookOf(f kazooFields) (kazooHook, error) {
	has := func(name string) bool { _, ok := f[name]; return ok }
	switch event := f["hook_event"].text; {
	case event != "":
		if !slices.Contains([]string{
			"channel_create", "channel_answer", "channel_bridge", "channel_destroy", "channel_hold", "channel_unhold", "cdr",
		}, event) {
			return kazooHook{}, fmt.Errorf("there is no hook %q", event)
		}
		h := kazooHook{
			name: event, kinds: kazooChannel(), closed: true,
			always: []string{"account_id", "call_id", "cluster_id", "timestamp", "emergency_resource_used", "is_internal_leg", "local_resource_used"},
			usual:  []string{"call_direction", "caller_id_number"},
		}
		if event == "channel_destroy" {
			h.usual = append(h.usual, "hangup_cause", "duration_seconds", "billing_seconds")
		}
		return h, nil
	case f["event_category"].text == "notification":
		h := kazooHook{
			name: "notifications/" + f["event_name"].text,
			kinds: map[string]kazooKind{
				"voicemail_timestamp": kSeconds, "voicemail_length": kInteger, "timestamp": kSeconds, "due_date": kSeconds,
				"call_bridged": kBoolean, "message_left": kBoolean, "preview": kBoolean,
				"message_count": kInteger, "max_message_count": kInteger,
				"voicemail_transcription": kFree, "notify": kFree, "to": kFree, "cc": kFree, "bcc": kFree, "from": kFree, "reply_to": kFree,
			},
			always: []string{"account_id", "app_name", "app_version", "event_name", "msg_id", "node", "cluster_id"},
		}
		switch f["event_name"].text {
		case "voicemail_new", "voicemail_saved", "voicemail_deleted":
			h.usual = []string{"from_user", "from_realm", "to_user", "to_realm", "voicemail_box", "voicemail_id", "voicemail_timestamp"}
		case "missed_call":
			h.usual = []string{"call_id", "call_bridged", "message_left"}
		}
		return h, nil
	case strings.HasPrefix(f["event_name"].text, "PARK_"):
		return kazooHook{name: "parking", always: []string{"account_id", "call_id", "cluster_id"}, usual: []string{"parking_slot"}}, nil
	case has("action") && has("type"):
		if !slices.Contains([]string{"doc_created", "doc_edited", "doc_deleted"}, f["action"].text) {
			return kazooHook{}, fmt.Errorf("there is no action %q", f["action"].text)
		}
		return kazooHook{
			name: "object", always: []string{"id", "account_id", "action", "type", "cluster_id"}, closed: true,
			kinds: map[string]kazooKind{"id": kText, "account_id": kText, "action": kText, "type": kText, "cluster_id": kText},
		}, nil
	case f["type"].text == "sms" || f["type"].text == "mms":
		return kazooHook{
			name: f["type"].text, always: []string{"id", "account_id", "type", "from", "to", "body", "cluster_id"}, closed: true,
			kinds: map[string]kazooKind{
				"id": kText, "account_id": kText, "type": kText, "from": kText, "to": kText, "body": kText,
				"origin": kText, "charges": kFree, "cluster_id": kText,
			},
		}, nil
	default:
		return kazooHook{}, errors.New("it is none of Kazoo's hooks: no hook_event, no event_category, no action")
	}
}

type (
	kazooFields map[string]kazooField
	kazooField  struct {
		text   string
		raw    json.RawMessage // nil in a form
		nested bool            // an object or list
	}
)

// parseKazoo reads a Kazoo webhook, version v1: a form, JSON, or the query of a
// GET.
func parseKazoo(req *http.Request, body []byte) (Payload, error) {
	for _, name := range []string{"X-Hook-Id", "X-Account-Id"} {
		if req.Header.Get(name) == "" {
			return Payload{}, fmt.Errorf("the header %s is missing", name)
		}
	}
	f, err := kazooRead(req, body)
	if err != nil {
		return Payload{}, err
	}
	h, err := kazooHookOf(f)
	if err != nil {
		return Payload{}, err
	}
	for _, name := range h.always {
		if _, ok := f[name]; !ok {
			return Payload{}, fmt.Errorf("%s lacks %s", h.name, name)
		}
	}
	for name, v := range f {
		kind, known := h.kinds[name]
		if h.closed && !known {
			return Payload{}, fmt.Errorf("%s has no field %s", h.name, name)
		}
		if err := v.is(kind); err != nil {
			return Payload{}, fmt.Errorf("%s: %s: %w", h.name, name, err)
		}
	}
	p := Payload{Name: h.name}
	for _, name := range h.usual {
		if _, ok := f[name]; !ok {
			p.Gaps = append(p.Gaps, name)
		}
	}
	return p, nil
}

func kazooRead(req *http.Request, body []byte) (kazooFields, error) {
	contentType := req.Header.Get("Content-Type")
	switch {
	case req.Method == http.MethodGet && len(body) > 0:
		return nil, errors.New("a GET has a body")
	case req.Method == http.MethodGet:
		return kazooForm(req.URL.RawQuery)
	case req.Method != http.MethodPost && req.Method != http.MethodPut:
		return nil, fmt.Errorf("the method is %s, not GET, POST or PUT", req.Method)
	case contentType == formType:
		return kazooForm(string(body))
	case contentType == jsonType:
		return kazooJSON(body)
	default:
		return nil, fmt.Errorf("the content type is %q", contentType)
	}
}

func kazooForm(s string) (kazooFields, error) {
	pairs, err := readForm(s)
	if err != nil {
		return nil, err
	}
	f := kazooFields{}
	seen := map[string]bool{}
	for _, p := range pairs {
		if seen[p.name] && !strings.HasSuffix(p.name, "[]") {
			return nil, fmt.Errorf("%s comes twice", p.name)
		}
		seen[p.name] = true
		name, _, nested := strings.Cut(p.name, "[") // custom_channel_vars[Bridge-ID]
		if nested && !strings.HasSuffix(p.name, "]") {
			return nil, fmt.Errorf("%s has an open bracket", p.name)
		}
		f[name] = kazooField{text: p.value, nested: nested}
	}
	return f, nil
}

func kazooJSON(body []byte) (kazooFields, error) {
	o, err := readObject(body)
	if err != nil {
		return nil, err
	}
	f := kazooFields{}
	for _, m := range o {
		v := kazooField{raw: m.value, text: string(m.value)}
		switch m.value[0] {
		case '"':
			v.text = object{m}.text(m.name)
		case '{', '[':
			v.nested = true
		case 'n':
			return nil, fmt.Errorf("%s is null, which Kazoo never sends", m.name)
		}
		f[m.name] = v
	}
	return f, nil
}

func (v kazooField) is(kind kazooKind) error {
	if kind == kFree {
		return nil
	}
	if v.nested {
		return errors.New("it is an object or a list")
	}
	isText := v.raw == nil || v.raw[0] == '"'
	switch kind {
	case kText:
		if !isText {
			return fmt.Errorf("expected a string, got %s", v.text)
		}
	case kInteger, kSeconds:
		n, err := strconv.ParseInt(v.text, 10, 64)
		if err != nil || v.raw != nil && isText {
			return fmt.Errorf("expected an integer, got %q", v.text)
		}
		// Unix seconds of any day until the year 3000 are far below this.
		if kind == kSeconds && n < 62_167_219_200 {
			return fmt.Errorf("%d are no Gregorian seconds", n)
		}
	case kBoolean:
		if v.text != "true" && v.text != "false" || v.raw != nil && isText {
			return fmt.Errorf("expected true or false, got %q", v.text)
		}
	case kFree:
	}
	return nil
}
