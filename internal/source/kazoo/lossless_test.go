package kazoo_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/calls"
	"github.com/switchhook/switchhook/internal/dialect/dialecttest"
	dialect "github.com/switchhook/switchhook/internal/dialect/kazoo"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/kazoo"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
)

// An entry is a member of a payload being drawn; its value is a string, a number
// or boolean as JSON has it, a list or an object.
type entry struct {
	name  string
	value any
}

type (
	literal string
	object  []entry
	list    []any
)

// The fields that Kazoo documents, by what they hold. A name means the same in all
// its hooks but for what fieldOf says.
const (
	textFields = "account_id authorizing_id authorizing_type owner_id other_leg_call_id callee_id_name callee_id_number caller_id_name caller_id_number inception request " +
		"local_resource_id reseller_id original_number other_leg_destination_number hangup_cause parking_slot body origin from_realm from_user to_realm to_user voicemail_box voicemail_id " +
		"fax_id fax_jobid faxbox_id faxbox_name faxbox_timezone fax_result_code fax_error fax_from_email fax_to_email number original_number contact realm username user_agent network_ip profile_name " +
		"rpid status from_host to_host freeswitch_hostname presence_hosts app_name app_version msg_id node server_id system_log_id account_db attachment_url html subject text account_name account_realm " +
		"account_api_key parent_id recipient_id template_id user_type user_id password email first_name last_name password_reset_link timezone port_request_id authorized_by number_state acquired_for version " +
		"card_last_four currency_code purchase_order module pid request_id section message hook_id comments device_name emergency_to_did emergency_caller_id_name emergency_caller_id_number outbound_caller_id_name " +
		"outbound_caller_id_number emergency_address_city user_email stream_id stream_name reason media_server zone cluster_id"
	flagFields     = "call_forwarded emergency_resource_used is_internal_leg local_resource_used call_bridged message_left preview success local_number suppress_unregister_notify emergency_test_call"
	timeFields     = "timestamp voicemail_timestamp fax_timestamp event_timestamp due_date"
	countFields    = "voicemail_length message_count max_message_count expires duration_seconds ringing_seconds billing_seconds network_port"
	decimalFields  = "amount tax_amount current_balance line charges"
	objectFields   = "custom_channel_vars custom_application_vars custom_sip_headers notify voicemail_transcription fax_info fax_notifications port databag zones cnam feature billing_address payment_token audit_log hook"
	anyFields      = "items response details comment service_plan bcc cc reply_to error_message tags"
	listFields     = "errors notification_media emergency_notfication_contact_emails"
	anyListFields  = "add_ons discounts"
	channelNames   = "channel_create channel_answer channel_bridge channel_hold channel_unhold channel_destroy cdr channel_progress_media"
	documentNames  = "account user device callflow vmbox fax faxbox media mailbox_message call_recording menu"
	documentEvents = "doc_created doc_edited doc_deleted"
	parkingNames   = "PARK_PARKED PARK_RETRIEVED PARK_ABANDONED"
	otherNames     = "stream_start stream_stop skel topup top_up"
)

// drawing draws payloads for one transport: in a form all is text.
type drawing struct {
	*rapid.T
	json bool
}

func (d drawing) pick(names string) string {
	return rapid.SampledFrom(strings.Fields(names)).Draw(d.T, "name")
}

func (d drawing) text() string {
	return strings.ToValidUTF8(rapid.StringN(0, 8, -1).Draw(d.T, "text"), "?")
}

// typed is a number or flag: in JSON as itself, in a form and now and then in JSON
// too as text.
func (d drawing) typed(s string) any {
	if d.json && rapid.IntRange(0, 3).Draw(d.T, "as text") > 0 {
		return literal(s)
	}
	return s
}

func (d drawing) free(depth int) any {
	kinds := 4
	if depth > 2 {
		kinds = 2
	}
	switch rapid.IntRange(0, kinds).Draw(d.T, "kind") {
	case 0, 1:
		return d.text()
	case 2:
		return d.typed(rapid.SampledFrom([]string{"0", "-7", "1.50", "1e3", "true", "false"}).Draw(d.T, "literal"))
	case 3:
		return d.object(depth + 1)
	default:
		l := list{}
		for range rapid.IntRange(0, 3).Draw(d.T, "elements") {
			if d.json || rapid.Bool().Draw(d.T, "object") {
				l = append(l, drawing{d.T, true}.free(depth+1)) // a form has JSON there
			} else {
				l = append(l, d.text())
			}
		}
		return l
	}
}

