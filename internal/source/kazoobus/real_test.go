package kazoobus

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/rabbittest"
)

var messages = flag.Int("bus.messages", 5000, "how many messages are sent while the server is killed")

// A sender sends messages as Kazoo does, and more carefully: it waits until the server has
// them, so that what is lost is lost by us.
type sender struct {
	t   *testing.T
	url string
	// listens is the mark of who has to listen to everything before something is said: half
	// of a call's messages would come to its queue, and all of them when they are said again.
	listens string

	conn *amqp.Connection
	ch   *amqp.Channel
}

func newSender(t *testing.T, url string) *sender {
	t.Helper()
	k := &sender{t: t, url: url}
	t.Cleanup(func() {
		if k.conn != nil {
			_ = k.conn.Close()
		}
	})
	return k
}

// open connects, and declares exchanges as Kazoo does.
func (k *sender) open() error {
	if k.ch != nil && !k.ch.IsClosed() {
		return nil
	}
	if k.conn != nil {
		_ = k.conn.Close()
	}
	var err error
	if k.conn, err = amqp.Dial(k.url); err != nil {
		return err
	}
	if k.ch, err = k.conn.Channel(); err != nil {
		return err
	}
	for _, f := range families() {
		if err := k.ch.ExchangeDeclare(f.exchange, "topic", false, false, false, false, nil); err != nil {
			return err
		}
	}
	if k.listens != "" {
		if err = k.ch.ExchangeDeclarePassive(k.listens, amqp.ExchangeFanout, false, false, false, false, nil); err != nil {
			return err
		}
	}
	return k.ch.Confirm(false)
}

// A said is a message and where it goes.
type said struct {
	exchange, key, body string
	lasting             bool
}

