package track_test

import (
	"fmt"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/track"
)

// rename gives a fact's legs and calls other ids.
func rename(f source.Fact, suffix string) source.Fact {
	v := reflect.New(reflect.TypeOf(f)).Elem()
	v.Set(reflect.ValueOf(f))
	for _, name := range []string{"Leg", "Call", "From", "To", "Bridge", "AgentLeg", "TargetLeg", "Transferee", "Target", "Twin", "Retriever"} {
		if m := v.FieldByName(name); m.IsValid() && m.Kind() == reflect.String && m.String() != "" {
			m.SetString(m.String() + suffix)
		}
	}
	renamed, _ := reflect.TypeAssert[source.Fact](v)
	return renamed
}

// What has ended is forgotten: memory and beliefs do not grow with calls.
func TestForgets(t *testing.T) {
	t.Parallel()
	files := allFacts(t)
	tr, kept := track.New(track.Options{Source: "pbx", Account: "acme"}), keeper{}
	round := func(n int) {
		for _, f := range files[n%len(files)] {
			_, changed := tr.Fold([]source.Fact{rename(f, fmt.Sprint("-", n))})
			kept.keep(changed)
		}
		_, changed := tr.Fold([]source.Fact{source.Present{When: source.When(midnight().Add(time.Hour))}})
		kept.keep(changed)
	}
	for n := range 850 { // until as much is remembered as may be
		round(n)
	}
	before, beliefs := heap(), len(kept)
	for n := range 200 {
		round(850 + n)
	}
	if after := heap(); after > before+before/2+1<<20 {
		t.Errorf("memory grew from %d to %d", before, after)
	}
	if len(kept) > beliefs+100 {
		t.Errorf("beliefs grew from %d to %d", beliefs, len(kept))
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Whoever has a wrong password tries it again and again.
func TestFailedRegistrations(t *testing.T) {
	t.Parallel()
	tr := track.New(track.Options{Source: "pbx", Account: "acme"})
	failed := func(device string, second int) int {
		at := source.When(midnight().Add(time.Duration(second) * time.Second))
		events, _ := tr.Fold([]source.Fact{source.Registered{When: at, Device: device, IP: "10.0.0.1", Status: "failed"}})
		return len(events)
	}
	for _, c := range []struct {
		device       string
		second, want int
	}{{"101", 0, 1}, {"101", 1, 0}, {"102", 1, 1}, {"101", 59, 0}, {"101", 61, 1}} {
		if got := failed(c.device, c.second); got != c.want {
			t.Errorf("%s at %d: %d events", c.device, c.second, got)
		}
	}
}
