package bench

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
)

// Aims: what is good enough on any machine, as parts of its own bare limit, and
// in milliseconds.
const (
	aimInProcess = 0.65
	aimBatch     = 0.55
	aimSingle    = 0.35
	aimHangP99   = 50
	aimP99       = 5
)

// A Report is the result. Values are medians of the rounds.
type Report struct {
	Store   string `json:"store"`
	Version string `json:"version"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Cores   int    `json:"cores"`
	Go      string `json:"go"`
	Rounds  int    `json:"rounds"`

	LimitPerS     float64 `json:"limit_per_s"`      // requests a second of the bare client
	InProcessPerS float64 `json:"in_process_per_s"` // deliveries a second, as all that follow
	BatchPerS     float64 `json:"batch_per_s"`
	SinglePerS    float64 `json:"single_per_s"`
	FanOut10PerS  float64 `json:"fanout10_per_s"`

	RatioInProcess float64 `json:"ratio_in_process"` // of the limit of the same round
	RatioBatch     float64 `json:"ratio_batch"`
	RatioSingle    float64 `json:"ratio_single"`

	HangHealthyP99MS float64 `json:"hang_healthy_p99_ms"`
	P50MS            float64 `json:"p50_ms"`
	P99MS            float64 `json:"p99_ms"`

	CPUPerDelivery   float64 `json:"cpu_us_per_delivery"` // of the serving process, feeding included
	LimitCPU         float64 `json:"limit_cpu_us"`        // of the bare client, each request
	BytesPerDelivery float64 `json:"bytes_per_delivery"`  // on disk, event and attempt
	BodyBytes        float64 `json:"body_bytes"`          // of a request, on average
	RSSMB            float64 `json:"rss_mb"`              // the serving process's peak, MiB

	Lost       int64 `json:"lost"`       // accepted and did not arrive
	Duplicates int64 `json:"duplicates"` // arrived more than once
	Disorder   int64 `json:"disorder"`   // arrived after a later one of its key
	Unsigned   int64 `json:"unsigned"`   // arrived without a signature

	deliveries                            int64
	limit, inProcess, batch, single       []float64
	ratioIn, ratioBatch, ratioSingle      []float64
	cpu, limitCPU, fanOut, hang, p50, p99 []float64
}

func newReport(o Options) *Report {
	return &Report{
		Version: o.Version, OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.GOMAXPROCS(0), Go: runtime.Version(), Rounds: o.Rounds,
	}
}

// note adds a phase to what was lost and the like.
func (r *Report) note(p phase) {
	r.deliveries += p.deliveries
	r.Lost += max(p.deliveries-p.tally.Distinct, 0)
	r.Duplicates += p.tally.duplicates()
	r.Disorder += p.tally.Disorder
	r.Unsigned += p.tally.Unsigned
}

func (r *Report) round(limit, inProcess, batch, single phase) {
	r.limit = append(r.limit, limit.perSecond())
	r.inProcess = append(r.inProcess, inProcess.perSecond())
	r.batch = append(r.batch, batch.perSecond())
	r.single = append(r.single, single.perSecond())
	r.ratioIn = append(r.ratioIn, inProcess.perSecond()/limit.perSecond())
	r.ratioBatch = append(r.ratioBatch, batch.perSecond()/limit.perSecond())
	r.ratioSingle = append(r.ratioSingle, single.perSecond()/limit.perSecond())
	r.cpu = append(r.cpu, inProcess.cpuEach())
	r.limitCPU = append(r.limitCPU, limit.cpuEach())
}

// finish fills in the medians.
func (r *Report) finish() {
	for _, m := range []struct {
		to     *float64
		rounds []float64
	}{
		{&r.LimitPerS, r.limit}, {&r.InProcessPerS, r.inProcess}, {&r.BatchPerS, r.batch}, {&r.SinglePerS, r.single}, {&r.FanOut10PerS, r.fanOut},
		{&r.RatioInProcess, r.ratioIn}, {&r.RatioBatch, r.ratioBatch}, {&r.RatioSingle, r.ratioSingle},
		{&r.HangHealthyP99MS, r.hang}, {&r.P50MS, r.p50}, {&r.P99MS, r.p99},
		{&r.CPUPerDelivery, r.cpu}, {&r.LimitCPU, r.limitCPU},
	} {
		*m.to = median(m.rounds)
	}
}

// median is the middle value, or the mean of the two in the middle; 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	mid := len(s) / 2
	if len(s)%2 == 1 {
		return s[mid]
	}
	return (s[mid-1] + s[mid]) / 2
}

// Err says which promise was broken, or nothing.
func (r *Report) Err() error {
	var broken []string
	for _, b := range []struct {
		n    int64
		what string
	}{{r.Lost, "were lost"}, {r.Disorder, "came in the wrong order"}, {r.Unsigned, "came without a signature"}} {
		if b.n > 0 {
			broken = append(broken, fmt.Sprintf("%d deliveries %s", b.n, b.what))
		}
	}
	if len(broken) == 0 {
		return nil
	}
	return fmt.Errorf("%s", strings.Join(broken, "; ")) //nolint:err113 // a sentence for people
}

// Write prints the table.
func (r *Report) Write(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%+v\n", *r)
	return err
}
