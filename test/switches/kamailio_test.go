package switches_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	kam "github.com/switchhook/switchhook/internal/source/kamailio/kamailiotest"
)

// Killed, and away for ten seconds, while calls are made and others end: Kamailio keeps all
// that happens, and no event is missing or told twice. Then Kamailio is killed in a call,
// which ends when the next one starts.
func TestKamailio(t *testing.T) {
	t.Parallel()
	kam.Enabled(t)
	bin, dir, listen := build(t), t.TempDir(), freePort(t)
	const token = "a-token-for-the-tests"
	config := "sources:\n- id: kam\n  kind: kamailio\n  token: " + token + "\n"
	if err := os.WriteFile(filepath.Join(dir, "switchhook.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	o := kam.Options{URL: "http://" + listen + "/v1/in/kam/" + token}
	proxy := kam.Start(t, o)
	s := serve(t, bin, dir, "--listen", listen)
	s.until("/v1/sources/kam", func(s map[string]any) bool { return s["state"] == "connected" })

	long, callee := proxy.Phone(t, "101"), proxy.Phone(t, "102")
	long.Register(t, "101", "60")
	callee.Register(t, "102", "60")
	d := long.Expect(t, kam.Ring(0), kam.Answer(), kam.Acked(), kam.Talk(3*time.Second), kam.Bye())
	first := proxy.Phone(t, "103").Call(t, "101", kam.Answered(), kam.Ack(), kam.Released())
	s.until("/v1/events?type=call.answered", atLeast(1))
	s.kill()
	back := time.After(10 * time.Second)
	const calls = 5
	for range calls {
		e := callee.Expect(t, kam.Ring(50*time.Millisecond), kam.Answer(), kam.Acked(), kam.Released())
		proxy.Phone(t, "104").Call(t, "102", kam.Answered(), kam.Ack(), kam.Talk(50*time.Millisecond), kam.HangUp()).Wait(t)
		e.Wait(t)
	}
	first.Wait(t)
	d.Wait(t)
	<-back

	s = serve(t, bin, dir, "--listen", listen)
	s.until("/v1/events?type=call.hungup", atLeast(calls+1))
	s.until("/v1/events?type=source.gap", atLeast(1))
	once(t, s, calls+1)
	for _, ev := range items(s.get("/v1/events?type=source.gap")) {
		if data, _ := ev["data"].(map[string]any); data["kept"] != true {
			t.Errorf("the gap: %v", data)
		}
	}

	// Two of the telephones' processes go on in the call when Kamailio is gone.
	long.Expect(t, kam.Ring(0), kam.Answer(), kam.Acked(), kam.Talk(time.Minute))
	proxy.Phone(t, "103").Call(t, "101", kam.Answered(), kam.Ack(), kam.Talk(time.Minute))
	s.until("/v1/events?type=call.answered", atLeast(calls+2))
	proxy.Kill()
	o.Address = proxy.Address
	kam.Start(t, o)
	s.until("/v1/events?type=call.hungup", atLeast(calls+2))
	once(t, s, calls+2)
	newest := fmt.Sprint(items(s.get("/v1/events?type=call.hungup"))[0]["data"])
	if !strings.Contains(newest, "reconciled:true") {
		t.Errorf("the call that Kamailio was killed in: %s", newest)
	}
	if text := s.log.String(); strings.Contains(text, "level=ERROR") {
		t.Error(text)
	}
}

func atLeast(n int) func(map[string]any) bool {
	return func(answer map[string]any) bool { return len(items(answer)) >= n }
}

// once checks that each call has one beginning and one end, and each event its own id.
func once(t *testing.T, s *server, calls int) {
	t.Helper()
	times, ids := map[string]int{}, map[string]bool{}
	all := items(s.get("/v1/events?limit=500"))
	for _, ev := range all {
		ids[fmt.Sprint(ev["id"])] = true
		data, _ := ev["data"].(map[string]any)
		call, _ := data["call"].(map[string]any)
		if typ := fmt.Sprint(ev["type"]); typ == "call.created" || typ == "call.answered" || typ == "call.hungup" {
			times[fmt.Sprint(typ, " ", call["id"])]++
		}
	}
	if len(ids) != len(all) || len(times) != 3*calls {
		t.Errorf("%d events have %d ids; %v", len(all), len(ids), times)
	}
	for what, n := range times {
		if n != 1 {
			t.Errorf("%s came %d times", what, n)
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
