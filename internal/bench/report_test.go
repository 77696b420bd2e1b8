package bench

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{3, 1}, 2}, {[]float64{9, 1, 2}, 2}, {[]float64{5, 1, 4, 2}, 3}} {
		before := append([]float64(nil), c.values...)
		if got := median(c.values); got != c.want {
			t.Errorf("the median of %v is %v, want %v", before, got, c.want)
		}
		for i := range before {
			if c.values[i] != before[i] {
				t.Errorf("%v was sorted in place: rounds belong together", before)
			}
		}
	}
}

func TestRounded(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]float64{0: 0, 58557.8146: 58560, 0.233744: 0.2337, 2.195: 2.195, 17.15014: 17.15, -12345: -12350, 999.96: 1000} {
		if got := rounded(v); got != want {
			t.Errorf("%v becomes %v, want %v", v, got, want)
		}
	}
}

// Ratios are of the same round: a machine that slows down between rounds makes
// the medians of the speeds say something else.
func TestRatiosAreOfTheirOwnRound(t *testing.T) {
	t.Parallel()
	r := &Report{}
	at := func(perSecond int64) phase { return phase{deliveries: perSecond, took: time.Second, cpu: time.Second} }
	r.round(at(1000), at(700), at(600), at(500))
	r.round(at(100), at(80), at(60), at(10))
	r.round(at(500), at(250), at(50), at(100))
	r.finish()
	if r.Rounds != 3 || r.LimitPerS != 500 || r.InProcessPerS != 250 || r.RatioInProcess != 0.7 || r.RatioBatch != 0.6 || r.RatioSingle != 0.2 || r.LimitCPU != 2000 {
		t.Errorf("%+v", r)
	}
}

func TestWhatWasBrokenIsSaid(t *testing.T) {
	t.Parallel()
	r := &Report{}
	r.note(phase{deliveries: 10, tally: tally{Total: 12, Distinct: 10}})
	if r.Err() != nil || r.Duplicates != 2 { // at least once: a repeat breaks no promise
		t.Errorf("%v, %+v", r.Err(), r)
	}
	r.note(phase{deliveries: 10, tally: tally{Total: 8, Distinct: 7, Disorder: 2, Unsigned: 1}})
	const want = "3 deliveries were lost; 2 deliveries came in the wrong order; 1 deliveries came without a signature"
	if err := r.Err(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	r := &Report{
		Store: "SQLite", FileSystem: "tmpfs", RatioInProcess: 0.66, RatioBatch: 0.54, P99MS: 4.9, HangHealthyP99MS: 51,
		Flat: &Flatness{Ratio: 0.9, FirstPerS: 10, LastPerS: 9}, Backlog: &Backlog{RSSMB: 300, ReadyS: 1},
	}
	var b strings.Builder
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"on SQLite", "data on tmpfs", "choose a real disk", "66 % of the limit  ≥ 65 %: met", "54 % of the limit  ≥ 55 %: missed",
		"< 50 ms: missed", "p99 < 5 ms: met", "≥ 85 %: met", "< 200 MiB: missed", "< 5 s: met", "none: met",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, b.String())
		}
	}
}

// The limit is to be read at a glance, so that nobody need believe us.
func TestTheLimitIsShort(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("limit.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n > 40 {
		t.Errorf("limit.go has %d lines, and promises 40 at most", n)
	}
}

func TestDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, size := range map[string]int{"a": 10, "b/c": 32} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if size, err := sizeOf(dir); err != nil || size != 42 {
		t.Errorf("%d, %v", size, err)
	}
	if runtime.GOOS == "linux" && (filesystem("/proc/self") != "proc" || filesystem(dir) == "") {
		t.Errorf("/proc is on %q, %s on %q", filesystem("/proc/self"), dir, filesystem(dir))
	}
}
