package deliver

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/switchhook/switchhook"
)

// answer is what came of one request: a status, or an error of the transport.
type answer struct {
	status int
	// retryAfter is how long a 429 or 503 asked us to wait; 0: it did not say.
	retryAfter time.Duration
	// problem is what went wrong, in a person's words.
	problem string
	policy  policy // of who asked
}

// taken reports whether it is success.
func (a answer) taken() bool { return a.problem == "" && a.policy.takes(a.status) }

// verdict is what follows from an answer.
type verdict struct {
	state switchhook.DeliveryState // Pending: it is tried again after wait
	wait  time.Duration
	// retryAfter is how long the receiver asked us to wait.
	retryAfter time.Duration
	// disable: the receiver wants nothing any more.
	disable bool
	// well: it failed, and not because anything is wrong with the receiver.
	well   bool
	reason string
}

// longestRetryAfter bounds how long a receiver can make a delivery wait.
const longestRetryAfter = time.Hour

// policy is what a webhook's settings say of success and of retries.
type policy struct {
	pauses []time.Duration // before each retry
	// kazoo: as Kazoo's webhooks application does it (webhooks_util.erl). Only
	// 200 is success, for PUT 201 too; any other status is final; an error of
	// the transport is tried again after two seconds, always the same.
	kazoo bool
	put   bool
	// smtp: the status is that of a mail server (RFC 5321 4.2.1). 5yz is about this mail
	// alone, and final.
	smtp bool
	// gateway: the status is that of a gateway of text messages. 4xx is about this one alone,
	// and final, but for those that speak of us or of the time.
	gateway bool
}

// Kazoo's pause between two tries, and the most that it makes.
const (
	kazooPause     = 2 * time.Second
	mostKazooTries = 5
)

func policyOf(r switchhook.Retry) policy {
	if r.Policy == "smtp" {
		return policy{pauses: standardSchedule(), smtp: true}
	}
	if r.Policy == "gateway" {
		return policy{pauses: standardSchedule(), gateway: true}
	}
	if r.Policy != "kazoo" {
		pauses := schedule(r)
		if r.Tries > 0 { // a call flow has said how often
			pauses = pauses[:min(len(pauses), r.Tries-1)]
		}
		return policy{pauses: pauses}
	}
	return policy{
		kazoo:  true,
		pauses: slices.Repeat([]time.Duration{kazooPause}, min(max(r.Tries, 1), mostKazooTries)-1),
	}
}

// takes reports whether a status is success.
func (p policy) takes(status int) bool {
	if p.kazoo {
		return status == http.StatusOK || p.put && status == http.StatusCreated
	}
	return status >= 200 && status < 300
}

// standardSchedule is the pause before each retry (design: "standard").
func standardSchedule() []time.Duration {
	return []time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
		2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour,
	}
}

// schedule is the pause before each retry under a policy.
func schedule(r switchhook.Retry) []time.Duration {
	switch {
	case len(r.Schedule) > 0:
		pauses := make([]time.Duration, len(r.Schedule))
		for i, d := range r.Schedule {
			pauses[i] = time.Duration(d)
		}
		return pauses
	case r.Policy == "none":
		return nil
	default:
		return standardSchedule()
	}
}

// hopeless reports whether a gateway will never take this message.
func hopeless(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests: // the operator can mend it, or time
		return false
	}
	return status >= 400 && status < 500
}

// decide is the whole retry policy: it reads no clock and touches no store.
// made is how many attempts were made, this one included; luck, in [0,1), is
// where in the ±20 % around the scheduled pause the next one falls.
func decide(a answer, made int, luck float64) verdict {
	p := a.policy
	switch {
	case a.taken():
		return verdict{state: switchhook.Delivered}
	case p.kazoo && a.problem == "":
		return verdict{state: switchhook.Failed, reason: "the policy kazoo does not try again after an answer"}
	case p.smtp && a.problem == "" && a.status >= 500:
		return verdict{state: switchhook.Failed, well: true, reason: "a mail that was refused is not sent again"}
	case p.gateway && a.problem == "" && hopeless(a.status):
		return verdict{state: switchhook.Failed, well: true, reason: "a text message that was refused is not sent again"}
	case a.status == http.StatusGone:
		return verdict{state: switchhook.Cancelled, disable: true, reason: "the receiver answered 410 Gone"}
	case made > len(p.pauses):
		return verdict{state: switchhook.Failed, reason: fmt.Sprintf("attempt %d was the last one", made)}
	case p.kazoo:
		return verdict{state: switchhook.Pending, wait: kazooPause}
	}
	v := verdict{state: switchhook.Pending, wait: jitter(p.pauses[made-1], luck)}
	if a.retryAfter > 0 && (a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable) {
		v.retryAfter = min(a.retryAfter, longestRetryAfter)
		v.wait = v.retryAfter
	}
	return v
}
