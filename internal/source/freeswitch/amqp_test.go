package freeswitch

import (
	"context"
	"fmt"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/freeswitch/freeswitchtest"
	"github.com/switchhook/switchhook/internal/source/rabbittest"
)

// exchange is an exchange as mod_amqp makes one, and how to write to it.
func exchange(t *testing.T, server *rabbittest.Server, exchange string) (url string, publish func(events ...[]byte)) {
	t.Helper()
	url = server.URL("guest", "guest") + "/"
	conn, err := amqp.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	in, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if err := in.ExchangeDeclare(exchange, amqp.ExchangeTopic, true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := in.Confirm(false); err != nil {
		t.Fatal(err)
	}
	return url, func(events ...[]byte) {
		t.Helper()
		for _, e := range events {
			m, err := Parse(e)
			if err != nil {
				t.Fatal(err)
			}
			key := fmt.Sprintf("FreeSWITCH.vm.%s.%s.%s", m["Event-Name"], strings.ReplaceAll(m["Event-Subclass"], ":", "%3A"), m["Unique-ID"])
			done, err := in.PublishWithDeferredConfirm(exchange, key, false, false, amqp.Publishing{ContentType: "text/json", DeliveryMode: amqp.Persistent, Body: e})
			if err != nil || !done.Wait() {
				t.Fatal(err)
			}
		}
	}
}

// What mod_amqp sends is told as what the event socket says; the lists come in order with it.
// What happened while nobody was there was kept, and so was what was not committed.
func TestBus(t *testing.T) {
	t.Parallel()
	server := rabbittest.Start(t)
	t.Run("what was kept", func(t *testing.T) { testKept(t, server) })
	t.Run("no exchange", func(t *testing.T) { testNoExchange(t, server) })
}

func testKept(t *testing.T, server *rabbittest.Server) {
	t.Helper()
	t.Parallel()
	url, publish := exchange(t, server, "TAP.Events")
	bus := map[string]any{"amqp": map[string]any{"url": url}}
	// mod_amqp sends the answers to commands too.
	s := freeswitchtest.Start(t, freeswitchtest.Options{Job: func(event []byte) { publish(event) }})
	events := sampled(t, "01-direct-answered.ndjson")

	session := func(ctx context.Context, h *host) <-chan error {
		ended := make(chan error, 1)
		go func() { ended <- New().Run(ctx, sourceOf(s, bus), h) }()
		return ended
	}
	h := newHost()
	ctx, stop := context.WithCancel(t.Context())
	ended := session(ctx, h)
	await(t, h, isPresent)
	if h.kept {
		t.Error("there was nothing that could have kept anything")
	}
	var half int
	for i, e := range events {
		if strings.Contains(string(e), `"CHANNEL_BRIDGE"`) {
			half = i
		}
	}
	publish(events[:half+1]...)
	await(t, h, func(f source.BridgeEntered) bool { return f.Leg == secondLeg })
	stop()
	<-ended

	publish(events[half+1:]...) // nobody is there
	h = newHost()
	h.tell = func() error { return context.DeadlineExceeded } // the store is away
	ctx, stop = context.WithCancel(t.Context())
	defer stop()
	if err := <-session(ctx, h); err == nil {
		t.Error("the store was away")
	}
	h = newHost()
	ended = session(ctx, h)
	facts := await(t, h, isPresent)
	var got []string
	for _, f := range facts {
		if f, is := f.(source.LegEnded); is {
			got = append(got, f.Leg)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint([]string{firstLeg, secondLeg}) || !h.kept {
		t.Errorf("kept %t; the ends told before the list: %v", h.kept, got)
	}
	// A FreeSWITCH that was started anew: what there is is asked for again.
	h.mu.Lock()
	h.facts = nil
	h.mu.Unlock()
	s.Restart("another")
	publish(freeswitchtest.Event("HEARTBEAT", "Core-UUID", "another"))
	await(t, h, isPresent)
	// One that was there before speaks again: they are two.
	publish(freeswitchtest.Event("HEARTBEAT", "Core-UUID", freeswitchtest.CoreUUID, "FreeSWITCH-Hostname", "pbx1"))
	if err := within(t, ended); err == nil || !strings.Contains(err.Error(), "FreeSWITCH.pbx1.#") {
		t.Errorf("Run ended with %v", err)
	}
}

func testNoExchange(t *testing.T, server *rabbittest.Server) {
	t.Helper()
	t.Parallel()
	url := server.URL("guest", "guest") + "/"
	s := freeswitchtest.Start(t, freeswitchtest.Options{})
	err := within(t, run(t, New(), sourceOf(s, map[string]any{"amqp": map[string]any{"url": url, "exchange": "there.is.none"}}), newHost()))
	if err == nil || !strings.Contains(err.Error(), "mod_amqp") {
		t.Errorf("Run ended with %v", err)
	}
	findings := diagnose(t, s, map[string]any{"amqp": map[string]any{"url": url, "exchange": "there.is.none"}})
	found(t, findings, source.Missing, "mod_amqp", "amqp.conf.xml")
}

func TestNoBrokerSaysSo(t *testing.T) {
	t.Parallel()
	s := freeswitchtest.Start(t, freeswitchtest.Options{})
	err := within(t, run(t, New(), sourceOf(s, map[string]any{"amqp": map[string]any{"url": "amqp://user:hidden@" + s.Address + "/"}}), newHost()))
	if err == nil || !strings.Contains(err.Error(), "RabbitMQ") || strings.Contains(err.Error(), "hidden") {
		t.Errorf("Run ended with %v", err)
	}
}
