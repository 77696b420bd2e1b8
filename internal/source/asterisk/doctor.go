package asterisk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/source"
)

// A Finding is one thing about an Asterisk that a source depends on.
type Finding = source.Finding

// A Level says how much it matters.
type Level = source.Level

// The levels.
const (
	OK      = source.OK
	Hint    = source.Hint
	Missing = source.Missing
)

// Diagnose looks at the Asterisk of a source with these options, and says what is as it
// should be, what is missing, and how to put it right. It changes nothing there. The error is
// of wrong options.
func Diagnose(ctx context.Context, options map[string]any) ([]Finding, error) {
	o, err := readOptions(options)
	if err != nil {
		return nil, err
	}
	d := &doctor{o: o}
	if o.Address != "" && d.connect(ctx) {
		defer d.w.close()
		defer context.AfterFunc(ctx, d.w.close)()
		d.manager()
	}
	if o.ARI != nil {
		d.ari(ctx)
	}
	return d.findings, nil
}

// A doctor is one look at an Asterisk.
type doctor struct {
	o        *Options
	w        *wire // nil: we are not in
	findings []Finding
	release  []int // of the version, such as 22 10 1; nil: not known
}

func (d *doctor) say(level source.Level, about, says, fix string) {
	d.findings = append(d.findings, Finding{Level: level, About: about, Says: says, Fix: strings.TrimSpace(fix)})
}

// section is what to write into a section of a file, there and in FreePBX.
func section(file, section, lines, freePBX string) string {
	s := file + "\n  [" + section + "]\n  " + strings.ReplaceAll(lines, "\n", "\n  ") + "\n"
	if freePBX != "" {
		s += "FreePBX: " + freePBX + "\n"
	}
	return s
}

const (
	customManager = "/etc/asterisk/manager_custom.conf, then fwconsole reload"
	reload        = "asterisk -rx 'manager reload'"
)

// connect says whether we got in.
func (d *doctor) connect(ctx context.Context) bool {
	w, err := open(ctx, d.o)
	if err != nil {
		d.say(Missing, "connection", err.Error(), section("manager.conf", "general", "enabled = yes\nport = 5038\nbindaddr = 127.0.0.1 ; or the address that Switchhook reaches", "bindaddr is in /etc/asterisk/manager.conf")+
			"then "+reload+", and let the firewall pass "+d.o.Address)
		return false
	}
	d.say(OK, "connection", d.o.Address+": "+w.banner, "")
	if err := w.login(d.o); err != nil {
		w.close()
		d.say(Missing, "login", err.Error(), section("manager.conf", d.o.Username, userLines, customManager)+"then "+reload)
		return false
	}
	d.w = w
	return true
}

func (d *doctor) manager() {
	d.version()
	d.clock()
	d.rights()
	d.userSection()
	d.generalSection()
	d.records()
	d.modules()
}

// userLines are those of a user who may all that a source wants to know.
const userLines = `secret = a-long-secret
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255
read = system,call,agent,user,cdr,security
write = system,call,reporting
writetimeout = 5000`

func (d *doctor) version() {
	system, err := d.w.systemOf()
	if err != nil {
		d.say(Missing, "login", err.Error(), "")
		return
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(system, "Asterisk "), ".") {
		d.release = append(d.release, number(part))
	}
	switch {
	case strings.Contains(system, "manager interface"):
		d.release = nil
		d.say(Hint, "login", "as "+d.o.Username+"; the version is not told to a user without write = system or reporting ("+system+")", "")
	case d.release[0] < 16:
		d.say(Missing, "login", "as "+d.o.Username+"; this is "+system+", and a source needs 16 or later", "")
	default:
		d.say(OK, "login", "as "+d.o.Username+"; this is "+system, "")
	}
}

// clock compares Asterisk's clock with ours: what is told of is dated by the former.
func (d *doctor) clock() {
	before := time.Now()
	answer, err := d.w.do("Ping")
	if err != nil {
		return
	}
	at, ok := epoch(answer[0].Get("Timestamp"))
	skew := at.Sub(before.Add(time.Since(before) / 2)).Round(time.Millisecond)
	switch {
	case !ok:
	case skew.Abs() < 2*time.Second:
		d.say(OK, "clock", fmt.Sprintf("%s from ours", skew), "")
	default:
		d.say(Hint, "clock", fmt.Sprintf("%s from ours: events are dated by Asterisk's, and those that matter for a minute only may be too old when they come", skew), "let both machines take their time from NTP")
	}
}

