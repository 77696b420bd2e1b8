package kazoobus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/rabbittest"
)

// An ecallmgr answers as Kazoo's do (ecallmgr_fs_channels:handle_query_channels/2): to the queue
// Server-ID by the exchange targeted, with its own channels, under the question's Msg-ID.
type ecallmgr struct {
	node, category string
	conn           *amqp.Connection

	mu       sync.Mutex
	channels []string
	silent   int // questions that it does not answer, yet
	asked    int
}

func newECallMgr(t *testing.T, server, node, category string, channels ...string) *ecallmgr {
	t.Helper()
	e := &ecallmgr{node: node, category: category, channels: channels}
	e.connect(t, server)
	return e
}

// connect connects it with a server, as at its start.
func (e *ecallmgr) connect(t *testing.T, server string) {
	t.Helper()
	conn, err := amqp.Dial(server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	e.conn = conn
	ch, err := conn.Channel()
	if err == nil {
		err = errors.Join(
			ch.ExchangeDeclare("callevt", "topic", false, false, false, false, nil),
			ch.ExchangeDeclare("targeted", "direct", false, false, false, false, nil),
		)
	}
	if err != nil {
		t.Fatal(err)
	}
	q, err := ch.QueueDeclare("", false, true, false, false, amqp.Table{"x-max-length": int16(100), "x-message-ttl": int32(60000)})
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.QueueBind(q.Name, "call.status_req.*", "callevt", false, nil); err != nil {
		t.Fatal(err)
	}
	came, err := ch.Consume(q.Name, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for d := range came {
			e.answer(t, ch, &d)
		}
	}()
}

func (e *ecallmgr) answer(t *testing.T, ch *amqp.Channel, d *amqp.Delivery) {
	t.Helper()
	var asked struct {
		Category string   `json:"Event-Category"`
		Name     string   `json:"Event-Name"`
		ID       string   `json:"Msg-ID"`
		Server   string   `json:"Server-ID"`
		App      string   `json:"App-Name"`
		Version  string   `json:"App-Version"`
		Fields   []string `json:"Fields"`
		Active   bool     `json:"Active-Only"`
	}
	if err := json.Unmarshal(d.Body, &asked); err != nil || asked.App == "" || asked.Version == "" || asked.Server == "" || asked.ID == "" || d.ContentType != "application/json" {
		t.Errorf("asked was %s: %v", d.Body, err)
	}
	if asked.Category != e.category || asked.Name != "query_channels_req" {
		return
	}
	e.mu.Lock()
	e.asked++
	channels := map[string]map[string]string{}
	for _, id := range e.channels {
		channels[id] = map[string]string{}
		for _, field := range asked.Fields {
			channels[id][field] = id
		}
	}
	silent := e.asked <= e.silent || len(channels) == 0 && asked.Active
	e.mu.Unlock()
	if silent {
		return
	}
	body, err := json.Marshal(map[string]any{
		"App-Name": "ecallmgr", "App-Version": "4.3.0", "Event-Category": e.category, "Event-Name": "query_channels_resp", "Msg-ID": asked.ID, "Node": e.node, "Channels": channels,
	})
	if err != nil {
		t.Error(err)
	}
	_ = ch.PublishWithContext(context.WithoutCancel(t.Context()), "targeted", asked.Server, false, false, amqp.Publishing{ContentType: "application/json", Body: body}) // it may have ended
}

func (e *ecallmgr) times() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.asked
}

// Calls end while the server is away. The ecallmgrs that there were before have to say twice that
// they are gone; those that go on, go on.
func TestReconcile(t *testing.T) {
	t.Parallel()
	server := rabbittest.Start(t)
	address := server.URL("guest", "guest")
	p, k := newProgram(t), newSender(t, address)
	p.pace = &pace{settle: 100 * time.Millisecond, collect: 400 * time.Millisecond, between: 50 * time.Millisecond, again: 100 * time.Millisecond}
	p.start(newSource(address, nil))
	p.connected()
	from := func(id, node string, steps ...int) (some []said) {
		for _, i := range steps {
			m := callOf(id, false)[i]
			m.body = strings.Replace(m.body, `"Ecallmgr-Node":"ecallmgr@kz1.example.com"`, fmt.Sprintf(`"Ecallmgr-Node":%q`, node), 1)
			some = append(some, m)
		}
		return some
	}
	const one, two = "ecallmgr@kz1.example.com", "ecallmgr@kz2.example.com"
	begun := append(append(from("ended", one, 0, 1), from("lives", one, 0, 1)...), from("heard", two, 0, 1)...)
	if err := k.say(t.Context(), begun...); err != nil {
		t.Fatal(err)
	}
	p.until("three calls", func(all []*switchhook.Event) bool { return count(all, "call.answered") == 3 })
	if err := errors.Join(server.Kill(), server.Restart()); err != nil {
		t.Fatal(err)
	}
	p.status("to be there again", func(s source.Status) bool { return s.Reconnects == 1 })
	first := newECallMgr(t, address, one, callEvent, "lives")
	second := newECallMgr(t, address, two, "channel") // of Kazoo 5, which is updated just now
	second.silent = 3
	if err := k.say(t.Context(), from("heard", one, 2)...); err != nil { // it is in no list, as one that has just begun
		t.Fatal(err)
	}
	p.until("the end of a call", func(all []*switchhook.Event) bool { return count(all, "call.hungup") > 0 })
	if first.times() < 4 || second.times() < 4 {
		t.Errorf("they were asked %d and %d times", first.times(), second.times())
	}
	if err := k.say(t.Context(), append(from("lives", one, 4), from("heard", two, 4)...)...); err != nil {
		t.Fatal(err)
	}
	all := p.until("all ends", func(all []*switchhook.Event) bool { return count(all, "call.hungup") == 3 })
	reconciled := map[string]bool{}
	for _, ev := range all {
		if ev.Type == "call.hungup" {
			reconciled[callID(ev)] = strings.Contains(string(ev.Data), `"reconciled":true`)
		}
	}
	if got := fmt.Sprint(reconciled); got != "map[ended:true heard:false lives:false]" {
		t.Errorf("reconciled: %s", got)
	}
	if s := p.rejected(); s != "" {
		t.Errorf("rejected: %s", s)
	}
}

