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
	renamed, _ := v.Interface().(source.Fact)
	return renamed
}

// What has ended is forgotten: memory and beliefs do not grow with calls.
func TestForgets(t *testing.T) {
	t.Parallel()
	files := allFacts(t)
	tr, kept := track.New(track.Options{Source: "pbx", Account: "acme"}), keeper{}
	round := func(n int) {
		for _, f := range files[n%len(files)] {
			if _, present := f.(source.Present); present {
				continue
			}
			_, changed := tr.Fold([]source.Fact{rename(f, fmt.Sprint("-", n))})
			kept.keep(changed)
		}
		_, changed := tr.Tick(midnight().Add(time.Duration(n) * time.Second))
		kept.keep(changed)
	}
	for n := range 3000 { // until as much is remembered as may be
		round(n)
	}
	before, beliefs := heap(), len(kept)
	for n := range 6000 {
		round(3000 + n)
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