// say sends messages in order, and again from the first of which it is not sure that our
// queue has it.
func (k *sender) say(ctx context.Context, all ...said) error {
	const window = 100
	for len(all) > 0 {
		n := min(window, len(all))
		done, err := k.send(ctx, all[:n])
		all = all[done:]
		if err == nil {
			continue
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
	return nil
}

// send sends some, and returns how many of the first are safe.
func (k *sender) send(ctx context.Context, some []said) (safe int, err error) {
	if err := k.open(); err != nil {
		return 0, err
	}
	returned := k.ch.NotifyReturn(make(chan amqp.Return, len(some)))
	var sure []*amqp.DeferredConfirmation
	for _, m := range some {
		mode := uint8(amqp.Transient)
		if m.lasting {
			mode = amqp.Persistent
		}
		c, err := k.ch.PublishWithDeferredConfirmWithContext(ctx, m.exchange, m.key, true, false, amqp.Publishing{
			ContentType: "application/json", DeliveryMode: mode, Timestamp: time.Unix(time.Now().UnixMicro(), 0), Body: []byte(m.body),
		})
		if err != nil {
			return 0, err
		}
		sure = append(sure, c)
	}
	for _, c := range sure {
		ok, err := c.WaitContext(ctx)
		if err != nil || !ok {
			return safe, fmt.Errorf("not confirmed: %w", err)
		}
		if len(returned) > 0 { // nobody has bound a queue yet; order is as of the first
			_ = k.conn.Close()
			return 0, errors.New("nobody is there")
		}
		safe++
	}
	_ = k.ch.Close() // and with it the channel of what is returned
	if k.ch, err = k.conn.Channel(); err == nil {
		err = k.ch.Confirm(false)
	}
	return safe, err
}

// callOf are the messages of a call: a carrier's leg that is answered, held and hung up.
func callOf(id string, lasting bool) []said {
	at := time.Now().UnixMicro()
	var all []said
	for i, name := range []string{"CHANNEL_CREATE", "CHANNEL_ANSWER", "CHANNEL_HOLD", "CHANNEL_UNHOLD", "CHANNEL_DESTROY"} {
		us := at + int64(i)*1e6
		more := ""
		if name == "CHANNEL_DESTROY" {
			more = `"Hangup-Cause":"NORMAL_CLEARING","Hangup-Code":"sip:200","Duration-Seconds":4,"Billing-Seconds":3,"Ringing-Seconds":0,`
		}
		all = append(all, said{"callevt", "call." + name + "." + strings.ReplaceAll(id, ".", "%2E"), fmt.Sprintf(`{"App-Name":"freeswitch","App-Version":"1.0","Event-Category":"call_event","Event-Name":%q,`+
			`"Msg-ID":"%d","Timestamp":%d,"Call-ID":%q,"Call-Direction":"inbound","Channel-Created-Time":"%d","Channel-Name":"sofia/sipinterface_1/+12025550143@192.0.2.60",`+
			`"Caller-ID-Number":"+12025550143","Caller-ID-Name":"Ann Smith","From":"+12025550143@192.0.2.60","To":"+12025550100@192.0.2.61","Request":"+12025550100@192.0.2.61",%s`+
			`"Switch-Hostname":"fs1.example.com","Switch-URI":"sip:192.0.2.61:11000","User-Agent":"carrier","Media-Server":"fs1.example.com","From-Tag":"3f1c9d2e","To-Tag":"7a1b",`+
			`"Custom-Channel-Vars":{"Account-ID":"4f6a","Account-Name":"Acme","Account-Realm":"acme.sip.example.com","Authorizing-Type":"resource","Resource-ID":"carrier1",`+
			`"Call-Interaction-ID":"63962000000-9f1e2d3c","Fetch-ID":"f1","Ecallmgr-Node":"ecallmgr@kz1.example.com","Inception":"+12025550100@acme.sip.example.com","Node":"freeswitch@fs1"}}`,
			name, us, us/1e6+62167219200, id, at, more), lasting})
	}
	return all
}

// callID is of which call an event is.
func callID(ev *switchhook.Event) string {
	var data struct {
		Call struct{ ID string } `json:"call"`
	}
	_ = json.Unmarshal(ev.Data, &data) // an event has data
	return data.Call.ID
}

// inOrder says what is wrong with the events of calls: each is told once, in order, whole.
func inOrder(events []*switchhook.Event, calls int) error {
	const want = "created answered held unheld hungup"
	story, ids := map[string][]string{}, map[string]bool{}
	for _, ev := range events {
		what, ofCall := strings.CutPrefix(ev.Type, "call.")
		if !ofCall || what == "missed" {
			continue
		}
		if ids[ev.ID] {
			return fmt.Errorf("%s of %s was told twice", ev.Type, callID(ev))
		}
		ids[ev.ID] = true
		story[callID(ev)] = append(story[callID(ev)], what)
		if ev.AccountID != "acme" {
			return fmt.Errorf("%s of %s is %s's", ev.Type, callID(ev), ev.AccountID)
		}
	}
	for id, told := range story {
		if got := strings.Join(told, " "); got != want {
			return fmt.Errorf("of %s was told %s", id, got)
		}
	}
	if len(story) != calls {
		return fmt.Errorf("%d calls were told of, not %d", len(story), calls)
	}
	return nil
}

func newSource(url string, options map[string]any) *switchhook.Source {
	all := map[string]any{"url": url, "families": []any{"calls", "notifications", "messages"}}
	maps.Copy(all, options)
	return &switchhook.Source{ID: "kazoo", Kind: "kazoo_bus", AccountID: "root", AccountMap: map[string]string{"4f6a": "acme"}, Options: all}
}

// A broker that is killed and started again while messages come, and a program that stops
// and starts, lose none, and tell none twice. A quorum queue keeps those, too, that are not
// marked as to be kept, as Kazoo's are not.
func TestKill(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"classic", "quorum"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			testKill(t, kind)
		})
	}
}

