package deliver

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/switchhook/switchhook"
)

// Decide lets the retry policy be tested status by status.
func Decide(status int, problem string, retryAfter time.Duration, made int, r switchhook.Retry, luck float64) (state switchhook.DeliveryState, wait time.Duration, disable bool) {
	v := decide(answer{status: status, problem: problem, retryAfter: retryAfter}, made, policyOf(r, http.MethodPost), luck)
	return v.state, v.wait, v.disable
}

// RetryAfter lets the header's reader be tested.
func RetryAfter(v string, now time.Time) time.Duration { return retryAfter(v, now) }

// GuardCheck lets the address guard be tested without a network.
func GuardCheck(allow []netip.Prefix, address string) error {
	return newGuard(allow).check("tcp", netip.MustParseAddrPort(address))
}
