package sim_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/sim"
)

// play lets a phone ring against a product until n events were told, and
// audits what the receiver got.
func play(t *testing.T, p *product, client *sim.Client, r *sim.Receiver) *sim.Report {
	t.Helper()
	p.url = r.URL("switchhook")
	phone := &sim.Phone{Client: client, Account: "demo", Seed: 7, Lines: 8}
	audit := &sim.Audit{
		Client: client, Account: "demo", Phone: phone, Receiver: r, Since: time.Now(), Patience: 100 * time.Millisecond,
	}
	ring(t, p, phone, 60)
	report, err := audit.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// ring runs the phone until it has told n events, and then to its end.
func ring(t *testing.T, p *product, phone *sim.Phone, n int) {
	t.Helper()
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	inner := p.refuse
	p.refuse = func(r *http.Request) int {
		if len(phone.Accepted()) >= n {
			hangUp()
		}
		if inner != nil {
			return inner(r)
		}
		return 0
	}
	if err := phone.Run(ctx, 0); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.broken {
		t.Error(b)
	}
}

func TestAuditOfAGoodRun(t *testing.T) {
	t.Parallel()
	p, client := newProduct(t)
	r := receiver(t, sim.ReceiverOptions{})
	report := play(t, p, client, r)
	if err := report.Err(); err != nil {
		t.Error(err)
	}
	if row := report.Rows[0]; row.Deliveries != report.Events || row.Arrived != len(p.events) || report.Events < 60 {
		t.Errorf("%d events, %+v", report.Events, row)
	}
}

// Each product fails in one way, and the audit sees it through HTTP alone.
func TestAuditFinds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(p *product)
		want  string
	}{
		"a lost delivery": {func(p *product) {
			p.tamper = func(ev *switchhook.Event, _ *http.Request, _ *[]byte) bool { return ev.Sequence != 17 }
		}, "has not arrived at switchhook (pending; attempts: 1)"},
		"a wrong signature": {func(p *product) {
			p.tamper = func(ev *switchhook.Event, req *http.Request, body *[]byte) bool {
				if ev.Sequence == 17 {
					sign(p.t, req, deliveryID(ev), append(*body, ' '))
				}
				return true
			}
		}, "wrong: the signature does not match"},
		"a delivery out of order": {func(p *product) {
			var late func()
			var key string
			p.tamper = func(ev *switchhook.Event, req *http.Request, body *[]byte) bool {
				switch {
				case late == nil && strings.HasPrefix(ev.Type, "call.created"):
					key = ev.Key
					late = func() { send(p.t, req, *body) }
					return false
				case late != nil && ev.Key == key:
					send(p.t, req, *body)
					late()
					late, key = func() {}, ""
					return false
				default:
					return true
				}
			}
		}, "which have the same key"},
		"an unreadable body": {func(p *product) {
			p.tamper = func(ev *switchhook.Event, req *http.Request, body *[]byte) bool {
				if ev.Sequence == 17 {
					*body = []byte(`{"hello":"world"}`)
					sign(p.t, req, deliveryID(ev), *body)
				}
				return true
			}
		}, "the switchhook request cannot be read"},
		"a forgotten delivery": {func(p *product) {
			p.forget = func(ev *switchhook.Event) bool { return ev.Type == "message.sent" }
		}, "was accepted for 1 deliveries, and the API knows of 0"},
		"a change without an event": {func(p *product) {
			var once sync.Once
			p.refuse = func(r *http.Request) (status int) {
				if r.Method == http.MethodPut {
					once.Do(func() { status = http.StatusNoContent })
				}
				return status
			}
		}, "changes of the directory were accepted, but the API lists"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, client := newProduct(t)
			c.spoil(p)
			report := play(t, p, client, receiver(t, sim.ReceiverOptions{}))
			if err := report.Err(); err == nil || !strings.Contains(strings.Join(report.Problems, "\n"), c.want) {
				t.Errorf("the report does not say %q: %q", c.want, report.Problems)
			}
		})
	}
}

// Stragglers are waited for as long as something comes.
func TestAuditWaits(t *testing.T) {
	t.Parallel()
	p, client := newProduct(t)
	r := receiver(t, sim.ReceiverOptions{})
	var held []func()
	p.tamper = func(ev *switchhook.Event, req *http.Request, body *[]byte) bool {
		if !strings.HasPrefix(ev.Type, "message.") {
			return true
		}
		held = append(held, func() { send(p.t, req, *body) })
		return false
	}
	p.url = r.URL("switchhook")
	phone := &sim.Phone{Client: client, Account: "demo", Seed: 7, Lines: 8}
	audit := &sim.Audit{Client: client, Account: "demo", Phone: phone, Receiver: r, Since: time.Now(), Patience: 5 * time.Second}
	ring(t, p, phone, 60)
	// The messages come late, each later than the one before.
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for _, late := range held {
			<-time.After(20 * time.Millisecond)
			late()
		}
	})
	report, err := audit.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Err(); err != nil || len(held) == 0 {
		t.Errorf("%d were late: %v", len(held), err)
	}
}