func testKill(t *testing.T, kind string) {
	t.Helper()
	server := rabbittest.Start(t)
	url := server.URL("guest", "guest")
	p, k := newProgram(t), newSender(t, url)
	k.listens = "switchhook-kazoo.listens"
	src := newSource(url, map[string]any{"queue_type": kind})
	p.start(src)
	p.connected()
	if kind == "quorum" {
		if err := server.Wrote("switchhook-kazoo"); err != nil {
			t.Fatal(err)
		}
	}
	n := *messages / 5
	sent := make(chan error, 1)
	go func() {
		const together = 20 // calls that are under way at once
		var err error
		for i := 0; i < n && err == nil; i += together {
			var some [][]said
			for j := i; j < min(i+together, n); j++ {
				some = append(some, callOf(fmt.Sprintf("call-%d@192.0.2.60", j), kind == "classic" || j%2 == 0))
			}
			var mixed []said
			for step := range 5 {
				for _, call := range some {
					mixed = append(mixed, call[step])
				}
			}
			err = k.say(t.Context(), mixed...)
		}
		sent <- err
	}()
	reached := func(part int) func([]*switchhook.Event) bool {
		return func(all []*switchhook.Event) bool { return count(all, "call.hungup") >= n*part/6 }
	}
	for part := 1; part <= 2; part++ {
		p.until(fmt.Sprintf("part %d", part), reached(part))
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := server.Restart(); err != nil {
			t.Fatal(err)
		}
		answers := time.Now()
		p.status("to be there again", func(s source.Status) bool { return s.Reconnects >= int64(part) })
		t.Logf("bound %v after the server answers", time.Since(answers).Round(time.Millisecond))
	}
	p.until("part 4", reached(4))
	p.stop()
	p.start(src)
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	all := p.until("the last call", reached(6))
	if err := inOrder(all, n); err != nil {
		t.Error(err)
	}
	var gaps []string
	for _, ev := range all {
		if ev.Type == "source.gap" {
			gaps = append(gaps, fmt.Sprint(strings.Contains(string(ev.Data), `"kept":true`)))
		}
	}
	if got := strings.Join(gaps, " "); got != "false false true" {
		t.Errorf("gaps in which all was kept: %s; with the broker Kazoo's exchanges end, and nothing but that loses anything", got)
	}
	if s := p.rejected(); s != "" {
		t.Errorf("rejected: %s", s)
	}
}

// What the source does with a server that runs.
func TestServer(t *testing.T) {
	t.Parallel()
	server := rabbittest.Start(t)
	t.Run("Kazoo's exchanges are as Kazoo makes them", func(t *testing.T) { testExchanges(t, server) })
	t.Run("bad messages", func(t *testing.T) { testBad(t, server) })
	t.Run("our own mistakes", func(t *testing.T) { testMistake(t, server) })
	t.Run("accounts", func(t *testing.T) { testAccounts(t, server) })
	t.Run("a second reader", func(t *testing.T) { testSecond(t, server) })
	t.Run("zones", func(t *testing.T) { testZones(t, server) })
	t.Run("rights", func(t *testing.T) { testRights(t, server) })
}

