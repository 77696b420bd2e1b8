package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// teliFields are the tables that Teli tells of, and their fields in its order. Any of them may be absent.
func teliFields() map[string]string {
	const name, place = "first_name last_name", "city state zip"
	return map[string]string{
		"lnp_numbers": "id lnp_request_id number state ratecenter",
		"lnp_requests": "id user_id btn location_type business_contact business_name " + name + " account_number service_address service_state " +
			"service_zip partial_port partial_port_details wireless_number wireless_pin caller_id request_status foc_date",
		"sip_accounts":      "id user_id account_type username domain sbc_number",
		"monthly_charges":   "id user_id product_type product_id bill_day_of_month last_billed_dt",
		"sub_users":         "id parent_id username email " + name + " phone_number address " + place,
		"transaction_items": "id transaction_id product_description product_price product_mrc processing_flags fail_reason",
		"transactions":      "id user_id child_id referenced_transaction_id total summary transaction_type transaction_status",
		"users": "id reseller_id user_type username email " + name + " phone_number address " + place + " brand domain using_custom_css " +
			"using_custom_logo support_phone support_email support_link user_status credit_line chanlimit_outbound chanlimit_inbound " +
			"max_international sms_post_url web_hook_url sbc",
		"call_flows":         "id user_id flow_name flow_data default_route",
		"channel_groups":     "id user_id name channels status",
		"did_notes":          "id did_id note",
		"dids":               "id user_id call_flow_id channel_group_id voicemail_inbox_id number number_type state ratecenter sms_enabled xmpp_enabled inbound_cnam",
		"directory_listings": "id did_id listing_type business_name " + name + " address1 address2 " + place + " email contact_number",
		"e911":               "id did_id did_number full_name address " + place + " unit_type unit_number",
		"fax_emails":         "id did_id email_address",
		"faxes":              "id did_id fax_status direction source_did destination_did recipient pages",
		"ip_endpoints":       "id user_id ip_address ip_name sbc",
		"voicemail_emails":   "id voicemail_inbox_id email_address",
		"voicemail_inboxes":  "id user_id inbox_number inbox_name inbox_pin transcribe",
	}
}

// parseTeli reads Teli's web hook (a row as a string of JSON within JSON), its
// text message and its delivery receipt (forms).
func parseTeli(req *http.Request, body []byte) (Payload, error) {
	if req.Header.Get("Content-Type") == formType {
		return parseTeliForm(req, body)
	}
	if err := expect(req, jsonType, http.MethodPost); err != nil {
		return Payload{}, err
	}
	o, err := readObject(body)
	if err != nil {
		return Payload{}, err
	}
	schema := o.text("schema")
	if schema == "sms_enablement" {
		// The one hook without data.
		return Payload{Name: schema}, o.check([]rule{
			{name: "type", is: oneOf("update")},
			{name: "schema", is: isText},
			{name: "status", is: oneOf("success", "error")},
			{name: "verbose", is: isString},
		})
	}
	if err := o.check([]rule{
		{name: "type", is: oneOf("insert", "update", "delete")}, {name: "schema", is: oneOf(slices.Sorted(maps.Keys(teliFields()))...)}, {name: "data", is: isText},
	}); err != nil {
		return Payload{}, err
	}
	row, err := readObject([]byte(o.text("data")))
	if err != nil {
		return Payload{}, fmt.Errorf("data is no string that holds an object: %w", err)
	}
	rules := []rule{}
	for field := range strings.FieldsSeq(teliFields()[schema]) {
		rules = append(rules, rule{name: field, is: isScalar, optional: true})
	}
	if err := row.check(rules); err != nil {
		return Payload{}, fmt.Errorf("data of %s: %w", schema, err)
	}
	p := Payload{Name: schema}
	id, ok := row.get("id")
	switch {
	case !ok:
		p.Gaps = append(p.Gaps, "data.id")
	case strings.Trim(string(id), `"0123456789`) != "" || strings.Trim(string(id), `"`) == "":
		return Payload{}, fmt.Errorf("data.id is %s, not an integer", id)
	}
	return p, nil
}

// isScalar is what fits into a column of a table.
func isScalar(v json.RawMessage) error {
	if v[0] == '{' || v[0] == '[' {
		return fmt.Errorf("expected a single value, got %s", v)
	}
	return nil
}

func parseTeliForm(req *http.Request, body []byte) (Payload, error) {
	if err := expect(req, formType, http.MethodPost); err != nil {
		return Payload{}, err
	}
	pairs, err := readForm(string(body))
	if err != nil {
		return Payload{}, err
	}
	names := namesOf(pairs)
	p := Payload{Name: "sms"}
	required := []string{"source", "destination", "message"}
	allowed := append(slices.Clone(required), "type", "attachments", "cost")
	if slices.Contains(names, "send_status") {
		p.Name = "delivery_receipt"
		required = []string{"uuid", "source", "destination", "send_status", "status", "error"}
		allowed = required
	}
	for i, name := range names {
		if !slices.Contains(allowed, name) {
			return Payload{}, fmt.Errorf("%s has no field %s", p.Name, name)
		}
		if slices.Contains(names[:i], name) {
			return Payload{}, fmt.Errorf("%s comes twice", name)
		}
	}
	for _, name := range required {
		if !slices.Contains(names, name) {
			return Payload{}, fmt.Errorf("%s lacks %s", p.Name, name)
		}
	}
	for _, pr := range pairs {
		// Teli's numbers are those of North America, without +1.
		if (pr.name == "source" || pr.name == "destination") && strings.HasPrefix(pr.value, "+") {
			return Payload{}, fmt.Errorf("%s is %q, with a +", pr.name, pr.value)
		}
		if pr.name == "send_status" && !slices.Contains([]string{"carrier_sent", "rejected", "delivered"}, pr.value) {
			return Payload{}, fmt.Errorf("send_status is %q", pr.value)
		}
	}
	return p, nil
}

