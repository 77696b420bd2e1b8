package switchhook

import "time"

// A Window is a stretch of time up to now, cut into equal steps.
type Window struct {
	Name   string        // such as 24h
	Step   time.Duration // of one point
	Points int
	// Coarse is how many points are put together where a chart is small.
	Coarse int
}

// Windows are all that there are, the shortest first. Each step divides those after it.
func Windows() []Window {
	return []Window{
		{"15m", 10 * time.Second, 90, 6},
		{"1h", time.Minute, 60, 5},
		{"6h", 5 * time.Minute, 72, 3},
		{"24h", 15 * time.Minute, 96, 4},
		{"7d", 2 * time.Hour, 84, 3},
		{"30d", 6 * time.Hour, 120, 4},
	}
}

// Counts are how often things happened in a stretch of time.
type Counts struct {
	// Events are those accepted, by the family of their type: call, queue, message …
	Events map[string]int64
	// Success and Failure are attempts, by how they ended; tests are none.
	Success, Failure int64
	// Deliveries that ended, by how.
	Delivered, Failed, Expired, Cancelled int64
	// Answer is how long attempts took: from the beginning of the request to the end
	// of its answer, or until it was given up.
	Answer Latency
	// Delivery is how long deliveries took: from the acceptance of the event until one
	// was delivered, whatever it waited for. Those of replays are not among them.
	Delivery Latency
}

// A Latency is how long things took: half of them, and 95 and 99 of a hundred, took no
// longer. It is right to an eighth. N is how many there were; of none nothing is known.
type Latency struct {
	N             int64
	P50, P95, P99 time.Duration
}

// A Course is how counts went over a window.
type Course struct {
	From   time.Time // where the first point begins
	Step   time.Duration
	Points []Counts // the last one is not over yet
	Total  Counts   // of all points
}

// StoredCounts are the counts of one step of a window, of all accounts and webhooks, in
// the form that whoever counts them gives them.
type StoredCounts struct {
	Step time.Duration
	At   time.Time // when the step begins
	Body []byte
}
