package sim_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/sim"
)

// hit makes a signed request to a path of the receiver.
func hit(t *testing.T, r *sim.Receiver, path, id, body string, change func(*http.Request)) int {
	t.Helper()
	req := httptest.NewRequest(http.MethodPost, r.URL(path), nil)
	req.RequestURI = ""
	req.Header.Set("Content-Type", asJSON)
	sign(t, req, id, []byte(body))
	if change != nil {
		change(req)
	}
	return send(t, req, []byte(body))
}

func TestReceiverJudges(t *testing.T) {
	t.Parallel()
	r := receiver(t, sim.ReceiverOptions{})
	for _, c := range []struct {
		name, path, body string
		change           func(*http.Request)
		want             int
	}{
		{"right", "switchhook", switchhookBody, nil, http.StatusOK},
		{"wrongly signed", "switchhook", switchhookBody, func(req *http.Request) { req.Header.Set("webhook-id", "msg_other") }, http.StatusUnauthorized},
		{"unsigned", "switchhook", switchhookBody, func(req *http.Request) { req.Header.Del("webhook-signature") }, http.StatusUnauthorized},
		{"of another shape", "switchhook", voipbinCall, nil, http.StatusBadRequest},
		{"for nobody", "elsewhere", switchhookBody, nil, http.StatusNotFound},
		{"for anyone", sim.Anyone, "hello", func(req *http.Request) { req.Header.Del("webhook-signature") }, http.StatusOK},
	} {
		// One after another: the receiver numbers them.
		before := len(r.Arrivals())
		if got := hit(t, r, c.path, "msg_1", c.body, c.change); got != c.want {
			t.Errorf("%s: it was answered %d, want %d", c.name, got, c.want)
		}
		a := r.Arrivals()[before]
		if a.Taken() != (c.want == http.StatusOK) || a.Place != before+1 || a.Path != c.path {
			t.Errorf("%s: it was remembered as %+v", c.name, a)
		}
	}
}

func TestReceiverVerifiesQueries(t *testing.T) {
	t.Parallel()
	r := receiver(t, sim.ReceiverOptions{})
	r.Trust("kazoo/get", "wh_get", vectorSecret)
	for _, c := range []struct {
		signed string
		want   int
	}{{kazooForm, http.StatusOK}, {"", http.StatusUnauthorized}} {
		req := httptest.NewRequest(http.MethodGet, r.URL("kazoo/get")+"?"+kazooForm, nil)
		req.RequestURI = ""
		req.Header.Set("X-Hook-ID", "h")
		req.Header.Set("X-Account-ID", "a")
		sign(t, req, "msg_1", []byte(c.signed))
		if got := send(t, req, nil); got != c.want {
			t.Errorf("signed over %.20q: answered %d, want %d", c.signed, got, c.want)
		}
	}
	if a := r.Arrivals()[0]; a.Dialect() != "kazoo" || a.Path != "kazoo/get" {
		t.Errorf("got %+v", a)
	}
}

func TestReceiverRefusesFirst(t *testing.T) {
	t.Parallel()
	r := receiver(t, sim.ReceiverOptions{Answer: sim.RefuseFirst(2)})
	for _, id := range []string{"msg_1", "msg_2"} {
		for i, want := range []int{503, 503, 200, 200} {
			if got := hit(t, r, "switchhook", id, switchhookBody, nil); got != want {
				t.Errorf("%s, request %d: answered %d, want %d", id, i+1, got, want)
			}
		}
	}
}

func TestReceiverFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer sim.Answer
		want   int
	}{
		"drop":        {sim.Answer{Drop: true}, 0},
		"status":      {sim.Answer{Status: http.StatusGone}, http.StatusGone},
		"retry after": {sim.Answer{Status: http.StatusTooManyRequests, RetryAfter: "3"}, http.StatusTooManyRequests},
		"slow":        {sim.Answer{After: 50 * time.Millisecond}, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := receiver(t, sim.ReceiverOptions{Answer: func(*sim.Arrival) sim.Answer { return c.answer }})
			start := time.Now()
			if got := hit(t, r, "switchhook", "msg_1", switchhookBody, nil); got != c.want {
				t.Errorf("answered %d, want %d", got, c.want)
			}
			if took := time.Since(start); took < c.answer.After {
				t.Errorf("it took %s only", took)
			}
			if a := r.Arrivals()[0]; a.Refused != (c.want != http.StatusOK) || a.Problem != nil {
				t.Errorf("it was remembered as %+v", a)
			}
		})
	}
}

// A receiver that hangs answers nobody, and does not keep its own stop waiting.
func TestReceiverHangs(t *testing.T) {
	t.Parallel()
	r := receiver(t, sim.ReceiverOptions{Answer: func(*sim.Arrival) sim.Answer { return sim.Answer{Hang: true} }})
	arrived := r.Changed()
	answered := make(chan error, 1)
	client := &http.Client{}
	ctx := t.Context()
	go func() {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL("switchhook"), strings.NewReader("{}"))
		if err == nil {
			var resp *http.Response
			if resp, err = client.Do(req); err == nil {
				err = resp.Body.Close()
			}
		}
		answered <- err
	}()
	<-arrived
	select {
	case err := <-answered:
		t.Errorf("it was answered: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
}