// vhost makes a virtual host, and returns its URL for guest.
func vhost(t *testing.T, server *rabbittest.Server) string {
	t.Helper()
	name := fmt.Sprintf("v%d", rand.Uint32())
	for _, args := range [][]string{{"add_vhost", name}, {"set_permissions", "-p", name, "guest", ".*", ".*", ".*"}} {
		if _, err := server.Control(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	return server.URL("guest", "guest") + "/" + name
}

func testExchanges(t *testing.T, server *rabbittest.Server) {
	t.Helper()
	t.Parallel()
	url := vhost(t, server)
	p, k := newProgram(t), newSender(t, url)
	src := newSource(url, map[string]any{"families": []any{}})
	p.start(src)
	if s := p.connected(); !strings.HasPrefix(s.System, "RabbitMQ 3.") || strings.Contains(s.System, "guest") || strings.Contains(s.System, "without") {
		t.Errorf("it is %q", s.System)
	}
	if err := k.open(); err != nil { // Kazoo comes later, and finds its exchanges
		t.Fatal(err)
	}
	if err := k.say(t.Context(), callOf("one", false)...); err != nil {
		t.Fatal(err)
	}
	p.until("the call", func(all []*switchhook.Event) bool { return count(all, "call.hungup") == 1 })
	queue := func() (amqp.Queue, error) {
		ch, err := k.conn.Channel()
		if err != nil {
			t.Fatal(err)
		}
		return ch.QueueDeclarePassive("switchhook-kazoo", true, false, false, false, nil)
	}
	p.stop()
	if _, err := queue(); err != nil {
		t.Errorf("the queue does not last: %v", err)
	}
	if err := k.say(t.Context(), callOf("two", false)...); err != nil {
		t.Fatal(err)
	}
	p.start(src)
	p.until("the call in our absence", func(all []*switchhook.Event) bool { return count(all, "call.hungup") == 2 })
	if err := inOrder(p.all(), 2); err != nil {
		t.Error(err)
	}
	p.live.Set(nil) // the source is deleted
	tick, end := time.NewTicker(20*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for {
		_, err := queue()
		if isNotFound(err) {
			break
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("the queue of a deleted source stays: %v", err)
		}
	}
}

func testBad(t *testing.T, server *rabbittest.Server) {
	t.Helper()
	t.Parallel()
	url := vhost(t, server)
	p, k := newProgram(t), newSender(t, url)
	p.start(newSource(url, nil))
	p.connected()
	bad := []said{
		{exchange: "notifications", key: "notifications.x.y", body: "not JSON"},
		{exchange: "notifications", key: "notifications.x.y", body: `{"Event-Category":"notification"}`},
		{exchange: "notifications", key: "notifications.x.y", body: ""},
		{exchange: "notifications", key: "notifications.x.y", body: `{"Event-Category":"notification","Event-Name":"low_balance","Current-Balance":{}}`},
	}
	if err := k.say(t.Context(), append(bad, callOf("good", false)...)...); err != nil {
		t.Fatal(err)
	}
	p.until("what comes after", func(all []*switchhook.Event) bool { return count(all, "call.hungup") == 1 })
	if s := p.connected(); s.Rejects != 4 || s.Messages != 9 || s.Reconnects != 0 {
		t.Errorf("%+v\n%s", s, p.rejected())
	}
}

// One message on which our own code fails is put aside, and all others are told.
func testMistake(t *testing.T, server *rabbittest.Server) {
	t.Helper()
	t.Parallel()
	url := vhost(t, server)
	p, k := newProgram(t), newSender(t, url)
	p.fails = func(facts []source.Fact) bool {
		for _, f := range facts {
			if held, ok := f.(source.Held); ok && held.Leg == "call-3" && held.On {
				return true
			}
		}
		return false
	}
	p.start(newSource(url, nil))
	p.connected()
	var all []said
	for i := range 6 {
		all = append(all, callOf(fmt.Sprintf("call-%d", i), false)...)
	}
	if err := k.say(t.Context(), all...); err != nil {
		t.Fatal(err)
	}
	told := p.until("all calls", func(all []*switchhook.Event) bool { return count(all, "call.hungup") == 6 })
	if count(told, "call.held") != 5 || count(told, "call.created", "call.answered") != 12 {
		t.Errorf("%d of 5 were held", count(told, "call.held"))
	}
	if s := p.rejected(); !strings.Contains(s, "our own code fails") {
		t.Errorf("rejected: %s", s)
	}
}

// Accounts that are in the map, are ours by the same name, or are neither; and those that
// are not to be read.
func testAccounts(t *testing.T, server *rabbittest.Server) {
	t.Helper()
	t.Parallel()
	url := vhost(t, server)
	p, k := newProgram(t), newSender(t, url)
	p.start(newSource(url, map[string]any{"accounts": []any{"4f6a", "4f6b", "4f6c"}}))
	p.connected()
	var all []said
	for _, account := range []string{"4f6a", "4f6b", "4f6c", "4f6d"} {
		for _, m := range callOf("of-"+account, false) {
			m.body = strings.ReplaceAll(m.body, `"4f6a"`, `"`+account+`"`)
			all = append(all, m)
		}
	}
	all = append(all, said{
		exchange: "notifications", key: "notifications.x.y",
		body: `{"App-Name":"x","Event-Category":"notification","Event-Name":"low_balance","Msg-ID":"1","Account-ID":"4f6a","Current-Balance":1}`,
	})
	if err := k.say(t.Context(), all...); err != nil {
		t.Fatal(err)
	}
	told := p.until("the last", func(all []*switchhook.Event) bool { return count(all, "billing.low_balance") == 1 })
	whose := map[string]string{}
	for _, ev := range told {
		if ev.Type == "call.hungup" {
			whose[callID(ev)] = ev.AccountID
		}
	}
	if got := fmt.Sprint(whose); got != "map[of-4f6a:acme of-4f6b:4f6b of-4f6c:root]" {
		t.Errorf("the calls are %s", got)
	}
}

func testSecond(t *testing.T, server *rabbittest.Server) {
	t.Helper()
	t.Parallel()
	url := vhost(t, server)
	p, q := newProgram(t), newProgram(t)
	p.start(newSource(url, nil))
	p.connected()
	q.start(newSource(url, nil))
	q.status("that it is refused", func(s source.Status) bool {
		return s.State == source.StateFailing && strings.Contains(s.Reason, "another program reads the queue switchhook-kazoo")
	})
	p.stop()
	q.connected()
}

// The servers of two zones say the same, in part.
func testZones(t *testing.T, server *rabbittest.Server) {
	t.Helper()
	t.Parallel()
	url, other := vhost(t, server), vhost(t, server)
	p, here, there := newProgram(t), newSender(t, url), newSender(t, other)
	p.start(newSource(url, map[string]any{"zones": map[string]any{"eu": other, "us": "amqp://127.0.0.1:1"}}))
	p.status("the zones", func(s source.Status) bool {
		return strings.Contains(s.System, "zone eu: RabbitMQ") && strings.Contains(s.System, "zone us: is away")
	})
	both := callOf("both", false)
	if err := here.say(t.Context(), both...); err != nil {
		t.Fatal(err)
	}
	if err := there.say(t.Context(), append(both, callOf("there", false)...)...); err != nil {
		t.Fatal(err)
	}
	told := p.until("two calls", func(all []*switchhook.Event) bool { return count(all, "call.hungup") == 2 })
	if err := inOrder(told, 2); err != nil {
		t.Error(err)
	}
}

// A user who may less than all: what is missing is said, and the rest is read.
func testRights(t *testing.T, server *rabbittest.Server) {
	t.Helper()
	t.Parallel()
	url := vhost(t, server)
	name := url[strings.LastIndex(url, "/")+1:]
	k := newSender(t, url)
	if err := k.open(); err != nil {
		t.Fatal(err)
	}
	user := "user" + name
	for _, args := range [][]string{
		{"add_user", user, "se/cret"},
		{"set_permissions", "-p", name, user, "^switchhook-.*", "^switchhook-.*", "^(switchhook-.*|callevt|notifications)$"},
	} {
		if _, err := server.Control(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	options := map[string]any{"username": user, "password": "se/cret", "url": "amqp://" + server.Address + "/" + name}
	p := newProgram(t)
	p.start(newSource(url, options))
	s := p.connected()
	if !strings.Contains(s.System, "without im (access refused") || strings.Contains(s.System, "cret") {
		t.Errorf("it is %q", s.System)
	}
	if err := k.say(t.Context(), callOf("one", false)...); err != nil {
		t.Fatal(err)
	}
	p.until("the call", func(all []*switchhook.Event) bool { return count(all, "call.hungup") == 1 })

	findings, err := Diagnose(t.Context(), map[string]any{"username": user, "password": "se/cret", "url": options["url"]}, "other")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&all, "%s %s: %s\n%s\n", f.Level, f.About, f.Says, f.Fix)
	}
	for _, want := range []string{"ok connection: ", "ok callevt", "missing im: ", "rabbitmqctl set_permissions -p " + name + " " + user, "ok queue: ", "hint channels: the user may not ask"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("the doctor does not say %q:\n%s", want, all.String())
		}
	}
	options["password"] = "wrong"
	findings, err = Diagnose(t.Context(), options, "other")
	if err != nil || len(findings) != 1 || findings[0].Level != source.Missing || !strings.Contains(findings[0].Says, "does not accept the user") {
		t.Errorf("%+v, %v", findings, err)
	}
}