func namesOf(pairs []pair) []string {
	names := make([]string, len(pairs))
	for i, p := range pairs {
		names[i] = p.name
	}
	return names
}

// primevoxTemplates are the bodies of PrimeVOX's page, names in its order; an
// event is known by its first value or two.
func primevoxTemplates() map[string]string {
	return map[string]string{
		"InboundCall/phoneNumber": "eventType eventTarget containerId tenantId didNumber didDescription didGroup cidPrefix callUuid callerIdNum callerIdName",
		"HangupCall":              "eventType containerId tenantId extNumber extName callUuid callerIdName callerIdNum",
		"ringAttempt/extension":   "eventType eventTarget containerId tenantId extNumber extName callUuid callerIdNum",
		"ExtensionAnswered":       "eventType containerId tenantId callUuid callerIdNum callerIdName extensionNumber extensionName",
		"inboundCallCompleted":    "eventType containerId tenantId extNumber extName callUuid callerIdName callerIdNum",
		"voicemailHangup":         "eventType containerId tenantId extNumber extName callUuid callerIdName callerIdNum",
		"outboundCall":            "eventType containerId tenantId extNumber extName callUuid numberDialed",
		"ringAttempt/ringGroup":   "eventType eventTarget containerId tenantId rgNumber callUuid callerIdNum",
		"queueEntered/queue":      "eventType eventTarget containerId tenantId queueNumber callUuid callerIdNum",
		"inboundMessage":          "eventType toNumber fromNumber containerID tenantID conversationID messageText",
		"outboundMessage":         "eventType toNumber fromNumber containerID tenantID conversationID messageText",
	}
}

// parsePrimevox reads a PrimeVOX webhook: JSON for messages, a form for calls.
func parsePrimevox(req *http.Request, body []byte) (Payload, error) {
	if req.Method != http.MethodPost {
		return Payload{}, fmt.Errorf("the method is %s, not POST", req.Method)
	}
	pairs, err := primevoxRead(req, body)
	if err != nil {
		return Payload{}, err
	}
	if len(pairs) == 0 || pairs[0].name != "eventType" {
		return Payload{}, errors.New("it does not begin with eventType")
	}
	p := Payload{Name: pairs[0].value}
	if len(pairs) > 1 && pairs[1].name == "eventTarget" {
		p.Name += "/" + pairs[1].value
	}
	template, ok := primevoxTemplates()[p.Name]
	if !ok {
		return Payload{}, fmt.Errorf("there is no event %s", p.Name)
	}
	if asJSON := strings.HasSuffix(p.Name, "Message"); asJSON != (req.Header.Get("Content-Type") == jsonType) {
		return Payload{}, fmt.Errorf("%s came as %s", p.Name, req.Header.Get("Content-Type"))
	}
	if got := strings.Join(namesOf(pairs), " "); got != template {
		return Payload{}, fmt.Errorf("the names of %s are %q, not %q", p.Name, got, template)
	}
	for _, pr := range pairs {
		switch strings.ToLower(pr.name) {
		case "containerid", "tenantid":
			if pr.value == "" || strings.Trim(pr.value, "0123456789") != "" {
				return Payload{}, fmt.Errorf("%s is %q, not digits", pr.name, pr.value)
			}
		case "calluuid":
			if pr.value == "" {
				p.Gaps = append(p.Gaps, pr.name)
			} else if !uuidForm.MatchString(`"` + pr.value + `"`) {
				return Payload{}, fmt.Errorf("callUuid is %q, not a UUID", pr.value)
			}
		case "didnumber", "rgnumber", "queuenumber", "tonumber", "fromnumber", "extensionnumber", "numberdialed":
			if pr.value == "" {
				p.Gaps = append(p.Gaps, pr.name)
			}
		case "extnumber":
			// Only a call that nobody picked up at an extension leaves it empty.
			if pr.value == "" && p.Name != "HangupCall" {
				p.Gaps = append(p.Gaps, pr.name)
			}
		case "calleridnum":
			if pr.value == "" {
				p.Gaps = append(p.Gaps, pr.name)
			}
		}
	}
	return p, nil
}

func primevoxRead(req *http.Request, body []byte) ([]pair, error) {
	switch contentType := req.Header.Get("Content-Type"); contentType {
	case formType:
		return readForm(string(body))
	case jsonType:
		o, err := readObject(body)
		if err != nil {
			return nil, err
		}
		var pairs []pair
		for _, m := range o {
			var s string
			if err := json.Unmarshal(m.value, &s); err != nil || m.value[0] != '"' {
				return nil, fmt.Errorf("%s: expected a string, got %s", m.name, m.value)
			}
			pairs = append(pairs, pair{m.name, s})
		}
		return pairs, nil
	default:
		return nil, fmt.Errorf("the content type is %q", contentType)
	}
}
