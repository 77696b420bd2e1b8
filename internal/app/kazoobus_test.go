package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/app"
	"github.com/switchhook/switchhook/internal/source/rabbittest"
)

// busMessage is what Kazoo says of a channel.
func busMessage(event, call string, at int64) (key string, body []byte) {
	return "call." + event + "." + call, fmt.Appendf(nil, `{"App-Name":"freeswitch","App-Version":"1.0","Event-Category":"call_event","Event-Name":%q,"Msg-ID":"%d","Timestamp":%d,`+
		`"Call-ID":%q,"Call-Direction":"inbound","Channel-Created-Time":"%d","Channel-Name":"sofia/sipinterface_1/+12025550143@192.0.2.60","Channel-State":"EXECUTE",`+
		`"Caller-ID-Number":"+12025550143","Caller-ID-Name":"Ann Smith","From":"+12025550143@192.0.2.60","To":"+12025550100@192.0.2.61","Request":"+12025550100@192.0.2.61",`+
		`"Hangup-Cause":"NORMAL_CLEARING","Hangup-Code":"sip:200","Switch-Hostname":"fs1.example.com","Switch-URI":"sip:192.0.2.61:11000","User-Agent":"carrier","From-Tag":"3f1c9d2e",`+
		`"Custom-Channel-Vars":{"Account-ID":"4f6a","Account-Name":"Acme","Account-Realm":"acme.sip.example.com","Authorizing-Type":"resource","Resource-ID":"carrier1",`+
		`"Call-Interaction-ID":"63962000000-9f1e2d3c","Fetch-ID":"f1","Ecallmgr-Node":"ecallmgr@kz1.example.com","Inception":"+12025550100@acme.sip.example.com"}}`,
		event, at, at/1e6+62167219200, call, at)
}

// A Kazoo's bus and a customer who had webhooks of Kazoo's: what is said on the bus comes to
// them in Kazoo's own form.
func TestKazooBus(t *testing.T) {
	t.Parallel()
	server, hook := rabbittest.Start(t), newReceiver(t)
	c := app.Config{
		Data: t.TempDir(), AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Sources: []switchhook.Source{{ID: "kz", Kind: "kazoo_bus", AccountID: "root", Options: map[string]any{"url": server.URL("guest", "guest")}}},
	}
	run(t, c, func(p *process) {
		s := p.until("/v1/sources/kz", func(s map[string]any) bool { return s["state"] == "connected" })
		if options, _ := s["options"].(map[string]any); options["url"] != "********" || strings.Contains(fmt.Sprint(s), "guest") {
			t.Errorf("the password is shown: %v", s)
		}
		p.call("POST", "/v1/webhooks", fmt.Sprintf(`{"url":%q,"events":["call.*"]}`, hook.URL))
		say(t, server, func(ch *amqp.Channel) error {
			at := time.Now().UnixMicro()
			for i, event := range []string{"CHANNEL_CREATE", "CHANNEL_ANSWER", "CHANNEL_DESTROY"} {
				key, body := busMessage(event, "one", at+int64(i)*1e6)
				if err := ch.PublishWithContext(t.Context(), "callevt", key, true, false, amqp.Publishing{ContentType: "application/json", Body: body}); err != nil {
					return err
				}
			}
			return nil
		})
		p.until("/v1/sources/kz", func(s map[string]any) bool {
			stats, _ := s["stats"].(map[string]any)
			lag, _ := s["lag"].(map[string]any)
			return stats["messages"] == 3.0 && lag["messages"] == 0.0
		})
		if d := p.types(); !strings.Contains(strings.Join(d, " "), "call.created one call.answered one call.hungup one") {
			t.Errorf("got %v", d)
		}
	})
}

