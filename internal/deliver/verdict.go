package deliver

import (
	"fmt"
	"net/http"
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
}

// verdict is what follows from an answer.
type verdict struct {
	state switchhook.DeliveryState // Pending: it is tried again after wait
	wait  time.Duration
	// disable: the receiver wants nothing any more.
	disable bool
	reason  string
}

// longestRetryAfter bounds how long a receiver can make a delivery wait.
const longestRetryAfter = time.Hour

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

// decide is the whole retry policy: it reads no clock and touches no store.
// made is how many attempts were made, this one included; luck, in [0,1), is
// where in the ±20 % around the scheduled pause the next one falls.
func decide(a answer, made int, pauses []time.Duration, luck float64) verdict {
	switch {
	case a.problem == "" && a.status >= 200 && a.status < 300:
		return verdict{state: switchhook.Delivered}
	case a.status == http.StatusGone:
		return verdict{state: switchhook.Cancelled, disable: true, reason: "the receiver answered 410 Gone"}
	case made > len(pauses):
		return verdict{state: switchhook.Failed, reason: fmt.Sprintf("attempt %d was the last one", made)}
	}
	wait := pauses[made-1]
	wait += time.Duration(float64(wait) * (luck*0.4 - 0.2))
	if a.retryAfter > 0 && (a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable) {
		wait = min(a.retryAfter, longestRetryAfter)
	}
	return verdict{state: switchhook.Pending, wait: wait}
}
