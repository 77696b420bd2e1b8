package freeswitch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/source"
)

// Diagnose looks at the FreeSWITCH of a source with these options, and says what is as it
// should be, what is missing, and how to put it right. It changes nothing there. The error is
// of wrong options.
func Diagnose(ctx context.Context, options map[string]any) ([]source.Finding, error) {
	o, err := readOptions(options)
	if err != nil {
		return nil, err
	}
	d := &doctor{o: o}
	if d.connect(ctx) {
		defer d.w.close()
		defer context.AfterFunc(ctx, d.w.close)()
		d.version()
		d.password()
		d.rights()
		d.modules()
		d.events()
	}
	d.bus(ctx)
	d.records()
	return d.findings, nil
}

// A doctor is one look at a FreeSWITCH.
type doctor struct {
	o        *Options
	w        *wire
	findings []source.Finding
}

func (d *doctor) say(level source.Level, about, says, fix string) {
	d.findings = append(d.findings, source.Finding{Level: level, About: about, Says: says, Fix: strings.TrimSpace(fix)})
}

const (
	socketFile = "autoload_configs/event_socket.conf.xml"
	aclFile    = "autoload_configs/acl.conf.xml"
	reload     = "then fs_cli -x 'reload mod_event_socket'"
)

// connect says whether we got in.
func (d *doctor) connect(ctx context.Context) bool {
	w, err := open(ctx, d.o.Address)
	if err != nil {
		d.say(source.Missing, "connection", err.Error(), socketFile+`
  <param name="listen-ip" value="127.0.0.1"/>  <!-- or the address that Switchhook reaches -->
  <param name="listen-port" value="8021"/>
  <param name="apply-inbound-acl" value="switchhook"/>
`+aclFile+`
  <list name="switchhook" default="deny"><node type="allow" cidr="`+ourAddress(d.o.Address)+`"/></list>
`+reload+", and let the firewall pass "+d.o.Address)
		return false
	}
	d.say(source.OK, "connection", d.o.Address+" is an event socket", "")
	if err := w.login(d.o); err != nil {
		w.close()
		fix := socketFile + "\n  <param name=\"password\" value=\"a-long-secret\"/>\n" + reload
		if user, domain, is := strings.Cut(d.o.Username, "@"); is {
			fix = "directory/" + domain + "/" + user + ".xml, among its params" + userLines + "then fs_cli -x reloadxml"
		}
		d.say(source.Missing, "login", err.Error(), fix)
		return false
	}
	d.w = w
	return true
}

// ourAddress is where we come from, as an ACL writes it.
func ourAddress(address string) string {
	conn, err := net.Dial("udp", address) //nolint:noctx // nothing is sent
	if err != nil {
		return "192.0.2.2/32"
	}
	defer conn.Close()
	host, _, err := net.SplitHostPort(conn.LocalAddr().String())
	if err != nil || strings.Contains(host, ":") {
		return host + "/128"
	}
	return host + "/32"
}

// userLines are those of a user of the directory who may all that a source wants.
//
// Without esl-allowed-events they may have all events. That is better than a list: the answer to
// userauth has it, and is cut at 511 bytes.
const userLines = `
  <param name="esl-password" value="a-long-secret"/>
  <param name="esl-allowed-api" value="version show callcenter_config valet_info module_exists"/>
  <param name="esl-allowed-log" value="false"/>
`

// moreEvents gives a user all events.
const moreEvents = "in the directory, among the user's params, leave esl-allowed-events out (then it is all):" + userLines + "then fs_cli -x reloadxml"

func (d *doctor) version() {
	system, err := d.w.systemOf()
	as := "with the password of " + socketFile
	if d.o.Username != "" {
		as = "as " + d.o.Username
	}
	var major, minor int
	_, numbered := fmt.Sscanf(strings.TrimPrefix(system, "FreeSWITCH "), "%d.%d", &major, &minor)
	switch {
	case err != nil:
		d.say(source.Missing, "login", err.Error(), "")
	case system == "FreeSWITCH":
		d.say(source.Hint, "login", as+"; the version is not told", "let esl-allowed-api have version")
	case numbered == nil && major == 1 && minor < 10:
		d.say(source.Hint, "login", as+"; this is "+system+", and a source was made for 1.10 and later", "")
	default:
		d.say(source.OK, "login", as+"; this is "+system, "")
	}
}

func (d *doctor) password() {
	if d.o.Password == "ClueCon" {
		d.say(source.Hint, "password", "is the one that everybody knows: whoever reaches the event socket can place calls and run programs", socketFile+"\n  <param name=\"password\" value=\"a-long-secret\"/>\n"+reload)
	}
}

// rights asks for the lists.
func (d *doctor) rights() {
	if _, err := d.w.api(showChannels); err != nil {
		d.say(source.Missing, "lists", err.Error()+", so after an outage nobody could tell which calls have ended", "let esl-allowed-api in the directory have show")
		return
	}
	without := map[string]string{showRegistrations: "which phones are registered", listAgents: "how agents stand", listQueues: "who waits in queues", valetInfo: "which calls are parked"}
	var lacking []string
	for _, command := range []string{showRegistrations, listAgents, listQueues, valetInfo} {
		_, err := d.w.api(command)
		if e, refused := errors.AsType[refusal](err); refused && !strings.Contains(e.message, "Command not found") {
			lacking = append(lacking, without[command])
		}
	}
	if len(lacking) > 0 {
		d.say(source.Hint, "lists", "after an outage it stays unknown "+strings.Join(lacking, ", ")+": the user may not ask", "let esl-allowed-api have show callcenter_config valet_info")
		return
	}
	d.say(source.OK, "lists", "of what there is can be asked for", "")
}