// Who may not ask is told so, and loses nothing.
func TestMayNotAsk(t *testing.T) {
	t.Parallel()
	server := rabbittest.Start(t)
	newECallMgr(t, server.URL("guest", "guest"), "ecallmgr@kz1", callEvent, "a", "b.c@192.0.2.1")
	const own = "^switchhook-.*$"
	for name, c := range map[string]struct {
		write, read, topic string
		may                bool
	}{
		"nothing":      {own, own, "", false},
		"reads":        {own, "^(switchhook-.*|targeted)$", "", false},
		"another key":  {"^(switchhook-.*|callevt)$", "^(switchhook-.*|targeted)$", `^call\.x$`, false},
		"the question": {"^(switchhook-.*|callevt)$", "^(switchhook-.*|targeted)$", `^call\.status_req\.channels$`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			user := strings.ReplaceAll(name, " ", "")
			commands := [][]string{{"add_user", user, "secret"}, {"set_permissions", user, own, c.write, c.read}}
			if c.topic != "" {
				commands = append(commands, []string{"set_topic_permissions", user, "callevt", c.topic, ".*"})
			}
			for _, args := range commands {
				if _, err := server.Control(t.Context(), args...); err != nil {
					t.Fatal(err)
				}
			}
			o, err := readOptions(map[string]any{"url": server.URL(user, "secret")})
			if err != nil {
				t.Fatal(err)
			}
			b, err := connect(t.Context(), o, o.URL, "switchhook-"+url.PathEscape(user), "test")
			if err != nil {
				t.Fatal(err)
			}
			defer b.close()
			got, err := b.ask(t.Context(), 2*time.Second)
			switch {
			case !c.may && !errors.Is(err, errMayNot):
				t.Errorf("it got %+v, %v", got, err)
			case c.may && (err != nil || fmt.Sprint(got.nodes, got.channels) != "map[ecallmgr@kz1:true] map[a:true b.c@192.0.2.1:true]"):
				t.Errorf("it got %+v, %v", got, err)
			}
		})
	}
}

// What the doctor says is to be done does it, for all that a source wants.
func TestPrescription(t *testing.T) {
	t.Parallel()
	server := rabbittest.Start(t)
	newECallMgr(t, server.URL("guest", "guest"), "ecallmgr@kz1", callEvent, "a")
	if _, err := server.Control(t.Context(), "add_user", "switchhook", "secret"); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Control(t.Context(), "set_permissions", "switchhook", "^switchhook-.*", "^switchhook-.*", "^switchhook-.*"); err != nil {
		t.Fatal(err)
	}
	options := map[string]any{"url": server.URL("switchhook", "secret")}
	findings, err := Diagnose(t.Context(), options, "kazoo")
	if err != nil || len(findings) == 0 || findings[len(findings)-1].Fix == "" {
		t.Fatalf("%+v, %v", findings, err)
	}
	for line := range strings.Lines(findings[len(findings)-1].Fix) {
		_, command, _ := strings.Cut(line, "rabbitmqctl ")
		args := strings.Fields(strings.ReplaceAll(command, "'", ""))
		if args[0] == "add_user" {
			continue
		}
		if _, err := server.Control(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	p := newProgram(t)
	p.start(newSource(server.URL("switchhook", "secret"), map[string]any{"families": []any{}}))
	if s := p.connected(); strings.Contains(s.System, "without") {
		t.Errorf("it is %q", s.System)
	}
	findings, err = Diagnose(t.Context(), options, "kazoo")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Level != source.OK {
			t.Errorf("%+v", f)
		}
	}
	if last := findings[len(findings)-1]; last.Says != "ecallmgr@kz1: 1 channels" {
		t.Errorf("%+v", last)
	}
}

func TestECallMgrOf(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		`{"Node":"ecallmgr@kz1.example.com","a":1}`:                      "ecallmgr@kz1.example.com",
		`{"Node":"freeswitch@fs1","v":{"Ecallmgr-Node":"ecallmgr@kz2"}}`: "ecallmgr@kz2",
		`{"Node":"ecallmgr`: "",
		``:                  "",
	} {
		if got := ecallmgrOf([]byte(message)); got != want {
			t.Errorf("%s: %q", message, got)
		}
	}
}