// rights asks for the commands that the user may give. What is not listed is either not
// allowed or not loaded.
func (d *doctor) rights() {
	answer, err := d.w.do("ListCommands")
	if err != nil {
		return
	}
	may := func(action string) bool { return answer[0].Get(action) != "" }
	if !may("CoreShowChannels") {
		d.say(Missing, "write rights", "the user may not list channels (CoreShowChannels), so after an outage nobody could tell which calls have ended",
			section("manager.conf", d.o.Username, "write = system,call,reporting", customManager)+"then "+reload)
		return
	}
	var without []string
	for _, c := range [][2]string{
		{"PJSIPShowContacts", "which phones are registered"},
		{"VoicemailUsersList", "how many voicemails there are"},
		{"ParkedCalls", "which calls are parked"},
		{"QueueStatus", "who waits in queues"},
	} {
		if !may(c[0]) && (c[0] != "PJSIPShowContacts" || !may("SIPpeers")) {
			without = append(without, c[1])
		}
	}
	if len(without) > 0 {
		d.say(Hint, "write rights", "after an outage it stays unknown "+strings.Join(without, ", ")+": the user may not ask, or the module is not loaded",
			section("manager.conf", d.o.Username, "write = system,call,reporting", customManager)+"then "+reload)
		return
	}
	d.say(OK, "write rights", "channels, queues, phones, mailboxes and parked calls can be listed", "")
}

// needed are the event classes that a source needs, and what goes without them.
func needed() [][2]string {
	return [][2]string{
		{"system", "registrations"},
		{"call", "calls, holds, transfers, voicemail, conferences"},
		{"agent", "queues and agents"},
		{"user", "custom.* events"},
		{"cdr", "call.cdr"},
		{"security", "failed registrations"},
	}
}

// userSection reads what manager.conf says of the user, if we may.
func (d *doctor) userSection() {
	all, err := d.config("manager.conf", d.o.Username)
	if err != nil {
		d.say(Hint, "read rights", "manager.conf cannot be looked at ("+err.Error()+"), so it was not checked that it has read = system,call,agent,user,cdr,security", "")
		return
	}
	own := all[d.o.Username]
	read := strings.Split(strings.ReplaceAll(own.last("read"), " ", ""), ",")
	var without []string
	level := Hint
	for _, c := range needed() {
		if !slices.Contains(read, c[0]) && !slices.Contains(read, "all") {
			without = append(without, c[0]+" ("+c[1]+")")
			if c[0] == "call" {
				level = Missing
			}
		}
	}
	if len(without) > 0 {
		d.say(level, "read rights", "without the event classes "+strings.Join(without, ", "), section("manager.conf", d.o.Username, "read = system,call,agent,user,cdr,security", customManager)+"then "+reload)
	} else {
		d.say(OK, "read rights", "all event classes that are needed", "")
	}
	if ms := number(own.last("writetimeout")); ms < 1000 {
		d.say(Hint, "writetimeout", fmt.Sprintf("is %d ms: if the network stalls that long, Asterisk hangs up on us, and what happens until we are back is lost", max(ms, 100)),
			section("manager.conf", d.o.Username, "writetimeout = 5000", customManager))
	}
	if filters := own["eventfilter"]; len(filters) > 0 {
		d.say(Hint, "eventfilter", "the user gets only a part of the events: "+strings.Join(filters, "; "), "let no event be filtered that docs/guides/asterisk.md has in its table")
	}
}