// modules says which parts of FreeSWITCH will tell nothing, as they are not there.
func (d *doctor) modules() {
	var with, without []string
	for m := range strings.FieldsSeq("mod_sofia mod_callcenter mod_fifo mod_voicemail mod_conference mod_valet_parking mod_spandsp mod_sms mod_json_cdr mod_amqp") {
		answer, err := d.w.api("module_exists " + m)
		if err != nil {
			return // we may not ask
		}
		if answer == "true" {
			with = append(with, m)
		} else {
			without = append(without, m)
		}
	}
	says := strings.Join(with, " ")
	if len(without) > 0 {
		says += "; not loaded: " + strings.Join(without, " ")
	}
	for module, option := range map[string]bool{"mod_json_cdr": d.o.CDRSpool != "", "mod_amqp": d.o.AMQP != nil} {
		if option && slices.Contains(without, module) {
			d.say(source.Missing, "modules", module+" is not loaded, though the options count on it", "autoload_configs/modules.conf.xml\n  <load module=\""+module+"\"/>\nthen fs_cli -x 'load "+module+"'")
			return
		}
	}
	if slices.Contains(without, "mod_sofia") {
		d.say(source.Hint, "modules", says+": without mod_sofia there is no SIP", "")
		return
	}
	d.say(source.OK, "modules", says, "")
}

// events asks for them, and for a job whose result is one.
func (d *doctor) events() {
	lacking, err := d.w.subscribe(d.o)
	if err != nil {
		d.say(source.Missing, "events", err.Error(), moreEvents)
		return
	}
	if len(lacking) > 0 {
		d.say(source.Hint, "events", "the user may not have "+strings.Join(lacking, " "), moreEvents)
	}
	m, err := d.job("version")
	switch {
	case err != nil:
		d.say(source.Missing, "events", "none come, though they were asked for ("+err.Error()+"): another client of the event socket may have stopped reading", "fs_cli -x 'show channels' on the machine itself; end clients that hang")
		return
	case len(lacking) == 0:
		d.say(source.OK, "events", "all that are needed come", "")
	}
	at, ok := micros(m["Event-Date-Timestamp"])
	switch skew := time.Until(at).Round(time.Millisecond); {
	case !ok:
	case skew.Abs() < 2*time.Second:
		d.say(source.OK, "clock", fmt.Sprintf("%s from ours", skew), "")
	default:
		d.say(source.Hint, "clock", fmt.Sprintf("%s from ours: events are dated by FreeSWITCH's, and those that matter for a minute only may be too old when they come", skew), "let both machines take their time from NTP")
	}
}

// job waits for the result of a command as an event.
func (d *doctor) job(command string) (Message, error) {
	if err := d.w.send("bgapi " + command + "\nJob-UUID: switchhook-doctor"); err != nil {
		return nil, err
	}
	until := time.Now().Add(patience)
	if err := d.w.conn.SetReadDeadline(until); err != nil {
		return nil, err
	}
	for time.Now().Before(until) {
		f, err := d.w.in.next()
		if err != nil {
			return nil, d.w.conn.Explained(err)
		}
		if !isEvent(f) {
			continue
		}
		if m, err := Parse(f.body); err == nil && m["Job-UUID"] == "switchhook-doctor" {
			return m, nil
		}
	}
	return nil, os.ErrDeadlineExceeded
}

// bus looks for the exchange of mod_amqp.
func (d *doctor) bus(ctx context.Context) {
	if d.o.AMQP == nil {
		return
	}
	if err := d.o.AMQP.look(ctx); err != nil {
		d.say(source.Missing, "mod_amqp", err.Error(), "autoload_configs/amqp.conf.xml, as in docs/guides/freeswitch.md, then fs_cli -x 'load mod_amqp'")
		return
	}
	d.say(source.OK, "mod_amqp", "RabbitMQ has the exchange "+d.o.AMQP.Exchange, "")
}

// records looks after mod_json_cdr's. Whether it posts them cannot be seen from here.
func (d *doctor) records() {
	if d.o.CDRSpool == "" {
		if d.w == nil {
			return
		}
		if answer, err := d.w.api("module_exists mod_json_cdr"); err != nil || answer != "true" {
			d.say(source.Hint, "records", "mod_json_cdr tells none: why calls ended that did so during an outage stays unknown", "autoload_configs/json_cdr.conf.xml, as in docs/guides/freeswitch.md")
		}
		return
	}
	if files, err := os.ReadDir(d.o.CDRSpool); err != nil {
		d.say(source.Missing, "records", "the spool cannot be read: "+err.Error(), "let the user that Switchhook runs as read err-log-dir of autoload_configs/json_cdr.conf.xml")
	} else {
		d.say(source.OK, "records", fmt.Sprintf("%d files are in the spool", len(files)), "")
	}
}