func (d drawing) object(depth int) object {
	o := object{}
	for i := range rapid.IntRange(0, 3).Draw(d.T, "members") {
		name := rapid.StringMatching(`[A-Za-z][A-Za-z0-9_-]{0,4}`).Draw(d.T, "member") + strconv.Itoa(i)
		o = append(o, entry{name, d.free(depth)})
	}
	return o
}

// documented draws some of the documented fields, each once, in any order.
func (d drawing) documented(channel bool) object {
	known := map[string]func() any{}
	fields := func(names string, draw func() any) {
		for name := range strings.FieldsSeq(names) {
			known[name] = draw
		}
	}
	number := func(from, to int64) func() any {
		return func() any { return d.typed(strconv.FormatInt(rapid.Int64Range(from, to).Draw(d.T, "number"), 10)) }
	}
	fields(textFields, func() any { return d.text() })
	fields(flagFields, func() any { return d.typed(strconv.FormatBool(rapid.Bool().Draw(d.T, "flag"))) })
	fields(timeFields, number(0, 315569519999))
	fields(countFields, number(0, 65535))
	fields(decimalFields, func() any {
		return d.typed(rapid.SampledFrom([]string{"0.0075", "20.50", "-3", "1e2"}).Draw(d.T, "decimal"))
	})
	fields(objectFields, func() any { return d.object(1) })
	fields(anyFields, func() any { return d.free(1) })
	fields(listFields, func() any { return list{d.text()} })
	fields(anyListFields, func() any { return list{d.object(2)} })
	fields("hangup_code", func() any { return rapid.SampledFrom([]string{"sip:200", "sip:0", "verto:5", ""}).Draw(d.T, "code") })
	fields("call_direction", func() any { return d.pick("inbound outbound") })
	fields("occurrence", func() any { return d.pick("registration call") })
	fields("from to", func() any {
		if channel {
			return d.text() + "@" + d.text()
		}
		return d.free(2)
	})
	var o object
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(sortedNames(known)), 0, 20, rapid.ID[string]).Draw(d.T, "fields") {
		o = append(o, entry{name, known[name]()})
	}
	return o
}

func sortedNames(m map[string]func() any) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// payload draws what one of Kazoo's hooks sends, in v1 or v2.
func (d drawing) payload(v2 bool) object {
	var said object
	name := ""
	says := func(k, v string) { said = append(said, entry{k, v}) }
	var notifications []string
	for _, row := range dialect.New(dialecttest.Env()).Table() {
		if n, ok := strings.CutPrefix(row.Name, "notifications/"); ok {
			notifications = append(notifications, n)
		}
	}
	hook := d.pick("channel parking object message notification other flow")
	call := rapid.SampledFrom([]string{"leg-a", "leg b"}).Draw(d.T, "call_id")
	switch hook {
	case "channel":
		name = d.pick(channelNames)
		says("hook_event", name)
		says("call_id", call)
	case "parking":
		name = d.pick(parkingNames)
		says("event_name", name)
		says("call_id", call)
	case "object":
		name = d.pick(documentEvents)
		says("id", "d1")
		says("action", name)
		says("type", d.pick(documentNames))
	case "message":
		name = "inbound"
		says("id", "m1")
		says("type", d.pick("sms mms"))
	case "notification", "flow":
		name = rapid.SampledFrom(notifications).Draw(d.T, "notification")
		says("event_category", "notification")
		says("event_name", name)
		says("call_id", call)
	case "other":
		name = d.pick(otherNames)
		if !strings.HasPrefix(name, "stream_") {
			says("event_category", "notification")
		}
		says("event_name", name)
		says("call_id", call)
	}
	if hook == "flow" && !v2 {
		said = object{{"call_id", call}, {"call_direction", "inbound"}}
	}
	more := d.documented(hook == "channel" || hook == "parking" || hook == "message")
	for _, e := range more {
		if !slices.ContainsFunc(said, func(s entry) bool { return s.name == e.name }) {
			said = append(said, e)
		}
	}
	if !v2 {
		said = shuffled(d.T, said)
		return append(said, entry{"custom one", d.text()})
	}
	said = slices.DeleteFunc(said, func(e entry) bool { return e.name == "hook_event" || e.name == "event_name" || e.name == "action" })
	if strings.HasPrefix(name, "channel_") {
		name = strings.ToUpper(name)
	}
	envelope := object{
		{"action", "event"},
		{"name", name},
		{"data", shuffled(d.T, said)},
		{"timestamp", d.typed("63937091045")},
		{"hmac", "EQZYhtqWLD6BN1yx+kuMEVLaDfWAoZqROoxui9t/obk="},
	}
	return append(envelope, entry{"custom one", d.text()})
}