// An operator whose Kazoo has tenants, and resellers: each becomes an account below the source's,
// with its name, and has its own events from the first on.
func TestKazooTenants(t *testing.T) {
	t.Parallel()
	server := rabbittest.Start(t)
	id := func(n int) string { return fmt.Sprintf("%032x", n) }
	const master, reseller, acme, gone = 1, 2, 3, 4
	data := t.TempDir()
	call := func(ch *amqp.Channel, name string, of int, vars string) error {
		at := time.Now().UnixMicro()
		for i, event := range []string{"CHANNEL_CREATE", "CHANNEL_DESTROY"} {
			key, body := busMessage(event, name, at+int64(i)*1e6)
			body = []byte(strings.Replace(string(body), `"Account-ID":"4f6a","Account-Name":"Acme"`, fmt.Sprintf(`"Account-ID":%q%s`, id(of), vars), 1))
			if err := ch.PublishWithContext(t.Context(), "callevt", key, true, false, amqp.Publishing{ContentType: "application/json", Body: body}); err != nil {
				return err
			}
		}
		return nil
	}
	source := func(more map[string]any) app.Config {
		options := map[string]any{"url": server.URL("guest", "guest")}
		maps.Copy(options, more)
		return app.Config{Data: data, Sources: []switchhook.Source{{ID: "kz", Kind: "kazoo_bus", AccountID: "root", AccountMap: map[string]string{id(master): "root"}, Options: options}}}
	}
	read := func(n float64) func(map[string]any) bool {
		return func(s map[string]any) bool {
			stats, _ := s["stats"].(map[string]any)
			lag, _ := s["lag"].(map[string]any)
			return stats["messages"] == n && lag["messages"] == 0.0
		}
	}
	connected := func(s map[string]any) bool { return s["state"] == "connected" }
	run(t, source(nil), func(p *process) {
		p.until("/v1/sources/kz", connected)
		say(t, server, func(ch *amqp.Channel) error {
			return errors.Join(
				call(ch, "one", acme, fmt.Sprintf(`,"Reseller-ID":%q`, id(reseller))), // whose name is told later
				call(ch, "two", acme, `,"Account-Name":"Acme Ltd."`),
				call(ch, "three", reseller, fmt.Sprintf(`,"Account-Name":"Reseller","Reseller-ID":%q`, id(master))),
				call(ch, "four", master, `,"Account-Name":"Master"`),
			)
		})
		p.until("/v1/sources/kz", read(8))
		for account, want := range map[string]string{id(acme): "Acme Ltd. " + id(reseller), id(reseller): "Reseller root", "root": "Operator <nil>"} {
			if a := p.call("GET", "/v1/accounts/"+account, ""); fmt.Sprint(a["name"], " ", a["parent_id"]) != want {
				t.Errorf("%s is %v, want %s", account, a, want)
			}
		}
		for account, want := range map[string]int{id(acme): 4, id(reseller): 2} {
			if list, _ := p.call("GET", "/v1/events?type=call.created&type=call.hungup&account_id="+account, "")["items"].([]any); len(list) != want {
				t.Errorf("%s has %d events, want %d: %v", account, len(list), want, list)
			}
		}
		if log, _ := p.call("GET", "/v1/audit?resource=account&resource_id="+id(acme), "")["items"].([]any); len(log) != 2 || !strings.Contains(fmt.Sprint(log), "source kz") {
			t.Errorf("the audit log has %v", log)
		}
		p.call("POST", "/v1/accounts", fmt.Sprintf(`{"id":%q}`, id(gone)))
		p.call("DELETE", "/v1/accounts/"+id(gone), "")
	})
	run(t, source(map[string]any{"max_accounts": 2}), func(p *process) {
		p.until("/v1/sources/kz", connected)
		say(t, server, func(ch *amqp.Channel) error {
			return errors.Join(call(ch, "five", gone, ""), call(ch, "six", 5, ""), call(ch, "seven", acme, ""))
		})
		p.until("/v1/sources/kz", read(6))
		rejects := fmt.Sprint(p.call("GET", "/v1/sources/kz/rejects", "")["items"])
		if list, _ := p.call("GET", "/v1/accounts", "")["items"].([]any); len(list) != 3 || !strings.Contains(rejects, id(5)+" was not made: below root there are 2") {
			t.Errorf("the accounts are %v; rejected is %s", list, rejects)
		}
	})
	run(t, source(map[string]any{"make_accounts": false}), func(p *process) {
		p.until("/v1/sources/kz", connected)
		say(t, server, func(ch *amqp.Channel) error { return call(ch, "eight", 6, "") })
		s := p.until("/v1/sources/kz", read(2))
		stats, _ := s["stats"].(map[string]any)
		if list, _ := p.call("GET", "/v1/accounts", "")["items"].([]any); len(list) != 3 || stats["rejects"] != 0.0 {
			t.Errorf("the accounts are %v, of %v", list, s)
		}
	})
}

// say opens a channel to a server as Kazoo does.
func say(tb testing.TB, server *rabbittest.Server, do func(*amqp.Channel) error) {
	tb.Helper()
	conn, err := amqp.Dial(server.URL("guest", "guest"))
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err == nil {
		err = do(ch)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// From Kazoo's exchange to the commit in SQLite, five messages a call. The broker, and who
// sends, are on the same cores. -benchtime 50000x says how many messages.
func BenchmarkKazooBus(b *testing.B) {
	server := rabbittest.Start(b)
	c := app.Config{
		Data: b.TempDir(), Listen: "127.0.0.1:0", AdminKey: "a-key-for-the-tests", Logger: slog.New(slog.DiscardHandler),
		Sources: []switchhook.Source{{ID: "kz", Kind: "kazoo_bus", AccountID: "root", Options: map[string]any{"url": server.URL("guest", "guest")}}},
	}
	a, err := app.New(b.Context(), c)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}()
	stands := func(right func(state string, messages, waiting int) bool) {
		look := time.NewTicker(20 * time.Millisecond)
		defer look.Stop()
		for ; ; <-look.C {
			var s struct {
				State string
				Stats struct{ Messages int }
				Lag   struct{ Messages int }
			}
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL()+"/v1/sources/kz", nil)
			if err != nil {
				b.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+a.AdminKey())
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				continue // it starts
			}
			err = json.NewDecoder(resp.Body).Decode(&s)
			_ = resp.Body.Close()
			if err != nil {
				b.Fatal(err)
			}
			if right(s.State, s.Stats.Messages, s.Lag.Messages) {
				return
			}
		}
	}
	stands(func(state string, _, _ int) bool { return state == "connected" })
	sent := b.N
	b.ResetTimer()
	say(b, server, func(ch *amqp.Channel) error {
		at := time.Now().UnixMicro()
		for i := range sent {
			event := []string{"CHANNEL_CREATE", "CHANNEL_ANSWER", "CHANNEL_HOLD", "CHANNEL_UNHOLD", "CHANNEL_DESTROY"}[i%5]
			key, body := busMessage(event, fmt.Sprintf("call-%d", i/5), at+int64(i%5)*1e6)
			if err := ch.PublishWithContext(ctx, "callevt", key, false, false, amqp.Publishing{ContentType: "application/json", Body: body}); err != nil {
				return err
			}
		}
		return nil
	})
	stands(func(_ string, messages, waiting int) bool { return messages >= sent && waiting == 0 })
	b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "messages/s")
}
