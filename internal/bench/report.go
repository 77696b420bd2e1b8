package bench

import (
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Aims: what is good enough on any machine, as parts of its own bare limit, and
// in milliseconds.
const (
	aimInProcess = 0.65
	aimBatch     = 0.55
	aimSingle    = 0.35
	aimHangP99   = 50
	aimP99       = 5
	aimFlat      = 0.85
	aimBacklogMB = 200
	aimReadyS    = 5
)

// A Report is the result. Values are medians of the rounds.
type Report struct {
	Store   string `json:"store"`
	Version string `json:"version"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Cores   int    `json:"cores"`
	Go      string `json:"go"`
	// FileSystem is the kind of the one that the data is on, where known.
	FileSystem string `json:"file_system"`
	Rounds     int    `json:"rounds"`

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
	DatabaseCPU      float64 `json:"database_cpu_us"`     // of a database's server on this machine, each delivery
	LimitCPU         float64 `json:"limit_cpu_us"`        // of the bare client, each request
	BytesPerDelivery float64 `json:"bytes_per_delivery"`  // on disk, event and attempt
	BodyBytes        float64 `json:"body_bytes"`          // of a request, on average
	RSSMB            float64 `json:"rss_mb"`              // the serving process's peak in the rounds with one webhook, MiB

	Lost       int64 `json:"lost"`       // accepted and did not arrive
	Duplicates int64 `json:"duplicates"` // arrived more than once
	Disorder   int64 `json:"disorder"`   // arrived after a later one of its key
	Unsigned   int64 `json:"unsigned"`   // arrived without a signature

	Flat    *Flatness `json:"flat,omitzero"`
	Backlog *Backlog  `json:"backlog,omitzero"`

	each       time.Duration // how long a kind is measured in a round
	deliveries int64

	// Of each round.
	limit, inProcess, batch, single       []float64
	ratioIn, ratioBatch, ratioSingle      []float64
	cpu, limitCPU, fanOut, hang, p50, p99 []float64
	databaseCPU                           []float64
}

func newReport(o Options, fileSystem string) *Report {
	return &Report{
		each: o.For, FileSystem: fileSystem, Version: o.Version, OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.GOMAXPROCS(0), Go: runtime.Version(),
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
	r.Rounds++
	r.limit = append(r.limit, limit.perSecond())
	r.inProcess = append(r.inProcess, inProcess.perSecond())
	r.batch = append(r.batch, batch.perSecond())
	r.single = append(r.single, single.perSecond())
	r.ratioIn = append(r.ratioIn, inProcess.perSecond()/limit.perSecond())
	r.ratioBatch = append(r.ratioBatch, batch.perSecond()/limit.perSecond())
	r.ratioSingle = append(r.ratioSingle, single.perSecond()/limit.perSecond())
	r.cpu = append(r.cpu, inProcess.cpuEach())
	r.limitCPU = append(r.limitCPU, limit.cpuEach())
	r.databaseCPU = append(r.databaseCPU, float64(inProcess.database.Microseconds())/float64(max(inProcess.deliveries, 1)))
}

// finish fills in the medians.
func (r *Report) finish() {
	for _, m := range []struct {
		to     *float64
		rounds []float64
	}{
		{&r.LimitPerS, r.limit},
		{&r.InProcessPerS, r.inProcess},
		{&r.BatchPerS, r.batch},
		{&r.SinglePerS, r.single},
		{&r.FanOut10PerS, r.fanOut},
		{&r.RatioInProcess, r.ratioIn},
		{&r.RatioBatch, r.ratioBatch},
		{&r.RatioSingle, r.ratioSingle},
		{&r.HangHealthyP99MS, r.hang},
		{&r.P50MS, r.p50},
		{&r.P99MS, r.p99},
		{&r.CPUPerDelivery, r.cpu},
		{&r.LimitCPU, r.limitCPU},
		{&r.DatabaseCPU, r.databaseCPU},
	} {
		*m.to = rounded(median(m.rounds))
	}
	for _, v := range []*float64{&r.BytesPerDelivery, &r.BodyBytes, &r.RSSMB} {
		*v = rounded(*v)
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

// rounded keeps four digits: the rest is noise, and would look like more.
func rounded(v float64) float64 {
	if v == 0 {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
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
	return errors.New(strings.Join(broken, "; "))
}

// tmpfs is a file system that keeps nothing, so that an fsync costs nothing.
const tmpfs = "tmpfs"

// Write prints the table for people.
func (r *Report) Write(w io.Writer) error {
	var b strings.Builder
	on := ""
	if r.FileSystem != "" {
		on = ", data on " + r.FileSystem
	}
	fmt.Fprintf(&b, "\nSwitchhook %s on %s: %d cores, %s/%s, %s%s\n", r.Version, r.Store, r.Cores, r.OS, r.Arch, r.Go, on)
	fmt.Fprintf(&b, "Medians of %d rounds of %s; signed requests of %.0f bytes; sender, receiver and load on this machine.\n", r.Rounds, r.each, r.BodyBytes)
	if r.FileSystem == tmpfs {
		fmt.Fprintf(&b, "The data is on tmpfs, where an fsync costs nothing: choose a real disk with --data.\n")
	}
	b.WriteString("\n")
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(what, value, aim, meaning string) { fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", what, value, aim, meaning) }
	part := func(what string, perS, ratio, aim float64, meaning string) {
		row(what, fmt.Sprintf("%.0f/s, %.0f %% of the limit", perS, 100*ratio), judge(ratio >= aim, fmt.Sprintf("≥ %.0f %%", 100*aim)), meaning)
	}
	row("", "", "aim", "")
	row("bare limit", fmt.Sprintf("%.0f/s", r.LimitPerS), "", fmt.Sprintf("what a plain net/http client sends here, %d at once: no queue, no store", inFlight))
	part("in process", r.InProcessPerS, r.RatioInProcess, aimInProcess, "deliveries: accepted, committed, sent, recorded")
	part("NDJSON batches", r.BatchPerS, r.RatioBatch, aimBatch, fmt.Sprintf("the same by HTTP, %d events a request", batchSize))
	part("single posts", r.SinglePerS, r.RatioSingle, aimSingle, fmt.Sprintf("the same, an event a request, %d clients", clients))
	row("ten webhooks", fmt.Sprintf("%.0f/s", r.FanOut10PerS), "", "deliveries of events that each go to ten receivers")
	row("one of ten hangs", fmt.Sprintf("p99 %.1f ms", r.HangHealthyP99MS), judge(r.HangHealthyP99MS < aimHangP99, fmt.Sprintf("< %d ms", aimHangP99)),
		fmt.Sprintf("from POST to the nine others, %d events a second", hangRate))
	row("latency", fmt.Sprintf("p50 %.1f ms, p99 %.1f ms", r.P50MS, r.P99MS), judge(r.P99MS < aimP99, fmt.Sprintf("p99 < %d ms", aimP99)),
		fmt.Sprintf("from POST to the receiver, %d events a second", latencyRate))
	if r.DatabaseCPU > 0 {
		row("CPU, database", fmt.Sprintf("%.0f µs a delivery", r.DatabaseCPU), "", "of the database's server, which is on this machine")
	}
	row("CPU", fmt.Sprintf("%.0f µs a delivery", r.CPUPerDelivery), "", fmt.Sprintf("of the server, in process; the bare client: %.0f µs", r.LimitCPU))
	row("disk", fmt.Sprintf("%.0f bytes a delivery", r.BytesPerDelivery), "", "an event with its attempt, log included")
	row("memory", fmt.Sprintf("%.0f MiB", r.RSSMB), "", "the most that the server had resident, a webhook for each event")
	row("delivered wrong", fmt.Sprintf("%d lost, %d out of order", r.Lost, r.Disorder), judge(r.Err() == nil, "none"), fmt.Sprintf("%d came twice, %d unsigned", r.Duplicates, r.Unsigned))
	if f := r.Flat; f != nil {
		row("flat", fmt.Sprintf("%.0f/s, then %.0f/s", f.FirstPerS, f.LastPerS), judge(f.Ratio >= aimFlat, fmt.Sprintf("≥ %.0f %%", 100*aimFlat)),
			fmt.Sprintf("after %d and %d deliveries: %.0f %%; as parts of the limit %.0f %%", flatFirst, f.Deliveries, 100*f.Ratio, 100*f.OfLimits))
	}
	if f := r.Flat; f != nil && len(f.Waiting) > 1 {
		first, last := f.Waiting[0], f.Waiting[len(f.Waiting)-1]
		row("what waits", fmt.Sprintf("%.2f ms, then %.2f ms", first.LookMS, last.LookMS), "",
			fmt.Sprintf("a look into its table, where %d %% fail; to ask for nothing %.2f and %.2f ms; the table had %d and %d KiB",
				f.Failing, first.TripMS, last.TripMS, first.KiB, last.KiB))
	}
	if l := r.Backlog; l != nil {
		row("backlog, memory", fmt.Sprintf("%.0f MiB", l.RSSMB), judge(l.RSSMB < aimBacklogMB, fmt.Sprintf("< %d MiB", aimBacklogMB)),
			fmt.Sprintf("with %d deliveries that wait for a receiver that is down", l.Deliveries))
		row("backlog, start", fmt.Sprintf("%.2f s", l.ReadyS), judge(l.ReadyS < aimReadyS, fmt.Sprintf("< %d s", aimReadyS)), "after kill -9, until it is ready")
		row("backlog, drained", fmt.Sprintf("%.0f/s", l.DrainPerS), "", fmt.Sprintf("once the receiver is well; the first came after %.1f s", l.FirstS))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func judge(met bool, aim string) string {
	if met {
		return aim + ": met"
	}
	return aim + ": missed"
}