func shuffled(t *rapid.T, o object) object {
	if len(o) < 2 {
		return o
	}
	return rapid.Permutation(o).Draw(t, "order")
}

// appendJSON and appendForm write a payload as Kazoo does, in code of their own.
func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		b, _ = jsontext.AppendQuote(b, v)
	case literal:
		b = append(b, v...)
	case list:
		b = append(b, '[')
		for i, e := range v {
			b = append(b, ","[:min(i, 1)]...)
			b = appendJSON(b, e)
		}
		b = append(b, ']')
	case object:
		b = append(b, '{')
		for i, e := range v {
			b = append(b, ","[:min(i, 1)]...)
			b = append(appendJSON(b, e.name), ':')
			b = appendJSON(b, e.value)
		}
		b = append(b, '}')
	}
	return b
}

func segmentsOf(prefix string, v any) []string {
	switch v := v.(type) {
	case object:
		var all []string
		for _, e := range v {
			name := e.name
			if prefix != "" {
				name = prefix + "[" + name + "]"
			}
			all = append(all, segmentsOf(name, e.value)...)
		}
		if len(v) == 0 {
			return []string{""}
		}
		return all
	case list:
		var all []string
		for _, e := range v {
			text, isText := e.(string)
			if !isText {
				text = string(appendJSON(nil, e))
			}
			all = append(all, prefix+"[]="+url.QueryEscape(text))
		}
		if len(v) == 0 {
			return []string{""}
		}
		return all
	default:
		return []string{prefix + "=" + url.QueryEscape(fmt.Sprint(v))}
	}
}

// Whatever Kazoo's documents say that it sends is taken and goes out as it came
// in: the form and Kazoo 4's JSON in their order, Kazoo 5's JSON sorted, a query but
// for its order; also through a folder that has heard something else of the call
// before, and into a second relay.
func TestWhatIsDocumentedComesOutAsItCameIn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := calls.New()
		for range rapid.IntRange(1, 3).Draw(t, "payloads") {
			format := rapid.SampledFrom([]string{"form", "json", "query"}).Draw(t, "format")
			v2 := rapid.Bool().Draw(t, "v2")
			five := v2 || rapid.Bool().Draw(t, "kazoo 5")
			said := drawing{t, format == "json"}.payload(v2)
			w := &switchhook.Webhook{URL: "https://example.com", DialectOptions: map[string]any{"secrets": "show"}}
			if five {
				w.DialectOptions["kazoo_version"] = "5"
			}
			if v2 {
				w.DialectOptions["version"] = "v2"
			}
			in := &source.Request{Method: http.MethodPost, ReceivedAt: received}
			var want string
			switch format {
			case "json":
				w.Format, in.ContentType = "json", asJS
				in.Body = appendJSON(nil, said)
				want = string(in.Body)
			case "form":
				in.ContentType = form
				want = strings.Join(segmentsOf("", said), "&")
				in.Body = []byte(want)
			default:
				w.Method, in.Method = http.MethodGet, http.MethodGet
				in.Query = inAddress(strings.Join(segmentsOf("", said), "&"))
				want = in.Query
			}
			for range 2 {
				ev, err := one(kazoo.New().Translate(in))
				if err != nil {
					t.Fatalf("%s %v: %v", in.Body, in.Query, err)
				}
				if err := sourcetest.Fold(f, ev, received); err != nil {
					t.Fatal(err)
				}
				req, err := as("").Render(ev, w)
				if err != nil {
					t.Fatal(err)
				}
				got := string(req.Body)
				switch {
				case format == "query":
					got = afterLast(req.URL)
				case format == "json" && five:
					got, want = inOrder(t, got), inOrder(t, want)
				case format == "json":
					got, want = compact(t, got), compact(t, want)
				}
				if diff := gocmp.Diff(want, got); diff != "" {
					t.Fatalf("%s as %s: in (-), out (+):\n%s", ev.Type, format, diff)
				}
				in.Body = req.Body
			}
		}
	})
}