// generalSection reads the part of manager.conf that is for all users.
func (d *doctor) generalSection() {
	all, err := d.config("manager.conf", "general")
	if err != nil {
		return
	}
	general := all["general"]
	if isTrue(general.last("timestampevents")) {
		d.say(OK, "timestamps", "events carry Asterisk's own time", "")
	} else {
		d.say(Missing, "timestamps", "events carry no time, so they are dated by when they arrive", section("manager.conf", "general", "timestampevents = yes", "the same, below [general](+), in "+customManager)+"then "+reload)
	}
	if disabled := general.last("disabledevents"); disabled != "" {
		d.say(Hint, "disabledevents", "are "+disabled, "VarSet and Newexten can well be disabled, nothing else")
	}
	if strings.Contains(general.last("channelvars"), "CHANNEL(pjsip") {
		d.say(Missing, "channelvars", "read a PJSIP channel for every event, which blocks calls that are being dialled (Asterisk issue 307)", "take CHANNEL(pjsip,…) out of channelvars in manager.conf")
	}
}

// records looks after CDR and CEL.
func (d *doctor) records() {
	cdr, err := d.config("cdr_manager.conf", "")
	switch {
	case err != nil:
	case d.loaded("cdr_manager") && isTrue(cdr["general"].last("enabled")):
		d.say(OK, "call records", "come as events (call.cdr)", "")
	default:
		d.say(Hint, "call records", "do not come as events: there will be no call.cdr", section("cdr_manager.conf", "general", "enabled = yes", "the same file")+"then asterisk -rx 'module load cdr_manager.so' or core restart")
	}
	cel, err := d.config("cel.conf", "")
	if err != nil {
		return
	}
	ends := strings.ToUpper(cel["general"].last("events"))
	if d.loaded("cel_manager") && isTrue(cel["general"].last("enable")) && isTrue(cel["manager"].last("enabled")) && (strings.Contains(ends, "LINKEDID_END") || ends == "ALL") {
		d.say(OK, "channel events", "the end of a call is told by CEL, too", "")
		return
	}
	d.say(Hint, "channel events", "CEL does not tell the end of a call, so it is known by its last channel alone", section("cel.conf", "general", "enable = yes\nevents = LINKEDID_END", "in a file that /etc/asterisk/cel.conf includes")+section("cel.conf", "manager", "enabled = yes", ""))
}

// modules says which parts of Asterisk will tell nothing, as they are not there.
func (d *doctor) modules() {
	if !d.loaded("pbx_config") && !d.loaded("chan_pjsip") && !d.loaded("app_queue") {
		return // we may not ask
	}
	var with, without []string
	for m := range strings.FieldsSeq("chan_pjsip app_queue app_voicemail res_parking app_confbridge res_fax app_mixmonitor app_userevent") {
		if d.loaded(m) {
			with = append(with, m)
		} else {
			without = append(without, m)
		}
	}
	says := strings.Join(with, " ")
	if len(without) > 0 {
		says += "; not loaded: " + strings.Join(without, " ")
	}
	d.say(OK, "modules", says, "")
}

func (d *doctor) loaded(module string) bool {
	_, err := d.w.do("ModuleCheck", "Module", module)
	return err == nil
}

// settings are the lines of a section, by name.
type settings map[string][]string

// last is the value that counts of a name, empty if it has none.
func (s settings) last(name string) string {
	if v := s[name]; len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
}

// config reads a file of Asterisk's configuration, or one section of it. What is in it stays
// here: there are secrets among it.
func (d *doctor) config(file, category string) (map[string]settings, error) {
	fields := []string{"Filename", file}
	if category != "" {
		fields = append(fields, "Category", category)
	}
	answer, err := d.w.do("GetConfig", fields...)
	if e, refused := errors.AsType[refusal](err); refused {
		return nil, errors.New(e.message)
	}
	if err != nil {
		return nil, err
	}
	all, current := map[string]settings{}, settings{}
	for _, f := range answer[0] {
		switch kind, _, _ := strings.Cut(f.Name, "-"); kind {
		case "Category":
			if all[f.Value] == nil {
				all[f.Value] = settings{}
			}
			current = all[f.Value]
		case "Line":
			name, value, _ := strings.Cut(f.Value, "=")
			name = strings.ToLower(strings.TrimSpace(name))
			current[name] = append(current[name], strings.TrimSpace(value))
		}
	}
	return all, nil
}

// isTrue reads a value as Asterisk does.
func isTrue(s string) bool {
	return slices.Contains([]string{"yes", "true", "y", "t", "1", "on"}, strings.ToLower(s))
}