// inAddress is a form as it stands in an address: what an address cannot have is
// encoded there.
func inAddress(form string) string {
	var b strings.Builder
	for i := range len(form) {
		if c := form[i]; c > ' ' && c < 0x7f && c != '#' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

type fataler interface {
	Helper()
	Fatal(args ...any)
}

// compact is JSON without blanks, with each text written in one way.
func compact(t fataler, text string) string {
	t.Helper()
	v := jsontext.Value(text)
	if err := v.Compact(jsontext.PreserveRawStrings(false), jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)); err != nil {
		t.Fatal(err)
	}
	return string(v)
}

// inOrder is compact with the names sorted.
func inOrder(t fataler, text string) string {
	t.Helper()
	v := jsontext.Value(text)
	err := v.Compact(jsontext.PreserveRawStrings(false), jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false), jsontext.ReorderRawObjects(true))
	if err != nil {
		t.Fatal(err)
	}
	return string(v)
}

// An event that others tell of a call does not say what a Kazoo said of it before,
// nor does a Kazoo's next one.
func TestNothingSaidIsSaidTwice(t *testing.T) {
	t.Parallel()
	f := calls.New()
	said, err := one(translate(form, `hook_event=channel_create&account_id=91eb05e5c68d7ca05e7618b6821d2d16&call_id=c1&call_direction=inbound&zone=west&caller_id_name=Ada&timestamp=63937091045&cluster_id=c`))
	if err != nil {
		t.Fatal(err)
	}
	if err := sourcetest.Fold(f, said, received); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		`{"type":"call.answered","account_id":"91eb05e5c68d7ca05e7618b6821d2d16","data":{"call":{"id":"c1"}}}`,
		`{"type":"call.parked","account_id":"91eb05e5c68d7ca05e7618b6821d2d16","data":{"call":{"id":"c1"}}}`,
		`{"type":"voicemail.new","account_id":"91eb05e5c68d7ca05e7618b6821d2d16","data":{"call":{"id":"c1"},"voicemail":{"id":"v"}}}`,
	} {
		ev := dialecttest.Event(t, []byte(text))
		if err := sourcetest.Fold(f, ev, received); err != nil {
			t.Fatal(err)
		}
		req, err := as("").Render(ev, &switchhook.Webhook{})
		if err != nil {
			t.Fatal(err)
		}
		if body := string(req.Body); strings.Contains(body, "west") || strings.Contains(body, "channel_create") || strings.Contains(body, "cluster_id=c&") || strings.HasSuffix(body, "=c") {
			t.Errorf("%s: %s", ev.Type, body)
		}
	}
	next := `hook_event=channel_answer&account_id=91eb05e5c68d7ca05e7618b6821d2d16&call_id=c1&timestamp=63937091046`
	ev, err := one(translate(form, next))
	if err != nil {
		t.Fatal(err)
	}
	if err := sourcetest.Fold(f, ev, received); err != nil {
		t.Fatal(err)
	}
	req, err := as("r").Render(ev, &switchhook.Webhook{})
	if err != nil {
		t.Fatal(err)
	}
	if string(req.Body) != next {
		t.Errorf("got %s, want %s", req.Body, next)
	}
	if strings.Contains(string(ev.Data), "west") {
		t.Errorf("what was said lies in %s", ev.Data)
	}
}
